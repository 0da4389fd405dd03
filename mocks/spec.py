"""What every behaviour says of itself: its provider, how far its state reaches, its operations.

A behaviour is state and rules. Each operation is a method with the port's name and the signature
``(trace, query, now_s, draws) -> answer``: ``now_s`` is business time, ``draws`` the chance of
this attempt. It mints ids from the request's key, never from a counter, so that overlapping
customers cannot change each other's; and a repeated call does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

Scope = Literal["nation", "platform", "bank"]


def free(answer: object) -> bool:
    """No answer is billed."""
    del answer
    return False


def always(answer: object) -> bool:
    """Every answer is billed."""
    del answer
    return True


def on(*verdicts: object, field: str = "verdict") -> Callable[[object], bool]:
    """Bill an answer whose ``field`` is one of ``verdicts``."""
    wanted = frozenset(verdicts)
    return lambda answer: getattr(answer, field) in wanted


@dataclass(slots=True, frozen=True)
class Operation:
    """One question or instruction; ``writes`` where a repeat needs care, ``billed`` per answer."""

    name: str
    writes: bool = False
    billed: Callable[[object], bool] = free


def table(*operations: Operation) -> dict[str, Operation]:
    """Return the operations by their names."""
    return {operation.name: operation for operation in operations}


class Behaviour(Protocol):
    """What the line, the journal and the control plane know of a provider."""

    PROVIDER: ClassVar[str]
    SCOPE: ClassVar[Scope]
    OPERATIONS: ClassVar[dict[str, Operation]]
