"""The front on a real port: what a line shows, byte by byte, and how a server begins and ends."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.http import baggage_of
from core.errors import InputError, MachineError, TimedOut, Unreachable, Unreadable
from core.ports.trace import Trace
from mocks import app as module
from mocks.app import ABORT, PIECES, SEEN_HEADER, App, slowly
from mocks.clock import ServedClock
from mocks.line import SEEN, Fault, FaultKind, Phase
from mocks.rest_values import CODE_EXAMPLE
from mocks.tenant import CROSSING, Crossing, NoAnswer
from mocks.wire import BODY_MAX, Reply, Request
from scenarios import stack
from scenarios.stack import HEAD_MAX, Embedded, app_of, listen, served
from tests.mocks.rest_kit import BANK, NINE, START, tenants

K, P = FaultKind, Phase
PROBLEM = "application/problem+json"
JSON = "application/json"
OURS = baggage_of(Trace(BANK, "A1", 501, 1, 90_000.0, START))
VISIT = f"{OURS},lr.visit=7"
GARBAGE = b"\x00\xffgarbage{"
RESET, GOODBYE = "reset", "goodbye"
TURNS = 5_000  # milliseconds, at least, after which what does not come is called missing


async def until(is_so):
    for _ in range(TURNS):
        if is_so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come to that")


def asked(method, path, body=None, /, **headers):
    """Return a request's bytes; ``body`` gives it a length."""
    lines = [f"{method} {path} HTTP/1.1", "host: x"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Answer:
    """An answer's parts as they came."""

    def __init__(self, head, body):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = dict(line.split(": ", 1) for line in lines)
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Line:
    """A connection by hand, which shows what comes as it comes."""

    def __init__(self, sock):
        self.sock, self._heard = sock, b""
        self._loop = asyncio.get_running_loop()

    async def say(self, *parts):
        for part in parts:
            await self._loop.sock_sendall(self.sock, part)

    async def hear(self, size=None):
        """Return what comes next: ``size`` bytes, or as much as there is; nothing at the end."""
        if not self._heard:
            self._heard = await self._loop.sock_recv(self.sock, 1 << 20)
        while size is not None and len(self._heard) < size:
            self._heard += await self._some()
        said, self._heard = self._heard[:size], self._heard[len(self._heard[:size]) :]
        return said

    async def head(self):
        """Return the head of an answer."""
        while b"\r\n\r\n" not in self._heard:
            self._heard += await self._some()
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        return Answer(head, b"")

    async def answer(self, bodiless=False):
        """Return one answer; the next may follow it."""
        answer = await self.head()
        length = int(answer.headers["content-length"])
        answer.body = await self.hear(length) if length and not bodiless else b""
        return answer

    async def _some(self):
        some = await self._loop.sock_recv(self.sock, 1 << 20)
        assert some, f"the server left after {self._heard[:200]}"
        return some

    async def rest(self):
        """Return all that comes, and how it ends."""
        try:
            while some := await self._loop.sock_recv(self.sock, 1 << 20):
                self._heard += some
        except ConnectionResetError:
            return self._heard, RESET
        return self._heard, GOODBYE

    def is_silent(self):
        """Whether nothing has come, not even an end."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self._heard
        return False


@asynccontextmanager
async def line_to(port):
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        yield Line(sock)


class Complaints(logging.Handler):
    """What the server and its loop log, which should be nothing."""

    LOGS = ("uvicorn.error", "asyncio")

    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(self.format(record))

    def listen(self):
        for name in self.LOGS:
            logging.getLogger(name).addHandler(self)

    def leave(self):
        for name in self.LOGS:
            logging.getLogger(name).removeHandler(self)


class Door:
    """Counts who goes into an application, and who is inside."""

    def __init__(self, app):
        self.app, self.begun, self.inside = app, 0, 0

    async def __call__(self, scope, receive, send):
        self.begun += 1
        await self.go_in(self.app, scope, receive, send)

    async def go_in(self, app, scope, receive, send):
        self.inside += 1
        try:
            await app(scope, receive, send)
        finally:
            self.inside -= 1


class PromptDoor(Door):
    """The same before an application that may answer at once."""

    def is_short(self, first):
        return self.app.is_short(first)

    def begin(self, first, request):
        self.begun += 1
        answer = self.app.begin(first, request)
        return partial(self.go_in, answer) if callable(answer) else answer


class Stub:
    """A face that does what a test says, and keeps the last request."""

    def __init__(self, act=None):
        self.act, self.request = act, None

    async def serve(self, request):
        self.request = request
        return await self.act(request)


class Front:
    """All faces on one port, in a loop that runs while a test asks."""

    def __init__(self, run, door):
        self.run = run
        self.tenants, self.stub, self.complaints = tenants(), Stub(), Complaints()
        app = app_of(self.tenants)
        app._faces["stub"] = self.stub
        self.door = door(app)
        self._serving = served(self.door)

    async def open(self):
        self.port = await self._serving.__aenter__()
        self.complaints.listen()

    async def close(self):
        self.complaints.leave()
        await self._serving.__aexit__(None, None, None)

    def fresh(self):
        """Open the default tenant anew, so that a test finds nothing that another left."""
        self.tenant = self.tenants.open("default")
        self.door.begun = 0
        self.complaints.said.clear()
        return self

    def plan(self, provider, *plan, **said):
        self.tenant.house.lines[provider].faults.append(Fault(provider, *plan, **said))

    def stand(self):
        """Give the tenant a clock that stands until a test moves it; return it."""
        self.tenant.clock = ServedClock(START, 1.0, NINE)
        self.tenant.clock.freeze()
        return self.tenant.clock

    @property
    def calls(self):
        return len(self.tenant.house.journal.calls)

    def to(self, provider, **headers):
        """Return a request to a provider, one for each way in which they are served."""
        return TO[provider](self.tenant.credentials, headers)

    def tell(self, story):
        """Run a story that asks on a connection of its own; all whom it let in must go."""

        async def told():
            async with line_to(self.port) as line:
                said = await story(line)
            await until(lambda: not self.door.inside)
            return said

        return self.run(told())

    def answers(self, *requests, **how):
        """Return the answers to some requests, sent one after the other on one connection."""

        async def story(line):
            found = []
            for request in requests:
                await line.say(request)
                found.append(await line.answer(**how))
            return found

        return self.tell(story)


def to_wechat(known, headers):
    """Ask WeChat, whose face is a function of bytes."""
    words = f"appid={known.appid}&secret={known.app_secret}&js_code={'c' * 32}"
    return asked("GET", f"/sns/jscode2session?{words}&grant_type=authorization_code", **headers)


def to_sanctions(known, headers):
    """Ask the lists, whose face asks for many at once."""
    person = {"schema": "Person", "properties": {"name": ["李明"]}}
    body = json.dumps({"queries": {"a": person}}).encode()
    return asked("POST", "/match/default", body, content_type=JSON, **headers)


def to_registry(known, headers):
    """Ask the register of businesses, which an application serves."""
    body = json.dumps({"code": CODE_EXAMPLE}).encode()
    return asked("POST", "/registry/v1/look_up", body, content_type=JSON, **headers)


TO = {"wechat": to_wechat, "sanctions": to_sanctions, "registry": to_registry}
HEALTH = asked("GET", "/healthz")
all_kinds = pytest.mark.parametrize("provider", TO)


@pytest.fixture(scope="module", params=[Door, PromptDoor], ids=["in tasks", "at once"])
def shared(request):
    with asyncio.Runner() as runner:
        front = Front(runner.run, request.param)
        runner.run(front.open())
        yield front
        runner.run(front.close())


@pytest.fixture
def front(shared):
    return shared.fresh()


def refused(answer, status, *told):
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json["status"] == status
    assert all(word in answer.json["detail"] for word in told), answer.json["detail"]


# --------------------------------------------------------------------------- what a line shows


@all_kinds
def test_a_calm_line_shows_the_answer(front, provider):
    [answer] = front.answers(front.to(provider))

    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, JSON)
    assert isinstance(answer.json, dict)
    assert "server" not in answer.headers  # what serves is nobody's business
    assert (front.calls, front.complaints.said) == (1, [])


@all_kinds
@pytest.mark.parametrize("baggage", ["", OURS], ids=["strangers", "ours on the same clock"])
@pytest.mark.parametrize("phase", [P.BEFORE, P.AFTER_COMMIT])
def test_a_reset_is_a_reset(front, provider, phase, baggage):
    front.plan(provider, K.RESET, phase)

    async def story(line):
        await line.say(front.to(provider, baggage=baggage))
        return await line.rest()

    assert front.tell(story) == (b"", RESET)
    assert front.complaints.said == []


@all_kinds
@pytest.mark.parametrize("baggage", ["", VISIT], ids=["strangers", "ours on a visit"])
def test_a_reset_in_the_middle_comes_after_an_answers_beginning(front, provider, baggage):
    front.plan(provider, K.RESET, P.MID_RESPONSE)

    async def story(line):
        await line.say(front.to(provider, baggage=baggage))
        head = await line.head()
        return head, await line.rest()

    head, (body, end) = front.tell(story)

    assert (head.status, body, end) == (200, b'{"Resp', RESET)
    assert int(head.headers["content-length"]) > len(body)
    assert SEEN_HEADER not in head.headers
    assert front.complaints.said == []


@all_kinds
@pytest.mark.parametrize("phase", P)
def test_a_drop_is_silence_until_the_client_leaves(front, provider, phase):
    front.plan(provider, K.DROP, phase)

    async def story(line):
        await line.say(front.to(provider))
        await until(lambda: front.calls == 1)  # the call has come to its end
        begun = phase is P.MID_RESPONSE
        if begun:
            assert ((await line.head()).status, await line.hear()) == (200, b'{"Resp')
        await asyncio.sleep(0.02)
        assert line.is_silent()
        assert front.door.inside == 1

    front.tell(story)


@pytest.mark.parametrize("phase", [P.BEFORE, P.MID_RESPONSE])
def test_a_client_that_leaves_a_silent_server_is_no_reason_to_complain(front, phase):
    front.plan("wechat", K.DROP, phase)

    async def story(line):
        await line.say(front.to("wechat"))
        await until(lambda: front.calls == 1)

    front.tell(story)

    assert front.complaints.said == []


@pytest.mark.parametrize("phase", [P.BEFORE, P.MID_RESPONSE])
def test_silence_ends_with_a_reset(front, monkeypatch, phase):
    monkeypatch.setattr(module, "SILENCE_S", 0.001)
    front.plan("wechat", K.DROP, phase)

    async def story(line):
        await line.say(front.to("wechat"))
        return await line.rest()

    said, end = front.tell(story)

    assert end == RESET
    assert said.endswith(b'{"Resp' if phase is P.MID_RESPONSE else b"")
    assert front.complaints.said == []


@all_kinds
@pytest.mark.parametrize("baggage", ["", VISIT], ids=["strangers", "ours on a visit"])
@pytest.mark.parametrize("phase", P)
def test_garbage_is_bytes_that_are_no_answer_and_the_connection_lives(
    front, provider, phase, baggage
):
    front.plan(provider, K.GARBAGE, phase)
    garbage, health = front.answers(front.to(provider, baggage=baggage), HEALTH)

    assert (garbage.status, garbage.body) == (200, GARBAGE)
    assert SEEN_HEADER not in garbage.headers
    assert (health.status, health.json) == (200, {"status": "ok"})
    with pytest.raises(ValueError, match="utf-8"):
        GARBAGE.decode()


TOLD = {
    row: seen for row, seen in SEEN.items() if row[0] in (K.DROP, K.RESET) and seen != Unreadable
}


@all_kinds
@pytest.mark.parametrize(("kind", "phase"), TOLD, ids=lambda each: each.value)
def test_our_own_clients_on_a_visit_are_told_what_they_are_to_see(front, provider, kind, phase):
    front.plan(provider, kind, phase)
    seen, health = front.answers(front.to(provider, baggage=VISIT), HEALTH)

    assert (seen.status, seen.body) == (503, b"")
    assert seen.headers[SEEN_HEADER] == TOLD[kind, phase].__name__
    assert health.status == 200
    assert front.complaints.said == []


@pytest.mark.parametrize("visit", [True, False], ids=["ours on a visit", "strangers"])
def test_an_outage_is_no_connection_to_whoever_asks(front, visit):
    front.tenant.house.lines["registry"].outages.append((0.0, 2 * NINE))
    said = front.to("registry", baggage=VISIT if visit else OURS)

    async def story(line):
        await line.say(said)
        return (await line.answer()).headers[SEEN_HEADER] if visit else await line.rest()

    assert front.tell(story) == (Unreachable.__name__ if visit else (b"", RESET))


@pytest.mark.parametrize("provider", ["wechat", "registry"])
def test_slow_bytes_come_in_pieces_as_the_clock_moves(front, provider):
    front.plan(provider, K.SLOW_BYTES, extra_s=80.0)
    clock = front.stand()

    async def story(line):
        await line.say(front.to(provider))
        head = await line.head()
        length, pieces = int(head.headers["content-length"]), []
        step = -(-length // PIECES)
        for number in range(PIECES):
            await until(lambda: len(clock._waiting) == 1)
            assert line.is_silent()
            await clock.advance(80.0 / PIECES - 0.001)
            assert line.is_silent()
            await clock.advance(0.001)
            pieces.append(await line.hear(min(step, length - number * step)))
        return length, pieces

    length, pieces = front.tell(story)

    assert len({len(piece) for piece in pieces[:-1]}) == 1
    assert sum(map(len, pieces)) == length
    assert isinstance(json.loads(b"".join(pieces)), dict)
    assert clock.now_s == pytest.approx(NINE + 80.0)


class Waits:
    """A clock that notes what it is to serve."""

    def __init__(self, rows):
        self.rows = rows

    async def serve(self, wait_s):
        self.rows.append(wait_s)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=3), st.sampled_from([0.0, 0.25, 80.0]))
def test_whatever_crosses_slowly_is_the_same_bytes(bodies, slow_s):
    rows, crossing = [], Crossing()
    crossing.slow_s, crossing.clock = slow_s, Waits(rows)

    async def send(message):
        rows.append(message)

    async def story():
        crosses = slowly(send, crossing)
        await crosses({"type": "http.response.start", "status": 200, "headers": []})
        for more, body in zip([*([True] * (len(bodies) - 1)), False], bodies, strict=True):
            await crosses({"type": "http.response.body", "body": body, "more_body": more})

    asyncio.run(story())

    start, *rest = rows
    assert start["type"] == "http.response.start"
    waits, pieces = [each for each in rest if isinstance(each, float)], rest
    if slow_s:  # it is slow once, at the beginning
        assert waits == rest[: 2 * PIECES : 2] == [slow_s / PIECES] * PIECES
        pieces = [*rest[1 : 2 * PIECES : 2], *rest[2 * PIECES :]]
    assert b"".join(piece["body"] for piece in pieces) == b"".join(bodies)
    more = [piece.get("more_body", False) for piece in pieces]
    assert more == [True] * (len(pieces) - 1) + [False]


@pytest.mark.parametrize("provider", ["wechat", "registry"])
@pytest.mark.parametrize("kind", [K.DELAY, K.SLOW_BYTES])
def test_whoever_waits_when_its_tenant_is_closed_is_broken_off(front, provider, kind):
    front.plan(provider, kind, extra_s=80.0)
    clock = front.stand()

    async def story(line):
        await line.say(front.to(provider))
        await until(lambda: len(clock._waiting) == 1)
        front.tenants.open("default")
        return await line.rest()

    said, end = front.tell(story)

    assert end == RESET
    assert bool(said) == (kind is K.SLOW_BYTES)  # its head was on its way
    assert front.complaints.said == []


def test_a_client_that_left_before_its_tenant_was_closed_is_no_reason_to_complain(front):
    front.plan("wechat", K.DELAY, extra_s=80.0)
    clock = front.stand()

    async def story(line):
        await line.say(front.to("wechat"))
        await until(lambda: len(clock._waiting) == 1)
        line.sock.close()
        await asyncio.sleep(0.02)  # for its goodbye to come
        front.tenants.open("default")

    front.tell(story)

    assert front.complaints.said == []


# ------------------------------------------------------------------------- who is asked, and how


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT", "OPTIONS"])
@pytest.mark.parametrize("path", ["/nowhere", "/sns2/x", "//", "/%E6%9D%8E", "/match2?a=/sns/"])
def test_nobody_is_served_at_an_unknown_path(front, method, path):
    is_head = method == "HEAD"
    answer, health = front.answers(asked(method, path), HEALTH, bodiless=is_head)

    assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)
    assert int(answer.headers["content-length"]) > 0
    if not is_head:
        refused(answer, 404, "nobody is served at")
    assert health.status == 200  # of a HEAD no body came that it would be read as


def test_an_unknown_path_is_not_repeated_at_length(front):
    [answer] = front.answers(asked("GET", f"/{'x' * 5_000}"))

    refused(answer, 404, "/" + "x" * 79)
    assert len(answer.body) < 300


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_comes_without_a_path_is_led_to_the_console(front, method):
    async def ask():
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{front.port}", verify=False, trust_env=False
        ) as client:
            return await client.request(method, "/")

    answer = front.run(ask())

    assert (answer.status_code, answer.headers["location"]) == (307, "/console")
    assert answer.content == b""


@pytest.mark.parametrize(
    "request_",
    [
        asked("POST", "/", b"{}"),
        asked("POST", "/nowhere", b"{}"),
        asked("PUT", "/", b"{}"),
        asked("GET", "/", x_tc_action="IDCardOCR"),
        asked("GET", "/nowhere", x_tc_action="IDCardOCR"),
        asked("GET", "/?Action=IDCardOCR&Signature=x"),
        asked("GET", "/", authorization="TC3-HMAC-SHA256 Credential=x"),
    ],
)
def test_what_may_be_meant_for_tencent_is_answered_in_its_envelope(front, request_):
    [answer] = front.answers(request_)

    assert (answer.status, answer.headers["content-type"]) == (200, JSON)
    assert set(answer.json["Response"]) == {"Error", "RequestId"}


def test_a_face_is_handed_a_request_as_it_came(front):
    async def said(request):
        return Reply(201, b"\xff\x00", "x/y", (("X-Said", "\xe9"),))

    front.stub.act = said
    request = asked("PATCH", "/stub/%E6%9D%8E%2f?a=%20&b", b"\x00body", X_Odd="\xe9 ,", Host="y:1")
    [answer] = front.answers(request.replace(b"host: x\r\n", b""))

    assert front.stub.request == Request(
        "PATCH",
        "/stub/李/",
        b"a=%20&b",
        {"x-odd": "\xe9 ,", "host": "y:1", "content-length": "5"},
        b"\x00body",
        "y:1",
    )
    assert (answer.status, answer.body, answer.headers["content-type"]) == (201, b"\xff\x00", "x/y")
    assert answer.headers["x-said"] == "\xe9"


def test_a_tenant_that_a_face_does_not_know_is_a_bad_request(front):
    async def unknown(request):
        raise InputError("tenant 'x'", "is unknown", "did you mean 'y'?")

    front.stub.act = unknown

    refused(front.answers(asked("GET", "/stub"))[0], 400, "did you mean 'y'?")


def test_a_face_finds_the_crossing_of_its_own_request(front):
    found = []

    async def said(request):
        found.append(CROSSING.get())
        return Reply(200, b"")

    front.stub.act = said
    front.answers(*[asked("GET", "/stub")] * 2)

    assert all(isinstance(each, Crossing) for each in found)
    assert found[0] is not found[1]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/healthz", None), ("/_control/healthz", None), ("/", None), ("/match/default", b"{}")],
)
def test_the_answer_to_a_head_has_no_body(front, path, body):
    answer, health = front.answers(asked("HEAD", path, body), HEALTH, bodiless=True)

    assert answer.body == b""
    assert health.status == 200


EXPECTING = {"expect": "100-continue"}


@pytest.mark.parametrize("provider", ["sanctions", "registry"])
def test_who_expects_to_be_told_to_go_on_is_told_so(front, provider):
    head, _, body = front.to(provider, **EXPECTING).partition(b"\r\n\r\n")

    async def story(line):
        await line.say(head + b"\r\n\r\n")
        goes_on = await line.hear()
        await line.say(body)
        return goes_on, await line.answer()

    goes_on, answer = front.tell(story)

    assert goes_on == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.status == 200
    assert front.calls == 1


@pytest.mark.parametrize("provider", ["sanctions", "registry"])
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_body_in_chunks_is_the_same_body(front, provider, size):
    plain = front.to(provider)
    head, _, body = plain.partition(b"\r\n\r\n")
    head = head.replace(f"content-length: {len(body)}".encode(), b"transfer-encoding: chunked")
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = [f"{len(part):x};ext=1\r\n".encode() + part + b"\r\n" for part in parts]

    async def story(line):
        await line.say(head + b"\r\n\r\n", *chunks, b"0\r\nx-trailer: 1\r\n\r\n")
        return await line.answer()

    chunked, [whole] = front.tell(story), front.answers(plain)

    assert (chunked.status, set(chunked.json)) == (200, set(whole.json))
    assert front.calls == 2


async def content(request):
    return Reply(200, b"{}")


def test_what_trails_a_body_is_not_kept(front):
    front.stub.act = content
    head = b"POST /stub HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

    async def story(line):
        await line.say(head, b"1\r\nx\r\n", b"0\r\nx-kept: 1\r\n\r\n")
        return await line.answer()

    assert front.tell(story).status == 200
    assert front.stub.request.body == b"x"
    assert front.stub.request.headers.keys() == {"host", "transfer-encoding"}


def test_nobody_is_believed_to_stand_between(front):
    lines = [b"x-forwarded-for: 203.0.113.9\r\n", b"x-forwarded-for: nonsense\r\n"]
    for line in lines:
        request = b"GET /_control/healthz HTTP/1.1\r\nhost: a\r\n" + line + b"\r\n"
        [answer] = front.answers(request)
        assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_headers_of_one_name_are_one_list(front):
    front.stub.act = content
    lines = b"baggage: a=1\r\nhost: a\r\nbaggage: b=2,c=3\r\n"

    front.answers(b"GET /stub HTTP/1.1\r\n" + lines + b"\r\n")

    assert front.stub.request.headers == {"baggage": "a=1,b=2,c=3", "host": "a"}


def test_a_request_to_become_a_websocket_is_answered_as_what_it_is(front):
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    [answer] = front.answers(asked("GET", "/nowhere", **upgrade))

    refused(answer, 404)


@pytest.mark.parametrize("provider", ["sanctions", "registry"])
def test_a_client_that_goes_away_while_it_speaks_is_forgotten(front, provider):
    head, _, body = front.to(provider).partition(b"\r\n\r\n")
    announced = b"content-length: %d" % len(body)

    async def story(line):
        more = b"content-length: %d" % (len(body) + 1)  # what comes is whole, but for its end
        await line.say(head.replace(announced, more) + b"\r\n\r\n" + body)
        whole_first = isinstance(front.door, PromptDoor) and provider != "registry"
        await until(lambda: whole_first or front.door.inside == 1)

    front.tell(story)

    assert (front.calls, front.complaints.said) == (0, [])


PIECES_OF_HTTP = st.sampled_from(
    [
        *(b"GET ", b"POST ", b"CONNECT ", b"* ", b"/nowhere", b"/sns/x?", b"http://x/", b"//"),
        *(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"host: x\r\n", b"\r\n", b"\n"),
        *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"transfer-encoding: chunked\r\n"),
        *(b"expect: 100-continue\r\n", b"connection: upgrade\r\n", b"upgrade: h2c\r\n", b": \r\n"),
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"\x00", b"\xff"),
        *(HEALTH, asked("POST", "/match/default", b"{}"), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ]
)


@given(st.lists(PIECES_OF_HTTP | st.binary(max_size=5), max_size=12).map(b"".join))
def test_whatever_bytes_come_nothing_breaks(shared, said):
    front = shared.fresh()

    async def story(line):
        await line.say(said)
        line.sock.shutdown(socket.SHUT_WR)
        return await line.rest()

    heard, end = front.tell(story)

    assert heard == b"" or heard.startswith(b"HTTP/1.1 ")
    assert end == GOODBYE or heard == b""
    assert front.complaints.said == []
    assert front.answers(HEALTH)[0].status == 200


# ------------------------------------------------------------------------------- what is too long

CLOCK = "/_control/clock/advance"


def said_by_wechat(answer):
    return answer.status == 200 and answer.json["errcode"] == 45002


def said_by_the_register(answer):
    return answer.status == 200 and b"<CheckResult>05</CheckResult>" in answer.body


def said_by_tencent(answer):
    error = answer.json["Response"]["Error"]
    return answer.status == 200 and error["Code"] == "RequestSizeLimitExceeded"


def said_by_the_lists(answer):
    return answer.status == 400 and set(answer.json) == {"detail"}


def said_by_us(answer):
    return answer.status == 413 and answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    ("path", "size", "said"),
    [
        ("/sns/jscode2session", 1024 * 1024 + 1, None),  # asked by GET, with or without a body
        ("/cgi-bin/stable_token", 1024 * 1024 + 1, said_by_wechat),
        ("/cgi-bin/stable_token", BODY_MAX + 1, said_by_wechat),
        ("/idnet/check", 64 * 1024 + 1, said_by_the_register),
        ("/idnet/check", BODY_MAX + 1, said_by_the_register),
        ("/", BODY_MAX + 1, said_by_tencent),
        ("/match/default", BODY_MAX + 1, said_by_the_lists),
        ("/registry/v1/look_up", 1_000_001, said_by_us),
        ("/registry/v1/look_up", BODY_MAX + 1, said_by_us),
        (CLOCK, BODY_MAX + 1, said_by_us),
    ],
)
def test_a_body_that_is_too_long_is_told_so_in_its_providers_own_words(front, path, size, said):
    answer, health = front.answers(asked("POST", path, b" " * size, content_type=JSON), HEALTH)

    assert said is None or said(answer), (answer.status, answer.body[:200])
    assert health.status == 200
    assert front.complaints.said == []


def test_a_long_body_that_nobody_reads_is_in_nobodys_way(front):
    wrong = asked("POST", "/registry/v1/look_up", b" " * (BODY_MAX + 1), content_type="text/plain")
    answer, health = front.answers(wrong, HEALTH)

    refused(answer, 415)
    assert health.status == 200


def advanced(front, size, *cuts):
    """Move the clock by a body of that size, which comes in parts; return answer and clock."""
    clock, body = front.stand(), b'{"seconds": 5}'.ljust(size)
    head = asked("POST", CLOCK, content_type=JSON, content_length=size)

    async def story(line):
        await line.say(head)
        for begin, end in pairwise((0, *cuts, size)):
            await until(lambda: front.door.inside == 1)
            await asyncio.sleep(0.005)  # so that it comes in a part of its own
            await line.say(body[begin:end])
        return await line.answer()

    return front.tell(story), clock


@pytest.mark.parametrize("cuts", [(), (400, 999), (400, 1_000)], ids=str)
@pytest.mark.parametrize("over", [0, 1])
def test_an_applications_limit_is_met_to_the_byte(front, monkeypatch, over, cuts):
    monkeypatch.setattr(module, "BODY_MAX", 1_000)
    answer, clock = advanced(front, 1_000 + over, *cuts)

    if over:
        refused(answer, 413, "1,000 bytes")
    else:
        assert (answer.status, answer.json["now_s"]) == (200, clock.now_s)
        assert clock.now_s >= NINE + 5
    assert front.complaints.said == []


def test_what_is_too_long_has_no_effect(front, monkeypatch):
    monkeypatch.setattr(module, "BODY_MAX", 1_000)
    answer, clock = advanced(front, 1_001, 999)

    refused(answer, 413)
    assert clock.now_s < NINE + 5


@pytest.mark.parametrize(
    ("path", "said"), [("/cgi-bin/stable_token", said_by_wechat), (CLOCK, said_by_us)]
)
def test_a_body_without_an_end_is_answered_all_the_same(front, monkeypatch, path, said):
    monkeypatch.setattr("mocks.wechat.server.BODY_MAX", 500)
    monkeypatch.setattr(module, "BODY_MAX", 1_000)
    monkeypatch.setattr(module, "READ_MAX", 4_000)
    head = asked("POST", path, content_type=JSON, transfer_encoding="chunked")

    async def story(line):
        await line.say(head, *[b"64\r\n" + b" " * 100 + b"\r\n"] * 41)
        return await line.answer()

    answer = front.tell(story)

    assert said(answer), answer.body


@given(st.lists(st.integers(0, 90), min_size=1, max_size=12))
def test_of_what_is_too_long_no_more_is_kept_than_shows_it(sizes):
    whole = sum(sizes)
    messages = [
        {"type": "http.request", "body": bytes([number]) * size, "more_body": True}
        for number, size in enumerate(sizes)
    ]
    messages[-1]["more_body"] = False
    given_ = iter(messages)

    async def receive():
        return next(given_)

    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BODY_MAX", 100)
        patch.setattr(module, "READ_MAX", 400)
        body = asyncio.run(module.read(scope, receive)).body

    said = b"".join(message["body"] for message in messages)
    assert said.startswith(body)
    if whole <= 100:
        assert body == said
    else:
        assert 100 < len(body) <= 100 + 90
    assert (next(given_, None) is not None) <= (whole > 400)


def head_of(size, path="/healthz"):
    """Return a request without a body that has as many bytes."""
    bare = len(asked("GET", path, x_long=""))
    return asked("GET", path, x_long="y" * (size - bare))


def test_a_long_head_is_read(front):
    answers = front.answers(*[head_of(HEAD_MAX * 9 // 10)] * 3)  # each is counted anew

    assert [answer.status for answer in answers] == [200, 200, 200]


TOO_LONG = {
    "a whole request": head_of(HEAD_MAX + 1),
    "one field": head_of(HEAD_MAX + 5)[:-4],
    "many fields": b"GET /healthz HTTP/1.1\r\n" + b"x: y\r\n" * (HEAD_MAX // 6),
    "an address": b"GET /".ljust(HEAD_MAX + 1, b"x"),
    "nothing": b"\r\n" * (HEAD_MAX // 2 + 1),
}


@pytest.mark.parametrize("said", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_that_is_too_long_is_refused(front, said):
    async def story(line):
        await line.say(said)
        return await line.answer(), await line.rest()

    answer, end = front.tell(story)

    assert (answer.status, end) == (400, (b"", GOODBYE))
    assert front.door.begun == 0
    assert front.complaints.said == []


def test_a_later_head_that_is_too_long_is_refused_too(front, monkeypatch):
    begun = []
    for kind in (stack.Breakable, stack.Prompt):

        def noting(protocol, begins=kind.on_message_begin):
            begun.append(protocol)
            begins(protocol)

        monkeypatch.setattr(kind, "on_message_begin", noting)

    async def story(line):
        await line.say(HEALTH)
        first = await line.answer()
        await line.say(b"GET /")
        await until(lambda: len(begun) == 2)
        await line.say(b"x" * (HEAD_MAX + 1))
        return first.status, (await line.answer()).status, await line.rest()

    assert front.tell(story) == (200, 400, (b"", GOODBYE))
    assert front.door.begun == 1


def test_a_body_is_no_part_of_a_head(front):
    body = b" " * (2 * HEAD_MAX)
    answers = front.answers(asked("POST", "/match/default", body, content_type=JSON), HEALTH)

    assert [answer.status for answer in answers] == [400, 200]  # it is no JSON


# ------------------------------------------------------------------------------ one after another


def test_requests_that_come_at_once_are_answered_in_their_order(front):
    async def story(line):
        await line.say(b"".join(asked("GET", f"/nowhere/{number}") for number in range(20)))
        return [(await line.answer()).json["detail"] for _ in range(20)]

    details = front.tell(story)

    assert details == [f"nobody is served at '/nowhere/{number}'" for number in range(20)]


ROADS = {  # requests of every kind that goes another way through the server, and their statuses
    "short": (HEALTH, 200),
    "escaped": (asked("GET", "/%6eowhere"), 404),
    "chunked": (asked("POST", "/nowhere/x", transfer_encoding="chunked") + b"0\r\n\r\n", 200),
    "of an application": (asked("GET", "/_control/healthz"), 200),
    "with more headers": (asked("GET", "/"), 307),
    "long": (asked("POST", "/nowhere", b"x" * 120_000), 200),
    "another method": (asked("PUT", "/nowhere", b"{}"), 404),
}


@given(st.lists(st.sampled_from(list(ROADS)), min_size=1, max_size=8), st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_road_a_request_goes_its_answer_comes_in_its_turn(shared, names, data):
    front = shared.fresh()
    said = b"".join(ROADS[name][0] for name in names)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=4)))

    async def story(line):
        for begin, end in pairwise([0, *cuts, len(said)]):
            await line.say(said[begin:end])
            await asyncio.sleep(0)
        return [(await line.answer()).status for _ in names]

    assert front.tell(story) == [ROADS[name][1] for name in names]
    assert front.complaints.said == []


def test_what_is_no_http_is_refused_behind_the_answers_before_it(front):
    # What uvicorn makes a task of, it drops when nonsense comes behind it.
    wanted = [200, 200, 400] if isinstance(front.door, PromptDoor) else [400]

    async def story(line):
        await line.say(HEALTH + HEALTH + b"no HTTP\r\n\r\n")
        return [(await line.answer()).status for _ in wanted], await line.rest()

    assert front.tell(story) == (wanted, (b"", GOODBYE))


def test_who_asks_and_says_no_more_is_answered(front):
    async def story(line):
        await line.say(HEALTH)
        line.sock.shutdown(socket.SHUT_WR)
        return (await line.answer()).status, await line.rest()

    assert front.tell(story) == (200, (b"", GOODBYE))


@pytest.mark.parametrize("behind", [1, 5])
def test_whoever_waits_behind_a_silent_one_hears_that_the_client_left(front, behind):
    front.plan("wechat", K.DROP)
    said = front.to("wechat") + b"".join(asked("GET", f"/nowhere/{n}") for n in range(behind))

    async def story(line):
        await line.say(said)
        await until(lambda: front.calls == 1)
        await asyncio.sleep(0.02)
        assert line.is_silent()

    front.tell(story)  # which ends when nobody is inside

    assert front.door.begun == 1


def test_a_reset_takes_along_what_waits_behind_it(front):
    front.plan("wechat", K.RESET)

    async def story(line):
        await line.say(HEALTH + front.to("wechat") + HEALTH)
        return (await line.answer()).status, await line.rest()

    assert front.tell(story) == (200, (b"", RESET))
    assert front.door.begun == 2


def test_many_connections_are_served_beside_silent_ones(front):
    front.plan("wechat", K.DROP)

    async def story(line):
        await line.say(front.to("wechat"))
        await until(lambda: front.calls == 1)

        async def healthy():
            async with line_to(front.port) as other:
                await other.say(HEALTH)
                return (await other.answer()).status

        return await asyncio.gather(*(healthy() for _ in range(50)))

    assert front.tell(story) == [200] * 50


# --------------------------------------------------------------------- how a server begins and ends


def ending(kinds):
    """Serve some providers, let a client of each wait, and end.

    Return what was heard of each, how it ended, and the complaints. Who waits for a silent line
    does so on a clock that was moved over the line's own limit.
    """
    made, complaints = tenants(), Complaints()
    tenant = made.default
    tenant.clock = ServedClock(START, 1.0, NINE)
    tenant.clock.frozen = True  # no loop runs yet that an alarm could be set in
    for provider, kind in kinds.items():
        tenant.house.lines[provider].faults.append(Fault(provider, kind, extra_s=80.0))
    door = Door(app_of(made))

    async def client(port, provider):
        async with line_to(port) as line:
            await line.say(TO[provider](tenant.credentials, {}))
            return await line.rest()

    async def run():
        async with served(door) as port:
            complaints.listen()
            clients = [asyncio.create_task(client(port, provider)) for provider in kinds]
            await until(lambda: door.inside == len(tenant.clock._waiting) == len(kinds))
            await tenant.clock.advance(9.0)
        assert door.inside == 0
        return await asyncio.gather(*clients)

    try:
        return asyncio.run(run()), complaints.said
    finally:
        complaints.leave()


@pytest.mark.parametrize(
    "kinds",
    [
        {},
        {"wechat": K.DELAY},
        {"registry": K.DELAY},
        {"wechat": K.DELAY, "registry": K.SLOW_BYTES, "sanctions": K.SLOW_BYTES},
        {"wechat": K.DROP},
        {"registry": K.DROP},
    ],
    ids=lambda kinds: ", ".join(f"{each}: {kind}" for each, kind in kinds.items()) or "nobody",
)
def test_a_server_that_ends_breaks_off_who_waits_and_complains_of_nobody(monkeypatch, kinds):
    monkeypatch.setattr(stack, "GRACE_S", 0.01)
    ends, complaints = ending(kinds)

    assert [end for _, end in ends] == [RESET] * len(kinds)
    begun = [said.startswith(b"HTTP/1.1 200") for said, _ in ends]
    assert begun == [kind is K.SLOW_BYTES for kind in kinds.values()]
    assert complaints == []


def test_what_is_soon_done_is_done_before_the_server_ends(monkeypatch):
    ends = []

    class Telling(Embedded):
        async def shutdown(self, sockets=None):
            ends[0].set()
            await super().shutdown(sockets)

    async def said(request):
        ends.append(asyncio.Event())
        await ends[0].wait()
        await asyncio.sleep(0.01)
        return Reply(200, b"done")

    async def client(port):
        async with line_to(port) as line:
            await line.say(asked("GET", "/stub"))
            return (await line.answer()).body

    async def run():
        async with served(App(None, {"stub": Stub(said)}, {})) as port:
            task = asyncio.create_task(client(port))
            await until(lambda: ends)
        return await task

    monkeypatch.setattr(stack, "Embedded", Telling)

    assert asyncio.run(run()) == b"done"


def test_a_request_that_comes_as_the_server_ends_keeps_it_no_longer():
    complaints, go, tasks = Complaints(), asyncio.Event(), []
    complaints.listen()

    async def app(scope, receive, send):
        tasks.append(asyncio.current_task())
        await go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run():
        server, listening = stack.server_of(app, Embedded), stack.listen(0)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        port, open_ = listening.getsockname()[1], server.server_state.connections
        async with line_to(port) as first, line_to(port):
            await first.say(HEALTH)
            await until(lambda: tasks and len(open_) == 2)
            [idle] = [one for one in open_ if one.cycle is None]
            ends = asyncio.create_task(server.shutdown([listening]))
            await asyncio.sleep(0.02)  # it waits for the first; its end comes with a request
            tasks[0].add_done_callback(lambda _: idle.data_received(HEALTH))
            go.set()
            await ends
        serving.cancel()
        return len(open_)

    left = asyncio.run(run())
    complaints.leave()

    assert (left, len(tasks), complaints.said) == (0, 1, [])  # the second never ran


def test_a_server_leaves_signals_to_whoever_runs_it():
    async def run():
        before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        async with served(App(None, {}, {})):
            during = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        return before == during

    assert asyncio.run(run())


def test_a_server_that_ended_has_left_its_port():
    async def run():
        async with served(App(None, {}, {})) as port:
            pass
        listen(port).close()
        with pytest.raises(ConnectionRefusedError):
            async with line_to(port):
                pass

    asyncio.run(run())


def test_a_port_that_is_taken_is_told_with_a_remedy():
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MachineError, match=rf"port {port} .*--port"):
            listen(port)


def test_a_server_listens_on_this_machine_only_and_sends_at_once():
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.proto == socket.IPPROTO_TCP  # asyncio then sets TCP_NODELAY


# --------------------------------------------------------------- servers that cannot break a line


def without_a_line(act):
    """Ask a stub in process, where no connection can be broken; return the answer."""

    async def run():
        transport = httpx.ASGITransport(App(None, {"stub": Stub(act)}, {}))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.get("/stub")
        assert CROSSING.get() is None  # it was this request's
        return answer

    return asyncio.run(run())


@pytest.mark.parametrize("error", [Unreachable, TimedOut])
def test_a_server_that_cannot_break_a_connection_says_so(monkeypatch, error):
    monkeypatch.setattr(module, "SILENCE_S", 0.001)

    async def no_answer(request):
        raise NoAnswer(error)

    answer = without_a_line(no_answer)

    assert (answer.status_code, answer.content) == (502, b"")


def test_where_no_connection_can_be_broken_who_waits_is_cancelled():
    async def gone(request):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        without_a_line(gone)


def test_an_abort_of_the_server_is_all_that_is_done_for_a_cancelled_request():
    said = []

    async def gone(request):
        raise asyncio.CancelledError

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "GET", "path": "/stub", "query_string": b"", "headers": []}
    app = App(None, {"stub": Stub(gone)}, {})
    asyncio.run(app(scope | {ABORT: partial(said.append, "aborted")}, receive, send))

    assert said == ["aborted"]


def test_a_lifespan_is_answered_and_a_websocket_left_to_the_server():
    said = []
    steps = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(steps)}

    async def send(message):
        said.append(message["type"])

    app = App(None, {}, {})
    asyncio.run(app({"type": "lifespan"}, receive, send))
    asyncio.run(app({"type": "websocket", "path": "/"}, receive, send))

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
