"""Stories of things that break: lost requests, lost answers, crashes, repeats, one in twenty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.application import Reason, State, Step
from core.clock import DAY_S
from core.flow import calls
from core.flow.draw_down import drawdown_id
from core.store.records import Drawdown, DrawState
from mocks.line import ASSUMED, Fault, FaultKind, Phase
from scenarios.stories.crash import CrashPlan
from scenarios.stories.story import story

if TYPE_CHECKING:
    from scenarios.stories.stage import Stage

DISBURSE, OUTCOME = calls.DISBURSE.number, calls.DISBURSE_OUTCOME.number


def lost(call: int, phase: Phase, kind: FaultKind = FaultKind.DROP, *attempts: int) -> Fault:
    """Return a fault on one call's first attempt, or on the attempts named."""
    provider = next(each.provider for each in calls.CALLS if each.number == call)
    return Fault(provider, kind, phase, call=call, attempts=attempts or (1,))


async def paid_once(stage: Stage) -> None:
    """Draw, and find the money paid exactly once."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    count = await stage.paid_out()
    stage.check(count == 1, f"the core paid once, not {count} times")
    await stage.check_state(ending, State.ACTIVE)


@story(lost(DISBURSE, Phase.BEFORE))
async def a_payout_lost_on_its_way_is_sent_again_under_a_new_key(stage: Stage) -> None:
    """The request is lost before the core sees it: a fence, then a second key, one payout."""
    await paid_once(stage)


@story(lost(DISBURSE, Phase.AFTER_COMMIT))
async def a_payout_whose_answer_is_lost_is_found_by_asking(stage: Stage) -> None:
    """The core pays and the answer is lost: the platform asks after the key and books once."""
    await paid_once(stage)


@story(lost(DISBURSE, Phase.AFTER_COMMIT, FaultKind.RESET))
async def a_connection_that_breaks_after_the_payout_pays_once(stage: Stage) -> None:
    """The connection breaks when the core has paid already."""
    await paid_once(stage)


@story(lost(DISBURSE, Phase.MID_RESPONSE, FaultKind.GARBAGE))
async def an_answer_cut_short_is_no_answer(stage: Stage) -> None:
    """The core's answer arrives cut short: it counts as unknown, never as a yes or a no."""
    await paid_once(stage)


@story(Fault("corebank", FaultKind.DELAY, call=DISBURSE, attempts=(1,), extra_s=30.0))
async def a_payout_that_comes_late_meets_a_fence(stage: Stage) -> None:
    """The core is so slow that the platform has fenced the key: the late request is rejected."""
    await paid_once(stage)


@story(Fault("corebank", FaultKind.DELAY, call=DISBURSE, attempts=(1,), extra_s=6.0))
async def a_payout_that_comes_late_is_found_before_the_fence(stage: Stage) -> None:
    """The core is slow, the client has given up, and the question finds it paid."""
    await paid_once(stage)


@story(lost(DISBURSE, Phase.BEFORE, FaultKind.QUOTA, 1, 2))
async def a_core_that_asks_for_patience_gets_it(stage: Stage) -> None:
    """The core refuses twice for its rate: nothing happened, so the same key is sent again."""
    await paid_once(stage)


@story(
    lost(DISBURSE, Phase.AFTER_COMMIT),
    Fault("corebank", FaultKind.SERVER_ERROR, call=OUTCOME),
)
async def a_payout_nobody_can_ask_after_is_settled_by_the_day_end(stage: Stage) -> None:
    """The answer is lost and the query is down: the loan waits, and the day end books it."""
    ending = await stage.visit(stage.person(holds_card=False), returns=0)
    stage.expect(ending, "unfinished", step=Step.DRAW_DOWN)
    app = await stage.application(ending.application)
    drawdown = await stage.record(Drawdown, app.drawdowns[0])
    stage.check(drawdown.state is DrawState.PENDING_CORE, "nobody says that it failed")
    await stage.days(1)
    await stage.loan(ending)
    stage.check(await stage.paid_out() == 1, "it was paid once")


@story(
    lost(DISBURSE, Phase.BEFORE),
    Fault("corebank", FaultKind.SERVER_ERROR, call=OUTCOME),
)
async def a_payout_that_never_happened_gives_the_line_back(stage: Stage) -> None:
    """The request is lost and the query is down: the day end fences it and frees the line."""
    ending = await stage.visit(stage.person(holds_card=False), returns=0)
    stage.expect(ending, "unfinished", step=Step.DRAW_DOWN)
    await stage.days(1)
    line = await stage.line(ending)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free again")
    stage.check(await stage.paid_out() == 0, "nothing was paid")


@story(lost(calls.OPEN.number, Phase.AFTER_COMMIT))
async def an_account_opened_without_an_answer_is_opened_once(stage: Stage) -> None:
    """The account is opened and the answer lost: the platform finds the account by its key."""
    await paid_once(stage)


@story(
    lost(calls.OPEN.number, Phase.BEFORE),
    Fault("corebank", FaultKind.SERVER_ERROR, call=calls.OPEN_OUTCOME.number, for_s=DAY_S),
)
async def an_account_never_opened_is_opened_on_the_next_visit(stage: Stage) -> None:
    """The opening is lost, the query down, the customer gone: the next day it is opened, once."""
    person = stage.person(holds_card=False)
    stage.expect(await stage.visit(person, returns=0), "unfinished", step=Step.OPEN_ACCOUNT)
    await stage.days(2)
    stage.expect(await stage.visit(person, visit="2"), "done")
    opened = await stage.operator.opened(stage.bank)
    stage.check(opened == 1, "one account was opened")


@story()
async def the_same_request_for_another_amount_is_refused(stage: Stage) -> None:
    """A request that was made before cannot be made again for another amount."""
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person), "done")
    again = await stage.draw_again(person, ending.application, "1", amount_fen=1_500_000)
    stage.expect(again, "refused", Reason.REQUEST_CHANGED, Step.DRAW_DOWN)
    stage.check(await stage.paid_out() == 1, "one payout")


@story(lost(calls.ACCOUNT_SCREEN.number, Phase.BEFORE, FaultKind.DROP, *range(1, 99)))
async def a_name_list_that_does_not_answer_is_never_a_clear(stage: Stage) -> None:
    """The screening is down: the account stays unopened, and nobody is paid."""
    ending = await stage.visit(stage.person(holds_card=False), returns=1)
    stage.expect(ending, "unfinished", step=Step.OPEN_ACCOUNT)
    await stage.check_state(ending, State.GRANTED)
    stage.check(await stage.paid_out() == 0, "nothing was paid")


@story(lost(calls.PHONE_NAME.number, Phase.AFTER_COMMIT), lost(calls.REPORT.number, Phase.BEFORE))
async def a_time_out_of_carrier_and_bureau_is_asked_again(stage: Stage) -> None:
    """Questions that change nothing are simply asked again."""
    await paid_once(stage)


@story(crash=lambda: CrashPlan(DISBURSE, after=True))
async def a_crash_after_the_payout_books_it_once(stage: Stage) -> None:
    """The platform dies with the core's answer in its hands; it comes up, asks, and books once."""
    person = stage.person(holds_card=False)
    stage.expect(await stage.resume(person), "done")
    stage.check(await stage.paid_out() == 1, "it was paid once")


@story(crash=lambda: CrashPlan(DISBURSE, after=False))
async def a_crash_before_the_payout_pays_once(stage: Stage) -> None:
    """The platform dies with the instruction saved and not sent."""
    person = stage.person(holds_card=False)
    stage.expect(await stage.resume(person), "done")
    stage.check(await stage.paid_out() == 1, "it was paid once")


@story(crash=lambda: CrashPlan(calls.DEPOSIT.number, after=True))
async def a_crash_between_signature_and_money_signs_again(stage: Stage) -> None:
    """The platform dies between the deposit and its own record: the customer signs once more."""
    person = stage.person(holds_card=False)
    stage.expect(await stage.resume(person), "done")


@story(crash=lambda: CrashPlan(calls.OPEN.number, after=True))
async def a_crash_after_the_opening_finds_the_account(stage: Stage) -> None:
    """The platform dies when the core has opened the account: there is still only one."""
    person = stage.person(holds_card=False)
    stage.expect(await stage.resume(person), "done")
    opened = await stage.operator.opened(stage.bank)
    stage.check(opened == 1, "one account was opened")


@story()
async def every_request_made_twice_has_one_effect(stage: Stage) -> None:
    """The same visit, drawdown and repayment, each made twice: one loan, one payment."""
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person), "done")
    stage.expect(await stage.visit(person), "done")
    stage.check(await stage.paid_out() == 1, "one payout")
    app = await stage.application(ending.application)
    stage.check(app.drawdowns == [drawdown_id(app.id, f"{person.key}/1")], "one drawdown")
    loan = await stage.loan(ending)
    await stage.days((loan.rows[0].due - stage.today).days)
    first = await stage.repay(loan, "instalment")
    again = await stage.repay(loan, "instalment")
    stage.check(first == again, "one repayment")


ONE_IN_TWENTY = {name: replace(profile, error_rate=0.05) for name, profile in ASSUMED.items()}


@story(profiles=ONE_IN_TWENTY)
async def twenty_customers_get_through_five_percent_faults(stage: Stage) -> None:
    """Every twentieth call of every provider fails somehow; the books are right all the same."""
    done = 0
    for _ in range(20):
        ending = await stage.visit(stage.person(holds_card=False), returns=4, tries=4)
        done += ending.outcome == "done"
    await stage.days(1)
    stage.check(done >= 18, f"nearly all got their money, not {done}")
    paid = await stage.paid_out()
    stage.check(paid == done, f"{paid} payouts for {done} loans")
