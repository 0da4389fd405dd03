"""The five categories: days overdue to a class, by the rules of the day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lending.classification import RULE_SETS, Category, category, rules_on, worst

BEFORE, SINCE = date(2023, 6, 30), date(2023, 7, 1)


@pytest.mark.parametrize(
    ("days", "before", "since"),
    [
        (0, Category.NORMAL, Category.NORMAL),
        (1, Category.SPECIAL_MENTION, Category.SPECIAL_MENTION),
        (90, Category.SPECIAL_MENTION, Category.SPECIAL_MENTION),
        (91, Category.SUBSTANDARD, Category.SUBSTANDARD),
        (120, Category.SUBSTANDARD, Category.SUBSTANDARD),
        (121, Category.DOUBTFUL, Category.SUBSTANDARD),
        (180, Category.DOUBTFUL, Category.SUBSTANDARD),
        (181, Category.LOSS, Category.SUBSTANDARD),
        (270, Category.LOSS, Category.SUBSTANDARD),
        (271, Category.LOSS, Category.DOUBTFUL),
        (360, Category.LOSS, Category.DOUBTFUL),
        (361, Category.LOSS, Category.LOSS),
    ],
)
def test_the_border_days_fall_where_the_rules_put_them(days, before, since):
    assert category(days, BEFORE) is before
    assert category(days, SINCE) is since


@given(st.integers(0, 1000), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_a_later_day_is_never_in_a_better_class(days, on):
    assert category(days, on) <= category(days + 1, on)


def test_every_rule_set_says_where_it_comes_from_and_how_sure_that_is():
    assert [rules.confidence for rules in RULE_SETS] == ["high", "low"]
    assert all(rules.source for rules in RULE_SETS)
    assert rules_on(SINCE).since == SINCE
    assert rules_on(SINCE - timedelta(days=1)).since == date.min


@given(st.dates(date(2023, 1, 1), date(2024, 1, 1)), st.integers(0, 60), st.integers(1, 400))
def test_the_worst_class_of_some_days_is_the_worst_of_each(late_since, slept, days):
    after = late_since + timedelta(days=slept)
    each = [after + timedelta(days=day) for day in range(1, days + 1)]
    found = worst(late_since, after, each[-1])
    assert found == max(category((day - late_since).days, day) for day in each)


def test_a_class_of_the_old_rules_is_found_by_whoever_slept_through_their_end():
    late_since = date(2023, 1, 1)  # 180 days on the last day of June: doubtful, by the old rules
    assert worst(late_since, date(2023, 6, 1), date(2023, 8, 1)) is Category.DOUBTFUL
    assert worst(late_since, date(2023, 6, 30), date(2023, 8, 1)) is Category.SUBSTANDARD
