"""Keys: what makes two requests the same, what uses a key up, and what every answer carries."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from core.errors import InputError
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.ports.corebank import (
    AccountAct,
    AccountClass,
    AccountQuery,
    Adjustment,
    AdjustQuery,
    BankQuery,
    CollectQuery,
    CoreCode,
    Direction,
    DisburseQuery,
    Key,
    MoveQuery,
    OpenQuery,
    Outcome,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    TransferQuery,
)
from mocks.corebank.keys import AMOUNT_MAX_FEN, digest_of
from mocks.corebank.writes import ACTS
from tests.mocks.test_corebank_behaviour import DONE, NEXT, START, Clerk, codes, rejected

KEY = Key("b01", "app", START, "s")
OTHER_KEY = Key("b01", "app", START, "t")
CARD, OTHER_CARD = (CardNumber.make("629001", f"{n:012d}") for n in (1, 2))
NUMBER = IdNumber("32990019870101001" + IdNumber.check_digit("32990019870101001"))
OTHER_NUMBER = IdNumber("32990019870101002" + IdNumber.check_digit("32990019870101002"))

SAMPLES = [
    OpenQuery(KEY, "李明", NUMBER, PhoneNumber("13900001234"), CARD),
    DisburseQuery(KEY, "L1", CARD, 1),
    CollectQuery(KEY, "L1", CARD, 1, 2, 3, 4, 5, 6, 7, 8),
    AdjustQuery(KEY, "L1", Adjustment.TO_OVERDUE, 1),
    MoveQuery(KEY, CARD, Direction.IN, 1),
    TransferQuery(KEY, CARD, Direction.IN, 1, "transfer", 2, None, CARD),
    ReserveQuery(KEY, CARD, 1, 60.0),
    ResolveQuery(KEY, KEY, 1),
    AccountQuery(KEY, CARD, AccountAct.BIND, CARD),
    ReverseQuery(KEY, KEY),
]
# For every type that a field may have, a value that no sample has.
OTHERS = {
    str: "other",
    int: 99,
    float: 61.0,
    CardNumber: OTHER_CARD,
    IdNumber: OTHER_NUMBER,
    PhoneNumber: PhoneNumber("13900009999"),
    Key: OTHER_KEY,
    Adjustment: Adjustment.TO_NORMAL,
    Direction: Direction.OUT,
    AccountAct: AccountAct.CLOSE,
    AccountClass: AccountClass.III,
}


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


# What a request says.


def test_every_write_has_a_sample_and_an_act():
    assert {type(sample) for sample in SAMPLES} == set(ACTS)


@pytest.mark.parametrize(
    ("sample", "name"),
    [(sample, field.name) for sample in SAMPLES for field in fields(sample)],
    ids=lambda given: given if isinstance(given, str) else type(given).__name__,
)
def test_a_digest_covers_everything_but_the_key_and_how_long_it_holds(sample, name):
    if name == "valid_until_s":
        changed = replace(sample, valid_until_s=9.0)
    else:
        changed = replace(sample, **{name: OTHERS[type(getattr(sample, name))]})
    outside = name in ("key", "valid_until_s")

    assert (digest_of(changed) == digest_of(sample)) == outside


def test_no_two_kinds_of_requests_share_a_digest():
    alike = [ReverseQuery(KEY, KEY), ResolveQuery(KEY, KEY, 0), *SAMPLES]

    assert len({digest_of(each) for each in alike}) == len(alike) - 1  # ReverseQuery twice


def test_a_card_left_out_is_not_a_card_called_none():
    without = replace(SAMPLES[5], other=None)

    assert digest_of(without) != digest_of(SAMPLES[5])


@pytest.mark.parametrize(
    "key",
    [
        KEY._replace(serial="a|b"),
        KEY._replace(serial="a\nb"),
        KEY._replace(serial=""),
        KEY._replace(channel="a|b"),
        KEY._replace(channel=""),
        KEY._replace(channel="core"),  # as which the core books its own entries
    ],
)
def test_a_key_that_no_file_could_tell_is_refused_at_the_door(desk, key):
    with pytest.raises(InputError, match="key"):
        desk.pay_out(key=key)
    with pytest.raises(InputError, match="key"):
        desk.pay_out(loan="")
    assert desk.core.entries("b01") == []


# What uses a key up.


def test_what_comes_too_late_is_rejected_for_good(desk):
    key = desk.key()
    desk.now_s = 100.1
    late = desk.pay_out(key=key, until=100.0)

    assert codes(late) == [rejected(CoreCode.EXPIRED)]
    assert not late.retryable
    again = desk.pay_out(key=key, until=500.0)
    assert codes(again) == [rejected(CoreCode.EXPIRED)]
    assert again.replayed
    assert desk.core.entries("b01") == []


def test_what_comes_in_time_is_done_and_a_late_repeat_is_only_told_so(desk):
    key = desk.key()
    desk.now_s = 100.0
    assert codes(desk.pay_out(key=key, until=100.0)) == [DONE]
    desk.now_s = 200.0

    again = desk.pay_out(key=key, until=100.0)
    assert again.replayed
    assert codes(again) == [DONE]


@pytest.mark.parametrize("busy", ["batch", "held"])
def test_not_now_does_not_use_the_key_up(desk, busy):
    key, code = desk.key(), CoreCode.DAY_END if busy == "batch" else CoreCode.HELD
    if busy == "batch":
        desk.to_batch()
    else:
        desk.core.hold_writes("b01", True)
    before = desk.books()
    waits = desk.pay_out(key=key)

    assert codes(waits) == [rejected(code)]
    assert waits.retryable
    assert desk.books() == before
    assert desk.outcome(key).outcome is Outcome.NOT_FOUND
    if busy == "batch":
        desk.core.end_day("b01", NEXT)
    else:
        desk.core.hold_writes("b01", False)
    assert codes(desk.pay_out(key=key)) == [DONE]


def test_a_key_refused_for_now_can_still_be_fenced(desk):
    key = desk.key()
    desk.core.hold_writes("b01", True)
    desk.pay_out(key=key)

    assert desk.outcome(key, fence=True).outcome is Outcome.NOT_FOUND
    desk.core.hold_writes("b01", False)
    assert codes(desk.pay_out(key=key)) == [rejected(CoreCode.FENCED)]


def test_too_late_is_said_before_not_now(desk):
    desk.core.hold_writes("b01", True)
    desk.now_s = 2.0

    assert codes(desk.pay_out(until=1.0)) == [rejected(CoreCode.EXPIRED)]


def test_known_keys_are_answered_while_writes_are_held(desk):
    key = desk.key()
    desk.pay_out(key=key)
    desk.core.hold_writes("b01", True)

    assert desk.pay_out(key=key).replayed
    assert codes(desk.pay_out(key=key, fen=1)) == [rejected(CoreCode.KEY_CONFLICT)]
    assert desk.day().held


def test_an_operators_hold_stops_customers_and_not_the_loan_book(desk):
    desk.pay_out()
    desk.core.hold_writes("b01", True)

    assert (
        codes(
            desk.move(desk.card, Direction.OUT, 1),
            desk.act(desk.card, AccountAct.FREEZE),
            desk.reverse(desk.key("s1")),
            desk.adjust(Adjustment.ACCRUE_INTEREST, 5),
            desk.collect(parts=(0, 0, 5, 0), key=desk.key(channel="loan-batch")),
        )
        == [rejected(CoreCode.HELD)] * 3 + [DONE] * 2
    )


# What every answer carries.


def test_every_refusal_carries_the_accounting_date(desk):
    desk.core.close_day("b01", NEXT)
    key, fenced = desk.key(), desk.key()
    desk.pay_out(key=key)
    desk.outcome(fenced, fence=True)
    desk.now_s = 9.0
    refusals = [
        desk.pay_out(fen=0),
        desk.pay_out("L1"),
        desk.pay_out("L2", key=key),
        desk.pay_out("L2", key=fenced),
        desk.pay_out("L2", until=1.0),
        desk.outcome(desk.key("never")),
        desk.outcome(fenced),
    ]
    desk.to_batch()
    refusals.append(desk.pay_out("L3"))

    assert {answer.accounting_date for answer in refusals} == {NEXT}


BAD = [0, -1, 1.0, 0.5, True, "1", None, AMOUNT_MAX_FEN + 1, float("nan")]


@pytest.mark.parametrize("fen", BAD)
def test_an_amount_is_whole_positive_fen_and_no_fantasy(desk, fen):
    desk.pay_out("L0")
    held = desk.key()
    desk.reserve(key=held)
    before = desk.books()
    parts = (0, 0, 0, fen)
    bad = rejected(CoreCode.BAD_AMOUNT)

    assert (
        codes(
            desk.pay_out(fen=fen),
            desk.collect("L0", parts=parts),
            desk.collect("L0", recovered_fen=fen),
            desk.adjust(Adjustment.ACCRUE_INTEREST, fen, "L0"),
            desk.move(desk.card, Direction.OUT, fen),
            desk.transfer(desk.card, Direction.OUT, fen),
            desk.reserve(fen=fen),
        )
        == [bad] * 7
    )
    if type(fen) is not int or fen:  # 0 releases
        assert codes(desk.resolve(held, fen)) == [bad]
    assert desk.books() == before


def test_parts_that_are_absurd_only_together_are_absurd(desk):
    desk.pay_out("L0")
    half = AMOUNT_MAX_FEN // 2 + 1

    assert codes(desk.collect("L0", parts=(half, half, 0, 0))) == [rejected(CoreCode.BAD_AMOUNT)]


# Reversal and keys.


def test_a_reversal_of_an_unknown_key_fences_it_in_its_own_bank_only(desk):
    own, foreign = desk.key(), desk.key(bank="b02")
    undo = desk.key()

    assert (
        codes(desk.reverse(own), desk.reverse(foreign), desk.reverse(undo, undo))
        == [rejected(CoreCode.NOT_REVERSIBLE)] * 3
    )
    assert codes(desk.pay_out(key=own)) == [rejected(CoreCode.FENCED)]
    opened = desk.open(desk.wang, desk.key(bank="b02")).account
    assert codes(desk.pay_out("L2", opened, key=foreign)) == [DONE]


def test_nothing_is_open_where_everything_is_final(desk):
    desk.pay_out()

    assert desk.ask("open_keys", BankQuery("b01")) == ()


def test_a_serial_is_minted_from_the_key_alone(desk):
    first, second = (
        desk.pay_out("L1"),
        desk.pay_out("L2", key=Key("b01", "b", date(2021, 1, 1), "s")),
    )

    assert first.core_serial != second.core_serial
    assert len(first.core_serial) == len(second.core_serial) == 16
