"""The records: what was entered, agreed, checked, signed, paid and owed.

Ids are minted from what makes a record what it is, never from a counter: customers who overlap
in time, or arrive in another order, get the same ids. ``version`` counts how often a record was
saved; a store refuses one that was saved by somebody else since it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import Protocol

# A store reads records back by their types, which must therefore be known at run time.
from core.identity import IdNumber, PhoneNumber
from core.ports.corebank import (
    AdjustQuery,
    CollectQuery,
    DisburseQuery,
    Key,
    MoveQuery,
    Posted,
    ReverseQuery,
    Write,
)


class Record(Protocol):
    """Anything a store can keep."""

    id: str
    bank: str
    version: int


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


class Front(StrEnum):
    """Which of the banks' front ends a customer came through."""

    MINI_PROGRAM = "mini_program"
    MOBILE_BANK = "mobile_bank"
    DIRECT_BANK = "direct_bank"
    GOV_PLATFORM = "gov_platform"


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
    front: Front = Front.MINI_PROGRAM
    version: int = 0


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
    version: int = 0


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
    version: int = 0

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
    version: int = 0

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
    version: int = 0


@dataclass(slots=True)
class Contract:
    """A signed contract, and the bank's own copy of what its deposit says.

    ``text`` is canonical (RFC 8785) and everything else is made from its bytes: the digests
    (``digest`` is SHA-256), the signature over both, the lines the customer read. ``certificate``
    is a serial number, ``will`` the token of the face check, ``stamped_at`` Unix time. ``rate_ppm``
    is the price of the day of signing, ``cap_ppm`` the most a drawdown may cost, ``disclosed_ppm``
    the annualised rate.
    """

    id: str
    bank: str
    application: str
    text: str
    digest: str
    sm3: str
    signature: str
    public_key: str
    certificate: str
    consent_version: str
    will: str
    receipt: str
    chain: str
    stamped_at: int
    signed_on: date
    rate_ppm: int
    cap_ppm: int
    disclosed_ppm: int
    version: int = 0


class DrawState(StrEnum):
    """A drawdown's way. PENDING_CORE: the core was told, and the outcome is not known yet.

    A reservation that nobody instructed yet may be cancelled, and expires.
    """

    RESERVED = "reserved"
    PENDING_CORE = "pending_core"
    DONE = "done"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REVERSING = "reversing"  # taken back on its own day; the outcome is not known yet
    REVERSED = "reversed"


@dataclass(slots=True)
class Drawdown:
    """A request for money; its loan has the same id with an L in front.

    ``expires_s`` is until when the amount stays reserved while nothing was sent.
    """

    id: str
    bank: str
    application: str
    amount_fen: int
    rate_ppm: int
    asked_on: date
    expires_s: float
    use: str = ""
    face: str = ""
    state: DrawState = DrawState.RESERVED
    instruction: str = ""
    version: int = 0

    @property
    def loan(self) -> str:
        """The id of the loan this becomes."""
        return "L" + self.id[1:]


@dataclass(slots=True)
class Repayment:
    """A payment on a loan, part by part; ``non_accrual`` as its allocation has it.

    ``debt`` is what was owed by then, ``order`` the name of the order in which it was paid.
    """

    id: str
    bank: str
    loan: str
    amount_fen: int
    asked_on: date
    state: DrawState = DrawState.PENDING_CORE
    instruction: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    non_accrual: bool = False
    debt: dict[str, int] = field(default_factory=dict)
    order: str = ""
    version: int = 0


CHANNEL = "mini-loan"
BATCH_CHANNEL = "loan-batch"  # the day end's own: the core takes it while it is closing its day
OUR_CHANNELS = (CHANNEL, BATCH_CHANNEL)
POSTING = (DisburseQuery, CollectQuery, AdjustQuery, MoveQuery, ReverseQuery)  # makes an entry


@dataclass(slots=True)
class Instruction:
    """A write to the core bank, saved before it is sent.

    ``round`` counts the keys: a fence makes one key final, and only then the next is made.
    ``sent_at_s`` says since when it may have reached the core; ``answer`` is None until its fate
    is known. ``suspended_on`` is the accounting date whose cut-off found it still open. ``made_s``
    and ``number`` are its place among the bookings of its loan, which are posted in their order.
    """

    id: str
    bank: str
    subject: str  # the id of what it is for: a drawdown, a repayment, a loan, an application
    key: Key
    query: Write
    round: int = 1
    begins: int = 0  # how often it was taken up again: what its calls' draws are named by
    sent_at_s: float | None = None
    answer: Posted | None = None
    suspended_on: date | None = None
    made_s: float = 0.0
    number: int = 0
    version: int = 0


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
    version: int = 0


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
    version: int = 0


@dataclass(slots=True)
class RiskWarning:
    """A risk warning after the loan."""

    id: str
    bank: str
    loan: str
    signal: str
    on: date
    version: int = 0


@dataclass(slots=True)
class Funding:
    """What a bank may have lent out at once; ``id`` is the bank's. No row: no quota."""

    id: str
    bank: str
    quota_fen: int
    reserved_fen: int = 0
    used_fen: int = 0
    version: int = 0


@dataclass(slots=True)
class FundingMove:
    """What one save adds to a bank's funding. A store adds it, and does not keep it.

    Many customers of one bank draw at once: whoever is slower must not be sent away because the
    sum has changed, only because it is full.
    """

    id: str  # the bank
    bank: str
    reserved_fen: int = 0
    used_fen: int = 0
    version: int = 0


@dataclass(slots=True)
class AuditEvent:
    """Something that overruled what the platform had written, or that a person must look at."""

    id: str
    bank: str
    kind: str
    subject: str
    on: date
    detail: str
    version: int = 0


@dataclass(slots=True)
class DayClose:
    """How far a bank's day ends have come; ``id`` is the bank's.

    ``closing`` is the date whose day end is running, ``done`` its finished stages, ``left`` what
    it could not finish. ``closed`` is the last date that is done, ``unreconciled`` are the closed
    dates whose file has not been compared yet.
    """

    id: str
    bank: str
    closing: date | None = None
    done: tuple[str, ...] = ()
    left: int = 0
    closed: date | None = None
    unreconciled: tuple[date, ...] = ()
    version: int = 0


@dataclass(slots=True)
class LoanLock:
    """A loan that a day end could not turn; it waits for a person. ``id`` is the loan's."""

    id: str
    bank: str
    on: date
    why: str
    lifted: bool = False
    version: int = 0


@dataclass(slots=True)
class ObjectKey:
    """The data key of one picture of one bank, wrapped under the bank's own keys.

    ``name`` is what its ciphertext is called outside, ``wrapped`` the key in hex, empty since
    ``destroyed_on``; ``made`` counts the keys that this content has had: one that was erased and is
    put again gets another. Neither kind nor digest stands here in the clear.
    """

    id: str
    bank: str
    name: str
    wrapped: str = field(repr=False)
    kek_version: int
    made: int = 1
    destroyed_on: date | None = None
    version: int = 0

    @staticmethod
    def id_of(bank: str, key: str) -> str:
        """Return the id of the data key of what a bank keeps under ``KIND/DIGEST``."""
        kind, _, digest = key.partition("/")
        return mint("Y", bank, kind, digest)


@dataclass(slots=True)
class Grant:
    """That a customer's credit rests on a picture: who may be shown it asks by this.

    ``object`` is the picture's key, ``holder`` the application or customer it was kept for,
    ``purpose`` what for (``id_card_front``, ``face:apply``), ``on`` since when; None where the
    picture is older than grants are.
    """

    id: str
    bank: str
    object: str
    holder: str
    customer: str
    purpose: str
    on: date | None
    version: int = 0

    @staticmethod
    def id_of(bank: str, holder: str, purpose: str, key: str) -> str:
        """Return the id of the grant of an object to a holder for a purpose."""
        return mint("G", bank, holder, purpose, key)


@dataclass(slots=True)
class Access:
    """That somebody was about to see a picture or an unmasked number: written before they see it.

    ``what`` is the grant that they asked by, or the field. No fact of the stores': of two accesses
    at one moment both must stand, so whoever comes second to an id has to hear of it.
    """

    id: str
    bank: str
    who: str
    role: str
    what: str
    customer: str
    purpose: str
    at_s: float
    version: int = 0


# Records that tell what was, and never change: whoever tells it again tells the same, so a store
# keeps the first and refuses nobody.
FACTS: frozenset[type] = frozenset(
    {Session, Screening, DataQuery, Account, RiskWarning, AuditEvent, Grant}
)
