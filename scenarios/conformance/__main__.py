"""The command behind ``make conformance``: ``python -m scenarios.conformance [PLACE]``.

Exit status: 0 all passed (or could not be expressed, which is said), 1 one failed, 2 the folder
or a file in it is wrong, 3 the machine is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import core
from core.errors import InputError, MachineError
from scenarios.commands.door import FINE, INTERRUPTED, NO, WRONG_INPUT, WRONG_MACHINE, blame
from scenarios.conformance.families import OWN, check
from scenarios.conformance.outcome import Verdict
from scenarios.output import dumps

if TYPE_CHECKING:
    from scenarios.conformance.families import Tally
    from scenarios.conformance.outcome import Outcome

NAME = "conformance"
SHOWN_MAX = 20  # of a family's cases that did not pass; --json tells all
DIFFERENCES_MAX = 3  # of a failed case


@click.command()
@click.argument("place", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
@click.option("--verbose", is_flag=True, help="Every case, and the reading that reproduced it.")
def conformance(place: Path | None, as_json: bool, verbose: bool) -> int:
    """Published truths (a folder of JSON files, or one file), and whether we reproduce them.

    Without a PLACE it is our own. A reading is named by the conventions in which a case came out.
    """
    tallies, strangers = check(OWN if place is None else place)
    if as_json:
        click.echo(dumps(as_document(place, tallies, strangers)))
    else:
        for tally in tallies:
            for line in lines_of(tally, verbose):
                click.echo(line)
        for name in strangers:
            click.echo(f"{name}: not recognised, no family has this form")
    return NO if any(tally.of(Verdict.FAILED) for tally in tallies) else FINE


def lines_of(tally: Tally, verbose: bool) -> list[str]:
    """Return a family's line, and below it what did not pass (with ``verbose`` everything)."""
    counts = ", ".join(f"{len(tally.of(verdict))} {verdict}" for verdict in Verdict)
    negative = sum(each.negative for _, each in tally.of(Verdict.PASSED))
    if negative:
        counts += f" ({negative} of the passed are negative: not reached, as it should be)"
    shown = [each for _, each in tally.outcomes if verbose or each.verdict is not Verdict.PASSED]
    most = len(shown) if verbose else SHOWN_MAX
    lines = [f"{tally.family}: {counts}", *(line for each in shown[:most] for line in _told(each))]
    if len(shown) > most:
        lines.append(f"  and {len(shown) - most} more; --json tells all")
    return lines


def _told(outcome: Outcome) -> list[str]:
    """Return the lines of one case: how it ended and why."""
    why = [outcome.reason] if outcome.reason else []
    if outcome.verdict is Verdict.PASSED and outcome.readings:
        why = [f"reproduced by {outcome.readings[0]}"]
    lines = [f"  {outcome.id}: {'; '.join([outcome.verdict, *why, *outcome.notes])}"]
    for place, published, ours in outcome.differences[:DIFFERENCES_MAX]:
        lines.append(f"    {place}: published {published}, ours {ours}")
    if (more := len(outcome.differences) - DIFFERENCES_MAX) > 0:
        lines.append(f"    and {more} more figures")
    return lines


def as_document(place: Path | None, tallies: list[Tally], strangers: list[str]) -> dict[str, Any]:
    """Return everything as one document."""
    return {
        "version": core.__version__,
        "place": "own" if place is None else str(place),
        "families": [
            {
                "name": tally.family,
                **{verdict.replace(" ", "_"): len(tally.of(verdict)) for verdict in Verdict},
                "cases": [_case(file, outcome) for file, outcome in tally.outcomes],
            }
            for tally in tallies
        ],
        "not_recognised": strangers,
    }


def _case(file: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "file": file,
        "verdict": outcome.verdict.value,
        "negative": outcome.negative,
        "reason": outcome.reason,
        "conventions": outcome.readings,
        "notes": outcome.notes,
        "differences": [each._asdict() for each in outcome.differences],
    }


def main(words: list[str]) -> int:
    """Run the command; every expected failure is one line on stderr."""
    try:
        return conformance.main(words, prog_name=NAME, standalone_mode=False) or FINE
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _failed("interrupted", INTERRUPTED)
    except click.ClickException as error:
        return _failed(str(blame(error)), WRONG_INPUT)
    except InputError as error:
        return _failed(str(error), WRONG_INPUT)
    except MachineError as error:
        return _failed(str(error), WRONG_MACHINE)


def _failed(line: str, status: int) -> int:
    click.echo(f"{NAME}: {' '.join(line.split())}", err=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
