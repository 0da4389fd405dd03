"""What a text is, by itself: whose number, a date, a picture. Its field's name is not asked.

So one value is always of one kind, in whatever field, form or nesting it is met, and its mask is
the same everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from core.errors import InputError
from core.identity import CardNumber, IdNumber, UnifiedCreditCode

NAME_MAX = 4  # Chinese characters; with the dot of other peoples' names, more
LONG_NAME_MAX = 20
LONG_TEXT = 4096  # characters; what is longer is told by its digest
BASE64_MIN = 24


class Kind(StrEnum):
    """What a text is."""

    ID = "id_number"
    PHONE = "phone"
    CARD = "card"
    BUSINESS = "credit_code"
    NAME = "name"
    DATE = "date"
    MEDIA = "media"
    TEXT = "text"


# Of somebody: two people are never taken for each other.
PERSONAL = frozenset((Kind.ID, Kind.PHONE, Kind.CARD, Kind.BUSINESS, Kind.NAME))

ID = re.compile(r"[0-9]{17}[0-9Xx]")
PHONE = re.compile(r"1[3-9][0-9]{9}")
CARD = re.compile(r"[0-9]{16,19}")
_NAME = re.compile(rf"[㐀-䶿一-鿿豈-﫿〇\U00020000-\U0003ffff]{{2,{NAME_MAX}}}")
_LONG_NAME = re.compile(r"(?=.*·)[㐀-䶿一-鿿豈-﫿〇·\U00020000-\U0003ffff]+")
# A date with joints, wherever it stands; one without them, only as a whole text. Groups: year,
# joint, month, joint, day, and what is kept behind (ISO's T, and the character for the day).
DATED = re.compile(
    r"(?<![0-9])((?:19|20)[0-9]{2})([-./年])([0-9]{1,2})([-./月])([0-9]{1,2})(?![0-9])"
    r"(日?(?:T(?=[0-9]{1,2}:))?)"
)
COMPACT = re.compile(r"((?:19|20)[0-9]{2})()([0-9]{2})()([0-9]{2})([0-9]{6})?")  # and a time of day

MAGIC: tuple[tuple[int, bytes, str], ...] = (  # at, the bytes there, the media type
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (8, b"AVI ", "video/avi"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"FLV", "video/flv"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
)
_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+)?(?:;[a-z0-9=-]+)*;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


class Media(NamedTuple):
    """A picture, a video or another file in a text of Base64."""

    media: str
    content: bytes
    as_url: bool


def uniform(text: str) -> str:
    """Return a text with full-width digits and letters as plain ones: equal for equal values."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def kind_of(text: str) -> Kind:
    """Return what a uniform text is."""
    if len(text) > LONG_TEXT:
        return Kind.MEDIA
    return next((kind for kind, is_one in TESTS if is_one(text)), Kind.TEXT)


def id_in(text: str) -> IdNumber | None:
    """Return the ID number that a text is, if it is one."""
    if not ID.fullmatch(text):
        return None
    try:
        return IdNumber(text)
    except InputError:
        return None


def is_card(text: str) -> bool:
    """Whether a text is 16 to 19 digits of which the last is Luhn's."""
    if not CARD.fullmatch(text):
        return False
    try:
        CardNumber(text)
    except InputError:
        return False
    return True


def _is_business(text: str) -> bool:
    if len(text) != 18:
        return False
    try:
        UnifiedCreditCode(text)
    except InputError:
        return False
    return True


def is_name(text: str) -> bool:
    """Whether a text can be a person's name: two to four Chinese characters, or some with a dot."""
    if _NAME.fullmatch(text):
        return True
    return len(text) <= LONG_NAME_MAX and bool(_LONG_NAME.fullmatch(text))


def date_in(found: re.Match[str]) -> date | None:
    """Return the date of a match of ``DATED`` or ``COMPACT``, if there is such a day."""
    try:
        return date(int(found[1]), int(found[3]), int(found[5]))
    except ValueError:
        return None


def media_of(content: bytes) -> str:
    """Return the media type of a file's content by its first bytes; empty where it has none."""
    for at, magic, media in MAGIC:
        if content.startswith(magic, at):
            return media
    return ""


def media_in(text: str) -> Media | None:
    """Return the file in a text of Base64 (with line breaks, for addresses, or a data URL)."""
    if len(text) < BASE64_MIN:
        return None
    told = _DATA_URL.match(text)
    rest = text[told.end() :] if told else text
    head = "".join(rest[:64].split())[:32]
    if not _BASE64.fullmatch(head):
        return None
    if told is None and not media_of(decoded(head) or b""):
        return None
    content = decoded("".join(rest.split()))
    if content is None:
        return None
    media = media_of(content) or (told[1] if told and told[1] else "application/octet-stream")
    return Media(media.lower(), content, told is not None)


def _is_date(text: str) -> bool:
    found = DATED.fullmatch(text) or COMPACT.fullmatch(text)
    return found is not None and date_in(found) is not None


# In this order: an ID number may pass for a card as well.
TESTS: tuple[tuple[Kind, Callable[[str], object]], ...] = (
    (Kind.ID, id_in),
    (Kind.PHONE, PHONE.fullmatch),
    (Kind.CARD, is_card),
    (Kind.BUSINESS, _is_business),
    (Kind.NAME, is_name),
    (Kind.DATE, _is_date),
    (Kind.MEDIA, media_in),
)


def decoded(text: str) -> bytes | None:
    """Return what a text of Base64 in either alphabet holds, padded or not."""
    text = text.rstrip("=")
    padded = text + "=" * (-len(text) % 4)
    try:
        return b64decode(padded, b"-_" if "-" in text or "_" in text else None, validate=True)
    except ValueError:
        return None
