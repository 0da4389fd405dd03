"""What a customer is told: refusals, lists, what is owed, and nothing that tips anybody off."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from core.store.records import Customer as CustomerRecord
from core.store.records import Drawdown, Repayment
from mocks.tenant import Tenants
from scenarios.receptions import Receptions
from scenarios.stack import app_of, served
from tests.core.gateway.gateway_kit import (
    BANK,
    CONSENTS,
    DRAW_FEN,
    OTHER,
    TEXT,
    Scene,
    client_of,
    make_tenant,
)

# ------------------------------------------------------------------------------------------- noes


def no_of(answer):
    assert answer.said == (422, "refused"), answer
    body = answer.body
    return body["code"], body["kind"], body["tries"], body["mendable"]


def test_a_no_says_its_code_whether_it_can_be_mended_and_how_often_it_was_said(play):
    async def story(scene):
        customer = await scene.borrower(until="contract")
        noes = []
        for _ in range(8):
            asks = (await customer.post(customer.of("/contract"))).body["asks"]
            said = await customer.bring(asks)
            await customer.post(customer.of("/contract"), said)
            noes.append(no_of(await customer.post(customer.of("/contract"), {"signature": False})))
        assert noes == [("R601", "retry", tries, tries < 8) for tries in range(1, 9)]
        shown = (await customer.get(customer.of())).body
        assert (shown["code"], shown["state"], shown["next"]) == ("R601", "account_ready", "sign")
        return shown

    play(story)


def test_a_final_no_ends_the_application(play):
    async def story(scene):
        customer = await scene.borrower(until="decision", truth={"birth": "2004-01-01"})
        code, kind, tries, mendable = no_of(await customer.step("decision"))
        assert (code, kind, tries, mendable) == ("R401", "final", 1, False)
        shown = (await customer.get(customer.of())).body
        assert (shown["state"], shown["next"], shown["code"]) == ("declined", "", "R401")
        told = (await customer.get(customer.of("/decision"))).body
        assert (told["granted"], told["codes"][0]) == (False, "R401")
        for step in ("account", "contract"):
            answer = await customer.post(customer.of(f"/{step}"))
            assert answer.body["application"]["state"] == "declined"
        answer = await customer.post(customer.of("/drawdowns"), customer.begins("drawdowns"))
        assert answer.said == (409, "not-now")

    play(story)


def test_consent_that_was_withdrawn_is_missed_and_can_be_renewed(play):
    async def story(scene):
        customer = await scene.borrower(until="decision")
        for _ in range(2):
            assert (await customer.delete(customer.of("/consent"))).status == 204
        calls = list(scene.journal)
        assert no_of(await customer.post(customer.of("/decision")))[:2] == ("R203", "retry")
        assert scene.journal == calls  # nothing was asked under it
        answer = await customer.post(customer.of("/consent"))
        assert sorted(answer.body["asks"]["kinds"]) == CONSENTS
        assert (await customer.step("consent")).status == 200
        assert (await customer.step("decision")).body["application"]["state"] == "granted"
        assert scene.violated() == []

    play(story)


def test_consent_to_another_text_is_none(play):
    async def story(scene):
        customer = await scene.registered()
        for version in ("", "consent-2019-01"):
            said = {"consents": CONSENTS, "text_version": version}
            assert (await customer.post(customer.of("/consent"), said)).said == (409, "not-now")
        asks = (await customer.post(customer.of("/consent"))).body["asks"]
        assert (asks["kind"], asks["text_version"]) == ("consents", TEXT)

    play(story)


# ----------------------------------------------------------------------------------- no tipping off


async def seen_by(scene, listed):
    """Return every answer that a listed person gets, without what names the person."""
    customer = await scene.customer(truth={"listed": listed})
    seen = [await customer.register()]
    seen += [await customer.step(step) for step in ("consent", "decision", "account")]
    for path in ("", "/decision", "/line", "/contract", "/drawdowns"):
        seen += [await customer.get(customer.of(path))]
    for path in ("/applications", "/loans", "/messages"):
        seen += [await customer.get(path)]
    for step in ("decision", "account", "contract", "drawdowns"):
        seen += [await customer.post(customer.of(f"/{step}"), customer.begins(step))]
    await customer.log_in()
    seen.append(await customer.get("/applications"))
    answers = [(each.status, dict(each.headers, date=""), each.content) for each in seen]
    text = repr(answers)
    for word in (customer.app, *re.findall(r"[A-Z][0-9a-f]{24}", text)):
        text = text.replace(word, "<id>")
    return text, scene.reception.untold


def test_a_hit_and_a_review_of_the_name_list_are_told_alike_to_the_byte(play):
    async def story(scene):
        hit, why_hit = await seen_by(scene, "hit")
        review, why_review = await seen_by(scene, "review")
        assert why_hit.name == "NAME_LIST_HIT"
        assert why_review.name == "NAME_LIST_REVIEW"
        assert hit == review
        assert "R500" in hit
        assert [word for word in ("R503", "R504", "held", "review") if f'"{word}"' in hit] == []

    play(story)


# ------------------------------------------------------------------------------------------ lists


async def walked(ask, limit):
    """Return everything in a list, part by part."""
    items, cursor = [], ""
    while True:
        answer = await ask(limit=limit, cursor=cursor)
        assert answer.status == 200, answer
        assert len(answer.body["items"]) <= limit
        items += answer.body["items"]
        cursor = answer.body["next"]
        if not cursor:
            return items
        assert len(answer.body["items"]) == limit


@pytest.mark.parametrize("limit", [1, 7, 57, 58, 59, 100])
def test_a_cursor_walks_over_everything_once(play, limit):
    async def story(scene):
        async def ask(**params):
            return await scene.send("GET", "/api/v1/banks", params=params)

        names = [each["id"] for each in await walked(ask, limit)]
        assert names == sorted(scene.house.banks)

    play(story)


def test_the_customers_own_lists_are_walked_over_too(play):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        for number in range(3):
            said = customer.begins("drawdowns", request=f"draw {number}/a")
            assert (await customer.step("drawdowns", said)).status == 201
        for path in (customer.of("/drawdowns"), "/loans", "/messages"):
            whole = (await customer.get(path)).body["items"]
            assert len(whole) == 3
            parts = await walked(lambda path=path, **params: customer.get(path, **params), 1)
            assert parts == whole
        assert scene.payouts == 3

    play(story)


@pytest.mark.parametrize("limit", ["0", "-1", "101", "x", "1e2", ""])
def test_a_part_of_a_list_has_one_to_a_hundred_items(play, limit):
    async def story(scene):
        customer = await scene.registered()
        for path in ("/applications", "/loans", "/products", customer.of("/drawdowns")):
            answer = await customer.get(path, limit=limit)
            assert answer.said == (400, "malformed")
            assert "limit" in answer.body["detail"]

    play(story)


# ------------------------------------------------------------------------------------------- money


def test_what_is_told_of_a_loan_adds_up_with_the_loan_book(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        path = f"/loans/{customer.loan}"
        rows = (await customer.get(f"{path}/schedule")).body
        loan = (await customer.get(path)).body
        quote = (await customer.get(f"{path}/quote")).body
        line = (await customer.get(customer.of("/line"))).body
        assert sum(row["principal_fen"] for row in rows) == loan["principal_fen"] == DRAW_FEN
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
        assert loan["next_due"] == rows[0]["due"]
        assert quote["total_fen"] == loan["outstanding_fen"] == DRAW_FEN
        assert line["used_fen"] + line["reserved_fen"] + line["free_fen"] == line["limit_fen"]
        assert line["used_fen"] == DRAW_FEN
        later = (await customer.get(f"{path}/quote", on=rows[0]["due"])).body
        parts = later["principal_fen"] + later["interest_fen"] + later["penalty_fen"]
        assert later["total_fen"] == parts
        assert later["interest_fen"] == rows[0]["interest_fen"]

    play(story)


@pytest.mark.parametrize("on", ["2020-07-01", "2040-01-01", "9999-12-31", "soon", "2021-02-29"])
def test_no_quote_for_another_time_than_from_today_on(play, on):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        answer = await customer.get(f"/loans/{customer.loan}/quote", on=on)
        assert answer.said == (400, "malformed")
        assert on not in answer.content.decode()

    play(story)


def test_a_repayment_is_taken_once_under_its_name(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        path, said = f"/loans/{customer.loan}/repayments", {"request": "part", "amount_fen": 50_000}
        answers = [await customer.post(path, said) for _ in range(2)]
        await scene.crash()
        await customer.log_in()
        answers.append(await customer.post(path, said))
        assert [answer.status for answer in answers] == [201] * 3
        assert len({answer.content for answer in answers}) == 1
        assert sum(answers[0].body["parts"].values()) == answers[0].body["amount_fen"] == 50_000
        assert (await customer.get(f"/loans/{customer.loan}")).body["outstanding_fen"] == 150_000
        assert len(await scene.store.all(Repayment, BANK)) == 1
        assert scene.violated() == []

    play(story)


def test_two_repayments_at_once_take_the_money_once(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        path, said = f"/loans/{customer.loan}/repayments", {"request": "part", "amount_fen": 50_000}
        answers = await asyncio.gather(*(customer.post(path, said) for _ in range(6)))
        assert {answer.status for answer in answers} <= {201, 503}
        final = await customer.post(path, said)
        assert final.status == 201
        assert (await customer.get(f"/loans/{customer.loan}")).body["outstanding_fen"] == 150_000
        assert scene.violated() == []

    play(story)


def test_a_repayment_of_nothing_that_is_due_is_refused(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        answer = await customer.post(f"/loans/{customer.loan}/repayments", {"request": "due"})
        assert no_of(answer) == ("R801", "retry", 1, True)

    play(story)


def test_a_drawdown_that_waits_for_its_face_can_be_cancelled_and_not_later(play):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        free_fen = (await customer.get(customer.of("/line"))).body["free_fen"]
        path, said = customer.of("/drawdowns"), customer.begins("drawdowns", request="a/1 b")
        asks = (await customer.post(path, said)).body["asks"]
        line = (await customer.get(customer.of("/line"))).body
        assert (line["reserved_fen"], line["free_fen"]) == (DRAW_FEN, free_fen - DRAW_FEN)
        for _ in range(2):
            answer = await customer.delete(f"{path}/a%2F1%20b")
            assert (answer.status, answer.body["state"]) == (200, "cancelled")
        assert (await customer.get(customer.of("/line"))).body["free_fen"] == free_fen
        answer = await customer.post(path, said | await customer.bring(asks))
        assert no_of(answer)[0] == "R709"
        await customer.step("drawdowns")
        assert (await customer.delete(f"{path}/first")).said == (409, "not-now")
        assert (await customer.delete(f"{path}/nothing")).said == (404, "not-found")
        assert (await customer.get(f"{path}/a%2F1%20b")).body["state"] == "cancelled"
        assert (scene.payouts, scene.violated()) == (1, [])

    play(story)


def test_a_reservation_ends_by_itself(play):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        await customer.post(customer.of("/drawdowns"), customer.begins("drawdowns"))
        await scene.advance(1_801)
        await scene.crash()
        answer = await customer.again_at(request="second")
        assert answer.status == 201
        states = sorted(draw.state for draw in await scene.store.all(Drawdown, BANK))
        assert states == ["done", "expired"]
        assert scene.violated() == []

    play(story)


def test_no_number_and_no_name_of_a_customer_is_told(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        record = (await scene.store.all(CustomerRecord, BANK))[0]
        seen = b""
        for path in (
            "/applications",
            "/loans",
            "/messages",
            *map(customer.of, ("", "/decision", "/contract", "/line", "/drawdowns")),
            *(f"/loans/{customer.loan}{path}" for path in ("", "/schedule", "/quote")),
        ):
            answer = await customer.get(path)
            assert answer.status == 200
            seen += answer.content
        await customer.log_in()
        seen += json.dumps(customer.session, ensure_ascii=False).encode()
        person = customer.person
        numbers = [card["number"] for card in person["cards"]]
        account = (await scene.store.get(type(record), record.id)).number.text
        for word in (
            person["name"],
            person["id_number"],
            person["phone"],
            person["openid"],
            account,
            record.address,
            *numbers,
        ):
            assert word.encode() not in seen

    play(story)


# --------------------------------------------------------------------------------- tokens, tenants


def test_a_token_opens_nothing_in_another_tenant(stack):
    async def story(here):
        there = stack.open()
        try:
            customer = await here.registered()
            headers = {**customer.bearer, "x-loanrange-tenant": there.name}
            for path in ("/applications", customer.of()):
                answer = await here.send("GET", customer.home + path, headers=headers)
                assert answer.said == (401, "no-session")
            headers["x-loanrange-tenant"] = "nobody"
            answer = await here.send("GET", customer.home + "/applications", headers=headers)
            assert answer.said == (404, "not-found")
        finally:
            await stack.shut(there.name)

    stack.play(story)


@pytest.mark.parametrize(
    "path", ["/applications", "/loans", "/messages", "/applications%0A", "/uploads/id_card_front"]
)
def test_a_token_opens_nothing_at_another_bank(play, path):
    async def story(scene):
        customer = await scene.registered()
        for bank in (OTHER, "nobody", ""):
            url = f"/api/v1/banks/{bank}{path}"
            for method in ("GET", "PUT") if "uploads" in path else ("GET",):
                answer = await scene.send(method, url, headers=customer.bearer)
                assert answer.said in {(403, "other-bank"), (404, "not-found")}
                assert customer.app not in answer.content.decode()

    play(story)


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "bearer {}", "Basic {}", "{}", "Bearer {}x", "Bearer  {}", "Bearer ü"],
)
def test_a_token_is_shown_as_a_bearers_or_not_at_all(play, shown):
    async def story(scene):
        customer = await scene.registered()
        headers = {"authorization": shown.format(customer.token).encode("latin-1")}
        path = f"{customer.home}/applications"
        answer = await scene.send("GET", path, headers=headers)
        assert answer.said == (401, "no-session")
        assert answer.headers["www-authenticate"] == "Bearer"

    play(story)


def test_a_tenant_that_is_reset_has_logged_everybody_out():
    async def story():
        tenants = Tenants(make_tenant)
        receptions = Receptions(tenants)
        async with served(app_of(tenants, find=receptions.find)) as port:
            receptions.address = f"http://127.0.0.1:{port}"
            client = client_of(receptions.address)
            try:
                scene = Scene(None, "default", client)
                customer = await scene.borrower(until="decision")
                await customer.post(customer.of("/decision"))
                await scene.control("reset")
                assert (await customer.get("/applications")).said == (401, "no-session")
                again = await scene.customer()
                assert (await again.get("/applications")).body["items"] == []
            finally:
                await client.aclose()
                await receptions.close()
        tenants.close("default")

    asyncio.run(story())
