"""Accrual and the turn of a day: what a loan earns while nobody pays.

Interest of a row accrues cumulatively, row interest x days gone / days of the period, so that a
period's accruals sum to the row to the fen; the daily method accrues balance x rate / 360 x days.
The first day counts and the last does not. Penalty (罚息) runs on overdue principal, compound
interest (复利) on overdue interest, both at the penalty rate over 360, from the day after the due
date (银发〔2003〕251号). Penalty itself bears nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lending.classification import category
from core.lending.loan import Booking, LoanState
from core.money import DAYS_OF_A_YEAR, PPM, divide, interest_fen
from core.ports.corebank import Adjustment
from core.products import Method

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan

DAY_PPM = PPM * DAYS_OF_A_YEAR  # a rate of so many millionths a year is 1 a day


def day_end(loan: Loan, on: date) -> list[Booking]:
    """Close a day for a loan: turn it, and note that this day is done. Idempotent."""
    if on <= loan.closed_on:
        return []
    bookings = turn(loan, on)
    loan.closed_on = on
    return bookings


def turn(loan: Loan, on: date) -> list[Booking]:
    """Bring a loan to a date: accrue, move to overdue what fell due before it, classify.

    To be called before anything else is done with the loan on that date. Idempotent; a kind of
    booking comes at most once.
    """
    if on <= loan.accrued_through:
        return []
    if loan.state is LoanState.SETTLED:
        loan.accrued_through = on
        return []
    amounts_fen: dict[Adjustment, int] = {}
    while loan.row < len(loan.rows) and (due := loan.rows[loan.row].due) < on:
        _add(amounts_fen, accrue(loan, due))
        _add(amounts_fen, _pass_row(loan))
    _add(amounts_fen, accrue(loan, on))
    if loan.state is LoanState.OVERDUE:
        # A class never improves by itself, not even when the rules change.
        loan.category = max(loan.category, category(loan.days_overdue(on), on))
    return [Booking(kind, amount_fen) for kind, amount_fen in amounts_fen.items()]


def accrue(loan: Loan, through: date) -> list[Booking]:
    """Accrue interest and penalty up to a date in the current row. Idempotent per date."""
    if through <= loan.accrued_through:
        return []
    bookings = []
    if loan.row < len(loan.rows):
        assert through <= loan.rows[loan.row].due, f"{loan.id}: a row fell due; turn the loan"
        gained_fen = _row_accrued_fen(loan, through) - loan.row_accrued_fen
        if gained_fen:
            loan.row_accrued_fen += gained_fen
            loan.accrued_fen += gained_fen
            bookings.append(Booking(Adjustment.ACCRUE_INTEREST, gained_fen))
    if base_fen := loan.overdue_fen + loan.overdue_interest_fen:
        days = (through - loan.accrued_through).days
        loan.penalty_units += base_fen * loan.penalty_rate_ppm * days
        gained_fen = divide(loan.penalty_units, DAY_PPM) - loan.penalty_accrued_fen
        if gained_fen:
            loan.penalty_accrued_fen += gained_fen
            bookings.append(Booking(Adjustment.ACCRUE_PENALTY, gained_fen))
    loan.accrued_through = through
    return bookings


def _row_accrued_fen(loan: Loan, through: date) -> int:
    """Return what the current row has accrued by a date, from the row's beginning."""
    row, days = loan.rows[loan.row], (through - loan.since).days
    if loan.method is Method.DAILY:
        return loan.since_fen + interest_fen(loan.normal_fen, loan.rate_ppm, days)
    left_fen = row.interest_fen - loan.since_fen
    return loan.since_fen + divide(left_fen * days, (row.due - loan.since).days)


def next_row(loan: Loan) -> None:
    """Let the next row begin to accrue where the current one is due."""
    loan.since = loan.rows[loan.row].due
    loan.since_fen = loan.row_accrued_fen = 0
    loan.row += 1


def _pass_row(loan: Loan) -> list[Booking]:
    """Leave the current row behind; what is unpaid of it is overdue from its due date on."""
    row = loan.rows[loan.row]
    principal_fen = row.principal_fen - loan.paid_principal_fen[loan.row]
    interest_due_fen = row.interest_fen - loan.paid_interest_fen[loan.row]
    next_row(loan)
    if principal_fen or interest_due_fen:
        loan.state = LoanState.OVERDUE
    loan.overdue_interest_fen += interest_due_fen
    loan.normal_fen -= principal_fen
    loan.overdue_fen += principal_fen
    return [Booking(Adjustment.TO_OVERDUE, principal_fen)] if principal_fen else []


def _add(amounts_fen: dict[Adjustment, int], bookings: list[Booking]) -> None:
    for kind, amount_fen in bookings:
        amounts_fen[kind] = amounts_fen.get(kind, 0) + amount_fen
