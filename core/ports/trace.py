"""The name of a call attempt: who asks, for what, the how-manieth time."""

from __future__ import annotations

# A core bank on disk reads traces back by their types, which must be known at run time.
from datetime import date
from typing import NamedTuple


class Trace(NamedTuple):
    """One attempt at one call.

    ``application`` is the key of the application, drawdown or repayment the call serves;
    ``call`` its stable number in :data:`core.flow.calls.CALLS`; ``attempt`` counts from 1 and
    goes on counting when the step is resumed. ``deadline_s`` is business time; ``date`` is the
    bank's business date, stamped once where the customer's request entered.
    """

    bank: str
    application: str
    call: int
    attempt: int
    deadline_s: float
    date: date
