"""What we make of one reading of a vector: rows and totals, under the names that sources use.

Three conventions for a total are published for the same loan: the sum of the rounded rows, the
rounded instalment times their number, the unrounded one times their number. Only the first can be
paid and only it is ours; the others are known here alone, to judge by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from core.lending.pricing import DIGITS, YEAR_DAYS, growth
from core.lending.schedule import Unit
from scenarios.conformance.figures import MONEY_DECIMALS, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.lending.amortise import Line
    from core.lending.schedule import Terms

# "interest_13_24", "cum_principal_1_12": what a spreadsheet's CUMIPMT and CUMPRINC give.
RANGE = re.compile(r"(?:cum_|cumulative_)?(interest|principal|total)_(\d+)(?:_(?:to_)?(\d+))?")
TOTAL_NAMES = {
    "cum_interest": "interest",
    "cum_principal": "principal",
    "total_interest": "interest",
    "total_principal": "principal",
    "total_payment": "total",
    "monthly_payment": "payment",
    "instalment": "payment",
    "first_payment": "first",
    "last_payment": "last",
    "monthly_decrement": "decrement",
}


# Names of a rate: of a year with all it compounds, of a year without, and of a step.
COMPOUND = ("irr", "xirr", "apr", "rate", "effective", "effective_rate", "ear", "eir")
NOMINAL = ("nominal", "nominal_rate", "simple")
STEP = ("step_rate", "period_rate", "monthly_rate")

Flows = tuple[list[tuple[int, int]], int | None]  # (step, amount), and how many steps a year


@dataclass(slots=True)
class Answer:
    """Our figures, in major units. ``shown``: decimals where the source rounds what it shows."""

    reading: str
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    shown: int | None = None
    flows: Flows | None = None  # of a schedule, for whoever asks for its rate

    def total(self, name: str) -> Any:
        """Return a total by its name, None where we have none of that name."""
        name = TOTAL_NAMES.get(name, name)
        if (found := self.totals.get(name)) is not None:
            return found
        if told := RANGE.fullmatch(name):
            column, first, last = told[1], int(told[2]), int(told[3] or told[2])
            if 1 <= first <= last <= len(self.rows):
                return Fraction(sum(row[column] for row in self.rows[first - 1 : last]))
        return rate_names(*self.flows).get(name) if self.flows and is_rate(name) else None


def of_lines(reading: str, lines: Sequence[Line], exact: bool) -> Answer:
    """Return the figures of a schedule's rows and their sums."""
    rows: list[dict[str, Any]] = []
    principal, interest = Fraction(0), Fraction(0)
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
    return Answer(reading, rows, _sums(lines), MONEY_DECIMALS if exact else None)


def _sums(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the totals of rows, and the figures that sources draw from the first of them."""
    paid = [Fraction(line.principal + line.interest) / 100 for line in lines]
    principal = Fraction(sum(line.principal for line in lines)) / 100
    level = next((index for index, line in enumerate(lines) if line.principal), 0)
    totals: dict[str, Any] = {
        "principal": principal,
        "interest": sum(paid) - principal,
        "total": sum(paid),
        "payment": paid[level],
        "first": paid[0],
        "last": paid[-1],
    }
    if len(paid) > 1:
        totals["decrement"] = paid[0] - paid[1]
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


def in_decimals(answer: Answer, terms: Terms, digits: int) -> Answer:
    """Return an answer whose instalment is reckoned in decimals of so many digits, step by step.

    So numpy-financial's ``pmt`` does with Python's decimals; its last digits are their rounding.
    """
    with localcontext(prec=digits):
        rate = Decimal(terms.rate.numerator) / terms.rate.denominator / 12
        rate *= terms.convention.period.count
        principal = Decimal(sum(tranche.amount_fen for tranche in terms.tranches)) / 100
        grown = (1 + rate) ** terms.rows
        payment = principal * grown / ((grown - 1) / rate) if rate else principal / terms.rows
    totals = {**answer.totals, "payment": Fraction(payment)}
    reading = f"{answer.reading}, in decimals of {digits} digits"
    return Answer(reading, answer.rows, totals, answer.shown)


def flows_of(terms: Terms, lines: Sequence[Line]) -> Flows:
    """Return what a schedule pays out and takes in: by months where it can, else by days."""
    paid = [(line.span.due, line.principal + line.interest) for line in lines]
    out = [(on, -amount_fen) for on, amount_fen in terms.tranches]
    flows = [(on, round(amount * 1_000_000)) for on, amount in (*out, *paid)]
    months = terms.convention.period.unit is Unit.MONTHS and all(line.span.whole for line in lines)
    if months and len(out) == 1:
        count = terms.convention.period.count
        return [(index * count, amount) for index, (_, amount) in enumerate(flows)], 12
    first = min(on for on, _ in flows)
    return [((on - first).days, amount) for on, amount in flows], YEAR_DAYS


def is_rate(name: str) -> bool:
    """Whether a total's name is that of a rate, which is shown and never paid."""
    return name.removesuffix("_pct") in (*COMPOUND, *NOMINAL, *STEP)


def rate_names(steps: Sequence[tuple[int, int]], a_year: int | None) -> dict[str, Any]:
    """Return the rates of cash flows under the names that sources give them.

    ``a_year`` is how many steps make a year, None where nobody says: then the rate is a step's.
    Per cent where the name says so; a bare figure may be either, whichever it turns out to be.

    Raises:
        InputError: no rate makes the payments worth the payout.
    """
    found = growth(steps)
    step = Fraction(found) - 1
    if a_year is None:
        return _named((*COMPOUND, *STEP), step)
    with localcontext(prec=DIGITS):
        compound = Fraction(found**a_year) - 1
    named = {**_named(COMPOUND, compound), **_named(NOMINAL, step * a_year)}
    return {**named, **_named(STEP, step)}


def _named(names: Sequence[str], rate: Fraction) -> dict[str, Any]:
    plain = dict.fromkeys(names, (rate, 100 * rate))
    return {**plain, **{f"{name}_pct": 100 * rate for name in names}}
