"""A customer's whole way, step by step, until they leave, are refused, or have their money.

The one place that catches a ``Refused``: it becomes the application's reason, and the customer
may mend what can be mended and try again. A step that was given up is resumed where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from core.application import ENDS, MOVES, Application, Kind, Reason, State, Step
from core.errors import GaveUp, Refused
from core.flow.apply_for_credit import apply_for_credit
from core.flow.authorise import authorise
from core.flow.draw_down import draw_down
from core.flow.enter import enter
from core.flow.open_account import open_account
from core.flow.platform import until_saved
from core.flow.register import Papers, application_id, register
from core.flow.sign import sign
from core.store.records import Line, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.flow.phone import Phone
    from core.flow.platform import Platform

    Act = Callable[[Platform, Application, Phone], Awaitable[Application]]

T = TypeVar("T")

TRIES_MAX = 8
CONSENT_GONE = (Reason.CONSENT_LAPSED, Reason.CONSENT_WITHDRAWN)


@dataclass(slots=True)
class Ending:
    """How a visit ended: ``done`` (money paid out), ``left``, ``refused`` or ``unfinished``.

    ``step`` is where; ``reason`` the bank's no, where it was one.
    """

    outcome: str
    step: Step
    application: str = ""
    reason: Reason | None = None


class _Stopped(Exception):
    """Carries an ending out of the steps."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


async def journey(platform: Platform, phone: Phone, product: str) -> Ending:
    """Take a customer as far as they go towards a loan of ``product``.

    A customer who came before goes on from where they stopped.
    """
    try:
        session = await _enter(platform, phone)
        app_id = application_id(session.bank, session.openid, product)
        app = await platform.store.get(Application, app_id)
        if app is None:
            app = await _register(platform, phone, session, product)
        return await _towards_money(platform, phone, app)
    except _Stopped as stop:
        return stop.ending


async def _enter(platform: Platform, phone: Phone) -> Session:
    async def once(tries: int) -> Session:
        return await enter(platform, phone.entrance(), await phone.login_code(), tries)

    return await _patiently(phone, Step.ENTER, once)


async def _register(
    platform: Platform, phone: Phone, session: Session, product: str
) -> Application:
    if not await phone.wants(Step.REGISTER):
        raise _Stopped(Ending("left", Step.REGISTER))

    async def once(tries: int) -> Application:
        papers = Papers(await phone.card_front(), await phone.card_back(), await phone.phone_code())
        return await register(platform, session, product, papers, tries)

    return await _patiently(phone, Step.REGISTER, once)


async def _towards_money(platform: Platform, phone: Phone, app: Application) -> Ending:
    if app.state is State.REGISTERED:
        app = await _take(platform, phone, app, Step.AUTHORISE, authorise)
    if app.state is State.AUTHORISED:
        app = await _take(platform, phone, app, Step.APPLY, apply_for_credit)
    if app.state is State.GRANTED:
        app = await _take(platform, phone, app, Step.OPEN_ACCOUNT, open_account)
    if app.state is State.ACCOUNT_READY:
        app = await _take(platform, phone, app, Step.SIGN, sign)
    if app.state in ENDS:
        return Ending("refused", app.history[-1][0], app.id, app.reason)
    return await draw(platform, phone, app)


async def draw(platform: Platform, phone: Phone, app: Application) -> Ending:
    """Have a signed customer draw, if they want to."""
    try:
        if not await phone.wants(Step.DRAW_DOWN):
            return Ending("left", Step.DRAW_DOWN, app.id)
        line = await platform.store.get(Line, app.id)
        assert line is not None
        request, amount_fen = await phone.amount_fen(line.free_fen)

        async def pay(platform: Platform, app: Application, phone: Phone) -> Application:
            await draw_down(platform, app, phone, request, amount_fen)
            return app

        await _repeat(platform, phone, app, Step.DRAW_DOWN, pay)
    except _Stopped as stop:
        return stop.ending
    return Ending("done", Step.DRAW_DOWN, app.id)


async def _patiently(phone: Phone, step: Step, once: Callable[[int], Awaitable[T]]) -> T:
    """Repeat a step that has no application yet, as long as the customer does."""
    tries = 0
    while True:
        try:
            return await once(tries)
        except Refused as no:
            tries += 1
            mendable = no.reason.kind is Kind.RETRY and tries < TRIES_MAX
            if not mendable or not await phone.tries_again(step, no.reason, tries):
                raise _Stopped(Ending("refused", step, "", no.reason)) from None
        except GaveUp:
            tries += 1
            if tries >= TRIES_MAX or not await phone.comes_back(step, tries):
                raise _Stopped(Ending("unfinished", step)) from None


async def _take(
    platform: Platform,
    phone: Phone,
    app: Application,
    step: Step,
    act: Act,
) -> Application:
    if not await phone.wants(step):
        raise _Stopped(Ending("left", step, app.id))
    return await _repeat(platform, phone, app, step, act)


async def _repeat(
    platform: Platform,
    phone: Phone,
    app: Application,
    step: Step,
    act: Act,
) -> Application:
    """Take a step of an application, again after each no that the customer mends."""
    while True:
        try:
            return await act(platform, app, phone)
        except Refused as no:
            tries = await refuse(platform, app, step, no.reason)
            mendable = no.reason.kind is Kind.RETRY and tries < TRIES_MAX
            if not mendable or not await phone.tries_again(step, no.reason, tries):
                raise _Stopped(Ending("refused", step, app.id, no.reason)) from None
            if no.reason in CONSENT_GONE:
                act = _with_new_consent(act)
        except GaveUp:
            tries = await begin_anew(platform, app, step)
            if tries >= TRIES_MAX or not await phone.comes_back(step, tries):
                raise _Stopped(Ending("unfinished", step, app.id)) from None
        app = await _again(platform, app.id)


def _with_new_consent(act: Act) -> Act:
    """Return the step with a consent asked for before it."""

    async def both(platform: Platform, app: Application, phone: Phone) -> Application:
        return await act(platform, await authorise(platform, app, phone), phone)

    return both


async def _again(platform: Platform, app_id: str) -> Application:
    app = await platform.store.get(Application, app_id)
    assert app is not None
    return app


async def refuse(platform: Platform, app: Application, step: Step, reason: Reason) -> int:
    """Write a no down: the application ends, is held, or waits to be mended; count the try.

    It is written into the application as it stands by now: another visit may have moved it.
    """

    async def write() -> int:
        now = await platform.store.get(Application, app.id) or app
        to = {Kind.FINAL: State.DECLINED, Kind.HELD: State.HELD}.get(reason.kind)
        if to is not None and now.state is not to and to in MOVES.get((now.state, step), ()):
            now.move(step, to)
        now.reason = reason
        now.history.append((step, reason.code))
        return await _count(platform, now, step)

    return await until_saved(write)


async def begin_anew(platform: Platform, app: Application, step: Step) -> int:
    """Count one more begin of a step, so that its next calls have names of their own."""

    async def write() -> int:
        return await _count(platform, await platform.store.get(Application, app.id) or app, step)

    return await until_saved(write)


async def _count(platform: Platform, app: Application, step: Step) -> int:
    app.tries[step] = app.tries.get(step, 0) + 1
    await platform.store.save(app)
    return app.tries[step]
