"""The loan book: a life of accruals and payments in which no fen is made or lost.

The figures are corebank.md 6.6, (30) to (36). ``Ledger`` is the second witness: it knows only
the bookings and the collections that a core bank would be sent.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.lending.book import (
    LoanState,
    Part,
    accrue,
    allocate,
    day_end,
    due_fen,
    lend,
    owed,
    pay,
    payoff_quote,
    turn,
)
from core.lending.classification import Category
from core.ports.corebank import Adjustment
from core.products import Method, Product

DRAWN = date(2020, 7, 31)
A_DAY = timedelta(days=1)

PRODUCT = {
    "id": "qingluo-test",
    "bank": "qingluo",
    "name": "试",
    "english": "Test",
    "version": 1,
    "valid_from": date(2020, 7, 1),
    "valid_to": date(2022, 12, 31),
    "kind": "business",
    "method": "equal_instalment",
    "months": 12,
    "line_valid_months": 12,
    "line_min_fen": 1_000_000,
    "line_max_fen": 30_000_000,
    "draw_min_fen": 100_000,
    "age_min": 18,
    "age_max": 60,
    "area": "any",
    "pricing": {
        "floor_ppm": 40_000,
        "cap_ppm": 70_000,
        "overdue_surcharge_pct": 50,
        "spread_bp": {"A": 0, "B": 50, "C": 100, "D": 150, "E": 200},
    },
    "admission": {
        "needs_credit_file": True,
        "inquiries_3m_max": 6,
        "worst_overdue_24m_max": 2,
        "lenders_asked_max": 5,
        "social_insurance_months_min": 0,
        "village_grade_min": "",
        "relationship_months_min": 0,
        "score_min": 580,
    },
    "line": {
        "income_multiple_ppm": dict.fromkeys("ABCDE", 20_000_000),
        "debt_service_ppm": 500_000,
        "service_months": 36,
    },
}


def loan_of(method=Method.EQUAL_INSTALMENT, principal_fen=5_000_000, rate_ppm=72_000, months=12):
    product = Product.model_validate({**PRODUCT, "method": method, "months": months})
    return lend("L1", product, "A1", "6291", principal_fen, rate_ppm, DRAWN)


class Ledger:
    """What the core bank would hold of one loan."""

    def __init__(self, loan):
        self.normal = loan.principal_fen
        self.overdue = self.interest = self.penalty = 0

    def post(self, bookings):
        for kind, amount_fen in bookings:
            assert amount_fen > 0
            match kind:
                case Adjustment.ACCRUE_INTEREST:
                    self.interest += amount_fen
                case Adjustment.ACCRUE_PENALTY:
                    self.penalty += amount_fen
                case Adjustment.TO_OVERDUE:
                    self.normal -= amount_fen
                    self.overdue += amount_fen

    def collect(self, paid):
        self.normal -= paid.principal_fen
        self.overdue -= paid.overdue_principal_fen
        self.interest -= paid.interest_fen
        self.penalty -= paid.penalty_fen

    def agrees_with(self, loan):
        ours = (loan.normal_fen, loan.overdue_fen, loan.interest_fen, loan.penalty_fen)
        return ours == (self.normal, self.overdue, self.interest, self.penalty)


def holds(loan, ledger):
    """Everything that must be true of a loan at any instant."""
    assert ledger.agrees_with(loan)
    assert min(ledger.normal, ledger.overdue, ledger.interest, ledger.penalty) >= 0
    assert sum(row.principal_fen for row in loan.rows) + loan.prepaid_fen == loan.principal_fen
    left = zip(loan.rows, loan.paid_principal_fen, strict=True)
    assert sum(row.principal_fen - paid for row, paid in left) == loan.outstanding_fen
    assert loan.rows[-1].balance_fen == 0
    past = range(loan.row)
    assert loan.overdue_interest_fen == sum(
        loan.rows[i].interest_fen - loan.paid_interest_fen[i] for i in past
    )
    assert sum(owed(loan).values()) == loan.outstanding_fen + loan.interest_fen + loan.penalty_fen
    assert min(owed(loan).values()) >= 0
    settled = loan.outstanding_fen + loan.interest_fen + loan.penalty_fen == 0
    assert (loan.state is LoanState.SETTLED) == settled
    assert (loan.state is LoanState.OVERDUE) == (loan.days_overdue(loan.accrued_through) > 0)
    assert (loan.category is Category.NORMAL) == (loan.state is not LoanState.OVERDUE)


# A life: so many days pass, then so many thousandths of the whole debt are paid (0: nothing).
lives = st.lists(st.tuples(st.integers(0, 70), st.sampled_from([0, 0, 3, 40, 250, 1000, 1100])))
loans = st.builds(
    loan_of,
    st.sampled_from(Method),
    st.integers(100_000, 30_000_000),
    st.integers(0, 70_000),
    st.integers(1, 24),
)


@given(loans, lives)
def test_in_any_life_both_books_agree_and_nothing_falls_below_zero(loan, life):
    ledger, today = Ledger(loan), DRAWN
    for days, permille in life:
        today += timedelta(days=days)
        ledger.post(turn(loan, today))
        debt_fen = sum(owed(loan).values())
        if loan.state is not LoanState.SETTLED and debt_fen * permille >= 1000:
            amount_fen = debt_fen * permille // 1000
            paid = allocate(loan, amount_fen, today)
            assert paid.total_fen + paid.excess_fen == amount_fen
            assert paid.excess_fen == max(0, amount_fen - debt_fen)
            ledger.collect(paid)
            pay(loan, paid)
        holds(loan, ledger)
    if loan.state is LoanState.SETTLED:
        assert loan.accrued_fen == sum(row.interest_fen for row in loan.rows)
        assert loan.next_day_end() is None


@given(loans, st.integers(1, 400))
def test_accruing_every_day_sums_to_the_rows_and_to_what_a_sleeper_accrues(loan, days):
    sleeper, ledger = deepcopy(loan), Ledger(loan)
    for day in range(1, days + 1):
        ledger.post(turn(loan, DRAWN + day * A_DAY))
    slept = Counter(dict(turn(sleeper, DRAWN + days * A_DAY)))

    assert loan.accrued_fen == sleeper.accrued_fen == slept[Adjustment.ACCRUE_INTEREST]
    assert loan.penalty_fen == sleeper.penalty_fen == slept[Adjustment.ACCRUE_PENALTY]
    assert loan.overdue_fen == sleeper.overdue_fen == slept[Adjustment.TO_OVERDUE]
    past = sum(row.interest_fen for row in loan.rows[: loan.row])
    assert loan.accrued_fen == past + loan.row_accrued_fen
    if loan.row < len(loan.rows) and loan.rows[loan.row].due == loan.accrued_through:
        assert loan.row_accrued_fen == loan.rows[loan.row].interest_fen


@given(loans)
def test_who_pays_each_row_when_due_pays_the_contract_and_no_more(loan):
    agreed, ledger, paid_fen = list(loan.rows), Ledger(loan), 0
    for row in agreed:
        assert loan.next_day_end() == row.due or not row.total_fen
        ledger.post(day_end(loan, row.due))
        assert due_fen(loan) == row.total_fen
        if row.total_fen:
            paid = allocate(loan, row.total_fen, row.due)
            assert paid.parts[Part.DUE_PRINCIPAL] == row.principal_fen
            ledger.collect(paid)
            pay(loan, paid)
            paid_fen += paid.total_fen
        holds(loan, ledger)

    assert loan.state is LoanState.SETTLED
    assert loan.rows == agreed
    assert paid_fen == sum(row.total_fen for row in agreed)


@given(loans, st.integers(0, 800))
def test_paying_off_today_leaves_nothing_for_later(loan, days):
    ledger, today = Ledger(loan), DRAWN + days * A_DAY
    quote = payoff_quote(loan, today)
    assert ledger.agrees_with(loan), "a quote changes nothing"

    ledger.post(turn(loan, today))
    pay(loan, allocate(loan, quote.total_fen, today))

    assert loan.state is LoanState.SETTLED
    assert turn(loan, today + 100 * A_DAY) == []
    assert sum(owed(loan).values()) == 0


@given(loans, st.integers(1, 30), st.integers(1, 999))
def test_an_early_repayment_keeps_the_dates_and_lowers_the_instalments(loan, day, permille):
    before = list(loan.rows)
    today = DRAWN + day * A_DAY
    turn(loan, today)
    debt = owed(loan)
    early_fen = debt[Part.EARLY_PRINCIPAL] * permille // 1000
    if today == before[0].due or early_fen == 0:
        return
    pay(loan, allocate(loan, debt[Part.EARLY_INTEREST] + early_fen, today))

    assert [row.due for row in loan.rows] == [row.due for row in before]
    assert loan.prepaid_fen == early_fen
    assert sum(row.principal_fen for row in loan.rows) == loan.principal_fen - early_fen
    # Row by row no more interest than before: half a fen of rounding apart.
    for new, old in zip(loan.rows, before, strict=True):
        assert new.interest_fen <= old.interest_fen + 1
    owing = [row.due for index, row in enumerate(loan.rows) if not loan.paid(index)]
    assert loan.next_day_end() == owing[0]


@given(loans, st.integers(2, 500))
def test_turning_a_day_twice_is_turning_it_once(loan, days):
    today = DRAWN + days * A_DAY
    turn(loan, today)
    once = deepcopy(loan)

    assert turn(loan, today) == []
    assert turn(loan, today - A_DAY) == []
    assert accrue(loan, today) == []
    assert loan == once


def test_the_parts_are_paid_in_their_order():
    loan = loan_of()
    turn(loan, date(2020, 10, 31))  # two rows late, the third due today
    debt = owed(loan)
    sofar_fen = 0
    for part in Part:
        if debt[part]:
            paid = allocate(loan, sofar_fen + 1, date(2020, 10, 31))
            assert paid.parts[part] == 1
            assert all(
                paid.parts[before] == debt[before]
                for before in list(Part)[: list(Part).index(part)]
            )
        sofar_fen += debt[part]
    assert [part for part in Part if not debt[part]] == [Part.EARLY_INTEREST]


def test_another_order_is_another_tuple():
    loan = loan_of()
    turn(loan, date(2020, 10, 15))
    principal_first = (Part.OVERDUE_PRINCIPAL, Part.OVERDUE_INTEREST, Part.PENALTY)

    paid = allocate(loan, 100_000, date(2020, 10, 15), principal_first)
    assert paid.parts[Part.OVERDUE_PRINCIPAL] == 100_000


def test_what_is_above_the_debt_is_not_taken():
    loan = loan_of()
    turn(loan, date(2020, 8, 31))
    paid = allocate(loan, 9_000_000, date(2020, 8, 31))

    assert paid.total_fen == 5_030_000
    assert paid.excess_fen == 3_970_000
    pay(loan, paid)
    assert loan.state is LoanState.SETTLED


def test_a_settled_loan_takes_nothing_on_any_later_day():
    loan = loan_of()
    pay(loan, allocate(loan, 5_000_000, DRAWN))
    later = DRAWN + 40 * A_DAY

    assert turn(loan, later) == []
    paid = allocate(loan, 100, later)
    assert (paid.total_fen, paid.excess_fen) == (0, 100)
    assert due_fen(loan) == payoff_quote(loan, later + A_DAY).total_fen == 0


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_no_payment_is_no_payment(amount_fen):
    loan = loan_of()
    with pytest.raises(InputError, match="is no payment; pay at least one fen"):
        allocate(loan, amount_fen, DRAWN)


def test_an_unpaid_row_turns_overdue_the_day_after_and_bears_penalty_from_then_on():
    loan = loan_of(Method.EQUAL_PRINCIPAL, principal_fen=1_200_000, rate_ppm=72_000)
    due = date(2020, 8, 31)

    assert turn(loan, due) == [(Adjustment.ACCRUE_INTEREST, 7_200)]
    assert (loan.state, loan.category, loan.overdue_fen) == (LoanState.LIVE, Category.NORMAL, 0)

    # One day on 1,000 yuan of principal and 72 of interest at 10.8 %: 32.16 fen.
    # Meanwhile a day of the next row on the 11,000 yuan that are not overdue: 6,600 / 30.
    assert turn(loan, due + A_DAY) == [
        (Adjustment.TO_OVERDUE, 100_000),
        (Adjustment.ACCRUE_INTEREST, 220),
        (Adjustment.ACCRUE_PENALTY, 32),
    ]
    assert (loan.state, loan.category) == (LoanState.OVERDUE, Category.SPECIAL_MENTION)
    assert loan.days_overdue(due + A_DAY) == 1


def test_penalty_is_rounded_once_in_a_life_and_not_day_by_day():
    loan = loan_of(Method.BULLET, principal_fen=100_000, rate_ppm=60_000, months=1)
    due = loan.rows[0].due
    for day in range(1, 101):
        turn(loan, due + day * A_DAY)

    # (100,000 + 500) x 9 % x 100 / 360 = 2,512.5, half up; a hundred rounded days make 2,500.
    assert loan.penalty_fen == 2_513


def test_days_that_nobody_closed_are_caught_up_in_their_order():
    loan = loan_of(Method.EQUAL_PRINCIPAL, principal_fen=1_200_000)
    bookings = dict(day_end(loan, date(2020, 12, 15)))

    assert bookings[Adjustment.TO_OVERDUE] == 400_000
    assert loan.row == 4
    assert loan.days_overdue(date(2020, 12, 15)) == 106


def test_a_category_never_improves_by_itself_and_a_payment_mends_it():
    loan = loan_of(months=1)
    due, seen = loan.rows[0].due, []
    for days in (1, 90, 91, 121, 181, 400, 1100):  # the last lies behind the change of 2023
        turn(loan, due + days * A_DAY)
        seen.append(loan.category)
    assert seen == [2, 2, 3, 4, 5, 5, 5]

    today = due + 1100 * A_DAY
    pay(loan, allocate(loan, sum(owed(loan).values()), today))
    assert (loan.state, loan.category) == (LoanState.SETTLED, Category.NORMAL)


def test_an_overdue_customer_who_pays_what_is_due_is_live_again():
    loan = loan_of()
    turn(loan, date(2020, 9, 5))
    pay(loan, allocate(loan, due_fen(loan), date(2020, 9, 5)))

    assert (loan.state, loan.category) == (LoanState.LIVE, Category.NORMAL)
    assert loan.next_day_end() == date(2020, 9, 30)


def test_the_oldest_row_is_paid_first():
    loan = loan_of(Method.EQUAL_PRINCIPAL, principal_fen=1_200_000)
    today = date(2020, 10, 15)
    turn(loan, today)
    debt = owed(loan)
    before_principal_fen = debt[Part.PENALTY] + debt[Part.OVERDUE_INTEREST]
    pay(loan, allocate(loan, before_principal_fen + 150_000, today))

    assert loan.paid_principal_fen[:2] == [100_000, 50_000]
    assert loan.days_overdue(today) == 15


def test_the_daily_method_accrues_each_balance_by_its_days():
    loan = loan_of(Method.DAILY)
    on = date(2020, 8, 10)
    turn(loan, on)
    assert loan.interest_fen == 10_000  # 50,000 yuan x 7.2 % / 360 x 10
    pay(loan, allocate(loan, 10_000 + 3_000_000, on))

    # Twenty-one days on 20,000 yuan until the due date: 8,400, and what was paid counts.
    assert loan.rows[0].interest_fen == 10_000 + 8_400
    turn(loan, date(2020, 8, 31))
    assert owed(loan)[Part.DUE_INTEREST] == 8_400
    assert owed(loan)[Part.EARLY_PRINCIPAL] == 2_000_000


def test_an_early_repayment_on_a_due_date_pays_that_row_first():
    loan = loan_of(Method.EQUAL_PRINCIPAL, principal_fen=1_200_000)
    on = date(2020, 8, 31)
    turn(loan, on)
    pay(loan, allocate(loan, 107_200 + 550_000, on))

    assert loan.row == 1
    assert [row.principal_fen for row in loan.rows[1:]] == [50_000] * 11
    assert [row.number for row in loan.rows] == list(range(1, 13))
    assert loan.rows[1].interest_fen == 3_300


def test_the_day_end_touches_a_loan_only_when_something_falls_due():
    loan, touched = loan_of(), []
    while loan.state is not LoanState.SETTLED:
        on = loan.next_day_end()
        touched.append(on)
        day_end(loan, on)
        if on == date(2020, 9, 30):
            continue  # the second row is paid two days late
        if on == date(2020, 10, 1):
            continue
        if due_fen(loan):
            pay(loan, allocate(loan, due_fen(loan), on))

    assert touched[:5] == [
        date(2020, 8, 31),
        date(2020, 9, 30),
        date(2020, 10, 1),
        date(2020, 10, 2),
        date(2020, 10, 31),
    ]
    assert len(touched) == 14


def test_a_part_payment_on_the_due_date_leaves_the_day_end_its_turn():
    loan = loan_of()
    on = date(2020, 8, 31)
    turn(loan, on)
    pay(loan, allocate(loan, 100, on))

    assert loan.next_day_end() == on
    day_end(loan, on)
    assert loan.next_day_end() == on + A_DAY


def test_the_rows_a_contract_was_signed_with_stay_as_they_are():
    loan = loan_of()
    signed = deepcopy(loan.rows)
    contract = loan.rows
    turn(loan, date(2020, 9, 15))
    pay(loan, allocate(loan, 2_000_000, date(2020, 9, 15)))

    assert contract == signed != loan.rows


def test_an_allocation_is_good_for_its_own_date_only():
    loan = loan_of()
    turn(loan, date(2020, 8, 31))
    paid = allocate(loan, 1000, date(2020, 8, 31))
    turn(loan, date(2020, 9, 1))

    with pytest.raises(AssertionError, match="allocated on 2020-08-31"):
        pay(loan, paid)
    with pytest.raises(AssertionError, match="turn the loan to 2020-09-02 first"):
        allocate(loan, 1000, date(2020, 9, 2))
