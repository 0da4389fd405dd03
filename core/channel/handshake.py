"""The handshake's two messages, their strict forms, and the hash of all that was said.

On the wire a hello and a welcome are JSON objects whose bytes are base64url without padding
(RFC 4648, 5). What is hashed and signed is a binary form of the same fields, so that white space
and the order of keys do not matter. The design follows TLS 1.3 (RFC 8446, 4.4): the server signs
the hash of everything both sides said, and the keys are derived from that hash too.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from json import JSONDecoder, JSONEncoder
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes

from core.channel.errors import ChannelError
from core.errors import InputError

if TYPE_CHECKING:
    from core.channel.suites import Suite

VERSION = 1
KEY_BYTES, HELLO_NONCE_BYTES, CHANNEL_ID_BYTES, SIGNATURE_BYTES = 32, 32, 16, 64
SUITES_OFFERED_MAX = 8
LIVES_S_MAX = 3600
MESSAGE_BYTES_MAX = 4096
TIME_S_MAX = 2**53 - 1
USER_KEY_VERSION_MAX = 2**32 - 1
TRANSCRIPT_LABEL = b"seal/1 transcript"
SIGNATURE_LABEL = b"seal/1 welcome\0"
KID = re.compile(r"[A-Za-z0-9._-]{1,32}")
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
SUBJECT = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[!-~]{1,128}")

compact = JSONEncoder(separators=(",", ":")).encode


def prefixed(*parts: bytes) -> bytes:
    """Return the parts one after the other, each behind its length in four bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def subject_of(openid: str, appid: str, bank: str) -> str:
    """Return the name a customer has on the channel: it differs from bank to bank."""
    return sha256(f"{openid}|{appid}|{bank}".encode()).hexdigest()


@dataclass(frozen=True)
class Binding:
    """The login session that a channel belongs to; both sides know it before the handshake.

    Raises:
        InputError: a name is empty, too long or no visible ASCII; the subject is no digest.
    """

    bank: str
    session_id: str = field(repr=False)
    subject: str  # sha256 in hex of openid|appid|bank

    def __post_init__(self) -> None:
        for name in ("bank", "session_id"):
            if not NAME.fullmatch(getattr(self, name)):
                raise InputError(f"binding.{name}", "it is not 1 to 128 visible ASCII characters")
        if not SUBJECT.fullmatch(self.subject):
            raise InputError("binding.subject", "it is no SHA-256 in lower-case hex")

    def packed(self) -> bytes:
        """Return the binary form that is hashed."""
        return prefixed(self.bank.encode(), self.session_id.encode(), self.subject.encode())


@dataclass(frozen=True)
class Hello:
    """What the phone says first."""

    suites: tuple[int, ...]  # the phone's own order of preference
    key: bytes  # X25519, ephemeral (RFC 7748)
    nonce: bytes
    time_s: int  # the phone's clock, Unix
    user_key_version: int  # of WeChat's getUserCryptoManager; 0: no such key is used

    def to_json(self) -> bytes:
        """Return the body to send."""
        return compact(
            {
                "v": VERSION,
                "suites": list(self.suites),
                "key": _text(self.key),
                "nonce": _text(self.nonce),
                "time_s": self.time_s,
                "user_key_version": self.user_key_version,
            }
        ).encode()

    @classmethod
    def of_json(cls, body: bytes) -> Hello:
        """Read a hello, strictly.

        Raises:
            ChannelError: it is too_large, or malformed in any way.
        """
        fields = _Fields(body, "v", "suites", "key", "nonce", "time_s", "user_key_version")
        fields.whole("v", VERSION, VERSION)
        return cls(
            fields.suites("suites"),
            fields.bytes_("key", KEY_BYTES),
            fields.bytes_("nonce", HELLO_NONCE_BYTES),
            fields.whole("time_s", 0, TIME_S_MAX),
            fields.whole("user_key_version", 0, USER_KEY_VERSION_MAX),
        )

    def packed(self) -> bytes:
        """Return the binary form that is hashed."""
        return prefixed(
            bytes([VERSION]),
            bytes(self.suites),
            self.key,
            self.nonce,
            self.time_s.to_bytes(8, "big"),
            self.user_key_version.to_bytes(4, "big"),
        )


@dataclass(frozen=True)
class Welcome:
    """What the server answers; ``signature`` is Ed25519 (RFC 8032) over all that was said."""

    suite: int
    key: bytes
    nonce: bytes
    channel_id: bytes
    lives_s: int
    kid: str
    signature: bytes = b""

    def to_json(self) -> bytes:
        """Return the body to send."""
        return compact(
            {
                "suite": self.suite,
                "key": _text(self.key),
                "nonce": _text(self.nonce),
                "channel_id": _text(self.channel_id),
                "lives_s": self.lives_s,
                "kid": self.kid,
                "signature": _text(self.signature),
            }
        ).encode()

    @classmethod
    def of_json(cls, body: bytes) -> Welcome:
        """Read a welcome, strictly.

        Raises:
            ChannelError: it is too_large, or malformed in any way.
        """
        names = ("suite", "key", "nonce", "channel_id", "lives_s", "kid", "signature")
        fields = _Fields(body, *names)
        return cls(
            fields.whole("suite", 1, 255),
            fields.bytes_("key", KEY_BYTES),
            fields.bytes_("nonce", HELLO_NONCE_BYTES),
            fields.bytes_("channel_id", CHANNEL_ID_BYTES),
            fields.whole("lives_s", 1, LIVES_S_MAX),
            fields.text("kid", KID),
            fields.bytes_("signature", SIGNATURE_BYTES),
        )

    def packed(self) -> bytes:
        """Return the binary form that is hashed: everything but the signature."""
        return prefixed(
            bytes([self.suite]),
            self.key,
            self.nonce,
            self.channel_id,
            self.lives_s.to_bytes(4, "big"),
            self.kid.encode(),
        )


def transcript(suite: Suite, hello: Hello, welcome: Welcome, binding: Binding) -> bytes:
    """Return the hash, by the suite's own, of all that both sides said and knew."""
    digest = hashes.Hash(suite.hash())
    said = (TRANSCRIPT_LABEL, hello.packed(), welcome.packed(), binding.packed())
    digest.update(prefixed(*said))
    return digest.finalize()


def to_be_signed(suite: Suite, transcript_hash: bytes) -> bytes:
    """Return what the identity signs: it names its purpose, and the hash by the suite."""
    return SIGNATURE_LABEL + bytes([suite.number]) + transcript_hash


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key stands twice")
    return read


_decode = JSONDecoder(object_pairs_hook=_once).decode


def read_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object that stands there alone, in UTF-8.

    Raises:
        ChannelError: malformed: it is no JSON object, or a key in it stands twice.
    """
    try:
        read = _decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise ChannelError("malformed", "it is no JSON, or a key in it stands twice") from error
    if not isinstance(read, dict):
        raise ChannelError("malformed", "it is no JSON object")
    return read


class _Fields:
    """The fields of a message: exactly the named ones, each read by its type."""

    def __init__(self, body: bytes, *names: str) -> None:
        if len(body) > MESSAGE_BYTES_MAX:
            raise ChannelError("too_large", f"it has more than {MESSAGE_BYTES_MAX} bytes")
        self._read = read_object(body)
        if set(self._read) != set(names):
            raise ChannelError("malformed", f"its keys are not {', '.join(names)}")

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self._read[name]
        if type(value) is not int or not low <= value <= high:
            raise ChannelError("malformed", f"{name} is no whole number from {low} to {high}")
        return value

    def text(self, name: str, form: re.Pattern[str]) -> str:
        """Return a text of that form."""
        value = self._read[name]
        if not isinstance(value, str) or not form.fullmatch(value):
            raise ChannelError("malformed", f"{name} has not the form {form.pattern}")
        return value

    def bytes_(self, name: str, length: int) -> bytes:
        """Return so many bytes from the one base64url text that means them."""
        text = self.text(name, BASE64URL)
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""
        if len(content) != length or _text(content) != text:
            raise ChannelError("malformed", f"{name} is not base64url of {length} bytes")
        return content

    def suites(self, name: str) -> tuple[int, ...]:
        """Return the suites offered; one that we do not know is no mistake."""
        value = self._read[name]
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= SUITES_OFFERED_MAX
            or any(type(each) is not int or not 1 <= each <= 255 for each in value)
            or len(set(value)) != len(value)
        ):
            raise ChannelError("malformed", f"{name} is no list of 1 to 8 different suites")
        return tuple(value)
