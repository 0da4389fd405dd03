"""The pieces a journey is made of, each on its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from core.banks import load_banks
from core.lending.schedule import schedule
from core.products import Method
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


def schedules() -> Work:
    """Twelve-row schedules of equal instalments."""

    def work() -> int:
        for number in range(4_000):
            schedule(Method.EQUAL_INSTALMENT, 5_000_000 + number, 72_000, date(2020, 9, 15), 12)
        return 4_000

    return work, "schedules/s", ""


BENCHES = {"people": people, "draws": draws, "schedule.12_rows": schedules}
