"""What CI runs: every group, even after one has failed, and a closing table that hides nothing.

``python tests/run_all.py [GROUP ...]`` runs the named groups (all by default) and exits with 0
where all passed, 1 where one failed, 2 for a name it does not know, 3 where a tool is missing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

GROUPS = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "imports": ("lint-imports", "--no-logo"),
    "tests": ("pytest", "-n", "2"),
}
REMEDY = {
    "lint": ".venv/bin/ruff check --fix . mends the simple ones",
    "format": ".venv/bin/ruff format . mends it",
    "types": "listed above",
    "imports": "the room rules are in pyproject.toml, their reasons in ARCHITECTURE.md",
    "tests": "listed above",
}


@dataclass(frozen=True)
class Outcome:
    """How a group ended; ``note`` says why it did not pass and what to do."""

    group: str
    verdict: str
    took_s: float | None
    note: str


def run(group: str) -> Outcome:
    """Run one group, its output going straight to the terminal."""
    tool, *arguments = GROUPS[group]
    program = BIN / tool
    print(f"\n== {group}: {tool} {' '.join(arguments)}".rstrip(), flush=True)
    if not program.exists():
        return Outcome(group, "skipped", None, f"{tool} is not installed; make setup installs it")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "tests.xml")
        more = [f"--junitxml={report}"] if group == "tests" else []
        began_s = time.perf_counter()
        status = subprocess.run(
            [program, *arguments, *more],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
        took_s = time.perf_counter() - began_s
        counts = [count_tests(report)] if report.exists() else []
    if status == 0:
        return Outcome(group, "passed", took_s, "; ".join(counts))
    return Outcome(group, "FAILED", took_s, "; ".join([*counts, REMEDY[group]]))


def count_tests(report: Path) -> str:
    """Return "12 tests, 1 failed, 2 skipped (why: above)" from a JUnit report."""
    # Our own pytest wrote this file a moment ago.
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites)
        for key in ("tests", "failures", "errors", "skipped")
    )
    words = [f"{total} tests"]
    if failures or errors:
        words.append(f"{failures + errors} failed")
    if skipped:
        words.append(f"{skipped} skipped (why: above)")
    return ", ".join(words)


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the closing table, one line a group."""
    lines = [f"{'group':<9}{'outcome':<9}{'time':>8}  why, and what to do"]
    for outcome in outcomes:
        took = "" if outcome.took_s is None else f"{outcome.took_s:.1f} s"
        line = f"{outcome.group:<9}{outcome.verdict:<9}{took:>8}  {outcome.note}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def main(names: list[str]) -> int:
    """Run the groups, print the table, return the exit status."""
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        print(f"no group {unknown[0]!r}; there are: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    outcomes = [run(group) for group in names or GROUPS]
    rows = list(outcomes)
    if any(outcome.group == "tests" for outcome in outcomes):
        rows.append(Outcome("soak", "skipped", None, "the full counts take long; make soak"))
    print(f"\n{table(rows)}", flush=True)
    verdicts = {outcome.verdict for outcome in outcomes}
    return 1 if "FAILED" in verdicts else 3 if "skipped" in verdicts else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
