"""The project's own REST form: what core banking, bureau, register, acquirer and deposit share.

``POST /<provider>/v1/<operation>`` with the query's fields by their names, answered with 200 and
the answer's. Amounts (``*_fen``, and every value of a map) are decimal strings, because a reader
of JSON may hold whole numbers as floats; other integers are JSON's own. Dates are ``YYYY-MM-DD``,
members of an enumeration and numbers of people and cards their text, tuples arrays, a key an
object; what is None is left out, or null.

A no comes as ``application/problem+json`` (RFC 9457). What is neither is ``Unreadable``: a page of
some proxy between us says nothing of what the provider did.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from functools import cache
from json import JSONDecoder
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from core.errors import InputError, NotDone, QuotaExceeded, ServerFailed, Unreadable
from core.identity import Number
from core.wire.message import HttpRequest, json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.wire.message import Exchange, HttpResponse

    Reader = Callable[[Any], Any]

A = TypeVar("A")

# What the form answers where it did not even look at the request: certainly no effect.
REFUSED = frozenset({400, 401, 404, 405, 413, 415, 422})
TITLE_MAX = 120  # a title is a stranger's text, and goes into our log

AMOUNT = re.compile(r"0|-?[1-9][0-9]{0,39}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What the ports import for the type checker alone.
NAMES = {"date": date}


class Rest:
    """One provider of this form, asked under one API key."""

    __slots__ = ("_headers", "_provider")

    def __init__(self, provider: str, api_key: str) -> None:
        self._provider = provider
        self._headers = headers(api_key)

    def ask(self, operation: str, query: Any, answer: type[A], bank: str = "") -> Exchange[A]:
        """Ask one operation and read its answer; ``bank`` is told where the query names none.

        Raises:
            QuotaExceeded: 429. ServerFailed: 5xx. NotDone: the request was refused unread.
            Unreadable: what came is no form of this API.
        """
        told = plain(query)
        if bank:
            told["bank"] = bank
        path = f"/{self._provider}/v1/{operation}"
        response = yield HttpRequest("POST", path, dict(self._headers), json_bytes(told))
        name = f"{self._provider}.{operation}"
        require_answered(name, response, title_of)
        kind: Any = answer
        try:
            read: A = reader_of(kind)(json_of(response.body))
        except ValueError as wrong:
            raise Unreadable(name, str(wrong)) from None
        return read


def headers(api_key: str) -> dict[str, str]:
    """Return what every request carries besides its body."""
    return {"Content-Type": "application/json", "X-Api-Key": api_key}


def require_answered(
    operation: str, response: HttpResponse, told: Callable[[HttpResponse], str | None]
) -> None:
    """Require a 200. ``told`` reads the reason of a refusal, None where it is in no known form.

    Raises:
        QuotaExceeded: 429, whoever says it has passed nothing on. ServerFailed: 5xx.
        NotDone: refused in the provider's form. Unreadable: everything else.
    """
    status = response.status
    if status == 200:
        return
    if status == 429:
        raise QuotaExceeded(operation, said(status, told(response)))
    if 500 <= status < 600:
        raise ServerFailed(operation, said(status, told(response)))
    reason = told(response) if status in REFUSED else None
    if reason is None:
        raise Unreadable(operation, f"{status}, and not in the provider's form")
    raise NotDone(operation, said(status, reason))


def said(status: int, reason: str | None) -> str:
    """Return a status with a stranger's reason, on one line and not too long."""
    told = " ".join((reason or "").split())
    return f"{status} {told[:TITLE_MAX]}".rstrip()


def title_of(response: HttpResponse) -> str | None:
    """Return the title of a problem (RFC 9457), None where the response is none."""
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/problem+json":
        return None
    try:
        problem = json_of(response.body)
    except ValueError:
        return None
    if not isinstance(problem, dict) or problem.get("status") != response.status:
        return None
    title = problem.get("title")
    return title if isinstance(title, str) and title else None


# What goes out.


def plain(value: Any) -> Any:
    """Return a value of a port as JSON says it; fields that are None are left out."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return _object((each.name, getattr(value, each.name)) for each in fields(value))
    if hasattr(value, "_asdict"):  # a named tuple
        return _object(value._asdict().items())
    return value


def _object(held: Any) -> dict[str, Any]:
    """Return an object's fields, its amounts as decimal strings."""
    return {
        name: str(value) if name.endswith("_fen") else plain(value)
        for name, value in held
        if value is not None
    }


# What comes in. A reader raises ValueError, whose text names the place and never the content.


def json_of(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises:
        ValueError: it is none, or nested too deep, or holds what JSON has no word for (NaN).
    """
    try:
        return _parse(body.decode())
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON in UTF-8") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_parse = JSONDecoder(parse_constant=_no_constant).decode


def text_of(value: Any) -> str:
    """Return a text that can be written down again."""
    if not isinstance(value, str):
        raise ValueError("is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:  # a bool is an int to isinstance
        raise ValueError("is no whole number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _amount(value: Any) -> int:
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise ValueError("is no amount of fen in a decimal string")
    return int(value)


def _day(value: Any) -> date:
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:  # the 30th of February
            pass
    raise ValueError("is no date")


def _amounts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return {text_of(name): _amount(held) for name, held in value.items()}


LEAVES: dict[Any, Reader] = {str: text_of, int: _whole, bool: _flag, date: _day}


@cache
def reader_of(kind: Any) -> Reader:
    """Return what reads one type of a port's answers from its JSON value."""
    if kind in LEAVES:
        return LEAVES[kind]
    origin = get_origin(kind)
    if origin is dict:
        return _amounts
    if origin is tuple:
        return _array_reader(reader_of(get_args(kind)[0]))
    assert isinstance(kind, type), f"no answer may hold {kind}"
    if issubclass(kind, Enum):
        return _member_reader(kind)
    if issubclass(kind, Number):
        return _number_reader(kind)
    return _object_reader(kind)


def _array_reader(each: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError("is no array")
        return tuple([each(held) for held in value])

    return read


def _member_reader(kind: type[Enum]) -> Reader:
    members = {member.value: member for member in kind}

    def read(value: Any) -> Enum:
        member = members.get(value) if isinstance(value, str) else None
        if member is None:
            raise ValueError(f"is no {kind.__name__}")
        return member

    return read


def _number_reader(kind: type[Number]) -> Reader:
    make: Callable[[str], Number] = kind  # each kind takes its text; Number itself is never made

    def read(value: Any) -> Number:
        try:
            return make(text_of(value))
        except InputError:  # its own words would show a part of it
            raise ValueError(f"is no {kind.what}") from None

    return read


def _object_reader(kind: type) -> Reader:
    """Return what reads an object; fields that we do not know are passed over."""
    hints = get_type_hints(kind, localns=NAMES)
    rows = [(name, *_field_reader(name, hint)) for name, hint in hints.items()]

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("is no object")
        told: dict[str, Any] = {}
        for name, each, may_be_none in rows:
            held = value.get(name)
            if held is None:
                if not may_be_none:
                    raise ValueError(f"{name} is missing")
                told[name] = None
                continue
            try:
                told[name] = each(held)
            except ValueError as wrong:
                raise ValueError(f"{name} {wrong}") from None
        return kind(**told)

    return read


def _field_reader(name: str, hint: Any) -> tuple[Reader, bool]:
    """Return what reads a field, and whether it may be None."""
    may_be_none = isinstance(hint, UnionType)
    if may_be_none:
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    return (_amount if name.endswith("_fen") else reader_of(hint)), may_be_none
