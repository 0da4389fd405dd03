"""The paper: a contract's canonical text, and the lines that the customer reads of it.

Both are written from the same pieces at once. What a product offers to one rating at one LPR is
written once and kept; a customer's own part is put around it by hand, in a tenth of the time that
a JSON encoder takes. Tests hold the text equal to the canonical form of what it parses to, and the
lines equal to what :func:`plain` reads out of the text's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING, Any

from core.contract.canonical import canonical, parsed
from core.contract.terms import Price, offered, price_at_signing
from core.contract.words import SPECIMEN, offer_lines, own_lines
from core.money import lpr_ppm

if TYPE_CHECKING:
    from datetime import date

    from core.application import Application
    from core.banks import Bank
    from core.products import Product
    from core.store.records import Customer, Line

SCHEMA = "loanrange-contract/1"
OFFERS_MAX = 4096


@dataclass(slots=True)
class Offer:
    """What a bank offers for a product and a rating, and both ways to write it."""

    product: Product  # held, so that no other product can come to the same place in memory
    bank: Bank
    price: Price
    canonical: str
    plain: str


@dataclass(slots=True)
class Paper:
    """A contract ready to be signed: the canonical text, and what the customer reads."""

    text: str
    shown: str


_offers: dict[tuple[int, int, str, int, int, str], Offer] = {}


def offer(bank: Bank, product: Product, rating: str, on: date, consent_version: str) -> Offer:
    """Return what is offered on a day. Bank and product are frozen, so who they are is what.

    Raises:
        InputError: the product may not cost so much on that day.
    """
    lpr, year = lpr_ppm(on), on.year
    key = (id(bank), id(product), rating, lpr, year, consent_version)
    made = _offers.get(key)
    if made is None:
        if len(_offers) >= OFFERS_MAX:
            _offers.clear()
        price = price_at_signing(product, rating, lpr, year)
        terms = offered(bank, product, rating, price, consent_version)
        text = canonical(terms).decode()
        made = _offers[key] = Offer(product, bank, price, text, offer_lines(terms))
    return made


def write(
    offer: Offer, document: str, app: Application, customer: Customer, line: Line, on: date
) -> Paper:
    """Return the contract of one customer, signed on a day; its keys are in their sorted order."""
    name, number, limit_fen = customer.name, customer.number.text, line.limit_fen
    valid_to, signed_on = str(line.valid_to), str(on)
    text = (
        f'{{"account":{quoted(app.account)},"application":{quoted(app.id)},'
        f'"borrower":{{"id_number":"{number}","name":{quoted(name)}}},'
        f'"document":{quoted(document)},'
        f'"line":{{"currency":"CNY","limit_fen":{limit_fen},"valid_to":"{valid_to}"}},'
        f'"offer":{offer.canonical},"schema":"{SCHEMA}","signed_on":"{signed_on}",'
        f'"specimen":"{SPECIMEN}"}}'
    )
    own = own_lines(document, name, number, app.account, limit_fen, valid_to)
    return Paper(text, f"{own}{offer.plain}签订日期 Signed on {signed_on}\n{SPECIMEN}\n")


def plain(content: bytes) -> str:
    """Return the lines that a customer reads, from a contract's canonical bytes.

    Raises:
        ValueError: they are not the bytes of a contract.
    """
    said = contract_of(content)
    borrower, line = said["borrower"], said["line"]
    own = own_lines(
        said["document"],
        borrower["name"],
        borrower["id_number"],
        said["account"],
        line["limit_fen"],
        line["valid_to"],
    )
    dated = f"签订日期 Signed on {said['signed_on']}\n{said['specimen']}\n"
    return own + offer_lines(said["offer"]) + dated


def contract_of(content: bytes) -> dict[str, Any]:
    """Return the contract that canonical bytes hold.

    Raises:
        ValueError: they hold none.
    """
    said = parsed(content)
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        raise ValueError(f"it is no contract of the form {SCHEMA!r}")
    return said
