"""Fit a rollout's free parameters to the published figures, and write them into its file.

``python -m scenarios.rollout.calibrate FILE.toml [--seeds 1 2 3] [--rounds 5]``

Three parameters are free, and each figure answers to one of them almost in proportion: the granted
sum to ``arrivals.visitors``, the customers who drew to ``funnel.draw_down``, the drawn sum to
``funnel.draw_share``. So each round runs the full rollout on every seed and multiplies each
parameter by published / simulated, the means over the seeds; it ends when all three are within
half a per cent. The same seeds and file give the same parameters.
"""

from __future__ import annotations

import argparse
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

from scenarios.file import load_scenario
from scenarios.rollout.run import replicate
from scenarios.rollout.tally import Counts

CLOSE = 0.005


def fit(path: Path, seeds: list[int], rounds: int, workers: int) -> dict[str, float]:
    """Fit and write; return the parameters."""
    values: dict[str, float] = {}
    for number in range(rounds):
        scenario = load_scenario(path)
        told = scenario.published
        assert told is not None, f"{path} has no [published] to fit to"
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            totals = list(pool.map(_totals, [path] * len(seeds), seeds))
        granted = told.granted_fen / fmean(each.granted_fen for each in totals)
        drawers = told.drawn_customers / fmean(each.drawn_customers for each in totals)
        drawn = told.drawn_fen / fmean(each.drawn_fen for each in totals)
        print(f"round {number}: granted x{granted:.4f} drawers x{drawers:.4f} drawn x{drawn:.4f}")
        values = {
            "visitors": round(scenario.arrivals.visitors * granted, 1),
            "draw_down": round(scenario.funnel.draw_down * drawers / granted, 4),
            "draw_share": round(scenario.funnel.draw_share * drawn / drawers, 4),
        }
        if max(abs(factor - 1) for factor in (granted, drawers, drawn)) < CLOSE:
            break
        write(path, values)
    return values


def _totals(path: Path, seed: int) -> Counts:
    return replicate(path, seed, 0).tally.totals


def write(path: Path, values: dict[str, float]) -> None:
    """Write the parameters into the file, each in its own line; comments stay."""
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text, count = re.subn(rf"(?m)^({name} = )[0-9.]+", rf"\g<1>{value}", text)
        assert count == 1, f"{path}: {count} lines set {name}"
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Read the command line and fit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(fit(given.file, given.seeds, given.rounds, given.workers))


if __name__ == "__main__":
    main()
