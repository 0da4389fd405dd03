"""An application's way: registered, authorised, decided, an account, a contract, drawdowns."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Response
from pydantic import Field

from core.application import Application, Step
from core.contract.paper import offer
from core.errors import InputError
from core.flow.apply_for_credit import apply_for_credit
from core.flow.authorise import NEEDED, TEXT_VERSION, authorise, withdraw
from core.flow.draw_down import cancel as cancel_drawdown
from core.flow.draw_down import draw_down as pay_out
from core.flow.draw_down import drawdown_id
from core.flow.open_account import open_account
from core.flow.phone import Phone
from core.flow.platform import Platform, until_saved
from core.flow.register import Papers, application_id, register
from core.flow.sign import sign
from core.gateway.conversation import Turn
from core.gateway.problems import Problem, code_of
from core.gateway.reception import Reception
from core.gateway.routes.ground import (
    PAGE,
    At,
    Body,
    Cursor,
    Limit,
    Who,
    Words,
    brought,
    part_of,
    shown,
    today,
)
from core.gateway.routes.sessions import applications_of
from core.gateway.views import (
    ApplicationView,
    AskView,
    ContractView,
    DecisionView,
    DrawdownView,
    DrawStepView,
    LineView,
    OfferView,
    Page,
    StepView,
    application_view,
    contract_view,
    drawdown_view,
    line_view,
    offer_view,
)
from core.identity import CardNumber
from core.lending.book import Loan
from core.store.records import ConsentKind, Contract, Customer, Drawdown, DrawState, Line

Face = Annotated[str, Words(128, 0, description="the token that the face was shown to")]


class Registration(Body):
    """What is registered for, and a fresh phone code; both sides of the card were uploaded.

    Whoever came through another front end than the mini-program needs no code.
    """

    model_config = shown(product="daopu-household", phone_code="0b7Qm")

    product: Annotated[str, Field(examples=["daopu-household"])]
    phone_code: Annotated[str, Words(256, 0, examples=["0b7Qm…"])] = ""


class Consents(Body):
    """What the customer agrees to, having read the text of a version; nothing: it is asked for."""

    model_config = shown(consents=sorted(NEEDED), text_version=TEXT_VERSION)

    consents: list[ConsentKind] | None = None
    text_version: Annotated[str, Field(examples=[TEXT_VERSION])] = ""


class Faced(Body):
    """Nothing at first; then the token that was asked for, once the face was shown to it."""

    model_config = shown(face="B9E8C2A0-0001")

    face: Face = ""


class AccountWanted(Faced):
    """``card``: one of the customer's own at another bank; null where they have none."""

    model_config = shown(card="6293051810455348941")

    card: Annotated[str | None, Field(examples=["6293051810455348941"])] = None


class Signing(Faced):
    """``signature``: whether the customer signs the text that was shown."""

    model_config = shown(signature=True)

    signature: bool = False


class DrawdownWanted(Faced):
    """How much, and what for. ``request`` names it: a request is paid once."""

    model_config = shown(request="first", amount_fen=2_000_000, use="")

    amount_fen: Annotated[int, Field(gt=0, le=10**12, examples=[2_000_000])]
    use: Annotated[str, Words(64, 0)] = ""
    request: Annotated[str, Words(128, examples=["first"])]


async def register_customer(at: At, who: Who, body: Registration) -> ApplicationView:
    """Register the customer, and begin an application for a product."""
    product = at.platform.products.get(body.product)
    if product is None or product.bank != who.bank:
        raise Problem("not-found", "This bank has no such product.")
    app_id = application_id(who.bank, who.openid, product.id)
    known = await at.platform.store.get(Application, app_id)
    if known is not None:  # an answer was lost: nothing need be shown again
        return application_view(known)
    try:
        sides = who.uploads["id_card_front"], who.uploads["id_card_back"]
    except KeyError:
        raise Problem("no-picture") from None
    if who.phone is None and not body.phone_code:
        raise Problem("malformed", "phone_code: a fresh one is needed")
    papers = Papers(*sides, body.phone_code, who.phone)

    async def once(tries: int) -> Application:
        return await register(at.platform, who.record, product.id, papers, tries)

    app = await at.once(who, Step.REGISTER, once)
    at.sessions.drop_uploads(who)
    return application_view(app)


async def list_applications(
    at: At, who: Who, limit: Limit = PAGE, cursor: Cursor = ""
) -> Page[ApplicationView]:
    """List the customer's own applications."""
    own = await applications_of(at, who)
    part, behind = part_of(own, lambda each: each.id, limit, cursor)
    return Page(items=part, next=behind)


async def read_application(at: At, who: Who, application: str) -> ApplicationView:
    """Tell where an application stands."""
    return application_view(await at.application(who, application))


async def consent(
    at: At, who: Who, application: str, body: Consents, response: Response
) -> StepView:
    """Give the consents that the loan needs."""
    app = await at.application(who, application)
    told = {}
    if body.consents is not None:
        if body.text_version != TEXT_VERSION:
            raise Problem("not-now", f"The text is {TEXT_VERSION} by now: show it, and ask again.")
        told["consents"] = frozenset(body.consents)
    turn = await at.take(app, Step.AUTHORISE, authorise, told)
    return _view(Step.AUTHORISE, app, turn, response)


async def withdraw_consent(at: At, who: Who, application: str) -> Response:
    """End the consent: nothing is asked under it from now on."""
    app = await at.application(who, application)
    platform, on = at.platform, today(at)

    async def write() -> None:
        customer = await platform.store.get(Customer, app.customer)
        assert customer is not None
        await withdraw(platform, customer, on)

    await until_saved(write)
    return Response(status_code=204)


async def decide(at: At, who: Who, application: str, body: Faced, response: Response) -> StepView:
    """Have the application for credit decided."""
    app = await at.application(who, application)
    turn = await at.take(app, Step.APPLY, apply_for_credit, brought(body, "face"))
    return _view(Step.APPLY, app, turn, response)


async def read_decision(at: At, who: Who, application: str) -> DecisionView:
    """Tell what was decided."""
    app = await at.application(who, application)
    decision = app.decision
    if decision is None:
        raise Problem("not-found", "Nothing was decided yet.")
    return DecisionView(
        granted=decision.granted,
        limit_fen=decision.limit_fen,
        rate_ppm=decision.rate_ppm,
        codes=[code_of(reason) for reason in decision.reasons],
    )


async def account(
    at: At, who: Who, application: str, body: AccountWanted, response: Response
) -> StepView:
    """Have an account for the loan: the customer's own card, or a class II account."""
    app = await at.application(who, application)
    told = brought(body, "face", "card")
    if told.get("card") is not None:
        try:
            told["card"] = CardNumber(told["card"])
        except InputError as wrong:
            raise Problem("malformed", f"card: {wrong.problem}; {wrong.remedy}") from None
    turn = await at.take(app, Step.OPEN_ACCOUNT, open_account, told)
    return _view(Step.OPEN_ACCOUNT, app, turn, response)


async def read_contract(at: At, who: Who, application: str) -> ContractView | OfferView:
    """Tell what was signed; before that, what would be agreed today."""
    app = await at.application(who, application)
    platform = at.platform
    signed = await platform.store.get(Contract, app.contract) if app.contract else None
    if signed is not None:
        return contract_view(signed)
    line = await _line(at, app)
    bank, product = platform.bank(app.bank), platform.product(app.product)
    on = today(at)
    return offer_view(offer(bank, product, line.rating, on, TEXT_VERSION), on)


async def sign_contract(
    at: At, who: Who, application: str, body: Signing, response: Response
) -> StepView:
    """Sign the contract: the face first, then the text is shown, then it is signed."""
    app = await at.application(who, application)
    turn = await at.take(app, Step.SIGN, sign, brought(body, "face", "signature"))
    return _view(Step.SIGN, app, turn, response)


async def read_line(at: At, who: Who, application: str) -> LineView:
    """Tell how much may still be drawn."""
    return line_view(await _line(at, await at.application(who, application)))


async def draw_down(
    at: At, who: Who, application: str, body: DrawdownWanted, response: Response
) -> DrawStepView:
    """Draw: the amount is set aside, the face is asked for, and the money is paid out once."""
    app = await at.application(who, application)
    if not app.contract:
        raise Problem("not-now", "There is no contract yet.")
    wanted, amount_fen = body.request, body.amount_fen

    async def pay(platform: Platform, app: Application, phone: Phone) -> Application:
        await pay_out(platform, app, phone, wanted, amount_fen)
        return app

    told = {**brought(body, "face"), "use": body.use}
    turn = await at.take(app, Step.DRAW_DOWN, pay, told, wanted, str(amount_fen))
    if turn.ask is not None:
        response.status_code = 202
        return DrawStepView(asks=_ask(turn))
    response.status_code = 201
    return DrawStepView(drawdown=await _drawdown(at, app, wanted))


async def list_drawdowns(
    at: At, who: Who, application: str, limit: Limit = PAGE, cursor: Cursor = ""
) -> Page[DrawdownView]:
    """List the drawdowns of a line."""
    app = await at.application(who, application)
    found = []
    for draw_id in app.drawdowns:
        draw = await at.platform.store.get(Drawdown, draw_id)
        assert draw is not None
        found.append(await _shown(at, draw))
    part, behind = part_of(found, lambda each: each.id, limit, cursor)
    return Page(items=part, next=behind)


async def read_drawdown(at: At, who: Who, application: str, request_name: str) -> DrawdownView:
    """Tell where a drawdown stands, by the name of its request."""
    return await _drawdown(at, await at.application(who, application), request_name)


async def cancel(at: At, who: Who, application: str, request_name: str) -> DrawdownView:
    """Give back what was set aside, unless the core was told to pay by now."""
    app = await at.application(who, application)
    draw = await cancel_drawdown(at.platform, app, request_name)
    if draw is None:
        raise Problem("not-found", "Nothing was drawn under this request.")
    if draw.state not in (DrawState.CANCELLED, DrawState.EXPIRED):
        raise Problem("not-now", "The payout was ordered, or is over: it cannot be cancelled.")
    return await _shown(at, draw)


async def _line(at: Reception, app: Application) -> Line:
    line = await at.platform.store.get(Line, app.id)
    if line is None:
        raise Problem("not-found", "No line was granted yet.")
    return line


async def _drawdown(at: Reception, app: Application, request: str) -> DrawdownView:
    draw = await at.platform.store.get(Drawdown, drawdown_id(app.id, request))
    if draw is None:
        raise Problem("not-found", "Nothing was drawn under this request.")
    return await _shown(at, draw)


async def _shown(at: Reception, draw: Drawdown) -> DrawdownView:
    loan = await at.platform.store.get(Loan, draw.loan)
    return drawdown_view(draw, is_loan=loan is not None)


def _view(step: Step, app: Application, turn: Turn[Application], response: Response) -> StepView:
    """Return where a step stands; one that asks has moved nothing yet."""
    now = turn.result if turn.result is not None else app
    asks = _ask(turn) if turn.ask is not None else None
    response.status_code = 200 if asks is None else 202
    return StepView(step=step.value, asks=asks, application=application_view(now))


def _ask(turn: Turn[Any]) -> AskView:
    assert turn.ask is not None
    return AskView.model_validate({"kind": turn.ask.kind, **turn.ask.told})
