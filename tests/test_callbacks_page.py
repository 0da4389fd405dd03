"""The page of callbacks: every block runs as printed, every field and event is named.

A new example is a new section of docs/CALLBACKS.md; nothing is to be written here.
"""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from mocks.callbacks.events import KINDS
from mocks.callbacks.sender import ANSWER_S
from mocks.control.callbacks import NewSubscription
from mocks.control.results import Plan
from tests.pages import ROOT, Page, broken_links, lack, never_run, run, serving, too_wide

PATH = ROOT / "docs" / "CALLBACKS.md"
PAGE = Page.read(PATH.read_text(encoding="utf-8"))
PROSE = "\n".join(PAGE.prose)
TWICE_AND_LATE = "Example: a webhook delivered twice and late"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Serve as a user does; return host and port."""
    with serving(tmp_path_factory.mktemp("serve")) as address:
        yield address


@pytest.mark.parametrize(("section", "language"), PAGE.recipes())
def test_a_section_does_what_it_says(section, language, place, tmp_path):
    blocks = PAGE.blocks(section, language)
    if lack(blocks):
        pytest.skip(lack(blocks))
    judged = any("standardwebhooks" in block.text for block in blocks)
    if judged and find_spec("standardwebhooks") is None:
        pytest.skip("no standardwebhooks here: make setup installs it")

    for _ in range(2):  # a section can be run again on the same server
        run(blocks, tmp_path, place)


def test_every_block_is_run_and_the_worked_example_is_there():
    assert never_run(PAGE) == []
    assert TWICE_AND_LATE in {section for section, _ in PAGE.recipes()}


def test_every_field_and_event_is_named_with_its_default():
    named = {*re.findall(r"`([^`]+)`", PROSE), "operation"}
    fields = NewSubscription.model_fields

    assert {*fields, *Plan.model_fields, *KINDS} - named == set()
    waits = ", ".join(f"{wait:g}" for wait in fields["retry_after_s"].default)
    assert f"| `retry_after_s` | the waits between attempts | {waits} |" in PAGE.prose
    assert f"no answer in {ANSWER_S:g}\nseconds" in PROSE


def test_the_page_fits_and_its_links_lead_somewhere():
    assert too_wide(PATH) == []
    assert broken_links(PATH) == []
