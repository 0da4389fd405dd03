"""Specimens: what is printed is the truth, nothing leaves its box, and nobody takes it for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from hashlib import sha256
from io import BytesIO
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image, ImageChops

import sim
from core.banks import load_banks
from core.errors import MachineError
from core.identity import UnifiedCreditCode
from core.picture import Picture
from core.ports.ocr import CardQuery, LicenceQuery, Reading
from core.ports.registry import BusinessQuery, BusinessState
from core.seed import Seed
from mocks.ocr.behaviour import CARD_BYTES_MAX, LICENCE_BYTES_MAX, Ocr
from mocks.registry.behaviour import Registry
from scenarios.commands import door, people
from scenarios.population import making, providers
from scenarios.population import shops as shop
from scenarios.population.pictures import fonts, idcard, licence, portrait, sheet
from scenarios.population.pictures.features import features_of
from scenarios.population.pictures.fonts import Font
from scenarios.population.pictures.sheet import Box, Sheet
from scenarios.population.pictures.studio import Studio
from scenarios.population.plan import PEOPLE
from scenarios.population.register import Population
from scenarios.population.shops import Shops
from scenarios.schemas import SCHEMAS
from scenarios.stories.run import START

ROOT = Path(__file__).resolve().parents[3]
FONT = fonts.find()
needs_font = pytest.mark.skipif(
    FONT is None, reason=f"no font here writes Chinese: {fonts.REMEDY}, or make system-deps"
)
BANKS = load_banks()
SEED = 7
SELFIE_BYTES_MAX = 3 * 1024 * 1024 * 3 // 4  # of a face in Base64 (ImageRecognitionV2)
ADVISED = (500, 800)  # short and long side of a card, advised by the vendor of its reader

# Drawing takes a tenth of a second, so that a tenth of the usual examples must do.
few = settings(max_examples=max(12, settings().max_examples // 5))
homes = st.sampled_from(sorted(BANKS))
indices = st.integers(0, PEOPLE - 1)


def population(seed: int = SEED) -> Population:
    """The people of a seed."""
    return Population(Seed(seed), START, BANKS)


PEOPLE_OF_SEVEN = population()
SHOPS = Shops(PEOPLE_OF_SEVEN, BANKS)


@pytest.fixture(scope="module")
def studio():
    """The studio of seed 7."""
    return Studio(Seed(SEED))


def somebody(bank: str = "daopu", index: int = 1):
    """One of the people of seed 7."""
    return PEOPLE_OF_SEVEN.person(bank, index)


def keepers(number: int):
    """The first people of seed 7 who keep a shop, and their shops."""
    people = (somebody(bank, index) for index in range(1, 9) for bank in sorted(BANKS))
    found = ((person, SHOPS.by_owner(person.key)) for person in people)
    kept = [(person, shop) for person, shop in found if shop is not None]
    return kept[:number]


def all_sheets(studio: Studio, person, shop) -> dict[str, Sheet]:
    """Draw everything that can be drawn of a person."""
    return {
        "front": studio.front_sheet(person),
        "back": studio.back_sheet(person),
        "portrait": studio.portrait_sheet(person),
        "licence": studio.licence_sheet(shop),
    }


def all_pictures(studio: Studio, person, shop) -> dict[str, Picture]:
    """Take every picture of a person."""
    return {
        "front": studio.front(person),
        "back": studio.back(person),
        "portrait": studio.portrait(person),
        "licence": studio.licence(shop),
    }


def opened(picture: Picture) -> Image.Image:
    """Return a picture's pixels."""
    image = Image.open(BytesIO(picture.content))
    image.load()
    return image


def require_tidy(drawn: Sheet) -> None:
    """Assert that no row leaves its room, meets another, or is met by a mark."""
    for name, row in drawn.rows.items():
        assert drawn.box.holds(row.room), name
        assert row.room.holds(row.ink), (name, row)
        assert not [mark for mark in drawn.marks if mark.meets(row.room)], name
    for (one, first), (other, second) in combinations(drawn.rows.items(), 2):
        assert not first.room.meets(second.room), (one, other)
    assert all(drawn.box.holds(mark) for mark in drawn.marks)


# The file


@needs_font
def test_a_picture_carries_its_name_and_comes_back_under_it(studio):
    (person, kept), *_ = keepers(1)
    for kind, picture in all_pictures(studio, person, kept).items():
        read = Picture.read(picture.content)

        assert read == picture
        assert read.ref == f"{person.key}#{kind}"
        assert read.content == picture.content


@needs_font
def test_sizes_and_media_are_what_the_vendor_asks_for(studio):
    (person, kept), *_ = keepers(1)
    pictures = all_pictures(studio, person, kept)
    limits = {
        "front": CARD_BYTES_MAX,
        "back": CARD_BYTES_MAX,
        "portrait": SELFIE_BYTES_MAX,
        "licence": LICENCE_BYTES_MAX,
    }
    for kind, picture in pictures.items():
        image = opened(picture)

        assert picture.media == f"image/{image.format.lower()}"
        assert picture.media in {"image/png", "image/jpeg"}
        assert picture.size < limits[kind] / 4, "far below the limit"
        assert (min(image.size), max(image.size)) >= ADVISED
        assert image.mode == "RGB"
    assert opened(pictures["front"]).size == opened(pictures["back"]).size == (1011, 638)


@needs_font
def test_no_time_and_nothing_else_is_in_the_files(studio):
    (person, kept), *_ = keepers(1)
    pictures = all_pictures(studio, person, kept)
    for kind, notes in (("front", {"loanrange", "dpi"}), ("portrait", {"comment", "dpi"})):
        beside_jfif = {name for name in opened(pictures[kind]).info if not name.startswith("jfif")}

        assert beside_jfif == notes


@needs_font
def test_the_same_person_gives_the_same_bytes_again_and_in_any_order():
    person = somebody()
    first = Studio(Seed(SEED))
    taken = [first.front(person), first.back(person), first.portrait(person)]
    other = Studio(Seed(SEED))
    other.front(somebody("fanzhi", 3))
    again = [other.portrait(person), other.back(person), other.front(person)]

    assert [picture.content for picture in taken] == [picture.content for picture in again[::-1]]


@needs_font
def test_another_process_draws_the_same_bytes(tmp_path):
    digests = []
    for run, hash_seed in enumerate(("1", "2")):
        out = tmp_path / str(run) / "out"
        subprocess.run(
            [sys.executable, ROOT / "sim.py", "people", "-n", "4", "--pictures", "--out", out],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            stdout=subprocess.DEVNULL,
            timeout=100,
        )
        digests.append(
            {
                path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
                for path in out.rglob("*.*")
            }
        )

    assert digests[0] == digests[1]
    assert len(digests[0]) >= 13


@needs_font
def test_two_people_differ_in_every_picture_and_in_the_face(studio):
    faces = set()
    for bank in list(BANKS)[:40]:
        person = somebody(bank, 2)
        faces.add(opened(studio.portrait(person)).tobytes())

    assert len(faces) == 40
    one, other = somebody("daopu", 1), somebody("daopu", 2)
    for draw in (studio.front, studio.back, studio.portrait):
        assert draw(one).content != draw(other).content


@needs_font
def test_another_seed_gives_the_same_name_another_face():
    person = somebody()
    seven, eight = (Studio(Seed(seed)).portrait_sheet(person).image for seed in (7, 8))

    assert ImageChops.difference(seven, eight).getbbox()


def test_the_face_hangs_on_its_name_and_no_trait_on_another():
    young = features_of(Seed(7), "face/daopu/000001", "男", 25)
    old = features_of(Seed(7), "face/daopu/000001", "男", 70)

    assert young == features_of(Seed(7), "face/daopu/000001", "男", 25)
    assert replace(old, hair=young.hair, lines=young.lines, cut=young.cut) == young
    assert old.lines > young.lines
    assert features_of(Seed(7), "face/daopu/000002", "男", 25) != young


@needs_font
def test_the_photo_on_the_card_is_the_face_in_the_portrait(studio):
    person = somebody()
    alone = studio.portrait_sheet(person).image
    card = studio.front_sheet(person).image.crop(idcard.PHOTO)
    small = alone.resize(card.size, Image.Resampling.LANCZOS)
    above = (0, 0, card.width, card.height - idcard.PHOTO_MARK.height - 8)

    assert not ImageChops.difference(card.crop(above), small.crop(above)).getbbox()


# What is printed


@needs_font
@few
@given(homes, indices)
def test_the_card_says_what_the_reader_reads(bank, index):
    person = somebody(bank, index)
    assume(person.card_quality >= 40)
    studio, ocr = Studio(Seed(SEED)), Ocr(PEOPLE_OF_SEVEN, SHOPS)
    front, back = studio.front_sheet(person), studio.back_sheet(person)
    said = {name: row.text for name, row in (front.rows | back.rows).items()}
    sent = Picture.read(studio.front(person).content), Picture.read(studio.back(person).content)
    read = ocr.card_front(None, CardQuery(sent[0]), 0.0, None)
    other = ocr.card_back(None, CardQuery(sent[1]), 0.0, None)

    assert read.reading is other.reading is Reading.READ
    assert (said["name"], said["sex"], said["nation"]) == (read.name, read.sex, read.nation)
    assert "/".join(said[part] for part in ("year", "month", "day")) == read.birth
    assert (said["address"], said["number"]) == (read.address, read.number)
    assert (said["authority"], said["valid"]) == (other.authority, other.valid)


@needs_font
def test_the_licence_says_what_the_reader_and_the_register_say(studio):
    ocr, registry = Ocr(PEOPLE_OF_SEVEN, SHOPS), Registry(SHOPS)
    for person, kept in keepers(6):
        drawn = studio.licence_sheet(kept)
        said = {name: row.text for name, row in drawn.rows.items()}
        read = ocr.licence(None, LicenceQuery(studio.licence(kept)), 0.0, None)
        entry = registry.look_up(None, BusinessQuery(kept.code), 0.0, None)

        assert (said["code"], said["name"], said["kind"]) == (read.code, read.name, read.kind)
        assert (said["person"], said["scope"]) == (read.person, read.scope)
        assert said["person"] == person.name
        assert (said["opened"], said["period"]) == (read.set_on, read.period)
        assert (said["address"], said["authority"]) == (read.address, read.authority)
        assert (entry.state, entry.name) == (BusinessState.OPEN, said["name"])
        require_tidy(drawn)


@needs_font
def test_a_company_has_a_representative_a_seat_and_capital(studio):
    (_, kept), *_ = keepers(1)
    company = replace(kept, kind="有限责任公司", capital="壹佰万元整")
    labels, other = (set(studio.licence_sheet(each).rows) for each in (company, kept))

    assert {"法定代表人", "住所", "注册资本", "成立日期"} <= labels
    assert {"经营者", "经营场所", "组成形式", "注册日期"} <= other
    assert not {"法定代表人", "住所", "注册资本", "成立日期"} & other


@needs_font
def test_a_card_for_ever_says_so(studio):
    person = next(p for n in range(1, 99) if (p := somebody("daopu", n)).valid_to is None)

    assert studio.back_sheet(person).rows["valid"].text.endswith("-长期")


# Where it stands


@needs_font
@few
@given(homes, indices)
def test_nobodys_rows_leave_their_room_or_are_marked_over(bank, index):
    person = somebody(bank, index)
    _, kept = keepers(1)[0]
    for drawn in all_sheets(Studio(Seed(SEED)), person, kept).values():
        require_tidy(drawn)
        assert drawn.marks
        assert all(row.ink.width > 0 for row in drawn.rows.values())


LONG = (
    "新疆维吾尔自治区巴音郭楞蒙古自治州博湖县某某某某乡"
    "某某某某村第一百二十三村民小组四百五十六号七单元八室"
)


@needs_font
@pytest.mark.parametrize("length", [1, 12, 30, 50])
def test_fifty_characters_still_fit_whole(studio, length):
    text = LONG[:length].ljust(length, "某")
    person = replace(somebody(), name=text, address=text, authority=text)
    (_, kept), *_ = keepers(1)
    shop = replace(kept, name=text, person=text, address=text, authority=text, scope=text * 4)
    for kind, drawn in all_sheets(studio, person, shop).items():
        require_tidy(drawn)
        for name, row in drawn.rows.items():
            assert "".join(row.lines) == row.text, (kind, name)


anything = st.text(max_size=220) | st.text("汉字ABij019 ·，。()\n\t\u202e\x00😀ﷺ", max_size=220)


@needs_font
@few
@given(anything, anything)
def test_whatever_a_text_is_it_stays_in_its_room(name, address):
    person = replace(somebody(), name=name, address=address, authority=name)
    for drawn in (idcard.front(person, Image.new("RGB", (8, 10)), FONT), idcard.back(person, FONT)):
        require_tidy(drawn)


@needs_font
def test_a_text_too_long_for_any_size_ends_in_an_ellipsis(studio):
    drawn = studio.front_sheet(replace(somebody(), name="某" * 200))
    row = drawn.rows["name"]

    assert row.lines[-1].endswith("…")
    require_tidy(drawn)


@needs_font
def test_the_ink_is_where_the_sheet_says(studio):
    # The boxes are textbbox's word; this holds it against the pixels: rows on white, and no other.
    person = replace(somebody(), address=LONG)
    white = Sheet(Image.new("RGB", idcard.SIZE, "white"), FONT)
    for name, room in idcard.FRONT_VALUES.items():
        text = {"address": LONG, "name": person.name, "number": person.id_number.text}
        write = white.space_out if name == "number" else white.write
        write(name, text.get(name, "12"), room, idcard.LARGE)
        ink = ImageChops.invert(white.image.crop(room)).getbbox()
        found = Box(room.left + ink[0], room.top + ink[1], room.left + ink[2], room.top + ink[3])

        assert white.rows[name].ink.holds(found)
    for room in idcard.FRONT_VALUES.values():
        white.draw.rectangle((*room[:2], room.right - 1, room.bottom - 1), fill="white")
    assert not ImageChops.invert(white.image).getbbox()


@needs_font
def test_the_mark_is_loud_on_every_picture(studio):
    (person, kept), *_ = keepers(1)
    for kind, drawn in all_sheets(studio, person, kept).items():
        marked = sum(mark.width * mark.height for mark in drawn.marks)

        assert marked > 0.05 * drawn.box.width * drawn.box.height, kind
        assert max(mark.width for mark in drawn.marks) == drawn.box.width


@needs_font
def test_the_mark_on_the_photo_leaves_the_face_free(studio):
    chin = portrait.CENTRE[1] + portrait.ZOOM * 186
    on_the_card = idcard.PHOTO.top + chin * idcard.PHOTO.height / portrait.SIZE[1]

    assert on_the_card < idcard.PHOTO_MARK.top
    assert chin < studio.portrait_sheet(somebody()).marks[0].top


def test_a_number_stays_on_one_line_and_one_too_long_is_broken():
    class Square:
        """A font of which every character is ten pixels wide."""

        def getlength(self, text):
            return 10 * len(text)

        def getbbox(self, text):
            return (0, 0, 10 * len(text), 10)

    assert sheet.wrapped("杭州路293号4室", Square(), 50) == ["杭州路", "293号4", "室"]
    assert sheet.wrapped("1234567", Square(), 30) == ["123", "456", "7"]
    assert sheet.wrapped("", Square(), 30) == [""]


def test_boxes_know_what_they_share():
    box = Box(0, 0, 10, 10)

    assert box.meets(Box(9, 9, 20, 20))
    assert not box.meets(Box(10, 0, 20, 10))
    assert box.holds(Box(0, 0, 10, 10))
    assert not box.holds(Box(0, 0, 11, 10))
    assert box.around(Box(-5, 5, 3, 30)) == Box(-5, 0, 10, 30)


# The font


@needs_font
def test_the_font_knows_every_character_that_people_need():
    words = [
        *providers.SURNAMES,
        *providers.STREETS,
        *providers.TOWNS,
        *(name for names in providers.GIVEN.values() for name in names),
        *making.COUNTIES,
        *making.PROVINCES.values(),
        *making.MINORITIES,
        *(bank.county for bank in BANKS.values()),
        *(word for trade in shop.TRADES for word in trade),
        *shop.WORDS,
        *idcard.FRONT_LABELS,
        *idcard.BACK_LABELS,
        "居民身份证这是一张测试图片营业执照长期年月日至号…0123456789X.-",
        licence.SINGLE_OWNER,
        licence.SOLE_TRADER,
        "统一社会信用代码经营者法定代表人注册资本成立日期营业期限场所住所登记机关市场监督管理局",
    ]

    assert fonts.lacking(fonts.at_size(FONT, 32), "".join(words)) == ""


@needs_font
def test_a_font_without_chinese_draws_boxes_and_is_not_taken(tmp_path):
    mono = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
    no_font = tmp_path / "no.ttf"
    no_font.write_bytes(b"no font at all")

    assert not fonts.writes_chinese(Font(str(no_font)))
    assert not fonts.writes_chinese(Font(str(tmp_path / "nowhere.ttf")))
    assert not fonts.writes_chinese(Font(str(tmp_path)))
    assert fonts.writes_chinese(FONT)
    if mono.exists():
        assert not fonts.writes_chinese(Font(str(mono)))


@needs_font
def test_fontconfig_is_asked_where_no_known_place_has_one(monkeypatch, tmp_path):
    said = tmp_path / "fc-match"
    monkeypatch.setattr(fonts, "KNOWN", ())
    monkeypatch.setattr(fonts.shutil, "which", lambda _: str(said))
    for answer, found in (
        (f"{FONT.path}\\n{FONT.nth}\\n", FONT),
        ("/nowhere/at/all.ttf\\n0\\n", None),
        ("", None),
        ("\\377\\n", None),
    ):
        said.write_text(f"#!/bin/sh\nprintf '{answer}'\n")
        said.chmod(0o755)

        assert fonts.find() == found
    said.write_text("#!/bin/sh\nexit 1\n")
    assert fonts.find() is None


def test_without_a_font_the_package_is_named(monkeypatch):
    monkeypatch.setattr(fonts, "KNOWN", ())
    monkeypatch.setattr(fonts.shutil, "which", lambda _: None)
    with pytest.raises(MachineError) as error:
        Studio(Seed(SEED))

    assert "fonts-wqy-microhei" in str(error.value)


# Shops


@given(homes, indices)
def test_a_shop_is_found_by_its_owner_and_by_its_code(bank, index):
    person = somebody(bank, index)
    kept = SHOPS.by_owner(person.key)
    code = shop.code_of(BANKS[bank].division, index)

    assert shop.index_in(code) == index
    if kept is None:
        assert SHOPS.by_code(code) is None
    else:
        assert SHOPS.by_code(code) == kept
        assert kept.code == UnifiedCreditCode(code.text)
        assert kept.opened < START
        assert (kept.opened.year - person.birth.year) >= 18
        assert kept.month(date(2020, 6, 1)) is None


def test_strangers_and_other_codes_have_no_shop():
    away = UnifiedCreditCode.make("92", "110101", "MA1ABCDE")
    company = UnifiedCreditCode.make("91", BANKS["daopu"].division, "MA1ABCDE")
    beyond = UnifiedCreditCode.make("92", BANKS["daopu"].division, "MA1ABCDE")

    assert SHOPS.by_owner("nobody/000001") is None
    assert SHOPS.by_owner("") is None
    assert [SHOPS.by_code(code) for code in (away, company, beyond)] == [None] * 3


def test_about_every_fourth_adult_keeps_a_shop():
    people = [somebody(bank, index) for bank in BANKS for index in range(20)]
    kept = [person for person in people if SHOPS.by_owner(person.key)]

    assert 0.2 < len(kept) / len(people) < 0.3
    assert len({SHOPS.by_owner(person.key).name for person in kept}) > 0.8 * len(kept)


# The command


@pytest.fixture
def go(monkeypatch, capsys, tmp_path):
    """Go through the door, standing in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(door.signal, "signal", lambda *_: None)

    def walk(*words: object):
        told = [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["sim.py", *told])
        with pytest.raises(SystemExit) as left:
            door.main(sim.sim, told)
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return walk


@needs_font
def test_people_json_agrees_with_the_pictures(go):
    status, out, err = go("people", "-n", 9, "--pictures", "--seed", 7)
    document = json.loads(Path("out/people/people.json").read_bytes())
    kinds = {
        "id_card_image": "front",
        "id_card_back_image": "back",
        "face_image": "portrait",
        "licence_image": "licence",
    }
    named = set()
    for row in document["people"]:
        assert list(row)[-1] == "truth"
        assert (row["licence_image"] is None) is (row["shop"] is None)
        for key, kind in kinds.items():
            if row[key] is not None:
                picture = Picture.read((Path("out/people") / row[key]).read_bytes())
                assert picture.ref == f"{row['key']}#{kind}"
                named.add(row[key])

    assert (status, err) == (0, "")
    assert "their pictures lie beside it" in out
    there = {p.relative_to("out/people").as_posix() for p in Path("out/people/pictures").iterdir()}
    assert named == there
    assert Draft202012Validator(SCHEMAS["people"]()).is_valid(document)
    assert any(row["shop"] for row in document["people"])


@needs_font
def test_the_people_of_the_file_are_those_of_the_seed_with_and_without_pictures(go):
    plain = json.loads(go("people", "-n", 5, "--json")[1])
    drawn = json.loads(go("people", "-n", 5, "--json", "--pictures")[1])
    more = {"id_card_image", "id_card_back_image", "face_image", "licence_image", "shop"}
    for one, other in zip(plain["people"], drawn["people"], strict=True):
        assert set(other) - set(one) == more
        assert {key: other[key] for key in one} == one
        assert PEOPLE_OF_SEVEN.by_key(one["key"]).name == one["name"]


@needs_font
def test_a_pipe_is_told_how_far_the_drawing_is(go, monkeypatch):
    monkeypatch.setattr(people, "TOLD_EVERY", 2)
    status, _, err = go("people", "-n", 5, "--pictures")

    assert status == 0
    assert err.splitlines() == [f"people: the pictures of {done} of 5 are drawn" for done in (2, 4)]


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("-n 0", 2, "people -n: is 0; use 1 to 1,000,000"),
        ("-n -3", 2, "people -n: is -3; use 1 to 1,000,000"),
        ("-n 20001", 2, "people -n: is 20,001 with --pictures; use 1 to 20,000"),
        ("--bank daopo", 2, "--bank 'daopo': is unknown; did you mean 'daopu'?"),
        pytest.param(
            "--out .",
            2,
            "--out .: is the folder you stand in, or one above it; name a folder",
            marks=needs_font,
        ),
    ],
)
def test_wrong_words_are_told_in_one_line_and_write_nothing(go, line, status, said):
    left, out, err = go("people", "--pictures", *line.split())

    assert (left, out) == (status, "")
    assert err.startswith(f"sim.py: {said}")
    assert err.count("\n") == 1
    assert list(Path().iterdir()) == []


@needs_font
def test_a_place_that_cannot_be_written_is_the_machines_fault(go):
    Path("file").write_text("in the way")
    left, out, err = go("people", "-n", 1, "--pictures", "--out", "file/out")

    assert (left, out) == (3, "")
    assert err.startswith("sim.py: cannot write ")
    assert err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_a_machine_without_a_font_ends_with_3_and_writes_nothing(go, monkeypatch):
    monkeypatch.setattr(fonts, "find", lambda: None)
    left, out, err = go("people", "-n", 1, "--pictures")

    assert (left, out) == (3, "")
    assert err == (
        "sim.py: no font on this machine writes Chinese; install one (Debian, Ubuntu: "
        "apt-get install fonts-wqy-microhei)\n"
    )
    assert list(Path().iterdir()) == []
    assert go("people", "-n", 1)[0] == 0
