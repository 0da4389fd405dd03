"""``people``: synthetic people and the truth about them, as a file, with pictures where asked."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import track

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
    from collections.abc import Iterable
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.population.people import Person
    from scenarios.population.pictures.album import Album

COUNT_MAX = 1_000_000
DRAWN_MAX = 20_000  # with pictures: a tenth of a second and some 350 kB each
TOLD_EVERY = 100  # people drawn, where progress is told in lines


def run(
    terminal: Terminal, count: int, bank: str | None, pictures: bool, seed: int | None, out: Path
) -> int:
    """Make ``count`` people of a bank, or of every bank in turn; draw their pictures if asked."""
    banks = load_banks()
    _require(count, bank, pictures, banks)
    terminal.seed = seed = SEED if seed is None else seed
    population = Population(Seed(seed), START, banks)
    album = _album(population, banks) if pictures else None
    turns = cycle([bank] if bank is not None else list(banks))
    found: list[Person] = []
    met: dict[str, int] = {}
    for _, home in zip(range(count), turns, strict=False):
        met[home] = met.get(home, 0) + 1
        found.append(population.person(home, met[home]))
    document = people_json(population, found, seed)
    with results(out) as folder:
        if album is not None:
            _draw(terminal, album, folder, zip(found, document["people"], strict=True), count)
        write_json(folder / "people.json", document)
    if terminal.as_json:
        terminal.document(dumps(document))
    good = sum(person.should_pass for person in found)
    where = escape(str(out / "people.json"))
    terminal.say(f"people: {count}, of whom {good} ought to pass; they are in {where}")
    if pictures:
        terminal.say("their pictures lie beside it, each marked as a specimen: nobody exists")
    terminal.say(f"seed {seed}; repeat with: {terminal.repeat()}")
    return FINE


def _require(count: int, bank: str | None, pictures: bool, banks: Iterable[str]) -> None:
    """Require that so many people of that bank can be made."""
    if not 1 <= count <= COUNT_MAX:
        raise InputError("people -n", f"is {count}", f"use 1 to {COUNT_MAX:,}")
    if bank is not None and bank not in banks:
        raise InputError(f"--bank {bank!r}", "is unknown", nearest(bank, banks))
    if bank is not None and count >= PEOPLE:
        raise InputError("people -n", f"is {count:,} of one bank", f"use at most {PEOPLE - 1:,}")
    if pictures and count > DRAWN_MAX:
        raise InputError("people -n", f"is {count:,} with --pictures", f"use 1 to {DRAWN_MAX:,}")


def _album(population: Population, banks: Any) -> Album:
    """Return where pictures are taken; the libraries for it wait until somebody wants any."""
    from scenarios.population.pictures.album import Album
    from scenarios.population.pictures.studio import Studio
    from scenarios.population.shops import Shops

    return Album(Studio(population.seed), Shops(population, banks))


def _draw(
    terminal: Terminal,
    album: Album,
    folder: Path,
    rows: Iterable[tuple[Person, dict[str, Any]]],
    count: int,
) -> None:
    """Take everybody's pictures, and say in their row where they lie: before the truth."""
    quiet = not terminal.lively
    told = track(rows, "pictures", count, console=terminal.err, disable=quiet, transient=True)
    for done, (person, row) in enumerate(told, start=1):
        truth = row.pop("truth")
        row.update(album.add(person, folder), truth=truth)
        if quiet and done % TOLD_EVERY == 0:
            terminal.note(f"people: the pictures of {done:,} of {count:,} are drawn")
