"""What must hold of the bank's conduct: consent, checks, evidence and screening before money."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

from core.application import MOVES, Application, Kind, Reason, State, Step
from core.policies import PRUDENT, Check, checks_of
from core.ports.sanctions import Screened
from core.store.records import (
    Account,
    Consent,
    ConsentKind,
    Contract,
    Customer,
    DataQuery,
    Drawdown,
    DrawState,
    Screening,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from core.invariants.books import Books

KIND_OF = {
    "credit_report": ConsentKind.CREDIT_REPORT,
    "government": ConsentKind.GOVERNMENT_DATA,
    "internet": ConsentKind.PLATFORM_DATA,
}
CODES = {reason.code: reason for reason in Reason}


def consent_before_query(books: Books) -> Iterator[str]:
    """Every question to bureau, government and platform data names a consent alive on its day."""
    for query in books.all(DataQuery):
        consent = books.get(Consent, query.consent)
        if consent is not None and consent.customer != query.customer:
            yield f"{query.id}: data was asked under another customer's consent"
        for source in query.sources:
            if consent is None or not consent.stood(KIND_OF[source], query.on, query.at_s):
                yield f"{query.id}: {source} was asked on {query.on} without a live consent"


def checks_before_step(books: Books) -> Iterator[str]:
    """A step that was passed has passed every check that its product's policy asks there."""
    for app in books.all(Application):
        passed = {(step, check) for step, check, _ in app.checks}
        for step in steps_passed(app):
            for check in sorted(_asked(books, app, step)):
                if (step, check) not in passed:
                    yield f"{app.id}: {step} was passed without {check}"


def steps_passed(app: Application) -> list[Step]:
    """Return the steps that brought an application onward."""
    return [step for step, to in app.history if to not in CODES and State(to) not in STOPS]


STOPS = frozenset({State.DECLINED, State.HELD, State.CLOSED})


def _asked(books: Books, app: Application, step: Step) -> set[str]:
    policy: Mapping[Step, frozenset[Check]] = checks_of(books.products[app.product])
    if books.strict:
        policy = {one: policy[one] | PRUDENT[one] for one in policy}
    asked: set[str] = set(policy[step])
    if step is Step.AFTER_LOAN:
        return set()
    if step is Step.OPEN_ACCOUNT:
        account = books.get(Account, app.account)
        if account is not None and not account.opened:
            return set()  # a card of the bank's own: nothing is opened, nothing is checked
        if not any(check == Check.FACE_PHOTO for at, check, _ in app.checks if at is step):
            verdicts = {note for at, check, note in app.checks if check == Check.ID_NETWORK}
            if "match_no_photo" in verdicts:
                asked.discard(Check.FACE_PHOTO)  # the ID network had no photo to compare with
    if step is Step.DRAW_DOWN:
        asked.discard(Check.FACE)  # told drawdown by drawdown: INV-FACE-BINDING
    return asked


def face_binding(books: Books) -> Iterator[str]:
    """A face check serves one step of one application, and every drawdown has its own."""
    used: dict[str, tuple[str, Step]] = {}
    for app in books.all(Application):
        for step, check, token in app.checks:
            if check == Check.FACE and used.setdefault(token, (app.id, step)) != (app.id, step):
                yield f"face check {token[:8]} served {app.id} and {used[token][0]}"
    drawn: set[str] = set()
    for draw in books.all(Drawdown):
        owner = books.get(Application, draw.application)
        if owner is None or Check.FACE not in _policy(books, owner, Step.DRAW_DOWN):
            continue
        if used.get(draw.face) != (draw.application, Step.DRAW_DOWN):
            yield f"{draw.id} was paid without a face check of its own step"
        if draw.face in drawn:
            yield f"{draw.id} used another drawdown's face check"
        drawn.add(draw.face)


def _policy(books: Books, app: Application, step: Step) -> frozenset[Check]:
    own = checks_of(books.products[app.product])[step]
    return own | PRUDENT[step] if books.strict else own


def evidence_before_money(books: Books) -> Iterator[str]:
    """No drawdown without a contract that is signed, deposited, unaltered, and of the same bank."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        contract = books.get(Contract, app.contract) if app else None
        if contract is None or not (contract.signature and contract.receipt):
            yield f"{draw.id} was asked of the core without deposited evidence"
            continue
        if contract.signed_on > draw.asked_on:
            yield f"{draw.id} is older than its contract"
        if contract.bank != draw.bank:
            yield f"{draw.id} of {draw.bank} rests on a contract of {contract.bank}"
    for contract in books.all(Contract):
        if sha256(contract.text.encode()).hexdigest() != contract.digest:
            yield f"{contract.id}: the text is not the one that was signed"


def screened_before_money(books: Books) -> Iterator[str]:
    """Whoever is paid was screened and clear, wherever the product's policy screens."""
    clear: defaultdict[str, set[str]] = defaultdict(set)
    for screening in books.all(Screening):
        if screening.decision == Screened.CLEAR:
            clear[screening.customer].add(screening.point)
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        if app is None or draw.state is not DrawState.DONE:
            continue
        points = {
            step.value for step in steps_passed(app) if Check.NAME_LIST in _asked(books, app, step)
        }
        if not points <= clear[app.customer]:
            missing = ", ".join(sorted(points - clear[app.customer]))
            yield f"{draw.id} was paid to a customer never screened at {missing}"


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


def silent_about_lists(books: Books) -> Iterator[str]:
    """A name-list hit and a review read the same to the customer (no tipping off)."""
    del books
    texts = {reason.text for reason in Reason if reason.kind is Kind.HELD}
    if len(texts) != 1:
        yield f"there are {len(texts)} texts for a held application"


def one_owner(books: Books) -> Iterator[str]:
    """An application, its customer, its account and its bank belong together."""
    for app in books.all(Application):
        customer = books.get(Customer, app.customer)
        if customer is None or customer.bank != app.bank:
            yield f"{app.id} of {app.bank} has no customer there"
        account = books.get(Account, app.account) if app.account else None
        if app.account and account is None:
            yield f"{app.id} is paid into an account nobody opened"
        if account is not None and (account.bank, account.customer) != (app.bank, app.customer):
            yield f"{app.id}: its account is another customer's"


CONDUCT: dict[str, Callable[[Books], Iterator[str]]] = {
    "INV-CONSENT-BEFORE-QUERY": consent_before_query,
    "INV-KYC-BEFORE-STEP": checks_before_step,
    "INV-FACE-BINDING": face_binding,
    "INV-EVIDENCE-BEFORE-MONEY": evidence_before_money,
    "INV-SANCTION-BEFORE-MONEY": screened_before_money,
    "INV-STATE-MOVES": moves_are_legal,
    "INV-NO-TIPPING-OFF": silent_about_lists,
    "INV-OWNER": one_owner,
}
