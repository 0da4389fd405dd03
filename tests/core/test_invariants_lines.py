"""Invariants of lines, prices and funding: each rule broken on purpose, in one life's books."""

from __future__ import annotations

import pytest

from core.lending.rules import Use
from core.money import lpr_ppm
from core.products import CONSUMER_LINE_MAX_FEN
from core.store.records import Contract, Drawdown, Funding, Line
from scenarios.stories.run import START
from tests.core.invariants_life import (
    A_DAY,
    BANK,
    Life,
    breaks,
    copied,
    judge,
    price_day,
    rewrite,
    unpaid,
    ways_of,
)


@pytest.fixture
def life():
    return Life()


def product_of(life, name="early", **said):
    """The product of a loan, with some of its terms changed."""
    product = life.products[life.loan(name).product].model_copy(update=said)
    life.products[product.id] = product
    return product


# Lines and funding


@breaks("INV-LIMIT", causes=("INV-CONTRACT-HASH",))
def a_line_smaller_than_what_is_owed(life):
    line = life.of(Line, "early")
    line.limit_fen = line.used_fen - 1


@breaks("INV-LIMIT", causes=("INV-CONTRACT-HASH",))
def a_line_smaller_than_what_once_was_owed(life):
    line = life.of(Line, "early")
    assert life.loan("early").prepaid_fen
    line.limit_fen = line.used_fen


@breaks("INV-LIMIT", "INV-RESERVED-EQ-LOANS", "INV-BANK-QUOTA")
def a_reservation_on_a_line_that_is_used_up(life):
    line = life.of(Line, "early")
    line.reserved_fen = line.free_fen + 1


@breaks("INV-LIMIT-NONNEG", "INV-RESERVED-EQ-LOANS", "INV-BANK-QUOTA")
def a_reservation_that_was_given_back_twice(life):
    life.of(Line, "early").reserved_fen -= 100


@breaks("INV-LIMIT-NONNEG", "INV-BANK-QUOTA")
def funding_that_was_given_back_twice(life):
    life.first(Funding).reserved_fen = -1


@breaks("INV-RESERVED-EQ-LOANS", "INV-BANK-QUOTA")
def a_line_used_a_fen_more_than_its_loans_owe(life):
    life.of(Line, "early").used_fen += 1


@breaks("INV-RESERVED-EQ-LOANS", "INV-BANK-QUOTA")
def a_reservation_nobody_waits_for(life):
    life.of(Line, "waits").reserved_fen += 100


@breaks("INV-RESERVED-EQ-LOANS")
def a_drawdown_that_waits_for_nothing(life):
    draw = next(draw for draw in life.all(Drawdown) if draw.state == "cancelled")
    draw.state = type(draw.state).RESERVED


@breaks("INV-BANK-QUOTA")
def a_bank_that_lent_a_fen_more_than_its_funding(life):
    funding = life.tables[Funding][BANK]
    funding.quota_fen = funding.used_fen + funding.reserved_fen - 1


@breaks("INV-BANK-QUOTA")
def funding_that_a_repayment_did_not_give_back(life):
    life.tables[Funding][BANK].used_fen += 1


@breaks("INV-LINE-CAPS", causes=("INV-CONTRACT-HASH",))
def a_consumer_line_above_the_order_of_2020(life):
    product_of(life, line_max_fen=10**9)
    life.of(Line, "early").limit_fen = CONSUMER_LINE_MAX_FEN + 1


@breaks("INV-LINE-CAPS")
def a_line_above_its_products_cap(life):
    most_fen = max(line.limit_fen for line in life.all(Line) if line.bank == BANK)
    product_of(life, line_max_fen=most_fen - 1)
    product_of(life, "late", line_max_fen=most_fen - 1)


@breaks("INV-LINE-CAPS")
def a_line_of_no_application(life):
    line = copied(life.first(Line), id="Aghost", used_fen=0)
    life.tables[Line][line.id] = line


# Prices and terms


@breaks("INV-RATE-AT-DRAWDOWN", "INV-LOAN-AS-DRAWN")
def a_price_a_millionth_too_high(life):
    life.first(Drawdown).rate_ppm += 1


@breaks(
    "INV-RATE-AT-DRAWDOWN",
    "INV-LOAN-AS-DRAWN",
    "INV-TERM",
    causes=("INV-EVIDENCE-BEFORE-MONEY",),
)
def a_price_of_another_day(life):
    draw = life.first(Drawdown)
    draw.asked_on = price_day()
    assert lpr_ppm(draw.asked_on) != lpr_ppm(START)


@breaks("INV-RATE-AT-DRAWDOWN", causes=("INV-OWNER", "INV-EVIDENCE-BEFORE-MONEY"))
def a_drawdown_from_nothing(life):
    draw = copied(life.first(Drawdown), id="Dghost", application="Aghost", face="")
    life.tables[Drawdown][draw.id] = draw


@breaks("INV-RATE-CAP", "INV-RATE-AT-DRAWDOWN")
def a_price_above_what_its_contract_caps(life):
    contract = life.tables[Contract][unpaid(life)[0].contract]
    before, contract.cap_ppm = contract.cap_ppm, life.of(Drawdown, "waits").rate_ppm - 1
    rewrite(contract, f'"cap_ppm":{before}', f'"cap_ppm":{contract.cap_ppm}')


@breaks("INV-RATE-CAP", "INV-RATE-AT-DRAWDOWN", "INV-LOAN-AS-DRAWN")
def a_price_above_four_times_the_lpr(life):
    draw = life.of(Drawdown, "early")
    draw.rate_ppm = 4 * lpr_ppm(START) + 1


@breaks("INV-TERM")
def a_row_more_than_the_product_has(life):
    product_of(life, months=11)


@breaks("INV-TERM")
def a_drawdown_of_the_day_on_which_its_line_ends(life):
    life.of(Line, "early").valid_to = life.of(Drawdown, "early").asked_on


@breaks("INV-USE")
def money_lent_for_stocks(life):
    life.first(Drawdown).use = Use.STOCKS


@breaks("INV-USE")
def a_trades_use_of_a_consumers_loan(life):
    life.of(Drawdown, "early").use = Use.WAGES


@breaks("INV-USE")
def money_lent_for_nothing_that_was_told(life):
    life.first(Drawdown).use = ""


def test_a_use_is_judged_by_its_product(life):
    assert life.of(Drawdown, "careful").use == Use.GOODS
    life.of(Drawdown, "careful").use = Use.WAGES

    assert life.names() == []


def test_a_line_may_be_drawn_on_its_last_day(life):
    line = life.of(Line, "waits")
    line.valid_to = max(draw.asked_on for draw in life.all(Drawdown)) + A_DAY

    assert "INV-TERM" not in life.names()


@pytest.mark.parametrize("how", ways_of(__name__))
def test_what_is_broken_is_reported_first_and_nothing_else(how):
    judge(how)
