"""The scenario file: one strict TOML that drives rollout, capacity and load.

Figures nobody published carry ``source = "assumed"`` beside them. Whatever is wrong with a file is
told in one line: the file, the key, the problem, and what would be right.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from core.calendar import Calendar
from core.config import Strict, parse_toml, read_toml
from core.errors import InputError, nearest
from core.money import lpr_ppm
from core.ports import PROVIDERS
from core.store.records import Entry
from mocks.line import ASSUMED, SEEN, Fault, FaultKind, Phase, Profile, recorded_latencies
from mocks.plugins import OWN
from scenarios.hosts.operations import OPERATIONS
from scenarios.hosts.world import BEHAVIOURS
from scenarios.uses import Choice

ROOT = Path(__file__).parents[1]
NUMBERED = re.compile(r"^(phase|fault)\.(\d+)\.?")


def _local(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise InputError("", f"{moment} names a time zone", "leave it out: all times are Beijing's")
    return moment


def _wave_or_ids(banks: object) -> object:
    """Return what names banks, if it is text or a list of texts."""
    if isinstance(banks, str) or (
        isinstance(banks, list) and all(isinstance(bank, str) for bank in banks)
    ):
        return banks
    raise InputError("", f"{banks!r} names no banks", "write a wave's name or a list of bank ids")


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HourOfDay = Annotated[float, Field(ge=0, le=24)]
Name = Annotated[str, Field(min_length=1)]
Moment = Annotated[datetime, AfterValidator(_local)]
Source = str


class ScenarioPart(Strict):
    """``[scenario]``: what it is called, and the days it spans (the last one included)."""

    name: Name
    seed: int
    start: date
    end: date
    source: Source = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise InputError("end", f"{self.end} is before the start {self.start}", "swap them")
        for key in ("start", "end"):
            try:
                lpr_ppm(getattr(self, key))
            except InputError as error:
                raise InputError(key, f"{error.place}: {error.problem}", error.remedy) from None
        return self

    def midnight_s(self, moment: datetime) -> float:
        """Return a moment as business seconds since the first day's midnight."""
        return (moment - datetime.combine(self.start, datetime.min.time())).total_seconds()

    def require_inside(self, place: str, day: date) -> None:
        """Require that a day lies in the scenario's span."""
        if not self.start <= day <= self.end:
            problem = f"{day} is outside the scenario, {self.start} to {self.end}"
            raise InputError(place, problem, "move it, or the scenario's start or end")


class PhasePart(Strict):
    """``[[phase]]``: banks that go live on a day. ``banks`` is a wave's name or a list of ids.

    ``delivered`` is how many of them really went live by then (all, where it is left out);
    ``funnel_multiplier`` is what earlier phases taught: it multiplies the chance that a visitor
    registers.
    """

    name: Name
    banks: Annotated[str | list[str], BeforeValidator(_wave_or_ids)]
    live_from: date
    delivered: int | None = Field(default=None, ge=0)
    funnel_multiplier: Positive = 1.0
    source: Source = ""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.banks:
            raise InputError("banks", "names no bank", "write a wave's name or a list of bank ids")
        return self


class ArrivalsPart(Strict):
    """``[arrivals]``: who comes, and when.

    A bank of weight 1 has ``visitors`` potential visitors; they come by the Bass curve
    F(t) = (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t), t in days since the bank went live.
    ``hours`` are 24 relative weights, ``days`` seven (Monday first); ``day_off`` multiplies a
    public holiday's, which the calendar names.
    """

    visitors: Positive
    bass_p: float = Field(ge=1e-9, le=1)
    bass_q: float = Field(ge=0, le=10)
    hours: list[Weight] = Field(min_length=24, max_length=24)
    days: list[Weight] = Field(min_length=7, max_length=7)
    day_off: Positive = 1.0
    source: Source = ""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for key in ("hours", "days"):
            if not sum(getattr(self, key)) > 0:
                raise InputError(key, "has no weight above 0", "let customers come some time")
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

    from_: Moment = Field(alias="from")
    for_s: Positive


class BankPart(Strict):
    """``[providers.<name>.bank.<id>]``: who answers in the provider's place for one bank."""

    use: Annotated[str, Field(min_length=1)] = OWN


class ProviderPart(Strict):
    """``[providers.<name>]``: what replaces the assumed figures of a provider's line."""

    use: Annotated[str, Field(min_length=1)] = OWN
    bank: dict[str, BankPart] = {}
    p50_ms: Positive | None = None
    p99_ms: Positive | None = None
    csv: str | None = None
    timeout_ms: Positive | None = None
    servers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    quota_per_s: Positive | None = None
    error_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hours: Annotated[list[HourOfDay], Field(min_length=2, max_length=2)] | None = None
    scope: Literal["nation", "platform", "bank"] | None = None
    outages: list[OutagePart] = []
    source: Source = ""

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        for key in ("p50_ms", "p99_ms"):
            if self.csv is not None and getattr(self, key) is not None:
                raise InputError("csv", f"stands beside {key}", "give p50_ms and p99_ms, or csv")
        if self.hours is not None and self.hours[0] == self.hours[1]:
            raise InputError(
                "hours", f"{self.hours} is no time", "leave it out where it never shuts"
            )
        return self


# A provider that takes longer does so before it acts, and slow bytes are those of its response.
PHASES: dict[FaultKind, list[Phase]] = {
    kind: [phase for phase in Phase if (kind, phase) in SEEN] for kind in FaultKind
} | {
    FaultKind.DELAY: [Phase.BEFORE],
    FaultKind.SLOW_BYTES: [Phase.BEFORE, Phase.MID_RESPONSE],
    FaultKind.WRONG_ANSWER: [Phase.BEFORE],
}


class FaultPart(Strict):
    """``[[fault]]``: a planned fault on a provider, in business time."""

    provider: str
    operation: str = ""
    kind: FaultKind = Field(strict=False)
    phase: Phase = Field(default=Phase.BEFORE, strict=False)
    from_: Moment | None = Field(default=None, alias="from")
    for_s: Positive | None = Field(default=None, alias="for")
    share: Share = 1.0
    case: str = ""  # of a wrong answer

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.provider not in PROVIDERS:
            problem = f"no provider is called {self.provider!r}"
            raise InputError("provider", problem, nearest(self.provider, PROVIDERS))
        known = OPERATIONS[self.provider]
        if self.operation and self.operation not in known:
            problem = f"{self.provider} has no operation {self.operation!r}"
            raise InputError("operation", problem, nearest(self.operation, known))
        phases = PHASES[self.kind]
        if self.phase not in phases:
            problem = f"kind {self.kind.value!r} has no phase {self.phase.value!r}"
            remedy = f"use {' or '.join(repr(phase.value) for phase in phases)}"
            raise InputError("phase", problem, remedy)
        self._require_case()
        return self

    def _require_case(self) -> None:
        wrong = self.kind is FaultKind.WRONG_ANSWER
        if wrong is not bool(self.case):
            problem = "is missing" if wrong else f"kind {self.kind.value!r} has none"
            raise InputError("case", problem, "a wrong answer, and nothing else, is a case")
        if not wrong:
            return
        if not self.operation:
            raise InputError("operation", "is missing", "say which one answers wrong")
        BEHAVIOURS[self.provider].OPERATIONS[self.operation].case(self.case, "case")


class YearPart(Strict):
    """``[calendar.<year>]``: the days off and the make-up days of a year that has no source."""

    off: list[Annotated[list[date], Field(min_length=2, max_length=2)]] = []
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

    @model_validator(mode="before")
    @classmethod
    def _of_this_version(cls, raw: Any) -> Any:
        version = raw.get("version", 1)
        if version != 1 or isinstance(version, bool):
            raise InputError("version", f"is {version!r}", "this program reads version = 1")
        return raw

    @model_validator(mode="after")
    def _known_providers(self) -> Self:
        for name in self.providers:
            if name not in PROVIDERS:
                problem = f"no provider is called {name!r}"
                raise InputError(f"providers.{name}", problem, nearest(name, PROVIDERS))
        return self

    @model_validator(mode="after")
    def _phases(self) -> Self:
        names: set[str] = set()
        for number, phase in enumerate(self.phase):
            if phase.name in names:
                problem = f"{phase.name!r} is another phase's name already"
                raise InputError(f"phase.{number}.name", problem, "give each phase its own")
            names.add(phase.name)
            self.scenario.require_inside(f"phase.{number}.live_from", phase.live_from)
        if all(phase.delivered == 0 for phase in self.phase):
            raise InputError("phase", "no phase delivers a bank", "raise one's delivered")
        return self

    @model_validator(mode="after")
    def _planned_inside(self) -> Self:
        """What is planned for a moment lies in the scenario's span."""
        for name, part in self.providers.items():
            for number, outage in enumerate(part.outages):
                place = f"providers.{name}.outages.{number}.from"
                self.scenario.require_inside(place, outage.from_.date())
        for number, fault in enumerate(self.fault):
            if fault.from_ is not None:
                self.scenario.require_inside(f"fault.{number}.from", fault.from_.date())
        return self

    @model_validator(mode="after")
    def _known_years(self) -> Self:
        for key in self.calendar:
            if not re.fullmatch(r"20\d\d", key):
                raise InputError(f"calendar.{key}", "is no year", "write it as [calendar.2022]")
        known = Calendar.with_assumed(self.assumed_years()).years
        for year in range(self.scenario.start.year, self.scenario.end.year + 1):
            if year not in known:
                end = "start" if year < min(known) else "end"
                problem = f"the holidays of {year} are not known"
                remedy = f"known: {min(known)} to {max(known)}; or add [calendar.{year}]"
                raise InputError(f"scenario.{end}", problem, remedy)
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

    def choices(self) -> list[Choice]:
        """Return who is to answer in a provider's place, for all or for one bank."""
        found = []
        for name, part in self.providers.items():
            for bank, use in (("", part.use), *((id_, one.use) for id_, one in part.bank.items())):
                place = f"providers.{name}{f'.bank.{bank}' if bank else ''}.use"
                found.append(Choice(name, bank, use, place))
        return [choice for choice in found if choice.use != OWN or choice.bank]

    def outages(self) -> dict[str, list[tuple[float, float]]]:
        """Return each provider's planned outages as (from, to) in business seconds."""
        return {
            name: [
                (begin := self.seconds(outage.from_), begin + outage.for_s)
                for outage in part.outages
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
                case=part.case,
            )
            for part in self.fault
        ]

    def seconds(self, moment: datetime) -> float:
        """Return a moment as business seconds since the scenario's first midnight."""
        return self.scenario.midnight_s(moment)


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
            () if part.csv is None else _recorded(folder / part.csv),
            part.scope or "",
        )
    except InputError as error:
        raise InputError(f"providers.{name}.{error.place}", error.problem, error.remedy) from None


def _recorded(path: Path) -> tuple[float, ...]:
    """Return the latencies of a CSV; ``csv`` is the key whose file is wrong."""
    try:
        return recorded_latencies(path)
    except InputError as error:
        raise InputError("csv", f"{error.place} {error.problem}", error.remedy) from None
    except FileNotFoundError:
        beside = [other.name for other in path.parent.glob("*.csv")]
        remedy = nearest(path.name, beside) if beside else "paths are relative to this file"
        raise InputError("csv", f"there is no file {path}", remedy) from None
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        raise InputError("csv", problem, "name a file") from None
    except UnicodeDecodeError:
        raise InputError("csv", f"{path} is not UTF-8", "save the file as UTF-8") from None


def load_scenario(path: Path) -> Scenario:
    """Return a scenario file's content.

    Raises:
        InputError: the file, the key, the problem, and what would be right.
    """
    if not path.exists():
        # By name: where the project lies must not decide which file was meant.
        files = {Path(known).name: known for known in known_files(path)}
        remedy = nearest(path.name, files)
        meant = next((known for name, known in files.items() if f"{name!r}" in remedy), None)
        raise InputError(
            str(path), "there is no such file", f"did you mean {meant!r}?" if meant else remedy
        )
    try:
        scenario = read_toml(path, Scenario)
    except InputError as error:
        place = named_place(error.place.removeprefix(f"{path}: "), path)
        prefix = f"{path}: " if error.place.startswith(f"{path}: ") else ""
        raise InputError(prefix + place, error.problem, error.remedy) from None
    try:
        scenario.profiles(path.parent)
        scenario.faults()
    except InputError as error:
        raise InputError(f"{path}: {error.place}", error.problem, error.remedy) from None
    return scenario


def known_files(path: Path) -> list[str]:
    """Return the scenario files that may have been meant: beside ``path``, and the project's."""
    ours = (ROOT / "scenarios").rglob("*.toml")
    here = Path.cwd()
    return [
        str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
        for file in [*path.parent.glob("*.toml"), *ours]
        if file.name != "pyproject.toml"
    ]


def named_place(place: str, path: Path) -> str:
    """Return a place in a list of tables by the table's name: ``phase 'pilots': live_from``."""
    found = NUMBERED.match(place)
    if found is None:
        return place
    table, number = found[1], int(found[2])
    row = parse_toml(path)[table][number]
    name = row.get("name") if isinstance(row, dict) else None
    told = f"{table} {name!r}" if isinstance(name, str) else f"{table} no. {number + 1}"
    rest = place[found.end() :]
    return f"{told}: {rest}" if rest else told
