"""A world: the people, the providers' behaviours, the lines to them, and one seed for all of it.

One world is one tenant. A host puts a clock to it and hands the platform its ports.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from core.banks import Bank, load_banks
from core.flow.funding import open_funding
from core.flow.platform import Platform
from core.ports import PROVIDERS, Ports
from core.products import Product, load_products
from core.seed import Seed
from core.store.memory import CopyingStore, MemoryStore
from mocks.acquirer.behaviour import Acquirer
from mocks.bureau.behaviour import Bureau
from mocks.carrier.behaviour import Carrier
from mocks.corebank.behaviour import CoreBank
from mocks.evidence.behaviour import Evidence
from mocks.face.behaviour import Face
from mocks.idnet.behaviour import IdNet
from mocks.line import Fault, Profile, lines, require_known
from mocks.objects.behaviour import Objects
from mocks.ocr.behaviour import Ocr
from mocks.plugins import ASSUMED as GUESTS
from mocks.plugins import Ground
from mocks.registry.behaviour import Registry
from mocks.sanctions.behaviour import Sanctions
from mocks.spec import Behaviour
from mocks.wechat.behaviour import WeChat
from scenarios.hosts.operations import OPERATIONS
from scenarios.population.making import Maker
from scenarios.population.plan import Plan
from scenarios.population.register import Population
from scenarios.population.shops import Shops
from scenarios.spans import SPANS, Spans, TracedPorts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from core.clock import Clock
    from mocks.journal import Journal
    from mocks.plugins import Plugin, Use
    from mocks.spec import Operation
    from scenarios.device import Device
    from scenarios.hosts.operations import Attempt


BEHAVIOURS: dict[str, type[Behaviour]] = {
    kind.PROVIDER: kind
    for kind in (
        *(WeChat, Ocr, Carrier, IdNet, Sanctions, Face, CoreBank),
        *(Bureau, Registry, Acquirer, Objects, Evidence),
    )
}


class Host(Protocol):
    """What stories, phones and rollouts need of a host."""

    name: str
    world: World
    ports: Ports
    device: Device | None  # None: phones act on the world itself

    @property
    def clock(self) -> Clock:
        """The business clock."""
        ...

    def run(self, journey: Any, at_s: float | None = None) -> Any:
        """Run a coroutine to its end."""
        ...


@cache
def built_in() -> tuple[dict[str, Bank], dict[str, Product]]:
    """Return the banks and products of this project, read once; whoever changes them copies."""
    banks = load_banks()
    return banks, load_products(banks)


def _straight(method: Callable[..., Any]) -> Callable[..., Any]:
    return method


class World:
    """Everything outside the platform, and the platform's own memory."""

    # A snapshot shares these. (A Maker has a generator in it, which is put in place anew for each
    # part of a person: nothing of one call is left to the next.)
    unchanging: ClassVar[tuple[type, ...]] = (Bank, Product, Plan, Maker, Spans)

    def __init__(  # noqa: PLR0913  each by its name, all but two with a default
        self,
        seed: int,
        start: date,
        *,
        replication: int = 0,
        profiles: dict[str, Profile] | None = None,
        faults: Iterable[Fault] = (),
        outages: dict[str, list[tuple[float, float]]] | None = None,
        banks: dict[str, Bank] | None = None,
        products: dict[str, Product] | None = None,
        journal: Journal | None = None,
        copying: bool = False,
        tap: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
        uses: Mapping[str, Use] | None = None,
        added: Mapping[str, Plugin] | None = None,
    ) -> None:
        """``uses``: who answers in a provider's place; ``added``: providers beside ours."""
        self.seed = Seed(seed, replication)
        self.start = start
        self.banks = dict(built_in()[0]) if banks is None else banks
        if products is None:
            products = dict(built_in()[1]) if banks is None else load_products(banks)
        self.products = products
        self.journal = journal
        more = {name: plugin.profile or GUESTS for name, plugin in (added or {}).items()}
        self.lines = lines(more | (profiles or {}), faults, outages)
        self.store = CopyingStore() if copying else MemoryStore()
        self._tap = tap or _straight
        self.spans = SPANS.get()  # of all calls, where somebody traces
        self.people = Population(self.seed, start, self.banks)
        people = self.people
        secret = self.seed.key("evidence").to_bytes(8, "big")
        self.wechat = WeChat(people)
        shops = Shops(people, self.banks)
        self.ocr = Ocr(people, shops)
        self.carrier = Carrier(people)
        self.idnet = IdNet(people)
        self.sanctions = Sanctions(people)
        self.face = Face(people)
        self.corebank = CoreBank(people, {bank.id: bank.bin for bank in self.banks.values()}, start)
        self.bureau = Bureau(people)
        self.registry = Registry(shops)
        self.acquirer = Acquirer(shops)
        self.objects = Objects()
        self.evidence = Evidence(secret, start)
        self.behaviours: dict[str, Any] = {name: getattr(self, name) for name in PROVIDERS}
        ground = Ground(people, self.banks, start, self.seed)
        for name, use in (uses or {}).items():
            self.behaviours[name] = use.open(self.behaviours[name], ground)
        for name, plugin in (added or {}).items():
            self.behaviours[name] = plugin.open(ground)

        for line in self.lines.values():
            for fault in line.faults:
                require_known(fault, self.behaviours)

    def sure(self, operation: str, query: Any) -> bool:
        """Whether a query's magic input asks for a case."""
        provider, _, name = operation.partition(".")
        known: Operation = self.behaviours[provider].OPERATIONS[name]
        return known.wanted(query) is not None

    def answering(self, attempt: Attempt, fault: Fault | None) -> Attempt:
        """Return an attempt that a planned wrong answer strikes, if one does."""
        if fault is None or not fault.case:
            return attempt
        provider, _, name = attempt.operation.partition(".")
        behaviour = self.behaviours[provider]
        case = behaviour.OPERATIONS[name].case(fault.case, attempt.operation)
        return attempt._replace(act=partial(case.act, behaviour))

    def scope(self, provider: str) -> str:
        """How far one station of a provider reaches: the scenario's word, or the provider's own."""
        return self.lines[provider].profile.scope or self.behaviours[provider].SCOPE

    def bills(self, operation: str, answer: Any) -> bool:
        """Whether a provider bills an answer that came."""
        provider, _, name = operation.partition(".")
        return bool(self.behaviours[provider].OPERATIONS[name].billed(answer))

    def ports(self, operation: Callable[[str, str], Callable[..., Any]]) -> Ports:
        """Return the ports of a host, which makes each operation by provider and name."""
        if self.spans is not None:
            operation = self.spans.around(operation, self.store.tables)

        def port(provider: str) -> Any:
            methods = {
                name: staticmethod(self._tap(operation(provider, name)))
                for name in OPERATIONS[provider]
            }
            return type(f"{provider}_port", (), {"__slots__": (), **methods})()

        made = [port(provider) for provider in PROVIDERS]
        if self.spans is not None:
            return TracedPorts(*made, tracer=self.spans.tracer)
        return Ports(*made)

    def platform(self, host: Host) -> Platform:
        """Return the platform on a host's clock and ports, with this world's memory."""
        platform = Platform(host.ports, self.store, host.clock, self.banks, self.products)
        # In memory nothing is waited for: a quota is set by the time this has been sent.
        with suppress(StopIteration):
            open_funding(platform).send(None)
        return platform
