"""A person and the truth about them: what every provider knows, and whether they ought to pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.application import Reason, Step
from core.identity import Segment, mask_name
from core.ports.bureau import Found

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber, IdNumber, PhoneNumber
    from core.ports.bureau import CreditReport, GovernmentData, InternetData
    from core.ports.carrier import Operator, PhoneState
    from core.ports.people import BankCard

QUALITY_READABLE_MIN = 40  # pictures of less cannot be read (the OCR vendor's blur, assumed)
AGE_MIN, AGE_MAX = 18, 65  # outside, no product of anybody lends
OVERDUE_MONTHS_MAX = 2  # M3 ends every admission
ID_VALID_DAYS_MIN = 31  # a card that ends within a month
DEVICE_SHARED_MAX = 3
SUPPORTED = frozenset({Segment.MOBILE, Segment.UNICOM, Segment.TELECOM})


class Why(NamedTuple):
    """A reason why a person ought not to pass, and the first step that can know it."""

    step: Step
    reason: Reason


@dataclass(slots=True)
class Card:
    """A card a person holds; fulfils :class:`core.ports.people.BankCard`."""

    number: CardNumber
    bank: str
    class_one: bool
    phone: PhoneNumber
    balance_fen: int


@dataclass(slots=True, repr=False)
class Person:
    """One person; fulfils :class:`core.ports.people.Person`, which explains the fields.

    ``bank`` is the home bank, ``index`` the number there. ``name`` is printed on the card;
    ``region`` is where the card was issued. ``truth`` holds what a perfect flow would find.
    """

    key: str
    bank: str
    index: int

    name: str
    id_number: IdNumber
    sex: str
    nation: str
    birth: date
    region: str
    address: str
    authority: str
    valid_from: date
    valid_to: date | None
    card_quality: int
    card_warnings: tuple[int, ...]

    in_register: bool
    register_name: str
    register_photo: bool
    library_photo: bool

    phone: PhoneNumber
    operator: Operator
    phone_name: str
    phone_state: PhoneState
    phone_since: date

    openid: str
    face: str
    shown_face: str
    live: bool
    likeness_ppm: int

    listed: str

    cards: tuple[BankCard, ...]
    tenure_months: int
    average_deposit_fen: int
    monthly_wage_fen: int
    income_fen: int

    report: CreditReport
    government: GovernmentData
    internet: InternetData

    employer: str
    job: str
    worth: float  # the latent creditworthiness: standard normal, high is good
    truth: tuple[Why, ...] = field(default=())

    @property
    def should_pass(self) -> bool:
        """Whether nothing speaks against this person, but for a product's own rules."""
        return not self.truth

    @property
    def ported(self) -> bool:
        """Whether another carrier serves the number than its segment says."""
        segment = self.phone.segment
        return segment in SUPPORTED and segment.value != self.operator.value

    @property
    def home_card(self) -> BankCard | None:
        """The class I card of the home bank."""
        return next((c for c in self.cards if c.bank == self.bank and c.class_one), None)

    def __repr__(self) -> str:
        return f"Person({self.key}, {mask_name(self.name)}, {self.id_number})"


def truth_of(person: Person, on: date) -> tuple[Why, ...]:
    """Return why a person ought not to pass on a day, in the order of the steps.

    Only what holds for every bank is told. A product's own limits (its area, scores, inquiries,
    a customer without a credit file) are its own business, and a poor likeness is chance.
    """
    whys = [*_at_registration(person, on), *_at_credit(person, on), *_at_opening(person)]
    return tuple(whys)


def _at_registration(person: Person, on: date) -> list[Why]:
    whys = []
    if person.card_quality < QUALITY_READABLE_MIN:
        whys.append(Reason.PICTURE_NOT_READ)
    if person.card_warnings:
        whys.append(Reason.PICTURE_SUSPECT)
    if person.valid_to is not None and person.valid_to < on:
        whys.append(Reason.ID_EXPIRED)
    if person.phone.segment not in SUPPORTED:
        whys.append(Reason.PHONE_UNSUPPORTED)
    elif not person.phone_name:
        whys.append(Reason.PHONE_NO_RECORD)
    elif person.phone_name != person.name:
        whys.append(Reason.PHONE_NOT_OWNED)
    return [Why(Step.REGISTER, reason) for reason in whys]


def _at_credit(person: Person, on: date) -> list[Why]:
    whys = []
    if not person.live:
        whys.append(Reason.FACE_NOT_LIVE)
    elif not (person.in_register and person.library_photo):
        whys.append(Reason.FACE_NO_REFERENCE)
    elif person.shown_face != person.face:
        whys.append(Reason.FACE_NOT_MATCHED)
    if person.register_name != person.name:
        whys.append(Reason.ID_NAME_DIFFERS)
    if not AGE_MIN <= person.id_number.age_on(on) <= AGE_MAX:
        whys.append(Reason.AGE_OUT_OF_RANGE)
    if person.valid_to is not None and 0 <= (person.valid_to - on).days < ID_VALID_DAYS_MIN:
        whys.append(Reason.ID_EXPIRES_SOON)
    report, government = person.report, person.government
    if report.found is Found.FOUND:
        if report.current_overdue_fen > 0:
            whys.append(Reason.OVERDUE_NOW)
        if report.worst_overdue_24m > OVERDUE_MONTHS_MAX:
            whys.append(Reason.OVERDUE_BEFORE)
    if government.court_enforced:
        whys.append(Reason.COURT_ENFORCED)
    if person.internet.device_shared_by > DEVICE_SHARED_MAX:
        whys.append(Reason.DEVICE_SHARED)
    return [Why(Step.APPLY, reason) for reason in whys]


def _at_opening(person: Person) -> list[Why]:
    """What only an opening looks at.

    A listed card holder is seen when money is paid out, if at all: that is the source's own gap.
    """
    has_card = person.home_card is not None
    whys = [] if person.in_register else [Why(Step.OPEN_ACCOUNT, Reason.ID_NOT_FOUND)]
    if not has_card:
        reason = _bound_card(person)
        if reason is not None:
            whys.append(Why(Step.OPEN_ACCOUNT, reason))
    if person.listed:
        step = Step.DRAW_DOWN if has_card else Step.OPEN_ACCOUNT
        hit = person.listed == "hit"
        whys.append(Why(step, Reason.NAME_LIST_HIT if hit else Reason.NAME_LIST_REVIEW))
    return whys


def _bound_card(person: Person) -> Reason | None:
    """Return what is wrong with the first card of another bank: the one a customer names."""
    card = next((c for c in person.cards if c.bank != person.bank), None)
    if card is None:
        return Reason.NO_BOUND_CARD
    if card.phone != person.phone:
        return Reason.BOUND_CARD_DIFFERS
    return None if card.class_one else Reason.BOUND_CARD_CLASS
