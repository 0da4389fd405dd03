"""The two clocks: late effects at their moment, stations as textbook queues, and one digest."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from itertools import accumulate, pairwise

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from core.application import Application
from core.banks import load_banks
from core.errors import ProviderError, QuotaExceeded, TimedOut, Unreachable
from core.flow.journey import journey
from core.identity import IdNumber
from core.ports.sanctions import ScreenAnswer, Screened, ScreenQuery
from core.ports.trace import Trace
from core.products import load_products
from core.seed import LATENCY
from mocks.journal import Journal
from mocks.line import ASSUMED, Fault, FaultKind, Phase, Profile
from mocks.sanctions.behaviour import Sanctions
from scenarios.digest import decisions, digest, entries
from scenarios.hosts.instant import InstantClock, InstantHost
from scenarios.hosts.virtual import REFUSED_S, Station, VirtualHost
from scenarios.hosts.world import World
from scenarios.phone import Phone, Wish
from scenarios.stories.stage import Stage

START = date(2020, 7, 1)
BANKS = load_banks()
PRODUCTS = load_products(BANKS)
HOSTS = {"instant": InstantHost, "virtual": VirtualHost}
FIRST_17 = "32990019870101123"
QUERY = ScreenQuery("李明", IdNumber(FIRST_17 + IdNumber.check_digit(FIRST_17)), "open_account")
A_DAY_S = 86_400.0


class Lists(Sanctions):
    """A name list that notes whom it served, and when."""

    def __init__(self, people):
        super().__init__(people)
        self.served = []

    def screen(self, trace, query, now_s, draws):
        self.served.append((trace.application, now_s))
        return ScreenAnswer(Screened.CLEAR, trace.application)


class Desk:
    """A host with one provider of interest: every call takes a second, clients wait for three."""

    def __init__(self, host, faults=(), outages=None, **profile):
        said = {"p50_ms": 1_000.0, "p99_ms": 1_000.0, "timeout_ms": 3_000.0} | profile
        faults = [Fault("sanctions", *fault[:2], **fault[2]) for fault in faults]
        self.world = World(
            7,
            START,
            profiles={"sanctions": Profile(**said)},
            faults=faults,
            outages={"sanctions": outages} if outages else None,
            banks=BANKS,
            products=PRODUCTS,
            journal=Journal(),
        )
        self.lists = self.world.behaviours["sanctions"] = Lists(self.world.people)
        self.host = HOSTS[host](self.world)
        self.seen = []

    @property
    def now_s(self):
        return self.host.clock.now_s

    async def ask(self, name, attempt=1, bank="daopu"):
        trace = Trace(bank, name, 504, attempt, float("inf"), START)
        try:
            answer = await self.host.ports.sanctions.screen(trace, QUERY)
            self.seen.append((name, self.now_s, answer.list_version))
        except ProviderError as error:
            self.seen.append((name, self.now_s, type(error)))

    def at(self, *calls):
        """Have calls (moment, name, ...) come in on the virtual host; run until all is done."""
        for at_s, *call in calls:
            self.host.spawn(self.ask(*call), at_s)
        self.host.env.run()

    @property
    def served(self):
        return [(name, pytest.approx(at_s)) for name, at_s in self.lists.served]


def delayed(name, extra_s):
    return (FaultKind.DELAY, Phase.BEFORE, {"application": name, "extra_s": extra_s})


def dropped(name, phase=Phase.BEFORE):
    return (FaultKind.DROP, phase, {"application": name})


# What happens late


@pytest.mark.parametrize("host", HOSTS)
def test_a_late_effect_happens_at_its_moment_before_what_comes_after(host):
    desk = Desk(host, [delayed("late", 9.0), delayed("later", 3.0)])

    async def journey():
        await desk.ask("late")  # acts at 10, unseen
        await desk.ask("second")  # 3 to 4
        await desk.ask("later")  # from 4, acts at 8, unseen
        await desk.host.clock.sleep(4.0)  # to 11: both have happened by now
        await desk.ask("last")  # 11 to 12

    desk.host.run(journey())

    assert desk.seen == [
        ("late", pytest.approx(3.0), TimedOut),
        ("second", pytest.approx(4.0), "second"),
        ("later", pytest.approx(7.0), TimedOut),
        ("last", pytest.approx(12.0), "last"),
    ]
    assert desk.served == [("second", 4.0), ("later", 8.0), ("late", 10.0), ("last", 12.0)]


@pytest.mark.parametrize("host", HOSTS)
def test_an_effect_whose_answer_is_lost_happens_while_the_client_waits(host):
    desk = Desk(host, [dropped("lost", Phase.AFTER_COMMIT), dropped("never")])

    async def journey():
        for name in ("lost", "never", "last"):
            await desk.ask(name)

    desk.host.run(journey())

    assert desk.served == [("lost", 1.0), ("last", 7.0)]
    assert [(name, at_s) for name, at_s, _ in desk.seen] == [("lost", 3), ("never", 6), ("last", 7)]


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_still_on_its_way_happens_after_the_journey(host):
    desk = Desk(host, [delayed("late", 99.0)])
    desk.host.run(desk.ask("late"))

    assert desk.seen == [("late", 3.0, TimedOut)]
    assert desk.served == [("late", 100.0)]


@pytest.mark.parametrize(
    ("phase", "acts_s"),
    [(Phase.BEFORE, []), (Phase.AFTER_COMMIT, [1.0]), (Phase.MID_RESPONSE, [1.0])],
)
@pytest.mark.parametrize("host", HOSTS)
def test_a_broken_connection_is_seen_when_the_provider_has_acted(host, phase, acts_s):
    desk = Desk(host, [(FaultKind.RESET, phase, {})])
    acted = []

    async def journey():
        await desk.ask("reset")
        acted.extend(desk.lists.served)

    desk.host.run(journey())

    assert [at_s for _, at_s in acted] == acts_s
    assert desk.seen[0][1] == pytest.approx(1.0)


@pytest.mark.parametrize("host", HOSTS)
def test_both_hosts_note_what_the_client_saw(host):
    desk = Desk(host, [dropped("lost")])

    async def journey():
        await desk.ask("lost")
        await desk.ask("found")

    desk.host.run(journey())
    lost, found = desk.world.journal.calls

    assert (lost.operation, lost.call, lost.attempt) == ("sanctions.screen", 504, 1)
    assert (lost.application, lost.at_s, lost.seen) == ("lost", 3.0, TimedOut)
    assert (found.at_s, found.seen.decision) == (4.0, Screened.CLEAR)


def test_effects_of_one_moment_happen_in_the_order_in_which_they_were_put_off():
    clock, happened = InstantClock(START), []
    for name, at_s in (("b", 5.0), ("a", 5.0), ("c", 2.0), ("d", 9.0)):
        clock.later(at_s, lambda name=name: happened.append((name, clock.now_s)))
    clock.advance(5.0)

    assert happened == [("c", 2.0), ("b", 5.0), ("a", 5.0)]
    assert clock.now_s == 5.0
    clock.flush()
    assert happened[3:] == [("d", 9.0)]
    assert clock.now_s == 9.0


def test_an_effect_may_put_off_another():
    clock, happened = InstantClock(START), []

    def first():
        clock.later(3.0, lambda: happened.append(("second", clock.now_s)))
        happened.append(("first", clock.now_s))

    clock.later(1.0, first)
    clock.advance(4.0)

    assert happened == [("first", 1.0), ("second", 3.0)]


@pytest.mark.parametrize("host", HOSTS)
def test_a_journey_starts_when_it_is_told_to(host):
    desk = Desk(host)
    desk.host.run(desk.ask("first"), 100.0)
    desk.host.run(desk.ask("second"))

    assert [at_s for _, at_s in desk.lists.served] == pytest.approx([101.0, 102.0])


def test_an_instant_journey_may_wait_for_nothing_but_time_and_providers():
    class Elsewhere:
        def __await__(self):
            yield

    async def journey():
        await Elsewhere()

    with pytest.raises(AssertionError, match="no provider and no sleep"):
        Desk("instant").host.run(journey())


@pytest.mark.parametrize("host", HOSTS)
def test_what_a_journey_returns_or_raises_comes_out(host):
    async def returns():
        return "told"

    async def raises():
        raise QuotaExceeded("ocr.card_front", "too much")

    here = Desk(host).host

    assert here.run(returns()) == "told"
    with pytest.raises(QuotaExceeded, match="too much"):
        here.run(raises())


# A station is a textbook queue


def twin_waits(arrivals, services, servers):
    """Return the waits at a SimPy resource, which schedules an event for every change of state."""
    env = simpy.Environment()
    resource, waits = simpy.Resource(env, servers), [0.0] * len(arrivals)

    def customer(number, at_s, service_s):
        yield env.timeout(at_s)
        with resource.request() as turn:
            yield turn
            waits[number] = env.now - at_s
            yield env.timeout(service_s)

    for number, (at_s, service_s) in enumerate(zip(arrivals, services, strict=True)):
        env.process(customer(number, at_s, service_s))
    env.run()
    return waits


seconds = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.floats(0.0, 10.0))


@given(
    st.lists(st.tuples(seconds, seconds), min_size=1, max_size=60),
    st.integers(1, 5),
)
def test_a_station_waits_as_a_queue_with_an_event_for_every_state(customers, servers):
    arrivals = list(accumulate(gap_s for gap_s, _ in customers))
    services = [service_s for _, service_s in customers]
    station = Station(Profile(1, 1, 1, servers=servers))
    waits = [station.wait_s(*customer) for customer in zip(arrivals, services, strict=True)]

    assert waits == pytest.approx(twin_waits(arrivals, services, servers), abs=1e-9)


@pytest.mark.parametrize(("servers", "error_rate"), [(1, 0.0), (2, 0.0), (3, 0.2)])
def test_a_provider_on_the_host_waits_as_that_queue_too(servers, error_rate):
    rng = random.Random(servers)
    arrivals = list(accumulate(rng.expovariate(servers) for _ in range(200)))
    desk = Desk("virtual", servers=servers, p99_ms=4_000.0, error_rate=error_rate)
    line = desk.world.lines["sanctions"]
    reached, services = [], []
    for number, at_s in enumerate(arrivals):
        draws = desk.world.seed.draws("sanctions.screen", "daopu", f"A{number}", 504, 1)
        trace = Trace("daopu", f"A{number}", 504, 1, 0.0, START)
        fault = line.fault("screen", trace, at_s, draws)
        if fault is None or fault.reaches_a_server:
            reached.append(number)
            services.append(line.profile.latency()(draws.uniform(LATENCY)))
    twin = twin_waits([arrivals[number] for number in reached], services, servers)
    desk.at(*[(at_s, f"A{number}") for number, at_s in enumerate(arrivals)])
    waits = [desk.host.meters["sanctions"].waits_s[number] for number in reached]

    assert waits == pytest.approx(twin, abs=1e-9)
    assert max(waits) > 3.0  # somebody waited beyond their patience, and the queue did not care
    assert desk.host.meters["sanctions"].timeouts > 0


def test_without_a_number_of_servers_nobody_waits():
    desk = Desk("virtual")
    desk.at(*[(5.0, f"A{number}") for number in range(50)])

    assert {at_s for _, at_s in desk.lists.served} == {6.0}
    assert set(desk.host.meters["sanctions"].waits_s) == {0.0}


def test_a_client_that_stops_waiting_leaves_the_server_working():
    desk = Desk("virtual", [delayed("slow", 7.0)], servers=1)
    desk.at((0.0, "slow"), (4.0, "in the queue"), (8.5, "after"))

    assert desk.seen == [
        ("slow", 3.0, TimedOut),
        ("in the queue", 7.0, TimedOut),
        ("after", 10.0, "after"),
    ]
    assert desk.served == [("slow", 8.0), ("in the queue", 9.0), ("after", 10.0)]
    assert list(desk.host.meters["sanctions"].waits_s) == pytest.approx([0.0, 4.0, 0.5])


@pytest.mark.parametrize(
    ("fault", "waits_s"),
    [
        ((FaultKind.DROP, Phase.BEFORE), 0.0),
        ((FaultKind.RESET, Phase.BEFORE), 0.0),
        ((FaultKind.QUOTA, Phase.BEFORE), 0.0),
        ((FaultKind.SERVER_ERROR, Phase.BEFORE), 1.0),
        ((FaultKind.DROP, Phase.AFTER_COMMIT), 1.0),
    ],
)
def test_what_is_lost_on_its_way_takes_up_no_server(fault, waits_s):
    desk = Desk("virtual", [(*fault, {"application": "lost"})], servers=1)
    desk.at((0.0, "lost"), (0.0, "next"))

    assert desk.host.meters["sanctions"].waits_s[1] == waits_s


def test_banks_with_a_station_each_do_not_wait_for_each_other():
    calls = [(0.0, "A1", 1, "daopu"), (0.0, "A2", 1, "qingluo"), (0.0, "A3", 1, "daopu")]
    apart, together = (Desk("virtual", servers=1, scope=scope) for scope in ("bank", "nation"))
    apart.at(*calls)
    together.at(*calls)

    assert apart.served == [("A1", 1.0), ("A2", 1.0), ("A3", 2.0)]
    assert together.served == [("A1", 1.0), ("A2", 2.0), ("A3", 3.0)]


def test_quotas_of_banks_are_apart_too():
    calls = [(0.0, f"A{n}", 1, ("daopu", "qingluo")[n % 2]) for n in range(4)]
    apart, together = (
        Desk("virtual", quota_per_s=1.0, scope=scope) for scope in ("bank", "nation")
    )
    apart.at(*calls)
    together.at(*calls)

    assert len(apart.lists.served) == 2
    assert len(together.lists.served) == 1


# Quota


def test_a_second_s_worth_may_come_at_once_and_then_the_bucket_refills():
    station = Station(Profile(1, 1, 1, quota_per_s=2.0))
    moments = [0.0, 0.0, 0.0, 0.25, 0.5, 0.5, 1.0, 1.0, 100.0, 100.0, 100.0]
    admitted = [station.admits(at_s) for at_s in moments]

    assert admitted == [
        *(True, True, False),  # two at once
        *(False, True, False),  # half a second brings one more
        *(True, False),
        *(True, True, False),  # and a long pause no more than a second's worth
    ]


@given(
    st.lists(st.floats(0.0, 3.0), min_size=1, max_size=80),
    st.sampled_from([0.2, 1.0, 2.5, 10.0]),
)
def test_no_window_lets_more_through_than_its_length_and_one_burst(gaps, quota_per_s):
    station = Station(Profile(1, 1, 1, quota_per_s=quota_per_s))
    moments = [at_s for at_s in accumulate(gaps) if station.admits(at_s)]
    burst = max(1.0, quota_per_s)

    for first, begin_s in enumerate(moments):
        for count, end_s in enumerate(moments[first:], start=1):
            assert count <= burst + (end_s - begin_s) * quota_per_s + 1e-6


def test_a_spent_quota_is_told_at_once_and_nothing_is_done():
    desk = Desk("virtual", quota_per_s=1.0)
    desk.at((0.0, "first"), (0.5, "second"), (1.0, "third"))

    assert ("second", 0.5, QuotaExceeded) in desk.seen
    assert desk.served == [("first", 1.0), ("third", 2.0)]


def test_without_a_quota_everybody_is_admitted():
    station = Station(Profile(1, 1, 1))

    assert all(station.admits(0.0) for _ in range(1_000))


# Hours and outages


@pytest.mark.parametrize(
    ("at_s", "is_open"), [(9.0, True), (10.0, False), (19.999, False), (20.0, True)]
)
def test_a_planned_outage_refuses_from_its_begin_to_its_end(at_s, is_open):
    desk = Desk("virtual", outages=[(10.0, 20.0), (30.0, 40.0)])
    desk.at((at_s, "call"))

    if is_open:
        assert desk.seen == [("call", pytest.approx(at_s + 1.0), "call")]
    else:
        assert desk.seen == [("call", pytest.approx(at_s + REFUSED_S), Unreachable)]
        assert desk.lists.served == []


def test_outside_its_hours_a_provider_refuses():
    desk = Desk("virtual", hours=(8.0, 17.0))
    hours = [7.9, 8.1, 16.9, 17.1, 31.9, 32.1]
    desk.at(*[(hour * 3600.0, f"at {hour}") for hour in hours])

    assert [name for name, _ in desk.lists.served] == ["at 8.1", "at 16.9", "at 32.1"]


def test_what_was_taken_up_before_an_outage_is_answered_in_it():
    desk = Desk("virtual", outages=[(0.5, 20.0)])
    desk.at((0.0, "before"))

    assert desk.seen == [("before", 1.0, "before")]


@pytest.mark.parametrize("closed", [{"hours": (8.0, 17.0)}, {"outages": [(0.0, 60.0)]}], ids=str)
def test_both_hosts_refuse_while_a_provider_is_closed(closed):
    seen = []
    for host in HOSTS:
        desk = Desk(host, **closed)
        desk.host.run(desk.ask("call"))
        seen.append(desk.seen)

    assert seen[0] == seen[1]


# What is counted


def test_a_meter_counts_calls_faults_retries_and_busy_servers():
    desk = Desk("virtual", [dropped("lost"), dropped("unseen", Phase.AFTER_COMMIT)], servers=2)
    desk.at((0.0, "fine"), (0.0, "lost"), (0.0, "unseen"), (9.0, "fine", 2), (9.0, "anew", 33))
    meter = desk.host.meters["sanctions"]

    assert (meter.calls, meter.errors, meter.timeouts) == (5, 2, 2)
    assert meter.retries == 1  # the first attempt of a new begin is none
    assert meter.busy_s == 4.0  # the lost one kept nobody busy
    assert list(meter.waits_s) == [0.0] * 5
    assert sorted(meter.latencies_s) == [1.0, 1.0, 1.0, 3.0, 3.0]


def test_every_answer_that_came_is_billed():
    desk = Desk("virtual", [delayed("late", 1.0)])
    desk.at((0.0, "fine"), (0.0, "late"))

    assert [told for _, _, told in desk.seen] == ["fine", "late"]
    assert desk.host.meters["sanctions"].billed == 2


@pytest.mark.parametrize(("scope", "stations"), [("bank", 2), ("nation", 1)])
def test_a_meter_knows_how_many_stations_it_stands_for(scope, stations):
    desk = Desk("virtual", servers=1, scope=scope)
    desk.at((0.0, "A1", 1, "daopu"), (0.0, "A2", 1, "qingluo"))
    desk.host.count_stations()

    assert desk.host.meters["sanctions"].stations == stations


# One seed, one digest: whoever runs it, and in whatever order customers come


ONE_IN_TWENTY = {name: replace(known, error_rate=0.05) for name, known in ASSUMED.items()}
CROWD = 30
HOMES = ("daopu", "chunyi", "meicha")  # three banks, so that some share one and some do not


class Crowd:
    """Thirty customers of three banks, made beforehand, so that only their coming differs."""

    def __init__(self, host, seed):
        self.world = World(
            seed, START, profiles=ONE_IN_TWENTY, banks=BANKS, products=PRODUCTS, journal=Journal()
        )
        self.host = HOSTS[host](self.world)
        self.stage = Stage(self.host)
        self.people = [self._person(number) for number in range(CROWD)]

    def _person(self, number):
        bank = HOMES[number % len(HOMES)]
        if number % 5 == 1:  # somebody as they come, with every chance of a no
            return bank, self.world.people.person(bank, 1_000 + number)
        truth = {"listed": "hit"} if number == 7 else {}
        if number % 5 == 3:  # a photo so poor that every look at the face is a throw of a coin
            truth["likeness_ppm"] = 200
        return bank, self.stage.person(bank, holds_card=number % 4 == 0, **truth)

    def visit(self, number):
        """Return one customer's whole way; nothing runs before somebody awaits it."""
        bank, person = self.people[number]
        wish = Wish(share_ppm=400_000, tries=3, returns=3)

        async def way():
            phone = Phone.of(self.host, person, bank, wish)
            return await journey(self.stage.platform, phone, self.stage.product(bank))

        return way()

    def comes(self, order, every_s):
        """Have the customers come in this order, one every so many seconds."""
        if self.host.name == "instant":
            for place, number in enumerate(order):
                self.host.run(self.visit(number), 36_000.0 + place * every_s)
        else:
            for place, number in enumerate(order):
                self.host.spawn(self.visit(number), 36_000.0 + place * every_s)
            self.host.env.run()
        return self

    @property
    def ids(self):
        return {
            (table.__name__, key) for table, kept in self.world.store.tables.items() for key in kept
        }

    @property
    def digest(self):
        return digest(self.world.store, self.world.corebank)


def overlapping(journal):
    """Count how often the next call is another customer's."""
    askers = [noted.application for noted in journal.calls]
    return sum(one != other for one, other in pairwise(askers))


COMINGS = {
    "one after the other, in jumping time": ("instant", 1, 0.0),
    "backwards, in jumping time": ("instant", -1, 60.0),
    "all within minutes": ("virtual", 1, 7.0),
    "backwards within minutes": ("virtual", -1, 7.0),
    "all at once": ("virtual", 1, 0.0),
    "an hour apart": ("virtual", 1, 900.0),
}


@pytest.fixture(scope="module", params=[7, 20, 21])
def alone(request):
    """The crowd whose customers come one by one; what all others must agree with."""
    return request.param, Crowd("instant", request.param).comes(range(CROWD), 60.0)


def test_the_crowd_meets_faults_and_refusals(alone):
    _, crowd = alone
    seen = [noted.seen for noted in crowd.world.journal.calls]
    faults = sum(isinstance(each, type) for each in seen)
    states = {app.state.value for app in crowd.world.store.tables[Application].values()}

    assert 0.02 < faults / len(seen) < 0.08
    assert {"active", "held"} <= states
    assert len(list(entries(crowd.world.corebank))) > 30


@pytest.mark.parametrize("coming", COMINGS)
def test_customers_who_overlap_or_come_in_another_order_change_nothing(alone, coming):
    seed, reference = alone
    host, step, every_s = COMINGS[coming]
    crowd = Crowd(host, seed).comes(range(CROWD)[::step], every_s)

    assert crowd.ids == reference.ids
    assert sorted(decisions(crowd.world.store)) == sorted(decisions(reference.world.store))
    assert sorted(entries(crowd.world.corebank)) == sorted(entries(reference.world.corebank))
    assert crowd.digest == reference.digest


def test_the_overlapping_crowd_does_overlap():
    apart = Crowd("instant", 7).comes(range(CROWD), 60.0)
    close = Crowd("virtual", 7).comes(range(CROWD), 7.0)

    assert overlapping(close.world.journal) > 3 * overlapping(apart.world.journal)


def test_another_seed_has_another_digest(alone):
    seed, reference = alone

    assert Crowd("instant", seed + 1).comes(range(CROWD), 60.0).digest != reference.digest


def test_a_customer_more_changes_nobody_else():
    without = Crowd("virtual", 7).comes(range(CROWD - 1), 7.0)
    everybody = Crowd("virtual", 7).comes(range(CROWD), 7.0)

    assert set(decisions(without.world.store)) < set(decisions(everybody.world.store))
    assert set(entries(without.world.corebank)) < set(entries(everybody.world.corebank))
