"""A small town for the mocks: people made of plain fields, and look-ups over a list of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from zlib import crc32

import pytest

from core.identity import CardNumber, IdNumber, PhoneNumber
from core.ports.bureau import CreditReport, Found, GovernmentData, InternetData
from core.ports.carrier import Operator, PhoneState
from core.ports.trace import Trace


def id_number(key: str, birth: date) -> IdNumber:
    first17 = f"329900{birth:%Y%m%d}{crc32(key.encode()) % 1000:03d}"
    return IdNumber(first17 + IdNumber.check_digit(first17))


@dataclass
class FakeCard:
    number: CardNumber
    bank: str
    class_one: bool
    phone: PhoneNumber
    balance_fen: int = 0


@dataclass
class FakePerson:
    key: str
    name: str = "李明"
    birth: date = date(1987, 1, 1)
    id_number: IdNumber = None
    sex: str = "男"
    nation: str = "汉"
    address: str = "江苏省测试县一号"
    authority: str = "测试县公安局"
    valid_from: date = date(2017, 8, 12)
    valid_to: date | None = date(2037, 8, 12)
    card_quality: int = 90
    card_warnings: tuple[int, ...] = ()
    in_register: bool = True
    register_name: str = ""
    register_photo: bool = True
    library_photo: bool = True
    phone: PhoneNumber = None
    operator: Operator = Operator.MOBILE
    phone_name: str | None = None
    phone_state: PhoneState = PhoneState.NORMAL
    phone_since: date = date(2015, 3, 10)
    openid: str = ""
    face: str = ""
    shown_face: str | None = None
    live: bool = True
    likeness_ppm: int = 500_000
    listed: str = ""
    cards: tuple[FakeCard, ...] = ()
    tenure_months: int = 30
    average_deposit_fen: int = 500_000
    monthly_wage_fen: int = 800_000
    income_fen: int = 900_000
    report: CreditReport = field(default_factory=lambda: CreditReport(Found.FOUND, accounts=2))
    government: GovernmentData = field(default_factory=lambda: GovernmentData(Found.FOUND, 60))
    internet: InternetData = field(default_factory=lambda: InternetData(Found.FOUND, 400))

    def __post_init__(self) -> None:
        self.id_number = self.id_number or id_number(self.key, self.birth)
        number = f"1390000{crc32(self.key.encode()) % 10_000:04d}"
        self.phone = self.phone or PhoneNumber(number)
        self.openid = self.openid or f"o-{self.key}"
        self.face = self.face or f"face-{self.key}"
        self.shown_face = self.face if self.shown_face is None else self.shown_face
        self.register_name = self.register_name or self.name
        self.phone_name = self.name if self.phone_name is None else self.phone_name


class Town:
    """Whoever lives here, found by whatever is theirs."""

    def __init__(self, *people: FakePerson) -> None:
        self.people = people
        self._found = {}
        for person in people:
            for name in (person.key, person.id_number, person.phone, person.openid):
                self._found[name] = person
            for card in person.cards:
                self._found[card.number] = person

    def by_key(self, key):
        return self._found.get(key)

    by_number = by_phone = by_openid = by_card = by_key


class Fixed:
    """Draws that are all the same."""

    def __init__(self, value: float = 0.5) -> None:
        self.value = value

    def uniform(self, lane: int) -> float:
        return self.value


def make_trace(application="a1", call=1, *, bank="b01", attempt=1, day=date(2020, 7, 15)) -> Trace:
    return Trace(bank, application, call, attempt, float("inf"), day)


@pytest.fixture(scope="session")
def make_person():
    return FakePerson


@pytest.fixture(scope="session")
def make_card():
    def card(body, bank="b01", class_one=True, phone="13900001234", balance_fen=0, bin_="629001"):
        number = CardNumber.make(bin_, f"{body:012d}")
        return FakeCard(number, bank, class_one, PhoneNumber(phone), balance_fen)

    return card


@pytest.fixture(scope="session")
def make_town():
    return Town


@pytest.fixture(scope="session")
def trace():
    return make_trace


@pytest.fixture(scope="session")
def fixed():
    return Fixed
