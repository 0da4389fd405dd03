"""What every operation stands on: who asks, at which platform, and how lists are cut in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from core.clock import date_at
from core.gateway.problems import Problem
from core.gateway.reception import Reception
from core.gateway.sessions import Guest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from core.banks import Bank

T = TypeVar("T")

RECEPTION, GUEST = "reception", "guest"  # in the state of a request's scope
PAGE, PAGE_MAX = 20, 100


# No control characters, and none that turn the direction of what stands behind them.
PLAIN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"


class Body(BaseModel):
    """A body whose unknown fields are errors; no text in it is long."""

    model_config = ConfigDict(extra="forbid", str_max_length=512)


def Words(most: int, least: int = 1, **more: Any) -> Any:  # noqa: N802  it reads as Field does
    """Return the field of a text that a client names something with."""
    return Field(min_length=least, max_length=most, pattern=PLAIN, **more)


def shown(**example: Any) -> ConfigDict:
    """Return the settings of a body that shows an example of itself."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def _reception(request: Request) -> Reception:
    """The platform that a request is served by."""
    found: Reception = request.scope["state"][RECEPTION]
    return found


def _guest(request: Request) -> Guest:
    """Who asks."""
    found: Guest | None = request.scope["state"].get(GUEST)
    if found is None:
        raise Problem("no-session")
    # The door has looked, too; what it reads a path as is not what decides here.
    if request.path_params.get("bank", found.bank) != found.bank:
        raise Problem("other-bank")
    return found


At = Annotated[Reception, Depends(_reception)]
Who = Annotated[Guest, Depends(_guest)]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="how many at most")]
Cursor = Annotated[str, Query(max_length=64, description="`next` of the part before")]


def bank_of(reception: Reception, bank: str) -> Bank:
    """Return a bank of the platform.

    Raises:
        Problem: there is none of that name.
    """
    found = reception.platform.banks.get(bank)
    if found is None:
        raise Problem("not-found", "There is no such bank.")
    return found


def today(reception: Reception) -> date:
    """Return the business date."""
    clock = reception.platform.clock
    return date_at(clock.start, clock.now_s)


def part_of(
    items: Iterable[T], name: Callable[[T], str], limit: int, after: str
) -> tuple[list[T], str]:
    """Return the part of a list behind a cursor, in the order of names, and the next cursor."""
    behind = sorted((each for each in items if name(each) > after), key=name)
    part = behind[:limit]
    return part, name(part[-1]) if len(behind) > limit else ""


def brought(body: BaseModel, *kinds: str) -> dict[str, Any]:
    """Return what a request brings of what a step may ask for: the fields that it has."""
    return {kind: getattr(body, kind) for kind in kinds if kind in body.model_fields_set}
