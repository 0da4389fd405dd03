"""Authorise: the customer's consent, as it was given: text version, time, scope, end.

Every question to the credit bureau, to government and to platform data names a consent that is
alive on its day. A consent ends by its date or by the customer's word.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.errors import Refused
from core.flow.require import require
from core.store.records import Consent, ConsentKind, Customer, mint

if TYPE_CHECKING:
    from datetime import date

    from core.flow.phone import Phone
    from core.flow.platform import Platform

TEXT_VERSION = "consent-2020-07"
CONSENT_DAYS = 365
NEEDED = frozenset(ConsentKind)


async def authorise(platform: Platform, app: Application, phone: Phone) -> Application:
    """Ask for the consents the loan needs; a live one is not asked for again.

    Raises:
        Refused: CONSENT_REFUSED.
    """
    if not app.may(Step.AUTHORISE):
        return app  # taken on another visit
    began = app.state
    errand = platform.errand(app, Step.AUTHORISE)
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    old = await platform.store.get(Consent, customer.consent)
    if old is not None and old.covers(NEEDED, errand.date):
        consent = old
    else:
        given = await phone.consents(NEEDED, TEXT_VERSION)
        if not given >= NEEDED:
            raise Refused(Reason.CONSENT_REFUSED, ", ".join(sorted(NEEDED - given)))
        consent = Consent(
            mint("K", customer.id, TEXT_VERSION, str(errand.date), customer.consent),
            app.bank,
            customer.id,
            given,
            TEXT_VERSION,
            errand.date,
            platform.clock.now_s,
            errand.date + timedelta(days=CONSENT_DAYS),
        )
    await platform.unmoved(app, began, Step.AUTHORISE)
    customer.consent = consent.id
    app.move(Step.AUTHORISE, State.AUTHORISED)
    await platform.store.save(consent, customer, app)
    return app


async def withdraw(platform: Platform, customer: Customer, on: date) -> None:
    """End the customer's consent on a day: nothing is asked under it from then on."""
    consent = await platform.store.get(Consent, customer.consent)
    if consent is not None and consent.withdrawn_on is None:
        consent.withdrawn_on = on
        consent.withdrawn_at_s = platform.clock.now_s
        await platform.store.save(consent)


async def live_consent(
    platform: Platform, customer: Customer, kinds: frozenset[ConsentKind], on: date
) -> Consent:
    """Return the consent that covers all of ``kinds`` on a day.

    Raises:
        Refused: CONSENT_WITHDRAWN or CONSENT_LAPSED.
    """
    consent = await platform.store.get(Consent, customer.consent)
    require(consent is not None, Reason.CONSENT_LAPSED)
    assert consent is not None
    withdrawn = consent.withdrawn_on is not None and consent.withdrawn_on <= on
    require(not withdrawn, Reason.CONSENT_WITHDRAWN)
    require(consent.covers(kinds, on), Reason.CONSENT_LAPSED)
    return consent
