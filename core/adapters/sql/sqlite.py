"""Books in one file: SQLite, with a write-ahead log that is on the disk before anybody is told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, event, func, select
from sqlalchemy.dialects.sqlite import insert

from core.adapters.sql.database import Database, cause_of
from core.errors import MachineError

if TYPE_CHECKING:
    from sqlalchemy import URL, Column, ColumnElement, Connection

    from core.adapters.sql.database import Step

READ_PATIENCE_S = 0.5  # a reader may hold up an event loop, and in WAL mode waits for nobody

SAYS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("is locked by another program", "end it, or try again when it is done"),
    sqlite3.SQLITE_LOCKED: ("is locked", "try again"),
    sqlite3.SQLITE_READONLY: ("is read-only", "give us the right to write it and its folder"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "check its disk, then try again"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "restore it from a backup"),
    sqlite3.SQLITE_FULL: ("is full, nothing was saved", "make room on its disk, then try again"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "make its folder, and give us the right to it"),
    sqlite3.SQLITE_NOTADB: ("is no database", "name another file"),
}


class Sqlite(Database):
    """A database in a file."""

    reads_at_once = True
    insert = staticmethod(insert)

    def __init__(self, url: URL, patience_s: float) -> None:
        # No transactions of the driver's own: a writer begins its own, a reader needs none.
        driver = {"isolation_level": None, "check_same_thread": False, "timeout": patience_s}
        super().__init__(url, patience_s, connect_args=driver)
        event.listen(self.engine, "connect", _settings)
        self._path = Path()
        self._file: tuple[int, int] | None = None

    def prepare(self) -> None:
        """Bring the tables up to date, and remember which file this is."""
        with self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA journal_mode = WAL")
            self._path = Path(driver.execute("PRAGMA database_list").fetchone()[2])
        super().prepare()
        self._file = _identity(self._path)

    def connect(self, *, reads: bool) -> Connection:
        """Return a new connection, but to no other file, and never to one that it would make."""
        self.check_place()
        connection = super().connect(reads=reads)
        if reads:
            wait_ms = round(min(self.patience_s, READ_PATIENCE_S) * 1000)
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout = {wait_ms}")
        return connection

    def snapshot(self) -> Connection:
        """Return a new connection in a transaction that sees one moment of all tables."""
        connection = self.connect(reads=True)
        connection.exec_driver_sql("BEGIN")
        return connection

    def among(self, column: Column[str]) -> ColumnElement[bool]:
        """Return the condition that a column is among the words of one parameter, told in JSON."""
        return column.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))

    def fetch(self, driver: Any, asked: list[tuple[str, list[str]]]) -> list[list[Any]]:
        """Return the rows of several questions, each about several ids."""
        return [driver.execute(sql, (json.dumps(ids),)).fetchall() for sql, ids in asked]

    def begin(self, driver: Any) -> None:
        """Begin to write, or wait for whoever does."""
        driver.execute("BEGIN IMMEDIATE")

    def holds(self, driver: Any, commits: int, steps: list[Step]) -> bool:
        """Take steps inside a transaction; return whether every count was as it must be."""
        del commits  # a file's commit is known when it returns
        for (sql, _), rows, must in steps:
            count = driver.executemany(sql, rows).rowcount
            if must is not None and count != must:
                return False
        return True

    def check_place(self) -> None:
        """Require that the file is where it was: what is written to one that is gone, is gone."""
        if self._file is not None and _identity(self._path) != self._file:
            problem = f"{self.place} was removed, or another file put in its place"
            raise MachineError(problem, "put it back, or start again with the file you want")

    def told(self, error: BaseException) -> MachineError:
        """Return what SQLite complains of."""
        cause = cause_of(error)
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        problem, remedy = SAYS.get(code, (f"failed: {cause}", "see the message"))
        return MachineError(f"{self.place} {problem}", remedy)


def _settings(connection: sqlite3.Connection, record: Any) -> None:
    del record
    connection.execute("PRAGMA synchronous = FULL")  # a commit returns when it is on the disk
    connection.execute("PRAGMA foreign_keys = ON")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
