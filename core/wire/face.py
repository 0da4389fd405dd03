"""Face verification by Tencent Cloud: FaceID 2018-03-01, and IAI 2020-03-03 for two photos.

Source: DetectAuth, GetDetectInfoEnhanced and CompareFace as the vendor's API description has them;
the codes of a finished check: cloud.tencent.com/document/product/1007/31082 and 213/32309.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from core.errors import InputError, NotDone, ProviderError, ServerFailed
from core.identity import IdNumber
from core.ports.face import (
    THRESHOLD_CENTI,
    CompareAnswer,
    FaceAnswer,
    FaceVerdict,
    StartAnswer,
)
from core.wire.message import Exchange, Told
from core.wire.tencent import Action, TencentAccess, base64_of, call

if TYPE_CHECKING:
    from core.ports.face import CompareQuery, ResultQuery, StartQuery
    from core.ports.trace import Trace

START = Action("face.start", "faceid", "2018-03-01", "DetectAuth")
RESULT = Action("face.result", "faceid", "2018-03-01", "GetDetectInfoEnhanced")
COMPARE = Action("face.compare", "iai", "2020-03-03", "CompareFace")
EVERYTHING = "0"  # of what a check has left behind: texts, frames, videos
MODEL = "2.0"  # of the comparison: on its scale 70 is the mark, as with the authority library

TOKEN_ERRORS: dict[str, FaceVerdict] = {
    "InvalidParameter": FaceVerdict.TOKEN_UNKNOWN,  # so in the vendor's sample of a false token
    "InvalidParameterValue.BizTokenIllegal": FaceVerdict.TOKEN_UNKNOWN,
    "InvalidParameterValue.BizTokenExpired": FaceVerdict.TOKEN_EXPIRED,
}

# How a check ended (Text.ErrCode). Liveness by digits (11xx), by actions (12xx) or without a word
# (13xx) fails in many ways that are all the same to us, but for a face that was not in the picture.
ENDINGS: dict[int, FaceVerdict] = {
    **dict.fromkeys(
        (*range(1101, 1110), *range(1201, 1211), *range(1301, 1304)), FaceVerdict.NOT_LIVE
    ),
    0: FaceVerdict.PASSED,
    14: FaceVerdict.NOT_DONE,  # the token's check was over before
    15: FaceVerdict.TOKEN_EXPIRED,
    16: FaceVerdict.TOO_OFTEN,
    17: FaceVerdict.NOT_DONE,
    301: FaceVerdict.NAME_MISMATCH,  # the card that was shown has another number
    302: FaceVerdict.NOT_DONE,  # the card that was shown has expired
    303: FaceVerdict.NOT_DONE,
    1002: FaceVerdict.NOT_LIVE,
    1003: FaceVerdict.NOT_LIVE,
    1004: FaceVerdict.NO_FACE,
    1005: FaceVerdict.NOT_LIVE,
    1008: FaceVerdict.NOT_DONE,  # the customer's network
    1102: FaceVerdict.NO_FACE,
    1210: FaceVerdict.NO_FACE,
    2004: FaceVerdict.NO_FACE,
    2005: FaceVerdict.NO_PHOTO,
    2006: FaceVerdict.NAME_MISMATCH,
    2007: FaceVerdict.NO_PHOTO,
    2008: FaceVerdict.NO_PHOTO,
    2009: FaceVerdict.NO_PHOTO,  # there is one, too small to compare with
    2010: FaceVerdict.NO_FACE,
    2011: FaceVerdict.NOT_LIVE,
    2012: FaceVerdict.SEVERAL_FACES,
    2013: FaceVerdict.NO_FACE,
    2014: FaceVerdict.NO_FACE,
    2016: FaceVerdict.BELOW_THRESHOLD,
    2018: FaceVerdict.TOO_OFTEN,
}
# Endings that say nothing of the person: we asked wrongly, or the vendor failed.
BROKEN: dict[int, type[ProviderError]] = {
    **dict.fromkeys((1, 2, 3, 203, 204, 2002, 2003), NotDone),
    **dict.fromkeys((4, 8, 10, 12, 13, 201, 202, 1001, 1006, 1007, 2001, 2015, 2017), ServerFailed),
}

# Which of the two pictures is meant, the vendor does not say.
COMPARE_ERRORS: dict[str, FaceVerdict] = {
    "InvalidParameterValue.NoFaceInPhoto": FaceVerdict.NO_FACE,
    "FailedOperation.FaceQualityNotQualified": FaceVerdict.NO_FACE,
    "FailedOperation.FaceSizeTooSmall": FaceVerdict.NO_FACE,
    "FailedOperation.ImageDecodeFailed": FaceVerdict.NO_FACE,
    "FailedOperation.ImageFacedetectFailed": FaceVerdict.NO_FACE,
    "FailedOperation.ImageResolutionTooSmall": FaceVerdict.NO_FACE,
    "FailedOperation.LifePhotoDetectNoFaces": FaceVerdict.NO_FACE,
    "FailedOperation.LifePhotoDetectFaces": FaceVerdict.SEVERAL_FACES,
    "FailedOperation.LifePhotoDetectFake": FaceVerdict.NOT_LIVE,
    "InvalidParameterValue.ImageEmpty": FaceVerdict.NO_PHOTO,
    "InvalidParameterValue.ImageEmptyError": FaceVerdict.NO_PHOTO,
}

HUNDREDTH = Decimal("0.01")
POINTS = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")  # a similarity as FaceID writes it: 95.51


class FaceWire:
    """The face vendor, over Tencent's wire. ``photos`` is the access to IAI, where it differs."""

    def __init__(
        self, access: TencentAccess, rule_id: str, photos: TencentAccess | None = None
    ) -> None:
        self._access = access
        self._rule_id = rule_id
        self._photos = photos or access

    def start(self, trace: Trace, query: StartQuery) -> Exchange[StartAnswer]:
        asked = {
            "RuleId": self._rule_id,
            "IdCard": query.number.text,
            "Name": query.name,
            "Extra": query.purpose,  # comes back with the result
        }
        told = yield from self._ask(START, asked)
        return StartAnswer(told.filled("BizToken"))

    def result(self, trace: Trace, query: ResultQuery) -> Exchange[FaceAnswer]:
        asked = {"BizToken": query.token, "RuleId": self._rule_id, "InfoType": EVERYTHING}
        told = yield from call(self._access, RESULT, asked, TOKEN_ERRORS)
        return FaceAnswer(told) if isinstance(told, FaceVerdict) else _ended(told)

    def compare(self, trace: Trace, query: CompareQuery) -> Exchange[CompareAnswer]:
        asked = {
            "ImageA": base64_of(query.frame),
            "ImageB": base64_of(query.photo),
            "FaceModelVersion": MODEL,
        }
        told = yield from call(self._photos, COMPARE, asked, COMPARE_ERRORS)
        if isinstance(told, FaceVerdict):
            return CompareAnswer(told)
        score = told.number("Score")
        if not 0 <= score <= 100:
            raise told.wrong("Score")
        centi = int(score.quantize(HUNDREDTH, ROUND_DOWN) * 100)  # nobody is lifted over it
        passed = centi >= THRESHOLD_CENTI
        return CompareAnswer(FaceVerdict.PASSED if passed else FaceVerdict.BELOW_THRESHOLD, centi)

    def _ask(self, action: Action, parameters: dict[str, str]) -> Exchange[Told]:
        return (yield from call(self._access, action, parameters, {}))


def _ended(told: Told) -> FaceAnswer:
    """Return how a check ended. A pass without a live face, a frame or the score is no answer."""
    text = told.inside_or("Text")
    if text is None:  # the vendor writes null where there is nothing yet to tell
        return FaceAnswer(FaceVerdict.NOT_DONE)
    verdict = _ending(text)
    live = text.whole_or("LiveStatus", -1) == 0
    centi = _centi(text)
    best = told.inside_or("BestFrame")
    frame = best.picture_or("BestFrame") if best else None
    if verdict is FaceVerdict.PASSED and not (live and centi >= THRESHOLD_CENTI):
        raise text.wrong("ErrCode")
    # These two go on to be kept, or compared with another photo.
    if verdict in (FaceVerdict.PASSED, FaceVerdict.NO_PHOTO) and live and frame is None:
        raise told.wrong("BestFrame")
    return FaceAnswer(verdict, centi, live, frame, _number(text), text.text_or("Extra"))


def _ending(text: Told) -> FaceVerdict:
    code = text.whole_or("ErrCode", 17)  # null as well: not finished
    if code in BROKEN:
        raise BROKEN[code](text.operation, str(code))
    if code not in ENDINGS:
        raise text.wrong("ErrCode")
    return ENDINGS[code]


def _centi(text: Told) -> int:
    """Return the similarity in hundredths of a point; 0 where nothing was compared."""
    told = text.text_or("Sim")
    if not told:
        return 0
    points = POINTS.fullmatch(told)
    centi = int(points[1]) * 100 + int((points[2] or "").ljust(2, "0")) if points else -1
    if not 0 <= centi <= 10_000:
        raise text.wrong("Sim")
    return centi


def _number(text: Told) -> IdNumber | None:
    """Return whom the check was about; a number that cannot be one is not what we gave."""
    told = text.text_or("IdCard")
    try:
        return IdNumber(told) if told else None
    except InputError:
        raise text.wrong("IdCard") from None
