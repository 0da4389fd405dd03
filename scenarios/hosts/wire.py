"""The wall host over HTTP: our clients on one side, the providers' faces on the other.

Business time is each visit's own and jumps, as :class:`scenarios.hosts.wall.OwnTimes` has it: the
server lets a visit's time pass where a provider would take it, and what the network does to a call
is told in a header, which the transport here turns back into what httpx would have raised. So a
story takes as long as its bytes, and ends as on the other hosts.
"""

from __future__ import annotations

import asyncio
import atexit
from contextlib import AsyncExitStack
from datetime import date
from functools import cache
from itertools import count
from os import environ
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from core.adapters.http import HttpProvider, Lanes, client_of, machine_s
from core.errors import ConnectionLost, TimedOut, Unreachable
from core.gateway.door import PLATFORM_HEADER
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from core.wire.acquirer import AcquirerWire
from core.wire.bureau import BureauWire
from core.wire.carrier import CarrierWire
from core.wire.corebank import CorebankWire
from core.wire.evidence import EvidenceWire
from core.wire.face import FaceWire
from core.wire.idnet import IdNetAccess, IdNetWire
from core.wire.ocr import OcrWire
from core.wire.registry import RegistryWire
from core.wire.sanctions import SanctionsWire
from core.wire.tencent import TencentAccess
from core.wire.wechat import WeChatAccess, WeChatWire
from mocks.app import SEEN_HEADER
from mocks.tenant import Tenant, Tenants
from scenarios.device import HttpDevice
from scenarios.hosts.wall import OwnTimes, WallHost
from scenarios.hosts.world import World
from scenarios.mini_program import MiniProgram, SealedLine
from scenarios.stack import app_of, served
from scenarios.uses import keys_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from core.flow.platform import Platform
    from core.ports.trace import Trace
    from mocks.tenant import Credentials
    from scenarios.phone import Phone

T = TypeVar("T")

NEVER = date(2020, 7, 1)
CLERK = "loanrange"
ANSWER_S = 30.0  # by the machine's clock: our own bug, not a provider's slowness
BROKEN: dict[str, type[httpx.TransportError]] = {
    TimedOut.__name__: httpx.ReadTimeout,
    ConnectionLost.__name__: httpx.RemoteProtocolError,
    Unreachable.__name__: httpx.ConnectError,
}


class SeenTransport(httpx.AsyncBaseTransport):
    """Sends over real connections, and raises what a header says that the client is to see."""

    def __init__(self) -> None:
        self._inner = Lanes()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        response = await self._inner.handle_async_request(request)
        seen = response.headers.get(SEEN_HEADER)
        if seen is None:
            return response
        await response.aclose()
        raise BROKEN[seen](f"the line showed {seen}", request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class Stack:
    """One server on loopback in a loop of its own, for every world that is told over HTTP."""

    def __init__(self) -> None:
        self._worlds: dict[str, tuple[World, OwnTimes]] = {}
        self._numbers = count(1)
        self.tenants = Tenants(self._tenant)
        self._runner = asyncio.Runner()
        self._exits = AsyncExitStack()
        self.receptions: dict[str, Reception] = {}  # of the tenants whose platform is served too
        whole = app_of(self.tenants, find=self.receptions.get)
        self.port = self.run(self._exits.enter_async_context(served(whole)))
        self._clients = {name: client_of(self.address, SeenTransport()) for name in WIRED}
        self.control = client_of(self.address)
        self.gateway = client_of(self.address)
        self._elsewhere: dict[str, httpx.AsyncClient] = {}
        atexit.register(self.close)

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine beside the server."""
        return self._runner.run(work)

    def close(self) -> None:
        """Stop the server."""
        atexit.unregister(self.close)
        for client in (
            *self._clients.values(),
            *self._elsewhere.values(),
            self.control,
            self.gateway,
        ):
            self.run(client.aclose())
        self.run(self._exits.aclose())
        self._runner.close()

    def client(self, url: str) -> httpx.AsyncClient:
        """Return the client of a real endpoint, which is closed with the stack."""
        if url not in self._elsewhere:
            self._elsewhere[url] = client_of(url)
        return self._elsewhere[url]

    def open(self, world: World, clock: OwnTimes) -> Tenant:
        """Open a tenant for a world; the one before it is gone."""
        name = f"story-{next(self._numbers)}"
        self._worlds[name] = (world, clock)
        return self.tenants.open(name)

    def shut(self, tenant: Tenant) -> None:
        """Forget a tenant that nobody asks any more."""
        self.tenants.close(tenant.name)
        self.receptions.pop(tenant.name, None)
        del self._worlds[tenant.name]

    def _tenant(self, name: str, seed: int | None) -> Tenant:
        if name not in self._worlds:  # the default one, which no story is told in
            world = World(seed or 0, NEVER)
            return Tenant(name, world, OwnTimes(NEVER))
        return Tenant(name, *self._worlds[name])

    def providers(self, tenant: Tenant, clock: OwnTimes) -> dict[str, HttpProvider]:
        """Return a client of every provider that is spoken to over HTTP."""
        told = {"x-loanrange-tenant": tenant.name}
        made = wires(tenant, self.address.removeprefix("http://"))
        return {
            name: HttpProvider(name, wire, self._clients[name], ANSWER_S).telling(
                lambda: clock.told, told
            )
            for name, wire in made.items()
        }


@cache
def shared_stack() -> Stack:
    """Return the stack that all stories of this process are told on."""
    return Stack()


WIRED = (
    *("wechat", "ocr", "carrier", "face", "idnet", "sanctions"),
    *("corebank", "bureau", "registry", "acquirer", "evidence"),
)


def wires(tenant: Tenant, host: str, known: Credentials | None = None) -> dict[str, Any]:
    """Return the codec of every provider that has one, with a tenant's credentials or others."""
    known = known or tenant.credentials
    key = known.api_key
    tencent = TencentAccess(known.secret_id, known.secret_key, host, machine_s, token=known.token)
    return {
        "wechat": WeChatWire(WeChatAccess(known.appid, known.app_secret, lambda: tenant.unix_s)),
        "ocr": OcrWire(tencent),
        "carrier": CarrierWire(tencent),
        "face": FaceWire(tencent, known.rule_id),
        "idnet": IdNetWire(IdNetAccess(bank_code, CLERK, lambda: tenant.unix_s)),
        "sanctions": SanctionsWire(key),
        "corebank": CorebankWire(key),
        "bureau": BureauWire(key),
        "registry": RegistryWire(key),
        "acquirer": AcquirerWire(key),
        "evidence": EvidenceWire(key),
    }


def bank_code(bank: str) -> str:
    """Return a bank's twelve digits in the networking check: invented, as the banks are."""
    return f"{int.from_bytes(bank.encode()) % 10**12:012d}"


class WireHost(WallHost):
    """Runs the flow over HTTP against one tenant of a stack."""

    name = "wall"
    clock: OwnTimes

    def __init__(
        self,
        world: World,
        stack: Stack,
        endpoints: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        """``endpoints``: real ones by provider and bank ("": all), asked in the stack's place."""
        self._stack = stack
        clock = OwnTimes(world.start)
        self.tenant = stack.open(world, clock)
        self._providers = stack.providers(self.tenant, clock)
        self._elsewhere: dict[str, dict[str, HttpProvider]] = {}
        for (name, bank), url in (endpoints or {}).items():
            host = url.partition("://")[2].partition("/")[0]
            wire = wires(self.tenant, host, keys_of(name, self.tenant.credentials, environ))[name]
            limit_s = world.lines[name].profile.timeout_ms / 1000
            asked = HttpProvider(name, wire, stack.client(url), limit_s)
            self._elsewhere.setdefault(name, {})[bank] = asked
        self.device = HttpDevice(stack.control, self.tenant.name, lambda: clock.told)
        super().__init__(world, clock=clock)

    def run(self, journey: Coroutine[Any, Any, T], at_s: float | None = None) -> T:
        """Run one coroutine to its end, on the clock that all share."""

        async def alone() -> T:
            if at_s is not None:
                await self.clock.sleep(max(0.0, at_s - self.clock.now_s))
            result = await journey
            await self.clock.flush()
            return result

        return self._stack.run(alone())

    def receive(self, platform: Platform) -> None:
        """Serve a platform through the gateway; one that was served before is gone with all."""
        # Stories send as fast as they can, and plan crashes that are no bugs.
        reception = Reception(platform, self.tenant.name, limits=Limits(FREE), quiet=True)
        self._stack.receptions[self.tenant.name] = reception

    @property
    def reception(self) -> Reception:
        """What the gateway keeps of the platform that is served."""
        return self._stack.receptions[self.tenant.name]

    def mini_program(self, phone: Phone) -> MiniProgram:
        """Return the mini-program in a customer's phone, on its way to the gateway."""
        known, told = self.reception.channels.identity, {PLATFORM_HEADER: self.tenant.name}
        pins = {known.kid: known.public}
        line = SealedLine(self._stack.gateway, pins, told, lambda: self.clock.told)
        return MiniProgram(phone, line)

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation; pictures lie where they are kept, in process."""
        served_by = self._providers.get(provider)
        if served_by is None:
            return super()._operation(provider, name)
        own = served_by.operation(name)
        if provider not in self._elsewhere:
            return own
        there = {bank: by.operation(name) for bank, by in self._elsewhere[provider].items()}

        async def call(trace: Trace, query: Any) -> Any:
            asks = there.get(trace.bank) or there.get("") or own
            return await asks(trace, query)

        return call
