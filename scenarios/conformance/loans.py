"""The family of loan schedules: vectors of rows, totals and rates, each with its provenance.

The form is that of our own ``data/loan_schedules.json``: a document with a list ``vectors``, each
with ``method``, terms, and the figures that its source asserts, any subset of them. A vector
passes when one of the readings it leaves open reproduces every figure; one that is marked
negative (its source is wrong) passes when no reading does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.errors import InputError
from scenarios.conformance.answers import Answer, is_rate
from scenarios.conformance.by_day import by_day
from scenarios.conformance.figures import as_text, number, reaches
from scenarios.conformance.outcome import Difference, NotExpressible, Outcome, Verdict
from scenarios.conformance.rates import rate
from scenarios.conformance.schedules import schedules
from scenarios.conformance.vector import Case, Use, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenarios.conformance.figures import Value

NAME = "loan schedules"
RATE_FACTOR_DECIMALS = 12  # Fineract shows a factor with so many


def is_ours(document: Any) -> bool:
    """Whether a document is of this family: a list of vectors, each with a method."""
    vectors = document.get("vectors") if isinstance(document, dict) else None
    return (
        isinstance(vectors, list)
        and bool(vectors)
        and all(isinstance(vector, dict) for vector in vectors)
        and any("method" in vector for vector in vectors)
    )


def check(document: Any) -> Iterator[Outcome]:
    """Give the outcome of every vector."""
    for number_, raw in enumerate(document["vectors"], 1):
        name = str(raw.get("id") or f"vector {number_}")
        try:
            case = read(raw)
            yield judge(case, name, list(answers(case)))
        except NotExpressible as error:
            yield Outcome(name, Verdict.NOT_EXPRESSIBLE, str(error))
        except InputError as error:
            yield Outcome(name, Verdict.NOT_EXPRESSIBLE, f"{error.place}: {error.problem}")


def answers(case: Case) -> Iterator[Answer]:
    """Give our figures for every plausible reading of a vector.

    Raises:
        NotExpressible: something of it is not understood, or we cannot do it.
        InputError: the engine knows no such loan.
    """
    if case.kind == "rate":
        yield rate(case)
    elif case.kind == "simple":
        yield from by_day(case)
    else:
        yield from schedules(case)


def judge(case: Case, name: str, found: list[Answer]) -> Outcome:
    """Return what came of a vector under all its readings.

    Raises:
        NotExpressible: no reading has a figure of that name.
    """
    if not found:
        raise NotExpressible("its words leave no way to reckon it")
    by_reading = {answer.reading: list(differences(case, answer)) for answer in found}
    reached = [reading for reading, missed in by_reading.items() if not missed]
    outcome = Outcome(name, Verdict.PASSED, readings=reached, notes=case.notes)
    if case.use is Use.NEGATIVE:
        outcome.negative = True
        if reached:
            outcome.verdict = Verdict.FAILED
            outcome.reason = f"its source is known to be wrong, yet {reached[0]} reaches it"
        else:
            outcome.notes.append("negative: not reached, as it should be")
    elif not reached:
        nearest = min(by_reading, key=lambda reading: len(by_reading[reading]))
        outcome.verdict, outcome.differences = Verdict.FAILED, by_reading[nearest]
        outcome.reason = f"nearest reading: {nearest}"
    return outcome


def differences(case: Case, answer: Answer) -> Iterator[Difference]:
    """Give every figure of a vector that an answer does not reach.

    Raises:
        NotExpressible: the vector asserts a figure that no answer has.
    """
    if case.rows and not case.partial and len(case.rows) != len(answer.rows):
        yield Difference("rows", str(len(case.rows)), str(len(answer.rows)))
    for row in case.rows:
        yield from _row_differences(row, answer)
    for name, published in case.totals.items():
        ours = answer.total(name)
        if ours is None:
            raise NotExpressible(f"total {name!r} is not understood")
        if not _total_reached(ours, published, name, 0 if is_rate(name) else answer.shown):
            yield Difference(name, str(published), as_text(ours, published))


def _row_differences(row: dict[str, Any], answer: Answer) -> Iterator[Difference]:
    count = number(row.get("n"), "row n")
    ours = next((each for each in answer.rows if each["n"] == count), None)
    for name, published in row.items():
        if published is None or name == "n":
            continue
        place = f"row {count} {name}"
        if ours is None:
            yield Difference(place, str(published), "no such row")
        elif name not in ours:
            raise NotExpressible(f"column {name!r} is not understood")
        else:
            shown = RATE_FACTOR_DECIMALS if name == "rate_factor" else answer.shown
            if not reaches(ours[name], published, place, shown):
                yield Difference(place, str(published), as_text(ours[name], published))


def _total_reached(ours: Value, published: Any, name: str, shown: int | None) -> bool:
    if reaches(ours, published, name, shown):
        return True
    # A spreadsheet shows what is paid below zero.
    text = str(published).strip()
    return text.startswith("-") and reaches(ours, text[1:], name, shown)
