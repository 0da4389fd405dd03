"""The control plane: what only a phone, a clock, an operator or a test can do, beside any vendor.

Everything stands under ``/_control`` and concerns the tenant that the header ``X-Loanrange-Tenant``
names, the default one without it. It answers on loopback only, unless a token is set; then it
answers whoever shows the token.
"""

from __future__ import annotations

from dataclasses import asdict
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from core.errors import InputError, nearest
from core.identity import IdNumber
from core.picture import Picture
from core.seed import Draws
from mocks.clock import ServedClock
from mocks.line import Fault, FaultKind, Phase
from mocks.tenant import DEFAULT, TENANT_HEADER, Tenant, Tenants, visit_of

if TYPE_CHECKING:
    from core.ports.people import Person

JOURNAL_SHOWN = 1_000
PEOPLE_SHOWN = 1_000
TOKEN_HEADER = "x-loanrange-token"  # noqa: S105  the header's name


class Strict(BaseModel):
    """A body whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Holder(Strict):
    """Whose phone it is, by ID number or by openid; ``nonce`` tells one act from the next."""

    id_number: str = ""
    openid: str = ""
    nonce: str = ""


class FaceShown(Holder):
    """Somebody before a camera; ``key`` and ``number`` name the chance, for our own phones."""

    biz_token: str
    key: str = ""  # a number of 64 bits, which JSON does not hold
    number: int = 0


class Grant(Holder):
    """A customer agrees to one more message of a template."""

    template: str


class Move(Strict):
    """How far the clock is to move."""

    seconds: Annotated[float, Field(ge=0)] = 0.0
    days: Annotated[float, Field(ge=0)] = 0.0


class Speed(Strict):
    """How fast the clock is to run on."""

    speed: Annotated[float, Field(gt=0)] | None = None


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
    for_s: Annotated[float, Field(gt=0)] = 10.0**12
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    extra_s: Annotated[float, Field(ge=0)] = 60.0


class NewTenant(Strict):
    """A tenant's own seed; without one it has the server's."""

    seed: int | None = None


def control_app(tenants: Tenants, token: str = "", version: str = "0") -> FastAPI:
    """Return the control plane of some tenants."""
    app = FastAPI(
        title="loanrange control plane",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/_control/openapi.json",
        dependencies=[Depends(_doorkeeper(token))],
    )
    app.state.tenants = tenants
    app.add_exception_handler(InputError, _wrong)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _refused)
    for path, methods, act in ROUTES:
        app.add_api_route(f"/_control/{path}", act, methods=[methods])
    return app


def _doorkeeper(token: str) -> Any:
    def let_in(request: Request) -> None:
        """Let in whoever shows the token; where there is none, whoever is on this machine."""
        if token:
            if not compare_digest(request.headers.get(TOKEN_HEADER, ""), token):
                raise HTTPException(401, f"show the token in the header {TOKEN_HEADER}")
        elif request.client is None or not ip_address(request.client.host).is_loopback:
            raise HTTPException(403, "the control plane answers on loopback only; set a token")

    return let_in


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(said, status, media_type="application/problem+json")


async def _wrong(request: Request, wrong: Exception) -> JSONResponse:
    del request
    return _problem(400, "Bad Request", str(wrong))


async def _misshapen(request: Request, wrong: Exception) -> JSONResponse:
    del request
    assert isinstance(wrong, RequestValidationError)
    first = wrong.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return _problem(422, "Unprocessable Content", f"{place}: {first['msg']}")


async def _refused(request: Request, no: Exception) -> JSONResponse:
    assert isinstance(no, HTTPException)
    detail = str(no.detail)
    if no.status_code == 404:
        known = sorted(path for path, _, _ in ROUTES)
        detail = (
            f"{request.url.path}: {nearest(request.url.path.removeprefix('/_control/'), known)}"
        )
    return _problem(no.status_code, detail.partition(":")[0], detail)


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


# The server and its tenants.


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


# People and their phones.


def _person(tenant: Tenant, holder: Holder) -> Person:
    found = None
    if holder.id_number:
        found = tenant.people.by_number(IdNumber(holder.id_number))
    elif holder.openid:
        found = tenant.people.by_openid(holder.openid)
    if found is None:
        whom = holder.id_number or holder.openid or "nobody"
        raise InputError(f"person {whom!r}", "is unknown", "GET /_control/people names some")
    return found


async def login(tenant: Theirs, body: Holder) -> dict[str, str]:
    """Mint a login code, as ``wx.login`` does on a phone."""
    openid, nonce = body.openid or _person(tenant, body).openid, body.nonce or _nonce(tenant, body)
    return {"js_code": tenant.behaviours["wechat"].device_login(openid, nonce, tenant.now_s)}


async def phone_code(tenant: Theirs, body: Holder) -> dict[str, str]:
    """Mint a phone code, as the button ``getPhoneNumber`` does."""
    openid, nonce = _person(tenant, body).openid, body.nonce or _nonce(tenant, body)
    return {"code": tenant.behaviours["wechat"].device_phone_code(openid, nonce, tenant.now_s)}


async def face(tenant: Theirs, body: FaceShown) -> dict[str, str]:
    """Show a face to the vendor's component."""
    person = _person(tenant, body)
    if body.key and not body.key.isdecimal():
        raise InputError("key", f"{body.key!r} is no number", "leave it out")
    key = int(body.key) if body.key else tenant.house.seed.key("device", body.biz_token)
    draws = Draws(key, body.number, 0)
    shown = tenant.behaviours["face"].show(body.biz_token, person, tenant.now_s, draws)
    return {"verdict": str(shown)}


async def grant(tenant: Theirs, body: Grant) -> dict[str, str]:
    """Let a customer agree to one more message."""
    openid = body.openid or _person(tenant, body).openid
    tenant.behaviours["wechat"].grant(openid, body.template)
    return {"openid": openid}


def _nonce(tenant: Tenant, body: Holder) -> str:
    return f"device/{tenant.count(f'device/{body.openid or body.id_number}')}"


async def people(
    tenant: Theirs, bank: str = "", n: int = 20, first: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """Name some of the people of a bank, with what their phones and cards say."""
    banks = tenant.house.banks
    bank = bank or next(iter(banks))
    if bank not in banks:
        raise InputError(f"bank {bank!r}", "is unknown", nearest(bank, banks))
    if not 1 <= n <= PEOPLE_SHOWN or first < 0:
        raise InputError("people", f"n is {n}, first is {first}", f"ask for 1 to {PEOPLE_SHOWN}")
    found = [tenant.house.people.person(bank, number) for number in range(first, first + n)]
    return {"people": [shown(each, bank) for each in found]}


def shown(person: Person, bank: str) -> dict[str, Any]:
    """Return what a client's test needs to know of a person."""
    return {
        "key": person.key,
        "bank": bank,
        "name": person.name,
        "id_number": person.id_number.text,
        "phone": person.phone.text,
        "openid": person.openid,
        "cards": [{"bank": card.bank, "number": card.number.text} for card in person.cards],
        "id_card_image": Picture.named(f"{person.key}#front").ref,
        "id_card_back_image": Picture.named(f"{person.key}#back").ref,
    }


# The clock.


def _served(tenant: Tenant) -> ServedClock:
    if not isinstance(tenant.clock, ServedClock):
        raise InputError("clock", "this tenant's time is its visits' own", "it cannot be moved")
    return tenant.clock


async def clock(tenant: Theirs) -> dict[str, Any]:
    """Tell the business time."""
    served = tenant.clock
    return {
        "now_s": tenant.now_s,
        "date": str(tenant.today),
        "frozen": isinstance(served, ServedClock) and served.frozen,
        "speed": served.speed if isinstance(served, ServedClock) else 0.0,
    }


async def freeze(tenant: Theirs) -> dict[str, Any]:
    """Stop the clock."""
    _served(tenant).freeze()
    return await clock(tenant)


async def advance(tenant: Theirs, body: Move) -> dict[str, Any]:
    """Move the clock ahead; what falls due on the way happens in order."""
    _served(tenant).advance(body.seconds + body.days * 86_400.0)
    return await clock(tenant)


async def resume(tenant: Theirs, body: Speed | None = None) -> dict[str, Any]:
    """Let the clock run on."""
    _served(tenant).resume(body.speed if body else None)
    return await clock(tenant)


# Faults, the journal, the invoice.


async def get_faults(tenant: Theirs) -> dict[str, Any]:
    """Tell the faults that are planned."""
    planned = [asdict(fault) for line in tenant.house.lines.values() for fault in line.faults]
    for fault in planned:
        fault["for_s"] = min(fault["for_s"], 10.0**12)  # JSON knows no infinity
    return {"faults": planned}


async def put_faults(tenant: Theirs, body: list[PlannedFault]) -> dict[str, Any]:
    """Replace the planned faults."""
    lines = tenant.house.lines
    made = [Fault(**planned.model_dump()) for planned in body]
    for fault in made:
        if fault.provider not in lines:
            raise InputError(
                "fault", f"no provider {fault.provider!r}", nearest(fault.provider, lines)
            )
        known = tenant.behaviours[fault.provider].OPERATIONS
        if fault.operation and fault.operation not in known:
            place = f"fault {fault.provider}"
            raise InputError(
                place, f"no operation {fault.operation!r}", nearest(fault.operation, known)
            )
    await delete_faults(tenant)
    for fault in made:
        lines[fault.provider].faults.append(fault)
    return await get_faults(tenant)


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
    kept = tenant.house.journal
    calls = list(kept.calls) if kept is not None else []
    calls = [
        call for call in calls if call.operation.startswith(f"{provider}." if provider else "")
    ]
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


Method = Literal["GET", "POST", "PUT", "DELETE"]
ROUTES: tuple[tuple[str, Method, Any], ...] = (
    ("healthz", "GET", healthz),
    ("providers", "GET", providers),
    ("tenants/{name}", "PUT", open_tenant),
    ("tenants/{name}", "DELETE", close_tenant),
    ("reset", "POST", reset),
    ("device/login", "POST", login),
    ("device/phone-code", "POST", phone_code),
    ("device/face", "POST", face),
    ("device/grant", "POST", grant),
    ("people", "GET", people),
    ("clock", "GET", clock),
    ("clock/freeze", "POST", freeze),
    ("clock/advance", "POST", advance),
    ("clock/resume", "POST", resume),
    ("faults", "GET", get_faults),
    ("faults", "PUT", put_faults),
    ("faults", "DELETE", delete_faults),
    ("journal", "GET", journal),
    ("invoice", "GET", invoice),
)
