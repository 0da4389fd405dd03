"""The scenario file: one strict TOML that drives rollout, capacity and load.

Figures nobody published carry ``source = "assumed"`` beside them. Whatever is wrong with a file is
told in one line: the file, the key, the problem, and what would be right.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003  pydantic reads the annotations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from core.config import Strict, read_toml
from core.errors import InputError, nearest
from core.ports import PROVIDERS
from core.store.records import Entry
from mocks.line import ASSUMED, Fault, FaultKind, Phase, Profile, recorded_latencies

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Source = str


class ScenarioPart(Strict):
    """``[scenario]``: what it is called, and the days it spans (the last one included)."""

    name: str
    seed: int
    start: date
    end: date
    source: Source = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise InputError("end", f"{self.end} is before the start {self.start}", "swap them")
        return self


class PhasePart(Strict):
    """``[[phase]]``: banks that go live on a day. ``banks`` is a wave's name or a list of ids.

    ``delivered`` is how many of them really went live by then (all, where it is left out);
    ``funnel_multiplier`` is what earlier phases taught: it multiplies the chance that a visitor
    registers.
    """

    name: str
    banks: str | list[str]
    live_from: date
    delivered: int | None = Field(default=None, ge=0)
    funnel_multiplier: Positive = 1.0
    source: Source = ""


class ArrivalsPart(Strict):
    """``[arrivals]``: who comes, and when.

    A bank of weight 1 has ``visitors`` potential visitors; they come by the Bass curve
    F(t) = (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t), t in days since the bank went live.
    ``hours`` are 24 relative weights, ``days`` seven (Monday first); ``day_off`` multiplies a
    public holiday's, which the calendar names.
    """

    visitors: Positive
    bass_p: Positive
    bass_q: float = Field(ge=0)
    hours: list[float] = Field(min_length=24, max_length=24)
    days: list[float] = Field(min_length=7, max_length=7)
    day_off: Positive = 1.0
    source: Source = ""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for key in ("hours", "days"):
            weights = getattr(self, key)
            if min(weights) < 0 or sum(weights) <= 0:
                raise InputError(key, "has a negative weight or none above 0", "use weights >= 0")
        return self


class ChannelsPart(Strict):
    """``[channels]``: the share of each way in."""

    scan: Share
    share: Share
    official_account: Share
    history: Share
    moments_ad: Share
    staff: Share
    source: Source = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.shares().values())
        if abs(total - 1) > 1e-9:
            raise InputError("", f"the shares sum to {total:.6g}", "they must sum to 1")
        return self

    def shares(self) -> dict[Entry, float]:
        """Return the share of each entry."""
        return {entry: getattr(self, entry.value) for entry in Entry}


class FunnelPart(Strict):
    """``[funnel]``: how far customers go of their own will; what the bank refuses comes on top.

    Each share is of those who reached the step. ``draw_share`` is the mean part of the line that
    is drawn, Beta-distributed with concentration 4; ``draw_after_days`` the median wait from the
    contract to the drawdown. ``pays_late`` is the share of due dates that a customer misses, by
    ``late_days`` days.
    """

    register_share: Share = Field(alias="register")
    authorise: Share
    apply: Share
    open_account: Share
    sign: Share
    draw_down: Share
    draw_share: Annotated[float, Field(gt=0, lt=1)]
    draw_after_days: Positive
    tries: int = Field(ge=1, le=8)
    returns: int = Field(ge=0, le=8)
    pays_late: Share
    late_days: int = Field(ge=1, le=360)
    source: Source = ""


class OutagePart(Strict):
    """A planned outage of a provider."""

    from_: datetime = Field(alias="from")
    for_s: Positive


class ProviderPart(Strict):
    """``[providers.<name>]``: what replaces the assumed figures of a provider's line."""

    use: Literal["mock"] = "mock"
    p50_ms: Positive | None = None
    p99_ms: Positive | None = None
    csv: str | None = None
    timeout_ms: Positive | None = None
    servers: int | None = None
    quota_per_s: float | None = None
    error_rate: float = 0.0
    hours: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    scope: Literal["nation", "platform", "bank"] | None = None
    outages: list[OutagePart] = []
    source: Source = ""


class FaultPart(Strict):
    """``[[fault]]``: a planned fault on a provider, in business time."""

    provider: str
    operation: str = ""
    kind: FaultKind = Field(strict=False)
    phase: Phase = Field(default=Phase.BEFORE, strict=False)
    from_: datetime | None = Field(default=None, alias="from")
    for_s: Positive | None = Field(default=None, alias="for")
    share: Share = 1.0


class YearPart(Strict):
    """``[calendar.<year>]``: the days off and the make-up days of a year that has no source."""

    off: list[list[date]] = []
    worked: list[date] = []
    source: Literal["assumed"] = "assumed"


class PublishedPart(Strict):
    """``[published]``: the figures the source gives, for the calibration table."""

    banks_live: int = Field(ge=0)
    granted_fen: int = Field(ge=0)
    drawn_fen: int = Field(ge=0)
    drawn_customers: int = Field(ge=0)
    source: Source = ""


class Scenario(Strict):
    """A whole scenario file."""

    version: Literal[1]
    scenario: ScenarioPart
    phase: list[PhasePart] = Field(min_length=1)
    arrivals: ArrivalsPart
    channels: ChannelsPart
    funnel: FunnelPart
    providers: dict[str, ProviderPart] = {}
    fault: list[FaultPart] = []
    calendar: dict[str, YearPart] = {}
    published: PublishedPart | None = None

    @model_validator(mode="after")
    def _known_providers(self) -> Self:
        for name in (*self.providers, *(fault.provider for fault in self.fault)):
            if name not in PROVIDERS:
                place = f"providers.{name}" if name in self.providers else "fault.provider"
                raise InputError(place, f"no provider is called {name!r}", nearest(name, PROVIDERS))
        return self

    def assumed_years(self) -> dict[int, dict[str, Any]]:
        """Return the calendar rows that the scenario assumes."""
        return {
            int(year): {"off": part.off, "worked": part.worked}
            for year, part in self.calendar.items()
        }

    def profiles(self, folder: Path) -> dict[str, Profile]:
        """Return the line's figures of every provider; recordings are found beside the file."""
        return {
            name: _profile(name, self.providers[name], folder) if name in self.providers else known
            for name, known in ASSUMED.items()
        }

    def outages(self) -> dict[str, list[tuple[float, float]]]:
        """Return each provider's planned outages as (from, to) in business seconds."""
        return {
            name: [
                (begin := self.seconds(outage.from_), begin + outage.for_s) for outage in part.outages
            ]
            for name, part in self.providers.items()
            if part.outages
        }

    def faults(self) -> list[Fault]:
        """Return the planned faults."""
        return [
            Fault(
                part.provider,
                part.kind,
                part.phase,
                part.operation,
                from_s=0.0 if part.from_ is None else self.seconds(part.from_),
                for_s=float("inf") if part.for_s is None else part.for_s,
                share=part.share,
            )
            for part in self.fault
        ]

    def seconds(self, moment: datetime) -> float:
        """Return a moment as business seconds since the scenario's first midnight."""
        first = datetime.combine(self.scenario.start, datetime.min.time())
        return (moment.replace(tzinfo=None) - first).total_seconds()


def _profile(name: str, part: ProviderPart, folder: Path) -> Profile:
    """Return a provider's figures: the assumed ones, with what the file replaces."""
    known = ASSUMED[name]
    p50_ms = known.p50_ms if part.p50_ms is None else part.p50_ms
    ratio = known.p99_ms / known.p50_ms
    try:
        return Profile(
            p50_ms,
            p50_ms * ratio if part.p99_ms is None else part.p99_ms,
            known.timeout_ms if part.timeout_ms is None else part.timeout_ms,
            part.servers,
            part.quota_per_s,
            part.error_rate,
            None if part.hours is None else (part.hours[0], part.hours[1]),
            () if part.csv is None else recorded_latencies(folder / part.csv),
            part.scope or "",
        )
    except InputError as error:
        raise InputError(f"providers.{name}.{error.place}", error.problem, error.remedy) from None


def load_scenario(path: Path) -> Scenario:
    """Return a scenario file's content.

    Raises:
        InputError: the file, the key, the problem, and what would be right.
    """
    scenario = read_toml(path, Scenario)
    try:
        scenario.profiles(path.parent)
        scenario.faults()
    except InputError as error:
        raise InputError(f"{path}: {error.place}", error.problem, error.remedy) from None
    return scenario
