"""What a schedule is made from: the convention of a lender, the tranches, and the row that results.

Amounts are fen. A rate inside the engine is an exact fraction a year, since published rates such
as 9.4822 % are finer than the millionths that our own prices have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from core.money import Rounding
from core.products import DayCount, Method, Roll

if TYPE_CHECKING:
    from datetime import date

    from core.calendar import Calendar
    from core.products import Product

# A date takes one of 31 places in a month, and a term of a century is a slip of the pen.
DUE_DAY_MAX, ROWS_MAX = 31, 1_200


class Unit(StrEnum):
    """What the time between two rows is counted in."""

    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Period:
    """The time from row to row: 1 month, 2 weeks, 15 days."""

    count: int = 1
    unit: Unit = Unit.MONTHS


MONTH = Period()


@dataclass(slots=True)
class Row:
    """One instalment as agreed. ``balance_fen`` is the principal left after it.

    A tranche paid out on the row's due date comes after the instalment and is in the balance.
    """

    number: int
    due: date
    principal_fen: int
    interest_fen: int
    balance_fen: int

    @property
    def total_fen(self) -> int:
        """Principal and interest together."""
        return self.principal_fen + self.interest_fen


@dataclass(frozen=True, slots=True)
class Convention:
    """What lenders do differently with the same terms. The defaults are ours (corebank.md 2.1).

    ``multiple_fen`` rounds what is level, the instalment or (EQUAL_PRINCIPAL) its principal, to
    whole units; ``money_multiple_fen`` rounds every amount. ``due_day`` is the day of the month on
    which rows fall, 0 for that of the payout; a short month clamps it and the next one returns to
    it (31 Jan, 28 Feb, 31 Mar). ``first_due`` makes the first period an odd one, long or short;
    an odd period bears interest by the day.

    ``level_on_twelfths`` solves the instalment on annual/12 while the rows count by ``day_count``,
    and the last row takes the difference. ``levelled`` spreads the last row's gap over the equal
    instalments where that makes it smaller (Fineract's progressive loans).

    ``grace_rows`` pay interest alone. The interest of ``deferred_rows`` is due with the row after
    them and bears nothing meanwhile; what accrues when is not moved by that.
    ``flat_rest_last`` (FLAT): the loan's interest is rounded once and the last row takes the rest.

    ``roll`` moves a due date that nobody works on. The interest stays with the unmoved date, so
    that holidays change no instalment; with ``interest_rolls`` it runs to the day of payment, as
    contracts between banks have it. Working days come from ``calendar``, by default the State
    Council's, which knows published years only.

    Raises:
        InputError: a figure that no convention can have.
    """

    rounding: Rounding = Rounding.HALF_UP
    multiple_fen: int = 1
    due_day: int = 0
    money_multiple_fen: int = 1
    day_count: DayCount = DayCount.MONTHLY
    period: Period = MONTH
    level_on_twelfths: bool = False
    levelled: bool = False
    grace_rows: int = 0
    deferred_rows: int = 0
    flat_rest_last: bool = False
    first_due: date | None = None
    roll: Roll = Roll.NONE
    interest_rolls: bool = False
    calendar: Calendar | None = None
    # Whether rows are a month apart and nothing above moves them: most loans, and a fast way.
    plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, least, most in (
            ("multiple_fen", 1, None),
            ("due_day", 0, DUE_DAY_MAX),
            ("money_multiple_fen", 1, None),
            ("grace_rows", 0, None),
            ("deferred_rows", 0, None),
        ):
            value = getattr(self, name)
            if value < least or (most is not None and value > most):
                remedy = f"it is at least {least}" + (f", at most {most}" if most else "")
                raise InputError(f"convention {name}", f"{value} cannot be", remedy)
        self._check_period()
        odd = (
            self.money_multiple_fen > 1 or self.levelled or self.grace_rows or self.deferred_rows
        ) or (self.flat_rest_last or self.first_due or self.roll is not Roll.NONE)
        by_month = self.day_count is DayCount.MONTHLY and self.period == MONTH
        object.__setattr__(self, "plain", by_month and not odd)

    def _check_period(self) -> None:
        count, unit = self.period.count, self.period.unit
        if count < 1:
            raise InputError("convention period", f"{count} {unit} cannot be", "1 at least")
        if unit is not Unit.MONTHS and (self.roll is not Roll.NONE or self.due_day):
            # In January 2020 two Fridays of one holiday would have rolled to the same Monday.
            problem = f"rows every {count} {unit} have no due day and roll onto each other"
            raise InputError("convention period", problem, "take months")
        if unit is not Unit.MONTHS and self.level_on_twelfths:
            problem = f"a twelfth of a year is no period of {count} {unit}"
            raise InputError("convention level_on_twelfths", problem, "take months")


OURS = Convention()


def convention_of(product: Product, calendar: Calendar | None = None) -> Convention:
    """Return the convention of a product's drawdowns; ``calendar`` tells its working days.

    The product's table has no imports from here (products stand below lending), so it holds plain
    values and they become a convention where schedules are made.
    """
    rows = product.repayment
    return _agreed(
        rows.rounding,
        rows.multiple_fen,
        rows.due_day,
        rows.day_count,
        rows.grace_rows,
        rows.roll,
        calendar,
    )


@lru_cache(maxsize=256)
def _agreed(  # noqa: PLR0913, PLR0917  these fields make up a convention
    rounding: Rounding,
    multiple_fen: int,
    due_day: int,
    day_count: DayCount,
    grace_rows: int,
    roll: Roll,
    calendar: Calendar | None,
) -> Convention:
    return Convention(
        rounding=rounding,
        multiple_fen=multiple_fen,
        due_day=due_day,
        day_count=day_count,
        grace_rows=grace_rows,
        roll=roll,
        calendar=calendar,
    )


class Tranche(NamedTuple):
    """One payout of a loan that is paid out in parts."""

    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Terms:
    """A loan in full: any rate, any number of tranches, any convention.

    ``rate`` is a part of one a year, of all that was paid out for FLAT, else of the balance.
    ``start`` is where the first period begins, which is the day of the first tranche unless the
    calendar of rows begins before the money. A later tranche makes what is level anew over the
    rows left; its row bears interest on each balance for its days. ``fixed_fen`` is an instalment
    that is agreed and not solved; the last row takes what it leaves.

    Raises:
        InputError: what no loan can have.
    """

    method: Method
    rate: Fraction
    start: date
    rows: int
    tranches: tuple[Tranche, ...]
    convention: Convention = OURS
    fixed_fen: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= ROWS_MAX:
            raise InputError("loan rows", f"{self.rows} cannot be", f"1 to {ROWS_MAX}")
        if self.rate < 0 or self.fixed_fen < 0:
            raise InputError("loan", "a negative rate or instalment", "give the amount itself")
        if any(amount_fen < 0 for _, amount_fen in self.tranches):
            raise InputError("tranche", "a negative payout", "give what is paid out")
        if self.convention.grace_rows >= self.rows:
            problem = f"{self.convention.grace_rows} rows of grace in a loan of {self.rows}"
            raise InputError("convention grace_rows", problem, "leave a row that repays")
        if self.convention.deferred_rows >= self.rows:
            problem = f"{self.convention.deferred_rows} rows deferred in a loan of {self.rows}"
            raise InputError("convention deferred_rows", problem, "leave a row that pays")
        if self.fixed_fen and self.method is not Method.EQUAL_INSTALMENT:
            raise InputError("loan", f"method {self.method} has no instalment to fix", "leave it")
