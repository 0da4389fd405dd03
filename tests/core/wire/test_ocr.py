"""Reading documents over Tencent's wire: the vendor's own samples, every code, every warning."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.picture import Picture
from core.ports.ocr import CardBack, CardFront, CardQuery, Licence, LicenceQuery, Reading, Warn
from core.ports.trace import Trace
from core.wire.message import HttpResponse
from core.wire.ocr import OcrWire
from core.wire.tencent import TencentAccess

TRACE = Trace("daopu", "A1", 3, 1, 120.0, date(2020, 9, 1))
WIRE = OcrWire(TencentAccess("AKID", "secret", "ocr.tencentcloudapi.com", lambda: 1_598_918_400.0))
PICTURE = Picture.named("daopu/000007#front")
QUERIES = {
    "card_front": CardQuery(PICTURE),
    "card_back": CardQuery(PICTURE),
    "licence": LicenceQuery(PICTURE),
}
KINDS = {"card_front": CardFront, "card_back": CardBack, "licence": Licence}

# The vendor's samples; a picture that they cut short is written out, and what we ask for besides
# (the quality) is added.
FRONT = {
    "Name": "李明",
    "Sex": "男",
    "Nation": "汉",
    "Birth": "1987/1/1",
    "Address": "北京市石景山区高新技术园腾讯大楼",
    "IdNum": "440524198701010014",
    "Authority": "",
    "ValidDate": "",
    "ReflectDetailInfos": [],
    "AdvancedInfo": '{"WarnInfos":[],"Quality":88}',
    "RequestId": "97c323da-5fd3-4fe6-b0b3-1cf10b04422c",
}
BACK = {
    "Address": "",
    "AdvancedInfo": '{"WarnInfos":[],"Quality":91}',
    "Authority": "上海市公安局南山分局",
    "Birth": "",
    "IdNum": "",
    "Name": "",
    "Nation": "",
    "ReflectDetailInfos": [],
    "RequestId": "c058efd9-a469-4256-a18d-bf539fd2231b",
    "Sex": "",
    "ValidDate": "2018.08.12-2038.08.12",
}
LICENCE = {
    "Address": "深圳市南山区高新区高新南一路飞亚达大厦",
    "Angle": 0.09112373739480972,
    "Business": "计算机软、硬件的设计、技术开发、销售",
    "Capital": "人民币柒仟万",
    "ComposingForm": "",
    "Electronic": False,
    "IsDuplication": 1,
    "Name": "杭州市魔乐计算机有限公司",
    "NationalEmblem": True,
    "Period": "1998年11月至长期",
    "Person": "毛华",
    "QRCode": True,
    "RecognizeWarnCode": [],
    "RecognizeWarnMsg": [],
    "RegNum": "110000012345678",
    "RegistrationAuthority": "广东省工商行政管理局",
    "RegistrationDate": "1998年11月13日",
    "RequestId": "86356cbe-afd6-4b26-b916-7fdb1fd3a9a7",
    "Seal": True,
    "SerialNumber": "",
    "SetDate": "1998年11月",
    "Title": "营业执照",
    "Type": "有限责任公司",
}
SAMPLES = {"card_front": FRONT, "card_back": BACK, "licence": LICENCE}


def answered(operation, told, status=200):
    """Return the port's answer to a body, or to what an envelope holds."""
    body = told if isinstance(told, bytes) else json.dumps({"Response": told}).encode()
    exchange = getattr(WIRE, operation)(TRACE, QUERIES[operation])
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(HttpResponse(status, {}, body))
    return end.value.value


def failed(code):
    return {"Error": {"Code": code, "Message": "说明"}, "RequestId": "c762a670"}


# ------------------------------------------------------------------------------------ requests

ASKED = {
    "CopyWarn": True,
    "BorderCheckWarn": True,
    "ReshootWarn": True,
    "DetectPsWarn": True,
    "TempIdWarn": True,
    "InvalidDateWarn": True,
    "ReflectWarn": True,
    "Quality": True,
}


@pytest.mark.parametrize(
    ("operation", "side", "asked"),
    [
        ("card_front", "FRONT", ASKED | {"CropPortrait": True}),
        ("card_back", "BACK", ASKED),
    ],
)
def test_a_side_of_a_card_is_asked_for_with_all_its_warnings(operation, side, asked):
    request = next(getattr(WIRE, operation)(TRACE, QUERIES[operation]))
    fields = json.loads(request.body)

    assert (request.method, request.path) == ("POST", "/")
    assert request.headers["X-TC-Action"] == "IDCardOCR"
    assert request.headers["X-TC-Version"] == "2018-11-19"
    assert "/2020-09-01/ocr/tc3_request" in request.headers["Authorization"]
    assert b64decode(fields.pop("ImageBase64"), validate=True) == PICTURE.content
    assert json.loads(fields.pop("Config")) == asked
    assert fields == {"CardSide": side, "CardWarnType": "Advanced"}


def test_a_licence_is_asked_for_with_its_warnings():
    request = next(WIRE.licence(TRACE, QUERIES["licence"]))
    fields = json.loads(request.body)

    assert request.headers["X-TC-Action"] == "BizLicenseOCR"
    assert request.headers["X-TC-Version"] == "2018-11-19"
    assert b64decode(fields.pop("ImageBase64"), validate=True) == PICTURE.content
    assert fields == {"EnableCopyWarn": True}


# ------------------------------------------------------------------------------------- answers


def test_the_vendors_sample_of_a_front_is_understood():
    assert answered("card_front", FRONT) == CardFront(
        Reading.READ,
        name="李明",
        sex="男",
        nation="汉",
        birth="1987/1/1",
        address="北京市石景山区高新技术园腾讯大楼",
        number="440524198701010014",
        quality=88,
    )


def test_the_vendors_sample_of_a_back_is_understood():
    assert answered("card_back", BACK) == CardBack(
        Reading.READ, authority="上海市公安局南山分局", valid="2018.08.12-2038.08.12", quality=91
    )


def test_a_card_without_an_end_is_valid_for_ever():
    told = BACK | {"ValidDate": "2018.08.12-长期"}

    assert answered("card_back", told).valid == "2018.08.12-长期"


def test_the_vendors_sample_of_a_licence_is_understood():
    assert answered("licence", LICENCE) == Licence(
        Reading.READ,
        code="110000012345678",
        name="杭州市魔乐计算机有限公司",
        kind="有限责任公司",
        person="毛华",
        capital="人民币柒仟万",
        address="深圳市南山区高新区高新南一路飞亚达大厦",
        scope="计算机软、硬件的设计、技术开发、销售",
        composing_form="",
        set_on="1998年11月",
        period="1998年11月至长期",
        registered_on="1998年11月13日",
        authority="广东省工商行政管理局",
        duplicate=True,
    )


def test_a_licence_says_whether_it_is_the_duplicate_and_what_is_wrong_with_it():
    told = LICENCE | {"IsDuplication": -1, "RecognizeWarnCode": [-9102, -9104, -9108]}
    licence = answered("licence", told)

    assert licence.duplicate is False
    assert licence.warnings == (-9102, -9104, -9108)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Picture.named("daopu/000007#portrait").content, "daopu/000007#portrait"),
        (b"\xff\xd8\xff\xfe\x00\x14loanrange:somebody" + b"\xff\xd9", "somebody"),
        (b"\xff\xd8\xff\xd9", ""),
    ],
    ids=["a stand-in", "a specimen", "a picture of nobody we know"],
)
def test_the_cropped_portrait_is_known_by_its_name(content, name):
    told = {"WarnInfos": [], "Quality": 88, "Portrait": b64encode(content).decode()}

    front = answered("card_front", FRONT | {"AdvancedInfo": json.dumps(told)})
    assert front.portrait == name


@pytest.mark.parametrize("operation", ["card_front", "card_back"])
@pytest.mark.parametrize(
    ("codes", "warnings"),
    [
        ([-9101], (Warn.BORDER,)),
        ([-9102], (Warn.COPY,)),
        ([-9108], (Warn.COPY,)),
        ([-9102, -9108], (Warn.COPY,)),
        ([-9103], (Warn.RESHOT,)),
        ([-9104], (Warn.TEMPORARY,)),
        ([-9105], (Warn.OCCLUDED,)),
        ([-9106], (Warn.EDITED,)),
        ([-9107], (Warn.REFLECTION,)),
        ([-9109], (Warn.BAD_VALIDITY,)),
        ([-9100], (Warn.BAD_VALIDITY,)),
        ([-9110], (Warn.ELECTRONIC,)),
        ([-9111], (Warn.WATERMARK,)),
        ([-9107, -9101], (Warn.REFLECTION, Warn.BORDER)),
    ],
)
def test_warnings_are_those_of_the_vendors_table(operation, codes, warnings):
    told = SAMPLES[operation] | {"AdvancedInfo": json.dumps({"WarnInfos": codes, "Quality": 50})}

    assert answered(operation, told).warnings == warnings


@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.parametrize(
    ("code", "reading"),
    [
        ("FailedOperation.ImageNoIdCard", Reading.NO_CARD),
        ("FailedOperation.ImageNoSpecifiedCard", Reading.NO_CARD),
        ("FailedOperation.ImageNoText", Reading.NO_CARD),
        ("FailedOperation.NoBizLicense", Reading.NO_CARD),
        ("FailedOperation.CardSideError", Reading.WRONG_SIDE),
        ("FailedOperation.LicenseCardSideError", Reading.WRONG_SIDE),
        ("FailedOperation.ImageBlur", Reading.BLURRED),
        ("FailedOperation.IdCardTooSmall", Reading.BLURRED),
        ("FailedOperation.IdCardInfoIllegal", Reading.BLURRED),
        ("FailedOperation.EmptyImageError", Reading.NOT_A_PICTURE),
        ("FailedOperation.FileDecodeFailed", Reading.NOT_A_PICTURE),
        ("FailedOperation.ImageDecodeFailed", Reading.NOT_A_PICTURE),
        ("FailedOperation.UnKnowFileTypeError", Reading.NOT_A_PICTURE),
        ("InvalidParameter.EngineImageDecodeFailed", Reading.NOT_A_PICTURE),
        ("FailedOperation.ImageSizeTooLarge", Reading.TOO_LARGE),
        ("LimitExceeded.TooLargeFileError", Reading.TOO_LARGE),
        ("RequestSizeLimitExceeded", Reading.TOO_LARGE),
        ("FailedOperation.MultiCardError", Reading.SEVERAL_CARDS),
        ("FailedOperation.LicenseMultiCardError", Reading.SEVERAL_CARDS),
    ],
)
def test_a_picture_that_cannot_be_read_is_an_answer(operation, code, reading):
    assert answered(operation, failed(code)) == KINDS[operation](reading)


@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("FailedOperation.OcrFailed", ServerFailed),
        ("FailedOperation.EngineRecognizeTimeout", ServerFailed),
        ("FailedOperation.UnKnowError", ServerFailed),
        ("InternalError", ServerFailed),
        ("FailedOperation.DownLoadError", ServerFailed),
        ("RequestLimitExceeded", QuotaExceeded),
        ("FailedOperation.CountLimitError", QuotaExceeded),
        ("InvalidParameter.ConfigFormatError", NotDone),
        ("InvalidParameterValue.InvalidParameterValueLimit", NotDone),
        ("ResourceUnavailable.InArrears", NotDone),
        ("ResourceUnavailable.ResourcePackageRunOut", NotDone),
        ("ResourcesSoldOut.ChargeStatusException", NotDone),
        ("FailedOperation.UnOpenError", NotDone),
        ("FailedOperation.ArrearsError", NotDone),
        ("AuthFailure.SecretIdNotFound", NotDone),
    ],
)
def test_an_error_that_is_not_the_pictures_is_none_of_its_readings(operation, code, kind):
    with pytest.raises(ProviderError) as error:
        answered(operation, failed(code))

    assert type(error.value) is kind
    assert error.value.args == (f"ocr.{operation}", code)


@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        ("card_front", {"Name": None}),
        ("card_front", {"IdNum": 440524198701010014}),
        ("card_front", {"AdvancedInfo": {"WarnInfos": [], "Quality": 88}}),
        ("card_front", {"AdvancedInfo": ""}),
        ("card_front", {"AdvancedInfo": "[]"}),
        ("card_front", {"AdvancedInfo": "{}"}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[]}'}),
        ("card_front", {"AdvancedInfo": '{"Quality":88}'}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[],"Quality":"88"}'}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[],"Quality":101}'}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[],"Quality":-1}'}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":["-9101"],"Quality":88}'}),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[-9999],"Quality":88}'}),
        (
            "card_front",
            {"AdvancedInfo": '{"WarnInfos":[],"Quality":88,"Portrait":"/9j/4AA...Q=="}'},
        ),
        ("card_front", {"AdvancedInfo": '{"WarnInfos":[],"Quality":88,"Portrait":7}'}),
        ("card_back", {"ValidDate": None}),
        ("card_back", {"Authority": ["上海市公安局"]}),
        ("licence", {"IsDuplication": 0}),
        ("licence", {"IsDuplication": "1"}),
        ("licence", {"IsDuplication": True}),
        ("licence", {"RecognizeWarnCode": None}),
        ("licence", {"RecognizeWarnCode": [-9102.0]}),
        ("licence", {"RegNum": 110000012345678}),
    ],
)
def test_what_is_not_documented_is_unreadable(operation, wrong):
    with pytest.raises(Unreadable) as error:
        answered(operation, SAMPLES[operation] | wrong)

    assert error.value.operation == f"ocr.{operation}"


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (operation, field)
        for operation, fields in {
            "card_front": "Name Sex Nation Birth Address IdNum AdvancedInfo RequestId",
            "card_back": "Authority ValidDate AdvancedInfo RequestId",
            "licence": "RegNum Name Type Person Capital Address Business ComposingForm SetDate "
            "Period RegistrationDate RegistrationAuthority IsDuplication RecognizeWarnCode "
            "RequestId",
        }.items()
        for field in fields.split()
    ],
)
def test_a_field_that_is_missing_is_missed(operation, field):
    told = {name: value for name, value in SAMPLES[operation].items() if name != field}
    with pytest.raises(Unreadable):
        answered(operation, told)


def seen_by(operation, told, status):
    """Return the answer, or the provider's error; anything else is raised."""
    try:
        return answered(operation, told, status)
    except ProviderError as error:
        return error


values = (
    st.none()
    | st.integers(-9120, 200)
    | st.floats()
    | st.text(max_size=9)
    | st.lists(st.integers())
)


@pytest.mark.parametrize("operation", KINDS)
@given(data=st.data())
def test_whatever_comes_back_is_an_answer_or_a_providers_error(operation, data):
    sample = SAMPLES[operation]
    spoilt = st.dictionaries(st.sampled_from(sorted(sample)), values, max_size=3)
    told = data.draw(st.binary(max_size=200) | spoilt.map(lambda wrong: sample | wrong))
    status = data.draw(st.just(200) | st.integers(100, 599))

    seen = seen_by(operation, told, status)
    if isinstance(seen, ProviderError):
        assert seen.operation == f"ocr.{operation}"
    else:
        assert seen.reading in Reading
