"""The staff's API: whose token is believed, what a role may do, and that everybody is masked."""

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
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from core.gateway.staff import ROLES, Staff
from core.gateway.tokens import Issuer
from core.store.records import AuditEvent
from scenarios.hosts.wall import WallHost
from scenarios.hosts.world import World
from scenarios.mini_program import Line, MiniProgram
from scenarios.phone import Phone, Wish
from scenarios.stack import served
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

ISSUER, AUDIENCE = "https://login.bank.example", "loanrange-staff"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
JWKS = {
    "keys": [
        json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(PRIVATE.public_key()))
        | {"kid": "s1", "alg": "EdDSA", "use": "sig"}
    ]
}
CASES = f"/api/v1/staff/banks/{BANK}/applications"
ACCESSES = f"/api/v1/staff/banks/{BANK}/accesses"
EVENTS = f"/api/v1/staff/banks/{BANK}/events"


def token(roles=("clerk",), banks=(BANK,), key=PRIVATE, kid="s1", **changed):
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "staff/0042",
        "iat": now,
        "exp": now + 60,
        "roles": list(roles),
        "banks": list(banks),
    }
    said = {name: value for name, value in (said | changed).items() if value is not None}
    return jwt.encode(said, key, algorithm="EdDSA", headers={"kid": kid})


class Scene:
    """A platform with one customer who has drawn, and the bank's staff before its gateway."""

    def __init__(self, client, person, ending, stage):
        self.client, self.person, self.ending, self.stage = client, person, ending, stage

    async def get(self, path, shown=None):
        headers = {"authorization": f"Bearer {shown}"} if shown is not None else {}
        answer = await self.client.get(path, headers=headers)
        return answer.status_code, answer.json()

    async def post(self, path, body, shown):
        headers = {"authorization": f"Bearer {shown}"}
        return await self.client.post(path, json=body, headers=headers)


@asynccontextmanager
async def scene(staff=True):
    host = WallHost(World(7, START, copying=True))
    stage = Stage(host)
    believed = Staff(Issuer.of_jwks(ISSUER, AUDIENCE, JWKS)) if staff else None
    reception = Reception(stage.platform, limits=Limits(FREE), staff=believed)
    async with served(gateway_app(lambda _: reception)) as port:
        client = client_of(f"http://127.0.0.1:{port}")
        try:
            person = stage.person(holds_card=False)
            phone = Phone.of(host, person, BANK, Wish(amount_fen=200_000))
            ending = await MiniProgram(phone, Line(client)).journey(stage.product())
            assert ending.outcome == "done"
            yield Scene(client, person, ending, stage)
        finally:
            await client.aclose()


def play(story, **how):
    async def run():
        async with scene(**how) as told:
            return await story(told)

    return asyncio.run(run())


def test_a_clerk_sees_a_whole_file_and_nobody_in_it():
    async def story(told):
        status, listed = await told.get(CASES, token())
        assert (status, [each["id"] for each in listed["items"]]) == (
            200,
            [told.ending.application],
        )
        status, file = await told.get(f"{CASES}/{told.ending.application}", token())
        assert status == 200
        return told.person, listed, file

    person, listed, file = play(story)

    assert (file["state"], len(file["loans"]), file["line"]["used_fen"]) == ("active", 1, 200_000)
    assert file["checks"]
    shown = json.dumps([listed, file], ensure_ascii=False)
    for who in (person.name, person.id_number.text, person.phone.text, person.openid):
        assert who not in shown
    assert file["person"]["id_number"] == str(person.id_number)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(lambda: None, id="none"),
        pytest.param(lambda: ".", id="next to nothing"),
        pytest.param(lambda: "no.token.this", id="no token"),
        pytest.param(lambda: token(exp=1), id="expired"),
        pytest.param(lambda: token(iss="https://else.example"), id="another issuer"),
        pytest.param(lambda: token(aud="somebody"), id="for another"),
        pytest.param(lambda: token(sub=None), id="of nobody"),
        pytest.param(lambda: token(exp=None), id="for ever"),
        pytest.param(lambda: token(kid="s2"), id="a key that is unknown"),
        pytest.param(lambda: token(key=Ed25519PrivateKey.generate()), id="another key"),
        pytest.param(lambda: token(roles=[1]), id="roles that are no words"),
        pytest.param(lambda: jwt.encode({"sub": "x"}, "", algorithm="none"), id="unsigned"),
        pytest.param(
            lambda: jwt.encode({"sub": "x"}, "k" * 32, algorithm="HS256", headers={"kid": "s1"}),
            id="signed with a secret",
        ),
    ],
)
def test_a_token_that_is_not_the_issuers_is_not_believed(shown):
    async def story(told):
        return await told.get(CASES, shown())

    status, said = play(story)

    assert (status, said["type"]) == (401, "/api/v1/problems/no-session")


@pytest.mark.parametrize(
    ("roles", "banks", "path", "status"),
    [
        (["clerk"], [BANK], CASES, 200),
        (["clerk"], ["*"], CASES, 200),
        (["auditor"], [BANK], EVENTS, 200),
        (["clerk", "auditor"], [BANK], EVENTS, 200),
        (["clerk"], [BANK], EVENTS, 403),
        (["officer"], [BANK], EVENTS, 403),
        (["clerk"], ["bozhi"], CASES, 403),
        (["king"], ["*"], CASES, 403),
        ([], ["*"], CASES, 403),
        (["clerk"], [], CASES, 403),
    ],
)
def test_a_right_is_had_by_a_role_at_a_bank(roles, banks, path, status):
    async def story(told):
        return (await told.get(path, token(roles, banks)))[0]

    assert play(story) == status


def test_an_auditor_reads_what_was_overruled():
    async def story(told):
        day = told.stage.today
        event = AuditEvent("E1", BANK, "suspended", "P1", day, "the core did not answer")
        await told.stage.platform.store.save(event)
        return await told.get(EVENTS, token(["auditor"]))

    status, said = play(story)

    assert (status, [each["kind"] for each in said["items"]]) == (200, ["suspended"])


def test_whoever_sees_a_number_is_written_down_before():
    async def story(told):
        asked = {"field": "id_number", "purpose": "complaint 17"}
        path = f"{CASES}/{told.ending.application}/unmask"
        said = await told.post(path, asked, token(["officer"]))
        assert said.json() == {"field": "id_number", "value": told.person.id_number.text}
        phone = await told.post(path, asked | {"field": "phone"}, token(["officer"]))
        card = await told.post(path, asked | {"field": "card"}, token(["officer"]))
        assert phone.json()["value"] == told.person.phone.text
        assert card.json()["value"].startswith("629")
        assert (await told.post(path, asked, token(["clerk"]))).status_code == 403
        assert (await told.post(path, {"field": "phone"}, token(["officer"]))).status_code == 400
        return await told.get(ACCESSES, token(["auditor"]))

    status, said = play(story)

    assert status == 200
    seen = [(each["who"], each["role"], each["purpose"]) for each in said["items"]]
    assert seen == [("staff/0042", "officer", "complaint 17")] * 3
    assert {each["what"] for each in said["items"]} == {"id_number", "phone", "card"}


def test_a_picture_is_shown_by_its_grant_and_the_look_is_written_down():
    async def story(told):
        _, file = await told.get(f"{CASES}/{told.ending.application}", token(["officer"]))
        purposes = {each["purpose"]: each["id"] for each in file["pictures"]}
        assert {"id_card_front", "id_card_back", "face:apply", "face:sign"} <= {*purposes}
        path = f"/api/v1/staff/banks/{BANK}/pictures/{purposes['id_card_front']}"
        shown = await told.post(path, {"purpose": "complaint 17"}, token(["officer"]))
        assert shown.headers["content-type"] in ("image/png", "image/jpeg")
        assert told.person.key.encode() in shown.content
        other = path.replace(BANK, "bozhi")
        refused = await told.post(other, {"purpose": "nosy"}, token(["officer"], ["*"]))
        assert refused.status_code == 404
        return purposes, await told.get(ACCESSES, token(["auditor"]))

    purposes, (_, said) = play(story)

    assert [each["what"] for each in said["items"]] == [purposes["id_card_front"]]


def test_a_customers_token_opens_nothing_of_the_staffs_and_the_other_way_round():
    async def story(told):
        customers = f"/api/v1/banks/{BANK}/applications"
        return (await told.get(customers, token(["clerk"], ["*"])))[0]

    assert play(story) == 401


def test_no_application_of_another_bank_is_found():
    async def story(told):
        path = f"/api/v1/staff/banks/bozhi/applications/{told.ending.application}"
        return (await told.get(path, token(banks=["*"])))[0]

    assert play(story) == 404


def test_where_no_issuer_is_set_no_staff_is_served():
    async def story(told):
        return (await told.get(CASES, token()))[0]

    assert play(story, staff=False) == 404


def test_every_right_belongs_to_a_role():
    assert frozenset().union(*ROLES.values()) == {"read", "audit", "look"}
