"""The rules of internet loans (互联网贷款) as plain questions: line, term, use, review.

CBIRC order 2020 No.9 of 2020-07-12, unless a rule names another source. Where a product file is
already held to a rule (core/products.py), the limit stands there and is only asked for here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.calendar import add_months
from core.products import (
    BULLET_MONTHS_MAX,
    CONSUMER_LINE_MAX_FEN,
    Kind,
    Method,
)

if TYPE_CHECKING:
    from datetime import date

REVIEW_MONTHS = 12  # confidence high
IN_ONE_SUM = (Method.BULLET, Method.DAILY)  # principal may all stand until the end

CONSUMER = frozenset({Kind.CONSUMER})
BUSINESS = frozenset({Kind.BUSINESS})
NOBODY: frozenset[Kind] = frozenset()


class Use(StrEnum):
    """What a customer declares the money to be for (贷款用途)."""

    DAILY_NEEDS = "daily_needs"
    DECORATION = "decoration"
    APPLIANCES = "appliances"
    EDUCATION = "education"
    MEDICAL = "medical"
    TRAVEL = "travel"
    WEDDING = "wedding"
    GOODS = "goods"
    MATERIALS = "materials"
    FARM_INPUTS = "farm_inputs"
    RENT = "rent"
    WAGES = "wages"
    PROPERTY = "property"
    MORTGAGE = "mortgage"
    STOCKS = "stocks"
    BONDS = "bonds"
    FUTURES = "futures"
    DERIVATIVES = "derivatives"
    ASSET_MANAGEMENT = "asset_management"
    FIXED_ASSETS = "fixed_assets"
    EQUITY = "equity"


class UseRule(NamedTuple):
    """The products that may be used for it: none where the order bans it."""

    kinds: frozenset[Kind]
    source: str
    confidence: str


_OURS = "our own list: what such products name in their contracts"
_DRAFT = "whbl.com/?p=19118, of the draft of 2020-05-09"
# Two reports of the final text, the second a copy of the first.
_FINAL = "www.ylptlb.cn/article/839018.html; isolves.com/news/hlw/2020-07-20/24689.html"
_FOR_LIFE = UseRule(CONSUMER, _OURS, "low")
_FOR_TRADE = UseRule(BUSINESS, _OURS, "low")
_BANNED_TWICE = UseRule(NOBODY, f"{_DRAFT}; {_FINAL}", "medium")
_BANNED = UseRule(NOBODY, _FINAL, "medium")

USES: dict[Use, UseRule] = {
    Use.DAILY_NEEDS: _FOR_LIFE,
    Use.DECORATION: _FOR_LIFE,
    Use.APPLIANCES: _FOR_LIFE,
    Use.EDUCATION: _FOR_LIFE,
    Use.MEDICAL: _FOR_LIFE,
    Use.TRAVEL: _FOR_LIFE,
    Use.WEDDING: _FOR_LIFE,
    Use.GOODS: _FOR_TRADE,
    Use.MATERIALS: _FOR_TRADE,
    Use.FARM_INPUTS: _FOR_TRADE,
    Use.RENT: _FOR_TRADE,
    Use.WAGES: _FOR_TRADE,
    Use.PROPERTY: _BANNED_TWICE,
    Use.MORTGAGE: _BANNED,
    Use.STOCKS: _BANNED_TWICE,
    Use.BONDS: _BANNED_TWICE,
    Use.FUTURES: _BANNED_TWICE,
    Use.DERIVATIVES: _BANNED_TWICE,
    Use.ASSET_MANAGEMENT: _BANNED,
    Use.FIXED_ASSETS: _BANNED,
    Use.EQUITY: _BANNED,
}


def allowed_use(kind: Kind, use: str) -> bool:
    """Whether money of such a product may be used so. What is not on the list may not.

    Confidence: the ban medium (two reports of the text), what is left low (our own list).
    """
    try:
        rule = USES[Use(use)]
    except ValueError:
        return False
    return kind in rule.kinds


def allowed_line(kind: Kind, limit_fen: int) -> bool:
    """Whether a line of so many fen may be granted: 200,000 yuan to a consumer, and no fen more.

    Confidence high. Business lines have no limit in the order; the product's own holds.
    """
    return limit_fen > 0 and (kind is not Kind.CONSUMER or limit_fen <= CONSUMER_LINE_MAX_FEN)


def allowed_term(kind: Kind, method: Method, months: int) -> bool:
    """Whether a drawdown may run so long: one repaid in one sum 12 months, if a consumer's.

    Confidence high for consumers, whom the sentence of the order is about.
    """
    in_one_sum = kind is Kind.CONSUMER and method in IN_ONE_SUM
    return months >= 1 and (not in_one_sum or months <= BULLET_MONTHS_MAX)


def needs_review(kind: Kind, months: int) -> bool:
    """Whether a loan must be assessed anew every year: one for a trade, over more than a year."""
    return kind is Kind.BUSINESS and months > REVIEW_MONTHS


def review_due(granted_on: date, last_review: date | None, on: date) -> bool:
    """Whether a loan that needs it must be assessed anew on a day: a year after the last time.

    The year ends on the same day of the next one, 29 February with the 28th. Confidence high for
    "at least once a year", low for the day itself.
    """
    last = granted_on if last_review is None else max(granted_on, last_review)
    return on >= add_months(last, REVIEW_MONTHS, last.day)
