"""The sliding window: which sequences of an epoch were seen (as in RFC 4303, 3.4.3)."""

from __future__ import annotations

WINDOW = 1024
_MASK = (1 << WINDOW) - 1


class Window:
    """Remembers the newest sequence and the 1024 that end with it; what is older counts as seen."""

    __slots__ = ("_newest", "_seen")

    def __init__(self) -> None:
        self._newest = -1
        self._seen = 0  # bit n: the sequence n before the newest was seen

    def is_new(self, sequence: int) -> bool:
        """Say whether a sequence was never seen, and is young enough to tell."""
        behind = self._newest - sequence
        return behind < 0 or (behind < WINDOW and not self._seen >> behind & 1)

    def see(self, sequence: int) -> None:
        """Mark a sequence as seen. Only a verified record may come here."""
        ahead = sequence - self._newest
        if ahead <= 0:
            self._seen |= 1 << -ahead
        else:
            # A far jump is not shifted: the number would be as long as the jump.
            self._seen = (self._seen << ahead & _MASK | 1) if ahead < WINDOW else 1
            self._newest = sequence
