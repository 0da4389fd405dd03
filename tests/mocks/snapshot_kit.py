"""What the tests of snapshots share: a served world, and a bank that asks it for everything.

Each act of the bank is a few real requests, made by the platform's own codecs and written down with
their answers, so that the very same bytes can be sent again.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from typing import NamedTuple

import httpx

from core.adapters.http import baggage_of, machine_s
from core.errors import ProviderError
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
from core.wire.message import HttpRequest, HttpResponse
from core.wire.tencent import Action, TencentAccess
from core.wire.tencent import request as signed
from mocks.clock import ServedClock
from mocks.evidence.timestamps import QUERY_TYPE
from mocks.evidence.timestamps import request as stamp_request
from mocks.journal import Journal
from mocks.tenant import TENANT_HEADER, Tenant, Tenants
from scenarios.hosts.wall import OwnTimes
from scenarios.hosts.wire import wires
from scenarios.hosts.world import World
from scenarios.population.shops import Shops
from scenarios.stack import app_of, listen, server_of
from tests.mocks.rest_kit import BANK, BANKS, NINE, OTHER_BANK, START

FACE_ID = {"service": "faceid", "version": "2018-03-01"}
CARRIED_S = 5.0  # after it a request that is never answered is a failure of the test


def make_tenant(name, seed):
    world = World(seed or 7, START, banks=BANKS, products={}, journal=Journal.bounded(2_000))
    if name == "story":
        return Tenant(name, world, OwnTimes(START))
    clock = ServedClock(START, 1.0, NINE)
    clock.frozen = True  # no loop runs yet that an alarm could be set in
    return Tenant(name, world, clock)


class Seen(NamedTuple):
    """What came back: a status and a body, or how the connection broke."""

    status: int
    body: bytes

    def json(self):
        return json.loads(self.body)


class Front:
    """A served world: its tenants, and the control plane of one of them."""

    def __init__(self, url, tenants, client, name="default"):
        self.url, self.tenants, self.client, self.name = url, tenants, client, name

    @property
    def tenant(self):
        return self.tenants.get(self.name)

    def of(self, name):
        return Front(self.url, self.tenants, self.client, name)

    def control(self, method, path, body=None):
        """Ask the control plane; return the response."""
        headers = {TENANT_HEADER: self.name}
        return self.client.request(method, f"/_control/{path}", json=body, headers=headers)

    def get(self, path):
        return fine(self.control("GET", path))

    def post(self, path, **body):
        return fine(self.control("POST", path, body))

    def put(self, path, body):
        return fine(self.control("PUT", path, body))

    def delete(self, path):
        return fine(self.control("DELETE", path))

    def snapshot(self, name="base"):
        return self.post("snapshot", name=name)

    def restore(self, name="base"):
        return self.post("restore", name=name)


def fine(answer):
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


@contextmanager
def served(app):
    """Serve as the door does, with connections that can be broken, in a thread; give its URL."""
    server, listening = server_of(app), listen(0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def opened():
    """Give a served world with a default tenant and a story's."""
    tenants = Tenants(make_tenant)
    tenants.open("story")
    with (
        served(app_of(tenants)) as url,
        httpx.Client(base_url=url, timeout=CARRIED_S, trust_env=False) as client,
    ):
        yield Front(url, tenants, client)


class Bank:
    """One bank's backend, its customers' phones and an operator: whoever asks a tenant anything."""

    def __init__(self, front, people=3):
        self.front, self.rows, self.told = front, [], {}
        self.host = front.url.removeprefix("http://")
        self.wires = wires(front.tenant, self.host)
        made = [
            front.post("people", bank=(BANK, OTHER_BANK)[number % 2], traits={"holds_card": True})
            for number in range(people)
        ]
        self.people = [front.tenant.people.by_key(each["key"]) for each in made]
        shops = Shops(front.tenant.house.people, BANKS)
        found = (shops.by_owner(f"{BANK}/{number:06d}") for number in range(1, 100))
        self.shop = next(shop for shop in found if shop)

    # Asking

    def carry(self, request):
        """Send a request as it is; return what is seen."""
        try:
            answer = self.front.client.request(
                request.method, request.path, headers=request.headers, content=request.body
            )
        except httpx.TransportError as broken:
            return Seen(0, type(broken).__name__.encode())
        return Seen(answer.status_code, answer.content)

    def send(self, method, path, headers=None, body=b""):
        """Send a request, and write it down with what was seen."""
        request = HttpRequest(method, path, headers or {}, body)
        seen = self.carry(request)
        self.rows.append((request, seen))
        return seen

    def again(self, rows):
        """Send requests that were written down once more; return what is seen now."""
        return [self.carry(request) for request, _ in rows]

    def ask(self, operation, query, person=None, told=0, **headers):
        """Ask a port's question over its wire; return the answer, None where there is none.

        Where ``told``, the request tells the name of its attempt, as our own clients do.
        """
        provider, _, name = operation.partition(".")
        trace = Trace(person.bank if person else BANK, "A1", told, 1, float("inf"), START)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if told:
            more["baggage"] = baggage_of(trace)
        exchange = getattr(self.wires[provider], name)(trace, query)
        with suppress(ProviderError):
            try:
                request = next(exchange)
                while True:
                    seen = self.send(
                        request.method, request.path, {**request.headers, **more}, request.body
                    )
                    if not seen.status:
                        exchange.close()
                        return None
                    request = exchange.send(HttpResponse(seen.status, {}, seen.body))
            except StopIteration as end:
                return end.value
        return None

    def control(self, method, path, body=None):
        """Ask the control plane, and write it down."""
        headers = {TENANT_HEADER: self.front.name, "content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        return self.send(method, f"/_control/{path}", headers, content)

    def tencent(self, action, **parameters):
        """Call an action of Tencent Cloud that no port knows."""
        known = self.front.tenant.credentials
        access = TencentAccess(known.secret_id, known.secret_key, self.host, machine_s)
        asked = signed(access, Action(action, name=action, **FACE_ID), parameters)
        return self.send(*asked).json()["Response"]

    def operator(self, stage, bank, **said):
        """Tell the core bank a stage of its day."""
        key = self.front.tenant.credentials.api_key
        headers = {"x-api-key": key, "content-type": "application/json"}
        body = json.dumps({"bank": bank, **said}).encode()
        return self.send("POST", f"/corebank/v1/operator/{stage}", headers, body)


# ------------------------------------------------------------------ what a bank does, act by act


def key(person, serial):
    return corebank.Key(person.bank, "loan", START, serial)


def log_in(bank, person, n):
    asked = {"openid": person.openid, "nonce": f"n{n}" if n else ""}
    code = bank.control("POST", "device/login", asked).json()["js_code"]
    bank.ask("wechat.login", wechat.LoginQuery(code), told=n)
    bank.ask("wechat.login", wechat.LoginQuery(f"{code}{n}"))
    bank.control("POST", "device/encrypt-key", {"openid": person.openid})


def ask_phone(bank, person, n):
    code = bank.control("POST", "device/phone-code", {"openid": person.openid}).json()["code"]
    bank.ask("wechat.phone", wechat.PhoneQuery(code), told=n)


def send_message(bank, person, n):
    if n != 2:
        bank.control("POST", "device/grant", {"openid": person.openid, "template": "T1"})
    query = wechat.MessageQuery(person.openid, "T1", {"thing1": f"message {n}"})
    bank.ask("wechat.message", query, told=n)


def read_card(bank, person, n):
    side = ("front", "back", "licence")[n % 3]
    picture = Picture.named(f"{bank.shop.owner if side == 'licence' else person.key}#{side}")
    if side == "licence":
        bank.ask("ocr.licence", ocr.LicenceQuery(picture))
    else:
        bank.ask(f"ocr.card_{side}", ocr.CardQuery(picture))


def ask_carrier(bank, person, n):
    bank.ask("carrier.name_matches", carrier.NameQuery(person.phone, person.name), told=n)
    query = carrier.OwnerQuery(person.phone, person.name, person.id_number)
    bank.ask("carrier.owner_matches", query)
    bank.ask("carrier.state", carrier.StateQuery(person.phone))
    bank.ask("carrier.since", carrier.SinceQuery(person.phone))


def check_face(bank, person, n):
    query = face.StartQuery(person.name, person.id_number, "sign")
    started = bank.ask("face.start", query, told=n)
    token = started.token if started else "none"
    asked = {"openid": person.openid, "biz_token": token}
    if n != 1:
        bank.control("POST", "device/face", asked)
    found = bank.ask("face.result", face.ResultQuery(token))
    if found is not None and found.frame is not None:
        photo = Picture.named(f"{person.key}#front")
        bank.ask("face.compare", face.CompareQuery(found.frame, photo))


def check_face_in_app(bank, person, n):
    named = {"Name": person.name, "IdCard": person.id_number.text}
    told = bank.tencent("GetFaceIdToken", CompareLib="BUSINESS", **named)
    token = told.get("FaceIdToken", "none")
    if n:
        bank.control("POST", "device/face", {"openid": person.openid, "biz_token": token})
    bank.tencent("GetFaceIdResult", FaceIdToken=token)
    bank.tencent("IdCardVerification", **named)


def check_identity(bank, person, n):
    name = f"{person.name}某" if n == 2 else person.name
    bank.ask("idnet.check", idnet.IdQuery(name, person.id_number), person, n)
    bank.ask("sanctions.screen", sanctions.ScreenQuery(name, person.id_number, "open"), told=n)


def ask_bureau(bank, person, n):
    query = bureau.DataQuery(person.name, person.id_number, f"C{n}" if n else "")
    bank.ask(f"bureau.{('credit_report', 'government', 'internet')[n % 3]}", query, told=n)


def ask_business(bank, person, n):
    bank.ask("registry.look_up", registry.BusinessQuery(bank.shop.code), person, n)
    bank.ask("acquirer.flow", acquirer.FlowQuery(bank.shop.code, 3, "C1"), person)


def sign_and_deposit(bank, person, n):
    paper = (f"K-{n}", "ab" * 32, "cd" * 32)
    query = evidence.SignQuery(*paper, person.name, person.id_number, "v1", "will")
    made = bank.ask("evidence.sign", query, person)
    if made is None:
        return
    proof = (made.signature, made.public_key, made.certificate)
    lies = bank.ask("evidence.deposit", evidence.DepositQuery(*paper, *proof, "v1", "will"), person)
    if lies is not None:
        bank.ask("evidence.read", evidence.ReadQuery(lies.receipt), person)
    bank.ask("evidence.status", evidence.StatusQuery(made.certificate), person)


def stamp(bank, person, n):
    known = {"x-api-key": bank.front.tenant.credentials.api_key, "content-type": QUERY_TYPE}
    bank.send("POST", "/tsa", known, stamp_request(bytes(32), n + 1))


def open_account(bank, person, n):
    bound = next(card.number for card in person.cards if card.bank != person.bank)
    named = (person.name, person.id_number, person.phone)
    query = corebank.OpenQuery(key(person, f"open-{n}"), *named, bound)
    found = bank.ask("corebank.open_account", query, person)
    if found is not None and found.account is not None:
        bank.ask("corebank.balance", corebank.BalanceQuery(found.account), person)


def lend(bank, person, n):
    """Pay a loan out, accrue on it, collect some, and now and then take the payout back."""
    account, loan = person.home_card.number, f"L-{person.index}-{n}"
    paid = key(person, f"disburse-{loan}")
    bank.ask("corebank.disburse", corebank.DisburseQuery(paid, loan, account, 5_000_000), person)
    kind = corebank.Adjustment.ACCRUE_INTEREST
    query = corebank.AdjustQuery(key(person, f"accrue-{loan}"), loan, kind, 1_200)
    bank.ask("corebank.adjust", query, person)
    parts = (400_000, 0, 1_200, 0, 0, 0, 0, 0)
    query = corebank.CollectQuery(key(person, f"collect-{loan}"), loan, account, *parts)
    bank.ask("corebank.collect", query, person, n)
    if n == 2:
        undo = corebank.ReverseQuery(key(person, f"undo-{loan}"), paid)
        bank.ask("corebank.reverse", undo, person)
    bank.ask("corebank.outcome", corebank.OutcomeQuery(paid, fence=bool(n)), person)


def reserve(bank, person, n):
    account, aside = person.home_card.number, key(person, f"reserve-{n}")
    until_s = bank.front.tenant.now_s + 600.0
    bank.ask("corebank.reserve", corebank.ReserveQuery(aside, account, 100 + n, until_s), person)
    if n:
        query = corebank.ResolveQuery(key(person, f"resolve-{n}"), aside, 50 * (n - 1))
        bank.ask("corebank.resolve", query, person)
    bank.ask("corebank.limits", corebank.BalanceQuery(account), person)
    bank.ask("corebank.open_keys", corebank.BankQuery(person.bank), person)


def transfer(bank, person, n):
    account = person.home_card.number
    other = bank.people[(n + 1) % len(bank.people)].home_card.number
    way = corebank.Direction.OUT if n else corebank.Direction.IN
    query = corebank.TransferQuery(
        key(person, f"transfer-{n}"), account, way, 300 + n, other=other, fee_fen=n
    )
    bank.ask("corebank.transfer", query, person)
    lines = corebank.StatementQuery(account, START, date(2021, 1, 1))
    bank.ask("corebank.statement", lines, person)


def act_on_account(bank, person, n):
    act = ("freeze", "unfreeze", "close", "confirm")[n]
    account = person.home_card.number
    done = corebank.AccountQuery(key(person, f"act-{n}"), account, corebank.AccountAct(act))
    bank.ask("corebank.account", done, person)


def turn_day(bank, person, n):
    """Tell the core the next stages of its day; ask for its papers."""
    on = bank.ask("corebank.day", corebank.BankQuery(person.bank), person)
    if on is None:
        return
    tomorrow = str(on.accounting_date + timedelta(days=1))
    bank.operator("cutoff", person.bank, next_date=tomorrow)
    if n:
        bank.operator("batch", person.bank)
        bank.operator("close", person.bank, next_date=tomorrow)
    bank.ask("corebank.reconciliation", corebank.BankQuery(person.bank), person)
    bank.ask("corebank.general_ledger", corebank.BankQuery(person.bank), person)


def move_clock(bank, person, n):
    bank.control("POST", "clock/advance", {"seconds": (0.25, 90.0, 4_000.0, 90_000.0)[n]})


def plan_fault(bank, person, n):
    """Plan what answers without a wait, for the clock stands still; or nothing any more."""
    often = ("corebank", "idnet", "wechat")[bank.people.index(person)]
    hangs = {"provider": "corebank", "kind": "accepted_not_done", "nth": 2, "delay_s": 80.0}
    said = {"provider": "idnet", "kind": "wrong_answer", "operation": "check", "count": 1}
    plans = (
        [],
        [{"provider": often, "kind": "5xx", "phase": "after_commit", "count": 2}, hangs],
        [{"provider": often, "kind": "5xx", "share": 0.5}, {"provider": "face", "kind": "quota"}],
        [
            {"provider": often, "kind": "garbage", "phase": "after_commit", "count": 1},
            {**said, "case": "name_differs"},
        ],
    )
    seen = bank.control("PUT", "faults", plans[n])
    assert seen.status == 200, seen.body


def ask_for_a_case(bank, person, n):
    """Name the answer that is wanted; a write then hangs, or switches the day."""
    case = ("accepted_not_done", "accepted_never_done", "day_switch", "no_account")[n]
    account = person.home_card.number
    query = corebank.DisburseQuery(key(person, f"case-{n}"), f"C-{n}", account, 1_000)
    bank.ask("corebank.disburse", query, person, x_loanrange_case=case)
    bank.ask("corebank.open_keys", corebank.BankQuery(person.bank), person)


def change_person(bank, person, n):
    if n:
        truth = {"listed": ("hit", "review", "")[n % 3], "live": n != 1}
        bank.control("POST", "people", {"key": person.key, "truth": truth})
    else:
        bank.control("POST", "people", {"bank": person.bank})


def look_at_the_books(bank, person, n):
    bank.control("GET", ("journal", "invoice", f"people?bank={person.bank}&n=3", "clock")[n])


ACTS = (
    *(log_in, ask_phone, send_message, read_card, ask_carrier, check_face, check_face_in_app),
    *(check_identity, ask_bureau, ask_business, sign_and_deposit, stamp, open_account, lend),
    *(reserve, transfer, act_on_account, turn_day, move_clock, plan_fault, change_person),
    *(ask_for_a_case, look_at_the_books),
)


def play(bank, acts):
    """Have a bank do some acts; each is told as (what, which person, a number from 0 to 3)."""
    for act, who, n in acts:
        act(bank, bank.people[who % len(bank.people)], n)
    return bank
