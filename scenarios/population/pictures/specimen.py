"""The marks that say 样本 SPECIMEN: loud, and always beside the text, never across it.

A mark across the rows spoils what a machine reads there; a band at the edge and one over the
photo's chest do not, and nobody can take the picture for a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.population.pictures.fonts import at_size
from scenarios.population.pictures.sheet import Box

if TYPE_CHECKING:
    from scenarios.population.pictures.sheet import Colour, Sheet

WORDS = "样本 SPECIMEN"
ALSO = "仅供测试 · 非真实证件 · NOT A REAL DOCUMENT"
RED: Colour = (196, 38, 46)
PALE: Colour = (255, 246, 240)


def band(sheet: Sheet, room: Box, words: str = WORDS) -> None:
    """Fill a strip and write the words on it as large as they fit."""
    sheet.draw.rectangle((room.left, room.top, room.right - 1, room.bottom - 1), fill=RED)
    size = int(room.height * 0.66)
    while size > 8 and at_size(sheet.font, size).getlength(words) > room.width * 0.94:
        size -= 1
    font = at_size(sheet.font, size)
    sheet.draw.text(room.middle, words, fill=PALE, font=font, anchor="mm")
    sheet.marks.append(room)


def border(sheet: Sheet, height: int) -> None:
    """Mark the whole width at the bottom of a sheet."""
    whole = sheet.box
    room = Box(0, whole.bottom - height, whole.right, whole.bottom)
    band(sheet, room, f"{WORDS}   {ALSO}   {WORDS}")


def stamp(sheet: Sheet, room: Box) -> None:
    """Draw a square stamp with the words in two lines: where a seal would be."""
    edge = (room.left, room.top, room.right - 1, room.bottom - 1)
    sheet.draw.rectangle(edge, outline=RED, width=max(3, room.width // 30))
    across, middle = room.middle
    for words, share, shift in (("样本", 0.34, -0.13), ("SPECIMEN", 0.155, 0.22)):
        font = at_size(sheet.font, int(room.width * share))
        at = (across, middle + shift * room.height)
        sheet.draw.text(at, words, fill=RED, font=font, anchor="mm")
    sheet.marks.append(room)
