"""A bank's year: a thousand loans, 365 day ends, every instalment due and collected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from core.banks import load_banks
from core.clock import DAY_S
from core.flow.day_end import day_end
from core.invariants import Books, check
from core.lending.book import Loan
from core.products import load_products
from scenarios.hosts.instant import InstantHost
from scenarios.hosts.world import World
from scenarios.stories.stage import BANK, Stage

Work = tuple[Callable[[], int], str, str]

START = date(2020, 7, 1)
PRODUCT = "daopu-workshop"  # repaid in equal instalments
LOANS, DAYS = 1_000, 365
DRAW_FEN = 2_000_000


async def lend(stage: Stage, number: int) -> None:
    """Lend to one customer, and put money on the account for what the loan will cost."""
    person = stage.person(holds_card=False)
    ending = await stage.visit(person, BANK, PRODUCT, str(number), amount_fen=DRAW_FEN)
    loan = await stage.loan(stage.expect(ending, "done"))
    cost_fen = sum(row.interest_fen for row in loan.rows)
    await stage.bring_in(loan, "for the interest", cost_fen + 100)


async def pass_year(stage: Stage) -> None:
    """Close 365 days."""
    core, clock = stage.world.corebank, stage.host.clock
    for day in range(DAYS):
        on = START + timedelta(days=day)
        clock.now_s = (day + 1) * DAY_S + 60.0
        core.cutoff(BANK)
        core.begin_batch(BANK)
        assert await day_end(stage.platform, BANK, on) == 0
        core.end_day(BANK, on + timedelta(days=1))


def year() -> Work:
    """Accruals, collections, provisions, files and reconciliation of a year, in memory."""
    banks = {BANK: load_banks()[BANK]}
    products = {PRODUCT: load_products(load_banks())[PRODUCT]}
    world = World(7, START, banks=banks, products=products)
    stage = Stage(InstantHost(world))
    for number in range(LOANS):
        stage.host.run(lend(stage, number), 36_000.0)

    def work() -> int:
        stage.host.run(pass_year(stage))
        books = Books(world.store.tables, world.corebank, world.products)
        assert not check(books)
        loans = list(books.all(Loan))
        assert sum(loan.paid(row) for loan in loans for row in range(11)) == LOANS * 11
        return LOANS * DAYS

    return work, "loan-days/s", f"reach {LOANS * DAYS / 60:,.0f}: a bank-year in 60 s"


BENCHES = {"bank_year.1000_loans": year}
