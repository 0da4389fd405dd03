"""A database to keep books in: what its kind must know, and one connection kept alive.

SQLite and PostgreSQL each tell in their own way that they are locked, full, gone or no database
at all; every such word becomes a ``MachineError`` with a remedy. Statements are written with
SQLAlchemy and compiled once; what is done thousands of times a second goes to the driver as it
is, which takes a quarter of the time.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.adapters.sql.codec import decode
from core.adapters.sql.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import URL, Column, ColumnElement, Connection
    from sqlalchemy.sql.elements import ClauseElement

    from core.errors import MachineError

AGAIN_S = 0.05  # between two attempts to reach a server that went away
# What the drivers raise, with SQLAlchemy between or without.
FAILED = (DBAPIError, sqlite3.Error, psycopg.Error)


class Statement(NamedTuple):
    """A statement in the driver's own words, and the names of its parameters in their order."""

    sql: str
    names: tuple[str, ...]

    def row(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters as the driver wants them."""
        return tuple([values[name] for name in self.names])


class Step(NamedTuple):
    """A statement for many rows, and how many must answer to it; None where any number may."""

    statement: Statement
    rows: list[tuple[Any, ...]]
    must: int | None


class Database(ABC):
    """One database. ``place`` names it in messages, without its password."""

    reads_at_once: ClassVar[bool]  # a read is shorter than the way to another thread and back
    insert: ClassVar[Callable[..., Any]]  # the engine's own INSERT, which can pass over conflicts

    def __init__(self, url: URL, patience_s: float, **options: Any) -> None:
        self.place = url.render_as_string(hide_password=True)
        self.patience_s = patience_s
        # Documents come as text, made where the record was given to us. No pool: whoever works
        # here keeps a connection of its own. No message shows a parameter: it may be a customer's.
        self.engine = create_engine(
            url,
            json_serializer=str,
            json_deserializer=decode,
            poolclass=NullPool,
            hide_parameters=True,
            **options,
        )

    def prepare(self) -> None:
        """Bring the tables up to date."""
        with self.engine.connect() as connection:
            self.begin(connection.connection.driver_connection)
            migrate(connection, self.place)
            connection.commit()

    def statement(self, clause: ClauseElement, columns: Iterable[str] = ()) -> Statement:
        """Compile a statement; ``columns`` are those that an UPDATE or an INSERT sets."""
        compiled: Any = clause.compile(self.engine, column_keys=list(columns) or None)
        return Statement(str(compiled), tuple(compiled.positiontup))

    def connect(self, *, reads: bool) -> Connection:
        """Return a new connection: to read only, or to write."""
        del reads
        return self.engine.connect()

    @abstractmethod
    def snapshot(self) -> Connection:
        """Return a new connection in a transaction that sees one moment of all tables."""

    @abstractmethod
    def among(self, column: Column[str]) -> ColumnElement[bool]:
        """Return the condition that a column is among the words of one parameter."""

    @abstractmethod
    def fetch(self, driver: Any, asked: list[tuple[str, list[str]]]) -> list[list[Any]]:
        """Return the rows of several questions, each about several ids."""

    def begin(self, driver: Any) -> None:  # noqa: B027  a hook
        """Begin a transaction that writes."""

    @abstractmethod
    def holds(self, driver: Any, commits: int, steps: list[Step]) -> bool:
        """Take steps inside a transaction; return whether every count was as it must be.

        ``commits`` is what this store has committed when the transaction is.
        """

    def kept(self, driver: Any, commits: int) -> bool:
        """Whether this store has committed so many times; waits for a transaction of its own."""
        raise AssertionError(f"{self.place}: nobody doubts a commit here")

    def check_place(self) -> None:  # noqa: B027  a hook
        """Require that the database is still the one that was opened."""

    def lost(self, error: BaseException) -> bool:
        """Whether the connection broke, which a new one may mend."""
        del error
        return False

    def collided(self, error: BaseException) -> bool:
        """Whether two writers met and the database sent this one back, to try again."""
        del error
        return False

    @abstractmethod
    def told(self, error: BaseException) -> MachineError:
        """Return what the database complains of, with the remedy."""

    def sign_off(self, link: Link) -> None:  # noqa: B027  a hook
        """Leave nothing behind that only an open store needs."""


def cause_of(error: BaseException) -> Any:
    """Return the driver's own error."""
    return error.orig if isinstance(error, DBAPIError) else error


class Link:
    """One connection, made when it is wanted and made again after it broke; one thread's."""

    def __init__(self, database: Database, *, reads: bool) -> None:
        self._database = database
        self._reads = reads
        self._connection: Connection | None = None

    def up(self, until_s: float) -> Connection:
        """Return the connection; wait for a server that is away until ``until_s`` (monotonic).

        Raises:
            MachineError: it is still away then, or there is another reason not to come in.
        """
        while self._connection is None:
            try:
                self._connection = self._database.connect(reads=self._reads)
            except FAILED as error:
                if not self._database.lost(error) or monotonic() > until_s:
                    raise self._database.told(error) from error
                sleep(AGAIN_S)
        return self._connection

    def driver(self, until_s: float) -> Any:
        """Return the driver's connection behind it, for what must be fast."""
        return self.up(until_s).connection.driver_connection

    def drop(self) -> None:
        """Forget the connection: whatever it had not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAILED):  # it may have broken: then there is nobody to say goodbye to
                connection.invalidate()
                connection.close()
