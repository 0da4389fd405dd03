"""A running stack as a host: phones that live here, providers and platform that live there.

The people of a tenant follow from its seed, so whoever is made there is made here as well, and
their phone knows what it shows. Business time is the tenant's: whoever thinks moves its clock,
which is frozen, and nobody waits. The platform is reached through its gateway alone.

:class:`Target` is such a stack on which stories are told: what is no customer's doing is asked of
the operator's desk there (``scenarios.stories.desk``).
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import httpx

from core.adapters.http import client_of
from core.documents import converter
from core.errors import InputError, MachineError, Unreadable
from core.gateway.door import PLATFORM_HEADER
from core.seed import Seed
from core.store.records import FACTS
from mocks.control.door import TOKEN_HEADER
from mocks.line import Fault
from scenarios.device import HttpDevice
from scenarios.hosts.world import World, built_in
from scenarios.mini_program import MiniProgram, SealedLine
from scenarios.phone import Phone, Wish
from scenarios.population.register import FIELDS, Population
from scenarios.stories.operator import Verdict
from scenarios.stories.packing import pack, unpack
from scenarios.stories.run import START
from scenarios.stories.stage import Stage, StoryFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import date

    from core.application import Reason
    from core.ports.people import Person
    from core.store.records import Drawdown, Record
    from scenarios.hosts.world import Host
    from scenarios.population.people import Person as Citizen
    from scenarios.stories.story import Story

R = TypeVar("R", bound="Record")

LIMIT_S = 60.0  # of the machine's time, for one answer: a server that is silent so long is gone
_CONVERTER = converter()


class RemoteTime:
    """The business time of a tenant elsewhere, as it was last told."""

    def __init__(self, start: date, control: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.start = start
        self.now_s = 0.0
        self._control = control
        self._headers = headers

    async def sleep(self, wait_s: float) -> None:
        """Move the tenant's clock ahead."""
        await self._tell("advance", {"seconds": wait_s})

    async def freeze(self) -> None:
        """Stop the tenant's clock: providers answer at once, and only who waits moves it."""
        await self._tell("freeze", {})

    async def _tell(self, what: str, body: dict[str, Any]) -> None:
        path = f"/_control/clock/{what}"
        answer = await self._control.post(path, json=body, headers=self._headers)
        if not answer.is_success:
            raise Unreadable(f"clock.{what}", f"{answer.status_code}: {answer.text[:200]}")
        self.now_s = answer.json()["now_s"]


class RemoteHost:
    """One tenant of a stack that serves at ``address``, opened anew."""

    name = "wall"

    def __init__(self, address: str, tenant: str, seed: int) -> None:
        self.world = World(seed, START)
        self._headers = {PLATFORM_HEADER: tenant}
        self._tenant = tenant
        self._seed = seed
        self._client = client_of(address)
        self.clock = RemoteTime(START, self._client, self._headers)
        self.device = HttpDevice(self._client, tenant)
        self._pins: dict[str, bytes] = {}

    async def __aenter__(self) -> RemoteHost:
        """Open the tenant, freeze its clock, and pin the identity of its gateway.

        Raises:
            MachineError: nobody serves there, or not with a control plane that is open to us.
        """
        try:
            opened = await self._client.put(
                f"/_control/tenants/{self._tenant}", json={"seed": self._seed}
            )
            opened.raise_for_status()
            await self.clock.freeze()
            told = await self._client.get("/api/v1/identity", headers=self._headers)
            known = told.raise_for_status().json()
        except httpx.HTTPError as error:
            problem = f"{self._client.base_url} serves no gateway with an open control plane"
            raise MachineError(problem, f"python sim.py serve ({error})") from error
        self._pins = {known["kid"]: bytes.fromhex(known["public"])}
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def person(self, bank: str, **traits: bool) -> Person:
        """Have somebody made who passes every check, but for their traits; return them."""
        said = {"bank": bank, "traits": traits}
        answer = await self._client.post("/_control/people", json=said, headers=self._headers)
        made = answer.raise_for_status().json()
        number = int(made["key"].rpartition("/")[2])
        person = self.world.people.make(bank, number, **traits)
        assert person.id_number.text == made["id_number"], "the seeds differ"
        return person

    def mini_program(self, person: Person, bank: str, visit: str = "1", **wish: Any) -> MiniProgram:
        """Return the mini-program in somebody's phone, on its sealed way to the gateway."""
        phone = Phone.of(self, person, bank, Wish(**wish), visit)  # type: ignore[arg-type]
        return MiniProgram(phone, SealedLine(self._client, self._pins, self._headers))


class Target:
    """A server that runs, at ``address``, in whose tenants stories are told.

    ``token`` opens its control plane, where it wants one.
    """

    def __init__(self, address: str, token: str = "") -> None:
        self.address = address.rstrip("/")
        self._control = client_of(self.address)
        self._gateway = client_of(self.address)  # a customer shows no token
        self._control.timeout = self._gateway.timeout = httpx.Timeout(LIMIT_S)
        if token:
            self._control.headers[TOKEN_HEADER] = token

    async def __aenter__(self) -> Target:
        """Require that stories can be told there.

        Raises:
            MachineError: nobody serves there.
            InputError: it has no control plane or no operator's desk of ours, or none for us.
        """
        try:
            await self._check()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._control.aclose()
        await self._gateway.aclose()

    async def _check(self) -> None:
        for place, what in (
            ("/_control/healthz", "control plane, where stories plan faults and people"),
            ("/_operator/healthz", "operator's desk, where stories close days and read the books"),
        ):
            answer = await self.send("GET", place)
            if answer.status_code == 401:
                remedy = "set LOANRANGE_TOKEN to the one that the server has"
                raise InputError(f"--target {self.address}", "wants a token", remedy)
            if not answer.is_success:
                problem = f"has no {what} (GET {place}: {answer.status_code})"
                remedy = "name a server that python sim.py serve has started"
                raise InputError(f"--target {self.address}", problem, remedy)

    async def send(
        self, method: str, path: str, said: Any = None, tenant: str = ""
    ) -> httpx.Response:
        """Send a request to the control plane or the desk, for a tenant.

        Raises:
            MachineError: nobody answers.
        """
        headers = {PLATFORM_HEADER: tenant} if tenant else {}
        try:
            return await self._control.request(method, path, json=said, headers=headers)
        except httpx.HTTPError as error:
            problem = f"nobody serves at {self.address} ({type(error).__name__})"
            raise MachineError(problem, "start it: python sim.py serve") from error

    async def ask(self, method: str, path: str, said: Any = None, tenant: str = "") -> Any:
        """Send a request; return what is answered.

        Raises:
            MachineError: it is not done.
        """
        answer = await self.send(method, path, said, tenant)
        if not answer.is_success:
            problem = f"{self.address} does not do {path}: {answer.status_code}"
            raise MachineError(f"{problem} {answer.text[:200]}", "see what it says of it")
        return answer.json() if answer.content else None

    @asynccontextmanager
    async def stage(self, story: Story, seed: int) -> AsyncIterator[Stage]:
        """Set the stage for one story in a tenant of its own, which is closed behind it."""
        tenant = f"story-{story.name}-{seed}"
        await self.ask("PUT", f"/_control/tenants/{tenant}", {"seed": seed})
        try:
            crash = story.crash() if story.crash else None
            plan = {
                "profiles": _CONVERTER.unstructure(story.profiles),
                "crash": None if crash is None else asdict(crash),
            }
            await self.ask("PUT", "/_operator/stage", plan, tenant)
            await self.ask("PUT", "/_control/faults", [*map(planned, story.faults)], tenant)
            host = StagedElsewhere(self, tenant, seed, self._control, self._gateway)
            await host.pin()
            yield Stage(cast("Host", host), host, host.operator)
        finally:
            await self.ask("DELETE", f"/_control/tenants/{tenant}")


def planned(fault: Fault) -> dict[str, Any]:
    """Return a planned fault as the control plane takes it: what is as usual is left out."""
    usual = {each.name: each.default for each in fields(Fault) if each.init}
    said = {name: getattr(fault, name) for name in usual}
    return {name: value for name, value in said.items() if value != usual[name]}


class Mirror:
    """What is known here of a world elsewhere: its people, banks and products, and its seed."""

    def __init__(self, seed: int, start: date) -> None:
        banks, products = built_in()
        self.seed, self.start = Seed(seed), start
        self.banks, self.products = dict(banks), dict(products)
        self.people = Population(self.seed, start, self.banks)

    def __getattr__(self, name: str) -> NoReturn:
        """Give nothing else.

        Raises:
            StoryFailed: a story reaches for it all the same.
        """
        raise StoryFailed(f"world.{name} is a server's: this story must ask its operator")


class StagedElsewhere:
    """A stage on a server, as a host: people and phones live here, all else lives there."""

    name = "wall"

    def __init__(
        self,
        target: Target,
        tenant: str,
        seed: int,
        control: httpx.AsyncClient,
        gateway: httpx.AsyncClient,
    ) -> None:
        self.world = Mirror(seed, START)
        self.clock = StageTime(START, self._sleep)
        self.operator = OperatorElsewhere(self, target, tenant)
        self.device = Telling(control, tenant, self.operator.tell_people)
        self._target = target
        self._tenant = tenant
        self._gateway = gateway
        self._pins: dict[str, bytes] = {}

    async def pin(self) -> None:
        """Pin the identity of the gateway, which is new whenever the platform has come up."""
        known = await self._target.ask("GET", "/api/v1/identity", None, self._tenant)
        self._pins = {known["kid"]: bytes.fromhex(known["public"])}

    async def _sleep(self, wait_s: float) -> None:
        await self.operator.do("sleep", wait_s=wait_s)

    def mini_program(self, phone: Phone) -> MiniProgram:
        """Return the mini-program in a customer's phone, on its sealed way to the gateway."""
        line = SealedLine(self._gateway, self._pins, {PLATFORM_HEADER: self._tenant})
        return MiniProgram(phone, line)


class StageTime:
    """The business time of a stage elsewhere, as it was last told."""

    def __init__(self, start: date, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.start = start
        self.now_s = 0.0
        self._sleep = sleep

    async def sleep(self, wait_s: float) -> None:
        """Let business time pass there."""
        await self._sleep(wait_s)


class Telling(HttpDevice):
    """Phones of a stage; before one of them does anything, the people are told there."""

    def __init__(
        self, client: httpx.AsyncClient, tenant: str, tell: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(client, tenant)
        self._tell = tell

    async def _ask(self, what: str, **said: Any) -> dict[str, Any]:
        await self._tell()
        return await super()._ask(what, **said)


class OperatorElsewhere:
    """The operator of a stage: its acts are done at the desk of a server."""

    def __init__(self, host: StagedElsewhere, target: Target, tenant: str) -> None:
        self._host = host
        self._target = target
        self._tenant = tenant
        self._untold: list[dict[str, Any]] = []  # people of whom the server does not know yet

    async def do(self, act: str, **said: Any) -> Any:
        """Do an act; return what comes of it, or raise what it ran into there."""
        value = await self._ask(act, said)
        if isinstance(value, BaseException):
            raise value
        return value

    async def _ask(self, act: str, said: dict[str, Any]) -> Any:
        await self.tell_people()
        packed = {name: pack(value) for name, value in said.items()}
        told = await self._target.ask("POST", f"/_operator/acts/{act}", packed, self._tenant)
        self._host.clock.now_s = told["now_s"]
        return unpack(told["value"])

    async def tell_people(self) -> None:
        """Have those made there who were made here, and changed who was changed."""
        while self._untold:
            said = self._untold.pop(0)
            shown = await self._target.ask("POST", "/_control/people", said, self._tenant)
            own = self._host.world.people.by_key(shown["key"])
            assert own is not None and own.id_number.text == shown["id_number"], "the seeds differ"

    def make(self, bank: str, number: int, truth: dict[str, Any]) -> Citizen:
        """Return somebody who passes every check, but for the ``truth`` that is given."""
        person = self._host.world.people.make(bank, number, **truth)
        self._untold.append({"bank": bank, "number": number, **_said_of(truth)})
        return person

    def change(self, person: Citizen, truth: dict[str, Any]) -> None:
        """Change what is true of somebody."""
        for name, value in truth.items():
            setattr(person, name, value)
        self._untold.append({"key": person.key, **_said_of(truth)})

    # Records, and what others have written down

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return a record as it was saved."""
        return cast("R | None", await self.do("get", table=table, record_id=record_id))

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of a bank."""
        return cast("list[R]", await self.do("all", table=table, bank=bank))

    async def save(self, record: Record) -> None:
        """Keep a record as it is now, and count its version up."""
        await self.do("save", record=record)
        if type(record) not in FACTS:
            record.version += 1

    async def entries(self, bank: str) -> list[str]:
        """Return the kinds of the entries that a bank's core has posted, in their order."""
        return cast("list[str]", await self.do("entries", bank=bank))

    async def opened(self, bank: str) -> int:
        """Return how many accounts with a bound card a bank's core holds."""
        return int(await self.do("opened", bank=bank))

    async def bureau_asked(self) -> int:
        """Return how often the bureau was asked."""
        return int(await self.do("bureau_asked"))

    # Acts

    async def close(self, bank: str, on: date) -> int:
        """Close a day of a bank; return what the day end left open."""
        return int(await self.do("close", bank=bank, on=on))

    async def set_quota(self, bank: str, quota_fen: int) -> None:
        """Set what a bank may have lent out at once."""
        await self.do("set_quota", bank=bank, quota_fen=quota_fen)

    async def take_back(self, drawdown: str) -> Drawdown:
        """Have the core undo a payout."""
        return cast("Drawdown", await self.do("take_back", drawdown=drawdown))

    async def write_off(self, loan: str) -> None:
        """Write a loan off."""
        await self.do("write_off", loan=loan)

    async def unlock(self, loan: str) -> None:
        """Lift a loan's lock."""
        await self.do("unlock", loan=loan)

    async def rescreen(self, bank: str) -> list[str]:
        """Screen every customer of a bank again; return whom that restricted."""
        return cast("list[str]", await self.do("rescreen", bank=bank))

    async def withdraw(self, customer: str, on: date) -> None:
        """End a customer's consent."""
        await self.do("withdraw", customer=customer, on=on)

    async def reserve(self, application: str, request: str, amount_fen: int) -> Drawdown:
        """Set an amount aside for a signed customer."""
        asked = {"application": application, "request": request, "amount_fen": amount_fen}
        return cast("Drawdown", await self.do("reserve", **asked))

    async def cancel(self, application: str, request: str) -> Drawdown | None:
        """Give back what was set aside."""
        asked = {"application": application, "request": request}
        return cast("Drawdown | None", await self.do("cancel", **asked))

    async def bring_in(self, loan: str, request: str, amount_fen: int) -> None:
        """Have a customer move money from the bound card onto the account."""
        await self.do("bring_in", loan=loan, request=request, amount_fen=amount_fen)

    async def spend(self, loan: str) -> None:
        """Have a customer move everything on the account out to the bound card."""
        await self.do("spend", loan=loan)

    async def put_on_list(self, person: str) -> None:
        """Put a person, by their key, on the name list, in a version that holds from now on."""
        await self.do("put_on_list", person=person)

    # The process, the time, the books

    async def come_up(self) -> None:
        """Have the platform come up anew there; its gateway has another identity then."""
        await self.do("come_up")
        await self._host.pin()

    async def untold(self) -> Reason | None:
        """Return the last no that the gateway kept to itself."""
        return cast("Reason | None", await self.do("untold"))

    async def broken(self) -> BaseException | None:
        """Return what broke behind the gateway last."""
        return cast("BaseException | None", await self._ask("broken", {}))

    async def look(self) -> None:
        """Learn the business time."""
        await self.do("look")

    async def verdict(self, *, strictly: bool) -> Verdict:
        """Let everything that is on its way arrive there, and have the books judged."""
        told = await self.do("verdict", strictly=strictly)
        digest, violated, let_through, calls = told
        return Verdict(digest, violated, [(name, text) for name, text in let_through], calls)


def _said_of(truth: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of somebody as the control plane takes it: fields and traits."""
    told = {name: _CONVERTER.unstructure(value) for name, value in truth.items()}
    return {
        "truth": {name: value for name, value in told.items() if name in FIELDS},
        "traits": {name: value for name, value in told.items() if name not in FIELDS},
    }
