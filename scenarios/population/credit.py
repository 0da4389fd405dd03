"""What bureau, government, internet and bank know of a person: all from one creditworthiness.

Each person has one latent worth z, standard normal. Every figure loads on it and has noise of
its own, so that who is overdue also asks more lenders, earns less and lives less steadily, as in
life, and a scorecard has something to find. Medians and loadings are assumed; the aim is a
scorecard that separates about as well as on public sets (German Credit: AUC 0.785).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Protocol

from core.ports.bureau import CreditReport, Found, GovernmentData, InternetData

if TYPE_CHECKING:
    from scenarios.population.traits import Traits

YUAN = 100
STEADY_WORTH = 1.2  # of those who pass everything

# Loadings on z (assumed): how much of a figure is the person and how much is chance.
OVERDUE, WORST, INCOME, COURT = 0.70, 0.75, 0.45, 0.6
INCOME_MEDIAN_FEN, INCOME_SIGMA = 5_600 * YUAN, 0.5
DEBT_MEDIAN_FEN, DEBT_SIGMA = 38_000 * YUAN, 0.9
LATE_MIN_FEN, PACK_FEN = 300 * YUAN, 1_000 * YUAN
DUE_SHARE = 0.035  # of a debt falls due each month

_quantile = NormalDist().inv_cdf


class Chance(Protocol):
    """What figures are drawn from: a random generator, or :class:`Steady`."""

    def random(self) -> float: ...

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float: ...


class Steady:
    """A chance without any: every draw is the median."""

    def random(self) -> float:
        """Half."""
        return 0.5

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """The mean."""
        del sigma
        return mu


@dataclass(slots=True)
class Credit:
    """One person's figures."""

    worth: float
    income_fen: int
    report: CreditReport
    government: GovernmentData
    internet: InternetData


def credit_of(chance: Chance, traits: Traits, had: frozenset[str], age: int) -> Credit:
    """Draw everything others know of a person; ``had`` names the traits that struck."""
    normal = chance.gauss
    z = STEADY_WORTH if traits.steady else normal()
    # Income rises to the mid-forties and falls again.
    curve = 1.0 - ((age - 44) / 48) ** 2 * 0.9
    noise = INCOME * z + sqrt(1 - INCOME**2) * normal()
    income_fen = _round(INCOME_MEDIAN_FEN * max(curve, 0.3) * exp(INCOME_SIGMA * noise), 100 * YUAN)
    report = _report(chance, traits, z, age, income_fen)
    government = _government(chance, traits, z, age, income_fen)
    internet = _internet(chance, had, z)
    if "no_credit_file" in had:
        report = CreditReport(Found.NO_FILE)
    if "no_government_file" in had:
        government = GovernmentData(Found.NO_FILE, court_enforced=government.court_enforced)
    return Credit(z, income_fen, report, government, internet)


def _report(chance: Chance, traits: Traits, z: float, age: int, income_fen: int) -> CreditReport:
    """The credit bureau's file (征信)."""
    normal, uniform = chance.gauss, chance.random
    late = -(OVERDUE * z + sqrt(1 - OVERDUE**2) * normal())
    worst = -(WORST * z + sqrt(1 - WORST**2) * normal())
    edge = threshold(traits.overdue_now)
    overdue = late > edge
    open_loans = count(chance, 1.1 * exp(-0.10 * z))
    size = DEBT_MEDIAN_FEN * exp(DEBT_SIGMA * normal()) * sqrt(open_loans)
    debt_fen = _round(min(size, 40.0 * income_fen), 100 * YUAN)
    half_year = count(chance, 1.7 * exp(-0.5 * z))
    quarter = _thin(chance, half_year, 0.5)
    spread = -0.75 - 0.8 * z + 1.1 * normal()
    surety = uniform()
    late_fen = _round(LATE_MIN_FEN * exp(min(4.0, 2.5 * (late - edge))), YUAN) if overdue else 0
    return CreditReport(
        Found.FOUND,
        accounts=open_loans + 1 + count(chance, 2.2 * min(1.0, (age - 15) / 20)),
        open_loans=open_loans,
        debt_fen=debt_fen,
        monthly_due_fen=_round(debt_fen * DUE_SHARE, YUAN),
        current_overdue_fen=late_fen,
        worst_overdue_24m=_months(worst, traits.overdue_three_months, overdue),
        inquiries_1m=_thin(chance, quarter, 0.35),
        inquiries_3m=quarter,
        inquiries_6m=half_year,
        card_utilisation_ppm=int(1_000_000 / (1.0 + exp(-spread))),
        guaranteed_fen=_round((surety - 0.93) * 4_000_000 * YUAN, PACK_FEN) if surety > 0.94 else 0,
    )


def _months(worst: float, rate: float, overdue: bool) -> int:
    """Return the months overdue at worst: M3 and more at ``rate``, M2 as often, M1 twice."""
    if worst > threshold(rate):
        return 3 + (worst > threshold(rate / 3)) + (worst > threshold(rate / 10))
    if worst > threshold(2 * rate):
        return 2
    return 1 if overdue or worst > threshold(4 * rate) else 0


def _government(
    chance: Chance, traits: Traits, z: float, age: int, income_fen: int
) -> GovernmentData:
    """Social insurance, housing fund, tax, property, court and the village's grade."""
    normal, uniform = chance.gauss, chance.random
    insured = 0.9 + 0.5 * z + normal() > 0
    months = min(max(age - 20, 0) * 12, int(70 * exp(0.35 * z + 0.7 * normal())))
    funded = insured and -0.1 + 0.4 * z + normal() > 0
    grade = z * 0.7 + sqrt(1 - 0.49) * normal()
    owns = 0.5 * z + 0.04 * (age - 36) + normal() > 0
    sued = -(COURT * z + sqrt(1 - COURT**2) * normal())
    urban, taxed = uniform() > 0.6, uniform() > 0.75
    return GovernmentData(
        Found.FOUND,
        social_insurance_months=months if insured else 0,
        housing_fund_base_fen=_round(0.8 * income_fen, 10 * YUAN) if funded else 0,
        tax_grade="ABCD"[(grade < 0.6) + (grade < -1.0) + (grade < -1.8)] if taxed else "",
        owns_property=owns,
        court_enforced=sued > threshold(traits.court_enforced),
        village_grade="" if urban else "ABCD"[(grade < 0.5) + (grade < -0.9) + (grade < -1.8)],
    )


def _internet(chance: Chance, had: frozenset[str], z: float) -> InternetData:
    """Signals of the platform."""
    normal, uniform = chance.gauss, chance.random
    others = uniform()
    sharing = (
        4 + int(others * 5) if "device_shared" in had else 1 + (others > 0.93) + (others > 0.98)
    )
    stable = 1.9 + 0.7 * z + 1.1 * normal()
    return InternetData(
        Found.FOUND,
        device_age_days=int(420 * exp(0.15 * z + 0.9 * normal())),
        device_shared_by=sharing,
        location_stable_ppm=int(1_000_000 / (1.0 + exp(-stable))),
        lenders_asked_3m=count(chance, 0.65 * exp(-0.65 * z)),
    )


def count(chance: Chance, mean: float) -> int:
    """Return a Poisson count of a small mean, from one draw."""
    left, n, weight = chance.random(), 0, exp(-mean)
    while left > weight and n < 40:
        left -= weight
        n += 1
        weight *= mean / n
    return n


def _thin(chance: Chance, of: int, share: float) -> int:
    """Return how many of ``of`` remain, each with probability ``share``."""
    return sum([chance.random() < share for _ in range(of)])


def _round(value: float, step: int) -> int:
    return int(value / step + 0.5) * step


@lru_cache(maxsize=256)
def threshold(rate: float) -> float:
    """Return what a standard normal exceeds at ``rate``."""
    if rate <= 0:
        return float("inf")
    return _quantile(1 - rate) if rate < 1 else float("-inf")
