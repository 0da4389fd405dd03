"""The stage a story plays on: one tenant, people on demand, days that pass, a crash.

A story is told the same way on every host. The platform's memory on a stage hands out copies, as a
database does, so that a crash forgets exactly what was not saved.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from core.application import Application, Reason, State, Step
from core.clock import DAY_S, date_at
from core.errors import GaveUp, Refused
from core.flow.draw_down import draw_down
from core.flow.journey import Ending, draw, journey, refuse
from core.flow.repay import repay
from core.lending.book import Loan
from core.products import Area, products_of
from core.store.records import Customer, Drawdown, Line, Repayment
from scenarios.mini_program import Later, MiniProgram, Refusal, Unexpected
from scenarios.phone import Phone, Wish
from scenarios.stories.crash import Crash, CrashPlan
from scenarios.stories.operator import AtGateway, InProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date

    from core.flow.platform import Platform
    from core.products import Product
    from core.store.records import Record
    from scenarios.hosts.wire import WireHost
    from scenarios.hosts.world import Host, World
    from scenarios.population.people import Person
    from scenarios.stories.operator import Gateway, Operator

__all__ = ["BANK", "DRAW_FEN", "Crash", "CrashPlan", "Stage", "StoryFailed", "open_to_all"]

T = TypeVar("T")
R = TypeVar("R", bound="Record")

BANK = "daopu"  # a pilot whose product asks a stranger for nothing special
DRAW_FEN = 2_000_000


class StoryFailed(Exception):
    """A story did not end as it says it ends."""


class Stage:
    """What a story may use."""

    def __init__(
        self,
        host: Host,
        gateway: Gateway | None = None,
        operator: Operator | None = None,
    ) -> None:
        """``gateway``: customers come through the one of this host, not straight to the flow.

        ``operator``: who runs a platform elsewhere; without one it comes up here.
        """
        self.host = host
        self.gateway = gateway
        self.world: World = host.world
        self.operator = _here(host, gateway) if operator is None else operator
        self._people = 0
        self.last: Ending | None = None
        self._holder: dict[str, Person] = {}

    @property
    def platform(self) -> Platform:
        """The platform, where it is in this process: for tests of the flow.

        Raises:
            StoryFailed: it is elsewhere, and only its operator gets at it.
        """
        return self._own.platform

    @platform.setter
    def platform(self, platform: Platform) -> None:
        self._own.platform = platform

    @property
    def _own(self) -> InProcess:
        if not isinstance(self.operator, InProcess):
            raise StoryFailed("the platform is a server's: this story must ask its operator")
        return self.operator

    # People and their visits

    def person(self, bank: str = BANK, **truth: Any) -> Person:
        """Return a new person who passes every check, but for the ``truth`` that is given."""
        self._people += 1
        return self.operator.make(bank, self._people, truth)

    def change(self, person: Person, **truth: Any) -> None:
        """Change what is true of a person."""
        self.operator.change(person, truth)

    @property
    def bank(self) -> str:
        """The bank a story plays at where it names none."""
        return BANK

    def product(self, bank: str = BANK) -> str:
        """Return the id of a bank's first product that anybody of its county may ask for."""
        for product in products_of(bank, self.world.products):
            if open_to_all(product):
                return product.id
        raise StoryFailed(f"every product of {bank} asks for more than a stranger has")

    def second_product(self) -> str:
        """Return the id of another product of the story's bank."""
        first = self.product()
        return next(p.id for p in products_of(BANK, self.world.products) if p.id != first)

    def product_with(self, policy: str) -> tuple[str, str]:
        """Return (bank, product) of the first product that follows a policy and adds no checks."""
        for product in self.world.products.values():
            if product.policy == policy and open_to_all(product):
                return product.bank, product.id
        raise StoryFailed(f"no product follows the policy {policy!r}")

    def other_product(self) -> tuple[str, str]:
        """Return (bank, product) of another bank that lends to people of other counties."""
        for product in self.world.products.values():
            if product.bank != BANK and product.area is not Area.COUNTY and open_to_all(product):
                return product.bank, product.id
        raise StoryFailed("no other bank lends outside its county")

    async def visit(
        self,
        person: Person,
        bank: str = BANK,
        product: str = "",
        visit: str = "1",
        **wish: Any,
    ) -> Ending:
        """Have a person visit a bank; return how it ended.

        By default they ask for ``DRAW_FEN``; a visit of the same name asks for the same again.
        """
        wish = {"amount_fen": 0 if "share_ppm" in wish else DRAW_FEN} | wish
        phone = Phone.of(self.host, person, bank, Wish(**wish), visit)
        product = product or self.product(bank)
        if self.gateway is not None:
            self.last = await self._told(await self._through(phone, MiniProgram.journey, product))
        else:
            self.last = await journey(self.platform, phone, product)
        return self.last

    async def draw_again(
        self, person: Person, application: str, visit: str, bank: str = BANK, **wish: Any
    ) -> Ending:
        """Have a customer with a line draw once more."""
        app = await self.application(application)
        phone = Phone.of(self.host, person, bank, Wish(**wish), visit)
        if self.gateway is not None:
            told = await self._through(phone, MiniProgram.draw, application)
            self.last = await self._told(told)
        else:
            self.last = await draw(self.platform, phone, app)
        return self.last

    async def _through(
        self, phone: Phone, act: Callable[..., Awaitable[T]], *what: Any, **more: Any
    ) -> T:
        """Have a phone do something through the gateway; a bug there is raised here."""
        assert self.gateway is not None
        try:
            return await act(self.gateway.mini_program(phone), *what, **more)
        except Unexpected as said:
            broken = await self.operator.broken()
            raise broken or StoryFailed(str(said)) from broken
        except Refusal as no:
            assert no.reason is not None
            raise Refused(no.reason) from no
        except Later as why:
            raise GaveUp("gateway", f"after {why.tries} tries") from why
        finally:
            await self.operator.look()

    async def resume(
        self,
        person: Person,
        bank: str = BANK,
        product: str = "",
        visit: str = "1",
        **wish: Any,
    ) -> Ending:
        """Visit through a crash: the platform dies, comes up with what it saved, and goes on."""
        try:
            await self.visit(person, bank, product, visit, **wish)
        except Crash:
            await self.operator.come_up()
            return await self.visit(person, bank, product, visit, **wish)
        raise StoryFailed("the platform did not crash where it should")

    async def _told(self, ending: Ending) -> Ending:
        """Return an ending with the reason that the gateway keeps to itself, for the story."""
        if ending.outcome == "refused" and ending.reason is None:
            ending.reason = await self.operator.untold()
        return ending

    # Drawing, without a visit around it

    async def signed(self, person: Person) -> Ending:
        """Have a person come as far as a signed contract, and leave there."""
        ending = await self.visit(person, refuses=frozenset({Step.DRAW_DOWN}))
        self._holder[ending.application] = person
        return self.expect(ending, "left", step=Step.DRAW_DOWN)

    async def reserve(self, ending: Ending, request: str, amount_fen: int = DRAW_FEN) -> Drawdown:
        """Reserve an amount for a signed customer, who then does nothing more."""
        return await self.operator.reserve(ending.application, request, amount_fen)

    async def ask_for(self, ending: Ending, request: str, amount_fen: int) -> Drawdown:
        """Have a signed customer ask for an amount under a request's own key."""
        app = await self.application(ending.application)
        phone = Phone.of(self.host, self._holder[app.id], app.bank, Wish(), request)
        if self.gateway is not None:
            asked = (app.id, request, amount_fen)
            told = await self._through(phone, MiniProgram.ask_for, *asked)
            return await self.record(Drawdown, told["id"])
        try:
            return await draw_down(self.platform, app, phone, request, amount_fen)
        except Refused as no:  # a no is written down, as the gateway does
            await refuse(self.platform, app, Step.DRAW_DOWN, no.reason)
            raise

    # The loan's life

    async def application(self, application: str) -> Application:
        """Return an application as it was saved."""
        return await self.record(Application, application)

    async def record(self, table: type[R], record_id: str) -> R:
        """Return a record that must be there, as it was saved."""
        found = await self.operator.get(table, record_id)
        assert found is not None, f"no {table.__name__} {record_id}"
        return found

    async def line(self, ending: Ending) -> Line:
        """Return the line of an application."""
        return await self.record(Line, ending.application)

    async def loan(self, ending: Ending, nth: int = 0) -> Loan:
        """Return the loan behind an application's drawdown."""
        app = await self.application(ending.application)
        loan = await self.operator.get(Loan, "L" + app.drawdowns[nth][1:])
        if loan is None:
            raise StoryFailed(f"drawdown {nth} became no loan")
        return loan

    async def repay(
        self, loan: Loan, request: str, amount_fen: int | None = None, fund_fen: int | None = None
    ) -> Repayment:
        """Bring money in from the bound card and pay; by default all that is due."""
        if self.gateway is None:
            return await repay(self.platform, loan.id, request, amount_fen, fund_fen)
        app = await self.application(loan.application)
        customer = await self.record(Customer, app.customer)
        person = self.world.people.by_openid(customer.openid)
        assert person is not None
        amounts = {"amount_fen": amount_fen, "fund_fen": fund_fen}
        told = await self._through(
            Phone.of(self.host, person, app.bank, Wish(), f"{loan.id}/{request}"),
            MiniProgram.repay,
            loan.id,
            request,
            **{name: fen for name, fen in amounts.items() if fen is not None},
        )
        return await self.record(Repayment, told["id"])

    async def days(self, count: int, banks: tuple[str, ...] = (BANK,)) -> None:
        """Let whole days pass, with the day end of each bank at each midnight."""
        for _ in range(count):
            now_s = self.host.clock.now_s
            await self.host.clock.sleep(DAY_S - now_s % DAY_S)
            ended = self.today - timedelta(days=1)
            for bank in banks:
                await self.close(bank, ended)

    async def bring_in(self, loan: Loan, request: str, amount_fen: int) -> None:
        """Have the customer move money from the bound card onto the account."""
        await self.operator.bring_in(loan.id, request, amount_fen)

    async def close(self, bank: str, on: date) -> int:
        """Close a day of a bank: the core's stages, our day end inside its batch."""
        return await self.operator.close(bank, on)

    async def spend(self, loan: Loan) -> None:
        """Have the customer move everything on the account out to the bound card."""
        await self.operator.spend(loan.id)

    async def put_on_list(self, person: Person) -> None:
        """Put a person on the name list, in a new version that holds from now on."""
        await self.operator.put_on_list(person.key)

    def list_person(self, person: Person) -> None:
        """Put a person on the name list of a world in this process: for tests of the flow."""
        self._own.list_now(person)

    async def paid_out(self, bank: str = BANK) -> int:
        """Return how many disbursements the core of a bank has posted."""
        return (await self.operator.entries(bank)).count("disburse")

    def payouts(self) -> int:
        """Return the same of the story's bank, in this process: for tests of the flow."""
        entries = self._own.world.corebank.entries(BANK)
        return sum(entry.kind == "disburse" for entry in entries)

    @property
    def today(self) -> date:
        """The business date."""
        return date_at(self.host.clock.start, self.host.clock.now_s)

    # What a story says of itself

    def expect(
        self,
        ending: Ending,
        outcome: str,
        reason: Reason | None = None,
        step: Step | None = None,
    ) -> Ending:
        """Require that a visit ended as told."""
        told = (ending.outcome, ending.reason)
        wanted = (outcome, reason)
        if told != wanted or (step is not None and ending.step is not step):
            raise StoryFailed(
                f"expected {_words(outcome, reason, step)}, "
                f"but it was {_words(ending.outcome, ending.reason, ending.step)}"
            )
        return ending

    async def expect_refused(self, asked: Awaitable[object], reason: Reason) -> None:
        """Require that a request is refused for a reason."""
        try:
            await asked
        except Refused as no:
            self.check(no.reason is reason, f"the reason is {reason.name}, not {no.reason.name}")
            return
        raise StoryFailed(f"expected {reason.name}, but it went through")

    def check(self, holds: object, what: str) -> None:
        """Require that something holds."""
        if not holds:
            raise StoryFailed(f"it should hold that {what}")

    async def check_state(self, ending: Ending, state: State) -> None:
        """Require that an application stands where it should."""
        app = await self.application(ending.application)
        self.check(app.state is state, f"the application is {state}, not {app.state}")


def open_to_all(product: Product) -> bool:
    """Whether a product asks for nothing that a good stranger has not."""
    asked = product.admission
    return not (
        product.added_checks
        or asked.relationship_months_min
        or asked.village_grade_min
        or asked.social_insurance_months_min
    )


def _words(outcome: str, reason: Reason | None, step: Step | None) -> str:
    told = f"{outcome} for {reason.name}" if reason else outcome
    return f"{told} at {step}" if step else told


def _here(host: Host, gateway: Gateway | None) -> InProcess:
    """Have a platform come up in this process; return who runs it."""
    platform = host.world.platform(host)
    if gateway is None:
        return InProcess(host, platform)
    return AtGateway(host, platform, cast("WireHost", gateway))
