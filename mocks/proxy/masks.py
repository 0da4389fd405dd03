"""Pseudonyms: what stands in a recording for what was really said.

A pseudonym hangs on the value and on the recording's key alone, so whatever was equal is equal
still, in all fields and forms. It has its value's form: an ID number is a valid one of a division
that is assigned to no place, born on the masked date of birth; a card has Luhn's digit and an
invented issuer; a phone lies in the project's blocks. Names are ``样`` and three rare characters.
Dates move within some eleven years. Other texts keep their length, joints and kind of characters.

Without the key nothing leads back; with it, whoever guesses a value can confirm the guess.
"""

from __future__ import annotations

import re
from datetime import date
from hashlib import blake2b, shake_256
from typing import NamedTuple

from core.identity import CODE_ALPHABET, PROVINCES, CardNumber, IdNumber, UnifiedCreditCode
from mocks.proxy.kinds import (
    CARD,
    COMPACT,
    DATED,
    ID,
    LONG_TEXT,
    PHONE,
    Kind,
    date_in,
    id_in,
    is_card,
    kind_of,
    media_in,
    media_of,
    uniform,
)
from mocks.proxy.words import KEPT, is_codelike

KEY_BYTES = 32
TURNS = 32  # tries for a mask that is neither the value nor a word
SURNAME = "样"
BLOCK = 4096  # days: a date's mask lies in its date's own block of so many
HALF = 64  # of a block's square
DIVISIONS = 500  # 6500 to 6999 behind the province: no ID number's division has them there

# Blocks of the numbering plan of the population (scenarios/population/plan.py, BLOCKS): segment,
# first and last block, which no public location table knows.
PHONE_BLOCKS = (
    (197, 8350, 9999),
    (197, 6650, 7599),
    (197, 4090, 4609),
    (197, 3380, 3899),
    (197, 6170, 6559),
    (197, 7630, 8019),
    (148, 9300, 9879),
)
PREFIXES = tuple(
    f"{segment}{block:04d}"
    for segment, first, last in PHONE_BLOCKS
    for block in range(first, last + 1)
)
_PROVINCES = sorted(PROVINCES)
# Second-level characters of GB 2312 (rows 56 to 86): every Chinese encoding has them, hardly any
# name or address does.
POOL = "".join(
    bytes((row, cell)).decode("gb2312") for row in range(0xD8, 0xF7) for cell in range(0xA1, 0xFF)
)

# What has a mask of its own within a longer text.
_CALLED = rf"((?:00)?86[- ]?)?({PHONE.pattern})(?![0-9])"  # with China's code, which is kept
_CLOCK = re.compile(
    r"(?<![0-9:])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?![0-9:])(?:[.]([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2}(?![0-9]))?"
)
_PIECES = re.compile(
    rf"(?<![0-9])(?:(?P<number>(?:{ID.pattern}|{CARD.pattern})(?![0-9]))|(?P<phone>{_CALLED}))"
    rf"|(?P<date>{DATED.pattern})|(?P<clock>{_CLOCK.pattern})|长期"
)
_ROUND = re.compile(r"[0-9]+[.]0*")
_SHOWN = frozenset("，。、；：？！（）《》“”‘’·—…￥")
MARK = re.compile(r"masked:([a-z]+/[a-z0-9.+-]+);size=([0-9]+);digest=([0-9a-f]{32})(;url)?")


class Marker(NamedTuple):
    """What stands for a picture, a video, or a text too long to be masked letter by letter."""

    media: str
    size: int
    digest: str
    as_url: bool = False

    def __str__(self) -> str:
        told = f"masked:{self.media};size={self.size};digest={self.digest}"
        return f"{told};url" if self.as_url else told

    @classmethod
    def read(cls, text: str) -> Marker | None:
        """Return the marker that a text is, if it is one."""
        found = MARK.fullmatch(text)
        return cls(found[1], int(found[2]), found[3], bool(found[4])) if found else None


class Pseudonyms:
    """The masks of one recording. ``key`` is 32 random bytes; it stays in memory."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES, "a recording's key has 32 bytes"
        self._key = key
        self._masks = {
            Kind.ID: self._id,
            Kind.PHONE: self._phone,
            Kind.CARD: self._card,
            Kind.BUSINESS: self._business,
            Kind.NAME: self._name,
            Kind.DATE: self._text,
            Kind.MEDIA: self._media,
            Kind.TEXT: self._text,
        }

    def of(self, name: str, text: str) -> str:
        """Return the mask of a text; the field's name has no part in it."""
        del name
        told = uniform(text)
        return self._masks[kind_of(told)](told)

    def key_of(self, name: str) -> str:
        """Return what stands for the name of a field that may be somebody's."""
        return f"key-{self._number('key', name, 10**12):012d}"

    def content(self, content: bytes, media: str) -> str:
        """Return what stands for bytes that are no text."""
        media = media_of(content) or (media if MARK_MEDIA.fullmatch(media) else OCTETS)
        return str(Marker(media, len(content), self._digest(content)))

    # Chance that hangs on the value

    def _bytes(self, kind: str, value: str, count: int) -> bytes:
        told = f"{kind}/{value}".encode("utf-8", "surrogatepass")
        return shake_256(self._key + told).digest(count)

    def _number(self, kind: str, value: str, size: int) -> int:
        return int.from_bytes(self._bytes(kind, value, 16), "big") % size

    def _digest(self, content: bytes) -> str:
        return blake2b(content, key=self._key, digest_size=16).hexdigest()

    # Kinds

    def _id(self, text: str) -> str:
        number = id_in(text)
        assert number is not None
        made = ""
        for turn in range(TURNS):
            made = self._first17(f"{turn}/{number.text}", number.birth)
            if made[:17] != number.text[:17]:
                break
        return made.lower() if text[17] == "x" else made

    def _first17(self, named: str, birth: date) -> str:
        day = self.date(birth)
        order = 1 + self._number("order", named, 995)  # 996 and more were for the very old
        first17 = f"{self._division(named)}{day:%Y%m%d}{order:03d}"
        return first17 + IdNumber.check_digit(first17)

    def _division(self, named: str) -> str:
        province, place = divmod(
            self._number("division", named, len(_PROVINCES) * DIVISIONS), DIVISIONS
        )
        return f"{_PROVINCES[province]}{6500 + place}"

    def _phone(self, text: str) -> str:
        prefix, line = divmod(self._number("phone", text, len(PREFIXES) * 10_000), 10_000)
        return f"{PREFIXES[prefix]}{line:04d}"

    def _card(self, text: str) -> str:
        drawn = f"{self._number('card', text, 10 ** (len(text) - 4)):0{len(text) - 4}d}"
        return CardNumber.make(f"629{drawn[:3]}", drawn[3:]).text

    def _business(self, text: str) -> str:
        drawn = self._bytes("business", text, 6)
        body = "MA" + "".join(CODE_ALPHABET[each % len(CODE_ALPHABET)] for each in drawn)
        return UnifiedCreditCode.make(text[:2], self._division(text), body).text

    def _name(self, text: str) -> str:
        number, told = self._number("name", text, len(POOL) ** 3), SURNAME
        for _ in range(3):
            number, at = divmod(number, len(POOL))
            told += POOL[at]
        return told

    def date(self, day: date) -> date:
        """Return the mask of a date: another one of its block; no two have the same."""
        block, at = divmod(day.toordinal(), BLOCK)
        left, right = divmod(at, HALF)
        for turn in range(6):
            left, right = right, left ^ self._number("date", f"{block}/{turn}/{right}", HALF)
        masked = left * HALF + right
        if masked == at:
            masked ^= 1  # else the date would be its own mask: two dates may then share theirs
        return date.fromordinal(min(block * BLOCK + masked, date.max.toordinal()))

    def _media(self, text: str) -> str:
        found = media_in(text)
        if found is None:
            content = text.encode("utf-8", "surrogatepass")
            return str(Marker("text/plain", len(content), self._digest(content)))
        return str(
            Marker(found.media, len(found.content), self._digest(found.content), found.as_url)
        )

    # Other texts

    def _text(self, text: str) -> str:
        """Mask what is known in a text by itself, and the letters between."""
        whole = COMPACT.fullmatch(text)
        day = date_in(whole) if whole else None
        if whole is not None and day is not None:
            clock = whole[6] or ""
            return f"{self.date(day):%Y%m%d}{self._hours(clock[:2], clock[2:4], clock[4:])}"
        made, kind, codelike = text, kind_of(text), is_codelike(text)
        for turn in range(TURNS):
            made = self._scrambled(text, f"{turn}/{text}")
            # What is nobody's must not come to look like somebody's, nor what is masked like a
            # word or a number that is kept: it is masked again when a recording is replayed.
            kept = made in KEPT or _ROUND.fullmatch(made) or (is_codelike(made) and not codelike)
            if made != text and kind_of(made) is kind and not kept:
                break
        return made

    def _scrambled(self, text: str, named: str) -> str:
        parts, at = [], 0
        letters = _Letters(text, self._bytes("text", named, 2 * len(text)))
        for found in _PIECES.finditer(text):
            mask = self._piece(found)
            if mask is None:
                continue
            parts += [letters.between(at, found.start()), mask]
            at = found.end()
        return "".join([*parts, letters.between(at, len(text))])

    def _piece(self, found: re.Match[str]) -> str | None:
        """Return the mask of a part of a text; None where it is nothing by itself after all."""
        text = found[0]
        if found["phone"]:
            called = text[: -len("13912345678")]
            return called + self._phone(text.removeprefix(called))
        if found["date"]:
            dated = DATED.match(found.string, found.start())
            day = date_in(dated) if dated else None
            return _dated(self.date(day), dated) if dated and day else None
        if found["clock"]:
            clock = _CLOCK.match(found.string, found.start())
            return self._clock(clock) if clock else None
        if found["number"]:
            if id_in(text) is not None:
                return self._id(text)
            return self._card(text) if is_card(text) else None
        return text  # 长期: a card that is good for ever

    def _clock(self, found: re.Match[str]) -> str:
        """Return another time of day, in the same zone."""
        told = self._hours(found[1], found[2], found[3] or "")
        made = ":".join(told[n : n + 2] for n in range(0, len(told), 2))
        part = found[4] or ""
        if part:
            made += f".{self._number('part', found[0], 10 ** len(part)):0{len(part)}d}"
        return made + (found[5] or "")

    def _hours(self, hours: str, minutes: str, seconds: str) -> str:
        """Return the digits of another time of day; empty where there is none."""
        if not hours:
            return ""
        drawn = self._number("clock", f"{hours}{minutes}{seconds}", 86_400)
        told = f"{drawn // 3600:02d}{drawn // 60 % 60:02d}"
        return f"{told}{drawn % 60:02d}" if seconds else told


OCTETS = "application/octet-stream"
MARK_MEDIA = re.compile(r"(?:image|video|audio|font)/[a-z0-9.+-]{1,20}")


def _dated(day: date, found: re.Match[str]) -> str:
    """Return a date as another one was written."""
    short = len(found[3]) == 1 or len(found[5]) == 1
    month, of_month = (f"{n}" if short else f"{n:02d}" for n in (day.month, day.day))
    return f"{day.year}{found[2]}{month}{found[4]}{of_month}{found[6]}"


class _Letters:
    """Puts other letters for a text's own, of the kinds that the text has."""

    def __init__(self, text: str, drawn: bytes) -> None:
        self._text, self._drawn = text, drawn
        self._alphabet = _alphabet(text)
        # Where a number begins: its zeros, and its first other digit.
        self._begin = len(text) - len(text.lstrip("0")) if self._alphabet == DIGITS else -1

    def between(self, begin: int, end: int) -> str:
        """Return what stands for a part of the text."""
        return "".join([self._at(n) for n in range(begin, end)])

    def _at(self, at: int) -> str:
        letter = self._text[at]
        drawn = int.from_bytes(self._drawn[2 * at : 2 * at + 2], "big")
        if letter.isascii():
            if not letter.isalnum():
                return letter if letter.isprintable() or letter in "\t\n\r" else " "
            if at <= self._begin:
                return self._leading(at, letter, drawn)
            return self._alphabet[drawn % len(self._alphabet)]
        if letter in _SHOWN:
            return letter
        return POOL[drawn % len(POOL)] if letter.isalnum() else "?"

    def _leading(self, at: int, letter: str, drawn: int) -> str:
        """Return a digit at a number's beginning: zeros stay, the first other is none."""
        if letter == "0" and at == 0 and self._text.startswith("0."):
            return "0"  # a share stays one
        return DIGITS[drawn % 10] if letter == "0" else DIGITS[1 + drawn % 9]


DIGITS, HEX = "0123456789", "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz"


def _alphabet(text: str) -> str:
    """Return the letters that stand for a text's own: of all kinds that it has."""
    own = {each for each in text if each.isascii() and each.isalnum()}
    digits = any(each in DIGITS for each in own)
    lower, upper = any(each.islower() for each in own), any(each.isupper() for each in own)
    if digits and len(text) >= 8 and lower != upper:
        alphabet = HEX if lower else HEX.upper()
        if own <= set(alphabet):
            return alphabet
    kinds = (DIGITS if digits else "", _LOWER if lower else "", _LOWER.upper() if upper else "")
    return "".join(kinds) or DIGITS


assert len(POOL) == 31 * 94
assert LONG_TEXT < 2**16
