"""JSON Schemas: the files people write, from their models; the files they read, from this table."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from core.banks import Bank
from core.products import Product
from scenarios.file import Scenario
from scenarios.rollout.tally import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER, TEXT = {"type": "number"}, {"type": "string"}
MAYBE = {"type": ["number", "null"]}


def table(properties: dict[str, Any], *, more: bool = False) -> dict[str, Any]:
    """Return the schema of an object that has all of these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": more,
    }


def listed(item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def named(item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object whose keys are names."""
    return {"type": "object", "additionalProperties": item}


PERCENTILES = table({"p50": MAYBE, "p95": MAYBE, "p99": MAYBE})
COUNTS = {each.name: NUMBER for each in fields(Counts)}


def summary() -> dict[str, Any]:
    """Return the schema of ``summary.json``."""
    provider = {
        "calls": NUMBER,
        "errors": NUMBER,
        "timeouts": NUMBER,
        "retries": NUMBER,
        "utilisation": MAYBE,
        "wait_ms": PERCENTILES,
        "latency_ms": PERCENTILES,
        "billed_calls": NUMBER,
    }
    return {
        "$schema": DIALECT,
        "title": "summary.json",
        **table(
            {
                "schema_version": {"const": 1},
                "version": TEXT,
                "scenario": TEXT,
                "seed": {"type": "integer"},
                "host": TEXT,
                "digest": TEXT,
                "replications": {"type": "integer", "minimum": 1},
                "totals": table({**COUNTS, "refused": named(NUMBER)}),
                "banks": listed(
                    table({"id": TEXT, "name": TEXT, "english": TEXT, "live_from": TEXT, **COUNTS})
                ),
                "journey": table({"latency_ms": PERCENTILES}),
                "steps": named(table({"count": NUMBER, "latency_ms": PERCENTILES})),
                "arrivals": table({"planned_per_s": NUMBER, "achieved_per_s": NUMBER}),
                "providers": named(table(provider)),
                "slo": listed(
                    table({"name": TEXT, "target": NUMBER, "value": NUMBER, "held": {}}, more=True)
                ),
                "invariants": table({"checked": NUMBER, "violated": listed(TEXT)}),
                "calibration": listed(
                    table({"name": TEXT, "published": NUMBER, "simulated": NUMBER, "ratio": MAYBE})
                ),
            }
        ),
    }


def story() -> dict[str, Any]:
    """Return the schema of ``story --json``."""
    told = table(
        {
            "name": TEXT,
            "hosts": listed(TEXT),
            "passed": {"type": "boolean"},
            "outcome": TEXT,
            "reason": TEXT,
            "digest": TEXT,
        },
        more=True,
    )
    return {
        "$schema": DIALECT,
        "title": "story --json",
        **table(
            {"seed": {"type": "integer"}, "host": TEXT, "digest": TEXT, "stories": listed(told)}
        ),
    }


def people() -> dict[str, Any]:
    """Return the schema of ``people.json``."""
    person = table(
        {
            "name": TEXT,
            "id_number": TEXT,
            "phone": TEXT,
            "carrier": TEXT,
            "bank": TEXT,
            "truth": {"type": "object"},
        },
        more=True,
    )
    return {
        "$schema": DIALECT,
        "title": "people.json",
        **table({"seed": {"type": "integer"}, "people": listed(person)}, more=True),
    }


def _model(model: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"$schema": DIALECT, **model.model_json_schema()}


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "scenario": _model(Scenario),
    "bank": _model(Bank),
    "product": _model(Product),
    "summary": summary,
    "story": story,
    "people": people,
}
