"""The calendar: which days are worked, and due dates that come back to their day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import Calendar, add_months, days_between
from core.errors import InputError

KNOWN = st.dates(date(2020, 1, 1), date(2021, 12, 31))


@pytest.fixture
def calendar():
    return Calendar.sourced()


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2020, 1, 1), False),
        (date(2020, 1, 19), True),  # a Sunday made up for
        (date(2020, 1, 31), False),  # the prolonged Spring Festival
        (date(2020, 2, 1), False),  # a make-up Saturday that was taken back
        (date(2020, 2, 2), False),
        (date(2020, 2, 3), True),
        (date(2020, 6, 28), True),
        (date(2020, 7, 1), True),
        (date(2020, 7, 4), False),
        (date(2020, 10, 8), False),
        (date(2020, 10, 9), True),
        (date(2020, 10, 10), True),  # a Saturday
        (date(2021, 2, 20), True),
        (date(2021, 5, 5), False),
        (date(2021, 10, 9), True),
    ],
)
def test_the_state_councils_notices_decide(calendar, day, worked):
    assert calendar.is_working_day(day) is worked


@pytest.mark.parametrize(("year", "worked"), [(2020, 249), (2021, 250)])
def test_as_many_days_are_worked_as_two_other_packages_count(calendar, year, worked):
    # PyPI chinesecalendar 1.11.0 and holidays agree on each of the 731 days (asked once).
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    assert sum(calendar.is_working_day(day) for day in days if day.year == year) == worked


@given(KNOWN)
def test_the_next_working_day_is_the_first_one_not_before(day):
    calendar = Calendar.sourced()
    if day > date(2021, 12, 31) - timedelta(days=10):
        return
    found = calendar.next_working_day(day)
    assert calendar.is_working_day(found)
    between = [day + timedelta(days=n) for n in range((found - day).days)]
    assert not any(calendar.is_working_day(other) for other in between)


def test_past_the_notices_nobody_knows(calendar):
    for day in (date(2019, 12, 31), date(2022, 1, 4)):
        with pytest.raises(InputError, match=r"the holidays of 20\d\d are not known"):
            calendar.is_working_day(day)


def test_a_scenario_may_assume_a_year():
    rows = {2022: {"off": [[date(2022, 10, 3), date(2022, 10, 7)]], "worked": [date(2022, 10, 8)]}}
    calendar = Calendar.with_assumed(rows)
    assert calendar.assumed == {2022}
    assert not calendar.is_working_day(date(2022, 10, 5))
    assert calendar.is_working_day(date(2022, 10, 8))
    assert calendar.next_working_day(date(2022, 10, 3)) == date(2022, 10, 8)
    assert calendar.is_working_day(date(2020, 1, 19))  # the sourced years stay
    assert Calendar.sourced().assumed == frozenset()


def test_a_source_that_a_scenario_writes_is_still_an_assumption():
    assert Calendar.with_assumed({2022: {"source": "me"}}).assumed == {2022}


@pytest.mark.parametrize(
    "rows",
    [
        {2021: {}},
        {2022: {"off": [[date(2022, 1, 3), date(2022, 1, 1)]]}},
        {2022: {"off": [[date(2022, 12, 31), date(2023, 1, 2)]]}},
        {2022: {"worked": [date(2022, 1, 4)]}},  # a Tuesday is worked anyhow
        {2022: {"worked": [date(2023, 1, 1)]}},
    ],
)
def test_rows_that_cannot_be_are_refused(rows):
    with pytest.raises(InputError):
        Calendar.with_assumed(rows)


@pytest.mark.parametrize(
    ("anchor", "days"),
    [
        (31, ["2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31"]),
        (30, ["2020-02-29", "2020-03-30", "2020-04-30", "2020-05-30"]),
        (29, ["2020-02-29", "2020-03-29", "2020-04-29", "2020-05-29"]),
        (15, ["2020-02-15", "2020-03-15", "2020-04-15", "2020-05-15"]),
    ],
)
def test_a_short_month_gives_its_last_day_and_the_next_returns(anchor, days):
    start = date(2020, 1, anchor)
    assert [add_months(start, n, anchor).isoformat() for n in (1, 2, 3, 4)] == days

    day, one_by_one = start, []
    for _ in days:
        day = add_months(day, 1, anchor)
        one_by_one.append(day.isoformat())
    assert one_by_one == days


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-400, 400))
def test_months_add_up_and_can_be_taken_back(day, months):
    there = add_months(day, months, day.day)
    assert add_months(there, -months, day.day) == day
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months


def test_the_first_day_counts_and_the_last_does_not():
    assert days_between(date(2020, 2, 28), date(2020, 3, 1)) == 2
    assert days_between(date(2020, 7, 1), date(2020, 7, 1)) == 0
