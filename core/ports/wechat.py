"""WeChat (微信) as the mini-program's server sees it: who is logged in, and on what phone.

Source: the server API of WeChat mini-programs (code2Session, getuserphonenumber, subscribe
messages): a code is good once, for five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import PhoneNumber
    from core.ports.trace import Trace


class CodeVerdict(StrEnum):
    """What became of a one-time code (errcodes 0, 40029, 40163 and 40226)."""

    OK = "ok"
    UNKNOWN = "unknown"
    USED = "used"
    BLOCKED = "blocked"


@dataclass(slots=True)
class LoginQuery:
    """Change a login code of ``wx.login`` for the customer's openid."""

    code: str


@dataclass(slots=True)
class LoginAnswer:
    """``openid`` has 28 characters; ``session_key`` is 16 bytes in Base64. Empty unless OK."""

    verdict: CodeVerdict
    openid: str = ""
    session_key: str = ""
    unionid: str = ""


@dataclass(slots=True)
class PhoneQuery:
    """Change a phone code for the number bound to the customer's WeChat account."""

    code: str


@dataclass(slots=True)
class PhoneAnswer:
    """``phone`` is None unless OK."""

    verdict: CodeVerdict
    phone: PhoneNumber | None = None
    country_code: str = "86"


@dataclass(slots=True)
class MessageQuery:
    """Send a subscribe message; one grant of the customer is good for one message."""

    openid: str
    template: str
    fields: dict[str, str]


class MessageVerdict(StrEnum):
    """What became of a message (errcodes 0, 43101 and 40003)."""

    SENT = "sent"
    NOT_GRANTED = "not_granted"
    NO_SUCH_OPENID = "no_such_openid"


@dataclass(slots=True)
class MessageAnswer:
    """A message not granted is not an error of the flow."""

    verdict: MessageVerdict


class KeysVerdict(StrEnum):
    """What became of the question for a user's keys (errcodes 0 and 87009)."""

    OK = "ok"
    WRONG_SIGNATURE = "wrong_signature"


@dataclass(slots=True)
class UserKeysQuery:
    """Ask for the keys that a user's phone shares with its server (用户加密 key).

    The session key signs the question; it is not sent.
    """

    openid: str
    session_key: str = field(repr=False)


@dataclass(slots=True, frozen=True)
class UserKey:
    """One of them: ``key`` is 16 bytes in Base64, ``iv`` 16 hexadecimal digits; 0: it is over."""

    version: int
    key: str = field(repr=False)
    iv: str = field(repr=False)
    left_s: int = 0


@dataclass(slots=True)
class UserKeysAnswer:
    """The newest three, the newest first; none unless OK."""

    verdict: KeysVerdict
    keys: tuple[UserKey, ...] = ()


class WeChat(Protocol):
    """The platform's questions to WeChat."""

    async def login(self, trace: Trace, query: LoginQuery) -> LoginAnswer: ...

    async def phone(self, trace: Trace, query: PhoneQuery) -> PhoneAnswer: ...

    async def message(self, trace: Trace, query: MessageQuery) -> MessageAnswer: ...

    async def user_keys(self, trace: Trace, query: UserKeysQuery) -> UserKeysAnswer: ...
