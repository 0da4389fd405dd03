"""The composition root: what is served on one port, put together."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import core
from core.errors import MachineError
from mocks.app import ABORT, App, Face
from mocks.clock import machine_s
from mocks.control import control_app
from mocks.idnet.server import IdNetFace
from mocks.rest_app import rest_app
from mocks.sanctions.server import SanctionsFace
from mocks.tencent import TencentFace
from mocks.wechat.server import WeChatFace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mocks.tenant import Tenants

LOOPBACK = "127.0.0.1"
BACKLOG = 2048  # a short one resets connections when customers come in bursts
REST = ("corebank", "bureau", "registry", "acquirer", "evidence", "tsa")


class Breakable(HttpToolsProtocol):
    """uvicorn's protocol, with a way for the application to break the connection."""

    def on_headers_complete(self) -> None:
        """Hand the way out on the scope, before the application runs."""
        cast("dict[str, Any]", self.scope)[ABORT] = self.transport.abort
        super().on_headers_complete()


def app_of(tenants: Tenants) -> App:
    """Return the whole of what is served for some tenants."""
    wechat, sanctions = WeChatFace(tenants), SanctionsFace(tenants)
    rest, control = rest_app(tenants), control_app(tenants, version=core.__version__)
    faces: dict[str, Face] = {
        **dict.fromkeys(("sns", "cgi-bin", "wxa"), wechat),
        "idnet": IdNetFace(tenants),
        **dict.fromkeys(
            ("match", "search", "entities", "catalog", "algorithms", "healthz", "readyz"), sanctions
        ),
    }
    applications: dict[str, Any] = {**dict.fromkeys(REST, rest), "_control": control}
    return App(TencentFace(tenants, machine_s), faces, applications)


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
    except OSError as taken:
        server.close()
        problem = f"port {port} of {LOOPBACK}: {taken.strerror}"
        raise MachineError(problem, "choose another with --port, or 0 for any") from taken
    server.listen(BACKLOG)
    return server


class Embedded(uvicorn.Server):
    """uvicorn inside somebody else's loop: signals are not its business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals as they are."""
        yield


def server_of(app: App, kind: type[uvicorn.Server] = uvicorn.Server) -> uvicorn.Server:
    """Return uvicorn, set up for this application: no access log, connections can be broken."""
    config = uvicorn.Config(
        app,
        http=Breakable,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        backlog=BACKLOG,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return kind(config)


@asynccontextmanager
async def served(app: App, port: int = 0) -> AsyncIterator[int]:
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
