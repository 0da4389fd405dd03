"""The core's reconciliation file (对账文件): read line by line, believed only where it adds up.

The form is that of :class:`core.ports.corebank.FileAnswer`. A file that is short, long, altered or
of another bank or day is refused as a whole: half a file would call the other half lost.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import NamedTuple

from core.errors import InputError
from core.ports.corebank import Key

FORM = "1"
REMEDY = "ask the core for the file again"


class FileLine(NamedTuple):
    """One transaction as the core's file tells it; ``subject`` is the loan or the account."""

    key: Key
    core_serial: str
    kind: str
    subject: str
    amount_fen: int


def read_file(content: str, bank: str, on: date) -> list[FileLine]:
    """Return the transactions of a bank's file of one accounting date.

    Raises:
        InputError: the file is cut short, has lines too many, does not add up, was altered, or is
            another bank's or another day's.
    """
    place = f"reconciliation file {bank} {on}"
    rows = content.splitlines(keepends=True)
    if len(rows) < 2 or not content.endswith("\n"):
        raise InputError(place, "is cut short", REMEDY)
    head, tail = fields(place, rows[0], "H", 6), fields(place, rows[-1], "T", 4)
    if head[1] != FORM:
        raise InputError(place, f"has form {head[1]!r}, and only {FORM!r} is known", REMEDY)
    if (head[2], head[3]) != (bank, on.isoformat()):
        raise InputError(place, f"is that of {head[2]} {head[3]}", REMEDY)
    lines = [transaction(f"{place}, line {number}", bank, row) for number, row in told(rows)]
    count, total_fen = len(lines), sum(line.amount_fen for line in lines)
    for said in (head[4:6], tail[1:3]):
        if said != [str(count), str(total_fen)]:
            problem = (
                f"tells {said[0]} transactions of {said[1]} fen, and has {count} of {total_fen}"
            )
            raise InputError(place, problem, REMEDY)
    if tail[3] != sha256("".join(rows[:-1]).encode()).hexdigest():
        raise InputError(place, "does not have the SHA-256 that it tells", REMEDY)
    return lines


def told(rows: list[str]) -> list[tuple[int, str]]:
    """Return the lines between head and tail, with their numbers."""
    return list(enumerate(rows, 1))[1:-1]


def fields(place: str, row: str, letter: str, count: int) -> list[str]:
    """Return a line's fields."""
    found = row.rstrip("\n").split("|")
    if found[0] != letter or len(found) != count:
        problem = f"has {row.strip()[:40]!r} where a line {letter} of {count} fields belongs"
        raise InputError(place, problem, REMEDY)
    return found


def transaction(place: str, bank: str, row: str) -> FileLine:
    """Return one transaction."""
    _, channel, day, serial, core_serial, kind, subject, amount = fields(place, row, "D", 8)
    try:
        key = Key(bank, channel, date.fromisoformat(day), serial)
        return FileLine(key, core_serial, kind, subject, int(amount))
    except ValueError as error:
        raise InputError(place, str(error), REMEDY) from error
