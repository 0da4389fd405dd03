"""A tenant: how attempts are named, what becomes of them, who hears of it, and who is let go."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.http import baggage_of
from core.errors import (
    ConnectionLost,
    InputError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.ports.idnet import IdQuery
from core.ports.trace import Trace
from core.seed import LATENCY
from mocks import tenant as module
from mocks.baggage import BAGGAGE_MAX, Caller, caller_of, told_in, visit_of
from mocks.clock import ServedClock
from mocks.journal import Journal
from mocks.line import SEEN, Fate, Fault, FaultKind, Line, Phase, Profile
from mocks.spec import Operation, on, table
from mocks.tenant import (
    CROSSING,
    DEFAULT,
    REFUSED_S,
    SUBJECT_MAX,
    TENANT_HEADER,
    Credentials,
    Crossing,
    NoAnswer,
    Tenant,
    Tenants,
    patient,
)
from mocks.wire import Request
from scenarios.hosts.world import World
from tests.mocks.rest_kit import BANK, BANKS, NINE, START, Still

TRACE = Trace(BANK, "A1/李,=", 501, 2, 90_000.5, START)
ASKED = "idnet.check"
NUMBER = "110101199003077758"
LIMIT_S, EXTRA_S = 5.0, 60.0
SERVED_S = 0.25  # what every call takes, unless a test says more
K, P = FaultKind, Phase


class Answer:
    """What the desk says."""

    verdict = "same"

    def __init__(self, query):
        self.query = query


class Desk:
    """A provider that notes what it is asked; it bills what is the same."""

    SCOPE = "nation"
    OPERATIONS = table(Operation("check", billed=on("same")))

    def __init__(self):
        self.acted = []

    def check(self, trace, query, now_s, draws):
        self.acted.append((trace, query, now_s, draws.uniform(LATENCY)))
        return Answer(query)


class Passing(Still):
    """A clock that goes ahead by what is served on it, and notes whom it let in."""

    def __init__(self, start):
        super().__init__(start)
        self.served, self.entered = [], []

    async def enter(self, visit):
        self.entered.append((visit, len(self.served)))

    async def serve(self, wait_s):
        self.served.append(wait_s)
        self.now_s += wait_s

    def happen(self):
        """Let what was to happen later happen."""
        for at_s, happens in self.late:
            self.now_s = max(self.now_s, at_s)
            happens()


FIGURES = Profile(100.0, 1_000.0, LIMIT_S * 1000, recorded_ms=(SERVED_S * 1000,))


def world_of(*faults, seed=7, journal=True, outages=None, **said):
    profiles = {"idnet": replace(FIGURES, **said)}
    world = World(
        seed,
        START,
        banks=BANKS,
        products={},
        profiles=profiles,
        outages={"idnet": outages or []},
        journal=Journal() if journal else None,
    )
    world.behaviours["idnet"] = Desk()
    world.lines["idnet"].faults.extend(faults)
    return world


def opened(*faults, name="t1", clock=None, **said):
    return Tenant(name, world_of(*faults, **said), clock or Passing(START))


def acted(tenant):
    """Return what the desk was asked: trace, query, business time, the draw of its latency."""
    return tenant.behaviours["idnet"].acted


def noted(tenant):
    return list(tenant.house.journal.calls)


def asking(tenant, subject=NUMBER, query="q", baggage="", bank=BANK):
    request = Request("POST", "/", b"", {"baggage": baggage} if baggage else {}, b"", "")
    return tenant.ask(ASKED, request, subject, query, bank)


def ask(tenant, *words, **said):
    return asyncio.run(asking(tenant, *words, **said))


def ending(tenant, *words, **said):
    """Return what the face is told: an answer's query, or the error and what it is shown by."""
    try:
        return ask(tenant, *words, **said).query
    except NoAnswer as no:
        return no.error
    except (QuotaExceeded, ServerFailed) as no:
        return type(no)


async def until(is_so):
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


# --------------------------------------------------------------------------- what a request tells


@pytest.mark.parametrize(
    ("baggage", "told"),
    [
        ("", {"": ""}),
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 ;p=x;q , b=2;r", {"a": "1", "b": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("a", {"a": ""}),
        ("a=1,a=2", {"a": "2"}),
        ("a=%E6%9D%8E%2C%3B%3D%25", {"a": "李,;=%"}),
        ("a=%zz%", {"a": "%zz%"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a+b=c+d", {"a+b": "c+d"}),
        ("a=1,b=" + "x" * BAGGAGE_MAX, {"a": "1", "b": "x" * (BAGGAGE_MAX - 6)}),
        ("," * BAGGAGE_MAX + "a=1", {"": ""}),
    ],
)
def test_baggage_is_words_with_their_values(baggage, told):
    assert told_in(baggage) == told


@pytest.mark.parametrize(
    ("baggage", "visit"),
    [
        ("", ""),
        ("a=1", ""),
        ("lr.visit", ""),
        ("lr.visit=7", "7"),
        ("a=1, lr.visit = %37 ;p=1", "7"),
        ("xlr.visit=7", ""),
        ("a=lr.visit", ""),
        ("," * BAGGAGE_MAX + "lr.visit=7", ""),
    ],
)
def test_a_visit_is_told_by_a_word_of_its_own(baggage, visit):
    assert visit_of(baggage) == visit


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TRACES = st.builds(
    Trace,
    *(TEXT, TEXT, st.integers(), st.integers(), st.floats(allow_nan=False)),
    st.dates(),
)


@given(TRACES, TEXT, st.sampled_from(["", "other=1,", "lr.call=x,,;,"]), st.booleans())
def test_what_our_own_clients_tell_is_read_as_it_was_told(trace, visit, before, spaced):
    baggage = f"{before}{baggage_of(trace)},lr.visit={quote(visit, safe='')}"
    if spaced:
        baggage = baggage.replace(",", " ;p=1;q , ").replace("lr.call=", "lr.call = ")

    assert caller_of(baggage) == Caller(trace, visit)
    assert visit_of(baggage) == visit


WORDS = dict(word.split("=") for word in baggage_of(TRACE).split(","))


def baggage_with(**said):
    """Return the baggage of an attempt with some of its words otherwise; None: without."""
    words = {**WORDS, "lr.visit": "7", **{f"lr.{name}": value for name, value in said.items()}}
    return ",".join(f"{name}={value}" for name, value in words.items() if value is not None)


@pytest.mark.parametrize(
    "said",
    [
        *({name.removeprefix("lr."): None} for name in WORDS),
        {"call": ""},
        {"call": "1.5"},
        {"call": "9" * 5_000},
        {"attempt": "x"},
        {"deadline": ""},
        {"deadline": "nan"},
        {"deadline": "-NaN"},
        {"date": "2020-02-30"},
        {"date": "yesterday"},
        {"application": "x" * BAGGAGE_MAX},
    ],
)
def test_half_a_name_is_none(said):
    assert caller_of(baggage_with()) == Caller(TRACE, "7")
    assert caller_of(baggage_with(**said)) == Caller(None)


PIECES = st.sampled_from(
    [*(f"{name}={value}" for name, value in WORDS.items()), *"=;,% ", "lr.visit=7", "lr.", "%zz"]
)
RAW = st.text(st.characters(max_codepoint=255), max_size=80)  # what a header can be


@given(RAW | st.lists(PIECES | RAW, max_size=16).map(",".join) | st.lists(PIECES).map("".join))
def test_whatever_stands_in_the_header_names_an_attempt_or_nobody(baggage):
    caller, told = caller_of(baggage), told_in(baggage)

    assert visit_of(baggage) == told.get("lr.visit", "")
    if caller.trace is None:
        assert caller.visit == ""
    else:
        bank, application, call, attempt, deadline_s, day = caller.trace
        assert (bank, application) == (told["lr.bank"], told["lr.application"])
        assert isinstance(call, int)
        assert isinstance(attempt, int)
        assert isinstance(day, date)
        assert not math.isnan(deadline_s)
        assert caller.visit == visit_of(baggage)
    assert set(told) <= {name.partition(";")[0].strip() for name in _names(baggage)}


def _names(baggage):
    return [member.partition("=")[0] for member in baggage.split(",")]


# -------------------------------------------------------------------------- how attempts are named


def test_who_tells_no_name_is_named_by_what_it_asks_and_how_often():
    tenant, other = opened(name="t1"), opened(name="t2")
    for who, subject in ((tenant, "a"), (tenant, "b"), (tenant, "a"), (other, "a")):
        ask(who, subject)

    def name(tenant, subject, number):
        return Trace(BANK, f"{tenant}/{subject}", number, 1, math.inf, START)

    named = [trace for trace, *_ in acted(tenant)]
    assert named == [name("t1", "a", 1), name("t1", "b", 1), name("t1", "a", 2)]
    assert [trace for trace, *_ in acted(other)] == [name("t2", "a", 1)]


def test_who_tells_a_name_bears_it_and_is_not_counted():
    tenant = opened()
    for baggage in (baggage_of(TRACE), baggage_of(TRACE), "lr.visit=7", ""):
        ask(tenant, "a", baggage=baggage)

    assert [trace.call for trace, *_ in acted(tenant)] == [501, 501, 1, 2]
    assert acted(tenant)[0][0] == TRACE


def test_the_date_of_an_attempt_is_the_business_date_of_its_arrival():
    tenant = opened()
    ask(tenant, "a")
    tenant.clock.now_s += 20 * 3_600
    ask(tenant, "a")

    days = [trace.date for trace, *_ in acted(tenant)]
    assert days == [START, START + timedelta(days=1)]


def test_the_same_requests_have_the_same_luck_and_others_another():
    def luck(seed=7, name="t1"):
        tenant = opened(seed=seed, name=name)
        for subject in ("a", "b", "a"):
            ask(tenant, subject)
        ask(tenant, baggage=baggage_of(TRACE))
        return [draw for *_, draw in acted(tenant)]

    first = luck()
    assert luck() == first
    assert len({*first, *luck(seed=8), *luck(name="t2")}) == 4 + 4 + 3  # ours bear no tenant's name


def test_who_is_on_a_visit_is_served_in_its_time():
    tenant = opened()
    for baggage in (baggage_of(TRACE), "", f"{baggage_of(TRACE)},lr.visit=7"):
        ask(tenant, baggage=baggage)

    assert tenant.clock.entered == [("7", 2)]  # before anything of it takes time


NAMES = st.sampled_from(["a", "b", "c", "d", "long" * 20, "\ud800" * (SUBJECT_MAX + 1)])


@pytest.mark.parametrize("most", [1, 3])
@given(st.lists(NAMES, max_size=60))
def test_however_many_are_counted_nobody_is_counted_twice(most, names):
    tenant, last = opened(journal=False), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ARRIVALS_MAX", most)
        for name in names:
            number = tenant.count(name)
            assert number > last.get(name, 0)
            last[name] = number
            assert len(tenant._arrivals) <= most
            assert max(map(len, tenant._arrivals)) <= SUBJECT_MAX


def test_as_long_as_there_is_room_numbers_follow_each_other(monkeypatch):
    monkeypatch.setattr(module, "ARRIVALS_MAX", 2)
    tenant = opened()

    assert [tenant.count(name) for name in "aabbcabc"] == [1, 2, 1, 2, 3, 3, 4, 4]


def test_long_subjects_are_told_apart():
    tenant, long = opened(), "x" * SUBJECT_MAX

    assert [tenant.count(long + end) for end in "abab"] == [1, 1, 2, 2]


# ------------------------------------------------------------------------------ what comes of them


def test_a_provider_acts_when_its_time_has_passed():
    tenant = opened()

    assert ask(tenant, query="who").query == "who"
    [(_, query, now_s, _)] = acted(tenant)
    assert (query, now_s) == ("who", NINE + SERVED_S)
    assert tenant.clock.served == [SERVED_S]


def test_the_time_that_is_served_is_drawn_by_name():
    tenant = opened(recorded_ms=())
    ask(tenant, "a")
    ask(tenant, "b")

    draws = [draw for *_, draw in acted(tenant)]
    latency = tenant.house.lines["idnet"].profile.latency()
    assert tenant.clock.served == [latency(draw) for draw in draws]


LATE = {"recorded_ms": (7_000.0,)}


@pytest.mark.parametrize("baggage", ["", baggage_of(TRACE)], ids=["nameless", "named"])
def test_somebody_elses_client_waits_as_long_as_it_likes(baggage):
    tenant = opened(**LATE)

    assert ending(tenant, baggage=baggage) == "q"
    assert tenant.clock.served == [7.0]


def test_our_own_client_is_told_when_its_limit_is_over_and_the_provider_acts_late():
    tenant = opened(**LATE)

    assert ending(tenant, baggage=f"{baggage_of(TRACE)},lr.visit=7") is TimedOut
    assert (tenant.clock.served, acted(tenant)) == ([LIMIT_S], [])
    tenant.clock.happen()
    assert [now_s for _, _, now_s, _ in acted(tenant)] == [NINE + 7.0]
    assert [call.seen for call in noted(tenant)] == [TimedOut]


LINE = Line("idnet", FIGURES)


@pytest.mark.parametrize(
    ("kind", "phase", "drawn_s", "fate"),
    [
        (None, P.BEFORE, 1.0, Fate(1.0, 1.0, None)),
        (None, P.BEFORE, 7.0, Fate(7.0, 7.0, None)),
        (K.DELAY, P.BEFORE, 1.0, Fate(61.0, 61.0, None)),
        (K.DELAY, P.AFTER_COMMIT, 7.0, Fate(67.0, 67.0, None)),
        (K.SLOW_BYTES, P.BEFORE, 1.0, Fate(61.0, 1.0, None)),
        (K.SLOW_BYTES, P.MID_RESPONSE, 7.0, Fate(67.0, 7.0, None)),
        (K.DROP, P.BEFORE, 1.0, Fate(LIMIT_S, None, TimedOut)),
        (K.DROP, P.AFTER_COMMIT, 1.0, Fate(LIMIT_S, 1.0, TimedOut)),
        (K.DROP, P.MID_RESPONSE, 7.0, Fate(LIMIT_S, 7.0, TimedOut)),
        (K.RESET, P.BEFORE, 1.0, Fate(1.0, None, Unreachable)),
        (K.RESET, P.AFTER_COMMIT, 1.0, Fate(1.0, 1.0, ConnectionLost)),
        (K.SERVER_ERROR, P.AFTER_COMMIT, 1.0, Fate(1.0, 1.0, ServerFailed)),
        (K.GARBAGE, P.MID_RESPONSE, 1.0, Fate(1.0, 1.0, Unreadable)),
        (K.RESET, P.BEFORE, 7.0, Fate(7.0, None, Unreachable)),
        (K.SERVER_ERROR, P.AFTER_COMMIT, 7.0, Fate(7.0, 7.0, ServerFailed)),
        (K.GARBAGE, P.MID_RESPONSE, 7.0, Fate(7.0, 7.0, Unreadable)),
        (K.QUOTA, P.BEFORE, 7.0, Fate(0.0, None, QuotaExceeded)),
    ],
)
def test_to_a_patient_client_what_is_late_is_not_lost(kind, phase, drawn_s, fate):
    fault = Fault("idnet", kind, phase, extra_s=EXTRA_S) if kind else None
    served_s = LINE.service_s(drawn_s, fault)

    assert patient(LINE.fate(served_s, 0.0, fault), served_s, fault) == fate


@pytest.mark.parametrize("visits", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize(("kind", "phase"), SEEN, ids=lambda each: each.value)
def test_a_fault_is_told_to_the_face_and_the_provider_acts_or_not(kind, phase, visits):
    fault = Fault("idnet", kind, phase)
    tenant, error = opened(fault), SEEN[kind, phase]
    baggage = f"{baggage_of(TRACE)},lr.visit=7" if visits else ""

    with pytest.raises((NoAnswer, QuotaExceeded, ServerFailed)) as no:
        ask(tenant, baggage=baggage)

    if error in (QuotaExceeded, ServerFailed):
        assert (type(no.value), no.value.operation) == (error, ASKED)
    else:
        assert (no.value.error, no.value.fault) == (error, fault)
    seen_s = {K.DROP: LIMIT_S, K.QUOTA: 0.0}.get(kind, SERVED_S)
    assert tenant.clock.served == [seen_s]
    assert [(call.operation, call.seen, call.at_s) for call in noted(tenant)] == [
        (ASKED, error, NINE + seen_s)
    ]
    tenant.clock.now_s = NINE
    tenant.clock.happen()
    acts = [] if phase is P.BEFORE else [NINE + SERVED_S]
    assert [now_s for _, _, now_s, _ in acted(tenant)] == acts
    assert tenant.billed == {}  # no answer came


@pytest.mark.parametrize("crosses", [True, False])
@pytest.mark.parametrize(
    ("kind", "acts_s", "slow_s"),
    [(K.DELAY, SERVED_S + EXTRA_S, 0.0), (K.SLOW_BYTES, SERVED_S, EXTRA_S)],
    ids=["delay", "slow bytes"],
)
def test_what_is_slow_is_answered_and_its_bytes_take_their_time_on_the_line(
    kind, acts_s, slow_s, crosses
):
    tenant = opened(Fault("idnet", kind, extra_s=EXTRA_S))

    async def served():
        crossing = Crossing()
        if crosses:
            CROSSING.set(crossing)
        answer = await asking(tenant)
        return answer.query, crossing

    answer, crossing = asyncio.run(served())

    assert answer == "q"
    assert [now_s for _, _, now_s, _ in acted(tenant)] == [NINE + acts_s]
    if crosses:
        assert (tenant.clock.served, crossing.slow_s) == ([acts_s], slow_s)
        assert crossing.clock is (tenant.clock if slow_s else None)
    else:
        assert tenant.clock.served == ([acts_s, slow_s] if slow_s else [acts_s])


@pytest.mark.parametrize(
    ("said", "struck"),
    [
        ({}, [1, 1, 1, 1]),
        ({"operation": "check"}, [1, 1, 1, 1]),
        ({"operation": "other"}, [0, 0, 0, 0]),
        ({"application": "t1/a"}, [1, 0, 1, 0]),
        ({"application": "t1/a", "call": 2}, [0, 0, 1, 0]),
        ({"application": TRACE.application}, [0, 0, 0, 1]),
        ({"attempts": (2,)}, [0, 0, 0, 1]),
        ({"from_s": NINE, "for_s": SERVED_S}, [1, 0, 0, 0]),
        ({"share": 0.0}, [0, 0, 0, 0]),
    ],
)
def test_a_planned_fault_finds_its_attempt_by_name(said, struck):
    tenant = opened(Fault("idnet", K.SERVER_ERROR, **said))
    ends = [ending(tenant, subject) for subject in ("a", "b", "a")]
    ends.append(ending(tenant, baggage=baggage_of(TRACE)))

    assert ends == [ServerFailed if each else "q" for each in struck]


def test_an_error_rate_strikes_the_same_requests_in_every_tenant_of_a_name():
    def ends():
        tenant = opened(error_rate=0.5)
        return [ending(tenant, f"{number}") for number in range(60)]

    first = ends()
    assert ends() == first
    assert {"q", TimedOut, ServerFailed, Unreachable} <= set(first)


@pytest.mark.parametrize(
    ("said", "is_open"),
    [
        ({"outages": [(NINE - 1, NINE)]}, True),
        ({"outages": [(0.0, 1.0), (NINE, NINE + 1)]}, False),
        ({"outages": [(NINE + 0.001, NINE + 1)]}, True),
        ({"hours": (9.0, 17.0)}, True),
        ({"hours": (17.0, 9.0)}, False),
    ],
)
def test_outside_its_hours_a_provider_is_not_to_be_reached(said, is_open):
    tenant = opened(Fault("idnet", K.QUOTA, share=0.0), **said)

    assert ending(tenant) == ("q" if is_open else Unreachable)
    assert len(acted(tenant)) == is_open
    assert tenant.clock.served == ([SERVED_S] if is_open else [REFUSED_S])
    [call] = noted(tenant)
    assert call.word == ("same" if is_open else "Unreachable")


def test_who_is_not_reached_is_shown_no_fault():
    tenant = opened(Fault("idnet", K.RESET, P.MID_RESPONSE), outages=[(0.0, 2 * NINE)])

    with pytest.raises(NoAnswer) as no:
        ask(tenant)

    assert (no.value.error, no.value.fault) == (Unreachable, None)


# --------------------------------------------------------------------------------- books, and time


def test_what_is_answered_is_billed_where_the_provider_bills_it(monkeypatch):
    tenant = opened()
    ask(tenant)
    ask(tenant)
    monkeypatch.setattr(Answer, "verdict", "different")
    ask(tenant)

    assert tenant.billed == Counter({ASKED: 2})


def test_the_journal_knows_nobodys_number():
    tenant = opened()
    person = tenant.people.make(BANK, 1)
    for query in ("first", "second"):
        ask(tenant, person.id_number.text, query)
    ask(tenant, NUMBER)

    told = [f"{astuple(replace(call, seen=call.word))}" for call in noted(tenant)]
    assert not any(number in row for row in told for number in (person.id_number.text, NUMBER))
    assert [(call.call, call.word) for call in noted(tenant)] == [(n, "same") for n in (1, 2, 1)]
    first, second, other = (call.application for call in noted(tenant))
    assert first == second != other
    assert all(name.startswith("t1/") and len(name) == 3 + 16 for name in (first, other))


def test_a_real_providers_journal_is_as_silent():
    world = World(7, START, banks=BANKS, products={}, journal=Journal())
    tenant = Tenant("t1", world, Still(START))
    person = tenant.people.make(BANK, 1)
    query = IdQuery(person.name, person.id_number)
    answer = ask(tenant, person.id_number.text, query)

    [call] = noted(tenant)
    assert call.seen is answer
    assert person.id_number.text not in f"{call}{call.application}{call.word}"
    assert person.name not in f"{call}{call.application}{call.word}"
    assert tenant.billed == Counter({ASKED: 1})


def test_a_number_has_another_alias_under_another_seed():
    aliases = set()
    for seed in (7, 8):
        tenant = opened(seed=seed)
        ask(tenant)
        aliases.add(noted(tenant)[0].application)

    assert len(aliases) == 2


def test_our_own_clients_are_noted_by_their_applications():
    tenant = opened()
    ask(tenant, baggage=baggage_of(TRACE))

    [call] = noted(tenant)
    assert (call.application, call.call, call.attempt) == (TRACE.application, 501, 2)


def test_a_tenant_without_a_journal_answers_too():
    tenant = opened(journal=False)

    assert (ending(tenant), tenant.billed) == ("q", Counter({ASKED: 1}))


@pytest.mark.parametrize("now_s", [0.0, NINE, 86_399.9, 86_400.0, 400 * 86_400.0])
def test_business_time_is_chinas(now_s):
    tenant = opened()
    tenant.clock.now_s = now_s
    midnight = datetime(START.year, START.month, START.day, tzinfo=UTC) - timedelta(hours=8)

    assert tenant.unix_s == int(midnight.timestamp() + now_s)
    assert tenant.today == START + timedelta(days=int(now_s // 86_400))
    assert tenant.now_s == now_s


def test_while_the_clock_stands_a_call_takes_no_time():
    async def served():
        tenant = opened(clock=ServedClock(START, 1.0, NINE))
        tenant.clock.freeze()
        answer = await asking(tenant)
        tenant.house.lines["idnet"].outages.append((0.0, 2 * NINE))
        with pytest.raises(NoAnswer):
            await asking(tenant)
        [(_, _, acted_s, _)] = acted(tenant)
        return answer.query, acted_s == tenant.clock.now_s, len(noted(tenant))

    assert asyncio.run(served()) == ("q", True, 2)


@pytest.mark.parametrize("kind", [K.RESET, K.SERVER_ERROR, K.GARBAGE])
def test_while_the_clock_stands_a_provider_acts_before_its_fault_is_seen(kind):
    async def served():
        tenant = opened(Fault("idnet", kind, P.AFTER_COMMIT), clock=ServedClock(START, 1.0, NINE))
        tenant.clock.freeze()
        with pytest.raises((NoAnswer, ServerFailed)):
            await asking(tenant)
        await asyncio.sleep(0.001)
        return len(acted(tenant))

    assert asyncio.run(served()) == 1


# ---------------------------------------------------------------------------------- many tenants


def test_credentials_are_a_names_and_a_seeds():
    known = Credentials.of("t1", 7)

    assert Credentials.of("t1", 7) == known
    others = [Credentials.of("t2", 7), Credentials.of("t1", 8), Credentials.of("t1\n7", 8)]
    for name in ("secret_id", "secret_key", "appid", "app_secret", "api_key"):
        assert len({getattr(each, name) for each in (known, *others)}) == 4, name
    secrets = (known.secret_id[4:], known.secret_key, known.app_secret, known.api_key[3:])
    assert len({secret[:32] for secret in secrets}) == 4
    assert (known.secret_id[:4], len(known.secret_id)) == ("AKID", 36)
    assert (known.appid[:2], len(known.appid)) == ("wx", 18)


class Maker:
    """Makes tenants on a clock that stands, and keeps them."""

    def __init__(self):
        self.made, self.fails = [], False

    def __call__(self, name, seed):
        if self.fails:
            raise InputError("tenant", "cannot be made")
        clock = ServedClock(START, 1.0, NINE)
        clock.frozen = True  # no loop runs yet that an alarm could be set in
        self.made.append((name, seed))
        fault = Fault("idnet", K.DELAY, extra_s=EXTRA_S)
        return opened(fault, name=name, clock=clock, seed=7 if seed is None else seed)


@pytest.fixture
def tenants():
    return Tenants(Maker())


def by_all(tenants, known):
    """Return whom each key of some credentials leads to."""
    return [
        tenants.by_secret_id(known.secret_id),
        tenants.by_appid(known.appid),
        tenants.by_api_key(known.api_key),
    ]


def request_for(name):
    headers = {} if name is None else {TENANT_HEADER: name}
    return Request("GET", "/", b"", headers, b"", "")


def test_there_is_a_default_tenant_from_the_beginning(tenants):
    assert (tenants.default.name, tenants._make.made) == (DEFAULT, [(DEFAULT, None)])
    assert list(tenants) == [tenants.default] == [tenants.get(DEFAULT)]


def test_a_tenant_is_found_by_its_name_and_by_each_of_its_keys(tenants):
    first, second = tenants.open("t1"), tenants.open("t2", 8)

    assert list(tenants) == [tenants.default, first, second]
    for tenant in (tenants.default, first, second):
        assert by_all(tenants, tenant.credentials) == [tenant] * 3
        assert tenants.get(tenant.name) is tenant
        assert tenants.of(request_for(tenant.name)) is tenant
    assert second.house.seed.value == 8
    assert (tenants.get("t3"), *by_all(tenants, Credentials.of("t3", 7))) == (None,) * 4


@pytest.mark.parametrize("name", [None, ""])
def test_who_names_no_tenant_means_the_default_one(tenants, name):
    tenants.open("t1")

    assert tenants.of(request_for(name)) is tenants.default


def test_a_name_that_nobody_bears_is_told_the_nearest(tenants):
    tenants.open("t-one")

    with pytest.raises(InputError, match=r"t-ome.*did you mean 't-one'"):
        tenants.of(request_for("t-ome"))


@pytest.mark.parametrize("name", ["t1", DEFAULT])
def test_a_tenant_that_is_opened_anew_has_forgotten_everything(tenants, name):
    old = tenants.open(name, 8)
    old.count("a")
    new = tenants.open(name, 9)

    assert tenants.get(name) is new is not old
    assert by_all(tenants, old.credentials) == [None] * 3
    assert by_all(tenants, new.credentials) == [new] * 3
    assert new.count("a") == 1
    assert (tenants.default is new) == (name == DEFAULT)
    again = tenants.open(name, 9)
    assert by_all(tenants, new.credentials) == [again] * 3


def test_a_tenant_that_cannot_be_made_takes_nobodys_place(tenants):
    before = [tenants.default, tenants.open("t1")]
    tenants._make.fails = True

    for name in ("t1", "t2", DEFAULT):
        with pytest.raises(InputError):
            tenants.open(name)

    assert list(tenants) == before
    assert by_all(tenants, before[1].credentials) == [before[1]] * 3


def test_a_tenant_that_is_closed_is_not_found_any_more(tenants):
    closed, other = tenants.open("t1"), tenants.open("t2")
    tenants.close("t1")
    tenants.close("t1")
    tenants.close("t3")

    assert (tenants.get("t1"), *by_all(tenants, closed.credentials)) == (None,) * 4
    assert list(tenants) == [tenants.default, other]
    with pytest.raises(InputError):
        tenants.of(request_for("t1"))


def test_the_default_tenant_that_was_closed_serves_nobody_any_more(tenants):
    tenants.close("default")

    with pytest.raises(InputError, match="tenant 'default'"):
        tenants.of(Request("GET", "/", b"", {}, b"", ""))


@pytest.mark.parametrize("end", [Tenants.close, Tenants.open])
def test_a_tenant_that_goes_breaks_off_who_waits_in_it_and_nobody_else(tenants, end):
    async def served():
        going, staying = tenants.open("t1"), tenants.open("t2")
        waiting = [asyncio.create_task(asking(each)) for each in (going, going, staying)]
        await until(lambda: len(going.clock._waiting) == 2)
        going.clock.later(NINE + 1, lambda: acted(going).append("later"))
        end(tenants, "t1")
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        with pytest.raises(asyncio.CancelledError):
            await asking(going)
        for tenant in (going, staying):
            await tenant.clock.advance(2 * EXTRA_S)
        answer = await waiting[2]
        return [task.cancelled() for task in waiting], answer.query, going

    cancelled, answer, going = asyncio.run(served())

    assert cancelled == [True, True, False]
    assert answer == "q"
    assert (acted(going), noted(going), going.billed) == ([], [], {})


def test_a_tenant_whose_time_is_not_served_here_is_closed_in_silence():
    tenant = opened()
    tenant.close()

    assert ending(tenant) == "q"
