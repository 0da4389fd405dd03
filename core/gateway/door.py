"""The door: everything that is the same for every request, looked at in one place.

Which platform is meant, how long a body may be, who asks, whether they are at their own bank, and
whether the same write was answered before. Behind it stands a plain application that knows its
reception and its guest, and reads bodies whole.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from core.adapters.http import machine_s
from core.channel import ChannelError
from core.gateway import sealed
from core.gateway.callbacks import PATH as CALLBACKS
from core.gateway.problems import Problem, say
from core.gateway.replies import Answer
from core.gateway.routes.ground import GUEST, RECEPTION
from core.gateway.watch import KEY, Watch
from core.store.records import Front

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from core.gateway.reception import Reception
    from core.gateway.sessions import Guest
    from core.gateway.watch import Seen

    Find = Callable[[str], Reception | Awaitable[Reception | None] | None]

LOG = logging.getLogger(__name__)

PLATFORM_HEADER = "x-loanrange-tenant"
BODY_MAX = 64 * 1024
PICTURE_MAX = 10 * 1024 * 1024 + 1  # one more, so that what is too large is told so
BEARER = "Bearer "
STAFF = "/api/v1/staff/"  # who come with tokens of another kind
_VISIT = re.compile(r"(?:^|,)\s*lr\.visit=([^,;\s]{1,32})")
_OF_BANK = re.compile(r"/api/v1/banks/([^/]*)(/.*)?", re.DOTALL)
LOGINS = frozenset({"/sessions", *(f"/sessions/{front}" for front in Front)})
# Under a bank, without a session.
OPEN = frozenset({"", "/", "/products", "/texts", *LOGINS})
CHANNEL = "/channel"
ONCE = frozenset({"POST"})  # PUT and DELETE are idempotent as they are (RFC 9110, 9.2.2)


class Door:
    """The gateway as an ASGI application; ``find`` returns the reception of a platform by name.

    One that must be opened first, as a database is, is awaited.
    """

    def __init__(self, app: ASGIApp, find: Find) -> None:
        self._app = app
        self._find = find
        self.watch = Watch(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        try:
            with self.watch.request(scope) as seen:
                answer = seen.answered(await self._serve(scope, receive, seen))
        except Problem as problem:
            await say(problem, send)
            return
        if answer is not None:
            raw = [(name.encode(), value.encode()) for name, value in answer.headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            await send({"type": "http.response.body", "body": answer.body})

    async def _serve(self, scope: Scope, receive: Receive, seen: Seen) -> Answer | None:
        """Return the answer to a request; None where its client is gone."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        found = self._find(headers.get(PLATFORM_HEADER, "") or _named(scope))
        reception = await found if isinstance(found, Awaitable) else found
        if reception is None:
            raise Problem("not-found", "There is no such platform.")
        seen.at(reception)
        await _enter(reception, headers.get("baggage", ""))
        if headers.get("content-encoding", "identity") != "identity":
            raise Problem("unsupported", "The body is packed: send it as it is.")
        body = await _body(receive, _longest(scope["path"]))
        if body is None:
            return None
        if scope["path"] == sealed.PATH and scope["method"] == "POST":
            return await self._unsealed(reception, scope, body)
        guest = None
        shown = headers.get("authorization")
        if shown is not None and not scope["path"].startswith(STAFF):
            guest = reception.sessions.find(shown.removeprefix(BEARER), reception.now_s)
            if guest is None or not shown.startswith(BEARER):
                raise Problem("no-session")
            if guest.bank in reception.sealed_only and not scope["path"].endswith(CHANNEL):
                raise Problem("plain")
        return await self.answer(reception, guest, scope, headers, body)

    async def _unsealed(self, reception: Reception, scope: Scope, envelope: bytes) -> Answer:
        """Open an envelope, serve what is in it, and seal the answer.

        Raises:
            Problem: it does not open, or its session is over; whoever sent it is told no more.
        """
        try:
            channel, opened = reception.channels.open(envelope, machine_s())
        except ChannelError as no:
            raise sealed.refused("not-sealed", no) from no
        guest = reception.sessions.bound(channel.binding.session_id, reception.now_s)
        inner = sealed.inner_scope(scope, opened.request)
        try:
            if guest is None:
                reception.channels.drop(channel.binding.session_id)
                raise Problem("no-session")
            if inner["path"] == sealed.PATH:
                raise Problem("malformed", "An envelope holds no other envelope.")
            _require_fits(len(opened.request.body), _longest(inner["path"]))
            told = dict(opened.request.headers)
            answer = await self.answer(reception, guest, inner, told, opened.request.body)
        except Problem as problem:
            answer = Answer(problem.status, tuple(problem.headers().items()), problem.body())
        inner[KEY].inside(answer)
        if sealed.looked_into_a_face(opened.request, answer):
            channel.require_rekey()
        body = channel.seal(opened, sealed.to_seal(answer))
        return Answer(
            200, (("content-type", sealed.MEDIA), ("content-length", str(len(body)))), body
        )

    async def answer(
        self,
        reception: Reception,
        guest: Guest | None,
        scope: Scope,
        headers: dict[str, str],
        body: bytes,
    ) -> Answer:
        """Return the answer to a request of somebody who is known by now.

        Raises:
            Problem: they may not ask this.
        """
        scope[KEY].knows(guest, scope)
        of_bank = _OF_BANK.fullmatch(scope["path"])
        if of_bank is not None and (of_bank[2] or "") not in OPEN:
            if guest is None:
                raise Problem("no-session")
            if guest.bank != of_bank[1]:
                raise Problem("other-bank")

        limits = reception.limits
        bank = of_bank[1] if of_bank is not None else ""
        if guest is not None:
            limits.take(limits.rules.customer, "customer", *guest.key)
        elif of_bank is not None and of_bank[2] in LOGINS:
            limits.take(limits.rules.logins, "logins", bank)

        async def do() -> Answer:
            # Only a bank of ours has places: else whoever makes names up could fill the memory.
            async with limits.place(bank if bank in reception.platform.banks else ""):
                return await self._run(reception, guest, scope, body)

        if guest is None or scope["method"] not in ONCE or not _is_write(of_bank):
            return await do()
        query = scope["query_string"].decode("latin-1")
        asked = f"{scope['method']} {scope['path']}?{query}"
        key = headers.get("idempotency-key", "")
        return await reception.replies.once(guest.key, key, (asked, body), do)

    async def _run(
        self, reception: Reception, guest: Guest | None, scope: Scope, body: bytes
    ) -> Answer:
        """Have the application answer; what breaks in it is told as a bug, and nothing of it."""
        inner = {**scope, "state": {RECEPTION: reception, GUEST: guest}}
        caught = _Caught(body)
        try:
            await self._app(inner, caught.receive, caught.send)
        except asyncio.CancelledError:
            raise
        except BaseException as bug:
            reception.broken = bug
            if not reception.quiet:
                shape = _shape(scope["path"])
                LOG.error("%s %s broke: %s", scope["method"], shape, type(bug).__name__)
            if isinstance(bug, (KeyboardInterrupt, SystemExit)):
                raise
            raise Problem("broken") from bug
        return Answer(caught.status, tuple(caught.headers), b"".join(caught.parts))


class _Caught:
    """Both ends of one request inside: its body, and what is answered."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.parts: list[bytes] = []

    async def receive(self) -> Message:
        """Hand the body out, once."""
        if self._body is None:
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Catch a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message["headers"]
            ]
        else:
            self.parts.append(message.get("body", b""))


async def _enter(reception: Reception, baggage: str) -> None:
    """Serve a request in the time of its visit, where each visit has a time of its own.

    Only the hosts of stories and benchmarks have such clocks; a bank's clock is one for all.
    """
    enter: Any = getattr(reception.platform.clock, "enter", None)
    told = _VISIT.search(baggage)
    if enter is not None and told is not None:
        await enter(told[1])


def _is_write(of_bank: re.Match[str] | None) -> bool:
    """Whether a POST by somebody who is logged in changes anything that is kept."""
    return of_bank is None or of_bank[2] not in (*OPEN, CHANNEL)


def _named(scope: Scope) -> str:
    """Return the platform that a callback is meant for: who calls back sends no header of ours."""
    if scope["path"] != CALLBACKS:
        return ""
    named = parse_qs(scope["query_string"].decode("latin-1")).get("platform")
    return named[0] if named else ""


def _longest(path: str) -> int:
    return PICTURE_MAX if "/uploads/" in path or path == sealed.PATH else BODY_MAX


def _require_fits(size: int, longest: int) -> None:
    if size > longest:
        raise Problem("too-large", f"A body here has at most {longest:,} bytes.")


async def _body(receive: Receive, longest: int) -> bytes | None:
    """Return a body, None where its client went away.

    Raises:
        Problem: it is too long.
    """
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        _require_fits(size, longest)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _shape(path: str) -> str:
    """Return a path without what names a customer's own."""
    return re.sub(r"/[A-Z][0-9a-f]{24}", "/*", path)[:200]
