"""Schedules under every convention: what holds for all of them (corebank.md 6.6, 21-29; 6.8)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import InputError
from core.lending.amortise import lines_of, rows_of
from core.lending.schedule import Convention, Period, Terms, Tranche, Unit, schedule
from core.lending.spans import factors
from core.money import PPM, Rounding
from core.products import DayCount, Method

DECLINING = (Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.BULLET, Method.DAILY)
START = date(2023, 1, 31)

periods = st.sampled_from(
    [Period(), Period(3), Period(1, Unit.WEEKS), Period(2, Unit.WEEKS), Period(15, Unit.DAYS)]
)
rates = st.integers(0, 240_000_000).map(lambda billionths: Fraction(billionths, 10**9))
days = st.dates(date(2019, 12, 1), date(2024, 3, 31))


@st.composite
def conventions(draw, **fixed):
    """Return any convention; ``fixed`` holds some of its fields."""
    period = draw(periods)
    by_month = period.unit is Unit.MONTHS
    drawn = {
        "rounding": draw(st.sampled_from(Rounding)),
        "multiple_fen": draw(st.sampled_from([1, 1, 100, 500])),
        "due_day": draw(st.sampled_from([0, 0, 1, 15, 29, 31])) if by_month else 0,
        "money_multiple_fen": draw(st.sampled_from([1, 1, 10])),
        "day_count": draw(st.sampled_from(DayCount)),
        "period": period,
        "level_on_twelfths": by_month and draw(st.booleans()),
        "levelled": draw(st.booleans()),
        "grace_rows": draw(st.sampled_from([0, 0, 1, 3])),
        "deferred_rows": draw(st.sampled_from([0, 0, 1, 2])),
        "flat_rest_last": draw(st.booleans()),
    }
    return Convention(**{**drawn, **fixed})


@st.composite
def loans(draw, methods=tuple(Method), tranches=3, rows=(4, 60), **fixed):
    """Return the terms of any loan, with up to so many tranches."""
    convention = draw(conventions(**fixed))
    start, count = draw(days), draw(st.integers(*rows))
    method = draw(st.sampled_from(methods))
    unit_fen = convention.money_multiple_fen
    amounts = st.integers(1, 20_000_000 // unit_fen).map(lambda units: units * unit_fen)
    length = draw(st.integers(1, tranches))
    later = draw(
        st.lists(st.tuples(st.integers(0, 20), amounts), min_size=length - 1, max_size=length - 1)
    )
    paid_out = [Tranche(start, draw(amounts))]
    paid_out += [Tranche(date.fromordinal(start.toordinal() + day), fen) for day, fen in later]
    return Terms(method, draw(rates), start, count, tuple(paid_out), convention)


@given(loans())
def test_the_principal_column_sums_to_what_was_paid_out_and_every_balance_follows(terms):
    rows, drawn = rows_of(terms), {}
    for on, amount_fen in terms.tranches:
        drawn[on] = drawn.get(on, 0) + amount_fen
    total_fen = sum(amount_fen for _, amount_fen in terms.tranches)

    assert sum(row.principal_fen for row in rows) == total_fen
    assert rows[-1].balance_fen == 0
    repaid_fen = 0
    for row in rows:
        repaid_fen += row.principal_fen
        out_fen = sum(amount_fen for on, amount_fen in drawn.items() if on <= row.due)
        assert row.balance_fen == out_fen - repaid_fen >= 0
        assert row.principal_fen >= 0
        assert row.interest_fen >= 0
    assert [row.number for row in rows] == list(range(1, terms.rows + 1))


@given(loans())
def test_due_dates_rise_strictly(terms):
    dues = [terms.start, *(row.due for row in rows_of(terms))]

    assert all(before < after for before, after in pairwise(dues))


@given(loans())
def test_no_rate_means_no_interest(terms):
    free = Terms(
        terms.method, Fraction(0), terms.start, terms.rows, terms.tranches, terms.convention
    )

    assert not any(row.interest_fen for row in rows_of(free))


@given(loans(methods=(Method.EQUAL_PRINCIPAL,), tranches=1, deferred_rows=0))
def test_equal_principal_is_level_and_its_interest_falls_where_periods_are_equal(terms):
    rows, grace = rows_of(terms), terms.convention.grace_rows
    ends = next(index for index, row in enumerate(rows) if row.balance_fen == 0)

    assert all(row.principal_fen == 0 for row in rows[:grace])
    assert len({row.principal_fen for row in rows[grace:ends]}) <= 1
    each = factors(terms.start, terms.rows, terms.convention, terms.rate)
    for index in range(1, terms.rows):
        if each[index] <= each[index - 1]:
            assert rows[index].interest_fen <= rows[index - 1].interest_fen


def drift_fen(terms):
    """The bound of 6.8 for any factors and multiples: what rounding can do to the last row."""
    grown = Fraction(0)
    for factor in factors(terms.start, terms.rows, terms.convention, terms.rate):
        grown = grown * (1 + factor) + 1
    convention = terms.convention
    unit_fen = max(convention.multiple_fen, convention.money_multiple_fen)
    return Fraction(unit_fen + convention.money_multiple_fen, 2) * grown


@given(
    loans(
        methods=(Method.EQUAL_INSTALMENT,),
        tranches=1,
        level_on_twelfths=False,
        grace_rows=0,
        deferred_rows=0,
    )
)
def test_equal_instalments_differ_only_in_the_last_and_by_no_more_than_rounding_can_drift(terms):
    rows, bound_fen = rows_of(terms), drift_fen(terms)
    level_fen = rows[0].total_fen
    # Beyond that the drift can eat the last instalment, or some row's principal: a long first
    # period, or a high rate over decades, leaves its row hardly any.
    smallest = min(line.principal for line in lines_of(terms, exact=True))
    assume(bound_fen < min(level_fen, smallest))

    assert {row.total_fen for row in rows[:-1]} == {level_fen}
    assert abs(rows[-1].total_fen - level_fen) <= bound_fen + 1


@given(loans(methods=DECLINING, tranches=1, deferred_rows=0))
def test_the_rows_are_worth_what_was_paid_out_at_the_contract_rate(terms):
    rate_of = terms.convention
    if terms.method is Method.DAILY and rate_of.day_count is DayCount.MONTHLY:
        rate_of = Convention(
            period=rate_of.period, due_day=rate_of.due_day, day_count=DayCount.ACT_360
        )
    worth, discount = Fraction(0), Fraction(1)
    each = factors(terms.start, terms.rows, rate_of, terms.rate)
    for factor, row in zip(each, rows_of(terms), strict=True):
        discount /= 1 + factor
        worth += row.total_fen * discount

    # Each row's interest is off by half a unit at most.
    off_fen = Fraction(terms.rows * terms.convention.money_multiple_fen, 2)
    assert abs(worth - terms.tranches[0].amount_fen) <= off_fen


@given(loans(tranches=1, deferred_rows=0), st.integers(1, 50_000))
def test_a_higher_rate_never_costs_less(terms, more_ppm):
    dearer = Terms(
        terms.method,
        terms.rate + Fraction(more_ppm, PPM),
        terms.start,
        terms.rows,
        terms.tranches,
        terms.convention,
    )
    slack_fen = terms.rows * max(terms.convention.money_multiple_fen, terms.convention.multiple_fen)

    assert cost_fen(dearer) >= cost_fen(terms) - slack_fen


@given(loans(tranches=1, deferred_rows=0, multiple_fen=1))
def test_a_longer_term_never_costs_less(terms):
    longer = Terms(
        terms.method,
        terms.rate,
        terms.start,
        terms.rows + 1,
        terms.tranches,
        terms.convention,
    )

    assert cost_fen(longer) >= cost_fen(terms) - longer.rows * terms.convention.money_multiple_fen


def cost_fen(terms):
    """All interest of a loan."""
    return sum(row.interest_fen for row in rows_of(terms))


@given(loans(money_multiple_fen=100))
def test_every_amount_is_a_multiple_where_money_has_no_smaller_piece(terms):
    whole = Terms(
        terms.method,
        terms.rate,
        terms.start,
        terms.rows,
        tuple(Tranche(on, 100 * amount_fen) for on, amount_fen in terms.tranches),
        terms.convention,
    )

    assert all(
        row.principal_fen % 100 == row.interest_fen % 100 == row.balance_fen % 100 == 0
        for row in rows_of(whole)
    )


@given(
    st.sampled_from(Method),
    st.integers(1, 50_000_000),
    st.integers(0, 400_000),
    days,
    st.integers(1, 72),
    st.sampled_from(Rounding),
    st.sampled_from([1, 100, 10_000]),
)
def test_the_short_way_and_the_long_way_are_the_same_way(
    method, principal_fen, rate_ppm, start, months, rounding, multiple_fen
):
    plain = Convention(rounding, multiple_fen, due_day=start.day)
    terms = Terms(
        method,
        Fraction(rate_ppm, PPM),
        start,
        months,
        (Tranche(start, principal_fen),),
        plain,
    )

    assert plain.plain
    assert schedule(method, principal_fen, rate_ppm, start, months, plain) == rows_of(terms)


@given(loans(methods=(Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL), tranches=1))
def test_exact_rows_leave_nothing_and_the_paid_ones_stay_near_them(terms):
    assume(not terms.convention.level_on_twelfths)
    exact = lines_of(terms, exact=True)

    assert exact[-1].balance == 0
    assert sum(line.principal for line in exact) == terms.tranches[0].amount_fen
    levels = {line.principal + line.interest for line in exact[terms.convention.grace_rows :]}
    if terms.method is Method.EQUAL_INSTALMENT and not terms.convention.deferred_rows:
        assert len(levels) == 1  # to the last digit, the last row too


@pytest.mark.parametrize("method", Method)
def test_one_row_repays_everything_with_its_interest(method):
    (row,) = schedule(method, 1_000_000, 72_000, START, 1)

    assert (row.principal_fen, row.balance_fen) == (1_000_000, 0)
    assert row.interest_fen == (5_600 if method is Method.DAILY else 6_000)  # 28 days, a month


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("months", [1, 12, 360])
def test_a_loan_of_one_fen_is_repaid_once(method, months):
    rows = schedule(method, 1, 240_000, START, months)

    assert sum(row.principal_fen for row in rows) == 1
    assert sum(row.interest_fen for row in rows) == 0


def test_a_level_rounded_down_below_the_interest_leaves_its_row_without_principal():
    # 100.00 yuan at 24 % in instalments of whole 5 yuan: 0.28 of principal is not payable.
    rows = schedule(
        Method.EQUAL_INSTALMENT, 10_000, 240_000, START, 360, Convention(multiple_fen=500)
    )

    assert {row.principal_fen for row in rows[:-1]} == {0}
    assert rows[-1].principal_fen == 10_000


def test_grace_rows_pay_interest_alone_and_the_rest_is_an_ordinary_loan():
    grace = schedule(
        Method.EQUAL_INSTALMENT, 500_000, 120_000, date(2022, 11, 1), 18, Convention(grace_rows=6)
    )
    rest = schedule(Method.EQUAL_INSTALMENT, 500_000, 120_000, date(2023, 5, 1), 12)

    assert [row.total_fen for row in grace[:6]] == [5_000] * 6
    assert [row.total_fen for row in grace[6:]] == [row.total_fen for row in rest]


def test_deferred_interest_is_due_with_the_row_after_and_bears_nothing():
    deferred = schedule(
        Method.EQUAL_PRINCIPAL, 120_000, 120_000, START, 12, Convention(deferred_rows=2)
    )
    prompt = schedule(Method.EQUAL_PRINCIPAL, 120_000, 120_000, START, 12)

    assert [row.interest_fen for row in deferred[:4]] == [0, 0, 1_200 + 1_100 + 1_000, 900]
    assert [row.principal_fen for row in deferred] == [row.principal_fen for row in prompt]
    assert sum(row.interest_fen for row in deferred) == sum(row.interest_fen for row in prompt)


def test_levelling_spreads_the_last_rows_gap_only_where_that_makes_it_smaller():
    def last_and_level(levelled):
        convention = Convention(
            period=Period(2, Unit.WEEKS), day_count=DayCount.ACT_364, levelled=levelled
        )
        tranches = (Tranche(date(2024, 1, 1), 10_000),)
        terms = Terms(
            Method.EQUAL_INSTALMENT,
            Fraction("0.094822"),
            date(2024, 1, 1),
            3,
            tranches,
            convention,
        )
        rows = rows_of(terms)
        return rows[0].total_fen, rows[-1].total_fen

    assert last_and_level(levelled=False) == (3_358, 3_356)
    assert last_and_level(levelled=True) == (3_357, 3_358)  # FIN-EMI-100-biweekly-364


def test_a_flat_loan_may_round_its_interest_once_and_give_the_rest_to_its_last_row():
    terms = (Method.FLAT, 125_000, 150_000, date(2023, 9, 1), 4)
    each = schedule(*terms, Convention(Rounding.HALF_EVEN))
    once = schedule(*terms, Convention(Rounding.HALF_EVEN, flat_rest_last=True))

    assert [row.interest_fen for row in each] == [1_562] * 4
    assert [row.interest_fen for row in once] == [1_562, 1_562, 1_562, 1_564]  # FIN-1250-flat


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (lambda: Convention(multiple_fen=0), "convention multiple_fen: 0 cannot be; it is at"),
        (lambda: Convention(due_day=32), "due_day: 32 cannot be; it is at least 0, at most 31"),
        (lambda: Convention(grace_rows=-1), "grace_rows: -1 cannot be"),
        (lambda: Convention(period=Period(0)), "period: 0 months cannot be"),
        (lambda: Convention(period=Period(1, Unit.WEEKS), due_day=3), "have no due day"),
        (
            lambda: Convention(period=Period(1, Unit.DAYS), level_on_twelfths=True),
            "a twelfth of a year is no period of 1 days",
        ),
        (
            lambda: schedule(Method.BULLET, 1, 1, START, 3, Convention(grace_rows=3)),
            "3 rows of grace in a loan of 3",
        ),
        (
            lambda: schedule(Method.FLAT, 1, 1, START, 3, Convention(deferred_rows=3)),
            "3 rows deferred in a loan of 3",
        ),
        (
            lambda: schedule(Method.FLAT, 1, 1, START, 3, Convention(first_due=START)),
            "first due date 2023-01-31: is not after 2023-01-31",
        ),
    ],
)
def test_what_no_convention_can_have_is_said_in_one_line(made, line):
    with pytest.raises(InputError) as error:
        made()
    assert line in str(error.value)


def test_a_convention_is_a_value():
    assert Convention(due_day=5) == Convention(due_day=5) != Convention()
    assert len({Convention(due_day=5), Convention(due_day=5), Convention(levelled=True)}) == 2
