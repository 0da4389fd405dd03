"""Who is told what the core has done; nobody is, unless somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.ports.corebank import Key, Posted


class Listener(Protocol):
    """Somebody who listens to a core; a snapshot of the core holds them too."""

    def settled(self, key: Key, posted: Posted) -> None:
        """A write became final: done, or rejected. Told once a key."""
        ...

    def day_closed(self, bank: str, on: date, next_on: date) -> None:
        """A bank's accounting date was sealed, and the next one is open."""
        ...

    def wake(self, at_s: float, happens: Callable[[], object]) -> None:
        """Something falls due at a moment: have it happen then, though nobody asks."""
        ...
