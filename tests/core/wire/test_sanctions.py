"""Screening over the wire, in yente's shape: our own lists decide, else the rule, or nobody."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.ports.sanctions import ListMatch, ScreenAnswer, Screened, ScreenQuery
from core.wire.sanctions import SanctionsWire
from tests.core.wire.rest_kit import (
    GARBAGE,
    JSON,
    KEY,
    NUMBER,
    TRACE,
    answer,
    asked,
    ending_of,
    problem,
    told,
)

WIRE = SanctionsWire(KEY)
QUERY = ScreenQuery("王小明", NUMBER, "open_account")


def result(score=0.85, match=True, **more):
    """One entity as yente tells it."""
    return {
        "id": "un-17",
        "caption": "WANG Xiaoming",
        "schema": "Person",
        "properties": {"name": ["WANG Xiaoming"]},
        "datasets": ["united_nations"],
        "score": score,
        "match": match,
        "explanations": {"name_match": {"score": score}},
        **more,
    }


def response(*results, status=200, more=(), **headers):
    """An answer with these results; ``more`` is what our own lists add."""
    inner = {
        "status": status,
        "results": list(results),
        "total": {"value": len(results), "relation": "eq"},
        "query": {"schema": "Person"},
        **dict(more),
    }
    return answer({"responses": {"subject": inner}, "limit": 5}, **headers)


def screened(response):
    return told(WIRE.screen(TRACE, QUERY), response)


def test_a_query_is_told_in_golden_json():
    request = asked(WIRE.screen(TRACE, QUERY))
    assert (request.method, request.path) == ("POST", "/match/default")
    assert request.headers == {"Content-Type": "application/json", "X-Api-Key": KEY}
    assert json.loads(request.body) == {
        "queries": {
            "subject": {
                "schema": "Person",
                "properties": {
                    "name": ["王小明"],
                    "idNumber": [NUMBER.text],
                    "loanrange:point": ["open_account"],
                },
            }
        }
    }


def test_an_answer_of_our_own_lists_is_read_from_golden_json():
    body = {
        "responses": {
            "subject": {
                "status": 200,
                "results": [
                    {
                        "id": "person:qiaowu-7",
                        "caption": "王小明",
                        "score": 0.85,
                        "match": True,
                        "datasets": ["domestic"],
                    }
                ],
                "decision": "review",
                "list_version": "20200701-001",
            }
        }
    }
    match = ListMatch("person:qiaowu-7", "domestic", 850_000)
    assert screened(answer(body)) == ScreenAnswer(Screened.REVIEW, "20200701-001", (match,))


@pytest.mark.parametrize("decision", ["hit", "review", "clear"])
def test_whoever_keeps_the_lists_decides(decision):
    more = {"decision": decision, "list_version": "v2"}
    read = screened(response(result(1.0), more=more, **{"x-list-version": "v1"}))
    assert (read.decision, read.list_version) == (Screened(decision), "v2")


@pytest.mark.parametrize(
    ("results", "decision"),
    [
        ([], Screened.CLEAR),
        ([result(0.69, match=False)], Screened.CLEAR),
        ([result(0.99, match=False)], Screened.CLEAR),
        ([result(0.7)], Screened.REVIEW),
        ([result(0.949)], Screened.REVIEW),
        ([result(0.95)], Screened.HIT),
        ([result(1)], Screened.HIT),
        ([result(0.2, match=False), result(0.7)], Screened.REVIEW),
        ([result(0.7), result(0.96)], Screened.HIT),
        ([result(0.85, properties={"idNumber": [NUMBER.text]})], Screened.HIT),
        ([result(0.85, properties={"idNumber": NUMBER.text})], Screened.HIT),
        ([result(0.6, False, properties={"idNumber": [f" {NUMBER.text} "]})], Screened.HIT),
        ([result(0.85, properties={"idNumber": ["110101196001011234"]})], Screened.REVIEW),
        ([result(0.85, properties={"idNumber": []})], Screened.REVIEW),
        ([result(0.85, properties=None)], Screened.REVIEW),
    ],
)
def test_where_nobody_decides_the_rule_does(results, decision):
    assert screened(response(*results)).decision is decision


@pytest.mark.parametrize(
    ("more", "headers", "version"),
    [
        ({}, {}, ""),
        ({}, {"x-list-version": "20260216"}, "20260216"),
        ({"list_version": None}, {"x-list-version": "20260216"}, "20260216"),
        ({"list_version": ""}, {"x-list-version": "20260216"}, ""),
    ],
)
def test_the_version_of_the_lists_stands_in_the_answer_or_in_its_header(more, headers, version):
    assert screened(response(more=more, **headers)).list_version == version


def test_the_nearest_entries_are_told_in_their_order():
    read = screened(
        response(
            result(0.9123456, id="a", datasets=["un", "eu"]),
            result(0.1, match=False, id="b", datasets=["domestic"]),
        )
    )
    assert read.matches == (ListMatch("a", "un", 912_346), ListMatch("b", "domestic", 100_000))


@pytest.mark.parametrize(
    "wrong",
    [
        {"responses": {}},
        {"responses": []},
        {"responses": {"other": {"status": 200, "results": []}}},
        {"responses": {"subject": None}},
        {"responses": {"subject": {"results": []}}},
        {"responses": {"subject": {"status": "200", "results": []}}},
        {"responses": {"subject": {"status": 200}}},
        {"responses": {"subject": {"status": 200, "results": {}}}},
        {"responses": {"subject": {"status": 302, "results": []}}},
        {},
        [],
    ],
)
def test_an_answer_without_its_parts_is_unreadable(wrong):
    with pytest.raises(Unreadable):
        screened(answer(wrong))


@pytest.mark.parametrize("field", ["id", "score", "match", "datasets"])
def test_a_result_without_a_field_is_unreadable(field):
    less = result()
    del less[field]
    with pytest.raises(Unreadable):
        screened(response(less, more={"decision": "clear", "list_version": "v1"}))


@pytest.mark.parametrize(
    "change",
    [
        {"score": 1.01},
        {"score": -0.1},
        {"score": "0.9"},
        {"score": True},
        {"match": 1},
        {"id": 17},
        {"datasets": []},
        {"datasets": "united_nations"},
        {"datasets": [None]},
        {"properties": []},
        {"properties": {"idNumber": [17]}},
    ],
)
def test_a_result_of_another_form_is_unreadable(change):
    with pytest.raises(Unreadable):
        screened(response(result(**change)))


@pytest.mark.parametrize("more", [{"decision": "maybe"}, {"decision": ""}, {"decision": ["clear"]}])
def test_a_decision_that_is_none_is_no_clear(more):
    with pytest.raises(Unreadable):
        screened(response(more=more))


@pytest.mark.parametrize(
    ("said", "kind", "detail"),
    [
        (answer({"detail": "bad query"}, 400), NotDone, "400 bad query"),
        (answer({"detail": [{"loc": ["body"]}]}, 422), NotDone, "422 the request is wrong"),
        (answer({"detail": "no such dataset"}, 404), NotDone, "404 no such dataset"),
        (problem(401, "Unknown key"), NotDone, "401 Unknown key"),
        (answer({"detail": "slow down"}, 429), QuotaExceeded, "429 slow down"),
        (answer({"detail": "Index not ready."}, 503), ServerFailed, "503 Index not ready."),
        (answer(b"", 500), ServerFailed, "500"),
        (response(status=400), NotDone, "400 for the query"),
        (response(status=500), ServerFailed, "500 for the query"),
        (answer(b"<html>", 404, "text/html"), Unreadable, "404, and not"),
        (answer({"reason": "x"}, 404), Unreadable, "404, and not"),
        (answer(b"<html>", 200, "text/html"), Unreadable, "it is no JSON"),
    ],
)
def test_no_answer_is_an_error_by_what_is_known_of_it(said, kind, detail):
    with pytest.raises(ProviderError) as error:
        screened(said)
    assert type(error.value) is kind
    assert error.value.operation == "sanctions.screen"
    assert error.value.detail.startswith(detail)


ANSWERS = st.builds(
    lambda decision, version, matches: ScreenAnswer(decision, version, tuple(matches)),
    st.sampled_from(Screened),
    st.text(max_size=12),
    st.lists(
        st.builds(ListMatch, st.text(max_size=8), st.text(max_size=8), st.integers(0, 10**6)),
        max_size=4,
    ),
)


@given(expected=ANSWERS)
def test_any_answer_is_read_as_it_was(expected):
    results = [
        result(match.score_ppm / 10**6, id=match.entity, datasets=[match.list_name])
        for match in expected.matches
    ]
    more = {"decision": expected.decision.value, "list_version": expected.list_version}
    assert screened(response(*results, more=more)) == expected


@given(name=st.text(max_size=20), point=st.text(max_size=20))
def test_any_query_arrives_whole(name, point):
    request = asked(WIRE.screen(TRACE, ScreenQuery(name, NUMBER, point)))
    properties = json.loads(request.body)["queries"]["subject"]["properties"]
    assert (properties["name"], properties["loanrange:point"]) == ([name], [point])


@settings(max_examples=5 * settings.default.max_examples)
@given(
    said=GARBAGE
    | JSON.map(lambda inner: answer({"responses": {"subject": inner}}))
    | JSON.map(response)
    | st.tuples(st.sampled_from(sorted(result())), JSON).map(
        lambda change: response(result(**{change[0]: change[1]}))
    )
)
def test_garbage_is_never_a_clear(said):
    ending = ending_of(WIRE.screen(TRACE, QUERY), said)
    if isinstance(ending, ProviderError):
        assert ending.operation == "sanctions.screen"
    elif ending.decision is Screened.CLEAR:
        inner = json.loads(said.body)["responses"]["subject"]
        assert inner["status"] == 200
        assert not any(found["match"] for found in inner["results"])
