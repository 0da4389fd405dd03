"""Repay (还款): bring the loan to today, allocate, have the core collect, and only then owe less.

Early repayment is the same step with a larger amount; the interest up to the day is settled with
it. While a collection's outcome is unknown, the loan waits: no second payment, no day end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, Step
from core.errors import BookingRejected, GaveUp, Refused
from core.flow import calls
from core.flow.errand import Errand
from core.flow.lock import lock, lock_of
from core.flow.money import (
    NEVER,
    carry_out,
    current,
    instruction,
)
from core.flow.platform import until_saved
from core.flow.require import require
from core.identity import CardNumber
from core.lending.book import (
    ORDERS,
    Allocation,
    Loan,
    Part,
    allocate,
    due_fen,
    order_of,
    owed,
    pay,
    turn,
)
from core.ports.corebank import (
    AdjustQuery,
    CollectQuery,
    CoreCode,
    Direction,
    MoveQuery,
    Outcome,
    ReverseQuery,
)
from core.store.records import (
    BATCH_CHANNEL,
    CHANNEL,
    Account,
    Drawdown,
    DrawState,
    FundingMove,
    Instruction,
    Line,
    Repayment,
    mint,
)

if TYPE_CHECKING:
    from datetime import date

    from core.flow.platform import Platform
    from core.lending.book import Booking
    from core.ports.corebank import Key, Posted

OVERDUE = "overdue"


def repayment_id(loan: str, request: str) -> str:
    """Return the id of the repayment that a request's own key asks for."""
    return mint("R", loan, request)


async def repay(
    platform: Platform,
    loan_id: str,
    request: str,
    amount_fen: int | None = None,
    fund_fen: int | None = None,
) -> Repayment:
    """Take a payment of ``amount_fen`` (by default all that is due); the same request pays once.

    What is above the whole debt is not taken. ``fund_fen`` is brought in from the bound card
    first: by default the amount, where the account is a class II account.

    Raises:
        Refused: nothing is due, or the account does not hold the amount; nothing has moved then.
        GaveUp: the core does not answer; asking again with the same request finds out.
        InputError: the amount is not positive.
    """
    loan = await loan_of(platform, loan_id)
    repayment = await platform.store.get(Repayment, repayment_id(loan_id, request))
    errand = Errand(platform.clock, loan.bank, repayment_id(loan_id, request), Step.REPAY)
    if repayment is None:
        await no_other_collection(platform, loan)
        await complete(platform, errand, loan)
        await book(platform, errand, loan, calls.REPAY_BOOK, calls.REPAY_BOOK_OUTCOME)
        wanted_fen = due_fen(loan) if amount_fen is None else amount_fen
        require(amount_fen is not None or wanted_fen > 0, Reason.NOTHING_DUE)
        spread = allocate(loan, wanted_fen, errand.date)
        require(spread.total_fen > 0, Reason.NOTHING_DUE)
        await fund(platform, errand, loan, spread.total_fen if fund_fen is None else fund_fen)
        repayment, order = await prepare(platform, errand, loan_id, spread)
    else:
        require(repayment.state is not DrawState.REJECTED, Reason.NO_FUNDS)
        if repayment.state is DrawState.DONE:
            return repayment
        found = await platform.store.get(Instruction, repayment.instruction)
        assert found is not None
        order = found
    posted = await carry_out(platform, errand, calls.COLLECT, calls.COLLECT_OUTCOME, order)
    repayment = await conclude(platform, repayment.id, order, posted)
    if posted.outcome is not Outcome.DONE:
        raise Refused(Reason.NO_FUNDS, posted.code)
    return repayment


async def loan_of(platform: Platform, loan_id: str) -> Loan:
    """Return a loan that must exist."""
    loan = await platform.store.get(Loan, loan_id)
    assert loan is not None, f"no loan {loan_id}"
    return loan


async def left_bookings(platform: Platform, bank: str, loan_id: str = "") -> list[Instruction]:
    """Return the bookings of a bank's loans, or of one, that the core has not posted, in order."""
    left = [
        order
        for order in await platform.store.unsettled(bank)
        if isinstance(order.query, AdjustQuery) and loan_id in ("", order.query.loan)
    ]
    return sorted(left, key=lambda order: (order.made_s, order.subject, order.number))


async def complete(platform: Platform, errand: Errand, loan: Loan) -> None:
    """Have the core post what is left of a loan's bookings, before anything is added to them."""
    orders = await left_bookings(platform, loan.bank, loan.id)
    await post(platform, errand, calls.REPAY_BOOK, calls.REPAY_BOOK_OUTCOME, orders)


async def no_other_collection(platform: Platform, loan: Loan) -> None:
    """Require that no collection of the loan is on its way, and that nobody locked it."""
    if loan.id in await collecting(platform, loan.bank):
        raise GaveUp(calls.COLLECT.operation, f"a payment on {loan.id} is being processed")
    locked = await lock_of(platform, loan.id)
    if locked is not None:
        raise GaveUp(calls.COLLECT.operation, f"{loan.id} is locked: {locked.why}")


async def collecting(platform: Platform, bank: str) -> set[str]:
    """Return the loans of a bank on which a collection, or a reversal, is on its way."""
    unsettled = await platform.store.unsettled(bank)
    loans = {order.query.loan for order in unsettled if isinstance(order.query, CollectQuery)}
    return loans | {order.subject for order in unsettled if isinstance(order.query, ReverseQuery)}


async def book(
    platform: Platform, errand: Errand, loan: Loan, call: calls.Call, ask: calls.Call
) -> None:
    """Turn the loan to the errand's date and have the core post what follows from it.

    The turned loan and the instructions are one save: a crash leaves both or neither, and what
    was saved but not sent is sent by the next day end.
    """
    before = loan.accrued_through
    orders = adjustments(errand, loan, turn(loan, errand.date))
    if loan.accrued_through == before:
        return
    await platform.store.save(loan, *orders)
    await post(platform, errand, call, ask, orders)


def adjustments(
    errand: Errand, loan: Loan, bookings: list[Booking], *part: str
) -> list[Instruction]:
    """Return an instruction for each booking of a loan on the errand's date.

    ``part`` tells bookings apart that are made at another moment of the same day.
    """
    orders: list[Instruction] = []
    for kind, amount_fen in bookings:

        def make(key: Key, kind: object = kind, amount_fen: int = amount_fen) -> AdjustQuery:
            return AdjustQuery(key, loan.id, kind, amount_fen)  # type: ignore[arg-type]

        order_id = mint("J", loan.id, str(errand.date), kind, *part)
        order = instruction(errand, order_id, loan.id, make, BATCH_CHANNEL)
        order.number = len(orders)
        orders.append(order)
    return orders


async def post(
    platform: Platform,
    errand: Errand,
    call: calls.Call,
    ask: calls.Call,
    orders: list[Instruction],
) -> None:
    """Have the core post adjustments.

    Raises:
        BookingRejected: the core rejected one, though the loan book has moved already; the loan
            is locked.
        GaveUp: the core does not answer; the day end completes what was saved.
    """
    for order in orders:
        posted = await carry_out(platform, errand.serving(order.id), call, ask, order)
        order.answer = posted
        await platform.store.save(order)
        if posted.outcome is not Outcome.DONE:
            why = f"{order.id} was rejected: {posted.code}"
            await lock(platform, order.bank, order.subject, errand.date, why)
            raise BookingRejected(call.operation, why)


async def fund(platform: Platform, errand: Errand, loan: Loan, amount_fen: int) -> None:
    """Bring money in from the bound card, where the loan's account is a class II account."""
    account = await platform.store.get(Account, loan.account)
    assert account is not None
    if account.opened and amount_fen > 0:
        await move(platform, errand, account, Direction.IN, amount_fen)


async def move(
    platform: Platform, errand: Errand, account: Account, direction: Direction, amount_fen: int
) -> Posted:
    """Move money between an account and the card bound to it; the errand's key moves once.

    Raises:
        Refused: NO_FUNDS; nothing has moved.
        GaveUp: the core does not answer.
    """
    order_id = mint("T", errand.application, direction)
    order = await platform.store.get(Instruction, order_id)
    if order is None:
        card = CardNumber(account.id)

        def make(key: Key) -> MoveQuery:
            return MoveQuery(key, card, direction, amount_fen)

        order = instruction(errand, order_id, account.id, make)
    posted = await carry_out(platform, errand, calls.FUND, calls.FUND_OUTCOME, order)
    if order.answer is None:
        order.answer = posted
        await platform.store.save(order)
    require(posted.code is not CoreCode.NO_FUNDS, Reason.NO_FUNDS)
    require(posted.outcome is Outcome.DONE, Reason.CORE_REJECTED, posted.code)
    return posted


async def collect_automatically(
    platform: Platform, errand: Errand, loan: Loan, request: str, amount_fen: int
) -> Repayment:
    """Take ``amount_fen`` of what is due from the loan's account, in the day end.

    Raises:
        GaveUp: the core does not answer; the loan waits until the outcome is known.
    """
    paid = await platform.store.get(Repayment, repayment_id(loan.id, request))
    if paid is None:
        spread = allocate(loan, amount_fen, errand.date)
        paid, order = await prepare(platform, errand, loan.id, spread, BATCH_CHANNEL)
        told = await carry_out(
            platform, errand, calls.DAY_COLLECT, calls.DAY_COLLECT_OUTCOME, order
        )
        paid = await conclude(platform, paid.id, order, told)
    written = await platform.store.get(Instruction, paid.instruction)
    answer = written.answer if written is not None else None
    if answer is None or (answer.outcome is not Outcome.NOT_FOUND and answer.code not in NEVER):
        return paid  # today's was tried; a second payment of the day end needs a second day
    # It was lost before the core saw it, and a fence keeps it lost: tonight is not over.
    again = f"{request}/again"
    serving = errand.serving(repayment_id(loan.id, again))
    return await collect_automatically(platform, serving, loan, again, amount_fen)


async def prepare(
    platform: Platform, errand: Errand, loan_id: str, spread: Allocation, channel: str = CHANNEL
) -> tuple[Repayment, Instruction]:
    """Write the repayment with its parts and its instruction, in one save."""
    loan = await loan_of(platform, loan_id)
    # The money took a while to come in: somebody may have paid meanwhile, or the day have ended.
    await no_other_collection(platform, loan)
    if loan.accrued_through != spread.on:
        raise GaveUp(calls.COLLECT.operation, f"{loan.id} is past {spread.on} by now")
    if allocate(loan, spread.total_fen, spread.on).parts != spread.parts:
        raise GaveUp(calls.COLLECT.operation, f"{loan.id} owes something else by now")
    account = CardNumber(loan.account)
    repayment = Repayment(
        errand.application,
        loan.bank,
        loan.id,
        spread.total_fen,
        spread.on,
        instruction=mint("P", errand.application),
        parts={part.value: amount_fen for part, amount_fen in spread.parts.items() if amount_fen},
        non_accrual=spread.non_accrual,
        debt={part.value: amount_fen for part, amount_fen in owed(loan).items() if amount_fen},
        order=next(name for name, rule in ORDERS.items() if rule is order_of(loan)),
    )

    def make(key: Key) -> CollectQuery:
        return CollectQuery(
            key,
            loan.id,
            account,
            spread.principal_fen,
            spread.overdue_principal_fen,
            spread.interest_fen,
            spread.penalty_fen,
            spread.non_accrual_principal_fen,
            spread.memo_interest_fen,
            spread.memo_penalty_fen,
            spread.recovered_fen,
        )

    order = instruction(errand, repayment.instruction, repayment.id, make, channel)
    # The loan is saved with them: whoever else prepares a payment now finds it changed.
    await platform.store.save(loan, repayment, order)
    return repayment, order


async def conclude(
    platform: Platform, repayment_key: str, order: Instruction, posted: Posted
) -> Repayment:
    """Write the core's final word: the loan is smaller, or nothing has happened."""

    async def write() -> Repayment:
        assert isinstance(order.query, CollectQuery)
        # The loan first: a repayment that still waits then was not booked into this very loan.
        loan = await loan_of(platform, order.query.loan)
        repayment = await platform.store.get(Repayment, repayment_key)
        assert repayment is not None
        if repayment.state is not DrawState.PENDING_CORE:
            return repayment  # the day end was faster
        written = await current(platform, order, posted)
        if posted.outcome is not Outcome.DONE:
            repayment.state = DrawState.REJECTED
            await platform.store.save(written, repayment)
            return repayment
        await book_in(platform, loan, repayment, written)
        return repayment

    return await until_saved(write)


async def overrule(platform: Platform, paid_id: str, order: Instruction, posted: Posted) -> bool:
    """Book a collection that we had called rejected; False where the loan has moved on since."""

    async def write() -> bool:
        assert isinstance(order.query, CollectQuery)
        loan = await loan_of(platform, order.query.loan)
        repayment = await platform.store.get(Repayment, paid_id)
        if repayment is None or repayment.state is not DrawState.REJECTED:
            return False
        if loan.accrued_through != repayment.asked_on:
            return False
        await book_in(platform, loan, repayment, await current(platform, order, posted))
        return True

    return await until_saved(write)


async def book_in(platform: Platform, loan: Loan, repayment: Repayment, order: Instruction) -> None:
    """Book a collected repayment, in one save."""
    line = await platform.store.get(Line, loan.application)
    app = await platform.store.get(Application, loan.application)
    assert line is not None
    assert app is not None
    owed_fen, spread = loan.outstanding_fen, allocation_of(repayment)
    pay(loan, spread)
    repaid_fen = owed_fen - loan.outstanding_fen
    line.used_fen -= repaid_fen
    back = FundingMove(loan.bank, loan.bank, used_fen=-repaid_fen)
    if line.frozen == OVERDUE and not await in_arrears(platform, app, loan, spread.on):
        line.frozen = ""
    repayment.state = DrawState.DONE
    if app.may(Step.REPAY):
        app.move(Step.REPAY, app.state)
    await platform.store.save(order, repayment, loan, line, app, back)


async def in_arrears(platform: Platform, app: Application, paid: Loan, on: date) -> bool:
    """Whether anything on an application's line is late, a payment on one of its loans booked."""
    if paid.days_overdue(on):
        return True
    for draw_id in app.drawdowns:
        draw = await platform.store.get(Drawdown, draw_id)
        loan = await platform.store.get(Loan, draw.loan) if draw is not None else None
        if loan is not None and loan.id != paid.id and loan.days_overdue(on):
            return True
    return False


def allocation_of(repayment: Repayment) -> Allocation:
    """Return a repayment's parts as the loan book knows them."""
    parts = {part: repayment.parts.get(part.value, 0) for part in Part}
    return Allocation(repayment.asked_on, parts, non_accrual=repayment.non_accrual)
