"""Loans paid out in parts, instalments that were agreed and not solved, and early pay-offs."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from core.errors import InputError
from core.lending.amortise import paid_off, rows_of
from core.lending.schedule import Convention, Terms, Tranche
from core.products import Method

NEW_YEAR = date(2024, 1, 1)
RATE = Fraction("0.094822")


def loan(
    *paid_out, method=Method.EQUAL_INSTALMENT, rows=6, start=NEW_YEAR, fixed_fen=0, **convention
):
    """Terms with tranches written as (day of 2024, amount in fen)."""
    tranches = tuple(Tranche(date.fromisoformat(f"2024-{on}"), fen) for on, fen in paid_out)
    return Terms(method, RATE, start, rows, tranches, Convention(**convention), fixed_fen)


def totals(terms):
    """What each row asks for."""
    return [row.total_fen for row in rows_of(terms)]


def test_a_tranche_on_a_due_date_comes_after_the_row_and_makes_a_new_annuity():
    rows = rows_of(loan(("01-01", 10_000), ("03-01", 10_000), levelled=True))

    assert [row.total_fen for row in rows] == [1_713, 1_713, 4_263, 4_263, 4_263, 4_261]
    assert rows[1].balance_fen == 16_719  # FIN-EMI-multi-on-due-date


def test_a_tranche_inside_a_period_bears_interest_from_its_day():
    rows = rows_of(loan(("01-01", 10_000), ("02-15", 10_000), levelled=True))

    # FIN-EMI-multi-mid-period: 14 of February's 29 days on 83.66, 15 on 183.66, each rounded.
    assert rows[1].interest_fen == 32 + 75
    assert [row.total_fen for row in rows] == [1_713] + [3_753] * 5


def test_tranches_of_one_day_are_one_tranche_and_their_order_is_no_matter():
    apart = loan(("01-01", 10_000), ("01-08", 5_000), ("01-08", 2_500))
    together = loan(("01-08", 7_500), ("01-01", 10_000))

    assert rows_of(apart) == rows_of(together)


def test_rows_may_be_counted_from_before_the_payout():
    # The first period begins on 1 January, the money comes on the 5th (Fineract's backdated test).
    rows = rows_of(loan(("01-05", 10_000), ("01-08", 7_500), start=NEW_YEAR, levelled=True))

    assert rows[0].interest_fen == 8 + 107
    assert [row.total_fen for row in rows] == [2_994] * 6


@pytest.mark.parametrize("method", Method)
def test_every_method_repays_every_tranche(method):
    rows = rows_of(loan(("01-01", 10_000), ("02-15", 5_000), ("04-01", 5_000), method=method))

    assert sum(row.principal_fen for row in rows) == 20_000
    assert rows[2].balance_fen == 20_000 - sum(row.principal_fen for row in rows[:3])


def test_equal_principal_is_spread_anew_over_the_rows_left():
    rows = rows_of(loan(("01-01", 60_000), ("04-01", 30_000), method=Method.EQUAL_PRINCIPAL))

    assert [row.principal_fen for row in rows] == [10_000] * 3 + [20_000] * 3


def test_an_agreed_instalment_leaves_the_rest_to_the_last_row():
    terms = Terms(
        Method.EQUAL_INSTALMENT,
        Fraction(12, 100),
        date(2022, 11, 1),
        6,
        (
            Tranche(date(2022, 11, 1), 500_000),
            Tranche(date(2023, 1, 1), 300_000),
            Tranche(date(2023, 3, 1), 200_000),
        ),
        fixed_fen=172_500,
    )

    assert totals(terms) == [172_500] * 5 + [158_239]  # FIN-RP16


def test_an_agreed_instalment_below_the_interest_repays_nothing_until_the_end():
    rows = rows_of(loan(("01-01", 1_000_000), fixed_fen=100))

    assert [row.principal_fen for row in rows] == [0] * 5 + [1_000_000]
    assert all(row.total_fen > 100 for row in rows)


@pytest.mark.parametrize("on", ["2023-12-31", "2024-07-01", "2025-01-01"])
def test_a_tranche_outside_the_loan_is_an_error(on):
    terms = Terms(
        Method.BULLET,
        RATE,
        NEW_YEAR,
        6,
        (Tranche(NEW_YEAR, 1), Tranche(date.fromisoformat(on), 1)),
    )
    with pytest.raises(InputError) as error:
        rows_of(terms)
    assert f"tranche of {on}: is outside the loan, 2024-01-01 to 2024-07-01" in str(error.value)


@pytest.mark.parametrize(
    "terms",
    [
        {"rows": 0},
        {"rows": 1_201},
        {"rate": Fraction(-1)},
        {"fixed_fen": -1},
        {"fixed_fen": 5, "method": Method.FLAT},
        {"tranches": (Tranche(NEW_YEAR, -1),)},
    ],
)
def test_what_no_loan_can_have_is_an_error(terms):
    given = {
        "method": Method.EQUAL_INSTALMENT,
        "rate": RATE,
        "start": NEW_YEAR,
        "rows": 6,
        "tranches": (),
    }
    with pytest.raises(InputError):
        Terms(**(given | terms))


# Early pay-off.


def test_a_pay_off_stops_the_interest_and_keeps_the_rows_totals_until_nothing_is_left():
    terms = Terms(
        Method.EQUAL_INSTALMENT, Fraction(7, 100), NEW_YEAR, 6, (Tranche(NEW_YEAR, 10_000),)
    )
    rows = paid_off(terms, date(2024, 2, 15))

    assert [row.interest_fen for row in rows] == [58, 24, 0, 0, 0, 0]
    assert [row.total_fen for row in rows] == [1_701] * 5 + [1_577]  # FIN-100-7pct-payoff
    assert rows[-1].balance_fen == 0


def test_a_pay_off_on_a_due_date_takes_that_row_whole():
    terms = loan(("01-01", 10_000))
    rows, agreed = paid_off(terms, date(2024, 3, 1)), rows_of(terms)

    assert rows[:2] == agreed[:2]
    assert not any(row.interest_fen for row in rows[2:])
    assert sum(row.principal_fen for row in rows) == 10_000


@pytest.mark.parametrize("on", [NEW_YEAR, date(2024, 7, 1)])
def test_a_pay_off_lies_within_the_loan(on):
    with pytest.raises(InputError):
        paid_off(loan(("01-01", 10_000)), on)
