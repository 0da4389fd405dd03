"""Stories of money that moves by itself, waits, goes back, or is found in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Reason, Step
from core.errors import GaveUp
from core.lending.book import LoanState
from core.store.records import (
    AuditEvent,
    Drawdown,
    DrawState,
    Funding,
    Instruction,
    Line,
    LoanLock,
    Repayment,
)
from mocks.line import Fault, FaultKind, Phase
from scenarios.stories.stage import DRAW_FEN
from scenarios.stories.story import story

if TYPE_CHECKING:
    from scenarios.stories.stage import Stage


@story()
async def what_falls_due_is_collected_by_itself(stage: Stage) -> None:
    """A customer who does nothing, with money on the account: the day end takes the instalment."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.days((loan.rows[0].due - stage.today).days + 1)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.LIVE, "the loan is regular")
    stage.check(loan.paid(0), "the first row is paid")


@story()
async def an_instalment_paid_by_hand_is_not_collected_again(stage: Stage) -> None:
    """Paid in the morning, and the account is full at night: it is taken once."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.days((loan.rows[0].due - stage.today).days)
    await stage.repay(loan, "by hand")
    await stage.days(1)
    paid = await stage.operator.all(Repayment, stage.bank)
    stage.check(len(paid) == 1, "there is one repayment")


@story()
async def what_is_missing_at_night_is_overdue_and_collected_when_it_comes(stage: Stage) -> None:
    """The account is empty on the due date; the money comes two days later, with its penalty."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    await stage.days((loan.rows[0].due - stage.today).days + 2)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.OVERDUE, "the loan is overdue")
    await stage.bring_in(loan, "late", DRAW_FEN)
    await stage.days(1)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.LIVE, "the loan is regular again")
    stage.check(loan.penalty_paid_fen > 0, "a penalty was paid")


@story()
async def a_reservation_that_is_cancelled_frees_the_line(stage: Stage) -> None:
    """Reserved, then cancelled before anything was sent: the line is whole, nothing is paid."""
    ending = await stage.signed(stage.person(holds_card=False))
    await stage.reserve(ending, "1")
    await stage.operator.cancel(ending.application, "1")
    draw = await stage.operator.cancel(ending.application, "1")  # what was given back stays so
    assert draw is not None
    stage.check(draw.state is DrawState.CANCELLED, "the drawdown is cancelled")
    line = await stage.line(ending)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free")
    stage.check(await stage.paid_out() == 0, "nothing was paid out")
    await stage.expect_refused(
        stage.ask_for(ending, "1", DRAW_FEN),
        Reason.REQUEST_ENDED,
    )


@story()
async def a_reservation_nobody_confirms_expires(stage: Stage) -> None:
    """Reserved and forgotten: the day end gives it back; asked again, it is paid."""
    ending = await stage.signed(stage.person(holds_card=False))
    await stage.reserve(ending, "1")
    await stage.days(1)
    line = await stage.line(ending)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free")
    await stage.ask_for(ending, "1", DRAW_FEN)
    stage.check(await stage.paid_out() == 1, "it is paid out once")


@story()
async def a_bank_lends_no_more_than_its_funding(stage: Stage) -> None:
    """The quota holds one drawdown: the second customer waits until the first has repaid."""
    await stage.operator.set_quota(stage.bank, DRAW_FEN + 1)
    first = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    person = stage.person(holds_card=False)
    full = stage.expect(await stage.visit(person), "refused", Reason.FUNDING_FULL, Step.DRAW_DOWN)
    loan = await stage.loan(first)
    await stage.repay(loan, "all", DRAW_FEN * 2)
    again = await stage.draw_again(person, full.application, "2", amount_fen=DRAW_FEN)
    stage.expect(again, "done")
    funding = await stage.record(Funding, stage.bank)
    stage.check((funding.used_fen, funding.reserved_fen) == (DRAW_FEN, 0), "one loan is out")


@story()
async def a_payout_is_taken_back_on_its_own_day_and_not_later(stage: Stage) -> None:
    """Reversed on the day: no loan, the line is whole. The next day the customer must repay."""
    first = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    app = await stage.application(first.application)
    for _ in range(2):
        draw = await stage.operator.take_back(app.drawdowns[0])
        stage.check(draw.state is DrawState.REVERSED, "the payout is taken back")
    line = await stage.record(Line, app.id)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free")
    second = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    await stage.days(1)
    app = await stage.application(second.application)
    asked = stage.operator.take_back(app.drawdowns[0])
    await stage.expect_refused(asked, Reason.NOT_REVERSIBLE)
    stage.check((await stage.loan(second)).state is LoanState.LIVE, "the loan stands")


@story()
async def a_customer_who_spent_the_money_keeps_the_loan(stage: Stage) -> None:
    """What is no longer on the account cannot be taken back: the core says no, the loan stands."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    app = await stage.application(ending.application)
    asked = stage.operator.take_back(app.drawdowns[0])
    await stage.expect_refused(asked, Reason.NOT_REVERSIBLE)
    stage.check((await stage.loan(ending)).state is LoanState.LIVE, "the loan stands")


NOBODY_ANSWERS = Fault("corebank", FaultKind.DROP, Phase.BEFORE, operation="outcome", for_s=200_000)


@story(
    Fault("corebank", FaultKind.DROP, Phase.AFTER_COMMIT, operation="disburse"),
    NOBODY_ANSWERS,
)
async def what_nobody_can_ask_after_is_decided_by_the_file(stage: Stage) -> None:
    """Paid, the answer lost, the query service down for two days: the core's file tells it."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "unfinished")
    await stage.days(1)
    draw = await drawn(stage, ending.application)
    stage.check(draw.state is DrawState.PENDING_CORE, "the drawdown still waits")
    order = await stage.record(Instruction, draw.instruction)
    stage.check(order.suspended_on is not None, "it stands on the manual list")
    await stage.days(1)
    draw = await drawn(stage, ending.application)
    stage.check(draw.state is DrawState.DONE, "the file said that it was paid")
    kinds = {event.kind for event in await stage.operator.all(AuditEvent, stage.bank)}
    stage.check(kinds == {"suspended", "file_decided"}, "both are in the audit")


@story(
    Fault("corebank", FaultKind.DROP, Phase.BEFORE, operation="disburse"),
    NOBODY_ANSWERS,
)
async def what_no_file_tells_never_happened(stage: Stage) -> None:
    """Never arrived, the query service down for two days: two files do not tell it."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "unfinished")
    await stage.days(3)
    draw = await drawn(stage, ending.application)
    stage.check(draw.state is DrawState.REJECTED, "the drawdown is over")
    line = await stage.line(ending)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free")


@story()
async def a_loan_that_cannot_be_turned_keeps_nobody_waiting(stage: Stage) -> None:
    """One loan is poisoned: it is locked and counted, the bank's day closes, the others turn."""
    endings = [
        stage.expect(await stage.visit(stage.person(holds_card=False)), "done") for _ in range(3)
    ]
    sound, poisoned = await stage.loan(endings[1]), await stage.loan(endings[1])
    poisoned.rows[0].interest_fen = -1
    await stage.operator.save(poisoned)
    due = (poisoned.rows[0].due - stage.today).days + 1
    await stage.days(due)
    loans = [await stage.loan(ending) for ending in endings]
    stage.check([loan.paid(0) for loan in loans] == [True, False, True], "the others are paid")
    locks = await stage.operator.all(LoanLock, stage.bank)
    stage.check(len(locks) == 1, "one loan is locked")
    try:
        await stage.repay(poisoned, "by hand")
    except GaveUp:
        pass
    else:
        stage.check(False, "nothing is done with a locked loan")
    sound.version = (await stage.loan(endings[1])).version
    await stage.operator.save(sound)
    await stage.operator.unlock(sound.id)
    await stage.days(1)
    stage.check((await stage.loan(endings[1])).paid(0), "the mended loan has caught up")


@story()
async def a_loan_91_days_late_earns_no_income_until_it_is_paid(stage: Stage) -> None:
    """Its interest leaves the income after the 90th day, and comes back with the arrears."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    await stage.days((loan.rows[0].due - stage.today).days + 92)
    loan = await stage.loan(ending)
    stage.check(loan.non_accrual, "the loan is in non-accrual")
    stage.check(loan.interest_fen == loan.penalty_fen == 0, "no receivable is left")
    stage.check(loan.owed_interest_fen > 0 < loan.owed_penalty_fen, "the customer owes it still")
    await stage.bring_in(loan, "late", DRAW_FEN)
    await stage.days(2)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.LIVE and not loan.non_accrual, "it accrues again")


@story()
async def a_lost_loan_is_written_off_and_still_owed(stage: Stage) -> None:
    """Half a year late it goes off the balance sheet; what comes in later is recovered."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    await stage.days((loan.rows[0].due - stage.today).days + 182)
    await stage.operator.write_off(loan.id)
    await stage.days(1)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.WRITTEN_OFF, "the loan is written off")
    stage.check(loan.outstanding_fen == 0 < loan.debt_fen, "the customer owes it all the same")
    await stage.repay(loan, "a part", 100_000)
    loan = await stage.loan(ending)
    stage.check(loan.recovered_fen == 100_000, "the payment is recovered")


async def drawn(stage: Stage, application: str) -> Drawdown:
    """Return the only drawdown of an application."""
    app = await stage.application(application)
    return await stage.record(Drawdown, app.drawdowns[0])
