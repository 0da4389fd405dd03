"""Rates that are shown and rates that are capped: annual percentage rates, and four times LPR."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.lending.pricing import (
    Disclosed,
    Flow,
    above_cap,
    by_days,
    by_months,
    cap_ppm_on,
    disclosed,
    growth,
)
from core.lending.schedule import Convention, schedule
from core.products import Method, Roll

PAID_OUT = date(1994, 1, 1)


def after(*flows):
    """Flows of an example of directive 98/7/EC: (days after the payout, amount in fen)."""
    return [Flow(PAID_OUT + timedelta(days=days), amount_fen) for days, amount_fen in flows]


# The annualised rate of dated payments.


@pytest.mark.parametrize(
    ("flows", "percent"),
    [
        # 1,000 for 18 months, 1,200 back: 12.96 % (546 days), and with a fee of 50 kept back.
        (after((0, -100_000), (546, 120_000)), "12.96"),
        (after((0, -95_000), (546, 120_000)), "16.90"),
        (after((0, -100_000), (0, 5_000), (546, 120_000)), "16.90"),
        # Two payments of 600 after one and two years of 365 days.
        (after((0, -100_000), (365, 60_000), (730, 60_000)), "13.07"),
        (after((0, -100_000), (365, 100_000)), "0.00"),
        (after((0, -100_000), (365, 50_000)), "-50.00"),
    ],
)
def test_an_annual_percentage_rate_is_found_by_days(flows, percent):
    shown = Decimal(by_days(flows).compound_ppm) / 10_000

    assert shown.quantize(Decimal("0.01")) == Decimal(percent)


def test_irregular_flows_have_the_rate_that_numpy_financial_gives():
    # NPF-IRR-1 and the example of its documentation.
    assert round(
        growth(list(enumerate([-150_000, 15_000, 25_000, 35_000, 45_000, 60_000]))), 4
    ) == (Decimal("1.0524"))
    assert round(growth(list(enumerate([-100, 39, 59, 55, 20]))), 5) == Decimal("1.28095")


@pytest.mark.parametrize("amounts", [[], [0], [100, 100], [-100, -5], [0, 0, 0]])
def test_payments_that_no_rate_joins_are_an_error(amounts):
    with pytest.raises(InputError) as error:
        growth(list(enumerate(amounts)))
    assert "no rate makes these payments worth the payout" in str(error.value)


@given(
    st.lists(st.integers(0, 10_000_000), min_size=1, max_size=40).filter(any),
    st.integers(1, 200_000_000),
)
def test_discounted_at_their_rate_the_payments_are_worth_the_payout(paid, out_fen):
    try:
        found = Fraction(growth(list(enumerate([-out_fen, *paid]))))
    except InputError:
        assert sum(paid) * 10_000 < out_fen or sum(paid) > out_fen * 1_000  # beyond the bounds
        return
    worth = sum(
        (amount_fen / found**step for step, amount_fen in enumerate(paid, 1)), start=Fraction(0)
    )

    assert abs(worth - out_fen) < Fraction(1, 1_000)


@given(
    st.sampled_from([Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.BULLET, Method.FLAT]),
    st.integers(1_000_000, 30_000_000),
    st.integers(0, 154_000),
    st.integers(1, 60),
)
def test_months_are_reckoned_alike_with_floats_and_with_decimals(
    method, principal_fen, rate_ppm, months
):
    rows = schedule(method, principal_fen, rate_ppm, date(2021, 1, 31), months)

    exact = by_months([-principal_fen, *(row.total_fen for row in rows)])
    shown = disclosed(principal_fen, rows)
    assert abs(shown.simple_ppm - exact.simple_ppm) <= 1
    assert abs(shown.compound_ppm - exact.compound_ppm) <= 1
    assert disclosed(principal_fen, rows, date(2021, 1, 31)) == shown  # month ends are months


# What is disclosed of a loan.


def test_an_odd_first_period_is_reckoned_by_days_where_its_payout_is_told():
    convention = Convention(first_due=date(2021, 4, 1))
    on = date(2021, 1, 15)
    rows = schedule(Method.EQUAL_INSTALMENT, 5_000_000, 72_000, on, 12, convention)

    # 76 days of interest are in the first row, not one month: 7.2 % is still what it costs.
    assert abs(disclosed(5_000_000, rows, on).simple_ppm - 72_000) < 150
    assert disclosed(5_000_000, rows).simple_ppm > 85_000


def test_rolled_due_dates_are_reckoned_by_days():
    on = date(2020, 4, 1)
    rows = schedule(Method.BULLET, 5_000_000, 72_000, on, 12, Convention(roll=Roll.FOLLOWING))

    by_date = disclosed(5_000_000, rows, on)
    assert by_date == by_days([Flow(on, -5_000_000), *(Flow(r.due, r.total_fen) for r in rows)])
    assert by_date != disclosed(5_000_000, rows)


def test_fees_make_a_loan_dearer_wherever_they_are_paid():
    on = date(2020, 9, 15)
    rows = schedule(Method.EQUAL_INSTALMENT, 5_000_000, 72_000, on, 12)
    free = disclosed(5_000_000, rows, on)
    first = disclosed(5_000_000, rows, on, [Flow(on, 50_000)])
    last = disclosed(5_000_000, rows, on, [Flow(rows[-1].due, 50_000)])

    assert free.simple_ppm == 72_000
    assert first.simple_ppm > last.simple_ppm > 85_000


def test_simple_is_twelve_months_and_compound_is_a_year_of_them():
    assert by_months([-100_000, *[1_000] * 11, 101_000]) == Disclosed(120_000, 126_825)


def test_the_order_of_flows_is_no_matter():
    flows = after((0, -100_000), (100, 30_000), (200, 80_000))

    assert by_days(reversed(flows)) == by_days(flows)


# The cap.


@pytest.mark.parametrize(
    ("signed_on", "cap_ppm"),
    [
        (date(2020, 4, 19), 162_000),
        (date(2020, 4, 20), 154_000),
        (date(2020, 8, 20), 154_000),
        (date(2021, 12, 20), 152_000),
    ],
)
def test_the_cap_is_four_times_the_lpr_of_the_signing_day(signed_on, cap_ppm):
    assert cap_ppm_on(signed_on) == cap_ppm


@pytest.mark.parametrize(
    ("method", "rate_ppm", "months", "above"),
    [
        (Method.EQUAL_INSTALMENT, 154_000, 12, False),
        (Method.EQUAL_INSTALMENT, 154_001, 12, True),
        (Method.DAILY, 154_001, 12, True),
        (Method.FLAT, 72_000, 12, False),  # 0.6 % a month flat is 13.03 % nominal
        (Method.FLAT, 120_000, 18, True),  # FIN-RS01: 12 % flat is 21.66 % nominal
        (Method.FLAT, 154_000, 1, False),  # one row: flat is nominal
    ],
)
def test_a_rate_is_held_against_the_cap_by_what_it_costs_in_truth(method, rate_ppm, months, above):
    assert above_cap(method, rate_ppm, months, date(2020, 9, 1)) is above


def test_a_signing_day_without_a_source_is_an_error_unless_it_may_be_assumed():
    with pytest.raises(InputError):
        cap_ppm_on(date(2030, 1, 1))
    assert cap_ppm_on(date(2030, 1, 1), assumed=True) == 120_000


def test_a_row_changed_by_a_fen_changes_what_is_disclosed():
    rows = schedule(Method.EQUAL_INSTALMENT, 100_000, 72_000, date(2020, 9, 15), 12)
    dearer = [*rows[:-1], replace(rows[-1], interest_fen=rows[-1].interest_fen + 10)]

    assert disclosed(100_000, dearer).simple_ppm > disclosed(100_000, rows).simple_ppm
