"""Accrual and the turn of a day: what a loan earns while nobody pays.

Interest of a row accrues cumulatively, row interest x days gone / days of the period, so that a
period's accruals sum to the row to the fen, however often it was looked at; the daily method
accrues balance x rate / 360 x days. The first day counts and the last does not. Penalty (罚息)
runs on late principal, compound interest (复利) on late interest, both at the penalty rate over
360, from the day after the due date (银发〔2003〕251号, confidence high). Penalty itself bears
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lending.classification import worst
from core.lending.loan import STILL, Booking, LoanState
from core.lending.nonaccrual import Amounts, add, last_day, leave_accrual, return_to_accrual
from core.lending.provision import close_provision
from core.money import DAYS_OF_A_YEAR, PPM, divide, interest_fen
from core.ports.corebank import Adjustment
from core.products import Method

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan

DAY_PPM = PPM * DAYS_OF_A_YEAR  # a rate of so many millionths a year is 1 a day


def day_end(loan: Loan, on: date) -> list[Booking]:
    """Close a day for a loan: turn it, book what payments changed, provide, note the day as done.

    Idempotent, and days that nobody closed are caught up.
    """
    if on <= loan.closed_on:
        return []
    amounts_fen: Amounts = {}
    _turn(loan, on, amounts_fen)
    return_to_accrual(loan, amounts_fen)
    close_provision(loan, on, amounts_fen)
    loan.closed_on = on
    return _bookings(amounts_fen)


def turn(loan: Loan, on: date) -> list[Booking]:
    """Bring a loan to a date: accrue, move to overdue what fell due before it, classify.

    To be called before anything else is done with the loan on that date. Idempotent.
    """
    amounts_fen: Amounts = {}
    _turn(loan, on, amounts_fen)
    return _bookings(amounts_fen)


def accrue(loan: Loan, through: date) -> list[Booking]:
    """Accrue interest and penalty up to a date in the current row. Idempotent per date."""
    amounts_fen: Amounts = {}
    _accrue(loan, through, amounts_fen)
    return _bookings(amounts_fen)


def _bookings(amounts_fen: Amounts) -> list[Booking]:
    return [Booking(kind, amount_fen) for kind, amount_fen in amounts_fen.items()]


def _turn(loan: Loan, on: date, amounts_fen: Amounts) -> None:
    """Walk to a date in steps that end where something changes: a due date, the 90th day."""
    before = loan.accrued_through
    if on <= before:
        return
    if loan.state in STILL:
        loan.accrued_through = on
        return
    return_to_accrual(loan, amounts_fen)
    while True:
        stop, passes = on, False
        if loan.row < len(loan.rows) and (due := loan.rows[loan.row].due) < on:
            stop, passes = due, True
        limit = last_day(loan)
        leaves = limit is not None and limit < on and limit <= stop
        if leaves and limit is not None and limit < stop:
            stop, passes = limit, False
        _accrue(loan, stop, amounts_fen)
        if passes:
            _pass_row(loan, amounts_fen)
        if leaves:
            leave_accrual(loan, amounts_fen)
        if not passes and not leaves:
            break
    if loan.late_since is not None:
        loan.category = max(loan.category, worst(loan.late_since, before, on))


def _accrue(loan: Loan, through: date, amounts_fen: Amounts) -> None:
    if through <= loan.accrued_through:
        return
    if loan.row < len(loan.rows):
        assert through <= loan.rows[loan.row].due, f"{loan.id}: a row fell due; turn the loan"
        gained_fen = _row_accrued_fen(loan, through) - loan.row_accrued_fen
        loan.row_accrued_fen += gained_fen
        loan.accrued_fen += gained_fen
        if loan.non_accrual:
            loan.memo_interest_fen += gained_fen
            add(amounts_fen, Adjustment.MEMO_INTEREST, gained_fen)
        else:
            add(amounts_fen, Adjustment.ACCRUE_INTEREST, gained_fen)
    if loan.late_principal_fen or loan.late_interest_fen:
        loan.penalty_units += _late_fen_days(loan, through) * loan.penalty_rate_ppm
        gained_fen = divide(loan.penalty_units, DAY_PPM) - loan.penalty_accrued_fen
        loan.penalty_accrued_fen += gained_fen
        if loan.non_accrual:
            loan.memo_penalty_fen += gained_fen
            add(amounts_fen, Adjustment.MEMO_PENALTY, gained_fen)
        else:
            add(amounts_fen, Adjustment.ACCRUE_PENALTY, gained_fen)
    loan.accrued_through = through


def _row_accrued_fen(loan: Loan, through: date) -> int:
    """Return what the current row has accrued by a date, from the row's beginning."""
    row, days = loan.rows[loan.row], (through - loan.since).days
    if loan.method is Method.DAILY and through < row.due:
        rounding = loan.convention.rounding
        gained_fen = interest_fen(loan.future_fen, loan.rate_ppm, days, rounding=rounding)
        # A due date that rolled to a later day (顺延) adds none to what its row agreed.
        return min(loan.since_fen + gained_fen, row.interest_fen)
    left_fen = row.interest_fen - loan.since_fen
    return loan.since_fen + divide(left_fen * days, (row.due - loan.since).days)


def _late_fen_days(loan: Loan, through: date) -> int:
    """Return the late fen times the days that they bear penalty for, since the last accrual.

    A row in grace bears nothing yet; what is unpaid when the grace is over bears it from the day
    after the due date.
    """
    since, grace = loan.accrued_through, loan.conditions.grace_days
    if not grace:
        return (loan.late_principal_fen + loan.late_interest_fen) * (through - since).days
    units = 0
    for index in range(loan.row):
        row = loan.rows[index]
        unpaid_fen = row.principal_fen - loan.paid_principal_fen[index]
        unpaid_fen += row.interest_fen - loan.paid_interest_fen[index]
        if unpaid_fen and (through - row.due).days > grace:
            begins = since if (since - row.due).days > grace else row.due
            units += unpaid_fen * (through - begins).days
    return units


def next_row(loan: Loan) -> None:
    """Let the next row begin to accrue where the current one is due."""
    loan.since = loan.rows[loan.row].due
    loan.since_fen = loan.row_accrued_fen = 0
    loan.row += 1


def _pass_row(loan: Loan, amounts_fen: Amounts) -> None:
    """Leave the current row behind; what is unpaid of it is late from its due date on."""
    row = loan.rows[loan.row]
    principal_fen = row.principal_fen - loan.paid_principal_fen[loan.row]
    unpaid_fen = row.interest_fen - loan.paid_interest_fen[loan.row]
    next_row(loan)
    if not principal_fen and not unpaid_fen:
        return
    loan.state = LoanState.OVERDUE
    if loan.late_since is None:
        loan.late_since = row.due
    loan.late_interest_fen += unpaid_fen
    loan.late_principal_fen += principal_fen
    if not loan.non_accrual:
        loan.normal_fen -= principal_fen
        loan.overdue_fen += principal_fen
        add(amounts_fen, Adjustment.TO_OVERDUE, principal_fen)
