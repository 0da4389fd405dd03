"""WeChat over the wire: an unmodified wechatpy, every errcode, tokens by the clock, pictures."""

from __future__ import annotations

import re
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from json import dumps
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from wechatpy import WeChatClient
from wechatpy.exceptions import APILimitedException, WeChatClientException

from core.errors import InputError
from mocks.wechat import codes
from mocks.wechat.behaviour import WeChat
from mocks.wechat.server import CODES_A_MINUTE, LOGINS_A_MINUTE, ROUTES, TOKENS_A_MINUTE
from mocks.wechat.tokens import Claim, signature
from tests.mocks.face_kit import fronted

RID = re.compile(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$")
REAL = "https://api.weixin.qq.com"
LOGIN, TOKEN, STABLE = "/sns/jscode2session", "/cgi-bin/token", "/cgi-bin/stable_token"
PHONE, CODE = "/wxa/business/getuserphonenumber", "/wxa/getwxacodeunlimit"
MESSAGE, CHECK = "/cgi-bin/message/subscribe/send", "/wxa/checksession"
KEYS = "/wxa/business/getuserencryptkey"


@pytest.fixture(scope="module")
def served():
    with fronted("other", "spent", "failing") as front:
        yield front


@pytest.fixture
def front(served):
    return served.fresh()


@pytest.fixture
def li(front):
    return front.person()


class Redirect(requests.adapters.HTTPAdapter):
    """Sends to loopback what is meant for WeChat: the whole of the redirect recipe."""

    def __init__(self, url):
        super().__init__()
        self._place = urlsplit(url)

    def send(self, request, **how):
        meant = urlsplit(request.url)
        request.url = meant._replace(scheme=self._place.scheme, netloc=self._place.netloc).geturl()
        return super().send(request, **how)


@pytest.fixture
def client(front):
    known = front.tenant.credentials
    client = WeChatClient(known.appid, known.app_secret, timeout=5)
    client._http.trust_env = False
    client._http.mount(REAL, Redirect(front.url))
    yield client
    client._http.close()


def secrets(tenant):
    return {"appid": tenant.credentials.appid, "secret": tenant.credentials.app_secret}


def login_code(front, person, nonce="n1"):
    wechat = front.tenant.behaviours["wechat"]
    return wechat.device_login(person.openid, nonce, front.tenant.now_s)


def phone_code(front, person, nonce="n1"):
    wechat = front.tenant.behaviours["wechat"]
    return wechat.device_phone_code(person.openid, nonce, front.tenant.now_s)


def log_in(front, code, **other):
    query = secrets(front.tenant) | {"js_code": code, "grant_type": "authorization_code"} | other
    return front.client.get(LOGIN, params=query).json()


def plain_token(front, **other):
    query = secrets(front.tenant) | {"grant_type": "client_credential"} | other
    return front.client.get(TOKEN, params=query).json()


def stable_token(front, **other):
    body = secrets(front.tenant) | {"grant_type": "client_credential"} | other
    return front.client.post(STABLE, json=body).json()


@pytest.fixture
def token(front):
    return stable_token(front)["access_token"]


def post(front, token, path, body):
    content = body if isinstance(body, bytes) else dumps(body).encode()
    return front.client.post(path, params={"access_token": token}, content=content)


def refused(told, code):
    """Require an errcode with a rid; return its words."""
    assert told.get("errcode") == code, told
    assert RID.search(told["errmsg"]), told
    return told["errmsg"]


# An unmodified wechatpy


def test_wechatpy_logs_somebody_in(client, front, li):
    session = client.wxa.code_to_session(login_code(front, li))

    assert session["openid"] == li.openid
    assert len(li.openid) == 28
    assert len(b64decode(session["session_key"])) == 16
    assert "errcode" not in session


def test_wechatpy_is_told_a_phone_number(client, front, li):
    url = REAL + PHONE

    told = client.post(url, data={"code": phone_code(front, li)})

    watermark = {"timestamp": front.tenant.unix_s, "appid": client.appid}
    assert told["phone_info"] == {
        "phoneNumber": li.phone.text,
        "purePhoneNumber": li.phone.text,
        "countryCode": "86",
        "watermark": watermark,
    }
    assert told["errcode"] == 0


def test_wechatpy_gets_a_picture_of_a_code(client):
    picture = client.wxa.get_wxa_code_unlimited("bank=bozhi", page="pages/loan/index")

    assert isinstance(picture, requests.Response)  # what it returns for whatever is no JSON
    assert picture.headers["content-type"] == "image/jpeg"
    link = codes.read(picture.content)
    assert link == codes.CodeLink(client.appid, "pages/loan/index", "bank=bozhi")


def test_wechatpy_sends_one_message_a_grant(client, front, li):
    front.tenant.behaviours["wechat"].grant(li.openid, "paid_out")
    data = {"amount1": {"value": "500.00元"}}

    assert client.wxa.send_subscribe_message(li.openid, "paid_out", data)["errcode"] == 0
    with pytest.raises(WeChatClientException) as refusal:
        client.wxa.send_subscribe_message(li.openid, "paid_out", data)
    assert refusal.value.errcode == 43101


def test_wechatpy_fetches_a_token_anew_when_its_own_was_replaced(client, front, li):
    client.fetch_access_token()
    worn = client.access_token
    plain_token(front)
    front.tenant.clock.now_s += 301

    assert client.post(REAL + PHONE, data={"code": phone_code(front, li)})["errcode"] == 0
    assert client.access_token != worn


@pytest.mark.parametrize(
    ("name", "raised", "errcode"),
    [("spent", APILimitedException, 45009), ("failing", WeChatClientException, -1)],
)
def test_a_failing_line_is_told_in_wechats_own_way(front, name, raised, errcode):
    known = front.tenants.get(name).credentials
    client = WeChatClient(known.appid, known.app_secret, timeout=5)
    client._http.trust_env = False
    client._http.mount(REAL, Redirect(front.url))

    with pytest.raises(raised) as failure:
        client.wxa.code_to_session("whatever")
    assert failure.value.errcode == errcode
    client._http.close()


# The form of answers


def test_every_answer_is_json_with_status_200_and_says_so(front):
    response = front.client.get("/cgi-bin/nothing/such")

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    refused(response.json(), 40066)


def test_a_logins_errmsg_has_a_comma_and_others_have_none(front, token):
    assert refused(log_in(front, "no such"), 40029).startswith("invalid code, rid: ")
    words = refused(post(front, token, PHONE, {"code": "no such"}).json(), 40029)
    assert words.startswith("invalid code rid: ")


def test_no_two_refusals_share_a_rid(front):
    rids = {log_in(front, "no such")["errmsg"] for _ in range(20)}

    assert len(rids) == 20


# Logins


def test_a_code_is_good_once(front, li):
    code = login_code(front, li)

    assert log_in(front, code, access_token="of no matter")["openid"] == li.openid
    refused(log_in(front, code), 40163)


def test_a_code_is_good_for_five_minutes(front, li):
    code = login_code(front, li)
    front.tenant.clock.now_s += 300

    refused(log_in(front, code), 40029)


def test_somebody_whom_risk_control_stops_is_blocked(front, li):
    front.tenant.behaviours["wechat"].blocked.add(li.openid)

    refused(log_in(front, login_code(front, li)), 40226)


@pytest.mark.parametrize(
    ("other", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"js_code": ""}, 41008),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"secret": "密"}, 40125),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
def test_a_login_is_refused_for_what_is_wrong_with_it(front, li, other, errcode):
    refused(log_in(front, login_code(front, li), **other), errcode)


def test_of_two_who_race_for_one_code_exactly_one_wins(front, li):
    code = login_code(front, li)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: log_in(front, code), range(32)))

    won = [each for each in told if "openid" in each]
    lost = [each["errcode"] for each in told if "openid" not in each]
    assert len(won) == 1
    assert lost == [40163] * 31


def test_one_user_logs_in_a_hundred_times_a_minute(front, li):
    front.wechat.account(front.tenant).logins._most = 3
    told = [log_in(front, login_code(front, li, f"n{n}")) for n in range(4)]

    assert LOGINS_A_MINUTE == 100
    assert ["openid" in each for each in told] == [True, True, True, False]
    refused(told[-1], 45011)
    front.tenant.clock.now_s += 60
    assert "openid" in log_in(front, login_code(front, li, "later"))


def test_the_same_attempt_of_our_own_client_may_ask_again(front, li):
    code = login_code(front, li)
    query = secrets(front.tenant) | {"js_code": code, "grant_type": "authorization_code"}

    def ask(call):
        baggage = (
            f"lr.bank=bozhi,lr.application=a1,lr.call={call},lr.attempt=1,lr.deadline=inf,"
            "lr.date=2020-07-15"
        )
        return front.client.get(LOGIN, params=query, headers={"baggage": baggage}).json()

    assert ask(1) == ask(1)
    refused(ask(2), 40163)


# Access tokens


def good(front, token):
    """Whether a token is taken: the errcode of a question that goes wrong in another way."""
    return post(front, token, PHONE, {"code": "no such"}).json()["errcode"]


def test_a_fresh_token_is_valid_at_once_and_long_enough(front):
    told = plain_token(front)

    assert told["expires_in"] == 7200
    assert 100 < len(told["access_token"]) <= 512
    assert re.fullmatch(r"[0-9A-Za-z_-]+", told["access_token"])
    assert good(front, told["access_token"]) == 40029


def test_a_new_token_leaves_the_old_one_five_minutes(front):
    old, new = plain_token(front)["access_token"], plain_token(front)["access_token"]
    assert old != new
    assert (good(front, old), good(front, new)) == (40029, 40029)

    front.tenant.clock.now_s += 299
    assert good(front, old) == 40029
    front.tenant.clock.now_s += 1
    assert (good(front, old), good(front, new)) == (40001, 40029)


def test_a_token_expires_after_two_hours(front):
    token = plain_token(front)["access_token"]
    front.tenant.clock.now_s += 7199
    assert good(front, token) == 40029
    front.tenant.clock.now_s += 1

    assert good(front, token) == 42001


@pytest.mark.parametrize(
    ("break_it", "errcode"),
    [
        (lambda token: "", 41001),
        (lambda token: "nonsense", 40014),
        (lambda token: "令牌", 40014),
        (lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), 40014),
        (lambda token: token + "=", 40014),
        (lambda token: token[:50], 40014),
    ],
)
def test_a_token_that_is_none_is_refused(front, token, break_it, errcode):
    assert good(front, break_it(token)) == errcode


def test_a_token_of_another_mini_program_leads_to_its_own_tenant(front, li):
    other = front.tenants.get("other")
    body = secrets(other) | {"grant_type": "client_credential"}
    token = front.client.post(STABLE, json=body).json()["access_token"]

    assert Claim.read(token).appid == other.credentials.appid
    told = post(front, token, PHONE, {"code": phone_code(front, li)}).json()
    refused(told, 40029)  # the code is one of the default tenant


def test_a_tenant_that_is_opened_anew_takes_no_token_of_its_last_life(front, token):
    assert good(front, token) == 40029
    front.fresh()

    assert good(front, token) == 40001


def test_the_stable_token_stays_until_its_last_five_minutes(front):
    first = stable_token(front)
    front.tenant.clock.now_s += 6899
    again = stable_token(front)
    front.tenant.clock.now_s += 1
    renewed = stable_token(front)

    assert (first["expires_in"], again["expires_in"], renewed["expires_in"]) == (7200, 301, 7200)
    assert first["access_token"] == again["access_token"] != renewed["access_token"]
    old, new = first["access_token"], renewed["access_token"]
    front.tenant.clock.now_s += 299
    assert (good(front, old), good(front, new)) == (40029, 40029)
    front.tenant.clock.now_s += 1
    assert (good(front, old), good(front, new)) == (42001, 40029)


def test_the_two_kinds_of_token_know_nothing_of_each_other(front):
    stable = stable_token(front)["access_token"]
    for _ in range(3):
        plain_token(front)
    front.tenant.clock.now_s += 600

    assert good(front, stable) == 40029


def test_a_forced_refresh_is_one_in_thirty_seconds(front):
    first = stable_token(front, force_refresh=True)["access_token"]
    front.tenant.clock.now_s += 29
    at_once = stable_token(front, force_refresh=True)["access_token"]
    front.tenant.clock.now_s += 1
    forced = stable_token(front, force_refresh=True)["access_token"]

    assert first == at_once != forced
    assert good(front, first) == 40029
    front.tenant.clock.now_s += 300
    assert (good(front, first), good(front, forced)) == (40001, 40029)


def test_a_forced_refresh_is_twenty_a_day(front):
    tokens = set()
    for _ in range(20):
        tokens.add(stable_token(front, force_refresh=True)["access_token"])
        front.tenant.clock.now_s += 30

    assert len(tokens) == 20
    refused(stable_token(front, force_refresh=True), 45009)
    assert stable_token(front)["access_token"] in tokens
    front.tenant.clock.now_s += 86_400
    assert "access_token" in stable_token(front, force_refresh=True)


def test_tokens_are_ten_thousand_a_minute(front):
    account = front.wechat.account(front.tenant)
    account.plain_calls._most = account.stable_calls._most = 2

    assert TOKENS_A_MINUTE == 10_000
    assert [plain_token(front).get("errcode") for _ in range(3)] == [None, None, 45009]
    assert [stable_token(front).get("errcode") for _ in range(3)] == [None, None, 45009]


@pytest.mark.parametrize(
    ("other", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "password"}, 40002),
    ],
)
def test_both_kinds_of_token_ask_for_appid_and_secret(front, other, errcode):
    refused(plain_token(front, **other), errcode)
    refused(stable_token(front, **other), errcode)


def test_the_stable_token_is_asked_for_by_post_and_json(front):
    refused(front.client.get(STABLE, params=secrets(front.tenant)).json(), 43002)
    refused(front.client.post(STABLE, data=secrets(front.tenant)).json(), 47001)
    refused(stable_token(front, force_refresh="yes"), 47001)
    refused(stable_token(front, appid=7), 47001)


# Phone numbers


def test_a_phone_code_is_good_once_and_is_no_login_code(front, token, li):
    code = phone_code(front, li)
    refused(log_in(front, code), 40029)

    assert post(front, token, PHONE, {"code": code, "openid": li.openid}).json()["errcode"] == 0
    refused(post(front, token, PHONE, {"code": code}).json(), 40163)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"", 47001),
        (b"code=abc", 47001),
        (b"[]", 47001),
        (b'{"code": "\xff"}', 47001),
        (b"[" * 100_000, 47001),
        ({"code": 7}, 47001),
        ({"code": "x", "openid": []}, 47001),
        ({}, 40029),
        ({"code": "\ud800"}, 47001),
        (b" " * (1024 * 1024 + 1), 45002),
    ],
)
def test_a_phone_number_is_refused_for_a_broken_body(front, token, body, errcode):
    refused(post(front, token, PHONE, body).json(), errcode)


def test_methods_are_the_documents(front, token):
    query = {"access_token": token}

    refused(front.client.get(PHONE, params=query).json(), 43002)
    refused(front.client.post(LOGIN).json(), 43001)
    refused(front.client.delete(KEYS, params=query).json(), 43001)


# Codes of the mini-program


def dark_modules(content, ink):
    """Return what a scanner sees in a picture: module by module, dark or not."""
    with Image.open(BytesIO(content)) as picture:
        seen = picture.convert("RGBA")
    width = seen.width
    modules = len(codes.pattern(codes.read(content)))
    step = width // (modules + 2 * codes.QUIET)
    corner = (width - step * modules) // 2

    def is_dark(row, column):
        place = corner + column * step + step // 2, corner + row * step + step // 2
        *colour, alpha = seen.getpixel(place)
        near = sum(abs(one - other) for one, other in zip(colour, ink, strict=True))
        return alpha > 128 and near < 120

    return tuple(tuple(is_dark(r, c) for c in range(modules)) for r in range(modules))


@pytest.mark.parametrize(
    ("body", "width", "ink", "form"),
    [
        ({}, 430, (0, 0, 0), "JPEG"),
        ({"width": 280}, 280, (0, 0, 0), "JPEG"),
        ({"width": 1280, "line_color": {"r": 200, "g": 0, "b": 0}}, 1280, (200, 0, 0), "JPEG"),
        ({"line_color": {"r": "0", "g": "0", "b": "180"}}, 430, (0, 0, 180), "JPEG"),
        ({"line_color": {"r": 9}, "auto_color": True}, 430, (0, 0, 0), "JPEG"),
        ({"is_hyaline": True, "line_color": {"g": 99}}, 430, (0, 99, 0), "PNG"),
    ],
)
def test_a_code_is_a_picture_of_its_link(front, token, body, width, ink, form):
    scene = "a=1&b=!#$'()*+,/:;=?@-._~xyz"
    response = post(front, token, CODE, {"scene": scene, "page": "pages/a/b", **body})

    with Image.open(BytesIO(response.content)) as picture:
        assert (picture.size, picture.format) == ((width, width), form)
        if form == "PNG":
            assert picture.getpixel((1, 1))[3] == 0
    assert response.headers["content-type"] == f"image/{form.lower()}"
    link = codes.read(response.content)
    assert link == codes.CodeLink(front.tenant.credentials.appid, "pages/a/b", scene)
    assert dark_modules(response.content, ink) == codes.pattern(link)


def test_a_code_that_names_no_page_leads_home(front, token):
    response = post(front, token, CODE, {"scene": "x" * 32, "env_version": "trial"})

    link = codes.read(response.content)
    assert (link.page, link.scene, link.version) == ("pages/index/index", "x" * 32, "trial")


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, 40169),
        ({"scene": ""}, 40169),
        ({"scene": "x" * 33}, 40169),
        (b"scene=1", 40169),
        ({"scene": "a%20b"}, 40129),
        ({"scene": "两个字"}, 40129),
        ({"scene": "a b"}, 40129),
        ({"scene": "a\n"}, 40129),
        ({"scene": 7}, 40129),
        ({"scene": "x", "page": "/pages/a"}, 41030),
        ({"scene": "x", "page": "pages/a?b=1"}, 41030),
        ({"scene": "x", "page": "pages/unpublished"}, 41030),
        ({"scene": "x", "page": "p" * 129}, 41030),
        ({"scene": "x", "width": 279}, 40097),
        ({"scene": "x", "width": 1281}, 40097),
        ({"scene": "x", "width": "430"}, 40097),
        ({"scene": "x", "line_color": {"r": 256}}, 40097),
        ({"scene": "x", "line_color": "red"}, 40097),
        ({"scene": "x", "env_version": "beta"}, 40097),
        ({"scene": "x", "is_hyaline": "yes"}, 47001),
    ],
)
def test_a_code_is_refused_for_what_is_wrong_with_it(front, token, body, errcode):
    refused(post(front, token, CODE, body).json(), errcode)


def test_a_page_may_be_unpublished_where_it_is_not_checked(front, token):
    body = {"scene": "x", "page": "pages/unpublished", "check_path": False}

    assert post(front, token, CODE, body).headers["content-type"] == "image/jpeg"


def test_codes_are_five_thousand_a_minute(front, token):
    front.wechat.account(front.tenant).code_calls._most = 0

    assert CODES_A_MINUTE == 5_000
    refused(post(front, token, CODE, {"scene": "x"}).json(), 45009)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_phone_reads_no_code_from_what_is_no_picture_of_one(content):
    with pytest.raises(InputError):
        codes.read(content)


# Messages


def send(front, token, person, **other):
    data = {"amount": {"value": "500.00"}, "date": {"value": "2020-07-15"}}
    body = {"touser": person.openid, "template_id": "paid_out", "data": data, **other}
    return post(front, token, MESSAGE, body).json()


def test_a_message_with_all_its_fields_is_sent(front, token, li):
    front.tenant.behaviours["wechat"].grant(li.openid, "paid_out")
    told = send(front, token, li, page="pages/loan/index", miniprogram_state="trial", lang="en_US")

    assert told == {"errcode": 0, "errmsg": "ok"}


@pytest.mark.parametrize(
    ("other", "errcode"),
    [
        ({}, 43101),
        ({"touser": ""}, 40003),
        ({"touser": 1}, 40003),
        ({"touser": "o-nobody"}, 40003),
        ({"template_id": ""}, 40037),
        ({"template_id": "no template!"}, 40037),
        ({"page": "/pages/a"}, 41030),
        ({"data": None}, 47003),
        ({"data": {}}, 47003),
        ({"data": {"thing1": "x"}}, 47003),
        ({"data": {"thing1": {"value": ""}}}, 47003),
        ({"data": {"thing1": {"value": True}}}, 47003),
        ({"data": {"thing1": {"value": "字" * 21}}}, 47003),
        ({"miniprogram_state": "beta"}, 47003),
        ({"lang": "de_DE"}, 47003),
    ],
)
def test_a_message_is_refused_for_what_is_wrong_with_it(front, token, li, other, errcode):
    words = refused(send(front, token, li, **other), errcode)

    if "thing1" in str(other):
        assert words.startswith("argument invalid! data.thing1.value ")


# Sessions and keys


def signed(front, token, session, **other):
    return {
        "access_token": token,
        "openid": session["openid"],
        "signature": signature(session["session_key"]),
        "sig_method": "hmac_sha256",
        **other,
    }


@pytest.fixture
def session(front, li):
    return log_in(front, login_code(front, li))


def test_the_signatures_key_is_the_base64_text_itself():
    made = signature("o0q0otL8aEzpcZL/FT9WsQ==", b'{"foo":"bar"}')

    assert made == "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b"


def test_a_session_is_checked_by_its_signature(front, token, session):
    def check(**other):
        return front.client.get(CHECK, params=signed(front, token, session, **other)).json()

    assert check() == {"errcode": 0, "errmsg": "ok"}
    refused(check(signature="0" * 64), 87009)
    refused(check(signature="签名"), 87009)
    refused(check(sig_method="md5"), 87009)
    refused(check(openid="o-nobody"), 87009)
    refused(check(openid=""), 40003)
    refused(check(access_token=""), 41001)


def test_a_new_login_makes_the_old_session_key_worthless(front, token, session, li):
    newer = log_in(front, login_code(front, li, "n2"))

    refused(front.client.get(CHECK, params=signed(front, token, session)).json(), 87009)
    assert front.client.get(CHECK, params=signed(front, token, newer)).json()["errcode"] == 0


def keys(front, token, session):
    response = front.client.post(KEYS, params=signed(front, token, session))
    return response.json()["key_info_list"]


def test_a_user_has_up_to_three_keys_of_which_one_is_good(front, token, session):
    (first,) = keys(front, token, session)
    assert len(b64decode(first["encrypt_key"])) == 16
    assert re.fullmatch("[0-9a-f]{16}", first["iv"])
    assert (first["version"], first["expire_in"]) == (1, 3600)
    assert first["create_time"] == front.tenant.unix_s

    front.tenant.clock.now_s += 3599
    assert keys(front, token, session) == [{**first, "expire_in": 1}]
    front.tenant.clock.now_s += 1
    newer, older = keys(front, token, session)
    assert older == {**first, "expire_in": 0}
    assert (newer["version"], newer["expire_in"]) == (2, 3600)
    assert newer["encrypt_key"] != first["encrypt_key"]


def test_the_keys_of_long_ago_are_not_told(front, session):
    for hours in range(5):
        front.tenant.clock.now_s += 3600
        told = keys(front, stable_token(front)["access_token"], session)
        assert [key["version"] for key in told] == [*range(hours + 1, 0, -1)][:3]


def test_the_keys_are_told_by_query_or_by_body(front, token, session):
    said = signed(front, token, session)
    by_get = front.client.get(KEYS, params=said).json()
    body = {name: said.pop(name) for name in ("openid", "signature", "sig_method")}
    by_body = post(front, token, KEYS, body).json()

    assert by_get == by_body
    refused(post(front, token, KEYS, {**body, "signature": "0"}).json(), 87009)
    refused(post(front, token, KEYS, b"{").json(), 47001)


# What is no request of anybody's


def test_a_mistake_of_our_own_is_a_system_error(front, token, li, monkeypatch):
    def broken(*asked):
        raise ZeroDivisionError

    monkeypatch.setattr(WeChat, "phone", broken)

    refused(post(front, token, PHONE, {"code": "x"}).json(), -1)


PATHS = st.sampled_from([*ROUTES, "/wxa/", "/cgi-bin", "/sns/%00"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("code", "openid", "scene", "page", "width", "line_color", "is_hyaline", "check_path"),
        *("touser", "template_id", "data", "signature", "sig_method", "grant_type", "appid"),
        *("secret", "force_refresh", "lang", "miniprogram_state", "env_version", "js_code"),
    ]
)


def answered(response):
    """Require an answer in WeChat's form."""
    assert response.status_code == 200
    if response.headers["content-type"].startswith("image/"):
        return
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    told = response.json()
    assert told.get("errcode") != -1, told
    if told.get("errcode"):
        assert RID.search(told["errmsg"])


@given(PATHS, st.sampled_from(["GET", "POST", "PUT"]), st.binary(max_size=300), st.binary())
def test_whatever_bytes_come_are_answered_in_wechats_form(served, path, method, query, body):
    url = f"{path}?".encode() + re.sub(rb"[^\x21\x22\x24-\x7e]", b"%ff", query)

    answered(served.client.request(method, url.decode(), content=body))


@given(PATHS, st.dictionaries(NAMES, JSON, max_size=6))
def test_whatever_json_comes_with_a_good_token_is_answered(served, path, body):
    body.setdefault("scene", "x")
    token = stable_token(served)["access_token"]

    answered(served.client.post(path, params={"access_token": token}, content=dumps(body)))
