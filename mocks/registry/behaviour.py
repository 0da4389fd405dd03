"""The business register: does this licence exist, and whose is it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.ports.registry import BusinessAnswer, BusinessState
from mocks import magic
from mocks.businesses import NoBusinesses
from mocks.registry import cases
from mocks.spec import Operation, Scope, always, table

if TYPE_CHECKING:
    from core.ports.registry import BusinessQuery
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.businesses import Businesses

CODE = magic.credit_code("code.text")


class Registry:
    """The register of businesses."""

    PROVIDER: ClassVar[str] = "registry"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("look_up", billed=always, cases=cases.LOOK_UP, magic=CODE)
    )

    def __init__(self, businesses: Businesses | None = None) -> None:
        self._businesses: Businesses = businesses or NoBusinesses()

    def look_up(
        self, trace: Trace, query: BusinessQuery, now_s: float, draws: Draws
    ) -> BusinessAnswer:
        """Look up one unified social credit code (统一社会信用代码)."""
        del trace, now_s, draws
        found = self._businesses.by_code(query.code)
        if found is None:
            return BusinessAnswer(BusinessState.NOT_FOUND)
        return BusinessAnswer(
            found.state,
            found.name,
            found.kind,
            found.person,
            found.scope,
            found.address,
            found.opened,
        )
