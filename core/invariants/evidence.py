"""What must hold of contracts: they say what was signed, cost what they disclose, and come first.

A contract's text is canonical, so what it says is found in it as it is written there.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from core.application import Application
from core.contract.canonical import digests
from core.contract.evidence import signature_holds, signed_bytes
from core.contract.terms import example
from core.lending.pricing import price_ppm
from core.money import lpr_ppm
from core.ports.evidence import moment
from core.store.records import Contract, Customer, Drawdown, Instruction, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books
    from core.products import Product

# The stamps' clock may run ahead of ours by so much (core/flow/sign.py).
CLOCKS_DIFFER_S = 60
DAY_S = 86_400
UNIX_BEGAN, UTC_8_S = date(1970, 1, 1), 28_800


def contract_hash(books: Books) -> Iterator[str]:
    """The contract is the one that was signed and deposited, and the one of its application."""
    for contract in books.all(Contract):
        if digests(contract.text.encode()) != (contract.digest, contract.sm3):
            yield f"{contract.id}: the text is not the one that was signed"
        if contract.receipt and contract.receipt != _receipt(contract):
            yield f"{contract.id}: the receipt is not that of its evidence"
        app = books.get(Application, contract.application)
        if app is None or app.contract != contract.id:
            yield f"{contract.id} belongs to no application"
            continue
        for what, name, value in _must_say(books, contract, app):
            if not _says(contract.text, name, value):
                yield f"{contract.id} does not name {what}"


def _receipt(contract: Contract) -> str:
    """Return the receipt of a contract's evidence, by the words of core/ports/evidence.py."""
    parts = (
        contract.bank,
        contract.id,
        contract.digest,
        contract.sm3,
        contract.signature,
        contract.public_key,
        contract.certificate,
        contract.consent_version,
        contract.will,
    )
    return sha256("\n".join(parts).encode()).hexdigest()


def _must_say(
    books: Books, contract: Contract, app: Application
) -> Iterator[tuple[str, str, str | int]]:
    """Yield what a contract must name, under which name, and what it must say there."""
    yield "the account that it is paid into", "paid_into", app.account
    yield "its own number", "document", contract.id
    yield "the day of its signature", "signed_on", str(contract.signed_on)
    yield "the price of that day", "rate_ppm", contract.rate_ppm
    yield "the most that it may cost", "cap_ppm", contract.cap_ppm
    yield "the rate that it discloses", "simple_ppm", contract.disclosed_ppm
    customer, line = books.get(Customer, app.customer), books.get(Line, app.id)
    if customer is not None:
        yield "its borrower", "id_number", customer.number.text
    if line is not None:
        yield "the amount of its line", "limit_fen", line.limit_fen


def _says(text: str, name: str, value: str | int) -> bool:
    """Whether canonical text has a field of that name and value."""
    if isinstance(value, str):
        return f'"{name}":"{value}"' in text
    return f'"{name}":{value},' in text or f'"{name}":{value}}}' in text


def disclosed(books: Books) -> Iterator[str]:
    """A contract shows the price of its day, and what the rows at that price cost a year."""
    costs: dict[tuple[str, int, int], int] = {}
    for contract in books.all(Contract):
        app = books.get(Application, contract.application)
        line = books.get(Line, app.id) if app else None
        if app is None or line is None:
            continue  # another invariant says so
        product, year = books.products[app.product], contract.signed_on.year
        right_ppm = price_ppm(product, line.rating, lpr_ppm(contract.signed_on))
        if contract.rate_ppm != right_ppm:
            yield f"{contract.id} shows {contract.rate_ppm} ppm, its day's price was {right_ppm}"
        name = (product.id, contract.rate_ppm, year)
        cost_ppm = costs.get(name)
        if cost_ppm is None:
            cost_ppm = costs[name] = _cost_ppm(product, contract.rate_ppm, year)
        if contract.disclosed_ppm != cost_ppm:
            yield f"{contract.id} discloses {contract.disclosed_ppm} ppm, it costs {cost_ppm}"


def _cost_ppm(product: Product, rate_ppm: int, year: int) -> int:
    return example(product, rate_ppm, date(year, 1, 1)).simple_ppm


def evidence_before_money(books: Books) -> Iterator[str]:
    """No drawdown without a contract that is signed, deposited, verifiable, older, of its bank."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        contract = books.get(Contract, app.contract) if app else None
        if not draw.instruction:
            continue
        if contract is None or not (contract.signature and contract.receipt):
            yield f"{draw.id} was asked of the core without deposited evidence"
            continue
        if contract.bank != draw.bank:
            yield f"{draw.id} of {draw.bank} rests on a contract of {contract.bank}"
        if contract.signed_on > draw.asked_on or _stamped_after(books, contract, draw):
            yield f"{draw.id} is older than its contract"
        if not _verified(contract):
            yield f"{draw.id} rests on a signature that does not hold"


def _stamped_after(books: Books, contract: Contract, draw: Drawdown) -> bool:
    """Whether a contract was stamped only after its money was asked of the core."""
    order = books.get(Instruction, draw.instruction)
    stamped_at = contract.stamped_at - CLOCKS_DIFFER_S
    if books.start is not None and order is not None and order.sent_at_s is not None:
        return stamped_at > moment(books.start, order.sent_at_s)
    stamped_on = UNIX_BEGAN + timedelta(seconds=stamped_at + UTC_8_S)
    return stamped_on > draw.asked_on


def _verified(contract: Contract) -> bool:
    """Whether the signature covers the contract's digests, its consent and its act of will."""
    hashed = (contract.digest, contract.sm3)
    signed = signed_bytes(contract.id, hashed, contract.consent_version, contract.will)
    return _holds(signed, contract.signature, contract.public_key)


@lru_cache(maxsize=65_536)
def _holds(signed: bytes, signature: str, public_key: str) -> bool:
    """Whether a signature holds. Kept: it is dear, and a book is judged day after day."""
    return signature_holds(signed, signature, public_key)


EVIDENCE: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-CONTRACT-HASH": contract_hash,
    "INV-DISCLOSED": disclosed,
    "INV-EVIDENCE-BEFORE-MONEY": evidence_before_money,
}
