"""The two witnesses an invariant reads, and what it says when they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from core.store.records import Instruction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from core.ports.corebank import Entry, Key, Ledger
    from core.products import Product

R = TypeVar("R")

REVERSAL = "reverse"  # the kind of an entry that undoes another


class Violation(NamedTuple):
    """One invariant that does not hold, and of what."""

    invariant: str
    problem: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.problem}"


@dataclass
class Books:
    """The platform's records by type and id, the core bank's ledger, and the products.

    ``strict`` judges every product by the prudent policy, whatever its own. ``now_s`` is when the
    books were opened: an instruction sent just before may still have its customer waiting.
    ``start`` is the day on which business time began; without it, evidence and payout are compared
    by their days.

    What several invariants read is worked out once: books are opened, judged and closed again.
    """

    tables: Mapping[type, Mapping[str, Any]]
    ledger: Ledger
    products: Mapping[str, Product]
    strict: bool = False
    now_s: float = float("inf")
    start: date | None = None

    def all(self, table: type[R]) -> Iterable[R]:
        """Return every record of a type."""
        return self.tables.get(table, {}).values()

    def get(self, table: type[R], record_id: str) -> R | None:
        """Return one record, or None."""
        return self.tables.get(table, {}).get(record_id)

    @cached_property
    def busy(self) -> set[str]:
        """The loans, and other subjects, for which something is on its way."""
        open_ = [order for order in self.all(Instruction) if order.answer is None]
        named = {getattr(order.query, "loan", "") for order in open_}
        return (named | {order.subject for order in open_}) - {""}

    @cached_property
    def entries(self) -> list[tuple[str, Entry]]:
        """Every entry of every bank, with the bank."""
        return [
            (bank, entry) for bank in self.ledger.banks() for entry in self.ledger.entries(bank)
        ]

    @cached_property
    def posted(self) -> dict[Key, Entry]:
        """Every entry by its key; the last one, where a key has several."""
        return {entry.key: entry for _, entry in self.entries}

    @cached_property
    def undone(self) -> set[tuple[str, str]]:
        """The serials, each with its bank, of the entries that were reversed."""
        return {
            (bank, self.ledger.original_of(bank, entry.core_serial))
            for bank, entry in self.entries
            if entry.kind == REVERSAL
        }

    @cached_property
    def balances(self) -> dict[str, dict[str, int]]:
        """Every bank's running balances by account."""
        return {bank: self.ledger.balances(bank) for bank in self.ledger.banks()}
