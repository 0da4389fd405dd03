"""What others know of a customer: the central bank's credit report (征信), government, internet.

Every query names the consent under which it is made; a bureau refuses one without.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.ports.trace import Trace


class Found(StrEnum):
    """Whether the source knows the person, or was asked without right."""

    FOUND = "found"
    NO_FILE = "no_file"
    NAME_DIFFERS = "name_differs"
    NO_CONSENT = "no_consent"


@dataclass(slots=True)
class DataQuery:
    """Ask about one person, under one consent."""

    name: str
    number: IdNumber
    consent: str


@dataclass(slots=True)
class CreditReport:
    """The bureau's file. ``worst_overdue_24m``: months overdue at worst (M1 = 1) in two years."""

    found: Found
    accounts: int = 0
    open_loans: int = 0
    debt_fen: int = 0
    monthly_due_fen: int = 0
    current_overdue_fen: int = 0
    worst_overdue_24m: int = 0
    inquiries_1m: int = 0
    inquiries_3m: int = 0
    inquiries_6m: int = 0
    card_utilisation_ppm: int = 0
    guaranteed_fen: int = 0


@dataclass(slots=True)
class GovernmentData:
    """Social insurance, housing fund, taxes, courts, and the village's credit grade (A to D)."""

    found: Found
    social_insurance_months: int = 0
    housing_fund_base_fen: int = 0
    tax_grade: str = ""
    owns_property: bool = False
    court_enforced: bool = False
    village_grade: str = ""


@dataclass(slots=True)
class InternetData:
    """Signals of the platform: the device, its other users, lenders asked elsewhere."""

    found: Found
    device_age_days: int = 0
    device_shared_by: int = 1
    location_stable_ppm: int = 0
    lenders_asked_3m: int = 0


class Bureau(Protocol):
    """The platform's questions to the credit bureau and to government and internet data."""

    async def credit_report(self, trace: Trace, query: DataQuery) -> CreditReport: ...

    async def government(self, trace: Trace, query: DataQuery) -> GovernmentData: ...

    async def internet(self, trace: Trace, query: DataQuery) -> InternetData: ...
