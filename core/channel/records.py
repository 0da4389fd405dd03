"""The envelope, what is sealed in it, and the key that does it.

    envelope    version 1 byte, suite 1, channel 16, epoch 4, sequence 8, then ciphertext and tag
    inside      the head's length in 4 bytes, the head in compact JSON, the raw body

Numbers are big-endian. The nonce is the direction's iv XOR the sequence, as in RFC 8446, 5.3: it
cannot come twice under one key as long as a sequence does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.exceptions import InvalidTag

from core.channel.errors import ChannelError
from core.channel.handshake import compact, read_object
from core.channel.keys import PHONE, SERVER
from core.channel.secrets import Kept
from core.channel.suites import NONCE_BYTES, TAG_BYTES

if TYPE_CHECKING:
    from core.channel.suites import Suite

VERSION = 1
HEADER = Struct(">BB16sIQ")
PREFIX = Struct(">BB16sI")  # the header without its sequence: the same all through an epoch
HEADER_BYTES = HEADER.size
HEAD_BYTES_MAX = 8 * 1024
ENVELOPE_BYTES_MAX = 8 * 2**20
SEQUENCES = 2**24  # in an epoch: far above where the server asks for the next one
METHOD = re.compile(r"[A-Z]{1,16}")
PATH = re.compile(r"/(?!/)[!\"$-~]*")  # visible ASCII, no fragment, no second slash: that is a host
HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}")
HEADER_VALUE = re.compile(r"[\t -~]*")
DIRECTION = {PHONE: b"\x01", SERVER: b"\x02"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request inside an envelope; ``path`` has its query, header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path.partition('?')[0]}, {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer inside an envelope."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"


class Header(NamedTuple):
    """What of an envelope is readable by everybody, and altered by nobody unseen."""

    version: int
    suite: int
    channel_id: bytes
    epoch: int
    sequence: int


def header_of(envelope: bytes, bytes_max: int) -> Header:
    """Read the header of an envelope.

    Raises:
        ChannelError: it is too_large; or malformed: too short, of another version, or its sequence
            is beyond what an epoch has.
    """
    if len(envelope) > bytes_max:
        raise ChannelError("too_large", f"an envelope has at most {bytes_max} bytes")
    if len(envelope) < HEADER_BYTES + TAG_BYTES:
        raise ChannelError("malformed", "it is shorter than an empty envelope")
    header = Header._make(HEADER.unpack_from(envelope))
    if header.version != VERSION:
        raise ChannelError("malformed", f"envelope version {header.version} is not {VERSION}")
    if header.sequence >= SEQUENCES:
        raise ChannelError("malformed", "no epoch has so many sequences")
    return header


def prefix_of(suite: Suite, channel_id: bytes, epoch: int) -> bytes:
    """Return the beginning of every envelope of an epoch."""
    return PREFIX.pack(VERSION, suite.number, channel_id, epoch)


class RecordKey(Kept):
    """The key of one direction in one epoch. Whoever seals sees to it that no sequence comes twice.

    What is authenticated beside the ciphertext is the direction and the whole header. The binding
    is not: it is in the key, through the transcript.
    """

    __slots__ = ("_aead", "_direction", "_iv")

    def __init__(self, suite: Suite, role: bytes, material: bytes) -> None:
        self._aead = suite.aead(material[:-NONCE_BYTES])
        self._iv = int.from_bytes(material[-NONCE_BYTES:], "big")
        self._direction = DIRECTION[role]

    def seal(self, prefix: bytes, sequence: int, inner: bytes) -> bytes:
        """Return the envelope."""
        header = prefix + sequence.to_bytes(8, "big")
        nonce = (self._iv ^ sequence).to_bytes(NONCE_BYTES, "big")
        return header + self._aead.encrypt(nonce, inner, self._direction + header)

    def open(self, envelope: bytes, sequence: int) -> bytes:
        """Return what is inside.

        Raises:
            ChannelError: tampered: it is not, bit for bit, what the other side sealed.
        """
        nonce = (self._iv ^ sequence).to_bytes(NONCE_BYTES, "big")
        known = self._direction + envelope[:HEADER_BYTES]
        try:
            return self._aead.decrypt(nonce, envelope[HEADER_BYTES:], known)
        except InvalidTag as error:
            raise ChannelError("tampered", "the envelope does not verify") from error


def pack_request(request: Request, bytes_max: int) -> bytes:
    """Return what is sealed of a request.

    Raises:
        ChannelError: malformed, or too_large for an envelope of ``bytes_max``.
    """
    _check_request(request.method, request.path, request.headers)
    head = {"m": request.method, "p": request.path, "h": dict(request.headers)}
    return _pack(head, request.body, bytes_max)


def unpack_request(inner: bytes) -> Request:
    """Read what was sealed of a request.

    Raises:
        ChannelError: malformed.
    """
    head, body = _unpack(inner)
    if head.keys() != {"m", "p", "h"}:
        raise ChannelError("malformed", "the keys of a request's head are not m, p, h")
    _check_request(head["m"], head["p"], head["h"])
    return Request(head["m"], head["p"], head["h"], body)


def pack_answer(answer: Answer, next_epoch: bool, bytes_max: int) -> bytes:
    """Return what is sealed of an answer; ``next_epoch`` tells the phone to go on.

    Raises:
        ChannelError: malformed, or too_large for an envelope of ``bytes_max``.
    """
    _check_answer(answer.status, answer.headers)
    head: dict[str, Any] = {"s": answer.status, "h": dict(answer.headers)}
    if next_epoch:
        head["k"] = True
    return _pack(head, answer.body, bytes_max)


def unpack_answer(inner: bytes) -> tuple[Answer, bool]:
    """Read what was sealed of an answer, and whether the next epoch begins with it.

    Raises:
        ChannelError: malformed.
    """
    head, body = _unpack(inner)
    next_epoch = "k" in head
    if head.keys() - {"k"} != {"s", "h"} or (next_epoch and head["k"] is not True):
        raise ChannelError("malformed", "an answer's head is not s, h and maybe k, which is true")
    _check_answer(head["s"], head["h"])
    return Answer(head["s"], head["h"], body), next_epoch


def _check_request(method: Any, path: Any, headers: Any) -> None:
    if not (isinstance(method, str) and METHOD.fullmatch(method)):
        raise ChannelError("malformed", "the method is not 1 to 16 capital letters")
    if not (isinstance(path, str) and PATH.fullmatch(path)):
        raise ChannelError("malformed", "the path is no path of visible ASCII from one slash on")
    _check_headers(headers)


def _check_answer(status: Any, headers: Any) -> None:
    if type(status) is not int or not 100 <= status <= 599:
        raise ChannelError("malformed", "the status is no whole number from 100 to 599")
    _check_headers(headers)


def _check_headers(headers: Any) -> None:
    """See that no header can break out of its line, whoever writes it to a wire later."""
    if not isinstance(headers, Mapping):
        raise ChannelError("malformed", "the headers are no object")
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise ChannelError("malformed", "a header's name is no lower-case token")
        if not (isinstance(value, str) and HEADER_VALUE.fullmatch(value)):
            raise ChannelError("malformed", f"the header {name} is not one line of ASCII")


def _pack(head: dict[str, Any], body: bytes, bytes_max: int) -> bytes:
    written = compact(head).encode()
    if len(written) > HEAD_BYTES_MAX:
        raise ChannelError("too_large", f"a head has at most {HEAD_BYTES_MAX} bytes")
    if HEADER_BYTES + 4 + len(written) + len(body) + TAG_BYTES > bytes_max:
        raise ChannelError("too_large", f"an envelope has at most {bytes_max} bytes")
    return b"%b%b%b" % (len(written).to_bytes(4, "big"), written, body)


def _unpack(inner: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(inner[:4], "big")
    if len(inner) < 4 + length or length > HEAD_BYTES_MAX:
        raise ChannelError("malformed", "the head is longer than the message, or than a head is")
    return read_object(inner[4 : 4 + length]), inner[4 + length :]
