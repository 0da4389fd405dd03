"""Repayment schedules: what is due when, to the fen, in integers from end to end.

A monthly row carries a twelfth of the annual rate on the balance before it; the daily method
(随借随还) carries the actual days over 360. Every row is rounded once, the last row takes the
rest, and the contract's totals are the sums of its own rows: published calculators use three
different conventions for the total, and only this one can be paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from core.annuity import MONTH_PPM, annuity
from core.calendar import add_months
from core.money import Rounding, divide, interest_fen
from core.products import Method

if TYPE_CHECKING:
    from datetime import date


@dataclass(slots=True)
class Row:
    """One instalment as agreed. ``balance_fen`` is the principal left after it."""

    number: int
    due: date
    principal_fen: int
    interest_fen: int
    balance_fen: int

    @property
    def total_fen(self) -> int:
        """Principal and interest together."""
        return self.principal_fen + self.interest_fen


@dataclass(slots=True)
class Convention:
    """What lenders do differently with the same terms.

    ``multiple_fen`` rounds what is level, the instalment or (EQUAL_PRINCIPAL) its principal, to
    whole units. ``due_day`` is the day of the month on which rows fall, 0 for that of the payout;
    a short month clamps it and the next one returns to it (31 Jan, 28 Feb, 31 Mar).
    """

    rounding: Rounding = Rounding.HALF_UP
    multiple_fen: int = 1
    due_day: int = 0


OURS = Convention()


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
    """
    assert principal_fen >= 0 and rate_ppm >= 0 and months >= 1
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
        balance_fen -= part_fen
        rows.append(Row(number, due, part_fen, cost_fen, balance_fen))
    return rows


@lru_cache(maxsize=4096)
def due_dates(start: date, months: int, due_day: int) -> tuple[date, ...]:
    """Return the due dates of monthly rows. Kept: all loans of one day and term share them."""
    return tuple(add_months(start, month, due_day) for month in range(1, months + 1))


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
