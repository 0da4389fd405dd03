"""What the loan book has the core do: pay a loan out, collect on it, adjust its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.corebank import CoreCode
from mocks.corebank.bank import Claim, parts_of
from mocks.corebank.keys import amounts

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import AdjustQuery, CollectQuery, DisburseQuery
    from mocks.corebank.bank import Bank
    from mocks.corebank.keys import Fate
    from mocks.corebank.union import Union


def disburse(union: Union, bank: Bank, query: DisburseQuery, on: date, now_s: float) -> Fate:
    """Pay a loan out, once a loan; it counts on no limit, but a class III account has its cap.

    A frozen account receives (只收不付), yet nobody is lent money who cannot dispose of it.
    """
    del now_s
    if not amounts(query.amount_fen):
        return bank.rejected(CoreCode.BAD_AMOUNT)
    if query.loan in bank.loans:
        return bank.rejected(CoreCode.LOAN_EXISTS)
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    code = deposit.takes(query.amount_fen, on, counted=False)
    if code is None and deposit.frozen:
        code = CoreCode.ACCOUNT_FROZEN
    if code is not None:
        return bank.rejected(code)
    bank.loans[query.loan] = Claim(query.loan, deposit)
    deposit.loans.append(query.loan)
    parts = {"amount": query.amount_fen}
    moves = bank.moves("disburse", parts, query.loan, deposit.ledger)
    fate = bank.booked(query.key, "disburse", moves, on, (deposit,))
    fate.subject = query.loan
    return fate


def collect(union: Union, bank: Bank, query: CollectQuery, on: date, now_s: float) -> Fate:
    """Collect the parts of a loan that the loan book allocated; it counts on no limit."""
    del now_s
    parts = parts_of(query)
    if not amounts(*parts.values()):
        return bank.rejected(CoreCode.BAD_AMOUNT)
    parts["total"] = sum(parts.values())
    parts["memo"] = query.memo_interest_fen + query.memo_penalty_fen + query.recovered_fen
    if query.loan not in bank.loans:
        return bank.rejected(CoreCode.NO_LOAN)
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    code = deposit.pays(parts["total"], on, counted=False)
    if code is not None:
        return bank.rejected(code)
    moves = bank.moves("collect", parts, query.loan, deposit.ledger)
    fate = bank.booked(query.key, "collect", moves, on, (deposit,))
    fate.subject = query.loan
    return fate


def adjust(union: Union, bank: Bank, query: AdjustQuery, on: date, now_s: float) -> Fate:
    """Book one of the loan book's own entries: no customer's account is touched."""
    del union, now_s
    if not amounts(query.amount_fen):
        return bank.rejected(CoreCode.BAD_AMOUNT)
    if query.loan not in bank.loans:
        return bank.rejected(CoreCode.NO_LOAN)
    kind = query.adjustment.value
    moves = bank.moves(kind, {"amount": query.amount_fen}, query.loan)
    fate = bank.booked(query.key, kind, moves, on)
    fate.subject = query.loan
    return fate
