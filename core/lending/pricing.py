"""Prices: the customer's rate, the penalty rate, and the annualised rate that must be shown.

The rate is the one-year LPR of the day plus the rating's spread, between the product's floor and
cap. The disclosed rate follows PBC announcement 2021 No.3: all cost over the principal really in
use. Its text, simple or compound, was not seen, so both figures are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.annuity import MONTH_PPM
from core.money import divide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.lending.schedule import Row
    from core.products import Product

BP_PPM = 100  # a basis point is a hundred millionths


def price_ppm(product: Product, rating: str, lpr_ppm: int) -> int:
    """Return a customer's rate in millionths a year."""
    pricing = product.pricing
    asked_ppm = lpr_ppm + BP_PPM * pricing.spread_bp[rating]
    return max(pricing.floor_ppm, min(pricing.cap_ppm, asked_ppm))


def penalty_rate_ppm(rate_ppm: int, surcharge_pct: int) -> int:
    """Return the rate on overdue parts: the contract's rate and so many per cent of it."""
    return divide(rate_ppm * (100 + surcharge_pct), 100)


class Disclosed(NamedTuple):
    """The annualised rate of a loan's rows, in millionths: twelve months' simple, and compound."""

    simple_ppm: int
    compound_ppm: int


def disclosed(principal_fen: int, rows: Sequence[Row]) -> Disclosed:
    """Return the annualised rate (the internal rate of return) of monthly rows.

    Floats are safe here: nothing is paid by the result, it is rounded to a millionth, and the
    four operations used give the same bits on every machine.
    """
    monthly = _monthly_irr(principal_fen, [row.total_fen for row in rows])
    compound = 1.0
    for _ in range(12):
        compound *= 1.0 + monthly
    return Disclosed(round(monthly * MONTH_PPM), round((compound - 1.0) * 1_000_000))


def _monthly_irr(principal_fen: int, totals_fen: list[int]) -> float:
    """Newton's method on the balance left after the last payment, from one per cent a month.

    The balance is a convex and rising function of the rate wherever payments cover the
    principal, so the steps close in from above after the first.
    """
    monthly = 0.01
    for _ in range(50):
        balance, slope = float(principal_fen), 0.0
        for total_fen in totals_fen:
            slope = slope * (1.0 + monthly) + balance
            balance = balance * (1.0 + monthly) - total_fen
        step = balance / slope
        monthly -= step
        if abs(step) < 1e-13:
            break
    return monthly
