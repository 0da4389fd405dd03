"""A picture of a card or a face: where it lies, what it is, and the digest of its content.

A picture of ours carries its name inside: a PNG in a ``tEXt`` chunk ``loanrange``, a JPEG in a
comment that begins with ``loanrange:``. Whoever reads one finds out what it shows without being
told (PNG 1.2, section 4.2.3; ITU T.81, B.2.4.5).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING
from zlib import compress, crc32

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_MAX = 10 * 1024 * 1024
JPEG, PNG, BMP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"
MAGIC: tuple[tuple[bytes, str], ...] = (
    (JPEG, "image/jpeg"),
    (PNG, "image/png"),
    (BMP, "image/bmp"),
)
KEYWORD = b"loanrange"  # of the chunk or the comment that holds a picture's name
_COMMENT, _SCAN, _END = 0xFE, 0xDA, 0xD9  # JPEG markers


@dataclass(slots=True, unsafe_hash=True)
class Picture:
    """A picture that was checked at birth. ``ref`` names it; empty where nobody knows its name.

    A rollout of a hundred thousand customers carries references: ``named`` makes a picture whose
    content is its name, so that digests and the object store's "once only" still hold.
    """

    ref: str
    digest: str
    size: int
    media: str
    _bytes: bytes | None = field(default=None, repr=False, compare=False)

    @classmethod
    def named(cls, ref: str) -> Picture:
        """Return a stand-in whose content is its own name."""
        content = ref.encode()
        return cls(ref, blake2b(content, digest_size=32).hexdigest(), len(content), "image/jpeg")

    @classmethod
    def of(cls, ref: str, content: bytes) -> Picture:
        """Return the picture in ``content``.

        Raises:
            InputError: no JPEG, PNG or BMP, empty, or over 10 MB (the OCR vendor's limits).
        """
        media = next((media for magic, media in MAGIC if content.startswith(magic)), None)
        if media is None:
            problem = "is no picture" if content else "is empty"
            raise InputError(f"picture {ref!r}", problem, "give a JPEG, PNG or BMP file")
        if len(content) > SIZE_MAX:
            raise InputError(
                f"picture {ref!r}", f"has {len(content):,} bytes", f"at most {SIZE_MAX:,} are read"
            )
        return cls(ref, sha256(content).hexdigest(), len(content), media, content)

    @classmethod
    def read(cls, content: bytes) -> Picture:
        """Return the picture in ``content`` under the name it carries, or none.

        A stand-in comes back as :meth:`named` made it.

        Raises:
            InputError: as :meth:`of`.
        """
        ref = ref_in(content)
        if ref and content == stand_in(ref):
            return cls.named(ref)
        return cls.of(ref, content)

    @property
    def content(self) -> bytes:
        """The picture's bytes; of a stand-in, a PNG of one pixel that carries its name."""
        return stand_in(self.ref) if self._bytes is None else self._bytes


def stand_in(ref: str) -> bytes:
    """Return a PNG of one white pixel that carries a name."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)  # eight bits of grey
    return b"".join(
        (
            PNG,
            _chunk(b"IHDR", header),
            _chunk(b"tEXt", KEYWORD + b"\0" + ref.encode()),
            _chunk(b"IDAT", compress(b"\0\xff", 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    told = kind + content
    return struct.pack(">I", len(content)) + told + struct.pack(">I", crc32(told))


def ref_in(content: bytes) -> str:
    """Return the name that a PNG or JPEG carries; empty where it carries none, or is broken."""
    try:
        if content.startswith(PNG):
            names = _png_names(content)
        elif content.startswith(JPEG):
            names = _jpeg_names(content)
        else:
            return ""
        return next(names, b"").decode()
    except (struct.error, UnicodeDecodeError):
        return ""


def _png_names(content: bytes) -> Iterator[bytes]:
    at = len(PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"IEND":
            return
        said = content[at + 8 : at + 8 + length]
        if kind == b"tEXt" and said.startswith(KEYWORD + b"\0"):
            yield said[len(KEYWORD) + 1 :]
        at += 12 + length


def _jpeg_names(content: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind in (_SCAN, _END):
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        said = content[at + 4 : at + 2 + length]
        if kind == _COMMENT and said.startswith(KEYWORD + b":"):
            yield said[len(KEYWORD) + 1 :]
        at += 2 + length
