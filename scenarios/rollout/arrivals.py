"""Who comes to a bank, and when: a Bass curve by day, the scenario's profile within the day.

A bank's potential visitors are numbered. Each one's day and hour come from two draws of their own,
so one visitor or one bank more changes nobody else's. Bass, Management Science 15 (1969): a share
F(t) = (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t) has come by day t.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from core.clock import DAY_S
from scenarios.uniforms import uniforms

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from core.calendar import Calendar
    from core.seed import Seed
    from scenarios.file import ArrivalsPart

DAY, HOUR = range(2)  # the lanes of an arrival


def bass(p: float, q: float, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of adopters that has come after so many days."""
    gone = np.exp(-(p + q) * days)
    return (1.0 - gone) / (1.0 + q / p * gone)


def day_shares(
    part: ArrivalsPart, calendar: Calendar, live_from: date, end: date
) -> NDArray[np.float64]:
    """Return the share of a bank's potential visitors that comes on each day from going live on.

    Weekends and holidays move visits to other days and take none away, so the shares sum to the
    Bass curve's at the end.
    """
    count = (end - live_from).days + 1
    come = np.diff(bass(part.bass_p, part.bass_q, np.arange(count + 1, dtype=float)))
    weights = np.array(
        [_weight(part, calendar, live_from + timedelta(days=day)) for day in range(count)]
    )
    moved = come * weights
    total = moved.sum()
    return np.asarray(moved * (come.sum() / total)) if total > 0 else moved


def _weight(part: ArrivalsPart, calendar: Calendar, day: date) -> float:
    """Return a day's weight; a make-up day counts as a Friday, a holiday as a quieter Sunday."""
    if calendar.is_working_day(day):
        return part.days[min(day.weekday(), 4)]
    if day in calendar.off:
        return part.days[6] * part.day_off
    return part.days[day.weekday()]


def potential(part: ArrivalsPart, weight: float) -> int:
    """Return how many potential visitors a bank of that weight has."""
    return round(part.visitors * weight)


def arrivals(  # noqa: PLR0913, PLR0917  a bank, its demand and its days, nothing else
    part: ArrivalsPart,
    calendar: Calendar,
    seed: Seed,
    bank: str,
    weight: float,
    start: date,
    live_from: date,
    end: date,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (visitor numbers, times in business seconds) of all who come by ``end``, by time."""
    count = potential(part, weight)
    shares = day_shares(part, calendar, live_from, end)
    if count == 0:
        return np.empty(0, dtype=np.int64), np.empty(0)
    key, numbers = seed.key("arrival", bank), np.arange(1, count + 1, dtype=np.uint64)
    days = np.searchsorted(np.cumsum(shares), uniforms(key, numbers, lane=DAY), side="right")
    hours = np.array(part.hours) / sum(part.hours)
    edges = np.concatenate([[0.0], np.cumsum(hours)])
    hour_draw = uniforms(key, numbers, lane=HOUR)
    within_s = np.interp(hour_draw, edges, np.arange(25) * 3600.0)
    come = days < len(shares)
    first_s = (live_from - start).days * DAY_S
    times_s = first_s + days[come] * DAY_S + np.minimum(within_s[come], DAY_S - 1e-3)
    came = numbers[come].astype(np.int64)
    order = np.lexsort((came, times_s))
    return came[order], times_s[order]
