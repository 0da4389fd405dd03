"""Repayment schedules: what is due when, to the fen, in integers from end to end.

A monthly row carries a twelfth of the annual rate on the balance before it; the daily method
(随借随还) carries the actual days over 360. Every row is rounded once, the last row takes the
rest, and the contract's totals are the sums of its own rows: published calculators use three
different conventions for the total, and only this one can be paid.

What lenders do differently is a :class:`Convention` (core/lending/convention.py); what is not
plain goes the long way through core/lending/amortise.py.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from core.annuity import MONTH_PPM, annuity
from core.calendar import add_months
from core.lending.amortise import rows_of
from core.lending.convention import (
    MONTH,
    OURS,
    Convention,
    Period,
    Row,
    Terms,
    Tranche,
    Unit,
    convention_of,
)
from core.money import PPM, divide, interest_fen
from core.products import Method

if TYPE_CHECKING:
    from datetime import date

__all__ = [
    "MONTH",
    "OURS",
    "Convention",
    "Period",
    "Row",
    "Terms",
    "Tranche",
    "Unit",
    "convention_of",
    "due_dates",
    "rows_of",
    "schedule",
]


def schedule(
    method: Method,
    principal_fen: int,
    rate_ppm: int,
    start: date,
    months: int,
    convention: Convention = OURS,
) -> list[Row]:
    """Return the rows of a loan of ``principal_fen`` paid out on ``start``.

    ``rate_ppm`` is millionths a year: of the whole principal for FLAT, else of the balance.
    ``months`` is the number of rows, each one period of the convention.

    Raises:
        InputError: the convention does not fit the loan (rows_of says how).
    """
    assert principal_fen >= 0 and rate_ppm >= 0 and months >= 1
    if convention.plain and _on_the_grid(start, convention.due_day):
        return _plain(method, principal_fen, rate_ppm, start, months, convention)
    tranches = (Tranche(start, principal_fen),)
    return rows_of(Terms(method, Fraction(rate_ppm, PPM), start, months, tranches, convention))


def _plain(
    method: Method,
    principal_fen: int,
    rate_ppm: int,
    start: date,
    months: int,
    convention: Convention,
) -> list[Row]:
    """Return the rows of a loan with nothing out of the ordinary: the same as the long way."""
    dues = due_dates(start, months, convention.due_day or start.day)
    level_fen = _level_fen(method, principal_fen, rate_ppm, months, convention)
    rounding = convention.rounding
    flat, daily = method is Method.FLAT, method is Method.DAILY
    interest_within = flat or method is Method.EQUAL_INSTALMENT
    rows, balance_fen, since = [], principal_fen, start
    for number, due in enumerate(dues, 1):
        if daily:
            cost_fen = interest_fen(balance_fen, rate_ppm, (due - since).days, rounding=rounding)
            since = due
        else:
            base_fen = principal_fen if flat else balance_fen
            cost_fen = divide(base_fen * rate_ppm, MONTH_PPM, rounding)
        part_fen = level_fen - cost_fen if interest_within else level_fen
        # The last row takes the rest. A level rounded up to whole units, or over decades at a high
        # rate, may be done before it: the rows left are empty, and no balance goes below zero.
        if number == months or part_fen > balance_fen:
            part_fen = balance_fen
        elif part_fen < 0:  # a level rounded down below the interest: no row capitalises it
            part_fen = 0
        balance_fen -= part_fen
        rows.append(Row(number, due, part_fen, cost_fen, balance_fen))
    return rows


@lru_cache(maxsize=4096)
def due_dates(start: date, months: int, due_day: int) -> tuple[date, ...]:
    """Return the due dates of monthly rows. Kept: all loans of one day and term share them."""
    return tuple(add_months(start, month, due_day) for month in range(1, months + 1))


def _on_the_grid(start: date, due_day: int) -> bool:
    """Return whether the first period is a whole month: the payout is on a due day itself."""
    return due_day in (0, start.day) or add_months(start, 0, due_day) == start


def _level_fen(
    method: Method, principal_fen: int, rate_ppm: int, months: int, convention: Convention
) -> int:
    """Return what is level in every row but the last: the instalment, or its principal."""
    if method is Method.EQUAL_INSTALMENT:
        numerator, denominator = annuity(rate_ppm, months)
        numerator *= principal_fen
    elif method is Method.EQUAL_PRINCIPAL:
        numerator, denominator = principal_fen, months
    elif method is Method.FLAT:
        cost_fen = divide(principal_fen * rate_ppm, MONTH_PPM, convention.rounding)
        numerator, denominator = principal_fen + months * cost_fen, months
    else:
        return 0
    unit_fen = convention.multiple_fen
    return unit_fen * divide(numerator, denominator * unit_fen, convention.rounding)
