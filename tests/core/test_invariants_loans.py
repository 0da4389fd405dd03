"""Invariants of loans: rows, interest, payments, day ends; each broken on purpose in one life."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.lending.accrual import DAY_PPM
from core.lending.allocation import Part
from core.lending.book import LoanState
from core.lending.classification import Category
from core.ports.corebank import CollectQuery
from core.products import Method
from core.store.records import DayClose, Drawdown, Line, LoanLock, Repayment, RiskWarning
from tests.core.invariants_life import (
    A_DAY,
    BANK,
    Life,
    breaks,
    copied,
    judge,
    ways_of,
)


@pytest.fixture
def life():
    return Life()


# Terms and rows


@breaks("INV-LOAN-AS-DRAWN")
def a_loan_at_another_rate_than_it_was_drawn_at(life):
    life.loan("early").rate_ppm += 1


@breaks("INV-LOAN-AS-DRAWN")
def a_penalty_rate_below_the_products(life):
    life.loan("early").penalty_rate_ppm -= 1


@breaks("INV-LOAN-AS-DRAWN")
def a_loan_dated_a_day_before_its_drawdown(life):
    life.loan("bad").drawn_on -= A_DAY


@breaks("INV-LOAN-AS-DRAWN", "INV-SCHEDULE-SHAPE")
def a_loan_repaid_by_another_method_than_its_products(life):
    life.loan("automatic").method = Method.EQUAL_PRINCIPAL
    # Its rows are equal instalments, whose interest falls as well; that of one is made to rise.
    rows = life.loan("automatic").rows
    rows[-1].interest_fen, rows[-2].interest_fen = rows[-2].interest_fen, rows[-1].interest_fen


@breaks("INV-SCHEDULE-SUM")
def a_row_a_fen_too_large(life):
    life.loan("automatic").rows[-1].principal_fen += 1


@breaks("INV-SCHEDULE-SUM")
def a_last_row_that_leaves_a_fen(life):
    life.loan("automatic").rows[-1].balance_fen = 1


@breaks("INV-SCHEDULE-SUM", "INV-SCHEDULE-SHAPE", "INV-DUE-ONCE")
def a_row_that_repays_less_than_nothing(life):
    rows = life.loan("automatic").rows
    rows[-1].principal_fen += rows[-2].principal_fen + 1
    rows[-2].principal_fen = -1
    rows[-2].balance_fen = rows[-1].principal_fen


@breaks("INV-SCHEDULE-SUM")
def a_row_whose_balance_does_not_follow(life):
    life.loan("automatic").rows[-2].balance_fen += 1


@breaks("INV-SCHEDULE-SUM")
def two_rows_due_on_one_day(life):
    rows = life.loan("automatic").rows
    rows[-1].due = rows[-2].due


@breaks("INV-SCHEDULE-SUM", "INV-DUE-ONCE")
def a_prepayment_that_the_rows_do_not_know(life):
    life.loan("automatic").prepaid_fen = 5


@breaks("INV-SCHEDULE-SHAPE")
def an_instalment_that_is_not_level(life):
    life.loan("automatic").rows[-3].interest_fen += 1


@breaks("INV-SCHEDULE-SHAPE")
def a_last_instalment_out_of_all_proportion(life):
    life.loan("automatic").rows[-1].interest_fen += 100


@breaks("INV-SCHEDULE-SHAPE")
def a_bullet_that_repays_before_its_end(life):
    rows = life.loan("holder").rows
    rows[-2].principal_fen = 1
    rows[-2].balance_fen -= 1
    rows[-1].principal_fen -= 1


@breaks("INV-SCHEDULE-SHAPE", causes=("INV-RATE-AT-DRAWDOWN",))
def interest_at_no_rate(life):
    loan = life.loan("holder")
    loan.rate_ppm = loan.penalty_rate_ppm = 0
    life.of(Drawdown, "holder").rate_ppm = 0


# Whole fen, and the days


@breaks("INV-EXACT-MONEY")
def half_a_fen_of_an_allowance(life):
    life.loan("lost").recovered_fen += 0.5


@breaks("INV-EXACT-MONEY")
def a_penalty_that_its_units_do_not_make(life):
    life.loan("bad").penalty_units -= DAY_PPM


@breaks("INV-EXACT-MONEY", "INV-BOOKS-AGREE")
def an_allowance_below_zero(life):
    life.loan("early").allowance_fen = -1


@breaks("INV-EOD-ISOLATION")
def a_loan_that_is_locked(life):
    loan = life.loan("early")
    life.tables[LoanLock][loan.id] = LoanLock(loan.id, BANK, loan.closed_on, "poisoned")


@breaks("INV-EOD-ISOLATION")
def a_loan_that_a_closed_day_left_behind(life):
    close = life.tables[DayClose][BANK]
    close.closed += timedelta(days=40)


def test_a_lock_that_was_lifted_is_no_violation(life):
    a_loan_that_is_locked(life)
    next(iter(life.tables[LoanLock].values())).lifted = True

    assert life.names() == []


@breaks("INV-ACCRUAL-DAYS", "INV-ACCRUE-ONCE", "INV-BOOKS-AGREE")
def a_fen_accrued_that_no_row_makes(life):
    life.loan("early").accrued_fen += 1


@breaks("INV-ACCRUAL-DAYS")
def a_day_that_was_counted_twice(life):
    # In the loan book and in the core alike: only the days tell it.
    loan = life.loan("bad")
    loan.since -= A_DAY


@breaks("INV-ACCRUAL-DAYS")
def a_row_that_begins_before_the_one_before_it_ends(life):
    loan = life.loan("automatic")
    loan.since = loan.rows[loan.row - 1].due - A_DAY


@breaks("INV-ACCRUAL-DAYS")
def a_gap_between_two_rows(life):
    loan = life.loan("automatic")
    loan.since = loan.rows[loan.row - 1].due + A_DAY


@breaks("INV-ACCRUAL-DAYS")
def a_day_closed_that_was_not_accrued(life):
    loan = life.loan("automatic")
    loan.closed_on = loan.accrued_through + A_DAY


@breaks("INV-ACCRUE-ONCE", "INV-BOOKS-AGREE")
def an_accrual_that_the_core_booked_twice(life):
    entry = life.entry("accrue_interest")
    life.post("accrue_interest", *entry.legs)


@breaks("INV-ACCRUE-ONCE")
def two_accruals_of_one_day(life):
    entry = life.entry("accrue_penalty")
    loan = life.loan("early")
    for serial, sign in (("one", 1), ("two", -1)):
        legs = [(account, sign * fen) for account, fen in entry.legs]
        key = entry.key._replace(serial=serial)
        life.post("accrue_penalty", *legs, key=key, day=life.book().on)
    assert loan.penalty_accrued_fen == 0


@breaks("INV-PENALTY-LATE", "INV-ACCRUE-ONCE", "INV-BOOKS-AGREE")
def a_penalty_where_nothing_was_late(life):
    loan = life.loan("second")
    assert loan.row < 12
    loan.penalty_units, loan.penalty_accrued_fen = 10**6 * DAY_PPM, 10**6


@breaks("INV-PENALTY-LATE", "INV-ACCRUE-ONCE", "INV-BOOKS-AGREE")
def a_penalty_booked_before_anything_was_due(life):
    loan = life.loan("early")
    day = loan.rows[0].due
    legs = (f"1132.02:{loan.id}", 1), ("6011.02", -1)
    life.post(
        "accrue_penalty",
        *legs,
        key=life.entry("disburse").key._replace(
            channel="counter", channel_date=day, serial="penalty"
        ),
    )


@breaks("INV-INCOME-90", "INV-BOOKS-AGREE")
def interest_over_ninety_days_that_is_income_still(life):
    loan = life.loan("bad")
    loan.memo_interest_fen -= 1


@breaks("INV-INCOME-90")
def a_loan_over_ninety_days_that_did_not_leave_accrual(life):
    loan = life.loan("bad")
    loan.non_accrual = False


@breaks("INV-CLASS-BY-DAYS", "INV-CLASS-UNPAID")
def a_loan_in_a_better_category_than_its_days_allow(life):
    life.loan("bad").category = Category.NORMAL


@breaks("INV-CLASS-UNPAID")
def a_category_that_improved_though_nobody_paid(life):
    loan = life.loan("automatic")
    warning = copied(life.first(RiskWarning), id="Wmade", loan=loan.id)
    warning.signal, warning.on = "substandard, 91 days overdue", loan.closed_on + A_DAY
    life.tables[RiskWarning][warning.id] = warning


def test_a_category_may_improve_once_something_is_paid(life):
    a_category_that_improved_though_nobody_paid(life)
    paid = [paid for paid in life.all(Repayment) if paid.loan == life.loans["automatic"]]
    life.tables[RiskWarning]["Wmade"].on = paid[-1].asked_on

    assert life.names() == []


@breaks("INV-ARREARS-FROZEN")
def a_line_that_may_be_drawn_though_its_loan_is_late(life):
    line = life.of(Line, "bad")
    assert line.frozen
    line.frozen = ""


@breaks("INV-ENDED")
def a_settled_loan_that_never_came_back_to_accrual(life):
    life.loan("paid off").non_accrual = True


@breaks("INV-ENDED", "INV-BOOKS-AGREE", "INV-DUE-ONCE", causes=("INV-RESERVED-EQ-LOANS",))
def a_settled_loan_that_owes_a_fen(life):
    life.loan("paid off").normal_fen = 1


@breaks("INV-ENDED", causes=("INV-EOD-ISOLATION",))
def a_loan_called_settled_that_is_not(life):
    life.loan("second").state = LoanState.SETTLED


# Payments


def payment(life, part):
    return next(paid for paid in life.all(Repayment) if part in paid.parts)


@breaks("INV-ALLOCATION", "INV-MONEY-CONSERVED")
def a_payment_whose_parts_are_a_fen_short(life):
    life.first(Repayment).amount_fen += 1


@breaks("INV-ALLOCATION", "INV-DUE-ONCE")
def principal_paid_before_penalty(life):
    paid = payment(life, Part.PENALTY)
    moved = paid.parts.pop(Part.PENALTY)
    paid.parts[Part.EARLY_PRINCIPAL] = paid.parts.get(Part.EARLY_PRINCIPAL, 0) + moved
    paid.debt[Part.EARLY_PRINCIPAL] = paid.debt.get(Part.EARLY_PRINCIPAL, 0) + moved


@breaks("INV-ALLOCATION")
def a_part_that_was_not_owed(life):
    paid = payment(life, Part.EARLY_PRINCIPAL)
    paid.debt[Part.EARLY_PRINCIPAL] = paid.parts[Part.EARLY_PRINCIPAL] - 1


@breaks("INV-ALLOCATION", "INV-DUE-ONCE")
def an_order_that_its_loan_does_not_agree_to(life):
    paid = payment(life, Part.DUE_INTEREST)
    paid.order = "principal_first"
    paid.parts = {Part.DUE_INTEREST: paid.amount_fen}
    paid.debt = dict(paid.parts)


@breaks("INV-MONEY-CONSERVED", causes=("INV-AS-INSTRUCTED",))
def a_collection_of_a_fen_more_than_was_paid(life):
    order = life.order(CollectQuery, life.first(Repayment).id)
    entry = life.entry_of(order)
    (account, amount_fen), *others = entry.legs
    life.relegged(entry, (account, amount_fen + 1), *others, ("6021", -1))


@breaks("INV-DUE-ONCE")
def a_row_paid_more_than_it_is(life):
    loan = life.loan("automatic")
    loan.paid_interest_fen[0] += 1


@breaks("INV-DUE-ONCE", "INV-BOOKS-AGREE")
def interest_that_was_paid_by_no_repayment(life):
    life.loan("late").interest_paid_fen += 1


@breaks("INV-DUE-ONCE", "INV-BOOKS-AGREE")
def a_penalty_forgiven_in_one_book(life):
    life.loan("late").penalty_paid_fen += 1


@breaks("INV-DUE-ONCE")
def an_instalment_taken_twice_on_one_day(life):
    again = copied(payment(life, Part.DUE_PRINCIPAL), id="Ragain")
    life.tables[Repayment][again.id] = again


def test_an_instalment_taken_twice_is_told_even_where_both_books_agree_on_it(life):
    an_instalment_taken_twice_on_one_day(life)

    assert any("were owed" in str(violation) for violation in life.check("INV-DUE-ONCE"))


@breaks("INV-BOOKS-AGREE", causes=("INV-RESERVED-EQ-LOANS", "INV-DUE-ONCE"))
def a_principal_a_fen_smaller(life):
    life.loan("automatic").normal_fen -= 1


@breaks("INV-BOOKS-AGREE")
def a_fen_that_turned_overdue_in_one_book(life):
    loan = life.loan("early")
    loan.normal_fen, loan.overdue_fen = loan.normal_fen - 1, loan.overdue_fen + 1


@breaks("INV-BOOKS-AGREE")
def an_allowance_that_nobody_booked(life):
    life.loan("early").allowance_fen += 1


@breaks("INV-BOOKS-AGREE")
def a_claim_of_the_core_that_no_loan_book_knows(life):
    life.post("clear_in", ("1303.02:Lghost", 5), ("2241.09", -5))


@pytest.mark.parametrize("how", ways_of(__name__))
def test_what_is_broken_is_reported_first_and_nothing_else(how):
    judge(how)
