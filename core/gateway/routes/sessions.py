"""Log in and out, and upload what a registration shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import Field

from core.application import Application, Kind
from core.errors import GaveUp, InputError, Refused
from core.flow.enter import Entrance
from core.flow.enter import log_in as log_in_there
from core.flow.journey import TRIES_MAX
from core.flow.register import application_id
from core.gateway.pictures import checked
from core.gateway.problems import Problem, refusal
from core.gateway.reception import Reception, later
from core.gateway.routes.ground import At, Body, Who, Words, bank_of, shown
from core.gateway.sealed import welcome
from core.gateway.sessions import LIVES_S, Guest
from core.gateway.views import ApplicationView, IdentityView, SessionView, application_view
from core.picture import MAGIC
from core.products import products_of
from core.store.records import Entry, Session

PLAIN_BYTES = "application/octet-stream"
Side = Literal["id_card_front", "id_card_back"]


class Login(Body):
    """A login code of ``wx.login``, and by which way the mini-program was opened.

    ``visit`` is the client's own name for this opening, ``attempt`` how often it has tried before.
    """

    model_config = shown(code="0a3Xk", visit="2020-07-15/1", entry="scan")

    code: Annotated[str, Words(256, examples=["0a3Xk…"])]
    visit: Annotated[str, Words(128, examples=["2020-07-15/1"])]
    entry: Entry = Entry.SCAN
    referrer: Annotated[str, Words(64, 0)] = ""
    attempt: Annotated[int, Field(ge=0, le=TRIES_MAX)] = 0


async def log_in(at: At, bank: str, body: Login) -> SessionView:
    """Open a session of a customer at a bank."""
    entrance = Entrance(bank_of(at, bank).id, body.entry, body.visit, body.referrer)
    try:
        record, key = await log_in_there(at.platform, entrance, body.code, body.attempt)
    except Refused as no:
        tries = body.attempt + 1
        mendable = no.reason.kind is Kind.RETRY and tries < TRIES_MAX
        raise refusal(no.reason, tries, mendable=mendable) from no
    except GaveUp as why:
        raise later(body.attempt + 1) from why
    first = await at.platform.store.get(Session, record.id)
    if first is not None and first.openid != record.openid:
        # The record of the first stays, so that nobody writes over another's.
        raise Problem("malformed", "visit: somebody else has this name, choose another")
    token, guest = at.sessions.open(record, at.now_s, key)
    return SessionView(
        token=token,
        session=guest.id,
        subject=guest.subject,
        expires_in_s=LIVES_S,
        applications=await applications_of(at, guest),
    )


async def applications_of(at: Reception, guest: Guest) -> list[ApplicationView]:
    """Return a customer's applications at their bank, by product."""
    store, found = at.platform.store, []
    for product in products_of(guest.bank, at.platform.products):
        app_id = application_id(guest.bank, guest.openid, product.id)
        app = await store.get(Application, app_id)
        if app is not None:
            found.append(application_view(app))
    return found


async def log_out(at: At, who: Who) -> Response:
    """End the session, and its channels."""
    at.sessions.close(who)
    at.channels.drop(who.id)
    return Response(status_code=204)


async def identity(at: At) -> IdentityView:
    """Tell the server's identity. A phone pins it beforehand: this is for tests to pin."""
    known = at.channels.identity
    return IdentityView(kid=known.kid, public=known.public.hex())


async def shake_hands(at: At, who: Who, request: Request) -> Response:
    """Begin a sealed channel for this session: a hello is answered with a welcome."""
    said = await welcome(at.platform, at.channels, who, await request.body())
    return Response(said, 201, media_type="application/json")


async def envelope() -> Response:
    """Send a request in an envelope: what it answers with is sealed, too (docs/CHANNEL.md)."""
    raise Problem("not-sealed")  # the door has opened whatever opens


async def upload(at: At, who: Who, side: Side, request: Request) -> Response:
    """Keep a picture of one side of the ID card for the registration of this session."""
    sent = request.headers.get("content-type", PLAIN_BYTES).partition(";")[0].strip().lower()
    if sent != PLAIN_BYTES and sent not in {media for _, media in MAGIC}:
        raise Problem("unsupported", "Send a picture: image/jpeg, image/png or image/bmp.")
    try:
        picture = checked(await request.body())
    except InputError as wrong:
        raise Problem("unsupported", f"The picture {wrong.problem}; {wrong.remedy}.") from wrong
    at.sessions.keep_upload(who, side, picture)
    return Response(status_code=204)
