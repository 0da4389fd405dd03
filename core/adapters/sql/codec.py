"""Records as JSON documents and back, as their dataclasses declare them.

Nothing is written down twice: a field added to a record is in its document from then on, and an
older document gets the field's default. What JSON cannot say is said by its text: numbers of
people and cards, dates, reasons (by their code); a query to the core names its type.
"""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, get_type_hints

import cattrs
from cattrs.strategies import configure_tagged_union

from core.application import Reason
from core.calendar import Calendar
from core.identity import Number
from core.ports.corebank import Write

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.records import Record

    Dump = Callable[[Any], dict[str, Any]]
    Load = Callable[[dict[str, Any]], Any]

# What modules below import for the type checker alone.
FOR_CHECKERS = {"date": date, "Calendar": Calendar}
REASONS = {reason.code: reason for reason in Reason}

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
decode = json.loads


def _kind_of(base: type) -> Callable[[Any], bool]:
    """Return whether a type is one of ``base``."""
    return lambda kind: isinstance(kind, type) and issubclass(kind, base)


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _resolved(kind: Any) -> Any:
    """Return a dataclass whose fields know their types, and not only the types' names.

    Raises:
        TypeError: a field's type is imported where only the type checker sees it.
    """
    try:
        hints = get_type_hints(kind, localns=FOR_CHECKERS)
    except NameError as wrong:
        told = f"{kind.__name__} is kept in a store, which must know its types at run time: {wrong}"
        raise TypeError(told) from None
    for each in fields(kind):
        each.type = hints[each.name]
    return kind


def _calendar_dump(calendar: Calendar) -> dict[str, list[int]]:
    """Return a calendar of a convention's own; most have none, and mean the State Council's."""
    days = {"off": calendar.off, "worked": calendar.worked}
    told = {name: sorted(day.toordinal() for day in kept) for name, kept in days.items()}
    return {"years": sorted(calendar.years), "assumed": sorted(calendar.assumed), **told}


def _calendar_load(told: dict[str, list[int]], _: Any) -> Calendar:
    calendar = Calendar({})
    calendar.years, calendar.assumed = frozenset(told["years"]), frozenset(told["assumed"])
    calendar.off = frozenset(map(date.fromordinal, told["off"]))
    calendar.worked = frozenset(map(date.fromordinal, told["worked"]))
    return calendar


def _member_of(kind: type[Enum]) -> Callable[[Any, Any], Enum]:
    members = {member.value: member for member in kind}
    return lambda value, _: members[value]


def _converter() -> cattrs.Converter:
    """Return the converter, with the hooks for what JSON cannot say."""
    # Its detailed reports would cost half of the time. A set is told in order.
    in_order = {Set: sorted}
    made = cattrs.Converter(detailed_validation=False, unstruct_collection_overrides=in_order)

    def tuple_dump(kind: Any) -> Callable[[Any], list[Any]]:
        hints = get_type_hints(kind)
        hooks = [made.get_unstructure_hook(hints[name]) for name in kind._fields]
        return lambda values: [hook(value) for hook, value in zip(hooks, values, strict=True)]

    def tuple_load(kind: Any) -> Callable[[Any, Any], Any]:
        hints = get_type_hints(kind)
        hooks = [(made.get_structure_hook(hints[name]), hints[name]) for name in kind._fields]
        return lambda values, _: kind(
            *(hook(value, hint) for (hook, hint), value in zip(hooks, values, strict=True))
        )

    made.register_unstructure_hook_factory(
        is_dataclass, lambda kind: made.gen_unstructure_attrs_fromdict(_resolved(kind))
    )
    made.register_structure_hook_factory(
        is_dataclass, lambda kind: made.gen_structure_attrs_fromdict(_resolved(kind))
    )
    made.register_unstructure_hook_func(_kind_of(Number), lambda number: number.text)
    made.register_structure_hook_func(_kind_of(Number), lambda text, kind: kind(text))
    made.register_unstructure_hook(date, date.isoformat)
    made.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    made.register_unstructure_hook(Calendar, _calendar_dump)
    made.register_structure_hook(Calendar, _calendar_load)
    made.register_structure_hook_factory(_kind_of(Enum), _member_of)
    made.register_unstructure_hook_func(_kind_of(Enum), lambda member: member.value)
    made.register_unstructure_hook(Reason, lambda reason: reason.code)
    made.register_structure_hook(Reason, lambda code, _: REASONS[code])
    made.register_unstructure_hook_factory(_is_named_tuple, tuple_dump)
    made.register_structure_hook_factory(_is_named_tuple, tuple_load)
    configure_tagged_union(Write, made)
    return made


_CONVERTER = _converter()


def codec(kind: type[Record]) -> tuple[Dump, Load]:
    """Return how records of a type become documents, and documents records."""
    assert is_dataclass(kind)
    load = _CONVERTER.get_structure_hook(kind)
    return _CONVERTER.get_unstructure_hook(kind), lambda document: load(document, kind)
