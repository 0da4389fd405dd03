"""The places where a server's platforms keep: fresh for each, and what was there before stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.errors import InputError, MachineError
from scenarios.places import open_place, places_of, shown_of
from tests.postgres import postgres, why_not


def write(file, word):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE kept (word TEXT)")
        connection.execute("INSERT INTO kept VALUES (?)", (word,))
        connection.commit()


def word_in(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT word FROM kept").fetchone()[0]


def test_an_older_file_moves_to_1_and_nothing_is_ever_deleted(tmp_path):
    file = tmp_path / "books.db"
    for word in ("first", "second", "third"):
        assert places_of(f"sqlite:///{file}").make("default") == f"sqlite:///{file}"
        assert not file.exists()
        write(file, word)

    assert [word_in(tmp_path / name) for name in ("books.db", "books.db.1")] == ["third", "second"]
    assert word_in(tmp_path / "books.db.2") == "first"


def test_a_log_that_was_not_written_back_moves_with_its_file(tmp_path):
    file = tmp_path / "books.db"
    kept = tmp_path / "kept"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE kept (word TEXT)")
    connection.execute("INSERT INTO kept VALUES ('in the log')")
    connection.commit()
    for name in ("books.db", "books.db-wal"):  # as a process leaves them that was killed
        (tmp_path / name).rename(kept.with_name(name.replace("books", "killed")))
    connection.close()

    places_of(f"sqlite:///{tmp_path}/killed.db").make("default")

    assert word_in(tmp_path / "killed.db.1") == "in the log"
    assert not (tmp_path / "killed.db-wal").exists()


def test_every_tenant_has_a_file_of_its_own_that_is_none_of_sqlites(tmp_path):
    places = places_of(f"sqlite:///{tmp_path}/books.db")
    names = [places.make(name).rpartition("/")[2] for name in ("default", "a", "wal", "shm")]

    assert names == ["books.db", "books.db-a", "books.db-wal~", "books.db-shm~"]


def test_a_place_that_is_in_use_is_left_alone(tmp_path):
    places = places_of(f"sqlite:///{tmp_path}/books.db")
    store, _ = open_place(places, "default")
    try:
        with pytest.raises(MachineError, match="is locked by another program"):
            places.make("default")
    finally:
        store.close()
    places.make("default")


@pytest.mark.parametrize(
    "address", ["", "books.db", "sqlite://", "sqlite:///:memory:", "mysql://a/b"]
)
def test_what_is_no_address_is_said_to_be_none(address):
    with pytest.raises(InputError, match="give sqlite:///FILE or postgresql://"):
        places_of(address)


def test_a_password_is_not_shown():
    assert shown_of("postgresql://us:secret@here/books?x=1") == "postgresql://us:***@here/books?x=1"
    with pytest.raises(InputError) as wrong:
        places_of("postgresql://us:secret@here:99x/books")
    assert "secret" not in str(wrong.value)


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "PostgreSQL is here")
def test_every_tenant_has_a_schema_and_every_opening_another():
    with postgres() as server:
        places = places_of(server.plain())
        made = [places.make(name) for name in ("default", "default", "A-b", "a_b", "x" * 99)]
        schemas = [address.rpartition("%3D")[2] for address in made]
        store, shown = open_place(places, "default")
        store.close()

    assert schemas[:4] == [
        *("loanrange_default_1", "loanrange_default_2"),
        *("loanrange_a_b_1", "loanrange_a_b_2"),
    ]
    assert schemas[4] == f"loanrange_{'x' * 40}_1"
    assert shown.endswith("loanrange_default_3")
