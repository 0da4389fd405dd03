"""Draw down (用信): reserve, instruct the core, and only then owe.

The reservation, the drawdown and its instruction are written in one save before anything is sent.
What comes back decides: DONE books the loan, REJECTED gives the line back, and unknown leaves
everything as it stands, PENDING_CORE, until the core has said which of the two it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.errors import ProviderError, Refused
from core.flow import calls
from core.flow.checks import Case, face, name_list
from core.flow.money import carry_out, instruction
from core.flow.require import require
from core.identity import CardNumber
from core.lending.book import lend
from core.lending.pricing import price_ppm
from core.money import lpr_ppm, yuan
from core.policies import Check
from core.ports.corebank import DisburseQuery, Outcome
from core.ports.wechat import MessageQuery
from core.store.records import Customer, Drawdown, DrawState, Instruction, Line, mint

if TYPE_CHECKING:
    from core.flow.errand import Errand
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.ports.corebank import Key, Posted

PAID_OUT = "paid_out"


def drawdown_id(application: str, request: str) -> str:
    """Return the id of the drawdown that a request's own key asks for."""
    return mint("D", application, request)


async def draw_down(
    platform: Platform, app: Application, phone: Phone, request: str, amount_fen: int
) -> Drawdown:
    """Pay ``amount_fen`` out of the application's line; the same request pays once.

    Raises:
        Refused: a check did not pass, the line does not hold it, or the core rejected it.
        GaveUp: a provider does not answer. The drawdown may be PENDING_CORE then: asking again
            with the same request finds out, and so does the day end.
    """
    drawdown = await platform.store.get(Drawdown, drawdown_id(app.id, request))
    errand = platform.errand(app, Step.DRAW_DOWN)
    errand = errand.serving(drawdown_id(app.id, request))
    if drawdown is None:
        drawdown, order = await reserve(platform, errand, app, phone, amount_fen)
    else:
        require(drawdown.amount_fen == amount_fen, Reason.REQUEST_CHANGED)
        require(drawdown.state is not DrawState.REJECTED, Reason.CORE_REJECTED)
        if drawdown.state is DrawState.DONE:
            return drawdown
        order = await instruction_of(platform, drawdown)

    posted = await carry_out(platform, errand, calls.DISBURSE, calls.DISBURSE_OUTCOME, order)
    drawdown = await conclude(platform, drawdown.id, order, posted)
    if posted.outcome is not Outcome.DONE:
        raise Refused(Reason.CORE_REJECTED, posted.code)
    await tell(platform, errand, app, drawdown)
    return drawdown


async def reserve(
    platform: Platform, errand: Errand, app: Application, phone: Phone, amount_fen: int
) -> tuple[Drawdown, Instruction]:
    """Check the customer and the line, then write reservation, drawdown and instruction at once."""
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    await line_holds(platform, errand, app, amount_fen)
    checks = platform.checks(app, Step.DRAW_DOWN)
    case = Case(platform, errand, app, customer)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.DRAW_SCREEN)
    token = ""
    if Check.FACE in checks:
        token = await face(case, Step.DRAW_DOWN, phone)

    # The face took a minute in which the line may have been used or frozen, or a second tap may
    # have asked for the same: then that one's reservation stands, and this one waits with it.
    twin = await platform.store.get(Drawdown, errand.application)
    if twin is not None:
        require(twin.amount_fen == amount_fen, Reason.REQUEST_CHANGED)
        return twin, await instruction_of(platform, twin)
    line = await line_holds(platform, errand, app, amount_fen)
    product = platform.product(app.product)
    rate_ppm = price_ppm(product, line.rating, lpr_ppm(errand.date))
    drawdown = Drawdown(
        errand.application,
        app.bank,
        app.id,
        amount_fen,
        rate_ppm,
        errand.date,
        token,
        DrawState.PENDING_CORE,
        mint("P", errand.application),
    )
    account = CardNumber(app.account)

    def make(key: Key) -> DisburseQuery:
        return DisburseQuery(key, drawdown.loan, account, amount_fen)

    order = instruction(errand, drawdown.instruction, drawdown.id, make)
    line.reserved_fen += amount_fen
    app.drawdowns.append(drawdown.id)
    await platform.store.save(line, app, drawdown, order)
    return drawdown, order


async def instruction_of(platform: Platform, drawdown: Drawdown) -> Instruction:
    """Return the instruction that pays a drawdown out."""
    order = await platform.store.get(Instruction, drawdown.instruction)
    assert order is not None
    return order


async def line_holds(platform: Platform, errand: Errand, app: Application, amount_fen: int) -> Line:
    """Return the line, if it is alive and holds the amount."""
    line = await platform.store.get(Line, app.id)
    customer = await platform.store.get(Customer, app.customer)
    assert line is not None
    assert customer is not None
    require(app.may(Step.DRAW_DOWN), Reason.LINE_FROZEN, app.state)
    require(not line.frozen, Reason.LINE_FROZEN, line.frozen)
    require(not customer.restricted, Reason.LINE_FROZEN, "restricted")
    require(errand.date < line.valid_to, Reason.LINE_EXPIRED)
    minimum = platform.product(app.product).draw_min_fen
    if amount_fen < minimum:
        raise Refused(Reason.AMOUNT_TOO_SMALL, f"at least {yuan(minimum)}")
    if amount_fen > line.free_fen:
        raise Refused(Reason.OVER_LINE, f"free {yuan(line.free_fen)}")
    return line


async def conclude(
    platform: Platform, drawdown_key: str, order: Instruction, posted: Posted
) -> Drawdown:
    """Write the core's final word: the loan is owed, or the reservation goes back.

    A fenced "not found" counts as a rejection: that key can never pay any more.
    """
    drawdown = await platform.store.get(Drawdown, drawdown_key)
    assert drawdown is not None
    if drawdown.state is not DrawState.PENDING_CORE:
        return drawdown  # the day end, or a second tap, was faster
    app = await platform.store.get(Application, drawdown.application)
    line = await platform.store.get(Line, drawdown.application)
    assert app is not None
    assert line is not None
    order.answer = posted
    line.reserved_fen -= drawdown.amount_fen
    if posted.outcome is not Outcome.DONE:
        drawdown.state = DrawState.REJECTED
        await platform.store.save(order, drawdown, line)
        return drawdown
    drawdown.state = DrawState.DONE
    line.used_fen += drawdown.amount_fen
    if app.may(Step.DRAW_DOWN):  # an application that was held meanwhile stays held, and owes
        app.move(Step.DRAW_DOWN, State.ACTIVE)
    loan = lend(
        drawdown.loan,
        platform.product(app.product),
        app.id,
        app.account,
        drawdown.amount_fen,
        drawdown.rate_ppm,
        drawdown.asked_on,
    )
    await platform.store.save(order, drawdown, line, app, loan)
    return drawdown


async def tell(platform: Platform, errand: Errand, app: Application, drawdown: Drawdown) -> None:
    """Send the customer a message; the money does not wait for it."""
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    fields = {"amount": yuan(drawdown.amount_fen), "date": str(drawdown.asked_on)}
    try:
        await errand.ask(
            calls.DRAW_MESSAGE,
            platform.ports.wechat.message,
            MessageQuery(customer.openid, PAID_OUT, fields),
        )
    except ProviderError:
        return  # a message lost is no loan lost
