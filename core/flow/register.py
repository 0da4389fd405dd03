"""Register: read the ID card, check the phone, keep the pictures.

The bank's first look at a person. Nothing ties the card to the one who holds it yet: the source
system checks the face only when credit is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.errors import InputError, Refused
from core.flow import calls
from core.flow.checks import Case, carrier_name, carrier_owner, grant_of, id_network, name_list
from core.flow.errand import Errand
from core.flow.require import require
from core.identity import IdNumber
from core.policies import Check, checks_of
from core.ports.objects import PutQuery
from core.ports.ocr import CardQuery, Reading, Warn
from core.ports.wechat import CodeVerdict, PhoneQuery
from core.store.records import Customer, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform
    from core.identity import PhoneNumber
    from core.picture import Picture
    from core.ports.ocr import CardBack, CardFront
    from core.store.records import Grant, Session

# Warnings that say the picture is not of an original card in the customer's hand.
SUSPECT = frozenset({Warn.COPY, Warn.RESHOT, Warn.EDITED, Warn.TEMPORARY, Warn.ELECTRONIC})
LONG_TERM = "长期"


def customer_id(bank: str, openid: str) -> str:
    """Return the id of the customer behind ``openid`` at ``bank``."""
    return mint("C", bank, openid)


def application_id(bank: str, openid: str, product: str, nth: int = 1) -> str:
    """Return the id of a customer's ``nth`` application for a product."""
    return mint("A", bank, openid, product, str(nth))


@dataclass(slots=True)
class Papers:
    """What a customer shows to be registered: both sides of the card, and a phone code.

    ``phone`` is the number by which another front end than the mini-program knows them, where they
    come through one; WeChat is not asked then.
    """

    front: Picture
    back: Picture
    phone_code: str
    phone: PhoneNumber | None = None


async def register(
    platform: Platform, session: Session, product: str, papers: Papers, tries: int = 0
) -> Application:
    """Register the customer of ``session`` and begin an application for ``product``.

    Registering again returns the application as it stands.

    Raises:
        Refused: the card, the phone or (by policy) the person did not pass.
        GaveUp: a provider does not answer.
    """
    app_id = application_id(session.bank, session.openid, product)
    known = await platform.store.get(Application, app_id)
    if known is not None:
        return known
    checks = checks_of(platform.product(product))[Step.REGISTER]
    # Until there is an application its calls serve the visit, so that the next visit has its own.
    errand = Errand(platform.clock, session.bank, session.id, Step.REGISTER, tries)
    ports = platform.ports

    read_front = await errand.ask(calls.CARD_FRONT, ports.ocr.card_front, CardQuery(papers.front))
    number = believe_front(read_front)
    read_back = await errand.ask(calls.CARD_BACK, ports.ocr.card_back, CardQuery(papers.back))
    valid_to = believe_back(read_back, errand.date)

    phone = papers.phone
    if phone is None:
        bound = await errand.ask(calls.PHONE, ports.wechat.phone, PhoneQuery(papers.phone_code))
        require(bound.verdict is CodeVerdict.OK, Reason.LOGIN_FAILED, bound.verdict)
        phone = bound.phone
        assert phone is not None
    app = Application(app_id, session.bank, product, customer_id(session.bank, session.openid))
    before = await platform.store.get(Customer, app.customer)
    # Whoever is restricted at this bank is not told why, and gets no other product of it either.
    require(before is None or not before.restricted, Reason.NAME_LIST_REVIEW)
    app.checks.append((Step.REGISTER, Check.OCR, f"quality {read_front.quality}"))
    customer = Customer(
        app.customer,
        app.bank,
        session.openid,
        session.entry,
        session.referrer,
        read_front.name,
        number,
        phone,
        read_front.address,
        valid_to,
        (),
    )
    case = Case(platform, errand, app, customer)
    if Check.CARRIER in checks:
        await carrier_name(case, calls.PHONE_NAME)
    if Check.CARRIER_OWNER in checks:
        await carrier_owner(case, calls.PHONE_OWNER)
    if Check.ID_NETWORK in checks:
        await id_network(case, calls.REGISTER_ID)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.REGISTER_SCREEN)

    grants = await _keep(case, papers)
    if before is not None:
        customer.consent, customer.version = before.consent, before.version
    known = await platform.store.get(Application, app_id)
    if known is not None:
        return known  # another visit of the same customer was faster
    app.move(Step.REGISTER, State.REGISTERED)
    await platform.store.save(customer, app, *grants)
    return app


async def _keep(case: Case, papers: Papers) -> tuple[Grant, Grant]:
    """Keep both sides of the card, and name them on the customer; return their grants."""
    put, ask = case.platform.ports.objects.put, case.errand.ask
    front = await ask(calls.KEEP_FRONT, put, PutQuery("id_card_front", papers.front))
    back = await ask(calls.KEEP_BACK, put, PutQuery("id_card_back", papers.back))
    holder = case.customer.id
    case.customer.pictures = (front.key, back.key)
    return (
        grant_of(case, holder, front.key, "id_card_front"),
        grant_of(case, holder, back.key, "id_card_back"),
    )


def believe_front(read: CardFront) -> IdNumber:
    """Return the ID number of a card that reads well and holds together.

    Raises:
        Refused: PICTURE_NOT_READ, PICTURE_SUSPECT, ID_NUMBER_INVALID or ID_SIDES_DIFFER.
    """
    readable(read)
    try:
        number = IdNumber(read.number)
    except InputError as error:
        raise Refused(Reason.ID_NUMBER_INVALID, str(error)) from error
    born = number.birth
    printed = f"{born.year}/{born.month}/{born.day}"
    require(read.birth == printed and read.sex == number.sex, Reason.ID_SIDES_DIFFER)
    return number


def readable(read: CardFront | CardBack) -> None:
    """Require a side that could be read, of an original card in the customer's hand."""
    require(read.reading is Reading.READ, Reason.PICTURE_NOT_READ, read.reading)
    if read.warnings and not SUSPECT.isdisjoint(read.warnings):
        raise Refused(Reason.PICTURE_SUSPECT, str(read.warnings))


def believe_back(read: CardBack, on: date) -> date | None:
    """Return the day the card's validity ends, None for long-term.

    Raises:
        Refused: PICTURE_NOT_READ, PICTURE_SUSPECT or ID_EXPIRED.
    """
    readable(read)
    end = read.valid.partition("-")[2]
    if end == LONG_TERM:
        return None
    try:
        valid_to = date.fromisoformat(end.replace(".", "-"))
    except ValueError as error:
        raise Refused(Reason.PICTURE_NOT_READ, f"validity {read.valid!r}") from error
    require(valid_to >= on, Reason.ID_EXPIRED)
    return valid_to
