"""What may be uploaded as a picture: its first bytes and its dimensions are looked at.

A picture is not decoded here. One of a few bytes may say that it is a hundred thousand pixels wide,
and fill the memory of whoever does decode it; one that is a page, a script or an archive is none.
One of ten million bytes may be made of parts of four bytes each, and cost seconds to walk through:
no camera writes so many.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from core.errors import InputError
from core.picture import BMP, JPEG, PNG, SIZE_MAX, Picture

if TYPE_CHECKING:
    from collections.abc import Iterator

PIXELS_MAX = 64_000_000
SIDE_MAX = 20_000
PARTS_MAX = 10_000  # chunks of a PNG, segments of a JPEG: a camera writes a few hundred
BMP_HEADS = frozenset({40, 52, 56, 108, 124})  # bytes: the versions of its header that are written
# Markers of a JPEG that begin a frame (ITU T.81, table B.1): not DHT (C4), JPG (C8) and DAC (CC).
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
SCAN, END = 0xDA, 0xD9
TOO_MANY = InputError("picture", "has too many parts", f"at most {PARTS_MAX:,}")


def checked(content: bytes) -> Picture:
    """Return an uploaded picture.

    Raises:
        InputError: it is none, too large, broken, or says that it has too many pixels.
    """
    if not content.startswith((PNG, BMP, JPEG)) or len(content) > SIZE_MAX:
        return Picture.of("", content)  # which says what is wrong
    try:
        width, height = size_of(content)
    except (struct.error, IndexError):
        raise InputError("picture", "has no head", "send the whole file") from None
    if not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX or width * height > PIXELS_MAX:
        raise InputError("picture", "has too many pixels, or none", f"at most {PIXELS_MAX:,}")
    return Picture.read(content)


def size_of(content: bytes) -> tuple[int, int]:
    """Return the width and height that a PNG, JPEG or BMP says it has.

    Raises:
        struct.error, IndexError: it ends before it says so.
        InputError: it is made of too many parts.
    """
    if content.startswith(PNG):
        length, kind, width, height = struct.unpack_from(">I4sII", content, len(PNG))
        if (length, kind) != (13, b"IHDR"):
            raise IndexError(len(PNG))
        _walk_chunks(content)
        return width, height
    if content.startswith(BMP):
        head, width, height = struct.unpack_from("<Iii", content, 14)
        if head not in BMP_HEADS:
            raise IndexError(14)
        return width, abs(height)
    assert content.startswith(JPEG)
    size = None
    for marker, at in _segments(content):
        if size is None and marker in FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            size = width, height
    if size is None:
        raise IndexError(len(content))
    return size


def _walk_chunks(content: bytes) -> None:
    """Walk through the chunks of a PNG (PNG 1.2, section 3.2)."""
    at = len(PNG)
    for _ in range(PARTS_MAX):
        if at + 8 > len(content):
            return
        at += 12 + int(struct.unpack_from(">I", content, at)[0])
    raise TOO_MANY


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the markers of a JPEG and where they stand, up to its first scan.

    Fill bytes between them, which no camera writes, are not taken: whoever reads the picture next
    might skip them in another way.
    """
    at = 2
    for _ in range(PARTS_MAX):
        marker = content[at + 1]
        if content[at] != 0xFF or marker == 0xFF:
            raise IndexError(at)
        if marker in (SCAN, END):
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        if length < 2:
            raise IndexError(at)
        yield marker, at
        at += 2 + length
    raise TOO_MANY
