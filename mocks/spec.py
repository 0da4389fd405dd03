"""What every behaviour says of itself: its provider, how far its state reaches, its operations.

A behaviour is state and rules. Each operation is a method with the port's name and the signature
``(trace, query, now_s, draws) -> answer``: ``now_s`` is business time, ``draws`` the chance of
this attempt. It mints ids from the request's key, never from a counter, so that overlapping
customers cannot change each other's; and a repeated call does no harm.

What a test may have an operation answer, whatever the truth is, are its cases. A case is asked for
by name, or by a magic input: a value of one field of the query that is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from core.ports.trace import Trace
    from core.seed import Draws

Scope = Literal["nation", "platform", "bank"]
# How a case acts: told the behaviour, then what its method would be told.
Act = Callable[[Any, "Trace", Any, float, "Draws"], Any]


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


class Case(NamedTuple):
    """An answer that can be asked for by its name; ``told`` says what it is."""

    name: str
    told: str
    act: Act


def says(name: str, answer: object, told: str) -> Case:
    """Return a case whose answer is always the same, and changes nothing."""
    if not is_dataclass(answer) or isinstance(answer, type):
        return Case(name, told, lambda *_: copy(answer))
    kind, values = type(answer), [getattr(answer, one.name) for one in fields(answer)]
    return Case(name, told, lambda *_: kind(*values))  # a copy, in a fifth of the time


class Magic(NamedTuple):
    """Which field of a query holds a magic input, and how the one of a case is written."""

    field: str  # as attrgetter reads it: "phone.text"
    write: Callable[[int, str], str]  # the case's number, from 1, and its name


@dataclass(slots=True)
class Operation:
    """One question or instruction; ``writes`` where a repeat needs care, ``billed`` per answer."""

    name: str
    writes: bool = False
    billed: Callable[[object], bool] = free
    cases: tuple[Case, ...] = ()
    magic: Magic | None = None
    inputs: dict[str, Case] = field(init=False)
    read: Callable[[Any], str] = field(init=False)

    def __post_init__(self) -> None:
        numbered = enumerate(self.cases, 1)
        write = self.magic.write if self.magic else None
        self.inputs = {write(number, case.name): case for number, case in numbered} if write else {}
        self.read = attrgetter(self.magic.field) if self.magic else str

    def wanted(self, query: Any) -> Case | None:
        """Return the case that a query's magic input asks for."""
        return self.inputs.get(self.read(query)) if self.inputs else None

    def case(self, name: str, place: str) -> Case:
        """Return the case of a name.

        Raises:
            InputError: there is none, at ``place``.
        """
        for case in self.cases:
            if case.name == name:
                return case
        known = [case.name for case in self.cases]
        raise InputError(place, f"{self.name} has no case {name!r}", nearest(name, known))


def table(*operations: Operation) -> dict[str, Operation]:
    """Return the operations by their names."""
    return {operation.name: operation for operation in operations}


class Behaviour(Protocol):
    """What the line, the journal and the control plane know of a provider."""

    PROVIDER: ClassVar[str]
    SCOPE: ClassVar[Scope]
    OPERATIONS: ClassVar[dict[str, Operation]]


def acting(behaviour: Any, name: str) -> Callable[[Any, Any, float, Any], Any]:
    """Return what acts for an operation: its method, unless a magic input asks for a case."""
    method: Callable[..., Any] = getattr(behaviour, name)
    operation: Operation = behaviour.OPERATIONS[name]
    if not operation.inputs:
        return method
    inputs, read = operation.inputs, operation.read

    def act(trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        case = inputs.get(read(query))
        if case is None:
            return method(trace, query, now_s, draws)
        return case.act(behaviour, trace, query, now_s, draws)

    return act
