"""The loan products: each bank's own terms, price, admission and checks, one file each.

A product that contradicts itself or the law is not read: ``CONTRADICTIONS`` is the table of
what cannot stand together. Amounts are fen, rates millionths a year; ``spread_bp`` alone is
basis points over the one-year LPR, as banks quote it.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from core.annuity import MONTH_PPM, annuity, flat_exceeds
from core.banks import DATA, require_named_after, toml_files
from core.config import Strict, read_toml
from core.errors import InputError, nearest
from core.money import Rounding, lpr_ppm, yuan
from core.policies import Policy, added_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.banks import Bank

PRODUCTS = DATA / "products"

RATINGS = ("A", "B", "C", "D", "E")
CONSUMER_LINE_MAX_FEN = 20_000_000  # CBIRC order 2020 No.9: an unsecured consumer line
BULLET_MONTHS_MAX = 12  # the same order: principal repaid in one sum
LPR_MULTIPLE_MAX = 4  # the supreme court's line of 2020-08-20, taken as the cap for all here
SURCHARGE_PCT = (30, 50)  # 银发〔2003〕251号, overdue


class Kind(StrEnum):
    """What the money is for: consumption (消费), or the trade of one person (个人经营)."""

    CONSUMER = "consumer"
    BUSINESS = "business"


class Method(StrEnum):
    """How a drawdown is repaid."""

    EQUAL_INSTALMENT = "equal_instalment"  # 等额本息
    EQUAL_PRINCIPAL = "equal_principal"  # 等额本金
    BULLET = "bullet"  # 先息后本: interest every month, principal with the last row
    DAILY = "daily"  # 随借随还: interest by the day, settled monthly; principal any time
    FLAT = "flat"  # 等本等息: every row's interest is on the whole principal


class DayCount(StrEnum):
    """Which part of a year a row's interest is for."""

    MONTHLY = "monthly"  # annual/12 a month; odd days at annual/360 (PBOC: daily x 30 = monthly)
    ACT_360 = "act_360"  # the days there are, over 360
    ACT_364 = "act_364"  # over 364: a week is a 52nd of a year
    ACT_365 = "act_365"  # over 365, in a leap year too
    ACT_ACT = "act_act"  # over 365 or 366, each day in the year in which it begins
    ACT_ACT_31DEC = "act_act_31dec"  # each day in the year in which it ends (Apache Fineract)
    ACT_ACT_START = "act_act_start"  # all days over the length of the year the row begins in
    THIRTY_360 = "thirty_360"  # every month has 30 days, over 360 (30E/360)


class Roll(StrEnum):
    """Where a due date goes that nobody works on."""

    NONE = "none"
    FOLLOWING = "following"  # the next working day (顺延)
    MODIFIED_FOLLOWING = "modified_following"  # likewise, but never into the next month
    PRECEDING = "preceding"  # the working day before


class Area(StrEnum):
    """Whom the bank may lend to: its own county's people, the union's, or anybody."""

    COUNTY = "county"
    UNION = "union"
    ANY = "any"


Fen = Annotated[int, Field(gt=0)]
Ppm = Annotated[int, Field(ge=0)]


def _every_rating(table: dict[str, int]) -> dict[str, int]:
    for rating in table:
        if rating not in RATINGS:
            raise InputError(rating, "is no rating", "give A to E")
    for rating in RATINGS:
        if rating not in table:
            raise InputError(rating, "is missing", "give every rating, A to E")
    return table


ByRating = Annotated[dict[str, Annotated[int, Field(ge=0)]], AfterValidator(_every_rating)]


class Pricing(Strict):
    """LPR plus the rating's spread, between floor and cap; what an overdue fen costs on top."""

    floor_ppm: Ppm
    cap_ppm: Ppm
    overdue_surcharge_pct: int
    spread_bp: ByRating


class Admission(Strict):
    """Who may apply. ``village_grade_min`` is "" where no village grade is asked for."""

    needs_credit_file: bool
    inquiries_3m_max: Annotated[int, Field(ge=0)]
    worst_overdue_24m_max: Annotated[int, Field(ge=0, le=7)]
    lenders_asked_max: Annotated[int, Field(ge=0)]
    social_insurance_months_min: Annotated[int, Field(ge=0)]
    village_grade_min: Literal["", "A", "B", "C", "D"]
    relationship_months_min: Annotated[int, Field(ge=0)]
    score_min: Annotated[int, Field(ge=300, le=900)]


class LineRules(Strict):
    """How large a line is: so many monthly incomes by rating, within what the debt service bears.

    ``service_months``: a revolving line is reckoned as repaid over so many months when its
    monthly burden is held against ``debt_service_ppm`` of the income.
    """

    income_multiple_ppm: ByRating  # 20_000_000 is twenty monthly incomes
    debt_service_ppm: Annotated[int, Field(gt=0, le=1_000_000)]
    service_months: Annotated[int, Field(gt=0, le=360)]


AllocationOrder = Literal["by_kind", "row_by_row", "principal_first"]


class Repayment(Strict):
    """How a drawdown is repaid; left out, as everybody else's.

    Plain values: core/lending/convention.py and conditions.py say what they mean.
    """

    due_day: Annotated[int, Field(ge=0, le=31)] = 0  # 0: the day of the payout
    grace_rows: Annotated[int, Field(ge=0)] = 0  # rows that pay interest alone
    multiple_fen: Annotated[int, Field(ge=1)] = 1  # what is level is a multiple of so many fen
    rounding: Annotated[Rounding, Field(strict=False)] = Rounding.HALF_UP
    roll: Annotated[Roll, Field(strict=False)] = Roll.NONE
    day_count: Annotated[DayCount, Field(strict=False)] = DayCount.MONTHLY

    order: AllocationOrder = "by_kind"
    late_order: AllocationOrder = "by_kind"  # while something is more than 90 days late
    grace_days: Annotated[int, Field(ge=0, le=15)] = 0  # free of penalty, if paid within them
    prepay: Literal["smaller", "shorter"] = "smaller"  # what an early repayment makes of the rows
    collect_whole: bool = False  # take all that is due from the account, or nothing


class Product(Strict):
    """One product of one bank, as its file ``<id>.toml`` describes it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*-[a-z][a-z0-9]*$")]
    bank: str
    name: str
    english: str
    version: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_to: date

    kind: Annotated[Kind, Field(strict=False)]
    method: Annotated[Method, Field(strict=False)]
    months: Annotated[int, Field(gt=0)]  # the term of one drawdown
    line_valid_months: Annotated[int, Field(gt=0)]
    line_min_fen: Fen
    line_max_fen: Fen
    draw_min_fen: Fen
    age_min: Annotated[int, Field(ge=18)]
    age_max: Annotated[int, Field(le=75)]
    area: Annotated[Area, Field(strict=False)]
    policy: Policy = "source"
    added_checks: Annotated[tuple[str, ...], Field(strict=False)] = ()  # "apply:id_network"

    pricing: Pricing
    admission: Admission
    line: LineRules
    repayment: Repayment = Repayment()

    def offered(self, on: date) -> bool:
        """Whether the product is on sale on that date."""
        return self.valid_from <= on <= self.valid_to

    @property
    def terms(self) -> dict[str, Any]:
        """Everything that is not a name, an owner or a date: what makes it a product of its own."""
        return self.model_dump(
            exclude={"id", "bank", "name", "english", "version", "valid_from", "valid_to"}
        )

    @model_validator(mode="after")
    def _hold_together(self) -> Product:
        found = [error for rule in CONTRADICTIONS for error in rule(self)]
        if found:
            first, more = found[0], len(found) - 1
            problem = f"{first.problem} (and {more} more)" if more else first.problem
            raise InputError(first.place, problem, first.remedy)
        return self


def load_products(banks: dict[str, Bank], folder: Path = PRODUCTS) -> dict[str, Product]:
    """Return the products of a folder by id, in the order of their ids.

    Raises:
        InputError: a file is wrong, names an unknown bank, or copies another product's terms.
    """
    products: dict[str, Product] = {}
    seen: dict[str, str] = {}
    for path in toml_files(folder):
        bank = banks.get(path.stem.partition("-")[0])
        product = read_toml(path, Product, {"policy": bank.policy} if bank else None)
        require_named_after(path, product.id)
        if product.bank not in banks:
            problem = f"{product.bank!r} is no bank"
            raise InputError(f"{path}: bank", problem, nearest(product.bank, banks))
        other = seen.setdefault(repr(product.terms), product.id)
        if other != product.id:
            remedy = "each product differs in at least one term"
            raise InputError(str(path), f"the same terms as {other!r}", remedy)
        products[product.id] = product
    return products


def products_of(bank: str, products: dict[str, Product]) -> list[Product]:
    """Return one bank's products, by id."""
    return [product for product in products.values() if product.bank == bank]


# What cannot stand together. Each rule yields what it finds: the key, what is wrong, the remedy.


def _pct(rate_ppm: Fraction | int) -> str:
    return f"{float(rate_ppm) / 10_000:.6g} %"


def _owner(product: Product) -> Iterator[InputError]:
    if product.id.partition("-")[0] != product.bank:
        problem = f"{product.bank!r} does not own {product.id!r}"
        yield InputError("bank", problem, f"write {product.id.partition('-')[0]!r}")


def _order_of_bounds(product: Product) -> Iterator[InputError]:
    pairs = (
        ("valid_from", product.valid_from, "valid_to", product.valid_to),
        ("line_min_fen", product.line_min_fen, "line_max_fen", product.line_max_fen),
        ("draw_min_fen", product.draw_min_fen, "line_min_fen", product.line_min_fen),
        ("age_min", product.age_min, "age_max", product.age_max),
        ("pricing.floor_ppm", product.pricing.floor_ppm, "cap_ppm", product.pricing.cap_ppm),
    )
    for low_key, low, high_key, high in pairs:
        if low > high:  # type: ignore[operator]  # a pair is of one type
            yield InputError(low_key, f"{low} is above {high_key}, {high}", "swap or mend them")


def _consumer_law(product: Product) -> Iterator[InputError]:
    if product.kind is not Kind.CONSUMER:
        return
    if product.line_max_fen > CONSUMER_LINE_MAX_FEN:
        yield InputError(
            "line_max_fen",
            f"{yuan(product.line_max_fen)} yuan for a consumer, and an unsecured consumer line"
            f" may have {yuan(CONSUMER_LINE_MAX_FEN)} at most (CBIRC order 2020 No.9)",
            f"write at most {CONSUMER_LINE_MAX_FEN:_}",
        )
    if product.method in (Method.BULLET, Method.DAILY) and product.months > BULLET_MONTHS_MAX:
        yield InputError(
            "months",
            f"{product.months} with method {product.method.value!r}, and a consumer loan repaid"
            f" in one sum may run {BULLET_MONTHS_MAX} months (CBIRC order 2020 No.9)",
            f"write at most {BULLET_MONTHS_MAX}, or repay in instalments",
        )


def _ratings(product: Product) -> Iterator[InputError]:
    spreads, multiples = product.pricing.spread_bp, product.line.income_multiple_ppm
    for better, worse in pairwise(RATINGS):
        if spreads[better] > spreads[worse]:
            problem = f"rating {worse} pays less than {better}"
            yield InputError(f"pricing.spread_bp.{worse}", problem, "let the spread rise, A to E")
        if multiples[better] < multiples[worse]:
            problem = f"rating {worse} gets more than {better}"
            yield InputError(f"line.income_multiple_ppm.{worse}", problem, "let it fall, A to E")


def _price(product: Product) -> Iterator[InputError]:
    pricing = product.pricing
    lpr = lpr_ppm(product.valid_from)
    cap = LPR_MULTIPLE_MAX * lpr
    if pricing.cap_ppm > cap:
        yield InputError(
            "pricing.cap_ppm",
            f"{_pct(pricing.cap_ppm)} is above four times the LPR of {product.valid_from},"
            f" {_pct(cap)}",
            f"write at most {cap}",
        )
    if not SURCHARGE_PCT[0] <= pricing.overdue_surcharge_pct <= SURCHARGE_PCT[1]:
        yield InputError(
            "pricing.overdue_surcharge_pct",
            f"{pricing.overdue_surcharge_pct} is outside 30 to 50 (银发〔2003〕251号)",
            "write 30 to 50",
        )
    if product.method is Method.FLAT and flat_exceeds(pricing.cap_ppm, cap, product.months):
        yield InputError(
            "pricing.cap_ppm",
            f"{_pct(pricing.cap_ppm)} flat over {product.months} months costs more than"
            f" {_pct(cap)} on the principal really owed",
            "a flat rate costs nearly twice its figure: lower it",
        )
    lowest, highest = lpr + 100 * pricing.spread_bp["A"], lpr + 100 * pricing.spread_bp["E"]
    if lowest > pricing.cap_ppm or highest < pricing.floor_ppm:
        problem = f"LPR plus spread is {_pct(lowest)} to {_pct(highest)}, all outside floor and cap"
        yield InputError("pricing.spread_bp", problem, "every rating would cost the same: mend it")


def _first_principal(product: Product) -> Iterator[InputError]:
    # With a long term and a high rate the first instalment is nearly all interest, and its
    # rounding, compounded, drives later balances below zero. A first principal of n + 2 fen is
    # enough: the instalment is then above s(n, r) + 2, the bound of that drift.
    if product.method is not Method.EQUAL_INSTALMENT:
        return
    instalment = Fraction(*annuity(product.pricing.cap_ppm, product.months))
    interest = Fraction(product.pricing.cap_ppm, MONTH_PPM)
    if product.draw_min_fen * (instalment - interest) < product.months + 2:
        yield InputError(
            "months",
            f"{product.months} months at {_pct(product.pricing.cap_ppm)} leave a drawdown of"
            f" {yuan(product.draw_min_fen)} yuan no principal to repay in its first instalment",
            "shorten the term, lower the cap or raise draw_min_fen",
        )


def _repayment(product: Product) -> Iterator[InputError]:
    rows, at_once = product.repayment, product.method in (Method.BULLET, Method.DAILY)
    if at_once and rows.grace_rows:
        problem = f"{product.method.value!r} repays nothing before its last row anyway"
        yield InputError("repayment.grace_rows", problem, "leave it out")
    elif rows.grace_rows >= product.months:
        problem = f"{rows.grace_rows} of {product.months} rows would pay no principal"
        remedy = f"write at most {product.months - 1}, or take method 'bullet'"
        yield InputError("repayment.grace_rows", problem, remedy)
    if at_once and rows.multiple_fen > 1:
        problem = f"nothing is level in method {product.method.value!r}"
        yield InputError("repayment.multiple_fen", problem, "leave it out")
    # Rounding up adds half a multiple a row at most; so the rows before the last leave something.
    elif rows.multiple_fen > 1 and rows.multiple_fen * product.months**2 > 2 * product.draw_min_fen:
        smallest = f"a drawdown of {yuan(product.draw_min_fen)} yuan"
        problem = f"instalments in whole {yuan(rows.multiple_fen)} yuan may end {smallest} early"
        most = max(1, 2 * product.draw_min_fen // product.months**2)
        yield InputError("repayment.multiple_fen", problem, f"write at most {most}")
    if product.method is Method.DAILY and rows.day_count not in (
        DayCount.MONTHLY,
        DayCount.ACT_360,
    ):
        problem = f"{rows.day_count.value!r}, and method 'daily' accrues annual/360 a day"
        yield InputError("repayment.day_count", problem, "leave it out")


def _checks(product: Product) -> Iterator[InputError]:
    for number, text in enumerate(product.added_checks):
        if text in product.added_checks[:number]:
            yield InputError("added_checks", f"{text!r} stands twice", "name it once")
        try:
            added_check(text)
        except InputError as error:
            yield error


CONTRADICTIONS: tuple[Callable[[Product], Iterator[InputError]], ...] = (
    _owner,
    _order_of_bounds,
    _consumer_law,
    _ratings,
    _price,
    _first_principal,
    _repayment,
    _checks,
)
