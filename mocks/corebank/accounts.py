"""Customers' accounts: their class, what is bound to them, and the limits of class II.

A class II account (二类户) has two counters, inflow and outflow, a day and a year each. They count
what passes to and from accounts that are not bound; the own bank's loan, its repayment and the
bound account are outside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.ports.corebank import AccountClass

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber
    from mocks.corebank.ledger import Account

CLASS_II_MAX = 5  # accounts of one person at one bank


class Flow(StrEnum):
    """Which way money passes that is counted."""

    IN = "in"
    OUT = "out"


class Limit(NamedTuple):
    """The most that may pass in a day and in a year."""

    day_fen: int
    year_fen: int


# 银发〔2016〕261号 and what followed; class I has none.
LIMITS: dict[tuple[AccountClass, Flow], Limit] = {
    (AccountClass.II, Flow.IN): Limit(1_000_000, 20_000_000),
    (AccountClass.II, Flow.OUT): Limit(1_000_000, 20_000_000),
    (AccountClass.III, Flow.OUT): Limit(200_000, 5_000_000),
}


@dataclass(slots=True)
class Deposit:
    """A customer's account at one bank. ``owner`` is the ID number's text.

    ``opening_fen`` is what it held before the scenario began, None once the book has it.
    """

    card: CardNumber
    account_class: AccountClass
    owner: str
    ledger: Account
    bound: CardNumber | None = None
    closed: bool = False
    opening_fen: int | None = None
    counted_fen: dict[tuple[Flow, date | int], int] = field(default_factory=dict)

    def room_fen(self, flow: Flow, day: date) -> int | None:
        """Return how much may still pass on ``day``; None where nothing limits it."""
        limit = LIMITS.get((self.account_class, flow))
        if limit is None:
            return None
        today = limit.day_fen - self.counted_fen.get((flow, day), 0)
        year = limit.year_fen - self.counted_fen.get((flow, day.year), 0)
        return min(today, year)

    def count(self, flow: Flow, day: date, amount_fen: int) -> None:
        """Count what passed on ``day``, in its day and its year."""
        for period in (day, day.year):
            name: tuple[Flow, date | int] = (flow, period)
            self.counted_fen[name] = self.counted_fen.get(name, 0) + amount_fen
