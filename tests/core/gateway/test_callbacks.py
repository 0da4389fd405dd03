"""The receiver: whom it believes, and that a loan is paid out once however its callback comes."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from core.flow.journey import journey
from core.gateway.app import gateway_app
from core.gateway.callbacks import PATH, Receiver, key_in, verified
from core.gateway.reception import Reception
from core.invariants import Books, check
from core.ports.corebank import BankQuery
from core.store.records import Drawdown, DrawState
from mocks.callbacks.outbox import Outbox
from mocks.callbacks.sender import signature
from mocks.clock import ServedClock
from mocks.journal import Journal
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.served import Receiving, ServedHost
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.stack import app_of, served
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

NINE = 9 * 3600.0
HOUR_S = 3_600.0
DISBURSE = "corebank.disburse"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEY = bytes(range(32))
NOW = 1_600_000_000


def make_tenant(name, seed):
    world = World(seed or 7, START, journal=Journal(), copying=True)
    clock = ServedClock(START, 1.0, NINE)
    clock.frozen = True
    return Tenant(name, world, clock)


class Scene:
    """A served tenant, a platform beside it that is called back, and customers."""

    def __init__(self, host, receiving, control):
        self.host, self.control = host, control
        self.receiving = receiving
        self.receiver, self.url = receiving
        self.stage = Stage(host)
        self.stage.platform = self.receiver._platform

    async def put(self, path, body):
        answer = await self.control.put(f"/_control/{path}", json=body)
        assert answer.is_success, answer.text

    async def callbacks(self, **said):
        await self.put("callbacks", [{"url": self.url, **said}])

    async def advance(self, seconds):
        body = {"seconds": seconds}
        answer = await self.control.post("/_control/clock/advance", json=body, timeout=60)
        assert answer.is_success, answer.text
        await self.receiver.idle()

    async def rows(self):
        answer = await self.control.get("/_control/callbacks/deliveries")
        return answer.json()["deliveries"]

    async def draw(self, person, visit="1", fen=200_000):
        """Have somebody apply, sign and draw; return how it ended."""
        phone = Phone.of(self.host, person, BANK, Wish(amount_fen=fen, tries=1), visit)
        return await journey(self.stage.platform, phone, self.stage.product())

    async def states(self):
        """Return how every drawdown stands."""
        draws = await self.stage.platform.store.all(Drawdown, BANK)
        return sorted(draw.state for draw in draws)

    def ready_in_s(self):
        """How long it is until the core does what it has accepted."""
        return self.host.world.corebank._desk.next_s - self.host.clock.now_s

    def paid(self):
        return self.stage.payouts()

    def violated(self):
        world = self.host.world
        return check(Books(world.store.tables, world.corebank, world.products))

    def asked(self, call):
        """How often a call of the step table was made."""
        return sum(noted.call == call for noted in self.host.world.journal.calls)


@asynccontextmanager
async def scene():
    tenants = Tenants(make_tenant)
    async with served(app_of(tenants)) as port:
        address = f"http://127.0.0.1:{port}"
        host = ServedHost(tenants.default, address)
        platform = host.world.platform(host)
        try:
            async with (
                host.receiving(platform) as receiving,
                httpx.AsyncClient(base_url=address, trust_env=False) as control,
            ):
                yield Scene(host, receiving, control)
        finally:
            await host.aclose()
            tenants.close("default")


def play(story):
    """Tell a story on a scene of its own."""

    async def run():
        async with scene() as told:
            return await story(told)

    return asyncio.run(run())


# --------------------------------------------------------------------- money, however it is told


def test_a_webhook_that_comes_twice_and_late_settles_a_payout_once():
    async def story(told):
        await told.put("results", [{"operation": DISBURSE, "after_s": HOUR_S}])
        await told.callbacks(events=["corebank.posted"], delay_s=600, copies=2, apart_s=60)
        ending = await told.draw(told.stage.person())
        assert ending.outcome == "unfinished"
        assert await told.states() == [DrawState.PENDING_CORE]

        await told.advance(told.ready_in_s())
        assert (told.paid(), await told.states()) == (1, [DrawState.PENDING_CORE])
        await told.advance(600)
        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        await told.advance(HOUR_S)

        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert told.violated() == []
        assert told.asked(912) == 1
        mine = [row for row in await told.rows() if row["outcome"] == "taken"]
        assert len({row["event"] for row in mine}) * 2 == len(mine)
        return told.receiver.seen

    seen = play(story)

    assert seen["again"] == seen["taken"] > 0
    assert seen["concluded"] == 1
    assert seen["refused"] == 0


def test_callbacks_of_many_that_overtake_each_other_settle_each_payout_once():
    async def story(told):
        await told.put("results", [{"operation": DISBURSE, "after_s": HOUR_S}])
        await told.callbacks(reorder=0.5, window_s=6 * HOUR_S, copies=2, apart_s=400)
        people = [told.stage.person() for _ in range(5)]
        for person in people:
            assert (await told.draw(person)).outcome == "unfinished"
            await told.advance(120)

        await told.advance(12 * HOUR_S)

        rows = [row for row in await told.rows() if row["outcome"] == "taken"]
        firsts = list(dict.fromkeys(row["event"] for row in rows))
        assert told.paid() == len(people)
        assert await told.states() == [DrawState.DONE] * len(people)
        assert told.violated() == []
        happened = [event for event in told.host.tenant.rooms[Outbox].events if event in firsts]
        return firsts, happened

    came, happened = play(story)

    assert sorted(came) == sorted(happened)
    assert came != happened, "nothing was overtaken"


@pytest.mark.parametrize("plan", [{"after_s": 4}, {"after_polls": 2}])
@pytest.mark.parametrize("operation", ["open_account", "disburse"])
def test_a_callback_that_comes_while_the_customer_waits_disturbs_nobody(operation, plan):
    async def story(told):
        await told.put("results", [{"operation": f"corebank.{operation}", **plan}])
        await told.callbacks(copies=2, apart_s=3)

        ending = await told.draw(told.stage.person(holds_card=False))
        await told.advance(60)

        assert ending.outcome == "done"
        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert told.violated() == []
        assert told.receiver.seen["again"] == told.receiver.seen["taken"] > 1

    play(story)


def test_where_the_core_gives_no_answer_the_next_copy_asks_again():
    async def story(told):
        await told.put("results", [{"operation": DISBURSE, "after_s": HOUR_S}])
        await told.callbacks(copies=2, apart_s=900)
        assert (await told.draw(told.stage.person())).outcome == "unfinished"
        silent = {"provider": "corebank", "operation": "outcome", "kind": "5xx", "call": 912}
        await told.put("faults", [{**silent, "count": 4}])

        await told.advance(told.ready_in_s())
        assert await told.states() == [DrawState.PENDING_CORE]
        await told.advance(900)

        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert told.violated() == []

    play(story)


def test_where_every_callback_is_lost_the_day_end_settles_the_payout():
    async def story(told):
        await told.put("results", [{"operation": DISBURSE, "after_s": HOUR_S}])
        await told.callbacks(lost=1.0)
        assert (await told.draw(told.stage.person())).outcome == "unfinished"
        await told.advance(2 * HOUR_S)
        assert (told.paid(), await told.states()) == (1, [DrawState.PENDING_CORE])
        assert {row["outcome"] for row in await told.rows()} == {"lost"}

        left = await told.stage.close(BANK, told.stage.today)

        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert (left, told.violated()) == (0, [])
        return told.receiver.seen

    assert not play(story)


def test_a_lost_answer_is_learnt_from_the_callback_while_the_customer_has_gone():
    async def story(told):
        drop = {"provider": "corebank", "operation": "disburse", "kind": "5xx"}
        silent = {"provider": "corebank", "operation": "outcome", "kind": "5xx", "call": 706}
        await told.put("faults", [{**drop, "phase": "after_commit"}, silent])
        await told.callbacks(delay_s=HOUR_S)
        assert (await told.draw(told.stage.person())).outcome == "unfinished"
        assert (told.paid(), await told.states()) == (1, [DrawState.PENDING_CORE])

        await told.advance(HOUR_S)

        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert told.violated() == []

    play(story)


def test_a_rejection_gives_the_line_back():
    async def story(told):
        stuck = {"provider": "corebank", "operation": "disburse", "kind": "accepted_never_done"}
        await told.put("faults", [stuck])
        await told.callbacks()
        assert (await told.draw(told.stage.person())).outcome == "unfinished"

        told.host.world.corebank.cutoff(BANK, told.stage.today + timedelta(days=1))
        await told.advance(60)

        assert (told.paid(), await told.states()) == (0, [DrawState.REJECTED])
        assert told.violated() == []

    play(story)


def test_a_hint_that_is_early_or_about_nobody_stops_and_settles_nothing():
    async def story(told):
        await told.put("results", [{"operation": DISBURSE, "after_s": HOUR_S}])
        assert (await told.draw(told.stage.person())).outcome == "unfinished"
        (key,) = told.host.world.corebank.open_keys(None, BankQuery(BANK), NINE, None)
        for number, serial in enumerate((key.serial, "nobody's", key.serial + "-2")):
            body = told_of(key._replace(serial=serial))
            answer = await post(told.receiving, f"evt_{number}", body)
            assert answer.status_code == 204
        await told.receiver.idle()
        assert (told.paid(), await told.states()) == (0, [DrawState.PENDING_CORE])
        assert told.receiver.seen["left"] == 3

        await told.advance(HOUR_S)
        assert await told.stage.close(BANK, told.stage.today) == 0

        assert (told.paid(), await told.states()) == (1, [DrawState.DONE])
        assert told.violated() == []

    play(story)


# ------------------------------------------------------------------------------- who is believed


def told_of(key, kind="corebank.posted"):
    told = {**key._asdict(), "channel_date": str(key.channel_date)}
    return json.dumps({"type": kind, "data": {"key": told}})


async def post(receiving, name, body, **changed):
    """Send a message as whoever knows the secret does, but for what is changed."""
    receiver, url = receiving
    now = int(receiver._now_s())
    secret = "whsec_" + base64.b64encode(receiver._key).decode()
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, name, now, body),
    }
    headers |= {each.replace("_", "-"): value for each, value in changed.items()}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, content=body, headers=headers)


@asynccontextmanager
async def listening():
    """Serve a receiver whose clock stands, and which has nobody to ask."""
    receiver = Receiver(None, SECRET, lambda: float(NOW))
    platform = SimpleNamespace(clock=ServedClock(START, 1.0, NINE), banks={})
    reception = Reception(platform, receiver=receiver)
    async with served(gateway_app(lambda _: reception)) as port:
        yield Receiving(receiver, f"http://127.0.0.1:{port}{PATH}")


def posted(name, body, **changed):
    """Return the status and what was counted."""

    async def run():
        async with listening() as receiving:
            answer = await post(receiving, name, body, **changed)
            return answer.status_code, dict(receiving.receiver.seen)

    return asyncio.run(run())


OTHER = '{"type": "acquirer.flow_ready", "data": {"order": "FO1"}}'


def test_a_message_about_something_else_is_taken_and_left_alone():
    assert posted("evt_1", OTHER) == (204, {"taken": 1})


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook_id": "evt_2"},
        {"webhook_timestamp": str(NOW + 1)},
        {"webhook_timestamp": "now"},
        {"webhook_timestamp": ""},
        {"webhook_signature": ""},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": "v1,not base64!"},
        {"webhook_signature": signature(SECRET, "evt_1", NOW, "another body")},
        {"webhook_signature": signature(SECRET, "evt_1", NOW, OTHER).replace("v1,", "v2,")},
        {"webhook_signature": signature("whsec_" + "A" * 44, "evt_1", NOW, OTHER)},
    ],
)
def test_who_cannot_sign_it_is_not_believed(changed):
    assert posted("evt_1", OTHER, **changed) == (401, {"refused": 1})


@pytest.mark.parametrize(
    ("away_s", "status"), [(-301, 401), (-300, 204), (0, 204), (300, 204), (301, 401)]
)
def test_a_message_is_good_for_five_minutes(away_s, status):
    then = NOW + away_s
    signed = {
        "webhook_timestamp": str(then),
        "webhook_signature": signature(SECRET, "evt_1", then, OTHER),
    }

    assert posted("evt_1", OTHER, **signed)[0] == status


def test_one_right_signature_of_several_is_enough():
    right = signature(SECRET, "evt_1", NOW, OTHER)

    assert posted("evt_1", OTHER, webhook_signature=f"v1a,xyz v1,AAAA {right}")[0] == 204


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        "[]",
        '{"type": "corebank.posted"}',
        '{"type": "corebank.posted", "data": {"key": {"bank": "b"}}}',
        '{"type": "corebank.posted", "data": {"key": {"channel_date": "yesterday"}}}',
    ],
)
def test_what_is_no_event_is_told_so_and_not_kept_as_taken(body):
    assert posted("evt_1", body) == (400, {"refused": 1})


def test_what_is_too_long_is_not_read():
    assert posted("evt_1", " " * 100_000) == (413, {})  # by the door: it never came so far


def test_only_a_post_is_taken():
    async def run():
        async with listening() as receiving, httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(receiving.url)).status_code

    assert asyncio.run(run()) == 405


def test_the_standards_own_library_signs_what_is_believed_here():
    standard = pytest.importorskip("standardwebhooks", reason="no standardwebhooks: make setup")
    moment = datetime.fromtimestamp(NOW, UTC)
    signed = standard.Webhook(SECRET).sign("evt_1", moment, OTHER)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(NOW), "webhook-signature": signed}

    assert verified(KEY, headers, OTHER.encode(), float(NOW)) == "evt_1"
    assert key_in(OTHER.encode()) is None
