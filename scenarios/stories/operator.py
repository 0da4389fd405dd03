"""The operator: all that a story does or looks at which is no customer's doing.

Records are read, a day is closed, a quota set, a loan written off; at the end the books are judged.
:class:`InProcess` does it with a platform and a world of this process. A server that is told
stories from elsewhere has the same acts on the wire (``scenarios.stories.desk``), and
``scenarios.hosts.remote`` asks for them there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from core.application import Application, Step
from core.clock import date_at
from core.flow import after_loan, calls, draw_down
from core.flow.authorise import withdraw
from core.flow.day_end import day_end
from core.flow.errand import Errand
from core.flow.funding import set_quota
from core.flow.lock import unlock
from core.flow.repay import move
from core.flow.take_back import take_back
from core.flow.write_off import write_off
from core.identity import CardNumber
from core.invariants import Books, check
from core.lending.book import Loan
from core.lending.rules import Use
from core.ports.corebank import BalanceQuery, Direction
from core.store.records import Account, Customer, Drawdown
from mocks.sanctions.behaviour import ListEntry
from scenarios.digest import digest

if TYPE_CHECKING:
    from datetime import date

    from core.application import Reason
    from core.flow.platform import Platform
    from core.store.records import Record
    from scenarios.hosts.wire import WireHost
    from scenarios.hosts.world import Host, World
    from scenarios.mini_program import MiniProgram
    from scenarios.phone import Phone
    from scenarios.population.people import Person

R = TypeVar("R", bound="Record")

CALLS_SHOWN = 40  # of a story that failed


class Verdict(NamedTuple):
    """What the books of a story are found to be.

    ``violated`` is the first invariant that does not hold, or empty; ``let_through`` what the
    prudent policy finds, by invariant and as a sentence; ``calls`` are the last provider calls.
    """

    digest: str
    violated: str
    let_through: list[tuple[str, str]]
    calls: list[str]


class Gateway(Protocol):
    """A way for customers to a gateway."""

    def mini_program(self, phone: Phone) -> MiniProgram:
        """Return the mini-program in a customer's phone."""
        ...


class Operator(Protocol):
    """Whoever runs the platform of a story, and looks after the world around it."""

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return a record as it was saved."""
        ...

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of a bank."""
        ...

    async def save(self, record: Record) -> None:
        """Keep a record as it is now, and count its version up."""
        ...

    async def entries(self, bank: str) -> list[str]:
        """Return the kinds of the entries that a bank's core has posted, in their order."""
        ...

    async def opened(self, bank: str) -> int:
        """Return how many accounts with a bound card a bank's core holds."""
        ...

    async def bureau_asked(self) -> int:
        """Return how often the bureau was asked."""
        ...

    async def close(self, bank: str, on: date) -> int:
        """Close a day of a bank; return what the day end left open."""
        ...

    async def set_quota(self, bank: str, quota_fen: int) -> None:
        """Set what a bank may have lent out at once."""
        ...

    async def take_back(self, drawdown: str) -> Drawdown:
        """Have the core undo a payout.

        Raises:
            Refused: it is not to be undone any more.
        """
        ...

    async def write_off(self, loan: str) -> None:
        """Write a loan off."""
        ...

    async def unlock(self, loan: str) -> None:
        """Lift a loan's lock."""
        ...

    async def rescreen(self, bank: str) -> list[str]:
        """Screen every customer of a bank again; return whom that restricted."""
        ...

    async def withdraw(self, customer: str, on: date) -> None:
        """End a customer's consent."""
        ...

    async def reserve(self, application: str, request: str, amount_fen: int) -> Drawdown:
        """Set an amount aside for a signed customer."""
        ...

    async def cancel(self, application: str, request: str) -> Drawdown | None:
        """Give back what was set aside."""
        ...

    async def bring_in(self, loan: str, request: str, amount_fen: int) -> None:
        """Have a customer move money from the bound card onto the account."""
        ...

    async def spend(self, loan: str) -> None:
        """Have a customer move everything on the account out to the bound card."""
        ...

    async def put_on_list(self, person: str) -> None:
        """Put a person, by their key, on the name list, in a version that holds from now on."""
        ...

    async def come_up(self) -> None:
        """Have the platform come up anew, with what was saved and nothing else."""
        ...

    async def untold(self) -> Reason | None:
        """Return the last no that the gateway kept to itself."""
        ...

    async def broken(self) -> BaseException | None:
        """Return what broke behind the gateway last."""
        ...

    async def look(self) -> None:
        """Learn the business time, where it may have passed unseen."""
        ...

    async def verdict(self, *, strictly: bool) -> Verdict:
        """Let everything that is on its way arrive, and judge the books."""
        ...

    def make(self, bank: str, number: int, truth: dict[str, Any]) -> Person:
        """Return somebody who passes every check, but for the ``truth`` that is given."""
        ...

    def change(self, person: Person, truth: dict[str, Any]) -> None:
        """Change what is true of somebody."""
        ...


class InProcess:
    """The operator of a platform in this process."""

    def __init__(self, host: Host, platform: Platform) -> None:
        self.host = host
        self.world: World = host.world
        self.platform = platform

    # Records, and what others have written down

    async def get(self, table: type[R], record_id: str) -> R | None:
        """Return a record as it was saved."""
        return await self.platform.store.get(table, record_id)

    async def all(self, table: type[R], bank: str) -> list[R]:
        """Return every record of a bank."""
        return await self.platform.store.all(table, bank)

    async def save(self, record: Record) -> None:
        """Keep a record as it is now."""
        await self.platform.store.save(record)

    async def entries(self, bank: str) -> list[str]:
        """Return the kinds of the entries that a bank's core has posted, in their order."""
        return [entry.kind for entry in self.world.corebank.entries(bank)]

    async def opened(self, bank: str) -> int:
        """Return how many accounts with a bound card a bank's core holds."""
        return sum(bool(each.bound) for each in self.world.corebank.deposits(bank))

    async def bureau_asked(self) -> int:
        """Return how often the bureau was asked."""
        return len(self.world.bureau.asked)

    # Acts

    async def close(self, bank: str, on: date) -> int:
        """Close a day of a bank: the core's stages, our day end inside its batch."""
        core = self.world.corebank
        core.cutoff(bank)
        core.begin_batch(bank)
        left = await day_end(self.platform, bank, on)
        core.end_day(bank, on + timedelta(days=1))
        return left

    async def set_quota(self, bank: str, quota_fen: int) -> None:
        """Set what a bank may have lent out at once."""
        await set_quota(self.platform, bank, quota_fen)

    async def take_back(self, drawdown: str) -> Drawdown:
        """Have the core undo a payout."""
        return await take_back(self.platform, drawdown)

    async def write_off(self, loan: str) -> None:
        """Write a loan off."""
        await write_off(self.platform, loan)

    async def unlock(self, loan: str) -> None:
        """Lift a loan's lock."""
        await unlock(self.platform, loan)

    async def rescreen(self, bank: str) -> list[str]:
        """Screen every customer of a bank again; return whom that restricted."""
        return (await after_loan.rescreen(self.platform, bank)).restricted

    async def withdraw(self, customer: str, on: date) -> None:
        """End a customer's consent."""
        await withdraw(self.platform, await self._kept(Customer, customer), on)

    async def reserve(self, application: str, request: str, amount_fen: int) -> Drawdown:
        """Set an amount aside for a signed customer."""
        app = await self._kept(Application, application)
        draw_id = draw_down.drawdown_id(app.id, request)
        errand = self.platform.errand(app, Step.DRAW_DOWN).serving(draw_id)
        asked = (self.platform, errand, app, None, amount_fen, Use.DAILY_NEEDS)
        return await draw_down.reserve(*asked)

    async def cancel(self, application: str, request: str) -> Drawdown | None:
        """Give back what was set aside."""
        app = await self._kept(Application, application)
        return await draw_down.cancel(self.platform, app, request)

    async def bring_in(self, loan: str, request: str, amount_fen: int) -> None:
        """Have a customer move money from the bound card onto the account."""
        owed = await self._kept(Loan, loan)
        account = await self._kept(Account, owed.account)
        errand = Errand(self.host.clock, owed.bank, f"{owed.id}/{request}", Step.REPAY)
        await move(self.platform, errand, account, Direction.IN, amount_fen)

    async def spend(self, loan: str) -> None:
        """Have a customer move everything on the account out to the bound card."""
        owed = await self._kept(Loan, loan)
        account = await self._kept(Account, owed.account)
        errand = Errand(self.host.clock, owed.bank, f"{owed.id}/spend", Step.REPAY)
        asks = self.platform.ports.corebank.balance
        balance = await errand.ask(calls.BALANCE, asks, BalanceQuery(CardNumber(account.id)))
        await move(self.platform, errand, account, Direction.OUT, balance.balance_fen)

    async def put_on_list(self, person: str) -> None:
        """Put a person, by their key, on the name list, in a version that holds from now on."""
        found = self.world.people.by_key(person)
        assert found is not None
        self.list_now(found)

    def list_now(self, person: Person) -> None:
        """Put a person on the name list."""
        clock = self.host.clock
        entry = ListEntry(f"entity-{person.key}", person.name, number=person.id_number)
        version = f"{date_at(clock.start, clock.now_s):%Y%m%d}-002"
        self.world.sanctions.change([entry], [], version, clock.now_s)

    # The process, the time, the people, the books

    async def come_up(self) -> None:
        """Have the platform come up anew, with what was saved and nothing else."""
        self.platform = self.world.platform(self.host)

    async def untold(self) -> Reason | None:
        """Return nothing: what the flow says, it says to the customer."""
        return None

    async def broken(self) -> BaseException | None:
        """Return nothing: what breaks in the flow, breaks its caller."""
        return None

    async def look(self) -> None:
        """Look at nothing: whoever waits here knows the time."""

    async def verdict(self, *, strictly: bool) -> Verdict:
        """Judge the books."""
        return judge(self.world, self.platform, strictly=strictly)

    def make(self, bank: str, number: int, truth: dict[str, Any]) -> Person:
        """Return somebody who passes every check, but for the ``truth`` that is given."""
        return self.world.people.make(bank, number, **truth)

    def change(self, person: Person, truth: dict[str, Any]) -> None:
        """Change what is true of somebody."""
        for name, value in truth.items():
            setattr(person, name, value)

    async def _kept(self, table: type[R], record_id: str) -> R:
        """Return a record that must be there."""
        found = await self.platform.store.get(table, record_id)
        assert found is not None, f"no {table.__name__} {record_id}"
        return found


class AtGateway(InProcess):
    """The operator of a platform whose customers come through a gateway of this process."""

    def __init__(self, host: Host, platform: Platform, gateway: WireHost) -> None:
        super().__init__(host, platform)
        self._gateway = gateway
        gateway.receive(platform)

    async def come_up(self) -> None:
        """Have the platform come up anew; who was logged in is logged out."""
        await super().come_up()
        self._gateway.receive(self.platform)

    async def untold(self) -> Reason | None:
        """Return the last no that the gateway kept to itself."""
        return self._gateway.reception.untold

    async def broken(self) -> BaseException | None:
        """Return what broke behind the gateway last."""
        return self._gateway.reception.broken


def judge(world: World, platform: Platform, *, strictly: bool) -> Verdict:
    """Judge the books; the platform's store must be one that an auditor can read as a whole."""
    store: Any = platform.store
    tables, ledger, products = store.tables, world.corebank, world.products
    broken = check(Books(tables, ledger, products))
    strict = check(Books(tables, ledger, products, strict=True)) if strictly else []
    calls = world.journal.last(CALLS_SHOWN) if world.journal is not None else []
    return Verdict(
        digest(store, ledger),
        str(broken[0]) if broken else "",
        [(each.invariant, str(each)) for each in strict],
        [str(call) for call in calls],
    )
