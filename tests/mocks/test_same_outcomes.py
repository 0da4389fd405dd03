"""The same seed ends the same calls the same way, however they come.

A call is named: by our own clients in their baggage, or, where a client gives it no name, by what
it is about and how often that was asked before. Its chance, its faults and its answer follow from
the name. So hundreds of calls end alike over one connection and over 32 at once in another order,
in process, and in virtual time.

Left out is what depends on the order by design: rates and quotas (who comes first is served), a
day's limit of one number or person, and faults with a ``count``, which strike whoever comes first.
So is a second question about the same subject from clients without names: the luck is the first
one's that arrives, and where the questions differ, so may the sum of their ends. Clients without
names meet planned faults only: a call that is dropped is silent for as long as its client waits,
by the machine's clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import httpx
import pytest

from core.adapters.http import HttpProvider, Lanes, client_of, machine_s
from core.errors import ProviderError
from core.identity import CardNumber, IdNumber, PhoneNumber, UnifiedCreditCode
from core.picture import Picture
from core.ports import acquirer, bureau, carrier, corebank, face, idnet, ocr, registry, sanctions
from core.ports.trace import Trace
from core.wire.message import HttpResponse
from core.wire.tencent import Action, TencentAccess
from core.wire.tencent import request as signed
from mocks.clock import ServedClock
from mocks.journal import word_of
from mocks.line import ASSUMED, Fault, FaultKind, Phase
from mocks.tenant import CASE_HEADER, Tenant, Tenants
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.wall import OwnTimes
from scenarios.hosts.wire import ANSWER_S, SeenTransport, wires
from scenarios.hosts.world import World
from scenarios.population.shops import Shops
from scenarios.stack import app_of, served
from tests.mocks.rest_kit import BANK, BANKS, NINE, OTHER_BANK, START

SEED, ERROR_RATE, MANY = 7, 0.1, 32
SPEED = 200.0  # so that requests wait for each other, and nobody for long
READ = {  # how a magic input becomes a value of its query's field
    "phone": PhoneNumber,
    "number": IdNumber,
    "account": CardNumber,
    "code": UnifiedCreditCode,
    "merchant": UnifiedCreditCode,
    "picture": Picture.named,
}
K, P = FaultKind, Phase
# Each strikes a share of what matches; what is left meets the error rate.
FAULTS = (
    Fault("carrier", K.SERVER_ERROR, P.AFTER_COMMIT, share=0.2),
    Fault("carrier", K.WRONG_ANSWER, operation="name_matches", share=0.2, case="no_record"),
    Fault("idnet", K.WRONG_ANSWER, operation="check", share=0.3, case="name_differs"),
    Fault("idnet", K.GARBAGE, share=0.2),
    Fault("sanctions", K.RESET, P.BEFORE, share=0.2),
    Fault("bureau", K.DELAY, share=0.3, extra_s=2.0),
    Fault("bureau", K.WRONG_ANSWER, operation="internet", share=0.3, case="no_file"),
    Fault("registry", K.QUOTA, share=0.2),
    Fault("corebank", K.RESET, P.AFTER_COMMIT, share=0.2),
    Fault("corebank", K.SLOW_BYTES, share=0.2, extra_s=1.0),
    Fault("face", K.SERVER_ERROR, share=0.2),
)


# Of each of the people who are asked about: mostly good ones.
TRUTHS = (
    *({}, {}, {}, {"listed": "hit"}, {"listed": "review"}, {"in_register": False}, {}),
    *({"phone_name": ""}, {"register_photo": False}, {"card_quality": 10}, {}, {}),
)


class Call(NamedTuple):
    """One question; ``headers`` ask for a case."""

    operation: str
    trace: Trace
    query: Any
    headers: tuple[tuple[str, str], ...] = ()


def world_of(error_rate, seed=SEED, faults=FAULTS):
    profiles = {name: replace(each, error_rate=error_rate) for name, each in ASSUMED.items()}
    world = World(seed, START, banks=BANKS, products={}, profiles=profiles, faults=faults)
    for index, truth in enumerate(TRUTHS):
        world.people.make((BANK, OTHER_BANK)[index % 2], index, holds_card=True, **truth)
    return world


def questions(world):
    """Give all that is asked about some people, their cards and their shops."""
    shops = Shops(world.people, BANKS)
    owners = (f"{BANK}/{index:06d}" for index in range(90))
    codes = [shop.code for shop in map(shops.by_owner, owners) if shop]
    for index, code in enumerate(codes[: len(TRUTHS)]):
        one = world.people.person((BANK, OTHER_BANK)[index % 2], index)
        name, number = one.name, one.id_number
        data = bureau.DataQuery(name, number, "C1")
        yield one.bank, "carrier.name_matches", carrier.NameQuery(one.phone, name)
        yield one.bank, "carrier.owner_matches", carrier.OwnerQuery(one.phone, name, number)
        yield one.bank, "carrier.state", carrier.StateQuery(one.phone)
        yield one.bank, "face.start", face.StartQuery(name, number, "sign")
        yield one.bank, "ocr.card_front", ocr.CardQuery(Picture.named(f"{one.key}#front"))
        yield one.bank, "idnet.check", idnet.IdQuery(name, number)
        yield one.bank, "sanctions.screen", sanctions.ScreenQuery(name, number, "open")
        yield from ((one.bank, f"bureau.{what}", data) for what in ("credit_report", "internet"))
        yield one.bank, "registry.look_up", registry.BusinessQuery(code)
        yield one.bank, "acquirer.flow", acquirer.FlowQuery(code, 3, "C1")
        account = corebank.BalanceQuery(one.home_card.number)
        yield from ((one.bank, f"corebank.{what}", account) for what in ("balance", "limits"))


def magic_questions(world):
    """Give each question once more for every case that a magic input asks for."""
    asked = {operation: (bank, query) for bank, operation, query in questions(world)}
    for operation, (bank, query) in asked.items():
        provider, _, name = operation.partition(".")
        spec = world.behaviours[provider].OPERATIONS[name]
        for value in spec.inputs:
            field = spec.magic.field.partition(".")[0]
            yield bank, operation, replace(query, **{field: READ[field](value)})


def workload():
    """Return some hundreds of calls, each with a name of its own."""
    world = world_of(0.0)
    asked = [(each, attempt) for each in questions(world) for attempt in (1, 2, 3)]
    asked += [(each, 1) for each in magic_questions(world)]
    return [
        Call(operation, Trace(bank, f"A{n}", 1 + n % 7, attempt, float("inf"), START), query)
        for n, ((bank, operation, query), attempt) in enumerate(asked)
    ]


def at_s(call):
    """When a call is made: its own moment, whoever was before it."""
    return NINE + 7.0 * int(call.trace.application[1:])


async def end_of(operation_of, call):
    """Ask; return the operation, the call's name and the word for what was seen."""
    try:
        answer = await operation_of(*call.operation.split("."))(call.trace, call.query)
    except ProviderError as error:
        return call.operation, call.trace, type(error).__name__
    return call.operation, call.trace, word_of(answer)


# -------------------------------------------------------------------------------- in four ways


def methods(host):
    """Return how a host's port methods are found."""
    return lambda provider, name: getattr(getattr(host.ports, provider), name)


def in_process(calls):
    host = InstantHost(world_of(ERROR_RATE))
    return [host.run(end_of(methods(host), call), at_s(call)) for call in calls]


def in_virtual_time(calls):
    host = VirtualHost(world_of(ERROR_RATE))
    begun = [host.spawn(end_of(methods(host), call), at_s(call)) for call in calls]
    host.env.run()
    return [process.value for process in begun]


class Watched(httpx.AsyncBaseTransport):
    """Notes from which of our ports requests are sent, and how many at once."""

    def __init__(self, inner, seen):
        self._inner, self._seen = inner, seen

    async def handle_async_request(self, request):
        seen = self._seen
        seen.now += 1
        seen.most = max(seen.most, seen.now)
        try:
            answer = await self._inner.handle_async_request(request)
        finally:
            seen.now -= 1
        seen.ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        return answer

    async def aclose(self):
        await self._inner.aclose()


class Seen:
    """What was seen of the connections."""

    def __init__(self):
        self.now = self.most = 0
        self.ports = set()


async def by(workers, calls, ask):
    """Have so many clients share the calls, each one call after another; return the ends."""
    waiting, ends = list(reversed(calls)), []

    async def work(client):
        while waiting:
            call = waiting.pop()
            # A task for each: a visit's time is its own.
            ends.append(await asyncio.create_task(ask(client, call)))

    await asyncio.gather(*map(work, workers))
    return ends


def over_http(calls, connections):
    """Ask over so many connections, as our own clients do; return the ends."""
    clock, world, seen = OwnTimes(START), world_of(ERROR_RATE), Seen()

    async def ask(operation_of, call):
        await clock.visit(at_s(call))
        end = await end_of(operation_of, call)
        await clock.flush()
        return end

    async def run():
        tenants = Tenants(lambda name, seed: Tenant(name, world, clock))
        tenant = tenants.default
        async with served(app_of(tenants)) as port:
            clients = [
                client_of(f"http://127.0.0.1:{port}", Watched(SeenTransport(), seen))
                for _ in range(connections)
            ]
            workers = [ports_of(tenant, client, port, clock) for client in clients]
            ends = await by(workers, calls, ask)
            for client in clients:
                await client.aclose()
        return ends

    ends = asyncio.run(run())
    assert seen.most == connections
    assert len(seen.ports) >= connections
    return ends


def ports_of(tenant, client, port, clock):
    """Return how the port methods of one client are found, all on its connection."""
    told = {"x-loanrange-tenant": tenant.name}
    made = {
        name: HttpProvider(name, wire, client, ANSWER_S).telling(lambda: clock.told, told)
        for name, wire in wires(tenant, f"127.0.0.1:{port}").items()
    }
    return lambda provider, name: made[provider].operation(name)


def shuffled(calls):
    calls = list(calls)
    Random(SEED).shuffle(calls)
    return calls


def told(ends):
    """Return how often each operation was seen to end with each word."""
    return Counter((operation, word) for operation, _, word in ends)


@pytest.fixture(scope="module")
def calls():
    return workload()


@pytest.fixture(scope="module")
def one_by_one(calls):
    return over_http(calls, 1)


WAYS = {
    "32 connections": lambda calls: over_http(shuffled(calls), MANY),
    "in process": in_process,
    "in process, in another order": lambda calls: in_process(shuffled(calls)),
    "virtual time": in_virtual_time,
    "virtual time, in another order": lambda calls: in_virtual_time(shuffled(calls)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_named_calls_end_alike_in_every_way(calls, one_by_one, way):
    ends = way(calls)

    assert told(ends) == told(one_by_one)
    assert set(ends) == set(one_by_one)  # and each by itself


def test_the_calls_meet_faults_cases_and_the_error_rate(calls, one_by_one):
    ends = told(one_by_one)
    words = Counter(word for _, word in ends.elements())
    errors = ("TimedOut", "ServerFailed", "Unreachable", "ConnectionLost", "Unreadable")

    assert len(calls) == len(one_by_one) > 300
    assert min(words[error] for error in errors) > 5, words
    assert ends["registry.look_up", "QuotaExceeded"]
    assert ends["idnet.check", "name_differs"] > 3
    assert len({operation for operation, _ in ends}) == 13


def test_another_seed_gives_other_ends(calls, one_by_one):
    host = InstantHost(world_of(ERROR_RATE, SEED + 1))
    ends = [host.run(end_of(methods(host), call), at_s(call)) for call in calls]

    assert told(ends) != told(one_by_one)


# ------------------------------------------------------------------------ clients without names

NAMELESS = tuple(fault for fault in FAULTS if fault.kind is not K.SLOW_BYTES)
FACE_ID_TOKEN = Action("token", "faceid", "2018-03-01", "GetFaceIdToken")


def nameless_workload():
    """Return calls that tell no name: each question thrice, and once for each of its cases."""
    world = world_of(0.0)
    asked = [(*each, ()) for each in questions(world) for _ in range(3)]
    asked += [(*each, ()) for each in magic_questions(world)]
    # Who asks for a case by its header, asks about somebody of their own.
    one = world.people.person(BANK, 900)
    spec = world.behaviours["idnet"].OPERATIONS["check"]
    query = idnet.IdQuery(one.name, one.id_number)
    asked += [(BANK, "idnet.check", query, ((CASE_HEADER, case.name),)) for case in spec.cases]
    trace = Trace("", "", 0, 1, float("inf"), START)
    return [
        Call(operation, trace._replace(bank=bank), query, headers)
        for bank, operation, query, headers in asked
    ]


def over_http_without_names(calls, connections):
    """Ask over so many connections, on a clock that runs; return the ends, and what was counted."""
    world = world_of(0.0, faults=NAMELESS)

    async def ask(client, call):
        asking, made = client
        provider, _, name = call.operation.partition(".")
        exchange = getattr(made[provider], name)(call.trace, call.query)
        try:
            request = next(exchange)
            while True:
                content, headers = request.body, {**request.headers, **dict(call.headers)}
                answer = await asking.request(
                    request.method, request.path, headers=headers, content=content
                )
                request = exchange.send(HttpResponse(answer.status_code, {}, answer.content))
        except StopIteration as end:
            word = word_of(end.value)
        except httpx.TransportError:
            word = "broken"
        except ProviderError as error:
            word = type(error).__name__
        return call.operation, call.trace, word

    ends, counted = over(world, connections, calls, ask, wires)
    return told(ends), counted


def over(world, connections, calls, ask, knowing):
    """Have a tenant on a clock that runs asked over so many connections; return what was seen.

    ``knowing`` is what a client has beside its connection: made of the tenant and its address.
    """

    async def run():
        tenants = Tenants(lambda name, seed: Tenant(name, world, ServedClock(START, SPEED, NINE)))
        tenant = tenants.default
        async with served(app_of(tenants)) as port, AsyncExitStack() as clients:
            workers = []
            for _ in range(connections):
                client = client_of(f"http://127.0.0.1:{port}", Lanes(1))
                workers.append((client, knowing(tenant, f"127.0.0.1:{port}")))
                clients.push_async_callback(client.aclose)
            ends = await by(workers, calls, ask)
            counted = tenant.tally.calls
            tenants.close(tenant.name)
        return ends, counted

    return asyncio.run(run())


def access_of(tenant, host):
    """Return what a client of Tencent Cloud signs with."""
    known = tenant.credentials
    return TencentAccess(known.secret_id, known.secret_key, host, machine_s)


def in_app_tokens(connections, order):
    """Open each person's check in an app thrice, over so many connections; return the tokens."""
    world = world_of(0.0, faults=())
    people = [world.people.person((BANK, OTHER_BANK)[index % 2], index) for index in range(12)]

    async def ask(client, person):
        asking, access = client
        said = {"CompareLib": "BUSINESS", "Name": person.name, "IdCard": person.id_number.text}
        request = signed(access, FACE_ID_TOKEN, said)
        answer = await asking.post("/", headers=request.headers, content=request.body)
        return person.key, answer.json()["Response"]["FaceIdToken"]

    return over(world, connections, order(people * 3), ask, access_of)[0]


def test_a_token_does_not_depend_on_who_else_asks_meanwhile():
    one_by_one, at_once = in_app_tokens(1, list), in_app_tokens(MANY, shuffled)

    assert len(set(one_by_one)) == len(one_by_one) == 36
    assert sorted(at_once) == sorted(one_by_one)


def test_two_things_asked_of_one_subject_have_luck_of_their_own():
    world = world_of(0.0)
    people = [world.people.person(BANK, index) for index in range(100)]
    calls = [
        Call("idnet.check", Trace(BANK, "", 0, 1, float("inf"), START), query, ())
        for one in people
        for query in (
            idnet.IdQuery(one.name, one.id_number),
            idnet.IdQuery("样本某", one.id_number),
        )
    ]

    ends, _ = over_http_without_names(calls, 1)
    ends_of_many, _ = over_http_without_names(shuffled(calls), MANY)

    assert ends_of_many == ends
    assert len({word for _, word in ends}) > 2  # some of them are struck by a fault


def test_calls_without_names_end_alike_over_one_connection_and_over_many():
    calls = nameless_workload()

    ends, counted = over_http_without_names(calls, 1)
    ends_of_many, counted_of_many = over_http_without_names(shuffled(calls), MANY)

    assert ends_of_many == ends
    assert counted_of_many == counted
    assert sum(ends.values()) == len(calls) > 300
    assert sum(count for (_, word), count in ends.items() if word == "broken") > 5
