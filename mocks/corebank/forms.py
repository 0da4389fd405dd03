"""The bodies and the answers of core banking's wire, as pydantic reads and documents them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from core.ports import corebank as port
from core.ports.corebank import (
    AccountAct,
    AccountClass,
    Adjustment,
    CoreCode,
    Direction,
    FiveVerdict,
    Outcome,
    Stage,
)
from mocks.corebank.accounts import PURPOSES
from mocks.rest_values import Answer, BankId, Card, Day, Fen, Id, KeyBody, Name, Phone, Query, Word

Until = Annotated[
    float | None, Field(description="business seconds after which the write is not done any more")
]


# --------------------------------------------------------------------------------------- bodies


class CustomerBody(Query):
    """A person, as the bank may know them."""

    PORT: ClassVar[Any] = port.CustomerQuery
    ABOUT: ClassVar[str] = "number"

    bank: BankId
    name: Name
    number: Id


class FiveBody(Query):
    """The five elements (五要素): name, ID number, phone, card, and that it is of class I."""

    PORT: ClassVar[Any] = port.FiveQuery
    ABOUT: ClassVar[str] = "number"

    bank: BankId
    name: Name
    number: Id
    phone: Phone
    card: Card


class OpenBody(Query):
    """A class II or III account, bound to a class I account of the same person."""

    PORT: ClassVar[Any] = port.OpenQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    name: Name
    number: Id
    phone: Phone
    bound: Card
    valid_until_s: Until = None
    account_class: AccountClass = AccountClass.II


class DisburseBody(Query):
    """A loan, and the account it is paid into."""

    PORT: ClassVar[Any] = port.DisburseQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    loan: Word
    account: Card
    amount_fen: Fen
    valid_until_s: Until = None


class CollectBody(Query):
    """What the loan book allocated, part by part; their sum leaves the account."""

    PORT: ClassVar[Any] = port.CollectQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    loan: Word
    account: Card
    principal_fen: Fen
    overdue_principal_fen: Fen
    interest_fen: Fen
    penalty_fen: Fen
    non_accrual_principal_fen: Fen = 0
    memo_interest_fen: Fen = 0
    memo_penalty_fen: Fen = 0
    recovered_fen: Fen = 0
    valid_until_s: Until = None


class AdjustBody(Query):
    """One of the loan book's own entries."""

    PORT: ClassVar[Any] = port.AdjustQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    loan: Word
    adjustment: Adjustment
    amount_fen: Fen
    valid_until_s: Until = None


class MoveBody(Query):
    """Money between the account and the account bound to it."""

    PORT: ClassVar[Any] = port.MoveQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    account: Card
    direction: Direction
    amount_fen: Fen
    valid_until_s: Until = None


class TransferBody(Query):
    """Money between the account and any other; the fee is taken on top of what goes out."""

    PORT: ClassVar[Any] = port.TransferQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    account: Card
    direction: Direction
    amount_fen: Fen
    purpose: Annotated[str, Field(pattern=f"^({'|'.join(PURPOSES)})$")] = "transfer"
    fee_fen: Fen = 0
    valid_until_s: Until = None
    other: Card | None = None


class ReserveBody(Query):
    """Money to be set aside; it falls back by itself at ``expires_s``."""

    PORT: ClassVar[Any] = port.ReserveQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    account: Card
    amount_fen: Fen
    expires_s: Annotated[float | None, Field(description="in business seconds")] = None
    valid_until_s: Until = None


class ResolveBody(Query):
    """A reservation and how much of it is committed: the rest falls back, with 0 all of it."""

    PORT: ClassVar[Any] = port.ResolveQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    reservation: KeyBody
    amount_fen: Fen = 0
    valid_until_s: Until = None


class AccountBody(Query):
    """What is to be done to an account; ``bound`` names the card for ``bind``."""

    PORT: ClassVar[Any] = port.AccountQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    account: Card
    act: AccountAct
    bound: Card | None = None
    valid_until_s: Until = None


class ReverseBody(Query):
    """The key of a final posting of the same accounting date."""

    PORT: ClassVar[Any] = port.ReverseQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    original: KeyBody
    valid_until_s: Until = None


class OutcomeBody(Query):
    """A key, and whether it may never post after this if it is unknown now."""

    PORT: ClassVar[Any] = port.OutcomeQuery
    ABOUT: ClassVar[str] = "key"

    key: KeyBody
    fence: bool


class BalanceBody(Query):
    """One account of the bank."""

    PORT: ClassVar[Any] = port.BalanceQuery
    ABOUT: ClassVar[str] = "account"

    bank: BankId
    account: Card


class BankBody(Query):
    """A bank, and an accounting date where one is needed."""

    PORT: ClassVar[Any] = port.BankQuery
    ABOUT: ClassVar[str] = "bank"

    bank: BankId
    on: Day | None = None


class StatementBody(Query):
    """An account and two accounting dates, both included."""

    PORT: ClassVar[Any] = port.StatementQuery
    ABOUT: ClassVar[str] = "account"

    bank: BankId
    account: Card
    since: Day
    until: Day


# -------------------------------------------------------------------------------------- answers


class PostedBody(Answer):
    """How a write stands; ``retryable`` says that the key was not used up."""

    outcome: Outcome
    code: CoreCode
    core_serial: str
    accounting_date: Day | None
    account: Card | None
    replayed: bool
    retryable: bool


class CustomerAnswer(Answer):
    """``card`` is the person's class I card of this bank, null where there is none."""

    card: Card | None
    tenure_months: int
    average_deposit_fen: Fen
    monthly_wage_fen: Fen


class FiveAnswer(Answer):
    """What the card's own bank says, and which it is."""

    verdict: FiveVerdict
    card_bank: str


class BalanceAnswer(Answer):
    """``account_class`` is null where there is no such account."""

    account_class: AccountClass | None
    balance_fen: Fen
    reserved_fen: Fen
    frozen: bool


class LimitsAnswer(Answer):
    """What may still pass today; null where nothing limits it."""

    in_fen: Fen | None
    out_fen: Fen | None


class DayAnswer(Answer):
    """A bank's accounting date, its stage, and the last date that is sealed."""

    accounting_date: Day
    stage: Stage
    sealed: Day | None
    held: bool


class LineBody(Answer):
    """One line; what leaves the account is negative, the balance is after it."""

    accounting_date: Day
    core_serial: str
    kind: str
    amount_fen: Fen
    balance_fen: Fen


class StatementAnswer(Answer):
    """An account's lines, and what it held before and after them."""

    opening_fen: Fen
    lines: tuple[LineBody, ...]
    closing_fen: Fen


class FileAnswer(Answer):
    """A reconciliation file (对账文件), null while it is not written yet."""

    content: str | None


class LedgerAnswer(Answer):
    """Every code's total at the end of a sealed date, debit positive."""

    on: Day
    totals: dict[str, Fen]
