"""Tenants, and a tenant's providers: what they can do, how they fail, what they did."""

from __future__ import annotations

from dataclasses import asdict
from ssl import DER_cert_to_PEM_cert
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Request, Response
from pydantic import Field

from core.errors import InputError, nearest
from mocks.control.door import Strict, Theirs
from mocks.line import Fault, FaultKind, Phase
from mocks.tenant import DEFAULT

if TYPE_CHECKING:
    from mocks.tenant import Tenant, Tenants

JOURNAL_SHOWN = 1_000
FOREVER_S = 10.0**12  # JSON knows no infinity


class PlannedFault(Strict):
    """One fault of a plan; empty fields match everything."""

    provider: str
    kind: FaultKind
    phase: Phase = Phase.BEFORE
    operation: str = ""
    call: int = 0
    application: str = ""
    attempts: tuple[int, ...] = ()
    from_s: Annotated[float, Field(ge=0)] = 0.0
    for_s: Annotated[float, Field(gt=0)] = FOREVER_S
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    extra_s: Annotated[float, Field(ge=0)] = 60.0


class NewTenant(Strict):
    """A tenant's own seed; without one it has the server's."""

    seed: int | None = None


async def healthz() -> dict[str, str]:
    """Say that the server is up."""
    return {"status": "ok"}


async def providers(tenant: Theirs) -> dict[str, Any]:
    """Tell what is served: operations, scopes, lines, and the tenant's credentials."""
    told = {}
    for name, behaviour in tenant.behaviours.items():
        line = tenant.house.lines[name]
        told[name] = {
            "scope": line.profile.scope or behaviour.SCOPE,
            "operations": {
                operation.name: {"writes": operation.writes}
                for operation in behaviour.OPERATIONS.values()
            },
            "profile": asdict(line.profile),
        }
    return {
        "tenant": tenant.name,
        "credentials": asdict(tenant.credentials),
        "providers": told,
    }


async def open_tenant(request: Request, name: str, body: NewTenant | None = None) -> dict[str, Any]:
    """Open a fresh tenant; one of the same name is gone."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"tenant {name!r}", "is no name", "use letters, digits, - and _")
    tenants: Tenants = request.app.state.tenants
    return await providers(tenants.open(name, body.seed if body else None))


async def close_tenant(request: Request, name: str) -> Response:
    """Close a tenant; the default one only begins anew."""
    tenants: Tenants = request.app.state.tenants
    tenants.open(name) if name == DEFAULT else tenants.close(name)
    return Response(status_code=204)


async def reset(request: Request, tenant: Theirs) -> dict[str, str]:
    """Begin the tenant anew: people as they were, nothing remembered, no faults."""
    request.app.state.tenants.open(tenant.name, tenant.house.seed.value)
    return {"tenant": tenant.name}


class Pem(Response):
    """A certificate in PEM (RFC 7468, section 5)."""

    media_type = "application/x-pem-file"


async def root(tenant: Theirs) -> Pem:
    """Give the root that the tenant's contracts and time stamps are verified against."""
    der = tenant.behaviours["evidence"].authority.root.der
    return Pem(DER_cert_to_PEM_cert(der))


async def get_faults(tenant: Theirs) -> dict[str, Any]:
    """Tell the faults that are planned."""
    planned = [asdict(fault) for line in tenant.house.lines.values() for fault in line.faults]
    for fault in planned:
        fault["for_s"] = min(fault["for_s"], FOREVER_S)
    return {"faults": planned}


async def put_faults(tenant: Theirs, body: list[PlannedFault]) -> dict[str, Any]:
    """Replace the planned faults."""
    made = [_made(tenant, planned) for planned in body]
    await delete_faults(tenant)
    for fault in made:
        tenant.house.lines[fault.provider].faults.append(fault)
    return await get_faults(tenant)


def _made(tenant: Tenant, planned: PlannedFault) -> Fault:
    behaviour = tenant.behaviours.get(planned.provider)
    if behaviour is None:
        remedy = nearest(planned.provider, tenant.behaviours)
        raise InputError("fault", f"no provider {planned.provider!r}", remedy)
    known = behaviour.OPERATIONS
    if planned.operation and planned.operation not in known:
        remedy = nearest(planned.operation, known)
        raise InputError(f"fault {planned.provider}", f"no operation {planned.operation!r}", remedy)
    return Fault(**planned.model_dump())


async def delete_faults(tenant: Theirs) -> Response:
    """Plan no fault any more."""
    for line in tenant.house.lines.values():
        line.faults.clear()
    return Response(status_code=204)


async def journal(
    tenant: Theirs, limit: int = JOURNAL_SHOWN, provider: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """Tell the last calls, the newest last; nothing of a person stands in it."""
    if not 1 <= limit <= JOURNAL_SHOWN:
        raise InputError("limit", f"is {limit}", f"ask for 1 to {JOURNAL_SHOWN}")
    if provider and provider not in tenant.behaviours:
        raise InputError("provider", f"{provider!r} is none", nearest(provider, tenant.behaviours))
    kept, start = tenant.house.journal, f"{provider}." if provider else ""
    calls = [call for call in kept.calls if call.operation.startswith(start)] if kept else []
    return {
        "calls": [
            {
                "operation": call.operation,
                "application": call.application,
                "call": call.call,
                "attempt": call.attempt,
                "at_s": call.at_s,
                "seen": call.word,
            }
            for call in calls[-limit:]
        ]
    }


async def invoice(tenant: Theirs) -> dict[str, dict[str, int]]:
    """Tell how many calls were billed, by provider and operation."""
    return {"billed": dict(sorted(tenant.billed.items()))}
