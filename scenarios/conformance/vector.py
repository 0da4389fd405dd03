"""What a vector of a loan says, read strictly: a word that is not known is never passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import nearest
from core.lending.schedule import MONTH, Tranche
from core.money import Rounding
from core.products import Method
from scenarios.conformance.figures import day, fen, number, whole
from scenarios.conformance.outcome import NotExpressible
from scenarios.conformance.words import day_counts_of, kind_of, period_of

if TYPE_CHECKING:
    from datetime import date
    from fractions import Fraction

    from core.lending.schedule import Period
    from core.products import DayCount

# What a vector may say, by its kind; what it says beside that is not passed over.
COMMON = {
    *("method", "principal", "annual_rate_pct", "periods", "period", "day_count", "rounding"),
    *("expected_rows", "expected_totals", "partial_rows", "verification", "use", "disbursements"),
}
SCHEDULE = {
    *("emi_rate", "emi_multiple", "money_multiple", "principal_grace", "fixed_payment", "payment"),
    *("interest_deferred_periods", "first_due_date", "first_repayment_date", "payoff", "payments"),
}
# An early pay-off goes by many names: one day, or the payments of which the last settles.
PAYOFF = re.compile(r"(early_)?pay_?off(_date|_on)?|early_repayments?|(pre|re)?payments")
FIELDS = {
    "simple": COMMON | {"segments", "days"},
    "rate": COMMON | {"cash_flows", "days", "dates", "months"},
}
REMARKS = {
    *("id", "title", "about", "source", "provenance", "note", "notes", "comment", "comments"),
    *("licence", "currency", "confidence", "family", "tags", "url", "description"),
}
FIRST_DUE = ("first_due_date", "first_repayment_date")


class Use(StrEnum):
    """Whether a vector's figures are to be reached, or published as wrong and not to be."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


class Payoff(NamedTuple):
    """The day on which a loan is paid off early, and what was paid before it, row by row."""

    on: date
    earlier: tuple[Tranche, ...]


@dataclass(slots=True)
class Case:
    """One vector, understood. Amounts are fen, the rate a part of one a year."""

    id: str
    use: Use
    kind: str
    raw: dict[str, Any]
    words: set[str]
    rows: list[dict[str, Any]]
    totals: dict[str, Any]
    partial: bool
    principal_fen: int = 0
    rate: Fraction | None = None
    periods: int = 0
    period: Period = MONTH
    day_counts: tuple[DayCount, ...] = ()
    tranches: tuple[Tranche, ...] = ()
    first_due: date | None = None
    payoff: Payoff | None = None
    accepted: list[tuple[Rounding, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def method(self) -> Method:
        """How it is repaid, where it is a schedule."""
        return Method(self.kind)

    @property
    def display_only(self) -> bool:
        """Whether nothing is rounded inside the schedule."""
        text = str(self.raw.get("rounding") or "").lower()
        return "unrounded" in self.words or "display only" in text

    def amount_fen(self, name: str) -> int:
        """Return an amount of the vector, 0 where it has none."""
        value = self.raw.get(name)
        return 0 if value is None else fen(value, name)

    def count(self, name: str) -> int:
        """Return a count of the vector, 0 where it has none."""
        value = self.raw.get(name)
        return 0 if value is None else whole(value, name)


def read(raw: dict[str, Any]) -> Case:
    """Return what a vector says.

    Raises:
        NotExpressible: a field, a method or a value that is not understood.
    """
    kind, words = kind_of(str(raw.get("method") or ""))
    fields = FIELDS.get(kind, COMMON | SCHEDULE)
    for name, value in raw.items():
        if (
            name not in fields | REMARKS
            and not _is_payoff(name, kind)
            and value not in (None, "", [], {})
        ):
            raise NotExpressible(f"field {name!r} is not understood here; {nearest(name, fields)}")
    case = Case(
        id=str(raw.get("id") or "?"),
        use=_use(raw),
        kind=kind,
        raw=raw,
        words=words,
        rows=_rows(raw.get("expected_rows")),
        totals=_table(raw.get("expected_totals"), "expected_totals"),
        partial=bool(raw.get("partial_rows")) or "summary" in words or not raw.get("expected_rows"),
    )
    if raw.get("payment") is not None:
        case.totals = {**case.totals, "payment": raw["payment"]}
    if not case.rows and not case.totals:
        raise NotExpressible("it asserts no figure")
    case.accepted = _accepted(raw, case.notes)
    case.payoff = _payoff(case) if kind in set(Method) else None
    if kind in set(Method) or (kind == "rate" and raw.get("day_count") is not None):
        case.day_counts = day_counts_of(raw.get("day_count"))
    if kind != "rate":
        _read_loan(case)
    return case


def _use(raw: dict[str, Any]) -> Use:
    try:
        return Use(raw.get("use") or Use.POSITIVE)
    except ValueError:
        raise NotExpressible(f"use {raw['use']!r} is neither positive nor negative") from None


def _is_payoff(name: str, kind: str) -> bool:
    return kind in set(Method) and PAYOFF.fullmatch(name) is not None


def _payoff(case: Case) -> Payoff | None:
    """Return the early pay-off of a vector; its amount, if told, is a figure to be reached."""
    told = [case.raw[name] for name in case.raw if PAYOFF.fullmatch(name) and case.raw[name]]
    if not told:
        if "payoff" in case.words:
            raise NotExpressible("an early pay-off without its date")
        return None
    paid = told[0] if isinstance(told[0], list) else [told[0]]
    if len(told) > 1 or any(isinstance(each, list) for each in paid):
        raise NotExpressible("an early pay-off that is told twice")
    days = [each if isinstance(each, dict) else {"date": each} for each in paid]
    for each in days:
        if strangers := set(each) - {"date", "on", "amount"}:
            raise NotExpressible(f"payment {min(strangers)!r} is not understood")
    dates = [day(each.get("date") or each.get("on"), "payment") for each in days]
    if (amount := days[-1].get("amount")) is not None:
        case.totals = {**case.totals, "payoff": amount}
    earlier = zip(dates[:-1], days[:-1], strict=True)
    rows = tuple(Tranche(on, fen(each.get("amount"), "payment")) for on, each in earlier)
    return Payoff(dates[-1], rows)


def _rows(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise NotExpressible("expected_rows is no list of tables")
    return value


def _table(value: Any, place: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotExpressible(f"{place} is no table")
    return {name: figure for name, figure in value.items() if figure is not None}


def _accepted(raw: dict[str, Any], notes: list[str]) -> list[tuple[Rounding, bool]]:
    """Return the conventions that the vector accepts: rounding, and whether it is levelled."""
    told = (raw.get("verification") or {}).get("accepted_conventions") or ()
    found = []
    for text in told:
        rounding, _, levelling = str(text).partition("+")
        if rounding.lower() in set(Rounding) and levelling in ("", "emi_levelling"):
            found.append((Rounding(rounding.lower()), bool(levelling)))
        else:
            notes.append(f"accepted convention {text!r} is not understood, and left out")
    if told and not found:
        raise NotExpressible("none of its accepted conventions is understood")
    return found


def _read_loan(case: Case) -> None:
    """Read what a schedule is made from."""
    raw = case.raw
    case.principal_fen = fen(raw.get("principal"), "principal")
    if raw.get("annual_rate_pct") is not None:
        case.rate = number(raw["annual_rate_pct"], "annual_rate_pct") / 100
    if case.kind in set(Method):
        case.periods = whole(raw.get("periods"), "periods")
    case.period = period_of(raw.get("period"))
    case.tranches = _tranches(raw.get("disbursements") or [])
    drawn_fen = sum(tranche.amount_fen for tranche in case.tranches)
    if case.tranches and drawn_fen != case.principal_fen:
        raise NotExpressible(f"disbursements of {drawn_fen} fen for {case.principal_fen} fen")
    for name in FIRST_DUE:
        if raw.get(name) is not None:
            case.first_due = day(raw[name], name)
    if raw.get("emi_rate") not in (None, "1/12"):
        raise NotExpressible(f"emi_rate {raw['emi_rate']!r} is not understood; '1/12' is")


def _tranches(value: Any) -> tuple[Tranche, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise NotExpressible("disbursements is no list of tables")
    for each in value:
        if strangers := set(each) - {"date", "amount"}:
            raise NotExpressible(f"disbursement {min(strangers)!r} is not understood")
    return tuple(
        Tranche(day(each.get("date"), "disbursement"), fen(each.get("amount"), "disbursement"))
        for each in value
    )
