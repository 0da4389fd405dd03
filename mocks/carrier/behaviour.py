"""The carriers: the truth about a number, as the three real-name registers hold it.

The segment says who handed a number out; who serves it is the truth about the person, so a ported
number (携号转网) answers with its new carrier. Resellers' and unassigned segments are not asked at
all. A number may be asked a limited number of times a business day; the same call asking again is
not counted again.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from core.clock import DAY_S
from core.identity import Segment
from core.ports.carrier import (
    Mismatch,
    NameAnswer,
    OwnerAnswer,
    PhoneState,
    PhoneVerdict,
    SinceAnswer,
    StateAnswer,
)
from core.seed import hash64
from mocks import magic
from mocks.carrier import cases
from mocks.shelf import let_go
from mocks.spec import Operation, Scope, on, table

if TYPE_CHECKING:
    from core.identity import PhoneNumber
    from core.ports.carrier import NameQuery, OwnerQuery, SinceQuery, StateQuery
    from core.ports.people import People, Person
    from core.ports.trace import Trace
    from core.seed import Draws

SERVED = frozenset({Segment.MOBILE, Segment.UNICOM, Segment.TELECOM})
# Months on the network are told as ranges; these bounds are the market's habit ([24,+) is seen in
# the vendor's own sample).
RANGES = (0, 3, 6, 12, 24)
ASKED_MAX = 100_000  # numbers, by operation and day; then the least lately asked is forgotten

Asked = tuple[str, str, int]  # operation, phone, day

BILLED = on(PhoneVerdict.SAME, PhoneVerdict.DIFFERENT)
# How long a number lives is billed for one that nobody has, too (the vendor's table).
SINCE_BILLED = on(PhoneVerdict.SAME, PhoneVerdict.DIFFERENT, PhoneVerdict.NO_RECORD)


class Carrier:
    """The three carriers behind one vendor."""

    PROVIDER: ClassVar[str] = "carrier"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("name_matches", billed=BILLED, cases=cases.NAME, magic=magic.phone()),
        Operation("owner_matches", billed=BILLED, cases=cases.OWNER, magic=magic.phone()),
        Operation("state", billed=BILLED, cases=cases.STATE, magic=magic.phone()),
        Operation("since", billed=SINCE_BILLED, cases=cases.SINCE, magic=magic.phone()),
    )
    # How often one number is answered in a day (assumed: the vendor names the limit, not its
    # figure for a number; 500 is its figure for a name).
    PER_DAY: ClassVar[dict[str, int]] = {
        "name_matches": 500,
        "owner_matches": 500,
        "state": 500,
        "since": 500,
    }

    def __init__(self, people: People, per_day: dict[str, int] | None = None) -> None:
        self._people = people
        self.per_day = self.PER_DAY | (per_day or {})
        self._askers: OrderedDict[Asked, array[int]] = OrderedDict()  # calls, by their hashes

    def name_matches(
        self, trace: Trace, query: NameQuery, now_s: float, draws: Draws
    ) -> NameAnswer:
        """Two elements: is this number in this name?"""
        del draws
        if not query.name:
            return NameAnswer(PhoneVerdict.BAD_NAME)
        found = self._user("name_matches", trace, query.phone, now_s)
        if isinstance(found, PhoneVerdict):
            return NameAnswer(found)
        same = found.phone_name == query.name
        return NameAnswer(PhoneVerdict.SAME if same else PhoneVerdict.DIFFERENT)

    def owner_matches(
        self, trace: Trace, query: OwnerQuery, now_s: float, draws: Draws
    ) -> OwnerAnswer:
        """Three elements: number, name and ID number."""
        del draws
        if not query.name:
            return OwnerAnswer(PhoneVerdict.BAD_NAME)
        found = self._user("owner_matches", trace, query.phone, now_s)
        if isinstance(found, PhoneVerdict):
            return OwnerAnswer(found)
        mismatch = self._mismatch(found, query)
        verdict = PhoneVerdict.SAME if mismatch is Mismatch.NONE else PhoneVerdict.DIFFERENT
        return OwnerAnswer(verdict, found.operator, mismatch)

    def state(self, trace: Trace, query: StateQuery, now_s: float, draws: Draws) -> StateAnswer:
        """Does the number live?"""
        del draws
        found = self._user("state", trace, query.phone, now_s)
        if isinstance(found, PhoneVerdict):
            return StateAnswer(found, PhoneState.UNKNOWN)
        return StateAnswer(PhoneVerdict.SAME, found.phone_state)

    def since(self, trace: Trace, query: SinceQuery, now_s: float, draws: Draws) -> SinceAnswer:
        """How many months the number has been on the network, as a range."""
        del draws
        found = self._user("since", trace, query.phone, now_s)
        if isinstance(found, PhoneVerdict):
            return SinceAnswer(found)
        today, first = trace.date, found.phone_since
        months = (today.year - first.year) * 12 + today.month - first.month
        months = max(0, months - (today.day < first.day))
        place = sum([months >= bound for bound in RANGES])
        upper = RANGES[place] if place < len(RANGES) else None
        return SinceAnswer(PhoneVerdict.SAME, RANGES[place - 1], upper)

    def _user(
        self, operation: str, trace: Trace, phone: PhoneNumber, now_s: float
    ) -> Person | PhoneVerdict:
        """Return who uses a number that is registered, or why nothing can be said of it."""
        if phone.segment not in SERVED:
            return PhoneVerdict.SEGMENT_UNSUPPORTED
        if not self._count(operation, trace, phone, int(now_s // DAY_S)):
            return PhoneVerdict.DAILY_LIMIT
        person = self._people.by_phone(phone)
        if person is None or not person.phone_name:
            return PhoneVerdict.NO_RECORD
        return person

    def _count(self, operation: str, trace: Trace, phone: PhoneNumber, day: int) -> bool:
        """Count a call about a number, unless the number's day is full."""
        asked, all_asked = (operation, phone.text, day), self._askers
        asker = hash64(trace.bank, trace.application, trace.call)
        askers = all_asked.get(asked)
        if askers is None:
            askers = all_asked[asked] = array("Q")
            let_go(all_asked, ASKED_MAX, partial(_is_over, day))
        else:
            all_asked.move_to_end(asked)
        if asker in askers:
            return True
        if len(askers) >= self.per_day[operation]:
            return False
        askers.append(asker)
        return True

    def _mismatch(self, user: Person, query: OwnerQuery) -> Mismatch:
        """Return which elements disagree with the carrier's register, or with each other."""
        named = user.phone_name == query.name
        # A number registered in another name is registered with that other person's card.
        numbered = user.phone_name == user.name and user.id_number == query.id_number
        if named:
            return Mismatch.NONE if numbered else Mismatch.ID_CARD
        if numbered:
            return Mismatch.NAME
        holder = self._people.by_number(query.id_number)
        if holder is None or holder.register_name != query.name:
            return Mismatch.NAME_TO_ID_CARD
        return Mismatch.NAME_AND_ID_CARD


def _is_over(today: int, asked: Asked, askers: array[int]) -> bool:
    """Whether nobody can ask on that day any more: yesterday is kept, for what comes late."""
    del askers
    return asked[2] < today - 1
