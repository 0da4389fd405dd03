"""What the core hands out in writing: reconciliation files, general ledgers, statements."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

import pytest

from core.ports.corebank import (
    Adjustment,
    BankQuery,
    Direction,
    Outcome,
    StatementAnswer,
    StatementQuery,
)
from mocks.corebank.chart import CHART
from tests.mocks.test_corebank_behaviour import NEXT, START, STRANGER, Clerk

OUT, IN = Direction.OUT, Direction.IN
THIRD = NEXT + timedelta(days=1)


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


def lines(content):
    return [line.split("|") for line in content.splitlines() if line[0] == "D"]


# Reconciliation.


def test_a_file_tells_every_transaction_of_a_channels_key_byte_by_byte(desk):
    paid, moved = desk.key("P1"), desk.key("T1")
    card = desk.open(desk.li).account
    one = desk.pay_out("L1", fen=500, key=paid)
    two = desk.move(card, OUT, 0, key=desk.key("refused"))
    three = desk.move(card, IN, 70, key=moved)
    desk.core.close_day("b01", NEXT)

    body = (
        "H|1|b01|2020-07-01|2|570\n"
        f"D|app|2020-07-01|P1|{one.core_serial}|disburse|L1|500\n"
        f"D|app|2020-07-01|T1|{three.core_serial}|move_in|{card.text}|70\n"
    )
    assert two.outcome is Outcome.REJECTED
    assert desk.file(START) == f"{body}T|2|570|{sha256(body.encode()).hexdigest()}\n"


def test_a_file_is_there_when_its_date_is_sealed_and_not_before(desk):
    assert desk.file(START) is None
    assert desk.file() is None
    desk.to_batch()
    assert desk.file(START) is None

    desk.core.end_day("b01", NEXT)

    assert desk.file(START) == desk.file()
    assert desk.file(NEXT) is None
    assert desk.file(START, "b02") is None
    assert desk.file(date(2019, 1, 1)) is None


def test_every_transaction_is_in_exactly_one_file(desk):
    serials = []
    for day in range(1, 4):
        serials.append(desk.pay_out(f"L{day}").core_serial)
        desk.core.cutoff("b01")
        serials.append(desk.transfer(desk.card, OUT, 10).core_serial)  # for the next date's file
        serials.append(desk.adjust(Adjustment.ACCRUE_INTEREST, 5, f"L{day}").core_serial)
        desk.core.close_day("b01", START + timedelta(days=day))
    desk.core.close_day("b01", START + timedelta(days=4))

    files = [desk.file(START + timedelta(days=day)) for day in range(4)]
    told = [line[4] for content in files for line in lines(content)]
    assert sorted(told) == sorted(serials)
    assert [len(lines(content)) for content in files] == [2, 3, 3, 1]


def test_a_files_total_is_what_the_ledger_debited_for_its_channels(desk):
    desk.pay_out("L1", fen=700)
    desk.adjust(Adjustment.ACCRUE_INTEREST, 30)
    desk.adjust(Adjustment.REVERSE_INTEREST, 20)  # debits 20 on the balance sheet, 20 in the memo
    desk.adjust(Adjustment.MEMO_INTEREST, 4)  # debits the memo books only
    desk.collect(parts=(100, 0, 10, 0), memo_interest_fen=24)
    desk.core.close_day("b01", NEXT)

    assert [line[-1] for line in lines(desk.file())] == ["700", "30", "20", "4", "134"]
    assert desk.file().splitlines()[0] == "H|1|b01|2020-07-01|5|888"


def test_a_reversal_is_told_under_what_it_undid(desk):
    card, moved = desk.open(desk.li).account, desk.key()
    desk.move(card, IN, 70, key=moved)
    desk.reverse(moved, desk.key("undo"))
    desk.core.close_day("b01", NEXT)

    assert lines(desk.file())[-1][3::2] == ["undo", "reverse", "70"]
    assert lines(desk.file())[-1][6] == card.text


def test_the_cores_own_entries_are_nobodys_transaction(desk):
    desk.transfer(desk.card, OUT, 10)
    desk.core.close_day("b01", NEXT)

    assert [entry.kind for entry in desk.core.entries("b01")] == [
        "opening",
        "transfer_out",
        "settle",
    ]
    assert [line[5] for line in lines(desk.file())] == ["transfer_out"]


@pytest.mark.parametrize("what", ["file", "ledger"])
def test_the_audit_sees_a_file_or_a_ledger_that_was_altered(desk, what):
    desk.pay_out()
    desk.core.close_day("b01", NEXT)
    assert desk.core.verify_chain("b01")
    bank = desk.core._union.banks["b01"]

    if what == "file":
        bank.files[START] = bank.files[START].replace("50000", "50001")
    else:
        bank.ledgers[START]["1003"] += 1

    assert not desk.core.verify_chain("b01")


# The general ledger.


def test_the_general_ledger_of_a_date_stands_for_ever(desk):
    desk.pay_out("L1", fen=700)
    desk.core.close_day("b01", NEXT)
    desk.pay_out("L2", fen=1_000)

    first = desk.ask("general_ledger", BankQuery("b01", START))
    assert set(first.totals) == set(CHART)
    assert {code: fen for code, fen in first.totals.items() if fen} == {
        "1003": 100_000,
        "2011.01": -100_700,
        "1303.01": 700,
    }
    assert desk.ask("general_ledger", BankQuery("b01")) == first
    first.totals.clear()  # the asker's own copy
    assert desk.ask("general_ledger", BankQuery("b01", START)).totals
    assert desk.ask("general_ledger", BankQuery("b01", NEXT)).totals == {}
    assert desk.ask("general_ledger", BankQuery("b02")).totals == {}


# Statements.


def statement(desk, account, since=START, until=THIRD, bank="b01"):
    return desk.ask("statement", StatementQuery(account, since, until), bank)


def test_a_statement_tells_each_line_with_the_balance_after_it(desk):
    desk.pay_out("L1", fen=700)
    desk.core.close_day("b01", NEXT)
    desk.transfer(desk.card, OUT, 300, fee_fen=5)
    desk.collect(parts=(10, 0, 0, 0))

    whole = statement(desk, desk.card)
    assert whole.opening_fen == 100_000
    assert [(e.accounting_date, e.kind, e.amount_fen, e.balance_fen) for e in whole.lines] == [
        (START, "disburse", 700, 100_700),
        (NEXT, "transfer_out", -305, 100_395),
        (NEXT, "collect", -10, 100_385),
    ]
    assert whole.closing_fen == 100_385 == desk.balance(desk.card).balance_fen
    serials = [entry.core_serial for entry in desk.core.entries("b01")]
    assert all(line.core_serial in serials for line in whole.lines)


def test_a_statement_of_some_days_opens_with_what_was_before(desk):
    desk.pay_out("L1", fen=700)
    desk.core.close_day("b01", NEXT)
    desk.transfer(desk.card, OUT, 300)
    desk.core.close_day("b01", THIRD)
    desk.transfer(desk.card, IN, 1)

    middle = statement(desk, desk.card, NEXT, NEXT)
    assert (middle.opening_fen, len(middle.lines), middle.closing_fen) == (100_700, 1, 100_400)
    assert statement(desk, desk.card, THIRD, NEXT) == StatementAnswer(100_400, (), 100_400)


def test_lines_lie_by_accounting_date_though_booked_otherwise(desk):
    desk.pay_out("L1", fen=700)
    desk.core.cutoff("b01")
    desk.transfer(desk.card, OUT, 300)
    desk.core.begin_batch("b01")
    desk.collect(parts=(10, 0, 0, 0), key=desk.key(channel="loan-batch"))

    told = [(line.accounting_date, line.balance_fen) for line in statement(desk, desk.card).lines]
    assert told == [(START, 100_700), (START, 100_690), (NEXT, 100_390)]


def test_both_accounts_of_a_move_have_its_line(desk):
    card = desk.open(desk.li).account
    desk.move(card, IN, 70)

    assert [line.amount_fen for line in statement(desk, card).lines] == [70]
    assert [line.amount_fen for line in statement(desk, desk.card).lines] == [-70]


def test_a_reversal_is_a_line_of_its_own(desk):
    paid = desk.key()
    desk.pay_out(key=paid)
    desk.reverse(paid)

    told = [(line.kind, line.amount_fen) for line in statement(desk, desk.card).lines]
    assert told == [("disburse", 50_000), ("reverse", -50_000)]


def test_an_account_nothing_was_booked_on_opens_as_it_closes(desk):
    assert statement(desk, desk.card) == StatementAnswer(100_000, (), 100_000)
    assert statement(desk, STRANGER) == StatementAnswer(0, (), 0)
    assert desk.core.entries("b01") == []
