"""The wall host beside a tenant that is served: in its time, over HTTP, and called back.

The flow asks the tenant's providers over their own wires, as a bank's platform would, and takes
their callbacks on a port of its own. What the network does to a call is seen as it is.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from core.adapters.http import HttpProvider, client_of
from core.gateway.app import gateway_app
from core.gateway.callbacks import PATH, Receiver
from core.gateway.reception import Reception
from mocks.callbacks.sender import secret_of
from mocks.clock import ServedClock
from scenarios.device import HttpDevice
from scenarios.hosts.wall import TenantTime, WallHost
from scenarios.hosts.wire import ANSWER_S, WIRED, wires
from scenarios.stack import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from core.flow.platform import Platform
    from core.ports.trace import Trace
    from mocks.tenant import Tenant
    from scenarios.hosts.world import World


class Receiving(NamedTuple):
    """Who takes callbacks, and where."""

    receiver: Receiver
    url: str


class ServedHost(WallHost):
    """Runs the flow against one tenant of a server at ``address`` (``http://127.0.0.1:8000``).

    The tenant must have one clock for all, and the server run in the same loop.
    """

    clock: TenantTime

    def __init__(self, tenant: Tenant, address: str) -> None:
        assert isinstance(tenant.clock, ServedClock), "the time is the tenant's, not its visits'"
        self.tenant, self.address = tenant, address
        made = wires(tenant, address.removeprefix("http://"))
        self._clients = {name: client_of(address) for name in WIRED}
        told = {"x-loanrange-tenant": tenant.name}
        self._providers = {
            name: HttpProvider(name, wire, self._clients[name], ANSWER_S).telling(None, told)
            for name, wire in made.items()
        }
        self._control = client_of(address)
        self.device = HttpDevice(self._control, tenant.name)
        super().__init__(cast("World", tenant.house), clock=TenantTime(tenant.clock))

    async def aclose(self) -> None:
        """Close the connections."""
        for client in (*self._clients.values(), self._control):
            await client.aclose()

    @asynccontextmanager
    async def receiving(self, platform: Platform, port: int = 0) -> AsyncIterator[Receiving]:
        """Serve a platform's gateway, which takes the tenant's callbacks; yield both."""
        receiver = self.receiver(platform)
        reception = Reception(platform, receiver=receiver)
        gateway = gateway_app(lambda _: reception)
        async with served(gateway, port) as opened:
            yield Receiving(receiver, f"http://127.0.0.1:{opened}{PATH}")
            await receiver.idle()

    def receiver(self, platform: Platform) -> Receiver:
        """Return who takes the tenant's callbacks for a platform."""
        return Receiver(platform, secret_of(self.tenant.name, self.tenant.house.seed.value))

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation; pictures lie where they are kept, in process."""
        served_by = self._providers.get(provider)
        return (
            super()._operation(provider, name) if served_by is None else served_by.operation(name)
        )
