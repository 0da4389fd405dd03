"""Locks (挂起): a loan that the book or the core could not carry on with waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.flow.platform import until_saved
from core.store.records import AuditEvent, LoanLock, mint

if TYPE_CHECKING:
    from datetime import date

    from core.flow.platform import Platform


async def lock_of(platform: Platform, loan_id: str) -> LoanLock | None:
    """Return the lock of a loan that waits for a person."""
    found = await platform.store.get(LoanLock, loan_id)
    return found if found is not None and not found.lifted else None


async def lock(platform: Platform, bank: str, loan_id: str, on: date, why: str) -> None:
    """Lock a loan that could not be turned; nothing else is done with it until it is lifted."""

    async def write() -> None:
        found = await platform.store.get(LoanLock, loan_id) or LoanLock(loan_id, bank, on, why)
        found.on, found.why, found.lifted = on, why, False
        name = mint("E", "locked", loan_id, str(on))
        await platform.store.save(found, AuditEvent(name, bank, "loan_locked", loan_id, on, why))

    await until_saved(write)


async def unlock(platform: Platform, loan_id: str) -> None:
    """Lift a lock, once a person has mended the loan: the next day end catches up."""

    async def write() -> None:
        found = await platform.store.get(LoanLock, loan_id)
        if found is not None and not found.lifted:
            found.lifted = True
            await platform.store.save(found)

    await until_saved(write)
