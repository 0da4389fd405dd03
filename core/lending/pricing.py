"""Prices: the customer's rate, the penalty rate, the cap, and the annualised rate that is shown.

The rate is the one-year LPR of the day plus the rating's spread, between the product's floor and
cap. The disclosed rate follows PBC announcement 2021 No.3: all cost over the principal really in
use. Its text, simple or compound, was not seen, so both figures are given.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

from core.annuity import MONTH_PPM, flat_exceeds
from core.calendar import add_months
from core.errors import InputError
from core.money import PPM, divide, lpr_ppm
from core.products import LPR_MULTIPLE_MAX, Method

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from core.lending.convention import Row
    from core.products import Product

BP_PPM = 100  # a basis point is a hundred millionths
YEAR_DAYS = 365  # an annual rate from dates: days/365, as the EU's directives reckon it
DIGITS = 50  # of the Decimals in which a rate is sought
NEAR = Decimal("1e-30")
# What one may become in a step, or shrink to; beyond it no loan is meant.
GROWTH_MAX, TRIES_MAX = Decimal(10_000), 300


def price_ppm(product: Product, rating: str, lpr_ppm: int) -> int:
    """Return a customer's rate in millionths a year."""
    pricing = product.pricing
    asked_ppm = lpr_ppm + BP_PPM * pricing.spread_bp[rating]
    return max(pricing.floor_ppm, min(pricing.cap_ppm, asked_ppm))


def penalty_rate_ppm(rate_ppm: int, surcharge_pct: int) -> int:
    """Return the rate on overdue parts: the contract's rate and so many per cent of it."""
    return divide(rate_ppm * (100 + surcharge_pct), 100)


def cap_ppm_on(signed_on: date, assumed: bool = False) -> int:
    """Return the highest rate a contract signed on a day may have, in millionths a year.

    Four times the one-year LPR of that day, the supreme court's line of 2020-08-20. That it binds
    banks is not verified; it is taken for all here, before that day too.

    Raises:
        InputError: nobody has a source for the LPR of that day (``assumed`` allows it).
    """
    return LPR_MULTIPLE_MAX * lpr_ppm(signed_on, assumed=assumed)


def above_cap(
    method: Method, rate_ppm: int, months: int, signed_on: date, assumed: bool = False
) -> bool:
    """Whether an agreed rate exceeds the cap of its signing day.

    A flat rate is held against it by what it costs on the principal really owed: 12 % flat over
    18 months is 21.66 % (FIN-RS01).

    Raises:
        InputError: nobody has a source for the LPR of that day.
    """
    cap_ppm = cap_ppm_on(signed_on, assumed)
    if method is Method.FLAT:
        return flat_exceeds(rate_ppm, cap_ppm, months)
    return rate_ppm > cap_ppm


class Disclosed(NamedTuple):
    """The annualised rate of a loan's rows, in millionths: twelve months' simple, and compound."""

    simple_ppm: int
    compound_ppm: int


class Flow(NamedTuple):
    """What the lender pays out (below zero) or receives on a day: principal, interest, fees."""

    on: date
    amount_fen: int


def disclosed(
    principal_fen: int, rows: Sequence[Row], start: date | None = None, fees: Sequence[Flow] = ()
) -> Disclosed:
    """Return the annualised rate (the internal rate of return) of a loan's rows and fees.

    Rows are taken to be months apart, unless ``start``, the day of the payout, tells that they are
    not: an odd first period or due dates that rolled are reckoned by days. ``fees`` need it too.

    Floats are safe for months: nothing is paid by the result, it is rounded to a millionth, and
    the four operations used give the same bits on every machine.

    Raises:
        InputError: no rate makes the payments worth the payout.
    """
    if start is not None and (fees or not _monthly(start, rows)):
        flows = [Flow(start, -principal_fen), *(Flow(row.due, row.total_fen) for row in rows)]
        return by_days([*flows, *fees])
    monthly = _monthly_irr(principal_fen, [row.total_fen for row in rows])
    compound = 1.0
    for _ in range(12):
        compound *= 1.0 + monthly
    return Disclosed(round(monthly * MONTH_PPM), round((compound - 1.0) * PPM))


def _monthly(start: date, rows: Sequence[Row]) -> bool:
    anchor = max(start.day, *(row.due.day for row in rows))
    return add_months(start, 0, anchor) == start and all(
        row.due == add_months(start, month, anchor) for month, row in enumerate(rows, 1)
    )


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


def by_days(flows: Iterable[Flow]) -> Disclosed:
    """Return the annualised rate of dated payments, each year 365 days.

    ``compound_ppm`` is the EU's annual percentage rate; ``simple_ppm`` twelve times the rate of a
    365/12 days' month, so that it compares with that of monthly rows.

    Raises:
        InputError: no rate makes the payments worth the payout.
    """
    ordered = sorted(flows)
    first = ordered[0].on if ordered else None
    steps = [((on - first).days, amount_fen) for on, amount_fen in ordered if first is not None]
    with localcontext(prec=DIGITS):
        daily = growth(steps)
        monthly = daily ** (Decimal(YEAR_DAYS) / 12)
        return Disclosed(_ppm(12 * (monthly - 1)), _ppm(annual_growth(daily) - 1))


def by_months(amounts_fen: Sequence[int]) -> Disclosed:
    """Return the annualised rate of payments a month apart, the payout first.

    Raises:
        InputError: no rate makes the payments worth the payout.
    """
    with localcontext(prec=DIGITS):
        monthly = growth(list(enumerate(amounts_fen)))
        return Disclosed(_ppm(12 * (monthly - 1)), _ppm(monthly**12 - 1))


def annual_growth(daily: Decimal) -> Decimal:
    """Return what one becomes in 365 days."""
    with localcontext(prec=DIGITS):
        return daily**YEAR_DAYS


def _ppm(rate: Decimal) -> int:
    return int((rate * PPM).to_integral_value(ROUND_HALF_UP))


def growth(steps: Sequence[tuple[int, int]]) -> Decimal:
    """Return what one becomes in a step (a day, a month) at the internal rate of return.

    ``steps`` are (when, amount in fen) with whole steps since the first payment. The present value
    is a polynomial in 1/growth with whole coefficients; its root is closed in between two values
    of unlike sign, by Newton where that stays between them and by halves where it does not.
    Decimals of 50 digits: the same on every machine, and exact to far more than is shown.

    Raises:
        InputError: no rate between the bounds makes the payments worth the payout.
    """
    with localcontext(prec=DIGITS):
        low, high = _bracket(steps)
        rising = _value(steps, high)[0] > 0
        root = (low + high) / 2
        for _ in range(TRIES_MAX):
            value, slope = _value(steps, root)
            if (value > 0) is rising:
                high = root
            else:
                low = root
            near = root - value / slope if slope else root
            if abs(near - root) < NEAR and slope:
                break
            root = near if low < near < high else (low + high) / 2
        return 1 / root


def _value(steps: Sequence[tuple[int, int]], v: Decimal) -> tuple[Decimal, Decimal]:
    """Return the present value at ``v`` = 1/growth, and its slope there."""
    value = slope = Decimal(0)
    for when, amount_fen in steps:
        if when:
            power = v ** (when - 1)
            value += amount_fen * power * v
            slope += amount_fen * power * when
        else:
            value += amount_fen
    return value, slope


def _bracket(steps: Sequence[tuple[int, int]]) -> tuple[Decimal, Decimal]:
    """Return two discounts between which the value changes its sign, the nearest to no interest."""
    inner, width = Decimal(1), Decimal("0.001")
    if _value(steps, inner)[0] == 0 and any(amount_fen for _, amount_fen in steps):
        return inner, inner
    while inner < GROWTH_MAX:
        outer = inner * (1 + width)
        for low, high in ((1 / outer, 1 / inner), (inner, outer)):
            if (_value(steps, low)[0] > 0) is not (_value(steps, high)[0] > 0):
                return low, high
        inner, width = outer, 2 * width
    problem = "no rate makes these payments worth the payout"
    raise InputError("cash flows", problem, "give what is paid out and what is repaid")
