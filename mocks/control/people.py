"""The people of a tenant: to be named, and to be made as a test needs them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Response
from pydantic import Field

from core.errors import InputError, nearest
from core.identity import PhoneNumber
from core.picture import Picture
from core.ports.bureau import CreditReport, Found, GovernmentData
from core.ports.carrier import Operator, PhoneState
from mocks.control.door import Strict, Theirs

if TYPE_CHECKING:
    from mocks.tenant import Citizen, Tenant

PEOPLE_SHOWN = 1_000
MADE_FROM = 170_000  # those who are made to order; no scenario reaches these numbers by itself

Text = Annotated[str, Field(min_length=1, max_length=64)]
Fen = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Report(Strict):
    """What the bureau has of somebody (``core.ports.bureau.CreditReport``)."""

    found: Found
    accounts: Count = 0
    open_loans: Count = 0
    debt_fen: Fen = 0
    monthly_due_fen: Fen = 0
    current_overdue_fen: Fen = 0
    worst_overdue_24m: Count = 0
    inquiries_1m: Count = 0
    inquiries_3m: Count = 0
    inquiries_6m: Count = 0
    card_utilisation_ppm: Count = 0
    guaranteed_fen: Fen = 0


class Government(Strict):
    """What the authorities have of somebody (``core.ports.bureau.GovernmentData``)."""

    found: Found
    social_insurance_months: Count = 0
    housing_fund_base_fen: Fen = 0
    tax_grade: Annotated[str, Field(max_length=1)] = ""
    owns_property: bool = False
    court_enforced: bool = False
    village_grade: Annotated[str, Field(max_length=1)] = ""


class Truth(Strict):
    """What may be said of a person; what is left out follows the rest (``core.ports.people``)."""

    name: Text | None = None
    sex: Literal["男", "女"] | None = None
    nation: Text | None = None
    birth: date | None = None
    region: Annotated[str, Field(pattern=r"^\d{6}$")] | None = None
    address: Text | None = None
    authority: Text | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    card_quality: Annotated[int, Field(ge=0, le=100)] | None = None
    card_warnings: tuple[int, ...] | None = None
    in_register: bool | None = None
    register_name: Text | None = None
    register_photo: bool | None = None
    library_photo: bool | None = None
    phone: str | None = None
    operator: Operator | None = None
    phone_name: Annotated[str, Field(max_length=64)] | None = None
    phone_state: PhoneState | None = None
    phone_since: date | None = None
    shown_face: Text | None = None
    live: bool | None = None
    likeness_ppm: Annotated[int, Field(ge=0, lt=1_000_000)] | None = None
    listed: Literal["", "hit", "review"] | None = None
    tenure_months: Annotated[int, Field(ge=0)] | None = None
    cards: Annotated[tuple[str, ...], Field(max_length=0)] | None = None  # []: they hold none
    average_deposit_fen: Fen | None = None
    monthly_wage_fen: Fen | None = None
    income_fen: Fen | None = None
    report: Report | None = None
    government: Government | None = None
    employer: Text | None = None
    job: Text | None = None


class NewPerson(Strict):
    """Who is wanted: somebody new at a bank who passes every check, or the person of a ``key``.

    ``truth`` are fields, ``traits`` what may be so with people, by name (``card_expired: true``).
    ``number`` says which of the bank's people is made: by default the next nobody has asked for.
    """

    bank: str = ""
    key: str = ""
    number: Annotated[int, Field(ge=0)] | None = None
    truth: Truth = Field(default_factory=Truth)
    traits: dict[str, bool] = Field(default_factory=dict)


async def people(
    tenant: Theirs, bank: str = "", n: int = 20, first: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """Name some of the people of a bank, with what their phones and cards say."""
    bank = _bank(tenant, bank)
    if not 1 <= n <= PEOPLE_SHOWN or first < 0:
        raise InputError("people", f"n is {n}, first is {first}", f"ask for 1 to {PEOPLE_SHOWN}")
    found = [tenant.house.people.person(bank, number) for number in range(first, first + n)]
    return {"people": [shown(each) for each in found]}


async def make_person(tenant: Theirs, body: NewPerson) -> dict[str, Any]:
    """Make somebody, or change what is true of somebody; they stay so."""
    said = body.truth.model_dump(exclude_unset=True, exclude_none=True) | body.traits
    if body.truth.report is not None:
        said["report"] = CreditReport(**body.truth.report.model_dump())
    if body.truth.government is not None:
        said["government"] = GovernmentData(**body.truth.government.model_dump())
    if "valid_to" in body.truth.model_fields_set:
        said["valid_to"] = body.truth.valid_to  # null: valid for a long term
    if body.truth.phone is not None:
        said["phone"] = PhoneNumber(body.truth.phone)
    town = tenant.house.people
    if body.key:
        if body.number is not None:
            raise InputError("number", f"{body.key!r} has one already", "leave it out")
        return shown(town.with_truth(body.key, **said))
    bank, number = _bank(tenant, body.bank), body.number
    if number is None:
        number = MADE_FROM + tenant.count(f"people/{bank}")
    return shown(town.make(bank, number, **said))


class Png(Response):
    """A picture."""

    media_type = "image/png"


async def picture(tenant: Theirs, of: str) -> Png:
    """Give a picture to send to a vendor: one pixel, which says what it shows."""
    whose, _, kind = of.partition("#")
    if not kind or tenant.people.by_key(whose) is None:
        raise InputError(f"picture {of!r}", "is nobody's", "GET /_control/people names some")
    return Png(Picture.named(of).content)


def _bank(tenant: Tenant, bank: str) -> str:
    banks = tenant.house.banks
    bank = bank or next(iter(banks))
    if bank not in banks:
        raise InputError(f"bank {bank!r}", "is unknown", nearest(bank, banks))
    return bank


def shown(person: Citizen) -> dict[str, Any]:
    """Return what a client's test needs to know of a person."""
    return {
        "key": person.key,
        "bank": person.bank,
        "name": person.name,
        "id_number": person.id_number.text,
        "phone": person.phone.text,
        "openid": person.openid,
        "cards": [{"bank": card.bank, "number": card.number.text} for card in person.cards],
        "id_card_image": f"{person.key}#front",
        "id_card_back_image": f"{person.key}#back",
        "should_pass": person.should_pass,
        "truth": [{"step": why.step.name, "reason": why.reason.name} for why in person.truth],
    }
