"""The union of rural banks (农信联社): its banks side by side, and whose account a card is.

Each bank is a legal entity with a book of its own; the union knows them by their cards' digits. A
person's cards from before the scenario become accounts when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.ports.corebank import AccountClass, CustomerAnswer, FiveAnswer, FiveVerdict
from mocks.corebank.accounts import Deposit
from mocks.corebank.bank import Bank, Day
from mocks.corebank.chart import DEPOSITS
from mocks.corebank.ledger import Account, Book

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber, IdNumber
    from core.ports.corebank import CustomerQuery, FiveQuery
    from core.ports.people import BankCard, People, Person


class Union:
    """The banks, and the people who hold their cards."""

    def __init__(self, people: People, bins: dict[str, str], start: date) -> None:
        self.people = people
        self.start = start
        self.banks = {id_: Bank(id_, bin_, Day(start), Book(start)) for id_, bin_ in bins.items()}
        self._by_bin = {bank.bin: bank for bank in self.banks.values()}

    def bank_of(self, card: CardNumber) -> Bank | None:
        """Return the bank of the union that issued a card, None for any other."""
        return self._by_bin.get(card.bin)

    def deposit(self, bank: Bank, card: CardNumber) -> Deposit | None:
        """Return the account of a card at one bank, None where that bank keeps none."""
        text = card.text
        deposit = bank.deposits.get(text)
        if deposit is not None:
            return deposit
        holder = self.people.by_card(card)
        if holder is None:
            return None
        held = card_of(holder, text)
        if held.bank != bank.id:
            return None
        account_class = AccountClass.I if held.class_one else AccountClass.II
        ledger = Account(DEPOSITS[account_class], text)
        ledger.balance_fen = -held.balance_fen
        deposit = Deposit(card, account_class, holder.id_number.text, ledger)
        deposit.opening_fen = held.balance_fen
        bank.deposits[text] = deposit
        return deposit

    def named(self, bank: Bank, ledger_account: str) -> Deposit | None:
        """Return the customer's account behind an account of the book, None where it is another."""
        code, _, text = ledger_account.partition(":")
        return bank.deposits.get(text) if code in DEPOSITS.values() else None

    def count(self, bank: Bank, number: IdNumber, account_class: AccountClass) -> int:
        """Count a person's living accounts of a class at a bank, those from before included."""
        here = bank.opened.get((number.text, account_class), ())
        opened = sum([not deposit.closed for deposit in here])
        if account_class is not AccountClass.II:
            return opened  # the people of a scenario come with class I and II cards only
        holder = self.people.by_number(number)
        if holder is None:
            return opened
        before = [card for card in holder.cards if card.bank == bank.id and not card.class_one]
        return opened + sum([not self.is_closed(card) for card in before])

    # Who is a customer, and whose is a card.

    def customer(self, bank: str, query: CustomerQuery) -> CustomerAnswer:
        """Return the person's class I card of a bank, and what the bank sees on it."""
        person = self.people.by_number(query.number)
        if person is None or person.name != query.name:
            return CustomerAnswer(None)
        for card in person.cards:
            if card.class_one and card.bank == bank:
                return CustomerAnswer(
                    card.number,
                    person.tenure_months,
                    person.average_deposit_fen,
                    person.monthly_wage_fen,
                )
        return CustomerAnswer(None)

    def five(self, query: FiveQuery) -> FiveAnswer:
        """Return what the card's own bank says to the five elements."""
        text = query.card.text
        holder = self.people.by_card(query.card)
        if holder is None:
            for bank in self.banks.values():
                if text in bank.deposits:  # opened here: class II or III
                    return FiveAnswer(FiveVerdict.NOT_CLASS_ONE, bank.id)
            return FiveAnswer(FiveVerdict.NO_SUCH_CARD)
        card = card_of(holder, text)
        return FiveAnswer(self._verdict(query, holder, card), card.bank)

    def _verdict(self, query: FiveQuery, holder: Person, card: BankCard) -> FiveVerdict:
        same = (
            holder.name == query.name
            and holder.id_number.text == query.number.text
            and card.phone.text == query.phone.text
        )
        if self.is_closed(card):
            return FiveVerdict.CARD_CLOSED
        if not same:
            return FiveVerdict.DIFFERENT
        return FiveVerdict.SAME if card.class_one else FiveVerdict.NOT_CLASS_ONE

    def is_closed(self, card: BankCard) -> bool:
        """Whether a card's account was closed with a bank of the union."""
        bank = self.banks.get(card.bank)
        deposit = bank.deposits.get(card.number.text) if bank else None
        return deposit is not None and deposit.closed

    def may_bind(self, owner: str, card: CardNumber) -> bool:
        """Whether a card is a living class I card of the same person (银发〔2016〕302号)."""
        holder = self.people.by_card(card)
        if holder is None or holder.id_number.text != owner:
            return False
        held = card_of(holder, card.text)
        return held.class_one and not self.is_closed(held)


def card_of(holder: Person, text: str) -> BankCard:
    """Return the card with that number among its holder's."""
    for card in holder.cards:
        if card.number.text == text:
            return card
    raise AssertionError("by_card named somebody who does not hold the card")
