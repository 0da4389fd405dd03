"""Sign the contract (签约): the face, the text, the signature, the deposit, in this order.

Evidence comes before money: no drawdown can start from a contract whose deposit is not known. What
is signed are the digests of the contract's canonical bytes, together with the consent version and
the token of the face check, which shows the signer's own will (Electronic Signature Law art. 13 and
14). A crash between signature and deposit signs again: the same act has the same signature, and its
deposit is one. Another try is another act, and whatever the first one deposited stays in the chain.

Nothing is built here that can be built when it is read: certificates, revocation list and time
token are the deposit's own affair, and the page is made by core/contract/readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.contract.evidence import told
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
    query = SignQuery(
        contract_id,
        paper.digest,
        paper.sm3,
        customer.name,
        customer.number,
        TEXT_VERSION,
        will,
    )
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
    if signed.verdict is not Served.DONE:
        raise GaveUp(calls.SIGNATURE.operation, signed.verdict)
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
    believe(platform, signed, deposit)
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


def believe(platform: Platform, signed: SignAnswer, deposit: DepositAnswer) -> None:
    """Go on only with a deposit that was stamped while the certificate was good, and not to come.

    Raises:
        GaveUp: the time stamps are down, a clock is ahead, or a certificate came out of date. That
            is no evidence, and a later try may bring some.
    """
    clock, operation = platform.clock, calls.DEPOSIT.operation
    if deposit.verdict is not Served.DONE:
        raise GaveUp(operation, deposit.verdict)
    at = deposit.stamped_at
    if at > signed.expires_at:
        raise GaveUp(operation, f"its certificate expired before the stamp of {told(at)}")
    if at > moment(clock.start, clock.now_s + CLOCKS_DIFFER_S):
        raise GaveUp(operation, f"it is stamped {told(at)}, which is to come")
