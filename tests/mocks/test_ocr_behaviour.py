"""Reading documents: the card of whoever is named, as the vendor prints it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from core.identity import UnifiedCreditCode
from core.picture import Picture
from core.ports.ocr import CardQuery, LicenceQuery, Reading, Warn
from mocks.ocr.behaviour import CARD_BYTES_MAX, Ocr


def front(ocr, trace, ref):
    return ocr.card_front(trace(), CardQuery(Picture.named(ref)), 0.0, None)


def back(ocr, trace, ref):
    return ocr.card_back(trace(), CardQuery(Picture.named(ref)), 0.0, None)


def test_both_sides_read_as_the_vendor_prints_them(make_person, make_town, trace):
    li = make_person("li", card_warnings=(-9107,), card_quality=77)
    ocr = Ocr(make_town(li))

    portrait, emblem = front(ocr, trace, "li#front"), back(ocr, trace, "li#back")

    assert (portrait.reading, portrait.name, portrait.sex, portrait.nation) == (
        Reading.READ,
        "李明",
        "男",
        "汉",
    )
    assert (portrait.birth, portrait.number) == ("1987/1/1", li.id_number.text)
    assert (portrait.warnings, portrait.quality) == ((Warn.REFLECTION,), 77)
    assert (emblem.authority, emblem.valid) == ("测试县公安局", "2017.08.12-2037.08.12")


def test_a_long_term_card_says_so(make_person, make_town, trace):
    ocr = Ocr(make_town(make_person("old", valid_to=None)))

    assert back(ocr, trace, "old#back").valid == "2017.08.12-长期"


@pytest.mark.parametrize(
    ("ref", "reading"),
    [
        ("li#front", Reading.READ),
        ("li#back", Reading.WRONG_SIDE),
        ("li#licence", Reading.NO_CARD),
        ("li#face/1", Reading.NO_CARD),
        ("li", Reading.NO_CARD),
        ("nobody#front", Reading.NO_CARD),
        ("", Reading.NO_CARD),
        ("dim#front", Reading.BLURRED),
        ("edge#front", Reading.READ),
    ],
)
def test_what_is_in_the_picture_decides(make_person, make_town, trace, ref, reading):
    people = make_town(
        make_person("li"), make_person("dim", card_quality=39), make_person("edge", card_quality=40)
    )

    read = front(Ocr(people), trace, ref)

    assert read.reading is reading
    assert bool(read.number) is (reading is Reading.READ)


def test_a_picture_over_the_vendors_size_is_not_read(make_person, make_town, trace):
    large = Picture("li#front", "0" * 64, CARD_BYTES_MAX + 1, "image/jpeg")
    ocr = Ocr(make_town(make_person("li")))

    assert ocr.card_front(trace(), CardQuery(large), 0.0, None).reading is Reading.TOO_LARGE


CODE = UnifiedCreditCode.make("92", "329900", "MA1ABCDE")


@dataclass
class Shop:
    owner: str = "li"
    code: UnifiedCreditCode = CODE
    name: str = "测试面馆"
    kind: str = "个体工商户"
    person: str = "李明"
    capital: str = ""
    address: str = "江苏省测试县一号"
    scope: str = "餐饮服务"
    authority: str = "测试县市场监督管理局"
    opened: date = date(2018, 5, 4)


class Shops:
    def by_owner(self, person):
        return Shop() if person == "li" else None


def test_a_licence_is_read_from_the_owners_picture(make_person, make_town, trace):
    ocr = Ocr(make_town(make_person("li")), Shops())

    def read(ref):
        return ocr.licence(trace(), LicenceQuery(Picture.named(ref)), 0.0, None)

    licence = read("li#licence")
    assert (licence.code, licence.name) == (Shop.code.text, "测试面馆")
    assert (licence.set_on, licence.period) == ("2018年05月04日", "2018年05月04日至长期")
    assert read("li#front").reading is Reading.NO_CARD
    assert read("wang#licence").reading is Reading.NO_CARD


def test_a_world_without_businesses_has_no_licences(make_person, make_town, trace):
    ocr = Ocr(make_town(make_person("li")))
    query = LicenceQuery(Picture.named("li#licence"))

    assert ocr.licence(trace(), query, 0.0, None).reading is Reading.NO_CARD
