"""The door: every verb with right and wrong words, its exit status, and what goes where."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from functools import cache
from html import unescape
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import core
import sim
from core.errors import MachineError
from scenarios.commands import doctor, door, people, rollout
from scenarios.digest import hash_of
from scenarios.output import is_result
from scenarios.rollout import run as runs
from scenarios.schemas import SCHEMAS
from scenarios.stories import STORIES
from scenarios.stories.stage import StoryFailed
from scenarios.stories.story import Story

ROOT = Path(__file__).resolve().parent.parent
JIANGSU = ROOT / "scenarios" / "rollout" / "jiangsu_2020.toml"
REFUSED_COPY = "a_copy_of_a_card_is_refused"
FEW = ("--share", "0.004")

SMALL = """\
version = 1

[scenario]
name = "a [bold]small[/] one"
seed = 11
start = 2020-07-01
end = 2020-09-30

[[phase]]
name = "all"
banks = ["daopu", "fanzhi"]
live_from = 2020-07-01

"""
SMALL += (ROOT / "tests" / "data" / "few_visitors.toml").read_text()
PUBLISHED = """
[published]
banks_live = {banks}
granted_fen = 1
drawn_fen = 1
drawn_customers = 1
"""


class Left(NamedTuple):
    """How a verb left: its status, and what it said where."""

    status: int
    out: str
    err: str


@pytest.fixture
def go(monkeypatch, capsys, tmp_path):
    """Go through the door, standing in an empty folder; the process's own signals stay."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def walk(*words: object) -> Left:
        told = [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["sim.py", *told])
        with pytest.raises(SystemExit) as left:
            door.main(sim.sim, told)
        said = capsys.readouterr()
        return Left(left.value.code, said.out, said.err)

    yield walk
    for number, handler in heard.items():
        signal.signal(number, handler)


@pytest.fixture
def small(tmp_path) -> Path:
    """A scenario whose every visitor can come in a blink."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def started(*words: object, cwd: Path) -> subprocess.Popen[str]:
    """Start sim.py as its users do, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, ROOT / "sim.py", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def walked(*words: object, cwd: Path) -> Left:
    """Run sim.py as its users do, to its end."""
    process = started(*words, cwd=cwd)
    out, err = process.communicate(timeout=60)
    return Left(process.returncode, out, err)


# Wrong words: one line on stderr, nothing on stdout, nothing written, status 2

WRONG: dict[str, tuple[str, str]] = {
    # the command line: where the line says it, and what would be right
    "storry": ("verb 'storry': is unknown", "did you mean 'story'?"),
    "xyzzy": ("verb 'xyzzy': is unknown", "known: demo, doctor, people"),
    "--jsn": ("--jsn: no such option", "options stand after the verb"),
    "--json story": ("--json: no such option", "options stand after the verb"),
    "story --hst instant": ("story --hst: no such option", "did you mean '--host'?"),
    "story --host vertual": ("story --host 'vertual': is unknown", "did you mean 'virtual'?"),
    "story --host": ("--host: needs a value", "write it after the option"),
    "story a_copy_of_a_cart_is_refused": ("story 'a_copy_of_a_cart", f"mean '{REFUSED_COPY}'?"),
    "story 'A copy of a cart is refused'": ("story 'A copy of a cart", f"mean '{REFUSED_COPY}'?"),
    "story overdue": ("story 'overdue': is unknown", "an_overdue_customer_pays_penalty"),
    "story xyzzy": ("story 'xyzzy': is unknown", "python sim.py story --list names them all"),
    "story --list xyzzy": ("story 'xyzzy': is unknown", "story --list names them all"),
    "story --junit .": ("story --junit: file '.' is a directory", "story --help"),
    "story --seed seven": ("story --seed: 'seven' is not a valid integer", "story --help"),
    "people -n 0": ("people -n: is 0", "use 1 to 1,000,000"),
    "people -n -5": ("people -n: is -5", "use 1 to 1,000,000"),
    "people -n 1000001": ("people -n: is 1000001", "use 1 to 1,000,000"),
    "people -n 180000 --bank daopu": ("people -n: is 180,000 of one bank", "at most 179,999"),
    "people -n ten": ("people -n: 'ten' is not a valid integer", "people --help"),
    "people -n": ("-n: needs a value", "write it after the option"),
    "people --bank daopo": ("--bank 'daopo': is unknown", "did you mean 'daopu'?"),
    "people -n 1 --out .": ("--out .: is the folder you stand in", "name a folder of its own"),
    "people -n 1 --out {file}": ("people --out: directory '{file}' is a file", "people --help"),
    "people daopu": ("people: got unexpected extra argument (daopu)", "people --help"),
    "schema banc": ("schema 'banc': is unknown", "did you mean 'bank'?"),
    "doctor now": ("doctor: got unexpected extra argument (now)", "doctor --help"),
    "rollout": ("rollout FILE: is missing", "rollout --help"),
    "rollout nowhere.toml": ("nowhere.toml: there is no such file", "known: "),
    "rollout jiangsu_2021.toml": (
        "jiangsu_2021.toml: there is no such file",
        "jiangsu_2020.toml'?",
    ),
    "rollout {here}": ("rollout FILE: file '{here}' is a directory", "rollout --help"),
    "rollout {file}": ("{file}, line 1, column 4: expected '=' after a key", "mend the TOML there"),
    "rollout {small} --share 0": ("--share: is 0.0", "use more than 0 and at most 1"),
    "rollout {small} --share 1.5": ("--share: is 1.5", "use more than 0 and at most 1"),
    "rollout {small} --share nan": ("--share: is nan", "use more than 0 and at most 1"),
    "rollout {small} --workers 0": ("--workers: is 0", "use at least 1"),
    "rollout {small} --replications 0": ("--replications: is 0", "use at least 1"),
    "rollout {small} --replications x": ("rollout --replications: 'x' is not", "rollout --help"),
    "rollout {small} --out ..": ("--out ..: is the folder you stand in, or", "of its own"),
    "rollout {small} {small}": ("rollout: got unexpected extra argument", "rollout --help"),
    "rollout {wrong}": ("{wrong}: phase 'all': banks: no bank is called 'daopo'", "'daopu'?"),
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_words_are_answered_in_one_line_and_write_nothing(go, tmp_path, small, line):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SMALL.replace('"daopu"', '"daopo"'), encoding="utf-8")
    file = tmp_path / "file"
    file.write_text("no TOML")
    names = {"small": small, "wrong": wrong, "file": file, "here": tmp_path / "here"}
    left = go(*shlex.split(line.format(**names)))
    place, remedy = WRONG[line]

    assert left.status == 2
    assert left.out == ""
    assert left.err.count("\n") == 1
    assert left.err.lower().startswith(f"sim.py: {place}".format(**names).lower())
    assert remedy in left.err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["file", "here", "small.toml", "wrong.toml"]
    )
    assert list((tmp_path / "here").iterdir()) == []


def test_without_a_verb_there_is_help_and_a_status_that_says_so(go):
    left = go()

    assert left.status == 2
    assert "Commands:" in left.out
    assert left.err == "sim.py: no verb: nothing was asked for; name one of those above\n"


@pytest.mark.parametrize("verb", ["", *sim.sim.commands])
def test_help_is_whole_sentences_and_no_failure(go, verb):
    left = go(*[verb] if verb else [], "--help")

    assert (left.status, left.err) == (0, "")
    assert "..." not in left.out.partition("\n")[2]
    if not verb:
        assert [name for name in sim.sim.commands if f"\n  {name} " not in left.out] == []
        assert "130 interrupted" in " ".join(left.out.split())


def test_the_help_of_schema_names_every_schema(go):
    assert [name for name in SCHEMAS if name not in go("schema", "--help").out] == []


def test_every_verb_takes_seed_out_and_json():
    for name, command in sim.sim.commands.items():
        assert {"seed", "out", "as_json"} <= {each.name for each in command.params}, name


def test_the_version_is_the_products(go):
    assert go("--version").out == f"loanrange, version {core.__version__}\n"


def test_a_user_sees_one_line_and_status_2(tmp_path):
    left = walked("storry", cwd=tmp_path)

    assert left == Left(2, "", "sim.py: verb 'storry': is unknown; did you mean 'story'?\n")
    assert list(tmp_path.iterdir()) == []


# One document on stdout, and nothing else


@pytest.mark.parametrize(
    "line",
    [
        f"story {REFUSED_COPY} --json",
        "story --list --json",
        "people -n 3 --json",
        "schema --json",
        "schema bank",
        "doctor --json",
        "rollout {small} --json",
    ],
)
def test_json_is_one_document_on_stdout_and_nothing_else(go, small, line):
    left = go(*shlex.split(line.format(small=small)))

    assert left.status == 0
    assert isinstance(json.loads(left.out), dict)
    assert left.out.endswith("}\n")


def test_a_user_gets_one_document_on_stdout_and_progress_on_stderr(tmp_path):
    left = walked("rollout", JIANGSU, *FEW, "--json", cwd=tmp_path)
    document = json.loads(left.out)

    assert left.status == 0
    assert document == json.loads((tmp_path / "out" / "rollout" / "summary.json").read_bytes())
    lines = left.err.splitlines()
    assert [line.split()[1] for line in lines] == [f"2020-{month:02d}-01" for month in range(7, 11)]


def test_what_is_on_stdout_is_what_is_written(go, tmp_path):
    for line, name in [("people -n 2", "people.json"), (f"story {REFUSED_COPY}", "stories.json")]:
        left = go(*line.split(), "--json", "--out", tmp_path / "out")

        assert left.out == (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_a_pipe_gets_plain_lines(go, small):
    small.write_text(SMALL + PUBLISHED.format(banks=2), encoding="utf-8")
    for left in (go("story", REFUSED_COPY), go("doctor"), go("rollout", small)):
        assert "\x1b" not in left.out
        assert not set(left.out) & set("│┃━┏└╇")


# Each verb does what it says


def test_stories_are_told_by_name_by_sentence_and_all_the_same(go):
    digests = set()
    for name in (REFUSED_COPY, "A copy of a card is refused", STORIES[REFUSED_COPY].title):
        left = go("story", name, "--json")
        (told,) = json.loads(left.out)["stories"]
        assert told["name"] == REFUSED_COPY
        digests.add(told["digest"])

    assert len(digests) == 1


def test_a_story_is_the_same_on_every_host(go):
    told = [
        json.loads(go("story", REFUSED_COPY, "--host", host, "--json").out) for host in door.HOSTS
    ]

    assert tuple(each["host"] for each in told) == door.HOSTS == ("instant", "virtual", "wall")
    assert len({each["digest"] for each in told}) == 1
    assert told[0]["stories"] == told[1]["stories"] == told[2]["stories"]


def test_the_list_names_every_story_with_its_hosts(go):
    left = go("story", "--list")
    rows = json.loads(go("story", "--list", "--json").out)["stories"]

    assert [row["name"] for row in rows] == list(STORIES)
    for each in STORIES.values():
        assert f"{each.name}  ({', '.join(each.hosts)})\n    {each.title}\n" in left.out
    assert not Path("out").exists()


def test_the_list_can_be_asked_for_one_story(go):
    told = go("story", "--list", REFUSED_COPY).out

    assert told.startswith(f"{REFUSED_COPY}  (instant, virtual, wall)")


@pytest.fixture
def failing(monkeypatch):
    """A story that fails, among the others."""

    async def tell(stage):
        raise StoryFailed("the customer was <not> amused & left")

    one = Story("nobody_is_amused", "Nobody is [amused].", tell)
    monkeypatch.setitem(STORIES, one.name, one)
    return one


def test_a_story_that_fails_says_why_and_how_to_repeat_it(go, failing):
    left = go("story", failing.name, REFUSED_COPY, "--seed", 5)

    assert left.status == 1
    assert "FAIL  nobody_is_amused" in left.out
    assert "at the start: the customer was <not> amused & left" in left.out
    assert "python sim.py story nobody_is_amused --host instant --seed 5" in left.out
    assert "1 of 2 stories passed" in left.out


def test_junit_is_xml_that_counts(go, failing, tmp_path):
    report = tmp_path / "deep" / "junit.xml"
    left = go("story", failing.name, REFUSED_COPY, "--host", "virtual", "--junit", report)
    suite = ElementTree.parse(report).getroot()

    assert left.status == 1
    assert (suite.tag, suite.get("name")) == ("testsuite", "stories.virtual")
    assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["2", "1", "0"]
    bad, good = suite.findall("testcase")
    assert good.get("name") == REFUSED_COPY
    assert good.find("failure") is None
    assert bad.find("failure").get("message") == "the customer was <not> amused & left"
    assert [path.name for path in report.parent.iterdir()] == ["junit.xml"]


def test_people_come_with_the_truth_about_them(go):
    left = go("people", "-n", 3, "--bank", "daopu", "--seed", 9)
    document = json.loads(Path("out/people/people.json").read_bytes())

    assert left.status == 0
    assert document["seed"] == 9
    assert [person["bank"] for person in document["people"]] == ["daopu"] * 3
    assert len({person["id_number"] for person in document["people"]}) == 3
    good = sum(person["truth"]["should_pass"] for person in document["people"])
    assert f"people: 3, of whom {good} ought to pass" in left.out


def test_people_without_a_bank_come_from_each_in_turn(go):
    document = json.loads(go("people", "-n", 60, "--json").out)
    homes = [person["bank"] for person in document["people"]]

    assert len(set(homes[:58])) == 58
    assert homes[58:] == homes[:2]


def test_schemas_are_printed_by_name_or_all_written(go):
    for name in SCHEMAS:
        assert json.loads(go("schema", name).out) == json.loads(json.dumps(SCHEMAS[name]()))
    assert not Path("out").exists()
    left = go("schema")

    assert left.status == 0
    assert sorted(path.name for path in Path("out/schema").iterdir()) == sorted(
        f"{name}.schema.json" for name in SCHEMAS
    )


def test_the_doctor_finds_this_machine_well(go):
    left = go("doctor")

    assert left.status == 0
    assert "58 banks" in left.out
    assert left.out.endswith("ready: try make demo\n")


def test_the_doctor_names_what_is_missing_and_the_remedy(go, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("simpy", "no-such-package"))
    left = go("doctor")

    assert left.status == 3
    assert "missing no-such-package run make setup" in left.out
    assert left.out.endswith("missing: no-such-package\n")


def test_a_rollout_without_published_figures_is_judged_by_its_invariants(go, small):
    left = go("rollout", small)

    assert left.status == 0
    assert "invariants checked, none violated" in left.out
    assert "published" not in left.out
    assert sorted(path.name for path in Path("out/rollout").iterdir()) == [
        "report.html",
        "run.json",
        "summary.json",
    ]


def test_a_rollout_that_misses_the_published_figures_says_no(go, small):
    small.write_text(SMALL + PUBLISHED.format(banks=3), encoding="utf-8")
    left = go("rollout", small)

    assert left.status == 1
    assert "a [bold]small[/] one: published and simulated" in left.out
    assert "no: banks_live is 0.6667 times the published figure" in left.out
    assert "no: granted_fen is " in left.out
    assert "<b>No.</b>" in Path("out/rollout/report.html").read_text(encoding="utf-8")


def test_a_part_of_the_visitors_is_held_to_the_invariants_alone(go, small):
    small.write_text(SMALL + PUBLISHED.format(banks=2), encoding="utf-8")
    left = go("rollout", small, "--share", 0.5)

    assert left.status == 0
    assert "only a --share of the visitors came" in left.out
    assert "<b>Yes.</b>" in Path("out/rollout/report.html").read_text(encoding="utf-8")


def test_the_demo_tells_all_stories_and_rolls_out(go, monkeypatch):
    # With few visitors: the whole rollout is the soak's.
    whole = rollout.planned
    monkeypatch.setattr(rollout, "planned", lambda file, seed: whole(file, seed, float(FEW[1])))
    left = go("demo", "--json")
    document = json.loads(left.out)

    assert left.status == 0
    assert len(document["stories"]["stories"]) == len(STORIES)
    assert len(document["rollout"]["banks"]) == 27
    page = unescape(Path("out/demo/report.html").read_text(encoding="utf-8"))
    assert [each.title for each in STORIES.values() if each.title not in page] == []


# Every run can be repeated, and results are never half there


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("people -n 2", "people.json"),
        (f"story {REFUSED_COPY}", "stories.json"),
        ("rollout {small}", "summary.json"),
    ],
)
def test_a_run_prints_its_seed_and_the_command_that_repeats_it(go, small, tmp_path, line, name):
    out = tmp_path / "a [red] folder"
    words = shlex.split(line.format(small=small))
    first = go(*words, "--out", out)
    printed = first.out[first.out.index("repeat with: ") :].splitlines()[0]
    command = shlex.split(printed.removeprefix("repeat with: "))
    written = (out / name).read_bytes()
    again = go(*command[2:])

    assert command[:2] == ["python", "sim.py"]
    assert f"seed {11 if 'rollout' in line else 7};" in first.out
    assert command[-2:] == ["--seed", "11" if "rollout" in line else "7"]
    assert again.status == first.status == 0
    assert (out / name).read_bytes() == written


def test_the_repeat_command_keeps_a_seed_that_was_given(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sim.py", "people", "--seed=3"])
    assert door.command_line(seed=3) == "python sim.py people --seed=3"

    monkeypatch.setattr(sys, "argv", ["sim.py", "people", "--out", "a b"])
    assert door.command_line(seed=3) == "python sim.py people --out 'a b' --seed 3"


@pytest.mark.parametrize(
    "line", ["people -n 1", f"story {REFUSED_COPY}", "schema", "rollout {small} --share 0.1"]
)
def test_an_older_result_moves_aside(go, small, line):
    for _ in range(3):
        assert go(*shlex.split(line.format(small=small)), "--out", "here").status == 0
        assert is_result(Path("here"))

    assert sorted(path.name for path in Path().iterdir()) == ["here", "here.1"]


@pytest.mark.parametrize(
    "line", ["people -n 1", f"story {REFUSED_COPY}", "schema", "rollout {small} --share 0.1"]
)
def test_a_place_that_cannot_be_written_is_the_machines_fault(go, small, line):
    Path("file").write_text("in the way")
    left = go(*shlex.split(line.format(small=small)), "--out", "file/out")

    assert left.status == 3
    assert left.err.count("\n") == 1
    assert left.err.startswith("sim.py: cannot write ")
    assert left.err.endswith("; choose another place\n")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (MachineError("port 8000 is taken", "use --port"), 3, "port 8000 is taken; use --port"),
        (OSError(28, "No space left on device", "x.json"), 3, "x.json: No space left on device"),
        (MemoryError(), 3, "the memory is full"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
    ],
)
def test_a_failure_has_one_line_and_its_status(go, monkeypatch, error, status, said):
    def fail(*_):
        raise error

    monkeypatch.setattr(people, "people_json", fail)
    left = go("people", "-n", 1)

    assert (left.status, left.out) == (status, "")
    assert left.err.startswith(f"sim.py: {said}")
    assert left.err.count("\n") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("error", [AssertionError("two and two"), KeyError("five")])
def test_a_bug_of_ours_shows_where_and_how_to_repeat_it(go, monkeypatch, small, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(runs.Rollout, "run", broken)
    left = go("rollout", small)

    assert left.status == 1
    assert left.out == ""
    assert "Traceback (most recent call last)" in left.err
    last = left.err.splitlines()[-1]
    assert last.startswith("sim.py: this is a bug of loanrange itself; to repeat it: python sim.py")
    assert last.endswith("--seed 11")
    if isinstance(error, AssertionError):
        assert "in replication 0 of seed 11" in left.err


def test_an_interrupted_rollout_says_what_is_kept_and_goes_on(go, monkeypatch, small):
    whole = runs.replicate

    def hasty(path, seed, number, share=1.0, watch=None):
        if number == 2:
            raise KeyboardInterrupt
        return whole(path, seed, number, share, watch)

    words = ("rollout", small, "--replications", 3)
    monkeypatch.setattr(runs, "replicate", hasty)
    first = go(*words)
    monkeypatch.setattr(runs, "replicate", whole)

    assert (first.status, first.out) == (130, "")
    assert "interrupted; 2 of 3 replications are kept; go on with the same command" in first.err
    assert "--replications 3" in first.err.splitlines()[-1]
    assert not Path("out/rollout").exists()
    second = go(*words)
    assert second.status == 0
    assert "2 of 3 replications were finished before; going on from there" in second.err
    assert [path.name for path in Path("out").iterdir()] == ["rollout"]


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_all_processes_and_the_next_run_goes_on(tmp_path, workers):
    words = ("rollout", JIANGSU, *FEW, "--replications", 5, "--workers", workers, "--json")
    process = started(*words, cwd=tmp_path)
    for line in process.stderr:
        if "1 of 5 replications done" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (130, "")
    assert " of 5 replications are kept; go on with the same command: python" in err
    assert "Traceback" not in err
    assert is_gone(process.pid)
    assert not (tmp_path / "out" / "rollout").exists()

    left = walked(*words, cwd=tmp_path)
    assert left.status == 0
    assert "of 5 replications were finished before; going on from there" in left.err
    assert json.loads(left.out)["digest"] == undisturbed()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rollout"]


def is_gone(group: int) -> bool:
    """Say whether no process of a group works any more, a moment after its leader has gone."""
    for _ in range(100):
        if not any(running(stat, group) for stat in Path("/proc").glob("[0-9]*/stat")):
            return True
        time.sleep(0.05)
    return False


def running(stat: Path, group: int) -> bool:
    """Say whether a process is of that group, and no mere entry that nobody collected yet."""
    try:
        state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
    except OSError:  # it ended while we looked
        return False
    return int(its_group) == group and state != "Z"


@cache
def undisturbed() -> str:
    """Return the digest of the run that nobody interrupts."""
    found = runs.replicate_all(runs.Plan(JIANGSU, 7, float(FEW[1])), 5, 1)
    return hash_of(run.digest for run in found)
