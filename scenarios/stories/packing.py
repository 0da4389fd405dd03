"""What an operator is told and tells, as JSON and back: records, types of records, days, reasons.

What JSON has stays as it is; everything else is an object with one key that says what it is.
"""

from __future__ import annotations

from datetime import date
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from core.adapters.sql.codec import REASONS, codec
from core.adapters.sql.shelves import SHELVES
from core.application import Reason
from core.errors import GaveUp, ProviderError, Refused
from scenarios.stories.crash import Broken, Crash

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = {kind.__name__: kind for kind in SHELVES}
_CODECS = {kind: codec(kind) for kind in SHELVES}


def pack(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, (list, tuple)):
        return [pack(each) for each in value]
    if type(value) in _CODECS:
        return {"record": [type(value).__name__, _CODECS[type(value)][0](value)]}
    for kind, (what, packed) in _PACK.items():
        if isinstance(value, kind):
            return {what: packed(value)}
    return value


def _error(error: BaseException) -> list[Any]:
    if isinstance(error, Refused):
        return ["refused", error.reason.code, error.detail]
    if isinstance(error, ProviderError):
        return ["gave up", error.operation, error.detail]
    if isinstance(error, Crash):
        return ["crash", str(error)]
    return ["broken", f"{type(error).__name__}: {error}"]


def unpack(value: Any) -> Any:
    """Return what a value was.

    Raises:
        LookupError, TypeError, ValueError: it is none of ours.
    """
    if isinstance(value, list):
        return [unpack(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(what, said)] = value.items()
    return _UNPACK[what](said)


def _record(said: list[Any]) -> Any:
    name, document = said
    return _CODECS[TABLES[name]][1](document)


def _raised(said: list[Any]) -> BaseException:
    kind, *words = said
    if kind == "refused":
        return Refused(REASONS[words[0]], words[1])
    return {"gave up": GaveUp, "crash": Crash, "broken": Broken}[kind](*words)


_PACK: dict[type, tuple[str, Callable[[Any], Any]]] = {
    BaseException: ("error", _error),
    Reason: ("reason", attrgetter("code")),
    date: ("date", date.isoformat),
    type: ("table", attrgetter("__name__")),
}
_UNPACK: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "error": _raised,
    "reason": REASONS.__getitem__,
    "record": _record,
    "table": TABLES.__getitem__,
}
