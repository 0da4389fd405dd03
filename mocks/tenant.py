"""A tenant: one isolated world behind the faces, with its clock, its credentials and its books.

Every request of whatever wire comes through :meth:`Tenant.ask`: the attempt is named, its latency
and fault are drawn, the behaviour acts, and the call is journalled and billed. Our own clients tell
the attempt's name in a W3C ``baggage`` header; whoever sends none is named by the operation, what
the request is about, and how often that was asked before.
"""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import blake2b
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from zlib import crc32

from core.clock import date_at
from core.errors import (
    InputError,
    NotDone,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    nearest,
)
from core.ports.people import People, Person
from core.ports.trace import Trace
from core.seed import LATENCY
from mocks.baggage import NOBODY, caller_of
from mocks.clock import ServedClock
from mocks.journal import Tally, alias
from mocks.line import SEEN, TIMED, Fate, FaultKind
from mocks.tencent_limits import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.banks import Bank
    from core.seed import Draws, Seed
    from mocks.journal import Journal
    from mocks.line import Fault, Line
    from mocks.spec import Case, Operation
    from mocks.wire import Request

    Acts = Callable[[Trace, Any, float, Draws], Any]

T = TypeVar("T")

REFUSED_S = 0.02  # what it takes a client to learn that nobody listens (assumed)
ARRIVALS_MAX = 100_000  # subjects whose arrivals are counted; then all go on from the highest
SUBJECT_MAX = 64  # characters; what is longer is counted by its hash
UNIX_DAY, UTC_8_S = 719_163, 28_800
TENANT_HEADER = "x-loanrange-tenant"
CASE_HEADER = "x-loanrange-case"
# How an answer is chosen: the first that applies.
CHOSEN_BY = (
    "a fault plan (PUT /_control/faults; kind wrong_answer sets an answer)",
    f"the header {CASE_HEADER}: the name of a case of the operation",
    "a magic input: a value of the operation's magic field that asks for a case",
    "the truth about the person",
    "the provider's seeded error rate",
)
DEFAULT = "default"


class Citizen(Person, Protocol):
    """A person of whom it is known whether they ought to pass, and why not."""

    bank: str

    @property
    def truth(self) -> tuple[Any, ...]:
        """Why they ought not to pass: steps and reasons."""
        ...

    @property
    def should_pass(self) -> bool:
        """Whether nothing speaks against them."""
        ...


class Crowd(People, Protocol):
    """People who can be asked for one by one, and made as they are wanted."""

    def person(self, bank: str, index: int) -> Citizen:
        """The ``index``-th person of a bank."""
        ...

    def make(self, bank: str, index: int, **said: Any) -> Citizen:
        """Somebody who passes every check, but for what is said of them."""
        ...

    def with_truth(self, key: str, **said: Any) -> Citizen:
        """The person of that key as they are, but for what is said of them."""
        ...

    @property
    def changed(self) -> int:
        """Of how many something is said."""
        ...


class House(Protocol):
    """What a tenant is made of: the world of a host."""

    start: date
    seed: Seed
    lines: dict[str, Line]
    behaviours: dict[str, Any]
    journal: Journal | None
    banks: dict[str, Bank]

    @property
    def people(self) -> Crowd:
        """Those who live in it."""
        ...

    @property
    def unchanging(self) -> tuple[type, ...]:
        """The classes of what never changes once it is made: a snapshot shares it."""
        ...

    def bills(self, operation: str, answer: Any) -> bool:
        """Whether a provider bills an answer."""
        ...


class Clock(Protocol):
    """The time that a tenant is served in."""

    start: date

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of the first day."""
        ...

    async def enter(self, visit: str) -> None:
        """Begin to serve a request of a visit."""
        ...

    async def serve(self, wait_s: float) -> None:
        """Let a provider's time pass."""
        ...

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen at a moment that nobody waits for."""
        ...


class Crossing:
    """What the transport of one request is told of the answer: how long its bytes take."""

    __slots__ = ("clock", "slow_s")

    def __init__(self) -> None:
        self.slow_s = 0.0
        self.clock: Clock | None = None


# The crossing of the request that is served: without one, nobody can make bytes come slowly.
CROSSING: ContextVar[Crossing | None] = ContextVar("crossing", default=None)


class NoAnswer(Exception):
    """The client is to see no answer: a broken connection, silence, bytes that are none."""

    def __init__(self, error: type[ProviderError], fault: Fault | None = None) -> None:
        super().__init__(error, fault)
        self.error = error
        self.fault = fault


class WrongCase(NoAnswer):
    """The header asks for a case that there is not: the client hears of it plainly."""

    def __init__(self, problem: str) -> None:
        super().__init__(NotDone)
        self.problem = problem


@dataclass(slots=True, frozen=True)
class Credentials:
    """What a client of a tenant proves itself with, at each kind of provider. All invented."""

    secret_id: str
    secret_key: str
    token: str
    appid: str
    app_secret: str
    rule_id: str
    api_key: str

    @classmethod
    def of(cls, tenant: str, seed: int) -> Credentials:
        """Return the credentials of a tenant: the same for the same name and seed."""

        def word(what: str, digits: int) -> str:
            told = f"{tenant}\n{seed}\n{what}".encode()
            return blake2b(told, digest_size=32, person=b"credentials").hexdigest()[:digits]

        return cls(
            "AKID" + word("secret id", 32),
            word("secret key", 32),
            "",
            "wx" + word("appid", 16),
            word("app secret", 32),
            "1",
            "lr_" + word("api key", 32),
        )


class Tenant:
    """One world that is served."""

    def __init__(self, name: str, house: House, clock: Clock) -> None:
        self.name = name
        self.house = house
        self.clock = clock
        self.credentials = Credentials.of(name, house.seed.value)
        self.billed: Counter[str] = Counter()
        self.tally = Tally()
        self.rooms: dict[type, Any] = {}  # what the faces keep for this tenant alone
        self._own = f"{name}/"  # how the applications begin that are named here
        self._arrivals: dict[str, int] = {}
        self._arrived_before = 0  # the most of anything, when counting last began anew
        self._ways = ways(house)

    def __repr__(self) -> str:
        return f"Tenant({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Return all that a copy has of it: everything but what follows from the rest."""
        return {name: held for name, held in vars(self).items() if name != "_ways"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what the other was."""
        vars(self).update(state)
        self._ways = ways(self.house)

    def room(self, kind: type[T], make: Callable[[], T]) -> T:
        """Return what a face keeps for this tenant, made when it is first wanted.

        Whatever is kept here is part of a snapshot, and gone where the tenant is opened anew.
        """
        found = self.rooms.get(kind)
        if found is None:
            found = self.rooms[kind] = make()
        kept: T = found
        return kept

    @property
    def behaviours(self) -> dict[str, Any]:
        """The behaviours by their providers' names."""
        return self.house.behaviours

    @property
    def people(self) -> People:
        """The people of this world."""
        return self.house.people

    @property
    def now_s(self) -> float:
        """Business seconds since midnight of the first day."""
        return self.clock.now_s

    @property
    def unix_s(self) -> int:
        """Business time as seconds since 1970 in UTC, the calendar being China's."""
        days = self.house.start.toordinal() - UNIX_DAY
        return days * 86_400 - UTC_8_S + int(self.clock.now_s)

    @property
    def today(self) -> date:
        """The business date."""
        return date_at(self.house.start, self.clock.now_s)

    @property
    def stands_still(self) -> bool:
        """Whether the clock is frozen, or stands at a moment while it is moved.

        Then a provider's own latency takes no time, for nobody could live through it; what a fault
        adds, waits until the clock is moved.
        """
        return isinstance(self.clock, ServedClock) and self.clock.stands

    async def ask(
        self, operation: str, request: Request, subject: str, query: Any, bank: str = ""
    ) -> Any:
        """Let a provider answer; return the port's answer.

        Raises:
            NoAnswer: the transport is to fail.
            QuotaExceeded, ServerFailed: the face is to say so in its own form.
            asyncio.CancelledError: the tenant was closed meanwhile.
        """
        baggage = request.headers.get("baggage")
        caller = NOBODY if baggage is None else caller_of(baggage)
        if caller.visit:
            await self.clock.enter(caller.visit)
        trace = caller.trace or self._named(operation, subject, bank)
        way = self._ways[operation]
        line, behaviour, now_s = way.line, self.behaviours[way.provider], self.clock.now_s
        own = way.act or getattr(behaviour, way.name)
        if caller.trace is None:
            draws = self._drawn(operation, request, trace)
        else:
            draws = self.house.seed.draws(operation, *trace[:4])
        if not line.is_open(now_s):
            refused_s = 0.0 if self.stands_still else REFUSED_S
            attempt = Attempt(self, way, own, trace, query, draws)
            return await attempt.settle(Fate(refused_s, None, Unreachable), None)
        if way.per_s and not caller.visit and not self._may_ask(way, trace.bank, now_s):
            attempt = Attempt(self, way, own, trace, query, draws)
            return await attempt.settle(Fate(0.0, None, QuotaExceeded), None)
        chosen, fault = self._chosen(way, request, query), None
        if not line.calm:
            fault = line.fault(way.name, trace, now_s, draws, sure=chosen is not None)
            if fault is not None and fault.case:
                chosen = way.spec.case(fault.case, operation)
        act = own if chosen is None else Meant(chosen, behaviour)
        attempt = Attempt(self, way, act, trace, query, draws)
        latency_s = 0.0 if self.stands_still else way.latency(draws.uniform(LATENCY))
        if fault is None and not caller.visit:  # nothing can go wrong, and it may take its time
            return await attempt.come(latency_s, 0.0)
        served_s = line.service_s(latency_s, fault)
        fate = line.fate(served_s, 0.0, fault)
        if not caller.visit:
            fate = patient(fate, served_s, fault)
        return await attempt.settle(fate, fault)

    def learn(self, provider: str, spec: Operation, act: Acts) -> None:
        """Take in how an operation is done that no behaviour has: over its provider's line."""
        operation = f"{provider}.{spec.name}"
        if operation not in self._ways:
            like = next(way for way in self._ways.values() if way.provider == provider)
            own = like._replace(operation=operation, name=spec.name, spec=spec, act=act)
            self._ways[operation] = own

    def _may_ask(self, way: Way, bank: str, now_s: float) -> bool:
        """Take one call of the quota that a scenario gave a line, if one is left.

        A visit has a business time of its own, which jumps: a rate means nothing there.
        """
        whose = bank if way.each_bank else ""
        return self.room(Rates, Rates).take(way.provider, whose, way.per_s, now_s)

    def _chosen(self, way: Way, request: Request, query: Any) -> Case | None:
        """Return the case that a header or a magic input asks for.

        Raises:
            WrongCase: the operation has no case of the name in the header.
        """
        said = request.headers.get(CASE_HEADER)
        if said is None:
            return way.spec.wanted(query)
        try:
            return way.spec.case(said, f"header {CASE_HEADER}")
        except InputError as wrong:
            raise WrongCase(str(wrong)) from wrong

    def _named(self, operation: str, subject: str, bank: str) -> Trace:
        """Return the name of a request whose client gave it none: each is a call of its own."""
        number = self.count(f"{operation}/{subject}")
        return Trace(bank, self._own + subject, number, 1, inf, self.today)

    def _drawn(self, operation: str, request: Request, trace: Trace) -> Draws:
        """Return the chance of a request without a name: how often was the very same asked before?

        The arrivals of a subject are counted over all that is asked about it, and whoever asks two
        things on two connections cannot tell which comes first; their luck must not depend on it.
        """
        told = f"{trace.bank}/{crc32(request.body):x}{request.headers.get(CASE_HEADER, '')}"
        number = self.count(f"{operation}/{trace.application}/{told}")
        return self.house.seed.draws(operation, told, trace.application, number, 1)

    def count(self, what: str) -> int:
        """Count one more arrival of something; return how many there were, never one twice."""
        name = what if len(what) <= SUBJECT_MAX else _digest(what)
        arrivals = self._arrivals
        number = arrivals.get(name, 0) + 1
        if number == 1 and len(arrivals) >= ARRIVALS_MAX:
            self._arrived_before += max(arrivals.values())
            arrivals.clear()
        arrivals[name] = number
        return self._arrived_before + number

    def note(self, operation: str, trace: Trace, seen: Any, began_s: float | None = None) -> None:
        """Count a call that came to its end, and how long it took, and write it into the journal.

        A call that is named by what it is about, an ID number or a phone, is noted by its hash.
        """
        now_s, journal = self.clock.now_s, self.house.journal
        self.tally.count(operation, seen, None if began_s is None else now_s - began_s)
        if journal is None:
            return
        called = trace.application
        if called.startswith(self._own):
            called = alias(self.name, called[len(self._own) :], self.house.seed.value)
        journal.note(operation, trace, now_s, seen, called)

    def close(self) -> None:
        """Let go: whoever waits here is broken off."""
        if isinstance(self.clock, ServedClock):
            self.clock.close()


def _digest(text: str) -> str:
    told = text.encode("utf-8", "backslashreplace")
    return blake2b(told, digest_size=8, person=b"subject").hexdigest()


def patient(fate: Fate, served_s: float, fault: Fault | None) -> Fate:
    """Return the fate of a call whose client waits as long as it likes, and knows its own limit.

    The line's limit is that of our own clients; to theirs a late answer is late, not lost.
    """
    kind = None if fault is None else fault.kind
    if fate.error is not TimedOut or kind is FaultKind.DROP:
        return fate
    if fault is not None and kind not in TIMED:
        return Fate(
            served_s, None if fate.acts_s is None else served_s, SEEN[fault.kind, fault.phase]
        )
    trickled_s = fault.extra_s if fault is not None and kind is FaultKind.SLOW_BYTES else 0.0
    return Fate(served_s + trickled_s, served_s, None)


@dataclass(slots=True)
class Meant:
    """How a provider acts where a case was asked for; a snapshot knows a case, and no closure."""

    case: Case
    behaviour: Any

    def __call__(self, trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        """Act as the case does."""
        return self.case.act(self.behaviour, trace, query, now_s, draws)


class Way(NamedTuple):
    """Where the requests for one operation go: looked up once, for every one of them needs it."""

    operation: str
    provider: str
    name: str
    line: Line
    spec: Operation
    latency: Callable[[float], float]
    per_s: float = 0.0  # how many calls a second its line takes; 0: as many as come
    each_bank: bool = False  # whether every bank has that quota for itself
    act: Acts | None = None  # None: a behaviour's method


def ways(house: House) -> dict[str, Way]:
    """Return the ways of all operations by their names: provider and operation."""
    found = {}
    for provider, behaviour in house.behaviours.items():
        line = house.lines[provider]
        latency = line.profile.latency()
        per_s = line.profile.quota_per_s or 0.0
        each_bank = (line.profile.scope or behaviour.SCOPE) == "bank"
        for name, spec in behaviour.OPERATIONS.items():
            operation = f"{provider}.{name}"
            found[operation] = Way(operation, provider, name, line, spec, latency, per_s, each_bank)
    return found


class Attempt(NamedTuple):
    """One attempt, with all that settling it needs."""

    tenant: Tenant
    way: Way
    act: Callable[[Trace, Any, float, Draws], Any]
    trace: Trace
    query: Any
    draws: Draws

    async def settle(self, fate: Fate, fault: Fault | None) -> Any:
        """Let the attempt come to its end; return the answer."""
        if fate.error is None:
            assert fate.acts_s is not None
            return await self.come(fate.acts_s, fate.seen_s - fate.acts_s)
        tenant, clock, way, began_s = self.tenant, self.tenant.clock, self.way, self.tenant.now_s
        if fate.acts_s is not None:
            acts_at_s = began_s + fate.acts_s
            late = partial(self.act, self.trace, self.query, acts_at_s, self.draws)
            clock.later(acts_at_s, late)
        await clock.serve(fate.seen_s)
        tenant.note(way.operation, self.trace, fate.error, began_s)
        if fate.error in (QuotaExceeded, ServerFailed):
            raise fate.error(way.operation, f"attempt {self.trace.attempt}")
        raise NoAnswer(fate.error, fault)

    async def come(self, acts_s: float, slow_s: float) -> Any:
        """Have the provider act so many seconds from now; return the answer that comes of it."""
        tenant, way, trace, query, draws = self.tenant, self.way, self.trace, self.query, self.draws
        clock = tenant.clock
        began_s = clock.now_s
        await clock.serve(acts_s)
        try:
            answer = self.act(trace, query, clock.now_s, draws)
        except ServerFailed:  # a plugin that fails, or answers with something else
            tenant.note(way.operation, trace, ServerFailed, began_s)
            raise
        if way.spec.billed(answer):
            tenant.billed[way.operation] += 1
        if slow_s:
            await self._cross(slow_s)
        tenant.note(way.operation, trace, answer, began_s)
        return answer

    async def _cross(self, slow_s: float) -> None:
        """Let an answer cross the line: byte by byte where the transport can show that."""
        crossing = CROSSING.get()
        if crossing is None:
            await self.tenant.clock.serve(slow_s)
        else:
            crossing.slow_s += slow_s
            crossing.clock = self.tenant.clock


class Tenants:
    """The tenants of one server, by everything a request may know them by."""

    def __init__(self, make: Callable[[str, int | None], Tenant]) -> None:
        """``make`` builds a tenant of a name and a seed (None: the server's own seed)."""
        self._make = make
        self._by_name: dict[str, Tenant] = {}
        self._by_secret_id: dict[str, Tenant] = {}
        self._by_appid: dict[str, Tenant] = {}
        self._by_api_key: dict[str, Tenant] = {}
        self.default = self.open(DEFAULT)

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._by_name.values())

    def open(self, name: str, seed: int | None = None) -> Tenant:
        """Return a fresh tenant of a name; one that bore it is gone."""
        tenant = self._make(name, seed)
        self.seat(tenant)
        return tenant

    def seat(self, tenant: Tenant) -> None:
        """Let a tenant be the one of its name; one that bore it is gone."""
        self.close(tenant.name)
        known = tenant.credentials
        self._by_name[tenant.name] = self._by_secret_id[known.secret_id] = tenant
        self._by_appid[known.appid] = self._by_api_key[known.api_key] = tenant
        if tenant.name == DEFAULT:
            self.default = tenant

    def close(self, name: str) -> None:
        """Forget a tenant, and break off whom it serves; nothing where none bears the name."""
        tenant = self._by_name.pop(name, None)
        if tenant is not None:
            known = tenant.credentials
            del self._by_secret_id[known.secret_id]
            del self._by_appid[known.appid], self._by_api_key[known.api_key]
            tenant.close()

    def get(self, name: str) -> Tenant | None:
        """Return the tenant of a name."""
        return self._by_name.get(name)

    def by_secret_id(self, secret_id: str) -> Tenant | None:
        """Return the tenant of a Tencent SecretId."""
        return self._by_secret_id.get(secret_id)

    def by_appid(self, appid: str) -> Tenant | None:
        """Return the tenant of a mini-program."""
        return self._by_appid.get(appid)

    def by_api_key(self, api_key: str) -> Tenant | None:
        """Return the tenant of an API key."""
        return self._by_api_key.get(api_key)

    def of(self, request: Request) -> Tenant:
        """Return the tenant that a header names, the default one where none does.

        Raises:
            InputError: no tenant bears that name.
        """
        name = request.headers.get(TENANT_HEADER) or DEFAULT
        tenant = self._by_name.get(name)
        if tenant is None:
            raise InputError(f"tenant {name!r}", "is unknown", nearest(name, self._by_name))
        return tenant
