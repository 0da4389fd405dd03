"""Files that people write (banks, products, scenarios): read strictly, and blamed in one line.

Whatever is wrong with a file, from a missing bracket to a limit that breaks the law, comes out as
one :class:`~core.errors.InputError`: the file, the key (dotted, as in ``pricing.cap_ppm``), what
is wrong with it, and the nearest thing that would be right.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

LINE_OF = re.compile(r"^(?P<problem>.*?)\s*\(at (?P<where>line \d+, column \d+|end of document)\)$")
SHOWN_MAX = 60
QUOTED = re.compile(r"'([^']*)'")
# What pydantic calls a wrong type, and what a person would call the right one.
WANTED: dict[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "date_type": "a date such as 2020-07-01",
    "datetime_type": "a date and time such as 2020-07-01T09:00:00",
    "tuple_type": "a list in brackets",
    "list_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


class Strict(BaseModel):
    """A table of a file: no unknown key, no silent conversion, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def read_toml(path: Path, model: type[M], defaults: Mapping[str, Any] | None = None) -> M:
    """Return the content of a TOML file as a ``model``; ``defaults`` fill keys it leaves out.

    Raises:
        InputError: no such file, no TOML, or not what the model asks for.
    """
    return checked({**(defaults or {}), **parse_toml(path)}, model, str(path))


def parse_toml(path: Path) -> dict[str, Any]:
    """Return the raw tables of a TOML file.

    Raises:
        InputError: no such file, not UTF-8, or no TOML (the line is named).
    """
    try:
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        beside = [other.name for other in path.parent.glob("*.toml")]
        raise InputError(str(path), "there is no such file", nearest(path.name, beside)) from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise InputError(str(path), problem, "save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        told = LINE_OF.match(str(error))
        place = f"{path}, {told['where']}" if told else str(path)
        problem = told["problem"] if told else str(error)
        raise InputError(place, problem, "mend the TOML there") from None


def checked(raw: Mapping[str, Any], model: type[M], place: str) -> M:
    """Return raw tables as a ``model``; ``place`` names where they come from.

    Raises:
        InputError: the tables are not what the model asks for.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise blame(error, model, place) from None


def blame(error: ValidationError, model: type[BaseModel], place: str) -> InputError:
    """Return the one line for a failed validation: its first error, and how many more there are."""
    details = sorted(error.errors(include_url=False), key=_after_unknown_keys)
    key, problem, remedy = _told(details[0], model)
    more = len(details) - 1
    if more:
        problem = f"{problem} (and {more} more)"
    return InputError(f"{place}: {key}" if key else place, problem, remedy)


def _after_unknown_keys(detail: ErrorDetails) -> bool:
    # An unknown key usually is the misspelt one that is reported missing as well: tell it first.
    return detail["type"] != "extra_forbidden"


def _told(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str, str]:
    """Return (dotted key, problem, remedy) of one pydantic error."""
    key = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        *path, word = detail["loc"]
        return key, "unknown key", nearest(str(word), keys_at(model, path))
    if kind == "missing":
        return key, "is missing", f"add {detail['loc'][-1]} = ..."
    if kind == "value_error":
        return _told_by_us(key, context["error"])
    if kind in ("enum", "literal_error"):
        return key, f"{given!r} is none of the choices", _choice(given, str(context["expected"]))
    return key, *_told_by_bounds(detail)


def _told_by_bounds(detail: ErrorDetails) -> tuple[str, str]:
    """Return (problem, remedy) of a value of the wrong type, length or size."""
    kind, shown, context = detail["type"], _shown(detail["input"]), detail.get("ctx", {})
    if kind in WANTED:
        return f"{shown} is not {WANTED[kind]}", f"write {WANTED[kind]}"
    if kind == "too_short":
        return f"{shown} has too few entries", f"give at least {context['min_length']}"
    if kind == "too_long":
        return f"{shown} has too many entries", f"give at most {context['max_length']}"
    asked = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{shown} is out of bounds", f"it should be {asked}"


def _shown(given: object) -> str:
    """Return a value as its writer knows it: dates as written, nothing at length."""
    text = str(given) if isinstance(given, date) else repr(given)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _told_by_us(key: str, error: Exception) -> tuple[str, str, str]:
    """Return what one of our own validators said, with its key under the table's."""
    if isinstance(error, InputError):
        inner = f"{key}.{error.place}" if key and error.place else key or error.place
        return inner, error.problem, error.remedy
    return key, str(error), ""


def _choice(given: object, expected: str) -> str:
    return nearest(str(given), QUOTED.findall(expected))


def keys_at(model: type[BaseModel], path: Iterable[str | int]) -> set[str]:
    """Return the keys that a table may have, ``path`` being where it stands below ``model``."""
    models = {model}
    for part in path:
        models = {inner for outer in models for inner in _step(outer, part)}
    return {
        name if info.alias is None else info.alias
        for each in models
        for name, info in each.model_fields.items()
    }


def _step(model: type[BaseModel], part: str | int) -> Iterator[type[BaseModel]]:
    """Yield the models one step down from a model."""
    for name, info in model.model_fields.items():
        if part in (name, info.alias):
            yield from _models_in(info.annotation)
            return
    yield model  # a list's index, or the free name of a table: the same models still


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that a field's type mentions, through lists, dicts and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, list, tuple, dict) or get_args(annotation):
        for inner in get_args(annotation):
            yield from _models_in(inner)
