"""The report page: verdict first, then the calibration, the charts, and every table behind them."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from scenarios.rollout.summary import compared, misses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.rollout.engine import Replication

FUNNEL = (
    ("visited", "opened the mini-program"),
    ("registered", "registered: ID card, phone"),
    ("applied", "applied for credit"),
    ("granted", "were granted a line"),
    ("signed", "signed the contract"),
    ("drawn_customers", "drew money"),
)
FIGURES = {
    "banks_live": "Banks live",
    "granted_fen": "Granted, yuan",
    "drawn_fen": "Drawn, yuan",
    "drawn_customers": "Customers who drew",
}


@cache
def template() -> Template:
    """Return the page's template."""
    loader = FileSystemLoader(Path(__file__).parent)
    page = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters["yuan"] = lambda amount_fen: f"{amount_fen / 100:,.0f}"
    page.filters["count"] = lambda value: f"{value:,.0f}"
    page.filters["ms"] = lambda value: "–" if value is None else f"{value:,.0f}"
    page.filters["ratio"] = lambda value: "–" if value is None else f"{value:.3f}"
    page.filters["per_cent"] = lambda value: "–" if value is None else f"{value:.1%}"
    return page.get_template("report.html.j2")


def render(
    document: dict[str, Any],
    runs: Sequence[Replication],
    stories: list[dict[str, Any]] | None = None,
) -> str:
    """Return the page of a rollout, with the stories told before it, if there were any."""
    from scenarios.report import charts  # a second of import that only this needs

    start = min(runs[0].tally.live_from.values())
    days = [day for run in runs for day in run.tally.drawn_by_day]
    end = max([*days, start, date.fromisoformat(document["banks"][-1]["live_from"])])
    told = {row["name"]: row["published"] for row in document["calibration"] if row["ratio"]}
    return template().render(
        document=document,
        stories=stories or [],
        misses=misses(document),
        compared=compared(document),
        funnel=_funnel(document["totals"]),
        figures=FIGURES,
        drawers=charts.drawers(runs, start, end, told.get("drawn_customers")),
        banks=charts.banks(document["banks"]),
    )


def _funnel(totals: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the funnel's rows: how many, of the visitors, of those before."""
    rows, before = [], 0.0
    visited = totals["visited"] or 1
    for name, words in FUNNEL:
        count = totals[name]
        rows.append(
            {
                "words": words,
                "count": count,
                "of_all": count / visited,
                "of_before": count / before if before else None,
            }
        )
        before = count
    return rows
