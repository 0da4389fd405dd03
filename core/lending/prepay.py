"""Early repayment (提前还款): what a payment makes of the rows, and what one would pay.

What is due comes first, then the interest up to the day, then principal that is not due. The rows
that are left keep their dates; either all of them get smaller, or there are fewer of them, none
larger than before. There is no fee: the core bank has no account that it could be booked to.
"""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from core.calendar import add_months
from core.lending.accrual import next_row, turn
from core.lending.allocation import Allocation, owed
from core.lending.conditions import Prepay
from core.lending.schedule import Row, schedule
from core.money import divide, interest_fen
from core.products import Method, Roll

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan

# With these, principal falls due in one sum: there is no instalment that could stay as it is.
ONE_SUM = (Method.BULLET, Method.DAILY)


class Rest(NamedTuple):
    """What is left of a loan after an early repayment that was only asked about."""

    allocation: Allocation
    rows: list[Row]  # those not past
    saved_fen: int  # interest that the rows carry less than before


def payoff_quote(loan: Loan, on: date) -> Allocation:
    """Return what settles the loan on a date, part by part; the loan stays as it is."""
    then = at(loan, on)
    return Allocation(on, owed(then), non_accrual=then.non_accrual)


def at(loan: Loan, on: date) -> Loan:
    """Return a loan as it will be on a date if nobody pays; the loan itself stays as it is."""
    assert on >= loan.accrued_through, f"{loan.id}: {on} is past"
    then = copy(loan)  # turning replaces values and never changes a list, so sharing is safe
    turn(then, on)
    return then


def reschedule(loan: Loan) -> None:
    """Make the remaining rows anew after an early repayment.

    The current row keeps what it accrued on the old balance and adds the rest of its period on
    the new one.
    """
    on = loan.accrued_through
    if loan.rows[loan.row].due == on:
        assert loan.paid(loan.row), f"{loan.id}: principal repaid early before what is due"
        next_row(loan)
    index, current = loan.row, loan.rows[loan.row]
    if loan.future_fen:
        rows = _rows_left(loan)
        rows[0].interest_fen = loan.row_accrued_fen + _rest_fen(loan, rows[0])
        for number, row in enumerate(rows, index + 1):
            row.number = number
    else:
        rows = [Row(current.number, current.due, 0, loan.row_accrued_fen, 0)]
    unpaid = [0] * (len(rows) - 1)
    loan.rows = loan.rows[:index] + rows
    loan.paid_principal_fen = [*loan.paid_principal_fen[: index + 1], *unpaid]
    loan.paid_interest_fen = [*loan.paid_interest_fen[: index + 1], *unpaid]
    loan.since, loan.since_fen = on, loan.row_accrued_fen


def _rows_left(loan: Loan) -> list[Row]:
    """Return the rows of what is left, from the beginning of the current one, on the old dates.

    Amounts follow the dates as agreed, so that no holiday changes an instalment; when a row is
    really due stands in the old rows.
    """
    old, index, begin = loan.rows[loan.row :], loan.row, _agreed_begin(loan)
    convention = replace(
        loan.convention,
        first_due=None if index else loan.convention.first_due,
        grace_rows=max(0, loan.convention.grace_rows - index),
        deferred_rows=max(0, loan.convention.deferred_rows - index),
        roll=Roll.NONE,
    )

    def of(months: int) -> list[Row]:
        return schedule(loan.method, loan.future_fen, loan.rate_ppm, begin, months, convention)

    months = len(old)
    if loan.conditions.prepay is Prepay.SHORTER and months > 1 and loan.method not in ONE_SUM:
        # The current row is left out: it may carry interest of a balance that was larger.
        level_fen = _level_fen(loan, old[1:])
        least = 1 + max(convention.grace_rows, convention.deferred_rows)
        terms = range(least, months)
        months = least + bisect_left(terms, -level_fen, key=lambda n: -_level_fen(loan, of(n)))
    rows = of(months)
    for row, was in zip(rows, old, strict=False):
        row.due = was.due
    return rows


def _agreed_begin(loan: Loan) -> date:
    """Return where the current row begins by agreement, before any date rolled."""
    index, convention = loan.row, loan.convention
    if not index:
        return loan.drawn_on
    if convention.roll is Roll.NONE:
        return loan.rows[index - 1].due
    first, count = convention.first_due, convention.period.count
    if first is not None:
        return add_months(first, count * (index - 1), convention.due_day)
    return add_months(loan.drawn_on, count * index, convention.due_day)


def _level_fen(loan: Loan, rows: list[Row]) -> int:
    """Return the largest instalment of some rows, or the largest principal of EQUAL_PRINCIPAL."""
    if loan.method is Method.EQUAL_PRINCIPAL:
        return max(row.principal_fen for row in rows)
    return max(row.total_fen for row in rows)


def _rest_fen(loan: Loan, row: Row) -> int:
    """Return the interest from today to the end of a row's period, on the new balance."""
    begin = loan.rows[loan.row - 1].due if loan.row else loan.drawn_on
    days = (row.due - loan.accrued_through).days
    if loan.method is Method.DAILY and loan.convention.roll is Roll.NONE:
        rounding = loan.convention.rounding
        return interest_fen(loan.future_fen, loan.rate_ppm, days, rounding=rounding)
    return divide(row.interest_fen * days, (row.due - begin).days)
