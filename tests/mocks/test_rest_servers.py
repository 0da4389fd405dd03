"""The REST providers over real HTTP: what they read, what they refuse, what they tell."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import jsonschema
import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from core.ports.evidence import Served
from mocks.app import SEEN_HEADER, App
from mocks.rest import ProviderApi
from mocks.rest_app import rest_app
from mocks.rest_values import CARD_EXAMPLE, CODE_EXAMPLE, ID_EXAMPLE, PHONE_EXAMPLE
from scenarios.hosts.operations import OPERATIONS as PORT_OPERATIONS
from tests.mocks.rest_kit import (
    BANK,
    FAULTS,
    OPERATIONS,
    OTHER_BANK,
    SERVICES,
    TOLD_OF,
    Shop,
    asking,
    refused,
    serving,
    tenants,
)

JSON = {"content-type": "application/json"}
ANY = ("corebank", "bureau", "registry", "acquirer", "evidence")
EXAMPLES = {(name, post.name): post.example for name in ANY for post in SERVICES[name].posts}
MORE = {  # beside the port's operations
    "corebank": {f"operator/{stage}" for stage in ("cutoff", "batch", "close")},
    "acquirer": {"flow-orders", "flow-orders/{order}"},
}
TAKES = {("acquirer", "flow-orders"): "202"}  # which are answered with something else than 200
READ_OF = {400, 401, 404, 405}  # what is told of whatever is read
OTHERS = [pair for pair in OPERATIONS if pair[0] != "corebank"]


@pytest.fixture(scope="module")
def world():
    return tenants("second", *FAULTS)


@pytest.fixture(scope="module")
def url(world):
    with serving(rest_app(world)) as address:
        yield address


@pytest.fixture(scope="module")
def client(url, world):
    with asking(url, world.default) as made:
        yield made


@pytest.fixture(scope="module")
def person(world):
    return world.default.people.make(BANK, 0)


def about(person, **changed):
    told = {"name": person.name, "number": person.id_number.text, "bank": BANK, "consent": "C-1"}
    return told | changed


def signed(**changed):
    return EXAMPLES["evidence", "sign"] | changed


# Who is asked


def test_the_api_key_names_the_world(url, world):
    second = world.get("second")
    with asking(url, second) as client:
        body = signed(document="K-second")
        certificate = client.post("/evidence/v1/sign", json=body).json()["certificate"]

    assert certificate in second.behaviours["evidence"].authority.events
    assert certificate not in world.default.behaviours["evidence"].authority.events


def test_without_a_key_the_header_names_it_and_without_either_it_is_the_default_one(url, world):
    seen = []
    with asking(url) as client:
        for headers in ({}, {"X-Loanrange-Tenant": "second"}):
            answer = client.post("/evidence/v1/sign", json=signed(), headers=headers)
            seen.append(answer.json()["public_key"])

    keys = [
        [each.public_key for each in tenant.behaviours["evidence"].authority.events.values()]
        for tenant in (world.default, world.get("second"))
    ]
    assert all(key in held for key, held in zip(seen, keys, strict=True))


@pytest.mark.parametrize("provider", ANY)
def test_a_key_that_nobody_has_is_refused_whatever_it_asks(client, provider):
    path = f"/{provider}/v1/{SERVICES[provider].posts[0].name}"
    for wrong in ("lr_wrong", ""):
        response = client.post(path, content=b"not even JSON", headers={"X-Api-Key": wrong})

        refused(response, 401)
        assert response.headers["www-authenticate"] == "ApiKey"


def test_a_tenant_that_nobody_opened_is_refused(url):
    with asking(url) as client:
        headers = {"X-Loanrange-Tenant": "nobody"}
        refused(client.post("/registry/v1/look_up", json={}, headers=headers), 400, "nobody")


# What is no request


@pytest.mark.parametrize(("provider", "operation"), OPERATIONS)
def test_an_operation_is_posted_as_json_of_its_shape(client, provider, operation):
    path, right = f"/{provider}/v1/{operation}", EXAMPLES[provider, operation]
    missing = dict(list(right.items())[1:])

    response = client.get(path)
    refused(response, 405)
    assert response.headers["allow"] == "POST"
    refused(client.post(path, content=json.dumps(right)), 415, "application/json")
    refused(client.post(path, data={"bank": BANK}), 415, "x-www-form-urlencoded")
    refused(client.post(path, content=b"", headers=JSON), 400, "JSON")
    refused(client.post(path, content=b'{"bank":', headers=JSON), 400, "JSON")
    refused(client.post(path, json=[right]), 400)
    refused(client.post(path, json=missing), 400, next(iter(right)))
    refused(client.post(path, json=right | {"surprise": 1}), 400, "surprise")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/corebank/v1/unheard_of", 404),
        ("POST", "/corebank/v1/__init__", 404),
        ("POST", "/corebank/v1/day/", 404),
        ("POST", "/corebank/v1/", 404),
        ("POST", "/corebank/v1", 404),
        ("POST", "/corebank/v2/day", 404),
        ("POST", "/corebank/v1/..%2f..%2ftsa", 404),
        ("GET", "/docs", 404),
        ("GET", "/corebank/v1/docs", 404),
        ("POST", "/corebank/v1/openapi.json", 405),
        ("DELETE", "/bureau/v1/government", 405),
        ("OPTIONS", "/bureau/v1/government", 405),
        ("GET", "/tsa", 405),
    ],
)
def test_a_path_that_is_none_is_a_problem_too(client, method, path, status):
    refused(client.request(method, path), status)


def test_the_charset_of_a_content_type_is_no_other_type(client):
    headers = {"content-type": "application/JSON; charset=utf-8"}
    answer = client.post("/registry/v1/look_up", json={"code": CODE_EXAMPLE}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_a_body_of_a_megabyte_is_read_and_one_byte_more_is_not(client):
    whole = json.dumps({"code": CODE_EXAMPLE}).encode().ljust(1_000_000)

    assert client.post("/registry/v1/look_up", content=whole, headers=JSON).status_code == 200
    response = client.post("/registry/v1/look_up", content=whole + b" ", headers=JSON)
    refused(response, 413)


def test_a_long_body_in_chunks_is_refused_and_the_connection_lives(client):
    chunks = (b" " * 65_536 for _ in range(40))
    refused(client.post("/registry/v1/look_up", content=chunks, headers=JSON), 413)

    assert client.post("/registry/v1/look_up", json={"code": CODE_EXAMPLE}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"code":' * 50_000,
        '{"code":"9"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"code":"9"}',
        b'{"code":"\xff"}',
        b'{"code":"\\ud800"}',
        b'{"code":NaN}',
        b'{"code":' + b"9" * 10_000 + b"}",
        b'{"code":null}',
        b'{"code":true}',
        b"null",
        b'"code"',
    ],
)
def test_json_that_is_none_or_of_another_type_is_of_another_shape(client, body):
    refused(client.post("/registry/v1/look_up", content=body, headers=JSON), 400)


# Values


@pytest.mark.parametrize(
    ("provider", "operation", "field", "value", "told"),
    [
        ("bureau", "credit_report", "number", ID_EXAMPLE[:17] + "0", "check digit"),
        ("bureau", "government", "number", "12345", "number"),
        ("bureau", "internet", "number", "99" + ID_EXAMPLE[2:], "no province"),
        ("bureau", "internet", "name", "", "name"),
        ("registry", "look_up", "code", CODE_EXAMPLE[:17] + "0", "check digit"),
        ("registry", "look_up", "code", CODE_EXAMPLE.lower(), "code"),
        ("acquirer", "flow", "merchant", "I" * 18, "merchant"),
        ("acquirer", "flow", "months", 0, "months"),
        ("acquirer", "flow", "months", 10**9, "months"),
        ("evidence", "sign", "digest", "E3B0" * 16, "digest"),
        ("evidence", "sign", "sm3", "00", "sm3"),
        ("evidence", "sign", "signer", "名" * 22, "64 bytes"),
        ("evidence", "sign", "document", "K 1", "document"),
        ("evidence", "deposit", "signature", "", "signature"),
        ("evidence", "deposit", "public_key", "g" * 64, "public_key"),
        ("evidence", "deposit", "consent_version", "one\ntwo", "consent_version"),
        ("evidence", "read", "receipt", "0" * 63, "receipt"),
        ("evidence", "status", "certificate", "-1", "certificate"),
    ],
)
def test_a_value_that_cannot_be_is_named(client, provider, operation, field, value, told):
    body = EXAMPLES[provider, operation] | {field: value}
    problem = refused(client.post(f"/{provider}/v1/{operation}", json=body), 422, field, told)

    assert [each["field"] for each in problem["errors"]] == [field]
    assert not value or str(value) not in problem["detail"], "people's numbers are not repeated"


@pytest.mark.parametrize(("provider", "operation"), [p for p in OTHERS if p[0] != "registry"])
def test_a_bank_that_is_none_of_the_union_is_not_found(client, provider, operation):
    if provider == "acquirer":  # it knows no banks
        refused(client.post("/acquirer/v1/flow", json={"bank": "nobank"}), 400)
        return
    body = EXAMPLES[provider, operation] | {"bank": "nobank"}
    refused(client.post(f"/{provider}/v1/{operation}", json=body), 404, "nobank")


def test_the_baggage_may_not_name_another_bank_than_the_body(client, person):
    def baggage(bank):
        told = "lr.application=a1,lr.call=1,lr.attempt=1,lr.deadline=1e9,lr.date=2020-07-15"
        return {"baggage": f"lr.bank={bank},{told}"}

    body = about(person)
    path = "/bureau/v1/government"
    assert client.post(path, json=body, headers=baggage(BANK)).status_code == 200
    refused(client.post(path, json=body, headers=baggage(OTHER_BANK)), 422, "baggage")
    # A query that names its bank itself is understood whoever asks.
    day = client.post("/corebank/v1/day", json={"bank": BANK}, headers=baggage(OTHER_BANK))
    assert day.status_code == 200


# Each provider's answers


def test_the_bureau_tells_a_persons_report_in_strings_of_fen(client, person):
    report = client.post("/bureau/v1/credit_report", json=about(person)).json()

    truth = person.report
    assert report["found"] == "found"
    assert report["debt_fen"] == str(truth.debt_fen)
    assert report["guaranteed_fen"] == str(truth.guaranteed_fen)
    assert report["accounts"] == truth.accounts
    assert len(report) == 12


def test_the_bureau_tells_what_government_and_platform_know(client, person):
    government = client.post("/bureau/v1/government", json=about(person)).json()
    internet = client.post("/bureau/v1/internet", json=about(person)).json()

    assert government["social_insurance_months"] == person.government.social_insurance_months
    assert government["owns_property"] is person.government.owns_property
    assert internet["device_age_days"] == person.internet.device_age_days


@pytest.mark.parametrize(
    ("changed", "found"),
    [({"consent": ""}, "no_consent"), ({"name": "别人"}, "name_differs"), ({}, "found")],
)
def test_the_bureaus_no_is_an_answer(client, world, person, changed, found):
    for operation in ("credit_report", "government", "internet"):
        answer = client.post(f"/bureau/v1/{operation}", json=about(person, **changed))
        assert (answer.status_code, answer.json()["found"]) == (200, found)

    asked = world.default.behaviours["bureau"].asked[-1]
    assert (asked.bank, asked.operation) == (BANK, "internet")


def test_the_register_knows_a_shop(client):
    entry = client.post("/registry/v1/look_up", json={"code": Shop.code.text}).json()

    assert entry["state"] == "open"
    assert (entry["name"], entry["opened"]) == ("测试面馆", "2018-05-04")
    nobody = client.post("/registry/v1/look_up", json={"code": CODE_EXAMPLE}).json()
    assert (nobody["state"], nobody["opened"]) == ("not_found", None)


def test_the_acquirer_tells_whole_months_before_the_business_date(client):
    body = {"merchant": Shop.code.text, "months": 12, "consent": "C-1"}
    flow = client.post("/acquirer/v1/flow", json=body).json()

    assert flow["joined"] == "2020-05-20"
    assert [month["month"] for month in flow["months"]] == ["2020-05-01", "2020-06-01"]
    assert flow["months"][0]["turnover_fen"] == "500000"
    unasked = client.post("/acquirer/v1/flow", json=body | {"consent": ""}).json()
    assert unasked == {"joined": None, "months": []}


def test_a_contract_is_signed_deposited_and_read_back(client):
    ask = signed(document="K-whole", will="a token\nof two lines")
    signature = client.post("/evidence/v1/sign", json=ask).json()
    same = {name: ask[name] for name in ("bank", "document", "digest", "sm3", "will")}
    held = {name: signature[name] for name in ("signature", "public_key", "certificate")}
    deposit = same | held | {"consent_version": ask["consent_version"]}
    receipt = client.post("/evidence/v1/deposit", json=deposit).json()
    again = client.post("/evidence/v1/deposit", json=deposit).json()
    read = {"bank": BANK, "receipt": receipt["receipt"]}
    record = client.post("/evidence/v1/read", json=read).json()

    assert signature["verdict"] == receipt["verdict"] == Served.DONE
    assert again == receipt, "a deposit that is made again is the same"
    assert record["found"]
    assert {name: record[name] for name in deposit if name != "bank"} == {
        name: value for name, value in deposit.items() if name != "bank"
    }
    assert len(record["certificates"]) == 2
    assert record["token"]
    assert record["chain"] == receipt["chain"]
    elsewhere = client.post("/evidence/v1/read", json=read | {"bank": OTHER_BANK}).json()
    assert elsewhere["found"] is False


def test_a_certificate_stands_until_it_is_revoked(client, world):
    evidence = world.default.behaviours["evidence"]
    made = client.post("/evidence/v1/sign", json=signed(document="K-revoked")).json()
    body = {"bank": BANK, "certificate": made["certificate"]}

    assert client.post("/evidence/v1/status", json=body).json()["standing"] == "good"
    evidence.revoke(made["certificate"], 100.0)
    answer = client.post("/evidence/v1/status", json=body).json()
    assert (answer["standing"], answer["reason"]) == ("revoked", "key_compromise")
    body["certificate"] = "40" + "9" * 30
    assert client.post("/evidence/v1/status", json=body).json()["standing"] == "unknown"


def test_a_signer_who_fits_a_certificate_can_be_certified(client):
    ask = signed(document="!#$%&~", signer="名" * 21)
    made = client.post("/evidence/v1/sign", json=ask).json()
    held = {name: made[name] for name in ("signature", "public_key", "certificate")}
    body = {name: ask[name] for name in ask if name not in ("signer", "number")} | held
    receipt = client.post("/evidence/v1/deposit", json=body).json()["receipt"]
    record = client.post("/evidence/v1/read", json={"bank": BANK, "receipt": receipt}).json()

    assert len(record["certificates"]) == 2


# What the line does


def test_a_spent_quota_is_429_and_a_failing_provider_503(url, world):
    for name, status in (("spent", 429), ("failing", 503)):
        with asking(url, world.get(name)) as client:
            response = client.post("/corebank/v1/day", json={"bank": BANK})
            refused(response, status)
            assert response.headers.get("retry-after") == ("1" if status == 429 else None)


def test_what_the_network_is_to_show_reaches_whoever_serves_us(world):
    with serving(App(None, {}, {"corebank": rest_app(world)})) as address:
        told = "lr.application=a1,lr.call=1,lr.attempt=1,lr.deadline=1e9,lr.date=2020-07-15"
        headers = {"baggage": f"lr.bank={BANK},{told},lr.visit=v1"}
        with asking(address, world.get("breaking")) as client:
            response = client.post("/corebank/v1/day", json={"bank": BANK}, headers=headers)

    assert response.headers[SEEN_HEADER] == "Unreachable"


def test_a_bug_of_ours_is_told_without_its_traceback(client, world, monkeypatch, caplog):
    monkeypatch.setattr(world.default.behaviours["registry"], "_businesses", None)
    response = client.post("/registry/v1/look_up", json={"code": CODE_EXAMPLE})

    problem = refused(response, 500)
    assert "NoneType" not in json.dumps(problem)
    assert "NoneType" in caplog.text  # but whoever runs the server can read it


def test_a_client_that_goes_away_in_the_middle_harms_nobody(client, url):
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as line:
        head = "POST /registry/v1/look_up HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        line.sendall(f'{head}Content-Length: 100\r\n\r\n{{"code"'.encode())

    assert client.post("/registry/v1/look_up", json={"code": CODE_EXAMPLE}).status_code == 200


# The documents


@pytest.fixture(scope="module", params=ANY)
def document(request, client):
    response = client.get(f"/{request.param}/v1/openapi.json")
    assert response.status_code == 200
    return request.param, response.json()


def test_each_operation_of_the_port_is_documented(document):
    provider, told = document
    documented = {path.removeprefix("/") for path in told["paths"]}

    assert set(PORT_OPERATIONS[provider]) <= documented
    extra = documented - set(PORT_OPERATIONS[provider])
    assert extra == MORE.get(provider, set())
    assert told["servers"] == [{"url": f"/{provider}/v1"}]


def test_each_operation_has_a_summary_an_example_and_its_errors(document):
    provider, told = document
    for path, methods in told["paths"].items():
        ((method, asked),) = methods.items()
        assert method == ("get" if "{" in path else "post")
        assert asked["summary"], path
        well = TAKES.get((provider, path.strip("/")), "200")
        errors = READ_OF if method == "get" else TOLD_OF
        assert {int(status) for status in asked["responses"]} >= errors | {int(well)}
        for status, response in asked["responses"].items():
            (kind,) = response["content"]
            wanted = "application/json" if status == well else "application/problem+json"
            assert kind == wanted, (path, status)


def test_each_documented_example_fits_its_schema_and_is_answered(document, url, world):
    provider, told = document
    second = world.get("second")  # its day may end
    with asking(url, second) as client:
        for path, methods in told["paths"].items():
            if "get" in methods:
                continue
            media = methods["post"]["requestBody"]["content"]["application/json"]
            schema = {**media["schema"], "components": told["components"]}
            jsonschema.validate(media["example"], schema)
            answer = client.post(f"/{provider}/v1{path}", json=media["example"])
            well = int(TAKES.get((provider, path.strip("/")), "200"))
            assert answer.status_code == well, answer.text


def test_every_reference_of_a_document_leads_somewhere(document):
    _, told = document
    text = json.dumps(told)
    for name in told["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text, f"nobody speaks of {name}"
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in told["components"]["schemas"]


# Whatever is sent


DOCUMENTS = {name: ProviderApi(service, None).openapi() for name, service in SERVICES.items()}
REAL = {
    **dict.fromkeys(("account", "card", "bound", "other"), CARD_EXAMPLE),
    **dict.fromkeys(("code", "merchant"), CODE_EXAMPLE),
    "bank": BANK,
    "number": ID_EXAMPLE,
    "phone": PHONE_EXAMPLE,
}
WHOLE = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


@pytest.mark.parametrize(("provider", "operation"), OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_whatever_the_document_allows_or_forbids_is_answered_as_documented(
    url, provider, operation, mode
):
    schema = schemathesis.openapi.from_dict(DOCUMENTS[provider])
    asked = schema[f"/{operation}"]["POST"]

    @settings(max_examples=15)
    @given(case=asked.as_strategy(generation_mode=mode), real=st.booleans())
    def fits(case, real):
        if real and mode is schemathesis.GenerationMode.POSITIVE:
            case.body = with_real_numbers(case.body)
        case.call_and_validate(base_url=f"{url}/{provider}/v1", checks=WHOLE, timeout=5)

    fits()


def with_real_numbers(body):
    """Put numbers that exist where a generator finds none: it knows patterns, no check digits."""
    return {name: REAL.get(name, _inside(value)) for name, value in body.items()}


def _inside(value):
    return with_real_numbers(value) if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("provider", "path"),
    [(name, get.path) for name, service in SERVICES.items() for get in service.gets],
)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_whatever_is_read_under_a_name_is_answered_as_documented(url, provider, path, mode):
    asked = schemathesis.openapi.from_dict(DOCUMENTS[provider])[f"/{path}"]["GET"]

    @settings(max_examples=15)
    @given(case=asked.as_strategy(generation_mode=mode))
    def fits(case):
        case.call_and_validate(base_url=f"{url}/{provider}/v1", checks=WHOLE[:-1], timeout=5)

    fits()


@pytest.mark.parametrize("path", [f"/{name}/v1/{SERVICES[name].posts[0].name}" for name in ANY])
def test_raw_bytes_are_answered_with_a_problem(client, path):
    @settings(max_examples=40)
    @given(body=st.binary(max_size=300) | st.text(max_size=60).map(str.encode))
    def is_answered(body):
        refused(client.post(path, content=body, headers=JSON), 400)

    is_answered()


HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40)


@settings(max_examples=40)
@given(key=HEADER, kind=HEADER, tenant=HEADER, baggage=HEADER)
def test_whatever_stands_in_the_headers_is_no_bug(client, key, kind, tenant, baggage):
    for asked in (
        {"x-api-key": key},
        {"content-type": kind},
        {"x-loanrange-tenant": tenant},
        {"baggage": f"lr.{baggage}"},
    ):
        headers = {name: value.encode("latin-1") for name, value in ({**JSON, **asked}).items()}
        response = client.post("/corebank/v1/day", json={"bank": BANK}, headers=headers)
        assert response.status_code in {200, 400, 401, 415, 422}
