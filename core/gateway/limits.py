"""Who may ask how much: a bucket for each customer, and for each bank so many places.

A bank's places are a bulkhead: its rush fills its own and waits in its own line, so that the other
banks of the platform are served as ever. Rates and waits are of the machine's time: they protect
the machine, and mean nothing to a loan.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from core.gateway.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BUCKETS_KEPT = 100_000


class Rate(NamedTuple):
    """So many requests a second, and so many at once."""

    per_s: float
    burst: float


class Rules(NamedTuple):
    """What is allowed; None: as much as anybody likes.

    ``places``: requests of one bank that are served at once, ``line``: how many may wait for one,
    ``wait_s``: for how long. ``logins``: of one bank, by whoever.
    """

    customer: Rate | None = Rate(50, 200)
    logins: Rate | None = Rate(200, 1_000)
    places: int = 64
    line: int = 1_000
    wait_s: float = 5.0


USUAL = Rules()
FREE = Rules(customer=None, logins=None, places=1_000_000, line=1_000_000)


@dataclass(slots=True)
class _Bulkhead:
    """One bank's places."""

    free: asyncio.Semaphore
    waiting: int = 0


@dataclass(slots=True)
class Limits:
    """The limits of one platform, and how much of each is used."""

    rules: Rules = USUAL
    now_s: Callable[[], float] = monotonic
    _buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = field(default_factory=OrderedDict)
    _banks: dict[str, _Bulkhead] = field(default_factory=dict)

    def take(self, rate: Rate | None, *whose: str) -> None:
        """Take one request of a rate that somebody has.

        Raises:
            Problem: they ask too often.
        """
        if rate is None:
            return
        now_s = self.now_s()
        level, since_s = self._buckets.pop(whose, (rate.burst, now_s))
        level = min(rate.burst, level + (now_s - since_s) * rate.per_s)
        self._buckets[whose] = (max(level - 1.0, 0.0) if level >= 1.0 else level, now_s)
        if len(self._buckets) > BUCKETS_KEPT:
            self._buckets.popitem(last=False)
        if level < 1.0:
            raise Problem("too-often")

    @asynccontextmanager
    async def place(self, bank: str) -> AsyncIterator[None]:
        """Have one of a bank's places, when there is one.

        Raises:
            Problem: its line is too long, or the wait.
        """
        rules = self.rules
        head = self._banks.get(bank)
        if head is None:
            head = self._banks[bank] = _Bulkhead(asyncio.Semaphore(rules.places))
        if head.free.locked():
            if head.waiting >= rules.line:
                raise Problem("busy")
            head.waiting += 1
            try:
                async with asyncio.timeout(rules.wait_s):
                    await head.free.acquire()
            except TimeoutError:
                raise Problem("busy") from None
            finally:
                head.waiting -= 1
        else:
            await head.free.acquire()
        try:
            yield
        finally:
            head.free.release()
