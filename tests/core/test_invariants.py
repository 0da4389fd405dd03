"""The invariants as a set: silent over books that are right, and none without a way to break it."""

from __future__ import annotations

from importlib import import_module

import pytest

from core.application import Application
from core.errors import GaveUp
from core.flow import calls
from core.flow.authorise import withdraw
from core.invariants import INVARIANTS, Violation
from core.lending.book import Loan
from core.store.records import (
    Account,
    AuditEvent,
    Customer,
    Drawdown,
    Funding,
    Instruction,
    Repayment,
)
from mocks.line import Fault, FaultKind, Phase
from scenarios.hosts.instant import InstantHost
from scenarios.stories.stage import BANK, Stage
from tests.core.invariants_life import BREAKS, CAREFUL, Judged, Life, a_world, lived

FILES = ("conduct", "ledger", "payouts", "lines", "loans")


@pytest.fixture
def life():
    return Life()


def test_the_life_has_something_of_everything(life):
    kinds = {entry.kind for bank in (BANK, CAREFUL) for entry in life.book(bank).all_entries()}
    parts = {part for paid in life.all(Repayment) for part in paid.parts}

    assert {"disburse", "collect", "accrue_interest", "to_overdue", "accrue_penalty"} <= kinds
    assert {"move_in", "move_out", "opening", "settle", "provide", "release", "write_off"} <= kinds
    assert {"reverse_interest", "memo_interest", "memo_penalty", "restore_interest"} <= kinds
    assert {"transfer_in", "transfer_out", "commit", "reverse"} <= kinds
    assert {"penalty", "overdue_interest", "overdue_principal", "early_principal"} <= parts
    assert {"due_interest", "due_principal", "early_interest", "recovered"} <= parts
    assert {loan.state.value for loan in life.all(Loan)} == {
        *("live", "overdue", "settled", "written_off", "reversed")
    }
    assert {draw.state.value for draw in life.all(Drawdown)} == {
        *("done", "reserved", "cancelled", "expired", "reversed")
    }
    assert {account.opened for account in life.all(Account)} == {True, False}
    assert life.tables[Funding][BANK].used_fen
    assert {event.kind for event in life.all(AuditEvent)} == {"written_off"}


def test_books_that_are_right_break_nothing(life):
    assert life.check() == []


@pytest.mark.parametrize("name", INVARIANTS)
def test_an_invariant_alone_is_silent_over_them_too(life, name):
    assert life.check(name) == []


def test_every_invariant_is_seen_to_fail():
    for name in FILES:
        import_module(f"tests.core.test_invariants_{name}")
    seen = {broken.name for broken in BREAKS.values()} | {"INV-NO-TIPPING-OFF"}

    assert seen == set(INVARIANTS)


def test_every_invariant_is_the_first_to_report_something():
    for name in FILES:
        import_module(f"tests.core.test_invariants_{name}")
    first = {broken.name for broken in BREAKS.values() if not broken.causes}

    # These say what others have said before them: of a balance that is out, and of its account.
    assert set(INVARIANTS) - first == {
        "INV-HISTORY",
        "INV-TRIAL-BALANCE",
        "INV-GENERAL-LEDGER",
        "INV-DAYS-IN-ORDER",
        "INV-NO-OVERDRAFT",
        "INV-MONEY-CONSERVED",
        "INV-NO-TIPPING-OFF",
    }


def test_judged_strictly_the_sources_own_policy_lets_unscreened_customers_through(life):
    assert life.names(strict=True) == ["INV-KYC-BEFORE-CREDIT", "INV-SANCTION-BEFORE-MONEY"]
    let_through = {str(violation).split()[1] for violation in life.check(strict=True)}
    careful = life.tables[Application][life.apps["careful"]]
    assert let_through.isdisjoint({careful.id, *careful.drawdowns})


def test_only_the_named_invariants_are_checked(life):
    life.first(Application).state = "signed"
    life.first(Drawdown).rate_ppm += 1

    assert {each.invariant for each in life.check("INV-STATE-MOVES")} == {"INV-STATE-MOVES"}
    assert life.names() == ["INV-STATE-MOVES", "INV-RATE-AT-DRAWDOWN", "INV-LOAN-AS-DRAWN"]
    with pytest.raises(KeyError, match="INV-NO-SUCH"):
        life.check("INV-NO-SUCH")


def test_a_violation_says_what_and_where(life):
    life.first(Drawdown).rate_ppm += 1
    violation = life.check("INV-RATE-AT-DRAWDOWN")[0]

    assert isinstance(violation, Violation)
    assert str(violation).startswith(f"INV-RATE-AT-DRAWDOWN: {life.first(Drawdown).id}: ")


def test_books_too_broken_to_be_judged_are_a_violation_and_no_crash(life):
    life.loan("early").rows.clear()
    told = [str(violation) for violation in life.check()]

    assert any("cannot be judged" in each for each in told)
    assert "INV-SCHEDULE-SUM" in life.names()


def test_the_lives_of_two_processes_are_one():
    assert lived() is lived()
    assert Life().tables is not Life().tables


# What is on its way is no violation, and must not stay on its way for ever


def on_its_way(call, phase):
    """Return a stage after a payout or collection that nobody can ask after."""
    outcome = {calls.DISBURSE: calls.DISBURSE_OUTCOME, calls.COLLECT: calls.COLLECT_OUTCOME}
    faults = [
        Fault("corebank", FaultKind.DROP, phase, call=call.number),
        Fault("corebank", FaultKind.SERVER_ERROR, call=outcome[call].number),
    ]
    stage = Stage(InstantHost(a_world(faults=faults)))
    run = stage.host.run
    ending = run(stage.visit(stage.person(holds_card=False), returns=0))
    if call is calls.COLLECT:
        loan = run(stage.loan(ending))
        run(stage.days((loan.rows[0].due - stage.today).days))
        with pytest.raises(GaveUp):
            run(stage.repay(loan, "first"))
    return stage


def open_orders(stage):
    return [order for order in Judged.of(stage).all(Instruction) if order.answer is None]


@pytest.mark.parametrize("call", [calls.DISBURSE, calls.COLLECT], ids=lambda call: call.operation)
@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.AFTER_COMMIT])
def test_what_is_on_its_way_is_excused_and_settled_by_the_day_end(call, phase):
    stage = on_its_way(call, phase)

    assert len(open_orders(stage)) == 1
    assert Judged.of(stage).check() == []
    stage.host.run(stage.days(2))
    assert Judged.of(stage).check() == []
    assert open_orders(stage) == []


def test_an_instruction_left_open_is_excused_for_a_day_and_no_longer():
    stage = on_its_way(calls.DISBURSE, Phase.AFTER_COMMIT)
    sent_s = stage.host.clock.now_s

    assert Judged.of(stage).names(now_s=sent_s + 24 * 3600) == []
    assert Judged.of(stage).names(now_s=sent_s + 26 * 3600) == ["INV-LIVENESS-BOOKED"]


def test_a_lost_opening_whose_customer_is_gone_is_settled_too():
    faults = [
        Fault("corebank", FaultKind.DROP, call=call.number)
        for call in (calls.OPEN, calls.OPEN_OUTCOME)
    ]
    stage = Stage(InstantHost(a_world(faults=faults)))
    stage.host.run(stage.visit(stage.person(holds_card=False), returns=0))
    stage.host.run(stage.days(3))

    assert Judged.of(stage).check() == []


def test_a_consent_withdrawn_later_on_the_day_it_served_is_no_violation():
    stage = Stage(InstantHost(a_world()))
    stage.host.run(stage.visit(stage.person(holds_card=False)))
    (customer,) = Judged.of(stage).all(Customer)
    stage.host.run(withdraw(stage.platform, customer, stage.today))

    assert Judged.of(stage).check() == []
