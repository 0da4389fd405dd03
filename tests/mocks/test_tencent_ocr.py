"""Tencent Cloud OCR on the wire: the vendor's fields, its warnings where asked for, its errors."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import date
from types import SimpleNamespace

import pytest
from tencentcloud.ocr.v20181119 import models
from tencentcloud.ocr.v20181119.ocr_client import OcrClient

from core.identity import UnifiedCreditCode
from core.picture import Picture, stand_in
from core.ports.ocr import CardBack, CardFront, Licence, Reading, Warn
from mocks.ocr.behaviour import CARD_BYTES_MAX, LICENCE_BYTES_MAX, Ocr
from mocks.ocr.server import SWITCHES
from mocks.tencent_pictures import MIB
from tests.mocks.tencent_kit import b64, server, shown_in, stand

__all__ = ["server", "stand"]  # fixtures

CARD, LICENCE = "IDCardOCR", "BizLicenseOCR"
GIF = b64encode(b"GIF89a" + bytes(20)).decode()
BMP = b64encode(b"BM" + bytes(60)).decode()


def config(**switches):
    return json.dumps(switches)


def card(stand, person, side="front", **more):
    return stand.ask(CARD, {"ImageBase64": b64(f"{person.key}#{side}"), **more}, "ocr")


def info(stand, person, **more):
    return json.loads(card(stand, person, **more)["AdvancedInfo"])


def test_the_typed_client_reads_both_sides(stand):
    li = stand.person(
        name="李明",
        birth=date(1987, 1, 1),
        valid_from=date(2017, 8, 12),
        valid_to=date(2037, 8, 12),
    )
    client = OcrClient(stand.credential(), "ap-shanghai", stand.profile())
    asked = models.IDCardOCRRequest()
    asked.ImageBase64, asked.CardSide = b64(f"{li.key}#front"), "FRONT"
    front = client.IDCardOCR(asked)
    asked.ImageBase64, asked.CardSide = b64(f"{li.key}#back"), "BACK"
    back = client.IDCardOCR(asked)

    assert (front.Name, front.Sex, front.Nation) == ("李明", li.sex, li.nation)
    assert (front.Birth, front.Address, front.IdNum) == (
        "1987/1/1",
        li.address,
        li.id_number.text,
    )
    assert (front.Authority, front.ValidDate) == ("", "")
    assert (back.Authority, back.ValidDate) == (li.authority, "2017.08.12-2037.08.12")
    assert (back.Name, back.IdNum, back.Birth) == ("", "", "")
    assert json.loads(front.AdvancedInfo) == {"WarnInfos": []}
    assert front.ReflectDetailInfos == []
    assert stand.calls == ["ocr.card_front", "ocr.card_back"]
    assert stand.tenant.billed == {"ocr.card_front": 1, "ocr.card_back": 1}


def test_without_a_side_the_picture_tells_it(stand):
    li = stand.person()

    assert card(stand, li, "front")["IdNum"] == li.id_number.text
    assert card(stand, li, "back")["Authority"] == li.authority


@pytest.mark.parametrize(("switch", "warns"), SWITCHES.items())
def test_a_warning_is_told_where_its_switch_is_on(stand, switch, warns):
    li = stand.person(card_warnings=tuple(int(warn) for warn in Warn))

    assert info(stand, li, Config=config(**{switch: True}))["WarnInfos"] == [int(w) for w in warns]
    off = info(stand, li, Config=config(**{switch: False}))
    assert off == {"WarnInfos": []}


def test_electronic_cards_and_watermarks_are_for_the_advanced(stand):
    li = stand.person(card_warnings=(-9106, -9110, -9111))
    asked = config(DetectPsWarn=True)

    assert info(stand, li, Config=asked)["WarnInfos"] == [-9106]
    found = info(stand, li, Config=asked, CardWarnType="Advanced")
    assert found["WarnInfos"] == [-9106, -9110, -9111]
    assert info(stand, li, CardWarnType="Advanced")["WarnInfos"] == []


def test_crops_and_scores_come_when_asked_for(stand):
    li = stand.person(card_quality=77, card_warnings=(-9101, -9107))
    switches = [
        "CropIdCard",
        "CropPortrait",
        "Quality",
        "BorderCheckWarn",
        "KeyCheck",
        "ValueCheck",
    ]
    told = info(stand, li, Config=config(**dict.fromkeys(switches, True), Whatever=True))

    assert shown_in(told["IdCard"]) == f"{li.key}#front"
    assert shown_in(told["Portrait"]) == f"{li.key}#portrait"
    assert (told["Quality"], told["WarnInfos"]) == (77, [-9101])
    assert told["BorderCodeValue"] < 50
    assert (told["IsKeyValid"], told["IsValueValid"]) == (False, False)
    crops = info(stand, li, Config=config(CropPortrait=True))
    assert list(crops) == ["Portrait"]
    assert "Portrait" not in info(stand, li, side="back", Config=config(CropPortrait=True))


def test_reflections_are_placed_where_both_switches_are_on(stand):
    li = stand.person(card_warnings=(-9107,))

    def placed(**more):
        return card(stand, li, **more)["ReflectDetailInfos"]

    on = config(ReflectWarn=True)
    assert placed(Config=on, EnableReflectDetail=True) == [{"Position": "RecognitionField"}]
    assert placed(Config=on) == placed(EnableReflectDetail=True) == []


FRONT_ERRORS = {
    Reading.NO_CARD: "FailedOperation.ImageNoIdCard",
    Reading.WRONG_SIDE: "FailedOperation.CardSideError",
    Reading.BLURRED: "FailedOperation.ImageBlur",
    Reading.NOT_A_PICTURE: "FailedOperation.ImageDecodeFailed",
    Reading.TOO_LARGE: "LimitExceeded.TooLargeFileError",
    Reading.SEVERAL_CARDS: "FailedOperation.MultiCardError",
}


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize("side", ["FRONT", "BACK"])
def test_every_reading_of_a_card_has_its_code(stand, reading, side):
    stand.says("ocr", card_front=CardFront(reading), card_back=CardBack(reading))
    asked = {"ImageBase64": b64("li#front"), "CardSide": side}

    if reading is Reading.READ:
        assert stand.ask(CARD, asked, "ocr")["Name"] == ""
    else:
        assert stand.refused(CARD, asked, "ocr") == FRONT_ERRORS[reading]
        assert not stand.tenant.billed


@pytest.mark.parametrize("reading", Reading)
def test_every_reading_of_a_licence_has_its_code(stand, reading):
    stand.says("ocr", licence=Licence(reading))
    asked = {"ImageBase64": b64("li#licence")}
    codes = {**FRONT_ERRORS, Reading.NO_CARD: "FailedOperation.NoBizLicense"}

    if reading is Reading.READ:
        assert stand.ask(LICENCE, asked, "ocr")["RegNum"] == ""
    else:
        assert stand.refused(LICENCE, asked, "ocr") == codes[reading]


@pytest.mark.parametrize(
    ("ref", "asked", "code"),
    [
        ("back", {"CardSide": "FRONT"}, "FailedOperation.CardSideError"),
        ("front", {"CardSide": "BACK"}, "FailedOperation.CardSideError"),
        ("face/1", {}, "FailedOperation.ImageNoIdCard"),
        ("front", {"CardSide": "LEFT"}, "InvalidParameterValue"),
        ("front", {"CardWarnType": "advanced"}, "InvalidParameterValue"),
        ("front", {"Config": "{"}, "InvalidParameter.ConfigFormatError"),
        ("front", {"Config": "[]"}, "InvalidParameter.ConfigFormatError"),
        ("front", {"Config": "[" * 9_999}, "InvalidParameter.ConfigFormatError"),
        ("front", {"Config": '{"Quality": 1}'}, "InvalidParameter.ConfigFormatError"),
        ("front", {"Config": {"Quality": True}}, "InvalidParameter"),
        ("front", {"EnableReflectDetail": "true"}, "InvalidParameter"),
        ("front", {"ImageUrl": "http://127.0.0.1:9/a.jpg"}, "FailedOperation.DownLoadError"),
        ("front", {"ImageBase64": None}, "MissingParameter"),
        ("front", {"ImageBase64": ""}, "FailedOperation.EmptyImageError"),
        ("front", {"ImageBase64": GIF}, "FailedOperation.ImageDecodeFailed"),
        ("front", {"ImageBase64": "====", "CardSide": ""}, "FailedOperation.ImageDecodeFailed"),
        ("front", {"ImageBase64": "/9j/4AAQ\n"}, "FailedOperation.ImageDecodeFailed"),
        ("front", {"ImageBase64": "照片"}, "FailedOperation.ImageDecodeFailed"),
        ("front", {"ImageBase64": BMP}, "FailedOperation.ImageNoIdCard"),
        ("front", {"EnableRecognitionRectify": False, "EnableDateVerify": False}, ""),
    ],
)
def test_a_request_that_cannot_be_read_has_its_code(stand, ref, asked, code):
    li = stand.person()
    asked = {"ImageBase64": b64(f"{li.key}#{ref}"), **asked}

    if code:
        assert stand.refused(CARD, asked, "ocr") == code
    else:
        assert stand.ask(CARD, asked, "ocr")["Name"] == li.name


def test_only_an_empty_picture_is_billed_without_being_read(stand):
    stand.refused(CARD, {"ImageBase64": ""}, "ocr")
    stand.refused(CARD, {"ImageBase64": GIF}, "ocr")
    stand.refused(LICENCE, {"ImageBase64": ""}, "ocr")

    assert stand.tenant.billed == {"ocr.IDCardOCR": 1, "ocr.BizLicenseOCR": 1}


@pytest.mark.parametrize(
    ("action", "bytes_max", "base64_max"),
    [(CARD, CARD_BYTES_MAX, 10 * MIB), (LICENCE, LICENCE_BYTES_MAX, 7 * MIB)],
)
def test_the_limit_is_one_of_base64_and_the_behaviours_own(stand, action, bytes_max, base64_max):
    picture = stand_in("nobody#front")
    code = "FailedOperation.ImageNoIdCard" if action == CARD else "FailedOperation.NoBizLicense"
    full = b64encode(picture + bytes(bytes_max - len(picture))).decode()
    assert len(full) == base64_max

    assert stand.refused(action, {"ImageBase64": full}, "ocr") == code
    over = {"ImageBase64": full + "AAAA"}
    assert stand.refused(action, over, "ocr") == "LimitExceeded.TooLargeFileError"


def test_a_licence_is_read_as_it_is_printed(stand, monkeypatch):
    business = SimpleNamespace(
        owner="li",
        code=UnifiedCreditCode.make("92", "329900", "12345678"),
        name="测试小店",
        kind="个体工商户",
        person="李明",
        capital="",
        address="一号",
        scope="零售",
        authority="测试局",
        opened=date(2015, 3, 2),
    )

    class Shops:
        def by_owner(self, person):
            return business if person == "li" else None

    stand.tenant.behaviours["ocr"] = Ocr(stand.people, Shops())
    told = stand.ask(LICENCE, {"ImageBase64": b64("li#licence")}, "ocr")

    assert (told["RegNum"], told["Name"], told["Person"]) == (
        business.code.text,
        "测试小店",
        "李明",
    )
    assert (told["Business"], told["Type"], told["Address"]) == ("零售", "个体工商户", "一号")
    assert (told["SetDate"], told["Period"]) == ("2015年03月02日", "2015年03月02日至长期")
    assert (told["RegistrationDate"], told["RegistrationAuthority"]) == ("2015年03月02日", "测试局")
    assert (told["IsDuplication"], told["RecognizeWarnCode"]) == (-1, [])
    assert set(vars(models.BizLicenseOCRResponse())) == {f"_{name}" for name in told}
    bare = {"ImageBase64": b64("li#licence"), "EnablePeriodComplete": False}
    assert stand.ask(LICENCE, bare, "ocr", method="GET")["Period"] == "长期"
    assert stand.refused(LICENCE, {"ImageBase64": b64("x#licence")}, "ocr") == (
        "FailedOperation.NoBizLicense"
    )
    bmp = {"ImageBase64": BMP}
    assert stand.refused(LICENCE, bmp, "ocr") == "FailedOperation.ImageDecodeFailed"
    url = {"ImageUrl": "http://127.0.0.1:9/"}
    assert stand.refused(LICENCE, url, "ocr") == "FailedOperation.DownLoadError"
    assert stand.tenant.billed == {"ocr.licence": 2}


def test_a_licences_warnings_are_told_where_asked_for(stand):
    warned = Licence(Reading.READ, duplicate=True, warnings=(-9102, -9104, -9108, -1))
    stand.says("ocr", licence=warned)
    picture = {"ImageBase64": b64("li#licence")}

    assert stand.ask(LICENCE, picture, "ocr")["RecognizeWarnCode"] == []
    told = stand.ask(LICENCE, {**picture, "EnableCopyWarn": True}, "ocr")
    assert told["RecognizeWarnCode"] == [-9102, -9104, -9108]
    assert told["RecognizeWarnMsg"] == ["WARN_COPY_CARD", "WARN_RESHOOT_CARD", "WARN_EARLY_STOP"]
    assert told["IsDuplication"] == 1


def test_every_documented_field_of_a_card_is_answered(stand):
    told = card(stand, stand.person())

    assert set(vars(models.IDCardOCRResponse())) == {f"_{name}" for name in told}


def test_the_behaviour_sees_the_picture_that_was_sent(stand):
    said = stand.says("ocr", card_front=CardFront(Reading.READ))
    stand.ask(CARD, {"ImageBase64": b64("li#front")}, "ocr")
    photo = b"\xff\xd8\xff\xe0" + bytes(100)
    stand.ask(CARD, {"ImageBase64": b64encode(photo).decode()}, "ocr")

    assert said.asked[0].picture == Picture.named("li#front")
    assert said.asked[1].picture == Picture.of("", photo)
