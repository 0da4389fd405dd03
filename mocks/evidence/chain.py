"""The chain of one bank's deposits: whoever alters one record alters every chain value after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from core.ports.evidence import GENESIS

if TYPE_CHECKING:
    from core.ports.evidence import DepositQuery


def receipt_of(bank: str, query: DepositQuery) -> str:
    """Return the receipt of a deposit: the hash of all that is deposited, so that it is one name.

    The moment is not in it. A deposit whose answer was lost is then the same deposit when it is
    made again.
    """
    lines = (
        f"{bank}\n{query.document}\n{query.digest}\n{query.sm3}\n{query.signature}\n"
        f"{query.public_key}\n{query.certificate}\n{query.consent_version}\n{query.will}"
    )
    return sha256(lines.encode()).hexdigest()


@dataclass(slots=True)
class Record:
    """One deposit; ``before`` and ``chain`` are the chain's values before and with it."""

    bank: str
    query: DepositQuery
    receipt: str
    before: str
    stamped_at: int
    chain: str

    def stamped(self) -> bytes:
        """Return the bytes that the time token stamps; their SHA-256 is the chain's value."""
        return f"{self.before}\n{self.receipt}\n{self.stamped_at}".encode()

    def hangs_on(self, before: str) -> bool:
        """Whether this record is unaltered and follows that chain value."""
        whole = self.receipt == receipt_of(self.bank, self.query)
        linked = self.chain == sha256(self.stamped()).hexdigest()
        return whole and linked and self.before == before


@dataclass(slots=True)
class Chain:
    """One bank's records in order, and by receipt."""

    bank: str
    records: list[Record] = field(default_factory=list)
    by_receipt: dict[str, Record] = field(default_factory=dict)

    def append(self, receipt: str, query: DepositQuery, stamped_at: int) -> Record:
        """Append a record to the chain."""
        before = self.records[-1].chain if self.records else GENESIS
        value = sha256(f"{before}\n{receipt}\n{stamped_at}".encode()).hexdigest()
        record = Record(self.bank, query, receipt, before, stamped_at, value)
        self.records.append(record)
        self.by_receipt[receipt] = record
        return record

    def broken_at(self) -> str:
        """Return the receipt of the first record that does not hang on the one before, or ""."""
        before = GENESIS
        for record in self.records:
            if not record.hangs_on(before):
                return record.receipt
            before = record.chain
        return ""
