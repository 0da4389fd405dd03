"""One bank's double-entry ledger: integer fen, entries that are only added, a hash over them all.

Every entry balances. Running balances and general-ledger totals are kept beside the entries, and
:meth:`Book.first_broken` works all of it out again from the entries alone.

A book stands on one accounting date. While that date is ending, customers' entries of the next one
are booked ahead (``ahead``): they move the balances at once, hang on the last seal by a chain of
their own, and join the book's chain when the ending date is sealed. So the entries lie in the order
of their dates, and a seal is a place among them.
What is still booked on the ending date must leave room for what already stands ahead of it: read
in the order of their dates, too, no guarded account is ever on its wrong side.
"""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

from core.ports.corebank import Entry, Leg, Seal
from mocks.corebank.chart import CHART, MEMO

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import CoreCode, Key

GENESIS = "0" * 64


class Account:
    """One account of a book, debit positive. ``side`` is where it must stay; 0 leaves it free.

    ``held_fen`` of what stands on that side is set aside by reservations.
    """

    __slots__ = (
        "ahead_fen",
        "balance_fen",
        "booked",
        "code",
        "held_fen",
        "low_fen",
        "name",
        "refusal",
        "side",
    )

    def __init__(self, code: str, sub: str = "") -> None:
        row = CHART[code]
        guarded = row.guard if sub else None
        self.code = code
        self.name = f"{code}:{sub}" if sub else code
        self.side = guarded.side if guarded else 0
        self.refusal = guarded.code if guarded else None
        self.balance_fen = 0
        self.held_fen = 0
        self.booked = False  # whether an entry names it
        self.ahead_fen = 0  # of the balance, what is booked on the next accounting date
        self.low_fen = 0  # the lowest that this went, seen from the account's own side

    def __repr__(self) -> str:
        return f"Account({self.name}, {self.balance_fen})"

    def book_ahead(self, amount_fen: int) -> None:
        """Count an amount as one of the next accounting date."""
        self.ahead_fen += amount_fen
        self.low_fen = min(self.low_fen, self.ahead_fen * self.side)


Moves = list[tuple[Account, int]]
_new_leg = tuple.__new__  # what Leg() does itself, without the detour over its keywords


class Book:
    """The ledger of one legal entity, standing on the accounting date ``on``."""

    __slots__ = ("accounts", "ahead", "entries", "head", "links", "on", "seals", "totals")

    def __init__(self, on: date) -> None:
        self.on = on
        self.accounts: dict[str, Account] = {}
        self.entries: list[Entry] = []
        self.ahead: list[Entry] = []  # of the next accounting date, on a chain of their own
        self.head = GENESIS
        self.links: dict[str, str] = {}  # a correction's serial: the original's
        self.totals = dict.fromkeys(CHART, 0)  # what stands ahead is not in it
        self.seals: list[Seal] = []

    def account(self, code: str, sub: str = "") -> Account:
        """Return an account, opening it in this book at the first call."""
        account = self.accounts.get(f"{code}:{sub}" if sub else code)
        if account is None:
            account = Account(code, sub)
            self.accounts[account.name] = account
        return account

    def refusal(self, moves: Moves, on: date | None = None) -> CoreCode | None:
        """Return why an entry may not be booked: an account would cross to its wrong side.

        ``on`` is the entry's accounting date, by default the one the book stands on.
        """
        for account, amount_fen in moves:
            side = account.side
            if (
                side
                and amount_fen * side < 0
                and (account.balance_fen + amount_fen) * side < account.held_fen
            ):
                return account.refusal
        if self.ahead and (on is None or on == self.on):
            return self._room(moves)
        return None

    def _room(self, moves: Moves) -> CoreCode | None:
        """Return why an entry of the ending date leaves no room for what stands ahead of it."""
        for account, amount_fen in moves:
            side = account.side
            if side and amount_fen * side < 0:
                ending_fen = (account.balance_fen - account.ahead_fen + amount_fen) * side
                if ending_fen + account.low_fen < 0:
                    return account.refusal
        return None

    def post(self, key: Key, kind: str, on: date, moves: Moves, original: str = "") -> Entry:
        """Add an entry that :meth:`refusal` has nothing against; return it.

        ``original`` is the serial of the entry that it corrects.

        Raises:
            AssertionError: the entry does not balance, or its date is sealed; nothing is changed.
        """
        assert moves and not sum([amount_fen for _, amount_fen in moves]), (kind, moves)
        assert on >= self.on, f"{on} is sealed, the book stands on {self.on}"
        legs = tuple([_new_leg(Leg, (account.name, fen)) for account, fen in moves])
        told = told_of(key)
        serial = blake2b(told.encode(), digest_size=8).hexdigest()
        entry = Entry(serial, on, key, kind, legs, "")
        if original:
            self.links[serial] = original
        if on != self.on:
            return self._post_ahead(entry, moves)
        totals = self.totals
        for account, amount_fen in moves:
            account.balance_fen += amount_fen
            account.booked = True
            totals[account.code] += amount_fen
        # As in link(), spelt out: this is the hot path.
        text = "\n".join([f"{name} {fen}" for name, fen in legs])
        told = f"{self.head}\n{serial}\n{on.toordinal()}\n{kind}\n{original}\n{told}\n{text}"
        entry.chain = self.head = sha256(told.encode()).hexdigest()
        self.entries.append(entry)
        return entry

    def _post_ahead(self, entry: Entry, moves: Moves) -> Entry:
        """Add an entry of the next accounting date."""
        for account, amount_fen in moves:
            account.balance_fen += amount_fen
            account.booked = True
            account.book_ahead(amount_fen)
        head = self.ahead[-1].chain if self.ahead else self._sealed_head()
        entry.chain = link(head, entry, self.original_of(entry.core_serial))
        self.ahead.append(entry)
        return entry

    def _sealed_head(self) -> str:
        """Return the chain value that what stands ahead hangs on."""
        return self.seals[-1].chain if self.seals else GENESIS

    def seal(self, next_on: date) -> Seal:
        """End the accounting date the book stands on: it takes no more entries. Return its seal.

        Raises:
            AssertionError: an entry that was booked ahead was altered; nothing is changed.
        """
        assert self._ahead_chained(), f"an entry ahead of {self.on} was altered"
        seal = Seal(self.on, len(self.entries), self.head)
        self.seals.append(seal)
        self.on = next_on
        for entry in self.ahead:
            entry.chain = self.head = link(self.head, entry, self.original_of(entry.core_serial))
            self.entries.append(entry)
            for name, amount_fen in entry.legs:
                account = self.accounts[name]
                account.ahead_fen = account.low_fen = 0
                self.totals[account.code] += amount_fen
        self.ahead.clear()
        return seal

    def _ahead_chained(self) -> bool:
        """Whether what stands ahead hangs on the last seal, entry by entry, on one later date."""
        head = self._sealed_head()
        for entry in self.ahead:
            head = link(head, entry, self.original_of(entry.core_serial))
            if entry.chain != head or entry.accounting_date <= self.on:
                return False
        return True

    def original_of(self, serial: str) -> str:
        """Return the serial of the entry that a correction undid, empty for every other entry."""
        return self.links.get(serial, "")

    def all_entries(self) -> list[Entry]:
        """Return every entry in the order of the accounting dates, what stands ahead last."""
        return [*self.entries, *self.ahead]

    def balances(self) -> dict[str, int]:
        """Return the running balance of every account that an entry names."""
        return {a.name: a.balance_fen for a in self.accounts.values() if a.booked}

    def all_totals(self) -> dict[str, int]:
        """Return the general ledger as it stands, with what is booked ahead."""
        totals = dict(self.totals)
        for entry in self.ahead:
            for name, amount_fen in entry.legs:
                totals[self.accounts[name].code] += amount_fen
        return totals

    def since_seal(self) -> list[Entry]:
        """Return the entries of the accounting date the book stands on."""
        return self.entries[self.seals[-1].entries if self.seals else 0 :]

    def first_broken(self) -> int | None:
        """Work everything out again; return the place of the first entry that does not hold.

        The number of entries stands for figures beside them (balances, totals, seals) that differ.
        """
        entries = self.all_entries()
        head, worked = GENESIS, Book(self.on)
        heads = {0: GENESIS}
        for place, entry in enumerate(entries):
            if place == len(self.entries):
                head = self._sealed_head()  # from here on it is the chain of what stands ahead
            head = link(head, entry, self.original_of(entry.core_serial))
            if place < len(self.entries):
                heads[place + 1] = head
            if not self._holds(entry, head, worked):
                return place
            for name, amount_fen in entry.legs:
                account = worked.account(*name.split(":", 1))
                account.balance_fen += amount_fen
                account.booked = True
                worked.totals[account.code] += amount_fen
        same = self.balances() == worked.balances() and self.all_totals() == worked.totals
        return None if same and self._sealed_right(heads) else len(entries)

    def _holds(self, entry: Entry, chain: str, worked: Book) -> bool:
        """Whether an entry balances, is linked, and may stand on the books worked out so far."""
        moves = [(worked.account(*leg.account.split(":", 1)), leg[1]) for leg in entry.legs]
        memo_fen = sum([fen for account, fen in moves if account.code in MEMO])
        return (
            entry.chain == chain
            and entry.core_serial == core_serial(entry.key)
            and memo_fen == 0 == sum([fen for _, fen in moves])
            and not worked.refusal(moves)
        )

    def _sealed_right(self, heads: dict[int, str]) -> bool:
        """Whether each seal stands where its date ends, over the chain of that place."""
        ends = [seal.entries for seal in self.seals]
        days = [seal.on for seal in self.seals]
        for begin, (on, end, chain) in zip([0, *ends], self.seals, strict=False):
            if heads.get(end) != chain or {e.accounting_date for e in self.entries[begin:end]} - {
                on
            }:
                return False
        open_ = {entry.accounting_date for entry in self.since_seal()} - {self.on}
        if open_ or not self._ahead_chained():
            return False
        return days == sorted(set(days)) and all(day < self.on for day in days)


def core_serial(key: Key) -> str:
    """Return the core's own number for a request: minted from its key."""
    return blake2b(told_of(key).encode(), digest_size=8).hexdigest()


def told_of(key: Key) -> str:
    """Return a key in one text; no part of it holds a line break (``keys.check_key``)."""
    bank, channel, day, serial = key
    return f"{bank}\n{channel}\n{day.toordinal()}\n{serial}"


def link(head: str, entry: Entry, original: str) -> str:
    """Return the chain value of an entry that follows ``head``: it covers all that it says."""
    legs = "\n".join([f"{name} {amount_fen}" for name, amount_fen in entry.legs])
    day, told = entry.accounting_date.toordinal(), told_of(entry.key)
    text = f"{head}\n{entry.core_serial}\n{day}\n{entry.kind}\n{original}\n{told}\n{legs}"
    return sha256(text.encode()).hexdigest()
