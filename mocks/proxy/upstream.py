"""The real endpoint: requests are sent to it as they came, and what came of them is told.

The request's bytes are the client's own but for the headers of the connection (RFC 9110, section
7.6.1) and ``Host``, which is the endpoint's: it is covered by many signatures.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import httpx

from core.errors import (
    ConnectionLost,
    InputError,
    NotDone,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    Unreachable,
    Unreadable,
)
from mocks.proxy.exchange import ANSWERED, HOP_BY_HOP, Answer, Asked, RawHeaders, Seen
from mocks.wire import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTIONS = 64
STATUS_MAX = 599  # what is above is no status of HTTP (RFC 9110, section 15)
TOO_LONG = "TooLong"

# What httpx raises before an answer begins, by what is known of the effect; the first that fits.
SEEN: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
    (httpx.ConnectError, Unreachable),
    (httpx.ConnectTimeout, Unreachable),
    (httpx.LocalProtocolError, NotDone),
    (httpx.UnsupportedProtocol, NotDone),
    (httpx.NetworkError, ConnectionLost),
    (httpx.RemoteProtocolError, ConnectionLost),
)


class Target(NamedTuple):
    """Where the endpoint is: scheme, host and port, and the path that stands before every path."""

    url: httpx.URL
    base: bytes

    @classmethod
    def read(cls, text: str, place: str = "--target") -> Target:
        """Return the target in an address; ``place`` is where it was written.

        Raises:
            InputError: it is no http or https address of a host, or holds more than a path.
        """
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as wrong:
            raise InputError(place, f"is no address ({wrong})", "write https://HOST") from wrong
        if url.scheme not in ("http", "https") or not url.host:
            problem = f"{text[:80]!r} is no http or https address"
            raise InputError(place, problem, "write https://HOST or http://HOST:PORT")
        if url.userinfo or url.query or url.fragment:
            problem = "holds a user, a query or a fragment"
            raise InputError(place, problem, "give scheme, host and path; clients send the rest")
        return cls(url, url.raw_path.rstrip(b"/"))

    @property
    def host(self) -> str:
        """The host's name as it stands in a ``Host`` header, without a port."""
        return self.url.raw_host.decode("ascii")

    @property
    def shown(self) -> str:
        """Scheme and host: a path may hold a secret."""
        return f"{self.url.scheme}://{self.url.netloc.decode('ascii')}"


class Upstream:
    """Sends requests to a target. ``seconds`` measures; ``transport`` brings the connections."""

    def __init__(
        self, target: Target, transport: httpx.AsyncBaseTransport, seconds: Callable[[], float]
    ) -> None:
        self.target, self.seconds = target, seconds
        self._transport = transport
        # Who waits for a connection does not wait for the provider.
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def ask(self, asked: Asked, began: Callable[[float], object]) -> Seen:
        """Send a request and read what comes; ``began`` is told when it is sent."""
        async with self._free:
            begin_s = self.seconds()
            began(begin_s)
            try:
                answer = await self._answer(asked)
            except httpx.HTTPError as fault:
                return Seen(*_seen(fault), self.seconds() - begin_s)
            took_s = self.seconds() - begin_s
        if not answer.whole:
            detail = TOO_LONG if len(answer.body) > BODY_MAX else "BrokenOff"
            return Seen(Unreadable.__name__, detail, took_s, answer)
        if answer.status > STATUS_MAX:
            return Seen(Unreadable.__name__, "NoStatus", took_s)
        return Seen(word_of(answer.status), "", took_s, answer)

    async def _answer(self, asked: Asked) -> Answer:
        """Return the answer; one that broke off or is too long is not whole."""
        target = self.target.base + asked.target
        request = httpx.Request(
            asked.method,
            self.target.url,
            headers=self._headers(asked),
            stream=httpx.ByteStream(asked.body),
            extensions={"target": target},  # as it came: httpx would write it anew
        )
        response = await self._transport.handle_async_request(request)
        parts, size, whole = [], 0, True
        try:
            async for part in response.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > BODY_MAX:
                    whole = False
                    break
        except (httpx.NetworkError, httpx.ProtocolError):
            whole = False
        finally:
            await response.aclose()
        headers = passing(response.headers.raw)
        return Answer(response.status_code, headers, b"".join(parts), whole)

    def _headers(self, asked: Asked) -> RawHeaders:
        """Return a request's headers as the endpoint is to see them."""
        kept = [(name, value) for name, value in passing(asked.headers) if name != b"host"]
        if asked.body and not any(name == b"content-length" for name, _ in kept):
            kept.append((b"content-length", b"%d" % len(asked.body)))  # it came in chunks
        return [(b"host", self.target.url.netloc), *kept]


def passing(headers: RawHeaders) -> RawHeaders:
    """Return the headers that are not of one connection only."""
    named = {
        each.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for each in value.split(b",")
    }
    return [
        (name, value)
        for name, value in headers
        if name.lower().decode("latin-1") not in HOP_BY_HOP and name.lower() not in named
    ]


def word_of(status: int) -> str:
    """Return the outcome of an answer that came whole."""
    if status == 429:
        return QuotaExceeded.__name__
    return ServerFailed.__name__ if status >= 500 else ANSWERED


def _seen(fault: Exception) -> tuple[str, str]:
    """Return the outcome of a fault and its name; its words may show what was sent."""
    name = type(fault).__name__
    own = fault.__cause__
    complaint = own and (own.__cause__ or own.__context__)
    # A silent goodbye has the same name as bytes that are no HTTP; behind those stands h11.
    if isinstance(fault, httpx.RemoteProtocolError) and _is_h11s(complaint):
        return Unreadable.__name__, "NoHttp"
    for raised, seen in SEEN:
        if isinstance(fault, raised):
            return seen.__name__, name
    return Unreadable.__name__, name


def _is_h11s(complaint: BaseException | None) -> bool:
    return type(complaint).__module__.partition(".")[0] == "h11"
