"""Actions that compare a picture with the library's photo: no port of the platform asks these.

What is wrong with the request (too large, not to be decoded) is an error; what the engine finds
wrong is a code in ``Result`` with similarity 0.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from core.picture import Picture
from core.ports.face import THRESHOLD_CENTI
from mocks.face.desk import Desk, face_in, is_name, number_in, score_centi
from mocks.spec import Operation, on
from mocks.tencent_call import (
    ENCRYPTED_ANSWER,
    ENCRYPTION,
    Action,
    case,
    require_plain,
    require_plain_answer,
)
from mocks.tencent_pictures import MIB, Rules, base64_of, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.ports.people import Person
    from mocks.tencent_call import Call

CARD = Rules(7 * MIB)
PHOTO = Rules(3 * MIB)
TOO_OFTEN = "IdentityAuthLimitExceeded"
FAILED = "FailedOperation."
QUALITY_WARN, QUALITY_MIN = "-8001", 50  # blurred, of 100
QUALITY_READ = 40  # below it nothing is read (as the platform's own reader has it)

SUCCESS = "Success"
DESCRIPTIONS = {
    SUCCESS: "成功",
    "CompareLowSimilarity": "比对相似度未达标",
    "IdNameMisMatch": "姓名和身份证号不一致",
    "IdNoExistSystem": "库中无此号",
    "IdPhotoNoExist": "库中无此号照片",
    "IdFormatError": "身份证号格式错误",
    "NameFormatError": "姓名格式错误",
    TOO_OFTEN: "次数超限",
    "LifePhotoDetectNoFaces": "未检测到人脸",
    "OcrWarningOccurred": "出现OCR告警",
    "ImageNoIdCard": "图片中没有身份证",
    "ImageBlur": "图片模糊",
    "LipFaceIncomplete": "脸部未完整露出",
    "ActionNodetectFace": "未检测到完整人脸",
    "SilentFaceDetectFail": "视频中未检测到人脸",
    "LivessDetectFake": "疑似非真人",
    "SilentDetectFail": "实人检测失败",
}
MEANT_CENTI = {SUCCESS: 9_200, "CompareLowSimilarity": 4_100}  # scores of the cases
COMPARED = (
    *(SUCCESS, "CompareLowSimilarity", "IdNameMisMatch", "IdNoExistSystem", "IdPhotoNoExist"),
    TOO_OFTEN,
)
BILLED = frozenset({SUCCESS, "CompareLowSimilarity", "IdNameMisMatch"})

# Config of CheckIdCardInformation: which switch stops at which warnings.
SWITCHES = {
    "CopyWarn": (-9102,),
    "BorderCheckWarn": (-9101, -9105),
    "ReshootWarn": (-9103,),
    "DetectPsWarn": (-9106,),
    "TempIdWarn": (-9104,),
}


def tell(call: Call, result: str, similarity_centi: int = 0, **more: Any) -> str:
    """Have an answer told: its common part, and what else an action tells; return its word."""
    code = result if result == SUCCESS else f"{FAILED}{result}"
    similarity = similarity_centi / 100 if similarity_centi else 0
    call.told = {"Sim": similarity, "Result": code, "Description": DESCRIPTIONS[result], **more}
    return result


def spec_of(action: str, results: Iterable[str], tells: Callable[..., str]) -> Operation:
    """Return what an action says of itself: cases called as its results are.

    ``tells(call, result, score)`` has one of them told.
    """
    known = tuple(results)
    cases = [
        case(one, DESCRIPTIONS[one], partial(tells, result=one, score=MEANT_CENTI.get(one, 0)))
        for one in known
    ]
    billed = on(*(one for one in known if one in BILLED))
    return Operation(action, billed=billed, cases=tuple(cases))


def passed(similarity_centi: int) -> str:
    """Return the result of a comparison by its score."""
    return SUCCESS if similarity_centi >= THRESHOLD_CENTI else "CompareLowSimilarity"


def _library(call: Call, holder: Person | None, name: str) -> str:
    """Return why the library cannot be compared with; empty where it can."""
    if holder is None or not holder.in_register:
        return "IdNoExistSystem"
    if holder.register_name != name:
        return "IdNameMisMatch"
    return "" if holder.library_photo else "IdPhotoNoExist"


# ImageRecognitionV2


async def image_recognition(call: Call) -> dict[str, Any]:
    """Compare a photo with the library's photo of a person."""
    require_plain(call.values.get("Encryption"), "IdCard", "Name")
    picture = picture_in(call, PHOTO)
    return await call.judge(call.text("IdCard"), _recognised, picture)


def _photo_told(call: Call, result: str, score: int = 0) -> str:
    return tell(call, result, score, Extra=call.text("Extra"))


def _recognised(call: Call, picture: Picture) -> str:
    name, number = call.text("Name"), number_in(call.text("IdCard"))
    if number is None:
        return _photo_told(call, "IdFormatError")
    if not is_name(name):
        return _photo_told(call, "NameFormatError")
    if not call.office.room(Desk).may_compare(number, name, call.tenant.now_s):
        return _photo_told(call, TOO_OFTEN)
    face = face_in(call.tenant.people, picture)
    if not face:
        return _photo_told(call, "LifePhotoDetectNoFaces")
    holder = call.tenant.people.by_number(number)
    wrong = _library(call, holder, name)
    if wrong or holder is None:
        return _photo_told(call, wrong)
    score = score_centi(call.tenant, face, holder, picture.digest)
    return _photo_told(call, passed(score), score)


# CheckIdCardInformation


async def check_id_card_information(call: Call) -> dict[str, Any]:
    """Read the portrait side of a card and compare its portrait with the library's photo."""
    require_plain_answer(call, "IsEncrypt", "IsEncryptResponse")
    config = _config(call)
    picture = picture_in(call, CARD, url="ImageUrl")
    key, _, kind = picture.ref.partition("#")
    person = call.tenant.people.by_key(key) if kind == "front" else None
    subject = person.id_number.text if person else picture.digest
    return await call.judge(subject, _portrait_compared, person, picture.digest, config)


def _card_told(call: Call, result: str, score: int = 0) -> str:
    return tell(call, result, score, **_card(None))


def _portrait_compared(
    call: Call, person: Person | None, digest: str, config: dict[str, bool]
) -> str:
    if person is None:
        return _card_told(call, "ImageNoIdCard")
    if person.card_quality < QUALITY_READ and not config.get("Quality"):
        return _card_told(call, "ImageBlur")
    warnings = _warnings(person, config)
    card = _card(person, warnings)
    if warnings:
        return tell(call, "OcrWarningOccurred", **card)
    if not call.office.room(Desk).may_compare(person.id_number, person.name, call.tenant.now_s):
        return tell(call, TOO_OFTEN, **card)
    wrong = _library(call, person, person.name)
    if wrong:
        return tell(call, wrong, **card)
    score = score_centi(call.tenant, person.face, person, digest)
    return tell(call, passed(score), score, **card)


def _config(call: Call) -> dict[str, bool]:
    text = call.text("Config")
    try:
        config = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not all(type(on) is bool for on in config.values()):
        raise VendorError("InvalidParameter", "Config is a JSON object of true and false.")
    return config


def _warnings(person: Person, config: dict[str, bool]) -> list[str]:
    asked = [code for switch, codes in SWITCHES.items() if config.get(switch) for code in codes]
    found = [str(code) for code in asked if code in person.card_warnings]
    if config.get("Quality") and person.card_quality < QUALITY_MIN:
        found.append(QUALITY_WARN)
    return found


def _card(person: Person | None, warnings: list[str] | None = None) -> dict[str, Any]:
    """Return what is printed on a card; every field is empty where none could be read."""
    card: dict[str, Any] = dict.fromkeys(
        ("Name", "Sex", "Nation", "Birth", "Address", "IdNum", "Portrait"), ""
    )
    card |= {"Quality": 0, "Warnings": "", "Encryption": None, "EncryptedBody": ""}
    if person is not None:
        born = person.birth
        card |= {
            "Name": person.name,
            "Sex": person.sex,
            "Nation": person.nation,
            "Birth": f"{born.year}/{born.month}/{born.day}",
            "Address": person.address,
            "IdNum": person.id_number.text,
            "Portrait": base64_of(Picture.named(f"{person.key}#portrait")),
            "Quality": person.card_quality,
            "Warnings": "|".join(warnings or ()),
        }
    return card


ACTIONS = (
    Action(
        "ImageRecognitionV2",
        "face",
        20,
        Fields(
            Field("IdCard", required=True),
            Field("Name", required=True),
            Field("ImageBase64", required=True),
            Field("Optional"),
            Field("Extra", longest=10),
            ENCRYPTION,
        ),
        image_recognition,
        spec=spec_of(
            "ImageRecognitionV2",
            (*COMPARED, "IdFormatError", "NameFormatError", "LifePhotoDetectNoFaces"),
            _photo_told,
        ),
    ),
    Action(
        "CheckIdCardInformation",
        "face",
        100,
        Fields(
            Field("ImageBase64"),
            Field("ImageUrl"),
            Field("Config"),
            Field("IsEncrypt", "bool"),
            Field("IsEncryptResponse", "bool"),
            ENCRYPTED_ANSWER,
        ),
        check_id_card_information,
        spec=spec_of(
            "CheckIdCardInformation",
            (*COMPARED, "OcrWarningOccurred", "ImageNoIdCard", "ImageBlur"),
            _card_told,
        ),
    ),
)
