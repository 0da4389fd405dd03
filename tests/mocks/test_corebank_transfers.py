"""Transfers: fees, the payment network, and the province's platform between two banks' books."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import InputError
from core.ports.corebank import AccountAct, CoreCode, Direction, Leg
from tests.mocks.test_corebank_behaviour import (
    DONE,
    NEXT,
    STRANGER,
    Clerk,
    codes,
    rejected,
)

IN, OUT = Direction.IN, Direction.OUT


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    li = make_person("li", cards=(make_card(1, balance_fen=100_000),))
    wang = make_person(
        "wang",
        name="王芳",
        birth=date(1990, 2, 3),
        cards=(make_card(2, "b02", bin_="629002", balance_fen=70_000),),
    )
    return Clerk(make_town(li, wang), trace)


@pytest.fixture
def there(desk):
    return desk.wang.cards[0].number


def entries(desk, bank="b01"):
    return [(e.kind, e.legs) for e in desk.core.entries(bank) if e.kind != "opening"]


def test_a_fee_is_taken_on_top_and_is_income(desk):
    answer = desk.transfer(desk.card, OUT, 10_000, fee_fen=200)

    assert codes(answer) == [DONE]
    assert entries(desk) == [
        (
            "transfer_out",
            (
                Leg(f"2011.01:{desk.card.text}", 10_200),
                Leg("3001.01", -10_000),
                Leg("6021", -200),
            ),
        )
    ]
    assert codes(desk.transfer(desk.card, OUT, 89_700, fee_fen=101)) == [
        rejected(CoreCode.NO_FUNDS)
    ]


@pytest.mark.parametrize("fee", [-1, 1.0, True, 0.0, False])
def test_a_fee_is_whole_fen(desk, fee):
    before = desk.books()

    assert codes(desk.transfer(desk.card, OUT, 100, fee_fen=fee)) == [rejected(CoreCode.BAD_AMOUNT)]
    assert desk.books() == before


def test_money_that_comes_in_bears_no_fee(desk):
    assert codes(desk.transfer(desk.card, IN, 100, fee_fen=1)) == [rejected(CoreCode.BAD_AMOUNT)]


def test_a_purpose_that_nobody_knows_is_an_error_of_the_caller(desk):
    with pytest.raises(InputError, match="did you mean 'transfer'"):
        desk.transfer(desk.card, OUT, 100, purpose="tranfer")


def test_a_card_outside_the_union_is_reached_through_the_payment_network(desk, make_card):
    desk.transfer(desk.card, OUT, 100, other=make_card(5, bin_="629900").number)

    assert desk.core.balances("b01")["3001.01"] == -100


def test_between_two_banks_each_books_its_half_against_the_platform(desk, there):
    desk.transfer(desk.card, OUT, 10_000, other=there, fee_fen=50)
    desk.transfer(desk.card, IN, 3_000, other=there)

    here, platform = f"2011.01:{desk.card.text}", "3001.02"
    assert entries(desk) == [
        ("transfer_out", (Leg(here, 10_050), Leg(platform, -10_000), Leg("6021", -50))),
        ("transfer_in", (Leg(platform, 3_000), Leg(here, -3_000))),
    ]
    assert entries(desk, "b02") == [
        ("transfer_in", (Leg(platform, 10_000), Leg(f"2011.01:{there.text}", -10_000))),
        ("transfer_out", (Leg(f"2011.01:{there.text}", 3_000), Leg(platform, -3_000))),
    ]
    assert desk.balance(there, "b02").balance_fen == 77_000
    assert {e.key.bank for e in desk.core.entries("b02")} == {"b02"}


def test_the_platform_is_zero_when_both_banks_have_settled(desk, there):
    desk.transfer(desk.card, OUT, 10_000, other=there)

    for bank in ("b01", "b02"):
        desk.core.close_day(bank, NEXT)

    assert [desk.core.balances(bank)["3001.02"] for bank in ("b01", "b02")] == [0, 0]
    settled = [desk.core.entries(bank)[-1] for bank in ("b01", "b02")]
    assert [(e.kind, e.key.serial) for e in settled] == [("settle", "settle/3001.02")] * 2
    assert sum(leg.amount_fen for e in settled for leg in e.legs if leg.account == "1003") == 0
    assert desk.core.verify_chain("b01")
    assert desk.core.verify_chain("b02")


@pytest.mark.parametrize(
    ("fen", "act", "code"),
    [
        (100_001, None, CoreCode.NO_FUNDS),  # here
        (100, AccountAct.CLOSE, CoreCode.ACCOUNT_CLOSED),  # there
    ],
)
def test_neither_half_is_booked_without_the_other(desk, there, fen, act, code):
    if act:
        desk.core.close_account("b02", there)
    before = desk.books("b01"), desk.books("b02")

    assert codes(desk.transfer(desk.card, OUT, fen, other=there)) == [rejected(code)]
    assert (desk.books("b01"), desk.books("b02")) == before


def test_the_other_end_has_its_limits_too(desk, there):
    second = desk.open(desk.wang, bank="b02").account

    assert codes(desk.transfer(desk.card, OUT, 100, other=second)) == [
        rejected(CoreCode.NOT_CONFIRMED)
    ]
    desk.act(second, AccountAct.CONFIRM, key=desk.key(bank="b02"))
    assert codes(desk.transfer(desk.card, OUT, 100, other=second)) == [DONE]
    assert desk.room(second, "b02") == (999_900, 1_000_000)
    assert codes(desk.transfer(desk.card, IN, 101, other=second)) == [rejected(CoreCode.NO_FUNDS)]


def test_an_account_nobody_has_is_no_other_end(desk):
    assert codes(desk.transfer(desk.card, OUT, 1, other=STRANGER)) == [
        rejected(CoreCode.NO_ACCOUNT)
    ]


def test_a_reversal_undoes_both_halves_once(desk, there):
    desk.transfer(desk.card, OUT, 1, other=there)
    before = desk.core.balances("b01"), desk.core.balances("b02")
    key = desk.key()
    desk.transfer(desk.card, OUT, 10_000, key=key, other=there, fee_fen=5)

    undone = desk.reverse(key)

    assert codes(undone, desk.reverse(key)) == [DONE, rejected(CoreCode.NOT_REVERSIBLE)]
    after = desk.core.balances("b01"), desk.core.balances("b02")
    assert [{n: f for n, f in b.items() if f} for b in after] == [*before]
    there_last = desk.core.entries("b02")[-1]
    assert desk.core.original_of("b02", there_last.core_serial)


def test_what_the_other_end_has_spent_cannot_be_taken_back(desk, there):
    key = desk.key()
    desk.transfer(desk.card, OUT, 10_000, key=key, other=there)
    desk.ask_there = desk.transfer(there, OUT, 80_000, key=desk.key(bank="b02"))

    assert codes(desk.ask_there, desk.reverse(key)) == [DONE, rejected(CoreCode.NO_FUNDS)]


def test_while_the_other_bank_closes_its_day_a_transfer_must_come_again(desk, there):
    key, undo = desk.key(), desk.key()
    desk.transfer(desk.card, OUT, 10_000, key=key, other=there)
    desk.to_batch("b02")

    waits = desk.transfer(desk.card, OUT, 1, other=there, key=desk.key("again"))
    undone = desk.reverse(key, undo)
    assert codes(waits, undone) == [rejected(CoreCode.DAY_END)] * 2
    assert waits.retryable
    assert undone.retryable

    desk.core.end_day("b02", NEXT)
    sent = desk.transfer(desk.card, OUT, 1, other=there, key=desk.key("again"))
    assert codes(sent, desk.reverse(key, undo)) == [DONE, rejected(CoreCode.NOT_REVERSIBLE)]


def test_each_half_is_booked_on_its_own_banks_date(desk, there):
    desk.core.close_day("b02", NEXT)

    answer = desk.transfer(desk.card, OUT, 10, other=there)

    assert answer.accounting_date < NEXT
    assert desk.core.entries("b02")[-1].accounting_date == NEXT
