"""What the core hands out in writing: statements, and the reconciliation file of a sealed date.

The file's form is that of :class:`core.ports.corebank.FileAnswer`. It tells what channels' keys
have posted; the core's own entries (openings, settlement, the other half of a transfer between two
banks of the union) are nobody's transaction.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from core.ports.corebank import StatementAnswer, StatementLine
from mocks.corebank.keys import INTERNAL

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import Entry, StatementQuery
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.bank import Bank

FORM = "1"
OPENING = "opening"


def file_of(bank: Bank, on: date, entries: list[Entry]) -> str:
    """Return the reconciliation file (对账文件) of one date's entries."""
    lines = [line_of(bank, entry) for entry in entries if entry.key.channel != INTERNAL]
    total_fen = sum([amount_of(entry) for entry in entries if entry.key.channel != INTERNAL])
    return assembled(bank.id, on, lines, len(lines), total_fen)


def sealed_file(bank: Bank, on: date, start: date) -> str | None:
    """Return the file of a date, None where it is not sealed yet.

    A date that the bank never stood on, because it went on over it, has no transactions.
    """
    content = bank.files.get(on)
    seals = bank.book.seals
    if content is None and seals and start <= on < seals[-1].on:
        return assembled(bank.id, on, [], 0, 0)
    return content if seals and on <= seals[-1].on else None


def line_of(bank: Bank, entry: Entry) -> str:
    """Return the line of one transaction."""
    _, channel, day, serial = entry.key
    subject = bank.fates[entry.key].subject
    told = f"{entry.core_serial}|{entry.kind}|{subject}|{amount_of(entry)}"
    return f"D|{channel}|{day.isoformat()}|{serial}|{told}\n"


def assembled(bank: str, on: date, lines: list[str], count: int, total_fen: int) -> str:
    """Return lines between a head and a tail that tell this count and this total."""
    head = f"H|{FORM}|{bank}|{on.isoformat()}|{count}|{total_fen}\n"
    body = head + "".join(lines)
    return f"{body}T|{count}|{total_fen}|{sha256(body.encode()).hexdigest()}\n"


def amount_of(entry: Entry) -> int:
    """Return what an entry debits outside the memo accounts; its memo debits, had it no others."""
    debits = [leg for leg in entry.legs if leg.amount_fen > 0]
    plain = [leg for leg in debits if not leg.account.startswith("M")]
    return sum([leg.amount_fen for leg in plain or debits])


def statement(deposit: Deposit, query: StatementQuery) -> StatementAnswer:
    """Return an account's lines by accounting date.

    What the account held before the scenario began is in the opening balance, and no line.
    """
    name = deposit.ledger.name
    balance_fen = deposit.balance_fen - sum([_change(each, name) for each in deposit.history])
    opening_fen, lines = balance_fen, []
    for entry in sorted(deposit.history, key=lambda each: each.accounting_date):
        if entry.accounting_date > query.until:
            break
        change_fen = _change(entry, name)
        balance_fen += change_fen
        if entry.accounting_date < query.since:
            opening_fen = balance_fen
            continue
        day, serial = entry.accounting_date, entry.core_serial
        lines.append(StatementLine(day, serial, entry.kind, change_fen, balance_fen))
    return StatementAnswer(opening_fen, tuple(lines), balance_fen)


def _change(entry: Entry, name: str) -> int:
    """Return what an entry adds to a customer's account."""
    return -sum([leg.amount_fen for leg in entry.legs if leg.account == name])
