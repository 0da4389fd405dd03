"""Dataclasses as JSON documents and back, as they declare themselves: nothing is written twice.

A field that is added is in the document from then on, and an older document gets the field's
default. What JSON cannot say is said by its text: numbers of people and cards, dates, the members
of an enumeration; named tuples are lists.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, get_type_hints

import cattrs

from core.identity import Number

if TYPE_CHECKING:
    from collections.abc import Callable

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
decode = json.loads


def converter(**for_checkers: type) -> cattrs.Converter:
    """Return a converter with the hooks for what JSON cannot say.

    ``for_checkers`` are types that the dataclasses' modules import for the type checker alone.
    """
    made = cattrs.Converter(detailed_validation=False)  # its reports cost half of the time
    names = {"date": date, **for_checkers}

    def resolved(kind: Any) -> Any:
        try:
            hints = get_type_hints(kind, localns=names)
        except NameError as wrong:
            told = f"{kind.__name__} is kept as a document, which must know its types: {wrong}"
            raise TypeError(told) from None
        for each in fields(kind):
            each.type = hints[each.name]
        return kind

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
        is_dataclass, lambda kind: made.gen_unstructure_attrs_fromdict(resolved(kind))
    )
    made.register_structure_hook_factory(
        is_dataclass, lambda kind: made.gen_structure_attrs_fromdict(resolved(kind))
    )
    made.register_unstructure_hook_func(kind_of(Number), lambda number: number.text)
    made.register_structure_hook_func(kind_of(Number), lambda text, kind: kind(text))
    made.register_unstructure_hook(date, date.isoformat)
    made.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    made.register_structure_hook_factory(kind_of(Enum), _member_of)
    made.register_unstructure_hook_func(kind_of(Enum), lambda member: member.value)
    made.register_unstructure_hook_factory(_is_named_tuple, tuple_dump)
    made.register_structure_hook_factory(_is_named_tuple, tuple_load)
    return made


def kind_of(base: type) -> Callable[[Any], bool]:
    """Return whether a type is one of ``base``."""
    return lambda kind: isinstance(kind, type) and issubclass(kind, base)


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _member_of(kind: type[Enum]) -> Callable[[Any, Any], Enum]:
    members = {member.value: member for member in kind}
    return lambda value, _: members[value]
