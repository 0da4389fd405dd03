"""The scorecard: points for what is known of a customer, a rating from A to E.

The points are our own (no bank publishes its card); their scale is the usual one, 600 points at
odds of 50 good to 1 bad, 20 points to double the odds. What a good scorecard separates is known
from public sets (German Credit: AUC 0.785, KS 0.455); the population is built to that, not the
points. ``BASE`` moves everybody, ``BANDS`` the ratings: the two knobs of a calibration here.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core.ports.bureau import Found
from core.products import RATINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports.bureau import CreditReport, GovernmentData, InternetData

BASE = 560
ANCHOR, ANCHOR_ODDS, POINTS_TO_DOUBLE = 600, 50, 20
BANDS = (595, 625, 655, 685)  # E below the first, then D, C, B, and A from the last
UNKNOWN = -15  # for a customer without a credit file, in place of the report's points

YUAN = 100  # fen
GRADES = {"D": 1, "C": 2, "B": 3, "A": 4}  # 0 for a household without a grade


@dataclass(slots=True)
class Features:
    """What the decision knows of a customer. ``id_valid_days`` is None for a long-term card.

    ``exposure_fen`` is the sum of lines the customer has with banks of the union;
    the last three before it are what the bank itself knows.
    """

    age: int
    id_valid_days: int | None
    area_ok: bool
    report: CreditReport
    government: GovernmentData
    internet: InternetData
    tenure_months: int = 0
    average_deposit_fen: int = 0
    monthly_wage_fen: int = 0
    exposure_fen: int = 0


class Trait(NamedTuple):
    """One characteristic: ``points[k]`` where its value has reached ``k`` of the ``steps``."""

    name: str
    value: Callable[[Features], int]
    steps: tuple[int, ...]
    points: tuple[int, ...]


REPORT_CARD: tuple[Trait, ...] = (
    Trait(
        "worst overdue, months",
        lambda f: f.report.worst_overdue_24m,
        (1, 2, 3),
        (25, -5, -40, -80),
    ),
    Trait("inquiries in 3 months", lambda f: f.report.inquiries_3m, (1, 3, 6), (15, 8, -10, -30)),
    Trait(
        "card utilisation",
        lambda f: f.report.card_utilisation_ppm,
        (300_000, 700_000, 900_000),
        (15, 5, -10, -30),
    ),
    Trait("open loans", lambda f: f.report.open_loans, (1, 4, 8), (2, 8, -5, -20)),
)

CARD: tuple[Trait, ...] = (
    Trait("age", lambda f: f.age, (25, 30, 50), (-10, 0, 6, 0)),
    Trait(
        "social insurance, months",
        lambda f: f.government.social_insurance_months,
        (1, 12, 36, 60),
        (-8, 0, 8, 14, 18),
    ),
    Trait(
        "housing fund base",
        lambda f: f.government.housing_fund_base_fen,
        (1, 5_000 * YUAN),
        (-4, 6, 14),
    ),
    Trait("owns property", lambda f: f.government.owns_property, (1,), (-4, 10)),
    Trait(
        "village grade, D to A",
        lambda f: GRADES.get(f.government.village_grade, 0),
        (1, 2, 3, 4),
        (0, -20, 2, 10, 18),
    ),
    Trait("months with the bank", lambda f: f.tenure_months, (6, 24, 60), (-5, 2, 8, 12)),
    Trait(
        "average deposit",
        lambda f: f.average_deposit_fen,
        (1_000 * YUAN, 10_000 * YUAN, 50_000 * YUAN),
        (-10, 0, 8, 16),
    ),
    Trait("wage paid here", lambda f: f.monthly_wage_fen, (1,), (0, 10)),
    Trait("device age, days", lambda f: f.internet.device_age_days, (30, 180), (-12, 0, 5)),
    Trait("device shared by", lambda f: f.internet.device_shared_by, (2, 3), (4, 0, -18)),
    Trait(
        "location stable",
        lambda f: f.internet.location_stable_ppm,
        (500_000, 800_000),
        (-12, 0, 6),
    ),
    Trait("lenders asked", lambda f: f.internet.lenders_asked_3m, (1, 3, 6), (10, 0, -20, -45)),
)


def score(features: Features) -> int:
    """Return a customer's points."""
    total = BASE
    for _, value, steps, points in CARD:
        total += points[bisect_right(steps, value(features))]
    if features.report.found is not Found.FOUND:
        return total + UNKNOWN
    for _, value, steps, points in REPORT_CARD:
        total += points[bisect_right(steps, value(features))]
    return total


def rating(points: int) -> str:
    """Return the rating of a score: A is best."""
    return RATINGS[len(BANDS) - bisect_right(BANDS, points)]


def default_ppm(points: int) -> int:
    """Return the probability of default that a score stands for, in millionths."""
    odds: float = ANCHOR_ODDS * 2.0 ** ((points - ANCHOR) / POINTS_TO_DOUBLE)
    return round(1_000_000 / (1.0 + odds))
