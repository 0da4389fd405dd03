"""Ornaments that we made up: rosettes, waves and frames, and no state's or bank's sign."""

from __future__ import annotations

from functools import cache
from math import cos, pi, sin
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from scenarios.population.pictures.sheet import Box, Colour

SMOOTH = 2  # ornaments are drawn so many times as large


def paper(size: tuple[int, int], top: Colour, bottom: Colour, lines: Colour) -> Image.Image:
    """Return a sheet of tinted paper with fine waves over it; a fresh copy, to be drawn on."""
    return _paper(size, top, bottom, lines).copy()


@cache
def _paper(size: tuple[int, int], top: Colour, bottom: Colour, lines: Colour) -> Image.Image:
    wide, tall = size
    shade = Image.linear_gradient("L").resize(size)
    sheet = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), shade)
    veil = Image.new("L", (wide * SMOOTH, tall * SMOOTH))
    draw = ImageDraw.Draw(veil)
    for row in range(-2, tall // 22 + 3):
        wave = [
            (x * SMOOTH, (row * 22 + 16 * sin(x / 58 + row * 0.7)) * SMOOTH)
            for x in range(0, wide + 8, 8)
        ]
        draw.line([(x, round(y)) for x, y in wave], fill=54, width=SMOOTH)
    sheet.paste(Image.new("RGB", size, lines), mask=veil.reduce(SMOOTH))
    return sheet


def rosette(image: Image.Image, room: Box, colour: Colour, petals: int = 9) -> None:
    """Draw a rosette of loops and rings into a square: the place of an emblem, and none."""
    image.paste(
        Image.new("RGB", (room.width, room.height), colour),
        (room.left, room.top),
        mask=_rosette(room.width, petals),
    )


@cache
def _rosette(size: int, petals: int) -> Image.Image:
    """Return the mask of a rosette."""
    whole = size * SMOOTH
    mask = Image.new("L", (whole, whole))
    draw = ImageDraw.Draw(mask)
    middle = whole / 2
    for ring, strength in ((0.97, 200), (0.7, 255), (0.42, 220)):
        loop = []
        for n in range(721):
            turn = 2 * pi * n / 720
            reach = middle * ring * (0.72 + 0.26 * cos(petals * turn))
            loop.append((round(middle + reach * cos(turn)), round(middle + reach * sin(turn))))
        draw.line(loop, fill=strength, width=SMOOTH * 3, joint="curve")
    for share in (0.98, 0.2):
        edge = middle * (1 - share)
        box = (edge, edge, whole - 1 - edge, whole - 1 - edge)
        draw.ellipse(box, outline=255, width=SMOOTH * 4)
    return mask.reduce(SMOOTH)


def frame(image: Image.Image, room: Box, colour: Colour) -> None:
    """Draw a border of two lines with a row of lozenges between them."""
    draw = ImageDraw.Draw(image)
    depth = 26
    left, top, right, bottom = room.left, room.top, room.right - 1, room.bottom - 1
    draw.rectangle((left, top, right, bottom), outline=colour, width=4)
    draw.rectangle(
        (left + depth, top + depth, right - depth, bottom - depth), outline=colour, width=2
    )
    for x, y in _beads(left, top, right, bottom, depth):
        draw.polygon([(x - 9, y), (x, y - 7), (x + 9, y), (x, y + 7)], fill=colour)


def _beads(left: int, top: int, right: int, bottom: int, depth: int) -> list[tuple[int, int]]:
    """Return the middles of the lozenges along a border."""
    half = depth // 2
    along = [left + half + round(n * (right - left - depth) / 48) for n in range(49)]
    down = [top + half + round(n * (bottom - top - depth) / 32) for n in range(33)]
    rows = [(x, y) for x in along for y in (top + half, bottom - half)]
    return [*rows, *((x, y) for y in down[1:-1] for x in (left + half, right - half))]
