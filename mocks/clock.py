"""The business clock of a tenant that is served: it runs, stands still, and is moved by hand.

Business time is the scenario's start and what has gone since, times ``speed``. Whoever waits, and
whatever is to happen later, stands in one queue by its moment: so things come in their order,
whether the clock ran or was moved over many of them at once.

What happens may take the machine some time, as a request to somebody else's server does: then it
returns something to await. A clock that is moved stands at that moment until it is done, or
``HELD_MAX_S`` of the machine's seconds are over; one that runs does not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from time import monotonic, time
from typing import TYPE_CHECKING, Any, TypeVar

from core.clock import DAY_S
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import date

    Due = tuple[float, int, Callable[[], object]]

T = TypeVar("T")

SPEED_MAX = 1_000_000.0
MOVED_MAX_S = 36_525 * DAY_S  # a hundred years from the first day: no loan lasts longer
ALARM_MAX_S = 3_600.0  # of the machine's time; then the alarm is set again
HELD_MAX_S = 30.0  # of the machine's time: so long a move waits for what happens at one moment

_LOG = logging.getLogger(__name__)


def machine_s() -> float:
    """Return the machine's Unix time: what signatures are dated with, never business."""
    return time()


@dataclass(slots=True, frozen=True)
class Waking:
    """Somebody's waiting comes to its end."""

    woken: asyncio.Future[None]

    def __call__(self) -> None:
        """Wake them, unless they do not wait any more."""
        if not self.woken.done():
            self.woken.set_result(None)


class ServedClock:
    """Business seconds since midnight of ``start``; it runs from ``begin_s`` on."""

    def __init__(self, start: date, speed: float = 1.0, begin_s: float = 0.0) -> None:
        self.start = start
        self.frozen = False
        self._at_s, self._since = begin_s, monotonic()
        self._speed = speed
        self._due: list[Due] = []
        self._number = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._begun: dict[asyncio.Task[object], Due] = {}  # what happens just now
        self._closed = False
        self._moving = False
        self._held = False
        self._one_move = asyncio.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has of it: its time, and what is to happen; nobody waits there.

        What has begun and is not done is to happen there once more: nobody knows how far it came.
        """
        due = [*self._begun.values(), *self._due]
        return {
            "start": self.start,
            "now_s": self.now_s,
            "speed": self._speed,
            "frozen": self.frozen,
            "number": self._number,
            "due": sorted(each for each in due if not isinstance(each[2], Waking)),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Stand where the other stood; :meth:`go_on` lets it run."""
        ServedClock.__init__(self, state["start"], state["speed"], state["now_s"])
        self.frozen = state["frozen"]
        self._number, self._due = state["number"], state["due"]

    def go_on(self) -> None:
        """Run from here, where it is not frozen: what a copy is told, once it is to be served."""
        self._since = monotonic()
        self._arm()

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of the first day."""
        if self.frozen or self._moving:
            return self._at_s
        return self._at_s + (monotonic() - self._since) * self._speed

    @property
    def speed(self) -> float:
        """Business seconds a second of the machine's clock."""
        return self._speed

    @property
    def stands(self) -> bool:
        """Whether no business time passes by itself: it is frozen, or a move waits at a moment."""
        return self.frozen or self._held

    async def enter(self, visit: str) -> None:
        """Begin to serve a request; all visits share this clock."""

    async def serve(self, wait_s: float) -> None:
        """Let business time pass, on a clock that stands still until somebody moves it.

        Raises:
            asyncio.CancelledError: the clock was closed; nothing will come of the request.
        """
        if self._closed:
            raise asyncio.CancelledError
        if wait_s <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._put(self.now_s + wait_s, Waking(woken))
        self._waiting.add(woken)
        try:
            await woken
        except asyncio.CancelledError:
            self._drop(due)
            raise
        finally:
            self._waiting.discard(woken)

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen when the clock passes ``at_s``; a coroutine it returns is run.

        A snapshot keeps it, so it is a bound method or a ``partial``: no closure can be copied.
        """
        if not self._closed:
            self._put(at_s, happens)
            if self.frozen and not self._moving:
                self._happen_all()

    def freeze(self) -> None:
        """Stand still; what was due by then happens first, though the machine was too busy."""
        self._settle()
        self.frozen = True
        self._happen_all()
        self._arm()

    def resume(self, speed: float | None = None) -> None:
        """Run on, at another speed where one is given.

        Raises:
            InputError: the speed is no positive number, or absurd.
        """
        if speed is not None and not 0 < speed <= SPEED_MAX:
            raise InputError("clock speed", f"{speed}", f"give 0 to {SPEED_MAX:,.0f}")
        self._settle()
        self._speed = self._speed if speed is None else speed
        self.frozen = False
        self._arm()

    async def advance(self, by_s: float) -> None:
        """Move ahead; what falls due on the way happens in order, each at its own moment.

        Raises:
            InputError: backwards, or too far.
        """
        if not 0 <= by_s < float("inf"):
            raise InputError("clock", f"cannot move by {by_s} seconds", "time goes forward only")
        async with self._one_move:
            await self._wait_for_begun()  # it may want something else to happen on the way
            self._settle()
            until_s = self._at_s + by_s
            if by_s and until_s > MOVED_MAX_S:
                raise InputError("clock", f"cannot move by {by_s} seconds", "a century is enough")
            self._moving = True
            try:
                await self._pass_until(until_s)
            finally:
                self._since, self._moving = monotonic(), False
                self._arm()

    async def _pass_until(self, until_s: float) -> None:
        """Stop at every moment on the way, and let whoever waited for it have their turn."""
        while self._due and self._due[0][0] <= until_s:
            self._at_s = max(self._at_s, self._due[0][0])
            self._happen()
            await asyncio.sleep(0)
            await self._wait_for_begun()
        self._at_s = until_s

    async def _wait_for_begun(self) -> None:
        """Stand still until what happens just now is done, but not for ever."""
        if not self._begun:
            return
        self._held = True
        try:
            await asyncio.wait(self._begun, timeout=HELD_MAX_S)
        finally:
            self._held = False

    def close(self) -> None:
        """Stop for good: who waits is broken off, and what was to happen does not."""
        self._closed = True
        self._due.clear()
        self._arm()
        for woken in list(self._waiting):
            woken.cancel()
        for task in list(self._begun):
            task.cancel()

    def _settle(self) -> None:
        """Count anew from this moment."""
        self._at_s, self._since = self.now_s, monotonic()

    def _put(self, at_s: float, happens: Callable[[], object]) -> Due:
        self._number += 1
        due = (at_s, self._number, happens)
        heappush(self._due, due)
        if self._due[0] is due:
            self._arm()
        return due

    def _drop(self, due: Due) -> None:
        """Forget somebody who does not wait any more."""
        if due in self._due:
            self._due.remove(due)
            heapify(self._due)
            self._arm()

    def _arm(self) -> None:
        """Set the machine's alarm for what is due next."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._due and not self.frozen and not self._moving:
            wait_s = max(0.0, self._due[0][0] - self.now_s) / self._speed
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(min(wait_s, ALARM_MAX_S), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._happen_all()
        self._arm()

    def _happen_all(self) -> None:
        """Let all happen that is due."""
        while self._due and self._due[0][0] <= self.now_s:
            self._happen()

    def _happen(self) -> None:
        """Let the next thing happen; one that fails keeps nobody else waiting."""
        due = heappop(self._due)
        try:
            happening = due[2]()
        except Exception:  # noqa: BLE001  a bug of ours, which nobody waits to hear of
            _LOG.exception("what was to happen later failed")
            return
        if asyncio.iscoroutine(happening):
            self._begin(due, happening)

    def _begin(self, due: Due, happening: Coroutine[Any, Any, object]) -> None:
        """Run what takes the machine some time; where time stands, one after the other."""
        running = after(list(self._begun), happening) if self.frozen else happening
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(running)
        self._begun[task] = due
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[object]) -> None:
        del self._begun[task]
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("what was to happen later failed", exc_info=task.exception())


async def after(others: list[asyncio.Task[object]], happening: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine when some tasks are done, however they ended."""
    try:
        if others:
            await asyncio.wait(others)
    except asyncio.CancelledError:
        happening.close()
        raise
    return await happening
