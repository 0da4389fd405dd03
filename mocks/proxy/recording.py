"""Reads a recording: a folder that a recorder wrote, or left behind when it was killed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from mocks.proxy.exchange import Exchange
from mocks.proxy.recorder import EXCHANGES, HEAD, VERSION
from mocks.proxy.words import Words

if TYPE_CHECKING:
    from pathlib import Path

AGAIN = "record it again"


class Recording(NamedTuple):
    """What was recorded, in the order in which it ended; ``torn``: a last line was passed over."""

    target: str
    words: Words
    exchanges: tuple[Exchange, ...]
    torn: bool


def load(folder: Path) -> Recording:
    """Return the recording in a folder. A last line that was not written whole is passed over.

    Raises:
        InputError: it is none, is of another version, has no exchange, or one that is none.
    """
    target, words = _head(folder)
    path = folder / EXCHANGES
    try:
        *lines, rest = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise InputError(str(folder), f"holds no {EXCHANGES}", AGAIN) from None
    exchanges = []
    for number, line in enumerate(lines, 1):
        try:
            exchanges.append(Exchange.from_json(json.loads(line)))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as wrong:
            raise InputError(f"{path}, line {number}", "is no exchange", AGAIN) from wrong
    if not exchanges:
        raise InputError(str(path), "has no exchange", "record one at least")
    return Recording(target, words, tuple(exchanges), bool(rest))


def _head(folder: Path) -> tuple[str, Words]:
    """Return what was recorded, and the words that were kept."""
    path = folder / HEAD
    if not path.is_file():
        raise InputError(str(folder), f"holds no {HEAD}", "name a folder of sim.py record")
    try:
        told = json.loads(path.read_bytes())
        version, target = told["version"], str(told["target"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise InputError(str(path), "is no head of a recording", AGAIN) from wrong
    if version != VERSION:
        problem = f"is of version {version!r}, and this program reads version {VERSION}"
        raise InputError(str(path), problem, AGAIN)
    return target, Words(frozenset(str(each) for each in told.get("keep", ())))
