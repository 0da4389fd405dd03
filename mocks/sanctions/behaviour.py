"""Name-list screening (名单监测): versions of the lists, and the decision by rule.

A version is an immutable snapshot with the business time from which it holds, so that a screen
always reads the list of its own moment, whatever other journeys did meanwhile. Two sources feed a
list: the truth about people (``listed``) and the entries added by a change.

HIT: the ID number is listed, or the name with an equal birth date. REVIEW: the name alone, or a
resemblance the truth knows of. A name whose entry has another birth date is CLEAR.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from core.errors import InputError
from core.ports.sanctions import ListMatch, ScreenAnswer, Screened
from mocks import magic
from mocks.sanctions import cases
from mocks.spec import Operation, Scope, always, table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from core.identity import IdNumber
    from core.ports.people import People
    from core.ports.sanctions import ScreenQuery
    from core.ports.trace import Trace
    from core.seed import Draws

AUDIT_KEPT = 10_000
OWN_LIST = "domestic"  # where the people whom the truth calls listed stand
EXACT_PPM, ALIKE_PPM = 1_000_000, 850_000


OF_CASES = "case:"  # what the entity of a case begins with


class ListEntry(NamedTuple):
    """One listed subject; ``number`` and ``birth`` are None where the list does not know them."""

    entity: str
    name: str
    list_name: str = "united_nations"
    number: IdNumber | None = None
    birth: date | None = None


class Snapshot:
    """One version of the lists, indexed when it is made and never changed."""

    __slots__ = ("by_name", "by_number", "delisted", "effective_s", "entries", "version")

    def __init__(
        self,
        version: str,
        effective_s: float,
        entries: dict[str, ListEntry],
        delisted: frozenset[str],
    ) -> None:
        self.version = version
        self.effective_s = effective_s
        self.entries = entries
        self.delisted = delisted
        self.by_name: dict[str, list[ListEntry]] = {}
        self.by_number: dict[str, ListEntry] = {}
        for entry in entries.values():
            self.by_name.setdefault(entry.name, []).append(entry)
            if entry.number is not None:
                self.by_number[entry.number.text] = entry


class Change(NamedTuple):
    """From one version to the next: what the platform re-screens its customers against."""

    version: str
    effective_s: float
    added: tuple[ListEntry, ...]
    removed: tuple[str, ...]


class Screen(NamedTuple):
    """One line of the audit."""

    bank: str
    application: str
    call: int
    point: str
    list_version: str
    decision: Screened
    now_s: float


@dataclass(slots=True)
class _Found:
    decision: Screened
    match: ListMatch


class Sanctions:
    """The lists a bank in this country must not serve, in every version there was."""

    PROVIDER: ClassVar[str] = "sanctions"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("screen", billed=always, cases=cases.SCREEN, magic=magic.id_number())
    )

    def __init__(
        self,
        people: People,
        version: str = "20200701-001",
        entries: Iterable[ListEntry] = (),
    ) -> None:
        self._people = people
        first = {entry.entity: entry for entry in entries}
        self._snapshots = [Snapshot(version, float("-inf"), first, frozenset())]
        self.changes: list[Change] = []
        self.audit: deque[Screen] = deque(maxlen=AUDIT_KEPT)

    @property
    def version(self) -> str:
        """The newest version's name."""
        return self._snapshots[-1].version

    @property
    def entries(self) -> dict[str, ListEntry]:
        """The newest version's entries by entity (without the people whom the truth lists)."""
        return dict(self._snapshots[-1].entries)

    def at(self, now_s: float) -> Snapshot:
        """Return the version that holds at ``now_s``."""
        for snapshot in reversed(self._snapshots):
            if snapshot.effective_s <= now_s:
                return snapshot
        raise AssertionError("the first version holds since ever")

    def change(
        self,
        added: Iterable[ListEntry],
        removed: Iterable[str],
        version: str,
        effective_s: float,
    ) -> Change:
        """Put the next version in force from ``effective_s`` on.

        ``removed`` names entities; ``person:<key>`` delists somebody whom the truth lists. An
        entity that is added stands anew, though it was removed before.

        Raises:
            InputError: the version or its moment does not come after the last one's.
        """
        last = self._snapshots[-1]
        if version <= last.version or effective_s < last.effective_s:
            raise InputError(
                f"list version {version!r}",
                f"does not come after {last.version!r}",
                "give a later name and moment",
            )
        change = Change(version, effective_s, tuple(added), tuple(removed))
        gone = frozenset(change.removed)
        entries = {entity: entry for entity, entry in last.entries.items() if entity not in gone}
        entries.update({entry.entity: entry for entry in change.added})
        delisted = (last.delisted | gone).difference(entries)
        self._snapshots.append(Snapshot(version, effective_s, entries, delisted))
        self.changes.append(change)
        return change

    def screen(self, trace: Trace, query: ScreenQuery, now_s: float, draws: Draws) -> ScreenAnswer:
        """Decide about one person by the lists of this moment."""
        del draws
        snapshot = self._snapshots[-1]
        if snapshot.effective_s > now_s:
            snapshot = self.at(now_s)
        found = self._of_truth(snapshot, query)
        if found is None or found.decision is not Screened.HIT:
            found = _of_entries(snapshot, query) or found
        decision = found.decision if found else Screened.CLEAR
        version = snapshot.version
        self.audit.append(
            Screen(trace.bank, trace.application, trace.call, query.point, version, decision, now_s)
        )
        return ScreenAnswer(decision, version, (found.match,) if found else ())

    def meant(
        self, trace: Trace, query: ScreenQuery, now_s: float, decision: Screened
    ) -> ScreenAnswer:
        """Decide as a test means it; whom it hits is nobody, under the name that was asked for."""
        version, entity = self.at(now_s).version, f"{OF_CASES}{query.name}"
        score = {Screened.HIT: EXACT_PPM, Screened.REVIEW: ALIKE_PPM}.get(decision)
        self.audit.append(
            Screen(trace.bank, trace.application, trace.call, query.point, version, decision, now_s)
        )
        matches = (ListMatch(entity, OWN_LIST, score),) if score else ()
        return ScreenAnswer(decision, version, matches)

    def _of_truth(self, snapshot: Snapshot, query: ScreenQuery) -> _Found | None:
        """What the truth about the holder of the number says."""
        person = self._people.by_number(query.number)
        if person is None or not person.listed:
            return None
        entity = f"person:{person.key}"
        if entity in snapshot.delisted:
            return None
        if person.listed == "hit":
            return _Found(Screened.HIT, ListMatch(entity, OWN_LIST, EXACT_PPM))
        return _Found(Screened.REVIEW, ListMatch(entity, OWN_LIST, ALIKE_PPM))


def _of_entries(snapshot: Snapshot, query: ScreenQuery) -> _Found | None:
    """What the entries say: the ID number first, then the name with what corroborates it."""
    if not snapshot.entries:
        return None
    entry = snapshot.by_number.get(query.number.text)
    if entry is not None:
        return _Found(Screened.HIT, ListMatch(entry.entity, entry.list_name, EXACT_PPM))
    doubt = None
    for entry in snapshot.by_name.get(query.name, ()):
        match = ListMatch(entry.entity, entry.list_name, ALIKE_PPM)
        if entry.number is not None:
            # Somebody else's number: it is another person, unless born on the same day.
            if entry.number.birth == query.number.birth:
                doubt = doubt or _Found(Screened.REVIEW, match)
        elif entry.birth is None:
            doubt = doubt or _Found(Screened.REVIEW, match)
        elif entry.birth == query.number.birth:
            return _Found(Screened.HIT, ListMatch(entry.entity, entry.list_name, EXACT_PPM))
    return doubt
