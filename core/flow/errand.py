"""An errand: one customer's request at one step, with its date, its deadline and its patience.

One deadline and one retry budget travel from the edge to every provider: no layer below retries
on its own account, so a step makes at most ``RETRIES_A_STEP`` calls more than it needs. The
customer's date is stamped here, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from core.application import Step
from core.clock import date_at
from core.errors import GaveUp, ProviderError, QuotaExceeded
from core.ports.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.clock import Clock
    from core.flow.calls import Call

Q = TypeVar("Q")
A = TypeVar("A")

_new_trace = tuple.__new__  # what Trace() does itself, without the detour over its keywords

RETRIES_A_STEP = 6
RETRIES_A_CALL = 3
TRIES_ROOM = 32  # attempt numbers kept for one begin of a step
BACK_OFF_S = (0.5, 2.0, 5.0)

# How long the customer's phone waits for a step before it says "try later". A step with a face
# check waits for the customer too.
DEADLINE_S: dict[Step, float] = {
    Step.ENTER: 10.0,
    Step.REGISTER: 120.0,
    Step.AUTHORISE: 30.0,
    Step.APPLY: 300.0,
    Step.OPEN_ACCOUNT: 300.0,
    Step.SIGN: 300.0,
    Step.DRAW_DOWN: 300.0,
    Step.REPAY: 60.0,
    Step.AFTER_LOAN: 600.0,
}


class Errand:
    """What a step carries with it."""

    __slots__ = ("_clock", "_left", "application", "bank", "base", "date", "deadline_s")

    def __init__(
        self, clock: Clock, bank: str, application: str, step: Step, tries: int = 0
    ) -> None:
        now_s = clock.now_s
        self._clock = clock
        self.base = tries * TRIES_ROOM
        self.bank = bank
        self.application = application
        self.date = date_at(clock.start, now_s)
        self.deadline_s = now_s + DEADLINE_S[step]
        self._left = [RETRIES_A_STEP]  # shared with every errand made of this one

    @property
    def now_s(self) -> float:
        """The business time now."""
        return self._clock.now_s

    @property
    def retries_left(self) -> int:
        """What is left of the step's retry budget."""
        return self._left[0]

    def trace(self, call: Call, attempt: int = 1) -> Trace:
        """Return the name of one attempt at ``call``."""
        return Trace(
            self.bank,
            self.application,
            call.number,
            self.base + attempt,
            self.deadline_s,
            self.date,
        )

    async def ask(self, call: Call, method: Callable[[Trace, Q], Awaitable[A]], query: Q) -> A:
        """Ask a provider something that may safely be asked again; return its answer.

        Raises:
            GaveUp: the deadline or the retry budget is spent. An operating error is never a yes.
        """
        trace = _new_trace(
            Trace,
            (self.bank, self.application, call[0], self.base + 1, self.deadline_s, self.date),
        )
        try:
            return await method(trace, query)
        except ProviderError as fault:
            return await self._ask_again(call, method, query, fault)

    async def _ask_again(
        self,
        call: Call,
        method: Callable[[Trace, Q], Awaitable[A]],
        query: Q,
        fault: ProviderError,
    ) -> A:
        for attempt in range(2, 2 + RETRIES_A_CALL):
            await self.back_off(call, attempt - 1, fault)
            try:
                return await method(self.trace(call, attempt), query)
            except ProviderError as again:
                fault = again
        raise GaveUp(call.operation, f"{RETRIES_A_CALL} retries, last {fault}") from fault

    async def back_off(self, call: Call, failed: int, fault: ProviderError) -> None:
        """Wait before the next attempt, and take it from the budget.

        Raises:
            GaveUp: there is no budget, or no time before the deadline.
        """
        wait_s = BACK_OFF_S[min(failed, len(BACK_OFF_S)) - 1]
        if isinstance(fault, QuotaExceeded):
            wait_s *= 2  # the provider asked for less
        if self._left[0] == 0:
            raise GaveUp(call.operation, f"retry budget spent, last {fault}") from fault
        if self._clock.now_s + wait_s > self.deadline_s:
            raise GaveUp(call.operation, f"deadline, last {fault}") from fault
        self._left[0] -= 1
        await self._clock.sleep(wait_s)

    def begun_anew(self, begins: int) -> Errand:
        """Return this errand with the attempt numbers of a later begin."""
        other = self.serving(self.application)
        other.base += begins * TRIES_ROOM
        return other

    def serving(self, application: str) -> Errand:
        """Return this errand under another application key: same deadline, same budget."""
        other = object.__new__(Errand)  # copy.copy takes ten times as long
        other._clock, other._left, other.base = self._clock, self._left, self.base
        other.bank, other.date, other.deadline_s = self.bank, self.date, self.deadline_s
        other.application = application
        return other
