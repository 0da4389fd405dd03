"""What a rollout came to, counted from the platform's own records, bank by bank."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from core.application import Application, Step
from core.store.records import (
    Account,
    Contract,
    Customer,
    Drawdown,
    DrawState,
    Line,
    Repayment,
    Session,
)

if TYPE_CHECKING:
    from datetime import date

    from core.store.memory import MemoryStore


@dataclass(slots=True)
class Counts:
    """The counts of ``summary.json``. Amounts are fen."""

    visited: int = 0
    registered: int = 0
    applied: int = 0
    granted: int = 0
    granted_fen: int = 0
    accounts_opened: int = 0
    signed: int = 0
    drawn_customers: int = 0
    drawdowns: int = 0
    drawn_fen: int = 0
    repaid_fen: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(slots=True)
class Tally:
    """The counts of each bank that is live, the refusals by reason, and drawers by day."""

    banks: dict[str, Counts]
    live_from: dict[str, date]
    drawn_by_day: Counter[date]

    @property
    def totals(self) -> Counts:
        """All banks together."""
        total = Counts()
        for counts in self.banks.values():
            total.add(counts)
        return total


def tally(store: MemoryStore, live_from: dict[str, date]) -> Tally:
    """Count a store's records."""
    counts = {bank: Counts() for bank in sorted(live_from)}
    tables = store.tables
    for session in tables[Session].values():
        counts[session.bank].visited += 1
    for customer in tables[Customer].values():
        counts[customer.bank].registered += 1
    for app in tables[Application].values():
        counts[app.bank].applied += any(step is Step.APPLY for step, _ in app.history)
    for line in tables[Line].values():
        counts[line.bank].granted += 1
        counts[line.bank].granted_fen += line.limit_fen
    for account in tables[Account].values():
        counts[account.bank].accounts_opened += account.opened
    for contract in tables[Contract].values():
        counts[contract.bank].signed += 1
    first_draw: dict[str, date] = {}
    for draw in tables[Drawdown].values():
        if draw.state is DrawState.DONE:
            counts[draw.bank].drawdowns += 1
            counts[draw.bank].drawn_fen += draw.amount_fen
            if draw.application not in first_draw:
                counts[draw.bank].drawn_customers += 1
            first_draw[draw.application] = min(
                draw.asked_on, first_draw.get(draw.application, draw.asked_on)
            )
    for paid in tables[Repayment].values():
        if paid.state is DrawState.DONE:
            counts[paid.bank].repaid_fen += paid.amount_fen
    return Tally(counts, dict(sorted(live_from.items())), Counter(first_draw.values()))
