"""Complete journeys a second: registered, granted, an account opened where needed, signed, paid."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

from core.flow.journey import Ending, journey
from mocks.line import ASSUMED, Profile
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.population.traits import Traits
from scenarios.stories.stage import BANK, Stage

COUNT = 1_000
ARRIVE_EVERY_S = 2.0
SERVED = {
    name: Profile(known.p50_ms, known.p99_ms, known.timeout_ms, servers=40, quota_per_s=100.0)
    for name, known in ASSUMED.items()
}


def crowd(host: Any) -> list[Coroutine[Any, Any, Ending]]:
    """Return the journeys of people made beforehand; so many of them hold a card as usual."""
    stage = Stage(host)
    product = stage.product()
    holders = COUNT * Traits().holds_card
    people = [stage.person(holds_card=number < holders) for number in range(COUNT)]
    wish = Wish(share_ppm=600_000)
    return [
        journey(stage.platform, Phone.of(host, person, BANK, wish), product) for person in people
    ]


def count_done(endings: list[Ending]) -> int:
    """Return how many got their money; all should."""
    done = sum(ending.outcome == "done" for ending in endings)
    assert done > 0.97 * COUNT, f"only {done} of {COUNT} were paid"
    return done


def instant() -> tuple[Callable[[], int], str, str]:
    """On the instant host."""
    host = InstantHost(World(11, date(2020, 7, 1)))
    journeys = crowd(host)
    return (
        lambda: count_done([host.run(each, 36_000.0) for each in journeys]),
        "journeys/s",
        "reach 2,500",
    )


def virtual() -> tuple[Callable[[], int], str, str]:
    """On the virtual host: stations of 40 servers, quotas, and every wait and latency kept."""
    host = VirtualHost(World(11, date(2020, 7, 1), profiles=SERVED))
    journeys = crowd(host)

    def work() -> int:
        begun = [
            host.spawn(each, 36_000.0 + number * ARRIVE_EVERY_S)
            for number, each in enumerate(journeys)
        ]
        host.env.run()
        return count_done([process.value for process in begun])

    return work, "journeys/s", "reach 1,250"


BENCHES = {"journeys.instant": instant, "journeys.virtual": virtual}
