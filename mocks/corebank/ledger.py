"""One bank's double-entry ledger: integer fen, entries that are only added, a hash over them all.

Every entry balances. Running balances and general-ledger totals are kept beside the entries, and
:meth:`Book.first_broken` works all of it out again from the entries alone.
"""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

from core.ports.corebank import Entry, Leg
from mocks.corebank.chart import CHART

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import CoreCode, Key

GENESIS = "0" * 64


class Account:
    """One account of a book, debit positive. ``side`` is where it must stay; 0 leaves it free."""

    __slots__ = ("balance_fen", "booked", "code", "name", "refusal", "side")

    def __init__(self, code: str, sub: str = "") -> None:
        row = CHART[code]
        guarded = row.guard if sub else None
        self.code = code
        self.name = f"{code}:{sub}" if sub else code
        self.side = guarded.side if guarded else 0
        self.refusal = guarded.code if guarded else None
        self.balance_fen = 0
        self.booked = False  # whether an entry names it

    def __repr__(self) -> str:
        return f"Account({self.name}, {self.balance_fen})"


Moves = list[tuple[Account, int]]


class Book:
    """The ledger of one legal entity."""

    __slots__ = ("accounts", "entries", "head", "links", "totals")

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.entries: list[Entry] = []
        self.head = GENESIS
        self.links: dict[str, str] = {}  # a correction's serial: the original's
        self.totals = dict.fromkeys(CHART, 0)

    def account(self, code: str, sub: str = "") -> Account:
        """Return an account, opening it in this book at the first call."""
        account = self.accounts.get(f"{code}:{sub}" if sub else code)
        if account is None:
            account = Account(code, sub)
            self.accounts[account.name] = account
        return account

    def refusal(self, moves: Moves) -> CoreCode | None:
        """Return why an entry may not be booked: an account would cross to its wrong side."""
        for account, amount_fen in moves:
            side = account.side
            if side and amount_fen * side < 0 and (account.balance_fen + amount_fen) * side < 0:
                return account.refusal
        return None

    def post(
        self, key: Key, kind: str, accounting_date: date, moves: Moves, original: str = ""
    ) -> Entry:
        """Add an entry that :meth:`refusal` has nothing against; return it.

        ``original`` is the serial of the entry that it corrects.

        Raises:
            AssertionError: the entry does not balance; nothing is changed then.
        """
        assert moves and not sum([amount_fen for _, amount_fen in moves]), (kind, moves)
        totals = self.totals
        for account, amount_fen in moves:
            account.balance_fen += amount_fen
            account.booked = True
            totals[account.code] += amount_fen
        legs = tuple([Leg(account.name, amount_fen) for account, amount_fen in moves])
        entry = Entry(core_serial(key), accounting_date, key, kind, legs, "")
        entry.chain = self.head = link(self.head, entry, original)
        self.entries.append(entry)
        if original:
            self.links[entry.core_serial] = original
        return entry

    def balances(self) -> dict[str, int]:
        """Return the running balance of every account that an entry names."""
        return {a.name: a.balance_fen for a in self.accounts.values() if a.booked}

    def first_broken(self) -> int | None:
        """Work everything out again; return the place of the first entry that does not hold.

        The number of entries stands for figures beside them (balances, totals) that differ.
        """
        head, worked = GENESIS, Book()
        for place, entry in enumerate(self.entries):
            moves = [(worked.account(*leg.account.split(":", 1)), leg[1]) for leg in entry.legs]
            head = link(head, entry, self.links.get(entry.core_serial, ""))
            if entry.chain != head or sum([leg.amount_fen for leg in entry.legs]) != 0:
                return place
            if worked.refusal(moves):
                return place
            for account, amount_fen in moves:
                account.balance_fen += amount_fen
                account.booked = True
                worked.totals[account.code] += amount_fen
        same = self.balances() == worked.balances() and self.totals == worked.totals
        return None if same else len(self.entries)


def core_serial(key: Key) -> str:
    """Return the core's own number for a request: minted from its key."""
    return blake2b(_told(key).encode(), digest_size=8).hexdigest()


def link(head: str, entry: Entry, original: str) -> str:
    """Return the chain value of an entry that follows ``head``."""
    legs = "\n".join([f"{name} {amount_fen}" for name, amount_fen in entry.legs])
    day = entry.accounting_date.toordinal()
    told = (
        f"{head}\n{entry.core_serial}\n{day}\n{entry.kind}\n{original}\n{_told(entry.key)}\n{legs}"
    )
    return sha256(told.encode()).hexdigest()


def _told(key: Key) -> str:
    bank, channel, day, serial = key
    return f"{bank}\n{channel}\n{day.toordinal()}\n{serial}"
