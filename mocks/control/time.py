"""The clock of a tenant, moved by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from core.clock import DAY_S
from core.errors import InputError
from mocks.clock import ServedClock
from mocks.control.door import Strict, Theirs

if TYPE_CHECKING:
    from mocks.tenant import Tenant


class Move(Strict):
    """How far the clock is to move."""

    seconds: Annotated[float, Field(ge=0)] = 0.0
    days: Annotated[float, Field(ge=0)] = 0.0


class Speed(Strict):
    """How fast the clock is to run on; None leaves its speed."""

    speed: Annotated[float, Field(gt=0)] | None = None


def _served(tenant: Tenant) -> ServedClock:
    if not isinstance(tenant.clock, ServedClock):
        raise InputError("clock", "this tenant's time is its visits' own", "it cannot be moved")
    return tenant.clock


async def clock(tenant: Theirs) -> dict[str, Any]:
    """Tell the business time."""
    served = tenant.clock
    return {
        "now_s": tenant.now_s,
        "date": str(tenant.today),
        "frozen": tenant.stands_still,
        "speed": served.speed if isinstance(served, ServedClock) else 0.0,
    }


async def freeze(tenant: Theirs) -> dict[str, Any]:
    """Stop the clock: providers answer at once, and what a fault delays waits for a move."""
    _served(tenant).freeze()
    return await clock(tenant)


async def advance(tenant: Theirs, body: Move) -> dict[str, Any]:
    """Move the clock ahead; what falls due on the way happens in order."""
    await _served(tenant).advance(body.seconds + body.days * DAY_S)
    return await clock(tenant)


async def resume(tenant: Theirs, body: Speed | None = None) -> dict[str, Any]:
    """Let the clock run on."""
    _served(tenant).resume(body.speed if body else None)
    return await clock(tenant)
