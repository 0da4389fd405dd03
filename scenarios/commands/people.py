"""``people``: synthetic people and the truth about them, as a file."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from rich.markup import escape

from core.banks import load_banks
from core.errors import InputError, nearest
from core.seed import Seed
from scenarios.commands.door import FINE, SEED
from scenarios.output import dumps, results, write_json
from scenarios.population.export import people_json
from scenarios.population.plan import PEOPLE
from scenarios.population.register import Population
from scenarios.stories.run import START

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.population.people import Person

COUNT_MAX = 1_000_000


def run(terminal: Terminal, count: int, bank: str | None, seed: int | None, out: Path) -> int:
    """Make ``count`` people of a bank, or of every bank in turn."""
    if not 1 <= count <= COUNT_MAX:
        raise InputError("people -n", f"is {count}", f"use 1 to {COUNT_MAX:,}")
    banks = load_banks()
    if bank is not None and bank not in banks:
        raise InputError(f"--bank {bank!r}", "is unknown", nearest(bank, banks))
    if bank is not None and count >= PEOPLE:
        raise InputError("people -n", f"is {count:,} of one bank", f"use at most {PEOPLE - 1:,}")
    terminal.seed = seed = SEED if seed is None else seed
    population = Population(Seed(seed), START, banks)
    turns = cycle([bank] if bank is not None else list(banks))
    found: list[Person] = []
    met: dict[str, int] = {}
    for _, home in zip(range(count), turns, strict=False):
        met[home] = met.get(home, 0) + 1
        found.append(population.person(home, met[home]))
    document = people_json(population, found, seed)
    with results(out) as folder:
        write_json(folder / "people.json", document)
    if terminal.as_json:
        terminal.document(dumps(document))
    good = sum(person.should_pass for person in found)
    where = escape(str(out / "people.json"))
    terminal.say(f"people: {count}, of whom {good} ought to pass; they are in {where}")
    terminal.say(f"seed {seed}; repeat with: {terminal.repeat()}")
    return FINE
