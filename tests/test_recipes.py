"""The recipes of docs/REDIRECT.md, run as they are printed; and how a page is held to its word."""

from __future__ import annotations

import re
import shutil

import httpx
import pytest

import sim
from mocks.tencent import PRODUCTS
from mocks.wechat.server import ROUTES
from tests import pages
from tests.pages import (
    PRINTED,
    README,
    ROOT,
    Page,
    broken_links,
    lack,
    links_of,
    never_run,
    run,
    serving,
    too_wide,
)

PAGE = ROOT / "docs" / "REDIRECT.md"
REDIRECT = Page.read(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Serve as a user does; return host and port."""
    with serving(tmp_path_factory.mktemp("serve")) as address:
        yield address


# The page


@pytest.mark.parametrize(("section", "language"), REDIRECT.recipes())
def test_a_recipe_does_what_the_page_says(section, language, place, tmp_path):
    blocks = REDIRECT.blocks(section, language)
    if lack(blocks):
        pytest.skip(lack(blocks))

    run(blocks, tmp_path, place)


def test_every_block_of_the_page_is_run():
    (first,) = REDIRECT.sections[""]

    assert first.language == "python"
    assert never_run(REDIRECT) == []
    assert {"Tencent Cloud", "WeChat"} <= {section for section, _ in REDIRECT.recipes()}


def test_the_readme_leads_to_the_page():
    assert "docs/REDIRECT.md" in links_of(Page.read(README.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [README, PAGE], ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    assert broken_links(path) == []


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
    assert too_wide(PAGE) == []


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


def test_a_block_that_nobody_runs_is_found():
    page = Page.read(fenced(("python", "five = 5"), ("json", "5")))

    assert [block.language for block in never_run(page)] == ["json"]


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
    monkeypatch.setattr(pages, "find_spec", lambda name: None)
    page = Page.read(fenced(block))

    assert lack(page.blocks("One", block[0])).startswith(reason)
