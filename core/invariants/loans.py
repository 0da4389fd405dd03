"""What must hold of schedules, interest, payments and day ends."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.invariants.payouts import both_books_agree, busy_loans
from core.lending.accrual import DAY_PPM
from core.lending.allocation import INTEREST, ORDERS, PRINCIPAL, Part
from core.lending.book import Loan, LoanState, Order
from core.lending.classification import category
from core.lending.nonaccrual import DAYS
from core.money import divide
from core.ports.corebank import Adjustment, CollectQuery
from core.store.records import DayClose, DrawState, Instruction, LoanLock, Repayment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

ACCRUALS = (Adjustment.ACCRUE_INTEREST, Adjustment.MEMO_INTEREST)
PENALTIES = (Adjustment.ACCRUE_PENALTY, Adjustment.MEMO_PENALTY)
OVER = (LoanState.REVERSED, LoanState.WRITTEN_OFF)
MONEY = (
    "normal_fen",
    "overdue_fen",
    "non_accrual_fen",
    "accrued_fen",
    "interest_paid_fen",
    "penalty_accrued_fen",
    "penalty_paid_fen",
    "memo_interest_fen",
    "memo_penalty_fen",
    "allowance_fen",
    "written_off_fen",
)


def schedules_sum(books: Books) -> Iterator[str]:
    """The rows and what was repaid early make the loan; each follows from the one before it."""
    for loan in books.all(Loan):
        total = sum(row.principal_fen for row in loan.rows) + loan.prepaid_fen
        if total != loan.principal_fen or loan.rows[-1].balance_fen:
            yield f"{loan.id}: rows and prepayments make {total} of {loan.principal_fen} fen"
        if min(min(row.principal_fen, row.interest_fen) for row in loan.rows) < 0:
            yield f"{loan.id}: a row repays less than nothing"
        for before, row in zip(loan.rows, loan.rows[1:], strict=False):
            if row.due <= before.due:
                yield f"{loan.id}: row {row.number} is due on {row.due}, after {before.due}"


def exact_money(books: Books) -> Iterator[str]:
    """Every amount is a whole number of fen, and penalty is rounded once, from its exact units."""
    for loan in books.all(Loan):
        for name in MONEY:
            value = getattr(loan, name)
            if type(value) is not int or value < 0:
                yield f"{loan.id}: {name} is {value!r}"
        if loan.penalty_accrued_fen != divide(loan.penalty_units, DAY_PPM):
            yield f"{loan.id}: the penalty is not what its units make"
    for bank, entry in books.entries:
        for leg in entry.legs:
            if type(leg.amount_fen) is not int:
                yield f"{bank}: {entry.key.serial} books {leg.amount_fen!r}"


def accrued_by_the_day(books: Books) -> Iterator[str]:
    """Interest accrued is that of the rows that are past and of the days gone in the next."""
    for loan in books.all(Loan):
        if loan.state is LoanState.REVERSED:
            continue
        past_fen = sum(row.interest_fen for row in loan.rows[: loan.row])
        right_fen = past_fen + (loan.row_accrued_fen if loan.row < len(loan.rows) else 0)
        if loan.accrued_fen != right_fen:
            yield f"{loan.id}: accrued {loan.accrued_fen}, its rows make {right_fen} fen"
        if loan.row < len(loan.rows) and loan.row_accrued_fen > loan.rows[loan.row].interest_fen:
            yield f"{loan.id}: row {loan.row + 1} has accrued more than its interest"


def accrued_once(books: Books) -> Iterator[str]:
    """The core has booked each fen of interest and penalty that the loan book accrued, once."""
    booked: defaultdict[tuple[str, bool], int] = defaultdict(int)
    for _, entry in books.entries:
        if entry.kind in ACCRUALS or entry.kind in PENALTIES:
            amount_fen = max(leg.amount_fen for leg in entry.legs)
            loan_id = next(
                leg.account.partition(":")[2] for leg in entry.legs if ":" in leg.account
            )
            booked[loan_id, entry.kind in PENALTIES] += amount_fen
    busy = busy_loans(books)
    for loan in books.all(Loan):
        if loan.id in busy:
            continue
        for what, is_penalty, ours_fen in (
            ("interest", False, loan.accrued_fen),
            ("penalty", True, loan.penalty_accrued_fen),
        ):
            if booked[loan.id, is_penalty] != ours_fen:
                theirs_fen = booked[loan.id, is_penalty]
                yield f"{loan.id}: {what} of {ours_fen} accrued, {theirs_fen} fen booked"


def income_is_earned(books: Books) -> Iterator[str]:
    """Interest unpaid for more than 90 days is in the memo books, not in income."""
    for loan in books.all(Loan):
        if loan.state in OVER or loan.days_overdue(loan.accrued_through) <= DAYS:
            continue
        if loan.interest_fen or loan.penalty_fen or not loan.non_accrual:
            late = loan.days_overdue(loan.accrued_through)
            yield f"{loan.id}: {late} days late, and {loan.interest_fen} fen are still income"


def classified(books: Books) -> Iterator[str]:
    """No loan is in a better category than its days overdue allow."""
    for loan in books.all(Loan):
        if loan.state in OVER:
            continue
        right = category(loan.days_overdue(loan.closed_on), loan.closed_on)
        if loan.category < right:
            yield f"{loan.id} is {loan.category.name}, on {loan.closed_on} it was {right.name}"


def allocated_in_order(books: Books) -> Iterator[str]:
    """A payment's parts follow the order of its terms, and sum to it."""
    for paid in books.all(Repayment):
        if sum(paid.parts.values()) != paid.amount_fen:
            yield f"{paid.id}: parts make {sum(paid.parts.values())} of {paid.amount_fen} fen"
        if not paid.debt:
            continue
        order, left_fen = ORDERS[Order(paid.order)], paid.amount_fen
        for part in order.parts:
            took_fen = paid.parts.get(part, 0)
            right_fen = min(left_fen, paid.debt.get(part, 0))
            by_row = order.by_row and part in (Part.OVERDUE_INTEREST, Part.OVERDUE_PRINCIPAL)
            if took_fen != right_fen and not by_row:
                yield f"{paid.id}: {took_fen} fen of {part}, in its turn it was {right_fen}"
            left_fen -= took_fen


def money_conserved(books: Books) -> Iterator[str]:
    """What the core took for a repayment is what the repayment says, to the fen."""
    taken = {entry.key: entry for _, entry in books.entries if entry.kind == "collect"}
    for order in books.all(Instruction):
        if not isinstance(order.query, CollectQuery):
            continue
        paid, entry = books.get(Repayment, order.subject), taken.get(order.key)
        if paid is None or paid.state is not DrawState.DONE:
            continue
        legs = entry.legs if entry else ()
        took_fen = sum(leg.amount_fen for leg in legs if leg.account.startswith("2011."))
        if took_fen != paid.amount_fen:
            yield f"{paid.id}: {paid.amount_fen} fen paid, the core took {took_fen}"


def due_once(books: Books) -> Iterator[str]:
    """No row is paid twice, and a loan is repaid by its repayments and nothing else."""
    by_loan: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for paid in books.all(Repayment):
        if paid.state is DrawState.DONE:
            for part, amount_fen in paid.parts.items():
                by_loan[paid.loan][part] += amount_fen
    for loan in books.all(Loan):
        for row, principal_fen, interest_fen in zip(
            loan.rows, loan.paid_principal_fen, loan.paid_interest_fen, strict=True
        ):
            if principal_fen > row.principal_fen or interest_fen > row.interest_fen:
                yield f"{loan.id}: row {row.number} was paid more than it is"
        parts = by_loan[loan.id]
        if sum(parts[part] for part in INTEREST) != loan.interest_paid_fen:
            yield f"{loan.id}: repayments and the loan differ in interest paid"
        if parts[Part.PENALTY] != loan.penalty_paid_fen:
            yield f"{loan.id}: repayments and the loan differ in penalty paid"
        if loan.state is LoanState.REVERSED:
            continue
        repaid_fen = sum(parts[part] for part in (*PRINCIPAL, Part.RECOVERED))
        owed_fen = loan.outstanding_fen + loan.written_off_fen
        if loan.principal_fen - repaid_fen != owed_fen:
            yield f"{loan.id}: {repaid_fen} fen repaid of {loan.principal_fen}, {owed_fen} owed"


def day_ends_reach_all(books: Books) -> Iterator[str]:
    """No loan is left behind by a closed day, and none is locked."""
    locked = {lock.id: lock for lock in books.all(LoanLock) if not lock.lifted}
    for lock in locked.values():
        yield f"{lock.id} of {lock.bank} has been locked since {lock.on}: {lock.why}"
    closed = {close.bank: close.closed for close in books.all(DayClose) if not close.left}
    busy = busy_loans(books) | locked.keys()
    for loan in books.all(Loan):
        on, nxt = closed.get(loan.bank), loan.next_day_end()
        if on is None or nxt is None or loan.id in busy or loan.accrued_through > on:
            continue  # a payment of today is the next day end's business
        if nxt <= on:
            yield f"{loan.id}: {loan.bank} has closed {on}, and its day end was {nxt}"


LOANS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-SCHEDULE-SUM": schedules_sum,
    "INV-EXACT-MONEY": exact_money,
    "INV-EOD-ISOLATION": day_ends_reach_all,
    "INV-ACCRUAL-DAYS": accrued_by_the_day,
    "INV-ACCRUE-ONCE": accrued_once,
    "INV-INCOME-90": income_is_earned,
    "INV-CLASS-BY-DAYS": classified,
    "INV-ALLOCATION": allocated_in_order,
    "INV-MONEY-CONSERVED": money_conserved,
    "INV-DUE-ONCE": due_once,
    "INV-BOOKS-AGREE": both_books_agree,
}
