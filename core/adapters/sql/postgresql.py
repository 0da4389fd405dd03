"""Books in a server: PostgreSQL, which several stores may write to, and which may go and return."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from sqlalchemy import Text, any_, bindparam, event
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import DBAPIError

from core.adapters.sql.database import Database, cause_of
from core.errors import MachineError

if TYPE_CHECKING:
    from sqlalchemy import URL, Column, ColumnElement, Connection

    from core.adapters.sql.database import Link, Step

CONNECT_S = 5  # how long one attempt to reach the server may take
# A server that vanished without a word is noticed after a quarter of a minute.
ALIVE = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3}

# By the SQLSTATE, or how it begins.
SAYS: dict[str, tuple[str, str]] = {
    "28": ("does not let us in", "check user and password"),
    "3D": ("does not exist", "make it: createdb"),
    "25006": ("is read-only", "connect to the primary server"),
    "42501": ("does not give us the right", "let our user own the database"),
    "53": ("is out of room, nothing was saved", "make room on the server, then try again"),
    "55P03": ("is locked by another program", "end it, or try again when it is done"),
    "57P": ("is starting or stopping", "try again when it is up"),
}
COLLIDED = ("40001", "40P01")  # serialization failure, deadlock
GOING = ("57P01", "57P02", "57P03")  # shut down, crashed, not yet up

MARK = "UPDATE writer SET commits = %s WHERE id = %s"
# The row is locked to be read: a server that has not noticed yet that we are gone still holds it,
# and may still commit.
MARKED = "SELECT commits FROM writer WHERE id = %s FOR UPDATE"
# A server may be set to answer before it has written; we may not.
DURABLY = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


class Postgresql(Database):
    """A database of a PostgreSQL server."""

    reads_at_once = False
    insert = staticmethod(insert)

    def __init__(self, url: URL, patience_s: float) -> None:
        url = url.set(drivername="postgresql+psycopg")
        driver = {"connect_timeout": CONNECT_S, **ALIVE}
        super().__init__(url, patience_s, connect_args=driver, paramstyle="format")
        event.listen(self.engine, "connect", self._settings)
        self._me = uuid4().hex

    def prepare(self) -> None:
        """Bring the tables up to date, and sign in as a writer."""
        super().prepare()
        with self.engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("INSERT INTO writer (id, commits) VALUES (%s, 0)", (self._me,))

    def connect(self, *, reads: bool) -> Connection:
        """Return a new connection; one that reads is in no transaction."""
        connection = super().connect(reads=reads)
        return connection.execution_options(isolation_level="AUTOCOMMIT") if reads else connection

    def snapshot(self) -> Connection:
        """Return a new connection in a transaction that sees one moment of all tables."""
        return self.connect(reads=False).execution_options(isolation_level="REPEATABLE READ")

    def among(self, column: Column[str]) -> ColumnElement[bool]:
        """Return the condition that a column is among the words of one parameter, an array."""
        return column == any_(bindparam("ids", type_=ARRAY(Text)))

    def fetch(self, driver: Any, asked: list[tuple[str, list[str]]]) -> list[list[Any]]:
        """Return the rows of several questions, each about several ids, in one trip."""
        with driver.pipeline() if len(asked) > 1 else nullcontext():
            cursors = [driver.execute(sql, (ids,)) for sql, ids in asked]
        return [cursor.fetchall() for cursor in cursors]

    def holds(self, driver: Any, commits: int, steps: list[Step]) -> bool:
        """Take steps inside a transaction, all in one trip; return whether every count was right.

        The transaction carries its number, so that a commit without an answer can be found again.
        """
        done = []
        with driver.pipeline():
            driver.execute(MARK, (commits, self._me))
            for (sql, _), rows, must in steps:
                cursor = driver.cursor()
                cursor.executemany(sql, rows)
                done.append((cursor, must))
        return all(must is None or cursor.rowcount == must for cursor, must in done)

    def kept(self, driver: Any, commits: int) -> bool:
        """Whether this store has committed so many times; waits for a transaction of its own."""
        found = driver.execute(MARKED, (self._me,)).fetchone()
        driver.rollback()
        return found is not None and found[0] >= commits

    def lost(self, error: BaseException) -> bool:
        """Whether the server went away, or has not come up yet."""
        cause = cause_of(error)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        gone = cause.sqlstate is None and isinstance(cause, psycopg.OperationalError)
        return gone or cause.sqlstate in GOING

    def collided(self, error: BaseException) -> bool:
        """Whether two writers met."""
        return cause_of(error).sqlstate in COLLIDED

    def told(self, error: BaseException) -> MachineError:
        """Return what the server complains of."""
        cause = cause_of(error)
        message = str(cause).strip().partition("\n")[0]
        for begin, (problem, remedy) in SAYS.items():
            if (cause.sqlstate or "").startswith(begin):
                return MachineError(f"{self.place} {problem} ({message})", remedy)
        problem = f"{self.place} cannot be reached" if self.lost(error) else f"{self.place} failed"
        return MachineError(f"{problem} ({message})", "start the server, and check the address")

    def sign_off(self, link: Link) -> None:
        """Take our row away, if the server is there: nobody will ask after our commits again."""
        driver = link.driver(0.0)
        driver.execute("DELETE FROM writer WHERE id = %s", (self._me,))
        driver.commit()

    def _settings(self, connection: Any, record: Any) -> None:
        del record
        connection.execute(f"SET lock_timeout = {round(self.patience_s * 1000)}")
        connection.execute(DURABLY)
        connection.commit()
