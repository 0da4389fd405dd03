"""The virtual host: the very same flow on SimPy's clock, every provider behind a station.

A station keeps the moments at which its servers fall free. With first come, first served, a
call's start is known when it arrives, so one call is one scheduled event. A client that stops
waiting leaves the server working: what the provider still does then is one event more.
"""

from __future__ import annotations

from heapq import heapify, heapreplace
from types import coroutine
from typing import TYPE_CHECKING, Any, NoReturn

import simpy

from core.errors import ProviderError, QuotaExceeded, TimedOut, Unreachable
from core.flow.errand import TRIES_ROOM
from core.seed import LATENCY, Draws, operation_key
from mocks.spec import acting
from scenarios.hosts.meter import Meter
from scenarios.hosts.operations import OPERATIONS, REFUSED_S, Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from datetime import date

    from core.ports.trace import Trace
    from mocks.line import Fate, Profile
    from scenarios.device import Device
    from scenarios.hosts.world import World


@coroutine
def until(event: simpy.Event) -> Generator[simpy.Event, Any, Any]:
    """Await a SimPy event."""
    return (yield event)


class VirtualClock:
    """SimPy's time as the platform's business clock."""

    __slots__ = ("env", "start")

    def __init__(self, env: simpy.Environment, start: date) -> None:
        self.env = env
        self.start = start

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of the first day."""
        return float(self.env.now)

    async def sleep(self, wait_s: float) -> None:
        """Let virtual time pass."""
        await until(self.env.timeout(wait_s))


class Station:
    """The servers of one provider and its rate limit: first come, first served."""

    __slots__ = ("_free_at", "_profile", "_quota_per_s", "_tokens", "_tokens_at_s")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._free_at = [0.0] * profile.servers if profile.servers else []
        heapify(self._free_at)
        self._quota_per_s = profile.quota_per_s or 0.0
        self._tokens = max(1.0, self._quota_per_s)  # a second's worth may come at once
        self._tokens_at_s = 0.0

    def admits(self, now_s: float) -> bool:
        """Take one call from the rate limit's token bucket; False where it is empty."""
        if not self._quota_per_s:
            return True
        full = max(1.0, self._quota_per_s)
        refilled = self._tokens + (now_s - self._tokens_at_s) * self._quota_per_s
        self._tokens, self._tokens_at_s = min(full, refilled), now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait_s(self, now_s: float, service_s: float) -> float:
        """Queue a call of ``service_s``; return how long it waits for a server."""
        free_at = self._free_at
        if not free_at:
            return 0.0
        start_s = free_at[0] if free_at[0] > now_s else now_s
        heapreplace(free_at, start_s + service_s)
        return start_s - now_s


class VirtualHost:
    """Runs the flow on SimPy's clock."""

    name = "virtual"
    device: Device | None = None

    def __init__(self, world: World, env: simpy.Environment | None = None) -> None:
        self.world = world
        self.env = env or simpy.Environment()
        self.clock = VirtualClock(self.env, world.start)
        self.meters = {provider: Meter() for provider in OPERATIONS}
        self._stations: dict[str, Station] = {}
        self.ports = world.ports(self._operation)

    def count_stations(self) -> None:
        """Tell each meter how many stations it stands for."""
        for provider, meter in self.meters.items():
            places = [name for name in self._stations if name.partition("@")[0] == provider]
            meter.stations = max(1, len(places))

    def run(self, journey: Coroutine[Any, Any, Any], at_s: float | None = None) -> Any:
        """Run one coroutine to its end; everything else on the clock goes on beside it."""
        process = self.spawn(journey, at_s)
        result = self.env.run(process)
        self.env.run()  # what is still on its way arrives
        return result

    def spawn(self, journey: Coroutine[Any, Any, Any], at_s: float | None = None) -> simpy.Process:
        """Start a coroutine as a process, now or at ``at_s``."""
        if at_s is not None and at_s > self.env.now:
            journey = self._at(at_s, journey)
        return self.env.process(journey)  # type: ignore[arg-type]

    async def _at(self, at_s: float, journey: Coroutine[Any, Any, Any]) -> Any:
        await until(self.env.timeout(at_s - self.env.now))
        return await journey

    def station_of(self, provider: str) -> Callable[[str], Station]:
        """Return how to find a provider's station: one for all, or one a bank, by its scope."""
        profile = self.world.lines[provider].profile
        if self.world.scope(provider) != "bank":
            only = self._stations.setdefault(provider, Station(profile))
            return lambda bank: only
        stations = self._stations

        def of(bank: str) -> Station:
            name = f"{provider}@{bank}"
            station = stations.get(name)
            if station is None:
                station = stations[name] = Station(profile)
            return station

        return of

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation."""
        operation, env, world = f"{provider}.{name}", self.env, self.world
        line, meter = world.lines[provider], self.meters[provider]
        behaviour = world.behaviours[provider]
        profile, journal, calm = line.profile, world.journal, line.calm
        always_open = line.always_open
        unbounded = profile.servers is None and profile.quota_per_s is None
        act, bills = acting(behaviour, name), behaviour.OPERATIONS[name].billed
        station_of, timeout = self.station_of(provider), env.timeout
        key_of, op_key = world.seed.application_key, operation_key(operation)
        latency, limit_s = profile.latency(), profile.timeout_ms / 1000

        async def call(trace: Trace, query: Any) -> Any:
            now_s = env.now
            meter.calls += 1
            if trace.attempt % TRIES_ROOM != 1:
                meter.retries += 1
            draws = Draws(key_of(trace.bank, trace.application) ^ op_key, trace.call, trace.attempt)
            if not always_open and not line.is_open(now_s):
                await self._fail(
                    Attempt(operation, act, trace, query, draws), meter, REFUSED_S, Unreachable
                )
            station = None if unbounded else station_of(trace.bank)
            if station is not None and not station.admits(now_s):
                await self._fail(
                    Attempt(operation, act, trace, query, draws), meter, 0.0, QuotaExceeded
                )
            service_s, wait_s, fault = latency(draws.uniform(LATENCY)), 0.0, None
            if not calm:
                fault = line.fault(name, trace, now_s, draws, sure=world.sure(operation, query))
                service_s = line.service_s(service_s, fault)
            if fault is None or fault.reaches_a_server:
                meter.busy_s += service_s
                if station is not None:
                    wait_s = station.wait_s(now_s, service_s)
            meter.waits_s.append(wait_s)
            if fault is not None or wait_s + service_s > limit_s:
                attempt = world.answering(Attempt(operation, act, trace, query, draws), fault)
                return await self._settle(attempt, meter, line.fate(service_s, wait_s, fault))
            meter.latencies_s.append(wait_s + service_s)
            await until(timeout(wait_s + service_s))
            answer = act(trace, query, env.now, draws)
            meter.billed += bills(answer)
            if journal is not None:
                journal.note(operation, trace, env.now, answer)
            return answer

        return call

    async def _settle(self, attempt: Attempt, meter: Meter, fate: Fate) -> Any:
        """Settle a call on which something went wrong, or took long."""
        env, world, journal = self.env, self.world, self.world.journal
        meter.latencies_s.append(fate.seen_s)
        if fate.error is not None:
            if fate.acts_s is not None:
                acts = env.timeout(fate.acts_s)
                assert acts.callbacks is not None
                acts.callbacks.append(lambda _: attempt.happen(env.now))
            await self._fail(attempt, meter, fate.seen_s, fate.error)
        assert fate.acts_s is not None
        await until(env.timeout(fate.acts_s))
        answer = attempt.happen(env.now)
        await until(env.timeout(fate.seen_s - fate.acts_s))
        meter.billed += world.bills(attempt.operation, answer)
        if journal is not None:
            journal.note(attempt.operation, attempt.trace, env.now, answer)
        return answer

    async def _fail(
        self, attempt: Attempt, meter: Meter, after_s: float, kind: type[ProviderError]
    ) -> NoReturn:
        """Let the client see an error ``after_s`` seconds from now."""
        meter.errors += 1
        if kind is TimedOut:
            meter.timeouts += 1
        await until(self.env.timeout(after_s))
        if self.world.journal is not None:
            self.world.journal.note(attempt.operation, attempt.trace, self.env.now, kind)
        raise attempt.error(kind)
