"""A request and what came of it: as it passed through, and as it is kept.

What passes is bytes (:class:`Asked`, :class:`Answer`); what is kept is a tree (:class:`Request`,
:class:`Reply`) that goes to JSON and back.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from mocks.proxy.bodies import Body, Pair, Part, pairs_in, read_body, text_of
from mocks.proxy.words import listed

ANSWERED = "answered"  # the outcome of an exchange that was answered, whatever the answer says

# Headers that say nothing of what was asked: of one connection, or of the bytes' journey.
HOP_BY_HOP = frozenset(
    listed(
        "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer"
        " transfer-encoding upgrade"
    )
)
NOT_KEPT = HOP_BY_HOP | frozenset(listed("host content-length content-encoding date"))

RawHeaders = list[tuple[bytes, bytes]]


class Asked(NamedTuple):
    """A request as it came: the target is path and query, raw. Header names are lower-case."""

    method: str
    target: bytes
    headers: RawHeaders
    body: bytes


class Answer(NamedTuple):
    """An answer as it came. ``whole`` is false where it broke off."""

    status: int
    headers: RawHeaders
    body: bytes
    whole: bool = True


class Seen(NamedTuple):
    """What came of a request: a word, its reason, the seconds it took, the answer if any.

    The word is ``answered``, or an error's name of :mod:`core.errors`, as the journal has it.
    """

    outcome: str
    detail: str
    took_s: float
    answer: Answer | None = None


class Request(NamedTuple):
    """What is kept of a request; the path is decoded."""

    method: str
    path: list[str]
    query: list[Pair]
    headers: list[Pair]
    body: Body

    @classmethod
    def of(cls, asked: Asked) -> Request:
        """Return a request as a tree, still plain."""
        path, _, query = asked.target.partition(b"?")
        headers = told_headers(asked.headers)
        return cls(
            asked.method,
            segments_in(path),
            pairs_in(query),
            kept_headers(headers),
            read_body(asked.body, *_forms(headers)),
        )

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Request:
        """Return what :meth:`as_json` told."""
        return cls(
            told["method"],
            list(told["path"]),
            _pairs(told["query"]),
            _pairs(told["headers"]),
            body_from(told["body"]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**self._asdict(), "body": body_json(self.body)}

    def header(self, name: str) -> str:
        """Return a header's value; empty where there is none."""
        return header_in(self.headers, name)


class Reply(NamedTuple):
    """What is kept of an answer."""

    status: int
    headers: list[Pair]
    body: Body

    @classmethod
    def of(cls, answer: Answer) -> Reply:
        """Return an answer as a tree, still plain."""
        headers = told_headers(answer.headers)
        body = read_body(answer.body, *_forms(headers))
        return cls(answer.status, kept_headers(headers), body)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Reply:
        """Return what :meth:`as_json` told."""
        return cls(told["status"], _pairs(told["headers"]), body_from(told["body"]))

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**self._asdict(), "body": body_json(self.body)}

    def header(self, name: str) -> str:
        """Return a header's value; empty where there is none."""
        return header_in(self.headers, name)


class Exchange(NamedTuple):
    """One recorded exchange; ``number`` counts from 1 in the order in which they ended."""

    number: int
    request: Request
    outcome: str
    detail: str
    latency_ms: float
    answer: Reply | None

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Exchange:
        """Return what :meth:`as_json` told.

        Raises:
            KeyError, TypeError, ValueError, IndexError: it is no exchange.
        """
        answer = told["answer"]
        return cls(
            int(told["exchange"]),
            Request.from_json(told["request"]),
            str(told["outcome"]),
            str(told["detail"]),
            float(told["latency_ms"]),
            None if answer is None else Reply.from_json(answer),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "exchange": self.number,
            "outcome": self.outcome,
            "detail": self.detail,
            "latency_ms": self.latency_ms,
            "request": self.request.as_json(),
            "answer": None if self.answer is None else self.answer.as_json(),
        }


def told_headers(headers: RawHeaders) -> list[Pair]:
    """Return headers as texts, their names in lower case."""
    return [(text_of(name).lower(), text_of(value)) for name, value in headers]


def kept_headers(headers: list[Pair]) -> list[Pair]:
    """Return the headers that are kept."""
    return [(name, value) for name, value in headers if name not in NOT_KEPT]


def header_in(headers: list[Pair], name: str) -> str:
    """Return the value of the first header of a name; empty where there is none."""
    return next((value for each, value in headers if each == name), "")


def _forms(headers: list[Pair]) -> tuple[str, str]:
    return header_in(headers, "content-type"), header_in(headers, "content-encoding")


def segments_in(path: bytes) -> list[str]:
    """Return the segments of a raw path, decoded."""
    return [text_of(unquote_to_bytes(each)) for each in path.removeprefix(b"/").split(b"/")]


def _pairs(told: list[list[str]]) -> list[Pair]:
    return [(str(name), str(value)) for name, value in told]


def body_json(body: Body) -> dict[str, Any]:
    """Return a body as JSON; what is not there is left out."""
    value: Any = body.value
    if body.form == "multipart":
        value = [
            {"name": part.name, "filename": part.filename, "body": body_json(part.body)}
            for part in value
        ]
    told = {"form": body.form, "value": value, "encoding": body.encoding, "media": body.media}
    plain = Body()._asdict() | {"form": ""}
    return {name: held for name, held in told.items() if held != plain[name]}


def body_from(told: dict[str, Any]) -> Body:
    """Return what :func:`body_json` told."""
    form: str = told["form"]
    value: Any = told.get("value")
    if form == "form":
        value = _pairs(value or [])
    if form == "multipart":
        value = [Part(each["name"], each["filename"], body_from(each["body"])) for each in value]
    return Body(form, value, str(told.get("encoding", "utf-8")), str(told.get("media", "")))
