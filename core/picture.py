"""A picture of a card or a face: where it lies, what it is, and the digest of its content."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b, sha256

from core.errors import InputError

SIZE_MAX = 10 * 1024 * 1024
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"BM", "image/bmp"),
)


@dataclass(slots=True, unsafe_hash=True)
class Picture:
    """A picture that was checked at birth. ``ref`` names it; its bytes stay where they are.

    A rollout of a hundred thousand customers carries references: ``named`` makes a picture whose
    content is its name, so that digests and the object store's "once only" still hold.
    """

    ref: str
    digest: str
    size: int
    media: str

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
        return cls(ref, sha256(content).hexdigest(), len(content), media)
