"""A pytest plugin: the mocks beside somebody's own tests, a fresh world for each of them.

``pytest -p scenarios.plugin``, or ``pytest_plugins = ["scenarios.plugin"]``. Two fixtures:

* ``mocks`` answers httpx clients in process, at the vendors' real host names; any other host but
  this machine's own is an error, so that no test leaves by accident;
* ``mock_server`` answers on a real port, for clients built on requests, urllib3 or anything else,
  the vendors' SDKs among them.

Both are a :class:`Mocks` of a tenant of its own, named after the test: tests that run side by side
share one server and never meet. The clock begins frozen, so that answers come at once.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx

from core.errors import InputError
from mocks.app import ABORT
from mocks.clock import ServedClock
from mocks.control.people import Truth
from mocks.journal import Journal
from mocks.tenant import TENANT_HEADER, Tenant, Tenants
from scenarios.hosts.world import World
from scenarios.stack import app_of, served
from scenarios.stories.run import START
from scenarios.uses import added

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from mocks.app import App, Message

MORNING_S = 36_000.0  # tests begin at ten o'clock
JOURNAL_KEPT = 10_000
PATIENT_S = 30.0  # by the machine's clock: a control call that takes longer never ends
SEED = 7
# The vendors' own host names, and one of ours for each provider whose vendor publishes none.
HOSTS = (
    r"(?:ocr|faceid|iai)(?:\.[a-z0-9-]+)?\.tencentcloudapi\.com",
    r"(?:[a-z0-9]+\.)?api2?\.weixin\.qq\.com",
    r"api\.opensanctions\.org",
    r"[a-z]+\.loanrange\.test",
)
HERE = r"(?:localhost|127\.0\.0\.1|\[::1\]|testserver)"


class Mocks:
    """One tenant of the mocks: what its people can do, what is planned, what was asked of it."""

    def __init__(self, control: httpx.Client, url: str, tenant: str) -> None:
        self._control = control
        self.url = url
        self.tenant = tenant
        self.headers = {TENANT_HEADER: tenant}  # for clients without keys of their own
        self.keys: dict[str, str] = self._ask("GET", "providers")["credentials"]

    @property
    def endpoint(self) -> str:
        """Host and port without a scheme, as Tencent Cloud's SDK wants them."""
        return self.url.partition("://")[2]

    def _ask(self, method: str, path: str, **said: Any) -> Any:
        answer = self._control.request(method, path, headers=self.headers, **said)
        if answer.is_error:
            raise InputError(f"mocks: {path}", answer.json()["detail"])
        return answer.json() if answer.content else None

    # People and what they hold in their hands.

    def person(self, bank: str = "", **said: Any) -> dict[str, Any]:
        """Make somebody who passes every check, but for what is said.

        Fields (``listed="hit"``, ``birth="2004-01-01"``) and traits (``card_expired=True``) may be
        mixed. The person is told as ``GET /_control/people`` tells one.

        Raises:
            InputError: no such field, trait or bank.
        """
        truth = {name: value for name, value in said.items() if name in Truth.model_fields}
        traits = {name: value for name, value in said.items() if name not in truth}
        return dict(self._ask("POST", "people", json=_plain(bank=bank, truth=truth, traits=traits)))

    def picture(self, person: dict[str, Any], kind: str = "front") -> bytes:
        """Return a picture of a person's: ``front``, ``back``, ``portrait``, ``licence``."""
        of = {"of": f"{person['key']}#{kind}"}
        answer = self._control.get("picture", params=of, headers=self.headers)
        return answer.raise_for_status().content

    def login_code(self, person: dict[str, Any]) -> str:
        """Have a person's phone mint a login code (``wx.login``)."""
        return str(self._ask("POST", "device/login", json=_whose(person))["js_code"])

    def phone_code(self, person: dict[str, Any]) -> str:
        """Have a person's phone mint a phone code (``getPhoneNumber``)."""
        return str(self._ask("POST", "device/phone-code", json=_whose(person))["code"])

    def grant(self, person: dict[str, Any], template: str) -> None:
        """Have a person agree to one more message of a template."""
        self._ask("POST", "device/grant", json=_whose(person, template=template))

    def show_face(self, token: str, person: dict[str, Any]) -> str:
        """Show a person's face to the check behind a token; return how it ended."""
        return str(
            self._ask("POST", "device/face", json=_whose(person, biz_token=token))["verdict"]
        )

    # What is to happen.

    def answer(self, operation: str, case: str, *, about: str = "", times: int = 0) -> None:
        """Set the answer of an operation (``"idnet.check"``) beforehand, whatever is true.

        Args:
            operation: provider and operation.
            case: a case of it; ``/_control/providers`` lists them.
            about: only for calls about this ID number, phone, openid or application.
            times: for so many calls; 0 for all.

        Raises:
            InputError: no such operation or case; the nearest right name is told.
        """
        provider, _, name = operation.partition(".")
        self.fault(provider, "wrong_answer", operation=name, case=case, about=about, count=times)

    def fault(self, provider: str, kind: str, *, about: str = "", **said: Any) -> None:
        """Plan one more fault; ``said`` are the fields of ``/_control/faults``.

        Raises:
            InputError: no such provider, kind, field or case; the nearest right name is told.
        """
        planned = {"provider": provider, "kind": kind, **said}
        self._ask("POST", "faults", json=[planned | ({"application": about} if about else {})])

    def clear_faults(self) -> None:
        """Plan nothing any more."""
        self._ask("DELETE", "faults")

    # Time.

    def clock(self) -> dict[str, Any]:
        """Tell the business time: ``now_s``, ``date``, ``frozen``, ``speed``."""
        return dict(self._ask("GET", "clock"))

    def advance(self, seconds: float = 0.0, *, days: float = 0.0) -> None:
        """Move the clock ahead; what falls due on the way happens in order."""
        self._ask("POST", "clock/advance", json={"seconds": seconds, "days": days})

    def freeze(self) -> None:
        """Stop the clock: answers come at once, and what a fault delays waits for a move."""
        self._ask("POST", "clock/freeze")

    def resume(self, speed: float = 1.0) -> None:
        """Let the clock run, so many business seconds a second: now latencies are waited for."""
        self._ask("POST", "clock/resume", json={"speed": speed})

    # What has happened.

    def calls(self, provider: str = "") -> list[dict[str, Any]]:
        """Return the calls so far, the oldest first; nothing of a person stands in them."""
        query = {"provider": provider} if provider else {}
        return list(self._ask("GET", "journal", params=query)["calls"])

    def verify(self, **expected: int) -> None:
        """Require how often operations were asked: ``verify(carrier_name_matches=1)``.

        The first underscore stands for the dot; a provider alone counts all of its operations.
        It counts what :meth:`calls` tells, the last thousand; :meth:`verify_calls` knows them all.

        Raises:
            AssertionError: one was asked more or less often; all that was asked is told.
        """
        asked: Counter[str] = Counter()
        for call in self.calls():
            provider, _, name = call["operation"].partition(".")
            asked[provider] += 1
            asked[f"{provider}_{name}"] += 1
        for name, times in expected.items():
            told = ", ".join(f"{one} {count}" for one, count in sorted(asked.items()) if "_" in one)
            problem = f"{name} was asked {asked[name]} times, not {times}; asked were: {told}"
            assert asked[name] == times, problem

    def verify_calls(
        self,
        expected: Sequence[str | Mapping[str, Any]] = (),
        *,
        in_order: bool = False,
        nothing_extra: bool = False,
        **said: Any,
    ) -> None:
        """Require that these calls came: ``verify_calls(["wechat.login", "ocr.card_front"])``.

        Args:
            expected: an operation each, or what ``POST /_control/journal/verify`` takes:
                ``{"operation": "ocr", "about": ..., "seen": ..., "times": 2}``.
            in_order: one behind the other, whatever came between them.
            nothing_extra: and no other call came.
            said: ``provider``, of whom nothing extra may have come; ``since_s``, in business time.

        Raises:
            AssertionError: all that is wrong; what never came, with its nearest miss.
            InputError: no such operation or field; the nearest right name is told.
        """
        __tracebackhide__ = True
        each = [{"operation": one} if isinstance(one, str) else dict(one) for one in expected]
        body = {"expected": each, "in_order": in_order, "nothing_extra": nothing_extra, **said}
        told = self._ask("POST", "journal/verify", json=body)
        if not told["verified"]:
            raise AssertionError("\n".join(told["problems"]))

    def invoice(self) -> dict[str, int]:
        """Return how many calls were billed, by operation."""
        return dict(self._ask("GET", "invoice")["billed"])

    def reset(self) -> None:
        """Begin anew: nobody made, nothing planned, nothing remembered; the clock stands."""
        self._ask("POST", "reset")

    def snapshot(self, name: str = "base") -> None:
        """Keep all as it is now under a name: people, books, plans, journal, time.

        Raises:
            InputError: no name, or too many.
        """
        self._ask("POST", "snapshot", json={"name": name})

    def restore(self, name: str = "base") -> None:
        """Put all back as it was, as often as you like.

        Raises:
            InputError: no snapshot of that name; the nearest is told.
        """
        self._ask("POST", "restore", json={"name": name})


def _whose(person: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openid": person["openid"], **more}


def _plain(**said: Any) -> dict[str, Any]:
    """Return what JSON can tell: dates as text."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        return value.isoformat() if hasattr(value, "isoformat") else value

    return {name: plain(value) for name, value in said.items()}


class Backstage:
    """The stack behind a test session: one loop in a thread, one application, one port."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.tenants = Tenants(self._tenant)
        self.app = app_of(self.tenants, added=added().values())
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="loanrange", daemon=True)
        self._thread.start()
        self._ready.wait(PATIENT_S)

    def _tenant(self, name: str, seed: int | None) -> Tenant:
        journal = Journal.bounded(JOURNAL_KEPT)
        seed = self._seed if seed is None else seed
        world = World(seed, START, journal=journal, added=added())
        clock = ServedClock(START, 1.0, MORNING_S)
        clock.freeze()
        return Tenant(name, world, clock)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with served(self.app) as self.port:
            self._ready.set()
            await self._over.wait()

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Have the loop do something."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENT_S)

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"


class InProcess:
    """Hands requests of an httpx client to the application, in its own loop.

    What a line does to a connection is raised as httpx would have it: silence ends with the
    client's own time-out, a reset as a broken connection.
    """

    def __init__(self, backstage: Backstage, tenant: str) -> None:
        self._backstage = backstage
        self._tenant = tenant

    def __call__(self, request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
        """Answer: at once to a client that blocks, as an awaitable to one that does not."""
        request.headers.setdefault(TENANT_HEADER, self._tenant)
        answer = self._backstage.submit(_asked(self._backstage.app, request))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            told: httpx.Response = answer.result()
            return told
        return asyncio.wrap_future(answer)


async def _asked(app: App, request: httpx.Request) -> httpx.Response:
    """Ask the application for one answer.

    Raises:
        httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError: there is none.
    """
    said: list[Message] = []
    broken = asyncio.Event()
    messages = iter([{"type": "http.request", "body": request.content}])

    async def receive() -> Message:
        for message in messages:
            return message
        await broken.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    limit_s = request.extensions.get("timeout", {}).get("read")
    with suppress(TimeoutError):  # the application may have taken being cancelled for its answer
        async with asyncio.timeout(limit_s) as limit:
            await app(_scope(request) | {ABORT: broken.set}, receive, send)
    if limit.expired():
        raise httpx.ReadTimeout("the line is silent", request=request)
    if broken.is_set():
        kind = httpx.RemoteProtocolError if said else httpx.ReadError
        raise kind("the line is broken", request=request)
    body = b"".join([message.get("body", b"") for message in said[1:]])
    return httpx.Response(said[0]["status"], headers=said[0]["headers"], content=body)


def _scope(request: httpx.Request) -> dict[str, Any]:
    """Return what ASGI tells of a request, from this machine."""
    raw, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port),
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("loanrange")
    group.addoption("--loanrange-seed", type=int, default=SEED, help="of the mocks' worlds")


@pytest.fixture(scope="session")
def loanrange(pytestconfig: pytest.Config) -> Iterator[Backstage]:
    """The stack that all tests of the session share."""
    backstage = Backstage(pytestconfig.getoption("loanrange_seed"))
    yield backstage
    backstage.close()


@pytest.fixture
def mock_server(loanrange: Backstage, request: pytest.FixtureRequest) -> Iterator[Mocks]:
    """The mocks on a real port, with a tenant of this test's own."""
    name = _name_of(request.node.nodeid)
    with httpx.Client(
        base_url=f"{loanrange.url}/_control/", timeout=PATIENT_S, trust_env=False
    ) as control:
        control.put(f"tenants/{name}").raise_for_status()
        yield Mocks(control, loanrange.url, name)
        control.delete(f"tenants/{name}").raise_for_status()


@pytest.fixture
def mocks(mock_server: Mocks, loanrange: Backstage) -> Iterator[Mocks]:
    """The mocks at the vendors' host names, for httpx clients in this process."""
    answer = InProcess(loanrange, mock_server.tenant)
    with respx.mock(assert_all_called=False) as router:
        router.route(host__regex=f"^{HERE}$").pass_through()
        router.route(host__regex=f"^(?:{'|'.join(HOSTS)})$").mock(side_effect=answer)
        yield mock_server


def _name_of(nodeid: str) -> str:
    """Return a tenant's name for a test: readable, and no other's."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", nodeid.rpartition("::")[2]).strip("-")[:40]
    return f"{words}-{blake2b(nodeid.encode(), digest_size=4).hexdigest()}"
