"""The business register and the acquirer: two views of the same shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from core.identity import UnifiedCreditCode
from core.ports.acquirer import FlowMonth, FlowQuery
from core.ports.registry import BusinessQuery, BusinessState
from mocks.acquirer.behaviour import Acquirer, Asked
from mocks.registry.behaviour import Registry

CODE = UnifiedCreditCode.make("92", "329900", "MA1ABCDE")
OTHER = UnifiedCreditCode.make("92", "329900", "MA1ABCDF")


@dataclass
class Shop:
    code: UnifiedCreditCode = CODE
    name: str = "测试面馆"
    kind: str = "个体工商户"
    person: str = "李明"
    scope: str = "餐饮服务"
    address: str = "江苏省测试县一号"
    opened: date = date(2018, 5, 4)
    state: BusinessState = BusinessState.OPEN
    joined: date | None = date(2020, 5, 20)

    def month(self, first):
        if first < self.joined.replace(day=1):
            return None
        return FlowMonth(first, first.month * 100, 10, 20, 0, 5, 0, 0)


class Shops:
    def __init__(self, shop):
        self.shop = shop

    def by_code(self, code):
        return self.shop if code == self.shop.code else None


@pytest.mark.parametrize("state", list(BusinessState))
def test_the_register_tells_what_it_holds(trace, state):
    registry = Registry(Shops(Shop(state=state)))

    answer = registry.look_up(trace(), BusinessQuery(CODE), 0.0, None)

    assert (answer.state, answer.name, answer.person) == (state, "测试面馆", "李明")
    assert answer.opened == date(2018, 5, 4)


def test_an_unknown_code_is_not_found(trace):
    for registry in (Registry(), Registry(Shops(Shop()))):
        answer = registry.look_up(trace(), BusinessQuery(OTHER), 0.0, None)

        assert (answer.state, answer.name) == (BusinessState.NOT_FOUND, "")


def flow(acquirer, trace, code=CODE, months=3, consent="c1", day=date(2020, 7, 31)):
    return acquirer.flow(trace("a1", day=day), FlowQuery(code, months, consent), 3.0, None)


def test_the_flow_is_the_whole_months_before_the_day_oldest_first(trace):
    answer = flow(Acquirer(Shops(Shop(joined=date(2019, 1, 1)))), trace, months=8)

    assert [month.month for month in answer.months] == [
        date(2019, 11, 1),
        date(2019, 12, 1),
        *(date(2020, month, 1) for month in range(1, 7)),
    ]


def test_months_before_it_joined_are_missing(trace):
    answer = flow(Acquirer(Shops(Shop())), trace)

    assert answer.joined == date(2020, 5, 20)
    assert [month.month for month in answer.months] == [date(2020, 5, 1), date(2020, 6, 1)]


def test_without_a_merchant_or_a_consent_there_is_nothing_and_it_is_noted(trace):
    acquirer = Acquirer(Shops(Shop()))

    assert flow(acquirer, trace, code=OTHER).joined is None
    assert flow(acquirer, trace, consent="").months == ()
    assert flow(Acquirer(Shops(Shop(joined=None))), trace).joined is None
    assert flow(Acquirer(), trace).joined is None
    assert acquirer.asked == [
        Asked("b01", "a1", OTHER.text, "c1", 3.0),
        Asked("b01", "a1", CODE.text, "", 3.0),
    ]
