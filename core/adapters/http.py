"""Providers over HTTP: runs the codecs of :mod:`core.wire` on httpx, and tells what failed how.

httpx looks at every connection and every waiting request of its pool whenever one comes or goes, so
a long queue in the pool costs time that grows with its square. Here few connections a provider
stand open, and who finds none free waits in front of the pool, first come, first served.
"""

from __future__ import annotations

import asyncio
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from core.errors import ConnectionLost, ProviderError, TimedOut, Unreachable, Unreadable
from core.wire.message import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from core.ports.trace import Trace
    from core.wire.message import Exchange, HttpRequest

FOREVER_S = 3_600.0  # what httpx waits by itself: HttpProvider is done long before
CONNECTIONS = 8  # a provider; more only wait longer in its own queue
LIMITS = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)

# What httpx raises, by what is known of the effect. The first that fits counts.
SEEN: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
    (httpx.ConnectError, Unreachable),
    (httpx.ConnectTimeout, Unreachable),
    (httpx.PoolTimeout, Unreachable),
    (httpx.UnsupportedProtocol, Unreachable),
    (httpx.LocalProtocolError, Unreachable),
    (httpx.TimeoutException, TimedOut),
    (httpx.NetworkError, ConnectionLost),
    (httpx.RemoteProtocolError, ConnectionLost),
    (httpx.HTTPError, Unreadable),
)


class HttpProvider:
    """One provider behind an address: its codec, its connections, its time-out.

    ``limit_s`` bounds one attempt, ``left_s`` what is left of its errand's deadline, both in
    seconds of the machine's clock.
    """

    def __init__(
        self,
        name: str,
        wire: Any,
        client: httpx.AsyncClient,
        limit_s: float,
        left_s: Callable[[Trace], float] | None = None,
    ) -> None:
        self.name = name
        self._wire = wire
        self._client = client
        self._limit_s = limit_s
        self._left_s = left_s
        self._baggage: Callable[[], str] | None = None
        self._headers: dict[str, str] = {}
        self._free = asyncio.Semaphore(CONNECTIONS)

    def telling(
        self, baggage: Callable[[], str] | None, headers: dict[str, str] | None = None
    ) -> HttpProvider:
        """Tell more with every request: words in the ``baggage``, headers. Return this provider."""
        self._baggage, self._headers = baggage, headers or {}
        return self

    def operation(self, name: str) -> Callable[[Trace, Any], Coroutine[Any, Any, Any]]:
        """Return the port method of one operation."""
        begin: Callable[[Trace, Any], Exchange[Any]] = getattr(self._wire, name)
        place = f"{self.name}.{name}"

        async def call(trace: Trace, query: Any) -> Any:
            exchange = begin(trace, query)
            try:
                request = next(exchange)
                while True:
                    request = exchange.send(await self._send(place, trace, request))
            except StopIteration as end:
                return end.value

        return call

    async def _send(self, place: str, trace: Trace, request: HttpRequest) -> HttpResponse:
        """Send one request, if its errand has time left for it."""
        limit_s = self._limit_s
        if self._left_s is not None:
            limit_s = min(limit_s, self._left_s(trace))
        if limit_s <= 0:
            raise Unreachable(place, "its errand's deadline has passed")
        headers = {**request.headers, **self._headers, "baggage": self._told(trace)}
        try:
            async with asyncio.timeout(limit_s), self._free:
                answer = await self._client.request(
                    request.method, request.path, headers=headers, content=request.body
                )
        except TimeoutError as late:
            raise TimedOut(place, f"no answer in {limit_s:g} s") from late
        except httpx.HTTPError as fault:
            kind = next(seen for raised, seen in SEEN if isinstance(fault, raised))
            raise kind(place, f"{type(fault).__name__}: {fault}") from fault
        told = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(answer.status_code, told, answer.content)

    def _told(self, trace: Trace) -> str:
        own = self._baggage() if self._baggage is not None else ""
        return baggage_of(trace) + (f",{own}" if own else "")


def machine_s() -> float:
    """Return the machine's Unix time: what requests are signed at, never business."""
    return time()


def baggage_of(trace: Trace) -> str:
    """Return the W3C ``baggage`` that names an attempt."""
    return (
        f"lr.bank={quote(trace.bank, safe='')},lr.application={quote(trace.application, safe='')},"
        f"lr.call={trace.call},lr.attempt={trace.attempt},lr.deadline={trace.deadline_s!r},"
        f"lr.date={trace.date}"
    )


def client_of(address: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client for one provider at ``address`` (``http://127.0.0.1:8000``).

    The machine's proxy settings are not used: a provider is where its address says. Time-outs are
    :class:`HttpProvider`'s.
    """
    own = transport or httpx.AsyncHTTPTransport(limits=LIMITS)
    return httpx.AsyncClient(base_url=address, transport=own, timeout=FOREVER_S, trust_env=False)
