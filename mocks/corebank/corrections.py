"""Reversal (冲正): an entry is undone by its mirror image, on its own accounting date, once.

Later than that a correction is an adjustment. The mirror meets the same guards as any entry: what
was spent or set aside meanwhile cannot be taken back, a closed account takes nothing, and a class
III account holds no more than its cap. A freeze does not stop it, since the bank corrects itself.
What the original counted on limits is given back. A reservation that was committed does not rise
again: its money is back on the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.corebank import CoreCode
from mocks.corebank.chart import REVERSE
from mocks.corebank.keys import fenced
from mocks.corebank.transfers import twin_key

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Entry, ReverseQuery
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.bank import Bank
    from mocks.corebank.keys import Fate
    from mocks.corebank.ledger import Moves
    from mocks.corebank.union import Union

Half = tuple["Bank", "Entry", "Moves", "tuple[Deposit, ...]"]


def reverse(union: Union, bank: Bank, query: ReverseQuery, on: date, now_s: float) -> Fate:
    """Undo a final posting; an original unknown so far is fenced, so that it cannot post later."""
    del now_s
    original = bank.fates.get(query.original)
    own = query.original == query.key or query.original.bank != bank.id
    if original is None and not own:
        bank.fates[query.original] = fenced(bank.day.on)
    if own or original is None or not _is_reversible(original, on):
        return bank.rejected(CoreCode.NOT_REVERSIBLE)
    assert original.entry is not None
    there, code = None, None
    if original.twin is not None:
        there_bank, twin = union.banks[original.twin[0]], original.twin[1]
        busy = there_bank.not_now(query.key.channel)
        if busy is not None:
            return bank.later(busy)
        there = _half(union, there_bank, twin)
        if twin.accounting_date != there_bank.date_for(query.key.channel):
            code = CoreCode.NOT_REVERSIBLE
    here = _half(union, bank, original.entry)
    code = code or _refusal(here) or (_refusal(there) if there else None)
    return bank.rejected(code) if code else _undo(query, original, here, there)


def _is_reversible(original: Fate, on: date) -> bool:
    """Whether it made an entry on this date, that is no reversal and was not undone before."""
    entry = original.entry
    if entry is None or original.reversed:
        return False
    return entry.kind != REVERSE and entry.accounting_date == on


def _half(union: Union, bank: Bank, entry: Entry) -> Half:
    """Return the mirror of an entry, and the customers' accounts it touches."""
    moves = [(bank.book.accounts[name], -amount_fen) for name, amount_fen in entry.legs]
    named = [union.named(bank, name) for name, _ in entry.legs]
    return bank, entry, moves, tuple([deposit for deposit in named if deposit is not None])


def _refusal(half: Half) -> CoreCode | None:
    """Return why an entry cannot be mirrored any more."""
    bank, entry, moves, deposits = half
    for deposit in deposits:
        if deposit.closed:
            return CoreCode.ACCOUNT_CLOSED
        back_fen = sum([-fen for account, fen in moves if account is deposit.ledger])
        room_fen = deposit.cap_room_fen()
        if room_fen is not None and back_fen > room_fen:
            return CoreCode.OVER_BALANCE_CAP
    return bank.book.refusal(moves, entry.accounting_date)


def _undo(query: ReverseQuery, original: Fate, here: Half, there: Half | None) -> Fate:
    """Book the mirror, in both banks where there are two, and give back what was counted."""
    bank, entry, moves, deposits = here
    on = entry.accounting_date
    fate = bank.booked(query.key, REVERSE, moves, on, deposits, entry.core_serial)
    assert fate.entry is not None, "the mirror was checked"
    if there is not None:
        other, twin, mirrored, touched = there
        key = twin_key(query.key, other.id)
        undone = other.booked(
            key, REVERSE, mirrored, twin.accounting_date, touched, twin.core_serial
        )
        assert undone.entry is not None, "the other half's mirror was checked"
    for count in original.counts:
        count.book(-1)
    original.reversed = True
    fate.subject = original.subject
    return fate
