"""What must hold between the loan book and the ledger, and of lines and schedules."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.application import Application
from core.lending.book import Loan
from core.lending.pricing import price_ppm
from core.money import lpr_ppm
from core.ports.corebank import Outcome
from core.products import CONSUMER_LINE_MAX_FEN, Kind
from core.store.records import Drawdown, DrawState, Instruction, Line, Repayment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

PRINCIPAL, OVERDUE = "1303.01", "1303.02"
INTEREST, PENALTY = "1132.01", "1132.02"
LOAN_CODES = (PRINCIPAL, OVERDUE, INTEREST, PENALTY)
DAY_END_S = 25 * 3600.0  # by then a day end has asked after whatever was left open


def cash_equals_loans(books: Books) -> Iterator[str]:
    """Every payout of the core is a loan of ours, of the same amount, and the other way round."""
    paid: defaultdict[str, int] = defaultdict(int)
    for _, entry in books.entries:
        if entry.kind == "disburse":
            for leg in entry.legs:
                code, _, loan = leg.account.partition(":")
                if code == PRINCIPAL:
                    paid[loan] += leg.amount_fen
    owed = {loan.id: loan.principal_fen for loan in books.all(Loan)}
    waiting = {draw.loan for draw in books.all(Drawdown) if draw.state is DrawState.PENDING_CORE}
    for loan in sorted((paid.keys() | owed.keys()) - waiting):
        if paid.get(loan, 0) != owed.get(loan, 0):
            yield f"{loan}: paid out {paid.get(loan, 0)}, lent {owed.get(loan, 0)} fen"


def one_payout(books: Books) -> Iterator[str]:
    """A loan is paid out once."""
    times: defaultdict[str, int] = defaultdict(int)
    for _, entry in books.entries:
        if entry.kind == "disburse":
            for leg in entry.legs:
                times[leg.account] += leg.account.startswith(PRINCIPAL)
    for account, count in sorted(times.items()):
        if count > 1:
            yield f"{account} was paid out {count} times"


def both_books_agree(books: Books) -> Iterator[str]:
    """Principal, interest and penalty stand in the ledger as they stand in the loan book."""
    busy = {
        order.query.loan
        for order in books.all(Instruction)
        if order.answer is None and hasattr(order.query, "loan")
    }
    for loan in books.all(Loan):
        if loan.id in busy:
            continue
        booked = books.balances.get(loan.bank, {})
        for code, ours in (
            (PRINCIPAL, loan.normal_fen),
            (OVERDUE, loan.overdue_fen),
            (INTEREST, loan.interest_fen),
            (PENALTY, loan.penalty_fen),
        ):
            theirs = booked.get(f"{code}:{loan.id}", 0)
            if theirs != ours:
                yield f"{loan.id}: {code} is {ours} in the loan book, {theirs} fen in the ledger"
    known = {loan.id for loan in books.all(Loan)} | busy
    for bank, booked in books.balances.items():
        for account, balance in booked.items():
            code, _, name = account.partition(":")
            if code in LOAN_CODES and balance and name not in known:
                yield f"{bank}: {account} stands at {balance} fen, and no loan book knows it"


def said_as_done(books: Books) -> Iterator[str]:
    """What we call done was posted, and what we call rejected never was."""
    orders = {order.id: order for order in books.all(Instruction)}
    said: list[Drawdown | Repayment] = [*books.all(Drawdown), *books.all(Repayment)]
    for told in said:
        if told.state not in (DrawState.DONE, DrawState.REJECTED):
            continue
        order = orders.get(told.instruction)
        fate = books.ledger.fate(order.key).outcome if order else Outcome.NOT_FOUND
        if (told.state is DrawState.DONE) != (fate is Outcome.DONE):
            yield f"{told.id} is {told.state} with us and {fate} in the core"


def lines_hold(books: Books) -> Iterator[str]:
    """A line is used as its loans owe, reserved as drawdowns wait, and within its limit."""
    used: defaultdict[str, int] = defaultdict(int)
    reserved: defaultdict[str, int] = defaultdict(int)
    for loan in books.all(Loan):
        used[loan.application] += loan.outstanding_fen
    for draw in books.all(Drawdown):
        if draw.state is DrawState.PENDING_CORE:
            reserved[draw.application] += draw.amount_fen
    for line in books.all(Line):
        if line.used_fen != used[line.id]:
            yield f"{line.id}: used {line.used_fen}, its loans owe {used[line.id]} fen"
        if line.reserved_fen != reserved[line.id]:
            yield f"{line.id}: reserved {line.reserved_fen}, waiting {reserved[line.id]} fen"
        if not 0 <= line.used_fen + line.reserved_fen <= line.limit_fen:
            yield f"{line.id}: {line.used_fen} + {line.reserved_fen} of {line.limit_fen} fen"


def caps_hold(books: Books) -> Iterator[str]:
    """No consumer line is above the order of 2020, and none above its product's cap."""
    for line in books.all(Line):
        app = books.get(Application, line.id)
        if app is None:
            yield f"{line.id} belongs to no application"
            continue
        product = books.products[app.product]
        cap_fen = product.line_max_fen
        if product.kind is Kind.CONSUMER:
            cap_fen = min(cap_fen, CONSUMER_LINE_MAX_FEN)
        if line.limit_fen > cap_fen:
            yield f"{line.id}: line of {line.limit_fen}, cap {cap_fen} fen"


def priced_on_the_day(books: Books) -> Iterator[str]:
    """A drawdown's rate is the LPR of its own day plus the line's spread, inside floor and cap."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        line = books.get(Line, draw.application)
        if app is None or line is None:
            yield f"{draw.id} was drawn from nothing"
            continue
        product = books.products[app.product]
        right = price_ppm(product, line.rating, lpr_ppm(draw.asked_on))
        if draw.rate_ppm != right:
            yield f"{draw.id}: {draw.rate_ppm} ppm, on {draw.asked_on} it was {right}"


def schedules_sum(books: Books) -> Iterator[str]:
    """The principal of the rows and what was repaid early sum to the loan, and the last is zero."""
    for loan in books.all(Loan):
        total = sum(row.principal_fen for row in loan.rows) + loan.prepaid_fen
        if total != loan.principal_fen or loan.rows[-1].balance_fen:
            yield f"{loan.id}: rows and prepayments make {total} of {loan.principal_fen} fen"
        if min(row.principal_fen for row in loan.rows) < 0:
            yield f"{loan.id}: a row repays less than nothing"


def parts_sum(books: Books) -> Iterator[str]:
    """A repayment's parts sum to what was collected."""
    for paid in books.all(Repayment):
        if sum(paid.parts.values()) != paid.amount_fen:
            yield f"{paid.id}: parts make {sum(paid.parts.values())} of {paid.amount_fen} fen"


def settled(books: Books) -> Iterator[str]:
    """No instruction is left open for longer than to the next day end."""
    for order in books.all(Instruction):
        if order.answer is not None or order.sent_at_s is None:
            continue
        if books.now_s - order.sent_at_s > DAY_END_S:
            yield f"{order.id} for {order.subject} has no known outcome"


LOANS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-CASH-EQ-LOANS": cash_equals_loans,
    "INV-ONE-PAYOUT": one_payout,
    "INV-BOOKS-AGREE": both_books_agree,
    "INV-SAID-AS-DONE": said_as_done,
    "INV-LIMIT": lines_hold,
    "INV-LINE-CAPS": caps_hold,
    "INV-RATE-AT-DRAWDOWN": priced_on_the_day,
    "INV-SCHEDULE-SUM": schedules_sum,
    "INV-ALLOCATION": parts_sum,
    "INV-SETTLED": settled,
}
