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
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote

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
from mocks.clock import ServedClock
from mocks.line import SEEN, TIMED, Fate, FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.banks import Bank
    from core.seed import Draws, Seed
    from mocks.journal import Journal
    from mocks.line import Fault, Line
    from mocks.spec import Case, Operation
    from mocks.wire import Request

T = TypeVar("T")

REFUSED_S = 0.02  # what it takes a client to learn that nobody listens (assumed)
ARRIVALS_MAX = 100_000  # subjects whose arrivals are counted; then all go on from the highest
SUBJECT_MAX = 64  # characters; what is longer is counted by its hash
BAGGAGE_MAX = 8_192  # characters, which is what W3C's Baggage asks everybody to pass on
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


class Caller(NamedTuple):
    """What a request tells of the attempt it is; empty where it tells nothing."""

    trace: Trace | None
    visit: str = ""


class Tenant:
    """One world that is served."""

    def __init__(self, name: str, house: House, clock: Clock) -> None:
        self.name = name
        self.house = house
        self.clock = clock
        self.credentials = Credentials.of(name, house.seed.value)
        self.billed: Counter[str] = Counter()
        self.rooms: dict[type, Any] = {}  # what the faces keep for this tenant alone
        self._arrivals: Counter[str] = Counter()
        self._arrived_before = 0  # the most of anything, when counting last began anew
        self._latencies = _latencies(house)

    def __repr__(self) -> str:
        return f"Tenant({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Return all that a copy has of it: everything but what follows from the rest."""
        return {name: held for name, held in vars(self).items() if name != "_latencies"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what the other was."""
        vars(self).update(state)
        self._latencies = _latencies(self.house)

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
        """Whether the clock is frozen.

        Then a provider's own latency takes no time, for nobody could live through it; what a fault
        adds, waits until the clock is moved.
        """
        return isinstance(self.clock, ServedClock) and self.clock.frozen

    async def ask(
        self, operation: str, request: Request, subject: str, query: Any, bank: str = ""
    ) -> Any:
        """Let a provider answer; return the port's answer.

        Raises:
            NoAnswer: the transport is to fail.
            QuotaExceeded, ServerFailed: the face is to say so in its own form.
            asyncio.CancelledError: the tenant was closed meanwhile.
        """
        caller = caller_of(request.headers.get("baggage", ""))
        if caller.visit:
            await self.clock.enter(caller.visit)
        trace = caller.trace or self._named(operation, subject, bank)
        provider, _, name = operation.partition(".")
        line, behaviour = self.house.lines[provider], self.house.behaviours[provider]
        draws = self.house.seed.draws(
            operation, trace.bank, trace.application, trace.call, trace.attempt
        )
        attempt = Attempt(self, operation, getattr(behaviour, name), trace, query, draws)
        if not line.is_open(self.clock.now_s):
            refused_s = 0.0 if self.stands_still else REFUSED_S
            return await attempt.settle(Fate(refused_s, None, Unreachable), None)
        chosen = self._chosen(behaviour, name, request, query)
        sure, now_s = chosen is not None, self.clock.now_s
        fault = None if line.calm else line.fault(name, trace, now_s, draws, sure=sure)
        if fault is not None and fault.case:
            chosen = behaviour.OPERATIONS[name].case(fault.case, operation)
        if chosen is not None:
            attempt = attempt._replace(act=Meant(chosen, behaviour))
        latency_s = 0.0
        if not self.stands_still:
            latency_s = self._latencies[provider](draws.uniform(LATENCY))
        served_s = line.service_s(latency_s, fault)
        fate = line.fate(served_s, 0.0, fault)
        if not caller.visit:
            fate = patient(fate, served_s, fault)
        return await attempt.settle(fate, fault)

    def _chosen(self, behaviour: Any, name: str, request: Request, query: Any) -> Case | None:
        """Return the case that a header or a magic input asks for.

        Raises:
            WrongCase: the operation has no case of the name in the header.
        """
        operation: Operation = behaviour.OPERATIONS[name]
        said = request.headers.get(CASE_HEADER)
        if said is None:
            return operation.wanted(query)
        try:
            return operation.case(said, f"header {CASE_HEADER}")
        except InputError as wrong:
            raise WrongCase(str(wrong)) from wrong

    def _named(self, operation: str, subject: str, bank: str) -> Trace:
        """Return the name of a request whose client gave it none: each is a call of its own."""
        number = self.count(f"{operation}/{subject}")
        return Trace(bank, f"{self.name}/{subject}", number, 1, float("inf"), self.today)

    def count(self, what: str) -> int:
        """Count one more arrival of something; return how many there were, never one twice."""
        name = what if len(what) <= SUBJECT_MAX else _digest(what)
        if name not in self._arrivals and len(self._arrivals) >= ARRIVALS_MAX:
            self._arrived_before += max(self._arrivals.values())
            self._arrivals.clear()
        self._arrivals[name] += 1
        return self._arrived_before + self._arrivals[name]

    def note(self, operation: str, trace: Trace, seen: Any) -> None:
        """Write a call that came to its end into the journal.

        A call that is named by what it is about, an ID number or a phone, is noted by its hash.
        """
        if self.house.journal is None:
            return
        own = f"{self.name}/"
        if trace.application.startswith(own):
            alias = own + _digest(f"{self.house.seed.value}/{trace.application}")
            trace = trace._replace(application=alias)
        self.house.journal.note(operation, trace, self.clock.now_s, seen)

    def close(self) -> None:
        """Let go: whoever waits here is broken off."""
        if isinstance(self.clock, ServedClock):
            self.clock.close()


def _latencies(house: House) -> dict[str, Callable[[float], float]]:
    return {name: line.profile.latency() for name, line in house.lines.items()}


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


@dataclass(slots=True, frozen=True)
class Meant:
    """How a provider acts where a case was asked for; a snapshot knows a case, and no closure."""

    case: Case
    behaviour: Any

    def __call__(self, trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        """Act as the case does."""
        return self.case.act(self.behaviour, trace, query, now_s, draws)


class Attempt(NamedTuple):
    """One attempt, with all that settling it needs."""

    tenant: Tenant
    operation: str
    act: Callable[[Trace, Any, float, Draws], Any]
    trace: Trace
    query: Any
    draws: Draws

    def happen(self, now_s: float) -> Any:
        """Have the provider act."""
        return self.act(self.trace, self.query, now_s, self.draws)

    async def settle(self, fate: Fate, fault: Fault | None) -> Any:
        """Let the attempt come to its end; return the answer."""
        tenant, clock, began_s = self.tenant, self.tenant.clock, self.tenant.clock.now_s
        if fate.error is None:
            assert fate.acts_s is not None
            await clock.serve(fate.acts_s)
            answer = self.happen(clock.now_s)
            if tenant.house.bills(self.operation, answer):
                tenant.billed[self.operation] += 1
            await self._cross(fate.seen_s - fate.acts_s)
            tenant.note(self.operation, self.trace, answer)
            return answer
        if fate.acts_s is not None:
            acts_at_s = began_s + fate.acts_s
            clock.later(acts_at_s, partial(self.happen, acts_at_s))
        await clock.serve(fate.seen_s)
        tenant.note(self.operation, self.trace, fate.error)
        if fate.error in (QuotaExceeded, ServerFailed):
            raise fate.error(self.operation, f"attempt {self.trace.attempt}")
        raise NoAnswer(fate.error, fault)

    async def _cross(self, slow_s: float) -> None:
        """Let an answer cross the line: byte by byte where the transport can show that."""
        crossing = CROSSING.get()
        if crossing is None:
            await self.tenant.clock.serve(slow_s)
        else:
            crossing.slow_s += slow_s
            crossing.clock = self.tenant.clock


def visit_of(baggage: str) -> str:
    """Return the visit in whose time a request is sent; empty for everybody but our own."""
    return told_in(baggage).get("lr.visit", "") if "lr.visit" in baggage else ""


def told_in(baggage: str) -> dict[str, str]:
    """Return the words of a ``baggage`` header by their names."""
    told = {}
    for member in baggage[:BAGGAGE_MAX].split(","):
        name, _, value = member.partition(";")[0].partition("=")
        told[name.strip()] = unquote(value.strip())
    return told


def caller_of(baggage: str) -> Caller:
    """Return what a ``baggage`` header tells of the attempt; whatever is no word of ours is not."""
    if "lr." not in baggage:
        return Caller(None)
    told = told_in(baggage)
    try:
        trace = Trace(
            told["lr.bank"],
            told["lr.application"],
            int(told["lr.call"]),
            int(told["lr.attempt"]),
            float(told["lr.deadline"]),
            date.fromisoformat(told["lr.date"]),
        )
    except (KeyError, ValueError):
        return Caller(None)
    if isnan(trace.deadline_s):  # a moment that is neither before nor after any other
        return Caller(None)
    return Caller(trace, told.get("lr.visit", ""))


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
