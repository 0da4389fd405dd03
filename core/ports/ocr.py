"""Reading documents: both sides of an ID card, and a business licence.

Source: Tencent Cloud OCR 2018-11-19 (IDCardOCR, BizLicenseOCR). Fields come as the vendor prints
them, not yet believed: whoever needs a number that holds together makes an ``IdNumber`` of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.picture import Picture
    from core.ports.trace import Trace


class Reading(StrEnum):
    """Whether the picture could be read; all but READ leave the fields empty."""

    READ = "read"
    NO_CARD = "no_card"
    WRONG_SIDE = "wrong_side"
    BLURRED = "blurred"
    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"
    SEVERAL_CARDS = "several_cards"


class Warn(IntEnum):
    """The vendor's warning codes for ID cards."""

    BORDER = -9101
    COPY = -9102
    RESHOT = -9103
    TEMPORARY = -9104
    OCCLUDED = -9105
    EDITED = -9106
    REFLECTION = -9107
    BAD_VALIDITY = -9109
    ELECTRONIC = -9110
    WATERMARK = -9111


@dataclass(slots=True)
class CardQuery:
    """Read one side of an ID card."""

    picture: Picture


@dataclass(slots=True)
class CardFront:
    """The portrait side. ``birth`` as printed by the vendor: ``1987/1/1``, no zero padding."""

    reading: Reading
    name: str = ""
    sex: str = ""
    nation: str = ""
    birth: str = ""
    address: str = ""
    number: str = ""
    portrait: str = ""
    warnings: tuple[Warn, ...] = ()
    quality: int = 0


@dataclass(slots=True)
class CardBack:
    """The emblem side. ``valid``: ``2017.08.12-2037.08.12``, or the end ``长期`` (long-term)."""

    reading: Reading
    authority: str = ""
    valid: str = ""
    warnings: tuple[Warn, ...] = ()
    quality: int = 0


@dataclass(slots=True)
class LicenceQuery:
    """Read a business licence."""

    picture: Picture


@dataclass(slots=True)
class Licence:
    """A business licence as printed. ``period``: from and to, or long-term."""

    reading: Reading
    code: str = ""
    name: str = ""
    kind: str = ""
    person: str = ""
    capital: str = ""
    address: str = ""
    scope: str = ""
    composing_form: str = ""
    set_on: str = ""
    period: str = ""
    registered_on: str = ""
    authority: str = ""
    duplicate: bool = False
    warnings: tuple[int, ...] = ()


class Ocr(Protocol):
    """The platform's questions to the reader of documents."""

    async def card_front(self, trace: Trace, query: CardQuery) -> CardFront: ...

    async def card_back(self, trace: Trace, query: CardQuery) -> CardBack: ...

    async def licence(self, trace: Trace, query: LicenceQuery) -> Licence: ...
