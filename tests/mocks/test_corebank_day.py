"""The day: four stages, one direction, two dates while one ends, and a day end that resumes."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from core.banks import load_banks
from core.errors import InputError
from core.ports.corebank import (
    AccountAct,
    Adjustment,
    BankQuery,
    CoreCode,
    DayAnswer,
    Direction,
    Outcome,
    Stage,
)
from mocks.corebank.day import STEPS, DayPlan
from tests.mocks.test_corebank_behaviour import DONE, NEXT, START, Clerk, codes, rejected

OUT, IN = Direction.OUT, Direction.IN
THIRD = NEXT + timedelta(days=1)


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


@pytest.fixture
def make_desk(make_person, make_card, make_town, trace):
    return lambda: Clerk.of(make_person, make_card, make_town, trace)


def batch_key(desk):
    return desk.key(channel=desk.core.BATCH_CHANNEL)


# Stages.


def test_a_day_goes_through_its_stages_and_each_may_be_told_again(desk):
    told = [desk.day()]
    for step in (
        lambda: desk.core.cutoff("b01"),
        lambda: desk.core.begin_batch("b01"),
        lambda: desk.core.end_day("b01", NEXT),
    ):
        step()
        told.append(desk.day())
        step()
        assert desk.day() == told[-1]

    assert told == [
        DayAnswer(START, Stage.OPEN, None),
        DayAnswer(START, Stage.CUTOFF, None),
        DayAnswer(START, Stage.BATCH, None),
        DayAnswer(NEXT, Stage.OPEN, START),
    ]
    assert desk.day("b02") == told[0]


def test_a_stage_reached_is_not_gone_back_to(desk):
    desk.to_batch()

    desk.core.cutoff("b01")

    assert desk.day().stage is Stage.BATCH


@pytest.mark.parametrize("stage", ["open", "cutoff"])
def test_a_stage_is_not_left_out(desk, stage):
    if stage == "cutoff":
        desk.core.cutoff("b01")
    else:
        with pytest.raises(InputError, match="cut it off first"):
            desk.core.begin_batch("b01")

    with pytest.raises(InputError, match="begin its batch first"):
        desk.core.end_day("b01", NEXT)
    assert desk.day().accounting_date == START


def test_the_date_never_goes_back(desk):
    desk.core.close_day("b01", NEXT)

    assert desk.core.end_day("b01", START) == NEXT
    assert desk.core.end_day("b01", NEXT) == NEXT
    desk.to_batch()
    with pytest.raises(InputError, match="never goes back"):
        desk.core.end_day("b01", NEXT)
    with pytest.raises(InputError, match="not after"):
        desk.core.cutoff("b02", START)


def test_close_day_goes_on_from_whatever_stage_it_finds(make_desk):
    for begun in ("", "cutoff", "to_batch"):
        desk = make_desk()
        if begun == "cutoff":
            desk.core.cutoff("b01")
        elif begun:
            desk.to_batch()
        assert desk.core.close_day("b01", NEXT) == NEXT


def test_the_date_announced_at_the_cut_off_is_kept_once_something_stands_on_it(desk):
    desk.core.cutoff("b01", THIRD)
    desk.transfer(desk.card, OUT, 1)
    desk.core.begin_batch("b01")

    with pytest.raises(InputError, match="2020-07-03 was announced"):
        desk.core.end_day("b01", NEXT)
    assert desk.core.end_day("b01", THIRD) == THIRD
    assert desk.core.entries("b01")[-1].accounting_date == THIRD


# What is booked when.


def test_after_the_cut_off_customers_are_booked_on_the_next_date(desk):
    desk.core.cutoff("b01")

    answers = desk.pay_out("L1"), desk.transfer(desk.card, OUT, 5), desk.open(desk.wang)

    assert codes(*answers) == [DONE] * 3
    assert {answer.accounting_date for answer in answers} == {NEXT}
    assert desk.day().accounting_date == START


def test_the_loan_book_is_booked_on_the_ending_date_until_its_end_begins(desk):
    desk.pay_out("L1")
    desk.core.cutoff("b01")
    answers = [
        desk.adjust(Adjustment.ACCRUE_INTEREST, 5),
        desk.collect(parts=(0, 0, 1, 0), key=batch_key(desk)),
    ]
    desk.core.begin_batch("b01")
    answers += [
        desk.adjust(Adjustment.ACCRUE_INTEREST, 5),
        desk.adjust(Adjustment.ACCRUE_INTEREST, 5, key=batch_key(desk)),
        desk.collect(parts=(0, 0, 1, 0), key=batch_key(desk)),
        desk.move(desk.open(desk.li, batch_key(desk)).account, IN, 1, key=batch_key(desk)),
    ]

    assert codes(*answers) == [DONE] * 6
    assert {answer.accounting_date for answer in answers} == {START}


def test_in_the_batch_customers_money_waits_and_questions_are_answered(desk):
    held, posted = desk.key(), desk.key()
    desk.reserve(key=held)
    desk.pay_out("L1", key=posted)
    card = desk.open(desk.wang).account
    desk.to_batch()

    waits = [
        desk.open(desk.wang),
        desk.pay_out("L2"),
        desk.collect(parts=(1, 0, 0, 0)),
        desk.move(card, IN, 1),
        desk.transfer(desk.card, OUT, 1),
        desk.reserve(),
        desk.resolve(held),
        desk.reverse(posted),
    ]

    assert codes(*waits) == [rejected(CoreCode.DAY_END)] * 8
    assert all(answer.retryable for answer in waits)
    assert desk.balance(desk.card).balance_fen == 150_000
    assert codes(desk.outcome(posted), desk.pay_out("L1", key=posted)) == [DONE] * 2
    assert codes(desk.act(desk.card, AccountAct.FREEZE)) == [DONE]  # moves no money
    assert codes(desk.pay_out("L2", key=desk.key(bank="b02"))) == [rejected(CoreCode.NO_ACCOUNT)]


def test_after_the_cut_off_only_the_batch_takes_back_what_the_day_has_booked(desk):
    posted, next_day = desk.key(), desk.key()
    desk.pay_out("L1", key=posted)
    desk.core.cutoff("b01")
    desk.pay_out("L2", key=next_day)

    assert codes(desk.reverse(posted), desk.reverse(next_day)) == [
        rejected(CoreCode.NOT_REVERSIBLE),
        DONE,
    ]
    assert codes(desk.reverse(posted, batch_key(desk))) == [DONE]


def test_a_sealed_date_takes_no_entries(desk):
    desk.pay_out("L1")
    desk.core.close_day("b01", NEXT)
    desk.adjust(Adjustment.ACCRUE_INTEREST, 1)
    desk.pay_out("L2")

    sealed = desk.core.seals("b01")[0]
    assert sealed.on == START
    assert {e.accounting_date for e in desk.core.entries("b01")[: sealed.entries]} == {START}
    assert {e.accounting_date for e in desk.core.entries("b01")[sealed.entries :]} == {NEXT}


def test_no_write_slips_into_a_day_that_is_being_sealed(desk):
    desk.pay_out("L1")
    told = []

    def knock(bank, step):
        told.append(desk.adjust(Adjustment.ACCRUE_INTEREST, 5, key=desk.key(step)))
        told.append(desk.collect(parts=(1, 0, 0, 0), key=batch_key(desk)))
        assert desk.day(bank).stage is (Stage.CLOSED if step == "seal" else Stage.BATCH)

    desk.core.after_step = knock
    desk.core.close_day("b01", NEXT)

    assert codes(*told) == [rejected(CoreCode.DAY_END)] * 2 * len(STEPS)
    assert all(answer.retryable for answer in told)
    assert desk.core.verify_chain("b01")


# Entries ahead.


def test_entries_lie_in_the_order_of_their_dates_and_join_the_chain_when_theirs_begins(desk):
    desk.pay_out("L1")
    desk.core.cutoff("b01")
    desk.pay_out("L2")
    desk.core.begin_batch("b01")
    desk.adjust(Adjustment.ACCRUE_INTEREST, 5)

    entries = desk.core.entries("b01")
    assert [entry.accounting_date for entry in entries] == [START, START, START, NEXT]
    ahead = entries[-1].chain
    assert desk.core.verify_chain("b01")
    assert desk.core.totals("b01")["1303.01"] == 100_000

    desk.core.end_day("b01", NEXT)

    assert desk.core.entries("b01") == entries
    assert entries[-1].chain != ahead
    assert desk.core.verify_chain("b01")


def test_the_ending_dates_ledger_knows_nothing_of_what_is_ahead(desk):
    desk.transfer(desk.card, OUT, 1_000)
    desk.core.cutoff("b01")
    desk.transfer(desk.card, OUT, 500)
    desk.core.close_day("b01", NEXT)

    answer = desk.ask("general_ledger", BankQuery("b01", START))
    assert (answer.totals["2011.01"], answer.totals["3001.01"]) == (-99_000, 0)
    assert desk.core.balances("b01")["3001.01"] == -500
    assert desk.core.verify_chain("b01")


def test_the_ending_date_must_leave_what_the_next_has_spent(desk):
    desk.pay_out("L1", fen=100)
    desk.transfer(desk.card, OUT, 99_000)  # 1,100 fen are left
    desk.core.cutoff("b01")
    desk.transfer(desk.card, OUT, 1_000)
    desk.transfer(desk.card, IN, 5_000)  # of the next date: no use to this one
    desk.core.begin_batch("b01")

    assert codes(
        desk.collect(parts=(101, 0, 0, 0), key=batch_key(desk)),
        desk.adjust(Adjustment.ACCRUE_INTEREST, 50),
        desk.collect(parts=(99, 0, 2, 0), key=batch_key(desk)),
        desk.collect(parts=(99, 0, 1, 0), key=batch_key(desk)),
    ) == [rejected(CoreCode.OVER_LOAN), DONE, rejected(CoreCode.NO_FUNDS), DONE]
    desk.core.end_day("b01", NEXT)
    assert desk.core.verify_chain("b01")
    assert desk.balance(desk.card).balance_fen == 5_000


def test_what_the_next_date_repaid_is_not_moved_on_the_ending_one(desk):
    desk.pay_out("L1", fen=100)
    desk.core.cutoff("b01")
    desk.collect(parts=(60, 0, 0, 0))

    assert codes(
        desk.adjust(Adjustment.TO_OVERDUE, 41),
        desk.adjust(Adjustment.TO_OVERDUE, 40),
    ) == [rejected(CoreCode.OVER_LOAN), DONE]


# The end of the day.


def test_a_day_end_that_is_broken_off_goes_on_and_does_no_step_twice(make_desk):
    whole = _closed(make_desk(), None)
    for step in STEPS:
        desk = make_desk()
        broken = _closed(desk, step)
        assert broken == whole, step
        assert desk.core.verify_chain("b01")


def _closed(desk, breaks_after):
    desk.transfer(desk.card, OUT, 1_000)
    desk.reserve(fen=5, expires=10.0)
    done, broken = [], []

    def after(bank, step):
        done.append(step)
        if step == breaks_after and not broken:
            broken.append(step)
            raise RuntimeError(step)

    desk.core.after_step = after
    desk.core.cutoff("b01")
    desk.transfer(desk.card, OUT, 7)
    desk.core.begin_batch("b01")
    if breaks_after:
        with pytest.raises(RuntimeError):
            desk.core.end_day("b01", NEXT)
    if breaks_after:
        with pytest.raises(InputError, match="was announced"):
            desk.core.end_day("b01", THIRD)
    assert desk.core.end_day("b01", NEXT) == NEXT
    assert done == list(STEPS)
    file = desk.ask("reconciliation", BankQuery("b01", START))
    return desk.books(), desk.core.seals("b01"), file, desk.day()


def test_a_book_out_of_balance_keeps_its_day_open(desk):
    desk.pay_out("L1")
    desk.core._union.banks["b01"].book.totals["1303.01"] += 1

    with pytest.raises(AssertionError, match="out of balance"):
        desk.core.close_day("b01", NEXT)
    assert (desk.day().stage, desk.core.seals("b01")) == (Stage.BATCH, [])


def test_totals_that_moved_without_entries_keep_the_day_open(desk):
    desk.pay_out("L1")
    totals = desk.core._union.banks["b01"].book.totals
    totals["1303.01"] += 1
    totals["1303.02"] -= 1

    with pytest.raises(AssertionError, match="did not move as"):
        desk.core.close_day("b01", NEXT)


def test_seals_stand_on_each_other(desk):
    for day in range(1, 4):
        desk.pay_out(f"L{day}")
        desk.core.close_day("b01", START + timedelta(days=day))

    seals, entries = desk.core.seals("b01"), desk.core.entries("b01")
    assert [seal.on for seal in seals] == [START + timedelta(days=n) for n in range(3)]
    assert [seal.chain for seal in seals] == [entries[seal.entries - 1].chain for seal in seals]
    assert all(one.entries <= two.entries for one, two in pairwise(seals))


def test_days_that_are_gone_over_are_sealed_empty(desk):
    desk.pay_out("L1")
    desk.core.close_day("b01", date(2020, 7, 10))
    desk.core.close_day("b01", date(2020, 7, 11))

    assert desk.file(date(2020, 7, 5)).startswith("H|1|b01|2020-07-05|0|0\n")
    assert desk.file(date(2020, 7, 11)) is None


# The plan.


def test_the_banks_days_end_one_after_another():
    plan = DayPlan(tuple(load_banks()))

    assert (plan.cutoff_s(plan.banks[0]), plan.cutoff_s(plan.banks[1])) == (300.0, 420.0)
    for bank in plan.banks:
        assert plan.cutoff_s(bank) + 300.0 == plan.batch_s(bank) < plan.close_s(bank) < 6 * 3600
    moments = plan.moments()
    assert [at_s for at_s, _, _ in moments] == sorted(at_s for at_s, _, _ in moments)
    assert len(moments) == 3 * len(plan.banks)


def test_a_plan_can_be_played(desk):
    stages = {
        Stage.CUTOFF: desk.core.cutoff,
        Stage.BATCH: desk.core.begin_batch,
        Stage.CLOSED: lambda bank: desk.core.end_day(bank, NEXT),
    }
    for _, bank, stage in desk.core.plan().moments():
        stages[stage](bank)

    assert [desk.day(bank).accounting_date for bank in desk.core.banks()] == [NEXT, NEXT]


def test_a_write_before_midnights_end_and_after_it_is_one_write(desk):
    key = desk.key()
    desk.to_batch()
    assert desk.pay_out("L1", key=key).retryable
    desk.core.end_day("b01", NEXT)

    answer = desk.pay_out("L1", key=key)
    assert (answer.outcome, answer.accounting_date) == (Outcome.DONE, NEXT)
    assert desk.pay_out("L1", key=key).replayed
