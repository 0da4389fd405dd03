"""One loan through the gateway: every step, every ask, every way back into it."""

from __future__ import annotations

import asyncio

import pytest

from core.gateway.conversation import Conversations
from tests.core.gateway.gateway_kit import CONSENTS, STEPS, TEXT, until

ASKED = {
    "consent": ["consents"],
    "decision": ["face"],
    "account": ["card", "face"],
    "contract": ["face", "signature"],
    "drawdowns": ["face"],
}
LEADS = {
    "consent": "authorised",
    "decision": "granted",
    "account": "account_ready",
    "contract": "signed",
    "drawdowns": "active",
}
FIRST_ASKS = [(step, nth) for step, asks in ASKED.items() for nth in range(len(asks))]


async def taken(customer, step):
    """Take a step; return what it asked for, in order, and its last answer."""
    said, asked = customer.begins(step), []
    while True:
        answer = await customer.post(customer.of(f"/{step}"), said)
        if answer.status != 202:
            return asked, answer
        asked.append(answer.asks)
        said |= await customer.bring(answer.body["asks"])


# ------------------------------------------------------------------------------- a loan, by steps


def test_a_whole_loan_asks_for_each_thing_in_its_turn(play):
    async def story(scene):
        customer = await scene.customer()
        answer = await customer.register()
        assert (answer.body["state"], answer.body["next"]) == ("registered", "authorise")
        for step in STEPS:
            asked, answer = await taken(customer, step)
            assert (step, asked) == (step, ASKED[step])
            assert answer.status == (201 if step == "drawdowns" else 200)
            assert (step, await customer.state()) == (step, LEADS[step])
        assert answer.body["drawdown"]["state"] == "done"
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_asked_again_with_nothing_asks_the_same_again(play, step):
    async def story(scene):
        customer = await scene.borrower(until=step)
        first = await customer.post(customer.of(f"/{step}"), customer.begins(step))
        calls = list(scene.journal)
        again = await customer.post(customer.of(f"/{step}"), customer.begins(step))
        assert first.status == again.status == 202
        assert again.body == first.body
        assert scene.journal == calls  # it went on waiting, and asked nobody anew
        assert (await customer.step(step)).status < 202

    play(story)


def test_what_is_known_beforehand_may_be_brought_at_once(play):
    async def story(scene):
        customer = await scene.registered()
        said = {"consents": CONSENTS, "text_version": TEXT}
        assert (await customer.post(customer.of("/consent"), said)).asks == ""
        await customer.step("decision")
        answer = await customer.post(customer.of("/account"), {"card": customer.card})
        assert answer.asks == "face"

    play(story)


def test_a_text_is_not_signed_before_it_was_shown(play):
    async def story(scene):
        customer = await scene.borrower(until="contract")
        answer = await customer.post(customer.of("/contract"), {"signature": True})
        assert answer.asks == "face"
        await customer.show(answer.body["asks"]["token"])
        said = {"face": answer.body["asks"]["token"], "signature": True}
        answer = await customer.post(customer.of("/contract"), said)
        assert answer.asks == "signature"
        assert len(answer.body["asks"]["text"]) > 200
        answer = await customer.post(customer.of("/contract"), {"signature": True})
        assert answer.body["application"]["state"] == "signed"

    play(story)


def test_a_face_that_was_shown_to_another_check_is_not_taken(play):
    async def story(scene):
        customer = await scene.borrower(until="decision")
        answer = await customer.post(customer.of("/decision"))
        other = await customer.post(customer.of("/decision"), {"face": "X" * 20})
        assert other.body == answer.body
        assert (await customer.step("decision")).body["application"]["state"] == "granted"

    play(story)


def test_a_step_whose_turn_has_not_come_is_not_taken(play):
    async def story(scene):
        customer = await scene.registered()
        for step in STEPS[1:]:
            answer = await customer.post(customer.of(f"/{step}"), customer.begins(step))
            assert (step, answer.said) == (step, (409, "not-now"))
        assert await customer.state() == "registered"

    play(story)


def test_a_step_that_was_taken_says_where_the_application_stands(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        for step in STEPS[:-1]:
            answer = await customer.post(customer.of(f"/{step}"))
            assert (answer.status, answer.body["application"]["state"]) == (200, "active")

    play(story)


def test_a_customer_who_holds_a_card_of_the_bank_is_asked_for_nothing(play):
    async def story(scene):
        customer = await scene.borrower(until="account", holds_card=True)
        answer = await customer.post(customer.of("/account"))
        assert answer.asks == ""
        shown = answer.body["application"]["account"]
        numbers = [card["number"] for card in customer.person["cards"]]
        assert "*" in shown
        assert shown not in numbers

    play(story)


# ------------------------------------------------------------------------------------- ways back


@pytest.mark.parametrize(("step", "nth"), FIRST_ASKS)
def test_who_logs_out_in_the_middle_of_a_step_goes_on_in_it(play, step, nth):
    async def story(scene):
        customer = await scene.borrower(until=step)
        said = customer.begins(step)
        for _ in range(nth):
            answer = await customer.post(customer.of(f"/{step}"), said)
            said |= await customer.bring(answer.body["asks"])
        before = await customer.post(customer.of(f"/{step}"), said)
        assert (await customer.delete("/session")).status == 204
        assert (await customer.get(customer.of())).said == (401, "no-session")
        await customer.log_in()
        after = await customer.post(customer.of(f"/{step}"), customer.begins(step))
        assert before.body["asks"] == after.body["asks"]
        await customer.go_from(step)
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


@pytest.mark.parametrize(("step", "nth"), FIRST_ASKS)
def test_a_gateway_that_dies_in_the_middle_of_a_step_resumes_and_pays_once(play, step, nth):
    async def story(scene):
        customer = await scene.borrower(until=step)
        said = customer.begins(step)
        for _ in range(nth + 1):
            answer = await customer.post(customer.of(f"/{step}"), said)
            said |= await customer.bring(answer.body["asks"])
        await scene.crash()
        assert (await customer.get(customer.of())).said == (401, "no-session")
        await customer.log_in()
        await customer.go_from(step)
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_two_sessions_take_at_once_is_taken_once(play, step):
    async def story(scene):
        here = await scene.borrower(until=step)
        there = here.again()
        await there.log_in()
        both = await asyncio.gather(here.step(step), there.step(step))
        assert [answer.status for answer in both] == [both[0].status] * 2
        assert await here.state() == LEADS[step]
        await here.go_from(step)
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


@pytest.mark.parametrize("step", ["decision", "contract", "drawdowns"])
def test_who_waits_for_a_step_that_another_session_answers_is_told_its_end_or_its_next_ask(
    play, step
):
    async def story(scene):
        here = await scene.borrower(until=step)
        there = here.again()
        await there.log_in()
        asks = (await here.post(here.of(f"/{step}"), here.begins(step))).body["asks"]
        said = here.begins(step) | await here.bring(asks)
        answers = await asyncio.gather(
            here.post(here.of(f"/{step}"), said),
            *(there.post(there.of(f"/{step}"), here.begins(step)) for _ in range(4)),
        )
        for answer in answers:
            if answer.asks == "" and step == "drawdowns":
                assert answer.body["drawdown"]["state"] == "done"
            elif answer.asks == "":
                assert answer.body["application"]["state"] == LEADS[step]
        await here.go_from(step)
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


def test_two_registrations_at_once_make_one_application(play):
    async def story(scene):
        here = await scene.customer()
        there = here.again()
        await there.log_in()
        product = await here.product()
        for each in (here, there):
            await each.show_card()
        said = [{"product": product, "phone_code": await here.phone_code()} for _ in range(2)]
        answers = await asyncio.gather(
            here.post("/applications", said[0]), there.post("/applications", said[1])
        )
        assert {answer.status for answer in answers} <= {201, 503}
        listed = (await here.get("/applications")).body["items"]
        assert len(listed) == 1
        assert listed[0] in [answer.body for answer in answers]

    play(story)


def test_who_is_registered_and_registers_again_shows_nothing_again(play):
    async def story(scene):
        customer = await scene.registered()
        calls = list(scene.journal)
        said = {"product": await customer.product(), "phone_code": "lost"}
        answer = await customer.post("/applications", said)
        assert (answer.status, answer.body["id"]) == (201, customer.app)
        assert scene.journal == calls

    play(story)


def test_a_registration_wants_both_sides_of_the_card_in_this_session(play):
    async def story(scene):
        customer = await scene.customer()
        said = {"product": await customer.product(), "phone_code": await customer.phone_code()}
        assert (await customer.post("/applications", said)).said == (409, "no-picture")
        await customer.show_card()
        await customer.log_in()
        assert (await customer.post("/applications", said)).said == (409, "no-picture")

    play(story)


def test_the_other_banks_product_is_not_found(play):
    async def story(scene):
        customer = await scene.customer()
        for product in ("chunyi-household", "nobody's"):
            said = {"product": product, "phone_code": "x"}
            assert (await customer.post("/applications", said)).said == (404, "not-found")

    play(story)


def test_a_session_ends_after_two_hours_of_business_time(play):
    async def story(scene):
        customer = await scene.registered()
        await scene.advance(7_199)
        assert (await customer.get(customer.of())).status == 200
        await scene.advance(1)
        assert (await customer.get(customer.of())).said == (401, "no-session")
        assert (await customer.post(customer.of("/consent"))).said == (401, "no-session")
        await customer.log_in()
        assert await customer.state() == "registered"

    play(story)


def test_a_step_whose_customer_does_not_answer_is_let_go_and_begun_anew(play):
    async def story(scene):
        scene.come_up(conversations=Conversations(limit_s=0.05))
        customer = await scene.borrower(until="decision")
        held = scene.reception.conversations.held
        first = await customer.post(customer.of("/decision"))
        await until(lambda: not held)
        again = await customer.post(customer.of("/decision"))
        assert again.asks == "face"
        assert again.body["asks"]["token"] != ""
        assert first.status == 202
        scene.reception.conversations.limit_s = 900.0
        await until(lambda: not held)
        await customer.go_from("decision")
        assert scene.payouts == 1

    play(story)


def test_who_waits_for_a_step_that_is_broken_off_is_asked_to_come_back(play):
    async def story(scene):
        customer = await scene.borrower(until="decision")
        await scene.faults({"provider": "bureau", "kind": "delay"})
        asks = (await customer.post(customer.of("/decision"))).body["asks"]
        said = await customer.bring(asks)
        waiting = asyncio.create_task(customer.post(customer.of("/decision"), said))
        await scene.until_held_up()
        await scene.reception.close()
        answer = await waiting
        assert answer.said == (503, "later")
        assert answer.headers["retry-after"]

    play(story)


def test_who_waits_is_not_told_that_a_step_is_done_which_another_has_only_answered():
    """Another session brings what is asked for before the one that waits for the ask has woken."""

    async def two_faces(phone):
        await asyncio.sleep(0.01)
        await phone.show_face("one")
        await asyncio.sleep(0.01)
        await phone.show_face("two")

    async def story():
        held = Conversations().begin(("A", "apply"), two_faces, {})
        waiting = asyncio.create_task(held.turn())
        while held.phone.ask is None:  # noqa: ASYNC110  the very next turn of the loop is wanted
            await asyncio.sleep(0)
        held.tell({"face": "one"})
        turn = await waiting
        assert (turn.ask.kind, turn.ask.told) == ("face", {"token": "two"})
        held.task.cancel()
        await asyncio.gather(held.task, return_exceptions=True)

    asyncio.run(story())
