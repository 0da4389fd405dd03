"""Which engine an address means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from core.adapters.sql.postgresql import Postgresql
from core.adapters.sql.sqlite import Sqlite
from core.errors import InputError

if TYPE_CHECKING:
    from core.adapters.sql.database import Database

ENGINES: dict[str, type[Postgresql | Sqlite]] = {"sqlite": Sqlite, "postgresql": Postgresql}
REMEDY = "give sqlite:///FILE or postgresql://USER@HOST/NAME"


def open_database(address: str, patience_s: float) -> Database:
    """Open a database, bring its tables up to date, and return it.

    Raises:
        InputError: the address is none of a file of SQLite's or of PostgreSQL.
        MachineError: no such database, or no database at all, or another program's, or a newer
            one; locked, read-only, damaged, or its disk full.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise InputError(f"store {address!r}", "is no address of a database", REMEDY) from None
    place = f"store {url.render_as_string(hide_password=True)!r}"
    engine = ENGINES.get(url.get_backend_name())
    if engine is None:
        raise InputError(place, "is neither SQLite nor PostgreSQL", REMEDY)
    if engine is Sqlite and url.database in (None, "", ":memory:"):
        raise InputError(place, "names no file, and memory keeps nothing", REMEDY)
    database = engine(url, patience_s)
    try:
        database.prepare()
    except DBAPIError as error:
        raise database.told(error) from error
    return database
