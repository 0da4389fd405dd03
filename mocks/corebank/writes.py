"""One write, from the moment it arrives: known keys first, then time, day and faults, then the act.

A key that is known is answered from what became of it, whatever the hour. A new one may be too
late (EXPIRED, final), or come while the day is closing or writes are held (DAY_END, HELD: not now,
and the key is not used up). What is accepted without being done is IN_PROGRESS, stands among the
open keys, and is done when its time has passed and the core is next asked anything, at the latest
at the cut-off; or when it has been asked after so often as the plan of results says. A fence that
comes meanwhile cannot stop it and does not pretend to: the answer stays IN_PROGRESS, never "not
found"; and a reversal is refused, since nothing is final yet. Whoever listens is told every final
word once, and wakes the core when something falls due.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from core.ports.corebank import (
    AccountQuery,
    AdjustQuery,
    CollectQuery,
    CoreCode,
    DisburseQuery,
    MoveQuery,
    OpenQuery,
    Outcome,
    Posted,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    Stage,
    TransferQuery,
)
from mocks.corebank import corrections, customers, day, loans, reservations, transfers
from mocks.corebank.bank import Running
from mocks.corebank.faults import ON_WRITES, CoreFault, CoreFaultKind, Request, struck
from mocks.corebank.keys import Fate, answer_again, check_key, digest_of
from mocks.corebank.reservations import Ended

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Key, Write
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.corebank.bank import Bank
    from mocks.corebank.listener import Listener
    from mocks.corebank.union import Union
    from mocks.results import Readiness

Act = Callable[..., Fate]  # (union, bank, query, accounting date, business time)

ACTS: dict[type, tuple[str, Act]] = {
    OpenQuery: ("open_account", customers.open_account),
    AccountQuery: ("account", customers.act_on),
    DisburseQuery: ("disburse", loans.disburse),
    CollectQuery: ("collect", loans.collect),
    AdjustQuery: ("adjust", loans.adjust),
    MoveQuery: ("move", transfers.move),
    TransferQuery: ("transfer", transfers.transfer),
    ReserveQuery: ("reserve", reservations.reserve),
    ResolveQuery: ("resolve", reservations.resolve),
    ReverseQuery: ("reverse", corrections.reverse),
}


class Desk:
    """Takes writes for all banks, and remembers what is to happen later."""

    def __init__(self, union: Union) -> None:
        self.union = union
        self.faults: list[CoreFault] = []
        self.readiness: dict[str, Readiness] = {}  # by operation; without one, done at once
        self.listener: Listener | None = None
        self._later: list[tuple[float, int, str, Key]] = []  # (when, in what order, bank, key)
        self._number = 0
        self.next_s = float("inf")  # when the first of them falls due

    def write(
        self,
        trace: Trace,
        query: Write,
        now_s: float,
        draws: Draws,
        meant: CoreCode | CoreFault | None = None,
    ) -> Posted:
        """Take one write; return its answer. ``meant`` is how a test wants it to end."""
        if now_s >= self.next_s:
            self.catch_up(now_s)
        key = query.key
        bank = self.union.banks[key.bank]
        digest = digest_of(query)
        fate = bank.fates.get(key)
        if fate is not None:
            return answer_again(fate, digest, bank.day.on)
        operation, act = ACTS[type(query)]
        check_key(key, getattr(query, "loan", "-"))
        if isinstance(meant, CoreFault):
            return self._strike(meant, bank, query, now_s)
        if meant is not None:
            return self._refuse(meant, bank, query, now_s)
        if self.faults:
            request = Request(operation, trace, bank.id, key.serial, now_s, draws)
            fault = struck(self.faults, ON_WRITES, request)
            if fault is not None:
                return self._strike(fault, bank, query, now_s)
        ready = self.readiness.get(operation) if self.readiness else None
        if ready is not None:
            waits = Running(query, bank.day.on, now_s + ready.after_s, polls=ready.polls)
            return self._accept(bank, query, now_s, waits)
        return self._take(bank, query, act, digest, now_s)

    def _take(self, bank: Bank, query: Write, act: Act, digest: bytes, now_s: float) -> Posted:
        """Act on a key that is new, unless it came too late or must come again."""
        key = query.key
        fate = self._unfit(bank, query, now_s)
        if fate is None:
            on = bank.date_for(key.channel, type(query) is AdjustQuery)
            fate = act(self.union, bank, query, on, now_s)
            if type(query) is ReserveQuery and fate.posted.outcome is Outcome.DONE:
                self._watch(bank, query)
        if fate.posted.retryable:
            return fate.posted
        fate.digest = digest
        bank.fates[key] = fate
        if self.listener is not None:
            self.listener.settled(key, fate.posted)
        return fate.posted

    def _unfit(self, bank: Bank, query: Write, now_s: float) -> Fate | None:
        """Return what is said to a write that cannot be taken now; None where it can."""
        if query.valid_until_s is not None and now_s > query.valid_until_s:
            return bank.rejected(CoreCode.EXPIRED)
        if type(query) is AccountQuery:  # at any hour; only an operator's hold stops it
            return bank.later(CoreCode.HELD) if bank.day.held else None
        busy = bank.not_now(query.key.channel, type(query) is AdjustQuery)
        return None if busy is None else bank.later(busy)

    # Faults, and what a test means to happen.

    def _refuse(self, code: CoreCode, bank: Bank, query: Write, now_s: float) -> Posted:
        """Refuse a write under a code; only a day that closes leaves its key unused."""
        if code in (CoreCode.DAY_END, CoreCode.HELD):
            return bank.later(code).posted
        fate = self._unfit(bank, query, now_s) or bank.rejected(code)
        if not fate.posted.retryable:
            self._keep(bank, query.key, fate, digest_of(query))
        return fate.posted

    def _strike(self, fault: CoreFault, bank: Bank, query: Write, now_s: float) -> Posted:
        """Take a write that a planned fault hits."""
        kind, digest, act = fault.kind, digest_of(query), ACTS[type(query)][1]
        if kind is CoreFaultKind.EOD_REFUSAL:
            return bank.later(CoreCode.DAY_END).posted
        if kind is CoreFaultKind.DAY_SWITCH:
            self.cutoff(bank, None)
            return self._take(bank, query, act, digest, now_s)
        if kind is CoreFaultKind.ANSWERED_TWICE:
            posted = self._take(bank, query, act, digest, now_s)
            fate = bank.fates.get(query.key)
            again = answer_again(fate, digest, bank.day.on) if fate else posted
            assert again.core_serial == posted.core_serial, "a request has one effect"
            return posted
        never = kind is CoreFaultKind.ACCEPTED_NEVER_DONE
        waits = Running(query, bank.day.on, now_s + fault.delay_s, never)
        return self._accept(bank, query, now_s, waits)

    def _accept(self, bank: Bank, query: Write, now_s: float, running: Running) -> Posted:
        """Accept a write without doing it, unless it came too late or must come again."""
        key, fate = query.key, self._unfit(bank, query, now_s)
        if fate is None:
            running.on = bank.date_for(key.channel, type(query) is AdjustQuery)
            bank.running[key] = running
            fate = Fate(Posted(Outcome.IN_PROGRESS, CoreCode.OK, accounting_date=running.on))
        if not fate.posted.retryable:
            self._keep(bank, key, fate, digest_of(query))
        # Planned last: what is due now, on a clock that stands, is done before this returns.
        if key in bank.running and not running.never and running.polls is None:
            self._plan(running.due_s, bank, key)
        return fate.posted

    def _keep(self, bank: Bank, key: Key, fate: Fate, digest: bytes) -> None:
        """Write down what became of a key; tell whoever listens, if it is final."""
        fate.digest = digest
        bank.fates[key] = fate
        if self.listener is not None and fate.posted.outcome is not Outcome.IN_PROGRESS:
            self.listener.settled(key, fate.posted)

    # What happens later.

    def _plan(self, at_s: float, bank: Bank, key: Key) -> None:
        self._number += 1
        heappush(self._later, (at_s, self._number, bank.id, key))
        self.next_s = self._later[0][0]
        if self.listener is not None:
            self.listener.wake(at_s, partial(self.catch_up, at_s))

    def listen(self, listener: Listener | None) -> None:
        """Tell somebody from now on what is final, or nobody any more."""
        self.listener = listener
        if listener is not None:
            for at_s, *_ in sorted(self._later):
                listener.wake(at_s, partial(self.catch_up, at_s))

    def asked_after(self, bank: Bank, key: Key, now_s: float) -> None:
        """Count one more question after a write; do it, if it waited for that one."""
        running = bank.running.get(key)
        if running is None or running.polls is None:
            return
        running.polls -= 1
        if running.polls <= 0:
            self._finish(bank, key, now_s)

    def _watch(self, bank: Bank, query: ReserveQuery) -> None:
        """Have a reservation fall back when its time is over."""
        if query.expires_s is not None:
            self._plan(query.expires_s, bank, query.key)

    def catch_up(self, now_s: float) -> None:
        """Do what has fallen due: accepted writes are done, reservations fall back."""
        while self._later and self._later[0][0] <= now_s:
            at_s, _, id_, key = heappop(self._later)
            bank = self.union.banks[id_]
            if key in bank.running:
                self._finish(bank, key, at_s)
                continue
            found = bank.reservations.get(key)
            if found is not None and found.is_over(at_s):
                found.end(Ended.TIMED_OUT)
        self.next_s = self._later[0][0] if self._later else float("inf")

    def _finish(self, bank: Bank, key: Key, now_s: float) -> None:
        """Do a write that was accepted, on the date it was accepted for."""
        running = bank.running.pop(key)
        digest = bank.fates[key].digest
        if running.never:
            fate = bank.rejected(CoreCode.DROPPED)
        else:
            act = ACTS[type(running.query)][1]
            fate = act(self.union, bank, running.query, running.on, now_s)
            if fate.posted.retryable:  # the other bank of a transfer is closing its day
                fate = bank.rejected(CoreCode.DROPPED)
            elif type(running.query) is ReserveQuery and key in bank.reservations:
                self._watch(bank, running.query)
        self._keep(bank, key, fate, digest)

    # The day, as far as accepted writes stand in its way.

    def cutoff(self, bank: Bank, next_on: date | None) -> None:
        """Cut a bank's date off; what was accepted for it is done before, or dropped."""
        if bank.day.stage is Stage.OPEN:
            self.finish_all(bank)
        day.cutoff(bank, next_on)

    def finish_all(self, bank: Bank) -> None:
        """Do, or drop, everything that a bank has accepted, in the order of its time."""
        waiting = sorted(bank.running.items(), key=lambda item: item[1].due_s)
        for key, running in waiting:
            self._finish(bank, key, running.due_s)
