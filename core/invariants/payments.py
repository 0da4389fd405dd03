"""What must hold of payments: spread in order, taken once, to the fen, in both books."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.lending.allocation import EARLY, INTEREST, ORDERS, PRINCIPAL, Part
from core.lending.book import Loan, LoanState, Order
from core.ports.corebank import CollectQuery
from core.store.records import BATCH_CHANNEL, DrawState, Instruction, Repayment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from core.invariants.books import Books

DEPOSIT = "2011."
BY_ROW = (Part.OVERDUE_INTEREST, Part.OVERDUE_PRINCIPAL)
# What the core keeps of a loan, and what the loan book says it is.
POTS = (
    ("1303.01", "normal_fen", 1),
    ("1303.02", "overdue_fen", 1),
    ("1303.03", "non_accrual_fen", 1),
    ("1132.01", "interest_fen", 1),
    ("1132.02", "penalty_fen", 1),
    ("1304", "allowance_fen", -1),
    ("M9001.01", "memo_interest_fen", 1),
    ("M9001.02", "memo_penalty_fen", 1),
    ("M9002", "written_off_fen", 1),
)


def allocated_in_order(books: Books) -> Iterator[str]:
    """A payment's parts follow the order of its loan, are owed, and sum to the payment."""
    for paid in books.all(Repayment):
        if sum(paid.parts.values()) != paid.amount_fen:
            yield f"{paid.id}: parts make {sum(paid.parts.values())} of {paid.amount_fen} fen"
        loan = books.get(Loan, paid.loan)
        if loan is not None and paid.order not in _agreed(loan):
            yield f"{paid.id} was spread {paid.order}, which its loan does not agree to"
        order, left_fen = ORDERS[Order(paid.order)], paid.amount_fen
        for part in order.parts:
            took_fen, owed_fen = paid.parts.get(part, 0), paid.debt.get(part, 0)
            right_fen = min(left_fen, owed_fen)
            by_row = order.by_row and part in BY_ROW
            if took_fen > owed_fen or (took_fen != right_fen and not by_row):
                yield f"{paid.id}: {took_fen} fen of {part}, in its turn it was {right_fen}"
            left_fen -= took_fen


def _agreed(loan: Loan) -> set[Order]:
    return {loan.conditions.order, loan.conditions.late_order, Order.RECOVERY}


def money_conserved(books: Books) -> Iterator[str]:
    """What the core took for a repayment is what the repayment says, to the fen."""
    for order in books.all(Instruction):
        if not isinstance(order.query, CollectQuery):
            continue
        paid, entry = books.get(Repayment, order.subject), books.posted.get(order.key)
        if paid is None or paid.state is not DrawState.DONE:
            continue
        legs = entry.legs if entry else ()
        took_fen = sum(leg.amount_fen for leg in legs if leg.account.startswith(DEPOSIT))
        if took_fen != paid.amount_fen:
            yield f"{paid.id}: {paid.amount_fen} fen paid, the core took {took_fen}"


def due_once(books: Books) -> Iterator[str]:
    """No row is paid twice, a loan is repaid by its repayments, and nothing early at night."""
    by_loan: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for paid in books.all(Repayment):
        if paid.state is DrawState.DONE:
            for part, amount_fen in paid.parts.items():
                by_loan[paid.loan][part] += amount_fen
    for loan in books.all(Loan):
        yield from _repaid(loan, by_loan[loan.id])
    yield from _twice_a_day(books)
    for order in books.all(Instruction):
        at_night = order.key.channel == BATCH_CHANNEL
        taken = books.get(Repayment, order.subject) if at_night else None
        early_fen = sum(taken.parts.get(part, 0) for part in EARLY) if taken else 0
        if early_fen:
            yield f"{order.subject}: {early_fen} fen were collected that nobody owed yet"


def _repaid(loan: Loan, parts: Mapping[str, int]) -> Iterator[str]:
    """A loan owes less by what its repayments paid, part by part, and by nothing else."""
    for row, principal_fen, interest_fen in zip(
        loan.rows, loan.paid_principal_fen, loan.paid_interest_fen, strict=True
    ):
        if principal_fen > row.principal_fen or interest_fen > row.interest_fen:
            yield f"{loan.id}: row {row.number} was paid more than it is"
    for what, paid_fen, booked_fen in (
        ("interest paid", sum(parts[part] for part in INTEREST), loan.interest_paid_fen),
        ("penalty paid", parts[Part.PENALTY], loan.penalty_paid_fen),
        ("principal paid early", parts[Part.EARLY_PRINCIPAL], loan.prepaid_fen),
    ):
        if paid_fen != booked_fen:
            yield f"{loan.id}: {what} is {booked_fen} fen with it, {paid_fen} by its repayments"
    if loan.state is LoanState.REVERSED:
        return
    repaid_fen = sum(parts[part] for part in (*PRINCIPAL, Part.RECOVERED))
    owed_fen = loan.outstanding_fen + loan.written_off_fen
    if loan.principal_fen - repaid_fen != owed_fen:
        yield f"{loan.id}: {repaid_fen} fen repaid of {loan.principal_fen}, {owed_fen} owed"


def _twice_a_day(books: Books) -> Iterator[str]:
    """Payments of one day take together no more of what is due than was due that day."""
    took: defaultdict[tuple[str, date, str], int] = defaultdict(int)
    owed: defaultdict[tuple[str, date, str], int] = defaultdict(int)
    for paid in books.all(Repayment):
        if paid.state is DrawState.DONE:
            for part, amount_fen in paid.parts.items():
                name = (paid.loan, paid.asked_on, part)
                took[name] += amount_fen
                owed[name] = max(owed[name], paid.debt.get(part, 0))
    for name, amount_fen in took.items():
        loan, on, part = name
        if not part.startswith("early") and amount_fen > owed[name]:
            yield f"{loan}: {amount_fen} fen of {part} on {on}, {owed[name]} were owed"


def both_books_agree(books: Books) -> Iterator[str]:
    """Each of a loan's pots stands in the ledger as it stands in the loan book."""
    known = set(books.busy)
    for loan in books.all(Loan):
        known.add(loan.id)
        if loan.id in books.busy:
            continue
        booked = books.balances.get(loan.bank, {})
        for code, name, side in POTS:
            ours, theirs = side * getattr(loan, name), booked.get(f"{code}:{loan.id}", 0)
            if theirs != ours:
                yield f"{loan.id}: {code} is {ours} in the loan book, {theirs} fen in the ledger"
    codes = {code for code, _, _ in POTS}
    for bank, booked in books.balances.items():
        for account, balance in booked.items():
            code, _, name = account.partition(":")
            if code in codes and name and balance and name not in known:
                yield f"{bank}: {account} stands at {balance} fen, and no loan book knows it"


PAYMENTS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-ALLOCATION": allocated_in_order,
    "INV-MONEY-CONSERVED": money_conserved,
    "INV-DUE-ONCE": due_once,
    "INV-BOOKS-AGREE": both_books_agree,
}
