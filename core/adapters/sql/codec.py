"""Records as JSON documents and back: what :mod:`core.documents` knows, and four things more.

A reason for a no is told by its code, a set in order, a query to the core with its type beside it,
and a calendar of a loan's own by its days.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from cattrs.cols import is_frozenset
from cattrs.strategies import configure_tagged_union

from core.application import Reason
from core.calendar import Calendar
from core.documents import converter, decode, encode
from core.ports.corebank import Write

if TYPE_CHECKING:
    from collections.abc import Callable

    Dump = Callable[[Any], dict[str, Any]]
    Load = Callable[[dict[str, Any]], Any]

__all__ = ["codec", "decode", "encode"]

REASONS = {reason.code: reason for reason in Reason}


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


_CONVERTER = converter(Calendar=Calendar)
_CONVERTER.register_unstructure_hook(Reason, lambda reason: reason.code)
_CONVERTER.register_structure_hook(Reason, lambda code, _: REASONS[code])
_CONVERTER.register_unstructure_hook_func(is_frozenset, sorted)
_CONVERTER.register_unstructure_hook(Calendar, _calendar_dump)
_CONVERTER.register_structure_hook(Calendar, _calendar_load)
configure_tagged_union(Write, _CONVERTER)


def codec(kind: type) -> tuple[Dump, Load]:
    """Return how records of a type become documents, and documents records."""
    load = _CONVERTER.get_structure_hook(kind)
    return _CONVERTER.get_unstructure_hook(kind), lambda document: load(document, kind)
