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


@dataclass(slots=True, frozen=True)
class Billing:
    """Which answers are billed, and the same in a few words."""

    told: str
    rule: Callable[[Any], bool]

    def __call__(self, answer: object) -> bool:
        """Whether an answer is billed."""
        return self.rule(answer)


free = Billing("never", lambda _: False)
always = Billing("every answer", lambda _: True)
UNTOLD = "by a rule of its own"  # of a plugin's operation, which bills by a function


def on(*verdicts: object, field: str = "verdict") -> Billing:
    """Bill an answer whose ``field`` is one of ``verdicts``."""
    wanted = frozenset(verdicts)
    told = f"{field} {' or '.join(str(verdict) for verdict in verdicts)}"
    return Billing(told, lambda answer: getattr(answer, field) in wanted)


# Where the figure of a quota comes from.
VENDORS, ASSUMED = "the vendor's table", "assumed"


class Quota(NamedTuple):
    """How often something may be done: ``figure`` times in a ``window``, counted for ``each``.

    ``refused`` has the code that is seen where it was too often, by whatever is counted together.
    """

    each: str
    figure: float
    window: Literal["second", "minute", "day"]
    refused: dict[str, str]
    source: str = ""


class WireError(NamedTuple):
    """An error as a client sees it: its code, the HTTP status, when; ``kind`` of a fault's."""

    code: str
    status: int
    when: str
    kind: str = ""


class Case(NamedTuple):
    """An answer that can be asked for by its name; ``told`` says what it is.

    ``answer`` is one like it, where what it says is known beforehand.
    """

    name: str
    told: str
    act: Act
    answer: Any = None


def says(name: str, answer: object, told: str) -> Case:
    """Return a case whose answer is always the same, and changes nothing."""
    if not is_dataclass(answer) or isinstance(answer, type):
        return Case(name, told, lambda *_: copy(answer), answer)
    kind, values = type(answer), [getattr(answer, one.name) for one in fields(answer)]
    # A copy, in a fifth of the time.
    return Case(name, told, lambda *_: kind(*values), answer)


class Magic(NamedTuple):
    """Which field of a query holds a magic input, and how the one of a case is written."""

    field: str  # as attrgetter reads it: "phone.text"
    write: Callable[[int, str], str]  # the case's number, from 1, and its name


@dataclass(slots=True)
class Operation:
    """One question or instruction; ``writes`` where a repeat needs care, ``billed`` per answer.

    A rule of billing may be any function of an answer; only a :class:`Billing` tells of itself.
    """

    name: str
    writes: bool = False
    billed: Callable[[Any], bool] = free
    cases: tuple[Case, ...] = ()
    magic: Magic | None = None
    inputs: dict[str, Case] = field(init=False)
    read: Callable[[Any], str] = field(init=False)
    billing: str = field(init=False)

    def __post_init__(self) -> None:
        self.billing = UNTOLD
        if isinstance(self.billed, Billing):  # its rule alone is called: every answer comes by here
            self.billing, self.billed = self.billed.told, self.billed.rule
        numbered = enumerate(self.cases, 1)
        write = self.magic.write if self.magic else None
        self.inputs = {write(number, case.name): case for number, case in numbered} if write else {}
        self.read = attrgetter(self.magic.field) if self.magic else str

    def wanted(self, query: Any) -> Case | None:
        """Return the case that a query's magic input asks for."""
        return self.inputs.get(self.read(query)) if self.inputs else None

    def bills(self, case: Case) -> bool | None:
        """Whether a case's answer is billed; None where that is not known beforehand."""
        if self.billing in (free.told, always.told):
            return self.billing == always.told
        if case.answer is None or self.billing == UNTOLD:
            return None
        return self.billed(case.answer)

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
