"""One replication of a rollout: banks go live, customers come, borrow and repay, days end.

Every customer runs the platform's own flow behind the providers' stations. What a customer wants
is drawn by name; what becomes of it is the platform's to decide.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING

import simpy

from core.application import Application, Step
from core.banks import load_banks
from core.calendar import Calendar
from core.clock import DAY_S, date_at, seconds_at
from core.errors import GaveUp, InputError, Refused, nearest
from core.flow.day_end import day_end
from core.flow.journey import journey
from core.flow.repay import repay
from core.invariants import INVARIANTS, Books, check
from core.lending.book import Loan, LoanState
from core.products import products_of
from core.seed import Draws
from core.store.records import Entry
from scenarios.collector import calm
from scenarios.digest import digest
from scenarios.hosts.virtual import VirtualHost, until
from scenarios.hosts.world import World
from scenarios.phone import Owner, Wish
from scenarios.rollout.arrivals import arrivals
from scenarios.rollout.stopwatch import TimedPhone
from scenarios.rollout.tally import Tally, tally
from scenarios.uses import uses_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.banks import Bank
    from core.invariants import Violation
    from core.products import Product
    from scenarios.file import PhasePart, Scenario
    from scenarios.hosts.meter import Meter

# The lanes of a visitor's wishes: what is drawn for one never shifts another.
ENTRY, REFERRER, PRODUCT, SHARE, DELAY, PACE, LATE = range(7)
WILL = {
    Step.REGISTER: 7,
    Step.AUTHORISE: 8,
    Step.APPLY: 9,
    Step.OPEN_ACCOUNT: 10,
    Step.SIGN: 11,
    Step.DRAW_DOWN: 12,
}
SHARE_CONCENTRATION = 4
DELAY_SIGMA = 1.0
HOURS_A_DAY = 24
_NORMAL = NormalDist()


@dataclass
class Replication:
    """What one replication came to."""

    number: int
    tally: Tally
    digest: str
    refused: Counter[str]
    endings: Counter[str]
    violations: list[str]
    invariants: int
    meters: dict[str, Meter]
    journeys_s: array[float] = field(default_factory=lambda: array("d"))
    steps_s: dict[str, array[float]] = field(default_factory=dict)


def banks_of(phase: PhasePart, banks: dict[str, Bank]) -> list[Bank]:
    """Return the banks that a phase really brings live, in the order of their ids.

    Raises:
        InputError: an unknown wave or bank, or more delivered than planned.
    """
    place = f"phase {phase.name!r}"
    if isinstance(phase.banks, str):
        waves = {bank.wave for bank in banks.values()}
        if phase.banks not in waves:
            raise InputError(
                f"{place}: banks", f"no wave is called {phase.banks!r}", nearest(phase.banks, waves)
            )
        found = [bank for bank in banks.values() if bank.wave == phase.banks]
    else:
        for name in phase.banks:
            if name not in banks:
                raise InputError(
                    f"{place}: banks", f"no bank is called {name!r}", nearest(name, banks)
                )
        found = [banks[name] for name in phase.banks]
    if phase.delivered is not None and phase.delivered > len(found):
        raise InputError(
            f"{place}: delivered", f"{phase.delivered} of {len(found)} banks", "deliver fewer"
        )
    return found[: phase.delivered]


class Rollout:
    """One replication, from the first day's midnight to the end of the last day."""

    def __init__(
        self, scenario: Scenario, folder: Path, seed: int, replication: int, share: float = 1.0
    ) -> None:
        part = scenario.scenario
        self.scenario = scenario
        self.share = share
        self.banks = load_banks()
        self.live = self._phases()
        uses = uses_of(scenario.choices(), self.banks)
        uses.require_mocks("a rollout")
        self.world = World(
            seed,
            part.start,
            replication=replication,
            profiles=scenario.profiles(folder),
            faults=scenario.faults(),
            outages=scenario.outages(),
            banks=self.banks,
            uses=uses.plugins,
        )
        self.host = VirtualHost(self.world, simpy.Environment())
        self.platform = self.world.platform(self.host)
        self.calendar = Calendar.with_assumed(scenario.assumed_years())
        self.end_s = seconds_at(part.start, part.end) + DAY_S
        funnel = scenario.funnel
        self._goes_on = {
            Step.AUTHORISE: funnel.authorise,
            Step.APPLY: funnel.apply,
            Step.OPEN_ACCOUNT: funnel.open_account,
            Step.SIGN: funnel.sign,
            Step.DRAW_DOWN: funnel.draw_down,
        }
        self._entries = list(scenario.channels.shares().items())
        self.refused: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.journeys_s = array("d")
        self.steps_s = {step.value: array("d") for step in Step}
        self.number = replication

    def _phases(self) -> dict[str, PhasePart]:
        live: dict[str, PhasePart] = {}
        for phase in self.scenario.phase:
            for bank in banks_of(phase, self.banks):
                if bank.id in live:
                    raise InputError(
                        f"phase {phase.name!r}: banks", f"{bank.id} is live already", "name it once"
                    )
                live[bank.id] = phase
        return live

    def run(self, progress: Callable[[date, int], None] | None = None) -> Replication:
        """Run to the end of the last day; return what it came to."""
        for bank, phase in sorted(self.live.items()):
            # The core has closed its days all the while; only ours begin with the first visitor.
            self.world.corebank.close_day(bank, phase.live_from)
            self.host.spawn(self._visitors(self.banks[bank], phase))
            self.host.spawn(self._day_ends(bank, phase))
        if progress is not None:
            self.host.spawn(self._report(progress))
        with calm():
            self.host.env.run(until=self.end_s)
            return self._result()

    async def _report(self, progress: Callable[[date, int], None]) -> None:
        while True:
            progress(date_at(self.world.start, self.host.env.now), sum(self.endings.values()))
            await until(self.host.env.timeout(DAY_S))

    # Those who come

    async def _visitors(self, bank: Bank, phase: PhasePart) -> None:
        """Let a bank's visitors come, one process each, when their time is there."""
        part, env = self.scenario.scenario, self.host.env
        numbers, times_s = arrivals(
            self.scenario.arrivals,
            self.calendar,
            self.world.seed,
            bank.id,
            bank.weight * self.share,
            part.start,
            phase.live_from,
            part.end,
        )
        arrived = dict(zip(numbers.tolist(), times_s.tolist(), strict=True))
        products = products_of(bank.id, self.world.products)
        for number, at_s in arrived.items():
            await until(env.timeout(at_s - env.now))
            self.host.spawn(self._visitor(bank, phase, products, number, arrived))

    async def _visitor(
        self,
        bank: Bank,
        phase: PhasePart,
        products: list[Product],
        number: int,
        arrived: dict[int, float],
    ) -> None:
        draws = Draws(self.world.seed.key("visitor", bank.id), number, 0)
        people = self.world.people
        key = people.key(bank.id, number)
        wish = self._wish(bank, phase, draws, number, arrived)
        product = products[int(draws.uniform(PRODUCT) * len(products))]
        owner = Owner(key, people.openid(bank.id, number), lambda: people.person(bank.id, number))
        phone = TimedPhone(self.host, bank.id, wish, owner)
        ending = await journey(self.platform, phone, product.id)
        self.endings[ending.outcome] += 1
        if ending.reason is not None:
            self.refused[ending.reason.name] += 1
        phone.finish(self.steps_s)
        if ending.outcome == "done":
            self.journeys_s.append(phone.served_s)
            await self._repay(ending.application, draws, key)

    def _wish(
        self,
        bank: Bank,
        phase: PhasePart,
        draws: Draws,
        number: int,
        arrived: dict[int, float],
    ) -> Wish:
        """Return what a visitor wants, from the visitor's own draws."""
        funnel = self.scenario.funnel
        if draws.uniform(WILL[Step.REGISTER]) >= funnel.register_share * phase.funnel_multiplier:
            entry = self._entry(draws)
            referrer = self._referrer(bank.id, entry, draws, number, arrived)
            return Wish(entry, referrer, refuses=frozenset({Step.REGISTER}))
        stops = [
            step for step, share in self._goes_on.items() if draws.uniform(WILL[step]) >= share
        ]
        after_days = exp(
            log(funnel.draw_after_days) + DELAY_SIGMA * _NORMAL.inv_cdf(draws.uniform(DELAY) or 0.5)
        )
        entry = self._entry(draws)
        return Wish(
            entry,
            self._referrer(bank.id, entry, draws, number, arrived),
            refuses=frozenset(stops),
            delay_s={Step.DRAW_DOWN: after_days * DAY_S},
            share_ppm=lambda: self._share_ppm(bank.id, number),
            tries=funnel.tries,
            returns=funnel.returns,
        )

    def _share_ppm(self, bank: str, number: int) -> int:
        """Return the part of the line that a visitor draws; asked late, since few come so far."""
        mean = self.scenario.funnel.draw_share
        stream = self.world.seed.random("share", bank, number)
        share = stream.betavariate(mean * SHARE_CONCENTRATION, (1 - mean) * SHARE_CONCENTRATION)
        return round(share * 1_000_000)

    def _entry(self, draws: Draws) -> Entry:
        left = draws.uniform(ENTRY)
        for entry, share in self._entries:
            left -= share
            if left < 0:
                return entry
        return Entry.SCAN

    def _referrer(
        self, bank: str, entry: Entry, draws: Draws, number: int, arrived: dict[int, float]
    ) -> str:
        """Return who sent a visitor: somebody who came before them, or one of the bank's staff."""
        if entry is Entry.STAFF:
            return f"{bank}/staff/{int(draws.uniform(REFERRER) * 40):02d}"
        if entry is not Entry.SHARE or number == 1:
            return ""
        other = 1 + int(draws.uniform(REFERRER) * (number - 1))
        came_s = arrived.get(other)
        if came_s is None or came_s >= arrived[number]:
            return ""
        return self.world.people.key(bank, other)

    # Those who owe

    async def _repay(self, application: str, draws: Draws, key: str) -> None:
        """Pay every instalment on its day, in the customer's own hour, or late."""
        env, start, funnel = self.host.env, self.world.start, self.scenario.funnel
        app = await self.platform.store.get(Application, application)
        assert app is not None
        loan = await self.platform.store.get(Loan, "L" + app.drawdowns[0][1:])
        assert loan is not None
        hour_s = (9.0 + 12.0 * draws.uniform(PACE)) * 3600.0
        for number, due in enumerate([row.due for row in loan.rows]):
            late = self.world.seed.uniform("late", key, number) < funnel.pays_late
            due_s = seconds_at(start, due) + hour_s + (funnel.late_days * DAY_S if late else 0.0)
            if due_s >= self.end_s:
                return
            if due_s > env.now:
                await until(env.timeout(due_s - env.now))
            await self._pay(loan.id, f"{key}/{number}")
            if loan.state is LoanState.SETTLED:
                return

    async def _pay(self, loan: str, request: str) -> None:
        for _ in range(3):
            try:
                await repay(self.platform, loan, request)
            except GaveUp:
                await until(self.host.env.timeout(1800.0))
            except Refused:
                return
            else:
                return

    async def _day_ends(self, bank: str, phase: PhasePart) -> None:
        """Close each day of a bank by the core's own plan, our day end inside its batch."""
        env, core = self.host.env, self.world.corebank
        plan, day = core.plan(), phase.live_from
        while True:
            midnight_s = seconds_at(self.world.start, day) + DAY_S
            await self._wait_until(midnight_s + plan.cutoff_s(bank))
            core.cutoff(bank)
            await self._wait_until(midnight_s + plan.batch_s(bank))
            core.begin_batch(bank)
            left = await day_end(self.platform, bank, day)
            await self._wait_until(midnight_s + plan.close_s(bank))
            core.end_day(bank, day + timedelta(days=1))
            # What a core whose line is closed at night leaves open is asked after by the hour.
            for _ in range(HOURS_A_DAY - 1):
                if not left:
                    break
                await until(env.timeout(3600.0))
                left = await day_end(self.platform, bank, day)
            day += timedelta(days=1)

    async def _wait_until(self, at_s: float) -> None:
        await until(self.host.env.timeout(max(0.0, at_s - self.host.env.now)))

    # What it came to

    def _result(self) -> Replication:
        world = self.world
        self.host.count_stations()
        books = Books(world.store.tables, world.corebank, world.products, now_s=self.host.env.now)
        violations: list[Violation] = check(books)
        return Replication(
            self.number,
            tally(world.store, {bank: p.live_from for bank, p in self.live.items()}),
            digest(world.store, world.corebank),
            self.refused,
            self.endings,
            [str(violation) for violation in violations],
            len(INVARIANTS),
            self.host.meters,
            self.journeys_s,
            self.steps_s,
        )
