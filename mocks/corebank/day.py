"""A bank's day (日终): OPEN, CUTOFF, BATCH, CLOSED, and open again on the next accounting date.

The date is the bank's own state, not a clock's, and never goes back. From the cut-off on customers'
writes belong to the next date; in the batch their money writes must come again; the loan book's
own are booked on the ending date until ``end_day`` begins. Each step of the end is written down
when it is done, so that one that was broken off goes on where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from core.clock import seconds_at
from core.errors import InputError
from core.ports.corebank import Stage
from mocks.corebank.bank import Day
from mocks.corebank.chart import CLEARING, IN_TRANSIT, MEMO
from mocks.corebank.files import file_of
from mocks.corebank.reservations import expire

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from mocks.corebank.bank import Bank
    from mocks.corebank.union import Union

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """When each bank's day ends by the core's own clock, in seconds after the midnight it ends at.

    The banks follow each other, so that the core never closes all its books at once. All figures
    are assumed: no bank publishes its windows.
    """

    banks: tuple[str, ...]
    first_cutoff_s: float = 300.0
    stagger_s: float = 120.0
    batch_after_s: float = 300.0
    close_after_s: float = 1_800.0  # the batch before it takes so long

    def cutoff_s(self, bank: str) -> float:
        """When the cut-off comes."""
        return self.first_cutoff_s + self.stagger_s * self.banks.index(bank)

    def batch_s(self, bank: str) -> float:
        """When the batch begins."""
        return self.cutoff_s(bank) + self.batch_after_s

    def close_s(self, bank: str) -> float:
        """When the day is sealed."""
        return self.batch_s(bank) + self.close_after_s

    def moments(self) -> list[tuple[float, str, Stage]]:
        """Return what happens when, for all banks, in the order of time."""
        found = []
        for bank in self.banks:
            found.append((self.cutoff_s(bank), bank, Stage.CUTOFF))
            found.append((self.batch_s(bank), bank, Stage.BATCH))
            found.append((self.close_s(bank), bank, Stage.CLOSED))
        return sorted(found, key=lambda moment: (moment[0], self.banks.index(moment[1])))


def cutoff(bank: Bank, next_on: date | None) -> None:
    """Let customers' writes belong to the next date, by default tomorrow's."""
    day = bank.day
    if day.stage is not Stage.OPEN:
        return
    day.next_on = next_on or day.on + A_DAY
    if day.next_on <= day.on:
        raise InputError(f"cut-off of {bank.id}", f"{day.next_on} is not after {day.on}")
    day.stage = Stage.CUTOFF


def begin_batch(bank: Bank) -> None:
    """Let customers' money writes wait."""
    day = bank.day
    if day.stage is Stage.OPEN:
        raise InputError(
            f"batch of {bank.id}", f"{day.on} has not been cut off", "cut it off first"
        )
    if day.stage is Stage.CUTOFF:
        day.stage = Stage.BATCH


def begin_end(bank: Bank, next_on: date) -> bool:
    """Begin to end a day; return whether there is anything to do."""
    day, place = bank.day, f"day end of {bank.id}"
    if day.stage is Stage.OPEN and next_on <= day.on:
        return False
    if day.stage in (Stage.OPEN, Stage.CUTOFF):
        problem = f"{day.on} is in stage {day.stage}"
        raise InputError(place, problem, "cut it off and begin its batch first")
    if next_on <= day.on:
        raise InputError(place, f"{next_on} is not after {day.on}", "the date never goes back")
    fixed = day.ending or bank.book.ahead
    if fixed and next_on != day.next_on:
        raise InputError(place, f"{day.next_on} was announced, not {next_on}", "keep to it")
    day.ending, day.next_on = True, next_on
    return True


def settle(union: Union, bank: Bank) -> None:
    """Pay what is in transit through the clearing bank: nothing of the date stays there."""
    del union
    for code in CLEARING:
        account = bank.book.account(code)
        amount_fen = bank.book.totals[code]
        if amount_fen:
            serial = "settle" if code == IN_TRANSIT else f"settle/{code}"
            bank.post_own(serial, "settle", amount_fen, other=account)


def expire_reservations(union: Union, bank: Bank) -> None:
    """Let fall back what was set aside until the end of the date at most."""
    expire(bank, seconds_at(union.start, bank.day.on + A_DAY))


def trial_balance(union: Union, bank: Bank) -> None:
    """Check the totals (试算平衡): they sum to nothing, and moved as the date's entries say.

    Raises:
        AssertionError: they do not; the day stays in its batch.
    """
    del union
    totals = bank.book.totals
    memo_fen = sum([totals[code] for code in MEMO])
    assert memo_fen == 0 == sum(totals.values()), f"{bank.id}: the totals are out of balance"
    assert not any(totals[code] for code in CLEARING), f"{bank.id}: money is in transit still"
    moved = dict(_ledger_before(bank))
    for entry in bank.book.since_seal():
        for name, amount_fen in entry.legs:
            code = name.partition(":")[0]
            moved[code] = moved.get(code, 0) + amount_fen
    same = all(totals[code] == moved.get(code, 0) for code in totals)
    assert same, f"{bank.id}: the totals did not move as the entries of {bank.day.on} say"


def _ledger_before(bank: Bank) -> dict[str, int]:
    seals = bank.book.seals
    return bank.ledgers[seals[-1].on] if seals else {}


def general_ledger(union: Union, bank: Bank) -> None:
    """Write the general ledger (总账) of the date."""
    del union
    bank.ledgers[bank.day.on] = dict(bank.book.totals)


def write_file(union: Union, bank: Bank) -> None:
    """Write the reconciliation file of the date."""
    del union
    bank.files[bank.day.on] = file_of(bank, bank.day.on, bank.book.since_seal())


def seal(union: Union, bank: Bank) -> None:
    """Seal the date: it takes no more entries, and those booked ahead follow it in the chain."""
    del union
    assert bank.day.next_on is not None
    bank.book.seal(bank.day.next_on)
    bank.day.stage = Stage.CLOSED


STEPS: dict[str, Callable[[Union, Bank], None]] = {
    "settle": settle,
    "expire": expire_reservations,
    "trial_balance": trial_balance,
    "general_ledger": general_ledger,
    "file": write_file,
    "seal": seal,
}


def run_steps(union: Union, bank: Bank, after: Callable[[str, str], None] | None) -> None:
    """Do the steps that are not done yet, then open the next date.

    ``after`` is told the bank and each step that was done; what it raises breaks the day end off.
    """
    day = bank.day
    for name, step in STEPS.items():
        if name in day.done:
            continue
        step(union, bank)
        day.done.append(name)
        if after is not None:
            after(bank.id, name)
    assert day.next_on is not None
    bank.day = Day(day.next_on, held=day.held)
