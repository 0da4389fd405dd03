"""Requests and responses without a wire, and how an answer's fields are read.

A vendor's answer is believed only in its documented form. What has another type, lacks a field or
is no JSON at all is :class:`~core.errors.Unreadable`, whose detail names the field and never shows
its value: answers are full of people.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Generator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from core.errors import NotDone, QuotaExceeded, ServerFailed, Unreadable
from core.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping

A = TypeVar("A")
V = TypeVar("V")


class HttpRequest(NamedTuple):
    """One request; ``path`` brings its query along, the address is the adapter's business."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class HttpResponse(NamedTuple):
    """One response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


Exchange = Generator[HttpRequest, HttpResponse, A]


def require_ok(operation: str, response: HttpResponse) -> None:
    """Require status 200, which all these vendors send whatever they have to say.

    Raises:
        QuotaExceeded: 429.
        ServerFailed: 5xx.
        NotDone: any other 4xx: refused on the way in (RFC 9110, section 15.5).
        Unreadable: any other status.
    """
    status = response.status
    if status == 200:
        return
    detail = f"HTTP {status}"
    if status == 429:
        raise QuotaExceeded(operation, detail)
    if status >= 500:
        raise ServerFailed(operation, detail)
    if status >= 400:
        raise NotDone(operation, detail)
    raise Unreadable(operation, detail)


def json_bytes(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Told:
    """A JSON object of an answer. Every read names the type that the vendor documents.

    All of its methods raise :class:`~core.errors.Unreadable` for a field of another type; those
    without ``_or`` in their name also for one that is absent.
    """

    __slots__ = ("_fields", "operation")

    def __init__(self, operation: str, fields: object) -> None:
        self.operation = operation
        if not isinstance(fields, dict):
            raise Unreadable(operation, "an object was expected")
        self._fields: dict[str, Any] = fields

    @classmethod
    def read(cls, operation: str, text: bytes | str) -> Told:
        """Return the object in a JSON text; decimals keep every digit."""
        try:
            text = text if isinstance(text, str) else text.decode()
            fields = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
        # Too deep, too many digits, too large an exponent: garbage can look like JSON.
        except (ValueError, RecursionError, ArithmeticError):
            raise Unreadable(operation, "no JSON") from None
        return cls(operation, fields)

    def wrong(self, name: str) -> Unreadable:
        """Return the error about a field."""
        return Unreadable(self.operation, f"field {name}")

    def text(self, name: str) -> str:
        """Return a text."""
        value = self._fields.get(name)
        if not isinstance(value, str) or not _is_unicode(value):
            raise self.wrong(name)
        return value

    def text_or(self, name: str, absent: str = "") -> str:
        """Return a text, or ``absent`` where it is absent or null."""
        return absent if self._fields.get(name) is None else self.text(name)

    def filled(self, name: str) -> str:
        """Return a text that is not empty."""
        text = self.text(name)
        if not text:
            raise self.wrong(name)
        return text

    def whole(self, name: str) -> int:
        """Return an integer; true and 1.0 are none."""
        value = self._fields.get(name)
        if type(value) is not int:
            raise self.wrong(name)
        return value

    def whole_or(self, name: str, absent: int) -> int:
        """Return an integer, or ``absent`` where it is absent or null."""
        return absent if self._fields.get(name) is None else self.whole(name)

    def code(self, name: str) -> str:
        """Return a code that may be written as a text or as an integer."""
        return str(self.whole(name)) if type(self._fields.get(name)) is int else self.text(name)

    def number(self, name: str) -> Decimal:
        """Return a number with the digits it was written with."""
        value = self._fields.get(name)
        if type(value) is int:
            return Decimal(value)
        if not isinstance(value, Decimal):
            raise self.wrong(name)
        return value

    def wholes(self, name: str) -> list[int]:
        """Return a list of integers."""
        values = self._fields.get(name)
        if not isinstance(values, list) or any(type(value) is not int for value in values):
            raise self.wrong(name)
        return values

    def inside(self, name: str) -> Told:
        """Return the object in a field."""
        value = self._fields.get(name)
        if not isinstance(value, dict):
            raise self.wrong(name)
        return Told(self.operation, value)

    def all_inside(self, name: str) -> list[Told]:
        """Return the objects in a list."""
        values = self._fields.get(name)
        if not isinstance(values, list) or any(not isinstance(value, dict) for value in values):
            raise self.wrong(name)
        return [Told(self.operation, value) for value in values]

    def inside_or(self, name: str) -> Told | None:
        """Return the object in a field, None where it is absent or null."""
        return None if self._fields.get(name) is None else self.inside(name)

    def meaning(self, name: str, table: Mapping[str, V]) -> V:
        """Return what a documented code means; one that is not in the table is unreadable."""
        code = self.text(name)
        if code not in table:
            raise self.wrong(name)
        return table[code]

    def meaning_or(self, name: str, table: Mapping[str, V]) -> V:
        """Return what a documented code means, or what ``""`` does where it is absent or null."""
        code = self.text_or(name)
        if code not in table:
            raise self.wrong(name)
        return table[code]

    def picture_or(self, name: str) -> Picture | None:
        """Return the picture in a Base64 text, None where it is absent, null or empty."""
        text = self.text_or(name)
        return picture_in(self.operation, text) if text else None


def picture_in(operation: str, text: str) -> Picture:
    """Return the picture in a Base64 text (RFC 4648, section 4).

    Raises:
        Unreadable: it is no Base64, or no picture.
    """
    try:
        return Picture.read(b64decode(text, validate=True))
    except ValueError:  # an InputError is one too
        raise Unreadable(operation, "a picture") from None


def _no_number(word: str) -> NoReturn:
    """NaN and the infinities, which Python reads and JSON (RFC 8259) does not know."""
    raise ValueError(word)


def _is_unicode(text: str) -> bool:
    """Say whether a text is free of half surrogate pairs, which JSON can escape into it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
