"""The loan book: lend, turn the day, take a payment, quote a pay-off.

The order of use on any date: ``turn`` the loan (``day_end`` in the day end) and have the core
bank post its bookings; ``allocate`` a payment and have the core bank collect it; then ``pay``.
While a collection is on its way, its outcome unknown, the loan is not turned: an allocation is
good for its own date only.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from core.lending.accrual import accrue, day_end, next_row, turn
from core.lending.allocation import (
    NOT_EARLY,
    ORDER,
    Allocation,
    Part,
    allocate,
    due_fen,
    owed,
)
from core.lending.classification import category
from core.lending.loan import Booking, Loan, LoanState
from core.lending.pricing import penalty_rate_ppm
from core.lending.schedule import Convention, Row, schedule
from core.money import divide, interest_fen
from core.products import Method

if TYPE_CHECKING:
    from datetime import date

    from core.products import Product

__all__ = [
    "NOT_EARLY",
    "ORDER",
    "Allocation",
    "Booking",
    "Loan",
    "LoanState",
    "Part",
    "accrue",
    "allocate",
    "day_end",
    "due_fen",
    "lend",
    "owed",
    "pay",
    "payoff_quote",
    "turn",
]


def lend(  # noqa: PLR0913, PLR0917  a loan begins with just these facts
    loan_id: str,
    product: Product,
    application: str,
    account: str,
    principal_fen: int,
    rate_ppm: int,
    drawn_on: date,
) -> Loan:
    """Return the loan of a payout: its schedule, its penalty rate, all principal normal."""
    assert principal_fen > 0, f"{loan_id}: {principal_fen} fen"
    return Loan(
        id=loan_id,
        bank=product.bank,
        product=product.id,
        application=application,
        account=account,
        method=product.method,
        principal_fen=principal_fen,
        rate_ppm=rate_ppm,
        penalty_rate_ppm=penalty_rate_ppm(rate_ppm, product.pricing.overdue_surcharge_pct),
        drawn_on=drawn_on,
        due_day=drawn_on.day,
        rows=schedule(product.method, principal_fen, rate_ppm, drawn_on, product.months),
        normal_fen=principal_fen,
    )


def payoff_quote(loan: Loan, on: date) -> Allocation:
    """Return what settles the loan on a date, part by part; the loan stays as it is."""
    assert on >= loan.accrued_through, f"{loan.id}: {on} is past"
    then = copy(loan)  # turning replaces values and never changes a list, so sharing is safe
    turn(then, on)
    return Allocation(on, owed(then))


def pay(loan: Loan, allocation: Allocation) -> None:
    """Book a collected payment. Paying everything off settles the loan."""
    debt, parts = owed(loan), allocation.parts
    assert allocation.on == loan.accrued_through, f"{loan.id}: allocated on {allocation.on}"
    assert all(0 <= parts[part] <= debt[part] for part in Part), f"{loan.id}: more than owed"
    loan.penalty_paid_fen += parts[Part.PENALTY]
    loan.interest_paid_fen += allocation.interest_fen
    _pay_past_rows(loan, parts[Part.OVERDUE_INTEREST], parts[Part.OVERDUE_PRINCIPAL])
    if loan.row < len(loan.rows):
        row_interest_fen = parts[Part.DUE_INTEREST] + parts[Part.EARLY_INTEREST]
        loan.paid_interest_fen[loan.row] += row_interest_fen
        loan.paid_principal_fen[loan.row] += parts[Part.DUE_PRINCIPAL]
    loan.normal_fen -= allocation.principal_fen
    if parts[Part.EARLY_PRINCIPAL]:
        loan.prepaid_fen += parts[Part.EARLY_PRINCIPAL]
        _reschedule(loan)
    _restate(loan)


def _pay_past_rows(loan: Loan, interest_paid_fen: int, principal_paid_fen: int) -> None:
    """Spread what pays overdue parts over the past rows, the oldest first."""
    loan.overdue_interest_fen -= interest_paid_fen
    loan.overdue_fen -= principal_paid_fen
    for index in range(loan.row):
        if not interest_paid_fen and not principal_paid_fen:
            return
        row = loan.rows[index]
        part_fen = min(interest_paid_fen, row.interest_fen - loan.paid_interest_fen[index])
        loan.paid_interest_fen[index] += part_fen
        interest_paid_fen -= part_fen
        part_fen = min(principal_paid_fen, row.principal_fen - loan.paid_principal_fen[index])
        loan.paid_principal_fen[index] += part_fen
        principal_paid_fen -= part_fen


def _reschedule(loan: Loan) -> None:
    """Make the remaining rows anew after an early repayment: same dates, smaller instalments.

    The current row keeps what it accrued on the old balance and adds the rest of its period on
    the new one.
    """
    on = loan.accrued_through
    if loan.rows[loan.row].due == on:
        assert loan.paid(loan.row), f"{loan.id}: principal repaid early before what is due"
        next_row(loan)
    index, current = loan.row, loan.rows[loan.row]
    if loan.normal_fen:
        begin = loan.rows[index - 1].due if index else loan.drawn_on
        rows = schedule(
            loan.method,
            loan.normal_fen,
            loan.rate_ppm,
            begin,
            len(loan.rows) - index,
            Convention(due_day=loan.due_day),
        )
        rows[0].interest_fen = loan.row_accrued_fen + _rest_fen(loan, rows[0], begin)
        for number, row in enumerate(rows, index + 1):
            row.number = number
    else:
        rows = [Row(current.number, current.due, 0, loan.row_accrued_fen, 0)]
    unpaid = [0] * (len(rows) - 1)
    loan.rows = loan.rows[:index] + rows
    loan.paid_principal_fen = [*loan.paid_principal_fen[: index + 1], *unpaid]
    loan.paid_interest_fen = [*loan.paid_interest_fen[: index + 1], *unpaid]
    loan.since, loan.since_fen = on, loan.row_accrued_fen


def _rest_fen(loan: Loan, row: Row, begin: date) -> int:
    """Return the interest from today to the end of a row's period, on the new balance."""
    days = (row.due - loan.accrued_through).days
    if loan.method is Method.DAILY:
        return interest_fen(loan.normal_fen, loan.rate_ppm, days)
    return divide(row.interest_fen * days, (row.due - begin).days)


def _restate(loan: Loan) -> None:
    """Set state and category after a payment: only a payment may improve them."""
    if loan.overdue_fen or loan.overdue_interest_fen or loan.penalty_fen:
        loan.state = LoanState.OVERDUE
    elif loan.normal_fen or loan.interest_fen:
        loan.state = LoanState.LIVE
    else:
        loan.state = LoanState.SETTLED
    on = loan.accrued_through
    loan.category = category(loan.days_overdue(on), on)
