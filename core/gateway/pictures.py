"""What may be uploaded as a picture: its first bytes and its dimensions are looked at.

A picture is not decoded here. One of a few bytes may say that it is a hundred thousand pixels wide,
and fill the memory of whoever does decode it; one that is a page, a script or an archive is none.
"""

from __future__ import annotations

import struct

from core.errors import InputError
from core.picture import BMP, JPEG, PNG, Picture

PIXELS_MAX = 64_000_000
SIDE_MAX = 20_000
# Markers of a JPEG that begin a frame (ITU T.81, table B.1): not DHT (C4), JPG (C8) and DAC (CC).
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def checked(content: bytes) -> Picture:
    """Return an uploaded picture.

    Raises:
        InputError: it is none, too large, or says that it has too many pixels.
    """
    picture = Picture.read(content)
    try:
        width, height = size_of(content)
    except (struct.error, IndexError):
        raise InputError("picture", "has no head", "send the whole file") from None
    if not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX or width * height > PIXELS_MAX:
        raise InputError("picture", "has too many pixels, or none", f"at most {PIXELS_MAX:,}")
    return picture


def size_of(content: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG, JPEG or BMP says it has.

    Raises:
        struct.error, IndexError: it ends before it says so.
    """
    if content.startswith(PNG):
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    if content.startswith(BMP):
        width, height = struct.unpack_from("<ii", content, 18)
        return width, abs(height)
    assert content.startswith(JPEG)
    at = 2
    while True:
        while content[at] == 0xFF and content[at + 1] == 0xFF:
            at += 1  # fill bytes
        marker = content[at + 1]
        (length,) = struct.unpack_from(">H", content, at + 2)
        if content[at] != 0xFF or length < 2:
            raise IndexError(at)
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + length
