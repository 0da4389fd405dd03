"""The loan book alone: nights on which nothing falls due, month ends, and a bank's year.

The store is the one in memory, asked as the day end asks it: which loans must be touched? Nothing
is posted. ``tests/bench/year.py`` has the same year with the flow and the core bank.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from statistics import median
from time import perf_counter
from typing import Any

from core.banks import load_banks
from core.lending.book import Loan, allocate, day_end, due_fen, lend, pay, turn
from core.products import Product, load_products, products_of
from core.store.memory import MemoryStore

Work = tuple[Callable[[], int], str, str]

BANK = "daopu"
A_DAY = timedelta(days=1)
FIRST = date(2020, 9, 1)


def done(step: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that waits for nothing."""
    try:
        step.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the store in memory waits for nothing")


def book_of(product: Product, count: int, days: int) -> MemoryStore:
    """Return a store with so many loans, drawn on so many days."""
    store = MemoryStore()
    for number in range(count):
        drawn = FIRST + number % days * A_DAY
        done(store.save(lend(f"L{number:05}", product, "A", "62", 5_000_000, 72_000, drawn)))
    return store


def product() -> Product:
    """A product of twelve months."""
    products = products_of(BANK, load_products(load_banks()))
    return products[0].model_copy(update={"months": 12})


def night(store: MemoryStore, on: date, pays: bool = True) -> int:
    """Close a day for a bank: whoever owes something pays it; return how many were touched."""
    due: list[Loan] = done(store.loans_due(BANK, on))
    for loan in due:
        turn(loan, on)
        wanted_fen = due_fen(loan) if pays else 0
        if wanted_fen:
            pay(loan, allocate(loan, wanted_fen, on))
        day_end(loan, on)
        done(store.save(loan))
    return len(due)


def quiet() -> Work:
    """Nights on which none of 10,000 loans is touched."""
    store = book_of(product(), 10_000, 5)

    def work() -> int:
        for _ in range(100):
            assert night(store, date(2020, 9, 20)) == 0
        return 100

    return work, "nights/s", "reach 1: a bank of 10,000 loans in a second"


def month_end() -> Work:
    """A month end: 10,000 loans touched, nothing due; with the median of one in microseconds."""
    terms = product()
    store = book_of(terms, 10_000, 5)
    took_us = []
    for number in range(2_000):
        loan = lend(f"M{number}", terms, "A", "62", 5_000_000, 72_000, FIRST)
        began = perf_counter()
        day_end(loan, date(2020, 9, 30))
        took_us.append(1e6 * (perf_counter() - began))

    def work() -> int:
        assert night(store, date(2020, 9, 30)) == 10_000
        return 10_000

    told = f"{median(took_us):.1f} µs the median loan, without the store; under 20 is asked"
    return work, "loans/s", told


def year() -> Work:
    """A bank's year: 1,000 loans, 365 nights, every instalment paid when it is due."""
    store = book_of(product(), 1_000, 28)

    def work() -> int:
        touched = sum(night(store, FIRST + day * A_DAY) for day in range(365))
        assert touched > 1_000 * 22
        return 1_000 * 365

    return work, "loan days/s", ""


def bad_year() -> Work:
    """Likewise, and nobody pays: every loan is touched every night from its first due date on."""
    store = book_of(product(), 1_000, 28)

    def work() -> int:
        return sum(night(store, FIRST + day * A_DAY, pays=False) for day in range(365))

    return work, "touched/s", ""


BENCHES = {
    "loans.quiet_night": quiet,
    "loans.month_end": month_end,
    "loans.year": year,
    "loans.year_unpaid": bad_year,
}
