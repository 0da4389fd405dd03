"""What came of one published case: passed, failed, or not expressible and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EXPRESSIBLE = "not expressible"


class NotExpressible(Exception):
    """A case says something that we do not understand or cannot do; the text says what."""


class Difference(NamedTuple):
    """A published figure that we do not reach: where it stands, what it says, what we have."""

    place: str
    published: str
    ours: str


@dataclass(slots=True)
class Outcome:
    """One case. ``readings`` are the conventions that reproduced it, the first one told."""

    id: str
    verdict: Verdict
    reason: str = ""
    readings: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    negative: bool = False  # published as a warning: it must not be reached
