"""The proxy: passes a request to the real endpoint, its answer back, and both to the recorder.

What fails there fails here: a connection that cannot be had, that breaks or brings bytes that are
no HTTP is reset, an answer that breaks off breaks off, and silence is silence until the client
gives up. Only what no answer can show (a body that is too long, a request for another host) is said
in words.

An exchange is on the disk before its client has the answer: whatever a client saw is recorded.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from core.errors import NotDone, TimedOut
from mocks.app import ABORT
from mocks.proxy.exchange import Answer, Asked, RawHeaders, Seen
from mocks.proxy.upstream import TOO_LONG, Upstream
from mocks.wire import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from mocks.proxy.recorder import Recorder

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

SILENCE_S = 300.0  # after so long nobody is waited for any more
BARE = frozenset((204, 304))  # statuses without a body
TITLES = {413: "Content Too Large", 421: "Misdirected Request", 502: "Bad Gateway"}


class Proxy:
    """The application. After ``silence_s`` seconds an endpoint is not waited for any more."""

    def __init__(
        self, upstream: Upstream, recorder: Recorder, silence_s: float = SILENCE_S
    ) -> None:
        self._upstream, self._recorder = upstream, recorder
        self._host = upstream.target.host.lower()
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return
        headers: RawHeaders = list(scope["headers"])
        if not self._is_ours(headers):
            await say(421, f"this stands before {self._host}, and sends nothing elsewhere", send)
            return
        body = await read(receive)
        if body is None:
            return  # its client is gone
        if len(body) > BODY_MAX:
            await say(413, f"a body of more than {BODY_MAX:,} bytes", send)
            return
        asked = Asked(scope["method"], target_of(scope), headers, body)
        try:
            seen = await self._pass(asked, receive)
            await asyncio.wrap_future(self._recorder.add(asked, seen))
        except asyncio.CancelledError:  # the proxy ends
            _break(scope)
            return
        await show(seen, scope, send)

    def _is_ours(self, headers: RawHeaders) -> bool:
        """Whether a request is meant for the target, or for whoever stands here.

        A client that takes the proxy for everybody's must not show one host's secrets to another.
        """
        told = next((value for name, value in headers if name == b"host"), b"")
        host = told.decode("latin-1").strip().lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return name in ("", "localhost", "[::1]", self._host) or name.startswith("127.")

    async def _pass(self, asked: Asked, receive: Receive) -> Seen:
        """Ask the endpoint, until it answers, the client gives up, or both are silent too long."""
        begun: list[float] = []
        answer = asyncio.create_task(self._upstream.ask(asked, begun.append))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait(
                {answer, gone}, timeout=self._silence_s, return_when=asyncio.FIRST_COMPLETED
            )
            if answer.done():
                return answer.result()
        finally:
            answer.cancel()
            gone.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)
        took_s = self._upstream.seconds() - begun[0] if begun else 0.0
        detail = "ClientGone" if gone.done() and not gone.cancelled() else "Silence"
        return Seen(TimedOut.__name__, detail, took_s)


async def read(receive: Receive) -> bytes | None:
    """Read a body; None where its client went away. Of one too long only so much is kept."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= BODY_MAX:
            body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def target_of(scope: Scope) -> bytes:
    """Return path and query as they came; of the form that proxies are sent, without the host."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def show(seen: Seen, scope: Scope, send: Send) -> None:
    """Let the client see what the endpoint showed."""
    answer = seen.answer
    if answer is not None and seen.detail != TOO_LONG:
        await _write(answer, scope, send)
    elif answer is not None:
        await say(502, f"the answer has more than {BODY_MAX:,} bytes", send)
    elif seen.outcome == NotDone.__name__:
        await say(502, f"it cannot be sent as it is ({seen.detail})", send)
    else:
        _break(scope)


async def _write(answer: Answer, scope: Scope, send: Send) -> None:
    """Pass an answer on; one that broke off breaks off here. The day is told by our own server."""
    dropped = {b"date", b"content-length"} if answer.status in BARE else {b"date"}
    headers = [
        (name.lower(), value) for name, value in answer.headers if name.lower() not in dropped
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    more = not answer.whole
    await send({"type": "http.response.body", "body": answer.body, "more_body": more})
    if more:
        _break(scope)


def _break(scope: Scope) -> None:
    """Break the connection, where the server can."""
    abort = scope.get(ABORT)
    if abort is not None:
        abort()


async def say(status: int, detail: str, send: Send) -> None:
    """Answer in the proxy's own words (RFC 9457)."""
    told = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = json.dumps(told, ensure_ascii=False).encode()
    await send({"type": "http.response.body", "body": body})
