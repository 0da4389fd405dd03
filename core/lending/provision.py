"""Provision for loan losses (贷款损失准备) and write-off (核销).

The allowance of a loan is a share of its principal by category. It is reckoned anew at the day
end of every month's last day and of every day that changed the category; the difference is
provided or released.

The shares: PBC guidance of 2002 (银发〔2002〕98号), of which its own text was not seen; the numbers
are those of an examination item (livelovelifegateway.com/tiku/shiti/
83d949f0556d4ee4b2d7515aeff0ccb4.html), confidence medium. There the general 1 % is of all loans
and the rest comes on top; here it is what a normal loan is provided with, since a loan cannot
lose more than itself (confidence low). Interest receivable is not provided for: at the latest
after 90 days it is no asset any more.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from core.lending.classification import Category
from core.lending.loan import A_DAY, STILL, Booking, LoanState
from core.money import PPM, divide
from core.ports.corebank import Adjustment

if TYPE_CHECKING:
    from core.lending.loan import Loan
    from core.lending.nonaccrual import Amounts


class ShareSet(NamedTuple):
    """The allowance of each category, in millionths of the principal, from a date on."""

    since: date
    source: str
    confidence: str
    share_ppm: dict[Category, int]


SHARE_SETS: tuple[ShareSet, ...] = (  # newest first
    ShareSet(
        date.min,
        "PBC guidance on loan loss provisions, 2002 (an examination item quotes the numbers)",
        "medium",
        {
            Category.NORMAL: 10_000,
            Category.SPECIAL_MENTION: 20_000,
            Category.SUBSTANDARD: 250_000,
            Category.DOUBTFUL: 500_000,
            Category.LOSS: 1_000_000,
        },
    ),
)


class WriteOffRule(NamedTuple):
    """From which category on a loan may be written off, from a date on."""

    since: date
    source: str
    confidence: str
    category: Category


WRITE_OFF_RULES: tuple[WriteOffRule, ...] = (  # newest first
    WriteOffRule(
        date.min,
        "our own: the write-off measures of the finance ministry (财金〔2017〕90号) were not seen",
        "low",
        Category.LOSS,
    ),
)


def wanted_fen(loan: Loan, on: date) -> int:
    """Return the allowance that a loan's category asks for on a date."""
    if loan.state in STILL:
        return 0
    shares = next(shares for shares in SHARE_SETS if shares.since <= on)
    return divide(loan.outstanding_fen * shares.share_ppm[loan.category], PPM)


def close_provision(loan: Loan, on: date, amounts_fen: Amounts) -> None:
    """Book the difference, where a month has ended since the last day end, or the category moved.

    To be called at the end of a day end, before the day is noted as done.
    """
    first, after = loan.closed_on + A_DAY, on + A_DAY
    month_ended = (first.year, first.month) != (after.year, after.month)
    if month_ended or loan.category is not loan.provided_as or loan.state in STILL:
        _provide(loan, wanted_fen(loan, on), amounts_fen)
        loan.provided_as = loan.category


def _provide(loan: Loan, allowance_fen: int, amounts_fen: Amounts) -> None:
    change_fen = allowance_fen - loan.allowance_fen
    loan.allowance_fen = allowance_fen
    if change_fen:
        kind = Adjustment.PROVIDE if change_fen > 0 else Adjustment.RELEASE
        amounts_fen[kind] = abs(change_fen)


def write_off(loan: Loan, on: date) -> list[Booking]:
    """Write a loan off; return what is to be booked: what its allowance lacks, then the write-off.

    The loan must have been turned to ``on``. Its principal goes against the allowance and stands
    in the memo books (M9002) from then on, beside its interest and penalty: the bank keeps its
    claim (账销案存). Nothing accrues any more, so the claim is a fixed sum (confidence low; what a
    court adds later is not the loan book's).

    Raises:
        InputError: the loan is not bad enough for it, or has ended already.
    """
    assert loan.accrued_through == on, f"{loan.id}: turn the loan to {on} first"
    if loan.state in STILL:
        raise InputError(f"write-off of {loan.id}", f"it is {loan.state}", "there is nothing to do")
    rule = next(rule for rule in WRITE_OFF_RULES if rule.since <= on)
    if loan.category < rule.category:
        problem = f"it is {loan.category.name}, which is not {rule.category.name}"
        raise InputError(f"write-off of {loan.id}", problem, "collect it, or wait")
    principal_fen = loan.non_accrual_fen
    assert principal_fen == loan.outstanding_fen, f"{loan.id}: principal is still accruing"
    amounts_fen: Amounts = {}
    _provide(loan, principal_fen, amounts_fen)
    if principal_fen:
        amounts_fen[Adjustment.WRITE_OFF] = principal_fen
    loan.allowance_fen = loan.non_accrual_fen = 0
    loan.late_principal_fen = loan.late_interest_fen = 0
    loan.written_off_fen = principal_fen
    loan.state = LoanState.WRITTEN_OFF
    return [Booking(kind, amount_fen) for kind, amount_fen in amounts_fen.items()]
