"""A served stack in the test process, and customers who speak HTTP to its gateway.

One server and one loop serve every test of a process; each test has a tenant of its own, whose
clock stands still, so that no provider takes its time.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import date
from itertools import count

from core.adapters.http import client_of
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from core.invariants import Books, check
from mocks.clock import ServedClock
from mocks.journal import Journal
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.served import ServedHost
from scenarios.hosts.world import World
from scenarios.stack import app_of, served

START = date(2020, 7, 15)
BANK, OTHER = "daopu", "chunyi"
NINE = 9 * 3600.0
CONSENTS = ["credit_report", "face", "government_data", "platform_data"]
TEXT = "consent-2020-07"
DRAW_FEN = 200_000
PROBLEM = "application/problem+json"
ASK_MAX = 8  # asks of one step: more is a loop


class Gateways:
    """The gateway of each tenant, once it is asked for; without limits, for tests are quick."""

    def __init__(self, tenants):
        self.tenants, self.address = tenants, ""
        self.hosts, self.receptions = {}, {}

    def find(self, name):
        """Return the reception of a tenant, None where there is none."""
        tenant = self.tenants.get(name)
        if tenant is not None and name not in self.receptions:
            self.hosts[name] = host = ServedHost(tenant, self.address)
            self.come_up(name, host.world.platform(host))
        return self.receptions.get(name)

    def come_up(self, name, platform, **more):
        """Have a platform served, by a gateway that knows nobody yet."""
        more = {"limits": Limits(FREE), **more}
        self.receptions[name] = Reception(platform, name, quiet=True, **more)

    async def shut(self, name):
        """Let a tenant's gateway go."""
        found = self.receptions.pop(name, None)
        if found is not None:
            await found.close()
            await self.hosts.pop(name).aclose()


def make_tenant(name, seed):
    world = World(seed or 7, START, journal=Journal(), copying=True)
    clock = ServedClock(START, 1.0, NINE)
    clock.frozen = True
    return Tenant(name, world, clock)


async def until(true):
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what it waits for tells nobody
            await asyncio.sleep(0.002)


class Stack:
    """The server of this process."""

    def __init__(self):
        self._runner, self._exits = asyncio.Runner(), AsyncExitStack()
        self.tenants = Tenants(make_tenant)
        self.gateways = Gateways(self.tenants)
        whole = app_of(self.tenants, find=self.gateways.find)
        self.port = self.run(self._exits.enter_async_context(served(whole)))
        self.address = self.gateways.address = f"http://127.0.0.1:{self.port}"
        self._client = client_of(self.address)
        self._names = count(1)

    def run(self, work):
        return self._runner.run(work)

    def play(self, story, *more):
        """Tell a story on a tenant of its own; return what it returns."""
        return self.run(self._play(story, *more))

    async def _play(self, story, *more):
        scene = self.open()
        try:
            return await story(scene, *more)
        finally:
            await self.shut(scene.name)

    def open(self):
        """Open a tenant for a story."""
        name = f"gateway-{next(self._names)}"
        self.tenants.open(name)
        return Scene(self, name, self._client)

    async def shut(self, name):
        """Let a tenant go."""
        await self.gateways.shut(name)
        self.tenants.close(name)

    def close(self):
        for name in list(self.gateways.receptions):
            self.run(self.shut(name))
        self.run(self._client.aclose())
        self.run(self._exits.aclose())
        self._runner.close()


class Answer:
    """What came back, in what a test asks of it."""

    def __init__(self, response):
        self.response = response
        self.status, self.content = response.status_code, response.content
        self.headers = response.headers
        self.body = json.loads(response.content) if response.content else None

    @property
    def problem(self):
        """The name of a problem; that it is one, and well formed, is checked here."""
        assert self.headers["content-type"] == PROBLEM, self
        assert self.body["status"] == self.status >= 400, self
        assert {"type", "title", "status", "detail"} <= set(self.body), self
        return self.body["type"].removeprefix("/api/v1/problems/")

    @property
    def said(self):
        """The status, and the problem where it is one."""
        return (self.status, self.problem) if self.status >= 400 else (self.status, None)

    @property
    def asks(self):
        """What a step asks for, empty where it is done."""
        assert self.status in (200, 201, 202), self
        asked = (self.body["asks"] or {}).get("kind", "")
        assert bool(asked) == (self.status == 202), self
        return asked

    def __repr__(self):
        return f"{self.status} {self.content[:300]!r}"


class Scene:
    """A tenant, its gateway, and who goes there."""

    def __init__(self, stack, name, client):
        self.stack, self.name, self.client = stack, name, client
        self._told = {"x-loanrange-tenant": name}
        self._keys = count(1)
        self._visits = count(1)

    @property
    def tenant(self):
        return self.stack.tenants.get(self.name)

    @property
    def house(self):
        return self.tenant.house

    @property
    def reception(self):
        return self.stack.gateways.find(self.name)

    @property
    def store(self):
        return self.house.store

    @property
    def journal(self):
        return [noted.call for noted in self.house.journal.calls]

    def come_up(self, **more):
        """Have the gateway come up anew over the same store, without who was logged in."""
        self.stack.gateways.come_up(self.name, self.reception.platform, **more)

    async def crash(self, **more):
        """Have the gateway die with all it holds, and come up."""
        died = self.reception
        self.come_up(**more)
        await died.close()

    # Requests

    async def send(self, method, path, *, headers=None, tenant=True, **more):
        told = {**(self._told if tenant else {}), **(headers or {})}
        return Answer(await self.client.request(method, path, headers=told, **more))

    async def control(self, path, method="POST", **body):
        answer = await self.send(method, f"/_control/{path}", json=body)
        assert answer.status < 300, answer
        return answer.body

    async def picture(self, ref):
        answer = await self.client.get("/_control/picture", params={"of": ref}, headers=self._told)
        assert answer.status_code == 200
        return answer.content

    async def advance(self, seconds):
        await self.control("clock/advance", seconds=seconds)

    async def faults(self, *planned):
        """Replace the faults that are planned."""
        answer = await self.send("PUT", "/_control/faults", json=list(planned))
        assert answer.status == 200, answer

    async def until_held_up(self):
        """Wait until a provider waits for the clock, which stands."""
        await until(lambda: self.tenant.clock._waiting)

    def key(self):
        return f"key-{next(self._keys)}"

    # People

    async def person(self, bank=BANK, truth=None, **traits):
        """Make somebody who passes every check, but for what is said."""
        traits = {"holds_card": False, **traits}
        said = {"bank": bank, "traits": traits, "truth": truth or {}}
        return await self.control("people", **said)

    async def customer(self, bank=BANK, person=None, **traits):
        """Return somebody who is logged in."""
        customer = Customer(self, bank, person or await self.person(bank, **traits))
        await customer.log_in()
        return customer

    async def registered(self, bank=BANK, person=None, **traits):
        customer = await self.customer(bank, person, **traits)
        await customer.register()
        return customer

    async def borrower(self, bank=BANK, until="drawdowns", **traits):
        """Return somebody who has gone through the steps before ``until``, or has a loan."""
        customer = await self.registered(bank, **traits)
        await customer.go(until)
        return customer

    # What became of the money

    @property
    def payouts(self):
        entries = [each for bank in (BANK, OTHER) for each in self.house.corebank.entries(bank)]
        return sum(entry.kind == "disburse" for entry in entries)

    def violated(self):
        return check(Books(self.store.tables, self.house.corebank, self.house.products))


STEPS = ("consent", "decision", "account", "contract", "drawdowns")


class Customer:
    """Somebody with a phone, at one bank."""

    def __init__(self, scene, bank, person):
        self.scene, self.bank, self.person = scene, bank, person
        self.token = self.app = self.loan = ""
        self.session = None

    def again(self):
        """The same person with a second phone: not logged in there yet."""
        other = Customer(self.scene, self.bank, self.person)
        other.app, other.loan = self.app, self.loan
        return other

    @property
    def home(self):
        return f"/api/v1/banks/{self.bank}"

    @property
    def bearer(self):
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def of(self, path=""):
        return f"/applications/{self.app}{path}"

    async def send(self, method, path, *, headers=None, **more):
        told = {**self.bearer, **(headers or {})}
        return await self.scene.send(method, self.home + path, headers=told, **more)

    async def get(self, path, **params):
        return await self.send("GET", path, params=params)

    async def delete(self, path):
        return await self.send("DELETE", path)

    async def post(self, path, body=None, key=None):
        headers = {"idempotency-key": key or self.scene.key()}
        return await self.send("POST", path, json={} if body is None else body, headers=headers)

    async def upload(self, side, content, **headers):
        return await self.send("PUT", f"/uploads/{side}", content=content, headers=headers)

    # What only a phone can do

    async def code(self):
        told = await self.scene.control("device/login", id_number=self.person["id_number"])
        return told["js_code"]

    async def phone_code(self):
        told = await self.scene.control("device/phone-code", id_number=self.person["id_number"])
        return told["code"]

    async def show(self, token):
        said = {"id_number": self.person["id_number"], "biz_token": token}
        await self.scene.control("device/face", **said)

    @property
    def card(self):
        return next(c["number"] for c in self.person["cards"] if c["bank"] != self.bank)

    # Steps

    async def log_in(self, **said):
        body = {"code": await self.code(), "visit": f"visit-{next(self.scene._visits)}", **said}
        answer = await self.scene.send("POST", f"{self.home}/sessions", json=body)
        assert answer.status == 201, answer
        self.session, self.token = answer.body, answer.body["token"]
        if answer.body["applications"]:
            self.app = answer.body["applications"][0]["id"]
        return answer

    async def show_card(self):
        for side, image in (
            ("id_card_front", "id_card_image"),
            ("id_card_back", "id_card_back_image"),
        ):
            content = await self.scene.picture(self.person[image])
            answer = await self.upload(side, content)
            assert answer.status == 204, answer

    async def product(self):
        return (await self.get("/products")).body["items"][0]["id"]

    async def register(self, product=""):
        await self.show_card()
        said = {"product": product or await self.product(), "phone_code": await self.phone_code()}
        answer = await self.post("/applications", said)
        assert answer.status == 201, answer
        self.app = answer.body["id"]
        return answer

    def begins(self, step, request="first", amount_fen=DRAW_FEN):
        """What a step is begun with."""
        if step == "drawdowns":
            return {"request": request, "amount_fen": amount_fen}
        return {}

    async def bring(self, asks):
        """Do what a step asks for; return what is sent with it."""
        kind = asks["kind"]
        if kind == "face":
            await self.show(asks["token"])
            return {"face": asks["token"]}
        if kind == "card":
            return {"card": self.card}
        if kind == "signature":
            return {"signature": True}
        return {"consents": asks["kinds"], "text_version": asks["text_version"]}

    async def step(self, name, said=None):
        """Take a step, whatever it asks for; return its last answer."""
        said = dict(self.begins(name) if said is None else said)
        for _ in range(ASK_MAX):
            answer = await self.post(self.of(f"/{name}"), said)
            if answer.status != 202:
                return answer
            said |= await self.bring(answer.body["asks"])
        raise AssertionError(f"{name} asks for ever: {answer}")

    async def go(self, until):
        """Take the steps up to one, which is not taken; "loan": all."""
        for step in STEPS:
            if step == until:
                return
            answer = await self.step(step)
            assert answer.status in (200, 201), answer
        self.loan = answer.body["drawdown"]["loan"]

    async def go_from(self, step):
        """Take a step and those behind it."""
        for each in STEPS[STEPS.index(step) :]:
            answer = await self.step(each)
            assert answer.status in (200, 201), answer
        self.loan = answer.body["drawdown"]["loan"]

    async def again_at(self, request):
        """Log in, and draw under another name."""
        await self.log_in()
        return await self.step("drawdowns", self.begins("drawdowns", request))

    async def state(self):
        return (await self.get(self.of())).body["state"]
