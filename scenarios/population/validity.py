"""From when to when an ID card is good: by its holder's age when it was issued.

Source: the Resident Identity Card Law (居民身份证法) art. 5. Under 16 it is good for 5 years, from
16 to 25 for 10, from 26 to 45 for 20, from 46 on for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from core.calendar import add_months

if TYPE_CHECKING:
    from datetime import date

# Who can hold an expired card: from this age on, its term in years, the oldest age of issue.
EXPIRED = ((47, 20, 45), (27, 10, 25), (0, 5, 15))


def valid_card(born: date, reference: date, share: float) -> tuple[date, date | None]:
    """Return the validity of a card that was always renewed in time; to None is for ever.

    ``share`` says how soon after the sixteenth birthday the first was made.
    """
    first = add_months(born, 16 * 12, born.day) + timedelta(days=int(share * 700))
    if first > reference:
        recent = reference - timedelta(days=int(share * 700) + 1)
        return recent, _years_on(recent, 5)
    second = _years_on(first, 10)
    if second > reference:
        return first, second
    third = _years_on(second, 20)
    return (second, third) if third > reference else (third, None)


def expired_card(born: date, age: int, reference: date, share: float) -> tuple[date, date]:
    """Return the validity of a card that has ended and was not renewed, by the same rule."""
    term, oldest = next((t, o) for youngest, t, o in EXPIRED if age >= youngest)
    latest = _years_on(reference - timedelta(days=1 + int(share * 360)), -term)
    issued = min(latest, add_months(born, oldest * 12, born.day))
    return issued, _years_on(issued, term)


def _years_on(day: date, years: int) -> date:
    return add_months(day, years * 12, day.day)
