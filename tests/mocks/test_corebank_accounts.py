"""Accounts of three classes: what may pass, what counts, and what is done to them without money."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.ports.corebank import (
    AccountAct,
    AccountClass,
    CoreCode,
    Direction,
    FiveQuery,
    FiveVerdict,
    LimitsAnswer,
)
from tests.mocks.test_corebank_behaviour import DONE, START, STRANGER, Clerk, codes, rejected

IN, OUT = Direction.IN, Direction.OUT
DAY_FEN, YEAR_FEN = 1_000_000, 20_000_000  # class II, either way (corebank_rules.json)


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


@pytest.fixture
def second(desk):
    """A confirmed class II account of Wang's with 500,000 yuan from a loan."""
    card = desk.open(desk.wang, confirmed=True).account
    desk.pay_out("L0", card, fen=50_000_000)
    return card


@pytest.fixture
def purse(desk):
    """A confirmed class III account of Wang's, empty."""
    return desk.open(desk.wang, account_class=AccountClass.III, confirmed=True).account


# What counts on the limits.


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("purpose", ["transfer", "consumption", "cash"])
def test_unbound_money_counts_in_its_own_direction(desk, second, direction, purpose):
    other = OUT if direction is IN else IN

    assert codes(desk.transfer(second, direction, DAY_FEN, purpose=purpose)) == [DONE]
    assert codes(desk.transfer(second, direction, 1, purpose=purpose)) == [
        rejected(CoreCode.OVER_LIMIT)
    ]
    assert codes(desk.transfer(second, other, 1, purpose=purpose)) == [DONE]


def test_bound_money_investments_and_loans_count_on_nothing(desk, second):
    before = desk.room(second)

    answers = (
        desk.move(second, OUT, 2 * DAY_FEN),
        desk.move(second, IN, 2 * DAY_FEN),
        desk.transfer(second, OUT, 2 * DAY_FEN, purpose="investment"),
        desk.transfer(second, IN, 2 * DAY_FEN, purpose="investment"),
        desk.transfer(second, OUT, 2 * DAY_FEN, other=desk.wang.cards[0].number),  # the bound card
        desk.pay_out("L1", second, fen=2 * DAY_FEN),
        desk.collect("L1", second, parts=(2 * DAY_FEN, 0, 0, 0)),
    )

    assert codes(*answers) == [DONE] * 7
    assert desk.room(second) == before == (DAY_FEN, DAY_FEN)


def test_an_account_opened_online_takes_no_unbound_money_before_staff_saw_the_customer(desk):
    card = desk.open(desk.wang).account
    assert desk.room(card) == (0, DAY_FEN)

    assert (
        codes(
            desk.transfer(card, IN, 100),
            desk.transfer(card, IN, 100, purpose="cash"),
            desk.transfer(card, IN, 100, purpose="investment"),  # a redemption is no unbound money
            desk.move(card, IN, 100),
            desk.act(card, AccountAct.CONFIRM),
            desk.transfer(card, IN, 100),
        )
        == [rejected(CoreCode.NOT_CONFIRMED)] * 2 + [DONE] * 4
    )
    assert desk.room(card) == (DAY_FEN - 100, DAY_FEN)


def test_the_year_is_used_up_in_days(desk, second):
    today = START
    for _ in range(YEAR_FEN // DAY_FEN):
        assert codes(desk.transfer(second, OUT, DAY_FEN)) == [DONE]
        today = desk.core.close_day("b01", today + timedelta(days=1))

    assert codes(desk.transfer(second, OUT, 1)) == [rejected(CoreCode.OVER_LIMIT)]
    assert desk.room(second) == (DAY_FEN, 0)
    desk.core.close_day("b01", date(2021, 1, 1))
    assert codes(desk.transfer(second, OUT, DAY_FEN)) == [DONE]


def test_a_replay_and_a_refusal_count_nothing_more(desk, second):
    key = desk.key()
    desk.transfer(second, OUT, 600_000, key=key)

    again = desk.transfer(second, OUT, 600_000, key=key)
    refused = desk.transfer(second, OUT, 400_001)

    assert again.replayed
    assert codes(refused) == [rejected(CoreCode.OVER_LIMIT)]
    assert desk.room(second) == (DAY_FEN, 400_000)


def test_a_reversal_gives_the_count_back(desk, second):
    key = desk.key()
    desk.transfer(second, OUT, DAY_FEN, key=key)

    assert codes(desk.reverse(key)) == [DONE]
    assert desk.room(second) == (DAY_FEN, DAY_FEN)
    [deposit] = [each for each in desk.core.deposits("b01") if each.card == second]
    assert not any(deposit.counted_fen.values())


def test_what_is_refused_for_want_of_money_does_not_count(desk):
    card = desk.open(desk.wang, confirmed=True).account

    assert codes(desk.transfer(card, OUT, 5)) == [rejected(CoreCode.NO_FUNDS)]
    assert desk.room(card) == (DAY_FEN, DAY_FEN)


def test_class_one_has_no_limits(desk):
    assert desk.room(desk.card) == (None, None)
    assert codes(desk.transfer(desk.card, IN, 30 * DAY_FEN)) == [DONE]
    assert codes(desk.transfer(desk.card, OUT, 30 * DAY_FEN)) == [DONE]


def test_a_transfer_between_two_accounts_of_one_bank_counts_on_both(desk, second):
    third = desk.open(desk.li, confirmed=True).account

    assert codes(desk.transfer(second, OUT, 300, other=third)) == [DONE]
    assert (desk.room(second), desk.room(third)) == (
        (DAY_FEN, DAY_FEN - 300),
        (DAY_FEN - 300, DAY_FEN),
    )
    assert desk.balance(third).balance_fen == 300
    assert codes(desk.transfer(second, OUT, 300, other=second)) == [rejected(CoreCode.NO_ACCOUNT)]


def test_nothing_is_left_to_pass_on_an_account_that_is_not_there(desk, second):
    desk.act(second, AccountAct.FREEZE)

    assert desk.room(second) == (DAY_FEN, 0)
    assert desk.room(STRANGER) == (0, 0)
    desk.core.close_account("b01", second)
    assert desk.room(second) == (0, 0)


# Class III.


def test_a_purse_holds_no_more_than_its_cap_wherever_the_money_comes_from(desk, purse):
    assert codes(
        desk.pay_out("L1", purse, fen=200_001),
        desk.move(purse, IN, 200_001),
        desk.transfer(purse, IN, 200_001),
        desk.pay_out("L1", purse, fen=150_000),
        desk.move(purse, IN, 50_001),
        desk.transfer(purse, IN, 50_000),
    ) == [rejected(CoreCode.OVER_BALANCE_CAP)] * 3 + [
        DONE,
        rejected(CoreCode.OVER_BALANCE_CAP),
        DONE,
    ]
    assert desk.room(purse) == (0, 200_000)


def test_a_purse_repays_its_loan_beside_its_outflow_limit(desk, purse):
    desk.pay_out("L1", purse, fen=200_000)
    desk.transfer(purse, OUT, 200_000)
    desk.move(purse, IN, 200_000)

    assert codes(
        desk.transfer(purse, OUT, 1), desk.collect("L1", purse, parts=(200_000, 0, 0, 0))
    ) == [rejected(CoreCode.OVER_LIMIT), DONE]


def test_a_reversal_fills_no_purse_above_its_cap(desk, purse):
    key = desk.key()
    desk.move(purse, IN, 200_000)
    desk.move(purse, OUT, 200_000, key=key)
    desk.move(purse, IN, 1)

    assert codes(desk.reverse(key)) == [rejected(CoreCode.OVER_BALANCE_CAP)]
    assert desk.balance(purse).balance_fen == 1


def test_a_purses_deposits_stand_on_their_own_code(desk, purse):
    desk.move(purse, IN, 100)

    assert desk.core.balances("b01")[f"2011.03:{purse.text}"] == -100
    assert desk.balance(purse).account_class is AccountClass.III


# How many.


@pytest.mark.parametrize("account_class", [AccountClass.II, AccountClass.III])
def test_five_of_a_class_are_the_most_and_a_closed_one_makes_room(desk, account_class):
    opened = [desk.open(desk.wang, account_class=account_class) for _ in range(6)]
    assert codes(*opened) == [DONE] * 5 + [rejected(CoreCode.TOO_MANY_ACCOUNTS)]

    desk.act(opened[0].account, AccountAct.CLOSE)

    answers = [desk.open(desk.wang, account_class=account_class) for _ in range(2)]
    assert codes(*answers) == [DONE, rejected(CoreCode.TOO_MANY_ACCOUNTS)]


def test_class_one_is_opened_at_the_counter_only(desk):
    answer = desk.open(desk.wang, account_class=AccountClass.I)

    assert codes(answer) == [rejected(CoreCode.NOT_CONFIRMED)]


# Freezing, closing, binding.


def test_a_frozen_account_only_receives(desk, second):
    key = desk.key()
    desk.act(second, AccountAct.FREEZE)
    frozen = rejected(CoreCode.ACCOUNT_FROZEN)

    assert (
        codes(
            desk.move(second, OUT, 1),
            desk.transfer(second, OUT, 1),
            desk.reserve(second, 1),
            desk.collect("L0", second, parts=(1, 0, 0, 0)),
            desk.pay_out("L1", second),
        )
        == [frozen] * 5
    )
    assert codes(desk.move(second, IN, 1, key), desk.transfer(second, IN, 1)) == [DONE] * 2
    assert codes(desk.reverse(key)) == [DONE]  # the bank corrects itself
    answer = desk.balance(second)
    assert (answer.frozen, answer.available_fen, answer.balance_fen) == (True, 0, 50_000_001)
    assert codes(desk.act(second, AccountAct.CLOSE)) == [frozen]
    assert codes(desk.act(second, AccountAct.UNFREEZE), desk.move(second, OUT, 1)) == [DONE] * 2


def test_money_bound_to_a_frozen_card_of_the_house_stays_there(desk):
    card = desk.open(desk.li).account
    desk.act(desk.card, AccountAct.FREEZE)

    assert codes(desk.move(card, IN, 1)) == [rejected(CoreCode.ACCOUNT_FROZEN)]


def test_an_account_is_closed_when_nothing_is_left_and_nothing_leans_on_it(desk):
    card, key = desk.open(desk.wang).account, desk.key()

    def close():
        return codes(desk.act(card, AccountAct.CLOSE))

    desk.pay_out("L1", card, fen=100)
    assert close() == [rejected(CoreCode.BALANCE_LEFT)]
    desk.reserve(card, 100, key)
    assert close() == [rejected(CoreCode.BALANCE_LEFT)]
    desk.resolve(key, 100)
    assert close() == [rejected(CoreCode.LOAN_LEFT)]
    desk.move(card, IN, 100)
    desk.collect("L1", card, parts=(100, 0, 0, 0))
    assert close() == [DONE]
    closed = rejected(CoreCode.ACCOUNT_CLOSED)
    assert close() == [closed]
    assert (
        codes(
            desk.pay_out("L2", card),
            desk.move(card, IN, 1),
            desk.transfer(card, IN, 1),
            desk.reserve(card, 1),
            desk.collect("L1", card, parts=(1, 0, 0, 0)),
            desk.transfer(desk.card, OUT, 1, other=card),
        )
        == [closed] * 6
    )


def test_a_closed_account_takes_no_reversal_either(desk):
    card, key = desk.open(desk.wang).account, desk.key()
    desk.move(card, IN, 5)
    desk.move(card, OUT, 5, key)
    desk.act(card, AccountAct.CLOSE)

    assert codes(desk.reverse(key)) == [rejected(CoreCode.ACCOUNT_CLOSED)]


def test_a_card_to_which_an_account_is_bound_is_not_closed(desk):
    card = desk.open(desk.li).account
    desk.transfer(desk.card, OUT, 100_000)
    close = (desk.card, AccountAct.CLOSE)

    assert codes(desk.act(*close)) == [rejected(CoreCode.STILL_BOUND)]
    assert codes(desk.act(card, AccountAct.UNBIND), desk.act(*close)) == [DONE] * 2


def test_another_card_is_bound_only_if_it_is_a_living_class_one_card_of_the_same_person(
    desk, make_card
):
    card, not_bound = desk.open(desk.wang).account, rejected(CoreCode.NOT_BOUND)
    unbind, bind = (card, AccountAct.UNBIND), (card, AccountAct.BIND)

    assert codes(desk.act(*unbind), desk.act(*unbind), desk.move(card, IN, 1)) == [
        DONE,
        not_bound,
        not_bound,
    ]
    assert (
        codes(
            desk.act(*bind, desk.card),  # Li's
            desk.act(*bind, make_card(99).number),  # nobody's
            desk.act(*bind),
            desk.act(desk.card, AccountAct.BIND, desk.card),  # class I is bound to nothing
        )
        == [not_bound] * 4
    )
    assert codes(desk.act(*bind, desk.wang.cards[0].number), desk.move(card, IN, 1)) == [DONE] * 2


def test_what_is_done_to_an_account_is_done_once_a_key(desk):
    key = desk.key()
    first = desk.act(desk.card, AccountAct.FREEZE, key=key)
    desk.act(desk.card, AccountAct.UNFREEZE)

    assert desk.act(desk.card, AccountAct.FREEZE, key=key).replayed
    assert not desk.balance(desk.card).frozen
    assert first.core_serial
    assert codes(desk.act(STRANGER, AccountAct.FREEZE)) == [rejected(CoreCode.NO_ACCOUNT)]
    assert codes(desk.reverse(key)) == [rejected(CoreCode.NOT_REVERSIBLE)]


def test_a_closed_card_fails_the_five_elements(desk):
    li, card = desk.li, desk.li.cards[0]
    desk.transfer(card.number, OUT, 100_000)
    desk.act(card.number, AccountAct.CLOSE)

    answer = desk.ask("verify_five", FiveQuery(li.name, li.id_number, card.phone, card.number))

    assert answer.verdict is FiveVerdict.CARD_CLOSED


def test_room_is_asked_without_booking_anything(desk, second):
    before = desk.books()

    assert desk.room(desk.card) == (None, None)
    assert LimitsAnswer(*desk.room(second)) == LimitsAnswer(DAY_FEN, DAY_FEN)
    assert desk.books() == before
