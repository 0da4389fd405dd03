"""When results are ready: immediately, after so many questions, or after a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Response
from pydantic import Field

from core.errors import InputError, nearest
from mocks.acquirer.orders import orders_of
from mocks.clock import MOVED_MAX_S
from mocks.control.door import Strict, Theirs
from mocks.corebank.writes import ACTS
from mocks.results import Readiness

if TYPE_CHECKING:
    from mocks.tenant import Tenant

CORE, FLOW = "corebank", "acquirer.flow"
POLLS_MAX = 1_000_000
# What can be slow: a write of the core, and an order of a merchant's takings.
OPERATIONS = (*(f"{CORE}.{name}" for name, _ in ACTS.values()), FLOW)


class Plan(Strict):
    """When the result of one operation is ready; with neither of the two, immediately.

    ``after_polls`` is the question after it that is the first to be told (1: the very first).
    """

    operation: Annotated[str, Field(max_length=128, json_schema_extra={"enum": [*OPERATIONS]})]
    after_polls: Annotated[int, Field(ge=1, le=POLLS_MAX)] | None = None
    after_s: Annotated[float, Field(gt=0, le=MOVED_MAX_S, allow_inf_nan=False)] | None = None


async def get_results(tenant: Theirs) -> dict[str, Any]:
    """Tell when results are ready; what is not named is ready immediately."""
    return {
        "results": [
            {"operation": name, "after_s": ready.after_s}
            if ready.polls is None
            else {"operation": name, "after_polls": ready.polls}
            for name, ready in _planned(tenant).items()
        ],
        "operations": OPERATIONS,
    }


async def put_results(
    tenant: Theirs, body: Annotated[list[Plan], Field(max_length=2 * len(OPERATIONS))]
) -> dict[str, Any]:
    """Replace the plan; where one line is wrong, nothing changes. What runs, runs as it began."""
    made: dict[str, Readiness | None] = {}
    for index, plan in enumerate(body):
        place = f"results[{index}]"
        if plan.operation in made:
            raise InputError(place, f"{plan.operation} is planned twice", "leave one of them out")
        made[plan.operation] = _made(plan, place)
    _plan(tenant, {name: ready for name, ready in made.items() if ready is not None})
    return await get_results(tenant)


async def delete_results(tenant: Theirs) -> Response:
    """Have every result ready immediately."""
    _plan(tenant, {})
    return Response(status_code=204)


def _made(plan: Plan, place: str) -> Readiness | None:
    if plan.operation not in OPERATIONS:
        problem = f"{plan.operation[:80]!r} is no write of the core, and not {FLOW}"
        raise InputError(f"{place}.operation", problem, nearest(plan.operation, OPERATIONS))
    if plan.after_polls is not None and plan.after_s is not None:
        raise InputError(place, "has after_polls and after_s", "leave one of them out")
    if plan.after_polls is not None:
        return Readiness(polls=plan.after_polls)
    return None if plan.after_s is None else Readiness(after_s=plan.after_s)


def _planned(tenant: Tenant) -> dict[str, Readiness]:
    own = tenant.behaviours[CORE].readiness
    planned = {f"{CORE}.{name}": ready for name, ready in own.items()}
    flow = orders_of(tenant).readiness
    return planned if flow is None else {**planned, FLOW: flow}


def _plan(tenant: Tenant, planned: dict[str, Readiness]) -> None:
    tenant.behaviours[CORE].readiness = {
        name.partition(".")[2]: ready for name, ready in planned.items() if name != FLOW
    }
    orders_of(tenant).readiness = planned.get(FLOW)
