"""What WeChat hands out and takes back: access tokens, session keys, keys shared with a phone.

Access tokens (接口调用凭据) come in two kinds that know nothing of each other: of /cgi-bin/token,
where every call is a new one, and of stable_token, where a call gives the one there is. A token
that is replaced stays good for five minutes at most, so that nobody who has just read it is turned
away. Times of tokens are Unix seconds of the tenant's business clock, those of keys its own.

Source: WeChat's server API (getAccessToken, getStableAccessToken, checkSessionKey,
getUserEncryptKey). That a forced refresh leaves the same five minutes is assumed.
"""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b, sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

LIFE_S = 7_200
OVERLAP_S = 300  # of a token with its successor
FORCED_APART_S = 30
FORCED_A_DAY = 20
MAC_BYTES = 64
PREFIX = "82_"
KEY_LIFE_S = 3_600
KEYS_TOLD = 3
SESSIONS_MAX = 100_000  # then who has not logged in for longest is forgotten
LIVE_MAX = 60_000  # tokens: 10,000 a minute for five minutes, and some


class Kind(StrEnum):
    """Which of the two calls a token comes from."""

    PLAIN = "p"
    STABLE = "s"


class Standing(StrEnum):
    """What a token is worth (errcodes 0, 40014, 42001 and 40001)."""

    GOOD = "good"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    REPLACED = "replaced"


class TooOften(Exception):
    """The stable token was refreshed by force as often as a day allows."""


class Claim(NamedTuple):
    """What a token says of itself."""

    appid: str
    kind: Kind
    number: int
    issued: int

    @classmethod
    def read(cls, token: str) -> Claim | None:
        """Return what a token says, without believing it; None where it is no token."""
        try:
            text = token.removeprefix(PREFIX)
            raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            said = raw[:-MAC_BYTES].decode("ascii")
            number, issued = int(said[-16:-8], 16), int(said[-8:], 16)
            return cls(said[:-17], Kind(said[-17:-16]), number, issued)
        except ValueError:  # also what is no ASCII, no Base64, no number, no kind
            return None

    def signed(self, secret: str) -> str:
        """Return the token: what it says and what proves it, about as long as a real one."""
        said = f"{self.appid}{self.kind}{self.number:08x}{self.issued:08x}".encode()
        mac = blake2b(said, key=secret.encode()[:64], person=b"access token").digest()
        return PREFIX + urlsafe_b64encode(said + mac).decode().rstrip("=")


@dataclass(slots=True)
class Series:
    """The tokens of one kind: how many there were, and until when the live ones are good."""

    number: int = 0
    until: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def replace(self, now: int) -> int:
        """Begin the next token; return its number."""
        # Visits whose times are their own come in no order: then the number bounds what is kept.
        while self.until and (next(iter(self.until.values())) <= now or len(self.until) > LIVE_MAX):
            self.until.popitem(last=False)
        if self.number in self.until:
            self.until[self.number] = min(self.until[self.number], now + OVERLAP_S)
        self.number += 1
        self.until[self.number] = now + LIFE_S
        return self.number

    def left_s(self, now: int) -> int:
        """How long the newest token is still good."""
        return max(0, self.until.get(self.number, 0) - now)


class AccessTokens:
    """The access tokens of one mini-program."""

    def __init__(self, appid: str, secret: str) -> None:
        self._appid, self._secret = appid, secret
        self._series = {kind: Series() for kind in Kind}
        self._newest = dict.fromkeys(Kind, "")
        self._forced_at = float("-inf")
        self._forced: Counter[date] = Counter()

    def plain(self, now: int) -> tuple[str, int]:
        """Return a new token and the seconds it is good for."""
        return self._replace(Kind.PLAIN, now)

    def stable(self, now: int, today: date, *, force: bool) -> tuple[str, int]:
        """Return the stable token: another in the last five minutes of its life, or by force.

        Whoever forces again within thirty seconds is given the token there is.

        Raises:
            TooOften: it was forced twenty times today.
        """
        left_s = self._series[Kind.STABLE].left_s(now)
        if force and (now - self._forced_at >= FORCED_APART_S or not left_s):
            if self._forced[today] >= FORCED_A_DAY:
                raise TooOften
            self._forced = Counter({today: self._forced[today] + 1})
            self._forced_at = now
            return self._replace(Kind.STABLE, now)
        if left_s <= OVERLAP_S:
            return self._replace(Kind.STABLE, now)
        return self._newest[Kind.STABLE], left_s

    def _replace(self, kind: Kind, now: int) -> tuple[str, int]:
        number = self._series[kind].replace(now)
        self._newest[kind] = Claim(self._appid, kind, number, now).signed(self._secret)
        return self._newest[kind], LIFE_S

    def standing(self, token: str, now: int) -> Standing:
        """Return what a token is worth now."""
        claim = Claim.read(token)
        if claim is None:
            return Standing.MALFORMED
        if not compare_digest(claim.signed(self._secret), token):
            return Standing.MALFORMED
        if self._series[claim.kind].until.get(claim.number, 0) > now:
            return Standing.GOOD
        return Standing.EXPIRED if now >= claim.issued + LIFE_S else Standing.REPLACED


class UserKey(NamedTuple):
    """A key that a phone and its mini-program's server both know (用户加密 key)."""

    version: int
    encrypt_key: str  # Base64 of 16 bytes
    iv: str  # 16 hexadecimal digits, meant as bytes
    created: int

    def left_s(self, now: int) -> int:
        """How long the key is still good; 0 where it is not."""
        return max(0, self.created + KEY_LIFE_S - now)

    @classmethod
    def mint(cls, session_key: str, version: int, now: int) -> UserKey:
        """Return the key of a session and version: whoever mints it again gets the same."""
        secret = hmac(session_key.encode(), f"user key {version}".encode(), sha256).digest()
        return cls(version, b64encode(secret[:16]).decode(), secret[16:24].hex(), now)


@dataclass(slots=True)
class Session:
    """A user's session: the key of the last login, and the user's newest keys."""

    key: str
    user_keys: list[UserKey] = field(default_factory=list)


def signature(session_key: str, message: bytes = b"") -> str:
    """Return the signature of a login state: the key is the Base64 text itself, not its bytes."""
    return hmac(session_key.encode(), message, sha256).hexdigest()


class Sessions:
    """The sessions of one mini-program's users; whoever is not seen for long is forgotten."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def opened(self, openid: str, session_key: str) -> None:
        """Take note of a login: an older session key is worth nothing now."""
        session = self._sessions.setdefault(openid, Session(session_key))
        session.key = session_key
        self._sessions.move_to_end(openid)
        if len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)

    def signed(self, openid: str, said: str) -> bool:
        """Whether a signature over nothing was made with the user's session key."""
        session = self._sessions.get(openid)
        right = signature(session.key if session else "")
        return session is not None and compare_digest(right.encode(), said.encode(errors="replace"))

    def is_of(self, openid: str, session_key: str) -> bool:
        """Whether a session key is the one of the user's last login."""
        session = self._sessions.get(openid)
        return session is not None and compare_digest(session.key, session_key)

    def key_of(self, openid: str, said: str) -> str:
        """Return the session key that has signed nothing; empty where it has not."""
        session = self._sessions.get(openid)
        return session.key if session is not None and self.signed(openid, said) else ""

    def user_keys(self, openid: str, now: int) -> list[UserKey]:
        """Return a user's keys, the newest first, which is always good; none without a login."""
        session = self._sessions.get(openid)
        if session is None:
            return []
        keys = session.user_keys
        if not keys or not keys[0].left_s(now):
            version = keys[0].version + 1 if keys else 1
            session.user_keys = [UserKey.mint(session.key, version, now), *keys][:KEYS_TOLD]
        return session.user_keys
