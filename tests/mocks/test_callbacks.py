"""Callbacks over real HTTP: signed, late, doubled, overtaken, lost, tried again, sent once more."""

from __future__ import annotations

import json
import threading
from itertools import pairwise

import httpx
import pytest

from mocks.callbacks import sender
from mocks.snapshots import UNCHANGING, Snapshot
from mocks.tenant import Tenants
from scenarios.stack import app_of
from tests.mocks.callback_kit import Desk, key, listening
from tests.mocks.rest_kit import BANK, CODE, NINE, Shops, refused
from tests.mocks.snapshot_kit import Front, make_tenant, opened, served
from tests.mocks.test_snapshots import changeable

DISBURSE = "corebank.disburse"
POSTED, REJECTED, CLOSED = "corebank.posted", "corebank.rejected", "corebank.day_closed"
FLOW_READY = "acquirer.flow_ready"


@pytest.fixture(scope="module")
def shared():
    with opened() as front:
        yield front


@pytest.fixture
def front(shared):
    shared.delete("tenants/default")
    return shared


@pytest.fixture
def desk(front):
    return Desk(front)


@pytest.fixture
def ear(front):
    with listening(lambda: front.tenant.now_s) as ear:
        yield ear


def subscribe(front, ear, **said):
    return front.put("callbacks", [{"url": ear.url, **said}])


def advance(front, seconds):
    front.post("clock/advance", seconds=seconds)


def rows(front):
    return front.get("callbacks/deliveries")["deliveries"]


def pending(front):
    return front.get("callbacks/deliveries")["pending"]


def heard(ear):
    """Return what was told of, and how many seconds after nine."""
    return [(call.serial, call.at_s - NINE) for call in ear.calls]


# ------------------------------------------------------------------------------ what is told


def test_a_callback_tells_what_the_core_tells_and_nothing_of_a_person(front, desk, ear):
    subscribe(front, ear)
    paid = desk.disburse("1")
    advance(front, 0)

    (call,) = ear.calls
    assert call.told == {
        "id": call.id,
        "type": POSTED,
        "timestamp": "2020-07-15T09:00:00.000+08:00",
        "data": {
            "bank": BANK,
            "key": key("1"),
            "outcome": "done",
            "code": "ok",
            "core_serial": paid["core_serial"],
            "accounting_date": "2020-07-15",
        },
    }
    assert call.headers["content-type"] == "application/json"
    assert call.id.startswith("evt_")
    for secret in (desk.card.text, desk.person["name"], desk.person["id_number"]):
        assert secret not in call.body.decode()


def test_each_final_word_is_told_once_whatever_is_repeated(front, desk, ear):
    subscribe(front, ear)
    desk.disburse("1")
    desk.disburse("1")
    desk.disburse("1", fen=1)
    desk.outcome("1", fence=True)
    desk.outcome("nobody's", fence=True)
    desk.ask("reverse", key=key("2"), original=key("nobody's too"))
    advance(front, 0)

    told = [(call.told["type"], call.serial, call.told["data"]["code"]) for call in ear.calls]
    assert told == [(POSTED, "1", "ok"), (REJECTED, "2", "not_reversible")]


def test_only_what_was_asked_for_is_told(front, desk, ear):
    subscribe(front, ear, events=[CLOSED])
    desk.disburse("1")
    desk.ask("operator/cutoff", bank=BANK)
    desk.ask("operator/batch", bank=BANK)
    for _ in range(2):
        desk.ask("operator/close", bank=BANK, next_date="2020-07-16")
    advance(front, 0)

    assert [call.told["type"] for call in ear.calls] == [CLOSED]
    assert ear.calls[0].told["data"] == {
        "bank": BANK,
        "accounting_date": "2020-07-15",
        "next_date": "2020-07-16",
    }


def test_a_write_that_is_ready_later_is_told_of_then_though_nobody_asks(front, desk, ear):
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])
    desk.disburse("early")
    subscribe(front, ear)
    advance(front, 10)
    desk.disburse("late")

    advance(front, 100)

    assert heard(ear) == [("early", 60.0), ("late", 70.0)]
    assert desk.paid() == ["early", "late"]


def test_a_write_that_hangs_for_no_time_at_all_is_done_and_told_of(front, desk, ear):
    front.put("faults", [{"provider": "corebank", "kind": "accepted_not_done", "delay_s": 0}])
    subscribe(front, ear)

    assert desk.disburse("1")["outcome"] == "in_progress"
    advance(front, 0)

    assert heard(ear) == [("1", 0.0)]
    assert desk.outcome("1")["outcome"] == "done"


def test_a_write_that_is_ready_when_asked_is_told_of_at_that_question(front, desk, ear):
    front.put("results", [{"operation": DISBURSE, "after_polls": 2}])
    subscribe(front, ear)
    desk.disburse("1")
    desk.outcome("1")
    advance(front, 30)
    assert ear.calls == []

    desk.outcome("1")
    advance(front, 1)

    assert heard(ear) == [("1", 30.0)]


@pytest.mark.parametrize("plan", [{}, {"after_s": 60}, {"after_polls": 1}])
def test_an_order_that_is_ready_is_told_of_by_its_number(front, ear, plan):
    front.tenant.behaviours["acquirer"]._businesses = Shops()
    front.put("results", [{"operation": "acquirer.flow", **plan}])
    subscribe(front, ear, events=[FLOW_READY])
    body = {"merchant": CODE.text, "months": 3, "consent": "C-1"}
    number = front.client.post("/acquirer/v1/flow-orders", json=body).json()["order"]
    advance(front, 60)
    assert len(ear.calls) == ("after_polls" not in plan)
    told = [front.client.get(f"/acquirer/v1/flow-orders/{number}").json() for _ in range(2)]
    advance(front, 60)

    assert [each["state"] for each in told] == ["ready"] * 2
    assert [call.told["data"] for call in ear.calls] == [{"order": number}]
    assert CODE.text not in ear.calls[0].body.decode()


# ------------------------------------------------------------------------------- the signature


def test_the_standards_own_library_believes_it_and_nothing_that_was_changed(front, desk, ear):
    standard = pytest.importorskip("standardwebhooks", reason="no standardwebhooks: make setup")
    subscribe(front, ear)
    desk.disburse("1")
    advance(front, 0)
    (call,) = ear.calls
    judge = standard.Webhook(front.get("callbacks")["secret"])

    assert judge.verify(call.body, call.headers) == json.loads(call.body)
    wrong = standard.WebhookVerificationError
    for body, headers in (
        (call.body.replace(b"done", b"gone"), call.headers),
        (call.body, call.headers | {"webhook-id": "evt_other"}),
        (call.body, call.headers | {"webhook-timestamp": "1600000000"}),
    ):
        with pytest.raises(wrong):
            judge.verify(body, headers)


def test_each_tenant_signs_with_a_secret_of_its_own(front):
    front.put("tenants/other", {"seed": 8})
    secrets = {each.get("callbacks")["secret"] for each in (front, front.of("other"))}
    front.delete("tenants/other")

    assert len(secrets) == 2
    assert all(secret.startswith("whsec_") for secret in secrets)


# ------------------------------------------------------------------------------- the deliveries


def test_a_callback_comes_twice_and_late_with_one_id(front, desk, ear):
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])
    subscribe(front, ear, delay_s=120, copies=2, apart_s=30)
    desk.disburse("1")

    advance(front, 179)
    assert (ear.calls, desk.paid()) == ([], ["1"])
    assert [(each["copy"], each["due_s"] - NINE) for each in pending(front)] == [
        (1, 180.0),
        (2, 210.0),
    ]
    advance(front, 100)

    assert heard(ear) == [("1", 180.0), ("1", 210.0)]
    assert ear.calls[0].id == ear.calls[1].id
    assert ear.calls[0].body == ear.calls[1].body
    assert pending(front) == []


def test_who_does_not_take_it_hears_of_it_again_at_the_moments_that_are_planned(front, desk, ear):
    subscribe(front, ear, retry_after_s=[5, 30, 300])
    ear.script = [500, 302, 404, 204]
    desk.disburse("1")

    advance(front, 3_600)

    assert heard(ear) == [("1", 0.0), ("1", 5.0), ("1", 35.0), ("1", 335.0)]
    assert [(row["attempt"], row["outcome"], row["status"]) for row in rows(front)] == [
        (1, "refused", 500),
        (2, "refused", 302),
        (3, "refused", 404),
        (4, "taken", 204),
    ]
    assert len({call.id for call in ear.calls}) == 1


def test_who_never_takes_it_is_told_so_often_and_no_more(front, desk, ear):
    subscribe(front, ear, retry_after_s=[5])
    ear.script = [500] * 9
    desk.disburse("1")
    advance(front, 3_600)

    assert len(ear.calls) == 2
    assert pending(front) == []


def test_who_is_gone_is_told_nothing_any_more(front, desk, ear):
    subscribe(front, ear, copies=2)
    ear.script = [410]
    desk.disburse("1")
    advance(front, 3_600)
    desk.disburse("2")
    advance(front, 3_600)

    assert heard(ear) == [("1", 0.0)]
    assert [row["outcome"] for row in rows(front)] == ["refused", "ended"]
    assert front.get("callbacks")["subscriptions"][0]["ended"] is True


def test_nobody_there_is_no_answer_and_holds_nobody_up(front, desk):
    with listening() as gone:
        url = gone.url
    front.put("callbacks", [{"url": url, "retry_after_s": [60]}])
    desk.disburse("1")
    advance(front, 100)

    assert [(row["outcome"], row["status"], row["problem"]) for row in rows(front)] == [
        ("no_answer", None, "ConnectError"),
        ("no_answer", None, "ConnectError"),
    ]
    assert [row["at_s"] - NINE for row in rows(front)] == [0.0, 60.0]


def test_who_listens_and_never_answers_does_not_hang_the_clock(front, desk, ear, monkeypatch):
    monkeypatch.setattr(sender, "ANSWER_S", 0.2)
    done = threading.Event()
    ear.act = lambda call: done.wait(20)
    subscribe(front, ear, retry_after_s=[])
    try:
        desk.disburse("1")
        advance(front, 60)
    finally:
        done.set()

    assert [row["problem"] for row in rows(front)] == ["no answer in 0.2 s"]


def test_a_listener_may_ask_the_core_before_it_answers_while_the_clock_is_moved(front, desk, ear):
    subscribe(front, ear, delay_s=10)
    asked = []
    ear.act = lambda call: asked.append(desk.outcome(call.serial)["outcome"])
    desk.disburse("1")
    front.post("clock/resume", speed=0.001)

    advance(front, 20)
    front.post("clock/freeze")

    assert asked == ["done"]
    assert [row["outcome"] for row in rows(front)] == ["taken"]


def test_a_share_is_lost_by_name_whatever_else_happens(front, desk, ear):
    def lost_of(order):
        front.post("restore", name="base")
        for serial in order:
            desk.disburse(serial)
        advance(front, 0)
        ids = {call.serial: call.id for call in ear.calls}
        gone = {row["event"] for row in rows(front) if row["outcome"] == "lost"}
        assert not gone & set(ids.values())
        came, ear.calls[:] = set(ids), []
        return came, gone

    subscribe(front, ear, lost=0.5)
    front.snapshot()
    serials = [str(number) for number in range(12)]
    came, gone = lost_of(serials)

    assert 0 < len(came) < len(serials)
    assert len(came) + len(gone) == len(serials)
    assert lost_of(serials[::-1]) == (came, gone)


def test_some_are_overtaken_by_what_happens_within_the_window(front, desk, ear):
    subscribe(front, ear, reorder=0.5, window_s=25)
    for number in range(12):
        desk.disburse(str(number))
        advance(front, 10)
    advance(front, 60)

    came = [int(serial) for serial, _ in heard(ear)]
    waited = {serial: at_s - 10.0 * int(serial) for serial, at_s in heard(ear)}
    assert sorted(came) == list(range(12))
    assert any(first > then for first, then in pairwise(came))
    assert set(waited.values()) == {0.0, 25.0}


def test_an_event_is_sent_again_when_somebody_asks_for_it(front, desk, ear):
    subscribe(front, ear)
    desk.disburse("1")
    advance(front, 100)
    (first,) = ear.calls

    (row,) = front.post("callbacks/replay", event_id=first.id)["deliveries"]

    assert (row["outcome"], row["again"], row["at_s"]) == ("taken", True, NINE + 100)
    assert [call.id for call in ear.calls] == [first.id] * 2
    assert [call.body for call in ear.calls] == [first.body] * 2
    assert [each["again"] for each in rows(front)] == [False, True]


def test_what_was_lost_can_be_sent_after_all(front, desk, ear):
    subscribe(front, ear, lost=1.0)
    desk.disburse("1")
    advance(front, 100)
    (row,) = rows(front)
    assert (row["outcome"], ear.calls) == ("lost", [])

    front.post("callbacks/replay", event_id=row["event"])

    assert heard(ear) == [("1", 100.0)]


def test_two_who_listen_are_told_apart(front, desk, ear):
    with listening() as other:
        front.put("callbacks", [{"url": ear.url}, {"url": other.url, "events": [REJECTED]}])
        desk.disburse("1")
        desk.disburse("1b", fen=0)
        advance(front, 0)

        assert [call.serial for call in ear.calls] == ["1", "1b"]
        assert [call.serial for call in other.calls] == ["1b"]


def test_who_is_taken_off_the_list_is_not_told_what_was_on_its_way(front, desk, ear):
    subscribe(front, ear, delay_s=60)
    desk.disburse("1")
    front.delete("callbacks")
    assert pending(front) == []
    desk.disburse("2")
    advance(front, 100)

    assert ear.calls == []
    assert front.get("callbacks")["subscriptions"] == []
    assert [row["outcome"] for row in rows(front)] == ["ended"]


def test_a_running_clock_delivers_by_itself(front, desk, ear):
    subscribe(front, ear, delay_s=50, copies=2, apart_s=50)
    came = threading.Semaphore(0)
    ear.act = lambda call: came.release()
    front.post("clock/resume", speed=1_000.0)
    desk.disburse("1")

    assert all(came.acquire(timeout=10) for _ in range(2))
    front.post("clock/freeze")
    assert [call.serial for call in ear.calls] == ["1", "1"]


# ------------------------------------------------------------------------------------ snapshots


@pytest.mark.parametrize("kept_s", [30, 70])
def test_what_is_still_to_be_sent_is_sent_after_each_restore(front, desk, ear, kept_s):
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])
    subscribe(front, ear, delay_s=30, copies=2, apart_s=5)
    desk.disburse("1")
    advance(front, kept_s)
    front.snapshot()
    came = []
    for _ in range(2):
        advance(front, 100)
        came.append([(call.id, call.body, call.at_s) for call in ear.calls])
        ear.calls.clear()
        front.restore()

    assert came[0] == came[1]
    assert [at_s - NINE for _, _, at_s in came[0]] == [90.0, 95.0]
    assert rows(front) == []


def test_what_was_under_way_when_the_snapshot_was_taken_is_sent_again(front, desk, ear):
    subscribe(front, ear)
    here, go_on = threading.Event(), threading.Event()

    def hold(call):
        here.set()
        assert go_on.wait(20)

    ear.act = hold
    desk.disburse("1")
    assert here.wait(10)
    front.snapshot()
    go_on.set()
    ear.act = None
    front.restore()
    advance(front, 0)

    assert len({call.id for call in ear.calls}) == 1
    assert len(ear.calls) == 2
    assert [row["outcome"] for row in rows(front)] == ["taken"]


def test_a_restored_tenant_shares_no_outbox_and_no_order(front, desk, ear):
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])
    front.put("results", [{"operation": "acquirer.flow", "after_s": 60}])
    subscribe(front, ear, delay_s=60, lost=0.5)
    body = {"merchant": CODE.text, "months": 3, "consent": "C-1"}
    assert front.client.post("/acquirer/v1/flow-orders", json=body).status_code == 202
    for number in range(4):
        desk.disburse(str(number))
    tenant = front.tenant
    made = Snapshot.of(tenant, "base").tenant()
    shared = (*UNCHANGING, *tenant.house.unchanging)

    held = [changeable(each, shared) for each in (tenant, made)]

    kinds = [{type(each).__name__ for each in found.values()} for found in held]
    assert {"Outbox", "Subscription", "Delivery", "Event", "Row", "Orders"} <= kinds[0] & kinds[1]
    both = held[0].keys() & held[1].keys()
    assert not both, [type(held[0][each]) for each in both][:20]


# ------------------------------------------------------------------------------------ bad input

WRONG = [
    ({"events": ["corebank.postet"]}, 400, ["callbacks[0].events", "corebank.posted"]),
    ({"url": "nowhere"}, 400, ["callbacks[0].url", "no address"]),
    ({"url": "ftp://127.0.0.1/x"}, 400, ["no address"]),
    ({"url": "http://127.0.0.1:99999/"}, 400, ["no address"]),
    ({"url": "http://127.0.0.1 /"}, 400, ["no address"]),
    ({"url": "http://[::1/"}, 400, ["no address"]),
    ({"url": "http://a:b@127.0.0.1/"}, 400, ["user"]),
    ({"url": "http://192.0.2.1/hook"}, 400, ["192.0.2.1", "not this machine", "token"]),
    ({"url": "http://example.org/hook"}, 400, ["not this machine"]),
    ({"url": "http://127.0.0.1.example.org/"}, 400, ["not this machine"]),
    ({"delay_s": -1}, 422, ["delay_s", "greater than or equal to 0"]),
    ({"retry_after_s": [5, -1]}, 422, ["retry_after_s.1"]),
    ({"window_s": 0}, 422, ["window_s"]),
    ({"copies": 0}, 422, ["copies"]),
    ({"lost": 1.5}, 422, ["lost"]),
    ({"reorder": -0.1}, 422, ["reorder"]),
    ({"dealy_s": 1}, 422, ["dealy_s"]),
]


@pytest.mark.parametrize(("said", "status", "told"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_subscription_that_is_none_is_refused_and_changes_nothing(front, ear, said, status, told):
    subscribe(front, ear)
    before = front.get("callbacks")

    body = [{"url": ear.url} | said]
    refused(front.control("PUT", "callbacks", body), status, *told)

    assert front.get("callbacks") == before


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_this_machine_has_many_names(front, host):
    told = front.put("callbacks", [{"url": f"http://{host}:9/hook"}])

    assert told["subscriptions"][0]["events"] == [*told["events"]]


def test_with_a_token_it_may_be_sent_anywhere():
    with (
        served(app_of(Tenants(make_tenant), token="open sesame")) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        client.headers["x-loanrange-token"] = "open sesame"
        front = Front(url, None, client)
        told = front.put("callbacks", [{"url": "https://example.org/hook"}])

    assert told["subscriptions"][0]["url"] == "https://example.org/hook"


def test_a_redirect_leads_nowhere(front, desk, ear):
    with listening() as other:
        subscribe(front, ear, retry_after_s=[])
        ear.script, ear.elsewhere = [307], other.url
        desk.disburse("1")
        advance(front, 0)

        assert (len(ear.calls), other.calls) == (1, [])


def test_an_event_that_is_none_cannot_be_sent_again(front, desk, ear):
    refused(front.control("POST", "callbacks/replay", {"event_id": "evt_none"}), 400, "unknown")
    subscribe(front, ear)
    desk.disburse("1")
    advance(front, 0)
    front.delete("callbacks")

    answer = front.control("POST", "callbacks/replay", {"event_id": ear.calls[0].id})
    refused(answer, 400, POSTED, "PUT /_control/callbacks")


def test_a_tenant_whose_time_is_its_visits_own_calls_nobody_back(front, ear):
    story = front.of("story")

    refused(story.control("PUT", "callbacks", [{"url": ear.url}]), 400, "visits' own")
    assert story.get("callbacks")["subscriptions"] == []
    assert story.get("callbacks/deliveries") == {"deliveries": [], "pending": []}
