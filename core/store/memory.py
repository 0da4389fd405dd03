"""The store of the instant and the virtual host: dictionaries, nothing on disk.

``CopyingStore`` hands out and keeps copies, as a database does: what was changed and not saved is
forgotten when the platform dies.
"""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from core.application import Application, Reason
from core.errors import Refused, Stale
from core.lending.book import Loan
from core.ports.corebank import Outcome
from core.store.records import (
    FACTS,
    Customer,
    Drawdown,
    DrawState,
    Funding,
    FundingMove,
    Instruction,
    Line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
        self._posted: defaultdict[tuple[str, date], dict[str, Instruction]] = defaultdict(dict)
        self._reserved: defaultdict[str, dict[str, Drawdown]] = defaultdict(dict)
        self._indexes: dict[type, Callable[[Any], None]] = {
            Drawdown: self._index_drawdown,
            Loan: self._index_loan,
            Line: self._index_line,
            Instruction: self._index_instruction,
        }

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return the record of that id, or None."""
        return self.tables[table].get(record_id)

    async def save(self, *records: Record) -> None:
        """Keep all of the records, or none."""
        self._may_save(records)
        self._keep(records)

    def _may_save(self, records: tuple[Record, ...]) -> None:
        """Require that nobody else saved these records since they were read, and that they fit.

        Raises:
            Stale: somebody did.
            Refused: a bank's funding does not hold what is to be added.
        """
        tables = self.tables
        for record in records:
            table = type(record)
            held = tables[table].get(record.id)
            if held is record:
                continue
            if table is FundingMove:
                self._may_lend(record)  # type: ignore[arg-type]
            elif (held.version if held else 0) != record.version and not (held and table in FACTS):
                raise Stale("store.save", f"{table.__name__} {record.id} was saved meanwhile")

    def _may_lend(self, move: FundingMove) -> None:
        funding: Funding | None = self.tables[Funding].get(move.bank)
        if funding is None:
            return
        reserved_fen = funding.reserved_fen + move.reserved_fen
        used_fen = funding.used_fen + move.used_fen
        assert reserved_fen >= 0, f"{move.bank}: more given back than was reserved"
        more = move.reserved_fen + move.used_fen > 0
        if more and reserved_fen + used_fen > funding.quota_fen:
            raise Refused(Reason.FUNDING_FULL, move.bank)

    def _keep(self, records: Iterable[Record]) -> None:
        """Keep records that may be saved."""
        tables, indexes = self.tables, self._indexes
        for record in records:
            table = type(record)
            if table is FundingMove:
                self._lend(record)  # type: ignore[arg-type]
                continue
            held = tables[table]
            if table in FACTS and record.id in held:
                continue
            record.version += 1
            held[record.id] = record
            if table in indexes:
                indexes[table](record)

    def _lend(self, move: FundingMove) -> None:
        funding: Funding | None = self.tables[Funding].get(move.bank)
        if funding is not None:
            funding.reserved_fen += move.reserved_fen
            funding.used_fen += move.used_fen

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

    async def posted_on(self, bank: str, on: date) -> list[Instruction]:
        """Return the instructions that one bank's core has posted on an accounting date, by id."""
        return [record for _, record in sorted(self._posted[bank, on].items())]

    async def lapsed(self, bank: str, now_s: float) -> list[Drawdown]:
        """Return the drawdowns whose reservation has expired and was not released yet, by id."""
        reserved = self._reserved[bank]
        return [draw for _, draw in sorted(reserved.items()) if draw.expires_s <= now_s]

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
        answer = instruction.answer
        if answer is None:
            self._unsettled[instruction.bank][instruction.id] = instruction
            return
        self._unsettled[instruction.bank].pop(instruction.id, None)
        if answer.outcome is Outcome.DONE and answer.accounting_date is not None:
            self._posted[instruction.bank, answer.accounting_date][instruction.id] = instruction

    def _index_drawdown(self, drawdown: Drawdown) -> None:
        if drawdown.state is DrawState.RESERVED:
            self._reserved[drawdown.bank][drawdown.id] = drawdown
        else:
            self._reserved[drawdown.bank].pop(drawdown.id, None)


class CopyingStore(MemoryStore):
    """The same with copies in and out."""

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return a copy of the record of that id, or None."""
        return deepcopy(await super().get(table, record_id))

    async def save(self, *records: Record) -> None:
        """Keep copies of all of the records, or of none."""
        self._may_save(records)
        self._keep([deepcopy(record) for record in records])
        for record in records:
            if type(record) not in FACTS:
                record.version += 1

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return copies of every record of one bank, in the order of their ids."""
        return deepcopy(await super().all(table, bank))

    async def loans_due(self, bank: str, on: date) -> list[Loan]:
        """Return copies of the live loans that the day end of ``on`` must touch."""
        return deepcopy(await super().loans_due(bank, on))

    async def unsettled(self, bank: str) -> list[Instruction]:
        """Return copies of the instructions whose outcome is not known yet."""
        return deepcopy(await super().unsettled(bank))

    async def posted_on(self, bank: str, on: date) -> list[Instruction]:
        """Return copies of the instructions that were posted on an accounting date."""
        return deepcopy(await super().posted_on(bank, on))

    async def lapsed(self, bank: str, now_s: float) -> list[Drawdown]:
        """Return copies of the drawdowns whose reservation has expired."""
        return deepcopy(await super().lapsed(bank, now_s))
