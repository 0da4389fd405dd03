"""A request and a reply as the faces know them: raw bytes, no framework between."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

BODY_MAX = 16 * 1024 * 1024  # bytes of a body that is kept: above the limits that vendors document


class Request(NamedTuple):
    """One HTTP request, read whole. Header names are lower-case; the query is as it was sent."""

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes
    host: str

    def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            ValueError: it is no JSON text in UTF-8, or nested too deep.
        """
        try:
            return orjson.loads(self.body)
        except ValueError:  # perhaps half of a surrogate pair: it is the face that refuses that
            return self._slowly()

    def _slowly(self) -> Any:
        try:
            return loads(self.body.decode())
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return ASGI's headers by name; what came several times is one list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in raw:
        told, said = name.decode("latin-1"), value.decode("latin-1")
        headers[told] = f"{headers[told]},{said}" if told in headers else said
    return headers
