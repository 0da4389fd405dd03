"""Actions that hold what somebody says against a register: name, number, validity, bank card.

No port of the platform asks these; they answer from the truth about people. A result is a code in
a text field, and ``BILLED`` says which of them the vendor charges for.
"""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from mocks import magic
from mocks.face.desk import Desk, card_in, is_name, number_in, phone_in
from mocks.spec import Magic, Operation, on
from mocks.tencent_call import ENCRYPTION, Action, case, require_plain
from mocks.tencent_request import Field, Fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.identity import CardNumber, IdNumber, PhoneNumber
    from core.ports.people import Person
    from mocks.tencent_call import Call

LONG_TERM = "00000000"

# Action: result code: what it means, in a few words. The codes of a service that is down (-4 and
# -6; -6; -18) are a matter of fault plans.
RESULTS: dict[str, dict[str, str]] = {
    "IdCardVerification": {
        "0": "姓名和身份证号一致",
        "-1": "姓名和身份证号不一致",
        "-2": "非法身份证号",
        "-3": "非法姓名",
        "-5": "库中无此身份证记录",
        "-7": "当日次数已用完",
    },
    "CheckIdNameDate": {
        "0": "一致",
        "-1": "不一致",
        "-2": "非法身份证号",
        "-3": "非法姓名",
        "-4": "非法有效期",
        "-5": "身份信息无效",
        "-7": "库中无此身份证记录",
        "-8": "当日次数已用完",
    },
    "BankCard4EVerification": {
        "0": "认证通过",
        "-1": "认证未通过",
        "-2": "姓名校验不通过",
        "-3": "身份证号码有误",
        "-4": "银行卡号格式有误",
        "-5": "手机号码不合法",
        "-6": "持卡人信息有误",
        "-9": "无效卡号",
        "-19": "当日次数已用完",
        "-20": "证件类型不支持",
    },
}
# What is answered to a number, a name or a card that came too often in a day.
NAMES_TOO_OFTEN = {"IdCardVerification": "-7", "CheckIdNameDate": "-8"}
CARDS_TOO_OFTEN = {"BankCard4EVerification": "-19"}
BILLED = {
    "IdCardVerification": frozenset({"0", "-1"}),
    "CheckIdNameDate": frozenset({"0", "-1"}),
    "BankCard4EVerification": frozenset({"0", "-1", "-6", "-9"}),
}


def _tell(call: Call, result: str) -> str:
    call.told = {"Result": result, "Description": RESULTS[call.action.name][result]}
    return result


def _spec(action: str, field: str, write: Callable[[int, str], str]) -> Operation:
    """Return what an action says of itself; its cases are called as its results are."""
    cases = [
        case(result, told, partial(_tell, result=result))
        for result, told in RESULTS[action].items()
    ]
    billed = on(*(result for result in RESULTS[action] if result in BILLED[action]))
    return Operation(action, billed=billed, cases=tuple(cases), magic=Magic(field, write))


async def id_card_verification(call: Call) -> dict[str, Any]:
    """Two elements: is this number in this name?"""
    require_plain(call.values.get("Encryption"), "IdCard", "Name")
    return await call.judge(call.text("IdCard"), _name_of_number)


def _name_of_number(call: Call) -> str:
    text, name = call.text("IdCard"), call.text("Name")
    number = number_in(text)
    if number is None:
        return _tell(call, "-2")
    if not is_name(name):
        return _tell(call, "-3")
    if not call.office.room(Desk).may_check(number, name, call.tenant.now_s):
        return _tell(call, NAMES_TOO_OFTEN[call.action.name])
    person = call.tenant.people.by_number(number)
    if person is None or not person.in_register:
        return _tell(call, "-5")
    return _tell(call, "0" if person.register_name == name else "-1")


async def check_id_name_date(call: Call) -> dict[str, Any]:
    """Name, number and the validity that is printed on the card."""
    require_plain(call.values.get("Encryption"), "IdCard", "Name")
    return await call.judge(call.text("IdCard"), _validity_of_number)


def _validity_of_number(call: Call) -> str:
    text, name = call.text("IdCard"), call.text("Name")
    number = number_in(text)
    if number is None:
        return _tell(call, "-2")
    if not is_name(name):
        return _tell(call, "-3")
    begin, end = _day(call.text("ValidityBegin")), _day(call.text("ValidityEnd"), long_term=True)
    if begin is None or end is None or begin >= end:
        return _tell(call, "-4")
    if not call.office.room(Desk).may_check(number, name, call.tenant.now_s):
        return _tell(call, NAMES_TOO_OFTEN[call.action.name])
    person = call.tenant.people.by_number(number)
    if person is None or not person.in_register:
        return _tell(call, "-7")
    return _tell(call, _validity(person, name, (begin, end), call.tenant.today))


def _validity(person: Person, name: str, said: tuple[date, date], today: date) -> str:
    printed = (person.valid_from, person.valid_to or date.max)
    if person.register_name != name or said != printed:
        return "-1"
    return "-5" if printed[1] < today else "0"


def _day(text: str, *, long_term: bool = False) -> date | None:
    """Return the day of eight digits; the end of a long-term card lies beyond every day."""
    if long_term and text == LONG_TERM:
        return date.max
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


async def bank_card_4e(call: Call) -> dict[str, Any]:
    """Four elements: card, holder, ID number and the number left with the bank."""
    require_plain(call.values.get("Encryption"), "IdCard", "Name", "Phone", "BankCard")
    return await call.judge(call.text("BankCard"), _holder_of_card)


def _holder_of_card(call: Call) -> str:
    name, number = call.text("Name"), number_in(call.text("IdCard"))
    card, phone = card_in(call.text("BankCard")), phone_in(call.text("Phone"))
    wrong = (
        ("-20", call.values.get("CertType", 0) != 0),
        ("-2", not is_name(name)),
        ("-3", number is None),
        ("-4", card is None),
        ("-5", phone is None),
    )
    result = next((code for code, is_wrong in wrong if is_wrong), "")
    if not result and card is not None:
        result = _held(call, card, name, number, phone)
    return _tell(call, result)


def _held(
    call: Call, card: CardNumber, name: str, number: IdNumber | None, phone: PhoneNumber | None
) -> str:
    if not call.office.room(Desk).cards.admit(card.text, call.tenant.now_s):
        return CARDS_TOO_OFTEN[call.action.name]
    person = call.tenant.people.by_card(card)
    if person is None:
        return "-9"
    if person.name != name or person.id_number != number:
        return "-6"
    held = next((held for held in person.cards if held.number == card), None)
    return "0" if held is not None and held.phone == phone else "-1"


_IDENTITY = (Field("IdCard", required=True), Field("Name", required=True), ENCRYPTION)

ACTIONS = (
    Action(
        "IdCardVerification",
        "face",
        100,
        Fields(*_IDENTITY),
        id_card_verification,
        spec=_spec("IdCardVerification", "IdCard", magic.id_number().write),
    ),
    Action(
        "CheckIdNameDate",
        "face",
        20,
        Fields(
            *_IDENTITY, Field("ValidityBegin", required=True), Field("ValidityEnd", required=True)
        ),
        check_id_name_date,
        spec=_spec("CheckIdNameDate", "IdCard", magic.id_number().write),
    ),
    Action(
        "BankCard4EVerification",
        "face",
        20,
        Fields(
            *_IDENTITY,
            Field("BankCard", required=True),
            Field("Phone", required=True),
            Field("CertType", "int"),
        ),
        bank_card_4e,
        spec=_spec("BankCard4EVerification", "BankCard", magic.card().write),
    ),
)
