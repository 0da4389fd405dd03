"""The audit: what is altered behind the core's back is seen, and a copy is a core of its own."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from core.ports.corebank import CoreCode, Direction, Outcome, Posted
from mocks.corebank.audit import first_broken
from mocks.corebank.faults import CoreFault, CoreFaultKind
from tests.mocks.test_corebank_behaviour import (
    DONE,
    NEXT,
    STRANGER,
    Clerk,
    codes,
    rejected,
)


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    """A core that has paid, set aside, committed, accepted and closed a day."""
    desk = Clerk.of(make_person, make_card, make_town, trace)
    desk.pay_out("L1", key=desk.key("paid"))
    desk.reserve(fen=500, key=desk.key("ended"))
    desk.resolve(desk.key("ended"), 300)
    desk.core.close_day("b01", NEXT)
    desk.reserve(fen=400, key=desk.key("held"))
    desk.pay_out("L2", key=desk.key("bad"), fen=0)
    desk.core.faults = [CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE)]
    desk.pay_out("L3", key=desk.key("running"))
    desk.core.faults = []
    return desk


def bank_of(desk):
    return desk.core._union.banks["b01"]


def test_a_core_left_alone_holds(desk):
    assert first_broken(bank_of(desk)) is None
    assert desk.core.verify_chain("b01")


def fate(desk, serial):
    return bank_of(desk).fates[desk.key(serial)]


def reservation(desk, serial):
    return bank_of(desk).reservations[desk.key(serial)]


def ledger(desk):
    return bank_of(desk).deposits[desk.card.text].ledger


# What is altered: (whose, which field, to what), and what the audit says.
ALTERED = {
    "an entry": ((lambda d: fate(d, "paid").entry, "kind", "collect"), "entry 1"),
    "held, and not reserved": ((ledger, "held_fen", 401), "reservations"),
    "reserved, and not held": (
        (lambda d: reservation(d, "held"), "amount_fen", 401),
        "reservations",
    ),
    "committed without an entry": (
        (lambda d: reservation(d, "ended"), "committed_fen", 301),
        "reservations",
    ),
    "more committed than reserved": (
        (lambda d: reservation(d, "ended"), "amount_fen", 299),
        "reservations",
    ),
    "no files": ((bank_of, "files", {}), "general ledger or file of a sealed date"),
    "no ledgers": ((bank_of, "ledgers", {}), "general ledger or file of a sealed date"),
    "done is called rejected": (
        (lambda d: fate(d, "paid"), "posted", Posted(Outcome.REJECTED, CoreCode.NO_FUNDS)),
        "keys",
    ),
    "running is forgotten": ((bank_of, "running", {}), "keys"),
    "an answer is taken back": (
        (lambda d: fate(d, "ended"), "posted", Posted(Outcome.IN_PROGRESS)),
        "keys",
    ),
}


@pytest.mark.parametrize(("change", "found"), ALTERED.values(), ids=list(ALTERED))
def test_what_was_altered_is_named(desk, change, found):
    whose, field, value = change
    setattr(whose(desk), field, value)

    assert first_broken(bank_of(desk)) == found
    assert not desk.core.verify_chain("b01")


def test_more_set_aside_than_there_is_is_seen(desk):
    reservation(desk, "held").amount_fen = ledger(desk).held_fen = 10**9

    assert first_broken(bank_of(desk)) == "reservations"


@pytest.mark.parametrize("serial", ["bad", "held"])
def test_another_keys_entry_is_seen(desk, serial):
    fate(desk, serial).entry = fate(desk, "paid").entry

    assert first_broken(bank_of(desk)) == "keys"


@pytest.mark.parametrize("copied", [deepcopy, lambda core: pickle.loads(pickle.dumps(core))])
def test_a_copy_of_a_core_goes_on_alone(desk, copied):
    before = desk.books()
    other = deepcopy(desk)
    other.core = copied(desk.core)
    other.now_s = 60.0

    assert codes(other.outcome(desk.key("running"))) == [DONE]
    assert codes(other.resolve(desk.key("held"), 400)) == [DONE]
    assert other.core.verify_chain("b01")
    assert desk.books() == before
    assert desk.outcome(desk.key("running")).outcome is Outcome.IN_PROGRESS


def test_the_head_tells_of_every_entry_and_of_those_ahead(desk):
    told = {desk.core.head("b01")}
    desk.transfer(desk.card, Direction.OUT, 1)
    told.add(desk.core.head("b01"))
    desk.core.cutoff("b01")
    told.add(desk.core.head("b01"))
    desk.transfer(desk.card, Direction.OUT, 1)
    told.add(desk.core.head("b01"))

    assert len(told) == 4


def test_a_question_acts_only_when_something_is_due(desk):
    assert [desk.core.due(at_s) for at_s in (0.0, 59.9, 60.0)] == [False, False, True]
    desk.now_s = 60.0
    desk.balance(desk.card)
    assert not desk.core.due(1e9)


def test_a_number_that_is_taken_is_not_given_again(desk):
    key = desk.key("new")
    taken = bank_of(desk).mint(key)
    bank_of(desk).deposits[taken.text] = bank_of(desk).deposits[desk.card.text]

    assert desk.open(desk.wang, key).account not in (None, taken)


def test_no_write_finds_an_account_that_is_not_there(desk):
    assert (
        codes(
            desk.transfer(STRANGER, Direction.OUT, 1),
            desk.move(STRANGER, Direction.OUT, 1),
            desk.collect("L1", STRANGER, parts=(1, 0, 0, 0)),
            desk.pay_out("L9", STRANGER),
        )
        == [rejected(CoreCode.NO_ACCOUNT)] * 4
    )
