"""What time looks like from inside: a business clock that somebody hands in.

Business time is counted in seconds since midnight of the scenario's first day (UTC+8, which
has no daylight saving), so that a float keeps its sub-microsecond part over decades.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Protocol

DAY_S = 86_400.0


class Clock(Protocol):
    """A business clock: the instant, the virtual and the wall host each bring one."""

    start: date

    @property
    def now_s(self) -> float:
        """Seconds of business time since midnight of :attr:`start`."""
        ...

    async def sleep(self, wait_s: float) -> None:
        """Let ``wait_s`` seconds of business time pass."""
        ...


def date_at(start: date, now_s: float) -> date:
    """Return the business date at ``now_s``."""
    return date.fromordinal(start.toordinal() + int(now_s // DAY_S))


def moment_at(start: date, now_s: float) -> datetime:
    """Return the business date and time (naive, UTC+8) at ``now_s``."""
    return datetime.combine(start, datetime.min.time()) + timedelta(seconds=now_s)


def seconds_at(start: date, day: date) -> float:
    """Return the business time of midnight of ``day``."""
    return (day - start).days * DAY_S
