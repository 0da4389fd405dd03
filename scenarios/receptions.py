"""The platforms behind the gateway of a stack that serves: one for each tenant, once it is asked.

Each lives in its tenant's time and asks the tenant's providers over their own wires, through the
very port on which both are served. It keeps its records in memory, or in a database, where every
tenant has a fresh place of its own. A tenant that was reset or restored is another one, and so is
its platform: who was logged in is logged out, as after any restart.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, cast

from core.adapters.objects.files import FileObjects
from core.adapters.objects.keyring import FileKeyring
from core.adapters.objects.sealed import SealedObjects
from core.errors import MachineError
from core.flow.funding import open_funding
from core.flow.platform import Platform
from core.gateway.limits import FREE, Limits
from core.gateway.problems import Problem
from core.gateway.reception import Reception
from mocks.clock import ServedClock
from mocks.tenant import DEFAULT
from scenarios.hosts.served import ServedHost
from scenarios.hosts.staged import StagedHost
from scenarios.hosts.wall import OwnTimes
from scenarios.issuers import Believed
from scenarios.places import open_place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from pathlib import Path
    from typing import Any

    from core.adapters.sql import SqlStore
    from core.store.memory import MemoryStore
    from mocks.tenant import Tenant, Tenants
    from scenarios.places import Places

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Behind:
    """What stands behind the gateway for one tenant; ``store`` is None where memory is."""

    tenant: Tenant
    host: ServedHost | StagedHost
    reception: Reception
    store: SqlStore | None = None
    place: str = "memory"
    pictures: FileObjects | None = None

    @property
    def platform(self) -> Platform:
        """The platform that is served."""
        return self.reception.platform

    async def come_up(self) -> None:
        """Have the platform come up anew, with what was saved; who was logged in is logged out."""
        await self.reception.close()
        self.reception = await _reception(self.tenant, self.host, self.store)

    async def close(self) -> None:
        """Break off what is under way; close the connections and the store."""
        await self.reception.close()
        await self.host.aclose()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)
        if self.pictures is not None:
            await asyncio.to_thread(self.pictures.close)


class Receptions:
    """The receptions of one server's tenants."""

    def __init__(
        self,
        tenants: Tenants,
        places: Places | None = None,
        believed: Believed | None = None,
        objects: Path | None = None,
    ) -> None:
        """``places``: of their records, where those are kept in a database.

        ``objects``: the folder of their pictures, sealed, and of the banks' keys.
        """
        self._objects = objects
        self._tenants = tenants
        self._believed = believed or Believed()
        self._places = places
        self._open: dict[str, Behind] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._one_opening = asyncio.Lock()
        self.address = ""  # of the server, once it listens

    def find(self, name: str) -> Reception | Awaitable[Reception | None] | None:
        """Return the reception of a tenant's platform; None where there is no such tenant.

        Where one must be opened in a database, it is to be awaited.
        """
        tenant = self._tenants.get(name or DEFAULT)
        found = self._standing(name)
        if found is not None:
            return found.reception
        if tenant is None or not isinstance(tenant.clock, (ServedClock, OwnTimes)):
            self._sweep()
            return None
        return self._found(tenant)

    def now(self) -> list[Reception]:
        """Return those that stand now."""
        return [behind.reception for behind in self._open.values()]

    async def _found(self, tenant: Tenant) -> Reception:
        try:
            return (await self._opened(tenant)).reception
        except MachineError as no:
            LOG.error("%s", no)
            raise Problem("later", tries=1, mendable=True) from no

    async def behind(self, name: str) -> Behind | None:
        """Return all that stands behind the gateway for a tenant; None where there is none.

        Raises:
            MachineError: its records cannot be opened.
        """
        tenant = self._tenants.get(name or DEFAULT)
        return None if tenant is None else await self._opened(tenant)

    def _standing(self, name: str) -> Behind | None:
        """Return what stands for a tenant as it is now."""
        found = self._open.get(name or DEFAULT)
        now = self._tenants.get(name or DEFAULT)
        return found if found is not None and found.tenant is now else None

    async def _opened(self, tenant: Tenant) -> Behind:
        """Return what stands for a tenant, opened where it was not; one after the other."""
        async with self._one_opening:
            found = self._standing(tenant.name)
            if found is None:
                self._sweep()
                await asyncio.gather(*self._ending)  # a file that is still open cannot move aside
                found = self._open[tenant.name] = await self._made(tenant)
            return found

    async def _made(self, tenant: Tenant) -> Behind:
        store, place = None, "memory"
        if self._places is not None:
            store, place = await asyncio.to_thread(open_place, self._places, tenant.name)
        kind = StagedHost if isinstance(tenant.clock, OwnTimes) else ServedHost
        host = kind(tenant, self.address)
        if store is not None:  # a snapshot must not pass over what the world has elsewhere
            host.world.store = cast("MemoryStore", store)
        pictures = None
        if self._objects is not None:
            pictures = await asyncio.to_thread(_seal, host, tenant.name, self._objects)
        reception = await _reception(tenant, host, store)
        reception.staff, reception.fronts = self._believed.staff, self._believed.fronts
        return Behind(tenant, host, reception, store, place, pictures)

    def _sweep(self) -> None:
        """Let go of what stands for tenants that are gone, or are others by now."""
        for name in [name for name in self._open if self._standing(name) is None]:
            self._end(self._open.pop(name).close())

    def _end(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Break off what is under way; close the connections and the stores."""
        for behind in self._open.values():
            self._end(behind.close())
        self._open.clear()
        await asyncio.gather(*self._ending)


def _seal(host: ServedHost | StagedHost, tenant: str, folder: Path) -> FileObjects:
    """Have a platform keep its pictures sealed, in a fresh place of the folder; return what keeps.

    The keys of pictures lie in the platform's store, which is new as well: an older place is left
    as it is, for what lies there was sealed under keys of another store.

    Raises:
        MachineError: the folder cannot be made or written.
    """
    taken = (folder / f"{tenant}-{number}" for number in count(1))
    place = next(each for each in taken if not each.exists())
    pictures = FileObjects(place / "pictures")
    keyring = FileKeyring(place / "keys")
    host.ports.objects = SealedObjects(pictures, host.world.store, keyring)
    return pictures


async def _reception(
    tenant: Tenant, host: ServedHost | StagedHost, store: SqlStore | None
) -> Reception:
    """Return the reception of a platform that comes up now."""
    world = host.world
    platform = Platform(host.ports, store or world.store, host.clock, world.banks, world.products)
    await open_funding(platform)
    if isinstance(host, StagedHost):  # a story comes as fast as it can, and its crashes are planned
        return Reception(platform, tenant.name, limits=Limits(FREE), quiet=True)
    return Reception(platform, tenant.name, receiver=host.receiver(platform))
