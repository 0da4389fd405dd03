"""The chart of accounts (会计科目) and the journal templates: what the core can book, as tables.

The codes are the smallest chart of a rural bank's loan business (new accounting standards). A
code's ``guard`` says on which side its sub-accounts must stay, and what the core answers to an
entry that would carry one across: a customer's account has no overdraft, and nobody repays more
than is owed.
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
    """One row of the chart."""

    code: str
    name: str
    kind: Kind
    guard: Guard | None = None


NO_OVERDRAFT = Guard(CREDIT, CoreCode.NO_FUNDS)
NO_MORE_THAN_OWED = Guard(DEBIT, CoreCode.OVER_LOAN)

CHART: dict[str, Code] = {
    row.code: row
    for row in (
        Code("1003", "balance with the clearing bank", Kind.ASSET),
        Code("1132.01", "accrued interest", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1132.02", "accrued penalty interest", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1221.09", "suspense, unmatched out", Kind.ASSET),
        Code("1303.01", "loan principal, normal", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1303.02", "loan principal, overdue", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1303.03", "loan principal, non-accrual", Kind.ASSET, NO_MORE_THAN_OWED),
        Code("1304", "loan loss allowance", Kind.CONTRA),
        Code("2011.01", "customer deposits, class I", Kind.LIABILITY, NO_OVERDRAFT),
        Code("2011.02", "customer deposits, class II", Kind.LIABILITY, NO_OVERDRAFT),
        Code("2221", "tax payable", Kind.LIABILITY),
        Code("2241.01", "overpayments due to customers", Kind.LIABILITY),
        Code("2241.09", "suspense, unmatched in", Kind.LIABILITY),
        Code("3001.01", "clearing in transit, payment network", Kind.CLEARING),
        Code("3001.02", "clearing in transit, province platform", Kind.CLEARING),
        Code("6011.01", "interest income", Kind.INCOME),
        Code("6011.02", "penalty interest income", Kind.INCOME),
        Code("6702", "credit impairment loss", Kind.EXPENSE),
        Code("M9001", "memo: interest off balance sheet", Kind.MEMO),
        Code("M9002", "memo: written-off loans", Kind.MEMO),
        Code("M9003", "memo: unused credit lines", Kind.MEMO),
        Code("M9999", "memo: counter", Kind.MEMO),
    )
}

DEPOSITS: dict[AccountClass, str] = {
    AccountClass.I: "2011.01",
    AccountClass.II: "2011.02",
}
# The sub-accounts that every loan has.
LOAN_CODES = ("1303.01", "1303.02", "1132.01", "1132.02")

# Stands in a template for an account that depends on the request.
CARD = "card"  # the customer's account
OTHER = "other"  # where the money of a move comes from or goes to


class Line(NamedTuple):
    """One leg of a template: the side, the account, and which of the request's amounts."""

    side: int
    account: str
    part: str = "amount"


# What is in transit with the payment network, when its money comes from or goes to other banks.
IN_TRANSIT = "3001.01"

TEMPLATES: dict[str, tuple[Line, ...]] = {
    "opening": (Line(DEBIT, "1003"), Line(CREDIT, CARD)),
    "disburse": (Line(DEBIT, "1303.01"), Line(CREDIT, CARD)),
    "collect": (
        Line(DEBIT, CARD, "total"),
        Line(CREDIT, "1303.01", "principal"),
        Line(CREDIT, "1303.02", "overdue_principal"),
        Line(CREDIT, "1132.01", "interest"),
        Line(CREDIT, "1132.02", "penalty"),
    ),
    Adjustment.ACCRUE_INTEREST: (Line(DEBIT, "1132.01"), Line(CREDIT, "6011.01")),
    Adjustment.ACCRUE_PENALTY: (Line(DEBIT, "1132.02"), Line(CREDIT, "6011.02")),
    Adjustment.TO_OVERDUE: (Line(DEBIT, "1303.02"), Line(CREDIT, "1303.01")),
    Adjustment.TO_NORMAL: (Line(DEBIT, "1303.01"), Line(CREDIT, "1303.02")),
    "move_in": (Line(DEBIT, OTHER), Line(CREDIT, CARD)),
    "move_out": (Line(DEBIT, CARD), Line(CREDIT, OTHER)),
    "settle": (Line(DEBIT, "1003"), Line(CREDIT, IN_TRANSIT)),
}
REVERSE = "reverse"  # has no template: it mirrors the legs of another entry
