"""What the words of a vector may mean: every plausible reading, each with our figures.

A source that leaves something open (which half of a fen is rounded up, whether a flat loan's last
row takes what rounding left) is reproduced if one reading gives every figure it asserts. A source
that names its conventions is read in those alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

from core.lending.amortise import lines_of, paid_off
from core.lending.pricing import YEAR_DAYS
from core.lending.schedule import MONTH, Convention, Terms, Tranche, Unit
from core.money import Rounding
from core.products import DayCount, Method
from scenarios.conformance.answers import Answer, of_lines, rate_names, times_payment
from scenarios.conformance.figures import day, fen, number, rounded, whole
from scenarios.conformance.outcome import NotExpressible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenarios.conformance.vector import Case

# Where a source has no dates at all and asks for none, any day will do.
ANY_DAY = date(2000, 1, 1)
YEARS = {DayCount.ACT_360: 360, DayCount.ACT_364: 364, DayCount.ACT_365: 365}


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


def answers(case: Case) -> Iterator[Answer]:
    """Give our figures for every plausible reading of a vector.

    Raises:
        NotExpressible: something of it is not understood, or we cannot do it.
        InputError: the schedule engine knows no such loan.
    """
    if case.kind == "rate":
        yield _rate(case)
    elif case.kind == "simple":
        yield from _simple(case)
    else:
        yield from _schedules(case)


def _schedules(case: Case) -> Iterator[Answer]:
    if case.rate is None:
        raise NotExpressible("a schedule without an annual rate")
    start, first_due = _dates(case)
    tranches = case.tranches or (Tranche(start, case.principal_fen),)
    off = _payoff(case)
    for reading in _readings(case, first_due):
        terms = Terms(
            case.method,
            case.rate,
            start,
            case.periods,
            tranches,
            reading.convention,
            case.amount_fen("fixed_payment"),
        )
        if off is not None:
            yield from _paid_off(reading, terms, off)
            continue
        answer = of_lines(reading.name, lines_of(terms, reading.exact), reading.exact)
        yield answer
        if case.partial and "payment" in case.totals:
            times = f"total is the {'unrounded' if reading.exact else 'rounded'} payment times n"
            yield times_payment(answer, f"{reading.name}, {times}", not reading.exact)


def _dates(case: Case) -> tuple[date, date | None]:
    """Return where the first period begins, and the first due date where it is an odd one."""
    rows = {str(row.get("n")): row for row in case.rows}
    first = rows.get("1", {})
    if first.get("from_date") is not None:
        start = day(first["from_date"], "row 1 from_date")
    elif case.tranches:
        start = min(case.tranches).on
    else:
        _require_no_dates(case)
        return ANY_DAY, None
    _leave_out_dates_that_do_not_chain(case)
    regular = Terms(Method.BULLET, Fraction(0), start, 1, (), Convention(period=case.period))
    told = case.first_due
    if told is None and first.get("due_date") is not None:
        told = day(first["due_date"], "row 1 due_date")
    if told is None or told == lines_of(regular)[0].span.due:
        return start, None
    case.notes.append(f"the first period is an odd one, to {told}")
    return start, told


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


def _readings(case: Case, first_due: date | None) -> Iterator[Reading]:
    """Give the conventions that a vector may mean, those it names before those it leaves open."""
    raw, method = case.raw, case.method
    base = Convention(
        period=case.period,
        money_multiple_fen=case.amount_fen("money_multiple") or 1,
        level_on_twelfths=raw.get("emi_rate") is not None,
        grace_rows=case.count("principal_grace"),
        deferred_rows=case.count("interest_deferred_periods"),
        first_due=first_due,
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
    if case.accepted:
        return case.accepted
    text = str(case.raw.get("rounding") or "").lower().replace(" ", "_")
    named = [rounding for rounding in Rounding if rounding.value in text]
    if text and not named and not case.display_only:
        raise NotExpressible(f"rounding {case.raw['rounding']!r} is not understood")
    levelling = (False, True) if case.method is Method.EQUAL_INSTALMENT else (False,)
    return [(rounding, level) for level in levelling for rounding in named or list(Rounding)]


def _payoff(case: Case) -> date | None:
    """Return the day on which a loan is paid off early, None where it runs to its end."""
    raw = case.raw
    told = raw.get("payoff_date") or raw.get("payoff")
    if told is None and raw.get("payments"):
        if not isinstance(raw["payments"], list) or len(raw["payments"]) != 1:
            raise NotExpressible("payments other than one that pays the loan off")
        told = raw["payments"][0]
    if told is None:
        if "payoff" in case.words:
            raise NotExpressible("an early pay-off without its date: payoff_date is missing")
        return None
    if isinstance(told, dict):
        if strangers := set(told) - {"date", "on", "amount"}:
            raise NotExpressible(f"payoff {min(strangers)!r} is not understood")
        if told.get("amount") is not None:
            case.totals = {**case.totals, "payoff": told["amount"]}
        told = told.get("date") or told.get("on")
    return day(told, "payoff")


def _paid_off(reading: Reading, terms: Terms, off: date) -> Iterator[Answer]:
    """Give the two ways to show a pay-off: rows that keep their totals, or one last row."""
    before, rows = lines_of(terms), paid_off(terms, off)
    lines = [
        line._replace(
            principal=row.principal_fen, interest=row.interest_fen, balance=row.balance_fen
        )
        for line, row in zip(before, rows, strict=True)
    ]
    index = next(number for number, line in enumerate(lines) if line.span.until > off)
    opening = sum(line.principal for line in lines[index:])
    last = lines[index]._replace(
        span=lines[index].span._replace(due=off), principal=opening, balance=0
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


# Interest by the day, and rates of cash flows.


def _simple(case: Case) -> Iterator[Answer]:
    """Give balance x daily rate x days, rounded segment by segment or once."""
    segments = case.raw.get("segments")
    if segments is None:
        segments = [{"balance": case.raw.get("principal"), "days": case.raw.get("days")}]
    if not isinstance(segments, list) or not all(isinstance(each, dict) for each in segments):
        raise NotExpressible("segments is no list of tables")
    exact = [_segment(case, each) for each in segments]
    for rounding in Rounding:
        rows = [
            {"n": n, "days": days, "balance": balance, "interest": rounded(cost, 2, rounding)}
            for n, (balance, days, cost) in enumerate(exact, 1)
        ]
        each = sum(row["interest"] for row in rows)
        once = rounded(sum(cost for _, _, cost in exact), 2, rounding)
        for interest, words in ((each, "each segment rounded"), (once, "rounded once")):
            principal = Fraction(case.principal_fen, 100)
            totals = {"interest": interest, "principal": principal, "total": principal + interest}
            yield Answer(f"{rounding.name}, {words}", rows, {**totals, "penalty": interest})


def _segment(case: Case, segment: dict[str, Any]) -> tuple[Fraction, int, Fraction]:
    """Return (balance, days, exact interest) of one segment."""
    known = {"balance", "daily_rate", "daily_rate_pct", "annual_rate_pct", "days", "note"}
    if strangers := set(segment) - known:
        raise NotExpressible(f"segment {min(strangers)!r} is not understood")
    balance = Fraction(fen(segment.get("balance"), "segment balance"), 100)
    days = whole(segment.get("days"), "segment days")
    return balance, days, balance * days * _daily_rate(case, segment)


def _daily_rate(case: Case, segment: dict[str, Any]) -> Fraction:
    if segment.get("daily_rate") is not None:
        return number(segment["daily_rate"], "daily_rate")
    if segment.get("daily_rate_pct") is not None:
        return number(segment["daily_rate_pct"], "daily_rate_pct") / 100
    annual = case.rate
    if segment.get("annual_rate_pct") is not None:
        annual = number(segment["annual_rate_pct"], "annual_rate_pct") / 100
    years = [YEARS[rule] for rule in case.day_counts if rule in YEARS]
    if annual is None or len(years) != 1:
        raise NotExpressible("a segment without a daily rate, or an annual one and its days a year")
    return annual / years[0]


def _rate(case: Case) -> Answer:
    """Return the internal rate of return of cash flows: even steps, months, days or dates."""
    flows = case.raw.get("cash_flows")
    if not isinstance(flows, list) or not flows:
        raise NotExpressible("a rate without cash_flows")
    steps, a_year = _steps(flows, case)
    reading = {None: "a rate a step", 12: "by months", YEAR_DAYS: "by days/365"}[a_year]
    return Answer(reading, [], rate_names(steps, a_year), shown=0)


WHEN = {"date": "dates", "on": "dates", "day": "days", "days": "days", "month": "months"}
WHEN |= {"months": "months", "year": "years", "years": "years", "period": "steps", "n": "steps"}
AMOUNTS = {"amount", "cash_flow", "value"}


def _steps(flows: list[Any], case: Case) -> tuple[list[tuple[int, int]], int | None]:
    """Return cash flows as (whole step, amount), and how many steps make a year."""
    if not any(isinstance(flow, dict | list) for flow in flows):
        told = case.raw.get("period")
        a_year = 12 if told is not None and str(told).strip().lower() in MONTHLY else None
        return _scaled([(Fraction(index), flow) for index, flow in enumerate(flows)]), a_year
    pairs = [_pair(flow) for flow in flows]
    kinds = {kind for kind, _, _ in pairs}
    if len(kinds) != 1:
        raise NotExpressible(f"cash flows by {' and '.join(sorted(kinds))}")
    kind = kinds.pop()
    if kind == "dates":
        dates = [day(when, "cash flow") for _, when, _ in pairs]
        first = min(dates)
        times = [Fraction((each - first).days) for each in dates]
        kind = "days"
    else:
        times = [number(when, "cash flow") for _, when, _ in pairs]
    if kind == "years":
        times, kind = [12 * each for each in times], "months"
    a_year = {"days": YEAR_DAYS, "months": 12, "steps": None}[kind]
    return _scaled([(time, flow[2]) for time, flow in zip(times, pairs, strict=True)]), a_year


MONTHLY = {"month", "months", "1 month", "1 months", "monthly"}


def _pair(flow: Any) -> tuple[str, Any, Any]:
    """Return (kind of time, time, amount) of one cash flow."""
    if isinstance(flow, list) and len(flow) == 2:
        return ("dates" if "-" in str(flow[0])[1:] else "days"), flow[0], flow[1]
    if isinstance(flow, dict) and len(flow) == 2:
        when, amount = set(flow) & set(WHEN), set(flow) & AMOUNTS
        if len(when) == len(amount) == 1:
            name = when.pop()
            return WHEN[name], flow[name], flow[amount.pop()]
    raise NotExpressible(f"cash flow {flow!r} is not understood")


def _scaled(flows: list[tuple[Fraction, Any]]) -> list[tuple[int, int]]:
    """Return cash flows in whole numbers: whole steps, amounts in the smallest unit they need."""
    amounts = [number(amount, "cash flow") for _, amount in flows]
    if any(time.denominator != 1 or time < 0 for time, _ in flows):
        raise NotExpressible("cash flows at parts of a step, or before the first")
    unit = 1
    for amount in amounts:
        unit = max(unit, amount.denominator)
    scaled = [amount * unit for amount in amounts]
    if any(amount.denominator != 1 for amount in scaled):
        raise NotExpressible("cash flows that are no decimal numbers")
    return [(int(time), int(amount)) for (time, _), amount in zip(flows, scaled, strict=True)]
