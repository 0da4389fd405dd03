"""The control plane's page: every block runs as printed, and every path, field and kind is named.

A new example is a new section of docs/CONTROL.md; nothing is to be written here.
"""

from __future__ import annotations

import re

import pytest

from mocks.control.app import ROUTES
from mocks.control.faults import KINDS, PlannedFault
from mocks.control.verify import Expected, Verification
from mocks.line import SEEN, FaultKind
from mocks.metrics import NAME_MAX, TENANTS_MAX, TenantsCollector
from mocks.snapshots import SNAPSHOTS_MAX
from mocks.tenant import CHOSEN_BY
from scenarios.commands.serve import JOURNAL_KEPT
from tests.mocks.rest_kit import tenants
from tests.pages import ROOT, Page, broken_links, lack, never_run, run, serving, too_wide

PATH = ROOT / "docs" / "CONTROL.md"
PAGE = Page.read(PATH.read_text(encoding="utf-8"))
PROSE = "\n".join(PAGE.prose)
NAMED = {*re.findall(r"`([^`]+)`", PROSE)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Serve as a user does; return host and port."""
    with serving(tmp_path_factory.mktemp("serve")) as address:
        yield address


def rows(width):
    """Return the cells of those tables' rows that have so many."""
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.prose if "|" in line]
    return [row for row in found if len(row) == width]


@pytest.mark.parametrize(("section", "language"), PAGE.recipes())
def test_a_section_does_what_it_says(section, language, place, tmp_path):
    blocks = PAGE.blocks(section, language)
    if lack(blocks):
        pytest.skip(lack(blocks))

    run(blocks, tmp_path, place)


def test_a_section_can_be_run_again_on_the_same_server(place, tmp_path):
    for _ in range(2):
        run(PAGE.blocks("Journal and verify", "python"), tmp_path, place)


def test_every_block_is_run_and_three_of_them_are_worked_examples():
    examples = [section for section, _ in PAGE.recipes() if section.startswith("Example: ")]

    assert never_run(PAGE) == []
    assert len(examples) >= 3


def test_every_path_has_a_row_and_no_row_is_of_another():
    told = [(row[0], row[1].strip("`")) for row in rows(3) if row[0].isupper()]

    assert len(told) == len({*told})
    assert {*told} == {*((method, path) for path, method, _ in ROUTES), ("GET", "openapi.json")}


def test_every_field_of_a_fault_and_of_an_expectation_is_named():
    fields = {*PlannedFault.model_fields, *Expected.model_fields, *Verification.model_fields}
    words = {*NAMED, *re.findall(r'"(\w+)":', PATH.read_text(encoding="utf-8"))}

    assert fields - words == set()


def test_every_kind_of_fault_is_named_with_the_phases_that_it_has():
    of_lines = {row[0].strip("`"): {*re.findall(r"`(\w+)`", row[1])} for row in rows(3)}

    assert {kind.value for kind in KINDS} <= NAMED
    for kind in FaultKind:
        assert of_lines[kind.value] == {phase.value for known, phase in SEEN if known is kind}


def test_how_an_answer_is_chosen_is_told_in_as_many_steps_as_there_are():
    steps = re.findall(r"^(\d)\. ", PROSE, flags=re.MULTILINE)

    assert steps == [str(number) for number in range(1, len(CHOSEN_BY) + 1)]


def test_every_metric_is_named_with_its_labels():
    known = tenants()
    known.default.tally.count("ocr.card_front", OSError, 0.1)
    known.default.billed["ocr.card_front"] += 1
    labels = {}
    for family in TenantsCollector(known, "0").collect():
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        labels[name] = {label for sample in family.samples for label in sample.labels}

    told = {row[0].strip("`"): {*re.findall(r"`(\w+)`", row[1])} for row in rows(3)}
    assert {name: told.get(name) for name in labels} == labels


@pytest.mark.parametrize("limit", [f"{JOURNAL_KEPT:,} calls", f"{TENANTS_MAX} tenants"])
def test_a_limit_is_told_as_it_is(limit):
    assert limit in PROSE


def test_the_limits_of_names_and_snapshots_are_told_as_they_are():
    words = " ".join(PROSE.split())

    assert f"names longer than {NAME_MAX} characters" in words
    assert f"A tenant has {SNAPSHOTS_MAX} at most" in words


def test_every_link_leads_to_a_file():
    assert broken_links(PATH) == []


def test_a_line_of_the_page_fits_unless_it_is_of_a_table():
    assert too_wide(PATH) == []
