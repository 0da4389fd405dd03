"""The annuity factor (等额本息) as an exact fraction: no float comes near an instalment."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTH_PPM = 12_000_000  # a rate of so many millionths a year is 1 a month


@lru_cache(maxsize=4096)
def annuity(rate_ppm: int, months: int) -> tuple[int, int]:
    """Return the level monthly instalment on a principal of one, as (numerator, denominator).

    ``rate_ppm`` is millionths a year, a month's interest is a twelfth of it. Kept, since the
    powers cost more than the rest of a schedule and a product has few rates and one term.
    """
    if rate_ppm == 0:
        return 1, months
    grown = (MONTH_PPM + rate_ppm) ** months
    numerator = rate_ppm * grown
    denominator = MONTH_PPM * (grown - MONTH_PPM**months)
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def level(factors: Sequence[Fraction]) -> Fraction:
    """Return the level instalment on a principal of one where each row has a factor of its own.

    ``factors`` are the interest of each row on a balance of one: 31 and 28 days, an odd first
    period, or twelfths. The sums run in whole numbers over the factors' common denominator, so
    that 360 rows cost one reduction and not 360.
    """
    whole = lcm(*(factor.denominator for factor in factors))
    grown, repaid, scale = 1, 0, 1
    for factor in factors:
        growth = whole + factor.numerator * (whole // factor.denominator)
        scale *= whole
        repaid = repaid * growth + scale
        grown *= growth
    return Fraction(grown, repaid)


def flat_exceeds(flat_ppm: int, nominal_ppm: int, months: int) -> bool:
    """Whether a flat rate costs more than the nominal rate on the balance: compares instalments."""
    flat = Fraction(1, months) + Fraction(flat_ppm, MONTH_PPM)
    return flat > Fraction(*annuity(nominal_ppm, months))
