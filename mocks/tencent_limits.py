"""How often an action may be called: buckets by the second, tallies by the minute and the day.

Both are read on the tenant's business clock. Sources: Tencent Cloud, default rate limits a second
(api/868/17574) and limits of one person (1007/108625).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.clock import DAY_S
from mocks.spec import VENDORS, Quota

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE_S = 60.0


class Bucket:
    """A token bucket: full at first, it holds what may be called in one second, one at least."""

    __slots__ = ("_at_s", "_left", "_per_s")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = max(1.0, float(per_s))
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Take one call, if one is left. A clock that was put back begins with a full bucket."""
        gone_s, self._at_s = now_s - self._at_s, now_s
        full = max(1.0, float(self._per_s))
        self._left = full if gone_s < 0.0 else min(full, self._left + gone_s * self._per_s)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Rates:
    """What is left of the quotas of a tenant's lines, where a scenario gave them one."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(self, provider: str, bank: str, per_s: float, now_s: float) -> bool:
        """Take one call of a bank ("": of all of them together), if one is left."""
        bucket = self._buckets.get((provider, bank))
        if bucket is None:
            bucket = self._buckets[provider, bank] = Bucket(per_s)
        return bucket.take(now_s)


class Tally:
    """How often each name was admitted: so often a business day, and so often within a minute."""

    def __init__(self, per_day: int, per_minute: int = 0) -> None:
        """``per_minute`` 0: only the day counts."""
        self._per_day, self._per_minute = per_day, per_minute
        self._day = 0
        self._counts: Counter[str] = Counter()
        self._recent_s: dict[str, list[float]] = {}

    def admit(self, name: str, now_s: float) -> bool:
        """Count one call for a name, unless its day or minute is full; then it does not count."""
        self._turn(now_s)
        if self._counts[name] >= self._per_day:
            return False
        if self._per_minute:
            times = [at for at in self._recent_s.get(name, ()) if now_s - MINUTE_S < at <= now_s]
            if len(times) >= self._per_minute:
                return False
            self._recent_s[name] = [*times, now_s]
        self._counts[name] += 1
        return True

    def quotas(self, each: str, refused: dict[str, str], source: str = VENDORS) -> Iterator[Quota]:
        """Tell the limits: what ``each`` of them is counted for, and how it is refused."""
        if self._per_minute:
            yield Quota(each, self._per_minute, "minute", refused, source)
        yield Quota(each, self._per_day, "day", refused, source)

    def _turn(self, now_s: float) -> None:
        """Begin a new day where one has begun; only the last minute is taken over."""
        day = int(now_s // DAY_S)
        if day != self._day:
            self._day = day
            self._counts.clear()
            recent = self._recent_s.items()
            self._recent_s = {name: at for name, at in recent if now_s - MINUTE_S < at[-1]}
