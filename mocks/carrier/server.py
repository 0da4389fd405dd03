"""Tencent Cloud FaceID 2018-03-01 on the wire: the four checks that ask the carriers.

A result is no error: it is a code in a text field, and its table says which codes are billed. What
cannot be a phone or an ID number is answered here, since no query can be made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.identity import IdNumber, PhoneNumber
from core.ports.carrier import (
    Mismatch,
    NameQuery,
    Operator,
    OwnerQuery,
    PhoneState,
    PhoneVerdict,
    SinceQuery,
    StateQuery,
)
from mocks.spec import ASSUMED, Quota
from mocks.tencent_call import ENCRYPTION, Action, require_plain
from mocks.tencent_request import Field, Fields

if TYPE_CHECKING:
    from core.ports.carrier import NameAnswer, OwnerAnswer, SinceAnswer, StateAnswer
    from mocks.tencent_call import Call

Results = dict[PhoneVerdict, tuple[str, str]]

NAME_RESULTS: Results = {
    PhoneVerdict.SAME: ("0", "验证结果一致"),
    PhoneVerdict.DIFFERENT: ("1", "验证结果不一致"),
    PhoneVerdict.NO_RECORD: ("-1", "查无记录"),
    PhoneVerdict.BUSY: ("-3", "引擎服务异常"),
    PhoneVerdict.BAD_NAME: ("-4", "姓名校验不通过"),
    PhoneVerdict.BAD_NUMBER: ("-5", "手机号码不合法"),
    PhoneVerdict.DAILY_LIMIT: ("-6", "当日次数已用完"),
    PhoneVerdict.SEGMENT_UNSUPPORTED: ("-13", "号段不支持"),
}
OWNER_RESULTS: Results = {
    PhoneVerdict.SAME: ("0", "认证通过"),
    PhoneVerdict.DIFFERENT: ("-4", "信息不一致"),
    PhoneVerdict.BAD_NUMBER: ("-6", "手机号码不合法"),
    PhoneVerdict.BAD_NAME: ("-8", "姓名校验不通过"),
    PhoneVerdict.NO_RECORD: ("-9", "没有记录"),
    PhoneVerdict.BUSY: ("-11", "验证中心繁忙"),
    PhoneVerdict.DAILY_LIMIT: ("-12", "当日次数已用完"),
    PhoneVerdict.SEGMENT_UNSUPPORTED: ("-13", "号段不支持"),
}
BAD_ID = ("-7", "身份证号码有误")
# These two ask for no name, so nothing can differ from it: such a verdict would be a fault of the
# engine's, and is told as one.
_STATE_BUSY, _SINCE_BUSY = ("-3", "验证中心繁忙"), ("-4", "验证中心繁忙")
STATE_RESULTS: Results = {
    PhoneVerdict.SAME: ("0", "成功"),
    PhoneVerdict.NO_RECORD: ("-1", "未查询到结果"),
    PhoneVerdict.BAD_NUMBER: ("-2", "手机号格式不正确"),
    PhoneVerdict.BUSY: _STATE_BUSY,
    PhoneVerdict.DAILY_LIMIT: ("-4", "当日次数已用完"),
    PhoneVerdict.SEGMENT_UNSUPPORTED: ("-13", "号段不支持"),
    PhoneVerdict.DIFFERENT: _STATE_BUSY,
    PhoneVerdict.BAD_NAME: _STATE_BUSY,
}
SINCE_RESULTS: Results = {
    PhoneVerdict.SAME: ("0", "成功"),
    PhoneVerdict.BAD_NUMBER: ("-1", "手机号格式不正确"),
    PhoneVerdict.NO_RECORD: ("-2", "手机号不存在"),
    PhoneVerdict.BUSY: _SINCE_BUSY,
    PhoneVerdict.DAILY_LIMIT: ("-5", "当日次数已用完"),
    PhoneVerdict.SEGMENT_UNSUPPORTED: ("-13", "号段不支持"),
    PhoneVerdict.DIFFERENT: _SINCE_BUSY,
    PhoneVerdict.BAD_NAME: _SINCE_BUSY,
}

# By operation: its action, and the codes of its results.
RESULTS: dict[str, tuple[str, Results]] = {
    "name_matches": ("CheckPhoneAndName", NAME_RESULTS),
    "owner_matches": ("PhoneVerification", OWNER_RESULTS),
    "state": ("MobileStatus", STATE_RESULTS),
    "since": ("MobileNetworkTimeVerification", SINCE_RESULTS),
}
ISPS = {Operator.MOBILE: "移动", Operator.UNICOM: "联通", Operator.TELECOM: "电信", None: ""}
DETAILS = {
    Mismatch.NONE: "OtherMismatch",
    Mismatch.ID_CARD: "PhoneIdCardMismatch",
    Mismatch.NAME: "PhoneNameMismatch",
    Mismatch.NAME_AND_ID_CARD: "PhoneNameIdCardMismatch",
    Mismatch.NAME_TO_ID_CARD: "NameIdCardMismatch",
    Mismatch.OTHER: "OtherMismatch",
}


async def check_phone_and_name(call: Call) -> dict[str, Any]:
    require_plain(call.values.get("Encryption"), "Mobile", "Name")
    phone = _phone(call.text("Mobile"))
    if phone is None:
        return _told(NAME_RESULTS[PhoneVerdict.BAD_NUMBER])
    query = NameQuery(phone, call.text("Name"))
    answer: NameAnswer = await call.ask("carrier.name_matches", phone.text, query)
    return _told(NAME_RESULTS[answer.verdict])


async def phone_verification(call: Call) -> dict[str, Any]:
    require_plain(call.values, "IdCard", "Name", "Phone")
    phone = _phone(call.text("Phone"))
    if phone is None:
        return _told(OWNER_RESULTS[PhoneVerdict.BAD_NUMBER], Isp="", ResultDetail="")
    try:
        number = IdNumber(call.text("IdCard"))
    except InputError:
        return _told(BAD_ID, Isp="", ResultDetail="")
    query = OwnerQuery(phone, call.text("Name"), number)
    answer: OwnerAnswer = await call.ask("carrier.owner_matches", phone.text, query)
    differs = answer.verdict is PhoneVerdict.DIFFERENT and call.text("VerifyMode") == "1"
    return _told(
        OWNER_RESULTS[answer.verdict],
        Isp=ISPS[answer.operator],
        ResultDetail=DETAILS[answer.mismatch] if differs else "",
    )


async def mobile_status(call: Call) -> dict[str, Any]:
    require_plain(call.values.get("Encryption"), "Mobile")
    phone = _phone(call.text("Mobile"))
    if phone is None:
        unknown = int(PhoneState.UNKNOWN)
        return _told(STATE_RESULTS[PhoneVerdict.BAD_NUMBER], StatusCode=unknown)
    answer: StateAnswer = await call.ask("carrier.state", phone.text, StateQuery(phone))
    return _told(STATE_RESULTS[answer.verdict], StatusCode=int(answer.state))


async def mobile_network_time(call: Call) -> dict[str, Any]:
    require_plain(call.values.get("Encryption"), "Mobile")
    phone = _phone(call.text("Mobile"))
    if phone is None:
        return _told(SINCE_RESULTS[PhoneVerdict.BAD_NUMBER], Range="")
    answer: SinceAnswer = await call.ask("carrier.since", phone.text, SinceQuery(phone))
    until = "+" if answer.months_to is None else answer.months_to
    known = answer.verdict is PhoneVerdict.SAME
    months = f"[{answer.months_from},{until})" if known else ""
    return _told(SINCE_RESULTS[answer.verdict], Range=months)


def quotas(per_day: dict[str, int]) -> list[Quota]:
    """Return how often a day one number is answered, by operation."""
    found = []
    for name, most in per_day.items():
        action, results = RESULTS[name]
        refused = {action: results[PhoneVerdict.DAILY_LIMIT][0]}
        found.append(Quota("phone number", most, "day", refused, ASSUMED))
    return found


def _told(result: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"Result": result[0], "Description": result[1], **more}


def _phone(text: str) -> PhoneNumber | None:
    try:
        return PhoneNumber(text)
    except InputError:
        return None


_MOBILE = Field("Mobile", required=True)

ACTIONS = (
    Action(
        "CheckPhoneAndName",
        "carrier",
        20,
        Fields(_MOBILE, Field("Name", required=True), ENCRYPTION),
        check_phone_and_name,
    ),
    Action(
        "PhoneVerification",
        "carrier",
        20,
        Fields(
            Field("IdCard", required=True),
            Field("Name", required=True),
            Field("Phone", required=True),
            Field("VerifyMode", choices=("", "0", "1")),
            Field("CiphertextBlob"),
            Field("EncryptList", "strings"),
            Field("Iv"),
        ),
        phone_verification,
    ),
    Action("MobileStatus", "carrier", 20, Fields(_MOBILE, ENCRYPTION), mobile_status),
    Action(
        "MobileNetworkTimeVerification",
        "carrier",
        20,
        Fields(_MOBILE, ENCRYPTION),
        mobile_network_time,
    ),
)
