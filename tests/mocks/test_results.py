"""Results that are ready at once, after so many questions, or after a time; one effect whatever."""

from __future__ import annotations

import pytest

from core.ports.corebank import DisburseQuery, Outcome, OutcomeQuery
from mocks.corebank.store import DurableCore
from mocks.results import Readiness
from tests.mocks.callback_kit import Desk, key
from tests.mocks.rest_kit import BANK, CODE, Shops, refused
from tests.mocks.snapshot_kit import opened
from tests.mocks.test_corebank_behaviour import Clerk

FLOW = {"merchant": CODE.text, "months": 3, "consent": "C-1"}
DISBURSE = "corebank.disburse"


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


def outcomes(*answers):
    return [answer["outcome"] for answer in answers]


# ------------------------------------------------------------------------------- the core bank


def test_a_result_is_ready_at_once_unless_something_else_is_planned(front, desk):
    assert front.get("results")["results"] == []

    assert outcomes(desk.disburse("1")) == ["done"]
    front.put("results", [{"operation": DISBURSE}, {"operation": "corebank.move", "after_s": 5}])
    assert outcomes(desk.disburse("2")) == ["done"]
    assert front.get("results")["results"] == [{"operation": "corebank.move", "after_s": 5}]


def test_after_three_polls_the_third_question_is_told_and_the_loan_is_paid_once(front, desk):
    front.put("results", [{"operation": DISBURSE, "after_polls": 3}])

    told = [desk.disburse("1"), desk.outcome("1"), desk.disburse("1"), desk.outcome("1")]
    assert outcomes(*told) == ["in_progress"] * 4
    assert desk.paid() == []
    done = desk.outcome("1")
    again = desk.disburse("1")

    assert outcomes(done, again) == ["done", "done"]
    assert again["replayed"]
    assert again["core_serial"] == done["core_serial"]
    assert desk.paid() == ["1"]


def test_after_a_time_it_is_ready_whoever_asked_how_often(front, desk):
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])

    assert outcomes(desk.disburse("1")) == ["in_progress"]
    front.post("clock/advance", seconds=59)
    assert outcomes(*[desk.outcome("1") for _ in range(5)]) == ["in_progress"] * 5
    front.post("clock/advance", seconds=1)

    assert outcomes(desk.outcome("1")) == ["done"]
    assert desk.paid() == ["1"]


@pytest.mark.parametrize("plan", [{"after_polls": 2}, {"after_s": 60}])
def test_a_fence_neither_stops_what_runs_nor_pretends_to(front, desk, plan):
    front.put("results", [{"operation": DISBURSE, **plan}])
    desk.disburse("1")

    assert outcomes(desk.outcome("1", fence=True)) == ["in_progress"]
    front.post("clock/advance", seconds=60)
    assert outcomes(desk.outcome("1", fence=True)) == ["done"]
    assert desk.paid() == ["1"]


def test_a_running_key_is_another_contents_conflict_and_stands_among_the_open_ones(front, desk):
    front.put("results", [{"operation": DISBURSE, "after_polls": 1}])
    desk.disburse("1")

    other = desk.disburse("1", fen=1)
    assert (other["outcome"], other["code"]) == ("rejected", "key_conflict")
    assert desk.ask("open_keys", bank=BANK) == [key("1")]
    assert outcomes(desk.outcome("1")) == ["done"]
    assert desk.ask("open_keys", bank=BANK) == []


def test_what_waits_to_be_asked_after_is_done_before_its_date_is_cut_off(front, desk):
    front.put("results", [{"operation": DISBURSE, "after_polls": 100}])
    desk.disburse("1")

    desk.ask("operator/cutoff", bank=BANK)

    assert desk.paid() == ["1"]
    done = desk.outcome("1")
    assert (done["outcome"], done["accounting_date"]) == ("done", "2020-07-15")


def test_a_result_may_be_a_no_and_what_runs_runs_as_it_began(front, desk):
    desk.disburse("1")
    front.put("results", [{"operation": DISBURSE, "after_s": 60}])
    said = {"loan": "L-1", "account": desk.card.text, "amount_fen": "1"}
    desk.ask("disburse", key=key("2"), **said)
    front.delete("results")

    assert outcomes(desk.outcome("2"), desk.disburse("3")) == ["in_progress", "done"]
    front.post("clock/advance", seconds=60)
    assert desk.outcome("2")["code"] == "loan_exists"
    assert desk.paid() == ["1", "3"]


@pytest.mark.parametrize("plan", [{"after_polls": 2}, {"after_s": 60}])
def test_a_snapshot_keeps_what_runs_and_the_plan(front, desk, plan):
    front.put("results", [{"operation": DISBURSE, **plan}])
    desk.disburse("1")
    desk.outcome("1")
    front.snapshot()
    for _ in range(2):
        front.post("clock/advance", seconds=60)
        assert outcomes(desk.outcome("1"), desk.disburse("2")) == ["done", "in_progress"]
        assert desk.paid() == ["1"]
        front.restore()
        assert desk.paid() == []


def test_a_core_on_disk_comes_up_with_what_was_done_by_asking(
    make_person, make_card, make_town, trace, tmp_path
):
    def come_up():
        clerk = Clerk.of(make_person, make_card, make_town, trace)
        clerk.core.readiness = {"disburse": Readiness(polls=2)}
        return clerk, DurableCore(clerk.core, f"sqlite:///{tmp_path}/core.db", lambda *_: None)

    clerk, durable = come_up()
    named, paid = trace("a1")._replace(deadline_s=100.0), clerk.key()
    query = DisburseQuery(paid, "L1", clerk.card, 50_000)
    durable.ask("disburse", named, query, 1.0)
    asking = OutcomeQuery(paid, fence=False)
    asked = [durable.ask("outcome", named, asking, 2.0) for _ in range(2)]
    durable.close()
    again, durable = come_up()
    durable.close()

    assert [each.outcome for each in asked] == [Outcome.IN_PROGRESS, Outcome.DONE]
    assert again.core.fate(paid) == asked[-1]
    assert again.core.balances("b01") == clerk.core.balances("b01")


# ------------------------------------------------------------------------- the acquirer's orders


@pytest.fixture
def shop(front):
    front.tenant.behaviours["acquirer"]._businesses = Shops()
    return front


def order(front, **said):
    answer = front.client.post("/acquirer/v1/flow-orders", json=FLOW | said)
    assert answer.status_code == 202, answer.text
    return answer.json()


def read(front, number):
    answer = front.client.get(f"/acquirer/v1/flow-orders/{number}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_order_is_ready_at_once_and_tells_what_the_question_tells(shop):
    asked = shop.client.post("/acquirer/v1/flow", json=FLOW).json()
    taken = order(shop)

    assert taken["state"] == "ready"
    assert read(shop, taken["order"]) == {**taken, "flow": asked}
    assert len(asked["months"]) == 2


def test_an_order_is_ready_at_the_third_question(shop):
    shop.put("results", [{"operation": "acquirer.flow", "after_polls": 3}])
    taken = order(shop)

    told = [read(shop, taken["order"]) for _ in range(4)]

    assert taken["state"] == "processing"
    assert [each["state"] for each in told] == ["processing"] * 2 + ["ready"] * 2
    assert [each["flow"] is None for each in told] == [True, True, False, False]


def test_an_order_is_ready_after_a_time_and_a_snapshot_keeps_it(shop):
    shop.put("results", [{"operation": "acquirer.flow", "after_s": 600}])
    taken = order(shop)
    shop.snapshot()
    for _ in range(2):
        shop.post("clock/advance", seconds=599)
        assert read(shop, taken["order"])["state"] == "processing"
        shop.post("clock/advance", seconds=1)
        assert read(shop, taken["order"])["state"] == "ready"
        shop.restore()


def test_who_orders_the_same_again_has_the_same_order_and_is_billed_once(shop):
    first, again, other = order(shop), order(shop), order(shop, months=2)

    assert first == again
    assert other["order"] != first["order"]
    assert shop.get("invoice")["billed"] == {"acquirer.flow": 2}
    shop.post("clock/advance", days=1)
    assert order(shop)["order"] != first["order"]


def test_an_order_of_a_failing_acquirer_is_none_and_one_that_nobody_made_is_not_found(shop):
    shop.put("faults", [{"provider": "acquirer", "kind": "5xx", "count": 1}])

    refused(shop.client.post("/acquirer/v1/flow-orders", json=FLOW), 503)
    refused(shop.client.get("/acquirer/v1/flow-orders/FO123"), 404, "FO123")
    refused(shop.client.post("/acquirer/v1/flow-orders/FO123", json={}), 405)
    assert order(shop)["state"] == "ready"


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("plan", "status", "told"),
    [
        ([{"operation": "corebank.disbourse"}], 400, ["results[0]", "corebank.disburse"]),
        ([{"operation": "corebank.balance", "after_s": 1}], 400, ["no write", "corebank."]),
        ([{"operation": DISBURSE, "after_s": 1, "after_polls": 1}], 400, ["leave one of them out"]),
        ([{"operation": DISBURSE}, {"operation": DISBURSE}], 400, ["results[1]", "twice"]),
        ([{"operation": DISBURSE, "after_s": -1}], 422, ["after_s", "greater than 0"]),
        ([{"operation": DISBURSE, "after_polls": 0}], 422, ["after_polls"]),
        ([{"operation": DISBURSE, "after_days": 1}], 422, ["after_days"]),
    ],
)
def test_a_plan_that_is_none_is_refused_and_changes_nothing(front, plan, status, told):
    front.put("results", [{"operation": "corebank.move", "after_s": 5}])

    refused(front.control("PUT", "results", plan), status, *told)

    assert front.get("results")["results"] == [{"operation": "corebank.move", "after_s": 5}]
