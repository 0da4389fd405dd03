"""The journal of a run: every provider call in order, as a story prints it when it fails."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.ports.trace import Trace


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
        return self.seen.__name__ if isinstance(self.seen, type) else str(_verdict(self.seen))

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
        return cls(deque(maxlen=limit))

    def last(self, count: int) -> list[Call]:
        """Return the last calls, the newest last."""
        return list(self.calls)[-count:]

    def note(self, operation: str, trace: Trace, at_s: float, seen: Any) -> Any:
        """Write a call down; return what was seen."""
        self.calls.append(Call(operation, trace.call, trace.attempt, trace.application, at_s, seen))
        return seen


def _verdict(answer: Any) -> Any:
    """Return the word an answer is best known by; a person's data is not printed."""
    for name in ("verdict", "outcome", "decision", "reading", "found"):
        word = getattr(answer, name, None)
        if word is not None:
            return word
    return type(answer).__name__
