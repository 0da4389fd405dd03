"""A sheet to draw on, which remembers where every row of text and every mark came to stand."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from PIL import ImageDraw
from PIL.PngImagePlugin import PngInfo

from core.picture import KEYWORD, Picture
from scenarios.population.pictures.fonts import at_size

if TYPE_CHECKING:
    from PIL import Image, ImageFont

    from scenarios.population.pictures.fonts import Font

INK = (24, 24, 28)
SIZE_MIN = 15  # pixels; smaller, nobody reads it
SIZE_STEP = 1
PITCH = 1.28  # from line to line, in sizes
DPI = (300, 300)
JPEG_QUALITY = 88

PIECES = re.compile(r"[0-9A-Za-z.]+|.")  # what stays on one line

Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A rectangle in pixels; ``right`` and ``bottom`` are the first outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """The point in its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def meets(self, other: Box) -> bool:
        """Whether the two share a pixel."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box) -> bool:
        """Whether the other lies wholly inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def around(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


class Row(NamedTuple):
    """Text on a sheet: what it says, the room it was given and the ink it took, line by line."""

    text: str
    room: Box
    ink: Box
    lines: tuple[str, ...]


class Sheet:
    """One picture in the making. ``rows`` are to be read, ``marks`` to be kept off them."""

    def __init__(self, image: Image.Image, font: Font) -> None:
        self.image = image
        self.font = font
        self.draw = ImageDraw.Draw(image)
        self.rows: dict[str, Row] = {}
        self.marks: list[Box] = []

    @property
    def box(self) -> Box:
        """The whole sheet."""
        return Box(0, 0, *self.image.size)

    def write(
        self, name: str, text: str, room: Box, size: int, ink: Colour = INK, middle: bool = True
    ) -> None:
        """Write a row into the middle of its room, or from its top, smaller where it does not fit.

        What does not even fit at the smallest size ends in an ellipsis. Nothing leaves the room.
        """
        font, lines, pitch = self._fit(printable(text), room, size)
        top = room.top + ((room.height - len(lines) * pitch) / 2 if middle else 0)
        inks = [
            self._line(line, (room.left + _hang(font, line), top + pitch * (n + 0.5)), font, ink)
            for n, line in enumerate(lines)
        ]
        self.rows[name] = Row(printable(text), room, _around(inks, room), tuple(lines))

    def space_out(self, name: str, text: str, room: Box, size: int, ink: Colour = INK) -> None:
        """Write a row of characters evenly over its room, as numbers are printed."""
        font, pitch = at_size(self.font, size), room.width / max(1, len(text))
        _, middle = room.middle
        inks = [
            self._line(each, (room.left + pitch * (n + 0.5), middle), font, ink, "mm")
            for n, each in enumerate(text)
        ]
        self.rows[name] = Row(text, room, _around(inks, room), (text,))

    def _line(
        self,
        text: str,
        at: tuple[float, float],
        font: ImageFont.FreeTypeFont,
        ink: Colour,
        anchor: str = "lm",
    ) -> Box:
        place = (round(at[0]), round(at[1]))
        self.draw.text(place, text, fill=ink, font=font, anchor=anchor)
        return _box(self.draw.textbbox(place, text, font=font, anchor=anchor))

    def _fit(
        self, text: str, room: Box, largest: int
    ) -> tuple[ImageFont.FreeTypeFont, list[str], float]:
        """Return the largest font that puts a text into its room, its lines and their pitch."""
        for size in range(largest, SIZE_MIN - 1, -SIZE_STEP):
            font, pitch = at_size(self.font, size), size * PITCH
            lines = wrapped(text, font, room.width)
            if len(lines) * pitch <= room.height:
                return font, lines, pitch
        most = max(1, int(room.height / pitch))
        return font, [*lines[: most - 1], f"{lines[most - 1][:-1]}…"], pitch

    def png(self, ref: str) -> Picture:
        """Return the sheet as a PNG that carries its name; no time is in it."""
        note = PngInfo()
        note.add(b"tEXt", KEYWORD + b"\0" + ref.encode())
        file = BytesIO()
        self.image.save(file, "PNG", pnginfo=note, dpi=DPI, compress_level=4)
        return Picture.of(ref, file.getvalue())

    def jpeg(self, ref: str) -> Picture:
        """Return the sheet as a JPEG that carries its name; no time is in it."""
        file = BytesIO()
        note = KEYWORD + b":" + ref.encode()
        self.image.save(file, "JPEG", quality=JPEG_QUALITY, comment=note, dpi=DPI)
        return Picture.of(ref, file.getvalue())


def printable(text: str) -> str:
    """Return a text in one line, with nothing in it that moves a pen instead of drawing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Return a text in lines no wider than ``width`` pixels; a number is not torn apart."""
    lines, line = [], ""
    for piece in PIECES.findall(text):
        for part in (piece,) if _reach(font, piece) <= width else piece:
            if line and _reach(font, line + part) > width:
                lines.append(line)
                line = ""
            line += part
    return [*lines, line]


def _reach(font: ImageFont.FreeTypeFont, text: str) -> float:
    """Return how wide a text is: its pen's way or its ink, whichever is more."""
    return max(font.getlength(text), font.getbbox(text)[2]) + _hang(font, text)


def _hang(font: ImageFont.FreeTypeFont, text: str) -> float:
    """Return how far a text's ink stands out to the left of where its pen begins."""
    return max(0.0, -font.getbbox(text)[0])


def _around(inks: list[Box], room: Box) -> Box:
    """Return the box around all ink; of none, an empty one in the room's corner."""
    found = [box for box in inks if box.width > 0]
    whole = found[0] if found else Box(room.left, room.top, room.left, room.top)
    for box in found[1:]:
        whole = whole.around(box)
    return whole


def _box(corners: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = corners
    return Box(int(left), int(top), -int(-right // 1), -int(-bottom // 1))
