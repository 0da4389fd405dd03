"""The proxy before served mocks and before bad servers; what was recorded, served and checked."""

from __future__ import annotations

import csv
import json
import threading
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from core.errors import InputError, MachineError
from core.identity import IdNumber
from mocks.line import recorded_latencies
from mocks.proxy.golden import check, golden
from mocks.proxy.latencies import operation_of, write_latencies
from mocks.proxy.masks import MARK, Pseudonyms
from mocks.proxy.recorder import EXCHANGES, HEAD
from mocks.proxy.recording import load
from mocks.proxy.upstream import Target
from mocks.rest_app import rest_app
from mocks.rest_values import CODE_EXAMPLE
from scenarios.stack import app_of
from tests.mocks.proxy_kit import (
    GARBAGE,
    KEY,
    BadUpstream,
    Saying,
    answering,
    client,
    recording,
    replaying,
    reset,
    unused_port,
)
from tests.mocks.rest_kit import CODE, serving, tenants

LOOK_UP = "/registry/v1/look_up"
# Two people, invented: no division of a province has these numbers.
LI, WANG, HE = (
    first17 + IdNumber.check_digit(first17)
    for first17 in ("32990019870101001", "32990019900101003", "32990019920202002")
)
JPEG = b"\xff\xd8\xff\xe0" + bytes(200)


@pytest.fixture
def rec(tmp_path):
    """A recorder before the business register of ours."""
    with serving(rest_app(tenants())) as up, recording(up, tmp_path / "r") as recorded:
        yield recorded


@pytest.fixture
def saying():
    """What an upstream is to say, and its address."""
    app = Saying()
    with serving(app) as address:
        app.address = address
        yield app


def told(saying, body, status=200):
    """Set what the upstream says next."""
    saying.status, saying.body = status, json.dumps(body, ensure_ascii=False).encode()


# What passes


def test_what_passes_is_not_changed(saying, tmp_path):
    saying.headers = [(b"x-many", b"1"), (b"x-many", b"2"), (b"content-type", b"text/plain")]
    saying.body = "样本".encode("gbk")
    sent = {"x-sign": "a=b", "content-type": "text/xml", "host": "localhost"}
    base = f"{saying.address}/base"
    with recording(base, tmp_path / "r") as recorded, client(recorded.address) as asks:
        answer = asks.post("/a%2Fb//c?q=%E6%A0%B7&q=+&flag", content=GARBAGE, headers=sent)
    ((scope, body),) = saying.heard

    assert (answer.status_code, answer.content) == (200, saying.body)
    assert answer.headers.get_list("x-many") == ["1", "2"]
    assert (scope["raw_path"], scope["query_string"]) == (
        b"/base/a%2Fb//c",
        b"q=%E6%A0%B7&q=+&flag",
    )
    heard = dict(scope["headers"])
    assert (heard[b"x-sign"], heard[b"content-type"]) == (b"a=b", b"text/xml")
    assert heard[b"host"].decode() == saying.address.removeprefix("http://")
    assert body == GARBAGE


def test_our_own_mock_answers_through_the_proxy_as_it_does_itself(rec):
    with client(rec.target) as direct, client(rec.address) as asks:
        for body in ({"code": CODE.text}, {"code": CODE_EXAMPLE}, {"code": "x"}, {}):
            one, other = (each.post(LOOK_UP, json=body) for each in (direct, asks))
            assert (one.status_code, one.json()) == (other.status_code, other.json())


def test_an_exchange_is_kept_before_its_client_has_the_answer(rec):
    with client(rec.address) as asks:
        for count in range(1, 6):
            asks.post(LOOK_UP, json={"code": CODE.text})
            assert [each["exchange"] for each in rec.exchanges] == list(range(1, count + 1))


def test_many_at_once_are_all_kept_each_with_its_own_answer(saying, tmp_path):
    with recording(saying.address, tmp_path / "r") as recorded:
        with client(recorded.address) as asks, ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: asks.get("/x", params={"state": f"v{n}"}), range(64)))
        asked = {each["request"]["query"][0][1] for each in recorded.exchanges}

    assert asked == {f"v{n}" for n in range(64)}


def test_what_is_kept_has_no_value_of_anybody(rec):
    with client(rec.address) as asks:
        answer = asks.post(LOOK_UP, json={"code": CODE.text}).json()
        assert answer["person"]
        asks.post(LOOK_UP, json={"code": CODE.text}, headers={"X-Api-Key": "Sk3cr3tOfTheirs99"})
    kept = rec.text()

    for secret in (CODE.text, answer["person"], answer["name"], "Sk3cr3tOfTheirs99"):
        assert secret not in kept
    asked, answered = (rec.exchanges[0][each]["body"]["value"] for each in ("request", "answer"))
    assert answered["state"] == answer["state"]
    assert set(answered) == set(answer)
    assert asked["code"][:2] == CODE.text[:2]


def test_the_time_that_the_endpoint_took_is_kept(tmp_path):
    def late(line):
        threading.Event().wait(0.2)
        answering(b"{}")(line)

    with BadUpstream(late) as up, recording(up.address, tmp_path / "r") as recorded:
        with client(recorded.address) as asks:
            asks.get("/")
        assert recorded.exchanges[0]["latency_ms"] >= 200


def test_a_client_that_takes_it_for_its_http_proxy_keeps_the_host_it_signed(saying, tmp_path):
    with recording(saying.address, tmp_path / "r") as recorded:
        address = recorded.address
        with httpx.Client(proxy=address, trust_env=False) as asks:
            assert asks.get(f"{saying.address}/a?b=1").status_code == 200
    ((scope, _),) = saying.heard

    assert (scope["path"], scope["query_string"]) == ("/a", b"b=1")


def called(keys, endpoint, **where):
    """Call an action of Tencent Cloud with the vendor's own SDK, which signs the Host."""
    http = HttpProfile(protocol="http", endpoint=endpoint.removeprefix("http://"), **where)
    credential, profile = (
        Credential(keys.secret_id, keys.secret_key),
        ClientProfile(httpProfile=http),
    )
    client = CommonClient("faceid", "2018-03-01", credential, "ap-guangzhou", profile)
    asked = {"Mobile": "13900001234", "Name": "李明"}
    return client.call_json("CheckPhoneAndName", asked)["Response"]


def test_the_vendors_own_sdk_is_recorded_and_replayed(tmp_path):
    world = tenants()
    keys = world.default.credentials
    with serving(app_of(world)) as up, recording(up, tmp_path / "r") as kept:
        answer = called(keys, up, proxy=kept.address)
        for secret in ("13900001234", "李明", keys.secret_id, "Signature=", answer["RequestId"]):
            assert secret not in kept.text()
    with replaying(tmp_path / "r") as (address, _):
        again = called(keys, address)

    assert again["Result"] == answer["Result"] == "-1"
    assert set(again) == set(answer)


def test_what_is_meant_for_another_host_is_sent_nowhere(saying, tmp_path):
    with recording(saying.address, tmp_path / "r") as recorded, client(recorded.address) as asks:
        answer = asks.get("/", headers={"host": "another.example"})

        assert (answer.status_code, saying.heard, recorded.exchanges) == (421, [], [])
        assert "sends nothing elsewhere" in answer.json()["detail"]


# What fails


def cut(line):
    line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n" + b'{"Resp')
    line.close()


def garble(line):
    line.sendall(GARBAGE)
    line.close()


def hang_up(line):
    line.close()


@pytest.mark.parametrize(
    ("act", "outcome", "detail"),
    [
        (reset, "ConnectionLost", "ReadError"),
        (hang_up, "ConnectionLost", "RemoteProtocolError"),
        (garble, "Unreadable", "NoHttp"),
        (cut, "Unreadable", "BrokenOff"),
    ],
)
def test_an_endpoint_that_fails_fails_here_and_again_when_replayed(tmp_path, act, outcome, detail):
    with BadUpstream(act) as up, recording(up.address, tmp_path / "r") as recorded:
        with client(recorded.address) as asks, pytest.raises(httpx.TransportError):
            asks.post("/pay", json={"state": "open"})
        (kept,) = recorded.exchanges

    assert (kept["outcome"], kept["detail"]) == (outcome, detail)
    assert (kept["answer"] is None) == (act is not cut)
    with replaying(tmp_path / "r") as (address, _), client(address) as asks:
        if act is garble:
            assert b"garbage" in asks.post("/pay", json={"state": "open"}).content
        else:
            with pytest.raises(httpx.TransportError):
                asks.post("/pay", json={"state": "open"})


def test_silence_is_silence_until_it_is_too_long(tmp_path):
    with (
        BadUpstream(lambda line: None) as up,
        recording(up.address, tmp_path / "r", silence_s=0.2) as recorded,
    ):
        with client(recorded.address) as asks, pytest.raises(httpx.TransportError):
            asks.get("/")
        (kept,) = recorded.exchanges

    assert (kept["outcome"], kept["detail"], kept["answer"]) == ("TimedOut", "Silence", None)
    assert kept["latency_ms"] >= 190


def test_a_client_that_gives_up_is_kept_as_such(tmp_path):
    kept = threading.Event()
    with BadUpstream(lambda line: None) as up, recording(up.address, tmp_path / "r") as recorded:
        with client(recorded.address, timeout=0.2) as asks, pytest.raises(httpx.ReadTimeout):
            asks.get("/")
        while not recorded.exchanges:
            assert not kept.wait(0.01)

        assert recorded.exchanges[0]["detail"] == "ClientGone"


def test_an_endpoint_where_nobody_listens_is_a_broken_connection(tmp_path):
    nowhere = f"http://127.0.0.1:{unused_port()}"
    with recording(nowhere, tmp_path / "r") as recorded:
        with client(recorded.address) as asks, pytest.raises(httpx.TransportError):
            asks.get("/")
        assert recorded.exchanges[0]["outcome"] == "Unreachable"


def test_a_body_that_nobody_takes_is_refused_in_words(saying, tmp_path, monkeypatch):
    monkeypatch.setattr("mocks.proxy.app.BODY_MAX", 100)
    monkeypatch.setattr("mocks.proxy.upstream.BODY_MAX", 100)
    with recording(saying.address, tmp_path / "r") as recorded, client(recorded.address) as asks:
        assert asks.post("/", content=b"x" * 101).status_code == 413
        saying.body = b"x" * 101
        assert asks.get("/").status_code == 502
        assert recorded.exchanges[0]["detail"] == "TooLong"


@pytest.mark.parametrize(("status", "outcome"), [(404, "answered"), (429, "QuotaExceeded")])
def test_a_no_is_an_answer_and_a_spent_quota_none(saying, tmp_path, status, outcome):
    told(saying, {"code": "No"}, status)
    with recording(saying.address, tmp_path / "r") as recorded, client(recorded.address) as asks:
        assert asks.get("/").status_code == status
        assert recorded.exchanges[0]["outcome"] == outcome


@pytest.mark.parametrize(
    "text",
    ["ftp://host", "host", "https://", "https://u:p@host", "https://host/?k=v", "http://a:b"],
)
def test_a_target_that_is_none_is_told(text):
    with pytest.raises(InputError, match="--target"):
        Target.read(text)


# Replay


@pytest.fixture
def recorded(saying, tmp_path):
    """Return what records a few exchanges with an upstream, and tells where they lie."""

    def run(*exchanges, **how):
        with recording(saying.address, tmp_path / "r", **how) as kept, client(kept.address) as asks:
            for (path, body), answer in exchanges:
                told(saying, answer)
                asks.post(path, json=body)
        return tmp_path / "r"

    return run


def test_whoever_asks_what_was_asked_is_told_what_was_told_of_whom_they_ask(recorded):
    folder = recorded(
        (
            ("/check", {"Name": "李明", "IdCard": LI, "Serial": "2020071500012345"}),
            {"Result": "0", "Who": f"李明/{LI}", "Serial": "2020071500012345", "IdCard": LI},
        )
    )
    asked = {"Serial": "2020071600099999", "IdCard": WANG, "Name": "王芳"}
    with replaying(folder) as (address, app), client(address) as asks:
        answer = asks.post("/check", json=asked)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told_of = {"Serial": "2020071600099999", "IdCard": WANG}
    assert answer.json() == {"Result": "0", "Who": answer.json()["Who"], **told_of}
    assert WANG in answer.json()["Who"]
    assert (app.served, app.missed) == (1, 0)


def test_answers_to_one_question_come_in_their_order_and_the_last_again(recorded):
    states = ("pending", "pending", "done")
    folder = recorded(*((("/state", {"Key": "k-123456"}), {"state": each}) for each in states))
    with replaying(folder) as (address, _), client(address) as asks:
        seen = [asks.post("/state", json={"Key": "k-123456"}).json()["state"] for _ in range(5)]

    assert seen == ["pending", "pending", "done", "done", "done"]


TWO = (
    (("/check", {"IdCard": LI}), {"Result": "MATCH"}),
    (("/check", {"IdCard": WANG}), {"Result": "DIFFERENT"}),
)


def test_with_the_masks_each_person_has_their_own_answer(recorded):
    folder = recorded(*TWO)
    masks = [each.request.body.value["IdCard"] for each in load(folder).exchanges]
    with replaying(folder) as (address, _), client(address) as asks:
        seen = [asks.post("/check", json={"IdCard": each}).json() for each in (*masks, *masks)]

    assert [each["Result"] for each in seen] == ["MATCH", "DIFFERENT"] * 2


def test_with_the_key_so_do_real_values_and_strangers_have_none(recorded):
    folder = recorded(*TWO)
    with replaying(folder, Pseudonyms(KEY)) as (address, _), client(address) as asks:
        for _ in range(2):
            assert asks.post("/check", json={"IdCard": WANG}).json() == {"Result": "DIFFERENT"}
            assert asks.post("/check", json={"IdCard": LI}).json() == {"Result": "MATCH"}
        miss = asks.post("/check", json={"IdCard": HE})

    assert miss.status_code == 404
    assert "about somebody else" in miss.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "place", "said"),
    [
        ("/chekc", {"IdCard": LI, "type": "A"}, "path", "/chekc"),
        ("/check", {"IdCard": LI, "type": "B"}, "$.type", "'B'"),
        ("/check", {"IdCard": LI}, "$.type", "nothing"),
        ("/check", {"IdCard": LI, "type": "A", "more": 1}, "$.more", "an integer"),
        ("/check", {"IdCard": "12", "type": "A"}, "$.IdCard", "a text"),
        ("/check", {"IdCard": [LI], "type": "A"}, "$.IdCard", "an array"),
    ],
)
def test_what_was_not_recorded_is_told_where_it_differs_and_nothing_of_anybody(
    recorded, path, body, place, said
):
    folder = recorded(
        (("/other", {"a": 1}), {}), (("/check", {"IdCard": LI, "type": "A"}), {"Result": "0"})
    )
    with replaying(folder) as (address, app), client(address) as asks:
        miss = asks.post(path, json=body)
    problem = miss.json()

    assert (miss.status_code, miss.headers["content-type"]) == (404, "application/problem+json")
    assert (problem["nearest"], app.missed) == (2, 1)
    assert [(each["path"], each["ours"]) for each in problem["differences"]] == [(place, said)]
    assert f"exchange 2: {place}: recorded" in problem["detail"]
    assert LI not in miss.text


def test_a_picture_is_another_one_and_one_value_is_one_picture(saying, tmp_path):
    asked, answered = (b64encode(JPEG + each).decode() for each in (b"asked", b"told"))
    told(saying, {"Photo": answered, "Again": answered, "Echo": asked})
    with recording(saying.address, tmp_path / "r") as kept, client(kept.address) as asks:
        asks.post("/card", json={"ImageBase64": asked, "CardSide": "FRONT"})
        held = kept.exchanges[0]["request"]["body"]["value"]
        assert MARK.fullmatch(held["ImageBase64"])
        assert asked not in kept.text()
        assert answered not in kept.text()
    with replaying(tmp_path / "r") as (address, _), client(address) as asks:
        other = b64encode(JPEG + b"other").decode()
        answer = asks.post("/card", json={"ImageBase64": other, "CardSide": "FRONT"}).json()

    assert answer["Echo"] == other
    assert answer["Photo"] == answer["Again"]
    assert b64decode(answer["Photo"]).startswith(b"\x89PNG")


def test_our_own_mock_replayed_answers_what_it_answered(rec):
    with client(rec.address) as asks:
        first = asks.post(LOOK_UP, json={"code": CODE.text}).json()
        nobody = asks.post(LOOK_UP, json={"code": CODE_EXAMPLE}).json()
    with replaying(rec.folder, Pseudonyms(KEY)) as (address, _), client(address) as asks:
        assert asks.post(LOOK_UP, json={"code": CODE.text}).json()["state"] == first["state"]
        assert asks.post(LOOK_UP, json={"code": CODE_EXAMPLE}).json() == nobody


# Golden vectors


def differing(folder, url, **headers):
    """Return what differs, as (exchange, path)."""
    found = check(golden(load(folder)), url, headers)
    return [(vector.number, each.path) for vector, rows in found for each in rows]


def test_a_recording_is_alike_to_its_own_replay_and_to_its_source(rec):
    with client(rec.address) as asks:
        for code in (CODE_EXAMPLE, CODE_EXAMPLE[:17] + "0", "", 5, None):
            asks.post(LOOK_UP, json={"code": code})
        asks.get(LOOK_UP)
    with replaying(rec.folder) as (address, _):
        assert differing(rec.folder, address) == []
    with serving(rest_app(tenants())) as address:
        assert differing(rec.folder, address) == []


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        ({"code": "E2", "day": "2020-01-01", "n": 1, "who": "李"}, "$.code"),
        ({"code": "E1", "day": "2020/01/01", "n": 1, "who": "李"}, "$.day"),
        ({"code": "E1", "day": "2020-01-01", "n": "1", "who": "李"}, "$.n"),
        ({"code": "E1", "day": "2020-01-01", "n": 1}, "$.who"),
        ({"code": "E1", "day": "2020-01-01", "n": 1, "who": "李", "x": 1}, "$.x"),
        ([], "$"),
    ],
)
def test_each_field_that_differs_is_told(recorded, saying, ours, place):
    folder = recorded(
        (("/a", {"q": 1}), {"code": "E1", "day": "2021-02-03", "n": 2, "who": "王芳"})
    )
    told(saying, {"code": "E1", "day": "1999-12-31", "n": 3, "who": "张三"})
    assert differing(folder, saying.address) == []
    told(saying, ours)

    assert differing(folder, saying.address) == [(1, place)]


def test_a_status_a_media_type_and_a_broken_answer_differ(recorded, saying):
    folder = recorded((("/a", {"q": 1}), {"code": "E1"}))
    told(saying, {"code": "E1"}, 201)
    assert differing(folder, saying.address) == [(1, "status")]
    saying.status, saying.headers = 200, [(b"content-type", b"text/html")]
    assert differing(folder, saying.address) == [(1, "header content-type")]
    with BadUpstream(reset) as bad:
        assert differing(folder, bad.address) == [(1, "answer")]


def test_it_asks_with_masks_pictures_parts_and_the_headers_that_it_is_given(saying, tmp_path):
    with recording(f"{saying.address}/v1", tmp_path / "r") as kept, client(kept.address) as asks:
        parts = {"file": ("card.jpg", JPEG, "image/jpeg")}
        asks.post("/up load?q=李明", data={"name": "李明"}, files=parts, headers={"X-Key": "k1"})
    saying.heard.clear()

    assert differing(tmp_path / "r", saying.address, **{"X-Key": "mine"}) == []
    ((scope, body),) = saying.heard
    headers = dict(scope["headers"])
    assert scope["raw_path"].startswith(b"/")
    assert (headers[b"x-key"], b"boundary=" in headers[b"content-type"]) == (b"mine", True)
    assert b'name="file"' in body
    assert b"\x89PNG" in body
    assert "样".encode() in body
    assert JPEG not in body


def test_an_endpoint_to_be_checked_where_nobody_listens_is_the_machines_fault(recorded):
    folder = recorded((("/a", {}), {}))

    with pytest.raises(MachineError, match="start what is to be checked"):
        differing(folder, f"http://127.0.0.1:{unused_port()}")


# Latencies


def test_latencies_are_a_profile_by_operation(recorded, tmp_path):
    folder = recorded(
        (("/corebank/v1/transfer", {}), {}),
        (("/corebank/v1/transfer", {}), {}),
        (("/accounts/6217/holds", {}), {}),
    )
    by_operation = write_latencies(load(folder).exchanges, folder)

    assert list(by_operation) == ["POST /accounts/*/holds", "POST /corebank/v1/transfer"]
    assert len(recorded_latencies(folder / "latency.csv")) == 3
    one = folder / "latency" / "POST-corebank-v1-transfer.csv"
    assert list(recorded_latencies(one)) == by_operation["POST /corebank/v1/transfer"]
    with (folder / "latency.csv").open(newline="") as file:
        assert [row["exchange"] for row in csv.DictReader(file)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("path", "headers", "operation"),
    [
        ("/", {"X-TC-Action": "CheckPhoneAndName"}, "carrier.CheckPhoneAndName"),
        ("/", {"X-TC-Action": "IDCardOCR"}, "ocr.IDCardOCR"),
        ("/", {"X-TC-Action": "TextToVoice"}, "TextToVoice"),
        ("/?Action=IDCardOCR&Nonce=1234567", {}, "ocr.IDCardOCR"),
        ("/soap", {"SOAPAction": '"urn:bank/GetAccount"'}, "urn:bank/GetAccount"),
        ("/sns/jscode2session?js_code=a", {}, "POST /sns/jscode2session"),
        (f"/people/{LI}", {}, "POST /people/*"),
        ("/", {}, "POST /"),
    ],
)
def test_the_operation_is_told_by_action_or_by_path(saying, tmp_path, path, headers, operation):
    with recording(saying.address, tmp_path / "r") as kept, client(kept.address) as asks:
        asks.post(path, headers=headers)

    (exchange,) = load(tmp_path / "r").exchanges
    assert operation_of(exchange.request) == operation


# Recordings that are none


def test_a_torn_last_line_is_told_and_passed_over(recorded):
    folder = recorded((("/a", {}), {}), (("/a", {}), {}))
    path = folder / EXCHANGES
    path.write_bytes(path.read_bytes()[:-7])
    found = load(folder)

    assert (len(found.exchanges), found.torn) == (1, True)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (HEAD, '{"version": 2, "target": "x"}', "is of version 2, and this program reads"),
        (HEAD, "[]", "is no head of a recording"),
        (HEAD, None, "holds no recording.json"),
        (EXCHANGES, None, "holds no exchanges.jsonl"),
        (EXCHANGES, "", "has no exchange"),
        (EXCHANGES, '{"exchange": 1}\n', "line 1 is no exchange"),
        (EXCHANGES, "\n\n", "line 1 is no exchange"),
    ],
)
def test_a_folder_that_is_no_recording_is_told(recorded, name, content, problem):
    folder = recorded((("/a", {}), {}))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)

    with pytest.raises(InputError) as wrong:
        load(folder)
    assert problem in str(wrong.value).replace(":", "")
