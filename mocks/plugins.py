"""Providers that somebody else brings, by the entry-point group ``loanrange.providers``.

An entry point names a plain class that says of itself what our own behaviours say: ``PROVIDER``,
``SCOPE``, ``OPERATIONS``, and one method for each of these. Where ``PROVIDER`` is one of ours, it
answers in our provider's place for whom a configuration chooses it; where it is a new name, it is
served beside ours, over REST where the class has a ``SERVICE``. It may say more: ``PROFILE``, its
line's figures.

What is made of it is a guest: it is held to what it says when it is loaded, and again call by call.
One that cannot be loaded, or lies, is not served, and whoever chooses it is told why; one that
fails while it is asked, or answers with something else than its port, is a server that failed to
its client, and a line in the log that names it. The server goes on.
"""

from __future__ import annotations

import inspect
import logging
import re
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

from core.errors import InputError, ProviderError, ServerFailed, nearest
from mocks.line import Profile
from mocks.spec import Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from importlib.metadata import EntryPoint

    from core.banks import Bank
    from core.ports.people import People
    from core.ports.trace import Trace
    from core.seed import Draws, Seed
    from mocks.rest import Service

GROUP = "loanrange.providers"
OWN = "mock"  # what a configuration calls our own
SCOPES = get_args(Scope)
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
TAKES = ("trace", "query", "now_s", "draws")
ASSUMED = Profile(300, 1_500, 5_000)  # of a provider that does not say its line's figures

_LOG = logging.getLogger(__name__)


class Ground(NamedTuple):
    """What a plugin's class is called with: the world that its provider is to live in."""

    people: People
    banks: dict[str, Bank]
    start: date
    seed: Seed
    own: Any = None  # our provider, in whose place it is to answer


class OnTop:
    """The base of a plugin that stands before our own provider: what it does not do, ours does."""

    def __init__(self, ground: Ground) -> None:
        self.own = ground.own

    def __getattr__(self, name: str) -> Any:
        """Return what our own has."""
        own = self.__dict__.get("own")
        if own is None or name.startswith("__"):
            raise AttributeError(name)
        return getattr(own, name)


class Plugin(NamedTuple):
    """A class that was loaded, and held to what it says."""

    name: str  # the entry point's
    kind: type[Any]
    answers: dict[str, type[Any]]  # what an operation answers with, where that is one class

    @property
    def provider(self) -> str:
        """The provider that it is."""
        return str(self.kind.PROVIDER)

    @property
    def profile(self) -> Profile | None:
        """The figures of its line, where it says them."""
        profile: Profile | None = getattr(self.kind, "PROFILE", None)
        return profile

    @property
    def service(self) -> Service | None:
        """What is served of it over REST, where it says so."""
        service: Service | None = getattr(self.kind, "SERVICE", None)
        return service

    def open(self, ground: Ground) -> Guest:
        """Return the provider in a world.

        Raises:
            InputError: its class could not be called.
        """
        try:
            return Guest(self, self.kind(ground))
        except Exception as error:
            raise _failed(self.name, "cannot be opened", error) from error


class Plugins:
    """What is installed: the plugins that can be used, and why the others cannot."""

    def __init__(self, found: Iterable[EntryPoint], ports: Mapping[str, Mapping[str, Any]]) -> None:
        """``ports``: the operations of our own providers, each with what the port answers."""
        self.usable: dict[str, Plugin] = {}
        self.refused: dict[str, str] = {}
        for point in sorted(found, key=lambda point: (point.name, point.value)):
            try:
                if point.name in self.usable:
                    problem = "is brought by two packages"
                    raise InputError(f"plugin {point.name!r}", problem, "uninstall one of them")
                self.usable[point.name] = _loaded(point, ports)
            except InputError as wrong:
                self.refused[point.name] = str(wrong)

    @classmethod
    def installed(cls, ports: Mapping[str, Mapping[str, Any]]) -> Plugins:
        """Return those of the group's entry points."""
        return cls(entry_points(group=GROUP), ports)

    def of(self, name: str, provider: str, place: str) -> Plugin:
        """Return the plugin of a name, which is to answer in a provider's place.

        Raises:
            InputError: there is none, it cannot be used, or it is another provider.
        """
        plugin = self.usable.get(name)
        if plugin is None:
            if name in self.refused:
                raise InputError(place, f"cannot use it: {self.refused[name]}", "choose another")
            known = (OWN, *self.usable)
            problem = f"no plugin is called {name!r}"
            raise InputError(place, problem, f"{nearest(name, known)}, or give a URL")
        if plugin.provider != provider:
            problem = f"the plugin {name!r} is no {provider} but {plugin.provider}"
            raise InputError(place, problem, f"use it under providers.{plugin.provider}")
        return plugin

    def added(self, ours: Iterable[str]) -> dict[str, Plugin]:
        """Return the plugins that bring a provider of a new name, by that name.

        Where two bring the same, the first by name counts.
        """
        known = frozenset(ours)
        found: dict[str, Plugin] = {}
        for plugin in self.usable.values():
            if plugin.provider not in known:
                found.setdefault(plugin.provider, plugin)
        return found


def _failed(name: str, what: str, error: BaseException) -> InputError:
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return InputError(f"plugin {name!r}", f"{what} ({told[:200]})", "see the package's own log")


def _loaded(point: EntryPoint, ports: Mapping[str, Mapping[str, Any]]) -> Plugin:
    """Load an entry point, and hold it to what it says.

    Raises:
        InputError: it cannot be loaded, or says what is not so.
    """
    try:
        kind = point.load()
    except Exception as error:
        raise _failed(point.name, "cannot be loaded", error) from error
    if not isinstance(kind, type):
        raise InputError(f"plugin {point.name!r}", "is no class", "let the entry point name one")
    plugin = Plugin(point.name, kind, {})
    _require_true(plugin, ports)
    port = ports.get(plugin.provider, {})
    operations: dict[str, Operation] = plugin.kind.OPERATIONS
    told = {name: port.get(name) or _answer_of(kind, name) for name in operations}
    plugin.answers.update({name: answer for name, answer in told.items() if answer is not None})
    return plugin


def _require_true(plugin: Plugin, ports: Mapping[str, Mapping[str, Any]]) -> None:
    """Require that what a class says of itself is so."""
    kind, place = plugin.kind, f"plugin {plugin.name!r}"
    provider, operations = getattr(kind, "PROVIDER", None), getattr(kind, "OPERATIONS", None)
    if not isinstance(provider, str) or not NAME.fullmatch(provider):
        problem = f"its PROVIDER is {provider!r}"
        raise InputError(place, problem, "use a name of small letters, digits and _")
    if getattr(kind, "SCOPE", None) not in SCOPES:
        problem = f"its SCOPE is {getattr(kind, 'SCOPE', None)!r}"
        raise InputError(place, problem, f"say {', '.join(SCOPES[:-1])} or {SCOPES[-1]}")
    if not isinstance(operations, dict) or not operations:
        raise InputError(place, "it has no OPERATIONS", "list them with mocks.spec.table")
    for name, operation in operations.items():
        if not isinstance(operation, Operation) or operation.name != name:
            problem = f"OPERATIONS[{name!r}] is no operation of that name"
            raise InputError(place, problem, "list them with mocks.spec.table")
        _require_method(place, kind, name)
    if not isinstance(getattr(kind, "PROFILE", None), Profile | None):
        raise InputError(place, "its PROFILE is no Profile", "make it a mocks.line.Profile")
    missing = sorted(ports.get(provider, {}).keys() - operations.keys())
    if missing:
        problem = f"it is to be a {provider}, and has no operation {missing[0]!r}"
        raise InputError(place, problem, "give every operation of the port")
    _require_service(place, plugin, provider in ports)


def _require_method(place: str, kind: type[Any], name: str) -> None:
    method = getattr(kind, name, None)
    if method is None and issubclass(kind, OnTop):
        return
    takes: tuple[str, ...] = ()
    if callable(method):
        takes = tuple(inspect.signature(method).parameters)[1:]
    if takes != TAKES or inspect.iscoroutinefunction(method):
        problem = f"it says that it has {name!r}, and has no such method"
        raise InputError(place, problem, f"write def {name}(self, {', '.join(TAKES)})")


def _require_service(place: str, plugin: Plugin, is_ours: bool) -> None:
    service = plugin.service
    if service is None:
        return
    if not isinstance(getattr(service, "posts", None), tuple):  # not asked by its class, whose
        # module loads what serves: a simulation spares that
        raise InputError(place, "its SERVICE is no Service", "make it a mocks.rest.Service")
    if is_ours:
        problem = f"a {plugin.provider} is served already, and it has a SERVICE"
        raise InputError(place, problem, "leave it out: ours asks it")
    if service.name != plugin.provider:
        raise InputError(place, f"its SERVICE is called {service.name!r}", "name the provider")
    unknown = [post.name for post in service.posts if post.name not in plugin.kind.OPERATIONS]
    if unknown:
        remedy = nearest(unknown[0], plugin.kind.OPERATIONS)
        raise InputError(place, f"its SERVICE has an unknown {unknown[0]!r}", remedy)


class Guest:
    """A plugin's provider in one world: each of its answers is looked at before it is believed."""

    def __init__(self, plugin: Plugin, inner: Any) -> None:
        self.plugin = plugin
        self.inner = inner
        self.PROVIDER = plugin.provider
        self.SCOPE = plugin.kind.SCOPE

    @property
    def OPERATIONS(self) -> dict[str, Operation]:  # noqa: N802  as every behaviour has it
        """The operations that its class says it has."""
        operations: dict[str, Operation] = self.plugin.kind.OPERATIONS
        return operations

    def __getattr__(self, name: str) -> Any:
        """Return what asks for an operation; anything else is the plugin's own."""
        held = self.__dict__.get("inner")
        if held is None or name.startswith("__"):
            raise AttributeError(name)
        if name in self.OPERATIONS:
            return partial(self._ask, name)
        return getattr(held, name)

    def _ask(self, name: str, trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        """Ask; whatever else comes of it than an answer is a server that failed.

        Raises:
            ServerFailed: it raised, or its answer is none of the port's.
        """
        operation = f"{self.PROVIDER}.{name}"
        try:
            answer = getattr(self.inner, name)(trace, query, now_s, draws)
        except ProviderError:
            raise
        except Exception as error:
            _LOG.exception("the plugin %r failed at %s", self.plugin.name, operation)
            told = f"the plugin {self.plugin.name!r} raised {type(error).__name__}"
            raise ServerFailed(operation, told) from error
        wanted = self.plugin.answers.get(name)
        if wanted is not None and not isinstance(answer, wanted):
            told = f"the plugin {self.plugin.name!r} answered with {type(answer).__name__}"
            _LOG.error("%s: %s, not %s", operation, told, wanted.__name__)
            raise ServerFailed(operation, f"{told}, not {wanted.__name__}")
        return answer


def _answer_of(kind: type[Any], name: str) -> type[Any] | None:
    """Return the class that a method says it answers with; None where it says no one class."""
    try:
        said = get_type_hints(getattr(kind, name)).get("return")
    except Exception:  # noqa: BLE001  named for a type checker only, or by any kind of magic
        return None
    return said if isinstance(said, type) else None


class Use(NamedTuple):
    """Who answers in the place of one of our providers: for everybody, and for some banks."""

    everyone: Plugin | None = None
    by_bank: Mapping[str, Plugin] = {}

    def open(self, own: Any, ground: Ground) -> Switch:
        """Return the provider in a world, before our own.

        Raises:
            InputError: a plugin's class could not be called.
        """
        ground = ground._replace(own=own)
        by_bank = {bank: plugin.open(ground) for bank, plugin in self.by_bank.items()}
        return Switch(own, self.everyone.open(ground) if self.everyone else None, by_bank)


class Switch:
    """One of our providers, where some banks are answered by somebody else.

    Whatever is no operation is our own's: what a phone or an operator does, they do to ours.
    """

    def __init__(self, own: Any, everyone: Guest | None, by_bank: dict[str, Guest]) -> None:
        self.own = own
        self.everyone = everyone
        self.by_bank = by_bank
        self.PROVIDER, self.SCOPE = own.PROVIDER, own.SCOPE
        more = {} if everyone is None else everyone.OPERATIONS
        self.OPERATIONS: dict[str, Operation] = {**own.OPERATIONS, **more}

    def __getattr__(self, name: str) -> Any:
        """Return what asks whom a bank chose; anything else is our own's."""
        own = self.__dict__.get("own")
        if own is None or name.startswith("__"):
            raise AttributeError(name)
        if name in self.OPERATIONS:
            return partial(self._ask, name)
        return getattr(own, name)

    def _ask(self, name: str, trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        asked = self.by_bank.get(trace.bank) or self.everyone or self.own
        return getattr(asked, name)(trace, query, now_s, draws)
