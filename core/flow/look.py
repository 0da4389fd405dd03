"""Look: a picture, or a number without its mask, for one of the bank's people; written down first.

Nobody is shown anything before the store has kept who asked, for what, and when. Whoever dies in
between has left an access that was none; never is there one that left no word.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

from core.application import Application
from core.clock import date_at
from core.errors import InputError, Stale
from core.ports.objects import GetQuery
from core.ports.trace import Trace
from core.store.records import Access, Customer, Grant, ObjectKey, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform
    from core.picture import Picture
    from core.ports.objects import Objects

LOOK = 0  # a call that belongs to no step of the loan
LOOK_S = 30.0


class Field(StrEnum):
    """What of a person is shown masked, and may be asked for without."""

    ID_NUMBER = "id_number"
    PHONE = "phone"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Reader:
    """One of a bank's people: who it is, in which role."""

    bank: str
    who: str
    role: str


async def read_picture(
    platform: Platform, objects: Objects, reader: Reader, grant_id: str, purpose: str
) -> Picture:
    """Return the picture that a grant of the reader's bank refers to; the access is saved first.

    Raises:
        InputError: the bank has no such grant, no purpose is told, or the picture is not there any
            more; it says since when.
        ProviderError: the object store does not answer. The access stands.
    """
    grant = await platform.store.get(Grant, grant_id)
    if grant is None or grant.bank != reader.bank:  # another bank's is told like none
        raise InputError(f"grant {grant_id!r}", f"is none of bank {reader.bank!r}'s")
    access = await _written(platform, reader, grant.id, grant.customer, purpose)
    now_s = platform.clock.now_s
    on = date_at(platform.clock.start, now_s)
    trace = Trace(grant.bank, access.id, LOOK, 1, now_s + LOOK_S, on)
    picture = (await objects.get(trace, GetQuery(grant.object))).picture
    if picture is not None:
        return picture
    key = await platform.store.get(ObjectKey, ObjectKey.id_of(grant.bank, grant.object))
    if key is not None and key.destroyed_on is not None:
        problem = f"its picture was erased on {key.destroyed_on}, and cannot be read again"
        raise InputError(f"grant {grant.id!r}", problem)
    raise InputError(f"grant {grant.id!r}", "its picture is not there")


async def unmask(
    platform: Platform, reader: Reader, subject: str, field: Field, purpose: str
) -> str:
    """Return a number without its mask; the access is saved first.

    ``subject`` is a customer of the reader's bank; for the card, one of their applications.

    Raises:
        InputError: the bank has no such customer or application, it has no card yet, or no purpose
            is told.
    """
    app = await platform.store.get(Application, subject) if field is Field.CARD else None
    customer = await platform.store.get(Customer, app.customer if app else subject)
    is_known = app is not None or field is not Field.CARD
    if customer is None or customer.bank != reader.bank or not is_known:
        what = "application" if field is Field.CARD else "customer"
        raise InputError(f"{what} {subject!r}", f"is none of bank {reader.bank!r}'s")
    card = app.account if app else ""
    if field is Field.CARD and not card:
        raise InputError(f"application {subject!r}", "has no card yet")
    shown = {
        Field.ID_NUMBER: customer.number.text,
        Field.PHONE: customer.phone.text,
        Field.CARD: card,
    }
    await _written(platform, reader, field, customer.id, purpose)
    return shown[field]


async def _written(
    platform: Platform, reader: Reader, what: str, customer: str, purpose: str
) -> Access:
    """Save that somebody is about to see something; return the access.

    Raises:
        InputError: it has no purpose, or nobody asks.
    """
    if not (reader.who and reader.role and purpose.strip()):
        problem = "nobody says who looks, in which role, and what for"
        raise InputError(f"access to {what}", problem, "say all three")
    at_s = platform.clock.now_s
    for nth in count(1):  # several at one moment are several
        access_id = mint("H", reader.bank, reader.who, what, customer, repr(at_s), str(nth))
        if await platform.store.get(Access, access_id) is not None:
            continue
        access = Access(
            access_id, reader.bank, reader.who, reader.role, what, customer, purpose, at_s
        )
        try:
            await platform.store.save(access)
        except Stale:
            continue
        return access
    raise AssertionError("numbers do not end")
