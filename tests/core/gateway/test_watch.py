"""What whoever runs the gateway is told: of a whole loan, of a flood, and of nobody."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re

import httpx
import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from core.gateway.app import ROUTES, gateway_app
from core.gateway.limits import FREE, Limits, Rate, Rules
from core.gateway.logs import LOG, masked, stop, write_to
from core.gateway.metrics import BOUNDS_S, CLASSES, CODES, METHODS, OTHER, STEPS
from core.gateway.problems import PROBLEMS
from core.gateway.reception import Reception
from core.gateway.traces import trace_id_of
from core.gateway.traces_export import to_file
from core.gateway.watch import Templates
from core.identity import CardNumber, IdNumber
from scenarios.hosts.wall import WallHost
from scenarios.hosts.wire import WireHost, shared_stack
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.spans import SPANS, Spans
from scenarios.stories.run import START
from scenarios.stories.stage import BANK, Stage

BASE = "/api/v1"
STEPS_OF_A_LOAN = {"enter", "register", "authorise", "apply", "open_account", "sign", "draw_down"}


class Loan:
    """A loan over HTTP, sealed, from the login to the payout, and what was told of it."""

    def __init__(self, folder):
        export = to_file(folder / "spans.jsonl")
        log = io.StringIO()
        handlers = [write_to(log, "json"), write_to(log_text := io.StringIO(), "text")]
        token = SPANS.set(Spans(export.tracer("a loan")))
        try:
            stack = shared_stack()
            host = WireHost(World(7, START, copying=True), stack)
            self.stage = Stage(host, host)
            self.person = self.stage.person(holds_card=False)
            phone = Phone.of(host, self.person, BANK, Wish(amount_fen=200_000), "1")
            program = host.mini_program(phone)
            self.ending = host.run(program.journey(self.stage.product()))
            self.token = program._line.token
            self.metrics = stack.run(stack.control.get("/metrics")).text
        finally:
            SPANS.reset(token)
            for handler in handlers:
                stop(handler)
            export.close()
        self.log, self.log_text = log.getvalue(), log_text.getvalue()
        self.spans = (folder / "spans.jsonl").read_text(encoding="utf-8")

    @property
    def lines(self):
        return [json.loads(line) for line in self.log.splitlines()]

    @property
    def told(self):
        """Everything that was told, by where."""
        return {
            "the metrics": self.metrics,
            "the log": self.log,
            "the log as text": self.log_text,
            "the spans": self.spans,
        }

    @property
    def secrets(self):
        """What is about the customer, and what opens anything."""
        person, tables = self.person, self.stage.world.store.tables
        accounts = {
            record.account
            for table in tables.values()
            for record in table.values()
            if getattr(record, "account", "")
        }
        assert accounts
        own = [person.name, person.id_number.text, person.phone.text, person.openid, self.token]
        cards = [each.text for each in vars_of(person) if isinstance(each, CardNumber)]
        return sorted({*own, *cards, *accounts})


def vars_of(person):
    return [getattr(person, name, None) for name in dir(person) if not name.startswith("_")]


def found_in(told, secrets):
    """Return where which secret stands."""
    return [(place, secret) for place, text in told.items() for secret in secrets if secret in text]


@pytest.fixture(scope="module")
def loan(tmp_path_factory):
    made = Loan(tmp_path_factory.mktemp("loan"))
    assert made.ending.outcome == "done"
    return made


def families(text):
    return {each.name: each for each in text_string_to_metric_families(text)}


def samples(text, name, **labels):
    """Return (labels, value) of the samples of a name."""
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


# A whole loan


def test_nothing_of_a_customer_is_told(loan):
    assert found_in(loan.told, loan.secrets) == []


def test_whatever_is_planted_is_found(loan):
    for place in loan.told:
        for secret in loan.secrets:
            planted = {**loan.told, place: loan.told[place] + f"x={secret};"}
            assert found_in(planted, loan.secrets) == [(place, secret)]


def test_every_step_of_the_loan_is_counted_once_done(loan):
    done = samples(loan.metrics, "loanrange_gateway_steps_total", bank=BANK, outcome="done")
    asked = samples(loan.metrics, "loanrange_gateway_steps_total", bank=BANK, outcome="asks")

    assert {labels["step"] for labels, _ in done} >= STEPS_OF_A_LOAN
    assert {labels["step"] for labels, _ in asked} >= STEPS_OF_A_LOAN - {"enter", "register"}


def test_a_sealed_request_is_told_of_as_what_was_in_its_envelope(loan):
    routes = {line["route"] for line in loan.lines}
    drawn = [line for line in loan.lines if line["route"].endswith("/drawdowns")]

    assert f"{BASE}/sealed" not in routes
    assert [line["status"] for line in drawn][-1] == 201
    assert all(line["sealed"] and line["session"] for line in drawn)
    assert not next(line for line in loan.lines if line["route"].endswith("/sessions"))["sealed"]


def test_the_log_is_one_line_of_json_a_request(loan):
    requests = samples(loan.metrics, "loanrange_gateway_requests_total")
    fields = {"time", "level", "logger", "message", "method", "route", "status", "took_ms"}
    fields |= {"bank", "problem", "code", "sealed", "trace_id", "session"}

    assert len(loan.lines) == len(loan.log_text.splitlines()) > 15
    assert len(loan.lines) <= sum(value for _, value in requests)  # other tests share the stack
    assert all(set(line) == fields for line in loan.lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z", line["time"]) for line in loan.lines)
    assert {line["bank"] for line in loan.lines} == {BANK}


def test_the_log_names_the_trace_of_the_application(loan):
    [application] = [line for line in loan.lines if line["route"].endswith("/line")]

    assert application["trace_id"] == trace_id_of(loan.ending.application)
    assert application["trace_id"] in loan.spans


def test_the_metrics_keep_prometheus_own_rules(loan):
    own = {name: each for name, each in families(loan.metrics).items() if "_gateway_" in name}

    assert len(own) == 11
    for name, family in own.items():
        assert re.fullmatch(r"loanrange_gateway_[a-z_]+", name)
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "histogram")
        assert not name.endswith(("_total", "_count", "_bucket"))
        assert name.endswith("_seconds") == (family.type == "histogram")


def test_a_histogram_adds_up_and_ends_in_all(loan):
    name = "loanrange_gateway_request_seconds"
    route = f"{BASE}/banks/{{bank}}/sessions"
    buckets = samples(loan.metrics, f"{name}_bucket", route=route, method="POST")
    [(_, count)] = samples(loan.metrics, f"{name}_count", route=route, method="POST")
    counts = [value for _, value in buckets]

    assert [labels["le"] for labels, _ in buckets] == [*(str(each) for each in BOUNDS_S), "+Inf"]
    assert counts == sorted(counts)
    assert counts[-1] == count >= 1


# A gateway of its own, asked in process: what is measured is the door, not the wire


class Gateway:
    """A gateway and its only platform."""

    def __init__(self, rules=FREE, **world):
        self.host = WallHost(World(7, START, **world))
        self.stage = Stage(self.host)
        limits = Limits(rules)
        self.reception = Reception(self.stage.platform, limits=limits, quiet=True)
        self.door = gateway_app(lambda name: self.reception if not name else None)
        self.door.watch.metrics.receptions = lambda: [self.reception]
        transport = httpx.ASGITransport(self.door, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    async def log_in(self, person, visit="1"):
        phone = Phone.of(self.host, person, BANK, Wish(), visit)
        body = {"code": await phone.login_code(), "visit": visit}
        return await self.client.post(f"{BASE}/banks/{BANK}/sessions", json=body)

    @property
    def metrics(self):
        return generate_latest(self.door.watch.metrics).decode()

    def of(self, name, **labels):
        return samples(self.metrics, f"loanrange_gateway_{name}", **labels)


def test_made_up_paths_banks_and_methods_make_no_label():
    gateway = Gateway()
    methods = ["GET", "POST", "BREW", "PROPFIND", "DELETE", "PUT"]

    async def flood():
        before = None
        for number in range(600):
            paths = [
                f"{BASE}/banks/made-up-{number}/products",
                f"{BASE}/banks/{BANK}/applications/A{number:024x}/line",
                f"{BASE}/staff/banks/x{number}/applications/{number}",
                f"{BASE}/problems/p-{number}",
                f"/api/{number}/" + "a/" * (number % 40),
                f"{BASE}/banks/%7Bbank%7D/{number}",
                f"{BASE}/banks/{'长' * 50}{number}",
                f"{BASE}//banks/{BANK}/{number}/None",
            ]
            headers = {"authorization": f"Bearer {number}"} if number % 3 else {}
            method = methods[number % 6]
            await gateway.client.request(method, paths[number % 8], headers=headers)
            if number == 299:
                before = len(gateway.metrics.splitlines())
        return before

    before = asyncio.run(flood())
    routes = {f"{BASE}{route.path}" for route in ROUTES} | {OTHER, "/api/openapi.json"}
    banks = set(gateway.stage.world.banks) | {OTHER, "none"}
    counted = gateway.of("requests_total")

    assert sum(value for _, value in counted) == 600
    assert len(gateway.metrics.splitlines()) == before
    for labels, _ in counted:
        assert labels["bank"] in banks
        assert labels["route"] in routes
        assert labels["method"] in METHODS | {OTHER}
        assert labels["status"] in CLASSES
    assert {labels["problem"] for labels, _ in gateway.of("problems_total")} <= set(PROBLEMS)
    assert {labels["bank"] for labels, _ in counted} == {BANK, OTHER, "none"}


def test_an_unknown_code_is_other():
    gateway = Gateway()
    metrics, route = gateway.door.watch.metrics, f"{BASE}/banks/{{bank}}/sessions"
    for number in range(50):
        metrics.problem(BANK, route, "POST", "refused", f"R{number}x")
        metrics.problem(BANK, route, "POST", f"made-up-{number}", "")
    metrics.problem(BANK, route, "POST", "refused", "R101")

    steps = gateway.of("steps_total")
    assert {labels["code"]: value for labels, value in steps} == {OTHER: 50, "R101": 1}
    assert "R101" in CODES
    assert set(STEPS.values()) >= STEPS_OF_A_LOAN
    assert {labels["problem"] for labels, _ in gateway.of("problems_total")} == {"refused", OTHER}


def test_a_no_is_counted_by_its_outward_code():
    gateway = Gateway()

    async def ask():
        body = {"code": "no such code", "visit": "1"}
        return await gateway.client.post(f"{BASE}/banks/{BANK}/sessions", json=body)

    assert asyncio.run(ask()).json()["code"] == "R101"
    told = {"bank": BANK, "step": "enter", "outcome": "refused", "code": "R101"}
    assert gateway.of("steps_total") == [(told, 1)]
    assert gateway.of("problems_total") == [({"bank": BANK, "problem": "refused"}, 1)]


def test_a_step_that_is_put_off_is_counted_as_such():
    gateway = Gateway(outages={"wechat": [(0.0, 1e9)]})

    assert asyncio.run(gateway.log_in(gateway.stage.person())).status_code == 503
    told = {"bank": BANK, "step": "enter", "outcome": "later", "code": ""}
    assert gateway.of("steps_total") == [(told, 1)]


def test_a_limit_that_refuses_is_counted():
    gateway = Gateway(FREE._replace(logins=Rate(0, 1)))

    async def ask():
        for visit in ("1", "2", "3"):
            answer = await gateway.log_in(gateway.stage.person(), visit)
        return answer.status_code

    assert asyncio.run(ask()) == 429
    told = [({"bank": BANK, "problem": "too-often"}, 2)]
    assert gateway.of("limited_requests_total") == told


def test_who_is_logged_in_and_who_waits_is_told_as_it_stands():
    gateway = Gateway(Rules(places=1))

    async def look():
        await gateway.log_in(gateway.stage.person())
        limits = gateway.reception.limits
        async with limits.place(BANK):
            waiting = asyncio.ensure_future(gateway.client.get(f"{BASE}/banks/{BANK}"))
            await asyncio.sleep(0.01)
            held = [gateway.of(name) for name in ("places_in_use", "requests_waiting")]
        await waiting
        return held, [gateway.of(name) for name in ("places_in_use", "requests_waiting")]

    during, after = asyncio.run(look())

    assert during == [[({"bank": BANK}, 1)], [({"bank": BANK}, 1)]]
    assert after == [[({"bank": BANK}, 0)], [({"bank": BANK}, 0)]]
    assert gateway.of("sessions") == [({}, 1)]
    assert gateway.of("channels") == [({}, 0)]
    assert gateway.of("conversations") == [({}, 0)]


def test_a_client_that_goes_away_is_counted_as_gone():
    gateway = Gateway()
    scope = {"type": "http", "method": "POST", "path": f"{BASE}/banks", "headers": []}

    async def go():
        async def gone():
            return {"type": "http.disconnect"}

        await gateway.door({**scope, "query_string": b""}, gone, None)

    asyncio.run(go())

    assert [labels["status"] for labels, _ in gateway.of("requests_total")] == ["gone"]


def test_a_template_is_found_whatever_stands_in_its_place():
    templates = Templates(f"{BASE}{route.path}" for route in ROUTES)

    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "anything", f"{BASE}{route.path}")
        assert templates.find(path) == f"{BASE}{route.path}"
    for path in ("", "/", BASE, f"{BASE}/banks//products", f"{BASE}/banks/a/b", "/" * 500):
        assert templates.find(path) == OTHER


# The log


@pytest.fixture
def logged():
    """Log what is asked for; return how to read it."""
    opened = []

    def begin(style):
        stream = io.StringIO()
        opened.append(write_to(stream, style))
        return stream

    yield begin
    for handler in opened:
        stop(handler)


ID = "320102199003078510"
PLANTED = [
    ID,
    ID[:-1] + "5",  # mistyped: a birth date stands in it all the same
    f"身份证{ID}号",
    "320102 19900307 8510",
    "320102900307851",
    "13912345678",
    "phone=13912345678,",
    "+8613912345678",
    "139-1234-5678",
    "6222021234567890128"[:-1],
    "Bearer abc.def-ghi",
    "bearer 0123456789",
    "a" * 64,
    "oAbCdEfGhIjKlMnOpQrStUvWxYz0",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
]


def plants():
    """Return texts with somebody's number in them, each with what must not be read."""
    body = "622202123456789"
    card = next(f"{body}{n}" for n in range(10) if _is_card(f"{body}{n}"))
    kept = [each for each in PLANTED if not each.startswith("6222")]
    spaced = f"{card[:4]} {card[4:8]} {card[8:12]} {card[12:]}"
    return [*kept, card, spaced, f"[{card}]"]


def _is_card(text):
    try:
        CardNumber(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("planted", plants())
def test_what_looks_like_somebodys_is_starred(planted, logged):
    stream = logged("text")
    LOG.info("told of %s", planted)
    LOG.info("fields", extra={"watched": {"said": f"x {planted} y", "status": 200}})
    try:
        raise ValueError(f"about {planted}")
    except ValueError:
        LOG.exception("it broke")

    told = stream.getvalue()
    assert told.count("***") == 3
    long = [run for run in re.findall(r"[\w-]{8,}", planted) if run.lower() != "bearer"]
    assert [run for run in long if run in told] == []
    assert "ValueError" in told


def test_the_planted_id_number_is_one():
    assert IdNumber(ID).text == ID


@pytest.mark.parametrize(
    "plain",
    [
        "Affc75f0d3a1b2c3d4e5f6a7b8c",
        "D139123456780000000000000",
        trace_id_of("A139123456781391234567800"),
        "2020-07-01 10:00:00.123",
        "amount 5000000 fen",
        "1605500000123456789",  # nanoseconds: no card's check digit
        "12345678901",
        "a_route/{application}/drawdowns",
        "other-application-of-nobodies",
    ],
)
def test_what_is_nobodys_is_left(plain):
    assert masked(plain) == plain


def test_nobody_is_told_who_did_not_ask(capfd):
    gateway = Gateway()

    async def ask():
        gateway.reception.platform.products = None
        return (await gateway.client.get(f"{BASE}/banks/{BANK}/products")).status_code

    assert asyncio.run(ask()) == 500
    assert capfd.readouterr() == ("", "")


def test_without_a_style_warnings_alone_are_told(logged):
    gateway, stream = Gateway(), logged("")
    gateway.reception.quiet = False

    async def ask():
        await gateway.client.get(f"{BASE}/banks")
        await gateway.client.get(f"{BASE}/banks/none")
        gateway.reception.platform.products = None
        await gateway.client.get(f"{BASE}/banks/{BANK}/products")

    asyncio.run(ask())

    broke, line = stream.getvalue().splitlines()
    assert "GET /api/v1/banks/daopu/products broke: AttributeError" in broke
    assert " ERROR " in line
    assert "route=/api/v1/banks/{bank}/products status=500" in line
    assert "problem=broken" in line


def test_a_query_a_body_and_a_made_up_path_are_not_told(logged):
    gateway, stream = Gateway(), logged("json")

    async def ask():
        path = f"{BASE}/banks/somebody-s-name?name=Zhang"
        await gateway.client.post(path, json={"secret": "Wang"}, headers={"x-name": "Li"})

    asyncio.run(ask())

    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["problem"] == "not-allowed"
    assert [word for word in ("Zhang", "Wang", "Li", "somebody") if word in line] == []


def test_what_cannot_be_told_is_answered_all_the_same(logged):
    gateway, stream = Gateway(), logged("text")
    gateway.door.watch.metrics.count = None

    assert asyncio.run(gateway.client.get(f"{BASE}/banks")).status_code == 200
    assert "a request could not be told of" in stream.getvalue()
    assert "TypeError" in stream.getvalue()


def test_a_log_that_is_stopped_is_silent_again(logged, capfd):
    handler = write_to(io.StringIO(), "json")
    stop(handler)

    assert not LOG.isEnabledFor(logging.INFO)
    LOG.warning("nobody hears this")
    assert capfd.readouterr() == ("", "")
