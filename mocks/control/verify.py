"""What a test expects of the journal, held against it; what is not met is told with its cause.

An expectation without a count is one call, and no call is taken for two of them: the same one
named twice wants two calls. One with a count (``times``, ``at_least``, ``at_most``) counts every
call that it matches, whoever else matches it. What is named twice is added up. In order means that
such calls can be found one behind the other, whatever else came between them; a call stands where
its client saw its end.

Every problem is one sentence. What never came is told with its nearest miss: the call that differs
in the fewest fields. A person's number is never told, though a test may ask for it: ``about`` is
hashed as the journal hashes it, and it is the hash that stands in the sentence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.errors import InputError, nearest
from mocks.baggage import BAGGAGE_MAX
from mocks.control.door import Strict, Theirs
from mocks.journal import alias
from mocks.tencent import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mocks.journal import Journal
    from mocks.tenant import Tenant

    Criterion = tuple[tuple[int, Any], ...]  # places in a row, and what must stand there
    Problem = tuple[float, Callable[[], str]]  # where it belongs, and how it is told

EXPECTED_MAX = 10_000
PROBLEMS_SHOWN = 30  # a sentence looks through the whole journal for what it names
NAMED = 5  # calls or expectations that one sentence names
TEXT_SHOWN = 80  # characters of a value

# The vendor's actions that are a port's operation: the journal has them under that one's name.
PORTS_NAME = {
    "ocr.IDCardOCR": "ocr.card_front or ocr.card_back",
    "ocr.BizLicenseOCR": "ocr.licence",
    "carrier.CheckPhoneAndName": "carrier.name_matches",
    "carrier.PhoneVerification": "carrier.owner_matches",
    "carrier.MobileStatus": "carrier.state",
    "carrier.MobileNetworkTimeVerification": "carrier.since",
    "face.DetectAuth": "face.start",
    "face.GetDetectInfoEnhanced": "face.result",
    "face.CompareFace": "face.compare",
}

Count = Annotated[int, Field(ge=0, le=10**12)]
Word = Annotated[str, Field(max_length=128)]
Name = Annotated[str, Field(max_length=BAGGAGE_MAX)]


class Said(Strict):
    """A body; an unknown key is told with the nearest right one."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, said: Any) -> Any:
        for name in said if isinstance(said, dict) else ():
            if name not in cls.model_fields:
                told = {"name": _quoted(name), "remedy": nearest(name, cls.model_fields)}
                raise PydanticCustomError("unknown_field", "no field {name}; {remedy}", told)
        return said


class Expected(Said):
    """A call that is expected; empty fields match everything.

    ``operation`` is one (``corebank.disburse``), or all of a provider (``corebank``,
    ``corebank.*``). ``application`` is what the journal shows; ``about`` is what a call without a
    name of its own is about: an ID number, a phone, an openid, a serial number, a picture's name.
    """

    operation: Word
    application: Name = ""
    about: Name = ""
    seen: Word = ""
    call: Count | None = None
    attempt: Count | None = None
    times: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None


class Verification(Said):
    """All that is expected of the calls since a moment of business time."""

    expected: Annotated[list[Expected], Field(max_length=EXPECTED_MAX, default_factory=list)]
    in_order: bool = False
    nothing_extra: bool = False
    provider: Word = ""
    since_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class Row(NamedTuple):
    """A call of the journal, as expectations see it; ``number`` counts from the tenant's first."""

    number: int
    at_s: float
    provider: str
    operation: str
    application: str
    seen: str
    call: int
    attempt: int

    def __str__(self) -> str:
        return f"#{self.number} {self.operation} call {self.call}.{self.attempt} at {_s(self.at_s)}"


PLACES = {name: place for place, name in enumerate(Row._fields)}
PROVIDER, OPERATION = PLACES["provider"], PLACES["operation"]
APPLICATION, SEEN = PLACES["application"], PLACES["seen"]


@dataclass(slots=True)
class Want:
    """One expectation: which calls it matches, and how many it wants."""

    index: int
    criterion: Criterion
    least: int
    most: float
    counted: bool

    @property
    def words(self) -> str:
        """What it matches."""
        said = dict(self.criterion)
        words = [said.get(OPERATION) or f"{said[PROVIDER]}.*"]
        call, attempt = said.get(PLACES["call"]), said.get(PLACES["attempt"])
        if call is not None:
            words.append(f"call {call}" if attempt is None else f"call {call}.{attempt}")
        elif attempt is not None:
            words.append(f"attempt {attempt}")
        words += [f"of {_short(said[APPLICATION])}"] if APPLICATION in said else []
        words += [f"seen {_short(said[SEEN])}"] if SEEN in said else []
        return " ".join(words)

    def __str__(self) -> str:
        return f"expected[{self.index}] {self.words}"


@dataclass(slots=True)
class Group:
    """Expectations that match the same calls; ``rows`` are those calls, by their places."""

    rows: Sequence[int]
    wants: list[Want] = field(default_factory=list)
    least: int = 0  # calls that are wanted
    most: float = 0.0  # calls that are allowed, where they are counted
    counted: bool = False  # every call counts, wherever else it is expected
    given: set[int] = field(default_factory=set)  # of rows: to expectations without a count
    next: int = 0  # of rows: behind the last that the order has come to
    passed: list[int] = field(default_factory=list)  # of rows: those that the order passed over

    def add(self, want: Want) -> None:
        """Take one more expectation in."""
        self.wants.append(want)
        self.least += want.least
        self.most += want.most
        self.counted = self.counted or want.counted

    @property
    def limit(self) -> float:
        """How many calls may match: as many as like, where nobody counts them."""
        return self.most if self.counted else inf

    def __str__(self) -> str:
        indices = _list([f"[{want.index}]" for want in self.wants])
        return f"expected{indices} {self.wants[0].words}"


@dataclass(slots=True)
class Trial:
    """The rows of the journal, what is wanted of them, and what is wrong so far."""

    rows: list[Row]
    begin_s: float
    groups: dict[Criterion, Group]
    taken: dict[int, Want] = field(default_factory=dict)  # rows for one expectation alone
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, place: float, tell: Callable[[], str]) -> None:
        """Keep a problem; most are told only when they are shown."""
        self.problems.append((place, tell))


async def verify(tenant: Theirs, body: Verification) -> dict[str, Any]:
    """Hold what is expected against the journal.

    Told is how many calls were expected and came, or what is wrong, the first expectation first.
    """
    journal = tenant.house.journal
    if journal is None:
        raise InputError("journal", "this tenant keeps none", "ask another tenant")
    rows = list(_rows(journal))
    wants = _wants(tenant, body, rows)
    trial = Trial(rows, body.since_s, _groups(wants, rows, body.since_s))
    for group in trial.groups.values():
        _count(trial, group)
    if body.in_order:
        _follow(trial, wants)
    else:
        _give(trial)
    accounted = trial.taken.keys() | _counted(trial)
    if body.nothing_extra:
        _find_extra(trial, accounted, body.provider)
    _admit(trial, journal.forgotten, capped=body.nothing_extra)
    if trial.problems:
        return {"verified": False, "problems": _told(trial.problems)}
    return {"verified": True, "matched": len(accounted)}


def _told(problems: list[Problem]) -> list[str]:
    """Return the first problems as sentences, and how many more there are."""
    problems.sort(key=lambda problem: problem[0])
    told = [tell() for _, tell in problems[:PROBLEMS_SHOWN]]
    more = len(problems) - PROBLEMS_SHOWN
    return [*told, f"and {_times(more, 'more problem')}"] if more > 0 else told


def _rows(journal: Journal) -> Iterator[Row]:
    for number, call in enumerate(journal.calls, journal.forgotten + 1):
        provider, operation = call.operation.partition(".")[0], call.operation
        application, seen = call.application, call.word
        yield Row(
            number, call.at_s, provider, operation, application, seen, call.call, call.attempt
        )


# ------------------------------------------------------------------------------ what is expected


def _wants(tenant: Tenant, body: Verification, rows: Iterable[Row]) -> list[Want]:
    """Return what is wanted.

    Raises:
        InputError: an unknown operation or provider, counts that contradict each other, or nothing.
    """
    if body.provider and not body.nothing_extra:
        raise InputError("provider", "limits nothing_extra", "set nothing_extra, or leave it out")
    if body.provider and body.provider not in tenant.behaviours:
        remedy = nearest(body.provider, tenant.behaviours)
        raise InputError("provider", f"{_quoted(body.provider)} is none", remedy)
    if not body.expected and not body.nothing_extra:
        raise InputError("expected", "is empty", "expect a call, or set nothing_extra")
    known = _operations(tenant.behaviours) | {row.operation for row in rows}
    return [_want(tenant, expected, index, known) for index, expected in enumerate(body.expected)]


def _operations(behaviours: Mapping[str, Any]) -> set[str]:
    """Return the names of all that can be asked: the ports', and the vendor's other actions."""
    known = {
        f"{provider}.{name}"
        for provider, behaviour in behaviours.items()
        for name in behaviour.OPERATIONS
    }
    actions = [action for product in PRODUCTS.values() for action in product.actions.values()]
    return known | ({f"{each.provider}.{each.name}" for each in actions} - {*PORTS_NAME})


def _want(tenant: Tenant, expected: Expected, index: int, known: set[str]) -> Want:
    place = f"expected[{index}]"
    operation, application = expected.operation, expected.application
    provider = operation.removesuffix(".*")
    fields: dict[str, Any] = {}
    if provider in tenant.behaviours:
        fields["provider"] = provider
    elif operation in known:
        fields["operation"] = operation
    elif operation in PORTS_NAME:
        remedy = f"the journal has it as {PORTS_NAME[operation]}"
        raise InputError(f"{place}.operation", f"{_quoted(operation)} is the vendor's name", remedy)
    else:
        remedy = nearest(provider, {*known, *tenant.behaviours})
        raise InputError(f"{place}.operation", f"{_quoted(operation)} is none", remedy)
    if expected.about:
        if application:
            raise InputError(place, "has application and about", "leave one of them out")
        application = alias(tenant.name, expected.about, tenant.house.seed.value)
    fields |= {"application": application or None, "seen": expected.seen or None}
    fields |= {"call": expected.call, "attempt": expected.attempt}
    said = tuple((PLACES[name], value) for name, value in fields.items() if value is not None)
    return Want(index, said, *_bounds(expected, place))


def _bounds(expected: Expected, place: str) -> tuple[int, float, bool]:
    """Return the least and the most calls that are wanted, and whether there is a count."""
    times, least, most = expected.times, expected.at_least, expected.at_most
    if times is not None:
        if least is not None or most is not None:
            remedy = "say times, or at_least and at_most"
            raise InputError(place, "has an exact count and a bound", remedy)
        return times, times, True
    if least is None and most is None:
        return 1, 1, False
    least, limit = least or 0, inf if most is None else most
    if least > limit:
        raise InputError(place, f"at_least {least} is above at_most {most}", "swap them")
    return least, limit, True


def _groups(wants: list[Want], rows: list[Row], begin_s: float) -> dict[Criterion, Group]:
    """Return the expectations by what they match, with the calls since a moment that they match."""
    index: dict[tuple[int, Any], list[int]] = {
        said: [] for want in wants for said in want.criterion
    }
    places = sorted({place for place, _ in index})
    for number, row in enumerate(rows):
        if row.at_s < begin_s:
            continue
        for place in places:
            found = index.get((place, row[place]))
            if found is not None:
                found.append(number)
    groups: dict[Criterion, Group] = {}
    for want in wants:
        group = groups.get(want.criterion)
        if group is None:
            shortest = min((index[said] for said in want.criterion), key=len)
            fit = [number for number in shortest if not _off(rows[number], want.criterion)]
            group = groups[want.criterion] = Group(fit)
        group.add(want)
    return groups


def _off(row: Row, criterion: Criterion) -> list[int]:
    """Return the places in which a call is not what is wanted."""
    return [place for place, wanted in criterion if row[place] != wanted]


# ------------------------------------------------------------------------------ how it is matched


def _count(trial: Trial, group: Group) -> None:
    """Hold the number of calls against what is wanted."""
    came = len(group.rows)
    if not group.least <= came <= group.limit:
        trial.wrong(group.wants[0].index, partial(_miscounted, trial, group))


def _give(trial: Trial) -> None:
    """Give every expectation without a count a call of its own, in whatever order.

    Calls that are counted elsewhere go last: they are accounted for without it.
    """
    plain = [group for group in trial.groups.values() if not group.counted]
    # Who matches less comes first: who matches more has others to choose from.
    plain.sort(key=lambda group: (len(group.rows), -len(group.wants[0].criterion)))
    owners: dict[int, Group] = {}
    for spared in (_counted(trial), frozenset[int]()):
        for group in plain:
            _take(group, owners, spared)
        for group in plain:
            if len(group.rows) < group.least:
                continue  # that is told already
            while len(group.given) < group.least and _regive(group, owners, spared):
                pass
    for group in plain:
        for row, want in zip(sorted(group.given), group.wants, strict=False):
            trial.taken[row] = want
        if len(group.given) < group.least <= len(group.rows):
            trial.wrong(group.wants[0].index, partial(_contended, trial, group))


def _counted(trial: Trial) -> frozenset[int]:
    """Return the calls that expectations with a count match."""
    counted = [group.rows for group in trial.groups.values() if group.counted]
    return frozenset(row for rows in counted for row in rows)


def _take(group: Group, owners: dict[int, Group], spared: frozenset[int]) -> None:
    """Give a group the first calls that are nobody's yet."""
    for row in group.rows:
        if len(group.given) == group.least:
            return
        if row not in owners and row not in spared:
            owners[row] = group
            group.given.add(row)


def _regive(group: Group, owners: dict[int, Group], spared: frozenset[int]) -> bool:
    """Find one more call for a group by giving others another one instead (Kuhn, 1955)."""
    entries: dict[int, int] = {}  # by group: the row for which it is to get another
    reached: dict[int, Group] = {}
    waiting = deque([group])
    while waiting:
        asking = waiting.popleft()
        for row in asking.rows:
            if row in reached:
                continue
            reached[row] = asking
            owner = owners.get(row)
            if owner is None and row in spared:
                continue
            if owner is None:
                _shift(row, group, owners, entries, reached)
                return True
            if owner is not group and id(owner) not in entries:
                entries[id(owner)] = row
                waiting.append(owner)
    return False


def _shift(
    row: int,
    group: Group,
    owners: dict[int, Group],
    entries: dict[int, int],
    reached: dict[int, Group],
) -> None:
    """Give a free call to who asked for it, and what they give up to the next, up to the group."""
    while True:
        taker = owners[row] = reached[row]
        taker.given.add(row)
        if taker is group:
            return
        row = entries[id(taker)]
        taker.given.discard(row)


def _follow(trial: Trial, wants: list[Want]) -> None:
    """Give every expectation, in order, the first calls behind those of the one before it.

    No other choice leads further, for it leaves all that comes later to those that come later.
    """
    last, before = -1, -1
    for want in wants:
        if not want.least:
            continue  # what may be missing has no place
        group = trial.groups[want.criterion]
        start = bisect_right(group.rows, last)
        group.passed += group.rows[group.next : start]
        took = group.rows[start : start + want.least]
        group.next = start + len(took)
        if len(took) < want.least and len(group.rows) >= group.least:
            _misplace(trial, group, want, last, before)
        for row in took:
            trial.taken[row] = want
        if took:
            last, before = took[-1], want.index


def _misplace(trial: Trial, group: Group, want: Want, last: int, before: int) -> None:
    """Keep the problem that a call came too early, before the last one of another expectation."""
    early = -1
    while group.passed and early < 0:
        passed = group.passed.pop()
        early = -1 if passed in trial.taken else passed
    if early >= 0:
        trial.taken[early] = want  # it came, if not in its place
    trial.wrong(want.index, partial(_misplaced, trial, want, early, last, before))


def _find_extra(trial: Trial, accounted: set[int], provider: str) -> None:
    """Keep a problem for every call that nobody expected, of one provider where one is named."""
    for number, row in enumerate(trial.rows):
        if number in accounted or row.at_s < trial.begin_s:
            continue
        if not provider or row.provider == provider:
            trial.wrong(inf, partial(_extra, row))


def _admit(trial: Trial, forgotten: int, *, capped: bool) -> None:
    """Admit that the journal does not have all calls, where that may be why or may hide something.

    What it let go of is older than what it has; a call before the moment that is asked from shows
    that nothing is missing.
    """
    if not forgotten or any(row.at_s < trial.begin_s for row in trial.rows):
        return
    if capped or trial.problems or any(group.limit < inf for group in trial.groups.values()):
        kept = f"from {_s(trial.rows[0].at_s)} on" if trial.rows else "of none"
        told = f"the journal has let go of the first {forgotten:,} calls, and knows only {kept}"
        trial.wrong(-1, lambda: f"{told}; ask sooner, or with a later since_s")


# ---------------------------------------------------------------------------------- how it is told


def _miscounted(trial: Trial, group: Group) -> str:
    """Tell that calls came too often, too seldom or never."""
    came, least, most = len(group.rows), group.least, group.limit
    if not came:
        told = "never came" if least == 1 else f"never came, not {_wanted(least, most)} times"
    else:
        shown = _list([str(trial.rows[row]) for row in group.rows])
        told = f"came {_times(came, 'time')}, not {_wanted(least, most)}: {shown}"
    return f"{group}: {told}{_nearest_miss(trial, group) if came < least else ''}"


def _contended(trial: Trial, group: Group) -> str:
    """Tell that there are calls, but that others need them."""
    others = [
        f"#{trial.rows[row].number} is expected[{trial.taken[row].index}]"
        for row in group.rows
        if row not in group.given
    ]
    lack = _times(group.least - len(group.given), "call")
    return f"{group}: {lack} too few, for each is taken once: {_list(others)}"


def _misplaced(trial: Trial, want: Want, early: int, last: int, before: int) -> str:
    """Tell which two calls are swapped."""
    behind = f"{trial.rows[last]}, which is expected[{before}]"
    if early < 0:
        return f"{want}: out of order, no call is left for it behind {behind}"
    return f"{want}: out of order, {trial.rows[early]} came before {behind}"


def _extra(row: Row) -> str:
    """Tell of a call that nobody expected."""
    return f"not expected: {row} of {_short(row.application)}, seen {_quoted(row.seen)}"


def _nearest_miss(trial: Trial, group: Group) -> str:
    """Tell the call that differs in the fewest fields from what is wanted, and in which.

    It is of the same provider, or serves the same application. Of those that are equally near, one
    of the same operation comes first, then one that is expected nowhere else, then the last.
    """
    if not trial.rows:
        return "; the journal is empty"
    criterion = group.wants[0].criterion
    said = dict(criterion)
    provider = said.get(PROVIDER) or said[OPERATION].partition(".")[0]
    best: tuple[int, ...] = ()
    for number, row in enumerate(trial.rows):
        if row.provider != provider and row.application != said.get(APPLICATION):
            continue
        off, early = _off(row, criterion), row.at_s < trial.begin_s
        if not off and not early:
            continue  # it is one of those that came
        strange = (row.provider != provider) + (OPERATION in off)
        rank = (-len(off) - early, -strange, number not in trial.taken, number)
        best = max(best, rank)
    if not best:
        return "; nothing near it came"
    row, taken = trial.rows[best[-1]], trial.taken.get(best[-1])
    differs = [
        f"{Row._fields[place]} {_quoted(row[place])} instead of {_quoted(said[place])}"
        for place in _off(row, criterion)
    ]
    differs += [f"before {_s(trial.begin_s)}"] if row.at_s < trial.begin_s else []
    differs += [f"which is expected[{taken.index}]"] if taken else []
    return f"; nearest: {row}, {', '.join(differs)}"


def _wanted(least: int, most: float) -> str:
    if least == most:
        return str(least)
    if most == inf:
        return f"at least {least}"
    return f"{least} to {most:.0f}" if least else f"at most {most:.0f}"


def _times(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _list(words: list[str]) -> str:
    """Return the first words of a list, and how many more there are."""
    more = len(words) - NAMED
    return ", ".join(words[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _short(text: str) -> str:
    return text[:TEXT_SHOWN] if text.isprintable() else repr(text[:TEXT_SHOWN])


def _quoted(value: Any) -> str:
    return repr(value[:TEXT_SHOWN]) if isinstance(value, str) else str(value)


def _s(at_s: float) -> str:
    return f"{round(at_s, 3)} s"
