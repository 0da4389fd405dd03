"""The words of a vector: names of methods, periods and day counts, and what each may mean."""

from __future__ import annotations

import re
from typing import Any

from core.errors import nearest
from core.lending.schedule import MONTH, Period, Unit
from core.products import DayCount
from scenarios.conformance.outcome import NotExpressible

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
    "penalty": "simple",
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
    (
        r"(act|actual)/(act|actual).*",
        (DayCount.ACT_ACT_START, DayCount.ACT_ACT_31DEC, DayCount.ACT_ACT),
    ),
    (r"(act|actual|k|days|annual)/365.*", (DayCount.ACT_365,)),
    (r"(act|actual|k|days|annual)/360.*", (DayCount.ACT_360,)),
    (r"(7\*k|act|actual|days)/364.*", (DayCount.ACT_364,)),
    # Fineract's 30/360 gives every period its months and splits one by actual days.
    (r"30e?/360.*", (DayCount.MONTHLY, DayCount.THIRTY_360)),
)


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
