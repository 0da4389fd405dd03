"""Name-list screening (名单监测): is this customer on a list a bank must not serve?

Fails closed: no answer is never a clear. Why the bank says no is told to nobody (no tipping off).
Source: the two-stage decision by rule of the anti-money-laundering practice; the wire is yente's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.ports.trace import Trace


class Screened(StrEnum):
    """The decision: serve, refuse and report, or let a human look."""

    CLEAR = "clear"
    HIT = "hit"
    REVIEW = "review"


@dataclass(slots=True)
class ScreenQuery:
    """Screen one person at one point of the flow (the step's name)."""

    name: str
    number: IdNumber
    point: str


@dataclass(slots=True)
class ListMatch:
    """One list entry that resembles the subject; ``score_ppm`` in millionths."""

    entity: str
    list_name: str
    score_ppm: int


@dataclass(slots=True)
class ScreenAnswer:
    """The decision with what it rests on: the lists' version and the nearest entries."""

    decision: Screened
    list_version: str
    matches: tuple[ListMatch, ...] = ()


class Sanctions(Protocol):
    """The platform's question to the name lists."""

    async def screen(self, trace: Trace, query: ScreenQuery) -> ScreenAnswer: ...
