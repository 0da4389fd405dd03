"""Core banking: keys post once, guards hold, reversals and days behave, questions book nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from core.identity import CardNumber, PhoneNumber
from core.ports.corebank import (
    AccountAct,
    AccountClass,
    AccountQuery,
    Adjustment,
    AdjustQuery,
    BalanceQuery,
    BankQuery,
    CollectQuery,
    CoreCode,
    CustomerQuery,
    Direction,
    DisburseQuery,
    FiveQuery,
    FiveVerdict,
    Key,
    Leg,
    MoveQuery,
    OpenQuery,
    Outcome,
    OutcomeQuery,
    ReserveQuery,
    ResolveQuery,
    ReverseQuery,
    TransferQuery,
)
from mocks.corebank.behaviour import CoreBank

START = date(2020, 7, 1)
NEXT = date(2020, 7, 2)
BINS = {"b01": "629001", "b02": "629002"}


class Clerk:
    """The core of two banks, and a clerk who numbers the requests and has a watch."""

    def __init__(self, town, trace, faults=()):
        self.core = CoreBank(town, BINS, START, faults)
        self.li, self.wang = town.people[:2]
        self.card = self.li.cards[0].number  # class I at b01
        self.now_s = 0.0
        self._trace, self._serial = trace, 0

    @classmethod
    def of(cls, make_person, make_card, make_town, trace, faults=()):
        """A clerk for Li, who has 1,000 yuan at b01, and Wang, who banks elsewhere."""
        li = make_person("li", cards=(make_card(1, balance_fen=100_000),))
        outside = make_card(7, "elsewhere", bin_="629900")
        wang = make_person("wang", name="王芳", birth=date(1990, 2, 3), cards=(outside,))
        return cls(make_town(li, wang), trace, faults)

    def key(self, serial=None, bank="b01", channel="app"):
        if serial is None:
            self._serial += 1
            serial = f"s{self._serial}"
        return Key(bank, channel, START, serial)

    def ask(self, operation, query, bank="b01", draws=None):
        return getattr(self.core, operation)(self._trace(bank=bank), query, self.now_s, draws)

    # Writes; each takes the key, or a new one.

    def open(self, person, key=None, bank="b01", account_class=AccountClass.II, confirmed=False):
        bound = person.cards[0].number
        query = OpenQuery(
            key or self.key(bank=bank),
            person.name,
            person.id_number,
            person.phone,
            bound,
            account_class=account_class,
        )
        opened = self.ask("open_account", query)
        if confirmed:
            self.act(opened.account, AccountAct.CONFIRM, key=self.key(bank=bank))
        return opened

    def pay_out(self, loan="L1", account=None, fen=50_000, key=None, bank="b01", **more):
        until, draws = more.get("until"), more.get("draws")
        query = DisburseQuery(key or self.key(bank=bank), loan, account or self.card, fen, until)
        return self.ask("disburse", query, draws=draws)

    def collect(self, loan="L1", account=None, key=None, parts=(0, 0, 0, 0), **more):
        query = CollectQuery(key or self.key(), loan, account or self.card, *parts, **more)
        return self.ask("collect", query)

    def adjust(self, adjustment, fen, loan="L1", key=None):
        return self.ask("adjust", AdjustQuery(key or self.key(), loan, adjustment, fen))

    def move(self, account, direction, fen, key=None):
        return self.ask("move", MoveQuery(key or self.key(), account, direction, fen))

    def transfer(self, account, direction, fen, key=None, **more):
        return self.ask(
            "transfer", TransferQuery(key or self.key(), account, direction, fen, **more)
        )

    def reserve(self, account=None, fen=10_000, key=None, expires=None):
        query = ReserveQuery(key or self.key(), account or self.card, fen, expires)
        return self.ask("reserve", query)

    def resolve(self, reservation, fen=0, key=None):
        return self.ask("resolve", ResolveQuery(key or self.key(), reservation, fen))

    def act(self, account, act, bound=None, key=None):
        return self.ask("account", AccountQuery(key or self.key(), account, act, bound))

    def reverse(self, original, key=None):
        return self.ask("reverse", ReverseQuery(key or self.key(), original))

    # Questions.

    def outcome(self, key, *, fence=False):
        return self.ask("outcome", OutcomeQuery(key, fence))

    def balance(self, account, bank="b01"):
        return self.ask("balance", BalanceQuery(account), bank)

    def room(self, account, bank="b01"):
        limits = self.ask("limits", BalanceQuery(account), bank)
        return limits.in_fen, limits.out_fen

    def day(self, bank="b01"):
        return self.ask("day", BankQuery(bank))

    def file(self, on=None, bank="b01"):
        return self.ask("reconciliation", BankQuery(bank, on)).content

    def books(self, bank="b01"):
        return self.core.entries(bank), self.core.balances(bank), self.core.totals(bank)

    # The day.

    def to_batch(self, bank="b01"):
        self.core.cutoff(bank)
        self.core.begin_batch(bank)


@pytest.fixture
def desk(make_person, make_card, make_town, trace):
    return Clerk.of(make_person, make_card, make_town, trace)


def codes(*answers):
    return [(answer.outcome, answer.code) for answer in answers]


DONE = (Outcome.DONE, CoreCode.OK)


def rejected(code):
    return Outcome.REJECTED, code


# What is booked.


def test_a_drawdown_and_its_repayment_book_what_the_templates_say(desk):
    desk.pay_out(fen=50_000)
    desk.adjust(Adjustment.ACCRUE_INTEREST, 900)
    desk.adjust(Adjustment.TO_OVERDUE, 20_000)
    desk.adjust(Adjustment.ACCRUE_PENALTY, 30)
    desk.collect(parts=(10_000, 5_000, 900, 30))
    desk.adjust(Adjustment.TO_NORMAL, 15_000)

    card = f"2011.01:{desk.card.text}"
    assert [(entry.kind, entry.legs) for entry in desk.core.entries("b01")] == [
        ("opening", (Leg("1003", 100_000), Leg(card, -100_000))),
        ("disburse", (Leg("1303.01:L1", 50_000), Leg(card, -50_000))),
        ("accrue_interest", (Leg("1132.01:L1", 900), Leg("6011.01", -900))),
        ("to_overdue", (Leg("1303.02:L1", 20_000), Leg("1303.01:L1", -20_000))),
        ("accrue_penalty", (Leg("1132.02:L1", 30), Leg("6011.02", -30))),
        (
            "collect",
            (
                Leg(card, 15_930),
                Leg("1303.01:L1", -10_000),
                Leg("1303.02:L1", -5_000),
                Leg("1132.01:L1", -900),
                Leg("1132.02:L1", -30),
            ),
        ),
        ("to_normal", (Leg("1303.01:L1", 15_000), Leg("1303.02:L1", -15_000))),
    ]
    assert desk.balance(desk.card).balance_fen == 100_000 + 50_000 - 15_930
    assert desk.core.verify_chain("b01")


def test_parts_that_are_nothing_make_no_leg(desk):
    desk.pay_out(fen=50_000)
    desk.collect(parts=(50_000, 0, 0, 0))

    assert len(desk.core.entries("b01")[-1].legs) == 2
    assert desk.core.balances("b01")["1303.01:L1"] == 0


def test_the_general_ledger_is_the_sum_of_its_accounts(desk):
    desk.pay_out("L1", fen=50_000)
    desk.pay_out("L2", fen=20_000)

    _, balances, totals = desk.books()
    assert totals["1303.01"] == balances["1303.01:L1"] + balances["1303.01:L2"] == 70_000
    assert sum(totals.values()) == sum(balances.values()) == 0


def test_an_answer_carries_serial_and_accounting_date(desk):
    answer = desk.pay_out()

    assert answer.core_serial == desk.core.entries("b01")[-1].core_serial
    assert answer.accounting_date == START
    assert not answer.replayed


# Keys.


def test_the_same_request_again_is_replayed_and_posts_once(desk):
    key = desk.key()
    first, again = desk.pay_out(key=key), desk.pay_out(key=key)

    assert again == replace(first, replayed=True)
    assert len(desk.core.entries("b01")) == 2  # the opening and one payout


@pytest.mark.parametrize("change", [{"fen": 50_001}, {"loan": "L2"}])
def test_the_same_key_with_other_content_is_refused_and_the_first_stands(desk, change):
    key = desk.key()
    desk.pay_out(key=key)
    before = desk.books()

    assert codes(desk.pay_out(key=key, **change)) == [rejected(CoreCode.KEY_CONFLICT)]
    assert desk.books() == before
    assert codes(desk.outcome(key), desk.pay_out(key=key)) == [DONE, DONE]


def test_a_key_of_another_operation_conflicts(desk):
    key = desk.key()
    desk.pay_out(key=key)

    assert codes(desk.collect(key=key, parts=(1, 0, 0, 0))) == [rejected(CoreCode.KEY_CONFLICT)]


def test_the_same_serial_at_another_bank_is_another_key(desk, make_person):
    card = desk.open(desk.wang, desk.key("x", "b02")).account

    answers = desk.pay_out(key=desk.key("s")), desk.pay_out("L1", card, key=desk.key("s", "b02"))

    assert codes(*answers) == [DONE, DONE]
    assert [len(desk.core.entries(bank)) for bank in ("b01", "b02")] == [2, 1]


def test_a_rejected_key_stays_rejected_though_the_reason_has_gone(desk):
    key = desk.key()
    desk.pay_out(fen=50_000)
    assert codes(desk.collect("L1", parts=(0, 0, 900, 0), key=key)) == [
        rejected(CoreCode.OVER_LOAN)
    ]
    desk.adjust(Adjustment.ACCRUE_INTEREST, 900)

    again = desk.collect("L1", parts=(0, 0, 900, 0), key=key)

    assert codes(again, desk.outcome(key)) == [rejected(CoreCode.OVER_LOAN)] * 2
    assert again.replayed
    assert codes(desk.collect("L1", parts=(0, 0, 900, 0))) == [DONE]


def test_a_fenced_key_can_never_post(desk):
    key = desk.key()

    assert codes(desk.outcome(key)) == [(Outcome.NOT_FOUND, CoreCode.OK)]
    fenced = desk.outcome(key, fence=True)
    assert fenced.outcome is Outcome.NOT_FOUND
    assert codes(desk.pay_out(key=key)) == [rejected(CoreCode.FENCED)]
    assert desk.outcome(key).outcome is Outcome.NOT_FOUND
    assert desk.core.entries("b01") == []
    assert codes(desk.pay_out()) == [DONE]  # a new key may


def test_a_fence_on_a_key_that_posted_only_tells_so(desk):
    key = desk.key()
    posted = desk.pay_out(key=key)

    assert desk.outcome(key, fence=True) == posted == desk.core.fate(key)


def test_without_a_fence_a_late_request_still_posts(desk):
    key = desk.key()

    assert desk.outcome(key).outcome is Outcome.NOT_FOUND
    assert codes(desk.pay_out(key=key)) == [DONE]


# What is refused, and leaves the books as they were.

STRANGER = CardNumber.make("629001", "000000000099")

REFUSALS = [
    ("pay_out", {"fen": 0}, CoreCode.BAD_AMOUNT),
    ("pay_out", {"fen": -1}, CoreCode.BAD_AMOUNT),
    ("pay_out", {"fen": 100.5}, CoreCode.BAD_AMOUNT),
    ("pay_out", {"account": STRANGER, "loan": "L9"}, CoreCode.NO_ACCOUNT),
    ("pay_out", {"loan": "L1"}, CoreCode.LOAN_EXISTS),
    ("collect", {"parts": (0, 0, 0, 0)}, CoreCode.BAD_AMOUNT),
    ("collect", {"parts": (10, 0, -5, 0)}, CoreCode.BAD_AMOUNT),
    ("collect", {"loan": "L9", "parts": (1, 0, 0, 0)}, CoreCode.NO_LOAN),
    ("collect", {"account": STRANGER, "parts": (1, 0, 0, 0)}, CoreCode.NO_ACCOUNT),
    ("collect", {"parts": (50_001, 0, 0, 0)}, CoreCode.OVER_LOAN),
    ("collect", {"parts": (0, 1, 0, 0)}, CoreCode.OVER_LOAN),
    ("collect", {"parts": (0, 0, 1, 0)}, CoreCode.OVER_LOAN),
    ("collect", {"parts": (0, 0, 0, 1)}, CoreCode.OVER_LOAN),
    ("collect", {"parts": (150_001, 0, 0, 0)}, CoreCode.NO_FUNDS),
    ("adjust", {"adjustment": Adjustment.TO_OVERDUE, "fen": 50_001}, CoreCode.OVER_LOAN),
    ("adjust", {"adjustment": Adjustment.TO_NORMAL, "fen": 1}, CoreCode.OVER_LOAN),
    ("adjust", {"adjustment": Adjustment.ACCRUE_INTEREST, "fen": 0}, CoreCode.BAD_AMOUNT),
    (
        "adjust",
        {"adjustment": Adjustment.ACCRUE_INTEREST, "fen": 1, "loan": "L9"},
        CoreCode.NO_LOAN,
    ),
]


@pytest.mark.parametrize(("operation", "arguments", "code"), REFUSALS)
def test_a_refusal_leaves_the_books_as_they_were(desk, operation, arguments, code):
    desk.pay_out("L1", fen=50_000)
    before = desk.books()

    assert codes(getattr(desk, operation)(**arguments)) == [rejected(code)]
    assert desk.books() == before


def test_a_refusal_on_an_untouched_account_books_not_even_its_opening(desk):
    desk.open(desk.wang)

    assert codes(desk.collect("L1", parts=(1, 0, 0, 0))) == [rejected(CoreCode.NO_LOAN)]
    assert desk.core.entries("b01") == []
    assert desk.balance(desk.card).balance_fen == 100_000
    assert desk.core.entries("b01") == []


def test_a_closed_account_takes_nothing(desk):
    desk.pay_out()
    desk.core.close_account("b01", desk.card)

    answers = desk.pay_out("L2"), desk.collect(parts=(1, 0, 0, 0))

    assert codes(*answers) == [rejected(CoreCode.ACCOUNT_CLOSED)] * 2


def test_another_banks_card_is_no_account_here(desk):
    assert codes(desk.pay_out(account=desk.wang.cards[0].number)) == [rejected(CoreCode.NO_ACCOUNT)]
    assert desk.balance(desk.card, bank="b02").account_class is None


# Accounts of class II.


def test_an_account_is_opened_under_the_banks_own_digits(desk):
    key = desk.key()
    opened, again = desk.open(desk.wang, key), desk.open(desk.wang, key)

    assert codes(opened) == [DONE]
    assert opened.account.bin == "629001"
    assert len(opened.account.text) == 19
    assert again == replace(opened, replayed=True)
    assert desk.balance(opened.account).account_class is AccountClass.II
    assert desk.core.entries("b01") == []


def test_account_numbers_depend_on_the_key_alone(desk, make_town, trace):
    others = Clerk(make_town(desk.li, desk.wang), trace)
    others.open(others.wang, others.key("before"))

    assert (
        others.open(desk.wang, desk.key("k")).account == desk.open(desk.wang, desk.key("k")).account
    )


def test_five_accounts_of_class_two_are_the_most(desk, make_card):
    desk.wang.cards = (*desk.wang.cards, make_card(8, "b01", class_one=False))

    answers = [desk.open(desk.wang) for _ in range(5)]

    assert codes(*answers) == [DONE] * 4 + [rejected(CoreCode.TOO_MANY_ACCOUNTS)]
    assert codes(desk.open(desk.wang, bank="b02")) == [DONE]


def test_a_loan_lives_on_a_class_two_account_without_its_limits(desk):
    card = desk.open(desk.wang).account

    answers = (
        desk.pay_out("L1", card, fen=30_000_000),  # far above the counters of class II
        desk.move(card, Direction.OUT, 30_000_000),
        desk.move(card, Direction.IN, 30_000_000),
        desk.collect("L1", card, parts=(30_000_000, 0, 0, 0)),
    )

    assert codes(*answers) == [DONE] * 4
    assert desk.core.balances("b01")[f"2011.02:{card.text}"] == 0


def test_moves_go_through_clearing_which_is_zero_after_the_day(desk):
    card = desk.open(desk.wang).account
    desk.move(card, Direction.IN, 500)
    desk.move(card, Direction.OUT, 200)
    assert desk.core.balances("b01")["3001.01"] == 300

    desk.core.close_day("b01", NEXT)

    balances = desk.core.balances("b01")
    assert (balances["3001.01"], balances["1003"]) == (0, 300)
    assert codes(desk.move(card, Direction.OUT, 301)) == [rejected(CoreCode.NO_FUNDS)]


def test_a_move_to_a_bound_account_of_the_same_bank_stays_in_the_house(desk):
    card = desk.open(desk.li).account

    answers = [desk.move(card, Direction.IN, fen) for fen in (70_000, 30_001)]

    assert codes(*answers) == [DONE, rejected(CoreCode.NO_FUNDS)]
    assert desk.balance(desk.card).balance_fen == 30_000
    assert desk.balance(card).balance_fen == 70_000
    assert "3001.01" not in desk.core.balances("b01")


def test_an_account_without_a_bound_one_has_nowhere_to_move_to(desk):
    assert codes(desk.move(desk.card, Direction.OUT, 1)) == [rejected(CoreCode.NOT_BOUND)]


# Reversals and days.


def test_a_reversal_restores_every_balance_once_and_names_the_original(desk):
    desk.pay_out("L1")
    before = desk.core.balances("b01")
    key = desk.key()
    posted = desk.pay_out("L2", key=key)

    undone, twice = desk.reverse(key), desk.reverse(key)

    assert codes(undone, twice) == [DONE, rejected(CoreCode.NOT_REVERSIBLE)]
    after = desk.core.balances("b01")
    assert {name: fen for name, fen in after.items() if fen} == before
    assert desk.core.original_of("b01", undone.core_serial) == posted.core_serial
    assert desk.core.verify_chain("b01")
    assert codes(desk.pay_out("L2")) == [rejected(CoreCode.LOAN_EXISTS)]


def test_the_same_reversal_again_is_replayed(desk):
    original, key = desk.key(), desk.key()
    desk.pay_out(key=original)

    first, again = desk.reverse(original, key), desk.reverse(original, key)

    assert again == replace(first, replayed=True)


def test_a_reversal_is_for_the_same_day_only(desk):
    key = desk.key()
    desk.pay_out(key=key)
    desk.core.close_day("b01", NEXT)

    assert codes(desk.reverse(key)) == [rejected(CoreCode.NOT_REVERSIBLE)]


def test_a_reversal_before_its_original_fences_it(desk):
    key = desk.key()

    assert codes(desk.reverse(key), desk.pay_out(key=key)) == [
        rejected(CoreCode.NOT_REVERSIBLE),
        rejected(CoreCode.FENCED),
    ]


def test_what_was_spent_cannot_be_taken_back(desk):
    card, key = desk.open(desk.wang).account, desk.key()
    desk.pay_out("L1", card, key=key)
    desk.move(card, Direction.OUT, 1)

    assert codes(desk.reverse(key)) == [rejected(CoreCode.NO_FUNDS)]
    desk.move(card, Direction.IN, 1)
    assert codes(desk.reverse(key)) == [DONE]


def test_reversals_openings_of_accounts_and_rejections_are_not_reversible(desk):
    paid, undone, opened, refused = (desk.key() for _ in range(4))
    desk.pay_out(key=paid)
    desk.reverse(paid, undone)
    desk.open(desk.wang, opened)
    desk.pay_out(key=refused, fen=0)

    answers = [desk.reverse(key) for key in (undone, opened, refused)]

    assert codes(*answers) == [rejected(CoreCode.NOT_REVERSIBLE)] * 3


def test_the_accounting_date_never_goes_back(desk):
    core = desk.core

    assert core.accounting_date("b01") == START
    assert core.close_day("b01", NEXT) == NEXT
    assert core.close_day("b01", START) == NEXT
    assert core.accounting_date("b02") == START
    assert desk.pay_out().accounting_date == NEXT


# Questions.


def test_the_bank_knows_its_own_customers(desk):
    def ask(person, bank, name=None):
        query = CustomerQuery(name or person.name, person.id_number)
        return desk.ask("customer", query, bank)

    mine = ask(desk.li, "b01")
    assert (mine.card, mine.tenure_months) == (desk.card, 30)
    assert ask(desk.li, "b02").card is None
    assert ask(desk.li, "b01", "王芳").card is None
    assert ask(desk.wang, "b01").card is None
    assert ask(desk.wang, "b01").tenure_months == 0


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, FiveVerdict.SAME),
        ({"name": "王芳"}, FiveVerdict.DIFFERENT),
        ({"phone": PhoneNumber("13911112222")}, FiveVerdict.DIFFERENT),
        ({"card": STRANGER}, FiveVerdict.NO_SUCH_CARD),
    ],
)
def test_five_elements_are_asked_of_the_cards_own_bank(desk, change, verdict):
    li = desk.li
    query = FiveQuery(li.name, li.id_number, li.cards[0].phone, desk.card)

    answer = desk.ask("verify_five", replace(query, **change), bank="b02")

    assert answer.verdict is verdict
    assert answer.card_bank == ("" if verdict is FiveVerdict.NO_SUCH_CARD else "b01")


def test_only_a_living_class_one_card_can_be_bound(desk):
    li, wang = desk.li, desk.wang
    second = desk.open(wang).account
    wang.cards[0].class_one = False
    desk.core.close_account("b01", desk.card)

    def five(person, card, phone):
        query = FiveQuery(person.name, person.id_number, phone, card)
        return desk.ask("verify_five", query)

    assert five(wang, second, wang.phone).verdict is FiveVerdict.NOT_CLASS_ONE
    elsewhere = five(wang, wang.cards[0].number, wang.cards[0].phone)
    assert (elsewhere.verdict, elsewhere.card_bank) == (FiveVerdict.NOT_CLASS_ONE, "elsewhere")
    assert five(li, desk.card, li.cards[0].phone).verdict is FiveVerdict.CARD_CLOSED


def test_both_banks_keep_a_book_and_asking_books_nothing(desk):
    desk.balance(desk.card)
    desk.outcome(desk.key(), fence=True)

    assert desk.core.banks() == ["b01", "b02"]
    assert desk.core.entries("b01") == desk.core.entries("b02") == []
