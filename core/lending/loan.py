"""A loan as the book keeps it, and the bookings that follow from what happens to it.

Principal stands in two pots, normal and overdue, as in the core bank's general ledger (1303.01
and 1303.02); interest and penalty are receivables that only accrual fills and only payment
empties. Rows are never changed, only replaced, so a contract may keep the rows it was signed
with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.lending.classification import Category

if TYPE_CHECKING:
    from datetime import date

    from core.lending.schedule import Row
    from core.ports.corebank import Adjustment
    from core.products import Method

A_DAY = timedelta(days=1)


class LoanState(StrEnum):
    """Where a loan stands."""

    LIVE = "live"
    OVERDUE = "overdue"
    SETTLED = "settled"


class Booking(NamedTuple):
    """One entry of the loan book for the core bank to post."""

    kind: Adjustment
    amount_fen: int


@dataclass(slots=True)
class Loan:
    """One drawdown. Amounts are fen, rates millionths a year.

    ``row`` is the index of the row whose due date has not passed; rows before it are past, paid
    or overdue. Its interest accrues in segments of one balance: ``since`` is where the present
    one began, ``since_fen`` what the row had accrued by then.
    """

    id: str
    bank: str
    product: str
    application: str
    account: str
    method: Method
    principal_fen: int
    rate_ppm: int
    penalty_rate_ppm: int
    drawn_on: date
    due_day: int
    rows: list[Row]

    normal_fen: int
    overdue_fen: int = 0
    prepaid_fen: int = 0  # principal repaid before its row
    paid_principal_fen: list[int] = field(default_factory=list)  # row by row
    paid_interest_fen: list[int] = field(default_factory=list)

    row: int = 0
    row_accrued_fen: int = 0
    since: date = field(init=False)
    since_fen: int = 0
    accrued_fen: int = 0  # interest accrued in the loan's life, and paid
    interest_paid_fen: int = 0
    overdue_interest_fen: int = 0  # of past rows, unpaid: bears compound interest (复利)

    penalty_units: int = 0  # fen x ppm x days, so that penalty is rounded once in a life
    penalty_accrued_fen: int = 0
    penalty_paid_fen: int = 0

    accrued_through: date = field(init=False)
    closed_on: date = field(init=False)  # the last day whose day end has touched the loan
    state: LoanState = LoanState.LIVE
    category: Category = Category.NORMAL

    def __post_init__(self) -> None:
        self.since = self.accrued_through = self.closed_on = self.drawn_on
        self.paid_principal_fen = [0] * len(self.rows)
        self.paid_interest_fen = [0] * len(self.rows)

    @property
    def outstanding_fen(self) -> int:
        """Principal not repaid, normal and overdue."""
        return self.normal_fen + self.overdue_fen

    @property
    def interest_fen(self) -> int:
        """Interest accrued and not paid."""
        return self.accrued_fen - self.interest_paid_fen

    @property
    def penalty_fen(self) -> int:
        """Penalty and compound interest accrued and not paid."""
        return self.penalty_accrued_fen - self.penalty_paid_fen

    def paid(self, index: int) -> bool:
        """Whether nothing of a row is left to pay."""
        row = self.rows[index]
        return (
            self.paid_principal_fen[index] == row.principal_fen
            and self.paid_interest_fen[index] == row.interest_fen
        )

    def days_overdue(self, on: date) -> int:
        """How many days the oldest unpaid past row is late; 0 where none is."""
        if self.overdue_fen or self.overdue_interest_fen:
            for index in range(self.row):
                if not self.paid(index):
                    return (on - self.rows[index].due).days
        return 0

    def next_day_end(self) -> date | None:
        """The next day whose day end must touch the loan, None where it is settled.

        A due date (the core collects), the day after one that was not paid (it turns overdue),
        and every day while something is overdue.
        """
        if self.state is LoanState.SETTLED:
            return None
        tomorrow = self.closed_on + A_DAY
        if self.state is LoanState.OVERDUE:
            return tomorrow
        index = self.row
        while self.paid(index):  # ends: what is not settled has a row that is not paid
            index += 1
        return max(self.rows[index].due, tomorrow)
