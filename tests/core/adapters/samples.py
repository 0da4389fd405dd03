"""Records to keep: a strategy for every type of them, and complete ones that belong together."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import date

from hypothesis import strategies as st

from core.application import Application
from core.banks import load_banks
from core.calendar import Calendar
from core.identity import CardNumber, IdNumber, PhoneNumber
from core.lending.book import Loan, lend
from core.lending.schedule import Convention, Period, Row, Unit
from core.ports.corebank import CoreCode, DisburseQuery, Key, Outcome, Posted
from core.products import load_products
from core.store import records
from core.store.records import Customer, Drawdown, Entry, Funding, Instruction, Line

DAY = date(2020, 7, 1)
NUMBERS = tuple(
    IdNumber(first + IdNumber.check_digit(first))
    for first in (f"3299101990010110{number}" for number in range(1, 10))
)
CARDS = tuple(CardNumber.make("629001", f"{number:09}") for number in range(4))
# NUL is no character of a text in PostgreSQL, and half of a surrogate is none at all.
PRODUCT = next(iter(load_products(load_banks()).values()))
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
FEN = st.integers(0, 2**53)
SECONDS = st.floats(-1e12, 1e12, allow_nan=False)
DATES = st.dates(date(1900, 1, 1), date(2200, 12, 31))
CONVENTIONS = (
    Convention(),
    Convention(due_day=21, multiple_fen=100, grace_rows=2),
    Convention(period=Period(2, Unit.WEEKS)),
    Convention(first_due=date(2020, 8, 21), calendar=Calendar.with_assumed({2035: {}})),
)

PLAIN = {
    str: WORDS,
    int: FEN,
    float: SECONDS,
    date: DATES,
    IdNumber: st.sampled_from(NUMBERS),
    PhoneNumber: st.sampled_from([PhoneNumber("13800001111"), PhoneNumber("19912345678")]),
    CardNumber: st.sampled_from(CARDS),
    Row: st.builds(Row, FEN, DATES, FEN, FEN, FEN),
    Convention: st.sampled_from(CONVENTIONS),
}


def record_types():
    """Return every type of record, found where they are declared."""
    found = [
        kind
        for kind in vars(records).values()
        if is_dataclass(kind) and "version" in {each.name for each in fields(kind)}
    ]
    return sorted([*found, Application, Loan], key=lambda kind: kind.__name__)


def customer(number=1, bank="b01", **more):
    """Return a customer of a bank; the same number is the same person."""
    person = Customer(
        f"C{number}-{bank}",
        bank,
        f"o{number}",
        Entry.SCAN,
        "",
        "李样",
        NUMBERS[number],
        PhoneNumber("13800001111"),
        "",
        None,
        ("front", "back"),
    )
    return replace(person, **more)


def application(number=1, bank="b01", **more):
    """Return the customer's application."""
    app = Application(f"A{number}-{bank}", bank, f"{bank}-easy", f"C{number}-{bank}")
    return replace(app, **more)


def line(number=1, bank="b01", **more):
    """Return the application's line of a hundred thousand fen."""
    return replace(Line(f"A{number}-{bank}", bank, 100_000, "A", DAY, date(2021, 7, 1)), **more)


def owned(number=1, bank="b01"):
    """Return a customer with an application and a line."""
    return customer(number, bank), application(number, bank), line(number, bank)


def drawdown(name="D1", bank="b01", **more):
    """Return a reserved drawdown."""
    return replace(Drawdown(name, bank, f"A1-{bank}", 5_000, 72_000, DAY, 1_800.0), **more)


def order(name="P1", bank="b01", serial="", **more):
    """Return an instruction that was not sent yet."""
    key = Key(bank, "mini-loan", DAY, serial or name)
    query = DisburseQuery(key, "L1", CARDS[0], 5_000)
    return replace(Instruction(name, bank, "D1", key, query), **more)


def loan(name="L1", bank="b01", **more):
    """Return a loan of a year that was lent on the day."""
    made = lend(name, PRODUCT, f"A1-{bank}", CARDS[0].text, 1_200_000, 72_000, DAY)
    return replace(made, bank=bank, **more)


def posted(on=DAY):
    """Return the core's word that it was done."""
    return Posted(Outcome.DONE, CoreCode.OK, "S1", on)


def funding(bank="b01", **more):
    """Return a bank's quota of a million fen."""
    return replace(Funding(bank, bank, 1_000_000), **more)
