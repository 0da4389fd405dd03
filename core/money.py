"""Money: whole fen, one place that rounds, and the loan prime rate by date.

No float touches an amount. A fraction of a fen exists only between a numerator and a denominator,
and :func:`divide` is the one place where it ends.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NewType

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from datetime import date

Fen = NewType("Fen", int)

PPM = 1_000_000
DAYS_OF_A_YEAR = 360  # the PBOC's conversion: daily rate = annual rate / 360

YUAN = re.compile(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?", re.ASCII)
LPR_FILE = Path(__file__).parent / "data" / "lpr.toml"
TENORS = {"1y": "one_year", "5y": "five_year"}


class Rounding(StrEnum):
    """What becomes of half a fen: away from zero (四舍五入), or to the even neighbour."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"


def fen(value: int) -> Fen:
    """Return ``value`` as an amount.

    Raises:
        InputError: it is no whole number (a float is none, however round it looks).
    """
    if type(value) is not int:
        raise InputError(f"amount {value!r}", "it is no whole number of fen", "give an integer")
    return Fen(value)


def yuan(amount_fen: int) -> str:
    """Return an amount as people read it: ``1,234.56``."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole:,}.{part:02}"


def parse_yuan(text: str) -> Fen:
    """Return the amount that people wrote: ``1,234.56``, ``1234.5`` or ``1234``.

    Raises:
        InputError: no number, more than two decimals, or commas in the wrong places.
    """
    said = YUAN.fullmatch(text.strip())
    if said is None:
        raise InputError(f"amount {text!r}", "it is no amount in yuan", "write it as 1,234.56")
    sign, whole, part = said.groups()
    amount_fen = int(whole.replace(",", "")) * 100 + int((part or "0").ljust(2, "0"))
    return Fen(-amount_fen if sign else amount_fen)


def divide(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Return ``numerator / denominator`` as a whole number. Negatives mirror their positives."""
    if numerator >= 0 < denominator and rounding is Rounding.HALF_UP:
        return (2 * numerator + denominator) // (2 * denominator)
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    if twice > denominator or (
        twice == denominator and (rounding is Rounding.HALF_UP or quotient % 2)
    ):
        quotient += 1
    return -quotient if numerator < 0 else quotient


def interest_fen(
    balance_fen: int,
    rate_ppm: int,
    days: int,
    day_count: int = DAYS_OF_A_YEAR,
    rounding: Rounding = Rounding.HALF_UP,
) -> int:
    """Return the interest on a balance for ``days`` at ``rate_ppm`` millionths a year.

    The first day counts and the last does not; a year has 360 days (360 also makes a daily rate
    a thirtieth of the monthly). Rounded once, here.
    """
    return divide(balance_fen * rate_ppm * days, PPM * day_count, rounding)


def lpr_ppm(on: date, tenor: str = "1y", assumed: bool = False) -> int:
    """Return the loan prime rate (贷款市场报价利率) that held on a day, in millionths a year.

    ``tenor`` is ``"1y"`` or ``"5y"`` (over five years). With ``assumed`` the rows without a source
    count too, and the last rate goes on for ever.

    Raises:
        InputError: no such tenor, a day before the first row, or a day nobody has a source for.
    """
    if tenor not in TENORS:
        raise InputError(f"LPR tenor {tenor!r}", "there is no such tenor", nearest(tenor, TENORS))
    starts, rates, sourced, seen_until = lpr_table(tenor)
    row = bisect_right(starts, on) - 1
    if row < 0:
        remedy = f"the table begins on {starts[0]}"
        raise InputError(f"LPR on {on}", "there is no rate that early", remedy)
    if not assumed and (on > seen_until or not sourced[row]):
        problem = f"there is no source for a rate then (seen until {seen_until})"
        raise InputError(f"LPR on {on}", problem, "use an earlier day, or allow assumed rates")
    return rates[row]


@cache
def lpr_table(tenor: str) -> tuple[list[date], list[int], list[bool], date]:
    """Return a tenor's columns: from, rate, whether it has a source; and the last day seen."""
    table = tomllib.loads(LPR_FILE.read_text(encoding="utf-8"))[TENORS[tenor]]
    rows = sorted(table["row"], key=lambda row: row["from"])
    return (
        [row["from"] for row in rows],
        [row["rate_ppm"] for row in rows],
        [row["source"] != "assumed" for row in rows],
        table["seen_until"],
    )
