"""What a test may have the lists answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.ports.sanctions import Screened
from mocks.spec import Case

if TYPE_CHECKING:
    from mocks.spec import Act


def _screened(decision: Screened) -> Act:
    def act(lists: Any, trace: Any, query: Any, now_s: float, draws: Any) -> Any:
        del draws
        return lists.meant(trace, query, now_s, decision)

    return act


SCREEN = tuple(
    Case(str(decision), told, _screened(decision))
    for decision, told in {
        Screened.CLEAR: "nobody on the lists",
        Screened.HIT: "somebody on a list, beyond doubt",
        Screened.REVIEW: "a namesake, for a person to look at",
    }.items()
)
