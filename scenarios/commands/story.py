"""``story``: tell stories, say which failed and why, leave a JUnit report."""

from __future__ import annotations

import asyncio
import re
from difflib import get_close_matches
from functools import partial
from ipaddress import ip_address
from os import environ
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml

from rich.markup import escape

from core.errors import InputError
from scenarios.commands.door import FINE, NO, SEED
from scenarios.hosts.world import built_in
from scenarios.output import dumps, results, write_json, write_text
from scenarios.stories import STORIES, find
from scenarios.stories.run import as_json, tell_all, tell_all_at
from scenarios.uses import choice_of, uses_of
from scenarios.watching import traced

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.commands.door import Terminal
    from scenarios.hosts.remote import Target
    from scenarios.stories import Story
    from scenarios.stories.run import Told

OPENED_BY = "LOANRANGE_TOKEN"  # as of `serve`
SMALL = {"a", "an", "the", "of", "and", "is", "in", "to", "by", "at", "no", "that", "s", ""}


def run(  # noqa: PLR0913, PLR0917  one argument an option
    terminal: Terminal,
    names: tuple[str, ...],
    list_only: bool,
    host: str,
    via: str | None,
    target: str | None,
    owned: bool,
    junit: Path | None,
    use: tuple[str, ...],
    trace: Path | None,
    seed: int | None,
    out: Path,
) -> int:
    """Tell the named stories, or all of them."""
    stories = wanted(names)
    if list_only:
        return list_stories(terminal, stories)
    terminal.seed = seed = SEED if seed is None else seed
    uses = uses_of(map(choice_of, use), built_in()[0])
    extra = (*((f"--via {via}",) if via else ()), *(f"--use {each}" for each in use))
    if target is not None and trace is not None:
        raise InputError("--trace", "the calls are made by the server", "give it to its serve")
    if target is not None:
        where = target_of(target, host, via, use, owned=owned)
        extra = (f"--target {where.address}", *(("--i-own-this-target",) if owned else ()))
        shown = partial(show, terminal, seed=seed, host=host, extra=extra)
        told = asyncio.run(tell_all_at(where, stories, seed, shown))
    else:
        told = tell_all(
            traced(stories, trace),
            seed,
            host,
            lambda each: show(terminal, each, seed, host, extra),
            uses,
            via or "",
        )
    document = as_json(told, seed, host)
    with results(out) as folder:
        write_json(folder / "stories.json", document)
    if junit is not None:
        write_text(junit, junit_xml(told, host))
    if terminal.as_json:
        terminal.document(dumps(document))
    failed = sum(not each.passed for each in told)
    terminal.say(
        f"\n{len(told) - failed} of {len(told)} stories passed on the {host} host; "
        f"digest {document['digest']}; seed {seed}; repeat with: {terminal.repeat()}"
    )
    return NO if failed else FINE


def target_of(url: str, host: str, via: str | None, use: tuple[str, ...], *, owned: bool) -> Target:
    """Return the server on which stories are to be told.

    Raises:
        InputError: no address of one, or not ours to tell stories on, or words that go elsewhere.
    """
    from scenarios.hosts.remote import Target

    place = f"--target {url}"
    if host != "wall":
        raise InputError(place, f"the {host} host asks no server", "add --host wall")
    if via == "flow":
        raise InputError(place, "is reached through its gateway alone", "leave out --via flow")
    if use:
        remedy = "start the server with --use"
        raise InputError(place, "has its own who answers", remedy)
    try:
        parts = urlsplit(url)
        known = parts.port != 0 and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    if not known or parts.path.strip("/") or parts.query or parts.username:
        raise InputError(place, "is no address of a server", "write http://127.0.0.1:8000")
    if not owned and not _is_loopback(parts.hostname or ""):
        raise InputError(place, "is not on this machine", "add --i-own-this-target, if you do")
    return Target(url, environ.get(OPENED_BY, ""))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def wanted(names: tuple[str, ...]) -> list[Story]:
    """Return the stories of these names, written as names or as sentences; all without any.

    Raises:
        InputError: there is no such story.
    """
    titles = {_plain(each.title): each.name for each in STORIES.values()}
    found = tuple(titles.get(_plain(name), _plain(name)) for name in names)
    for name, given in zip(found, names, strict=True):
        if name not in STORIES:
            raise InputError(f"story {given!r}", "is unknown", _like(name))
    return find(found)


def _plain(sentence: str) -> str:
    """Return a sentence as a story's name: its words, joined by underscores."""
    return "_".join(re.findall(r"[^\W_]+", sentence.replace("'", "").lower()))


def _like(name: str) -> str:
    """Return the stories that may have been meant: by their letters, or by a word they share."""
    close = get_close_matches(name, STORIES, n=1, cutoff=0.6)
    words = set(name.split("_")) - SMALL
    shared = [each for each in STORIES if words & set(each.split("_"))]
    if close or shared:
        return f"did you mean {' or '.join(repr(each) for each in (close or shared[:3]))}?"
    return "python sim.py story --list names them all"


def list_stories(terminal: Terminal, stories: list[Story]) -> int:
    """Name the stories, each with its title and its hosts."""
    if terminal.as_json:
        rows = [
            {"name": each.name, "title": each.title, "hosts": list(each.hosts)} for each in stories
        ]
        terminal.document(dumps({"stories": rows}))
    for each in stories:
        terminal.say(f"[bold]{each.name}[/]  ({', '.join(each.hosts)})\n    {each.title}")
    return FINE


def show(terminal: Terminal, told: Told, seed: int, host: str, extra: tuple[str, ...] = ()) -> None:
    """Say how one story went; a failed one with what happened, in order, and how to repeat it."""
    if told.passed:
        ending = f"{told.outcome}{': ' + told.reason if told.reason else ''}"
        terminal.say(f"[green]pass[/]  {told.name}  [dim]{ending}[/]")
        for found in told.let_through:
            terminal.say(f"      [yellow]judged strictly[/] {escape(found)}")
        return
    terminal.say(f"[red]FAIL[/]  {told.name}")
    terminal.say(f"      at {told.step or 'the start'}: {told.problem}", markup=False)
    for call in told.calls:
        terminal.say(f"      {call}", markup=False)
    words = [f"--host {host}", f"--seed {seed}", *extra]
    terminal.say(f"      repeat with: python sim.py story {told.name} {' '.join(words)}")


def junit_xml(told: list[Told], host: str) -> str:
    """Return a JUnit report: one case a story, its calls as output where it failed."""
    failed = sum(not each.passed for each in told)
    counts = {"tests": len(told), "failures": failed, "errors": 0, "skipped": 0}
    suite = Xml.Element("testsuite", name=f"stories.{host}")
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    for each in told:
        case = Xml.SubElement(suite, "testcase", classname=f"stories.{host}", name=each.name)
        if not each.passed:
            failure = Xml.SubElement(case, "failure", message=each.problem)
            failure.text = "\n".join(each.calls)
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def summary_rows(told: list[Told]) -> list[dict[str, Any]]:
    """Return the stories as the report shows them."""
    return [{"title": each.title, **each.as_json()} for each in told]
