"""Canonical bytes: the one way to write a contract down, so that its digest is the contract's own.

Source: RFC 8785, the JSON Canonicalization Scheme, without its one difficulty: a contract holds
texts, whole numbers, yes and no, and no fractions. Keys are ASCII, so that sorting them by code
point and by UTF-16 unit is the same. Digests are SHA-256, and the national SM3 (GB/T 32905-2016).
"""

from __future__ import annotations

from hashlib import sha256
from json import JSONEncoder, loads
from typing import Any

from cryptography.hazmat.primitives import hashes

WHOLE_MAX = 2**53 - 1  # RFC 7493: what every reader of JSON holds exactly

SM3 = hashes.SM3()
_write = JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a value.

    Raises:
        ValueError: it holds what has no canonical form here.
    """
    _require_plain(value)
    return _write(value).encode()


def _require_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, held in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"the key {key!r} is no ASCII text")
            _require_plain(held)
    elif isinstance(value, list):
        for held in value:
            _require_plain(held)
    elif isinstance(value, str):
        value.encode()  # half a surrogate pair is a UnicodeEncodeError, which is a ValueError
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > WHOLE_MAX):
        raise ValueError(f"{value!r} is no whole number that every reader holds")
    elif not (value is None or isinstance(value, bool | int)):
        raise ValueError(f"{value!r} is neither text nor number")


def parsed(content: bytes) -> Any:
    """Return the value of canonical bytes.

    Raises:
        ValueError: they are not canonical, so that another text would mean the same.
    """
    try:
        value = loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if canonical(value) != content:
        raise ValueError("the bytes are not canonical")
    return value


class Begun:
    """The digests of texts that begin alike: what they share is hashed once."""

    __slots__ = ("_sha256", "_sm3")

    def __init__(self, beginning: bytes) -> None:
        self._sha256 = sha256(beginning)
        self._sm3 = hashes.Hash(SM3)
        self._sm3.update(beginning)

    def digests(self, rest: bytes) -> tuple[str, str]:
        """Return the SHA-256 and the SM3 of the beginning with the rest after it."""
        first, second = self._sha256.copy(), self._sm3.copy()
        first.update(rest)
        second.update(rest)
        return first.hexdigest(), second.finalize().hex()


def digests(content: bytes) -> tuple[str, str]:
    """Return the SHA-256 and the SM3 of canonical bytes, in hex."""
    return sha256(content).hexdigest(), sm3_hex(content)


def sm3_hex(content: bytes) -> str:
    """Return the SM3 of bytes, in hex."""
    running = hashes.Hash(SM3)
    running.update(content)
    return running.finalize().hex()
