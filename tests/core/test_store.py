"""What every store promises, whichever it is: memory, memory that copies, SQLite, PostgreSQL."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.adapters.sql import SqlStore
from core.application import Application, Reason
from core.errors import Refused, Stale
from core.store.memory import CopyingStore, MemoryStore
from core.store.records import (
    Account,
    Customer,
    Drawdown,
    DrawState,
    Funding,
    FundingMove,
    Instruction,
    Line,
)
from tests.core.adapters.samples import (
    DAY,
    NUMBERS,
    application,
    customer,
    drawdown,
    funding,
    line,
    loan,
    order,
    owned,
    posted,
)

IN_MEMORY = {"memory": MemoryStore, "copying": CopyingStore}


@pytest.fixture(params=["memory", "copying", "sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store of every kind."""
    if request.param in IN_MEMORY:
        yield IN_MEMORY[request.param]()
        return
    sqlite = request.param == "sqlite"
    server = None if sqlite else request.getfixturevalue("server")
    opened = SqlStore(f"sqlite:///{tmp_path}/books.db" if sqlite else server.address())
    yield opened
    opened.close()


@pytest.fixture(params=["at once", "in a loop"])
def do(request):
    """Run a store's coroutine as the instant host does, or in an event loop."""
    if request.param == "in a loop":
        return asyncio.run

    def at_once(coroutine):
        with pytest.raises(StopIteration) as end:
            coroutine.send(None)
        return end.value.value

    return at_once


def saved(store, do, *records):
    """Save records; return copies of them as they are then."""
    do(store.save(*records))
    return deepcopy(records)


def test_what_was_saved_is_found(store, do):
    do(store.save(*owned()))

    found = do(store.get(Line, "A1-b01"))

    assert found == line(version=1)
    assert do(store.get(Line, "A2-b01")) is None
    assert do(store.get(Customer, "A1-b01")) is None


def test_a_save_counts_up_the_versions_of_what_it_kept(store, do):
    records = owned()
    do(store.save(*records))
    do(store.save(records[2]))
    assert [record.version for record in records] == [1, 1, 2]
    assert do(store.get(Line, "A1-b01")).version == 2


def test_a_record_that_was_saved_meanwhile_is_stale(store, do):
    *_, mine = saved(store, do, *owned())
    do(store.save(replace(mine, used_fen=5)))

    with pytest.raises(Stale, match="Line A1-b01 was saved meanwhile"):
        do(store.save(replace(mine, used_fen=9)))

    assert do(store.get(Line, "A1-b01")).used_fen == 5
    assert mine.version == 1


@pytest.mark.parametrize("version", [0, 2, 7])
def test_a_record_of_a_version_that_nobody_read_is_stale(store, do, version):
    do(store.save(*owned()))
    with pytest.raises(Stale):
        do(store.save(line(version=version)))


def test_a_record_that_was_never_saved_has_no_later_version(store, do):
    with pytest.raises(Stale):
        do(store.save(customer(version=3)))
    assert do(store.get(Customer, "C1-b01")) is None


def test_of_two_who_make_the_same_instruction_one_was_first(store, do):
    do(store.save(order("P1"), drawdown("D1")))
    with pytest.raises(Stale):
        do(store.save(order("P1"), drawdown("D2")))
    assert do(store.get(Drawdown, "D2")) is None


def test_of_a_save_everything_is_kept_or_nothing(store, do):
    *_, mine = saved(store, do, *owned())
    do(store.save(replace(mine, used_fen=5)))
    draw = drawdown()

    with pytest.raises(Stale):
        do(store.save(draw, customer(2), replace(mine, used_fen=9)))

    assert do(store.get(Drawdown, "D1")) is None
    assert do(store.get(Customer, "C2-b01")) is None
    assert draw.version == 0


def test_a_fact_is_kept_as_it_was_told_first_and_refuses_nobody(store, do):
    first = Account("6290010000000000", "b01", "C1", opened=True, bound="X")
    do(store.save(first))
    do(store.save(replace(first, bound="Y", version=0)))
    do(store.save(do(store.get(Account, first.id))))

    assert do(store.get(Account, first.id)).bound == "X"
    assert do(store.get(Account, first.id)).version == 1


def test_a_fact_that_says_it_was_read_must_have_been_there(store, do):
    with pytest.raises(Stale):
        do(store.save(Account("6290010000000000", "b01", "C1", opened=True, bound="", version=1)))


def test_a_list_has_one_banks_records_in_the_order_of_their_ids(store, do):
    ids = ["a", "B", "Z", "b", "10", "9", "é", "A"]
    for name in ids:
        do(store.save(drawdown(name)))
    do(store.save(drawdown("other", "b02")))

    assert [draw.id for draw in do(store.all(Drawdown, "b01"))] == sorted(ids)
    assert do(store.all(Drawdown, "b03")) == []


def test_a_persons_lines_are_summed_over_every_bank(store, do):
    do(store.save(*owned(1, "b01")))
    do(store.save(*owned(1, "b02")))
    do(store.save(*owned(2, "b02")))

    assert do(store.exposure_fen(NUMBERS[1])) == 200_000
    assert do(store.exposure_fen(NUMBERS[2])) == 100_000
    assert do(store.exposure_fen(NUMBERS[3])) == 0


def test_an_instruction_is_unsettled_until_its_answer_is_known(store, do):
    do(store.save(order("P2"), order("P1"), order("P3", "b02")))
    assert [each.id for each in do(store.unsettled("b01"))] == ["P1", "P2"]

    first = do(store.get(Instruction, "P1"))
    first.answer = posted()
    do(store.save(first))

    assert [each.id for each in do(store.unsettled("b01"))] == ["P2"]
    assert do(store.posted_on("b01", DAY)) == [first]
    assert do(store.posted_on("b01", DAY + timedelta(1))) == []
    assert do(store.posted_on("b02", DAY)) == []


def test_a_reservation_lapses_when_its_time_is_over(store, do):
    do(store.save(drawdown("D1"), drawdown("D2", expires_s=9.0), drawdown("D3", "b02")))
    assert [draw.id for draw in do(store.lapsed("b01", 1_799.9))] == ["D2"]
    assert [draw.id for draw in do(store.lapsed("b01", 1_800.0))] == ["D1", "D2"]

    gone = do(store.get(Drawdown, "D2"))
    gone.state = DrawState.EXPIRED
    do(store.save(gone))

    assert [draw.id for draw in do(store.lapsed("b01", 1e9))] == ["D1"]


def test_a_loan_is_due_on_its_next_day_end(store, do):
    mine = loan()
    due = mine.next_day_end()
    do(store.save(mine, loan("L0"), loan("L9", "b02")))

    assert do(store.loans_due("b01", due - timedelta(1))) == []
    assert [each.id for each in do(store.loans_due("b01", due))] == ["L0", "L1"]
    assert do(store.loans_due("b01", date(2100, 1, 1)))[1] == mine


def test_a_move_is_added_to_the_funding_of_a_bank_that_has_one(store, do):
    do(store.save(FundingMove("b01", "b01", reserved_fen=7)))
    do(store.save(funding()))
    do(store.save(FundingMove("b01", "b01", reserved_fen=600_000)))
    do(store.save(FundingMove("b01", "b01", reserved_fen=-600_000, used_fen=600_000)))

    held = do(store.get(Funding, "b01"))
    assert (held.quota_fen, held.reserved_fen, held.used_fen) == (1_000_000, 0, 600_000)
    assert do(store.get(Funding, "b02")) is None


def test_what_a_quota_does_not_hold_is_refused_with_all_that_came_with_it(store, do):
    do(store.save(funding(used_fen=600_000)))

    with pytest.raises(Refused) as no:
        do(store.save(drawdown(), FundingMove("b01", "b01", reserved_fen=400_001)))
    do(store.save(FundingMove("b01", "b01", reserved_fen=400_000)))

    assert no.value.reason is Reason.FUNDING_FULL
    assert do(store.get(Drawdown, "D1")) is None
    assert do(store.get(Funding, "b01")).reserved_fen == 400_000


def test_a_quota_below_what_is_lent_stops_new_money_only(store, do):
    do(store.save(funding(quota_fen=10, reserved_fen=500, used_fen=500)))
    do(store.save(FundingMove("b01", "b01", reserved_fen=-500, used_fen=500)))
    do(store.save(FundingMove("b01", "b01", used_fen=-100)))
    with pytest.raises(Refused):
        do(store.save(FundingMove("b01", "b01", reserved_fen=1)))


def test_no_more_is_given_back_than_was_reserved(store, do):
    do(store.save(funding(reserved_fen=5)))
    with pytest.raises(AssertionError):
        do(store.save(FundingMove("b01", "b01", reserved_fen=-6)))


def test_everything_can_be_read_by_type_and_id(store, do):
    do(store.save(*owned()))
    assert list(store.tables[Application].values()) == [application(version=1)]
    assert list(store.tables[Line]) == ["A1-b01"]
    assert not store.tables[Drawdown]


def test_all_but_the_plain_memory_keep_and_hand_out_copies(store, do):
    plain = type(store) is MemoryStore
    *others, mine = owned()
    do(store.save(*others, mine))

    mine.used_fen = 9
    assert do(store.get(Line, "A1-b01")).used_fen == 9 * plain

    do(store.get(Line, "A1-b01")).reserved_fen = 9
    assert do(store.get(Line, "A1-b01")).reserved_fen == 9 * plain
