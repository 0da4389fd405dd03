"""The carriers by Tencent Cloud FaceID, 2018-03-01: four checks of a mobile number.

Source: CheckPhoneAndName, PhoneVerification, MobileStatus and MobileNetworkTimeVerification as the
vendor's API description has them. ``Result`` is a text, and the same number means another thing in
each of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.errors import NotDone
from core.ports.carrier import (
    Mismatch,
    NameAnswer,
    Operator,
    OwnerAnswer,
    PhoneState,
    PhoneVerdict,
    SinceAnswer,
    StateAnswer,
)
from core.wire.message import Exchange, Told
from core.wire.tencent import Action, TencentAccess, call

if TYPE_CHECKING:
    from core.ports.carrier import NameQuery, OwnerQuery, SinceQuery, StateQuery
    from core.ports.trace import Trace

SERVICE, VERSION = "faceid", "2018-03-01"
NAME = Action("carrier.name_matches", SERVICE, VERSION, "CheckPhoneAndName")
OWNER = Action("carrier.owner_matches", SERVICE, VERSION, "PhoneVerification")
STATE = Action("carrier.state", SERVICE, VERSION, "MobileStatus")
SINCE = Action("carrier.since", SERVICE, VERSION, "MobileNetworkTimeVerification")

NAME_RESULTS: dict[str, PhoneVerdict] = {
    "0": PhoneVerdict.SAME,
    "1": PhoneVerdict.DIFFERENT,
    "-1": PhoneVerdict.NO_RECORD,
    "-2": PhoneVerdict.BUSY,  # the engine failed: neither yes nor no
    "-3": PhoneVerdict.BUSY,
    "-4": PhoneVerdict.BAD_NAME,
    "-5": PhoneVerdict.BAD_NUMBER,
    "-6": PhoneVerdict.DAILY_LIMIT,
    "-13": PhoneVerdict.SEGMENT_UNSUPPORTED,
}
OWNER_RESULTS: dict[str, PhoneVerdict] = {
    "0": PhoneVerdict.SAME,
    "-4": PhoneVerdict.DIFFERENT,
    "-6": PhoneVerdict.BAD_NUMBER,
    "-8": PhoneVerdict.BAD_NAME,
    "-9": PhoneVerdict.NO_RECORD,
    "-11": PhoneVerdict.BUSY,
    "-12": PhoneVerdict.DAILY_LIMIT,
    "-13": PhoneVerdict.SEGMENT_UNSUPPORTED,
}
BAD_ID_NUMBER = "-7"
STATE_RESULTS: dict[str, PhoneVerdict] = {
    "0": PhoneVerdict.SAME,
    "-1": PhoneVerdict.NO_RECORD,
    "-2": PhoneVerdict.BAD_NUMBER,
    "-3": PhoneVerdict.BUSY,
    "-4": PhoneVerdict.DAILY_LIMIT,
    "-13": PhoneVerdict.SEGMENT_UNSUPPORTED,
}
SINCE_RESULTS: dict[str, PhoneVerdict] = {
    "0": PhoneVerdict.SAME,
    "-1": PhoneVerdict.BAD_NUMBER,
    "-2": PhoneVerdict.NO_RECORD,  # no such number
    "-3": PhoneVerdict.NO_RECORD,  # there is one, but since when is not known
    "-4": PhoneVerdict.BUSY,
    "-5": PhoneVerdict.DAILY_LIMIT,
    "-13": PhoneVerdict.SEGMENT_UNSUPPORTED,
}
OPERATORS: dict[str, Operator | None] = {
    "": None,
    "移动": Operator.MOBILE,
    "联通": Operator.UNICOM,
    "电信": Operator.TELECOM,
}
MISMATCHES: dict[str, Mismatch] = {
    "": Mismatch.OTHER,  # the brief mode does not tell
    "PhoneIdCardMismatch": Mismatch.ID_CARD,
    "PhoneNameMismatch": Mismatch.NAME,
    "PhoneNameIdCardMismatch": Mismatch.NAME_AND_ID_CARD,
    "NameIdCardMismatch": Mismatch.NAME_TO_ID_CARD,
    "OtherMismatch": Mismatch.OTHER,
}
STATES = {state.value: state for state in PhoneState}
RANGE = re.compile(r"\[([0-9]{1,4}),(?:([0-9]{1,4})|\+)\)")  # [from,to) in months; + has no end


class CarrierWire:
    """The carriers, over Tencent's wire."""

    def __init__(self, access: TencentAccess) -> None:
        self._access = access

    def name_matches(self, trace: Trace, query: NameQuery) -> Exchange[NameAnswer]:
        told = yield from self._ask(NAME, {"Mobile": query.phone.text, "Name": query.name})
        return NameAnswer(told.meaning("Result", NAME_RESULTS))

    def owner_matches(self, trace: Trace, query: OwnerQuery) -> Exchange[OwnerAnswer]:
        asked = {
            "IdCard": query.id_number.text,
            "Name": query.name,
            "Phone": query.phone.text,
            "VerifyMode": "1",  # in detail
        }
        told = yield from self._ask(OWNER, asked)
        if told.text("Result") == BAD_ID_NUMBER:
            # The number held together when it was born here, so the customer is not to blame.
            raise NotDone(OWNER.operation, BAD_ID_NUMBER)
        verdict = told.meaning("Result", OWNER_RESULTS)
        if verdict is PhoneVerdict.SAME:
            return OwnerAnswer(verdict, told.meaning_or("Isp", OPERATORS))
        if verdict is PhoneVerdict.DIFFERENT:
            mismatch = told.meaning_or("ResultDetail", MISMATCHES)
            return OwnerAnswer(verdict, told.meaning_or("Isp", OPERATORS), mismatch)
        return OwnerAnswer(verdict)

    def state(self, trace: Trace, query: StateQuery) -> Exchange[StateAnswer]:
        told = yield from self._ask(STATE, {"Mobile": query.phone.text})
        verdict = told.meaning("Result", STATE_RESULTS)
        if verdict is not PhoneVerdict.SAME:
            return StateAnswer(verdict, PhoneState.UNKNOWN)
        code = told.whole("StatusCode")
        if code not in STATES:
            raise told.wrong("StatusCode")
        return StateAnswer(verdict, STATES[code])

    def since(self, trace: Trace, query: SinceQuery) -> Exchange[SinceAnswer]:
        told = yield from self._ask(SINCE, {"Mobile": query.phone.text})
        verdict = told.meaning("Result", SINCE_RESULTS)
        if verdict is not PhoneVerdict.SAME:
            return SinceAnswer(verdict)
        months = RANGE.fullmatch(told.text("Range"))
        if months is None:
            raise told.wrong("Range")
        months_from, months_to = int(months[1]), int(months[2]) if months[2] else None
        if months_to is not None and months_to <= months_from:
            raise told.wrong("Range")
        return SinceAnswer(verdict, months_from, months_to)

    def _ask(self, action: Action, parameters: dict[str, str]) -> Exchange[Told]:
        return (yield from call(self._access, action, parameters, {}))
