"""The recipes of docs/REDIRECT.md, each run as it is printed against a server that really serves.

A reader copies the page's first block and the blocks of one section; so does a test. All blocks of
a section that are in one language run as one program, in which every line stands where it stands on
the page: a traceback names the page's own lines.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import sim
from mocks.tencent import PRODUCTS
from mocks.wechat.server import ROUTES

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "REDIRECT.md"
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
    program = folder / f"REDIRECT.{language}"
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
    assert ran.stdout.split(f"{ENDED}\n") == [*(block.printed for block in blocks), ""]


def lack(blocks):
    """Return which tool that some blocks need is missing, and the remedy; empty where none is."""
    python, shell = (
        "".join(block.text for block in blocks if block.language == language) for language in RUNS
    )
    if "import ThreadedMotoServer" in python and find_spec("moto") is None:
        return "no moto here: make setup installs it"
    tools = [tool for tool in ("openssl", "curl") if tool in shell and shutil.which(tool) is None]
    return f"no {tools[0]} here: apt-get install {tools[0]}" if tools else ""


REDIRECT = Page.read(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Serve as a user does, on any port; return host and port."""
    said = tmp_path_factory.mktemp("serve") / "stderr"
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
            assert said.read_text(encoding="utf-8") == ""
        finally:
            server.kill()  # nothing happens to one that has ended


# The page


@pytest.mark.parametrize(("section", "language"), REDIRECT.recipes())
def test_a_recipe_does_what_the_page_says(section, language, place, tmp_path):
    blocks = REDIRECT.blocks(section, language)
    if lack(blocks):
        pytest.skip(lack(blocks))

    run(blocks, tmp_path, place)


def test_every_block_of_the_page_is_run():
    (first,) = REDIRECT.sections[""]
    ran = [REDIRECT.blocks(*recipe) for recipe in REDIRECT.recipes()]

    assert first.language == "python"
    assert {block for blocks in REDIRECT.sections.values() for block in blocks} == {
        block for blocks in ran for block in blocks
    }
    assert {"Tencent Cloud", "WeChat"} <= {section for section, _ in REDIRECT.recipes()}


def test_the_readme_leads_to_the_page():
    assert "docs/REDIRECT.md" in links_of(Page.read(README.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [README, PAGE], ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    links = links_of(Page.read(path.read_text(encoding="utf-8")))

    assert [link for link in links if not (path.parent / link).is_file()] == []


def links_of(page):
    found = re.findall(r"\]\(([^)#\s]+)[^)]*\)", "\n".join(page.prose))
    return [link for link in found if "://" not in link]


def test_the_page_has_the_address_that_serve_takes_by_itself():
    (port,) = [option.default for option in sim.serve.params if option.name == "port"]

    assert f"127.0.0.1:{port}" == PRINTED


def test_the_page_names_everything_that_is_served(place):
    served = httpx.get(f"http://{place}/_control/providers", trust_env=False).json()["providers"]
    actions = [action for product in PRODUCTS.values() for action in product.actions]
    versions = [product.version for product in PRODUCTS.values()]
    named = {*re.findall(r"`([^`]+)`", "\n".join(REDIRECT.prose))}

    assert {*served, *actions, *ROUTES} - named == set()
    assert [version for version in versions if version not in "\n".join(REDIRECT.prose)] == []


def test_a_line_of_the_page_fits_unless_it_is_of_a_table():
    lines = PAGE.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if len(line) > COLUMNS_MAX and line[0] != "|"] == []


# How it is held to its word


def fenced(*blocks):
    """Return a page of one section with these blocks, each a language and its text."""
    return "## One\n" + "".join(f"```{name}\n{text}\n```\n" for name, text in blocks)


TOLD = ("text", "5")
TRUE = [
    [("python", "five = 5"), ("python", "assert five == 5")],
    [("python", "print(2 + 3)"), TOLD],
    [("python", "print(2 + 3)"), TOLD, ("python", "print('六')"), ("text", "六")],
    [("sh", "echo $((2 + 3))"), TOLD],
    [("sh", "five=5"), ("sh", "test $five = 5")],
]
FALSE = [
    [("python", "assert 2 + 3 == 6")],
    [("python", "print(2 + 3)")],
    [("python", "print(2 + 4)"), TOLD],
    [("python", "six = 6"), TOLD],
    [("python", "print(2 + 3)"), ("python", "six = 6"), TOLD],
    [("python", "raise SystemExit(0)")],
    [("python", "import warnings"), ("python", "warnings.warn('old', DeprecationWarning)")],
    [("sh", "false"), ("sh", "true")],
    [("sh", "echo $nobody")],
]


@pytest.mark.parametrize("blocks", TRUE)
def test_a_page_that_is_true_passes(blocks, tmp_path):
    page = Page.read(fenced(*blocks))

    run(page.blocks(*page.recipes()[0]), tmp_path)


@pytest.mark.parametrize("blocks", FALSE)
def test_a_page_that_is_false_is_found(blocks, tmp_path):
    page = Page.read(fenced(*blocks))

    with pytest.raises(AssertionError):
        run(page.blocks(*page.recipes()[0]), tmp_path)


def test_a_traceback_names_the_line_of_the_page(tmp_path):
    page = Page.read(fenced(("sh", "true\n\n"), ("python", "five = 5\nassert five == 6")))

    with pytest.raises(AssertionError, match="line 9"):
        run(page.blocks("One", "python"), tmp_path)


@pytest.mark.parametrize("blocks", [[TOLD], [("python", "print(5)"), TOLD, TOLD]])
def test_a_page_whose_output_is_nobodys_cannot_be_read(blocks):
    with pytest.raises(AssertionError):
        Page.read(fenced(*blocks))


def test_a_page_whose_block_has_no_end_cannot_be_read():
    with pytest.raises(AssertionError):
        Page.read("```python\nfive = 5\n")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (("sh", "openssl version"), "no openssl here: apt-get install openssl"),
        (("sh", "curl -V"), "no curl here: apt-get install curl"),
        (("sh", "true"), ""),
        (("python", "from moto.server import ThreadedMotoServer"), "no moto here: make setup"),
        (("python", "from openssl import curl"), ""),
    ],
)
def test_a_tool_that_is_missing_is_named_with_its_remedy(block, reason, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    monkeypatch.setattr(sys.modules[__name__], "find_spec", lambda name: None)
    page = Page.read(fenced(block))

    assert lack(page.blocks("One", block[0])).startswith(reason)
