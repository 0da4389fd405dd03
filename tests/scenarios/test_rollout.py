"""The rollout: the same for any number of workers, and everybody's own whoever else comes."""

from __future__ import annotations

import json
import pickle
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from statistics import fmean

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import sim
from core.banks import load_banks
from core.calendar import Calendar
from core.clock import DAY_S
from core.errors import InputError, MachineError
from core.seed import Draws, Seed
from core.store.records import Customer, Entry, Session
from scenarios.commands import door
from scenarios.digest import decisions, hash_of
from scenarios.file import ROOT, Scenario, load_scenario
from scenarios.rollout import run as runs_of
from scenarios.rollout.arrivals import arrivals, bass, day_shares, potential
from scenarios.rollout.engine import Rollout, banks_of
from scenarios.rollout.run import Plan, replicate, replicate_all
from scenarios.rollout.summary import calibration, compared, misses, summary
from scenarios.schemas import SCHEMAS

JIANGSU = ROOT / "scenarios" / "rollout" / "jiangsu_2020.toml"
FOLDER = JIANGSU.parent
CALENDAR = Calendar.sourced()
BANKS = load_banks()
# An example is two rollouts: one that fails is shown as it is, for shrinking it takes minutes.
FEW_EXAMPLES = settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
NATIONAL_DAY, LAST_DAY_OFF = date(2020, 10, 1), date(2020, 10, 8)
FEW = 0.004  # a share of the visitors that runs in a blink
MONDAY = 0


@pytest.fixture(scope="module")
def jiangsu() -> Scenario:
    """The project's own scenario."""
    return load_scenario(JIANGSU)


def rolled(scenario: Scenario, seed: int = 7, share: float = FEW) -> Rollout:
    """Return a rollout that has been run to its end."""
    rollout = Rollout(scenario, FOLDER, seed, 0, share)
    rollout.run()
    return rollout


def sessions(rollout: Rollout) -> dict[tuple[str, str], tuple[float, Entry, str]]:
    """Return when each visitor came, by which way and on whose word; by bank and openid."""
    table = rollout.world.store.tables[Session].values()
    return {(each.bank, each.openid): (each.at_s, each.entry, each.referrer) for each in table}


def wishes(rollout: Rollout) -> dict[tuple[str, int], object]:
    """Return what every visitor of a rollout wants, by bank and number."""
    found = {}
    for bank, phase in rollout.live.items():
        scenario = rollout.scenario
        numbers, times_s = arrivals(
            scenario.arrivals,
            rollout.calendar,
            rollout.world.seed,
            bank,
            BANKS[bank].weight * rollout.share,
            scenario.scenario.start,
            phase.live_from,
            scenario.scenario.end,
        )
        arrived = dict(zip(numbers.tolist(), times_s.tolist(), strict=True))
        for number in arrived:
            draws = draws_of(rollout, bank, number)
            wish = rollout._wish(BANKS[bank], phase, draws, number, arrived)
            if callable(wish.share_ppm):
                wish.share_ppm = wish.share_ppm()
            found[bank, number] = wish
    return found


def draws_of(rollout: Rollout, bank: str, number: int):
    """Return a visitor's own draws, as the engine names them."""
    return Draws(rollout.world.seed.key("visitor", bank), number, 0)


def call(monkeypatch, *words: object) -> int:
    """Go through the door in this process; return its status."""
    told = [str(word) for word in words]
    monkeypatch.setattr(sys, "argv", ["sim.py", *told])
    with pytest.raises(SystemExit) as left:
        door.main(sim.sim, told)
    return left.value.code


# Who comes, and when


@pytest.mark.parametrize(("p", "q"), [(0.01, 0.05), (0.03, 0.38), (0.2, 0.0), (1e-9, 0.05)])
def test_the_bass_curve_rises_from_nobody_to_everybody(p, q):
    curve = bass(p, q, np.arange(0.0, 1500.0))

    assert curve[0] == 0
    assert np.all(np.diff(curve) >= 0)
    assert curve[-1] <= 1
    assert curve[-1] == pytest.approx(1, abs=1e-6)


def test_the_bass_curve_peaks_where_the_formula_says():
    # Bass (1969): the most come at t* = ln(q/p) / (p + q).
    p, q = 0.01, 0.05
    a_day = np.diff(bass(p, q, np.arange(0.0, 200.0)))

    assert int(np.argmax(a_day)) == int(np.log(q / p) / (p + q))


def test_weekends_and_holidays_move_visits_and_take_none_away(jiangsu):
    part, live_from, end = jiangsu.arrivals, date(2020, 9, 1), date(2020, 10, 31)
    shares = day_shares(part, CALENDAR, live_from, end)
    days = len(shares)

    assert days == 61
    assert np.all(shares > 0)
    assert shares.sum() == pytest.approx(bass(part.bass_p, part.bass_q, np.array([days]))[0])


def test_a_day_has_the_weight_of_its_kind(jiangsu):
    part = jiangsu.arrivals.model_copy(
        update={"days": [1.0, 1.1, 1.2, 1.3, 1.4, 0.6, 0.5], "day_off": 0.8}
    )
    live_from, end = date(2020, 9, 1), date(2020, 10, 31)
    come = np.diff(bass(part.bass_p, part.bass_q, np.arange(62.0)))
    weights = day_shares(part, CALENDAR, live_from, end) / come
    weights /= weights[(date(2020, 9, 7) - live_from).days]  # by a plain Monday's

    def weight(day: date) -> float:
        return weights[(day - live_from).days]

    days_off = [NATIONAL_DAY + timedelta(days=number) for number in range(8)]
    assert [weight(day) for day in days_off] == pytest.approx([0.5 * 0.8] * 8)
    for made_up in (date(2020, 9, 27), date(2020, 10, 10)):  # a Sunday and a Saturday, both worked
        assert weight(made_up) == pytest.approx(1.4)
    for number in range(7):
        assert weight(date(2020, 9, 14 + number)) == pytest.approx(part.days[number])


def test_nobody_comes_where_every_day_weighs_nothing(jiangsu):
    part = jiangsu.arrivals.model_copy(update={"days": [0.0] * 5 + [1.0, 1.0]})
    monday = date(2020, 9, 7)

    assert day_shares(part, CALENDAR, monday, monday + timedelta(days=3)).tolist() == [0.0] * 4


@pytest.fixture(scope="module")
def crowd(jiangsu):
    """Fifty thousand potential visitors of one bank: their numbers, and when they come."""
    part = jiangsu.arrivals.model_copy(update={"visitors": 50_000.0})
    start, live_from, end = date(2020, 7, 1), date(2020, 9, 1), date(2020, 10, 31)
    numbers, times_s = arrivals(part, CALENDAR, Seed(7), "daopu", 1.0, start, live_from, end)
    return part, live_from, numbers, times_s


def test_visitors_come_in_order_each_once_after_their_bank_went_live(crowd):
    _, live_from, numbers, times_s = crowd

    assert np.all(np.diff(times_s) >= 0)
    assert len(set(numbers.tolist())) == len(numbers)
    assert numbers.min() >= 1
    assert numbers.max() <= 50_000
    assert times_s[0] >= (live_from - date(2020, 7, 1)).days * DAY_S
    assert times_s[-1] < (date(2020, 11, 1) - date(2020, 7, 1)).days * DAY_S


def test_as_many_come_on_a_day_as_the_curve_says(crowd):
    part, live_from, _, times_s = crowd
    shares = day_shares(part, CALENDAR, live_from, date(2020, 10, 31))
    first = (live_from - date(2020, 7, 1)).days
    came = np.bincount((times_s // DAY_S).astype(int) - first, minlength=len(shares))
    expected = shares * 50_000

    assert np.all(np.abs(came - expected) < 5 * np.sqrt(expected))


def test_visitors_come_in_the_hours_of_the_profile(crowd):
    part, _, _, times_s = crowd
    hours = np.bincount((times_s % DAY_S // 3600).astype(int), minlength=24)
    expected = np.array(part.hours) / sum(part.hours) * len(times_s)

    assert np.all(np.abs(hours - expected) < 5 * np.sqrt(expected))


def test_nobody_comes_in_an_hour_that_weighs_nothing(jiangsu):
    part = jiangsu.arrivals.model_copy(update={"hours": [0.0] * 9 + [1.0] * 8 + [0.0] * 7})
    day = date(2020, 7, 1)
    _, times_s = arrivals(part, CALENDAR, Seed(7), "daopu", 1.0, day, day, date(2020, 9, 30))
    hours = times_s % DAY_S / 3600

    assert len(times_s) > 1000
    assert hours.min() >= 9
    assert hours.max() < 17


# Everybody's own: one bank or one customer more changes nobody else


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 400),
    more=st.integers(1, 50),
    live=st.integers(0, 90),
)
def test_one_visitor_more_moves_no_other(jiangsu, seed, count, more, live):
    start, end = date(2020, 7, 1), date(2020, 10, 31)

    def come(visitors: int) -> dict[int, float]:
        part = jiangsu.arrivals.model_copy(update={"visitors": float(visitors)})
        live_from = start + timedelta(days=live)
        numbers, times_s = arrivals(part, CALENDAR, Seed(seed), "daopu", 1.0, start, live_from, end)
        return dict(zip(numbers.tolist(), times_s.tolist(), strict=True))

    few, many = come(count), come(count + more)
    assert {number: at_s for number, at_s in many.items() if number <= count} == few


def one_more(scenario: Scenario, seed: int, share: float) -> Scenario:
    """Return the scenario with visitors raised by a hair, until one more of them really comes."""

    def count(visitors: float) -> int:
        part = scenario.arrivals.model_copy(update={"visitors": visitors})
        span = scenario.scenario
        return sum(
            len(
                arrivals(
                    part,
                    CALENDAR,
                    Seed(seed),
                    bank,
                    BANKS[bank].weight * share,
                    span.start,
                    phase.live_from,
                    span.end,
                )[0]
            )
            for phase in scenario.phase
            for bank in (each.id for each in banks_of(phase, BANKS))
        )

    visitors = scenario.arrivals.visitors
    before = count(visitors)
    while count(visitors) == before:
        # The nearest figure that gives one bank one potential visitor more.
        visitors = min(
            (potential(scenario.arrivals.model_copy(update={"visitors": visitors}), weight) + 0.5)
            / weight
            for weight in (bank.weight * share for bank in BANKS.values())
        )
        visitors += 1e-6
    part = scenario.arrivals.model_copy(update={"visitors": visitors})
    return scenario.model_copy(update={"arrivals": part})


def with_bank(scenario: Scenario, bank: str, phase: int) -> Scenario:
    """Return the scenario with one bank more in a phase."""
    phases = list(scenario.phase)
    old = phases[phase]
    ids = [each.id for each in banks_of(old, BANKS)]
    phases[phase] = old.model_copy(update={"banks": [*ids, bank], "delivered": None})
    return scenario.model_copy(update={"phase": phases})


@FEW_EXAMPLES
@given(seed=st.integers(0, 2**32))
def test_one_customer_more_changes_no_other_customers_draws(jiangsu, seed):
    before = rolled(jiangsu, seed)
    after = rolled(one_more(jiangsu, seed, FEW), seed)
    came, now = sessions(before), sessions(after)

    assert len(now) - len(came) in (1, 2)  # two banks may gain one at the same figure
    assert {visitor: now[visitor] for visitor in came} == came
    told = wishes(after)
    assert all(told[visitor] == wish for visitor, wish in wishes(before).items())
    assert not Counter(decisions(before.world.store)) - Counter(decisions(after.world.store))


@FEW_EXAMPLES
@given(
    seed=st.integers(0, 2**32),
    bank=st.sampled_from([bank for bank, each in BANKS.items() if each.wave == "later"]),
    phase=st.integers(0, 2),
)
def test_one_bank_more_changes_no_other_customers_draws(jiangsu, seed, bank, phase):
    before = rolled(jiangsu, seed)
    after = rolled(with_bank(jiangsu, bank, phase), seed)
    came, now = sessions(before), sessions(after)

    assert bank in after.live
    assert bank not in before.live
    assert {visitor: now[visitor] for visitor in came} == came
    assert {visitor[0] for visitor in now.keys() - came.keys()} <= {bank}
    told = wishes(after)
    assert all(told[visitor] == wish for visitor, wish in wishes(before).items())
    assert not Counter(decisions(before.world.store)) - Counter(decisions(after.world.store))


def test_a_new_bank_brings_customers_of_its_own(jiangsu):
    # Otherwise the property above would hold for an empty reason.
    before, after = rolled(jiangsu), rolled(with_bank(jiangsu, "liting", 0))
    more = Counter(decisions(after.world.store)) - Counter(decisions(before.world.store))

    assert more
    homes = Counter(each.bank for each in after.world.store.tables[Customer].values())
    assert homes["liting"] == sum(line.startswith("customer ") for line in more)


def test_whoever_sent_a_visitor_came_before_them(jiangsu):
    rollout = rolled(jiangsu, share=0.02)
    came = sessions(rollout)
    first_s = {
        (bank, rollout.world.people.person(bank, number).key): came[bank, openid][0]
        for bank, number, openid in visitors_of(rollout)
    }
    by = Counter(entry for _, entry, referrer in came.values() if referrer)

    assert by[Entry.SHARE] > 20
    assert by[Entry.STAFF] > 20
    assert set(by) == {Entry.SHARE, Entry.STAFF}
    for (bank, _), (at_s, entry, referrer) in came.items():
        if referrer and entry is Entry.STAFF:
            assert referrer.startswith(f"{bank}/staff/")
        elif referrer:
            assert first_s[bank, referrer] < at_s
    customers = rollout.world.store.tables[Customer].values()
    assert all(each.referrer for each in customers if each.entry is Entry.STAFF)


def visitors_of(rollout: Rollout) -> list[tuple[str, int, str]]:
    """Return (bank, number, openid) of all who came."""
    people = rollout.world.people
    return [(bank, number, people.openid(bank, number)) for bank, number in wishes(rollout)]


def test_ways_in_have_the_shares_of_the_file(jiangsu):
    entries = Counter(entry for _, entry, _ in sessions(rolled(jiangsu, share=0.02)).values())
    total = sum(entries.values())

    for entry, share in jiangsu.channels.shares().items():
        assert abs(entries[entry] - share * total) < 4 * (share * total) ** 0.5


# The whole, and its summary


@pytest.fixture(scope="module")
def two_per_cent(tmp_path_factory):
    """A rollout with two per cent of the visitors, through the door: status, folder, summary."""
    out = tmp_path_factory.mktemp("rollout") / "out"
    with pytest.MonkeyPatch.context() as patch:
        status = call(patch, "rollout", JIANGSU, "--share", 0.02, "--out", out)
    return status, out, json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_two_per_cent_of_the_visitors_find_27_banks_and_break_no_invariant(two_per_cent):
    status, _, document = two_per_cent

    assert status == 0
    assert len(document["banks"]) == 27
    assert document["invariants"]["violated"] == []
    assert document["invariants"]["checked"] >= 20
    live = Counter(bank["live_from"] for bank in document["banks"])
    assert live == {"2020-07-01": 5, "2020-09-01": 20, "2020-10-12": 2}


def test_the_summary_has_the_keys_that_its_schema_names(two_per_cent):
    problems = list(Draft202012Validator(SCHEMAS["summary"]()).iter_errors(two_per_cent[2]))

    assert problems == []


def test_the_summary_adds_up(two_per_cent):
    document = two_per_cent[2]
    totals = document["totals"]
    for name in set(totals) - {"refused"}:
        assert totals[name] == sum(bank[name] for bank in document["banks"]), name
    steps = ("visited", "registered", "applied", "granted", "signed", "drawn_customers")
    counts = [totals[name] for name in steps]

    assert counts == sorted(counts, reverse=True)
    assert totals["drawn_customers"] > 10
    assert totals["drawdowns"] >= totals["drawn_customers"]
    assert 0 < totals["drawn_fen"] <= totals["granted_fen"]
    assert 0 < totals["repaid_fen"] < totals["drawn_fen"]
    assert document["providers"]["face"]["calls"] > totals["applied"]
    assert (document["seed"], document["replications"]) == (7, 1)


def test_a_part_of_the_visitors_is_not_held_against_what_all_did(two_per_cent):
    ratios = {row["name"]: row["ratio"] for row in two_per_cent[2]["calibration"]}

    assert ratios.pop("banks_live") == 1.0
    assert set(ratios.values()) == {None}
    assert not compared(two_per_cent[2])


def test_time_and_machine_stand_beside_the_summary_not_in_it(two_per_cent):
    _, out, document = two_per_cent
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))

    assert set(run) == {"command", "wall_s", "python", "system", "cores"}
    assert run["command"].startswith("python sim.py rollout ")
    assert run["command"].endswith("--seed 7")
    assert not set(run) & set(document)


def test_the_same_seed_gives_the_same_bytes(two_per_cent, tmp_path, monkeypatch):
    _, out, _ = two_per_cent
    again = tmp_path / "again"
    assert call(monkeypatch, "rollout", JIANGSU, "--share", 0.02, "--out", again) == 0

    for name in ("summary.json", "report.html"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name


def test_another_seed_gives_another_run(two_per_cent):
    other = replicate(JIANGSU, 8, 0, 0.02)

    assert other.digest != two_per_cent[2]["digest"]


def test_one_worker_or_two_give_the_same_bytes(tmp_path, monkeypatch):
    words = ("rollout", JIANGSU, "--share", FEW, "--replications", 2)
    for workers in (1, 2):
        out = tmp_path / f"{workers}"
        assert call(monkeypatch, *words, "--workers", workers, "--out", out) == 0
    one, two = ((tmp_path / f"{workers}") for workers in (1, 2))

    assert (one / "summary.json").read_bytes() == (two / "summary.json").read_bytes()
    assert (one / "report.html").read_bytes() == (two / "report.html").read_bytes()


def test_replications_differ_and_have_the_same_digests_on_any_number_of_workers():
    plan = Plan(JIANGSU, 7, FEW)
    alone, beside = replicate_all(plan, 2, 1), replicate_all(plan, 2, 2)
    digests = [run.digest for run in alone]

    assert len(set(digests)) == 2
    assert [run.digest for run in beside] == digests
    assert [run.tally for run in beside] == [run.tally for run in alone]
    assert [run.number for run in beside] == [0, 1]
    assert digests[1] == replicate(JIANGSU, 7, 1, FEW).digest


def test_the_summary_of_several_is_their_mean(jiangsu):
    runs = replicate_all(Plan(JIANGSU, 7, FEW), 2, 1)
    document = summary(jiangsu, 7, runs, BANKS, dict.fromkeys(runs[0].meters), FEW)
    visited = [run.tally.totals.visited for run in runs]

    assert document["totals"]["visited"] == fmean(visited)
    assert document["replications"] == 2
    assert document["digest"] == hash_of(run.digest for run in runs)
    calls = sum(run.meters["wechat"].calls for run in runs)
    assert document["providers"]["wechat"]["calls"] == calls


# The verdict


def figures(**ratios: float) -> dict:
    """Return a summary with these figures at these ratios of what was published."""
    published = {"banks_live": 27, "granted_fen": 1000, "drawn_fen": 500, "drawn_customers": 20}
    rows = [
        {
            "name": name,
            "published": told,
            "simulated": told * ratios.get(name, 1.0),
            "ratio": ratios.get(name, 1.0),
        }
        for name, told in published.items()
    ]
    return {"calibration": rows, "invariants": {"checked": 3, "violated": []}}


@pytest.mark.parametrize(
    ("ratios", "missed"),
    [
        ({}, []),
        ({"granted_fen": 1.1, "drawn_fen": 0.9}, []),
        ({"granted_fen": 1.11}, ["granted_fen"]),
        ({"drawn_customers": 0.89}, ["drawn_customers"]),
        ({"drawn_fen": 0.0}, ["drawn_fen"]),  # nothing at all is the furthest off
        ({"banks_live": 26 / 27}, ["banks_live"]),
    ],
)
def test_a_figure_off_by_more_than_a_tenth_is_a_no(ratios, missed):
    assert [each.split()[0] for each in misses(figures(**ratios))] == missed


def test_a_violated_invariant_is_a_no():
    document = figures()
    document["invariants"]["violated"] = ["books.balance: off by 1 fen"]

    assert misses(document) == ["invariant books.balance: off by 1 fen"]


def test_a_published_zero_is_met_by_zero_alone(jiangsu):
    published = jiangsu.published.model_copy(update={"drawn_fen": 0})
    scenario = jiangsu.model_copy(update={"published": published})
    met = {"granted_fen": 156_000_000_000, "drawn_fen": 0, "drawn_customers": 2_878}

    assert misses({**figures(), "calibration": calibration(scenario, met, 27)}) == []
    off = calibration(scenario, met | {"drawn_fen": 5}, 27)
    assert misses({**figures(), "calibration": off}) == ["drawn_fen is 5, and 0 was published"]


# An interrupted run goes on


class Heard:
    """What a run told its watch."""

    def __init__(self) -> None:
        self.before: list[int] = []
        self.done: list[int] = []
        self.days: list[date] = []

    def kept(self, number):
        self.before.append(number)

    def day(self, number, day, visits):
        self.days.append(day)

    def finished(self, number):
        self.done.append(number)


def test_a_run_that_was_interrupted_goes_on_from_what_it_finished(tmp_path, monkeypatch):
    plan, keep = Plan(JIANGSU, 7, FEW), tmp_path / "keep"

    class Impatient(Heard):
        def finished(self, number):
            super().finished(number)
            if number == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replicate_all(plan, 3, 1, keep, Impatient())
    heard = Heard()
    resumed = replicate_all(plan, 3, 1, keep, heard)

    assert (heard.before, heard.done) == ([2], [2])
    assert [run.digest for run in resumed] == [run.digest for run in replicate_all(plan, 3, 1)]
    assert heard.days[0] == date(2020, 7, 1)
    assert heard.days[-1] == date(2020, 10, 31)


def test_workers_that_are_interrupted_end_at_once_and_keep_what_is_finished(tmp_path):
    plan, keep = Plan(JIANGSU, 7, FEW), tmp_path / "keep"

    class Impatient(Heard):
        def finished(self, number):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replicate_all(plan, 40, 2, keep, Impatient())
    kept = sorted(keep.glob("*.pickle"))

    assert len(kept) == 1
    heard = Heard()
    replicate_all(plan, 2, 2, keep, heard)
    assert len(heard.done) == 2 - len({path.name for path in kept} & {"0.pickle", "1.pickle"})


@pytest.mark.parametrize("other", [Plan(JIANGSU, 8, FEW), Plan(JIANGSU, 7, FEW / 2)])
def test_what_another_run_finished_is_not_taken_for_ones_own(tmp_path, other):
    replicate_all(other, 1, 1, tmp_path / "keep")
    heard = Heard()
    replicate_all(Plan(JIANGSU, 7, FEW), 1, 1, tmp_path / "keep", heard)

    assert (heard.before, heard.done) == ([], [0])


def test_a_file_that_was_changed_is_another_run(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(JIANGSU.read_text(encoding="utf-8"), encoding="utf-8")
    before = Plan(path, 7).fingerprint()

    assert Plan(path, 7).fingerprint() == before
    changed = path.read_text(encoding="utf-8").replace("tries = 3", "tries = 4")
    path.write_text(changed, encoding="utf-8")
    assert Plan(path, 7).fingerprint() != before


def test_a_replication_survives_being_kept():
    run = replicate(JIANGSU, 7, 0, FEW)

    assert pickle.loads(pickle.dumps(run)) == run


def test_a_bug_in_a_replication_says_which_one_it_was(monkeypatch):
    def broken(self, progress=None):
        assert self.number < 1, "two and two are five"

    monkeypatch.setattr(runs_of.Rollout, "run", broken)
    with pytest.raises(AssertionError, match="five") as bug:
        replicate(JIANGSU, 9, 1, FEW)

    assert bug.value.__notes__ == ["in replication 1 of seed 9"]


@pytest.mark.parametrize(("replications", "workers"), [(0, 1), (1, 0), (-1, 1)])
def test_none_at_all_is_not_a_number_of_runs(replications, workers):
    with pytest.raises(InputError, match="use at least 1"):
        replicate_all(Plan(JIANGSU, 7, FEW), replications, workers)


def test_a_place_where_nothing_can_be_kept_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    heard = Heard()
    with pytest.raises(MachineError, match="cannot write"):
        replicate_all(Plan(JIANGSU, 7, FEW), 1, 1, tmp_path / "file" / "keep", heard)

    assert heard.days == []


# The published figures


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_five_seeds_come_to_the_published_figures():
    published = load_scenario(JIANGSU).published
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(replicate, [JIANGSU] * 5, range(1, 6), [0] * 5))
    print(*(run.tally.totals for run in runs), sep="\n")

    assert [run.violations for run in runs] == [[]] * 5
    assert [len(run.tally.banks) for run in runs] == [published.banks_live] * 5
    for name in ("granted_fen", "drawn_fen", "drawn_customers"):
        ratios = [getattr(run.tally.totals, name) / getattr(published, name) for run in runs]
        assert fmean(ratios) == pytest.approx(1, abs=0.05), name
        assert ratios == pytest.approx([1] * 5, abs=0.10), name
