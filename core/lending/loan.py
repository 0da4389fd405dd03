"""A loan as the book keeps it, and the bookings that follow from what happens to it.

A debt is told twice. By contract: rows, what was paid of each, and what of the past ones is late.
By the books: principal stands in one of three pots, normal, overdue and non-accrual, as in the
core bank's general ledger (1303.01 to .03), interest and penalty either among the receivables
(1132.01, .02) or, of a loan in non-accrual, in the memo books (M9001). Rows are never changed,
only replaced, so a contract may keep the rows it was signed with.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass

# A store reads loans back by their types, which must therefore be known at run time.
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from core.lending.classification import Category
from core.lending.conditions import Conditions
from core.lending.schedule import Convention, Row
from core.ports.corebank import Adjustment
from core.products import Method

A_DAY = timedelta(days=1)


class LoanState(StrEnum):
    """Where a loan stands."""

    LIVE = "live"
    OVERDUE = "overdue"
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"  # 核销: off the balance sheet, and still owed
    REVERSED = "reversed"  # its payout was taken back on the same day: never owed


ENDED = (LoanState.SETTLED, LoanState.REVERSED)
# What no day changes any more: nothing accrues, nothing falls due.
STILL = (*ENDED, LoanState.WRITTEN_OFF)


class Booking(NamedTuple):
    """One entry of the loan book for the core bank to post.

    Bookings are posted in the order they are returned in; a kind comes at most once a call.
    """

    kind: Adjustment
    amount_fen: int


@dataclass(slots=True)
class Loan:
    """One drawdown. Amounts are fen, rates millionths a year.

    ``row`` is the index of the row whose due date has not passed; rows before it are past, paid
    or late. Its interest accrues in segments of one balance: ``since`` is where the present one
    began, ``since_fen`` what the row had accrued by then. ``late_since`` is the due date of the
    oldest row that is not paid; while penalty alone is left it stays where it was.
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
    convention: Convention
    conditions: Conditions
    rows: list[Row]
    paid_principal_fen: list[int]  # row by row
    paid_interest_fen: list[int]

    since: date
    accrued_through: date
    closed_on: date  # the last day whose day end has touched the loan

    normal_fen: int  # principal not repaid, by pot
    overdue_fen: int = 0
    non_accrual_fen: int = 0
    prepaid_fen: int = 0  # principal repaid before its row

    row: int = 0
    row_accrued_fen: int = 0
    since_fen: int = 0
    late_since: date | None = None
    late_principal_fen: int = 0  # of past rows, unpaid, in whatever pot
    late_interest_fen: int = 0  # likewise: bears compound interest (复利)

    accrued_fen: int = 0  # interest accrued in the loan's life, paid, and standing off balance
    interest_paid_fen: int = 0
    memo_interest_fen: int = 0

    penalty_units: int = 0  # fen x ppm x days, so that penalty is rounded once in a life
    penalty_accrued_fen: int = 0
    penalty_paid_fen: int = 0
    memo_penalty_fen: int = 0

    non_accrual: bool = False
    allowance_fen: int = 0
    written_off_fen: int = 0  # principal written off and not recovered yet (M9002)
    recovered_fen: int = 0

    state: LoanState = LoanState.LIVE
    category: Category = Category.NORMAL
    provided_as: Category = Category.NORMAL  # the category that the allowance was reckoned for
    version: int = 0

    @property
    def outstanding_fen(self) -> int:
        """Principal on the balance sheet, in every pot."""
        return self.normal_fen + self.overdue_fen + self.non_accrual_fen

    @property
    def future_fen(self) -> int:
        """Principal whose row's due date has not passed."""
        return self.outstanding_fen - self.late_principal_fen

    @property
    def owed_interest_fen(self) -> int:
        """Interest accrued and not paid, on the balance sheet and off it."""
        return self.accrued_fen - self.interest_paid_fen

    @property
    def owed_penalty_fen(self) -> int:
        """Penalty and compound interest accrued and not paid, on the balance sheet and off it."""
        return self.penalty_accrued_fen - self.penalty_paid_fen

    @property
    def interest_fen(self) -> int:
        """Interest receivable, on the balance sheet."""
        return self.accrued_fen - self.interest_paid_fen - self.memo_interest_fen

    @property
    def penalty_fen(self) -> int:
        """Penalty and compound interest receivable, on the balance sheet."""
        return self.penalty_accrued_fen - self.penalty_paid_fen - self.memo_penalty_fen

    @property
    def debt_fen(self) -> int:
        """All that the customer owes as of the last accrual, on and off the balance sheet."""
        principal_fen = self.outstanding_fen + self.written_off_fen
        return principal_fen + self.owed_interest_fen + self.owed_penalty_fen

    def paid(self, index: int) -> bool:
        """Whether nothing of a row is left to pay."""
        row = self.rows[index]
        return (
            self.paid_principal_fen[index] == row.principal_fen
            and self.paid_interest_fen[index] == row.interest_fen
        )

    def days_overdue(self, on: date) -> int:
        """How many days the oldest arrears are late; 0 where there are none."""
        return (on - self.late_since).days if self.late_since is not None else 0

    def next_day_end(self) -> date | None:
        """The next day whose day end must touch the loan, None where there is none.

        A due date (the core collects), the day after one that was not paid (it turns overdue),
        every month end, and every day while something is late. What a payment has changed, the
        pot or the allowance, is booked by the next day end.
        """
        tomorrow = self.closed_on + A_DAY
        if self.state in STILL:
            return tomorrow if self.allowance_fen else None
        changed = self.non_accrual or self.category is not self.provided_as
        if self.late_since is not None or changed:
            return tomorrow
        index = self.row
        while self.paid(index):  # ends: what is not settled has a row that is not paid
            index += 1
        year, month = tomorrow.year, tomorrow.month
        month_end = date(year, month, monthrange(year, month)[1])
        return max(tomorrow, min(self.rows[index].due, month_end))
