"""The control plane over HTTP: what only a phone, a clock, an operator or a test can do."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from datetime import date

import httpx
import pytest
import schemathesis
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from core.identity import IdNumber, PhoneNumber
from core.picture import Picture, ref_in
from mocks.clock import ServedClock
from mocks.control.app import ROUTES
from mocks.journal import Journal
from mocks.line import Fault, FaultKind
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.wall import OwnTimes
from scenarios.hosts.world import World
from scenarios.stack import app_of
from tests.mocks.rest_kit import BANK, BANKS, serving

START = date(2020, 7, 15)
NINE = 9 * 3600.0
PROBLEM = "application/problem+json"


def make_tenant(name, seed):
    world = World(seed or 7, START, banks=BANKS, products={}, journal=Journal())
    if name == "story":
        return Tenant(name, world, OwnTimes(START))
    clock = ServedClock(START, 1.0, NINE)
    clock.frozen = True  # no loop runs yet that an alarm could be set in
    return Tenant(name, world, clock)


class Front:
    """A served control plane: its tenants, and a client that asks it."""

    def __init__(self, url, tenants, client):
        self.url, self.tenants, self.client = url, tenants, client

    @property
    def tenant(self):
        return self.tenants.default

    def get(self, path, **query):
        return fine(self.client.get(f"/_control/{path}", params=query))

    def post(self, path, **body):
        return fine(self.client.post(f"/_control/{path}", json=body))

    def put(self, path, body):
        return fine(self.client.put(f"/_control/{path}", json=body))

    def delete(self, path):
        return fine(self.client.delete(f"/_control/{path}"))

    def log_in(self, person):
        """Change a login code of a person for a session."""
        known = self.tenant.credentials
        query = {
            "appid": known.appid,
            "secret": known.app_secret,
            "js_code": self.post("device/login", id_number=person["id_number"])["js_code"],
            "grant_type": "authorization_code",
        }
        return self.client.get("/sns/jscode2session", params=query).json()


def fine(answer):
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def refused(answer, status, *told):
    """Require a problem of that status whose detail tells these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert all(word in problem["detail"] for word in told), problem["detail"]


@pytest.fixture(scope="module")
def shared():
    tenants = Tenants(make_tenant)
    tenants.open("story")
    with (
        serving(app_of(tenants)) as url,
        httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client,
    ):
        yield Front(url, tenants, client)


@pytest.fixture
def front(shared):
    shared.delete("tenants/default")
    return shared


# ------------------------------------------------------------------------------ who may come in


def test_the_server_says_that_it_is_up(front):
    assert front.get("healthz") == {"status": "ok"}


def test_who_has_no_token_is_turned_away_where_one_is_set():
    with (
        serving(app_of(Tenants(make_tenant), token="open sesame")) as url,
        httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client,
    ):
        refused(client.get("/_control/clock"), 401, "x-loanrange-token")
        wrong = {"x-loanrange-token": "hello"}
        refused(client.get("/_control/clock", headers=wrong), 401)
        right = {"x-loanrange-token": "open sesame"}
        assert client.get("/_control/clock", headers=right).status_code == 200


def test_who_is_on_another_machine_is_turned_away_where_no_token_is_set():
    transport = httpx.ASGITransport(app_of(Tenants(make_tenant)), client=("203.0.113.9", 1))

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
            return await client.get("/_control/clock")

    refused(asyncio.run(ask()), 403, "loopback only")


def test_a_path_that_is_none_is_told_its_nearest(front):
    refused(front.client.get("/_control/jurnal"), 404, "did you mean 'journal'")
    refused(front.client.delete("/_control/clock"), 405)


def test_an_unknown_tenant_is_told_the_nearest(front):
    told = {"x-loanrange-tenant": "stroy"}
    refused(front.client.get("/_control/clock", headers=told), 400, "'stroy'", "'story'")


# ------------------------------------------------------------------------- tenants and providers


def test_the_providers_are_told_with_the_keys_that_open_them(front):
    told = front.get("providers")

    assert told["tenant"] == "default"
    assert told["credentials"]["secret_id"] == front.tenant.credentials.secret_id
    assert {"ocr", "carrier", "face", "corebank", "wechat"} <= told["providers"].keys()
    assert told["providers"]["corebank"]["scope"] == "bank"
    assert told["providers"]["corebank"]["operations"]["disburse"]["writes"]
    assert not told["providers"]["corebank"]["operations"]["balance"]["writes"]


def test_a_tenant_has_people_and_keys_of_its_own_seed(front):
    first = front.put("tenants/first", {"seed": 1})
    second = front.put("tenants/second", {"seed": 2})
    people = [
        front.client.get("/_control/people", headers={"x-loanrange-tenant": name}).json()
        for name in ("first", "second")
    ]

    assert first["credentials"] != second["credentials"]
    assert people[0] != people[1]
    assert front.put("tenants/first", {"seed": 1}) == first
    front.delete("tenants/first")
    front.delete("tenants/second")
    told = {"x-loanrange-tenant": "first"}
    refused(front.client.get("/_control/people", headers=told), 400, "is unknown")


@pytest.mark.parametrize("name", ["a b", "a%2Fb", "é", "a.b"])
def test_a_tenants_name_is_letters_and_digits(front, name):
    answer = front.client.put(f"/_control/tenants/{name}")

    assert answer.status_code in (400, 404)
    assert len(list(front.tenants)) == 2


def test_a_reset_forgets_what_happened_and_what_was_made(front):
    made = front.post("people", bank=BANK, truth={"name": "测试人"})
    front.put("faults", [{"provider": "ocr", "kind": "drop"}])
    front.post("clock/advance", days=3)
    before = front.tenant

    assert front.post("reset") == {"tenant": "default"}

    assert front.tenant is not before
    assert front.get("faults") == {"faults": []}
    assert front.get("clock")["date"] == str(START)
    assert front.tenant.people.by_key(made["key"]).name != "测试人"


# -------------------------------------------------------------------------------------- people


def test_people_are_named_with_what_their_phones_and_cards_say(front):
    people = front.get("people", bank=BANK, n=3, first=5)["people"]

    assert [person["key"] for person in people] == [f"{BANK}/{n:06d}" for n in (5, 6, 7)]
    found = front.tenant.people.by_number(IdNumber(people[0]["id_number"]))
    assert (people[0]["name"], people[0]["phone"]) == (found.name, found.phone.text)
    assert people == front.get("people", bank=BANK, n=3, first=5)["people"]


def test_somebody_made_to_order_passes_every_check_but_for_what_is_said(front):
    listed = front.post("people", bank=BANK, truth={"listed": "hit"})
    fine_one = front.post("people", bank=BANK)

    assert fine_one["should_pass"]
    assert fine_one["truth"] == []
    assert not listed["should_pass"]
    assert [why["reason"] for why in listed["truth"]] == ["NAME_LIST_HIT"]
    assert listed["key"] != fine_one["key"]
    assert front.tenant.people.by_number(IdNumber(listed["id_number"])).listed == "hit"


def test_what_is_said_of_a_birth_date_stands_in_the_id_number(front):
    made = front.post("people", truth={"birth": "2004-02-29", "sex": "女", "name": "测试女"})

    number = IdNumber(made["id_number"])
    assert number.birth == date(2004, 2, 29)
    assert number.text[16] in "02468"
    assert made["name"] == "测试女"


def test_what_is_said_of_a_phone_leads_to_its_holder(front):
    made = front.post("people", truth={"phone": "13900001234"})

    assert made["phone"] == "13900001234"
    assert front.tenant.people.by_phone(PhoneNumber("13900001234")).key == made["key"]


def test_a_phone_that_is_none_is_refused_and_changes_nobody(front):
    key = front.post("people")["key"]
    for phone in ("", "12"):
        said = {"key": key, "truth": {"phone": phone}}
        refused(front.client.post("/_control/people", json=said), 400, "phone")


def test_traits_are_said_by_name(front):
    made = front.post("people", traits={"card_expired": True, "holds_card": True})

    assert [why["reason"] for why in made["truth"]] == ["ID_EXPIRED"]
    assert [card["bank"] for card in made["cards"]].count(made["bank"]) == 1


def test_a_card_may_be_valid_for_a_long_term(front):
    made = front.post("people", truth={"valid_to": None, "birth": "1960-01-01"})

    assert front.tenant.people.by_key(made["key"]).valid_to is None


def test_more_may_be_said_of_somebody_later_and_what_was_said_stays(front):
    made = front.post("people", truth={"listed": "hit"})
    again = front.post("people", key=made["key"], truth={"live": False})

    assert again["id_number"] == made["id_number"]
    assert {why["reason"] for why in again["truth"]} == {"NAME_LIST_HIT", "FACE_NOT_LIVE"}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"bank": "nowhere"}, 400, "bank 'nowhere'"),
        ({"key": "nobody"}, 400, "person 'nobody'"),
        ({"traits": {"card_expird": True}}, 400, "did you mean 'card_expired'"),
        ({"truth": {"listed": "perhaps"}}, 422, "truth.listed"),
        ({"truth": {"birth": "yesterday"}}, 422, "truth.birth"),
        ({"truth": {"phone": "123"}}, 400, "phone"),
        ({"truth": {"card_quality": 101}}, 422, "truth.card_quality"),
        ({"truth": {"id_number": "1"}}, 422, "truth.id_number"),
        ({"person": "x"}, 422, "person"),
    ],
)
def test_nobody_is_made_of_what_is_no_truth(front, body, status, told):
    refused(front.client.post("/_control/people", json=body), status, told)


def test_nobody_gets_a_phone_that_somebody_else_has(front):
    front.post("people", truth={"phone": "13900001234"})
    wanted = {"truth": {"phone": "13900001234"}}

    refused(front.client.post("/_control/people", json=wanted), 400, "has the same phone")


@pytest.mark.parametrize("query", [{"n": 0}, {"n": 1_001}, {"first": -1}, {"bank": "nowhere"}])
def test_people_are_asked_for_in_reason(front, query):
    refused(front.client.get("/_control/people", params=query), 400)


def test_a_picture_to_send_says_what_it_shows(front):
    person = front.get("people", n=1)["people"][0]

    answer = front.client.get("/_control/picture", params={"of": person["id_card_image"]})

    assert answer.headers["content-type"] == "image/png"
    assert ref_in(answer.content) == person["id_card_image"]
    assert Picture.read(answer.content) == Picture.named(person["id_card_image"])
    nobodys = {"of": "nobody/000001#front"}
    refused(front.client.get("/_control/picture", params=nobodys), 400, "is nobody's")


# -------------------------------------------------------------------------------------- phones


def test_a_phones_login_code_leads_to_its_owner(front):
    person = front.post("people")

    assert front.log_in(person)["openid"] == person["openid"]


def test_every_code_is_another_unless_the_same_act_is_told_again(front):
    person = front.post("people")
    asked = {"id_number": person["id_number"]}

    codes = {front.post("device/login", **asked)["js_code"] for _ in range(3)}
    same = {front.post("device/login", **asked, nonce="n1")["js_code"] for _ in range(3)}

    assert (len(codes), len(same)) == (3, 1)


def test_a_phone_code_leads_to_the_number(front):
    person, known = front.post("people"), front.tenant.credentials
    code = front.post("device/phone-code", openid=person["openid"])["code"]
    told = {"appid": known.appid, "secret": known.app_secret, "grant_type": "client_credential"}
    token = front.client.get("/cgi-bin/token", params=told).json()["access_token"]

    answer = front.client.post(
        "/wxa/business/getuserphonenumber", params={"access_token": token}, json={"code": code}
    )

    assert answer.json()["phone_info"]["purePhoneNumber"] == person["phone"]


def test_a_phone_and_the_server_are_told_the_same_user_key(front):
    person = front.post("people")
    front.log_in(person)

    key = front.post("device/encrypt-key", openid=person["openid"])

    sessions = front.tenant.unix_s
    assert key["version"] == 1
    assert key["expireTime"] == 3_600, sessions
    assert key == front.post("device/encrypt-key", id_number=person["id_number"])


def test_who_did_not_log_in_has_no_user_key(front):
    person = front.post("people")
    asked = {"openid": person["openid"]}

    refused(front.client.post("/_control/device/encrypt-key", json=asked), 400, "not logged in")


def test_a_scanned_code_opens_the_page_that_it_was_made_for(front):
    known = front.tenant.credentials
    told = {"appid": known.appid, "secret": known.app_secret, "grant_type": "client_credential"}
    token = front.client.get("/cgi-bin/token", params=told).json()["access_token"]
    wanted = {"scene": "bank=bozhi&by=7", "page": "pages/index/index", "check_path": False}
    code = front.client.post(
        "/wxa/getwxacodeunlimit", params={"access_token": token}, json=wanted
    ).content

    opened = front.post("device/scan", image_base64=b64encode(code).decode())

    assert opened == {
        "appid": known.appid,
        "path": "pages/index/index",
        "query": {"scene": "bank=bozhi&by=7"},
        "scene": 1047,
        "env_version": "release",
    }


@pytest.mark.parametrize(
    ("image", "told"),
    [("***", "no Base64"), ("", "picture"), (b64encode(b"no picture").decode(), "picture")],
)
def test_what_is_no_code_is_not_scanned(front, image, told):
    asked = {"image_base64": image}
    refused(front.client.post("/_control/device/scan", json=asked), 400, told)


def test_whoever_is_asked_for_must_be_somebody(front):
    for path in ("device/login", "device/phone-code", "device/encrypt-key"):
        refused(front.client.post(f"/_control/{path}", json={}), 400, "nobody")
    stranger = {"id_number": "110101199003070011", "biz_token": "t"}
    refused(front.client.post("/_control/device/face", json=stranger), 400, "110101")


def test_a_face_step_of_no_token_is_told_so(front):
    person = front.post("people")
    asked = {"id_number": person["id_number"], "biz_token": "no token"}

    assert front.post("device/face", **asked) == {"verdict": "token_unknown"}


# -------------------------------------------------------------------------------------- the clock


def test_the_clock_is_moved_by_hand(front):
    assert front.get("clock")["date"] == "2020-07-15"

    moved = front.post("clock/advance", days=2, seconds=30)

    assert moved == {"now_s": NINE + 2 * 86_400 + 30, "date": "2020-07-17"} | {
        "frozen": True,
        "speed": 1.0,
    }


def test_the_clock_runs_when_it_is_told_to_and_stands_when_it_is_told_to(front):
    assert front.post("clock/resume", speed=1_000.0)["frozen"] is False
    first = front.get("clock")["now_s"]
    second = front.get("clock")["now_s"]
    frozen = front.post("clock/freeze")

    assert second > first
    assert frozen["frozen"] is True
    assert front.get("clock")["now_s"] == frozen["now_s"]
    assert front.post("clock/resume")["speed"] == 1_000.0
    front.post("clock/freeze")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("advance", {"seconds": -1}, 422),
        ("advance", {"days": 1e12}, 400),
        ("advance", {"hours": 1}, 422),
        ("resume", {"speed": 0}, 422),
        ("resume", {"speed": 1e9}, 400),
    ],
)
def test_the_clock_goes_forward_and_in_reason(front, path, body, status):
    refused(front.client.post(f"/_control/clock/{path}", json=body), status)
    assert front.get("clock")["now_s"] == NINE


def test_a_storys_clock_is_its_visits_own(front):
    told = {"x-loanrange-tenant": "story"}

    refused(front.client.post("/_control/clock/freeze", headers=told), 400, "visits")
    assert front.client.get("/_control/clock", headers=told).json()["speed"] == 0.0


# ---------------------------------------------------------------- faults, the journal, the invoice


def test_a_planned_fault_strikes_until_it_is_taken_back(front):
    person = front.post("people")
    front.put("faults", [{"provider": "wechat", "operation": "login", "kind": "5xx"}])

    assert front.log_in(person)["errcode"] == -1
    front.delete("faults")
    assert front.log_in(person)["openid"] == person["openid"]


def test_a_plan_of_faults_is_told_as_it_was_set(front):
    plan = [
        {"provider": "corebank", "kind": "drop", "phase": "after_commit", "attempts": [1, 2]},
        {"provider": "ocr", "kind": "delay", "extra_s": 3.5, "from_s": 10.0, "for_s": 20.0},
        {"provider": "idnet", "kind": "wrong_answer", "operation": "check", "case": "match"},
        {"provider": "corebank", "kind": "file_late", "bank": BANK, "from_s": 5.0, "for_s": 7.0},
    ]

    told = front.put("faults", plan)["faults"]

    assert told == front.get("faults")["faults"]
    by_kind = {fault["kind"]: fault for fault in told}
    for planned in plan:
        assert planned.items() <= by_kind[planned["kind"]].items()


def test_a_fault_that_is_counted_strikes_so_often_and_no_more(front):
    person = front.post("people")
    front.put("faults", [{"provider": "wechat", "kind": "5xx", "count": 2}])

    said = [front.log_in(person).get("errcode", 0) for _ in range(4)]

    assert said == [-1, -1, 0, 0]
    assert front.get("faults")["faults"][0]["struck"] == 2


def test_a_fault_strikes_one_person_and_no_other(front):
    one, other = front.post("people"), front.post("people")
    about = one["openid"]
    plan = {"provider": "wechat", "operation": "message", "kind": "wrong_answer"}
    front.put("faults", [{**plan, "case": "no_such_openid", "application": about}])
    known = front.tenant.credentials
    told = {"appid": known.appid, "secret": known.app_secret, "grant_type": "client_credential"}
    token = front.client.get("/cgi-bin/token", params=told).json()["access_token"]

    def send(person):
        front.post("device/grant", openid=person["openid"], template="drawn")
        body = {
            "touser": person["openid"],
            "template_id": "drawn",
            "data": {"thing1": {"value": "样本"}},
        }
        path = "/cgi-bin/message/subscribe/send"
        return front.client.post(path, params={"access_token": token}, json=body).json()["errcode"]

    assert (send(one), send(other)) == (40003, 0)


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        ({"provider": "ocrr", "kind": "drop"}, 400, "did you mean 'ocr'"),
        ({"provider": "ocr", "kind": "drop", "operation": "card_frond"}, 400, "'card_front'"),
        ({"provider": "ocr", "kind": "explode"}, 400, "fault no. 2: no kind 'explode'"),
        ({"provider": "ocr", "kind": "droop"}, 400, "did you mean 'drop'"),
        ({"provider": "ocr", "kind": "drop", "nth": 2}, 400, "drop knows no 'nth'"),
        ({"provider": "ocr", "kind": "file_late"}, 400, "name the provider 'corebank'"),
        ({"provider": "corebank", "kind": "file_late", "count": 2}, 400, "knows no 'count'"),
        ({"provider": "corebank", "kind": "file_late", "bank": "bozhii"}, 400, "'bozhi'"),
        ({"provider": "idnet", "kind": "wrong_answer"}, 400, "name operation and case"),
        (
            {"provider": "idnet", "kind": "wrong_answer", "operation": "check", "case": "mach"},
            400,
            "did you mean 'match'",
        ),
        ({"provider": "ocr", "kind": "drop", "share": 2}, 422, "1.share"),
        ({"provider": "ocr"}, 422, "1.kind"),
        ({"provider": "ocr", "kind": "drop", "how": "hard"}, 422, "1.how"),
    ],
)
def test_a_plan_with_one_wrong_fault_changes_nothing(front, fault, status, told):
    before = front.put("faults", [{"provider": "wechat", "kind": "drop"}])
    good = {"provider": "face", "kind": "drop"}

    refused(front.client.put("/_control/faults", json=[good, fault]), status, told)

    assert front.get("faults") == before


def test_faults_that_a_scenario_brings_can_be_told_and_taken_back(front):
    forever = Fault("ocr", FaultKind.DROP)  # which lasts for ever, a number that JSON has not
    front.tenant.house.lines["ocr"].faults.append(forever)

    assert front.get("faults")["faults"][0]["for_s"] == 1e12
    front.delete("faults")
    assert front.tenant.house.lines["ocr"].faults == []


def test_the_journal_tells_calls_and_nothing_of_a_person(front):
    person = front.post("people")
    front.log_in(person)
    front.log_in(person)

    text = front.client.get("/_control/journal").text
    calls = front.get("journal", provider="wechat")["calls"]

    assert [call["operation"] for call in calls] == ["wechat.login"] * 2
    for private in ("id_number", "name", "phone", "openid"):
        assert person[private] not in text
    assert len(front.get("journal", limit=1)["calls"]) == 1
    assert front.get("journal", provider="ocr")["calls"] == []


def test_while_the_clock_stands_answers_come_at_once_and_delays_wait_for_a_move(front):
    person, said = front.post("people"), []
    assert front.log_in(person)["openid"] == person["openid"]
    front.put("faults", [{"provider": "wechat", "kind": "delay", "extra_s": 50.0}])

    late = threading.Thread(target=lambda: said.append(front.log_in(person)))
    late.start()
    while not said and late.is_alive():
        front.post("clock/advance", seconds=10)
    late.join(5)

    assert [answer["openid"] for answer in said] == [person["openid"]]
    assert front.get("clock")["now_s"] >= NINE + 50.0


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1_001}, {"provider": "wechatt"}])
def test_the_journal_is_asked_for_in_reason(front, query):
    refused(front.client.get("/_control/journal", params=query), 400)


def test_the_invoice_counts_what_was_billed(front):
    assert front.get("invoice") == {"billed": {}}
    front.tenant.billed["ocr.card_front"] += 2

    assert front.get("invoice") == {"billed": {"ocr.card_front": 2}}


def test_the_root_of_the_tenants_authority_can_be_fetched(front):
    pem = front.client.get("/_control/root.pem")
    certificate = load_pem_x509_certificate(pem.content)

    assert pem.headers["content-type"] == "application/x-pem-file"
    assert certificate == front.tenant.behaviours["evidence"].authority.root.certificate


# ------------------------------------------------------------------------------- whatever comes


def test_every_route_stands_in_the_document(front):
    document = front.client.get("/_control/openapi.json").json()

    told = {(path, method.upper()) for path, ways in document["paths"].items() for method in ways}
    assert told == {(f"/_control/{path}", method) for path, method, _ in ROUTES}


WHOLE = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)
DOCUMENT = app_of(Tenants(make_tenant))._applications["_control"].openapi()


POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
BODIES = [
    (path, method, NEGATIVE)
    for path, method, _ in ROUTES
    if "requestBody" in DOCUMENT["paths"][f"/_control/{path}"][method.lower()]
]


@pytest.mark.parametrize(
    ("path", "method", "mode"), [*((path, method, POSITIVE) for path, method, _ in ROUTES), *BODIES]
)
def test_whatever_the_document_allows_or_forbids_is_answered_as_documented(
    front, path, method, mode
):
    asked = schemathesis.openapi.from_dict(DOCUMENT)[f"/_control/{path}"][method]

    @settings(max_examples=15)
    @given(case=asked.as_strategy(generation_mode=mode))
    def fits(case):
        case.call_and_validate(base_url=front.url, checks=WHOLE, timeout=5)

    fits()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("device/login", '{"openid": "HALF"}'),
        ("device/grant", '{"openid": "o", "template": "HALF"}'),
        ("device/scan", '{"image_base64": "HALF"}'),
        ("people", '{"truth": {"name": "HALF"}}'),
        ("people", '{"traits": {"HALF": true}}'),
    ],
)
def test_half_a_character_is_no_text(front, path, body):
    half = body.replace("HALF", "\\ud800")
    headers = {"content-type": "application/json"}

    refused(front.client.post(f"/_control/{path}", content=half, headers=headers), 422, "unicode")


@pytest.mark.parametrize("path", [path for path, method, _ in ROUTES if method == "POST"])
def test_raw_bytes_are_no_servers_error(front, path):
    @settings(max_examples=15)
    @given(body=st.binary(max_size=300) | st.text(max_size=60).map(str.encode))
    def is_answered(body):
        headers = {"content-type": "application/json"}
        answer = front.client.post(f"/_control/{path}", content=body, headers=headers)
        assert answer.status_code < 500, answer.text

    is_answered()
