"""What the tests of verifying share: a journal written by hand, and expectations held to it."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

from core.ports.trace import Trace
from mocks.clock import ServedClock
from mocks.journal import Journal
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.world import World
from scenarios.stack import app_of
from tests.mocks.rest_kit import BANKS, NINE, START, asking, serving

KEPT = 10_000
LOGIN, DISBURSE, OUTCOME = "wechat.login", "corebank.disburse", "corebank.outcome"
LETTERS = {"L": LOGIN, "D": DISBURSE, "O": OUTCOME, "C": "corebank.*"}


def make_tenant(name, seed):
    journal = None if name == "silent" else Journal.bounded(50 if name == "short" else KEPT)
    world = World(seed or 7, START, banks=BANKS, products={}, journal=journal)
    clock = ServedClock(START, 1.0, NINE)
    clock.frozen = True  # no loop runs yet that an alarm could be set in
    return Tenant(name, world, clock)


class Book:
    """A served tenant whose journal is written by hand, and what holds expectations against it."""

    def __init__(self, tenants, client, tenant="default"):
        self.tenants, self.client, self.tenant = tenants, client, tenants.get(tenant)
        self.at_s = NINE

    def came(self, operation, call=1, attempt=1, of="a-1", seen="done", at_s=None):
        """Note a call; a second of business time later than the one before."""
        self.at_s = self.at_s + 1.0 if at_s is None else at_s
        trace = Trace("bozhi", of, call, attempt, float("inf"), START)
        answer = SimpleNamespace(verdict=seen) if isinstance(seen, str) else seen
        self.tenant.house.journal.note(operation, trace, self.at_s, answer)

    def write(self, letters):
        """Note a call for each letter, of the operation that begins with it."""
        for letter in letters:
            self.came(LETTERS[letter])

    def ask(self, *expected, **said):
        """Ask for a verdict; an expectation may be told by its operation alone."""
        each = [{"operation": one} if isinstance(one, str) else one for one in expected]
        body = {"expected": each, **said}
        header = {"x-loanrange-tenant": self.tenant.name}
        return self.client.post("/_control/journal/verify", json=body, headers=header)

    def holds(self, *expected, **said):
        """Require that all is as expected; return how many calls were."""
        told = self.ask(*expected, **said)
        assert told.status_code == 200, told.text
        assert told.json().keys() == {"verified", "matched"}, told.text
        assert told.json()["verified"] is True
        return told.json()["matched"]

    def problems(self, *expected, **said):
        """Require that something is not as expected; return the sentences."""
        told = self.ask(*expected, **said)
        assert told.status_code == 200, told.text
        assert told.json().keys() == {"verified", "problems"}, told.text
        assert told.json()["verified"] is False
        return told.json()["problems"]


def want(operation, **said):
    return {"operation": operation, **said}


@contextmanager
def opened():
    """Serve a default tenant, one with a short journal and one without any; give who asks them."""
    tenants = Tenants(make_tenant)
    tenants.open("short")
    tenants.open("silent")
    with serving(app_of(tenants)) as url, asking(url) as client:

        def book(name="default"):
            if name != "silent":
                tenants.open(name)
            return Book(tenants, client, name)

        yield book
