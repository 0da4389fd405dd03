"""``kill -9`` of the platform, of the core bank and of PostgreSQL, while customers draw and repay.

Two processes speak over a socket, each on a database of its own. One is killed at a moment drawn
from a seed, comes up again and goes on; at the end the day is closed and every invariant is
checked, and whatever a customer was told must be so. ``make soak`` kills a hundred times.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stand import BANK, DRAW_FEN, NINE_S, PRODUCT, START, business_s, durable, people, the_world

from core.adapters.sql import SqlStore
from core.application import Step
from core.flow.day_end import day_end
from core.invariants import Books, check
from core.lending.book import Loan
from core.ports.corebank import Outcome
from core.seed import Seed
from core.store.records import Drawdown, DrawState, Instruction, Repayment
from scenarios.hosts.instant import InstantHost
from scenarios.stories.stage import Stage
from tests.postgres import postgres, why_not

HERE = Path(__file__).parent
CUSTOMERS = 24


class Process:
    """One process that is killed and comes up again."""

    def __init__(self, name, *given):
        self.command = [sys.executable, str(HERE / f"{name}.py"), *map(str, given)]
        self.running = None

    def start(self):
        self.running = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        return self

    def kill(self):
        """Kill it, unless it ended by itself, which is a bug and told as one."""
        self.running.send_signal(signal.SIGKILL)
        _, said = self.running.communicate()
        assert self.running.returncode == -signal.SIGKILL, said.decode()[-3000:]

    def supervise(self):
        """Start it again if it ended because its database was away, as a supervisor does."""
        if self.running.poll() is not None:
            _, said = self.running.communicate()
            assert b"MachineError" in said, said.decode()[-3000:]
            self.start()

    def finish(self):
        """Wait for it to end as it was asked to."""
        _, said = self.running.communicate(timeout=30)
        assert self.running.returncode == 0, said.decode()[-3000:]

    def end(self):
        """Leave nothing running, whatever has happened."""
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.communicate()


class Bank:
    """A platform and a core bank, each a process, and the customers between them."""

    def __init__(self, folder, store, log, *core_is):
        self.folder, self.store, self.log, self.core_is = folder, store, log, core_is
        self.socket, self.told = folder / "core.sock", folder / "told"
        self.stop, self.began = folder / "stop", time.time()
        self.told.touch()

    def prepare(self):
        """Bring every customer as far as a signed contract, and put the world away."""
        store = SqlStore(self.store)
        world = the_world(store)
        core = durable(world, self.log)
        stage = Stage(InstantHost(world))
        stage.host.ports.corebank = Kept(core, stage.host.clock)
        for person in people(world, CUSTOMERS):
            ending = stage.host.run(
                stage.visit(person, product=PRODUCT, refuses=frozenset({Step.DRAW_DOWN})), NINE_S
            )
            stage.expect(ending, "left")
        core.close()
        store.close()

    def processes(self):
        core = Process("core_process", self.log, self.socket, self.began, *self.core_is)
        platform = Process(
            "platform_process", self.store, self.socket, self.told, self.began, CUSTOMERS, self.stop
        )
        return platform, core

    def goes_on(self, lines=5, wait_s=60.0):
        """Wait until customers were told so much more: everything is up, and under load."""
        until, size = time.monotonic() + wait_s, len(self.told.read_text().splitlines()) + lines
        while len(self.told.read_text().splitlines()) < size:
            assert time.monotonic() < until, "nobody is served any more"
            time.sleep(0.02)

    def close(self):
        """End the day, twice, and return the books with what customers were told."""
        store = SqlStore(self.store)
        world = the_world(store)
        core = durable(world, self.log)
        host = InstantHost(world)
        host.ports.corebank = Kept(core, host.clock)
        host.clock.now_s = business_s(self.began) + 900.0
        platform = world.platform(host)
        today = START + timedelta(days=int(host.clock.now_s // 86_400))
        for on in (core.core.accounting_date(BANK), today, today + timedelta(days=1)):
            if on < core.core.accounting_date(BANK):
                continue
            core.stage("cutoff", BANK)
            core.stage("begin_batch", BANK)
            host.run(day_end(platform, BANK, on))
            core.stage("end_day", BANK, on + timedelta(days=1))
        core.close()
        tables = store.tables
        store.close()
        books = Books(tables, world.corebank, world.products, now_s=host.clock.now_s)
        return books, [line.split() for line in self.told.read_text().splitlines()]


class Kept:
    """The durable core behind the instant host's port: asked, kept, answered."""

    def __init__(self, core, clock):
        self.core, self.clock = core, clock

    def __getattr__(self, operation):
        async def call(trace, query):
            answer = self.core.ask(operation, trace, query, self.clock.now_s)
            self.core.commit()
            return answer

        return call


class Server:
    """PostgreSQL as a process that is killed and comes up again."""

    def __init__(self, server):
        self.server, self.start = server, server.start

    def kill(self):
        self.server.end(signal.SIGKILL)


def killed(bank, victims, kills):
    """Kill processes under load, ``kills`` times; return the books and what was told.

    ``victims`` is "both", "core", or a server to be killed beside them.
    """
    bank.prepare()
    bank.began = time.time()
    platform, core = bank.processes()
    chance = Seed(7).random("kills", kills)
    with ExitStack() as stack:
        for process in (core, platform):
            stack.callback(process.end)
            process.start()
        for number in range(kills):
            bank.goes_on()
            time.sleep(chance.uniform(0.0, 0.5))
            victim = core if victims == "core" or number % 2 else platform
            if isinstance(victims, Server):
                victim = victims
            victim.kill()
            victim.start()
            time.sleep(0.3)
            core.supervise()
        bank.goes_on()
        core.supervise()
        bank.goes_on()
        bank.stop.touch()
        platform.finish()
        core.kill()
    return bank.close()


def holds(books, told):
    """Every invariant holds, everything is settled, and nobody was told what is not so."""
    assert check(books) == []
    orders = list(books.all(Instruction))  # one that was never sent waits for its customer
    assert not [o.id for o in orders if o.answer is None and o.sent_at_s is not None]
    drawn = {draw.id: draw for draw in books.all(Drawdown)}
    paid = {each.id: each for each in books.all(Repayment)}
    for _, _, word, reason, *rest in told:
        if word == "done":
            assert drawn[rest[0]].state in (DrawState.DONE, DrawState.REVERSED), rest
        elif word == "back":
            assert drawn[rest[0]].state is DrawState.REVERSED, rest
        elif word == "paid":
            assert paid[rest[0]].state is DrawState.DONE, rest
        elif (word, reason) == ("refused", "CORE_REJECTED"):
            assert drawn[rest[0]].state is DrawState.REJECTED, rest
    for loan in books.all(Loan):
        assert loan.principal_fen == DRAW_FEN
    for order in orders:
        fate = books.ledger.fate(order.key).outcome
        if order.answer is None:
            assert fate is Outcome.NOT_FOUND, order.id
            continue
        assert (order.answer.outcome is Outcome.DONE) == (fate is Outcome.DONE), order.id


def sqlite_bank(folder, *core_is):
    return Bank(folder, f"sqlite:///{folder}/platform.db", f"sqlite:///{folder}/core.db", *core_is)


def test_platform_and_core_are_killed_under_load_and_no_fen_is_lost(tmp_path):
    books, told = killed(sqlite_bank(tmp_path), "both", 6)

    holds(books, told)
    assert sum(words[2] == "done" for words in told) > 20


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_kills_lose_nothing(tmp_path):
    books, told = killed(sqlite_bank(tmp_path), "both", 100)

    holds(books, told)


def test_a_core_that_answers_before_it_keeps_is_found_out(tmp_path):
    books, told = killed(sqlite_bank(tmp_path, "careless"), "core", 3)

    with pytest.raises(AssertionError):
        holds(books, told)


@pytest.fixture
def server():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with postgres(fsync=True) as running:
        yield running


def on_postgres(folder, server):
    return Bank(folder, server.address(), server.address())


def test_postgresql_is_killed_under_both_and_no_fen_is_lost(tmp_path, server):
    books, told = killed(on_postgres(tmp_path, server), Server(server), 2)

    holds(books, told)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_postgresql_is_killed_twenty_times_and_no_fen_is_lost(tmp_path, server):
    books, told = killed(on_postgres(tmp_path, server), Server(server), 20)

    holds(books, told)
    assert sum(words[2] == "done" for words in told) > 20
