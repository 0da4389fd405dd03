"""What a crowd of calls to one provider costs its client: httpx's pool, and the one of ours.

So many calls are asked for at once, over so few connections, of a server on the other core. httpx's
own pool goes through all that wait whenever a request comes or goes; in front of ours they queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import faces
import httpx

from core.adapters.http import CONNECTIONS, KEPT_S, Lanes, client_of

CALLS = 2_000
CROWD = 1_000


def pooled() -> httpx.AsyncBaseTransport:
    """Return httpx's own pool, with as many connections as ours has."""
    limits = httpx.Limits(
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEPT_S,
    )
    return httpx.AsyncHTTPTransport(limits=limits)


class Work:
    """Many calls, a crowd of them at a time; nobody is there, which is said at once."""

    def __init__(self, transport: Callable[[], httpx.AsyncBaseTransport], crowd: int) -> None:
        self._transport = transport
        self._crowd = crowd
        self._address = f"http://127.0.0.1:{faces.server()[1]}"

    def __call__(self) -> int:
        """Call; return how many were answered."""
        with faces.pinned(faces.CLIENT_CPU):
            return asyncio.run(self._call())

    async def _call(self) -> int:
        left = iter(range(CALLS))

        async def caller() -> int:
            answered = 0
            for _ in left:
                answered += (await client.get("/nobody")).status_code == 404
            return answered

        async with client_of(self._address, self._transport()) as client:
            answered = sum(await asyncio.gather(*(caller() for _ in range(self._crowd))))
        assert answered == CALLS
        return answered


def bench(
    transport: Callable[[], httpx.AsyncBaseTransport], crowd: int, goal: str = ""
) -> tuple[Work, str, str]:
    """Return one round of a crowd over a transport."""
    return Work(transport, crowd), "calls/s", goal


BENCHES = {
    "pool.ours.1000": partial(bench, Lanes, CROWD),
    "pool.httpx.1000": partial(bench, pooled, CROWD),
    "pool.ours.8": partial(bench, Lanes, CONNECTIONS),
    "pool.httpx.8": partial(bench, pooled, CONNECTIONS),
}
