"""What must hold of lines, funding, prices, terms and the uses of the money."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.application import Application
from core.lending.book import Loan
from core.lending.pricing import above_cap, price_ppm
from core.lending.rules import allowed_line, allowed_term, allowed_use
from core.money import lpr_ppm
from core.store.records import Contract, Drawdown, DrawState, Funding, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

PRINCIPAL = "1303."
ASIDE = (DrawState.RESERVED, DrawState.PENDING_CORE)


def within_limit(books: Books) -> Iterator[str]:
    """What is owed and what is reserved never exceed the line, today and at no time before.

    What was owed before is told by the core: the principal of all the line's loans, entry by
    entry.
    """
    for line in books.all(Line):
        if line.used_fen + line.reserved_fen > line.limit_fen:
            yield f"{line.id}: {line.used_fen} + {line.reserved_fen} of {line.limit_fen} fen"
    line_of = {loan.id: loan.application for loan in books.all(Loan)}
    owed: defaultdict[str, int] = defaultdict(int)
    over = set()
    for _, entry in books.entries:
        touched = ""
        for account, amount_fen in entry.legs:
            if account.startswith(PRINCIPAL):
                touched = line_of.get(account.partition(":")[2], "")
                owed[touched] += amount_fen
        held = books.get(Line, touched) if touched and touched not in over else None
        if held is not None and owed[touched] > held.limit_fen:
            over.add(touched)
            on = entry.accounting_date
            yield f"{touched}: {owed[touched]} of {held.limit_fen} fen were owed on {on}"


def nothing_negative(books: Books) -> Iterator[str]:
    """Nothing is given back twice: neither what is used nor what is reserved goes below zero."""
    holders: list[Line | Funding] = [*books.all(Line), *books.all(Funding)]
    for holder in holders:
        if holder.used_fen < 0 or holder.reserved_fen < 0:
            told = f"used {holder.used_fen}, reserved {holder.reserved_fen} fen"
            yield f"{type(holder).__name__.lower()} {holder.id}: {told}"


def reserved_equals_loans(books: Books) -> Iterator[str]:
    """A line is used as its loans owe, and reserved as its drawdowns wait."""
    used: defaultdict[str, int] = defaultdict(int)
    reserved: defaultdict[str, int] = defaultdict(int)
    for loan in books.all(Loan):
        used[loan.application] += loan.outstanding_fen
    for draw in books.all(Drawdown):
        if draw.state in ASIDE:
            reserved[draw.application] += draw.amount_fen
    for line in books.all(Line):
        if line.used_fen != used[line.id]:
            yield f"{line.id}: used {line.used_fen}, its loans owe {used[line.id]} fen"
        if line.reserved_fen != reserved[line.id]:
            yield f"{line.id}: reserved {line.reserved_fen}, waiting {reserved[line.id]} fen"


def bank_quota(books: Books) -> Iterator[str]:
    """A bank's funding is used and reserved as its lines are, and within its quota."""
    used: defaultdict[str, int] = defaultdict(int)
    reserved: defaultdict[str, int] = defaultdict(int)
    for line in books.all(Line):
        used[line.bank] += line.used_fen
        reserved[line.bank] += line.reserved_fen
    for funding in books.all(Funding):
        told, made = (
            (funding.used_fen, funding.reserved_fen),
            (used[funding.bank], reserved[funding.bank]),
        )
        if told != made:
            yield f"{funding.bank}: used and reserved are {told}, its lines make {made} fen"
        if sum(told) > funding.quota_fen:
            yield f"{funding.bank}: {sum(told)} of a quota of {funding.quota_fen} fen"


def caps_hold(books: Books) -> Iterator[str]:
    """No line is above its product's cap, and no consumer's above the order of 2020."""
    for line in books.all(Line):
        app = books.get(Application, line.id)
        if app is None:
            yield f"{line.id} belongs to no application"
            continue
        product = books.products[app.product]
        if line.limit_fen > product.line_max_fen:
            yield f"{line.id}: line of {line.limit_fen}, cap {product.line_max_fen} fen"
        elif not allowed_line(product.kind, line.limit_fen):
            yield f"{line.id}: a {product.kind} line of {line.limit_fen} fen"


def priced_on_the_day(books: Books) -> Iterator[str]:
    """A drawdown's rate is the LPR of its own day plus the line's spread, inside floor and cap.

    The cap is the product's, and what the contract agreed.
    """
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        line = books.get(Line, draw.application)
        if app is None or line is None:
            yield f"{draw.id} was drawn from nothing"
            continue
        product = books.products[app.product]
        right = price_ppm(product, line.rating, lpr_ppm(draw.asked_on))
        contract = books.get(Contract, app.contract)
        if contract is not None:
            right = min(right, contract.cap_ppm)
        if draw.rate_ppm != right:
            yield f"{draw.id}: {draw.rate_ppm} ppm, on {draw.asked_on} it was {right}"


def rate_capped(books: Books) -> Iterator[str]:
    """No rate is above its contract's cap, nor four times the LPR of the day it was signed."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        contract = books.get(Contract, app.contract) if app else None
        if app is None or contract is None:
            continue  # another invariant says so
        product = books.products[app.product]
        on = contract.signed_on
        above = above_cap(product.method, draw.rate_ppm, product.months, on)
        if above or draw.rate_ppm > contract.cap_ppm:
            yield f"{draw.id}: {draw.rate_ppm} ppm under a contract of {on}"


def term_allowed(books: Books) -> Iterator[str]:
    """No loan runs longer than its product or the order of 2020 allow, or from an ended line."""
    for loan in books.all(Loan):
        product, rows = books.products[loan.product], len(loan.rows)
        if rows > product.months or not allowed_term(product.kind, loan.method, rows):
            yield f"{loan.id}: {rows} rows of a {product.kind} product of {product.months}"
    for draw in books.all(Drawdown):
        line = books.get(Line, draw.application)
        if line is not None and not line.granted_on <= draw.asked_on < line.valid_to:
            until = f"a line from {line.granted_on} to {line.valid_to}"
            yield f"{draw.id} of {draw.asked_on} was drawn from {until}"


def use_allowed(books: Books) -> Iterator[str]:
    """No money was lent for what it may not be used for."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        if app is not None and not allowed_use(books.products[app.product].kind, draw.use):
            yield f"{draw.id} was lent for {draw.use or 'nothing that was told'}"


LINES: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-LINE-CAPS": caps_hold,
    "INV-RATE-CAP": rate_capped,
    "INV-RATE-AT-DRAWDOWN": priced_on_the_day,
    "INV-TERM": term_allowed,
    "INV-USE": use_allowed,
    "INV-LIMIT-NONNEG": nothing_negative,
    "INV-LIMIT": within_limit,
    "INV-RESERVED-EQ-LOANS": reserved_equals_loans,
    "INV-BANK-QUOTA": bank_quota,
}
