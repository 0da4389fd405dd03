"""Rates of cash flows: a rate a step (IRR), or annualised by months or by days (APR)."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

from core.lending.pricing import YEAR_DAYS
from core.lending.spans import OVER
from scenarios.conformance.answers import Answer, rate_names
from scenarios.conformance.figures import day, number
from scenarios.conformance.outcome import NotExpressible

if TYPE_CHECKING:
    from scenarios.conformance.answers import Flows
    from scenarios.conformance.vector import Case

WHEN = {
    **dict.fromkeys(("date", "dates", "on"), "dates"),
    **dict.fromkeys(("day", "days", "t_days"), "days"),
    **dict.fromkeys(("month", "months"), "months"),
    **dict.fromkeys(("year", "years"), "years"),
    **dict.fromkeys(("period", "n"), "steps"),
}
AMOUNTS = {"amount", "cash_flow", "value"}
MONTHLY = {"month", "months", "1 month", "1 months", "monthly"}


def rate(case: Case) -> Answer:
    """Return the internal rate of return of cash flows: even steps, months, days or dates.

    Raises:
        NotExpressible: something of it is not understood.
        InputError: no rate makes the payments worth the payout.
    """
    flows = case.raw.get("cash_flows")
    if not isinstance(flows, list) or not flows:
        raise NotExpressible("a rate without cash_flows")
    steps, a_year = _steps(flows, case)
    reading = {None: "a rate a step", 12: "by months"}.get(a_year, f"by days/{a_year}")
    return Answer(reading, [], rate_names(steps, a_year), shown=0)


def _steps(flows: list[Any], case: Case) -> Flows:
    """Return cash flows as (whole step, amount), and how many steps make a year."""
    pairs = [_pair(flow) for flow in _joined(flows, case)]
    kinds = {kind for kind, _, _ in pairs}
    if len(kinds) != 1:
        raise NotExpressible(f"cash flows by {' and '.join(sorted(kinds))}")
    kind = kinds.pop()
    if kind == "dates":
        dates = [day(when, "cash flow") for _, when, _ in pairs]
        kind, times = "days", [Fraction((each - min(dates)).days) for each in dates]
    else:
        times = [number(when, "cash flow") for _, when, _ in pairs]
    if kind == "years":
        kind, times = "months", [12 * each for each in times]
    amounts = [amount for _, _, amount in pairs]
    return _scaled(times, amounts), {"days": _year(case), "months": 12, "steps": None}[kind]


def _joined(flows: list[Any], case: Case) -> list[Any]:
    """Return bare amounts with their times: from a list beside them, or one after the other."""
    if any(isinstance(flow, dict | list) for flow in flows):
        return flows
    for name in ("days", "dates", "months"):
        times = case.raw.get(name)
        if times is not None:
            if not isinstance(times, list) or len(times) != len(flows):
                raise NotExpressible(f"{name} is no list as long as cash_flows")
            return [{name: when, "amount": flow} for when, flow in zip(times, flows, strict=True)]
    told = str(case.raw.get("period") or "").strip().lower()
    if told and told not in MONTHLY:
        raise NotExpressible(f"cash flows every {told!r}: give their days or dates")
    name = "month" if told else "period"
    return [{name: index, "amount": flow} for index, flow in enumerate(flows)]


def _year(case: Case) -> int:
    """Return the days of the year that an annual rate is for."""
    years = [OVER[rule] for rule in case.day_counts if rule in OVER]
    if case.day_counts and len(years) != 1:
        raise NotExpressible(f"day_count {case.raw['day_count']!r} for cash flows by days")
    return years[0] if years else YEAR_DAYS


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


def _scaled(times: list[Fraction], amounts: list[Any]) -> list[tuple[int, int]]:
    """Return cash flows in whole numbers: whole steps, amounts in the smallest unit they need."""
    exact = [number(amount, "cash flow") for amount in amounts]
    if any(time.denominator != 1 or time < 0 for time in times):
        raise NotExpressible("cash flows at parts of a step, or before the first")
    unit = lcm(*(amount.denominator for amount in exact))
    return [(int(time), int(amount * unit)) for time, amount in zip(times, exact, strict=True)]
