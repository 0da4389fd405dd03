"""Face verification over Tencent's wire: the vendor's samples, every ending, every error code."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.identity import IdNumber
from core.picture import Picture
from core.ports.face import (
    THRESHOLD_CENTI,
    CompareAnswer,
    CompareQuery,
    FaceAnswer,
    FaceVerdict,
    ResultQuery,
    StartAnswer,
    StartQuery,
)
from core.ports.trace import Trace
from core.wire.face import BROKEN, ENDINGS, FaceWire
from core.wire.message import HttpResponse
from core.wire.tencent import TencentAccess

TRACE = Trace("daopu", "A1", 9, 1, 120.0, date(2020, 9, 1))
NUMBER = IdNumber("11010519491231002X")
TOKEN = "CE661F1A-0F1E-45BD-BE13-34C05CEA7681"
FRAME = Picture.named(f"daopu/000007#face/{TOKEN}")
PHOTO = Picture.named("daopu/000007#idnet")
QUERIES = {
    "start": StartQuery("韦小宝", NUMBER, "sign"),
    "result": ResultQuery(TOKEN),
    "compare": CompareQuery(FRAME, PHOTO),
}


def access(host):
    return TencentAccess("AKID", "secret", host, lambda: 1_598_918_400.0)


WIRE = FaceWire(access("faceid.tencentcloudapi.com"), "rule", access("iai.tencentcloudapi.com"))

# The vendor's sample of a check that was passed. Its ID number is of nobody who can be, and its
# pictures are cut short: both are replaced.
TEXT = {
    "CompareLibType": "权威库",
    "Comparemsg": "成功",
    "Comparestatus": 0,
    "ErrCode": 0,
    "ErrMsg": "成功",
    "Extra": "",
    "IdCard": NUMBER.text,
    "IdInfoFrom": "其他",
    "LiveMsg": "成功",
    "LiveStatus": 0,
    "LivenessDetail": [
        {
            "Comparestatus": 0,
            "Errcode": 0,
            "Idcard": NUMBER.text,
            "IsNeedCharge": True,
            "LivenessMode": 1,
            "Livestatus": 0,
            "Name": "韦小宝",
            "ReqTime": "1730444265275",
            "Seq": "1f330eea-f5db-4726-a7b4-38cdf1aefb02",
            "Sim": "95.51",
        }
    ],
    "LivenessInfoTag": None,
    "LivenessMode": 1,
    "Location": None,
    "Mobile": "",
    "Name": "韦小宝",
    "OcrAddress": None,
    "OcrIdCard": "",
    "Sim": "95.51",
    "UseIDType": 0,
}
BEST = {"BestFrame": b64encode(FRAME.content).decode(), "BestFrames": []}
RESULT = {
    "BestFrame": BEST,
    "EncryptedBody": "",
    "IdCardData": {"OcrFront": None, "OcrBack": None},
    "IntentionActionResult": None,
    "IsVerifyIntention": False,
    "Text": TEXT,
    "VideoData": {"LivenessVideo": "AAAAGGZ0eXBtcDQy"},
}


def result(text=None, **fields):
    """Return the vendor's sample, with some of its fields changed."""
    return RESULT | {"Text": TEXT | (text or {})} | fields


def asked(operation, wire=WIRE):
    return next(getattr(wire, operation)(TRACE, QUERIES[operation]))


def answered(operation, told, status=200):
    """Return the port's answer to a body, or to what an envelope holds."""
    if not isinstance(told, bytes):
        told = json.dumps({"Response": {"RequestId": "91173d84", **told}}).encode()
    exchange = getattr(WIRE, operation)(TRACE, QUERIES[operation])
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(HttpResponse(status, {}, told))
    return end.value.value


def failed(code):
    return {"Error": {"Code": code, "Message": "说明"}}


# ------------------------------------------------------------------------------------ requests


@pytest.mark.parametrize(
    ("operation", "action", "fields"),
    [
        (
            "start",
            "DetectAuth",
            {"RuleId": "rule", "IdCard": NUMBER.text, "Name": "韦小宝", "Extra": "sign"},
        ),
        (
            "result",
            "GetDetectInfoEnhanced",
            {"BizToken": TOKEN, "RuleId": "rule", "InfoType": "0"},
        ),
    ],
)
def test_the_living_face_is_faceids(operation, action, fields):
    request = asked(operation)

    assert (request.method, request.path) == ("POST", "/")
    assert request.headers["Host"] == "faceid.tencentcloudapi.com"
    assert request.headers["X-TC-Action"] == action
    assert request.headers["X-TC-Version"] == "2018-03-01"
    assert "/2020-09-01/faceid/tc3_request" in request.headers["Authorization"]
    assert json.loads(request.body) == fields


def test_two_photos_are_iais():
    request = asked("compare")
    fields = json.loads(request.body)

    assert request.headers["Host"] == "iai.tencentcloudapi.com"
    assert request.headers["X-TC-Action"] == "CompareFace"
    assert request.headers["X-TC-Version"] == "2020-03-03"
    assert "/2020-09-01/iai/tc3_request" in request.headers["Authorization"]
    assert b64decode(fields.pop("ImageA"), validate=True) == FRAME.content
    assert b64decode(fields.pop("ImageB"), validate=True) == PHOTO.content
    assert fields == {"FaceModelVersion": "2.0"}


def test_one_access_serves_both_where_no_other_is_given():
    request = asked("compare", FaceWire(access("127.0.0.1:8000"), "rule"))

    assert request.headers["Host"] == "127.0.0.1:8000"


# --------------------------------------------------------------------------------------- start


def test_a_check_begins_with_a_token():
    told = {"BizToken": TOKEN, "Url": "https://open.weixin.qq.com/connect/oauth2/authorize"}

    assert answered("start", told) == StartAnswer(TOKEN)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidParameterValue.RuleIdNotExist", NotDone),
        ("InvalidParameterValue.RuleIdDisabled", NotDone),
        ("InvalidParameterValue", NotDone),
        ("InvalidParameter", NotDone),
        ("UnauthorizedOperation.Nonactivated", NotDone),
        ("FailedOperation.IdFormatError", NotDone),
        ("FailedOperation.NameFormatError", NotDone),
        ("FailedOperation.StsUnAuthErrError", NotDone),
        ("FailedOperation.IdentityAuthLimitExceeded", QuotaExceeded),
        ("RequestLimitExceeded", QuotaExceeded),
        ("InternalError.UnKnown", ServerFailed),
        ("FailedOperation.DbError", ServerFailed),
    ],
)
def test_a_check_that_does_not_begin_has_no_verdict(code, kind):
    with pytest.raises(ProviderError) as error:
        answered("start", failed(code))

    assert type(error.value) is kind
    assert error.value.args == ("face.start", code)


@pytest.mark.parametrize("token", [{}, {"BizToken": ""}, {"BizToken": None}, {"BizToken": 7}])
def test_a_beginning_without_a_token_is_unreadable(token):
    with pytest.raises(Unreadable):
        answered("start", token)


# -------------------------------------------------------------------------------------- result


def test_the_vendors_sample_of_a_pass_is_understood():
    assert answered("result", RESULT) == FaceAnswer(
        FaceVerdict.PASSED, 9_551, live=True, frame=FRAME, number=NUMBER, purpose=""
    )


def test_the_purpose_comes_back_as_it_was_given():
    assert answered("result", result({"Extra": "sign"})).purpose == "sign"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("InvalidParameter", FaceVerdict.TOKEN_UNKNOWN),
        ("InvalidParameterValue.BizTokenIllegal", FaceVerdict.TOKEN_UNKNOWN),
        ("InvalidParameterValue.BizTokenExpired", FaceVerdict.TOKEN_EXPIRED),
    ],
)
def test_a_token_that_is_not_good_is_an_answer(code, verdict):
    assert answered("result", failed(code)) == FaceAnswer(verdict)


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ([14, 17, 302, 303, 1008], FaceVerdict.NOT_DONE),
        ([15], FaceVerdict.TOKEN_EXPIRED),
        ([16, 2018], FaceVerdict.TOO_OFTEN),
        ([1002, 1003, 1005, 2011], FaceVerdict.NOT_LIVE),
        ([1101, 1103, 1104, 1105, 1106, 1107, 1108, 1109], FaceVerdict.NOT_LIVE),
        ([1201, 1202, 1203, 1204, 1205, 1206, 1207, 1208, 1209], FaceVerdict.NOT_LIVE),
        ([1301, 1302, 1303], FaceVerdict.NOT_LIVE),
        ([1004, 1102, 1210, 2004, 2010, 2013, 2014], FaceVerdict.NO_FACE),
        ([2012], FaceVerdict.SEVERAL_FACES),
        ([301, 2006], FaceVerdict.NAME_MISMATCH),
        ([2005, 2007, 2008, 2009], FaceVerdict.NO_PHOTO),
        ([2016], FaceVerdict.BELOW_THRESHOLD),
    ],
)
def test_every_ending_of_the_vendors_table_is_a_verdict(codes, verdict):
    for code in codes:
        told = result({"ErrCode": code, "Sim": "26.04"})
        assert answered("result", told) == FaceAnswer(verdict, 2_604, True, FRAME, NUMBER, "")


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ([1, 2, 3, 203, 204, 2002, 2003], NotDone),
        ([4, 8, 10, 12, 13, 201, 202, 1001, 1006, 1007, 2001, 2015, 2017], ServerFailed),
    ],
)
def test_an_ending_that_says_nothing_of_the_person_is_an_error(codes, kind):
    for code in codes:
        with pytest.raises(ProviderError) as error:
            answered("result", result({"ErrCode": code}))
        assert type(error.value) is kind
        assert error.value.args == ("face.result", str(code))


def test_no_ending_is_both_a_verdict_and_an_error():
    assert not ENDINGS.keys() & BROKEN.keys()


@pytest.mark.parametrize(
    "told",
    [
        {"Text": None, "BestFrame": None, "VideoData": None},
        {},
        result(
            {"ErrCode": None, "LiveStatus": None, "Sim": None, "IdCard": None, "Extra": None},
            BestFrame=None,
        ),
    ],
    ids=["no text", "nothing", "a text of nulls"],
)
def test_where_nothing_has_happened_yet_the_vendor_writes_null(told):
    assert answered("result", told) == FaceAnswer(FaceVerdict.NOT_DONE)


@pytest.mark.parametrize("live_status", [None, 1002, -1])
def test_a_face_that_did_not_live_is_not_called_alive(live_status):
    told = result({"ErrCode": 1002, "LiveStatus": live_status, "Sim": ""}, BestFrame=None)

    assert answered("result", told) == FaceAnswer(
        FaceVerdict.NOT_LIVE, 0, live=False, frame=None, number=NUMBER
    )


@pytest.mark.parametrize(
    ("written", "centi"),
    [("70.00", 7_000), ("70", 7_000), ("70.5", 7_050), ("100.00", 10_000), ("99.99", 9_999)],
)
def test_a_similarity_is_read_to_the_hundredth(written, centi):
    assert answered("result", result({"Sim": written})).similarity_centi == centi


def test_no_similarity_is_none():
    for written in ("", "0", "0.00", None):
        told = result({"ErrCode": 2012, "Sim": written})
        assert answered("result", told).similarity_centi == 0


@pytest.mark.parametrize(
    "told",
    [
        result({"Sim": "69.99"}),
        result({"Sim": ""}),
        result({"LiveStatus": 1002}),
        result({"LiveStatus": None}),
        result(BestFrame=None),
        result(BestFrame={"BestFrame": None, "BestFrames": None}),
        result(BestFrame={"BestFrame": "", "BestFrames": []}),
    ],
    ids=["too unlike", "compared with none", "not live", "life unknown", "no", "null", "empty"],
)
def test_a_pass_that_its_own_fields_deny_is_unreadable(told):
    with pytest.raises(Unreadable) as error:
        answered("result", told)

    assert error.value.operation == "face.result"


def test_a_live_face_without_a_photo_to_compare_with_still_has_its_frame():
    assert answered("result", result({"ErrCode": 2007, "Sim": ""})).frame == FRAME
    with pytest.raises(Unreadable):
        answered("result", result({"ErrCode": 2007, "Sim": ""}, BestFrame=None))


@pytest.mark.parametrize(
    "told",
    [
        result({"ErrCode": "0"}),
        result({"ErrCode": 0.0}),
        result({"ErrCode": True}),
        result({"ErrCode": 9_999}),
        result({"LiveStatus": "0"}),
        result({"Sim": 95.51}),
        result({"Sim": "95.511"}),
        result({"Sim": "100.01"}),
        result({"Sim": "-1"}),
        result({"Sim": "９５.51"}),
        result({"Sim": " 95.51"}),
        result({"IdCard": "11204416541220243X"}),
        result({"IdCard": 7}),
        result({"Extra": {}}),
        result(BestFrame={"BestFrame": "/9j/4AAQSk...JKD2A//9k="}),
        result(BestFrame={"BestFrame": b64encode(b"no picture").decode()}),
        result(BestFrame={"BestFrame": 7}),
        result(BestFrame="/9j/"),
        {"Text": [TEXT]},
        {"Text": "成功"},
    ],
)
def test_a_result_that_is_not_documented_is_unreadable(told):
    with pytest.raises(Unreadable) as error:
        answered("result", told)

    assert NUMBER.text not in str(error.value)


# ------------------------------------------------------------------------------------- compare


@pytest.mark.parametrize(
    ("score", "verdict", "centi"),
    [
        ("70", FaceVerdict.PASSED, 7_000),
        ("70.0", FaceVerdict.PASSED, 7_000),
        ("89.88", FaceVerdict.PASSED, 8_988),
        ("100", FaceVerdict.PASSED, 10_000),
        ("69.99", FaceVerdict.BELOW_THRESHOLD, 6_999),
        (f"69.{'9' * 60}", FaceVerdict.BELOW_THRESHOLD, 6_999),
        ("0.999", FaceVerdict.BELOW_THRESHOLD, 99),
        ("0", FaceVerdict.BELOW_THRESHOLD, 0),
        ("1e-999999999", FaceVerdict.BELOW_THRESHOLD, 0),
    ],
)
def test_two_photos_are_of_one_person_from_the_threshold_on(score, verdict, centi):
    body = (
        f'{{"Response":{{"Score":{score},"FaceModelVersion":"2.0","RequestId":"a8eb4545"}}}}'
    ).encode()

    assert answered("compare", body) == CompareAnswer(verdict, centi)


@given(centi=st.integers(0, 10_000))
def test_hundredths_survive_the_way_through_a_decimal(centi):
    answer = answered("compare", {"Score": float(Decimal(centi) / 100)})

    assert answer.similarity_centi == centi
    assert (answer.verdict is FaceVerdict.PASSED) == (centi >= THRESHOLD_CENTI)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("InvalidParameterValue.NoFaceInPhoto", FaceVerdict.NO_FACE),
        ("FailedOperation.FaceQualityNotQualified", FaceVerdict.NO_FACE),
        ("FailedOperation.FaceSizeTooSmall", FaceVerdict.NO_FACE),
        ("FailedOperation.ImageDecodeFailed", FaceVerdict.NO_FACE),
        ("FailedOperation.ImageFacedetectFailed", FaceVerdict.NO_FACE),
        ("FailedOperation.ImageResolutionTooSmall", FaceVerdict.NO_FACE),
        ("FailedOperation.LifePhotoDetectNoFaces", FaceVerdict.NO_FACE),
        ("FailedOperation.LifePhotoDetectFaces", FaceVerdict.SEVERAL_FACES),
        ("FailedOperation.LifePhotoDetectFake", FaceVerdict.NOT_LIVE),
        ("InvalidParameterValue.ImageEmpty", FaceVerdict.NO_PHOTO),
        ("InvalidParameterValue.ImageEmptyError", FaceVerdict.NO_PHOTO),
    ],
)
def test_photos_that_cannot_be_compared_are_an_answer(code, verdict):
    assert answered("compare", failed(code)) == CompareAnswer(verdict)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("FailedOperation.CompareFail", ServerFailed),
        ("FailedOperation.RequestTimeout", ServerFailed),
        ("FailedOperation.RpcFail", ServerFailed),
        ("FailedOperation.ServerError", ServerFailed),
        ("FailedOperation.UnKnowError", ServerFailed),
        ("InternalError", ServerFailed),
        ("FailedOperation.RequestLimitExceeded", QuotaExceeded),
        ("RequestLimitExceeded", QuotaExceeded),
        ("FailedOperation.ImageResolutionExceed", NotDone),
        ("FailedOperation.ImageSizeExceed", NotDone),
        ("FailedOperation.LifePhotoSizeError", NotDone),
        ("InvalidParameterValue.FaceModelVersionIllegal", NotDone),
        ("MissingParameter.ErrorParameterEmpty", NotDone),
        ("ResourceUnavailable.Freeze", NotDone),
        ("AuthFailure.InvalidAuthorization", NotDone),
        ("UnsupportedOperation.UnknowMethod", NotDone),
    ],
)
def test_a_comparison_that_was_not_made_has_no_verdict(code, kind):
    with pytest.raises(ProviderError) as error:
        answered("compare", failed(code))

    assert type(error.value) is kind
    assert error.value.args == ("face.compare", code)


@pytest.mark.parametrize("score", [None, "89.88", True, -0.01, 100.01, []])
def test_a_score_that_is_not_documented_is_unreadable(score):
    with pytest.raises(Unreadable):
        answered("compare", {"Score": score})


# ---------------------------------------------------------------------------------- whatever


@pytest.mark.parametrize("operation", QUERIES)
def test_an_answer_without_a_request_id_is_unreadable(operation):
    told = json.dumps({"Response": RESULT | {"BizToken": TOKEN, "Score": 89.88}}).encode()
    with pytest.raises(Unreadable):
        answered(operation, told)


def seen_by(operation, told, status):
    """Return the answer, or the provider's error; anything else is raised."""
    try:
        return answered(operation, told, status)
    except ProviderError as error:
        return error


def in_base64(content):
    return b64encode(content).decode()


pictures = st.builds(
    lambda magic, rest: in_base64(magic + rest),
    st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xfe", FRAME.content[:45]]),
    st.binary(max_size=60),
)
values = (
    pictures
    | st.none()
    | st.sampled_from([*ENDINGS, *BROKEN])
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["95.51", BEST["BestFrame"], NUMBER.text])
)
texts = st.dictionaries(st.sampled_from(sorted(TEXT)), values, max_size=4)
others = st.dictionaries(
    st.sampled_from(["BizToken", "Score", "BestFrame", "Error"]),
    values | st.dictionaries(st.sampled_from(["BestFrame", "Code"]), values),
    max_size=3,
)


@pytest.mark.parametrize("operation", QUERIES)
@given(
    told=st.binary(max_size=200)
    | st.builds(lambda text, more: result(text, **more), texts, others),
    status=st.just(200) | st.integers(100, 599),
)
def test_whatever_comes_back_is_an_answer_or_a_providers_error(operation, told, status):
    seen = seen_by(operation, told, status)

    if isinstance(seen, ProviderError):
        assert seen.operation == f"face.{operation}"
    else:
        assert isinstance(seen, StartAnswer) or seen.verdict in FaceVerdict
