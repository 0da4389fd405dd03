"""What a test may have the credit bureau, the government and the internet say of somebody."""

from __future__ import annotations

from core.ports.bureau import CreditReport, Found, GovernmentData, InternetData
from mocks.spec import Case, says

GOOD = CreditReport(Found.FOUND, accounts=4, open_loans=1, debt_fen=3_000_000, inquiries_6m=1)
TOLD = {
    Found.NO_FILE: "nothing is known",
    Found.NAME_DIFFERS: "the number is another name's",
    Found.NO_CONSENT: "the consent does not cover it",
}


def _unknown(answer: type) -> tuple[Case, ...]:
    return tuple([says(str(found), answer(found), told) for found, told in TOLD.items()])


CREDIT = (
    says("good", GOOD, "a file without a blemish"),
    says(
        "overdue",
        CreditReport(Found.FOUND, 3, 1, 2_000_000, 150_000, current_overdue_fen=80_000),
        "800 yuan are overdue now",
    ),
    says(
        "overdue_before",
        CreditReport(Found.FOUND, 3, 1, 2_000_000, 150_000, worst_overdue_24m=4),
        "four months late at worst, in two years",
    ),
    says(
        "asked_often",
        CreditReport(Found.FOUND, 2, inquiries_1m=9, inquiries_3m=14, inquiries_6m=20),
        "nine inquiries in a month",
    ),
    *_unknown(CreditReport),
)
GOVERNMENT = (
    says(
        "good",
        GovernmentData(Found.FOUND, 60, 600_000, "A", owns_property=True, village_grade="A"),
        "insured, taxed, housed",
    ),
    says(
        "court_enforced",
        GovernmentData(Found.FOUND, 24, court_enforced=True),
        "a court enforces a judgement",
    ),
    *_unknown(GovernmentData),
)
INTERNET = (
    says("good", InternetData(Found.FOUND, 700, 1, 900_000), "an old device of one's own"),
    says("shared", InternetData(Found.FOUND, 30, 9, 200_000), "a device that nine people use"),
    says(
        "asked_often",
        InternetData(Found.FOUND, 400, 1, 800_000, lenders_asked_3m=12),
        "twelve lenders were asked in three months",
    ),
    *_unknown(InternetData),
)
