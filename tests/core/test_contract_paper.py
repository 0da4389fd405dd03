"""The paper: what a contract says, in its canonical bytes, on the phone, and on the page."""

from __future__ import annotations

import json
import re
from datetime import date
from html import unescape
from itertools import product as pairs
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.banks import load_banks
from core.contract import paper
from core.contract.canonical import canonical, digests
from core.contract.paper import contract_of, offer, plain, write
from core.contract.readable import html
from core.contract.terms import example, price_at_signing
from core.contract.words import METHODS, per_cent
from core.errors import InputError
from core.identity import IdNumber
from core.money import lpr_ppm
from core.products import LPR_MULTIPLE_MAX, RATINGS, Method, load_products
from core.store.records import Contract

BANKS = load_banks()
PRODUCTS = load_products(BANKS)
LENT = PRODUCTS["daopu-household"]
ON = date(2020, 7, 1)
NUMBER = IdNumber("32990019870101123" + IdNumber.check_digit("32990019870101123"))

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def offered(product=LENT, rating="B", on=ON):
    return offer(BANKS[product.bank], product, rating, on, "consent-1")


def written(product=LENT, name="李样本", rating="B", on=ON, limit_fen=12_345_600):
    app = SimpleNamespace(id="A1", account="6290011234567890123")
    customer = SimpleNamespace(name=name, number=NUMBER)
    line = SimpleNamespace(limit_fen=limit_fen, valid_to=date(2022, 7, 1))
    return write(offered(product, rating, on), "N1", app, customer, line, on)


def signed(**said):
    made = written(**said)
    return Contract(
        *("N1", "daopu", "A1", made.text, made.digest, made.sm3, "51" * 64, "9c" * 32, "40" * 16),
        *("consent-1", "FACE-TOKEN", "2e" * 32, "3c" * 32, 1_593_568_800, ON, 69_500, 148_000),
        69_500,
    )


# Canonical


@given(name=names, limit_fen=st.integers(0, 10**9))
def test_what_is_written_by_hand_is_the_canonical_form(name, limit_fen):
    made = written(name=name, limit_fen=limit_fen)
    content = made.text.encode()

    assert canonical(json.loads(content)) == content
    assert (made.digest, made.sm3) == digests(content)
    assert contract_of(content)["borrower"]["name"] == name


@given(name=names)
def test_what_the_customer_reads_is_read_out_of_the_bytes(name):
    made = written(name=name)

    assert plain(made.text.encode()) == made.shown


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_every_products_contract_is_canonical_and_readable(product):
    for rating in RATINGS:
        made = written(product, rating=rating, on=product.valid_from)

        assert plain(made.text.encode()) == made.shown
        assert METHODS[product.method] in made.shown
        assert BANKS[product.bank].name in made.shown


def test_a_contract_says_everything_that_is_agreed():
    said = contract_of(written().text.encode())
    agreed = said["agreed"]

    assert said["borrower"] == {"id_number": NUMBER.text, "name": "李样本"}
    assert said["line"] == {"currency": "CNY", "limit_fen": 12_345_600, "valid_to": "2022-07-01"}
    assert (said["document"], said["application"], said["signed_on"]) == ("N1", "A1", "2020-07-01")
    assert said["paid_into"] == "6290011234567890123"
    assert agreed["lender"]["id"] == "daopu"
    assert agreed["price"] == {
        "cap_ppm": LENT.pricing.cap_ppm,
        "floor_ppm": LENT.pricing.floor_ppm,
        "lpr_ppm": 38_500,
        "lpr_tenor": "1y",
        "rate_ppm": 38_500 + 100 * LENT.pricing.spread_bp["B"],
        "spread_bp": LENT.pricing.spread_bp["B"],
    }
    rules = agreed["rules"]
    assert (rules["method"], rules["months"]) == (LENT.method, LENT.months)
    assert rules["pricing"]["overdue_surcharge_pct"] == LENT.pricing.overdue_surcharge_pct
    assert agreed["consent_version"] == "consent-1"
    assert set(agreed["use"]["never"]) >= {"property", "stocks", "futures"}
    assert "SPECIMEN" in agreed["specimen"]


def test_a_contract_does_not_say_how_the_bank_decides():
    text = written().text

    for inside in ("score_min", "income_multiple", "policy", "rating", "age_min"):
        assert inside not in text


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"1", b'{"agreed":{}}', b'{"agreed":1}', b"no json"]
)
def test_what_is_no_contract_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011  json has words of its own
        contract_of(content)


# Kept offers


def test_an_offer_is_made_once_and_again_for_another_day_price_or_product():
    first = offered()
    changed = LENT.model_copy(update={"months": LENT.months - 1})

    assert offered() is first
    assert offered(on=date(2020, 7, 2)) is first  # the same LPR, the same year
    assert offered(on=date(2022, 2, 1)) is not first
    assert offered(rating="C") is not first
    assert offered(changed).canonical != first.canonical


def test_the_kept_offers_are_bounded(monkeypatch):
    monkeypatch.setattr(paper, "_offers", {})
    monkeypatch.setattr(paper, "OFFERS_MAX", 2)
    for rating in RATINGS:
        offered(rating=rating)

    assert len(paper._offers) <= 2


# The price on the day of signing


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_no_product_costs_more_than_the_law_allows_in_any_year_it_is_sold(product):
    years = range(product.valid_from.year, product.valid_to.year + 1)
    for year, rating in pairs(years, RATINGS):
        lpr = lpr_ppm(date(year, 12, 31))
        price = price_at_signing(product, rating, lpr, year)

        assert product.pricing.floor_ppm <= price.rate_ppm <= price.cap_ppm
        assert price.cap_ppm <= min(product.pricing.cap_ppm, LPR_MULTIPLE_MAX * lpr)
        assert price.disclosed.simple_ppm <= price.disclosed.compound_ppm


def test_a_product_that_the_falling_lpr_overtook_is_not_signed():
    with pytest.raises(InputError, match="above four times the LPR, 48000"):
        price_at_signing(LENT, "B", 12_000, 2020)


def test_a_flat_rate_is_held_against_the_cap_by_what_it_costs():
    flat = LENT.model_copy(update={"method": Method.FLAT})
    lpr = 24_000  # rate 5.5 % and more, four times the LPR 9.6 %
    rate_ppm = price_at_signing(LENT, "B", lpr, 2020).rate_ppm

    assert example(flat, rate_ppm, ON).simple_ppm > 96_000 > rate_ppm
    with pytest.raises(InputError, match="above four times"):
        price_at_signing(flat, "B", lpr, 2020)


def test_the_cap_of_the_contract_is_the_lower_of_the_products_and_the_laws():
    price = price_at_signing(LENT, "B", 30_000, 2020)

    assert LENT.pricing.cap_ppm > price.cap_ppm == 4 * 30_000


def test_the_annualised_rate_of_the_daily_method_counts_real_days():
    daily = LENT.model_copy(update={"method": Method.DAILY, "months": 12})
    shown = example(daily, 72_000, date(2021, 1, 1)).simple_ppm

    assert 72_900 < shown < 73_100  # 7.2 % over 360 is 7.3 % a year of 365 days


@pytest.mark.parametrize(
    ("rate_ppm", "read"), [(72_000, "7.2%"), (70_000, "7%"), (154_321, "15.4321%"), (0, "0%")]
)
def test_a_rate_is_read_in_per_cent(rate_ppm, read):
    assert per_cent(rate_ppm) == read


# The page


def cells(page):
    return [unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", page, re.DOTALL)]


def test_the_page_shows_what_proves_it():
    contract = signed()
    page = html(contract)
    shown = cells(page)

    for proof in (contract.digest, contract.sm3, contract.signature, contract.certificate):
        assert proof in shown
    assert {contract.receipt, contract.chain, contract.will} <= set(shown)
    assert "2020-07-01 10:00:00 (UTC+8)" in shown
    assert {"李样本", NUMBER.text, "N1"} <= set(shown)


def test_the_page_says_that_it_is_a_specimen_and_reads_in_both_languages():
    page = html(signed())

    assert page.count("SPECIMEN") >= 3
    for heading in ("个人循环借款合同", "Line of credit", "借款人 Borrower", "存证 Evidence"):
        assert heading in page


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "&amp;"]
)
def test_a_name_that_is_a_script_is_printed_and_does_not_run(name):
    page = html(signed(name=name))

    assert name in cells(page)
    assert "<script" not in page
    assert "<img" not in page


def test_the_page_asks_for_nothing_from_anywhere():
    page = html(signed())

    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//|\bsrc=|@import|url\(|<link|<script|<iframe", page)


def test_the_page_of_a_text_that_is_not_canonical_is_not_made():
    contract = signed()
    contract.text += " "
    with pytest.raises(ValueError, match="not canonical"):
        html(contract)


def test_the_same_contract_gives_the_same_page():
    assert html(signed()) == html(signed())
