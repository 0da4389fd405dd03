"""Two phases: what is set aside is not available, ends once, and gives its count back."""

from __future__ import annotations

import pytest

from core.ports.corebank import AccountAct, CoreCode, Direction, Leg, Outcome
from mocks.corebank.reservations import Ended
from tests.mocks.test_corebank_behaviour import DONE, NEXT, STRANGER, Clerk, codes, rejected

OUT, IN = Direction.OUT, Direction.IN


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


@pytest.fixture
def second(desk):
    card = desk.open(desk.wang).account
    desk.pay_out("L0", card, fen=5_000_000)
    return card


def states(desk):
    return [(each.state, each.committed_fen) for each in desk.core.reservations("b01")]


def test_what_is_set_aside_stands_there_and_is_not_available(desk):
    answer = desk.reserve(fen=60_000)

    assert codes(answer) == [DONE]
    assert answer.core_serial
    told = desk.balance(desk.card)
    assert (told.balance_fen, told.reserved_fen, told.available_fen) == (100_000, 60_000, 40_000)
    assert [entry.kind for entry in desk.core.entries("b01")] == ["opening"]
    assert desk.core.pending("b01") == {f"2011.01:{desk.card.text}": 60_000, "3001.01": -60_000}
    assert desk.core.verify_chain("b01")


def test_nothing_takes_what_is_set_aside(desk):
    desk.pay_out("L0", fen=1)
    desk.reserve(fen=60_000)
    short = rejected(CoreCode.NO_FUNDS)

    assert codes(
        desk.reserve(fen=40_002),
        desk.transfer(desk.card, OUT, 40_002),
        desk.collect("L0", parts=(40_002, 0, 0, 0)),
        desk.transfer(desk.card, OUT, 40_001),
    ) == [short, short, rejected(CoreCode.NO_FUNDS), DONE]


def test_a_part_is_committed_and_the_rest_falls_back(desk):
    held = desk.key()
    desk.reserve(fen=60_000, key=held)

    assert codes(desk.resolve(held, 45_000)) == [DONE]

    assert desk.core.entries("b01")[-1].legs == (
        Leg(f"2011.01:{desk.card.text}", 45_000),
        Leg("3001.01", -45_000),
    )
    assert desk.balance(desk.card).available_fen == 55_000
    assert states(desk) == [(Ended.COMMITTED, 45_000)]
    assert desk.core.pending("b01") == {}
    assert desk.core.verify_chain("b01")


def test_a_release_books_nothing(desk):
    held = desk.key()
    desk.reserve(fen=60_000, key=held)
    before = desk.books()

    assert codes(desk.resolve(held)) == [DONE]
    assert desk.books() == before
    assert desk.balance(desk.card).available_fen == 100_000
    assert states(desk) == [(Ended.RELEASED, 0)]


@pytest.mark.parametrize("first", [0, 10_000])
def test_a_reservation_ends_once(desk, first):
    held = desk.key()
    desk.reserve(key=held)
    desk.resolve(held, first)

    assert (
        codes(desk.resolve(held, 1), desk.resolve(held))
        == [rejected(CoreCode.RESERVATION_ENDED)] * 2
    )
    assert len(states(desk)) == 1


def test_no_more_is_committed_than_was_set_aside_and_it_lives_on(desk):
    held = desk.key()
    desk.reserve(fen=10_000, key=held)

    assert codes(desk.resolve(held, 10_001), desk.resolve(held, 10_000)) == [
        rejected(CoreCode.OVER_RESERVED),
        DONE,
    ]


def test_what_was_never_set_aside_cannot_be_resolved(desk):
    paid = desk.key()
    desk.pay_out(key=paid)

    assert (
        codes(desk.resolve(desk.key("never")), desk.resolve(paid))
        == [rejected(CoreCode.NO_RESERVATION)] * 2
    )


def test_repeats_of_both_phases_have_one_effect(desk):
    held, end = desk.key(), desk.key()
    first, again = (desk.reserve(fen=10_000, key=held) for _ in range(2))
    ended, ended_again = (desk.resolve(held, 4_000, key=end) for _ in range(2))

    assert [first.replayed, again.replayed, ended.replayed, ended_again.replayed] == [
        False,
        True,
        False,
        True,
    ]
    assert desk.balance(desk.card).available_fen == 96_000


# Time.


def test_a_reservation_falls_back_by_itself_when_its_time_is_over(desk):
    held = desk.key()
    desk.reserve(fen=60_000, key=held, expires=100.0)
    desk.now_s = 99.9
    assert desk.balance(desk.card).reserved_fen == 60_000

    desk.now_s = 100.0

    assert codes(desk.transfer(desk.card, OUT, 100_000)) == [DONE]
    assert states(desk) == [(Ended.TIMED_OUT, 0)]
    assert codes(desk.resolve(held, 1)) == [rejected(CoreCode.RESERVATION_ENDED)]


def test_one_that_was_resolved_in_time_does_not_fall_back_again(desk):
    held = desk.key()
    desk.reserve(fen=60_000, key=held, expires=100.0)
    desk.resolve(held, 60_000)
    desk.now_s = 200.0

    assert desk.balance(desk.card).balance_fen == 40_000
    assert states(desk) == [(Ended.COMMITTED, 60_000)]


def test_one_whose_time_is_over_before_it_begins_is_refused(desk):
    desk.now_s = 5.0

    assert codes(desk.reserve(expires=5.0)) == [rejected(CoreCode.EXPIRED)]


def test_the_day_end_lets_fall_back_what_was_to_end_with_the_day(desk):
    today, tomorrow, open_end = (desk.key() for _ in range(3))
    desk.reserve(fen=1, key=today, expires=86_400.0)
    desk.reserve(fen=10, key=tomorrow, expires=86_401.0)
    desk.reserve(fen=100, key=open_end)

    desk.core.close_day("b01", NEXT)

    assert [state for state, _ in states(desk)] == [Ended.TIMED_OUT, Ended.LIVE, Ended.LIVE]
    assert desk.balance(desk.card).reserved_fen == 110


# Limits, freezes, reversals.


def test_a_reservation_counts_at_once_and_gives_back_what_does_not_leave(desk, second):
    held, freed = desk.key(), desk.key()
    desk.reserve(second, 900_000, key=held)
    assert desk.room(second)[1] == 100_000
    assert (
        codes(desk.reserve(second, 100_001), desk.transfer(second, OUT, 100_001))
        == [rejected(CoreCode.OVER_LIMIT)] * 2
    )

    desk.resolve(held, 300_000)
    assert desk.room(second)[1] == 700_000
    desk.reserve(second, 700_000, key=freed)
    desk.resolve(freed)
    assert desk.room(second)[1] == 700_000


def test_the_count_of_yesterdays_reservation_is_given_back_to_yesterday(desk, second):
    held = desk.key()
    desk.reserve(second, 900_000, key=held)
    desk.core.close_day("b01", NEXT)
    assert desk.room(second)[1] == 1_000_000

    desk.resolve(held, 1)

    assert desk.room(second)[1] == 1_000_000
    [deposit] = [each for each in desk.core.deposits("b01") if each.card == second]
    assert sorted(deposit.counted_fen.values()) == [1, 1]  # yesterday, and this year


def test_a_freeze_does_not_stop_what_was_set_aside_before(desk):
    held = desk.key()
    desk.reserve(key=held)
    desk.act(desk.card, AccountAct.FREEZE)

    assert codes(desk.resolve(held, 10_000)) == [DONE]


def test_a_commit_is_reversed_as_any_entry_and_the_reservation_does_not_rise_again(desk, second):
    held, end = desk.key(), desk.key()
    desk.reserve(second, 10_000, key=held)
    desk.resolve(held, 10_000, key=end)

    assert codes(desk.reverse(end), desk.reverse(held)) == [
        DONE,
        rejected(CoreCode.NOT_REVERSIBLE),
    ]
    told = desk.balance(second)
    assert (told.balance_fen, told.reserved_fen) == (5_000_000, 0)
    assert desk.room(second)[1] == 1_000_000
    assert codes(desk.resolve(held, 1)) == [rejected(CoreCode.RESERVATION_ENDED)]


def test_nothing_is_set_aside_where_there_is_no_account(desk):
    assert codes(desk.reserve(STRANGER)) == [rejected(CoreCode.NO_ACCOUNT)]
    assert desk.outcome(desk.key("s1")).outcome is Outcome.REJECTED


def test_what_came_in_after_the_cut_off_is_committed_on_the_next_date(desk):
    desk.core.cutoff("b01")
    desk.transfer(desk.card, IN, 50_000)
    held = desk.key()
    desk.reserve(fen=150_000, key=held)
    desk.core.begin_batch("b01")

    answer = desk.resolve(held, 150_000, key=desk.key(channel="loan-batch"))

    assert (answer.outcome, answer.accounting_date) == (Outcome.DONE, NEXT)
    desk.core.end_day("b01", NEXT)
    assert desk.core.verify_chain("b01")
