"""What a bank's staff reads: applications, loans, what was overruled, and who has looked at what.

Read-only. Numbers and names are masked, whoever asks; what shows a person as they are is asked for
apart, with a purpose, and written down before it is shown.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from core.application import Application, State
from core.errors import InputError, ProviderError
from core.flow.look import Field as Secret
from core.flow.look import Reader as Looking
from core.flow.look import read_picture, unmask
from core.gateway.problems import Problem
from core.gateway.reception import Reception
from core.gateway.routes.ground import PAGE, At, Body, Cursor, Limit, bank_of, part_of
from core.gateway.staff import Member
from core.gateway.views import (
    LineView,
    LoanView,
    Page,
    View,
    line_view,
    loan_view,
    masked,
)
from core.identity import mask_name
from core.lending.book import Loan
from core.store.records import Access, AuditEvent, Customer, Grant, Line

if TYPE_CHECKING:
    from collections.abc import Callable

BEARER = "Bearer "


class CaseView(View):
    """An application as the bank's staff sees it: everything but who it is."""

    id: str
    product: str
    state: str
    reason: str
    customer: str
    account: str
    contract: str
    drawdowns: list[str]


class PersonView(View):
    """Who applied, masked."""

    name: str
    id_number: str
    phone: str
    entry: str
    restricted: bool


class GrantView(View):
    """A picture that a customer's credit rests on: ask for it by its id."""

    id: str
    purpose: Annotated[str, Field(examples=["id_card_front"])]
    on: date | None


class FileView(CaseView):
    """An application with all that it rests on."""

    person: PersonView
    checks: list[list[str]]
    history: list[list[str]]
    facts: dict[str, int]
    line: LineView | None
    loans: list[LoanView]
    pictures: list[GrantView]


class EventView(View):
    """Something that overruled what was written, or that a person must look at."""

    id: str
    kind: str
    subject: str
    on: date
    detail: str


class AccessView(View):
    """That somebody looked at a picture, or at a number without its mask."""

    id: str
    who: str
    role: str
    what: str
    customer: str
    purpose: str
    at_s: float


class Purpose(Body):
    """What somebody looks for: it is written down, with who asks and when, before they see it."""

    purpose: Annotated[str, Field(min_length=3, max_length=200, examples=["complaint 2020/17"])]


class Unmasking(Purpose):
    """Which number is shown without its mask."""

    field: Secret


class UnmaskedView(View):
    """A number as it is."""

    field: Secret
    value: str


class Png(Response):
    """A picture."""

    media_type = "image/*"


def _may(right: str) -> Callable[[Request, Reception, str], Member]:
    """Return what requires a right of whoever asks, at the bank of the path."""

    async def required(request: Request, at: At, bank: str) -> Member:
        if at.staff is None:
            raise Problem("not-found", "No staff is served here.")
        shown = request.headers.get("authorization", "")
        if not shown.startswith(BEARER):
            raise Problem("no-session")
        member = at.staff.member(shown.removeprefix(BEARER))
        member.require(right, bank)
        bank_of(at, bank)
        return member

    return required  # type: ignore[return-value]


Reader = Annotated[Member, Depends(_may("read"))]
Auditor = Annotated[Member, Depends(_may("audit"))]
Looker = Annotated[Member, Depends(_may("look"))]


async def cases(
    at: At,
    who: Reader,
    bank: str,
    state: Annotated[State | None, Query()] = None,
    limit: Limit = PAGE,
    cursor: Cursor = "",
) -> Page[CaseView]:
    """List a bank's applications."""
    del who
    found = await at.platform.store.all(Application, bank)
    wanted = [app for app in found if state is None or app.state is state]
    part, behind = part_of(wanted, lambda each: each.id, limit, cursor)
    return Page(items=[CaseView(**_case(app)) for app in part], next=behind)


async def case(at: At, who: Reader, bank: str, application: str) -> FileView:
    """Show an application with all that it rests on, masked."""
    del who
    store = at.platform.store
    app = await store.get(Application, application)
    if app is None or app.bank != bank:
        raise Problem("not-found", "This bank has no such application.")
    customer, line = await store.get(Customer, app.customer), await store.get(Line, app.id)
    assert customer is not None
    loans = [await store.get(Loan, f"L{draw_id[1:]}") for draw_id in app.drawdowns]
    grants = [each for each in await store.all(Grant, bank) if each.holder in (app.id, customer.id)]
    return FileView(
        **_case(app),
        person=PersonView(
            name=mask_name(customer.name),
            id_number=str(customer.number),
            phone=str(customer.phone),
            entry=customer.entry.value,
            restricted=customer.restricted,
        ),
        checks=[[step.value, str(check), str(rests)] for step, check, rests in app.checks],
        history=[[step.value, str(what)] for step, what in app.history],
        facts=dict(app.decision.facts) if app.decision is not None else {},
        line=line_view(line) if line is not None else None,
        loans=[loan_view(loan) for loan in loans if loan is not None],
        pictures=[GrantView(id=each.id, purpose=each.purpose, on=each.on) for each in grants],
    )


async def events(
    at: At, who: Auditor, bank: str, limit: Limit = PAGE, cursor: Cursor = ""
) -> Page[EventView]:
    """List what overruled the platform, or waits for a person."""
    del who
    found = await at.platform.store.all(AuditEvent, bank)
    part, behind = part_of(found, lambda each: each.id, limit, cursor)
    told = [
        EventView(id=each.id, kind=each.kind, subject=each.subject, on=each.on, detail=each.detail)
        for each in part
    ]
    return Page(items=told, next=behind)


async def accesses(
    at: At, who: Auditor, bank: str, limit: Limit = PAGE, cursor: Cursor = ""
) -> Page[AccessView]:
    """List who has looked at what, and what for."""
    del who
    found = await at.platform.store.all(Access, bank)
    part, behind = part_of(found, lambda each: each.id, limit, cursor)
    told = [
        AccessView(
            id=each.id,
            who=each.who,
            role=each.role,
            what=each.what,
            customer=each.customer,
            purpose=each.purpose,
            at_s=each.at_s,
        )
        for each in part
    ]
    return Page(items=told, next=behind)


async def show_number(
    at: At, who: Looker, bank: str, application: str, body: Unmasking
) -> UnmaskedView:
    """Show a number of an application's customer without its mask; the access is logged first."""
    app = await at.platform.store.get(Application, application)
    if app is None or app.bank != bank:
        raise Problem("not-found", "This bank has no such application.")
    subject = app.id if body.field is Secret.CARD else app.customer
    reader = _reader(who, bank)
    try:
        value = await unmask(at.platform, reader, subject, body.field, body.purpose)
    except InputError as no:
        raise Problem("not-found", f"It {no.problem}.") from None
    return UnmaskedView(field=body.field, value=value)


async def show_picture(at: At, who: Looker, bank: str, grant: str, body: Purpose) -> Png:
    """Show a picture that a credit rests on; the access is logged first."""
    objects, reader = at.platform.ports.objects, _reader(who, bank)
    try:
        picture = await read_picture(at.platform, objects, reader, grant, body.purpose)
    except InputError as no:
        raise Problem("not-found", f"It {no.problem}.") from None
    except ProviderError as fault:
        raise Problem("later") from fault
    return Png(picture.content, media_type=picture.media)


def _reader(who: Member, bank: str) -> Looking:
    """Return somebody of the staff as the log of accesses names them, in the role that may look."""
    return Looking(bank, who.name, who.role_for("look"))


def _case(app: Application) -> dict[str, Any]:
    return {
        "id": app.id,
        "product": app.product,
        "state": app.state.value,
        "reason": app.reason.code if app.reason is not None else "",
        "customer": app.customer,
        "account": masked(app.account),
        "contract": app.contract,
        "drawdowns": list(app.drawdowns),
    }
