"""Requests a second and p99 of each face: the server on one core, its client on the other.

A face is asked over real connections, as a vendor's client would ask it: every request signed and
whole, nothing told of our own. Sixteen connections each send the next request when the last one is
answered, so the rate is what the server can do, and the p99 what waiting for it costs then. The
server's business clock moves a little with every request and nobody waits for a latency, so that
quotas, codes and tokens are checked and none runs out. Whether an answer is the one that was hoped
for is looked at, request by request.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from asn1crypto.tsp import MessageImprint, TimeStampReq

from core.adapters.http import baggage_of
from core.identity import PhoneNumber
from core.picture import Picture
from core.ports import (  # fmt: skip
    acquirer,
    bureau,
    carrier,
    corebank,
    evidence,
    face,
    idnet,
    ocr,
    registry,
    sanctions,
    wechat,
)
from core.ports.trace import Trace
from core.wire.message import HttpRequest
from mocks.journal import Journal
from mocks.tenant import Tenant, Tenants
from scenarios.collector import calm
from scenarios.hosts.wire import wires
from scenarios.hosts.world import BEHAVIOURS, World
from scenarios.population.shops import Shops
from scenarios.stack import app_of, served

START = date(2020, 7, 15)
NINE = 9 * 3600.0
STEP_S = 0.1  # of business time, a request: below what any quota a second would refuse
CONNECTIONS = 16
REQUESTS = 3_000
PEOPLE = 500
JOURNAL_KEPT = 10_000
TRACE = Trace("", "A1", 1, 1, float("inf"), START)
MAGIC = {"magic": 0, "magic.1_bank": 1, "magic.58_banks": 58}  # how many banks are named
TST_INFO = bytes.fromhex("2a864886f70d0109100104")  # the object identifier in RFC 3161, 2.4.2
SERVER_CPU, CLIENT_CPU = 0, 1
PIDS: dict[int, int | None] = {}  # of servers, by their ports


class Stepping:
    """A business clock that moves a step with every request; nobody waits."""

    def __init__(self) -> None:
        self.start, self.now_s = START, NINE

    async def enter(self, visit: str) -> None:
        """Begin to serve a request."""

    async def serve(self, wait_s: float) -> None:
        """Let a provider's time pass, which takes none."""
        self.now_s += STEP_S

    def later(self, at_s: float, happens: Callable[[], object]) -> None:
        """Have something happen; here nothing is late."""
        happens()


# What is asked: (operation, query) for each of many people, and what a good answer holds.


class Town:
    """A tenant's people, as their bank's backend would ask about them."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.bank = next(iter(tenant.house.banks))
        town = tenant.house.people
        self.people = [town.make(self.bank, n, holds_card=True) for n in range(1, PEOPLE + 1)]
        shops = Shops(town, tenant.house.banks)
        found = (shops.by_owner(f"{self.bank}/{n:06d}") for n in range(1, 20_000))
        self.shops = list(islice((shop for shop in found if shop), 100))
        self._codes = 0

    def login(self, person: Any) -> Any:
        self._codes += 1
        now_s, nonce = self.tenant.now_s, str(self._codes)
        code = self.tenant.behaviours["wechat"].device_login(person.openid, nonce, now_s)
        return wechat.LoginQuery(code)

    def sign(self, person: Any) -> Any:
        self._codes += 1
        paper = (f"N{self._codes}", "ab" * 32, "cd" * 32)
        return evidence.SignQuery(*paper, person.name, person.id_number, "v1", "face-token")

    def screen(self, person: Any) -> Any:
        return sanctions.ScreenQuery(person.name, person.id_number, "open_account")


def _start(person: Any) -> Any:
    return face.StartQuery(person.name, person.id_number, "sign")


ASKED: dict[str, tuple[str, bytes, Callable[[Town], list[Any]]]] = {
    "wechat": ("login", b'"openid"', lambda town: [town.login(p) for p in town.people]),
    "ocr": (
        "card_front",
        b'"IdNum":"3',
        lambda town: [ocr.CardQuery(Picture.named(f"{p.key}#front")) for p in town.people],
    ),
    "carrier": (
        "name_matches",
        b'"Result":"0"',
        lambda town: [carrier.NameQuery(p.phone, p.name) for p in town.people],
    ),
    "face": ("start", b'"BizToken"', lambda town: [_start(p) for p in town.people]),
    "idnet": (
        "check",
        b"<CheckResult>00<",
        lambda town: [idnet.IdQuery(p.name, p.id_number) for p in town.people],
    ),
    "sanctions": ("screen", b'"results"', lambda town: [town.screen(p) for p in town.people]),
    "corebank": (
        "balance",
        b'"balance_fen"',
        lambda town: [corebank.BalanceQuery(p.home_card.number) for p in town.people],
    ),
    "bureau": (
        "credit_report",
        b'"found":"found"',
        lambda town: [bureau.DataQuery(p.name, p.id_number, "C1") for p in town.people],
    ),
    "registry": (
        "look_up",
        b'"state":"open"',
        lambda town: [registry.BusinessQuery(shop.code) for shop in town.shops],
    ),
    "acquirer": (
        "flow",
        b'"joined"',
        lambda town: [acquirer.FlowQuery(shop.code, 6, "C1") for shop in town.shops],
    ),
    "evidence": ("sign", b'"signature"', lambda town: [town.sign(p) for p in town.people]),
}


def requests_of(name: str, town: Town, host: str) -> list[bytes]:
    """Return the requests of one round, as they go over the wire."""
    if name in MAGIC:
        return _magic_requests(town, host, MAGIC[name])
    if name == "tsa":
        return [sent(_stamp(number), host) for number in range(REQUESTS)]
    operation, _, queries = ASKED[name]
    ask = getattr(wires(town.tenant, host)[name], operation)
    trace = TRACE._replace(bank=town.bank)
    wanted: list[Any] = []
    while len(wanted) < REQUESTS:
        wanted += queries(town)
    return [sent(next(ask(trace, query)), host) for query in wanted[:REQUESTS]]


def _magic_requests(town: Town, host: str, banks: int) -> list[bytes]:
    """Return signed requests, each about the magic phone number of a case.

    With ``banks`` the attempts have names: a customer of each bank in turn.
    """
    operation = BEHAVIOURS["carrier"].OPERATIONS["owner_matches"]
    value = next(text for text, case in operation.inputs.items() if case.name == "same_mobile")
    ask = wires(town.tenant, host)["carrier"].owner_matches
    phone = PhoneNumber(value)
    queries = [carrier.OwnerQuery(phone, one.name, one.id_number) for one in town.people]
    named = list(town.tenant.house.banks)[:banks]
    made = []
    for number in range(REQUESTS):
        request = next(ask(TRACE, queries[number % len(queries)]))
        told = dict(request.headers)
        if named:
            bank = named[number % len(named)]
            told["baggage"] = baggage_of(TRACE._replace(bank=bank, application=f"A{number}"))
        made.append(sent(HttpRequest(request.method, request.path, told, request.body), host))
    return made


def _stamp(number: int) -> HttpRequest:
    digest = number.to_bytes(32)
    imprint = MessageImprint({"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest})
    asked = TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True})
    told = {"content-type": "application/timestamp-query"}
    return HttpRequest("POST", "/tsa", told, asked.dump())


def sent(request: HttpRequest, host: str) -> bytes:
    told = {name.lower(): value for name, value in request.headers.items()}
    head = {"host": host, **told, "content-length": str(len(request.body))}
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\r\n".join([*lines, "", ""]).encode() + request.body


# The server: a process of its own, which also makes the requests, for it knows the secrets.


def _serve(orders: Any) -> None:
    pin(SERVER_CPU)
    asyncio.run(_serving(orders))


async def _serving(orders: Any) -> None:
    def opened(name: str, seed: int | None) -> Tenant:
        world = World(seed or 7, START, journal=Journal.bounded(JOURNAL_KEPT))
        return Tenant(name, world, Stepping())

    tenants = Tenants(opened)
    town = Town(tenants.default)
    calming = ExitStack()
    async with served(app_of(tenants)) as port:
        host = f"127.0.0.1:{port}"
        orders.send(port)
        calming.enter_context(calm())  # as ``serve`` is

        def take() -> None:
            try:
                orders.send(requests_of(orders.recv(), town, host))
            except Exception as bug:  # noqa: BLE001  it is the client that tells of it
                orders.send(bug)

        asyncio.get_running_loop().add_reader(orders.fileno(), take)
        await asyncio.Event().wait()


def pin(cpu: int) -> None:
    """Stay on one core, where the machine lets a process choose."""
    if hasattr(os, "sched_setaffinity") and cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})


@contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Stay on one core for a while."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    pin(cpu)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


@cache
def server() -> tuple[Any, int]:
    """Return the pipe to a server that lasts as long as this process, and its port."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    atexit.register(process.terminate)
    port = ours.recv()
    PIDS[port] = process.pid
    return ours, port


# The client: bytes out, bytes in, as little between as Python can.


class Line(asyncio.Protocol):
    """One connection: it sends the next request when the last one is answered whole."""

    def __init__(self, work: Work, done: Callable[[], None]) -> None:
        self._work = work
        self._done = done
        self._seen = b""
        self._began = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._work.left, None)
        if request is None:
            self._transport.close()
            self._done()
            return
        self._seen, self._began = b"", perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer in; when it is whole, go on."""
        self._seen += data
        head, gap, body = self._seen.partition(b"\r\n\r\n")
        if not gap:
            return
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        if len(body) < int(head[at : at + 12].split(b"\r", 1)[0]):
            return
        self._work.took_s.append(perf_counter() - self._began)
        if self._work.hoped not in body or not head.startswith(b"HTTP/1.1 20"):
            raise AssertionError(f"{self._work.name}: {self._seen[:600]!r}")
        self._next()


class Work:
    """One round of requests against a server on a port; ``hoped`` stands in every good answer."""

    def __init__(self, name: str, port: int, requests: list[bytes], hoped: bytes) -> None:
        self.name, self.hoped, self._port = name, hoped, port
        self.requests = requests
        self.left = iter(requests)
        self.took_s: list[float] = []

    @property
    def p99_ms(self) -> float:
        """Of the round: 99 of a hundred requests were answered within."""
        return 1e3 * sorted(self.took_s)[len(self.took_s) * 99 // 100]

    def __call__(self) -> int:
        """Send them all; return how many were answered as hoped."""
        with pinned(CLIENT_CPU):
            asyncio.run(self._send())
        assert len(self.took_s) == len(self.requests)
        return len(self.requests)

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(lambda _, told: failed.done() or failed.set_exception(_of(told)))
        ends = [loop.create_future() for _ in range(CONNECTIONS)]
        for end in ends:
            line = partial(Line, self, partial(end.set_result, None))
            await loop.create_connection(line, "127.0.0.1", self._port)
        all_done = asyncio.gather(*ends)
        await asyncio.wait((all_done, failed), return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()


def _of(told: dict[str, Any]) -> BaseException:
    return told.get("exception") or AssertionError(told["message"])


def cpu_s_of(pid: int) -> float:
    """Return the processor time that a process has had, all of its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench(name: str) -> tuple[Work, str, str]:
    """Return one round against a face."""
    orders, port = server()
    orders.send(name)
    made = orders.recv()
    if isinstance(made, Exception):
        raise made
    return Work(name, port, made, ASKED[name][1] if name in ASKED else TST_INFO), "requests/s", ""


BENCHES = {f"faces.{name}": partial(bench, name) for name in (*ASKED, "tsa")}
