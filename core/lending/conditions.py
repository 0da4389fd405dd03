"""What a contract says of paying, beside its rate and its rows: order, grace, early repayment.

Plain values, so that a loan can be kept as it was agreed. The defaults are what every product of
the first part was sold with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.products import Product


class Order(StrEnum):
    """The name of an allocation order; ``core.lending.allocation.ORDERS`` says what it means."""

    BY_KIND = "by_kind"
    ROW_BY_ROW = "row_by_row"
    PRINCIPAL_FIRST = "principal_first"
    RECOVERY = "recovery"  # of a loan that was written off, whatever was agreed


class Prepay(StrEnum):
    """What an early repayment (提前还款) changes. The rows that are left keep their dates."""

    SMALLER = "smaller"  # as many instalments as before, each smaller
    SHORTER = "shorter"  # instalments no larger than before, and fewer of them


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a loan is paid.

    ``late_order`` replaces ``order`` while something is more than 90 days late; many banks then
    take principal first (confidence low: contracts say so, no rule was seen).

    ``grace_days`` (宽限期): what is paid within so many days after its due date bears no penalty;
    what is not bears it from the day after the due date. It frees of penalty alone: the state and
    the five categories count from the due date (confidence low, the careful reading).

    ``collect_whole``: the bank takes all that is due from the account or nothing; otherwise what
    is there.
    """

    order: Order = Order.BY_KIND
    late_order: Order = Order.BY_KIND
    grace_days: int = 0
    prepay: Prepay = Prepay.SMALLER
    collect_whole: bool = False

    def __post_init__(self) -> None:
        assert self.grace_days >= 0, f"{self.grace_days} days of grace"
        assert Order.RECOVERY not in (self.order, self.late_order), "that order is for claims"


PLAIN = Conditions()


def conditions_of(product: Product) -> Conditions:
    """Return the conditions of a product's drawdowns."""
    said = product.repayment
    return _agreed(said.order, said.late_order, said.grace_days, said.prepay, said.collect_whole)


@lru_cache(maxsize=256)  # one for all loans of a product
def _agreed(
    order: str, late_order: str, grace_days: int, prepay: str, collect_whole: bool
) -> Conditions:
    return Conditions(Order(order), Order(late_order), grace_days, Prepay(prepay), collect_whole)
