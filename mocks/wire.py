"""A request and a reply as the faces know them: raw bytes, no framework between."""

from __future__ import annotations

from json import loads
from typing import Any, NamedTuple

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
            return loads(self.body.decode())
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
