"""The calendar: working days of mainland China, and due dates that do not drift.

Holidays are data (``core/data/calendar.toml``), copied from the State Council's notices year by
year. Past the last year that has one nobody knows the make-up days, so asking is an error, unless
a scenario brings rows of its own, which then say themselves that they are assumed.
"""

from __future__ import annotations

import tomllib
from calendar import monthrange
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).parent / "data" / "calendar.toml"
SATURDAY = 5
DAY = timedelta(days=1)


class Calendar:
    """Which days are worked. ``years`` are those it knows, ``assumed`` those without a source."""

    __slots__ = ("assumed", "off", "worked", "years")

    def __init__(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        self.years = frozenset(rows)
        self.assumed = frozenset(year for year, row in rows.items() if "source" not in row)
        self.off = frozenset(day for year, row in rows.items() for day in _off(year, row))
        self.worked = frozenset(day for year, row in rows.items() for day in _worked(year, row))

    @classmethod
    @cache
    def sourced(cls) -> Calendar:
        """Return the calendar of the State Council's notices."""
        return cls(_rows())

    @classmethod
    def with_assumed(cls, rows: Mapping[int, Mapping[str, Any]]) -> Calendar:
        """Return the sourced calendar and further years in the same form.

        ``{2022: {"off": [[2022-10-01, 2022-10-07]], "worked": [2022-10-08]}}``; an empty row is a
        year whose only days off are its weekends.

        Raises:
            InputError: a year that has a source, or a day that cannot be what it is given for.
        """
        known = _rows()
        for year in rows:
            if year in known:
                raise InputError(f"calendar {year}", "this year has a source", "leave it out")
        stripped = {
            year: {key: value for key, value in row.items() if key != "source"}
            for year, row in rows.items()
        }
        return cls({**known, **stripped})

    def is_working_day(self, day: date) -> bool:
        """Return whether ``day`` is worked.

        Raises:
            InputError: nobody knows the holidays of that year.
        """
        if day.year not in self.years:
            problem = f"the holidays of {day.year} are not known"
            remedy = f"known: {min(self.years)} to {max(self.years)}; or give rows marked assumed"
            raise InputError(f"calendar {day}", problem, remedy)
        if day.weekday() >= SATURDAY:
            return day in self.worked
        return day not in self.off

    def next_working_day(self, day: date) -> date:
        """Return ``day`` itself if it is worked, else the first working day after it."""
        while not self.is_working_day(day):
            day += DAY
        return day


def add_months(day: date, months: int, anchor_day: int) -> date:
    """Return the day ``anchor_day`` of the month that lies ``months`` after that of ``day``.

    A month too short for it gives its last day, and the next one returns to the anchor: from
    31 January come 29 February and 31 March. So the anchor is kept, never read off the last date.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(anchor_day, monthrange(year, month + 1)[1]))


def days_between(first: date, last: date) -> int:
    """Return the days that bear interest: the first counts, the last does not (算头不算尾)."""
    return (last - first).days


@cache
def _rows() -> dict[int, dict[str, Any]]:
    return {int(year): row for year, row in tomllib.loads(FILE.read_text("utf-8")).items()}


def _off(year: int, row: Mapping[str, Any]) -> Iterator[date]:
    """Give every day of the row's spans."""
    for first, last in row.get("off", ()):
        if not first.year == year == last.year or first > last:
            problem = f"{first} to {last} is no span of that year"
            raise InputError(f"calendar {year}", problem, "give the first and the last day off")
        yield from (first + count * DAY for count in range((last - first).days + 1))


def _worked(year: int, row: Mapping[str, Any]) -> Iterator[date]:
    """Give the make-up days, which can only be days of a weekend."""
    for day in row.get("worked", ()):
        if day.year != year or day.weekday() < SATURDAY:
            raise InputError(f"calendar {year}", f"{day} is no weekend day of it", "leave it out")
        yield day
