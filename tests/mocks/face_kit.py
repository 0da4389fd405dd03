"""What the tests of WeChat, the ID network and screening share: tenants by hand, a served front."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date

import httpx

from mocks.app import App
from mocks.idnet.server import IdNetFace
from mocks.journal import Journal
from mocks.line import Fault, FaultKind
from mocks.sanctions.server import SanctionsFace
from mocks.tenant import Tenant, Tenants
from mocks.wechat.server import WeChatFace
from scenarios.hosts.world import World
from tests.mocks.rest_kit import BANK, BANKS, serving

START = date(2020, 7, 15)
NINE = 9 * 3600.0
LIMIT_S = 5.0  # whoever has no answer by then calls it a hang
LISTS = ("match", "search", "entities", "catalog", "algorithms", "healthz", "readyz")
# Tenants whose lines misbehave, by their names.
KINDS = {"spent": FaultKind.QUOTA, "failing": FaultKind.SERVER_ERROR, "breaking": FaultKind.RESET}


class ByHand:
    """A business clock that stands until a test moves it; nothing takes time."""

    def __init__(self):
        self.start, self.now_s, self.late = START, NINE, []

    async def enter(self, visit):
        pass

    async def serve(self, wait_s):
        pass

    def later(self, at_s, happens):
        self.late.append((at_s, happens))


def make_tenant(name, seed):
    kind = KINDS.get(name)
    faults = [Fault(line, kind) for line in ("wechat", "idnet", "sanctions")] if kind else []
    world = World(seed or 7, START, banks=BANKS, products={}, faults=faults, journal=Journal())
    return Tenant(name, world, ByHand())


class Front:
    """A served front: where it is, who is behind it, and a client that asks it."""

    def __init__(self, url, tenants, wechat, client):
        self.url, self.tenants, self.wechat, self.client = url, tenants, wechat, client
        self.tenant = tenants.default

    def fresh(self):
        """Open the default tenant anew, so that a test finds nothing that another left."""
        self.tenant = self.tenants.open("default")
        return self

    def person(self, index=1, **said):
        """Return a person of the default tenant, who passes every check but for what is said."""
        return self.tenant.people.make(BANK, index, **said)


@contextmanager
def fronted(*names):
    """Serve the three faces over loopback; tenants besides the default one by their names."""
    tenants = Tenants(make_tenant)
    for name in names:
        tenants.open(name)
    wechat, lists = WeChatFace(tenants), SanctionsFace(tenants)
    faces = dict.fromkeys(("sns", "cgi-bin", "wxa"), wechat) | dict.fromkeys(LISTS, lists)
    app = App(None, {**faces, "idnet": IdNetFace(tenants)}, {})
    with (
        serving(app) as url,
        httpx.Client(base_url=url, timeout=LIMIT_S, trust_env=False) as client,
    ):
        yield Front(url, tenants, wechat, client)
