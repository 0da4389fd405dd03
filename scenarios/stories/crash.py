"""A crash that a story plans: the platform dies in the middle of a call; and one that none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Crash(BaseException):
    """The platform dies here. No ``except Exception`` of the flow may survive it."""


class Broken(Exception):
    """Something broke at a server, which is a bug there: its own words."""


@dataclass(slots=True)
class CrashPlan:
    """Die at the ``nth`` attempt of a call: before it is sent, or after its answer came."""

    call: int
    after: bool
    nth: int = 1

    def tap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a port method that dies on this plan."""

        async def call(trace: Any, query: Any) -> Any:
            here = trace.call == self.call
            if here and not self.after:
                self._count()
            answer = await method(trace, query)
            if here and self.after:
                self._count()
            return answer

        return call

    def _count(self) -> None:
        self.nth -= 1
        if self.nth == 0:
            raise Crash(f"at call {self.call}")
