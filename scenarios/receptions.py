"""The platforms behind the gateway of a stack that serves: one for each tenant, once it is asked.

Each lives in its tenant's time and asks the tenant's providers over their own wires, through the
very port on which both are served. A tenant that was reset or restored is another one, and so is
its platform: who was logged in is logged out, as after any restart.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.gateway.reception import Reception
from mocks.clock import ServedClock
from mocks.tenant import DEFAULT
from scenarios.hosts.served import ServedHost

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from mocks.tenant import Tenant, Tenants


class Receptions:
    """The receptions of one server's tenants."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._open: dict[str, tuple[Tenant, ServedHost, Reception]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.address = ""  # of the server, once it listens

    def find(self, name: str) -> Reception | None:
        """Return the reception of a tenant's platform; None where there is no such tenant."""
        name = name or DEFAULT
        tenant, found = self._tenants.get(name), self._open.get(name)
        if found is not None and found[0] is not tenant:
            self._end(_closed(*found[1:]))
            del self._open[name]
            found = None
        if tenant is None or not isinstance(tenant.clock, ServedClock):
            return None
        if found is None:
            found = self._open[name] = self._opened(tenant)
        return found[2]

    def _opened(self, tenant: Tenant) -> tuple[Tenant, ServedHost, Reception]:
        host = ServedHost(tenant, self.address)
        platform = host.world.platform(host)
        return tenant, host, Reception(platform, tenant.name, receiver=host.receiver(platform))

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Break off what is under way, and close the connections."""
        for _, host, reception in self._open.values():
            self._end(_closed(host, reception))
        self._open.clear()
        await asyncio.gather(*self._ending)


async def _closed(host: ServedHost, reception: Reception) -> None:
    await reception.close()
    await host.aclose()
