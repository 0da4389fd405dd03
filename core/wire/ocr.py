"""Reading documents by Tencent Cloud OCR, 2018-11-19: IDCardOCR and BizLicenseOCR.

Source: cloud.tencent.com/document/product/866/33524 (fields), 866/45470 (codes). The vendor tells
with an error that a picture could not be read; here that is an answer like any other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.ports.ocr import CardBack, CardFront, Licence, Reading, Warn
from core.wire.message import Exchange, Told
from core.wire.tencent import Action, TencentAccess, base64_of, call

if TYPE_CHECKING:
    from core.picture import Picture
    from core.ports.ocr import CardQuery, LicenceQuery
    from core.ports.trace import Trace

SERVICE, VERSION = "ocr", "2018-11-19"
FRONT = Action("ocr.card_front", SERVICE, VERSION, "IDCardOCR")
BACK = Action("ocr.card_back", SERVICE, VERSION, "IDCardOCR")
LICENCE = Action("ocr.licence", SERVICE, VERSION, "BizLicenseOCR")

# Every warning is asked for. Electronic cards and watermarks are found by the advanced check only
# (CardWarnType), which takes the vendor longer.
WARNINGS = {
    "CopyWarn": True,
    "BorderCheckWarn": True,
    "ReshootWarn": True,
    "DetectPsWarn": True,
    "TempIdWarn": True,
    "InvalidDateWarn": True,
    "ReflectWarn": True,
    "Quality": True,
}
WARNS: dict[int, Warn] = {
    **{warn.value: warn for warn in Warn},
    -9100: Warn.BAD_VALIDITY,  # its older number
    -9108: Warn.COPY,  # a copy in black and white
}

READINGS: dict[str, Reading] = {
    "FailedOperation.ImageNoIdCard": Reading.NO_CARD,
    "FailedOperation.ImageNoSpecifiedCard": Reading.NO_CARD,
    "FailedOperation.ImageNoText": Reading.NO_CARD,
    "FailedOperation.NoBizLicense": Reading.NO_CARD,
    "FailedOperation.CardSideError": Reading.WRONG_SIDE,
    "FailedOperation.LicenseCardSideError": Reading.WRONG_SIDE,
    "FailedOperation.ImageBlur": Reading.BLURRED,
    # A card too small, or with a number that cannot be: another picture may read better.
    "FailedOperation.IdCardTooSmall": Reading.BLURRED,
    "FailedOperation.IdCardInfoIllegal": Reading.BLURRED,
    "FailedOperation.EmptyImageError": Reading.NOT_A_PICTURE,
    "FailedOperation.FileDecodeFailed": Reading.NOT_A_PICTURE,
    "FailedOperation.ImageDecodeFailed": Reading.NOT_A_PICTURE,
    "FailedOperation.UnKnowFileTypeError": Reading.NOT_A_PICTURE,
    "InvalidParameter.EngineImageDecodeFailed": Reading.NOT_A_PICTURE,
    "FailedOperation.ImageSizeTooLarge": Reading.TOO_LARGE,
    "LimitExceeded.TooLargeFileError": Reading.TOO_LARGE,
    "RequestSizeLimitExceeded": Reading.TOO_LARGE,
    "FailedOperation.LicenseMultiCardError": Reading.SEVERAL_CARDS,
    "FailedOperation.MultiCardError": Reading.SEVERAL_CARDS,
}

DUPLICATE = {1: True, -1: False}


class OcrWire:
    """The reader of documents, over Tencent's wire."""

    def __init__(self, access: TencentAccess) -> None:
        self._access = access

    def card_front(self, trace: Trace, query: CardQuery) -> Exchange[CardFront]:
        asked = WARNINGS | {"CropPortrait": True}
        told = yield from self._card(FRONT, "FRONT", query.picture, asked)
        if isinstance(told, Reading):
            return CardFront(told)
        more = _advanced(told)
        portrait = more.picture_or("Portrait")
        return CardFront(
            Reading.READ,
            told.text("Name"),
            told.text("Sex"),
            told.text("Nation"),
            told.text("Birth"),
            told.text("Address"),
            told.text("IdNum"),
            portrait.ref if portrait else "",
            _warns(more),
            _quality(more),
        )

    def card_back(self, trace: Trace, query: CardQuery) -> Exchange[CardBack]:
        told = yield from self._card(BACK, "BACK", query.picture, WARNINGS)
        if isinstance(told, Reading):
            return CardBack(told)
        more = _advanced(told)
        authority, valid = told.text("Authority"), told.text("ValidDate")
        return CardBack(Reading.READ, authority, valid, _warns(more), _quality(more))

    def licence(self, trace: Trace, query: LicenceQuery) -> Exchange[Licence]:
        asked = {"ImageBase64": base64_of(query.picture), "EnableCopyWarn": True}
        told = yield from call(self._access, LICENCE, asked, READINGS)
        if isinstance(told, Reading):
            return Licence(told)
        duplicate = told.whole("IsDuplication")
        if duplicate not in DUPLICATE:
            raise told.wrong("IsDuplication")
        return Licence(
            Reading.READ,
            told.text("RegNum"),
            told.text("Name"),
            told.text("Type"),
            told.text("Person"),
            told.text("Capital"),
            told.text("Address"),
            told.text("Business"),
            told.text("ComposingForm"),
            told.text("SetDate"),
            told.text("Period"),
            told.text("RegistrationDate"),
            told.text("RegistrationAuthority"),
            DUPLICATE[duplicate],
            tuple(told.wholes("RecognizeWarnCode")),
        )

    def _card(
        self, action: Action, side: str, picture: Picture, asked: dict[str, bool]
    ) -> Exchange[Told | Reading]:
        parameters = {
            "ImageBase64": base64_of(picture),
            "CardSide": side,
            "Config": json.dumps(asked, separators=(",", ":")),  # a text that holds JSON
            "CardWarnType": "Advanced",
        }
        return (yield from call(self._access, action, parameters, READINGS))


def _advanced(told: Told) -> Told:
    """Return what a card's answer says beyond the print: JSON within a text of JSON."""
    return Told.read(told.operation, told.text("AdvancedInfo"))


def _warns(more: Told) -> tuple[Warn, ...]:
    """Return the warnings, each once. One that nobody knows is not passed over in silence."""
    codes = more.wholes("WarnInfos")
    if not WARNS.keys() >= set(codes):
        raise more.wrong("WarnInfos")
    return tuple(dict.fromkeys(WARNS[code] for code in codes))


def _quality(more: Told) -> int:
    quality = more.whole("Quality")
    if not 0 <= quality <= 100:
        raise more.wrong("Quality")
    return quality
