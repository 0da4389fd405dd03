"""What a vector of a loan says, read strictly: a word that is not known is never passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.errors import nearest
from core.lending.schedule import MONTH, Period, Tranche, Unit
from core.money import Rounding
from core.products import DayCount, Method
from scenarios.conformance.figures import day, fen, number, whole
from scenarios.conformance.outcome import NotExpressible

if TYPE_CHECKING:
    from datetime import date
    from fractions import Fraction

# What a vector may say. The first group changes what is computed or compared.
FIELDS = {
    *("method", "principal", "annual_rate_pct", "periods", "period", "day_count", "rounding"),
    *("disbursements", "emi_rate", "emi_multiple", "money_multiple", "principal_grace"),
    *("interest_deferred_periods", "fixed_payment", "segments", "cash_flows", "payment"),
    *("expected_rows", "expected_totals", "partial_rows", "verification", "use", "days"),
    *("first_due_date", "first_repayment_date", "payoff_date", "payoff", "payments"),
}
REMARKS = {
    *("id", "title", "about", "source", "provenance", "note", "notes", "comment", "comments"),
    *("licence", "currency", "confidence", "family", "tags", "url", "description"),
}
FIRST_DUE = ("first_due_date", "first_repayment_date")

# What a method's name says, the first phrase that stands in it; beside it only words of MODIFIERS.
KINDS = {
    "flat": "flat",
    "equal_principal": "equal_principal",
    "dengebenjin": "equal_principal",
    "equal_instalment": "equal_instalment",
    "dengebenxi": "equal_instalment",
    "fixed_payment": "equal_instalment",
    "annuity": "equal_instalment",
    "emi": "equal_instalment",
    "pmt": "equal_instalment",
    "cumulative_interest": "equal_instalment",
    "cumulative_principal": "equal_instalment",
    "bullet": "bullet",
    "interest_only": "bullet",
    "simple_interest": "simple",
    "daily_interest": "simple",
    "penalty_interest": "simple",
    "irr": "rate",
    "xirr": "rate",
    "apr": "rate",
    "annual_percentage_rate": "rate",
    "effective_rate": "rate",
    "effective_annual_rate": "rate",
}
SPELLINGS = {"instalments": "instalment", "installment": "instalment", "installments": "instalment"}
MODIFIERS = {
    *("equal", "instalment", "payment", "multi", "disbursement", "disbursements", "tranches"),
    *("unrounded", "summary", "early", "payoff", "principal", "grace", "interest", "deferred"),
    *("daily", "penalty", "cumulative", "by", "days", "months", "excel"),
}

PERIOD = re.compile(r"(\d+)?\s*(month|week|day|quarter|year)(?:s|ly)?", re.ASCII)
UNITS = {
    "month": (1, Unit.MONTHS),
    "quarter": (3, Unit.MONTHS),
    "year": (12, Unit.MONTHS),
    "week": (1, Unit.WEEKS),
    "day": (1, Unit.DAYS),
}
# A day count as sources write it, blanks left out, and the rules that it may mean.
DAY_COUNTS: tuple[tuple[str, tuple[DayCount, ...]], ...] = (
    (r"1/12.*|annual/12|monthly", (DayCount.MONTHLY,)),
    (r"(act|actual)/(act|actual).*start.*", (DayCount.ACT_ACT_START,)),
    (r"(act|actual)/(act|actual).*", (DayCount.ACT_ACT_31DEC, DayCount.ACT_ACT)),
    (r"(act|actual|k|days)/365.*", (DayCount.ACT_365,)),
    (r"(act|actual|k|days)/360.*", (DayCount.ACT_360,)),
    (r"(7\*k|act|actual|days)/364.*", (DayCount.ACT_364,)),
    # Fineract's 30/360 gives every period its months and splits one by actual days.
    (r"30e?/360.*", (DayCount.MONTHLY, DayCount.THIRTY_360)),
    (r"dailyrategiven.*", ()),
)


class Use(StrEnum):
    """Whether a vector's figures are to be reached, or published as wrong and not to be."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


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
    day_counts: tuple[DayCount, ...] = (DayCount.MONTHLY,)
    tranches: tuple[Tranche, ...] = ()
    first_due: date | None = None
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
    for name, value in raw.items():
        if name not in FIELDS | REMARKS and value not in (None, "", [], {}):
            raise NotExpressible(f"field {name!r} is not understood; {nearest(name, FIELDS)}")
    kind, words = kind_of(str(raw.get("method") or ""))
    case = Case(
        id=str(raw.get("id") or "?"),
        use=_use(raw),
        kind=kind,
        raw=raw,
        words=words,
        rows=_rows(raw.get("expected_rows")),
        totals=_table(raw.get("expected_totals"), "expected_totals"),
        partial=bool(raw.get("partial_rows")) or "summary" in words,
    )
    if raw.get("payment") is not None:
        case.totals = {**case.totals, "payment": raw["payment"]}
    if not case.rows and not case.totals:
        raise NotExpressible("it asserts no figure")
    case.accepted = _accepted(raw, case.notes)
    if kind != "rate":
        _read_loan(case)
    return case


def kind_of(method: str) -> tuple[str, set[str]]:
    """Return the kind of a method's name and its words.

    Raises:
        NotExpressible: the name, or a word of it, is unknown.
    """
    words = [SPELLINGS.get(word, word) for word in re.split(r"[_\s-]+", method.lower()) if word]
    name = f"_{'_'.join(words)}_"
    for phrase, kind in KINDS.items():
        if f"_{phrase}_" in name:
            strangers = set(words) - set(phrase.split("_")) - MODIFIERS
            if strangers:
                word = min(strangers)
                raise NotExpressible(f"method {method!r}: the word {word!r} is not understood")
            return kind, set(words)
    raise NotExpressible(f"method {method!r} is unknown; {nearest(method, KINDS)}")


def _use(raw: dict[str, Any]) -> Use:
    try:
        return Use(raw.get("use") or Use.POSITIVE)
    except ValueError:
        raise NotExpressible(f"use {raw['use']!r} is neither positive nor negative") from None


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
    case.periods = whole(raw.get("periods"), "periods")
    case.period = period_of(raw.get("period"))
    case.day_counts = day_counts_of(raw.get("day_count"))
    case.tranches = _tranches(raw.get("disbursements") or [])
    drawn_fen = sum(tranche.amount_fen for tranche in case.tranches)
    if case.tranches and drawn_fen != case.principal_fen:
        raise NotExpressible(f"disbursements of {drawn_fen} fen for {case.principal_fen} fen")
    for name in FIRST_DUE:
        if raw.get(name) is not None:
            case.first_due = day(raw[name], name)
    if raw.get("emi_rate") not in (None, "1/12"):
        raise NotExpressible(f"emi_rate {raw['emi_rate']!r} is not understood; '1/12' is")


def period_of(text: Any) -> Period:
    """Return the time between rows, a month where nothing is said.

    Raises:
        NotExpressible: it is not understood.
    """
    if text is None:
        return MONTH
    told = PERIOD.fullmatch(str(text).strip().lower().replace("daily", "day"))
    if told is None:
        raise NotExpressible(f"period {text!r} is not understood; write '1 month' or '15 days'")
    times, unit = UNITS[told[2]]
    return Period(int(told[1] or 1) * times, unit)


def day_counts_of(text: Any) -> tuple[DayCount, ...]:
    """Return the rules that a day count may mean: a twelfth a month where nothing is said.

    Raises:
        NotExpressible: it is not understood.
    """
    if text is None:
        return (DayCount.MONTHLY,)
    plain = re.sub(r"\s", "", str(text)).lower()
    for pattern, rules in DAY_COUNTS:
        if re.fullmatch(pattern, plain):
            return rules
    raise NotExpressible(f"day_count {text!r} is not understood")


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
