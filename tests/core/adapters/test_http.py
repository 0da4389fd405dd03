"""Providers over httpx: every operation at its vendor's real address, every failure its own no."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from base64 import b64encode
from collections import Counter
from contextlib import asynccontextmanager
from datetime import date
from hashlib import blake2b
from itertools import count

import httpx
import pytest
import respx

from core.adapters import http
from core.adapters.http import CONNECTIONS, HttpProvider, Lanes, baggage_of, client_of, machine_s
from core.errors import (
    ConnectionLost,
    NotDone,
    OutcomeUnknown,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.identity import CardNumber
from core.picture import Picture
from core.ports import (  # fmt: skip
    acquirer,
    bureau,
    carrier,
    corebank,
    evidence,
    face,
    idnet,
    ocr,
    registry,
    sanctions,
    wechat,
)
from core.ports.trace import Trace
from core.seed import Draws
from core.wire.acquirer import AcquirerWire
from core.wire.bureau import BureauWire
from core.wire.carrier import CarrierWire
from core.wire.corebank import CorebankWire
from core.wire.evidence import EvidenceWire
from core.wire.face import FaceWire
from core.wire.idnet import IdNetAccess, IdNetWire
from core.wire.message import HttpRequest
from core.wire.ocr import OcrWire
from core.wire.registry import RegistryWire
from core.wire.sanctions import SanctionsWire
from core.wire.tencent import TencentAccess
from core.wire.wechat import WeChatAccess, WeChatWire
from mocks.baggage import caller_of
from mocks.line import SEEN, Fault, FaultKind, Phase
from mocks.tenant import Tenant, Tenants
from scenarios.hosts.operations import OPERATIONS
from scenarios.hosts.world import World, built_in
from scenarios.population.shops import Shops
from scenarios.stack import app_of, served

START = date(2020, 7, 15)
NINE = 9 * 3600.0
BANK = "bozhi"
BANKS = {name: built_in()[0][name] for name in (BANK, "daopu")}
TRACE = Trace(BANK, "A1/李,=", 501, 2, 90_000.5, START)
PATIENT_S = 60.0  # for what must end by itself
SHORT_S = 0.3  # for what must not


class Still:
    """A business clock that stands at nine o'clock; nothing takes time."""

    def __init__(self):
        self.start, self.now_s = START, NINE

    async def enter(self, visit):
        pass

    async def serve(self, wait_s):
        pass

    def later(self, at_s, happens):
        happens()


def make_tenant(name, seed, *faults):
    return Tenant(name, World(7, START, banks=BANKS, products={}, faults=faults), Still())


# ----------------------------------------------------- every operation, at its vendor's address

TENCENT = {
    "ocr": "ocr.tencentcloudapi.com",
    "carrier": "faceid.tencentcloudapi.com",
    "face": "faceid.tencentcloudapi.com",
    "face.compare": "iai.tencentcloudapi.com",  # another product of the vendor, with its own name
}
ADDRESSES = {
    **{place: f"https://{host}" for place, host in TENCENT.items()},
    "wechat": "https://api.weixin.qq.com",
    **{
        name: f"https://{name}.example"
        for name in (
            *("idnet", "sanctions", "corebank", "bureau", "registry", "acquirer", "evidence"),
        )
    },
}
ACTIONS = {
    "ocr.card_front": "IDCardOCR",
    "ocr.card_back": "IDCardOCR",
    "ocr.licence": "BizLicenseOCR",
    "carrier.name_matches": "CheckPhoneAndName",
    "carrier.owner_matches": "PhoneVerification",
    "carrier.state": "MobileStatus",
    "carrier.since": "MobileNetworkTimeVerification",
    "face.start": "DetectAuth",
    "face.result": "GetDetectInfoEnhanced",
    "face.compare": "CompareFace",
}
PATHS = {
    "wechat": (
        *("/sns/jscode2session", "/cgi-bin/stable_token", "/wxa/business/getuserphonenumber"),
        *("/cgi-bin/message/subscribe/send", "/wxa/business/getuserencryptkey"),
    ),
    "idnet": ("/idnet/check",),
    "sanctions": ("/match/default",),
}


def routes(provider):
    """Give (address, what tells a request) for each that the provider's clients must send."""
    operations = [f"{provider}.{name}" for name in OPERATIONS[provider]]
    if provider in TENCENT:
        for place in operations:
            address = ADDRESSES.get(place, ADDRESSES[provider])
            yield f"{address}/", {"headers": {"x-tc-action": ACTIONS[place]}}
        return
    rest = [f"/{provider}/v1/{name}" for name in OPERATIONS[provider]]
    for path in PATHS.get(provider, rest):
        yield f"{ADDRESSES[provider]}{path}", {}


def routed(router, provider, app):
    """Lead the vendor's names into the faces; give the client of each address."""
    mocks = httpx.ASGITransport(app)
    for url, told in routes(provider):
        router.route(url=url, **told).mock(side_effect=mocks.handle_async_request)


def wire_of(provider, tenant):
    """Return the provider's codec with the tenant's credentials, as it would be for the vendor."""
    known = tenant.credentials

    def tencent(place):
        return TencentAccess(known.secret_id, known.secret_key, TENCENT[place], machine_s)

    make = {
        "wechat": lambda: WeChatWire(
            WeChatAccess(known.appid, known.app_secret, lambda: tenant.unix_s)
        ),
        "ocr": lambda: OcrWire(tencent("ocr")),
        "carrier": lambda: CarrierWire(tencent("carrier")),
        "face": lambda: FaceWire(tencent("face"), known.rule_id, tencent("face.compare")),
        "idnet": lambda: IdNetWire(IdNetAccess(lambda bank: "1" * 12, "c1", lambda: tenant.unix_s)),
        "sanctions": lambda: SanctionsWire(known.api_key),
        "corebank": lambda: CorebankWire(known.api_key),
        "bureau": lambda: BureauWire(known.api_key),
        "registry": lambda: RegistryWire(known.api_key),
        "acquirer": lambda: AcquirerWire(known.api_key),
        "evidence": lambda: EvidenceWire(known.api_key),
    }
    return make[provider]()


class Asking:
    """A provider that is asked in process: the behaviour itself. Keeps what was said."""

    def __init__(self, world):
        self.world, self.said, self._calls = world, [], count(1)

    async def __call__(self, place, query):
        trace = Trace(BANK, "A1", next(self._calls), 1, float("inf"), START)
        try:
            answer = await self.answer(place, trace, query)
        except ProviderError as no:
            answer = type(no)
        self.said.append((place, answer))
        return answer

    async def answer(self, place, trace, query):
        provider, _, name = place.partition(".")
        draws = self.world.seed.draws(place, trace.bank, trace.application, trace.call, 1)
        return getattr(self.world.behaviours[provider], name)(trace, query, NINE, draws)


class AskingOverHttp(Asking):
    """The same provider, asked by its client."""

    def __init__(self, tenant, provider):
        super().__init__(tenant.house)
        self._wire = wire_of(provider, tenant)

    async def answer(self, place, trace, query):
        provider, _, name = place.partition(".")
        address = ADDRESSES.get(place, ADDRESSES[provider])
        async with client_of(address) as client:
            asked = HttpProvider(provider, self._wire, client, PATIENT_S)
            return await asked.operation(name)(trace, query)


# What is asked of each provider: of every operation something, and of most a no as well.


def customer(world):
    return world.people.make(BANK, 1, holds_card=True)


def keeper(world):
    """Return somebody who keeps a shop, and the shop."""
    shops = Shops(world.people, BANKS)
    found = ((key, shops.by_owner(key)) for key in (f"{BANK}/{n:06d}" for n in count(1)))
    return next((key, shop) for key, shop in found if shop)


async def ask_wechat(ask, world):
    person = customer(world)
    code = world.wechat.device_login(person.openid, "n1", NINE)
    await ask("wechat.login", wechat.LoginQuery(code))
    await ask("wechat.login", wechat.LoginQuery(code))
    await ask("wechat.login", wechat.LoginQuery("neverminted" * 3))
    phone = world.wechat.device_phone_code(person.openid, "n2", NINE)
    await ask("wechat.phone", wechat.PhoneQuery(phone))
    message = wechat.MessageQuery(person.openid, "drawn", {"thing1": "放款成功"})
    await ask("wechat.message", message)
    world.wechat.grant(person.openid, "drawn")
    await ask("wechat.message", message)
    secret = blake2b(code.encode(), digest_size=16, person=b"session key").digest()
    for key in (b64encode(secret).decode(), "b3RoZXI="):
        await ask("wechat.user_keys", wechat.UserKeysQuery(person.openid, key))


async def ask_ocr(ask, world):
    key, _ = keeper(world)
    for side in ("front", "back", "nothing"):
        picture = Picture.named(f"{key}#{side}")
        await ask("ocr.card_front", ocr.CardQuery(picture))
        await ask("ocr.card_back", ocr.CardQuery(picture))
    for kind in ("licence", "front"):
        await ask("ocr.licence", ocr.LicenceQuery(Picture.named(f"{key}#{kind}")))


async def ask_carrier(ask, world):
    person = customer(world)
    for name in (person.name, "别人"):
        await ask("carrier.name_matches", carrier.NameQuery(person.phone, name))
        query = carrier.OwnerQuery(person.phone, name, person.id_number)
        await ask("carrier.owner_matches", query)
    await ask("carrier.state", carrier.StateQuery(person.phone))
    await ask("carrier.since", carrier.SinceQuery(person.phone))


async def ask_idnet(ask, world):
    person = customer(world)
    for name in (person.name, "别人"):
        await ask("idnet.check", idnet.IdQuery(name, person.id_number))


async def ask_sanctions(ask, world):
    for person in (customer(world), world.people.make(BANK, 2, listed="hit")):
        query = sanctions.ScreenQuery(person.name, person.id_number, "open_account")
        await ask("sanctions.screen", query)


async def ask_face(ask, world):
    person = customer(world)
    query = face.StartQuery(person.name, person.id_number, "sign")
    token = (await ask("face.start", query)).token
    await ask("face.result", face.ResultQuery(token))
    world.face.show(token, person, NINE, Draws(7, 1, 0))
    shown = await ask("face.result", face.ResultQuery(token))
    photo = Picture.named(f"{person.key}#idnet")
    await ask("face.compare", face.CompareQuery(shown.frame, photo))
    await ask("face.result", face.ResultQuery("FFFFFFFF" + token[8:]))


async def ask_bureau(ask, world):
    person = customer(world)
    for consent in ("C1", ""):
        query = bureau.DataQuery(person.name, person.id_number, consent)
        for name in OPERATIONS["bureau"]:
            await ask(f"bureau.{name}", query)


async def ask_registry(ask, world):
    await ask("registry.look_up", registry.BusinessQuery(keeper(world)[1].code))


async def ask_acquirer(ask, world):
    await ask("acquirer.flow", acquirer.FlowQuery(keeper(world)[1].code, 6, "C1"))


async def ask_evidence(ask, world):
    person = customer(world)
    paper = ("N1", "ab" * 32, "cd" * 32)
    will = evidence.SignQuery(*paper, person.name, person.id_number, "v1", "face-token")
    signed = await ask("evidence.sign", will)
    kept = (signed.signature, signed.public_key, signed.certificate, "v1", "face-token")
    deposit = await ask("evidence.deposit", evidence.DepositQuery(*paper, *kept))
    for receipt in (deposit.receipt, "ef" * 32):
        await ask("evidence.read", evidence.ReadQuery(receipt))
    await ask("evidence.status", evidence.StatusQuery(signed.certificate))


def key(serial):
    return corebank.Key(BANK, "loan", START, serial)


async def ask_corebank(ask, world):
    core = corebank
    person = customer(world)
    card = person.cards[0].number
    await ask("corebank.customer", core.CustomerQuery(person.name, person.id_number))
    await ask(
        "corebank.verify_five",
        core.FiveQuery(person.name, person.id_number, person.phone, card),
    )
    opened = await ask(
        "corebank.open_account",
        core.OpenQuery(key("1"), person.name, person.id_number, person.phone, card),
    )
    account = opened.account
    await ask("corebank.disburse", core.DisburseQuery(key("2"), "L1", account, 500_000))
    await ask("corebank.disburse", core.DisburseQuery(key("2"), "L1", account, 500_000))
    await ask("corebank.disburse", core.DisburseQuery(key("2"), "L1", account, 500_001))
    accrued = core.Adjustment.ACCRUE_INTEREST
    await ask("corebank.adjust", core.AdjustQuery(key("3"), "L1", accrued, 700))
    await ask("corebank.collect", core.CollectQuery(key("4"), "L1", account, 1_000, 0, 700, 0))
    out = core.Direction.OUT
    await ask("corebank.move", core.MoveQuery(key("5"), account, out, 2_000))
    await ask("corebank.transfer", core.TransferQuery(key("6"), account, out, 3_000))
    await ask("corebank.reserve", core.ReserveQuery(key("7"), account, 4_000))
    await ask("corebank.resolve", core.ResolveQuery(key("8"), key("7"), 1_500))
    await ask("corebank.reverse", core.ReverseQuery(key("9"), key("5")))
    for serial in ("2", "no such"):
        await ask("corebank.outcome", core.OutcomeQuery(key(serial), fence=True))
    await ask("corebank.account", core.AccountQuery(key("10"), account, core.AccountAct.FREEZE))
    await ask("corebank.balance", core.BalanceQuery(account))
    await ask("corebank.balance", core.BalanceQuery(CardNumber.make("629001", "000000000009")))
    await ask("corebank.limits", core.BalanceQuery(account))
    await ask("corebank.statement", core.StatementQuery(account, START, START))
    await ask("corebank.open_keys", core.BankQuery(BANK))
    await ask("corebank.day", core.BankQuery(BANK))
    await ask("corebank.reconciliation", core.BankQuery(BANK, START))
    world.corebank.cutoff(BANK)
    world.corebank.begin_batch(BANK)
    world.corebank.end_day(BANK, START.replace(day=16))
    await ask("corebank.reconciliation", core.BankQuery(BANK, START))
    await ask("corebank.general_ledger", core.BankQuery(BANK, START))


SCRIPTS = {
    "wechat": ask_wechat,
    "ocr": ask_ocr,
    "carrier": ask_carrier,
    "idnet": ask_idnet,
    "sanctions": ask_sanctions,
    "face": ask_face,
    "corebank": ask_corebank,
    "bureau": ask_bureau,
    "registry": ask_registry,
    "acquirer": ask_acquirer,
    "evidence": ask_evidence,
}


@pytest.mark.parametrize("provider", SCRIPTS)
def test_every_operation_is_answered_at_the_vendors_address_as_in_process(provider):
    tenants = Tenants(make_tenant)
    alone = Asking(make_tenant("alone", None).house)
    over = AskingOverHttp(tenants.default, provider)

    asyncio.run(SCRIPTS[provider](alone, alone.world))
    with respx.mock() as router:  # an unused route, or a request to any other, fails
        routed(router, provider, app_of(tenants))
        asyncio.run(SCRIPTS[provider](over, over.world))

    assert over.said == alone.said
    assert {place for place, _ in over.said} == {
        f"{provider}.{name}" for name in OPERATIONS[provider]
    }


def test_all_providers_but_the_object_store_are_asked_by_http():
    assert SCRIPTS.keys() == OPERATIONS.keys() - {"objects"}


def test_a_route_that_nobody_takes_fails():
    tenants = Tenants(make_tenant)
    over = AskingOverHttp(tenants.default, "carrier")

    def leaving_one_out():
        with respx.mock() as router:
            routed(router, "carrier", app_of(tenants))
            asyncio.run(ask_idnet_of_the_carrier(over))

    with pytest.raises(AssertionError, match="some routes were not called"):
        leaving_one_out()


async def ask_idnet_of_the_carrier(ask):
    await ask("carrier.state", carrier.StateQuery(customer(ask.world).phone))


# -------------------------------------------------------------------------- servers that misbehave


class Bare:
    """A codec of one operation: one GET, whose response is the answer."""

    def __init__(self, path="/"):
        self._path = path

    def ask(self, trace, query):
        return (yield HttpRequest("GET", self._path, {}, b""))

    def ask_twice(self, trace, query):
        yield HttpRequest("GET", "/first", {}, b"")
        return (yield HttpRequest("GET", "/second", {}, b""))


class Server:
    """A server of raw bytes: ``serve(self, reader, writer)`` has one connection to itself."""

    def __init__(self, serve):
        self._serve, self._tasks = serve, set()
        self.asked, self.connections, self.open, self.open_most = [], 0, 0, 0

    async def _one(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        self.open += 1
        self.open_most = max(self.open, self.open_most)
        try:
            await self._serve(self, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self.open -= 1
            writer.close()

    async def request(self, reader):
        """Read one request without a body; return its first line."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode())
        return head

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._one, "127.0.0.1", 0, backlog=1024)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def against(serve, limit_s=PATIENT_S, left_s=None, wire=None):
    """Give a provider whose server is ``serve``, and that server."""
    server = Server(serve)
    async with server.listening() as address, client_of(address) as client:
        yield HttpProvider("bank", wire or Bare(), client, limit_s, left_s), server


def ending(serve, name="ask", query=None, **given):
    """Return how one call against a server ends: its answer, or the error, and the server."""

    async def run():
        async with against(serve, **given) as (provider, server):
            try:
                return await provider.operation(name)(TRACE, query), server
            except ProviderError as no:
                return no, server

    return asyncio.run(run())


def answered(body=b"ok", *, status=200, **headers):
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def saying(*parts, then="close"):
    """A server that says these bytes to every request, and then closes, resets or waits."""

    async def serve(server, reader, writer):
        await server.request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then == "reset":
            reset(writer)
        if then == "wait":
            await asyncio.sleep(PATIENT_S)

    return serve


def reset(writer):
    """Break a connection without a goodbye."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def reset_unread(server, reader, writer):
    reset(writer)


async def polite(server, reader, writer):
    """Answer every request of a connection."""
    while True:
        await server.request(reader)
        await asyncio.sleep(0.001)
        writer.write(answered())


HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n{"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b'{"name": "value"}')


@pytest.mark.parametrize(
    ("serve", "kind"),
    [
        (reset_unread, ConnectionLost),  # nobody tells us that it was not read
        (saying(then="reset"), ConnectionLost),
        (saying(), ConnectionLost),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-le"), ConnectionLost),
        (saying(HALF), Unreadable),
        (saying(HALF, then="reset"), Unreadable),
        (saying(b"\x00\xff\x16garbage of Li Ming\r\n\r\n"), Unreadable),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Unreadable),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), Unreadable),
        (saying(CHUNKED, b"zz\r\nLi Ming\r\n"), Unreadable),
        (saying(CHUNKED, b"5\r\nhello\r\n"), Unreadable),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000), Unreadable),
        (saying(answered(b"\x1f\x8bno such thing", content_encoding="gzip")), Unreadable),
    ],
    ids=(
        *("reset unread", "reset", "goodbye", "half a head", "half a body", "half, then reset"),
        *("garbage", "another protocol", "no length", "no chunk", "half the chunks"),
        *("endless head", "no gzip"),
    ),
)
def test_what_breaks_is_told_by_what_is_known_of_its_effect(serve, kind):
    no, _ = ending(serve)

    assert type(no) is kind
    assert isinstance(no, OutcomeUnknown)
    assert no.operation == "bank.ask"
    assert "Li Ming" not in str(no)


def test_an_address_where_nobody_listens_is_unreachable():
    async def ask():
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            async with client_of(address) as client:
                await HttpProvider("bank", Bare(), client, PATIENT_S).operation("ask")(TRACE, None)

    with pytest.raises(Unreachable):
        asyncio.run(ask())


def test_a_server_that_takes_no_connection_is_unreachable():
    # A connection that does not come about has certainly had no effect: that is no time-out.
    async def ask():
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen(0)
            address = busy.getsockname()
            with socket.create_connection(address):  # it has room for one that nobody accepts
                async with client_of("http://{}:{}".format(*address)) as client:
                    provider = HttpProvider("bank", Bare(), client, SHORT_S)
                    await provider.operation("ask")(TRACE, None)

    with pytest.raises(Unreachable, match="ConnectTimeout"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "serve",
    [
        saying(then="wait"),
        saying(HALF, then="wait"),
        saying(answered(b"x" * 600)[:-1], then="wait"),
    ],
    ids=["silence", "half an answer", "one byte less"],
)
@pytest.mark.parametrize(
    "time", [{"limit_s": SHORT_S}, {"left_s": lambda trace: SHORT_S}], ids=["limit", "deadline"]
)
def test_who_says_nothing_more_is_not_waited_for(serve, time):
    no, server = ending(serve, **time)

    assert type(no) is TimedOut
    assert len(server.asked) == 1


def test_after_the_errands_deadline_nothing_is_sent():
    no, server = ending(polite, left_s=lambda trace: trace.deadline_s - 90_000.5)

    assert type(no) is Unreachable
    assert server.connections == 0


def test_the_requests_of_one_attempt_share_its_time():
    async def serve(server, reader, writer):
        while True:
            await server.request(reader)
            await asyncio.sleep(SHORT_S * 2 / 3)  # either alone would come in time
            writer.write(answered())

    no, server = ending(serve, "ask_twice", limit_s=SHORT_S)

    assert type(no) is TimedOut
    assert len(server.asked) <= 2


def test_an_answer_that_never_ends_is_left(monkeypatch):
    monkeypatch.setattr(http, "ANSWER_MAX", 100_000)

    async def serve(server, reader, writer):
        await server.request(reader)
        writer.write(CHUNKED)
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    no, _ = ending(serve)

    assert type(no) is Unreadable


def test_a_small_answer_that_unpacks_to_a_large_one_is_left(monkeypatch):
    monkeypatch.setattr(http, "ANSWER_MAX", 100_000)
    bomb = answered(gzip.compress(bytes(1_000_000)), content_encoding="gzip")

    assert type(ending(saying(bomb))[0]) is Unreadable


def test_a_packed_answer_is_unpacked():
    answer, server = ending(saying(answered(PACKED, content_encoding="gzip", X_Said="Yes")))

    assert (answer.status, answer.body) == (200, b'{"name": "value"}')
    assert answer.headers["x-said"] == "Yes"
    assert "gzip" in server.asked[0]


def test_a_redirection_is_not_followed():
    answer, server = ending(saying(answered(b"", status=307, location="/elsewhere")))

    assert (answer.status, len(server.asked)) == (307, 1)


@pytest.mark.parametrize("path", ["/" + "x" * 70_000, "/a\x00b"], ids=["too long", "no text"])
def test_what_cannot_be_sent_is_certainly_not_done(path):
    # A login code comes from a phone, and stands in an address.
    no, server = ending(polite, wire=Bare(path))

    assert type(no) is NotDone
    assert server.connections == 0


@pytest.mark.parametrize(
    ("wire", "name", "query"),
    [
        (RegistryWire("k"), "look_up", registry.BusinessQuery(CardNumber.make("629001", "1" * 9))),
        (WeChatWire(WeChatAccess("wx", "s", lambda: 0.0)), "login", wechat.LoginQuery("c")),
    ],
    ids=["rest", "wechat"],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, ServerFailed), (502, ServerFailed), (503, ServerFailed), (429, QuotaExceeded)],
)
def test_a_server_that_fails_says_so_by_its_status(wire, name, query, status, kind):
    page = answered(b"<html>", status=status, content_type="text/html")

    assert type(ending(saying(page), name, query, wire=wire)[0]) is kind


# ---------------------------------------------------------------------- many callers, few places


async def until(is_so):
    while not is_so():  # noqa: ASYNC110  no event tells what a server saw
        await asyncio.sleep(0.001)


def gathered(serve, calls, **given):
    """Return how many calls at once end, by their kinds, and the server."""

    async def run():
        async with against(serve, **given) as (provider, server):
            ask = provider.operation("ask")
            ends = await asyncio.gather(
                *(ask(TRACE, None) for _ in range(calls)), return_exceptions=True
            )
            return Counter(type(end).__name__ for end in ends), server

    return asyncio.run(run())


def test_500_calls_at_once_go_through_a_few_connections_and_all_end():
    ends, server = gathered(polite, 500)

    assert ends == {"HttpResponse": 500}
    assert len(server.asked) == 500
    assert server.connections == CONNECTIONS  # each is kept, and used again


def test_500_calls_at_once_end_though_every_answer_ends_its_connection():
    ends, server = gathered(saying(answered(connection="close")), 500)

    assert ends == {"HttpResponse": 500}
    assert (server.connections, server.open_most <= CONNECTIONS) == (500, True)


def test_500_calls_at_once_end_though_every_third_is_broken():
    numbers = count(1)

    async def serve(server, reader, writer):
        while True:
            await server.request(reader)
            if next(numbers) % 3 == 0:
                return reset(writer)
            writer.write(answered())

    ends, _ = gathered(serve, 500)

    assert ends == {"HttpResponse": 334, "ConnectionLost": 166}


def test_who_finds_no_place_in_time_has_certainly_done_nothing():
    ends, server = gathered(saying(then="wait"), CONNECTIONS + 30, limit_s=SHORT_S)

    # Who takes the place of one that gave up a moment before may be out of time as well.
    assert ends.keys() == {"TimedOut", "Unreachable"}
    assert CONNECTIONS <= len(server.asked) <= ends["TimedOut"]


def test_a_call_alone_after_another_uses_its_connection_again():
    async def run():
        async with against(polite) as (provider, server):
            for _ in range(20):
                await provider.operation("ask")(TRACE, None)
            return server

    assert asyncio.run(run()).connections == 1


def test_a_connection_that_the_server_has_left_is_not_used_again():
    async def run():
        async with against(saying(answered())) as (provider, server):
            for _ in range(5):
                await provider.operation("ask")(TRACE, None)
                await until(lambda: not server.open)
                await asyncio.sleep(0.01)  # for its goodbye to come
            return server

    assert asyncio.run(run()).connections == 5


def test_an_idle_connection_is_left_before_its_server_leaves_it():
    assert http.KEPT_S < 5.0  # seconds: uvicorn's, the shortest that we know
    [pool] = {lane._pool._keepalive_expiry for lane in Lanes()._idle}
    assert pool == http.KEPT_S


def test_a_cancelled_call_frees_its_place():
    silent = asyncio.Event()

    async def serve(server, reader, writer):
        while True:
            await server.request(reader)
            await silent.wait()
            writer.write(answered())

    async def run():
        async with against(serve) as (provider, server):
            ask = provider.operation("ask")
            held = [asyncio.create_task(ask(TRACE, None)) for _ in range(CONNECTIONS)]
            queued = [asyncio.create_task(ask(TRACE, None)) for _ in range(50)]
            await until(lambda: len(server.asked) == CONNECTIONS)
            for task in (*held, *queued[::2]):
                task.cancel()
            silent.set()
            return await asyncio.gather(*held, *queued, return_exceptions=True)

    ends = Counter(type(end).__name__ for end in asyncio.run(run()))

    assert ends == {"CancelledError": CONNECTIONS + 25, "HttpResponse": 25}


def test_a_call_may_be_cancelled_at_any_moment():
    async def run():
        async with against(polite) as (provider, _):
            ask = provider.operation("ask")
            for turns in range(80):
                crowd = [asyncio.create_task(ask(TRACE, None)) for _ in range(CONNECTIONS + 2)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                for task in crowd:
                    task.cancel()
                await asyncio.gather(*crowd, return_exceptions=True)
            # No place was lost on the way: as many as ever are served, and at once.
            return await asyncio.gather(*(ask(TRACE, None) for _ in range(100)))

    assert [answer.body for answer in asyncio.run(run())] == [b"ok"] * 100


def test_the_lanes_of_one_client_are_few_whoever_shares_them():
    async def run():
        server = Server(polite)
        async with server.listening() as address, client_of(address) as client:
            tenants = [HttpProvider("bank", Bare(), client, PATIENT_S) for _ in range(5)]
            calls = (each.operation("ask")(TRACE, None) for each in tenants * 20)
            return await asyncio.gather(*calls), server

    answers, server = asyncio.run(run())

    assert (len(answers), server.open_most) == (100, CONNECTIONS)


def test_a_lane_is_free_once_however_often_its_answer_is_closed():
    async def run():
        server = Server(polite)
        lanes = Lanes(1)
        async with server.listening() as address, client_of(address, lanes) as client:
            answer = await client.send(client.build_request("GET", "/"), stream=True)
            other = asyncio.create_task(client.get("/"))
            for _ in range(100):
                await asyncio.sleep(0)
            waited = not other.done()  # the answer is not read yet
            for _ in range(3):
                await answer.aclose()
            await asyncio.gather(other, client.get("/"), client.get("/"))
            return waited, server.open_most

    assert asyncio.run(run()) == (True, 1)


# ------------------------------------------------------------------------------ what goes along


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_machines_proxies_are_not_used(monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert ending(polite)[0].body == b"ok"


def test_no_cookie_comes_back():
    async def serve(server, reader, writer):
        while True:
            await server.request(reader)
            writer.write(answered(set_cookie="session=of-somebody; Path=/"))

    _, server = ending(serve, "ask_twice")

    assert len(server.asked) == 2
    assert "of-somebody" not in "".join(server.asked)


def test_an_attempt_is_named_in_a_header_that_the_other_side_reads():
    async def run():
        async with against(polite) as (provider, server):
            ask = provider.telling(lambda: "lr.visit=9", {"x-loanrange-tenant": "t1"})
            await ask.operation("ask")(TRACE, None)
            return server.asked[0]

    asked = asyncio.run(run())
    told = next(line[9:] for line in asked.split("\r\n") if line.lower().startswith("baggage:"))

    assert caller_of(told) == (TRACE, "9")
    assert "x-loanrange-tenant: t1" in asked
    assert baggage_of(TRACE).isascii()
    forever = replace_deadline(TRACE)
    assert caller_of(baggage_of(forever)).trace == forever


def replace_deadline(trace):
    return trace._replace(deadline_s=float("inf"))


# ---------------------------------------------------------------- planned faults, over the stack

# Reset before it was read: only the server knows that, and it is not asked.
OVER_THE_WIRE = SEEN | {(FaultKind.RESET, Phase.BEFORE): ConnectionLost}


@pytest.mark.parametrize(
    ("kind", "phase"), OVER_THE_WIRE, ids=lambda each: each.value.replace("_", "-")
)
@pytest.mark.parametrize("provider", ["carrier", "wechat", "registry"])
def test_a_planned_fault_is_seen_over_http_as_in_process(provider, kind, phase):
    fault = Fault(provider, kind, phase)
    tenants = Tenants(lambda name, seed: make_tenant(name, seed, fault))
    tenant = tenants.default
    known, person = tenant.credentials, customer(tenant.house)

    async def ask():
        async with served(app_of(tenants)) as port:
            host = f"127.0.0.1:{port}"
            access = TencentAccess(known.secret_id, known.secret_key, host, machine_s)
            wire, name, query = {
                "carrier": (CarrierWire(access), "state", carrier.StateQuery(person.phone)),
                "wechat": (wire_of("wechat", tenant), "login", wechat.LoginQuery("c" * 32)),
                "registry": (
                    RegistryWire(known.api_key),
                    *("look_up", registry.BusinessQuery(keeper(tenant.house)[1].code)),
                ),
            }[provider]
            limit_s = SHORT_S if kind is FaultKind.DROP else PATIENT_S
            async with client_of(f"http://{host}") as client:
                over = HttpProvider(provider, wire, client, limit_s)
                await over.operation(name)(TRACE, query)

    with pytest.raises(ProviderError) as no:
        asyncio.run(ask())

    assert type(no.value) is OVER_THE_WIRE[kind, phase]
    assert isinstance(no.value, NotDone) <= issubclass(SEEN[kind, phase], NotDone)
