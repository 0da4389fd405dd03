"""The OpenAPI document is valid, says what a client needs, and is kept by what is served."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from tests.core.gateway.gateway_kit import BANK, OTHER, PROBLEM, Stack

schemathesis = pytest.importorskip("schemathesis", reason="no schemathesis: make setup")

from schemathesis.checks import not_a_server_error  # noqa: E402  it is there, or we are not
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
WRITES = ("post", "put", "delete", "patch")
QUIET = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def document(stack):
    async def story(scene):
        return (await scene.send("GET", "/api/openapi.json")).body

    return stack.play(story)


def operations(document):
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_the_document_is_valid(document):
    validate(document)


def test_every_operation_says_what_it_does_under_a_name_of_its_own(document):
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names)) > 30
    for name, operation in operations(document):
        assert len(operation["summary"]) > 8, name
        told = operation["responses"]
        assert {status for status in told if told[status].get("content", {}).get(PROBLEM)} == {
            "4XX",
            "5XX",
        }, name


def test_every_write_of_a_customer_says_that_it_has_a_key_and_who_may_do_it(document):
    writes = [(name, each) for name, each in operations(document) if name.startswith("POST")]
    keyed = {
        name
        for name, each in writes
        if any(field["name"] == "Idempotency-Key" for field in each["parameters"])
    }
    of_customers = {name for name, each in writes if each.get("security") == [{"session": []}]}
    assert of_customers - keyed == {"POST /api/v1/banks/{bank}/channel"}
    assert keyed < of_customers
    assert document["components"]["securitySchemes"]["session"]["scheme"] == "bearer"


def test_every_body_of_a_customer_has_an_example_that_fits_it(document):
    from jsonschema import Draft202012Validator  # noqa: PLC0415  only here

    schemas = document["components"]["schemas"]
    shown = 0
    for name, operation in operations(document):
        schema = (
            operation.get("requestBody", {})
            .get("content", {})
            .get("application/json", {})
            .get("schema", {})
        )
        if "$ref" not in schema or "/staff/" in name:
            continue
        found = schemas[schema["$ref"].rpartition("/")[2]]
        for example in found["examples"]:
            Draft202012Validator({**found, "components": document["components"]}).validate(example)
            shown += 1
    assert shown >= 8


def test_pictures_are_described_as_what_they_are(document):
    upload = document["paths"]["/api/v1/banks/{bank}/uploads/{side}"]["put"]["requestBody"]
    assert upload["required"]
    assert {"image/jpeg", "image/png"} <= set(upload["content"])


# --------------------------------------------------------------------- what is served, by the book


@contextmanager
def serving(stack):
    """Serve in a thread of its own for as long as somebody asks from this one."""
    holder = {}

    async def until_told():
        holder["stop"], holder["loop"] = asyncio.Event(), asyncio.get_running_loop()
        ready.set()
        await holder["stop"].wait()

    ready = threading.Event()
    thread = threading.Thread(target=stack.run, args=(until_told(),))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        holder["loop"].call_soon_threadsafe(holder["stop"].set)
        thread.join()


class Book:
    """A served tenant with two customers, and what must never be said of the second."""

    def __init__(self, document):
        self.stack, self.asked = Stack(), set()
        self.scene = self.stack.open()
        self.customer, self.other = self.stack.run(self._people())
        person = self.other.person
        self.secrets = [
            word.encode()
            for word in (
                *(person[name] for name in ("name", "id_number", "phone", "openid")),
                *(card["number"] for card in person["cards"]),
                self.other.app,
                self.other.loan,
                self.other.token,
                self.customer.person["id_number"],
                self.customer.person["phone"],
                self.customer.person["openid"],
            )
        ]
        schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
        schema.config.update(base_url=self.stack.address)
        # The staff has tokens of another kind, and its own tests.
        self.schema = schema.exclude(path_regex="/staff/").exclude(
            operation_id=["delete_log_out"]  # after which there is nothing to see
        )

    async def _people(self):
        mine = await self.scene.borrower(until="loan")
        other = await self.scene.borrower(OTHER, until="loan")
        second = await self.scene.borrower(OTHER, until="drawdowns")
        other.app, other.token = second.app, second.token
        return mine, other

    @property
    def headers(self):
        return {"x-loanrange-tenant": self.scene.name, **self.customer.bearer}

    def ask(self, case, key):
        """Send a case in our customer's name; check what comes back."""
        headers = dict(self.headers)
        if key:
            headers["Idempotency-Key"] = key
        if case.headers:
            case.headers.pop("Authorization", None)  # who asks is known
        response = case.call(headers=headers)
        self.asked.add((case.operation.label, response.status_code))
        case.validate_response(response, checks=CHECKS, headers=headers)
        self.check(case, response)
        return response

    def check(self, case, response):
        kind = response.headers.get("content-type", [""])[0]
        if response.status_code >= 400:
            assert kind == PROBLEM, (case, response.content)
            assert response.status_code < 500, (case, response.content)
        said = response.content or b""
        assert [word for word in self.secrets if word in said] == []
        if isinstance(case.path_parameters, dict) and case.path_parameters.get("bank") != BANK:
            assert self.customer.app.encode() not in said

    def close(self):
        self.stack.run(self.stack.shut(self.scene.name))
        self.stack.close()


@pytest.fixture(scope="module")
def book(document):
    opened = Book(document)
    yield opened
    opened.close()


KNOWN = ("bank", "application", "loan", "request_name", "side", "name")


def known(book, names):
    """Return a strategy of path parameters, half of them of things that there are."""
    there = {
        "bank": [BANK, OTHER],
        "application": [book.customer.app, book.other.app],
        "loan": [book.customer.loan, book.other.loan],
        "request_name": ["first"],
        "side": ["id_card_front", "id_card_back"],
        "name": ["busy"],
    }
    return st.fixed_dictionaries({name: st.sampled_from(there[name]) for name in names})


def one_operation(book, operation, examples, keys):
    names = [each.name for each in operation.path_parameters]
    modes = st.sampled_from(list(schemathesis.GenerationMode))

    @settings(QUIET, max_examples=examples)
    @given(data=st.data(), there=st.booleans())
    def holds(data, there):
        case = data.draw(operation.as_strategy(generation_mode=data.draw(modes)))
        if there and names and set(names) <= set(KNOWN):
            case.path_parameters = data.draw(known(book, names))
        book.ask(case, f"every-{next(keys)}")

    holds()


def every_operation(book, examples):
    keys = iter(range(1_000_000))
    with serving(book.stack):
        for found in book.schema.get_all_operations():
            one_operation(book, found.ok(), examples, keys)


def linked(book, examples, steps):
    keys = iter(range(1_000_000))

    class Linked(book.schema.as_state_machine()):
        def call(self, case, **named):
            del named
            if isinstance(case.path_parameters, dict) and "bank" in case.path_parameters:
                case.path_parameters["bank"] = BANK
            return book.ask(case, f"linked-{next(keys)}")

        def validate_response(self, response, case, additional_checks=None, **named):
            del additional_checks, named
            book.check(case, response)

    with serving(book.stack):
        Linked.run(settings=settings(QUIET, max_examples=examples, stateful_step_count=steps))


def test_every_operation_keeps_to_the_document_whatever_is_sent(book):
    every_operation(book, 10)


def test_where_an_answer_leads_the_document_is_kept_too(book):
    book.asked.clear()
    linked(book, 15, 6)
    assert len({operation for operation, status in book.asked if status < 300}) > 4


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_operation_keeps_to_the_document_in_a_long_run(book):
    every_operation(book, 300)
    linked(book, 300, 12)
