"""What a payment pays: orders as data, grace, early repayment both ways, collection."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lending.book import (
    NOT_EARLY,
    ORDERS,
    Conditions,
    LoanState,
    Order,
    Part,
    Prepay,
    allocate,
    day_end,
    due_fen,
    lend,
    owed,
    pay,
    payoff_quote,
    prepay_quote,
    to_collect_fen,
    turn,
)
from core.lending.schedule import Convention
from core.products import Method

DRAWN = date(2020, 7, 15)
FIRST = date(2020, 8, 15)
A_DAY = timedelta(days=1)


def loan_of(method=Method.EQUAL_PRINCIPAL, months=12, convention=None, **conditions):
    """12,000 yuan at 7.2 %, by default 1,000 yuan and at first 72 yuan a month."""
    pricing = SimpleNamespace(overdue_surcharge_pct=50)
    product = SimpleNamespace(id="p", bank="b", method=method, months=months, pricing=pricing)
    terms = (convention or Convention(), Conditions(**conditions))
    return lend("L1", product, "A1", "62", 1_200_000, 72_000, DRAWN, *terms)


def turned(loan, on):
    turn(loan, on)
    return loan


# The order


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_names_every_part_once_and_early_parts_last(order):
    parts = ORDERS[order].parts
    assert sorted(parts) == sorted(Part)
    assert set(parts) - set(NOT_EARLY) == {Part.EARLY_INTEREST, Part.EARLY_PRINCIPAL}
    early = [part for part in parts if part is not Part.RECOVERED][-2:]
    assert early == [Part.EARLY_INTEREST, Part.EARLY_PRINCIPAL]
    assert ORDERS[order].source
    assert ORDERS[order].confidence in {"high", "medium", "low"}


def test_by_kind_takes_all_interest_before_any_principal():
    loan = turned(loan_of(), FIRST + 40 * A_DAY)
    paid = allocate(loan, 120_000, loan.accrued_through)

    assert paid.parts[Part.OVERDUE_INTEREST] == 7_200 + 6_600
    assert paid.parts[Part.OVERDUE_PRINCIPAL] == 120_000 - 13_800 - loan.penalty_fen


def test_row_by_row_pays_the_oldest_instalment_whole_before_the_next():
    loan = turned(loan_of(order=Order.ROW_BY_ROW), FIRST + 40 * A_DAY)
    amount_fen = loan.penalty_fen + 107_200 + 6_000
    paid = allocate(loan, amount_fen, loan.accrued_through)

    assert paid.parts[Part.PENALTY] == loan.penalty_fen
    assert paid.parts[Part.OVERDUE_INTEREST] == 7_200 + 6_000
    assert paid.parts[Part.OVERDUE_PRINCIPAL] == 100_000
    pay(loan, paid)
    assert loan.paid(0)
    assert (loan.paid_interest_fen[1], loan.paid_principal_fen[1]) == (6_000, 0)
    assert loan.days_overdue(loan.accrued_through) == 9


def test_row_by_row_and_by_kind_pay_the_same_when_all_is_paid():
    loan = turned(loan_of(), FIRST + 70 * A_DAY)
    on = loan.accrued_through
    by_kind = allocate(loan, due_fen(loan), on)
    assert allocate(loan, due_fen(loan), on, ORDERS[Order.ROW_BY_ROW]).parts == by_kind.parts


@pytest.mark.parametrize(("days", "first"), [(90, Part.PENALTY), (91, Part.OVERDUE_PRINCIPAL)])
def test_more_than_90_days_late_another_order_may_hold(days, first):
    loan = turned(loan_of(late_order=Order.PRINCIPAL_FIRST), FIRST + days * A_DAY)
    paid = allocate(loan, 1, loan.accrued_through)
    assert paid.parts[first] == 1


# Grace


@pytest.mark.parametrize(
    ("grace_days", "days", "borne_days"),
    [(0, 0, 0), (0, 1, 1), (3, 1, 0), (3, 3, 0), (3, 4, 4), (3, 20, 20)],
)
def test_grace_frees_of_penalty_for_its_days_only(grace_days, days, borne_days):
    loan = turned(loan_of(grace_days=grace_days), FIRST + days * A_DAY)

    units = 107_200 * 108_000 * borne_days  # 10.8 % on what is unpaid, over 360
    assert loan.penalty_units == units
    assert loan.days_overdue(loan.accrued_through) == days


def test_what_is_paid_in_grace_bears_nothing_and_the_rest_from_the_due_date_on():
    loan = turned(loan_of(grace_days=5), FIRST + 2 * A_DAY)
    pay(loan, allocate(loan, 57_200, FIRST + 2 * A_DAY))
    turn(loan, FIRST + 5 * A_DAY)
    assert loan.penalty_units == 0
    turn(loan, FIRST + 6 * A_DAY)
    assert loan.penalty_units == 50_000 * 108_000 * 6


# Early repayment

prepaying = st.builds(
    loan_of,
    st.sampled_from(Method),
    st.integers(2, 36),
    st.sampled_from([Convention(), Convention(due_day=28), Convention(multiple_fen=100)]),
    prepay=st.sampled_from(Prepay),
)


@given(prepaying, st.integers(0, 50), st.integers(1, 999))
def test_an_early_repayment_is_what_it_was_quoted_as(loan, days, permille):
    on = DRAWN + days * A_DAY
    debt_fen = payoff_quote(loan, on).total_fen
    amount_fen = max(1, debt_fen * permille // 1000)
    once = deepcopy(loan)
    quote = prepay_quote(loan, amount_fen, on)
    assert loan == once

    turn(loan, on)
    paid = allocate(loan, amount_fen, on)
    pay(loan, paid)
    assert (paid, loan.rows[loan.row :]) == (quote.allocation, quote.rows)
    # An instalment in whole yuan may come out lower than before, and cost a little longer.
    whole_fen = loan.convention.multiple_fen * len(loan.rows)
    assert quote.saved_fen >= (0 if loan.convention.multiple_fen == 1 else -whole_fen)
    assert loan.prepaid_fen == paid.parts[Part.EARLY_PRINCIPAL]


@given(
    st.sampled_from([Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.FLAT]),
    st.integers(3, 36),
    st.integers(1, 30),
    st.integers(1, 900),
)
def test_shorter_keeps_the_instalments_and_smaller_keeps_the_term(method, months, day, permille):
    loan, on = loan_of(method, months), DRAWN + day * A_DAY
    level_fen = max(row.total_fen for row in loan.rows)
    amount_fen = owed(turned(deepcopy(loan), on))[Part.EARLY_INTEREST] + 1_200 * permille
    shorter = prepay_quote(loan, amount_fen, on, Prepay.SHORTER)
    smaller = prepay_quote(loan, amount_fen, on, Prepay.SMALLER)

    dues = [row.due for row in loan.rows]
    assert [row.due for row in smaller.rows] == dues
    assert [row.due for row in shorter.rows] == dues[: len(shorter.rows)]
    # The current row is apart: it carries interest of the balance before.
    later_fen = max((row.total_fen for row in shorter.rows[1:]), default=0)
    assert later_fen <= level_fen + months
    assert len(shorter.rows) <= len(smaller.rows)
    assert shorter.allocation == smaller.allocation
    assert shorter.saved_fen >= smaller.saved_fen - months  # rounding apart
    for rows in (shorter.rows, smaller.rows):
        assert sum(row.principal_fen for row in rows) == 1_200_000 - 1_200 * permille
        assert rows[-1].balance_fen == 0
        assert all(a.balance_fen - b.principal_fen == b.balance_fen for a, b in pairwise(rows))


def test_half_repaid_early_is_half_the_term_or_half_the_instalment():
    loan = loan_of()
    turn(loan, FIRST)
    pay(loan, allocate(loan, 107_200, FIRST))
    shorter = prepay_quote(loan, 550_000, FIRST, Prepay.SHORTER)
    smaller = prepay_quote(loan, 550_000, FIRST, Prepay.SMALLER)

    assert [row.principal_fen for row in shorter.rows] == [91_667] * 5 + [91_665]
    assert [row.principal_fen for row in smaller.rows] == [50_000] * 11
    # 6 per mille a month: 66 x 6 yuan before, 66 x 3 yuan after, or 21 x 5.50 yuan.
    assert smaller.saved_fen == 39_600 - 19_800
    assert shorter.saved_fen == 39_600 - 11_550


@pytest.mark.parametrize("method", [Method.BULLET, Method.DAILY])
def test_where_principal_is_due_in_one_sum_there_is_nothing_to_shorten(method):
    loan, on = loan_of(method), DRAWN + 10 * A_DAY
    shorter = prepay_quote(loan, 300_000, on, Prepay.SHORTER)
    assert shorter == prepay_quote(loan, 300_000, on, Prepay.SMALLER)
    assert len(shorter.rows) == 12


def test_an_early_repayment_keeps_the_convention_of_the_loan():
    convention = Convention(due_day=28, multiple_fen=10_000)
    loan = loan_of(Method.EQUAL_INSTALMENT, convention=convention)
    on = date(2020, 8, 3)
    turn(loan, on)
    pay(loan, allocate(loan, 500_000, on))

    assert loan.convention.due_day == 28
    assert {row.due.day for row in loan.rows} == {28}
    assert all(row.total_fen % 10_000 == 0 for row in loan.rows[1:-1])


def test_the_due_day_is_that_of_the_payout_where_none_was_agreed():
    assert loan_of().convention.due_day == 15


# Collection


def due_loan(**conditions):
    loan = loan_of(**conditions)
    day_end(loan, FIRST - A_DAY)
    return loan


@pytest.mark.parametrize(
    ("held_fen", "part", "whole"),
    [
        (-5, 0, 0),
        (0, 0, 0),
        (1, 1, 0),
        (107_199, 107_199, 0),
        (107_200, 107_200, 107_200),
        (999_999, 107_200, 107_200),
    ],
)
def test_the_bank_takes_what_is_due_as_far_as_it_is_there(held_fen, part, whole):
    assert to_collect_fen(due_loan(), FIRST, held_fen) == part
    assert to_collect_fen(due_loan(collect_whole=True), FIRST, held_fen) == whole


def test_before_the_due_date_the_bank_takes_nothing():
    assert to_collect_fen(due_loan(), FIRST - A_DAY, 999_999) == 0


def test_what_the_customer_paid_on_the_same_day_is_not_taken_again():
    loan = due_loan()
    turn(loan, FIRST)
    pay(loan, allocate(loan, 100_000, FIRST))
    assert to_collect_fen(loan, FIRST, 999_999) == 7_200
    pay(loan, allocate(loan, 7_200, FIRST))
    assert to_collect_fen(loan, FIRST, 999_999) == 0


def test_asking_what_to_collect_changes_nothing_and_needs_no_turn():
    loan = due_loan()
    once = deepcopy(loan)
    late_fen = to_collect_fen(loan, FIRST + 3 * A_DAY, 999_999)
    assert loan == once
    assert late_fen == due_fen(turned(loan, FIRST + 3 * A_DAY)) > 107_200


def test_of_a_settled_loan_nothing_is_taken():
    loan = due_loan()
    turn(loan, FIRST)
    pay(loan, allocate(loan, payoff_quote(loan, FIRST).total_fen, FIRST))
    assert loan.state is LoanState.SETTLED
    assert to_collect_fen(loan, FIRST + 99 * A_DAY, 999_999) == 0
