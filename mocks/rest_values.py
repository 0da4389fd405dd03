"""How values, bodies and answers stand on the wire of the project's own REST providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema

from core.identity import CardNumber, IdNumber, Number, PhoneNumber, UnifiedCreditCode
from core.ports.corebank import Key

if TYPE_CHECKING:
    pass

# -------------------------------------------------------------------------------------- values


@dataclass(frozen=True)
class Told:
    """A value that JSON tells by its text: read from the wire here, and told on it."""

    kind: type
    pattern: str
    read: Callable[[str], Any]
    tell: Callable[[Any], str]
    example: str
    more: tuple[tuple[str, str], ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """A text in a request; the value itself in an answer."""
        del source, handler
        text = core_schema.str_schema(pattern=self.pattern)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(self.read, text),
            python_schema=core_schema.is_instance_schema(self.kind),
            serialization=core_schema.plain_serializer_function_ser_schema(self.tell),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """The same text both ways."""
        del schema, handler
        return {
            "type": "string",
            "pattern": self.pattern,
            "examples": [self.example],
            **dict(self.more),
        }


def _text(number: Number) -> str:
    return number.text


_DIGITS = "32990019870101001"  # a division that is not assigned
ID_EXAMPLE = _DIGITS + IdNumber.check_digit(_DIGITS)
PHONE_EXAMPLE = "13900001234"
CARD_EXAMPLE = CardNumber.make("629001", "000000000001").text
CODE_EXAMPLE = UnifiedCreditCode.make("92", "329900", "MA000001").text

Fen = Annotated[
    int, Told(int, r"^-?[0-9]{1,16}$", int, str, "5000000", (("description", "an amount in fen"),))
]
Day = Annotated[
    date,
    Told(
        *(date, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", date.fromisoformat, date.isoformat),
        *("2020-07-15", (("format", "date"),)),
    ),
]
Id = Annotated[IdNumber, Told(IdNumber, r"^[0-9]{17}[0-9Xx]$", IdNumber, _text, ID_EXAMPLE)]
Phone = Annotated[
    PhoneNumber, Told(PhoneNumber, r"^1[3-9][0-9]{9}$", PhoneNumber, _text, PHONE_EXAMPLE)
]
Card = Annotated[CardNumber, Told(CardNumber, r"^[0-9]{16,19}$", CardNumber, _text, CARD_EXAMPLE)]
Code = Annotated[
    UnifiedCreditCode,
    Told(UnifiedCreditCode, r"^[0-9A-HJ-NP-RTUWXY]{18}$", UnifiedCreditCode, _text, CODE_EXAMPLE),
]
Name = Annotated[str, Field(min_length=1, max_length=64, examples=["李明"])]
# A bank is found or not found (404), whatever its id looks like.
BankId = Annotated[str, Field(max_length=64, examples=["bozhi"])]
# What must stand in a file whose fields are parted by |: printable ASCII without it.
Word = Annotated[str, Field(pattern=r"^[ -{}~]{1,128}$", examples=["L-1"])]
Consent = Annotated[str, Field(max_length=128, examples=["C-1"])]


class Answer(BaseModel):
    """An answer of a port, read off it field by field."""

    model_config = ConfigDict(strict=True, from_attributes=True, frozen=True)


class KeyBody(Answer):
    """What makes a write unique: the bank, our channel, its date and its serial."""

    model_config = ConfigDict(extra="forbid")

    bank: BankId
    channel: Word
    channel_date: Day
    serial: Word


class Query(BaseModel):
    """A body: a query of a port (``PORT``) under its own names, beside the bank where it has none.

    ``ABOUT`` is the field that names what the request is about.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    PORT: ClassVar[Any]
    ABOUT: ClassVar[str]

    def of_port(self) -> Any:
        """Return the port's query."""
        names = [each.name for each in fields(self.PORT)]
        return self.PORT(**{name: _value(getattr(self, name)) for name in names})

    @property
    def whose(self) -> str | None:
        """The bank it is for, None where it is for none."""
        bank: str | None = getattr(getattr(self, "key", self), "bank", None)
        return bank

    @property
    def names_bank(self) -> bool:
        """Whether the port's own query tells the bank."""
        return any(each.name in ("bank", "key") for each in fields(self.PORT))

    @property
    def subject(self) -> str:
        """What it is about."""
        value = getattr(self, self.ABOUT)
        if isinstance(value, KeyBody):
            return value.serial
        return value.text if isinstance(value, Number) else str(value)


def _value(value: Any) -> Any:
    if isinstance(value, KeyBody):
        return Key(value.bank, value.channel, value.channel_date, value.serial)
    return value
