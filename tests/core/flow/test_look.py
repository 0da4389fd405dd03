"""Looking: nothing is shown before it is written down who looks, and nothing without a grant."""

from __future__ import annotations

from datetime import date

import pytest

from core.adapters.objects.files import FileObjects
from core.adapters.objects.keyring import FileKeyring
from core.adapters.objects.sealed import SealedObjects
from core.adapters.sql import SqlStore
from core.application import Application, Step
from core.errors import InputError, NotDone, ProviderError
from core.flow.look import Field, Reader, read_picture, unmask
from core.flow.platform import Platform
from core.picture import Picture
from core.policies import Check
from core.ports.objects import PutQuery
from core.ports.trace import Trace
from core.store.records import Access, Customer, Grant, ObjectKey
from scenarios.hosts.instant import InstantClock, InstantHost
from scenarios.stories.stage import BANK as STAGED
from scenarios.stories.stage import Stage
from tests.core.adapters.samples import CARDS, application, customer
from tests.core.invariants_life import Life, a_world

BANK = "b01"
START = date(2020, 7, 1)
FACE = Picture.named("person-1#face")
KEY = f"face/{FACE.digest}"
GRANT = Grant(
    Grant.id_of(BANK, "A1-b01", "face:apply", KEY),
    *(BANK, KEY, "A1-b01", "C1-b01", "face:apply", START),
)
DESK = Reader(BANK, "officer 7", "reviewer")
WHY = "review of an application"


def now(coroutine):
    """Run what waits for nothing, as the instant host does."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


class Bureau:
    """A bank's pictures and books, and somebody who looks into them."""

    def __init__(self, tmp_path, address):
        self.under, self.store = FileObjects(tmp_path / "objects"), SqlStore(address)
        self.sealed = SealedObjects(self.under, self.store, FileKeyring(tmp_path / "keys"))
        self.platform = Platform(None, self.store, InstantClock(START), {}, {})
        trace = Trace(BANK, "A1-b01", 403, 1, 120.0, START)
        now(self.sealed.put(trace, PutQuery("face", FACE)))
        now(self.store.save(customer(), application(account=CARDS[0].text), GRANT))

    def read(self, reader=DESK, grant=GRANT.id, purpose=WHY):
        return now(read_picture(self.platform, self.sealed, reader, grant, purpose))

    def refused(self, problem, **said):
        asked = {"reader": DESK, "grant_id": GRANT.id, "purpose": WHY} | said
        with pytest.raises(InputError, match=problem):
            read_picture(self.platform, self.sealed, **asked).send(None)

    def unmask(self, subject, field, reader=DESK, purpose=WHY):
        return now(unmask(self.platform, reader, subject, field, purpose))

    def log(self):
        return sorted(self.store.tables[Access].values(), key=lambda one: one.at_s)


@pytest.fixture
def bureau(tmp_path, address):
    made = Bureau(tmp_path, address)
    yield made
    made.under.close()
    made.store.close()


def test_whoever_sees_a_picture_is_written_down_with_role_purpose_and_time(bureau):
    now(bureau.platform.clock.sleep(90.0))
    assert bureau.read() == FACE
    (access,) = bureau.log()
    assert (access.bank, access.who, access.role) == (BANK, "officer 7", "reviewer")
    assert (access.what, access.customer, access.purpose) == (GRANT.id, "C1-b01", WHY)
    assert access.at_s == 90.0


def test_the_access_is_kept_before_the_picture_is_fetched(bureau):
    seen = []

    class Watched:
        """An object store that looks whether the access is in the books when it is asked."""

        async def get(self, trace, query):
            seen.extend((one.id, trace.application, trace.bank) for one in bureau.log())
            return await bureau.sealed.get(trace, query)

    assert now(read_picture(bureau.platform, Watched(), DESK, GRANT.id, WHY)) == FACE
    (access,) = bureau.log()
    assert seen == [(access.id, access.id, BANK)]


def test_an_access_that_cannot_be_kept_shows_nothing(bureau, monkeypatch):
    async def full(*_records):
        raise NotDone("store.save", "no room")

    asked = []
    with monkeypatch.context() as broken:
        broken.setattr(bureau.store, "save", full)
        broken.setattr(bureau.sealed, "get", asked.append)
        with pytest.raises(ProviderError, match="no room"):
            bureau.read()
        with pytest.raises(ProviderError, match="no room"):
            bureau.unmask("C1-b01", Field.PHONE)
    assert asked == []
    assert bureau.log() == []


def test_an_access_stays_where_the_picture_could_not_be_fetched(bureau, monkeypatch):
    def fails(*_asked):
        raise NotDone("objects.get", "its disk fails")

    with monkeypatch.context() as broken:
        broken.setattr(FileObjects, "_fetch", fails)
        with pytest.raises(NotDone):
            read_picture(bureau.platform, bureau.sealed, DESK, GRANT.id, WHY).send(None)
    assert len(bureau.log()) == 1


def test_without_a_grant_nothing_is_read(bureau):
    bureau.refused("is none of bank 'b01'", grant_id=KEY)
    bureau.refused("is none of bank 'b01'", grant_id="G" + "0" * 24)
    assert bureau.log() == []


def test_another_banks_people_are_told_that_there_is_no_such_grant(bureau):
    stranger = Reader("b02", "officer 1", "reviewer")
    bureau.refused(f"grant '{GRANT.id}': is none of bank 'b02'", reader=stranger)
    assert bureau.log() == []


@pytest.mark.parametrize(
    "said",
    [
        {"purpose": ""},
        {"purpose": "  "},
        {"reader": Reader(BANK, "", "reviewer")},
        {"reader": Reader(BANK, "officer 7", "")},
    ],
)
def test_nobody_looks_without_name_role_and_purpose(bureau, said):
    bureau.refused("say all three", **said)
    asked = {"reader": DESK, "purpose": WHY} | said
    with pytest.raises(InputError, match="say all three"):
        unmask(bureau.platform, subject="C1-b01", field=Field.PHONE, **asked).send(None)
    assert bureau.log() == []


def test_several_looks_at_one_moment_are_several_in_the_log(bureau):
    for _ in range(3):
        bureau.read()
        bureau.unmask("C1-b01", Field.PHONE)
    bureau.read(reader=Reader(BANK, "officer 8", "reviewer"))
    assert len(bureau.log()) == 7
    assert {one.at_s for one in bureau.log()} == {0.0}


def test_a_picture_that_was_never_there_is_told_and_written_down(bureau):
    missing = f"id_card_front/{'0' * 64}"
    lost = Grant(
        Grant.id_of(BANK, "C1-b01", "id_card_front", missing),
        *(BANK, missing, "C1-b01", "C1-b01", "id_card_front", START),
    )
    now(bureau.store.save(lost))
    bureau.refused("its picture is not there", grant_id=lost.id)
    assert [one.what for one in bureau.log()] == [lost.id]


@pytest.mark.parametrize(
    ("subject", "field", "shown"),
    [
        ("C1-b01", Field.ID_NUMBER, customer().number.text),
        ("C1-b01", Field.PHONE, customer().phone.text),
        ("A1-b01", Field.CARD, CARDS[0].text),
    ],
)
def test_a_number_is_unmasked_and_the_access_written_without_the_number(
    bureau, subject, field, shown
):
    assert bureau.unmask(subject, field) == shown
    (access,) = bureau.log()
    assert (access.what, access.customer, access.who) == (field, "C1-b01", "officer 7")
    assert shown not in repr(access)


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("Cnobody", Field.PHONE),
        ("A1-b01", Field.PHONE),
        ("C1-b01", Field.CARD),
        ("Anobody", Field.CARD),
        ("C1-b02", Field.ID_NUMBER),
        ("A1-b02", Field.CARD),
    ],
)
def test_only_the_banks_own_people_are_unmasked(bureau, subject, field):
    now(bureau.store.save(customer(1, "b02"), application(1, "b02", account=CARDS[1].text)))
    with pytest.raises(InputError, match="is none of bank 'b01'"):
        unmask(bureau.platform, DESK, subject, field, WHY).send(None)
    assert bureau.log() == []


def test_who_has_no_card_yet_is_told_so(bureau):
    now(bureau.store.save(customer(2), application(2)))
    with pytest.raises(InputError, match="has no card yet"):
        unmask(bureau.platform, DESK, "A2-b01", Field.CARD, WHY).send(None)


# What the flow grants.


def test_the_flow_grants_every_picture_that_it_keeps():
    life = Life()
    granted = {(one.bank, one.customer, one.holder, one.purpose) for one in life.all(Grant)}
    for one in life.all(Customer):
        for side in ("id_card_front", "id_card_back"):
            assert (one.bank, one.id, one.id, side) in granted
    faces = 0
    for app in life.all(Application):
        for step, check, _ in app.checks:
            if check == Check.FACE:
                faces += 1
                assert (app.bank, app.customer, app.id, f"face:{step}") in granted
    assert faces > len(life.all(Application))
    kinds = {
        (one.object.partition("/")[0], one.purpose.partition(":")[0]) for one in life.all(Grant)
    }
    assert kinds == {
        ("id_card_front", "id_card_front"),
        ("id_card_back", "id_card_back"),
        ("face", "face"),
    }


def test_a_whole_visit_over_sealed_objects_leaves_pictures_that_staff_can_be_shown(tmp_path):
    """From the ID card to the money; what lies in the folder is ciphertext, all of it granted."""
    stage = Stage(InstantHost(a_world()))
    store, platform = stage.world.store, stage.platform
    under = FileObjects(tmp_path / "objects")
    sealed = SealedObjects(under, store, FileKeyring(tmp_path / "keys"))
    platform.ports.objects = sealed
    ending = stage.host.run(stage.visit(stage.person(STAGED, holds_card=False), STAGED))
    stage.expect(ending, "done")

    grants = store.tables[Grant].values()
    steps = {f"face:{step}" for step in (Step.APPLY, Step.OPEN_ACCOUNT, Step.SIGN, Step.DRAW_DOWN)}
    assert {one.purpose for one in grants} == {"id_card_front", "id_card_back", *steps}
    assert len(store.tables[ObjectKey]) == len(list((tmp_path / "objects").glob("sealed/*")))
    reader = Reader(STAGED, "officer 7", "reviewer")
    for one in grants:
        picture = now(read_picture(platform, sealed, reader, one.id, WHY))
        assert one.object.endswith(picture.digest)
    assert len(store.tables[Access]) == len(grants)
    under.close()
