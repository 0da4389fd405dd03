"""What is told of by a callback: kinds of events, and the body of one.

The body has the form of Standard Webhooks (type, timestamp, data), with the event's id beside them.
It tells what a bank's core tells, and nothing of a person: no name, no number, no account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.clock import moment_at
from core.ports.corebank import Outcome

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Key, Posted

POSTED, REJECTED, DAY_CLOSED = "corebank.posted", "corebank.rejected", "corebank.day_closed"
FLOW_READY = "acquirer.flow_ready"
KINDS: dict[str, str] = {
    POSTED: "a write is done",
    REJECTED: "a write is rejected, for good",
    DAY_CLOSED: "a bank's accounting date is sealed, its file is written",
    FLOW_READY: "a merchant's takings that were ordered can be fetched",
}
OFFSET = "+08:00"  # business time is China's


@dataclass(slots=True, frozen=True)
class Event:
    """Something that has happened at ``at_s`` of business time."""

    id: str
    type: str
    at_s: float
    body: str


@dataclass(slots=True, frozen=True)
class Told:
    """What there is to tell: the kind, what makes it one of its kind, and the data."""

    type: str
    name: str
    data: dict[str, Any]


def of_write(key: Key, posted: Posted) -> Told:
    """Return what is told of a write that is final; the account it opened is not."""
    on = posted.accounting_date
    data = {
        "bank": key.bank,
        "key": {
            "bank": key.bank,
            "channel": key.channel,
            "channel_date": key.channel_date.isoformat(),
            "serial": key.serial,
        },
        "outcome": str(posted.outcome),
        "code": str(posted.code),
        "core_serial": posted.core_serial,
        "accounting_date": None if on is None else on.isoformat(),
    }
    kind = POSTED if posted.outcome is Outcome.DONE else REJECTED
    return Told(kind, "/".join((key.bank, key.channel, str(key.channel_date), key.serial)), data)


def of_day(bank: str, on: date, next_on: date) -> Told:
    """Return what is told of a day that is closed."""
    data = {"bank": bank, "accounting_date": on.isoformat(), "next_date": next_on.isoformat()}
    return Told(DAY_CLOSED, f"{bank}/{on}", data)


def of_order(order: str) -> Told:
    """Return what is told of an order that is ready: its number, and nothing of the merchant."""
    return Told(FLOW_READY, order, {"order": order})


def event_of(told: Told, tenant: str, seed: int, start: date, at_s: float) -> Event:
    """Return the event: its id is a hash, the same in every copy, attempt and repetition."""
    named = f"{tenant}\n{seed}\n{told.type}\n{told.name}".encode()
    id_ = "evt_" + blake2b(named, digest_size=16, person=b"event").hexdigest()
    moment = moment_at(start, at_s).isoformat(timespec="milliseconds") + OFFSET
    body = {"id": id_, "type": told.type, "timestamp": moment, "data": told.data}
    return Event(id_, told.type, at_s, json.dumps(body, ensure_ascii=False))
