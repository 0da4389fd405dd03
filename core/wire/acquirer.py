"""Merchant acquiring over the wire: the client half.

Source: the project's own REST form (``core/wire/rest.py``). Which months are the last ones follows
the trace's date, which is no field of the query: the adapter sends it in the baggage header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.acquirer import FlowAnswer
from core.wire.rest import Rest

if TYPE_CHECKING:
    from core.ports.acquirer import FlowQuery
    from core.ports.trace import Trace
    from core.wire.message import Exchange


class AcquirerWire:
    """The question to the acquirer."""

    def __init__(self, api_key: str) -> None:
        self._rest = Rest("acquirer", api_key)

    def flow(self, trace: Trace, query: FlowQuery) -> Exchange[FlowAnswer]:
        del trace
        return self._rest.ask("flow", query, FlowAnswer)
