"""What the tests of record and replay share: a recorder before an upstream, and bad upstreams."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from contextlib import AsyncExitStack, contextmanager
from time import perf_counter

import httpx

from core.adapters.http import Lanes
from mocks.proxy.app import SILENCE_S, Proxy
from mocks.proxy.recorder import EXCHANGES, Recorder, begin
from mocks.proxy.recording import load
from mocks.proxy.replay import Replay
from mocks.proxy.upstream import Target, Upstream
from mocks.proxy.words import Words
from scenarios.stack import served

KEY = bytes(range(32))
GARBAGE = b"\x00\xff no HTTP\r\n"


@contextmanager
def living(enter):
    """Run a loop in a thread; ``enter`` puts what lives in it on a stack, and tells about it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stack = AsyncExitStack()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    try:
        yield run(enter(stack))
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


class Recorded:
    """A recorder that runs: its address, its target's, and what it has written so far."""

    def __init__(self, folder, target, address):
        self.folder, self.target, self.address = folder, target, address

    @property
    def exchanges(self):
        lines = (self.folder / EXCHANGES).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def text(self):
        """Return all that lies in the folder."""
        return "".join(path.read_text("utf-8") for path in sorted(self.folder.iterdir()))


@contextmanager
def recording(target, folder, *, silence_s=SILENCE_S, keep=(), key=KEY):
    """Record what passes to a target."""
    folder.mkdir(parents=True, exist_ok=True)
    told, words = Target.read(target), Words(frozenset(keep))
    begin(folder, told.shown, words)
    recorder = Recorder(folder, key, words)

    async def enter(stack):
        lanes = Lanes(64)
        stack.push_async_callback(lanes.aclose)
        proxy = Proxy(Upstream(told, lanes, perf_counter), recorder, silence_s)
        return await stack.enter_async_context(served(proxy))

    try:
        with living(enter) as port:
            yield Recorded(folder, target, f"http://127.0.0.1:{port}")
    finally:
        recorder.close()


@contextmanager
def replaying(folder, pseudonyms=None):
    """Serve a recording; give its address and the application."""
    app = Replay(load(folder), pseudonyms)

    async def enter(stack):
        return await stack.enter_async_context(served(app))

    with living(enter) as port:
        yield f"http://127.0.0.1:{port}", app


def client(address, **how):
    """Return a client that adds as little of its own as it can."""
    how = {"timeout": 20.0, "trust_env": False} | how
    return httpx.Client(base_url=address, **how)


class BadUpstream:
    """A server by hand: reads one request a connection, then does what it is told with it."""

    def __init__(self, act):
        self._act = act
        self.heard = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self._open.append(line)
            self.heard.append(request_of(line))
            self._act(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing does not wake who waits in accept.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(30)
        for line in self._open:
            line.close()


def request_of(line):
    """Read a request's bytes: its head, and as much of a body as it says or as it chunks."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        part = line.recv(65_536)
        if not part:
            return heard
        heard += part
    head, _, body = heard.partition(b"\r\n\r\n")
    size = next(
        (
            int(each.partition(b":")[2])
            for each in head.lower().split(b"\r\n")
            if each.startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < size:
        part = line.recv(65_536)
        if not part:
            break
        body += part
    return head + b"\r\n\r\n" + body


def answering(body, *, status=b"200 OK", headers=b"content-type: application/json\r\n"):
    """Return what answers with a body, and closes."""

    def act(line):
        length = b"content-length: %d\r\n" % len(body)
        line.sendall(b"HTTP/1.1 " + status + b"\r\n" + headers + length + b"\r\n" + body)
        line.close()

    return act


def reset(line):
    """Break a connection (RST)."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def unused_port():
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Saying:
    """An ASGI application that answers every request with what it was told to say."""

    def __init__(self):
        self.status, self.headers, self.body = 200, [(b"content-type", b"application/json")], b"{}"
        self.heard = []

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.heard.append((scope, body))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})
