"""The audit: a bank's figures worked out again from its entries, and from what is set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.corebank import Outcome
from mocks.corebank.files import file_of

if TYPE_CHECKING:
    from mocks.corebank.bank import Bank


def first_broken(bank: Bank) -> str | None:
    """Return what does not hold first, None where all does."""
    place = bank.book.first_broken()
    if place is not None:
        return f"entry {place}"
    if not _reservations_hold(bank):
        return "reservations"
    if not _dates_hold(bank):
        return "general ledger or file of a sealed date"
    return None if _keys_hold(bank) else "keys"


def _reservations_hold(bank: Bank) -> bool:
    """Whether accounts hold aside exactly what living reservations say, and no more than they have.

    Also, a committed one has its entry, and no other has.
    """
    held: dict[str, int] = {}
    for found in bank.reservations.values():
        name = found.deposit.ledger.name
        held[name] = held.get(name, 0) + (found.amount_fen if found.state == "live" else 0)
        if not 0 <= found.committed_fen <= found.amount_fen:
            return False
    for deposit in bank.deposits.values():
        account = deposit.ledger
        if account.held_fen != held.get(account.name, 0) or account.held_fen > deposit.balance_fen:
            return False
    committed = sum([found.committed_fen for found in bank.reservations.values()])
    entries = [entry for entry in bank.book.all_entries() if entry.kind == "commit"]
    return committed == sum([max(leg.amount_fen for leg in entry.legs) for entry in entries])


def _dates_hold(bank: Bank) -> bool:
    """Whether the ledger and the file of each sealed date follow from its entries."""
    totals, begin = dict.fromkeys(bank.book.totals, 0), 0
    for on, end, _ in bank.book.seals:
        entries = bank.book.entries[begin:end]
        for entry in entries:
            for name, amount_fen in entry.legs:
                totals[name.partition(":")[0]] += amount_fen
        if bank.ledgers.get(on) != totals or bank.files.get(on) != file_of(bank, on, entries):
            return False
        begin = end
    return True


def _keys_hold(bank: Bank) -> bool:
    """Whether a key that is done stands by its entry, and one that is not has none."""
    for key, fate in bank.fates.items():
        running = fate.posted.outcome is Outcome.IN_PROGRESS
        if running != (key in bank.running) or (fate.entry and fate.entry.key != key):
            return False
        if fate.entry is not None and fate.posted.outcome is not Outcome.DONE:
            return False
    return True
