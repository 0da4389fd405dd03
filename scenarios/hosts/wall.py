"""The wall host: the flow as it is served, on an event loop, many customers at once.

Three clocks fit it. ``WallClock`` is business time as it passes: the scenario's start and what the
machine's clock has gone since, times ``speed``. ``OwnTimes`` gives every visit a time of its own
that jumps, as on the instant host: nobody waits for a latency, and customers meet in the store
and nowhere else. That is for measuring, and for telling stories over a database. A third,
``TenantTime``, is for a platform beside a tenant that is served: both live in the tenant's time,
so that what the tenant's providers call back about comes when it is due.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import Unreachable
from core.seed import LATENCY
from mocks.line import Fate
from mocks.spec import acting
from scenarios.hosts.instant import InstantClock
from scenarios.hosts.operations import OPERATIONS, REFUSED_S, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import date

    from core.ports.trace import Trace
    from mocks.clock import ServedClock
    from scenarios.device import Device
    from scenarios.hosts.world import World

T = TypeVar("T")


class WallClock:
    """Business time that passes ``speed`` times as fast as the machine's, from ``begin_s`` on."""

    def __init__(self, start: date, speed: float, begin_s: float = 0.0) -> None:
        self.start = start
        self._speed = speed
        self._zero_s = begin_s - monotonic() * speed
        self._last_s = begin_s

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of the first day."""
        return self._zero_s + monotonic() * self._speed

    async def sleep(self, wait_s: float) -> None:
        """Let business time pass."""
        await asyncio.sleep(wait_s / self._speed)

    serve = sleep

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen at a moment that nobody waits for."""
        wait_s = max(0.0, at_s - self.now_s) / self._speed
        asyncio.get_running_loop().call_later(wait_s, happens)
        self._last_s = max(self._last_s, at_s)

    async def visit(self, at_s: float | None) -> None:
        """Begin a visit at a moment, by default now."""
        if at_s is not None:
            await self.sleep(max(0.0, at_s - self.now_s))

    async def flush(self) -> None:
        """Let everything that is on its way arrive."""
        while self.now_s <= self._last_s:
            await self.sleep(self._last_s - self.now_s + 0.001 * self._speed)


COMMON = "0"  # the visit of whoever is on none
_own: ContextVar[InstantClock | None] = ContextVar("own", default=None)


_visit: ContextVar[str] = ContextVar("visit", default="")


class OwnTimes:
    """A clock that jumps for each visit, and one for all that is no visit."""

    def __init__(self, start: date) -> None:
        self.start = start
        self._common = InstantClock(start)
        self._visits: dict[str, InstantClock] = {}  # whose requests are on their way
        self._begun = 0

    @property
    def _clock(self) -> InstantClock:
        return _own.get() or self._common

    @property
    def now_s(self) -> float:
        """Seconds of the visit's business time since midnight of the first day."""
        return self._clock.now_s

    async def sleep(self, wait_s: float) -> None:
        """Jump ahead, and let others have their turn."""
        self._clock.advance(wait_s)
        await asyncio.sleep(0)

    async def serve(self, wait_s: float) -> None:
        """Jump over a provider's latency."""
        self._clock.advance(wait_s)

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen when the visit's clock passes ``at_s``."""
        self._clock.later(at_s, happens)

    async def visit(self, at_s: float | None) -> None:
        """Give the task that runs a clock of its own, from ``at_s`` on."""
        clock = InstantClock(self.start)
        clock.now_s = self._common.now_s if at_s is None else at_s
        self._begun += 1
        name = str(self._begun)
        self._visits[name] = clock
        _own.set(clock)
        _visit.set(name)

    @property
    def told(self) -> str:
        """The word by which a request tells whose time it belongs to."""
        return f"lr.visit={_visit.get() or COMMON}"

    async def enter(self, visit: str) -> None:
        """Serve a request in the time of the visit that sent it."""
        _own.set(self._visits.get(visit))

    async def flush(self) -> None:
        """Let everything that is on its way for this visit arrive."""
        self._clock.flush()
        self._visits.pop(_visit.get(), None)


class TenantTime:
    """The time of a tenant that is served, for the platform beside it.

    While its clock runs, whoever waits waits for it. While it is frozen, whoever waits moves it:
    nobody else would, and what falls due on the way happens in its order.
    """

    def __init__(self, clock: ServedClock) -> None:
        self.start = clock.start
        self._clock = clock

    @property
    def now_s(self) -> float:
        """Seconds of the tenant's business time since midnight of the first day."""
        return self._clock.now_s

    async def sleep(self, wait_s: float) -> None:
        """Let business time pass."""
        if self._clock.frozen:
            await self._clock.advance(wait_s)
        else:
            await self._clock.serve(wait_s)

    serve = sleep

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen at a moment that nobody waits for."""
        self._clock.later(at_s, happens)

    async def visit(self, at_s: float | None) -> None:
        """Begin a visit at a moment, by default now."""
        if at_s is not None:
            await self.sleep(max(0.0, at_s - self.now_s))

    async def flush(self) -> None:
        """Leave what is on its way to the clock: it comes when it is due."""


class WallHost:
    """Runs the flow on an event loop; without a ``speed``, every visit in a time of its own."""

    name = "wall"
    device: Device | None = None

    def __init__(
        self,
        world: World,
        speed: float | None = None,
        clock: OwnTimes | TenantTime | None = None,
    ) -> None:
        self.world = world
        self.clock: WallClock | OwnTimes | TenantTime = (
            (clock or OwnTimes(world.start)) if speed is None else WallClock(world.start, speed)
        )
        self.ports = world.ports(self._operation)

    def run(self, journey: Coroutine[Any, Any, T], at_s: float | None = None) -> T:
        """Run one coroutine to its end in a loop of its own, on the clock that all share."""

        async def alone() -> T:
            if at_s is not None:
                await self.clock.sleep(max(0.0, at_s - self.clock.now_s))
            result = await journey
            await self.clock.flush()
            return result

        return asyncio.run(alone())

    async def visit(self, journey: Coroutine[Any, Any, T], at_s: float | None = None) -> T:
        """Run a customer's journey from ``at_s`` on, beside others: for a task of its own."""
        await self.clock.visit(at_s)
        result = await journey
        await self.clock.flush()
        return result

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation."""
        assert name in OPERATIONS[provider]
        operation = f"{provider}.{name}"
        world, clock, line = self.world, self.clock, self.world.lines[provider]
        act = acting(world.behaviours[provider], name)
        draws_of, latency, calm = world.seed.draws, line.profile.latency(), line.calm

        async def call(trace: Trace, query: Any) -> Any:
            named = (operation, trace.bank, trace.application, trace.call, trace.attempt)
            draws = draws_of(*named)
            attempt = Attempt(operation, act, trace, query, draws)
            if not line.is_open(clock.now_s):
                return await self._settle(attempt, Fate(REFUSED_S, None, Unreachable))
            fault = None
            if not calm:
                sure = world.sure(operation, query)
                fault = line.fault(name, trace, clock.now_s, draws, sure=sure)
                attempt = world.answering(attempt, fault)
            served_s = line.service_s(latency(draws.uniform(LATENCY)), fault)
            return await self._settle(attempt, line.fate(served_s, 0.0, fault))

        return call

    async def _settle(self, attempt: Attempt, fate: Fate) -> Any:
        """Let a call come to its end."""
        clock, seen, began_s = self.clock, fate.error, self.clock.now_s
        answer = None
        if seen is None:
            assert fate.acts_s is not None
            await clock.serve(fate.acts_s)
            answer = attempt.happen(clock.now_s)
            await clock.serve(fate.seen_s - fate.acts_s)
        else:
            if fate.acts_s is not None:
                acts_at_s = began_s + fate.acts_s
                clock.later(acts_at_s, lambda: attempt.happen(acts_at_s))
            await clock.serve(fate.seen_s)
        if self.world.journal is not None:
            noted = answer if seen is None else seen
            self.world.journal.note(attempt.operation, attempt.trace, clock.now_s, noted)
        if seen is not None:
            raise attempt.error(seen)
        return answer
