"""Planned faults of the core itself (corebank.md 6.3); lost and slow answers are the line's.

A reversal before its original needs no fault: any caller can send one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from core.errors import InputError
from core.seed import KIND
from mocks.corebank.files import assembled
from mocks.line import TURN

if TYPE_CHECKING:
    from core.ports.trace import Trace
    from core.seed import Draws


class CoreFaultKind(StrEnum):
    """What goes wrong in the core."""

    ACCEPTED_NOT_DONE = "accepted_not_done"  # IN_PROGRESS now, posted ``delay_s`` later
    ACCEPTED_NEVER_DONE = "accepted_never_done"  # IN_PROGRESS, and DROPPED at the cut-off
    ANSWERED_TWICE = "answered_twice"  # the request is worked off twice, and has one effect
    EOD_REFUSAL = "eod_refusal"  # DAY_END although the day is open
    DAY_SWITCH = "day_switch"  # the cut-off comes between the request and its posting
    QUERY_DOWN = "query_down"  # asking after a key fails
    FILE_LATE = "file_late"  # no reconciliation file yet
    FILE_SHORT = "file_short"  # its last transaction is missing; head and tail tell it
    FILE_LONG = "file_long"  # its last transaction is there twice; head and tail tell it once
    FILE_WRONG_TOTAL = "file_wrong_total"  # head and tail tell a fen too many


K = CoreFaultKind
ON_WRITES: tuple[CoreFaultKind, ...] = (
    K.ACCEPTED_NOT_DONE,
    K.ACCEPTED_NEVER_DONE,
    K.ANSWERED_TWICE,
    K.EOD_REFUSAL,
    K.DAY_SWITCH,
)
ON_OUTCOME = (K.QUERY_DOWN,)
ON_FILES = (K.FILE_LATE, K.FILE_SHORT, K.FILE_LONG, K.FILE_WRONG_TOTAL)


@dataclass(slots=True)
class CoreFault:
    """A planned fault. Empty fields match everything.

    Of the requests that match it hits the ``nth`` (from 1; 0: every one), and of those a
    ``share``. ``serial`` is that of the request's key, or, of a file, its date. It holds from
    ``from_s`` to before ``until_s``, in business time.
    """

    kind: CoreFaultKind
    operation: str = ""
    application: str = ""
    bank: str = ""
    serial: str = ""
    nth: int = 0
    delay_s: float = 60.0
    share: float = 1.0
    from_s: float = 0.0
    until_s: float = float("inf")
    seen: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"fault {self.kind}", f"share is {self.share}", "use 0 to 1")
        if self.delay_s < 0 or self.nth < 0:
            raise InputError(f"fault {self.kind}", "delay_s or nth is below 0", "use 0 or more")

    def fits(self, request: Request) -> bool:
        """Whether a request is one of those it is planned for."""
        return (
            self.from_s <= request.now_s < self.until_s
            and self.operation in ("", request.operation)
            and self.application in ("", request.trace.application)
            and self.bank in ("", request.bank)
            and self.serial in ("", request.serial)
        )


@dataclass(slots=True)
class Request:
    """What a fault is held against."""

    operation: str
    trace: Trace
    bank: str
    serial: str
    now_s: float
    draws: Draws | None


def struck(
    faults: list[CoreFault], kinds: tuple[CoreFaultKind, ...], request: Request
) -> CoreFault | None:
    """Return the first planned fault of these kinds that hits a request."""
    for number, planned in enumerate(faults):
        if planned.kind not in kinds or not planned.fits(request):
            continue
        planned.seen += 1
        if planned.nth not in (0, planned.seen):
            continue
        # As on the line, each fault has a stretch of the draw of its own.
        if planned.share >= 1.0 or _drawn(request, number) < planned.share:
            return planned
    return None


def _drawn(request: Request, number: int) -> float:
    assert request.draws is not None, "a share is drawn"
    return (request.draws.uniform(KIND) + number * TURN) % 1.0


def spoilt(content: str, kind: CoreFaultKind) -> str | None:
    """Return a reconciliation file as a fault leaves it; its SHA-256 is right in every case.

    A file without transactions can be late or have a wrong total, nothing else.
    """
    if kind is K.FILE_LATE:
        return None
    head, *lines, _ = content.splitlines(keepends=True)
    _, _, bank, on, count, total_fen = head.rstrip("\n").split("|")
    told_fen = int(total_fen) + (kind is K.FILE_WRONG_TOTAL)
    if kind is K.FILE_SHORT:
        lines = lines[:-1]
    elif kind is K.FILE_LONG:
        lines = [*lines, *lines[-1:]]
    return assembled(bank, date.fromisoformat(on), lines, int(count), told_fen)
