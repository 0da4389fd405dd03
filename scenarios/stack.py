"""The composition root: what is served on one port, put together."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

import core
from core.errors import MachineError
from core.gateway.app import gateway_app
from mocks.app import ABORT, App, Face, say
from mocks.clock import machine_s
from mocks.control.app import control_app
from mocks.control.phones import Phones
from mocks.idnet.server import IdNetFace
from mocks.metrics import metrics_app
from mocks.rest_app import rest_app
from mocks.sanctions.server import SanctionsFace
from mocks.tencent import TencentFace
from mocks.wechat.server import WeChatFace
from mocks.wire import Reply, Request, headers_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from core.gateway.door import Find
    from core.gateway.reception import Reception
    from mocks.app import Application
    from mocks.plugins import Plugin
    from mocks.tenant import Tenants

LOOPBACK = "127.0.0.1"
HEAD_MAX = 1024 * 1024  # bytes of a request's head: above what any client of a vendor sends
GRACE_S = 0.5  # what is being served when the server ends has so long to be done
BACKLOG = 2048  # a short one resets connections when customers come in bursts
SHORT_DIGITS = 5  # of the length of a body that is read whole before it is looked at
SHORT = {b"GET": "GET", b"POST": "POST"}
UNUSUAL = frozenset(("transfer-encoding", "expect", "upgrade"))  # headers
STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus
    if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED) and status >= HTTPStatus.OK
}
REST = ("corebank", "bureau", "registry", "acquirer", "evidence", "tsa")


class Breakable(HttpToolsProtocol):
    """uvicorn's protocol, with a way for the application to break the connection.

    uvicorn tells only the last request of a connection that its client is gone; here all hear it,
    so that nobody goes on being silent to a client who sent several at once. And the head of a
    request has a limit, which uvicorn sets for its other parser only.
    """

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._cycles: list[RequestResponseCycle] = []
        self._head = 0  # bytes of a request whose head is not complete; -1: it is

    def data_received(self, data: bytes) -> None:
        """Read on, unless a request's head is too long."""
        if self._head >= 0:
            self._head += len(data)
            if self._head > HEAD_MAX:
                self.send_400_response(f"A request's head has at most {HEAD_MAX} bytes.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to count the bytes of a head."""
        self._head = max(0, self._head)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header in; what trails a body is nobody's business, and has no limit."""
        if self._head >= 0:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the way out on the scope, before the application runs."""
        self._head = -1
        super().on_headers_complete()
        self._cycles = [each for each in self._cycles if not each.response_complete]
        self._cycles.append(self.cycle)
        cast("dict[str, Any]", self.scope)[ABORT] = partial(break_off, self.cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that its client is gone."""
        super().connection_lost(exc)
        for cycle in self._cycles:
            cycle.disconnected = cycle.disconnected or not cycle.response_complete
            cycle.message_event.set()
        self._cycles.clear()


class Answers:
    """Answers of one server that are sent together, once all that has come was looked at.

    A sent answer wakes its client, and the machine turns from our work to the client's and back: to
    send one by one costs a third of the time that a server under load has. What is alone is sent
    at once.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.WriteTransport, bytes]] = []

    def put(self, transport: asyncio.WriteTransport, answer: bytes) -> None:
        """Have an answer sent with the others, behind those before it."""
        if not self._waiting:
            loop = asyncio.get_running_loop()
            if not getattr(loop, "_ready", True):  # asyncio's own list of what is to be done next
                transport.write(answer)
                return
            loop.call_soon(self.send)
        self._waiting.append((transport, answer))

    def send(self) -> None:
        """Send all there are."""
        waiting, self._waiting = self._waiting, []
        for transport, answer in waiting:
            transport.write(answer)


class Prompt(Breakable):
    """Answers a short request at once and without a task, where nothing is waited for.

    That is what most requests of a load are, and uvicorn's way costs several times what answering
    them does. Whatever is long, waited for, or not asked in the plainest form of HTTP/1.1, goes
    uvicorn's way, from its head on or from where it has to wait. Between two short requests a
    connection is not closed for being idle: on loopback it ends with its client.
    """

    def __init__(self, *parts: Any, answers: Answers, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._application = cast("App", self.config.app)
        self._answers = answers
        self._short: Head | None = None  # None: this request goes uvicorn's way
        self._body = b""
        self._common_of: Any = None
        self._common = b""

    def on_message_begin(self) -> None:
        """Begin a request; uvicorn's scope is made for those that need one."""
        if self._head < 0:
            self._head = 0
        self.url, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if self._head >= 0:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the way of a request."""
        self._head = -1
        self._body = b""
        self._short = None if self._is_busy() else self._head_of()
        if self._short is None:
            self._go_uvicorns_way(self.app)

    def _is_busy(self) -> bool:
        """Whether an earlier request, or its answer, is still on its way."""
        if self._cycles and not self._cycles[-1].response_complete:
            return True
        return bool(self.pipeline) or self.flow.write_paused

    def _head_of(self) -> Head | None:
        """Return the head of a request that may be answered at once, None of any other."""
        url, method = self.url, SHORT.get(self.parser.get_method())
        if method is None or url[:1] != b"/" or b"%" in url or b"#" in url:
            return None
        headers = headers_of(self.headers)
        if len(headers.get("content-length", "")) > SHORT_DIGITS or not UNUSUAL.isdisjoint(headers):
            return None
        if not self.parser.should_keep_alive() or self.parser.get_http_version() != "1.1":
            return None
        raw, _, query = url.partition(b"?")
        path = raw.decode("ascii")
        first = path.lstrip("/").partition("/")[0]
        if not self._application.is_short(first):
            return None
        return Head(first, method, path, query, headers)

    def _go_uvicorns_way(self, app: Any) -> None:
        """Have uvicorn make a task of a request whose head is read."""
        url, headers, own = self.url, self.headers, self.app
        super().on_message_begin()
        self.url, self.app = url, app
        for name, value in headers:
            super().on_header(name, value)
        try:
            super().on_headers_complete()
        finally:
            self.app = own

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        if self._short is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer, or begin to."""
        if self._short is None:
            super().on_message_complete()
            return
        first, method, path, query, headers = self._short
        body, context = self._body, copy_context()
        request = Request(method, path, query, headers, body, headers.get("host", ""))
        answer = context.run(self._application.begin, first, request)
        if type(answer) is Reply:
            status, content, content_type, more = answer
            line = STATUS_LINES.get(status)
            if line is not None and not more:
                told = f"content-type: {content_type}\r\ncontent-length: {len(content)}\r\n\r\n"
                head = line + self._told() + told.encode("latin-1")
                self._answers.put(self.transport, head + content)
                return
            answer = partial(say, answer)
        context.run(self._go_uvicorns_way, answer)
        super().on_body(body)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, behind the answers to what came before it."""
        self._answers.send()
        super().send_400_response(msg)

    def shutdown(self) -> None:
        """Close, when what is answered is sent."""
        self._answers.send()
        super().shutdown()

    def _told(self) -> bytes:
        """Return the headers that uvicorn puts on every answer."""
        headers = self.server_state.default_headers
        if headers is not self._common_of:
            self._common_of = headers
            self._common = b"".join([b"%s: %s\r\n" % header for header in headers])
        return self._common


class Head(NamedTuple):
    """The head of a short request, and the first segment of its path."""

    first: str
    method: str
    path: str
    query: bytes
    headers: dict[str, str]


def break_off(cycle: RequestResponseCycle) -> None:
    """Reset the connection of a request (RST: it does not linger), as a failing line does."""
    cycle.disconnected = True  # nobody is to be told any more, not even that something failed
    if cycle.transport.is_closing():
        return
    server = cycle.transport.get_extra_info("socket")
    if server is not None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cycle.transport.abort()


def app_of(
    tenants: Tenants,
    token: str = "",
    added: Iterable[Plugin] = (),
    find: Find | None = None,
    desk: Application | None = None,
    open_now: Callable[[], Iterable[Reception]] = tuple,
) -> App:
    """Return the whole of what is served for some tenants.

    ``token`` opens the control plane; ``added`` are providers of plugins, beside ours; ``find``
    returns the reception of a tenant's platform, where one is served, and ``desk`` is its
    operator's. ``open_now`` tells who is being served, for the metrics.
    """
    wechat, sanctions = WeChatFace(tenants), SanctionsFace(tenants)
    guests = [plugin.service for plugin in added if plugin.service is not None]
    tencent, rest = TencentFace(tenants, machine_s), rest_app(tenants, guests)
    control = control_app(tenants, Phones(wechat, tencent), token, core.__version__)
    faces: dict[str, Face] = {
        **dict.fromkeys(("sns", "cgi-bin", "wxa"), wechat),
        "idnet": IdNetFace(tenants),
        **dict.fromkeys(
            ("match", "search", "entities", "catalog", "algorithms", "healthz", "readyz"), sanctions
        ),
    }
    names = (*REST, *(service.name for service in guests))
    applications: dict[str, Any] = {**dict.fromkeys(names, rest), "_control": control}
    counted = []
    if find is not None:
        gateway = applications["api"] = gateway_app(find, core.__version__)
        gateway.watch.metrics.receptions = open_now
        counted.append(gateway.watch.metrics)
    if desk is not None:
        applications["_operator"] = desk
    applications["metrics"] = metrics_app(tenants, token, core.__version__, counted)
    return App(tencent, faces, applications)


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 takes any.

    Raises:
        MachineError: the port is taken.
    """
    # Told to be TCP: else asyncio leaves Nagle's algorithm on, and answers wait for 40 ms.
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((LOOPBACK, port))
        server.listen(BACKLOG)
    except OSError as taken:
        server.close()
        problem = f"port {port} of {LOOPBACK}: {taken.strerror}"
        raise MachineError(problem, "choose another with --port, or 0 for any") from taken
    return server


class Embedded(uvicorn.Server):
    """uvicorn inside somebody else's loop: signals are not its business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals as they are."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests be done that soon are, break off those that wait, then end as uvicorn does.

        uvicorn itself would cancel them too, but complain of each.
        """
        tasks = self.server_state.tasks
        if tasks:
            await asyncio.wait(list(tasks), timeout=GRACE_S)
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(list(tasks), timeout=GRACE_S)
        for server in self.servers:
            server.close()
        # A task that never ran leaves its connection open, and nobody to answer on it.
        for connection in list(self.server_state.connections):
            connection.transport.close()
        await super().shutdown(sockets)


def server_of(app: Application, kind: type[uvicorn.Server] = uvicorn.Server) -> uvicorn.Server:
    """Return uvicorn, set up for this application: no access log, connections can be broken."""
    config = uvicorn.Config(
        app,
        http=cast(
            "Any", partial(Prompt, answers=Answers()) if hasattr(app, "begin") else Breakable
        ),
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        backlog=BACKLOG,
        server_header=False,
        proxy_headers=False,  # nobody stands between: who says so is not believed
        timeout_graceful_shutdown=1,
    )
    return kind(config)


@asynccontextmanager
async def served(app: Application, port: int = 0) -> AsyncIterator[int]:
    """Serve an application in the running loop; yield its port."""
    server, listening = server_of(app, Embedded), listen(port)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.001)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task
