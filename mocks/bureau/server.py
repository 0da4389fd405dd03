"""The server half of credit bureau, government and internet data: ``/bureau/v1/<operation>``."""

from __future__ import annotations

from typing import Any, ClassVar

from core.ports.bureau import DataQuery, Found
from mocks.rest import Post, Service
from mocks.rest_values import ID_EXAMPLE, Answer, BankId, Consent, Fen, Id, Name, Query

EXAMPLE = {"bank": "bozhi", "name": "李明", "number": ID_EXAMPLE, "consent": "C-1"}


class DataBody(Query):
    """One person, under one consent; without a consent the answer is ``no_consent``."""

    PORT: ClassVar[Any] = DataQuery
    ABOUT: ClassVar[str] = "number"

    bank: BankId
    name: Name
    number: Id
    consent: Consent


class CreditReportBody(Answer):
    """The bureau's file; nothing but ``found`` says anything unless that is ``found``."""

    found: Found
    accounts: int
    open_loans: int
    debt_fen: Fen
    monthly_due_fen: Fen
    current_overdue_fen: Fen
    worst_overdue_24m: int
    inquiries_1m: int
    inquiries_3m: int
    inquiries_6m: int
    card_utilisation_ppm: int
    guaranteed_fen: Fen


class GovernmentBody(Answer):
    """Social insurance, housing fund, taxes, courts, and the village's credit grade (A to D)."""

    found: Found
    social_insurance_months: int
    housing_fund_base_fen: Fen
    tax_grade: str
    owns_property: bool
    court_enforced: bool
    village_grade: str


class InternetBody(Answer):
    """Signals of the platform: the device, its other users, lenders asked elsewhere."""

    found: Found
    device_age_days: int
    device_shared_by: int
    location_stable_ppm: int
    lenders_asked_3m: int


SERVICE = Service(
    "bureau",
    "Credit bureau and data",
    "The central bank's credit report (征信), government and internet data. Every question names "
    "the bank that asks and the consent under which it asks, and is noted. Amounts are decimal "
    "strings of fen.",
    (
        Post("credit_report", DataBody, CreditReportBody, "The credit report (征信)", EXAMPLE),
        Post("government", DataBody, GovernmentBody, "What government offices know", EXAMPLE),
        Post("internet", DataBody, InternetBody, "What the platform's data say", EXAMPLE),
    ),
)
