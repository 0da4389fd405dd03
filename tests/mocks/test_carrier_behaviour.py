"""The carriers: truth tables of two and three elements, states, ranges and daily limits."""

from __future__ import annotations

from datetime import date

import pytest

from core.identity import PhoneNumber
from core.ports.carrier import (
    Mismatch,
    NameQuery,
    Operator,
    OwnerQuery,
    PhoneState,
    PhoneVerdict,
    SinceQuery,
    StateQuery,
)
from mocks.carrier.behaviour import Carrier


@pytest.fixture
def li(make_person):
    return make_person("li")


@pytest.mark.parametrize(
    ("truth", "name", "verdict"),
    [
        ({}, "李明", PhoneVerdict.SAME),
        ({}, "王芳", PhoneVerdict.DIFFERENT),
        ({"phone_name": "王芳"}, "李明", PhoneVerdict.DIFFERENT),
        ({"phone_name": "王芳"}, "王芳", PhoneVerdict.SAME),
        ({"phone_name": ""}, "李明", PhoneVerdict.NO_RECORD),
        ({"phone": PhoneNumber("17000001234")}, "李明", PhoneVerdict.SEGMENT_UNSUPPORTED),
        ({"phone": PhoneNumber("19200001234")}, "李明", PhoneVerdict.SEGMENT_UNSUPPORTED),
        ({"phone": PhoneNumber("15400001234")}, "李明", PhoneVerdict.SEGMENT_UNSUPPORTED),
        ({}, "", PhoneVerdict.BAD_NAME),
    ],
)
def test_two_elements(make_person, make_town, trace, truth, name, verdict):
    li = make_person("li", **truth)

    query = NameQuery(li.phone, name)
    assert Carrier(make_town(li)).name_matches(trace(), query, 0.0, None).verdict is verdict


def test_a_number_nobody_uses_has_no_record(make_town, li, trace):
    carrier, phone = Carrier(make_town(li)), PhoneNumber("13811112222")

    assert carrier.name_matches(trace(), NameQuery(phone, "李明"), 0.0, None).verdict is (
        PhoneVerdict.NO_RECORD
    )
    state = carrier.state(trace(), StateQuery(phone), 0.0, None)
    assert (state.verdict, state.state) == (PhoneVerdict.NO_RECORD, PhoneState.UNKNOWN)


@pytest.mark.parametrize(
    ("name", "whose_number", "phone_name", "mismatch"),
    [
        ("李明", "li", "李明", Mismatch.NONE),
        ("李明", "wang", "李明", Mismatch.ID_CARD),
        ("王芳", "li", "李明", Mismatch.NAME),
        ("王芳", "wang", "李明", Mismatch.NAME_AND_ID_CARD),
        ("赵六", "wang", "李明", Mismatch.NAME_TO_ID_CARD),
        ("王芳", "li", "王芳", Mismatch.ID_CARD),  # registered in her name, asked with his number
        ("李明", "li", "王芳", Mismatch.NAME_AND_ID_CARD),
    ],
)
def test_three_elements(make_person, make_town, trace, name, whose_number, phone_name, mismatch):
    li = make_person("li", phone_name=phone_name)
    wang = make_person("wang", name="王芳", birth=date(1990, 2, 3))
    number = {"li": li, "wang": wang}[whose_number].id_number

    query = OwnerQuery(li.phone, name, number)
    answer = Carrier(make_town(li, wang)).owner_matches(trace(), query, 0.0, None)

    same = mismatch is Mismatch.NONE
    assert answer.verdict is (PhoneVerdict.SAME if same else PhoneVerdict.DIFFERENT)
    assert answer.mismatch is mismatch


def test_a_ported_number_answers_with_its_serving_carrier(make_person, make_town, trace):
    li = make_person("li", phone=PhoneNumber("13900001234"), operator=Operator.TELECOM)

    query = OwnerQuery(li.phone, li.name, li.id_number)
    answer = Carrier(make_town(li)).owner_matches(trace(), query, 0.0, None)

    assert answer.operator is Operator.TELECOM


def test_the_network_state_is_told(make_person, make_town, trace):
    li = make_person("li", phone_state=PhoneState.SUSPENDED)

    answer = Carrier(make_town(li)).state(trace(), StateQuery(li.phone), 0.0, None)

    assert (answer.verdict, answer.state) == (PhoneVerdict.SAME, PhoneState.SUSPENDED)


@pytest.mark.parametrize(
    ("since", "months"),
    [
        (date(2020, 7, 15), (0, 3)),
        (date(2020, 4, 16), (0, 3)),
        (date(2020, 4, 15), (3, 6)),
        (date(2020, 1, 15), (6, 12)),
        (date(2019, 7, 16), (6, 12)),
        (date(2019, 7, 15), (12, 24)),
        (date(2018, 7, 15), (24, None)),
        (date(2021, 1, 1), (0, 3)),
    ],
)
def test_months_on_the_network_are_told_as_a_range(make_person, make_town, trace, since, months):
    li = make_person("li", phone_since=since)

    answer = Carrier(make_town(li)).since(trace(), SinceQuery(li.phone), 0.0, None)

    assert (answer.months_from, answer.months_to) == months


def test_a_number_is_answered_so_often_a_day_and_again_tomorrow(make_town, li, trace):
    carrier = Carrier(make_town(li), {"name_matches": 2})
    query = NameQuery(li.phone, li.name)

    def ask(application, now_s):
        return carrier.name_matches(trace(application), query, now_s, None).verdict

    assert [ask("a1", 0.0), ask("a2", 86_399.0), ask("a3", 86_399.9)] == [
        PhoneVerdict.SAME,
        PhoneVerdict.SAME,
        PhoneVerdict.DAILY_LIMIT,
    ]
    assert ask("a1", 86_399.9) is PhoneVerdict.SAME  # the same call again is not counted again
    assert ask("a3", 86_400.0) is PhoneVerdict.SAME
    assert carrier.state(trace("a3"), StateQuery(li.phone), 0.0, None).verdict is PhoneVerdict.SAME
