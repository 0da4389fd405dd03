"""Who a person or a business is: numbers that check themselves once, at birth.

Whoever holds one of these need not check it again: what cannot be one is an
:class:`~core.errors.InputError` at its birth. Each prints only its mask, in ``str``, ``repr`` and
f-strings alike; the plain number is ``.text``, so that reading it is a decision one can see. They
are equal, and hash, by their text. How much a mask shows follows the habit of Chinese banks under
the Personal Information Protection Law (个人信息保护法): enough for the holder to know it.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import mul
from typing import ClassVar, NoReturn, Self

from core.errors import InputError

# GB/T 2260: the provinces and their like that an ID number can begin with (71 Taiwan, 81 Hong
# Kong, 82 Macao; 83 is found on residence permits only).
_RANGES = ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
PROVINCES = frozenset(str(code) for low, high in _RANGES for code in range(low, high + 1))
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_DIGITS = "10X98765432"
ID_OFFSET = 48 * sum(ID_WEIGHTS)  # digits are weighed as ASCII bytes; this takes their 48s away
BORN_MIN = 1800  # the standard's own example was born in 1880

CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z (GB 32100)
CODE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # GB 11714
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ORG_DIGITS = "0X987654321"  # by remainder: 11 - r, where 10 is written X and 11 is written 0
CODE_VALUES = bytes(max(CODE_ALPHABET.find(chr(byte)), 0) for byte in range(256))
ORG_VALUES = bytes(max(ORG_ALPHABET.find(chr(byte)), 0) for byte in range(256))

LUHN_DIGITS = bytes((byte - 48) % 256 for byte in range(256))
LUHN_DOUBLED = bytes(sum(divmod((byte - 48) % 10 * 2, 10)) for byte in range(256))


def mask(text: str, first: int, last: int) -> str:
    """Return ``text`` with all but its ``first`` and ``last`` characters starred."""
    hidden = len(text) - first - last
    return text[:first] + "*" * hidden + text[len(text) - last :] if hidden > 0 else "*" * len(text)


def mask_name(name: str) -> str:
    """Return a person's name with only its first character showing: ``王**``."""
    return mask(name, 1, 0)


def _ends(text: str, check: str) -> str:
    return f"the check digit is {text[-1]!r} and should be {check!r}"


class Number:
    """A text that was checked at birth, shows only its mask, and never changes."""

    __slots__ = ("text",)

    text: str
    what: ClassVar[str]
    shown: ClassVar[tuple[int, int]]

    @classmethod
    def wrong(cls, text: str, problem: str, remedy: str) -> InputError:
        """Return the error about ``text``, which it shows masked."""
        return InputError(f"{cls.what} {mask(text, *cls.shown)!r}", problem, remedy)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return mask(self.text, *self.shown)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self!s})"

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)


_keep = vars(Number)["text"].__set__  # the one way past __setattr__


@lru_cache(maxsize=65_536)  # more days than there are people's birthdays
def _day(digits: str) -> date:
    """Return the day that eight digits write. ValueError: there is none."""
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


class IdNumber(Number):
    """A citizen's ID number (公民身份号码, GB 11643-1999): region, birth date, sequence, check.

    The division (first six digits) need not be assigned, only lie in a province that exists:
    synthetic people live in unassigned ones. A lower-case ``x`` is read as ``X``.
    """

    __slots__ = ("birth",)

    birth: date
    what = "ID number"
    shown = (1, 1)

    def __init__(self, text: str) -> None:
        if len(text) != 18 or not (text.isascii() and text[:17].isdigit()):
            problem = f"it is not 17 digits and a digit or X ({len(text)} characters)"
            raise self.wrong(text, problem, "read it from the card again")
        if text[:2] not in PROVINCES:
            raise self.wrong(text, f"no province has the code {text[:2]}", "check its first digits")
        try:
            birth = _day(text[6:14])
        except ValueError:
            raise self.wrong(
                text, "its birth date does not exist", "check digits 7 to 14"
            ) from None
        if birth.year < BORN_MIN:
            raise self.wrong(text, f"nobody was born before {BORN_MIN}", "check digits 7 to 10")
        check = ID_DIGITS[(sum(map(mul, ID_WEIGHTS, text.encode())) - ID_OFFSET) % 11]
        if text[17] != check:
            text = text.upper()
            if text[17] != check:
                raise self.wrong(text, _ends(text, check), "read it from the card again")
        _keep(self, text)
        _keep_birth(self, birth)

    @property
    def region(self) -> str:
        """The division code where the number was issued."""
        return self.text[:6]

    @property
    def sex(self) -> str:
        """男 or 女, as the ID card prints it: the 17th digit is odd for men."""
        return "男" if int(self.text[16]) % 2 else "女"

    def age_on(self, day: date) -> int:
        """Return the age in full years on ``day``.

        A year is full on the birthday; whoever was born on 29 February has it on 1 March in
        other years.
        """
        birth = self.birth
        return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))

    @staticmethod
    def check_digit(first17: str) -> str:
        """Return the check digit (ISO 7064, MOD 11-2) that belongs to the first 17 digits."""
        if len(first17) != 17 or not (first17.isascii() and first17.isdigit()):
            raise InputError("ID number", "the check digit needs 17 digits", "leave out the last")
        return ID_DIGITS[(sum(map(mul, ID_WEIGHTS, first17.encode())) - ID_OFFSET) % 11]

    @classmethod
    def from_15(cls, text: str) -> Self:
        """Return the 18-digit number of a first-generation one (two-digit year, no check).

        Sequences 996 to 999 were kept for people born before 1900.
        """
        if len(text) != 15 or not (text.isascii() and text.isdigit()):
            raise cls.wrong(text, "an old ID number has 15 digits", "give 15 digits")
        first17 = f"{text[:6]}{'18' if text[12:] >= '996' else '19'}{text[6:]}"
        return cls(first17 + cls.check_digit(first17))


_keep_birth = vars(IdNumber)["birth"].__set__


class UnifiedCreditCode(Number):
    """A unified social credit code (统一社会信用代码, GB 32100-2015) of a business.

    Two characters for the register and the kind, six for the division, nine for the organisation
    (GB 11714, with a check of its own), one check over all.
    """

    __slots__ = ()

    what = "credit code"
    shown = (4, 4)

    def __init__(self, text: str) -> None:
        if len(text) != 18 or text.strip(CODE_ALPHABET):  # what is left is no character of it
            problem = "it is not made of 18 digits and capitals (without I, O, S, V, Z)"
            raise self.wrong(text, problem, "read it from the licence again")
        raw = text.encode()
        check = CODE_ALPHABET[-sum(map(mul, CODE_WEIGHTS, raw.translate(CODE_VALUES))) % 31]
        if text[17] != check:
            raise self.wrong(text, _ends(text, check), "read it from the licence again")
        inner = ORG_DIGITS[sum(map(mul, ORG_WEIGHTS, raw[8:16].translate(ORG_VALUES))) % 11]
        if text[16] != inner:
            problem = f"in its organisation code {_ends(text[:17], inner)}"
            raise self.wrong(text, problem, "read it from the licence again")
        _keep(self, text)

    @property
    def division(self) -> str:
        """The division of the register that gave the code."""
        return self.text[2:8]

    @classmethod
    def make(cls, kind: str, division: str, body: str) -> Self:
        """Return the code of a kind (``"91"`` company, ``"92"`` sole trader) with its checks.

        ``body`` is the organisation code without its check: eight characters.
        """
        values = body.encode().translate(ORG_VALUES)
        first17 = f"{kind}{division}{body}{ORG_DIGITS[sum(map(mul, ORG_WEIGHTS, values)) % 11]}"
        weighed = sum(map(mul, CODE_WEIGHTS, first17.encode().translate(CODE_VALUES)))
        return cls(first17 + CODE_ALPHABET[-weighed % 31])


class Segment(StrEnum):
    """Whose numbers a segment (号段) holds. The first three can be checked with the carriers."""

    MOBILE = "mobile"
    UNICOM = "unicom"
    TELECOM = "telecom"
    VIRTUAL = "virtual"  # resellers: real names are asked elsewhere
    BROADCAST = "broadcast"  # the fourth licence; not yet connected
    UNASSIGNED = "unassigned"


# Source: Tencent Cloud FaceID, segments supported by the phone checks (product page 1007/46063,
# 2025-04). 1349 is Telecom's satellite service; 170 and 171 are resellers of all three.
_SEGMENTS = {
    Segment.MOBILE: "1340-1348 135-139 147 148 150-152 157-159 172 178 182-184 187 188 195 197 198",
    Segment.UNICOM: "130-132 145 146 155 156 166 175 176 185 186 196",
    Segment.TELECOM: "133 1349 141 149 153 173 174 177 180 181 189-191 193 199",
    Segment.VIRTUAL: "162 165 167 170 171",
    Segment.BROADCAST: "192",
}


def _segment_table() -> dict[str, Segment]:
    """Return every first four digits that belong to somebody."""
    table: dict[str, Segment] = {}
    for segment, ranges in _SEGMENTS.items():
        for part in ranges.split():
            low, _, high = part.partition("-")
            first, last = low.ljust(4, "0"), (high or low).ljust(4, "9")
            table.update({f"{four}": segment for four in range(int(first), int(last) + 1)})
    return table


SEGMENTS = _segment_table()


class PhoneNumber(Number):
    """A mobile number of mainland China: 11 digits.

    Its segment says who handed it out, not whose network serves it: since numbers can be ported
    (携号转网) that is the person's truth. Invented numbers lie in supported segments, so that the
    carriers answer, but in blocks (the four digits after the segment) that no location table
    knew at the end of 2023: see ``scenarios/population/plan.py``. Block 0000 only looks invented.
    """

    __slots__ = ()

    what = "phone number"
    shown = (3, 4)

    def __init__(self, text: str) -> None:
        if len(text) != 11 or not (text.isascii() and text.isdigit() and "13" <= text < "2"):
            problem = "it is no mobile number of mainland China"
            raise self.wrong(text, problem, "give 11 digits that begin with 13 to 19")
        _keep(self, text)

    @property
    def segment(self) -> Segment:
        """Whose segment the number lies in."""
        return SEGMENTS.get(self.text[:4], Segment.UNASSIGNED)


# Of the 1,709 BINs in a public list (hexindai/bcbc, data/bin.csv) none begins with 629: invented
# banks have theirs there, so that no number can be a real account.
INVENTED_BINS = "629"


class CardNumber(Number):
    """A bank card or account number: 16 to 19 digits whose last is Luhn's (ISO/IEC 7812-1).

    The class of an account is not in its number: it must be asked of the issuer.
    """

    __slots__ = ()

    what = "card number"
    shown = (6, 4)

    def __init__(self, text: str) -> None:
        if not (16 <= len(text) <= 19 and text.isascii() and text.isdigit()):
            raise self.wrong(text, "it is not 16 to 19 digits", "read it from the card again")
        raw = text.encode()
        plain, doubled = raw[-1::-2], raw[-2::-2]
        if (sum(plain.translate(LUHN_DIGITS)) + sum(doubled.translate(LUHN_DOUBLED))) % 10:
            raise self.wrong(text, "its check digit is wrong", "read it from the card again")
        _keep(self, text)

    @property
    def bin(self) -> str:
        """The issuer's six digits."""
        return self.text[:6]

    @classmethod
    def make(cls, bin: str, body: str) -> Self:  # noqa: A002  the trade's own word
        """Return the card of an invented issuer with ``body`` (9 to 12 digits) and its check.

        Raises:
            InputError: the issuer's digits are not in the invented range 629000 to 629999.
        """
        if len(bin) != 6 or not bin.startswith(INVENTED_BINS):
            raise InputError(f"BIN {bin!r}", "it could be a real bank's", "use 629000 to 629999")
        raw = f"{bin}{body}".encode()
        doubled, plain = raw[-1::-2], raw[-2::-2]
        total = sum(doubled.translate(LUHN_DOUBLED)) + sum(plain.translate(LUHN_DIGITS))
        return cls(f"{bin}{body}{-total % 10}")
