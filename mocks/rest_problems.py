"""Problems after RFC 9457: what our own REST providers say when they cannot take a call."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from mocks.spec import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable

API_KEY = "x-api-key"
BODY_MAX = 1_000_000
DRAINED_MAX = 16 * BODY_MAX  # what is too long is read on so far, so that the client hears of it
JSON, PROBLEM = "application/json", "application/problem+json"
RETRY_AFTER_S = "1"
NO_ANSWER = "loanrange.no_answer"  # in the scope: whoever serves us is to show no answer
FORM = "1"  # the version of the providers' documents

_LOG = logging.getLogger(__name__)

# ------------------------------------------------------------------------------------ problems

PROBLEMS: dict[int, tuple[str, str]] = {  # title, and when
    400: ("Bad Request", "The body is no JSON of this operation's shape, or the tenant unknown"),
    401: ("Unauthorized", "No tenant has this X-Api-Key"),
    404: ("Not Found", "There is no such operation, no such bank, or nothing of that name"),
    405: ("Method Not Allowed", "An operation is asked by POST, what has a name is read by GET"),
    409: ("Conflict", "The bank's day does not stand there"),
    413: ("Content Too Large", f"The body has more than {BODY_MAX:,} bytes"),
    415: ("Unsupported Media Type", "The body is of another content type"),
    422: ("Unprocessable Content", "A field's value cannot be"),
    429: ("Too Many Requests", "The provider's quota is spent: come again later"),
    500: ("Internal Server Error", "A bug of this server"),
    503: ("Service Unavailable", "The provider failed; whether it acted is not known"),
}
ALWAYS = (400, 401, 404, 405, 413, 415, 422, 429, 503)  # what every operation may say
READ = (400, 401, 404, 405)  # what may be said to whoever reads


KINDS = {429: "quota", 503: "5xx"}  # what faults of a line are told as


def errors(statuses: Iterable[int]) -> list[WireError]:
    """Return the problems of these statuses as a client sees them; a title is their code."""
    return [
        WireError(PROBLEMS[status][0], status, PROBLEMS[status][1], KINDS.get(status, ""))
        for status in sorted(statuses)
    ]


class Wrong(BaseModel):
    """One field and what is wrong with it; values are not repeated."""

    field: str
    problem: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong] | None = None


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(status, detail, headers, errors)
        self.status, self.detail = status, detail
        self.headers, self.errors = headers, errors

    def response(self) -> Response:
        """Return the problem on the wire."""
        title = PROBLEMS[self.status][0] if self.status in PROBLEMS else "Error"
        said: dict[str, Any] = {"type": "about:blank", "title": title, "status": self.status}
        said["detail"] = self.detail
        if self.errors:
            said["errors"] = self.errors
        text = json.dumps(said, ensure_ascii=False)
        return Response(text, self.status, self.headers, PROBLEM)

    @classmethod
    def of(cls, wrong: ValidationError) -> Refusal:
        """Return what is said to a body that cannot be read: its shape first, then its values."""
        found = [(row["type"], _place(row["loc"]), _said(row)) for row in wrong.errors()]
        shapeless = [row for row in found if _is_shape(row[0])]
        errors = [{"field": place, "problem": said} for _, place, said in shapeless or found]
        first = errors[0]
        detail = f"{first['field']}: {first['problem']}" if first["field"] else first["problem"]
        return cls(400 if shapeless else 422, detail, errors=errors)


def _is_shape(kind: str) -> bool:
    return kind in ("json_invalid", "missing", "extra_forbidden") or kind.endswith("_type")


def _place(path: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:60] for step in path)


def _said(row: Any) -> str:
    error = row.get("ctx", {}).get("error")
    return str(error) if isinstance(error, ValueError) else str(row["msg"])
