"""Families of published truths: which file is whose, and what came of every case in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import InputError
from scenarios.conformance import loans
from scenarios.conformance.outcome import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWN = Path(__file__).parent / "data"


class Family(NamedTuple):
    """One kind of published truths: whose document it is, and the outcome of each of its cases."""

    name: str
    is_ours: Callable[[Any], bool]
    check: Callable[[Any], Iterator[Outcome]]


FAMILIES = (Family(loans.NAME, loans.is_ours, loans.check),)


@dataclass(slots=True)
class Tally:
    """What came of one family: its outcomes, by file."""

    family: str
    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)

    def of(self, verdict: Verdict) -> list[tuple[str, Outcome]]:
        """Return the outcomes of one verdict."""
        return [(file, each) for file, each in self.outcomes if each.verdict is verdict]


def check(place: Path) -> tuple[list[Tally], list[str]]:
    """Return what came of every family in a folder (or one file), and the files nobody knows.

    Raises:
        InputError: there is no such place, a file is no JSON, or no family knows any file.
    """
    tallies = {family.name: Tally(family.name) for family in FAMILIES}
    strangers = []
    for path in _files(place):
        document = read(path)
        family = next((each for each in FAMILIES if each.is_ours(document)), None)
        if family is None:
            strangers.append(path.name)
        else:
            tallies[family.name].outcomes += [
                (path.name, outcome) for outcome in family.check(document)
            ]
    found = [tally for tally in tallies.values() if tally.outcomes]
    if not found:
        problem = f"no family knows any of its files ({', '.join(strangers[:5])})"
        raise InputError(str(place), problem, f"known: {', '.join(tallies)}")
    return found, strangers


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise InputError(str(place), "there is no such folder", "name one that holds vectors")
    paths = sorted(place.rglob("*.json"))
    if not paths:
        raise InputError(str(place), "holds no .json file", "name a folder that holds vectors")
    return paths


def read(path: Path) -> Any:
    """Return a file's document; numbers stay as they are written, so that none becomes a float.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_float=str)
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise InputError(str(path), problem, "save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"{path}, line {error.lineno}, column {error.colno}"
        raise InputError(place, error.msg, "mend the JSON there") from None
    except RecursionError:
        raise InputError(str(path), "is nested too deeply", "mend the JSON") from None
