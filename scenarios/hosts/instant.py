"""The instant host: time jumps, and a whole journey is one ``send(None)``.

A sleep, a latency or a back-off moves the clock and returns at once. What a provider still does
after its client stopped waiting is kept, and happens when the clock passes its moment.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import Unreachable
from core.seed import LATENCY, Draws, operation_key
from mocks.line import Fate
from mocks.spec import acting
from scenarios.hosts.operations import OPERATIONS, REFUSED_S, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import date

    from core.ports.trace import Trace
    from mocks.line import Line
    from scenarios.device import Device
    from scenarios.hosts.world import World

T = TypeVar("T")


class InstantClock:
    """A business clock that jumps."""

    __slots__ = ("_number", "now_s", "start", "waiting")

    def __init__(self, start: date) -> None:
        self.start = start
        self.now_s = 0.0
        self.waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0

    async def sleep(self, wait_s: float) -> None:
        """Jump ``wait_s`` seconds ahead."""
        self.advance(wait_s)

    def advance(self, wait_s: float) -> None:
        """Jump ahead; what fell due on the way happens first, at its own moment, in order."""
        until_s = self.now_s + wait_s
        if self.waiting:
            self._happen(until_s)
        self.now_s = until_s

    def _happen(self, until_s: float) -> None:
        while self.waiting and self.waiting[0][0] <= until_s:
            self.now_s, _, happens = heappop(self.waiting)
            happens()

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen when the clock passes ``at_s``."""
        self._number += 1
        heappush(self.waiting, (at_s, self._number, happens))

    def flush(self) -> None:
        """Let everything that is still on its way happen now."""
        while self.waiting:
            at_s, _, happens = heappop(self.waiting)
            self.now_s = max(self.now_s, at_s)
            happens()


class InstantHost:
    """Runs the flow with providers that answer at once."""

    name = "instant"
    device: Device | None = None

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = InstantClock(world.start)
        self._memo: list[Any] = ["", "", 0]  # whom was asked for last, and the key of its draws
        self.ports = world.ports(self._operation)

    def run(self, journey: Coroutine[Any, Any, T], at_s: float | None = None) -> T:
        """Run a coroutine to its end, from ``at_s`` on (default: from where the clock stands)."""
        if at_s is not None:
            self.clock.now_s = at_s
        try:
            journey.send(None)
        except StopIteration as end:
            self.clock.flush()
            return end.value
        raise AssertionError("a journey waited for something that is no provider and no sleep")

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation."""
        assert name in OPERATIONS[provider]
        operation = f"{provider}.{name}"
        world, clock = self.world, self.clock
        line: Line = world.lines[provider]
        act = acting(world.behaviours[provider], name)
        key_of, op_key = world.seed.application_key, operation_key(operation)
        latency, limit_s = line.profile.latency(), line.profile.timeout_ms / 1000
        journal, memo = world.journal, self._memo
        calm = line.calm and line.always_open

        async def call(trace: Trace, query: Any) -> Any:
            # A journey's calls mostly serve one application, and carry the very same strings.
            if trace.application is not memo[0] or trace.bank is not memo[1]:
                key = key_of(trace.bank, trace.application)
                memo[:] = trace.application, trace.bank, key
            draws = Draws(memo[2] ^ op_key, trace.call, trace.attempt)
            service_s = latency(draws.uniform(LATENCY))
            if calm and service_s <= limit_s:
                if clock.waiting:
                    clock.advance(service_s)
                else:
                    clock.now_s += service_s
                answer = act(trace, query, clock.now_s, draws)
                if journal is not None:
                    journal.note(operation, trace, clock.now_s, answer)
                return answer
            attempt = Attempt(operation, act, trace, query, draws)
            if not line.is_open(clock.now_s):
                return self._settle(attempt, Fate(REFUSED_S, None, Unreachable))
            sure = world.sure(operation, query)
            fault = line.fault(name, trace, clock.now_s, draws, sure=sure)
            attempt = world.answering(attempt, fault)
            return self._settle(attempt, line.fate(line.service_s(service_s, fault), 0.0, fault))

        return call

    def _settle(self, attempt: Attempt, fate: Fate) -> Any:
        """Settle a call on which something may go wrong."""
        clock, journal, trace = self.clock, self.world.journal, attempt.trace
        began_s = clock.now_s
        if fate.error is None:
            assert fate.acts_s is not None
            clock.advance(fate.acts_s)
            answer = attempt.happen(clock.now_s)
            clock.advance(fate.seen_s - fate.acts_s)
            if journal is not None:
                journal.note(attempt.operation, trace, clock.now_s, answer)
            return answer
        if fate.acts_s is not None:
            acts_at_s = began_s + fate.acts_s
            clock.later(acts_at_s, lambda: attempt.happen(acts_at_s))
        clock.advance(fate.seen_s)
        if journal is not None:
            journal.note(attempt.operation, trace, clock.now_s, fate.error)
        raise attempt.error(fate.error)
