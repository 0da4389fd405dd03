"""What the gateway says when it does not do what was asked (RFC 9457).

Every problem has a name, which is its ``type``, and a status. Nothing of a person stands in one:
a detail is ours, and a value that was sent is not repeated.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from core.application import NEUTRAL, Kind, Reason

if TYPE_CHECKING:
    from starlette.types import Send

TYPE = "/api/v1/problems/"
MEDIA = "application/problem+json"
RETRY_AFTER_S = 5


class Known(NamedTuple):
    """A problem that a client may meet; ``again``: the same request may well succeed later."""

    status: int
    title: str
    when: str
    again: bool = False


PROBLEMS: dict[str, Known] = {
    "malformed": Known(400, "Bad Request", "It is no request of this operation's shape."),
    "no-key": Known(400, "Bad Request", "A write has no header Idempotency-Key, or a wrong one."),
    "not-sealed": Known(400, "Bad Request", "The envelope does not open: shake hands again."),
    "no-handshake": Known(400, "Bad Request", "The hello is refused; `word` says why."),
    "no-session": Known(401, "Unauthorized", "There is no session, or it has ended: log in."),
    "not-believed": Known(401, "Unauthorized", "A callback that its sender has not signed."),
    "other-bank": Known(403, "Forbidden", "The session is one of another bank."),
    "not-staff": Known(403, "Forbidden", "Your token has not this right at this bank."),
    "plain": Known(403, "Forbidden", "This bank is spoken to through the sealed channel only."),
    "not-found": Known(404, "Not Found", "There is nothing of that name, or it is not yours."),
    "not-allowed": Known(405, "Method Not Allowed", "What is there is not asked like this."),
    "not-now": Known(409, "Conflict", "The application does not stand there: read it, and go on."),
    "no-picture": Known(409, "Conflict", "A side of the card was not uploaded in this session."),
    "too-large": Known(413, "Content Too Large", "The body is longer than this operation takes."),
    "unsupported": Known(415, "Unsupported Media Type", "The body is packed, or of another type."),
    "refused": Known(422, "Unprocessable Content", "The bank says no; `code` and `kind` say how."),
    "key-reused": Known(422, "Unprocessable Content", "This key was used for another request."),
    "too-often": Known(429, "Too Many Requests", "You ask too often.", again=True),
    "broken": Known(500, "Internal Server Error", "A bug of this server."),
    "later": Known(503, "Service Unavailable", "Somebody we ask does not answer.", again=True),
    "busy": Known(503, "Service Unavailable", "Too many are being served just now.", again=True),
}

# A name-list hit and a review are told alike: in word, in code, and in what may be done.
UNTOLD = "R500"


class Problem(Exception):
    """A request that is not done; ``name`` is one of ``PROBLEMS``, ``more`` goes into its body."""

    def __init__(self, name: str, detail: str = "", **more: Any) -> None:
        super().__init__(name, detail)
        self.name = name
        self.detail = detail or PROBLEMS[name].when
        self.more = more

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.name].status

    def body(self) -> bytes:
        """Return the problem document."""
        known = PROBLEMS[self.name]
        told = {"type": TYPE + self.name, "title": known.title, "status": known.status}
        return json.dumps({**told, "detail": self.detail, **self.more}, ensure_ascii=False).encode()

    def headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        told = {"content-type": MEDIA}
        if PROBLEMS[self.name].again:
            told["retry-after"] = str(RETRY_AFTER_S)
        if self.status == HTTPStatus.UNAUTHORIZED:
            told["www-authenticate"] = "Bearer"
        return told


def code_of(reason: Reason) -> str:
    """Return the code by which a customer is told a no; whoever is held is not told why."""
    return UNTOLD if reason.kind is Kind.HELD else reason.code


def refusal(reason: Reason, tries: int, *, mendable: bool) -> Problem:
    """Return the bank's no as a customer hears it; ``tries`` of this step were refused by now."""
    held = reason.kind is Kind.HELD
    return Problem(
        "refused",
        NEUTRAL if held else reason.text,
        code=code_of(reason),
        kind=Kind.FINAL.value if held else reason.kind.value,
        tries=tries,
        mendable=mendable,
    )


async def say(problem: Problem, send: Send) -> None:
    """Answer a request with a problem."""
    body = problem.body()
    headers = {**problem.headers(), "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
