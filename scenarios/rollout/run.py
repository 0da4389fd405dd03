"""Run a rollout: its replications side by side on worker processes, each the same on any number.

A replication that finished is kept aside until the whole run is done, so that an interrupted run,
started again with the same seed and file, goes on where it stopped.
"""

from __future__ import annotations

import pickle
import shutil
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import core
from core.errors import InputError, MachineError
from scenarios.file import ROOT, load_scenario
from scenarios.output import cannot_write
from scenarios.population.plan import PEOPLE
from scenarios.rollout.arrivals import potential
from scenarios.rollout.engine import Replication, Rollout

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import date

ROOMS = ("core", "mocks", "scenarios")


@dataclass(frozen=True)
class Plan:
    """What makes a replication what it is: the scenario file, the seed, the share that comes."""

    path: Path
    seed: int
    share: float = 1.0

    def rollout(self, number: int) -> Rollout:
        """Return one replication, not yet run.

        Raises:
            InputError: whatever is wrong with the file.
        """
        scenario = load_scenario(self.path)
        try:
            made = Rollout(scenario, self.path.parent, self.seed, number, self.share)
            require_room(made)
        except InputError as error:
            place = f"{self.path}: {error.place}"
            raise InputError(place, error.problem, error.remedy) from None
        return made

    def fingerprint(self) -> str:
        """Return what makes two runs the same: seed, share, the scenario, our code and data."""
        told = blake2b(f"{core.__version__} {self.seed} {self.share}".encode(), digest_size=12)
        for path in (self.path, *recordings(self.path), *sources()):
            told.update(path.read_bytes())
        return told.hexdigest()


class Watch(Protocol):
    """Who is told how far a run is."""

    def kept(self, number: int) -> None:
        """So many replications were finished by an interrupted run before."""

    def day(self, number: int, day: date, visits: int) -> None:
        """A day of a replication began, after so many visits (told where one process works)."""

    def finished(self, number: int) -> None:
        """A replication is done."""


def require_room(run: Rollout) -> None:
    """Require that no bank has more visitors than the numbering plan has people."""
    for bank in run.live:
        weight = run.banks[bank].weight * run.share
        if potential(run.scenario.arrivals, weight) >= PEOPLE:
            problem = f"bank {bank!r} (weight {weight:g}) would have {PEOPLE:,} visitors or more"
            raise InputError("arrivals.visitors", problem, f"below {int(PEOPLE / weight):,}")


def sources() -> list[Path]:
    """Return the files that a result depends on: our code, and the data it reads."""
    return sorted(
        path for room in ROOMS for kind in ("*.py", "*.toml") for path in (ROOT / room).rglob(kind)
    )


def recordings(path: Path) -> Iterator[Path]:
    """Yield the recorded latencies that a scenario file names."""
    for part in load_scenario(path).providers.values():
        if part.csv is not None:
            yield path.parent / part.csv


def replicate(
    path: Path, seed: int, number: int, share: float = 1.0, watch: Watch | None = None
) -> Replication:
    """Run one replication of a scenario file; a bug on the way says which one it was."""
    told = None if watch is None else lambda day, visits: watch.day(number, day, visits)
    try:
        return Plan(path, seed, share).rollout(number).run(told)
    except AssertionError as bug:
        bug.add_note(f"in replication {number} of seed {seed}")
        raise


def replicate_all(
    plan: Plan,
    replications: int,
    workers: int,
    keep: Path | None = None,
    watch: Watch | None = None,
) -> list[Replication]:
    """Run all replications; the result is the same for any number of workers.

    ``keep`` is where finished replications wait, for a run that is interrupted: the caller removes
    it when the results are written.
    """
    for name, value in (("--replications", replications), ("--workers", workers)):
        if value < 1:
            raise InputError(name, f"is {value}", "use at least 1")
    plan.rollout(0)  # whatever is wrong with the file is said now
    done = _kept(keep, plan)
    missing = [number for number in range(replications) if number not in done]
    if watch is not None and len(missing) < replications:
        watch.kept(replications - len(missing))
    alone = workers == 1 or len(missing) <= 1
    runs = _in_turn(plan, missing, watch) if alone else _side_by_side(plan, missing, workers)
    with closing(runs):
        for run in runs:
            done[run.number] = run
            _keep(keep, run)
            if watch is not None:
                watch.finished(run.number)
    return [done[number] for number in range(replications)]


def _in_turn(
    plan: Plan, numbers: list[int], watch: Watch | None
) -> Generator[Replication, None, None]:
    for number in numbers:
        yield replicate(plan.path, plan.seed, number, plan.share, watch)


def _side_by_side(
    plan: Plan, numbers: list[int], workers: int
) -> Generator[Replication, None, None]:
    """Yield replications as worker processes finish them; an interrupted run stops at once."""
    pool = ProcessPoolExecutor(min(workers, len(numbers)), mp_context=get_context("spawn"))
    try:
        with _deaf():
            running = [
                pool.submit(replicate, plan.path, plan.seed, number, plan.share)
                for number in numbers
            ]
        for each in as_completed(running):
            yield each.result()
    except BrokenProcessPool as error:
        problem = "a worker process ended before its work (killed, or out of memory)"
        raise MachineError(problem, "use fewer --workers; what is finished is kept") from error
    except BaseException:
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let processes begin that do not hear an interrupt: the parent hears it, and stops them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _kept(keep: Path | None, plan: Plan) -> dict[int, Replication]:
    """Return the replications that an interrupted run of the same kind has finished."""
    if keep is None:
        return {}
    mark = plan.fingerprint()
    try:
        if keep.exists() and _mark_of(keep) != mark:
            shutil.rmtree(keep)
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "run").write_text(mark)
    except OSError as error:
        raise cannot_write(keep, error) from error
    runs = [pickle.loads(path.read_bytes()) for path in keep.glob("*.pickle")]  # noqa: S301  ours
    return {run.number: run for run in runs}


def _mark_of(keep: Path) -> str:
    mark = keep / "run"
    return mark.read_text() if mark.exists() else ""


def _keep(keep: Path | None, run: Replication) -> None:
    if keep is None:
        return
    aside = keep / f".{run.number}"
    try:
        aside.write_bytes(pickle.dumps(run))
        aside.rename(keep / f"{run.number}.pickle")
    except OSError as error:
        raise cannot_write(keep, error) from error
