"""The sealed channel at the gateway's door: what is on the wire, and what is not taken."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest

from core.adapters.http import client_of, machine_s
from core.channel import Binding, PhoneEnd, Request, UserKey
from core.channel.records import HEADER
from core.flow.journey import Ending
from core.gateway.app import gateway_app
from core.gateway.limits import FREE, Limits
from core.gateway.reception import Reception
from scenarios.hosts.wall import WallHost
from scenarios.hosts.world import World
from scenarios.mini_program import VAULT, MiniProgram, SealedLine
from scenarios.phone import Phone, Wish
from scenarios.stack import served
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

SEALED = "/api/v1/sealed"


class Wire(httpx.AsyncBaseTransport):
    """The way between phone and gateway: it keeps what passes, and may lose or alter it."""

    def __init__(self, client):
        self.client, self.passed = client, []
        self.lose, self.alter = set(), set()  # numbers of envelopes, from 1

    async def handle_async_request(self, request):
        sent = await request.aread()
        inner = httpx.Request(request.method, request.url, headers=request.headers, content=sent)
        answer = await self.client._transport.handle_async_request(inner)
        came = await answer.aread()
        if request.url.path != SEALED:
            return httpx.Response(answer.status_code, headers=answer.headers, content=came)
        self.passed.append((sent, came, answer.status_code))
        number = len(self.passed)
        if number in self.lose:
            raise httpx.ReadTimeout("lost", request=request)
        if number in self.alter:
            came = came[:-1] + bytes([came[-1] ^ 1])
        return httpx.Response(answer.status_code, headers=answer.headers, content=came)


class Scene:
    """A platform behind its gateway, with the providers in process, and people."""

    def __init__(self, host, address):
        self.host, self.address = host, address
        self.stage = Stage(host)
        self.come_up()
        self.client = client_of(address)
        self.wire = Wire(self.client)

    def come_up(self, **more):
        """Have the gateway come up anew, over the same store."""
        self.reception = Reception(self.stage.platform, limits=Limits(FREE), quiet=True, **more)

    @property
    def pins(self):
        known = self.reception.channels.identity
        return {known.kid: known.public}

    def line(self, **more):
        through = httpx.AsyncClient(transport=self.wire, base_url=self.address, trust_env=False)
        return SealedLine(through, self.pins, **more)

    def program(self, person, line=None, visit="1", bank=BANK, **wish):
        phone = Phone.of(self.host, person, bank, Wish(amount_fen=200_000, **wish), visit)
        return MiniProgram(phone, line or self.line())


def play(story):
    """Tell a story on a scene of its own."""

    async def run():
        host = WallHost(World(7, START, copying=True))
        async with listening(host) as scene:
            return await story(scene)

    return asyncio.run(run())


@asynccontextmanager
async def listening(host):
    holder = []
    async with served(gateway_app(lambda _: holder[0].reception)) as port:
        holder.append(Scene(host, f"http://127.0.0.1:{port}"))
        try:
            yield holder[0]
        finally:
            await holder[0].client.aclose()


def test_nothing_of_a_customer_is_seen_on_the_wire():
    async def story(scene):
        person = scene.stage.person(holds_card=False)
        ending = await scene.program(person).journey(scene.stage.product())
        assert ending.outcome == "done"
        return person, scene.wire.passed, scene.reception

    person, passed, _ = play(story)
    whole = b"".join(sent + came for sent, came, _ in passed)
    told = [person.name, person.id_number.text, person.phone.text, person.openid, "drawdowns"]

    assert len(passed) > 12
    assert [word for word in told if word.encode() in whole] == []


def test_every_face_brings_new_keys():
    async def story(scene):
        person = scene.stage.person(holds_card=False)
        await scene.program(person).journey(scene.stage.product())
        return scene.wire.passed

    epochs = [HEADER.unpack_from(sent)[3] for sent, _, _ in play(story)]

    # Decision, account, contract, drawdown: each begins an epoch with the request behind it.
    assert epochs[0] == 0
    assert epochs[-1] == 3
    assert all(0 <= after - before <= 1 for before, after in pairwise(epochs))


def test_wechats_key_goes_into_the_keys_of_a_channel():
    async def story(scene):
        program = scene.program(scene.stage.person())
        await program._enter()
        line = program._line
        assert line._user_key.version == 1
        assert (await program._ask("GET", f"/banks/{BANK}/applications"))["items"] == []

        # Whoever has another key under the same version shakes hands, and then opens nothing.
        line._user_key = UserKey(1, bytes(16))
        await line._shake_hands(line._end)
        envelope, _ = line._end.seal(Request("GET", "/api/v1/banks", {}), machine_s())
        status, said = await post(scene, envelope)
        assert (status, problem(said)) == REFUSED

    play(story)


def test_a_phone_does_without_wechats_key_where_the_server_cannot_have_it():
    async def story(scene):
        program = scene.program(scene.stage.person())
        await program._enter()
        line = program._line
        line._user_key = UserKey(99, bytes(16))
        assert (await line._shake_hands(line._end))[0] == 201
        assert line._user_key is None
        assert (await program._ask("GET", f"/banks/{BANK}/applications"))["items"] == []

    play(story)


def test_a_lost_answer_is_asked_for_again_and_nothing_happens_twice():
    async def story(scene):
        scene.wire.lose = set(range(2, 60, 3))
        person = scene.stage.person(holds_card=False)
        ending = await scene.program(person).journey(scene.stage.product())
        return ending, scene.stage.payouts()

    ending, payouts = play(story)

    assert (ending.outcome, payouts) == ("done", 1)


def test_an_answer_that_was_altered_is_as_good_as_none():
    async def story(scene):
        scene.wire.alter = {2, 5, 9}
        person = scene.stage.person(holds_card=False)
        ending = await scene.program(person).journey(scene.stage.product())
        return ending, scene.stage.payouts()

    ending, payouts = play(story)

    assert (ending.outcome, payouts) == ("done", 1)


def test_a_gateway_that_comes_up_anew_is_greeted_anew():
    async def story(scene):
        person, product = scene.stage.person(holds_card=False), scene.stage.product()
        left = await scene.program(person, refuses=frozenset({"draw_down"})).journey(product)
        line = scene.line()
        program = scene.program(person, line, visit="2")
        await program._enter()
        before = scene.reception.channels
        scene.come_up()
        line._pins.clear()
        line._pins.update(scene.pins)  # the identity of this test ends with its process
        ending = await program.draw(left.application)
        return left, ending, len(before), len(scene.reception.channels), scene.stage.payouts()

    left, ending, before, after, payouts = play(story)

    assert left.outcome == "left"
    assert (before, after) == (2, 1)
    assert ending == Ending("done", "draw_down", left.application)
    assert payouts == 1


async def entered(scene, person, visit="1", bank=BANK):
    """Log somebody in; return their phone's end of a channel, and the session."""
    program = scene.program(person, visit=visit, bank=bank)
    await program._enter()
    return program._line._end


async def post(scene, envelope):
    answer = await scene.client.post(SEALED, content=envelope)
    return answer.status_code, answer.content


def problem(said):
    told = json.loads(said)
    return told["type"].rpartition("/")[2], told.get("word")


REFUSED = (400, ("not-sealed", "refused"))


@pytest.mark.parametrize("at", [0, 1, 5, 20, 30, 40, -1])
def test_an_altered_envelope_is_refused_and_says_nothing_of_why(at):
    async def story(scene):
        end = await entered(scene, scene.stage.person())
        envelope, ticket = end.seal(Request("GET", "/api/v1/banks", {}), machine_s())
        altered = bytearray(envelope)
        altered[at] ^= 0x40
        status, said = await post(scene, bytes(altered))
        assert (status, problem(said)) == REFUSED
        status, said = await post(scene, envelope)  # the true one is still good, once
        assert status == 200
        assert end.open(said, ticket).status == 200
        status, said = await post(scene, envelope)
        assert (status, problem(said)) == REFUSED

    play(story)


def test_what_is_no_envelope_is_refused_alike():
    async def story(scene):
        for said in (b"", b"\0", b"x" * 46, b'{"v": 1}', b"\x01" * 1000):
            status, told = await post(scene, said)
            assert (status, problem(told)) == REFUSED

    play(story)


def test_a_channel_ends_with_its_session():
    async def story(scene):
        program = scene.program(scene.stage.person())
        await program._enter()
        end = program._line._end
        assert await program._ask("DELETE", f"/banks/{BANK}/session") is None
        envelope, _ = end.seal(Request("GET", "/api/v1/banks", {}), machine_s())
        status, said = await post(scene, envelope)
        assert (status, problem(said)) == REFUSED

    play(story)


def test_an_envelope_opens_nothing_at_another_bank():
    async def story(scene):
        bank, _ = scene.stage.other_product()
        end = await entered(scene, scene.stage.person())
        request = Request("GET", f"/api/v1/banks/{bank}/applications", {})
        envelope, ticket = end.seal(request, machine_s())
        status, said = await post(scene, envelope)
        assert status == 200
        answer = end.open(said, ticket)
        assert (answer.status, problem(answer.body)[0]) == (403, "other-bank")

    play(story)


def test_what_is_sealed_is_no_longer_than_what_is_not():
    async def story(scene):
        end = await entered(scene, scene.stage.person())
        headers = {"content-type": "application/json", "idempotency-key": "1"}
        request = Request("POST", f"/api/v1/banks/{BANK}/applications", headers, b" " * 70_000)
        envelope, ticket = end.seal(request, machine_s())
        status, said = await post(scene, envelope)
        assert status == 200
        answer = end.open(said, ticket)
        assert (answer.status, problem(answer.body)[0]) == (413, "too-large")

    play(story)


def test_a_hello_for_one_session_makes_no_channel_for_another():
    """A channel is bound to who shook hands: the phone of another customer cannot finish it."""

    async def story(scene):
        mine = await entered(scene, scene.stage.person())
        line = scene.line()
        other = scene.program(scene.stage.person(), line)
        await other._enter()
        forged = Binding(BANK, "f" * 64, mine.binding.subject)
        end = PhoneEnd(forged, scene.pins, VAULT, lambda count: b"\x05" * count)
        headers = {"authorization": f"Bearer {line.token}"}
        path = f"/api/v1/banks/{BANK}/channel"
        answer = await scene.client.post(path, content=end.hello(machine_s()), headers=headers)
        assert answer.status_code == 201
        with pytest.raises(Exception, match="signature"):
            end.finish(answer.content)

    play(story)


def test_a_bank_may_be_spoken_to_through_the_channel_alone():
    async def story(scene):
        scene.come_up(sealed_only=frozenset({BANK}))
        line = scene.line()
        program = scene.program(scene.stage.person(), line)
        ending = await program.journey(scene.stage.product())
        assert ending.outcome == "done"
        headers = {"authorization": f"Bearer {line.token}"}
        answer = await scene.client.get(f"/api/v1/banks/{BANK}/applications", headers=headers)
        assert (answer.status_code, problem(answer.content)[0]) == (403, "plain")

    play(story)


def test_handshakes_that_never_finish_keep_nobody_out():
    async def story(scene):
        good = scene.program(scene.stage.person())
        await good._enter()
        line = scene.line()
        await scene.program(scene.stage.person(), line)._enter()
        headers = {"authorization": f"Bearer {line.token}"}
        binding = line._end.binding
        for _ in range(200):
            end = PhoneEnd(binding, scene.pins, VAULT, lambda count: b"\x07" * count)
            answer = await scene.client.post(
                f"/api/v1/banks/{BANK}/channel", content=end.hello(machine_s()), headers=headers
            )
            assert answer.status_code == 201
        assert scene.reception.channels.unfinished <= 8
        assert (await good._ask("GET", f"/banks/{BANK}/applications"))["items"] == []

    play(story)
