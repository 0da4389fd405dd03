"""What the OpenAPI document says beyond what FastAPI reads from the operations.

Who must be logged in, which header a write has, what is sent that is no JSON, how problems look,
and where an answer leads: its links name the operations that come next.
"""

from __future__ import annotations

import re
from inspect import signature
from typing import TYPE_CHECKING, Any, get_type_hints

from fastapi.responses import JSONResponse, Response

from core.gateway.problems import MEDIA, PROBLEMS, TYPE
from core.gateway.replies import KEY_MAX
from core.gateway.routes import applications, banks, loans, sessions, staff

if TYPE_CHECKING:
    from collections.abc import Callable

    Act = Callable[..., Any]

PICTURES = ("image/jpeg", "image/png", "image/bmp", "application/octet-stream")
BYTES = {"schema": {"type": "string", "format": "binary"}}
OBJECT = {"schema": {"type": "object"}}
SENT: dict[Act, dict[str, Any]] = {  # what is read as it is, by its media types
    sessions.upload: dict.fromkeys(PICTURES, BYTES),
    sessions.shake_hands: {"application/json": OBJECT},
    sessions.envelope: {"application/octet-stream": BYTES},
    banks.callback: {"application/json": OBJECT},
}
ANSWERED: dict[Act, dict[str, Any]] = {
    sessions.shake_hands: {"application/json": OBJECT},
    sessions.envelope: {"application/octet-stream": BYTES},
}
SESSION, STAFF = "session", "staff"
SCHEMES = {
    SESSION: {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of POST /banks/{bank}/sessions.",
    },
    STAFF: {"type": "http", "scheme": "bearer", "description": "A token of the bank's own login."},
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Names this write: sent again under its key it is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[ -~]+$"},
    "example": "3f0a5c1e/1",
}
PROBLEM = {
    "type": "object",
    "description": "What was wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "enum": [TYPE + name for name in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "of a refusal"},
        "kind": {"type": "string", "enum": ["retry", "final"]},
        "tries": {"type": "integer"},
        "mendable": {"type": "boolean"},
        "word": {"type": "string", "description": "why hands were not shaken"},
    },
    "required": ["type", "title", "status", "detail"],
}
# Where an answer leads: its operation, and where the parameters of the next one stand in it.
BANK = {"bank": "$request.path.bank"}
APPLICATION = {**BANK, "application": "$request.path.application"}
MADE = {**BANK, "application": "$response.body#/id"}
LISTED = {**BANK, "application": "$response.body#/items/0/id"}
OWED = {**BANK, "loan": "$response.body#/items/0/id"}
LINKS: dict[Act, tuple[tuple[str, Act, dict[str, str]], ...]] = {
    banks.banks: (("GET", banks.products, {"bank": "$response.body#/items/0/id"}),),
    applications.register_customer: (
        ("GET", applications.read_application, MADE),
        ("POST", applications.consent, MADE),
    ),
    applications.list_applications: (
        ("GET", applications.read_application, LISTED),
        ("POST", applications.decide, LISTED),
        ("GET", applications.read_line, LISTED),
        ("GET", applications.read_contract, LISTED),
        ("GET", applications.list_drawdowns, LISTED),
    ),
    applications.consent: (("POST", applications.decide, APPLICATION),),
    applications.decide: (
        ("GET", applications.read_decision, APPLICATION),
        ("POST", applications.account, APPLICATION),
    ),
    applications.account: (("POST", applications.sign_contract, APPLICATION),),
    applications.sign_contract: (
        ("GET", applications.read_contract, APPLICATION),
        ("POST", applications.draw_down, APPLICATION),
    ),
    applications.draw_down: (
        (
            "GET",
            applications.read_drawdown,
            {**APPLICATION, "request_name": "$request.body#/request"},
        ),
        ("DELETE", applications.cancel, {**APPLICATION, "request_name": "$request.body#/request"}),
        ("GET", loans.read_loan, {**BANK, "loan": "$response.body#/drawdown/loan"}),
    ),
    loans.list_loans: (
        ("GET", loans.read_loan, OWED),
        ("GET", loans.schedule, OWED),
        ("GET", loans.quote, OWED),
        ("POST", loans.pay, OWED),
    ),
}


def id_of(method: str, act: Act) -> str:
    """Return the id of an operation."""
    return f"{method.lower()}_{act.__name__}"


def kind_of(act: Act) -> type[Response]:
    """Return the kind of response that an operation makes by itself, JSON where it makes none."""
    shown = get_type_hints(act)["return"]
    made = isinstance(shown, type) and issubclass(shown, Response)
    return shown if made else JSONResponse


def extra_of(method: str, path: str, act: Act) -> dict[str, Any]:
    """Return what an operation says beyond its parameters and its body."""
    named, of_staff = signature(act).parameters, act.__module__ == staff.__name__
    told: dict[str, Any] = {}
    told["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)", path)
        if name not in named  # it is looked at by the door alone
    ]
    if "who" in named:
        told["security"] = [{STAFF if of_staff else SESSION: []}]
    if method == "POST" and "who" in named and not of_staff and act is not sessions.shake_hands:
        told["parameters"].append(KEY)
    if act in SENT:
        told["requestBody"] = {"required": True, "content": SENT[act]}
    return told


def responses_of(act: Act, status: int, also: int) -> dict[int | str, dict[str, Any]]:
    """Return how an operation may end."""
    wrong = {"content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    told: dict[int | str, dict[str, Any]] = {
        "4XX": {"description": "What was wrong with it", **wrong},
        "5XX": {"description": "Send the same again later, or it is a bug", **wrong},
    }
    done: dict[str, Any] = {"description": "Done"}
    if act in ANSWERED:
        done["content"] = ANSWERED[act]
    if act in LINKS:
        done["links"] = {
            id_of(method, to): {"operationId": id_of(method, to), "parameters": where}
            for method, to, where in LINKS[act]
        }
    told[status] = done
    if also:
        shown = get_type_hints(act)["return"]
        assert shown is not Response
        told[also] = {"description": "It asks for something: send it again with it", "model": shown}
    return told


def describe(document: dict[str, Any]) -> None:
    """Add to a document what its operations refer to."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["securitySchemes"] = SCHEMES
