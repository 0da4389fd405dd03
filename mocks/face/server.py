"""Tencent Cloud FaceID 2018-03-01 on the wire: DetectAuth and GetDetectInfoEnhanced.

The first opens a check, the second reads how it ended. The platform's third question, CompareFace,
is another product's (:mod:`mocks.face.comparison`). The other actions of FaceID have no port:
:mod:`mocks.face.registers`, :mod:`mocks.face.pictures`, :mod:`mocks.face.videos` and
:mod:`mocks.face.tokens` answer them. The vendor's odd capitals are the vendor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from core.ports.face import FaceVerdict, ResultQuery, StartQuery
from mocks.face import pictures, registers, tokens, videos
from mocks.face.behaviour import BILLED, PER_DAY, PER_MINUTE
from mocks.face.codes import ERRORS, SUCCESS
from mocks.face.comparison import ACTIONS as COMPARISONS
from mocks.face.desk import NAME_MAX, Desk, Opened, keep, number_in
from mocks.face.videos import video_base64
from mocks.spec import ASSUMED
from mocks.tencent_call import (
    ENCRYPTED_ANSWER,
    ENCRYPTION,
    NOT_ENCRYPTED,
    Action,
    require_plain,
    require_plain_answer,
    uuid_like,
)
from mocks.tencent_limits import Tally
from mocks.tencent_pictures import MIB, Rules, base64_of, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.ports.face import FaceAnswer, StartAnswer
    from mocks.spec import Quota
    from mocks.tencent_call import Call

__all__ = ["ACTIONS", "COMPARISONS"]

TEXT, ID_CARD, FRAMES, VIDEO = "1234"
INFO_TYPES = frozenset("0123456")
FRAMES_MAX = 10
LIBRARY, FLASH = "权威库", 4  # compared with whose photos; the kind of liveness check
PHOTO = Rules(3 * MIB)
# What only a card that is photographed during the check would tell, and other products' fields.
NOT_KNOWN = (
    *("OcrNation", "OcrAddress", "OcrBirth", "OcrAuthority", "OcrValidDate", "OcrGender"),
    *("Location", "PassNo", "VisaNum", "LivenessInfoTag", "LivenessActionSequence"),
)
QUESTIONS, NODS, READ_ALOUD = "012"  # the kinds of spoken consent


COMPARED_IN = ("CheckIdCardInformation", "ImageRecognitionV2")  # with the library, beside tokens


def quotas(desk: Desk) -> list[Quota]:
    """Return how often one person, name or card may be checked.

    The checks of mini-programs and those of everything else are counted apart.
    """
    shown = str(ERRORS[FaceVerdict.TOO_OFTEN][0])
    compared = dict.fromkeys(COMPARED_IN, f"{pictures.FAILED}{pictures.TOO_OFTEN}")
    compared["GetFaceIdResult"] = shown
    return [
        *Tally(PER_DAY, PER_MINUTE).quotas("ID number", {"GetDetectInfoEnhanced": shown}),
        *desk.faces.quotas("ID number", compared),
        *desk.face_names.quotas("name", compared),
        *desk.numbers.quotas("ID number", registers.NAMES_TOO_OFTEN),
        *desk.names.quotas("name", registers.NAMES_TOO_OFTEN),
        *desk.cards.quotas("bank card", registers.CARDS_TOO_OFTEN, ASSUMED),
    ]


# DetectAuth


async def detect_auth(call: Call) -> dict[str, Any]:
    require_plain(call.values.get("Encryption"), "IdCard", "Name")
    _require_rule(call)
    name, text = call.text("Name"), call.text("IdCard")
    for given, parameter in ((text, "IdCard"), (name, "Name")):
        if not given:
            # Whether they must be given is a setting of the rule; ours asks for both.
            raise VendorError("MissingParameter", f"The rule needs the parameter `{parameter}`.")
    number = number_in(text)
    if number is None or number.text != text:  # a lower-case x is refused
        raise VendorError("InvalidParameterValue", "IdCard is no ID number, with a capital X.")
    if call.values.get("ImageBase64"):
        picture_in(call, PHOTO)
        problem = "The rule compares with the library, not with a picture of the caller's."
        raise VendorError("UnsupportedOperation", problem)
    extra = call.text("Extra")
    query = StartQuery(name, number, extra)
    answer: StartAnswer = await call.ask("face.start", number.text, query)
    opened = Opened(name, number.text, extra, *_consent(call))
    keep(call.office.room(Desk).opened, answer.token, opened)
    return {"Url": _page(call, answer.token), "BizToken": answer.token}


def _require_rule(call: Call) -> None:
    if call.text("RuleId") != call.tenant.credentials.rule_id:
        code = "InvalidParameterValue.RuleIdNotExist"
        raise VendorError(code, "There is no such RuleId; the control plane names the tenant's.")


def _consent(call: Call) -> tuple[str, tuple[str, ...]]:
    """Return in which way the customer is to speak, and the words."""
    questions, nods = call.values.get("IntentionQuestions"), call.values.get("IntentionActions")
    wanted = (call.values.get("Config") or {}).get("IntentionType", 0)
    if call.text("IntentionVerifyText"):
        return READ_ALOUD, (call.text("IntentionVerifyText"),)
    if nods and (wanted == 1 or not questions):
        return NODS, tuple(nod["Text"] for nod in nods)
    if questions:
        return QUESTIONS, tuple(asked["Answers"][0] for asked in questions if asked["Answers"])
    return "", ()


def _page(call: Call, token: str) -> str:
    """Return the address of the vendor's own page, which only a web page in WeChat would open."""
    target = quote(call.text("RedirectUrl"), safe="")
    appid = call.tenant.credentials.appid
    return (
        f"https://open.weixin.qq.com/connect/oauth2/authorize?appid={appid}"
        f"&redirect_uri={target}&response_type=code&state={token}#wechat_redirect"
    )


# GetDetectInfoEnhanced


async def get_detect_info(call: Call) -> dict[str, Any]:
    require_plain_answer(call, "IsEncryptResponse")
    _require_rule(call)
    wanted = call.text("InfoType") or "0"
    if not set(wanted) <= INFO_TYPES:
        raise VendorError("InvalidParameterValue", "InfoType is made of the digits 0 to 6.")
    token = call.text("BizToken")
    answer: FaceAnswer = await call.ask("face.result", token, ResultQuery(token))
    opened = call.office.room(Desk).opened.get(token)
    if answer.verdict is FaceVerdict.TOKEN_UNKNOWN or opened is None:
        raise VendorError("InvalidParameterValue.BizTokenIllegal", "There is no such BizToken.")
    if answer.verdict is FaceVerdict.TOKEN_EXPIRED:
        raise VendorError("InvalidParameterValue.BizTokenExpired", "The BizToken is too old.")
    if answer.verdict is not FaceVerdict.NOT_DONE and not opened.finished_ms:
        opened.finished_ms = call.tenant.unix_s * 1_000
    kinds = "123456" if "0" in wanted else wanted
    return {
        "Text": _text(answer, opened, token) if TEXT in kinds else None,
        "IdCardData": _id_card() if ID_CARD in kinds else None,
        "BestFrame": _best_frame(call, answer) if FRAMES in kinds else None,
        "VideoData": _video(answer) if VIDEO in kinds else None,
        "Encryption": NOT_ENCRYPTED,
        "EncryptedBody": "",
        **_spoken(answer, opened, kinds),
    }


def _text(answer: FaceAnswer, opened: Opened, token: str) -> dict[str, Any]:
    done = answer.verdict is not FaceVerdict.NOT_DONE
    detail = [_detail(answer, opened, token)] if done else []
    code, said = ERRORS[answer.verdict]
    return {
        **dict.fromkeys(NOT_KNOWN),
        "ErrCode": code,
        "ErrMsg": said,
        "IdCard": opened.number,
        "UseIDType": 0,
        "Name": opened.name,
        "OcrName": "",
        "OcrIdCard": "",
        "IdInfoFrom": "其他",
        **_stages(answer),
        "Sim": _similarity(answer),
        "Extra": opened.extra,
        "LivenessDetail": detail,
        "Mobile": "",
        "CompareLibType": LIBRARY if done else None,
        "LivenessMode": FLASH if done else 0,
        "NFCRequestIds": [],
        "NFCBillingCounts": 0,
    }


def _stages(answer: FaceAnswer, live: str = "LiveStatus", said: str = "LiveMsg") -> dict[str, Any]:
    """Return how the two stages ended, alive and alike; None where a stage was not reached."""
    code, message = ERRORS[answer.verdict]
    if answer.verdict is FaceVerdict.NOT_DONE:
        return {live: None, said: None, "Comparestatus": None, "Comparemsg": None}
    if not answer.live:
        return {live: code, said: message, "Comparestatus": None, "Comparemsg": None}
    return {live: 0, said: SUCCESS, "Comparestatus": code, "Comparemsg": message}


def _similarity(answer: FaceAnswer) -> str:
    return f"{answer.similarity_centi // 100}.{answer.similarity_centi % 100:02d}"


def _detail(answer: FaceAnswer, opened: Opened, token: str) -> dict[str, Any]:
    """Return the one comparison that a token allows."""
    code, said = ERRORS[answer.verdict]
    return {
        "ReqTime": str(opened.finished_ms),
        "Seq": uuid_like(token, b"seq"),
        "Idcard": opened.number,
        "Name": opened.name,
        "Sim": _similarity(answer),
        "IsNeedCharge": BILLED(answer),
        "Errcode": code,
        "Errmsg": said,
        **_stages(answer, "Livestatus", "Livemsg"),
        "CompareLibType": LIBRARY,
        "LivenessMode": FLASH,
    }


def _id_card() -> dict[str, Any]:
    """Return the card's pictures: none, since name and number were given beforehand."""
    names = "OcrFront OcrBack ProcessedFrontImage ProcessedBackImage Avatar WarnInfos BackWarnInfos"
    return dict.fromkeys(names.split())


def _best_frame(call: Call, answer: FaceAnswer) -> dict[str, Any]:
    count = min(int(call.values.get("BestFramesCount", 0)), FRAMES_MAX)
    if answer.frame is None:
        return {"BestFrame": None, "BestFrames": []}
    frame = base64_of(answer.frame)
    return {"BestFrame": frame, "BestFrames": [frame] * count}


def _video(answer: FaceAnswer) -> dict[str, Any]:
    video = video_base64(answer.frame.ref) if answer.frame is not None else None
    return {"LivenessVideo": video, "LivenessVideos": []}


def _spoken(answer: FaceAnswer, opened: Opened, kinds: str) -> dict[str, Any]:
    """Return how the spoken consent ended: whoever passes the face check has said the words."""
    mode, passed = opened.mode, answer.verdict is FaceVerdict.PASSED
    read = asked = nodded = None
    if mode == READ_ALOUD and passed and "5" in kinds:
        read = {
            "IntentionVerifyVideo": "",
            "AsrResult": opened.words[0],
            "ErrorCode": 0,
            "ErrorMessage": SUCCESS,
            "IntentionVerifyBestFrame": "",
            "AsrResultSimilarity": "100.00",
            "IntentionVerifyAudio": "",
        }
    done = {"FinalResultDetailCode": 0, "FinalResultMessage": SUCCESS}
    if mode == QUESTIONS and passed and "6" in kinds:
        said = {"AsrResult": list(opened.words), "ResultCode": ["0"] * len(opened.words)}
        films = {"Video": "", "ScreenShot": [], "Audios": []}
        asked = {**done, **films, **said, "FinalResultCode": "0"}
    if mode == NODS and passed and "6" in kinds:
        nodded = {**done, "Details": [{"Video": "", "ScreenShot": []} for _ in opened.words]}
    return {
        "IntentionVerifyData": read,
        "IntentionQuestionResult": asked,
        "IntentionActionResult": nodded,
        "IsVerifyIntention": bool(mode),
        "IntentionVerifyType": mode,
    }


_INTENTION_QUESTION = Fields(
    Field("Question", required=True, longest=250),
    Field("Answers", "strings", required=True, longest=50, each=10),
)
_RULE_CONFIG = Fields(
    Field("IntentionRecognition", "bool"),
    Field("IntentionType", "int", choices=(0, 1)),
    Field("MouthOpenRecognition", "bool"),
    Field("Speed", "uint", choices=(0, 1, 2, 3)),
)
_NOD = Fields(Field("Text", required=True, longest=250))

ACTIONS = (
    Action(
        "DetectAuth",
        "face",
        100,
        Fields(
            Field("RuleId", required=True),
            Field("TerminalType"),
            Field("IdCard"),
            Field("Name", longest=NAME_MAX),
            Field("RedirectUrl", longest=1_024),
            Field("Extra", longest=1_024),
            Field("ImageBase64"),
            ENCRYPTION,
            Field("IntentionVerifyText", longest=120),
            Field("IntentionQuestions", "objects", longest=10, fields=_INTENTION_QUESTION),
            Field("IntentionActions", "objects", longest=10, fields=_NOD),
            Field("Config", "object", fields=_RULE_CONFIG),
        ),
        detect_auth,
    ),
    Action(
        "GetDetectInfoEnhanced",
        "face",
        100,
        Fields(
            Field("BizToken", required=True),
            Field("RuleId", required=True),
            Field("InfoType"),
            Field("BestFramesCount", "uint"),
            Field("IsCutIdCardImage", "bool"),
            Field("IsNeedIdCardAvatar", "bool"),
            Field("IsEncrypt", "bool"),
            ENCRYPTED_ANSWER,
            Field("IsEncryptResponse", "bool"),
            Field("IsReturnAllVideo", "bool"),
        ),
        get_detect_info,
    ),
    *registers.ACTIONS,
    *pictures.ACTIONS,
    *videos.ACTIONS,
    *tokens.ACTIONS,
)
