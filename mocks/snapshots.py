"""Snapshots of a tenant: its whole world under a name, put back as often as one likes.

Kept is all that an answer can depend on: people made to order, what every behaviour remembers, the
books, journal and invoice, planned faults with how often they struck, how often each thing was
asked, what the faces keep on the wire (``Tenant.rooms``), business time, speed and whether the
clock stands. So is what was on its way (``ServedClock.later``): a write whose answer was lost and
that the provider does a minute later, is done a minute after each restore. Not kept is who waits.
A request that is served while the snapshot is taken goes on undisturbed; in the snapshot is what it
has done so far, and a restored tenant knows nothing of its client. A refusal of WeChat that names
no mini-program, and one of Tencent Cloud that names no SecretId, are nobody's: their ids go on.

A tenant is pickled as one graph, so whatever two of its parts share, they share again. It takes a
third of what ``copy.deepcopy`` takes; bytes weigh nothing on the collector while requests are
served; and a closure, which would go on holding the old world, is refused at the snapshot, where
deepcopy would pass it over. The bytes never leave the process. While they are made or read, nothing
else is served.
"""

from __future__ import annotations

import copyreg
import gc
import pickle
import re
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from core.errors import InputError, nearest
from core.seed import Seed
from mocks.clock import ServedClock
from mocks.evidence.authority import Signer
from mocks.spec import Case, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from mocks.tenant import Tenant, Tenants

SNAPSHOTS_MAX = 16  # of one tenant
NAME = re.compile(r"[A-Za-z0-9_\-]{1,64}")
# What never changes, beside what a house names: it is shared by a tenant and its snapshots. A seed
# remembers keys, which are the same for everybody who has it; a signer holds OpenSSL's objects; a
# case is part of the program, as its operation is, and its act may be any function.
UNCHANGING: tuple[type, ...] = (Seed, Signer, Case, Operation)
CANNOT = (pickle.PicklingError, TypeError, AttributeError, RecursionError)


@dataclass(slots=True, frozen=True)
class Snapshot:
    """A tenant as it was. ``shelf`` is what it shares with whoever is made of it."""

    name: str
    on: date
    calls: int
    changed: int
    content: bytes
    shelf: tuple[Any, ...]

    @classmethod
    def of(cls, tenant: Tenant, name: str) -> Snapshot:
        """Return a tenant as it is now.

        Raises:
            InputError: it holds what cannot be copied.
        """
        house, file = tenant.house, BytesIO()
        packer = Packer(file, (*UNCHANGING, *house.unchanging))
        try:
            with uncollected():
                packer.dump(tenant)
        except CANNOT as wrong:
            problem = f"tenant {tenant.name!r} holds what cannot be copied: {wrong}"
            remedy = "put a function of a module, or a plain value, in its place"
            raise InputError(f"snapshot {name!r}", problem, remedy) from wrong
        calls = len(house.journal.calls) if house.journal else 0
        changed = house.people.changed
        return cls(name, tenant.today, calls, changed, file.getvalue(), tuple(packer.shelf))

    def tenant(self) -> Tenant:
        """Return a tenant that is what the other was; its clock waits to be told to go on."""
        with uncollected():
            made: Tenant = Unpacker(self.content, self.shelf).load()
        return made

    def told(self) -> dict[str, Any]:
        """Return what a list says of it."""
        return {
            "name": self.name,
            "date": str(self.on),
            "calls": self.calls,
            "people_changed": self.changed,
            "bytes": len(self.content),
        }


class Snapshots:
    """The snapshots of one server's tenants, by the tenants' names."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._kept: dict[str, dict[str, Snapshot]] = {}

    def of(self, tenant: Tenant) -> list[Snapshot]:
        """Return a tenant's snapshots in the order in which they were taken."""
        return list(self._kept.get(tenant.name, {}).values())

    def take(self, tenant: Tenant, name: str) -> Snapshot:
        """Keep a tenant as it is now under a name; what was kept under it before is gone.

        Raises:
            InputError: no name, too many, a story's tenant, or one that cannot be copied.
        """
        if not NAME.fullmatch(name):
            remedy = "use 1 to 64 letters, digits, - and _"
            raise InputError(f"snapshot {name!r}", "is no name", remedy)
        clock_of(tenant, name)
        for gone in [each for each in self._kept if self._tenants.get(each) is None]:
            self.forget(gone)  # who closed them did not come through the control plane
        kept = self._kept.setdefault(tenant.name, {})
        if name not in kept and len(kept) >= SNAPSHOTS_MAX:
            problem = f"tenant {tenant.name!r} has {SNAPSHOTS_MAX} already"
            remedy = "take it under a name that is there, or DELETE /_control/snapshots/NAME first"
            raise InputError(f"snapshot {name!r}", problem, remedy)
        taken = Snapshot.of(tenant, name)
        kept.pop(name, None)
        kept[name] = taken
        return taken

    def restore(self, tenant: Tenant, name: str) -> Snapshot:
        """Put a tenant back; whoever is served by it now is broken off.

        The clock needs a loop to run in: this is for those who serve.

        Raises:
            InputError: it has no snapshot of that name, or is a story's.
        """
        clock_of(tenant, name)
        found = self._found(tenant, name)
        made = found.tenant()
        self._tenants.seat(made)
        clock_of(made, name).go_on()
        return found

    def drop(self, tenant: Tenant, name: str) -> None:
        """Forget one snapshot.

        Raises:
            InputError: the tenant has none of that name.
        """
        self._found(tenant, name)
        del self._kept[tenant.name][name]

    def forget(self, tenant: str) -> None:
        """Forget all snapshots of a tenant that is gone."""
        self._kept.pop(tenant, None)

    def _found(self, tenant: Tenant, name: str) -> Snapshot:
        kept = self._kept.get(tenant.name, {})
        if name not in kept:
            problem = f"tenant {tenant.name!r} has none of this name"
            raise InputError(f"snapshot {name[:80]!r}", problem, nearest(name, kept))
        return kept[name]


def clock_of(tenant: Tenant, name: str) -> ServedClock:
    """Return the clock of a tenant that can be kept: one for all who are served.

    Raises:
        InputError: each visit has a time of its own, which belongs to the visit.
    """
    if not isinstance(tenant.clock, ServedClock):
        problem = f"the time of tenant {tenant.name!r} is its visits' own"
        remedy = "take snapshots of a tenant that PUT /_control/tenants/NAME has opened"
        raise InputError(f"snapshot {name[:80]!r}", problem, remedy)
    return tenant.clock


class Packer(pickle.Pickler):
    """Writes a graph, and lays aside what is shared."""

    def __init__(self, file: BytesIO, unchanging: tuple[type, ...]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.shelf: list[Any] = []
        self.dispatch_table = {
            **copyreg.dispatch_table,
            **dict.fromkeys(unchanging, self._lay_aside),
        }

    def _lay_aside(self, shared: Any) -> tuple[Any, ...]:
        self.shelf.append(shared)
        return shelved, (len(self.shelf) - 1,)


class Unpacker(pickle.Unpickler):
    """Reads a graph, and takes what is shared from its shelf."""

    def __init__(self, content: bytes, shelf: tuple[Any, ...]) -> None:
        super().__init__(BytesIO(content))
        self._shelf = shelf

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for; that of :func:`shelved` stands for the shelf."""
        found = super().find_class(module, name)
        return self._shelf.__getitem__ if found is shelved else found


def shelved(place: int) -> Any:
    """Stand, in what was written, for the thing at a place of the shelf."""
    raise AssertionError(f"an Unpacker reads place {place}")


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the cyclic collector from looking through a graph that grows: it takes most of the time.

    Nothing in it is garbage yet.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
