"""The loan book's day end (日终): inside the core's BATCH, bank by bank, loan by loan.

In this order: the files of closed days are compared; what customers left open is asked after, and
what still is open is suspended until the file decides; reservations that expired go back; what
fell due is collected, and every loan that the day touches is turned. Each of these may be done
again without effect, so a day end that was broken off is simply called again, and a second one
that runs at the same time finds its loans saved by the first. A loan that cannot be turned is
locked and counted; the bank's day closes all the same.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from core.application import Step
from core.errors import BookingRejected, GaveUp, InputError, ProviderError, Stale
from core.flow import calls, draw_down, repay, take_back
from core.flow.errand import Errand
from core.flow.lock import lock, lock_of
from core.flow.money import NEVER, next_round, settle
from core.flow.platform import until_saved
from core.flow.reconcile import close_suspended, reconcile
from core.identity import CardNumber
from core.lending.book import Loan, LoanState, due_fen
from core.lending.book import day_end as close_day
from core.lending.collection import to_collect_fen
from core.ports.corebank import (
    AdjustQuery,
    BalanceQuery,
    BankQuery,
    CollectQuery,
    DisburseQuery,
    MoveQuery,
    OpenQuery,
    Outcome,
    ReverseQuery,
    Stage,
)
from core.store.records import (
    AuditEvent,
    DayClose,
    Instruction,
    Line,
    Record,
    RiskWarning,
    mint,
)

if TYPE_CHECKING:
    from datetime import date

    from core.flow.platform import Platform
    from core.ports.corebank import Posted

LEFT_ALONE_S = 900.0  # an instruction this young may still have its customer waiting for it
A_DAY = timedelta(days=1)
# What a damaged loan raises in the book's own arithmetic.
POISON = (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


async def day_end(platform: Platform, bank: str, on: date) -> int:
    """Close ``on`` for a bank's loan book; return how much of it is left to do.

    To be called while the core is in the BATCH of that date; afterwards, again, to catch up. A
    loan whose core does not answer, or on which a collection is on its way, is left, and so is an
    instruction whose fate is still unknown; the bank's day closes all the same.
    """
    try:
        ready = await core_is_ready(platform, bank, on)
    except GaveUp:
        ready = False
    if not ready:
        return 1
    left = await compare_files(platform, bank, on)
    left += await settle_open(platform, bank, on)
    for draw in await platform.store.lapsed(bank, platform.clock.now_s):
        await draw_down.expire(platform, draw.id)
    left += await close_loans(platform, bank, on)
    await write_down(platform, bank, on, left)
    return left


def day_errand(platform: Platform, bank: str, name: str, on: date) -> Errand:
    """Return the errand for one loan or instruction at a day end, with patience of its own."""
    errand = Errand(platform.clock, bank, name, Step.AFTER_LOAN)
    errand.date = on
    return errand


async def core_is_ready(platform: Platform, bank: str, on: date) -> bool:
    """Whether the core is in the batch of ``on``, or past it."""
    errand = day_errand(platform, bank, f"day/{bank}/{on}", on)
    day = await errand.ask(calls.DAY_STAGE, platform.ports.corebank.day, BankQuery(bank))
    closing = day.accounting_date == on and day.stage in (Stage.BATCH, Stage.CLOSED)
    return closing or day.accounting_date > on


async def write_down(platform: Platform, bank: str, on: date, left: int) -> None:
    """Note that a date is closed, and that the files up to it are still to be compared."""

    async def write() -> None:
        close = await platform.store.get(DayClose, bank) or DayClose(bank, bank)
        close.left = left
        if close.closed is None or close.closed < on:
            day = await first_day(platform, bank, on) if close.closed is None else close.closed
            while day < on:  # the files of the nights that we missed are compared all the same
                day += A_DAY
                close.unreconciled = (*close.unreconciled, day)
            close.closed = on
        await platform.store.save(close)

    await until_saved(write)


async def first_day(platform: Platform, bank: str, on: date) -> date:
    """Return the day before the first on which a bank's core was instructed, ``on`` at most."""
    orders = await platform.store.all(Instruction, bank)
    return min([on, *(order.key.channel_date for order in orders)]) - A_DAY


# The files of the core.


async def compare_files(platform: Platform, bank: str, on: date) -> int:
    """Compare the file of every closed date that was not compared yet; return how many wait on.

    What the files do not tell is given up only where no earlier file is missing.
    """
    close = await platform.store.get(DayClose, bank)
    waiting = [] if close is None else [day for day in close.unreconciled if day < on]
    compared = []
    for day in waiting:
        errand = day_errand(platform, bank, f"file/{bank}/{day}", on)
        try:
            if await reconcile(platform, errand, bank, day) is None:
                continue
            compared.append(day)
            if compared == waiting[: len(compared)]:
                await close_suspended(platform, bank, day)
        except GaveUp:
            break
        except InputError as wrong:  # a file that contradicts itself is sent again by the core
            name = mint("E", "file", bank, str(day), str(on))
            await platform.store.save(AuditEvent(name, bank, "bad_file", str(day), on, str(wrong)))
    if compared:
        await strike(platform, bank, compared)
    return len(waiting) - len(compared)


async def strike(platform: Platform, bank: str, compared: list[date]) -> None:
    """Strike the dates off the list whose files were compared."""

    async def write() -> None:
        close = await platform.store.get(DayClose, bank)
        assert close is not None
        close.unreconciled = tuple(day for day in close.unreconciled if day not in compared)
        await platform.store.save(close)

    await until_saved(write)


# What customers left open.


async def settle_open(platform: Platform, bank: str, on: date) -> int:
    """Find out what became of the instructions left open; return how many still are.

    What is still open is suspended: it stands on the manual list, and the core's file decides.
    """
    old_s = platform.clock.now_s - LEFT_ALONE_S
    bookings = await repay.left_bookings(platform, bank)
    others = [
        order
        for order in await platform.store.unsettled(bank)
        if not isinstance(order.query, AdjustQuery) and not laid_aside(order)
    ]
    left, stuck = 0, set()  # a loan's bookings are posted in their order, or not at all
    for order in (*bookings, *others):
        if max(order.made_s, order.sent_at_s or 0.0) > old_s or order.subject in stuck:
            stuck.add(order.subject)
            continue
        try:
            await settle_one(platform, day_errand(platform, bank, order.id, on), order)
        except Stale:
            stuck.add(order.subject)  # its customer came back and goes on with it
        except GaveUp:
            left += 1
            stuck.add(order.subject)
            await suspend(platform, order.id, on)
    return left


def laid_aside(order: Instruction) -> bool:
    """Whether an instruction waits, unsent, for its customer's next visit; no money hangs on it."""
    return order.sent_at_s is None and isinstance(order.query, OpenQuery | MoveQuery)


async def suspend(platform: Platform, order_id: str, on: date) -> None:
    """Note that a cut-off found an instruction open."""

    async def write() -> None:
        order = await platform.store.get(Instruction, order_id)
        assert order is not None
        if order.answer is not None or order.suspended_on is not None:
            return
        order.suspended_on = on
        event = AuditEvent(
            mint("E", "suspended", order.id, str(order.round)),
            order.bank,
            "suspended",
            order.subject,
            on,
            f"{order.id}, key {order.key.serial}",
        )
        await platform.store.save(order, event)

    await until_saved(write)


async def settle_one(platform: Platform, errand: Errand, order: Instruction) -> None:
    """Settle one instruction. Our own bookings are completed; a customer's money is not sent."""
    if isinstance(order.query, AdjustQuery):
        with suppress(BookingRejected):  # its loan is locked
            await repay.post(platform, errand, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME, [order])
        return
    posted = await settle(platform, errand, calls.SETTLE_OUTCOME, order)
    await conclude(platform, order, posted)


async def conclude(platform: Platform, order: Instruction, posted: Posted) -> None:
    """Write the final word on an instruction whose customer is gone."""
    if isinstance(order.query, DisburseQuery):
        await draw_down.conclude(platform, order.subject, order, posted)
    elif isinstance(order.query, CollectQuery):
        await repay.conclude(platform, order.subject, order, posted)
    elif isinstance(order.query, ReverseQuery):
        await take_back.conclude(platform, order, posted)
    elif posted.outcome is Outcome.NOT_FOUND or posted.code in NEVER:
        order.sent_at_s = None  # an account or a transfer that never was: the customer's next
        await next_round(platform, order)  # visit sends it under a key of its own
    else:
        order.answer = posted  # one that was: the next visit finds it
        await platform.store.save(order)


# Loans.


async def close_loans(platform: Platform, bank: str, on: date) -> int:
    """Collect what is due and turn every loan that the day touches; return how many are left."""
    left = 0
    waiting = await repay.collecting(platform, bank)
    waiting |= {order.subject for order in await repay.left_bookings(platform, bank)}
    for loan in await platform.store.loans_due(bank, on):
        if loan.id in waiting or await lock_of(platform, loan.id):
            left += 1
            continue
        if loan.accrued_through == on and await repay.left_bookings(platform, bank, loan.id):
            left += 1  # another day end has turned it, and the core has not posted that yet
            continue
        errand = day_errand(platform, bank, loan.id, on)
        try:
            await close_loan(platform, errand, loan)
        except Stale:
            continue  # another day end, or a payment, was faster: it has turned the loan
        except GaveUp:
            left += 1
        except BookingRejected:
            left += 1
        except POISON as why:
            left += 1  # one poisoned loan must not keep a bank's day open
            await lock(platform, bank, loan.id, on, f"{type(why).__name__}: {why}")
    return left


async def close_loan(platform: Platform, errand: Errand, loan: Loan) -> None:
    """Turn one loan to the day that ends, collect what is due on it, and close its day."""
    await repay.book(platform, errand, loan, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME)
    if loan.accrued_through == errand.date and due_fen(loan):  # not where tomorrow was paid on
        await collect_due(platform, errand, loan)
        loan = await repay.loan_of(platform, loan.id)
    await turn_loan(platform, errand, loan)


async def collect_due(platform: Platform, errand: Errand, loan: Loan) -> None:
    """Take what is due from the loan's account, as far as it holds it; once a day.

    Beside the customer's own payment of the same day: both take from what is due by then, and no
    two are under way at once, so an instalment is never taken twice.
    """
    request = f"auto/{errand.date}"
    serving = errand.serving(repay.repayment_id(loan.id, request))
    try:
        held = await serving.ask(
            calls.DAY_BALANCE,
            platform.ports.corebank.balance,
            BalanceQuery(CardNumber(loan.account)),
        )
    except ProviderError:
        return  # the loan's day closes unpaid; tomorrow asks again
    amount_fen = to_collect_fen(loan, errand.date, held.available_fen)
    if amount_fen > 0:
        await repay.collect_automatically(platform, serving, loan, request, amount_fen)


async def turn_loan(platform: Platform, errand: Errand, loan: Loan) -> None:
    """Close one loan's day; freeze the line of one in arrears, and warn of a worse category."""
    told = loan.provided_as  # as of the last day end: payments turn loans, and warn of nothing
    orders = repay.adjustments(errand, loan, close_day(loan, errand.date), "close")
    records: list[Record] = [loan, *orders]
    if loan.state is LoanState.OVERDUE:
        line = await platform.store.get(Line, loan.application)
        assert line is not None
        if not line.frozen:
            line.frozen = repay.OVERDUE
            records.append(line)
        if loan.category > told or loan.days_overdue(errand.date) == 1:
            records.append(warning(errand, loan))
    await platform.store.save(*records)
    await repay.post(platform, errand, calls.DAY_BOOK, calls.DAY_BOOK_OUTCOME, orders)


def warning(errand: Errand, loan: Loan) -> RiskWarning:
    """Return the warning about a loan in arrears."""
    signal = f"{loan.category.name.lower()}, {loan.days_overdue(errand.date)} days overdue"
    return RiskWarning(mint("W", loan.id, signal), loan.bank, loan.id, signal, errand.date)
