"""Tencent Cloud FaceID on the wire: the four checks that ask the carriers, result by result."""

from __future__ import annotations

import asyncio

import pytest
from tencentcloud.faceid.v20180301 import faceid_client_async, models
from tencentcloud.faceid.v20180301.faceid_client import FaceidClient

from core.ports.carrier import (
    Mismatch,
    NameAnswer,
    NameQuery,
    Operator,
    OwnerAnswer,
    PhoneState,
    PhoneVerdict,
    SinceAnswer,
    StateAnswer,
)
from mocks.carrier.server import NAME_RESULTS, OWNER_RESULTS, SINCE_RESULTS, STATE_RESULTS
from tests.mocks.tencent_kit import server, stand

__all__ = ["server", "stand"]  # fixtures

NAME, OWNER = "CheckPhoneAndName", "PhoneVerification"
STATE, SINCE = "MobileStatus", "MobileNetworkTimeVerification"
V = PhoneVerdict
ANY = {"Mobile": "13800000000"}
THREE = {"Phone": "13800000000", "Name": "李明", "IdCard": "11010519491231002X"}


def three(person, **said):
    asked = {"Phone": person.phone.text, "Name": person.name, "IdCard": person.id_number.text}
    return {**asked, **said}


# The result of every verdict, by the vendor's tables.


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (V.SAME, "0"),
        (V.DIFFERENT, "1"),
        (V.NO_RECORD, "-1"),
        (V.BUSY, "-3"),
        (V.BAD_NAME, "-4"),
        (V.BAD_NUMBER, "-5"),
        (V.DAILY_LIMIT, "-6"),
        (V.SEGMENT_UNSUPPORTED, "-13"),
    ],
)
def test_two_elements_have_a_result_for_every_verdict(stand, verdict, result):
    stand.says("carrier", name_matches=NameAnswer(verdict))
    told = stand.ask(NAME, {**ANY, "Name": "李明"})

    assert told["Result"] == result
    assert told["Description"]
    assert bool(stand.tenant.billed) is (result in ("0", "1"))


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (V.SAME, "0"),
        (V.DIFFERENT, "-4"),
        (V.BAD_NUMBER, "-6"),
        (V.BAD_NAME, "-8"),
        (V.NO_RECORD, "-9"),
        (V.BUSY, "-11"),
        (V.DAILY_LIMIT, "-12"),
        (V.SEGMENT_UNSUPPORTED, "-13"),
    ],
)
def test_three_elements_have_a_result_for_every_verdict(stand, verdict, result):
    stand.says("carrier", owner_matches=OwnerAnswer(verdict))
    told = stand.ask(OWNER, THREE)

    assert (told["Result"], told["Isp"], told["ResultDetail"]) == (result, "", "")
    assert bool(stand.tenant.billed) is (result in ("0", "-4"))


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (V.SAME, "0"),
        (V.NO_RECORD, "-1"),
        (V.BAD_NUMBER, "-2"),
        (V.BUSY, "-3"),
        (V.DAILY_LIMIT, "-4"),
        (V.SEGMENT_UNSUPPORTED, "-13"),
        (V.DIFFERENT, "-3"),
        (V.BAD_NAME, "-3"),
    ],
)
def test_a_numbers_state_has_a_result_for_every_verdict(stand, verdict, result):
    stand.says("carrier", state=StateAnswer(verdict, PhoneState.UNKNOWN))
    told = stand.ask(STATE, ANY)

    assert (told["Result"], told["StatusCode"]) == (result, 99)


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (V.SAME, "0"),
        (V.BAD_NUMBER, "-1"),
        (V.NO_RECORD, "-2"),
        (V.BUSY, "-4"),
        (V.DAILY_LIMIT, "-5"),
        (V.SEGMENT_UNSUPPORTED, "-13"),
        (V.DIFFERENT, "-4"),
        (V.BAD_NAME, "-4"),
    ],
)
def test_time_on_the_network_has_a_result_for_every_verdict(stand, verdict, result):
    stand.says("carrier", since=SinceAnswer(verdict, 3, 6))
    told = stand.ask(SINCE, ANY)

    assert (told["Result"], told["Range"]) == (result, "[3,6)" if result == "0" else "")


@pytest.mark.parametrize("results", [NAME_RESULTS, OWNER_RESULTS, STATE_RESULTS, SINCE_RESULTS])
def test_no_verdict_is_left_out(results):
    assert set(results) == set(PhoneVerdict)


@pytest.mark.parametrize(
    ("mismatch", "detail"),
    [
        (Mismatch.NONE, "OtherMismatch"),
        (Mismatch.ID_CARD, "PhoneIdCardMismatch"),
        (Mismatch.NAME, "PhoneNameMismatch"),
        (Mismatch.NAME_AND_ID_CARD, "PhoneNameIdCardMismatch"),
        (Mismatch.NAME_TO_ID_CARD, "NameIdCardMismatch"),
        (Mismatch.OTHER, "OtherMismatch"),
    ],
)
def test_what_differs_is_told_in_detailed_mode_only(stand, mismatch, detail):
    stand.says("carrier", owner_matches=OwnerAnswer(V.DIFFERENT, Operator.UNICOM, mismatch))

    brief = stand.ask(OWNER, {**THREE, "VerifyMode": "0"})
    assert (brief["Result"], brief["Isp"], brief["ResultDetail"]) == ("-4", "联通", "")
    detailed = stand.ask(OWNER, {**THREE, "VerifyMode": "1"})
    assert (detailed["Isp"], detailed["ResultDetail"]) == ("联通", detail)


@pytest.mark.parametrize("state", PhoneState)
def test_every_state_has_the_vendors_code(stand, state):
    stand.says("carrier", state=StateAnswer(V.SAME, state))

    assert stand.ask(STATE, ANY)["StatusCode"] == int(state)


# The truth, by the vendor's own clients.


def test_a_ported_number_answers_with_its_serving_carrier(stand):
    li = stand.person(name="李明")
    stand.people.with_truth(li.key, operator=Operator.TELECOM)
    client = FaceidClient(stand.credential(), "", stand.profile())
    asked = models.PhoneVerificationRequest()
    asked._deserialize(three(li))

    told = client.PhoneVerification(asked)
    assert (told.Result, told.Isp, told.ResultDetail) == ("0", "电信", "")


def test_the_asynchronous_client_asks_all_four(stand):
    li = stand.person(name="李明")

    async def all_four():
        known = (stand.credential(), "", stand.profile())
        async with faceid_client_async.FaceidClient(*known) as client:

            def ask(action, **given):
                asked = getattr(models, f"{action}Request")()
                asked._deserialize(given)
                return getattr(client, action)(asked)

            number = li.phone.text
            return await asyncio.gather(
                ask(NAME, Mobile=number, Name="李明"),
                ask(OWNER, **three(li)),
                ask(STATE, Mobile=number),
                ask(SINCE, Mobile=number),
            )

    name, owner, state, since = asyncio.run(all_four())
    assert [each.Result for each in (name, owner, state, since)] == ["0"] * 4
    assert state.StatusCode == int(li.phone_state)
    assert since.Range.startswith("[")
    assert sorted(stand.calls) == [
        f"carrier.{name}" for name in ("name_matches", "owner_matches", "since", "state")
    ]
    assert sum(stand.tenant.billed.values()) == 4


@pytest.mark.parametrize(
    ("action", "asked", "result"),
    [
        (NAME, {"Mobile": "138", "Name": "李"}, "-5"),
        (NAME, {"Mobile": "", "Name": "李"}, "-5"),
        (NAME, {"Mobile": "13800000000", "Name": ""}, "-4"),
        (NAME, {"Mobile": "17000000000", "Name": "李"}, "-13"),
        (NAME, {"Mobile": "19200000000", "Name": "李"}, "-13"),
        (NAME, {"Mobile": "13800000000", "Name": "李"}, "-1"),
        (OWNER, {**THREE, "Phone": "+8613800000000"}, "-6"),
        (OWNER, {**THREE, "IdCard": "110105194912310021"}, "-7"),
        (OWNER, {**THREE, "Name": ""}, "-8"),
        (OWNER, {**THREE, "Phone": "16200000000"}, "-13"),
        (OWNER, {**THREE, "IdCard": "11010519491231002x"}, "-9"),
        (STATE, {"Mobile": "abc"}, "-2"),
        (STATE, {"Mobile": "17000000000"}, "-13"),
        (SINCE, {"Mobile": "1380000000"}, "-1"),
        (SINCE, {"Mobile": "17100000000"}, "-13"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_what_no_carrier_can_answer(stand, action, asked, result, method):
    assert stand.ask(action, asked, method=method)["Result"] == result
    assert not stand.tenant.billed


def test_that_a_number_does_not_exist_is_an_answer_and_billed(stand):
    assert stand.ask(SINCE, {"Mobile": "13800000000"})["Result"] == "-2"
    assert stand.tenant.billed == {"carrier.since": 1}


@pytest.mark.parametrize(
    ("action", "asked", "code"),
    [
        (NAME, ANY, "MissingParameter"),
        (OWNER, {"Phone": "1", "Name": "李"}, "MissingParameter"),
        (OWNER, {**THREE, "VerifyMode": "2"}, "InvalidParameterValue"),
        (OWNER, {**THREE, "VerifyMode": 1}, "InvalidParameter"),
        (OWNER, {**THREE, "EncryptList": ["Phone"]}, "FailedOperation.DecryptSystemError"),
        (OWNER, {**THREE, "EncryptList": ["Iv"]}, "InvalidParameter.UnsupportEncryptField"),
        (STATE, {}, "MissingParameter"),
        (STATE, {**ANY, "Name": "李"}, "UnknownParameter"),
        (STATE, {**ANY, "Encryption": {"EncryptList": ["Mobile"]}}, "MissingParameter"),
        (SINCE, {"Mobile": 13800000000}, "InvalidParameter"),
        (
            SINCE,
            {**ANY, "Encryption": {"EncryptList": [], "CiphertextBlob": "", "Iv": "", "X": 1}},
            "UnknownParameter",
        ),
    ],
)
def test_a_wrong_request_has_a_code(stand, action, asked, code):
    assert stand.refused(action, asked) == code


def test_an_encryption_that_encrypts_nothing_is_none(stand):
    nothing = {"EncryptList": [], "CiphertextBlob": "", "Iv": "", "Algorithm": "SM4-GCM"}

    assert stand.ask(STATE, {**ANY, "Encryption": {**nothing, "TagList": []}})["Result"] == "-1"


def test_the_behaviour_is_asked_what_the_client_asked(stand):
    said = stand.says("carrier", name_matches=NameAnswer(V.SAME))
    li = stand.person()
    stand.ask(NAME, {"Mobile": li.phone.text, "Name": "李"})

    assert said.asked == [NameQuery(li.phone, "李")]


@pytest.mark.parametrize("action", [NAME, OWNER, STATE, SINCE])
def test_every_documented_field_is_answered(stand, action):
    li = stand.person()
    asked = three(li) if action == OWNER else {"Mobile": li.phone.text}
    told = stand.ask(action, {**asked, "Name": "李"} if action == NAME else asked)

    assert set(vars(getattr(models, f"{action}Response")())) == {f"_{name}" for name in told}


def test_a_number_may_be_asked_so_often_a_business_day(stand):
    stand.tenant.behaviours["carrier"].per_day["state"] = 2
    asked = {"Mobile": stand.person().phone.text}

    assert [stand.ask(STATE, asked)["Result"] for _ in range(3)] == ["0", "0", "-4"]
    stand.clock.now_s += 86_400.0
    assert stand.ask(STATE, asked)["Result"] == "0"
