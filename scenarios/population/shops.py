"""The shop behind a specimen licence: a sole trader's (个体工商户), for every fourth adult.

Fulfils ``mocks.businesses``, so that the reader of licences and the business register know what
the pictures show. Its takings are not invented yet: it never joined the acquirer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from core.calendar import add_months
from core.identity import CODE_ALPHABET, UnifiedCreditCode
from core.ports.registry import BusinessState
from scenarios.population.making import PROVINCES
from scenarios.population.plan import PEOPLE, stride
from scenarios.population.providers import STREETS, TOWNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from core.ports.acquirer import FlowMonth
    from scenarios.population.people import Person
    from scenarios.population.plan import HomeBank
    from scenarios.population.register import Population

T = TypeVar("T")

KEEPERS = 0.25  # of the adults (assumed)
ADULT_MONTHS = 18 * 12
OLDEST_DAYS = 3_650
CODE_SIZE = 31**6  # what stands behind MA in a code
CODE_SHIFT = 271_828_182


class Trade(NamedTuple):
    """What a shop sells: its name's last word and the scope on the licence."""

    word: str
    scope: str


TRADES = (
    Trade("小吃店", "餐饮服务；食品销售（依法须经批准的项目，经批准后方可开展经营活动）"),
    Trade("便利店", "食品销售；日用百货销售；烟草制品零售（凭许可证经营）"),
    Trade("服装店", "服装服饰零售；鞋帽零售；针纺织品销售"),
    Trade("理发店", "理发服务；生活美容服务；化妆品零售"),
    Trade("五金店", "五金产品零售；建筑材料销售；水暖器材零售"),
    Trade("水果店", "新鲜水果零售；新鲜蔬菜零售；食用农产品零售"),
    Trade("家电维修部", "日用电器修理；家用电器零配件销售；家用电器安装服务"),
    Trade("水产养殖场", "水产养殖；水产品零售；饲料销售"),
)
WORDS = ("晨光", "顺意", "云杉", "百味", "锦禾", "清溪", "同福", "鸿远", "小满", "白鹭", "月河")
HOUSES = 300


@dataclass(slots=True)
class Shop:
    """One sole trader's business; fulfils :class:`mocks.businesses.Business`."""

    owner: str
    code: UnifiedCreditCode
    name: str
    kind: str
    person: str
    capital: str
    address: str
    scope: str
    authority: str
    opened: date
    state: BusinessState = BusinessState.OPEN
    joined: date | None = None

    def month(self, first: date) -> FlowMonth | None:
        """No acquirer knows it."""
        del first
        return None


class Shops:
    """The shops of a population; fulfils :class:`mocks.businesses.Businesses`."""

    def __init__(self, population: Population, banks: Mapping[str, HomeBank]) -> None:
        self._population = population
        self._banks = {bank.id: bank for bank in banks.values()}
        self._homes = {bank.division: bank.id for bank in banks.values()}

    def by_owner(self, person: str) -> Shop | None:
        """The shop of the person with that key, if they keep one."""
        owner = self._population.by_key(person)
        if owner is None or owner.bank not in self._banks:
            return None
        return self._shop(owner, self._banks[owner.bank])

    def by_code(self, code: UnifiedCreditCode) -> Shop | None:
        """The shop of that code: it leads back to the owner."""
        home, index = self._homes.get(code.division), index_in(code)
        if home is None or index is None:
            return None
        shop = self.by_owner(f"{home}/{index:06d}")
        return shop if shop is not None and shop.code == code else None

    def _shop(self, owner: Person, home: HomeBank) -> Shop | None:
        """Make the shop that is drawn by the owner's key, in the county of their bank."""

        def drawn(trait: str) -> float:
            return self._population.seed.uniform("shop", owner.key, trait)

        grown = add_months(owner.birth, ADULT_MONTHS, owner.birth.day)
        days = min((self._population.reference - grown).days, OLDEST_DAYS)
        if days <= 0 or drawn("keeps") >= KEEPERS:
            return None
        trade = one_of(TRADES, drawn("trade"))
        place = f"{one_of(TOWNS, drawn('town'))}{one_of(STREETS, drawn('street'))}"
        return Shop(
            owner=owner.key,
            code=code_of(home.division, owner.index),
            name=f"{home.county}{one_of(WORDS, drawn('word'))}{trade.word}",
            kind="个体工商户",
            person=owner.name,
            capital="",
            address=f"{PROVINCES.get(home.division[:2], '')}{home.county}{place}"
            f"{1 + int(HOUSES * drawn('house'))}号",
            scope=trade.scope,
            authority=f"{home.county}市场监督管理局",
            opened=self._population.reference - timedelta(days=1 + int(days * drawn("age"))),
        )


def one_of(choices: Sequence[T], share: float) -> T:
    """Return the choice that a draw in [0, 1) falls on."""
    return choices[int(share * len(choices))]


def code_of(division: str, index: int) -> UnifiedCreditCode:
    """Return the credit code of the shop of a bank's n-th person; no two are equal."""
    number = (index * stride(CODE_SIZE)[0] + CODE_SHIFT) % CODE_SIZE
    body = ""
    for _ in range(6):
        number, digit = divmod(number, len(CODE_ALPHABET))
        body += CODE_ALPHABET[digit]
    return UnifiedCreditCode.make("92", division, f"MA{body}")


def index_in(code: UnifiedCreditCode) -> int | None:
    """Return whose shop's code it would be."""
    if code.text[:2] != "92" or code.text[8:10] != "MA":
        return None
    number = 0
    for each in reversed(code.text[10:16]):
        number = number * len(CODE_ALPHABET) + CODE_ALPHABET.index(each)
    index = (number - CODE_SHIFT) * stride(CODE_SIZE)[1] % CODE_SIZE
    return index if index < PEOPLE else None
