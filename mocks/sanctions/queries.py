"""What a match asks, in yente's form: the settings of the query string, the body's subjects."""

from __future__ import annotations

from datetime import date
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from core.errors import InputError
from core.identity import BORN_MIN, IdNumber
from mocks.sanctions.entities import Subject
from mocks.spec import WireError

if TYPE_CHECKING:
    from mocks.wire import Request

ALGORITHMS = ("logic-v2", "best", "logic-v1", "name-based", "name-qualified")
FIELDS_MAX = 200
BATCH_MAX = 100
LIMIT, LIMIT_MAX = 5, 500
EXCLUDED_MAX = 50
VALUES_MAX, VALUE_MAX = 50, 500  # of one property, and the characters of each
SCHEMATA = frozenset(
    (
        *("Thing", "LegalEntity", "Person", "Organization", "Company", "PublicBody"),
        *("Asset", "Vessel", "Airplane", "Security", "CryptoWallet", "Address"),
    )
)
POINT = "loanrange:point"
UNSAID = "match"  # the point of whoever does not say one

Query = dict[str, Any]


class Refusal(Exception):
    """A request that is refused, with the words of ``detail`` and an HTTP status."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail, status)
        self.detail = detail
        self.status = status

    @classmethod
    def of(cls, error: WireError) -> Refusal:
        """Return the refusal that an error of the table is."""
        return cls(error.code, error.status)


# What is refused whatever is asked for; the code is the text of ``detail``.
NO_ROUTE = WireError("Not Found", 404, "there is no such path")
WRONG_METHOD = WireError("Method Not Allowed", 405, "the path is asked by another method")
UNKNOWN_KEY = WireError("Unknown API key.", 401, "no tenant has this key")
NO_ENTITY = WireError("No such entity.", 404, "no entity has this id")
NO_DATA_SET = WireError("No such dataset.", 404, "no list is called so")
NO_JSON = WireError("The body is no JSON.", 400, "the body is no JSON in UTF-8")
NO_OBJECT = WireError("The body is no object.", 400, "the body is another JSON value")
NO_QUERIES = WireError("No queries provided.", 400, "the body asks nothing")
TOO_OFTEN = WireError("Too many requests.", 429, "the quota is spent: come again later", "quota")
DOWN = WireError("The index does not answer.", 500, "the lists cannot be asked", "5xx")
ERRORS = (
    *(NO_ROUTE, WRONG_METHOD, UNKNOWN_KEY, NO_ENTITY, NO_DATA_SET),
    *(NO_JSON, NO_OBJECT, NO_QUERIES, TOO_OFTEN, DOWN),
)


class Settings(NamedTuple):
    """How a match is to be told; scores are from 0 to 1."""

    limit: int
    threshold: float
    cutoff: float
    excluded: frozenset[str]


def fields_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a query string, each with all its values."""
    try:
        text = request.query.decode("latin-1")
        return parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Refusal(f"More than {FIELDS_MAX} query parameters.") from None


def settings_of(fields: dict[str, list[str]]) -> Settings:
    """Return the settings of a match; parameters that would narrow the lists are passed over."""
    algorithm = fields.get("algorithm", ["best"])[-1]
    if algorithm not in ALGORITHMS:
        raise Refusal(f"Unknown algorithm: {algorithm[:40]!r}")
    excluded = frozenset(fields.get("exclude_entity_ids", ()))
    if len(excluded) > EXCLUDED_MAX:
        raise Refusal(f"More than {EXCLUDED_MAX} entities are excluded.")
    return Settings(
        whole_in(fields, "limit", LIMIT, LIMIT_MAX),
        share_in(fields, "threshold", 0.7),
        share_in(fields, "cutoff", 0.0),
        excluded,
    )


def whole_in(fields: dict[str, list[str]], name: str, default: int, most: int) -> int:
    """Return a whole number from 0 to ``most``."""
    text = fields.get(name, [str(default)])[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= most):
        raise Refusal(f"{name} is no whole number from 0 to {most}.")
    return int(text)


def share_in(fields: dict[str, list[str]], name: str, default: float) -> float:
    """Return a number from 0 to 1."""
    try:
        value = float(fields.get(name, [str(default)])[-1])
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:  # so not a NaN either
        raise Refusal(f"{name} is no number from 0 to 1.")
    return value


def queries_of(request: Request) -> dict[str, Query]:
    """Return the queries of a body by their keys, checked, as a response repeats them."""
    try:
        body = request.json()
        if b"\\u" in request.body:  # an escape may be half a character, which is no text
            dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal.of(NO_JSON) from None
    if not isinstance(body, dict):
        raise Refusal.of(NO_OBJECT)
    require_no_config(body)
    queries = body.get("queries")
    if not isinstance(queries, dict) or not queries:
        raise Refusal.of(NO_QUERIES)
    if len(queries) > BATCH_MAX:
        raise Refusal(f"Too many queries in one batch (limit: {BATCH_MAX}).")
    return {key: query_of(key, held) for key, held in queries.items()}


def require_no_config(body: dict[str, Any]) -> None:
    """Require that nothing is configured, for the rule has nothing to configure."""
    config, weights = body.get("config") or {}, body.get("weights") or {}
    if not isinstance(config, dict) or not isinstance(weights, dict):
        raise Refusal("config and weights are objects.")
    if config:
        raise Refusal(f"Unknown config key: {next(iter(config))[:40]!r}")
    if not all(type(weight) in (int, float) for weight in weights.values()):
        raise Refusal("A weight is no number.")


def query_of(key: str, held: Any) -> Query:
    """Return one query in the form of an entity."""
    place = f"Query {key[:40]!r}"
    if not isinstance(held, dict):
        raise Refusal(f"{place} is no object.")
    schema, properties, entity = held.get("schema"), held.get("properties"), held.get("id")
    if not isinstance(schema, str) or schema not in SCHEMATA:
        raise Refusal(f"{place}: its schema is unknown.")
    if not isinstance(properties, dict):
        raise Refusal(f"{place}: its properties are no object.")
    if entity is not None and not isinstance(entity, str):
        raise Refusal(f"{place}: its id is no text.")
    values = {name: values_of(f"{place}: {name[:40]}", held) for name, held in properties.items()}
    return {"id": entity, "schema": schema, "properties": values}


def values_of(place: str, held: Any) -> list[str]:
    """Return a property's values: a text, or a list of texts."""
    values = [held] if isinstance(held, str) else held
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refusal(f"{place} is neither a text nor a list of texts.")
    if len(values) > VALUES_MAX or any(len(value) > VALUE_MAX for value in values):
        raise Refusal(f"{place} is too long.")
    return values


def subject_of(query: Query) -> Subject:
    """Return whom a query is about: its names, the first ID number that is one, its birth date."""
    held: dict[str, list[str]] = query["properties"]
    said = [*held.get("name", ()), *held.get("alias", ())]
    names = tuple(dict.fromkeys(name.strip() for name in said if name.strip()))
    number = next((n for text in held.get("idNumber", ()) if (n := _number(text))), None)
    if not names and number is None:
        raise Refusal("A query has neither a name nor an ID number.")
    point = next(iter(held.get(POINT, ())), UNSAID)
    return Subject(names, number, number.birth if number else _birth_in(held), point)


def _birth_in(held: dict[str, list[str]]) -> date | None:
    """Return the birth date, where there is one and no other: in doubt nobody is told apart."""
    births = {_day(text) for text in held.get("birthDate", ())}
    return births.pop() if len(births) == 1 else None


def _number(text: str) -> IdNumber | None:
    """Return a citizen's number; a foreigner's document is none and is passed over."""
    try:
        return IdNumber(text.strip())
    except InputError:
        return None


def _day(text: str) -> date | None:
    """Return a whole date; a year alone tells nobody apart."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if day.year > BORN_MIN else None
