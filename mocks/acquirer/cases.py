"""What a test may have the acquirer answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from core.ports.acquirer import FlowAnswer, FlowMonth
from mocks.spec import Case, says

if TYPE_CHECKING:
    from core.ports.trace import Trace
    from mocks.spec import Act

JOINED = date(2018, 6, 1)


def _flow(turnover_fen: int, top_payer_share: float) -> Act:
    def act(acquirer: Any, trace: Trace, query: Any, now_s: float, draws: Any) -> FlowAnswer:
        del acquirer, now_s, draws
        top_fen = int(turnover_fen * top_payer_share)
        return FlowAnswer(
            JOINED,
            tuple(
                FlowMonth(month, turnover_fen, 900, 29, 2_000, 300, top_fen, turnover_fen // 20)
                for month in months_before(trace.date, query.months)
            ),
        )

    return act


def months_before(day: date, count: int) -> list[date]:
    """Return the first days of the ``count`` months before a day's, oldest first."""
    months = [divmod(day.year * 12 + day.month - 1 - back, 12) for back in range(count, 0, -1)]
    return [date(year, month + 1, 1) for year, month in months]


FLOW = (
    Case("steady", "a steady trade of many payers", _flow(8_000_000, 0.05)),
    Case("one_payer", "nearly all is paid by one", _flow(8_000_000, 0.95)),
    Case("small", "hardly any trade", _flow(60_000, 0.2)),
    says("no_merchant", FlowAnswer(None), "the acquirer has no such merchant"),
)
