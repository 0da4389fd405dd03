"""Writes and their keys: the same request again is answered alike, and done once."""

from __future__ import annotations

import asyncio

import pytest

from core.gateway import replies
from core.gateway.problems import Problem
from core.gateway.replies import Answer, Replies
from tests.core.gateway.gateway_kit import BANK, CONSENTS, DRAW_FEN, TEXT

CONSENT = {"consents": CONSENTS, "text_version": TEXT}


@pytest.mark.parametrize("key", ["", "x" * 65, "ä", "a\tb"])
def test_a_write_without_a_good_key_is_not_done(play, key):
    async def story(scene):
        customer = await scene.registered()
        headers = {"idempotency-key": key.encode()} if key else {}
        answer = await customer.send("POST", customer.of("/consent"), json=CONSENT, headers=headers)
        assert answer.said == (400, "no-key")
        assert await customer.state() == "registered"

    play(story)


def test_the_same_write_under_its_key_gets_the_same_bytes_and_is_done_once(play):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        said = customer.begins("drawdowns")
        asked = await customer.post(customer.of("/drawdowns"), said, key="one")
        again = await customer.post(customer.of("/drawdowns"), said, key="one")
        assert (asked.status, asked.content) == (again.status, again.content)
        said |= await customer.bring(asked.body["asks"])
        paid = await customer.post(customer.of("/drawdowns"), said, key="two")
        calls = list(scene.journal)
        for _ in range(3):
            await customer.log_in()
            again = await customer.post(customer.of("/drawdowns"), said, key="two")
            assert (
                (again.status, again.content) == (paid.status, paid.content) == (201, paid.content)
            )
            assert dict(again.headers, date="") == dict(paid.headers, date="")
        assert [call for call in scene.journal[len(calls) :] if call > 200] == []
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


def test_a_key_is_good_for_one_request_only(play):
    async def story(scene):
        customer = await scene.registered()
        assert (await customer.post(customer.of("/consent"), CONSENT, key="one")).status == 200
        other = {**CONSENT, "consents": CONSENTS[:1]}
        for path, said in (("/consent", other), ("/decision", CONSENT), ("/consent?x=1", CONSENT)):
            answer = await customer.post(customer.of(path), said, key="one")
            assert answer.said == (422, "key-reused")
        assert await customer.state() == "authorised"

    play(story)


def test_two_customers_may_choose_the_same_key(play):
    async def story(scene):
        for _ in range(2):
            customer = await scene.registered()
            answer = await customer.post(customer.of("/consent"), CONSENT, key="one")
            assert answer.body["application"]["id"] == customer.app

    play(story)


def test_writes_that_come_at_once_are_done_once_and_answered_alike(play):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        said = customer.begins("drawdowns")
        asked = await customer.post(customer.of("/drawdowns"), said)
        said |= await customer.bring(asked.body["asks"])
        answers = await asyncio.gather(
            *(customer.post(customer.of("/drawdowns"), said, key="one") for _ in range(20))
        )
        assert {(each.status, each.content) for each in answers} == {(201, answers[0].content)}
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


def test_where_somebody_does_not_answer_the_same_write_is_tried_again(play):
    async def story(scene):
        customer = await scene.borrower(until="decision")
        out = {"provider": "face", "kind": "5xx", "operation": "start"}
        await scene.faults(out)
        first = await customer.post(customer.of("/decision"), key="one")
        assert first.said == (503, "later")
        assert (first.body["tries"], first.body["mendable"]) == (1, True)
        assert int(first.headers["retry-after"]) > 0
        second = await customer.post(customer.of("/decision"), key="one")
        assert (second.status, second.body["tries"]) == (503, 2)
        await scene.faults()
        assert (await customer.post(customer.of("/decision"), key="one")).asks == "face"

    play(story)


def test_a_no_is_remembered_under_its_key_and_another_try_has_another(play):
    async def story(scene):
        customer = await scene.registered()
        less = {**CONSENT, "consents": ["face"]}
        no = await customer.post(customer.of("/consent"), less, key="one")
        assert no.said == (422, "refused")
        assert (await customer.post(customer.of("/consent"), less, key="one")).body == no.body
        assert (await customer.post(customer.of("/consent"), less)).body["tries"] == 2
        assert (await customer.post(customer.of("/consent"), CONSENT)).status == 200

    play(story)


def test_a_drawdown_asked_for_again_after_a_crash_is_paid_once(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        await scene.crash()
        await customer.log_in()
        answer = await customer.post(customer.of("/drawdowns"), customer.begins("drawdowns"))
        assert (answer.status, answer.body["drawdown"]["loan"]) == (201, customer.loan)
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


def test_the_same_request_for_another_amount_is_refused(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        for amount_fen in (DRAW_FEN + 1, DRAW_FEN * 2):
            said = {"request": "first", "amount_fen": amount_fen}
            answer = await customer.post(customer.of("/drawdowns"), said)
            assert (answer.said, answer.body["code"]) == ((422, "refused"), "R706")
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


# ------------------------------------------------------------------------- the memory of answers


def answer_of(size=1, status=200):
    return Answer(status, (), b"x" * size)


def once(kept, customer, key, made, body=b""):
    async def do():
        return made

    return asyncio.run(kept.once((BANK, customer), key, ("POST /", body), do))


def test_what_is_remembered_of_one_customer_is_bounded(monkeypatch):
    monkeypatch.setattr(replies, "KEYS_KEPT", 3)
    kept = Replies()
    for key in range(10):
        once(kept, "a", f"{key}", answer_of(key + 1))
    assert len(once(kept, "a", "9", answer_of(77)).body) == 10
    assert len(once(kept, "a", "0", answer_of(77)).body) == 77


def test_what_is_remembered_of_all_is_bounded_in_customers_and_in_bytes(monkeypatch):
    monkeypatch.setattr(replies, "CUSTOMERS_KEPT", 5)
    monkeypatch.setattr(replies, "BYTES_KEPT", 1_000)
    kept = Replies()
    for number in range(50):
        once(kept, f"{number}", "k", answer_of(300))
        assert len(kept._kept) <= 3
        assert kept._bytes == sum(
            len(each.answer.result().body) for own in kept._kept.values() for each in own.values()
        )
    for number in range(50):
        once(kept, f"{number}", "k", answer_of(1))
    assert len(kept._kept) == 5


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_what_may_end_otherwise_is_not_remembered(status):
    kept = Replies()
    assert once(kept, "a", "k", answer_of(status=status)).status == status
    assert once(kept, "a", "k", answer_of()).status == 200
    assert once(kept, "a", "k", answer_of(status=status)).status == 200


def test_who_waits_for_an_answer_that_breaks_is_told_so_and_the_next_may_try():
    async def story():
        kept, going = Replies(), asyncio.Event()

        async def breaks():
            await going.wait()
            raise Problem("busy")

        async def works():
            return answer_of()

        ask = ((BANK, "a"), "k", ("POST /", b""))
        both = [asyncio.create_task(kept.once(*ask, breaks)) for _ in range(2)]
        await asyncio.sleep(0)
        both[1].cancel()  # whoever goes away takes nobody along
        going.set()
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert [type(end) for end in ends] == [Problem, asyncio.CancelledError]
        return await kept.once(*ask, works), kept

    answer, kept = asyncio.run(story())
    assert answer.status == 200
    assert kept._bytes == 1


def test_who_gives_up_waiting_does_not_end_what_another_waits_for():
    async def story():
        kept, going = Replies(), asyncio.Event()

        async def works():
            await going.wait()
            return answer_of()

        ask = ((BANK, "a"), "k", ("POST /", b""))
        tasks = [asyncio.create_task(kept.once(*ask, works)) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        going.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(story())
    assert first == third == answer_of()
    assert isinstance(second, asyncio.CancelledError)
