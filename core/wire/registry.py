"""The business register over the wire: the client half.

Source: the project's own REST form (``core/wire/rest.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.registry import BusinessAnswer
from core.wire.rest import Rest

if TYPE_CHECKING:
    from core.ports.registry import BusinessQuery
    from core.ports.trace import Trace
    from core.wire.message import Exchange


class RegistryWire:
    """The question to the business register."""

    def __init__(self, api_key: str) -> None:
        self._rest = Rest("registry", api_key)

    def look_up(self, trace: Trace, query: BusinessQuery) -> Exchange[BusinessAnswer]:
        del trace
        return self._rest.ask("look_up", query, BusinessAnswer)
