"""The wall host over HTTP: decisions and books as on the other hosts, whoever comes at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from core.flow.journey import journey
from core.invariants import Books, check
from mocks.line import ASSUMED
from scenarios.digest import digest
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.wire import WireHost, shared_stack
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.stories import STORIES
from scenarios.stories.run import START, tell
from scenarios.stories.stage import BANK, Stage

SEED = 7
CUSTOMERS = 32
TOLD = sorted(name for name in STORIES if "wall" in STORIES[name].hosts)


@pytest.mark.parametrize("name", TOLD)
def test_a_story_ends_over_http_as_on_the_instant_host(name):
    instant, wall = (tell(STORIES[name], SEED, host) for host in ("instant", "wall"))

    assert (wall.problem, wall.outcome) == ("", instant.outcome)
    assert wall.digest == instant.digest


def world_of(error_rate):
    profiles = {name: replace(known, error_rate=error_rate) for name, known in ASSUMED.items()}
    return World(SEED, START, profiles=profiles, copying=True)


def crowd_of(host):
    """Return the journeys of 32 people; they share a bank and a product, and nothing else."""
    stage = Stage(host)
    product = stage.product()
    people = [stage.person(holds_card=number % 3 == 0) for number in range(CUSTOMERS)]
    wish = Wish(share_ppm=600_000)
    return [
        journey(stage.platform, Phone.of(host, person, BANK, wish), product) for person in people
    ]


@pytest.mark.parametrize("error_rate", [0.0, 0.05])
def test_32_customers_at_once_end_as_one_after_the_other(error_rate):
    alone = InstantHost(world_of(error_rate))
    endings = [alone.run(each, 36_000.0) for each in crowd_of(alone)]
    beside = WireHost(world_of(error_rate), shared_stack())

    async def all_at_once():
        return await asyncio.gather(*(beside.visit(each, 36_000.0) for each in crowd_of(beside)))

    crowd = shared_stack().run(all_at_once())

    told = [(each.outcome, each.step, each.reason) for each in endings]
    assert [(each.outcome, each.step, each.reason) for each in crowd] == told
    assert digest(beside.world.store, beside.world.corebank) == digest(
        alone.world.store, alone.world.corebank
    )
    books = Books(beside.world.store.tables, beside.world.corebank, beside.world.products)
    assert check(books) == []
    if error_rate:
        assert beside.world.lines["corebank"].profile.error_rate == error_rate


def test_nobody_is_served_at_an_unknown_address():
    async def ask():
        async with httpx.AsyncClient(base_url=shared_stack().address) as client:
            return await client.get("/nowhere"), await client.get("/", follow_redirects=False)

    nowhere, console = shared_stack().run(ask())

    assert (nowhere.status_code, nowhere.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert (console.status_code, console.headers["location"]) == (307, "/console")
