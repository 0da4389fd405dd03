"""What a Prometheus server reads: counts that are the journal's, in labels that stay few."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import core
from core.errors import TimedOut
from core.ports.trace import Trace
from mocks.journal import BOUNDS_S, OTHER, WORD_MAX, WORDS_MAX
from mocks.metrics import NAME_MAX, OTHERS, TENANTS_MAX
from mocks.snapshots import Snapshot
from mocks.tenant import Tenants
from scenarios.stack import app_of
from tests.mocks.rest_kit import START, asking, refused, serving
from tests.mocks.snapshot_kit import (
    Bank,
    ask_carrier,
    check_face_in_app,
    check_identity,
    lend,
    log_in,
    make_tenant,
    opened,
    plan_fault,
    read_card,
    send_message,
)

CALLS, BILLED = "loanrange_calls_total", "loanrange_billed_calls_total"
TOOK, JOURNAL = "loanrange_call_business_seconds", "loanrange_journal_calls"
PEOPLE, FAULTS = "loanrange_people", "loanrange_planned_faults"
ASKED = (ask_carrier, check_face_in_app, check_identity, lend, log_in, read_card, send_message)
LATE = {"provider": "wechat", "kind": "delay"}
TRACE = Trace("bozhi", "a-1", 1, 1, float("inf"), START)


@pytest.fixture(scope="module")
def shared():
    with opened() as front:
        yield front


@pytest.fixture
def front(shared):
    for name in [tenant.name for tenant in shared.tenants]:
        shared.tenants.close(name)
    shared.tenants.open("default")
    return shared


class Scraped:
    """What one scrape told."""

    def __init__(self, front):
        answer = front.client.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.text = answer.text
        self.families = list(text_string_to_metric_families(answer.text))
        self.samples = [sample for family in self.families for sample in family.samples]

    def of(self, name, **labels):
        """Return the samples of a name and of these labels, each a pair of labels and value."""
        return [
            (sample.labels, sample.value)
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def sum(self, name, **labels):
        return sum(value for _, value in self.of(name, **labels))


def note(tenant, operation="wechat.login", seen="done", began_s=None):
    answer = SimpleNamespace(verdict=seen) if isinstance(seen, str) else seen
    tenant.note(operation, TRACE, answer, began_s)


def busy(front):
    """Have a bank ask for this and that, with a fault or two among it."""
    bank = Bank(front)
    for n, person in enumerate(bank.people, 1):
        plan_fault(bank, person, n)
        for act in ASKED:
            act(bank, person, n)
    return bank


# ---------------------------------------------------------------------------------- what is told


def test_calls_are_those_of_the_journal_and_bills_those_of_the_invoice(front):
    busy(front)

    told, journal = Scraped(front), front.get("journal")["calls"]
    calls = {
        (f"{each['provider']}.{each['operation']}", each["outcome"]): count
        for each, count in told.of(CALLS, tenant="default")
    }
    billed = {
        f"{each['provider']}.{each['operation']}": count
        for each, count in told.of(BILLED, tenant="default")
    }

    assert calls == Counter((call["operation"], call["seen"]) for call in journal)
    assert {"ServerFailed", "ok", "face.IdCardVerification", "corebank.disburse"} <= {
        word for key in calls for word in key
    }
    assert billed == front.get("invoice")["billed"] != {}


def test_calls_are_counted_on_when_the_journal_lets_go(front):
    for _ in range(2_010):
        note(front.tenant)

    told = Scraped(front)

    assert (told.sum(CALLS), told.sum(JOURNAL)) == (2_010, 2_000)


def test_people_and_planned_faults_are_told_as_they_stand(front):
    before = Scraped(front).sum(PEOPLE)
    front.post("people")
    front.put(
        "faults",
        [
            {"provider": "ocr", "kind": "drop"},
            {"provider": "corebank", "kind": "drop"},
            {"provider": "corebank", "kind": "file_late"},
        ],
    )

    told = Scraped(front)

    assert told.sum(PEOPLE) == before + 1
    assert told.sum(FAULTS, provider="ocr") == 1
    assert told.sum(FAULTS, provider="corebank") == 2
    assert told.sum(FAULTS, provider="face") == 0


def test_every_metric_says_what_it_is_and_who_tells_it(front):
    note(front.tenant, began_s=front.tenant.now_s)
    front.tenant.billed["ocr.card_front"] += 1

    told = Scraped(front)

    assert {family.name: family.type for family in told.families} == {
        "loanrange_build_info": "gauge",
        "loanrange_calls": "counter",
        "loanrange_billed_calls": "counter",
        TOOK: "histogram",
        JOURNAL: "gauge",
        PEOPLE: "gauge",
        FAULTS: "gauge",
    }
    assert all(family.documentation for family in told.families)
    assert told.of("loanrange_build_info") == [({"version": core.__version__}, 1.0)]


# ------------------------------------------------------------------------------ how long it took


def test_how_long_calls_took_stands_in_buckets_that_add_up_on_a_moved_clock(front):
    person = front.post("people")
    waits_s = [0.0, 0.75, 50.0, 1_000.0]
    for wait_s in waits_s:
        planned = {**LATE, "extra_s": wait_s}
        front.put("faults", [planned] if wait_s else [])
        late = threading.Thread(target=ask_to_log_in, args=(front, person))
        late.start()
        while late.is_alive():
            front.post("clock/advance", seconds=wait_s / 16)  # a power of two: sums are exact
        late.join()

    told = Scraped(front)
    buckets = {
        float(labels["le"]): count for labels, count in told.of(f"{TOOK}_bucket", provider="wechat")
    }

    assert [*buckets] == [*BOUNDS_S, float("inf")]
    assert buckets == {bound: sum(wait_s <= bound for wait_s in waits_s) for bound in buckets}
    assert told.sum(f"{TOOK}_count", provider="wechat") == len(waits_s)
    assert told.sum(f"{TOOK}_sum", provider="wechat") == sum(waits_s)
    assert told.sum(CALLS, operation="login", outcome="unknown") == len(waits_s)


def ask_to_log_in(front, person, timeout=5.0):
    """Log in with a code that is none: one call, which always has an answer."""
    known = front.tenant.credentials
    query = {"appid": known.appid, "secret": known.app_secret, "js_code": person["openid"]}
    query["grant_type"] = "authorization_code"
    answer = front.client.get("/sns/jscode2session", params=query, timeout=timeout)
    assert answer.json()["errcode"] == 40029


def test_a_call_that_gets_no_answer_takes_as_long_as_our_own_clients_wait(front):
    front.put("faults", [{"provider": "wechat", "kind": "drop"}])
    limit_s = front.tenant.house.lines["wechat"].profile.timeout_ms / 1000
    with pytest.raises(httpx.ReadTimeout):
        ask_to_log_in(front, {"openid": "o-1"}, timeout=0.2)
    assert Scraped(front).of(CALLS) == []

    front.post("clock/advance", seconds=limit_s)

    told = Scraped(front)
    assert told.sum(CALLS, outcome="TimedOut") == 1
    assert told.sum(f"{TOOK}_sum", provider="wechat") == limit_s


@pytest.mark.parametrize("place", [0, 3, len(BOUNDS_S) - 1])
def test_a_bound_is_part_of_its_bucket_and_what_is_above_is_not(front, place):
    tenant, bound = front.tenant, BOUNDS_S[place]
    tenant.tally.count("ocr.card_front", TimedOut, bound)
    tenant.tally.count("ocr.card_front", TimedOut, bound * 1.001)

    counts = [count for _, count in Scraped(front).of(f"{TOOK}_bucket", provider="ocr")]

    assert counts == [0] * place + [1] + [2] * (len(BOUNDS_S) - place)


# ------------------------------------------------------------------------------- labels stay few


def test_more_tenants_than_there_are_labels_for_are_added_up_and_none_is_lost(front):
    for number in range(TENANTS_MAX + 5):
        note(front.tenants.open(f"t-{number}"), seen="done", began_s=0.0)
    front.tenants.get("t-104").billed["ocr.licence"] += 1
    front.tenants.get("t-103").billed["ocr.licence"] += 1

    told = Scraped(front)
    labels = {sample.labels["tenant"] for sample in told.samples if "tenant" in sample.labels}

    assert len(labels) == TENANTS_MAX + 1
    assert {"default", "t-98", OTHERS} <= labels
    assert told.of(CALLS, tenant=OTHERS)[0][1] == 6
    assert told.sum(CALLS) == told.sum(f"{TOOK}_count") == TENANTS_MAX + 5
    assert told.of(BILLED) == [({"tenant": OTHERS, "provider": "ocr", "operation": "licence"}, 2.0)]
    front.post("reset")
    assert Scraped(front).sum(JOURNAL, tenant="default") == 0
    assert Scraped(front).of(JOURNAL, tenant="default") != []


def test_a_tenant_with_a_very_long_name_has_no_label_of_its_own(front):
    fits, too_long = "x" * NAME_MAX, "x" * (NAME_MAX + 1)
    for name in (fits, too_long):
        front.client.put(f"/_control/tenants/{name}").raise_for_status()
        note(front.tenants.get(name))

    told = Scraped(front)

    assert [labels["tenant"] for labels, _ in told.of(CALLS)] == [OTHERS, fits]
    assert too_long not in told.text


def test_words_that_nobody_knows_are_counted_under_one_name_when_they_are_many(front):
    for number in range(WORDS_MAX + 500):
        note(front.tenant, seen=f"word {number}")
    note(front.tenant, seen="word 0")
    note(front.tenant, "ocr.card_front", seen="x" * (WORD_MAX + 1))

    told = Scraped(front)

    assert len(told.of(CALLS, operation="login")) == WORDS_MAX + 1
    assert told.sum(CALLS, operation="login", outcome=OTHER) == 500
    assert told.sum(CALLS, operation="login", outcome="word 0") == 2
    assert told.of(CALLS, operation="card_front")[0][0]["outcome"] == OTHER
    assert told.sum(CALLS) == WORDS_MAX + 502


def test_a_word_that_would_break_the_text_is_read_back_as_it_was(front):
    note(front.tenant, seen='a "quoted"\nword\\')

    assert [labels["outcome"] for labels, _ in Scraped(front).of(CALLS)] == ['a "quoted"\nword\\']


def test_nothing_of_a_person_is_told(front):
    bank = busy(front)

    text = Scraped(front).text

    for person in bank.people:
        private = (person.key, person.name, person.openid, person.phone.text)
        cards = [card.number.text for card in person.cards]
        for told in (*private, person.id_number.text, *cards):
            assert told not in text
    assert not re.search(r"\d{15}", text)


# ---------------------------------------------------------------------------- what a tenant is over


def test_a_tenant_that_begins_anew_counts_anew_and_no_other_does(front):
    other = front.tenants.open("other")
    note(front.tenant, began_s=0.0)
    note(other, began_s=0.0)

    front.post("reset")

    told = Scraped(front)
    for name in (CALLS, f"{TOOK}_count"):
        assert [labels["tenant"] for labels, _ in told.of(name)] == ["other"]
    front.delete("tenants/other")
    assert "other" not in Scraped(front).text


def test_a_tenant_that_goes_back_counts_from_what_it_then_had(front):
    bank = busy(front)
    before = Scraped(front).text
    front.snapshot()
    log_in(bank, bank.people[0], 3)
    assert Scraped(front).text != before

    front.restore()

    assert Scraped(front).text == before


def test_who_scrapes_disturbs_nothing(front):
    bank = busy(front)
    before = Snapshot.of(front.tenant, "before").content

    texts = {Scraped(front).text for _ in range(3)}

    assert len(texts) == 1
    assert Snapshot.of(front.tenant, "after").content == before
    assert len(front.tenant.house.people) >= len(bank.people)


# ------------------------------------------------------------------------------ who may come in


def test_who_has_no_token_is_turned_away_where_one_is_set():
    with (
        serving(app_of(Tenants(make_tenant), token="open sesame")) as url,
        asking(url) as client,
    ):
        refused(client.get("/metrics"), 401, "x-loanrange-token")
        refused(client.get("/metrics", headers={"x-loanrange-token": "hello"}), 401)
        right = {"x-loanrange-token": "open sesame"}
        assert "loanrange_build_info" in client.get("/metrics", headers=right).text


def test_who_is_on_another_machine_is_turned_away_where_no_token_is_set():
    transport = httpx.ASGITransport(app_of(Tenants(make_tenant)), client=("203.0.113.9", 1))

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
            return await client.get("/metrics")

    refused(asyncio.run(ask()), 403, "loopback only")


def test_it_is_read_by_get_alone_and_at_one_path(front):
    refused(front.client.get("/metrics/more"), 404)
    no = front.client.post("/metrics")
    refused(no, 405)
    assert "GET" in no.headers["allow"]
