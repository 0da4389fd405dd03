"""Sign the contract (签约): the face, the text, the signature, the deposit, in this order.

Evidence comes before money: no drawdown can start from a contract whose deposit is not known. What
is signed are the digests of the contract's canonical bytes, together with the consent version
and the token of the face check, which shows the signer's own will (Electronic Signature Law art. 13
and 14). A crash between the signature and the deposit signs again: another face, another
certificate, and the signature that nobody deposited is worth nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.contract.canonical import digests
from core.contract.paper import offer, write
from core.errors import GaveUp
from core.flow import calls
from core.flow.authorise import TEXT_VERSION
from core.flow.checks import Case, face, name_list
from core.flow.require import require
from core.policies import Check
from core.ports.evidence import DepositQuery, Served, SignQuery, moment
from core.store.records import Contract, Customer, Line, mint

if TYPE_CHECKING:
    from core.contract.paper import Offer
    from core.flow.errand import Errand
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.ports.evidence import DepositAnswer, SignAnswer

CLOCKS_DIFFER_S = 60.0  # how far the deposit's clock may be ahead of ours


async def sign(platform: Platform, app: Application, phone: Phone) -> Application:
    """Have the customer sign the line's contract, and deposit the evidence.

    Raises:
        Refused: the face did not pass, or the customer does not sign.
        GaveUp: a provider does not answer; the application stays as it was.
        InputError: the product costs more than the law allows on this day.
    """
    if not app.may(Step.SIGN):
        return app  # taken on another visit
    began = app.state
    errand = platform.errand(app, Step.SIGN)
    customer = await platform.store.get(Customer, app.customer)
    line = await platform.store.get(Line, app.id)
    assert customer is not None
    assert line is not None
    bank, product = platform.bank(app.bank), platform.product(app.product)
    terms = offer(bank, product, line.rating, errand.date, TEXT_VERSION)
    checks = platform.checks(app, Step.SIGN)
    case = Case(platform, errand, app, customer)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.SIGN_SCREEN)
    will = ""
    if Check.FACE in checks:
        will = await face(case, Step.SIGN, phone)

    contract_id = mint("N", app.id)
    paper = write(terms, contract_id, app, customer, line, errand.date)
    require(await phone.signs(paper.shown), Reason.CONTRACT_DECLINED)
    digest, sm3 = digests(paper.text.encode())
    query = SignQuery(contract_id, digest, sm3, customer.name, customer.number, TEXT_VERSION, will)
    contract = await evidence(platform, errand, terms, paper.text, query)
    await platform.unmoved(app, began, Step.SIGN)
    app.contract = contract.id
    app.move(Step.SIGN, State.SIGNED)
    await platform.store.save(app, contract)
    return app


async def evidence(
    platform: Platform, errand: Errand, terms: Offer, text: str, query: SignQuery
) -> Contract:
    """Have the digests signed and deposited; return the contract with all that proves it."""
    port = platform.ports.evidence
    signed = await errand.ask(calls.SIGNATURE, port.sign, query)
    believe_signature(platform, signed)
    deposit = await errand.ask(
        calls.DEPOSIT,
        port.deposit,
        DepositQuery(
            query.document,
            query.digest,
            query.sm3,
            signed.signature,
            signed.public_key,
            signed.certificate,
            query.consent_version,
            query.will,
        ),
    )
    believe_deposit(platform, deposit)
    price = terms.price
    return Contract(
        query.document,
        errand.bank,
        errand.application,
        text,
        query.digest,
        query.sm3,
        signed.signature,
        signed.public_key,
        signed.certificate,
        query.consent_version,
        query.will,
        deposit.receipt,
        deposit.chain,
        deposit.stamped_at,
        errand.date,
        price.rate_ppm,
        price.cap_ppm,
        price.disclosed.simple_ppm,
    )


def believe_signature(platform: Platform, signed: SignAnswer) -> None:
    """Go on only with a signature whose certificate is good still.

    Raises:
        GaveUp: the authority is down, or its certificate has expired: that is no signature.
    """
    clock = platform.clock
    if signed.verdict is not Served.DONE:
        raise GaveUp(calls.SIGNATURE.operation, signed.verdict)
    if signed.expires_at <= moment(clock.start, clock.now_s):
        raise GaveUp(calls.SIGNATURE.operation, f"its certificate expired at {signed.expires_at}")


def believe_deposit(platform: Platform, deposit: DepositAnswer) -> None:
    """Go on only with a deposit that bears a stamp, and none from the future.

    Raises:
        GaveUp: the time stamps are down, or their clock is ahead: that is no evidence yet.
    """
    clock = platform.clock
    if deposit.verdict is not Served.DONE:
        raise GaveUp(calls.DEPOSIT.operation, deposit.verdict)
    if deposit.stamped_at > moment(clock.start, clock.now_s + CLOCKS_DIFFER_S):
        raise GaveUp(calls.DEPOSIT.operation, f"it is stamped {deposit.stamped_at}, a time to come")
