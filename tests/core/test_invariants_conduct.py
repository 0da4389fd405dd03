"""Invariants of conduct: each rule broken on purpose, in the books of one life."""

from __future__ import annotations

from datetime import date

import pytest

from core.application import Application, Reason, State, Step
from core.identity import IdNumber
from core.policies import Check, checks_of
from core.store.records import (
    Account,
    Consent,
    ConsentKind,
    Contract,
    Customer,
    DataQuery,
    Drawdown,
    Grant,
    Instruction,
    Line,
    Screening,
)
from tests.core.invariants_life import (
    A_DAY,
    AN_OTHER,
    CAREFUL,
    PRODUCTS,
    Life,
    breaks,
    copied,
    judge,
    rewrite,
    unpaid,
    ways_of,
)


@pytest.fixture
def life():
    return Life()


# Pictures


@breaks("INV-PICTURES-GRANTED")
def a_picture_that_nobody_was_granted(life):
    front = life.first(Customer).pictures[0]
    grants = life.tables[Grant]
    del grants[next(one.id for one in grants.values() if one.object == front)]


@breaks("INV-PICTURES-GRANTED")
def a_picture_that_was_granted_to_another_customer(life):
    back = life.first(Customer).pictures[1]
    next(one for one in life.all(Grant) if one.object == back).customer = "Csomebody"


# Moves and owners


@breaks("INV-STATE-MOVES")
def a_state_that_no_move_led_to(life):
    life.first(Application).state = State.SIGNED


@breaks("INV-STATE-MOVES")
def a_move_that_is_not_in_the_table(life):
    life.first(Application).history.insert(1, (Step.REGISTER, "registered"))


@breaks("INV-OWNER")
def an_application_of_another_bank(life):
    life.tables[Customer][life.first(Application).customer].bank = AN_OTHER


@breaks("INV-OWNER")
def an_application_of_nobody(life):
    del life.tables[Customer][life.first(Application).customer]


@breaks("INV-OWNER")
def an_account_of_another_customer(life):
    life.tables[Account][life.first(Application).account].customer = "Csomebody"


@breaks("INV-OWNER")
def an_account_of_another_bank(life):
    life.tables[Account][life.first(Application).account].bank = AN_OTHER


@breaks("INV-OWNER")
def an_account_that_nobody_opened(life):
    del life.tables[Account][life.first(Application).account]


@breaks("INV-OWNER", "INV-BANK-QUOTA")
def a_line_of_another_bank(life):
    life.first(Line).bank = CAREFUL


@breaks("INV-OWNER")
def a_drawdown_that_its_application_does_not_know(life):
    life.first(Application).drawdowns.pop()


@breaks("INV-OWNER", "INV-EVIDENCE-BEFORE-MONEY", "INV-LOAN-AS-DRAWN")
def a_drawdown_of_another_bank(life):
    life.first(Drawdown).bank = CAREFUL


# Consent


def consent_of(life):
    return life.tables[Consent][life.first(DataQuery).consent]


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_had_expired(life):
    consent_of(life).expires_on = life.first(DataQuery).on


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_was_given_on_a_later_day(life):
    consent_of(life).given_on += A_DAY


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_a_minute_before_its_consent(life):
    consent_of(life).given_at_s = life.first(DataQuery).at_s + 60


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_a_consent_that_was_withdrawn(life):
    consent_of(life).withdrawn_on = life.first(DataQuery).on - A_DAY


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_another_customers_consent(life):
    consent_of(life).customer = life.all(Customer)[1].id


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_query_under_no_consent(life):
    life.first(DataQuery).consent = "none"


@breaks("INV-CONSENT-BEFORE-QUERY")
def a_decision_on_data_that_nobody_asked_for(life):
    del life.tables[DataQuery][life.first(DataQuery).id]


@pytest.mark.parametrize("kind", sorted(set(ConsentKind) - {ConsentKind.FACE}))
def test_each_source_is_asked_under_a_consent_to_it(life, kind):
    consent_of(life).kinds -= {kind}

    assert life.names() == ["INV-CONSENT-BEFORE-QUERY"]


# Checks and their answers


@breaks("INV-KYC-RESULT-TABLE")
def a_carrier_that_was_busy_and_passed(life):
    reword(life, (Step.REGISTER, Check.CARRIER), "busy")


@breaks("INV-KYC-RESULT-TABLE")
def an_id_network_in_error_that_passed(life):
    reword(life, (Step.OPEN_ACCOUNT, Check.ID_NETWORK), "other_error")


@breaks("INV-KYC-RESULT-TABLE")
def a_name_that_differs_and_passed(life):
    reword(life, (Step.OPEN_ACCOUNT, Check.ID_NETWORK), "name_differs")


def reword(life, check, note):
    app = life.first(Application)
    app.checks = [(*row[:2], note) if row[:2] == check else row for row in app.checks]


@breaks("INV-KYC-BEFORE-CREDIT")
def a_step_passed_without_its_check(life):
    forget(life.first(Application), Step.REGISTER, Check.CARRIER)


@breaks("INV-KYC-BEFORE-CREDIT")
def an_account_opened_without_the_photo_that_the_id_network_had(life):
    forget(life.first(Application), Step.OPEN_ACCOUNT, Check.FACE_PHOTO)


def forget(app, *check):
    app.checks = [row for row in app.checks if row[:2] != check]


def test_a_photo_that_the_id_network_does_not_have_is_not_missed(life):
    an_account_opened_without_the_photo_that_the_id_network_had(life)
    reword(life, (Step.OPEN_ACCOUNT, Check.ID_NETWORK), "match_no_photo")

    assert life.names() == []


@breaks("INV-AGE")
def a_customer_a_day_too_young(life):
    app, on, product = unpaid(life)
    born_on(life, app, date(on.year - product.age_min, on.month, on.day) + A_DAY)


@breaks("INV-AGE")
def a_customer_a_day_too_old(life):
    app, on, product = unpaid(life)
    born_on(life, app, date(on.year - product.age_max - 1, on.month, on.day))


@pytest.mark.parametrize("years", ["age_min", "age_max"])
def test_a_birthday_counts_from_its_own_day_on(life, years):
    app, on, product = unpaid(life)
    born_on(life, app, date(on.year - getattr(product, years), on.month, on.day))

    assert life.names() == []


def born_on(life, app, born):
    """Have a customer be born on a day, with all that bears their number."""
    customer = life.tables[Customer][app.customer]
    old = customer.number.text
    head = f"{old[:6]}{born:%Y%m%d}{old[14:17]}"
    customer.number = IdNumber(head + IdNumber.check_digit(head))
    rewrite(life.tables[Contract][app.contract], old, customer.number.text)


@pytest.mark.parametrize("name", ["early", "late", "careful", "holder"])
def test_every_single_check_of_the_policy_is_missed(name):
    probe = Life()
    app = probe.tables[Application][probe.apps[name]]
    missed = set()
    for check in {row[:2] for row in app.checks}:
        life = Life()
        forget(life.tables[Application][app.id], *check)
        drawn = check == (Step.DRAW_DOWN, Check.FACE)  # told drawdown by drawdown
        assert life.names()[0] == ("INV-FACE-BINDING" if drawn else "INV-KYC-BEFORE-CREDIT"), check
        missed.add(check)
    policy = checks_of(PRODUCTS[app.product])
    asked = {(step, check) for step in policy for check in policy[step]}
    asked -= {(Step.AFTER_LOAN, Check.NAME_LIST)}
    if name == "holder":  # nothing is opened, nothing is checked
        asked = {(step, check) for step, check in asked if step is not Step.OPEN_ACCOUNT}
    assert missed == asked


# Faces


def token_of(app, at):
    return next(token for step, check, token in app.checks if (step, check) == (at, Check.FACE))


@breaks("INV-FACE-BINDING")
def a_drawdown_without_a_face(life):
    life.first(Drawdown).face = ""


@breaks("INV-FACE-BINDING", "INV-FACE-ONCE")
def a_drawdown_with_the_contracts_face(life):
    life.first(Drawdown).face = token_of(life.first(Application), Step.SIGN)


@breaks("INV-FACE-BINDING")
def a_face_that_served_two_steps(life):
    app = life.first(Application)
    app.checks.append((Step.APPLY, Check.FACE, token_of(app, Step.SIGN)))


@breaks("INV-FACE-BINDING")
def a_face_that_served_two_applications(life):
    one, other = life.all(Application)[:2]
    one.checks.append(next(row for row in other.checks if row[1] == Check.FACE))


@breaks("INV-FACE-BINDING")
def a_drawdown_with_another_customers_face(life):
    one, other = life.all(Application)[:2]
    draw = life.tables[Drawdown][one.drawdowns[0]]
    draw.face = token_of(other, Step.APPLY)


@breaks("INV-FACE-BINDING", "INV-CONTRACT-HASH", "INV-EVIDENCE-BEFORE-MONEY")
def a_signature_with_the_face_of_another_step(life):
    contract = life.first(Contract)
    contract.will = token_of(life.first(Application), Step.APPLY)


@breaks("INV-FACE-BINDING", "INV-AS-INSTRUCTED")
def a_face_shown_for_another_amount(life):
    draw = life.first(Drawdown)
    life.tables[Instruction][draw.instruction].query.amount_fen += 1


@breaks("INV-FACE-ONCE")
def two_drawdowns_with_one_face(life):
    one, other = life.first(Application).drawdowns[:2]
    life.tables[Drawdown][other].face = life.tables[Drawdown][one].face


# Name lists


def screenings_of(life, app, point):
    return [
        screening
        for screening in life.all(Screening)
        if (screening.application, screening.point) == (app.id, point)
    ]


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_customer_paid_and_never_screened(life):
    for screening in screenings_of(life, life.first(Application), Step.OPEN_ACCOUNT):
        del life.tables[Screening][screening.id]


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_customer_paid_on_a_hit(life):
    for screening in screenings_of(life, life.first(Application), Step.OPEN_ACCOUNT):
        screening.decision = "hit"


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_careful_bank_that_did_not_ask_at_the_drawdown(life):
    app = life.tables[Application][life.apps["careful"]]
    for screening in screenings_of(life, app, Step.DRAW_DOWN):
        del life.tables[Screening][screening.id]


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_screening_older_than_the_drawdown(life):
    app = life.tables[Application][life.apps["careful"]]
    screenings_of(life, app, Step.DRAW_DOWN)[-1].on -= A_DAY


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_screening_against_a_list_that_was_outdated(life):
    app = life.tables[Application][life.apps["careful"]]
    first, second = screenings_of(life, app, Step.DRAW_DOWN)
    assert first.list_version != second.list_version
    second.list_version = first.list_version


@breaks("INV-SANCTION-BEFORE-MONEY")
def a_customer_paid_whom_the_lists_named_the_day_before(life):
    draw = life.first(Drawdown)
    app = life.tables[Application][draw.application]
    hit = copied(life.first(Screening), id="Shit", customer=app.customer, decision="hit")
    hit.on = draw.asked_on - A_DAY
    life.tables[Screening][hit.id] = hit


def test_a_customer_may_be_listed_after_the_money(life):
    a_customer_paid_whom_the_lists_named_the_day_before(life)
    life.tables[Screening]["Shit"].on = life.first(Drawdown).asked_on

    assert life.names() == []


def test_a_telling_text_for_one_of_the_held_is_tipping_off(life, monkeypatch):
    said = Reason.NAME_LIST_REVIEW.value._replace(text="Your name resembles a listed one.")
    monkeypatch.setattr(Reason.NAME_LIST_REVIEW, "_value_", said)

    assert life.names() == ["INV-NO-TIPPING-OFF"]


# Contracts and evidence


@breaks("INV-CONTRACT-HASH")
def a_contract_whose_text_was_changed(life):
    contract = life.first(Contract)
    contract.text = contract.text.replace("specimen", "original")


@breaks("INV-CONTRACT-HASH")
def a_receipt_for_other_evidence(life):
    life.first(Contract).certificate += "0"


@breaks("INV-CONTRACT-HASH", causes=("INV-FACE-BINDING",))
def a_contract_of_no_application(life):
    contract = copied(life.first(Contract), id="Nghost", receipt="", will="")
    life.tables[Contract][contract.id] = contract


@pytest.mark.parametrize(
    "what", ["its borrower", "the account", "the amount", "the day", "the price", "the most"]
)
def test_a_contract_names_whom_and_what_it_is_about(life, what):
    app, signed_on, _ = unpaid(life)
    contract = life.tables[Contract][app.contract]
    said = {
        "its borrower": life.tables[Customer][app.customer].number.text,
        "the account": app.account,
        "the amount": f'"limit_fen":{life.tables[Line][app.id].limit_fen}',
        "the day": f'"signed_on":"{signed_on}"',
        "the price": f'"rate_ppm":{contract.rate_ppm}',
        "the most": f'"cap_ppm":{contract.cap_ppm}',
    }
    rewrite(contract, said[what], said[what].replace("0", "1"))

    assert life.names() == ["INV-CONTRACT-HASH"]
    assert f"does not name {what}" in str(life.check()[0])


@breaks("INV-DISCLOSED")
def a_rate_disclosed_a_millionth_too_low(life):
    contract = life.tables[Contract][unpaid(life)[0].contract]
    contract.disclosed_ppm -= 1
    said = '"simple_ppm":'
    rewrite(contract, f"{said}{contract.disclosed_ppm + 1}", f"{said}{contract.disclosed_ppm}")


@breaks("INV-DISCLOSED")
def a_price_that_was_not_that_of_the_day_of_signing(life):
    contract = life.tables[Contract][unpaid(life)[0].contract]
    contract.rate_ppm += 1
    said = '"rate_ppm":'
    rewrite(contract, f"{said}{contract.rate_ppm - 1}", f"{said}{contract.rate_ppm}")


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_without_a_receipt(life):
    life.first(Contract).receipt = ""


@breaks("INV-EVIDENCE-BEFORE-MONEY", causes=("INV-CONTRACT-HASH",))
def a_payout_without_a_signature(life):
    life.first(Contract).signature = ""


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_without_a_contract(life):
    del life.tables[Contract][life.first(Contract).id]


@breaks("INV-EVIDENCE-BEFORE-MONEY")
def a_payout_older_than_its_contract(life):
    life.first(Contract).stamped_at += 3600


@breaks("INV-EVIDENCE-BEFORE-MONEY", causes=("INV-CONTRACT-HASH",))
def a_payout_on_a_signature_that_does_not_hold(life):
    contract = life.first(Contract)
    contract.signature = life.all(Contract)[1].signature


@pytest.mark.parametrize("how", ways_of(__name__))
def test_what_is_broken_is_reported_first_and_nothing_else(how):
    judge(how)
