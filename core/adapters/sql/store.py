"""The durable store: the platform's memory in SQLite or PostgreSQL; fulfils the store's Protocol.

In an event loop, saves go to a thread that writes all that has gathered in one transaction, and
lists to one that reads. Where no loop runs, as on the instant host, everything is done on the
spot, and nothing is awaited.
"""

from __future__ import annotations

from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, not_, select

from core.adapters.sql.database import FAILED
from core.adapters.sql.engines import open_database
from core.adapters.sql.reader import Get, Question, Reader, rows_of
from core.adapters.sql.saving import Saving
from core.adapters.sql.schema import APPLICATION, CUSTOMER, DRAWDOWN, INSTRUCTION, LINE, LOAN
from core.adapters.sql.shelves import SHELVES
from core.adapters.sql.tasks import Worker
from core.adapters.sql.writer import Writer
from core.lending.book import Loan
from core.store.records import FACTS, Drawdown, FundingMove, Instruction

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import ColumnElement, Connection

    from core.identity import IdNumber
    from core.store.records import Record

R = TypeVar("R", bound="Record")

PATIENCE_S = 10.0


class SqlStore:
    """Keeps records in a database; fulfils :class:`core.store.Store`.

    ``patience_s`` is how long another program's lock, or a server that went away, is waited for
    before a call ends in a ``MachineError``. Nothing is lost then, and the next call tries anew.
    """

    def __init__(self, address: str, patience_s: float = PATIENCE_S) -> None:
        """Open the database at ``address`` and bring it up to date.

        Raises:
            InputError: the address is none of a file of SQLite's or of PostgreSQL.
            MachineError: there is no database, or none that we can use; the remedy is named.
        """
        self._database = open_database(address, patience_s)
        self._writer = Writer(self._database)
        self._near = Reader(self._database)  # read by whoever asks, in their own thread
        self._far = Reader(self._database)
        self._saves = Worker("store-writes", self._writer.write)
        self._reads: Worker[Get | Question] = Worker("store-reads", self._far.answer)

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return the record of that id, or None."""
        shelf = SHELVES[table]
        if self._database.reads_at_once or _get_running_loop() is None:
            return self._near.get(shelf, record_id)  # type: ignore[no-any-return]
        return await self._reads.ask(Get(shelf, record_id))  # type: ignore[no-any-return]

    async def save(self, *records: Record) -> None:
        """Keep all of the records, or none, and count their versions up.

        Raises:
            Stale, Refused: as :class:`core.store.Store` says.
            MachineError: the database takes nothing at the moment.
        """
        if not records:
            return
        saving = Saving(records)
        if _get_running_loop() is None:
            self._writer.write([saving])
            saving.outcome()
        else:
            await self._saves.ask(saving)
        for record in records:
            if type(record) not in FACTS and type(record) is not FundingMove:
                record.version += 1

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of one bank, in the order of their ids."""
        return await self._list(table, SHELVES[table].table.c.bank == bank)

    async def exposure_fen(self, number: IdNumber) -> int:
        """Return the sum of one person's lines at every bank of the union."""
        owned = select(func.coalesce(func.sum(LINE.c.limit_fen), 0)).select_from(
            LINE.join(APPLICATION).join(CUSTOMER)
        )
        asked = owned.where(CUSTOMER.c.number == number.text)
        return int(await self._ask(lambda connection: connection.execute(asked).scalar_one()))

    async def loans_due(self, bank: str, on: date) -> list[Loan]:
        """Return the live loans of one bank that the day end of ``on`` must touch, by id."""
        return await self._list(Loan, LOAN.c.bank == bank, LOAN.c.next_day_end <= on)

    async def unsettled(self, bank: str) -> list[Instruction]:
        """Return the instructions to one bank's core whose outcome is not known yet, by id."""
        open_ones = not_(INSTRUCTION.c.settled)
        return await self._list(Instruction, INSTRUCTION.c.bank == bank, open_ones)

    async def posted_on(self, bank: str, on: date) -> list[Instruction]:
        """Return the instructions that one bank's core has posted on an accounting date, by id."""
        posted = INSTRUCTION.c.posted_on == on
        return await self._list(Instruction, INSTRUCTION.c.bank == bank, posted)

    async def lapsed(self, bank: str, now_s: float) -> list[Drawdown]:
        """Return the drawdowns whose reservation has expired and was not released yet, by id."""
        over = DRAWDOWN.c.reserved_until_s <= now_s
        return await self._list(Drawdown, DRAWDOWN.c.bank == bank, over)

    @property
    def tables(self) -> dict[type, dict[str, Any]]:
        """Everything at one moment, by type and id, as the store in memory shows it.

        For auditors and tests: it is read here and now, and takes as long as the books are.
        """
        try:
            with self._database.snapshot() as connection:
                return {
                    shelf.record: {
                        row[0]: shelf.read(row) for row in connection.execute(rows_of(shelf))
                    }
                    for shelf in SHELVES.values()
                }
        except FAILED as error:
            raise self._database.told(error) from error

    def close(self) -> None:
        """Finish what was asked, and close the database."""
        self._saves.close()
        self._reads.close()
        self._writer.close()
        self._near.close()
        self._far.close()

    async def _list(self, table: type[R], *conditions: ColumnElement[bool]) -> list[R]:
        shelf = SHELVES[table]
        asked = rows_of(shelf).where(*conditions).order_by(shelf.table.c.id)

        def ask(connection: Connection) -> list[R]:
            return [shelf.read(row) for row in connection.execute(asked)]

        return await self._ask(ask)  # type: ignore[no-any-return]

    async def _ask(self, ask: Any) -> Any:
        if _get_running_loop() is None:
            return self._near.run(ask)
        return await self._reads.ask(Question(ask))
