"""Snapshots of a tenant: after a restore the same requests give the same answers, to the byte."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from datetime import date, timedelta
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.adapters.http import baggage_of
from core.errors import InputError
from core.ports import corebank, idnet, wechat
from core.ports.trace import Trace
from mocks.clock import ServedClock
from mocks.snapshots import SNAPSHOTS_MAX, UNCHANGING, Snapshot, Snapshots
from mocks.tenant import CASE_HEADER, Tenant, Tenants
from mocks.tencent_call import Office
from scenarios.hosts.world import World
from tests.mocks.rest_kit import BANK, BANKS, NINE, OTHER_BANK, START
from tests.mocks.snapshot_kit import (
    ACTS,
    Bank,
    Seen,
    ask_carrier,
    key,
    lend,
    log_in,
    make_tenant,
    move_clock,
    open_account,
    opened,
    plan_fault,
    play,
    reserve,
    send_message,
    sign_and_deposit,
)

PROBLEM = "application/problem+json"
BROKEN = [Seen(0, b"ReadError"), Seen(0, b"RemoteProtocolError")]  # as the client happens to see
LATE = {"provider": "corebank", "operation": "disburse", "kind": "delay", "extra_s": 50.0}
SLOW = {"provider": "wechat", "kind": "delay", "extra_s": 50.0}


@pytest.fixture(scope="module")
def shared():
    with opened() as front:
        yield front


@pytest.fixture
def front(shared):
    shared.delete("tenants/default")
    return shared


def keeping():
    """Return tenants, and what keeps their snapshots."""
    tenants = Tenants(make_tenant)
    return tenants, Snapshots(tenants)


def refused(answer, *told, status=400):
    """Require a problem whose detail tells these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    detail = answer.json()["detail"]
    assert all(word in detail for word in told), detail


def holds_together(tenant):
    core = tenant.behaviours["corebank"]
    return all(core.verify_chain(bank) for bank in (BANK, OTHER_BANK))


def books(tenant):
    core = tenant.behaviours["corebank"]
    return {bank: (core.head(bank), core.balances(bank), core.pending(bank)) for bank in BANKS}


def disburse(bank, person, serial="1", **headers):
    account = person.home_card.number
    query = corebank.DisburseQuery(key(person, f"pay-{serial}"), f"P-{serial}", account, 70_000)
    return bank.ask("corebank.disburse", query, person, **headers)


def paid_fen(front, person):
    """Return what the core's books have on a person's card; None where they do not name it."""
    core, card = front.tenant.behaviours["corebank"], person.home_card.number.text
    named = [fen for name, fen in core.balances(person.bank).items() if name.endswith(card)]
    return -named[0] if named else None


class Waiting:
    """Somebody, in a thread, whose request waits until the clock is moved."""

    def __init__(self, front, ask):
        self.seen, self._ask = None, ask
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        while not front.tenant.clock._waiting:
            assert self._thread.is_alive(), self.seen

    def _run(self):
        self.seen = self._ask()

    def ending(self):
        self._thread.join(20.0)
        assert not self._thread.is_alive()
        return self.seen


def slow_login(front, bank):
    """Begin a login that takes fifty seconds; return who waits for it."""
    code = front.post("device/login", openid=bank.people[0].openid, nonce="slow")["js_code"]
    front.put("faults", [SLOW])
    return Waiting(front, lambda: bank.ask("wechat.login", wechat.LoginQuery(code)))


def send_late(front, bank, person, serial="1", **headers):
    """Have a payout be on its way: its client has given up, and in forty seconds it is done."""
    trace = Trace(person.bank, "A1", 1, 1, float("inf"), START)
    told = f"{baggage_of(trace)},lr.visit=1"
    front.put("faults", [LATE])
    waiting = Waiting(front, lambda: disburse(bank, person, serial, baggage=told, **headers))
    front.post("clock/advance", seconds=10)
    assert waiting.ending() is None
    front.delete("faults")


# --------------------------------------------------------------------- the same answers again

PLAYED = st.tuples(st.sampled_from(ACTS), st.integers(0, 2), st.integers(0, 3))
EVERYTHING = [(act, place % 3, place % 4) for place, act in enumerate((*ACTS, *ACTS))]


@example(EVERYTHING, 0)
@example(EVERYTHING, len(ACTS))
@example([(lend, 0, 0), (plan_fault, 0, 1), (lend, 0, 3), (move_clock, 0, 0), (lend, 0, 3)], 3)
@given(acts=st.lists(PLAYED, min_size=1, max_size=24), place=st.integers(0, 24))
def test_after_a_restore_the_same_requests_give_the_same_answers(shared, acts, place):
    shared.delete("tenants/default")
    bank = play(Bank(shared), acts[:place])
    shared.snapshot()
    bank.rows.clear()
    rows = play(bank, acts[place:]).rows
    after = books(shared.tenant)

    for _ in range(2):
        shared.restore()
        assert bank.again(rows) == [seen for _, seen in rows]
        assert books(shared.tenant) == after
        assert holds_together(shared.tenant)


def test_every_act_is_answered_by_who_it_is_for(front):
    bank = play(Bank(front), EVERYTHING)

    operations = {call.operation for call in front.tenant.house.journal.calls}
    assert {name.partition(".")[0] for name in operations} == {
        *("wechat", "ocr", "carrier", "face", "idnet", "sanctions", "corebank"),
        *("bureau", "registry", "acquirer", "evidence"),
    }
    assert len(operations) > 35
    well = sum(seen.status == 200 for _, seen in bank.rows)
    assert well > 0.85 * len(bank.rows)
    assert len(front.tenant.rooms) == 2


def test_a_restore_takes_everything_back(front):
    bank = Bank(front)
    asked = ("clock", "faults", "journal", "invoice", f"people?bank={BANK}&first=170001&n=3")
    before = {path: front.get(path) for path in asked}
    front.snapshot()
    play(bank, EVERYTHING)
    plan_fault(bank, bank.people[0], 2)
    changed = {path: front.get(path) for path in asked}

    front.restore()

    assert all(changed[path] != before[path] for path in asked)
    assert {path: front.get(path) for path in asked} == before


def test_old_credentials_and_old_tokens_stay_valid_and_later_ones_are_none(front):
    bank = Bank(front)
    known = front.tenant.credentials
    query = f"grant_type=client_credential&appid={known.appid}&secret={known.app_secret}"
    token = bank.send("GET", f"/cgi-bin/token?{query}").json()["access_token"]
    front.snapshot()
    later = [bank.send("GET", f"/cgi-bin/token?{query}").json()["access_token"] for _ in range(2)]

    front.restore()

    assert front.tenant.credentials == known
    body = b'{"scene": "a=1", "check_path": false}'
    codes = [
        bank.send("POST", f"/wxa/getwxacodeunlimit?access_token={each}", {}, body).body[:2]
        for each in (token, *later)
    ]
    assert codes == [b"\xff\xd8", b'{"', b'{"']
    person = bank.people[0]
    answer = bank.ask("idnet.check", idnet.IdQuery(person.name, person.id_number), person)
    assert answer.verdict is idnet.IdVerdict.MATCH


def test_a_refusal_of_wechat_has_the_same_id_again_and_another_tenants_has_its_own(front):
    front.put("tenants/other", {"seed": 8})
    bank, other = Bank(front), Bank(front.of("other"))
    front.snapshot()
    first = [bank.ask("wechat.login", wechat.LoginQuery("no such")) for _ in range(2)]
    mine = [seen for _, seen in bank.rows]
    other.ask("wechat.login", wechat.LoginQuery("no such"))

    front.restore()
    bank.again(other.rows)

    assert [answer.verdict for answer in first] == ["unknown"] * 2
    assert len(set(mine)) == 2
    assert bank.again(bank.rows) == mine
    front.delete("tenants/other")


# ------------------------------------------------------------------------ what is on its way


def test_a_write_that_was_on_its_way_is_done_after_each_restore(front):
    bank = Bank(front)
    person = bank.people[0]
    send_late(front, bank, person)
    front.snapshot()
    before = paid_fen(front, person)

    done = []
    for _ in range(3):
        front.post("clock/advance", seconds=60)
        done.append(paid_fen(front, person))
        assert front.tenant.behaviours["corebank"].fate(key(person, "pay-1")).outcome == "done"
        front.restore()
        assert paid_fen(front, person) == before

    assert before is None
    assert done == [70_000 + person.home_card.balance_fen] * 3


def test_a_case_that_was_on_its_way_happens_in_the_restored_world_only(front):
    bank = Bank(front)
    person = bank.people[0]
    send_late(front, bank, person, **{CASE_HEADER.replace("-", "_"): "account_frozen"})
    front.snapshot()
    front.restore()
    replaced = front.tenant
    front.restore()

    front.post("clock/advance", seconds=60)

    fates = [
        each.behaviours["corebank"].fate(key(person, "pay-1")) for each in (front.tenant, replaced)
    ]
    assert [str(fate.code) for fate in fates] == ["account_frozen", "ok"]
    assert [str(fate.outcome) for fate in fates] == ["rejected", "not_found"]


def test_what_is_due_happens_by_itself_where_the_clock_runs():
    async def run():
        tenants, kept = keeping()
        tenant = tenants.default
        tenant.clock.resume(1_000_000.0)
        grant = tenant.behaviours["wechat"].grant
        tenant.clock.later(tenant.now_s + 3_000.0, partial(grant, "o-1", "T1"))
        kept.take(tenant, "base")
        tenant.clock.close()
        kept.restore(tenant, "base")
        granted = tenants.default.behaviours["wechat"]._grants
        async with asyncio.timeout(10.0):
            while not granted:  # noqa: ASYNC110  the provider tells nobody
                await asyncio.sleep(0.001)
        speed, frozen = tenants.default.clock.speed, tenants.default.clock.frozen
        tenants.default.close()
        return granted, tenant.behaviours["wechat"]._grants, speed, frozen

    assert asyncio.run(run()) == ({("o-1", "T1"): 1}, {}, 1_000_000.0, False)


def test_what_is_due_at_one_moment_comes_in_the_old_order():
    async def run():
        tenants, kept = keeping()
        tenant = tenants.default
        grant, moment_s = tenant.behaviours["wechat"].grant, tenant.now_s + 5.0
        for name in "cabd":
            tenant.clock.later(moment_s, partial(grant, name, "T"))
        kept.take(tenant, "base")
        kept.restore(tenant, "base")
        clock, granted = tenants.default.clock, tenants.default.behaviours["wechat"]
        clock.later(moment_s, partial(granted.grant, "last", "T"))
        await clock.advance(5.0)
        return "".join(name for name, _ in granted._grants)

    assert asyncio.run(run()) == "cabdlast"


def test_the_clock_stands_where_it_stood_and_runs_as_it_ran(front):
    front.post("clock/advance", days=1)
    frozen = front.get("clock")
    front.snapshot("frozen")
    running = front.post("clock/resume", speed=2.0)
    front.snapshot("running")
    front.post("clock/advance", days=30)
    front.post("clock/resume", speed=9.0)

    front.restore("frozen")
    assert front.get("clock") == frozen
    assert front.restore("running")["date"] == frozen["date"]
    again = front.get("clock")
    assert running["now_s"] <= again["now_s"] < running["now_s"] + 86_400.0
    assert (again["speed"], again["frozen"]) == (2.0, False)
    front.post("clock/freeze")


# ------------------------------------------------------------------- who is served meanwhile


def test_a_request_in_flight_is_broken_off_by_a_restore(front):
    bank = Bank(front)
    front.snapshot()
    waiting = slow_login(front, bank)

    front.restore()

    assert waiting.ending() is None
    assert bank.rows[-1][1] in BROKEN
    assert not front.tenant.clock._waiting
    assert front.get("journal") == {"calls": []}


def test_a_request_in_flight_goes_on_undisturbed_by_a_snapshot_and_is_not_in_it(front):
    bank = Bank(front)
    waiting, before = slow_login(front, bank), front.tenant
    taken = front.snapshot()

    front.post("clock/advance", seconds=60)

    assert waiting.ending().openid == bank.people[0].openid
    assert front.tenant is before
    assert taken["calls"] == 0
    front.restore()
    assert not front.tenant.clock._due
    front.post("clock/advance", seconds=60)
    assert front.get("journal") == {"calls": []}


def test_a_restore_changes_nothing_in_another_tenant(front):
    front.put("tenants/other", {"seed": 7})
    other = front.of("other")
    mine, theirs = Bank(front), Bank(other)
    front.snapshot()
    play(mine, EVERYTHING[: len(ACTS)])
    play(theirs, EVERYTHING[: len(ACTS)])
    other.delete("faults")
    before, asked = other.tenant, ("clock", "journal", "invoice", "snapshots")
    told = [other.get(path) for path in asked]
    waiting = slow_login(other, theirs)

    front.restore()

    assert other.tenant is before
    assert [other.get(path) for path in asked] == told
    assert books(other.tenant) != books(front.tenant)
    other.post("clock/advance", seconds=60)
    assert waiting.ending().openid == theirs.people[0].openid
    front.delete("tenants/other")


# -------------------------------------------------------- nothing that changes is held by two


NEVER_CHANGES = (
    *(str, bytes, int, float, bool, complex, date, timedelta, Enum),
    *(type(None), type, ModuleType, BuiltinFunctionType),
)
HOLDS_ONLY = (tuple, frozenset)  # what is in them may change, they do not


def changeable(root, unchanging):
    """Return all that can be reached from an object and may change, by its identity."""
    found, seen, ahead = {}, set(), [root]
    while ahead:
        each = ahead.pop()
        if id(each) in seen or isinstance(each, (*NEVER_CHANGES, *unchanging)):
            continue
        seen.add(id(each))
        if isinstance(each, FunctionType):  # its module's names are everybody's
            ahead += [cell.cell_contents for cell in each.__closure__ or ()]
            ahead += [*(each.__defaults__ or ()), *vars(each).values()]
            continue
        if not isinstance(each, HOLDS_ONLY):
            found[id(each)] = each
        ahead += gc.get_referents(each)
    return found


def test_a_restored_tenant_shares_nothing_that_changes(front):
    bank = play(Bank(front), EVERYTHING)
    send_late(front, bank, bank.people[1], "2")
    plan_fault(bank, bank.people[0], 1)
    tenant = front.tenant
    snapshot = Snapshot.of(tenant, "base")
    first, second = snapshot.tenant(), snapshot.tenant()
    shared = (*UNCHANGING, *tenant.house.unchanging)

    held = [changeable(each, shared) for each in (tenant, first, second)]

    kinds = [Counter(type(each).__name__ for each in found.values()) for found in held]
    assert kinds[0] == kinds[1] == kinds[2]
    assert sum(kinds[0].values()) > 500
    assert {"Office", "Account", "Chain", "Fate", "Call", "Code", "Token", "Fault"} <= set(kinds[0])
    assert len(first.clock._due) == 1
    for one, other in ((0, 1), (0, 2), (1, 2)):
        both = held[one].keys() & held[other].keys()
        assert not both, [type(held[one][each]) for each in both][:20]


def test_the_search_for_what_is_shared_finds_what_a_function_holds():
    shelf, act = [], []

    def closure():
        return shelf

    assert {id(shelf), id(act)} <= changeable((closure, partial(print, act)), ()).keys()


def test_what_two_parts_share_they_share_again(front):
    play(Bank(front), [(lend, 0, 0), (reserve, 0, 0), (open_account, 1, 0), (ask_carrier, 0, 0)])
    front.snapshot()
    before = front.tenant
    front.restore()

    tenant = front.tenant
    world, core = tenant.house, tenant.behaviours["corebank"]
    assert tenant is not before
    assert world.corebank is core
    assert {
        each._people
        for name, each in tenant.behaviours.items()
        if name in ("wechat", "ocr", "carrier", "idnet", "face", "bureau", "sanctions")
    } == {world.people}
    for bank in core._union.banks.values():
        for deposit in bank.deposits.values():
            named = bank.book.accounts.get(deposit.ledger.name, deposit.ledger)
            assert named is deposit.ledger
    assert tenant.rooms[Office].tenant is tenant


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was_found(enabled):
    tenants, kept = keeping()
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        kept.take(tenants.default, "base").tenant()
        assert gc.isenabled() is enabled
        tenants.default.behaviours["wechat"].blocked = lambda: 1
        with pytest.raises(InputError):
            kept.take(tenants.default, "other")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


# ---------------------------------------------------------------------- names, limits, lists


def test_a_list_tells_what_is_in_each_snapshot(front):
    bank = Bank(front, people=2)
    empty = front.snapshot("empty")
    play(bank, [(log_in, 0, 0), (send_message, 1, 1), (sign_and_deposit, 0, 0)])
    front.post("clock/advance", days=2)
    later = front.snapshot("later")

    assert front.get("snapshots") == {"snapshots": [empty, later]}
    calls = len(front.get("journal")["calls"])
    assert {**empty, "bytes": 0} == {
        "name": "empty",
        "date": "2020-07-15",
        "calls": 0,
        "people_changed": 2,
        "bytes": 0,
    }
    assert {**later, "bytes": 0} == {
        "name": "later",
        "date": "2020-07-17",
        "calls": calls,
        "people_changed": 2,
        "bytes": 0,
    }
    assert calls > 4
    assert later["bytes"] > empty["bytes"] > 1_000
    assert front.restore("empty") == empty


def test_a_snapshot_that_is_dropped_is_gone(front):
    for name in ("one", "two"):
        front.snapshot(name)

    front.delete("snapshots/one")

    assert [each["name"] for each in front.get("snapshots")["snapshots"]] == ["two"]
    refused(front.control("POST", "restore", {"name": "one"}), "'one'", "none of this name")


def test_a_name_that_is_taken_again_stands_for_the_newest(front):
    front.snapshot("a")
    front.snapshot("b")
    front.post("clock/advance", days=1)
    front.snapshot("a")
    front.post("clock/advance", days=1)

    assert [each["name"] for each in front.get("snapshots")["snapshots"]] == ["b", "a"]
    front.restore("a")
    assert front.get("clock")["date"] == "2020-07-16"


@pytest.mark.parametrize("way", ["restore", "drop"])
def test_an_unknown_name_is_told_the_nearest(front, way):
    def ask(name):
        if way == "drop":
            return front.control("DELETE", f"snapshots/{name}")
        return front.control("POST", "restore", {"name": name})

    refused(ask("morning"), "snapshot 'morning'", "'default'", "none is known")
    front.snapshot("morning")
    front.snapshot("noon")
    before = front.tenant
    refused(ask("mornin"), "snapshot 'mornin'", "did you mean 'morning'?")
    assert front.tenant is before
    assert len(front.get("snapshots")["snapshots"]) == 2


def test_a_tenant_has_so_many_snapshots_and_no_more(front):
    for number in range(SNAPSHOTS_MAX):
        front.snapshot(f"s{number}")

    refused(
        front.control("POST", "snapshot", {"name": "more"}),
        "snapshot 'more'",
        f"has {SNAPSHOTS_MAX} already",
        "DELETE /_control/snapshots/NAME",
    )
    front.snapshot("s3")
    front.delete("snapshots/s4")
    front.snapshot("more")
    names = [each["name"] for each in front.get("snapshots")["snapshots"]]
    assert (len(names), names[-2:]) == (SNAPSHOTS_MAX, ["s3", "more"])


def test_snapshots_are_counted_tenant_by_tenant(front):
    front.put("tenants/other", {})
    for number in range(SNAPSHOTS_MAX):
        front.snapshot(f"s{number}")

    front.of("other").snapshot("s0")

    assert len(front.of("other").get("snapshots")["snapshots"]) == 1
    refused(front.of("other").control("POST", "restore", {"name": "s1"}), "did you mean 's0'?")
    front.delete("tenants/other")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a.b", "é", "x" * 65, "a\n"])
def test_a_name_is_letters_and_digits(front, name):
    refused(front.control("POST", "snapshot", {"name": name}), "is no name", "letters, digits")
    assert front.get("snapshots") == {"snapshots": []}


@pytest.mark.parametrize("body", [{}, {"name": 1}, {"name": "a", "of": "b"}, ["a"]])
@pytest.mark.parametrize("path", ["snapshot", "restore"])
def test_a_body_of_another_shape_is_refused(front, path, body):
    refused(front.control("POST", path, body), status=422)


@pytest.mark.parametrize("path", ["snapshot", "restore"])
def test_a_storys_tenant_is_not_kept(front, path):
    refused(
        front.of("story").control("POST", path, {"name": "base"}),
        "snapshot 'base'",
        "time of tenant 'story' is its visits' own",
        "PUT /_control/tenants",
    )
    assert front.of("story").get("snapshots") == {"snapshots": []}


def test_snapshots_outlive_a_reset(front):
    person = Bank(front).people[0]
    front.snapshot()

    front.post("reset")
    assert front.get("snapshots")["snapshots"]
    front.restore()

    assert front.tenant.people.by_key(person.key).truth == ()
    assert front.tenant.house.people.changed == 3


@pytest.mark.parametrize("way", ["PUT", "DELETE"])
@pytest.mark.parametrize("name", ["default", "other"])
def test_a_tenant_that_is_closed_or_opened_anew_has_no_snapshots(front, name, way):
    front.put("tenants/other", {"seed": 3})
    front.of(name).snapshot()

    front.control(way, f"tenants/{name}", {"seed": 4} if way == "PUT" else None)
    if name == "other":
        front.put("tenants/other", {"seed": 3})

    assert front.of(name).get("snapshots") == {"snapshots": []}
    front.delete("tenants/other")


def test_nothing_is_left_of_tenants_that_are_gone():
    tenants, kept = keeping()
    kept.take(tenants.open("short"), "base")
    tenants.close("short")

    kept.take(tenants.default, "base")

    assert kept._kept.keys() == {"default"}


def test_what_cannot_be_copied_is_refused_by_name_and_harms_nobody(front):
    bank = Bank(front)
    front.snapshot()
    front.tenant.behaviours["corebank"].after_step = lambda bank, step: None

    answer = front.control("POST", "snapshot", {"name": "later"})

    refused(answer, "snapshot 'later'", "tenant 'default'", "cannot be copied", "lambda")
    assert [each["name"] for each in front.get("snapshots")["snapshots"]] == ["base"]
    assert disburse(bank, bank.people[0]).outcome == "done"
    front.restore()
    assert front.tenant.behaviours["corebank"].after_step is None


def test_a_fault_that_has_struck_strikes_again_after_a_restore(front):
    bank = Bank(front)
    person = bank.people[0]
    plan = {"provider": "idnet", "kind": "5xx", "count": 2}
    front.put("faults", [plan])
    query = idnet.IdQuery(person.name, person.id_number)

    def verdicts(count):
        return [bank.ask("idnet.check", query, person) is not None for _ in range(count)]

    first = verdicts(1)
    front.snapshot()
    second = verdicts(2)
    front.restore()

    assert (first, second, verdicts(2)) == ([False], [False, True], [False, True])


def test_a_tenant_without_a_journal_is_kept_too():
    world = World(7, START, banks=BANKS, products={})
    taken = Snapshot.of(Tenant("quiet", world, ServedClock(START, 1.0, NINE)), "base")

    assert (taken.calls, taken.tenant().house.journal) == (0, None)
