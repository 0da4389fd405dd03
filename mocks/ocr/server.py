"""Tencent Cloud OCR 2018-11-19 on the wire: IDCardOCR and BizLicenseOCR.

A request is read, the behaviour asked through its tenant, its answer told in the vendor's fields.
A picture that cannot be read is an error of the vendor's; a warning is told only where it was asked
for. The bounds of scores (border, keys, values) are our own, made from the warnings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.picture import Picture
from core.ports.ocr import CardQuery, LicenceQuery, Reading, Warn
from mocks.tencent_call import Action
from mocks.tencent_pictures import JPEG_PNG, JPEG_PNG_BMP, MIB, Rules, base64_of, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.ports.ocr import CardBack, CardFront, Licence
    from mocks.tencent_call import Call

TOO_LARGE = "LimitExceeded.TooLargeFileError"
CARD = Rules(10 * MIB, JPEG_PNG_BMP, too_large=TOO_LARGE, bills_empty=True)
LICENCE = Rules(7 * MIB, JPEG_PNG, too_large=TOO_LARGE, bills_empty=True)

# What cannot be read, in the vendor's codes: none of them is billed.
CARD_ERRORS: dict[Reading, tuple[str, str]] = {
    Reading.NO_CARD: ("FailedOperation.ImageNoIdCard", "There is no ID card in the picture."),
    Reading.WRONG_SIDE: ("FailedOperation.CardSideError", "It is the other side of the card."),
    Reading.BLURRED: ("FailedOperation.ImageBlur", "The picture is blurred."),
    Reading.NOT_A_PICTURE: ("FailedOperation.ImageDecodeFailed", "It cannot be decoded."),
    Reading.TOO_LARGE: (TOO_LARGE, "The picture is too large."),
    Reading.SEVERAL_CARDS: ("FailedOperation.MultiCardError", "There are several cards in it."),
}
LICENCE_ERRORS = CARD_ERRORS | {
    Reading.NO_CARD: ("FailedOperation.NoBizLicense", "It is no business licence."),
}

# Which switch of Config tells which warning.
SWITCHES: dict[str, tuple[Warn, ...]] = {
    "CopyWarn": (Warn.COPY,),
    "BorderCheckWarn": (Warn.BORDER, Warn.OCCLUDED),
    "ReshootWarn": (Warn.RESHOT,),
    "DetectPsWarn": (Warn.EDITED,),
    "TempIdWarn": (Warn.TEMPORARY,),
    "InvalidDateWarn": (Warn.BAD_VALIDITY,),
    "ReflectWarn": (Warn.REFLECTION,),
}
ADVANCED = (Warn.ELECTRONIC, Warn.WATERMARK)  # with DetectPsWarn, where CardWarnType is Advanced
OTHER_SWITCHES = frozenset(
    {"CropIdCard", "CropPortrait", "Quality", "MultiCardDetect", "KeyCheck", "ValueCheck"}
)
LICENCE_WARNINGS = {-9102: "WARN_COPY_CARD", -9104: "WARN_RESHOOT_CARD", -9108: "WARN_EARLY_STOP"}


async def id_card(call: Call) -> dict[str, Any]:
    config = config_of(call.text("Config"))
    picture = picture_in(call, CARD, url="ImageUrl")
    side = call.text("CardSide")
    if not side:
        side = "BACK" if picture.ref.partition("#")[2] == "back" else "FRONT"
    operation = "ocr.card_front" if side == "FRONT" else "ocr.card_back"
    answer = await call.ask(operation, picture.ref or picture.digest, CardQuery(picture))
    if answer.reading is not Reading.READ:
        raise VendorError(*CARD_ERRORS[answer.reading])
    advanced = call.text("CardWarnType") == "Advanced"
    told = _front(answer) if side == "FRONT" else _back(answer)
    return {
        **told,
        "AdvancedInfo": _advanced_info(config, answer, picture, advanced),
        "ReflectDetailInfos": _reflections(call, config, answer),
    }


def config_of(text: str) -> dict[str, bool]:
    """Return the switches of a JSON string; what it does not name is off.

    Raises:
        VendorError: it is no JSON object of truths.
    """
    try:
        config = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not all(type(on) is bool for on in config.values()):
        code = "InvalidParameter.ConfigFormatError"
        raise VendorError(code, "Config is a JSON object of true and false.")
    return {name: on for name, on in config.items() if name in SWITCHES or name in OTHER_SWITCHES}


def _front(answer: CardFront) -> dict[str, Any]:
    return {
        "Name": answer.name,
        "Sex": answer.sex,
        "Nation": answer.nation,
        "Birth": answer.birth,
        "Address": answer.address,
        "IdNum": answer.number,
        "Authority": "",
        "ValidDate": "",
    }


def _back(answer: CardBack) -> dict[str, Any]:
    empty = dict.fromkeys(("Name", "Sex", "Nation", "Birth", "Address", "IdNum"), "")
    return {**empty, "Authority": answer.authority, "ValidDate": answer.valid}


def _advanced_info(
    config: dict[str, bool], answer: CardFront | CardBack, picture: Picture, advanced: bool
) -> str:
    """Return the JSON of what was asked for beside the fields; warnings where nothing was."""
    found: frozenset[int] = frozenset(answer.warnings)
    told: dict[str, Any] = {}
    if config.get("CropIdCard"):
        told["IdCard"] = base64_of(picture)
    portrait = getattr(answer, "portrait", "")
    if config.get("CropPortrait") and portrait:
        told["Portrait"] = base64_of(Picture.named(portrait))
    if config.get("Quality"):
        told["Quality"] = answer.quality
    if config.get("BorderCheckWarn"):
        told["BorderCodeValue"] = 20 if Warn.BORDER in found else 90
    clear = not found & {Warn.OCCLUDED, Warn.REFLECTION}
    for switch, name in (("KeyCheck", "IsKeyValid"), ("ValueCheck", "IsValueValid")):
        if config.get(switch):
            told[name] = clear
    asked = [warn for switch, warns in SWITCHES.items() if config.get(switch) for warn in warns]
    if config.get("DetectPsWarn") and advanced:
        asked += ADVANCED
    if asked or not any(config.values()):
        told["WarnInfos"] = [int(warn) for warn in answer.warnings if warn in asked]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _reflections(
    call: Call, config: dict[str, bool], answer: CardFront | CardBack
) -> list[dict[str, str]]:
    wanted = call.flag("EnableReflectDetail") and config.get("ReflectWarn")
    if not wanted or Warn.REFLECTION not in answer.warnings:
        return []
    return [{"Position": "RecognitionField"}]


async def biz_license(call: Call) -> dict[str, Any]:
    picture = picture_in(call, LICENCE, url="ImageUrl")
    query = LicenceQuery(picture)
    answer: Licence = await call.ask("ocr.licence", picture.ref or picture.digest, query)
    if answer.reading is not Reading.READ:
        raise VendorError(*LICENCE_ERRORS[answer.reading])
    warned = answer.warnings if call.flag("EnableCopyWarn") else ()
    codes = [int(code) for code in warned if code in LICENCE_WARNINGS]
    whole = call.flag("EnablePeriodComplete", otherwise=True)
    return {
        "RegNum": answer.code,
        "Name": answer.name,
        "Capital": answer.capital,
        "Person": answer.person,
        "Address": answer.address,
        "Business": answer.scope,
        "Type": answer.kind,
        "Period": answer.period if whole else answer.period.rpartition("至")[2],
        "ComposingForm": answer.composing_form,
        "SetDate": answer.set_on,
        "RecognizeWarnCode": codes,
        "RecognizeWarnMsg": [LICENCE_WARNINGS[code] for code in codes],
        "IsDuplication": 1 if answer.duplicate else -1,
        "RegistrationDate": answer.registered_on,
        "Angle": 0.0,
        "NationalEmblem": True,
        "QRCode": True,
        "Seal": True,
        "Title": "营业执照",
        "SerialNumber": "",
        "RegistrationAuthority": answer.authority,
        "Electronic": False,
        "BusinessCertificate": [],
        "Important": "",
    }


ACTIONS = (
    Action(
        "IDCardOCR",
        "ocr",
        20,
        Fields(
            Field("ImageBase64"),
            Field("ImageUrl"),
            Field("CardSide", choices=("", "FRONT", "BACK")),
            Field("Config"),
            Field("EnableRecognitionRectify", "bool"),
            Field("EnableReflectDetail", "bool"),
            Field("EnableDateVerify", "bool"),
            Field("CardWarnType", choices=("", "Basic", "Advanced")),
        ),
        id_card,
    ),
    Action(
        "BizLicenseOCR",
        "ocr",
        10,
        Fields(
            Field("ImageBase64"),
            Field("ImageUrl"),
            Field("EnableCopyWarn", "bool"),
            Field("EnablePeriodComplete", "bool"),
            Field("EnableBusinessCertificate", "bool"),
        ),
        biz_license,
    ),
)
