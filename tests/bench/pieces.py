"""The pieces a journey is made of, each on its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from statistics import median
from time import perf_counter

from core.banks import load_banks
from core.lending.schedule import OURS, Convention, schedule
from core.products import DayCount, Method
from core.seed import LATENCY, Seed
from scenarios.population.register import Population

Work = tuple[Callable[[], int], str, str]


def people() -> Work:
    """Full persons, with their truth."""
    population = Population(Seed(5), date(2020, 7, 1), load_banks())

    def work() -> int:
        for index in range(1, 4_001):
            population.person("daopu", index)
        return 4_000

    return work, "people/s", ""


def draws() -> Work:
    """Named draws of one call attempt, by name, one latency each."""
    seed = Seed(5)

    def work() -> int:
        for number in range(50_000):
            seed.draws("face.start", "daopu", f"A{number // 20}", number % 20, 1).uniform(LATENCY)
        return 50_000

    return work, "draws/s", ""


def schedules(convention: Convention = OURS) -> Work:
    """Twelve-row schedules of equal instalments, with the median of one in microseconds."""

    def one(number: int) -> None:
        terms = (5_000_000 + number, 72_000, date(2020, 9, 15), 12)
        schedule(Method.EQUAL_INSTALMENT, *terms, convention)

    def work() -> int:
        for number in range(4_000):
            one(number)
        return 4_000

    took_us = []
    for number in range(1_000):
        began = perf_counter()
        one(number)
        took_us.append(1e6 * (perf_counter() - began))
    return work, "schedules/s", f"{median(took_us):.1f} µs the median one; under 60 is asked"


def unusual_schedules() -> Work:
    """Likewise the long way: actual days over 360, an odd first period, two rows of grace."""
    return schedules(Convention(day_count=DayCount.ACT_360, due_day=1, grace_rows=2))


BENCHES = {
    "people": people,
    "draws": draws,
    "schedule.12_rows": schedules,
    "schedule.12_rows.long_way": unusual_schedules,
}
