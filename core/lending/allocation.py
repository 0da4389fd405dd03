"""Which part of a debt a payment pays first: the order is data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan


class Part(StrEnum):
    """The parts of a debt. Early is what need not be paid yet."""

    PENALTY = "penalty"
    OVERDUE_INTEREST = "overdue_interest"
    OVERDUE_PRINCIPAL = "overdue_principal"
    DUE_INTEREST = "due_interest"
    DUE_PRINCIPAL = "due_principal"
    EARLY_INTEREST = "early_interest"  # accrued up to today, not due before its row
    EARLY_PRINCIPAL = "early_principal"


# Past due before due before early, and within each what the debt costs before the debt. Who
# repays principal early thereby settles the interest up to that day (利随本清).
ORDER: tuple[Part, ...] = tuple(Part)

NOT_EARLY = ORDER[:5]


@dataclass(slots=True)
class Allocation:
    """A payment, part by part. ``excess_fen`` is above the whole debt and is not to be taken."""

    on: date
    parts: dict[Part, int]
    excess_fen: int = 0

    @property
    def total_fen(self) -> int:
        """What is to be collected: all parts, without the excess."""
        return sum(self.parts.values())

    @property
    def principal_fen(self) -> int:
        """Principal that is not overdue, for the core bank's account 1303.01."""
        return self.parts[Part.DUE_PRINCIPAL] + self.parts[Part.EARLY_PRINCIPAL]

    @property
    def overdue_principal_fen(self) -> int:
        """Overdue principal, for 1303.02."""
        return self.parts[Part.OVERDUE_PRINCIPAL]

    @property
    def interest_fen(self) -> int:
        """Interest of every age, for 1132.01."""
        parts = self.parts
        return parts[Part.OVERDUE_INTEREST] + parts[Part.DUE_INTEREST] + parts[Part.EARLY_INTEREST]

    @property
    def penalty_fen(self) -> int:
        """Penalty and compound interest, for 1132.02."""
        return self.parts[Part.PENALTY]


def owed(loan: Loan) -> dict[Part, int]:
    """Return every part of the debt as of the date up to which the loan is accrued."""
    interest_due_fen = principal_due_fen = early_interest_fen = 0
    if (index := loan.row) < len(loan.rows):
        row = loan.rows[index]
        if row.due == loan.accrued_through:
            interest_due_fen = row.interest_fen - loan.paid_interest_fen[index]
            principal_due_fen = row.principal_fen - loan.paid_principal_fen[index]
        else:
            early_interest_fen = loan.row_accrued_fen - loan.paid_interest_fen[index]
    return {
        Part.PENALTY: loan.penalty_fen,
        Part.OVERDUE_INTEREST: loan.overdue_interest_fen,
        Part.OVERDUE_PRINCIPAL: loan.overdue_fen,
        Part.DUE_INTEREST: interest_due_fen,
        Part.DUE_PRINCIPAL: principal_due_fen,
        Part.EARLY_INTEREST: early_interest_fen,
        Part.EARLY_PRINCIPAL: loan.normal_fen - principal_due_fen,
    }


def due_fen(loan: Loan) -> int:
    """Return what the bank may ask for today: penalty, overdue and due, nothing early."""
    parts = owed(loan)
    return sum(parts[part] for part in NOT_EARLY)


def allocate(loan: Loan, amount_fen: int, on: date, order: tuple[Part, ...] = ORDER) -> Allocation:
    """Return how a payment of ``amount_fen`` is to be spread; nothing changes.

    The loan must have been turned to ``on``.

    Raises:
        InputError: the amount is not positive.
    """
    if amount_fen <= 0:
        raise InputError("payment", f"{amount_fen} fen is no payment", "pay at least one fen")
    assert loan.accrued_through == on, f"{loan.id}: turn the loan to {on} first"
    debt = owed(loan)
    parts, left_fen = dict.fromkeys(Part, 0), amount_fen
    for part in order:
        parts[part] = paid_fen = min(left_fen, debt[part])
        left_fen -= paid_fen
    return Allocation(on, parts, left_fen)
