"""WeChat (微信): a phone mints codes, the server changes each of them once.

A code belongs to the call that first changed it: the same call may ask again (a lost answer) and
is answered the same, any other finds it used. One grant of the customer is one message.
"""

from __future__ import annotations

from base64 import b64encode
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from core.clock import DAY_S
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
from core.seed import hash64
from mocks import magic
from mocks.shelf import let_go
from mocks.spec import Operation, Scope, table
from mocks.wechat import cases
from mocks.wechat.tokens import Sessions

if TYPE_CHECKING:
    from core.ports.people import People
    from core.ports.trace import Trace
    from core.ports.wechat import LoginQuery, MessageQuery, PhoneQuery, UserKeysQuery
    from core.seed import Draws

CODE_LIFE_S = 300.0
# Whoever changed a code may ask again for a day, and is told of a message that it was sent for
# three; after that nobody knows of them (assumed).
CODE_KNOWN_S, SENT_KNOWN_S = DAY_S, 3 * DAY_S
CODES_MAX = SENT_MAX = 100_000  # then the oldest are forgotten

Caller = tuple[str, str, int]  # bank, application, call


@dataclass(slots=True)
class Code:
    """A one-time code: whose, since when, and which call has changed it."""

    openid: str
    minted_s: float
    changed_by: Caller | None = None

    def is_gone(self, now_s: float) -> bool:
        """Whether nobody knows of it any more."""
        return now_s >= self.minted_s + CODE_KNOWN_S


class WeChat:
    """The one mini-program's account at WeChat."""

    PROVIDER: ClassVar[str] = "wechat"
    SCOPE: ClassVar[Scope] = "platform"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("login", writes=True, cases=cases.LOGIN, magic=magic.text("code")),
        Operation("phone", writes=True, cases=cases.PHONE_CODE, magic=magic.text("code")),
        Operation("message", writes=True, cases=cases.MESSAGE, magic=magic.text("openid")),
        Operation("user_keys", cases=cases.USER_KEYS, magic=magic.text("openid")),
    )

    def __init__(self, people: People, lasting: frozenset[str] = frozenset()) -> None:
        """``lasting`` names the templates whose grant is not used up by a message."""
        self._people = people
        self._lasting = lasting
        self._login_codes: OrderedDict[str, Code] = OrderedDict()
        self._phone_codes: OrderedDict[str, Code] = OrderedDict()
        self._grants: dict[tuple[str, str], int] = {}
        self._sent: OrderedDict[int, float] = OrderedDict()  # when, by the message's hash
        self.sessions = Sessions()
        self.blocked: set[str] = set()  # openids that the platform's risk control stops

    def device_login(self, openid: str, nonce: str, now_s: float) -> str:
        """Mint a login code on a phone (``wx.login``)."""
        return _mint(self._login_codes, "login", openid, nonce, now_s)

    def device_phone_code(self, openid: str, nonce: str, now_s: float) -> str:
        """Mint a phone code on a phone (``getPhoneNumber``)."""
        return _mint(self._phone_codes, "phone", openid, nonce, now_s)

    def grant(self, openid: str, template: str) -> None:
        """The customer agrees to one more message of a template."""
        name = (openid, template)
        self._grants[name] = self._grants.get(name, 0) + 1

    def login(self, trace: Trace, query: LoginQuery, now_s: float, draws: Draws) -> LoginAnswer:
        """Change a login code for the openid."""
        del draws
        code = self._login_codes.get(query.code)
        verdict = self._change(code, trace, now_s)
        if code is None or verdict is not CodeVerdict.OK:
            return LoginAnswer(verdict)
        secret = blake2b(query.code.encode(), digest_size=16, person=b"session key").digest()
        session_key = b64encode(secret).decode()
        self.sessions.opened(code.openid, session_key)
        return LoginAnswer(verdict, code.openid, session_key)

    def phone(self, trace: Trace, query: PhoneQuery, now_s: float, draws: Draws) -> PhoneAnswer:
        """Change a phone code for the number bound to the account."""
        del draws
        code = self._phone_codes.get(query.code)
        verdict = self._change(code, trace, now_s)
        if code is None or verdict is not CodeVerdict.OK:
            return PhoneAnswer(verdict)
        person = self._people.by_openid(code.openid)
        return PhoneAnswer(verdict, person.phone if person else None)

    def message(
        self, trace: Trace, query: MessageQuery, now_s: float, draws: Draws
    ) -> MessageAnswer:
        """Send a subscribe message on one grant of the customer."""
        del draws
        to = (query.openid, query.template)
        sent = hash64(trace.bank, trace.application, trace.call, *to, *query.fields.items())
        if not _was_long_ago(now_s, sent, self._sent.get(sent, float("-inf"))):
            return MessageAnswer(MessageVerdict.SENT)
        grants = self._grants.get(to, 0)
        if not grants:
            known = self._people.by_openid(query.openid) is not None
            return MessageAnswer(
                MessageVerdict.NOT_GRANTED if known else MessageVerdict.NO_SUCH_OPENID
            )
        if query.template not in self._lasting:
            if grants > 1:
                self._grants[to] = grants - 1
            else:
                del self._grants[to]
        self._sent[sent] = now_s
        self._sent.move_to_end(sent)
        let_go(self._sent, SENT_MAX, partial(_was_long_ago, now_s))
        return MessageAnswer(MessageVerdict.SENT)

    def user_keys(
        self, trace: Trace, query: UserKeysQuery, now_s: float, draws: Draws
    ) -> UserKeysAnswer:
        """Tell the keys that a user's phone shares with its server, the newest first."""
        del trace, draws
        if not self.sessions.is_of(query.openid, query.session_key):
            return UserKeysAnswer(KeysVerdict.WRONG_SIGNATURE)
        now = int(now_s)
        keys = self.sessions.user_keys(query.openid, now)
        told = [UserKey(key.version, key.encrypt_key, key.iv, key.left_s(now)) for key in keys]
        return UserKeysAnswer(KeysVerdict.OK, tuple(told))

    def _change(self, code: Code | None, trace: Trace, now_s: float) -> CodeVerdict:
        """Use a code up for this call, unless it cannot be used any more."""
        if code is None or code.is_gone(now_s):
            return CodeVerdict.UNKNOWN
        caller = (trace.bank, trace.application, trace.call)
        if code.changed_by is not None:
            return CodeVerdict.OK if code.changed_by == caller else CodeVerdict.USED
        if now_s >= code.minted_s + CODE_LIFE_S:
            return CodeVerdict.UNKNOWN
        if code.openid in self.blocked:
            return CodeVerdict.BLOCKED
        code.changed_by = caller
        return CodeVerdict.OK


def _mint(codes: OrderedDict[str, Code], kind: str, openid: str, nonce: str, now_s: float) -> str:
    """Return the code of (openid, nonce), making it the first time."""
    text = blake2b(f"{kind}/{openid}/{nonce}".encode(), digest_size=16).hexdigest()
    code = codes.get(text)
    if code is None or code.is_gone(now_s):
        codes[text] = Code(openid, now_s)
        codes.move_to_end(text)
        let_go(codes, CODES_MAX, partial(_is_gone, now_s))
    return text


def _is_gone(now_s: float, text: str, code: Code) -> bool:
    del text
    return code.is_gone(now_s)


def _was_long_ago(now_s: float, sent: int, at_s: float) -> bool:
    """Whether nobody knows any more that a message was sent."""
    del sent
    return now_s >= at_s + SENT_KNOWN_S
