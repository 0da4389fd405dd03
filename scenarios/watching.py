"""Where logs and spans of a run go: set up for a command, and closed behind it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.gateway.logs import stop, write_to
from scenarios.spans import SPANS, Spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenarios.stories import Story


@contextmanager
def watched(log: str, trace: str) -> Iterator[None]:
    """Have the gateway's log written to stderr, and the spans of all worlds that are made here.

    ``log`` is ``json``, ``text``, or empty: warnings only. ``trace`` is a file, the address of a
    collector (OTLP over HTTP), or empty: no spans.

    Raises:
        InputError, MachineError: there spans cannot go.
    """
    handler = write_to(sys.stderr, log)
    try:
        if not trace:
            yield
            return
        # The SDK takes a while to load, and is for those who ask for it.
        from core.gateway.traces_export import to_collector, to_file

        export = to_collector(trace) if "://" in trace else to_file(Path(trace))
        token = SPANS.set(Spans(export.live_tracer()))
        try:
            yield
        finally:
            SPANS.reset(token)
            export.close()
    finally:
        stop(handler)


def traced(stories: Iterable[Story], path: Path | None) -> Iterator[Story]:
    """Give stories one after another; the spans of each go to a file, under its name.

    Raises:
        MachineError: the file cannot be written.
    """
    if path is None:
        yield from stories
        return
    from core.gateway.traces_export import to_file

    export = to_file(path)
    try:
        for each in stories:
            SPANS.set(Spans(export.tracer(story=each.name)))
            yield each
    finally:
        SPANS.set(None)
        export.close()
