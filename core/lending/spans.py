"""The periods of a schedule: when a row is due, and which part of a year it bears interest for."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from core.annuity import level
from core.calendar import DAY, Calendar, add_months
from core.errors import InputError
from core.lending.convention import Unit
from core.products import DayCount, Roll

if TYPE_CHECKING:
    from core.lending.convention import Convention

NO_DAYS = timedelta()
OVER = {DayCount.ACT_360: 360, DayCount.ACT_364: 364, DayCount.ACT_365: 365}


class Span(NamedTuple):
    """One period. Interest runs from ``since``, which counts, to ``until``, which does not.

    ``whole`` says that it is a whole month (week, …) by the calendar, however many days it has;
    ``late_days`` how much longer it is because its dates rolled.
    """

    since: date
    until: date
    due: date
    whole: bool
    late_days: int


@lru_cache(maxsize=4096)
def spans(start: date, rows: int, convention: Convention) -> tuple[Span, ...]:
    """Return the periods of a loan. Kept: all loans of one day and product share them.

    Raises:
        InputError: the first due date is not after ``start``, or nobody knows the working days.
    """
    agreed = [start, *_agreed(start, rows, convention)]
    paid = [start, *(_rolled(day, start, convention) for day in agreed[1:])]
    bears = paid if convention.interest_rolls else agreed
    late = [(there - here).days for there, here in zip(bears, agreed, strict=True)]
    first_whole = _is_whole(start, agreed[1], convention)
    return tuple(
        Span(
            bears[index],
            bears[index + 1],
            paid[index + 1],
            index > 0 or first_whole,
            late[index + 1] - late[index],
        )
        for index in range(rows)
    )


def _agreed(start: date, rows: int, convention: Convention) -> list[date]:
    """Return the due dates before any of them rolls."""
    count, unit, first = convention.period.count, convention.period.unit, convention.first_due
    if first is not None and first <= start:
        raise InputError(f"first due date {first}", f"is not after {start}", "give a later one")
    if unit is not Unit.MONTHS:
        step = _step(count, unit)
        begin = start + step if first is None else first
        return [begin + index * step for index in range(rows)]
    if first is None:
        anchor = convention.due_day or start.day
        return [add_months(start, count * index, anchor) for index in range(1, rows + 1)]
    anchor = convention.due_day or first.day
    return [first, *(add_months(first, count * index, anchor) for index in range(1, rows))]


def _step(count: int, unit: Unit) -> timedelta:
    return timedelta(days=count * (7 if unit is Unit.WEEKS else 1))


def _is_whole(start: date, until: date, convention: Convention) -> bool:
    """Return whether the first period is as long as every other by the calendar."""
    count, unit = convention.period.count, convention.period.unit
    if unit is not Unit.MONTHS:
        return until - start == _step(count, unit)
    anchor = convention.due_day or (start if convention.first_due is None else until).day
    return add_months(until, -count, anchor) == start


def _rolled(day: date, start: date, convention: Convention) -> date:
    """Return the day on which a due date is really paid."""
    if (roll := convention.roll) is Roll.NONE:
        return day
    calendar = convention.calendar or Calendar.sourced()
    after = calendar.next_working_day(day)
    if roll is Roll.FOLLOWING or (roll is Roll.MODIFIED_FOLLOWING and after.month == day.month):
        return after
    before = day
    while not calendar.is_working_day(before):
        before -= DAY
    return before if before > start else after  # nothing is due on the day of payout, or before


@lru_cache(maxsize=4096)
def factors(start: date, rows: int, convention: Convention, rate: Fraction) -> tuple[Fraction, ...]:
    """Return each row's interest on a balance of one, over its whole period."""
    return tuple(
        rate * part_of_year(span, convention, span.since, span.until)
        for span in spans(start, rows, convention)
    )


@lru_cache(maxsize=4096)
def level_from(
    start: date, rows: int, convention: Convention, rate: Fraction, row: int
) -> Fraction:
    """Return the level instalment on a balance of one from a row (counted from 0) to the last."""
    if convention.level_on_twelfths:
        return level((rate * convention.period.count / 12,) * (rows - row))
    return level(factors(start, rows, convention, rate)[row:])


def part_of_year(span: Span, convention: Convention, since: date, until: date) -> Fraction:
    """Return which part of a year the days from ``since`` to ``until`` of a period are.

    Where a period is counted as a whole (a twelfth of a year), a piece of it has its share of the
    actual days; every other rule adds up by itself.
    """
    days, rule = (until - since).days, convention.day_count
    if rule is DayCount.MONTHLY:
        if convention.period.unit is not Unit.MONTHS or not span.whole:
            return Fraction(days, 360)
        whole = Fraction(convention.period.count, 12) + Fraction(span.late_days, 360)
        return whole * Fraction(days, (span.until - span.since).days)
    if (over := OVER.get(rule)) is not None:
        return Fraction(days, over)
    if rule is DayCount.THIRTY_360:
        return Fraction(_days_of_30(until) - _days_of_30(since), 360)
    if rule is DayCount.ACT_ACT_START:
        return Fraction(days, _length(span.since.year))
    return _by_calendar_year(since, until, DAY if rule is DayCount.ACT_ACT_31DEC else NO_DAYS)


def _days_of_30(day: date) -> int:
    return 360 * day.year + 30 * day.month + min(day.day, 30)


def _by_calendar_year(since: date, until: date, early: timedelta) -> Fraction:
    """Return days over the length of their year; a year turns ``early`` before January."""
    part = Fraction(0)
    for year in range(since.year, until.year + 2):
        first = max(since, date(year, 1, 1) - early)
        last = min(until, date(year + 1, 1, 1) - early)
        if last > first:
            part += Fraction((last - first).days, _length(year))
    return part


def _length(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days
