"""The loan book, case by case: turning days, taking payments, what is touched when.

Whole lives at random, with a second witness: tests/core/lending/test_book_machine.py.
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


def loan_of(
    method=Method.EQUAL_INSTALMENT,
    principal_fen=5_000_000,
    rate_ppm=72_000,
    months=12,
    drawn=DRAWN,
):
    product = Product.model_validate({**PRODUCT, "method": method, "months": months})
    return lend("L1", product, "A1", "6291", principal_fen, rate_ppm, drawn)


loans = st.builds(
    loan_of,
    st.sampled_from(Method),
    st.integers(100_000, 30_000_000),
    st.integers(0, 70_000),
    st.integers(1, 24),
)


@given(loans, st.integers(1, 500))
def test_turning_every_day_books_what_a_sleeper_books_at_once(loan, days):
    sleeper, waking = deepcopy(loan), Counter()
    for day in range(1, days + 1):
        waking.update(dict(turn(loan, DRAWN + day * A_DAY)))

    assert waking == dict(turn(sleeper, DRAWN + days * A_DAY))
    assert loan == sleeper


@given(loans, st.integers(1, 400))
def test_the_accruals_of_a_period_sum_to_its_row(loan, days):
    for day in range(1, days + 1):
        turn(loan, DRAWN + day * A_DAY)
    past = sum(row.interest_fen for row in loan.rows[: loan.row])
    assert loan.accrued_fen == past + loan.row_accrued_fen
    if loan.row < len(loan.rows) and loan.rows[loan.row].due == loan.accrued_through:
        assert loan.row_accrued_fen == loan.rows[loan.row].interest_fen


@given(loans)
def test_who_pays_each_row_when_due_pays_the_contract_and_no_more(loan):
    agreed, paid_fen = list(loan.rows), 0
    while (on := loan.next_day_end()) is not None:
        turn(loan, on)
        if due_fen(loan):
            row = agreed[loan.row]
            assert (row.due, row.total_fen) == (on, due_fen(loan))
            paid = allocate(loan, row.total_fen, on)
            assert paid.parts[Part.DUE_PRINCIPAL] == row.principal_fen
            pay(loan, paid)
            paid_fen += paid.total_fen
        day_end(loan, on)

    assert loan.state is LoanState.SETTLED
    assert loan.rows == agreed
    assert paid_fen == sum(row.total_fen for row in agreed)


@given(loans, st.integers(0, 800))
def test_paying_off_today_leaves_nothing_for_later(loan, days):
    today = DRAWN + days * A_DAY
    once = deepcopy(loan)
    quote = payoff_quote(loan, today)
    assert loan == once, "a quote changes nothing"

    turn(loan, today)
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
    assert [part for part in Part if not debt[part]] == [Part.EARLY_INTEREST, Part.RECOVERED]


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
    assert loan.owed_penalty_fen == 2_513


def test_days_that_nobody_closed_are_caught_up_in_their_order():
    loan = loan_of(Method.EQUAL_PRINCIPAL, principal_fen=1_200_000)
    bookings = dict(day_end(loan, date(2020, 12, 15)))

    assert bookings[Adjustment.TO_OVERDUE] == 300_000  # the fourth fell late after it
    assert bookings[Adjustment.OVERDUE_TO_NON_ACCRUAL] == 300_000
    assert bookings[Adjustment.NORMAL_TO_NON_ACCRUAL] == 900_000
    assert loan.late_principal_fen == 400_000
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
    day_end(loan, date(2020, 9, 5))
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


def test_the_day_end_touches_a_loan_when_something_falls_due_and_at_month_ends():
    loan, touched = loan_of(drawn=date(2020, 7, 15)), []
    while loan.state is not LoanState.SETTLED:
        on = loan.next_day_end()
        touched.append(on)
        turn(loan, on)
        if on not in (date(2020, 9, 15), date(2020, 9, 16)) and due_fen(loan):
            pay(loan, allocate(loan, due_fen(loan), on))  # the second row is paid two days late
        day_end(loan, on)

    assert touched[:8] == [
        date(2020, 7, 31),
        date(2020, 8, 15),
        date(2020, 8, 31),
        date(2020, 9, 15),
        date(2020, 9, 16),
        date(2020, 9, 17),
        date(2020, 9, 30),
        date(2020, 10, 15),
    ]
    assert len(touched) == 12 + 12 + 2
    assert loan.next_day_end() is None


def test_a_loan_drawn_on_the_last_of_a_month_is_provided_for_that_night():
    loan = loan_of()
    assert loan.next_day_end() == DRAWN
    assert day_end(loan, DRAWN) == [(Adjustment.PROVIDE, 50_000)]
    assert loan.next_day_end() == date(2020, 8, 31)


def test_a_month_end_accrues_what_the_month_has_earned_so_far():
    loan = loan_of(Method.EQUAL_PRINCIPAL, 1_200_000, drawn=date(2020, 8, 21))

    # 7,200 for the 31 days to 21 September, ten of which are in August: 2,322.58.
    assert day_end(loan, date(2020, 8, 31)) == [
        (Adjustment.ACCRUE_INTEREST, 2_323),
        (Adjustment.PROVIDE, 12_000),
    ]
    assert day_end(loan, date(2020, 9, 21)) == [(Adjustment.ACCRUE_INTEREST, 7_200 - 2_323)]


def test_a_part_payment_on_the_due_date_leaves_the_day_end_its_turn():
    loan = loan_of()
    on = date(2020, 8, 31)
    day_end(loan, on - A_DAY)
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
