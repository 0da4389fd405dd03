"""Who answers in a provider's place: our mock, a plugin, or a real endpoint; for all, or one bank.

A choice is written ``carrier=acme_carrier`` or ``corebank@daopu=https://core.example`` on the
command line, and ``[providers.carrier] use`` or ``[providers.corebank.bank.daopu] use`` in a
scenario. What is chosen for a bank goes before what is chosen for all.

The keys of a real endpoint are told by the environment: ``LOANRANGE_CARRIER_SECRET_ID`` and so on,
one for each of a tenant's credentials; one that is not told is the tenant's own.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from core.errors import InputError, nearest
from core.ports import PROVIDERS
from mocks.plugins import OWN, Plugins, Use
from scenarios.hosts.operations import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mocks.plugins import Plugin
    from mocks.tenant import Credentials

WRITTEN = re.compile(r"(?P<provider>[^=@]+)(?:@(?P<bank>[^=@]+))?=(?P<use>.+)")
IN_PROCESS = "objects"  # pictures lie where they are kept: nobody is asked over HTTP


class Choice(NamedTuple):
    """One choice, and the place where somebody wrote it."""

    provider: str
    bank: str  # empty: for all
    use: str
    place: str

    @property
    def is_url(self) -> bool:
        """Whether it is a real endpoint."""
        return "://" in self.use


class Uses(NamedTuple):
    """The choices, read: plugins by provider, endpoints by provider and bank ("" for all)."""

    plugins: dict[str, Use]
    endpoints: dict[tuple[str, str], str]

    def require_mocks(self, what: str) -> None:
        """Require that nobody outside is to be asked.

        Raises:
            InputError: there is a real endpoint, and ``what`` cannot wait for one.
        """
        for (provider, bank), url in self.endpoints.items():
            at = f"providers.{provider}{f'.bank.{bank}' if bank else ''}.use"
            problem = f"is {url}, and {what} asks nobody over a network"
            raise InputError(at, problem, "choose a mock or a plugin, or tell stories --host wall")


@cache
def plugins() -> Plugins:
    """Return what is installed, looked for once."""
    return Plugins.installed(ANSWERS)


def added() -> dict[str, Plugin]:
    """Return the plugins that bring providers of their own, by the providers' names."""
    return plugins().added(PROVIDERS)


def choice_of(word: str) -> Choice:
    """Return a choice as the command line writes it.

    Raises:
        InputError: it is written in another way.
    """
    told = WRITTEN.fullmatch(word)
    if told is None:
        raise InputError(f"--use {word}", "is no choice", "write PROVIDER[@BANK]=mock|PLUGIN|URL")
    return Choice(told["provider"], told["bank"] or "", told["use"], f"--use {word}")


def uses_of(choices: Iterable[Choice], banks: Iterable[str]) -> Uses:
    """Return what was chosen.

    Raises:
        InputError: a choice names a provider, bank or plugin that there is not, or a bad address.
    """
    known, everyone = frozenset(banks), dict[str, "Plugin"]()
    by_bank: dict[str, dict[str, Plugin]] = {}
    endpoints: dict[tuple[str, str], str] = {}
    for choice in choices:
        provider, bank, place = choice.provider, choice.bank, choice.place
        if provider not in PROVIDERS:
            raise InputError(place, f"no provider {provider!r}", nearest(provider, PROVIDERS))
        if bank and bank not in known:
            raise InputError(place, f"no bank {bank!r}", nearest(bank, known))
        if choice.is_url:
            endpoints[provider, bank] = _address(choice)
        elif choice.use != OWN:
            plugin = plugins().of(choice.use, provider, place)
            if bank:
                by_bank.setdefault(provider, {})[bank] = plugin
            else:
                everyone[provider] = plugin
    chosen = everyone.keys() | by_bank.keys()
    made = {name: Use(everyone.get(name), by_bank.get(name, {})) for name in sorted(chosen)}
    return Uses(made, endpoints)


def _address(choice: Choice) -> str:
    parts = urlsplit(choice.use)
    if choice.provider == IN_PROCESS:
        raise InputError(choice.place, "pictures are kept in process", "use mock or a plugin")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(choice.place, f"{choice.use} is no endpoint", "write https://HOST[:PORT]")
    return choice.use.rstrip("/")


def keys_of(provider: str, own: Credentials, environ: Mapping[str, str]) -> Credentials:
    """Return the keys of a provider's real endpoint: those of the environment, else the tenant's.

    ``environ`` is the process's environment.
    """
    told = {
        each.name: environ[name]
        for each in fields(own)
        if (name := f"LOANRANGE_{provider}_{each.name}".upper()) in environ
    }
    return replace(own, **told)
