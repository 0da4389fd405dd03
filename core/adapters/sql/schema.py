"""The tables as they are now, one for each type of record, the same in SQLite and PostgreSQL.

A row has the record's id, its bank, its version, what a query looks for, and the rest as a JSON
document. Money that two people may reach for at once (lines, funding) stands in columns alone,
where the database itself refuses what cannot be. How the tables came to be, and what becomes of
older ones, is in ``migrations.py``; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    not_,
)

METADATA = MetaData()
# Ids are put in order by their bytes, as Python does it, whatever the database's own language.
WORD = Text().with_variant(Text(collation="C"), "postgresql")

SCHEMA_VERSION = Table("schema_version", METADATA, Column("version", Integer, nullable=False))

# How many times each open store has committed (PostgreSQL only): one that lost its connection in
# the middle of a commit sees here what became of it.
WRITER = Table(
    "writer",
    METADATA,
    Column("id", WORD, primary_key=True),
    Column("commits", BigInteger, nullable=False),
)


def _records(name: str, *more: Any) -> Table:
    """Return the table of one type of record, with what all of them have."""
    return Table(
        name,
        METADATA,
        Column("id", WORD, primary_key=True),
        Column("bank", WORD, nullable=False),
        Column("version", BigInteger, nullable=False),
        *more,
        Column("body", JSON, nullable=False),
        CheckConstraint("version > 0", name=f"{name}_version"),
    )


def _word(name: str) -> Column[str]:
    return Column(name, WORD, nullable=False)


def _fen(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _follows(name: str, column: str, table: Table) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([column], [table.c.id], name=name)


CUSTOMER = _records("customer", _word("number"))
APPLICATION = _records(
    "application", _word("customer"), _follows("application_customer", "customer", CUSTOMER)
)
LINE = _records(
    "line",
    _fen("limit_fen"),
    _fen("reserved_fen"),
    _fen("used_fen"),
    _follows("line_application", "id", APPLICATION),  # whose customer's exposure it adds to
    CheckConstraint("reserved_fen >= 0", name="line_reserved"),
    CheckConstraint("used_fen >= 0", name="line_used"),
    CheckConstraint("used_fen + reserved_fen <= limit_fen", name="line_limit"),
)
FUNDING = _records(
    "funding",
    _fen("quota_fen"),  # may be set below what is lent: that only stops new drawdowns
    _fen("reserved_fen"),
    _fen("used_fen"),
    CheckConstraint("reserved_fen >= 0", name="funding_reserved"),
    CheckConstraint("used_fen >= 0", name="funding_used"),
)
INSTRUCTION = _records(
    "instruction",
    _word("channel"),
    Column("channel_date", Date, nullable=False),
    _word("serial"),
    Column("settled", Boolean(create_constraint=False), nullable=False),
    Column("posted_on", Date),
    UniqueConstraint("bank", "channel", "channel_date", "serial", name="instruction_key"),
)
DRAWDOWN = _records("drawdown", Column("reserved_until_s", Double))
LOAN = _records("loan", Column("next_day_end", Date))

ACCESS = _records("access")
ACCOUNT = _records("account")
AUDIT_EVENT = _records("audit_event")
CONSENT = _records("consent")
CONTRACT = _records("contract")
DATA_QUERY = _records("data_query")
DAY_CLOSE = _records("day_close")
GRANT = _records("object_grant")  # GRANT is a word of SQL's own
LOAN_LOCK = _records("loan_lock")
OBJECT_KEY = _records("object_key")
REPAYMENT = _records("repayment")
RISK_WARNING = _records("risk_warning")
SCREENING = _records("screening")
SESSION = _records("session")


def _index(name: str, *columns: Column[Any], where: Any = None) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


_index("customer_number", CUSTOMER.c.number)
_index("customer_bank", CUSTOMER.c.bank)
_index("application_customer", APPLICATION.c.customer)
_index("application_bank", APPLICATION.c.bank)
_index("line_bank", LINE.c.bank)
_index("access_bank", ACCESS.c.bank)
_index("object_grant_bank", GRANT.c.bank)
_index("object_key_bank", OBJECT_KEY.c.bank)
# Few are unsettled, reserved or due at a time: the indexes know only those.
_index("instruction_unsettled", INSTRUCTION.c.bank, where=not_(INSTRUCTION.c.settled))
_index(
    "instruction_posted",
    INSTRUCTION.c.bank,
    INSTRUCTION.c.posted_on,
    where=INSTRUCTION.c.posted_on.is_not(None),
)
_index(
    "drawdown_reserved",
    DRAWDOWN.c.bank,
    DRAWDOWN.c.reserved_until_s,
    where=DRAWDOWN.c.reserved_until_s.is_not(None),
)
_index("loan_due", LOAN.c.bank, LOAN.c.next_day_end, where=LOAN.c.next_day_end.is_not(None))
