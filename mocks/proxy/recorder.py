"""Writes a recording: each exchange when it has ended, masked before it is written.

``recording.json`` says what it is a recording of, ``exchanges.jsonl`` has one exchange a line. A
line is on the disk (fsync) before its client has the answer, so a recorder that is killed has lost
nothing that anybody saw; at worst its last line is torn. Masking is done in a thread of its own,
one exchange after another, so that others pass meanwhile.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from mocks.proxy.bodies import Body
from mocks.proxy.exchange import Asked, Exchange, Reply, Request, Seen
from mocks.proxy.masking import Masker
from mocks.proxy.masks import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mocks.proxy.words import Words

HEAD, EXCHANGES = "recording.json", "exchanges.jsonl"
VERSION = 1
LATENCY_MS_MIN = 0.001  # a latency profile takes nothing below
UNMASKED = "MaskingFailed"  # a detail: of this exchange nothing but sizes is kept


def begin(folder: Path, target: str, words: Words) -> None:
    """Write an empty recording. ``target`` is scheme and host; a path may hold a secret."""
    head = {"version": VERSION, "target": target, "keep": sorted(words.more)}
    (folder / HEAD).write_text(json.dumps(head) + "\n", encoding="utf-8")
    (folder / EXCHANGES).touch()


class Recorder:
    """Adds exchanges to the recording in ``folder``, which has begun. ``key`` makes the masks."""

    def __init__(self, folder: Path, key: bytes, words: Words) -> None:
        self._pseudonyms = Pseudonyms(key)
        self._masker = Masker(self._pseudonyms, words)
        self._thread = ThreadPoolExecutor(1, "masking")
        self._file = os.open(folder / EXCHANGES, os.O_WRONLY | os.O_APPEND)
        self.outcomes: Counter[str] = Counter()
        self.failed: OSError | None = None
        self.on_failure: Callable[[], object] = lambda: None

    @property
    def count(self) -> int:
        """How many exchanges are kept."""
        return self.outcomes.total()

    def add(self, asked: Asked, seen: Seen) -> Future[None]:
        """Keep an exchange; what comes back is done when it is on the disk."""
        return self._thread.submit(self._add, asked, seen)

    def close(self) -> None:
        """Write what is left, and close the file."""
        self._thread.shutdown(wait=True)
        os.close(self._file)

    def _add(self, asked: Asked, seen: Seen) -> None:
        if self.failed is not None:
            return  # nothing may stand behind a torn line
        exchange = self._masked(asked, seen)
        left = line_of(exchange).encode()
        try:
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError as full:
            self.failed = full
            self.on_failure()
            return
        self.outcomes[exchange.outcome] += 1

    def _masked(self, asked: Asked, seen: Seen) -> Exchange:
        number, answer = self.count + 1, seen.answer
        latency_ms = max(LATENCY_MS_MIN, round(seen.took_s * 1000, 3))
        try:
            request = self._masker.request(Request.of(asked))
            reply = None if answer is None else self._masker.reply(Reply.of(answer))
            made = Exchange(number, request, seen.outcome, seen.detail, latency_ms, reply)
            line_of(made).encode()
        except Exception:  # noqa: BLE001  whatever is wrong with it, nothing of it may be shown
            nothing = Request("", [], [], [], self._opaque(asked.body))
            reply = answer and Reply(answer.status, [], self._opaque(answer.body))
            detail = f"{seen.detail} {UNMASKED}".strip()
            return Exchange(number, nothing, seen.outcome, detail, latency_ms, reply)
        return made

    def _opaque(self, content: bytes) -> Body:
        return Body("bytes", self._pseudonyms.content(content, ""))


def line_of(exchange: Exchange) -> str:
    """Return an exchange as a line of the file."""
    told = exchange.as_json()
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
