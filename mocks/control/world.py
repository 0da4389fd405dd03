"""Tenants, and a tenant's providers: what they can do, how they fail, what they did."""

from __future__ import annotations

from dataclasses import asdict
from ssl import DER_cert_to_PEM_cert
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from core.errors import InputError, nearest
from mocks.control import published
from mocks.control.door import Strict, Theirs
from mocks.plugins import OWN, Guest, Switch
from mocks.tenant import CHOSEN_BY, DEFAULT

if TYPE_CHECKING:
    from mocks.tenant import Tenants

JOURNAL_SHOWN = 1_000


class NewTenant(Strict):
    """A tenant's own seed; without one it has the server's."""

    seed: int | None = None


async def healthz() -> dict[str, str]:
    """Say that the server is up."""
    return {"status": "ok"}


async def providers(tenant: Theirs) -> dict[str, Any]:
    """Tell what is served: operations, cases, billing, lines, quotas, errors, and credentials."""
    told = {}
    for name, behaviour in tenant.behaviours.items():
        line = tenant.house.lines[name]
        told[name] = {
            "scope": published.scope(tenant, name),
            "operations": {
                each: published.told(operation) for each, operation in behaviour.OPERATIONS.items()
            },
            "actions": published.actions(name),
            "profile": asdict(line.profile),
            "quotas": published.quotas(tenant, name),
            "errors": published.errors(tenant, name),
            "answered_by": _answered_by(behaviour),
        }
    return {
        "tenant": tenant.name,
        "credentials": asdict(tenant.credentials),
        "chosen_by": CHOSEN_BY,
        "providers": told,
    }


def _answered_by(behaviour: Any) -> dict[str, str]:
    """Return who answers, for all ("") and for the banks that chose somebody else."""
    if isinstance(behaviour, Guest):
        return {"": behaviour.plugin.name}
    if not isinstance(behaviour, Switch):
        return {"": OWN}
    everyone = behaviour.everyone.plugin.name if behaviour.everyone else OWN
    return {"": everyone, **{bank: each.plugin.name for bank, each in behaviour.by_bank.items()}}


async def open_tenant(request: Request, name: str, body: NewTenant | None = None) -> dict[str, Any]:
    """Open a fresh tenant; one of the same name is gone."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"tenant {name!r}", "is no name", "use letters, digits, - and _")
    tenants: Tenants = request.app.state.tenants
    request.app.state.snapshots.forget(name)
    return await providers(tenants.open(name, body.seed if body else None))


async def close_tenant(request: Request, name: str) -> Response:
    """Close a tenant; the default one only begins anew."""
    tenants: Tenants = request.app.state.tenants
    request.app.state.snapshots.forget(name)
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
