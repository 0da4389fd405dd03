"""One port, every provider: a raw ASGI dispatcher in front of the faces.

The hot paths, Tencent, WeChat, the ID network and screening, are plain functions of bytes; the
project's own REST providers and the control plane are ASGI applications behind it. What the
transport is to show, a reset, silence, bytes that are no answer, is done here.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import ClientDisconnect

from core.errors import ConnectionLost, InputError, TimedOut, Unreachable, Unreadable
from mocks.baggage import visit_of
from mocks.line import FaultKind, Phase
from mocks.rest_problems import NO_ANSWER
from mocks.tenant import CROSSING, Crossing, NoAnswer, WrongCase
from mocks.wire import BODY_MAX, Reply, Request, headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping

    from mocks.line import Fault

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

READ_MAX = 4 * BODY_MAX  # what is too long is read on so far, so that its client hears of it
PIECES = 8  # of an answer whose bytes come slowly
SILENCE_S = 300.0  # after so long even a dropped connection is closed
ABORT = "loanrange.abort"  # in the scope: how to break the connection, where the server can
# For our own clients, whose business time jumps: what they are to see, told at once.
SEEN_HEADER = "x-loanrange-seen"


class Face(Protocol):
    """A provider's server half."""

    async def serve(self, request: Request) -> Reply:
        """Answer one request."""
        ...


class App:
    """The dispatcher: the first segment of the path names the face."""

    def __init__(
        self,
        tencent: Face,
        faces: dict[str, Face],
        applications: dict[str, Application],
        console: str = "/console",
    ) -> None:
        """``faces`` and ``applications`` by first segments of paths."""
        self._tencent = tencent
        self._faces = faces
        self._applications = applications
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return  # a websocket: closing is the server's
        await _shown(self._serve, Crossing(), scope, receive, send)

    def is_short(self, first: str) -> bool:
        """Whether what is asked for under a first segment may be answered by :meth:`begin`."""
        return first not in self._applications

    def begin(self, first: str, request: Request) -> Reply | Application:
        """Answer at once, if nothing is waited for; else return what goes on with the request.

        For a server that reads requests whole and wants no task for each. What goes on is an
        application, to be run in the context of this call; the body was read.
        """
        crossing = Crossing()
        CROSSING.set(crossing)
        work = self._answer(first, request)
        try:
            waited = work.send(None)
        except StopIteration as end:
            reply: Reply = end.value
            if not crossing.slow_s:
                return reply
            return partial(_shown, partial(say, reply), crossing)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  raised again there
            return partial(_shown, partial(_fail, error), crossing)
        return partial(_shown, partial(_go_on, work, waited), crossing)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].lstrip("/").partition("/")[0]
        application = self._applications.get(first)
        if application is not None:
            await _apply(application, scope, receive, send)
            return
        request = await read(scope, receive)
        if request is not None:  # else its client is gone
            await write(await self._answer(first, request), send)

    async def _answer(self, first: str, request: Request) -> Reply:
        face = self._faces.get(first)
        if face is None:
            tencents = is_tencents(request)
            if request.path == "/" and not tencents and request.method in ("GET", "HEAD"):
                return Reply(307, b"", headers=(("location", self._console),))
            if request.path != "/" and not tencents:
                return problem(404, f"nobody is served at {request.path[:80]!r}")
            face = self._tencent
        try:
            return await face.serve(request)
        except InputError as wrong:  # a tenant that nobody opened
            return problem(400, str(wrong))


async def _shown(
    serve: Application, crossing: Crossing, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one request; where there is to be no answer, show what the network would show."""
    outer = CROSSING.set(crossing)
    try:
        try:
            await serve(scope, receive, slowly(send, crossing))
        except NoAnswer as no:
            await show(no, scope, receive, send)
    except asyncio.CancelledError:  # its tenant is gone, or the server ends
        abort = scope.get(ABORT)
        if abort is None:
            raise
        abort()
    finally:
        CROSSING.reset(outer)


async def say(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Be an application that always answers the same."""
    del scope, receive
    await write(reply, send)


async def _fail(error: BaseException, scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send
    raise error


async def _go_on(work: Any, waited: Any, scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await write(await _rest(work, waited), send)


@coroutine
def _rest(work: Coroutine[Any, Any, Reply], waited: Any) -> Generator[Any, Any, Reply]:
    """Wait for what a coroutine waits for that began outside any task, and go on with it."""
    try:
        while True:
            try:
                sent = yield waited
            except BaseException as thrown:  # noqa: BLE001  it is the coroutine's to handle
                waited = work.throw(thrown)
            else:
                waited = work.send(sent)
    except StopIteration as end:
        reply: Reply = end.value
        return reply


async def _apply(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an application answer a body that is not too long.

    Raises:
        NoAnswer: one of its routes says that there is no answer.
    """
    size = 0

    async def measured() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        while size > BODY_MAX and message.get("more_body"):
            message = await receive()
            size += len(message.get("body", b""))
            if size > READ_MAX:
                break
        # An application that heard the beginning only must not take it for the whole.
        return {"type": "http.disconnect"} if size > BODY_MAX else message

    async def unless_none(message: Message) -> None:
        if NO_ANSWER not in scope and size <= BODY_MAX:
            await send(message)

    with suppress(ClientDisconnect):
        await application(scope, measured, unless_none)
    if NO_ANSWER in scope:
        raise scope[NO_ANSWER]
    if size > BODY_MAX:
        await write(too_long(), send)


def is_tencents(request: Request) -> bool:
    """Whether a request is signed for Tencent Cloud, in whatever way."""
    return (
        "x-tc-action" in request.headers
        or request.headers.get("authorization", "").startswith("TC3-")
        or b"Signature=" in request.query
        or request.method == "POST"
    )


async def read(scope: Scope, receive: Receive) -> Request | None:
    """Read a request whole; None where its client went away.

    What is too long is not kept whole; its face finds it too long all the same.
    """
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= BODY_MAX + len(part):
            parts.append(part)
        if not message.get("more_body") or size > READ_MAX:
            break
    headers = headers_of(scope["headers"])
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"],
        headers,
        b"".join(parts),
        headers.get("host", ""),
    )


async def write(reply: Reply, send: Send) -> None:
    """Send a reply."""
    headers = [
        (b"content-type", reply.content_type.encode("latin-1")),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def slowly(send: Send, crossing: Crossing) -> Send:
    """Return ``send`` with the time that an answer's bytes take, in pieces of the same size."""

    async def in_pieces(message: Message) -> None:
        clock, slow_s = crossing.clock, crossing.slow_s
        if clock is None or not slow_s or message["type"] != "http.response.body":
            await send(message)
            return
        body, crossing.slow_s = message.get("body", b""), 0.0
        step = -(-len(body) // PIECES) or 1
        for number in range(PIECES):
            await clock.serve(slow_s / PIECES)
            piece = body[number * step : (number + 1) * step]
            more = number < PIECES - 1 or message.get("more_body", False)
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return in_pieces


async def show(no: NoAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the client see no answer.

    A client whose own business time jumps (its baggage tells a visit) is told at once; everybody
    else sees what the network would show.
    """
    if isinstance(no, WrongCase):
        await write(problem(400, no.problem), send)
        return
    assert no.error in (TimedOut, ConnectionLost, Unreachable, Unreadable)
    baggage = headers_of(scope["headers"]).get("baggage", "")
    if visit_of(baggage) and no.error is not Unreadable:
        await write(Reply(503, b"", headers=((SEEN_HEADER, no.error.__name__),)), send)
        return
    if no.error is Unreadable and not is_cut(no.fault):
        await write(Reply(200, b"\x00\xffgarbage{", "application/octet-stream"), send)
        return
    if is_cut(no.fault):
        await _begin(send)
    if no.error is TimedOut:
        await _silence(receive)
    abort = scope.get(ABORT)
    if abort is not None:
        abort()
    elif not is_cut(no.fault):  # a server that cannot break a connection says so
        await write(Reply(502, b"", "text/plain"), send)


def is_cut(fault: Fault | None) -> bool:
    """Whether a fault strikes in the middle of the answer: its beginning is seen."""
    if fault is None or fault.phase is not Phase.MID_RESPONSE:
        return False
    return fault.kind in (FaultKind.RESET, FaultKind.DROP)


async def _silence(receive: Receive) -> None:
    """Wait until the client gives up."""
    try:
        async with asyncio.timeout(SILENCE_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _begin(send: Send) -> None:
    """Send the beginning of an answer."""
    head = [(b"content-type", b"application/json"), (b"content-length", b"600")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b'{"Resp', "more_body": True})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def too_long() -> Reply:
    """Return what is said to a body that no vendor takes."""
    return problem(413, f"a body of more than {BODY_MAX:,} bytes")


def problem(status: int, detail: str) -> Reply:
    """Return an error of nobody's in particular (RFC 9457)."""
    titles = {400: "Bad Request", 404: "Not Found", 413: "Content Too Large"}
    said = {"type": "about:blank", "title": titles[status], "status": status, "detail": detail}
    return Reply(status, json.dumps(said).encode(), "application/problem+json")
