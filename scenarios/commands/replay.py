"""``replay``: a recording served again, held against an endpoint, or told as latencies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from rich.markup import escape

from core.errors import InputError
from mocks.proxy.golden import check, golden
from mocks.proxy.latencies import operation_of
from mocks.proxy.masks import Pseudonyms
from mocks.proxy.recording import load
from mocks.proxy.replay import Replay
from mocks.proxy.upstream import Target
from scenarios.commands.door import FINE, NO
from scenarios.commands.record import require_port, stop_signal, tell_latencies
from scenarios.output import dumps
from scenarios.recording import read_key
from scenarios.stack import LOOPBACK, served

if TYPE_CHECKING:
    from pathlib import Path

    from mocks.proxy.recording import Recording
    from scenarios.commands.door import Terminal


def run(
    terminal: Terminal,
    folder: Path,
    port: int,
    key: Path | None,
    check_url: str | None,
    **given: Any,
) -> int:
    """Serve a recording until somebody stops it; or check an endpoint; or write its latencies.

    Nothing is drawn, and nothing is written elsewhere: seed and out are passed over.
    """
    require_port(port)
    recording = load(folder)
    if recording.torn:
        terminal.note("the last line was not written whole (it was killed): it is passed over")
    if given["latencies"]:
        tell_latencies(terminal, recording.exchanges, folder)
        if terminal.as_json:
            terminal.document(dumps({"exchanges": len(recording.exchanges)}))
        return FINE
    if check_url is not None:
        Target.read(check_url, "--check")
        headers = dict(_header(each) for each in given["header"])
        return _check(terminal, recording, check_url, headers)
    app = Replay(recording, None if key is None else Pseudonyms(read_key(key)))
    asyncio.run(_serve(terminal, app, port, len(recording.exchanges), folder))
    terminal.say(f"answered {app.served}, not recorded {app.missed}")
    return FINE


async def _serve(terminal: Terminal, app: Replay, port: int, count: int, folder: Path) -> None:
    stopped = stop_signal()
    async with served(cast("Any", app), port) as opened:
        address = f"http://{LOOPBACK}:{opened}"
        if terminal.as_json:
            terminal.document(dumps({"address": address, "port": opened, "exchanges": count}))
        terminal.say(f"replaying {count} exchanges of {escape(str(folder))} on {address}")
        terminal.say("stop it with Ctrl-C")
        await stopped.wait()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise InputError("--header", "is no header", "write it as 'X-Api-Key: abc'")
    return name.strip(), value.strip()


def _check(terminal: Terminal, recording: Recording, url: str, headers: dict[str, str]) -> int:
    """Ask an endpoint what was asked then, and say every field that differs."""
    vectors, rows = golden(recording), []
    for vector, found in check(vectors, url, headers):
        operation = operation_of(vector.request)
        rows.append((vector, operation, found))
        terminal.say(f"{'differs' if found else 'alike':8}{vector.number:5} {escape(operation)}")
        for each in found:
            terminal.say(f"             {escape(str(each))}")
    differing = sum(bool(found) for _, _, found in rows)
    unanswered = len(recording.exchanges) - len(vectors)
    told = f"{len(rows) - differing} alike, {differing} differ, {unanswered} were not answered then"
    terminal.say(told)
    if terminal.as_json:
        exchanges = [
            {
                "exchange": vector.number,
                "operation": operation,
                "differences": [each._asdict() for each in found],
            }
            for vector, operation, found in rows
        ]
        totals = {"checked": len(rows), "differing": differing, "unanswered": unanswered}
        terminal.document(dumps({**totals, "exchanges": exchanges}))
    return NO if differing else FINE
