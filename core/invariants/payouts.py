"""What must hold of money that passed between the platform and the core bank."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.lending.book import Loan, LoanState
from core.ports.corebank import (
    AdjustQuery,
    CollectQuery,
    Direction,
    DisburseQuery,
    MoveQuery,
    Outcome,
    ReverseQuery,
)
from core.store.records import (
    OUR_CHANNELS,
    POSTING,
    AuditEvent,
    DayClose,
    Drawdown,
    DrawState,
    Instruction,
    Repayment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books
    from core.ports.corebank import Entry

PRINCIPAL = "1303.01"
DEPOSIT = "2011."
DAY_END_S = 25 * 3600.0  # by then a day end has asked after whatever was left open
DONE = (DrawState.DONE, DrawState.REVERSING, DrawState.REVERSED)
NEVER_PAID = (DrawState.REJECTED, DrawState.CANCELLED, DrawState.EXPIRED)
# What a reconciliation tells of a transaction that is not the same on both sides.
TOLD = ("theirs_only", "ours_only", "amount_differs")
# Which account of the loan each part of a collection pays off.
PAYS_OFF = (
    ("1303.01", "principal_fen"),
    ("1303.02", "overdue_principal_fen"),
    ("1303.03", "non_accrual_principal_fen"),
    ("1132.01", "interest_fen"),
    ("1132.02", "penalty_fen"),
    ("M9001.01", "memo_interest_fen"),
    ("M9001.02", "memo_penalty_fen"),
    ("M9002", "recovered_fen"),
)


def rejected_never_posts(books: Books) -> Iterator[str]:
    """A key of ours that the core does not call done, because it rejected it, has no entry."""
    for bank, entry in books.entries:
        if entry.key.channel in OUR_CHANNELS:
            outcome = books.ledger.fate(entry.key).outcome
            if outcome is not Outcome.DONE:
                yield f"{bank}: key {entry.key.serial} posted, and the core calls it {outcome}"


def fenced_never_posts(books: Books) -> Iterator[str]:
    """A key that was given up for the next one never posts."""
    for order in books.all(Instruction):
        for number in range(1, order.round):
            serial = order.id if number == 1 else f"{order.id}-{number}"
            key = order.key._replace(serial=serial)
            if books.ledger.fate(key).outcome is Outcome.DONE:
                yield f"{order.id}: key {serial} posted, and {order.key.serial} was sent after it"


def one_payout(books: Books) -> Iterator[str]:
    """A loan is paid out once."""
    for loan, amounts_fen in sorted(payouts(books).items()):
        if len(amounts_fen) > 1:
            yield f"{loan} was paid out {len(amounts_fen)} times"


def payouts(books: Books) -> dict[str, list[int]]:
    """Return each loan's payouts as the core has them, less what was reversed of them."""
    paid: defaultdict[str, list[int]] = defaultdict(list)
    for bank, entry in books.entries:
        if entry.kind != "disburse" or (bank, entry.core_serial) in books.undone:
            continue
        for leg in entry.legs:
            code, _, loan = leg.account.partition(":")
            if code == PRINCIPAL:
                paid[loan].append(leg.amount_fen)
    return paid


def as_instructed(books: Books) -> Iterator[str]:
    """What was posted under a key of ours is what its instruction asks for, and nothing else."""
    for order in books.all(Instruction):
        if not isinstance(order.query, POSTING):
            continue
        entry = books.posted.get(order.key)
        if entry is None:
            if order.answer is not None and order.answer.outcome is Outcome.DONE:
                yield f"{order.id} is done with us, and no entry of the core has its key"
        elif not _matches(books, order, entry):
            yield f"{order.id}: the core posted {entry.kind} {dict(entry.legs)}, not {order.query}"


def _matches(books: Books, order: Instruction, entry: Entry) -> bool:
    """Whether an entry is what an instruction asks for: the kind, the accounts, the amounts."""
    query, legs = order.query, dict(entry.legs)
    if isinstance(query, DisburseQuery):
        paid = legs.get(f"{PRINCIPAL}:{query.loan}") == query.amount_fen
        return entry.kind == "disburse" and paid and _of(legs, query) == -query.amount_fen
    if isinstance(query, CollectQuery):
        paid = all(
            legs.get(f"{code}:{query.loan}", 0) == -getattr(query, name) for code, name in PAYS_OFF
        )
        return entry.kind == "collect" and paid and _of(legs, query) == query.total_fen
    if isinstance(query, AdjustQuery):
        here = {abs(fen) for name, fen in entry.legs if name.endswith(f":{query.loan}")}
        return entry.kind == query.adjustment and here == {query.amount_fen}
    if isinstance(query, MoveQuery):
        moved = -query.amount_fen if query.direction is Direction.IN else query.amount_fen
        return entry.kind == f"move_{query.direction}" and _of(legs, query) == moved
    assert isinstance(query, ReverseQuery)
    original = books.posted.get(query.original)
    undone = books.ledger.original_of(order.bank, entry.core_serial)
    return original is not None and original.core_serial == undone


def _of(legs: dict[str, int], query: DisburseQuery | CollectQuery | MoveQuery) -> int:
    """Return what an entry moves on the customer's account that a query names."""
    card = query.account.text
    return sum(
        amount_fen
        for account, amount_fen in legs.items()
        if account.startswith(DEPOSIT) and account.endswith(card)
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


def said_as_done(books: Books) -> Iterator[str]:
    """What we call done was posted, and what we call rejected, cancelled or expired never was."""
    said: list[Drawdown | Repayment] = [*books.all(Drawdown), *books.all(Repayment)]
    for told in said:
        if told.state not in (*DONE, *NEVER_PAID):
            continue
        order = books.get(Instruction, told.instruction)
        fate = books.ledger.fate(order.key).outcome if order else Outcome.NOT_FOUND
        if (told.state in DONE) != (fate is Outcome.DONE):
            yield f"{told.id} is {told.state} with us and {fate} in the core"
    for order in books.all(Instruction):
        if order.answer is None:
            continue
        fate = books.ledger.fate(order.key).outcome
        if (order.answer.outcome is Outcome.DONE) != (fate is Outcome.DONE):
            yield f"{order.id} was answered {order.answer.outcome}, and is {fate} in the core"


def booked_in_time(books: Books) -> Iterator[str]:
    """No instruction is left open for longer than to the next day end."""
    for order in books.all(Instruction):
        if order.answer is not None or order.sent_at_s is None:
            continue
        if books.now_s - order.sent_at_s > DAY_END_S:
            yield f"{order.id} for {order.subject} has no known outcome"


def reconciliation_complete(books: Books) -> Iterator[str]:
    """Of a compared date each transaction of either side matches, or was told to be missing.

    It matches on the very date that both sides tell, so that it is in exactly one day's file.
    """
    ours = {
        order.key: order.answer.accounting_date
        for order in books.all(Instruction)
        if isinstance(order.query, POSTING)
        and order.answer is not None
        and order.answer.outcome is Outcome.DONE
    }
    theirs = {
        entry.key: entry.accounting_date
        for _, entry in books.entries
        if entry.key.channel in OUR_CHANNELS
    }
    told = {event.subject for event in books.all(AuditEvent) if event.kind in TOLD}
    closes = {close.bank: close for close in books.all(DayClose)}
    for key in sorted(ours.keys() | theirs.keys()):
        mine, yours = ours.get(key), theirs.get(key)
        on, close = yours or mine, closes.get(key.bank)
        if mine == yours or on is None or close is None or close.closed is None:
            continue
        if on > close.closed or on in close.unreconciled:
            continue  # its file was not compared yet
        if told.isdisjoint({key.serial, key.serial.partition("-")[0]}):
            where = f"dated {mine or 'nowhere'} with us and {yours or 'nowhere'} in the core"
            yield f"{key.bank}: {key.serial} is {where}"


PAYOUTS: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-REJECTED-NEVER-POSTS": rejected_never_posts,
    "INV-FENCED-NEVER-POSTS": fenced_never_posts,
    "INV-ONE-PAYOUT": one_payout,
    "INV-AS-INSTRUCTED": as_instructed,
    "INV-CASH-EQ-LOANS": cash_equals_loans,
    "INV-SAID-AS-DONE": said_as_done,
    "INV-LIVENESS-BOOKED": booked_in_time,
    "INV-RECON-COMPLETE": reconciliation_complete,
}
