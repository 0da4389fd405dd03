"""Behind the door: options every verb has, errors as one line, and the exit status.

0 fine, 1 the verdict is no, 2 the input is wrong, 3 the machine is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

import core
from core.errors import InputError, MachineError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTS = ("instant", "virtual")
FINE, NO, WRONG_INPUT, WRONG_MACHINE, INTERRUPTED = 0, 1, 2, 3, 130
SEED = 7


def version() -> str:
    """Return the product's version."""
    return core.__version__


class Verbs(click.Group):
    """The verbs; an unknown one is answered with the nearest."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the verb, or say which one was probably meant."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise InputError(f"verb {args[0]!r}", "is unknown", nearest(args[0], self.commands))
        return super().resolve_command(ctx, args)


def common(verb: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb the options that every verb has."""

    def put(command: Callable[..., None]) -> Callable[..., None]:
        command = click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("out") / verb,
            show_default=True,
            help="Where results go.",
        )(command)
        command = click.option(
            "--seed", type=int, default=None, help=f"The root of all chance (default {SEED})."
        )(command)
        return click.option(
            "--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else."
        )(command)

    return put


@dataclass(slots=True)
class Terminal:
    """Where a verb speaks: to people on ``say``, or as one document with ``--json``."""

    as_json: bool
    out: Console
    err: Console

    def say(self, *words: Any, **how: Any) -> None:
        """Speak to people; silent where a document was asked for."""
        if not self.as_json:
            self.out.print(*words, **how)

    @property
    def lively(self) -> bool:
        """Whether progress may be drawn over and over: people at a terminal."""
        return self.err.is_terminal

    def document(self, text: str) -> None:
        """Print the one document."""
        sys.stdout.write(text + "\n")


def terminal(as_json: bool) -> Terminal:
    """Return the terminal: colours where there is one, plain lines of any length elsewhere."""
    width = None if sys.stdout.isatty() else 200
    return Terminal(
        as_json,
        Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=width),
        Console(stderr=True, highlight=False),
    )


def run(verb: str, given: dict[str, Any]) -> None:
    """Run a verb and leave with its status."""
    command = import_module(f"scenarios.commands.{verb}")
    status = command.run(terminal(bool(given.pop("as_json"))), **given)
    sys.exit(status)


def main(group: click.Group) -> None:
    """Run the door; every expected failure is one line on stderr."""
    try:
        group.main(standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except (KeyboardInterrupt, click.exceptions.Abort):
        _tell("interrupted; the same command goes on from what is finished")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        _tell(error.format_message())
        sys.exit(WRONG_INPUT)
    except InputError as error:
        _tell(str(error))
        sys.exit(WRONG_INPUT)
    except MachineError as error:
        _tell(str(error))
        sys.exit(WRONG_MACHINE)
    except AssertionError:
        traceback.print_exc()
        _tell(f"this is a bug of loanrange itself; to repeat it: {command_line()}")
        sys.exit(NO)


def _tell(line: str) -> None:
    print(f"sim.py: {line}", file=sys.stderr)


def command_line(**options: Any) -> str:
    """Return the command that repeats this run, with options set where they were left out."""
    words = ["python", "sim.py", *sys.argv[1:]]
    for name, value in options.items():
        if f"--{name}" not in words:
            words += [f"--{name}", str(value)]
    return " ".join(words)
