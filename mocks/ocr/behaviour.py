"""Reading documents: what is printed on the card that the named person photographed.

A picture is named ``<person key>#front``, ``#back`` or ``#licence``; the fields come as the
vendor prints them. What is too blurred to read is decided by the picture's quality alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.ports.ocr import CardBack, CardFront, Licence, Reading, Warn
from mocks import magic
from mocks.businesses import NoBusinesses
from mocks.ocr import cases
from mocks.spec import Operation, Scope, on, table

if TYPE_CHECKING:
    from datetime import date

    from core.picture import Picture
    from core.ports.ocr import CardQuery, LicenceQuery
    from core.ports.people import People, Person
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.businesses import Businesses

QUALITY_MIN = 40  # of 100; below it the vendor answers ImageBlur (assumed, no source)
# The vendor's limits hold for Base64, which is a third longer than the picture.
CARD_BYTES_MAX = 10 * 1024 * 1024 * 3 // 4
LICENCE_BYTES_MAX = 7 * 1024 * 1024 * 3 // 4
LONG_TERM = "长期"
ANOTHER_SIDE = {"front": "back", "back": "front"}

BILLED = on(Reading.READ, field="reading")


class Ocr:
    """The vendor's engine: it knows every card of the world by the picture's name."""

    PROVIDER: ClassVar[str] = "ocr"
    SCOPE: ClassVar[Scope] = "platform"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("card_front", billed=BILLED, cases=cases.FRONT, magic=magic.picture()),
        Operation("card_back", billed=BILLED, cases=cases.BACK_SIDE, magic=magic.picture()),
        Operation("licence", billed=BILLED, cases=cases.LICENCE, magic=magic.picture()),
    )

    def __init__(self, people: People, businesses: Businesses | None = None) -> None:
        self._people = people
        self._businesses: Businesses = businesses or NoBusinesses()

    def card_front(self, trace: Trace, query: CardQuery, now_s: float, draws: Draws) -> CardFront:
        """Read the portrait side."""
        del trace, now_s, draws
        found = self._card(query.picture, "front")
        if isinstance(found, Reading):
            return CardFront(found)
        born = found.birth
        return CardFront(
            Reading.READ,
            found.name,
            found.sex,
            found.nation,
            f"{born.year}/{born.month}/{born.day}",
            found.address,
            found.id_number.text,
            f"{found.key}#portrait",
            _warnings(found),
            found.card_quality,
        )

    def card_back(self, trace: Trace, query: CardQuery, now_s: float, draws: Draws) -> CardBack:
        """Read the emblem side."""
        del trace, now_s, draws
        found = self._card(query.picture, "back")
        if isinstance(found, Reading):
            return CardBack(found)
        valid = f"{_dotted(found.valid_from)}-{_dotted(found.valid_to)}"
        warned = _warnings(found)
        return CardBack(Reading.READ, found.authority, valid, warned, found.card_quality)

    def licence(self, trace: Trace, query: LicenceQuery, now_s: float, draws: Draws) -> Licence:
        """Read a business licence."""
        del trace, now_s, draws
        if query.picture.size > LICENCE_BYTES_MAX:
            return Licence(Reading.TOO_LARGE)
        owner, _, kind = query.picture.ref.partition("#")
        business = self._businesses.by_owner(owner) if kind == "licence" else None
        if business is None:
            return Licence(Reading.NO_CARD)
        opened = f"{business.opened.year}年{business.opened.month:02d}月{business.opened.day:02d}日"
        return Licence(
            Reading.READ,
            business.code.text,
            business.name,
            business.kind,
            business.person,
            business.capital,
            business.address,
            business.scope,
            set_on=opened,
            period=f"{opened}至{LONG_TERM}",
            registered_on=opened,
            authority=business.authority,
        )

    def _card(self, picture: Picture, side: str) -> Person | Reading:
        """Return whose card is in the picture, or why it cannot be read."""
        if picture.size > CARD_BYTES_MAX:
            return Reading.TOO_LARGE
        key, _, kind = picture.ref.partition("#")
        person = self._people.by_key(key)
        if person is None or kind not in ANOTHER_SIDE:
            return Reading.NO_CARD
        if kind != side:
            return Reading.WRONG_SIDE
        if person.card_quality < QUALITY_MIN:
            return Reading.BLURRED
        return person


def _warnings(person: Person) -> tuple[Warn, ...]:
    return tuple([Warn(code) for code in person.card_warnings]) if person.card_warnings else ()


def _dotted(day: date | None) -> str:
    return f"{day.year}.{day.month:02d}.{day.day:02d}" if day else LONG_TERM
