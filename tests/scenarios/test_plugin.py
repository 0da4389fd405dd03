"""The pytest plugin, as somebody else's tests use it: a pytest of its own runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0
# Only the plugin of this house: loading all that is installed takes longer than the tests.
ALONE = {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def pytest_of(tmp_path, text, *words):
    """Run somebody's tests with the plugin; return what pytest printed, and its status."""
    (tmp_path / "test_theirs.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "scenarios.plugin", "-q", "-W", "error"]
    done = subprocess.run(
        [*command, *words, "test_theirs.py"],
        cwd=tmp_path,
        env={**os.environ, **ALONE},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


def passes(tmp_path, text, count, *words):
    told, status = pytest_of(tmp_path, text, *words)
    assert status == 0, told
    assert f"{count} passed" in told, told


IN_PROCESS = """
import asyncio

import httpx
import pytest


def log_in(mocks, code, client=httpx):
    asked = {
        "appid": mocks.keys["appid"],
        "secret": mocks.keys["app_secret"],
        "js_code": code,
        "grant_type": "authorization_code",
    }
    return client.get("https://api.weixin.qq.com/sns/jscode2session", params=asked)


def test_a_client_that_blocks_reaches_the_vendors_host_name(mocks):
    person = mocks.person()
    assert log_in(mocks, mocks.login_code(person)).json()["openid"] == person["openid"]


def test_a_client_that_does_not_block_reaches_it_too(mocks):
    person = mocks.person()

    async def run():
        async with httpx.AsyncClient() as client:
            return await asyncio.gather(
                *(log_in(mocks, mocks.login_code(person), client) for _ in range(5))
            )

    assert {answer.json()["openid"] for answer in asyncio.run(run())} == {person["openid"]}


def test_no_other_host_is_reached(mocks):
    with pytest.raises(Exception, match="example.com"):
        httpx.get("https://example.com/")


def test_an_answer_is_set_in_one_line(mocks):
    mocks.answer("wechat.login", "blocked", times=1)
    person = mocks.person()
    code = mocks.login_code(person)
    assert log_in(mocks, code).json()["errcode"] == 40226
    assert log_in(mocks, code).json()["openid"] == person["openid"]
    mocks.verify(wechat_login=2, wechat=2, ocr=0)


def test_a_count_that_is_wrong_says_what_was_asked(mocks):
    log_in(mocks, "x")
    with pytest.raises(AssertionError, match="wechat_login was asked 1 times, not 2"):
        mocks.verify(wechat_login=2)


@pytest.mark.parametrize(
    ("kind", "phase", "error"),
    [
        ("reset", "before", httpx.ReadError),
        ("reset", "mid_response", httpx.RemoteProtocolError),
        ("drop", "after_commit", httpx.ReadTimeout),
    ],
)
def test_a_line_that_fails_is_raised_as_httpx_would(mocks, kind, phase, error):
    mocks.fault("wechat", kind, phase=phase)
    mocks.resume(100_000)
    with httpx.Client(timeout=0.5) as client, pytest.raises(error):
        log_in(mocks, "x", client)


def test_the_clock_is_moved_in_one_line(mocks):
    code = mocks.login_code(mocks.person())
    mocks.advance(301)
    assert log_in(mocks, code).json()["errcode"] == 40029


def test_what_is_wrong_is_told_with_the_nearest_right_name(mocks):
    with pytest.raises(ValueError, match="did you mean 'blocked'"):
        mocks.answer("wechat.login", "bloked")
    with pytest.raises(ValueError, match="did you mean 'card_expired'"):
        mocks.person(card_expird=True)


def test_people_are_made_as_they_are_wanted(mocks):
    from datetime import date

    person = mocks.person(listed="hit", birth=date(2000, 2, 29), card_expired=True)
    assert person["id_number"][6:14] == "20000229"
    assert {why["reason"] for why in person["truth"]} == {"NAME_LIST_HIT", "ID_EXPIRED"}
"""

VERIFIED = """
import httpx
import pytest

FLOW = ["wechat.login", "corebank.customer"]


def log_in(mocks):
    code = mocks.login_code(mocks.person())
    asked = {"appid": mocks.keys["appid"], "secret": mocks.keys["app_secret"], "js_code": code}
    asked["grant_type"] = "authorization_code"
    told = httpx.get("https://api.weixin.qq.com/sns/jscode2session", params=asked)
    assert "openid" in told.json()


def ask_bank(mocks, person):
    body = {"bank": person["bank"], "name": person["name"], "number": person["id_number"]}
    told = httpx.post("https://corebank.loanrange.test/corebank/v1/customer", json=body)
    told.raise_for_status()


def test_calls_are_verified_in_one_line(mocks):
    person = mocks.person()
    log_in(mocks)
    ask_bank(mocks, person)
    mocks.verify_calls(FLOW, in_order=True, nothing_extra=True)
    mocks.verify_calls([{"operation": "corebank", "about": person["id_number"], "times": 1}])
    mocks.verify_calls(FLOW[:1], nothing_extra=True, provider="wechat")


def test_what_is_wrong_is_all_told_with_the_nearest_miss(mocks):
    person = mocks.person()
    ask_bank(mocks, person)
    log_in(mocks)
    expected = [*FLOW, {"operation": "wechat.login", "seen": "used"}]
    with pytest.raises(AssertionError) as wrong:
        mocks.verify_calls(expected, in_order=True, nothing_extra=True)
    early, missing = str(wrong.value).splitlines()
    assert early.startswith("expected[1] corebank.customer: out of order, #1 corebank.customer")
    assert missing.startswith("expected[2] wechat.login seen used: never came; nearest: #2 ")
    assert missing.endswith("seen 'ok' instead of 'used', which is expected[0]")
    assert person["id_number"] not in str(wrong.value)


def test_that_nothing_was_asked_is_verified_in_one_line(mocks):
    mocks.verify_calls(nothing_extra=True)
    log_in(mocks)
    with pytest.raises(AssertionError, match="not expected: #1 wechat.login"):
        mocks.verify_calls(nothing_extra=True)


def test_only_what_came_since_is_verified_where_that_is_asked(mocks):
    log_in(mocks)
    mocks.advance(1)
    since_s = mocks.clock()["now_s"]
    ask_bank(mocks, mocks.person())
    mocks.verify_calls(["corebank.customer"], since_s=since_s, nothing_extra=True)


@pytest.mark.parametrize(
    ("expected", "said", "nearest"),
    [
        (["wechat.logn"], {}, "wechat.login"),
        ([{"operation": "wechat.login", "time": 1}], {}, "times"),
        (FLOW, {"inorder": True}, "in_order"),
    ],
)
def test_a_wrong_expectation_is_no_failed_one(mocks, expected, said, nearest):
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'"):
        mocks.verify_calls(expected, **said)


def test_all_is_put_back_as_it_was(mocks):
    log_in(mocks)
    mocks.snapshot()
    mocks.snapshot("later")
    log_in(mocks)
    mocks.advance(days=3)
    mocks.fault("wechat", "5xx")
    for name in ("base", "later", "base"):
        mocks.restore(name)
        mocks.verify_calls(["wechat.login"], nothing_extra=True)
        assert mocks.clock()["date"] == "2020-07-01"
        log_in(mocks)
    with pytest.raises(ValueError, match="did you mean 'later'"):
        mocks.restore("latr")
"""

SDK = """
from base64 import b64encode

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ocr.v20181119 import models, ocr_client


def test_the_vendors_own_sdk_reads_a_card(mock_server):
    person = mock_server.person()
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=mock_server.endpoint))
    told = Credential(mock_server.keys["secret_id"], mock_server.keys["secret_key"])
    request = models.IDCardOCRRequest()
    request.ImageBase64 = b64encode(mock_server.picture(person)).decode()
    card = ocr_client.OcrClient(told, "ap-guangzhou", profile).IDCardOCR(request)
    assert (card.Name, card.IdNum) == (person["name"], person["id_number"])
    mock_server.verify(ocr_card_front=1)
    assert mock_server.invoice() == {"ocr.card_front": 1}
"""

SIDE_BY_SIDE = """
import httpx
import pytest

SEEN = set()


@pytest.mark.parametrize("number", range(20))
def test_nobody_meets_anybody(mocks, number):
    assert mocks.calls() == []
    assert mocks.clock()["date"] == "2020-07-01"
    assert mocks.tenant not in SEEN
    SEEN.add(mocks.tenant)
    mocks.answer("carrier.state", "suspended")
    mocks.advance(days=number)
    httpx.get("https://api.weixin.qq.com/sns/jscode2session", params={
        "appid": mocks.keys["appid"], "secret": mocks.keys["app_secret"],
        "js_code": "x", "grant_type": "authorization_code"})
    mocks.verify(wechat=1)
"""


def test_httpx_clients_are_answered_in_process_at_the_vendors_host_names(tmp_path):
    passes(tmp_path, IN_PROCESS, 11)


def test_calls_are_verified_and_put_back_through_the_control_plane(tmp_path):
    passes(tmp_path, VERIFIED, 8)


def test_a_failed_verification_is_printed_without_the_plugins_own_lines(tmp_path):
    text = "def test_it(mocks):\n    mocks.verify_calls(['ocr.card_front'])\n"

    told, status = pytest_of(tmp_path, text)

    assert status == 1
    assert "E       AssertionError: expected[0] ocr.card_front: never came" in told
    assert "plugin.py" not in told


def test_the_vendors_sdk_is_answered_on_a_port(tmp_path):
    passes(tmp_path, SDK, 1)


def test_tests_that_run_side_by_side_never_meet(tmp_path):
    passes(tmp_path, SIDE_BY_SIDE, 20, "-p", "xdist", "-n", "2")


def test_a_seed_gives_the_same_people(tmp_path):
    text = "def test_it(mocks):\n    print(mocks.person()['name'], mocks.keys['appid'])\n"
    first, second, other = (
        pytest_of(tmp_path, text, "-s", "--loanrange-seed", seed)[0].splitlines()[0]
        for seed in ("11", "11", "12")
    )

    assert first == second
    assert first != other
