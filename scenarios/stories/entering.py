"""Stories of those who get their money: every way in, with and without a card of the bank."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.application import Reason, State, Step
from core.store.records import Account, Entry
from scenarios.stories.story import add, story

if TYPE_CHECKING:
    from scenarios.stories.stage import Stage

WAYS_IN: dict[Entry, str] = {
    Entry.SCAN: "a customer who scans a code at the counter gets a loan",
    Entry.SHARE: "a customer who follows a friend's share gets a loan",
    Entry.OFFICIAL_ACCOUNT: "a customer who comes from the official account gets a loan",
    Entry.HISTORY: "a customer who comes back through the history list gets a loan",
    Entry.MOMENTS_AD: "a customer who taps an ad in Moments gets a loan",
    Entry.STAFF: "a customer whom the staff sent gets a loan",
}


async def comes_in(stage: Stage, entry: Entry) -> None:
    """Come in one way, open a class II account, sign, draw, repay the first instalment."""
    referrer = {Entry.SHARE: "customer/7", Entry.STAFF: "staff/0042"}.get(entry, "")
    ending = stage.expect(
        await stage.visit(stage.person(holds_card=False), entry=entry, referrer=referrer), "done"
    )
    await stage.check_state(ending, State.ACTIVE)
    loan = await stage.loan(ending)
    await stage.days((loan.rows[0].due - stage.today).days)
    paid = await stage.repay(loan, "first instalment")
    stage.check(paid.amount_fen == loan.rows[0].total_fen, "the first row is what was due")


for way, sentence in WAYS_IN.items():
    add(sentence.replace(" ", "_").replace("'", ""), sentence, partial(comes_in, entry=way))


@story()
async def a_card_holder_draws_without_opening_an_account(stage: Stage) -> None:
    """A customer who holds a card of the bank is paid onto it: nothing is opened."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=True)), "done")
    app = await stage.application(ending.application)
    account = await stage.record(Account, app.account)
    stage.check(not account.opened, "the customer's own card was taken")


@story()
async def a_customer_leaves_and_goes_on_next_day(stage: Stage) -> None:
    """A customer who stops before the contract goes on where they stopped, the day after."""
    person = stage.person(holds_card=False)
    left = await stage.visit(person, refuses=frozenset({Step.SIGN}))
    stage.expect(left, "left", step=Step.SIGN)
    await stage.days(1)
    ending = stage.expect(await stage.visit(person, visit="2"), "done")
    stage.check(ending.application == left.application, "it is the same application")


@story()
async def a_line_is_drawn_twice_and_holds(stage: Stage) -> None:
    """A line is drawn in two parts; a third that it does not hold is refused."""
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person, share_ppm=500_000), "done")
    line = await stage.line(ending)
    rest_fen = line.free_fen
    again = await stage.draw_again(person, ending.application, "2", amount_fen=rest_fen)
    stage.expect(again, "done")
    more = await stage.draw_again(person, ending.application, "3", amount_fen=1_000_000)
    stage.expect(more, "refused", Reason.OVER_LINE, Step.DRAW_DOWN)


@story()
async def two_banks_serve_one_customer_and_see_each_others_line(stage: Stage) -> None:
    """One customer at two banks: two applications, two accounts, one exposure."""
    person = stage.person(holds_card=False)
    first = stage.expect(await stage.visit(person, share_ppm=300_000), "done")
    line = await stage.line(first)
    bank, product = stage.other_product()
    second = await stage.visit(person, bank, product, visit="2")
    app = await stage.application(second.application)
    assert app.decision is not None
    stage.check(
        app.decision.facts["exposure_fen"] == line.limit_fen, "the second bank knows of the line"
    )
    stage.check(second.application != first.application, "each bank has its own application")
