"""What our own clients tell of an attempt in a W3C ``baggage`` header: its name, and whose time."""

from __future__ import annotations

from datetime import date
from math import isnan
from typing import NamedTuple
from urllib.parse import unquote

from core.ports.trace import Trace

BAGGAGE_MAX = 8_192  # characters, which is what W3C's Baggage asks everybody to pass on


class Caller(NamedTuple):
    """What a request tells of the attempt it is; empty where it tells nothing."""

    trace: Trace | None
    visit: str = ""


NOBODY = Caller(None)


def visit_of(baggage: str) -> str:
    """Return the visit in whose time a request is sent; empty for everybody but our own."""
    return told_in(baggage).get("lr.visit", "") if "lr.visit" in baggage else ""


def told_in(baggage: str) -> dict[str, str]:
    """Return the words of a ``baggage`` header by their names."""
    told = {}
    for member in baggage[:BAGGAGE_MAX].split(","):
        name, _, value = member.partition(";")[0].partition("=")
        told[name.strip()] = unquote(value.strip())
    return told


def caller_of(baggage: str) -> Caller:
    """Return what a ``baggage`` header tells of the attempt; whatever is no word of ours is not."""
    if "lr." not in baggage:
        return NOBODY
    told = told_in(baggage)
    try:
        trace = Trace(
            told["lr.bank"],
            told["lr.application"],
            int(told["lr.call"]),
            int(told["lr.attempt"]),
            float(told["lr.deadline"]),
            date.fromisoformat(told["lr.date"]),
        )
    except (KeyError, ValueError):
        return NOBODY
    if isnan(trace.deadline_s):  # a moment that is neither before nor after any other
        return NOBODY
    return Caller(trace, told.get("lr.visit", ""))
