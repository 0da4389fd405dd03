"""The example plugin, installed with pip as its users would, and used from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "example_plugin"
STORY = "a_loan_is_repaid_early_and_owes_nothing"
BANK = "daopu"
SCENARIO = """\
version = 1

[scenario]
name = "a chosen one"
seed = 23
start = 2020-09-01
end = 2020-09-03

[[phase]]
name = "all"
banks = ["daopu"]
live_from = 2020-09-01

[providers.carrier]
use = "acme_carrier"

[providers.corebank.bank.daopu]
use = "acme_core"

"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the example is installed, and its environment."""
    folder, built = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("example")
    for source in EXAMPLE.rglob("*"):
        if source.suffix in (".py", ".toml"):
            place = built / source.relative_to(EXAMPLE)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(source.read_bytes())
    words = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "--target", str(folder), str(built)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return os.environ | {"PYTHONPATH": str(folder)}


def sim(environ, *words):
    """Run a verb; return its status, what it printed and what it said went wrong."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "sim.py"), *words],
        capture_output=True,
        text=True,
        env=environ,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def serving(environ, *words):
    """A client of a server of ``serve``."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "sim.py"), "serve", "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    )
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        address = json.loads("".join(lines))["address"]
        with httpx.Client(base_url=address, trust_env=False) as client:
            yield client
    finally:
        process.kill()
        process.communicate()


def test_a_plugin_answers_in_a_mocks_place_for_one_bank(installed, tmp_path):
    words = ("story", STORY, "--json", "--seed", "7", "--out", str(tmp_path / "out"))

    def told(*use):
        return json.loads(sim(installed, *words, *use)[1])["stories"][0]

    as_ever, elsewhere = told(), told("--use", "corebank@yanghe=acme_core")
    late = told("--use", f"corebank@{BANK}=acme_core")  # no loan is paid out in the night
    assert as_ever["passed"]
    assert elsewhere == as_ever
    assert late["problem"] == "expected done, but it was unfinished at draw_down"


def test_what_is_chosen_and_not_there_is_one_line(installed, tmp_path):
    for use, said in (
        ("carrier=acme_carier", "no plugin is called 'acme_carier'; did you mean 'acme_carrier'?"),
        ("carier=acme_carrier", "no provider 'carier'; did you mean 'carrier'?"),
        ("carrier@daopo=acme_carrier", "no bank 'daopo'; did you mean 'daopu'?"),
        ("face=acme_carrier", "the plugin 'acme_carrier' is no face but carrier"),
        ("carrier", "is no choice; write PROVIDER[@BANK]=mock|PLUGIN|URL"),
        ("carrier=ftp://somewhere", "ftp://somewhere is no endpoint"),
        ("objects=https://somewhere", "pictures are kept in process"),
        ("carrier=https://somewhere", "and the instant host asks nobody over a network"),
    ):
        status, _, wrong = sim(installed, "story", "--use", use, "--out", str(tmp_path / "out"))
        assert (status, wrong.count("\n")) == (2, 1), wrong
        assert said in wrong


def test_a_new_provider_is_served_beside_ours_with_all_that_ours_have(installed):
    with serving(installed) as client:
        provider = client.get("/_control/providers").json()["providers"]["social_security"]
        assert provider["answered_by"] == {"": "social_security"}
        cases = {case["case"]: case["magic"] for case in provider["operations"]["months"]["cases"]}
        person = client.post("/_control/people", json={}).json()
        ask = "/social_security/v1/months"

        assert client.post(ask, json={"number": person["id_number"]}).json()["found"] is True
        assert client.post(ask, json={"number": cases["long"]}).json() == {
            "found": True,
            "months": 240,
        }
        wanted = {"X-Loanrange-Case": "never"}
        body = {"number": person["id_number"]}
        assert client.post(ask, json=body, headers=wanted).json()["found"] is False
        plan = [{"provider": "social_security", "kind": "5xx", "count": 1}]
        assert client.put("/_control/faults", json=plan).is_success
        assert client.post(ask, json=body).status_code == 503
        assert client.post(ask, json=body).status_code == 200
        assert client.post(ask, json={"number": "1"}).status_code == 422

        seen = [call["seen"] for call in client.get("/_control/journal").json()["calls"]]
        assert len(seen) == 5
        assert seen[3] == "ServerFailed"
        assert client.get("/_control/invoice").json()["billed"] == {"social_security.months": 3}
        assert client.get("/social_security/v1/openapi.json").json()["info"]["title"]
        put = client.post("/_control/snapshot", json={"name": "a"})
        assert put.is_success, put.text
        assert client.post("/_control/restore", json={"name": "a"}).is_success
        assert client.post(ask, json={"number": cases["long"]}).json()["months"] == 240


def test_a_scenario_chooses_for_all_and_for_a_bank(installed, tmp_path):
    file = tmp_path / "chosen.toml"
    file.write_text(SCENARIO + (ROOT / "tests" / "data" / "few_visitors.toml").read_text())
    with serving(installed, "--scenario", str(file)) as client:
        told = client.get("/_control/providers").json()["providers"]
        assert told["carrier"]["answered_by"] == {"": "acme_carrier"}
        assert told["corebank"]["answered_by"] == {"": "mock", BANK: "acme_core"}
        assert told["face"]["answered_by"] == {"": "mock"}

    status, _, wrong = sim(installed, "rollout", str(file), "--out", str(tmp_path / "out"))
    assert status in (0, 1), wrong  # few visitors miss the published figures
    file.write_text(file.read_text().replace("acme_carrier", "https://carrier.example"))
    status, _, wrong = sim(installed, "rollout", str(file), "--out", str(tmp_path / "out"))
    assert status == 2
    assert wrong.endswith(
        "chosen.toml: providers.carrier.use: is https://carrier.example, and a rollout asks nobody "
        "over a network; choose a mock or a plugin, or tell stories --host wall\n"
    )


def test_a_real_endpoint_is_asked_in_a_mocks_place(installed, tmp_path):
    with serving(installed, "--seed", "7") as client:
        keys = client.get("/_control/providers").json()["credentials"]
        told = {
            f"LOANRANGE_CARRIER_{name.upper()}": keys[name] for name in ("secret_id", "secret_key")
        }
        use = f"carrier@{BANK}={str(client.base_url).rstrip('/')}"
        words = ("story", "--host", "wall", "--json", "--use", use, "--seed", "7")
        out = ("--out", str(tmp_path / "out"))
        _, printed, wrong = sim(installed | told, *words, *out, STORY)
        asked = client.get("/_control/journal").json()["calls"]
    assert printed, wrong
    assert {call["operation"].partition(".")[0] for call in asked} == {"carrier"}
