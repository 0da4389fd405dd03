"""What a provider keeps for a while only: it is let go of on the business clock.

Whoever looks something up asks first whether its time is over, so that no answer depends on what
was let go of already and what was not. The last ones stay whatever the clock says: visits may have
times of their own, and one that is weeks ahead must not take away what another has just begun.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
T = TypeVar("T")

LATEST_KEPT = 2_000  # more than there are visits at once


def let_go(kept: OrderedDict[K, T], most: int, is_gone: Callable[[K, T], bool]) -> None:
    """Let go of the oldest whose time is over, and of the oldest where there are too many."""
    while len(kept) > LATEST_KEPT:
        oldest = next(iter(kept))
        if len(kept) <= most and not is_gone(oldest, kept[oldest]):
            return
        del kept[oldest]
