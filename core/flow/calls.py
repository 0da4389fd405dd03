"""The step table: every call the flow can make, with its stable number and the check it serves.

The number is part of the name of the call's draws, so a number is never used again for anything
else. Documents print this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from core.application import Step
from core.policies import Check


class Effect(StrEnum):
    """What a repeat of the call would do."""

    NONE = "none"  # a read, or a write that is the same when repeated: asked again freely
    KEYED = "keyed"  # a core-bank write: asked again only by the unknown-outcome protocol


class Call(NamedTuple):
    """One call of one step."""

    number: int
    step: Step
    operation: str
    check: Check | None = None
    effect: Effect = Effect.NONE

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.operation.partition(".")[0]


LOGIN = Call(101, Step.ENTER, "wechat.login")
USER_KEYS = Call(102, Step.ENTER, "wechat.user_keys")

CARD_FRONT = Call(201, Step.REGISTER, "ocr.card_front", Check.OCR)
CARD_BACK = Call(202, Step.REGISTER, "ocr.card_back", Check.OCR)
PHONE = Call(203, Step.REGISTER, "wechat.phone")
PHONE_NAME = Call(204, Step.REGISTER, "carrier.name_matches", Check.CARRIER)
KEEP_FRONT = Call(205, Step.REGISTER, "objects.put")
KEEP_BACK = Call(206, Step.REGISTER, "objects.put")
PHONE_OWNER = Call(207, Step.REGISTER, "carrier.owner_matches", Check.CARRIER_OWNER)
REGISTER_ID = Call(208, Step.REGISTER, "idnet.check", Check.ID_NETWORK)
REGISTER_SCREEN = Call(209, Step.REGISTER, "sanctions.screen", Check.NAME_LIST)

APPLY_FACE = Call(401, Step.APPLY, "face.start", Check.FACE)
APPLY_FACE_RESULT = Call(402, Step.APPLY, "face.result", Check.FACE)
APPLY_KEEP = Call(403, Step.APPLY, "objects.put")
APPLY_ID = Call(404, Step.APPLY, "idnet.check", Check.ID_NETWORK)
APPLY_SCREEN = Call(405, Step.APPLY, "sanctions.screen", Check.NAME_LIST)
REPORT = Call(406, Step.APPLY, "bureau.credit_report")
GOVERNMENT = Call(407, Step.APPLY, "bureau.government")
INTERNET = Call(408, Step.APPLY, "bureau.internet")
BANK_DATA = Call(409, Step.APPLY, "corebank.customer")
APPLY_CARRIER = Call(410, Step.APPLY, "carrier.name_matches", Check.CARRIER)
APPLY_OWNER = Call(411, Step.APPLY, "carrier.owner_matches", Check.CARRIER_OWNER)

HOLDS_CARD = Call(501, Step.OPEN_ACCOUNT, "corebank.customer")
ACCOUNT_CARRIER = Call(502, Step.OPEN_ACCOUNT, "carrier.name_matches", Check.CARRIER)
ACCOUNT_ID = Call(503, Step.OPEN_ACCOUNT, "idnet.check", Check.ID_NETWORK)
ACCOUNT_SCREEN = Call(504, Step.OPEN_ACCOUNT, "sanctions.screen", Check.NAME_LIST)
ACCOUNT_FACE = Call(505, Step.OPEN_ACCOUNT, "face.start", Check.FACE)
ACCOUNT_FACE_RESULT = Call(506, Step.OPEN_ACCOUNT, "face.result", Check.FACE)
ACCOUNT_COMPARE = Call(507, Step.OPEN_ACCOUNT, "face.compare", Check.FACE_PHOTO)
ACCOUNT_KEEP = Call(508, Step.OPEN_ACCOUNT, "objects.put")
FIVE = Call(509, Step.OPEN_ACCOUNT, "corebank.verify_five", Check.FIVE_ELEMENTS)
OPEN = Call(510, Step.OPEN_ACCOUNT, "corebank.open_account", None, Effect.KEYED)
OPEN_OUTCOME = Call(511, Step.OPEN_ACCOUNT, "corebank.outcome")
ACCOUNT_OWNER = Call(512, Step.OPEN_ACCOUNT, "carrier.owner_matches", Check.CARRIER_OWNER)

SIGN_FACE = Call(601, Step.SIGN, "face.start", Check.FACE)
SIGN_FACE_RESULT = Call(602, Step.SIGN, "face.result", Check.FACE)
SIGN_KEEP = Call(603, Step.SIGN, "objects.put")
SIGNATURE = Call(604, Step.SIGN, "evidence.sign")
DEPOSIT = Call(605, Step.SIGN, "evidence.deposit")
SIGN_SCREEN = Call(606, Step.SIGN, "sanctions.screen", Check.NAME_LIST)

DRAW_SCREEN = Call(701, Step.DRAW_DOWN, "sanctions.screen", Check.NAME_LIST)
DRAW_FACE = Call(702, Step.DRAW_DOWN, "face.start", Check.FACE)
DRAW_FACE_RESULT = Call(703, Step.DRAW_DOWN, "face.result", Check.FACE)
DRAW_KEEP = Call(704, Step.DRAW_DOWN, "objects.put")
DISBURSE = Call(705, Step.DRAW_DOWN, "corebank.disburse", None, Effect.KEYED)
DISBURSE_OUTCOME = Call(706, Step.DRAW_DOWN, "corebank.outcome")
DRAW_MESSAGE = Call(707, Step.DRAW_DOWN, "wechat.message")

FUND = Call(801, Step.REPAY, "corebank.move", None, Effect.KEYED)
FUND_OUTCOME = Call(802, Step.REPAY, "corebank.outcome")
REPAY_BOOK = Call(803, Step.REPAY, "corebank.adjust", None, Effect.KEYED)
REPAY_BOOK_OUTCOME = Call(804, Step.REPAY, "corebank.outcome")
COLLECT = Call(805, Step.REPAY, "corebank.collect", None, Effect.KEYED)
COLLECT_OUTCOME = Call(806, Step.REPAY, "corebank.outcome")
TAKE_BACK = Call(808, Step.REPAY, "corebank.reverse", None, Effect.KEYED)
TAKE_BACK_OUTCOME = Call(809, Step.REPAY, "corebank.outcome")
BALANCE = Call(807, Step.REPAY, "corebank.balance")

DAY_BOOK = Call(901, Step.AFTER_LOAN, "corebank.adjust", None, Effect.KEYED)
DAY_BOOK_OUTCOME = Call(902, Step.AFTER_LOAN, "corebank.outcome")
RESCREEN = Call(903, Step.AFTER_LOAN, "sanctions.screen", Check.NAME_LIST)
SETTLE_OUTCOME = Call(904, Step.AFTER_LOAN, "corebank.outcome")
DAY_STAGE = Call(905, Step.AFTER_LOAN, "corebank.day")
DAY_BALANCE = Call(906, Step.AFTER_LOAN, "corebank.balance")
DAY_COLLECT = Call(907, Step.AFTER_LOAN, "corebank.collect", None, Effect.KEYED)
DAY_COLLECT_OUTCOME = Call(908, Step.AFTER_LOAN, "corebank.outcome")
DAY_FILE = Call(909, Step.AFTER_LOAN, "corebank.reconciliation")
SUSPENSE_BOOK = Call(910, Step.AFTER_LOAN, "corebank.adjust", None, Effect.KEYED)
SUSPENSE_OUTCOME = Call(911, Step.AFTER_LOAN, "corebank.outcome")
HINT_OUTCOME = Call(912, Step.AFTER_LOAN, "corebank.outcome")

CALLS: tuple[Call, ...] = tuple(
    sorted(call for call in list(globals().values()) if isinstance(call, Call))
)
