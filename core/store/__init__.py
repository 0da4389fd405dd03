"""What the platform remembers: records, and the Protocol of the store that keeps them.

A store keeps whole records by their id and saves several of them at once or not at all. It
refuses a record that somebody else has saved since it was read, so nothing is ever written over
unseen: the condition is part of the write. The flow changes a record only right before it saves
it, with nothing awaited in between, so a store that hands out copies (SQL) and one that hands out
the records themselves (memory) behave the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import date

    from core.identity import IdNumber
    from core.lending.book import Loan
    from core.store.records import Drawdown, Instruction, Record

R = TypeVar("R", bound="Record")


class Store(Protocol):
    """Where the platform keeps its records."""

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return the record of that id, or None."""
        ...

    async def save(self, *records: Record) -> None:
        """Keep all of the records, or none, and count their versions up.

        A ``FundingMove`` among them is added to its bank's ``Funding``, where it has one. Of
        ``FACTS`` (core/store/records.py) the first of an id is kept, and a later one passed over.

        Raises:
            Stale: somebody else saved one of them since it was read (or made one of its id).
            Refused: FUNDING_FULL, the bank's quota does not hold what a FundingMove adds.
        """
        ...

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of one bank, in the order of their ids."""
        ...

    async def exposure_fen(self, number: IdNumber) -> int:
        """Return the sum of one person's lines at every bank of the union."""
        ...

    async def loans_due(self, bank: str, on: date) -> list[Loan]:
        """Return the live loans of one bank that the day end of ``on`` must touch, by id."""
        ...

    async def unsettled(self, bank: str) -> list[Instruction]:
        """Return the instructions to one bank's core whose outcome is not known yet, by id."""
        ...

    async def posted_on(self, bank: str, on: date) -> list[Instruction]:
        """Return the instructions that one bank's core has posted on an accounting date, by id."""
        ...

    async def lapsed(self, bank: str, now_s: float) -> list[Drawdown]:
        """Return the drawdowns whose reservation has expired and was not released yet, by id."""
        ...
