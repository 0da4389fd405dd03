"""The studio: takes the pictures of a person, each carrying its name inside.

The same seed and person give the same bytes, in any order and process, with the same font and
version of Pillow.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from scenarios.population.pictures import fonts, idcard, licence, portrait
from scenarios.population.pictures.features import features_of

if TYPE_CHECKING:
    from PIL import Image

    from core.picture import Picture
    from core.ports.people import Person
    from core.seed import Seed
    from mocks.businesses import Business
    from scenarios.population.pictures.features import Features
    from scenarios.population.pictures.fonts import Font
    from scenarios.population.pictures.sheet import Sheet


class Studio:
    """Draws what the people of one seed show.

    Raises:
        MachineError: no font on this machine writes Chinese.
    """

    def __init__(self, seed: Seed, font: Font | None = None) -> None:
        self._seed = seed
        self._font = font or fonts.need()

    def front(self, person: Person) -> Picture:
        """Return the portrait side of the ID card, ``<key>#front``, a PNG."""
        return self.front_sheet(person).png(f"{person.key}#front")

    def back(self, person: Person) -> Picture:
        """Return the other side of the ID card, ``<key>#back``, a PNG."""
        return self.back_sheet(person).png(f"{person.key}#back")

    def portrait(self, person: Person) -> Picture:
        """Return the person's own face, ``<key>#portrait``, a JPEG."""
        return self.portrait_sheet(person).jpeg(f"{person.key}#portrait")

    def licence(self, business: Business) -> Picture:
        """Return the licence of a business, ``<key of its owner>#licence``, a JPEG."""
        return self.licence_sheet(business).jpeg(f"{business.owner}#licence")

    # The same before they are files: where rows and marks stand can still be asked.

    def front_sheet(self, person: Person) -> Sheet:
        """Draw the portrait side."""
        return idcard.front(person, _painted(self._features(person)), self._font)

    def back_sheet(self, person: Person) -> Sheet:
        """Draw the other side."""
        return idcard.back(person, self._font)

    def portrait_sheet(self, person: Person) -> Sheet:
        """Draw the person's own face."""
        return portrait.portrait(_painted(self._features(person)), self._font)

    def licence_sheet(self, business: Business) -> Sheet:
        """Draw a licence."""
        return licence.licence(business, self._font)

    def _features(self, person: Person) -> Features:
        """Return what the person looks like: at the age at which the card was issued."""
        age = person.id_number.age_on(person.valid_from)
        return features_of(self._seed, person.face, person.sex, age)


@lru_cache(maxsize=2)
def _painted(face: Features) -> Image.Image:
    """Return a face; card and portrait show the same one, shortly after each other."""
    return portrait.paint(face)
