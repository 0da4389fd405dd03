"""Signing: face, text, signature, deposit, in this order; what is kept proves itself."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from core.application import Application, Reason, State, Step
from core.banks import load_banks
from core.contract import paper
from core.contract.canonical import digests
from core.contract.paper import contract_of, plain
from core.contract.verify import verify_kept
from core.errors import InputError
from core.flow import calls
from core.flow.authorise import TEXT_VERSION
from core.policies import Check
from core.ports.evidence import ReadQuery
from core.ports.trace import Trace
from core.products import load_products
from core.store.records import Contract, Line
from mocks.journal import Journal
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.world import World
from scenarios.phone import Phone
from scenarios.stories.stage import BANK, CrashPlan, Stage

START = date(2020, 7, 1)
TEN, LATER = 10 * 3600.0, 20 * 3600.0
BANKS = load_banks()
PRODUCTS = load_products(BANKS)
STEP = [calls.SIGN_FACE, calls.SIGN_FACE_RESULT, calls.SIGN_KEEP, calls.SIGNATURE, calls.DEPOSIT]
BEFORE_MONEY = frozenset({Step.DRAW_DOWN})


def a_stage(host=InstantHost, **world):
    made = World(7, START, banks=BANKS, products=PRODUCTS, journal=Journal(), copying=True, **world)
    return Stage(host(made))


def sign(stage, visit="1", person=None, **wish):
    """Have somebody come as far as the contract, and sign it."""
    person = person or stage.person(holds_card=False)
    wish = {"refuses": BEFORE_MONEY, "returns": 0} | wish
    return stage.host.run(stage.visit(person, visit=visit, **wish), TEN)


def only(stage, table):
    (record,) = stage.world.store.tables[table].values()
    return record


def asked(stage):
    """Return the calls of the step, in the order in which they ended."""
    return [call for noted in stage.world.journal.calls for call in STEP if call[0] == noted.call]


def findings(stage, contract):
    """Return what the bank's own half finds wrong with a contract's deposit."""
    trace = Trace(contract.bank, contract.application, 1, 1, float("inf"), contract.signed_on)
    evidence = stage.world.evidence
    record = evidence.read(trace, ReadQuery(contract.receipt), LATER, None)
    return verify_kept(contract, record, evidence.authority.root.der)


@pytest.fixture
def read(monkeypatch):
    """What every phone was shown to sign, and after how many calls."""
    shown = []

    async def signs(phone, contract):
        shown.append((contract, len(phone._world.journal.calls)))
        return await honest(phone, contract)

    honest = Phone.signs
    monkeypatch.setattr(Phone, "signs", signs)
    return shown


def test_the_face_comes_first_then_the_text_the_signature_and_the_deposit(read):
    stage = a_stage()
    sign(stage)
    ((_, calls_before),) = read
    noted = [each.call for each in stage.world.journal.calls]

    assert asked(stage) == STEP
    assert noted[:calls_before][-1] == calls.SIGN_KEEP.number
    assert noted[calls_before:] == [calls.SIGNATURE.number, calls.DEPOSIT.number]


def test_what_is_kept_proves_itself(read):
    stage = a_stage()
    sign(stage)
    contract, app, line = (only(stage, table) for table in (Contract, Application, Line))
    said = contract_of(contract.text.encode())

    assert findings(stage, contract) == []
    assert (contract.digest, contract.sm3) == digests(contract.text.encode())
    assert read[0][0] == plain(contract.text.encode())
    assert (app.contract, app.state) == (contract.id, State.SIGNED)
    assert (said["document"], said["application"]) == (contract.id, app.id)
    assert said["line"]["limit_fen"] == line.limit_fen
    assert (contract.bank, contract.signed_on) == (BANK, START)


def test_the_price_is_kept_as_the_text_says_it():
    stage = a_stage()
    sign(stage)
    contract = only(stage, Contract)
    agreed = contract_of(contract.text.encode())["agreed"]

    assert contract.rate_ppm == agreed["price"]["rate_ppm"]
    assert contract.cap_ppm == agreed["price"]["cap_ppm"]
    assert contract.disclosed_ppm == agreed["disclosed"]["simple_ppm"]
    assert agreed["price"]["lpr_ppm"] == 38_500


def test_the_will_is_the_token_of_the_steps_own_face_check():
    stage = a_stage()
    sign(stage)
    contract, app = only(stage, Contract), only(stage, Application)
    tokens = [
        token for step, check, token in app.checks if (step, check) == (Step.SIGN, Check.FACE)
    ]

    assert tokens == [contract.will]
    assert contract.consent_version == TEXT_VERSION


def test_no_field_of_a_contract_is_left_empty():
    stage = a_stage()
    sign(stage)
    contract = only(stage, Contract)

    empty = [each.name for each in fields(contract) if not getattr(contract, each.name)]
    assert empty == []


def test_whoever_does_not_sign_leaves_no_evidence():
    stage = a_stage()
    ending = sign(stage, signs=False, tries=0)

    assert (ending.step, ending.reason) == (Step.SIGN, Reason.CONTRACT_DECLINED)
    assert stage.world.evidence.authority.events == {}
    assert not stage.world.store.tables[Contract]


def test_the_same_contract_is_written_on_every_host():
    texts = []
    for host in (InstantHost, VirtualHost):
        stage = a_stage(host)
        sign(stage)
        contract = only(stage, Contract)
        texts.append((contract.text, contract.digest, contract.sm3, contract.will))
        assert findings(stage, contract) == []

    assert texts[0] == texts[1]


# What can go wrong


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("call", [calls.SIGNATURE, calls.DEPOSIT], ids=["signature", "deposit"])
def test_a_crash_on_the_way_signs_again_and_one_deposit_lies_there(call, after):
    plan = CrashPlan(call.number, after=after)
    stage = a_stage(tap=plan.tap)
    person = stage.person(holds_card=False)
    stage.host.run(stage.resume(person, refuses=BEFORE_MONEY), TEN)
    contract = only(stage, Contract)
    chain = stage.world.evidence.chain(BANK)

    assert findings(stage, contract) == []
    assert asked(stage).count(calls.SIGN_FACE) == 2
    assert [record.receipt for record in chain.records] == [contract.receipt]


@pytest.mark.parametrize("down", ["signing", "stamping"])
def test_an_authority_that_is_down_is_no_signature_and_a_later_visit_signs(down):
    stage = a_stage()
    person = stage.person(holds_card=False)
    stage.world.evidence.down.add(down)
    ending = sign(stage, person=person)
    app = only(stage, Application)

    assert (ending.outcome, ending.step) == ("unfinished", Step.SIGN)
    assert app.state is State.ACCOUNT_READY
    assert not stage.world.store.tables[Contract]
    stage.world.evidence.down.clear()
    sign(stage, "2", person)
    assert findings(stage, only(stage, Contract)) == []


def test_a_stamp_from_the_future_is_no_evidence():
    stage = a_stage()
    person = stage.person(holds_card=False)
    stage.world.evidence.clock_ahead_s = 3600.0
    ending = sign(stage, person=person)

    assert (ending.outcome, ending.step) == ("unfinished", Step.SIGN)
    assert not stage.world.store.tables[Contract]
    stage.world.evidence.clock_ahead_s = 0.0
    sign(stage, "2", person)
    assert findings(stage, only(stage, Contract)) == []
    assert len(stage.world.evidence.chain(BANK).records) == 2  # both acts of signing lie there


def test_clocks_may_differ_by_a_minute():
    stage = a_stage()
    stage.world.evidence.clock_ahead_s = 50.0
    sign(stage)

    assert only(stage, Contract).stamped_at


def test_a_certificate_that_expires_before_the_stamp_is_no_evidence():
    stage = a_stage()
    stage.world.evidence.hold_s = -1
    ending = sign(stage)

    assert (ending.outcome, ending.step) == ("unfinished", Step.SIGN)
    assert not stage.world.store.tables[Contract]


def test_a_price_that_the_law_does_not_allow_any_more_is_seen_before_the_face(monkeypatch):
    stage = a_stage()
    person = stage.person(holds_card=False)
    stage.host.run(stage.visit(person, refuses=frozenset({Step.SIGN})), TEN)
    monkeypatch.setattr(paper, "lpr_ppm", lambda on: 12_000)
    with pytest.raises(InputError, match="above four times the LPR"):
        sign(stage, "2", person)

    assert asked(stage) == []


def test_signing_twice_asks_nothing_the_second_time():
    stage = a_stage()
    person = stage.person(holds_card=False)
    sign(stage, person=person)
    before = only(stage, Contract)
    sign(stage, "2", person)

    assert only(stage, Contract) == before
    assert asked(stage) == STEP


def test_the_contracts_of_a_bank_hang_in_one_chain():
    stage = a_stage()
    for _ in range(4):
        sign(stage)
    contracts = list(stage.world.store.tables[Contract].values())
    records = stage.world.evidence.chain(BANK).records

    assert [record.receipt for record in records] == [each.receipt for each in contracts]
    assert [findings(stage, each) for each in contracts] == [[]] * 4
    assert findings(stage, replace(contracts[0], chain=contracts[1].chain)) != []
