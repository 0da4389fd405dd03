"""Where records of each type stand: how one becomes a row of its table, and a row a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.adapters.sql import schema
from core.adapters.sql.codec import codec, decode, encode
from core.application import Application
from core.errors import MachineError
from core.lending.book import Loan
from core.ports.corebank import Outcome
from core.store import records
from core.store.records import FACTS, DrawState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sqlalchemy import Table

    from core.adapters.sql.codec import Dump, Load

HEAD = ("id", "bank", "version")


def _nothing(record: Any) -> dict[str, Any]:
    del record
    return {}


@dataclass(slots=True, eq=False)
class Shelf:
    """The place of one type of record.

    ``found_by`` returns the columns that only queries read; ``own`` are the fields that stand in
    columns and not in the document.
    """

    record: type
    table: Table
    found_by: Callable[[Any], dict[str, Any]] = _nothing
    own: tuple[str, ...] = ()
    columns: tuple[str, ...] = field(init=False)  # what is read, in this order, then the document
    is_fact: bool = field(init=False)
    rank: int = 0
    _dump: Dump = field(init=False)
    _load: Load = field(init=False)

    def __post_init__(self) -> None:
        self.columns = (*HEAD, *self.own)
        self.is_fact = self.record in FACTS
        self._dump, self._load = codec(self.record)

    def row(self, record: Any) -> dict[str, Any]:
        """Return a record's row as it will stand when it is saved: one version on."""
        document = self._dump(record)
        row = {name: document.pop(name) for name in self.columns}
        row["version"] += 1
        row.update(self.found_by(record))
        row["body"] = encode(document)
        return row

    def read(self, row: Any) -> Any:
        """Return the record of a row: ``columns``, then the document.

        Raises:
            MachineError: we did not write this row, or a later version of us did.
        """
        *values, document = row
        try:
            if type(document) is str:  # from a driver that knows no JSON
                document = decode(document)
            document.update(zip(self.columns, values, strict=True))
            return self._load(document)
        except (AttributeError, LookupError, TypeError, ValueError) as wrong:
            problem = f"{self.table.name} {row[0]} cannot be read ({wrong!r})"
            raise MachineError(problem, "restore it from a backup") from wrong


def _day(on: date | None) -> str | None:
    """Return a date as both drivers take it."""
    return None if on is None else on.isoformat()


def _instruction(order: records.Instruction) -> dict[str, Any]:
    key, answer = order.key, order.answer
    done = answer is not None and answer.outcome is Outcome.DONE
    return {
        "channel": key.channel,
        "channel_date": key.channel_date.isoformat(),
        "serial": key.serial,
        "settled": answer is not None,
        "posted_on": _day(answer.accounting_date) if answer is not None and done else None,
    }


def _drawdown(draw: records.Drawdown) -> dict[str, Any]:
    waits = draw.state is DrawState.RESERVED
    return {"reserved_until_s": draw.expires_s if waits else None}


# In the order in which they are written: what others follow comes first, and two stores that write
# the same rows take them in the same order, so that neither waits for the other in a circle.
_ALL = (
    Shelf(records.Customer, schema.CUSTOMER, lambda customer: {"number": customer.number.text}),
    Shelf(Application, schema.APPLICATION, lambda app: {"customer": app.customer}),
    Shelf(records.Line, schema.LINE, own=("limit_fen", "reserved_fen", "used_fen")),
    Shelf(records.Instruction, schema.INSTRUCTION, _instruction),
    Shelf(records.Drawdown, schema.DRAWDOWN, _drawdown),
    Shelf(Loan, schema.LOAN, lambda loan: {"next_day_end": _day(loan.next_day_end())}),
    Shelf(records.Access, schema.ACCESS),
    Shelf(records.Account, schema.ACCOUNT),
    Shelf(records.AuditEvent, schema.AUDIT_EVENT),
    Shelf(records.Consent, schema.CONSENT),
    Shelf(records.Contract, schema.CONTRACT),
    Shelf(records.DataQuery, schema.DATA_QUERY),
    Shelf(records.DayClose, schema.DAY_CLOSE),
    Shelf(records.Grant, schema.GRANT),
    Shelf(records.LoanLock, schema.LOAN_LOCK),
    Shelf(records.ObjectKey, schema.OBJECT_KEY),
    Shelf(records.Repayment, schema.REPAYMENT),
    Shelf(records.RiskWarning, schema.RISK_WARNING),
    Shelf(records.Screening, schema.SCREENING),
    Shelf(records.Session, schema.SESSION),
    Shelf(records.Funding, schema.FUNDING, own=("quota_fen", "reserved_fen", "used_fen")),
)
SHELVES: dict[type, Shelf] = {shelf.record: shelf for shelf in _ALL}
for _rank, _shelf in enumerate(_ALL):
    _shelf.rank = _rank
