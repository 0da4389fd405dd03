"""After the loan (贷后): what happens while the customer sleeps.

The day end first settles what customers left open, then turns every loan that the day touches. A
change of the name lists sends every customer through the screening again. A customer in arrears
or on a list finds the line frozen, and nobody tells them about the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.application import Application, State, Step
from core.errors import GaveUp
from core.flow import calls, draw_down, repay
from core.flow.errand import Errand
from core.flow.money import next_round, settle
from core.lending.book import Loan, LoanState
from core.lending.book import day_end as close_day
from core.ports.corebank import AdjustQuery, CollectQuery, DisburseQuery, Outcome
from core.ports.sanctions import Screened, ScreenQuery
from core.store.records import (
    Customer,
    Line,
    RiskWarning,
    Screening,
    mint,
)

if TYPE_CHECKING:
    from datetime import date

    from core.flow.platform import Platform
    from core.store.records import Instruction, Record

LEFT_ALONE_S = 900.0  # an instruction this young may still have its customer waiting for it
NAME_LIST = "name list"


async def day_end(platform: Platform, bank: str, on: date) -> int:
    """Close ``on`` for a bank's loan book; return how much of it is left to do.

    Called when the day is over. A loan whose core does not answer, or on which a collection is on
    its way, is left, and so is an instruction whose fate is still unknown; the bank's day closes
    all the same. Called again, for this day or the next, it catches up.
    """
    left = await settle_open(platform, bank, on)
    waiting = await repay.collecting(platform, bank)
    for loan in await platform.store.loans_due(bank, on):
        if loan.id in waiting:
            left += 1
            continue
        try:
            await turn_loan(platform, day_errand(platform, bank, loan.id, on), loan)
        except GaveUp:
            left += 1
    return left


def day_errand(platform: Platform, bank: str, name: str, on: date) -> Errand:
    """Return the errand for one loan or instruction at a day end, with patience of its own."""
    errand = Errand(platform.clock, bank, name, Step.AFTER_LOAN)
    errand.date = on
    return errand


async def turn_loan(platform: Platform, errand: Errand, loan: Loan) -> None:
    """Turn one loan to the day that ends; freeze the line of one that falls into arrears."""
    before = (loan.state, loan.category)
    orders = repay.adjustments(errand, loan, close_day(loan, errand.date))
    records: list[Record] = [loan, *orders]
    if (loan.state, loan.category) != before and loan.state is LoanState.OVERDUE:
        line = await platform.store.get(Line, loan.application)
        assert line is not None
        line.frozen = line.frozen or repay.OVERDUE
        signal = f"{loan.category.name.lower()}, {loan.days_overdue(errand.date)} days overdue"
        warning_id = mint("W", loan.id, signal)
        records += [line, RiskWarning(warning_id, loan.bank, loan.id, signal, errand.date)]
    await platform.store.save(*records)
    await repay.post(platform, errand, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME, orders)


async def settle_open(platform: Platform, bank: str, on: date) -> int:
    """Find out what became of the instructions left open; return how many still are."""
    left = 0
    old_s = platform.clock.now_s - LEFT_ALONE_S
    for order in await platform.store.unsettled(bank):
        if order.sent_at_s is not None and order.sent_at_s > old_s:
            continue
        try:
            await settle_one(platform, day_errand(platform, bank, order.id, on), order)
        except GaveUp:
            left += 1
    return left


async def settle_one(platform: Platform, errand: Errand, order: Instruction) -> None:
    """Settle one instruction. Our own bookings are completed; a customer's money is not sent."""
    if isinstance(order.query, AdjustQuery):
        await repay.post(platform, errand, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME, [order])
        return
    posted = await settle(platform, errand, calls.SETTLE_OUTCOME, order)
    if isinstance(order.query, DisburseQuery):
        await draw_down.conclude(platform, order.subject, order, posted)
    elif isinstance(order.query, CollectQuery):
        await repay.conclude(platform, order.subject, order, posted)
    elif posted.outcome is Outcome.NOT_FOUND:
        order.sent_at_s = None  # an account or a transfer that never was: the customer's next
        await next_round(platform, order)  # visit sends it under a key of its own
    else:
        order.answer = posted  # one that was: the next visit finds it
        await platform.store.save(order)


class Rescreened(NamedTuple):
    """Whom a re-screening restricted, and whom it could not screen: they must be asked again."""

    restricted: list[str]
    unscreened: list[str]


async def rescreen(platform: Platform, bank: str) -> Rescreened:
    """Screen every customer of a bank again.

    To be called when the lists change. A hit or a review freezes the line and holds the
    application at once, and the customer is told neither. Where the lists do not answer for one
    customer, the others are screened all the same.
    """
    done = Rescreened([], [])
    for customer in await platform.store.all(Customer, bank):
        name = f"{customer.id}/{platform.clock.now_s}"
        errand = Errand(platform.clock, bank, name, Step.AFTER_LOAN)
        query = ScreenQuery(customer.name, customer.number, Step.AFTER_LOAN)
        try:
            answer = await errand.ask(calls.RESCREEN, platform.ports.sanctions.screen, query)
        except GaveUp:
            done.unscreened.append(customer.id)
            continue
        screening = Screening(
            mint("S", customer.id, answer.list_version),
            bank,
            customer.id,
            "",
            Step.AFTER_LOAN,
            answer.decision,
            answer.list_version,
            errand.date,
        )
        await platform.store.save(screening)
        if answer.decision is not Screened.CLEAR and not customer.restricted:
            await restrict(platform, customer)
            done.restricted.append(customer.id)
    return done


async def restrict(platform: Platform, customer: Customer) -> None:
    """Freeze every line of a customer and hold what is not ended."""
    customer.restricted = True
    await platform.store.save(customer)
    for app in await platform.store.all(Application, customer.bank):
        if app.customer != customer.id:
            continue
        line = await platform.store.get(Line, app.id)
        if line is not None:
            line.frozen = NAME_LIST
            await platform.store.save(line)
        if app.may(Step.AFTER_LOAN):
            app.move(Step.AFTER_LOAN, State.HELD)
            await platform.store.save(app)
