"""Automatic collection (自动扣款): what the bank may take from the account when rows are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lending.allocation import due_fen
from core.lending.prepay import at

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan


def to_collect_fen(loan: Loan, on: date, available_fen: int) -> int:
    """Return what to take on a date from an account that holds ``available_fen``.

    Never more than is due by then, never more than is there; where its conditions say so, all that
    is due or nothing. What the customer has paid on the same day is not due any more. The
    loan stays as it is, whether it was turned to the date or not.
    """
    wanted_fen = due_fen(at(loan, on))
    if loan.conditions.collect_whole and available_fen < wanted_fen:
        return 0
    return max(0, min(wanted_fen, available_fen))
