"""A business licence (营业执照), lying: title, code, and the rows of its kind.

A sole trader's names the operator, the place of business and the day of registration; a company's
the legal representative, its seat, its capital and the day of foundation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.population.pictures import ornament, specimen
from scenarios.population.pictures.sheet import Box, Sheet

if TYPE_CHECKING:
    from datetime import date

    from mocks.businesses import Business
    from scenarios.population.pictures.fonts import Font
    from scenarios.population.pictures.sheet import Colour

SIZE = (1480, 1046)  # A4, lying, at 127 dots an inch
BAND = 46
LABEL: Colour = (96, 74, 44)
SMALL, LARGE = 26, 28
TITLE_SIZE = 84
SOLE_TRADER = "个体工商户"
SINGLE_OWNER = "个人经营"

MARGIN = Box(26, 26, SIZE[0] - 26, SIZE[1] - BAND - 18)
EMBLEM = Box(690, 66, 790, 166)
TITLE = Box(440, 176, 1040, 278)
CODE_LABEL, CODE = Box(90, 284, 310, 324), Box(90, 326, 560, 368)
STAMP = Box(1180, 796, 1370, 946)
LABELS_AT, VALUES_AT, RIGHT_LABELS_AT, RIGHT_VALUES_AT, END = 90, 236, 800, 946, 1390
BETWEEN = 84  # the halves stand so far apart, or a reader takes both for one line
TOP, STEP, GAP = 396, 78, 12
SCOPE_ROWS, SCOPE_DOWN = 3, 14  # the scope has room for so many rows, and begins lower

PAPER = ((253, 250, 240), (248, 243, 226), (214, 190, 140))


def licence(business: Business, font: Font) -> Sheet:
    """Return the licence of a business, marked below and where its seal would be."""
    sheet = Sheet(ornament.paper(SIZE, *PAPER), font)
    ornament.frame(sheet.image, MARGIN, (176, 140, 76))
    ornament.rosette(sheet.image, EMBLEM, (150, 116, 70), petals=7)
    sheet.space_out("title", "营业执照", TITLE, TITLE_SIZE)
    sheet.write("统一社会信用代码", "统一社会信用代码", CODE_LABEL, SMALL, LABEL)
    sheet.write("code", business.code.text, CODE, 34)
    for at, row in enumerate(left_rows(business)):
        _row(sheet, row, (LABELS_AT, VALUES_AT, RIGHT_LABELS_AT - BETWEEN), at)
    for at, row in enumerate(right_rows(business)):
        _row(sheet, row, (RIGHT_LABELS_AT, RIGHT_VALUES_AT, END), at)
    specimen.stamp(sheet, STAMP)
    specimen.border(sheet, BAND)
    return sheet


Named = tuple[str, str, str]  # what it is called here, its label on the paper, and what it says


def left_rows(business: Business) -> list[Named]:
    """Return the rows of the left half: who, and what for."""
    alone = business.kind == SOLE_TRADER
    return [
        ("name", "名称", business.name),
        ("kind", "类型", business.kind),
        ("person", "经营者" if alone else "法定代表人", business.person),
        ("scope", "经营范围", business.scope),
    ]


def right_rows(business: Business) -> list[Named]:
    """Return the rows of the right half: form or capital, since when, where, and who says so."""
    alone, opened = business.kind == SOLE_TRADER, written(business.opened)
    second = ("form", "组成形式", SINGLE_OWNER)
    return [
        second if alone else ("capital", "注册资本", business.capital),
        ("opened", "注册日期" if alone else "成立日期", opened),
        ("period", "营业期限", f"{opened}至长期"),
        ("address", "经营场所" if alone else "住所", business.address),
        ("authority", "登记机关", business.authority),
    ]


def written(day: date) -> str:
    """Return a day as the licence prints it."""
    return f"{day.year}年{day.month:02d}月{day.day:02d}日"


def _row(sheet: Sheet, row: Named, across: tuple[int, int, int], at: int) -> None:
    """Write the ``at``-th row of a half: its label, and what it says in the room beside it."""
    name, label, text = row
    start, value, end = across
    top = TOP + at * STEP
    bottom = top + STEP - GAP
    sheet.write(label, label, Box(start, top, value - 8, bottom), SMALL, LABEL)
    room = Box(value, top, end, bottom)
    if name == "scope":  # many lines, of which the first stands beside the label
        room = Box(value, top + SCOPE_DOWN, end, bottom + (SCOPE_ROWS - 1) * STEP)
    sheet.write(name, text, room, LARGE, middle=name != "scope")
