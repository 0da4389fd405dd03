"""Tencent Cloud FaceID and IAI on the wire: faces, tokens, registers, and who pays for what."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from datetime import date

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.faceid.v20180301 import faceid_client_async, models
from tencentcloud.faceid.v20180301.faceid_client import FaceidClient
from tencentcloud.iai.v20200303.iai_client import IaiClient
from tencentcloud.iai.v20200303.models import CompareFaceRequest, CompareFaceResponse

from core.identity import CardNumber
from core.picture import Picture
from core.ports.face import CompareAnswer, CompareQuery, FaceAnswer, FaceVerdict, StartQuery
from mocks.face.codes import ERRORS
from mocks.face.comparison import on_scale_3
from mocks.face.desk import OPENED_MAX, keep
from mocks.face.videos import video_base64
from tests.mocks.tencent_kit import b64, server, shown_in, stand

__all__ = ["server", "stand"]  # fixtures

DAY_S = 86_400.0
V = FaceVerdict


class Half:
    """Draws in the middle."""

    def uniform(self, lane):
        return 0.5


def identity(person, **said):
    return {"IdCard": person.id_number.text, "Name": person.name, **said}


def fields_of(action):
    return {name[1:] for name in vars(getattr(models, f"{action}Response")())}


# DetectAuth and GetDetectInfoEnhanced


def opened(stand, person, **said):
    asked = identity(person, RuleId=stand.known.rule_id, **said)
    return stand.ask("DetectAuth", asked)["BizToken"]


def shown(stand, token, person):
    """Let a phone show a face."""
    return stand.tenant.behaviours["face"].show(token, person, stand.clock.now_s, Half())


def info(stand, token, **said):
    asked = {"BizToken": token, "RuleId": stand.known.rule_id, **said}
    return stand.ask("GetDetectInfoEnhanced", asked)


def info_refused(stand, token, **said):
    asked = {"BizToken": token, "RuleId": stand.known.rule_id, **said}
    return stand.refused("GetDetectInfoEnhanced", asked)


def test_a_check_passes_from_token_to_result_by_the_typed_client(stand):
    li = stand.person(name="李明")
    client = FaceidClient(stand.credential(), "", stand.profile())
    asked = models.DetectAuthRequest()
    asked._deserialize(identity(li, RuleId=stand.known.rule_id, Extra="sign"))
    begun = client.DetectAuth(asked)
    assert begun.BizToken == begun.BizToken.upper()
    assert begun.BizToken in begun.Url
    assert shown(stand, begun.BizToken, li) is V.PASSED
    stand.clock.now_s = 60.0

    wanted = models.GetDetectInfoEnhancedRequest()
    wanted.BizToken, wanted.RuleId, wanted.BestFramesCount = begun.BizToken, stand.known.rule_id, 3
    told = client.GetDetectInfoEnhanced(wanted)

    text = told.Text
    assert (text.ErrCode, text.LiveStatus, text.Comparestatus) == (0, 0, 0)
    assert (text.IdCard, text.Name, text.Extra) == (li.id_number.text, "李明", "sign")
    assert 70 <= float(text.Sim) <= 100
    assert len(text.Sim.partition(".")[2]) == 2
    (detail,) = text.LivenessDetail
    assert (detail.Errcode, detail.IsNeedCharge, detail.Sim) == (0, True, text.Sim)
    assert (detail.Idcard, detail.Name) == (li.id_number.text, "李明")
    assert int(detail.ReqTime) == 1_594_742_400_000 + 60_000  # 2020-07-15, one minute, in China
    assert (text.CompareLibType, text.LivenessMode) == ("权威库", 4)
    assert shown_in(told.BestFrame.BestFrame) == f"{li.face}#face/{begun.BizToken}"
    assert told.BestFrame.BestFrames == [told.BestFrame.BestFrame] * 3
    assert told.VideoData.LivenessVideo
    assert told.IdCardData.OcrFront is None
    assert told.IsVerifyIntention is False
    assert told.Encryption.Algorithm == ""
    stand.clock.now_s = 90.0
    assert client.GetDetectInfoEnhanced(wanted).Text.LivenessDetail[0].ReqTime == detail.ReqTime


def test_the_asynchronous_client_reads_a_result_too(stand):
    li = stand.person()
    token = opened(stand, li)

    async def once():
        known = (stand.credential(), "", stand.profile())
        async with faceid_client_async.FaceidClient(*known) as client:
            wanted = models.GetDetectInfoEnhancedRequest()
            wanted.BizToken, wanted.RuleId = token, stand.known.rule_id
            return await client.GetDetectInfoEnhanced(wanted)

    assert asyncio.run(once()).Text.ErrCode == 17


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA256"])
def test_a_spoken_consent_comes_back_with_the_face(stand, method, sign):
    li = stand.person()
    said = {
        "IntentionQuestions": [
            {"Question": "借款吗", "Answers": ["是", "对"]},
            {"Question": "本人吗", "Answers": ["是的"]},
        ],
        "Config": {"IntentionType": 0, "MouthOpenRecognition": True, "Speed": 1},
    }
    asked = identity(li, RuleId=stand.known.rule_id, **said)
    token = stand.ask("DetectAuth", asked, method=method, sign=sign)["BizToken"]
    assert info(stand, token)["IntentionQuestionResult"] is None
    shown(stand, token, li)

    told = info(stand, token, InfoType="6")
    assert told["Text"] is None
    assert (told["IsVerifyIntention"], told["IntentionVerifyType"]) == (True, "0")
    assert told["IntentionQuestionResult"]["AsrResult"] == ["是", "是的"]
    assert told["IntentionActionResult"] is told["IntentionVerifyData"] is None


@pytest.mark.parametrize(
    ("said", "kind", "field"),
    [
        ({"IntentionVerifyText": "我同意"}, "2", "IntentionVerifyData"),
        ({"IntentionActions": [{"Text": "同意吗"}]}, "1", "IntentionActionResult"),
    ],
)
def test_the_other_spoken_consents(stand, said, kind, field):
    li = stand.person()
    token = opened(stand, li, **said)
    shown(stand, token, li)
    told = info(stand, token)

    assert told["IntentionVerifyType"] == kind
    assert told[field]
    assert info(stand, token, InfoType="1")[field] is None


# What each verdict looks like: code, alive, and whether the vendor charges.
VERDICTS = [
    (V.PASSED, True, 0, True),
    (V.NOT_LIVE, False, 1002, False),
    (V.NO_FACE, False, 1004, False),
    (V.SEVERAL_FACES, True, 2012, False),
    (V.NAME_MISMATCH, True, 2006, True),
    (V.NO_PHOTO, True, 2007, False),
    (V.BELOW_THRESHOLD, True, 2016, True),
    (V.TOO_OFTEN, False, 2018, False),
]


@pytest.mark.parametrize(("verdict", "live", "code", "charged"), VERDICTS)
def test_every_verdict_has_its_code_and_its_price(stand, verdict, live, code, charged):
    li = stand.person()
    token = opened(stand, li, Extra="draw")
    frame = Picture.named(f"{li.face}#face/{token}")
    answer = FaceAnswer(verdict, 2_604, live, frame, li.id_number, "draw")
    stand.says("face", result=answer)
    text = info(stand, token)["Text"]

    assert (text["ErrCode"], text["Sim"], text["Extra"]) == (code, "26.04", "draw")
    assert text["LivenessDetail"][0]["IsNeedCharge"] is charged
    assert bool(stand.tenant.billed["face.result"]) is charged
    alike = text["Comparestatus"]
    assert (text["LiveStatus"], alike) == ((0, code) if live else (code, None))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (V.TOKEN_UNKNOWN, "InvalidParameterValue.BizTokenIllegal"),
        (V.TOKEN_EXPIRED, "InvalidParameterValue.BizTokenExpired"),
    ],
)
def test_a_token_that_is_none_is_an_error(stand, verdict, code):
    token = opened(stand, stand.person())
    stand.says("face", result=FaceAnswer(verdict))

    assert info_refused(stand, token) == code


def test_no_verdict_is_left_out():
    shown_here = {verdict for verdict, *_ in VERDICTS}
    assert shown_here | {V.NOT_DONE, V.TOKEN_UNKNOWN, V.TOKEN_EXPIRED} == set(V)
    assert set(ERRORS) == set(V) - {V.TOKEN_UNKNOWN}


def test_what_is_not_done_is_17_and_has_no_detail(stand):
    told = info(stand, opened(stand, stand.person()))

    text = told["Text"]
    assert (text["ErrCode"], text["Sim"], text["LivenessDetail"]) == (17, "0.00", [])
    assert text["LiveStatus"] is text["Comparestatus"] is None
    assert told["BestFrame"] == {"BestFrame": None, "BestFrames": []}
    assert not stand.tenant.billed["face.result"]


def test_a_token_lives_two_hours_and_a_result_three_days(stand):
    li = stand.person()
    unused, used = opened(stand, li), opened(stand, li)
    assert unused != used
    stand.clock.now_s = 7_199.0
    assert info(stand, unused)["Text"]["ErrCode"] == 17
    assert shown(stand, used, li) is V.PASSED
    stand.clock.now_s = 7_200.0
    assert info_refused(stand, unused) == "InvalidParameterValue.BizTokenExpired"
    stand.clock.now_s = 7_199.0 + 3 * DAY_S - 1
    assert info(stand, used)["Text"]["ErrCode"] == 0
    stand.clock.now_s += 1
    assert info_refused(stand, used) == "InvalidParameterValue.BizTokenExpired"


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("0", {"Text", "IdCardData", "BestFrame", "VideoData"}),
        ("", {"Text", "IdCardData", "BestFrame", "VideoData"}),
        ("1", {"Text"}),
        ("13", {"Text", "BestFrame"}),
        ("24", {"IdCardData", "VideoData"}),
    ],
)
def test_the_digits_of_info_type_say_what_is_told(stand, wanted, there):
    li = stand.person()
    token = opened(stand, li)
    shown(stand, token, li)
    told = info(stand, token, InfoType=wanted)

    groups = ("Text", "IdCardData", "BestFrame", "VideoData")
    assert {name for name in groups if told[name] is not None} == there
    assert set(told) == fields_of("GetDetectInfoEnhanced")


def test_every_documented_field_of_text_is_there(stand):
    li = stand.person()
    token = opened(stand, li)
    shown(stand, token, li)
    text = info(stand, token)["Text"]

    assert set(text) == {name[1:] for name in vars(models.DetectInfoText())}
    detail = {name[1:] for name in vars(models.DetectDetail())}
    assert set(text["LivenessDetail"][0]) == detail


X = "11010519491231002x"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"RuleId": "999"}, "InvalidParameterValue.RuleIdNotExist"),
        ({"RuleId": None}, "MissingParameter"),
        ({"IdCard": X}, "InvalidParameterValue"),
        ({"IdCard": "1"}, "InvalidParameterValue"),
        ({"IdCard": None}, "MissingParameter"),
        ({"Name": ""}, "MissingParameter"),
        ({"Name": "李" * 33}, "InvalidParameterValue"),
        ({"Extra": "x" * 1_025}, "InvalidParameterValue"),
        ({"RedirectUrl": "x" * 1_025}, "InvalidParameterValue"),
        ({"IntentionVerifyText": "x" * 121}, "InvalidParameterValue"),
        ({"IntentionQuestions": [{"Question": "x"}]}, "MissingParameter"),
        (
            {"IntentionQuestions": [{"Question": "", "Answers": ["x" * 11]}]},
            "InvalidParameterValue",
        ),
        ({"IntentionActions": [{"Text": ""}] * 11}, "InvalidParameterValue"),
        ({"Config": {"Speed": 4}}, "InvalidParameterValue"),
        ({"Config": {"Speed": -1}}, "InvalidParameter"),
        ({"Config": {"IntentionType": "0"}}, "InvalidParameter"),
        ({"ImageBase64": b64("li#portrait")}, "UnsupportedOperation"),
        ({"ImageBase64": b64encode(b"GIF89a").decode()}, "FailedOperation.ImageDecodeFailed"),
        ({"ImageBase64": "A" * (3 * 1024**2 + 4)}, "FailedOperation.ImageSizeTooLarge"),
        ({"TerminalType": 1}, "InvalidParameter"),
    ],
)
def test_a_check_that_cannot_be_opened_has_its_code(stand, said, code):
    asked = identity(stand.person(), RuleId=stand.known.rule_id)

    assert stand.refused("DetectAuth", asked | said) == code
    assert "face.start" not in stand.calls


def test_a_capital_x_is_taken_and_a_small_one_is_not(stand):
    asked = {"RuleId": stand.known.rule_id, "Name": "李明", "IdCard": X.upper()}

    assert stand.ask("DetectAuth", asked)["BizToken"]
    assert stand.refused("DetectAuth", {**asked, "IdCard": X}) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"RuleId": "999"}, "InvalidParameterValue.RuleIdNotExist"),
        ({"InfoType": "7"}, "InvalidParameterValue"),
        ({"InfoType": "1,3"}, "InvalidParameterValue"),
        ({"BestFramesCount": -1}, "InvalidParameter"),
        ({"IsEncryptResponse": True}, "FailedOperation.EncryptSystemError"),
        ({"Encryption": {"Algorithm": "SM4-GCM"}}, "FailedOperation.EncryptSystemError"),
        ({"Encryption": {"Algorithm": "DES"}}, "InvalidParameterValue"),
    ],
)
def test_a_result_that_cannot_be_read_has_its_code(stand, said, code):
    assert info_refused(stand, opened(stand, stand.person()), **said) == code


def test_more_frames_than_ten_are_ten(stand):
    li = stand.person()
    token = opened(stand, li)
    shown(stand, token, li)

    frames = info(stand, token, BestFramesCount=11, IsEncrypt=False)["BestFrame"]["BestFrames"]
    assert len(frames) == 10


def test_a_token_of_nobody_is_illegal(stand):
    assert info_refused(stand, "A-TOKEN") == "InvalidParameterValue.BizTokenIllegal"


def test_the_port_is_asked_with_name_number_and_purpose(stand):
    said = stand.says("face", start=RuntimeError())
    li = stand.person(name="李明")
    asked = identity(li, RuleId=stand.known.rule_id, Extra="draw/7")
    stand.refused("DetectAuth", asked)

    assert said.asked == [StartQuery("李明", li.id_number, "draw/7")]


def test_a_shelf_forgets_the_oldest():
    shelf = dict.fromkeys(range(OPENED_MAX), None)
    keep(shelf, "new", None)

    assert len(shelf) == OPENED_MAX
    assert 0 not in shelf
    assert "new" in shelf


# CompareFace


def compare(stand, a, b, **said):
    return stand.ask("CompareFace", {"ImageA": b64(a), "ImageB": b64(b), **said}, "iai")


def test_two_pictures_are_compared_by_the_vendors_client(stand):
    li, other = stand.person(1), stand.person(2)
    client = IaiClient(stand.credential(), "ap-shanghai", stand.profile())
    asked = CompareFaceRequest()
    asked.ImageA, asked.ImageB = b64(f"{li.face}#face/T"), b64(f"{li.key}#idnet")
    asked.FaceModelVersion = "2.0"
    same = client.CompareFace(asked)
    asked.ImageB = b64(f"{other.key}#idnet")
    different = client.CompareFace(asked)

    assert same.FaceModelVersion == "2.0"
    assert same.Score >= 70 > different.Score
    assert stand.calls == ["face.compare"] * 2


def test_the_frame_is_found_on_either_side_and_photos_are_compared_too(stand):
    li = stand.person()
    said = stand.says("face", compare=CompareAnswer(V.PASSED, 9_510))
    frame, photo = f"{li.face}#face/T", f"{li.key}#idnet"
    compare(stand, frame, photo)
    compare(stand, photo, frame)
    compare(stand, f"{li.key}#portrait", photo)

    first, second, third = said.asked
    assert first == second == CompareQuery(Picture.named(frame), Picture.named(photo))
    assert third.frame.ref.startswith(f"{li.face}#face/")


@pytest.mark.parametrize(
    ("centi", "model_3"),
    [(0, 0), (3_500, 2_000), (7_000, 4_000), (8_000, 5_000), (9_000, 6_000), (10_000, 10_000)],
)
def test_each_model_has_its_scale(stand, centi, model_3):
    stand.says("face", compare=CompareAnswer(V.BELOW_THRESHOLD, centi))

    old = compare(stand, "li#portrait", "li#idnet", FaceModelVersion="2.0")
    assert (old["Score"], old["FaceModelVersion"]) == (centi / 100, "2.0")
    new = compare(stand, "li#portrait", "li#idnet")
    assert (new["Score"], new["FaceModelVersion"]) == (model_3 / 100, "3.0")
    assert {f"_{name}" for name in new} == set(vars(CompareFaceResponse()))


def test_the_newer_scale_keeps_the_order():
    scores = [on_scale_3(centi) for centi in range(10_001)]

    assert scores == sorted(scores)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (V.PASSED, None),
        (V.BELOW_THRESHOLD, None),
        (V.NO_FACE, "InvalidParameterValue.NoFaceInPhoto"),
        (V.NO_PHOTO, "FailedOperation.ImageFacedetectFailed"),
        (V.SEVERAL_FACES, "FailedOperation.LifePhotoDetectFaces"),
        (V.NOT_LIVE, "FailedOperation.LifePhotoDetectFake"),
        (V.TOO_OFTEN, "FailedOperation.RequestLimitExceeded"),
        (V.NOT_DONE, "InvalidParameterValue.NoFaceInPhoto"),
        (V.TOKEN_UNKNOWN, "InvalidParameterValue.NoFaceInPhoto"),
        (V.TOKEN_EXPIRED, "InvalidParameterValue.NoFaceInPhoto"),
        (V.NAME_MISMATCH, "InvalidParameterValue.NoFaceInPhoto"),
    ],
)
def test_every_verdict_of_a_comparison_has_its_code(stand, verdict, code):
    stand.says("face", compare=CompareAnswer(verdict, 5_000))
    asked = {"ImageA": b64("li#portrait"), "ImageB": b64("li#idnet")}

    if code is None:
        assert stand.ask("CompareFace", asked, "iai")["Score"] > 0
    else:
        assert stand.refused("CompareFace", asked, "iai") == code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"ImageA": None}, "MissingParameter"),
        ({"ImageB": ""}, "InvalidParameterValue.ImageEmpty"),
        ({"UrlA": "http://127.0.0.1:9/"}, "FailedOperation.ImageDownloadError"),
        ({"ImageA": "A" * (5 * 1024**2 + 4)}, "FailedOperation.ImageSizeExceed"),
        ({"ImageA": b64encode(b"GIF89a").decode()}, "FailedOperation.ImageDecodeFailed"),
        ({"FaceModelVersion": "4.0"}, "InvalidParameterValue.FaceModelVersionIllegal"),
        ({"QualityControl": 5}, "InvalidParameterValue.QualityControlIllegal"),
        ({"NeedRotateDetection": 2}, "InvalidParameterValue"),
        ({"ImageA": b64("nobody#portrait")}, "InvalidParameterValue.NoFaceInPhoto"),
    ],
)
def test_a_comparison_that_cannot_be_made_has_its_code(stand, said, code):
    asked = {"ImageA": b64("li#portrait"), "ImageB": b64("li#idnet"), **said}

    assert stand.refused("CompareFace", asked, "iai") == code


# Registers


@pytest.mark.parametrize(
    ("truth", "said", "result", "billed"),
    [
        ({}, {}, "0", True),
        ({}, {"Name": "王芳"}, "-1", True),
        ({"register_name": "李?"}, {}, "-1", True),
        ({}, {"IdCard": "1101051949123100211"}, "-2", False),
        ({}, {"IdCard": ""}, "-2", False),
        ({}, {"Name": ""}, "-3", False),
        ({}, {"Name": "李2"}, "-3", False),
        ({"in_register": False}, {}, "-5", False),
        ({}, {"IdCard": "11010519491231002X"}, "-5", False),
    ],
)
def test_name_and_number(stand, truth, said, result, billed):
    li = stand.person(name="李明", **truth)
    told = stand.ask("IdCardVerification", identity(li) | said)

    assert told["Result"] == result
    assert stand.tenant.billed == ({"face.IdCardVerification": 1} if billed else {})
    assert stand.calls == ["face.IdCardVerification"]
    assert set(told) == fields_of("IdCardVerification")


@pytest.mark.parametrize(
    ("action", "result", "more"),
    [
        ("IdCardVerification", "-7", {}),
        ("CheckIdNameDate", "-8", {"ValidityBegin": "20170812", "ValidityEnd": "20370812"}),
    ],
)
def test_one_name_is_checked_five_hundred_times_a_day(stand, action, result, more):
    asked = identity(stand.person()) | more
    for _ in range(500):
        assert stand.ask(action, asked)["Result"] in ("0", "-1")
        stand.clock.now_s += 1.0

    assert stand.ask(action, asked)["Result"] == result
    assert stand.tenant.billed[f"face.{action}"] == 500
    stand.clock.now_s = DAY_S
    assert stand.ask(action, asked)["Result"] in ("0", "-1")


VALID = {"valid_from": date(2017, 8, 12), "valid_to": date(2037, 8, 12)}


@pytest.mark.parametrize(
    ("truth", "said", "result"),
    [
        ({}, {}, "0"),
        ({"valid_to": None}, {"ValidityEnd": "00000000"}, "0"),
        ({"valid_to": None}, {}, "-1"),
        ({}, {"ValidityEnd": "00000000"}, "-1"),
        ({}, {"ValidityBegin": "20170811"}, "-1"),
        ({}, {"Name": "王芳"}, "-1"),
        ({}, {"IdCard": "1"}, "-2"),
        ({}, {"Name": "9"}, "-3"),
        ({}, {"ValidityBegin": "2017-8-12"}, "-4"),
        ({}, {"ValidityBegin": "00000000"}, "-4"),
        ({}, {"ValidityBegin": "２０１７０８１２"}, "-4"),
        ({}, {"ValidityEnd": "20370231"}, "-4"),
        ({}, {"ValidityEnd": "20160812"}, "-4"),
        ({"valid_to": date(2020, 7, 14)}, {"ValidityEnd": "20200714"}, "-5"),
        ({"valid_to": date(2020, 7, 15)}, {"ValidityEnd": "20200715"}, "0"),
        ({"in_register": False}, {}, "-7"),
    ],
)
def test_name_number_and_validity(stand, truth, said, result):
    li = stand.person(name="李明", **VALID | truth)
    asked = identity(li, ValidityBegin="20170812", ValidityEnd="20370812") | said
    told = stand.ask("CheckIdNameDate", asked)

    assert told["Result"] == result
    assert bool(stand.tenant.billed) is (result in ("0", "-1"))


def four(person, **said):
    card = person.cards[0]
    return identity(person, BankCard=card.number.text, Phone=card.phone.text) | said


@pytest.mark.parametrize(
    ("said", "result", "billed"),
    [
        ({}, "0", True),
        ({"CertType": 0}, "0", True),
        ({"Phone": "13800000000"}, "-1", True),
        ({"Name": "王芳"}, "-6", True),
        ({"IdCard": "11010519491231002X"}, "-6", True),
        ({"BankCard": CardNumber.make("629000", "000000000").text}, "-9", True),
        ({"Name": ""}, "-2", False),
        ({"IdCard": "2"}, "-3", False),
        ({"BankCard": "6290000000000001"}, "-4", False),
        ({"Phone": "2"}, "-5", False),
        ({"CertType": 1}, "-20", False),
    ],
)
def test_a_bank_card_and_its_holder(stand, said, result, billed):
    li = stand.person(name="李明", holds_card=True)
    told = stand.ask("BankCard4EVerification", four(li) | said)

    assert told["Result"] == result
    assert bool(stand.tenant.billed) is billed


def test_a_bank_card_is_checked_so_often_a_day(stand):
    asked = four(stand.person(holds_card=True))
    for _ in range(500):
        assert stand.ask("BankCard4EVerification", asked)["Result"] == "0"
        stand.clock.now_s += 1.0

    assert stand.ask("BankCard4EVerification", asked)["Result"] == "-19"


@pytest.mark.parametrize(
    ("action", "said", "code"),
    [
        ("IdCardVerification", {"Name": None}, "MissingParameter"),
        ("CheckIdNameDate", {}, "MissingParameter"),
        ("BankCard4EVerification", {"BankCard": "1"}, "MissingParameter"),
        (
            "IdCardVerification",
            {"Encryption": {"EncryptList": ["Name"], "CiphertextBlob": "x", "Iv": "x"}},
            "FailedOperation.DecryptSystemError",
        ),
    ],
)
def test_a_wrong_question_to_a_register_has_a_code(stand, action, said, code):
    assert stand.refused(action, identity(stand.person()) | said) == code


# Pictures


def photo(person, ref=None, **said):
    return identity(person, ImageBase64=b64(ref or f"{person.key}#portrait"), **said)


@pytest.mark.parametrize(
    ("truth", "said", "result", "billed"),
    [
        ({}, {}, "Success", True),
        ({}, {"ImageBase64": b64("bozhi/000002#portrait")}, "CompareLowSimilarity", True),
        ({}, {"Name": "王芳"}, "IdNameMisMatch", True),
        ({"in_register": False}, {}, "IdNoExistSystem", False),
        ({}, {"IdCard": "11010519491231002X"}, "IdNoExistSystem", False),
        ({"library_photo": False}, {}, "IdPhotoNoExist", False),
        ({}, {"IdCard": "x"}, "IdFormatError", False),
        ({}, {"Name": "7"}, "NameFormatError", False),
        ({}, {"ImageBase64": b64("nobody#portrait")}, "LifePhotoDetectNoFaces", False),
        ({}, {"ImageBase64": b64("bozhi/000001#back")}, "LifePhotoDetectNoFaces", False),
    ],
)
def test_a_photo_against_the_library(stand, truth, said, result, billed):
    li = stand.person(name="李明", **truth)
    told = stand.ask("ImageRecognitionV2", photo(li, Extra="第七笔") | said)

    assert told["Result"] == (result if result == "Success" else f"FailedOperation.{result}")
    assert told["Extra"] == "第七笔"
    assert isinstance(told["Sim"], int | float)
    assert (told["Sim"] >= 70) is (result == "Success")
    assert bool(stand.tenant.billed) is billed
    assert set(told) == fields_of("ImageRecognitionV2")


def test_a_frame_of_a_check_is_a_photo_too(stand):
    li = stand.person()
    asked = photo(li, f"{li.face}#face/T")

    told = stand.ask("ImageRecognitionV2", asked)
    assert told["Result"] == "Success"
    assert stand.ask("ImageRecognitionV2", asked)["Sim"] == told["Sim"]


def test_one_face_is_compared_fifteen_times_a_minute_and_thirty_a_day(stand):
    asked = photo(stand.person())
    limited = "FailedOperation.IdentityAuthLimitExceeded"

    def results(times):
        return [stand.ask("ImageRecognitionV2", asked)["Result"] for _ in range(times)]

    assert results(15) == ["Success"] * 15
    assert results(2) == [limited] * 2
    stand.clock.now_s = 60.0
    assert results(15) == ["Success"] * 15
    stand.clock.now_s = 3_600.0
    assert results(1) == [limited]
    stand.clock.now_s = DAY_S
    assert results(1) == ["Success"]
    assert stand.tenant.billed["face.ImageRecognitionV2"] == 31


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"ImageBase64": None}, "MissingParameter"),
        ({"ImageBase64": ""}, "FailedOperation.EmptyImageError"),
        (
            {"ImageBase64": b64encode(b"BM" + bytes(9)).decode()},
            "FailedOperation.ImageDecodeFailed",
        ),
        ({"ImageBase64": "A" * (3 * 1024**2 + 4)}, "FailedOperation.ImageSizeTooLarge"),
        ({"Extra": "x" * 11}, "InvalidParameterValue"),
        ({"Optional": 1}, "InvalidParameter"),
    ],
)
def test_a_photo_that_cannot_be_compared_has_its_code(stand, said, code):
    assert stand.refused("ImageRecognitionV2", photo(stand.person()) | said) == code


CARD = "CheckIdCardInformation"


@pytest.mark.parametrize(
    ("truth", "ref", "result"),
    [
        ({}, "front", "Success"),
        ({}, "back", "FailedOperation.ImageNoIdCard"),
        ({"card_quality": 39}, "front", "FailedOperation.ImageBlur"),
        ({"in_register": False}, "front", "FailedOperation.IdNoExistSystem"),
        ({"register_name": "李?"}, "front", "FailedOperation.IdNameMisMatch"),
        ({"library_photo": False}, "front", "FailedOperation.IdPhotoNoExist"),
        ({"likeness_ppm": 1}, "front", "FailedOperation.CompareLowSimilarity"),
    ],
)
def test_a_card_against_the_library(stand, truth, ref, result):
    li = stand.person(name="李明", **{"card_quality": 90} | truth)
    told = stand.ask(CARD, {"ImageBase64": b64(f"{li.key}#{ref}")})

    assert told["Result"] == result
    assert told["IdNum"] == (
        ""
        if result in ("FailedOperation.ImageNoIdCard", "FailedOperation.ImageBlur")
        else li.id_number.text
    )
    assert set(told) == fields_of(CARD)
    charged = ("Success", "FailedOperation.CompareLowSimilarity", "FailedOperation.IdNameMisMatch")
    assert bool(stand.tenant.billed) is (result in charged)


def test_a_cards_fields_are_read_and_its_portrait_cut_out(stand):
    li = stand.person(name="李明", birth=date(1987, 1, 1), card_quality=88)
    told = stand.ask(CARD, {"ImageBase64": b64(f"{li.key}#front")})

    assert (told["Name"], told["Sex"], told["Birth"]) == ("李明", li.sex, "1987/1/1")
    assert (told["Quality"], told["Warnings"]) == (88, "")
    assert shown_in(told["Portrait"]) == f"{li.key}#portrait"


@pytest.mark.parametrize(
    ("config", "warnings"),
    [
        ({}, ""),
        ({"CopyWarn": True}, "-9102"),
        ({"CopyWarn": False, "TempIdWarn": True}, ""),
        ({"BorderCheckWarn": True, "DetectPsWarn": True}, "-9101|-9106"),
        ({"Quality": True}, "-8001"),
    ],
)
def test_a_warning_that_was_asked_for_stops_the_comparison(stand, config, warnings):
    li = stand.person(card_quality=45, card_warnings=(-9101, -9102, -9106))
    told = stand.ask(CARD, {"ImageBase64": b64(f"{li.key}#front"), "Config": json.dumps(config)})

    assert told["Warnings"] == warnings
    assert told["Result"] == ("FailedOperation.OcrWarningOccurred" if warnings else "Success")
    assert (told["Sim"] == 0) is bool(warnings)
    assert told["Name"] == li.name


def test_a_card_is_compared_so_often_too(stand):
    asked = {"ImageBase64": b64(f"{stand.person().key}#front")}
    results = [stand.ask(CARD, asked)["Result"] for _ in range(16)]

    assert results == ["Success"] * 15 + ["FailedOperation.IdentityAuthLimitExceeded"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "MissingParameter"),
        ({"ImageUrl": "http://127.0.0.1:9/", "ImageBase64": "x"}, "FailedOperation.DownLoadError"),
        ({"ImageBase64": "A" * (7 * 1024**2 + 4)}, "FailedOperation.ImageSizeTooLarge"),
        ({"ImageBase64": b64("x"), "Config": "{"}, "InvalidParameter"),
        ({"ImageBase64": b64("x"), "Config": '{"CopyWarn": 1}'}, "InvalidParameter"),
        ({"ImageBase64": b64("x"), "IsEncrypt": True}, "FailedOperation.EncryptSystemError"),
    ],
)
def test_a_card_that_cannot_be_compared_has_its_code(stand, said, code):
    assert stand.refused(CARD, said) == code


# Videos


def video(person, kind="SILENT", ref=None, **said):
    return {
        "LivenessType": kind,
        "ImageBase64": b64(f"{person.key}#portrait"),
        "VideoBase64": video_base64(ref or f"{person.key}#video"),
        **said,
    }


@pytest.mark.parametrize(("kind", "said"), [("SILENT", ""), ("LIP", "1234"), ("ACTION", "2,1")])
def test_a_living_face_is_compared_with_a_photo(stand, kind, said):
    li = stand.person()
    asked = video(li, kind, ValidateData=said, Optional='{"BestFrameNum": 2}')
    told = stand.ask("LivenessCompare", asked)

    assert (told["Result"], told["Sim"] >= 70) == ("Success", True)
    assert shown_in(told["BestFrameBase64"]).startswith(f"{li.face}#face/")
    assert told["BestFrameList"] == [told["BestFrameBase64"]] * 2
    assert set(told) == fields_of("LivenessCompare")
    assert stand.tenant.billed == {"face.LivenessCompare": 1}


@pytest.mark.parametrize(
    ("kind", "no_face", "not_live"),
    [
        ("SILENT", "SilentFaceDetectFail", "SilentDetectFail"),
        ("LIP", "LipFaceIncomplete", "LivessDetectFake"),
        ("ACTION", "ActionNodetectFace", "LivessDetectFake"),
    ],
)
def test_what_is_no_living_face_has_its_result(stand, kind, no_face, not_live):
    li, mask = stand.person(1), stand.person(2, live=False)

    def result(**said):
        told = stand.ask("LivenessCompare", video(li, kind, ValidateData="1", **said))
        assert told["Sim"] == 0
        return told["Result"].removeprefix("FailedOperation."), bool(told["BestFrameBase64"])

    assert result(ref="nobody#video") == (no_face, False)
    assert result(ref=f"{mask.key}#video") == (not_live, True)
    assert result(ImageBase64=b64("nobody#portrait")) == ("LifePhotoDetectNoFaces", False)
    assert not stand.tenant.billed


def test_another_face_is_not_alike(stand):
    li, other = stand.person(1), stand.person(2)
    told = stand.ask("LivenessCompare", video(li, ref=f"{other.face}#face/T"))

    assert told["Result"] == "FailedOperation.CompareLowSimilarity"
    assert 0 < told["Sim"] < 70


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"LivenessType": "WINK"}, "InvalidParameterValue"),
        ({"LivenessType": "LIP"}, "MissingParameter"),
        ({"LivenessType": "ACTION", "ValidateData": ""}, "MissingParameter"),
        ({"VideoBase64": None}, "MissingParameter"),
        ({"VideoBase64": None, "VideoUrl": "http://127.0.0.1:9/"}, "FailedOperation.DownLoadError"),
        ({"VideoBase64": b64encode(b"no video").decode()}, "FailedOperation.VideoDecodeFailed"),
        ({"VideoBase64": "%"}, "FailedOperation.VideoDecodeFailed"),
        ({"VideoBase64": "A" * (8 * 1024**2 + 4)}, "FailedOperation.ImageSizeTooLarge"),
        ({"ImageBase64": None}, "MissingParameter"),
        ({"ImageBase64": None, "ImageUrl": "http://127.0.0.1:9/"}, "FailedOperation.DownLoadError"),
        ({"Optional": "{"}, "InvalidParameterValue"),
        ({"Optional": "[]"}, "InvalidParameterValue"),
        ({"Optional": '{"BestFrameNum": 11}'}, "InvalidParameterValue"),
        ({"Optional": '{"BestFrameNum": true}'}, "InvalidParameterValue"),
    ],
)
def test_a_video_that_cannot_be_judged_has_its_code(stand, said, code):
    assert stand.refused("LivenessCompare", video(stand.person()) | said) == code


def test_a_picture_that_is_there_is_not_fetched(stand):
    li = stand.person()
    asked = video(li, ImageUrl="http://127.0.0.1:9/", VideoUrl="http://127.0.0.1:9/")

    assert stand.ask("LivenessCompare", asked)["Result"] == "Success"


@pytest.mark.parametrize("head", [b"RIFF", b"FLV\x01"])
def test_the_vendors_other_formats_are_read(stand, head):
    li = stand.person()
    content = head + bytes(20) + f"loanrange:{li.key}#video".encode() + b"\0rest"
    asked = video(li, VideoBase64=b64encode(content).decode())

    assert stand.ask("LivenessCompare", asked)["Result"] == "Success"


# GetFaceIdToken and GetFaceIdResult


def face_token(stand, person, **said):
    asked = identity(person, CompareLib="BUSINESS") | said
    return stand.ask("GetFaceIdToken", asked)["FaceIdToken"]


def face_result(stand, token, **said):
    return stand.ask("GetFaceIdResult", {"FaceIdToken": token, **said})


def show(stand, token, person):
    return stand.face.show(stand.tenant, token, person)


def test_an_app_checks_a_face_from_token_to_result(stand):
    li = stand.person(name="李明")
    token = face_token(stand, li, Extra="order-7", Meta="m", MetaData="{}")
    assert face_result(stand, token)["Result"] == "17"
    assert show(stand, token, li) == "0"

    told = face_result(stand, token, IsNeedVideo=True, IsNeedBestFrame=True)
    assert (told["Result"], told["IdCard"], told["Name"]) == ("0", li.id_number.text, "李明")
    assert (told["Extra"], told["Similarity"] >= 70) == ("order-7", True)
    assert shown_in(told["BestFrameBase64"]) == f"{li.face}#face/{token}"
    assert told["VideoBase64"]
    bare = face_result(stand, token)
    assert (bare["BestFrameBase64"], bare["VideoBase64"]) == ("", "")
    assert set(told) == fields_of("GetFaceIdResult")
    assert stand.tenant.billed == {"face.GetFaceIdResult": 1}
    assert show(stand, token, li) == "14"


@pytest.mark.parametrize(
    ("truth", "said", "code"),
    [
        ({"live": False}, {}, "1002"),
        ({"shown_face": ""}, {}, "1004"),
        ({"shown_face": "somebody"}, {}, "2016"),
        ({"library_photo": False}, {}, "2007"),
        ({"in_register": False}, {}, "2007"),
        ({}, {"Name": "王芳"}, "2006"),
        ({}, {"IdCard": "11010519491231002X"}, "2007"),
        ({}, {"CompareLib": "LOCAL", "ImageBase64": b64("bozhi/000001#portrait")}, "0"),
        ({}, {"CompareLib": "LOCAL", "ImageBase64": b64("bozhi/000002#portrait")}, "2016"),
        ({}, {"CompareLib": "LOCAL", "ImageBase64": b64("nobody#portrait")}, "2007"),
    ],
)
def test_the_truth_decides_what_an_app_is_told(stand, truth, said, code):
    li = stand.person(name="李明", **truth)
    token = face_token(stand, li, **said)

    assert show(stand, token, li) == code
    assert face_result(stand, token)["Result"] == code
    assert bool(stand.tenant.billed) is (code in ("0", "2006", "2016"))


def test_an_apps_token_lives_ten_minutes_and_its_result_three_days(stand):
    li = stand.person()
    used, unused, late = (face_token(stand, li) for _ in range(3))
    assert len({used, unused, late}) == 3
    stand.clock.now_s = 599.0
    assert show(stand, used, li) == "0"
    stand.clock.now_s = 600.0
    assert show(stand, late, li) == "15"
    assert face_result(stand, unused)["Result"] == "15"
    stand.clock.now_s = 599.0 + 3 * DAY_S - 1
    assert face_result(stand, used)["Result"] == "0"
    stand.clock.now_s += 1
    gone = {"FaceIdToken": used}
    assert stand.refused("GetFaceIdResult", gone) == "FailedOperation.InvalidTokenParameter"


def test_one_person_comes_before_an_apps_camera_fifteen_times_a_minute(stand):
    li = stand.person()
    codes = [show(stand, face_token(stand, li), li) for _ in range(16)]

    assert codes == ["0"] * 15 + ["2018"]


def test_another_token_is_not_the_apps(stand):
    li = stand.person()

    assert show(stand, opened(stand, li), li) is None
    asked = {"FaceIdToken": "x"}
    assert stand.refused("GetFaceIdResult", asked) == "FailedOperation.InvalidTokenParameter"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"CompareLib": "HOME"}, "InvalidParameterValue"),
        ({"CompareLib": None}, "MissingParameter"),
        ({"IdCard": ""}, "MissingParameter"),
        ({"Name": None}, "MissingParameter"),
        ({"IdCard": "1"}, "FailedOperation.IdFormatError"),
        ({"CompareLib": "LOCAL"}, "MissingParameter"),
        (
            {"CompareLib": "LOCAL", "ImageBase64": "A" * (8 * 1024**2 + 4)},
            "FailedOperation.ImageSizeTooLarge",
        ),
        ({"RuleId": "999"}, "InvalidParameterValue.RuleIdNotExist"),
        ({"UseCos": True}, "FailedOperation.StsUnAuthErrError"),
        ({"Extra": "x" * 1_001}, "InvalidParameterValue"),
    ],
)
def test_an_apps_check_that_cannot_be_opened_has_its_code(stand, said, code):
    asked = identity(stand.person(), CompareLib="BUSINESS") | said

    assert stand.refused("GetFaceIdToken", asked) == code


def test_a_result_is_not_encrypted_here(stand):
    asked = {"FaceIdToken": face_token(stand, stand.person()), "IsEncryptResponse": True}

    assert stand.refused("GetFaceIdResult", asked) == "FailedOperation.EncryptSystemError"


# Every action, once, by the vendor's own client

NO_PORT = [
    ("IdCardVerification", identity),
    (
        "CheckIdNameDate",
        lambda li: identity(li, ValidityBegin="20170812", ValidityEnd="20370812"),
    ),
    ("BankCard4EVerification", four),
    ("ImageRecognitionV2", photo),
    ("CheckIdCardInformation", lambda li: {"ImageBase64": b64(f"{li.key}#front")}),
    ("LivenessCompare", video),
    ("GetFaceIdToken", lambda li: identity(li, CompareLib="BUSINESS")),
]


@pytest.mark.parametrize(("action", "asked"), NO_PORT)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_typed_client_asks_it(stand, action, asked, method):
    li = stand.person(name="李明", holds_card=True, **VALID)
    client = FaceidClient(stand.credential(), "", stand.profile(method))
    request = getattr(models, f"{action}Request")()
    request._deserialize(asked(li))
    told = getattr(client, action)(request)

    assert getattr(told, "Result", "0") in ("0", "Success")
    assert told.RequestId
    assert stand.calls == [f"face.{action}"]
    wrong = FaceidClient(stand.credential(key="another"), "", stand.profile(method))
    with pytest.raises(TencentCloudSDKException) as no:
        getattr(wrong, action)(request)
    assert no.value.get_code() == "AuthFailure.SignatureFailure"


def test_the_journal_names_each_call_once(stand):
    li = stand.person()
    for _ in range(2):
        stand.ask("IdCardVerification", identity(li))

    calls = stand.tenant.house.journal.calls
    assert [(call.operation, call.call) for call in calls] == [
        ("face.IdCardVerification", 1),
        ("face.IdCardVerification", 2),
    ]
    assert str(calls[0]).endswith("0")
