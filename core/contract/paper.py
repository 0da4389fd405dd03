"""The paper: a contract's canonical text, and the lines that the customer reads of it.

Both are written from the same pieces at once. What a product offers to one rating at one LPR is
written, and hashed, once and kept; a customer's own part is put behind it by hand, in a tenth of
the time that a JSON encoder takes. Tests hold the text equal to the canonical form of what it
parses to, and the lines equal to what :func:`plain` reads out of the text's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import TYPE_CHECKING, Any

from core.contract.canonical import Begun, canonical, parsed
from core.contract.terms import SCHEMA, Price, offered, price_at_signing
from core.contract.words import offer_lines, own_lines
from core.money import lpr_ppm

if TYPE_CHECKING:
    from datetime import date

    from core.application import Application
    from core.banks import Bank
    from core.products import Product
    from core.store.records import Customer, Line

OFFERS_MAX = 4096


@dataclass(slots=True)
class Offer:
    """What a bank offers for a product and a rating, and both ways to write it.

    ``canonical`` is how every contract on it begins, ``begun`` the digests of that beginning.
    """

    product: Product  # held, so that no other product can come to the same place in memory
    bank: Bank
    price: Price
    canonical: str
    begun: Begun
    plain: str


@dataclass(slots=True)
class Paper:
    """A contract ready to be signed: the canonical text, its digests, what the customer reads."""

    text: str
    digest: str
    sm3: str
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
        agreed = offered(bank, product, rating, price, consent_version)
        whole = canonical({"agreed": agreed})
        begins, lines = whole[:-1], offer_lines(parsed(whole)["agreed"])
        made = Offer(product, bank, price, begins.decode(), Begun(begins), lines)
        _offers[key] = made
    return made


def write(
    offer: Offer, document: str, app: Application, customer: Customer, line: Line, on: date
) -> Paper:
    """Return the contract of one customer, signed on a day; its keys are in their sorted order.

    Of the texts only the name is quoted: the others are our own, digits and letters.
    """
    name, number, limit_fen = customer.name, customer.number.text, line.limit_fen
    valid_to, signed_on = str(line.valid_to), str(on)
    rest = (
        f',"application":"{app.id}","borrower":{{"id_number":"{number}","name":{quoted(name)}}},'
        f'"document":"{document}",'
        f'"line":{{"currency":"CNY","limit_fen":{limit_fen},"valid_to":"{valid_to}"}},'
        f'"paid_into":"{app.account}","signed_on":"{signed_on}"}}'
    )
    digest, sm3 = offer.begun.digests(rest.encode())
    own = own_lines(document, name, number, app.account, limit_fen, valid_to)
    return Paper(offer.canonical + rest, digest, sm3, f"{own}{signed_on}\n{offer.plain}")


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
        said["paid_into"],
        line["limit_fen"],
        line["valid_to"],
    )
    return f"{own}{said['signed_on']}\n{offer_lines(said['agreed'])}"


def contract_of(content: bytes) -> dict[str, Any]:
    """Return the contract that canonical bytes hold.

    Raises:
        ValueError: they hold none.
    """
    said = parsed(content)
    agreed = said.get("agreed") if isinstance(said, dict) else None
    if not isinstance(agreed, dict) or agreed.get("schema") != SCHEMA:
        raise ValueError(f"it is no contract of the form {SCHEMA!r}")
    assert isinstance(said, dict)
    return said
