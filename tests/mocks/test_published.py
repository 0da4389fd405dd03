"""`_control/providers` is true: every answer billed, quota and error it lists is provoked here."""

from __future__ import annotations

import ast
import inspect
from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest

from core.errors import QuotaExceeded
from core.ports.face import ResultQuery
from mocks import tencent, tencent_request, tencent_signature
from mocks.carrier.behaviour import Carrier
from mocks.control import published
from mocks.control.published import SERVICES
from mocks.face.desk import Desk
from mocks.face.registers import LONG_TERM
from mocks.face.videos import video_of
from mocks.line import FaultKind, Phase
from mocks.spec import Billing, Operation, always, free, on, says, table
from mocks.tenant import CASE_HEADER, Tenants
from mocks.tencent_call import Office
from mocks.tencent_limits import Tally
from mocks.wechat.server import Account, Limits
from scenarios.stack import app_of
from tests.mocks.published_kit import (
    ACTION,
    LIMIT_S,
    SERVICE_OF,
    TENCENTS,
    WINDOWS_S,
    Seen,
    Stand,
    make_tenant,
    of_idnet,
    of_rest,
    of_sanctions,
    of_tencent,
    of_wechat,
    reserve_of,
)
from tests.mocks.rest_kit import BANK, OTHER_BANK, serving
from tests.mocks.tencent_kit import b64
from tests.mocks.test_cases import CASES, customer, over_http, queries

WIRED = (*TENCENTS, "wechat", "idnet", "sanctions", *SERVICES)


@pytest.fixture(scope="module")
def served():
    tenants = Tenants(make_tenant)
    with (
        serving(app_of(tenants)) as url,
        httpx.Client(base_url=url, timeout=LIMIT_S, trust_env=False) as client,
    ):
        yield Stand(tenants, url, client)


@pytest.fixture
def stand(served):
    return served.fresh()


# Billing


@pytest.mark.parametrize(("place", "case"), CASES, ids=" ".join)
def test_the_invoice_grows_by_the_cases_that_are_published_as_billed(stand, place, case):
    provider, _, name = place.partition(".")
    told = stand.told[provider]["operations"][name]
    [billed] = [one["billed"] for one in told["cases"] if one["case"] == case]
    query = queries(customer(stand.tenant.house))[place]
    if place == "face.result":
        start = queries(customer(stand.tenant.house))["face.start"]
        query = ResultQuery(over_http(stand.tenants, stand.url, "face.start", start).token)
    before = stand.billed

    over_http(stand.tenants, stand.url, place, query, {CASE_HEADER: case})

    grown = {each: count - before.get(each, 0) for each, count in stand.billed.items()}
    assert billed in (True, False)
    assert grown == ({place: 1} if billed else {})
    assert billed is {"never": False, "every answer": True}.get(told["billed"], billed)


def test_every_operation_tells_its_rule_of_billing(stand):
    rules = {
        f"{provider}.{name}": operation["billed"]
        for provider, one in stand.told.items()
        for name, operation in one["operations"].items()
    }

    assert rules["carrier.name_matches"] == "verdict same or different"
    assert rules["face.result"].endswith("below_threshold, when it is read first")
    assert rules["acquirer.flow"] == "every answer"
    assert {rule for place, rule in rules.items() if place.startswith("corebank.")} == {"never"}
    assert all(rules.values())


def test_a_result_that_is_read_again_is_not_billed_again(stand):
    start = queries(customer(stand.tenant.house))["face.start"]
    meant = {CASE_HEADER: "passed"}
    token = over_http(stand.tenants, stand.url, "face.start", start, meant).token
    query = ResultQuery(token)

    for _ in range(3):
        over_http(stand.tenants, stand.url, "face.result", query)

    assert stand.billed == {"face.result": 1}


def test_a_plugins_own_function_bills_as_before_and_tells_nothing():
    case = says("paid", SimpleNamespace(paid=True), "it is paid")
    own = Operation("check", billed=lambda answer: answer.paid, cases=(case,))
    ours = Operation("check", billed=on(True, field="paid"), cases=(case,))

    assert own.billed(SimpleNamespace(paid=True))
    assert not own.billed(SimpleNamespace(paid=False))
    assert (own.billing, own.bills(case)) == ("by a rule of its own", None)
    assert (ours.billing, ours.bills(case)) == ("paid True", True)
    assert isinstance(always, Billing)
    assert not free(case)
    assert table(own)["check"] is own


# Quotas


def provoked(stand, quota, ask, spread_s=0.0):
    """Ask as often as a quota allows, and once more; then again, when its window has passed.

    ``ask(n)`` returns the code that is seen. ``spread_s`` keeps narrower quotas out of the way.
    """
    codes = []
    for number in range(int(quota["figure"]) + 1):
        codes.append(ask(number))
        stand.after(spread_s)
    stand.after(WINDOWS_S[quota["window"]])
    return codes[:-1], codes[-1], ask(int(quota["figure"]) + 1)


def require_kept(stand, quota, code, ask, spread_s=0.0):
    before, refused, after = provoked(stand, quota, ask, spread_s)
    assert code not in before
    assert (refused, after == code) == (code, False)


def quotas_of(provider, *, window, each=""):
    """Return what is published to be counted, as a fresh tenant has it."""
    told = published_at_first()[provider]["quotas"]
    return [one for one in told if one["window"] == window and each in ("", one["each"])]


def published_at_first():
    tenant = make_tenant("any")
    return {
        name: {"quotas": published.quotas(tenant, name), "errors": published.errors(tenant, name)}
        for name in tenant.behaviours
    }


RATES = [
    (provider, action, quota["figure"])
    for provider in TENCENTS
    for quota in quotas_of(provider, window="second")
    for action in quota["refused"]
]


@pytest.mark.parametrize(("provider", "action", "figure"), RATES)
def test_an_action_is_served_so_often_a_second(stand, provider, action, figure):
    [quota] = [one for one in stand.told[provider]["quotas"] if action in one["refused"]][:1]
    assert (quota["figure"], quota["window"], quota["each"]) == (figure, "second", "tenant")

    # The rate is counted before the parameters are looked at: without any, all are refused.
    def ask(_):
        return of_tencent(stand.tencent_sent(action)).code

    require_kept(stand, quota, quota["refused"][action], ask)


CARRIERS = ("CheckPhoneAndName", "PhoneVerification", "MobileStatus")


@pytest.mark.parametrize("action", [*CARRIERS, "MobileNetworkTimeVerification"])
def test_a_number_is_answered_so_often_a_day(stand, action):
    few = Carrier(stand.tenant.people, dict.fromkeys(Carrier.PER_DAY, 3))  # 500 without
    stand.tenant.behaviours["carrier"] = few
    [quota] = [
        one
        for one in stand.told["carrier"]["quotas"]
        if one["each"] == "phone number" and action in one["refused"]
    ]
    li = stand.person()
    params = {"Mobile": li.phone.text}
    if action == "PhoneVerification":
        params = {"Phone": li.phone.text, "Name": li.name, "IdCard": li.id_number.text}
    if action == "CheckPhoneAndName":
        params["Name"] = li.name

    assert (quota["figure"], quota["window"]) == (3, "day")
    require_kept(
        stand, quota, quota["refused"][action], lambda _: stand.tencent(action, params)["Result"]
    )


def shown(stand, token, person):
    """Have somebody show their face to a token."""
    said = {"id_number": person.id_number.text, "biz_token": token}
    assert stand.client.post("/_control/device/face", json=said).status_code == 200


def mini_program_check(stand, _):
    li, known = stand.person(), {"RuleId": stand.known.rule_id}
    named = {"IdCard": li.id_number.text, "Name": li.name}
    token = stand.tencent("DetectAuth", known | named)["BizToken"]
    shown(stand, token, li)
    told = stand.tencent("GetDetectInfoEnhanced", known | {"BizToken": token, "InfoType": "1"})
    return str(told["Text"]["ErrCode"])


def whose(stand, number, each):
    """Return a number and a name of which the one that is not counted differs every time."""
    li = stand.person()
    other = stand.person(10 + number, name=li.name)
    if each == "name":
        return other, other.id_number.text, li.name
    return li, li.id_number.text, li.name + chr(ord("一") + number)


def app_check(stand, number, each):
    person, id_number, name = whose(stand, number, each)
    said = {"CompareLib": "BUSINESS", "IdCard": id_number, "Name": name}
    token = stand.tencent("GetFaceIdToken", said)["FaceIdToken"]
    shown(stand, token, person)
    return stand.tencent("GetFaceIdResult", {"FaceIdToken": token})["Result"]


def photo_check(stand, number, each):
    person, id_number, name = whose(stand, number, each)
    said = {"IdCard": id_number, "Name": name, "ImageBase64": b64(f"{person.key}#front")}
    return stand.tencent("ImageRecognitionV2", said)["Result"]


def card_check(stand, number, each):
    person, _, _ = whose(stand, number, each)
    said = {"ImageBase64": b64(f"{person.key}#front")}
    return stand.tencent("CheckIdCardInformation", said)["Result"]


def name_check(stand, number, each):
    _, id_number, name = whose(stand, number, each)
    return stand.tencent("IdCardVerification", {"IdCard": id_number, "Name": name})["Result"]


def validity_check(stand, number, each):
    _, id_number, name = whose(stand, number, each)
    said = {"ValidityBegin": "20150101", "ValidityEnd": "20350101"}
    told = stand.tencent("CheckIdNameDate", {"IdCard": id_number, "Name": name, **said})
    return told["Result"]


def bank_card_check(stand, _, each):
    del each
    li = stand.person()
    named = {"IdCard": li.id_number.text, "Name": li.name, "Phone": li.phone.text}
    told = stand.tencent("BankCard4EVerification", {**named, "BankCard": li.cards[0].number.text})
    return told["Result"]


CHECKS = {
    "GetDetectInfoEnhanced": lambda stand, number, _: mini_program_check(stand, number),
    "GetFaceIdResult": app_check,
    "ImageRecognitionV2": photo_check,
    "CheckIdCardInformation": card_check,
    "IdCardVerification": name_check,
    "CheckIdNameDate": validity_check,
    "BankCard4EVerification": bank_card_check,
}
# Where a figure is in the hundreds, a desk that counts to three takes the place of the tenant's.
FEW = {
    ("name", "ImageRecognitionV2"): lambda: Desk(face_names=Tally(3)),
    ("name", "IdCardVerification"): lambda: Desk(names=Tally(3)),
    ("ID number", "IdCardVerification"): lambda: Desk(numbers=Tally(3)),
    ("bank card", "BankCard4EVerification"): lambda: Desk(cards=Tally(3)),
}
FACES = [
    (quota["each"], quota["window"], quota["figure"], tuple(sorted(quota["refused"])), action)
    for window in ("minute", "day")
    for quota in quotas_of("face", window=window)
    for action in quota["refused"]
]


@pytest.mark.parametrize(("each", "window", "figure", "together", "action"), FACES)
def test_somebody_is_checked_so_often(stand, each, window, figure, together, action):
    few = next((FEW[each, one] for one in together if (each, one) in FEW), None)
    if few is not None:
        stand.tenant.room(Office, lambda: Office(stand.tenant)).rooms[Desk] = few()
    [quota] = [
        one
        for one in stand.told["face"]["quotas"]
        if (one["each"], one["window"]) == (each, window) and action in one["refused"]
    ]
    spread_s = 61.0 if window == "day" else 0.0

    assert quota["figure"] == (3 if few else figure)
    require_kept(
        stand,
        quota,
        quota["refused"][action],
        lambda number: CHECKS[action](stand, number, each),
        spread_s,
    )


def drawn(stand, _):
    body = {"scene": "a", "page": "pages/index/index"}
    return of_wechat(stand.posted("/wxa/getwxacodeunlimit", body, stand.token())).code


PATHS = {
    "/cgi-bin/token": lambda stand, _: (
        of_wechat(stand.wechat("/cgi-bin/token", grant_type="client_credential")).code
    ),
    "/cgi-bin/stable_token": lambda stand, _: of_wechat(stand.stable()).code,
    "/cgi-bin/stable_token, force_refresh": lambda stand, _: (
        of_wechat(stand.stable(force_refresh=True)).code
    ),
    "/wxa/getwxacodeunlimit": drawn,
    "/sns/jscode2session": lambda stand, n: of_wechat(stand.login(stand.person(), f"n{n}")).code,
}


def test_wechat_is_asked_so_often(stand):
    at_first = stand.told["wechat"]["quotas"]
    assert [int(quota["figure"]) for quota in at_first] == [10_000, 10_000, 5_000, 100, 20]
    paths = []
    for place, told in enumerate(at_first):
        stand.fresh()
        quota = told
        if quota["window"] == "minute":  # counts of thousands: an account that counts to three
            limits = Limits(*[10_000 if place == 2 else 3, 3, 3])
            known = stand.known
            stand.tenant.rooms[Account] = Account(known.appid, known.app_secret, limits)
            quota = stand.told["wechat"]["quotas"][place]
            assert quota["figure"] == 3
        [(path, code)] = quota["refused"].items()
        spread_s = 31.0 if quota["window"] == "day" else 0.0
        require_kept(stand, quota, code, lambda n, path=path: PATHS[path](stand, n), spread_s)
        paths.append(path)
    assert sorted(paths) == sorted(PATHS)


@pytest.mark.parametrize("provider", WIRED)
def test_the_quota_that_a_scenario_gives_a_line_is_kept(stand, provider):
    stand.fresh(per_s=2.0)
    quota = stand.told[provider]["quotas"][0]
    assert quota["figure"] == 2
    [(what, code)] = quota["refused"].items()

    assert what == "every operation"
    require_kept(stand, quota, code, lambda _: stand.ask(provider).code)


def test_every_bank_has_a_quota_of_its_own_where_a_provider_is_each_banks(stand):
    stand.fresh(per_s=1.0)
    body = SERVICES["corebank"].posts[0].example

    def ask(bank):
        return of_rest(stand.rest("corebank", "", body | {"bank": bank})).status

    assert [ask(BANK), ask(BANK), ask(OTHER_BANK), ask(OTHER_BANK)] == [200, 429, 200, 429]
    seen = [call.seen for call in stand.tenant.house.journal.calls]
    assert seen.count(QuotaExceeded) == 2  # the line's refusals are the provider's: it journals

    assert stand.told["corebank"]["quotas"][0]["each"] == "bank"
    assert stand.told["carrier"]["quotas"][0]["each"] == "tenant"


def test_every_quota_that_is_published_is_provoked_here():
    told = published_at_first()
    counted = {(one["each"], one["window"]) for each in told.values() for one in each["quotas"]}

    assert counted == {
        ("tenant", "second"),
        ("phone number", "day"),
        *(("ID number", window) for window in ("minute", "day")),
        *((each, "day") for each in ("name", "bank card", "mini-program")),
        *((each, "minute") for each in ("user", "mini-program")),
    }
    assert {provider for provider, one in told.items() if one["quotas"]} == {*TENCENTS, "wechat"}
    assert {action for *_, action in FACES} == set(CHECKS)


# Actions that no port asks: billed, timed and failed as operations are.


def params_of(stand, action):
    """Return what an action can answer."""
    li = stand.person()
    named = {"IdCard": li.id_number.text, "Name": li.name}
    photo = {"ImageBase64": b64(f"{li.key}#front")}
    if action == "GetFaceIdResult":
        said = {"CompareLib": "BUSINESS", **named}
        return {"FaceIdToken": stand.tencent("GetFaceIdToken", said)["FaceIdToken"]}
    return {
        "IdCardVerification": named,
        "CheckIdNameDate": {
            **named,
            "ValidityBegin": f"{li.valid_from:%Y%m%d}",
            "ValidityEnd": f"{li.valid_to:%Y%m%d}" if li.valid_to else LONG_TERM,
        },
        "BankCard4EVerification": {
            **named,
            "BankCard": li.cards[0].number.text,
            "Phone": li.phone.text,
        },
        "ImageRecognitionV2": named | photo,
        "CheckIdCardInformation": photo,
        "LivenessCompare": {
            **photo,
            "LivenessType": "SILENT",
            "VideoBase64": b64encode(video_of(f"{li.key}#video")).decode(),
        },
        "GetFaceIdToken": {"CompareLib": "BUSINESS", **named},
    }[action]


PORTLESS = published.actions("face")
MEANT = [(action, one["case"]) for action, told in PORTLESS.items() for one in told["cases"]]
WRITTEN = [
    (action, one["case"], one["magic"])
    for action, told in PORTLESS.items()
    for one in told["cases"]
    if one["magic"]
]


@pytest.mark.parametrize(("action", "case"), MEANT, ids=" ".join)
def test_a_header_has_an_action_answer_its_case_and_bill_it_as_published(stand, action, case):
    [billed] = [
        one["billed"]
        for one in stand.told["face"]["actions"][action]["cases"]
        if one["case"] == case
    ]
    params = params_of(stand, action)

    told = stand.tencent(action, params, **{CASE_HEADER: case})

    assert told["Result"].rpartition(".")[2] == case
    assert stand.billed == ({f"face.{action}": 1} if billed else {})
    assert stand.tenant.house.journal.calls[-1].word == case


@pytest.mark.parametrize(("action", "case", "value"), WRITTEN)
def test_a_magic_input_has_an_action_answer_its_case(stand, action, case, value):
    params = params_of(stand, action) | {PORTLESS[action]["magic_field"]: value}

    assert stand.tencent(action, params)["Result"] == case
    assert case == "0" or stand.tencent(action, params_of(stand, action))["Result"] != case


@pytest.mark.parametrize("action", PORTLESS)
@pytest.mark.parametrize("kind", ["quota", "5xx"])
def test_a_fault_of_the_line_strikes_an_action(stand, action, kind):
    [error] = [one for one in stand.told["face"]["errors"] if one["kind"] == kind]
    params, before = params_of(stand, action), stand.billed
    stand.plan("face", FaultKind(kind), count=1)

    seen = [of_tencent(stand.tencent_sent(action, params)).code for _ in range(2)]

    assert seen == [error["code"], ""]
    assert [call.operation for call in stand.tenant.house.journal.calls][-2:] == [
        f"face.{action}"
    ] * 2
    assert stand.tenant.house.journal.calls[-2].word in ("QuotaExceeded", "ServerFailed")
    assert sum(stand.billed.values()) - sum(before.values()) <= 1


@pytest.mark.parametrize("action", PORTLESS)
def test_an_action_takes_its_providers_time_and_what_a_fault_adds(stand, action):
    params = params_of(stand, action)
    clock = stand.tenant.clock
    clock.waited_s = 0.0

    stand.tencent(action, params)
    took_s = clock.waited_s
    stand.plan("face", FaultKind.DELAY, extra_s=40.0)
    stand.tencent(action, params)

    assert 0.01 < took_s < 10.0
    assert clock.waited_s - took_s > 40.0


def test_an_action_whose_connection_breaks_has_acted_or_has_not(stand):
    params = params_of(stand, "GetFaceIdToken")
    for phase, late in ((Phase.BEFORE, 0), (Phase.AFTER_COMMIT, 1)):
        stand.fresh()
        stand.plan("face", FaultKind.RESET, phase=phase)

        # The server of these tests cannot break a connection, and says so.
        assert stand.tencent_sent("GetFaceIdToken", params).status_code == 502

        acts = [happens for _, happens in stand.tenant.clock.late]
        assert len(acts) == late
        for happens in acts:
            happens()
        tokens = stand.tenant.room(Office, lambda: Office(stand.tenant)).room(Desk).tokens
        assert len(tokens) == late


def test_an_action_is_told_the_nearest_case_where_it_has_none_of_that_name(stand):
    answer = stand.tencent_sent(
        "LivenessCompare", params_of(stand, "LivenessCompare"), **{CASE_HEADER: "Sucess"}
    )

    assert answer.status_code == 400
    assert "did you mean 'Success'" in answer.json()["detail"]


# Errors: each provocation returns what its client sees.


def fails(stand, provider, kind):
    stand.plan(provider, kind)
    return stand.ask(provider)


def tencents(stand, provider):
    action = ACTION[provider]

    def sent(action=action, params=None, **how):
        return of_tencent(stand.tencent_sent(action, params, **how))

    def with_token():
        stand.tenant.credentials = replace(stand.known, token="another")
        return sent()

    return {
        "AuthFailure.InvalidAuthorization": lambda: sent(authorization="TC3-HMAC-SHA256 me"),
        "AuthFailure.SecretIdNotFound": lambda: sent(id="AKIDnobody"),
        "AuthFailure.SignatureExpire": lambda: sent(at=1_000_000_000),
        "AuthFailure.SignatureFailure": lambda: sent(key="another"),
        "AuthFailure.TokenFailure": with_token,
        "InternalError": lambda: fails(stand, provider, FaultKind.SERVER_ERROR),
        "InvalidAction": lambda: sent(action="NoSuch", service=SERVICE_OF[action]),
        "InvalidParameter": lambda: sent(body=b"{"),
        "InvalidParameterValue": lambda: of_tencent(
            stand.signed_the_old_way(SignatureMethod="HmacMD5")
        ),
        "InvalidRequest": lambda: sent(media="text/plain"),
        "MissingParameter": sent,
        "NoSuchProduct": lambda: sent(service="cvm"),
        "NoSuchVersion": lambda: sent(version="2000-01-01"),
        "RequestLimitExceeded": lambda: fails(stand, provider, FaultKind.QUOTA),
        "RequestSizeLimitExceeded": lambda: sent(method="GET", query="a=" + "x" * 33_000),
        "UnknownParameter": lambda: sent(params={"NoSuch": "1"}),
        "UnsupportedOperation": lambda: sent(method="PUT"),
    }


def replaced_token(stand):
    token = stand.token()
    stand.token()
    stand.after(301)
    return token


def expired_token(stand):
    token = stand.token()
    stand.after(7_201)
    return token


def used_code(stand):
    stand.login(stand.person())
    return stand.login(stand.person())


def blocked(stand):
    stand.tenant.behaviours["wechat"].blocked.add(stand.person().openid)
    return stand.login(stand.person())


def logged_in_too_often(stand):
    known = stand.known
    few = Account(known.appid, known.app_secret, Limits(logins=0))
    stand.tenant.rooms[Account] = few
    return stand.login(stand.person())


def wechats(stand):
    login, code_of = "/sns/jscode2session", "/wxa/getwxacodeunlimit"
    message, phone = "/cgi-bin/message/subscribe/send", "/wxa/business/getuserphonenumber"
    token, get, post = stand.token, stand.wechat, stand.posted
    li, grant = stand.person(), {"grant_type": "authorization_code"}
    news = {"touser": li.openid, "template_id": "t", "data": {"thing1": {"value": "x"}}}

    def draw(**said):
        return post(code_of, {"scene": "a", **said}, token())

    seen = {
        -1: lambda: fails(stand, "wechat", FaultKind.SERVER_ERROR),
        40001: lambda: post(phone, {"code": "x"}, replaced_token(stand)),
        40002: lambda: get("/cgi-bin/token", grant_type="mine"),
        40003: lambda: post(message, news | {"touser": ""}, token()),
        40013: lambda: get("/cgi-bin/token", appid="wx0"),
        40014: lambda: post(phone, {"code": "x"}, "no token"),
        40029: lambda: get(login, js_code="never minted", **grant),
        40037: lambda: post(message, news | {"template_id": "not one!"}, token()),
        40066: lambda: get("/cgi-bin/nothing"),
        40097: lambda: draw(width=1),
        40125: lambda: get("/cgi-bin/token", secret="wrong"),
        40129: lambda: draw(scene="样本"),
        40163: lambda: used_code(stand),
        40169: lambda: draw(scene="a" * 33),
        40226: lambda: blocked(stand),
        41001: lambda: post(phone, {"code": "x"}),
        41002: lambda: get("/cgi-bin/token", appid=None),
        41004: lambda: get("/cgi-bin/token", secret=None),
        41008: lambda: get(login, **grant),
        41030: lambda: draw(page="pages/unpublished"),
        42001: lambda: post(phone, {"code": "x"}, expired_token(stand)),
        43001: lambda: post("/cgi-bin/token", {}),
        43002: lambda: get(code_of, token=token()),
        43101: lambda: post(message, news, token()),
        45002: lambda: post(phone, b"x" * (1024 * 1024 + 1), token()),
        45009: lambda: fails(stand, "wechat", FaultKind.QUOTA),
        45011: lambda: logged_in_too_often(stand),
        47001: lambda: post(phone, b"{", token()),
        47003: lambda: post(message, news | {"data": {}}, token()),
        87009: lambda: get(
            "/wxa/checksession",
            token=token(),
            openid=li.openid,
            signature="wrong",
            sig_method="hmac_sha256",
        ),
    }

    def told(act):
        answer = act()
        return answer if isinstance(answer, Seen) else of_wechat(answer)

    return {str(code): (lambda act=act: told(act)) for code, act in seen.items()}


def idnets(stand):
    """Return provocations by what Reserve says: there are but two codes."""
    said = {
        "messages are sent to /idnet/check": {"path": "/idnet/chek"},
        "messages are sent by POST": {"method": "PUT"},
        "a message has at most 65,536 bytes": {"body": b"<CFX>" + b" " * 65_536},
        "write UTF-8 or GB18030": {"encoding": "EBCDIC"},
        "no well-formed XML without a DTD": {"body": b"<CFX>"},
        "the root is not CFX": {"root": "XFC"},
        "MsgNo is not 0001": {"number": "0003"},
        "BankCode is not twelve digits": {"bank": "12"},
        "Name has not 1 to 50 characters": {"name": ""},
    }

    def broken(words, how):
        answer = stand.message(**how)
        assert reserve_of(answer) == words
        return of_idnet(answer)

    return {
        **{words: (lambda w=words, how=how: broken(w, dict(how))) for words, how in said.items()},
        "too many requests": lambda: fails(stand, "idnet", FaultKind.QUOTA),
        "the register does not answer": lambda: fails(stand, "idnet", FaultKind.SERVER_ERROR),
    }


def lists(stand):
    def screened(*body, **how):
        return of_sanctions(stand.screened(*body, **how))

    return {
        "Not Found": lambda: screened(path="/match"),
        "Method Not Allowed": lambda: screened(method="PUT"),
        "Unknown API key.": lambda: screened(headers={"x-api-key": "nobody"}),
        "No such entity.": lambda: screened(b"", path="/entities/nobody", method="GET"),
        "No such dataset.": lambda: screened(path="/match/none"),
        "The body is no JSON.": lambda: screened(b"{"),
        "The body is no object.": lambda: screened(b"[]"),
        "No queries provided.": lambda: screened(b"{}"),
        "Too many requests.": lambda: fails(stand, "sanctions", FaultKind.QUOTA),
        "The index does not answer.": lambda: fails(stand, "sanctions", FaultKind.SERVER_ERROR),
    }


def rests(stand, provider):
    post = SERVICES[provider].posts[0]
    # A value that no number, code or digest can be: of the right type, but not one.
    field = next(name for name in ("number", "merchant", "digest", "code") if name in post.example)

    def sent(*asked, **how):
        return of_rest(stand.rest(provider, *asked, **how))

    wrong = post.example | {field: "not one"}
    seen = {
        "Bad Request": lambda: sent("", b"{"),
        "Unauthorized": lambda: sent(**{"x-api-key": "nobody"}),
        "Not Found": lambda: sent("nothing"),
        "Method Not Allowed": lambda: sent(method="PUT"),
        "Content Too Large": lambda: sent("", b" " * 1_000_001),
        "Unsupported Media Type": lambda: sent(**{"content-type": "text/plain"}),
        "Unprocessable Content": lambda: sent("", wrong),
        "Too Many Requests": lambda: fails(stand, provider, FaultKind.QUOTA),
        "Service Unavailable": lambda: fails(stand, provider, FaultKind.SERVER_ERROR),
    }
    if provider == "corebank":
        seen["Conflict"] = lambda: sent("operator/batch", {"bank": BANK})
    return seen


def provocations(stand, provider):
    """Return what provokes each error of a provider, by its code; at idnet by its words."""
    if provider in TENCENTS:
        return tencents(stand, provider)
    return {"wechat": wechats, "idnet": idnets, "sanctions": lists}.get(
        provider, lambda stand: rests(stand, provider)
    )(stand)


ERRORS = [
    (provider, error["when"] if provider == "idnet" else error["code"])
    for provider, one in published_at_first().items()
    for error in one["errors"]
]


@pytest.mark.parametrize(("provider", "name"), ERRORS)
def test_every_published_error_is_seen_with_its_code_and_status(stand, provider, name):
    field = "when" if provider == "idnet" else "code"
    [error] = [one for one in stand.told[provider]["errors"] if one[field] == name]

    assert stand.ask(provider).code == ""  # nothing else is wrong
    stand.fresh()
    seen = provocations(stand, provider)[name]()

    assert seen == Seen(error["code"], error["status"])


@pytest.mark.parametrize("provider", WIRED)
def test_nothing_is_provoked_that_is_not_published(stand, provider):
    assert {name for each, name in ERRORS if each == provider} == set(provocations(stand, provider))


@pytest.mark.parametrize("provider", WIRED)
def test_both_faults_that_have_an_error_of_a_vendors_own_are_published(stand, provider):
    for kind in ("quota", "5xx"):
        stand.fresh()
        [error] = [one for one in stand.told[provider]["errors"] if one["kind"] == kind]

        assert fails(stand, provider, FaultKind(kind)) == Seen(error["code"], error["status"])


def test_a_provider_without_a_wire_has_no_errors_of_one(stand):
    assert [name for name, one in stand.told.items() if not one["errors"]] == ["objects"]


def raised_in(module):
    """Return the codes that a module of Tencent Cloud's front names where it refuses."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.args else None
            names = node.func.id in ("VendorError", "_error") and isinstance(first, ast.Constant)
            if names:
                yield first.value


def test_the_front_of_tencent_cloud_refuses_with_no_code_that_is_not_in_its_table():
    modules = (tencent, tencent_request, tencent_signature)
    named = {code for module in modules for code in raised_in(module)}

    assert named <= {error.code for error in tencent_request.ERRORS}
    assert len(named) > 10
