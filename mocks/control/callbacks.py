"""The callbacks of a tenant: who is told what and how, what was sent, and once more."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from pydantic import Field

from core.errors import InputError, nearest
from mocks.acquirer.orders import orders_of
from mocks.callbacks.events import KINDS
from mocks.callbacks.outbox import Outbox, Subscription
from mocks.callbacks.sender import secret_of
from mocks.clock import MOVED_MAX_S, ServedClock
from mocks.control.door import Strict, Theirs

if TYPE_CHECKING:
    from mocks.tenant import Tenant

SUBSCRIPTIONS_MAX = 16
COPIES_MAX = 10
RETRIES_MAX = 20
SHOWN = 1_000  # lines of the log
URL_MAX = 2_000

Seconds = Annotated[float, Field(ge=0, le=MOVED_MAX_S, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class NewSubscription(Strict):
    """Who is told what, and how (``mocks.callbacks.outbox.Subscription``); no events: all."""

    url: Annotated[str, Field(max_length=URL_MAX)]
    events: Annotated[
        tuple[str, ...], Field(max_length=len(KINDS), json_schema_extra={"examples": [[*KINDS]]})
    ] = ()
    delay_s: Seconds = 0.0
    copies: Annotated[int, Field(ge=1, le=COPIES_MAX)] = 1
    apart_s: Seconds = 0.0
    reorder: Share = 0.0
    window_s: Annotated[float, Field(gt=0, le=MOVED_MAX_S, allow_inf_nan=False)] = 60.0
    lost: Share = 0.0
    retry_after_s: Annotated[tuple[Seconds, ...], Field(max_length=RETRIES_MAX)] = (
        *(5.0, 30.0),
        *(300.0, 1_800.0),
    )


class Again(Strict):
    """Which event is to be sent once more."""

    event_id: str


async def get_callbacks(tenant: Theirs) -> dict[str, Any]:
    """Tell who is told what, the secret that it is signed with, and what there is to tell of."""
    outbox: Outbox | None = tenant.rooms.get(Outbox)
    return {
        "secret": secret_of(tenant.name, tenant.house.seed.value),
        "subscriptions": [asdict(each) for each in outbox.subscriptions] if outbox else [],
        "events": KINDS,
    }


async def put_callbacks(
    request: Request,
    tenant: Theirs,
    body: Annotated[list[NewSubscription], Field(max_length=SUBSCRIPTIONS_MAX)],
) -> dict[str, Any]:
    """Replace who is told what; where one of them is wrong, nothing changes.

    What was on its way to those before is not sent any more.
    """
    anywhere: bool = request.app.state.anywhere
    made = [_made(each, f"callbacks[{index}]", anywhere) for index, each in enumerate(body)]
    outbox = _outbox(tenant)
    outbox.subscribe(made)
    _connect(tenant, outbox if made else None)
    return await get_callbacks(tenant)


async def delete_callbacks(tenant: Theirs) -> Response:
    """Tell nobody anything any more; the log stays."""
    outbox: Outbox | None = tenant.rooms.get(Outbox)
    if outbox is not None:
        outbox.subscribe([])
        _connect(tenant, None)
    return Response(status_code=204)


async def deliveries(tenant: Theirs, limit: int = SHOWN, event: str = "") -> dict[str, Any]:
    """Tell the last attempts, the newest last, and what is still to be sent, the next first."""
    if not 1 <= limit <= SHOWN:
        raise InputError("limit", f"is {limit}", f"ask for 1 to {SHOWN}")
    outbox: Outbox | None = tenant.rooms.get(Outbox)
    if outbox is None:
        return {"deliveries": [], "pending": []}
    rows = [row for row in outbox.rows if event in ("", row.event)]
    pending = [each for each in outbox.pending.values() if event in ("", each.event.id)]
    pending.sort(key=lambda each: (each.due_s, each.number))
    return {
        "deliveries": [asdict(row) for row in rows[-limit:]],
        "pending": [
            {
                "event": each.event.id,
                "type": each.event.type,
                "url": each.to.url,
                "copy": each.copy,
                "attempt": each.attempt,
                "again": each.again,
                "due_s": each.due_s,
            }
            for each in pending[:limit]
        ],
    }


async def replay(tenant: Theirs, body: Again) -> dict[str, Any]:
    """Send an event once more, now, with the id that it had; tell what came of it."""
    return {"deliveries": [asdict(row) for row in await _outbox(tenant).repeat(body.event_id)]}


def _outbox(tenant: Tenant) -> Outbox:
    clock = tenant.clock
    if not isinstance(clock, ServedClock):
        problem = "this tenant's time is its visits' own"
        remedy = "ask a tenant that PUT /_control/tenants/NAME has opened"
        raise InputError("callbacks", problem, remedy)
    return tenant.room(Outbox, partial(Outbox, tenant.name, tenant.house.seed, clock))


def _connect(tenant: Tenant, outbox: Outbox | None) -> None:
    """Have the providers tell an outbox, or nobody."""
    tenant.behaviours["corebank"].listen(outbox)
    orders_of(tenant).listen(outbox)


def _made(said: NewSubscription, place: str, anywhere: bool) -> Subscription:
    for kind in said.events:
        if kind not in KINDS:
            raise InputError(f"{place}.events", f"no event {kind[:80]!r}", nearest(kind, KINDS))
    _check_url(said.url, f"{place}.url", anywhere)
    told = said.model_dump() | {"events": tuple(dict.fromkeys(said.events)) or tuple(KINDS)}
    return Subscription(**told)


def _check_url(url: str, place: str, anywhere: bool) -> None:
    """Require an address of this machine, or any where the control plane has a token.

    Raises:
        InputError: it is none.
    """
    remedy = "give one as http://127.0.0.1:9000/webhooks"
    try:
        parts = urlsplit(url)
        host, known = parts.hostname or "", parts.port != 0
    except ValueError:
        host, known = "", False
    plain = url.isascii() and url.isprintable() and " " not in url
    if not (plain and known and host and parts.scheme in ("http", "https")):
        raise InputError(place, f"{url[:80]!r} is no address", remedy)
    if parts.username is not None or parts.fragment:
        raise InputError(place, f"{url[:80]!r} has a user or a fragment", remedy)
    if not anywhere and not _is_loopback(host):
        remedy = "name 127.0.0.1, or serve with a token for the control plane"
        raise InputError(place, f"{host[:80]!r} is not this machine", remedy)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
