"""The businesses of a world, as far as the providers must know them: the truth, not the claims.

The business register, the acquirer and the reader of licences answer from one such look-up, as
the other providers answer from ``core.ports.people``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import UnifiedCreditCode
    from core.ports.acquirer import FlowMonth
    from core.ports.registry import BusinessState


class Business(Protocol):
    """One business, its licence and its counter. ``owner`` is the key of the person behind it."""

    owner: str
    code: UnifiedCreditCode
    name: str
    kind: str
    person: str
    capital: str
    address: str
    scope: str
    authority: str
    opened: date
    state: BusinessState
    joined: date | None  # the acquirer; None: never

    def month(self, first: date) -> FlowMonth | None:
        """What it took in the month that begins on ``first``; None before it joined."""
        ...


class Businesses(Protocol):
    """Where the mocks find businesses."""

    def by_code(self, code: UnifiedCreditCode) -> Business | None:
        """The business of that code."""
        ...

    def by_owner(self, person: str) -> Business | None:
        """The business of the person with that key."""
        ...


class NoBusinesses:
    """A world without businesses."""

    def by_code(self, code: UnifiedCreditCode) -> Business | None:
        """Nobody's code."""
        del code
        return None

    def by_owner(self, person: str) -> Business | None:
        """Nobody's business."""
        del person
        return None
