"""The core bank on disk: what was committed is replayed, what was not never happened."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from core.errors import MachineError, ServerFailed
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.ports.corebank import (
    BalanceQuery,
    BankQuery,
    DisburseQuery,
    Key,
    OpenQuery,
    Outcome,
    OutcomeQuery,
)
from core.ports.trace import Trace
from core.seed import Seed
from mocks.corebank.behaviour import CoreBank
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.corebank.store import DurableCore

START, BANK = date(2020, 7, 1), "daopu"
NOBODY = SimpleNamespace(by_number=lambda number: None, by_card=lambda card: None)
NUMBER, PHONE = IdNumber("329900198701010016"), PhoneNumber("13900001234")
BOUND = CardNumber.make("629900", "000000000001")
TRACE = Trace(BANK, "A1", 1, 1, 300.0, START)


def key(serial):
    return Key(BANK, "mini-loan", START, serial)


class Desk:
    """A durable core, and one customer who opens an account and borrows."""

    def __init__(self, path, *faults):
        core = CoreBank(NOBODY, {BANK: "629001"}, START, faults)

        def draws(operation, trace):
            named = (trace.bank, trace.application, trace.call, trace.attempt)
            return Seed(7).draws(f"corebank.{operation}", *named)

        self.durable, self.core = DurableCore(core, f"sqlite:///{path}", draws), core

    def ask(self, operation, query, now_s=10.0):
        return self.durable.ask(operation, TRACE, query, now_s)

    def open(self):
        return self.ask("open_account", OpenQuery(key("O1"), "李明", NUMBER, PHONE, BOUND)).account

    def lend(self, serial, card, amount_fen=5_000, now_s=10.0):
        return self.ask(
            "disburse", DisburseQuery(key(serial), f"L{serial}", card, amount_fen), now_s
        )

    def seen(self):
        """All that an auditor reads."""
        core = self.core
        told = [(entry.key, entry.legs, entry.chain) for entry in core.entries(BANK)]
        return told, core.balances(BANK), core.totals(BANK), core.seals(BANK), core.head(BANK)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "core.db"


def test_what_was_committed_is_there_again(path):
    first = Desk(path)
    card = first.open()
    paid = first.lend("P1", card)
    first.durable.stage("cutoff", BANK)
    first.lend("P2", card)
    first.durable.stage("begin_batch", BANK)
    first.durable.stage("end_day", BANK, START + timedelta(days=1))
    first.durable.commit()
    second = Desk(path)

    assert second.seen() == first.seen()
    assert second.ask("outcome", OutcomeQuery(key("P1"), fence=False)) == paid
    assert second.core.verify_chain(BANK)


def test_what_was_not_committed_never_happened_and_is_done_once_when_it_comes_again(path):
    first = Desk(path)
    card = first.open()
    first.durable.commit()
    first.lend("P1", card)
    second = Desk(path)

    assert second.ask("outcome", OutcomeQuery(key("P1"), fence=False)).outcome is Outcome.NOT_FOUND
    assert second.lend("P1", card).outcome is Outcome.DONE
    assert len(second.core.entries(BANK)) == 1


def test_a_fence_outlives_the_process(path):
    first = Desk(path)
    card = first.open()
    first.ask("outcome", OutcomeQuery(key("P1"), fence=True))
    first.durable.commit()
    second = Desk(path)

    assert second.lend("P1", card).outcome is Outcome.REJECTED


def test_what_was_accepted_is_done_after_the_restart_by_whoever_asks(path):
    slow = CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE, operation="disburse", delay_s=60.0)
    first = Desk(path, slow)
    card = first.open()
    assert first.lend("P1", card).outcome is Outcome.IN_PROGRESS
    first.durable.commit()
    second = Desk(path, slow)

    assert second.ask("balance", BalanceQuery(card), now_s=30.0).balance_fen == 0
    assert second.ask("balance", BalanceQuery(card), now_s=90.0).balance_fen == 5_000
    second.durable.commit()
    assert Desk(path, slow).seen() == second.seen()


def test_a_fault_that_was_seen_before_is_replayed_too(path):
    down = CoreFault(CoreFaultKind.QUERY_DOWN)
    first = Desk(path, down)
    with pytest.raises(ServerFailed):
        first.ask("outcome", OutcomeQuery(key("P1"), fence=True))
    first.durable.commit()

    assert Desk(path, down).seen() == first.seen()


def test_questions_leave_no_trace_on_disk(path):
    desk = Desk(path)
    card = desk.open()
    desk.durable.commit()
    desk.ask("balance", BalanceQuery(card))
    desk.ask("day", BankQuery(BANK))
    desk.ask("outcome", OutcomeQuery(key("P9"), fence=False))

    assert desk.durable._pending == []


def test_a_log_that_somebody_changed_is_refused(path):
    first = Desk(path)
    first.lend("P1", first.open())
    first.durable.close()
    with sqlite3.connect(path) as log:
        log.execute("UPDATE corebank_log SET told = replace(told, '5000', '5001')")
    log.close()

    with pytest.raises(MachineError, match="command 2 ended otherwise"):
        Desk(path)


def test_a_log_of_another_form_is_refused(path):
    Desk(path).durable.close()
    with sqlite3.connect(path) as log:
        log.execute("UPDATE corebank_about SET form = 99")
    log.close()

    with pytest.raises(MachineError, match="form 99"):
        Desk(path)


def test_what_is_no_database_is_told_so(path):
    path.write_bytes(b"no database at all, but long enough to be read as a header" * 20)

    with pytest.raises(MachineError, match="cannot be read"):
        Desk(path)


def test_a_disk_that_is_full_is_told_so_and_nothing_half_done_is_replayed(path):
    first = Desk(path)
    card = first.open()
    first.durable.commit()
    before = first.seen()
    with first.durable._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    for number in range(200):
        first.lend(f"P{number}", card)

    with pytest.raises(MachineError, match="cannot be written"):
        first.durable.commit()
    assert Desk(path).seen() == before
