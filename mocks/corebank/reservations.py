"""Two phases (预授权): money is set aside first, and leaves later, in whole, in part or not.

A reservation is checked as if all of it were to leave: what stands on the account, less what is
set aside, is never below zero, and the limits count it at once. So the second phase cannot fail for
the account's sake, not even when it was frozen meanwhile. What is committed is in transit with the
payment network (3001.01); the rest falls back, and so does its count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.ports.corebank import CoreCode
from mocks.corebank.accounts import Count, Flow
from mocks.corebank.chart import IN_TRANSIT
from mocks.corebank.keys import amounts

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Key, ReserveQuery, ResolveQuery
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.bank import Bank
    from mocks.corebank.keys import Fate
    from mocks.corebank.union import Union


class Ended(StrEnum):
    """How a reservation stands; it ends once."""

    LIVE = "live"
    COMMITTED = "committed"
    RELEASED = "released"
    TIMED_OUT = "timed_out"


@dataclass(slots=True)
class Reservation:
    """Money set aside on an account under the key that asked for it, counted on ``day``."""

    key: Key
    deposit: Deposit
    amount_fen: int
    day: date
    expires_s: float | None
    state: Ended = Ended.LIVE
    committed_fen: int = 0
    resolved_by: Key | None = None

    def is_over(self, now_s: float) -> bool:
        """Whether it lives, though its time has passed."""
        if self.state is not Ended.LIVE or self.expires_s is None:
            return False
        return self.expires_s <= now_s

    def end(self, state: Ended, committed_fen: int = 0) -> None:
        """End it: nothing is set aside any more, and what does not leave is not counted."""
        assert self.state is Ended.LIVE, f"{self.key} ended before"
        self.deposit.ledger.held_fen -= self.amount_fen
        rest_fen = self.amount_fen - committed_fen
        self.deposit.count(Flow.OUT, self.day, -rest_fen)
        self.state, self.committed_fen = state, committed_fen


def reserve(union: Union, bank: Bank, query: ReserveQuery, on: date, now_s: float) -> Fate:
    """Set money aside; no entry is made."""
    if not amounts(query.amount_fen):
        return bank.rejected(CoreCode.BAD_AMOUNT)
    if query.expires_s is not None and query.expires_s <= now_s:
        return bank.rejected(CoreCode.EXPIRED)
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    code = deposit.pays(query.amount_fen, on, counted=True)
    code = code or bank.book.refusal([(deposit.ledger, query.amount_fen)], on)
    if code is not None:
        return bank.rejected(code)
    bank.bring_in(deposit)
    deposit.ledger.held_fen += query.amount_fen
    deposit.count(Flow.OUT, on, query.amount_fen)
    bank.reservations[query.key] = Reservation(
        query.key, deposit, query.amount_fen, on, query.expires_s
    )
    return bank.noted(query.key, on)


def resolve(union: Union, bank: Bank, query: ResolveQuery, on: date, now_s: float) -> Fate:
    """Commit a part of a reservation, or release all of it.

    What is committed is always booked as a customer's write: on a date that is ending, what was
    set aside may have come in after its cut-off.
    """
    del union, now_s
    on = max(on, bank.date_for(""))
    if not amounts(query.amount_fen, 1):  # nothing at all is an amount here
        return bank.rejected(CoreCode.BAD_AMOUNT)
    found = bank.reservations.get(query.reservation)
    if found is None:
        return bank.rejected(CoreCode.NO_RESERVATION)
    if found.state is not Ended.LIVE:
        return bank.rejected(CoreCode.RESERVATION_ENDED)
    if query.amount_fen > found.amount_fen:
        return bank.rejected(CoreCode.OVER_RESERVED)
    found.resolved_by = query.key
    if not query.amount_fen:
        found.end(Ended.RELEASED)
        return bank.noted(query.key, on)
    found.end(Ended.COMMITTED, query.amount_fen)
    parts = {"amount": query.amount_fen}
    moves = bank.moves("commit", parts, card=found.deposit.ledger)
    fate = bank.booked(query.key, "commit", moves, on, (found.deposit,))
    assert fate.entry is not None, "what was set aside is there"
    fate.subject = found.deposit.card.text
    fate.counts = (Count(found.deposit, Flow.OUT, found.day, query.amount_fen),)
    return fate


def expire(bank: Bank, until_s: float) -> None:
    """Let every reservation fall back whose time is over."""
    for found in bank.reservations.values():
        if found.is_over(until_s):
            found.end(Ended.TIMED_OUT)


def pending(bank: Bank) -> dict[str, int]:
    """Return what is set aside as legs that wait, debit positive; they sum to zero."""
    waiting: dict[str, int] = {}
    for found in bank.reservations.values():
        if found.state is Ended.LIVE:
            name = found.deposit.ledger.name
            waiting[name] = waiting.get(name, 0) + found.amount_fen
    if waiting:
        waiting[IN_TRANSIT] = -sum(waiting.values())
    return waiting
