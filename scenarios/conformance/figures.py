"""One published figure against ours: to the fen, to the digits shown, or to the day."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from core.money import Rounding, divide
from scenarios.conformance.outcome import NotExpressible

# What we have for a figure: one value, or several that a source may have meant by the word.
Value = Fraction | int | date | tuple[Fraction, ...]
MONEY_DECIMALS = 2  # sources write 5 for 5.00: an amount always speaks of fen


def number(value: Any, place: str) -> Fraction:
    """Return what a source wrote as a number, exactly.

    Raises:
        NotExpressible: it is none.
    """
    text = str(value).replace(",", "").strip()
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise NotExpressible(f"{place}: {value!r} is no number") from None


def whole(value: Any, place: str) -> int:
    """Return a whole number.

    Raises:
        NotExpressible: it is none.
    """
    found = number(value, place)
    if found.denominator != 1:
        raise NotExpressible(f"{place}: {value!r} is no whole number")
    return int(found)


def fen(value: Any, place: str) -> int:
    """Return an amount in major units as fen.

    Raises:
        NotExpressible: it is none, or finer than a fen.
    """
    found = 100 * number(value, place)
    if found.denominator != 1:
        raise NotExpressible(f"{place}: {value!r} is finer than a fen")
    return int(found)


def day(value: Any, place: str) -> date:
    """Return a date.

    Raises:
        NotExpressible: it is none.
    """
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise NotExpressible(f"{place}: {value!r} is no date such as 2024-01-31") from None


def reaches(ours: Value, published: Any, place: str, shown: int | None) -> bool:
    """Return whether our value is the published one.

    ``shown``: how many decimals a source that rounds only for display shows at least; None where
    the value is paid and must be equal.
    """
    if isinstance(ours, date):
        return ours == day(published, place)
    if isinstance(ours, tuple):
        return any(reaches(each, published, place, shown) for each in ours)
    wanted = number(published, place)
    if shown is None:
        return wanted == ours
    digits = max(shown, decimals(published))
    return wanted in (rounded(ours, digits, rounding) for rounding in Rounding)


def decimals(published: Any) -> int:
    """Return how many decimals a source shows."""
    return len(str(published).strip().partition(".")[2])


def rounded(value: Fraction | int, digits: int, how: Rounding = Rounding.HALF_UP) -> Fraction:
    """Return a value with so many decimals."""
    exact = Fraction(value) * 10**digits
    return Fraction(divide(exact.numerator, exact.denominator, how), 10**digits)


def as_text(ours: Value, published: Any) -> str:
    """Return our value as the source would have written it."""
    if isinstance(ours, date):
        return ours.isoformat()
    if isinstance(ours, tuple):
        return " or ".join(as_text(each, published) for each in ours)
    digits = max(MONEY_DECIMALS, decimals(published))
    near = rounded(ours, digits)
    sign, near = "-" if near < 0 else "", abs(near)
    text = f"{sign}{int(near)}.{int((near - int(near)) * 10**digits):0{digits}}"
    return text if near == abs(Fraction(ours)) else f"{text} (rounded)"
