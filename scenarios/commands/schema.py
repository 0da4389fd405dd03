"""``schema``: the JSON Schemas of what users write and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError, nearest
from scenarios.commands.door import FINE
from scenarios.output import dumps, results, write_json
from scenarios.schemas import SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.commands.door import Terminal


def run(terminal: Terminal, name: str | None, seed: int | None, out: Path) -> int:
    """Print one schema, or write all of them."""
    del seed
    if name is not None:
        if name not in SCHEMAS:
            raise InputError(f"schema {name!r}", "is unknown", nearest(name, SCHEMAS))
        terminal.document(dumps(SCHEMAS[name]()))
        return FINE
    with results(out) as folder:
        for each, make in SCHEMAS.items():
            write_json(folder / f"{each}.schema.json", make())
    if terminal.as_json:
        terminal.document(dumps({each: make() for each, make in SCHEMAS.items()}))
    terminal.say(f"{len(SCHEMAS)} schemas in {out}: {', '.join(SCHEMAS)}")
    return FINE
