"""The business clock of a tenant that is served: it runs, stands still, and is moved by hand.

Business time is the scenario's start and what has gone since, times ``speed``. What is to happen
later happens when the clock passes its moment, in order, whether it ran or was moved.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from heapq import heappop, heappush
from time import monotonic, time
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

SPEED_MAX = 1_000_000.0


def machine_s() -> float:
    """Return the machine's Unix time: what signatures are dated with, never business."""
    return time()


class ServedClock:
    """Business seconds since midnight of ``start``; it runs from ``begin_s`` on."""

    def __init__(self, start: date, speed: float = 1.0, begin_s: float = 0.0) -> None:
        self.start = start
        self._at_s, self._since = begin_s, monotonic()
        self._speed = speed
        self.frozen = False
        self._late: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        self._moved = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of the first day."""
        if self.frozen:
            return self._at_s
        return self._at_s + (monotonic() - self._since) * self._speed

    @property
    def speed(self) -> float:
        """Business seconds a second of the machine's clock."""
        return self._speed

    async def enter(self, visit: str) -> None:
        """Begin to serve a request; all visits share this clock."""

    async def serve(self, wait_s: float) -> None:
        """Let business time pass, on a clock that stands still until somebody moves it."""
        until_s = self.now_s + wait_s
        while (left_s := until_s - self.now_s) > 0:
            moved = self._moved
            timeout = None if self.frozen else left_s / self._speed
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), timeout)

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen when the clock passes ``at_s``."""
        self._number += 1
        heappush(self._late, (at_s, self._number, happens))
        self._arm()

    def freeze(self) -> None:
        """Stand still."""
        self._set(self.now_s, frozen=True)

    def resume(self, speed: float | None = None) -> None:
        """Run on, at another speed where one is given.

        Raises:
            InputError: the speed is no positive number, or absurd.
        """
        if speed is not None:
            if not 0 < speed <= SPEED_MAX:
                raise InputError("clock speed", f"{speed}", f"give 0 to {SPEED_MAX:,.0f}")
            self._settle()
            self._speed = speed
        self._set(self.now_s, frozen=False)

    def advance(self, by_s: float) -> None:
        """Move ahead; what falls due on the way happens in order, each at its own moment.

        Raises:
            InputError: backwards.
        """
        if not 0 <= by_s < float("inf"):
            raise InputError("clock", f"cannot move by {by_s} seconds", "time goes forward only")
        frozen, until_s = self.frozen, self.now_s + by_s
        self.frozen = True
        while self._late and self._late[0][0] <= until_s:
            self._at_s, _, happens = heappop(self._late)
            happens()
        self._set(until_s, frozen)

    def _settle(self) -> None:
        self._at_s, self._since = self.now_s, monotonic()

    def _set(self, now_s: float, frozen: bool) -> None:
        self._at_s, self._since, self.frozen = now_s, monotonic(), frozen
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._arm()

    def _arm(self) -> None:
        """Set the machine's alarm for what is due next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._late and not self.frozen:
            wait_s = max(0.0, self._late[0][0] - self.now_s) / self._speed
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        while self._late and self._late[0][0] <= self.now_s:
            heappop(self._late)[2]()
        self._arm()
