"""How often what is so with people: every rate of the population, in one table.

No figure here has a source: all are ``source = "assumed"``, chosen so that each refusal of the
flow occurs in a run of some thousand people and none is common. Each rate is drawn by its own
name, so that a new one, or another value, changes nobody in anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from core.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

# Ages of those who ask for an online loan: from, to, weight (assumed). The few too young and too
# old are there because they do ask.
AGES = (
    (16, 17, 0.004),
    (18, 24, 0.13),
    (25, 34, 0.34),
    (35, 44, 0.27),
    (45, 54, 0.17),
    (55, 64, 0.07),
    (65, 75, 0.013),
    (76, 80, 0.003),
)


@dataclass(frozen=True)
class Traits:
    """Shares of people of whom something is true (0 to 1), all assumed."""

    # Who they are
    male: float = 0.55
    from_other_county: float = 0.10  # card issued elsewhere in the bank's province
    from_other_province: float = 0.06  # card issued in another province
    minority: float = 0.015  # no Han

    # Their ID card and its pictures
    card_expired: float = 0.01
    picture_unreadable: float = 0.01
    picture_copied: float = 0.004  # a copy, or a photo of a screen

    # Registers
    not_in_register: float = 0.0015
    register_name_differs: float = 0.002  # renamed, or a rare character came out wrong
    no_register_photo: float = 0.02
    no_library_photo: float = 0.01
    no_photo_at_all: float = 0.0005  # neither here nor there, on top of chance
    listed_hit: float = 0.0005
    listed_review: float = 0.002  # a namesake whom a human must tell apart

    # Their phone
    phone_of_other: float = 0.02
    phone_without_record: float = 0.005
    phone_virtual: float = 0.005  # at most 1/18: see plan.py
    phone_suspended: float = 0.003
    phone_ported: float = 0.03

    # Who really comes before the camera
    impostor: float = 0.002
    presentation: float = 0.002  # a photo, a screen or a mask is shown

    # Their cards
    holds_card: float = 0.35  # a class I card of the home bank
    wage_paid_here: float = 0.45  # of those who hold one
    no_other_card: float = 0.005
    class_two_only: float = 0.01
    card_other_phone: float = 0.015

    # What others know of them
    no_credit_file: float = 0.08
    no_government_file: float = 0.03
    overdue_now: float = 0.03
    overdue_three_months: float = 0.05  # worst in two years: M3 or more
    court_enforced: float = 0.005
    device_shared: float = 0.005  # by four or more

    ages: tuple[tuple[int, int, float], ...] = AGES
    steady: bool = False  # every figure of credit is its median for a good customer

    def __post_init__(self) -> None:
        for name in rate_names():
            if not 0 <= getattr(self, name) <= 1:
                problem = f"{getattr(self, name)} is no share"
                raise InputError(f"traits.{name}", problem, "give a number from 0 to 1")

    def having(self, said: Mapping[str, Any]) -> Traits:
        """Return these traits with some rates set; True and False are certainties.

        Raises:
            InputError: there is no such rate.
        """
        for name in said:
            if name not in rate_names():
                raise InputError(f"trait {name!r}", "no such trait", nearest(name, rate_names()))
        rates: dict[str, Any] = {name: float(value) for name, value in said.items()}
        return replace(self, **rates)


@cache
def rate_names() -> tuple[str, ...]:
    """Return the names of all rates."""
    return tuple(field.name for field in fields(Traits) if isinstance(field.default, float))


@cache
def blameless() -> Traits:
    """Return the traits of somebody who passes every check: the stories' clean sheet."""
    clean = dict.fromkeys(rate_names(), 0.0) | {"male": 0.5}
    return replace(Traits().having(clean), ages=((28, 45, 1.0),), steady=True)
