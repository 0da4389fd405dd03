"""The control plane as one FastAPI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from core.errors import InputError, nearest
from mocks.control import (
    callbacks,
    faults,
    people,
    phones,
    results,
    snapshots,
    time,
    verify,
    world,
)
from mocks.control.door import doorkeeper, problem
from mocks.snapshots import Snapshots

if TYPE_CHECKING:
    from mocks.control.phones import Phones
    from mocks.tenant import Tenants

PROBLEM: dict[str, Any] = {
    "description": "What was wrong with the request, and what to do",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {"status": {"type": "integer"}, "detail": {"type": "string"}},
                "required": ["status", "detail"],
            }
        }
    },
}
Method = Literal["GET", "POST", "PUT", "DELETE"]
ROUTES: tuple[tuple[str, Method, Any], ...] = (
    ("healthz", "GET", world.healthz),
    ("providers", "GET", world.providers),
    ("tenants/{name}", "PUT", world.open_tenant),
    ("tenants/{name}", "DELETE", world.close_tenant),
    ("reset", "POST", world.reset),
    ("snapshot", "POST", snapshots.take),
    ("restore", "POST", snapshots.restore),
    ("snapshots", "GET", snapshots.snapshots),
    ("snapshots/{name}", "DELETE", snapshots.drop),
    ("device/login", "POST", phones.login),
    ("device/phone-code", "POST", phones.phone_code),
    ("device/face", "POST", phones.face),
    ("device/grant", "POST", phones.grant),
    ("device/encrypt-key", "POST", phones.encrypt_key),
    ("device/scan", "POST", phones.scan),
    ("people", "GET", people.people),
    ("people", "POST", people.make_person),
    ("picture", "GET", people.picture),
    ("clock", "GET", time.clock),
    ("clock/freeze", "POST", time.freeze),
    ("clock/advance", "POST", time.advance),
    ("clock/resume", "POST", time.resume),
    ("faults", "GET", faults.get_faults),
    ("faults", "PUT", faults.put_faults),
    ("faults", "POST", faults.post_faults),
    ("faults", "DELETE", faults.delete_faults),
    ("results", "GET", results.get_results),
    ("results", "PUT", results.put_results),
    ("results", "DELETE", results.delete_results),
    ("callbacks", "GET", callbacks.get_callbacks),
    ("callbacks", "PUT", callbacks.put_callbacks),
    ("callbacks", "DELETE", callbacks.delete_callbacks),
    ("callbacks/deliveries", "GET", callbacks.deliveries),
    ("callbacks/replay", "POST", callbacks.replay),
    ("journal", "GET", world.journal),
    ("journal/verify", "POST", verify.verify),
    ("invoice", "GET", world.invoice),
    ("root.pem", "GET", world.root),
)

FORMS: dict[Any, type[Response]] = {people.picture: people.Png, world.root: world.Pem}


def control_app(tenants: Tenants, phones: Phones, token: str = "", version: str = "0") -> FastAPI:
    """Return the control plane of some tenants and their people's phones."""
    app = FastAPI(
        title="loanrange control plane",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/_control/openapi.json",
        dependencies=[Depends(doorkeeper(token))],
    )
    app.state.tenants, app.state.phones = tenants, phones
    app.state.snapshots = Snapshots(tenants)
    app.state.anywhere = bool(token)  # where callbacks may be sent: else to this machine only
    app.add_exception_handler(InputError, _wrong)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)
    for path, method, act in ROUTES:
        app.add_api_route(
            f"/_control/{path}",
            act,
            methods=[method],
            status_code=204 if method == "DELETE" else 200,
            response_class=FORMS.get(act, JSONResponse),
            responses={"4XX": PROBLEM},
        )
    return app


async def _wrong(request: Request, wrong: Exception) -> JSONResponse:
    del request
    return problem(400, "Bad Request", str(wrong))


async def _misshapen(request: Request, wrong: Exception) -> JSONResponse:
    del request
    assert isinstance(wrong, RequestValidationError)
    first = wrong.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    return problem(422, "Unprocessable Content", f"{place}: {first['msg']}")


async def _refused(request: Request, no: Exception) -> JSONResponse:
    assert isinstance(no, HTTPException)
    detail = str(no.detail)
    if no.status_code == 404:
        known = sorted({path for path, _, _ in ROUTES})
        asked = request.url.path.removeprefix("/_control/")
        detail = f"{request.url.path}: {nearest(asked, known)}"
    return problem(no.status_code, detail.partition(":")[0], detail)


async def _broken(request: Request, bug: Exception) -> JSONResponse:
    """Say that we failed: Starlette raises it on, so that the log has the traceback."""
    return problem(500, "Internal Server Error", f"{request.url.path}: {type(bug).__name__}")
