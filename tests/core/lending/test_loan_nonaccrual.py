"""Non-accrual: on the 91st day income goes back, and it returns when nothing is late any more."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from types import SimpleNamespace

from core.lending.book import (
    Conditions,
    LoanState,
    Order,
    Part,
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
from core.products import Method

DRAWN = date(2020, 7, 15)
FIRST = date(2020, 8, 15)
A_DAY = timedelta(days=1)
PRINCIPAL_FIRST = Conditions(late_order=Order.PRINCIPAL_FIRST)


def loan_of(conditions=None, months=12):
    """12,000 yuan at 7.2 % in equal parts: 1,000 yuan and at first 72 yuan a month."""
    pricing = SimpleNamespace(overdue_surcharge_pct=50)
    product = SimpleNamespace(
        id="p", bank="b", method=Method.EQUAL_PRINCIPAL, months=months, pricing=pricing
    )
    conditions = conditions or Conditions()
    return lend("L1", product, "A1", "62", 1_200_000, 72_000, DRAWN, conditions=conditions)


def late(days, conditions=None):
    loan = loan_of(conditions)
    on = FIRST + days * A_DAY
    return loan, on, turn(loan, on)


def test_on_the_ninetieth_day_it_is_income_still():
    loan, _, bookings = late(90)

    assert not loan.non_accrual
    assert {kind for kind, _ in bookings} == {
        Adjustment.ACCRUE_INTEREST,
        Adjustment.TO_OVERDUE,
        Adjustment.ACCRUE_PENALTY,
    }
    assert loan.memo_interest_fen == loan.memo_penalty_fen == loan.non_accrual_fen == 0


def test_on_the_ninety_first_all_of_it_leaves_income_and_the_customer_owes_it_still():
    before, _, _ = late(90)
    interest_fen, penalty_fen = before.interest_fen, before.penalty_fen
    bookings = turn(before, FIRST + 91 * A_DAY)
    loan = before

    assert dict(bookings[:4]) == {
        Adjustment.REVERSE_INTEREST: interest_fen,
        Adjustment.REVERSE_PENALTY: penalty_fen,
        Adjustment.NORMAL_TO_NON_ACCRUAL: 900_000,
        Adjustment.OVERDUE_TO_NON_ACCRUAL: 300_000,
    }
    assert [kind for kind, _ in bookings[4:]] == [Adjustment.MEMO_INTEREST, Adjustment.MEMO_PENALTY]
    assert (loan.normal_fen, loan.overdue_fen, loan.non_accrual_fen) == (0, 0, 1_200_000)
    assert loan.interest_fen == loan.penalty_fen == 0
    assert loan.memo_interest_fen == loan.owed_interest_fen > interest_fen
    assert loan.memo_penalty_fen == loan.owed_penalty_fen > penalty_fen
    assert loan.debt_fen == sum(owed(loan).values())


def test_interest_that_falls_due_later_goes_to_the_memo_books_and_no_principal_moves():
    loan, on, _ = late(95)
    bookings = dict(turn(loan, on + 40 * A_DAY))

    assert set(bookings) == {Adjustment.MEMO_INTEREST, Adjustment.MEMO_PENALTY}
    assert (loan.late_principal_fen, loan.overdue_fen) == (500_000, 0)


def test_a_payment_is_taken_from_the_memo_books_and_the_pot_of_its_own():
    loan, on, _ = late(100)
    debt = owed(loan)
    costs_fen = debt[Part.PENALTY] + debt[Part.OVERDUE_INTEREST]
    paid = allocate(loan, costs_fen + 120_000, on)

    assert paid.memo_penalty_fen == debt[Part.PENALTY] == loan.memo_penalty_fen
    assert paid.memo_interest_fen == debt[Part.OVERDUE_INTEREST]
    assert paid.non_accrual_principal_fen == paid.repaid_fen == 120_000
    on_balance = (paid.principal_fen, paid.overdue_principal_fen, paid.interest_fen)
    assert (*on_balance, paid.penalty_fen, paid.recovered_fen) == (0, 0, 0, 0, 0)

    pay(loan, paid)
    assert loan.non_accrual_fen == 1_080_000
    assert loan.paid_principal_fen[:2] == [100_000, 20_000]
    assert loan.days_overdue(on) == 100 - 31
    assert loan.category is Category.SPECIAL_MENTION
    assert loan.non_accrual, "what is paid in between does not bring it back"
    day_end(loan, on)
    assert loan.non_accrual


def test_when_nothing_is_late_any_more_the_day_end_brings_it_back():
    loan, on, _ = late(100)
    day_end(loan, on - A_DAY)
    pay(loan, allocate(loan, due_fen(loan), on))

    assert (loan.state, loan.category) == (LoanState.LIVE, Category.NORMAL)
    assert loan.non_accrual
    assert loan.next_day_end() == on
    running_fen = loan.row_accrued_fen
    bookings = dict(day_end(loan, on))
    assert bookings.pop(Adjustment.RELEASE) == 300_000 - 8_000
    assert bookings == {
        Adjustment.NON_ACCRUAL_TO_NORMAL: 800_000,
        Adjustment.RESTORE_INTEREST: running_fen,
    }
    assert (loan.normal_fen, loan.interest_fen) == (800_000, running_fen)
    assert not loan.non_accrual
    assert loan.next_day_end() == date(2020, 11, 30)


def test_a_loan_that_comes_back_on_a_day_that_nobody_closed_comes_back_the_next():
    loan, on, _ = late(100)
    pay(loan, allocate(loan, due_fen(loan), on))
    kinds = [kind for kind, _ in turn(loan, on + A_DAY)]

    assert kinds == [
        Adjustment.NON_ACCRUAL_TO_NORMAL,
        Adjustment.RESTORE_INTEREST,
        Adjustment.ACCRUE_INTEREST,
    ]


def test_penalty_alone_keeps_it_late_and_out_of_income():
    loan, on, _ = late(100, PRINCIPAL_FIRST)
    debt = owed(loan)
    all_but_penalty_fen = debt[Part.OVERDUE_PRINCIPAL] + debt[Part.OVERDUE_INTEREST]
    pay(loan, allocate(loan, all_but_penalty_fen, on))

    assert (loan.late_principal_fen, loan.late_interest_fen) == (0, 0)
    assert loan.state is LoanState.OVERDUE
    assert loan.days_overdue(on) == 100
    assert loan.category is Category.SUBSTANDARD
    day_end(loan, on)
    assert loan.non_accrual

    penalty_fen = loan.owed_penalty_fen
    turn(loan, on + A_DAY)
    assert loan.owed_penalty_fen == penalty_fen, "penalty bears nothing itself"
    pay(loan, allocate(loan, penalty_fen, on + A_DAY))
    assert loan.state is LoanState.LIVE


def test_who_pays_it_off_settles_it_and_nothing_is_left_in_any_book():
    loan, on, _ = late(200)
    quote = payoff_quote(loan, on)
    assert quote.non_accrual
    paid = allocate(loan, quote.total_fen, on)
    assert paid.parts == quote.parts
    pay(loan, paid)

    assert loan.state is LoanState.SETTLED
    assert loan.non_accrual_fen == loan.memo_interest_fen == loan.memo_penalty_fen == 0
    assert day_end(loan, on) == []
    assert loan.next_day_end() is None


def test_a_day_end_that_skips_months_finds_the_same_books_as_one_that_does_not():
    daily, once = loan_of(), loan_of()
    for day in range(400):
        day_end(daily, DRAWN + day * A_DAY)
    day_end(once, DRAWN + 399 * A_DAY)

    assert daily == once


def test_the_second_time_works_as_the_first():
    loan, on, _ = late(100)
    pay(loan, allocate(loan, due_fen(loan), on))
    day_end(loan, on)
    again = loan.rows[loan.row].due + 91 * A_DAY
    fresh = deepcopy(loan)
    kinds = {kind for kind, _ in day_end(loan, again)}

    assert {Adjustment.REVERSE_INTEREST, Adjustment.NORMAL_TO_NON_ACCRUAL} <= kinds
    assert loan.non_accrual_fen == fresh.normal_fen
    assert loan.interest_fen == 0
