"""Whole journeys through the gateway: logged in, registered, granted, opened, signed, paid.

A customer's mini-program sends some twenty-five requests, most of them writes, and shows its face
four times; the server (gateway, flow, store, providers) has one core, the phones the other. Every
visit has a business time of its own, so nobody waits for a provider's latency. ``in_process`` are
the providers asked by calls, ``loopback`` over their own protocols, on the same port.
"""

from __future__ import annotations

import asyncio
import atexit
from contextlib import ExitStack
from functools import cache, partial
from itertools import count
from multiprocessing import get_context
from time import perf_counter
from typing import Any

import drawdowns
import faces

from core.adapters.http import HttpProvider, client_of
from core.adapters.sql import SqlStore
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from core.store.memory import MemoryStore
from mocks.tenant import Tenant, Tenants
from scenarios.collector import calm
from scenarios.device import HttpDevice
from scenarios.hosts.instant import InstantClock
from scenarios.hosts.wall import OwnTimes, WallHost, _own, _visit
from scenarios.hosts.wire import WIRED, SeenTransport, wires
from scenarios.hosts.world import World
from scenarios.mini_program import Line, MiniProgram, SealedLine
from scenarios.phone import Phone, Wish
from scenarios.stack import app_of, served
from scenarios.stories.stage import BANK, Stage

START = faces.START
CUSTOMERS, AT_ONCE = 60, 8
NINE_S = 9 * 3600.0
GOALS = {
    "in_process": "sealed journeys: reaches 25 a second, aims at 50",
    "loopback": "sealed journeys: reaches 10 a second, aims at 20",
}


class TheirTimes(OwnTimes):
    """Times of visits that begin elsewhere: each begins at nine when it is first heard of."""

    async def enter(self, visit: str) -> None:
        """Serve a request in the time of the visit that sent it."""
        clock = self._visits.get(visit)
        if clock is None:
            clock = self._visits[visit] = InstantClock(self.start)
            clock.now_s = NINE_S
        _own.set(clock)
        _visit.set(visit)


class Looped(WallHost):
    """The flow, asking its providers over HTTP on the port that serves them."""

    def __init__(self, tenant: Tenant, clock: TheirTimes, address: str) -> None:
        told = {"x-loanrange-tenant": tenant.name}
        made = wires(tenant, address.removeprefix("http://"))
        self._providers = {
            name: _provider(name, made[name], address).telling(lambda: clock.told, told)
            for name in WIRED
        }
        super().__init__(tenant.house, clock=clock)

    def _operation(self, provider: str, name: str) -> Any:
        by = self._providers.get(provider)
        return super()._operation(provider, name) if by is None else by.operation(name)


def _provider(name: str, wire: Any, address: str) -> HttpProvider:
    """Return a client of one provider."""
    return HttpProvider(name, wire, client_of(address, SeenTransport()), 30.0)


# The server: a process of its own.


def _serve(orders: Any, store: str, way: str) -> None:
    faces.pin(faces.SERVER_CPU)
    asyncio.run(_serving(orders, store, way))


async def _serving(orders: Any, store: str, way: str) -> None:
    clock = TheirTimes(START)
    world = World(7, START)
    world.store = MemoryStore() if store == "memory" else SqlStore(store)
    tenants = Tenants(lambda name, _: Tenant(name, world, clock))
    receptions: dict[str, Reception] = {}
    whole = app_of(tenants, find=lambda _: receptions[""])
    async with served(whole) as port:
        address = f"http://127.0.0.1:{port}"
        host = (
            WallHost(world, clock=clock)
            if way == "in_process"
            else Looped(tenants.default, clock, address)
        )
        platform = world.platform(host)
        receptions[""] = Reception(platform, limits=Limits(FREE))
        known = receptions[""].channels.identity
        stage = Stage(host)
        orders.send((port, stage.product(), known.kid, known.public))
        calming = ExitStack()
        calming.enter_context(calm())

        def take() -> None:
            for number in orders.recv():
                world.people.make(BANK, number, holds_card=False)
            orders.send(True)

        asyncio.get_running_loop().add_reader(orders.fileno(), take)
        await asyncio.Event().wait()


@cache
def server(store: str, way: str) -> tuple[Any, tuple[int, str, str, bytes]]:
    """Return the pipe to a server that lasts as long as this process, and what it told."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    address = store if store == "memory" else _database(store)
    process = context.Process(target=_serve, args=(theirs, address, way), daemon=True)
    process.start()
    atexit.register(process.terminate)
    told = ours.recv()
    faces.PIDS[told[0]] = process.pid
    return ours, told


def _database(kind: str) -> str:
    if kind == "sqlite":
        return drawdowns.file_address()
    return drawdowns.server().address()


# The phones.


class Still:
    """A clock for phones whose customers do not think."""

    start, now_s = START, NINE_S

    async def sleep(self, wait_s: float) -> None:
        """Think, for no time."""


class Pocket:
    """What a phone stands on here: the people, no time, and what only phones can do."""

    name = "wall"

    def __init__(self, device: HttpDevice, world: World) -> None:
        self.world, self.clock, self.device = world, Still(), device


class Timed:
    """Notes how long requests take."""

    took_s: list[float]

    async def send(self, *what: Any) -> Any:
        """Send a request."""
        began = perf_counter()
        try:
            return await super().send(*what)  # type: ignore[misc]
        finally:
            self.took_s.append(perf_counter() - began)


class TimedLine(Timed, Line):
    """The plain way."""


class TimedSealed(Timed, SealedLine):
    """The sealed way."""


NUMBERS = count(1)


class Work:
    """A round of customers, so many at once."""

    def __init__(self, store: str, way: str, *, sealed: bool) -> None:
        self._orders, (self._port, self._product, kid, public) = server(store, way)
        self._pins = {kid: public}
        self._sealed = sealed
        self._numbers = [next(NUMBERS) for _ in range(CUSTOMERS)]
        self.took_s: list[float] = []
        self._orders.send(self._numbers)
        assert self._orders.recv()
        self._world = World(7, START)
        self._goal = GOALS[way] if sealed else ""
        self._wall_s = 0.0

    @property
    def told(self) -> str:
        """What the requests of the round took."""
        at = sorted(self.took_s)
        p95_ms = 1e3 * at[len(at) * 95 // 100]
        rate = len(at) / self._wall_s
        each = len(at) / CUSTOMERS
        return f"{each:.0f} requests each, {rate:,.0f}/s, p95 {p95_ms:.1f} ms  {self._goal}"

    def __call__(self) -> int:
        """Have everybody come; return how many were paid."""
        with faces.pinned(faces.CLIENT_CPU):
            began = perf_counter()
            asyncio.run(self._crowd())
            self._wall_s = perf_counter() - began
        return CUSTOMERS

    async def _crowd(self) -> None:
        address = f"http://127.0.0.1:{self._port}"
        client = client_of(address)
        waiting = list(self._numbers)

        async def till() -> None:
            while waiting:
                await self._one(client, waiting.pop())

        await asyncio.gather(*(till() for _ in range(AT_ONCE)))
        await client.aclose()

    async def _one(self, client: Any, number: int) -> None:
        person = self._world.people.make(BANK, number, holds_card=False)
        visit = f"lr.visit={number}"
        pocket = Pocket(HttpDevice(client, "default", lambda: visit), self._world)
        phone = Phone.of(pocket, person, BANK, Wish(amount_fen=200_000), str(number))
        line: Any
        if self._sealed:
            line = TimedSealed(client, self._pins, None, lambda: visit)
        else:
            line = TimedLine(client, None, lambda: visit)
        line.took_s = self.took_s
        ending = await MiniProgram(phone, line).journey(self._product)
        assert ending.outcome == "done", ending


def bench(store: str, way: str, *, sealed: bool) -> tuple[Work, str, str]:
    """Return one round."""
    return Work(store, way, sealed=sealed), "journeys/s", ""


BENCHES = {
    f"gateway.{way}.{store}.{'sealed' if sealed else 'plain'}": partial(
        bench, store, way, sealed=sealed
    )
    for way in GOALS
    for store in ("memory", "sqlite", "postgresql")
    for sealed in (True, False)
    if way == "in_process" or (store == "sqlite" and sealed)
}
