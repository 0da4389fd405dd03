"""How the tables came to be: a numbered list of changes, and the one way to open a database.

A database says its own version. An older one is brought up to date in one transaction, so that it
is of one version or the other, whatever happens; a newer one is left alone. What stands here once
is never edited, for there are databases made by it; a new change gets the next number.

Why no alembic: the list is short, both engines take their schema changes in transactions, and a
store must be able to open itself, wherever it is, without a folder of scripts beside it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from core.errors import MachineError
from core.store.records import mint

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    Migration = Callable[[Connection], None]

LOCK = 0x6C6F616E  # PostgreSQL's advisory lock: of several stores that open, one migrates

# What version 1 had: columns that only queries read, and rules, by table.
FIRST: dict[str, tuple[str, ...]] = {
    "customer": ("number {word} NOT NULL",),
    "application": (
        "customer {word} NOT NULL",
        "CONSTRAINT application_customer FOREIGN KEY (customer) REFERENCES customer (id)",
    ),
    "line": (
        "limit_fen BIGINT NOT NULL",
        "reserved_fen BIGINT NOT NULL",
        "used_fen BIGINT NOT NULL",
        "CONSTRAINT line_application FOREIGN KEY (id) REFERENCES application (id)",
        "CONSTRAINT line_reserved CHECK (reserved_fen >= 0)",
        "CONSTRAINT line_used CHECK (used_fen >= 0)",
        "CONSTRAINT line_limit CHECK (used_fen + reserved_fen <= limit_fen)",
    ),
    "funding": (
        "quota_fen BIGINT NOT NULL",
        "reserved_fen BIGINT NOT NULL",
        "used_fen BIGINT NOT NULL",
        "CONSTRAINT funding_reserved CHECK (reserved_fen >= 0)",
        "CONSTRAINT funding_used CHECK (used_fen >= 0)",
    ),
    "instruction": (
        "channel {word} NOT NULL",
        "channel_date DATE NOT NULL",
        "serial {word} NOT NULL",
        "settled BOOLEAN NOT NULL",
        "posted_on DATE",
        "CONSTRAINT instruction_key UNIQUE (bank, channel, channel_date, serial)",
    ),
    "loan": ("next_day_end DATE",),
}
PLAIN = (
    "account",
    "audit_event",
    "consent",
    "contract",
    "data_query",
    "day_close",
    "drawdown",
    "loan_lock",
    "repayment",
    "risk_warning",
    "screening",
    "session",
)
FIRST_INDEXES = (
    "customer_number ON customer (number)",
    "application_customer ON application (customer)",
    "instruction_unsettled ON instruction (bank) WHERE NOT settled",
    "instruction_posted ON instruction (bank, posted_on) WHERE posted_on IS NOT NULL",
    "loan_due ON loan (bank, next_day_end) WHERE next_day_end IS NOT NULL",
)


def _words(connection: Connection) -> str:
    """Return the type of ids and the like: put in order by their bytes in either engine."""
    return 'TEXT COLLATE "C"' if connection.dialect.name == "postgresql" else "TEXT"


def first(connection: Connection) -> None:
    """Make every table."""
    word = _words(connection)
    for name, more in {**FIRST, **dict.fromkeys(PLAIN, ())}.items():
        parts = [
            "id {word} NOT NULL PRIMARY KEY",
            "bank {word} NOT NULL",
            "version BIGINT NOT NULL",
            "body JSON NOT NULL",
            *more,
            f"CONSTRAINT {name}_version CHECK (version > 0)",
        ]
        # SQLite wants the columns first; what begins with CONSTRAINT comes after all of them.
        parts.sort(key=lambda part: part.startswith("CONSTRAINT"))
        columns = ", ".join(part.format(word=word) for part in parts)
        connection.execute(text(f"CREATE TABLE {name} ({columns})"))
    writer = f"id {word} NOT NULL PRIMARY KEY, commits BIGINT NOT NULL"
    connection.execute(text(f"CREATE TABLE writer ({writer})"))
    for index in FIRST_INDEXES:
        connection.execute(text(f"CREATE INDEX {index}"))


def reservations(connection: Connection) -> None:
    """Find reservations that lapsed, and a bank's customers and lines, without reading all."""
    connection.execute(text("ALTER TABLE drawdown ADD COLUMN reserved_until_s DOUBLE PRECISION"))
    for draw_id, body in connection.execute(text("SELECT id, body FROM drawdown")).all():
        document = json.loads(body) if isinstance(body, str | bytes) else body
        if document["state"] == "reserved":
            connection.execute(
                text("UPDATE drawdown SET reserved_until_s = :until_s WHERE id = :id"),
                {"until_s": document["expires_s"], "id": draw_id},
            )
    for index in (
        "drawdown_reserved ON drawdown (bank, reserved_until_s) WHERE reserved_until_s IS NOT NULL",
        "customer_bank ON customer (bank)",
        "application_bank ON application (bank)",
        "line_bank ON line (bank)",
    ):
        connection.execute(text(f"CREATE INDEX {index}"))


SIDES = ("id_card_front", "id_card_back")  # in the order in which a customer's pictures stand
# SQLite would take the document for a number if it were cast.
GRANTED = {
    "sqlite": "INSERT INTO object_grant (id, bank, version, body) VALUES (:id, :bank, 1, :body)",
    "postgresql": "INSERT INTO object_grant (id, bank, version, body) "
    "VALUES (:id, :bank, 1, CAST(:body AS JSON))",
}


def pictures(connection: Connection) -> None:
    """Keep the keys of pictures, who was granted them, and who saw them.

    Customers of before are granted the sides of their ID cards, which their records name. Faces of
    before are named nowhere: nobody is shown them.
    """
    word = _words(connection)
    for name in ("access", "object_grant", "object_key"):
        columns = (
            f"id {word} NOT NULL PRIMARY KEY, bank {word} NOT NULL, version BIGINT NOT NULL, "
            f"body JSON NOT NULL, CONSTRAINT {name}_version CHECK (version > 0)"
        )
        connection.execute(text(f"CREATE TABLE {name} ({columns})"))
        connection.execute(text(f"CREATE INDEX {name}_bank ON {name} (bank)"))
    granted = text(GRANTED[connection.dialect.name])
    customers = connection.execute(text("SELECT id, bank, body FROM customer")).all()
    for customer, bank, kept in customers:
        document = json.loads(kept) if isinstance(kept, str | bytes) else kept
        for purpose, key in zip(SIDES, document["pictures"], strict=False):
            grant = {
                "object": key,
                "holder": customer,
                "customer": customer,
                "purpose": purpose,
                "on": None,
            }
            grant_id = mint("G", bank, customer, purpose, key)
            row = {"id": grant_id, "bank": bank, "body": json.dumps(grant)}
            connection.execute(granted, row)


MIGRATIONS: tuple[Migration, ...] = (first, reservations, pictures)


def version_of(connection: Connection, place: str) -> int:
    """Return the version that a database says it has, 0 for an empty one.

    Raises:
        MachineError: it belongs to another program, or does not say.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return 0
    if "schema_version" not in names:
        problem = (
            f"{place} is a database of another program (it has {', '.join(sorted(names)[:3])})"
        )
        raise MachineError(problem, "name another file or database")
    versions = connection.execute(text("SELECT version FROM schema_version")).scalars().all()
    if len(versions) != 1:
        problem = f"{place} does not say which version it has"
        raise MachineError(problem, "restore it from a backup")
    return int(versions[0])


def migrate(connection: Connection, place: str, upto: int = len(MIGRATIONS)) -> None:
    """Bring a database up to date, inside the transaction that the caller has begun.

    Raises:
        MachineError: it is newer than this program.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    found = version_of(connection, place)
    if found > len(MIGRATIONS):
        problem = f"{place} has version {found}, this program knows {len(MIGRATIONS)}"
        raise MachineError(problem, "run the newer program, or restore a backup of before")
    if found == 0:
        connection.execute(text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO schema_version (version) VALUES (0)"))
    for migration in MIGRATIONS[found:upto]:
        migration(connection)
    # Said even where nothing has changed: a database that takes no word is found out now.
    connection.execute(text("UPDATE schema_version SET version = :upto"), {"upto": upto})
