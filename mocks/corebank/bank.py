"""One legal entity in the core: its book, its customers' accounts, its keys and its date."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from core.identity import CardNumber
from core.ports.corebank import CoreCode, Key, Outcome, Posted
from mocks.corebank.chart import CARD, LOAN_CODES, OTHER, TEMPLATES
from mocks.corebank.ledger import Book, core_serial

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Entry
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.ledger import Account, Moves

Content = tuple[object, ...]  # of a request, without its key: equal for equal requests


@dataclass(slots=True)
class Fate:
    """What became of a key; ``content`` is None for a fenced one. ``entry`` is what it posted."""

    content: Content | None
    posted: Posted
    entry: Entry | None = None
    reversed: bool = False


@dataclass(slots=True)
class Bank:
    """One legal entity: its book, and what hangs on it."""

    id: str
    bin: str
    accounting_date: date
    book: Book = field(default_factory=Book)
    fates: dict[Key, Fate] = field(default_factory=dict)
    deposits: dict[str, Deposit] = field(default_factory=dict)  # by card number
    class_two: dict[str, int] = field(default_factory=dict)  # opened here, by ID number
    loans: set[str] = field(default_factory=set)  # every loan ever paid out

    def moves(
        self,
        kind: str,
        parts: dict[str, int],
        loan: str = "",
        card: Account | None = None,
        other: Account | None = None,
    ) -> Moves:
        """Return the legs of a template, with the request's accounts and amounts filled in."""
        moves: Moves = []
        for side, name, part in TEMPLATES[kind]:
            amount_fen = parts[part]
            if not amount_fen:
                continue
            if name == CARD:
                account = card
            elif name == OTHER:
                account = other
            else:
                account = self.book.account(name, loan if name in LOAN_CODES else "")
            assert account is not None, (kind, name)
            moves.append((account, side * amount_fen))
        return moves

    def booked(
        self, key: Key, kind: str, moves: Moves, *deposits: Deposit, original: str = ""
    ) -> Fate:
        """Book an entry, unless a guard refuses it; bring the accounts it touches in before."""
        code = self.book.refusal(moves)
        if code is not None:
            return self.rejected(code)
        for deposit in deposits:
            if deposit.opening_fen is not None:
                self.bring_in(deposit, deposit.opening_fen)
        entry = self.book.post(key, kind, self.accounting_date, moves, original)
        posted = Posted(Outcome.DONE, CoreCode.OK, entry.core_serial, self.accounting_date)
        return Fate(None, posted, entry)

    def rejected(self, code: CoreCode) -> Fate:
        """Return the fate of a request that is refused."""
        return Fate(None, Posted(Outcome.REJECTED, code, accounting_date=self.accounting_date))

    def bring_in(self, deposit: Deposit, opening_fen: int) -> None:
        """Book what an account held before the scenario began, before its first entry."""
        account = deposit.ledger
        account.balance_fen = 0
        deposit.opening_fen = None
        self.book.accounts[account.name] = account
        if opening_fen:
            key = Key(self.id, "core", self.accounting_date, f"opening/{deposit.card.text}")
            moves = self.moves("opening", {"amount": opening_fen}, card=account)
            self.book.post(key, "opening", self.accounting_date, moves)

    def mint(self, key: Key) -> CardNumber:
        """Return the number of a new account: from the request's key, once more if it is taken."""
        salt = 0
        while True:
            named = f"{core_serial(key)}/{salt}".encode()
            body = int.from_bytes(blake2b(named, digest_size=8).digest(), "big") % 10**12
            card = CardNumber.make(self.bin, f"{body:012d}")
            if card.text not in self.deposits:
                return card
            salt += 1
