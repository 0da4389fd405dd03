"""Any answer on purpose: by a plan, a header or a magic input, in this order, on every wire."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date

import httpx
import pytest

from core.adapters.http import HttpProvider, client_of
from core.errors import InputError, ProviderError, ServerFailed
from core.identity import CardNumber, IdNumber, PhoneNumber, UnifiedCreditCode
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
from mocks import magic
from mocks.line import Fault, FaultKind, require_known
from mocks.spec import Operation, says
from mocks.tenant import CASE_HEADER, CHOSEN_BY, Tenant, Tenants
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.virtual import VirtualHost
from scenarios.hosts.wall import OwnTimes, WallHost
from scenarios.hosts.wire import wires
from scenarios.hosts.world import BEHAVIOURS, World
from scenarios.stack import app_of
from tests.mocks.rest_kit import BANK, BANKS, serving

START = date(2020, 7, 15)
NINE = 9 * 3600.0
LIMIT_S = 10.0


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


def make_tenant(name, seed):
    return Tenant(name, World(seed or 7, START, banks=BANKS, products={}), Still())


@pytest.fixture(scope="module")
def stand():
    tenants = Tenants(make_tenant)
    with serving(app_of(tenants)) as url:
        yield tenants, url


@pytest.fixture
def tenants(stand):
    stand[0].open("default")
    return stand[0]


@pytest.fixture
def url(stand):
    return stand[1]


# What is asked of each operation when nothing is wrong; a magic input replaces one field of it.


def key(serial):
    return corebank.Key(BANK, "loan", START, serial)


def queries(person, number="1"):
    """Return a query of every operation that has cases."""
    who, card = (person.name, person.id_number), person.cards[0].number
    code = UnifiedCreditCode.make("92", "329900", "MA1ABCDE")
    shot, core = Picture.named(f"{person.key}#front"), corebank
    paper = ("N1", "ab" * 32, "cd" * 32)
    out = core.Direction.OUT
    return {
        "wechat.login": wechat.LoginQuery("neverminted"),
        "wechat.phone": wechat.PhoneQuery("neverminted"),
        "wechat.user_keys": wechat.UserKeysQuery(person.openid, "c2Vzc2lvbi1rZXkK"),
        "wechat.message": wechat.MessageQuery(person.openid, "drawn", {"thing1": "放款成功"}),
        "ocr.card_front": ocr.CardQuery(shot),
        "ocr.card_back": ocr.CardQuery(shot),
        "ocr.licence": ocr.LicenceQuery(shot),
        "carrier.name_matches": carrier.NameQuery(person.phone, person.name),
        "carrier.owner_matches": carrier.OwnerQuery(person.phone, person.name, person.id_number),
        "carrier.state": carrier.StateQuery(person.phone),
        "carrier.since": carrier.SinceQuery(person.phone),
        "idnet.check": idnet.IdQuery(*who),
        "sanctions.screen": sanctions.ScreenQuery(*who, "open_account"),
        "face.start": face.StartQuery(*who, "sign"),
        "face.result": face.ResultQuery("00000000-0000-0000-0000-000000000000"),
        "face.compare": face.CompareQuery(shot, Picture.named(f"{person.key}#idnet")),
        "bureau.credit_report": bureau.DataQuery(*who, "C1"),
        "bureau.government": bureau.DataQuery(*who, "C1"),
        "bureau.internet": bureau.DataQuery(*who, "C1"),
        "registry.look_up": registry.BusinessQuery(code),
        "acquirer.flow": acquirer.FlowQuery(code, 6, "C1"),
        "evidence.sign": evidence.SignQuery(*paper, *who, "v1", "face-token"),
        "evidence.deposit": evidence.DepositQuery(
            *paper, "0" * 128, "0" * 64, "40" + "0" * 30, "v1", "face-token"
        ),
        "evidence.read": evidence.ReadQuery("ef" * 32),
        "evidence.status": evidence.StatusQuery("40" + "0" * 30),
        "corebank.customer": core.CustomerQuery(*who),
        "corebank.verify_five": core.FiveQuery(*who, person.phone, card),
        "corebank.open_account": core.OpenQuery(key(number), *who, person.phone, card),
        "corebank.disburse": core.DisburseQuery(key(number), "L1", card, 500_000),
        "corebank.collect": core.CollectQuery(key(number), "L1", card, 1_000, 0, 700, 0),
        "corebank.adjust": core.AdjustQuery(
            key(number), "L1", core.Adjustment.ACCRUE_INTEREST, 700
        ),
        "corebank.move": core.MoveQuery(key(number), card, out, 2_000),
        "corebank.transfer": core.TransferQuery(key(number), card, out, 3_000),
        "corebank.reserve": core.ReserveQuery(key(number), card, 4_000),
        "corebank.resolve": core.ResolveQuery(key(number), key("r"), 1_500),
        "corebank.reverse": core.ReverseQuery(key(number), key("r")),
        "corebank.account": core.AccountQuery(key(number), card, core.AccountAct.FREEZE),
        "corebank.balance": core.BalanceQuery(card),
        "corebank.limits": core.BalanceQuery(card),
    }


def customer(world):
    return world.people.make(BANK, 1, holds_card=True)


def with_magic(query, operation, value):
    """Return a query with a magic input in the field that the operation says."""
    name, _, rest = operation.magic.field.partition(".")
    kinds = {"text": type(getattr(query, name)), "ref": Picture.named, "": str}
    return replace(query, **{name: kinds[rest](value)})


CASES = [
    (f"{provider}.{name}", case.name)
    for provider, kind in BEHAVIOURS.items()
    for name, operation in kind.OPERATIONS.items()
    for case in operation.cases
]
MAGIC = [
    (place, case)
    for place, case in CASES
    if BEHAVIOURS[place.partition(".")[0]].OPERATIONS[place.partition(".")[2]].inputs
]


def operation_of(place):
    provider, _, name = place.partition(".")
    return BEHAVIOURS[provider].OPERATIONS[name]


def trace_of(number=1):
    return Trace(BANK, "A1", 500 + number, 1, float("inf"), START)


def in_process(place, case, query):
    """Return what the case answers in a world of its own."""
    world = World(7, START, banks=BANKS, products={})
    customer(world)
    behaviour = world.behaviours[place.partition(".")[0]]
    trace = trace_of()
    if place == "face.result":
        start = queries(customer(world))["face.start"]
        assert behaviour.start(trace, start, NINE, None).token == query.token
    draws = world.seed.draws(place, trace.bank, trace.application, trace.call, trace.attempt)
    return operation_of(place).case(case, "").act(behaviour, trace, query, NINE, draws)


@asynccontextmanager
async def asked_by_http(tenants, url, place, headers=None):
    """Give the client of an operation over the vendor's own wire."""
    provider, _, name = place.partition(".")
    wire = wires(tenants.default, url.removeprefix("http://"))[provider]
    async with client_of(url) as client:
        asked = HttpProvider(provider, wire, client, LIMIT_S).telling(None, headers)
        yield asked.operation(name)


def over_http(tenants, url, place, query, headers=None):
    async def ask():
        async with asked_by_http(tenants, url, place, headers) as operation:
            return await operation(trace_of(), query)

    return asyncio.run(ask())


@pytest.mark.parametrize(("place", "case"), MAGIC, ids=" ".join)
def test_a_magic_input_is_answered_with_its_case_on_the_vendors_wire(tenants, url, place, case):
    operation = operation_of(place)
    [value] = [value for value, found in operation.inputs.items() if found.name == case]
    query = with_magic(queries(customer(tenants.default.house))[place], operation, value)

    assert over_http(tenants, url, place, query) == in_process(place, case, query)


@pytest.mark.parametrize(("place", "case"), CASES, ids=" ".join)
def test_a_header_is_answered_with_its_case_on_the_vendors_wire(tenants, url, place, case):
    query = queries(customer(tenants.default.house))[place]
    if place == "face.result":
        start = queries(customer(tenants.default.house))["face.start"]
        query = face.ResultQuery(over_http(tenants, url, "face.start", start).token)

    told = over_http(tenants, url, place, query, {CASE_HEADER: case})

    assert told == in_process(place, case, query)


def test_every_operation_of_a_provider_with_a_wire_has_cases_or_tells_only_of_its_own_state():
    without = {
        f"{provider}.{name}"
        for provider, kind in BEHAVIOURS.items()
        for name, operation in kind.OPERATIONS.items()
        if not operation.cases
    }

    core = ("outcome", "open_keys", "day", "statement", "reconciliation", "general_ledger")
    assert without == {"objects.put", "objects.get", *(f"corebank.{name}" for name in core)}


def test_no_two_cases_share_a_name_or_an_input():
    for kind in BEHAVIOURS.values():
        for operation in kind.OPERATIONS.values():
            names = [case.name for case in operation.cases]
            assert len(set(names)) == len(names)
            if operation.magic:
                assert len(operation.inputs) == len(names)


def test_magic_inputs_are_nobodys():
    people = World(7, START).people
    readers = {
        magic.phone().write: lambda value: people.by_phone(PhoneNumber(value)),
        magic.card().write: lambda value: people.by_card(CardNumber(value)),
        magic.id_number().write: lambda value: people.by_number(IdNumber(value)),
    }
    for write, find in readers.items():
        assert [find(write(number, "x")) for number in (1, 7, 40, 999)] == [None] * 4


# Which of several ways counts.

DIFFERS, MATCH = "name_differs", "match"


def plan(case):
    return Fault("idnet", FaultKind.WRONG_ANSWER, operation="check", case=case)


def magic_query(case):
    operation = operation_of("idnet.check")
    [value] = [value for value, found in operation.inputs.items() if found.name == case]
    return idnet.IdQuery("样本甲", IdNumber(value))


@pytest.mark.parametrize(
    ("planned", "header", "asked", "verdict"),
    [
        ("other_error", MATCH, "match_no_photo", "other_error"),
        ("", MATCH, "match_no_photo", MATCH),
        ("", "", "match_no_photo", "match_no_photo"),
        ("", "", "", "match"),
        ("", DIFFERS, "", DIFFERS),
        ("no_such_number", "", "", "no_such_number"),
    ],
)
def test_a_plan_goes_before_a_header_and_that_before_a_magic_input_and_that_before_the_truth(
    tenants, url, planned, header, asked, verdict
):
    if planned:
        tenants.default.house.lines["idnet"].faults.append(plan(planned))
    headers = {CASE_HEADER: header} if header else {}
    query = magic_query(asked) if asked else queries(customer(tenants.default.house))["idnet.check"]

    assert over_http(tenants, url, "idnet.check", query, headers).verdict == verdict


def test_the_error_rate_strikes_the_truth_and_nothing_that_was_asked_for(tenants, url):
    tenants.default.house.lines["idnet"].profile.error_rate = 0.999_999
    truth = queries(customer(tenants.default.house))["idnet.check"]

    assert over_http(tenants, url, "idnet.check", magic_query(DIFFERS)).verdict == DIFFERS
    told = over_http(tenants, url, "idnet.check", truth, {CASE_HEADER: DIFFERS})
    assert told.verdict == DIFFERS
    with pytest.raises(ProviderError):
        over_http(tenants, url, "idnet.check", truth)


def test_a_planned_failure_strikes_what_was_asked_for_too(tenants, url):
    broken = Fault("idnet", FaultKind.SERVER_ERROR)
    tenants.default.house.lines["idnet"].faults.append(broken)

    with pytest.raises(ServerFailed):
        over_http(tenants, url, "idnet.check", magic_query(DIFFERS))


@pytest.mark.parametrize("path", ["/idnet/check", "/match/default", "/corebank/v1/balance"])
def test_a_header_that_names_no_case_is_told_the_nearest(tenants, url, path):
    card = customer(tenants.default.house).cards[0].number.text
    body = {
        "/match/default": {"queries": {"q": {"schema": "Person", "properties": {"name": ["x"]}}}},
        "/corebank/v1/balance": {"bank": BANK, "account": card},
    }.get(path)
    message = (
        "<CFX><HEAD><SRC>1</SRC><MsgNo>0001</MsgNo><MsgID>1</MsgID></HEAD><MSG>"
        "<SingleCheckBusinessHead0001><BankCode>320000000001</BankCode>"
        "</SingleCheckBusinessHead0001><SingleCheckRequestMessage0001>"
        f"<ID>{magic.id_number().write(1, '')}</ID><Name>样本甲</Name>"
        "</SingleCheckRequestMessage0001></MSG></CFX>"
    )
    known = tenants.default.credentials.api_key
    headers = {CASE_HEADER: "no_such", "x-api-key": known, "authorization": f"ApiKey {known}"}
    sent = {"json": body} if body else {"content": message.encode()}

    answer = httpx.post(f"{url}{path}", headers=headers, timeout=LIMIT_S, **sent)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "has no case 'no_such'" in answer.json()["detail"]
    assert f"header {CASE_HEADER}" in answer.json()["detail"]


def test_the_order_is_published(tenants, url):
    told = httpx.get(f"{url}/_control/providers", timeout=LIMIT_S).json()

    assert told["chosen_by"] == list(CHOSEN_BY)
    check = told["providers"]["idnet"]["operations"]["check"]
    assert check["magic_field"] == "number.text"
    assert check["cases"][0] == {
        "case": "match",
        "told": "name and number agree; the photo comes along",
        "magic": magic.id_number().write(1, "match"),
        "billed": True,
    }


# The core bank: what a case refuses stands under its key.


def test_a_refusal_that_was_asked_for_stays_under_its_key_and_moves_nothing(tenants, url):
    world = tenants.default.house
    query = queries(customer(world))["corebank.transfer"]
    asked = corebank.OutcomeQuery(query.key, fence=False)
    before = world.corebank.balances(BANK)

    first = over_http(tenants, url, "corebank.transfer", query, {CASE_HEADER: "no_funds"})
    again = over_http(tenants, url, "corebank.transfer", query)
    fate = over_http(tenants, url, "corebank.outcome", asked)

    assert (first.outcome, first.code) == ("rejected", "no_funds")
    assert (again.outcome, again.code, again.replayed) == ("rejected", "no_funds", True)
    assert (fate.outcome, fate.code) == ("rejected", "no_funds")
    assert world.corebank.balances(BANK) == before
    assert world.corebank.verify_chain(BANK)


@pytest.mark.parametrize("case", ["day_end", "held"])
def test_a_refusal_for_now_leaves_the_key_unused(tenants, url, case):
    world = tenants.default.house
    query = queries(customer(world))["corebank.transfer"]

    first = over_http(tenants, url, "corebank.transfer", query, {CASE_HEADER: case})
    again = over_http(tenants, url, "corebank.transfer", query)

    assert (first.outcome, first.retryable) == ("rejected", True)
    assert again.outcome == "done"


def test_a_write_that_hangs_is_done_when_its_time_has_passed(tenants, url):
    world = tenants.default.house
    query = queries(customer(world))["corebank.transfer"]
    asked = corebank.OutcomeQuery(query.key, fence=False)

    hangs = over_http(tenants, url, "corebank.transfer", query, {CASE_HEADER: "accepted_not_done"})
    tenants.default.clock.now_s += 61.0
    done = over_http(tenants, url, "corebank.outcome", asked)

    assert (hangs.outcome, done.outcome) == ("in_progress", "done")


# In process: the same choice on every host.


def on_instant(world, ask):
    host = InstantHost(world)
    return host.run(ask(host.ports))


def on_virtual(world, ask):
    host = VirtualHost(world)
    return host.run(ask(host.ports))


def on_wall(world, ask):
    host = WallHost(world, clock=OwnTimes(START))
    return asyncio.run(ask(host.ports))


@pytest.mark.parametrize("told_on", [on_instant, on_virtual, on_wall])
@pytest.mark.parametrize("error_rate", [0.0, 0.999_999])
def test_a_magic_input_and_a_planned_answer_count_on_every_host(told_on, error_rate):
    world = World(7, START, banks=BANKS, products={}, faults=[plan("other_error")])
    world.lines["idnet"].faults[0].application = "A2"
    world.lines["idnet"].profile.error_rate = error_rate
    truth = queries(customer(world))["idnet.check"]

    async def ask(ports):
        by_magic = await ports.idnet.check(trace_of(1), magic_query(DIFFERS))
        by_plan = await ports.idnet.check(trace_of(2)._replace(application="A2"), truth)
        return by_magic.verdict, by_plan.verdict

    assert told_on(world, ask) == (DIFFERS, "other_error")


def test_a_world_with_a_fault_that_names_nothing_is_not_made():
    for said, told in (
        ({"operation": "chek"}, "did you mean 'check'"),
        ({"operation": "check", "kind": FaultKind.WRONG_ANSWER, "case": "mach"}, "'match'"),
    ):
        fault = Fault("idnet", **{"kind": FaultKind.DROP, **said})
        with pytest.raises(InputError, match=told):
            World(7, START, banks=BANKS, products={}, faults=[fault])
    with pytest.raises(InputError, match="did you mean 'idnet'"):
        require_known(Fault("idnt", FaultKind.DROP), BEHAVIOURS)


def test_an_answer_of_a_case_is_a_new_one_every_time():
    [case] = [says("same", carrier.NameAnswer(carrier.PhoneVerdict.SAME), "")]
    operation = Operation("name_matches", cases=(case,), magic=magic.phone())
    first, second = (operation.case("same", "").act(None, None, None, 0.0, None) for _ in range(2))

    assert first == second
    assert first is not second
