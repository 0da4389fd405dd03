"""Open a class II account (二类户), only for a customer who holds no card of the bank.

The order is the regulator's and the purse's: the cheap question first, the face last, because the
face costs the customer a minute and the bank a fee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.errors import GaveUp, Refused
from core.flow import calls
from core.flow.checks import Case, carrier_name, carrier_owner, face, id_network, name_list
from core.flow.money import NEVER, carry_out, instruction, next_round
from core.flow.require import require
from core.policies import Check
from core.ports.corebank import CustomerQuery, FiveQuery, FiveVerdict, OpenQuery, Outcome
from core.store.records import Account, Customer, Instruction, mint

if TYPE_CHECKING:
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.identity import CardNumber
    from core.ports.corebank import Key

FIVE_NO: dict[FiveVerdict, Reason] = {
    FiveVerdict.DIFFERENT: Reason.BOUND_CARD_DIFFERS,
    FiveVerdict.NO_SUCH_CARD: Reason.BOUND_CARD_DIFFERS,
    FiveVerdict.NOT_CLASS_ONE: Reason.BOUND_CARD_CLASS,
    FiveVerdict.CARD_CLOSED: Reason.BOUND_CARD_DIFFERS,
}


async def open_account(platform: Platform, app: Application, phone: Phone) -> Application:
    """Give the application an account: the customer's own card, or a new class II account.

    Raises:
        Refused: a check did not pass, or the core rejected the opening.
        GaveUp: a provider does not answer; a sent opening is asked after on the next try.
    """
    if not app.may(Step.OPEN_ACCOUNT):
        return app  # taken on another visit
    began = app.state
    errand = platform.errand(app, Step.OPEN_ACCOUNT)
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    holds = await errand.ask(
        calls.HOLDS_CARD,
        platform.ports.corebank.customer,
        CustomerQuery(customer.name, customer.number),
    )
    if holds.card is not None:
        account = Account(holds.card.text, app.bank, customer.id, opened=False, bound="")
        return await ready(platform, app, began, account)

    order_id = mint("O", app.id)
    order = await platform.store.get(Instruction, order_id)
    if order is None:
        bound = await check(Case(platform, errand, app, customer), phone)

        def make(key: Key) -> OpenQuery:
            return OpenQuery(key, customer.name, customer.number, customer.phone, bound)

        order = instruction(errand, order_id, app.id, make)
        await platform.store.save(app, order)  # the checks that passed outlive a crash, too
    posted = await carry_out(platform, errand, calls.OPEN, calls.OPEN_OUTCOME, order)
    if posted.code in NEVER:  # no word about the customer, who is here: it is sent anew
        order.sent_at_s = None
        await next_round(platform, order)
        posted = await carry_out(platform, errand, calls.OPEN, calls.OPEN_OUTCOME, order)
        if posted.code in NEVER:
            raise GaveUp(calls.OPEN.operation, posted.code)
    order.answer = posted
    if posted.outcome is not Outcome.DONE:
        await platform.store.save(order)
        raise Refused(Reason.ACCOUNT_REJECTED, posted.code)
    assert posted.account is not None
    assert isinstance(order.query, OpenQuery)
    opened = Account(
        posted.account.text, app.bank, customer.id, opened=True, bound=order.query.bound.text
    )
    return await ready(platform, app, began, opened, order)


async def ready(
    platform: Platform, app: Application, began: State, account: Account, *orders: Instruction
) -> Application:
    """Write the account down."""
    await platform.unmoved(app, began, Step.OPEN_ACCOUNT)
    app.account = account.id
    app.move(Step.OPEN_ACCOUNT, State.ACCOUNT_READY)
    await platform.store.save(app, account, *orders)
    return app


async def check(case: Case, phone: Phone) -> CardNumber:
    """Run the product's checks for an opening; return the card to bind."""
    checks = case.platform.checks(case.app, Step.OPEN_ACCOUNT)
    if Check.CARRIER in checks:
        await carrier_name(case, calls.ACCOUNT_CARRIER)
    if Check.CARRIER_OWNER in checks:
        await carrier_owner(case, calls.ACCOUNT_OWNER)
    photo = None
    if Check.ID_NETWORK in checks:
        photo = await id_network(case, calls.ACCOUNT_ID)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.ACCOUNT_SCREEN)
    bound = await phone.card_to_bind()
    require(bound is not None, Reason.NO_BOUND_CARD)
    assert bound is not None
    if Check.FIVE_ELEMENTS in checks:
        await five_elements(case, bound)
    if Check.FACE in checks:
        photo = photo if Check.FACE_PHOTO in checks else None
        await face(case, Step.OPEN_ACCOUNT, phone, photo)
    return bound


async def five_elements(case: Case, bound: CardNumber) -> None:
    """Require that the bound card is a class I account of the same person, with this phone."""
    customer = case.customer
    query = FiveQuery(customer.name, customer.number, customer.phone, bound)
    answer = await case.errand.ask(calls.FIVE, case.platform.ports.corebank.verify_five, query)
    if answer.verdict is not FiveVerdict.SAME:
        raise Refused(FIVE_NO[answer.verdict], answer.verdict)
    case.app.checks.append((Step.OPEN_ACCOUNT, Check.FIVE_ELEMENTS, answer.card_bank))
