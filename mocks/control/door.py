"""The door of the control plane: who may come in, which tenant is meant, what a mistake looks like.

It answers on loopback only, unless a token is set; then it answers whoever shows the token.
"""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from core.errors import InputError, nearest
from mocks.baggage import visit_of
from mocks.tenant import DEFAULT, TENANT_HEADER, Tenant, Tenants

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT_MAX = 16 * 1024 * 1024
TOKEN_HEADER = "x-loanrange-token"  # noqa: S105  the header's name


class Strict(BaseModel):
    """A body whose unknown keys are errors."""

    # A limit has pydantic look at every string, and refuse half characters: no answer can hold one.
    model_config = ConfigDict(extra="forbid", str_max_length=TEXT_MAX)


def doorkeeper(token: str) -> Callable[[Request], None]:
    """Return what lets in whoever shows the token; without one, whoever is on this machine."""

    def let_in(request: Request) -> None:
        if token:
            shown = request.headers.get(TOKEN_HEADER, "")
            if not compare_digest(shown.encode(), token.encode()):
                raise HTTPException(401, f"show the token in the header {TOKEN_HEADER}")
        elif request.client is None or not ip_address(request.client.host).is_loopback:
            raise HTTPException(403, "the control plane answers on loopback only; set a token")

    return let_in


async def _tenant(request: Request) -> Tenant:
    """The tenant that a request concerns, in the time of the visit that it belongs to."""
    tenants: Tenants = request.app.state.tenants
    name = request.headers.get(TENANT_HEADER, DEFAULT)
    found = tenants.get(name)
    if found is None:
        known = [tenant.name for tenant in tenants]
        raise InputError(f"tenant {name!r}", "is unknown", nearest(name, known))
    visit = visit_of(request.headers.get("baggage", ""))
    if visit:
        await found.clock.enter(visit)
    return found


Theirs = Annotated[Tenant, Depends(_tenant)]


def problem(status: int, title: str, detail: str, **more: Any) -> JSONResponse:
    """Return a problem document (RFC 9457)."""
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(said, status, media_type="application/problem+json")
