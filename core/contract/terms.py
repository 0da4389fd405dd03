"""What is agreed: the terms that a bank offers to everybody of one product and rating alike.

The price is agreed as points over the LPR of the day of each drawdown, between a floor and a cap.
The cap is the product's, and never above four times the LPR of the day of signing (the supreme
court's line of 2020-08-20). What it costs a year is disclosed at the rate of that day, as PBC
announcement 2021 No.3 asks: the internal rate of return of an example's rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from core.contract.words import SPECIMEN
from core.errors import InputError
from core.lending.pricing import Disclosed, disclosed, price_ppm
from core.lending.schedule import convention_of, schedule
from core.products import LPR_MULTIPLE_MAX, Method, Roll

if TYPE_CHECKING:
    from core.banks import Bank
    from core.products import Product

SCHEMA = "loanrange-contract/1"
EXAMPLE_FEN = 10_000_000  # 100,000 yuan: the rounding of its rows moves the rate little
# What the money may not buy: CBIRC order 2020 No.9 (as its draft was seen).
NEVER = ("property", "stocks", "bonds", "futures", "derivatives")
# Of a product's file: what the bank decides for itself, and what the contract says elsewhere.
NOT_AGREED = {
    *("id", "bank", "name", "english", "version", "valid_from", "valid_to", "kind", "line"),
    *("line_min_fen", "line_max_fen", "age_min", "age_max", "area", "policy", "added_checks"),
    "admission",
}


class Price(NamedTuple):
    """The price of a line on the day of its signing, in millionths a year."""

    lpr_ppm: int
    rate_ppm: int
    cap_ppm: int
    disclosed: Disclosed
    example_on: date


def price_at_signing(product: Product, rating: str, lpr_ppm: int, year: int) -> Price:
    """Return the price of a line that is signed under an LPR, in a year.

    The example is drawn on the first of January, so that all contracts of one price show one rate:
    the daily method alone would have another for each day.

    Raises:
        InputError: the product costs more than four times that LPR. It did not when its file was
            read: the LPR has fallen since.
    """
    rate_ppm, limit_ppm = price_ppm(product, rating, lpr_ppm), LPR_MULTIPLE_MAX * lpr_ppm
    example_on = date(year, 1, 1)
    shown = example(product, rate_ppm, example_on)
    # A flat rate costs nearly twice its figure; the others are what they say. Real days over 360
    # add a seventieth, which the cap leaves out as the product's own check does.
    costs_ppm = shown.simple_ppm if product.method is Method.FLAT else rate_ppm
    if costs_ppm > limit_ppm:
        raise InputError(
            f"product {product.id!r}",
            f"rating {rating} costs {costs_ppm} ppm a year, above four times the LPR, {limit_ppm}",
            "lower its spread, its floor or its cap",
        )
    cap_ppm = min(product.pricing.cap_ppm, limit_ppm)
    assert product.pricing.floor_ppm <= rate_ppm <= cap_ppm
    return Price(lpr_ppm, rate_ppm, cap_ppm, shown, example_on)


def example(product: Product, rate_ppm: int, on: date) -> Disclosed:
    """Return the annualised rate of an example drawn on a day."""
    # A due date that rolls takes its interest with it, and working days end with the calendar.
    convention = replace(convention_of(product), roll=Roll.NONE)
    rows = schedule(product.method, EXAMPLE_FEN, rate_ppm, on, product.months, convention)
    return disclosed(EXAMPLE_FEN, rows, on)


def offered(
    bank: Bank, product: Product, rating: str, price: Price, consent_version: str
) -> dict[str, Any]:
    """Return the part of a contract that everybody of one product, rating and price has alike.

    ``rules`` is the rest of the product's own words, whatever it may come to say.
    """
    rules = product.model_dump(mode="json", exclude=NOT_AGREED)
    for said in ("floor_ppm", "cap_ppm", "spread_bp"):
        del rules["pricing"][said]
    return {
        "consent_version": consent_version,
        "disclosed": {
            "compound_ppm": price.disclosed.compound_ppm,
            "drawn_on": str(price.example_on),
            "example_fen": EXAMPLE_FEN,
            "simple_ppm": price.disclosed.simple_ppm,
        },
        "lender": {"english": bank.english, "id": bank.id, "name": bank.name},
        "price": {
            "cap_ppm": price.cap_ppm,
            "floor_ppm": product.pricing.floor_ppm,
            "lpr_ppm": price.lpr_ppm,
            "lpr_tenor": "1y",
            "rate_ppm": price.rate_ppm,
            "spread_bp": product.pricing.spread_bp[rating],
        },
        "product": {
            "english": product.english,
            "id": product.id,
            "name": product.name,
            "version": product.version,
        },
        "rules": rules,
        "schema": SCHEMA,
        "specimen": SPECIMEN,
        "use": {"for": product.kind.value, "never": list(NEVER)},
    }
