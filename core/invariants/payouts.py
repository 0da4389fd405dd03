"""What must hold of money that passed between the platform and the core bank."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.lending.book import Loan, LoanState
from core.ports.corebank import Outcome
from core.store.records import (
    OUR_CHANNELS,
    POSTING,
    DayClose,
    Drawdown,
    DrawState,
    Instruction,
    Repayment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

PRINCIPAL = "1303.01"
DAY_END_S = 25 * 3600.0  # by then a day end has asked after whatever was left open
DONE = (DrawState.DONE, DrawState.REVERSING, DrawState.REVERSED)
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


def cash_equals_loans(books: Books) -> Iterator[str]:
    """Every payout of the core is a loan of ours, of the same amount, and the other way round."""
    paid = payouts(books)
    owed = {
        loan.id: loan.principal_fen
        for loan in books.all(Loan)
        if loan.state is not LoanState.REVERSED
    }
    waiting = {
        draw.loan
        for draw in books.all(Drawdown)
        if draw.state in (DrawState.PENDING_CORE, DrawState.REVERSING)
    }
    for loan in sorted((paid.keys() | owed.keys()) - waiting):
        if sum(paid.get(loan, ())) != owed.get(loan, 0):
            yield f"{loan}: paid out {sum(paid.get(loan, ()))}, lent {owed.get(loan, 0)} fen"


def payouts(books: Books) -> dict[str, list[int]]:
    """Return each loan's payouts as the core has them, less what was reversed of them."""
    undone = {
        (bank, books.ledger.original_of(bank, entry.core_serial))
        for bank, entry in books.entries
        if entry.kind == "reverse"
    }
    paid: defaultdict[str, list[int]] = defaultdict(list)
    for bank, entry in books.entries:
        if entry.kind != "disburse" or (bank, entry.core_serial) in undone:
            continue
        for leg in entry.legs:
            code, _, loan = leg.account.partition(":")
            if code == PRINCIPAL:
                paid[loan].append(leg.amount_fen)
    return paid


def one_payout(books: Books) -> Iterator[str]:
    """A loan is paid out once."""
    for loan, amounts_fen in sorted(payouts(books).items()):
        if len(amounts_fen) > 1:
            yield f"{loan} was paid out {len(amounts_fen)} times"


def fenced_never_posts(books: Books) -> Iterator[str]:
    """A key that was given up for the next one never posts."""
    for order in books.all(Instruction):
        for number in range(1, order.round):
            serial = order.id if number == 1 else f"{order.id}-{number}"
            key = order.key._replace(serial=serial)
            if books.ledger.fate(key).outcome is Outcome.DONE:
                yield f"{order.id}: key {serial} posted, and {order.key.serial} was sent after it"


def both_books_agree(books: Books) -> Iterator[str]:
    """Each of a loan's pots stands in the ledger as it stands in the loan book."""
    busy = busy_loans(books)
    known = set(busy)
    for loan in books.all(Loan):
        known.add(loan.id)
        if loan.id in busy:
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


def busy_loans(books: Books) -> set[str]:
    """Return the loans on which something is on its way."""
    open_ = [order for order in books.all(Instruction) if order.answer is None]
    named = {getattr(order.query, "loan", "") for order in open_}
    return (named | {order.subject for order in open_}) - {""}


def said_as_done(books: Books) -> Iterator[str]:
    """What we call done was posted, and what we call rejected never was."""
    orders = {order.id: order for order in books.all(Instruction)}
    said: list[Drawdown | Repayment] = [*books.all(Drawdown), *books.all(Repayment)]
    for told in said:
        if told.state not in (*DONE, DrawState.REJECTED):
            continue
        order = orders.get(told.instruction)
        fate = books.ledger.fate(order.key).outcome if order else Outcome.NOT_FOUND
        if (told.state in DONE) != (fate is Outcome.DONE):
            yield f"{told.id} is {told.state} with us and {fate} in the core"


def booked_in_time(books: Books) -> Iterator[str]:
    """No instruction is left open for longer than to the next day end."""
    for order in books.all(Instruction):
        if order.answer is not None or order.sent_at_s is None:
            continue
        if books.now_s - order.sent_at_s > DAY_END_S:
            yield f"{order.id} for {order.subject} has no known outcome"


def reconciliation_complete(books: Books) -> Iterator[str]:
    """Of a compared date each transaction of ours is in the core's book, and each of theirs ours.

    On the very date that both sides tell, so that it is in exactly one day's file.
    """
    ours = {
        order.key: order.answer.accounting_date
        for order in books.all(Instruction)
        if isinstance(order.query, POSTING)
        and order.answer is not None
        and order.answer.outcome is Outcome.DONE
    }
    closes = {close.bank: close for close in books.all(DayClose)}
    theirs = {
        entry.key: entry.accounting_date
        for _, entry in books.entries
        if entry.key.channel in OUR_CHANNELS
    }
    for key in sorted(ours.keys() | theirs.keys()):
        close = closes.get(key.bank)
        on = theirs.get(key) or ours[key]
        if close is None or close.closed is None or on is None or on > close.closed:
            continue
        if on in close.unreconciled or theirs.get(key) == ours.get(key):
            continue
        told = f"dated {ours.get(key, 'nowhere')} with us and {theirs.get(key, 'nowhere')}"
        yield f"{key.bank}: {key.serial} is {told} in the core"


PAYOUTS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-FENCED-NEVER-POSTS": fenced_never_posts,
    "INV-ONE-PAYOUT": one_payout,
    "INV-CASH-EQ-LOANS": cash_equals_loans,
    "INV-SAID-AS-DONE": said_as_done,
    "INV-LIVENESS-BOOKED": booked_in_time,
    "INV-RECON-COMPLETE": reconciliation_complete,
}
