"""The people of a world, as far as the providers must know them: the truth, not the claims.

The mocks answer from this and from nothing else. The population in ``scenarios`` fulfils it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber, IdNumber, PhoneNumber
    from core.ports.bureau import CreditReport, GovernmentData, InternetData
    from core.ports.carrier import Operator, PhoneState


class BankCard(Protocol):
    """A card a person holds; ``bank`` is a bank's id, or a name outside the union."""

    number: CardNumber
    bank: str
    class_one: bool
    phone: PhoneNumber
    balance_fen: int


class Person(Protocol):
    """One person and the truth about them. Pictures are named ``<key>#<kind>``."""

    key: str
    name: str
    id_number: IdNumber
    sex: str
    nation: str
    birth: date
    address: str
    authority: str
    valid_from: date
    valid_to: date | None  # None: long-term
    card_quality: int  # 0..100, of the pictures this person takes
    card_warnings: tuple[int, ...]

    in_register: bool
    register_name: str
    register_photo: bool
    library_photo: bool

    phone: PhoneNumber
    operator: Operator
    phone_name: str  # the name the number is registered in; empty: no record
    phone_state: PhoneState
    phone_since: date

    openid: str
    face: str
    shown_face: str  # whose face really comes before the camera
    live: bool
    likeness_ppm: int  # how well this person's own photo resembles them, a quantile

    listed: str  # "", "hit" or "review"

    cards: tuple[BankCard, ...]
    tenure_months: int
    average_deposit_fen: int
    monthly_wage_fen: int
    income_fen: int  # monthly, the truth

    report: CreditReport
    government: GovernmentData
    internet: InternetData


class People(Protocol):
    """Where the mocks find people."""

    def by_key(self, key: str) -> Person | None:
        """The person of that key."""
        ...

    def by_number(self, number: IdNumber) -> Person | None:
        """The holder of an ID number."""
        ...

    def by_phone(self, phone: PhoneNumber) -> Person | None:
        """The user of a phone number."""
        ...

    def by_openid(self, openid: str) -> Person | None:
        """The user behind an openid."""
        ...

    def by_card(self, card: CardNumber) -> Person | None:
        """The holder of a bank card."""
        ...
