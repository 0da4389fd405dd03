"""What must hold of the core bank's ledger alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.invariants.books import REVERSAL
from core.ports.corebank import CoreCode
from core.store.records import Instruction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from core.invariants.books import Books
    from core.ports.corebank import Entry

CLEARING = ("3001.01", "3001.02")
DEPOSITS, CLASS_TWO, FEES, MEMO = "2011.", "2011.02:", "6021", "M"
# 银发〔2016〕261号: in and out of accounts that are not bound, each 10,000 yuan a day and 200,000 a
# year. What passes to the bound account, the bank's own loan and investments are outside and have
# kinds of their own; a fee is not the customer's transfer. What is committed was counted on the
# day on which it was set aside, which no entry tells: it is held to the year alone.
COMMIT = "commit"
COUNTED = frozenset({"transfer_in", "transfer_out", COMMIT})
DAY_FEN, YEAR_FEN = 1_000_000, 20_000_000


def double_entry(books: Books) -> Iterator[str]:
    """Debits equal credits in every entry, on the balance sheet and in the memo books each."""
    for bank, entry in books.entries:
        total_fen = memo_fen = 0
        for account, amount_fen in entry.legs:
            total_fen += amount_fen
            if account.startswith(MEMO):
                memo_fen += amount_fen
        if total_fen:
            yield f"{bank}: {entry.kind} {entry.key.serial} is {total_fen} fen out of balance"
        elif memo_fen:
            told = f"moves {memo_fen} fen between the balance sheet and the memo books"
            yield f"{bank}: {entry.kind} {entry.key.serial} {told}"


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


def general_ledger(books: Books) -> Iterator[str]:
    """Every code of the general ledger is the sum of its sub-accounts."""
    for bank, balances in books.balances.items():
        sums: defaultdict[str, int] = defaultdict(int)
        for account, balance in balances.items():
            sums[account.partition(":")[0]] += balance
        totals = books.ledger.totals(bank)
        for code in sorted(totals.keys() | sums.keys()):
            if totals.get(code, 0) != sums[code]:
                told = f"{totals.get(code, 0)}, its sub-accounts make {sums[code]} fen"
                yield f"{bank}: {code} stands at {told}"


def chain(books: Books) -> Iterator[str]:
    """The book's own audit holds: nothing was changed or removed after it was written."""
    for bank in books.ledger.banks():
        if not books.ledger.verify_chain(bank):
            yield f"{bank}: the book does not stand up to its own audit"


def no_overdraft(books: Books) -> Iterator[str]:
    """No customer's account is below zero, at no time (a deposit is a credit, hence negative)."""
    stands: defaultdict[tuple[str, str], int] = defaultdict(int)
    below = set()
    for bank, entry in books.entries:
        for account, amount_fen in entry.legs:
            if not account.startswith(DEPOSITS):
                continue
            name = (bank, account)
            stands[name] += amount_fen
            if amount_fen > 0 and stands[name] > 0 and name not in below:
                below.add(name)
                told = f"by {stands[name]} fen on {entry.accounting_date}"
                yield f"{bank}: an account of {account.partition(':')[0]} is overdrawn {told}"


def one_effect(books: Books) -> Iterator[str]:
    """One key has at most one effect."""
    seen = set()
    for bank, entry in books.entries:
        if entry.key in seen:
            yield f"{bank}: key {entry.key.serial} posted twice"
        seen.add(entry.key)


def days_in_order(books: Books) -> Iterator[str]:
    """A bank's sealed dates rise, and no date takes an entry after it was sealed."""
    for bank in books.ledger.banks():
        entries, begin = books.ledger.entries(bank), 0
        before: date | None = None
        for on, end, _ in books.ledger.seals(bank):
            if before is not None and on <= before:
                yield f"{bank}: {on} was sealed after {before}"
            for entry in entries[begin:end]:
                if entry.accounting_date != on:
                    dated = f"dated {entry.accounting_date}, and lies under the seal of {on}"
                    yield f"{bank}: {entry.key.serial} is {dated}"
            before, begin = on, end
        for entry in entries[begin:]:
            if before is not None and entry.accounting_date <= before:
                dated = f"dated {entry.accounting_date}, and {before} is sealed"
                yield f"{bank}: {entry.key.serial} is {dated}"


def banks_apart(books: Books) -> Iterator[str]:
    """No entry is under another bank's key, and nothing is in transit over a sealed date."""
    for bank in books.ledger.banks():
        entries, begin = books.ledger.entries(bank), 0
        transit = dict.fromkeys(CLEARING, 0)
        for on, end, _ in books.ledger.seals(bank):
            for entry in entries[begin:end]:
                for account, amount_fen in entry.legs:
                    if account in transit:
                        transit[account] += amount_fen
            for account, amount_fen in transit.items():
                if amount_fen:
                    yield f"{bank}: {account} holds {amount_fen} fen over the end of {on}"
            begin = end
    for bank, entry in books.entries:
        if entry.key.bank != bank:
            yield f"{bank}: {entry.key.serial} is a transaction of {entry.key.bank}"


def reversed_once(books: Books) -> Iterator[str]:
    """A reversal mirrors one entry of the same date, and no entry is reversed twice."""
    by_serial: dict[tuple[str, str], Entry] = {}
    undone: set[tuple[str, str]] = set()
    for bank, entry in books.entries:
        by_serial[bank, entry.core_serial] = entry
    for bank, entry in books.entries:
        if entry.kind != REVERSAL:
            continue
        name = (bank, books.ledger.original_of(bank, entry.core_serial))
        original = by_serial.get(name)
        if original is None:
            yield f"{bank}: {entry.key.serial} reverses nothing that is in the book"
            continue
        mirrored = [(account, -amount_fen) for account, amount_fen in original.legs]
        if sorted(mirrored) != sorted(tuple(leg) for leg in entry.legs):
            yield f"{bank}: {entry.key.serial} does not mirror {original.key.serial}"
        if original.accounting_date != entry.accounting_date:
            yield f"{bank}: {original.key.serial} was reversed on another date than its own"
        if name in undone:
            yield f"{bank}: {original.key.serial} was reversed twice"
        undone.add(name)


def class_two_caps(books: Books) -> Iterator[str]:
    """A class II account stays within its limits of the day and of the year, in and out.

    The bank's own loan passes outside of them: no order about it was refused for a limit.
    """
    passed: defaultdict[tuple[str, str, str, date | int], int] = defaultdict(int)
    for bank, entry in books.entries:
        if entry.kind not in COUNTED or (bank, entry.core_serial) in books.undone:
            continue
        fee_fen = -sum(amount_fen for account, amount_fen in entry.legs if account == FEES)
        for account, amount_fen in entry.legs:
            if account.startswith(CLASS_TWO):
                way, day = ("out" if amount_fen > 0 else "in"), entry.accounting_date
                counted_fen = amount_fen - fee_fen if amount_fen > 0 else -amount_fen
                passed[bank, account, way, day.year] += counted_fen
                if entry.kind != COMMIT:
                    passed[bank, account, way, day] += counted_fen
    for (bank, _, way, period), amount_fen in passed.items():
        cap_fen = YEAR_FEN if isinstance(period, int) else DAY_FEN
        if amount_fen > cap_fen:
            told = f"{amount_fen} fen passed {way}, and {cap_fen} may"
            yield f"{bank}: of a class II account {told} in {period}"
    for order in books.all(Instruction):
        if order.answer is not None and order.answer.code == CoreCode.OVER_LIMIT:
            yield f"{order.id} for {order.subject} was refused for a limit that is not the loan's"


LEDGER: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-DOUBLE-ENTRY": double_entry,
    "INV-CHAIN": chain,
    "INV-HISTORY": history,
    "INV-TRIAL-BALANCE": trial_balance,
    "INV-GENERAL-LEDGER": general_ledger,
    "INV-BANKS-APART": banks_apart,
    "INV-DAYS-IN-ORDER": days_in_order,
    "INV-ONE-EFFECT": one_effect,
    "INV-REVERSAL-ONCE": reversed_once,
    "INV-NO-OVERDRAFT": no_overdraft,
    "INV-CLASS2-CAPS": class_two_caps,
}
