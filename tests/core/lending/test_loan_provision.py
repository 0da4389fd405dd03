"""Provision and write-off: what the bank sets aside, gives up in its books, and still asks for."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from core.errors import InputError
from core.lending.book import (
    LoanState,
    Part,
    allocate,
    day_end,
    due_fen,
    lend,
    owed,
    pay,
    payoff_quote,
    turn,
    write_off,
)
from core.lending.classification import Category
from core.lending.provision import SHARE_SETS, WRITE_OFF_RULES, wanted_fen
from core.ports.corebank import Adjustment
from core.products import Method

DRAWN = date(2020, 7, 15)
FIRST = date(2020, 8, 15)
A_DAY = timedelta(days=1)


def loan_of(principal_fen=1_200_000):
    """A loan of twelve months whose principal is due in one sum."""
    pricing = SimpleNamespace(overdue_surcharge_pct=50)
    product = SimpleNamespace(id="p", bank="b", method=Method.BULLET, months=12, pricing=pricing)
    return lend("L1", product, "A1", "62", principal_fen, 72_000, DRAWN)


def late(days):
    """A loan whose every day was closed until it was so many days late; the last day is open."""
    loan, on = loan_of(), FIRST + days * A_DAY
    day = DRAWN
    while day < on:
        day_end(loan, day)
        day += A_DAY
    turn(loan, on)
    return loan, on


def provisions(bookings):
    kinds = (Adjustment.PROVIDE, Adjustment.RELEASE)
    return [(kind, amount_fen) for kind, amount_fen in bookings if kind in kinds]


@pytest.mark.parametrize(
    ("category", "allowance_fen"),
    [
        (Category.NORMAL, 12_000),
        (Category.SPECIAL_MENTION, 24_000),
        (Category.SUBSTANDARD, 300_000),
        (Category.DOUBTFUL, 600_000),
        (Category.LOSS, 1_200_000),
    ],
)
def test_each_category_has_its_share(category, allowance_fen):
    loan = loan_of()
    loan.category = category
    assert wanted_fen(loan, DRAWN) == allowance_fen


def test_every_rule_set_says_where_it_comes_from_and_how_sure_that_is():
    assert [shares.confidence for shares in SHARE_SETS] == ["medium"]
    assert [rule.confidence for rule in WRITE_OFF_RULES] == ["low"]
    assert all(rules.source for rules in (*SHARE_SETS, *WRITE_OFF_RULES))
    assert all(set(shares.share_ppm) == set(Category) for shares in SHARE_SETS)


def test_a_month_end_provides_and_the_days_between_do_not():
    loan, booked = loan_of(), {}
    for day in range(31):
        on = DRAWN + day * A_DAY
        if found := provisions(day_end(loan, on)):
            booked[on] = found

    assert booked == {date(2020, 7, 31): [(Adjustment.PROVIDE, 12_000)]}


def test_a_worse_category_is_provided_for_on_its_own_day():
    loan, booked = loan_of(), {}
    for day in range(31 + 182):
        on = DRAWN + day * A_DAY
        if found := provisions(day_end(loan, on)):
            booked[(on - FIRST).days] = found

    assert booked == {
        -15: [(Adjustment.PROVIDE, 12_000)],  # the end of July
        1: [(Adjustment.PROVIDE, 12_000)],
        91: [(Adjustment.PROVIDE, 276_000)],
        121: [(Adjustment.PROVIDE, 300_000)],
        181: [(Adjustment.PROVIDE, 600_000)],
    }


def test_a_month_end_that_nobody_closed_is_made_up_for():
    loan = loan_of()
    assert provisions(day_end(loan, date(2020, 8, 3))) == [(Adjustment.PROVIDE, 12_000)]


def test_who_pays_the_arrears_is_released_down_to_the_better_share():
    loan, on = late(100)
    assert loan.allowance_fen == 300_000
    pay(loan, allocate(loan, due_fen(loan), on))

    assert provisions(day_end(loan, on)) == [(Adjustment.RELEASE, 288_000)]
    assert loan.allowance_fen == 12_000


def test_a_settled_loan_is_touched_once_more_and_gives_its_allowance_back():
    loan = loan_of()
    day_end(loan, date(2020, 7, 31))
    on = date(2020, 8, 5)
    turn(loan, on)
    pay(loan, allocate(loan, payoff_quote(loan, on).total_fen, on))

    assert loan.next_day_end() == date(2020, 8, 1)  # at once: that of the fifth will do
    assert day_end(loan, on) == [(Adjustment.RELEASE, 12_000)]
    assert loan.next_day_end() is None


def test_a_loan_is_written_off_against_its_whole_allowance_and_stays_owed():
    loan, on = late(181)
    debt_fen, interest_fen, penalty_fen = (
        loan.debt_fen,
        loan.owed_interest_fen,
        loan.owed_penalty_fen,
    )
    assert loan.category is Category.LOSS

    # Half of it was provided for as doubtful; the rest is due before it may go.
    assert write_off(loan, on) == [
        (Adjustment.PROVIDE, 600_000),
        (Adjustment.WRITE_OFF, 1_200_000),
    ]
    assert loan.state is LoanState.WRITTEN_OFF
    assert (loan.outstanding_fen, loan.allowance_fen, loan.written_off_fen) == (0, 0, 1_200_000)
    assert (loan.memo_interest_fen, loan.memo_penalty_fen) == (interest_fen, penalty_fen)
    assert loan.debt_fen == due_fen(loan) == debt_fen
    assert loan.next_day_end() is None


def test_what_is_provided_for_wholly_needs_no_more():
    loan, on = late(182)
    assert write_off(loan, on) == [(Adjustment.WRITE_OFF, 1_200_000)]


def test_nothing_accrues_on_a_claim():
    loan, on = late(182)
    write_off(loan, on)
    debt_fen = loan.debt_fen

    assert day_end(loan, on + 100 * A_DAY) == []
    assert loan.debt_fen == payoff_quote(loan, on + 900 * A_DAY).total_fen == debt_fen


def test_a_recovery_pays_principal_first_until_the_claim_is_gone():
    loan, on = late(182)
    write_off(loan, on)
    interest_fen, penalty_fen = loan.memo_interest_fen, loan.memo_penalty_fen

    first = allocate(loan, 1_000_000, on)
    assert (first.recovered_fen, first.total_fen, first.repaid_fen) == (1_000_000, 1_000_000, 0)
    pay(loan, first)
    assert (loan.written_off_fen, loan.recovered_fen) == (200_000, 1_000_000)
    assert loan.state is LoanState.WRITTEN_OFF

    turn(loan, on + A_DAY)
    second = allocate(loan, 9_000_000, on + A_DAY)
    assert second.recovered_fen == 200_000
    assert (second.memo_interest_fen, second.memo_penalty_fen) == (interest_fen, penalty_fen)
    assert second.excess_fen == 9_000_000 - second.total_fen
    pay(loan, second)
    assert loan.state is LoanState.SETTLED
    assert sum(owed(loan).values()) == loan.debt_fen == 0


def test_a_recovery_may_be_told_by_its_parts_alone():
    loan, on = late(182)
    write_off(loan, on)
    parts = {Part.RECOVERED: 5, Part.OVERDUE_INTEREST: 7}
    told = allocate(loan, 12, on)
    told.parts = {part: parts.get(part, 0) for part in Part}
    told.non_accrual = False  # as a record without it would have it
    pay(loan, told)

    assert loan.recovered_fen == 5
    assert loan.memo_interest_fen == loan.owed_interest_fen


def test_a_loan_that_is_not_lost_is_not_written_off_and_nothing_moves():
    loan, on = late(180)
    before = repr(loan)
    with pytest.raises(InputError, match="it is DOUBTFUL, which is not LOSS; collect it, or wait"):
        write_off(loan, on)
    assert repr(loan) == before


def test_a_loan_is_written_off_once():
    loan, on = late(182)
    write_off(loan, on)
    with pytest.raises(InputError, match="it is written_off"):
        write_off(loan, on)


def test_a_loan_is_turned_before_it_is_written_off():
    loan, on = late(182)
    with pytest.raises(AssertionError, match="turn the loan"):
        write_off(loan, on + A_DAY)
