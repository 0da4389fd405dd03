"""What the tests of money share: a world to come back to, a host that stops before every message.

A ``Scene`` is told once and opened as often as a test likes. On the ``StepHost`` a coroutine stops
before everything another one might meddle with: each question to a provider, each look into the
store, each save. So tests drive two coroutines through every order, die at any place, and decide
what becomes of each message (``wire``). Answers take no time; only waits move the clock.
"""

from __future__ import annotations

import pickle
from collections import Counter
from datetime import timedelta
from functools import cache
from types import coroutine
from typing import NamedTuple

from core.banks import load_banks
from core.clock import DAY_S
from core.errors import ProviderError, Refused, TimedOut
from core.flow.platform import Platform
from core.invariants import Books, check
from core.lending.book import Loan
from core.ports import PROVIDERS
from core.ports.corebank import Outcome, Posted
from core.products import load_products
from core.seed import Draws, operation_key
from core.store.memory import CopyingStore
from core.store.records import Drawdown, DrawState, Funding, Line, LoanLock, Repayment
from scenarios.hosts.instant import InstantClock
from scenarios.hosts.world import World
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, DRAW_FEN, Stage

_ALL_BANKS = load_banks()
_ALL_PRODUCTS = load_products(_ALL_BANKS)
HOUSEHOLD, WORKSHOP = "daopu-household", "daopu-workshop"  # repaid in one sum, in equal instalments
OTHER_BANK, OTHER_PRODUCT = "gaowu", "gaowu-household"
BANKS = {name: _ALL_BANKS[name] for name in (BANK, OTHER_BANK)}
PRODUCTS = {name: made for name, made in _ALL_PRODUCTS.items() if made.bank in BANKS}
A_DAY = timedelta(days=1)
FOREVER = 1_000_000
LIMIT_S = 5.0  # how long a client waits for an answer on the step host
MORNING_S = 36_000.0
STATE = ("store", "people", *PROVIDERS)


class Crash(BaseException):
    """The platform dies."""


@coroutine
def pause(what):
    """Stop; whoever steps the coroutine lets it go on."""
    yield what


class StepStore(CopyingStore):
    """A store that copies, and stops before every look and every save."""

    def __init__(self):
        super().__init__()
        self.watch = None

    def __getstate__(self):
        return {**self.__dict__, "watch": None}

    async def get(self, table, record_id):
        await pause(f"get {table.__name__}")
        return await super().get(table, record_id)

    async def save(self, *records):
        name = "save " + ", ".join(type(record).__name__ for record in records)
        await pause(name)
        self.seen("before", name)
        await super().save(*records)
        self.seen("after", name)

    async def unsettled(self, bank):
        await pause("unsettled")
        return await super().unsettled(bank)

    async def loans_due(self, bank, on):
        await pause("loans_due")
        return await super().loans_due(bank, on)

    async def posted_on(self, bank, on):
        await pause("posted_on")
        return await super().posted_on(bank, on)

    async def lapsed(self, bank, now_s):
        await pause("lapsed")
        return await super().lapsed(bank, now_s)

    def seen(self, moment, name):
        if self.watch is not None:
            self.watch(moment, name)


class StepClock(InstantClock):
    """A clock that stops before it jumps."""

    async def sleep(self, wait_s):
        await pause("sleep")
        self.advance(wait_s)


class Send(NamedTuple):
    """What becomes of one request: when it arrives (None: never), and whether the answer does."""

    arrives_s: float | None
    answered: bool = False

    async def carry(self, host, operation, act):
        if self.arrives_s is not None and self.arrives_s <= LIMIT_S:
            await host.clock.sleep(self.arrives_s)
            answer = act()
            if self.answered:
                return answer
        elif self.arrives_s is not None:
            host.clock.later(host.clock.now_s + self.arrives_s, act)
        await host.clock.sleep(LIMIT_S)
        raise TimedOut(operation, "on purpose")


LOST = Send(None)
ANSWER_LOST = Send(0.0)


class StepHost:
    """Runs the flow with providers that answer at once, and stops before each of them."""

    name = "step"

    device = None

    def __init__(self, world, now_s=MORNING_S):
        self.world = world
        self.clock = StepClock(world.start)
        self.clock.now_s = now_s
        # (operation, trace, query) -> a Send, or None where nothing goes wrong
        self.wire = lambda operation, trace, query: None
        self.ports = world.ports(self._operation)

    def run(self, journey, at_s=None):
        """Run a coroutine to its end, whatever it stops at."""
        if at_s is not None:
            self.clock.now_s = at_s
        try:
            while True:
                journey.send(None)
        except StopIteration as end:
            return end.value

    def _operation(self, provider, name):
        operation, world = f"{provider}.{name}", self.world
        act = getattr(world.behaviours[provider], name)

        async def call(trace, query):
            await pause(operation)
            world.store.seen("before", operation)
            key = world.seed.application_key(trace.bank, trace.application)
            draws = Draws(key ^ operation_key(operation), trace.call, trace.attempt)

            def happen():
                return act(trace, query, self.clock.now_s, draws)

            way = self.wire(operation, trace, query)
            if isinstance(way, type):
                raise way(operation)
            answer = happen() if way is None else await way.carry(self, operation, happen)
            world.store.seen("after", operation)
            return answer

        return call


def a_world(**said):
    """Return a small world whose store stops."""
    world = World(7, START, banks=BANKS, products=PRODUCTS, copying=True, **said)
    world.store = StepStore()
    return world


class Scene:
    """A world at one moment; ``told`` is what its teller returned."""

    def __init__(self, tell):
        world = a_world()
        host = StepHost(world)
        self.told = host.run(tell(Stage(host)))
        self.now_s = host.clock.now_s
        self._kept = pickle.dumps({name: getattr(world, name) for name in STATE})

    def open(self, **said):
        """Return a play that begins at this moment."""
        world = a_world(**said)
        for name, state in pickle.loads(self._kept).items():
            setattr(world, name, state)
            if name in world.behaviours:
                world.behaviours[name] = state
        return Play(world, self.now_s)


class Play:
    """A world, its host and its stage, to be played with."""

    def __init__(self, world, now_s):
        self.world, self.host = world, StepHost(world, now_s)
        self.stage, self.store = Stage(self.host), world.store
        self.clock, self.core = self.host.clock, world.corebank

    @property
    def platform(self) -> Platform:
        return self.stage.platform

    def run(self, asked):
        return self.host.run(asked)

    def ends(self, asked):
        """Run something to its end; return its answer, or the no or the fault it ended with."""
        try:
            return self.run(asked)
        except (Refused, ProviderError) as no:
            return no

    def all(self, table):
        return list(self.store.tables[table].values())

    def get(self, table, record_id):
        return self.store.tables[table].get(record_id)

    def only(self, table):
        (record,) = self.all(table)
        return record

    def kinds(self, bank=BANK):
        """How many entries of each kind the core has."""
        return Counter(entry.kind for entry in self.core.entries(bank))

    def broken(self, *names):
        """What does not hold of the books, but for the named invariants."""
        books = Books(self.store.tables, self.core, self.world.products)
        return [each for each in check(books) if each.invariant not in names]

    def quiet(self):
        """Let every late message arrive."""
        self.clock.flush()

    def to(self, day, at_s=MORNING_S):
        """Go to a time of a day, without any day end on the way."""
        self.clock.advance((day - START).days * DAY_S + at_s - self.clock.now_s)

    def nights(self, count):
        """Let days pass, each closed properly, and stop in the morning."""
        self.run(self.stage.days(count))
        self.clock.advance(MORNING_S)


# A core that does not do as it says


def replace_port(play, operation, answer):
    """Let an operation of the core answer as a function of its query says."""

    async def call(trace, query):
        await pause(operation)
        return answer(trace, query)

    setattr(type(play.host.ports.corebank), operation, staticmethod(call))


def rejects(play, operation, code):
    """Let the core reject an operation without doing it."""

    def refuse(trace, query):
        return Posted(Outcome.REJECTED, code, accounting_date=play.core.accounting_date(BANK))

    replace_port(play, operation, refuse)


def lies(play, operation, said):
    """Let the core do an operation, and say something else."""
    act = getattr(play.core, operation)

    def lie(trace, query):
        act(trace, query, play.clock.now_s, None)
        return said

    replace_port(play, operation, lie)


def honest(play):
    """Make the core say again what it does."""
    play.host.ports = play.world.ports(play.host._operation)
    play.stage.platform = play.world.platform(play.host)


# Books, to be compared


# Which day end has touched a loan last is no part of what it owes: one that was paid before it was
# closed is due again when the next row is.
NOT_COMPARED = {"version", "closed_on"}


def books_of(play):
    """Return both books, but for what a repeat may change: versions, keys, times, lost tries."""
    loans = [
        {name: getattr(loan, name) for name in Loan.__slots__ if name not in NOT_COMPARED}
        for loan in play.all(Loan)
    ]
    lines = [(line.id, line.used_fen, line.reserved_fen, line.frozen) for line in play.all(Line)]
    paid = [
        (each.loan, each.state, each.amount_fen, sorted(each.parts.items()))
        for each in play.all(Repayment)
        if each.state is not DrawState.REJECTED
    ]
    draws = [(draw.id, draw.state, draw.amount_fen) for draw in play.all(Drawdown)]
    funds = [(fund.id, fund.used_fen, fund.reserved_fen) for fund in play.all(Funding)]
    locks = [(lock.id, lock.lifted) for lock in play.all(LoanLock)]
    loans.sort(key=lambda loan: loan["id"])
    told = [sorted(each) for each in (lines, paid, draws, funds, locks)]
    return loans, told, entries_of(play)


def entries_of(play):
    """Return the core's entries by date, kind and legs, whatever their keys."""
    found = [
        (bank, str(entry.accounting_date), entry.kind, tuple(sorted(entry.legs)))
        for bank in BANKS
        for entry in play.core.entries(bank)
    ]
    return sorted(found)


# Nights, step by step


def begin_night(play, bank=BANK):
    """Go to midnight, cut the core's day off and begin its batch; return the date that ends."""
    play.clock.advance(DAY_S - play.clock.now_s % DAY_S)
    play.core.cutoff(bank)
    play.core.begin_batch(bank)
    return play.stage.today - A_DAY


def end_night(play, bank=BANK):
    """Have the core seal the date, and go to the morning after."""
    play.core.end_day(bank, play.stage.today)
    play.clock.advance(MORNING_S)


def without_us(play, bank=BANK):
    """Let a night pass in which the core closes its day, and our day end does not run."""
    begin_night(play, bank)
    end_night(play, bank)


def die_at(play, number, moment):
    """Plan that the platform dies before, or after, the n-th call or save from now on."""
    left = [number]

    def watch(seen, name):
        left[0] -= seen == moment
        if left[0] == 0 and seen == moment:
            play.store.watch = None
            raise Crash(name)

    play.store.watch = watch


# Coroutines side by side


class Task:
    """A coroutine that is stepped; ``answer`` is what it returned, or the no it ended with."""

    def __init__(self, asked):
        self.asked, self.done, self.answer, self.steps = asked, False, None, 0
        self.at = ""  # what it has stopped before

    def step(self):
        """Let it do what it has stopped before; return whether it goes on."""
        if self.done:
            return False
        try:
            self.at = self.asked.send(None)
            self.steps += 1
        except StopIteration as end:
            self.done, self.answer = True, end.value
        except (Refused, ProviderError) as no:
            self.done, self.answer = True, no
        return not self.done

    def finish(self):
        while self.step():
            pass
        return self.answer


def in_turns(tasks, turns):
    """Let each turn (which task, how many steps) be taken, then finish the tasks in order."""
    for which, steps in turns:
        for _ in range(steps):
            if not tasks[which].step():
                break
    return [task.finish() for task in tasks]


def one_switch(lengths):
    """Every order in which one of two tasks is interrupted once, by the whole of the other."""
    for first in (0, 1):
        for steps in range(lengths[first] + 1):
            yield [(first, steps), (1 - first, FOREVER)]


def two_switches(lengths, every=1):
    """Orders in which one task stops, the other stops, and the first is finished before it.

    Of all of them each ``every``-th.
    """
    number = 0
    for first in (0, 1):
        for steps in range(1, lengths[first] + 1):
            for others in range(1, lengths[1 - first] + 1):
                number += 1
                if number % every == 0:
                    yield [(first, steps), (1 - first, others), (first, FOREVER)]


def length(scene, make):
    """Return how many stops a coroutine makes when nobody meddles."""
    play = scene.open()
    task = Task(make(play))
    task.finish()
    return task.steps


# The scenes


async def _signed(stage):
    person = stage.person(holds_card=False)
    ending = await stage.signed(person)
    return person, ending


async def _lent(stage):
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person), "done")
    loan = await stage.loan(ending)
    return person, ending, loan


@cache
def signed():
    """A customer with a contract, who has drawn nothing."""
    return Scene(_signed)


@cache
def lent():
    """A customer who has drawn 20,000 yuan this morning."""
    return Scene(_lent)


@cache
def due():
    """The same on the day on which the first instalment is due; the account holds enough."""

    async def tell(stage):
        person, ending, loan = await _lent(stage)
        await stage.days((loan.rows[0].due - stage.today).days)
        await stage.host.clock.sleep(MORNING_S)
        return person, ending, loan

    return Scene(tell)


@cache
def late(days):
    """The same, so many days after an instalment that nobody paid; the account is empty."""

    async def tell(stage):
        person, ending, loan = await _lent(stage)
        await stage.spend(loan)
        await stage.days((loan.rows[0].due - stage.today).days + days)
        await stage.host.clock.sleep(MORNING_S)
        return person, ending, await stage.loan(ending)

    return Scene(tell)


@cache
def many(count=3, product=WORKSHOP):
    """Several loans, all due on one day; it is that day's morning."""

    async def tell(stage):
        endings = [
            stage.expect(await stage.visit(stage.person(holds_card=False), BANK, product), "done")
            for _ in range(count)
        ]
        loans = [await stage.loan(ending) for ending in endings]
        await stage.days((loans[0].rows[0].due - stage.today).days)
        await stage.host.clock.sleep(MORNING_S)
        return loans

    return Scene(tell)


def draws(play, ending, request, amount_fen=DRAW_FEN, **wish):
    """Return the coroutine of a drawdown."""
    stage = play.stage
    return stage.draw_again(
        play_person(play), ending.application, request, amount_fen=amount_fen, **wish
    )


def play_person(play):
    """Return the person whom a scene is about: the first one made at the bank."""
    return play.world.people.person(BANK, 1)
