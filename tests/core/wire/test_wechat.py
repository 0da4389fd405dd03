"""WeChat over its wire: codes, phones and messages, and the one token that they share."""

from __future__ import annotations

import hmac
import json
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.identity import PhoneNumber
from core.ports.trace import Trace
from core.ports.wechat import (
    CodeVerdict,
    KeysVerdict,
    LoginAnswer,
    LoginQuery,
    MessageAnswer,
    MessageQuery,
    MessageVerdict,
    PhoneAnswer,
    PhoneQuery,
    UserKey,
    UserKeysAnswer,
    UserKeysQuery,
)
from core.wire.message import HttpResponse
from core.wire.wechat import WeChatAccess, WeChatWire

TRACE = Trace("daopu", "V1", 1, 1, 10.0, date(2020, 9, 1))
APPID, SECRET = "wx4f4bc4dec97d474b", "the secret"
OPENID = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
SESSION_KEY = "tiihtNczf5v6AKRyjwEUhQ=="
QUERIES = {
    "login": LoginQuery("a code/1+1"),
    "phone": PhoneQuery("bdc5b3a0"),
    "user_keys": UserKeysQuery(OPENID, SESSION_KEY),
    "message": MessageQuery(OPENID, "T1", {"thing1": "已放款", "amount2": "50000.00元"}),
}
PHONE_INFO = {
    "phoneNumber": "13580006666",
    "purePhoneNumber": "13580006666",
    "countryCode": 86,
    "watermark": {"timestamp": 1637744274, "appid": APPID},
}
GOOD = {
    "login": {"openid": OPENID, "session_key": SESSION_KEY},
    "phone": {"errcode": 0, "errmsg": "ok", "phone_info": PHONE_INFO},
    "message": {"errcode": 0, "errmsg": "ok"},
    "user_keys": {
        "errcode": 0,
        "errmsg": "ok",
        "key_info_list": [
            {
                "encrypt_key": "VI6BpyrK9XH4i4AIGe86tg==",
                "version": 10,
                "expire_in": 3597,
                "iv": "6003f73ec441c386",
                "create_time": 1616572301,
            }
        ],
    },
}
RID = "rid: 5f8a3b2c-1a2b3c4d-5e6f7a8b"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.at_s = 1_598_918_400.0

    def __call__(self):
        return self.at_s


class Mini:
    """The mini-program's server: the wire, its clock, and what it was seen to ask."""

    def __init__(self):
        self.clock = Clock()
        self.wire = WeChatWire(WeChatAccess(APPID, SECRET, self.clock))
        self.asked = []

    def begin(self, operation):
        return getattr(self.wire, operation)(TRACE, QUERIES[operation])

    def ask(self, operation, *bodies):
        """Return the port's answer where WeChat answers with ``bodies``, in that order."""
        exchange = self.begin(operation)
        request = next(exchange)
        for body in bodies[:-1]:
            self.asked.append(request)
            request = exchange.send(response(body))
        self.asked.append(request)
        with pytest.raises(StopIteration) as end:
            exchange.send(response(bodies[-1]))
        return end.value.value

    @property
    def roads(self):
        """The paths that were asked, and the token each of them brought."""
        split = [urlsplit(request.path) for request in self.asked]
        return [(url.path, "".join(parse_qs(url.query).get("access_token", []))) for url in split]


@pytest.fixture
def mini():
    return Mini()


def response(body, status=200):
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return HttpResponse(status, {"content-type": "application/json; charset=UTF-8"}, content)


def token(text="T1", lasts_s=7200):
    return {"access_token": text, "expires_in": lasts_s}


def failed(code):
    return {"errcode": code, "errmsg": f"a word, {RID}"}


TOKEN_ROAD = ("/cgi-bin/stable_token", "")
PHONE_ROAD = "/wxa/business/getuserphonenumber"
MESSAGE_ROAD = "/cgi-bin/message/subscribe/send"


# --------------------------------------------------------------------------------------- login


def test_a_login_code_is_changed_without_a_token(mini):
    assert mini.ask("login", GOOD["login"]) == LoginAnswer(CodeVerdict.OK, OPENID, SESSION_KEY)

    (request,) = mini.asked
    url = urlsplit(request.path)
    assert (request.method, url.path, request.body) == ("GET", "/sns/jscode2session", b"")
    assert parse_qs(url.query, strict_parsing=True) == {
        "appid": [APPID],
        "secret": [SECRET],
        "js_code": ["a code/1+1"],
        "grant_type": ["authorization_code"],
    }


@pytest.mark.parametrize("more", [{}, {"errcode": 0, "errmsg": "ok"}, {"errcode": None}])
@pytest.mark.parametrize("unionid", ["", "o6_bmasdasdsad6_2sgVt7hMZOPfL"])
def test_a_login_that_went_well_may_come_with_an_errcode_or_without(mini, more, unionid):
    told = GOOD["login"] | more | ({"unionid": unionid} if unionid else {})

    assert mini.ask("login", told) == LoginAnswer(CodeVerdict.OK, OPENID, SESSION_KEY, unionid)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (40029, CodeVerdict.UNKNOWN),
        (40163, CodeVerdict.USED),
        (40226, CodeVerdict.BLOCKED),
    ],
)
def test_a_code_that_cannot_be_changed_is_an_answer(mini, code, verdict):
    assert mini.ask("login", failed(code)) == LoginAnswer(verdict)
    assert mini.ask("phone", token(), failed(code)) == PhoneAnswer(verdict)


# ---------------------------------------------------------------------------------------- keys


def test_the_question_for_a_users_keys_is_signed_and_the_session_key_stays_here(mini):
    key = UserKey(10, "VI6BpyrK9XH4i4AIGe86tg==", "6003f73ec441c386", 3597)
    answer = mini.ask("user_keys", token("T1"), GOOD["user_keys"])
    assert answer == UserKeysAnswer(KeysVerdict.OK, (key,))
    assert key.key not in repr(answer)

    _, ask = mini.asked
    assert ask.path == "/wxa/business/getuserencryptkey?access_token=T1"
    told = json.loads(ask.body)
    proof = hmac.new(SESSION_KEY.encode(), b"", "sha256").hexdigest()
    assert told == {"openid": OPENID, "signature": proof, "sig_method": "hmac_sha256"}


def test_a_wrong_signature_is_an_answer_and_a_list_of_no_keys_is_none(mini):
    assert mini.ask("user_keys", token(), failed(87009)) == UserKeysAnswer(
        KeysVerdict.WRONG_SIGNATURE
    )
    for wrong in ({}, {"key_info_list": None}, {"key_info_list": [1]}, {"key_info_list": [{}]}):
        with pytest.raises(Unreadable):
            mini.ask("user_keys", {"errcode": 0} | wrong)


# --------------------------------------------------------------------------------------- phone


def test_a_phone_code_is_changed_with_a_token(mini):
    assert mini.ask("phone", token("a/token"), GOOD["phone"]) == PhoneAnswer(
        CodeVerdict.OK, PhoneNumber("13580006666"), "86"
    )

    fetch, ask = mini.asked
    assert (fetch.method, fetch.path) == ("POST", "/cgi-bin/stable_token")
    assert fetch.headers == {"Content-Type": "application/json"}
    assert json.loads(fetch.body) == {
        "grant_type": "client_credential",
        "appid": APPID,
        "secret": SECRET,
        "force_refresh": False,
    }
    assert (ask.method, ask.path) == ("POST", f"{PHONE_ROAD}?access_token=a%2Ftoken")
    assert ask.headers == {"Content-Type": "application/json"}
    assert json.loads(ask.body) == {"code": "bdc5b3a0"}


@pytest.mark.parametrize("country", [86, "86"])
def test_the_countrys_code_comes_as_a_text_or_as_a_number(mini, country):
    told = GOOD["phone"] | {"phone_info": PHONE_INFO | {"countryCode": country}}

    assert mini.ask("phone", token(), told).phone == PhoneNumber("13580006666")


@pytest.mark.parametrize(
    "wrong",
    [
        {"countryCode": 852, "purePhoneNumber": "51234567", "phoneNumber": "85251234567"},
        {"countryCode": "1"},
        {"countryCode": None},
        {"purePhoneNumber": "+8613580006666"},
        {"purePhoneNumber": 13580006666},
        {"purePhoneNumber": None},
        {"watermark": {"timestamp": 1637744274, "appid": "wxsomebodyelse"}},
        {"watermark": {}},
        {"watermark": None},
    ],
)
def test_a_number_that_is_no_ones_here_is_unreadable(mini, wrong):
    told = GOOD["phone"] | {"phone_info": PHONE_INFO | wrong}
    with pytest.raises(Unreadable) as error:
        mini.ask("phone", token(), told)

    assert error.value.operation == "wechat.phone"
    assert "13580006666" not in str(error.value)


# ------------------------------------------------------------------------------------- message


def test_a_message_is_sent_in_the_documented_fields(mini):
    assert mini.ask("message", token(), GOOD["message"]) == MessageAnswer(MessageVerdict.SENT)

    ask = mini.asked[-1]
    assert (ask.method, ask.path) == ("POST", f"{MESSAGE_ROAD}?access_token=T1")
    assert "已放款".encode() in ask.body
    assert json.loads(ask.body) == {
        "touser": OPENID,
        "template_id": "T1",
        "data": {"thing1": {"value": "已放款"}, "amount2": {"value": "50000.00元"}},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(43101, MessageVerdict.NOT_GRANTED), (40003, MessageVerdict.NO_SUCH_OPENID)],
)
def test_a_message_that_nobody_wants_is_an_answer(mini, code, verdict):
    assert mini.ask("message", token(), failed(code)) == MessageAnswer(verdict)


def test_a_message_is_not_sent_before_its_errcode_says_so(mini):
    for told in ({}, {"errmsg": "ok"}, {"errcode": None}, {"errcode": "0"}, {"errcode": False}):
        with pytest.raises(Unreadable):
            Mini().ask("message", token(), told)


# ----------------------------------------------------------------------------------- errcodes


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [
        ("login", -1, ServerFailed),
        ("login", 45011, QuotaExceeded),
        ("login", 45009, QuotaExceeded),
        ("login", 40013, NotDone),
        ("login", 40125, NotDone),
        ("login", 41002, NotDone),
        ("login", 40001, NotDone),
        ("phone", -1, ServerFailed),
        ("phone", 45011, QuotaExceeded),
        ("phone", 45009, QuotaExceeded),
        ("phone", 40013, NotDone),
        ("message", -1, ServerFailed),
        ("message", 45009, QuotaExceeded),
        ("message", 40037, NotDone),
        ("message", 41030, NotDone),
        ("message", 47003, NotDone),
        ("message", 40029, NotDone),
        ("phone", 43101, NotDone),
        ("phone", 99999, NotDone),
    ],
)
def test_any_other_errcode_is_an_error(mini, operation, code, kind):
    before = [] if operation == "login" else [token()]
    with pytest.raises(ProviderError) as error:
        mini.ask(operation, *before, failed(code))

    assert type(error.value) is kind
    assert error.value.args == (f"wechat.{operation}", str(code))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(-1, ServerFailed), (45009, QuotaExceeded), (40013, NotDone), (40125, NotDone)],
)
def test_without_a_token_nothing_is_asked(mini, code, kind):
    with pytest.raises(ProviderError) as error:
        mini.ask("phone", failed(code))

    assert type(error.value) is kind
    assert error.value.args == ("wechat.phone", str(code))
    assert mini.roads == [TOKEN_ROAD]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, QuotaExceeded), (500, ServerFailed), (503, ServerFailed), (404, NotDone)],
)
@pytest.mark.parametrize("operation", QUERIES)
def test_a_status_that_wechat_never_sends(mini, operation, status, kind):
    exchange = mini.begin(operation)
    next(exchange)
    with pytest.raises(ProviderError) as error:
        exchange.send(response(GOOD[operation], status))

    assert type(error.value) is kind


# ------------------------------------------------------------------------------------ the token


def test_one_token_serves_until_five_minutes_before_its_end(mini):
    mini.ask("phone", token("T1"), GOOD["phone"])
    mini.clock.at_s += 7_200 - 300 - 1
    mini.ask("message", GOOD["message"])
    mini.clock.at_s += 1
    mini.ask("message", token("T2"), GOOD["message"])

    assert mini.roads == [
        TOKEN_ROAD,
        (PHONE_ROAD, "T1"),
        (MESSAGE_ROAD, "T1"),
        TOKEN_ROAD,
        (MESSAGE_ROAD, "T2"),
    ]


def test_a_token_near_its_end_serves_the_call_that_fetched_it(mini):
    mini.ask("phone", token("T1", 200), GOOD["phone"])
    mini.ask("phone", token("T2"), GOOD["phone"])

    assert mini.roads == [TOKEN_ROAD, (PHONE_ROAD, "T1"), TOKEN_ROAD, (PHONE_ROAD, "T2")]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
@pytest.mark.parametrize("operation", ["phone", "message"])
def test_a_worn_token_is_fetched_anew_once(mini, operation, code):
    bodies = token("T1"), failed(code), token("T2"), GOOD[operation]
    assert mini.ask(operation, *bodies)

    road = PHONE_ROAD if operation == "phone" else MESSAGE_ROAD
    assert mini.roads == [TOKEN_ROAD, (road, "T1"), TOKEN_ROAD, (road, "T2")]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_a_token_that_stays_worn_is_given_up(mini, code):
    with pytest.raises(NotDone) as error:
        mini.ask("phone", token("T1"), failed(code), token("T2"), failed(code))

    assert error.value.args == ("wechat.phone", str(code))
    assert len(mini.asked) == 4


def test_the_second_answer_counts_whatever_it_says(mini):
    bodies = token("T1"), failed(42001), token("T2"), failed(40163)

    assert mini.ask("phone", *bodies) == PhoneAnswer(CodeVerdict.USED)


def test_a_token_that_another_exchange_has_renewed_is_used_and_not_thrown_away(mini):
    mini.ask("phone", token("T1"), GOOD["phone"])
    late = mini.begin("phone")
    next(late)
    mini.ask("phone", failed(40001), token("T2"), GOOD["phone"])

    again = late.send(response(failed(40001)))
    assert again.path == f"{PHONE_ROAD}?access_token=T2"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"access_token": "", "expires_in": 7200},
        {"access_token": "T1"},
        {"access_token": "T1", "expires_in": "7200"},
        {"access_token": "T1", "expires_in": 0},
        {"access_token": 7, "expires_in": 7200},
    ],
)
def test_what_is_no_token_is_unreadable_and_not_kept(mini, told):
    with pytest.raises(Unreadable):
        mini.ask("phone", told)
    mini.ask("phone", token(), GOOD["phone"])

    assert mini.roads[-2:] == [TOKEN_ROAD, (PHONE_ROAD, "T1")]


def test_nobody_reads_the_secret_in_a_log():
    assert SECRET not in repr(WeChatAccess(APPID, SECRET, Clock()))


# ------------------------------------------------------------------------------------- whatever


@pytest.mark.parametrize(
    "wrong",
    [
        {"openid": ""},
        {"openid": None},
        {"openid": 7},
        {"session_key": ""},
        {"session_key": None},
        {"unionid": 7},
        {"errcode": "0"},
        {"errcode": 0.5},
        {"errcode": True},
    ],
)
def test_a_login_that_is_not_documented_is_unreadable(mini, wrong):
    with pytest.raises(Unreadable):
        mini.ask("login", GOOD["login"] | wrong)


values = st.none() | st.booleans() | st.integers(-2, 99_999) | st.text(max_size=9)
fields = st.sampled_from(["errcode", "openid", "session_key", "phone_info", "access_token"])
bodies = (
    st.binary(max_size=100)
    | st.dictionaries(fields, values | st.just(PHONE_INFO))
    | st.sampled_from([token(), failed(40001), *GOOD.values()])
)


@pytest.mark.parametrize("operation", QUERIES)
@given(bodies=st.lists(bodies, min_size=4, max_size=4), status=st.just(200) | st.integers(100, 599))
def test_whatever_comes_back_it_ends_within_four_requests(operation, bodies, status):
    seen = seen_by(Mini().begin(operation), [response(body, status) for body in bodies])

    if isinstance(seen, ProviderError):
        assert seen.operation == f"wechat.{operation}"
    else:
        assert seen.verdict in (MessageVerdict if operation == "message" else CodeVerdict)


def seen_by(exchange, responses):
    """Return the answer, or the provider's error; anything else is raised."""
    next(exchange)
    try:
        for each in responses:
            exchange.send(each)
    except StopIteration as end:
        return end.value
    except ProviderError as error:
        return error
    raise AssertionError("it goes on asking")
