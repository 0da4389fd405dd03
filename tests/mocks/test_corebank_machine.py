"""The core by random deeds: customers, the loan book, operators and faults, in any order."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.ports.corebank import AccountAct, AccountClass, Adjustment, Direction, Key
from mocks.corebank.faults import CoreFault, CoreFaultKind
from tests.mocks.test_corebank_model import BINS, START, Play

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"

banks = st.sampled_from(list(BINS))
numbers = st.integers(0, 5)  # of accounts
loans = st.sampled_from(["L0", "L0", "L0", "L1", "L2"])
directions = st.sampled_from(list(Direction))
channels = st.sampled_from(["app", "app", "loan-batch"])
fens = st.sampled_from([1, 7, 500, 20_000, 60_000, 100_000, 150_000, 200_001, 600_000, 1_000_001])
parts = st.lists(st.sampled_from([0, 0, 1, 500, 20_000]), min_size=8, max_size=8).filter(any)
purposes = st.sampled_from(["transfer", "consumption", "cash", "investment"])
acts = st.sampled_from([AccountAct.FREEZE, AccountAct.UNFREEZE, AccountAct.CONFIRM])
places = st.integers(0, 40)  # of keys
faults = st.one_of(
    st.none(),
    st.none(),
    st.builds(
        CoreFault,
        st.sampled_from(
            [
                CoreFaultKind.ACCEPTED_NOT_DONE,
                CoreFaultKind.ACCEPTED_NEVER_DONE,
                CoreFaultKind.ANSWERED_TWICE,
                CoreFaultKind.EOD_REFUSAL,
                CoreFaultKind.DAY_SWITCH,
            ]
        ),
        delay_s=st.sampled_from([0.0, 60.0, 100_000.0]),
    ),
)


class Machine(RuleBasedStateMachine):
    """Deeds of a :class:`Play`, and its checks after each."""

    make: staticmethod

    def __init__(self):
        super().__init__()
        self.play = self.make()

    def known(self, place):
        """One of the keys that were sent."""
        keys = list(self.play.sent)
        return keys[place % len(keys)]

    @initialize()
    def begin(self):
        """Wang has a class II account with money on it, and each bank a loan with a history."""
        self.play.open(1, AccountClass.II)
        self.play.disburse(2, "L0", 1_500_000)
        self.play.disburse(1, "L0", 50_000)
        for bank in BINS:
            self.play.adjust(bank, "L0", Adjustment.ACCRUE_INTEREST, 1_000)
            self.play.adjust(bank, "L0", Adjustment.TO_OVERDUE, 1_000)
            self.play.adjust(bank, "L0", Adjustment.NORMAL_TO_NON_ACCRUAL, 1_000)

    @rule(number=numbers, account_class=st.sampled_from([AccountClass.II, AccountClass.III]))
    def open(self, number, account_class):
        self.play.open(number, account_class)

    @rule(number=numbers, act=acts)
    def act(self, number, act):
        self.play.act(number, act)

    @rule(number=numbers, loan=loans, fen=fens, channel=channels, fault=faults)
    def disburse(self, number, loan, fen, channel, fault):
        self.play.disburse(number, loan, fen, channel, fault)

    @rule(number=numbers, loan=loans, parts=parts, channel=channels, fault=faults)
    def collect(self, number, loan, parts, channel, fault):
        self.play.collect(number, loan, parts, channel, fault)

    @rule(number=numbers, loan=loans, part=st.integers(0, 7), fen=fens, channel=channels)
    def collect_one(self, number, loan, part, fen, channel):
        amounts = [fen if n == part else 0 for n in range(8)]
        self.play.collect(number, loan, amounts, channel)

    @rule(
        bank=banks,
        loan=loans,
        adjustment=st.sampled_from(list(Adjustment)),
        fen=st.sampled_from([1, 500, 20_000]),
        fault=faults,
    )
    def adjust(self, bank, loan, adjustment, fen, fault):
        self.play.adjust(bank, loan, adjustment, fen, fault)

    @rule(number=numbers, direction=directions, fen=fens, fault=faults)
    def move(self, number, direction, fen, fault):
        self.play.move(number, direction, fen, fault)

    @rule(
        number=numbers,
        direction=directions,
        fen=fens,
        other=st.one_of(st.none(), numbers),
        purpose=purposes,
        fee_fen=st.sampled_from([0, 0, 200]),
        fault=faults,
    )
    def transfer(self, number, direction, fen, other, **more):
        self.play.transfer(number, direction, fen, other, **more)

    @rule(number=numbers, fen=fens, for_s=st.sampled_from([None, 60.0, 90_000.0]))
    def reserve(self, number, fen, for_s):
        self.play.reserve(number, fen, for_s)

    @precondition(lambda self: self.play.model.aside or self.play.model.ended)
    @rule(place=places, fen=st.sampled_from([0, 1, 500, 60_000]))
    def resolve(self, place, fen):
        found = sorted({*self.play.model.aside, *self.play.model.ended})
        self.play.resolve(found[place % len(found)], fen)

    @rule(place=places, channel=channels, fault=faults)
    def reverse(self, place, channel, fault):
        self.play.reverse(self.known(place), channel, fault)

    @rule(bank=banks, ahead=st.integers(0, 3))
    def reverse_what_comes_later(self, bank, ahead):
        serial = f"s{len(self.play.sent) + 1 + ahead}"
        self.play.reverse(Key(bank, "app", START, serial))

    @rule(place=places, other=st.booleans())
    def again(self, place, other):
        self.play.again(self.known(place), other)

    @rule(bank=banks, ahead=st.integers(0, 3))
    def fence_what_comes_later(self, bank, ahead):
        self.play.fence(Key(bank, "app", START, f"s{len(self.play.sent) + ahead}"))

    @rule(place=places)
    def fence_what_was_sent(self, place):
        self.play.fence(self.known(place))

    @rule(bank=banks)
    def next_stage(self, bank):
        self.play.next_stage(bank)

    @rule(bank=banks, held=st.sampled_from([True, False, False]))
    def hold(self, bank, held):
        self.play.hold(bank, held)

    @rule(wait_s=st.sampled_from([1.0, 60.0, 40_000.0]))
    def wait(self, wait_s):
        self.play.now_s += wait_s

    @invariant()
    def holds(self):
        self.play.check()

    def teardown(self):
        self.play.check_whole()


@pytest.fixture
def machine(make_person, make_card, make_town, trace):
    def make():
        return Play.of(make_person, make_card, make_town, trace)

    return type("Machine", (Machine,), {"make": staticmethod(make)})


def test_whatever_is_done_the_books_and_the_model_agree(machine):
    quick = settings(max_examples=60, stateful_step_count=30)
    soak = settings(stateful_step_count=60)
    run_state_machine_as_test(
        machine,
        settings=settings(soak if SOAK else quick, suppress_health_check=list(HealthCheck)),
    )
