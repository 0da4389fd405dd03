"""``summary.json`` of a rollout, and the calibration table: simulated beside published."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from statistics import fmean
from typing import TYPE_CHECKING, Any

import core
from core.clock import DAY_S
from scenarios.digest import hash_of
from scenarios.hosts.meter import Meter, percentiles_ms

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from core.banks import Bank
    from scenarios.file import Scenario
    from scenarios.rollout.engine import Replication

SCHEMA_VERSION = 1
HELD_RATIO = 0.10  # every seed stays within a tenth of the published figure
EXACT = ("banks_live",)  # and this one meets it, however many customers come


def summary(
    scenario: Scenario,
    seed: int,
    runs: Sequence[Replication],
    banks: dict[str, Bank],
    servers: dict[str, int | None],
    share: float = 1.0,
) -> dict[str, Any]:
    """Return the document. Counts are the mean over the replications, whole where it is one.

    ``share`` is the share of the visitors that came: only all of them can be held against the
    published figures.
    """
    part = scenario.scenario
    span_s = ((part.end - part.start) + timedelta(days=1)).days * DAY_S
    totals = mean_of([asdict(run.tally.totals) for run in runs])
    totals["refused"] = mean_of(
        [{name: run.refused.get(name, 0) for name in _reasons(runs)} for run in runs]
    )
    digests = [run.digest for run in runs]
    meters = merged(runs)
    return {
        "schema_version": SCHEMA_VERSION,
        "version": core.__version__,
        "scenario": part.name,
        "seed": seed,
        "host": "virtual",
        "digest": digests[0] if len(digests) == 1 else hash_of(digests),
        "replications": len(runs),
        "totals": totals,
        "banks": [_bank(bank, banks[bank], runs) for bank in runs[0].tally.banks],
        "journey": {"latency_ms": percentiles_ms(columns(run.journeys_s for run in runs))},
        "steps": steps(runs),
        "arrivals": {
            "planned_per_s": round(totals["visited"] / span_s, 9),
            "achieved_per_s": round(totals["visited"] / span_s, 9),
        },
        "providers": {
            name: meter.summary(servers[name], span_s * len(runs)) for name, meter in meters.items()
        },
        "slo": [],
        "invariants": {
            "checked": sum(run.invariants for run in runs),
            "violated": [text for run in runs for text in run.violations],
        },
        "calibration": calibration(scenario, totals, len(runs[0].tally.banks), share),
    }


def mean_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of equal tables of numbers; a single table stays whole."""
    if len(rows) == 1:
        return dict(rows[0])
    return {name: round(fmean(row[name] for row in rows), 3) for name in rows[0]}


def _reasons(runs: Sequence[Replication]) -> list[str]:
    found: Counter[str] = Counter()
    for run in runs:
        found.update(run.refused)
    return [name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


def _bank(bank: str, known: Bank, runs: Sequence[Replication]) -> dict[str, Any]:
    head = {
        "id": bank,
        "name": known.name,
        "english": known.english,
        "live_from": str(runs[0].tally.live_from[bank]),
    }
    return head | mean_of([asdict(run.tally.banks[bank]) for run in runs])


def columns(parts: Any) -> array[float]:
    """Return several columns as one."""
    joined: array[float] | None = None
    for part in parts:
        if joined is None:
            joined = part[:]
        else:
            joined.extend(part)
    assert joined is not None
    return joined


def steps(runs: Sequence[Replication]) -> dict[str, Any]:
    """Return what each step took, without the customer's own time."""
    told = {}
    for name in runs[0].steps_s:
        column = columns(run.steps_s[name] for run in runs)
        if column:
            told[name] = {"count": len(column), "latency_ms": percentiles_ms(column)}
    return told


def merged(runs: Sequence[Replication]) -> dict[str, Meter]:
    """Return each provider's meter over all replications."""
    meters = {name: Meter() for name in runs[0].meters}
    for run in runs:
        for name, meter in run.meters.items():
            meters[name].merge(meter)
    return meters


def calibration(
    scenario: Scenario, totals: dict[str, Any], live: int, share: float = 1.0
) -> list[dict[str, Any]]:
    """Return the published figures with the simulated beside them; empty without any.

    There is no ratio to a published zero, nor of what a part of the visitors did to what all did.
    """
    published = scenario.published
    if published is None:
        return []
    rows = (
        ("banks_live", published.banks_live, live),
        ("granted_fen", published.granted_fen, totals["granted_fen"]),
        ("drawn_fen", published.drawn_fen, totals["drawn_fen"]),
        ("drawn_customers", published.drawn_customers, totals["drawn_customers"]),
    )
    return [
        {
            "name": name,
            "published": told,
            "simulated": simulated,
            "ratio": round(simulated / told, 4) if told and (share == 1 or name in EXACT) else None,
        }
        for name, told, simulated in rows
    ]


def misses(document: dict[str, Any]) -> list[str]:
    """Return what makes a rollout's verdict a no: violations, and figures off by over a tenth."""
    found = [f"invariant {text}" for text in document["invariants"]["violated"]]
    for row in document["calibration"]:
        if not row["published"] and row["simulated"]:
            found.append(f"{row['name']} is {row['simulated']:,}, and 0 was published")
        if row["ratio"] is None:
            continue
        off = round(abs(row["ratio"] - 1.0), 4)
        if off > (0.0 if row["name"] in EXACT else HELD_RATIO):
            found.append(f"{row['name']} is {row['ratio']} times the published figure")
    return found


def compared(document: dict[str, Any]) -> bool:
    """Whether every published figure has a ratio: all visitors came, and no figure is zero."""
    return all(row["ratio"] is not None for row in document["calibration"])
