"""Where the platforms behind a server keep their records: a fresh place in a database for each.

The mocks' worlds are in memory and new at every start, and records that belong to another world
would be wrong about it. So each tenant that is opened has a place of its own: a file beside the
others, or a schema. Nothing is ever deleted: an older file moves aside, an older schema stays.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import psycopg

from core.adapters.sql import SqlStore
from core.adapters.sql.engines import REMEDY
from core.adapters.sql.shelves import SHELVES
from core.errors import InputError, MachineError
from core.store.records import Funding
from mocks.tenant import DEFAULT

CONNECT_S = 5  # one attempt to reach a server
WAIT_S = 1.0  # for another program's lock on a file
NAME_MAX = 40  # of a tenant's name in a schema's, which PostgreSQL cuts at 63
OF_SQLITE = ("wal", "shm", "journal")  # SQLite's own files stand beside a database as FILE-wal
SQLITE = "sqlite:///"


class Places(Protocol):
    """The places of one server's tenants."""

    def make(self, tenant: str) -> str:
        """Make a fresh place for a tenant; return its address.

        Raises:
            MachineError: the database is away, locked, or no database.
        """
        ...


def places_of(address: str) -> Places:
    """Return the places in the database at an address.

    Raises:
        InputError: it is no address of a file of SQLite's or of PostgreSQL.
    """
    parts = _parts(address)
    if parts is not None and parts.scheme == "sqlite":
        file = address.removeprefix(SQLITE).partition("?")[0]
        if not address.startswith(SQLITE) or file in ("", ":memory:"):
            raise InputError("--db", "names no file, and memory keeps nothing", REMEDY)
        return Files(Path(file))
    if parts is None or parts.scheme != "postgresql" or not parts.path.strip("/"):
        raise InputError("--db", f"{shown_of(address)!r} is no address of a database", REMEDY)
    return Schemas(address)


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018  a port that is none shows here
    except ValueError:
        return None
    return parts


def shown_of(address: str) -> str:
    """Return an address without its password."""
    return re.sub(r"(?<=//)([^/@:]*):[^/@]*@", r"\1:***@", address)


class Files:
    """Files of SQLite: FILE for the default tenant, FILE-NAME beside it for another."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def make(self, tenant: str) -> str:
        """Make room for a tenant's file, and return the address; what stood there moves to .1."""
        file = self._file
        if tenant != DEFAULT:
            own = f"{tenant}~" if tenant in OF_SQLITE else tenant
            file = file.with_name(f"{file.name}-{own}")
        if file.exists():
            _close_down(file)
            _move_aside(file)
        return f"{SQLITE}{file}"


def _close_down(file: Path) -> None:
    """Have a database be one file that nobody uses, or say who stands in the way.

    Raises:
        MachineError: somebody else has it open, or it is no database.
    """
    try:
        with closing(sqlite3.connect(file, timeout=WAIT_S)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        problem, remedy = f"cannot be used ({error})", "name another file"
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        ):
            problem, remedy = "is locked by another program", "end it, or name another file"
        raise MachineError(f"store '{SQLITE}{file}' {problem}", remedy) from error


def _move_aside(file: Path) -> None:
    """Move a file to .1, and what stood there to the next free number."""

    def numbered(number: int) -> Path:
        return file.with_name(f"{file.name}.{number}")

    try:
        if numbered(1).exists():
            numbered(1).rename(next(free for n in count(2) if not (free := numbered(n)).exists()))
        file.rename(numbered(1))
    except OSError as error:
        problem = f"cannot move {file} aside ({error.strerror or error})"
        raise MachineError(problem, "give us the right to its folder, or name another") from error


class Schemas:
    """Schemas of a database of PostgreSQL, each named after its tenant and a number of its own."""

    def __init__(self, address: str) -> None:
        self._address = address

    def make(self, tenant: str) -> str:
        """Make a schema, and return the address that leads into it.

        Raises:
            MachineError: the server cannot be reached, or lets us make none.
        """
        plain = re.sub(r"[^a-z0-9]", "_", tenant.lower())[:NAME_MAX]
        shown = shown_of(self._address)
        try:
            with psycopg.connect(
                self._address, autocommit=True, connect_timeout=CONNECT_S
            ) as connection:
                schema = _new_schema(connection, f"loanrange_{plain}_")
        except psycopg.Error as error:
            told = str(error).strip().partition("\n")[0]
            reached = not isinstance(error, psycopg.OperationalError)
            problem = "gives us no schema" if reached else "cannot be reached"
            remedy = "let our user make schemas" if reached else "start it, and check the address"
            raise MachineError(f"store '{shown}' {problem} ({told})", remedy) from error
        return self._leading_to(schema)

    def _leading_to(self, schema: str) -> str:
        """Return the address with a search path, beside whatever options it has."""
        begin, _, query = self._address.partition("?")
        told = dict(parse_qsl(query, keep_blank_values=True))
        told["options"] = f"{told.get('options', '')} -csearch_path={schema}".strip()
        return f"{begin}?{urlencode(told, quote_via=quote)}"


def _new_schema(connection: psycopg.Connection, begin: str) -> str:
    """Make the next schema whose name begins like this; another server may do so meanwhile."""
    found = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (begin,)
    ).fetchall()
    taken = [int(name[len(begin) :]) for (name,) in found if name[len(begin) :].isdecimal()]
    for number in count(max(taken, default=0) + 1):
        try:
            connection.execute(f'CREATE SCHEMA "{begin}{number}"'.encode())
        except psycopg.errors.DuplicateSchema:
            continue
        return f"{begin}{number}"
    raise AssertionError("numbers do not end")


class Kept(SqlStore):
    """A store in a place of its own: no snapshot of a world holds it."""

    def hold(self) -> None:
        """Look once, which keeps a connection open: nobody else takes the place for free then."""
        self._near.get(SHELVES[Funding], "")

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied: a world that was put back would meet records of later days."""
        raise TypeError("its platform's records, which are in a database (serve --db)")


def open_place(places: Places, tenant: str) -> tuple[Kept, str]:
    """Make a fresh place for a tenant, open the store in it; return it and where it is."""
    address = places.make(tenant)
    store = Kept(address)
    store.hold()
    return store, shown_of(address)
