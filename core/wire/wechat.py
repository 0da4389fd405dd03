"""WeChat's server API for mini-programs: code2Session, getuserphonenumber, subscribe messages.

Source: developers.weixin.qq.com, server API of mini-programs. WeChat answers with status 200 and an
``errcode``. All but the login want an access token, which stable_token gives for two hours; it is
kept here until five minutes before its end. A token that WeChat calls worn before that is fetched
anew once, never in a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import digest as hmac_digest
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from core.errors import InputError, NotDone, QuotaExceeded, ServerFailed
from core.identity import PhoneNumber
from core.ports.wechat import (
    CodeVerdict,
    KeysVerdict,
    LoginAnswer,
    MessageAnswer,
    MessageVerdict,
    PhoneAnswer,
    UserKey,
    UserKeysAnswer,
)
from core.wire.message import Exchange, HttpRequest, Told, json_bytes, require_ok

if TYPE_CHECKING:
    from core.ports.trace import Trace
    from core.ports.wechat import LoginQuery, MessageQuery, PhoneQuery, UserKeysQuery

V = TypeVar("V")

CODES: dict[int, CodeVerdict] = {
    40029: CodeVerdict.UNKNOWN,
    40163: CodeVerdict.USED,
    40226: CodeVerdict.BLOCKED,
}
MESSAGES: dict[int, MessageVerdict] = {
    43101: MessageVerdict.NOT_GRANTED,
    40003: MessageVerdict.NO_SUCH_OPENID,
}
KEYS: dict[int, KeysVerdict] = {87009: KeysVerdict.WRONG_SIGNATURE}
TOO_OFTEN = frozenset({45009, 45011})
TOKEN_WORN = frozenset({40001, 40014, 42001})
RENEW_S = 300  # before its end: from then on WeChat gives a new token, and both are valid
MAINLAND = "86"


@dataclass(slots=True)
class WeChatAccess:
    """The mini-program's account; ``unix_s`` is the time in which a token grows old."""

    appid: str
    secret: str = field(repr=False)
    unix_s: Callable[[], float]


class WeChatWire:
    """WeChat, over its wire, with the one access token that all exchanges share."""

    def __init__(self, access: WeChatAccess) -> None:
        self._access = access
        self._token = ""
        self._token_until_s = 0.0

    def login(self, trace: Trace, query: LoginQuery) -> Exchange[LoginAnswer]:
        asked = {
            "appid": self._access.appid,
            "secret": self._access.secret,
            "js_code": query.code,
            "grant_type": "authorization_code",
        }
        get = HttpRequest("GET", f"/sns/jscode2session?{urlencode(asked)}", {}, b"")
        told = yield from _send("wechat.login", get)
        verdict = _meaning(told, CODES, CodeVerdict.OK)
        if verdict is not CodeVerdict.OK:
            return LoginAnswer(verdict)
        openid, session_key = told.filled("openid"), told.filled("session_key")
        return LoginAnswer(verdict, openid, session_key, told.text_or("unionid"))

    def phone(self, trace: Trace, query: PhoneQuery) -> Exchange[PhoneAnswer]:
        path = "/wxa/business/getuserphonenumber"
        told = yield from self._post("wechat.phone", path, {"code": query.code})
        verdict = _meaning(told, CODES, CodeVerdict.OK)
        if verdict is not CodeVerdict.OK:
            return PhoneAnswer(verdict)
        info = told.inside("phone_info")
        if info.inside("watermark").text("appid") != self._access.appid:
            raise info.wrong("watermark")  # told to another mini-program
        return PhoneAnswer(verdict, _phone(info), MAINLAND)

    def message(self, trace: Trace, query: MessageQuery) -> Exchange[MessageAnswer]:
        asked = {
            "touser": query.openid,
            "template_id": query.template,
            "data": {name: {"value": value} for name, value in query.fields.items()},
            "miniprogram_state": "formal",
            "lang": "zh_CN",
        }
        told = yield from self._post("wechat.message", "/cgi-bin/message/subscribe/send", asked)
        told.whole("errcode")  # all that is told of a message that was sent
        return MessageAnswer(_meaning(told, MESSAGES, MessageVerdict.SENT))

    def user_keys(self, trace: Trace, query: UserKeysQuery) -> Exchange[UserKeysAnswer]:
        proof = hmac_digest(query.session_key.encode(), b"", "sha256").hex()
        asked = {"openid": query.openid, "signature": proof, "sig_method": "hmac_sha256"}
        path = "/wxa/business/getuserencryptkey"
        told = yield from self._post("wechat.user_keys", path, asked)
        verdict = _meaning(told, KEYS, KeysVerdict.OK)
        if verdict is not KeysVerdict.OK:
            return UserKeysAnswer(verdict)
        keys = [
            UserKey(
                key.whole("version"),
                key.filled("encrypt_key"),
                key.filled("iv"),
                key.whole("expire_in"),
            )
            for key in told.all_inside("key_info_list")
        ]
        return UserKeysAnswer(verdict, tuple(keys))

    def _post(self, operation: str, path: str, asked: dict[str, Any]) -> Exchange[Told]:
        """Ask with a token, and once more with a fresh one where WeChat calls it worn."""
        body = json_bytes(asked)
        token = yield from self._fetch(operation)
        told = yield from _send(operation, _posted(f"{path}?{_query(token)}", body))
        if _code(told) in TOKEN_WORN:
            if token == self._token:  # else another exchange has renewed it meanwhile
                self._token = ""
            token = yield from self._fetch(operation)
            told = yield from _send(operation, _posted(f"{path}?{_query(token)}", body))
        return told

    def _fetch(self, operation: str) -> Exchange[str]:
        """Return the token that is kept, or a new one."""
        now_s = self._access.unix_s()
        if self._token and now_s < self._token_until_s:
            return self._token
        asked = {
            "grant_type": "client_credential",
            "appid": self._access.appid,
            "secret": self._access.secret,
            "force_refresh": False,  # true would take the token away from everybody else
        }
        told = yield from _send(operation, _posted("/cgi-bin/stable_token", json_bytes(asked)))
        _meaning(told, {}, None)
        token, lasts_s = told.filled("access_token"), told.whole("expires_in")
        if lasts_s <= 0:
            raise told.wrong("expires_in")
        self._token, self._token_until_s = token, now_s + lasts_s - RENEW_S
        return token


def _posted(path: str, body: bytes) -> HttpRequest:
    return HttpRequest("POST", path, {"Content-Type": "application/json"}, body)


def _query(token: str) -> str:
    return urlencode({"access_token": token})


def _send(operation: str, request: HttpRequest) -> Exchange[Told]:
    response = yield request
    require_ok(operation, response)
    return Told.read(operation, response.body)


def _code(told: Told) -> int:
    """Return the errcode; a login that went well may come without one."""
    return told.whole_or("errcode", 0)


def _meaning(told: Told, table: Mapping[int, V], good: V) -> V:
    """Return what an errcode means.

    Raises:
        QuotaExceeded: the daily or the minute's limit.
        ServerFailed: -1, the system is busy.
        NotDone: any other code that is no answer: WeChat refused the request as it was.
    """
    code = _code(told)
    if code == 0:
        return good
    if code in table:
        return table[code]
    if code in TOO_OFTEN:
        raise QuotaExceeded(told.operation, str(code))
    if code < 0:
        raise ServerFailed(told.operation, str(code))
    raise NotDone(told.operation, str(code))


def _phone(info: Told) -> PhoneNumber:
    """Return the number without its country's code, which is a text or a number (documents differ).

    Numbers of other countries can be bound to WeChat, but nobody here can be called by one.
    """
    if info.code("countryCode") != MAINLAND:
        raise info.wrong("countryCode")
    try:
        return PhoneNumber(info.text("purePhoneNumber"))
    except InputError:
        raise info.wrong("purePhoneNumber") from None
