"""However many call, a tenant keeps no more than it may: what expires goes with the clock.

Looked at are all stores there are, found by walking through the tenant, so that a new one is seen
too. Money is kept, and so are signed contracts: accounts and deposits of evidence grow with the
accounts and the contracts, never with how often one asks after them.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import contextmanager, suppress
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from core.adapters.http import baggage_of, machine_s
from core.errors import ProviderError
from core.ports import (  # fmt: skip
    acquirer,
    bureau,
    carrier,
    corebank,
    evidence,
    face,
    idnet,
    registry,
    sanctions,
    wechat,
)
from core.ports.carrier import PhoneVerdict
from core.ports.face import FaceVerdict
from core.ports.trace import Trace
from core.ports.wechat import CodeVerdict, MessageVerdict
from core.wire.message import HttpResponse
from core.wire.tencent import Action, TencentAccess
from core.wire.tencent import request as signed
from mocks import shelf, snapshots, tencent_call
from mocks import tenant as tenants_of
from mocks.acquirer import behaviour as acquirers
from mocks.bureau import behaviour as bureaus
from mocks.clock import ServedClock
from mocks.face import behaviour as faces
from mocks.face import desk
from mocks.journal import Journal
from mocks.sanctions import behaviour as lists
from mocks.snapshots import Snapshot
from mocks.tenant import Tenant, Tenants
from mocks.tencent import TencentFace
from mocks.wechat import tokens
from mocks.wechat.server import WeChatFace
from mocks.wire import Request
from scenarios.hosts.wire import wires
from scenarios.hosts.world import World
from scenarios.population import register
from scenarios.population.shops import Shops
from tests.mocks.rest_kit import BANK, BANKS, NINE, START

HOST = "mocks.example"
DAY_S = 86_400.0
DRAWS = World(7, START, banks=BANKS, products={}).seed.draws("face.show", BANK, "A", 1, 1)
NOBODYS = Request("POST", "/", b"", {}, b"", HOST)

# The bounds as they are here, where few come.
BOUNDS = (
    (shelf, "LATEST_KEPT", 40),
    (register, "MADE_MAX", 300),
    (tenants_of, "ARRIVALS_MAX", 400),
    (desk, "OPENED_MAX", 300),
    (tokens, "SESSIONS_MAX", 300),
    (bureaus, "ASKED_KEPT", 200),
    (acquirers, "ASKED_KEPT", 200),
    (lists, "AUDIT_KEPT", 200),
)


# What only a number bounds, for nothing tells when its time is over.
CAPPED = (
    ("tenant._arrivals", tenants_of, "ARRIVALS_MAX"),
    ("Desk'>.opened", desk, "OPENED_MAX"),
    ("sessions._sessions", tokens, "SESSIONS_MAX"),
)


class Served:
    """A tenant, asked in process: over the bytes of its vendors' wires, or at its ports."""

    def __init__(self, journal_kept):
        world = World(7, START, banks=BANKS, products={}, journal=Journal.bounded(journal_kept))
        clock = ServedClock(START, 1.0, NINE)
        clock.frozen = True
        self.tenants = Tenants(lambda name, seed: Tenant(name, world, clock))
        self.tenant, self.clock = self.tenants.default, clock
        self.world, self.people = world, world.people
        self.wires = wires(self.tenant, HOST)
        self.wechat, self.tencent = WeChatFace(self.tenants), TencentFace(self.tenants, machine_s)
        self.shops = Shops(world.people, BANKS)
        known = self.tenant.credentials
        self.access = TencentAccess(known.secret_id, known.secret_key, HOST, machine_s)

    async def over(self, front, request, headers):
        """Hand a request to a face as the server would; return the answer."""
        path, query = urlsplit(request.path).path, urlsplit(request.path).query.encode()
        named = {name.lower(): value for name, value in {**request.headers, **headers}.items()}
        reply = await front.serve(Request(request.method, path, query, named, request.body, HOST))
        return HttpResponse(reply.status, {}, reply.body)

    async def wired(self, front, operation, query, who):
        """Ask over a vendor's wire; return the answer."""
        provider, _, name = operation.partition(".")
        exchange = getattr(self.wires[provider], name)(who.trace, query)
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self.over(front, request, who.headers))
        except StopIteration as end:
            return end.value

    async def asked(self, operation, subject, query, who):
        """Ask at the port; return the answer."""
        request = NOBODYS._replace(headers=who.headers)
        return await self.tenant.ask(operation, request, subject, query, BANK)

    async def action(self, name, **said):
        """Call an action of Tencent Cloud that no port knows."""
        action = Action(name, "faceid", "2018-03-01", name)
        answer = await self.over(self.tencent, signed(self.access, action, said), {})
        assert b'"Error"' not in answer.body

    @property
    def calls(self):
        return self.tenant.tally.calls.total()


class Visitor(NamedTuple):
    """Who comes: somebody, and how their backend names its calls, if it does."""

    person: object
    index: int
    trace: Trace
    headers: dict[str, str]


# ------------------------------------------------------------------------- what a visitor does


async def log_in(served, who):
    code = served.world.wechat.device_login(who.person.openid, f"n{who.index}", served.clock.now_s)
    await served.wired(served.wechat, "wechat.login", wechat.LoginQuery(code), who)


async def send_message(served, who):
    openid = who.person.openid
    served.world.wechat.grant(openid, "T1")
    query = wechat.MessageQuery(openid, "T1", {"thing1": f"{who.index}"})
    await served.asked("wechat.message", openid, query, who)


async def ask_carrier(served, who):
    query = carrier.NameQuery(who.person.phone, who.person.name)
    await served.wired(served.tencent, "carrier.name_matches", query, who)


async def check_face(served, who):
    person = who.person
    query = face.StartQuery(person.name, person.id_number, "sign")
    started = await served.wired(served.tencent, "face.start", query, who)
    served.world.face.show(started.token, person, served.clock.now_s, DRAWS)
    await served.wired(served.tencent, "face.result", face.ResultQuery(started.token), who)


async def check_face_in_app(served, who):
    named = {"Name": who.person.name, "IdCard": who.person.id_number.text}
    await served.action("GetFaceIdToken", CompareLib="BUSINESS", **named)
    await served.action("IdCardVerification", **named)


async def check_identity(served, who):
    name, number = who.person.name, who.person.id_number
    await served.asked("idnet.check", number.text, idnet.IdQuery(name, number), who)
    query = sanctions.ScreenQuery(name, number, "open")
    await served.asked("sanctions.screen", number.text, query, who)


async def ask_bureau(served, who):
    name, number = who.person.name, who.person.id_number
    query = bureau.DataQuery(name, number, "C1")
    await served.asked("bureau.credit_report", number.text, query, who)


async def ask_business(served, who):
    shop = served.shops.by_owner(who.person.key)
    if shop is not None:
        query = registry.BusinessQuery(shop.code)
        await served.asked("registry.look_up", shop.code.text, query, who)
        query = acquirer.FlowQuery(shop.code, 3, "C1")
        await served.asked("acquirer.flow", shop.code.text, query, who)


ACTS = (
    *(log_in, ask_carrier, check_face, check_face_in_app, check_identity),
    *(ask_bureau, ask_business, send_message),
)


async def visit(served, index, acts, apart_s):
    """Have the next one come; every second one's backend gives its calls names."""
    person = served.people.person(BANK, index)
    trace = Trace(BANK, f"A{index}", 1, 1, float("inf"), served.tenant.today)
    headers = {"baggage": baggage_of(trace)} if index % 2 else {}
    who = Visitor(person, index, trace, headers)
    for number in range(acts):
        with suppress(ProviderError):
            await ACTS[(index + number) % len(ACTS)](served, who)
    await served.clock.advance(apart_s)


# ------------------------------------------------------------------------------ what is measured


@contextmanager
def bounds(rows):
    """Have other bounds for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, most in rows:
            patch.setattr(module, name, most)
        yield


def stores(tenant):
    """Return how much stands in each store of a tenant, by where it is."""
    found, met = Counter(), set()
    shared = (*snapshots.UNCHANGING, *tenant.house.unchanging)

    def walk(thing, place):
        if id(thing) in met or isinstance(thing, (str, bytes, int, float, type, *shared)):
            return
        met.add(id(thing))
        if isinstance(thing, dict):
            found[place] += len(thing)
            inside = [(each, f"{place}[]") for each in thing.values()]
            if len(thing) < 64 and all(isinstance(name, (str, type)) for name in thing):
                inside = [(each, f"{place}.{name}") for name, each in thing.items()]
        elif isinstance(thing, (list, deque, set, frozenset)):
            found[place] += len(thing)
            inside = [(each, f"{place}[]") for each in thing]
        elif type(thing).__module__.startswith(("mocks", "scenarios", "core.store")):
            inside = [(each, f"{place}.{name}") for name, each in fields(thing)]
        else:
            return
        for each, where in inside:
            walk(each, where)

    walk(tenant, "tenant")
    return found


def fields(thing):
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    held = {name: getattr(thing, name) for name in names if hasattr(thing, name)}
    return (held | getattr(thing, "__dict__", {})).items()


def size(tenant):
    """Return the bytes of a tenant, written down whole."""
    return len(Snapshot.of(tenant, "size").content)


class Seen(NamedTuple):
    """A tenant after so many calls."""

    calls: int
    stores: Counter[str]
    size: int


def looked_at(served):
    return Seen(served.calls, stores(served.tenant), size(served.tenant))


def run(visitors, acts, apart_s, journal_kept=1_000):
    """Have so many come; return what was seen after each tenth of them."""

    async def come():
        served, seen = Served(journal_kept), []
        for index in range(visitors):
            await visit(served, index, acts, apart_s)
            if (index + 1) % (visitors // 10) == 0:
                seen.append(looked_at(served))
        return seen

    return asyncio.run(come())


def most_in(place, before):
    """Return what may stand in a store where so much stood before: a number, or hardly more."""
    for ending, module, name in CAPPED:
        if place.endswith(ending):
            return getattr(module, name)
    return 1.1 * before + 60


def grown(earlier, later):
    """Return the stores that went on growing."""
    before, now = earlier.stores, later.stores
    return {place: n for place, n in now.items() if n > most_in(place, before[place])}


# ---------------------------------------------------------------------------------- the crowds


def test_a_crowd_leaves_no_more_behind_than_half_of_it():
    with bounds(BOUNDS):
        seen = run(5_000, 4, 900.0)
        earlier, later = seen[4], seen[9]
        assert grown(earlier, later) == {}

    assert later.calls > 20_000
    assert later.calls > 1.9 * earlier.calls
    assert later.size < 1.1 * earlier.size + 50_000


def test_a_store_that_grows_is_found():
    served = Served(10)
    before = looked_at(served)
    served.world.bureau.leak = {"deep": [Leak() for _ in range(100)]}
    after = looked_at(served)

    assert set(grown(before, after)) == {"tenant.house.bureau.leak.deep"}
    assert after.size > before.size


class Leak:
    """Something that stays."""


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_million_calls_of_a_hundred_thousand_people():
    seen = run(100_000, len(ACTS), 26.0, journal_kept=10_000)  # over thirty days
    for each in seen:
        print(f"{each.calls:>9,} calls: {each.size / 1e6:6.1f} MB")
    earlier, later = seen[5], seen[9]

    assert later.calls > 1_000_000
    assert grown(earlier, later) == {}
    assert later.size < 1.4 * earlier.size  # sessions and checks of a hundred thousand people
    assert later.size < 120e6


def asked_again_and_again(ask):
    """Return the stores of a tenant after the same questions were asked twice, and twenty times."""

    async def run():
        served = Served(10)
        seen = []
        for number in range(20):
            for index in range(30):
                person = served.people.make(BANK, index, holds_card=True)
                trace = Trace(BANK, f"A{index}", 1, 1, float("inf"), START)
                headers = {"baggage": baggage_of(trace)}
                await ask(served, Visitor(person, index, trace, headers))
            await served.clock.advance(60.0)
            if number in (1, 19):
                seen.append(looked_at(served))
        return seen

    return asyncio.run(run())


async def ask_balance(served, who):
    account = who.person.home_card.number
    for name in ("balance", "limits"):
        query = corebank.BalanceQuery(account)
        await served.asked(f"corebank.{name}", account.text, query, who)


async def sign(served, who):
    paper = (f"K-{who.index}", "ab" * 32, "cd" * 32)
    named = (*paper, who.person.name, who.person.id_number, "v1", "will")
    made = await served.asked("evidence.sign", paper[0], evidence.SignQuery(*named), who)
    proof = (made.signature, made.public_key, made.certificate)
    query = evidence.DepositQuery(*paper, *proof, "v1", "will")
    lies = await served.asked("evidence.deposit", paper[0], query, who)
    await served.asked("evidence.read", lies.receipt, evidence.ReadQuery(lies.receipt), who)
    query = evidence.StatusQuery(made.certificate)
    await served.asked("evidence.status", made.certificate, query, who)


@pytest.mark.parametrize("ask", [ask_balance, sign])
def test_what_is_kept_for_good_grows_with_what_there_is_and_not_with_questions(ask):
    twice, often = asked_again_and_again(ask)

    assert often.calls == 10 * twice.calls
    assert often.stores == twice.stores
    assert often.size < twice.size + 1_000  # figures of more digits


# ------------------------------------------------------------------------- one thing, one time


@pytest.fixture
def at_once(monkeypatch):
    """Have everything let go of as soon as its time is over, and something else comes."""
    monkeypatch.setattr(shelf, "LATEST_KEPT", 0)


def named(number):
    return Trace(BANK, f"A{number}", 1, 1, float("inf"), START)


@pytest.fixture
def world():
    return World(7, START, banks=BANKS, products={})


def face_token(world, person, number, now_s):
    query = face.StartQuery(person.name, person.id_number, "sign")
    return world.face.start(named(number), query, now_s, None).token


@pytest.mark.usefixtures("at_once")
def test_a_face_check_is_forgotten_when_its_result_cannot_be_read_any_more(world):
    one, first = world.people.person(BANK, 1), faces.KNOWN_S
    token = face_token(world, one, 1, 0.0)
    asked = face.ResultQuery(token)

    world.face.show(token, one, faces.TOKEN_LIFE_S - 1.0, DRAWS)
    ends = [world.face.result(named(1), asked, at_s, None).verdict for at_s in (first - 2, first)]
    assert ends == [FaceVerdict.PASSED, FaceVerdict.TOKEN_UNKNOWN]
    assert list(world.face._sessions) == [token]
    assert list(world.face._sessions) != [face_token(world, one, 2, first)]
    assert len(world.face._sessions) == 1


@pytest.mark.usefixtures("at_once")
def test_a_persons_comparisons_are_forgotten_on_the_next_day(world):
    one, two, three = (world.people.make(BANK, index) for index in (1, 2, 3))
    kept = []
    for number, at_s in enumerate((0.0, 50_000.0, DAY_S - 1.0)):
        world.face.show(face_token(world, one, number, at_s), one, at_s, DRAWS)
    for person, at_s in ((two, DAY_S), (three, DAY_S + 60.0)):
        world.face.show(face_token(world, person, person.index + 9, at_s), person, at_s, DRAWS)
        kept.append(list(world.face._shown_s))

    numbers = [person.id_number.text for person in (one, two, three)]
    assert kept == [numbers[:2], numbers[1:]]  # the minute goes over midnight


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", ["login", "phone"])
def test_a_code_is_forgotten_a_day_after_it_was_minted(world, kind):
    one, mine = world.people.person(BANK, 1), world.wechat
    mint = mine.device_login if kind == "login" else mine.device_phone_code
    change, query = {
        "login": (mine.login, wechat.LoginQuery),
        "phone": (mine.phone, wechat.PhoneQuery),
    }[kind]
    code = mint(one.openid, "n1", 0.0)

    times_s = (299.0, DAY_S - 1.0, DAY_S)
    ends = [change(named(1), query(code), at_s, None).verdict for at_s in times_s]
    assert ends == [CodeVerdict.OK, CodeVerdict.OK, CodeVerdict.UNKNOWN]
    kept = mine._login_codes if kind == "login" else mine._phone_codes
    assert set(kept) == {code}
    assert set(kept) != {mint(one.openid, "n2", DAY_S)}
    assert len(kept) == 1


@pytest.mark.usefixtures("at_once")
def test_a_message_is_sent_once_for_three_days(world):
    one = world.people.person(BANK, 1)
    query = wechat.MessageQuery(one.openid, "T1", {"thing1": "paid"})

    def send(at_s):
        return world.wechat.message(named(1), query, at_s, None).verdict

    world.wechat.grant(one.openid, "T1")
    assert [send(0.0), send(3 * DAY_S - 1.0)] == [MessageVerdict.SENT] * 2
    assert send(3 * DAY_S) is MessageVerdict.NOT_GRANTED
    assert world.wechat._grants == {}
    world.wechat.grant(one.openid, "T1")
    assert send(3 * DAY_S) is MessageVerdict.SENT
    assert len(world.wechat._sent) == 1


@pytest.mark.usefixtures("at_once")
def test_who_asked_about_a_number_is_forgotten_the_day_after_the_next(world):
    one, two = (world.people.make(BANK, index) for index in (1, 2))

    def ask(person, day):
        query = carrier.NameQuery(person.phone, person.name)
        return world.carrier.name_matches(named(day), query, day * DAY_S, None).verdict

    assert {ask(one, 0), ask(two, 1)} == {PhoneVerdict.SAME}
    assert len(world.carrier._askers) == 2  # a late call of yesterday's may still come
    assert ask(two, 2) is PhoneVerdict.SAME
    assert [day for *_, day in world.carrier._askers] == [1, 2]


@pytest.mark.usefixtures("at_once")
def test_a_token_of_an_app_is_forgotten_with_its_result():
    async def run():
        served = Served(10)
        known = served.world.people.person(BANK, 1)
        named = {"Name": known.name, "IdCard": known.id_number.text}
        kept = []
        for wait_s in (0.0, desk.KNOWN_S - 1.0, 1.0):
            await served.clock.advance(wait_s)
            await served.action("GetFaceIdToken", CompareLib="BUSINESS", **named)
            office = served.tenant.rooms[tencent_call.Office]
            kept.append(len(office.room(desk.Desk).tokens))
        return kept

    assert asyncio.run(run()) == [1, 2, 2]


def test_an_access_token_is_forgotten_when_it_is_not_good_any_more():
    made, kept = tokens.AccessTokens("wx1", "secret"), []
    for now in range(0, 40_000, 100):
        made.plain(now)
        kept.append(len(made._series[tokens.Kind.PLAIN].until))

    assert max(kept) == 4  # a new one every 100 s, and what it replaces is good for 300 more


def test_the_journals_of_questions_keep_the_last(monkeypatch):
    for module in (bureaus, acquirers):
        monkeypatch.setattr(module, "ASKED_KEPT", 3)
    world = World(7, START, banks=BANKS, products={})
    one = world.people.person(BANK, 1)
    for number in range(5):
        query = bureau.DataQuery(one.name, one.id_number, f"C{number}")
        world.bureau.credit_report(named(number), query, 0.0, None)

    assert [asked.consent for asked in world.bureau.asked] == ["C2", "C3", "C4"]


def test_of_those_who_were_made_the_last_are_kept_and_all_come_back_the_same(monkeypatch):
    monkeypatch.setattr(register, "MADE_MAX", 3)
    people = World(7, START, banks=BANKS, products={}).people
    said = people.make(BANK, 100, listed="hit")
    first = [people.person(BANK, index) for index in range(9)]

    assert len(people) == 4
    assert people.by_key(said.key) is said
    for one in first:
        found = people.by_number(one.id_number)
        assert (found, people.by_phone(one.phone), people.by_openid(one.openid)) == (one,) * 3
    assert len(people) == 4
    changed = people.with_truth(first[0].key, listed="review")
    assert [people.person(BANK, index).key for index in range(9)] == [one.key for one in first]
    assert people.by_number(first[0].id_number) is changed
    assert len(people) == 5


# ------------------------------------------------------- nothing hangs on what was let go of


def answers(kind, kept, seed):
    """Ask one provider at random, in the order of time; return all answers."""
    with bounds([(shelf, "LATEST_KEPT", kept)]):
        world, chance, now_s = World(7, START, banks=BANKS, products={}), Random(seed), 0.0
        people = [world.people.make(BANK, index) for index in range(4)]
        ask, known, told = ASKING[kind], [], []
        for _ in range(400):
            now_s += chance.choice((0.0, 1.0, 40.0, 400.0, 9_000.0, 90_000.0))
            told.append(ask(world, chance, chance.choice(people), now_s, known))
        return told


def ask_face(world, chance, person, now_s, known):
    match chance.randrange(4) if known else 0:
        case 0:
            known.append(face_token(world, person, chance.randrange(60), now_s))
            return known[-1]
        case 1 | 2:
            return world.face.show(chance.choice(known[-6:]), person, now_s, DRAWS)
    query = face.ResultQuery(chance.choice(known[-6:]))
    return world.face.result(named(1), query, now_s, None)


def ask_wechat(world, chance, person, now_s, known):
    mine, trace = world.wechat, named(chance.randrange(3))
    match chance.randrange(4) if known else 0:
        case 0:
            known.append(mine.device_login(person.openid, f"n{chance.randrange(20)}", now_s))
            return known[-1]
        case 1:
            mine.grant(person.openid, "T1")
        case 2:
            query = wechat.MessageQuery(person.openid, "T1", {"thing1": f"{chance.randrange(3)}"})
            return mine.message(trace, query, now_s, None)
    return mine.login(trace, wechat.LoginQuery(chance.choice(known[-6:])), now_s, None)


def ask_often(world, chance, person, now_s, known):
    world.carrier.per_day["state"] = 2
    query = carrier.StateQuery(person.phone)
    return world.carrier.state(named(chance.randrange(9)), query, now_s, None)


ASKING = {"face": ask_face, "wechat": ask_wechat, "carrier": ask_often}


@pytest.mark.parametrize("kind", ASKING)
@pytest.mark.parametrize("seed", range(4))
def test_no_answer_depends_on_what_was_let_go_of(kind, seed):
    told = answers(kind, 0, seed)

    assert told == answers(kind, 10**9, seed)
    assert len({str(each) for each in told}) > 1


def test_what_another_visit_has_just_begun_stays_though_one_is_weeks_ahead(world):
    one = world.people.make(BANK, 1)
    token = face_token(world, one, 1, 0.0)
    for number in range(2, shelf.LATEST_KEPT // 2):
        face_token(world, one, number, 30 * DAY_S)

    assert world.face.show(token, one, 9.0, DRAWS) is FaceVerdict.PASSED
