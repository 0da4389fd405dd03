"""Core banking: accounts, the general ledger, and postings that can be asked after.

Every write carries a ``Key`` that the platform saves before it sends. The same key with the same
content is replayed, with other content refused, a rejected key stays rejected, and ``outcome``
with a fence makes "not found" final: the key can no longer post. Amounts are integer fen.
Sources: the common ground of Fineract's idempotency, TigerBeetle's ids and UnionPay's "query with
the original order number", in the words of a rural credit union's core.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from datetime import date

    from core.identity import CardNumber, IdNumber, PhoneNumber
    from core.ports.trace import Trace


class Key(NamedTuple):
    """What makes a write unique: the bank, our channel, its date and its serial."""

    bank: str
    channel: str
    channel_date: date
    serial: str


class Outcome(StrEnum):
    """How a write stands. UNKNOWN is the client's word: the core never says it."""

    DONE = "done"
    REJECTED = "rejected"
    IN_PROGRESS = "in_progress"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class CoreCode(StrEnum):
    """Why a write was rejected."""

    OK = "ok"
    KEY_CONFLICT = "key_conflict"
    FENCED = "fenced"
    NO_ACCOUNT = "no_account"
    ACCOUNT_CLOSED = "account_closed"
    NO_FUNDS = "no_funds"
    OVER_LIMIT = "over_limit"
    TOO_MANY_ACCOUNTS = "too_many_accounts"
    BAD_AMOUNT = "bad_amount"
    LOAN_EXISTS = "loan_exists"
    NO_LOAN = "no_loan"
    OVER_LOAN = "over_loan"
    DAY_END = "day_end"
    NOT_REVERSIBLE = "not_reversible"


class AccountClass(StrEnum):
    """Accounts of class I (full), II (二类户, limited) and III (small purse)."""

    I = "I"  # noqa: E741  the class's own name
    II = "II"
    III = "III"


@dataclass(slots=True)
class Posted:
    """The answer to a write, or to the question after one."""

    outcome: Outcome
    code: CoreCode = CoreCode.OK
    core_serial: str = ""
    accounting_date: date | None = None
    account: CardNumber | None = None
    replayed: bool = False


@dataclass(slots=True)
class CustomerQuery:
    """What does the bank itself know of this person?"""

    name: str
    number: IdNumber


@dataclass(slots=True)
class CustomerAnswer:
    """``card`` is the person's class I card of this bank, None where there is none."""

    card: CardNumber | None
    tenure_months: int = 0
    average_deposit_fen: int = 0
    monthly_wage_fen: int = 0


class FiveVerdict(StrEnum):
    """Five-element verification (五要素) with the bank of the bound account."""

    SAME = "same"
    DIFFERENT = "different"
    NO_SUCH_CARD = "no_such_card"
    NOT_CLASS_ONE = "not_class_one"
    CARD_CLOSED = "card_closed"


@dataclass(slots=True)
class FiveQuery:
    """Name, ID number, phone, bound card, and that it is a class I or credit card account."""

    name: str
    number: IdNumber
    phone: PhoneNumber
    card: CardNumber


@dataclass(slots=True)
class FiveAnswer:
    """``card_bank`` names the bank that answered for the card."""

    verdict: FiveVerdict
    card_bank: str = ""


@dataclass(slots=True)
class OpenQuery:
    """Open a class II account, bound to a class I account of the same person."""

    key: Key
    name: str
    number: IdNumber
    phone: PhoneNumber
    bound: CardNumber


@dataclass(slots=True)
class DisburseQuery:
    """Pay a loan out into the customer's account."""

    key: Key
    loan: str
    account: CardNumber
    amount_fen: int


@dataclass(slots=True)
class CollectQuery:
    """Collect from the customer's account what the loan book allocated, part by part."""

    key: Key
    loan: str
    account: CardNumber
    principal_fen: int
    overdue_principal_fen: int
    interest_fen: int
    penalty_fen: int


class Adjustment(StrEnum):
    """Entries without a customer account: the loan book's own bookings."""

    ACCRUE_INTEREST = "accrue_interest"
    ACCRUE_PENALTY = "accrue_penalty"
    TO_OVERDUE = "to_overdue"
    TO_NORMAL = "to_normal"


@dataclass(slots=True)
class AdjustQuery:
    """Book one adjustment of one loan."""

    key: Key
    loan: str
    adjustment: Adjustment
    amount_fen: int


class Direction(StrEnum):
    """From the bound account into the account, or out to it."""

    IN = "in"
    OUT = "out"


@dataclass(slots=True)
class MoveQuery:
    """Move money between the account and the account bound to it."""

    key: Key
    account: CardNumber
    direction: Direction
    amount_fen: int


@dataclass(slots=True)
class ReverseQuery:
    """Undo a final posting on its own accounting date; later it takes an adjustment."""

    key: Key
    original: Key


@dataclass(slots=True)
class OutcomeQuery:
    """What became of ``key``? With ``fence`` an unknown key can never post afterwards."""

    key: Key
    fence: bool


@dataclass(slots=True)
class BalanceQuery:
    """What stands on an account?"""

    account: CardNumber


@dataclass(slots=True)
class BalanceAnswer:
    """``account_class`` is None where there is no such account."""

    account_class: AccountClass | None
    balance_fen: int = 0


class Leg(NamedTuple):
    """One side of an entry: debit positive, credit negative. ``account`` is code or code:sub."""

    account: str
    amount_fen: int


@dataclass(slots=True)
class Entry:
    """One balanced, unchangeable journal entry; ``chain`` covers it and all before it."""

    core_serial: str
    accounting_date: date
    key: Key
    kind: str
    legs: tuple[Leg, ...]
    chain: str


class CoreBank(Protocol):
    """The platform's questions and instructions to the core banking system."""

    async def customer(self, trace: Trace, query: CustomerQuery) -> CustomerAnswer: ...

    async def verify_five(self, trace: Trace, query: FiveQuery) -> FiveAnswer: ...

    async def open_account(self, trace: Trace, query: OpenQuery) -> Posted: ...

    async def disburse(self, trace: Trace, query: DisburseQuery) -> Posted: ...

    async def collect(self, trace: Trace, query: CollectQuery) -> Posted: ...

    async def adjust(self, trace: Trace, query: AdjustQuery) -> Posted: ...

    async def move(self, trace: Trace, query: MoveQuery) -> Posted: ...

    async def reverse(self, trace: Trace, query: ReverseQuery) -> Posted: ...

    async def outcome(self, trace: Trace, query: OutcomeQuery) -> Posted: ...

    async def balance(self, trace: Trace, query: BalanceQuery) -> BalanceAnswer: ...


class Ledger(Protocol):
    """The core's books as an auditor reads them: whole, and outside the flow."""

    def banks(self) -> list[str]:
        """The legal entities that keep a book here."""
        ...

    def entries(self, bank: str) -> list[Entry]:
        """Every entry of one bank, in the order of posting."""
        ...

    def balances(self, bank: str) -> dict[str, int]:
        """Every account's running balance in fen, debit positive."""
        ...

    def fate(self, key: Key) -> Posted:
        """What became of a key, without a fence and without a trace."""
        ...
