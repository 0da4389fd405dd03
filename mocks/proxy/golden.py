"""A recording as golden vectors: an answer is held against the shape of the recorded one.

Whom an exchange is about is not in it, so values of people are not compared. What is: the status,
the headers that clients act on, the body's form, every field's name and type, the formats of
numbers and dates, and the codes. ``check`` asks an endpoint with the recorded requests themselves;
a test that must sign them, or ask about people the endpoint knows, brings its own client::

    for vector in golden(load(Path("out/record"))):
        answer = ask(vector)
        assert vector.differences(answer.status_code, answer.headers, answer.content) == []
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import httpx

from core.errors import MachineError, Unreadable
from mocks.proxy.bodies import BOUNDARY, read_body, write_body, write_pairs
from mocks.proxy.exchange import Exchange, header_in
from mocks.proxy.masking import METHODS
from mocks.proxy.pictures import pictured
from mocks.proxy.shape import Comparison, Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mocks.proxy.exchange import Request
    from mocks.proxy.recording import Recording
    from mocks.proxy.words import Words

# Headers that a client acts on: the first ones by their value, the others by being there.
BY_VALUE = ("content-type",)
BY_PRESENCE = ("location", "retry-after", "www-authenticate")


class Vector(NamedTuple):
    """One recorded exchange that was answered."""

    exchange: Exchange
    words: Words

    @property
    def number(self) -> int:
        """Its place in the recording, from 1."""
        return self.exchange.number

    @property
    def request(self) -> Request:
        """What was asked, with pseudonyms."""
        return self.exchange.request

    @property
    def target(self) -> str:
        """The path, with the query, as a client would send it."""
        path = "/" + "/".join(quote(each, safe="") for each in self.request.path)
        return f"{path}?{write_pairs(self.request.query)}" if self.request.query else path

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, with pseudonyms; a multipart body names its own boundary."""
        told = dict(self.request.headers)
        if self.request.body.form == "multipart":
            told["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
        return told

    @property
    def content(self) -> bytes:
        """The request's body, with pseudonyms, and a picture of one pixel for each picture."""
        return write_body(pictured(self.request.body))

    def differences(
        self, status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]], content: bytes
    ) -> list[Difference]:
        """Return how an answer of ours differs from the recorded one."""
        recorded = self.exchange.answer
        assert recorded is not None
        pairs = headers.items() if hasattr(headers, "items") else headers
        own = [(name.lower(), value) for name, value in pairs]
        found = []
        if status != recorded.status:
            found.append(Difference("status", str(recorded.status), str(status)))
        for name in BY_VALUE:
            one, other = recorded.header(name), header_in(own, name)
            if _plain(one) != _plain(other):
                found.append(Difference(f"header {name}", one or "nothing", other or "nothing"))
        for name in BY_PRESENCE:
            one, other = (
                "a value" if each else "nothing"
                for each in (recorded.header(name), header_in(own, name))
            )
            if one != other:
                found.append(Difference(f"header {name}", one, other))
        body = read_body(
            content, header_in(own, "content-type"), header_in(own, "content-encoding")
        )
        return found + Comparison(self.words).bodies(recorded.body, body)


def golden(recording: Recording) -> list[Vector]:
    """Return the vectors of a recording: its exchanges that were answered whole, in order."""
    return [
        Vector(exchange, recording.words)
        for exchange in recording.exchanges
        if exchange.answer is not None
        and exchange.outcome != Unreadable.__name__
        and exchange.request.method in METHODS
    ]


def check(
    vectors: Iterable[Vector], url: str, headers: Mapping[str, str], timeout_s: float = 30.0
) -> Iterator[tuple[Vector, list[Difference]]]:
    """Ask an endpoint what was asked then; yield how each answer differs from the recorded one.

    ``headers`` go with every request, instead of recorded ones of the same name.

    Raises:
        MachineError: nobody answers at ``url``.
    """
    with httpx.Client(timeout=timeout_s, trust_env=False) as client:
        for vector in vectors:
            told = {**vector.headers, **{name.lower(): each for name, each in headers.items()}}
            try:
                answer = client.request(
                    vector.request.method,
                    url.rstrip("/") + vector.target,
                    headers=[(name.encode(), each.encode()) for name, each in told.items()],
                    content=vector.content,
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as gone:
                raise MachineError(f"{url}: {gone}", "start what is to be checked") from gone
            except httpx.HTTPError as broken:
                assert vector.exchange.answer is not None
                status = f"status {vector.exchange.answer.status}"
                yield vector, [Difference("answer", status, type(broken).__name__)]
                continue
            seen = [pair for pair in answer.headers.items() if pair[0] != "content-encoding"]
            yield vector, vector.differences(answer.status_code, seen, answer.content)


def _plain(content_type: str) -> str:
    """Return a media type without blanks and case; UTF-8 is what is meant where none is named."""
    told = content_type.lower().replace(" ", "").replace('"', "")
    return told.removesuffix(";charset=utf-8")
