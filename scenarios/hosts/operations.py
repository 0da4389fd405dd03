"""Which operations each provider has, read off the port Protocols; and one attempt at one."""

from __future__ import annotations

from sys import modules
from typing import TYPE_CHECKING, Any, NamedTuple

from core.ports import PROVIDERS
from core.ports.acquirer import Acquirer
from core.ports.bureau import Bureau
from core.ports.carrier import Carrier
from core.ports.corebank import CoreBank
from core.ports.evidence import Evidence
from core.ports.face import Face
from core.ports.idnet import IdNet
from core.ports.objects import Objects
from core.ports.ocr import Ocr
from core.ports.registry import Registry
from core.ports.sanctions import Sanctions
from core.ports.wechat import WeChat

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.errors import ProviderError
    from core.ports import Trace
    from core.seed import Draws

PORTS: dict[str, type] = dict(
    zip(
        PROVIDERS,
        (
            WeChat,
            Ocr,
            Carrier,
            IdNet,
            Sanctions,
            Face,
            CoreBank,
            Bureau,
            Registry,
            Acquirer,
            Objects,
            Evidence,
        ),
        strict=True,
    )
)


def _answer(port: type, name: str) -> type | None:
    """Return the class that a port's method is annotated with."""
    said = vars(port)[name].__annotations__.get("return", "")
    found = getattr(modules[port.__module__], said, None)
    return found if isinstance(found, type) else None


OPERATIONS: dict[str, tuple[str, ...]] = {
    provider: tuple(name for name in vars(port) if not name.startswith("_"))
    for provider, port in PORTS.items()
}


# What an operation answers with, where that is one class of the port's own.
ANSWERS: dict[str, dict[str, Any]] = {
    provider: {name: _answer(port, name) for name in OPERATIONS[provider]}
    for provider, port in PORTS.items()
}

REFUSED_S = 0.02  # what it takes a client to learn that nobody listens (assumed)


class Attempt(NamedTuple):
    """One attempt at one operation, with everything that settling it needs."""

    operation: str
    act: Callable[[Trace, Any, float, Draws], Any]
    trace: Trace
    query: Any
    draws: Draws

    def happen(self, now_s: float) -> Any:
        """Have the provider act; return its answer."""
        return self.act(self.trace, self.query, now_s, self.draws)

    def error(self, kind: type[ProviderError]) -> ProviderError:
        """Return the error that the client sees."""
        return kind(self.operation, f"attempt {self.trace.attempt}")
