"""The WeChat server API (api.weixin.qq.com), as a mini-program's server calls it.

Answers are HTTP 200 whatever happened; ``errcode`` says what did. An access token tells which
tenant is meant, appid and secret do before there is one. An ``access_token`` on /sns/ is ignored,
since clients put one on every call.

Source: the documents of code2Session, getAccessToken, getStableAccessToken, getPhoneNumber,
getUnlimitedQRCode, sendMessage (subscribe), checkSessionKey and getUserEncryptKey. Where they name
no code, general ones of WeChat's table are used (40002, 40066, 40097, 43001, 43002, 45002, 47001):
assumed. So are the pages that exist: every well-formed one but a page called ``unpublished`` (the
magic input), unless the face is told which.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import QuotaExceeded
from core.ports.wechat import (
    CodeVerdict,
    KeysVerdict,
    LoginQuery,
    MessageQuery,
    MessageVerdict,
    PhoneQuery,
    UserKeysQuery,
)
from mocks.baggage import visit_of
from mocks.spec import VENDORS, Quota
from mocks.tenant import NoAnswer
from mocks.wechat import codes
from mocks.wechat.forms import (
    ERRORS,
    LANGUAGES,
    OK,
    STATES,
    TEMPLATE,
    WeChatError,
    choice_in,
    code_link,
    document,
    fields_of,
    flag_in,
    ink_in,
    message_fields,
    page_in,
    reply,
    text_in,
)
from mocks.wechat.tokens import (
    FORCED_A_DAY,
    KEY_LIFE_S,
    AccessTokens,
    Claim,
    Sessions,
    Standing,
    TooOften,
)
from mocks.wire import Reply

if TYPE_CHECKING:
    from mocks.tenant import Tenant, Tenants
    from mocks.wire import Request

BODY_MAX = 1024 * 1024
TOO_MANY, TOO_MANY_OF_ONE = 45009, 45011
TOKENS_A_MINUTE = 10_000
CODES_A_MINUTE = 5_000
LOGINS_A_MINUTE = 100  # of one user


class Limits(NamedTuple):
    """How often a minute tokens of each kind, codes, and logins of one user may be asked for."""

    tokens: int = TOKENS_A_MINUTE
    codes: int = CODES_A_MINUTE
    logins: int = LOGINS_A_MINUTE


LIMITS = Limits()

BY_CODE = {CodeVerdict.UNKNOWN: 40029, CodeVerdict.USED: 40163, CodeVerdict.BLOCKED: 40226}
BY_MESSAGE = {MessageVerdict.NOT_GRANTED: 43101, MessageVerdict.NO_SUCH_OPENID: 40003}
BY_STANDING = {Standing.MALFORMED: 40014, Standing.EXPIRED: 42001, Standing.REPLACED: 40001}


class Minute:
    """How often each name did something in this minute of business time."""

    __slots__ = ("_counts", "_most", "_now")

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = -1
        self._counts: Counter[str] = Counter()

    def quota(self, each: str, refused: dict[str, str]) -> Quota:
        """Tell the limit: what ``each`` of them is counted for, and how it is refused."""
        return Quota(each, self._most, "minute", refused, VENDORS)

    def count(self, unix_s: int, otherwise: int, name: str = "") -> None:
        """Count once more.

        Raises:
            WeChatError: it was too often; the code is ``otherwise``.
        """
        if unix_s // 60 != self._now:
            self._now = unix_s // 60
            self._counts.clear()
        self._counts[name] += 1
        if self._counts[name] > self._most:
            raise WeChatError(otherwise)


class Account:
    """What WeChat keeps of one tenant's mini-program."""

    def __init__(
        self, appid: str, secret: str, limits: Limits = LIMITS, sessions: Sessions | None = None
    ) -> None:
        """``sessions`` are those that the behaviour knows of."""
        self.tokens = AccessTokens(appid, secret)
        self.sessions = Sessions() if sessions is None else sessions
        self.plain_calls = Minute(limits.tokens)
        self.stable_calls = Minute(limits.tokens)
        self.code_calls = Minute(limits.codes)
        self.logins = Minute(limits.logins)
        self.refusals = 0

    def quotas(self) -> list[Quota]:
        """Tell how often what may be asked for, by path."""
        counted = (
            ("mini-program", self.plain_calls, "/cgi-bin/token", TOO_MANY),
            ("mini-program", self.stable_calls, "/cgi-bin/stable_token", TOO_MANY),
            ("mini-program", self.code_calls, "/wxa/getwxacodeunlimit", TOO_MANY),
            ("user", self.logins, "/sns/jscode2session", TOO_MANY_OF_ONE),
        )
        return [
            *(minute.quota(each, {path: str(code)}) for each, minute, path, code in counted),
            Quota(
                "mini-program",
                FORCED_A_DAY,
                "day",
                {"/cgi-bin/stable_token, force_refresh": str(TOO_MANY)},
                VENDORS,
            ),
        ]


class Asked(NamedTuple):
    """A request that was read: whose it is, and what it tells."""

    tenant: Tenant
    account: Account
    request: Request
    told: dict[str, Any]


class WeChatFace:
    """The front of api.weixin.qq.com."""

    def __init__(
        self,
        tenants: Tenants,
        pages: frozenset[str] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """``pages`` are the published pages of the mini-programs; None: see the module."""
        self._tenants = tenants
        self._pages = pages
        self._limits = limits

    def account(self, tenant: Tenant) -> Account:
        """Return what is kept of a tenant's mini-program."""
        known = tenant.credentials
        # One that somebody else brings may keep no sessions of its own.
        sessions = getattr(tenant.behaviours["wechat"], "sessions", None)
        made = partial(Account, known.appid, known.app_secret, self._limits, sessions)
        return tenant.room(Account, made)

    async def serve(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            NoAnswer: the transport is to fail.
        """
        try:
            return await self._answer(request)
        except NoAnswer:
            raise
        except WeChatError as error:
            return self._refused(request, error)
        except QuotaExceeded:
            return self._refused(request, WeChatError(TOO_MANY))
        except Exception:  # noqa: BLE001  the line's failure, or our own: a "system error" both
            return self._refused(request, WeChatError(-1))

    async def _answer(self, request: Request) -> Reply:
        route = ROUTES.get(request.path)
        if route is None:
            raise WeChatError(40066)
        if request.method not in route.methods:
            raise WeChatError(43001 if "GET" in route.methods else 43002)
        if len(request.body) > BODY_MAX:
            raise WeChatError(45002)
        return await route.answer(self, await route.asker(self, request))

    def _refused(self, request: Request, error: WeChatError) -> Reply:
        """Return an error in WeChat's form; its rid is the second and a hash."""
        tenant = self._named(request)
        account = self.account(tenant)
        account.refusals += 1
        told = f"{request.path}/{account.refusals}".encode("utf-8", "replace")
        rid = blake2b(told, digest_size=8, person=b"wechat rid").hexdigest()
        rid = f"{tenant.unix_s & 0xFFFF_FFFF:08x}-{rid[:8]}-{rid[8:]}"
        comma = "," if request.path.startswith("/sns/") else ""
        text = f"{ERRORS[error.code]} {error.detail}".rstrip()
        return reply({"errcode": error.code, "errmsg": f"{text}{comma} rid: {rid}"})

    def _named(self, request: Request) -> Tenant:
        """Return whose refusal it is, proved or not; the default tenant's, where nobody is named.

        So a tenant's rids are its own, and come again after a restore.
        """
        try:
            told = fields_of(request.query)
            if not told and len(request.body) <= BODY_MAX:
                told = document(request)
            claim = Claim.read(text_in(told, "access_token"))
            appid = claim.appid if claim else text_in(told, "appid")
        except WeChatError:
            appid = ""
        return self._tenants.by_appid(appid) or self._tenants.default

    # Who asks

    async def by_query(self, request: Request) -> Asked:
        """Return a request whose appid and secret stand in its query."""
        return await self._by_secret(request, fields_of(request.query))

    async def by_body(self, request: Request) -> Asked:
        """Return a request whose appid and secret stand in its body."""
        return await self._by_secret(request, document(request))

    async def _by_secret(self, request: Request, told: dict[str, Any]) -> Asked:
        appid, secret = text_in(told, "appid"), text_in(told, "secret")
        if not appid:
            raise WeChatError(41002)
        if not secret:
            raise WeChatError(41004)
        tenant = self._tenants.by_appid(appid)
        if tenant is None:
            raise WeChatError(40013)
        right = tenant.credentials.app_secret.encode()
        if not compare_digest(right, secret.encode("utf-8", "replace")):
            raise WeChatError(40125)
        await _enter(tenant, request)
        return Asked(tenant, self.account(tenant), request, told)

    async def by_token(self, request: Request) -> Asked:
        """Return a request whose access token says whose it is, with its query."""
        fields = fields_of(request.query)
        token = fields.get("access_token", "")
        if not token:
            raise WeChatError(41001)
        claim = Claim.read(token)
        tenant = self._tenants.by_appid(claim.appid) if claim else None
        if tenant is None:
            raise WeChatError(40014)
        await _enter(tenant, request)
        account = self.account(tenant)
        standing = account.tokens.standing(token, tenant.unix_s)
        if standing is not Standing.GOOD:
            raise WeChatError(BY_STANDING[standing])
        return Asked(tenant, account, request, fields)

    # What is asked

    async def token(self, asked: Asked) -> Reply:
        """/cgi-bin/token: a new token at every call."""
        _require_grant(asked, "client_credential")
        now = asked.tenant.unix_s
        asked.account.plain_calls.count(now, TOO_MANY)
        token, left_s = asked.account.tokens.plain(now)
        return reply({"access_token": token, "expires_in": left_s})

    async def stable_token(self, asked: Asked) -> Reply:
        """/cgi-bin/stable_token: the token there is."""
        _require_grant(asked, "client_credential")
        tenant, account = asked.tenant, asked.account
        force = flag_in(asked.told, "force_refresh", False)
        account.stable_calls.count(tenant.unix_s, TOO_MANY)
        try:
            token, left_s = account.tokens.stable(tenant.unix_s, tenant.today, force=force)
        except TooOften:
            raise WeChatError(TOO_MANY) from None
        return reply({"access_token": token, "expires_in": left_s})

    async def login(self, asked: Asked) -> Reply:
        """/sns/jscode2session: a login code for openid and session key; no errcode if it went."""
        _require_grant(asked, "authorization_code")
        code = asked.told.get("js_code", "")
        if not code:
            raise WeChatError(41008)
        tenant = asked.tenant
        answer = await tenant.ask("wechat.login", asked.request, code, LoginQuery(code))
        if answer.verdict is not CodeVerdict.OK:
            raise WeChatError(BY_CODE[answer.verdict])
        asked.account.logins.count(tenant.unix_s, TOO_MANY_OF_ONE, answer.openid)
        asked.account.sessions.opened(answer.openid, answer.session_key)
        told = {"session_key": answer.session_key, "openid": answer.openid}
        return reply(told | ({"unionid": answer.unionid} if answer.unionid else {}))

    async def phone(self, asked: Asked) -> Reply:
        """/wxa/business/getuserphonenumber: a phone code for the number; openid is not compared."""
        body = document(asked.request)
        code = text_in(body, "code")
        text_in(body, "openid")
        if not code:
            raise WeChatError(40029)
        tenant = asked.tenant
        answer = await tenant.ask("wechat.phone", asked.request, code, PhoneQuery(code))
        if answer.verdict is not CodeVerdict.OK:
            raise WeChatError(BY_CODE[answer.verdict])
        if answer.phone is None:
            raise WeChatError(-1)  # an account without a number: the document has no code for it
        number, watermark = answer.phone.text, {"timestamp": tenant.unix_s}
        info = {
            "phoneNumber": number if answer.country_code == "86" else answer.country_code + number,
            "purePhoneNumber": number,
            "countryCode": answer.country_code,
            "watermark": watermark | {"appid": tenant.credentials.appid},
        }
        return reply(OK | {"phone_info": info})

    async def code(self, asked: Asked) -> Reply:
        """/wxa/getwxacodeunlimit: the picture itself, or an error as JSON."""
        body = document(asked.request, 40169)
        link = code_link(body, asked.tenant.credentials.appid, self._pages)
        ink = ink_in(body)
        asked.account.code_calls.count(asked.tenant.unix_s, TOO_MANY)
        drawn = await asyncio.to_thread(codes.draw, link, ink)
        return Reply(200, drawn, "image/png" if ink.hyaline else "image/jpeg")

    async def message(self, asked: Asked) -> Reply:
        """/cgi-bin/message/subscribe/send: one message on one grant of the customer."""
        body = document(asked.request)
        openid, template = text_in(body, "touser", 40003), text_in(body, "template_id", 40037)
        if not openid:
            raise WeChatError(40003)
        if not TEMPLATE.fullmatch(template):
            raise WeChatError(40037)
        page_in(body, self._pages)
        choice_in(body, "miniprogram_state", STATES, 47003)
        choice_in(body, "lang", LANGUAGES, 47003)
        query = MessageQuery(openid, template, message_fields(body))
        answer = await asked.tenant.ask("wechat.message", asked.request, openid, query)
        if answer.verdict is not MessageVerdict.SENT:
            raise WeChatError(BY_MESSAGE[answer.verdict])
        return reply(OK)

    async def check_session(self, asked: Asked) -> Reply:
        """/wxa/checksession: whether a user's session key is the one of the last login."""
        _require_signature(asked)
        return reply(OK)

    async def user_keys(self, asked: Asked) -> Reply:
        """/wxa/business/getuserencryptkey: the user's newest keys, by query or by body."""
        if asked.request.body:
            asked = asked._replace(told=document(asked.request) | asked.told)
        openid, said = _signed(asked)
        query = UserKeysQuery(openid, asked.account.sessions.key_of(openid, said))
        answer = await asked.tenant.ask("wechat.user_keys", asked.request, openid, query)
        if answer.verdict is not KeysVerdict.OK:
            raise WeChatError(87009)
        now = asked.tenant.unix_s
        told = [
            {
                "encrypt_key": key.key,
                "iv": key.iv,
                "version": key.version,
                "expire_in": key.left_s,
                # Of a key that is over it is not known any more when it was made.
                "create_time": now - (KEY_LIFE_S - key.left_s),
            }
            for key in answer.keys
        ]
        return reply(OK | {"key_info_list": told})


async def _enter(tenant: Tenant, request: Request) -> None:
    """Serve in the time of the visit that a request belongs to, where it names one."""
    visit = visit_of(request.headers.get("baggage", ""))
    if visit:
        await tenant.clock.enter(visit)


def _require_grant(asked: Asked, grant: str) -> None:
    if asked.told.get("grant_type") != grant:
        raise WeChatError(40002)


def _require_signature(asked: Asked) -> str:
    """Return the openid whose session key has signed nothing, which is what the documents ask."""
    openid, said = _signed(asked)
    if not asked.account.sessions.signed(openid, said):
        raise WeChatError(87009)
    return openid


def _signed(asked: Asked) -> tuple[str, str]:
    """Return whose question it is, and its signature."""
    openid, said = text_in(asked.told, "openid"), text_in(asked.told, "signature")
    if not openid:
        raise WeChatError(40003)
    if text_in(asked.told, "sig_method") != "hmac_sha256":
        raise WeChatError(87009)
    return openid, said


class Route(NamedTuple):
    """How one path may be called, who may, and what answers."""

    methods: tuple[str, ...]
    asker: Callable[[WeChatFace, Request], Awaitable[Asked]]
    answer: Callable[[WeChatFace, Asked], Awaitable[Reply]]


GET, POST = ("GET",), ("POST",)
_Face = WeChatFace
ROUTES: dict[str, Route] = {
    "/sns/jscode2session": Route(GET, _Face.by_query, _Face.login),
    "/cgi-bin/token": Route(GET, _Face.by_query, _Face.token),
    "/cgi-bin/stable_token": Route(POST, _Face.by_body, _Face.stable_token),
    "/cgi-bin/message/subscribe/send": Route(POST, _Face.by_token, _Face.message),
    "/wxa/business/getuserphonenumber": Route(POST, _Face.by_token, _Face.phone),
    "/wxa/business/getuserencryptkey": Route((*GET, *POST), _Face.by_token, _Face.user_keys),
    "/wxa/getwxacodeunlimit": Route(POST, _Face.by_token, _Face.code),
    "/wxa/checksession": Route(GET, _Face.by_token, _Face.check_session),
}
