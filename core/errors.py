"""Failure, and the bank's no, as they look from inside.

Three kinds of no, never mixed:

    Refused                     the bank says no: counted, told the customer, never retried
    InputError                  what a user typed or wrote is wrong, with the remedy (exit 2)
    MachineError                the machine lacks something, with the remedy (exit 3)
    ProviderError               an operating error outside, by what is known of the effect
    ├── NotDone                 it certainly had no effect: may be sent again
    │   ├── Unreachable         no connection, reset before it was read, outside service hours
    │   ├── QuotaExceeded       the provider's rate limit: slow down, then send again
    │   ├── CoreBusy            the core closes its day, and did not use the key up
    │   └── BreakerOpen         we did not even ask
    ├── OutcomeUnknown          it may have had its effect: a money call is queried, never re-keyed
    │   ├── TimedOut            no answer within the client's limit
    │   ├── ConnectionLost      the connection broke after the request was sent
    │   ├── ServerFailed        the provider answered 5xx
    │   └── Unreadable          bytes came that are no answer: cut short or garbage
    ├── BookingRejected         the core rejected what our own book has booked: for a person
    └── GaveUp                  the deadline or the retry budget of the step is spent
        └── Stale               somebody else saved a record since it was read
    assert                      our own bug: stops the run and prints the seed

Every error here is rebuilt from its ``args`` (SimPy does that when a process fails, and so
does pickle on its way back from a worker).
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.application import Reason


class Refused(Exception):
    """The bank says no. ``reason`` is a member of :class:`core.application.Reason`."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.name}{f' ({self.detail})' if self.detail else ''}"


class InputError(ValueError):
    """What a user gave is wrong: one line that names the place, the problem and the remedy."""

    def __init__(self, place: str, problem: str, remedy: str = "") -> None:
        super().__init__(place, problem, remedy)
        self.place = place
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}"
        return f"{text}; {self.remedy}" if self.remedy else text


class MachineError(RuntimeError):
    """The machine lacks something: a port, a font, a database (exit 3). Names the remedy."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


class ProviderError(Exception):
    """A provider did not answer as it should. ``operation`` is ``<provider>.<operation>``."""

    def __init__(self, operation: str, detail: str = "") -> None:
        super().__init__(operation, detail)
        self.operation = operation
        self.detail = detail

    @property
    def provider(self) -> str:
        """The provider's name: what stands before the dot of the operation."""
        return self.operation.partition(".")[0]

    def __str__(self) -> str:
        told = f"{type(self).__name__} at {self.operation}"
        return f"{told}: {self.detail}" if self.detail else told


class NotDone(ProviderError):
    """The request certainly had no effect."""


class Unreachable(NotDone):
    """No connection could be had, or it was reset before the request was read."""


class QuotaExceeded(NotDone):
    """The provider refused the call for its rate limit."""


class BreakerOpen(NotDone):
    """Our own circuit breaker refused to ask."""


class CoreBusy(NotDone):
    """The core refused a write for now, and did not use its key up: its day is closing."""


class OutcomeUnknown(ProviderError):
    """The request may have had its effect."""


class TimedOut(OutcomeUnknown):
    """No answer came within the client's limit."""


class ConnectionLost(OutcomeUnknown):
    """The connection broke after the request was sent."""


class ServerFailed(OutcomeUnknown):
    """The provider answered with a server error."""


class Unreadable(OutcomeUnknown):
    """What came back is no answer: cut short, or not in the provider's form."""


class BookingRejected(ProviderError):
    """The core rejected a booking that our own book has made: the loan waits for a person."""


class GaveUp(ProviderError):
    """The step's deadline or retry budget is spent; the step can be resumed later."""


class Stale(GaveUp):
    """Somebody else saved one of these records since it was read; nothing was saved."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a remedy that names the known word nearest to ``word``."""
    choices = sorted(known)
    close = get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(choices[:12]) + (", ..." if len(choices) > 12 else "")
    return f"known: {shown}" if shown else "none is known"
