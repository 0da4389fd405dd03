"""Putting one person together, from streams named after them.

Each part of a person (identity, card, phone, purse ...) has a stream of its own, and each trait a
draw of its own: what is added to one part, or set by a story, changes nothing in another.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, timedelta
from itertools import accumulate
from math import exp, log
from typing import TYPE_CHECKING, Any

from core.ports.carrier import Operator, PhoneState
from core.ports.ocr import Warn
from core.seed import MASK, NamedRandom, hash64
from scenarios.population.credit import Credit, Steady, credit_of
from scenarios.population.people import Card, Person
from scenarios.population.plan import (
    CLASS_ONE,
    CLASS_TWO,
    OTHER_BANKS,
    ROWS,
    VIRTUAL_ROW,
)
from scenarios.population.providers import MEN, WOMEN, NameProvider, generator, pick
from scenarios.population.traits import rate_names
from scenarios.population.validity import expired_card, valid_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.identity import IdNumber, PhoneNumber
    from core.ports.people import BankCard
    from scenarios.population.plan import Plan
    from scenarios.population.traits import Traits

PROVINCES = {
    "32": "江苏省",
    "34": "安徽省",
    "41": "河南省",
    "37": "山东省",
    "42": "湖北省",
    "51": "四川省",
    "36": "江西省",
    "33": "浙江省",
    "21": "辽宁省",
}
COUNTIES = ("望禾县", "映溪县", "墨石县", "听涛县", "云陂县", "青岚县", "半湖县", "鹿鸣川县")
MINORITIES = ("回", "苗", "土家", "满", "壮", "蒙古", "彝")
UNREADABLE, READABLE = (0, 20), (62, 100)  # picture quality of 100
STEADY = Steady()
STEADY_LIKENESS = 750_000
SINCE_DAYS_MEAN, SINCE_DAYS_MAX = 1_900, 7_300
TENURE_MONTHS_MEAN = 70
NO_REGISTER_PHOTO = frozenset({"no_register_photo", "no_photo_at_all", "not_in_register"})
NO_LIBRARY_PHOTO = frozenset({"no_library_photo", "no_photo_at_all", "not_in_register"})
OTHERS = {one: tuple(other for other in Operator if other is not one) for one in Operator}
ANYWHERE = tuple(PROVINCES)
ELSEWHERE = {home: tuple(p for p in PROVINCES if p != home) for home in PROVINCES}

# A trait's lot is the person's own 64-bit key times the trait's odd number: the key is uniform,
# and so is any odd multiple of it. A third of the price of a stream's draw, thirty times a person.
LOTS = {name: hash64("trait", name) | 1 for name in rate_names()}
PARTS = {
    name: hash64("part", name)
    for name in (
        "identity",
        "name",
        "home",
        "card",
        "register",
        "phone",
        "credit",
        "purse",
        "work",
        "likeness",
    )
}


class Maker:
    """Makes people at one reference date and set of traits; the plan brings the seed."""

    def __init__(self, reference: date, traits: Traits) -> None:
        self.reference = reference
        self.traits = traits
        self.random = NamedRandom()
        self.names = NameProvider(generator(self.random, reference))
        rates = [(name, LOTS[name], lot_limit(getattr(traits, name))) for name in rate_names()]
        self._rates = [row for row in rates if row[2] > 0 and row[0] != "phone_virtual"]
        self._virtual = lot_limit(min(1.0, traits.phone_virtual * ROWS))
        self._ages = tuple(accumulate(weight for _, _, weight in traits.ages))

    def make(self, plan: Plan, index: int, said: Mapping[str, Any]) -> Person:
        """Return the person; ``said`` are fields that a story sets (the rest follows them)."""
        key = f"{plan.bank.id}/{index:06d}"
        named = plan.named(index)
        had = self._had(named)
        sex, born, region, number = self._identity(plan, index, named, had, said)
        age = number.age_on(self.reference)
        name = said.get("name") or self._names(named, "name").full_name(sex, born.year)
        nation, address, authority = self._home(plan, named, had, region)
        valid_from, valid_to, quality, warnings = self._card(named, had, born, age)
        phone, operator, phone_name, since = self._phone(plan, index, named, had, (name, sex, age))
        credit = self._credit(named, had, age)
        cards, tenure, deposit_fen, wage_fen = self._purse(plan, index, named, had, phone, credit)
        employer, job = self._names(named, "work").employer_and_job()
        shown = f"face/stranger-{key}" if "impostor" in had else f"face/{key}"
        return Person(
            key=key,
            bank=plan.bank.id,
            index=index,
            name=name,
            id_number=number,
            sex=sex,
            nation=nation,
            birth=born,
            region=region,
            address=address,
            authority=authority,
            valid_from=valid_from,
            valid_to=valid_to,
            card_quality=quality,
            card_warnings=warnings,
            in_register="not_in_register" not in had,
            register_name=self._register_name(named, had, name, sex),
            register_photo=had.isdisjoint(NO_REGISTER_PHOTO),
            library_photo=had.isdisjoint(NO_LIBRARY_PHOTO),
            phone=phone,
            operator=operator,
            phone_name=phone_name,
            phone_state=PhoneState.SUSPENDED if "phone_suspended" in had else PhoneState.NORMAL,
            phone_since=since,
            openid=plan.openid(index, key),
            face=f"face/{key}",
            shown_face=shown,
            live="presentation" not in had,
            likeness_ppm=STEADY_LIKENESS if self.traits.steady else self._likeness(named),
            listed="hit" if "listed_hit" in had else "review" if "listed_review" in had else "",
            cards=cards,
            tenure_months=tenure,
            average_deposit_fen=deposit_fen,
            monthly_wage_fen=wage_fen,
            income_fen=credit.income_fen,
            report=credit.report,
            government=credit.government,
            internet=credit.internet,
            employer=employer,
            job=job,
            worth=credit.worth,
        )

    def _had(self, named: int) -> frozenset[str]:
        """Return the traits that strike the person."""
        return frozenset([name for name, lot, limit in self._rates if named * lot & MASK < limit])

    def _stream(self, named: int, part: str) -> NamedRandom:
        return self.random.rename(named ^ PARTS[part])

    def _names(self, named: int, part: str) -> NameProvider:
        self.random.rename(named ^ PARTS[part])
        return self.names

    def _likeness(self, named: int) -> int:
        return int(self._stream(named, "likeness").random() * 1_000_000)

    def _identity(
        self, plan: Plan, index: int, named: int, had: frozenset[str], said: Mapping[str, Any]
    ) -> tuple[str, date, str, IdNumber]:
        """Sex, birth date, where the card is from, and the number that says so."""
        stream = self._stream(named, "identity")
        sex = said.get("sex") or (MEN if "male" in had else WOMEN)
        at = stream.random() * self._ages[-1]
        youngest, oldest, _ = self.traits.ages[bisect_right(self._ages, at, 0, len(self._ages) - 1)]
        age = youngest + int(stream.random() * (oldest - youngest + 1))
        region = said.get("region") or plan.bank.division
        if "from_other_province" in had:
            region = plan.away(pick(stream, ELSEWHERE.get(region[:2], ANYWHERE)))
        elif "from_other_county" in had:
            region = plan.away(region[:2])
        born, sequence = plan.birth(index, age)
        moved = said.get("birth")
        number = plan.number(region, moved or born, sex == MEN, None if moved else sequence)
        return sex, number.birth, region, number

    def _home(
        self, plan: Plan, named: int, had: frozenset[str], region: str
    ) -> tuple[str, str, str]:
        """Nation, address and issuing authority, as the card prints them."""
        stream = self._stream(named, "home")
        street, elsewhere = self.names.street_part(), pick(stream, COUNTIES)
        county = plan.bank.county if region == plan.bank.division else elsewhere
        address = f"{PROVINCES.get(region[:2], '')}{county}{street}"
        nation = pick(stream, MINORITIES) if "minority" in had else "汉"
        return nation, address, f"{county}公安局"

    def _card(
        self, named: int, had: frozenset[str], born: date, age: int
    ) -> tuple[date, date | None, int, tuple[int, ...]]:
        """The ID card's validity and how well its holder takes pictures of it."""
        stream = self._stream(named, "card")
        share = stream.random()
        worst, best = UNREADABLE if "picture_unreadable" in had else READABLE
        quality = worst + int(stream.random() ** 0.5 * (best - worst + 1))
        warnings: tuple[int, ...] = ()
        if "picture_copied" in had:
            warnings = (int(pick(stream, (Warn.COPY, Warn.RESHOT))),)
        if "card_expired" in had:
            return *expired_card(born, age, self.reference, share), quality, warnings
        return *valid_card(born, self.reference, share), quality, warnings

    def _register_name(self, named: int, had: frozenset[str], name: str, sex: str) -> str:
        """The name in the register: after a renaming it is another than on the card."""
        if "register_name_differs" not in had:
            return name
        given = self._names(named, "register").given_name(sex, 1990)
        return name[:1] + (given if given != name[1:] else f"{given[0]}一")

    def _phone(
        self, plan: Plan, index: int, named: int, had: frozenset[str], who: tuple[str, str, int]
    ) -> tuple[PhoneNumber, Operator, str, date]:
        """Number, serving carrier, the name it is registered in, and since when."""
        stream = self._stream(named, "phone")
        name, sex, age = who
        segment, row, line = plan.phone(index)
        operator = Operator(segment)
        drawn = named * LOTS["phone_virtual"] & MASK < self._virtual
        if drawn and (row == 0 or self.traits.phone_virtual == 1.0):
            segment, row = "virtual", VIRTUAL_ROW
        days = 15 + int(-log(1 - stream.random()) * SINCE_DAYS_MEAN)
        days = max(1, min(days, (age - 12) * 365, SINCE_DAYS_MAX))
        newly, other_way = int(stream.random() * 10), pick(stream, OTHERS[operator])
        if "phone_ported" in had and segment != "virtual":
            operator = other_way
        if "phone_of_other" in had:
            other = self.names.given_name(sex, 1985)
            name = name[:1] + other if stream.random() < 0.5 else self.names.surname() + other
        elif "phone_without_record" in had:
            name, days = "", newly
        since = self.reference - timedelta(days=days)
        return plan.dial(segment, row, line), operator, name, since

    def _credit(self, named: int, had: frozenset[str], age: int) -> Credit:
        chance = STEADY if self.traits.steady else self._stream(named, "credit")
        return credit_of(chance, self.traits, had, age)

    def _purse(
        self,
        plan: Plan,
        index: int,
        named: int,
        had: frozenset[str],
        phone: PhoneNumber,
        credit: Credit,
    ) -> tuple[tuple[BankCard, ...], int, int, int]:
        """The cards, and what the home bank sees: tenure, average deposit, wage paid here."""
        stream = self._stream(named, "purse")
        bank, bin_ = pick(stream, OTHER_BANKS)
        spare = credit.income_fen * exp(0.4 * credit.worth + 0.9 * stream.gauss(0.0, 1.0))
        share = stream.random()
        tenure = 1 + int(-log(1 - stream.random()) * TENURE_MONTHS_MEAN)
        cards: list[BankCard] = []
        if "holds_card" in had:
            own = plan.card(index, plan.bank.bin, CLASS_ONE)
            cards.append(Card(own, plan.bank.id, True, phone, int(spare * share)))
        if "no_other_card" not in had:
            kind = CLASS_TWO if "class_two_only" in had else CLASS_ONE
            known = plan.former(index) if "card_other_phone" in had else phone
            number = plan.card(index, bin_, kind)
            cards.append(Card(number, bank, kind == CLASS_ONE, known, int(spare / 2)))
        if "holds_card" not in had:
            return tuple(cards), 0, 0, 0
        wage_fen = credit.income_fen if "wage_paid_here" in had else 0
        return tuple(cards), min(tenure, 300), int(spare * 1.5) // 100 * 100, wage_fen


def lot_limit(rate: float) -> int:
    """Return below which lot, of 2**64, a trait of that rate strikes."""
    return int(rate * (MASK + 1))
