"""Contract deposit (存证) over the wire: the client half.

Source: the project's own REST form (``core/wire/rest.py``). Each legal entity has a chain of its
own, so the trace's bank goes into the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.evidence import DepositAnswer, ReadAnswer, SignAnswer, StatusAnswer
from core.wire.rest import Rest

if TYPE_CHECKING:
    from core.ports.evidence import DepositQuery, ReadQuery, SignQuery, StatusQuery
    from core.ports.trace import Trace
    from core.wire.message import Exchange


class EvidenceWire:
    """Questions to the deposit."""

    def __init__(self, api_key: str) -> None:
        self._rest = Rest("evidence", api_key)

    def sign(self, trace: Trace, query: SignQuery) -> Exchange[SignAnswer]:
        return self._rest.ask("sign", query, SignAnswer, trace.bank)

    def deposit(self, trace: Trace, query: DepositQuery) -> Exchange[DepositAnswer]:
        return self._rest.ask("deposit", query, DepositAnswer, trace.bank)

    def read(self, trace: Trace, query: ReadQuery) -> Exchange[ReadAnswer]:
        return self._rest.ask("read", query, ReadAnswer, trace.bank)

    def status(self, trace: Trace, query: StatusQuery) -> Exchange[StatusAnswer]:
        return self._rest.ask("status", query, StatusAnswer, trace.bank)
