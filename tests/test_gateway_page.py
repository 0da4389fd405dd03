"""The page of the gateway: every block runs as printed; a loan in plain mode, and one sealed."""

from __future__ import annotations

import pytest

from tests.pages import ROOT, Page, broken_links, lack, never_run, run, serving, too_wide

PATH = ROOT / "docs" / "GATEWAY.md"
PAGE = Page.read(PATH.read_text(encoding="utf-8"))


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

    for _ in range(2):  # a section can be run again on the same server
        run(blocks, tmp_path, place)


def test_every_block_is_run():
    assert never_run(PAGE) == []


def test_the_page_fits_and_its_links_lead_somewhere():
    assert too_wide(PATH) == []
    assert broken_links(PATH) == []
