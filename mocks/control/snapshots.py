"""Snapshots of a tenant: taken, listed, put back, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from mocks.control.door import Strict, Theirs

if TYPE_CHECKING:
    from mocks.snapshots import Snapshots


class Named(Strict):
    """Which snapshot is meant."""

    name: str


def _kept(request: Request) -> Snapshots:
    kept: Snapshots = request.app.state.snapshots
    return kept


async def take(request: Request, tenant: Theirs, body: Named) -> dict[str, Any]:
    """Keep the whole state of the tenant under a name; one of the same name is gone.

    What is on its way is kept too. Requests that are being served go on, and are not in it. A
    reset leaves snapshots alone; closing the tenant, or opening it anew, forgets them.
    """
    return _kept(request).take(tenant, body.name).told()


async def restore(request: Request, tenant: Theirs, body: Named) -> dict[str, Any]:
    """Put the tenant back as it was, business time and all, as often as you like.

    The same requests then give the same answers. Credentials stay as they are; requests that are
    being served are broken off, as on a reset. No other tenant notices.
    """
    return _kept(request).restore(tenant, body.name).told()


async def snapshots(request: Request, tenant: Theirs) -> dict[str, list[dict[str, Any]]]:
    """List the tenant's snapshots, the newest last."""
    return {"snapshots": [each.told() for each in _kept(request).of(tenant)]}


async def drop(request: Request, tenant: Theirs, name: str) -> Response:
    """Forget a snapshot."""
    _kept(request).drop(tenant, name)
    return Response(status_code=204)
