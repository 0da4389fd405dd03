"""Apply for credit (授信): the face, then the facts, then a decision nobody touches.

The order is the customer's purse and patience: what the bank already may know comes first, what
costs a fee last, and nothing is asked of bureau or government without a live consent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import Application, Reason, State, Step
from core.calendar import add_months
from core.errors import Refused
from core.flow import calls
from core.flow.authorise import live_consent
from core.flow.checks import Case, carrier_name, carrier_owner, face, id_network, name_list
from core.flow.require import require
from core.lending.decision import Features, decide, lives_in
from core.money import lpr_ppm
from core.policies import Check
from core.ports.bureau import DataQuery as Ask
from core.ports.bureau import Found
from core.ports.corebank import CustomerQuery
from core.store.records import ConsentKind, Customer, DataQuery, Line, mint

if TYPE_CHECKING:
    from core.flow.phone import Phone
    from core.flow.platform import Platform

SOURCES = ("credit_report", "government", "internet")
KINDS = frozenset(
    {ConsentKind.CREDIT_REPORT, ConsentKind.GOVERNMENT_DATA, ConsentKind.PLATFORM_DATA}
)
FACE = frozenset({ConsentKind.FACE})


async def apply_for_credit(platform: Platform, app: Application, phone: Phone) -> Application:
    """Decide on a line for the application.

    Raises:
        Refused: a check did not pass, the consent has ended, or the decision is no; then the
            application is declined with every reason of the decision.
        GaveUp: a provider does not answer; the application stays as it was.
    """
    if not app.may(Step.APPLY):
        return app  # taken on another visit
    began = app.state
    errand = platform.errand(app, Step.APPLY)
    customer = await platform.store.get(Customer, app.customer)
    assert customer is not None
    require(not customer.restricted, Reason.NAME_LIST_REVIEW)  # found on a list since: silence
    checks = platform.checks(app, Step.APPLY)
    case = Case(platform, errand, app, customer)
    await live_consent(platform, customer, FACE, errand.date)
    if Check.CARRIER in checks:
        await carrier_name(case, calls.APPLY_CARRIER)
    if Check.CARRIER_OWNER in checks:
        await carrier_owner(case, calls.APPLY_OWNER)
    photo = None
    if Check.ID_NETWORK in checks:
        photo = await id_network(case, calls.APPLY_ID)
    if Check.NAME_LIST in checks:
        await name_list(case, calls.APPLY_SCREEN)
    if Check.FACE in checks:
        photo = photo if Check.FACE_PHOTO in checks else None
        await face(case, Step.APPLY, phone, photo)

    features = await gather(case)
    product = platform.product(app.product)
    await platform.unmoved(app, began, Step.APPLY)
    app.decision = decide(product, features, errand.date, lpr_ppm(errand.date))
    if not app.decision.granted:
        app.reason = app.decision.reasons[0]
        app.move(Step.APPLY, State.DECLINED)
        await platform.store.save(app)
        raise Refused(app.reason, ", ".join(reason.name for reason in app.decision.reasons))
    line = Line(
        app.id,
        app.bank,
        app.decision.limit_fen,
        app.decision.rating,
        errand.date,
        add_months(errand.date, product.line_valid_months, errand.date.day),
    )
    app.move(Step.APPLY, State.GRANTED)
    await platform.store.save(app, line)
    return app


async def gather(case: Case) -> Features:
    """Ask bureau, government, internet and the bank itself; return what the decision rests on."""
    platform, errand, app, customer = case.platform, case.errand, case.app, case.customer
    consent = (await live_consent(platform, customer, KINDS, errand.date)).id
    await platform.store.save(
        DataQuery(
            mint("Q", app.id, str(errand.date), consent),
            app.bank,
            customer.id,
            SOURCES,
            consent,
            errand.date,
            platform.clock.now_s,
        )
    )
    name, number, bureau = customer.name, customer.number, platform.ports.bureau
    ask = Ask(name, number, consent)
    report = await errand.ask(calls.REPORT, bureau.credit_report, ask)
    government = await errand.ask(calls.GOVERNMENT, bureau.government, ask)
    internet = await errand.ask(calls.INTERNET, bureau.internet, ask)
    for answer in (report, government, internet):
        # A file in another name is no file of this customer's; asked without right is our bug.
        assert answer.found is not Found.NO_CONSENT, f"{app.id} asked without a consent"
        require(answer.found is not Found.NAME_DIFFERS, Reason.DATA_MISMATCH)
    bank = await errand.ask(
        calls.BANK_DATA, platform.ports.corebank.customer, CustomerQuery(name, number)
    )
    valid_to = customer.valid_to
    area = platform.product(app.product).area
    return Features(
        age=number.age_on(errand.date),
        id_valid_days=None if valid_to is None else (valid_to - errand.date).days,
        area_ok=lives_in(area, platform.bank(app.bank), number.region),
        report=report,
        government=government,
        internet=internet,
        tenure_months=bank.tenure_months,
        average_deposit_fen=bank.average_deposit_fen,
        monthly_wage_fen=bank.monthly_wage_fen,
        exposure_fen=await platform.store.exposure_fen(number),
    )
