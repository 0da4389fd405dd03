"""What the tests of the REST servers share: a world to ask, a server, a shop."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import httpx
import uvicorn

from core.identity import UnifiedCreditCode
from core.ports.acquirer import FlowMonth
from core.ports.registry import BusinessState
from mocks.acquirer import server as acquirer
from mocks.acquirer.behaviour import Acquirer
from mocks.bureau import server as bureau
from mocks.corebank import server as corebank
from mocks.evidence import server as evidence
from mocks.journal import Journal
from mocks.line import Fault, FaultKind
from mocks.registry import server as registry
from mocks.registry.behaviour import Registry
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.world import World, built_in

START = date(2020, 7, 15)
NINE = 9 * 3600.0
BANK, OTHER_BANK = "bozhi", "daopu"
BANKS = {name: built_in()[0][name] for name in (BANK, OTHER_BANK)}
SERVICES = {
    each.SERVICE.name: each.SERVICE for each in (corebank, bureau, registry, acquirer, evidence)
}
OPERATIONS = [(name, post.name) for name, service in SERVICES.items() for post in service.posts]
PROBLEM = "application/problem+json"
TOLD_OF = {400, 401, 404, 405, 413, 415, 422, 429, 503}  # what every document tells of
# Tenants whose line to the core misbehaves, by their names.
FAULTS = {
    "spent": Fault("corebank", FaultKind.QUOTA),
    "failing": Fault("corebank", FaultKind.SERVER_ERROR),
    "breaking": Fault("corebank", FaultKind.RESET),
}


class Still:
    """A business clock that stands at nine o'clock; nothing takes time."""

    def __init__(self, start):
        self.start, self.now_s, self.late = start, NINE, []

    async def enter(self, visit):
        pass

    async def serve(self, wait_s):
        pass

    def later(self, at_s, happens):
        self.late.append((at_s, happens))


CODE = UnifiedCreditCode.make("92", "329900", "MA1ABCDE")


@dataclass
class Shop:
    """A noodle shop that joined the acquirer in May 2020."""

    code: UnifiedCreditCode = CODE
    name: str = "测试面馆"
    kind: str = "个体工商户"
    person: str = "李明"
    scope: str = "餐饮服务"
    address: str = "江苏省测试县一号"
    opened: date = date(2018, 5, 4)
    state: BusinessState = BusinessState.OPEN
    joined: date = date(2020, 5, 20)

    def month(self, first):
        if first < self.joined.replace(day=1):
            return None
        return FlowMonth(first, first.month * 100_000, 10, 20, 300, 5, 9_000, 0)


class Shops:
    """One shop, and no other."""

    def by_code(self, code):
        return Shop() if code == Shop.code else None


def make_tenant(name, seed):
    faults = [FAULTS[name]] if name in FAULTS else []
    world = World(seed or 7, START, banks=BANKS, products={}, faults=faults, journal=Journal())
    world.behaviours |= {"registry": Registry(Shops()), "acquirer": Acquirer(Shops())}
    return Tenant(name, world, Still(START))


def tenants(*names):
    """Return tenants: the default one, and those with these names."""
    made = Tenants(make_tenant)
    for name in names:
        made.open(name)
    return made


@contextmanager
def serving(app):
    """Serve an application on loopback, in a thread; give its address."""
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_level="error", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    # asyncio sends at once (TCP_NODELAY) only where the socket says that it is TCP's.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def asking(url, tenant=None):
    """Give an HTTP client of a server, with a tenant's API key where one is given."""
    key = {"X-Api-Key": tenant.credentials.api_key} if tenant else {}
    with httpx.Client(base_url=url, headers=key, timeout=5.0, trust_env=False) as client:
        yield client


def key(serial, bank=BANK):
    """Return a key as the wire tells it."""
    return {"bank": bank, "channel": "loan", "channel_date": "2020-07-15", "serial": serial}


def refused(response, status, *told):
    """Require a problem of that status whose detail tells these words; return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    problem = response.json()
    assert set(problem) <= {"type", "title", "status", "detail", "errors"}
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    for word in told:
        assert word in problem["detail"]
    return problem
