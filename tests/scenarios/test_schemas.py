"""The JSON Schemas say what the files really are: ours hold, and wrong ones do not."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.banks import BANKS, load_banks
from core.products import PRODUCTS
from core.seed import Seed
from scenarios.file import ROOT
from scenarios.population.export import people_json
from scenarios.population.register import Population
from scenarios.rollout.tally import Counts
from scenarios.schemas import SCHEMAS
from scenarios.stories import find
from scenarios.stories.run import START, as_json, tell_all

SCENARIOS = sorted((ROOT / "scenarios").rglob("*.toml"))
JIANGSU = ROOT / "scenarios" / "rollout" / "jiangsu_2020.toml"


@cache
def validator(name: str) -> Draft202012Validator:
    """Return the validator of one of our schemas, which must be a schema itself."""
    schema = json.loads(json.dumps(SCHEMAS[name]()))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def plain(value: Any) -> Any:
    """Return what a TOML file holds as JSON would hold it: dates are strings."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def problems(name: str, document: Any) -> list[str]:
    """Return what a schema finds wrong with a document: where, and what."""
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator(name).iter_errors(document)
    ]


def read(path) -> dict[str, Any]:
    """Return a TOML file as JSON would hold it."""
    return plain(tomllib.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_asks_for_something(name):
    schema = validator(name).schema

    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"]
    assert schema["required"]
    assert problems(name, {})


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("bank", sorted(BANKS.glob("*.toml"))),
        ("product", sorted(PRODUCTS.glob("*.toml"))),
        ("scenario", SCENARIOS),
    ],
)
def test_every_file_of_ours_holds_its_schema(name, paths):
    assert paths
    assert {path.name: problems(name, read(path)) for path in paths} == {
        path.name: [] for path in paths
    }


# A change of a file of ours, by the dotted way to the key, that its schema must not let pass.
WRONG = [
    ("bank", "weight", 0, "0"),
    ("bank", "wave", "octobre", "octobre"),
    ("bank", "division", "320101", "320101"),
    ("bank", "colour", "red", "colour"),
    ("product", "months", 0, "0"),
    ("product", "method", "balloon", "balloon"),
    ("product", "pricing.floor_ppm", -1, "-1"),
    ("product", "admission.age", 18, "age"),
    ("scenario", "version", 2, "1"),
    ("scenario", "arrivals.hours", [1.0] * 23, "too short"),
    ("scenario", "arrivals.visitors", 0, "0"),
    ("scenario", "channels.scan", 1.5, "1.5"),
    ("scenario", "funnel.tries", 0, "0"),
    ("scenario", "phase", [], "[]"),
    ("scenario", "providers", {"face": {"servers": 0}}, "0"),
    ("scenario", "providers", {"face": {"error_rate": 1.5}}, "1.5"),
    ("scenario", "fault", [{"provider": "face", "kind": "drip"}], "drip"),
    ("scenario", "slo", {}, "slo"),
]


@pytest.mark.parametrize(("name", "way", "value", "named"), WRONG)
def test_a_wrong_file_does_not_hold_its_schema(name, way, value, named):
    path = {
        "bank": BANKS / "daopu.toml",
        "product": min(PRODUCTS.glob("daopu-*.toml")),
        "scenario": JIANGSU,
    }[name]
    document = read(path)
    *outer, key = way.split(".")
    table = document
    for step in outer:
        table = table[step]
    table[key] = value

    (problem,) = problems(name, document)
    assert named in problem


def test_people_hold_their_schema():
    population = Population(Seed(7), START, load_banks())
    people = [population.person(bank, 1) for bank in load_banks()]
    document = json.loads(json.dumps(people_json(population, people, 7)))

    assert problems("people", document) == []
    del document["people"][3]["truth"]
    assert problems("people", document) == ["people.3: 'truth' is a required property"]


def test_stories_hold_their_schema_on_both_hosts():
    for host in ("instant", "virtual"):
        told = tell_all(find(())[:4], 7, host)
        document = json.loads(json.dumps(as_json(told, 7, host)))

        assert problems("story", document) == []
        document["stories"][0]["passed"] = "yes"
        assert problems("story", document) == ["stories.0.passed: 'yes' is not of type 'boolean'"]


def test_the_summary_names_every_count():
    totals = validator("summary").schema["properties"]["totals"]

    assert set(totals["required"]) == {each.name for each in fields(Counts)} | {"refused"}
