"""The decision on an application: admission, score, rating, line and price. Pure and table-driven.

Every rule of ``ADMISSION`` is tried and every reason that holds is kept, for the record; the
customer is told the first. Without any the line is the least of the product's cap, so many
monthly incomes by rating, and what the debt service bears, less what the union has lent already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.annuity import MONTH_PPM
from core.application import Decision, Reason
from core.errors import InputError
from core.lending.pricing import price_ppm
from core.lending.scorecard import GRADES, YUAN, Features, rating, score
from core.ports.bureau import Found
from core.products import Area

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.banks import Bank
    from core.products import Product

__all__ = ["ADMISSION", "Features", "decide", "income_fen", "lives_in", "size_line"]

ID_VALID_DAYS_MIN = 30
DEVICE_SHARED_MAX = 3
LINE_STEP_FEN = 1_000 * YUAN

# What a household is taken to earn where nobody pays a wage or a fund through the books: by the
# village's grade (整村授信) and by the tax office's. Fen a month; assumed, a knob of calibration.
VILLAGE_FEN = {"A": 6_500 * YUAN, "B": 5_500 * YUAN, "C": 4_500 * YUAN}
TAX_FEN = {"A": 8_000 * YUAN, "B": 6_500 * YUAN, "C": 5_000 * YUAN}
INSURED_MONTHS, INSURED_FEN = 12, 5_000 * YUAN  # who is insured for a year earns at least that
DEPOSIT_MONTHS = 6  # an average deposit stands for so many months' income


def _id_expires(_product: Product, f: Features) -> bool:
    return f.id_valid_days is not None and f.id_valid_days <= ID_VALID_DAYS_MIN


def _names_differ(_product: Product, f: Features) -> bool:
    found = (f.report.found, f.government.found, f.internet.found)
    return Found.NAME_DIFFERS in found


def _village_grade_low(p: Product, f: Features) -> bool:
    asked = GRADES.get(p.admission.village_grade_min, 0)
    return GRADES.get(f.government.village_grade, 0) < asked


ADMISSION: tuple[tuple[Reason, Callable[[Product, Features], bool]], ...] = (
    (Reason.AGE_OUT_OF_RANGE, lambda p, f: not p.age_min <= f.age <= p.age_max),
    (Reason.ID_EXPIRES_SOON, _id_expires),
    (Reason.OUTSIDE_AREA, lambda p, f: not f.area_ok),
    (Reason.DATA_MISMATCH, _names_differ),
    (
        Reason.NO_CREDIT_FILE,
        lambda p, f: p.admission.needs_credit_file and f.report.found is not Found.FOUND,
    ),
    (Reason.OVERDUE_NOW, lambda p, f: f.report.current_overdue_fen > 0),
    (
        Reason.OVERDUE_BEFORE,
        lambda p, f: f.report.worst_overdue_24m > p.admission.worst_overdue_24m_max,
    ),
    (
        Reason.TOO_MANY_INQUIRIES,
        lambda p, f: f.report.inquiries_3m > p.admission.inquiries_3m_max,
    ),
    (Reason.COURT_ENFORCED, lambda p, f: f.government.court_enforced),
    (Reason.DEVICE_SHARED, lambda p, f: f.internet.device_shared_by > DEVICE_SHARED_MAX),
    (
        Reason.MULTI_LENDER,
        lambda p, f: f.internet.lenders_asked_3m > p.admission.lenders_asked_max,
    ),
    (
        Reason.INSURANCE_TOO_SHORT,
        lambda p, f: f.government.social_insurance_months < p.admission.social_insurance_months_min,
    ),
    (Reason.VILLAGE_GRADE_LOW, _village_grade_low),
    (
        Reason.NO_RELATIONSHIP,
        lambda p, f: f.tenure_months < p.admission.relationship_months_min,
    ),
)


def decide(product: Product, features: Features, on: date, lpr_ppm: int) -> Decision:
    """Return the decision on an application; the same for the same features and product version.

    Raises:
        InputError: the product is not on sale on that date.
    """
    if not product.offered(on):
        remedy = f"it is on sale from {product.valid_from} to {product.valid_to}"
        raise InputError(f"product {product.id!r}", f"is not on sale on {on}", remedy)
    reasons = [reason for reason, fails in ADMISSION if fails(product, features)]
    points = score(features)
    if points < product.admission.score_min:
        reasons.append(Reason.SCORE_TOO_LOW)
    band = rating(points)
    rate_ppm = price_ppm(product, band, lpr_ppm)
    line = size_line(product, features, band, rate_ppm)
    if line.reason is not None:
        reasons.append(line.reason)
    return Decision(
        product.id,
        product.version,
        tuple(reasons),
        points,
        band,
        0 if reasons else line.limit_fen,
        0 if reasons else rate_ppm,
        {
            "income_fen": line.income_fen,
            "by_income_fen": line.by_income_fen,
            "by_service_fen": line.by_service_fen,
            "exposure_fen": features.exposure_fen,
            "lpr_ppm": lpr_ppm,
        },
    )


class Sized(NamedTuple):
    """A line with what bounds it. ``reason`` says why it is none."""

    limit_fen: int
    income_fen: int
    by_income_fen: int
    by_service_fen: int
    reason: Reason | None


def size_line(product: Product, features: Features, band: str, rate_ppm: int) -> Sized:
    """Return how large a line the customer's income carries, down to a whole thousand yuan."""
    rules = product.line
    earned_fen = income_fen(features)
    by_income_fen = earned_fen * rules.income_multiple_ppm[band] // 1_000_000
    bearable_fen = earned_fen * rules.debt_service_ppm // 1_000_000
    free_fen = max(0, bearable_fen - features.report.monthly_due_fen)
    # A line costs its N-th part and a month's interest: free / (1/N + rate/12), in integers.
    months = rules.service_months
    by_service_fen = free_fen * months * MONTH_PPM // (MONTH_PPM + rate_ppm * months)
    whole_fen = min(product.line_max_fen, by_income_fen, by_service_fen)
    limit_fen = max(0, whole_fen - features.exposure_fen) // LINE_STEP_FEN * LINE_STEP_FEN
    reason = None
    if limit_fen < product.line_min_fen:
        used_up = whole_fen >= product.line_min_fen
        reason = Reason.EXPOSURE_FULL if used_up else Reason.LINE_TOO_SMALL
    return Sized(limit_fen, earned_fen, by_income_fen, by_service_fen, reason)


def income_fen(features: Features) -> int:
    """Return the best evidence of a monthly income; the customer's own word is none.

    The wage the bank itself pays out, the base of the housing fund, a sixth of the average
    deposit, and what an insured worker or a household of that grade is taken to earn.
    """
    government = features.government
    insured = government.social_insurance_months >= INSURED_MONTHS
    return max(
        features.monthly_wage_fen,
        government.housing_fund_base_fen,
        features.average_deposit_fen // DEPOSIT_MONTHS,
        INSURED_FEN if insured else 0,
        VILLAGE_FEN.get(government.village_grade, 0),
        TAX_FEN.get(government.tax_grade, 0),
    )


def lives_in(area: Area, bank: Bank, division: str) -> bool:
    """Whether a six-digit division lies in a product's area: the county, the province, anywhere."""
    if area is Area.COUNTY:
        return division == bank.division
    return area is Area.ANY or division[:2] == bank.division[:2]
