"""``serve``: providers, control plane and gateway on one loopback port, until it is stopped."""

from __future__ import annotations

import asyncio
import signal
from os import environ
from typing import TYPE_CHECKING

from rich.markup import escape

from core.errors import InputError
from mocks.clock import SPEED_MAX, ServedClock
from mocks.journal import Journal
from mocks.tenant import DEFAULT, Tenant, Tenants
from scenarios.collector import calm
from scenarios.commands.door import FINE, SEED
from scenarios.file import load_scenario
from scenarios.hosts.staged import staged
from scenarios.hosts.world import World, built_in
from scenarios.issuers import Believed, believed_in
from scenarios.output import dumps
from scenarios.places import places_of
from scenarios.receptions import Receptions
from scenarios.stack import app_of, served
from scenarios.stories.desk import desk_app
from scenarios.stories.run import START
from scenarios.uses import added, choice_of, plugins, uses_of
from scenarios.watching import watched

if TYPE_CHECKING:
    from pathlib import Path

    from mocks.line import Profile
    from scenarios.commands.door import Terminal
    from scenarios.stories.crash import CrashPlan

MORNING_S = 36_000.0  # it opens at ten o'clock of the first day
JOURNAL_KEPT = 10_000  # calls of a tenant
PORT_MAX = 65_535
OPENED_BY = "LOANRANGE_TOKEN"  # of the environment: an argument would be seen by everybody on it


def run(  # noqa: PLR0913, PLR0917  one argument an option
    terminal: Terminal,
    port: int,
    speed: float,
    scenario: Path | None,
    use: tuple[str, ...],
    db: str | None,
    objects: Path | None,
    issuers: Path | None,
    log: str | None,
    trace: str | None,
    seed: int | None,
    out: Path,
) -> int:
    """Serve until somebody stops it."""
    del out  # nothing is written
    if not 0 <= port <= PORT_MAX:
        raise InputError("--port", f"is {port}", f"use 0 (any) to {PORT_MAX}")
    if not 0 < speed <= SPEED_MAX:
        raise InputError("--speed", f"is {speed}", f"use a number above 0, to {SPEED_MAX:,.0f}")
    terminal.seed = seed = _seed(scenario, seed)
    places = places_of(db) if db is not None else None
    believed = believed_in(issuers) if issuers is not None else Believed()
    maker = _Maker(scenario, seed, speed, use)
    with watched(log or "", trace or ""), calm():
        tenants = Tenants(maker)
        receptions = Receptions(tenants, places, believed, objects)
        asyncio.run(_serve(terminal, maker, tenants, receptions, port))
    return FINE


def _seed(scenario: Path | None, seed: int | None) -> int:
    if seed is None and scenario is not None:
        return load_scenario(scenario).scenario.seed
    return SEED if seed is None else seed


class _Maker:
    """Makes a tenant: a fresh world of the scenario, or of our assumed figures."""

    def __init__(
        self, scenario: Path | None, seed: int, speed: float, words: tuple[str, ...]
    ) -> None:
        self._path, self._seed, self._speed = scenario, seed, speed
        self._file = load_scenario(scenario) if scenario is not None else None
        written = self._file.choices() if self._file else []
        self._uses = uses_of([*written, *map(choice_of, words)], built_in()[0])
        self._uses.require_mocks("what serves the mocks")

    def __call__(self, name: str, seed: int | None) -> Tenant:
        world = self._world(self._seed if seed is None else seed)
        return Tenant(name, world, ServedClock(world.start, self._speed, MORNING_S))

    def stage(
        self,
        name: str,
        seed: int,
        profiles: dict[str, Profile] | None,
        crash: CrashPlan | None,
    ) -> Tenant:
        """Return a tenant in which a story is told: on the stories' own terms, by who answers."""
        return staged(name, seed, profiles, crash, self._uses.plugins)

    def _world(self, seed: int) -> World:
        journal, file, start = Journal.bounded(JOURNAL_KEPT), self._file, START
        if file is None or self._path is None:
            return World(
                seed,
                start,
                journal=journal,
                copying=True,
                uses=self._uses.plugins,
                added=added(),
            )
        start = file.scenario.start
        return World(
            seed,
            start,
            uses=self._uses.plugins,
            added=added(),
            profiles=file.profiles(self._path.parent),
            faults=file.faults(),
            outages=file.outages(),
            journal=journal,
            copying=True,  # as a database does: what was not saved is not kept
        )


async def _serve(
    terminal: Terminal, maker: _Maker, tenants: Tenants, receptions: Receptions, port: int
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    token = environ.get(OPENED_BY, "")
    desk = desk_app(tenants, receptions, maker.stage, token)
    whole = app_of(tenants, token, added().values(), receptions.find, desk, receptions.now)
    async with served(whole, port) as opened:
        receptions.address = f"http://127.0.0.1:{opened}"
        try:
            behind = await receptions.behind(DEFAULT)
            assert behind is not None
            _tell(terminal, tenants.default, opened, behind.place)
            await stopped.wait()
        finally:
            await receptions.close()


def _tell(terminal: Terminal, tenant: Tenant, port: int, place: str) -> None:
    """Say where it listens, where it keeps, and what a client needs."""
    address, known = f"http://127.0.0.1:{port}", tenant.credentials
    if terminal.as_json:
        terminal.document(
            dumps(
                {
                    "address": address,
                    "port": port,
                    "control": f"{address}/_control",
                    "gateway": f"{address}/api/v1",
                    "records": place,
                }
            )
        )
        return
    terminal.say(f"serving on {address}, seed {terminal.seed}, business date {tenant.today}")
    terminal.say(f"  Tencent Cloud   endpoint 127.0.0.1:{port}, SecretId {known.secret_id}")
    terminal.say(f"  WeChat          {address}/sns, /cgi-bin, /wxa; appid {known.appid}")
    terminal.say(f"  gateway         {address}/api/v1, described at {address}/api/openapi.json")
    terminal.say(f"  control plane   {address}/_control/providers shows keys and operations")
    terminal.say(f"  records         {escape(place)}; other tenants' beside it")
    for name in added():
        terminal.say(f"  {name:<15} {address}/{name}/v1, by a plugin")
    for problem in plugins().refused.values():
        terminal.say(f"  not served: {problem}")
    terminal.say("stop it with Ctrl-C")
