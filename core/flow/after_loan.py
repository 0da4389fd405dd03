"""After the loan (贷后): a change of the name lists sends every customer through it again.

A customer in arrears (core/flow/day_end.py) or on a list finds the line frozen, and nobody tells
them about the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.application import Application, State, Step
from core.errors import GaveUp
from core.flow import calls
from core.flow.errand import Errand
from core.flow.platform import until_saved
from core.ports.sanctions import Screened, ScreenQuery
from core.store.records import Customer, Line, Screening, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform

NAME_LIST = "name list"


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

    async def mark() -> None:
        now = await platform.store.get(Customer, customer.id)
        assert now is not None
        now.restricted = True
        await platform.store.save(now)

    await until_saved(mark)
    for app in await platform.store.all(Application, customer.bank):
        if app.customer == customer.id:
            await hold(platform, app.id)


async def hold(platform: Platform, app_id: str) -> None:
    """Freeze an application's line, and hold what is not ended."""

    async def write() -> None:
        app = await platform.store.get(Application, app_id)
        line = await platform.store.get(Line, app_id)
        assert app is not None
        if line is not None:
            line.frozen = NAME_LIST
        if app.may(Step.AFTER_LOAN):
            app.move(Step.AFTER_LOAN, State.HELD)
        await platform.store.save(*([app] if line is None else [app, line]))

    await until_saved(write)
