"""The planned faults of a tenant: those of the lines, and those of the core bank itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Response
from pydantic import Field

from core.errors import InputError, nearest
from mocks.control.door import Strict, Theirs
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.line import Fault, FaultKind, Phase, require_known

if TYPE_CHECKING:
    from mocks.tenant import Tenant

FOREVER_S = 10.0**12  # JSON knows no infinity
KINDS = (*FaultKind, *CoreFaultKind)
CORE = "corebank"
OF_LINES = frozenset({"phase", "call", "attempts", "extra_s", "case", "count"})
OF_CORE = frozenset({"bank", "serial", "nth", "delay_s"})


class PlannedFault(Strict):
    """One fault of a plan; empty fields match everything.

    A kind of the line goes with ``phase``, ``call``, ``attempts``, ``count``, ``extra_s``, and
    ``case`` where it is a wrong answer; a kind of the core with ``bank``, ``serial``, ``nth`` and
    ``delay_s``.
    """

    provider: str
    kind: Annotated[str, Field(json_schema_extra={"enum": [kind.value for kind in KINDS]})]
    phase: Phase = Phase.BEFORE
    operation: str = ""
    call: int = 0
    application: str = ""
    attempts: tuple[int, ...] = ()
    from_s: Annotated[float, Field(ge=0)] = 0.0
    for_s: Annotated[float, Field(gt=0)] = FOREVER_S
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    extra_s: Annotated[float, Field(ge=0)] = 60.0
    case: str = ""
    count: Annotated[int, Field(ge=0)] = 0
    bank: str = ""
    serial: str = ""
    nth: Annotated[int, Field(ge=0)] = 0
    delay_s: Annotated[float, Field(ge=0)] = 60.0


async def get_faults(tenant: Theirs) -> dict[str, Any]:
    """Tell the faults that are planned, and how often each has struck."""
    planned = [asdict(fault) for line in tenant.house.lines.values() for fault in line.faults]
    for fault in planned:
        fault["for_s"] = min(fault["for_s"], FOREVER_S)
    for fault in tenant.behaviours[CORE].faults:
        told = asdict(fault)
        told["for_s"] = min(told.pop("until_s") - fault.from_s, FOREVER_S)
        planned.append({"provider": CORE, **told})
    return {"faults": planned}


async def put_faults(tenant: Theirs, body: list[PlannedFault]) -> dict[str, Any]:
    """Replace the planned faults; where one of them is wrong, nothing changes."""
    made = [_made(tenant, planned, number) for number, planned in enumerate(body, 1)]
    await delete_faults(tenant)
    return await _add(tenant, made)


async def post_faults(tenant: Theirs, body: list[PlannedFault]) -> dict[str, Any]:
    """Plan more faults, behind those that are planned; the first that strikes counts."""
    made = [_made(tenant, planned, number) for number, planned in enumerate(body, 1)]
    return await _add(tenant, made)


async def _add(tenant: Tenant, made: list[Fault | CoreFault]) -> dict[str, Any]:
    for fault in made:
        if isinstance(fault, Fault):
            tenant.house.lines[fault.provider].faults.append(fault)
        else:
            tenant.behaviours[CORE].faults.append(fault)
    return await get_faults(tenant)


async def delete_faults(tenant: Theirs) -> Response:
    """Plan no fault any more."""
    for line in tenant.house.lines.values():
        line.faults.clear()
    tenant.behaviours[CORE].faults.clear()
    return Response(status_code=204)


def _made(tenant: Tenant, planned: PlannedFault, number: int) -> Fault | CoreFault:
    place = f"fault no. {number}"
    if planned.kind not in {kind.value for kind in KINDS}:
        remedy = nearest(planned.kind, [kind.value for kind in KINDS])
        raise InputError(place, f"no kind {planned.kind!r}", remedy)
    if planned.kind in set(CoreFaultKind):
        return _of_core(tenant, planned, place)
    _require_none(planned, OF_CORE, place)
    told = planned.model_dump(exclude=set(OF_CORE)) | {"kind": FaultKind(planned.kind)}
    fault = Fault(**told)
    require_known(fault, tenant.behaviours)
    return fault


def _of_core(tenant: Tenant, planned: PlannedFault, place: str) -> CoreFault:
    kind = CoreFaultKind(planned.kind)
    if planned.provider != CORE:
        raise InputError(place, f"{kind} is a fault of the core", f"name the provider {CORE!r}")
    _require_none(planned, OF_LINES, place)
    for what, said, known in (
        ("operation", planned.operation, tenant.behaviours[CORE].OPERATIONS),
        ("bank", planned.bank, tenant.house.banks),
    ):
        if said and said not in known:
            raise InputError(place, f"no {what} {said!r}", nearest(said, known))
    told = planned.model_dump(exclude={"provider", "kind", "for_s", *OF_LINES})
    return CoreFault(kind, **told, until_s=planned.from_s + planned.for_s)


def _require_none(planned: PlannedFault, fields: frozenset[str], place: str) -> None:
    """Require that nothing is said that a fault of this kind does not listen to."""
    said = sorted(fields & planned.model_fields_set)
    if said:
        raise InputError(place, f"{planned.kind} knows no {said[0]!r}", "leave it out")
