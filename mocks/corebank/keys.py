"""Keys: a request is known by its key, and told from others of that key by a digest.

Unique is (bank, channel, channel date, serial). The digest covers everything that a request says
but its key and ``valid_until_s``, which may be another at the next sending.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.ports.corebank import (
    AccountQuery,
    AdjustQuery,
    CollectQuery,
    CoreCode,
    DisburseQuery,
    MoveQuery,
    OpenQuery,
    Outcome,
    Posted,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    TransferQuery,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.identity import CardNumber
    from core.ports.corebank import Entry, Key, Write
    from mocks.corebank.accounts import Count

BATCH_CHANNEL = "loan-batch"  # the loan book's day end, which runs inside our BATCH
INTERNAL = "core"  # the core's own entries: openings, settlement, the other half of a transfer

AMOUNT_MAX_FEN = 10**14  # a trillion yuan: whatever is larger is a mistake


@dataclass(slots=True)
class Fate:
    """What became of a key. ``digest`` is empty for a fenced one; ``entry`` is what it posted.

    ``twin`` is the other half of a transfer within the union: that bank, and its entry.
    ``subject`` is what the reconciliation file calls it by: the loan, or the account.
    """

    posted: Posted
    entry: Entry | None = None
    digest: bytes = b""
    subject: str = ""
    counts: tuple[Count, ...] = ()
    twin: tuple[str, Entry] | None = None
    reversed: bool = False


# Answers to a key that is known.


def answer_again(fate: Fate, digest: bytes, on: date) -> Posted:
    """Return the answer to a request whose key is known already: it changes nothing."""
    if not fate.digest:
        return Posted(Outcome.REJECTED, CoreCode.FENCED, accounting_date=on)
    if fate.digest != digest:
        return Posted(Outcome.REJECTED, CoreCode.KEY_CONFLICT, accounting_date=on)
    if fate.posted.outcome is Outcome.IN_PROGRESS:
        return fate.posted
    return replace(fate.posted, replayed=True)


def fenced(on: date) -> Fate:
    """Return the fate of a key that was unknown and can never post any more."""
    return Fate(Posted(Outcome.NOT_FOUND, CoreCode.FENCED, accounting_date=on))


# What a request says.


def _text(card: CardNumber | None) -> str | None:
    return None if card is None else card.text


_CONTENT: dict[type, Callable[[Any], tuple[object, ...]]] = {
    OpenQuery: lambda q: (
        *("open", q.name, q.number.text, q.phone.text),
        *(q.bound.text, str(q.account_class)),
    ),
    DisburseQuery: lambda q: ("disburse", q.loan, q.account.text, q.amount_fen),
    CollectQuery: lambda q: (
        *("collect", q.loan, q.account.text, q.principal_fen, q.overdue_principal_fen),
        *(q.interest_fen, q.penalty_fen, q.non_accrual_principal_fen),
        *(q.memo_interest_fen, q.memo_penalty_fen, q.recovered_fen),
    ),
    AdjustQuery: lambda q: ("adjust", q.loan, str(q.adjustment), q.amount_fen),
    MoveQuery: lambda q: ("move", q.account.text, str(q.direction), q.amount_fen),
    TransferQuery: lambda q: (
        *("transfer", q.account.text, str(q.direction), q.amount_fen),
        *(q.purpose, q.fee_fen, _text(q.other)),
    ),
    ReserveQuery: lambda q: ("reserve", q.account.text, q.amount_fen, q.expires_s),
    ResolveQuery: lambda q: ("resolve", *_told(q.reservation), q.amount_fen),
    AccountQuery: lambda q: ("account", q.account.text, str(q.act), _text(q.bound)),
    ReverseQuery: lambda q: ("reverse", *_told(q.original)),
}


def _told(key: Key) -> tuple[object, ...]:
    bank, channel, day, serial = key
    return bank, channel, day.toordinal(), serial


def digest_of(query: Write) -> bytes:
    """Return the digest of what a request says; ``repr`` keeps types and borders apart."""
    content = repr(_CONTENT[type(query)](query))
    return blake2b(content.encode(), digest_size=16).digest()


def check_key(key: Key, loan: str = "-") -> None:
    """Require that key and loan can stand in a file whose fields are parted by ``|``.

    Raises:
        InputError: they cannot, or the key pretends to be the core's own.
    """
    _, channel, _, serial = key
    text = f"{channel}{serial}{loan}"
    given = channel and serial and loan and channel != INTERNAL
    if not given or "|" in text or not text.isprintable():
        problem = f"{channel!r}, {serial!r} {loan!r} cannot be told in a file"
        raise InputError("key", problem, f"leave out | and controls; {INTERNAL!r} is the core's")


def amounts(*parts_fen: object) -> bool:
    """Whether these are whole fen, none negative or absurd, and not all zero."""
    total_fen = 0
    for fen in parts_fen:
        if type(fen) is not int or fen < 0:  # a bool is no amount
            return False
        total_fen += fen
    return 0 < total_fen <= AMOUNT_MAX_FEN
