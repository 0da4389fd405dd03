"""A picture is checked once, when it is born."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.picture import SIZE_MAX, Picture

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
