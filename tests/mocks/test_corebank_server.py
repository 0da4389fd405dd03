"""Core banking over real HTTP: a whole loan, keys that post once, and the operator's day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import httpx
import pytest

from core.ports.corebank import AccountAct, Adjustment
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.rest_app import rest_app
from tests.mocks.rest_kit import (
    BANK,
    NINE,
    OTHER_BANK,
    SERVICES,
    asking,
    key,
    refused,
    serving,
    tenants,
)

EXAMPLES = {post.name: post.example for post in SERVICES["corebank"].posts}
KEYED = [name for name, example in EXAMPLES.items() if "key" in example]
WRITES = [name for name in KEYED if name != "outcome"]
TODAY, TOMORROW = "2020-07-15", "2020-07-16"


@pytest.fixture(scope="module")
def world():
    return tenants()


@pytest.fixture(scope="module")
def url(world):
    with serving(rest_app(world)) as address:
        yield address


@pytest.fixture
def ask(url, world, request):
    """Ask an operation in a world of the test's own; return the response."""
    tenant = world.open(request.node.name)
    with asking(url, tenant) as client:

        def asked(operation, **body):
            return client.post(f"/corebank/v1/{operation}", json=body)

        asked.tenant = tenant
        yield asked
    world.close(tenant.name)


class Customer:
    """A person with a card of the bank, and what they have the core do."""

    def __init__(self, ask):
        self.ask = ask
        self.person = ask.tenant.people.make(BANK, 0, holds_card=True)
        self.named = {"name": self.person.name, "number": self.person.id_number.text}
        self.phone = self.person.phone.text
        self.card = self.told("customer", bank=BANK, **self.named)["card"]
        self.account = ""

    def told(self, operation, **body):
        response = self.ask(operation, **body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return response.json()

    def write(self, operation, serial, **body):
        return self.told(operation, key=key(serial), **body)

    def opens(self):
        body = {**self.named, "phone": self.phone, "bound": self.card, "account_class": "II"}
        posted = self.write("open_account", "O-1", **body)
        assert (posted["outcome"], posted["account"][:6]) == ("done", self.card[:6])
        self.account = posted["account"]
        return posted

    def draws(self, serial="D-1", loan="L-1", amount_fen="5000000"):
        body = {"loan": loan, "account": self.account, "amount_fen": amount_fen}
        return self.write("disburse", serial, **body)

    def pays(self, serial="C-1", principal_fen="400000", interest_fen="30000", **parts):
        parts = {"overdue_principal_fen": "0", "penalty_fen": "0", **parts}
        body = {"loan": "L-1", "account": self.account, "principal_fen": principal_fen}
        return self.write("collect", serial, interest_fen=interest_fen, **body, **parts)

    def balance_fen(self):
        return self.told("balance", bank=BANK, account=self.account)["balance_fen"]

    def ends_day(self, bank=BANK, next_date=TOMORROW):
        self.told("operator/cutoff", bank=bank)
        self.told("operator/batch", bank=bank)
        return self.told("operator/close", bank=bank, next_date=next_date)


@pytest.fixture
def customer(ask):
    return Customer(ask)


@pytest.fixture
def lent(customer):
    customer.opens()
    assert customer.draws()["outcome"] == "done"
    return customer


# A whole loan


def test_a_loan_is_paid_out_repaid_and_found_in_the_papers_of_its_day(customer):
    opened = customer.opens()
    assert opened["accounting_date"] == TODAY
    assert customer.draws()["code"] == "ok"
    assert customer.balance_fen() == "5000000"

    accrued = {"loan": "L-1", "adjustment": "accrue_interest", "amount_fen": "30000"}
    assert customer.write("adjust", "A-1", **accrued)["outcome"] == "done"
    paid = customer.pays()
    assert (paid["outcome"], customer.balance_fen()) == ("done", "4570000")
    undone = customer.write("reverse", "R-1", original=key("C-1"))
    assert (undone["outcome"], customer.balance_fen()) == ("done", "5000000")
    assert customer.pays("C-2")["outcome"] == "done"

    fenced = customer.write("outcome", "never", fence=True)
    assert (fenced["outcome"], fenced["code"]) == ("not_found", "fenced")
    assert customer.write("outcome", "C-2", fence=True)["core_serial"]
    assert customer.told("day", bank=BANK)["stage"] == "open"
    assert customer.told("reconciliation", bank=BANK) == {"content": None}

    day = customer.ends_day()
    assert (day["accounting_date"], day["sealed"], day["stage"]) == (TOMORROW, TODAY, "open")
    content = customer.told("reconciliation", bank=BANK, on=TODAY)["content"]
    body, _, tail = content.rpartition("T|")
    assert content.startswith(f"H|1|{BANK}|{TODAY}|5|")
    assert tail.strip().endswith(sha256(body.encode()).hexdigest())
    serials = [line.split("|")[3] for line in body.splitlines()[1:]]
    assert serials == ["D-1", "A-1", "C-1", "R-1", "C-2"]

    ledger = customer.told("general_ledger", bank=BANK)
    assert ledger["on"] == TODAY
    assert ledger["totals"]["1303.01"] == "4600000"
    assert sum(int(total) for total in ledger["totals"].values()) == 0
    period = {"since": TODAY, "until": TODAY}
    statement = customer.told("statement", bank=BANK, account=customer.account, **period)
    assert [line["amount_fen"] for line in statement["lines"]] == [
        "5000000",
        "-430000",
        "430000",
        "-430000",
    ]
    assert (statement["opening_fen"], statement["closing_fen"]) == ("0", "4570000")


def test_the_books_hold_together_after_what_came_over_the_wire(lent):
    assert lent.pays(interest_fen="0")["outcome"] == "done"
    lent.ends_day()

    core = lent.ask.tenant.behaviours["corebank"]
    assert core.verify_chain(BANK)
    assert [entry.key.serial for entry in core.entries(BANK)][-2:] == ["D-1", "C-1"]


def test_what_the_bank_knows_of_a_person_comes_in_strings_of_fen(customer):
    known = customer.told("customer", bank=BANK, **customer.named)
    elsewhere = customer.told("customer", bank=OTHER_BANK, **customer.named)

    assert known["average_deposit_fen"] == str(customer.person.average_deposit_fen)
    assert known["tenure_months"] == customer.person.tenure_months
    assert elsewhere["card"] is None


def test_the_five_elements_are_asked_of_the_cards_own_bank(customer):
    five = {**customer.named, "phone": customer.phone, "card": customer.card, "bank": OTHER_BANK}

    assert customer.told("verify_five", **five) == {"verdict": "same", "card_bank": BANK}
    five["phone"] = "13800000000"
    assert customer.told("verify_five", **five)["verdict"] == "different"


def test_money_moves_is_set_aside_and_falls_back(lent):
    account = {"account": lent.account}
    moved = lent.write("move", "M-1", **account, direction="out", amount_fen="1000000")
    assert (moved["outcome"], lent.balance_fen()) == ("done", "4000000")
    out = {**account, "direction": "out", "amount_fen": "20000", "purpose": "consumption"}
    assert lent.write("transfer", "T-1", **out, fee_fen="100")["outcome"] == "done"
    assert lent.balance_fen() == "3979900"

    assert lent.write("reserve", "S-1", **account, amount_fen="50000")["outcome"] == "done"
    held = lent.told("balance", bank=BANK, **account)
    assert (held["balance_fen"], held["reserved_fen"]) == ("3979900", "50000")
    resolved = lent.write("resolve", "S-2", reservation=key("S-1"), amount_fen="30000")
    assert (resolved["outcome"], lent.balance_fen()) == ("done", "3949900")
    limits = lent.told("limits", bank=BANK, **account)
    assert limits["in_fen"] == "0", "nobody saw this customer yet"
    assert limits["out_fen"] == str(1_000_000 - 20_000 - 30_000)


@pytest.mark.parametrize("act", list(AccountAct))
def test_each_act_on_an_account_is_understood(lent, act):
    body = {"account": lent.account, "act": act.value, "bound": lent.card}
    posted = lent.write("account", "X-1", **body)

    assert posted["code"] == ("balance_left" if act is AccountAct.CLOSE else "ok")
    frozen = lent.told("balance", bank=BANK, account=lent.account)["frozen"]
    assert frozen is (act is AccountAct.FREEZE)


@pytest.mark.parametrize("adjustment", list(Adjustment))
def test_each_adjustment_is_understood(lent, adjustment):
    body = {"loan": "L-1", "adjustment": adjustment.value, "amount_fen": "100"}

    assert lent.write("adjust", "J-1", **body)["outcome"] in {"done", "rejected"}


# Keys


def test_the_same_key_is_replayed_and_with_other_content_refused(lent):
    again, other = lent.draws(), lent.draws(amount_fen="5000001")

    assert (again["outcome"], again["replayed"]) == ("done", True)
    assert (other["outcome"], other["code"]) == ("rejected", "key_conflict")
    assert lent.balance_fen() == "5000000"


def test_a_fenced_key_never_posts(customer):
    customer.opens()
    customer.write("outcome", "D-1", fence=True)

    assert customer.draws()["code"] == "fenced"
    assert customer.balance_fen() == "0"


def test_of_many_who_send_one_key_at_once_one_has_an_effect(customer, url):
    customer.opens()
    body = {"key": key("D-1"), "loan": "L-1", "account": customer.account, "amount_fen": "700"}
    headers = {"X-Api-Key": customer.ask.tenant.credentials.api_key}

    def send(_):
        path = f"{url}/corebank/v1/disburse"
        return httpx.post(path, json=body, headers=headers, timeout=5, trust_env=False).json()

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(send, range(16)))
    assert {answer["core_serial"] for answer in answers} == {answers[0]["core_serial"]}
    assert [answer["replayed"] for answer in answers].count(False) == 1
    assert customer.balance_fen() == "700"


def test_what_comes_after_its_time_expires(customer):
    customer.opens()
    body = {"loan": "L-1", "account": customer.account, "amount_fen": "700"}

    late = customer.write("disburse", "D-1", **body, valid_until_s=NINE - 0.5)
    assert (late["outcome"], late["code"]) == ("rejected", "expired")
    assert customer.write("disburse", "D-2", **body, valid_until_s=int(NINE))["outcome"] == "done"


@pytest.mark.parametrize("operation", KEYED)
def test_a_key_that_no_file_could_tell_is_refused(ask, operation):
    for field, value in (
        ("serial", "a|b"),
        ("serial", ""),
        ("channel", "lo\nan"),
        ("channel_date", "2020-02-30"),
        ("channel_date", "20200715"),
    ):
        body = EXAMPLES[operation] | {"key": key("K") | {field: value}}
        refused(ask(operation, **body), 422, f"key.{field}")


@pytest.mark.parametrize("operation", WRITES)
def test_nobody_writes_under_the_cores_own_channel(ask, operation):
    body = EXAMPLES[operation] | {"key": key("K") | {"channel": "core"}}
    refused(ask(operation, **body), 422, "core's")


# Values and shapes


@pytest.mark.parametrize(
    "amount", ["1.0", "1e3", "", " 1", "1 ", "+1", "0x1", "1" * 17, "１", "--1"]
)
def test_an_amount_is_a_decimal_string_of_fen(ask, amount):
    refused(ask("disburse", **EXAMPLES["disburse"] | {"amount_fen": amount}), 422, "amount_fen")


@pytest.mark.parametrize("amount", [100, 1.5, True, None, ["100"]])
def test_an_amount_is_no_number(ask, amount):
    refused(ask("disburse", **EXAMPLES["disburse"] | {"amount_fen": amount}), 400, "amount_fen")


@pytest.mark.parametrize("amount", ["-1", "0", "-0", "9999999999999999"])
def test_what_is_an_amount_but_none_to_pay_out_is_the_cores_business(lent, amount):
    assert lent.draws("D-2", "L-2", amount)["code"] == "bad_amount"


@pytest.mark.parametrize(
    ("operation", "field", "value", "status"),
    [
        ("customer", "number", "329900198701010010", 422),
        ("verify_five", "phone", "23900001234", 422),
        ("verify_five", "card", "6290010000000000", 422),
        ("open_account", "account_class", "IV", 422),
        ("open_account", "bound", "62290X", 422),
        ("account", "act", "melt", 422),
        ("account", "bound", 5, 400),
        ("balance", "account", "0" * 20, 422),
        ("limits", "account", None, 400),
        ("disburse", "loan", "L|1", 422),
        ("disburse", "valid_until_s", "soon", 400),
        ("collect", "memo_interest_fen", "a", 422),
        ("adjust", "adjustment", "forget", 422),
        ("move", "direction", "up", 422),
        ("transfer", "purpose", "gambling", 422),
        ("transfer", "fee_fen", 1, 400),
        ("reserve", "expires_s", "1", 400),
        ("resolve", "reservation", "S-1", 400),
        ("reverse", "original", {"bank": BANK}, 400),
        ("outcome", "fence", "true", 400),
        ("outcome", "fence", 1, 400),
        ("open_keys", "on", "2020-13-01", 422),
        ("day", "on", 20200715, 400),
        ("statement", "since", "yesterday", 422),
        ("reconciliation", "on", "", 422),
        ("general_ledger", "on", "2020-7-15", 422),
        ("operator/cutoff", "next_date", "2100-01-01", 422),
        ("operator/batch", "next_date", TOMORROW, 400),
        ("operator/close", "next_date", None, 400),
    ],
)
def test_each_operation_names_the_field_that_is_wrong(ask, operation, field, value, status):
    body = EXAMPLES[operation] | {field: value}

    assert refused(ask(operation, **body), status)["errors"][0]["field"].split(".")[0] == field


@pytest.mark.parametrize("operation", list(EXAMPLES))
def test_a_bank_that_is_none_of_the_union_is_not_found(ask, operation):
    body = dict(EXAMPLES[operation])
    if "key" in body:
        body["key"] = key("K", "nobank")
    else:
        body["bank"] = "nobank"
    refused(ask(operation, **body), 404, "nobank")


@pytest.mark.parametrize("operation", list(EXAMPLES))
def test_what_is_none_may_be_null_or_left_out(ask, operation):
    body = EXAMPLES[operation]
    optional = {"bound", "valid_until_s", "other", "expires_s", "on"}
    fields = set(SERVICES["corebank"].posts[list(EXAMPLES).index(operation)].body.model_fields)
    nulls = dict.fromkeys(optional & fields - set(body))

    response = ask(operation, **nulls | body)
    if operation.startswith("operator/") and operation != "operator/cutoff":
        refused(response, 409)  # this day was not cut off
    else:
        assert response.status_code == 200


# The day


def test_the_day_goes_through_its_stages(customer):
    customer.opens()
    cut = customer.told("operator/cutoff", bank=BANK)
    assert (cut["accounting_date"], cut["stage"]) == (TODAY, "cutoff")
    assert customer.draws()["accounting_date"] == TOMORROW
    assert customer.told("operator/batch", bank=BANK)["stage"] == "batch"
    refusal = customer.draws("D-2", "L-2")
    assert (refusal["code"], refusal["retryable"]) == ("day_end", True)
    assert customer.told("day", bank=OTHER_BANK)["stage"] == "open"

    closed = customer.told("operator/close", bank=BANK, next_date=TOMORROW)
    assert customer.told("operator/close", bank=BANK, next_date=TOMORROW) == closed
    assert customer.draws("D-2", "L-2")["outcome"] == "done"


def test_an_operator_cannot_skip_a_stage(customer):
    refused(customer.ask("operator/batch", bank=BANK), 409, "cut off")
    refused(customer.ask("operator/close", bank=BANK, next_date=TOMORROW), 409, "stage open")
    refused(customer.ask("operator/cutoff", bank=BANK, next_date=TODAY), 409, "not after")
    customer.told("operator/cutoff", bank=BANK)
    refused(customer.ask("operator/close", bank=BANK, next_date=TOMORROW), 409, "stage cutoff")
    customer.told("operator/batch", bank=BANK)
    refused(customer.ask("operator/close", bank=BANK, next_date=TODAY), 409, "not after")


def test_keys_that_are_not_final_are_told(lent):
    assert lent.told("open_keys", bank=BANK) == []
    core = lent.ask.tenant.behaviours["corebank"]
    core.faults = [CoreFault(CoreFaultKind.ACCEPTED_NOT_DONE, serial="C-1", delay_s=60.0)]
    assert lent.pays()["outcome"] == "in_progress"

    assert lent.told("open_keys", bank=BANK) == [key("C-1")]


def test_a_question_that_the_core_cannot_answer_is_503(lent):
    core = lent.ask.tenant.behaviours["corebank"]
    core.faults = [CoreFault(CoreFaultKind.QUERY_DOWN)]

    refused(lent.ask("outcome", key=key("D-1"), fence=False), 503)
