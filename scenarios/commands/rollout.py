"""``rollout``: run it, show it beside the published figures, leave summary and report."""

from __future__ import annotations

import os
import platform
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core.banks import load_banks
from core.errors import InputError
from scenarios.commands.door import FINE, NO, command_line
from scenarios.file import load_scenario
from scenarios.output import dumps, results, write_json
from scenarios.report.html import render
from scenarios.rollout.run import replicate_all
from scenarios.rollout.summary import misses, summary

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.rollout.engine import Replication


def run(
    terminal: Terminal,
    file: Path,
    replications: int,
    workers: int,
    share: float,
    seed: int | None,
    out: Path,
) -> int:
    """Run a rollout from its file."""
    began = perf_counter()
    runs, document = simulate(terminal, file, replications, workers, share, seed, out)
    write(out, runs, document, took_s=perf_counter() - began)
    if terminal.as_json:
        terminal.document(dumps(document))
    show(terminal, document)
    closing(terminal, out, document)
    return verdict(terminal, document, share)


def simulate(
    terminal: Terminal,
    file: Path,
    replications: int,
    workers: int,
    share: float,
    seed: int | None,
    out: Path,
) -> tuple[list[Replication], dict[str, Any]]:
    """Run every replication; return them with the summary's document."""
    if not 0 < share <= 1:
        raise InputError("--share", f"is {share}", "above 0 and at most 1")
    scenario = load_scenario(file)
    seed = scenario.scenario.seed if seed is None else seed
    keep = out.with_name(f".{out.name}.partial")
    with Watch(terminal, scenario.scenario.start, scenario.scenario.end, replications) as watch:
        runs = replicate_all(
            file, seed, replications, workers, share, keep, watch.day, watch.finished
        )
    servers = {name: part.servers for name, part in scenario.profiles(file.parent).items()}
    return runs, summary(scenario, seed, runs, load_banks(), servers)


class Watch:
    """Progress: a bar at a terminal, a line a month elsewhere."""

    def __init__(self, terminal: Terminal, start: date, end: date, replications: int) -> None:
        self._terminal = terminal
        self._start, self._days = start, (end - start).days + 1
        self._replications = replications
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=terminal.err,
            disable=not terminal.lively,
        )
        self._task = self._bar.add_task(
            "rollout", total=self._days * replications, told="", visible=True
        )

    def __enter__(self) -> Watch:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def day(self, number: int, day: date, visits: int) -> None:
        """A day of a replication began."""
        gone = (day - self._start).days
        told = f"{day}  {visits:,} visits"
        self._bar.update(self._task, completed=number * self._days + gone, told=told)
        if not self._terminal.lively and day.day == 1:
            self._terminal.err.print(f"rollout {number + 1}/{self._replications}: {told}")

    def finished(self, number: int) -> None:
        """A replication is done."""
        self._bar.update(self._task, completed=(number + 1) * self._days)


def write(
    out: Path,
    runs: list[Replication],
    document: dict[str, Any],
    took_s: float,
    stories: list[dict[str, Any]] | None = None,
) -> None:
    """Write ``summary.json``, ``run.json`` and ``report.html``, all or nothing."""
    with results(out) as folder:
        write_json(folder / "summary.json", document)
        write_json(folder / "run.json", machine(document, took_s))
        (folder / "report.html").write_text(render(document, runs, stories), encoding="utf-8")


def machine(document: dict[str, Any], took_s: float) -> dict[str, Any]:
    """Return what does not belong into a reproducible summary: time, machine, command."""
    return {
        "command": command_line(seed=document["seed"]),
        "wall_s": round(took_s, 3),
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": os.cpu_count(),
    }


NAMES = {
    "banks_live": "banks live",
    "granted_fen": "granted, yuan",
    "drawn_fen": "drawn, yuan",
    "drawn_customers": "customers who drew",
}


def show(terminal: Terminal, document: dict[str, Any]) -> None:
    """Show the calibration table and the totals."""
    table = Table(title=f"{document['scenario']}: published and simulated", title_justify="left")
    for name in ("figure", "published", "simulated", "ratio"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for row in document["calibration"]:
        cents = 100 if row["name"].endswith("_fen") else 1
        table.add_row(
            NAMES[row["name"]],
            f"{row['published'] / cents:,.0f}",
            f"{row['simulated'] / cents:,.0f}",
            f"{row['ratio']:.3f}",
        )
    if document["calibration"]:
        terminal.say(table)
    told = document["totals"]
    terminal.say(
        f"visited {told['visited']:,.0f}, registered {told['registered']:,.0f}, "
        f"applied {told['applied']:,.0f}, granted {told['granted']:,.0f}, "
        f"accounts opened {told['accounts_opened']:,.0f}, signed {told['signed']:,.0f}, "
        f"drew {told['drawn_customers']:,.0f}, repaid {told['repaid_fen'] / 100:,.0f} yuan"
    )


def closing(terminal: Terminal, out: Path, document: dict[str, Any]) -> None:
    """Say where the results lie, and how to repeat the run."""
    terminal.say(f"report   {out / 'report.html'}\nsummary  {out / 'summary.json'}")
    terminal.say(
        f"seed {document['seed']}; digest {document['digest']}; "
        f"repeat with: {command_line(seed=document['seed'])}"
    )


def verdict(terminal: Terminal, document: dict[str, Any], share: float = 1.0) -> int:
    """Say the verdict; a part of the visitors can be held to the invariants only."""
    found = misses(document)
    if share < 1:
        found = [each for each in found if each.startswith("invariant")]
    checked = document["invariants"]["checked"]
    if not found:
        terminal.say(f"[green]{checked} invariants checked, none violated[/]")
        return FINE
    for each in found:
        terminal.say(f"[red]no:[/] {each}")
    return NO


