"""The invariants: silent over books that are right, and heard when a rule is broken on purpose.

One life of three customers is lived once; every test breaks one thing in a copy of its books.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from core.application import Application, Reason, State, Step
from core.banks import load_banks
from core.errors import GaveUp
from core.flow import after_loan, calls
from core.flow.authorise import withdraw
from core.invariants import INVARIANTS, Books, Violation, check
from core.lending.book import Loan
from core.money import lpr_ppm
from core.policies import Check, checks_of
from core.ports.corebank import Entry, Key, Leg, Outcome, Posted
from core.products import CONSUMER_LINE_MAX_FEN, load_products
from core.store.records import (
    Account,
    Consent,
    ConsentKind,
    Contract,
    Customer,
    DataQuery,
    Drawdown,
    DrawState,
    Instruction,
    Line,
    Repayment,
    Screening,
)
from mocks.line import Fault, FaultKind, Phase
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.world import World
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

BANKS = load_banks()
PRODUCTS = load_products(BANKS)
A_DAY = timedelta(days=1)
AN_OTHER = "another bank"
TRANSIT = "3001.01"


class Altered:
    """The core's ledger, but for what a test puts in place of its entries and fates."""

    def __init__(self, ledger):
        self.book = {bank: deepcopy(ledger.entries(bank)) for bank in ledger.banks()}
        self.told = {bank: dict(ledger.balances(bank)) for bank in ledger.banks()}
        self.fates, self._ledger = {}, ledger
        self.banks, self.entries = self.told.keys, self.book.get
        self.balances = self.told.get

    def fate(self, key):
        return self.fates.get(key) or self._ledger.fate(key)

    def post(self, kind, *legs, bank=BANK, serial="made up", day=None):
        """Post what no bank would, in a book that sums all the same."""
        before = self.book[bank][-1]
        key = Key(bank, "test", before.accounting_date, serial)
        entry = Entry("", day or before.accounting_date, key, kind, tuple(map(Leg._make, legs)), "")
        self.book[bank].append(entry)
        for account, amount_fen in legs:
            self.told[bank][account] = self.told[bank].get(account, 0) + amount_fen


class Life:
    """A copy of the books after the life, to break something in."""

    def __init__(self, world, now_s):
        self.tables, self.ledger = deepcopy(world.store.tables), Altered(world.corebank)
        self.now_s, self.products = now_s, dict(world.products)

    def all(self, table):
        return list(self.tables[table].values())

    def first(self, table):
        """The first record of a type, in the order in which the life brought them."""
        return self.all(table)[0]

    def check(self, *names, **said):
        said = {"now_s": self.now_s} | said
        return check(Books(self.tables, self.ledger, self.products, **said), *names)

    def broken(self):
        return {violation.invariant for violation in self.check()}


async def live(stage):
    """Three customers: one repays early, one falls into arrears and pays, one holds a card."""
    early, late, holder = (stage.person(holds_card=card) for card in (False, False, True))
    first = stage.expect(await stage.visit(early, share_ppm=300_000), "done")
    rows = "daopu-workshop"  # repaid in equal instalments: principal can fall overdue, too
    second = stage.expect(await stage.visit(late, BANK, rows, share_ppm=400_000), "done")
    stage.expect(await stage.visit(holder, share_ppm=500_000), "done")
    stage.expect(await stage.draw_again(early, first.application, "2", amount_fen=500_000), "done")
    loan, arrears = await stage.loan(first), await stage.loan(second)
    await stage.days((loan.rows[0].due - stage.today).days)
    await stage.repay(loan, "more than is due", loan.rows[0].total_fen + 300_000)
    await stage.days(20)
    await stage.repay(arrears, "some of the arrears", 30_000)
    await stage.days(3)
    await after_loan.rescreen(stage.platform, BANK)


@pytest.fixture(scope="module")
def lived():
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=True)
    host = InstantHost(world)
    host.run(live(Stage(host)))
    return world, host.clock.now_s


@pytest.fixture
def life(lived):
    return Life(*lived)


def test_the_life_has_something_of_everything(life):
    kinds = {entry.kind for entry in life.ledger.book[BANK]}
    repaid = life.first(Repayment)

    assert {"disburse", "collect", "accrue_interest", "to_overdue", "accrue_penalty"} <= kinds
    assert {"move_in", "opening", "settle"} <= kinds
    assert len(repaid.parts) > 1
    assert {loan.state.value for loan in life.all(Loan)} == {"live", "overdue"}
    assert {account.opened for account in life.all(Account)} == {True, False}
    assert len(life.all(Drawdown)) == 4


def test_books_that_are_right_break_nothing(life):
    assert life.check() == []


@pytest.mark.parametrize("name", INVARIANTS)
def test_an_invariant_alone_is_silent_over_them_too(life, name):
    assert life.check(name) == []


# Each rule, broken on purpose


class Broken(NamedTuple):
    """What is done to the books, the invariant that must report, and what breaks along with it."""

    name: str
    how: object
    also: tuple[str, ...] = ()


BREAKS = {}


def breaks(name, *also):
    """Put a way to break a rule on the list; ``also`` cannot but break with it."""

    def put(how):
        BREAKS[how.__name__] = Broken(name, how, also)
        return how

    return put


@breaks("INV-DOUBLE-ENTRY", "INV-HISTORY")
def an_entry_with_a_fen_too_much(life):
    entry = next(entry for entry in life.ledger.book[BANK] if entry.kind == "move_in")
    (account, amount_fen), *others = entry.legs
    entry.legs = (Leg(account, amount_fen + 1), *others)


@breaks("INV-DOUBLE-ENTRY", "INV-TRIAL-BALANCE")
def an_entry_with_one_leg(life):
    life.ledger.post("move_in", (TRANSIT, 5))


@breaks("INV-TRIAL-BALANCE", "INV-HISTORY")
def a_balance_with_a_fen_too_much(life):
    life.ledger.told[BANK]["1003"] = life.ledger.told[BANK].get("1003", 0) + 1


@breaks("INV-HISTORY")
def a_fen_that_changed_accounts_without_an_entry(life):
    life.ledger.told[BANK]["1003"] = life.ledger.told[BANK].get("1003", 0) + 1
    life.ledger.told[BANK][TRANSIT] = life.ledger.told[BANK].get(TRANSIT, 0) - 1


@breaks("INV-HISTORY")
def an_account_that_only_entries_know(life):
    life.ledger.post("move_in", ("2241.09", -5), ("1003", 5))
    del life.ledger.told[BANK]["2241.09"]
    life.ledger.told[BANK][TRANSIT] = life.ledger.told[BANK].get(TRANSIT, 0) - 5


@breaks("INV-NO-OVERDRAFT")
def an_overdrawn_account(life):
    account = next(name for name in life.ledger.told[BANK] if name.startswith("2011.02:"))
    owed_fen = -life.ledger.told[BANK][account]
    life.ledger.post("move_out", (account, owed_fen + 1), (TRANSIT, -owed_fen - 1))


@breaks("INV-ONE-EFFECT")
def a_key_that_posted_twice(life):
    serial = "once"
    life.ledger.post("move_in", (TRANSIT, 7), ("1003", -7), serial=serial)
    life.ledger.post("move_in", (TRANSIT, 7), ("1003", -7), serial=serial)


@breaks("INV-DAYS-IN-ORDER")
def a_day_that_came_back(life):
    day = life.ledger.book[BANK][-1].accounting_date - A_DAY
    life.ledger.post("move_in", (TRANSIT, 7), ("1003", -7), day=day)


@breaks("INV-CASH-EQ-LOANS", "INV-LIMIT", "INV-BOOKS-AGREE")
def a_loan_that_was_never_paid_out(life):
    ghost = deepcopy(life.first(Loan))
    ghost.id = "Lghost"
    life.tables[Loan][ghost.id] = ghost


@breaks("INV-CASH-EQ-LOANS", "INV-BOOKS-AGREE", "INV-LIMIT")
def a_payout_that_became_no_loan(life):
    del life.tables[Loan][life.first(Loan).id]


@breaks("INV-CASH-EQ-LOANS", "INV-BOOKS-AGREE")
def a_payout_to_nobody_known(life):
    life.ledger.post("disburse", ("1303.01:Lghost", 100), (TRANSIT, -100))


@breaks("INV-CASH-EQ-LOANS", "INV-ONE-PAYOUT", "INV-BOOKS-AGREE")
def a_loan_paid_out_twice(life):
    loan = life.first(Loan)
    life.ledger.post(
        "disburse", (f"1303.01:{loan.id}", loan.principal_fen), (TRANSIT, -loan.principal_fen)
    )


@breaks("INV-ONE-PAYOUT")
def a_loan_paid_out_a_second_time_with_nothing(life):
    life.ledger.post("disburse", (f"1303.01:{life.first(Loan).id}", 0), (TRANSIT, 0))


@breaks("INV-CASH-EQ-LOANS", "INV-SCHEDULE-SUM")
def a_loan_of_a_fen_more_than_was_paid_out(life):
    life.first(Loan).principal_fen += 1


@breaks("INV-BOOKS-AGREE", "INV-LIMIT")
def a_principal_a_fen_smaller(life):
    life.first(Loan).normal_fen -= 1


@breaks("INV-BOOKS-AGREE")
def a_fen_that_turned_overdue_in_one_book(life):
    loan = life.first(Loan)
    loan.normal_fen, loan.overdue_fen = loan.normal_fen - 1, loan.overdue_fen + 1


@breaks("INV-BOOKS-AGREE")
def an_interest_accrued_in_one_book(life):
    life.first(Loan).accrued_fen += 1


@breaks("INV-BOOKS-AGREE")
def a_penalty_forgiven_in_one_book(life):
    life.first(Loan).penalty_paid_fen += 1


@breaks("INV-SAID-AS-DONE")
def a_drawdown_told_as_rejected_that_was_paid(life):
    life.first(Drawdown).state = DrawState.REJECTED


@breaks("INV-SAID-AS-DONE")
def a_drawdown_told_as_done_that_the_core_does_not_know(life):
    order = life.tables[Instruction][life.first(Drawdown).instruction]
    life.ledger.fates[order.key] = Posted(Outcome.NOT_FOUND)


@breaks("INV-SAID-AS-DONE")
def a_repayment_told_as_done_that_the_core_rejected(life):
    order = life.tables[Instruction][life.first(Repayment).instruction]
    life.ledger.fates[order.key] = Posted(Outcome.REJECTED)


@breaks("INV-SAID-AS-DONE")
def a_repayment_told_as_rejected_that_was_collected(life):
    life.first(Repayment).state = DrawState.REJECTED


@breaks("INV-SAID-AS-DONE")
def a_drawdown_told_as_done_without_an_instruction(life):
    life.first(Drawdown).instruction = "none"


@breaks("INV-LIMIT")
def a_line_used_a_fen_more_than_its_loans_owe(life):
    life.first(Line).used_fen += 1


@breaks("INV-LIMIT")
def a_reservation_nobody_waits_for(life):
    life.first(Line).reserved_fen += 100


@breaks("INV-LIMIT")
def a_line_smaller_than_what_is_owed(life):
    line = life.first(Line)
    line.limit_fen = line.used_fen - 1


@breaks("INV-LINE-CAPS")
def a_consumer_line_above_the_order_of_2020(life):
    product = life.products[life.first(Application).product]
    life.products[product.id] = product.model_copy(update={"line_max_fen": 10**9})
    life.first(Line).limit_fen = CONSUMER_LINE_MAX_FEN + 1


@breaks("INV-LINE-CAPS")
def a_line_above_its_products_cap(life):
    product = life.products[life.first(Application).product]
    cap_fen = life.first(Line).limit_fen - 1
    life.products[product.id] = product.model_copy(update={"line_max_fen": cap_fen})


@breaks("INV-LINE-CAPS")
def a_line_of_no_application(life):
    line = deepcopy(life.first(Line))
    line.id, line.used_fen = "Aghost", 0
    life.tables[Line][line.id] = line


@breaks("INV-RATE-AT-DRAWDOWN")
def a_price_a_millionth_too_high(life):
    life.first(Drawdown).rate_ppm += 1


@breaks("INV-RATE-AT-DRAWDOWN")
def a_price_of_another_day(life):
    # The LPR stood still through the summer of 2020; in April it was another.
    draw = life.first(Drawdown)
    draw.asked_on = date(2020, 4, 19)
    assert lpr_ppm(draw.asked_on) != lpr_ppm(START)
    life.first(Contract).signed_on = draw.asked_on


@breaks("INV-RATE-AT-DRAWDOWN")
def a_drawdown_from_no_line(life):
    del life.tables[Line][life.first(Drawdown).application]


@breaks("INV-SCHEDULE-SUM")
def a_row_a_fen_too_large(life):
    life.first(Loan).rows[-1].principal_fen += 1


@breaks("INV-SCHEDULE-SUM")
def a_last_row_that_leaves_a_fen(life):
    life.first(Loan).rows[-1].balance_fen = 1


@breaks("INV-SCHEDULE-SUM")
def a_row_that_repays_less_than_nothing(life):
    rows = life.first(Loan).rows
    rows[-1].principal_fen += rows[-2].principal_fen + 1
    rows[-2].principal_fen = -1


@breaks("INV-ALLOCATION")
def a_payment_whose_parts_are_a_fen_short(life):
    life.first(Repayment).amount_fen += 1


@breaks("INV-SETTLED")
def an_instruction_left_open_for_days(life):
    life.first(Instruction).answer = None


def consent_of(life):
    return life.tables[Consent][life.first(DataQuery).consent]


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_had_expired(life):
    consent_of(life).expires_on = life.first(DataQuery).on


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_was_given_later(life):
    consent_of(life).given_on += A_DAY


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_was_withdrawn(life):
    consent_of(life).withdrawn_on = life.first(DataQuery).on - A_DAY


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_another_customers_consent(life):
    consent_of(life).customer = life.all(Customer)[1].id


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_credit_report_without_a_consent_to_it(life):
    consent_of(life).kinds -= {ConsentKind.CREDIT_REPORT}


@breaks("INV-CONSENT-BEFORE-QUERY")
def government_data_without_a_consent_to_it(life):
    consent_of(life).kinds -= {ConsentKind.GOVERNMENT_DATA}


@breaks("INV-CONSENT-BEFORE-QUERY")
def platform_data_without_a_consent_to_it(life):
    consent_of(life).kinds -= {ConsentKind.PLATFORM_DATA}


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_no_consent(life):
    life.first(DataQuery).consent = "none"


@breaks("INV-KYC-BEFORE-STEP")
def a_step_passed_without_its_check(life):
    app = life.first(Application)
    app.checks = [row for row in app.checks if row[:2] != (Step.REGISTER, Check.CARRIER)]


@breaks("INV-FACE-BINDING")
def a_drawdown_without_a_face(life):
    life.first(Drawdown).face = ""


@breaks("INV-FACE-BINDING")
def a_drawdown_with_the_contracts_face(life):
    app = life.first(Application)
    (token,) = (token for step, check, token in app.checks if (step, check) == (Step.SIGN, "face"))
    life.first(Drawdown).face = token


@breaks("INV-FACE-BINDING")
def two_drawdowns_with_one_face(life):
    life.tables[Drawdown][life.first(Application).drawdowns[1]].face = life.first(Drawdown).face


@breaks("INV-FACE-BINDING")
def a_face_that_served_two_steps(life):
    app = life.first(Application)
    token = next(token for step, check, token in app.checks if (step, check) == (Step.SIGN, "face"))
    app.checks.append((Step.APPLY, Check.FACE, token))


@breaks("INV-FACE-BINDING")
def a_face_that_served_two_applications(life):
    one, other = life.all(Application)[:2]
    one.checks.append(next(row for row in other.checks if row[1] == Check.FACE))


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_without_a_receipt(life):
    life.first(Contract).receipt = ""


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_without_a_signature(life):
    life.first(Contract).signature = ""


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_without_a_contract(life):
    del life.tables[Contract][life.first(Contract).id]


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_older_than_its_contract(life):
    life.first(Contract).signed_on += A_DAY


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_contract_of_another_bank(life):
    life.first(Contract).bank = AN_OTHER


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_contract_whose_text_was_changed(life):
    contract = life.first(Contract)
    contract.text = contract.text.replace("Lender", "lender")


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_customer_paid_and_never_screened(life):
    app = life.first(Application)
    for screening in life.all(Screening):
        if (screening.customer, screening.point) == (app.customer, Step.OPEN_ACCOUNT):
            del life.tables[Screening][screening.id]


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_customer_paid_on_a_hit(life):
    app = life.first(Application)
    for screening in life.all(Screening):
        if (screening.customer, screening.point) == (app.customer, Step.OPEN_ACCOUNT):
            screening.decision = "hit"


@breaks("INV-STATE-MOVES")
def a_state_that_no_move_led_to(life):
    life.first(Application).state = State.SIGNED


@breaks("INV-STATE-MOVES")
def a_move_that_is_not_in_the_table(life):
    life.first(Application).history.insert(1, (Step.REGISTER, "registered"))


@breaks("INV-OWNER")
def an_application_of_another_bank(life):
    customer = life.tables[Customer][life.first(Application).customer]
    customer.bank = AN_OTHER


@breaks("INV-OWNER")
def an_application_of_nobody(life):
    del life.tables[Customer][life.first(Application).customer]


@breaks("INV-OWNER")
def an_account_of_another_customer(life):
    life.tables[Account][life.first(Application).account].customer = "Csomebody"


@breaks("INV-OWNER")
def an_account_of_another_bank(life):
    life.tables[Account][life.first(Application).account].bank = AN_OTHER


@pytest.mark.parametrize("how", BREAKS)
def test_what_is_broken_is_reported_and_nothing_else(life, how):
    broken = BREAKS[how]
    broken.how(life)

    assert life.broken() == {broken.name, *broken.also}
    assert life.check(broken.name)


def test_a_telling_text_for_one_of_the_held_is_tipping_off(life, monkeypatch):
    said = Reason.NAME_LIST_REVIEW.value._replace(text="Your name resembles a listed one.")
    monkeypatch.setattr(Reason.NAME_LIST_REVIEW, "_value_", said)

    assert life.broken() == {"INV-NO-TIPPING-OFF"}


def test_every_invariant_is_seen_to_fail():
    seen = {broken.name for broken in BREAKS.values()} | {"INV-NO-TIPPING-OFF"}

    assert seen == set(INVARIANTS)


@pytest.mark.parametrize("nth", [0, 2], ids=["without a card", "with a card"])
def test_every_single_check_of_the_policy_is_missed(lived, nth):
    app = Life(*lived).all(Application)[nth]
    policy = checks_of(PRODUCTS[app.product])
    missed = []
    for row in app.checks:
        life = Life(*lived)
        here = life.tables[Application][app.id]
        here.checks = [other for other in here.checks if other[:2] != row[:2]]
        drawn = row[:2] == (Step.DRAW_DOWN, Check.FACE)  # told drawdown by drawdown

        assert life.broken() == {"INV-FACE-BINDING" if drawn else "INV-KYC-BEFORE-STEP"}, row
        missed.append(row[:2])

    opened = {(step, check) for step in policy for check in policy[step]}
    opened -= {(Step.AFTER_LOAN, Check.NAME_LIST)}
    if nth == 2:
        opened = {(step, check) for step, check in opened if step is not Step.OPEN_ACCOUNT}
    assert set(missed) == opened


def test_judged_strictly_the_sources_own_policy_lets_unscreened_customers_through(life):
    reported = {violation.invariant for violation in life.check(strict=True)}

    assert reported == {"INV-KYC-BEFORE-STEP", "INV-SANCTION-BEFORE-MONEY"}


def test_only_the_named_invariants_are_checked(life):
    a_state_that_no_move_led_to(life)
    a_price_a_millionth_too_high(life)

    assert {each.invariant for each in life.check("INV-STATE-MOVES")} == {"INV-STATE-MOVES"}
    assert life.broken() == {"INV-STATE-MOVES", "INV-RATE-AT-DRAWDOWN"}
    with pytest.raises(KeyError):
        life.check("INV-NO-SUCH")


def test_a_violation_says_what_and_where(life):
    a_price_a_millionth_too_high(life)
    (violation,) = life.check()

    assert isinstance(violation, Violation)
    assert str(violation).startswith(f"INV-RATE-AT-DRAWDOWN: {life.first(Drawdown).id}: ")


# What is on its way is no violation, and must not stay on its way for ever


def on_its_way(call, phase):
    """Return the books after a payout or collection that nobody can ask after, and the stage."""
    outcome = {calls.DISBURSE: calls.DISBURSE_OUTCOME, calls.COLLECT: calls.COLLECT_OUTCOME}
    faults = [
        Fault("corebank", FaultKind.DROP, phase, call=call.number),
        Fault("corebank", FaultKind.SERVER_ERROR, call=outcome[call].number),
    ]
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=True, faults=faults)
    stage = Stage(InstantHost(world))
    run = stage.host.run
    ending = run(stage.visit(stage.person(holds_card=False), returns=0))
    if call is calls.COLLECT:
        loan = run(stage.loan(ending))
        run(stage.days((loan.rows[0].due - stage.today).days))
        with pytest.raises(GaveUp):
            run(stage.repay(loan, "first"))
    return stage


@pytest.mark.parametrize("call", [calls.DISBURSE, calls.COLLECT], ids=lambda call: call.operation)
@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.AFTER_COMMIT])
def test_what_is_on_its_way_is_excused_and_settled_by_the_day_end(call, phase):
    stage = on_its_way(call, phase)
    world, clock = stage.world, stage.host.clock
    waiting = [order for order in world.store.tables[Instruction].values() if order.answer is None]

    assert len(waiting) == 1
    assert Life(world, clock.now_s).check() == []
    stage.host.run(stage.days(2))
    assert Life(world, clock.now_s).check() == []
    assert not [each for each in world.store.tables[Instruction].values() if each.answer is None]


def test_an_instruction_left_open_is_excused_for_a_day_and_no_longer():
    stage = on_its_way(calls.DISBURSE, Phase.AFTER_COMMIT)
    sent_s = stage.host.clock.now_s

    assert Life(stage.world, sent_s + 24 * 3600).broken() == set()
    assert Life(stage.world, sent_s + 26 * 3600).broken() == {"INV-SETTLED"}


def test_what_was_never_sent_is_not_waited_for(life):
    order = life.first(Instruction)
    order.answer = order.sent_at_s = None

    assert life.check() == []


def test_a_lost_opening_whose_customer_is_gone_is_settled_too():
    faults = [
        Fault("corebank", FaultKind.DROP, call=call.number)
        for call in (calls.OPEN, calls.OPEN_OUTCOME)
    ]
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=True, faults=faults)
    stage = Stage(InstantHost(world))
    stage.host.run(stage.visit(stage.person(holds_card=False), returns=0))
    stage.host.run(stage.days(3))

    assert Life(world, stage.host.clock.now_s).check() == []


def test_a_consent_withdrawn_later_on_the_day_it_served_is_no_violation():
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=True)
    stage = Stage(InstantHost(world))
    stage.host.run(stage.visit(stage.person(holds_card=False)))
    (customer,) = world.store.tables[Customer].values()
    stage.host.run(withdraw(stage.platform, customer, stage.today))

    assert Life(world, stage.host.clock.now_s).check() == []
