"""Log in from another front end: a mobile bank, a direct bank, a government platform."""

from __future__ import annotations

from typing import Annotated, Literal

from core.flow.enter import Entrance, admit
from core.gateway.routes.ground import At, Body, Words, bank_of, shown
from core.gateway.routes.sessions import applications_of
from core.gateway.sessions import LIVES_S
from core.gateway.views import SessionView
from core.store.records import Entry, Front

Other = Literal["mobile_bank", "direct_bank", "gov_platform"]


class Arrival(Body):
    """A ticket that the front end has signed, and the client's own name for this opening."""

    model_config = shown(ticket="eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJzcGVjaW1lbiJ9.c2lnbmVk", visit="1")

    ticket: Annotated[str, Words(4096)]
    visit: Annotated[str, Words(128)]
    referrer: Annotated[str, Words(64, 0)] = ""


async def arrive(at: At, bank: str, front: Other, body: Arrival) -> SessionView:
    """Open a session of a customer whom another front end of the bank has logged in."""
    end = Front(front)
    ticket = at.fronts.take(end, bank_of(at, bank).id, body.ticket)
    # Nothing in a front end's door says how its customer found it; a link is the nearest word.
    entrance = Entrance(bank, Entry.SHARE, f"{ticket.subject}/{body.visit}", body.referrer)
    record = await admit(at.platform, entrance, end, ticket.subject)
    token, guest = at.sessions.open(record, at.now_s)
    guest.phone = ticket.phone
    return SessionView(
        token=token,
        session=guest.id,
        subject=guest.subject,
        expires_in_s=LIVES_S,
        applications=await applications_of(at, guest),
    )
