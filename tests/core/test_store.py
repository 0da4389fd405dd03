"""The store in memory: one hands out its records, the other copies, and both find what is due."""

from __future__ import annotations

import asyncio

import pytest

from core.application import Application
from core.identity import IdNumber
from core.store.memory import CopyingStore, MemoryStore
from core.store.records import Customer, Entry, Line


def records():
    number = IdNumber("329910199001011015")
    customer = Customer("C1", "b01", "o1", Entry.SCAN, "", "李样", number, None, "", None, ())
    line = Line("A1", "b01", 5_000_000, "A", None, None)
    return customer, Application("A1", "b01", "b01-easy", "C1"), line


@pytest.mark.parametrize(("store", "kept"), [(MemoryStore, 9), (CopyingStore, 0)])
def test_a_copying_store_keeps_what_was_saved_and_not_what_became_of_it(store, kept):
    memory = store()
    *others, line = records()
    asyncio.run(memory.save(*others, line))
    line.used_fen = 9

    assert asyncio.run(memory.get(Line, "A1")).used_fen == kept


@pytest.mark.parametrize(("store", "kept"), [(MemoryStore, 9), (CopyingStore, 0)])
def test_a_copying_store_hands_out_copies(store, kept):
    memory = store()
    asyncio.run(memory.save(*records()))
    asyncio.run(memory.get(Line, "A1")).used_fen = 9

    assert asyncio.run(memory.get(Line, "A1")).used_fen == kept


def test_a_persons_lines_are_summed_over_every_bank():
    memory, number = MemoryStore(), records()[0].number
    asyncio.run(memory.save(*records()))

    assert asyncio.run(memory.exposure_fen(number)) == 5_000_000
