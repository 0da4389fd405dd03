"""What the face vendor's wire keeps for one tenant: opened checks, and how often people came."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from core.clock import DAY_S
from core.errors import InputError
from core.identity import CardNumber, IdNumber, PhoneNumber
from mocks.face.likeness import genuine_centi, impostor_centi
from mocks.shelf import let_go
from mocks.tencent_limits import Tally

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import TypeVar

    from core.picture import Picture
    from core.ports.people import People, Person
    from mocks.tenant import Tenant

    T = TypeVar("T")

OPENED_MAX = 100_000  # checks that are kept; then the oldest are forgotten
TOKEN_LIFE_S, RESULT_LIFE_S = 600.0, 3 * DAY_S  # of a FaceIdToken (the vendor's documents)
KNOWN_S = TOKEN_LIFE_S + RESULT_LIFE_S  # then nobody knows of it any more
NAME_MAX = 32
PER_NAME, PER_ID = 500, 1_000  # a day: two elements (the vendor's table)
FACE_PER_MINUTE, FACE_PER_DAY = 15, 30  # one ID number before a camera
CARDS_PER_DAY = 500  # of one bank card; the vendor names the limit, not its figure (assumed)


@dataclass(slots=True)
class Opened:
    """What DetectAuth was told; ``finished_ms`` is when its end was first seen (Unix)."""

    name: str
    number: str
    extra: str
    mode: str = ""  # of the spoken consent: "" none, 0 questions, 1 nods, 2 read aloud
    words: tuple[str, ...] = ()
    finished_ms: int = 0


@dataclass(slots=True)
class Token:
    """A FaceIdToken: ten minutes, one showing, and a result that stays for three days."""

    values: dict[str, Any]
    opened_s: float
    shown_s: float = 0.0
    code: int | None = None
    similarity_centi: int = 0
    frame: Picture | None = None

    def is_gone(self, now_s: float) -> bool:
        """Whether it is forgotten: its result, if there was one, cannot be read any more."""
        return now_s >= self.opened_s + KNOWN_S


@dataclass(slots=True)
class Desk:
    """One tenant's."""

    opened: OrderedDict[str, Opened] = field(default_factory=OrderedDict)
    tokens: OrderedDict[str, Token] = field(default_factory=OrderedDict)
    names: Tally = field(default_factory=lambda: Tally(PER_NAME))
    numbers: Tally = field(default_factory=lambda: Tally(PER_ID))
    face_names: Tally = field(default_factory=lambda: Tally(PER_NAME))
    faces: Tally = field(default_factory=lambda: Tally(FACE_PER_DAY, FACE_PER_MINUTE))
    cards: Tally = field(default_factory=lambda: Tally(CARDS_PER_DAY))

    def take(self, token: str, opened: Token) -> None:
        """Keep what a FaceIdToken was opened for, as long as anybody may ask after it."""
        keep(self.tokens, token, opened)
        let_go(self.tokens, OPENED_MAX, partial(_is_gone, opened.opened_s))

    def token(self, token: str, now_s: float) -> Token | None:
        """Return what a FaceIdToken was opened for; None where nobody knows of it."""
        found = self.tokens.get(token)
        return None if found is None or found.is_gone(now_s) else found

    def may_compare(self, number: IdNumber, name: str, now_s: float) -> bool:
        """Count one comparison of a person's face with the library, if it is not too often."""
        return self.faces.admit(number.text, now_s) and self.face_names.admit(name, now_s)

    def may_check(self, number: IdNumber, name: str, now_s: float) -> bool:
        """Count one check of name and number, if it is not too often."""
        return self.numbers.admit(number.text, now_s) and self.names.admit(name, now_s)


def _is_gone(now_s: float, text: str, token: Token) -> bool:
    del text
    return token.is_gone(now_s)


def keep(shelf: MutableMapping[str, T], name: str, thing: T) -> None:
    """Put something on a shelf that never gets too long."""
    if len(shelf) >= OPENED_MAX:
        del shelf[next(iter(shelf))]
    shelf[name] = thing


def number_in(text: str) -> IdNumber | None:
    """Return the ID number that a text is, if it is one."""
    try:
        return IdNumber(text)
    except InputError:
        return None


def phone_in(text: str) -> PhoneNumber | None:
    """Return the phone number that a text is, if it is one."""
    try:
        return PhoneNumber(text)
    except InputError:
        return None


def card_in(text: str) -> CardNumber | None:
    """Return the bank card's number that a text is, if it is one."""
    try:
        return CardNumber(text)
    except InputError:
        return None


def is_name(text: str) -> bool:
    """Whether a text can be a person's name (our own reading of the vendor's "format")."""
    return 1 < len(text) <= NAME_MAX and not any(char.isdigit() for char in text)


def face_in(people: People, picture: Picture) -> str:
    """Return whose face a picture shows; empty where it shows none.

    A frame is named by the face itself, every other picture by the person it is a picture of.
    """
    whose, _, kind = picture.ref.partition("#")
    if kind.startswith("face/"):
        return whose
    person = people.by_key(whose) if kind in ("front", "portrait", "idnet") else None
    return person.face if person else ""


def score_centi(tenant: Tenant, face: str, holder: Person, *names: object) -> int:
    """Return how alike a face and a person's photo are, in hundredths of a point.

    The draw belongs to the names, so that the same pictures are as alike the next time.
    """
    draw = tenant.house.seed.uniform("tencent", face, holder.key, *names)
    return genuine_centi(holder.likeness_ppm, draw) if face == holder.face else impostor_centi(draw)
