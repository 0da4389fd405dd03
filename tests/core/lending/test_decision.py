"""The decision: who is admitted, how points become a rating, and how large and dear a line is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.application import Reason
from core.banks import load_banks
from core.errors import InputError
from core.lending import scorecard
from core.lending.decision import ADMISSION, Features, decide, income_fen, lives_in, size_line
from core.lending.pricing import penalty_rate_ppm, price_ppm
from core.lending.scorecard import BANDS, CARD, REPORT_CARD, default_ppm, rating, score
from core.ports.bureau import CreditReport, Found, GovernmentData, InternetData
from core.products import RATINGS, Area, Kind, load_products

BANKS = load_banks()
PRODUCTS = load_products(BANKS)
WAGE = PRODUCTS["qingluo-wage"]  # credit file asked for, age 18 to 60, score 560
ON = date(2020, 9, 1)
LPR = 38_500
YUAN = 100


def asked_of(product, **changed):
    """Return the product with some of its admission rules changed."""
    admission = product.admission.model_copy(update=changed)
    return product.model_copy(update={"admission": admission})


def good(**changed):
    """Return the features of somebody every product takes, but for what is ``changed``."""
    report = CreditReport(Found.FOUND, accounts=4, open_loans=1, card_utilisation_ppm=100_000)
    government = GovernmentData(
        Found.FOUND,
        social_insurance_months=80,
        housing_fund_base_fen=8_000 * YUAN,
        owns_property=True,
        village_grade="A",
    )
    internet = InternetData(Found.FOUND, device_age_days=400, location_stable_ppm=900_000)
    features = Features(
        35,
        None,
        True,
        report,
        government,
        internet,
        tenure_months=70,
        average_deposit_fen=6_000_000,
    )
    for key, value in changed.items():
        part, _, field = key.partition("__")
        old = getattr(features, part)
        setattr(features, part, replace(old, **{field: value}) if field else value)
    return features


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda product: product.id)
def test_a_good_customer_gets_a_line_of_every_product(product):
    decision = decide(product, good(), ON, LPR)

    assert decision.granted
    assert decision.rating == "A"
    assert product.line_min_fen <= decision.limit_fen <= product.line_max_fen
    assert decision.limit_fen % (1_000 * YUAN) == 0
    assert product.pricing.floor_ppm <= decision.rate_ppm <= product.pricing.cap_ppm
    assert (decision.product, decision.product_version) == (product.id, product.version)


ONE_NO = [
    ({"age": 17}, {}, Reason.AGE_OUT_OF_RANGE),
    ({"age": 70}, {}, Reason.AGE_OUT_OF_RANGE),
    ({"id_valid_days": 30}, {}, Reason.ID_EXPIRES_SOON),
    ({"area_ok": False}, {}, Reason.OUTSIDE_AREA),
    ({"government__found": Found.NAME_DIFFERS}, {}, Reason.DATA_MISMATCH),
    ({"report": CreditReport(Found.NO_FILE)}, {}, Reason.NO_CREDIT_FILE),
    ({"report__current_overdue_fen": 1}, {}, Reason.OVERDUE_NOW),
    ({"report__worst_overdue_24m": 2}, {"worst_overdue_24m_max": 1}, Reason.OVERDUE_BEFORE),
    ({"report__inquiries_3m": 5}, {"inquiries_3m_max": 4}, Reason.TOO_MANY_INQUIRIES),
    ({"government__court_enforced": True}, {}, Reason.COURT_ENFORCED),
    ({"internet__device_shared_by": 4}, {}, Reason.DEVICE_SHARED),
    ({"internet__lenders_asked_3m": 5}, {"lenders_asked_max": 4}, Reason.MULTI_LENDER),
    (
        {"government__social_insurance_months": 5},
        {"social_insurance_months_min": 6},
        Reason.INSURANCE_TOO_SHORT,
    ),
    ({"government__village_grade": "C"}, {"village_grade_min": "B"}, Reason.VILLAGE_GRADE_LOW),
    ({"government__village_grade": ""}, {"village_grade_min": "D"}, Reason.VILLAGE_GRADE_LOW),
    ({"tenure_months": 2}, {"relationship_months_min": 3}, Reason.NO_RELATIONSHIP),
    ({}, {"score_min": 900}, Reason.SCORE_TOO_LOW),
    ({"exposure_fen": 100_000_000}, {}, Reason.EXPOSURE_FULL),
    ({"report__monthly_due_fen": 100_000_000}, {}, Reason.LINE_TOO_SMALL),
]


@pytest.mark.parametrize(("changed", "asked", "reason"), ONE_NO)
def test_one_thing_wrong_is_one_reason(changed, asked, reason):
    decision = decide(asked_of(WAGE, **asked), good(**changed), ON, LPR)

    assert decision.reasons == (reason,)
    assert (decision.limit_fen, decision.rate_ppm) == (0, 0)


def test_every_rule_of_admission_has_its_case():
    assert {reason for reason, _ in ADMISSION} <= {reason for _, _, reason in ONE_NO}


@pytest.mark.parametrize(
    ("changed", "asked"),
    [
        ({"id_valid_days": 31}, {}),
        ({"age": WAGE.age_max}, {}),
        ({"report": CreditReport(Found.NO_FILE)}, {"needs_credit_file": False}),
        ({"report__worst_overdue_24m": 2}, {"worst_overdue_24m_max": 2}),
        ({"internet__device_shared_by": 3}, {}),
        ({"government__village_grade": "B"}, {"village_grade_min": "B"}),
    ],
)
def test_whoever_stands_on_a_border_is_inside(changed, asked):
    assert decide(asked_of(WAGE, **asked), good(**changed), ON, LPR).granted


def test_all_reasons_are_kept_in_the_order_of_the_table():
    features = good(age=70, area_ok=False, report__current_overdue_fen=5, report__inquiries_3m=40)
    decision = decide(WAGE, features, ON, LPR)

    assert decision.reasons == (
        Reason.AGE_OUT_OF_RANGE,
        Reason.OUTSIDE_AREA,
        Reason.OVERDUE_NOW,
        Reason.TOO_MANY_INQUIRIES,
    )


def test_a_product_that_is_not_on_sale_decides_nothing():
    with pytest.raises(InputError) as error:
        decide(WAGE, good(), date(2020, 6, 30), LPR)
    assert "is not on sale on 2020-06-30; it is on sale from 2020-07-01 to" in str(error.value)


# Anybody.

reports = st.builds(
    CreditReport,
    st.sampled_from([Found.FOUND, Found.NO_FILE]),
    open_loans=st.integers(0, 12),
    monthly_due_fen=st.integers(0, 2_000_000),
    current_overdue_fen=st.sampled_from([0, 0, 0, 5_000]),
    worst_overdue_24m=st.sampled_from([0, 0, 0, 1, 2, 3, 5]),
    inquiries_3m=st.integers(0, 9),
    card_utilisation_ppm=st.integers(0, 1_000_000),
)
governments = st.builds(
    GovernmentData,
    st.just(Found.FOUND),
    social_insurance_months=st.integers(0, 200),
    housing_fund_base_fen=st.integers(0, 3_000_000),
    tax_grade=st.sampled_from(["", "A", "B", "C", "D"]),
    owns_property=st.booleans(),
    court_enforced=st.sampled_from([False, False, False, True]),
    village_grade=st.sampled_from(["", "A", "B", "C", "D"]),
)
internets = st.builds(
    InternetData,
    st.just(Found.FOUND),
    device_age_days=st.integers(0, 2000),
    device_shared_by=st.integers(1, 5),
    location_stable_ppm=st.integers(0, 1_000_000),
    lenders_asked_3m=st.integers(0, 8),
)
anybody = st.builds(
    Features,
    age=st.integers(16, 80),
    id_valid_days=st.one_of(st.none(), st.integers(0, 7000)),
    area_ok=st.booleans(),
    report=reports,
    government=governments,
    internet=internets,
    tenure_months=st.integers(0, 300),
    average_deposit_fen=st.integers(0, 50_000_000),
    monthly_wage_fen=st.integers(0, 3_000_000),
    exposure_fen=st.integers(0, 30_000_000),
)
products = st.sampled_from(list(PRODUCTS.values()))


@given(products, anybody)
def test_a_line_is_granted_exactly_when_nothing_speaks_against_it(product, features):
    decision = decide(product, features, ON, LPR)

    true = {reason for reason, fails in ADMISSION if fails(product, features)}
    if decision.score < product.admission.score_min:
        true.add(Reason.SCORE_TOO_LOW)
    line = size_line(product, features, decision.rating, price_ppm(product, decision.rating, LPR))
    if line.reason:
        true.add(line.reason)
    assert set(decision.reasons) == true
    assert decision.granted == (decision.limit_fen > 0) == (not true)
    assert decision == decide(product, features, ON, LPR)


@given(products, anybody)
def test_a_line_keeps_every_bound(product, features):
    decision = decide(product, features, ON, LPR)
    if not decision.granted:
        return
    facts, months = decision.facts, product.line.service_months

    assert product.line_min_fen <= decision.limit_fen <= product.line_max_fen
    assert product.kind is Kind.BUSINESS or decision.limit_fen <= 20_000_000
    assert decision.limit_fen + features.exposure_fen <= facts["by_income_fen"]
    burden = decision.limit_fen / months + decision.limit_fen * decision.rate_ppm / 12e6
    bearable = facts["income_fen"] * product.line.debt_service_ppm / 1e6
    assert burden + features.report.monthly_due_fen <= bearable + 1


@given(products, anybody, st.integers(0, 10_000_000), st.integers(0, 500_000))
def test_more_income_never_shrinks_a_line_and_more_debt_never_grows_it(
    product, features, more_fen, due_fen
):
    band = rating(score(features))

    def limit_fen(of):
        return size_line(product, of, band, 90_000).limit_fen

    richer = replace(features, monthly_wage_fen=features.monthly_wage_fen + more_fen)
    report = replace(features.report, monthly_due_fen=features.report.monthly_due_fen + due_fen)
    assert limit_fen(richer) >= limit_fen(features)
    assert limit_fen(replace(features, report=report)) <= limit_fen(features)
    exposed = replace(features, exposure_fen=features.exposure_fen + more_fen)
    assert limit_fen(exposed) <= limit_fen(features)


# Income, rating, price.


@pytest.mark.parametrize(
    ("changed", "income"),
    [
        ({}, 10_000),
        ({"average_deposit_fen": 0}, 8_000),
        ({"monthly_wage_fen": 12_000 * YUAN}, 12_000),
        ({"average_deposit_fen": 120_000 * YUAN}, 20_000),
        ({"government": GovernmentData(Found.NO_FILE)}, 10_000),
        ({"government__housing_fund_base_fen": 0, "average_deposit_fen": 0}, 6_500),
    ],
)
def test_the_best_evidence_of_income_counts(changed, income):
    assert income_fen(good(**changed)) == income * YUAN


def test_nobody_vouches_for_nothing():
    nothing = good(government=GovernmentData(Found.NO_FILE), average_deposit_fen=0)
    assert income_fen(nothing) == 0


@pytest.mark.parametrize(
    ("points", "expected"),
    [(0, "E"), (594, "E"), (595, "D"), (625, "C"), (655, "B"), (684, "B"), (685, "A"), (999, "A")],
)
def test_bands_of_points_are_ratings(points, expected):
    assert BANDS == (595, 625, 655, 685)
    assert rating(points) == expected


def test_600_points_are_odds_of_50_to_1_and_20_more_double_them():
    assert default_ppm(600) == round(1e6 / 51)
    assert default_ppm(620) == round(1e6 / 101)
    assert default_ppm(580) == round(1e6 / 26)


def test_every_trait_of_the_card_has_one_more_points_than_steps():
    for trait in (*CARD, *REPORT_CARD):
        assert len(trait.points) == len(trait.steps) + 1, trait.name
        assert list(trait.steps) == sorted(set(trait.steps)), trait.name


def test_a_thin_file_scores_without_the_report():
    points = score(good()) - sum(trait.points[0] for trait in REPORT_CARD)
    points -= REPORT_CARD[3].points[1] - REPORT_CARD[3].points[0]  # one open loan

    assert score(good(report=CreditReport(Found.NO_FILE))) == points + scorecard.UNKNOWN


@given(products, st.sampled_from(RATINGS), st.integers(30_000, 48_000))
def test_a_price_is_lpr_and_spread_within_floor_and_cap(product, band, lpr):
    pricing = product.pricing
    price = price_ppm(product, band, lpr)

    assert pricing.floor_ppm <= price <= pricing.cap_ppm
    assert price in (lpr + 100 * pricing.spread_bp[band], pricing.floor_ppm, pricing.cap_ppm)


def test_the_penalty_rate_is_the_contracts_and_so_many_per_cent_of_it():
    assert penalty_rate_ppm(72_000, 50) == 108_000
    assert penalty_rate_ppm(55_555, 30) == 72_222  # 72,221.5, half up


@pytest.mark.parametrize(
    ("area", "division", "inside"),
    [
        (Area.COUNTY, "329901", True),
        (Area.COUNTY, "329902", False),
        (Area.UNION, "329902", True),
        (Area.UNION, "340101", False),
        (Area.ANY, "340101", True),
    ],
)
def test_an_area_is_the_county_the_province_or_everywhere(area, division, inside):
    assert lives_in(area, BANKS["qingluo"], division) is inside
