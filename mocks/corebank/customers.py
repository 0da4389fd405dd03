"""What is done to a customer's account without moving money: open, freeze, confirm, bind, close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.corebank import AccountAct, AccountClass, CoreCode
from mocks.corebank.accounts import MOST_ACCOUNTS, Deposit
from mocks.corebank.chart import DEPOSITS

if TYPE_CHECKING:
    from datetime import date

    from core.ports.corebank import AccountQuery, OpenQuery
    from mocks.corebank.bank import Bank
    from mocks.corebank.keys import Fate
    from mocks.corebank.union import Union


def open_account(union: Union, bank: Bank, query: OpenQuery, on: date, now_s: float) -> Fate:
    """Open an account of class II (二类户) or III (三类户); class I is opened by staff alone."""
    del now_s
    account_class, owner = query.account_class, query.number.text
    if account_class is AccountClass.I:
        return bank.rejected(CoreCode.NOT_CONFIRMED)
    if union.count(bank, query.number, account_class) >= MOST_ACCOUNTS[account_class]:
        return bank.rejected(CoreCode.TOO_MANY_ACCOUNTS)
    card = bank.mint(query.key)
    ledger = bank.book.account(DEPOSITS[account_class], card.text)
    deposit = Deposit(card, account_class, owner, ledger, query.bound)
    bank.deposits[card.text] = deposit
    bank.opened.setdefault((owner, account_class), []).append(deposit)
    return bank.noted(query.key, on, card)


def act_on(union: Union, bank: Bank, query: AccountQuery, on: date, now_s: float) -> Fate:
    """Do something to an account that lives; what is already so is done."""
    del now_s
    deposit = union.deposit(bank, query.account)
    if deposit is None:
        return bank.rejected(CoreCode.NO_ACCOUNT)
    if deposit.closed:
        return bank.rejected(CoreCode.ACCOUNT_CLOSED)
    match query.act:
        case AccountAct.FREEZE | AccountAct.UNFREEZE:
            deposit.frozen = query.act is AccountAct.FREEZE
            code = None
        case AccountAct.CONFIRM:
            deposit.confirmed = True
            code = None
        case AccountAct.BIND | AccountAct.UNBIND:
            code = _bind(union, deposit, query)
        case AccountAct.CLOSE:
            code = _close(bank, deposit)
    return bank.noted(query.key, on) if code is None else bank.rejected(code)


def _bind(union: Union, deposit: Deposit, query: AccountQuery) -> CoreCode | None:
    """Bind another card, or none; return why not. What was bound before is bound no longer."""
    if query.act is AccountAct.UNBIND:
        if deposit.bound is None:
            return CoreCode.NOT_BOUND
        deposit.bound = None
        return None
    if query.bound is None or deposit.account_class is AccountClass.I:
        return CoreCode.NOT_BOUND
    if not union.may_bind(deposit.owner, query.bound):
        return CoreCode.NOT_BOUND
    deposit.bound = query.bound
    return None


def _close(bank: Bank, deposit: Deposit) -> CoreCode | None:
    """Close an account of which nothing is left and on which nothing leans; return why not.

    A frozen account is not closed either: the freeze would have no object.
    """
    if deposit.frozen:
        return CoreCode.ACCOUNT_FROZEN
    if deposit.balance_fen or deposit.ledger.held_fen:
        return CoreCode.BALANCE_LEFT
    if any(bank.loans[loan].is_open for loan in deposit.loans):
        return CoreCode.LOAN_LEFT
    for other in bank.deposits.values():
        if other.bound == deposit.card and not other.closed:
            return CoreCode.STILL_BOUND
    deposit.closed = True
    return None
