"""The loan book: lend, turn the day, take a payment, quote what a payment would do.

The order of use on any date: ``turn`` the loan (``day_end`` in the day end) and have the core
bank post its bookings; ``allocate`` a payment and have the core bank collect it; then ``pay``.
While a collection is on its way, its outcome unknown, the loan is not turned: an allocation is
good for its own date only. What a payment changes in the books beyond itself, the return to
accrual and the allowance, the day end of its date books.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from core.lending.accrual import accrue, day_end, turn
from core.lending.allocation import (
    NOT_EARLY,
    ORDERS,
    Allocation,
    OrderRule,
    Part,
    allocate,
    due_fen,
    order_of,
    owed,
)
from core.lending.classification import Category, category
from core.lending.collection import to_collect_fen
from core.lending.conditions import PLAIN, Conditions, Order, Prepay
from core.lending.convention import Unit
from core.lending.loan import A_DAY, Booking, Loan, LoanState
from core.lending.prepay import Rest, at, payoff_quote, reschedule
from core.lending.pricing import penalty_rate_ppm
from core.lending.provision import write_off
from core.lending.schedule import OURS, Convention, schedule

if TYPE_CHECKING:
    from datetime import date

    from core.products import Product

__all__ = [
    "NOT_EARLY",
    "ORDERS",
    "Allocation",
    "Booking",
    "Conditions",
    "Loan",
    "LoanState",
    "Order",
    "OrderRule",
    "Part",
    "Prepay",
    "Rest",
    "accrue",
    "allocate",
    "day_end",
    "due_fen",
    "lend",
    "order_of",
    "owed",
    "pay",
    "payoff_quote",
    "prepay_quote",
    "to_collect_fen",
    "turn",
    "write_off",
]


def lend(  # noqa: PLR0913, PLR0917  a loan begins with just these facts
    loan_id: str,
    product: Product,
    application: str,
    account: str,
    principal_fen: int,
    rate_ppm: int,
    drawn_on: date,
    convention: Convention = OURS,
    conditions: Conditions = PLAIN,
) -> Loan:
    """Return the loan of a payout: its schedule, its penalty rate, all principal normal.

    The convention is kept for the rows that an early repayment makes anew, with the due day it
    came to and without the calendar: the days that rolled stand in the rows.
    """
    assert principal_fen > 0, f"{loan_id}: {principal_fen} fen"
    rows = schedule(product.method, principal_fen, rate_ppm, drawn_on, product.months, convention)
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
        convention=_kept(convention, drawn_on),
        conditions=conditions,
        rows=rows,
        paid_principal_fen=[0] * len(rows),
        paid_interest_fen=[0] * len(rows),
        since=drawn_on,
        accrued_through=drawn_on,
        closed_on=drawn_on - A_DAY,
        normal_fen=principal_fen,
    )


def _kept(convention: Convention, drawn_on: date) -> Convention:
    due_day = convention.due_day
    if not due_day and convention.period.unit is Unit.MONTHS:
        due_day = (convention.first_due or drawn_on).day
    return _with_due_day(convention, due_day)


@lru_cache(maxsize=1024)  # what a few products agree is checked once, not a million times
def _with_due_day(convention: Convention, due_day: int) -> Convention:
    return replace(convention, due_day=due_day, calendar=None)


def prepay_quote(loan: Loan, amount_fen: int, on: date, prepay: Prepay | None = None) -> Rest:
    """Return what a payment on a date would pay, and the rows after it; the loan stays as it is.

    ``prepay`` asks for the other way than the loan's own conditions name.

    Raises:
        InputError: the amount is not positive.
    """
    then = at(loan, on)
    then.paid_principal_fen = copy(then.paid_principal_fen)
    then.paid_interest_fen = copy(then.paid_interest_fen)
    if prepay is not None:
        then.conditions = replace(then.conditions, prepay=prepay)
    before_fen = sum(row.interest_fen for row in then.rows)
    allocation = allocate(then, amount_fen, on)
    pay(then, allocation)
    saved_fen = before_fen - sum(row.interest_fen for row in then.rows)
    return Rest(allocation, then.rows[then.row :], saved_fen)


def pay(loan: Loan, allocation: Allocation) -> None:
    """Book a collected payment. Paying everything off settles the loan."""
    debt, parts = owed(loan), allocation.parts
    assert allocation.on == loan.accrued_through, f"{loan.id}: allocated on {allocation.on}"
    assert all(0 <= parts[part] <= debt[part] for part in Part), f"{loan.id}: more than owed"
    _pay_what_it_cost(loan, allocation)
    if loan.state is LoanState.WRITTEN_OFF:
        loan.written_off_fen -= parts[Part.RECOVERED]
        loan.recovered_fen += parts[Part.RECOVERED]
        if not loan.debt_fen:
            loan.state, loan.late_since = LoanState.SETTLED, None
            loan.non_accrual = False
        return
    _pay_past_rows(loan, parts[Part.OVERDUE_INTEREST], parts[Part.OVERDUE_PRINCIPAL])
    if loan.row < len(loan.rows):
        row_interest_fen = parts[Part.DUE_INTEREST] + parts[Part.EARLY_INTEREST]
        loan.paid_interest_fen[loan.row] += row_interest_fen
        loan.paid_principal_fen[loan.row] += parts[Part.DUE_PRINCIPAL]
    _take_from_the_pots(loan, parts)
    if parts[Part.EARLY_PRINCIPAL]:
        loan.prepaid_fen += parts[Part.EARLY_PRINCIPAL]
        reschedule(loan)
    _restate(loan)


def _pay_what_it_cost(loan: Loan, allocation: Allocation) -> None:
    """Take paid interest and penalty off what is owed, on the balance sheet or off it."""
    interest_fen, penalty_fen = allocation.all_interest_fen, allocation.parts[Part.PENALTY]
    loan.interest_paid_fen += interest_fen
    loan.penalty_paid_fen += penalty_fen
    if loan.non_accrual:
        loan.memo_interest_fen -= interest_fen
        loan.memo_penalty_fen -= penalty_fen


def _take_from_the_pots(loan: Loan, parts: dict[Part, int]) -> None:
    """Take repaid principal out of the pots it stands in."""
    late_fen = parts[Part.OVERDUE_PRINCIPAL]
    future_fen = parts[Part.DUE_PRINCIPAL] + parts[Part.EARLY_PRINCIPAL]
    loan.late_principal_fen -= late_fen
    if loan.non_accrual:
        loan.non_accrual_fen -= late_fen + future_fen
    else:
        loan.overdue_fen -= late_fen
        loan.normal_fen -= future_fen


def _pay_past_rows(loan: Loan, interest_paid_fen: int, principal_paid_fen: int) -> None:
    """Spread what pays late parts over the past rows, the oldest first."""
    loan.late_interest_fen -= interest_paid_fen
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


def _restate(loan: Loan) -> None:
    """Set state and category after a payment: only a payment may improve them.

    A category improves only where the payment made the arrears younger; a fen on account of an
    old debt is no recovery.
    """
    before, on = loan.late_since, loan.accrued_through
    loan.late_since = _late_since(loan)
    if loan.late_since is not None:
        loan.state = LoanState.OVERDUE
        if loan.late_since != before:
            loan.category = category(loan.days_overdue(on), on)
        return
    loan.category = Category.NORMAL
    loan.state = LoanState.LIVE
    if not loan.debt_fen:
        loan.state, loan.non_accrual = LoanState.SETTLED, False


def _late_since(loan: Loan) -> date | None:
    """Return since when something is late, None where nothing is."""
    if loan.late_principal_fen or loan.late_interest_fen:
        first = next(index for index in range(loan.row) if not loan.paid(index))
        return loan.rows[first].due
    return loan.late_since if loan.owed_penalty_fen else None
