"""What a story is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from mocks.line import Fault, Profile
    from scenarios.stories.crash import CrashPlan
    from scenarios.stories.stage import Stage

Tell = Callable[["Stage"], Awaitable[None]]


@dataclass(slots=True)
class Story:
    """A story with what is planned to go wrong in it.

    ``strict`` names the invariants that the story means to break when every product is judged by
    the prudent policy: what the source's own policy lets through.
    """

    name: str
    title: str
    tell: Tell
    faults: tuple[Fault, ...] = ()
    profiles: dict[str, Profile] | None = None
    crash: Callable[[], CrashPlan] | None = None
    hosts: tuple[str, ...] = ("instant", "virtual", "wall")
    strict: tuple[str, ...] = ()


STORIES: dict[str, Story] = {}


def story(
    *faults: Fault,
    profiles: dict[str, Profile] | None = None,
    crash: Callable[[], CrashPlan] | None = None,
    strict: tuple[str, ...] = (),
) -> Callable[[Tell], Tell]:
    """Put a story on the list; its name is the function's, its title the docstring's first line."""

    def put(tell: Tell) -> Tell:
        name = tell.__name__
        add(name, (tell.__doc__ or "").partition("\n")[0], tell, faults)
        STORIES[name.lower()].profiles = profiles
        STORIES[name.lower()].crash = crash
        STORIES[name.lower()].strict = strict
        return tell

    return put


def add(name: str, title: str, tell: Tell, faults: tuple[Fault, ...] = ()) -> None:
    """Put a story on the list under a name of its own."""
    name = name.lower()  # as it is looked up
    assert name not in STORIES, f"there are two stories called {name}"
    assert title, f"story {name} has no title"
    STORIES[name] = Story(name, title, tell, faults)


def find(names: tuple[str, ...]) -> list[Story]:
    """Return the named stories, all where none is named; spaces may stand for underscores.

    Raises:
        InputError: no story has that name; the nearest is named.
    """
    wanted = [name.strip().replace(" ", "_").lower() for name in names] or list(STORIES)
    for name in wanted:
        if name not in STORIES:
            raise InputError(f"story {name!r}", "is unknown", nearest(name, STORIES))
    return [STORIES[name] for name in wanted]
