"""Core banking over the wire: the client half, one exchange an operation.

Source: the project's own REST form (``core/wire/rest.py``). Requests under a key carry their bank
in it, or name it themselves; for the others the trace's bank goes into the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import Unreadable
from core.ports.corebank import (
    BalanceAnswer,
    CustomerAnswer,
    DayAnswer,
    FileAnswer,
    FiveAnswer,
    GeneralLedgerAnswer,
    Key,
    LimitsAnswer,
    Outcome,
    Posted,
    StatementAnswer,
)
from core.wire.rest import Rest

if TYPE_CHECKING:
    from core.ports.corebank import (
        AccountQuery,
        AdjustQuery,
        BalanceQuery,
        BankQuery,
        CollectQuery,
        CustomerQuery,
        DisburseQuery,
        FiveQuery,
        MoveQuery,
        OpenQuery,
        OutcomeQuery,
        ReserveQuery,
        ResolveQuery,
        ReverseQuery,
        StatementQuery,
        TransferQuery,
        Write,
    )
    from core.ports.trace import Trace
    from core.wire.message import Exchange


class CorebankWire:
    """Questions and instructions to the core banking system."""

    def __init__(self, api_key: str) -> None:
        self._rest = Rest("corebank", api_key)

    # Questions.

    def customer(self, trace: Trace, query: CustomerQuery) -> Exchange[CustomerAnswer]:
        return self._rest.ask("customer", query, CustomerAnswer, trace.bank)

    def verify_five(self, trace: Trace, query: FiveQuery) -> Exchange[FiveAnswer]:
        return self._rest.ask("verify_five", query, FiveAnswer, trace.bank)

    def balance(self, trace: Trace, query: BalanceQuery) -> Exchange[BalanceAnswer]:
        return self._rest.ask("balance", query, BalanceAnswer, trace.bank)

    def limits(self, trace: Trace, query: BalanceQuery) -> Exchange[LimitsAnswer]:
        return self._rest.ask("limits", query, LimitsAnswer, trace.bank)

    def statement(self, trace: Trace, query: StatementQuery) -> Exchange[StatementAnswer]:
        return self._rest.ask("statement", query, StatementAnswer, trace.bank)

    def open_keys(self, trace: Trace, query: BankQuery) -> Exchange[tuple[Key, ...]]:
        del trace
        return self._rest.ask("open_keys", query, tuple[Key, ...])

    def day(self, trace: Trace, query: BankQuery) -> Exchange[DayAnswer]:
        del trace
        return self._rest.ask("day", query, DayAnswer)

    def reconciliation(self, trace: Trace, query: BankQuery) -> Exchange[FileAnswer]:
        del trace
        return self._rest.ask("reconciliation", query, FileAnswer)

    def general_ledger(self, trace: Trace, query: BankQuery) -> Exchange[GeneralLedgerAnswer]:
        del trace
        return self._rest.ask("general_ledger", query, GeneralLedgerAnswer)

    def outcome(self, trace: Trace, query: OutcomeQuery) -> Exchange[Posted]:
        del trace
        return self._posted("outcome", query)

    # Instructions.

    def open_account(self, trace: Trace, query: OpenQuery) -> Exchange[Posted]:
        del trace
        posted = yield from self._posted("open_account", query)
        if posted.outcome is Outcome.DONE and posted.account is None:
            raise Unreadable("corebank.open_account", "done, and no account")
        return posted

    def disburse(self, trace: Trace, query: DisburseQuery) -> Exchange[Posted]:
        del trace
        return self._posted("disburse", query)

    def collect(self, trace: Trace, query: CollectQuery) -> Exchange[Posted]:
        del trace
        return self._posted("collect", query)

    def adjust(self, trace: Trace, query: AdjustQuery) -> Exchange[Posted]:
        del trace
        return self._posted("adjust", query)

    def move(self, trace: Trace, query: MoveQuery) -> Exchange[Posted]:
        del trace
        return self._posted("move", query)

    def reverse(self, trace: Trace, query: ReverseQuery) -> Exchange[Posted]:
        del trace
        return self._posted("reverse", query)

    def transfer(self, trace: Trace, query: TransferQuery) -> Exchange[Posted]:
        del trace
        return self._posted("transfer", query)

    def reserve(self, trace: Trace, query: ReserveQuery) -> Exchange[Posted]:
        del trace
        return self._posted("reserve", query)

    def resolve(self, trace: Trace, query: ResolveQuery) -> Exchange[Posted]:
        del trace
        return self._posted("resolve", query)

    def account(self, trace: Trace, query: AccountQuery) -> Exchange[Posted]:
        del trace
        return self._posted("account", query)

    def _posted(self, operation: str, query: Write | OutcomeQuery) -> Exchange[Posted]:
        """Ask how a write stands. A core that is done says under which serial, and on which date.

        UNKNOWN is our own word, and DONE without a date would be money that no file of a day is
        ever held against: neither is an answer.
        """
        posted = yield from self._rest.ask(operation, query, Posted)
        if posted.outcome is Outcome.UNKNOWN:
            raise Unreadable(f"corebank.{operation}", "a core does not say that it does not know")
        told = posted.core_serial and posted.accounting_date
        if posted.outcome is Outcome.DONE and not told:
            raise Unreadable(f"corebank.{operation}", "done, and no serial or no accounting date")
        return posted
