"""Which part of a debt a payment pays first: the order is data.

The parts are those of the contract. In which of the core bank's accounts each of them stands,
on the balance sheet or off it, an :class:`Allocation` says by its properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from core.lending.conditions import Order
from core.lending.loan import ENDED, LoanState
from core.lending.nonaccrual import DAYS

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
    RECOVERED = "recovered"  # principal that was written off


NOT_EARLY = tuple(part for part in Part if not part.startswith("early"))
INTEREST = (Part.OVERDUE_INTEREST, Part.DUE_INTEREST, Part.EARLY_INTEREST)
PRINCIPAL = (Part.OVERDUE_PRINCIPAL, Part.DUE_PRINCIPAL, Part.EARLY_PRINCIPAL)
# Last in every order: who repays principal early settles what is due before it, and the interest
# up to that day with it (利随本清).
EARLY = (Part.EARLY_INTEREST, Part.EARLY_PRINCIPAL)


class OrderRule(NamedTuple):
    """The parts in their order. ``by_row``: late rows one after another, interest, principal."""

    parts: tuple[Part, ...]
    source: str
    confidence: str
    by_row: bool = False


_PAST_FIRST = tuple(Part)
_PRINCIPAL_FIRST = (
    Part.RECOVERED,
    Part.OVERDUE_PRINCIPAL,
    Part.OVERDUE_INTEREST,
    Part.PENALTY,
    Part.DUE_PRINCIPAL,
    Part.DUE_INTEREST,
    *EARLY,
)

ORDERS: dict[Order, OrderRule] = {
    Order.BY_KIND: OrderRule(
        _PAST_FIRST,
        "past due before due before early, what the debt costs before the debt (Fineract's"
        " default order; the usual Chinese contract)",
        "medium",
    ),
    Order.ROW_BY_ROW: OrderRule(
        _PAST_FIRST,
        "the oldest instalment whole before the next one; penalty is one sum, before all rows",
        "low",
        by_row=True,
    ),
    Order.PRINCIPAL_FIRST: OrderRule(
        _PRINCIPAL_FIRST, "contracts for loans more than 90 days late, as reported", "low"
    ),
    Order.RECOVERY: OrderRule(
        _PRINCIPAL_FIRST,
        "principal, then interest: an examination item on recovered write-offs"
        " (wkda.cn/ask/exytttxjoaoypmxo.html, all answers that fit begin with principal)",
        "low",
    ),
}


@dataclass(slots=True)
class Allocation:
    """A payment, part by part. ``excess_fen`` is above the whole debt and is not to be taken.

    ``non_accrual`` says where the core bank keeps the debt: in the pot of non-accrual loans and in
    the memo books, instead of among the normal, the overdue and the receivables.
    """

    on: date
    parts: dict[Part, int]
    excess_fen: int = 0
    non_accrual: bool = False

    @property
    def total_fen(self) -> int:
        """What is to be collected: all parts, without the excess."""
        return sum(self.parts.values())

    @property
    def repaid_fen(self) -> int:
        """Principal on the balance sheet, whatever the pot: what the line gets back."""
        return sum(self.parts[part] for part in PRINCIPAL)

    @property
    def all_interest_fen(self) -> int:
        """Interest of every age, on the balance sheet or off it."""
        return sum(self.parts[part] for part in INTEREST)

    @property
    def principal_fen(self) -> int:
        """Principal that is not overdue, for the core bank's account 1303.01."""
        early_fen = self.parts[Part.DUE_PRINCIPAL] + self.parts[Part.EARLY_PRINCIPAL]
        return 0 if self.non_accrual else early_fen

    @property
    def overdue_principal_fen(self) -> int:
        """Overdue principal, for 1303.02."""
        return 0 if self.non_accrual else self.parts[Part.OVERDUE_PRINCIPAL]

    @property
    def non_accrual_principal_fen(self) -> int:
        """Principal of a loan in non-accrual, late or not, for 1303.03."""
        return self.repaid_fen if self.non_accrual else 0

    @property
    def interest_fen(self) -> int:
        """Interest of every age, for 1132.01."""
        return 0 if self.non_accrual else self.all_interest_fen

    @property
    def penalty_fen(self) -> int:
        """Penalty and compound interest, for 1132.02."""
        return 0 if self.non_accrual else self.parts[Part.PENALTY]

    @property
    def memo_interest_fen(self) -> int:
        """Interest that stands off the balance sheet (M9001) and becomes income when paid."""
        return self.all_interest_fen if self.non_accrual else 0

    @property
    def memo_penalty_fen(self) -> int:
        """Penalty that stands off the balance sheet and becomes income when paid."""
        return self.parts[Part.PENALTY] if self.non_accrual else 0

    @property
    def recovered_fen(self) -> int:
        """Principal recovered after the write-off, out of M9002."""
        return self.parts.get(Part.RECOVERED, 0)


def owed(loan: Loan) -> dict[Part, int]:
    """Return every part of the debt as of the date up to which the loan is accrued."""
    debt = dict.fromkeys(Part, 0)
    if loan.state in ENDED:
        return debt
    debt[Part.PENALTY] = loan.owed_penalty_fen
    if loan.state is LoanState.WRITTEN_OFF:  # due as one sum, whatever the rows say
        debt[Part.OVERDUE_INTEREST] = loan.owed_interest_fen
        debt[Part.RECOVERED] = loan.written_off_fen
        return debt
    debt[Part.OVERDUE_INTEREST] = loan.late_interest_fen
    debt[Part.OVERDUE_PRINCIPAL] = loan.late_principal_fen
    debt[Part.EARLY_PRINCIPAL] = loan.future_fen
    if (index := loan.row) < len(loan.rows):
        row = loan.rows[index]
        if row.due == loan.accrued_through:
            debt[Part.DUE_INTEREST] = row.interest_fen - loan.paid_interest_fen[index]
            debt[Part.DUE_PRINCIPAL] = row.principal_fen - loan.paid_principal_fen[index]
            debt[Part.EARLY_PRINCIPAL] -= debt[Part.DUE_PRINCIPAL]
        else:
            debt[Part.EARLY_INTEREST] = loan.row_accrued_fen - loan.paid_interest_fen[index]
    return debt


def due_fen(loan: Loan) -> int:
    """Return what the bank may ask for today: penalty, overdue and due, nothing early."""
    parts = owed(loan)
    return sum(parts[part] for part in NOT_EARLY)


def order_of(loan: Loan) -> OrderRule:
    """Return the order in which a payment is spread over a loan now."""
    if loan.state is LoanState.WRITTEN_OFF:
        return ORDERS[Order.RECOVERY]
    very_late = loan.days_overdue(loan.accrued_through) > DAYS
    return ORDERS[loan.conditions.late_order if very_late else loan.conditions.order]


def allocate(loan: Loan, amount_fen: int, on: date, order: OrderRule | None = None) -> Allocation:
    """Return how a payment of ``amount_fen`` is to be spread; nothing changes.

    The loan must have been turned to ``on``. ``order`` is by default the one of its conditions.

    Raises:
        InputError: the amount is not positive.
    """
    if amount_fen <= 0:
        raise InputError("payment", f"{amount_fen} fen is no payment", "pay at least one fen")
    assert loan.accrued_through == on, f"{loan.id}: turn the loan to {on} first"
    order = order or order_of(loan)
    debt = owed(loan)
    parts, left_fen = dict.fromkeys(Part, 0), amount_fen
    by_row = order.by_row and (loan.late_interest_fen or loan.late_principal_fen)
    for part in order.parts:
        if by_row and part is Part.OVERDUE_INTEREST:
            left_fen -= _spread_by_row(loan, left_fen, parts)
            continue
        if by_row and part is Part.OVERDUE_PRINCIPAL:
            continue
        parts[part] = paid_fen = min(left_fen, debt[part])
        left_fen -= paid_fen
    return Allocation(on, parts, left_fen, loan.non_accrual)


def _spread_by_row(loan: Loan, amount_fen: int, parts: dict[Part, int]) -> int:
    """Spread an amount over the late rows, the oldest first; return what they took."""
    left_fen = amount_fen
    for index in range(loan.row):
        if not left_fen:
            break
        row = loan.rows[index]
        paid_fen = min(left_fen, row.interest_fen - loan.paid_interest_fen[index])
        parts[Part.OVERDUE_INTEREST] += paid_fen
        left_fen -= paid_fen
        paid_fen = min(left_fen, row.principal_fen - loan.paid_principal_fen[index])
        parts[Part.OVERDUE_PRINCIPAL] += paid_fen
        left_fen -= paid_fen
    return amount_fen - left_fen
