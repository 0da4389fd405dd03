"""Screening over the wire, in yente's shape: the decision beside entities with their scores."""

from __future__ import annotations

import re
from datetime import date
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.sanctions.behaviour import ListEntry, Sanctions
from tests.mocks.face_kit import fronted

VERSION = "20200701-001"
BORN, OTHER_DAY = date(1960, 5, 4), date(1961, 5, 4)


@pytest.fixture(scope="module")
def served():
    with fronted("other", "spent", "failing") as front:
        yield front


@pytest.fixture
def front(served):
    return served.fresh()


def lists(front, *entries):
    """Put entries on the lists of the default tenant, from now on."""
    held = front.tenant.behaviours["sanctions"]
    held.change(entries, (), "20200715-001", front.tenant.now_s)
    return held


def query(name="", number="", **other):
    properties = {"name": [name], "idNumber": [number], **other}
    return {"schema": "Person", "properties": {k: v for k, v in properties.items() if any(v)}}


def match(front, *queries, dataset="default", status=200, headers=None, **params):
    """Screen; return the responses in order."""
    body = {"queries": {f"q{n}": one for n, one in enumerate(queries)}}
    response = front.client.post(f"/match/{dataset}", json=body, params=params, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told = response.json()
    if status != 200:
        assert list(told) == ["detail"]
        return told["detail"]
    assert response.headers["x-batch-size"] == str(len(queries))
    assert list(told["responses"]) == list(body["queries"])
    return list(told["responses"].values())


def ids(response):
    return [result["id"] for result in response["results"]]


# The decision


@pytest.mark.parametrize(
    ("listed", "decision", "score"),
    [("", "clear", None), ("hit", "hit", 1.0), ("review", "review", 0.85)],
)
def test_the_truth_about_a_person_decides(front, listed, decision, score):
    li = front.person(listed=listed)
    (told,) = match(front, query(li.name, li.id_number.text))

    assert (told["status"], told["decision"], told["list_version"]) == (200, decision, VERSION)
    assert [result["score"] for result in told["results"]] == ([score] if score else [])
    assert ids(told) == ([f"person:{li.key}"] if listed else [])
    assert told["total"] == {"value": len(told["results"]), "relation": "eq"}


def test_a_result_is_an_entity_with_its_score_and_why(front):
    li = front.person()
    lists(front, ListEntry("UN-1", li.name, number=li.id_number))
    asked = query(li.name, li.id_number.text)
    (told,) = match(front, asked)

    (result,) = told["results"]
    explanations = result.pop("explanations")
    assert result == {
        "id": "UN-1",
        "caption": li.name,
        "schema": "Person",
        "properties": {
            "name": [li.name],
            "birthDate": [str(li.birth)],
            "idNumber": [li.id_number.text],
            "topics": ["sanction"],
        },
        "datasets": ["united_nations"],
        "referents": [],
        "target": True,
        "first_seen": None,
        "last_seen": "2020-07-15",
        "last_change": None,
        "score": 1.0,
        "match": True,
    }
    assert set(explanations) == {"name_match", "id_number_match", "birth_date_match"}
    assert set(explanations["name_match"]) == {"score", "detail", "query", "candidate"}
    assert told["query"] == {"id": None, **asked}


def test_the_versions_name_stands_in_header_and_response(front):
    lists(front, ListEntry("UN-1", "某人"))
    body = {"queries": {"q": query("某人")}}
    response = front.client.post("/match/default", json=body)

    assert response.headers["x-list-version"] == "20200715-001"
    assert response.json()["responses"]["q"]["list_version"] == "20200715-001"


def test_a_version_holds_from_its_moment_on(front):
    li = front.person()
    held = front.tenant.behaviours["sanctions"]
    entry = ListEntry("UN-1", li.name, number=li.id_number)
    held.change([entry], (), "20200716-001", front.tenant.now_s + 10)
    asked = query(li.name, li.id_number.text)

    assert match(front, asked)[0]["decision"] == "clear"
    front.tenant.clock.now_s += 10
    assert match(front, asked)[0]["decision"] == "hit"


def test_the_point_of_the_flow_is_kept_in_the_audit(front):
    li = front.person()
    point = {"loanrange:point": ["open_account"]}
    match(front, query(li.name, li.id_number.text, **point), query(li.name, li.id_number.text))

    audit = front.tenant.behaviours["sanctions"].audit
    assert [screen.point for screen in audit] == ["open_account", "match"]


@pytest.mark.parametrize(
    ("entry", "births", "decision"),
    [
        (ListEntry("UN-1", "某人"), [], "review"),
        (ListEntry("UN-1", "某人"), [BORN], "review"),
        (ListEntry("UN-1", "某人", birth=BORN), [BORN], "hit"),
        (ListEntry("UN-1", "某人", birth=BORN), [OTHER_DAY], "clear"),
        (ListEntry("UN-1", "某人", birth=BORN), [], "review"),
        (ListEntry("UN-1", "某人", birth=BORN), ["1961"], "review"),
        (ListEntry("UN-1", "某人", birth=BORN), ["1700-01-01"], "review"),
        (ListEntry("UN-1", "某人", birth=BORN), [OTHER_DAY, BORN], "review"),
        (ListEntry("UN-1", "某某人", birth=BORN), [BORN], "clear"),
    ],
)
def test_who_tells_no_number_is_told_apart_by_a_birth_date_only(front, entry, births, decision):
    lists(front, entry)
    (told,) = match(front, query("某人", birthDate=[str(birth) for birth in births]))

    assert told["decision"] == decision
    assert bool(told["results"]) is (decision != "clear")


def test_an_alias_is_screened_as_a_name_is(front):
    li = front.person()
    lists(front, ListEntry("UN-1", "化名"))
    (told,) = match(front, query(li.name, li.id_number.text, alias=["化名"]))

    assert (told["decision"], ids(told)) == ("review", ["UN-1"])


def test_whom_a_human_has_cleared_is_left_out_and_nobody_else(front):
    li = front.person()
    first = ListEntry("UN-1", li.name, number=li.id_number)
    lists(front, first, ListEntry("UN-2", li.name))
    asked = query(li.name, li.id_number.text)

    assert ids(match(front, asked)[0]) == ["UN-1"]
    (told,) = match(front, asked, exclude_entity_ids=["UN-1"])
    assert (told["decision"], ids(told)) == ("review", ["UN-2"])
    (told,) = match(front, asked, exclude_entity_ids=["UN-1", "UN-2"])
    assert (told["decision"], ids(told)) == ("clear", [])


def test_a_narrower_data_set_clears_nobody(front):
    li = front.person(listed="hit")
    lists(front, ListEntry("UN-1", "某人"))
    (told,) = match(front, query(li.name, li.id_number.text), dataset="united_nations")

    assert told["decision"] == "hit"


def test_limit_threshold_and_cutoff_shape_the_results_and_not_the_decision(front):
    lists(front, *(ListEntry(f"UN-{n}", "某人") for n in range(8)))
    asked = query("某人")

    (told,) = match(front, asked)
    assert (len(told["results"]), told["total"]["value"]) == (5, 8)
    assert all(result["match"] for result in told["results"])
    (told,) = match(front, asked, limit=2, threshold=0.9)
    assert ids(told) == ["UN-0", "UN-1"]
    assert not any(result["match"] for result in told["results"])
    (told,) = match(front, asked, cutoff=0.9)
    assert (told["results"], told["decision"]) == ([], "review")


def test_a_batch_is_answered_query_by_query(front):
    people = [front.person(n, listed="hit" if n % 2 else "") for n in range(20)]
    told = match(front, *(query(one.name, one.id_number.text) for one in people))

    assert [one["decision"] for one in told] == ["clear", "hit"] * 10
    assert front.tenant.billed["sanctions.screen"] == 20


def test_a_batch_has_at_most_a_hundred_queries(front):
    assert len(match(front, *[query("某人")] * 100)) == 100
    assert "100" in match(front, *[query("某人")] * 101, status=400)


# What is refused


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        {},
        {"queries": {}},
        {"queries": []},
        {"queries": {"q": 1}},
        {"queries": {"q": {"properties": {"name": "x"}}}},
        {"queries": {"q": {"schema": "Unicorn", "properties": {"name": "x"}}}},
        {"queries": {"q": {"schema": [], "properties": {"name": "x"}}}},
        {"queries": {"q": {"schema": "Person"}}},
        {"queries": {"q": {"schema": "Person", "properties": {}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": " "}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": 7}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": [None]}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": "x" * 501}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": ["x"] * 51}}}},
        {"queries": {"q": {"schema": "Person", "properties": {"name": "\ud800"}}}},
        {"queries": {"q": {"schema": "Person", "id": 7, "properties": {"name": "x"}}}},
        {"queries": {"q": query("x")}, "config": {"nothing": 1}},
        {"queries": {"q": query("x")}, "config": [1]},
        {"queries": {"q": query("x")}, "weights": {"name": "much"}},
    ],
)
def test_a_body_is_refused_with_a_detail(front, body):
    content = body if isinstance(body, bytes) else dumps(body).encode()
    response = front.client.post("/match/default", content=content)

    assert response.status_code == 400
    assert list(response.json()) == ["detail"]


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "501"},
        {"limit": "-1"},
        {"limit": "many"},
        {"threshold": "1.1"},
        {"threshold": "nan"},
        {"cutoff": "x"},
        {"algorithm": "magic"},
        {"exclude_entity_ids": [str(n) for n in range(51)]},
        {f"p{n}": "" for n in range(201)},
    ],
)
def test_a_setting_that_cannot_be_is_refused(front, params):
    match(front, query("某人"), status=400, **params)


def test_a_value_may_stand_alone_and_settings_may_be_yentes(front):
    body = {
        "queries": {"q": {"schema": "Person", "properties": {"name": "某人", "topics": []}}},
        "weights": {"name_match": 1.0},
        "config": {},
    }
    params = {"algorithm": "logic-v2", "topics": "sanction", "changed_since": "2020-01-01"}
    response = front.client.post("/match/sanctions", json=body, params=params)

    assert response.json()["responses"]["q"]["query"]["properties"]["name"] == ["某人"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/match/default", 405),
        ("POST", "/search/default", 405),
        ("POST", "/match", 404),
        ("POST", "/match/nothing", 404),
        ("GET", "/search/nothing", 404),
        ("GET", "/entities/nobody", 404),
        ("GET", "/entities/person:nobody", 404),
        ("GET", "/entities/person:bozhi/999999999999", 404),
        ("GET", "/catalog/more", 404),
    ],
)
def test_what_is_not_there_is_refused(front, method, path, status):
    response = front.client.request(method, path, content=dumps({"queries": {"q": query("x")}}))

    assert (response.status_code, list(response.json())) == (status, ["detail"])


# Who asks


@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization"])
def test_a_key_names_the_tenant(front, header):
    li = front.person(listed="hit")
    asked = query(li.name, li.id_number.text)

    def by(key):
        return {header: key if header == "X-Api-Key" else f"ApiKey {key}"}

    own, other = front.tenant, front.tenants.get("other")
    assert match(front, asked, headers=by(own.credentials.api_key))[0]["decision"] == "hit"
    assert match(front, asked, headers=by(other.credentials.api_key))[0]["decision"] == "clear"
    match(front, asked, headers=by("nobodys"), status=401)


def test_a_header_names_the_tenant(front):
    li = front.person(listed="hit")
    asked = query(li.name, li.id_number.text)

    (told,) = match(front, asked, headers={"X-Loanrange-Tenant": "other"})
    assert told["decision"] == "clear"
    assert "nobody" in match(front, asked, headers={"X-Loanrange-Tenant": "nobody"}, status=400)


@pytest.mark.parametrize(("name", "status"), [("spent", 429), ("failing", 500)])
def test_a_failing_line_never_clears_anybody(front, name, status):
    match(front, query("某人"), headers={"X-Loanrange-Tenant": name}, status=status)


def test_a_mistake_of_our_own_shows_nothing_of_its_inside(front, monkeypatch):
    def broken(*asked):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Sanctions, "screen", broken)

    assert match(front, query("某人"), status=500) == "Internal error."


# Search, entities, catalogue


def get(front, path, **params):
    response = front.client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_search_finds_by_a_part_of_the_name(front):
    lists(
        front,
        ListEntry("UN-1", "某甲"),
        ListEntry("UN-2", "某乙"),
        ListEntry("FB-1", "Some Body", "foreign"),
    )

    assert ids(get(front, "/search/default", q="某")) == ["UN-1", "UN-2"]
    assert ids(get(front, "/search/all", q="some b")) == ["FB-1"]
    assert ids(get(front, "/search/default", q="un-2")) == ["UN-2"]
    assert ids(get(front, "/search/foreign", q="")) == ["FB-1"]
    told = get(front, "/search/default", q="", limit=1, offset=1)
    assert (ids(told), told["total"]["value"]) == (["UN-1"], 3)
    assert "score" not in told["results"][0]
    assert front.client.get("/search/default", params={"limit": 501}).status_code == 400


def test_an_entity_is_shown_by_its_id(front):
    lists(front, ListEntry("UN-1", "某甲", birth=BORN))
    sure, alike = front.person(1, listed="hit"), front.person(2, listed="review")
    clean = front.person(3)

    assert get(front, "/entities/UN-1")["properties"]["birthDate"] == [str(BORN)]
    shown = get(front, f"/entities/person:{sure.key}")
    assert (shown["caption"], shown["datasets"]) == (sure.name, ["domestic"])
    assert "idNumber" in shown["properties"]
    assert "idNumber" not in get(front, f"/entities/person:{alike.key}")["properties"]
    assert front.client.get(f"/entities/person:{clean.key}").status_code == 404


def test_who_was_delisted_is_shown_no_more(front):
    li = front.person(listed="hit")
    held = front.tenant.behaviours["sanctions"]
    held.change((), [f"person:{li.key}"], "20200715-001", front.tenant.now_s)

    assert front.client.get(f"/entities/person:{li.key}").status_code == 404
    assert match(front, query(li.name, li.id_number.text))[0]["decision"] == "clear"


def test_the_catalogue_tells_the_lists_and_their_version(front):
    lists(front, ListEntry("UN-1", "某甲"), ListEntry("FB-1", "Some Body", "foreign"))
    told = get(front, "/catalog")

    counts = {one["name"]: one["entity_count"] for one in told["datasets"]}
    assert counts == {"default": 2, "domestic": 0, "foreign": 1, "united_nations": 1}
    assert {one["version"] for one in told["datasets"]} == {"20200715-001"}
    assert (told["outdated"], told["index_stale"]) == ([], False)


def test_the_algorithms_and_the_health_are_told(front):
    told = get(front, "/algorithms")

    assert told["best"] in {one["name"] for one in told["algorithms"]}
    assert get(front, "/healthz") == get(front, "/readyz") == {"status": "ok"}


# What is no request of anybody's

PATHS = st.sampled_from(
    [
        *("/match/default", "/match/", "/search/default", "/entities/a", "/catalog"),
        *("/algorithms", "/healthz", "/readyz", "/match/%00", "/entities/person:%ff"),
    ]
)
VALUES = st.text(max_size=30) | st.integers() | st.none() | st.lists(st.text(max_size=20))
PROPERTIES = st.dictionaries(
    st.sampled_from(["name", "alias", "idNumber", "birthDate", "loanrange:point", "country"]),
    VALUES,
)
QUERIES = st.fixed_dictionaries(
    {"schema": st.sampled_from(["Person", "Company", "Nothing"]), "properties": PROPERTIES}
)


def answered(response, statuses):
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/json"
    assert isinstance(response.json(), dict)


@given(PATHS, st.sampled_from(["GET", "POST", "PUT"]), st.binary(max_size=200), st.binary())
def test_whatever_bytes_come_are_answered(served, path, method, params, body):
    text = re.sub(rb"[^\x21\x22\x24-\x7e]", b"%ff", params).decode()

    answered(served.client.request(method, f"{path}?{text}", content=body), {200, 400, 404, 405})


@given(st.dictionaries(st.text(max_size=5), QUERIES, min_size=1, max_size=3))
def test_whatever_is_asked_is_answered_or_refused(served, queries):
    answered(served.client.post("/match/default", content=dumps({"queries": queries})), {200, 400})
