"""What must hold of the core bank's ledger alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books


def double_entry(books: Books) -> Iterator[str]:
    """Debits equal credits in every entry."""
    for bank, entry in books.entries:
        total = sum(leg.amount_fen for leg in entry.legs)
        if total:
            yield f"{bank}: {entry.kind} {entry.key.serial} is {total} fen out of balance"


def trial_balance(books: Books) -> Iterator[str]:
    """All of a bank's balances sum to zero."""
    for bank, balances in books.balances.items():
        total = sum(balances.values())
        if total:
            yield f"{bank}: the trial balance is {total} fen out"


def history(books: Books) -> Iterator[str]:
    """Every balance is the sum of its account's entries."""
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for bank, entry in books.entries:
        for leg in entry.legs:
            sums[bank][leg.account] += leg.amount_fen
    for bank, balances in books.balances.items():
        for account in balances.keys() | sums[bank].keys():
            told, made = balances.get(account, 0), sums[bank].get(account, 0)
            if told != made:
                yield f"{bank}: {account} stands at {told}, its entries make {made} fen"


def no_overdraft(books: Books) -> Iterator[str]:
    """No customer's account is below zero (a deposit is a credit, hence negative here)."""
    for bank, balances in books.balances.items():
        for account, balance in balances.items():
            if account.startswith("2011.") and balance > 0:
                code = account.partition(":")[0]
                yield f"{bank}: an account of {code} is overdrawn by {balance} fen"


def one_effect(books: Books) -> Iterator[str]:
    """One key has at most one effect."""
    seen = set()
    for bank, entry in books.entries:
        if entry.key in seen:
            yield f"{bank}: key {entry.key.serial} posted twice"
        seen.add(entry.key)


def days_in_order(books: Books) -> Iterator[str]:
    """A bank's accounting date never goes back."""
    last: dict[str, object] = {}
    for bank, entry in books.entries:
        before = last.get(bank)
        if before is not None and entry.accounting_date < before:  # type: ignore[operator]
            yield f"{bank}: {entry.key.serial} is dated {entry.accounting_date}, after {before}"
        last[bank] = entry.accounting_date


LEDGER: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-DOUBLE-ENTRY": double_entry,
    "INV-TRIAL-BALANCE": trial_balance,
    "INV-HISTORY": history,
    "INV-NO-OVERDRAFT": no_overdraft,
    "INV-ONE-EFFECT": one_effect,
    "INV-DAYS-IN-ORDER": days_in_order,
}
