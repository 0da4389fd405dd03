"""The merchant acquirer: the last whole months of a shop's takings, under a consent."""

from __future__ import annotations

from collections import deque
from datetime import date
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from core.ports.acquirer import FlowAnswer
from mocks import magic
from mocks.acquirer import cases
from mocks.businesses import NoBusinesses
from mocks.spec import Operation, Scope, always, table

if TYPE_CHECKING:
    from core.ports.acquirer import FlowQuery
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.businesses import Businesses

ASKED_KEPT = 10_000  # questions of a journal; an older one is forgotten


class Asked(NamedTuple):
    """One line of the journal: who asked about which merchant, by which right, when."""

    bank: str
    application: str
    merchant: str
    consent: str
    now_s: float


class Acquirer:
    """The acquirer's books, month by month."""

    PROVIDER: ClassVar[str] = "acquirer"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("flow", billed=always, cases=cases.FLOW, magic=magic.credit_code("merchant.text"))
    )

    def __init__(self, businesses: Businesses | None = None) -> None:
        self._businesses: Businesses = businesses or NoBusinesses()
        self._asked: deque[Asked] = deque(maxlen=ASKED_KEPT)

    @property
    def asked(self) -> list[Asked]:
        """The last questions, in the order in which they came."""
        return list(self._asked)

    def flow(self, trace: Trace, query: FlowQuery, now_s: float, draws: Draws) -> FlowAnswer:
        """The ``months`` whole months before the trace's date, oldest first."""
        del draws
        merchant = query.merchant
        asked = Asked(trace.bank, trace.application, merchant.text, query.consent, now_s)
        self._asked.append(asked)
        business = self._businesses.by_code(merchant) if query.consent else None
        if business is None or business.joined is None:
            return FlowAnswer(None)
        firsts = [_month_before(trace.date, back) for back in range(query.months, 0, -1)]
        taken = [business.month(first) for first in firsts]
        return FlowAnswer(business.joined, tuple([month for month in taken if month is not None]))


def _month_before(day: date, months: int) -> date:
    """Return the first day of the month ``months`` before that of ``day``."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)
