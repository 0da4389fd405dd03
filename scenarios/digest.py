"""The digest of a run: every customer's decisions and every account's entries, and nothing else.

Times, chain hashes, core serials and the order between customers are left out, so that two hosts,
or two orders of arrival, that lead to the same decisions and the same books give the same digest.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.application import Application
from core.lending.book import Loan
from core.store.records import Account, Contract, Customer, Drawdown, Line, Repayment, Screening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.ports.corebank import Ledger
    from core.store.memory import MemoryStore


def digest(store: MemoryStore, ledger: Ledger) -> str:
    """Return the digest of all decisions and entries, 32 hex digits."""
    told = hash_of(decisions(store))
    booked = hash_of(entries(ledger))
    return hash_of([told, booked])


def hash_of(lines: Any) -> str:
    """Return one hash over lines, whatever order they come in."""
    total = blake2b(digest_size=16)
    for line in sorted(lines):
        total.update(line.encode())
        total.update(b"\n")
    return total.hexdigest()


def decisions(store: MemoryStore) -> Iterator[str]:
    """Yield a line for everything that was decided, agreed or owed."""
    tables = store.tables
    for customer in tables[Customer].values():
        yield f"customer {customer.id} {customer.entry} {customer.restricted}"
    for app in tables[Application].values():
        yield _application(app)
    for line in tables[Line].values():
        yield f"line {line.id} {line.limit_fen} {line.used_fen} {line.reserved_fen} {line.frozen}"
    for account in tables[Account].values():
        yield f"account {account.id} {account.customer} {account.opened} {account.bound}"
    for contract in tables[Contract].values():
        yield f"contract {contract.id} {contract.digest}"
    for draw in tables[Drawdown].values():
        yield f"drawdown {draw.id} {draw.amount_fen} {draw.rate_ppm} {draw.state}"
    for paid in tables[Repayment].values():
        yield f"repayment {paid.id} {paid.amount_fen} {paid.state} {sorted(paid.parts.items())}"
    for screening in tables[Screening].values():
        yield f"screening {screening.id} {screening.point} {screening.decision}"
    for loan in tables[Loan].values():
        yield f"loan {loan.id} {loan.state} {loan.category} {loan.outstanding_fen}"


def _application(app: Application) -> str:
    history = ",".join(f"{step}:{to}" for step, to in app.history)
    checks = ",".join(f"{step}:{check}" for step, check, _ in app.checks)
    text = f"application {app.id} {app.product} {app.state} {app.account} {history} {checks}"
    if app.decision is None:
        return text
    made = app.decision
    reasons = ",".join(reason.code for reason in made.reasons)
    return f"{text} {made.score} {made.rating} {made.limit_fen} {made.rate_ppm} {reasons}"


def entries(ledger: Ledger) -> Iterator[str]:
    """Yield a line for every leg of every entry, told by its key."""
    for bank in ledger.banks():
        for entry in ledger.entries(bank):
            serial = f"{bank} {entry.key.serial} {entry.kind}"
            for leg in entry.legs:
                yield f"{serial} {leg.account} {leg.amount_fen}"
