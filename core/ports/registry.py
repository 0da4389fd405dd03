"""The business register: does this licence exist, and whose is it?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import UnifiedCreditCode
    from core.ports.trace import Trace


class BusinessState(StrEnum):
    """A business's standing in the register."""

    OPEN = "open"
    ABNORMAL = "abnormal"
    CLOSED = "closed"
    REVOKED = "revoked"
    NOT_FOUND = "not_found"


@dataclass(slots=True)
class BusinessQuery:
    """Look up one unified social credit code (统一社会信用代码)."""

    code: UnifiedCreditCode


@dataclass(slots=True)
class BusinessAnswer:
    """The register's entry; empty where not found."""

    state: BusinessState
    name: str = ""
    kind: str = ""
    person: str = ""
    scope: str = ""
    address: str = ""
    opened: date | None = None


class Registry(Protocol):
    """The platform's question to the business register."""

    async def look_up(self, trace: Trace, query: BusinessQuery) -> BusinessAnswer: ...
