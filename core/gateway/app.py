"""The gateway as one application: its operations, its OpenAPI document, its door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from core.errors import GaveUp
from core.gateway.document import describe, extra_of, id_of, kind_of, responses_of
from core.gateway.door import Door
from core.gateway.problems import Problem
from core.gateway.reception import later
from core.gateway.routes import applications, banks, fronts, loans, sessions, staff

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from core.gateway.door import Find

BASE = "/api/v1"
OF_BANK = "/banks/{bank}"
OF_APPLICATION = f"{OF_BANK}/applications/{{application}}"
OF_STAFF = f"/staff{OF_BANK}/applications"
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
    Route("POST", f"{OF_BANK}/sessions/{{front}}", fronts.arrive, 201),
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
    # A request's name may hold a stroke.
    Route("GET", f"{OF_APPLICATION}/drawdowns/{{request_name:path}}", applications.read_drawdown),
    Route("DELETE", f"{OF_APPLICATION}/drawdowns/{{request_name:path}}", applications.cancel),
    Route("GET", f"{OF_BANK}/loans", loans.list_loans),
    Route("GET", OF_LOAN, loans.read_loan),
    Route("GET", f"{OF_LOAN}/schedule", loans.schedule),
    Route("GET", f"{OF_LOAN}/quote", loans.quote),
    Route("POST", f"{OF_LOAN}/repayments", loans.pay, 201),
    Route("GET", f"{OF_BANK}/messages", loans.messages),
    Route("GET", OF_STAFF, staff.cases),
    Route("GET", f"{OF_STAFF}/{{application}}", staff.case),
    Route("GET", "/staff/banks/{bank}/events", staff.events),
    Route("GET", "/staff/banks/{bank}/accesses", staff.accesses),
    Route("POST", f"{OF_STAFF}/{{application}}/unmask", staff.show_number),
    Route("POST", "/staff/banks/{bank}/pictures/{grant}", staff.show_picture),
)


class Strict(Request):
    """A request whose JSON says everything once, in UTF-8, and with numbers that are numbers."""

    async def json(self) -> Any:
        """Return the body.

        Raises:
            ValueError: it is no such JSON.
            RecursionError: it is nested too deep.
        """
        text = (await self.body()).decode()
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)


class StrictRoute(APIRoute):
    """An operation that takes its body as JSON that is sent as such."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        inner, has_body = super().get_route_handler(), self.body_field is not None

        async def answer(request: Request) -> Response:
            sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if has_body and sent != "application/json":
                raise Problem("unsupported", "Send JSON, as application/json.")
            answered: Response = await inner(Strict(request.scope, request.receive))
            return answered

        return answer


class Gateway(FastAPI):
    """The operations, and the document that describes them."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        known = self.openapi_schema is not None
        document = super().openapi()
        if not known:
            describe(document)
        return document


def gateway_app(find: Find, version: str = "0") -> Door:
    """Return the gateway of the platforms that ``find`` knows by name ("": the only one)."""
    app = Gateway(
        title="loanrange gateway",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,  # a redirection would lead where the Host header says
    )
    app.router.route_class = StrictRoute
    app.add_exception_handler(Problem, _told)
    app.add_exception_handler(GaveUp, _gave_up)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _no_such)
    for route in ROUTES:
        told = (route.act.__doc__ or "").strip()
        app.add_api_route(
            f"{BASE}{route.path}",
            route.act,
            methods=[route.method],
            status_code=route.status,
            responses=responses_of(route.act, route.status, route.also),
            summary=told.partition("\n")[0].rstrip("."),
            operation_id=id_of(route.method, route.act),
            openapi_extra=extra_of(route.method, route.path, route.act),
            response_class=kind_of(route.act),
        )
    return Door(app, find)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Said twice, two readers may each believe another one."""
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError("a name stands twice")
    return told


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


async def _told(request: Request, problem: Exception) -> Response:
    del request
    assert isinstance(problem, Problem)
    return Response(problem.body(), problem.status, problem.headers())


async def _gave_up(request: Request, why: Exception) -> Response:
    """Say of what was overtaken, or not answered, outside a step that counts its tries."""
    del why
    return await _told(request, later(1))


async def _misshapen(request: Request, wrong: Exception) -> Response:
    """Say which field is wrong; what was sent is not repeated, and that may be a field's name."""
    assert isinstance(wrong, RequestValidationError)
    first = wrong.errors()[0]
    place, told = [part for part in first["loc"] if part != "body"], first["msg"]
    if first["type"] == "extra_forbidden":
        place, told = place[:-1], "a field is not known here"
    where = ".".join(map(str, place)) or "body"
    return await _told(request, Problem("malformed", f"{where[:80]}: {told}"))


async def _no_such(request: Request, no: Exception) -> Response:
    assert isinstance(no, HTTPException)
    name = {404: "not-found", 405: "not-allowed"}.get(no.status_code, "malformed")
    detail = {
        404: "There is no such operation.",
        400: "The body is no JSON, or says something twice.",
    }.get(no.status_code, "")
    answer = await _told(request, Problem(name, detail))
    answer.headers.update(no.headers or {})  # Allow: what is there is asked like this (RFC 9110)
    return answer
