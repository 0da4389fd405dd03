"""``serve`` as a user runs it: a process of its own, asked over loopback, ended by a signal."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from base64 import b64encode

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119.models import IDCardOCRRequest
from tencentcloud.ocr.v20181119.ocr_client import OcrClient

from core.adapters.sql import SqlStore
from core.application import Application, State
from core.errors import InputError
from core.store.records import Front
from scenarios.hosts.remote import RemoteHost
from scenarios.issuers import believed_in
from tests.serving import ROOT, serving, sim

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


# Records in a database


async def a_loan(address, tenant):
    """Have somebody take a loan in a tenant that is opened for it."""
    async with RemoteHost(address, tenant, 7) as host:
        person = await host.person("daopu", holds_card=False)
        program = host.mini_program(person, "daopu", amount_fen=2_000_000)
        return (await program.journey("daopu-household")).outcome


def applications_in(file):
    """Return how the applications stand that a file holds."""
    store = SqlStore(f"sqlite:///{file}")
    try:
        return [app.state for app in store.tables[Application].values()]
    finally:
        store.close()


def test_what_a_platform_keeps_is_in_its_tenants_own_file(tmp_path):
    file = tmp_path / "books.db"
    with serving("--seed", 7, "--db", f"sqlite:///{file}") as other:
        assert other.said["records"] == f"sqlite:///{file}"
        assert asyncio.run(a_loan(other.said["address"], "one")) == "done"
        assert asyncio.run(a_loan(other.said["address"], "one")) == "done"  # opened anew
        assert other.end()[0] == 0

    assert applications_in(file) == []
    assert applications_in(tmp_path / "books.db-one") == [State.ACTIVE]
    assert applications_in(tmp_path / "books.db-one.1") == [State.ACTIVE]
    assert not list(tmp_path.glob("*-wal"))  # every store was closed


def test_a_tenant_that_is_reset_keeps_its_records_elsewhere_from_then_on(tmp_path):
    file = tmp_path / "books.db"
    with serving("--db", f"sqlite:///{file}") as other:
        assert not (tmp_path / "books.db.1").exists()
        other.post("reset")
        assert other.client.get("/api/v1/readyz").json() == {"status": "ready"}
        assert (tmp_path / "books.db.1").exists()

        taken = other.client.post("/_control/snapshot", json={"name": "a"})
        assert taken.status_code == 400
        assert "records, which are in a database" in taken.json()["detail"]


def test_a_tenant_whose_place_is_taken_is_told_to_come_later_and_the_others_are_served(tmp_path):
    (tmp_path / "books.db-one").write_text("no database")
    with serving("--db", f"sqlite:///{tmp_path}/books.db") as other:
        other.client.put("/_control/tenants/one")
        asked = other.client.get("/api/v1/readyz", headers={"x-loanrange-tenant": "one"})
        assert (asked.status_code, asked.json()["type"]) == (503, "/api/v1/problems/later")
        assert other.client.get("/api/v1/readyz").status_code == 200
        status, complaint = other.end()

    assert status == 0
    assert "books.db-one' cannot be used (file is not a database); name another file" in complaint
    assert (tmp_path / "books.db-one").read_text() == "no database"


def test_a_database_that_another_server_has_is_the_machines_fault(tmp_path):
    address = f"sqlite:///{tmp_path}/books.db"
    with serving("--db", address):
        left = sim("serve", "--port", 0, "--db", address)

    assert left.returncode == 3
    assert left.stderr.count("\n") == 1
    assert "is locked by another program" in left.stderr


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("sqlite://", 2, "give sqlite:///FILE or postgresql://"),
        ("sqlite:///{folder}/nowhere/books.db", 3, "make its folder"),
        ("sqlite:///{folder}/text", 3, "name another file"),
        ("postgresql://us:secret@127.0.0.1:1/books", 3, "check the address"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_one_line(address, status, told, tmp_path):
    (tmp_path / "text").write_text("no database")

    left = sim("serve", "--port", 0, "--db", address.format(folder=tmp_path))

    assert left.returncode == status
    assert told in left.stderr
    assert left.stderr.count("\n") == 1
    assert "secret" not in left.stderr
    assert (tmp_path / "text").read_text() == "no database"


# ----------------------------------------------------------------------------- who is believed


KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
    "kid": "s1",
}
ISSUER = {"issuer": "https://login.example", "audience": "loanrange", "jwks": {"keys": [KEY]}}


def test_a_file_says_whose_tokens_are_believed(tmp_path):
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"staff": ISSUER, "fronts": {"mobile_bank": ISSUER}}))

    believed = believed_in(path)

    assert believed.staff.issuer.name == "https://login.example"
    assert [*believed.fronts.issuers] == [Front.MOBILE_BANK]
    assert believed.fronts is not believed.fronts  # each platform remembers its own tickets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "line 1"),
        ("[]", "holds no object"),
        ('{"stuff": {}}', "did you mean 'staff'?"),
        (json.dumps({"staff": ISSUER | {"jwks": {"keys": []}}}), "cannot be used"),
        (json.dumps({"fronts": {"tavern": ISSUER}}), "tavern"),
    ],
)
def test_a_file_of_issuers_that_is_wrong_is_one_clear_error(tmp_path, text, said):
    path = tmp_path / "issuers.json"
    path.write_text(text)

    with pytest.raises(InputError, match=re.escape(said)):
        believed_in(path)


# ---------------------------------------------------------------------------------- pictures


def test_pictures_are_kept_sealed_and_are_shown_to_nobody_who_reads_the_folder(tmp_path):
    with serving("--objects", tmp_path) as served:

        async def loan():
            async with RemoteHost(served.said["address"], "sealed", seed=7) as host:
                person = await host.person("daopu", holds_card=False)
                program = host.mini_program(person, "daopu", amount_fen=200_000)
                return person, await program.journey("daopu-household")

        person, ending = asyncio.run(loan())

    kept = [path for path in tmp_path.rglob("*") if path.is_file() and "pictures" in path.parts]
    assert ending.outcome == "done"
    # Both sides of the card, and a face at four steps: frames that are equal are one object.
    assert len(kept) >= 3
    assert not any(person.key.encode() in path.read_bytes() for path in kept)
    assert [path.name for path in tmp_path.glob("sealed-1/keys/*.json")] == ["daopu.json"]
