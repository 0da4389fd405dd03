"""What an invented face is like: every trait drawn by its own name, so that none moves another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.seed import Seed
    from scenarios.population.pictures.sheet import Colour

T = TypeVar("T")

MEN = "男"
SKINS: tuple[Colour, ...] = (
    (250, 226, 205),
    (246, 216, 190),
    (240, 206, 176),
    (231, 193, 160),
    (221, 180, 146),
    (208, 165, 130),
)
HAIRS: tuple[Colour, ...] = ((22, 20, 22), (34, 28, 28), (48, 36, 32), (70, 48, 38))
GREY: Colour = (176, 176, 180)
BACKGROUNDS: tuple[Colour, ...] = (
    (214, 228, 242),
    (226, 234, 240),
    (206, 222, 232),
    (236, 236, 232),
    (222, 232, 222),
    (232, 226, 238),
)
CLOTHES: tuple[Colour, ...] = (
    (44, 62, 92),
    (74, 84, 96),
    (104, 52, 58),
    (52, 92, 82),
    (120, 96, 64),
    (90, 76, 120),
    (36, 40, 46),
    (66, 110, 150),
    (150, 112, 116),
)
LIPS: tuple[Colour, ...] = ((196, 108, 100), (184, 96, 92), (172, 88, 84), (206, 122, 116))
MENS_CUTS = ("parted_left", "parted_right", "swept", "fringe", "crop", "receding")
WOMENS_CUTS = ("parted_left", "parted_right", "middle", "fringe", "swept")
LENGTHS = ("short", "bob", "long", "bun")
COLLARS = ("shirt", "round", "suit", "v")
FRAMES = ("round", "square", "half")
GREY_FROM, GREY_SPAN = 42, 34  # years of age (assumed)


class Lots:
    """The draws of one face, each found by the trait's name."""

    def __init__(self, seed: Seed, face: str) -> None:
        self._seed = seed
        self._face = face

    def share(self, trait: str) -> float:
        """Return the draw of a trait in [0, 1)."""
        return self._seed.uniform("portrait", self._face, trait)

    def within(self, trait: str, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        return low + (high - low) * self.share(trait)

    def one(self, trait: str, choices: Sequence[T]) -> T:
        """Return one of some choices."""
        return choices[int(self.share(trait) * len(choices))]

    def happens(self, trait: str, likelihood: float) -> bool:
        """Return whether something is so."""
        return self.share(trait) < likelihood


class Eyes(NamedTuple):
    """Pixels from the middle of the face, or sizes; ``slant`` in pixels over half an eye."""

    apart: float
    height: float
    wide: float
    tall: float
    slant: float
    iris: Colour
    lid: float


class Brows(NamedTuple):
    """``arch`` and ``slant`` in pixels, upward."""

    above: float
    thick: float
    arch: float
    slant: float


@dataclass(frozen=True, slots=True)
class Features:
    """A face in numbers: pixels on a sheet of 640 x 800."""

    background: Colour
    skin: Colour
    hair: Colour
    half_width: float
    half_height: float
    jaw: float  # width of the chin, as a share
    square: float  # 2 is an ellipse, more is squarer
    ear: float
    neck: float
    shoulders: float
    cut: str
    length: str
    volume: float
    eyes: Eyes
    brows: Brows
    nose_long: float
    nose_wide: float
    mouth_wide: float
    mouth_full: float
    smile: float
    lips: Colour
    blush: float
    lines: float  # of age, 0 to 1
    beard: str
    mole: tuple[float, float] | None
    frames: str
    earrings: bool
    clothes: Colour
    collar: str


def features_of(seed: Seed, face: str, sex: str, age: int) -> Features:
    """Return what the face of that name is like, at the age at which it was photographed."""
    lots = Lots(seed, face)
    man = sex == MEN
    grey = min(1.0, max(0.0, (age - GREY_FROM) / GREY_SPAN)) * lots.within("grey", 0.2, 1.0)
    return Features(
        background=lots.one("background", BACKGROUNDS),
        skin=blend(lots.one("skin", SKINS), (214, 172, 138), lots.within("tan", 0.0, 0.25)),
        hair=blend(lots.one("hair", HAIRS), GREY, grey),
        half_width=lots.within("half_width", 122, 148) if man else lots.within("narrow", 114, 138),
        half_height=lots.within("half_height", 158, 186),
        jaw=lots.within("jaw", 0.62, 0.9) if man else lots.within("chin", 0.5, 0.74),
        square=lots.within("square", 2.0, 2.7) if man else lots.within("round", 1.95, 2.3),
        ear=lots.within("ear", 26, 38),
        neck=lots.within("neck", 58, 72) if man else lots.within("slender", 46, 56),
        shoulders=lots.within("shoulders", 262, 312) if man else lots.within("slim", 226, 262),
        cut=lots.one("cut", MENS_CUTS if age >= 30 else MENS_CUTS[:-1])
        if man
        else lots.one("style", WOMENS_CUTS),
        length="short" if man else lots.one("length", LENGTHS),
        volume=lots.within("volume", 12, 30),
        eyes=_eyes(lots),
        brows=_brows(lots, man),
        nose_long=lots.within("nose_long", 56, 82),
        nose_wide=lots.within("nose_wide", 17, 29),
        mouth_wide=lots.within("mouth_wide", 36, 58),
        mouth_full=lots.within("mouth_full", 6, 12) + (0 if man else 3),
        smile=lots.within("smile", -3, 13),
        lips=lots.one("lips", LIPS),
        blush=lots.within("blush", 0.05, 0.3) * (0.4 if man else 1.0),
        lines=min(1.0, max(0.0, (age - 38) / 40)),
        beard=_beard(lots) if man and age >= 22 else "",
        mole=_mole(lots),
        frames=lots.one("frames", FRAMES) if lots.happens("glasses", 0.32) else "",
        earrings=not man and lots.happens("earrings", 0.3),
        clothes=lots.one("clothes", CLOTHES),
        collar=lots.one("collar", COLLARS),
    )


def _eyes(lots: Lots) -> Eyes:
    return Eyes(
        apart=lots.within("eyes_apart", 54, 66),
        height=lots.within("eyes_height", 4, 26),
        wide=lots.within("eyes_wide", 23, 32),
        tall=lots.within("eyes_tall", 9, 15),
        slant=lots.within("eyes_slant", -3, 6),
        iris=lots.one("iris", ((40, 26, 20), (58, 38, 26), (30, 22, 22), (74, 50, 34))),
        lid=lots.within("lid", 3.5, 7),
    )


def _brows(lots: Lots, man: bool) -> Brows:
    thick = lots.within("brows_thick", 9, 16) if man else lots.within("brows_fine", 6, 11)
    return Brows(
        above=lots.within("brows_above", 26, 40),
        thick=thick,
        arch=lots.within("brows_arch", 2, 12),
        slant=lots.within("brows_slant", -5, 8),
    )


def _beard(lots: Lots) -> str:
    at = lots.share("beard")
    return "moustache" if at < 0.08 else "stubble" if at < 0.2 else ""


def _mole(lots: Lots) -> tuple[float, float] | None:
    """Return where a mole is, from the middle of the face."""
    if not lots.happens("mole", 0.16):
        return None
    side = 1 if lots.happens("mole_side", 0.5) else -1
    return side * lots.within("mole_across", 44, 70), lots.within("mole_down", 30, 76)


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """Return a colour that is ``share`` of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
