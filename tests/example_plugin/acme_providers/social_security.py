"""Beside the mocks: how many months somebody has paid into social security, over REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.identity import IdNumber
from core.seed import TRUTH
from mocks import magic
from mocks.line import Profile
from mocks.rest import Post, Service
from mocks.rest_values import ID_EXAMPLE, Answer, Id, Query
from mocks.spec import Operation, on, says, table


@dataclass(slots=True)
class Asked:
    """Whose months?"""

    number: IdNumber


@dataclass(slots=True)
class Months:
    """``found`` is false of somebody who was never insured."""

    found: bool
    months: int = 0


class AskedBody(Query):
    """The body of a request."""

    PORT: ClassVar = Asked
    ABOUT: ClassVar = "number"

    number: Id


class MonthsBody(Answer):
    """The body of an answer."""

    found: bool
    months: int


class SocialSecurity:
    """The people are the mocks' own; how long they paid is drawn by their name."""

    PROVIDER = "social_security"
    SCOPE = "nation"
    PROFILE = Profile(200, 900, 5_000)
    OPERATIONS = table(
        Operation(
            "months",
            billed=on(True, field="found"),
            cases=(
                says("never", Months(False), "somebody who was never insured"),
                says("long", Months(True, 240), "twenty years"),
            ),
            magic=magic.id_number("number.text"),
        )
    )
    SERVICE = Service(
        "social_security",
        "Social security",
        "How many months somebody has paid.",
        (Post("months", AskedBody, MonthsBody, "Months paid", {"number": ID_EXAMPLE}),),
    )

    def __init__(self, ground):
        self._people = ground.people

    def months(self, trace, query, now_s, draws) -> Months:
        if self._people.by_number(query.number) is None:
            return Months(False)
        return Months(True, int(draws.uniform(TRUTH) * 240))
