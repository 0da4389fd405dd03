"""The server half of core banking: ``/corebank/v1/<operation>``, and the operator's stages.

Written from the port's words and the contract's list of operations; it shares no code with the
client half. A write that is rejected is an answer (200): problems are for what the core could not
take at all.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from core.errors import InputError
from core.ports import corebank as port
from core.ports.trace import Trace
from core.seed import Draws
from mocks.corebank.forms import (
    AccountBody,
    AdjustBody,
    BalanceAnswer,
    BalanceBody,
    BankBody,
    CollectBody,
    CustomerAnswer,
    CustomerBody,
    DayAnswer,
    DisburseBody,
    FileAnswer,
    FiveAnswer,
    FiveBody,
    LedgerAnswer,
    LimitsAnswer,
    MoveBody,
    OpenBody,
    OutcomeBody,
    PostedBody,
    ReserveBody,
    ResolveBody,
    ReverseBody,
    StatementAnswer,
    StatementBody,
    TransferBody,
)
from mocks.rest import Call, Post, Service
from mocks.rest_problems import ALWAYS, Refusal
from mocks.rest_values import CARD_EXAMPLE, ID_EXAMPLE, PHONE_EXAMPLE, BankId, Day, KeyBody, Query

LAST_DAY = date(2099, 12, 31)  # what an operator may announce: dates of Python end, too

# ------------------------------------------------------------------------------------- operator


def _announceable(on: date) -> date:
    if on > LAST_DAY:
        raise ValueError(f"{on} is after {LAST_DAY}")
    return on


NextDay = Annotated[Day, AfterValidator(_announceable)]


class StageBody(Query):
    """A bank."""

    PORT: ClassVar[Any] = port.BankQuery
    ABOUT: ClassVar[str] = "bank"

    bank: BankId


class CutoffBody(StageBody):
    """A bank, and the date that customers' writes get from now on, by default tomorrow's."""

    next_date: NextDay | None = None


class CloseBody(StageBody):
    """A bank, and the date it opens next."""

    next_date: NextDay


async def cutoff(call: Call) -> Any:
    assert isinstance(call.query, CutoffBody)
    return _staged(call, "cutoff", call.query.next_date)


async def batch(call: Call) -> Any:
    return _staged(call, "begin_batch")


async def close(call: Call) -> Any:
    assert isinstance(call.query, CloseBody)
    return _staged(call, "end_day", call.query.next_date)


def _staged(call: Call, stage: str, *given: Any) -> Any:
    """Tell the core a stage of its day; return where the day stands then."""
    core, bank = call.tenant.behaviours["corebank"], call.query.subject
    try:
        getattr(core, stage)(bank, *given)
    except InputError as wrong:
        raise Refusal(409, str(wrong)) from wrong
    trace = Trace(bank, "operator", 0, 1, float("inf"), call.tenant.today)
    return core.day(trace, port.BankQuery(bank), call.tenant.now_s, Draws(0, 0, 1))


# ----------------------------------------------------------------------------------- operations

_PERSON = {"name": "李明", "number": ID_EXAMPLE}
_PHONE = {"phone": PHONE_EXAMPLE}
_CARD = {"bank": "bozhi", "account": CARD_EXAMPLE}
_LOAN = {"loan": "L-1", "account": CARD_EXAMPLE}
_MONEY = {"account": CARD_EXAMPLE, "direction": "in", "amount_fen": "100000"}
_PARTS = {
    "principal_fen": "400000",
    "overdue_principal_fen": "0",
    "interest_fen": "30000",
    "penalty_fen": "0",
}


def _key(serial: str) -> dict[str, str]:
    return {
        "bank": "bozhi",
        "channel": "loan",
        "channel_date": "2020-07-15",
        "serial": serial,
    }


def _write(
    name: str, body: type[Query], summary: str, example: dict[str, Any], tag: str = "money"
) -> Post:
    keyed = {"key": _key(f"{name}-1"), **example}
    return Post(name, body, PostedBody, summary, keyed, tag)


_ACCOUNTS = (
    Post(
        "customer",
        CustomerBody,
        CustomerAnswer,
        "What does the bank itself know of this person?",
        {"bank": "bozhi", **_PERSON},
        "accounts",
    ),
    Post(
        "verify_five",
        FiveBody,
        FiveAnswer,
        "Ask the card's own bank for the five elements (五要素)",
        {"bank": "bozhi", **_PERSON, **_PHONE, "card": CARD_EXAMPLE},
        "accounts",
    ),
    _write(
        "open_account",
        OpenBody,
        "Open an account of class II or III (二类户, 三类户)",
        {**_PERSON, **_PHONE, "bound": CARD_EXAMPLE, "account_class": "II"},
        "accounts",
    ),
    _write(
        "account",
        AccountBody,
        "Freeze, unfreeze, confirm, bind, unbind or close an account",
        {"account": CARD_EXAMPLE, "act": "freeze"},
        "accounts",
    ),
    Post("balance", BalanceBody, BalanceAnswer, "What stands on an account?", _CARD, "accounts"),
    Post("limits", BalanceBody, LimitsAnswer, "What may still pass today?", _CARD, "accounts"),
)
_WRITES = (
    _write("disburse", DisburseBody, "Pay a loan out", {**_LOAN, "amount_fen": "5000000"}),
    _write("collect", CollectBody, "Collect on a loan", {**_LOAN, **_PARTS}),
    _write(
        "adjust",
        AdjustBody,
        "Book one of the loan book's own entries",
        {"loan": "L-1", "adjustment": "accrue_interest", "amount_fen": "1200"},
    ),
    _write("move", MoveBody, "Move money from or to the bound account", _MONEY),
    _write("transfer", TransferBody, "Move money from or to any other account", _MONEY),
    _write(
        "reserve",
        ReserveBody,
        "Set money aside (预授权)",
        {"account": CARD_EXAMPLE, "amount_fen": "100000"},
    ),
    _write(
        "resolve",
        ResolveBody,
        "Commit or release a reservation",
        {"reservation": _key("reserve-1"), "amount_fen": "60000"},
    ),
)
_CERTAINTY = (
    _write(
        "reverse",
        ReverseBody,
        "Undo a posting of the same accounting date (冲正)",
        {"original": _key("disburse-1")},
        "certainty",
    ),
    Post(
        "outcome",
        OutcomeBody,
        PostedBody,
        "What became of a key? With a fence, an unknown one can never post",
        {"key": _key("disburse-1"), "fence": True},
        "certainty",
    ),
    Post(
        "open_keys",
        BankBody,
        tuple[KeyBody, ...],
        "The keys that are accepted and not final yet",
        {"bank": "bozhi"},
        "certainty",
    ),
)
_PAPERS = (
    Post("day", BankBody, DayAnswer, "Where a bank's day stands (日终)", {"bank": "bozhi"}, "day"),
    Post(
        "statement",
        StatementBody,
        StatementAnswer,
        "An account's entries by accounting date",
        {**_CARD, "since": "2020-07-01", "until": "2020-07-31"},
        "papers",
    ),
    Post(
        "reconciliation",
        BankBody,
        FileAnswer,
        "The reconciliation file (对账文件) of a sealed date, by default the last",
        {"bank": "bozhi", "on": "2020-07-15"},
        "papers",
    ),
    Post(
        "general_ledger",
        BankBody,
        LedgerAnswer,
        "The general ledger (总账) at the end of a sealed date, by default the last",
        {"bank": "bozhi"},
        "papers",
    ),
)
_STAGED = {"bank": "bozhi", "next_date": "2020-07-16"}
_SAYS = (*ALWAYS, 409)
_OPERATOR = (
    Post(
        "operator/cutoff",
        CutoffBody,
        DayAnswer,
        "Cut the accounting date off: customers' writes get the next one",
        _STAGED,
        "operator",
        cutoff,
        _SAYS,
    ),
    Post(
        "operator/batch",
        StageBody,
        DayAnswer,
        "Begin the batch: customers' money writes wait",
        {"bank": "bozhi"},
        "operator",
        batch,
        _SAYS,
    ),
    Post(
        "operator/close",
        CloseBody,
        DayAnswer,
        "Settle, check and seal the date, and open the next; again is no move",
        _STAGED,
        "operator",
        close,
        _SAYS,
    ),
)

SERVICE = Service(
    "corebank",
    "Core banking",
    "Accounts, the general ledger, and postings that can be asked after. A write is done once a "
    "key: the same key with the same content is replayed, with other content refused, and a "
    "fenced one can never post. Amounts are decimal strings of fen; business outcomes such as "
    "`rejected` or `not_found` are answers, not errors.",
    (*_ACCOUNTS, *_WRITES, *_CERTAINTY, *_PAPERS, *_OPERATOR),
)
