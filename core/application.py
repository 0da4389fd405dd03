"""An application's states, the moves between them, and every reason for a no.

Both are tables: the flow can make no move that is not in ``MOVES``, and the documents print them.
An illegal move is our own bug (an assertion) and leaves the application as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple


class Step(StrEnum):
    """The steps of the loan, in the order a customer takes them."""

    ENTER = "enter"
    REGISTER = "register"
    AUTHORISE = "authorise"
    APPLY = "apply"
    OPEN_ACCOUNT = "open_account"
    SIGN = "sign"
    DRAW_DOWN = "draw_down"
    REPAY = "repay"
    AFTER_LOAN = "after_loan"


class State(StrEnum):
    """Where an application stands. DECLINED, HELD and CLOSED are ends."""

    ENTERED = "entered"
    REGISTERED = "registered"
    AUTHORISED = "authorised"
    GRANTED = "granted"
    ACCOUNT_READY = "account_ready"
    SIGNED = "signed"
    ACTIVE = "active"
    DECLINED = "declined"
    HELD = "held"
    CLOSED = "closed"


MOVES: dict[tuple[State, Step], tuple[State, ...]] = {
    (State.ENTERED, Step.REGISTER): (State.REGISTERED,),
    (State.REGISTERED, Step.AUTHORISE): (State.AUTHORISED,),
    (State.AUTHORISED, Step.AUTHORISE): (State.AUTHORISED,),  # a consent that lapsed is renewed
    (State.AUTHORISED, Step.APPLY): (State.GRANTED, State.DECLINED, State.HELD),
    (State.GRANTED, Step.OPEN_ACCOUNT): (State.ACCOUNT_READY, State.DECLINED, State.HELD),
    (State.ACCOUNT_READY, Step.SIGN): (State.SIGNED, State.DECLINED, State.HELD),
    (State.SIGNED, Step.DRAW_DOWN): (State.ACTIVE, State.HELD),
    (State.ACTIVE, Step.DRAW_DOWN): (State.ACTIVE, State.HELD),
    (State.ACTIVE, Step.REPAY): (State.ACTIVE,),
    (State.SIGNED, Step.AFTER_LOAN): (State.CLOSED, State.HELD),
    (State.ACTIVE, Step.AFTER_LOAN): (State.ACTIVE, State.CLOSED, State.HELD),
}

ENDS = frozenset({State.DECLINED, State.HELD, State.CLOSED})


class Kind(StrEnum):
    """What a no means for the customer: try again, not with us, or silence."""

    RETRY = "retry"  # may be mended and tried again
    FINAL = "final"  # the application is declined
    HELD = "held"  # the application is held and nobody is told why


class _Said(NamedTuple):
    code: str
    kind: Kind
    text: str


NEUTRAL = "We cannot go on with this online. Please visit a branch with your ID card."


class Reason(Enum):
    """Every no of the bank: its code, what it means, and what the customer reads."""

    LOGIN_FAILED = _Said("R101", Kind.RETRY, "Please open the mini-program again.")
    PICTURE_NOT_READ = _Said("R102", Kind.RETRY, "We could not read your ID card. Take it again.")
    PICTURE_SUSPECT = _Said("R103", Kind.RETRY, "Please photograph the original ID card.")
    ID_NUMBER_INVALID = _Said("R104", Kind.RETRY, "The ID number does not read right. Try again.")
    ID_SIDES_DIFFER = _Said("R105", Kind.RETRY, "The printed birth date and the number differ.")
    ID_EXPIRED = _Said("R106", Kind.FINAL, "Your ID card has expired. Please renew it first.")
    PHONE_NOT_OWNED = _Said("R107", Kind.RETRY, "This phone number is not in your name.")
    PHONE_NO_RECORD = _Said("R108", Kind.RETRY, "The carrier has no record of this number yet.")
    PHONE_UNSUPPORTED = _Said("R109", Kind.RETRY, "Please use a number of one of the carriers.")

    CONSENT_REFUSED = _Said("R201", Kind.RETRY, "Without your consent we cannot go on.")
    CONSENT_LAPSED = _Said("R202", Kind.RETRY, "Your consent has ended. Please give it again.")
    CONSENT_WITHDRAWN = _Said("R203", Kind.RETRY, "You withdrew your consent. Please renew it.")

    FACE_NOT_SHOWN = _Said("R301", Kind.RETRY, "The face check was not finished.")
    FACE_NOT_LIVE = _Said("R302", Kind.RETRY, "Please show your own face, in good light.")
    FACE_NOT_MATCHED = _Said("R303", Kind.RETRY, "Your face could not be matched.")
    FACE_NO_REFERENCE = _Said("R304", Kind.FINAL, "No photo to compare. Please visit a branch.")
    FACE_TOO_OFTEN = _Said("R305", Kind.RETRY, "Too many face checks today. Try tomorrow.")
    FACE_FOREIGN = _Said("R306", Kind.RETRY, "This face check belongs to something else.")

    AGE_OUT_OF_RANGE = _Said("R401", Kind.FINAL, "Your age is outside this product's range.")
    ID_EXPIRES_SOON = _Said("R402", Kind.FINAL, "Your ID card expires soon. Please renew it.")
    OUTSIDE_AREA = _Said("R403", Kind.FINAL, "This product is for residents of our area.")
    NO_CREDIT_FILE = _Said("R404", Kind.FINAL, "We could not find enough about your credit.")
    OVERDUE_NOW = _Said("R405", Kind.FINAL, "You have an overdue debt elsewhere.")
    OVERDUE_BEFORE = _Said("R406", Kind.FINAL, "Your repayment history does not fit.")
    TOO_MANY_INQUIRIES = _Said("R407", Kind.FINAL, "You asked many lenders lately.")
    COURT_ENFORCED = _Said("R408", Kind.FINAL, "A court enforcement is open.")
    SCORE_TOO_LOW = _Said("R409", Kind.FINAL, "Our assessment did not reach the needed score.")
    EXPOSURE_FULL = _Said("R410", Kind.FINAL, "Your lines in the union are used up.")
    LINE_TOO_SMALL = _Said("R411", Kind.FINAL, "Your income does not carry a line.")
    DEVICE_SHARED = _Said("R412", Kind.FINAL, "This device is used by too many people.")
    INSURANCE_TOO_SHORT = _Said("R413", Kind.FINAL, "Your social insurance is too short.")
    VILLAGE_GRADE_LOW = _Said("R414", Kind.FINAL, "Your household's credit grade does not fit.")
    NO_RELATIONSHIP = _Said("R415", Kind.FINAL, "This product is for customers of our bank.")
    MULTI_LENDER = _Said("R416", Kind.FINAL, "You asked many online lenders lately.")
    DATA_MISMATCH = _Said("R417", Kind.FINAL, "Your data could not be confirmed.")

    ID_NAME_DIFFERS = _Said("R501", Kind.FINAL, "Name and ID number do not agree.")
    ID_NOT_FOUND = _Said("R502", Kind.FINAL, "The ID number could not be confirmed.")
    NAME_LIST_HIT = _Said("R503", Kind.HELD, NEUTRAL)
    NAME_LIST_REVIEW = _Said("R504", Kind.HELD, NEUTRAL)
    NO_BOUND_CARD = _Said("R505", Kind.RETRY, "Please name a card of yours to bind.")
    BOUND_CARD_DIFFERS = _Said("R506", Kind.RETRY, "The card is not in your name and number.")
    BOUND_CARD_CLASS = _Said("R507", Kind.RETRY, "Please bind a class I account.")
    ACCOUNT_REJECTED = _Said("R508", Kind.FINAL, "The account could not be opened.")

    CONTRACT_DECLINED = _Said("R601", Kind.RETRY, "You did not sign the contract.")

    AMOUNT_TOO_SMALL = _Said("R701", Kind.RETRY, "The amount is below the minimum.")
    OVER_LINE = _Said("R702", Kind.RETRY, "The amount is above what is left of your line.")
    LINE_FROZEN = _Said("R703", Kind.RETRY, "Your line is frozen. Please call us.")
    LINE_EXPIRED = _Said("R704", Kind.FINAL, "Your line has ended.")
    REQUEST_CHANGED = _Said("R706", Kind.RETRY, "This request was made before, for another amount.")
    FUNDING_FULL = _Said("R707", Kind.RETRY, "All of today's money is lent. Try again tomorrow.")
    USE_NOT_ALLOWED = _Said("R708", Kind.RETRY, "A loan may not be used for this purpose.")
    REQUEST_ENDED = _Said("R709", Kind.RETRY, "This request was cancelled, or took too long.")
    CORE_REJECTED = _Said("R705", Kind.RETRY, "The payout was not accepted. Nothing was booked.")

    NOTHING_DUE = _Said("R801", Kind.RETRY, "There is nothing to repay.")
    NO_FUNDS = _Said("R802", Kind.RETRY, "There is not enough money on your account.")

    NOT_REVERSIBLE = _Said("R803", Kind.RETRY, "This payout cannot be taken back any more.")

    @property
    def code(self) -> str:
        """The stable code that messages and statistics use."""
        return self.value.code

    @property
    def kind(self) -> Kind:
        """What the no means for the application."""
        return self.value.kind

    @property
    def text(self) -> str:
        """What the customer reads. A name-list hit and a review read the same (no tipping off)."""
        return self.value.text


@dataclass(slots=True)
class Decision:
    """What the bank decided on an application for credit, and by which version of the product.

    ``reasons`` is empty exactly when a line was granted; then ``limit_fen`` and ``rate_ppm``
    (millionths a year) hold. ``facts`` are the figures the decision rests on, for the record.
    """

    product: str
    product_version: int
    reasons: tuple[Reason, ...]
    score: int = 0
    rating: str = ""
    limit_fen: int = 0
    rate_ppm: int = 0
    facts: dict[str, int] = field(default_factory=dict)

    @property
    def granted(self) -> bool:
        """Whether a line was granted."""
        return not self.reasons


@dataclass(slots=True)
class Application:
    """One customer's way to one product of one bank.

    ``tries`` counts, step by step, how often a step was begun anew after a no or a pause, so that
    the names of its calls' draws go on instead of repeating themselves. ``checks`` records every
    check that passed, with what it rests on, for the invariants and the auditor.
    """

    id: str
    bank: str
    product: str
    customer: str
    state: State = State.ENTERED
    tries: dict[Step, int] = field(default_factory=dict)
    checks: list[tuple[Step, str, str]] = field(default_factory=list)
    history: list[tuple[Step, str]] = field(default_factory=list)
    reason: Reason | None = None
    decision: Decision | None = None
    account: str = ""
    contract: str = ""
    drawdowns: list[str] = field(default_factory=list)
    version: int = 0

    def may(self, step: Step) -> bool:
        """Whether ``step`` can be taken from here."""
        return (self.state, step) in MOVES

    def move(self, step: Step, to: State) -> None:
        """Go to ``to`` by ``step``.

        Raises:
            AssertionError: the move is not in ``MOVES``; nothing has changed then.
        """
        allowed = MOVES.get((self.state, step), ())
        assert to in allowed, f"{self.id}: {step} leads from {self.state} to {allowed}, not {to}"
        self.state = to
        self.history.append((step, to))
