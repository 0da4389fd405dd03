"""``record`` and ``replay`` as a user runs them: processes of their own, stopped and killed."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from core.identity import UnifiedCreditCode
from mocks.line import recorded_latencies
from mocks.proxy.recorder import EXCHANGES, HEAD
from mocks.proxy.recording import load
from mocks.rest_app import rest_app
from mocks.rest_values import CODE_EXAMPLE
from scenarios.file import load_scenario
from tests.mocks.proxy_kit import Saying, unused_port
from tests.mocks.rest_kit import CODE, serving, tenants

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0  # what a start or an end may take on a busy machine
LOOK_UP = "/registry/v1/look_up"
SCENARIO = """\
version = 1

[scenario]
name = "as it was recorded"
seed = 23
start = 2020-09-01
end = 2020-09-30

[[phase]]
name = "all"
banks = ["daopu"]
live_from = 2020-09-01

[providers.registry]
csv = "recorded/latency/POST-registry-v1-look_up.csv"

"""
SCENARIO += (ROOT / "tests" / "data" / "few_visitors.toml").read_text()


def sim(*words, cwd):
    """Run the command line to its end."""
    command = [sys.executable, str(ROOT / "sim.py"), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=cwd
    )


class Running:
    """A verb that serves: what it said first, and a client of it."""

    def __init__(self, process, client):
        self.process, self.client = process, client

    def end(self, by=signal.SIGINT):
        """Send a signal; return the status and what was said since, here and on stderr."""
        self.process.send_signal(by)
        said, complaint = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, said, complaint


@contextmanager
def running(*words, cwd, file_kib_max="unlimited"):
    """Run a verb that serves; no file of its may be longer than ``file_kib_max``."""
    limited = ["bash", "-c", 'ulimit -f "$0" && exec "$@"', str(file_kib_max)]
    own = [sys.executable, "-B", str(ROOT / "sim.py"), *map(str, words), "--port", "0"]
    process = subprocess.Popen(
        [*limited, *own], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
    )
    try:
        first = ""
        while "http://127.0.0.1:" not in first:
            first = process.stdout.readline()
            assert first, process.stderr.read()
        address = next(word for word in first.split() if word.startswith("http://127.0.0.1:"))
        with httpx.Client(base_url=address, timeout=20.0, trust_env=False) as client:
            yield Running(process, client)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def register():
    """Return the address of our business register, which stands for a real one."""
    with serving(rest_app(tenants())) as address:
        yield address


@pytest.fixture
def recorded(register, tmp_path):
    """Return the folder of a recording of three exchanges, and what was said of it."""
    with running("record", "--target", register, "--out", "recorded", cwd=tmp_path) as verb:
        for code in (CODE.text, CODE_EXAMPLE, "no code"):
            verb.client.post(LOOK_UP, json={"code": code})
        status, said, complaint = verb.end()
    assert (status, complaint) == (0, "")
    return tmp_path / "recorded", said


def test_what_passed_lies_masked_where_it_was_to_be_with_its_latencies(recorded):
    folder, said = recorded
    told = [path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.is_file()]

    assert sorted(path.name for path in folder.iterdir()) == [
        EXCHANGES,
        "latency",
        "latency.csv",
        HEAD,
    ]
    assert not any(CODE.text in text or "测试面馆" in text or "李明" in text for text in told)
    assert "3 exchanges: 3 answered\n" in said
    assert "POST /registry/v1/look_up: p50 " in said
    assert len(recorded_latencies(folder / "latency.csv")) == 3


def test_its_latencies_are_a_providers_in_a_scenario(recorded, tmp_path):
    folder, _ = recorded
    path = tmp_path / "as_recorded.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    profile = load_scenario(path).profiles(tmp_path)["registry"]

    assert list(profile.recorded_ms) == sorted(each.latency_ms for each in load(folder).exchanges)


def test_it_is_served_again_until_it_is_stopped(recorded, tmp_path):
    with running("replay", "recorded", cwd=tmp_path) as verb:
        answers = [
            verb.client.post(LOOK_UP, json={"code": code})
            for code in (CODE.text, CODE_EXAMPLE, "no code", 5)
        ]
        status, said, complaint = verb.end(signal.SIGTERM)

    assert [answer.status_code for answer in answers] == [200, 200, 422, 404]
    assert "nearest is exchange" in answers[3].json()["detail"]
    assert (status, complaint) == (0, "")
    assert "answered 3, not recorded 1\n" in said


def test_an_endpoint_is_held_against_it_field_by_field(recorded, register, tmp_path):
    # Masked codes are nobody's: only what was asked about nobody can be alike.
    path = tmp_path / "recorded" / EXCHANGES
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    alike = sim("replay", "recorded", "--check", register, cwd=tmp_path)
    app = Saying()
    app.body = json.dumps({"state": 5}).encode()
    with serving(app) as other:
        words = ("replay", "recorded", "--check", other, "--header", "X-Api-Key: mine")
        differs = sim(*words, cwd=tmp_path)
        document = sim(*words, "--json", cwd=tmp_path)

    assert (alike.returncode, alike.stderr) == (0, "")
    assert "2 alike, 0 differ, 0 were not answered then" in alike.stdout
    assert (differs.returncode, document.returncode) == (1, 1)
    assert "$.state: recorded 'not_found', ours 5" in differs.stdout
    told = json.loads(document.stdout)
    assert (told["checked"], told["differing"]) == (2, 2)
    assert {"path": "status", "recorded": "422", "ours": "200"} in (
        told["exchanges"][1]["differences"]
    )
    assert dict(app.heard[0][0]["headers"])[b"x-api-key"] == b"mine"


def test_a_recorder_that_is_killed_has_lost_nothing_that_anybody_saw(register, tmp_path):
    seen = []

    def ask(client, number):
        code = UnifiedCreditCode.make("91", "329900", f"MA{number:06d}").text
        try:
            seen.append(client.post(f"{LOOK_UP}?type=v{number}", json={"code": code}).status_code)
        except httpx.TransportError:
            return False
        if len(seen) == 40:
            verb.process.kill()
        return number

    with (
        running("record", "--target", register, "--out", "r", cwd=tmp_path) as verb,
        ThreadPoolExecutor(8) as pool,
    ):
        answered = {
            n for n in pool.map(lambda n: ask(verb.client, n), range(400)) if n is not False
        }
    found = load(tmp_path / "r")
    kept = [each.request.query[0][1] for each in found.exchanges]

    assert 40 <= len(answered) < 400
    assert {f"v{number}" for number in answered} <= set(kept)
    assert [each.number for each in found.exchanges] == list(range(1, len(kept) + 1))
    with running("replay", "r", cwd=tmp_path) as again:
        body = {"code": CODE.text}
        assert again.client.post(f"{LOOK_UP}?{kept[0]}", json=body).status_code == 404
        assert again.client.post(f"{LOOK_UP}?type={kept[0]}", json=body).status_code == 200


def test_where_there_is_no_room_any_more_it_ends_and_what_was_written_is_read(register, tmp_path):
    words = ("record", "--target", register, "--out", "r")
    with running(*words, cwd=tmp_path, file_kib_max=3) as verb:
        answered = 0
        while verb.process.poll() is None:
            try:
                verb.client.post(LOOK_UP, json={"code": CODE.text})
            except httpx.TransportError:  # it has ended
                break
            answered += 1
        _, complaint = verb.process.communicate(timeout=LIMIT_S)
    found = load(tmp_path / "r")

    assert verb.process.returncode == 3
    assert complaint.startswith(f"sim.py: cannot write {Path('r') / EXCHANGES} (File too large)")
    assert found.torn
    assert 0 < len(found.exchanges) <= answered


def test_of_a_torn_recording_the_whole_lines_are_read_and_its_latencies_made(recorded, tmp_path):
    folder, _ = recorded
    path = folder / EXCHANGES
    path.write_bytes(path.read_bytes()[:-9])
    told = sim("replay", "recorded", "--latencies", cwd=tmp_path)

    assert told.returncode == 0
    assert told.stderr.startswith("the last line was not written whole")
    assert len(recorded_latencies(folder / "latency.csv")) == 2


def test_with_its_key_real_values_find_their_own_exchange_in_every_recording(register, tmp_path):
    words = ("--target", register, "--key", "keys/one", "--out")
    for out in ("a", "b"):
        with running("record", *words, out, cwd=tmp_path) as verb:
            verb.client.post(LOOK_UP, json={"code": CODE_EXAMPLE})
            verb.client.post(LOOK_UP, json={"code": CODE.text})
            assert verb.end()[0] == 0
    with running("replay", "b", "--key", "keys/one", cwd=tmp_path) as verb:
        states = [
            verb.client.post(LOOK_UP, json={"code": code}).json()["state"]
            for code in (CODE.text, CODE_EXAMPLE, CODE.text)
        ]

    assert states == ["open", "not_found", "open"]
    one, other = (load(tmp_path / out).exchanges[1].request.body for out in ("a", "b"))
    assert one == other
    assert stat.S_IMODE((tmp_path / "keys" / "one").stat().st_mode) == 0o600


def test_without_a_key_two_recordings_have_other_masks_and_the_older_moves_aside(
    register, tmp_path
):
    for _ in range(3):
        with running("record", "--target", register, "--out", "r", cwd=tmp_path) as verb:
            verb.client.post(LOOK_UP, json={"code": CODE.text})
            assert verb.end()[0] == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "r.1", "r.2"]
    bodies = [load(tmp_path / name).exchanges[0].request.body.value for name in ("r", "r.1", "r.2")]
    assert len({body["code"] for body in bodies}) == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("record", 2, "record --target: is missing"),
        ("record --target ftp://x", 2, "--target: 'ftp://x' is no http or https address; write"),
        ("record --target http://x --port 65536", 2, "--port: is 65536; use 0 (any) to 65535"),
        ("record --target http://x --port {taken}", 3, "Address already in use; choose another"),
        ("record --target http://x --out r --key r/k", 2, "--key r/k: lies in the recording"),
        ("record --target http://x --key sim", 2, "--key sim: holds no key"),
        ("record --target http://x --keep -", 2, "--keep '-': names no field"),
        ("replay", 2, "replay DIR: is missing"),
        ("replay nowhere", 2, "nowhere: holds no recording.json; name a folder of sim.py record"),
        ("replay old", 2, "is of version 0, and this program reads version 1; record it again"),
        ("replay broken", 2, "exchanges.jsonl, line 1: is no exchange; record it again"),
        ("replay good --key sim", 2, "--key sim: holds no key; name the file that record"),
        ("replay good --check ftp://x", 2, "--check: 'ftp://x' is no http or https address"),
        ("replay good --check http://127.0.0.1:{free}", 3, "start what is to be checked"),
        ("replay good --check http://x --header bad", 2, "--header: is no header; write it"),
        ("replay good --port {taken}", 3, "Address already in use; choose another"),
    ],
)
def test_what_is_wrong_is_one_line_and_writes_nothing(tmp_path, words, status, said):
    good = {
        "exchange": 1, "outcome": "answered", "detail": "", "latency_ms": 1.0,
        "request": {
            "method": "GET", "path": ["a"], "query": [], "headers": [], "body": {"form": "empty"}
        },
        "answer": {"status": 200, "headers": [], "body": {"form": "empty"}},
    }  # fmt: skip
    for name, version, line in (("good", 1, good), ("old", 0, good), ("broken", 1, {})):
        (tmp_path / name).mkdir()
        head = {"version": version, "target": "http://x", "keep": []}
        (tmp_path / name / HEAD).write_text(json.dumps(head))
        (tmp_path / name / EXCHANGES).write_text(json.dumps(line) + "\n")
    (tmp_path / "sim").write_text("no key")
    before = sorted(tmp_path.rglob("*"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        left = sim(*words.format(taken=taken, free=unused_port()).split(), cwd=tmp_path)

    assert (left.returncode, left.stdout) == (status, "")
    assert left.stderr.startswith("sim.py: ")
    assert left.stderr.count("\n") == 1
    assert said in left.stderr
    assert sorted(tmp_path.rglob("*")) == before
