"""A running stack as a host: phones that live here, providers and platform that live there.

The people of a tenant follow from its seed, so whoever is made there is made here as well, and
their phone knows what it shows. Business time is the tenant's: whoever thinks moves its clock,
which is frozen, and nobody waits. The platform is reached through its gateway alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from core.adapters.http import client_of
from core.errors import MachineError, Unreadable
from core.gateway.door import PLATFORM_HEADER
from scenarios.device import HttpDevice
from scenarios.hosts.world import World
from scenarios.mini_program import MiniProgram, SealedLine
from scenarios.phone import Phone, Wish
from scenarios.stories.run import START

if TYPE_CHECKING:
    from datetime import date

    from core.ports.people import Person


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
