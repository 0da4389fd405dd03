"""Behind the door: options every verb has, errors as one line, and the exit status.

0 fine, 1 the verdict is no, 2 the input is wrong, 3 the machine is wrong, 130 interrupted.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import traceback
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

import core
from core.errors import InputError, MachineError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOSTS = ("instant", "virtual", "wall")
WAYS = ("flow", "gateway")
FINE, NO, WRONG_INPUT, WRONG_MACHINE, INTERRUPTED = 0, 1, 2, 3, 130
STATUSES = (
    "Exit status: 0 fine, 1 the verdict is no, 2 the input is wrong, 3 the machine is wrong, "
    "130 interrupted."
)
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


class OneOf(click.Choice):
    """A choice; a wrong one is answered with the nearest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the choice."""
        if value not in self.choices:
            remedy = nearest(str(value), self.choices)
            raise InputError(f"{_place(param, ctx)} {value!r}", "is unknown", remedy)
        return value


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
    """Where a verb speaks: to people on ``say``, or as one document with ``--json``.

    ``seed`` is the root of chance of this run, once it is known, and ``kept`` what an interrupted
    run leaves behind.
    """

    as_json: bool
    out: Console
    err: Console
    seed: int | None = None
    kept: Callable[[], str] = lambda: "nothing was written"

    def say(self, *words: Any, **how: Any) -> None:
        """Speak to people; silent where a document was asked for."""
        if not self.as_json:
            self.out.print(*words, **how)

    def note(self, text: str) -> None:
        """Tell people how far it is, beside the output."""
        self.err.print(text, markup=False)

    @property
    def lively(self) -> bool:
        """Whether progress may be drawn over and over: people at a terminal."""
        return self.err.is_terminal

    @property
    def plain(self) -> bool:
        """Whether the output goes to a file or a pipe: no frames, no colours."""
        return not self.out.is_terminal

    def document(self, text: str) -> None:
        """Print the one document."""
        sys.stdout.write(text + "\n")

    def repeat(self) -> str:
        """Return the command that repeats this run, fit to be printed."""
        return escape(command_line() if self.seed is None else command_line(seed=self.seed))


def terminal(as_json: bool) -> Terminal:
    """Return the terminal: colours where there is one; lines are never broken, to be copied."""
    width = None if sys.stdout.isatty() else 200
    return Terminal(
        as_json,
        Console(highlight=False, emoji=False, soft_wrap=True, width=width),
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True),
    )


def run(verb: str, given: dict[str, Any]) -> None:
    """Run a verb and leave with its status."""
    speaks = terminal(bool(given.pop("as_json")))
    try:
        command = import_module(f"scenarios.commands.{verb}")
        status = command.run(speaks, **given)
    except KeyboardInterrupt:
        warnings.simplefilter("ignore")  # of coroutines that nobody will await any more
        _tell(f"interrupted; {speaks.kept()}")
        status = INTERRUPTED
    except (InputError, MachineError, OSError, MemoryError):
        raise
    except Exception:  # noqa: BLE001  every other error is a bug of ours, an assert above all
        traceback.print_exc()
        seed = {} if speaks.seed is None else {"seed": speaks.seed}
        _tell(f"this is a bug of loanrange itself; to repeat it: {command_line(**seed)}")
        status = NO
    sys.exit(status)


def main(group: click.Group, words: Sequence[str] | None = None) -> None:
    """Run the door; every expected failure is one line on stderr."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both let a run keep what it finished
        signal.signal(number, signal.default_int_handler)
    words = sys.argv[1:] if words is None else words
    try:
        group.main(words or ["--help"], prog_name="sim.py", standalone_mode=False)
        status = FINE
        if not words:
            raise InputError("no verb", "nothing was asked for", "name one of those above")
    except click.exceptions.Exit as leave:
        status = leave.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        _tell("interrupted; nothing was written")
        status = INTERRUPTED
    except click.ClickException as error:
        _tell(str(blame(error)))
        status = WRONG_INPUT
    except InputError as error:
        _tell(str(error))
        status = WRONG_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read it has gone
        status = INTERRUPTED
    except MachineError as error:
        _tell(str(error))
        status = WRONG_MACHINE
    except OSError as error:
        _tell(f"{error.filename or 'the machine'}: {error.strerror or error}; is there room?")
        status = WRONG_MACHINE
    except MemoryError:
        _tell("the memory is full; use fewer --workers, or a smaller --share")
        status = WRONG_MACHINE
    sys.exit(status)


def blame(error: click.ClickException) -> InputError:
    """Return what click found wrong with the command line in our own form."""
    ctx = getattr(error, "ctx", None)
    verb = ctx.info_name if ctx is not None and ctx.parent is not None else ""
    problem = error.message.rstrip(".")
    problem = problem[:1].lower() + problem[1:]
    if isinstance(error, click.NoSuchOption):
        place = f"{verb} {error.option_name}".strip()
        options = [name for each in ctx.command.params for name in each.opts] if ctx else []
        known = [name for name in options if name.startswith("--")]
        remedy = nearest(error.option_name, known) if verb else "options stand after the verb"
        return InputError(place, "no such option", remedy)
    place, remedy = verb, f"see python sim.py {verb} --help"
    if isinstance(error, click.BadOptionUsage):
        place, problem, remedy = error.option_name, "needs a value", "write it after the option"
    elif isinstance(error, click.BadParameter) and error.param is not None:
        place = _place(error.param, ctx)
        if isinstance(error, click.MissingParameter):
            problem = "is missing"
    return InputError(place or "the command line", problem, remedy)


def _place(param: Any, ctx: Any) -> str:
    """Return how a person would call a parameter: ``rollout --workers``, ``rollout FILE``."""
    name = param.opts[-1] if param.param_type_name == "option" else param.human_readable_name
    return f"{ctx.info_name} {name}" if ctx is not None else name


def _tell(line: str) -> None:
    sys.stderr.write(f"sim.py: {' '.join(line.split())}\n")


def command_line(**options: Any) -> str:
    """Return the command that repeats this run, with options set where they were left out."""
    words = ["python", "sim.py", *sys.argv[1:]]
    for name, value in options.items():
        if not any(word == f"--{name}" or word.startswith(f"--{name}=") for word in words):
            words += [f"--{name}", str(value)]
    return shlex.join(words)
