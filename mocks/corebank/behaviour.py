"""Core banking: for each legal entity a book, its customers' accounts, and keys that post once.

A write is done once a key. The same key with the same content is replayed, with other content
refused; a rejected key stays rejected; a fenced one can never post. What fails changes nothing
but the key's own fate. The accounting date is the bank's own state and never goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from core.ports.corebank import (
    AccountClass,
    BalanceAnswer,
    CoreCode,
    CustomerAnswer,
    Direction,
    FiveAnswer,
    FiveVerdict,
    Key,
    Outcome,
    Posted,
)
from mocks.corebank.accounts import CLASS_II_MAX, Deposit
from mocks.corebank.bank import Bank, Fate
from mocks.corebank.chart import DEPOSITS, IN_TRANSIT, REVERSE
from mocks.corebank.ledger import Account, core_serial
from mocks.spec import Operation, Scope, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from core.identity import CardNumber
    from core.ports.corebank import (
        AdjustQuery,
        BalanceQuery,
        CollectQuery,
        CustomerQuery,
        DisburseQuery,
        Entry,
        FiveQuery,
        MoveQuery,
        OpenQuery,
        OutcomeQuery,
        ReverseQuery,
    )
    from core.ports.people import BankCard, People, Person
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.corebank.bank import Content

Q = TypeVar("Q")


class CoreBank:
    """The union's core system: one book a legal entity; fulfils ``ports.corebank.Ledger`` too."""

    PROVIDER: ClassVar[str] = "corebank"
    SCOPE: ClassVar[Scope] = "bank"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("customer"),
        Operation("verify_five"),
        Operation("open_account", writes=True),
        Operation("disburse", writes=True),
        Operation("collect", writes=True),
        Operation("adjust", writes=True),
        Operation("move", writes=True),
        Operation("reverse", writes=True),
        Operation("outcome", writes=True),  # with a fence it is
        Operation("balance"),
    )

    def __init__(self, people: People, bins: dict[str, str], start: date) -> None:
        """``bins`` names the banks and the first digits of their cards."""
        self._people = people
        self._banks = {bank: Bank(bank, bin_, start) for bank, bin_ in bins.items()}

    # The books, as an auditor reads them.

    def banks(self) -> list[str]:
        """The legal entities that keep a book here."""
        return list(self._banks)

    def entries(self, bank: str) -> list[Entry]:
        """Every entry of one bank, in the order of posting."""
        return list(self._banks[bank].book.entries)

    def balances(self, bank: str) -> dict[str, int]:
        """Every account's running balance in fen, debit positive."""
        return self._banks[bank].book.balances()

    def totals(self, bank: str) -> dict[str, int]:
        """The general ledger: every code's total in fen, debit positive."""
        return dict(self._banks[bank].book.totals)

    def fate(self, key: Key) -> Posted:
        """What became of a key."""
        fate = self._banks[key.bank].fates.get(key)
        return fate.posted if fate else Posted(Outcome.NOT_FOUND)

    def original_of(self, bank: str, serial: str) -> str:
        """The serial of the entry that a reversal undid, empty for every other entry."""
        return self._banks[bank].book.links.get(serial, "")

    def deposits(self, bank: str) -> list[Deposit]:
        """The customers' accounts that were touched or opened at one bank."""
        return list(self._banks[bank].deposits.values())

    def verify_chain(self, bank: str) -> bool:
        """Whether a bank's entries, chain, balances and totals all hold together."""
        return self._banks[bank].book.first_broken() is None

    # The day, and what only a branch can do.

    def accounting_date(self, bank: str) -> date:
        """The day a bank books on."""
        return self._banks[bank].accounting_date

    def close_day(self, bank: str, next_date: date) -> date:
        """Settle what is in transit and go on to ``next_date``; a day that has been is no move."""
        here = self._banks[bank]
        if next_date <= here.accounting_date:
            return here.accounting_date
        amount_fen = here.book.account(IN_TRANSIT).balance_fen
        if amount_fen:
            key = Key(bank, "core", here.accounting_date, "settle")
            moves = here.moves("settle", {"amount": amount_fen})
            here.book.post(key, "settle", here.accounting_date, moves)
        here.accounting_date = next_date
        return next_date

    def close_account(self, bank: str, card: CardNumber) -> None:
        """Close a customer's account: nothing is booked on it any more."""
        deposit = self._deposit(self._banks[bank], card)
        if deposit is not None:
            deposit.closed = True

    # Questions.

    def customer(
        self, trace: Trace, query: CustomerQuery, now_s: float, draws: Draws
    ) -> CustomerAnswer:
        """The person's class I card of the asking bank, and what the bank sees on it."""
        del now_s, draws
        person = self._people.by_number(query.number)
        if person is None or person.name != query.name:
            return CustomerAnswer(None)
        for card in person.cards:
            if card.class_one and card.bank == trace.bank:
                return CustomerAnswer(
                    card.number,
                    person.tenure_months,
                    person.average_deposit_fen,
                    person.monthly_wage_fen,
                )
        return CustomerAnswer(None)

    def verify_five(self, trace: Trace, query: FiveQuery, now_s: float, draws: Draws) -> FiveAnswer:
        """Ask the card's own bank for the five elements (五要素)."""
        del trace, now_s, draws
        text = query.card.text
        holder = self._people.by_card(query.card)
        if holder is None:
            for bank in self._banks.values():
                if text in bank.deposits:  # opened here: class II
                    return FiveAnswer(FiveVerdict.NOT_CLASS_ONE, bank.id)
            return FiveAnswer(FiveVerdict.NO_SUCH_CARD)
        card = _card_of(holder, text)
        return FiveAnswer(self._five(query, holder, card), card.bank)

    def balance(
        self, trace: Trace, query: BalanceQuery, now_s: float, draws: Draws
    ) -> BalanceAnswer:
        """What the customer may dispose of; asking books nothing."""
        del now_s, draws
        deposit = self._deposit(self._banks[trace.bank], query.account)
        if deposit is None:
            return BalanceAnswer(None)
        return BalanceAnswer(deposit.account_class, -deposit.ledger.balance_fen)

    def outcome(self, trace: Trace, query: OutcomeQuery, now_s: float, draws: Draws) -> Posted:
        """What became of a key; a fence makes "not found" final."""
        del trace, now_s, draws
        fates = self._banks[query.key.bank].fates
        fate = fates.get(query.key)
        if fate is not None:
            return fate.posted
        if not query.fence:
            return Posted(Outcome.NOT_FOUND)
        posted = Posted(Outcome.NOT_FOUND, CoreCode.FENCED)
        fates[query.key] = Fate(None, posted)
        return posted

    # Writes: each looks its key up, then acts once.

    def open_account(self, trace: Trace, query: OpenQuery, now_s: float, draws: Draws) -> Posted:
        """Open a class II account (二类户) bound to another account."""
        del trace, now_s, draws
        owner, phone, bound = query.number.text, query.phone.text, query.bound.text
        return self._once(query.key, ("open", query.name, owner, phone, bound), self._open, query)

    def disburse(self, trace: Trace, query: DisburseQuery, now_s: float, draws: Draws) -> Posted:
        """Pay a loan out, once a loan."""
        del trace, now_s, draws
        content = ("disburse", query.loan, query.account.text, query.amount_fen)
        return self._once(query.key, content, self._disburse, query)

    def collect(self, trace: Trace, query: CollectQuery, now_s: float, draws: Draws) -> Posted:
        """Collect the parts of a loan that the loan book allocated."""
        del trace, now_s, draws
        content = (
            "collect",
            query.loan,
            query.account.text,
            query.principal_fen,
            query.overdue_principal_fen,
            query.interest_fen,
            query.penalty_fen,
        )
        return self._once(query.key, content, self._collect, query)

    def adjust(self, trace: Trace, query: AdjustQuery, now_s: float, draws: Draws) -> Posted:
        """Book an accrual, or a move between normal and overdue."""
        del trace, now_s, draws
        content = ("adjust", query.loan, query.adjustment, query.amount_fen)
        return self._once(query.key, content, self._adjust, query)

    def move(self, trace: Trace, query: MoveQuery, now_s: float, draws: Draws) -> Posted:
        """Move money between an account and the account bound to it."""
        del trace, now_s, draws
        content = ("move", query.account.text, query.direction, query.amount_fen)
        return self._once(query.key, content, self._move, query)

    def reverse(self, trace: Trace, query: ReverseQuery, now_s: float, draws: Draws) -> Posted:
        """Undo a posting of the same accounting date; an original unknown so far is fenced."""
        del trace, now_s, draws
        return self._once(query.key, ("reverse", query.original), self._reverse, query)

    def _once(self, key: Key, content: Content, act: Callable[[Bank, Q], Fate], query: Q) -> Posted:
        """Act on a key that is new; answer for one that is not."""
        bank = self._banks[key.bank]
        fate = bank.fates.get(key)
        if fate is None:
            fate = bank.fates[key] = act(bank, query)
            fate.content = content
            return fate.posted
        if fate.content is None:
            return Posted(Outcome.REJECTED, CoreCode.FENCED)
        if fate.content != content:
            return Posted(Outcome.REJECTED, CoreCode.KEY_CONFLICT)
        was = fate.posted
        return Posted(
            was.outcome, was.code, was.core_serial, was.accounting_date, was.account, replayed=True
        )

    def _open(self, bank: Bank, query: OpenQuery) -> Fate:
        owner = query.number.text
        opened = bank.class_two.get(owner, 0)
        if opened + self._class_two_before(bank, query) >= CLASS_II_MAX:
            return bank.rejected(CoreCode.TOO_MANY_ACCOUNTS)
        card = bank.mint(query.key)
        ledger = bank.book.account(DEPOSITS[AccountClass.II], card.text)
        bank.deposits[card.text] = Deposit(card, AccountClass.II, owner, ledger, query.bound)
        bank.class_two[owner] = opened + 1
        serial, day = core_serial(query.key), bank.accounting_date
        return Fate(None, Posted(Outcome.DONE, CoreCode.OK, serial, day, card))

    def _disburse(self, bank: Bank, query: DisburseQuery) -> Fate:
        if not _amounts(query.amount_fen):
            return bank.rejected(CoreCode.BAD_AMOUNT)
        if query.loan in bank.loans:
            return bank.rejected(CoreCode.LOAN_EXISTS)
        deposit = self._deposit(bank, query.account)
        if deposit is None or deposit.closed:
            return bank.rejected(_absent(deposit))
        bank.loans.add(query.loan)
        parts = {"amount": query.amount_fen}
        moves = bank.moves("disburse", parts, query.loan, deposit.ledger)
        return bank.booked(query.key, "disburse", moves, deposit)

    def _collect(self, bank: Bank, query: CollectQuery) -> Fate:
        principal, overdue = query.principal_fen, query.overdue_principal_fen
        interest, penalty = query.interest_fen, query.penalty_fen
        if not _amounts(principal, overdue, interest, penalty):
            return bank.rejected(CoreCode.BAD_AMOUNT)
        if query.loan not in bank.loans:
            return bank.rejected(CoreCode.NO_LOAN)
        deposit = self._deposit(bank, query.account)
        if deposit is None or deposit.closed:
            return bank.rejected(_absent(deposit))
        parts = {
            "total": principal + overdue + interest + penalty,
            "principal": principal,
            "overdue_principal": overdue,
            "interest": interest,
            "penalty": penalty,
        }
        moves = bank.moves("collect", parts, query.loan, deposit.ledger)
        return bank.booked(query.key, "collect", moves, deposit)

    def _adjust(self, bank: Bank, query: AdjustQuery) -> Fate:
        if not _amounts(query.amount_fen):
            return bank.rejected(CoreCode.BAD_AMOUNT)
        if query.loan not in bank.loans:
            return bank.rejected(CoreCode.NO_LOAN)
        kind = query.adjustment.value
        moves = bank.moves(kind, {"amount": query.amount_fen}, query.loan)
        return bank.booked(query.key, kind, moves)

    def _move(self, bank: Bank, query: MoveQuery) -> Fate:
        if not _amounts(query.amount_fen):
            return bank.rejected(CoreCode.BAD_AMOUNT)
        deposit = self._deposit(bank, query.account)
        if deposit is None or deposit.closed or deposit.bound is None:
            return bank.rejected(_absent(deposit))
        bound = self._deposit(bank, deposit.bound)  # None: kept by another bank
        if bound is not None and bound.closed:
            return bank.rejected(CoreCode.ACCOUNT_CLOSED)
        kind = "move_in" if query.direction is Direction.IN else "move_out"
        other = bound.ledger if bound else bank.book.account(IN_TRANSIT)
        parts = {"amount": query.amount_fen}
        moves = bank.moves(kind, parts, card=deposit.ledger, other=other)
        touched = (deposit, bound) if bound else (deposit,)
        return bank.booked(query.key, kind, moves, *touched)

    def _reverse(self, bank: Bank, query: ReverseQuery) -> Fate:
        original = bank.fates.get(query.original)
        if original is None:
            posted = Posted(Outcome.NOT_FOUND, CoreCode.FENCED)
            bank.fates[query.original] = Fate(None, posted)
            return bank.rejected(CoreCode.NOT_REVERSIBLE)
        entry = original.entry
        if entry is None or original.reversed or entry.kind == REVERSE:
            return bank.rejected(CoreCode.NOT_REVERSIBLE)
        if entry.accounting_date != bank.accounting_date:
            return bank.rejected(CoreCode.NOT_REVERSIBLE)
        moves = [(bank.book.accounts[name], -amount_fen) for name, amount_fen in entry.legs]
        fate = bank.booked(query.key, REVERSE, moves, original=entry.core_serial)
        original.reversed = fate.entry is not None
        return fate

    # Whose account, and whose card.

    def _deposit(self, bank: Bank, card: CardNumber) -> Deposit | None:
        """Return the account of a card at one bank, None where that bank keeps none."""
        text = card.text
        deposit = bank.deposits.get(text)
        if deposit is not None:
            return deposit
        holder = self._people.by_card(card)
        if holder is None:
            return None
        held = _card_of(holder, text)
        if held.bank != bank.id:
            return None
        account_class = AccountClass.I if held.class_one else AccountClass.II
        ledger = Account(DEPOSITS[account_class], text)
        ledger.balance_fen = -held.balance_fen
        deposit = Deposit(card, account_class, holder.id_number.text, ledger)
        deposit.opening_fen = held.balance_fen
        bank.deposits[text] = deposit
        return deposit

    def _class_two_before(self, bank: Bank, query: OpenQuery) -> int:
        """Count the class II accounts that a person had here before the scenario began."""
        person = self._people.by_number(query.number)
        if person is None:
            return 0
        return sum([card.bank == bank.id and not card.class_one for card in person.cards])

    def _five(self, query: FiveQuery, holder: Person, card: BankCard) -> FiveVerdict:
        """Compare the five elements with what the card's bank knows."""
        bank = self._banks.get(card.bank)
        deposit = bank.deposits.get(card.number.text) if bank else None
        if deposit is not None and deposit.closed:
            return FiveVerdict.CARD_CLOSED
        same = (
            holder.name == query.name
            and holder.id_number.text == query.number.text
            and card.phone.text == query.phone.text
        )
        if not same:
            return FiveVerdict.DIFFERENT
        return FiveVerdict.SAME if card.class_one else FiveVerdict.NOT_CLASS_ONE


def _amounts(*parts_fen: object) -> bool:
    """Whether these are whole fen, none negative and not all zero."""
    for fen in parts_fen:
        if not isinstance(fen, int) or fen < 0:
            return False
    return any(parts_fen)


def _absent(deposit: Deposit | None) -> CoreCode:
    """Return why an account cannot be used."""
    return CoreCode.ACCOUNT_CLOSED if deposit and deposit.closed else CoreCode.NO_ACCOUNT


def _card_of(holder: Person, text: str) -> BankCard:
    """Return the card with that number among its holder's."""
    for card in holder.cards:
        if card.number.text == text:
            return card
    raise AssertionError("by_card named somebody who does not hold the card")
