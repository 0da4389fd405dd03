"""What a test may have the core answer: refusals under their codes, and writes that hang.

A refusal is final and stands under its key, as one of the core's own rules does; only the codes of
a day that is closing leave the key unused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.ports.corebank import (
    BalanceAnswer,
    CoreCode,
    CustomerAnswer,
    FiveAnswer,
    FiveVerdict,
    LimitsAnswer,
)
from mocks.corebank.faults import CoreFault, CoreFaultKind
from mocks.spec import Case, says

if TYPE_CHECKING:
    from mocks.spec import Act

C = CoreCode
NEVER_USED = (C.DAY_END, C.HELD)
HANGS = {
    CoreFaultKind.ACCEPTED_NOT_DONE: "accepted, and done a minute later",
    CoreFaultKind.ACCEPTED_NEVER_DONE: "accepted, and dropped at the cut-off",
    CoreFaultKind.ANSWERED_TWICE: "worked off twice, with one effect",
    CoreFaultKind.DAY_SWITCH: "the cut-off comes between request and posting",
}


def _meant(meant: CoreCode | CoreFault) -> Act:
    def act(core: Any, trace: Any, query: Any, now_s: float, draws: Any) -> Any:
        return core.write_meant(trace, query, now_s, draws, meant)

    return act


def refusals(*codes: CoreCode) -> tuple[Case, ...]:
    """Return the cases of a write: its own codes, those of the day, and what hangs."""
    refused = [Case(str(code), f"refused: {code}", _meant(code)) for code in (*codes, C.EXPIRED)]
    later = [Case(str(code), f"not now: {code}", _meant(code)) for code in NEVER_USED]
    hangs = [Case(str(kind), told, _meant(CoreFault(kind))) for kind, told in HANGS.items()]
    return (*refused, *later, *hangs)


GONE = (C.NO_ACCOUNT, C.ACCOUNT_CLOSED, C.ACCOUNT_FROZEN)
OPEN = refusals(C.TOO_MANY_ACCOUNTS, C.NOT_BOUND, C.KEY_CONFLICT)
DISBURSE = refusals(*GONE, C.BAD_AMOUNT, C.LOAN_EXISTS, C.OVER_BALANCE_CAP)
COLLECT = refusals(*GONE, C.BAD_AMOUNT, C.NO_LOAN, C.OVER_LOAN, C.NO_FUNDS)
ADJUST = refusals(C.BAD_AMOUNT, C.NO_LOAN, C.OVER_LOAN)
MOVE = refusals(*GONE, C.BAD_AMOUNT, C.NOT_BOUND, C.NO_FUNDS)
TRANSFER = refusals(*GONE, C.BAD_AMOUNT, C.NOT_CONFIRMED, C.OVER_LIMIT, C.NO_FUNDS)
RESERVE = refusals(*GONE, C.BAD_AMOUNT, C.NO_FUNDS)
RESOLVE = refusals(C.BAD_AMOUNT)
REVERSE = refusals(C.NOT_REVERSIBLE)
ACCOUNT = refusals(C.NO_ACCOUNT, C.ACCOUNT_CLOSED, C.BALANCE_LEFT, C.LOAN_LEFT, C.STILL_BOUND)
CUSTOMER = (says("stranger", CustomerAnswer(None), "no card of this bank"),)
FIVE = tuple(
    says(str(verdict), FiveAnswer(verdict), told)
    for verdict, told in {
        FiveVerdict.SAME: "all five agree",
        FiveVerdict.DIFFERENT: "one of the five differs",
        FiveVerdict.NO_SUCH_CARD: "there is no such card",
        FiveVerdict.NOT_CLASS_ONE: "the card is of no class I account",
        FiveVerdict.CARD_CLOSED: "the card was closed",
    }.items()
)
BALANCE = (says("no_account", BalanceAnswer(None), "there is no such account"),)
LIMITS = (says("spent", LimitsAnswer(0, 0), "nothing may come in or go out any more"),)
