"""One provider call in process beside respx, and how long answers take at half of saturation.

In process nothing is signed and nothing crosses a network: a port of the instant host is asked,
with named draws, the magic input resolved and the call journalled. respx answers an httpx client
with the same words, in the way that its documents show first.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from time import perf_counter
from typing import Any

import faces
import httpx
import peers
import respx

from core.identity import IdNumber, PhoneNumber
from core.ports.carrier import OwnerQuery, PhoneVerdict
from mocks.journal import Journal
from mocks.line import ASSUMED
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.world import World

CALLS, RESPX_CALLS = 20_000, 1_000
URL = "https://faceid.tencentcloudapi.com/"
SETTLED_S = 2.0  # of a load at half of saturation


def ours() -> tuple[Callable[[], int], str, str]:
    """Return one round of calls at a port of the instant host."""
    patient = {"carrier": replace(ASSUMED["carrier"], timeout_ms=10**6)}  # every answer counts
    journal = Journal.bounded(faces.JOURNAL_KEPT)
    host = InstantHost(World(7, faces.START, profiles=patient, journal=journal))
    query = OwnerQuery(PhoneNumber(peers.MAGIC), "样本甲", IdNumber(peers.BODY["IdCard"]))
    ask = host.ports.carrier.owner_matches
    traces = [faces.TRACE._replace(application=f"A{number}") for number in range(CALLS)]

    async def calls() -> int:
        answered = 0
        for trace in traces:
            answered += (await ask(trace, query)).verdict is PhoneVerdict.SAME
        return answered

    def work() -> int:
        answered = host.run(calls())
        assert answered == CALLS
        return answered

    return work, "calls/s", "50 times respx, aims at 150"


def theirs() -> tuple[Callable[[], int], str, str]:
    """Return one round of calls that respx answers."""

    def work() -> int:
        answered = 0
        with respx.mock() as router, httpx.Client(trust_env=False) as client:
            router.post(URL).respond(json=peers.ANSWER)
            for _ in range(RESPX_CALLS):
                answer = client.post(URL, json=peers.BODY).json()
                answered += answer["Response"]["Result"] == "0"
        assert answered == RESPX_CALLS
        return answered

    return work, "calls/s", ""


class Paced(peers.Work):
    """Requests that come at even times, whether the ones before are answered or not."""

    def __init__(self, port: int, requests: list[bytes], hoped: bytes, per_s: float) -> None:
        super().__init__(port, requests, hoped)
        self._per_s = per_s
        self.told = ""

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        lines: list[PacedLine] = []
        for _ in range(faces.CONNECTIONS):
            _, line = await loop.create_connection(
                partial(PacedLine, self.hoped, self.took_s), "127.0.0.1", self._port
            )
            lines.append(line)
        began = perf_counter()
        number = 0
        while number < len(self.requests):
            await asyncio.sleep(0)
            due = began + number / self._per_s
            while due <= perf_counter() and number < len(self.requests):
                lines[number % len(lines)].put(self.requests[number], due)
                number += 1
                due = began + number / self._per_s
        while len(self.took_s) < len(self.requests):  # noqa: ASYNC110  once a round
            await asyncio.sleep(0.001)
        for line in lines:
            line.transport.close()
        p50_ms = 1e3 * statistics.median(self.took_s)
        self.told = f"p50 {p50_ms:.2f} ms: p99 is {self.p99_ms / p50_ms:.1f} times that, at most 3"


class PacedLine(asyncio.Protocol):
    """A connection on which a request may wait for the answer to the one before."""

    def __init__(self, hoped: bytes, took_s: list[float]) -> None:
        self._hoped, self._took_s = hoped, took_s
        self._due: list[float] = []
        self._seen = b""

    def connection_made(self, transport: Any) -> None:
        """Keep it."""
        self.transport = transport

    def put(self, request: bytes, due: float) -> None:
        """Send a request that was due then."""
        self._due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take answers in."""
        self._seen += data
        while True:
            head, gap, body = self._seen.partition(b"\r\n\r\n")
            if not gap:
                return
            at = head.index(b"content-length: ") + len(b"content-length: ")
            length = int(head[at : at + 12].split(b"\r", 1)[0])
            if len(body) < length:
                return
            assert self._hoped in body[:length], body[:length]
            self._took_s.append(perf_counter() - self._due.pop(0))
            self._seen = body[length:]


@cache
def saturation() -> float:
    """Return the requests a second that our server answers when it has no rest."""
    rates = []
    for _ in range(3):
        work, *_ = peers.ours("magic")
        began = perf_counter()
        rates.append(work() / (perf_counter() - began))
    return statistics.median(rates)


def half() -> tuple[Paced, str, str]:
    """Return one round at half of saturation."""
    orders, port = faces.server()
    orders.send("magic")
    requests = orders.recv()
    per_s = saturation() / 2
    count = int(per_s * SETTLED_S)
    made = (requests * (count // len(requests) + 1))[:count]
    return Paced(port, made, b'"Result":"0"', per_s), peers.UNIT, ""


BENCHES = {
    "in_process.ours": ours,
    "in_process.respx": theirs,
    "faces.half_of_saturation": half,
}
