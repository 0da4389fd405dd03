"""What the words of a schedule may mean: every plausible reading, each with our figures.

A source that leaves something open (which half of a fen is rounded up, whether a flat loan's last
row takes what rounding left) is reproduced if one reading gives every figure it asserts. A source
that names its conventions is read in those alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from core.calendar import add_months
from core.lending.amortise import lines_of, paid_off
from core.lending.schedule import Convention, Terms, Tranche, Unit
from core.lending.spans import spans
from core.money import Rounding
from core.products import DayCount, Method
from scenarios.conformance.answers import Answer, flows_of, in_decimals, of_lines, times_payment
from scenarios.conformance.figures import day, decimals, whole
from scenarios.conformance.outcome import NotExpressible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenarios.conformance.vector import Case, Payoff

# Where a source has no dates at all and asks for none, any day will do.
ANY_DAY = date(2000, 1, 1)
DECIMAL_DIGITS = 28  # Python's own precision: whoever shows as many digits has its rounding in them


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a schedule: its words, its convention, and how much of it is rounded."""

    words: tuple[str, ...]
    convention: Convention
    exact: bool

    @property
    def name(self) -> str:
        """The reading in words, as ``accepted_conventions`` has them."""
        return ", ".join(word for word in self.words if word)

    def on(self, first_due: date | None, words: str) -> Reading:
        """Return the reading with its first period laid out."""
        convention = replace(self.convention, first_due=first_due)
        return Reading((*self.words, words), convention, self.exact)


def schedules(case: Case) -> Iterator[Answer]:
    """Give our figures for every plausible reading of a schedule.

    Raises:
        NotExpressible: something of it is not understood, or we cannot do it.
        InputError: the engine knows no such loan.
    """
    if case.rate is None:
        raise NotExpressible("a schedule without an annual rate")
    for (start, first_due, words), open_ in product(_grids(case), list(_readings(case))):
        reading = open_.on(first_due, words)
        terms = Terms(
            case.method,
            case.rate,
            start,
            case.periods,
            case.tranches or (Tranche(start, case.principal_fen),),
            reading.convention,
            case.amount_fen("fixed_payment"),
        )
        if case.payoff is not None:
            yield from _paid_off(reading, terms, case.payoff)
            continue
        lines = lines_of(terms, reading.exact)
        answer = of_lines(reading.name, lines, reading.exact)
        answer.flows = flows_of(terms, lines)
        yield answer
        if case.partial and "payment" in case.totals:
            times = f"total is the {'unrounded' if reading.exact else 'rounded'} payment times n"
            yield times_payment(answer, f"{reading.name}, {times}", not reading.exact)
        if reading.exact and decimals(case.totals.get("payment", "")) > DECIMAL_DIGITS // 2:
            yield in_decimals(answer, terms, DECIMAL_DIGITS)


Grid = tuple[date, date | None, str]


def _grids(case: Case) -> list[Grid]:
    """Return where the first period may begin, and its due date where it is an odd one."""
    first = next((row for row in case.rows if str(row.get("n")) == "1"), {})
    if first.get("from_date") is not None:
        start = day(first["from_date"], "row 1 from_date")
    elif case.tranches:
        start = min(case.tranches).on
    else:
        _require_no_dates(case)
        return [(ANY_DAY, None, "")]
    _leave_out_dates_that_do_not_chain(case)
    due = case.first_due
    if due is None and first.get("due_date") is not None and "due_date" in case.rows[0]:
        due = day(first["due_date"], "row 1 due_date")
    if due is None or due == _first_due(case, start):
        return [(start, None, "")]
    grids: list[Grid] = [(start, due, f"odd first period to {due}")]
    begin = add_months(due, -case.period.count, due.day)
    if case.period.unit is Unit.MONTHS and begin < start:
        grids.append((begin, None, f"rows counted from {begin}, before the payout"))
    return grids


def _first_due(case: Case, start: date) -> date:
    """Return when the first row is due if its period is a whole one."""
    convention = Convention(period=case.period)
    return spans(start, 1, convention)[0].due


def _require_no_dates(case: Case) -> None:
    by_date = {"days", "from_date", "due_date"}
    if case.period.unit is not Unit.MONTHS or DayCount.MONTHLY not in case.day_counts:
        raise NotExpressible("no date of payout, and its day count needs one")
    if any(row.get(name) is not None for row in case.rows for name in by_date):
        raise NotExpressible("no date of payout, and its rows have dates")


def _leave_out_dates_that_do_not_chain(case: Case) -> None:
    """Leave out due dates of a source that contradicts itself: a period must end where one begins.

    Test harnesses have such periods (12 Feb to 1 Mar, then from 12 Mar); no schedule has.
    """
    pairs = zip(case.rows, case.rows[1:], strict=False)
    broken = [
        str(row.get("n"))
        for row, after in pairs
        if row.get("due_date") and after.get("from_date")
        if row["due_date"] != after["from_date"]
        and whole(after["n"], "n") == whole(row["n"], "n") + 1
    ]
    if broken:
        told = ", ".join(broken)
        case.notes.append(f"due dates left out: the next row begins elsewhere after {told}")
        gone = {"due_date", "days"}
        case.rows = [{k: v for k, v in row.items() if k not in gone} for row in case.rows]


def _readings(case: Case) -> Iterator[Reading]:
    """Give the conventions that a vector may mean, those it names before those it leaves open."""
    raw, method = case.raw, case.method
    base = Convention(
        period=case.period,
        money_multiple_fen=case.amount_fen("money_multiple") or 1,
        level_on_twelfths=raw.get("emi_rate") is not None,
        grace_rows=case.count("principal_grace"),
        deferred_rows=case.count("interest_deferred_periods"),
    )
    multiple_fen = case.amount_fen("emi_multiple") or 1
    multiples = [(multiple_fen, "")]
    if method is Method.EQUAL_PRINCIPAL and multiple_fen > 1:
        multiples.append((1, "the multiple is of instalments, and none is level"))
    rests = [(False, "")]
    if method is Method.FLAT:
        rests.append((True, "the last row takes the rest of the interest"))
    for exact in _how_exact(case):
        roundings = _roundings(case)[:1] if exact else _roundings(case)
        for (rounding, levelled), rule, (unit_fen, of_what), (rest, rest_word) in product(
            roundings, case.day_counts, multiples, rests
        ):
            rounding_word = "display only" if exact else rounding.name
            words = (
                rounding_word + ("+emi_levelling" if levelled and not exact else ""),
                rule.value if len(case.day_counts) > 1 else "",
                of_what,
                rest_word,
            )
            convention = replace(
                base,
                rounding=rounding,
                levelled=levelled,
                day_count=rule,
                multiple_fen=unit_fen,
                flat_rest_last=rest,
            )
            yield Reading(words, convention, exact)


def _how_exact(case: Case) -> tuple[bool, ...]:
    """Return whether a source rounds only what it shows: what it says, else both for a summary."""
    if case.display_only:
        return (True,)
    return (True, False) if case.partial and case.totals else (False,)


def _roundings(case: Case) -> list[tuple[Rounding, bool]]:
    """Return the roundings, and whether the instalment is levelled, that a vector leaves open."""
    text = str(case.raw.get("rounding") or "").lower().replace(" ", "_")
    named = [rounding for rounding in Rounding if rounding.value in text]
    if text and not named and not case.display_only:
        raise NotExpressible(f"rounding {case.raw['rounding']!r} is not understood")
    if case.accepted:
        return case.accepted
    levelling = (False, True) if case.method is Method.EQUAL_INSTALMENT else (False,)
    return [(rounding, level) for level in levelling for rounding in named or list(Rounding)]


def _paid_off(reading: Reading, terms: Terms, off: Payoff) -> Iterator[Answer]:
    """Give the two ways to show a pay-off: rows that keep their totals, or one last row."""
    before, rows = lines_of(terms), paid_off(terms, off.on)
    for on, amount_fen in off.earlier:
        if not any(row.due == on and row.total_fen == amount_fen for row in rows):
            raise NotExpressible(f"a payment on {on} that is not the row due that day")
    lines = [
        line._replace(
            principal=row.principal_fen, interest=row.interest_fen, balance=row.balance_fen
        )
        for line, row in zip(before, rows, strict=True)
    ]
    index = next(number for number, line in enumerate(lines) if line.span.until > off.on)
    opening = sum(line.principal for line in lines[index:])
    last = lines[index]._replace(
        span=lines[index].span._replace(due=off.on), principal=opening, balance=0
    )
    due = {"payoff_principal": opening, "payoff_interest": last.interest}
    due |= dict.fromkeys(("payoff", "payoff_amount", "payoff_total"), opening + last.interest)
    for words, shown in (
        ("later rows keep their totals", lines),
        ("one last row", [*lines[:index], last]),
    ):
        answer = of_lines(f"{reading.name}, {words}", shown, exact=False)
        answer.totals |= {name: Fraction(amount) / 100 for name, amount in due.items()}
        yield answer
