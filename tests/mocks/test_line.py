"""The line: what a client sees of every fault, whether and when the provider acts, and how late."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    ConnectionLost,
    InputError,
    NotDone,
    OutcomeUnknown,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.ports import PROVIDERS
from core.ports.trace import Trace
from core.seed import LATENCY, Draws
from mocks.line import (
    ASSUMED,
    ERROR_MIX,
    SEEN,
    Fate,
    Fault,
    FaultKind,
    Line,
    Phase,
    Profile,
    lines,
    recorded_latencies,
    unknown_outcome,
)

LIMIT_S, FAST_S, SLOW_S, WAIT_S, EXTRA_S = 5.0, 1.0, 7.0, 0.5, 3.0
K, P = FaultKind, Phase

# kind, phase: what the client sees, and whether the provider acts, of a call served in time ...
FATES = {
    (K.DROP, P.BEFORE): (TimedOut, False),
    (K.DROP, P.AFTER_COMMIT): (TimedOut, True),
    (K.DROP, P.MID_RESPONSE): (TimedOut, True),
    (K.RESET, P.BEFORE): (Unreachable, False),
    (K.RESET, P.AFTER_COMMIT): (ConnectionLost, True),
    (K.RESET, P.MID_RESPONSE): (Unreadable, True),
    (K.SERVER_ERROR, P.BEFORE): (ServerFailed, False),
    (K.SERVER_ERROR, P.AFTER_COMMIT): (ServerFailed, True),
    (K.SERVER_ERROR, P.MID_RESPONSE): (ServerFailed, True),
    (K.GARBAGE, P.BEFORE): (Unreadable, False),
    (K.GARBAGE, P.AFTER_COMMIT): (Unreadable, True),
    (K.GARBAGE, P.MID_RESPONSE): (Unreadable, True),
    (K.QUOTA, P.BEFORE): (QuotaExceeded, False),
}
SLOWER = (K.DELAY, K.SLOW_BYTES)  # they change times, and nothing else


class Fixed:
    """Draws that are all the same."""

    def __init__(self, value):
        self.value = value

    def uniform(self, lane):
        return self.value


def profile(**said):
    return Profile(**({"p50_ms": 100.0, "p99_ms": 500.0, "timeout_ms": LIMIT_S * 1000} | said))


def line(*faults, **said):
    return Line("ocr", profile(**said), list(faults))


def trace(application="A1", call=201, attempt=1):
    return Trace("daopu", application, call, attempt, math.inf, date(2020, 7, 1))


# Fates


@pytest.mark.parametrize("served", ["fast", "slow"])
@pytest.mark.parametrize(("kind", "phase"), FATES, ids=str)
def test_a_fault_is_seen_as_the_table_says(kind, phase, served):
    error, acts = FATES[kind, phase]
    service_s = FAST_S if served == "fast" else SLOW_S
    took_s = WAIT_S + service_s
    fate = line().fate(service_s, WAIT_S, Fault("ocr", kind, phase))

    if kind is K.QUOTA:
        assert fate == Fate(0.0, None, QuotaExceeded)
    elif kind is K.DROP or served == "slow":
        assert fate == Fate(LIMIT_S, took_s if acts else None, TimedOut)
    else:
        assert fate == Fate(took_s, took_s if acts else None, error)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(
    ("service_s", "seen_s", "error"),
    [
        (FAST_S, WAIT_S + FAST_S + EXTRA_S, None),
        (3.0, LIMIT_S, TimedOut),
        (SLOW_S, LIMIT_S, TimedOut),
    ],
)
def test_a_delay_lets_the_provider_act_late(phase, service_s, seen_s, error):
    fault, here = Fault("ocr", K.DELAY, phase, extra_s=EXTRA_S), line()
    fate = here.fate(here.service_s(service_s, fault), WAIT_S, fault)

    assert fate == Fate(seen_s, WAIT_S + service_s + EXTRA_S, error)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(
    ("service_s", "seen_s", "error"),
    [
        (FAST_S, WAIT_S + FAST_S + EXTRA_S, None),
        (3.0, LIMIT_S, TimedOut),
        (SLOW_S, LIMIT_S, TimedOut),
    ],
)
def test_slow_bytes_come_late_of_a_provider_that_acted_in_time(phase, service_s, seen_s, error):
    fault, here = Fault("ocr", K.SLOW_BYTES, phase, extra_s=EXTRA_S), line()
    fate = here.fate(here.service_s(service_s, fault), WAIT_S, fault)

    assert fate == Fate(seen_s, WAIT_S + service_s, error)


@pytest.mark.parametrize(
    ("service_s", "fate"),
    [
        (FAST_S, Fate(WAIT_S + FAST_S, WAIT_S + FAST_S, None)),
        (LIMIT_S - WAIT_S, Fate(LIMIT_S, LIMIT_S, None)),  # on the stroke is in time
        (LIMIT_S, Fate(LIMIT_S, WAIT_S + LIMIT_S, TimedOut)),
    ],
)
def test_without_a_fault_times_alone_decide(service_s, fate):
    assert line().fate(service_s, WAIT_S, None) == fate


def test_the_table_of_fates_is_whole():
    every = set(product(FaultKind, Phase)) - set(product((*SLOWER, K.WRONG_ANSWER), Phase))

    assert set(FATES) == set(SEEN)
    assert every - set(FATES) == {(K.QUOTA, P.AFTER_COMMIT), (K.QUOTA, P.MID_RESPONSE)}


@pytest.mark.parametrize(("kind", "phase"), FATES, ids=str)
def test_a_client_who_is_told_that_nothing_happened_is_told_the_truth(kind, phase):
    for service_s in (FAST_S, SLOW_S):
        fate = line().fate(service_s, 0.0, Fault("ocr", kind, phase))
        certain = issubclass(fate.error, NotDone)

        assert not (certain and fate.acts_s is not None)
        assert unknown_outcome(fate.error) == issubclass(fate.error, OutcomeUnknown) != certain


@given(
    st.sampled_from(list(FATES) + list(product(SLOWER, Phase))),
    st.floats(0.0, 20.0),
    st.floats(0.0, 20.0),
    st.floats(0.0, 90.0),
)
def test_no_client_waits_longer_than_its_limit_and_no_provider_acts_before_it_served(
    fault, service_s, wait_s, extra_s
):
    here, planned = line(), Fault("ocr", *fault, extra_s=extra_s)
    served_s = here.service_s(service_s, planned)
    fate = here.fate(served_s, wait_s, planned)

    assert 0.0 <= fate.seen_s <= LIMIT_S
    assert fate.acts_s is None or fate.acts_s == wait_s + served_s
    if fate.error is None:
        assert fate.acts_s is not None
        assert fate.acts_s <= fate.seen_s


@pytest.mark.parametrize(
    ("kind", "phase", "reaches"),
    [
        (
            kind,
            phase,
            (kind, phase) not in {(K.DROP, P.BEFORE), (K.RESET, P.BEFORE), (K.QUOTA, P.BEFORE)},
        )
        for kind, phase in [*FATES, *product(SLOWER, Phase)]
    ],
)
def test_what_is_lost_on_the_way_takes_up_no_server(kind, phase, reaches):
    assert Fault("ocr", kind, phase).reaches_a_server is reaches


# Which fault strikes


@pytest.mark.parametrize(
    ("said", "strikes"),
    [
        ({}, True),
        ({"operation": "card_front"}, True),
        ({"operation": "card_back"}, False),
        ({"call": 201}, True),
        ({"call": 202}, False),
        ({"application": "A1"}, True),
        ({"application": "A2"}, False),
        ({"attempts": (1, 3)}, True),
        ({"attempts": (2,)}, False),
        ({"from_s": 100.0}, True),
        ({"from_s": 100.5}, False),
        ({"from_s": 50.0, "for_s": 50.5}, True),
        ({"from_s": 50.0, "for_s": 50.0}, False),
        ({"share": 0.31}, True),
        ({"share": 0.3}, False),
        ({"share": 0.0}, False),
        ({"operation": "card_front", "call": 202}, False),
    ],
    ids=str,
)
def test_a_planned_fault_strikes_what_it_names(said, strikes):
    planned = Fault("ocr", K.DROP, **said)

    assert planned.strikes("card_front", trace(), 100.0, 0.3) is strikes


def test_the_first_planned_fault_that_strikes_is_taken():
    other = Fault("ocr", K.DROP, call=999)
    first, second = Fault("ocr", K.RESET), Fault("ocr", K.GARBAGE)

    assert line(other, first, second).fault("card_front", trace(), 0.0, Fixed(0.5)) is first


def test_a_fault_that_is_counted_strikes_so_often_and_no_more():
    twice, then = Fault("ocr", K.RESET, count=2), Fault("ocr", K.GARBAGE, count=1)
    here = line(twice, then)

    struck = [here.fault("card_front", trace(), 0.0, draws) for draws in draws_of(5)]

    assert struck == [twice, twice, then, None, None]
    assert (twice.struck, then.struck) == (2, 1)


def test_a_call_without_a_name_is_known_by_what_it_is_about():
    about = Fault("ocr", K.DROP, application="13900001234")
    unnamed = trace()._replace(application="default/13900001234")
    other = trace()._replace(application="default/13900009999")

    assert about.strikes("card_front", unnamed, 0.0, 0.0)
    assert not about.strikes("card_front", other, 0.0, 0.0)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"kind": K.WRONG_ANSWER}, "name operation and case"),
        ({"kind": K.WRONG_ANSWER, "operation": "card_front"}, "name operation and case"),
        ({"kind": K.WRONG_ANSWER, "case": "blurred"}, "name operation and case"),
        ({"kind": K.DROP, "case": "blurred"}, "use kind wrong_answer"),
    ],
)
def test_a_wrong_answer_and_nothing_else_is_a_case(said, told):
    with pytest.raises(InputError, match=told):
        Fault("ocr", **said)


def test_a_wrong_answer_takes_as_long_as_a_right_one():
    wrong = Fault("ocr", K.WRONG_ANSWER, operation="card_front", case="blurred")

    assert line().fate(FAST_S, 0.0, wrong) == line().fate(FAST_S, 0.0, None)
    assert line().fate(SLOW_S, 0.0, wrong) == line().fate(SLOW_S, 0.0, None)


def test_what_happens_on_a_line_changes_no_other_worlds():
    planned = Fault("ocr", K.DROP, count=1)
    one, other = lines(faults=[planned]), lines(faults=[planned])
    one["ocr"].profile.error_rate = 0.9

    assert one["ocr"].fault("card_front", trace(), 0.0, Fixed(0.0)) == planned
    assert (one["ocr"].faults[0].struck, other["ocr"].faults[0].struck) == (1, 0)
    assert other["ocr"].profile.error_rate == ASSUMED["ocr"].error_rate == 0.0


def test_the_error_rate_leaves_an_answer_alone_that_was_asked_for():
    planned = Fault("ocr", K.DROP)

    assert line(error_rate=0.99).fault("card_front", trace(), 0.0, Fixed(0.5), sure=True) is None
    assert line(planned).fault("card_front", trace(), 0.0, Fixed(0.5), sure=True) is planned


def test_a_planned_fault_goes_before_the_error_rate():
    planned = Fault("ocr", K.QUOTA)

    assert line(planned, error_rate=0.9).fault("card_front", trace(), 0.0, Fixed(0.99)) is planned


@pytest.mark.parametrize(
    ("faults", "error_rate", "calm"),
    [([], 0.0, True), ([], 0.001, False), ([Fault("ocr", K.DROP, share=0.0)], 0.0, False)],
)
def test_a_line_is_calm_only_where_nothing_can_strike(faults, error_rate, calm):
    assert line(*faults, error_rate=error_rate).calm is calm


def draws_of(count, key=20):
    return [Draws(key, 201, n) for n in range(count)]


@pytest.mark.parametrize("share", [0.02, 0.25])
def test_a_share_is_met(share):
    planned = line(Fault("ocr", K.DROP, share=share))
    struck = sum(
        planned.fault("card_front", trace(), 0.0, draws) is not None for draws in draws_of(20_000)
    )

    assert struck / 20_000 == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 20_000))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.5])
def test_the_error_rate_is_observed(rate):
    here = line(error_rate=rate)
    struck = sum(
        here.fault("card_front", trace(), 0.0, draws) is not None for draws in draws_of(20_000)
    )

    assert struck / 20_000 == pytest.approx(rate, abs=4 * math.sqrt(rate * (1 - rate) / 20_000))


def test_drawn_errors_come_in_the_mix_of_the_table():
    here = line(error_rate=0.999)
    found = Counter(
        (fault.kind, fault.phase)
        for draws in draws_of(20_000)
        if (fault := here.fault("card_front", trace(), 0.0, draws))
    )
    total = found.total()

    assert set(found) == {(kind, phase) for _, kind, phase in ERROR_MIX}
    for share, kind, phase in ERROR_MIX:
        bound = 4 * math.sqrt(share * (1 - share) / total)
        assert found[kind, phase] / total == pytest.approx(share, abs=bound)


def test_the_mix_is_whole_and_every_part_has_a_fate():
    assert sum(share for share, _, _ in ERROR_MIX) == pytest.approx(1.0)
    assert {(kind, phase) for _, kind, phase in ERROR_MIX} <= set(SEEN)


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.999999, 1.0 - 2**-53])
def test_any_draw_of_the_mix_is_a_fault(draw):
    here = line(error_rate=0.9999999)

    assert here.fault("card_front", trace(), 0.0, Fixed(max(draw, 0.001))) is not None


def test_whether_a_call_fails_says_nothing_of_how_long_it_takes():
    here = line(error_rate=0.1)
    failed = [d for d in draws_of(20_000) if here.fault("card_front", trace(), 0.0, d)]
    mean = sum(draws.uniform(LATENCY) for draws in failed) / len(failed)

    assert mean == pytest.approx(0.5, abs=4 / math.sqrt(12 * len(failed)))


# Latency


@pytest.mark.parametrize(("p50_ms", "p99_ms"), [(80, 400), (900, 2_500), (1, 1_000_000), (40, 41)])
def test_the_quantile_function_hits_its_median_and_its_99th_percentile(p50_ms, p99_ms):
    quantile = profile(p50_ms=p50_ms, p99_ms=p99_ms).latency()

    assert quantile(0.5) * 1000 == pytest.approx(p50_ms, rel=1e-9)
    assert quantile(0.99) * 1000 == pytest.approx(p99_ms, rel=1e-9)


@given(st.lists(st.integers(0, 2**53 - 1), min_size=2, max_size=20).map(sorted))
def test_a_larger_draw_never_takes_less(places):
    draws = [place * 2.0**-53 for place in places]
    for made in (profile(), profile(recorded_ms=(1.0, 2.0, 2.0, 50.0)), profile(p99_ms=100.0)):
        took = [made.latency()(draw) for draw in draws]

        assert took == sorted(took)
        assert all(0 < each_s < math.inf for each_s in took)


@pytest.mark.parametrize("draw", [0.0, 0.25, 0.5, 1.0 - 2**-53])
def test_a_latency_without_spread_is_always_the_same(draw):
    assert profile(p50_ms=250.0, p99_ms=250.0).latency()(draw) == pytest.approx(0.25)


def test_twenty_thousand_latencies_have_the_figures_of_the_profile():
    quantile = profile(p50_ms=300, p99_ms=1_500).latency()
    took = sorted(quantile(draws.uniform(LATENCY)) for draws in draws_of(20_000))

    assert took[10_000] == pytest.approx(0.3, rel=0.03)
    assert took[19_800] == pytest.approx(1.5, rel=0.06)


def test_recorded_latencies_are_drawn_as_they_were_recorded():
    quantile = profile(recorded_ms=(100.0, 200.0, 900.0, 4_000.0)).latency()

    assert [quantile(n / 8) for n in range(8)] == [0.1, 0.1, 0.2, 0.2, 0.9, 0.9, 4.0, 4.0]
    assert quantile(1.0 - 2**-53) == 4.0


# Profiles


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"p50_ms": 0}, "p50_ms: is 0; must be above 0"),
        ({"p50_ms": -1.0}, "p50_ms: is -1.0; must be above 0"),
        ({"p50_ms": math.nan}, "p50_ms: is nan; must be above 0"),
        ({"p99_ms": 99.0}, "p99_ms: is 99.0; must be at least p50_ms"),
        ({"p99_ms": math.nan}, "p99_ms: is nan; must be at least p50_ms"),
        ({"timeout_ms": 0}, "timeout_ms: is 0; must be above 0"),
        ({"servers": 0}, "servers: is 0; must be at least 1"),
        ({"servers": -3}, "servers: is -3; must be at least 1"),
        ({"quota_per_s": 0.0}, "quota_per_s: is 0.0; must be above 0"),
        ({"quota_per_s": -1.0}, "quota_per_s: is -1.0; must be above 0"),
        ({"error_rate": -0.1}, "error_rate: is -0.1; must be from 0 to below 1"),
        ({"error_rate": 1.0}, "error_rate: is 1.0; must be from 0 to below 1"),
        ({"error_rate": math.nan}, "error_rate: is nan; must be from 0 to below 1"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_in_one_line(said, told):
    with pytest.raises(InputError) as seen:
        profile(**said)

    assert str(seen.value) == told


@pytest.mark.parametrize("phase", [P.AFTER_COMMIT, P.MID_RESPONSE])
def test_a_quota_is_spent_before_anything_is_done_or_not_at_all(phase):
    with pytest.raises(InputError, match=f"quota has no phase {phase}; use before"):
        Fault("ocr", K.QUOTA, phase)


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(InputError, match="use 0 to 1"):
        Fault("ocr", K.DROP, share=share)


@pytest.mark.parametrize(
    ("hours", "hour", "is_open"),
    [
        (None, 3.0, True),
        ((8, 17), 7.99, False),
        ((8, 17), 8.0, True),
        ((8, 17), 16.99, True),
        ((8, 17), 17.0, False),
        ((0, 24), 0.0, True),
        ((0, 24), 23.99, True),
        ((22, 6), 21.99, False),
        ((22, 6), 22.0, True),
        ((22, 6), 0.0, True),
        ((22, 6), 5.99, True),
        ((22, 6), 6.0, False),
        ((22, 6), 12.0, False),
    ],
)
@pytest.mark.parametrize("day", [0, 1, 121])
def test_hours_hold_on_every_day_and_over_midnight(hours, hour, is_open, day):
    now_s = (day * 24 + hour) * 3600

    assert profile(hours=hours).open_at(now_s) is is_open


@pytest.mark.parametrize(
    ("at_s", "is_open"), [(9.0, True), (10.0, False), (19.9, False), (20.0, True), (30.0, False)]
)
def test_a_planned_outage_closes_from_its_begin_to_its_end(at_s, is_open):
    here = lines(outages={"ocr": [(10.0, 20.0), (30.0, 40.0)]})["ocr"]

    assert here.is_open(at_s) is is_open
    assert not here.always_open


@pytest.mark.parametrize(
    ("hours", "outages", "always"),
    [(None, [], True), ((0.0, 24.0), [], False), (None, [(1.0, 2.0)], False)],
)
def test_a_line_is_always_open_only_without_hours_and_outages(hours, outages, always):
    here = Line("ocr", profile(hours=hours), [], outages)

    assert here.always_open is always
    assert not here.is_open(1.5) if outages else here.is_open(1.5)


def test_outside_its_hours_a_line_is_closed_though_no_outage_is_planned():
    here = Line("ocr", profile(hours=(8.0, 17.0)), [], [(0.0, 1.0)])

    assert [here.is_open(hour * 3_600.0) for hour in (7.0, 9.0, 18.0)] == [False, True, False]


def test_every_provider_has_assumed_figures():
    assert set(ASSUMED) == set(PROVIDERS)


def test_what_is_given_replaces_what_is_assumed():
    given_, fault = profile(p50_ms=7.0), Fault("face", K.DROP)
    made = lines({"ocr": given_}, [fault])

    assert made["ocr"].profile == given_
    assert made["face"].profile == ASSUMED["face"]
    assert [name for name, each in made.items() if each.faults] == ["face"]
    assert [name for name, each in made.items() if each.provider != name] == []


def test_two_tables_of_lines_share_no_faults():
    lines()["ocr"].faults.append(Fault("ocr", K.DROP))

    assert lines()["ocr"].faults == []


# Recordings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("latency_ms\n30\n10\n20.5\n", (10.0, 20.5, 30.0)),
        ("when,latency_ms,what\n1,5,a\n2,4,b\n", (4.0, 5.0)),
        ("latency_ms\r\n7\r\n", (7.0,)),
        ("\ufefflatency_ms\n7\n", (7.0,)),  # as spreadsheets save it
        ("latency_ms\n1e3\n", (1_000.0,)),
    ],
)
def test_a_recording_is_read_and_sorted(tmp_path, text, found):
    path = tmp_path / "ocr.csv"
    path.write_text(text, encoding="utf-8", newline="")

    assert recorded_latencies(path) == found


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "", "has no column latency_ms"),
        ("latency\n5\n", "", "has no column latency_ms"),
        ("latency_ms\n", "", "has no rows"),
        ("latency_ms\n5\nfast\n", ", line 3", "latency_ms is 'fast'"),
        ("latency_ms\n0\n", ", line 2", "latency_ms is '0'"),
        ("latency_ms\n-3\n", ", line 2", "latency_ms is '-3'"),
        ("latency_ms\nnan\n", ", line 2", "latency_ms is 'nan'"),
        ("latency_ms\ninf\n", ", line 2", "latency_ms is 'inf'"),
        ("when,latency_ms\n1,5\n2,\n", ", line 3", "latency_ms is ''"),
        ("when,latency_ms\n1,5\n2\n", ", line 3", "latency_ms is None"),
    ],
)
def test_a_recording_that_is_none_is_named_with_its_line(tmp_path, text, place, problem):
    path = tmp_path / "ocr.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as seen:
        recorded_latencies(path)

    assert seen.value.place == f"{path}{place}"
    assert seen.value.problem == problem
    assert seen.value.remedy
