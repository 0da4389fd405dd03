"""Draw down (用信): reserve, check, instruct the core, and only then owe.

The amount is reserved on the line and on the bank's funding before the customer's face is asked
for, so that two drawdowns never share one line; the reservation goes back when a check says no,
when the customer cancels, and by itself when it expires. The drawdown and its instruction are
written in one save before anything is sent. What comes back decides: DONE books the loan,
REJECTED gives the line back, and unknown leaves everything as it stands, PENDING_CORE, until the
core has said which of the two it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.errors import ProviderError, Refused
from core.flow import calls
from core.flow.checks import Case, face, name_list
from core.flow.money import carry_out, current, instruction
from core.flow.platform import until_saved
from core.flow.require import require
from core.identity import CardNumber
from core.lending.book import lend
from core.lending.conditions import conditions_of
from core.lending.convention import convention_of
from core.lending.pricing import price_ppm
from core.lending.rules import Use, allowed_use
from core.money import lpr_ppm, yuan
from core.policies import Check
from core.ports.corebank import DisburseQuery, Outcome
from core.ports.wechat import MessageQuery
from core.products import Kind
from core.store.records import (
    Contract,
    Customer,
    Drawdown,
    DrawState,
    FundingMove,
    Instruction,
    Line,
    mint,
)

if TYPE_CHECKING:
    from core.flow.errand import Errand
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.ports.corebank import Key, Posted

PAID_OUT = "paid_out"
PLAIN_USE = {Kind.CONSUMER: Use.DAILY_NEEDS, Kind.BUSINESS: Use.GOODS}
ENDED = (DrawState.CANCELLED, DrawState.REVERSING, DrawState.REVERSED)
RESERVED_S = 1800.0  # how long an amount waits for its customer's face


def drawdown_id(application: str, request: str) -> str:
    """Return the id of the drawdown that a request's own key asks for."""
    return mint("D", application, request)


async def draw_down(
    platform: Platform, app: Application, phone: Phone, request: str, amount_fen: int
) -> Drawdown:
    """Pay ``amount_fen`` out of the application's line; the same request pays once.

    The customer declares what the money is for, each time.

    Raises:
        Refused: a check did not pass, the line or the bank's funding does not hold it, the use
            is not allowed, the request was cancelled, or the core rejected it.
        GaveUp: a provider does not answer. The drawdown may be PENDING_CORE then: asking again
            with the same request finds out, and so does the day end.
    """
    drawdown = await platform.store.get(Drawdown, drawdown_id(app.id, request))
    errand = platform.errand(app, Step.DRAW_DOWN)
    errand = errand.serving(drawdown_id(app.id, request))
    if drawdown is not None:
        require(drawdown.amount_fen == amount_fen, Reason.REQUEST_CHANGED)
        require(drawdown.state is not DrawState.REJECTED, Reason.CORE_REJECTED)
        require(drawdown.state not in ENDED, Reason.REQUEST_ENDED, drawdown.state)
        if drawdown.state is DrawState.DONE:
            return drawdown
    if drawdown is None or drawdown.state is not DrawState.PENDING_CORE:
        use = declared(platform, app, await phone.use_of_funds())
        drawdown = await reserve(platform, errand, app, drawdown, amount_fen, use)
        order = await confirm(platform, errand, app, phone, drawdown)
    else:
        order = await instruction_of(platform, drawdown)

    posted = await carry_out(platform, errand, calls.DISBURSE, calls.DISBURSE_OUTCOME, order)
    drawdown = await conclude(platform, drawdown.id, order, posted)
    if posted.outcome is not Outcome.DONE:
        raise Refused(Reason.CORE_REJECTED, posted.code)
    await tell(platform, errand, app, drawdown)
    return drawdown


def declared(platform: Platform, app: Application, use: str) -> Use:
    """Return the declared use of the money, if a loan of this product may be used so.

    Raises:
        Refused: USE_NOT_ALLOWED.
    """
    kind = platform.product(app.product).kind
    use = use or PLAIN_USE[kind]
    require(allowed_use(kind, use), Reason.USE_NOT_ALLOWED, use)
    return Use(use)


async def reserve(
    platform: Platform,
    errand: Errand,
    app: Application,
    old: Drawdown | None,
    amount_fen: int,
    use: str = "",
) -> Drawdown:
    """Set the amount aside on the line and on the bank's funding; return the reserved drawdown.

    One that is still reserved is returned as it is, one that expired is reserved anew.
    """
    now_s = platform.clock.now_s
    if old is not None and old.state is DrawState.RESERVED and old.expires_s > now_s:
        return old
    for draw_id in app.drawdowns:
        await expire(platform, draw_id)

    async def write() -> Drawdown:
        line = await line_holds(platform, errand, app, amount_fen)
        owner = await platform.store.get(Application, app.id)
        drawdown = await platform.store.get(Drawdown, errand.application)
        assert owner is not None
        same = drawdown is None or drawdown.amount_fen == amount_fen
        require(same, Reason.REQUEST_CHANGED)  # a second tap of this name, for another amount
        if drawdown is None:
            rate_ppm = await price(platform, app, line, errand)
            drawdown = Drawdown(
                errand.application, app.bank, app.id, amount_fen, rate_ppm, errand.date, 0.0, use
            )
            owner.drawdowns.append(drawdown.id)
        elif drawdown.state is not DrawState.EXPIRED:
            return drawdown  # a second tap was faster: its reservation stands, we go on with it
        drawdown.state, drawdown.expires_s = DrawState.RESERVED, now_s + RESERVED_S
        line.reserved_fen += amount_fen
        lent = FundingMove(app.bank, app.bank, reserved_fen=amount_fen)
        await platform.store.save(line, owner, drawdown, lent)
        return drawdown

    return await until_saved(write)


async def price(platform: Platform, app: Application, line: Line, errand: Errand) -> int:
    """Return the rate of a drawdown of today: its own day's LPR, and no more than was agreed."""
    contract = await platform.store.get(Contract, app.contract)
    assert contract is not None
    asked_ppm = price_ppm(platform.product(app.product), line.rating, lpr_ppm(errand.date))
    return min(asked_ppm, contract.cap_ppm)


async def confirm(
    platform: Platform, errand: Errand, app: Application, phone: Phone, drawdown: Drawdown
) -> Instruction:
    """Run the checks of a reserved drawdown, then write it down with its instruction.

    Raises:
        Refused: a check did not pass; the reservation has gone back.
    """
    if drawdown.state is not DrawState.RESERVED:
        return await instruction_of(platform, drawdown)
    try:
        token, passed = await check(platform, errand, app, phone)
    except Refused:
        await release(platform, drawdown.id, DrawState.EXPIRED)
        raise

    async def write() -> Instruction:
        # The face took a minute: a second tap may have got here first, or the time be over.
        draw = await platform.store.get(Drawdown, drawdown.id)
        assert draw is not None
        if draw.state in (DrawState.PENDING_CORE, DrawState.DONE, DrawState.REJECTED):
            return await instruction_of(platform, draw)
        require(draw.state is DrawState.RESERVED, Reason.REQUEST_ENDED)
        line = await usable(platform, errand, app)
        owner = await platform.store.get(Application, app.id)
        assert owner is not None
        owner.checks += [each for each in passed if each not in owner.checks]
        if draw.asked_on != errand.date:  # it was reserved before midnight
            draw.rate_ppm, draw.asked_on = await price(platform, app, line, errand), errand.date
        draw.face, draw.state = token, DrawState.PENDING_CORE
        draw.instruction = mint("P", draw.id)
        account = CardNumber(app.account)

        def make(key: Key) -> DisburseQuery:
            return DisburseQuery(key, draw.loan, account, draw.amount_fen, errand.deadline_s)

        order = instruction(errand, draw.instruction, draw.id, make)
        await platform.store.save(draw, order, owner)
        return order

    return await until_saved(write)


async def check(
    platform: Platform, errand: Errand, app: Application, phone: Phone
) -> tuple[str, list[tuple[Step, str, str]]]:
    """Run the product's checks at a drawdown; return the face check's token, and what passed."""
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    checks = platform.checks(app, Step.DRAW_DOWN)
    case = Case(platform, errand, app, customer)
    before = len(app.checks)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.DRAW_SCREEN)
    token = ""
    if Check.FACE in checks:
        token = await face(case, Step.DRAW_DOWN, phone)
    return token, app.checks[before:]


async def instruction_of(platform: Platform, drawdown: Drawdown) -> Instruction:
    """Return the instruction that pays a drawdown out."""
    order = await platform.store.get(Instruction, drawdown.instruction)
    assert order is not None
    return order


async def cancel(platform: Platform, app: Application, request: str) -> Drawdown | None:
    """Give a reservation back for a customer who changed their mind; return the drawdown.

    One whose instruction was written is not touched: the core may have paid it.
    """
    return await release(platform, drawdown_id(app.id, request), DrawState.CANCELLED)


async def expire(platform: Platform, draw_id: str) -> Drawdown | None:
    """Give a reservation back whose time is over; return the drawdown."""
    draw = await platform.store.get(Drawdown, draw_id)
    if draw is None or draw.expires_s > platform.clock.now_s:
        return draw
    return await release(platform, draw_id, DrawState.EXPIRED)


async def release(platform: Platform, draw_id: str, to: DrawState) -> Drawdown | None:
    """Give a reservation back, once, whoever comes first; return the drawdown as it stands."""

    async def write() -> Drawdown | None:
        draw = await platform.store.get(Drawdown, draw_id)
        if draw is None or draw.state is not DrawState.RESERVED:
            return draw
        line = await platform.store.get(Line, draw.application)
        assert line is not None
        draw.state = to
        line.reserved_fen -= draw.amount_fen
        back = FundingMove(draw.bank, draw.bank, reserved_fen=-draw.amount_fen)
        await platform.store.save(draw, line, back)
        return draw

    return await until_saved(write)


async def usable(platform: Platform, errand: Errand, app: Application) -> Line:
    """Return the line, if it is alive."""
    line = await platform.store.get(Line, app.id)
    customer = await platform.store.get(Customer, app.customer)
    assert line is not None
    assert customer is not None
    require(app.may(Step.DRAW_DOWN), Reason.LINE_FROZEN, app.state)
    require(not line.frozen, Reason.LINE_FROZEN, line.frozen)
    require(not customer.restricted, Reason.LINE_FROZEN, "restricted")
    require(errand.date < line.valid_to, Reason.LINE_EXPIRED)
    return line


async def line_holds(platform: Platform, errand: Errand, app: Application, amount_fen: int) -> Line:
    """Return the line, if it is alive and holds the amount."""
    line = await usable(platform, errand, app)
    minimum = platform.product(app.product).draw_min_fen
    if amount_fen < minimum:
        raise Refused(Reason.AMOUNT_TOO_SMALL, f"at least {yuan(minimum)}")
    if amount_fen > line.free_fen:
        raise Refused(Reason.OVER_LINE, f"free {yuan(line.free_fen)}")
    return line


async def conclude(
    platform: Platform, draw_id: str, order: Instruction, posted: Posted
) -> Drawdown:
    """Write the core's final word: the loan is owed, or the reservation goes back.

    A fenced "not found" counts as a rejection: that key can never pay any more.
    """

    async def write() -> Drawdown:
        drawdown = await platform.store.get(Drawdown, draw_id)
        assert drawdown is not None
        if drawdown.state is not DrawState.PENDING_CORE:
            return drawdown  # the day end, or a second tap, was faster
        written = await current(platform, order, posted)
        await book_out(platform, drawdown, written, posted, drawdown.amount_fen)
        return drawdown

    return await until_saved(write)


async def overrule(platform: Platform, draw_id: str, order: Instruction, posted: Posted) -> bool:
    """Book a payout that we had called rejected, for the core paid it; False where it cannot be.

    It cannot where the line or the bank's funding does not hold it any more, or what we wrote is
    no rejection.
    """

    async def write() -> bool:
        drawdown = await platform.store.get(Drawdown, draw_id)
        line = await platform.store.get(Line, drawdown.application) if drawdown else None
        if drawdown is None or line is None or drawdown.state is not DrawState.REJECTED:
            return False
        if drawdown.amount_fen > line.free_fen:
            return False
        written = await current(platform, order, posted)
        try:
            await book_out(platform, drawdown, written, posted, reserved_fen=0)
        except Refused:
            return False
        return True

    return await until_saved(write)


async def book_out(
    platform: Platform,
    drawdown: Drawdown,
    order: Instruction,
    posted: Posted,
    reserved_fen: int,
) -> None:
    """Book what became of a drawdown, in one save; ``reserved_fen`` is what is set aside for it."""
    app = await platform.store.get(Application, drawdown.application)
    line = await platform.store.get(Line, drawdown.application)
    assert app is not None
    assert line is not None
    line.reserved_fen -= reserved_fen
    lent = FundingMove(app.bank, app.bank, reserved_fen=-reserved_fen)
    if posted.outcome is not Outcome.DONE:
        drawdown.state = DrawState.REJECTED
        await platform.store.save(order, drawdown, line, lent)
        return
    drawdown.state = DrawState.DONE
    line.used_fen += drawdown.amount_fen
    lent.used_fen = drawdown.amount_fen
    if app.may(Step.DRAW_DOWN):  # an application that was held meanwhile stays held, and owes
        app.move(Step.DRAW_DOWN, State.ACTIVE)
    product = platform.product(app.product)
    loan = lend(
        drawdown.loan,
        product,
        app.id,
        app.account,
        drawdown.amount_fen,
        drawdown.rate_ppm,
        drawdown.asked_on,
        convention_of(product),
        conditions_of(product),
    )
    await platform.store.save(order, drawdown, line, app, loan, lent)


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
