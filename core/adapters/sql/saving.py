"""One save, as it stood when it was asked for: rows to write, and what is added to funding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.adapters.sql.shelves import SHELVES
from core.adapters.sql.tasks import Task
from core.store.records import FundingMove

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.adapters.sql.shelves import Shelf
    from core.store.records import Record


class Put(NamedTuple):
    """A row to be written: a new one, or one that takes the place of the ``before`` version."""

    shelf: Shelf
    id: str
    before: int
    values: dict[str, Any]

    @property
    def is_new(self) -> bool:
        """Whether there must be no such row yet."""
        return self.before == 0

    @property
    def change(self) -> dict[str, Any]:
        """The values that a change of the row needs: which it was, and what it becomes."""
        return {"the_id": self.id, "the_version": self.before, **self.values}


class Move(NamedTuple):
    """What is added to a bank's funding; ``more`` where it must fit into the quota."""

    reserved_fen: int
    used_fen: int
    more: bool

    def along(self, other: Move) -> Move:
        """Return both at once. They fit if they fit together, in one order or the other."""
        reserved_fen = self.reserved_fen + other.reserved_fen
        return Move(reserved_fen, self.used_fen + other.used_fen, self.more or other.more)

    def added(self, bank: str) -> dict[str, Any]:
        """Return what the statement that adds it must know."""
        return {
            "the_id": bank,
            "more_reserved_fen": self.reserved_fen,
            "more_used_fen": self.used_fen,
        }


class Saving(Task):
    """A save to be written, whole or not at all."""

    __slots__ = ("moves", "puts")

    def __init__(self, records: Iterable[Record]) -> None:
        super().__init__()
        self.puts: list[Put] = []
        self.moves: dict[str, Move] = {}
        for record in records:
            if type(record) is FundingMove:
                self._add(record)
            else:
                shelf = SHELVES[type(record)]
                self.puts.append(Put(shelf, record.id, record.version, shelf.row(record)))
        self.puts.sort(key=lambda put: (put.shelf.rank, put.id))
        owned = [(put.shelf.rank, put.id) for put in self.puts if not put.shelf.is_fact]
        assert len(set(owned)) == len(owned), "a record is saved twice in one save"

    def _add(self, move: FundingMove) -> None:
        more = move.reserved_fen + move.used_fen > 0
        added = Move(move.reserved_fen, move.used_fen, more)
        known = self.moves.get(move.bank)
        self.moves[move.bank] = added if known is None else known.along(added)
