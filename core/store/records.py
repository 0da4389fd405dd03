"""The records: what was entered, agreed, checked, signed, paid and owed.

Ids are minted from what makes a record what it is, never from a counter: customers who overlap
in time, or arrive in another order, get the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import IdNumber, PhoneNumber
    from core.ports.corebank import Key, Posted


class Record(Protocol):
    """Anything a store can keep."""

    id: str
    bank: str


def mint(kind: str, *names: str) -> str:
    """Return the id of the thing of ``kind`` that ``names`` make unique: a letter and 24 digits."""
    text = "\x1f".join((kind, *names))
    return kind + blake2b(text.encode(), digest_size=12).hexdigest()


class Entry(StrEnum):
    """How a customer found the mini-program."""

    SCAN = "scan"
    SHARE = "share"
    OFFICIAL_ACCOUNT = "official_account"
    HISTORY = "history"
    MOMENTS_AD = "moments_ad"
    STAFF = "staff"


@dataclass(slots=True)
class Session:
    """One visit: who came, to which bank, by which way, on whose word."""

    id: str
    bank: str
    openid: str
    entry: Entry
    scene: int
    referrer: str
    at_s: float


@dataclass(slots=True)
class Customer:
    """A registered customer of one bank; ``id`` is minted from (bank, openid)."""

    id: str
    bank: str
    openid: str
    entry: Entry
    referrer: str
    name: str
    number: IdNumber
    phone: PhoneNumber
    address: str
    valid_to: date | None
    pictures: tuple[str, ...]
    consent: str = ""
    restricted: bool = False  # a name-list hit after the account was opened


class ConsentKind(StrEnum):
    """What a customer consents to."""

    CREDIT_REPORT = "credit_report"
    GOVERNMENT_DATA = "government_data"
    PLATFORM_DATA = "platform_data"
    FACE = "face"


@dataclass(slots=True)
class Consent:
    """A consent as it was given: text version, time, scope; withdrawn or expired on a date."""

    id: str
    bank: str
    customer: str
    kinds: frozenset[ConsentKind]
    text_version: str
    given_on: date
    given_at_s: float
    expires_on: date
    withdrawn_on: date | None = None
    withdrawn_at_s: float | None = None

    def stood(self, kind: ConsentKind, on: date, at_s: float) -> bool:
        """Whether the consent stood when something was asked; it may have ended later that day."""
        later = self.withdrawn_at_s is not None and at_s < self.withdrawn_at_s
        in_time = kind in self.kinds and self.given_on <= on < self.expires_on
        return in_time and (self.withdrawn_on is None or later)

    def covers(self, kinds: frozenset[ConsentKind], on: date) -> bool:
        """Whether the consent is alive on a date, for all of ``kinds``."""
        withdrawn = self.withdrawn_on is not None and self.withdrawn_on <= on
        return kinds <= self.kinds and self.given_on <= on < self.expires_on and not withdrawn

    def live(self, kind: ConsentKind, on: date) -> bool:
        """Whether the consent is alive on a date, for one kind."""
        return self.covers(frozenset({kind}), on)


@dataclass(slots=True)
class Line:
    """A granted line; ``id`` is the application's. ``free_fen`` is what may still be drawn."""

    id: str
    bank: str
    limit_fen: int
    rating: str
    granted_on: date
    valid_to: date
    reserved_fen: int = 0
    used_fen: int = 0
    frozen: str = ""  # why, where it is

    @property
    def free_fen(self) -> int:
        """Limit less what is owed and what is reserved."""
        return self.limit_fen - self.used_fen - self.reserved_fen


@dataclass(slots=True)
class Account:
    """The account the loan is paid into: opened here, or the customer's own card."""

    id: str  # the card number
    bank: str
    customer: str
    opened: bool  # opened by this flow
    bound: str  # the card bound to it, where opened


@dataclass(slots=True)
class Contract:
    """A signed contract and its deposited evidence. ``rate_ppm`` is the price of the line."""

    id: str
    bank: str
    application: str
    text: str
    digest: str
    signature: str
    public_key: str
    receipt: str
    chain: str
    signed_on: date


class DrawState(StrEnum):
    """A drawdown's way. PENDING_CORE: the core was told, and the outcome is not known yet."""

    RESERVED = "reserved"
    PENDING_CORE = "pending_core"
    DONE = "done"
    REJECTED = "rejected"


@dataclass(slots=True)
class Drawdown:
    """A request for money; its loan has the same id with an L in front."""

    id: str
    bank: str
    application: str
    amount_fen: int
    rate_ppm: int
    asked_on: date
    face: str
    state: DrawState = DrawState.RESERVED
    instruction: str = ""

    @property
    def loan(self) -> str:
        """The id of the loan this becomes."""
        return "L" + self.id[1:]


@dataclass(slots=True)
class Repayment:
    """A customer's payment on a loan, allocated part by part when the core has posted it."""

    id: str
    bank: str
    loan: str
    amount_fen: int
    asked_on: date
    state: DrawState = DrawState.PENDING_CORE
    instruction: str = ""
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Instruction:
    """A write to the core bank, saved before it is sent.

    ``round`` counts the keys: a fence makes one key final, and only then the next is made.
    ``sent_at_s`` says since when it may have reached the core; ``answer`` is None until its fate
    is known.
    """

    id: str
    bank: str
    subject: str  # the id of what it is for: a drawdown, a repayment, a loan, an application
    key: Key
    query: Any
    round: int = 1
    begins: int = 0  # how often it was taken up again: what its calls' draws are named by
    sent_at_s: float | None = None
    answer: Posted | None = None


@dataclass(slots=True)
class Screening:
    """One screening of one customer, at one point, against one version of the lists."""

    id: str
    bank: str
    customer: str
    application: str
    point: str
    decision: str
    list_version: str
    on: date


@dataclass(slots=True)
class DataQuery:
    """Questions to bureau, government and platform data, and the consent they were asked under."""

    id: str
    bank: str
    customer: str
    sources: tuple[str, ...]
    consent: str
    on: date
    at_s: float


@dataclass(slots=True)
class RiskWarning:
    """A risk warning after the loan."""

    id: str
    bank: str
    loan: str
    signal: str
    on: date
