"""Many at once: in one store, in two stores on one database, with some who are refused."""

from __future__ import annotations

import asyncio

import pytest

from core.adapters.sql import SqlStore
from core.adapters.sql.shelves import Shelf
from core.errors import Refused, Stale
from core.store.records import Drawdown, Funding, FundingMove, Line
from tests.core.adapters.samples import drawdown, funding, order, owned


@pytest.fixture
def two(address):
    """Two stores on one database, as two processes have them."""
    stores = SqlStore(address), SqlStore(address)
    yield stores
    for store in stores:
        store.close()


async def raise_used(store):
    """Add a fen to the line, however often somebody else is faster; return how often."""
    for lost in range(1_000):
        line = await store.get(Line, "A1-b01")
        line.used_fen += 1
        try:
            await store.save(line)
        except Stale:
            continue
        return lost
    raise AssertionError("never came to its turn")


def test_of_all_who_save_one_version_exactly_one_wins(two):
    async def crowd():
        await two[0].save(*owned())
        return await asyncio.gather(*(raise_used(two[number % 2]) for number in range(50)))

    asyncio.run(crowd())

    line = two[0].tables[Line]["A1-b01"]
    assert (line.used_fen, line.version) == (50, 51)


def test_fifty_copies_of_one_version_make_one_save(two):
    async def crowd():
        await two[0].save(*owned())
        copies = [await two[number % 2].get(Line, "A1-b01") for number in range(50)]
        for number, copy in enumerate(copies):
            copy.used_fen = number
        told = (two[number % 2].save(copy) for number, copy in enumerate(copies))
        return copies, await asyncio.gather(*told, return_exceptions=True)

    copies, ends = asyncio.run(crowd())

    (winner,) = (copy for copy, end in zip(copies, ends, strict=True) if end is None)
    assert sum(isinstance(end, Stale) for end in ends) == 49
    assert two[1].tables[Line]["A1-b01"] == winner
    assert {copy.version for copy in copies if copy is not winner} == {1}


def test_a_quota_is_never_oversold(two):
    async def crowd():
        await two[0].save(funding(quota_fen=1_000, used_fen=7))
        takers = (
            two[number % 2].save(
                drawdown(f"D{number}"), FundingMove("b01", "b01", reserved_fen=9 + number % 3)
            )
            for number in range(200)
        )
        return await asyncio.gather(*takers, return_exceptions=True)

    ends = asyncio.run(crowd())

    tables = two[0].tables
    held = tables[Funding]["b01"]
    taken = [9 + number % 3 for number, end in enumerate(ends) if end is None]
    assert held.reserved_fen == sum(taken) <= 993
    assert held.reserved_fen > 993 - 11, "somebody was sent away though there was room"
    assert {type(end) for end in ends if end is not None} == {Refused}
    assert len(tables[Drawdown]) == len(taken)


def test_one_who_is_refused_spoils_nobody_elses_save(address):
    store = SqlStore(address)

    async def crowd():
        await store.save(*owned(), funding(quota_fen=10))
        *_, broken = owned(2)
        broken.used_fen = broken.limit_fen + 1
        with store._writer._lock:  # so that all of it gathers into one batch
            tasks = [
                asyncio.ensure_future(store.save(*records))
                for records in (
                    [drawdown("D1")],
                    [owned()[2], drawdown("D2")],
                    [*owned(2)[:2], broken],
                    [FundingMove("b01", "b01", reserved_fen=11), drawdown("D3")],
                    [FundingMove("b01", "b01", reserved_fen=9), drawdown("D4")],
                    [order("P1"), order("P2", serial="P1")],
                    [drawdown("D5")],
                )
            ]
            await asyncio.sleep(0.01)
        return await asyncio.gather(*tasks, return_exceptions=True)

    ends = [type(end) for end in asyncio.run(crowd())]

    none, bug = type(None), AssertionError
    assert ends == [none, Stale, bug, Refused, none, bug, none]
    assert list(store.tables[Drawdown]) == ["D1", "D4", "D5"]
    assert store.tables[Funding]["b01"].reserved_fen == 9
    store.close()


def test_what_one_gives_back_lets_nobody_of_the_same_batch_take_more(address):
    store = SqlStore(address)

    async def crowd():
        await store.save(funding(quota_fen=10, reserved_fen=12))
        with store._writer._lock:
            moves = [
                asyncio.ensure_future(store.save(FundingMove("b01", "b01", reserved_fen=fen)))
                for fen in (-3, 2, 1, -1, 1)
            ]
            await asyncio.sleep(0.01)
        return await asyncio.gather(*moves, return_exceptions=True)

    ends = [type(end) for end in asyncio.run(crowd())]

    none = type(None)
    assert ends == [none, Refused, none, none, none]
    assert store.tables[Funding]["b01"].reserved_fen == 10
    store.close()


def test_two_saves_of_one_record_in_one_batch_are_one_after_the_other(address):
    store = SqlStore(address)

    async def crowd():
        await store.save(*owned())
        lines = [await store.get(Line, "A1-b01") for _ in range(3)]
        with store._writer._lock:
            saves = [asyncio.ensure_future(store.save(line)) for line in lines]
            await asyncio.sleep(0.01)
        return await asyncio.gather(*saves, return_exceptions=True)

    assert [type(end) for end in asyncio.run(crowd())] == [type(None), Stale, Stale]
    store.close()


def test_a_move_makes_an_older_copy_of_the_funding_stale(two):
    """Or whoever sets a quota would write an old sum over it."""

    async def crowd():
        await two[0].save(funding())
        mine = await two[0].get(Funding, "b01")
        await two[1].save(FundingMove("b01", "b01", reserved_fen=7))
        mine.quota_fen = 5
        with pytest.raises(Stale):
            await two[0].save(mine)
        return await two[0].get(Funding, "b01")

    held = asyncio.run(crowd())
    assert (held.quota_fen, held.reserved_fen, held.version) == (1_000_000, 7, 2)


def test_a_line_of_no_application_is_a_bug_and_not_kept(address):
    store = SqlStore(address)
    *_, line = owned()
    with pytest.raises(AssertionError, match=r"(?i)foreign key"):
        asyncio.run(store.save(line))
    assert not store.tables[Line]
    store.close()


def test_a_record_is_kept_as_it_was_when_its_save_was_asked_for(address):
    store = SqlStore(address)

    async def hurry():
        *others, line = owned()
        saving = asyncio.ensure_future(store.save(*others, line))
        await asyncio.sleep(0)
        line.used_fen = 9
        await saving
        return line.version, (await store.get(Line, "A1-b01")).used_fen

    assert asyncio.run(hurry()) == (1, 0)
    store.close()


def test_whoever_stops_waiting_for_a_save_stops_nobody_else(address):
    store = SqlStore(address)

    async def crowd():
        with store._writer._lock:
            saves = [asyncio.ensure_future(store.save(drawdown(f"D{n}"))) for n in range(3)]
            await asyncio.sleep(0.01)
            saves[1].cancel()
        return await asyncio.gather(*saves, return_exceptions=True)

    ends = asyncio.run(crowd())

    assert [type(end) for end in ends] == [type(None), asyncio.CancelledError, type(None)]
    assert list(store.tables[Drawdown]) == ["D0", "D1", "D2"]
    store.close()


def test_gets_of_one_moment_are_answered_each_with_a_copy_of_its_own(address):
    store = SqlStore(address)

    async def crowd():
        await store.save(*owned(), drawdown())
        asked = [(Line, "A1-b01"), (Drawdown, "D1"), (Line, "A1-b01"), (Drawdown, "none")]
        return await asyncio.gather(*(store.get(*each) for each in asked))

    first, draw, second, nothing = asyncio.run(crowd())

    assert first == second
    assert first is not second
    assert (draw.id, nothing) == ("D1", None)
    store.close()


def test_everything_is_read_as_it_was_at_one_moment(two, monkeypatch):
    mine, theirs = two
    asyncio.run(mine.save(*owned()))
    read, saved = Shelf.read, []

    def meanwhile(shelf, row):
        if not saved:
            saved.append(drawdown())
            asyncio.run(theirs.save(*saved, *owned(2)))
        return read(shelf, row)

    monkeypatch.setattr(Shelf, "read", meanwhile)
    tables = mine.tables
    assert saved
    assert not tables[Drawdown]
    assert len(tables[Line]) == 1

    assert len(mine.tables[Drawdown]) == 1
