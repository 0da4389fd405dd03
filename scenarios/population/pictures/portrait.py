"""A face drawn from its features: a cartoon, from the background forward.

Drawn twice as large and taken down to half, which smooths every edge. All points are pixels of the
final 640 x 800, and the order of the steps in :func:`paint` is what lies over what.
"""

from __future__ import annotations

from math import cos, pi, radians, sin
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from scenarios.population.pictures import specimen
from scenarios.population.pictures.features import blend
from scenarios.population.pictures.hair import hair_behind, hair_over
from scenarios.population.pictures.sheet import Box, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.population.pictures.features import Features
    from scenarios.population.pictures.fonts import Font
    from scenarios.population.pictures.sheet import Colour

SIZE = (640, 800)
SCALE = 2
CENTRE = (320.0, 356.0)  # of the face
ZOOM = 1.16  # everything is drawn around the centre and enlarged by this
BAND = 64  # height of the mark at the bottom
WHITE: Colour = (252, 252, 250)
DARK: Colour = (30, 24, 24)

Point = tuple[float, float]


class Pen:
    """Draws on the enlarged sheet, with points as they are before zoom and scale."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)

    def shape(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(_enlarged(points), fill=fill)

    def oval(self, at: Point, wide: float, tall: float, fill: Colour) -> None:
        """Fill an ellipse around a point."""
        self.shape(arc(at, wide, tall, 0, 360), fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line with round ends and corners."""
        thick = max(1, round(width * ZOOM * SCALE))
        self._draw.line(_enlarged(points), fill=fill, width=thick, joint="curve")
        for end in (points[0], points[-1]):
            self.oval(end, width / 2, width / 2, fill)


def _enlarged(points: Sequence[Point]) -> list[tuple[int, int]]:
    (x, y), size = CENTRE, ZOOM * SCALE
    return [
        (round(x * SCALE + (a - x) * size), round(y * SCALE + (b - y) * size)) for a, b in points
    ]


def arc(at: Point, wide: float, tall: float, start: float, end: float) -> list[Point]:
    """Return points on an ellipse, in degrees clockwise from the right."""
    steps = max(8, round(abs(end - start) / 6))
    turns = [radians(start + (end - start) * n / steps) for n in range(steps + 1)]
    return [(at[0] + wide * cos(turn), at[1] + tall * sin(turn)) for turn in turns]


def head(face: Features) -> list[Point]:
    """Return the outline of a face: a round square whose lower half narrows to the chin."""
    points = []
    for n in range(96):
        across, down = cos(2 * pi * n / 96), sin(2 * pi * n / 96)
        power = 2 / face.square
        x = face.half_width * abs(across) ** power * (1 if across > 0 else -1)
        y = face.half_height * abs(down) ** power * (1 if down > 0 else -1)
        if y > 0:
            x *= 1 - (1 - face.jaw) * (y / face.half_height) ** 1.8
        points.append((CENTRE[0] + x, CENTRE[1] + y))
    return points


def paint(face: Features) -> Image.Image:
    """Return the picture of a face, without any mark."""
    large = Image.new("RGB", (SIZE[0] * SCALE, SIZE[1] * SCALE), face.background)
    pen = Pen(large)
    hair_behind(pen, face, CENTRE)
    _body(pen, face)
    _ears(pen, face)
    pen.shape(head(face), face.skin)
    _cheeks(pen, face)
    _age(pen, face)
    _beard(pen, face)
    for side in (-1, 1):
        _eye(pen, face, side)
        _brow(pen, face, side)
    _nose(pen, face)
    _mouth(pen, face)
    if face.mole:
        at = (CENTRE[0] + face.mole[0], CENTRE[1] + face.mole[1])
        pen.oval(at, 4.5, 4.5, blend(face.skin, DARK, 0.7))
    hair_over(pen, face, CENTRE)
    _glasses(pen, face)
    return large.reduce(SCALE)


def portrait(photo: Image.Image, font: Font) -> Sheet:
    """Return a face as a picture of its own, marked as a specimen below the shoulders."""
    sheet = Sheet(photo.copy(), font)
    specimen.band(sheet, Box(0, SIZE[1] - BAND, *SIZE))
    return sheet


def shade(colour: Colour, share: float) -> Colour:
    """Return a colour that much darker and warmer, as skin is in its shadow."""
    return blend(colour, (126, 70, 48), share)


def _body(pen: Pen, face: Features) -> None:
    """Draw neck, shoulders and what is worn; the collar begins below the chin."""
    x, chin = CENTRE[0], CENTRE[1] + face.half_height
    top = chin + 44
    wide = face.shoulders
    pen.shape(
        [*arc((x, top + 196), wide, 210, 180, 360), (x + wide, 900), (x - wide, 900)], face.clothes
    )
    half, flare = face.neck, face.neck + 14
    neck = [
        (x - half, chin - 60),
        (x + half, chin - 60),
        (x + flare, top + 24),
        (x - flare, top + 24),
    ]
    pen.shape(neck, shade(face.skin, 0.16))
    COLLARS[face.collar](pen, face, top)


def _shirt(pen: Pen, face: Features, top: float) -> None:
    x, inner = CENTRE[0], face.neck + 12
    pen.shape([(x - inner, top + 6), (x + inner, top + 6), (x, top + 94)], shade(face.skin, 0.1))
    for side in (-1, 1):
        flap = [(x, top + 104), (x + side * inner, top - 4), (x + side * (inner + 26), top + 28)]
        pen.shape([*flap, (x + side * 34, top + 130)], blend(face.clothes, WHITE, 0.75))


def _round(pen: Pen, face: Features, top: float) -> None:
    x, wide = CENTRE[0], face.neck + 18
    edge = arc((x, top + 8), wide, 48, 0, 180)
    pen.shape(edge, shade(face.skin, 0.1))
    pen.line(edge, 12, blend(face.clothes, WHITE, 0.35))


def _suit(pen: Pen, face: Features, top: float) -> None:
    x, inner = CENTRE[0], face.neck + 16
    pen.shape([(x - inner, top), (x + inner, top), (x, top + 260)], WHITE)
    tie = [(x - 13, top + 56), (x + 13, top + 56), (x + 26, top + 250), (x - 26, top + 250)]
    pen.shape(tie, blend(face.clothes, (168, 60, 60), 0.6))
    pen.shape(
        [(x - face.neck, top - 6), (x + face.neck, top - 6), (x, top + 54)], shade(face.skin, 0.1)
    )
    for side in (-1, 1):
        lapel = [(x + side * inner, top - 6), (x + side * (inner + 40), top + 56)]
        pen.shape([*lapel, (x + side * 18, top + 250)], blend(face.clothes, DARK, 0.35))


def _v(pen: Pen, face: Features, top: float) -> None:
    x, inner = CENTRE[0], face.neck + 20
    edge = [(x - inner, top - 4), (x, top + 112), (x + inner, top - 4)]
    pen.shape(edge, shade(face.skin, 0.1))
    pen.line(edge, 13, blend(face.clothes, DARK, 0.3))


COLLARS = {"shirt": _shirt, "round": _round, "suit": _suit, "v": _v}


def _ears(pen: Pen, face: Features) -> None:
    for side in (-1, 1):
        at = (CENTRE[0] + side * (face.half_width + 2), CENTRE[1] + 16)
        pen.oval(at, 17, face.ear, shade(face.skin, 0.08))
        pen.oval((at[0] + side * 2, at[1]), 8, face.ear * 0.6, shade(face.skin, 0.22))
        if face.earrings:
            pen.oval((at[0] + side * 2, at[1] + face.ear + 6), 6, 6, (226, 196, 110))


def _cheeks(pen: Pen, face: Features) -> None:
    for side in (-1, 1):
        at = (CENTRE[0] + side * face.half_width * 0.56, CENTRE[1] + face.half_height * 0.3)
        for size, share in ((34, 0.35), (26, 0.7), (16, 1.0)):
            red = blend(face.skin, (226, 128, 112), face.blush * share)
            pen.oval(at, size, size * 0.66, red)


def _age(pen: Pen, face: Features) -> None:
    """Draw the lines of age: beside nose and mouth, under the eyes, on the forehead."""
    if face.lines < 0.1:
        return
    tone = shade(face.skin, 0.12 + 0.28 * face.lines)
    x, y = CENTRE
    for side in (-1, 1):
        pen.line(arc((x + side * 30, y + 98), 34, 44, 270 + side * 20, 270 + side * 90), 3, tone)
        at = (x + side * face.eyes.apart, y - face.eyes.height + 8)
        pen.line(arc(at, face.eyes.wide, 18, 40, 140), 2.5, tone)
    for row in range(round(3 * face.lines)):
        pen.line(arc((x, y - 36 - 22 * row), 62, 44, 236, 304), 2.5, tone)


def _beard(pen: Pen, face: Features) -> None:
    x, y = CENTRE[0], CENTRE[1] + face.nose_long
    if face.beard == "moustache":
        for side in (-1, 1):
            hair = [(x, y + 20), (x + side * 46, y + 38), (x + side * 50, y + 46), (x, y + 34)]
            pen.shape(hair, face.hair)
    elif face.beard == "stubble":
        tone = blend(face.skin, face.hair, 0.16)
        pen.shape([at for at in head(face) if at[1] > CENTRE[1] + 24], tone)
        pen.oval((x, CENTRE[1] + 26), face.half_width * 0.98, face.half_height * 0.42, face.skin)
        pen.oval((x, y + 30), face.mouth_wide + 10, 22, tone)


def _eye(pen: Pen, face: Features, side: int) -> None:
    eyes = face.eyes
    x, y = CENTRE[0] + side * eyes.apart, CENTRE[1] - eyes.height
    lean = side * eyes.slant

    def leaning(points: list[Point]) -> list[Point]:
        return [(a, b - lean * (a - x) / eyes.wide) for a, b in points]

    upper = leaning(arc((x, y), eyes.wide, eyes.tall, 180, 360))
    lower = leaning(arc((x, y), eyes.wide, eyes.tall * 0.72, 0, 180))
    pen.shape([*upper, *lower], WHITE)
    iris = eyes.tall * 0.84
    pen.oval((x, y - 1), iris, iris, eyes.iris)
    pen.oval((x, y - 1), iris * 0.5, iris * 0.5, DARK)
    pen.oval((x + 3, y - 4), 2.6, 2.6, WHITE)
    pen.line(upper, eyes.lid, DARK)
    pen.line(lower[2:-2], 1.5, shade(face.skin, 0.4))


def _brow(pen: Pen, face: Features, side: int) -> None:
    brows, eyes = face.brows, face.eyes
    x, y = CENTRE[0] + side * eyes.apart, CENTRE[1] - eyes.height - brows.above
    tone = blend(face.hair, face.skin, 0.12)
    upper, lower = [], []
    for n in range(17):
        along = n / 16  # from the nose outward
        at = x + side * (along - 0.46) * 2.4 * eyes.wide
        lift = brows.arch * sin(pi * along) + brows.slant * (along - 0.5)
        size = brows.thick * (0.52 - 0.4 * along) * min(1.0, 0.7 + 4 * along)
        upper.append((at, y - lift - size))
        lower.append((at, y - lift + size))
    pen.shape([*upper, *reversed(lower)], tone)


def _nose(pen: Pen, face: Features) -> None:
    x, tip = CENTRE[0], CENTRE[1] + face.nose_long
    tone, wide = shade(face.skin, 0.34), face.nose_wide
    pen.line([(x - 7, CENTRE[1] + 8), (x - 9, tip - 26)], 2.5, shade(face.skin, 0.16))
    pen.line(arc((x, tip - 6), wide * 0.62, 12, 20, 160), 4, tone)
    for side in (-1, 1):
        start = -80 if side > 0 else 100
        pen.line(
            arc((x + side * wide * 0.72, tip - 8), wide * 0.34, 11, start, start + 160), 3, tone
        )


def _mouth(pen: Pen, face: Features) -> None:
    x, wide, full = CENTRE[0], face.mouth_wide, face.mouth_full
    y = CENTRE[1] + face.half_height * 0.5 + face.nose_long * 0.5
    y = min(y, CENTRE[1] + face.half_height * 0.76)
    corner = y - face.smile * 0.55
    bow = [(x - wide, corner), (x - wide * 0.3, y - full), (x, y - full * 0.62)]
    upper = [*bow, (x + wide * 0.3, y - full), (x + wide, corner)]
    between = [(x + wide * n / 8, y - face.smile * 0.55 * (n / 8) ** 2) for n in range(-8, 9)]
    pen.shape([*upper, *reversed(between)], blend(face.lips, DARK, 0.12))
    lower = arc((x, y), wide * 0.8, full * 1.5, 0, 180)
    pen.shape([*between, *lower], face.lips)
    pen.line(between, 2.6, blend(face.lips, DARK, 0.6))


def _glasses(pen: Pen, face: Features) -> None:
    if not face.frames:
        return
    tone = blend(face.clothes, DARK, 0.75)
    y, inner = CENTRE[1] - face.eyes.height + 4, face.eyes.apart - 12
    for side in (-1, 1):
        at = (CENTRE[0] + side * face.eyes.apart, y)
        pen.line(_frame(face.frames, at, inner), 5, tone)
        temple = (CENTRE[0] + side * (face.half_width + 6), y - 12)
        pen.line([(at[0] + side * inner, y - 8), temple], 5, tone)
    bridge = face.eyes.apart - inner
    pen.line(arc((CENTRE[0], y - 4), bridge, 9, 180, 360), 5, tone)


def _frame(kind: str, at: Point, wide: float) -> list[Point]:
    """Return the rim of one glass."""
    if kind == "round":
        return arc(at, wide, wide * 0.9, 0, 360)
    if kind == "half":
        return arc(at, wide, wide * 0.62, 172, 368)
    x, y, tall = *at, wide * 0.66
    corners = ((1, 1, 0), (-1, 1, 90), (-1, -1, 180), (1, -1, 270))
    rim = [
        point
        for across, down, turn in corners
        for point in arc(
            (x + across * (wide - 14), y + down * (tall - 14)), 14, 14, turn, turn + 90
        )
    ]
    return [*rim, rim[0]]
