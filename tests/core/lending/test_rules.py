"""The rules of internet loans, each at its edge: one fen, one day, one month over is over."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lending.rules import (
    USES,
    Use,
    allowed_line,
    allowed_term,
    allowed_use,
    needs_review,
    review_due,
)
from core.products import Kind, Method


@pytest.mark.parametrize(
    ("kind", "limit_fen", "allowed"),
    [
        (Kind.CONSUMER, 20_000_000, True),
        (Kind.CONSUMER, 20_000_001, False),
        (Kind.CONSUMER, 1, True),
        (Kind.CONSUMER, 0, False),
        (Kind.BUSINESS, 20_000_001, True),
        (Kind.BUSINESS, -1, False),
    ],
)
def test_a_consumer_gets_200_000_yuan_and_no_fen_more(kind, limit_fen, allowed):
    assert allowed_line(kind, limit_fen) is allowed


@pytest.mark.parametrize(
    ("kind", "method", "months", "allowed"),
    [
        (Kind.CONSUMER, Method.BULLET, 12, True),
        (Kind.CONSUMER, Method.BULLET, 13, False),
        (Kind.CONSUMER, Method.DAILY, 12, True),
        (Kind.CONSUMER, Method.DAILY, 13, False),
        (Kind.CONSUMER, Method.EQUAL_INSTALMENT, 13, True),
        (Kind.BUSINESS, Method.BULLET, 36, True),
        (Kind.BUSINESS, Method.BULLET, 0, False),
    ],
)
def test_what_a_consumer_repays_in_one_sum_runs_a_year(kind, method, months, allowed):
    assert allowed_term(kind, method, months) is allowed


BANNED = {
    "property",
    "mortgage",
    "stocks",
    "bonds",
    "futures",
    "derivatives",
    "asset_management",
    "fixed_assets",
    "equity",
}


def test_what_the_order_bans_is_banned_for_everybody():
    assert {use for use, rule in USES.items() if not rule.kinds} == BANNED
    assert not any(allowed_use(kind, use) for kind in Kind for use in BANNED)


@pytest.mark.parametrize(
    ("use", "consumer", "business"),
    [
        (Use.EDUCATION, True, False),
        ("decoration", True, False),
        (Use.GOODS, False, True),
        ("farm_inputs", False, True),
        ("", False, False),
        ("whatever", False, False),
        ("Education", False, False),
    ],
)
def test_money_is_for_what_its_product_is_for(use, consumer, business):
    assert allowed_use(Kind.CONSUMER, use) is consumer
    assert allowed_use(Kind.BUSINESS, use) is business


def test_every_use_has_a_rule_with_its_source():
    assert set(USES) == set(Use)
    assert all(rule.source and rule.confidence in {"medium", "low"} for rule in USES.values())


@pytest.mark.parametrize(
    ("kind", "months", "needed"),
    [(Kind.BUSINESS, 12, False), (Kind.BUSINESS, 13, True), (Kind.CONSUMER, 36, False)],
)
def test_a_loan_for_a_trade_over_more_than_a_year_is_assessed_anew(kind, months, needed):
    assert needs_review(kind, months) is needed


@pytest.mark.parametrize(
    ("granted_on", "last_review", "on", "due"),
    [
        (date(2020, 9, 1), None, date(2021, 8, 31), False),
        (date(2020, 9, 1), None, date(2021, 9, 1), True),
        (date(2020, 9, 1), date(2021, 3, 5), date(2022, 3, 4), False),
        (date(2020, 9, 1), date(2021, 3, 5), date(2022, 3, 5), True),
        (date(2020, 2, 29), None, date(2021, 2, 27), False),
        (date(2020, 2, 29), None, date(2021, 2, 28), True),
        (date(2020, 9, 1), date(2019, 1, 1), date(2020, 9, 2), False),
    ],
)
def test_the_year_runs_from_the_last_time(granted_on, last_review, on, due):
    assert review_due(granted_on, last_review, on) is due


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 1000))
def test_a_review_once_due_stays_due_until_it_is_done(granted_on, days):
    on = date.fromordinal(granted_on.toordinal() + days)
    later = date.fromordinal(on.toordinal() + 1)
    assert review_due(granted_on, None, on) <= review_due(granted_on, None, later)
    assert not review_due(granted_on, on, on)
