"""What we make of one reading of a vector: rows and totals, under the names that sources use.

Three conventions for a total are published for the same loan: the sum of the rounded rows, the
rounded instalment times their number, the unrounded one times their number. Only the first can be
paid and only it is ours; the others are known here alone, to judge by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from core.lending.pricing import growth
from scenarios.conformance.figures import MONEY_DECIMALS, Value, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.lending.amortise import Line

# "interest_13_24", "cum_principal_1_12": what a spreadsheet's CUMIPMT and CUMPRINC give.
RANGE = re.compile(r"(?:cum_|cumulative_)?(interest|principal|total)_(\d+)(?:_(?:to_)?(\d+))?")
TOTAL_NAMES = {
    "cum_interest": "interest",
    "cum_principal": "principal",
    "total_interest": "interest",
}


@dataclass(slots=True)
class Answer:
    """Our figures, in major units. ``shown``: decimals where the source rounds what it shows."""

    reading: str
    rows: list[dict[str, Value]]
    totals: dict[str, Value]
    shown: int | None = None

    def total(self, name: str) -> Value | None:
        """Return a total by its name, None where we have none of that name."""
        name = TOTAL_NAMES.get(name, name)
        if (found := self.totals.get(name)) is not None:
            return found
        if told := RANGE.fullmatch(name):
            column, first, last = told[1], int(told[2]), int(told[3] or told[2])
            if 1 <= first <= last <= len(self.rows):
                return Fraction(sum(row[column] for row in self.rows[first - 1 : last]))
        return None


def of_lines(reading: str, lines: Sequence[Line], exact: bool) -> Answer:
    """Return the figures of a schedule's rows and their sums."""
    rows, principal, interest = [], Fraction(0), Fraction(0)
    since = lines[0].span.since
    for number, line in enumerate(lines, 1):
        parts = (Fraction(line.principal) / 100, Fraction(line.interest) / 100)
        principal, interest = principal + parts[0], interest + parts[1]
        rows.append(
            {
                "n": number,
                "days": (line.span.due - since).days,
                "from_date": line.span.since,
                "due_date": line.span.due,
                "principal": parts[0],
                "interest": parts[1],
                "total": sum(parts),
                "payment": sum(parts),
                "balance": Fraction(line.balance) / 100,
                "cum_principal": principal,
                "cum_interest": interest,
                "rate_factor": (line.factor, line.last_factor),
            }
        )
        since = line.span.due
    return Answer(reading, rows, _sums(rows), MONEY_DECIMALS if exact else None)


def _sums(rows: list[dict[str, Value]]) -> dict[str, Value]:
    """Return the totals of rows, and the figures that sources draw from the first of them."""
    totals: dict[str, Value] = {
        name: sum(row[name] for row in rows) for name in ("principal", "interest", "total")
    }
    level = next((row for row in rows if row["principal"]), rows[0])
    totals["payment"] = level["total"]
    totals["first"], totals["last"] = rows[0]["total"], rows[-1]["total"]
    if len(rows) > 1:
        totals["decrement"] = rows[0]["total"] - rows[1]["total"]
    return totals


def times_payment(answer: Answer, reading: str, to_the_fen: bool) -> Answer:
    """Return an answer whose total is its instalment, rounded or not, times the number of rows."""
    payment = answer.totals["payment"]
    payment = rounded(payment, MONEY_DECIMALS) if to_the_fen else payment
    total = payment * len(answer.rows)
    totals = {
        **answer.totals,
        "payment": payment,
        "total": total,
        "interest": total - answer.totals["principal"],
    }
    return Answer(reading, answer.rows, totals, MONEY_DECIMALS)


def rate_names(steps: Sequence[tuple[int, int]], a_year: int | None) -> dict[str, Value]:
    """Return the rates of cash flows under the names that sources give them.

    ``a_year`` is how many steps make a year, None where nobody says: then the rate is a step's.
    Per cent where the name says so; a bare figure may be either, whichever it turns out to be.
    """
    found = growth(steps)
    step = Fraction(found) - 1
    if a_year is None:
        return _named(("irr", "rate", "apr"), step)
    compound = Fraction(found**a_year) - 1
    names = ("irr", "xirr", "apr", "rate", "effective", "effective_rate", "ear", "eir")
    return {
        **_named(names, compound),
        **_named(("nominal", "nominal_rate", "simple"), step * a_year),
        **_named(("step_rate", "period_rate", "monthly_rate"), step),
    }


def _named(names: Sequence[str], rate: Fraction) -> dict[str, Value]:
    plain = {name: (rate, 100 * rate) for name in names}
    return {**plain, **{f"{name}_pct": 100 * rate for name in names}}
