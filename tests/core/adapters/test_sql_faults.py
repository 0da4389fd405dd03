"""What a machine does to its databases: full, locked, gone, no database; told, and gone on from."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
import time
from itertools import count

import psycopg
import pytest

from core.adapters.sql import SqlStore
from core.adapters.sql.database import Link
from core.errors import InputError, MachineError, Stale
from core.store.records import Drawdown, Funding, FundingMove, Line
from tests import postgres as postgres_here
from tests.core.adapters.samples import customer, drawdown, funding, owned
from tests.postgres import postgres, why_not

SOON_S = 0.2


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


@pytest.fixture
def file(tmp_path):
    return tmp_path / "books.db"


@pytest.fixture
def store(file):
    opened = SqlStore(f"sqlite:///{file}", SOON_S)
    run(opened.save(*owned(), funding()))
    yield opened
    opened.close()


# Addresses and files that are none.


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("books.db", "is no address of a database"),
        ("mysql://us:secret@host/books", "is neither SQLite nor PostgreSQL"),
        ("sqlite://", "memory keeps nothing"),
        ("sqlite:///:memory:", "memory keeps nothing"),
    ],
)
def test_an_address_that_keeps_no_books_is_refused(address, problem):
    with pytest.raises(InputError, match=problem) as wrong:
        SqlStore(address)
    assert "give sqlite:///FILE or postgresql://" in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_a_file_that_is_no_database_is_named_and_left_alone(file):
    file.write_text("a letter to the bank\n" * 100)
    with pytest.raises(MachineError, match=r"books.db is no database; name another file"):
        SqlStore(f"sqlite:///{file}")
    assert file.read_text().startswith("a letter")


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(MachineError, match=r"cannot be opened; make its folder"):
        SqlStore(f"sqlite:///{tmp_path}/none/books.db")


def test_another_programs_database_is_left_alone(file):
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    with pytest.raises(MachineError, match=r"another program \(it has songs\); name another"):
        SqlStore(f"sqlite:///{file}")
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    other.close()


def test_a_read_only_file_is_named(store, file):
    store.close()
    with pytest.raises(MachineError, match=r"is read-only; give us the right"):
        SqlStore(f"sqlite:///file:{file}?mode=ro&uri=true")


def test_a_damaged_file_is_named(store, file):
    run(store.save(*(drawdown(f"D{number}") for number in range(500))))
    store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(MachineError, match=r"is damaged; restore it from a backup"):
        SqlStore(f"sqlite:///{file}")


# A file in trouble while it is open.


def test_what_a_full_disk_does_not_take_is_saved_when_there_is_room(store):
    driver = store._writer._link.driver(0.0)
    (pages,) = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {pages}")
    many = [customer(1, f"b{number}", address="x" * 2_000) for number in range(2, 40)]

    with pytest.raises(MachineError, match="is full, nothing was saved; make room"):
        run(store.save(*many))
    assert [person.version for person in many] == [0] * len(many)
    assert run(store.all(type(many[0]), "b5")) == []

    store._writer._link.drop()  # the limit goes with its connection, as a full disk is emptied
    run(store.save(*many))
    assert run(store.all(type(many[0]), "b5")) == [many[3]]


def test_a_file_that_another_program_has_locked_is_waited_for_and_then_named(store, file):
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(MachineError, match="is locked by another program; end it"):
        run(store.save(drawdown("D1")))
    assert time.monotonic() - began >= SOON_S
    assert run(store.get(Line, "A1-b01")) is not None  # who reads waits for nobody

    threading.Timer(SOON_S / 2, other.rollback).start()
    run(store.save(drawdown("D1")))
    assert run(store.get(Drawdown, "D1")).version == 1
    other.close()


def test_a_file_that_was_removed_takes_no_save_until_it_is_back(store, file):
    away = file.with_name("away.db")
    file.rename(away)
    for _ in range(2):
        with pytest.raises(MachineError, match="was removed, or another file put in its place"):
            run(store.save(drawdown("D1")))
        assert not file.exists()  # nobody makes an empty one

    file.write_bytes(b"")
    with pytest.raises(MachineError, match="put it back, or start again"):
        run(store.save(drawdown("D1")))

    away.rename(file)
    run(store.save(drawdown("D1")))
    assert run(store.get(Drawdown, "D1")).version == 1


def test_everybody_of_a_batch_is_told_that_it_was_not_saved(store, file):
    away = file.with_name("away.db")
    file.rename(away)

    async def crowd():
        saves = (store.save(drawdown(f"D{number}")) for number in range(3))
        return await asyncio.gather(*saves, return_exceptions=True)

    ends = asyncio.run(crowd())

    assert [type(end) for end in ends] == [MachineError] * 3
    assert len(set(map(id, ends))) == 3
    away.rename(file)
    assert not store.tables[Drawdown]


# A server that goes away.


@pytest.fixture
def own_server():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with postgres() as running:
        yield running


def test_a_server_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MachineError, match=r"cannot be reached .* start the server"):
        SqlStore(f"postgresql://us:secret@/postgres?host={tmp_path}", SOON_S)


def test_a_database_that_is_not_there_is_named(server):
    with pytest.raises(MachineError, match='database "none" does not exist'):
        SqlStore(server.plain().replace("/postgres?", "/none?"), SOON_S)


def test_a_message_shows_no_password(tmp_path):
    with pytest.raises(MachineError) as no:
        SqlStore(f"postgresql://us:secret@/postgres?host={tmp_path}", SOON_S)
    assert "secret" not in str(no.value)
    assert "us:***@" in str(no.value)


def test_a_row_that_another_program_has_locked_is_waited_for_and_then_named(server):
    address = server.address()
    store = SqlStore(address, SOON_S)
    run(store.save(*owned()))
    with psycopg.connect(address) as other:
        other.execute("UPDATE line SET used_fen = 0")
        line = run(store.get(Line, "A1-b01"))
        with pytest.raises(MachineError, match="is locked by another program"):
            run(store.save(line))
        other.rollback()
    run(store.save(line))
    assert line.version == 2
    store.close()


def test_work_goes_on_when_a_server_that_was_stopped_is_up_again(own_server):
    store = SqlStore(own_server.address(), patience_s=5.0)
    run(store.save(*owned()))
    own_server.end()
    threading.Timer(0.3, own_server.start).start()

    line = run(store.get(Line, "A1-b01"))
    run(store.save(line, drawdown("D1")))

    assert line.version == 2
    assert run(store.get(Drawdown, "D1")).version == 1

    own_server.end(signal.SIGKILL)
    impatient = [store.get(Line, "A1-b01"), store.save(drawdown("D2"))]
    store._database.patience_s = SOON_S
    for asked in impatient:
        with pytest.raises(MachineError, match="start the server"):
            run(asked)
    own_server.start()
    run(store.save(drawdown("D2")))
    assert list(store.tables[Drawdown]) == ["D1", "D2"]
    store.close()


class Broken:
    """A driver's connection that breaks at its commit: before it is said, or before its answer."""

    def __init__(self, driver, plan):
        self._driver = driver
        self._plan = plan

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def commit(self):
        plan = self._plan.pop(0) if self._plan else ""
        if plan == "answer lost":
            self._driver.commit()
        if plan:
            if callable(plan):
                plan()
            self._driver.close()
            raise psycopg.OperationalError("the connection was lost")
        self._driver.commit()


@pytest.mark.parametrize(
    "plan", [["answer lost"], ["never said"], ["never said", "answer lost"], ["never said"] * 3]
)
def test_a_commit_without_an_answer_is_found_out_and_never_made_twice(server, monkeypatch, plan):
    store = SqlStore(server.address())
    run(store.save(*owned(), funding()))
    line = run(store.get(Line, "A1-b01"))
    line.reserved_fen = 5_000
    driver, left = Link.driver, list(plan)
    monkeypatch.setattr(Link, "driver", lambda link, until_s: Broken(driver(link, until_s), left))

    run(store.save(line, drawdown(), FundingMove("b01", "b01", reserved_fen=5_000)))

    monkeypatch.undo()
    assert left == []
    assert run(store.get(Line, "A1-b01")) == line
    assert line.version == 2
    assert run(store.get(Funding, "b01")).reserved_fen == 5_000
    store.close()


def test_a_commit_that_is_still_on_its_way_is_waited_for(server, monkeypatch):
    store = SqlStore(server.address())
    run(store.save(*owned(), funding()))
    line = run(store.get(Line, "A1-b01"))
    driver, drop, left = Link.driver, Link.drop, []

    class Late(Broken):
        """The connection breaks, and the server has not noticed: it commits a while later."""

        def commit(self):
            if left:
                return self._driver.commit()
            left.append(threading.Timer(SOON_S, self._driver.commit))
            left[0].start()
            raise psycopg.OperationalError("the connection was lost")

    def forgets(link):
        if len(left) == 1:
            left.append(link._connection)
            link._connection = None
        else:
            drop(link)

    monkeypatch.setattr(Link, "driver", lambda link, until_s: Late(driver(link, until_s), []))
    monkeypatch.setattr(Link, "drop", forgets)
    run(store.save(line, FundingMove("b01", "b01", reserved_fen=5_000)))

    monkeypatch.undo()
    assert line.version == 2
    assert run(store.get(Funding, "b01")).reserved_fen == 5_000
    left[1].close()
    store.close()


def test_what_was_refused_in_a_try_that_came_to_nothing_is_judged_anew(server, monkeypatch):
    address = server.address()
    store, other = SqlStore(address), SqlStore(address)
    run(store.save(funding(quota_fen=10, reserved_fen=8)))
    back = FundingMove("b01", "b01", reserved_fen=-8)
    left = [lambda: (driver(store._writer._link, 0.0).rollback(), run(other.save(back)))]
    driver = Link.driver
    mine = store._writer._link

    def breaks(link, until_s):
        found = driver(link, until_s)
        return Broken(found, left) if link is mine else found

    monkeypatch.setattr(Link, "driver", breaks)
    run(store.save(drawdown("D1"), FundingMove("b01", "b01", reserved_fen=5)))

    monkeypatch.undo()
    assert list(store.tables[Drawdown]) == ["D1"]
    assert run(store.get(Funding, "b01")).reserved_fen == 5
    store.close()
    other.close()


def test_a_commit_that_cannot_be_found_out_is_said_to_be_unknown(own_server, monkeypatch):
    store = SqlStore(own_server.address(), patience_s=SOON_S)
    run(store.save(*owned()))
    driver = Link.driver

    def dies(link, until_s):
        found = driver(link, until_s)
        own_server.end(signal.SIGKILL)
        return Broken(found, ["never said"])

    line = run(store.get(Line, "A1-b01"))
    with monkeypatch.context() as patch:
        patch.setattr(Link, "driver", dies)
        patch.setattr(type(store._database), "holds", lambda *_: True)
        with pytest.raises(MachineError, match="whether the last save was kept is not known"):
            run(store.save(line))
    own_server.start()
    run(store.save(line))
    assert line.version == 2
    store.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT])
def test_what_was_answered_outlives_a_server_that_is_killed(own_server, how):
    store = SqlStore(own_server.address(), patience_s=10.0)
    numbers = count()
    done = threading.Event()
    answered = []

    async def customer_of(mine):
        run_on = await store.get(Line, f"A{mine}-b01")
        while not done.is_set():
            draw = drawdown(f"D{next(numbers)}")
            run_on.used_fen += 1
            # Nobody else saves this line: a Stale would be a save of our own, made twice.
            await store.save(run_on, draw, FundingMove("b01", "b01", used_fen=1))
            answered.append(draw.id)

    async def crowd():
        await store.save(funding(), *owned(1), *owned(2), *owned(3), *owned(4))
        await asyncio.gather(*(customer_of(mine) for mine in range(1, 5)))

    def kill():
        for _ in range(3):
            time.sleep(0.25)
            own_server.end(how)
            own_server.start()
        time.sleep(0.1)
        done.set()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        asyncio.run(crowd())
    finally:
        killer.join()

    tables = store.tables
    assert set(tables[Drawdown]) == set(answered)
    assert len(answered) > 50
    assert sum(line.used_fen for line in tables[Line].values()) == len(answered)
    assert tables[Funding]["b01"].used_fen == len(answered)
    store.close()


def test_without_a_server_on_the_machine_the_reason_names_the_remedy(monkeypatch):
    monkeypatch.setattr(postgres_here, "binaries", lambda: None)
    assert "apt-get install postgresql" in postgres_here.why_not()


def test_a_closed_store_leaves_no_writer_behind(server):
    address = server.address()
    stores = [SqlStore(address) for _ in range(3)]
    with pytest.raises(Stale):
        run(stores[0].save(customer(version=1)))
    for store in stores:
        store.close()
    with psycopg.connect(address) as other:
        assert other.execute("SELECT count(*) FROM writer").fetchone() == (0,)


def test_a_server_that_answers_before_it_writes_is_asked_not_to(server):
    store = SqlStore(server.address() + "%20-csynchronous_commit%3Doff")
    driver = store._writer._link.driver(0.0)
    assert driver.execute("SHOW synchronous_commit").fetchone() == ("on",)
    driver.rollback()
    store.close()


def test_a_file_is_on_the_disk_before_anybody_is_told(store):
    driver = store._writer._link.driver(0.0)
    assert driver.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert driver.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert driver.execute("PRAGMA foreign_keys").fetchone() == (1,)
