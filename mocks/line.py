"""The line to a provider: how long an answer takes, and how it fails.

A behaviour knows no time and no chance; the line brings both, from named draws. Latency is drawn
lognormal from a median and a 99th percentile, or from recorded latencies. A fault has a phase
(before the provider acted, after it committed, in the middle of its response) and a kind. What a
client sees follows from the drawn times alone, so every host settles a call the same way.
"""

from __future__ import annotations

import csv
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import (
    ConnectionLost,
    InputError,
    OutcomeUnknown,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
    nearest,
)
from core.seed import FAULT, KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from core.ports.trace import Trace
    from core.seed import Draws

P99 = NormalDist().inv_cdf(0.99)
TURN = (5**0.5 - 1) / 2
_UNIT = NormalDist()


class Phase(StrEnum):
    """When a fault strikes, as the provider sees it."""

    BEFORE = "before"
    AFTER_COMMIT = "after_commit"
    MID_RESPONSE = "mid_response"


class FaultKind(StrEnum):
    """What a fault does to the call."""

    DELAY = "delay"  # the provider takes longer
    DROP = "drop"  # silence: the client's time-out ends it
    RESET = "reset"  # the connection breaks
    SERVER_ERROR = "5xx"
    GARBAGE = "garbage"  # bytes that are no answer
    SLOW_BYTES = "slow_bytes"  # the answer trickles
    QUOTA = "quota"  # refused for its rate
    WRONG_ANSWER = "wrong_answer"  # a case of the operation, whatever is true


# What the client is told by kind and phase. Before the provider acted, only a refused connection
# and a spent quota let the client know that nothing happened.
SEEN: dict[tuple[FaultKind, Phase], type[ProviderError]] = {
    (FaultKind.DROP, Phase.BEFORE): TimedOut,
    (FaultKind.DROP, Phase.AFTER_COMMIT): TimedOut,
    (FaultKind.DROP, Phase.MID_RESPONSE): TimedOut,
    (FaultKind.RESET, Phase.BEFORE): Unreachable,
    (FaultKind.RESET, Phase.AFTER_COMMIT): ConnectionLost,
    (FaultKind.RESET, Phase.MID_RESPONSE): Unreadable,
    (FaultKind.SERVER_ERROR, Phase.BEFORE): ServerFailed,
    (FaultKind.SERVER_ERROR, Phase.AFTER_COMMIT): ServerFailed,
    (FaultKind.SERVER_ERROR, Phase.MID_RESPONSE): ServerFailed,
    (FaultKind.GARBAGE, Phase.BEFORE): Unreadable,
    (FaultKind.GARBAGE, Phase.AFTER_COMMIT): Unreadable,
    (FaultKind.GARBAGE, Phase.MID_RESPONSE): Unreadable,
    (FaultKind.QUOTA, Phase.BEFORE): QuotaExceeded,
}

TIMED = (FaultKind.DELAY, FaultKind.SLOW_BYTES, FaultKind.WRONG_ANSWER)  # the answer comes

# How the seeded error rate of a provider is made up (assumed: no provider publishes its faults).
ERROR_MIX: tuple[tuple[float, FaultKind, Phase], ...] = (
    (0.30, FaultKind.DROP, Phase.BEFORE),
    (0.15, FaultKind.DROP, Phase.AFTER_COMMIT),
    (0.20, FaultKind.SERVER_ERROR, Phase.BEFORE),
    (0.10, FaultKind.SERVER_ERROR, Phase.AFTER_COMMIT),
    (0.15, FaultKind.RESET, Phase.BEFORE),
    (0.05, FaultKind.RESET, Phase.AFTER_COMMIT),
    (0.05, FaultKind.GARBAGE, Phase.AFTER_COMMIT),
)


@dataclass(slots=True)
class Fault:
    """A planned fault. Empty fields match everything; ``share`` of the calls that match are hit.

    ``attempts`` names the attempts it hits (all, where empty); ``from_s`` and ``for_s`` bound it in
    business time, ``count`` how often it strikes (0: without end; which calls those are depends on
    the order in which they come). ``application`` may be what a call without a name is about.
    ``case`` is what a wrong answer says.
    """

    provider: str
    kind: FaultKind
    phase: Phase = Phase.BEFORE
    operation: str = ""
    call: int = 0
    application: str = ""
    attempts: tuple[int, ...] = ()
    from_s: float = 0.0
    for_s: float = float("inf")
    share: float = 1.0
    extra_s: float = 60.0  # of DELAY and SLOW_BYTES
    case: str = ""
    count: int = 0
    struck: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        wrong = self.kind is FaultKind.WRONG_ANSWER
        if wrong and not (self.operation and self.case):
            problem = "a wrong answer is a case of an operation"
            raise InputError(f"fault {self.provider}", problem, "name operation and case")
        if self.case and not wrong:
            problem = f"{self.kind} has no case"
            raise InputError(f"fault {self.provider}", problem, "use kind wrong_answer")
        if self.kind not in TIMED and (self.kind, self.phase) not in SEEN:
            raise InputError(
                f"fault {self.provider}", f"{self.kind} has no phase {self.phase}", "use before"
            )
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"fault {self.provider}", f"share is {self.share}", "use 0 to 1")

    @property
    def reaches_a_server(self) -> bool:
        """Whether the call takes up one of the provider's servers before it fails."""
        lost = (FaultKind.DROP, FaultKind.RESET, FaultKind.QUOTA)
        return not (self.phase is Phase.BEFORE and self.kind in lost)

    def _is_about(self, application: str) -> bool:
        return self.application in (application, application.partition("/")[2])

    def strikes(self, operation: str, trace: Trace, now_s: float, draw: float) -> bool:
        """Whether this fault hits one attempt."""
        return (
            self.from_s <= now_s < self.from_s + self.for_s
            and (not self.operation or self.operation == operation)
            and (not self.call or self.call == trace.call)
            and (not self.application or self._is_about(trace.application))
            and (not self.count or self.struck < self.count)
            and (not self.attempts or trace.attempt in self.attempts)
            and draw < self.share
        )


class Fate(NamedTuple):
    """How one attempt ends, in seconds since the client sent it.

    The client sees ``error`` (None: the answer) at ``seen_s``; the provider acts at ``acts_s``, or
    never (None).
    """

    seen_s: float
    acts_s: float | None
    error: type[ProviderError] | None


@dataclass(slots=True)
class Profile:
    """The line's figures. Latency is the provider's own time to serve one call."""

    p50_ms: float
    p99_ms: float
    timeout_ms: float
    servers: int | None = None  # None: as many as come
    quota_per_s: float | None = None
    error_rate: float = 0.0
    hours: tuple[float, float] | None = None  # open from, to, in hours of the day
    recorded_ms: tuple[float, ...] = ()  # sorted; replaces p50 and p99
    scope: str = ""  # nation, platform or bank: whose servers and quota these are

    def __post_init__(self) -> None:
        self._check("p50_ms", self.p50_ms > 0, "above 0")
        self._check("p99_ms", self.p99_ms >= self.p50_ms, "at least p50_ms")
        self._check("timeout_ms", self.timeout_ms > 0, "above 0")
        self._check("servers", self.servers is None or self.servers >= 1, "at least 1")
        self._check("quota_per_s", self.quota_per_s is None or self.quota_per_s > 0, "above 0")
        begin, end = self.hours or (0.0, 24.0)
        in_day = 0 <= begin <= 24 and 0 <= end <= 24 and begin != end
        self._check("hours", in_day, "two different hours from 0 to 24")
        self._check("error_rate", 0 <= self.error_rate < 1, "from 0 to below 1")

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(name, f"is {getattr(self, name)}", f"must be {rule}")

    def latency(self) -> Callable[[float], float]:
        """Return the quantile function of the latency: a uniform draw to seconds."""
        if self.recorded_ms:
            recorded, last = self.recorded_ms, len(self.recorded_ms) - 1
            return lambda u: recorded[min(int(u * len(recorded)), last)] / 1000
        mu = log(self.p50_ms / 1000)
        sigma = log(self.p99_ms / self.p50_ms) / P99
        normal = NormalDist(mu, sigma) if sigma else None
        if normal is None:
            return lambda u: exp(mu)
        quantile, floor = normal.inv_cdf, 2.0**-54
        return lambda u: exp(quantile(u or floor))

    def open_at(self, now_s: float) -> bool:
        """Whether the provider serves at this time of day."""
        if self.hours is None:
            return True
        begin, end = self.hours
        hour = now_s % 86_400 / 3600
        return begin <= hour < end if begin <= end else (hour >= begin or hour < end)


def recorded_latencies(path: Path) -> tuple[float, ...]:
    """Return the sorted latencies of a CSV with a column ``latency_ms``.

    Raises:
        InputError: no such column, no rows, or a value that is no number above 0.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets begin with a mark
        rows = csv.DictReader(file)
        if "latency_ms" not in (rows.fieldnames or ()):
            raise InputError(str(path), "has no column latency_ms", "name the column so")
        found = []
        for row in rows:
            try:
                value = float(row["latency_ms"] or "")  # None: the row is too short
            except ValueError:
                value = -1.0
            if not 0 < value < float("inf"):
                place = f"{path}, line {rows.line_num}"
                raise InputError(place, f"latency_ms is {row['latency_ms']!r}", "use a number > 0")
            found.append(value)
    if not found:
        raise InputError(str(path), "has no rows", "record at least one latency")
    return tuple(sorted(found))


@dataclass(slots=True)
class Line:
    """The line to one provider: its profile and the faults planned on it."""

    provider: str
    profile: Profile
    faults: list[Fault] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)  # from, to in business time

    @property
    def always_open(self) -> bool:
        """Whether the provider has neither hours nor planned outages."""
        return not self.outages and self.profile.hours is None

    def is_open(self, now_s: float) -> bool:
        """Whether the provider serves now."""
        if self.always_open:
            return True
        if any(begin <= now_s < end for begin, end in self.outages):
            return False
        return self.profile.open_at(now_s)

    @property
    def calm(self) -> bool:
        """Whether no fault can strike: the hot path then draws none."""
        return not self.faults and not self.profile.error_rate

    def fault(
        self, operation: str, trace: Trace, now_s: float, draws: Draws, *, sure: bool = False
    ) -> Fault | None:
        """Return the fault that strikes an attempt: a planned one first, then the error rate.

        Where the answer was asked for (``sure``), only a planned one strikes.
        """
        draw = draws.uniform(FAULT)
        for number, planned in enumerate(self.faults):
            # Each fault has a stretch of the draw of its own, turned by the golden ratio from the
            # one before: of two faults with a share of a tenth, both strike.
            if planned.strikes(operation, trace, now_s, (draw + number * TURN) % 1.0):
                planned.struck += 1
                return planned
        if not sure and draw >= 1.0 - self.profile.error_rate:
            return _drawn(self.provider, draws.uniform(KIND))
        return None

    def service_s(self, drawn_s: float, fault: Fault | None) -> float:
        """Return how long the provider serves: as drawn, and longer where a fault delays it."""
        if fault is not None and fault.kind is FaultKind.DELAY:
            return drawn_s + fault.extra_s
        return drawn_s

    def fate(self, service_s: float, wait_s: float, fault: Fault | None) -> Fate:
        """Settle an attempt by its times: ``wait_s`` in the queue, then ``service_s``."""
        limit_s = self.profile.timeout_ms / 1000
        if fault is None or fault.kind in (FaultKind.DELAY, FaultKind.WRONG_ANSWER):
            return _timed(wait_s + service_s, wait_s + service_s, limit_s)
        if fault.kind is FaultKind.SLOW_BYTES:
            acts_s = wait_s + service_s
            return _timed(acts_s + fault.extra_s, acts_s, limit_s)
        error = SEEN[fault.kind, fault.phase]
        served_s = wait_s + service_s
        acted_s = None if fault.phase is Phase.BEFORE else served_s
        if fault.kind is FaultKind.QUOTA:
            return Fate(0.0, None, error)
        if fault.kind is FaultKind.DROP or served_s > limit_s:
            return Fate(limit_s, acted_s, TimedOut)
        return Fate(served_s, acted_s, error)


def _timed(answer_s: float, acts_s: float, limit_s: float) -> Fate:
    """Return the fate of an attempt that is served: in time, or too late for its client."""
    if answer_s > limit_s:
        return Fate(limit_s, acts_s, TimedOut)
    return Fate(answer_s, acts_s, None)


_WEIGHTS = [sum(share for share, _, _ in ERROR_MIX[: n + 1]) for n in range(len(ERROR_MIX))]


def _drawn(provider: str, draw: float) -> Fault:
    """Return a fault of the seeded error mix."""
    _, kind, phase = ERROR_MIX[min(bisect_left(_WEIGHTS, draw), len(ERROR_MIX) - 1)]
    return Fault(provider, kind, phase)


def require_known(fault: Fault, behaviours: Mapping[str, Any]) -> None:
    """Require that a planned fault names a provider, an operation and a case that there are.

    Raises:
        InputError: it does not; the nearest right name is told.
    """
    behaviour = behaviours.get(fault.provider)
    if behaviour is None:
        remedy = nearest(fault.provider, behaviours)
        raise InputError("fault", f"no provider {fault.provider!r}", remedy)
    if not fault.operation:
        return
    place, known = f"fault {fault.provider}", behaviour.OPERATIONS
    if fault.operation not in known:
        raise InputError(
            place, f"no operation {fault.operation!r}", nearest(fault.operation, known)
        )
    if fault.case:
        known[fault.operation].case(fault.case, place)


def unknown_outcome(error: type[ProviderError]) -> bool:
    """Whether a client that sees ``error`` cannot know if the provider acted."""
    return issubclass(error, OutcomeUnknown)


# Medians and 99th percentiles of the providers' own time, and the client's limits. ASSUMED: no
# vendor document gives latencies; a scenario replaces them.
ASSUMED: dict[str, Profile] = {
    "wechat": Profile(80, 400, 3_000),
    "ocr": Profile(900, 2_500, 10_000),
    "carrier": Profile(300, 1_500, 5_000),
    "idnet": Profile(500, 3_000, 10_000),
    "sanctions": Profile(40, 250, 3_000),
    "face": Profile(250, 1_200, 8_000),
    "corebank": Profile(120, 800, 5_000),
    "bureau": Profile(800, 4_000, 15_000),
    "registry": Profile(300, 1_500, 5_000),
    "acquirer": Profile(400, 2_000, 8_000),
    "objects": Profile(40, 250, 5_000),
    "evidence": Profile(100, 600, 5_000),
}


def lines(
    profiles: dict[str, Profile] | None = None,
    faults: Iterable[Fault] = (),
    outages: dict[str, list[tuple[float, float]]] | None = None,
) -> dict[str, Line]:
    """Return a line for every provider: the assumed figures, the given ones over them.

    Profiles and faults are copies: what strikes or is changed in one world does so in no other.
    """
    merged = ASSUMED | (profiles or {})
    closed = outages or {}
    made = {
        name: Line(name, replace(profile), [], list(closed.get(name, [])))
        for name, profile in merged.items()
    }
    for fault in faults:
        if fault.provider not in made:
            problem = f"no provider is called {fault.provider!r}"
            raise InputError("fault", problem, nearest(fault.provider, made))
        made[fault.provider].faults.append(replace(fault))
    return made
