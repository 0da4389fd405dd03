"""A picture is checked once, when it is born."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.errors import InputError
from core.picture import MAGIC, SIZE_MAX, Picture

PNG = b"\x89PNG\r\n\x1a\n" + b"specimen"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<svg onload='alert(1)'/>", "is no picture"),
        (b"GIF89a", "is no picture"),
        (b"%PDF-1.7", "is no picture"),
        (PNG.ljust(SIZE_MAX + 1, b"\0"), "bytes"),
    ],
    ids=["nothing", "a script", "a GIF", "a document", "too much"],
)
def test_what_is_no_picture_is_told_in_one_line(content, problem):
    with pytest.raises(InputError) as error:
        Picture.of("front.png", content)

    assert "front.png" in error.value.place
    assert problem in error.value.problem
    assert error.value.remedy


@pytest.mark.parametrize(
    ("content", "media"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"BM12", "image/bmp")],
)
def test_a_picture_knows_what_it_is(content, media):
    picture = Picture.of("front", content)

    assert (picture.media, picture.size) == (media, len(content))


def test_the_same_content_has_the_same_digest_wherever_it_lies():
    assert Picture.of("here", PNG).digest == Picture.of("there", PNG).digest
    assert Picture.named("a#front").digest != Picture.named("a#back").digest


def test_a_stand_in_is_a_picture_that_carries_its_name():
    picture = Picture.named("daopu/000007#front")
    image = Image.open(BytesIO(picture.content))
    image.load()

    assert (image.format, image.size) == ("PNG", (1, 1))
    assert image.text == {"loanrange": "daopu/000007#front"}
    assert Picture.read(picture.content) == picture


def test_a_drawn_picture_comes_back_under_the_name_it_carries():
    drawn = Image.new("RGB", (20, 30), "white")
    for form, notes in (
        ("PNG", {"pnginfo": noted("a#front")}),
        ("JPEG", {"comment": b"loanrange:a#front"}),
    ):
        file = BytesIO()
        drawn.save(file, form, **notes)
        picture = Picture.read(file.getvalue())

        assert (picture.ref, picture.media) == ("a#front", f"image/{form.lower()}")
        assert picture.content == file.getvalue()
        assert picture == Picture.of("a#front", file.getvalue())


def test_somebody_elses_picture_has_no_name():
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "JPEG", comment=b"holiday")

    assert Picture.read(file.getvalue()).ref == ""


@given(st.binary(max_size=200), st.sampled_from([b"", *(m for m, _ in MAGIC)]))
def test_whatever_the_bytes_are_they_are_a_picture_or_an_input_error(rest, magic):
    content = magic + rest
    if magic or any(content.startswith(known) for known, _ in MAGIC):
        assert Picture.read(content).content == content
    else:
        with pytest.raises(InputError):
            Picture.read(content)


def noted(ref):
    info = PngInfo()
    info.add_text("loanrange", ref)
    return info
