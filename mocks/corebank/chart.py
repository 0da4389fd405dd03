"""The chart of accounts (会计科目) and the journal templates: what the core can book, as tables.

The codes are the smallest chart of a rural bank's loan business (new accounting standards). A
code's ``guard`` says on which side its sub-accounts must stay, and what the core answers to an
entry that would carry one across: a customer's account has no overdraft, nobody repays more than
is owed, and no loan is written off that was not provided for.

Each loan has sub-accounts of its own, named ``code:loan``. The memo interest (表外利息) is split as
the interest on the balance sheet is, 01 interest and 02 penalty, so that a loan's claim can be
compared figure by figure wherever it stands.

Decisions, where the rule leaves a choice:

- What comes in on a written-off loan is credited to 6702 at once. CAS 22 puts it back into the
  allowance and releases it from there, which ends in the same two legs.
- The balance sheet and the memo books balance each for itself in every entry.
- A payout that the loan book does not know (SUSPEND_OUT) leaves 1303.01 for 1221.09; a collection
  that it does not know (SUSPEND_IN) is owed again in 1303.01 against 2241.09.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from core.ports.corebank import AccountClass, Adjustment, CoreCode

DEBIT, CREDIT = 1, -1


class Kind(StrEnum):
    """What an account is to the balance sheet."""

    ASSET = "asset"
    CONTRA = "contra_asset"
    LIABILITY = "liability"
    CLEARING = "clearing"  # either side; zero after settlement
    INCOME = "income"
    EXPENSE = "expense"
    MEMO = "memo"


class Guard(NamedTuple):
    """The side a sub-account stays on, and the answer to what would carry it across."""

    side: int
    code: CoreCode


class Code(NamedTuple):
    """One row of the chart.

    ``confidence`` is that of ``contracts/corebank.md`` 6.2: M, a public table names the code; L, it
    is from memory of the national table; "own", it is ours.
    """

    code: str
    name: str
    kind: Kind
    guard: Guard | None = None
    confidence: str = "L"


NO_OVERDRAFT = Guard(CREDIT, CoreCode.NO_FUNDS)
NO_MORE_THAN_OWED = Guard(DEBIT, CoreCode.OVER_LOAN)
NO_MORE_THAN_PROVIDED = Guard(CREDIT, CoreCode.NO_ALLOWANCE)
NO_MORE_THAN_SUSPENDED = Guard(CREDIT, CoreCode.OVER_LOAN)

CHART: dict[str, Code] = {
    row.code: row
    for row in (
        Code("1003", "balance with the clearing bank", Kind.ASSET),
        Code("1132.01", "accrued interest", Kind.ASSET, NO_MORE_THAN_OWED, "M"),
        Code("1132.02", "accrued penalty interest", Kind.ASSET, NO_MORE_THAN_OWED, "M"),
        Code("1221.09", "suspense, unmatched out", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1303.01", "loan principal, normal", Kind.ASSET, NO_MORE_THAN_OWED, "M"),
        Code("1303.02", "loan principal, overdue", Kind.ASSET, NO_MORE_THAN_OWED, "M"),
        Code("1303.03", "loan principal, non-accrual", Kind.ASSET, NO_MORE_THAN_OWED, "M"),
        Code("1304", "loan loss allowance", Kind.CONTRA, NO_MORE_THAN_PROVIDED, "M"),
        Code("2011.01", "customer deposits, class I", Kind.LIABILITY, NO_OVERDRAFT),
        Code("2011.02", "customer deposits, class II", Kind.LIABILITY, NO_OVERDRAFT),
        Code("2011.03", "customer deposits, class III", Kind.LIABILITY, NO_OVERDRAFT, "own"),
        Code("2221", "tax payable", Kind.LIABILITY),
        Code("2241.01", "overpayments due to customers", Kind.LIABILITY),
        Code("2241.09", "suspense, unmatched in", Kind.LIABILITY, NO_MORE_THAN_SUSPENDED),
        Code("3001.01", "clearing in transit, payment network", Kind.CLEARING),
        Code("3001.02", "clearing in transit, province platform", Kind.CLEARING),
        Code("6011.01", "interest income", Kind.INCOME),
        Code("6011.02", "penalty interest income", Kind.INCOME),
        Code("6021", "fee income", Kind.INCOME),
        Code("6702", "credit impairment loss", Kind.EXPENSE),
        Code("M9001.01", "memo: interest off balance sheet", Kind.MEMO, NO_MORE_THAN_OWED, "own"),
        Code("M9001.02", "memo: penalty off balance sheet", Kind.MEMO, NO_MORE_THAN_OWED, "own"),
        Code("M9002", "memo: written-off loans", Kind.MEMO, NO_MORE_THAN_OWED, "own"),
        Code("M9003", "memo: unused credit lines", Kind.MEMO, None, "own"),
        Code("M9999", "memo: counter", Kind.MEMO, None, "own"),
    )
}

DEPOSITS: dict[AccountClass, str] = {
    AccountClass.I: "2011.01",
    AccountClass.II: "2011.02",
    AccountClass.III: "2011.03",
}
# The sub-accounts that a loan may have.
LOAN_CODES = frozenset(
    {
        "1132.01",
        "1132.02",
        "1221.09",
        "1303.01",
        "1303.02",
        "1303.03",
        "1304",
        "2241.09",
        "M9001.01",
        "M9001.02",
        "M9002",
    }
)
MEMO = frozenset(code for code, row in CHART.items() if row.kind is Kind.MEMO)
CLEARING = tuple(code for code, row in CHART.items() if row.kind is Kind.CLEARING)

# Stands in a template for an account that depends on the request.
CARD = "card"  # the customer's account
OTHER = "other"  # where the money of a move comes from or goes to


class Line(NamedTuple):
    """One leg of a template: the side, the account, and which of the request's amounts."""

    side: int
    account: str
    part: str = "amount"


# What is in transit with the payment network, when its money comes from or goes to other banks,
# and with the province's platform, when that bank is another of the union.
IN_TRANSIT = "3001.01"
PLATFORM = "3001.02"

Template = tuple[Line, ...]


def _pair(debit: str, credit: str) -> Template:
    return Line(DEBIT, debit), Line(CREDIT, credit)


def _both(debit: str, credit: str, memo_debit: str, memo_credit: str) -> Template:
    """Two legs on the balance sheet and two in the memo books, all of one amount."""
    return (*_pair(debit, credit), *_pair(memo_debit, memo_credit))


TEMPLATES: dict[str, Template] = {
    "opening": _pair("1003", CARD),
    "disburse": _pair("1303.01", CARD),
    "collect": (
        Line(DEBIT, CARD, "total"),
        Line(CREDIT, "1303.01", "principal"),
        Line(CREDIT, "1303.02", "overdue_principal"),
        Line(CREDIT, "1132.01", "interest"),
        Line(CREDIT, "1132.02", "penalty"),
        Line(CREDIT, "1303.03", "non_accrual_principal"),
        Line(CREDIT, "6011.01", "memo_interest"),
        Line(CREDIT, "6011.02", "memo_penalty"),
        Line(CREDIT, "6702", "recovered"),
        Line(DEBIT, "M9999", "memo"),
        Line(CREDIT, "M9001.01", "memo_interest"),
        Line(CREDIT, "M9001.02", "memo_penalty"),
        Line(CREDIT, "M9002", "recovered"),
    ),
    Adjustment.ACCRUE_INTEREST: _pair("1132.01", "6011.01"),
    Adjustment.ACCRUE_PENALTY: _pair("1132.02", "6011.02"),
    Adjustment.TO_OVERDUE: _pair("1303.02", "1303.01"),
    Adjustment.TO_NORMAL: _pair("1303.01", "1303.02"),
    Adjustment.NORMAL_TO_NON_ACCRUAL: _pair("1303.03", "1303.01"),
    Adjustment.OVERDUE_TO_NON_ACCRUAL: _pair("1303.03", "1303.02"),
    Adjustment.NON_ACCRUAL_TO_NORMAL: _pair("1303.01", "1303.03"),
    Adjustment.NON_ACCRUAL_TO_OVERDUE: _pair("1303.02", "1303.03"),
    Adjustment.REVERSE_INTEREST: _both("6011.01", "1132.01", "M9001.01", "M9999"),
    Adjustment.REVERSE_PENALTY: _both("6011.02", "1132.02", "M9001.02", "M9999"),
    Adjustment.RESTORE_INTEREST: _both("1132.01", "6011.01", "M9999", "M9001.01"),
    Adjustment.RESTORE_PENALTY: _both("1132.02", "6011.02", "M9999", "M9001.02"),
    Adjustment.MEMO_INTEREST: _pair("M9001.01", "M9999"),
    Adjustment.MEMO_PENALTY: _pair("M9001.02", "M9999"),
    Adjustment.PROVIDE: _pair("6702", "1304"),
    Adjustment.RELEASE: _pair("1304", "6702"),
    Adjustment.WRITE_OFF: _both("1304", "1303.03", "M9002", "M9999"),
    Adjustment.SUSPEND_OUT: _pair("1221.09", "1303.01"),
    Adjustment.CLEAR_OUT: _pair("1303.01", "1221.09"),
    Adjustment.SUSPEND_IN: _pair("1303.01", "2241.09"),
    Adjustment.CLEAR_IN: _pair("2241.09", "1303.01"),
    "move_in": _pair(OTHER, CARD),
    "move_out": _pair(CARD, OTHER),
    "transfer_in": _pair(OTHER, CARD),
    "transfer_out": (
        Line(DEBIT, CARD, "total"),
        Line(CREDIT, OTHER),
        Line(CREDIT, "6021", "fee"),
    ),
    "exempt_in": _pair(OTHER, CARD),
    "exempt_out": (
        Line(DEBIT, CARD, "total"),
        Line(CREDIT, OTHER),
        Line(CREDIT, "6021", "fee"),
    ),
    "commit": _pair(CARD, IN_TRANSIT),
    "settle": _pair("1003", OTHER),
}
REVERSE = "reverse"  # has no template: it mirrors the legs of another entry
