"""Customers of other front ends: a ticket is used once, and a loan needs nothing of WeChat."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.adapters.http import client_of
from core.gateway.app import gateway_app
from core.gateway.fronts import Fronts
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from core.gateway.tokens import Issuer
from core.store.records import Front, Session
from mocks.journal import Journal
from scenarios.hosts.wall import WallHost
from scenarios.hosts.world import World
from scenarios.mini_program import Line, MiniProgram
from scenarios.phone import Phone, Wish
from scenarios.stack import served
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(PRIVATE.public_key())) | {"kid": "f1"}
ISSUER = Issuer.of_jwks("https://app.bank.example", "loanrange", {"keys": [PUBLIC]})


def ticket(person, number="1", **changed):
    now = int(time.time())
    said = {
        "iss": "https://app.bank.example",
        "aud": "loanrange",
        "sub": "customer-17",
        "iat": now,
        "exp": now + 120,
        "jti": number,
        "bank": BANK,
        "phone_number": person.phone.text,
    }
    said = {name: value for name, value in (said | changed).items() if value is not None}
    return jwt.encode(said, PRIVATE, algorithm="EdDSA", headers={"kid": "f1"})


class Arrives(MiniProgram):
    """A program of another front end: it comes with a ticket, and knows no phone code."""

    def __init__(self, phone, line, shown):
        super().__init__(phone, line)
        self.shown = shown

    async def _log_in(self, tries=0):
        said = {"ticket": self.shown, "visit": self.phone.visit}
        told = await self._ask("POST", f"/banks/{BANK}/sessions/mobile_bank", said)
        self._line.token, self._launch = told["token"], told["token"][:16]
        self.applications = told["applications"]


class NoWeChat(Phone):
    """A phone on which nothing of WeChat runs."""

    async def login_code(self):
        raise AssertionError("no WeChat")

    async def phone_code(self):
        return ""


@asynccontextmanager
async def scene():
    host = WallHost(World(7, START, copying=True, journal=Journal()))
    stage = Stage(host)
    fronts = Fronts({Front.MOBILE_BANK: ISSUER})
    reception = Reception(stage.platform, limits=Limits(FREE), fronts=fronts)
    async with served(gateway_app(lambda _: reception)) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        try:
            yield stage, client
        finally:
            await client.aclose()


def play(story):
    async def run():
        async with scene() as told:
            return await story(*told)

    return asyncio.run(run())


def test_a_mobile_banks_customer_is_paid_and_wechat_is_not_asked():
    async def story(stage, client):
        person = stage.person(holds_card=False)
        phone = NoWeChat.of(stage.host, person, BANK, Wish(amount_fen=200_000))
        ending = await Arrives(phone, Line(client), ticket(person)).journey(stage.product())
        (session,) = await stage.platform.store.all(Session, BANK)
        asked = {call.operation for call in stage.world.journal.calls}
        return ending, session, asked

    ending, session, asked = play(story)

    assert ending.outcome == "done"
    assert (session.front, session.openid) == (Front.MOBILE_BANK, "mobile_bank:customer-17")
    assert not asked & {"wechat.login", "wechat.phone"}
    assert "corebank.disburse" in asked


async def arrive(client, shown, front="mobile_bank", bank=BANK):
    said = {"ticket": shown, "visit": "1"}
    answer = await client.post(f"/api/v1/banks/{bank}/sessions/{front}", json=said)
    return answer.status_code, answer.json()


def test_a_ticket_is_good_once():
    async def story(stage, client):
        person = stage.person()
        shown = ticket(person)
        return [(await arrive(client, shown))[0] for _ in range(2)] + [
            (await arrive(client, ticket(person, "2")))[0]
        ]

    assert play(story) == [201, 401, 201]


@pytest.mark.parametrize(
    "changed",
    [
        {"bank": "bozhi"},
        {"bank": None},
        {"jti": None},
        {"jti": 7},
        {"sub": ""},
        {"sub": "x" * 65},
        {"phone_number": None},
        {"phone_number": "12"},
        {"exp": int(time.time()) + 3_600},
        {"exp": 1},
        {"iss": "https://else.example"},
        {"aud": "somebody"},
    ],
)
def test_a_ticket_that_is_not_for_this_is_refused(changed):
    async def story(stage, client):
        return await arrive(client, ticket(stage.person(), **changed))

    status, said = play(story)

    assert (status, said["type"]) == (401, "/api/v1/problems/no-session")


def test_a_front_end_that_is_not_known_lets_nobody_in():
    async def story(stage, client):
        shown = ticket(stage.person())
        known = [(await arrive(client, shown, front))[0] for front in ("gov_platform", "tavern")]
        return [*known, (await arrive(client, shown, bank="nowhere"))[0]]

    assert play(story) == [404, 401, 404]


def test_customers_of_two_front_ends_are_two():
    async def story(stage, client):
        person = stage.person(holds_card=False)
        product, wish = stage.product(), Wish(amount_fen=200_000)
        here = Phone.of(stage.host, person, BANK, wish)
        there = NoWeChat.of(stage.host, person, BANK, wish)
        first = await MiniProgram(here, Line(client)).journey(product)
        second = await Arrives(there, Line(client), ticket(person)).journey(product)
        return first.application, second.application

    first, second = play(story)

    assert first != second
