"""``story``: tell stories, say which failed and why, leave a JUnit report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as Xml

from scenarios.commands.door import FINE, NO, SEED, command_line
from scenarios.output import dumps, results, write_json
from scenarios.stories import STORIES, find
from scenarios.stories.run import as_json, tell_all

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.stories.run import Told


def run(
    terminal: Terminal,
    names: tuple[str, ...],
    list_only: bool,
    host: str,
    junit: Path | None,
    seed: int | None,
    out: Path,
) -> int:
    """Tell the named stories, or all of them."""
    if list_only:
        return list_stories(terminal)
    seed = SEED if seed is None else seed
    told = tell_all(find(names), seed, host, lambda each: show(terminal, each, seed, host))
    document = as_json(told, seed, host)
    with results(out) as folder:
        write_json(folder / "stories.json", document)
    if junit is not None:
        junit.write_text(junit_xml(told, host), encoding="utf-8")
    if terminal.as_json:
        terminal.document(dumps(document))
    failed = sum(not each.passed for each in told)
    terminal.say(
        f"\n{len(told) - failed} of {len(told)} stories passed on the {host} host; "
        f"digest {document['digest']}; seed {seed}; repeat with: {command_line(seed=seed)}"
    )
    return NO if failed else FINE


def list_stories(terminal: Terminal) -> int:
    """Name every story with its title and its hosts."""
    if terminal.as_json:
        rows = [
            {"name": each.name, "title": each.title, "hosts": list(each.hosts)}
            for each in STORIES.values()
        ]
        terminal.document(dumps({"stories": rows}))
    for each in STORIES.values():
        terminal.say(f"[bold]{each.name}[/]  ({', '.join(each.hosts)})\n    {each.title}")
    return FINE


def show(terminal: Terminal, told: Told, seed: int, host: str) -> None:
    """Say how one story went; a failed one with what happened, in order, and how to repeat it."""
    if told.passed:
        ending = f"{told.outcome}{': ' + told.reason if told.reason else ''}"
        terminal.say(f"[green]pass[/]  {told.name}  [dim]{ending}[/]")
        for found in told.let_through:
            terminal.say(f"      [yellow]judged strictly[/] {found}", markup=True)
        return
    terminal.say(f"[red]FAIL[/]  {told.name}")
    terminal.say(f"      at {told.step or 'the start'}: {told.problem}", markup=False)
    for call in told.calls:
        terminal.say(f"      {call}", markup=False)
    terminal.say(f"      repeat with: python sim.py story {told.name} --host {host} --seed {seed}")


def junit_xml(told: list[Told], host: str) -> str:
    """Return a JUnit report: one case a story, its calls as output where it failed."""
    failed = sum(not each.passed for each in told)
    suite = Xml.Element(
        "testsuite", name=f"stories.{host}", tests=str(len(told)), failures=str(failed)
    )
    for each in told:
        case = Xml.SubElement(suite, "testcase", classname=f"stories.{host}", name=each.name)
        if not each.passed:
            Xml.SubElement(case, "failure", message=each.problem).text = "\n".join(each.calls)
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def summary_rows(told: list[Told]) -> list[dict[str, Any]]:
    """Return the stories as the report shows them."""
    return [{"title": each.title, **each.as_json()} for each in told]
