"""The loan's life: what is owed, when, what it would cost to be rid of it, and paying."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.application import Application
from core.errors import GaveUp, Refused
from core.flow.register import application_id
from core.flow.repay import repay
from core.gateway.problems import Problem, refusal
from core.gateway.reception import Reception, later
from core.gateway.routes.ground import (
    PAGE,
    At,
    Body,
    Cursor,
    Limit,
    Who,
    Words,
    part_of,
    shown,
    today,
)
from core.gateway.sessions import Guest
from core.gateway.views import (
    LoanView,
    MessageView,
    Page,
    QuoteView,
    RepaymentView,
    RowView,
    loan_view,
    repayment_view,
    rows_view,
)
from core.lending.book import Loan, Part, payoff_quote
from core.products import products_of
from core.store.records import Drawdown, DrawState

AHEAD_DAYS = 3_660
TOLD = {
    DrawState.DONE: "paid_out",
    DrawState.REJECTED: "not_paid_out",
    DrawState.REVERSED: "taken_back",
}


class Paying(Body):
    """How much is paid; left out, all that is due. ``request`` names it: it is taken once.

    ``fund_fen`` is brought in from the bound card first; left out, as much as is paid.
    """

    model_config = shown(request="instalment-1", amount_fen=180_000)

    request: Annotated[str, Words(128, examples=["instalment-1"])]
    amount_fen: Annotated[int, Field(gt=0, le=10**12)] | None = None
    fund_fen: Annotated[int, Field(ge=0, le=10**12)] | None = None


async def list_loans(at: At, who: Who, limit: Limit = PAGE, cursor: Cursor = "") -> Page[LoanView]:
    """List the customer's own loans at this bank."""
    part, behind = part_of(await _loans(at, who), lambda each: each.id, limit, cursor)
    return Page(items=[loan_view(each) for each in part], next=behind)


async def read_loan(at: At, who: Who, loan: str) -> LoanView:
    """Tell what is owed on a loan."""
    return loan_view(await _loan(at, who, loan))


async def schedule(at: At, who: Who, loan: str) -> list[RowView]:
    """Tell when how much of a loan is due."""
    return rows_view(await _loan(at, who, loan))


async def quote(
    at: At,
    who: Who,
    loan: str,
    on: Annotated[date | None, Query(description="by default today")] = None,
) -> QuoteView:
    """Tell what would settle a loan on a date, if nobody pays before."""
    found, day = await _loan(at, who, loan), on or today(at)
    if not 0 <= (day - found.accrued_through).days <= AHEAD_DAYS:
        raise Problem("malformed", f"on: a date from today on, at most {AHEAD_DAYS} days ahead")
    whole = payoff_quote(found, day)
    interest_fen = whole.all_interest_fen
    penalty_fen = whole.parts.get(Part.PENALTY, 0)
    return QuoteView(
        on=day,
        total_fen=whole.total_fen,
        principal_fen=whole.total_fen - interest_fen - penalty_fen,
        interest_fen=interest_fen,
        penalty_fen=penalty_fen,
    )


async def pay(at: At, who: Who, loan: str, body: Paying) -> RepaymentView:
    """Repay: what is due, a part, or early; the money is taken once."""
    found = await _loan(at, who, loan)
    try:
        paid = await repay(at.platform, found.id, body.request, body.amount_fen, body.fund_fen)
    except Refused as no:
        raise refusal(no.reason, 1, mendable=True) from no
    except GaveUp as why:
        raise later(1) from why
    return repayment_view(paid)


async def messages(at: At, who: Who, limit: Limit = PAGE, cursor: Cursor = "") -> Page[MessageView]:
    """List what the bank has to say: money paid out or not, and what is late."""
    told = []
    for app in await _applications(at, who):
        for draw_id in app.drawdowns:
            draw = await at.platform.store.get(Drawdown, draw_id)
            if draw is not None and draw.state in TOLD:
                kind = TOLD[draw.state]
                told.append(_message(kind, draw.asked_on, draw.id, draw.amount_fen))
    for loan in await _loans(at, who):
        if loan.late_since is not None:
            late_fen = loan.late_principal_fen + loan.late_interest_fen
            told.append(_message("overdue", loan.late_since, loan.id, late_fen))
    part, behind = part_of(told, lambda each: f"{each.on}/{each.subject}", limit, cursor)
    return Page(items=part, next=behind)


def _message(kind: str, on: date, subject: str, amount_fen: int) -> MessageView:
    return MessageView(kind=kind, on=on, subject=subject, amount_fen=amount_fen)


async def _applications(at: Reception, who: Guest) -> list[Application]:
    store = at.platform.store
    ids = [
        application_id(who.bank, who.openid, product.id)
        for product in products_of(who.bank, at.platform.products)
    ]
    found = [await store.get(Application, app_id) for app_id in ids]
    return [app for app in found if app is not None]


async def _loans(at: Reception, who: Guest) -> list[Loan]:
    store = at.platform.store
    ids = [f"L{draw[1:]}" for app in await _applications(at, who) for draw in app.drawdowns]
    found = [await store.get(Loan, loan_id) for loan_id in ids]
    return [loan for loan in found if loan is not None]


async def _loan(at: Reception, who: Guest, loan_id: str) -> Loan:
    found = await at.platform.store.get(Loan, loan_id)
    if found is not None and found.bank == who.bank:
        app = await at.platform.store.get(Application, found.application)
        if app is not None and app.customer == who.customer:
            return found
    raise Problem("not-found", "You have no loan of this name.")
