"""The core's own faults: accepted and not done, refused though open, late and wrong files."""

from __future__ import annotations

from hashlib import sha256

import pytest

from core.errors import InputError, ServerFailed
from core.flow.bank_file import read_file
from core.ports.corebank import (
    AccountAct,
    BankQuery,
    CoreCode,
    Direction,
    Outcome,
    Stage,
)
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.corebank.reservations import Ended
from tests.mocks.test_corebank_behaviour import DONE, NEXT, START, Clerk, codes, rejected

OUT, IN = Direction.OUT, Direction.IN
IN_PROGRESS = (Outcome.IN_PROGRESS, CoreCode.OK)
K = CoreFaultKind


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


def open_keys(desk, bank="b01"):
    return desk.ask("open_keys", BankQuery(bank))


# Accepted, and not done.


def test_what_is_accepted_is_done_when_its_time_has_passed_and_somebody_asks(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, "disburse", nth=1, delay_s=60.0)]
    key = desk.key()

    assert codes(desk.pay_out(key=key)) == [IN_PROGRESS]
    assert open_keys(desk) == (key,)
    assert desk.core.entries("b01") == []
    desk.now_s = 59.9
    assert codes(desk.outcome(key), desk.pay_out(key=key)) == [IN_PROGRESS] * 2
    desk.now_s = 60.0
    assert desk.balance(desk.card).balance_fen == 150_000  # any question will do
    assert codes(desk.outcome(key)) == [DONE]
    assert desk.pay_out(key=key).replayed
    assert open_keys(desk) == ()
    assert [entry.kind for entry in desk.core.entries("b01")] == ["opening", "disburse"]


def test_a_running_key_is_no_free_key(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, nth=1)]
    key = desk.key()
    desk.pay_out(key=key)

    assert codes(desk.pay_out(key=key, fen=1)) == [rejected(CoreCode.KEY_CONFLICT)]
    assert codes(desk.outcome(key, fence=True)) == [IN_PROGRESS]  # never "not found"
    assert codes(desk.reverse(key)) == [rejected(CoreCode.NOT_REVERSIBLE)]
    desk.now_s = 60.0
    assert codes(desk.outcome(key, fence=True)) == [DONE]  # the fence has not stopped it


def test_what_is_accepted_may_still_be_rejected_in_the_end(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, nth=1)]
    key = desk.key()
    desk.transfer(desk.card, OUT, 100_000, key=key)
    desk.transfer(desk.card, OUT, 1)
    desk.now_s = 60.0

    assert codes(desk.outcome(key)) == [rejected(CoreCode.NO_FUNDS)]


def test_accepted_writes_are_done_in_the_order_of_their_times(desk):
    desk.core.faults = [
        CoreFault(K.ACCEPTED_NOT_DONE, nth=1, delay_s=60.0),
        CoreFault(K.ACCEPTED_NOT_DONE, nth=2, delay_s=30.0),
    ]
    slow, fast = desk.key(), desk.key()
    desk.transfer(desk.card, OUT, 70_000, key=slow)
    desk.transfer(desk.card, OUT, 60_000, key=fast)
    desk.now_s = 100.0

    assert codes(desk.outcome(slow), desk.outcome(fast)) == [rejected(CoreCode.NO_FUNDS), DONE]


@pytest.mark.parametrize("begun", ["open", "cutoff"])
def test_nothing_accepted_survives_its_date(desk, begun):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, "disburse", delay_s=1e6)]
    key = desk.key()
    if begun == "cutoff":
        desk.core.cutoff("b01")
    desk.pay_out(key=key)

    desk.core.close_day("b01", NEXT)

    assert codes(desk.outcome(key)) == [DONE]
    assert desk.outcome(key).accounting_date == (START if begun == "open" else NEXT)
    assert desk.core.verify_chain("b01")


def test_what_is_never_done_is_dropped_at_the_cut_off(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NEVER_DONE, nth=1)]
    key = desk.key()
    desk.pay_out(key=key)
    desk.now_s = 1e6
    assert codes(desk.outcome(key)) == [IN_PROGRESS]

    desk.core.cutoff("b01")

    assert codes(desk.outcome(key), desk.pay_out(key=key)) == [rejected(CoreCode.DROPPED)] * 2
    assert not desk.outcome(key).retryable
    assert desk.core.entries("b01") == []


def test_a_reservation_that_was_accepted_late_has_its_own_end(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, "reserve", nth=1, delay_s=10.0)]
    desk.reserve(expires=100.0)
    desk.core.cutoff("b01")  # done now, before its ten seconds are over
    desk.now_s = 10.0
    assert desk.balance(desk.card).reserved_fen == 10_000
    desk.now_s = 100.0

    assert desk.balance(desk.card).reserved_fen == 0
    assert [each.state for each in desk.core.reservations("b01")] == [Ended.TIMED_OUT]


def test_any_write_may_be_accepted_late(desk):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE)]
    opened, frozen = desk.key(), desk.key()
    assert codes(desk.open(desk.wang, opened)) == [IN_PROGRESS]
    assert codes(desk.act(desk.card, AccountAct.FREEZE, key=frozen)) == [IN_PROGRESS]
    desk.now_s = 60.0

    assert desk.outcome(opened).account is not None
    assert desk.balance(desk.card).frozen


def test_a_transfer_to_a_bank_that_is_closing_when_its_time_comes_is_dropped(desk):
    there = desk.open(desk.wang, bank="b02", confirmed=True).account
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE, "transfer")]
    key = desk.key()
    desk.transfer(desk.card, OUT, 100, key=key, other=there)
    desk.to_batch("b02")
    desk.now_s = 60.0

    assert codes(desk.outcome(key)) == [rejected(CoreCode.DROPPED)]
    assert desk.balance(desk.card).balance_fen == 100_000


# Others on writes.


def test_a_request_answered_twice_has_one_effect_and_one_answer(desk):
    key = desk.key()
    desk.core.faults = [CoreFault(K.ANSWERED_TWICE)]

    answer = desk.pay_out(key=key)

    assert codes(answer) == [DONE]
    assert not answer.replayed
    assert answer == desk.outcome(key)
    assert len(desk.core.entries("b01")) == 2
    desk.core.hold_writes("b01", True)
    assert desk.pay_out("L2").retryable


def test_a_refusal_as_if_the_day_were_ending_uses_no_key_up(desk):
    desk.core.faults = [CoreFault(K.EOD_REFUSAL, nth=1)]
    key = desk.key()

    first = desk.pay_out(key=key)
    assert (codes(first), first.retryable) == ([rejected(CoreCode.DAY_END)], True)
    assert desk.day().stage is Stage.OPEN
    assert codes(desk.pay_out(key=key)) == [DONE]


def test_the_day_may_turn_between_a_request_and_its_posting(desk):
    desk.core.faults = [CoreFault(K.DAY_SWITCH, serial="s2")]
    before, after = desk.pay_out("L1"), desk.pay_out("L2")

    assert [before.accounting_date, after.accounting_date] == [START, NEXT]
    assert desk.day().stage is Stage.CUTOFF


def test_a_planned_fault_hits_no_key_that_is_known(desk):
    key = desk.key()
    desk.pay_out(key=key)
    desk.core.faults = [CoreFault(K.EOD_REFUSAL), CoreFault(K.ACCEPTED_NOT_DONE)]

    assert desk.pay_out(key=key).replayed


@pytest.mark.parametrize("busy", ["batch", "late"])
def test_what_may_not_be_taken_is_not_accepted_either(desk, busy):
    desk.core.faults = [CoreFault(K.ACCEPTED_NOT_DONE)]
    if busy == "batch":
        desk.to_batch()
    desk.now_s = 5.0

    answer = desk.pay_out(until=1.0 if busy == "late" else None)

    assert answer.outcome is Outcome.REJECTED
    assert answer.retryable == (busy == "batch")
    assert open_keys(desk) == ()


# Whom a fault hits.


@pytest.mark.parametrize(
    ("plan", "hit"),
    [
        ({}, [True, True, True]),
        ({"operation": "disburse"}, [True, True, True]),
        ({"operation": "move"}, [False, False, False]),
        ({"bank": "b02"}, [False, False, False]),
        ({"application": "a1"}, [True, True, True]),
        ({"application": "a2"}, [False, False, False]),
        ({"serial": "s2"}, [False, True, False]),
        ({"nth": 3}, [False, False, True]),
        ({"from_s": 10.0, "until_s": 20.0}, [False, True, False]),
        ({"share": 0.0}, [False, False, False]),
    ],
)
def test_a_fault_hits_what_it_is_planned_for(desk, fixed, plan, hit):
    desk.core.faults = [CoreFault(K.EOD_REFUSAL, **plan)]
    told = []
    for number in range(3):
        desk.now_s = 10.0 * number
        told.append(desk.pay_out(f"L{number}", draws=fixed(0.5)).retryable)

    assert told == hit


@pytest.mark.parametrize(("draw", "hit"), [(0.1, True), (0.29, True), (0.31, False)])
def test_a_share_is_drawn(desk, fixed, draw, hit):
    desk.core.faults = [CoreFault(K.EOD_REFUSAL, share=0.3)]

    assert desk.pay_out(draws=fixed(draw)).retryable == hit


@pytest.mark.parametrize("wrong", [{"share": 1.1}, {"delay_s": -1.0}, {"nth": -1}])
def test_a_fault_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match="fault"):
        CoreFault(K.EOD_REFUSAL, **wrong)


def test_faults_may_be_planned_when_the_core_is_made(make_person, make_card, make_town, trace):
    faults = [CoreFault(K.EOD_REFUSAL)]
    desk = Clerk.of(make_person, make_card, make_town, trace, faults)

    assert desk.pay_out().retryable
    desk.core.faults.clear()
    assert codes(desk.pay_out()) == [DONE]


# Questions and files.


def test_asking_after_a_key_may_be_out_of_order_while_writes_are_taken(desk):
    desk.core.faults = [CoreFault(K.QUERY_DOWN, until_s=100.0)]
    key = desk.key()
    assert codes(desk.pay_out(key=key)) == [DONE]

    with pytest.raises(ServerFailed, match="query service"):
        desk.outcome(key)
    with pytest.raises(ServerFailed):
        desk.outcome(desk.key("never"), fence=True)
    desk.now_s = 100.0
    assert codes(desk.outcome(key)) == [DONE]
    assert desk.outcome(desk.key("never")).code is CoreCode.OK  # it was not fenced


def closed(desk, *faults):
    desk.pay_out("L1", fen=500)
    desk.pay_out("L2", fen=70)
    desk.core.close_day("b01", NEXT)
    whole = desk.file(START)
    desk.core.faults = list(faults)
    return whole


def test_a_file_may_be_late(desk):
    whole = closed(desk, CoreFault(K.FILE_LATE, serial="2020-07-01", until_s=100.0))

    assert desk.file(START) is None
    desk.now_s = 100.0
    assert desk.file(START) == whole


@pytest.mark.parametrize(
    ("kind", "count", "total", "lines"),
    [
        (K.FILE_SHORT, "2", "570", 1),
        (K.FILE_LONG, "2", "570", 3),
        (K.FILE_WRONG_TOTAL, "2", "571", 2),
    ],
)
def test_a_wrong_file_contradicts_itself_once(desk, kind, count, total, lines):
    whole = closed(desk, CoreFault(kind, nth=1))

    content = desk.file(START)

    head, *told, tail = content.splitlines(keepends=True)
    assert head == f"H|1|b01|2020-07-01|{count}|{total}\n"
    digest = sha256("".join([head, *told]).encode()).hexdigest()
    assert tail == f"T|{count}|{total}|{digest}\n"
    assert len(told) == lines
    with pytest.raises(InputError, match="tells"):
        read_file(content, "b01", START)
    assert desk.file(START) == whole
    assert len(read_file(whole, "b01", START)) == 2


def test_a_wrong_file_leaves_the_books_alone(desk):
    closed(desk, CoreFault(K.FILE_SHORT))
    desk.file(START)

    assert desk.core.verify_chain("b01")
