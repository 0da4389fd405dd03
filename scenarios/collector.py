"""Python's cyclic garbage collector, kept calm while a run makes millions of small records.

Records and coroutines go by reference counting; the collector finds next to nothing and walks all
that lives to find it. A fifth of a run's time goes back by letting it look more seldom.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG = 200_000  # new containers before the collector looks; Python's default is 700


@contextmanager
def calm() -> Iterator[None]:
    """Let the collector look seldom, and not at what stands already."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
