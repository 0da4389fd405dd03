"""The server half of the merchant acquirer: ``/acquirer/v1/flow``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from core.ports.acquirer import FlowQuery
from mocks.rest import Post, Service
from mocks.rest_values import CODE_EXAMPLE, Answer, Code, Consent, Day, Fen, Query

MONTHS_MAX = 120  # nobody keeps more, and a loop must end (assumed)


class FlowBody(Query):
    """The last ``months`` whole months of a merchant, under a consent."""

    PORT: ClassVar[Any] = FlowQuery
    ABOUT: ClassVar[str] = "merchant"

    merchant: Code
    months: Annotated[int, Field(ge=1, le=MONTHS_MAX)]
    consent: Consent


class MonthBody(Answer):
    """One month of acquiring; ``month`` is its first day."""

    month: Day
    turnover_fen: Fen
    payments: int
    active_days: int
    refunds_fen: Fen
    payers: int
    top_payer_fen: Fen
    night_fen: Fen


class FlowMonths(Answer):
    """The months, oldest first; ``joined`` is null where the merchant is unknown."""

    joined: Day | None
    months: tuple[MonthBody, ...]


SERVICE = Service(
    "acquirer",
    "Merchant acquirer",
    "What a shop took over its counter, month by month, before the business date. Without a "
    "consent nobody is known. Amounts are decimal strings of fen.",
    (
        Post(
            "flow",
            FlowBody,
            FlowMonths,
            "A merchant's takings by month",
            {"merchant": CODE_EXAMPLE, "months": 12, "consent": "C-1"},
        ),
    ),
)
