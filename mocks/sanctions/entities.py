"""The lists as yente shows them: entities, data sets, and what makes one resemble a subject.

An entity is a listed person in the shape of FollowTheMoney. People whom the truth calls listed
stand on the list ``domestic`` as ``person:<key>``: they are found by their number and shown by
their id, but no search goes through them, for people are made when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.ports.sanctions import Screened
from mocks.sanctions.behaviour import ALIKE_PPM, EXACT_PPM, OF_CASES, OWN_LIST, ListEntry

if TYPE_CHECKING:
    from datetime import date

    from core.identity import IdNumber
    from core.ports.people import People
    from mocks.sanctions.behaviour import Snapshot

COLLECTIONS = ("default", "sanctions", "all")  # each means every list there is
OF_TRUTH = "person:"
GRAVITY = (Screened.CLEAR, Screened.REVIEW, Screened.HIT)
PPM = 1_000_000

Entity = dict[str, Any]


class Subject(NamedTuple):
    """Who is screened, as far as a query tells; ``birth`` is also in the number."""

    names: tuple[str, ...]
    number: IdNumber | None
    birth: date | None
    point: str


def data_sets(snapshot: Snapshot) -> list[str]:
    """Return the names of the lists of a version."""
    return sorted({OWN_LIST, *(entry.list_name for entry in snapshot.entries.values())})


def day_of(version: str) -> str | None:
    """Return the day that a version is named after, where it is named after one."""
    day = version[:8]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 and day.isdigit() else None


def entity_of(entry: ListEntry, version: str) -> Entity:
    """Return a listed subject as an entity."""
    birth = entry.birth or (entry.number.birth if entry.number else None)
    properties = {
        "name": [entry.name],
        "birthDate": [birth.isoformat()] if birth else [],
        "idNumber": [entry.number.text] if entry.number else [],
        "topics": ["sanction"],
    }
    return {
        "id": entry.entity,
        "caption": entry.name or entry.entity,
        "schema": "Person",
        "properties": {name: values for name, values in properties.items() if values},
        "datasets": [entry.list_name],
        "referents": [],
        "target": True,
        "first_seen": None,
        "last_seen": day_of(version),
        "last_change": None,
    }


def entry_of_truth(entity: str, people: People, snapshot: Snapshot) -> ListEntry | None:
    """Return the entry of somebody whom the truth calls listed."""
    if not entity.startswith(OF_TRUTH) or entity in snapshot.delisted:
        return None
    person = people.by_key(entity.removeprefix(OF_TRUTH))
    if person is None or not person.listed:
        return None
    # Who is only alike has another number: the list knows the name alone.
    number = person.id_number if person.listed == "hit" else None
    return ListEntry(entity, person.name, OWN_LIST, number)


def find(entity: str, people: People, snapshot: Snapshot) -> Entity | None:
    """Return an entity by its id."""
    entry = snapshot.entries.get(entity) or entry_of_truth(entity, people, snapshot)
    if entity.startswith(OF_CASES):
        entry = ListEntry(entity, entity.removeprefix(OF_CASES), OWN_LIST)
    return entity_of(entry, snapshot.version) if entry else None


def search(snapshot: Snapshot, dataset: str, text: str) -> list[Entity]:
    """Return the entities of a list whose name or id has ``text`` in it, by their ids."""
    wanted = text.casefold()
    found = (
        entry
        for entry in snapshot.entries.values()
        if (dataset in COLLECTIONS or entry.list_name == dataset)
        and (wanted in entry.name.casefold() or wanted == entry.entity.casefold())
    )
    return [entity_of(entry, snapshot.version) for entry in sorted(found)]


def likeness_ppm(entry: ListEntry, subject: Subject) -> int:
    """Return how much an entry resembles a subject: the rule of the decision, entry by entry."""
    if entry.number is not None and entry.number == subject.number:
        return EXACT_PPM
    if entry.name not in subject.names:
        return 0
    born = entry.number.birth if entry.number else entry.birth
    if born is None or subject.birth is None:
        return ALIKE_PPM
    if born != subject.birth:
        return 0
    return ALIKE_PPM if entry.number else EXACT_PPM


def resembling(snapshot: Snapshot, subject: Subject) -> dict[str, int]:
    """Return every entry that resembles a subject, with its likeness in millionths."""
    near = [entry for name in subject.names for entry in snapshot.by_name.get(name, ())]
    if subject.number is not None and subject.number.text in snapshot.by_number:
        near.append(snapshot.by_number[subject.number.text])
    found = {entry.entity: likeness_ppm(entry, subject) for entry in near}
    return {entity: ppm for entity, ppm in found.items() if ppm}


def decision_of(scores_ppm: dict[str, int]) -> Screened:
    """Return what the likenesses of some entities come to."""
    nearest = max(scores_ppm.values(), default=0)
    return Screened.HIT if nearest >= EXACT_PPM else GRAVITY[min(1, nearest)]


def graver(one: Screened, other: Screened) -> Screened:
    """Return the graver of two decisions."""
    return max(one, other, key=GRAVITY.index)


def explained(entity: Entity, subject: Subject) -> dict[str, Any]:
    """Return why an entity resembles a subject, feature by feature."""
    held = entity["properties"]
    number = subject.number.text if subject.number else None
    birth = subject.birth.isoformat() if subject.birth else None
    name = next((name for name in subject.names if name in held.get("name", ())), None)
    features = {
        "name_match": (name, held.get("name", [])),
        "id_number_match": (number, held.get("idNumber", [])),
        "birth_date_match": (birth, held.get("birthDate", [])),
    }
    return {
        feature: {"score": 1.0, "detail": "equal", "query": said, "candidate": said}
        for feature, (said, known) in features.items()
        if said is not None and said in known
    }
