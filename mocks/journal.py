"""The journal of a run: every provider call in order, as a story prints it when it fails.

Beside it stands what is only counted of a tenant's calls, for whoever watches it from afar.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.ports.trace import Trace

# Business seconds. Median latencies are 0.04 to 0.9; the lines' time-outs, 3 to 15, lie between
# two bounds, so that rounding puts none into the next bucket; above are delays that are planned.
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 20.0, 60.0, 300.0)
WORDS_MAX = 1_000  # pairs of an operation and a word that are counted apart
WORD_MAX = 64  # characters
OTHER = "other"


@dataclass(slots=True)
class Call:
    """One attempt and what the client saw of it: an answer, or the class of an error."""

    operation: str
    call: int
    attempt: int
    application: str
    at_s: float
    seen: Any

    @property
    def word(self) -> str:
        """The one word that says what was seen."""
        return word_of(self.seen)

    def __str__(self) -> str:
        return f"{self.at_s:12.3f} s  {self.operation:<24} #{self.call}.{self.attempt}  {self.word}"


@dataclass(slots=True)
class Journal:
    """The calls of a run, in the order in which clients saw their ends.

    A server that runs for days keeps the last ones: ``Journal.bounded``.
    """

    calls: list[Call] | deque[Call] = field(default_factory=list)

    @classmethod
    def bounded(cls, limit: int) -> Journal:
        """Return a journal of the last ``limit`` calls."""
        return Bounded(deque(maxlen=limit))

    @property
    def forgotten(self) -> int:
        """How many calls were noted that are not kept: those before the first that is."""
        return 0

    def last(self, count: int) -> list[Call]:
        """Return the last calls, the newest last."""
        return list(self.calls)[-count:]

    def note(
        self, operation: str, trace: Trace, at_s: float, seen: Any, application: str = ""
    ) -> Any:
        """Write a call down, under another application where one is given; return what was seen."""
        called = application or trace.application
        self.calls.append(Call(operation, trace.call, trace.attempt, called, at_s, seen))
        return seen


@dataclass(slots=True)
class Bounded(Journal):
    """A journal that keeps the last calls, and counts all: so each has a number that stays.

    A class of its own, for the journals of simulations keep everything and need not count.
    """

    noted: int = 0

    @property
    def forgotten(self) -> int:
        """How many calls were noted that are not kept: those before the first that is."""
        return self.noted - len(self.calls)

    def note(
        self, operation: str, trace: Trace, at_s: float, seen: Any, application: str = ""
    ) -> Any:
        """Write a call down, and let go of the oldest where there are too many."""
        self.noted += 1
        called = application or trace.application
        self.calls.append(Call(operation, trace.call, trace.attempt, called, at_s, seen))
        return seen


@dataclass(slots=True)
class Latency:
    """How long the calls of one provider took, in business seconds, by the bounds above."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, took_s: float) -> None:
        """Count one more."""
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s


@dataclass(slots=True)
class Tally:
    """What is counted of a tenant's calls since it was opened; nothing of a person is in it."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and word
    latencies: dict[str, Latency] = field(default_factory=dict)  # by provider

    def count(self, operation: str, seen: Any, took_s: float | None = None) -> None:
        """Count a call by its word, and how long it took where that is known."""
        key = (operation, word_of(seen))
        calls = self.calls
        if key in calls:
            calls[key] += 1
        else:
            self._begin(*key)
        if took_s is not None:
            provider = operation.partition(".")[0]
            latency = self.latencies.get(provider)
            if latency is None:
                latency = self.latencies[provider] = Latency()
            latency.add(took_s)

    def _begin(self, operation: str, word: str) -> None:
        """Count a word that is new; where there are too many, or it is none, it has no name."""
        fits = len(word) <= WORD_MAX and len(self.calls) < WORDS_MAX
        self.calls[operation, word if fits else OTHER] += 1


@lru_cache(maxsize=8_192)
def alias(tenant: str, subject: str, seed: int) -> str:
    """Return what the journal calls a tenant's calls about somebody: ``tenant/`` and a hash.

    ``subject`` is what a call without a name of its own is about, an ID number or a phone.
    """
    told = f"{seed}/{tenant}/{subject}".encode("utf-8", "backslashreplace")
    return f"{tenant}/{blake2b(told, digest_size=8, person=b'subject').hexdigest()}"


def word_of(seen: Any) -> str:
    """Return the one word that says what was seen: an answer's verdict, or an error's name."""
    return seen.__name__ if isinstance(seen, type) else str(_verdict(seen))


def _verdict(answer: Any) -> Any:
    """Return the word an answer is best known by; a person's data is not printed."""
    for name in ("verdict", "outcome", "decision", "reading", "found"):
        word = getattr(answer, name, None)
        if word is not None:
            return word
    return type(answer).__name__
