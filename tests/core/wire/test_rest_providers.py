"""Bureau, register, acquirer and deposit over the wire: golden JSON both ways, and any answer."""

from __future__ import annotations

import json
from datetime import date
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.identity import IdNumber, UnifiedCreditCode
from core.ports import acquirer, bureau, evidence, registry
from core.ports.acquirer import FlowAnswer, FlowMonth, FlowQuery
from core.ports.bureau import CreditReport, DataQuery, Found, GovernmentData, InternetData
from core.ports.evidence import (
    DepositAnswer,
    DepositQuery,
    ReadAnswer,
    ReadQuery,
    Served,
    SignAnswer,
    SignQuery,
    Standing,
    StatusAnswer,
    StatusQuery,
)
from core.ports.registry import BusinessAnswer, BusinessQuery, BusinessState
from core.ports.trace import Trace
from core.wire.acquirer import AcquirerWire
from core.wire.bureau import BureauWire
from core.wire.evidence import EvidenceWire
from core.wire.registry import RegistryWire
from tests.core.wire.rest_kit import (
    CODE,
    GARBAGE,
    KEY,
    NUMBER,
    TRACE,
    answer,
    anything,
    asked,
    damaged,
    ending_of,
    form,
    problem,
    told,
)

HUGE_FEN, HUGE = 2**53 + 1, "9007199254740993"
WIRES = {
    "bureau": (BureauWire(KEY), bureau.Bureau),
    "registry": (RegistryWire(KEY), registry.Registry),
    "acquirer": (AcquirerWire(KEY), acquirer.Acquirer),
    "evidence": (EvidenceWire(KEY), evidence.Evidence),
}

SUBJECT = DataQuery("王小明", NUMBER, "consent-1")
SUBJECT_JSON = {
    "name": "王小明",
    "number": NUMBER.text,
    "consent": "consent-1",
    "bank": "qiaowu",
}
DEPOSITED = {
    "document": "contract-1",
    "digest": "ab" * 32,
    "sm3": "cd" * 32,
    "signature": "ef" * 64,
    "public_key": "12" * 32,
    "certificate": "34" * 16,
    "consent_version": "2020-07",
    "will": "face-1",
}

# Operation, query, its body; the answer's body, the answer.
GOLDEN = [
    (
        "bureau.credit_report",
        SUBJECT,
        SUBJECT_JSON,
        {
            "found": "found",
            "accounts": 4,
            "open_loans": 2,
            "debt_fen": HUGE,
            "monthly_due_fen": "120000",
            "current_overdue_fen": "0",
            "worst_overdue_24m": 1,
            "inquiries_1m": 1,
            "inquiries_3m": 2,
            "inquiries_6m": 3,
            "card_utilisation_ppm": 250_000,
            "guaranteed_fen": "7",
        },
        CreditReport(Found.FOUND, 4, 2, HUGE_FEN, 120_000, 0, 1, 1, 2, 3, 250_000, 7),
    ),
    (
        "bureau.government",
        SUBJECT,
        SUBJECT_JSON,
        {
            "found": "found",
            "social_insurance_months": 36,
            "housing_fund_base_fen": "800000",
            "tax_grade": "A",
            "owns_property": True,
            "court_enforced": False,
            "village_grade": "B",
        },
        GovernmentData(Found.FOUND, 36, 800_000, "A", True, False, "B"),
    ),
    (
        "bureau.internet",
        SUBJECT,
        SUBJECT_JSON,
        {
            "found": "no_consent",
            "device_age_days": 0,
            "device_shared_by": 1,
            "location_stable_ppm": 0,
            "lenders_asked_3m": 0,
        },
        InternetData(Found.NO_CONSENT),
    ),
    (
        "registry.look_up",
        BusinessQuery(CODE),
        {"code": CODE.text},
        {
            "state": "abnormal",
            "name": "小明小吃店",
            "kind": "个体工商户",
            "person": "王小明",
            "scope": "餐饮",
            "address": "某路 1 号",
            "opened": "2018-03-01",
        },
        BusinessAnswer(
            BusinessState.ABNORMAL,
            "小明小吃店",
            "个体工商户",
            "王小明",
            "餐饮",
            "某路 1 号",
            date(2018, 3, 1),
        ),
    ),
    (
        "acquirer.flow",
        FlowQuery(CODE, 12, "consent-2"),
        {"merchant": CODE.text, "months": 12, "consent": "consent-2"},
        {
            "joined": "2019-01-15",
            "months": [
                {
                    "month": "2020-06-01",
                    "turnover_fen": HUGE,
                    "payments": 900,
                    "active_days": 28,
                    "refunds_fen": "1200",
                    "payers": 600,
                    "top_payer_fen": "45000",
                    "night_fen": "0",
                }
            ],
        },
        FlowAnswer(
            date(2019, 1, 15),
            (FlowMonth(date(2020, 6, 1), HUGE_FEN, 900, 28, 1_200, 600, 45_000, 0),),
        ),
    ),
    (
        "evidence.sign",
        SignQuery("contract-1", "ab" * 32, "cd" * 32, "王小明", NUMBER, "2020-07", "face-1"),
        {
            "document": "contract-1",
            "digest": "ab" * 32,
            "sm3": "cd" * 32,
            "signer": "王小明",
            "number": NUMBER.text,
            "consent_version": "2020-07",
            "will": "face-1",
            "bank": "qiaowu",
        },
        {
            "verdict": "done",
            "signature": "ef" * 64,
            "public_key": "12" * 32,
            "certificate": "34" * 16,
            "expires_at": 1_593_700_000,
        },
        SignAnswer(Served.DONE, "ef" * 64, "12" * 32, "34" * 16, 1_593_700_000),
    ),
    (
        "evidence.deposit",
        DepositQuery(**DEPOSITED),
        {**DEPOSITED, "bank": "qiaowu"},
        {
            "verdict": "done",
            "receipt": "56" * 32,
            "chain": "78" * 32,
            "stamped_at": 1_593_650_000,
        },
        DepositAnswer(Served.DONE, "56" * 32, "78" * 32, 1_593_650_000),
    ),
    (
        "evidence.read",
        ReadQuery("56" * 32),
        {"receipt": "56" * 32, "bank": "qiaowu"},
        {
            "found": True,
            **DEPOSITED,
            "before": "0" * 64,
            "chain": "78" * 32,
            "stamped_at": 1_593_650_000,
            "certificates": ["MIIB", "MIIC"],
            "revoked": "MIID",
            "token": "MIIE",
        },
        ReadAnswer(
            True,
            **DEPOSITED,
            before="0" * 64,
            chain="78" * 32,
            stamped_at=1_593_650_000,
            certificates=("MIIB", "MIIC"),
            revoked="MIID",
            token="MIIE",
        ),
    ),
    (
        "evidence.status",
        StatusQuery("34" * 16),
        {"certificate": "34" * 16, "bank": "qiaowu"},
        {"standing": "revoked", "revoked_at": 1_593_660_000, "reason": "key lost"},
        StatusAnswer(Standing.REVOKED, 1_593_660_000, "key lost"),
    ),
]
OPERATIONS = [row[0] for row in GOLDEN]
rows = pytest.mark.parametrize("row", GOLDEN, ids=OPERATIONS)


def begun(operation, query):
    """Begin an operation of a provider."""
    provider, _, name = operation.partition(".")
    return getattr(WIRES[provider][0], name)(TRACE, query)


def hints_of(operation):
    """The types of an operation's query and answer, as its port says them."""
    provider, _, name = operation.partition(".")
    port = WIRES[provider][1]
    known = {"Trace": Trace, "IdNumber": IdNumber, "UnifiedCreditCode": UnifiedCreditCode}
    return get_type_hints(getattr(port, name), localns=known)


def test_every_operation_of_the_ports_is_told():
    operations = {
        f"{provider}.{name}"
        for provider, (_, port) in WIRES.items()
        for name in vars(port)
        if not name.startswith("_")
    }
    assert operations == set(OPERATIONS)


@rows
def test_a_query_is_told_in_golden_json(row):
    operation, query, body, _, _ = row
    request = asked(begun(operation, query))

    provider, _, name = operation.partition(".")
    assert (request.method, request.path) == ("POST", f"/{provider}/v1/{name}")
    assert request.headers == {"Content-Type": "application/json", "X-Api-Key": KEY}
    assert json.loads(request.body) == body


@rows
def test_an_answer_is_read_from_golden_json(row):
    operation, query, _, body, expected = row
    read = told(begun(operation, query), answer({**body, "then": ["nobody knows this field"]}))
    assert read == expected


@rows
def test_any_field_that_is_missing_is_unreadable(row):
    operation, query, _, body, _ = row
    for field in body.keys() - {"opened", "joined"}:  # these may be None, and so left out
        rest = {name: value for name, value in body.items() if name != field}
        with pytest.raises(Unreadable, match=f"{operation}: {field} is missing"):
            told(begun(operation, query), answer(rest))


@pytest.mark.parametrize("nothing", [{}, {"opened": None}])
def test_a_business_that_is_not_found_was_never_opened(nothing):
    texts = dict.fromkeys(("name", "kind", "person", "scope", "address"), "")
    body = {"state": "not_found", **texts, **nothing}
    read = told(begun("registry.look_up", BusinessQuery(CODE)), answer(body))
    assert read == BusinessAnswer(BusinessState.NOT_FOUND)


@rows
@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (problem(422), NotDone),
        (problem(429), QuotaExceeded),
        (problem(503), ServerFailed),
        (answer(b"<html>", 404, "text/html"), Unreadable),
        (answer(b"<html>", 200, "text/html"), Unreadable),
        (answer([]), Unreadable),
    ],
    ids=["refused", "quota", "down", "elsewhere", "page", "array"],
)
def test_a_no_of_the_wire_is_told_by_what_is_known_of_the_effect(row, response, kind):
    with pytest.raises(ProviderError) as error:
        told(begun(row[0], row[1]), response)
    assert type(error.value) is kind
    assert error.value.operation == row[0]


@rows
@given(data=st.data())
def test_any_query_arrives_whole(row, data):
    query = data.draw(anything(hints_of(row[0])["query"]))
    body = json.loads(asked(begun(row[0], query)).body)
    bank = {"bank": TRACE.bank} if row[0].startswith(("bureau", "evidence")) else {}
    assert body == {**form(query), **bank}


@rows
@given(data=st.data())
def test_any_answer_is_read_as_it_was(row, data):
    expected = data.draw(anything(hints_of(row[0])["return"]))
    assert told(begun(row[0], row[1]), answer(form(expected))) == expected


@settings(max_examples=5 * settings.default.max_examples)
@given(row=st.sampled_from(GOLDEN), response=GARBAGE)
def test_garbage_is_an_operating_error_or_an_answer(row, response):
    ending = ending_of(begun(row[0], row[1]), response)
    if isinstance(ending, ProviderError):
        assert ending.operation == row[0]
    else:
        assert type(ending) is type(row[4])


@settings(max_examples=5 * settings.default.max_examples)
@given(data=st.data())
def test_a_damaged_answer_is_unreadable_or_still_one(data):
    operation, query, _, body, expected = data.draw(st.sampled_from(GOLDEN))
    ending = ending_of(begun(operation, query), answer(data.draw(damaged(body))))
    assert type(ending) in (type(expected), Unreadable)
