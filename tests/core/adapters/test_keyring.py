"""The keyring: each bank's own keys, in files that only their owner reads."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from core.adapters.objects.keyring import KEY_BYTES, FileKeyring, Wrapped
from core.errors import InputError, MachineError, NotDone, Unreadable

ROOT = Path(__file__).resolve().parents[3]
KEY = bytes(range(KEY_BYTES))
OPENED = """
import sys
from core.adapters.objects.keyring import FileKeyring
print(FileKeyring(sys.argv[1]).name("b01", "face"))
"""


def counted():
    """Return a source of chance that anybody can foresee."""
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def ring(folder):
    return FileKeyring(folder)


def test_a_key_comes_back_as_it_was_and_is_not_seen_in_what_wraps_it(ring):
    wrapped = ring.wrap("b01", KEY, "object 1")
    assert wrapped.version == 1
    assert KEY.hex() not in wrapped.text
    assert ring.unwrap("b01", wrapped, "object 1") == KEY


def test_the_same_key_is_wrapped_differently_each_time(ring):
    assert ring.wrap("b01", KEY, "object 1") != ring.wrap("b01", KEY, "object 1")


def test_only_its_owner_may_read_the_folder_and_the_files(ring, folder):
    ring.newest("b01")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_another_bank_another_object_and_another_version_do_not_open_it(ring):
    wrapped = ring.wrap("b01", KEY, "object 1")
    for bank in ("b01", "b02"):
        ring.rotate(bank)
    for asked in (
        ("b02", wrapped, "object 1"),
        ("b01", wrapped, "object 2"),
        ("b01", Wrapped(2, wrapped.text), "object 1"),
        ("b01", Wrapped(1, wrapped.text[:-2]), "object 1"),
        ("b01", Wrapped(1, "no hex"), "object 1"),
        ("b01", Wrapped(1, ""), "object 1"),
    ):
        with pytest.raises(Unreadable, match="this key was not wrapped by b0"):
            ring.unwrap(*asked)


def test_a_rotated_bank_wraps_anew_and_reads_what_is_old(ring):
    before = ring.wrap("b01", KEY, "object 1")
    assert ring.rotate("b01") == 2
    assert ring.newest("b02") == 1, "every bank has its own"

    after = ring.wrap("b01", KEY, "object 1")
    assert (before.version, after.version) == (1, 2)
    assert ring.unwrap("b01", before, "object 1") == ring.unwrap("b01", after, "object 1") == KEY


def test_what_a_retired_version_wrapped_is_never_read_again(ring):
    before = ring.wrap("b01", KEY, "object 1")
    ring.rotate("b01")
    after = ring.wrap("b01", KEY, "object 1")
    ring.retire("b01")

    with pytest.raises(NotDone, match="has no key of version 1"):
        ring.unwrap("b01", before, "object 1")
    assert ring.unwrap("b01", after, "object 1") == KEY
    assert ring.rotate("b01") == 3, "no version comes twice"


def test_a_name_is_the_banks_own_and_outlives_its_keys(ring):
    name = ring.name("b01", "face/1")
    assert name not in (ring.name("b02", "face/1"), ring.name("b01", "face/2"))
    ring.rotate("b01")
    ring.retire("b01")
    assert ring.name("b01", "face/1") == name


def test_another_keyring_of_the_same_folder_knows_what_this_one_does(ring, folder):
    other = FileKeyring(folder)
    wrapped = ring.wrap("b01", KEY, "object 1")
    other.rotate("b01")
    assert other.unwrap("b01", wrapped, "object 1") == KEY
    assert ring.newest("b01") == 2


def test_whoever_comes_first_at_the_same_moment_makes_the_keys_for_all(folder):
    with ThreadPoolExecutor(8) as crowd:
        names = set(crowd.map(lambda _: FileKeyring(folder).name("b01", "face"), range(32)))
    assert len(names) == 1

    command = [sys.executable, "-c", OPENED, folder]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    assert {process.communicate()[0].decode().strip() for process in running} == names


def test_rotations_at_the_same_moment_are_all_kept(ring):
    with ThreadPoolExecutor(8) as crowd:
        versions = sorted(crowd.map(lambda _: ring.rotate("b01"), range(16)))
    assert versions == list(range(2, 18))


def test_a_bank_that_has_no_keys_reads_nothing_and_gets_none_for_it(ring, folder):
    wrapped = FileKeyring(folder.parent / "others").wrap("b01", KEY, "object 1")
    with pytest.raises(NotDone, match="has no key of version 1"):
        ring.unwrap("b01", wrapped, "object 1")
    assert not (folder / "b01.json").exists()


def test_a_file_that_others_may_read_is_not_used(ring, folder):
    ring.newest("b01")
    (folder / "b01.json").chmod(0o640)
    with pytest.raises(NotDone, match="may be read by others: chmod 600 it"):
        ring.newest("b01")


def damaged(text):
    told = json.loads(text)
    short = {**told, "naming": told["naming"][:-2]}
    odd = {**told, "keks": {"1": told["keks"]["1"][:-1]}}
    none = {**told, "keks": {}}
    return [text[:-9], "", "[]", *map(json.dumps, (short, odd, none, {"naming": told["naming"]}))]


def test_a_damaged_file_is_one_clear_error_that_quotes_no_key(ring, folder):
    ring.newest("b01")
    path = folder / "b01.json"
    whole = path.read_text()
    told = json.loads(whole)
    for text in damaged(whole):
        path.write_text(text)
        with pytest.raises(NotDone, match="is damaged: restore it from a backup") as error:
            ring.wrap("b01", KEY, "object 1")
        assert error.value.__cause__ is None
        for secret in (told["naming"][:16], told["keks"]["1"][:16]):
            assert secret not in str(error.value)
    assert path.read_text() == damaged(whole)[-1], "and nothing is written over it"


@pytest.mark.parametrize("bank", ["", "..", "../b01", "B01", "b 1", "b/1", "b" * 65])
def test_a_bank_whose_name_is_no_plain_word_has_no_keyring(ring, bank):
    with pytest.raises(InputError, match="cannot have a keyring"):
        ring.wrap(bank, KEY, "object 1")


def test_a_folder_that_cannot_be_one_is_the_machines_fault(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MachineError, match="name a folder that we may write"):
        FileKeyring(tmp_path / "file")


def test_a_change_that_breaks_off_leaves_the_keys_as_they_were(folder, monkeypatch):
    ring = FileKeyring(folder, counted())
    wrapped = ring.wrap("b01", KEY, "object 1")

    def crash(*_asked):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", crash)
        with pytest.raises(SystemExit):
            ring.rotate("b01")
    assert ring.newest("b01") == 1
    assert ring.unwrap("b01", wrapped, "object 1") == KEY
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "b01.json"]


def test_a_disk_that_is_full_is_told_as_not_done(ring, monkeypatch):
    def full(*_asked):
        raise OSError(28, "No space left on device")

    ring.newest("b01")
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(NotDone, match=r"cannot be written: No space left on device"):
            ring.rotate("b01")
    assert ring.newest("b01") == 1


def test_a_wrapped_key_is_bound_to_bank_and_version_where_the_keys_alone_would_not_tell(folder):
    ring = FileKeyring(folder, bytes)  # every key is the same
    wrapped = ring.wrap("b01", KEY, "object 1")
    for bank in ("b01", "b02"):
        ring.rotate(bank)
    for bank, version in (("b02", 1), ("b01", 2)):
        with pytest.raises(Unreadable, match="this key was not wrapped by"):
            ring.unwrap(bank, Wrapped(version, wrapped.text), "object 1")
    assert ring.unwrap("b01", wrapped, "object 1") == KEY
