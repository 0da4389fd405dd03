"""The carriers over Tencent's wire: the vendor's own samples, and every code of its tables."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.identity import IdNumber, PhoneNumber
from core.ports.carrier import (
    Mismatch,
    NameAnswer,
    NameQuery,
    Operator,
    OwnerAnswer,
    OwnerQuery,
    PhoneState,
    PhoneVerdict,
    SinceAnswer,
    SinceQuery,
    StateAnswer,
    StateQuery,
)
from core.ports.trace import Trace
from core.wire.carrier import CarrierWire
from core.wire.message import HttpResponse
from core.wire.tencent import TencentAccess

TRACE = Trace("daopu", "A1", 7, 1, 120.0, date(2020, 9, 1))
PHONE = PhoneNumber("16137688175")
NUMBER = IdNumber("11010519491231002X")
WIRE = CarrierWire(
    TencentAccess("AKID", "secret", "faceid.tencentcloudapi.com", lambda: 1_598_918_400.0)
)
QUERIES = {
    "name_matches": NameQuery(PHONE, "韦小宝"),
    "owner_matches": OwnerQuery(PHONE, "韦小宝", NUMBER),
    "state": StateQuery(PHONE),
    "since": SinceQuery(PHONE),
}


def asked(operation):
    return next(getattr(WIRE, operation)(TRACE, QUERIES[operation]))


def answered(operation, body, status=200):
    """Return the port's answer to a body, or to what an envelope holds."""
    if isinstance(body, dict):
        body = json.dumps({"Response": {"RequestId": "a5fdb909", **body}}).encode()
    exchange = getattr(WIRE, operation)(TRACE, QUERIES[operation])
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(HttpResponse(status, {}, body))
    return end.value.value


@pytest.mark.parametrize(
    ("operation", "action", "fields"),
    [
        ("name_matches", "CheckPhoneAndName", {"Mobile": "16137688175", "Name": "韦小宝"}),
        (
            "owner_matches",
            "PhoneVerification",
            {
                "IdCard": "11010519491231002X",
                "Name": "韦小宝",
                "Phone": "16137688175",
                "VerifyMode": "1",
            },
        ),
        ("state", "MobileStatus", {"Mobile": "16137688175"}),
        ("since", "MobileNetworkTimeVerification", {"Mobile": "16137688175"}),
    ],
)
def test_a_question_is_asked_in_the_documented_fields(operation, action, fields):
    request = asked(operation)

    assert (request.method, request.path) == ("POST", "/")
    assert request.headers["Host"] == "faceid.tencentcloudapi.com"
    assert request.headers["X-TC-Action"] == action
    assert request.headers["X-TC-Version"] == "2018-03-01"
    assert "/2020-09-01/faceid/tc3_request" in request.headers["Authorization"]
    assert json.loads(request.body) == fields


@pytest.mark.parametrize(
    ("operation", "told", "answer"),
    [
        (
            "name_matches",
            {"Result": "0", "Description": "验证结果一致"},
            NameAnswer(PhoneVerdict.SAME),
        ),
        (
            "name_matches",
            {"Result": "1", "Description": "验证结果不一致"},
            NameAnswer(PhoneVerdict.DIFFERENT),
        ),
        (
            "owner_matches",
            {"Result": "0", "Description": "认证通过", "Isp": "电信"},
            OwnerAnswer(PhoneVerdict.SAME, Operator.TELECOM),
        ),
        (
            "owner_matches",
            {"Result": "-4", "Description": "信息不一致", "Isp": "联通"},
            OwnerAnswer(PhoneVerdict.DIFFERENT, Operator.UNICOM, Mismatch.OTHER),
        ),
        (
            "state",
            {"Result": "-2", "Description": "手机号格式不正确", "StatusCode": 99},
            StateAnswer(PhoneVerdict.BAD_NUMBER, PhoneState.UNKNOWN),
        ),
        (
            "state",
            {"Result": "0", "Description": "成功", "StatusCode": 1},
            StateAnswer(PhoneVerdict.SAME, PhoneState.SUSPENDED),
        ),
        (
            "since",
            {"Result": "-2", "Description": "手机号不存在", "Range": ""},
            SinceAnswer(PhoneVerdict.NO_RECORD),
        ),
        (
            "since",
            {"Result": "0", "Description": "成功", "Range": "[24,+)"},
            SinceAnswer(PhoneVerdict.SAME, 24, None),
        ),
    ],
)
def test_the_vendors_own_samples_are_understood(operation, told, answer):
    assert answered(operation, told) == answer


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("0", PhoneVerdict.SAME),
        ("1", PhoneVerdict.DIFFERENT),
        ("-1", PhoneVerdict.NO_RECORD),
        ("-2", PhoneVerdict.BUSY),
        ("-3", PhoneVerdict.BUSY),
        ("-4", PhoneVerdict.BAD_NAME),
        ("-5", PhoneVerdict.BAD_NUMBER),
        ("-6", PhoneVerdict.DAILY_LIMIT),
        ("-13", PhoneVerdict.SEGMENT_UNSUPPORTED),
    ],
)
def test_number_and_name(result, verdict):
    assert answered("name_matches", {"Result": result}) == NameAnswer(verdict)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("-6", PhoneVerdict.BAD_NUMBER),
        ("-8", PhoneVerdict.BAD_NAME),
        ("-9", PhoneVerdict.NO_RECORD),
        ("-11", PhoneVerdict.BUSY),
        ("-12", PhoneVerdict.DAILY_LIMIT),
        ("-13", PhoneVerdict.SEGMENT_UNSUPPORTED),
    ],
)
@pytest.mark.parametrize("isp", [{}, {"Isp": ""}, {"Isp": None}, {"Isp": "移动"}])
def test_three_elements_that_nobody_judged_name_no_carrier(result, verdict, isp):
    assert answered("owner_matches", {"Result": result, **isp}) == OwnerAnswer(verdict)


@pytest.mark.parametrize(
    ("detail", "mismatch"),
    [
        ("PhoneIdCardMismatch", Mismatch.ID_CARD),
        ("PhoneNameMismatch", Mismatch.NAME),
        ("PhoneNameIdCardMismatch", Mismatch.NAME_AND_ID_CARD),
        ("NameIdCardMismatch", Mismatch.NAME_TO_ID_CARD),
        ("OtherMismatch", Mismatch.OTHER),
        ("", Mismatch.OTHER),
        (None, Mismatch.OTHER),
    ],
)
@pytest.mark.parametrize(
    ("isp", "operator"),
    [
        ("移动", Operator.MOBILE),
        ("联通", Operator.UNICOM),
        ("电信", Operator.TELECOM),
        ("", None),
    ],
)
def test_three_elements_that_differ_say_where(detail, mismatch, isp, operator):
    told = {"Result": "-4", "Isp": isp, "ResultDetail": detail}

    assert answered("owner_matches", told) == OwnerAnswer(
        PhoneVerdict.DIFFERENT, operator, mismatch
    )


def test_an_id_number_that_the_vendor_finds_wrong_is_our_mistake():
    with pytest.raises(NotDone) as error:
        answered("owner_matches", {"Result": "-7", "Description": "身份证号码有误"})

    assert error.value.args == ("carrier.owner_matches", "-7")


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("-1", PhoneVerdict.NO_RECORD),
        ("-2", PhoneVerdict.BAD_NUMBER),
        ("-3", PhoneVerdict.BUSY),
        ("-4", PhoneVerdict.DAILY_LIMIT),
        ("-13", PhoneVerdict.SEGMENT_UNSUPPORTED),
    ],
)
def test_a_state_that_is_not_known(result, verdict):
    told = {"Result": result, "StatusCode": 0}

    assert answered("state", told) == StateAnswer(verdict, PhoneState.UNKNOWN)


@pytest.mark.parametrize("state", list(PhoneState))
def test_a_state_is_told_by_the_vendors_code(state):
    told = {"Result": "0", "StatusCode": state.value}

    assert answered("state", told) == StateAnswer(PhoneVerdict.SAME, state)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("-1", PhoneVerdict.BAD_NUMBER),
        ("-2", PhoneVerdict.NO_RECORD),
        ("-3", PhoneVerdict.NO_RECORD),
        ("-4", PhoneVerdict.BUSY),
        ("-5", PhoneVerdict.DAILY_LIMIT),
        ("-13", PhoneVerdict.SEGMENT_UNSUPPORTED),
    ],
)
def test_time_on_the_network_that_is_not_known(result, verdict):
    assert answered("since", {"Result": result, "Range": ""}) == SinceAnswer(verdict)


@pytest.mark.parametrize(
    ("written", "months_from", "months_to"),
    [("[0,3)", 0, 3), ("[3,6)", 3, 6), ("[12,24)", 12, 24), ("[24,+)", 24, None)],
)
def test_time_on_the_network_is_a_range_of_months(written, months_from, months_to):
    told = {"Result": "0", "Range": written}

    assert answered("since", told) == SinceAnswer(PhoneVerdict.SAME, months_from, months_to)


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ("name_matches", {}),
        ("name_matches", {"Result": 0}),
        ("name_matches", {"Result": "00"}),
        ("name_matches", {"Result": "-12"}),
        ("name_matches", {"Result": None}),
        ("owner_matches", {"Result": 0, "Isp": "移动"}),
        ("owner_matches", {"Result": "-5"}),
        ("owner_matches", {"Result": "0", "Isp": "广电"}),
        ("owner_matches", {"Result": "0", "Isp": 1}),
        ("owner_matches", {"Result": "-4", "ResultDetail": "PhoneMismatch"}),
        ("state", {"Result": "0"}),
        ("state", {"Result": "0", "StatusCode": "1"}),
        ("state", {"Result": "0", "StatusCode": 3}),
        ("state", {"Result": "0", "StatusCode": True}),
        ("state", {"Result": "-5"}),
        ("since", {"Result": "0"}),
        ("since", {"Result": "0", "Range": ""}),
        ("since", {"Result": "0", "Range": "[24,+]"}),
        ("since", {"Result": "0", "Range": "[6,3)"}),
        ("since", {"Result": "0", "Range": "[3,3)"}),
        ("since", {"Result": "0", "Range": "[-1,3)"}),
        ("since", {"Result": "0", "Range": "[٣,٦)"}),
        ("since", {"Result": "0", "Range": "[0,3) "}),
    ],
)
def test_what_is_not_documented_is_unreadable(operation, told):
    with pytest.raises(Unreadable) as error:
        answered(operation, told)

    assert error.value.operation == f"carrier.{operation}"


@pytest.mark.parametrize("operation", QUERIES)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("RequestLimitExceeded", QuotaExceeded),
        ("InternalError", ServerFailed),
        ("AuthFailure.SignatureFailure", NotDone),
        ("InvalidParameter", NotDone),
        ("UnauthorizedOperation.Arrears", NotDone),
    ],
)
def test_an_error_is_no_verdict(operation, code, kind):
    with pytest.raises(kind) as error:
        answered(operation, {"Error": {"Code": code, "Message": ""}})

    assert error.value.args == (f"carrier.{operation}", code)


@pytest.mark.parametrize("operation", QUERIES)
def test_an_answer_without_a_request_id_is_unreadable(operation):
    with pytest.raises(Unreadable):
        answered(operation, b'{"Response": {"Result": "0", "Isp": "", "Range": "[0,3)"}}')


def seen_by(operation, body, status):
    """Return the answer, or the provider's error; anything else is raised."""
    try:
        return answered(operation, body, status)
    except ProviderError as error:
        return error


values = st.none() | st.booleans() | st.integers(-20, 20) | st.floats() | st.text(max_size=9)
told_anyhow = st.dictionaries(
    st.sampled_from(["Result", "Isp", "ResultDetail", "StatusCode", "Range", "Error"]),
    values | st.integers(-20, 20).map(str) | st.sampled_from(["移动", "[0,3)", "OtherMismatch"]),
)


@pytest.mark.parametrize("operation", QUERIES)
@given(
    body=st.binary(max_size=200) | told_anyhow,
    status=st.just(200) | st.integers(100, 599),
)
def test_whatever_comes_back_is_an_answer_or_a_providers_error(operation, body, status):
    seen = seen_by(operation, body, status)

    if isinstance(seen, ProviderError):
        assert seen.operation == f"carrier.{operation}"
    else:
        assert seen.verdict in PhoneVerdict
