"""Magic inputs: values that are nobody's, each of which asks for one case of an operation.

An operation says which field of its query holds one, and of what kind it is. The numbers follow
the order of its cases, from 1; they are valid in form, so that every wire lets them through.
"""

from __future__ import annotations

from datetime import date

from core.identity import CardNumber, IdNumber, UnifiedCreditCode
from mocks.spec import Magic

REGION = "820000"  # of Macau, where no such numbers are issued
BIRTH = date(1990, 1, 1)
PHONES = "1493900"  # a block that no public location table knows, and no person here has
BIN = "629980"


def phone(field: str = "phone.text") -> Magic:
    """A phone number of a block of its own."""
    return Magic(field, lambda number, _: f"{PHONES}{number:04d}")


def id_number(field: str = "number.text") -> Magic:
    """An ID number of a division that issues none."""

    def write(number: int, _: str) -> str:
        first17 = f"{REGION}{BIRTH:%Y%m%d}{number:03d}"
        return first17 + IdNumber.check_digit(first17)

    return Magic(field, write)


def card(field: str = "account.text") -> Magic:
    """A card of an issuer of its own."""
    return Magic(field, lambda number, _: CardNumber.make(BIN, f"{number:012d}").text)


def credit_code(field: str) -> Magic:
    """A business's code of a division that has none."""
    return Magic(
        field,
        lambda number, _: UnifiedCreditCode.make("92", REGION, f"MAGG{number:04d}").text,
    )


def text(field: str) -> Magic:
    """A text that names the case: ``case-used``."""
    return Magic(field, lambda _, name: f"case-{name}")


def picture(field: str = "picture.ref") -> Magic:
    """A picture whose name names the case: ``case#blurred``."""
    return Magic(field, lambda _, name: f"case#{name}")


def hexadecimal(field: str) -> Magic:
    """A number in hexadecimal digits."""
    return Magic(field, lambda number, _: f"ca5e{number:04x}")
