"""A hint that a write is final: the core is asked, nothing is stopped, and nobody is disturbed."""

from __future__ import annotations

import pytest

from core.flow.ask_after import ask_after
from core.flow.calls import HINT_OUTCOME
from core.ports.corebank import CoreCode, Key, OpenQuery, Outcome
from core.store.records import Drawdown, DrawState, Instruction
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.journal import Journal
from mocks.line import Fault, FaultKind
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.world import World
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

SILENT = Fault("corebank", FaultKind.SERVER_ERROR, operation="outcome", call=706)
HOUR_S = 3_600.0


def a_stage(*faults):
    return Stage(InstantHost(World(7, START, journal=Journal(), copying=True, faults=faults)))


def visit(stage):
    return stage.host.run(stage.visit(stage.person(), tries=1), 36_000.0)


def orders(stage, kind):
    found = stage.host.run(stage.platform.store.all(Instruction, BANK))
    return [order for order in found if order.subject.startswith(kind)]


def drawn(stage):
    """Return the one instruction that pays out, and how its drawdown stands."""
    (order,) = orders(stage, "D")
    return order, stage.host.run(stage.platform.store.get(Drawdown, order.subject)).state


def hint(stage, key):
    return stage.host.run(ask_after(stage.platform, key))


def asked(stage):
    return sum(noted.call == HINT_OUTCOME.number for noted in stage.world.journal.calls)


def test_a_write_that_the_core_has_done_is_concluded_once():
    stage = a_stage(SILENT)
    stage.world.corebank.faults = [CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE, "disburse")]
    assert visit(stage).outcome == "unfinished"
    order, state = drawn(stage)
    assert state is DrawState.PENDING_CORE

    assert hint(stage, order.key)
    assert drawn(stage)[1] is DrawState.DONE
    assert not hint(stage, order.key)
    assert (asked(stage), stage.payouts()) == (1, 1)


def test_a_write_that_the_core_never_got_is_neither_fenced_nor_concluded():
    lost = Fault("corebank", FaultKind.SERVER_ERROR, operation="disburse")
    stage = a_stage(lost, SILENT)
    assert visit(stage).outcome == "unfinished"
    order, _ = drawn(stage)

    assert not hint(stage, order.key)

    assert drawn(stage)[1] is DrawState.PENDING_CORE
    fate = stage.world.corebank.fate(order.key)
    assert (fate.outcome, fate.code) == (Outcome.NOT_FOUND, CoreCode.OK)
    assert asked(stage) == 1


@pytest.mark.parametrize(
    "changed", [{"serial": "nobody's"}, {"channel": "another"}, {"bank": "bozhi"}]
)
def test_about_another_key_nobody_is_asked(changed):
    stage = a_stage(SILENT)
    stage.world.corebank.faults = [CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE, "disburse")]
    visit(stage)
    order, _ = drawn(stage)

    assert not hint(stage, order.key._replace(**changed))
    assert not hint(stage, Key(BANK, order.key.channel, START, f"{order.id}-2"))
    assert (asked(stage), drawn(stage)[1]) == (0, DrawState.PENDING_CORE)


def test_an_account_is_its_customers_until_nobody_can_wait_for_it():
    stage = a_stage(Fault("corebank", FaultKind.SERVER_ERROR, operation="outcome", call=511))
    stage.world.corebank.faults = [CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE, "open_account")]
    person = stage.person(holds_card=False)
    assert stage.host.run(stage.visit(person, tries=1), 36_000.0).outcome == "unfinished"
    (order,) = [
        order
        for order in stage.host.run(stage.platform.store.all(Instruction, BANK))
        if isinstance(order.query, OpenQuery)
    ]
    until_s = order.query.valid_until_s

    stage.host.clock.now_s = until_s
    assert not hint(stage, order.key)
    assert asked(stage) == 0
    stage.host.clock.now_s = until_s + 1.0
    assert hint(stage, order.key)

    kept = stage.host.run(stage.platform.store.get(Instruction, order.id))
    assert kept.answer.outcome is Outcome.DONE
    assert stage.host.run(stage.visit(person, visit="2", tries=1)).outcome == "done"
