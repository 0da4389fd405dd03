"""The wall host: the same decisions and books as on the other clocks, and time as it passes."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from core.adapters.sql import SqlStore
from core.banks import load_banks
from core.errors import TimedOut, Unreachable
from core.identity import IdNumber
from core.ports.sanctions import ScreenAnswer, Screened, ScreenQuery
from core.ports.trace import Trace
from core.products import load_products
from mocks.journal import Journal
from mocks.line import Fault, FaultKind, Phase, Profile
from mocks.sanctions.behaviour import Sanctions
from scenarios.hosts import world as worlds
from scenarios.hosts.wall import WallHost
from scenarios.hosts.world import World
from scenarios.stories import STORIES
from scenarios.stories.run import HOSTS, tell

START = date(2020, 7, 1)
BANKS = load_banks()
PRODUCTS = load_products(BANKS)
SEED = 7
SPEED = 100.0
TOLD = sorted(name for name in STORIES if "instant" in STORIES[name].hosts)
# Told over a database as well: money that is paid out, repaid, lost on its way, and a crash.
STORED = [name for name in TOLD if STORIES[name].crash or STORIES[name].faults][:12]


@pytest.fixture(autouse=True)
def read_once(monkeypatch):
    monkeypatch.setattr(worlds, "load_banks", lambda: BANKS)
    monkeypatch.setattr(worlds, "load_products", lambda banks: PRODUCTS)
    monkeypatch.setitem(HOSTS, "wall", WallHost)


@pytest.mark.parametrize("name", TOLD)
def test_a_story_ends_on_the_wall_as_on_the_instant_host(name):
    instant, wall = (tell(STORIES[name], SEED, host) for host in ("instant", "wall"))
    assert wall.problem == ""
    assert wall.digest == instant.digest


@pytest.mark.parametrize("name", STORED)
def test_a_story_ends_the_same_over_a_database(name, tmp_path, monkeypatch):
    plain = tell(STORIES[name], SEED, "instant")
    store = SqlStore(f"sqlite:///{tmp_path}/books.db")
    monkeypatch.setattr(worlds, "CopyingStore", lambda: store)

    stored = tell(STORIES[name], SEED, "wall")

    store.close()
    assert stored.problem == ""
    assert stored.digest == plain.digest


# Time as it passes.


class Lists(Sanctions):
    """A name list that notes when it served whom."""

    served: list[tuple[str, float]]

    def screen(self, trace, query, now_s, draws):
        self.served.append((trace.application, now_s))
        return ScreenAnswer(Screened.CLEAR, trace.application)


class Desk:
    """A wall host with one provider of interest: a call takes a second, clients wait for three."""

    def __init__(self, speed, faults=(), outages=None):
        self.world = World(
            SEED,
            START,
            profiles={"sanctions": Profile(1_000.0, 1_000.0, 3_000.0)},
            faults=[Fault("sanctions", *told[:2], **told[2]) for told in faults],
            outages=outages,
            journal=Journal(),
        )
        self.lists = self.world.behaviours["sanctions"] = Lists(self.world.people)
        self.lists.served = []
        self.host = WallHost(self.world, speed)
        self.seen = []

    async def ask(self, name):
        first17 = "32990019870101123"
        number = IdNumber(first17 + IdNumber.check_digit(first17))
        trace = Trace("daopu", name, 504, 1, float("inf"), START)
        try:
            query = ScreenQuery("李明", number, "sign")
            await self.host.ports.sanctions.screen(trace, query)
            self.seen.append((name, self.now_s, "clear"))
        except (TimedOut, Unreachable) as error:
            self.seen.append((name, self.now_s, type(error)))

    @property
    def now_s(self):
        return round(self.host.clock.now_s, 6)


@pytest.mark.parametrize("speed", [None, SPEED])
def test_calls_of_many_customers_pass_side_by_side(speed):
    desk = Desk(speed)

    async def crowd():
        began_s = desk.host.clock.now_s
        visits = (desk.host.visit(desk.ask(f"A{number}")) for number in range(5))
        await asyncio.gather(*visits)
        return began_s

    began_s = asyncio.run(crowd())

    assert [seen for _, _, seen in desk.seen] == ["clear"] * 5
    ended = [at_s - began_s for _, at_s, _ in desk.seen]
    assert min(ended) >= 0.999
    assert max(ended) < (3.0 if speed else 1.001)  # a busy machine may be late


def test_a_visit_in_its_own_time_does_not_move_anybody_elses():
    desk = Desk(None)

    async def visit(name, rest_s):
        await desk.ask(name)
        await desk.host.clock.sleep(rest_s)
        await desk.ask(name)

    async def crowd():
        await asyncio.gather(
            desk.host.visit(visit("early", 10.0), 100.0),
            desk.host.visit(visit("late", 5.0), 1_000.0),
        )

    asyncio.run(crowd())

    assert sorted(desk.seen) == [
        ("early", 101.0, "clear"),
        ("early", 112.0, "clear"),
        ("late", 1_001.0, "clear"),
        ("late", 1_007.0, "clear"),
    ]
    assert desk.now_s == 0.0


@pytest.mark.parametrize("speed", [None, SPEED])
def test_what_a_client_did_not_wait_for_happens_all_the_same(speed):
    late = (FaultKind.DELAY, Phase.BEFORE, {"application": "late", "extra_s": 9.0})
    lost = (FaultKind.DROP, Phase.BEFORE, {"application": "lost"})
    desk = Desk(speed, [late, lost])

    desk.host.run(desk.ask("late"))
    desk.host.run(desk.ask("lost"))

    assert [(name, seen) for name, _, seen in desk.seen] == [("late", TimedOut), ("lost", TimedOut)]
    ((name, at_s),) = desk.lists.served
    assert (name, at_s) == ("late", pytest.approx(10.0, abs=0.001 if speed is None else 3.0))
    assert [call.seen for call in desk.world.journal.calls] == [TimedOut, TimedOut]


@pytest.mark.parametrize("speed", [None, SPEED])
def test_a_provider_that_is_closed_says_so_at_once(speed):
    desk = Desk(speed, outages={"sanctions": [(0.0, 1e9)]})
    desk.host.run(desk.ask("A1"))
    ((_, at_s, seen),) = desk.seen
    assert seen is Unreachable
    assert at_s < 3.0


def test_a_wall_clock_runs_at_its_speed():
    desk = Desk(SPEED)

    async def wait():
        began_s = desk.host.clock.now_s
        await desk.host.clock.sleep(5.0)
        return desk.host.clock.now_s - began_s

    assert 5.0 <= desk.host.run(wait()) < 60.0
    assert desk.host.run(wait(), at_s=desk.host.clock.now_s + 3.0) >= 5.0
