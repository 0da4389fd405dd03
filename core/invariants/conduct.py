"""What must hold of the bank's conduct: consent, checks, evidence and screening before money."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

from core.application import MOVES, Application, Kind, Reason, State, Step
from core.policies import PRUDENT, Check, checks_of
from core.ports.carrier import PhoneVerdict
from core.ports.idnet import IdVerdict
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
    Line,
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
# What a check may have been told when it passed. Everything else is a no, or no answer at all.
YES: dict[str, frozenset[str]] = {
    Check.CARRIER: frozenset({PhoneVerdict.SAME}),
    Check.CARRIER_OWNER: frozenset({PhoneVerdict.SAME}),
    Check.ID_NETWORK: frozenset({IdVerdict.MATCH, IdVerdict.MATCH_NO_PHOTO}),
}


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
    """A face check serves one step of one application, and every drawdown has one of its own."""
    used: dict[str, tuple[str, Step]] = {}
    for app in books.all(Application):
        for step, check, token in app.checks:
            if check == Check.FACE and used.setdefault(token, (app.id, step)) != (app.id, step):
                yield f"face check {token[:8]} served {app.id} and {used[token][0]}"
    for draw in books.all(Drawdown):
        owner = books.get(Application, draw.application)
        if not draw.instruction:
            continue  # only reserved: nothing was asked of the core
        if owner is None or Check.FACE not in _policy(books, owner, Step.DRAW_DOWN):
            continue
        if used.get(draw.face) != (draw.application, Step.DRAW_DOWN):
            yield f"{draw.id} was paid without a face check of its own step"


def face_once(books: Books) -> Iterator[str]:
    """No two drawdowns, however close, rest on one face check."""
    drawn: dict[str, str] = {}
    for draw in books.all(Drawdown):
        if draw.face and drawn.setdefault(draw.face, draw.id) != draw.id:
            yield f"{draw.id} used the face check of {drawn[draw.face]}"


def _policy(books: Books, app: Application, step: Step) -> frozenset[Check]:
    own = checks_of(books.products[app.product])[step]
    return own | PRUDENT[step] if books.strict else own


def evidence_before_money(books: Books) -> Iterator[str]:
    """No drawdown without a contract that is signed, deposited, unaltered, and of the same bank."""
    for draw in books.all(Drawdown):
        app = books.get(Application, draw.application)
        contract = books.get(Contract, app.contract) if app else None
        if not draw.instruction:
            continue
        if contract is None or not (contract.signature and contract.receipt):
            yield f"{draw.id} was asked of the core without deposited evidence"
            continue
        if contract.signed_on > draw.asked_on:
            yield f"{draw.id} is older than its contract"
        if contract.bank != draw.bank:
            yield f"{draw.id} of {draw.bank} rests on a contract of {contract.bank}"


def contract_hash(books: Books) -> Iterator[str]:
    """The contract is the one that was signed, and names the line and the account it pays."""
    for contract in books.all(Contract):
        if sha256(contract.text.encode()).hexdigest() != contract.digest:
            yield f"{contract.id}: the text is not the one that was signed"
        app = books.get(Application, contract.application)
        if app is None or app.contract != contract.id:
            yield f"{contract.id} belongs to no application"
        elif app.account not in contract.text:
            yield f"{contract.id} does not name the account that it is paid into"


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
    "INV-STATE-MOVES": moves_are_legal,
    "INV-OWNER": one_owner,
    "INV-CONSENT-BEFORE-QUERY": consent_before_query,
    "INV-KYC-RESULT-TABLE": result_table,
    "INV-AGE": of_age,
    "INV-KYC-BEFORE-CREDIT": checks_before_step,
    "INV-FACE-BINDING": face_binding,
    "INV-FACE-ONCE": face_once,
    "INV-SANCTION-BEFORE-MONEY": screened_before_money,
    "INV-NO-TIPPING-OFF": silent_about_lists,
    "INV-CONTRACT-HASH": contract_hash,
    "INV-EVIDENCE-BEFORE-MONEY": evidence_before_money,
}
