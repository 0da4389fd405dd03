"""Faker providers of our own (zh_CN), for what Faker lacks or contradicts itself in.

Faker's ID number agrees with its own birth date never and with its own sex half the time, asks
the wall clock for ages, and its numbers can be real people's. Here region, birth and sex make the
number, ages count from a reference date, divisions are unassigned by default. Faker's word lists
(names, streets, jobs, companies) are used as they are, drawn in a tenth of the time.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from faker.generator import Generator
from faker.providers import BaseProvider
from faker.providers.address.zh_CN import Provider as FakerAddress
from faker.providers.company.zh_CN import Provider as FakerCompany
from faker.providers.job.zh_CN import Provider as FakerJob
from faker.providers.person.zh_CN import Provider as FakerPerson
from faker.providers.ssn.zh_CN import Provider as FakerSsn

from core.calendar import add_months
from core.errors import InputError
from core.identity import CODE_ALPHABET, CardNumber, IdNumber, PhoneNumber, UnifiedCreditCode
from core.ports.carrier import Operator
from scenarios.population.plan import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from random import Random

T = TypeVar("T")

ASSIGNED = frozenset(FakerSsn.area_codes)  # 3,513 division codes
SURNAMES = tuple(FakerPerson.last_names)
SURNAME_MARKS = tuple(accumulate(FakerPerson.last_names.values()))
MEN, WOMEN = "男", "女"
GIVEN = {MEN: FakerPerson.first_names_male, WOMEN: FakerPerson.first_names_female}
SYLLABLES = {sex: tuple(n for n in names if len(n) == 1) for sex, names in GIVEN.items()}
PAIRS = {sex: tuple(n for n in names if len(n) == 2) for sex, names in GIVEN.items()}
# Share of two-character given names by year of birth: single names were the fashion of the
# seventies to the early nineties (assumed).
TWO_CHARACTERS = ((1970, 0.75), (1995, 0.6), (2100, 0.87))
OLD_PAIRS_UNTIL = 1975  # before, half of the pairs are the generation's own: 建国, 秀英

JOBS = tuple(dict.fromkeys(job for job in FakerJob.jobs if job != "其他"))
COMPANIES = tuple(
    f"{word}{end}"
    for word in dict.fromkeys(FakerCompany.company_prefixes)
    for end in FakerCompany.company_suffixes
)
STREETS = tuple(
    f"{town}{end}"
    for town in dict.fromkeys(FakerAddress.cities)
    for end in FakerAddress.street_suffixes
)
TOWNS = ("城关镇", "新河镇", "东桥镇", "望山镇", "南塘街道", "北闸街道", "柳溪镇", "长堤镇")


def is_assigned(division: str) -> bool:
    """Return whether a division code belongs to a real place."""
    return division in ASSIGNED


def pick(random: Random, words: Sequence[T]) -> T:
    """Return one of ``words``: a tenth of what Faker's ``random_element`` costs."""
    return words[int(random.random() * len(words))]


class NameProvider(BaseProvider):
    """Names, jobs and streets from Faker's lists, by sex and year of birth."""

    def surname(self) -> str:
        """Return a family name, as often as the census has it."""
        at = self.generator.random.random() * SURNAME_MARKS[-1]
        return SURNAMES[bisect_right(SURNAME_MARKS, at, 0, len(SURNAMES) - 1)]

    def given_name(self, sex: str, born: int) -> str:
        """Return a given name of one or two characters, after the fashion of the year."""
        random = self.generator.random
        share = next(share for year, share in TWO_CHARACTERS if born < year)
        if random.random() >= share:
            return pick(random, SYLLABLES[sex])
        if born < OLD_PAIRS_UNTIL and random.random() < 0.5:
            return pick(random, PAIRS[sex])
        first, second = pick(random, SYLLABLES[sex]), pick(random, SYLLABLES[sex])
        return first + second

    def full_name(self, sex: str, born: int) -> str:
        """Return a whole name."""
        return self.surname() + self.given_name(sex, born)

    def street_part(self) -> str:
        """Return what stands behind the county in an address."""
        random = self.generator.random
        door = int(random.random() * 7_200)  # 300 houses, six floors, four doors
        house, floor = door // 24 + 1, door // 4 % 6 + 1
        return f"{pick(random, TOWNS)}{pick(random, STREETS)}{house}号{floor}0{door % 4 + 1}室"

    def employer_and_job(self) -> tuple[str, str]:
        """Return a company and what one does there."""
        random = self.generator.random
        return pick(random, COMPANIES), pick(random, JOBS)


class NumberProvider(BaseProvider):
    """Numbers that hold together: ID cards, businesses, cards, phones.

    For free use: a population's people get theirs from the plan, where none clashes with another.
    """

    def __init__(self, generator: Generator, reference: date, allow_assigned: bool = False) -> None:
        super().__init__(generator)
        self.reference = reference
        self.allow_assigned = allow_assigned

    def division(self, province: str = "32") -> str:
        """Return a county's code of a province: an unassigned one, unless real ones are allowed."""
        random = self.generator.random
        if self.allow_assigned:
            real = sorted(c for c in ASSIGNED if c.startswith(province) and not c.endswith("00"))
            return pick(random, real)
        return f"{province}{pick(random, (98, 99))}{21 + int(random.random() * 79)}"

    def birth_date(self, age_min: int = 18, age_max: int = 75) -> date:
        """Return a birth date of somebody of that age at the reference date."""
        random = self.generator.random
        age = age_min + int(random.random() * (age_max - age_min + 1))
        birthday = add_months(self.reference, -12 * age, self.reference.day)
        return birthday - timedelta(days=int(random.random() * 365))

    def id_number(
        self,
        region: str = "",
        birth: date | None = None,
        sex: str = "",
        sequence: int | None = None,
    ) -> IdNumber:
        """Return an ID number of that region, birth date and sex; what is left out is drawn.

        Raises:
            InputError: the region is a real place's and real ones are not allowed.
        """
        random = self.generator.random
        region = region or self.division()
        if is_assigned(region) and not self.allow_assigned:
            remedy = "use an unassigned one, or allow assigned divisions"
            raise InputError(f"division {region}", "it is a real place's", remedy)
        birth = birth or self.birth_date()
        male = (sex or pick(random, (MEN, WOMEN))) == MEN
        nth = int(random.random() * 499) if sequence is None else sequence
        first17 = f"{region}{birth:%Y%m%d}{2 * nth + (1 if male else 2):03d}"
        return IdNumber(first17 + IdNumber.check_digit(first17))

    def unified_credit_code(self, kind: str = "92", division: str = "") -> UnifiedCreditCode:
        """Return the code of a sole trader (``92``) or a company (``91``)."""
        random = self.generator.random
        body = "MA" + "".join(pick(random, CODE_ALPHABET) for _ in range(6))
        return UnifiedCreditCode.make(kind, division or self.division(), body)

    def bank_card(self, bin: str = "629000") -> CardNumber:  # noqa: A002
        """Return a 19-digit card of an invented issuer."""
        return CardNumber.make(bin, f"{int(self.generator.random.random() * 10**12):012d}")

    def mobile(self, operator: Operator | None = None) -> tuple[PhoneNumber, Operator]:
        """Return a number in an invented block and who serves it (one in thirty is ported)."""
        random = self.generator.random
        home = operator or pick(random, tuple(Operator))
        segment, first, last = pick(random, BLOCKS[home.value])
        block = first + int(random.random() * (last - first + 1))
        number = PhoneNumber(f"{segment}{block:04d}{int(random.random() * 10_000):04d}")
        if random.random() * 30 >= 1:
            return number, home
        return number, pick(random, tuple(other for other in Operator if other is not home))


def generator(random: Random, reference: date, allow_assigned: bool = False) -> Generator:
    """Return a Faker generator with our providers, over a ``random`` of the caller's."""
    fake = Generator()
    fake.random = random
    for provider in (FakerPerson, FakerAddress, FakerCompany, FakerJob):
        fake.add_provider(provider)
    fake.add_provider(NameProvider)
    fake.add_provider(NumberProvider(fake, reference, allow_assigned))
    return fake
