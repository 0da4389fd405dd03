"""The platform dies between any two words to its database: a save is kept whole or not at all."""

from __future__ import annotations

import pytest

from core.adapters.sql import SqlStore
from core.adapters.sql.database import Link
from core.store.records import Customer, Drawdown, Funding, FundingMove, Instruction, Line
from tests.core.adapters.samples import drawdown, funding, order, owned

WORDS = ("execute", "executemany", "commit", "rollback")


class Crash(BaseException):
    """The process is gone."""


class Watched:
    """A driver's connection that dies at a word, before it is said."""

    def __init__(self, driver, words):
        self._driver = driver
        self._words = words

    def __getattr__(self, name):
        found = getattr(self._driver, name)
        if name == "cursor":
            return lambda: Watched(found(), self._words)
        if name not in WORDS:
            return found

        def say(*told):
            if not self._words.pop(0):
                raise Crash(name)
            return found(*told)

        return say


def crash_at(monkeypatch, store, word):
    """Have a store's writer die at its so-manieth word."""
    words = [True] * word + [False]
    driver = Link.driver
    monkeypatch.setattr(Link, "driver", lambda link, until_s: Watched(driver(link, until_s), words))


def run(coroutine):
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


def books(address):
    """Return what another process finds."""
    store = SqlStore(address)
    tables = store.tables
    store.close()
    return tables


def test_a_save_is_kept_whole_or_not_at_all_wherever_the_platform_dies(address, monkeypatch):
    died = 0
    for word in range(30):
        place = f"b{word:02}"
        store = SqlStore(address)
        run(store.save(*owned(1, place), funding(place)))
        line = run(store.get(Line, f"A1-{place}"))
        line.reserved_fen = 5_000
        records = (
            line,
            drawdown(f"D{place}", place),
            order(f"P{place}", place),
            FundingMove(place, place, reserved_fen=5_000),
        )
        with monkeypatch.context() as patch:
            crash_at(patch, store, word)
            try:
                run(store.save(*records))
            except Crash:
                died += 1
                kept = False
            else:
                kept = True
        found = books(address)
        store.close()

        assert (f"D{place}" in found[Drawdown]) is kept
        assert (f"P{place}" in found[Instruction]) is kept
        assert found[Line][f"A1-{place}"].reserved_fen == 5_000 * kept
        assert found[Funding][place].reserved_fen == 5_000 * kept
        assert line.version == 1 + kept
        if kept:
            break
    assert died >= 5
    assert kept


def test_what_was_answered_is_there_after_the_platform_died(address):
    store = SqlStore(address)
    run(store.save(*owned()))
    assert "C1-b01" in books(address)[Customer]  # nobody closed the store
    store.close()


def test_a_store_goes_on_after_a_bug_of_its_callers(address):
    store = SqlStore(address)
    *others, broken = owned()
    broken.used_fen = -1
    with pytest.raises(AssertionError, match="line_used"):
        run(store.save(*others, broken))
    assert not store.tables[Customer]

    broken.used_fen = 0
    run(store.save(*others, broken))
    assert list(store.tables[Line]) == ["A1-b01"]
    store.close()
