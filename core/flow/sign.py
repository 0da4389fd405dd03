"""Sign the contract (签约): the face, the text, the signature, the deposit, in this order.

Evidence comes before money: no drawdown can start from a contract whose deposit is not known.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.flow import calls
from core.flow.authorise import TEXT_VERSION
from core.flow.checks import Case, face, name_list
from core.flow.require import require
from core.money import yuan
from core.policies import Check
from core.ports.evidence import DepositQuery, SignQuery
from core.store.records import Contract, Customer, Line, mint

if TYPE_CHECKING:
    from datetime import date

    from core.flow.phone import Phone
    from core.flow.platform import Platform


async def sign(platform: Platform, app: Application, phone: Phone) -> Application:
    """Have the customer sign the line's contract, and deposit the evidence.

    Raises:
        Refused: the face did not pass, or the customer does not sign.
        GaveUp: a provider does not answer; the application stays as it was.
    """
    if not app.may(Step.SIGN):
        return app  # taken on another visit
    began = app.state
    errand = platform.errand(app, Step.SIGN)
    customer = await platform.store.get(Customer, app.customer)
    line = await platform.store.get(Line, app.id)
    assert customer is not None
    assert line is not None
    checks = platform.checks(app, Step.SIGN)
    case = Case(platform, errand, app, customer)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.SIGN_SCREEN)
    will = ""
    if Check.FACE in checks:
        will = await face(case, Step.SIGN, phone)

    contract_id = mint("N", app.id)
    text = contract_text(platform, app, customer, line, errand.date)
    require(await phone.signs(text), Reason.CONTRACT_DECLINED)
    digest = sha256(text.encode()).hexdigest()
    signed = await errand.ask(
        calls.SIGNATURE,
        platform.ports.evidence.sign,
        SignQuery(contract_id, digest, customer.name, customer.number, will),
    )
    deposit = await errand.ask(
        calls.DEPOSIT,
        platform.ports.evidence.deposit,
        DepositQuery(contract_id, digest, signed.signature, signed.public_key, TEXT_VERSION),
    )
    contract = Contract(
        contract_id,
        app.bank,
        app.id,
        text,
        digest,
        signed.signature,
        signed.public_key,
        deposit.receipt,
        deposit.chain,
        errand.date,
    )
    await platform.unmoved(app, began, Step.SIGN)
    app.contract = contract.id
    app.move(Step.SIGN, State.SIGNED)
    await platform.store.save(app, contract)
    return app


def contract_text(
    platform: Platform, app: Application, customer: Customer, line: Line, on: date
) -> str:
    """Return the contract's text: canonical, so that its digest is the contract's own.

    The price is agreed as points over the LPR of the day of each drawdown, inside the product's
    floor and cap.
    """
    product, bank = platform.product(app.product), platform.bank(app.bank)
    pricing = product.pricing
    return (
        f"LINE OF CREDIT {app.id}\n"
        f"Lender: {bank.name} ({bank.english})\n"
        f"Borrower: {customer.name}, ID number {customer.number.text}\n"
        f"Product: {product.id}, version {product.version}, {product.kind}\n"
        f"Line: {yuan(line.limit_fen)} yuan, valid to {line.valid_to}\n"
        f"Rate: one-year LPR of the day of drawdown plus {pricing.spread_bp[line.rating]} basis "
        f"points, at least {pricing.floor_ppm} and at most {pricing.cap_ppm} ppm a year\n"
        f"Overdue: {pricing.overdue_surcharge_pct} % on top of the rate\n"
        f"Repayment: {product.method}, {product.months} months a drawdown\n"
        f"Paid into: account {app.account}\n"
        f"Signed on {on}\n"
    )
