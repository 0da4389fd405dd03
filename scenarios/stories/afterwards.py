"""Stories after the money: repaid early, overdue and back, listed later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Reason, State, Step
from core.lending.book import LoanState, payoff_quote
from core.lending.classification import Category
from core.store.records import Customer, RiskWarning
from scenarios.stories.story import story

if TYPE_CHECKING:
    from scenarios.stories.stage import Stage


@story()
async def a_loan_is_repaid_early_and_owes_nothing(stage: Stage) -> None:
    """A loan paid off after fifty days: interest to the day, and the line is free again."""
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person), "done")
    loan = await stage.loan(ending)
    await stage.days((loan.rows[0].due - stage.today).days)
    await stage.repay(loan, "first")
    await stage.days(20)
    loan = await stage.loan(ending)
    quote = payoff_quote(loan, stage.today)
    paid = await stage.repay(loan, "pay-off", quote.total_fen)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.SETTLED, "the loan is settled")
    stage.check(paid.amount_fen == quote.total_fen, "it cost what was quoted")
    line = await stage.line(ending)
    stage.check(line.free_fen == line.limit_fen, "the whole line is free again")


@story()
async def more_than_the_debt_is_not_taken(stage: Stage) -> None:
    """A customer who pays too much is charged the debt and not a fen more."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.days(10)
    quote = payoff_quote(await stage.loan(ending), stage.today)
    paid = await stage.repay(loan, "too much", quote.total_fen + 12_345)
    stage.check(paid.amount_fen == quote.total_fen, "only the debt was collected")


@story()
async def a_loan_runs_its_whole_term_to_the_last_fen(stage: Stage) -> None:
    """Every instalment on its day, for the whole term: nothing is left, nothing is over."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    paid_fen, agreed_fen = 0, sum(row.total_fen for row in loan.rows)
    for row in list(loan.rows):
        await stage.days((row.due - stage.today).days)
        paid_fen += (await stage.repay(loan, f"row {row.number}")).amount_fen
    stage.check(paid_fen == agreed_fen, f"paid {paid_fen}, agreed {agreed_fen} fen")
    stage.check((await stage.loan(ending)).state is LoanState.SETTLED, "the loan is settled")


@story()
async def an_overdue_customer_pays_penalty_and_comes_back(stage: Stage) -> None:
    """Forty days late: penalty, special mention, a frozen line; then all is paid and thawed."""
    person = stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person, share_ppm=400_000), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    await stage.days((loan.rows[0].due - stage.today).days + 40)
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.OVERDUE, "the loan is overdue")
    stage.check(loan.category is Category.SPECIAL_MENTION, "it is of special mention")
    warned = await stage.operator.all(RiskWarning, stage.bank)
    stage.check(warned, "the bank was warned")
    blocked = await stage.draw_again(person, ending.application, "2", amount_fen=1_000_000)
    stage.expect(blocked, "refused", Reason.LINE_FROZEN, Step.DRAW_DOWN)
    paid = await stage.repay(loan, "arrears")
    stage.check(paid.parts.get("penalty", 0) > 0, "a penalty was paid")
    loan = await stage.loan(ending)
    stage.check(loan.state is LoanState.LIVE, "the loan is regular again")
    again = await stage.draw_again(person, ending.application, "3", amount_fen=1_000_000)
    stage.expect(again, "done")


@story()
async def an_empty_account_is_refused_and_nothing_moves(stage: Stage) -> None:
    """A customer whose account is empty cannot pay: the loan stays as it was."""
    ending = stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
    loan = await stage.loan(ending)
    await stage.spend(loan)
    await stage.days((loan.rows[0].due - stage.today).days)
    await stage.expect_refused(stage.repay(loan, "empty", fund_fen=0), Reason.NO_FUNDS)
    before = await stage.loan(ending)
    paid = await stage.repay(loan, "with money")
    stage.check(paid.amount_fen == before.rows[0].total_fen, "what was due is what was paid")


@story()
async def a_customer_listed_after_the_opening_is_restricted_in_silence(stage: Stage) -> None:
    """The list changes, everybody is screened again: the line freezes and nobody is told why."""
    person, other = stage.person(holds_card=False), stage.person(holds_card=False)
    ending = stage.expect(await stage.visit(person, share_ppm=300_000), "done")
    stage.expect(await stage.visit(other), "done")
    await stage.days(3)
    await stage.put_on_list(person)
    restricted = await stage.operator.rescreen(stage.bank)
    app = await stage.application(ending.application)
    stage.check(restricted == [app.customer], "one customer is restricted, and the right one")
    stage.check(app.state is State.HELD, "the application is held")
    refused = await stage.draw_again(person, ending.application, "2", amount_fen=1_000_000)
    stage.expect(refused, "refused", Reason.LINE_FROZEN, Step.DRAW_DOWN)
    customer = await stage.record(Customer, app.customer)
    stage.check(customer.restricted, "the customer is restricted")
    other_product = stage.second_product()
    more = await stage.visit(person, product=other_product, visit="3")
    stage.expect(more, "refused", Reason.NAME_LIST_REVIEW, Step.REGISTER)
