"""Charts as SVG inside the page. The same figures give the same bytes: no clock, no random ids."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")  # before pyplot is imported

from matplotlib import pyplot as plt
from matplotlib.dates import DateFormatter, MonthLocator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from scenarios.rollout.engine import Replication

INK, BLUE, AMBER, GRID = "#1f2937", "#2563eb", "#d97706", "#e5e7eb"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "loanrange",
    "svg.fonttype": "none",  # text stays text: the page's own fonts draw it
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9ca3af",
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]


def _grid(axes: Axes, axis: str = "y") -> None:
    axes.grid(axis=axis, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def drawers(runs: Sequence[Replication], start: date, end: date, published: float | None) -> str:
    """Return the customers who drew, summed over the days, with each wave of banks marked."""
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.2, 3.2), layout="constrained")
        for run in runs:
            total, line = 0, []
            for day in days:
                total += run.tally.drawn_by_day.get(day, 0)
                line.append(total)
            alpha = 1.0 if len(runs) == 1 else 0.5
            axes.plot(days, line, color=BLUE, linewidth=1.8, alpha=alpha)  # type: ignore[arg-type]
        if published:
            axes.axhline(published, color=AMBER, linestyle="--", linewidth=1.2)
            axes.annotate(
                f"published: {published:,.0f}",
                (days[0], published),
                xytext=(4, -12),
                textcoords="offset points",
                color=AMBER,
            )
        _waves(axes, runs[0])
        axes.set_ylabel("customers who drew")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.xaxis.set_major_locator(MonthLocator())
        axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))
        _grid(axes)
        return svg(figure)


def _waves(axes: Axes, run: Replication) -> None:
    """Mark each day on which banks went live."""
    waves: dict[date, int] = {}
    for live_from in run.tally.live_from.values():
        waves[live_from] = waves.get(live_from, 0) + 1
    for live_from, count in sorted(waves.items()):
        axes.axvline(live_from, color="#9ca3af", linewidth=0.9)  # type: ignore[arg-type]
        axes.annotate(
            f"{count} bank{'s' if count > 1 else ''}",
            (live_from, 0.52),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            color="#6b7280",
        )


def banks(rows: Sequence[dict[str, Any]]) -> str:
    """Return what each bank granted and paid out, in millions of yuan, the largest on top."""
    ordered = sorted(rows, key=lambda row: row["granted_fen"])
    names = [row["english"].split()[0] for row in ordered]
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.2, 0.9 + 0.21 * len(ordered)), layout="constrained")
        granted = [row["granted_fen"] / 1e8 for row in ordered]
        drawn = [row["drawn_fen"] / 1e8 for row in ordered]
        axes.barh(names, granted, color="#bfdbfe", label="granted")
        axes.barh(names, drawn, color=BLUE, label="drawn", height=0.45)
        axes.set_xlabel("million yuan")
        axes.legend(frameon=False, loc="lower right")
        axes.margins(y=0.01)
        _grid(axes, "x")
        return svg(figure)
