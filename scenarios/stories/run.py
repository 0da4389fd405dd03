"""Tell stories: each in a fresh tenant on the chosen host; the books are checked after each."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from core.errors import GaveUp, InputError, ProviderError, Refused
from mocks.journal import Journal
from scenarios.digest import hash_of
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.world import World
from scenarios.stories.crash import Broken, Crash
from scenarios.stories.operator import judge
from scenarios.stories.stage import Stage, StoryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scenarios.hosts.remote import Target
    from scenarios.hosts.wire import WireHost
    from scenarios.hosts.world import Host
    from scenarios.stories.operator import Verdict
    from scenarios.stories.story import Story
    from scenarios.uses import Uses

START = date(2020, 7, 1)
# What fails a story, and not its teller.
FAILED = (StoryFailed, Refused, GaveUp, ProviderError, InputError, AssertionError, Crash, Broken)


def over_http(world: World, endpoints: Mapping[tuple[str, str], str] | None = None) -> Host:
    """Return the wall host, on the stack that all stories share; what serves is loaded now."""
    from scenarios.hosts.wire import WireHost, shared_stack

    return WireHost(world, shared_stack(), endpoints)


HOSTS: dict[str, Callable[[World], Any]] = {
    "instant": InstantHost,
    "virtual": VirtualHost,
    "wall": over_http,
}


@dataclass(slots=True)
class Told:
    """How the telling of one story went."""

    name: str
    title: str
    hosts: tuple[str, ...]
    passed: bool
    outcome: str
    reason: str
    digest: str
    problem: str = ""
    step: str = ""
    calls: list[str] = field(default_factory=list)
    let_through: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the story's part of ``story --json``."""
        told: dict[str, Any] = {
            "name": self.name,
            "hosts": list(self.hosts),
            "passed": self.passed,
            "outcome": self.outcome,
            "reason": self.reason,
            "digest": self.digest,
        }
        if self.let_through:
            told["let_through"] = self.let_through
        if not self.passed:
            told["problem"], told["step"], told["calls"] = self.problem, self.step, self.calls
        return told


def tell(
    story: Story,
    seed: int,
    host_name: str = "instant",
    uses: Uses | None = None,
    via: str = "",
) -> Told:
    """Tell one story on one host; never raises for a story that fails.

    ``via``: whether customers come through the ``gateway``, which the wall host has and which is
    the way there where none is named, or straight to the ``flow``.

    Raises:
        InputError: a real endpoint is to be asked, or the gateway to be gone through, on a host
            that asks nobody over a network.
    """
    if via == "gateway" and host_name != "wall":
        raise InputError("--via gateway", f"the {host_name} host has none", "add --host wall")
    if uses is not None and host_name != "wall":
        uses.require_mocks(f"the {host_name} host")
    crash = story.crash() if story.crash else None
    world = World(
        seed,
        START,
        profiles=story.profiles,
        faults=story.faults,
        journal=Journal(),
        copying=True,
        tap=crash.tap if crash else None,
        uses=uses.plugins if uses else None,
    )
    endpoints = uses.endpoints if uses else {}
    host: Host = over_http(world, endpoints) if endpoints else HOSTS[host_name](world)
    served = via != "flow" and hasattr(host, "receive")
    stage = Stage(host, cast("WireHost", host) if served else None)
    problem = ""
    try:
        host.run(story.tell(stage))
    except FAILED as no:
        problem = _why(no)
    return told_of(story, stage, problem, judge(world, stage.platform, strictly=bool(story.strict)))


async def tell_at(target: Target, story: Story, seed: int) -> Told:
    """Tell one story on a server that runs, in a tenant of its own.

    Raises:
        MachineError: the server went away.
    """
    async with target.stage(story, seed) as stage:
        problem = ""
        try:
            await story.tell(stage)
        except FAILED as no:
            problem = _why(no)
        verdict = await stage.operator.verdict(strictly=bool(story.strict))
        return told_of(story, stage, problem, verdict)


def _why(no: BaseException) -> str:
    """Return in a line why a story failed."""
    if isinstance(no, StoryFailed):
        return str(no)
    problem = f"{type(no).__name__}: {no}"
    if isinstance(no, AssertionError):  # a bug of ours: where it was seen
        problem += f" in {traceback.format_tb(no.__traceback__)[-1].strip()}"
    return problem


def told_of(story: Story, stage: Stage, problem: str, verdict: Verdict) -> Told:
    """Return how a story went, which ended with a problem or without, as its books are found."""
    if not problem and verdict.violated:
        problem = f"invariant violated: {verdict.violated}"
    missing = set(story.strict) - {name for name, _ in verdict.let_through}
    if not problem and missing:
        problem = f"judged strictly it should violate {', '.join(sorted(missing))}"
    last = stage.last
    return Told(
        story.name,
        story.title,
        story.hosts,
        not problem,
        last.outcome if last else "",
        last.reason.name if last and last.reason else "",
        verdict.digest,
        problem,
        last.step.value if last else "",
        verdict.calls if problem else [],
        [text for _, text in verdict.let_through],
    )


def tell_all(
    stories: Iterable[Story],
    seed: int,
    host: str,
    progress: Callable[[Told], None] | None = None,
    uses: Uses | None = None,
    via: str = "",
) -> list[Told]:
    """Tell stories one after another."""
    told = []
    for each in stories:
        told.append(tell(each, seed, host, uses, via))
        if progress is not None:
            progress(told[-1])
    return told


async def tell_all_at(
    target: Target, stories: Iterable[Story], seed: int, progress: Callable[[Told], None]
) -> list[Told]:
    """Tell stories one after another on a server that runs.

    Raises:
        InputError, MachineError: there is nobody there, or nobody on whose stage they can be told.
    """
    told = []
    async with target:
        for each in stories:
            told.append(await tell_at(target, each, seed))
            progress(told[-1])
    return told


def as_json(told: list[Told], seed: int, host: str) -> dict[str, Any]:
    """Return the document of ``story --json``."""
    return {
        "seed": seed,
        "host": host,
        "digest": hash_of(f"{each.name} {each.digest}" for each in told),
        "stories": [each.as_json() for each in told],
    }
