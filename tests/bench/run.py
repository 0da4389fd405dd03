"""Benchmarks: rates and ratios, medians over rounds, every figure from one run on one machine.

``make bench``, or ``python tests/bench/run.py [NAME ...]``. Nothing is asserted: a figure is read
beside the one it should reach. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import drawdowns  # noqa: E402  the folder is on the path only now
import journeys  # noqa: E402
import ledger  # noqa: E402
import loans  # noqa: E402
import pieces  # noqa: E402
import year  # noqa: E402

from core.errors import MachineError  # noqa: E402
from scenarios.collector import calm  # noqa: E402

Bench = Callable[[], tuple[Callable[[], int], str, str]]
BENCHES: dict[str, Bench] = {
    **journeys.BENCHES,
    **pieces.BENCHES,
    **ledger.BENCHES,
    **loans.BENCHES,
    **year.BENCHES,
    **drawdowns.BENCHES,
}


def measure(bench: Bench, rounds: int) -> tuple[list[float], str, str]:
    """Return the rate of each round, its unit, and what should be reached."""
    rates, unit, goal = [], "", ""
    for _ in range(rounds):
        work, unit, goal = bench()
        with calm():
            began = perf_counter()
            count = work()
            rates.append(count / (perf_counter() - began))
        if hasattr(work, "check"):
            work.check()
    return rates, unit, goal


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHES)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    told = []
    for name in given.names or BENCHES:
        try:
            rates, unit, goal = measure(BENCHES[name], given.rounds)
        except MachineError as lack:
            print(f"{name:<34} skipped: {lack}", file=sys.stderr)
            continue
        row = {
            "name": name,
            "median": round(statistics.median(rates), 1),
            "low": round(min(rates), 1),
            "high": round(max(rates), 1),
            "unit": unit,
            "goal": goal,
        }
        told.append(row)
        if not given.json:
            print(
                f"{name:<34} {row['median']:>12,.1f} {unit:<14}"
                f" ({row['low']:,.1f} to {row['high']:,.1f})  {goal}"
            )
    if given.json:
        print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
