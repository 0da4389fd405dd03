"""The merchant acquirer: what a shop took over its counter, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import UnifiedCreditCode
    from core.ports.trace import Trace


@dataclass(slots=True)
class FlowQuery:
    """Ask for the last ``months`` whole months before the trace's date, under a consent."""

    merchant: UnifiedCreditCode
    months: int
    consent: str


@dataclass(slots=True)
class FlowMonth:
    """One month of acquiring; ``month`` is its first day."""

    month: date
    turnover_fen: int
    payments: int
    active_days: int
    refunds_fen: int
    payers: int
    top_payer_fen: int
    night_fen: int


@dataclass(slots=True)
class FlowAnswer:
    """``joined`` is None and ``months`` empty where the merchant is unknown."""

    joined: date | None
    months: tuple[FlowMonth, ...] = ()


class Acquirer(Protocol):
    """The platform's question to the acquirer."""

    async def flow(self, trace: Trace, query: FlowQuery) -> FlowAnswer: ...
