"""The bank's no, in one line: ``require(what must hold, reason)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import Refused

if TYPE_CHECKING:
    from core.application import Reason


def require(met: object, reason: Reason, detail: str = "") -> None:
    """Go on if ``met``.

    Raises:
        Refused: with ``reason``; ``detail`` is for the bank's own eyes, not the customer's.
    """
    if not met:
        raise Refused(reason, detail)
