"""The five categories of a loan (五级分类) by days overdue, with the rules as dated sets.

From 2023-07-01: order 2023 No.1 of CBIRC and PBC (confidence high). Before it no text of the
rural matrix for retail loans was found; the days of the credit card measures, article 92, stand
in for it (confidence medium for cards, low for these loans).
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum
from typing import NamedTuple

A_DAY = timedelta(days=1)


class Category(IntEnum):
    """The categories, worse upwards."""

    NORMAL = 1  # 正常
    SPECIAL_MENTION = 2  # 关注
    SUBSTANDARD = 3  # 次级
    DOUBTFUL = 4  # 可疑
    LOSS = 5  # 损失


class RuleSet(NamedTuple):
    """``over_days``: (more than so many days overdue, then at least this), worst first."""

    since: date
    source: str
    confidence: str
    over_days: tuple[tuple[int, Category], ...]


RULE_SETS: tuple[RuleSet, ...] = (  # newest first
    RuleSet(
        date(2023, 7, 1),
        "CBIRC/PBC order 2023 No.1",
        "high",
        (
            (360, Category.LOSS),
            (270, Category.DOUBTFUL),
            (90, Category.SUBSTANDARD),
            (0, Category.SPECIAL_MENTION),
        ),
    ),
    RuleSet(
        date.min,
        "credit card measures, art. 92, taken for retail loans",
        "low",
        (
            (180, Category.LOSS),
            (120, Category.DOUBTFUL),
            (90, Category.SUBSTANDARD),
            (0, Category.SPECIAL_MENTION),
        ),
    ),
)


def rules_on(on: date) -> RuleSet:
    """Return the rules that hold on a date."""
    return next(rules for rules in RULE_SETS if rules.since <= on)


def category(days_overdue: int, on: date) -> Category:
    """Return the category of a loan ``days_overdue`` days late on a date (0: not late)."""
    for days, reached in rules_on(on).over_days:
        if days_overdue > days:
            return reached
    return Category.NORMAL


def worst(late_since: date, after: date, on: date) -> Category:
    """Return the worst category from the day after ``after`` to ``on``, by each day's own rules.

    A day end that skips days thereby finds what it would have found day by day, even where the
    rules changed meanwhile.
    """
    reached, until = Category.NORMAL, on
    for rules in RULE_SETS:
        if rules.since <= until:
            reached = max(reached, category((until - late_since).days, until))
            if rules.since <= after + A_DAY:
                return reached
            until = rules.since - A_DAY
    return reached
