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

import channel  # noqa: E402  the folder is on the path only now
import drawdowns  # noqa: E402
import faces  # noqa: E402
import gateway  # noqa: E402
import in_process  # noqa: E402
import journeys  # noqa: E402
import ledger  # noqa: E402
import loans  # noqa: E402
import peers  # noqa: E402
import pieces  # noqa: E402
import pool  # noqa: E402
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
    **faces.BENCHES,
    **pool.BENCHES,
    **peers.BENCHES,
    **in_process.BENCHES,
    **gateway.BENCHES,
    **channel.BENCHES,
}


def measure(bench: Bench, rounds: int) -> tuple[list[float], list[float], str, str]:
    """Return the rate and, where it has one, the p99 of each round, its unit, and the goal."""
    rates, p99s_ms, unit, goal = [], [], "", ""
    for _ in range(rounds):
        work, unit, goal = bench()
        with calm():
            began = perf_counter()
            count = work()
            took_s = perf_counter() - began
        rates.append(count / getattr(work, "cpu_s", took_s))
        if hasattr(work, "check"):
            work.check()
        goal = getattr(work, "told", goal)
        if hasattr(work, "p99_ms"):
            p99s_ms.append(work.p99_ms)
    return rates, p99s_ms, unit, goal


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
            rates, p99s_ms, unit, goal = measure(BENCHES[name], given.rounds)
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
        if p99s_ms:
            row["p99_ms"] = round(statistics.median(p99s_ms), 2)
            goal = f"p99 {row['p99_ms']} ms  {goal}"
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
