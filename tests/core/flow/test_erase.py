"""Erasing: only what nothing rests on and nothing demands; gone for good then, and told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from core.adapters.objects.files import FileObjects
from core.adapters.objects.keyring import FileKeyring, Wrapped
from core.adapters.objects.sealed import SealedObjects
from core.adapters.sql import SqlStore
from core.application import State
from core.errors import InputError, ServerFailed
from core.flow.erase import GROUNDS, Erasure, Ground, erase
from core.flow.look import Reader, read_picture
from core.flow.platform import Platform
from core.lending.book import LoanState
from core.picture import Picture
from core.ports.objects import GetQuery, PutQuery
from core.ports.trace import Trace
from core.store.records import (
    Access,
    AuditEvent,
    DrawState,
    Grant,
    ObjectKey,
    Repayment,
)
from scenarios.hosts.instant import InstantClock
from tests.core.adapters.samples import application, customer, line, loan

BANK = "b01"
START = date(2020, 7, 1)
FACE = Picture.named("person-1#face")
KEY = f"face/{FACE.digest}"
TRACE = Trace(BANK, "A1-b01", 403, 1, 120.0, START)
HOLDER = application().id
GRANT = Grant(
    Grant.id_of(BANK, HOLDER, "face:apply", KEY), BANK, KEY, HOLDER, "C1-b01", "face:apply", START
)
LATE = date(2099, 1, 1)
DESK = Reader(BANK, "officer 7", "data protection")


class Archive:
    """A bank's pictures and its books, with one customer's face in them."""

    def __init__(self, tmp_path, address):
        self.folder = tmp_path / "objects"
        self.under, self.store = FileObjects(self.folder), SqlStore(address)
        self.ring = FileKeyring(tmp_path / "keys")
        self.sealed = SealedObjects(self.under, self.store, self.ring)
        self.platform = Platform(None, self.store, InstantClock(START), {}, {})

    def close(self):
        self.under.close()
        self.store.close()

    def run(self, coroutine):
        return asyncio.run(coroutine)

    def keep(self, *records):
        self.run(self.store.save(*records))

    def put(self):
        return self.run(self.sealed.put(TRACE, PutQuery("face", FACE)))

    def get(self):
        return self.run(self.sealed.get(TRACE, GetQuery(KEY))).picture

    def erase(self, ground=Ground.PERIOD_OVER, on=LATE, by="officer 7", **said):
        asked = Erasure(BANK, KEY, ground, by, on, **said)
        return self.run(erase(self.platform, self.sealed, asked))

    def key(self):
        return self.run(self.store.get(ObjectKey, ObjectKey.id_of(BANK, KEY)))

    def events(self):
        return list(self.store.tables[AuditEvent].values())

    def lying(self):
        return list(self.folder.glob("sealed/*"))


@pytest.fixture
def archive(tmp_path, address):
    made = Archive(tmp_path, address)
    made.put()
    made.keep(customer(), GRANT)
    yield made
    made.close()


def kept(archive):
    """Whether the picture is there, and nobody wrote that it is not."""
    return archive.get() == FACE and not archive.events() and archive.key().wrapped != ""


# What an erasure leaves.


def test_an_erased_picture_is_gone_and_an_audit_entry_tells_why_and_by_whom(archive):
    before = archive.key()
    event = archive.erase(Ground.CONSENT_WITHDRAWN, reference="request 12")

    assert archive.get() is None
    assert archive.lying() == []
    assert archive.key().wrapped == ""
    assert archive.key().destroyed_on == LATE
    assert archive.events() == [replace(event, version=1)]
    assert (event.kind, event.subject, event.on) == ("erased", before.id, LATE)
    told = "consent_withdrawn (PIPL art. 47 (3), request 12), by officer 7"
    assert event.detail == told
    assert FACE.digest not in repr(event)


def test_an_attempt_to_read_it_says_since_when_it_is_gone_and_is_written_down(archive):
    archive.erase()
    asked = read_picture(archive.platform, archive.sealed, DESK, GRANT.id, "a complaint")
    with pytest.raises(InputError, match="was erased on 2099-01-01, and cannot be read again"):
        archive.run(asked)
    assert [one.what for one in archive.store.tables[Access].values()] == [GRANT.id]


def test_its_bytes_are_no_use_to_whoever_kept_them(archive):
    (place,) = archive.lying()
    copy = place.read_bytes()
    before = archive.key()
    archive.erase()
    place.write_bytes(copy)
    assert archive.get() is None

    archive.put()
    assert archive.key().wrapped != before.wrapped
    assert archive.key().name != before.name


def test_the_same_picture_may_be_put_again_and_erased_again(archive):
    first = archive.erase()
    assert archive.put().created
    assert archive.get() == FACE
    assert archive.key().made == 2

    second = archive.erase(Ground.NOT_NEEDED)
    assert archive.get() is None
    assert second.id != first.id
    assert len(archive.events()) == 2


def test_erasing_twice_is_erasing_once(archive):
    first = archive.erase(Ground.PERIOD_OVER)
    again = archive.erase(Ground.UNLAWFUL, by="officer 8")
    assert again.id == first.id
    assert again.detail == first.detail
    assert len(archive.events()) == 1


def test_bytes_that_cannot_be_taken_away_do_not_stop_it_and_go_the_next_time(archive, monkeypatch):
    def fails(*_asked):
        raise ServerFailed("objects.remove", "its disk fails")

    with monkeypatch.context() as broken:
        broken.setattr(FileObjects, "_remove", fails)
        archive.erase()
    assert len(archive.lying()) == 1
    assert archive.get() is None
    archive.erase()
    assert archive.lying() == []


def test_a_crash_after_the_save_has_erased_and_one_before_it_has_not(archive, monkeypatch):
    def crash(*_asked):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(SqlStore, "save", crash)
        with pytest.raises(SystemExit):
            archive.erase()
    assert kept(archive)
    with monkeypatch.context() as broken:
        broken.setattr(FileObjects, "_remove", crash)
        with pytest.raises(SystemExit):
            archive.erase()
    assert archive.get() is None
    assert len(archive.events()) == 1


def test_older_keys_that_retire_take_the_backups_key_with_them(archive):
    backup = archive.key()
    archive.erase()
    archive.ring.rotate(BANK)
    archive.run(archive.sealed.rewrap(BANK))
    archive.run(archive.sealed.retire(BANK))
    with pytest.raises(Exception, match="has no key of version 1"):
        archive.ring.unwrap(BANK, Wrapped(backup.kek_version, backup.wrapped), f"{backup.id}/1")


def test_erasers_at_the_same_moment_leave_one_entry(archive):
    async def both():
        asked = [Erasure(BANK, KEY, Ground.PERIOD_OVER, f"officer {n}", LATE) for n in range(4)]
        return await asyncio.gather(*(erase(archive.platform, archive.sealed, a) for a in asked))

    events = archive.run(both())
    assert len({event.detail for event in events}) == 1
    assert len(archive.events()) == 1


# What is still needed.


@pytest.mark.parametrize(
    "state", [state for state in State if state.name not in ("DECLINED", "CLOSED")]
)
def test_nothing_is_erased_on_which_an_open_application_rests(archive, state):
    archive.keep(application(state=state))
    with pytest.raises(InputError, match=f"application {HOLDER} rests on it and is {state}"):
        archive.erase()
    assert kept(archive)


@pytest.mark.parametrize("state", [State.ENTERED, State.REGISTERED, State.AUTHORISED])
@pytest.mark.parametrize("ground", [Ground.CONSENT_WITHDRAWN, Ground.UNLAWFUL])
def test_what_has_led_to_nothing_yet_ends_with_the_consent_to_it(archive, state, ground):
    archive.keep(application(state=state))
    archive.erase(ground)
    assert archive.get() is None


@pytest.mark.parametrize("state", [State.GRANTED, State.SIGNED, State.ACTIVE, State.HELD])
def test_a_withdrawn_consent_ends_nothing_that_has_led_to_something(archive, state):
    archive.keep(application(state=state))
    with pytest.raises(InputError, match="rests on it and is"):
        archive.erase(Ground.CONSENT_WITHDRAWN)
    assert kept(archive)


@pytest.mark.parametrize("state", [LoanState.LIVE, LoanState.OVERDUE, LoanState.WRITTEN_OFF])
@pytest.mark.parametrize("ground", [ground for ground in Ground if ground is not Ground.ORDER])
def test_nothing_is_erased_on_which_a_loan_rests(archive, state, ground):
    archive.keep(application(state=State.CLOSED), loan(state=state))
    with pytest.raises(InputError, match=f"loan L1 rests on it and is {state}"):
        archive.erase(ground)
    assert kept(archive)


def test_the_loan_of_another_application_of_the_customer_counts_too(archive):
    other = application(state=State.CLOSED, id="A9-b01")
    archive.keep(application(state=State.CLOSED), other, loan(application="A9-b01"))
    with pytest.raises(InputError, match="loan L1 rests on it"):
        archive.erase()


def test_another_customers_loan_is_no_reason_to_keep_it(archive):
    archive.keep(customer(2), application(2, state=State.ACTIVE), loan(application="A2-b01"))
    archive.erase()
    assert archive.get() is None


def test_a_picture_that_two_customers_share_is_kept_for_either(archive):
    other = replace(GRANT, id=Grant.id_of(BANK, "A2-b01", "face:apply", KEY), customer="C2-b01")
    archive.keep(other, customer(2), application(2, state=State.ACTIVE))
    with pytest.raises(InputError, match="application A2-b01 rests on it"):
        archive.erase()


def test_who_was_declined_and_never_had_a_line_was_no_customer_to_keep_records_of(archive):
    archive.keep(application(state=State.DECLINED))
    archive.erase(Ground.NOT_NEEDED, on=date(2020, 7, 2))
    assert archive.get() is None


@pytest.mark.parametrize(
    ("on", "until"),
    [
        (date(2023, 5, 1), "2026-07-01"),  # five years, by the law of 2007
        (date(2024, 12, 31), "2026-07-01"),
        (date(2025, 1, 1), "2031-07-01"),  # ten, by the law as it was revised
        (date(2031, 6, 30), "2031-07-01"),
    ],
)
def test_the_records_of_a_relationship_are_kept_for_years_after_its_end(archive, on, until):
    archive.keep(application(state=State.CLOSED))
    archive.keep(line(valid_to=date(2021, 7, 1)))
    archive.keep(loan(state=LoanState.SETTLED, closed_on=date(2021, 3, 1)))
    for ground in (Ground.CONSENT_WITHDRAWN, Ground.PERIOD_OVER, Ground.NOT_NEEDED):
        with pytest.raises(InputError, match=f"the bank must keep it until {until}"):
            archive.erase(ground, on=on)
    assert kept(archive)


def test_on_the_day_on_which_the_years_are_over_it_may_go(archive):
    archive.keep(application(state=State.CLOSED), line(valid_to=date(2021, 7, 1)))
    archive.erase(on=date(2031, 7, 1))
    assert archive.get() is None


def test_the_last_payment_and_the_last_loan_begin_the_years_not_the_line_alone(archive):
    archive.keep(application(state=State.CLOSED), line(valid_to=date(2021, 7, 1)))
    archive.keep(loan(state=LoanState.SETTLED, closed_on=date(2022, 2, 1)))
    with pytest.raises(InputError, match="until 2027-02-01"):
        archive.erase(on=date(2024, 1, 1))
    paid = Repayment("R1", BANK, "L1", 100, date(2024, 2, 29), DrawState.DONE)
    archive.keep(paid)
    with pytest.raises(InputError, match="until 2029-03-01"):
        archive.erase(on=date(2024, 12, 1))


def test_an_order_goes_before_the_duty_to_keep_and_names_itself(archive):
    archive.keep(application(state=State.ACTIVE), line(), loan())
    with pytest.raises(InputError, match="say by whom, and an order's number"):
        archive.erase(Ground.ORDER)
    assert kept(archive)

    event = archive.erase(Ground.ORDER, reference="order 2020-17")
    assert "order 2020-17" in event.detail
    assert archive.get() is None


def test_nobody_erases_without_a_name(archive):
    with pytest.raises(InputError, match="nobody answers for it"):
        archive.erase(by="")
    assert kept(archive)


@pytest.mark.parametrize(("bank", "key"), [("b02", KEY), (BANK, f"face/{'0' * 64}"), (BANK, "x")])
def test_what_a_bank_does_not_keep_it_cannot_erase(archive, bank, key):
    asked = Erasure(bank, key, Ground.ORDER, "officer 7", LATE, "order 1")
    with pytest.raises(InputError, match="is none of bank"):
        archive.run(erase(archive.platform, archive.sealed, asked))
    assert kept(archive)


def test_every_ground_names_its_law():
    assert set(GROUNDS) == set(Ground)
    assert all(law.source.startswith("PIPL art. 47") for law in GROUNDS.values())
    assert [ground for ground in Ground if GROUNDS[ground].goes_first] == [Ground.ORDER]
