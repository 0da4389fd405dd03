"""Traces: the same spans on every host, under the application's own id, nested as it happened."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from core.adapters.http import TRACEPARENT, HttpProvider
from core.errors import InputError, MachineError
from core.gateway.traces import application_of, business_ns, trace_id_of
from core.gateway.traces_export import to_collector, to_file
from core.ports.sanctions import ScreenQuery
from core.ports.trace import Trace
from core.store.records import mint
from core.wire.sanctions import SanctionsWire
from mocks.clock import ServedClock
from mocks.snapshots import Snapshot
from mocks.tenant import Tenant
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.wire import shared_stack
from scenarios.hosts.world import World
from scenarios.spans import SPANS, Spans, Subjects
from scenarios.stack import served
from scenarios.stories import find
from scenarios.stories.run import START, tell
from scenarios.stories.stage import BANK
from scenarios.watching import watched

ROOT = Path(__file__).resolve().parents[2]
PAID = "a_card_holder_draws_without_opening_an_account"
REPAID = "a_loan_is_repaid_early_and_owes_nothing"
LIMIT_S = 60.0
ID = st.from_regex(r"[A-Z][0-9a-f]{24}", fullmatch=True)


class Spanned:
    """The spans of one telling of a story."""

    def __init__(self, file):
        self.text = file.read_text(encoding="utf-8")
        self.all = [json.loads(line) for line in self.text.splitlines()]

    @property
    def calls(self):
        return [each for each in self.all if each["kind"] == "SpanKind.CLIENT"]

    @property
    def requests(self):
        return [each for each in self.all if each["kind"] == "SpanKind.SERVER"]

    @property
    def seen(self):
        """What each call was, and what its client saw of it, in the order of names."""
        return sorted(
            (each["name"], trace_of(each), *(told(each, *CALL)), each["status"]["status_code"])
            for each in self.calls
        )

    def by_id(self):
        return {each["context"]["span_id"]: each for each in self.all}


CALL = ("record", "call", "attempt", "outcome", "bank")


def told(span, *names):
    return [span["attributes"][f"loanrange.{name}"] for name in names]


def trace_of(span):
    return span["context"]["trace_id"].removeprefix("0x")


def tell_traced(name, file, host="instant", seed=7, via=""):
    """Tell a story and trace it; return its spans."""
    [story] = find((name,))
    export = to_file(file)
    token = SPANS.set(Spans(export.tracer(story=story.name)))
    try:
        ending = tell(story, seed, host, via=via)
    finally:
        SPANS.reset(token)
        export.close()
    assert ending.passed, ending.problem
    return Spanned(file)


@pytest.fixture(scope="module")
def paid(tmp_path_factory):
    """The same story on every host."""
    folder = tmp_path_factory.mktemp("spans")
    return {
        (host, via): tell_traced(REPAID, folder / f"{host}{via}", host, via=via)
        for host, via in (("instant", ""), ("virtual", ""), ("wall", "flow"), ("wall", ""))
    }


# Ids


@given(ID)
def test_an_id_is_read_back_from_its_trace(subject):
    trace_id = trace_id_of(subject)

    assert len(trace_id) == 32
    assert trace_id.endswith(subject[1:])
    assert application_of(trace_id) == subject


@given(ID, ID)
def test_two_ids_have_two_traces(one, other):
    assert (trace_id_of(one) == trace_id_of(other)) == (one == other)


@pytest.mark.parametrize("foreign", ["", "0" * 32, "f" * 32, trace_id_of("A" + "0" * 24)[:-1]])
def test_a_trace_that_is_none_of_ours_is_about_nobody(foreign):
    assert application_of(foreign) == ""


def test_what_has_no_id_has_a_trace_of_its_own():
    one, other = trace_id_of("day/daopu/2020-07-01"), trace_id_of("day/daopu/2020-07-02")

    assert one != other
    assert len(one) == 32
    assert application_of(one) == ""


def test_business_time_is_eight_hours_ahead_of_greenwich():
    # 2020-07-01T00:00+08:00 is 1593532800 (date -d 2020-07-01T00:00+08:00 +%s).
    assert business_ns(START, 0.0) == 1_593_532_800 * 10**9
    assert business_ns(START, 86_400.000_001) == (1_593_532_800 + 86_400) * 10**9 + 1_000


# Stories


def test_the_trace_is_the_application(paid):
    spans = paid["instant", ""]
    named = {told(each, "record")[0] for each in spans.calls}
    [application] = [name for name in named if name.startswith("A")]
    steps = {told(each, "call")[0] // 100 for each in spans.calls if is_in(each, application)}

    assert steps == {4, 5, 6, 7, 8, 9}  # from the decision to what came after the loan
    assert {application_of(trace_of(each))[:1] for each in spans.calls} == {"A", "V", ""}


def is_in(span, subject):
    return application_of(trace_of(span)) == subject


def test_a_drawdown_and_a_repayment_are_in_the_trace_of_their_application(paid):
    for spans in paid.values():
        letters = {
            told(each, "record")[0][:1]
            for each in spans.calls
            if application_of(trace_of(each)).startswith("A")
        }
        assert letters >= {"A", "D", "J", "R"}


def test_every_host_has_the_same_calls_with_the_same_outcomes(paid):
    instant = paid["instant", ""].seen

    assert len(instant) > 100
    assert paid["virtual", ""].seen == instant
    assert paid["wall", "flow"].seen == instant


def test_through_the_gateway_an_application_has_the_same_calls(paid):
    def own(spans):
        return [each for each in spans.seen if application_of(each[1]).startswith("A")]

    straight, through = paid["instant", ""], paid["wall", ""]
    more = [each[0] for each in through.seen if each not in straight.seen]

    assert own(through) == own(straight)
    assert set(more) == {"wechat.login", "wechat.user_keys"}  # of visits, each with a channel


def test_a_seed_has_its_spans(tmp_path, paid):
    again = tell_traced(REPAID, tmp_path / "again")
    other = tell_traced(REPAID, tmp_path / "other", seed=8)

    assert again.text == paid["instant", ""].text
    assert not {trace_of(each) for each in other.calls if is_loan(each)} & {
        trace_of(each) for each in again.calls if is_loan(each)
    }


def is_loan(span):
    return application_of(trace_of(span)).startswith("A")


def test_no_two_spans_of_a_story_have_one_id(paid):
    for spans in paid.values():
        assert len(spans.by_id()) == len(spans.all)


def test_the_instant_host_tells_business_time(paid):
    first, *_, last = paid["instant", ""].calls

    assert first["start_time"] == "2020-06-30T16:00:00.000000Z"
    assert last["end_time"] > "2020-08"
    assert all(each["start_time"] <= each["end_time"] for each in paid["instant", ""].calls)


def test_a_failed_call_is_an_error_and_its_repetition_another_span(tmp_path):
    spans = tell_traced("a_time_out_of_carrier_and_bureau_is_asked_again", tmp_path / "spans")
    failed = [each for each in spans.calls if each["status"]["status_code"] == "ERROR"]

    assert failed
    assert {told(each, "outcome")[0] for each in failed} == {"TimedOut"}
    for each in failed:
        name, call, attempt = each["name"], *told(each, "call", "attempt")
        again = [other for other in spans.calls if told(other, "call") == [call]]
        assert attempt + 1 in [told(other, "attempt")[0] for other in again], name
    assert len(spans.by_id()) == len(spans.all)


# Nesting


def test_every_call_of_a_request_lies_inside_it(paid):
    spans = paid["wall", ""]
    by_id = spans.by_id()
    inside = [each for each in spans.calls if each["parent_id"] is not None]

    assert len(inside) > 30
    for each in inside:
        request = by_id[each["parent_id"]]
        assert request["kind"] == "SpanKind.SERVER"
        assert trace_of(request) == trace_of(each)
        assert request["start_time"] <= each["start_time"] <= each["end_time"]
        assert each["end_time"] <= request["end_time"]


def test_only_the_days_ends_are_nobodys_request(paid):
    alone = [each for each in paid["wall", ""].calls if each["parent_id"] is None]

    assert {told(each, "call")[0] // 100 for each in alone} == {9}


def test_a_step_that_asked_goes_on_under_the_request_that_answered(paid):
    spans = paid["wall", ""]
    drawn = [each for each in spans.requests if each["name"].endswith("/drawdowns")]
    under = {
        each["context"]["span_id"]: [
            call["name"] for call in spans.calls if call["parent_id"] == each["context"]["span_id"]
        ]
        for each in drawn
    }

    assert [each["attributes"]["http.response.status_code"] for each in drawn] == [202, 201]
    first, second = under.values()
    assert "face.start" in first
    assert "corebank.disburse" in second
    assert not set(first) & set(second)


def test_a_request_is_named_after_its_template(paid):
    for each in paid["wall", ""].requests:
        method, _, route = each["name"].partition(" ")
        assert each["attributes"]["http.request.method"] == method
        assert each["attributes"]["http.route"] == route
        assert told(each, "bank") == [BANK]
        assert "/A" not in each["name"]


def test_the_providers_are_told_which_span_asks(tmp_path):
    stack, heard = shared_stack(), []

    async def hear(request):
        heard.append(request.headers.get("traceparent"))

    clients = list(stack._clients.values())
    for client in clients:
        client.event_hooks["request"].append(hear)
    try:
        spans = tell_traced(PAID, tmp_path / "told", "wall")
        traced, heard[:] = list(heard), []
        assert tell(*find((PAID,)), 7, "wall").passed
    finally:
        for client in clients:
            client.event_hooks["request"].remove(hear)

    asked = {
        f"00-{trace_of(each)}-{each['context']['span_id'].removeprefix('0x')}-01"
        for each in spans.calls
        if not each["name"].startswith("objects.")  # which lie where they are, in process
    }
    assert set(traced) == asked
    assert set(heard) == {None}


def test_without_a_tracer_a_request_has_no_traceparent():
    heard = []

    async def answer(scope, receive, send):
        heard.append(dict(scope["headers"]).get(b"traceparent"))
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask():
        async with (
            served(answer) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            provider = HttpProvider("sanctions", SanctionsWire("key"), client, 5.0)
            person = World(7, START).people.make(BANK, 1)
            query = ScreenQuery(person.name, person.id_number, "register")
            trace = Trace(BANK, "A", 504, 1, float("inf"), START)
            for told in ("", "00-1-2-01"):
                token = TRACEPARENT.set(told)
                with pytest.raises(Exception, match=r"sanctions\.screen"):
                    await provider.operation("screen")(trace, query)
                TRACEPARENT.reset(token)

    asyncio.run(ask())

    assert heard == [None, b"00-1-2-01"]


# Who is traced, and where spans go


def test_who_asks_for_no_tracer_has_none():
    world = World(7, START)

    assert world.spans is None
    assert not hasattr(InstantHost(world).ports, "tracer")


def test_a_tenant_that_is_traced_has_its_snapshots(tmp_path):
    export = to_file(tmp_path / "spans")
    token = SPANS.set(Spans(export.live_tracer()))
    try:
        tenant = Tenant("traced", World(7, START), ServedClock(START, 1.0, 0.0))
    finally:
        SPANS.reset(token)
    again = Snapshot.of(tenant, "one").tenant()
    export.close()

    assert again.house is not tenant.house
    assert again.house.spans is tenant.house.spans is not None


def test_where_spans_cannot_be_written_any_more_the_loan_goes_on(tmp_path, caplog):
    export = to_file(tmp_path / "spans")
    token = SPANS.set(Spans(export.tracer()))
    try:
        export.close()
        assert tell(*find((PAID,)), 7).passed
    finally:
        SPANS.reset(token)

    assert [record.message.partition(":")[0] for record in caplog.records] == ["spans are lost"]


def test_two_processes_that_serve_have_no_span_in_common(tmp_path):
    export = to_file(tmp_path / "spans")
    one, other = export.live_tracer(), export.live_tracer()
    trace_id = trace_id_of(mint("A", "one"))
    export.close()

    assert one.context(trace_id, "x", 1) != other.context(trace_id, "x", 1)


def test_a_record_nobody_knows_is_about_itself():
    subjects = Subjects({})

    assert subjects.of("D" + "0" * 24, None) == "D" + "0" * 24
    assert subjects.of("day/daopu/2020-07-01", None) == "day/daopu/2020-07-01"
    assert subjects.of("A" + "0" * 24 + "/again", None) == "A" + "0" * 24


@contextmanager
def said(words):
    """Run the command line in a process of its own; give what it says."""
    command = [sys.executable, str(ROOT / "sim.py"), *map(str, words)]
    yield subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_a_story_writes_its_spans(tmp_path):
    file = tmp_path / "one.jsonl"
    with said(["story", PAID, "--trace", file, "--out", tmp_path / "out"]) as ran:
        assert ran.returncode == 0, ran.stderr

    spans = Spanned(file)
    assert spans.text == tell_traced(PAID, tmp_path / "two").text
    assert {each["resource"]["attributes"]["loanrange.story"] for each in spans.all} == {PAID}


@contextmanager
def serving(*words):
    """Serve in a process of its own; give a client, and what it said when it ended."""
    command = [
        sys.executable,
        str(ROOT / "sim.py"),
        "serve",
        "--port",
        "0",
        "--json",
        "--seed",
        "7",
    ]
    process = subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    complaints = []
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        address = json.loads("".join(lines))["address"]
        with httpx.Client(base_url=address, timeout=10.0, trust_env=False) as client:
            yield client, complaints
    finally:
        process.send_signal(signal.SIGTERM)
        complaints.extend(process.communicate(timeout=LIMIT_S)[1].splitlines())


def log_in(client):
    """Log somebody in, and ask for what is not there; return who it is, and their token."""
    control = "/_control"
    client.post(f"{control}/clock/freeze", json={})
    person = client.post(f"{control}/people", json={"bank": BANK}).json()
    number = {"id_number": person["id_number"]}
    code = client.post(f"{control}/device/login", json=number).json()["js_code"]
    body = {"code": code, "visit": "1"}
    session = client.post(f"/api/v1/banks/{BANK}/sessions", json=body).json()
    headers = {"authorization": f"Bearer {session['token']}"}
    client.get(f"/api/v1/banks/{BANK}/applications/{person['name']}", headers=headers)
    return person, session["token"]


def test_a_server_tells_what_it_is_asked_to_tell(tmp_path):
    file = tmp_path / "spans.jsonl"
    with serving("--log", "json", "--trace", file) as (client, said_there):
        person, token = log_in(client)
        metrics = client.get("/metrics").text
    lines, spans = [json.loads(line) for line in said_there], Spanned(file)

    assert "loanrange_gateway_sessions 1.0" in metrics
    assert 'loanrange_gateway_places_in_use{bank="daopu"} 0.0' in metrics
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/api/v1/banks/{bank}/sessions", 201),
        ("/api/v1/banks/{bank}/applications/{application}", 404),
    ]
    visit = application_of(lines[1]["trace_id"])
    assert visit == mint("V", BANK, "1")
    assert [each["name"] for each in spans.calls] == ["wechat.login"]
    assert [trace_of(each) for each in spans.all] == [trace_id_of(visit)] * 3
    everything = metrics + spans.text + "".join(said_there)
    for secret in (person["name"], person["id_number"], person["openid"], token):
        assert secret not in everything


def test_a_server_that_is_asked_for_nothing_tells_nothing():
    with serving() as (client, said_there):
        log_in(client)

    assert said_there == []


@pytest.mark.parametrize("where", ["ftp://collector", "http://"])
def test_an_address_that_is_none_is_said_so(where):
    with pytest.raises(InputError, match="is no address"), watched("", where):
        raise AssertionError("it began")


def test_a_file_that_cannot_be_written_is_said_so(tmp_path):
    with pytest.raises(MachineError, match="--trace"), watched("", str(tmp_path)):
        raise AssertionError("it began")


def test_a_collector_is_sent_the_spans(tmp_path):
    got = []

    async def collect(scope, receive, send):
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        got.append((scope["path"], ExportTraceServiceRequest.FromString(body)))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def story():
        async with served(collect) as port:
            export = to_collector(f"http://127.0.0.1:{port}")
            token = SPANS.set(Spans(export.tracer(story=PAID)))
            try:
                assert tell(*find((PAID,)), 7).passed
            finally:
                SPANS.reset(token)
            await asyncio.to_thread(export.close)

    asyncio.run(story())

    sent = {
        (span.trace_id.hex(), span.span_id.hex(), span.name)
        for _, request in got
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    wrote = tell_traced(PAID, tmp_path / "spans")
    assert {path for path, _ in got} == {"/v1/traces"}
    assert sent == {
        (trace_of(each), each["context"]["span_id"].removeprefix("0x"), each["name"])
        for each in wrote.all
    }
