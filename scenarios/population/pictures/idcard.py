"""A resident ID card (居民身份证), both sides: 85.6 x 54 mm at 300 dots an inch.

The rows stand where the real card has them and say what the vendor reads back; everything around
them is ours. Each side is marked below the last row, and the photo over its chest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from scenarios.population.pictures import ornament, specimen
from scenarios.population.pictures.sheet import Box, Sheet

if TYPE_CHECKING:
    from datetime import date

    from core.ports.people import Person
    from scenarios.population.pictures.fonts import Font
    from scenarios.population.pictures.sheet import Colour

SIZE = (1011, 638)
BAND = 40  # height of the mark at the bottom
LABEL: Colour = (40, 98, 150)
SMALL, LARGE, DIGITS = 30, 38, 44  # sizes of labels, of what they name, and of the number
LONG_TERM = "长期"
PHOTO = Box(668, 82, 956, 442)
PHOTO_MARK = Box(668, 400, 956, 442)

# Where labels and values stand on the front: label, its box, the value's box.
FRONT_LABELS = {
    "姓名": Box(58, 76, 140, 126),
    "性别": Box(58, 152, 140, 202),
    "民族": Box(286, 152, 368, 202),
    "出生": Box(58, 226, 140, 276),
    "年": Box(262, 226, 300, 276),
    "月": Box(372, 226, 410, 276),
    "日": Box(482, 226, 520, 276),
    "住址": Box(58, 300, 140, 350),
    "公民身份号码": Box(58, 516, 264, 566),
}
FRONT_VALUES = {
    "name": Box(152, 68, 640, 134),
    "sex": Box(152, 152, 262, 202),
    "nation": Box(380, 152, 640, 202),
    "year": Box(152, 226, 258, 276),
    "month": Box(310, 226, 368, 276),
    "day": Box(420, 226, 478, 276),
    "address": Box(152, 300, 640, 496),
    "number": Box(290, 510, 920, 572),
}
BACK_LABELS = {"签发机关": Box(238, 432, 376, 482), "有效期限": Box(238, 510, 376, 560)}
BACK_VALUES = {"authority": Box(396, 420, 966, 494), "valid": Box(396, 510, 966, 560)}
TITLE, SUBTITLE = Box(330, 110, 930, 196), Box(336, 216, 930, 250)
EMBLEM = Box(74, 72, 272, 270)

FRONT_PAPER = ((236, 244, 250), (222, 236, 240), (150, 186, 206))
BACK_PAPER = ((240, 244, 246), (228, 236, 230), (168, 192, 180))


def front(person: Person, photo: Image.Image, font: Font) -> Sheet:
    """Return the portrait side: name, sex, nation, birth, address, number and the photo."""
    sheet = Sheet(ornament.paper(SIZE, *FRONT_PAPER), font)
    born = person.birth
    said = {
        "name": person.name,
        "sex": person.sex,
        "nation": person.nation,
        "year": str(born.year),
        "month": str(born.month),
        "day": str(born.day),
        "address": person.address,
    }
    _labels(sheet, FRONT_LABELS)
    for name, text in said.items():
        sheet.write(name, text, FRONT_VALUES[name], LARGE, middle=name != "address")
    sheet.space_out("number", person.id_number.text, FRONT_VALUES["number"], DIGITS)
    fitted = photo.resize((PHOTO.width, PHOTO.height), Image.Resampling.LANCZOS)
    sheet.image.paste(fitted, PHOTO[:2])
    specimen.band(sheet, PHOTO_MARK)
    specimen.border(sheet, BAND)
    return sheet


def back(person: Person, font: Font) -> Sheet:
    """Return the other side: an ornament for the emblem, title, authority and validity."""
    sheet = Sheet(ornament.paper(SIZE, *BACK_PAPER), font)
    ornament.rosette(sheet.image, EMBLEM, (150, 116, 70))
    sheet.space_out("title", "居民身份证", TITLE, 78)
    sheet.space_out("subtitle", "这是一张测试图片", SUBTITLE, 28, LABEL)
    _labels(sheet, BACK_LABELS)
    sheet.write("authority", person.authority, BACK_VALUES["authority"], LARGE)
    valid = f"{dotted(person.valid_from)}-{dotted(person.valid_to)}"
    sheet.write("valid", valid, BACK_VALUES["valid"], LARGE)
    specimen.border(sheet, BAND)
    return sheet


def dotted(day: date | None) -> str:
    """Return a day as the card prints it; None is for ever."""
    return f"{day.year}.{day.month:02d}.{day.day:02d}" if day else LONG_TERM


def _labels(sheet: Sheet, places: dict[str, Box]) -> None:
    for label, room in places.items():
        sheet.write(label, label, room, SMALL, LABEL)
