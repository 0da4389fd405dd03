"""The font that Chinese is written with: found on the machine, never carried along."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import ImageFont

from core.errors import MachineError

PACKAGE = "fonts-wqy-microhei"
REMEDY = f"install one (Debian, Ubuntu: apt-get install {PACKAGE})"
PROBE = "样本公民身份号码"  # a font that draws these, each in its own way, writes Chinese
NOWHERE = "\U0010fffd"  # a private character: every font shows its box for it
ASK = ("-f", "%{file}\n%{index}\n", "sans:lang=zh-cn")
ASK_S_MAX = 10.0


class Font(NamedTuple):
    """A font file, and which of its fonts (a collection holds several)."""

    path: str
    nth: int = 0


# Where systems keep them, the plainest first; of Noto's collection the third is the Chinese one.
KNOWN = (
    Font("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Font("/usr/share/fonts/wqy-microhei/wqy-microhei.ttc"),
    Font("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    Font("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    Font("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Font("/System/Library/Fonts/Hiragino Sans GB.ttc"),
    Font("C:/Windows/Fonts/msyh.ttc"),
)


def find() -> Font | None:
    """Return a font that writes Chinese: one of the known places, else what fontconfig knows."""
    return next((font for font in KNOWN if writes_chinese(font)), None) or _asked()


def need() -> Font:
    """Return a font that writes Chinese.

    Raises:
        MachineError: there is none; names the package to install.
    """
    font = find()
    if font is None:
        raise MachineError("no font on this machine writes Chinese", REMEDY)
    return font


def writes_chinese(font: Font) -> bool:
    """Whether there is such a font and it draws more than boxes."""
    if not Path(font.path).is_file():
        return False
    try:
        return not lacking(at_size(font, 24), PROBE)
    except OSError:  # no font, or one that this FreeType cannot read
        return False


def lacking(font: ImageFont.FreeTypeFont, text: str) -> str:
    """Return the characters that a font shows as its box for the unknown."""
    box = _drawn(font, NOWHERE)
    return "".join(sorted({each for each in text if _drawn(font, each) == box}))


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> tuple[object, bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@cache
def at_size(font: Font, size: int) -> ImageFont.FreeTypeFont:
    """Return a font at a size in pixels, laid out plainly: the same with and without Raqm.

    Raises:
        OSError: it is no font.
    """
    plain = ImageFont.Layout.BASIC
    return ImageFont.truetype(font.path, size, index=font.nth, layout_engine=plain)


def _asked() -> Font | None:
    """Return the font that fontconfig recommends, if it is there and tells the truth."""
    program = shutil.which("fc-match")
    if program is None:
        return None
    try:
        asked = subprocess.run(
            [program, *ASK], capture_output=True, text=True, timeout=ASK_S_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    path, index = (*asked.stdout.split("\n"), "", "")[:2]
    font = Font(path, int(index) & 0xFFFF if index.isdigit() else 0)  # above: a named instance
    return font if path and writes_chinese(font) else None
