"""``rollout``: run it, show it beside the published figures, leave summary and report."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core.banks import load_banks
from core.errors import InputError
from scenarios.commands.door import FINE, NO, command_line
from scenarios.file import load_scenario
from scenarios.output import beside, dumps, place_of, results, write_json
from scenarios.report.html import render
from scenarios.rollout.run import Plan, replicate_all
from scenarios.rollout.summary import compared, misses, summary

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.rollout.engine import Replication


def run(  # noqa: PLR0913, PLR0917  one argument an option
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
    plan = planned(file, seed, share)
    runs, document = simulate(terminal, plan, replications, workers, out)
    write(out, runs, document, took_s=perf_counter() - began)
    if terminal.as_json:
        terminal.document(dumps(document))
    show(terminal, document)
    closing(terminal, out, document)
    return verdict(terminal, document)


def planned(file: Path, seed: int | None = None, share: float = 1.0) -> Plan:
    """Return what is to be run; the file's own seed where none is given."""
    if not 0 < share <= 1:
        raise InputError("--share", f"is {share}", "use more than 0 and at most 1")
    scenario = load_scenario(file)
    return Plan(file, scenario.scenario.seed if seed is None else seed, share)


def simulate(
    terminal: Terminal, plan: Plan, replications: int, workers: int, out: Path
) -> tuple[list[Replication], dict[str, Any]]:
    """Run every replication; return them with the summary's document."""
    terminal.seed = plan.seed
    scenario, keep = load_scenario(plan.path), kept(out)
    part = scenario.scenario
    with Watch(terminal, part.start, part.end, replications) as watch:
        terminal.kept = watch.left
        runs = replicate_all(plan, replications, workers, keep, watch)
    servers = {name: each.servers for name, each in scenario.profiles(plan.path.parent).items()}
    return runs, summary(scenario, plan.seed, runs, load_banks(), servers, plan.share)


def kept(out: Path) -> Path:
    """Return where the finished replications of a run wait until its results are written."""
    return beside(place_of(out), "partial")


class Watch:
    """Progress: a bar at a terminal; elsewhere a line a month, or a line a replication."""

    def __init__(self, terminal: Terminal, start: date, end: date, replications: int) -> None:
        self._terminal = terminal
        self._start, self._days = start, (end - start).days + 1
        self._replications, self._done = replications, 0
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

    def kept(self, number: int) -> None:
        """So many replications were finished by an interrupted run before."""
        self._done = number
        self._terminal.note(f"rollout: {self._count()} were finished before; going on from there")
        self._bar.update(self._task, completed=self._done * self._days)

    def day(self, number: int, day: date, visits: int) -> None:
        """A day of a replication began."""
        del number
        gone = (day - self._start).days
        told = f"{day}  {visits:,} visits"
        self._bar.update(self._task, completed=self._done * self._days + gone, told=told)
        if self._replications == 1 and not self._terminal.lively and day.day == 1:
            self._terminal.note(f"rollout: {told}")

    def finished(self, number: int) -> None:
        """A replication is done."""
        del number
        self._done += 1
        told = self._count() if self._replications > 1 else ""
        self._bar.update(self._task, completed=self._done * self._days, told=told)
        if told and not self._terminal.lively:
            self._terminal.note(f"rollout: {told} done")

    def left(self) -> str:
        """Say what an interrupted run leaves behind, and how to go on."""
        if not self._done:
            return f"no replication was finished; begin again with: {command_line()}"
        return f"{self._count()} are kept; go on with the same command: {command_line()}"

    def _count(self) -> str:
        return f"{self._done} of {self._replications} replications"


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
    shutil.rmtree(kept(out), ignore_errors=True)


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
    table = Table(
        title=f"{escape(document['scenario'])}: published and simulated",
        title_justify="left",
        box=None if terminal.plain else box.HEAVY_HEAD,
    )
    for name in ("figure", "published", "simulated", "ratio"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for row in document["calibration"]:
        cents = 100 if row["name"].endswith("_fen") else 1
        table.add_row(
            NAMES[row["name"]],
            f"{row['published'] / cents:,.0f}",
            f"{row['simulated'] / cents:,.0f}",
            "-" if row["ratio"] is None else f"{row['ratio']:.3f}",
        )
    if document["calibration"]:
        terminal.say(table)
        if not compared(document):
            terminal.say("no ratio: the figure is 0, or only a --share of the visitors came")
    told = document["totals"]
    terminal.say(
        f"visited {told['visited']:,.0f}, registered {told['registered']:,.0f}, "
        f"applied {told['applied']:,.0f}, granted {told['granted']:,.0f}, "
        f"accounts opened {told['accounts_opened']:,.0f}, signed {told['signed']:,.0f}, "
        f"drew {told['drawn_customers']:,.0f}, repaid {told['repaid_fen'] / 100:,.0f} yuan"
    )


def closing(terminal: Terminal, out: Path, document: dict[str, Any]) -> None:
    """Say where the results lie, and how to repeat the run."""
    terminal.say(f"report   {escape(str(out / 'report.html'))}")
    terminal.say(f"summary  {escape(str(out / 'summary.json'))}")
    terminal.say(
        f"seed {document['seed']}; digest {document['digest']}; repeat with: {terminal.repeat()}"
    )


def verdict(terminal: Terminal, document: dict[str, Any]) -> int:
    """Say the verdict."""
    found = misses(document)
    checked = document["invariants"]["checked"]
    if not found:
        terminal.say(f"[green]{checked} invariants checked, none violated[/]")
        return FINE
    for each in found:
        terminal.say(f"[red]no:[/] {escape(each)}")
    return NO
