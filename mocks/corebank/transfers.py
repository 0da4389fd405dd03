"""Money between accounts: to and from the bound one, and to and from any other.

Bound money counts on no limit. Any other does, at both ends where both are kept here. What leaves
the union, or comes from outside, is in transit with the payment network (3001.01). Between two
banks of the union each books its half, balanced by the province's platform (3001.02), on its own
accounting date: no entry crosses two banks, and neither half is booked without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError, nearest
from core.ports.corebank import CoreCode, Direction, Key
from mocks.corebank.accounts import PURPOSES, UNCOUNTED, Count, Flow
from mocks.corebank.chart import IN_TRANSIT, PLATFORM
from mocks.corebank.keys import INTERNAL, Fate, amounts

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber
    from core.ports.corebank import MoveQuery, TransferQuery
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.bank import Bank
    from mocks.corebank.union import Union


class End(NamedTuple):
    """One end of a transfer: an account with its bank and that bank's accounting date."""

    bank: Bank
    deposit: Deposit
    on: date
    counted: bool  # whether the account at the other end is unbound, seen from here

    def pays(self, amount_fen: int) -> CoreCode | None:
        """Return why this end may not pay."""
        return self.deposit.pays(amount_fen, self.on, counted=self.counted)

    def takes(self, amount_fen: int) -> CoreCode | None:
        """Return why this end may not receive."""
        return self.deposit.takes(amount_fen, self.on, counted=self.counted)

    def counts(self, flow: Flow, amount_fen: int) -> tuple[Count, ...]:
        """Return what a payment counts here."""
        return (Count(self.deposit, flow, self.on, amount_fen),) if self.counted else ()


def move(union: Union, bank: Bank, query: MoveQuery, on: date, now_s: float) -> Fate:
    """Move money between an account and the account bound to it.

    A bound account of another bank is reached through the payment network, whoever keeps it: the
    card was bound by its number, and the network finds its bank.
    """
    del now_s
    if not amounts(query.amount_fen):
        return bank.rejected(CoreCode.BAD_AMOUNT)
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    if deposit.closed:
        return bank.rejected(CoreCode.ACCOUNT_CLOSED)
    if deposit.bound is None:
        return bank.rejected(CoreCode.NOT_BOUND)
    bound = union.deposit(bank, deposit.bound)  # None: kept by another bank
    ends = (bound, deposit) if query.direction is Direction.IN else (deposit, bound)
    code = _refusal(ends[0], ends[1], query.amount_fen, on)
    if code is not None:
        return bank.rejected(code)
    kind = "move_in" if query.direction is Direction.IN else "move_out"
    other = bound.ledger if bound else bank.book.account(IN_TRANSIT)
    moves = bank.moves(kind, {"amount": query.amount_fen}, card=deposit.ledger, other=other)
    touched = (deposit, bound) if bound else (deposit,)
    fate = bank.booked(query.key, kind, moves, on, touched)
    fate.subject = deposit.card.text
    return fate


def _refusal(
    payer: Deposit | None, payee: Deposit | None, amount_fen: int, on: date
) -> CoreCode | None:
    """Return why bound money may not pass; an end that is None lies outside."""
    code = payer.pays(amount_fen, on, counted=False) if payer else None
    if code is None and payee is not None:
        code = payee.takes(amount_fen, on, counted=False)
    return code


def transfer(union: Union, bank: Bank, query: TransferQuery, on: date, now_s: float) -> Fate:
    """Move money between an account and any other, for a fee where it goes out."""
    del now_s
    code = _malformed(query)
    if code is not None:
        return bank.rejected(code)
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    here = End(bank, deposit, on, _counts(query, deposit, query.other))
    there_bank = union.bank_of(query.other) if query.other else None
    if query.other is None or there_bank is None:
        return _book(query, here, None)
    there_deposit = union.deposit(there_bank, query.other)
    if there_deposit is None or there_deposit is deposit:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    if there_bank is not bank:
        busy = there_bank.not_now(query.key.channel)
        if busy is not None:
            return bank.later(busy)
        on = there_bank.date_for(query.key.channel)
    counted = _counts(query, there_deposit, deposit.card)
    return _book(query, here, End(there_bank, there_deposit, on, counted))


def _malformed(query: TransferQuery) -> CoreCode | None:
    """Return what is wrong with the amounts.

    Raises:
        InputError: the core knows no such purpose.
    """
    if query.purpose not in PURPOSES:
        raise InputError("transfer", f"purpose {query.purpose!r}", nearest(query.purpose, PURPOSES))
    whole = amounts(query.amount_fen) and amounts(query.amount_fen, query.fee_fen)
    free = query.direction is Direction.OUT or not query.fee_fen
    return None if whole and free else CoreCode.BAD_AMOUNT


def _counts(query: TransferQuery, deposit: Deposit, other: CardNumber | None) -> bool:
    """Whether a transfer counts on an account's limits."""
    return query.purpose != UNCOUNTED and (other is None or other != deposit.bound)


def _book(query: TransferQuery, here: End, there: End | None) -> Fate:
    """Check both ends, then book: one entry, or one in each of two banks."""
    incoming = query.direction is Direction.IN
    payer, payee = (there, here) if incoming else (here, there)
    code = payer.pays(query.amount_fen) if payer else None
    if code is None and payee is not None:
        code = payee.takes(query.amount_fen)
    if code is not None:
        return here.bank.rejected(code)
    if there is not None and there.bank is not here.bank:
        fate = _book_halves(query, here, there)
    else:
        fate = _book_one(query, here, there)
    if fate.entry is not None:
        fate.counts = payer.counts(Flow.OUT, query.amount_fen) if payer else ()
        fate.counts += payee.counts(Flow.IN, query.amount_fen) if payee else ()
        for count in fate.counts:
            count.book()
        fate.subject = here.deposit.card.text
    return fate


def _parts(query: TransferQuery) -> dict[str, int]:
    total_fen = query.amount_fen + query.fee_fen
    return {"amount": query.amount_fen, "fee": query.fee_fen, "total": total_fen}


def _kind(end: End, way: Direction) -> str:
    """Return the kind of an end's entry: it tells what is outside the limits."""
    return f"{'transfer' if end.counted else 'exempt'}_{way}"


def _book_one(query: TransferQuery, here: End, there: End | None) -> Fate:
    """Book a transfer inside one bank, or to and from outside the union."""
    bank, kind = here.bank, _kind(here, query.direction)
    other = there.deposit.ledger if there else bank.book.account(IN_TRANSIT)
    moves = bank.moves(kind, _parts(query), card=here.deposit.ledger, other=other)
    touched = (here.deposit, there.deposit) if there else (here.deposit,)
    return bank.booked(query.key, kind, moves, here.on, touched)


def _book_halves(query: TransferQuery, here: End, there: End) -> Fate:
    """Book a transfer between two banks of the union: both halves, or neither."""
    kind = _kind(here, query.direction)
    back = Direction.OUT if query.direction is Direction.IN else Direction.IN
    other_kind = _kind(there, back)
    parts = {"amount": query.amount_fen, "fee": 0, "total": query.amount_fen}
    theirs = there.bank.moves(
        other_kind, parts, card=there.deposit.ledger, other=there.bank.book.account(PLATFORM)
    )
    code = there.bank.book.refusal(theirs, there.on)
    if code is not None:
        return here.bank.rejected(code)
    ours = here.bank.moves(
        kind, _parts(query), card=here.deposit.ledger, other=here.bank.book.account(PLATFORM)
    )
    fate = here.bank.booked(query.key, kind, ours, here.on, (here.deposit,))
    if fate.entry is not None:
        key = twin_key(query.key, there.bank.id)
        twin = there.bank.booked(key, other_kind, theirs, there.on, (there.deposit,))
        assert twin.entry is not None, "the other half was checked"
        fate.twin = there.bank.id, twin.entry
    return fate


def twin_key(key: Key, bank: str) -> Key:
    """Return the key of a transfer's other half, in the other bank's book."""
    return Key(bank, INTERNAL, key.channel_date, f"{key.bank}/{key.channel}/{key.serial}")
