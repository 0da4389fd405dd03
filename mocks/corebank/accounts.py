"""Customers' accounts: their class, what is bound to them, and how much may pass unbound.

A class II account (二类户) has two counters, inflow and outflow, a day and a year each; a class III
account (三类户) an outflow counter and a cap on its balance. They count what passes to and from
accounts that are not bound, cash and consumption; the own bank's loan, its repayment, investments
and the bound account are outside them. Days are the bank's accounting dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.ports.corebank import AccountClass, CoreCode

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber
    from core.ports.corebank import Entry
    from mocks.corebank.ledger import Account


class Flow(StrEnum):
    """Which way money passes that is counted."""

    IN = "in"
    OUT = "out"


class Limit(NamedTuple):
    """The most that may pass in a day and in a year."""

    day_fen: int
    year_fen: int


# 银发〔2016〕261号 and what followed (corebank_rules.json, account_classes); class I has none.
LIMITS: dict[tuple[AccountClass, Flow], Limit] = {
    (AccountClass.II, Flow.IN): Limit(1_000_000, 20_000_000),
    (AccountClass.II, Flow.OUT): Limit(1_000_000, 20_000_000),
    (AccountClass.III, Flow.OUT): Limit(200_000, 5_000_000),
}
BALANCE_CAP_FEN = {AccountClass.III: 200_000}
# Accounts of one person at one bank. Class II: medium confidence; class III: from memory (low).
MOST_ACCOUNTS = {AccountClass.II: 5, AccountClass.III: 5}

PURPOSES = ("transfer", "consumption", "cash", "investment")
UNCOUNTED = "investment"  # purchase and redemption are outside the limits


@dataclass(slots=True)
class Deposit:
    """A customer's account at one bank. ``owner`` is the ID number's text.

    ``opening_fen`` is what it held before the scenario began, None once the book has it.
    ``frozen`` is receive-only (只收不付); ``confirmed`` says that staff saw the customer.
    """

    card: CardNumber
    account_class: AccountClass
    owner: str
    ledger: Account
    bound: CardNumber | None = None
    closed: bool = False
    opening_fen: int | None = None
    frozen: bool = False
    confirmed: bool = False
    loans: list[str] = field(default_factory=list)  # paid out into it
    history: list[Entry] = field(default_factory=list)  # in the order of booking
    counted_fen: dict[tuple[Flow, date | int], int] = field(default_factory=dict)

    @property
    def balance_fen(self) -> int:
        """What stands on it."""
        return -self.ledger.balance_fen

    @property
    def sees_unbound(self) -> bool:
        """Whether unbound money may come in at all: at an account opened online it may not."""
        return self.confirmed or self.account_class is AccountClass.I

    def room_fen(self, flow: Flow, day: date) -> int | None:
        """Return how much may still pass on ``day``; None where nothing limits it."""
        limit = LIMITS.get((self.account_class, flow))
        if limit is None:
            return None
        today = limit.day_fen - self.counted_fen.get((flow, day), 0)
        year = limit.year_fen - self.counted_fen.get((flow, day.year), 0)
        return min(today, year)

    def count(self, flow: Flow, day: date, amount_fen: int) -> None:
        """Count what passed on ``day``, in its day and its year; a negative amount takes it back.

        Nothing is counted where nothing is limited.
        """
        if (self.account_class, flow) not in LIMITS:
            return
        for period in (day, day.year):
            name: tuple[Flow, date | int] = (flow, period)
            self.counted_fen[name] = self.counted_fen.get(name, 0) + amount_fen

    def cap_room_fen(self) -> int | None:
        """Return how much more it may hold; None where nothing caps it."""
        cap_fen = BALANCE_CAP_FEN.get(self.account_class)
        return None if cap_fen is None else max(0, cap_fen - self.balance_fen)

    def pays(self, amount_fen: int, day: date, *, counted: bool) -> CoreCode | None:
        """Return why the customer may not pay this out of it; whether it holds it, the book says.

        ``counted``: it goes to an account that is not bound, and counts.
        """
        if self.closed:
            return CoreCode.ACCOUNT_CLOSED
        if self.frozen:
            return CoreCode.ACCOUNT_FROZEN
        room_fen = self.room_fen(Flow.OUT, day) if counted else None
        return CoreCode.OVER_LIMIT if room_fen is not None and amount_fen > room_fen else None

    def takes(self, amount_fen: int, day: date, *, counted: bool) -> CoreCode | None:
        """Return why this may not come into it."""
        if self.closed:
            return CoreCode.ACCOUNT_CLOSED
        if counted:
            if not self.sees_unbound:
                return CoreCode.NOT_CONFIRMED
            room_fen = self.room_fen(Flow.IN, day)
            if room_fen is not None and amount_fen > room_fen:
                return CoreCode.OVER_LIMIT
        cap_fen = self.cap_room_fen()
        return CoreCode.OVER_BALANCE_CAP if cap_fen is not None and amount_fen > cap_fen else None


class Count(NamedTuple):
    """Something counted on an account: what a reversal gives back."""

    deposit: Deposit
    flow: Flow
    day: date
    amount_fen: int

    def book(self, sign: int = 1) -> None:
        """Count it, or take it back."""
        self.deposit.count(self.flow, self.day, sign * self.amount_fen)
