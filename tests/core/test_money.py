"""Money: whole fen, one rounding, and the rate that held on a day."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core.money
from core.errors import InputError
from core.money import Rounding, divide, fen, interest_fen, lpr_ppm, lpr_table, parse_yuan, yuan

AMOUNTS = st.integers(-(10**15), 10**15)


@given(AMOUNTS)
def test_what_is_printed_reads_back(amount_fen):
    assert parse_yuan(yuan(amount_fen)) == amount_fen
    assert parse_yuan(yuan(amount_fen).replace(",", "")) == amount_fen


@pytest.mark.parametrize(
    ("amount_fen", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (123_456, "1,234.56"),
        (100_000_000_00, "100,000,000.00"),
        (-5, "-0.05"),
        (-123_456, "-1,234.56"),
    ],
)
def test_amounts_are_printed_with_commas_and_two_decimals(amount_fen, text):
    assert yuan(amount_fen) == text


@pytest.mark.parametrize(("text", "amount_fen"), [("12", 1200), ("12.5", 1250), (" 12.05 ", 1205)])
def test_people_may_leave_decimals_out(text, amount_fen):
    assert parse_yuan(text) == amount_fen


@pytest.mark.parametrize(
    "text",
    ["", "12.", ".5", "1.234", "1,23.00", "12,345,6", "1e3", "￥5", "+5", "--5", "１２", "nan"],
)
def test_what_is_no_amount_is_refused_by_name(text):
    with pytest.raises(InputError) as refusal:
        parse_yuan(text)
    assert refusal.value.place == f"amount {text!r}"


@pytest.mark.parametrize("value", [1.0, "1", True, None, Decimal(1)])
def test_only_whole_numbers_are_fen(value):
    with pytest.raises(InputError, match="no whole number of fen"):
        fen(value)
    assert fen(-3) == -3


@pytest.mark.parametrize(
    ("numerator", "denominator", "up", "even"),
    [
        (5, 2, 3, 2),
        (7, 2, 4, 4),
        (-5, 2, -3, -2),
        (5, -2, -3, -2),
        (-5, -2, 3, 2),
        (1, 3, 0, 0),
        (2, 3, 1, 1),
        (0, 7, 0, 0),
        (1, 2, 1, 0),
        (-1, 2, -1, 0),
    ],
)
def test_a_half_goes_up_or_to_the_even_neighbour(numerator, denominator, up, even):
    assert divide(numerator, denominator, Rounding.HALF_UP) == up
    assert divide(numerator, denominator, Rounding.HALF_EVEN) == even


@given(AMOUNTS, st.integers(1, 10**12) | st.integers(-(10**12), -1))
def test_division_agrees_with_the_decimal_module(numerator, denominator):
    with localcontext() as exact:
        exact.prec = 60
        quotient = Decimal(numerator) / Decimal(denominator)
        up = int(quotient.quantize(Decimal(1), ROUND_HALF_UP))
        even = int(quotient.quantize(Decimal(1), ROUND_HALF_EVEN))
    assert divide(numerator, denominator) == up
    assert divide(numerator, denominator, Rounding.HALF_EVEN) == even


@given(st.integers(0, 10**12), st.integers(0, 360_000), st.integers(0, 400))
def test_interest_is_within_half_a_fen_of_the_exact_figure(balance_fen, rate_ppm, days):
    exact = balance_fen * rate_ppm * days
    assert abs(interest_fen(balance_fen, rate_ppm, days) * 360_000_000 - exact) * 2 <= 360_000_000
    assert interest_fen(-balance_fen, rate_ppm, days) == -interest_fen(balance_fen, rate_ppm, days)


def test_a_day_is_a_three_hundred_and_sixtieth_of_a_year():
    assert interest_fen(5_000_000, 43_500, 30) == 18_125  # 50,000 yuan at 4.35 % for a month
    assert interest_fen(5_000_000, 43_500, 30, day_count=365) == 17_877


@pytest.mark.parametrize(
    ("on", "one_year", "five_year"),
    [
        (date(2019, 11, 20), 41_500, 48_000),
        (date(2020, 2, 19), 41_500, 48_000),
        (date(2020, 2, 20), 40_500, 47_500),
        (date(2020, 4, 20), 38_500, 46_500),
        (date(2020, 7, 1), 38_500, 46_500),
        (date(2020, 10, 31), 38_500, 46_500),
        (date(2021, 12, 20), 38_000, 46_500),
        (date(2022, 1, 20), 37_000, 46_000),
        (date(2022, 5, 20), 37_000, 44_500),
        (date(2022, 8, 22), 36_500, 43_000),
    ],
)
def test_a_rate_holds_from_its_publication_to_the_next(on, one_year, five_year):
    assert lpr_ppm(on) == one_year
    assert lpr_ppm(on, "5y") == five_year


def test_before_the_first_row_there_is_no_rate():
    with pytest.raises(InputError, match="the table begins on 2019-11-20"):
        lpr_ppm(date(2019, 11, 19))


def test_past_the_last_day_seen_a_rate_must_be_allowed_as_assumed():
    late = date(2026, 1, 5)
    with pytest.raises(InputError, match="no source for a rate then"):
        lpr_ppm(late)
    assert lpr_ppm(late, assumed=True) == 30_000


def test_an_unknown_tenor_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean '1y'"):
        lpr_ppm(date(2020, 7, 1), "1yr")


def test_every_row_names_its_source_and_later_rows_come_later():
    for tenor in ("1y", "5y"):
        starts, rates, sourced, seen_until = lpr_table(tenor)
        assert starts == sorted(set(starts))
        assert all(10_000 < rate < 60_000 and rate % 500 == 0 for rate in rates)
        assert all(sourced)
        assert seen_until > starts[-1]


def test_a_row_without_a_source_must_be_allowed(tmp_path, monkeypatch):
    file = tmp_path / "lpr.toml"
    file.write_text(
        "[one_year]\nseen_until = 2031-01-01\n"
        '[[one_year.row]]\nfrom = 2030-01-01\nrate_ppm = 30000\nsource = "x"\n'
        '[[one_year.row]]\nfrom = 2030-06-20\nrate_ppm = 29000\nsource = "assumed"\n'
    )
    monkeypatch.setattr(core.money, "LPR_FILE", file)
    lpr_table.cache_clear()
    try:
        assert lpr_ppm(date(2030, 6, 19)) == 30_000
        with pytest.raises(InputError, match="no source"):
            lpr_ppm(date(2030, 6, 20))
        assert lpr_ppm(date(2030, 6, 20), assumed=True) == 29_000
    finally:
        lpr_table.cache_clear()
