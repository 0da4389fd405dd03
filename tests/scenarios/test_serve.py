"""``serve`` as a user runs it: a process of its own, asked over loopback, ended by a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119.models import IDCardOCRRequest
from tencentcloud.ocr.v20181119.ocr_client import OcrClient

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 30.0  # what a start or an end may take on a busy machine
SCENARIO = """\
version = 1

[scenario]
name = "a served one"
seed = 23
start = 2020-09-01
end = 2020-09-30

[[phase]]
name = "all"
banks = ["daopu"]
live_from = 2020-09-01

[[fault]]
provider = "wechat"
kind = "5xx"
"""


def sim(*words):
    """Run the command line to its end."""
    command = [sys.executable, str(ROOT / "sim.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


class Server:
    """A running server: what it said, and a client of its control plane."""

    def __init__(self, process, said, client):
        self.process, self.said, self.client = process, said, client

    def get(self, path, **query):
        return self.client.get(f"/_control/{path}", params=query).raise_for_status().json()

    def post(self, path, **body):
        return self.client.post(f"/_control/{path}", json=body).raise_for_status().json()

    def end(self, by=signal.SIGTERM):
        """Send a signal; return the status and what was said on stderr."""
        self.process.send_signal(by)
        _, complaint = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode, complaint


@contextmanager
def serving(*words):
    command = [sys.executable, str(ROOT / "sim.py"), "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        said = json.loads("".join(lines))
        with httpx.Client(base_url=said["address"], timeout=5.0, trust_env=False) as client:
            yield Server(process, said, client)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def server():
    with serving("--seed", 7) as served:
        yield served


def test_it_says_where_it_is_and_answers_there(server):
    assert server.said["address"] == f"http://127.0.0.1:{server.said['port']}"
    assert server.said["control"] == f"{server.said['address']}/_control"
    assert server.get("healthz") == {"status": "ok"}
    assert server.get("clock")["date"] == "2020-07-01"


def test_it_listens_on_loopback_only(server):
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((own, server.said["port"]), timeout=5)


def test_it_knows_the_people_whose_pictures_were_drawn_with_the_same_seed(server, tmp_path):
    drawn = sim("people", "-n", 3, "--seed", 7, "--pictures", "--out", tmp_path / "p", "--json")
    assert drawn.returncode in (0, 3), drawn.stderr
    if drawn.returncode == 3:
        pytest.skip(drawn.stderr.strip())

    for person in json.loads(drawn.stdout)["people"]:
        served = server.post("device/login", id_number=person["id_number"])
        assert served["js_code"]
        [picture] = (tmp_path / "p").rglob(f"*{person['key'].replace('/', '-')}*front*")
        read = json.loads(read_by_the_vendors_sdk(server, picture.read_bytes()))
        assert (read["Name"], read["IdNum"]) == (person["name"], person["id_number"])
        assert read["Address"] == person["address"]


def read_by_the_vendors_sdk(server, picture):
    known = server.get("providers")["credentials"]
    profile = ClientProfile(
        httpProfile=HttpProfile(
            protocol="http", endpoint=server.said["address"].removeprefix("http://")
        )
    )
    credential = Credential(known["secret_id"], known["secret_key"])
    client = OcrClient(credential, "ap-guangzhou", profile)
    request = IDCardOCRRequest()
    request.ImageBase64 = b64encode(picture).decode()
    request.CardSide = "FRONT"
    return client.IDCardOCR(request).to_json_string()


def test_the_same_seed_serves_the_same_people_and_keys():
    def world_of(seed):
        with serving("--seed", seed) as other:
            return other.get("providers")["credentials"], other.get("people")

    first, second = world_of(5), world_of(6)

    assert first == world_of(5)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_scenario_brings_its_seed_its_first_day_and_its_faults(tmp_path):
    scenario = tmp_path / "served.toml"
    scenario.write_text(SCENARIO + (ROOT / "tests/data/few_visitors.toml").read_text())
    with serving("--scenario", scenario) as other, serving("--seed", 23) as same_seed:
        assert other.get("clock")["date"] == "2020-09-01"
        assert [fault["kind"] for fault in other.get("faults")["faults"]] == ["5xx"]
        assert other.get("providers")["credentials"] == same_seed.get("providers")["credentials"]


def test_business_time_runs_as_fast_as_it_is_told():
    with serving("--speed", 100_000) as other:
        first = other.get("clock")
        while other.get("clock")["date"] == first["date"]:
            pass

    assert first["speed"] == 100_000.0


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=lambda by: by.name)
def test_a_signal_ends_it_without_a_complaint(by):
    with serving() as other:
        assert other.end(by) == (0, "")


def test_it_ends_though_somebody_waits_for_an_answer():
    with serving() as other:
        other.client.put("/_control/faults", json=[{"provider": "wechat", "kind": "drop"}])
        with socket.create_connection(("127.0.0.1", other.said["port"])) as waiting:
            known = other.get("providers")["credentials"]
            told = f"appid={known['appid']}&secret={known['app_secret']}&js_code=x"
            line = f"GET /sns/jscode2session?{told}&grant_type=authorization_code HTTP/1.1"
            waiting.sendall(f"{line}\r\nhost: a\r\n\r\n".encode())
            other.get("healthz")  # which is answered after the other has been read

            assert other.end() == (0, "")
            assert not gone(waiting)


def gone(connection):
    """Return what still came over a connection that has ended."""
    try:
        return connection.recv(1_000)
    except ConnectionResetError:
        return b""


def test_a_port_that_is_taken_is_the_machines_fault(server):
    left = sim("serve", "--port", server.said["port"])

    assert left.returncode == 3
    assert f"port {server.said['port']}" in left.stderr
    assert "--port" in left.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", 65_536), "--port"),
        (("--port", -1), "--port"),
        (("--speed", 0), "--speed"),
        (("--speed", "nan"), "--speed"),
        (("--speed", 1e9), "--speed"),
        (("--scenario", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_wrong_words_are_told_in_one_line(words, told):
    left = sim("serve", *words)

    assert left.returncode == 2
    assert told in left.stderr
    assert "Traceback" not in left.stderr


def test_who_sets_a_token_opens_the_control_plane_to_whoever_shows_it(monkeypatch):
    monkeypatch.setenv("LOANRANGE_TOKEN", "a specimen's token")
    with serving("--seed", 7) as server:
        shown = {"X-Loanrange-Token": "a specimen's token"}

        assert server.client.get("/_control/clock").status_code == 401
        assert server.client.get("/metrics").status_code == 401
        assert server.client.get("/_control/clock", headers=shown).status_code == 200
        assert server.client.get("/metrics", headers=shown).status_code == 200
