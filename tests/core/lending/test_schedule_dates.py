"""When rows are due: due days, odd first periods, holidays; and which part of a year they bear."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.banks import load_banks
from core.calendar import Calendar
from core.config import checked
from core.errors import InputError
from core.lending.schedule import OURS, Convention, Period, Unit, convention_of, schedule
from core.lending.spans import part_of_year, spans
from core.money import Rounding
from core.products import PRODUCTS, DayCount, Method, Product, Roll, load_products

CALENDAR = Calendar.sourced()
FILE = (PRODUCTS / "qingluo-wage.toml").read_text("utf-8")


def dues(start, rows, **convention):
    """The due dates of a loan."""
    return [span.due for span in spans(start, rows, Convention(**convention))]


def days_of(text):
    """Dates of one year written short: "02-28 03-31"."""
    return [date.fromisoformat(f"2021-{each}") for each in text.split()]


# Due days.


@pytest.mark.parametrize(
    ("start", "convention", "expected"),
    [
        ("01-31", {}, "02-28 03-31 04-30"),
        ("01-30", {}, "02-28 03-30 04-30"),
        ("02-28", {}, "03-28 04-28 05-28"),
        ("02-28", {"due_day": 31}, "03-31 04-30 05-31"),
        ("01-31", {"due_day": 5}, "02-05 03-05 04-05"),
        ("01-02", {"due_day": 5}, "02-05 03-05 04-05"),
        ("01-15", {"first_due": date(2021, 3, 1)}, "03-01 04-01 05-01"),
        ("01-15", {"first_due": date(2021, 2, 28), "due_day": 31}, "02-28 03-31 04-30"),
        ("01-31", {"period": Period(3)}, "04-30 07-31 10-31"),
        ("01-04", {"period": Period(2, Unit.WEEKS)}, "01-18 02-01 02-15"),
        ("01-04", {"period": Period(15, Unit.DAYS)}, "01-19 02-03 02-18"),
    ],
)
def test_rows_fall_on_their_day_and_return_to_it(start, convention, expected):
    assert dues(days_of(start)[0], 3, **convention) == days_of(expected)


def test_an_odd_first_period_bears_interest_by_the_day():
    # Paid out on the 15th, due on the 1st: 17 days of the first month, whole months thereafter.
    rows = schedule(Method.BULLET, 3_600_000, 100_000, date(2021, 1, 15), 3, Convention(due_day=1))

    assert [row.interest_fen for row in rows] == [17 * 1_000, 30_000, 30_000]


def test_a_payout_on_the_due_day_itself_begins_with_a_whole_month():
    clamped = Convention(due_day=31)

    assert schedule(Method.BULLET, 3_600_000, 100_000, date(2021, 2, 28), 2, clamped)[
        0
    ].interest_fen == (30_000)
    assert spans(date(2021, 2, 28), 1, clamped)[0].whole
    assert not spans(date(2021, 2, 27), 1, clamped)[0].whole


def test_instalments_stay_level_over_an_odd_first_period():
    long_first = Convention(first_due=date(2021, 3, 1))
    rows = schedule(Method.EQUAL_INSTALMENT, 3_600_000, 100_000, date(2021, 1, 15), 6, long_first)

    assert len({row.total_fen for row in rows[:-1]}) == 1
    assert rows[0].interest_fen == 45 * 1_000
    assert rows[1].interest_fen < rows[0].interest_fen


# Working days.


@pytest.mark.parametrize(
    ("roll", "expected"),
    [
        # 2021: 1 May to 5 May are holidays, 31 July and 31 October weekends, 31 May a Monday.
        (Roll.NONE, "05-01 05-31 07-31 10-31"),
        (Roll.FOLLOWING, "05-06 05-31 08-02 11-01"),
        (Roll.MODIFIED_FOLLOWING, "05-06 05-31 07-30 10-29"),
        (Roll.PRECEDING, "04-30 05-31 07-30 10-29"),
    ],
)
def test_a_due_date_that_nobody_works_on_rolls(roll, expected):
    for due, rolled in zip(days_of("05-01 05-31 07-31 10-31"), days_of(expected), strict=True):
        (span,) = spans(date(2021, 1, 4), 1, Convention(first_due=due, roll=roll))
        assert span.due == rolled


@given(
    st.dates(date(2020, 1, 2), date(2020, 12, 20)),
    st.sampled_from([Roll.FOLLOWING, Roll.MODIFIED_FOLLOWING, Roll.PRECEDING]),
    st.integers(0, 31),
)
def test_rolled_dates_are_worked_rise_strictly_and_stay_near(start, roll, due_day):
    agreed = dues(start, 11, due_day=due_day)
    rolled = dues(start, 11, due_day=due_day, roll=roll)

    assert all(CALENDAR.is_working_day(day) for day in rolled)
    assert all(before < after for before, after in pairwise([start, *rolled]))
    assert all(
        abs(day - due) <= timedelta(days=11) for day, due in zip(rolled, agreed, strict=True)
    )


def test_holidays_change_no_instalment_unless_the_interest_follows_them():
    loan = (Method.EQUAL_INSTALMENT, 3_600_000, 100_000, date(2020, 4, 1), 12)
    stays = schedule(*loan, Convention(roll=Roll.FOLLOWING))
    follows = schedule(*loan, Convention(roll=Roll.FOLLOWING, interest_rolls=True))
    unmoved = schedule(*loan)

    assert [row.total_fen for row in stays] == [row.total_fen for row in unmoved]
    assert [row.due for row in stays] == [row.due for row in follows] != [r.due for r in unmoved]
    # 1 May 2020 is paid on the 6th: five days more, and the next period is five days shorter.
    assert follows[0].interest_fen == 35 * 1_000
    assert follows[1].interest_fen < 26 * 1_000


def test_working_days_that_nobody_knows_are_an_error_or_given():
    loan = (Method.BULLET, 100_000, 72_000, date(2021, 12, 15), 2)
    with pytest.raises(InputError) as error:
        schedule(*loan, Convention(roll=Roll.FOLLOWING))
    assert "the holidays of 2022 are not known" in str(error.value)

    assumed = Calendar.with_assumed({2022: {}})  # weekends alone
    rows = schedule(*loan, Convention(roll=Roll.FOLLOWING, calendar=assumed))
    assert [row.due for row in rows] == [date(2022, 1, 17), date(2022, 2, 15)]


def test_rows_of_weeks_do_not_roll_for_two_could_meet():
    with pytest.raises(InputError):
        Convention(period=Period(1, Unit.WEEKS), roll=Roll.FOLLOWING)


# Parts of a year.


@pytest.mark.parametrize(
    ("rule", "since", "until", "part"),
    [
        (DayCount.MONTHLY, "2024-01-31", "2024-02-29", Fraction(1, 12)),
        (DayCount.ACT_360, "2024-01-31", "2024-02-29", Fraction(29, 360)),
        (DayCount.ACT_364, "2024-01-31", "2024-02-29", Fraction(29, 364)),
        (DayCount.ACT_365, "2024-01-31", "2024-02-29", Fraction(29, 365)),
        (DayCount.ACT_ACT, "2024-01-31", "2024-02-29", Fraction(29, 366)),
        (DayCount.THIRTY_360, "2024-01-31", "2024-02-29", Fraction(29, 360)),
        (DayCount.THIRTY_360, "2024-03-31", "2024-04-30", Fraction(30, 360)),
        # Across a year's end: each day in the year in which it begins, or in which it ends.
        (
            DayCount.ACT_ACT,
            "2023-12-12",
            "2024-01-12",
            Fraction(20, 365) + Fraction(11, 366),
        ),
        (
            DayCount.ACT_ACT_31DEC,
            "2023-12-12",
            "2024-01-12",
            Fraction(19, 365) + Fraction(12, 366),
        ),
        (DayCount.ACT_ACT_START, "2023-12-12", "2024-01-12", Fraction(31, 365)),
        (DayCount.ACT_ACT_31DEC, "2023-12-31", "2024-01-31", Fraction(31, 366)),
    ],
)
def test_a_period_is_this_part_of_a_year(rule, since, until, part):
    convention = Convention(day_count=rule)
    (span,) = spans(date.fromisoformat(since), 1, convention)

    assert span.until == date.fromisoformat(until)
    assert part_of_year(span, convention, span.since, span.until) == part


@given(
    st.dates(date(2019, 1, 1), date(2024, 12, 31)),
    st.sampled_from(DayCount),
    st.integers(1, 25),
    st.sampled_from([Period(), Period(2), Period(4, Unit.WEEKS)]),
)
def test_the_pieces_of_a_period_add_up_to_it(start, rule, cut, period):
    convention = Convention(day_count=rule, period=period)
    (span,) = spans(start, 1, convention)
    middle = span.since + timedelta(days=cut)
    first = part_of_year(span, convention, span.since, middle)
    second = part_of_year(span, convention, middle, span.until)

    assert first + second == part_of_year(span, convention, span.since, span.until)
    assert first >= 0
    assert second >= 0


# Products.


def product_with(table="", **changed):
    """The product of a file with some keys changed and a ``[repayment]`` table."""
    raw = tomllib.loads(FILE + table) | changed
    return checked(raw, Product, "p.toml")


def test_a_product_that_says_nothing_has_our_convention():
    assert all(convention_of(product) == OURS for product in load_products(load_banks()).values())


def test_a_products_table_becomes_its_convention():
    product = product_with(
        "\n[repayment]\ndue_day = 21\ngrace_rows = 2\nmultiple_fen = 100\n"
        'rounding = "half_even"\nroll = "following"\nday_count = "act_360"\n'
    )

    assert convention_of(product, CALENDAR) == Convention(
        rounding=Rounding.HALF_EVEN,
        multiple_fen=100,
        due_day=21,
        day_count=DayCount.ACT_360,
        grace_rows=2,
        roll=Roll.FOLLOWING,
        calendar=CALENDAR,
    )
    assert product.terms != product_with().terms


@pytest.mark.parametrize(
    ("table", "changed", "line"),
    [
        ("due_day = 32", {}, "repayment.due_day: 32 is out of bounds; it should be less than or"),
        ("grace = 2", {}, "repayment.grace: unknown key; did you mean 'grace_rows'?"),
        ('roll = "follow"', {}, "'follow' is none of the choices; did you mean 'following'?"),
        ("due_day = true", {}, "repayment.due_day: True is not a whole number"),
        (
            "grace_rows = 12",
            {"months": 12},
            "repayment.grace_rows: 12 of 12 rows would pay no principal; write at most 11",
        ),
        (
            "grace_rows = 1",
            {"months": 12, "method": "bullet"},
            "repayment.grace_rows: 'bullet' repays nothing before its last row anyway; leave it",
        ),
        (
            "multiple_fen = 100",
            {"months": 12, "method": "daily"},
            "repayment.multiple_fen: nothing is level in method 'daily'; leave it out",
        ),
        (
            "multiple_fen = 100_000",
            {"months": 12},
            "repayment.multiple_fen: instalments in whole 1,000.00 yuan may end a drawdown of",
        ),
        (
            'day_count = "act_365"',
            {"months": 12, "method": "daily"},
            "repayment.day_count: 'act_365', and method 'daily' accrues annual/360 a day",
        ),
    ],
)
def test_a_repayment_table_that_makes_no_sense_is_not_read(table, changed, line):
    with pytest.raises(InputError) as error:
        product_with(f"\n[repayment]\n{table}\n", **changed)
    assert line in str(error.value)


def test_a_multiple_that_a_product_may_have_ends_no_loan_early():
    product = product_with("\n[repayment]\nmultiple_fen = 100\n")
    convention, months = convention_of(product), product.months
    for rate_ppm in (product.pricing.floor_ppm, product.pricing.cap_ppm):
        rows = schedule(
            product.method, product.draw_min_fen, rate_ppm, date(2020, 7, 1), months, convention
        )
        assert all(row.balance_fen for row in rows[:-1])
