"""Places and rates: a bank's rush fills its own line, and whoever asks too often is told so."""

from __future__ import annotations

import asyncio

import pytest

from core.gateway import limits
from core.gateway.limits import FREE, Limits, Rate, Rules
from core.gateway.problems import Problem
from tests.core.gateway.gateway_kit import BANK, OTHER, until


class Time:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def taken(bucket, rate, *whose):
    try:
        bucket.take(rate, *whose)
    except Problem as no:
        return no.name != "too-often"
    return True


def test_a_bucket_gives_its_burst_and_then_as_much_as_runs_in():
    time = Time()
    bucket, rate = Limits(FREE, time), Rate(2.0, 5.0)
    assert [taken(bucket, rate, "a") for _ in range(7)] == [True] * 5 + [False] * 2
    time.now_s = 1.0
    assert [taken(bucket, rate, "a") for _ in range(3)] == [True, True, False]
    time.now_s = 1_000.0
    assert [taken(bucket, rate, "a") for _ in range(7)] == [True] * 5 + [False] * 2


def test_who_is_told_no_pays_nothing_for_it():
    time = Time()
    bucket, rate = Limits(FREE, time), Rate(1.0, 1.0)
    assert taken(bucket, rate, "a")
    for tenth in range(1, 10):
        time.now_s = tenth / 10
        assert not taken(bucket, rate, "a")
    time.now_s = 1.0
    assert taken(bucket, rate, "a")


def test_everybody_has_a_bucket_of_their_own_and_there_are_only_so_many(monkeypatch):
    monkeypatch.setattr(limits, "BUCKETS_KEPT", 100)
    bucket, rate = Limits(FREE, Time()), Rate(1.0, 1.0)
    assert all(taken(bucket, rate, f"{number}") for number in range(1_000))
    assert not taken(bucket, rate, "999")
    assert len(bucket._buckets) == 100


def test_a_customer_who_asks_too_often_is_told_when_to_come_back(play):
    async def story(scene):
        mine, other = await scene.registered(), await scene.registered()
        time = Time()
        scene.reception.limits = Limits(FREE._replace(customer=Rate(1.0, 3.0)), time)
        second = mine.again()
        await second.log_in()
        answers = [await each.get("/applications") for each in (mine, second, mine, second)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].problem == "too-often"
        assert int(answers[-1].headers["retry-after"]) > 0
        assert (await other.get("/applications")).status == 200
        time.now_s = 1.0
        assert (await mine.get("/applications")).status == 200

    play(story)


def test_logins_of_one_bank_are_limited_and_not_those_of_another(play):
    async def story(scene):
        scene.reception.limits = Limits(FREE._replace(logins=Rate(1.0, 2.0)), Time())

        async def logins(bank):
            said = {"code": "none", "visit": "1"}
            path = f"/api/v1/banks/{bank}/sessions"
            return [(await scene.send("POST", path, json=said)).said for _ in range(4)]

        for bank in (BANK, OTHER):
            noes = await logins(bank)
            assert noes == [(422, "refused")] * 2 + [(429, "too-often")] * 2

    play(story)


def test_a_bank_has_so_many_places_and_its_line_is_served_in_its_order():
    async def story():
        places, going, order = Limits(Rules(places=2, line=3)), asyncio.Event(), []

        async def one(number, bank="a"):
            try:
                async with places.place(bank):
                    order.append((bank, number))
                    await going.wait()
            except Problem as no:
                return no.name
            return "served"

        first = [asyncio.create_task(one(number)) for number in range(8)]
        await asyncio.sleep(0.01)
        assert order == [("a", 0), ("a", 1)]
        other = [asyncio.create_task(one(number, "b")) for number in range(2)]
        await asyncio.sleep(0.01)
        assert order[2:] == [("b", 0), ("b", 1)]
        going.set()
        assert await asyncio.gather(*other) == ["served"] * 2
        assert await asyncio.gather(*first) == ["served"] * 5 + ["busy"] * 3
        assert [number for bank, number in order if bank == "a"] == list(range(5))

    asyncio.run(story())


def test_who_waits_too_long_for_a_place_is_told_busy_and_leaves_it_to_the_next():
    async def story():
        places, going = Limits(Rules(places=1, wait_s=0.01)), asyncio.Event()

        async def one():
            async with places.place("a"):
                await going.wait()

        holder = asyncio.create_task(one())
        await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(Problem, match="busy"):
                await one()
        gone = asyncio.create_task(one())
        await asyncio.sleep(0)
        gone.cancel()
        going.set()
        await asyncio.gather(holder, gone, return_exceptions=True)
        for _ in range(3):
            await one()
        assert places._banks["a"].waiting == 0

    asyncio.run(story())


def test_a_rush_at_one_bank_leaves_the_other_bank_served(play):
    async def story(scene):
        rushing = [await scene.borrower(until="decision") for _ in range(6)]
        calm = await scene.registered(OTHER)
        scene.reception.limits = Limits(FREE._replace(places=2, line=2))
        await scene.faults({"provider": "face", "kind": "delay", "count": 2})
        rush = [asyncio.create_task(each.post(each.of("/decision"), key="one")) for each in rushing]
        await until(lambda: len(scene.tenant.clock._waiting) == 2)
        done, _ = await asyncio.wait(rush, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            answer = each.result()
            assert answer.said == (503, "busy")
            assert int(answer.headers["retry-after"]) > 0
        for _ in range(5):
            assert (await calm.get(calm.of())).status == 200
        assert (await calm.step("consent")).status == 200
        await scene.advance(200)
        statuses = sorted([(await each).status for each in rush])
        assert statuses == [202, 202, 202, 202, 503, 503]
        for each in rushing:
            assert (await each.post(each.of("/decision"), key="one")).status == 202

    play(story)


def test_names_of_banks_that_there_are_not_fill_no_memory(play):
    async def story(scene):
        for number in range(50):
            path = f"/api/v1/banks/made-up-{number}/products"
            assert (await scene.send("GET", path)).said == (404, "not-found")
        assert set(scene.reception.limits._banks) == {""}

    play(story)
