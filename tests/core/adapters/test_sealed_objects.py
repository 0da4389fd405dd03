"""Sealed objects: nothing but ciphertext lies there, one copy a bank and content, one key each."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path

import pytest

from core.adapters.objects.files import FileObjects
from core.adapters.objects.keyring import FileKeyring, Wrapped
from core.adapters.objects.sealed import FORM, SealedObjects
from core.adapters.sql import SqlStore
from core.errors import InputError, NotDone, ProviderError, Unreadable
from core.picture import SIZE_MAX, Picture
from core.ports.objects import GetQuery, PutAnswer, PutQuery
from core.ports.trace import Trace
from core.store.memory import CopyingStore
from core.store.records import ObjectKey

ROOT = Path(__file__).resolve().parents[3]
DAY = date(2020, 7, 2)
ONE, OTHER = "b01", "b02"


def drawn(text, size=400):
    """A drawn picture, as far as anybody reads it: a JPEG's beginning, and what it shows."""
    return Picture.read(b"\xff\xd8\xff\xe0" + (text.encode() * size)[:size])


FACE, CARD = drawn("a face "), drawn("a card ")
KEY = f"face/{FACE.digest}"
REFUSED = r"was altered|was not sealed by us"


def now(coroutine):
    """Run what waits for nothing, as the instant host does."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def names_at(place):
    """Return what lies there by its names; a place is no dictionary."""
    return place.keys()


def trace(bank):
    return Trace(bank, "app-1", 205, 1, 120.0, DAY)


def put(sealed, picture=FACE, bank=ONE, kind="face"):
    return now(sealed.put(trace(bank), PutQuery(kind, picture)))


def get(sealed, key=KEY, bank=ONE):
    return now(sealed.get(trace(bank), GetQuery(key))).picture


def key_of(store, key=KEY, bank=ONE):
    return now(store.get(ObjectKey, ObjectKey.id_of(bank, key)))


def destroyed(store, key=KEY):
    """Destroy a picture's key as an erasure does."""
    kept = key_of(store, key)
    now(store.save(replace(kept, wrapped="", destroyed_on=DAY)))


@pytest.fixture
def store():
    return CopyingStore()


@pytest.fixture
def ring(tmp_path):
    return FileKeyring(tmp_path / "keys")


@pytest.fixture
def under(place):
    opened = place.open()
    yield opened
    opened.close()


@pytest.fixture
def sealed(under, store, ring):
    return SealedObjects(under, store, ring)


# The contract of an object store.


@pytest.mark.parametrize("picture", [FACE, Picture.named("p-1#face")], ids=["drawn", "stand-in"])
def test_a_picture_comes_back_as_it_was(sealed, picture):
    kept = put(sealed, picture)
    assert kept == PutAnswer(f"face/{picture.digest}", created=True)
    read = get(sealed, kept.key)
    assert read == picture
    assert read.content == picture.content


def test_the_largest_picture_comes_back_too(sealed):
    picture = drawn("large ", SIZE_MAX - 4)
    assert picture.size == SIZE_MAX
    assert get(sealed, put(sealed, picture).key) == picture


def test_the_same_content_is_kept_once_under_one_key(sealed, place, store):
    first = put(sealed)
    before = key_of(store)
    again = put(sealed)
    assert (first.created, again.created) == (True, False)
    assert first.key == again.key
    assert len(place.keys()) == len(store.tables[ObjectKey]) == 1
    assert key_of(store) == before


@pytest.mark.parametrize("key", ["face/" + "0" * 64, f"id_card_back/{FACE.digest}", "../x", ""])
def test_nothing_lies_under_a_key_that_was_never_given(sealed, key):
    put(sealed)
    assert get(sealed, key) is None


def test_a_kind_that_is_no_plain_word_leaves_neither_object_nor_key(sealed, place, store):
    with pytest.raises(InputError, match="is no key"):
        put(sealed, kind="../face")
    assert place.keys() == []
    assert not store.tables[ObjectKey]


# What lies there.


def test_what_lies_there_is_not_the_picture_and_does_not_say_which(sealed, place):
    put(sealed, FACE)
    put(sealed, CARD, kind="id_card_front")
    for name in names_at(place):
        content = place.read(name)
        assert content.startswith(FORM)
        assert b"a face" not in content
        assert b"a card" not in content
        for word in ("face", "id_card", FACE.digest, CARD.digest):
            assert word not in name
    digests = {sha256(place.read(name)).hexdigest() for name in names_at(place)}
    assert digests.isdisjoint({FACE.digest, CARD.digest})


def test_two_banks_copies_share_neither_bytes_nor_name(sealed, place, store):
    answers = [put(sealed, bank=bank) for bank in (ONE, OTHER)]
    assert [answer.created for answer in answers] == [True, True]
    one, other = (key_of(store, bank=bank) for bank in (ONE, OTHER))
    assert {one.name, other.name} == set(place.keys())
    assert one.name != other.name

    ours, theirs = (place.read(kept.name)[len(FORM) :] for kept in (one, other))
    windows = {ours[at : at + 8] for at in range(len(ours) - 7)}
    assert not any(theirs[at : at + 8] in windows for at in range(len(theirs) - 7))
    assert get(sealed, bank=ONE) == get(sealed, bank=OTHER) == FACE


def test_what_one_bank_keeps_is_nothing_to_another(sealed):
    put(sealed, bank=ONE)
    assert get(sealed, bank=OTHER) is None


def test_another_banks_key_does_not_open_it_though_its_record_were_forged(sealed, store, ring):
    put(sealed)
    put(sealed, CARD, OTHER)
    kept = key_of(store)
    forged = replace(kept, id=ObjectKey.id_of(OTHER, KEY), bank=OTHER, version=0)
    now(store.save(forged))
    with pytest.raises(Unreadable, match="this key was not wrapped by b02"):
        get(sealed, bank=OTHER)
    with pytest.raises(Unreadable, match="this key was not wrapped by b02"):
        ring.unwrap(OTHER, Wrapped(kept.kek_version, kept.wrapped), f"{kept.id}/1")


def test_a_key_that_is_moved_to_another_picture_is_refused(sealed, store):
    put(sealed)
    card = put(sealed, CARD).key
    kept = key_of(store, card)
    now(store.save(replace(kept, wrapped=key_of(store).wrapped)))
    with pytest.raises(Unreadable, match="this key was not wrapped by b01"):
        get(sealed, card)


@pytest.mark.parametrize("at", [0, len(FORM), 40, -17, -1])
def test_a_ciphertext_with_one_bit_changed_is_refused(sealed, place, at):
    put(sealed)
    (name,) = place.keys()
    content = bytearray(place.read(name))
    content[at] ^= 1
    place.write(name, bytes(content))
    with pytest.raises(Unreadable, match=REFUSED):
        get(sealed)


@pytest.mark.parametrize("length", [0, 3, len(FORM), len(FORM) + 8, -1])
def test_a_ciphertext_cut_short_is_refused(sealed, place, length):
    put(sealed)
    (name,) = place.keys()
    place.write(name, place.read(name)[:length])
    with pytest.raises(Unreadable, match=REFUSED):
        get(sealed)


def test_a_picture_that_was_put_there_in_the_clear_is_refused(sealed, place):
    put(sealed)
    (name,) = place.keys()
    place.write(name, FACE.content)
    with pytest.raises(Unreadable, match="was not sealed by us"):
        get(sealed)


def test_a_ciphertext_under_another_ones_name_is_refused(sealed, place, store):
    put(sealed)
    card = put(sealed, CARD).key
    ours, theirs = key_of(store), key_of(store, card)
    place.write(ours.name, place.read(theirs.name))
    with pytest.raises(Unreadable, match="was altered, or belongs elsewhere"):
        get(sealed)

    now(store.save(replace(theirs, name=ours.name)))
    assert get(sealed, card) is not None, "which is the right one again: its own bytes lie there"


def test_a_record_that_points_at_another_bank_s_bytes_is_refused(sealed, place, store):
    put(sealed, bank=ONE)
    put(sealed, bank=OTHER)
    now(store.save(replace(key_of(store), name=key_of(store, bank=OTHER).name)))
    with pytest.raises(Unreadable, match="was altered, or belongs elsewhere"):
        get(sealed, bank=ONE)


# Keys that change.


def test_a_rotated_bank_reads_the_old_and_seals_the_new_under_the_new(sealed, store, ring):
    old = put(sealed).key
    ring.rotate(ONE)
    new = put(sealed, CARD).key
    assert [key_of(store, key).kek_version for key in (old, new)] == [1, 2]
    assert [get(sealed, key) for key in (old, new)] == [FACE, CARD]


def test_rewrapping_moves_every_key_and_touches_no_picture(sealed, store, ring, place):
    keys = [put(sealed, drawn(f"face {number} ")).key for number in range(4)]
    put(sealed, bank=OTHER)
    lay = {name: place.read(name) for name in names_at(place)}
    ring.rotate(ONE)

    assert now(sealed.rewrap(ONE)) == 4
    assert {key_of(store, key).kek_version for key in keys} == {2}
    assert key_of(store, bank=OTHER).kek_version == 1
    assert {name: place.read(name) for name in names_at(place)} == lay
    assert None not in [get(sealed, key) for key in keys]
    assert now(sealed.rewrap(ONE)) == 0


def test_a_rewrapping_that_breaks_off_goes_on_where_it_was(under, store, ring):
    class Dies(CopyingStore):
        """A store whose process dies at the third save from now."""

        left = 10**6

        async def save(self, *records):
            self.left -= 1
            if not self.left:
                raise SystemExit
            await super().save(*records)

    dying = Dies()
    sealed = SealedObjects(under, dying, ring)
    keys = [put(sealed, drawn(f"face {number} ")).key for number in range(5)]
    ring.rotate(ONE)
    dying.left = 3
    with pytest.raises(SystemExit):
        sealed.rewrap(ONE).send(None)
    assert sorted(key_of(dying, key).kek_version for key in keys) == [1, 1, 1, 2, 2]
    assert None not in [get(sealed, key) for key in keys]

    dying.left = 10**6
    assert now(sealed.rewrap(ONE)) == 3
    assert None not in [get(sealed, key) for key in keys]


def test_older_keys_retire_only_when_nothing_rests_on_them(sealed, store, ring):
    put(sealed)
    backup = key_of(store)
    ring.rotate(ONE)
    with pytest.raises(InputError, match="rests on version 1; rewrap first"):
        now(sealed.retire(ONE))
    assert get(sealed) == FACE

    now(sealed.rewrap(ONE))
    now(sealed.retire(ONE))
    assert get(sealed) == FACE
    with pytest.raises(NotDone, match="has no key of version 1"):
        ring.unwrap(ONE, Wrapped(backup.kek_version, backup.wrapped), f"{backup.id}/1")


def test_a_destroyed_key_is_not_brought_back_by_rewrapping(sealed, store, ring):
    put(sealed)
    destroyed(store)
    ring.rotate(ONE)
    assert now(sealed.rewrap(ONE)) == 0
    assert get(sealed) is None
    now(sealed.retire(ONE))


# The end of a picture.


def test_what_lost_its_key_is_not_there_whether_its_bytes_are_or_not(sealed, store, place):
    put(sealed)
    destroyed(store)
    assert len(place.keys()) == 1
    assert get(sealed) is None

    now(sealed.destroy(key_of(store).name))
    assert place.keys() == []
    assert get(sealed) is None
    now(sealed.destroy(key_of(store).name))  # nothing lies there: nothing to do


def test_the_same_picture_put_anew_has_a_new_key_a_new_name_and_new_bytes(sealed, store, place):
    put(sealed)
    first = key_of(store)
    old = place.read(first.name)
    destroyed(store)  # and its bytes could not be taken away

    assert put(sealed) == PutAnswer(KEY, created=True)
    second = key_of(store)
    assert (first.made, second.made) == (1, 2)
    assert second.destroyed_on is None
    assert second.name != first.name
    assert second.wrapped != first.wrapped
    assert place.read(second.name)[len(FORM) :] != old[len(FORM) :]
    assert get(sealed) == FACE

    place.write(second.name, old)
    with pytest.raises(Unreadable, match="was altered, or belongs elsewhere"):
        get(sealed)


# Crashes and crowds.


def test_a_crash_between_key_and_object_is_harmless_and_the_next_put_mends_it(
    sealed, under, store, place, monkeypatch
):
    def crash(*_asked):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(type(under), "_keep", crash)
        with pytest.raises(SystemExit):
            sealed.put(trace(ONE), PutQuery("face", FACE)).send(None)
    before = key_of(store)
    assert before.wrapped
    assert place.keys() == []
    assert get(sealed) is None

    assert put(sealed).created
    assert key_of(store) == before
    assert get(sealed) == FACE
    assert len(place.keys()) == 1


def test_an_object_that_was_lost_is_laid_again_with_the_same_bytes(sealed, under, place):
    put(sealed)
    (name,) = place.keys()
    content = place.read(name)
    now(under.remove(name))
    assert put(sealed).created
    assert place.read(name) == content


def test_a_store_that_fails_leaves_no_object(sealed, store, place, monkeypatch):
    async def fails(*_records):
        raise NotDone("store.save", "no room")

    with monkeypatch.context() as broken:
        broken.setattr(store, "save", fails)
        with pytest.raises(ProviderError, match="no room"):
            sealed.put(trace(ONE), PutQuery("face", FACE)).send(None)
    assert place.keys() == []
    assert put(sealed).created


KILLED = """
import os, signal, sys
from core.adapters.objects.files import FileObjects
from core.adapters.objects.keyring import FileKeyring
from core.adapters.objects.sealed import SealedObjects
from core.adapters.sql import SqlStore
from core.picture import Picture
from core.ports.objects import PutQuery
from core.ports.trace import Trace

def die(*asked):
    os.kill(os.getpid(), signal.SIGKILL)

_, objects, keys, address = sys.argv
FileObjects._keep = die
sealed = SealedObjects(FileObjects(objects), SqlStore(address), FileKeyring(keys))
trace = Trace("b01", "app-1", 205, 1, 120.0, None)
sealed.put(trace, PutQuery("face", Picture.named("p-1#face"))).send(None)
"""


def test_a_process_killed_between_key_and_object_leaves_what_the_next_one_mends(tmp_path, address):
    command = [sys.executable, "-c", KILLED, tmp_path / "objects", tmp_path / "keys", address]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL

    under, store = FileObjects(tmp_path / "objects"), SqlStore(address)
    sealed, face = (
        SealedObjects(under, store, FileKeyring(tmp_path / "keys")),
        Picture.named("p-1#face"),
    )
    key = f"face/{face.digest}"
    left = key_of(store, key)
    assert left.wrapped
    assert get(sealed, key) is None
    assert put(sealed, face).created
    assert key_of(store, key) == left
    assert get(sealed, key) == face
    store.close()
    under.close()


def test_of_writers_at_once_one_makes_the_key_and_one_the_object(place, address, tmp_path):
    """Two processes' worth of stores, at one database and one place."""
    opened = [(place.open(), SqlStore(address)) for _ in range(2)]
    rings = [FileKeyring(tmp_path / "keys") for _ in opened]
    several = [SealedObjects(*each, ring) for each, ring in zip(opened, rings, strict=True)]

    async def all_at_once():
        query = PutQuery("face", FACE)
        puts = [sealed.put(trace(bank), query) for bank in (ONE, OTHER) for sealed in several * 4]
        answers = await asyncio.gather(*puts)
        asked = GetQuery(KEY)
        gets = [sealed.get(trace(bank), asked) for bank in (ONE, OTHER) for sealed in several]
        return answers, [answer.picture for answer in await asyncio.gather(*gets)]

    answers, read = asyncio.run(all_at_once())
    assert [answer.created for answer in answers].count(True) == 2, "one for each bank"
    assert {answer.key for answer in answers} == {KEY}
    assert read == [FACE] * 4
    assert len(place.keys()) == 2
    keys = opened[0][1].tables[ObjectKey]
    assert sorted(kept.bank for kept in keys.values()) == [ONE, OTHER]
    assert {kept.name for kept in keys.values()} == set(place.keys())
    for under, store in opened:
        under.close()
        store.close()


# Silence.


def test_no_key_is_seen_in_what_is_printed_logged_or_raised(under, store, tmp_path, caplog, place):
    caplog.set_level(logging.DEBUG)
    numbers, given = count(1), []

    def noted(size):
        given.append(sha256(str(next(numbers)).encode()).digest()[:size])
        return given[-1]

    ring = FileKeyring(tmp_path / "keys", noted)
    sealed = SealedObjects(under, store, ring, noted)
    put(sealed)
    kept = key_of(store)
    secrets = [key for key in given if len(key) == 32]
    assert len(secrets) == 3, "the bank's two and the picture's one"

    told = [repr(sealed), repr(ring), repr(kept), str(vars(sealed)), repr(under)]
    place.write(kept.name, b"nothing of the kind")
    failing = [
        lambda: get(sealed),
        lambda: ring.unwrap(OTHER, Wrapped(1, kept.wrapped), "x"),
        lambda: ring.unwrap(ONE, Wrapped(1, kept.wrapped), "x"),
    ]
    for fails in failing:
        with pytest.raises(ProviderError) as error:
            fails()
        told += [repr(error.value), str(error.value), repr(error.value.__cause__)]
    told.append(caplog.text)
    for secret in [*secrets, bytes.fromhex(kept.wrapped)]:
        for form in (secret.hex(), repr(secret), repr(list(secret))):
            assert not any(form in each for each in told)
    # Nor does the database or the place hold one in the clear.
    assert not any(key in place.read(kept.name) for key in secrets)
    assert not any(key.hex() in kept.wrapped for key in secrets)


def test_every_picture_has_a_data_key_of_its_own(under, store, ring):
    drew = []

    def noted(size):
        drew.append(bytes([len(drew) + 1]) * size)
        return drew[-1]

    sealed = SealedObjects(under, store, ring, noted)
    for bank in (ONE, OTHER):
        for picture in (FACE, CARD):
            put(sealed, picture, bank)
            put(sealed, picture, bank)
    assert len(drew) == 4
    assert all(len(key) == 32 for key in drew)
    assert all(one != other for one, other in pairwise(drew))


# What is bound, where the keys alone would not tell: every data key here is the same.


@pytest.fixture
def alike(under, store, ring):
    return SealedObjects(under, store, ring, bytes)


@pytest.mark.parametrize(
    "other",
    [(OTHER, "face", FACE), (ONE, "id_card_front", FACE), (ONE, "face", CARD)],
    ids=["bank", "kind", "digest"],
)
def test_a_ciphertext_is_bound_to_bank_kind_and_digest(alike, place, store, other):
    bank, kind, picture = other
    put(alike)
    key = put(alike, picture, bank, kind).key
    place.write(key_of(store).name, place.read(key_of(store, key, bank).name))
    with pytest.raises(Unreadable, match="was altered, or belongs elsewhere"):
        get(alike)


def test_a_ciphertext_is_bound_to_which_key_of_the_content_it_was(alike, place, store):
    put(alike)
    old = place.read(key_of(store).name)
    destroyed(store)
    put(alike)
    place.write(key_of(store).name, old)
    with pytest.raises(Unreadable, match="was altered, or belongs elsewhere"):
        get(alike)
