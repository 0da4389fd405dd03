"""The gateway as one application: its operations, its OpenAPI document, its door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from core.gateway.door import Door
from core.gateway.problems import MEDIA, PROBLEMS, Problem
from core.gateway.routes import applications, banks, loans, sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.gateway.reception import Reception

BASE = "/api/v1"
OF_BANK = "/banks/{bank}"
OF_APPLICATION = f"{OF_BANK}/applications/{{application}}"
OF_LOAN = f"{OF_BANK}/loans/{{loan}}"


class Route(NamedTuple):
    """One operation; ``status`` is what it usually ends with, ``also`` what else is no problem."""

    method: str
    path: str
    act: Callable[..., Any]
    status: int = 200
    also: int = 0


ROUTES = (
    Route("GET", "/healthz", banks.healthz),
    Route("GET", "/readyz", banks.readyz),
    Route("GET", "/problems/{name}", banks.problem),
    Route("POST", "/callbacks", banks.callback, 204),
    Route("GET", "/banks", banks.banks),
    Route("GET", OF_BANK, banks.bank),
    Route("GET", f"{OF_BANK}/products", banks.products),
    Route("GET", f"{OF_BANK}/texts", banks.texts),
    Route("POST", f"{OF_BANK}/sessions", sessions.log_in, 201),
    Route("DELETE", f"{OF_BANK}/session", sessions.log_out, 204),
    Route("GET", "/identity", sessions.identity),
    Route("POST", f"{OF_BANK}/channel", sessions.shake_hands, 201),
    Route("POST", "/sealed", sessions.envelope),
    Route("PUT", f"{OF_BANK}/uploads/{{side}}", sessions.upload, 204),
    Route("POST", f"{OF_BANK}/applications", applications.register_customer, 201),
    Route("GET", f"{OF_BANK}/applications", applications.list_applications),
    Route("GET", OF_APPLICATION, applications.read_application),
    Route("POST", f"{OF_APPLICATION}/consent", applications.consent, 200, 202),
    Route("DELETE", f"{OF_APPLICATION}/consent", applications.withdraw_consent, 204),
    Route("POST", f"{OF_APPLICATION}/decision", applications.decide, 200, 202),
    Route("GET", f"{OF_APPLICATION}/decision", applications.read_decision),
    Route("POST", f"{OF_APPLICATION}/account", applications.account, 200, 202),
    Route("GET", f"{OF_APPLICATION}/contract", applications.read_contract),
    Route("POST", f"{OF_APPLICATION}/contract", applications.sign_contract, 200, 202),
    Route("GET", f"{OF_APPLICATION}/line", applications.read_line),
    Route("POST", f"{OF_APPLICATION}/drawdowns", applications.draw_down, 201, 202),
    Route("GET", f"{OF_APPLICATION}/drawdowns", applications.list_drawdowns),
    Route("GET", f"{OF_APPLICATION}/drawdowns/{{request_name}}", applications.read_drawdown),
    Route("DELETE", f"{OF_APPLICATION}/drawdowns/{{request_name}}", applications.cancel),
    Route("GET", f"{OF_BANK}/loans", loans.list_loans),
    Route("GET", OF_LOAN, loans.read_loan),
    Route("GET", f"{OF_LOAN}/schedule", loans.schedule),
    Route("GET", f"{OF_LOAN}/quote", loans.quote),
    Route("POST", f"{OF_LOAN}/repayments", loans.pay, 201),
    Route("GET", f"{OF_BANK}/messages", loans.messages),
)

PROBLEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [f"{BASE}/problems/{name}" for name in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "of a refusal"},
        "kind": {"type": "string", "enum": ["retry", "final"]},
        "tries": {"type": "integer"},
        "mendable": {"type": "boolean"},
    },
    "required": ["type", "title", "status", "detail"],
}


def gateway_app(find: Callable[[str], Reception | None], version: str = "0") -> Door:
    """Return the gateway of the platforms that ``find`` knows by name ("": the only one)."""
    app = FastAPI(
        title="loanrange gateway",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_exception_handler(Problem, _told)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _no_such)
    wrong = {"description": "What was wrong", "content": {MEDIA: {"schema": PROBLEM}}}
    for route in ROUTES:
        told = (route.act.__doc__ or "").strip()
        responses: dict[int | str, dict[str, Any]] = {"4XX": wrong, "5XX": wrong}
        if route.also:
            responses[route.also] = {"description": "It asks for something, or it is done"}
        app.add_api_route(
            f"{BASE}{route.path}",
            route.act,
            methods=[route.method],
            status_code=route.status,
            responses=responses,
            summary=told.partition("\n")[0].rstrip("."),
            operation_id=f"{route.method.lower()}_{route.act.__name__}",
        )
    return Door(app, find)


async def _told(request: Request, problem: Exception) -> Response:
    del request
    assert isinstance(problem, Problem)
    return Response(problem.body(), problem.status, problem.headers())


async def _misshapen(request: Request, wrong: Exception) -> Response:
    """Say which field is wrong; what was sent is not repeated."""
    assert isinstance(wrong, RequestValidationError)
    first = wrong.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return await _told(request, Problem("malformed", f"{place[:80]}: {first['msg']}"))


async def _no_such(request: Request, no: Exception) -> Response:
    assert isinstance(no, HTTPException)
    name = {404: "not-found", 405: "not-allowed"}.get(no.status_code, "malformed")
    detail = "There is no such operation." if no.status_code == 404 else ""
    return await _told(request, Problem(name, detail))
