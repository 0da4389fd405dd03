"""The store of the instant and the virtual host: dictionaries, nothing on disk.

``CopyingStore`` hands out and keeps copies, as a database does: what was changed and not saved is
forgotten when the platform dies.
"""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from core.application import Application
from core.lending.book import Loan
from core.store.records import Customer, Instruction, Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.identity import IdNumber
    from core.store.records import Record

R = TypeVar("R", bound="Record")


class MemoryStore:
    """Keeps records by type and id; fulfils :class:`core.store.Store`."""

    def __init__(self) -> None:
        self.tables: defaultdict[type, dict[str, Any]] = defaultdict(dict)
        self._due: defaultdict[str, dict[date, set[str]]] = defaultdict(dict)
        self._due_of: dict[str, date] = {}
        self._lines: defaultdict[str, dict[str, Line]] = defaultdict(dict)
        self._unsettled: defaultdict[str, dict[str, Instruction]] = defaultdict(dict)
        self._indexes: dict[type, Callable[[Any], None]] = {
            Loan: self._index_loan,
            Line: self._index_line,
            Instruction: self._index_instruction,
        }

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return the record of that id, or None."""
        return self.tables[table].get(record_id)

    async def save(self, *records: Record) -> None:
        """Keep all of the records."""
        for record in records:
            table = type(record)
            self.tables[table][record.id] = record
            index = self._indexes.get(table)
            if index is not None:
                index(record)

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of one bank, in the order of their ids."""
        found = [record for record in self.tables[table].values() if record.bank == bank]
        return sorted(found, key=lambda record: str(record.id))

    async def exposure_fen(self, number: IdNumber) -> int:
        """Return the sum of one person's lines at every bank of the union."""
        return sum(line.limit_fen for line in self._lines.get(number.text, {}).values())

    async def loans_due(self, bank: str, on: date) -> list[Loan]:
        """Return the live loans of one bank that the day end of ``on`` must touch, by id."""
        due = self._due[bank]
        ids = sorted(loan_id for day in due if day <= on for loan_id in due[day])
        return [self.tables[Loan][loan_id] for loan_id in ids]

    async def unsettled(self, bank: str) -> list[Instruction]:
        """Return the instructions to one bank's core whose outcome is not known yet, by id."""
        return [record for _, record in sorted(self._unsettled[bank].items())]

    def _index_loan(self, loan: Loan) -> None:
        due, before, after = self._due[loan.bank], self._due_of.get(loan.id), loan.next_day_end()
        if before == after:
            return
        if before is not None:
            due[before].discard(loan.id)
            if not due[before]:
                del due[before]
        if after is None:
            del self._due_of[loan.id]
        else:
            self._due_of[loan.id] = after
            due.setdefault(after, set()).add(loan.id)

    def _index_line(self, line: Line) -> None:
        customer = self.tables[Customer][self.tables[Application][line.id].customer]
        self._lines[customer.number.text][line.id] = line

    def _index_instruction(self, instruction: Instruction) -> None:
        if instruction.answer is None:
            self._unsettled[instruction.bank][instruction.id] = instruction
        else:
            self._unsettled[instruction.bank].pop(instruction.id, None)


class CopyingStore(MemoryStore):
    """The same with copies in and out."""

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return a copy of the record of that id, or None."""
        return deepcopy(await super().get(table, record_id))

    async def save(self, *records: Record) -> None:
        """Keep copies of all of the records."""
        await super().save(*deepcopy(records))

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return copies of every record of one bank, in the order of their ids."""
        return deepcopy(await super().all(table, bank))

    async def loans_due(self, bank: str, on: date) -> list[Loan]:
        """Return copies of the live loans that the day end of ``on`` must touch."""
        return deepcopy(await super().loans_due(bank, on))

    async def unsettled(self, bank: str) -> list[Instruction]:
        """Return copies of the instructions whose outcome is not known yet."""
        return deepcopy(await super().unsettled(bank))
