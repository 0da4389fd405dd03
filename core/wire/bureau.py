"""Credit report, government and internet data over the wire: the client half.

Source: the project's own REST form (``core/wire/rest.py``). A bureau must know who asks, so the
trace's bank goes into the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.bureau import CreditReport, GovernmentData, InternetData
from core.wire.rest import Rest

if TYPE_CHECKING:
    from core.ports.bureau import DataQuery
    from core.ports.trace import Trace
    from core.wire.message import Exchange


class BureauWire:
    """Questions to the credit bureau and to government and internet data."""

    def __init__(self, api_key: str) -> None:
        self._rest = Rest("bureau", api_key)

    def credit_report(self, trace: Trace, query: DataQuery) -> Exchange[CreditReport]:
        return self._rest.ask("credit_report", query, CreditReport, trace.bank)

    def government(self, trace: Trace, query: DataQuery) -> Exchange[GovernmentData]:
        return self._rest.ask("government", query, GovernmentData, trace.bank)

    def internet(self, trace: Trace, query: DataQuery) -> Exchange[InternetData]:
        return self._rest.ask("internet", query, InternetData, trace.bank)
