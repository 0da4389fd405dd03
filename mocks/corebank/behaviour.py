"""Core banking: for each legal entity a book, its customers' accounts, and keys that post once.

A write is done once a key. The same key with the same content is replayed, with other content
refused; a rejected key stays rejected; a fenced one can never post. What fails changes nothing
but the key's own fate. The accounting date is the bank's own state and never goes back.

The rules stand in the files beside: ``writes`` (how a write is taken), ``loans``, ``transfers``,
``reservations``, ``corrections`` and ``customers`` (what it does), ``accounts`` (limits), ``chart``
and ``ledger`` (the books), ``day``, ``files``, ``faults``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.errors import ServerFailed
from core.ports.corebank import (
    BalanceAnswer,
    DayAnswer,
    FileAnswer,
    GeneralLedgerAnswer,
    LimitsAnswer,
    Outcome,
    Posted,
    Stage,
    StatementAnswer,
)
from mocks import magic
from mocks.corebank import audit, cases, day, files
from mocks.corebank.accounts import Flow
from mocks.corebank.faults import ON_FILES, ON_OUTCOME, CoreFault, Request, spoilt, struck
from mocks.corebank.keys import BATCH_CHANNEL, fenced
from mocks.corebank.reservations import Reservation, pending
from mocks.corebank.union import Union
from mocks.corebank.writes import Desk
from mocks.spec import Operation, Scope, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from core.identity import CardNumber
    from core.ports.corebank import (
        AccountQuery,
        AdjustQuery,
        BalanceQuery,
        BankQuery,
        CollectQuery,
        CoreCode,
        CustomerAnswer,
        CustomerQuery,
        DisburseQuery,
        Entry,
        FiveAnswer,
        FiveQuery,
        Key,
        MoveQuery,
        OpenQuery,
        OutcomeQuery,
        ReserveQuery,
        ResolveQuery,
        ReverseQuery,
        Seal,
        StatementQuery,
        TransferQuery,
        Write,
    )
    from core.ports.people import People
    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.corebank.accounts import Deposit
    from mocks.corebank.listener import Listener
    from mocks.results import Readiness


class CoreBank:
    """The union's core system: one book a legal entity; fulfils ``ports.corebank.Ledger`` too."""

    PROVIDER: ClassVar[str] = "corebank"
    SCOPE: ClassVar[Scope] = "bank"
    BATCH_CHANNEL: ClassVar[str] = BATCH_CHANNEL
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("customer", cases=cases.CUSTOMER, magic=magic.id_number()),
        Operation("verify_five", cases=cases.FIVE, magic=magic.card("card.text")),
        Operation("open_account", writes=True, cases=cases.OPEN, magic=magic.card("bound.text")),
        Operation("disburse", writes=True, cases=cases.DISBURSE, magic=magic.card()),
        Operation("collect", writes=True, cases=cases.COLLECT, magic=magic.card()),
        Operation("adjust", writes=True, cases=cases.ADJUST, magic=magic.text("loan")),
        Operation("move", writes=True, cases=cases.MOVE, magic=magic.card()),
        Operation("reverse", writes=True, cases=cases.REVERSE),
        Operation("outcome", writes=True),  # with a fence it is
        Operation("transfer", writes=True, cases=cases.TRANSFER, magic=magic.card()),
        Operation("reserve", writes=True, cases=cases.RESERVE, magic=magic.card()),
        Operation("resolve", writes=True, cases=cases.RESOLVE),
        Operation("account", writes=True, cases=cases.ACCOUNT, magic=magic.card()),
        Operation("balance", cases=cases.BALANCE, magic=magic.card()),
        Operation("limits", cases=cases.LIMITS, magic=magic.card()),
        Operation("open_keys"),
        Operation("day"),
        Operation("statement"),
        Operation("reconciliation"),
        Operation("general_ledger"),
    )

    def __init__(
        self,
        people: People,
        bins: dict[str, str],
        start: date,
        faults: Iterable[CoreFault] = (),
    ) -> None:
        """``bins`` names the banks and the first digits of their cards."""
        self._union = Union(people, bins, start)
        self._desk = Desk(self._union)
        self.faults = list(faults)
        # Told the bank and the step after each step of a day end; what it raises breaks that off.
        self.after_step: Callable[[str, str], None] | None = None

    @property
    def faults(self) -> list[CoreFault]:
        """The planned faults of the core itself."""
        return self._desk.faults

    @faults.setter
    def faults(self, planned: list[CoreFault]) -> None:
        self._desk.faults = planned

    @property
    def readiness(self) -> dict[str, Readiness]:
        """When the results of each operation are ready; one that is not named, at once."""
        return self._desk.readiness

    @readiness.setter
    def readiness(self, planned: dict[str, Readiness]) -> None:
        self._desk.readiness = planned

    def listen(self, listener: Listener | None) -> None:
        """Tell somebody every final word and every closed day from now on; None: nobody."""
        self._desk.listen(listener)

    # The books, as an auditor reads them.

    def banks(self) -> list[str]:
        """The legal entities that keep a book here."""
        return list(self._union.banks)

    def entries(self, bank: str) -> list[Entry]:
        """Every entry of one bank: by accounting date, and in the order of posting."""
        return self._union.banks[bank].book.all_entries()

    def balances(self, bank: str) -> dict[str, int]:
        """Every account's running balance in fen, debit positive."""
        return self._union.banks[bank].book.balances()

    def totals(self, bank: str) -> dict[str, int]:
        """The general ledger: every code's total in fen, debit positive."""
        return self._union.banks[bank].book.all_totals()

    def fate(self, key: Key) -> Posted:
        """What became of a key."""
        fate = self._union.banks[key.bank].fates.get(key)
        return fate.posted if fate else Posted(Outcome.NOT_FOUND)

    def seals(self, bank: str) -> list[Seal]:
        """The sealed accounting dates of one bank, oldest first."""
        return list(self._union.banks[bank].book.seals)

    def original_of(self, bank: str, serial: str) -> str:
        """The serial of the entry that a reversal undid, empty for every other entry."""
        return self._union.banks[bank].book.original_of(serial)

    def deposits(self, bank: str) -> list[Deposit]:
        """The customers' accounts that were touched or opened at one bank."""
        return list(self._union.banks[bank].deposits.values())

    def reservations(self, bank: str) -> list[Reservation]:
        """Every reservation with how it stands; those that timed out are ``TIMED_OUT``."""
        return list(self._union.banks[bank].reservations.values())

    def pending(self, bank: str) -> dict[str, int]:
        """What reservations set aside, as legs that wait; they sum to zero."""
        return pending(self._union.banks[bank])

    def verify_chain(self, bank: str) -> bool:
        """Whether entries, chain, balances, totals, seals, reservations and files hold together."""
        return audit.first_broken(self._union.banks[bank]) is None

    # What a log of commands needs to know (store.py).

    def head(self, bank: str) -> str:
        """The chain value of a bank's last entry."""
        book = self._union.banks[bank].book
        return book.ahead[-1].chain if book.ahead else book.head

    def due(self, now_s: float) -> bool:
        """Whether even a question acts: what was accepted falls due, or waits to be asked after."""
        if now_s >= self._desk.next_s:
            return True
        banks = self._union.banks.values()
        return any(each.polls is not None for bank in banks for each in bank.running.values())

    # The day, and what only a branch can do.

    def accounting_date(self, bank: str) -> date:
        """The day a bank books on."""
        return self._union.banks[bank].day.on

    def plan(self) -> day.DayPlan:
        """When each bank's day should end, by the core's own clock."""
        return day.DayPlan(tuple(self._union.banks))

    def cutoff(self, bank: str, next_date: date | None = None) -> None:
        """Cut the accounting date off: customers' writes get the next one, by default tomorrow."""
        self._desk.cutoff(self._union.banks[bank], next_date)

    def begin_batch(self, bank: str) -> None:
        """Begin the batch: customers' money writes are answered DAY_END.

        Raises:
            InputError: the date was not cut off.
        """
        day.begin_batch(self._union.banks[bank])

    def end_day(self, bank: str, next_date: date) -> date:
        """Settle, check, write down and seal the date; return the one the bank stands on then.

        One that was broken off goes on where it stood.

        Raises:
            InputError: the batch has not begun, or another date was announced at the cut-off.
        """
        here = self._union.banks[bank]
        if day.begin_end(here, next_date):
            self._desk.finish_all(here)
            ended = here.day.on
            day.run_steps(self._union, here, self.after_step)
            if self._desk.listener is not None:
                self._desk.listener.day_closed(bank, ended, here.day.on)
        return here.day.on

    def close_day(self, bank: str, next_date: date) -> date:
        """Go through all stages that remain; a day that has been is no move."""
        here = self._union.banks[bank]
        if next_date <= here.day.on:
            return here.day.on
        if here.day.stage is Stage.OPEN:
            self.cutoff(bank, next_date)
        self.begin_batch(bank)
        return self.end_day(bank, next_date)

    def hold_writes(self, bank: str, held: bool) -> None:
        """Hold customers' writes (HELD), or let them in again."""
        self._union.banks[bank].day.held = held

    def close_account(self, bank: str, card: CardNumber) -> None:
        """Close a customer's account, whatever stands on it: nothing is booked on it any more."""
        deposit = self._union.deposit(self._union.banks[bank], card)
        if deposit is not None:
            deposit.closed = True

    # Questions.

    def customer(
        self, trace: Trace, query: CustomerQuery, now_s: float, draws: Draws
    ) -> CustomerAnswer:
        """The person's class I card of the asking bank, and what the bank sees on it."""
        del now_s, draws
        return self._union.customer(trace.bank, query)

    def verify_five(self, trace: Trace, query: FiveQuery, now_s: float, draws: Draws) -> FiveAnswer:
        """Ask the card's own bank for the five elements (五要素)."""
        del trace, now_s, draws
        return self._union.five(query)

    def balance(
        self, trace: Trace, query: BalanceQuery, now_s: float, draws: Draws
    ) -> BalanceAnswer:
        """What stands on an account, and what of it is set aside; asking books nothing."""
        del draws
        deposit = self._asked(trace, query, now_s)
        if deposit is None:
            return BalanceAnswer(None)
        held_fen = deposit.ledger.held_fen
        return BalanceAnswer(deposit.account_class, deposit.balance_fen, held_fen, deposit.frozen)

    def limits(self, trace: Trace, query: BalanceQuery, now_s: float, draws: Draws) -> LimitsAnswer:
        """What unbound money may still come in and go out on the date a write would get now."""
        del draws
        deposit = self._asked(trace, query, now_s)
        if deposit is None or deposit.closed:
            return LimitsAnswer(0, 0)
        on = self._union.banks[trace.bank].date_for("")
        rooms = [deposit.room_fen(Flow.IN, on), deposit.cap_room_fen()]
        known = [room_fen for room_fen in rooms if room_fen is not None]
        in_fen = (min(known) if known else None) if deposit.sees_unbound else 0
        return LimitsAnswer(in_fen, 0 if deposit.frozen else deposit.room_fen(Flow.OUT, on))

    def _asked(self, trace: Trace, query: BalanceQuery, now_s: float) -> Deposit | None:
        self._desk.catch_up(now_s)
        return self._union.deposit(self._union.banks[trace.bank], query.account)

    def outcome(self, trace: Trace, query: OutcomeQuery, now_s: float, draws: Draws) -> Posted:
        """What became of a key; a fence makes "not found" final.

        Raises:
            ServerFailed: a fault has put this query out of order.
        """
        self._desk.catch_up(now_s)
        key = query.key
        if self.faults:
            request = Request("outcome", trace, key.bank, key.serial, now_s, draws)
            if struck(self.faults, ON_OUTCOME, request):
                raise ServerFailed("corebank.outcome", "the query service is down")
        bank = self._union.banks[key.bank]
        fate = bank.fates.get(key)
        if fate is None:
            fate = fenced(bank.day.on)
            if not query.fence:
                return Posted(Outcome.NOT_FOUND, accounting_date=bank.day.on)
            bank.fates[key] = fate
        elif fate.posted.outcome is Outcome.IN_PROGRESS:
            self._desk.asked_after(bank, key, now_s)
            fate = bank.fates[key]
        return fate.posted

    def open_keys(
        self, trace: Trace, query: BankQuery, now_s: float, draws: Draws
    ) -> tuple[Key, ...]:
        """The keys that are accepted and not final yet."""
        del trace, draws
        self._desk.catch_up(now_s)
        return tuple(self._union.banks[query.bank].running)

    def day(self, trace: Trace, query: BankQuery, now_s: float, draws: Draws) -> DayAnswer:
        """Where a bank's day stands."""
        del trace, draws
        self._desk.catch_up(now_s)
        bank = self._union.banks[query.bank]
        seals = bank.book.seals
        sealed = seals[-1].on if seals else None
        return DayAnswer(bank.day.on, bank.day.stage, sealed, bank.day.held)

    def statement(
        self, trace: Trace, query: StatementQuery, now_s: float, draws: Draws
    ) -> StatementAnswer:
        """An account's lines by accounting date; none where there is no such account."""
        del draws
        self._desk.catch_up(now_s)
        deposit = self._union.deposit(self._union.banks[trace.bank], query.account)
        return files.statement(deposit, query) if deposit else StatementAnswer(0, (), 0)

    def reconciliation(
        self, trace: Trace, query: BankQuery, now_s: float, draws: Draws
    ) -> FileAnswer:
        """The reconciliation file of a sealed date, by default the last one."""
        self._desk.catch_up(now_s)
        bank = self._union.banks[query.bank]
        on = query.on or (bank.book.seals[-1].on if bank.book.seals else bank.day.on)
        content = files.sealed_file(bank, on, self._union.start)
        if content is not None and self.faults:
            request = Request("reconciliation", trace, bank.id, on.isoformat(), now_s, draws)
            fault = struck(self.faults, ON_FILES, request)
            content = spoilt(content, fault.kind) if fault else content
        return FileAnswer(content)

    def general_ledger(
        self, trace: Trace, query: BankQuery, now_s: float, draws: Draws
    ) -> GeneralLedgerAnswer:
        """The general ledger at the end of a sealed date, by default the last; empty before."""
        del trace, draws
        self._desk.catch_up(now_s)
        bank = self._union.banks[query.bank]
        on = query.on or (bank.book.seals[-1].on if bank.book.seals else bank.day.on)
        return GeneralLedgerAnswer(on, dict(bank.ledgers.get(on, {})))

    # Writes: each looks its key up, then acts once.

    def open_account(self, trace: Trace, query: OpenQuery, now_s: float, draws: Draws) -> Posted:
        """Open an account bound to another."""
        return self._desk.write(trace, query, now_s, draws)

    def disburse(self, trace: Trace, query: DisburseQuery, now_s: float, draws: Draws) -> Posted:
        """Pay a loan out, once a loan."""
        return self._desk.write(trace, query, now_s, draws)

    def collect(self, trace: Trace, query: CollectQuery, now_s: float, draws: Draws) -> Posted:
        """Collect the parts of a loan that the loan book allocated."""
        return self._desk.write(trace, query, now_s, draws)

    def adjust(self, trace: Trace, query: AdjustQuery, now_s: float, draws: Draws) -> Posted:
        """Book one of the loan book's own entries."""
        return self._desk.write(trace, query, now_s, draws)

    def move(self, trace: Trace, query: MoveQuery, now_s: float, draws: Draws) -> Posted:
        """Move money between an account and the account bound to it."""
        return self._desk.write(trace, query, now_s, draws)

    def transfer(self, trace: Trace, query: TransferQuery, now_s: float, draws: Draws) -> Posted:
        """Move money between an account and one that is not bound to it."""
        return self._desk.write(trace, query, now_s, draws)

    def reserve(self, trace: Trace, query: ReserveQuery, now_s: float, draws: Draws) -> Posted:
        """Set money aside."""
        return self._desk.write(trace, query, now_s, draws)

    def resolve(self, trace: Trace, query: ResolveQuery, now_s: float, draws: Draws) -> Posted:
        """End a reservation."""
        return self._desk.write(trace, query, now_s, draws)

    def account(self, trace: Trace, query: AccountQuery, now_s: float, draws: Draws) -> Posted:
        """Do something to an account without moving money."""
        return self._desk.write(trace, query, now_s, draws)

    def write_meant(
        self, trace: Trace, query: Write, now_s: float, draws: Draws, meant: CoreCode | CoreFault
    ) -> Posted:
        """Take a write that is to be refused under a code, or to hang."""
        return self._desk.write(trace, query, now_s, draws, meant)

    def reverse(self, trace: Trace, query: ReverseQuery, now_s: float, draws: Draws) -> Posted:
        """Undo a posting of the same accounting date; an original unknown so far is fenced."""
        return self._desk.write(trace, query, now_s, draws)
