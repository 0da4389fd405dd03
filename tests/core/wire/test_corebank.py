"""Core banking over the wire: golden JSON both ways, money exact, garbage unreadable."""

from __future__ import annotations

import json
from datetime import date
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.ports import corebank
from core.ports.corebank import (
    AccountAct,
    AccountClass,
    AccountQuery,
    Adjustment,
    AdjustQuery,
    BalanceAnswer,
    BalanceQuery,
    BankQuery,
    CollectQuery,
    CoreBank,
    CoreCode,
    CustomerAnswer,
    CustomerQuery,
    DayAnswer,
    Direction,
    DisburseQuery,
    FileAnswer,
    FiveAnswer,
    FiveQuery,
    FiveVerdict,
    GeneralLedgerAnswer,
    Key,
    LimitsAnswer,
    MoveQuery,
    OpenQuery,
    Outcome,
    OutcomeQuery,
    Posted,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    Stage,
    StatementAnswer,
    StatementLine,
    StatementQuery,
    TransferQuery,
)
from core.ports.trace import Trace
from core.wire.corebank import CorebankWire
from tests.core.wire.rest_kit import (
    CARD,
    GARBAGE,
    KEY,
    NUMBER,
    OTHER_CARD,
    PHONE,
    TRACE,
    answer,
    anything,
    asked,
    damaged,
    ended,
    ending_of,
    form,
    problem,
    told,
)

DAY = date(2020, 7, 2)
ORDER = Key("qiaowu", "loanrange", DAY, "d-1")
ORDER_JSON = {
    "bank": "qiaowu",
    "channel": "loanrange",
    "channel_date": "2020-07-02",
    "serial": "d-1",
}
BEFORE = Key("qiaowu", "loanrange", date(2020, 7, 1), "d-0")
BEFORE_JSON = {**ORDER_JSON, "channel_date": "2020-07-01", "serial": "d-0"}
HUGE_FEN = 2**53 + 1  # the first whole number that a float does not hold
HUGE = "9007199254740993"

POSTED = Posted(Outcome.DONE, CoreCode.OK, "C-77", DAY, CARD, replayed=True)
POSTED_JSON = {
    "outcome": "done",
    "code": "ok",
    "core_serial": "C-77",
    "accounting_date": "2020-07-02",
    "account": CARD.text,
    "replayed": True,
    "retryable": False,
}

# Operation, query, its body; the answer's body, the answer.
GOLDEN = [
    (
        "customer",
        CustomerQuery("王小明", NUMBER),
        {"name": "王小明", "number": NUMBER.text, "bank": "qiaowu"},
        {
            "card": CARD.text,
            "tenure_months": 31,
            "average_deposit_fen": HUGE,
            "monthly_wage_fen": "650000",
        },
        CustomerAnswer(CARD, 31, HUGE_FEN, 650_000),
    ),
    (
        "verify_five",
        FiveQuery("王小明", NUMBER, PHONE, CARD),
        {
            "name": "王小明",
            "number": NUMBER.text,
            "phone": PHONE.text,
            "card": CARD.text,
            "bank": "qiaowu",
        },
        {"verdict": "not_class_one", "card_bank": "lianzhi"},
        FiveAnswer(FiveVerdict.NOT_CLASS_ONE, "lianzhi"),
    ),
    (
        "open_account",
        OpenQuery(ORDER, "王小明", NUMBER, PHONE, CARD, 86_400.5, AccountClass.III),
        {
            "key": ORDER_JSON,
            "name": "王小明",
            "number": NUMBER.text,
            "phone": PHONE.text,
            "bound": CARD.text,
            "valid_until_s": 86_400.5,
            "account_class": "III",
        },
        POSTED_JSON,
        POSTED,
    ),
    (
        "disburse",
        DisburseQuery(ORDER, "loan-1", CARD, HUGE_FEN),
        {"key": ORDER_JSON, "loan": "loan-1", "account": CARD.text, "amount_fen": HUGE},
        POSTED_JSON,
        POSTED,
    ),
    (
        "collect",
        CollectQuery(ORDER, "loan-1", CARD, 1, 2, 3, 4, 5, 6, 7, 8, 90_000.0),
        {
            "key": ORDER_JSON,
            "loan": "loan-1",
            "account": CARD.text,
            "principal_fen": "1",
            "overdue_principal_fen": "2",
            "interest_fen": "3",
            "penalty_fen": "4",
            "non_accrual_principal_fen": "5",
            "memo_interest_fen": "6",
            "memo_penalty_fen": "7",
            "recovered_fen": "8",
            "valid_until_s": 90_000.0,
        },
        POSTED_JSON,
        POSTED,
    ),
    (
        "adjust",
        AdjustQuery(ORDER, "loan-1", Adjustment.TO_OVERDUE, 50),
        {"key": ORDER_JSON, "loan": "loan-1", "adjustment": "to_overdue", "amount_fen": "50"},
        POSTED_JSON,
        POSTED,
    ),
    (
        "move",
        MoveQuery(ORDER, CARD, Direction.IN, 50),
        {"key": ORDER_JSON, "account": CARD.text, "direction": "in", "amount_fen": "50"},
        POSTED_JSON,
        POSTED,
    ),
    (
        "reverse",
        ReverseQuery(ORDER, BEFORE),
        {"key": ORDER_JSON, "original": BEFORE_JSON},
        POSTED_JSON,
        POSTED,
    ),
    (
        "outcome",
        OutcomeQuery(ORDER, fence=True),
        {"key": ORDER_JSON, "fence": True},
        {
            "outcome": "not_found",
            "code": "fenced",
            "core_serial": "",
            "accounting_date": None,
            "replayed": False,
            "retryable": False,
        },
        Posted(Outcome.NOT_FOUND, CoreCode.FENCED),
    ),
    (
        "transfer",
        TransferQuery(ORDER, CARD, Direction.OUT, 50, "cash", 2, None, OTHER_CARD),
        {
            "key": ORDER_JSON,
            "account": CARD.text,
            "direction": "out",
            "amount_fen": "50",
            "purpose": "cash",
            "fee_fen": "2",
            "other": OTHER_CARD.text,
        },
        POSTED_JSON,
        POSTED,
    ),
    (
        "reserve",
        ReserveQuery(ORDER, CARD, 50, expires_s=88_200.0),
        {"key": ORDER_JSON, "account": CARD.text, "amount_fen": "50", "expires_s": 88_200.0},
        POSTED_JSON,
        POSTED,
    ),
    (
        "resolve",
        ResolveQuery(ORDER, BEFORE),
        {"key": ORDER_JSON, "reservation": BEFORE_JSON, "amount_fen": "0"},
        POSTED_JSON,
        POSTED,
    ),
    (
        "account",
        AccountQuery(ORDER, CARD, AccountAct.BIND, OTHER_CARD),
        {"key": ORDER_JSON, "account": CARD.text, "act": "bind", "bound": OTHER_CARD.text},
        POSTED_JSON,
        POSTED,
    ),
    (
        "balance",
        BalanceQuery(CARD),
        {"account": CARD.text, "bank": "qiaowu"},
        {
            "account_class": "II",
            "balance_fen": HUGE,
            "reserved_fen": "5",
            "frozen": True,
        },
        BalanceAnswer(AccountClass.II, HUGE_FEN, 5, frozen=True),
    ),
    (
        "limits",
        BalanceQuery(CARD),
        {"account": CARD.text, "bank": "qiaowu"},
        {"in_fen": None, "out_fen": "1000000"},
        LimitsAnswer(None, 1_000_000),
    ),
    (
        "open_keys",
        BankQuery("lianzhi", DAY),
        {"bank": "lianzhi", "on": "2020-07-02"},
        [ORDER_JSON, BEFORE_JSON],
        (ORDER, BEFORE),
    ),
    (
        "day",
        BankQuery("lianzhi"),
        {"bank": "lianzhi"},
        {"accounting_date": "2020-07-02", "stage": "cutoff", "sealed": None, "held": False},
        DayAnswer(DAY, Stage.CUTOFF),
    ),
    (
        "statement",
        StatementQuery(CARD, date(2020, 7, 1), DAY),
        {"account": CARD.text, "since": "2020-07-01", "until": "2020-07-02", "bank": "qiaowu"},
        {
            "opening_fen": "0",
            "lines": [
                {
                    "accounting_date": "2020-07-02",
                    "core_serial": "C-77",
                    "kind": "collect",
                    "amount_fen": "-50",
                    "balance_fen": HUGE,
                }
            ],
            "closing_fen": HUGE,
        },
        StatementAnswer(0, (StatementLine(DAY, "C-77", "collect", -50, HUGE_FEN),), HUGE_FEN),
    ),
    (
        "reconciliation",
        BankQuery("lianzhi", DAY),
        {"bank": "lianzhi", "on": "2020-07-02"},
        {"content": "H|1|lianzhi|2020-07-02|0|0\nT|0|0|00\n"},
        FileAnswer("H|1|lianzhi|2020-07-02|0|0\nT|0|0|00\n"),
    ),
    (
        "general_ledger",
        BankQuery("lianzhi", DAY),
        {"bank": "lianzhi", "on": "2020-07-02"},
        {"on": "2020-07-02", "totals": {"1302.01": HUGE, "2011.02": f"-{HUGE}"}},
        GeneralLedgerAnswer(DAY, {"1302.01": HUGE_FEN, "2011.02": -HUGE_FEN}),
    ),
]
OPERATIONS = [row[0] for row in GOLDEN]
WIRE = CorebankWire(KEY)


@pytest.fixture(params=GOLDEN, ids=OPERATIONS)
def golden(request):
    return request.param


def hints_of(operation):
    """The types of an operation's query and answer, as its port says them."""
    return get_type_hints(getattr(CoreBank, operation), vars(corebank), {"Trace": Trace})


def ask(operation, response, query=None):
    if query is None:
        query = next(row[1] for row in GOLDEN if row[0] == operation)
    return told(getattr(WIRE, operation)(TRACE, query), response)


def test_every_operation_of_the_port_is_told():
    operations = {name for name in vars(CoreBank) if not name.startswith("_")}
    assert operations == set(OPERATIONS)


def test_a_query_is_told_in_golden_json(golden):
    operation, query, body, _, _ = golden
    request = asked(getattr(WIRE, operation)(TRACE, query))

    assert (request.method, request.path) == ("POST", f"/corebank/v1/{operation}")
    assert request.headers == {"Content-Type": "application/json", "X-Api-Key": KEY}
    assert json.loads(request.body) == body


def test_an_answer_is_read_from_golden_json(golden):
    operation, query, _, body, expected = golden
    read = ask(operation, answer(body), query)
    assert read == expected
    assert type(read) is type(expected)


def test_a_field_that_nobody_knows_is_passed_over(golden):
    operation, query, _, body, expected = golden
    if operation == "open_keys":
        body = [{**key, "colour": "red"} for key in body]
    else:
        body = {**body, "colour": "red", "then": {"nested": [1]}}
    assert ask(operation, answer(body), query) == expected


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (operation, field)
        for operation, _, _, body, _ in GOLDEN
        if isinstance(body, dict)
        for field, value in body.items()
        if value is not None
        # What may be None may be left out; these may.
        and field
        not in ("account", "accounting_date", "account_class", "card", "content", "out_fen")
    ],
)
def test_a_field_that_is_missing_is_unreadable(operation, field):
    body = next(row[3] for row in GOLDEN if row[0] == operation)
    rest = {name: value for name, value in body.items() if name != field}
    with pytest.raises(Unreadable, match=f"corebank.{operation}: {field} is missing"):
        ask(operation, answer(rest))


@pytest.mark.parametrize(
    ("operation", "field", "wrong", "problem"),
    [
        ("balance", "balance_fen", 5, "is no amount of fen in a decimal string"),
        ("balance", "balance_fen", "5.0", "is no amount"),
        ("balance", "balance_fen", "1e3", "is no amount"),
        ("balance", "balance_fen", "007", "is no amount"),
        ("balance", "balance_fen", "-0", "is no amount"),
        ("balance", "balance_fen", "٣", "is no amount"),
        ("balance", "balance_fen", "9" * 5000, "is no amount"),
        ("balance", "balance_fen", True, "is no amount"),
        ("balance", "frozen", "no", "is neither true nor false"),
        ("balance", "frozen", 0, "is neither true nor false"),
        ("balance", "account_class", "IV", "is no AccountClass"),
        ("balance", "account_class", ["II"], "is no AccountClass"),
        ("customer", "tenure_months", True, "is no whole number"),
        ("customer", "tenure_months", 31.0, "is no whole number"),
        ("customer", "tenure_months", "31", "is no whole number"),
        ("customer", "card", CARD.text[:-1] + "0", "is no card number"),
        ("customer", "card", 6290001234567890129, "is no text"),
        ("day", "accounting_date", "20200702", "is no date"),
        ("day", "accounting_date", "2020-W27-4", "is no date"),
        ("day", "accounting_date", "2020-02-30", "is no date"),
        ("day", "accounting_date", 1_593_619_200, "is no date"),
        ("reconciliation", "content", ["H"], "is no text"),
        ("reconciliation", "content", "\ud83d", "holds half a character"),
        ("statement", "lines", {}, "is no array"),
        ("statement", "lines", [[]], "is no object"),
        ("general_ledger", "totals", [], "is no object"),
        ("general_ledger", "totals", {"1302": 5}, "is no amount"),
    ],
)
def test_a_value_of_another_form_is_unreadable(operation, field, wrong, problem):
    body = next(row[3] for row in GOLDEN if row[0] == operation)
    with pytest.raises(Unreadable, match=problem) as error:
        ask(operation, answer({**body, field: wrong}))
    assert error.value.operation == f"corebank.{operation}"
    assert field in error.value.detail
    assert "62900012" not in error.value.detail, "what went wrong is told, and nobody's number"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"7", b'"done"', b"[]", b"{", b"\xff{}", b"[" * 100_000, b'{"frozen": NaN}'],
    ids=["empty", "null", "number", "text", "array", "cut", "latin", "deep", "nan"],
)
def test_a_body_that_is_no_object_is_unreadable(body):
    with pytest.raises(Unreadable):
        ask("balance", answer(body))


# What the core may say about money, and what it never says.


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"outcome": "unknown"}, "does not say that it does not know"),
        ({"core_serial": ""}, "no serial"),
        ({"accounting_date": None}, "no accounting date"),
    ],
)
@pytest.mark.parametrize("operation", ["disburse", "outcome", "open_account", "adjust"])
def test_a_core_that_is_done_says_where_and_when(operation, change, problem):
    with pytest.raises(Unreadable, match=problem):
        ask(operation, answer({**POSTED_JSON, **change}))


def test_an_account_that_was_opened_has_a_number():
    with pytest.raises(Unreadable, match="done, and no account"):
        ask("open_account", answer({**POSTED_JSON, "account": None}))


def test_a_no_of_the_business_is_an_answer():
    body = {**POSTED_JSON, "outcome": "rejected", "code": "no_funds", "core_serial": ""}
    assert ask("collect", answer(body)).code is CoreCode.NO_FUNDS


@pytest.mark.parametrize(
    ("response", "kind", "detail"),
    [
        (problem(400, "Not JSON"), NotDone, "400 Not JSON"),
        (problem(401, "Unknown key"), NotDone, "401 Unknown key"),
        (problem(404, "No such bank"), NotDone, "404 No such bank"),
        (problem(405), NotDone, "405 No"),
        (problem(413), NotDone, "413 No"),
        (problem(415), NotDone, "415 No"),
        (problem(422, "a  title\nof two lines"), NotDone, "422 a title of two lines"),
        (problem(422, "x" * 1000), NotDone, "422 " + "x" * 120),
        (problem(429, "Slow down"), QuotaExceeded, "429 Slow down"),
        (answer(b"", 429), QuotaExceeded, "429"),
        (problem(503, "Closed"), ServerFailed, "503 Closed"),
        (answer(b"<html>", 502, "text/html"), ServerFailed, "502"),
        (problem(500), ServerFailed, "500 No"),
        # What another says in our provider's place tells nothing of what the provider did.
        (answer(b"<html>", 404, "text/html"), Unreadable, "404, and not in the provider's form"),
        (answer(b"{", 401, "application/problem+json"), Unreadable, "401, and not"),
        (answer([], 401, "application/problem+json"), Unreadable, "401, and not"),
        (answer({"title": "No", "status": 404}, 404), Unreadable, "404, and not"),
        (
            answer({"title": "No", "status": 400}, 404, "application/problem+json"),
            Unreadable,
            "404, and not",
        ),
        (answer({"status": 404}, 404, "application/problem+json"), Unreadable, "404, and not"),
        (problem(403), Unreadable, "403, and not"),
        (problem(409), Unreadable, "409, and not"),
        (answer(POSTED_JSON, 201), Unreadable, "201, and not"),
        (answer(b"", 204), Unreadable, "204, and not"),
        (answer(b"", 302), Unreadable, "302, and not"),
    ],
)
def test_a_no_of_the_wire_is_told_by_what_is_known_of_the_effect(response, kind, detail):
    with pytest.raises(ProviderError) as error:
        ask("disburse", response)
    assert type(error.value) is kind
    assert error.value.operation == "corebank.disburse"
    assert error.value.detail.startswith(detail)


def test_a_problem_may_name_its_character_set():
    response = problem(422)
    response.headers["content-type"] = "Application/Problem+JSON; charset=utf-8"
    with pytest.raises(NotDone):
        ask("disburse", response)


# Whatever the port may hold.


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_any_query_arrives_whole(operation, data):
    query = data.draw(anything(hints_of(operation)["query"]))
    body = json.loads(asked(getattr(WIRE, operation)(TRACE, query)).body)

    whole = {name: value for name, value in form(query).items() if value is not None}
    for name in ("key", "original", "reservation"):
        assert name not in whole or whole[name] == body[name]
    assert body == {**({} if "key" in whole else {"bank": TRACE.bank}), **whole}


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_any_answer_is_read_as_it_was(operation, data):
    expected = data.draw(anything(hints_of(operation)["return"]))
    if isinstance(expected, Posted):
        whole = expected.core_serial and expected.accounting_date and expected.account
        if expected.outcome is Outcome.UNKNOWN or (expected.outcome is Outcome.DONE and not whole):
            expected.outcome = Outcome.IN_PROGRESS
    assert ask(operation, answer(form(expected))) == expected


@settings(max_examples=5 * settings.default.max_examples)
@given(row=st.sampled_from(GOLDEN), response=GARBAGE)
def test_garbage_is_an_operating_error_or_an_answer(row, response):
    operation, query, _, _, expected = row
    ending = ending_of(getattr(WIRE, operation)(TRACE, query), response)
    if isinstance(ending, ProviderError):
        assert ending.operation == f"corebank.{operation}"
    else:
        assert type(ending) is type(expected)


@settings(max_examples=5 * settings.default.max_examples)
@given(data=st.data())
def test_a_damaged_answer_is_unreadable_or_still_one(data):
    row = data.draw(st.sampled_from([row for row in GOLDEN if isinstance(row[3], dict)]))
    operation, query, _, body, expected = row
    response = answer(data.draw(damaged(body)))
    ending = ending_of(getattr(WIRE, operation)(TRACE, query), response)
    assert type(ending) in (type(expected), Unreadable)


def test_one_codec_holds_many_exchanges_at_once():
    first, second = (WIRE.balance(TRACE, BalanceQuery(card)) for card in (CARD, OTHER_CARD))
    request, other = asked(first), asked(second)
    request.headers["baggage"] = "lr.call=1"  # an adapter may add to what it sends

    assert "baggage" not in other.headers
    body = {"account_class": None, "balance_fen": "2", "reserved_fen": "0", "frozen": False}
    assert ended(second, answer(body)).balance_fen == 2
    assert ended(first, answer({**body, "balance_fen": "1"})).balance_fen == 1
