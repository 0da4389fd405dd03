"""The three mobile carriers: whose number is this, since when, and does it live?

Source: Tencent Cloud FaceID 2018-03-01 (CheckPhoneAndName, PhoneVerification, MobileStatus,
MobileNetworkTimeVerification). The source bank's own check is number and name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber, PhoneNumber
    from core.ports.trace import Trace


class Operator(StrEnum):
    """The serving carrier: it may differ from the number's segment since porting (携号转网)."""

    MOBILE = "mobile"
    UNICOM = "unicom"
    TELECOM = "telecom"


class PhoneVerdict(StrEnum):
    """The answer to "is this number in this name?". Only the first two are billed."""

    SAME = "same"
    DIFFERENT = "different"
    NO_RECORD = "no_record"
    BAD_NAME = "bad_name"
    BAD_NUMBER = "bad_number"
    BUSY = "busy"
    DAILY_LIMIT = "daily_limit"
    SEGMENT_UNSUPPORTED = "segment_unsupported"


class PhoneState(IntEnum):
    """A number's state on the network, by the vendor's codes."""

    NORMAL = 0
    SUSPENDED = 1
    CLOSED = 2
    NOT_ON_NETWORK = 4
    UNUSABLE = 5
    UNKNOWN = 99


class Mismatch(StrEnum):
    """Which of the three elements disagree, when asked in detail."""

    NONE = "none"
    ID_CARD = "phone_id_card"
    NAME = "phone_name"
    NAME_AND_ID_CARD = "phone_name_id_card"
    NAME_TO_ID_CARD = "name_id_card"
    OTHER = "other"


@dataclass(slots=True)
class NameQuery:
    """Two elements: number and name."""

    phone: PhoneNumber
    name: str


@dataclass(slots=True)
class NameAnswer:
    """The verdict on two elements."""

    verdict: PhoneVerdict


@dataclass(slots=True)
class OwnerQuery:
    """Three elements: number, name and ID number."""

    phone: PhoneNumber
    name: str
    id_number: IdNumber


@dataclass(slots=True)
class OwnerAnswer:
    """The verdict on three elements, with the serving carrier (None where there is no record)."""

    verdict: PhoneVerdict
    operator: Operator | None = None
    mismatch: Mismatch = Mismatch.NONE


@dataclass(slots=True)
class StateQuery:
    """Does the number live?"""

    phone: PhoneNumber


@dataclass(slots=True)
class StateAnswer:
    """The number's state; UNKNOWN where the verdict is not SAME."""

    verdict: PhoneVerdict
    state: PhoneState


@dataclass(slots=True)
class SinceQuery:
    """How long has the number been on the network?"""

    phone: PhoneNumber


@dataclass(slots=True)
class SinceAnswer:
    """Months on the network, ``months_from`` <= m < ``months_to`` (None: no upper bound)."""

    verdict: PhoneVerdict
    months_from: int = 0
    months_to: int | None = None


class Carrier(Protocol):
    """The platform's questions to the carriers."""

    async def name_matches(self, trace: Trace, query: NameQuery) -> NameAnswer: ...

    async def owner_matches(self, trace: Trace, query: OwnerQuery) -> OwnerAnswer: ...

    async def state(self, trace: Trace, query: StateQuery) -> StateAnswer: ...

    async def since(self, trace: Trace, query: SinceQuery) -> SinceAnswer: ...
