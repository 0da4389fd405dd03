"""What must hold of the bank's conduct: moves, owners, consent, and checks before each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.application import MOVES, Application, Kind, Reason, State, Step
from core.policies import PRUDENT, Check, checks_of
from core.ports.carrier import PhoneVerdict
from core.ports.idnet import IdVerdict
from core.store.records import (
    Account,
    Consent,
    ConsentKind,
    Customer,
    DataQuery,
    Drawdown,
    Grant,
    Line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.invariants.books import Books

KIND_OF = {
    "credit_report": ConsentKind.CREDIT_REPORT,
    "government": ConsentKind.GOVERNMENT_DATA,
    "internet": ConsentKind.PLATFORM_DATA,
}
CODES = {reason.code: reason for reason in Reason}
STOPS = frozenset({State.DECLINED, State.HELD, State.CLOSED})
# What a check may have been told when it passed. Everything else is a no, or no answer at all.
YES: dict[str, frozenset[str]] = {
    Check.CARRIER: frozenset({PhoneVerdict.SAME}),
    Check.CARRIER_OWNER: frozenset({PhoneVerdict.SAME}),
    Check.ID_NETWORK: frozenset({IdVerdict.MATCH, IdVerdict.MATCH_NO_PHOTO}),
}


def moves_are_legal(books: Books) -> Iterator[str]:
    """An application's history is a walk through the table of moves, to where it stands."""
    for app in books.all(Application):
        state = State.ENTERED
        for step, to in app.history:
            if to in CODES:
                continue
            if State(to) not in MOVES.get((state, step), ()):
                yield f"{app.id}: {step} led from {state} to {to}"
            state = State(to)
        if state is not app.state:
            yield f"{app.id} stands at {app.state}, its history ends at {state}"


def one_owner(books: Books) -> Iterator[str]:
    """An application, its customer, its account, its line and drawdowns belong together."""
    for app in books.all(Application):
        customer = books.get(Customer, app.customer)
        if customer is None or customer.bank != app.bank:
            yield f"{app.id} of {app.bank} has no customer there"
        account = books.get(Account, app.account) if app.account else None
        if app.account and account is None:
            yield f"{app.id} is paid into an account nobody opened"
        if account is not None and (account.bank, account.customer) != (app.bank, app.customer):
            yield f"{app.id}: its account is another customer's"
        line = books.get(Line, app.id)
        if line is not None and line.bank != app.bank:
            yield f"{app.id} of {app.bank} has a line at {line.bank}"
    for draw in books.all(Drawdown):
        owner = books.get(Application, draw.application)
        if owner is None or owner.bank != draw.bank or draw.id not in owner.drawdowns:
            yield f"{draw.id} of {draw.bank} belongs to no application there"


def consent_before_query(books: Books) -> Iterator[str]:
    """Every question to bureau, government and platform data names a consent alive by then."""
    asked = set()
    for query in books.all(DataQuery):
        asked.add(query.customer)
        consent = books.get(Consent, query.consent)
        if consent is not None and consent.customer != query.customer:
            yield f"{query.id}: data was asked under another customer's consent"
        if consent is not None and consent.given_at_s > query.at_s:
            yield f"{query.id}: data was asked before its consent was given"
        for source in query.sources:
            if consent is None or not consent.stood(KIND_OF[source], query.on, query.at_s):
                yield f"{query.id}: {source} was asked on {query.on} without a live consent"
    for app in books.all(Application):
        if app.decision is not None and app.customer not in asked:
            yield f"{app.id} was decided on data that nobody wrote down to have asked for"


def result_table(books: Books) -> Iterator[str]:
    """A check passes on the answers that mean yes, and on no other."""
    for app in books.all(Application):
        for step, check, note in app.checks:
            if check in YES and note not in YES[check]:
                yield f"{app.id}: {check} passed at {step} on {note!r}"


def of_age(books: Books) -> Iterator[str]:
    """Whoever was granted a line was of the product's age on that day, by the calendar."""
    for line in books.all(Line):
        app = books.get(Application, line.id)
        customer = books.get(Customer, app.customer) if app else None
        if app is None or customer is None:
            continue  # another invariant says so
        born, on, product = customer.number.birth, line.granted_on, books.products[app.product]
        had_birthday = (on.month, on.day) >= (born.month, born.day)
        age = on.year - born.year - (not had_birthday)
        if not product.age_min <= age <= product.age_max:
            yield f"{app.id} was granted a line at the age of {age}"


def checks_before_step(books: Books) -> Iterator[str]:
    """A step that was passed has passed every check that its product's policy asks there."""
    for app in books.all(Application):
        passed = {(step, check) for step, check, _ in app.checks}
        for step in steps_passed(app):
            for check in sorted(asked_at(books, app, step)):
                if (step, check) not in passed:
                    yield f"{app.id}: {step} was passed without {check}"


def steps_passed(app: Application) -> list[Step]:
    """Return the steps that brought an application onward, each once."""
    onward = [step for step, to in app.history if to not in CODES and State(to) not in STOPS]
    return list(dict.fromkeys(onward))


def policy_at(books: Books, app: Application, step: Step) -> frozenset[Check]:
    """Return the checks that an application's product asks for at a step, whoever it meets."""
    own = checks_of(books.products[app.product])[step]
    return own | PRUDENT[step] if books.strict else own


def asked_at(books: Books, app: Application, step: Step) -> set[Check]:
    """Return the checks that this very application had to pass at a step."""
    if step == Step.AFTER_LOAN:
        return set()
    asked = set(policy_at(books, app, step))
    if step == Step.DRAW_DOWN:
        asked.discard(Check.FACE)  # told drawdown by drawdown: INV-FACE-BINDING
    if step != Step.OPEN_ACCOUNT:
        return asked
    account = books.get(Account, app.account)
    if account is not None and not account.opened:
        return set()  # a card of the bank's own: nothing is opened, nothing is checked
    if (step, Check.ID_NETWORK, IdVerdict.MATCH_NO_PHOTO) in app.checks:
        asked.discard(Check.FACE_PHOTO)  # the ID network had no photo to compare with
    return asked


def pictures_granted(books: Books) -> Iterator[str]:
    """Every picture that a customer was registered by is referred to through a grant of theirs.

    Without it staff is not shown the picture, and nobody knows at an erasure whose it is.
    """
    granted = {(grant.customer, grant.object) for grant in books.all(Grant)}
    for customer in books.all(Customer):
        for key in customer.pictures:
            if (customer.id, key) not in granted:
                yield f"{customer.id} rests on {key.partition('/')[0]} without a grant"


def silent_about_lists(books: Books) -> Iterator[str]:
    """A name-list hit and a review read the same to the customer (no tipping off)."""
    del books
    texts = {reason.text for reason in Reason if reason.kind is Kind.HELD}
    if len(texts) != 1:
        yield f"there are {len(texts)} texts for a held application"


CONDUCT: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-STATE-MOVES": moves_are_legal,
    "INV-OWNER": one_owner,
    "INV-CONSENT-BEFORE-QUERY": consent_before_query,
    "INV-KYC-RESULT-TABLE": result_table,
    "INV-AGE": of_age,
    "INV-KYC-BEFORE-CREDIT": checks_before_step,
    "INV-PICTURES-GRANTED": pictures_granted,
    "INV-NO-TIPPING-OFF": silent_about_lists,
}
