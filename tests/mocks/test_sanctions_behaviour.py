"""Name lists: the rule of the decision, versions in business time, and the record of screens."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import InputError
from core.ports.sanctions import Screened, ScreenQuery
from mocks.sanctions.behaviour import AUDIT_KEPT, ListEntry, Sanctions

DAY_S = 86_400.0


@pytest.fixture
def li(make_person):
    return make_person("li")


def screen(lists, trace, person, now_s=0.0, name=""):
    query = ScreenQuery(name or person.name, person.id_number, "open_account")
    return lists.screen(trace(), query, now_s, None)


@pytest.mark.parametrize(
    ("listed", "decision"),
    [("", Screened.CLEAR), ("hit", Screened.HIT), ("review", Screened.REVIEW)],
)
def test_the_truth_about_a_person_is_on_the_list(make_person, make_town, trace, listed, decision):
    li = make_person("li", listed=listed)

    answer = screen(Sanctions(make_town(li)), trace, li)

    assert answer.decision is decision
    assert answer.list_version == "20200701-001"
    assert [match.entity for match in answer.matches] == (["person:li"] if listed else [])


SAME_DAY, OTHER_DAY = date(1987, 1, 1), date(1961, 5, 5)


@pytest.mark.parametrize(
    ("name", "whose", "birth", "decision"),
    [
        ("李明", "li", None, Screened.HIT),
        ("另一名", "li", None, Screened.HIT),  # the number is listed under another name
        ("李明", "twin", None, Screened.REVIEW),  # another number, the same birthday
        ("李明", "other", None, Screened.CLEAR),  # another number, another birthday
        ("李明", None, SAME_DAY, Screened.HIT),
        ("李明", None, OTHER_DAY, Screened.CLEAR),
        ("李明", None, None, Screened.REVIEW),
        ("李敏", None, SAME_DAY, Screened.CLEAR),
    ],
)
def test_an_entry_hits_by_number_or_by_name_and_birth(
    make_person, make_town, trace, li, name, whose, birth, decision
):
    others = {"li": li, "twin": make_person("twin"), "other": make_person("other", birth=OTHER_DAY)}
    number = others[whose].id_number if whose else None
    lists = Sanctions(make_town(li), entries=[ListEntry("UN-1", name, "un", number, birth)])

    assert screen(lists, trace, li).decision is decision


def test_a_certain_entry_counts_more_than_a_doubtful_one(make_town, li, trace):
    lists = Sanctions(
        make_town(li),
        entries=[ListEntry("UN-1", "李明"), ListEntry("UN-2", "李明", birth=SAME_DAY)],
    )

    answer = screen(lists, trace, li)

    assert (answer.decision, answer.matches[0].entity) == (Screened.HIT, "UN-2")


def test_a_change_holds_from_its_moment_on_and_not_before(make_town, li, trace):
    lists = Sanctions(make_town(li))
    entry = ListEntry("UN-7", "李明", number=li.id_number)
    lists.change([entry], [], "20200710-001", 9 * DAY_S)

    before, after = screen(lists, trace, li, 9 * DAY_S - 1), screen(lists, trace, li, 9 * DAY_S)

    assert (before.decision, before.list_version) == (Screened.CLEAR, "20200701-001")
    assert (after.decision, after.list_version) == (Screened.HIT, "20200710-001")
    assert lists.version == "20200710-001"
    assert lists.changes[-1].added == (entry,)


def test_a_snapshot_never_changes(make_town, li):
    lists = Sanctions(make_town(li), entries=[ListEntry("UN-1", "李明")])
    old = lists.at(0.0)
    lists.change([ListEntry("UN-2", "王芳")], ["UN-1"], "20200702-001", DAY_S)

    assert list(old.entries) == ["UN-1"]
    assert list(lists.entries) == ["UN-2"]


def test_delisting_releases_entries_and_people_and_listing_again_holds(
    make_person, make_town, trace
):
    li = make_person("li", listed="hit")
    lists = Sanctions(make_town(li))
    lists.change([], ["person:li"], "20200702-001", DAY_S)
    lists.change([ListEntry("UN-9", "李明", number=li.id_number)], [], "20200703-001", 2 * DAY_S)

    assert [screen(lists, trace, li, day * DAY_S).decision for day in range(3)] == [
        Screened.HIT,
        Screened.CLEAR,
        Screened.HIT,
    ]


@pytest.mark.parametrize(
    ("version", "at_s"), [("20200701-001", 99.0), ("20200630-001", 99.0), ("20200702-001", -1.0)]
)
def test_versions_only_go_forward(make_town, li, version, at_s):
    lists = Sanctions(make_town(li))
    if at_s < 0:
        lists.change([], [], "20200701-002", 50.0)

    with pytest.raises(InputError, match="does not come after"):
        lists.change([], [], version, at_s)


def test_screening_again_changes_nothing_but_the_record(make_town, li, trace):
    lists = Sanctions(make_town(li))

    first, again = screen(lists, trace, li), screen(lists, trace, li)

    assert first == again
    assert len(lists.audit) == 2
    assert lists.audit.maxlen == AUDIT_KEPT
