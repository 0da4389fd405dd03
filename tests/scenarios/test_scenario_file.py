"""Scenario files: every wrong one is told in one line, and the right one means what it says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InputError
from core.ports import PROVIDERS
from mocks.line import ASSUMED, SEEN, TIMED, FaultKind, Phase
from scenarios.file import PHASES, ROOT, load_scenario
from scenarios.rollout.engine import banks_of
from scenarios.rollout.run import Plan

GOOD = """\
version = 1

[scenario]
name = "two banks"
seed = 5
start = 2020-09-01
end = 2020-10-31

[[phase]]
name = "first"
banks = ["daopu"]
live_from = 2020-09-01

[[phase]]
name = "second"
banks = "october"
live_from = 2020-10-12
delivered = 2

[arrivals]
visitors = 40
bass_p = 0.01
bass_q = 0.05
hours = [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1]
days = [1, 1, 1, 1, 1, 0.5, 0.5]

[channels]
scan = 0.5
share = 0.1
official_account = 0.1
history = 0.1
moments_ad = 0.1
staff = 0.1

[funnel]
register = 0.3
authorise = 0.9
apply = 0.8
open_account = 0.9
sign = 0.9
draw_down = 0.4
draw_share = 0.6
draw_after_days = 4
tries = 3
returns = 2
pays_late = 0.05
late_days = 3
"""
FACE = "\n[providers.face]\n"
FAULT = "\n[[fault]]\nprovider = 'face'\nkind = 'drop'\n"
OUTAGE = "\n[[providers.face.outages]]\nfor_s = 60\n"
SPAN = "2020-09-01 to 2020-10-31"


def edited(old: str = "", new: str = "", more: str = "") -> str:
    """Return the good file with one thing changed, or something added at its end."""
    assert GOOD.count(old) or not old, f"the good file has no {old!r}"
    return GOOD.replace(old, new, 1) + more if old else GOOD + more


def written(folder: Path, text: str) -> Path:
    """Return the path of a scenario file with that text."""
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, more: str = ""):
    """Return the good scenario with more at its end."""
    return load_scenario(written(folder, edited(more=more)))


def blamed(path: Path) -> InputError:
    """Return what is told about a file, whoever finds it."""
    with pytest.raises(InputError) as told:
        Plan(path, 7).rollout(0)
    return told.value


# What is changed in the good file, then place, problem and remedy (parts of them).
UNKNOWN_KEYS = [
    ("version = 1", "version = 1\nversio = 2", "versio", "'version'"),
    ("[arrivals]", "[arival]", "arival", "'arrivals'"),
    ("seed = 5", "sed = 5", "scenario.sed", "'seed'"),
    ("delivered = 2", "deliverd = 2", "phase 'second': deliverd", "'delivered'"),
    ("bass_p", "bas_p", "arrivals.bas_p", "'bass_p'"),
    ("moments_ad", "moment_ad", "channels.moment_ad", "'moments_ad'"),
    ("register =", "registr =", "funnel.registr", "'register'"),
    ("", FACE + "p5_ms = 1", "providers.face.p5_ms", "'p50_ms'"),
    ("", OUTAGE + "frm = 2020-09-02T00:00:00", "providers.face.outages.0.frm", "'from'"),
    ("", FAULT + "shre = 1", "fault no. 1: shre", "'share'"),
    ("", "\n[calendar.2022]\nof = []", "calendar.2022.of", "'off'"),
    ("", "\n[published]\ndrawn_fn = 1", "published.drawn_fn", "'drawn_fen'"),
]

BAD: dict[str, tuple[str, str, str, str, str]] = {
    # what is wrong: (old, new, place, problem, remedy)
    "no version": ("version = 1", "", "version", "is missing", "version ="),
    "another version": ("version = 1", "version = 2", "version", "is 2", "version = 1"),
    "a version that is true": ("version = 1", "version = true", "version", "is True", "= 1"),
    "a seed as text": ("seed = 5", 'seed = "5"', "scenario.seed", "'5'", "whole number"),
    "half a seed": ("seed = 5", "seed = 5.5", "scenario.seed", "5.5", "whole number"),
    "a name that is none": ('"two banks"', "2", "scenario.name", "2 is not text", "quotes"),
    "an empty name": ('"two banks"', '""', "scenario.name", "''", "at least 1"),
    "a date as text": ("2020-09-01", '"2020-09-01"', "scenario.start", "not a date", "2020-07-01"),
    "a moment for a date": (
        "start = 2020-09-01",
        "start = 2020-09-01T08:00:00",
        "scenario.start",
        "is not a date",
        "a date such as",
    ),
    "a table that is a value": (
        "version = 1",
        "version = 1\npublished = 3",
        "published",
        "3 is not a table",
        "write a table",
    ),
    "no start": ("start = 2020-09-01", "", "scenario.start", "is missing", "start ="),
    "an end before the start": (
        "end = 2020-10-31",
        "end = 2020-08-31",
        "scenario.end",
        "before the start",
        "swap",
    ),
    "a year that nobody knows": (
        "end = 2020-10-31",
        "end = 2022-10-31",
        "scenario.end",
        "holidays of 2022",
        "[calendar.2022]",
    ),
    "a start before the calendar": (
        "start = 2020-09-01",
        "start = 2019-12-01",
        "scenario.start",
        "holidays of 2019",
        "2020 to 2021",
    ),
    "an end without a rate": (
        "end = 2020-10-31",
        "end = 2049-10-31",
        "scenario.end",
        "LPR on 2049-10-31",
        "earlier day",
    ),
    "an unknown wave": (
        '"october"',
        '"octobre"',
        "phase 'second': banks",
        "no wave is called 'octobre'",
        "'october'",
    ),
    "an unknown bank": (
        '["daopu"]',
        '["daopo"]',
        "phase 'first': banks",
        "no bank is called 'daopo'",
        "'daopu'",
    ),
    "a bank twice": ('["daopu"]', '["daopu", "daopu"]', "phase 'first'", "live already", "once"),
    "banks that are none": ('["daopu"]', "5", "phase 'first': banks", "5 names no banks", "wave"),
    "bank ids that are none": ('["daopu"]', "[5]", "phase 'first': banks", "[5]", "list of"),
    "an empty list of banks": ('["daopu"]', "[]", "phase 'first': banks", "no bank", "list of"),
    "more delivered than planned": (
        "delivered = 2",
        "delivered = 7",
        "phase 'second': delivered",
        "7 of 6",
        "fewer",
    ),
    "less than none delivered": (
        "delivered = 2",
        "delivered = -1",
        "phase 'second': delivered",
        "-1",
        "0",
    ),
    "a phase's name twice": ('"second"', '"first"', "phase 'first': name", "another", "its own"),
    "live before the start": (
        "live_from = 2020-09-01",
        "live_from = 2020-08-31",
        "phase 'first': live_from",
        f"2020-08-31 is outside the scenario, {SPAN}",
        "move it",
    ),
    "live after the end": (
        "live_from = 2020-10-12",
        "live_from = 2020-11-01",
        "phase 'second': live_from",
        "outside",
        "move it",
    ),
    "nobody comes": ("visitors = 40", "visitors = 0", "arrivals.visitors", "0", "greater than 0"),
    "everybody comes": ("visitors = 40", "visitors = inf", "arrivals.visitors", "inf", "finite"),
    "more come than there are": (
        "visitors = 40",
        "visitors = 9e9",
        "arrivals.visitors",
        "180,000",
        "below",
    ),
    "23 hours": ("hours = [0, ", "hours = [", "arrivals.hours", "", "24"),
    "an hour below nothing": ("hours = [0", "hours = [-1", "arrivals.hours.0", "-1", "0"),
    "an hour as text": ("hours = [0", "hours = ['x'", "arrivals.hours.0", "'x'", "number"),
    "six days": ("days = [1, ", "days = [", "arrivals.days", "", "7"),
    "no day at all": (
        "[1, 1, 1, 1, 1, 0.5, 0.5]",
        "[0, 0, 0, 0, 0, 0, 0]",
        "arrivals.days",
        "no weight above 0",
        "some time",
    ),
    "shares above one": ("scan = 0.5", "scan = 0.6", "channels", "sum to 1.1", "sum to 1"),
    "a share below nothing": ("scan = 0.5", "scan = -0.5", "channels.scan", "-0.5", "0"),
    "a share left out": ("staff = 0.1", "", "channels.staff", "is missing", "staff ="),
    "a chance above one": ("sign = 0.9", "sign = 1.2", "funnel.sign", "1.2", "1"),
    "no try": ("tries = 3", "tries = 0", "funnel.tries", "0", "1"),
    "all is drawn": ("draw_share = 0.6", "draw_share = 1.0", "funnel.draw_share", "1.0", "1"),
}

ADDED: dict[str, tuple[str, str, str, str]] = {
    # what is added at the end: (text, place, problem, remedy)
    "an unknown provider": ("[providers.fase]", "providers.fase", "no provider", "'face'"),
    "a provider of another make": (FACE + "use = 'mok'", "providers.face.use", "'mok'", "'mock'"),
    "no server": (FACE + "servers = 0", "providers.face.servers", "0", "1"),
    "half a server": (FACE + "servers = 0.5", "providers.face.servers", "0.5", "whole"),
    "a latency below nothing": (FACE + "p50_ms = -1", "providers.face.p50_ms", "-1", "above|0"),
    "a p99 below the p50": (
        FACE + "p50_ms = 100\np99_ms = 50",
        "providers.face.p99_ms",
        "50",
        "at least p50_ms",
    ),
    "a p99 below the assumed p50": (FACE + "p99_ms = 50", "providers.face.p99_ms", "50", "p50"),
    "errors above one": (FACE + "error_rate = 1.5", "providers.face.error_rate", "1.5", "1"),
    "nothing but errors": (FACE + "error_rate = 1.0", "providers.face.error_rate", "1.0", "1"),
    "no quota": (FACE + "quota_per_s = 0", "providers.face.quota_per_s", "0", "0"),
    "no patience": (FACE + "timeout_ms = 0", "providers.face.timeout_ms", "0", "0"),
    "a 25th hour": (FACE + "hours = [0, 25]", "providers.face.hours.1", "25", "24"),
    "an hour before midnight": (FACE + "hours = [-1, 8]", "providers.face.hours.0", "-1", "0"),
    "one hour alone": (FACE + "hours = [8]", "providers.face.hours", "8", "2"),
    "hours that never are": (FACE + "hours = [8, 8]", "providers.face.hours", "no time", "leave"),
    "an unknown scope": (FACE + "scope = 'natoin'", "providers.face.scope", "natoin", "'nation'"),
    "two sorts of latency": (
        FACE + "csv = 'good.csv'\np50_ms = 5",
        "providers.face.csv",
        "beside p50_ms",
        "or csv",
    ),
    "a recording that is not there": (
        FACE + "csv = 'god.csv'",
        "providers.face.csv",
        "no file",
        "'good.csv'",
    ),
    "a recording that is a folder": (
        FACE + "csv = '.'",
        "providers.face.csv",
        "cannot be read",
        "file",
    ),
    "a recording without its column": (
        FACE + "csv = 'column.csv'",
        "providers.face.csv",
        "no column latency_ms",
        "name",
    ),
    "a recording without a row": (FACE + "csv = 'rows.csv'", "providers.face.csv", "no rows", ""),
    "a recording with a word": (
        FACE + "csv = 'word.csv'",
        "providers.face.csv",
        "word.csv, line 3 latency_ms is 'slow'",
        "number",
    ),
    "a recording without an end": (
        FACE + "csv = 'endless.csv'",
        "providers.face.csv",
        "endless.csv, line 2 latency_ms is 'inf'",
        "number",
    ),
    "a recording with a short row": (
        FACE + "csv = 'short.csv'",
        "providers.face.csv",
        "short.csv, line 2 latency_ms is None",
        "number",
    ),
    "a recording in another code": (
        FACE + "csv = 'bytes.csv'",
        "providers.face.csv",
        "not UTF-8",
        "UTF-8",
    ),
    "an outage after the end": (
        OUTAGE + "from = 2020-11-01T00:00:00",
        "providers.face.outages.0.from",
        f"2020-11-01 is outside the scenario, {SPAN}",
        "move",
    ),
    "an outage before the start": (
        OUTAGE + "from = 2020-08-31T23:00:00",
        "providers.face.outages.0.from",
        "outside",
        "move",
    ),
    "an outage on a day": (
        OUTAGE + "from = 2020-09-02",
        "providers.face.outages.0.from",
        "not a date and time",
        "2020-07-01T09:00:00",
    ),
    "an outage in another zone": (
        OUTAGE + "from = 2020-09-02T00:00:00Z",
        "providers.face.outages.0.from",
        "time zone",
        "Beijing",
    ),
    "an outage without a length": (
        "\n[[providers.face.outages]]\nfrom = 2020-09-02T00:00:00",
        "providers.face.outages.0.for_s",
        "is missing",
        "for_s =",
    ),
    "a fault of nobody": (
        "[[fault]]\nprovider = 'fase'\nkind = 'drop'",
        "fault no. 1: provider",
        "no provider is called 'fase'",
        "'face'",
    ),
    "a second fault that is wrong": (
        FAULT + FAULT.replace("drop", "drip"),
        "fault no. 2: kind",
        "'drip'",
        "'drop'",
    ),
    "an unknown phase of a fault": (
        FAULT + "phase = 'aftr_commit'",
        "fault no. 1: phase",
        "'aftr_commit'",
        "'after_commit'",
    ),
    "a fault on no operation": (
        FAULT + "operation = 'strat'",
        "fault no. 1: operation",
        "face has no operation 'strat'",
        "'start'",
    ),
    "a fault for more than all": (FAULT + "share = 1.5", "fault no. 1: share", "1.5", "1"),
    "a fault before the start": (
        FAULT + "from = 2019-09-01T00:00:00",
        "fault no. 1: from",
        "outside",
        "move",
    ),
    "a fault for no time": (FAULT + "for = 0", "fault no. 1: for", "0", "0"),
    "a year that is none": ("[calendar.next]", "calendar.next", "no year", "[calendar.2022]"),
    "a year that has a source": ("[calendar.2020]", "calendar 2020", "has a source", "leave"),
    "a day off without an end": (
        "[calendar.2022]\noff = [[2022-01-03]]",
        "calendar.2022.off.0",
        "2022",
        "2",
    ),
    "days off that run backwards": (
        "[calendar.2022]\noff = [[2022-01-05, 2022-01-03]]",
        "calendar 2022",
        "no span",
        "first and the last",
    ),
    "a make-up day in the week": (
        "[calendar.2022]\nworked = [2022-01-04]",
        "calendar 2022",
        "no weekend day",
        "leave",
    ),
}


@pytest.mark.parametrize(("old", "new", "place", "near"), UNKNOWN_KEYS)
def test_an_unknown_key_is_answered_with_the_nearest(tmp_path, old, new, place, near):
    path = written(tmp_path, edited(old, new) if old else edited(more=new))
    told = blamed(path)

    assert told.place == f"{path}: {place}"
    assert told.problem.startswith("unknown key")
    assert told.remedy == f"did you mean {near}?"


@pytest.mark.parametrize("what", BAD)
def test_a_wrong_value_is_told_with_place_problem_and_remedy(tmp_path, what):
    old, new, place, problem, remedy = BAD[what]
    path = written(tmp_path, edited(old, new))
    told = blamed(path)

    assert told.place.startswith(f"{path}: {place}")
    assert problem in told.problem
    assert remedy in told.remedy
    assert "\n" not in str(told)


@pytest.mark.parametrize("what", ADDED)
def test_a_wrong_addition_is_told_with_place_problem_and_remedy(tmp_path, what):
    text, place, problem, remedy = ADDED[what]
    (tmp_path / "good.csv").write_text("latency_ms\n12\n")
    (tmp_path / "column.csv").write_text("ms\n12\n")
    (tmp_path / "rows.csv").write_text("latency_ms\n")
    (tmp_path / "word.csv").write_text("latency_ms\n12\nslow\n")
    (tmp_path / "endless.csv").write_text("latency_ms\ninf\n")
    (tmp_path / "short.csv").write_text("at,latency_ms\n1\n")
    (tmp_path / "bytes.csv").write_bytes(b"latency_ms\n\xff\n")
    path = written(tmp_path, edited(more="\n" + text + "\n"))
    told = blamed(path)

    assert told.place.startswith(f"{path}: {place}")
    assert problem in told.problem
    assert any(each in told.remedy for each in remedy.split("|"))
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("start = 2020-07-32", "line 1, column 13"),
        ("[a\n", "line 1, column 3"),
        ("a = ", "end of document"),
    ],
)
def test_a_slip_in_the_toml_is_told_with_its_line(tmp_path, text, place):
    path = written(tmp_path, text)
    told = blamed(path)

    assert told.place.startswith(f"{path}, {place}")
    assert told.remedy == "mend the TOML there"


@pytest.mark.parametrize("name", ["jiangsu_2020.toml", "scenarios/rollout/jiangsu.toml"])
def test_a_file_that_is_not_there_is_answered_with_ours(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError) as told:
        load_scenario(Path(name))

    assert told.value.place == name
    assert told.value.remedy == "did you mean 'scenarios/rollout/jiangsu_2020.toml'?"


def test_a_file_that_is_not_there_is_answered_with_one_beside_it(tmp_path):
    written(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"did you mean '.*/s\.toml'\?"):
        load_scenario(tmp_path / "z.toml")


def test_every_key_of_the_good_file_is_needed_or_known(tmp_path):
    scenario = loaded(tmp_path)

    assert scenario.scenario.seed == 5
    assert [phase.name for phase in scenario.phase] == ["first", "second"]
    assert scenario.arrivals.visitors == 40.0
    assert sum(scenario.channels.shares().values()) == pytest.approx(1)


def test_a_phase_brings_its_banks_live_in_the_order_of_their_ids(tmp_path):
    run = Plan(written(tmp_path, GOOD), 7).rollout(0)
    first, second = run.scenario.phase
    wave = sorted(bank.id for bank in run.banks.values() if bank.wave == "october")

    assert [bank.id for bank in banks_of(first, run.banks)] == ["daopu"]
    assert [bank.id for bank in banks_of(second, run.banks)] == wave[:2]
    assert list(run.live) == ["daopu", *wave[:2]]


# Profiles: the assumed figures, with what the file replaces


def test_providers_that_a_file_leaves_out_keep_their_assumed_figures(tmp_path):
    assert loaded(tmp_path).profiles(tmp_path) == ASSUMED


def test_what_a_file_says_of_a_provider_replaces_the_assumed_figure(tmp_path):
    text = FACE + (
        "p50_ms = 100\np99_ms = 150\ntimeout_ms = 2000\nservers = 3\nquota_per_s = 10\n"
        "error_rate = 0.02\nhours = [22, 6.5]\nscope = 'nation'\n"
    )
    profiles = loaded(tmp_path, text).profiles(tmp_path)
    face = profiles["face"]

    assert (face.p50_ms, face.p99_ms, face.timeout_ms) == (100, 150, 2000)
    assert (face.servers, face.quota_per_s, face.error_rate) == (3, 10, 0.02)
    assert (face.hours, face.scope) == ((22, 6.5), "nation")
    assert face.open_at(23 * 3600)
    assert face.open_at(6.4 * 3600)
    assert not face.open_at(12 * 3600)
    assert {name: profiles[name] for name in profiles if name != "face"} == {
        name: ASSUMED[name] for name in ASSUMED if name != "face"
    }


def test_a_new_median_keeps_the_assumed_spread(tmp_path):
    face = loaded(tmp_path, FACE + "p50_ms = 100").profiles(tmp_path)["face"]

    assert face.p99_ms / 100 == pytest.approx(ASSUMED["face"].p99_ms / ASSUMED["face"].p50_ms)
    assert face.timeout_ms == ASSUMED["face"].timeout_ms


def test_a_recording_is_found_beside_the_file_and_replaces_the_curve(tmp_path):
    (tmp_path / "face.csv").write_text("at,latency_ms\n1,30\n2,10\n3,20.5\n")
    face = loaded(tmp_path, FACE + "csv = 'face.csv'").profiles(tmp_path)["face"]

    assert face.recorded_ms == (10, 20.5, 30)
    assert face.latency()(0.5) == 0.0205


# Faults and outages: business time, from the first midnight on


def test_a_fault_is_planned_in_seconds_since_the_first_midnight(tmp_path):
    text = FAULT + (
        "operation = 'start'\nphase = 'after_commit'\nfrom = 2020-09-02T01:00:00\nfor = 90\n"
        "share = 0.25\n"
    )
    (fault,) = loaded(tmp_path, text).faults()

    assert (fault.provider, fault.operation) == ("face", "start")
    assert (fault.kind, fault.phase) == (FaultKind.DROP, Phase.AFTER_COMMIT)
    assert (fault.from_s, fault.for_s, fault.share) == (25 * 3600, 90, 0.25)


def test_a_fault_without_a_moment_lasts_for_ever(tmp_path):
    (fault,) = loaded(tmp_path, FAULT).faults()

    assert (fault.from_s, fault.for_s, fault.share) == (0, float("inf"), 1)
    assert fault.phase is Phase.BEFORE


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("phase", Phase)
def test_a_fault_has_the_phases_that_its_kind_can_have(tmp_path, kind, phase):
    text = f"\n[[fault]]\nprovider = 'face'\nkind = '{kind.value}'\nphase = '{phase.value}'\n"
    if kind is FaultKind.WRONG_ANSWER:
        text += "operation = 'compare'\ncase = 'passed'\n"
    if phase in PHASES[kind]:
        (fault,) = loaded(tmp_path, text).faults()
        assert (fault.kind, fault.phase) == (kind, phase)
        return

    told = blamed(written(tmp_path, edited(more=text)))
    assert told.place.endswith(": fault no. 1: phase")
    assert told.problem == f"kind {kind.value!r} has no phase {phase.value!r}"
    assert all(repr(right.value) in told.remedy for right in PHASES[kind])


def test_every_kind_of_fault_that_a_client_can_see_has_its_phases():
    seen = {(kind, phase) for kind, phases in PHASES.items() for phase in phases}

    assert {pair for pair in seen if pair[0] not in TIMED} == set(SEEN)
    assert all(PHASES[kind] for kind in FaultKind)


WRONG = """
[[fault]]
provider = "idnet"
operation = "check"
kind = "wrong_answer"
case = "name_differs"
"""


def test_a_wrong_answer_is_planned_as_a_case_of_an_operation(tmp_path):
    [fault] = load_scenario(written(tmp_path, edited(more=WRONG))).faults()

    assert (fault.kind, fault.operation, fault.case) == ("wrong_answer", "check", "name_differs")


@pytest.mark.parametrize(
    ("before", "after", "place", "told"),
    [
        ("name_differs", "name_difers", "case", "did you mean 'name_differs'"),
        ('case = "name_differs"\n', "", "case", "is missing"),
        ('operation = "check"\n', "", "operation", "is missing"),
        ("wrong_answer", "drop", "case", "kind 'drop' has none"),
    ],
)
def test_a_wrong_answer_that_is_none_is_refused(tmp_path, before, after, place, told):
    problem = blamed(written(tmp_path, edited(more=WRONG.replace(before, after))))

    assert problem.place.endswith(f": fault no. 1: {place}")
    assert told in str(problem)


def test_outages_are_planned_in_seconds_since_the_first_midnight(tmp_path):
    text = "".join(
        f"\n[[providers.{name}.outages]]\nfrom = {moment}\nfor_s = {for_s}\n"
        for name, moment, for_s in [
            ("face", "2020-09-01T00:10:00", 60),
            ("face", "2020-10-31T23:59:00", 600),
            ("idnet", "2020-09-03T12:00:00", 1.5),
        ]
    )
    scenario = loaded(tmp_path, text)
    last_s = 60 * 86_400 + 86_340

    assert scenario.outages() == {
        "face": [(600, 660), (last_s, last_s + 600)],
        "idnet": [(216_000, 216_001.5)],
    }
    assert scenario.seconds(datetime(2020, 9, 2)) == timedelta(days=1).total_seconds()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_may_be_set_and_may_fail(tmp_path, provider):
    text = (
        f"\n[providers.{provider}]\nservers = 2\n"
        f"\n[[fault]]\nprovider = '{provider}'\nkind = '5xx'\n"
    )
    scenario = loaded(tmp_path, text)

    assert scenario.profiles(tmp_path)[provider].servers == 2
    assert scenario.faults()[0].provider == provider


def test_a_year_without_a_source_may_be_assumed(tmp_path):
    year = "\n[calendar.2022]\noff = [[2022-01-03, 2022-01-03]]\nworked = [2022-01-08]\n"
    path = written(tmp_path, edited("end = 2020-10-31", "end = 2022-03-31", year))
    calendar = Plan(path, 7).rollout(0).calendar

    assert not calendar.is_working_day(date(2022, 1, 3))
    assert calendar.is_working_day(date(2022, 1, 8))
    assert calendar.assumed == {2022}


def test_the_projects_own_scenario_says_where_its_figures_come_from():
    scenario = load_scenario(ROOT / "scenarios" / "rollout" / "jiangsu_2020.toml")
    parts = [scenario.scenario, *scenario.phase, scenario.arrivals, scenario.channels]

    for part in [*parts, scenario.funnel]:
        assert "assumed" in part.source
    assert scenario.published is not None
    assert "rural credit union" in scenario.published.source
