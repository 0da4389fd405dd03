"""What must hold of a loan's terms and rows: as drawn, summing up, and of its method's shape."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from core.annuity import MONTH_PPM
from core.application import Application
from core.lending.book import Loan, LoanState
from core.lending.pricing import penalty_rate_ppm
from core.products import Method
from core.store.records import Drawdown, DrawState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

PAID_OUT = (DrawState.DONE, DrawState.REVERSING, DrawState.REVERSED)
LEVEL = (Method.EQUAL_INSTALMENT, Method.FLAT)
AT_ONCE = (Method.BULLET, Method.DAILY)


def as_drawn(books: Books) -> Iterator[str]:
    """A loan has the terms of its drawdown and of its product."""
    for loan in books.all(Loan):
        draw = books.get(Drawdown, "D" + loan.id[1:])
        app = books.get(Application, loan.application)
        if draw is None or app is None or draw.state not in PAID_OUT:
            yield f"{loan.id} was never drawn"
            continue
        product = books.products[app.product]
        if (loan.state is LoanState.REVERSED) != (draw.state is DrawState.REVERSED):
            yield f"{loan.id} is {loan.state}, its drawdown {draw.state}"
        surcharge_pct = product.pricing.overdue_surcharge_pct
        for what, ours, theirs in (
            ("bank", loan.bank, draw.bank),
            ("application", loan.application, draw.application),
            ("product", loan.product, app.product),
            ("account", loan.account, app.account),
            ("method", loan.method, product.method),
            ("principal", loan.principal_fen, draw.amount_fen),
            ("rate", loan.rate_ppm, draw.rate_ppm),
            ("day", loan.drawn_on, draw.asked_on),
            ("penalty", loan.penalty_rate_ppm, penalty_rate_ppm(loan.rate_ppm, surcharge_pct)),
        ):
            if ours != theirs:
                yield f"{loan.id}: its {what} is {ours}, as drawn it was {theirs}"


def schedules_sum(books: Books) -> Iterator[str]:
    """The rows and what was repaid early make the loan; each follows from the one before it."""
    for loan in books.all(Loan):
        total_fen = sum(row.principal_fen for row in loan.rows) + loan.prepaid_fen
        if total_fen != loan.principal_fen or loan.rows[-1].balance_fen:
            yield f"{loan.id}: rows and prepayments make {total_fen} of {loan.principal_fen} fen"
        if min(min(row.principal_fen, row.interest_fen, row.balance_fen) for row in loan.rows) < 0:
            yield f"{loan.id}: a row repays less than nothing, or leaves less than nothing"
        yield from _follow(loan)


def _follow(loan: Loan) -> Iterator[str]:
    """Each row's balance is the one before less its principal, but for what was repaid early."""
    prepaid_fen, balance_fen, due = 0, loan.principal_fen, loan.drawn_on
    for row in loan.rows:
        gone_fen = balance_fen - row.principal_fen - row.balance_fen
        if gone_fen < 0 or (gone_fen and not loan.prepaid_fen):
            yield f"{loan.id}: row {row.number} leaves {row.balance_fen} of {balance_fen} fen"
        if row.due <= due:
            yield f"{loan.id}: row {row.number} is due on {row.due}, after {due}"
        prepaid_fen, balance_fen, due = prepaid_fen + gone_fen, row.balance_fen, row.due
    if prepaid_fen != loan.prepaid_fen:
        yield f"{loan.id}: {loan.prepaid_fen} fen were repaid early, its rows say {prepaid_fen}"


def shaped(books: Books) -> Iterator[str]:
    """Rows have the shape of their method, where nothing odd was agreed and nothing repaid early.

    Equal instalments differ in the last one alone, and there by no more than what the rounding of
    the instalment grows to: ((1+r)^n - 1)/r + 1 fen.
    """
    for loan in books.all(Loan):
        if loan.rate_ppm == 0 and any(row.interest_fen for row in loan.rows):
            yield f"{loan.id} bears interest at no rate"
        if not _plain(loan):
            continue
        rows = loan.rows
        if loan.method is Method.EQUAL_PRINCIPAL:
            if any(row.interest_fen > before.interest_fen for before, row in pairwise(rows)):
                yield f"{loan.id}: the interest of equal principal rises"
        elif loan.method in AT_ONCE:
            if any(row.principal_fen for row in rows[:-1]):
                yield f"{loan.id}: a row before the last repays principal of {loan.method}"
        elif loan.method in LEVEL:
            yield from _level(loan)


def _plain(loan: Loan) -> bool:
    agreed = loan.convention
    whole = agreed.due_day == loan.drawn_on.day and agreed.multiple_fen == 1
    return agreed.plain and whole and not loan.prepaid_fen


def _level(loan: Loan) -> Iterator[str]:
    """Every instalment but the last is the same."""
    level_fen, last_fen = loan.rows[0].total_fen, loan.rows[-1].total_fen
    odd = [row.number for row in loan.rows[:-1] if row.total_fen != level_fen]
    if odd:
        yield f"{loan.id}: instalment {odd[0]} is not {level_fen} fen as the first"
    count, rate = len(loan.rows), loan.rate_ppm / MONTH_PPM
    if loan.method is Method.FLAT or not rate:
        bound = count + 1.0  # half a fen of interest a row, and half a fen of instalment
    else:
        bound = ((1 + rate) ** count - 1) / rate + 1
    if abs(last_fen - level_fen) > bound:
        yield f"{loan.id}: the last instalment is {last_fen} fen, the others {level_fen}"


SCHEDULES: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-LOAN-AS-DRAWN": as_drawn,
    "INV-SCHEDULE-SUM": schedules_sum,
    "INV-SCHEDULE-SHAPE": shaped,
}
