"""Core banking: accounts, the general ledger, and postings that can be asked after.

Every write carries a ``Key`` that the platform saves before it sends. The same key with the same
content is replayed, with other content refused, a running one answered IN_PROGRESS, a rejected key
stays rejected, and ``outcome`` with a fence makes "not found" final: the key can no longer post.
Amounts are integer fen.
Sources: the common ground of Fineract's idempotency, TigerBeetle's ids and UnionPay's "query with
the original order number", in the words of a rural credit union's core.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

# A store reads the queries back by their types, which must therefore be known at run time.
from core.identity import CardNumber, IdNumber, PhoneNumber

if TYPE_CHECKING:
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
    EXPIRED = "expired"  # it came after its valid_until_s
    NO_ACCOUNT = "no_account"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_FROZEN = "account_frozen"
    NOT_BOUND = "not_bound"
    NOT_CONFIRMED = "not_confirmed"  # unbound money before staff saw the customer
    BALANCE_LEFT = "balance_left"  # an account that is not empty is not closed
    LOAN_LEFT = "loan_left"  # nor one from which a loan is still to be repaid
    STILL_BOUND = "still_bound"  # nor one to which another account is bound
    NO_FUNDS = "no_funds"
    OVER_LIMIT = "over_limit"
    OVER_BALANCE_CAP = "over_balance_cap"  # class III
    TOO_MANY_ACCOUNTS = "too_many_accounts"
    BAD_AMOUNT = "bad_amount"
    LOAN_EXISTS = "loan_exists"
    NO_LOAN = "no_loan"
    OVER_LOAN = "over_loan"
    NO_ALLOWANCE = "no_allowance"  # more is written off or released than was provided for the loan
    DAY_END = "day_end"  # not now: the key is not used up, send it again when the day is open
    HELD = "held"  # likewise, while an operator holds writes
    NO_RESERVATION = "no_reservation"
    RESERVATION_ENDED = "reservation_ended"
    OVER_RESERVED = "over_reserved"
    NOT_REVERSIBLE = "not_reversible"
    DROPPED = "dropped"  # it was accepted, and thrown out at the cut-off: it never posts


class AccountClass(StrEnum):
    """Accounts of class I (full), II (二类户, limited) and III (small purse)."""

    I = "I"  # noqa: E741  the class's own name
    II = "II"
    III = "III"


@dataclass(slots=True)
class Posted:
    """The answer to a write, or to the question after one.

    ``retryable`` tells a refusal that did not use the key up: nothing has happened, and the same
    key may be sent again later.
    """

    outcome: Outcome
    code: CoreCode = CoreCode.OK
    core_serial: str = ""
    accounting_date: date | None = None
    account: CardNumber | None = None
    replayed: bool = False
    retryable: bool = False


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
    """Open a class II or III account, bound to a class I account of the same person.

    Class I is opened at the counter only (NOT_CONFIRMED).
    """

    key: Key
    name: str
    number: IdNumber
    phone: PhoneNumber
    bound: CardNumber
    valid_until_s: float | None = None
    account_class: AccountClass = AccountClass.II


@dataclass(slots=True)
class DisburseQuery:
    """Pay a loan out into the customer's account.

    ``valid_until_s``, here and in every other write: the core rejects what arrives later.
    """

    key: Key
    loan: str
    account: CardNumber
    amount_fen: int
    valid_until_s: float | None = None


@dataclass(slots=True)
class CollectQuery:
    """Collect from the customer's account what the loan book allocated, part by part.

    Of a loan in non-accrual the interest stands in the memo books: what is paid of it
    (``memo_interest_fen``, ``memo_penalty_fen``) becomes income when it comes in.
    ``recovered_fen`` pays on a loan that was written off. The memo accounts lose all three.
    """

    key: Key
    loan: str
    account: CardNumber
    principal_fen: int
    overdue_principal_fen: int
    interest_fen: int
    penalty_fen: int
    non_accrual_principal_fen: int = 0
    memo_interest_fen: int = 0
    memo_penalty_fen: int = 0
    recovered_fen: int = 0
    valid_until_s: float | None = None

    @property
    def total_fen(self) -> int:
        """What leaves the customer's account."""
        return (
            self.principal_fen
            + self.overdue_principal_fen
            + self.interest_fen
            + self.penalty_fen
            + self.non_accrual_principal_fen
            + self.memo_interest_fen
            + self.memo_penalty_fen
            + self.recovered_fen
        )


class Adjustment(StrEnum):
    """Entries without a customer account: the loan book's own bookings."""

    ACCRUE_INTEREST = "accrue_interest"
    ACCRUE_PENALTY = "accrue_penalty"
    TO_OVERDUE = "to_overdue"  # principal, normal to overdue
    TO_NORMAL = "to_normal"
    NORMAL_TO_NON_ACCRUAL = "normal_to_non_accrual"  # principal, more than 90 days late
    OVERDUE_TO_NON_ACCRUAL = "overdue_to_non_accrual"
    NON_ACCRUAL_TO_NORMAL = "non_accrual_to_normal"  # all arrears were paid
    NON_ACCRUAL_TO_OVERDUE = "non_accrual_to_overdue"
    REVERSE_INTEREST = "reverse_interest"  # unpaid interest out of income, into the memo books
    REVERSE_PENALTY = "reverse_penalty"
    RESTORE_INTEREST = "restore_interest"  # and back, when the loan is sound again
    RESTORE_PENALTY = "restore_penalty"
    MEMO_INTEREST = "memo_interest"  # what a loan in non-accrual earns, off balance sheet
    MEMO_PENALTY = "memo_penalty"
    PROVIDE = "provide"  # for loan losses
    RELEASE = "release"
    WRITE_OFF = "write_off"  # principal in non-accrual against the allowance
    SUSPEND_OUT = "suspend_out"  # a payout of the core that our book does not know
    CLEAR_OUT = "clear_out"
    SUSPEND_IN = "suspend_in"  # a collection of the core that our book does not know
    CLEAR_IN = "clear_in"


@dataclass(slots=True)
class AdjustQuery:
    """Book one adjustment of one loan."""

    key: Key
    loan: str
    adjustment: Adjustment
    amount_fen: int
    valid_until_s: float | None = None


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
    valid_until_s: float | None = None


@dataclass(slots=True)
class TransferQuery:
    """Move money between the account and one that is not bound to it: it counts on the limits.

    ``purpose`` is consumption, transfer, cash or investment (which does not count);
    ``fee_fen`` is taken on top from the customer for money going out. ``other`` is the account at
    the other end; None, or a card of no bank of the union, is reached through the payment network.
    """

    key: Key
    account: CardNumber
    direction: Direction
    amount_fen: int
    purpose: str = "transfer"
    fee_fen: int = 0
    valid_until_s: float | None = None
    other: CardNumber | None = None


@dataclass(slots=True)
class ReserveQuery:
    """Set money aside on an account (first phase): it is no longer available, and not yet gone."""

    key: Key
    account: CardNumber
    amount_fen: int
    expires_s: float | None = None  # the reservation falls back by itself
    valid_until_s: float | None = None


@dataclass(slots=True)
class ResolveQuery:
    """End a reservation (second phase): commit ``amount_fen`` of it, the rest falls back.

    0 releases all of it.
    """

    key: Key
    reservation: Key
    amount_fen: int = 0
    valid_until_s: float | None = None


class AccountAct(StrEnum):
    """What may be done to an account without moving money."""

    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    CLOSE = "close"
    CONFIRM = "confirm"  # staff saw the customer: unbound money may come in
    BIND = "bind"
    UNBIND = "unbind"


@dataclass(slots=True)
class AccountQuery:
    """Do something to an account; ``bound`` names the card for BIND."""

    key: Key
    account: CardNumber
    act: AccountAct
    bound: CardNumber | None = None
    valid_until_s: float | None = None


@dataclass(slots=True)
class ReverseQuery:
    """Undo a final posting on its own accounting date; later it takes an adjustment."""

    key: Key
    original: Key
    valid_until_s: float | None = None


# Every query that writes: it carries a key, and is kept until its fate is known.
Write = (
    OpenQuery
    | DisburseQuery
    | CollectQuery
    | AdjustQuery
    | MoveQuery
    | TransferQuery
    | ReserveQuery
    | ResolveQuery
    | AccountQuery
    | ReverseQuery
)


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
    reserved_fen: int = 0
    frozen: bool = False

    @property
    def available_fen(self) -> int:
        """What may be disposed of now."""
        return 0 if self.frozen else self.balance_fen - self.reserved_fen


@dataclass(slots=True)
class LimitsAnswer:
    """What may still pass on the asking day; None where nothing limits it."""

    in_fen: int | None
    out_fen: int | None


class Stage(StrEnum):
    """Where a bank's day stands (日终).

    CUTOFF: customers' writes get the next accounting date. BATCH: customers' money writes are
    answered DAY_END, the loan book's own are booked on the ending day. CLOSED: sealed.
    """

    OPEN = "open"
    CUTOFF = "cutoff"
    BATCH = "batch"
    CLOSED = "closed"


@dataclass(slots=True)
class BankQuery:
    """Which bank's day, date or books; ``on`` is the accounting date, where one is needed."""

    bank: str
    on: date | None = None


@dataclass(slots=True)
class DayAnswer:
    """A bank's accounting date, its stage, and the last date that is sealed."""

    accounting_date: date
    stage: Stage
    sealed: date | None = None
    held: bool = False  # an operator holds customers' writes


@dataclass(slots=True)
class StatementQuery:
    """The entries of one account, ``since`` and ``until`` included, by accounting date."""

    account: CardNumber
    since: date
    until: date


class StatementLine(NamedTuple):
    """One line of a statement; what leaves the account is negative, the balance is after it."""

    accounting_date: date
    core_serial: str
    kind: str
    amount_fen: int
    balance_fen: int


@dataclass(slots=True)
class StatementAnswer:
    """An account's lines, and what it held before and after them."""

    opening_fen: int
    lines: tuple[StatementLine, ...]
    closing_fen: int


@dataclass(slots=True)
class FileAnswer:
    """A reconciliation file (对账文件) of one accounting date; None while it is not written yet.

    Lines end in a newline, fields are parted by ``|``. First ``H|1|bank|accounting date|count|
    total fen``; then, in the order of posting, one line for each transaction that a channel's key
    has posted, ``D|channel|channel date|channel serial|core serial|kind|subject|amount fen``, where
    the subject is the loan or the account and the amount what the entry debits outside the memo
    accounts (its memo debits where it has no others); last ``T|count|total fen|SHA-256 of all
    bytes before this line``, hex.
    """

    content: str | None


@dataclass(slots=True)
class GeneralLedgerAnswer:
    """Every code's total in fen at the end of a sealed date, debit positive."""

    on: date
    totals: dict[str, int]


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

    async def transfer(self, trace: Trace, query: TransferQuery) -> Posted: ...

    async def reserve(self, trace: Trace, query: ReserveQuery) -> Posted: ...

    async def resolve(self, trace: Trace, query: ResolveQuery) -> Posted: ...

    async def account(self, trace: Trace, query: AccountQuery) -> Posted: ...

    async def balance(self, trace: Trace, query: BalanceQuery) -> BalanceAnswer: ...

    async def limits(self, trace: Trace, query: BalanceQuery) -> LimitsAnswer: ...

    async def open_keys(self, trace: Trace, query: BankQuery) -> tuple[Key, ...]: ...

    async def day(self, trace: Trace, query: BankQuery) -> DayAnswer: ...

    async def statement(self, trace: Trace, query: StatementQuery) -> StatementAnswer: ...

    async def reconciliation(self, trace: Trace, query: BankQuery) -> FileAnswer: ...

    async def general_ledger(self, trace: Trace, query: BankQuery) -> GeneralLedgerAnswer: ...


class Seal(NamedTuple):
    """The end of one accounting date in a book: how many entries stand under it, and the chain."""

    on: date
    entries: int
    chain: str


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

    def seals(self, bank: str) -> list[Seal]:
        """The sealed accounting dates of one bank, oldest first."""
        ...

    def original_of(self, bank: str, serial: str) -> str:
        """The serial of the entry that a correction undid, empty for every other entry."""
        ...

    def totals(self, bank: str) -> dict[str, int]:
        """The general ledger of one bank: every code's total in fen, debit positive."""
        ...

    def verify_chain(self, bank: str) -> bool:
        """Whether the book's own audit holds: hashes, balances, seals, reservations, files."""
        ...
