"""When a result is ready: immediately, after so many questions, or after a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Readiness:
    """When the result of an operation is ready, where it is not ready at once.

    ``polls`` is the question after it that is the first to be told the result; None: it is ready
    ``after_s`` seconds of business time after it was accepted.
    """

    after_s: float = 0.0
    polls: int | None = None
