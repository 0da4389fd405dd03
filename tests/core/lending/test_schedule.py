"""Schedules: published rows to the fen, and what holds for every loan (corebank.md 6.6, 21-29)."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lending.pricing import disclosed
from core.lending.schedule import OURS, Convention, schedule
from core.money import Rounding
from core.products import Method

VECTORS = json.loads(
    (Path(__file__).parents[2] / "data" / "loan_schedules.json").read_text("utf-8")
)
ON_A_TWELFTH = (Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.BULLET)

methods = st.sampled_from(Method)
principals_fen = st.integers(50_000, 50_000_000)
rates_ppm = st.integers(0, 240_000)
terms = st.integers(1, 60)
days = st.dates(date(2020, 1, 1), date(2023, 12, 31))
loans = st.tuples(methods, principals_fen, rates_ppm, days, terms)


def fen(yuan: str) -> int:
    return int(Fraction(yuan) * 100)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_published_rows_come_out_to_the_fen(vector):
    convention = Convention(Rounding(vector["rounding"]), vector["multiple_fen"])
    rows = schedule(
        Method(vector["method"]),
        fen(vector["principal"]),
        int(Fraction(vector["annual_rate_pct"]) * 10_000),
        date.fromisoformat(vector["start"]),
        vector["months"],
        convention,
    )

    for told in vector["rows"]:
        row = rows[told["n"] - 1]
        assert abs(row.principal_fen - fen(told["principal"])) <= vector["tolerance_fen"]
        assert abs(row.interest_fen - fen(told["interest"])) <= vector["tolerance_fen"]
        assert row.balance_fen == fen(told.get("balance", str(Fraction(row.balance_fen, 100))))
        assert row.due.isoformat() == told.get("due_date", row.due.isoformat())


@given(loans)
def test_principal_sums_to_the_payout_and_every_balance_follows(loan):
    rows = schedule(*loan)
    before_fen = principal_fen = loan[1]

    assert sum(row.principal_fen for row in rows) == principal_fen
    for row in rows:
        assert row.balance_fen == before_fen - row.principal_fen >= 0
        assert row.principal_fen >= 0
        assert row.interest_fen >= 0
        before_fen = row.balance_fen
    assert rows[-1].balance_fen == 0
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


@given(principals_fen, rates_ppm, days, terms)
def test_equal_principal_costs_less_from_row_to_row(principal_fen, rate_ppm, start, months):
    rows = schedule(Method.EQUAL_PRINCIPAL, principal_fen, rate_ppm, start, months)

    costs_fen = [row.interest_fen for row in rows]
    assert costs_fen == sorted(costs_fen, reverse=True)
    assert len({row.principal_fen for row in rows[:-1]}) <= 1


@given(principals_fen, rates_ppm, days, terms)
def test_equal_instalments_differ_only_in_the_last_and_by_no_more_than_rounding_can_drift(
    principal_fen, rate_ppm, start, months
):
    rows = schedule(Method.EQUAL_INSTALMENT, principal_fen, rate_ppm, start, months)
    monthly = Fraction(rate_ppm, 12_000_000)
    drift = ((1 + monthly) ** months - 1) / monthly if monthly else months

    levels_fen = {row.total_fen for row in rows[:-1]} or {rows[-1].total_fen}
    assert len(levels_fen) == 1
    assert abs(rows[-1].total_fen - levels_fen.pop()) <= drift + 1


@given(methods, principals_fen, days, terms)
def test_no_rate_means_no_interest(method, principal_fen, start, months):
    assert not any(row.interest_fen for row in schedule(method, principal_fen, 0, start, months))


@given(methods, principals_fen, rates_ppm, days, terms)
def test_a_higher_rate_or_a_longer_term_never_costs_less(
    method, principal_fen, rate_ppm, start, months
):
    def cost_fen(rate_ppm: int, months: int) -> int:
        rows = schedule(method, principal_fen, rate_ppm, start, months)
        return sum(row.interest_fen for row in rows)

    # One row's rounding is half a fen each way; the longer loan has one row more.
    assert cost_fen(rate_ppm + 1_000, months) >= cost_fen(rate_ppm, months) - months
    assert cost_fen(rate_ppm, months + 1) >= cost_fen(rate_ppm, months) - months - 1


@given(
    st.sampled_from(ON_A_TWELFTH),
    st.integers(1_000_000, 30_000_000),
    st.integers(1, 154_000),
    terms,
)
def test_the_disclosed_rate_of_monthly_rows_is_the_contract_rate(
    method, principal_fen, rate_ppm, months
):
    rows = schedule(method, principal_fen, rate_ppm, date(2020, 7, 1), months)

    # A row is off by half a fen at most; on 10,000 yuan that moves the rate by a few millionths.
    assert abs(disclosed(principal_fen, rows).simple_ppm - rate_ppm) <= 12


def test_a_flat_rate_costs_nearly_twice_its_figure():
    rows = schedule(Method.FLAT, 500_000, 120_000, date(2022, 11, 1), 18)

    shown = disclosed(500_000, rows)
    assert 216_400 < shown.simple_ppm < 216_700  # FIN-RS01: 21.66 % nominal, 23.94 % effective
    assert 239_200 < shown.compound_ppm < 239_700


@given(loans)
def test_due_dates_rise_month_by_month_and_return_to_their_day(loan):
    start, rows = loan[3], schedule(*loan)

    months = [row.due.year * 12 + row.due.month for row in rows]
    first = start.year * 12 + start.month + 1
    assert months == list(range(first, first + len(rows)))
    assert all(row.due.day == start.day or start.day > 28 for row in rows)


def test_a_month_end_is_clamped_and_comes_back():
    rows = schedule(Method.BULLET, 1_000_000, 72_000, date(2021, 1, 31), 3)
    from_february = schedule(
        Method.BULLET, 1_000_000, 72_000, date(2021, 2, 28), 2, Convention(due_day=31)
    )

    assert [row.due for row in rows] == [date(2021, 2, 28), date(2021, 3, 31), date(2021, 4, 30)]
    assert [row.due for row in from_february] == [row.due for row in rows[1:]]


def test_a_bullet_repays_everything_last():
    rows = schedule(Method.BULLET, 5_000_000, 72_000, date(2020, 9, 15), 12)

    assert [row.total_fen for row in rows] == [30_000] * 11 + [5_030_000]


def test_the_daily_method_counts_days_where_the_others_count_months():
    daily = schedule(Method.DAILY, 5_000_000, 72_000, date(2020, 9, 15), 12)
    bullet = schedule(Method.BULLET, 5_000_000, 72_000, date(2020, 9, 15), 12)

    assert [row.interest_fen for row in daily[:3]] == [30_000, 31_000, 30_000]
    assert sum(row.interest_fen for row in daily) == 365_000  # 50,000 yuan x 7.2 % x 365 / 360
    assert sum(row.interest_fen for row in bullet) == 360_000


def test_a_level_rounded_up_to_whole_units_ends_early_and_never_below_zero():
    # Found in the wild (frappe/lending, pull 1452): rounding up ended a 12-month loan in month 11.
    rows = schedule(
        Method.EQUAL_PRINCIPAL, 13_000, 0, date(2020, 1, 1), 12, Convention(multiple_fen=1_200)
    )

    assert [row.balance_fen for row in rows[-3:]] == [1_000, 0, 0]
    assert sum(row.principal_fen for row in rows) == 13_000


def test_decades_at_a_high_rate_end_early_and_never_below_zero():
    # Products that could ask for this are not read (core/products.py); the schedule holds anyway.
    rows = schedule(Method.EQUAL_INSTALMENT, 1_000_000, 330_000, date(2020, 1, 1), 360)

    assert rows[0].principal_fen == 2
    assert min(row.balance_fen for row in rows) == rows[-1].balance_fen == 0


def test_half_even_is_there_for_those_who_use_it():
    even = Convention(Rounding.HALF_EVEN)

    assert (
        schedule(Method.BULLET, 125_000, 150_000, date(2023, 9, 1), 1, even)[0].interest_fen == 1562
    )
    assert (
        schedule(Method.BULLET, 125_000, 150_000, date(2023, 9, 1), 1, OURS)[0].interest_fen == 1563
    )
