"""WeChat: a code is good once and for five minutes, a grant is good for one message."""

from __future__ import annotations

import base64

import pytest

from core.ports.wechat import (
    CodeVerdict,
    KeysVerdict,
    LoginQuery,
    MessageQuery,
    MessageVerdict,
    PhoneQuery,
    UserKeysQuery,
)
from mocks.wechat.behaviour import WeChat


@pytest.fixture
def li(make_person):
    return make_person("li")


@pytest.fixture
def wechat(make_town, li):
    return WeChat(make_town(li))


def test_a_login_code_tells_the_openid(wechat, li, trace):
    code = wechat.device_login(li.openid, "n1", 100.0)

    answer = wechat.login(trace(), LoginQuery(code), 130.0, None)

    assert (answer.verdict, answer.openid) == (CodeVerdict.OK, li.openid)
    assert len(base64.b64decode(answer.session_key)) == 16


@pytest.mark.parametrize(
    ("after_s", "verdict"),
    [(0.0, CodeVerdict.OK), (299.9, CodeVerdict.OK), (300.0, CodeVerdict.UNKNOWN)],
)
def test_a_code_is_good_for_five_minutes(wechat, li, trace, after_s, verdict):
    code = wechat.device_login(li.openid, "n1", 100.0)

    assert wechat.login(trace(), LoginQuery(code), 100.0 + after_s, None).verdict is verdict


def test_the_same_call_may_ask_again_and_no_other(wechat, li, trace):
    code = wechat.device_login(li.openid, "n1", 0.0)
    first = wechat.login(trace("a1", 1), LoginQuery(code), 1.0, None)

    again = wechat.login(trace("a1", 1, attempt=2), LoginQuery(code), 400.0, None)
    other_call = wechat.login(trace("a1", 2), LoginQuery(code), 2.0, None)
    other_customer = wechat.login(trace("a2", 1), LoginQuery(code), 2.0, None)
    other_bank = wechat.login(trace("a1", 1, bank="b02"), LoginQuery(code), 2.0, None)

    assert again == first
    assert {a.verdict for a in (other_call, other_customer, other_bank)} == {CodeVerdict.USED}


def test_minting_again_gives_the_same_code_and_does_not_renew_it(wechat, li, trace):
    code = wechat.device_login(li.openid, "n1", 0.0)

    assert wechat.device_login(li.openid, "n1", 250.0) == code
    assert wechat.device_login(li.openid, "n2", 250.0) != code
    assert wechat.login(trace(), LoginQuery(code), 301.0, None).verdict is CodeVerdict.UNKNOWN


def test_a_user_has_a_key_for_an_hour_and_the_three_newest_are_told(wechat, li, trace):
    code = wechat.device_login(li.openid, "n1", 0.0)
    key = wechat.login(trace(), LoginQuery(code), 1.0, None).session_key
    query = UserKeysQuery(li.openid, key)
    asked = [wechat.user_keys(trace(), query, hour * 3600.0, None) for hour in range(5)]

    assert [[each.version for each in answer.keys] for answer in asked] == [
        [1],
        [2, 1],
        [3, 2, 1],
        [4, 3, 2],
        [5, 4, 3],
    ]
    assert [each.left_s for each in asked[2].keys] == [3600, 0, 0]


def test_whoever_has_not_the_session_key_of_the_last_login_is_told_no_key(wechat, li, trace):
    wrong = KeysVerdict.WRONG_SIGNATURE
    keys = []
    for name in ("n1", "n2"):
        code = wechat.device_login(li.openid, name, 0.0)
        keys.append(wechat.login(trace(name), LoginQuery(code), 1.0, None).session_key)

    told = [wechat.user_keys(trace(), UserKeysQuery(li.openid, key), 2.0, None) for key in keys]
    assert [answer.verdict for answer in told] == [wrong, KeysVerdict.OK]
    nobody = wechat.user_keys(trace(), UserKeysQuery("o-nobody", ""), 2.0, None)
    assert (nobody.verdict, nobody.keys) == (wrong, ())


def test_a_phone_code_tells_the_number_and_is_no_login_code(wechat, li, trace):
    code = wechat.device_phone_code(li.openid, "n1", 0.0)

    assert wechat.login(trace(), LoginQuery(code), 1.0, None).verdict is CodeVerdict.UNKNOWN
    answer = wechat.phone(trace(), PhoneQuery(code), 1.0, None)
    assert (answer.verdict, answer.phone) == (CodeVerdict.OK, li.phone)


def test_a_blocked_customer_is_told_so_and_the_code_stays_unused(wechat, li, trace):
    code = wechat.device_login(li.openid, "n1", 0.0)
    wechat.blocked.add(li.openid)
    blocked = wechat.login(trace(), LoginQuery(code), 1.0, None)
    wechat.blocked.clear()

    assert blocked.verdict is CodeVerdict.BLOCKED
    assert wechat.login(trace(), LoginQuery(code), 2.0, None).verdict is CodeVerdict.OK


def send(wechat, trace, call, openid, template="paid"):
    query = MessageQuery(openid, template, {"amount1": "500.00"})
    return wechat.message(trace("a1", call), query, 0.0, None).verdict


def test_one_grant_is_one_message_however_often_it_is_sent(wechat, li, trace):
    wechat.grant(li.openid, "paid")

    assert send(wechat, trace, 1, li.openid) is MessageVerdict.SENT
    assert send(wechat, trace, 1, li.openid) is MessageVerdict.SENT  # the same call again
    assert send(wechat, trace, 2, li.openid) is MessageVerdict.NOT_GRANTED


def test_a_message_needs_a_grant_of_its_own_template(wechat, li, trace):
    wechat.grant(li.openid, "overdue")

    assert send(wechat, trace, 1, li.openid) is MessageVerdict.NOT_GRANTED
    assert send(wechat, trace, 1, "o-nobody") is MessageVerdict.NO_SUCH_OPENID


def test_a_lasting_grant_is_not_used_up(make_town, li, trace):
    wechat = WeChat(make_town(li), lasting=frozenset({"paid"}))
    wechat.grant(li.openid, "paid")

    assert [send(wechat, trace, call, li.openid) for call in (1, 2, 3)] == [MessageVerdict.SENT] * 3
