"""The population: makes people when they are first asked for, and finds them again.

Fulfils :class:`core.ports.people.People`. Nobody depends on who was made before, or on which other
banks there are: whoever was not made yet, or was forgotten, is made the same by any lookup.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from core.errors import InputError, nearest
from core.ports.carrier import Operator
from scenarios.population.making import Maker
from scenarios.population.people import SUPPORTED, Person, truth_of
from scenarios.population.plan import (
    AWAY,
    PEOPLE,
    PLANS,
    Plan,
    openid_mask,
    place_of_card,
    place_of_openid,
    place_of_phone,
)
from scenarios.population.providers import is_assigned
from scenarios.population.traits import Traits, blameless, rate_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from core.identity import CardNumber, IdNumber, PhoneNumber
    from core.seed import Seed
    from scenarios.population.plan import HomeBank

# Of those who are made as they are asked for, so many are kept (some 2.5 kB each, with their
# names); whoever is asked for again, is made again, the same.
MADE_MAX = 32_768

FIELDS = frozenset(field.name for field in fields(Person)) - {"key", "bank", "index", "truth"}


class Population:
    """The people of one world. ``reference`` is the day their ages and terms count from."""

    def __init__(
        self,
        seed: Seed,
        reference: date,
        banks: Mapping[str, HomeBank],
        traits: Traits | None = None,
        allow_assigned: bool = False,
    ) -> None:
        """``allow_assigned`` lets a bank lie in a real division, with numbers of real people."""
        self.seed = seed
        self.reference = reference
        self.traits = traits or Traits()
        self._plans = {bank.id: Plan.of(bank, seed, reference) for bank in banks.values()}
        self._places = {plan.place: plan for plan in self._plans.values()}
        self._divisions = {plan.bank.division: plan for plan in self._plans.values()}
        self._require_apart(allow_assigned)
        self._mask = openid_mask(seed)
        self._maker = Maker(reference, self.traits)
        self._makers: dict[Traits, Maker] = {}  # for those of whom something is said
        self._said: dict[str, tuple[Traits, dict[str, Any]]] = {}  # what stories set
        self._people: dict[str, Person] = {}
        self._made: OrderedDict[str, None] = OrderedDict()  # keys of those who can be made again
        self._found: dict[str, str] = {}  # number, phone, openid and card: to the person's key

    def _require_apart(self, allow_assigned: bool) -> None:
        """Require that no two banks share what numbers are made from, and that nobody is real."""
        for taken, what in ((self._places, "bin"), (self._divisions, "division")):
            if len(taken) < len(self._plans):
                lost = next(p for p in self._plans.values() if p not in taken.values())
                problem = f"another bank's people would get the same numbers ({PLANS} apart?)"
                raise InputError(f"bank {lost.bank.id!r}: {what}", problem, f"give another {what}")
        for division, plan in self._divisions.items():
            if is_assigned(division) and not allow_assigned:
                place = f"bank {plan.bank.id!r}: division"
                raise InputError(place, f"{division} is a real place's", "use an unassigned one")

    # Making

    def person(self, bank: str, index: int) -> Person:
        """Return the ``index``-th person of a bank.

        Raises:
            InputError: no such bank, or an index that the numbering plan has no room for.
        """
        key = self.key(bank, index)
        found = self._people.get(key)
        return self._make(key, bank, index) if found is None else found

    def people(self, bank: str, indices: Iterable[int]) -> Iterator[Person]:
        """Give the people of a bank with these indices, one after the other."""
        return (self.person(bank, index) for index in indices)

    def make(self, bank: str, index: int, **said: Any) -> Person:
        """Return somebody who passes every check, but for what is ``said``; they stay so.

        Said are fields (``listed="hit"``, ``birth=date(2003, 1, 1)``) or traits by name
        (``card_expired=True``, ``holds_card=True``). What depends on a field follows it: the ID
        number its birth date and sex, the registers' names the name, the carrier the phone.

        Raises:
            InputError: no such field or trait, or a number that somebody else has.
        """
        return self._say(bank, index, blameless(), said)

    def with_truth(self, key: str, **said: Any) -> Person:
        """Return the person of that key as they are, but for what is ``said``."""
        place = self._place(key)
        if place is None:
            raise InputError(f"person {key!r}", "there is no such person", "write bank/000123")
        traits, before = self._said.get(key, (self.traits, {}))
        return self._say(*place, traits, {**before, **said})

    def add(self, person: Person) -> Person:
        """Take in somebody who was put together elsewhere.

        Raises:
            InputError: somebody else has one of the numbers.
        """
        self._drop(person.key)
        names = _names_of(person)
        for name in names:
            if self._found.get(name, person.key) != person.key:
                place = f"person {person.key!r}"
                problem = f"{self._found[name]!r} has the same {_kind(person, name)}"
                raise InputError(place, problem, "choose another number or birth date")
        self._people[person.key] = person
        self._found.update(dict.fromkeys(names, person.key))
        return person

    def forget(self, key: str) -> None:
        """Let go of a person to save memory; asked for again, they come back the same.

        Those of whom a story said something stay.
        """
        if key not in self._said:
            self._drop(key)

    def _drop(self, key: str) -> None:
        person = self._people.pop(key, None)
        self._made.pop(key, None)
        if person is not None:
            for name in _names_of(person):
                self._found.pop(name, None)

    def key(self, bank: str, index: int) -> str:
        """Return the key of a bank's person, without making them."""
        if bank not in self._plans:
            raise InputError(f"bank {bank!r}", "there is no such bank", nearest(bank, self._plans))
        if not 0 <= index < PEOPLE:
            remedy = f"the numbering plan has room for 0 to {PEOPLE - 1:,}"
            raise InputError(f"person {bank}/{index}", "there is no such person", remedy)
        return f"{bank}/{index:06d}"

    def openid(self, bank: str, index: int) -> str:
        """Return the openid of a bank's person, without making them."""
        key = self.key(bank, index)
        return self._plans[bank].openid(index, key)

    @property
    def changed(self) -> int:
        """Of how many something is said."""
        return len(self._said)

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._people)

    def __iter__(self) -> Iterator[Person]:
        """Give those in memory, in the order of their keys."""
        return (self._people[key] for key in sorted(self._people))

    # Finding: core.ports.people.People

    def by_key(self, key: str) -> Person | None:
        """The person of that key."""
        found = self._people.get(key)
        if found is not None:
            return found
        place = self._place(key)
        return None if place is None else self.person(*place)

    def by_number(self, number: IdNumber) -> Person | None:
        """The holder of an ID number."""
        key = self._found.get(number.text)
        if key is not None:
            return self._people[key]
        plan = self._divisions.get(number.region)
        if plan is None:
            plan = self._places.get(int(number.region[2:]) - AWAY)
        person = self._unmade(plan, plan.index_of_number(number) if plan else None)
        return person if person is not None and person.id_number == number else None

    def by_phone(self, phone: PhoneNumber) -> Person | None:
        """The user of a phone number."""
        key = self._found.get(phone.text)
        if key is not None:
            return self._people[key]
        found = place_of_phone(phone)
        plan = self._places.get(found[0]) if found else None
        if plan is None or found is None:
            return None
        person = self._unmade(plan, plan.index_of_phone(found[1], found[2]))
        return person if person is not None and person.phone == phone else None

    def by_openid(self, openid: str) -> Person | None:
        """The user behind an openid."""
        key = self._found.get(openid)
        if key is not None:
            return self._people[key]
        person = self._at(place_of_openid(openid, self._mask))
        return person if person is not None and person.openid == openid else None

    def by_card(self, card: CardNumber) -> Person | None:
        """The holder of a bank card."""
        key = self._found.get(card.text)
        if key is not None:
            return self._people[key]
        person = self._at(place_of_card(card))
        if person is None or all(held.number != card for held in person.cards):
            return None
        return person

    def _place(self, key: str) -> tuple[str, int] | None:
        """Return bank and index of a key that the plan has room for."""
        bank, _, index = key.partition("/")
        if bank not in self._plans or len(index) != 6 or not (index.isascii() and index.isdigit()):
            return None
        return (bank, int(index)) if int(index) < PEOPLE else None

    def _at(self, place: tuple[int, int] | None) -> Person | None:
        return self._unmade(self._places.get(place[0]), place[1]) if place else None

    def _unmade(self, plan: Plan | None, index: int | None) -> Person | None:
        """Return the person at a place of the plan, if there is such a place."""
        if plan is None or index is None or not 0 <= index < PEOPLE:
            return None
        return self.person(plan.bank.id, index)

    # Putting together

    def _say(self, bank: str, index: int, traits: Traits, said: Mapping[str, Any]) -> Person:
        """Keep what is said of a person, and make them anew."""
        known = FIELDS | frozenset(rate_names())
        for name in said:
            if name not in known:
                raise InputError(f"person: {name}", "no such truth", nearest(name, known))
        key = self.key(bank, index)
        rates = {name: value for name, value in said.items() if name not in FIELDS}
        before = self._said.get(key)
        self._said[key] = (
            traits.having(rates),
            {name: value for name, value in said.items() if name in FIELDS},
        )
        try:
            return self._make(key, bank, index)
        except InputError:
            self._said.pop(key) if before is None else self._said.update({key: before})
            raise

    def _make(self, key: str, bank: str, index: int) -> Person:
        spoken = self._said.get(key)
        if spoken is None:
            person = self._maker.make(self._plans[bank], index, {})
        else:
            traits, said = spoken
            maker = self._makers.get(traits)
            if maker is None:
                maker = self._makers[traits] = Maker(self.reference, traits)
            person = maker.make(self._plans[bank], index, said)
            _set(person, said)
        person.truth = truth_of(person, self.reference)
        self.add(person)
        if spoken is None:
            self._made[key] = None
            if len(self._made) > MADE_MAX:
                self._drop(next(iter(self._made)))
        return person


def _set(person: Person, said: Mapping[str, Any]) -> None:
    """Set what a story says of a person; what hangs on a number follows it, unless said too."""
    before = person.phone
    for name, value in said.items():
        setattr(person, name, value)
    phone, number = person.phone, person.id_number
    if phone != before:
        for card in person.cards:
            if "cards" not in said and card.phone == before:
                card.phone = phone
        if "operator" not in said and phone.segment in SUPPORTED:
            person.operator = Operator(phone.segment.value)
    if "id_number" in said:
        person.birth, person.sex, person.region = number.birth, number.sex, number.region


def _names_of(person: Person) -> list[str]:
    """Return all that a person is found by."""
    cards = [card.number.text for card in person.cards]
    return [person.id_number.text, person.phone.text, person.openid, *cards]


def _kind(person: Person, name: str) -> str:
    """Say what kind of number ``name`` is."""
    if name == person.id_number.text:
        return "ID number"
    return "phone" if name == person.phone.text else "card or openid"
