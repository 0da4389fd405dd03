"""``record``: a proxy before a real endpoint that keeps masked exchanges and their latencies."""

from __future__ import annotations

import asyncio
import secrets
import signal
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape

from core.adapters.http import Lanes
from core.errors import InputError, MachineError
from mocks.proxy.app import Proxy
from mocks.proxy.latencies import FOLDER, LATENCY, write_latencies
from mocks.proxy.masks import KEY_BYTES
from mocks.proxy.recorder import EXCHANGES, Recorder, begin
from mocks.proxy.recording import load
from mocks.proxy.upstream import CONNECTIONS, Target, Upstream
from mocks.proxy.words import Words, plain_name
from scenarios.commands.door import FINE
from scenarios.output import cannot_write, dumps, results
from scenarios.recording import read_key, require_apart, write_key
from scenarios.stack import LOOPBACK, listen, served

if TYPE_CHECKING:
    from pathlib import Path

    from mocks.proxy.exchange import Exchange
    from scenarios.commands.door import Terminal

PORT_MAX = 65_535


def run(
    terminal: Terminal,
    target: str,
    port: int,
    keep: tuple[str, ...],
    key: Path | None,
    out: Path,
    **given: Any,
) -> int:
    """Record until somebody stops it."""
    del given  # a seed: whoever knows it must not know the masks
    require_port(port)
    upstream = Target.read(target)
    words = Words(frozenset(_field(each) for each in keep))
    if key is not None:
        require_apart(key, out)
    secret = read_key(key) if key is not None and key.exists() else secrets.token_bytes(KEY_BYTES)
    listen(port).close()  # taken: then nothing is written
    with results(out) as folder:
        begin(folder, upstream.shown, words)
    if key is not None and not key.exists():
        write_key(key, secret)
    recorder = Recorder(out, secret, words)
    try:
        asyncio.run(_record(terminal, upstream, recorder, port))
    finally:
        recorder.close()
    if recorder.failed is not None:
        problem = f"cannot write {out / EXCHANGES} ({recorder.failed.strerror})"
        raise MachineError(problem, "make room; what was recorded before is there")
    _close(terminal, out, recorder)
    return FINE


def require_port(port: int) -> None:
    """Require a port's number, or 0 for any."""
    if not 0 <= port <= PORT_MAX:
        raise InputError("--port", f"is {port}", f"use 0 (any) to {PORT_MAX}")


def _field(name: str) -> str:
    if not plain_name(name):
        raise InputError(f"--keep {name!r}", "names no field", "write a field's name, as Extra")
    return plain_name(name)


async def _record(terminal: Terminal, target: Target, recorder: Recorder, port: int) -> None:
    """Pass requests through until a signal comes, or nothing can be written any more."""
    loop = asyncio.get_running_loop()
    stopped = stop_signal()
    recorder.on_failure = lambda: loop.call_soon_threadsafe(stopped.set)
    transport = Lanes(CONNECTIONS)
    try:
        proxy = Proxy(Upstream(target, transport, perf_counter), recorder)
        async with served(cast("Any", proxy), port) as opened:
            _open(terminal, target, opened)
            await stopped.wait()
    finally:
        await transport.aclose()


def stop_signal() -> asyncio.Event:
    """Return what is set when somebody stops this process."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    return stopped


def _open(terminal: Terminal, target: Target, port: int) -> None:
    """Say where it listens."""
    address = f"http://{LOOPBACK}:{port}"
    if terminal.as_json:
        terminal.document(dumps({"address": address, "port": port, "target": target.shown}))
        return
    terminal.say(f"recording what passes from {address} to {escape(target.shown)}")
    terminal.say(f"  a client that signs its Host takes {address} as its HTTP proxy instead")
    terminal.say("stop it with Ctrl-C")


def _close(terminal: Terminal, out: Path, recorder: Recorder) -> None:
    """Write the latencies, and say what was recorded."""
    outcomes = ", ".join(f"{count} {word}" for word, count in sorted(recorder.outcomes.items()))
    terminal.say(f"{recorder.count} exchanges{': ' if outcomes else ''}{outcomes}")
    terminal.say(f"  {escape(str(out / EXCHANGES))}")
    if recorder.count:
        tell_latencies(terminal, load(out).exchanges, out)


def tell_latencies(terminal: Terminal, exchanges: tuple[Exchange, ...], out: Path) -> None:
    """Write the latencies of a recording, and say them by operation.

    Raises:
        MachineError: they cannot be written.
    """
    try:
        latencies = write_latencies(exchanges, out)
    except OSError as error:
        raise cannot_write(out, error) from error
    if not latencies:
        return
    terminal.say(f"  {escape(str(out / LATENCY))}, and one file an operation in {FOLDER}:")
    for operation, held in latencies.items():
        cuts = quantiles(held if len(held) > 1 else held * 2, n=100, method="inclusive")
        told = f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, of {len(held)}"
        terminal.say(f"    {escape(operation)}: {told}")
