"""Full drawdowns a second: reserved, checked, instructed, paid by the core, owed, and all durable.

Customers have signed beforehand; providers answer in process and at once, so what is measured is
the flow and its store. The product is a careful one: it screens and it asks for the face. After
every round both books are opened and held together.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from functools import cache

from core.adapters.sql import SqlStore
from core.application import Application, Step
from core.errors import MachineError
from core.flow.draw_down import draw_down
from core.flow.funding import set_quota
from core.flow.journey import journey
from core.invariants import Books, check
from core.store.memory import MemoryStore
from core.store.records import Drawdown, DrawState
from scenarios.hosts.wall import WallHost
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.stories.stage import Stage
from tests.postgres import Postgres, postgres, why_not

CUSTOMERS, EACH = 200, 3
AT_ONCE = 16
AMOUNT_FEN = 100_000
QUOTA_FEN = 10**12
SIGN_S, DRAW_S, APART_S = 36_000.0, 50_000.0, 600.0  # of business time


class Work:
    """Customers who have signed, and wait to draw."""

    def __init__(self, store: MemoryStore | SqlStore, at_once: int) -> None:
        self.store = store
        self.at_once = at_once
        self.world = World(11, date(2020, 7, 1))
        self.world.store = store
        self.host = WallHost(self.world)
        self.stage = Stage(self.host)
        self.bank, self.product = self.stage.product_with("prudent")
        self.signed = asyncio.run(self.sign())

    async def sign(self) -> list[tuple[str, Phone]]:
        """Bring everybody as far as the signature; return whom, by their applications."""
        await set_quota(self.stage.platform, self.bank, QUOTA_FEN)
        wish = Wish(refuses=frozenset({Step.DRAW_DOWN}))
        signed = []

        async def one() -> None:
            phone = Phone.of(self.host, self.stage.person(self.bank), self.bank, wish)
            way = journey(self.stage.platform, phone, self.product)
            ending = await self.host.visit(way, SIGN_S)
            assert (ending.outcome, ending.step) == ("left", Step.DRAW_DOWN), ending
            signed.append((ending.application, phone))

        await asyncio.gather(*(one() for _ in range(CUSTOMERS)))
        return signed

    def __call__(self) -> int:
        """Have everybody draw, so many at once; return how many drawdowns that made."""
        return asyncio.run(self.crowd())

    async def crowd(self) -> int:
        """Let the customers draw, each next one as soon as one is done."""
        waiting = [(turn, *who) for turn in reversed(range(EACH)) for who in self.signed]

        async def draw(turn: int, app_id: str, phone: Phone) -> Drawdown:
            platform = self.stage.platform
            app = await platform.store.get(Application, app_id)
            return await draw_down(platform, app, phone, f"draw {turn}", AMOUNT_FEN)

        async def till() -> None:
            while waiting:
                turn, *who = waiting.pop()
                done = await self.host.visit(draw(turn, *who), DRAW_S + turn * APART_S)
                assert done.state is DrawState.DONE

        await asyncio.gather(*(till() for _ in range(self.at_once)))
        return CUSTOMERS * EACH

    def check(self) -> None:
        """Require that both books agree, that nothing is open, and nothing was lost."""
        tables, core = self.store.tables, self.world.corebank
        wrong = check(Books(tables, core, self.world.products))
        assert not wrong, wrong[:3]
        paid = [entry for entry in core.entries(self.bank) if entry.kind == "disburse"]
        assert len(paid) == len(tables[Drawdown]) == CUSTOMERS * EACH
        if isinstance(self.store, SqlStore):
            self.store.close()


@cache
def server() -> Postgres:
    """Return a server for as long as this process lasts; it writes before it answers."""
    reason = why_not()
    if reason:
        raise MachineError(*reason.split("; ", 1))
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(postgres(fsync=True))


def file_address() -> str:
    """Return the address of a database in a file of its own, on the disk."""
    folder = tempfile.mkdtemp(prefix="loanrange-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"sqlite:///{folder}/books.db"


def file() -> SqlStore:
    """Return a store in a file of its own, on the disk."""
    return SqlStore(file_address())


def served() -> SqlStore:
    """Return a store in a place of its own of the server."""
    return SqlStore(server().address())


def drawdowns(
    store: Callable[[], MemoryStore | SqlStore], at_once: int, goal: str
) -> Callable[[], tuple[Work, str, str]]:
    """Return the benchmark of a store."""
    return lambda: (Work(store(), at_once), "drawdowns/s", goal)


BENCHES = {
    "drawdowns.memory": drawdowns(MemoryStore, AT_ONCE, ""),
    "drawdowns.sqlite": drawdowns(file, AT_ONCE, "reach 300"),
    "drawdowns.sqlite.one_by_one": drawdowns(file, 1, ""),
    "drawdowns.postgresql": drawdowns(served, AT_ONCE, "reach 300"),
    "drawdowns.postgresql.one_by_one": drawdowns(served, 1, ""),
}
