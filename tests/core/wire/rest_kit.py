"""What the tests of the REST codecs share: one exchange driven by hand, and answers of any kind."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from core.errors import ProviderError
from core.identity import CardNumber, IdNumber, Number, PhoneNumber, UnifiedCreditCode
from core.ports.trace import Trace
from core.wire.message import HttpResponse

TRACE = Trace("qiaowu", "app-1", 501, 1, 90_000.0, date(2020, 7, 2))
KEY = "key-of-the-tenant"
NUMBER = IdNumber("110101199003077571")
PHONE = PhoneNumber("13800000000")
CARD = CardNumber("6290001234567890129")
OTHER_CARD = CardNumber("6290009876543210988")
CODE = UnifiedCreditCode("92320000MA10000092")


def asked(exchange):
    """Begin an exchange; return its one request."""
    return next(exchange)


def ended(exchange, response):
    """Send a begun exchange its response; return its answer."""
    try:
        more = exchange.send(response)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"it asked again: {more}")


def told(exchange, response):
    """Run an exchange of one request; return its answer."""
    next(exchange)
    return ended(exchange, response)


def answer(value, status=200, media="application/json", **headers):
    """An answer whose body is a value in JSON."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return HttpResponse(status, {"content-type": media, **headers}, body)


def problem(status, title="No"):
    """An answer that is a problem (RFC 9457)."""
    value = {"type": "about:blank", "title": title, "status": status, "detail": "because"}
    return answer(value, status, "application/problem+json")


def form(value, name=""):
    """A value in the form of the wire, as another hand would write it: null where it is None."""
    if type(value) is tuple:
        return [form(held) for held in value]
    if isinstance(value, dict):
        return {word: form(held, name) for word, held in value.items()}
    if is_dataclass(value) or isinstance(value, tuple):
        names = [each.name for each in fields(value)] if is_dataclass(value) else value._fields
        return {each: form(getattr(value, each), each) for each in names}
    return leaf(value, is_amount=name.endswith("_fen") or name == "totals")


def leaf(value, *, is_amount):
    """A value that holds no others, in the form of the wire."""
    match value:
        case Enum():
            return value.value
        case Number():
            return value.text
        case date():
            return value.isoformat()
        case int() if is_amount:
            return f"{value}"
    return value


def ending_of(exchange, response):
    """Run an exchange of one request; return its answer, or the operating error it raised."""
    try:
        return told(exchange, response)
    except ProviderError as fault:
        return fault


# Anything that a port may hold, by its types. Amounts go far beyond what a float holds.

AMOUNTS = st.integers(-(10**30), 10**30)
LEAVES = {
    str: st.text(max_size=12),
    int: st.integers(-(2**70), 2**70),
    bool: st.booleans(),
    float: st.floats(0, 1e9),
    date: st.dates(),
    IdNumber: st.sampled_from([NUMBER, IdNumber("11010119900307109X")]),
    PhoneNumber: st.sampled_from([PHONE, PhoneNumber("19912345678")]),
    CardNumber: st.sampled_from([CARD, OTHER_CARD]),
    UnifiedCreditCode: st.just(CODE),
}
NAMES = {kind.__name__: kind for kind in LEAVES}


def anything(kind):
    """A strategy for any value of a port's type."""
    if kind in LEAVES:
        return LEAVES[kind]
    if isinstance(kind, UnionType):
        (inner,) = (each for each in get_args(kind) if each is not NoneType)
        return st.none() | anything(inner)
    if get_origin(kind) is dict:
        return st.dictionaries(st.text(max_size=6), AMOUNTS, max_size=4)
    if get_origin(kind) is tuple:
        return st.lists(anything(get_args(kind)[0]), max_size=3).map(tuple)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    parts = {}
    for name, hint in get_type_hints(kind, localns=NAMES).items():
        optional = isinstance(hint, UnionType)
        part = AMOUNTS if name.endswith("_fen") else anything(hint)
        parts[name] = st.none() | part if optional else part
    return st.builds(kind, **parts)


# What comes from a broken line: any bytes, any JSON.

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["done", "unknown", "2020-07-02", "2020-02-30", "1e3", "-0", "007", CARD.text]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500])
MEDIA = st.sampled_from(["application/json", "application/problem+json", "text/html", ""])
GARBAGE = st.builds(
    lambda status, media, body: HttpResponse(status, {"content-type": media}, body),
    STATUSES,
    MEDIA,
    st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()),
)


def damaged(value):
    """A strategy for an answer with one of its fields replaced by any JSON."""
    return st.tuples(st.sampled_from(sorted(value)), JSON).map(
        lambda change: {**value, change[0]: change[1]}
    )
