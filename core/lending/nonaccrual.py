"""Non-accrual (非应计): what is unpaid for more than 90 days is no income any more.

On the day its oldest arrears are more than ``DAYS`` late a loan leaves accrual as a whole: unpaid
interest and penalty are reversed out of income and stand in the memo books (表外), all principal,
late or not, moves to the pot of its own, and what the loan earns from then on goes to the memo
books too. The customer owes all of it as before.

It returns when nothing is late any more, neither principal nor interest nor penalty; interest of
the running row that is not due yet then becomes income again. That is the careful reading: what
is paid in between does not bring it back.

Sources: reversal and "over 90, not from the 90th day on" several examination items and practice
notes (wkda.cn/ask/exytttxjoaoypmxo.html, xtika.com/question/738156716), confidence medium; return
once all interest in arrears is paid, one item (m.eguotiku.com/q/15593952901.html), confidence
medium; that the penalty must be paid for it as well, confidence low.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from core.ports.corebank import Adjustment

if TYPE_CHECKING:
    from datetime import date

    from core.lending.loan import Loan

DAYS = 90
STAYS = timedelta(days=DAYS)

Amounts = dict[Adjustment, int]  # in the order in which they are to be posted


def add(amounts_fen: Amounts, kind: Adjustment, amount_fen: int) -> None:
    """Add to what is to be booked of a kind."""
    if amount_fen:
        amounts_fen[kind] = amounts_fen.get(kind, 0) + amount_fen


def last_day(loan: Loan) -> date | None:
    """Return the last day on which a loan in accrual may stay there; None where nothing is late."""
    if loan.late_since is None or loan.non_accrual:
        return None
    return loan.late_since + STAYS


def leave_accrual(loan: Loan, amounts_fen: Amounts) -> None:
    """Take a loan out of accrual: income reversed, principal to its own pot."""
    interest_fen, penalty_fen = loan.interest_fen, loan.penalty_fen
    add(amounts_fen, Adjustment.REVERSE_INTEREST, interest_fen)
    add(amounts_fen, Adjustment.REVERSE_PENALTY, penalty_fen)
    add(amounts_fen, Adjustment.NORMAL_TO_NON_ACCRUAL, loan.normal_fen)
    add(amounts_fen, Adjustment.OVERDUE_TO_NON_ACCRUAL, loan.overdue_fen)
    loan.memo_interest_fen += interest_fen
    loan.memo_penalty_fen += penalty_fen
    loan.non_accrual_fen = loan.outstanding_fen
    loan.normal_fen = loan.overdue_fen = 0
    loan.non_accrual = True


def return_to_accrual(loan: Loan, amounts_fen: Amounts) -> None:
    """Take a loan back into accrual, if all its arrears were paid meanwhile."""
    if not loan.non_accrual or loan.late_since is not None:
        return
    assert not loan.late_principal_fen and not loan.memo_penalty_fen, f"{loan.id}: still late"
    add(amounts_fen, Adjustment.NON_ACCRUAL_TO_NORMAL, loan.non_accrual_fen)
    add(amounts_fen, Adjustment.RESTORE_INTEREST, loan.memo_interest_fen)
    loan.normal_fen, loan.non_accrual_fen = loan.non_accrual_fen, 0
    loan.memo_interest_fen = 0
    loan.non_accrual = False
