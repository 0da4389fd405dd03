"""``demo``: every story, then the Jiangsu rollout beside the figures its bank published."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from scenarios.commands import rollout, story
from scenarios.commands.door import NO, SEED
from scenarios.file import ROOT
from scenarios.output import dumps
from scenarios.stories import find
from scenarios.stories.run import as_json, tell_all

if TYPE_CHECKING:
    from scenarios.commands.door import Terminal

JIANGSU = Path("scenarios") / "rollout" / "jiangsu_2020.toml"


def run(terminal: Terminal, seed: int | None, out: Path) -> int:
    """Run the main job."""
    began = perf_counter()
    terminal.seed = seed = SEED if seed is None else seed
    terminal.say("[bold]Stories[/], on the instant host: each a customer, end to end\n")
    told = tell_all(
        find(()), seed, "instant", lambda each: story.show(terminal, each, seed, "instant")
    )
    failed = sum(not each.passed for each in told)
    terminal.say(f"\n{len(told) - failed} of {len(told)} stories passed\n")

    terminal.say("[bold]Rollout[/], in virtual time: 27 banks go live, July to October 2020\n")
    plan = rollout.planned(ROOT / JIANGSU, seed)
    runs, document = rollout.simulate(terminal, plan, 1, 1, out)
    took_s = perf_counter() - began
    rollout.write(out, runs, document, took_s, story.summary_rows(told))
    if terminal.as_json:
        both = {"stories": as_json(told, seed, "instant"), "rollout": document}
        terminal.document(dumps(both))
    rollout.show(terminal, document)
    terminal.say(f"took {took_s:.1f} s")
    rollout.closing(terminal, out, document)
    held = rollout.verdict(terminal, document)
    return NO if failed else held
