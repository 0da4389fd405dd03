"""Actions that compare a picture with the library's photo: no port of the platform asks these.

What is wrong with the request (too large, not to be decoded) is an error; what the engine finds
wrong is a code in ``Result`` with similarity 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.picture import Picture
from core.ports.face import THRESHOLD_CENTI
from mocks.face.desk import Desk, face_in, is_name, number_in, score_centi
from mocks.tencent_call import (
    ENCRYPTED_ANSWER,
    ENCRYPTION,
    Action,
    require_plain,
    require_plain_answer,
)
from mocks.tencent_pictures import MIB, Rules, base64_of, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.ports.people import Person
    from mocks.tencent_call import Call

CARD = Rules(7 * MIB)
PHOTO = Rules(3 * MIB)
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
    "IdentityAuthLimitExceeded": "次数超限",
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
BILLED = frozenset({SUCCESS, "CompareLowSimilarity", "IdNameMisMatch"})

# Config of CheckIdCardInformation: which switch stops at which warnings.
SWITCHES = {
    "CopyWarn": (-9102,),
    "BorderCheckWarn": (-9101, -9105),
    "ReshootWarn": (-9103,),
    "DetectPsWarn": (-9106,),
    "TempIdWarn": (-9104,),
}


def told(call: Call, subject: str, result: str, similarity_centi: int = 0) -> dict[str, Any]:
    """Return an answer's common part, journalled and billed."""
    call.settle(subject, result, billed=result in BILLED)
    code = result if result == SUCCESS else f"FailedOperation.{result}"
    similarity = similarity_centi / 100 if similarity_centi else 0
    return {"Sim": similarity, "Result": code, "Description": DESCRIPTIONS[result]}


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
    extra = {"Extra": call.text("Extra")}
    text, name = call.text("IdCard"), call.text("Name")
    number = number_in(text)
    if number is None:
        return told(call, text, "IdFormatError") | extra
    if not is_name(name):
        return told(call, text, "NameFormatError") | extra
    if not call.office.room(Desk).may_compare(number, name, call.tenant.now_s):
        return told(call, text, "IdentityAuthLimitExceeded") | extra
    face = face_in(call.tenant.people, picture)
    if not face:
        return told(call, text, "LifePhotoDetectNoFaces") | extra
    holder = call.tenant.people.by_number(number)
    wrong = _library(call, holder, name)
    if wrong or holder is None:
        return told(call, text, wrong) | extra
    score = score_centi(call.tenant, face, holder, picture.digest)
    return told(call, text, passed(score), score) | extra


# CheckIdCardInformation


async def check_id_card_information(call: Call) -> dict[str, Any]:
    """Read the portrait side of a card and compare its portrait with the library's photo."""
    require_plain_answer(call, "IsEncrypt", "IsEncryptResponse")
    config = _config(call)
    picture = picture_in(call, CARD, url="ImageUrl")
    key, _, kind = picture.ref.partition("#")
    person = call.tenant.people.by_key(key) if kind == "front" else None
    if person is None:
        return _card(None) | told(call, picture.digest, "ImageNoIdCard")
    subject = person.id_number.text
    if person.card_quality < QUALITY_READ and not config.get("Quality"):
        return _card(None) | told(call, subject, "ImageBlur")
    warnings = _warnings(person, config)
    card = _card(person, warnings)
    if warnings:
        return card | told(call, subject, "OcrWarningOccurred")
    if not call.office.room(Desk).may_compare(person.id_number, person.name, call.tenant.now_s):
        return card | told(call, subject, "IdentityAuthLimitExceeded")
    wrong = _library(call, person, person.name)
    if wrong:
        return card | told(call, subject, wrong)
    score = score_centi(call.tenant, person.face, person, picture.digest)
    return card | told(call, subject, passed(score), score)


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
    ),
)
