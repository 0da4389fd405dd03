"""The page of what is seen: its shell block runs as printed, the rest is held against the truth."""

from __future__ import annotations

import io
import json
import re

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from core.gateway.app import gateway_app
from core.gateway.logs import LOG, stop, write_to
from core.gateway.metrics import Metrics
from core.gateway.traces import trace_id_of
from core.gateway.watch import Seen, Watch
from scenarios.commands import door
from scenarios.stories import find
from scenarios.stories.run import tell
from scenarios.watching import traced
from tests.pages import ROOT, Page, broken_links, lack, run, serving, too_wide

PATH = ROOT / "docs" / "WATCH.md"
TEXT = PATH.read_text(encoding="utf-8")
PAGE = Page.read(TEXT)


def in_json(section):
    """Return the one block of JSON of a section."""
    [found] = [block for block in PAGE.sections[section] if block.language == "json"]
    return json.loads(found.text)


@pytest.mark.parametrize(("section", "language"), PAGE.recipes())
def test_a_section_does_what_it_says(section, language, tmp_path):
    blocks = PAGE.blocks(section, language)
    if lack(blocks):
        pytest.skip(lack(blocks))

    with serving(tmp_path) as address:
        run(blocks, tmp_path, address)


def test_the_table_names_every_metric_with_its_kind_and_labels():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", TEXT, flags=re.MULTILINE)
    printed = {
        name.removesuffix("_total"): (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in rows
    }
    metrics = Metrics()
    metrics.bank("daopu", {"daopu": None})
    metrics.count("daopu", "/contract", "POST", 202, 0.1)
    metrics.problem("daopu", "/contract", "POST", "busy", "")
    found = text_string_to_metric_families(generate_latest(metrics).decode())
    truth = {
        family.name: (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in found
    }
    without_banks = {"loanrange_gateway_places_in_use", "loanrange_gateway_requests_waiting"}
    for name in without_banks:  # of nobody, for nobody is served
        truth[name] = (truth[name][0], {"bank"})

    assert printed == truth


def test_the_line_of_the_log_has_the_fields_that_are_written():
    stream = io.StringIO()
    handler = write_to(stream, "json")
    scope = {"method": "GET", "path": "/api/v1/banks"}
    try:
        assert LOG.isEnabledFor(20)
        with Watch(gateway_app(lambda _: None)._app).request(scope) as seen:
            assert isinstance(seen, Seen)
    finally:
        stop(handler)

    assert list(json.loads(stream.getvalue())) == list(in_json("The log"))


def test_the_span_is_the_one_that_a_reader_gets(tmp_path):
    [name] = re.findall(r"story (\w+) --trace spans\.jsonl", TEXT)
    file = tmp_path / "spans.jsonl"
    for story in traced(find((name,)), file):
        assert tell(story, door.SEED).passed
    spans = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    assert [span for span in spans if span["name"] == "corebank.disburse"] == [in_json("Traces")]


def test_the_prefixes_are_those_of_a_trace():
    for letter in "AV":
        assert f"`{trace_id_of(letter + '0' * 24)[:8]}`" in TEXT


def test_the_page_fits_and_its_links_lead_somewhere():
    assert too_wide(PATH) == []
    assert broken_links(PATH) == []
