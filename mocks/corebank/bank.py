"""One legal entity in the core: its book, its customers' accounts, its keys, its day."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from core.identity import CardNumber
from core.ports.corebank import CoreCode, Key, Outcome, Posted, Stage
from mocks.corebank.chart import CARD, LOAN_CODES, OTHER, TEMPLATES
from mocks.corebank.keys import BATCH_CHANNEL, INTERNAL, Fate
from mocks.corebank.ledger import Book, core_serial

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import AccountClass, CollectQuery, Write
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.ledger import Account, Moves
    from mocks.corebank.reservations import Reservation


@dataclass(slots=True)
class Claim:
    """One loan in the books: the account it was paid into, and its sub-accounts by code."""

    loan: str
    deposit: Deposit
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether anything is still owed, on the balance sheet or off it."""
        return any(account.balance_fen for account in self.accounts.values())


@dataclass(slots=True)
class Running:
    """A write that was accepted and is not done yet; ``never``: it will be dropped instead.

    ``polls`` is how many questions after it are left until it is done, None where time decides.
    """

    query: Write
    on: date  # the accounting date it was accepted for
    due_s: float
    never: bool = False
    polls: int | None = None


@dataclass(slots=True)
class Day:
    """Where a bank's day stands. ``done`` are the steps of the day end that is under way."""

    on: date
    stage: Stage = Stage.OPEN
    next_on: date | None = None  # announced at the cut-off
    held: bool = False
    ending: bool = False
    done: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Bank:
    """One legal entity: its book, and what hangs on it."""

    id: str
    bin: str
    day: Day
    book: Book
    fates: dict[Key, Fate] = field(default_factory=dict)
    running: dict[Key, Running] = field(default_factory=dict)
    deposits: dict[str, Deposit] = field(default_factory=dict)  # by card number
    opened: dict[tuple[str, AccountClass], list[Deposit]] = field(default_factory=dict)  # by owner
    loans: dict[str, Claim] = field(default_factory=dict)  # every loan ever paid out
    reservations: dict[Key, Reservation] = field(default_factory=dict)
    ledgers: dict[date, dict[str, int]] = field(default_factory=dict)  # of sealed dates
    files: dict[date, str] = field(default_factory=dict)

    # When a write is booked.

    def date_for(self, channel: str, adjusts: bool = False) -> date:
        """Return the accounting date a write of that channel is booked on."""
        day = self.day
        if day.stage is Stage.OPEN or adjusts or channel == BATCH_CHANNEL:
            return day.on
        assert day.next_on is not None
        return day.next_on

    def not_now(self, channel: str, adjusts: bool = False) -> CoreCode | None:
        """Return why a money write of that channel must come again later."""
        day = self.day
        if day.stage is Stage.OPEN and not day.held:
            return None
        if day.ending:
            return CoreCode.DAY_END
        if adjusts or channel == BATCH_CHANNEL:
            return None
        if day.held:
            return CoreCode.HELD
        return CoreCode.DAY_END if day.stage is Stage.BATCH else None

    # Answers.

    def rejected(self, code: CoreCode) -> Fate:
        """Return the fate of a request that is refused."""
        return Fate(Posted(Outcome.REJECTED, code, accounting_date=self.day.on))

    def later(self, code: CoreCode) -> Fate:
        """Return what is said to a request that may come again: its key is not used up."""
        on = self.day.on
        return Fate(Posted(Outcome.REJECTED, code, accounting_date=on, retryable=True))

    def noted(self, key: Key, on: date, account: CardNumber | None = None) -> Fate:
        """Return the fate of a request that is done, and books nothing."""
        return Fate(Posted(Outcome.DONE, CoreCode.OK, core_serial(key), on, account))

    # Entries.

    def loan_account(self, code: str, loan: str) -> Account:
        """Return a loan's sub-account."""
        claim = self.loans[loan]
        account = claim.accounts.get(code)
        if account is None:
            account = claim.accounts[code] = self.book.account(code, loan)
        return account

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
            elif name in LOAN_CODES:
                account = self.loan_account(name, loan)
            else:
                account = self.book.account(name)
            assert account is not None, (kind, name)
            moves.append((account, side * amount_fen))
        return moves

    def booked(
        self,
        key: Key,
        kind: str,
        moves: Moves,
        on: date,
        deposits: tuple[Deposit, ...] = (),
        original: str = "",
    ) -> Fate:
        """Book an entry, unless a guard refuses it; bring the accounts it touches in before."""
        code = self.book.refusal(moves, on)
        if code is not None:
            return self.rejected(code)
        for deposit in deposits:
            if deposit.opening_fen is not None:
                self.bring_in(deposit)
        entry = self.book.post(key, kind, on, moves, original)
        for deposit in deposits:
            deposit.history.append(entry)
        return Fate(Posted(Outcome.DONE, CoreCode.OK, entry.core_serial, on), entry)

    def bring_in(self, deposit: Deposit) -> None:
        """Book what an account held before the scenario began, before its first entry."""
        account, opening_fen = deposit.ledger, deposit.opening_fen
        if opening_fen is None:
            return
        account.balance_fen = 0
        deposit.opening_fen = None
        self.book.accounts[account.name] = account
        if opening_fen:
            self.post_own(f"opening/{deposit.card.text}", "opening", opening_fen, card=account)

    def post_own(
        self,
        serial: str,
        kind: str,
        amount_fen: int,
        card: Account | None = None,
        other: Account | None = None,
    ) -> None:
        """Book an entry of the core's own, on the accounting date."""
        key = Key(self.id, INTERNAL, self.day.on, serial)
        moves = self.moves(kind, {"amount": amount_fen}, card=card, other=other)
        self.book.post(key, kind, self.day.on, moves)

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


def parts_of(query: CollectQuery) -> dict[str, int]:
    """Return a collection's amounts as its template names them, but for its sums."""
    return {
        "principal": query.principal_fen,
        "overdue_principal": query.overdue_principal_fen,
        "interest": query.interest_fen,
        "penalty": query.penalty_fen,
        "non_accrual_principal": query.non_accrual_principal_fen,
        "memo_interest": query.memo_interest_fen,
        "memo_penalty": query.memo_penalty_fen,
        "recovered": query.recovered_fen,
    }
