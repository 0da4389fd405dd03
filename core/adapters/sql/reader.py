"""What is read: records by their ids, gathered into one question a table, and lists."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import bindparam, select

from core.adapters.sql.database import FAILED, Link
from core.adapters.sql.shelves import SHELVES
from core.adapters.sql.tasks import Task
from core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Select

    from core.adapters.sql.database import Database
    from core.adapters.sql.shelves import Shelf

    Ask = Callable[[Connection], Any]

T = TypeVar("T")


def rows_of(shelf: Shelf) -> Select[Any]:
    """Return the question for a shelf's rows, as the shelf reads them."""
    columns = shelf.table.c
    return select(*(columns[name] for name in shelf.columns), columns.body)


class Get(Task):
    """One record wanted by its id."""

    __slots__ = ("id", "shelf")

    def __init__(self, shelf: Shelf, record_id: str) -> None:
        super().__init__()
        self.shelf = shelf
        self.id = record_id


class Question(Task):
    """Anything else wanted of the database."""

    __slots__ = ("ask",)

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask


class Reader:
    """Reads from one database, over one connection, what is committed by then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._link = Link(database, reads=True)
        self._lock = Lock()
        self._one: dict[Shelf, str] = {}
        self._many: dict[Shelf, str] = {}
        for shelf in SHELVES.values():
            rows, column = rows_of(shelf), shelf.table.c.id
            self._one[shelf] = database.statement(rows.where(column == bindparam("id"))).sql
            self._many[shelf] = database.statement(rows.where(database.among(column))).sql

    def get(self, shelf: Shelf, record_id: str) -> Any:
        """Return one record, or None."""
        sql = self._one[shelf]

        def ask(until_s: float) -> Any:
            return self._link.driver(until_s).execute(sql, (record_id,)).fetchone()

        row = self._patiently(ask)
        return None if row is None else shelf.read(row)

    def run(self, ask: Callable[[Connection], T]) -> T:
        """Ask the database something.

        Raises:
            MachineError: it gives no answer.
        """
        return self._patiently(lambda until_s: ask(self._link.up(until_s)))

    def answer(self, tasks: list[Get | Question]) -> None:
        """Answer a batch: one question a table for all the records that are wanted of it."""
        wanted: defaultdict[Shelf, list[Get]] = defaultdict(list)
        for task in tasks:
            if isinstance(task, Get):
                wanted[task.shelf].append(task)
            else:
                _tell([task], partial(self._ask, task))
        if wanted:
            gets = [get for several in wanted.values() for get in several]
            _tell(gets, lambda: self._get_all(wanted))

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._link.drop()

    def _ask(self, task: Question) -> None:
        task.value = self.run(task.ask)

    def _get_all(self, wanted: dict[Shelf, list[Get]]) -> None:
        asked = [(self._many[shelf], list({get.id for get in wanted[shelf]})) for shelf in wanted]

        def ask(until_s: float) -> list[list[Any]]:
            return self._database.fetch(self._link.driver(until_s), asked)

        for (shelf, gets), rows in zip(wanted.items(), self._patiently(ask), strict=True):
            found = {row[0]: row for row in rows}
            for get in gets:
                row = found.get(get.id)
                get.value = None if row is None else shelf.read(row)

    def _patiently(self, ask: Callable[[float], T]) -> T:
        """Ask, again where the server went away meanwhile."""
        until_s = monotonic() + self._database.patience_s
        with self._lock:
            while True:
                try:
                    return ask(until_s)
                except FAILED as error:
                    self._link.drop()
                    if not self._database.lost(error) or monotonic() > until_s:
                        raise self._database.told(error) from error


def _tell(tasks: Sequence[Task], act: Callable[[], None]) -> None:
    """Do something for tasks; where the machine lacks something, each of them is told."""
    try:
        act()
    except MachineError as no:
        for task in tasks:
            task.error = MachineError(*no.args)
