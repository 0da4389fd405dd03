"""Bureau, government and internet data: who may ask, what is told, and that it is noted."""

from __future__ import annotations

import copy

import pytest

from core.ports.bureau import DataQuery, Found
from mocks.bureau.behaviour import Asked, Bureau

OPERATIONS = ("credit_report", "government", "internet")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("truth", "name", "consent", "found"),
    [
        ({}, "李明", "c1", Found.FOUND),
        ({}, "李明", "", Found.NO_CONSENT),
        ({}, "王芳", "c1", Found.NAME_DIFFERS),
        ({"in_register": False}, "李明", "c1", Found.NO_FILE),
    ],
)
def test_who_asks_with_a_consent_about_the_right_name_is_told(
    make_person, make_town, trace, operation, truth, name, consent, found
):
    li = make_person("li", **truth)
    query = DataQuery(name, li.id_number, consent)

    answer = getattr(Bureau(make_town(li)), operation)(trace(), query, 0.0, None)

    assert answer.found is found


def test_every_question_is_noted_even_one_without_right(make_person, make_town, trace):
    li = make_person("li")
    bureau = Bureau(make_town(li))
    bureau.government(trace("a1"), DataQuery("李明", li.id_number, "c1"), 5.0, None)
    bureau.internet(trace("a2", bank="b02"), DataQuery("李明", li.id_number, ""), 7.0, None)

    assert bureau.asked == [
        Asked("b01", "a1", li.id_number.text, "c1", 5.0, "government"),
        Asked("b02", "a2", li.id_number.text, "", 7.0, "internet"),
    ]


def test_asking_adds_no_inquiry(make_person, make_town, trace):
    li = make_person("li")
    before = copy.copy(li.report)
    bureau, query = Bureau(make_town(li)), DataQuery("李明", li.id_number, "c1")

    answers = [bureau.credit_report(trace(), query, 0.0, None) for _ in range(3)]

    assert answers == [before] * 3
