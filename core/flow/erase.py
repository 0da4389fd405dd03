"""Erase a picture by law: its key is destroyed, its ciphertext goes, an audit entry stays.

Pictures are kept for good until somebody has a lawful ground. The duty to keep comes before the
duty to delete: where a law's retention period is not over, personal information is not deleted but
only kept (PIPL art. 47, second paragraph). So nothing is erased on which an open application or a
loan rests, nor before the records of a business relationship may go: five years after its end (AML
Law of 2007, art. 19), ten since 1 January 2025 (AML Law as revised in 2024, art. 34). Only an order
of a court or an authority goes before that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from core.application import Application, State
from core.errors import InputError, ProviderError
from core.flow.platform import until_saved
from core.lending.book import Loan
from core.lending.loan import ENDED
from core.store.records import AuditEvent, Grant, Line, ObjectKey, Repayment, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform
    from core.store import Store


class Ground(StrEnum):
    """Why a picture may be erased."""

    NOT_NEEDED = "not_needed"
    PERIOD_OVER = "period_over"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNLAWFUL = "unlawful"
    ORDER = "order"


class Law(NamedTuple):
    """What a ground rests on.

    ``ends_early``: it ends, too, what an application began that has led to nothing yet.
    ``goes_first``: even before the duty to keep.
    """

    source: str
    ends_early: bool = False
    goes_first: bool = False


GROUNDS: dict[Ground, Law] = {
    Ground.NOT_NEEDED: Law("PIPL art. 47 (1)"),
    Ground.PERIOD_OVER: Law("PIPL art. 47 (2)"),
    Ground.CONSENT_WITHDRAWN: Law("PIPL art. 47 (3)", ends_early=True),
    Ground.UNLAWFUL: Law("PIPL art. 47 (4)", ends_early=True),
    Ground.ORDER: Law("PIPL art. 47 (5)", ends_early=True, goes_first=True),
}
OVER = frozenset({State.DECLINED, State.CLOSED})  # HELD waits for a person
EARLY = frozenset({State.ENTERED, State.REGISTERED, State.AUTHORISED})
KEEP_YEARS, KEEP_YEARS_SINCE_2025 = 5, 10
REVISED_ON = date(2025, 1, 1)


@dataclass(slots=True)
class Erasure:
    """What is to be erased: a bank's object, on what ground, at whose hand, on which day.

    ``reference`` is the number of the customer's request or of the order; an order must have one.
    """

    bank: str
    key: str
    ground: Ground
    by: str
    on: date
    reference: str = ""


class Destroyer(Protocol):
    """Who takes a ciphertext away."""

    async def destroy(self, name: str) -> None:
        """Take away what lies under a name."""
        ...


async def erase(platform: Platform, objects: Destroyer, asked: Erasure) -> AuditEvent:
    """Erase a picture for good; return the audit entry, which is saved with the key's end.

    Erased already: only what may still lie there is taken away, and the first entry comes back.
    The bank's grants, applications and loans are read whole, for this is asked seldom. A step of
    the same customer that is on its way meanwhile is not waited for.

    Raises:
        InputError: the bank keeps no such picture, nobody signs for it, or it is still needed;
            nothing was erased.
    """
    store = platform.store
    if not asked.by or (GROUNDS[asked.ground].goes_first and not asked.reference):
        place = f"the erasure of {asked.key!r}"
        raise InputError(place, "nobody answers for it", "say by whom, and an order's number")
    key_id = ObjectKey.id_of(asked.bank, asked.key)

    async def end() -> tuple[AuditEvent, str]:
        kept = await store.get(ObjectKey, key_id)
        if kept is None:
            raise InputError(f"object {asked.key!r}", f"is none of bank {asked.bank!r}'s")
        event_id = mint("E", "erased", kept.id, str(kept.made))
        if not kept.wrapped:
            done = await store.get(AuditEvent, event_id)
            assert done is not None, f"{kept.id} was erased without an audit entry"
            return done, kept.name
        if not GROUNDS[asked.ground].goes_first:
            await _require_not_needed(store, asked)
        event = AuditEvent(event_id, asked.bank, "erased", kept.id, asked.on, _told(asked))
        before = kept.version
        gone = ObjectKey(kept.id, kept.bank, kept.name, "", 0, kept.made, asked.on, before)
        await store.save(gone, event)
        return event, gone.name

    event, name = await until_saved(end)
    with suppress(ProviderError):  # what stays there nobody can read any more
        await objects.destroy(name)
    return event


def _told(asked: Erasure) -> str:
    source = GROUNDS[asked.ground].source
    reference = f", {asked.reference}" if asked.reference else ""
    return f"{asked.ground} ({source}{reference}), by {asked.by}"


async def _require_not_needed(store: Store, asked: Erasure) -> None:
    """Require that nothing rests on a picture any more, and that it need not be kept.

    Raises:
        InputError: something does, or it must be.
    """
    grants = await store.all(Grant, asked.bank)
    customers = {grant.customer for grant in grants if grant.object == asked.key}
    why = await _need(store, asked, customers)
    if why:
        remedy = "it is kept until then; only an order goes before it"
        raise InputError(f"object {asked.key!r}", why, remedy)


async def _need(store: Store, asked: Erasure, customers: set[str]) -> str:
    """Return what a picture of these customers is still needed for, empty where nothing is."""
    early = GROUNDS[asked.ground].ends_early
    apps = [app for app in await store.all(Application, asked.bank) if app.customer in customers]
    for app in apps:
        if app.state not in OVER and not (early and app.state in EARLY):
            return f"application {app.id} rests on it and is {app.state}"
    ids = {app.id for app in apps}
    loans = [loan for loan in await store.all(Loan, asked.bank) if loan.application in ids]
    for loan in loans:
        if loan.state not in ENDED:
            return f"loan {loan.id} rests on it and is {loan.state}"
    ended_on = await _ended_on(store, apps, loans)
    if ended_on is None:
        return ""
    years = KEEP_YEARS if asked.on < REVISED_ON else KEEP_YEARS_SINCE_2025
    until = _years_after(ended_on, years)
    return f"the bank must keep it until {until}" if asked.on < until else ""


async def _ended_on(store: Store, apps: list[Application], loans: list[Loan]) -> date | None:
    """Return the last day of a business relationship; None where there never was one.

    It begins with a line. The day on which a line was closed is written nowhere, so it lasts at
    least as long as the line was granted for.
    """
    lines = [await store.get(Line, app.id) for app in apps]
    days = [line.valid_to for line in lines if line is not None]
    days += [loan.closed_on for loan in loans]
    ids = {loan.id for loan in loans}
    for bank in {loan.bank for loan in loans}:
        days += [paid.asked_on for paid in await store.all(Repayment, bank) if paid.loan in ids]
    return max(days, default=None)


def _years_after(day: date, years: int) -> date:
    """Return the same day so many years on; 1 March for a 29 February that is not there."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
