"""The steps: the first no is the last question asked, and every check of a product is asked."""

from __future__ import annotations

from itertools import product as pairs
from typing import Any, NamedTuple

import pytest

from core.application import Application, Kind, Reason, State, Step
from core.banks import load_banks
from core.errors import GaveUp, InputError, Refused
from core.flow import after_loan, calls
from core.flow.authorise import authorise, withdraw
from core.flow.calls import CALLS, Effect
from core.flow.enter import SCENES, Entrance, enter
from core.flow.register import Papers, believe_back, believe_front, register
from core.flow.repay import repay
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.invariants import Books, check
from core.policies import ADDABLE, POLICIES, Check, added_check
from core.ports.bureau import CreditReport, Found
from core.ports.ocr import CardBack, CardFront, Reading
from core.products import load_products
from core.store.records import (
    Account,
    Consent,
    ConsentKind,
    Contract,
    Customer,
    DataQuery,
    Drawdown,
    Entry,
    Line,
    Screening,
    Session,
)
from mocks.journal import Journal
from mocks.line import Fault, FaultKind, Phase
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.operations import OPERATIONS
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.population.people import Card
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

BANKS = load_banks()
PRODUCTS = load_products(BANKS)
LENT = "daopu-household"  # the bank's product that asks a stranger for nothing special
BY_NUMBER = {call.number: call for call in CALLS}
OVERDUE = CreditReport(Found.FOUND, 3, 1, 5_000_000, 200_000, 120_000, 1)

REGISTER = [calls.CARD_FRONT, calls.CARD_BACK, calls.PHONE, calls.PHONE_NAME]
APPLY = [calls.APPLY_FACE, calls.APPLY_FACE_RESULT, calls.APPLY_KEEP]
FACTS = [calls.REPORT, calls.GOVERNMENT, calls.INTERNET, calls.BANK_DATA]
OPENING = [calls.HOLDS_CARD, calls.ACCOUNT_CARRIER, calls.ACCOUNT_ID, calls.ACCOUNT_SCREEN]
OPENING_FACE = [*OPENING, calls.FIVE, calls.ACCOUNT_FACE, calls.ACCOUNT_FACE_RESULT]
OPENED = [*OPENING_FACE, calls.ACCOUNT_COMPARE, calls.ACCOUNT_KEEP, calls.OPEN]
SIGNING = [calls.SIGN_FACE, calls.SIGN_FACE_RESULT, calls.SIGN_KEEP]
DRAWING = [calls.DRAW_FACE, calls.DRAW_FACE_RESULT, calls.DRAW_KEEP]


def a_stage(policy="source", added=(), **world):
    """Return a stage on the instant host, where one product has that policy and those checks."""
    changed = PRODUCTS[LENT].model_copy(update={"policy": policy, "added_checks": tuple(added)})
    products = PRODUCTS | {LENT: changed}
    made = World(7, START, banks=BANKS, products=products, journal=Journal(), copying=True, **world)
    return Stage(InstantHost(made))


def asked(stage, begun=0):
    """Return the calls in the order in which they ended."""
    return [BY_NUMBER[noted.call] for noted in stage.world.journal.calls[begun:]]


def visit(stage, person, number="1", **wish):
    return stage.host.run(stage.visit(person, BANK, LENT, number, **({"tries": 1} | wish)))


def get(stage, table, record_id):
    return stage.world.store.tables[table].get(record_id)


def only(stage, table):
    (record,) = stage.world.store.tables[table].values()
    return record


# The first no is the last question asked


class No(NamedTuple):
    """Somebody comes as far as a step; then the truth about them changes, and they come again."""

    step: Step
    truth: dict[str, Any]
    reason: Reason
    asked: list[calls.Call]
    policy: str = "source"
    added: tuple[str, ...] = ()
    wish: dict[str, Any] = {}  # noqa: RUF012  read only


R, A, C, S, D = Step.REGISTER, Step.APPLY, Step.OPEN_ACCOUNT, Step.SIGN, Step.DRAW_DOWN
NOES = {
    # Register
    "an unreadable card": No(R, {"card_quality": 10}, Reason.PICTURE_NOT_READ, REGISTER[:1]),
    "a copied card": No(R, {"card_warnings": (-9102,)}, Reason.PICTURE_SUSPECT, REGISTER[:1]),
    "an expired card": No(
        R, {"valid_to": START.replace(day=1, month=6)}, Reason.ID_EXPIRED, REGISTER[:2]
    ),
    "another's phone": No(R, {"phone_name": "赵样本"}, Reason.PHONE_NOT_OWNED, REGISTER),
    "an unknown phone": No(R, {"phone_name": ""}, Reason.PHONE_NO_RECORD, REGISTER),
    "a virtual phone": No(
        R, {"phone": PhoneNumber("17012345678")}, Reason.PHONE_UNSUPPORTED, REGISTER
    ),
    "a stranger to the register, asked early": No(
        R,
        {"in_register": False},
        Reason.ID_NOT_FOUND,
        [*REGISTER, calls.REGISTER_ID],
        added=("register:id_network", "register:name_list"),
    ),
    "a listed one, asked early": No(
        R,
        {"listed": "hit"},
        Reason.NAME_LIST_HIT,
        [*REGISTER, calls.PHONE_OWNER, calls.REGISTER_ID, calls.REGISTER_SCREEN],
        added=("register:id_network", "register:name_list", "register:carrier_owner"),
    ),
    # Apply
    "a photo before the camera": No(A, {"live": False}, Reason.FACE_NOT_LIVE, APPLY[:2]),
    "another's face": No(A, {"shown_face": "face/x"}, Reason.FACE_NOT_MATCHED, APPLY[:2]),
    "no face": No(A, {"shown_face": ""}, Reason.FACE_NOT_SHOWN, APPLY[:2]),
    "no photo to compare": No(A, {"library_photo": False}, Reason.FACE_NO_REFERENCE, APPLY[:2]),
    "another name in the library": No(
        A, {"register_name": "钱样本"}, Reason.ID_NAME_DIFFERS, APPLY[:2]
    ),
    "an overdue debt": No(A, {"report": OVERDUE}, Reason.OVERDUE_NOW, [*APPLY, *FACTS]),
    "a stranger to the register": No(
        A, {"in_register": False}, Reason.ID_NOT_FOUND, [calls.APPLY_ID], "prudent"
    ),
    "another name in the register": No(
        A, {"register_name": "钱样本"}, Reason.ID_NAME_DIFFERS, [calls.APPLY_ID], "prudent"
    ),
    "a listed one": No(
        A, {"listed": "hit"}, Reason.NAME_LIST_HIT, [calls.APPLY_ID, calls.APPLY_SCREEN], "prudent"
    ),
    "a namesake": No(
        A,
        {"listed": "review"},
        Reason.NAME_LIST_REVIEW,
        [calls.APPLY_ID, calls.APPLY_SCREEN],
        "prudent",
    ),
    "a photo before the prudent's camera": No(
        A,
        {"live": False},
        Reason.FACE_NOT_LIVE,
        [calls.APPLY_ID, calls.APPLY_SCREEN, *APPLY[:2]],
        "prudent",
    ),
    "a phone that changed hands": No(
        A,
        {"phone_name": "赵样本"},
        Reason.PHONE_NOT_OWNED,
        [calls.APPLY_CARRIER],
        added=("apply:carrier", "apply:carrier_owner", "apply:id_network"),
    ),
    "a phone that changed hands, by three elements": No(
        A,
        {"phone_name": "赵样本"},
        Reason.PHONE_NOT_OWNED,
        [calls.APPLY_OWNER],
        added=("apply:carrier_owner", "apply:name_list"),
    ),
    # Open an account
    "a phone sold before the account": No(
        C, {"phone_name": "赵样本"}, Reason.PHONE_NOT_OWNED, OPENING[:2]
    ),
    "a number struck off": No(C, {"in_register": False}, Reason.ID_NOT_FOUND, OPENING[:3]),
    "a renamed one": No(C, {"register_name": "钱样本"}, Reason.ID_NAME_DIFFERS, OPENING[:3]),
    "one listed since": No(C, {"listed": "hit"}, Reason.NAME_LIST_HIT, OPENING),
    "a namesake listed since": No(C, {"listed": "review"}, Reason.NAME_LIST_REVIEW, OPENING),
    "no card to bind": No(C, {"cards": ()}, Reason.NO_BOUND_CARD, OPENING),
    "a card of class II": No(
        C, {"class_one": False}, Reason.BOUND_CARD_CLASS, [*OPENING, calls.FIVE]
    ),
    "a card with another phone": No(
        C,
        {"card_phone": PhoneNumber("13900009999")},
        Reason.BOUND_CARD_DIFFERS,
        [*OPENING, calls.FIVE],
    ),
    "a photo before the account's camera": No(
        C, {"live": False}, Reason.FACE_NOT_LIVE, OPENING_FACE
    ),
    "another's face at the account": No(
        C, {"shown_face": "face/x"}, Reason.FACE_NOT_MATCHED, OPENING_FACE
    ),
    "no photo anywhere": No(
        C,
        {"library_photo": False, "register_photo": False},
        Reason.FACE_NO_REFERENCE,
        OPENING_FACE,
    ),
    "another's face, and no photo in the library": No(
        C,
        {"library_photo": False, "shown_face": "face/x"},
        Reason.FACE_NOT_MATCHED,
        OPENED[:-2],
    ),
    "too many accounts": No(C, {"accounts": 5}, Reason.ACCOUNT_REJECTED, OPENED),
    # Sign
    "a photo before the contract's camera": No(
        S, {"live": False}, Reason.FACE_NOT_LIVE, SIGNING[:2]
    ),
    "a contract not signed": No(S, {}, Reason.CONTRACT_DECLINED, SIGNING, wish={"signs": False}),
    "one listed before the contract": No(
        S,
        {"listed": "hit"},
        Reason.NAME_LIST_HIT,
        [calls.SIGN_SCREEN],
        added=("sign:name_list",),
    ),
    # Draw
    "a photo before the money's camera": No(D, {"live": False}, Reason.FACE_NOT_LIVE, DRAWING[:2]),
    "too much": No(D, {}, Reason.OVER_LINE, [], wish={"amount_fen": 99_000_000}),
    "too little": No(D, {}, Reason.AMOUNT_TOO_SMALL, [], wish={"amount_fen": 100}),
    "one listed before the money": No(
        D, {"listed": "hit"}, Reason.NAME_LIST_HIT, [calls.DRAW_SCREEN], "prudent"
    ),
    "a namesake listed before the money": No(
        D,
        {"listed": "review"},
        Reason.NAME_LIST_REVIEW,
        [calls.DRAW_SCREEN],
        added=("draw_down:name_list",),
    ),
    "a closed account": No(
        D, {"account_closed": True}, Reason.CORE_REJECTED, [*DRAWING, calls.DISBURSE]
    ),
    "a line that ended": No(D, {"days": 4 * 366}, Reason.LINE_EXPIRED, []),
    "a frozen line": No(D, {"frozen": "a reason"}, Reason.LINE_FROZEN, []),
}


def change(stage, person, truth):
    """Change the truth about a person; some truths are their cards', their account's or time's."""
    for name, value in truth.items():
        if name == "class_one":
            person.cards[0].class_one = value
        elif name == "card_phone":
            person.cards[0].phone = value
        elif name == "accounts":
            numbers = [CardNumber.make(BANKS[BANK].bin, f"{n:012d}") for n in range(value)]
            mine = [Card(number, BANK, False, person.phone, 0) for number in numbers]
            person.cards = (*person.cards, *mine)
        elif name == "account_closed":
            stage.world.corebank.close_account(BANK, CardNumber(only(stage, Account).id))
        elif name == "days":
            stage.host.clock.advance(value * 86_400.0)
        elif name == "frozen":
            only(stage, Line).frozen = value
        else:
            setattr(person, name, value)


@pytest.mark.parametrize("name", NOES)
def test_the_first_no_is_the_last_question_asked(name):
    no = NOES[name]
    stage = a_stage(no.policy, no.added)
    person = stage.person(holds_card=False)
    left = visit(stage, person, refuses=frozenset({no.step}))
    begun, before = len(stage.world.journal.calls), get(stage, Application, left.application)
    assert (left.outcome, left.step) == ("left", no.step)

    change(stage, person, no.truth)
    ending = visit(stage, person, "2", **no.wish)

    assert (ending.outcome, ending.step, ending.reason) == ("refused", no.step, no.reason)
    assert asked(stage, begun) == [calls.LOGIN, *no.asked]
    assert stage.payouts() == 0
    if before is not None:
        ends = {Kind.FINAL: State.DECLINED, Kind.HELD: State.HELD, Kind.RETRY: before.state}
        after = get(stage, Application, ending.application)
        kept = after.state is before.state and no.step is Step.DRAW_DOWN  # an end of the line only
        assert after.state is ends[no.reason.kind] or kept
        assert after.reason is no.reason


def test_the_table_knows_every_step_that_asks():
    steps = {no.step for no in NOES.values()}

    assert steps == {call.step for call in CALLS} - {Step.ENTER, Step.REPAY, Step.AFTER_LOAN}


PASSED = {A: State.GRANTED, C: State.ACCOUNT_READY, S: State.SIGNED, D: State.ACTIVE}


@pytest.mark.parametrize("name", [name for name, no in NOES.items() if no.step in PASSED])
def test_a_no_writes_nothing_that_only_a_yes_may(name):
    no = NOES[name]
    stage = a_stage(no.policy, no.added)
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({no.step}))
    tables = stage.world.store.tables
    kept = (Line, Account, Contract)
    before = {table: list(tables[table]) for table in kept}
    change(stage, person, no.truth)
    visit(stage, person, "2", **no.wish)

    assert {table: list(tables[table]) for table in kept} == before
    assert (no.step, PASSED[no.step]) not in only(stage, Application).history
    assert not [draw for draw in tables[Drawdown].values() if draw.state == "done"]


@pytest.mark.parametrize("listed", ["hit", "review"])
@pytest.mark.parametrize("step", [A, C, S, D])
def test_a_listed_customer_is_held_and_reads_nothing_of_it(step, listed):
    stage = a_stage("prudent", ["sign:name_list"])
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({step}))
    person.listed = listed
    told = visit(stage, person, "2", tries=5)
    again = visit(stage, person, "3", tries=5)
    app = only(stage, Application)
    points = [kept.point for kept in stage.world.store.tables[Screening].values()]

    assert app.state is State.HELD
    assert told.reason.text == Reason.NAME_LIST_HIT.text == Reason.NAME_LIST_REVIEW.text
    assert again.outcome == "refused"
    assert points.count(step) == 1  # asked once, written down once, and never tried again


@pytest.mark.parametrize("holds_card", [True, False], ids=["with a card", "without"])
@pytest.mark.parametrize("step", [Step.AUTHORISE, A, C, S, D])
def test_whoever_a_changed_list_names_is_not_paid_wherever_they_stood(step, holds_card):
    # The source's own policy screens account openings only, but the bank knows by now.
    stage = a_stage()
    person = stage.person(holds_card=holds_card)
    visit(stage, person, refuses=frozenset({step}))
    stage.list_person(person)
    restricted = stage.host.run(after_loan.rescreen(stage.platform, BANK)).restricted
    ending = visit(stage, person, "2")

    assert restricted == [only(stage, Customer).id]
    assert ending.outcome == "refused"
    assert ending.reason in (None, *HELD_OR_FROZEN)
    assert stage.payouts() == 0


HELD_OR_FROZEN = (Reason.NAME_LIST_HIT, Reason.NAME_LIST_REVIEW, Reason.LINE_FROZEN)


# Consent


@pytest.mark.parametrize("missing", ConsentKind)
def test_one_consent_short_is_no_consent(missing):
    stage = a_stage()
    given = frozenset(ConsentKind) - {missing}
    ending = visit(stage, stage.person(holds_card=False), consents=given)

    assert (ending.step, ending.reason) == (Step.AUTHORISE, Reason.CONSENT_REFUSED)
    assert not stage.world.store.tables[Consent]
    assert {call.step for call in asked(stage)} == {Step.ENTER, Step.REGISTER}


def lapse(stage, customer):
    stage.host.clock.advance(366 * 86_400.0)


def end_it(stage, customer):
    stage.host.run(withdraw(stage.platform, customer, stage.today))


@pytest.mark.parametrize(
    ("ends", "reason"), [(lapse, Reason.CONSENT_LAPSED), (end_it, Reason.CONSENT_WITHDRAWN)]
)
@pytest.mark.parametrize("policy", POLICIES)
def test_without_a_live_consent_nothing_is_asked(ends, reason, policy):
    stage = a_stage(policy, [f"apply:{check}" for check in ADDABLE[A]])
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({Step.APPLY}))
    begun = len(stage.world.journal.calls)
    ends(stage, only(stage, Customer))
    ending = visit(stage, person, "2")

    assert (ending.step, ending.reason) == (Step.APPLY, reason)
    assert asked(stage, begun) == [calls.LOGIN]
    assert stage.world.bureau.asked == []
    assert not stage.world.store.tables[DataQuery]


@pytest.mark.parametrize("ends", [lapse, end_it])
def test_a_consent_that_ended_is_renewed_by_authorising_again(ends):
    stage = a_stage()
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({Step.APPLY}))
    ends(stage, only(stage, Customer))
    phone = Phone.of(stage.host, person, BANK, Wish(), "2")
    app = only(stage, Application)
    stage.host.run(authorise(stage.platform, app, phone))
    old, new = stage.world.store.tables[Consent].values()

    assert only(stage, Customer).consent == new.id
    assert not old.live(ConsentKind.FACE, stage.today)
    assert all(new.live(kind, stage.today) for kind in ConsentKind)
    assert visit(stage, person, "3").outcome == "done"


@pytest.mark.parametrize("ends", [lapse, end_it])
def test_a_customer_whose_consent_ended_may_give_it_again_on_a_visit(ends):
    stage = a_stage()
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({Step.APPLY}))
    ends(stage, only(stage, Customer))
    refused = visit(stage, person, "2", tries=3)  # told "Please renew it", and may try again

    assert "done" in (refused.outcome, visit(stage, person, "3", tries=3).outcome)


def test_a_live_consent_is_not_asked_for_again():
    stage = a_stage()
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({Step.APPLY}))
    deaf = Phone.of(stage.host, person, BANK, Wish(consents=frozenset()), "2")
    stage.host.run(authorise(stage.platform, only(stage, Application), deaf))

    assert len(stage.world.store.tables[Consent]) == 1


def test_every_question_names_the_consent_it_was_asked_under():
    stage = a_stage()
    visit(stage, stage.person(holds_card=False))
    consent = only(stage, Consent)
    query = only(stage, DataQuery)

    assert set(query.sources) == {"credit_report", "government", "internet"}
    assert query.consent == consent.id
    assert [noted.consent for noted in stage.world.bureau.asked] == [consent.id] * 3


# The step table


def test_every_call_has_a_number_of_its_own():
    named = {name: call for name, call in vars(calls).items() if isinstance(call, calls.Call)}

    assert len(BY_NUMBER) == len(CALLS) == len(named)
    assert set(CALLS) == set(named.values())


def test_a_calls_number_begins_with_its_steps_place():
    places = {step: place for place, step in enumerate(Step, start=1)}

    assert [call for call in CALLS if call.number // 100 != places[call.step]] == []


def test_every_call_is_an_operation_of_its_provider():
    unknown = [
        call for call in CALLS if call.operation.partition(".")[2] not in OPERATIONS[call.provider]
    ]

    assert unknown == []


def test_what_writes_to_the_core_is_keyed_and_nothing_else():
    writes = {"open_account", "disburse", "collect", "adjust", "move", "reverse"}

    assert {call for call in CALLS if call.effect is Effect.KEYED} == {
        call
        for call in CALLS
        if call.provider == "corebank" and call.operation.partition(".")[2] in writes
    }


# Every check of a product is asked

CHECKS = sorted((step, check) for step, checks in ADDABLE.items() for check in checks)


def serving(step, check):
    return {call for call in CALLS if (call.step, call.check) == (step, check)}


def passes(policy, added=()):
    """Return what somebody without a card is asked who passes everything, and their application."""
    stage = a_stage(policy, added)
    ending = visit(stage, stage.person(holds_card=False))
    assert ending.outcome == "done", ending
    return asked(stage), only(stage, Application)


@pytest.mark.parametrize(("step", "check"), CHECKS)
def test_a_check_that_can_be_added_has_a_call_at_its_step(step, check):
    assert serving(step, check)


@pytest.mark.parametrize(("step", "check"), CHECKS)
def test_a_check_that_is_added_is_asked(step, check):
    plain, _ = passes("source")
    more, app = passes("source", [f"{step}:{check}"])

    assert serving(step, check).isdisjoint(plain)
    assert set(more) - set(plain) == serving(step, check)
    assert len(more) == len(plain) + len(serving(step, check))  # once each, and nothing else moved
    assert (step, check) in {(at, passed) for at, passed, _ in app.checks}


def test_all_that_can_be_added_can_be_added_at_once():
    added = [f"{step}:{check}" for step, check in CHECKS]
    more, app = passes("prudent", added)
    noted = {(at, passed) for at, passed, _ in app.checks}

    assert set(CHECKS) <= noted
    assert all(serving(step, check) <= set(more) for step, check in CHECKS)


@pytest.mark.parametrize(
    ("step", "check"), [pair for pair in pairs(Step, Check) if pair not in CHECKS]
)
def test_a_check_that_the_flow_has_not_there_cannot_be_added(step, check):
    with pytest.raises(InputError, match="cannot be added"):
        added_check(f"{step}:{check}")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policys_checks_are_all_asked_and_no_other(policy):
    made, app = passes(policy)
    noted = {(step, check) for step, check, _ in app.checks}
    wanted = {(step, check) for step, checks in POLICIES[policy].items() for check in checks}
    wanted.discard((Step.AFTER_LOAN, Check.NAME_LIST))

    assert noted == wanted
    assert {(call.step, call.check) for call in made if call.check} == wanted


@pytest.mark.parametrize("policy", POLICIES)
def test_after_the_loan_everybody_is_screened_again(policy):
    stage = a_stage(policy)
    visit(stage, stage.person(holds_card=False))
    begun = len(stage.world.journal.calls)
    stage.host.run(after_loan.rescreen(stage.platform, BANK))

    assert asked(stage, begun) == [calls.RESCREEN]
    assert POLICIES[policy][Step.AFTER_LOAN] == {Check.NAME_LIST}


@pytest.mark.parametrize(
    ("truth", "made", "noted"),
    [
        ({}, [*OPENED], True),
        ({"library_photo": False}, [*OPENED], True),  # the network's photo stands in
        ({"register_photo": False}, [*OPENED[:-3], *OPENED[-2:]], False),  # the library's does
    ],
)
def test_one_of_the_two_photos_is_enough_to_open_an_account(truth, made, noted):
    stage = a_stage()
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({C}))
    begun = len(stage.world.journal.calls)
    change(stage, person, truth)
    ending = visit(stage, person, "2", refuses=frozenset({S}))
    checks = {check for step, check, _ in only(stage, Application).checks if step is C}

    assert (ending.outcome, ending.step) == ("left", S)
    assert asked(stage, begun) == [calls.LOGIN, *made]
    assert (Check.FACE_PHOTO in checks) is noted


def test_a_card_holder_is_asked_nothing_to_open_an_account():
    stage = a_stage("prudent", [f"open_account:{check}" for check in ADDABLE[C]])
    visit(stage, stage.person(holds_card=True))

    assert [call for call in asked(stage) if call.step is C] == [calls.HOLDS_CARD]
    assert only(stage, Account).opened is False


# Single steps


def test_a_code_that_is_none_opens_no_session():
    stage = a_stage()
    stage.person()
    with pytest.raises(Refused) as seen:
        stage.host.run(enter(stage.platform, Entrance(BANK, Entry.SCAN, "v1"), "no code"))

    assert seen.value.reason is Reason.LOGIN_FAILED
    assert not stage.world.store.tables[Session]


def test_an_unknown_bank_is_named_before_anybody_is_asked():
    stage = a_stage()
    with pytest.raises(InputError, match="did you mean 'daopu'"):
        stage.host.run(enter(stage.platform, Entrance("daopo", Entry.SCAN, "v1"), "code"))

    assert asked(stage) == []


@pytest.mark.parametrize("entry", Entry)
def test_a_session_says_by_which_way_the_customer_came(entry):
    stage = a_stage()
    visit(stage, stage.person(), entry=entry, referrer="staff/1", refuses=frozenset({R}))
    session = only(stage, Session)

    assert (session.entry, session.referrer) == (entry, "staff/1")
    assert session.scene == SCENES[entry][0]


def test_registering_again_asks_nothing_and_changes_nothing():
    stage = a_stage()
    person = stage.person(holds_card=False)
    visit(stage, person, refuses=frozenset({Step.AUTHORISE}))
    begun, session = len(stage.world.journal.calls), only(stage, Session)
    app = stage.host.run(register(stage.platform, session, LENT, Papers(None, None, "no code")))

    assert app == only(stage, Application)
    assert asked(stage, begun) == []


def front(number="329900198701011231", birth="1987/1/1", sex="男", **said):
    said = {"reading": Reading.READ, "name": "李明"} | said
    return CardFront(sex=sex, nation="汉", birth=birth, address="", number=number, **said)


GOOD = "32990019870101123" + IdNumber.check_digit("32990019870101123")


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (front(GOOD, reading=Reading.NO_CARD), Reason.PICTURE_NOT_READ),
        (front(GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")), Reason.ID_NUMBER_INVALID),
        (front("12345"), Reason.ID_NUMBER_INVALID),
        (front(""), Reason.ID_NUMBER_INVALID),
        (front(GOOD, birth="1987/1/2"), Reason.ID_SIDES_DIFFER),
        (front(GOOD, sex="女"), Reason.ID_SIDES_DIFFER),
    ],
)
def test_a_front_that_does_not_hold_together_is_refused(read, reason):
    assert believe_front(front(GOOD)) == IdNumber(GOOD)
    with pytest.raises(Refused) as seen:
        believe_front(read)

    assert seen.value.reason is reason


@pytest.mark.parametrize(
    ("valid", "ends", "reason"),
    [
        ("2010.07.01-2020.07.01", START, None),
        ("2010.07.01-长期", None, None),
        ("2010.06.30-2020.06.30", None, Reason.ID_EXPIRED),
        ("2010.06.30-2020.13.30", None, Reason.PICTURE_NOT_READ),
        ("2010.06.30", None, Reason.PICTURE_NOT_READ),
        ("", None, Reason.PICTURE_NOT_READ),
    ],
)
def test_a_card_is_good_to_the_last_day_it_says(valid, ends, reason):
    read = CardBack(Reading.READ, valid=valid)
    if reason is None:
        assert believe_back(read, START) == ends
        return
    with pytest.raises(Refused) as seen:
        believe_back(read, START)

    assert seen.value.reason is reason


# Repaying


def paid_out(**world):
    stage = a_stage(**world)
    ending = visit(stage, stage.person(holds_card=False), amount_fen=2_000_000)
    return stage, stage.host.run(stage.loan(ending))


def test_nothing_due_is_refused_before_anything_is_moved():
    stage, loan = paid_out()
    begun = len(stage.world.journal.calls)
    with pytest.raises(Refused) as seen:
        stage.host.run(repay(stage.platform, loan.id, "early"))

    assert seen.value.reason is Reason.NOTHING_DUE
    assert asked(stage, begun) == []


def test_a_payment_is_booked_funded_and_collected_in_this_order():
    stage, loan = paid_out()
    stage.host.run(stage.days((loan.rows[0].due - stage.today).days))
    begun = len(stage.world.journal.calls)
    stage.host.run(repay(stage.platform, loan.id, "first"))
    made = asked(stage, begun)

    assert made[-2:] == [calls.FUND, calls.COLLECT]
    assert set(made[:-2]) <= {calls.REPAY_BOOK}


def test_an_account_without_money_is_refused_with_the_collection():
    stage, loan = paid_out()
    stage.host.run(stage.spend(loan))
    stage.host.run(stage.days((loan.rows[0].due - stage.today).days))
    begun = len(stage.world.journal.calls)
    with pytest.raises(Refused) as seen:
        stage.host.run(repay(stage.platform, loan.id, "first", fund_fen=0))

    assert seen.value.reason is Reason.NO_FUNDS
    assert asked(stage, begun)[-1] is calls.COLLECT


NEVER = [
    Fault("corebank", FaultKind.DROP, Phase.BEFORE, call=call.number)
    for call in (calls.COLLECT, calls.COLLECT_OUTCOME, calls.SETTLE_OUTCOME)
]


@pytest.mark.parametrize(
    "question", [calls.COLLECT_OUTCOME, calls.SETTLE_OUTCOME], ids=lambda call: call.number
)
def test_the_attempts_at_a_question_go_on_from_visit_to_visit(question):
    stage, loan = paid_out(faults=NEVER)
    stage.host.run(stage.days((loan.rows[0].due - stage.today).days))
    for _ in range(3):
        assert gave_up(stage, repay(stage.platform, loan.id, "first"))
        stage.host.run(stage.days(1))
    names = [
        (noted.application, noted.attempt)
        for noted in stage.world.journal.calls
        if noted.call == question.number
    ]
    if len(names) < 6:
        pytest.fail("the faults did not strike")

    assert len(set(names)) == len(names)


def gave_up(stage, asked_for):
    try:
        stage.host.run(asked_for)
    except GaveUp:
        return True
    return False


# Taps that race for one drawdown


@pytest.mark.parametrize("copying", [False, True], ids=["records", "copies"])
@pytest.mark.parametrize("gap_s", [0.0, 1.0, 5.0, 12.0, 13.0, 14.0, 15.0, 30.0, 900.0])
def test_two_taps_for_one_drawdown_draw_it_once(gap_s, copying):
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=copying)
    host = VirtualHost(world)
    stage = Stage(host)
    person = stage.person(holds_card=False)
    left = host.run(stage.visit(person, refuses=frozenset({D})))
    begin_s = host.clock.now_s + 1.0
    taps = [
        host.spawn(stage.draw_again(person, left.application, "tap", amount_fen=1_000_000), at_s)
        for at_s in (begin_s, begin_s + gap_s)
    ]
    host.env.run()

    assert [tap.value.outcome for tap in taps] == ["done", "done"]
    assert stage.payouts() == 1
    assert check(Books(world.store.tables, world.corebank, world.products)) == []
    assert only(stage, Line).used_fen == 1_000_000


def test_two_taps_for_different_amounts_draw_the_first():
    world = World(7, START, banks=BANKS, products=PRODUCTS)
    host = VirtualHost(world)
    stage = Stage(host)
    person = stage.person(holds_card=False)
    left = host.run(stage.visit(person, refuses=frozenset({D})))
    one, other = (
        host.spawn(stage.draw_again(person, left.application, "tap", amount_fen=amount, tries=1))
        for amount in (1_000_000, 2_000_000)
    )
    host.env.run()
    told = {(tap.value.outcome, tap.value.reason) for tap in (one, other)}

    assert told == {("done", None), ("refused", Reason.REQUEST_CHANGED)}
    assert stage.payouts() == 1
    assert check(Books(world.store.tables, world.corebank, world.products)) == []
