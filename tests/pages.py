"""Pages of docs/ whose blocks are run as they are printed, against a server that really serves.

A reader copies a page's first block and the blocks of one section; so does a test. All blocks of a
section that are in one language run as one program, in which every line stands where it stands on
the page: a traceback names the page's own lines. A block of ``text`` is what the block before it
prints. Where a page says 127.0.0.1:8000, a test puts the port that it serves on.

A new section of such a page needs no new test: whoever writes it has it run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PRINTED = "127.0.0.1:8000"  # where a reader has the mocks
SEED = "7"
LIMIT_S = 60.0  # of one program: who has not ended by then hangs
COLUMNS_MAX = 100
ENDED = "---- the block has ended ----"
SAYS = {"python": f"print({ENDED!r})", "sh": f"echo '{ENDED}'"}
# The page leaves to the end of its program what that ends anyway: connections.
RUNS = {
    "python": (sys.executable, "-W", "error", "-W", "ignore::ResourceWarning"),
    "sh": ("sh", "-eu"),
}
# A proxy of the machine's would lead away from loopback.
ENVIRON = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Block(NamedTuple):
    """A fenced block: where its first line stands (from 0), and what the page says it prints."""

    language: str
    at: int
    lines: tuple[str, ...]
    printed: str = ""

    @property
    def text(self):
        return "".join(f"{line}\n" for line in self.lines)


class Page(NamedTuple):
    """A page: its prose, and its blocks by headings of the second level; "" is its beginning."""

    prose: list[str]
    sections: dict[str, list[Block]]

    @classmethod
    def read(cls, text):
        page, blocks, language, lines = cls([], {"": []}), [], None, []
        page.sections[""] = blocks
        for number, line in enumerate(text.splitlines()):
            if language is not None and line == "```":
                take(Block(language, number - len(lines), tuple(lines)), blocks)
                language = None
            elif language is not None:
                lines.append(line)
            elif line.startswith("```"):
                language, lines = line.removeprefix("```"), []
            else:
                page.prose.append(line)
                if line.startswith("## "):
                    blocks = page.sections[line.removeprefix("## ")] = []
        assert language is None, "a block has no end"
        return page

    def recipes(self):
        """Return every section and language that there is something to run of."""
        return [
            (section, language)
            for section, blocks in self.sections.items()
            for language in RUNS
            if section and any(block.language == language for block in blocks)
        ]

    def blocks(self, section, language):
        """Return what is run for a section, in order."""
        found = [block for block in self.sections[section] if block.language == language]
        return [*self.sections[""], *found] if language == "python" else found


def take(block, blocks):
    """Add a block to those before it; one of text is what the block before it prints."""
    if block.language != "text":
        blocks.append(block)
        return
    assert blocks, "this is printed by nothing"
    assert not blocks[-1].printed, "one block prints twice"
    blocks[-1] = blocks[-1]._replace(printed=block.text)


def program_of(blocks):
    """Return blocks as one program, which says when each has ended."""
    lines = [""] * (1 + max(block.at + len(block.lines) for block in blocks))
    for block in blocks:
        end = block.at + len(block.lines)
        lines[block.at : end] = block.lines
        lines[end] = SAYS[block.language]
    return "".join(f"{line}\n" for line in lines)


def run(blocks, folder, place=PRINTED):
    """Run blocks of one language; require that each prints what the page says, and nothing else."""
    (language,) = {block.language for block in blocks}
    program = folder / f"page.{language}"
    program.write_text(program_of(blocks).replace(PRINTED, place), encoding="utf-8")
    ran = subprocess.run(
        [*RUNS[language], program.name],
        cwd=folder,
        env=ENVIRON | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"
    printed, said = ran.stdout.split(f"{ENDED}\n"), [*(block.printed for block in blocks), ""]
    assert printed == said, f"it prints {printed}, and the page says {said}"


def lack(blocks):
    """Return which tool that some blocks need is missing, and the remedy; empty where none is."""
    python, shell = (
        "".join(block.text for block in blocks if block.language == language) for language in RUNS
    )
    if "import ThreadedMotoServer" in python and find_spec("moto") is None:
        return "no moto here: make setup installs it"
    tools = [tool for tool in ("openssl", "curl") if tool in shell and shutil.which(tool) is None]
    return f"no {tools[0]} here: apt-get install {tools[0]}" if tools else ""


def links_of(page):
    """Return the files that a page leads to."""
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", "\n".join(page.prose))
    return [link for link in found if "://" not in link]


def broken_links(path):
    """Return the links of a page that lead nowhere."""
    page = Page.read(path.read_text(encoding="utf-8"))
    return [link for link in links_of(page) if not (path.parent / link).is_file()]


def too_wide(path):
    """Return the lines of a page that do not fit, but for those of tables."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if len(line) > COLUMNS_MAX and line[0] != "|"]


def never_run(page):
    """Return the blocks of a page that no recipe runs."""
    ran = {block for recipe in page.recipes() for block in page.blocks(*recipe)}
    return [block for blocks in page.sections.values() for block in blocks if block not in ran]


@contextmanager
def serving(folder):
    """Serve as a user does, on any port; give host and port. What goes wrong is in the folder."""
    said = folder / "stderr"
    command = [sys.executable, "sim.py", "serve", "--port", "0", "--json", "--seed", SEED]
    with said.open("w", encoding="utf-8") as stderr:
        server = subprocess.Popen(
            command, cwd=ROOT, env=ENVIRON, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    with server:
        try:
            told = ""
            for line in server.stdout:
                told += line
                if line == "}\n":
                    break
            assert told, said.read_text(encoding="utf-8")
            yield f"127.0.0.1:{json.loads(told)['port']}"
            server.terminate()
            assert server.wait(timeout=LIMIT_S) == 0
            complaints = said.read_text(encoding="utf-8")
            assert complaints == "", complaints
        finally:
            server.kill()  # nothing happens to one that has ended
