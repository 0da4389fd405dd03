"""The ID network: name and number against the register, the photo where there is one."""

from __future__ import annotations

from datetime import date

import pytest

from core.picture import Picture
from core.ports.idnet import IdQuery, IdVerdict
from mocks.idnet.behaviour import IdNet


@pytest.mark.parametrize(
    ("truth", "name", "verdict"),
    [
        ({}, "李明", IdVerdict.MATCH),
        ({"register_photo": False}, "李明", IdVerdict.MATCH_NO_PHOTO),
        ({}, "王芳", IdVerdict.NAME_DIFFERS),
        ({"register_name": "李?"}, "李明", IdVerdict.NAME_DIFFERS),
        ({"in_register": False}, "李明", IdVerdict.NO_SUCH_NUMBER),
        ({}, "", IdVerdict.BAD_PARAMETER),
    ],
)
def test_the_register_decides(make_person, make_town, trace, truth, name, verdict):
    li = make_person("li", **truth)

    answer = IdNet(make_town(li)).check(trace(), IdQuery(name, li.id_number), 0.0, None)

    assert answer.verdict is verdict
    agrees = verdict in (IdVerdict.MATCH, IdVerdict.MATCH_NO_PHOTO)
    assert bool(answer.authority) is agrees
    photo = Picture.named("li#idnet") if verdict is IdVerdict.MATCH else None
    assert answer.photo == photo


def test_a_number_of_nobody_is_not_found(make_person, make_town, trace):
    stranger = make_person("stranger", birth=date(1999, 9, 9))

    query = IdQuery("李明", stranger.id_number)
    answer = IdNet(make_town(make_person("li"))).check(trace(), query, 0.0, None)

    assert answer.verdict is IdVerdict.NO_SUCH_NUMBER
