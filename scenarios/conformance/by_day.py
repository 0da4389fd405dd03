"""Interest by the day (按日计息): balance x daily rate x days, as worked examples have it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from core.money import Rounding
from scenarios.conformance.answers import Answer
from scenarios.conformance.figures import fen, number, rounded, whole
from scenarios.conformance.outcome import NotExpressible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenarios.conformance.vector import Case

YEAR = re.compile(r"\b36[0-6]\b")


def by_day(case: Case) -> Iterator[Answer]:
    """Give balance x daily rate x days, rounded segment by segment or once.

    Raises:
        NotExpressible: something of it is not understood.
    """
    segments = case.raw.get("segments")
    if segments is None:
        segments = [{"balance": case.raw.get("principal"), "days": case.raw.get("days")}]
    if not isinstance(segments, list) or not all(isinstance(each, dict) for each in segments):
        raise NotExpressible("segments is no list of tables")
    # An annual rate has a daily one by every year that the source speaks of: 360, 365, or both.
    years = sorted({int(year) for year in YEAR.findall(str(case.raw.get("day_count")))})
    for year in years or [0]:
        exact = [_segment(case, each, year) for each in segments]
        for rounding in Rounding:
            yield from _rounded(case, exact, rounding, f", annual/{year}" if year else "")


def _rounded(
    case: Case, exact: list[tuple[Fraction, int, Fraction]], rounding: Rounding, words: str
) -> Iterator[Answer]:
    """Give the two ways to round what segments come to."""
    rows: list[dict[str, Any]] = [
        {"n": n, "days": days, "balance": balance, "interest": rounded(cost, 2, rounding)}
        for n, (balance, days, cost) in enumerate(exact, 1)
    ]
    each = sum(row["interest"] for row in rows)
    once = rounded(sum((cost for _, _, cost in exact), start=Fraction(0)), 2, rounding)
    for interest, how in ((each, "each segment rounded"), (once, "rounded once")):
        principal = Fraction(case.principal_fen, 100)
        totals = {"interest": interest, "principal": principal, "total": principal + interest}
        yield Answer(f"{rounding.name}, {how}{words}", rows, {**totals, "penalty": interest})


def _segment(case: Case, segment: dict[str, Any], year: int) -> tuple[Fraction, int, Fraction]:
    """Return (balance, days, exact interest) of one segment."""
    known = {"balance", "daily_rate", "daily_rate_pct", "annual_rate_pct", "days", "note"}
    if strangers := set(segment) - known:
        raise NotExpressible(f"segment {min(strangers)!r} is not understood")
    balance = Fraction(fen(segment.get("balance"), "segment balance"), 100)
    days = whole(segment.get("days"), "segment days")
    return balance, days, balance * days * _daily_rate(case, segment, year)


def _daily_rate(case: Case, segment: dict[str, Any], year: int) -> Fraction:
    if segment.get("daily_rate") is not None:
        return number(segment["daily_rate"], "daily_rate")
    if segment.get("daily_rate_pct") is not None:
        return number(segment["daily_rate_pct"], "daily_rate_pct") / 100
    annual = case.rate
    if segment.get("annual_rate_pct") is not None:
        annual = number(segment["annual_rate_pct"], "annual_rate_pct") / 100
    if annual is None or not year:
        raise NotExpressible("a segment without a daily rate, or an annual one and its days a year")
    return annual / year
