"""Hair: what falls behind the shoulders, and what lies over the forehead."""

from __future__ import annotations

from math import cos, pi, sin
from typing import TYPE_CHECKING

from scenarios.population.pictures.features import blend

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.population.pictures.features import Features
    from scenarios.population.pictures.portrait import Pen, Point

# How high the hairline stands over the middle of the face, in half heights of it, from one temple
# (-1) to the other (1).
HAIRLINES: dict[str, Callable[[float], float]] = {
    "parted_left": lambda x: (
        0.34 + 0.42 * max(0.0, 1 - abs(x + 0.42) / (1.4 if x > -0.42 else 0.6))
    ),
    "parted_right": lambda x: (
        0.34 + 0.42 * max(0.0, 1 - abs(x - 0.42) / (1.4 if x < 0.42 else 0.6))
    ),
    "middle": lambda x: 0.22 + 0.56 * (1 - abs(x)) ** 0.8,
    "fringe": lambda x: 0.46 - 0.06 * cos(3 * pi * x),
    "swept": lambda x: 0.40 + 0.36 * (1 - x * x),
    "crop": lambda x: 0.50 + 0.20 * (1 - x**4),
    "receding": lambda x: 0.42 + 0.50 * (1 - x * x) ** 0.6,
}


def hair_behind(pen: Pen, face: Features, centre: Point) -> None:
    """Draw what is behind head and neck: long hair, a bob, a bun."""
    x, y = centre
    wide = face.half_width + face.volume
    tone = blend(face.hair, (0, 0, 0), 0.25)
    if face.length == "bun":
        pen.oval((x, y - face.half_height - 34), 58, 50, face.hair)
    if face.length not in ("bob", "long"):
        return
    end = y + face.half_height * (0.86 if face.length == "bob" else 1.75)
    spread = wide * (1.12 if face.length == "bob" else 1.22)
    sides = [
        (x + wide * 0.86, y - 60),
        (x + wide + 4, y + 20),
        (x + spread, end - 50),
        (x + spread * 0.84, end),
    ]
    other = [(2 * x - a, b) for a, b in reversed(sides)]
    pen.shape([*sides, *other], tone)


def hair_over(pen: Pen, face: Features, centre: Point) -> None:
    """Draw the cap of hair: from the crown down to the hairline and the temples."""
    cap = _crown(face, centre)
    line = HAIRLINES[face.cut]
    x, y = centre
    wide, tall = face.half_width, face.half_height
    steps = [n / 24 for n in range(-24, 25)]
    edge = [(x + wide * _within(face, s, line(s)), y - tall * line(s)) for s in steps]
    burn = tall * (0.16 if face.cut == "receding" else 0.0)
    left = (x - wide - 4, y - 6 + burn), (x - wide * 0.93, y - tall * 0.08 + burn)
    right = (x + wide * 0.93, y - tall * 0.08 + burn), (x + wide + 4, y - 6 + burn)
    pen.shape([*cap, *left, *edge, *right], face.hair)
    if face.cut == "receding":
        return
    shine = [(a, b + 16 + face.volume) for a, b in cap[10:24]]
    pen.line(shine, 3, blend(face.hair, (255, 255, 255), 0.16))
    if face.length in ("bob", "long"):
        _strands(pen, face, centre)


def _within(face: Features, share: float, height: float) -> float:
    """Keep the hairline inside the outline of the head, where no background shows."""
    outline = 0.96 * (1 - min(0.99, height) ** face.square) ** (1 / face.square)
    return max(-outline, min(outline, share))


def _crown(face: Features, centre: Point) -> list[Point]:
    """Return the outer edge of the hair, from the right temple over the crown to the left."""
    x, y = centre
    thin = 0.45 if face.cut == "receding" else 1.0
    wide, tall = (
        face.half_width + 4 + face.volume * 0.5 * thin,
        face.half_height + face.volume * thin,
    )
    power = 2 / max(2.1, face.square)
    points = []
    for n in range(49):
        turn = pi * n / 48
        across, up = cos(turn), sin(turn)
        side = wide * abs(across) ** power * (1 if across > 0 else -1)
        points.append((x + side, y - 12 - (tall - 12) * up**power))
    return points


def _strands(pen: Pen, face: Features, centre: Point) -> None:
    """Draw what falls before the ears."""
    x, y = centre
    wide, end = face.half_width, y + face.half_height * (0.62 if face.length == "bob" else 1.2)
    for side in (-1, 1):
        outer = wide + face.volume
        fall = [(x + side * wide * 0.84, y - 84), (x + side * wide * 0.95, y + 30)]
        tail = [(x + side * wide * 1.02, end), (x + side * (outer + 10), end - 16)]
        pen.shape([*fall, *tail, (x + side * (wide + 4 + face.volume * 0.5), y - 20)], face.hair)
