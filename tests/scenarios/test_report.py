"""The report page: the verdict first, every figure, nothing from elsewhere, the same bytes."""

from __future__ import annotations

import re
from copy import deepcopy
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from core.banks import load_banks
from scenarios.report import charts
from scenarios.report.html import FIGURES, FUNNEL, render
from scenarios.rollout.run import Plan, replicate_all
from scenarios.rollout.summary import summary

SCENARIO = """\
version = 1

[scenario]
name = "A & B <i>2020</i>"
seed = 5
start = 2020-07-01
end = 2020-10-31

[[phase]]
name = "first"
banks = ["daopu", "fanzhi"]
live_from = 2020-07-01

[[phase]]
name = "second"
banks = ["chengdi"]
live_from = 2020-09-01


[published]
banks_live = 3
granted_fen = 1_000_000_000
drawn_fen = 300_000_000
drawn_customers = 20
"""
SCENARIO += (Path(__file__).parents[1] / "data" / "few_visitors.toml").read_text()
TOLD = [
    {"title": "A <b>story</b> ends.", "passed": True, "outcome": "done", "reason": ""},
    {
        "title": "Another fails.",
        "passed": False,
        "outcome": "refused",
        "reason": "PHONE_NOT_OWNED",
        "problem": "it ended & should not have",
    },
]
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a page is made of: its text, its tags with their attributes, and whether they close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        """The page's words, with single spaces."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def rolled(tmp_path_factory) -> tuple[dict[str, Any], list[Any]]:
    """A small rollout's summary and its two replications."""
    path = tmp_path_factory.mktemp("report") / "s.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    plan = Plan(path, 5)
    runs = replicate_all(plan, 2, 1)
    scenario = plan.rollout(0).scenario
    servers = dict.fromkeys(scenario.profiles(path.parent))
    return summary(scenario, 5, runs, load_banks(), servers), runs


@pytest.fixture
def document(rolled) -> dict[str, Any]:
    """A summary to change at will, whose published figures are met."""
    copy = deepcopy(rolled[0])
    for row in copy["calibration"]:
        row["published"], row["ratio"] = row["simulated"], 1.0
    return copy


def test_a_page_that_holds_says_yes_first(rolled, document):
    text = Page(render(document, rolled[1])).text

    assert f"Yes. {document['invariants']['checked']} invariants were checked" in text
    assert "every published figure is met within a tenth" in text
    assert text.index("Yes.") < text.index("Simulated beside published")


def test_a_page_that_does_not_hold_says_no_and_why(rolled, document):
    document["invariants"]["violated"] = ["books.balance: daopu is off by <1> fen"]
    document["calibration"][1]["ratio"] = 1.2
    document["calibration"][3]["ratio"] = 0.91
    text = Page(render(document, rolled[1])).text

    assert "No. invariant books.balance: daopu is off by <1> fen" in text
    assert "granted_fen is 1.2 times the published figure" in text
    assert "drawn_customers is" not in text
    assert "Yes." not in text


def test_a_figure_that_is_not_compared_is_not_said_to_be_met(rolled, document):
    document["calibration"][2]["ratio"] = None
    text = Page(render(document, rolled[1])).text

    assert "ratio –" in text
    assert "is met within a tenth" not in text
    assert "is not compared" in text


def test_a_page_without_published_figures_has_no_such_part(rolled, document):
    document["calibration"] = []
    text = Page(render(document, rolled[1])).text

    assert "Simulated beside published" not in text
    assert "Yes." in text


def test_every_figure_of_the_summary_is_on_the_page(rolled, document):
    text = Page(render(document, rolled[1])).text
    totals = document["totals"]

    assert document["digest"] in text
    assert "Seed 5 · 2 replications" in text
    for words in FIGURES.values():
        assert words in text
    for name, words in FUNNEL:
        assert f"{words} {totals[name]:,.0f}" in text
    for bank in document["banks"]:
        row = [bank["english"], bank["name"], bank["live_from"], f"{bank['visited']:,.0f}"]
        assert " ".join(row) in text
    for name, each in document["providers"].items():
        assert f"{name} {each['calls']:,.0f}" in text
    for reason, count in totals["refused"].items():
        assert f"{reason.replace('_', ' ').lower()} {count:,.0f}" in text


def test_a_page_needs_nothing_from_elsewhere(rolled, document):
    page = Page(render(document, rolled[1], TOLD))

    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base"}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert (attributes.get(name) or "#").startswith("#"), f"<{tag} {name}>"
        assert not [name for name in attributes if name.startswith("on")]
    html = render(document, rolled[1], TOLD)
    assert not re.search(r"@import|url\((?!#)", html)


def test_names_that_look_like_html_are_text(rolled, document):
    document["scenario"] = "<script>alert(1)</script> & more"
    document["banks"][0]["english"] = "<img/src=x>Bank & Sons"
    html = render(document, rolled[1], TOLD)
    page = Page(html)

    assert "<script" not in html
    assert "<img" not in html
    assert "<script>alert(1)</script> & more" in page.text
    assert "A <b>story</b> ends." in page.text
    assert "it ended & should not have" in page.text


def test_stories_stand_on_the_page_where_some_were_told(rolled, document):
    assert "Stories" not in Page(render(document, rolled[1])).text
    text = Page(render(document, rolled[1], TOLD)).text

    assert "A <b>story</b> ends. done pass" in text
    assert "Another fails. it ended & should not have refused phone not owned FAIL" in text


def test_the_same_run_gives_the_same_bytes(rolled, document):
    first = render(document, rolled[1], TOLD)
    charts.banks(document["banks"][:1])  # another chart between them leaves no trace

    assert render(document, rolled[1], TOLD) == first


def test_charts_are_one_svg_each_with_the_waves_and_the_published_line(rolled):
    drawers = charts.drawers(rolled[1], date(2020, 7, 1), date(2020, 10, 31), 20)
    banks = charts.banks(rolled[0]["banks"])

    for svg in (drawers, banks):
        assert svg.startswith("<svg")
        assert svg.rstrip().endswith("</svg>")
    for words in ("published: 20", "2 banks", "1 bank<", "customers who drew", "2020-09-01"):
        assert words in drawers
    assert "published" not in charts.drawers(rolled[1], date(2020, 7, 1), date(2020, 8, 1), None)
    for row in rolled[0]["banks"]:
        assert row["english"].split()[0] in banks
