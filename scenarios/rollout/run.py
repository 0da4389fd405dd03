"""Run a rollout: its replications side by side on worker processes, each the same on any number.

A replication that finished is kept aside until the whole run is done, so that an interrupted run,
started again with the same seed and file, goes on where it stopped.
"""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.errors import InputError
from scenarios.file import Scenario, load_scenario
from scenarios.rollout.engine import Replication, Rollout

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    Progress = Callable[[int, date, int], None]


def replicate(path: Path, seed: int, number: int, share: float = 1.0) -> Replication:
    """Run one replication of a scenario file."""
    return Rollout(load_scenario(path), path.parent, seed, number, share).run()


def replicate_all(
    path: Path,
    seed: int,
    replications: int,
    workers: int,
    share: float = 1.0,
    keep: Path | None = None,
    progress: Progress | None = None,
    finished: Callable[[int], None] | None = None,
) -> list[Replication]:
    """Run all replications; the result is the same for any number of workers.

    ``keep`` is where finished replications wait; ``progress`` is told (replication, day, visitors
    whose visit ended) when there is one worker; ``finished`` each replication that is done.
    """
    for name, value in (("--replications", replications), ("--workers", workers)):
        if value < 1:
            raise InputError(name, f"is {value}", "at least 1")
    scenario = load_scenario(path)
    Rollout(scenario, path.parent, seed, 0, share)  # whatever is wrong with the file is said now
    done = _kept(keep, scenario, seed, share)
    missing = [number for number in range(replications) if number not in done]
    if workers == 1 or len(missing) <= 1:
        for number in missing:
            run = Rollout(scenario, path.parent, seed, number, share)
            told = None if progress is None else _for(progress, number)
            _keep(keep, done, run.run(told), finished)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running = [pool.submit(replicate, path, seed, number, share) for number in missing]
            for each in as_completed(running):
                _keep(keep, done, each.result(), finished)
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
    return [done[number] for number in range(replications)]


def _for(progress: Progress, number: int) -> Callable[[date, int], None]:
    return lambda day, visits: progress(number, day, visits)


def fingerprint(scenario: Scenario, seed: int, share: float) -> str:
    """Return what makes two runs the same: version, scenario, seed and share."""
    text = f"{core.__version__} {scenario.model_dump_json()} {seed} {share}"
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _kept(
    keep: Path | None, scenario: Scenario, seed: int, share: float
) -> dict[int, Replication]:
    """Return the replications that an interrupted run of the same kind has finished."""
    if keep is None:
        return {}
    mark = fingerprint(scenario, seed, share)
    if (keep / "run").exists() and (keep / "run").read_text() != mark:
        shutil.rmtree(keep)
    keep.mkdir(parents=True, exist_ok=True)
    (keep / "run").write_text(mark)
    found = {}
    for path in sorted(keep.glob("*.pickle")):
        run = pickle.loads(path.read_bytes())  # noqa: S301  our own file, of this very run
        found[run.number] = run
    return found


def _keep(
    keep: Path | None,
    done: dict[int, Replication],
    run: Replication,
    finished: Callable[[int], None] | None,
) -> None:
    done[run.number] = run
    if keep is not None:
        aside = keep / f".{run.number}"
        aside.write_bytes(pickle.dumps(run))
        aside.rename(keep / f"{run.number}.pickle")
    if finished is not None:
        finished(run.number)
