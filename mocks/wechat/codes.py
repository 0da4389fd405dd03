"""The mini-program's code (小程序码): a picture that leads a phone to a page, with a scene.

The real one is a round pattern that only WeChat reads. Ours is a QR code of WeChat's own link form
(``weixin://dl/business/``), so that any scanner shows where it leads; the same link stands in the
picture's comment, where :func:`read` finds it without a camera.
"""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qs, quote, urlencode

import segno
from PIL import Image, PngImagePlugin

from core.errors import InputError

LINK = "weixin://dl/business/?"
COMMENT = "mini-program"  # the name of the PNG's text chunk; a JPEG has one nameless comment
QUIET = 4  # modules of margin that a scanner needs (ISO/IEC 18004)
JPEG_QUALITY = 92

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)


class CodeLink(NamedTuple):
    """Where a code leads. ``scene`` is what the page is told, not a launch scene's number."""

    appid: str
    page: str
    scene: str
    version: str = "release"

    @property
    def text(self) -> str:
        """The link as the pattern holds it."""
        told = {
            "appid": self.appid,
            "path": self.page,
            "query": f"scene={quote(self.scene, safe='')}",
            "env_version": self.version,
        }
        return LINK + urlencode(told)

    @classmethod
    def parse(cls, text: str) -> CodeLink:
        """Return where a link leads.

        Raises:
            InputError: it is no link of a mini-program's code.
        """
        if not text.startswith(LINK):
            raise InputError(f"code {text[:40]!r}", "leads to no mini-program", f"expect {LINK}...")
        told = {name: values[0] for name, values in parse_qs(text.removeprefix(LINK)).items()}
        scene = parse_qs(told.get("query", "")).get("scene", [""])[0]
        return cls(
            told.get("appid", ""), told.get("path", ""), scene, told.get("env_version", "release")
        )


class Ink(NamedTuple):
    """How a code is drawn: its width in pixels, its lines' colour, what lies behind them."""

    width: int = 430
    colour: Colour = BLACK
    hyaline: bool = False  # transparent behind the lines, which makes it a PNG


def pattern(link: CodeLink) -> tuple[tuple[bool, ...], ...]:
    """Return the modules of a link's code, row by row, without their margin; dark is True."""
    code = segno.make(link.text, error="m", micro=False, boost_error=False)
    return tuple(tuple(bool(module) for module in row) for row in code.matrix)


def draw(link: CodeLink, ink: Ink) -> bytes:
    """Return the picture of a code: a JPEG, or a PNG where nothing is to lie behind it."""
    rows = pattern(link)
    stamp = Image.new("1", (len(rows), len(rows)))
    stamp.putdata([module for row in rows for module in row])
    module_px = ink.width // (len(rows) + 2 * QUIET)
    side = module_px * len(rows)
    stamp = stamp.resize((side, side), Image.Resampling.NEAREST)
    corner = (ink.width - side) // 2
    size, out = (ink.width, ink.width), BytesIO()
    if ink.hyaline:
        picture = Image.new("RGBA", size, (255, 255, 255, 0))
        picture.paste((*ink.colour, 255), (corner, corner), stamp)
        chunk = PngImagePlugin.PngInfo()
        chunk.add_text(COMMENT, link.text)
        picture.save(out, "PNG", pnginfo=chunk)
    else:
        picture = Image.new("RGB", size, (255, 255, 255))
        picture.paste(ink.colour, (corner, corner), stamp)
        picture.save(
            out, "JPEG", quality=JPEG_QUALITY, subsampling=0, comment=link.text.encode("ascii")
        )
    return out.getvalue()


def read(content: bytes) -> CodeLink:
    """Return where the code in a picture leads: what a phone does when it scans one.

    Raises:
        InputError: it is no picture, or no code of ours.
    """
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            comment = picture.info.get(COMMENT) or picture.info.get("comment") or b""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise InputError("code", "is no picture", "give the bytes as they came") from None
    text = comment.decode("ascii", "replace") if isinstance(comment, bytes) else str(comment)
    return CodeLink.parse(text)
