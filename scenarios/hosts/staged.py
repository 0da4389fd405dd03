"""A stage on a server: a tenant in which a story is told from elsewhere, and its platform.

Business time is the tenant's own and jumps, as on the instant host (``OwnTimes``): nobody waits for
a latency or for somebody who thinks, and what is late happens when the time passes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.adapters.http import HttpProvider, client_of
from mocks.journal import Journal
from mocks.tenant import Tenant
from scenarios.device import HttpDevice
from scenarios.hosts.wall import OwnTimes, WallHost
from scenarios.hosts.wire import ANSWER_S, WIRED, SeenTransport, wires
from scenarios.hosts.world import World
from scenarios.stories.run import START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.ports.trace import Trace
    from mocks.line import Profile
    from mocks.plugins import Use
    from scenarios.stories.crash import CrashPlan


def staged(
    name: str,
    seed: int,
    profiles: dict[str, Profile] | None = None,
    crash: CrashPlan | None = None,
    uses: Mapping[str, Use] | None = None,
) -> Tenant:
    """Return a tenant for one story: its world begins at midnight of the stories' first day."""
    world = World(
        seed,
        START,
        profiles=profiles,
        journal=Journal(),
        copying=True,
        tap=crash.tap if crash is not None else None,
        uses=uses,
    )
    return Tenant(name, world, OwnTimes(START))


class StagedHost(WallHost):
    """Runs the flow against one staged tenant of a server at ``address``, in the same loop."""

    clock: OwnTimes

    def __init__(self, tenant: Tenant, address: str) -> None:
        clock, world = tenant.clock, tenant.house
        assert isinstance(clock, OwnTimes), "this tenant's time does not jump"
        assert isinstance(world, World)
        told = {"x-loanrange-tenant": tenant.name}
        made = wires(tenant, address.removeprefix("http://"))
        self._clients = {name: client_of(address, SeenTransport()) for name in WIRED}
        self._providers = {
            name: HttpProvider(name, wire, self._clients[name], ANSWER_S).telling(
                lambda: clock.told, told
            )
            for name, wire in made.items()
        }
        self._control = client_of(address)
        self.device = HttpDevice(self._control, tenant.name)
        super().__init__(world, clock=clock)

    async def aclose(self) -> None:
        """Close the connections."""
        for client in (*self._clients.values(), self._control):
            await client.aclose()

    def _operation(self, provider: str, name: str) -> Callable[[Trace, Any], Any]:
        """Return the port method of one operation; pictures lie where they are kept, in process."""
        served_by = self._providers.get(provider)
        return (
            super()._operation(provider, name) if served_by is None else served_by.operation(name)
        )
