"""A tenant's outbox: who wants to be told what, what is on its way, and what came of it.

Every delivery stands on the tenant's clock with its moment, so it is part of a snapshot, and one
that was under way when the snapshot was taken is made again after a restore: a callback comes at
least once, never exactly once. What chance decides, loss and overtaking, is drawn by the event's
own name.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from core.errors import InputError, nearest
from core.seed import FAULT, KIND
from mocks.callbacks.events import Event, Told, event_of, of_day, of_order, of_write
from mocks.callbacks.sender import Heard, secret_of, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.ports.corebank import Key, Posted
    from core.seed import Seed
    from mocks.clock import ServedClock

EVENTS_KEPT = 10_000  # which can be sent again
ROWS_KEPT = 10_000
GONE = 410  # says that nobody wants to be told any more
# What became of an attempt.
TAKEN, REFUSED, SILENT, LOST, ENDED = "taken", "refused", "no_answer", "lost", "ended"


@dataclass(slots=True)
class Subscription:
    """Who is told what, and how; times are business seconds.

    An event is sent ``delay_s`` after it happened, ``copies`` times, ``apart_s`` from each other.
    A share ``lost`` of the events is never sent; a share ``reorder`` waits ``window_s`` longer, so
    that what happens meanwhile overtakes it. Who does not take it hears of it again after each of
    ``retry_after_s``, counted from the attempt before.
    """

    url: str
    events: tuple[str, ...]
    delay_s: float = 0.0
    copies: int = 1
    apart_s: float = 0.0
    reorder: float = 0.0
    window_s: float = 60.0
    lost: float = 0.0
    retry_after_s: tuple[float, ...] = (5.0, 30.0, 300.0, 1_800.0)
    ended: bool = False  # it said that it is gone, or was taken away


@dataclass(slots=True, frozen=True)
class Delivery:
    """One attempt that is to be made at a moment; ``copy`` and ``attempt`` count from 1."""

    number: int
    event: Event
    to: Subscription
    due_s: float
    copy: int = 1
    attempt: int = 1
    again: bool = False  # somebody asked for it to be sent once more


@dataclass(slots=True, frozen=True)
class Row:
    """One line of the log: an attempt that was made, or one that was not and why."""

    event: str
    type: str
    url: str
    copy: int
    attempt: int
    again: bool
    due_s: float
    at_s: float
    outcome: str
    status: int | None = None
    problem: str = ""


@dataclass(slots=True)
class Outbox:
    """What one tenant tells; a ``Listener`` of its core bank, and of its acquirer's orders."""

    tenant: str
    seed: Seed
    clock: ServedClock
    subscriptions: list[Subscription] = field(default_factory=list)
    events: dict[str, Event] = field(default_factory=dict)
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    pending: dict[int, Delivery] = field(default_factory=dict)
    planned: int = 0  # deliveries so far

    @property
    def secret(self) -> str:
        """What its callbacks are signed with."""
        return secret_of(self.tenant, self.seed.value)

    def subscribe(self, subscriptions: list[Subscription]) -> None:
        """Tell these from now on; what was on its way to others is not sent any more."""
        for each in self.subscriptions:
            each.ended = True
        self.pending.clear()
        self.subscriptions = subscriptions

    # What it is told.

    def settled(self, key: Key, posted: Posted) -> None:
        """A write became final."""
        self._tell(of_write(key, posted), key.bank)

    def day_closed(self, bank: str, on: date, next_on: date) -> None:
        """A bank's accounting date was sealed."""
        self._tell(of_day(bank, on, next_on), bank)

    def ready(self, order: str) -> None:
        """An order of a merchant's takings is ready."""
        self._tell(of_order(order), "")

    def wake(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen at its moment, though nobody asks."""
        self.clock.later(at_s, happens)

    def _tell(self, told: Told, bank: str) -> None:
        wanted = [
            (number, to)
            for number, to in enumerate(self.subscriptions, 1)
            if told.type in to.events and not to.ended
        ]
        if not wanted:
            return
        now_s = self.clock.now_s
        event = event_of(told, self.tenant, self.seed.value, self.clock.start, now_s)
        self.events[event.id] = event
        if len(self.events) > EVENTS_KEPT:
            del self.events[next(iter(self.events))]
        for number, to in wanted:
            draws = self.seed.draws(f"callbacks.{told.type}", bank, told.name, number, 1)
            if draws.uniform(FAULT) < to.lost:
                self._note(_row(Delivery(0, event, to, now_s), now_s, LOST))
                continue
            due_s = now_s + to.delay_s
            if draws.uniform(KIND) < to.reorder:
                due_s += to.window_s
            for copy in range(to.copies):
                self._plan(event, to, due_s + copy * to.apart_s, copy=copy + 1)

    # What it sends.

    def _plan(self, event: Event, to: Subscription, due_s: float, **said: Any) -> Delivery:
        self.planned += 1
        made = Delivery(self.planned, event, to, due_s, **said)
        self.pending[made.number] = made
        self.clock.later(due_s, partial(self.deliver, made))
        return made

    async def deliver(self, it: Delivery) -> Row:
        """Make one attempt, and plan the next where it was not taken; return the log's line."""
        at_s, to = self.clock.now_s, it.to
        if to.ended:
            self.pending.pop(it.number, None)
            return self._note(_row(it, at_s, ENDED))
        heard = await send(to.url, self.secret, it.event)
        self.pending.pop(it.number, None)
        outcome = _outcome(heard)
        row = self._note(_row(it, at_s, outcome, heard))
        if heard.status == GONE:
            to.ended = True
        elif outcome != TAKEN and it.attempt <= len(to.retry_after_s):
            due_s = at_s + to.retry_after_s[it.attempt - 1]
            said = {"copy": it.copy, "attempt": it.attempt + 1, "again": it.again}
            self._plan(it.event, to, due_s, **said)
        return row

    async def repeat(self, event: str) -> list[Row]:
        """Send an event again, now, to everybody who wants its kind; return the log's lines.

        Raises:
            InputError: no such event is kept, or nobody wants it.
        """
        found = self.events.get(event)
        if found is None:
            raise InputError(f"event {event[:80]!r}", "is unknown", nearest(event, self.events))
        wanted = [to for to in self.subscriptions if found.type in to.events and not to.ended]
        if not wanted:
            problem = f"nobody wants to be told of {found.type}"
            raise InputError(f"event {event!r}", problem, "PUT /_control/callbacks first")
        now_s, rows = self.clock.now_s, []
        for to in wanted:
            self.planned += 1
            rows.append(await self.deliver(Delivery(self.planned, found, to, now_s, again=True)))
        return rows

    def _note(self, row: Row) -> Row:
        self.rows.append(row)
        return row


def _outcome(heard: Heard) -> str:
    if heard.status is None:
        return SILENT
    return TAKEN if heard.status // 100 == 2 else REFUSED


def _row(it: Delivery, at_s: float, outcome: str, heard: Heard | None = None) -> Row:
    status, problem = heard or Heard(None)
    named = (it.event.id, it.event.type, it.to.url, it.copy, it.attempt, it.again)
    return Row(*named, it.due_s, at_s, outcome, status, problem)
