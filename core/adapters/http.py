"""Providers over HTTP: runs the codecs of :mod:`core.wire` on httpx, and tells what failed how.

Why nobody waits in httpx. Its pool (httpcore 1.0, ``connection_pool.py``) goes through all it has
whenever a request comes or goes: for every request that waits, through every connection. And the
one connection that has become free it hands to all who wait, of whom one gets it; the others find
it taken, go back to waiting one by one, and each has the pool gone through again. So an answer
costs time that grows faster than the queue, and a crowd that is served slower grows. It happens to
the few beside free connections too: all who come at once are sent to the same one.

Here every connection is a pool of its own with one request in it (:class:`Lanes`), there are few of
them to a provider, and who finds none free waits in front of them, first come, first served.
``tests/bench/pool.py`` has the figures.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from core.errors import ConnectionLost, NotDone, ProviderError, TimedOut, Unreachable, Unreadable
from core.wire.message import HttpResponse

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine

    from core.ports.trace import Trace
    from core.wire.message import Exchange, HttpRequest

FOREVER_S = 3_600.0  # what httpx waits by itself: HttpProvider is done long before
CONNECT_S = 3.0  # for connecting, of which an end certainly had no effect; TCP tries twice in it
CONNECTIONS = 8  # a provider; more only wait longer in its own queue
# An idle connection is given up before its server does so (uvicorn: after 5 s): a request that
# crosses the server's goodbye is lost, and nobody knows what became of it.
KEPT_S = 3.0
# Of the span under which a request is sent (W3C Trace Context); empty where nobody traces.
TRACEPARENT: ContextVar[str] = ContextVar("traceparent", default="")
ANSWER_MAX = 64 * 1024 * 1024  # unpacked; a face check brings its video along

# What httpx raises before an answer begins, by what is known of the effect. The first that fits
# counts.
SEEN: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
    (httpx.ConnectError, Unreachable),
    (httpx.ConnectTimeout, Unreachable),
    (httpx.PoolTimeout, Unreachable),
    (httpx.UnsupportedProtocol, NotDone),  # it could not be sent as it was
    (httpx.LocalProtocolError, NotDone),
    (httpx.InvalidURL, NotDone),
    (httpx.TimeoutException, TimedOut),
    (httpx.NetworkError, ConnectionLost),
    (httpx.RemoteProtocolError, ConnectionLost),
    (httpx.HTTPError, Unreadable),
)


class HttpProvider:
    """One provider behind an address: its codec, its connections, its time-out.

    ``limit_s`` bounds one attempt, however many requests its exchange takes, and ``left_s`` is what
    is left of its errand's deadline, both in seconds of the machine's clock.
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
            until_s = asyncio.get_running_loop().time() + self._time_for(trace)
            exchange = begin(trace, query)
            try:
                request = next(exchange)
                while True:
                    response = await self._send(place, trace, request, until_s)
                    request = exchange.send(response)
            except StopIteration as end:
                return end.value

        return call

    def _time_for(self, trace: Trace) -> float:
        """Return the seconds that an attempt has."""
        return self._limit_s if self._left_s is None else min(self._limit_s, self._left_s(trace))

    async def _send(
        self, place: str, trace: Trace, request: HttpRequest, until_s: float
    ) -> HttpResponse:
        """Send one request, if its attempt has time left for it."""
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise Unreachable(place, "its time is up, or its errand's: it was not sent")
        headers = {**request.headers, **self._headers, "baggage": self._told(trace)}
        if told := TRACEPARENT.get():
            headers["traceparent"] = told
        waiting = True
        try:
            asked = self._client.build_request(
                request.method,
                request.path,
                headers=headers,
                content=request.body,
                timeout=httpx.Timeout(FOREVER_S, connect=min(CONNECT_S, left_s / 2)),
            )
            async with asyncio.timeout_at(until_s), self._free:
                waiting = False
                return await self._answer(place, asked)
        except TimeoutError as late:
            if waiting:
                raise Unreachable(place, f"no connection was free in {left_s:.3g} s") from late
            raise TimedOut(place, f"no answer in {left_s:.3g} s") from late
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise _seen(place, fault) from fault

    async def _answer(self, place: str, asked: httpx.Request) -> HttpResponse:
        """Return the answer, read whole."""
        answer = await self._client.send(asked, stream=True)
        try:
            body = await _body(place, answer)
        finally:
            await answer.aclose()
        told = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(answer.status_code, told, body)

    def _told(self, trace: Trace) -> str:
        own = self._baggage() if self._baggage is not None else ""
        return baggage_of(trace) + (f",{own}" if own else "")


class Lanes(httpx.AsyncBaseTransport):
    """A few connections to one provider, each in a pool of its own.

    A lane is taken from the request's beginning to the end of its answer. The one that became free
    last is taken first, so that no more connections stand open than are needed. A lane whose
    request was broken off is made anew: a pool that is left in the wrong moment (its connection
    promised and not yet opened, its answer read and not yet closed) keeps it taken for ever.
    """

    def __init__(self, connections: int = CONNECTIONS) -> None:
        self._idle = [_lane() for _ in range(connections)]
        self._free = asyncio.Semaphore(connections)
        self._lanes = set(self._idle)
        self._ending: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request down a free lane, when there is one."""
        await self._free.acquire()
        lane = self._idle.pop()
        try:
            answer = await lane.handle_async_request(request)
        except BaseException:
            self._leave(lane, whole=False)
            raise
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Lane(answer.stream, partial(self._leave, lane))
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        for lane in self._lanes:
            await lane.aclose()
        await asyncio.gather(*self._ending)

    def _leave(self, lane: httpx.AsyncHTTPTransport, *, whole: bool) -> None:
        if not whole:
            # In a task of its own: whoever leaves may be cancelled once more.
            ending = asyncio.create_task(lane.aclose())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            self._lanes.remove(lane)
            lane = _lane()
            self._lanes.add(lane)
        self._idle.append(lane)
        self._free.release()


class _Lane(httpx.AsyncByteStream):
    """An answer's body; when it is closed, its lane is left."""

    def __init__(self, body: httpx.AsyncByteStream, leave: Callable[..., None]) -> None:
        self._body = body
        self._leave: Callable[..., None] | None = leave

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        leave, self._leave = self._leave, None
        if leave is None:
            return
        whole = False
        try:
            await self._body.aclose()
            whole = True
        finally:
            leave(whole=whole)


def _lane() -> httpx.AsyncHTTPTransport:
    alone = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_S)
    return httpx.AsyncHTTPTransport(verify=_trusted(), limits=alone)


async def _body(place: str, answer: httpx.Response) -> bytes:
    """Return the unpacked body of an answer that has begun.

    Raises:
        Unreadable: it was cut short, is not packed as it says, or never ends.
    """
    parts, size = [], 0
    try:
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > ANSWER_MAX:
                raise Unreadable(place, f"an answer of more than {ANSWER_MAX:,} bytes")
            parts.append(part)
    except (httpx.NetworkError, httpx.ProtocolError, httpx.DecodingError) as broken:
        raise Unreadable(place, f"{type(broken).__name__} in its answer") from broken
    return b"".join(parts)


def _seen(place: str, fault: Exception) -> ProviderError:
    """Return what is known of a request's effect after a fault before its answer began."""
    name = type(fault).__name__
    if _is_garbage(fault):  # what came is not shown: it may be about somebody
        return Unreadable(place, f"{name}: no HTTP")
    kind = next(seen for raised, seen in SEEN if isinstance(fault, raised))
    return kind(place, f"{name}: {fault}")


def _is_garbage(fault: Exception) -> bool:
    """Whether bytes came that are no HTTP: httpx calls a silent goodbye by the same name.

    They differ in what lies behind: httpcore's error, and behind that h11's about the bytes.
    """
    own = fault.__cause__
    complaint = own and (own.__cause__ or own.__context__)
    return type(complaint).__module__.partition(".")[0] == "h11"


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

    The machine's proxy settings are not used: a provider is where its address says. Cookies are
    not kept: one customer's answer has no part in another's request. Time-outs are
    :class:`HttpProvider`'s.
    """
    return httpx.AsyncClient(
        base_url=address,
        transport=transport or Lanes(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        timeout=FOREVER_S,
        trust_env=False,
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom TLS trusts; reading the certificates takes some 30 ms, so all share it."""
    return httpx.create_ssl_context()
