"""What others know of a customer, and who asked for it under which consent.

Asking changes nothing in a file: the inquiries in a report are part of the truth about the
person. Every question is noted, with or without a consent, so that an auditor can hold the
journal against the consents the platform has.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from core.ports.bureau import CreditReport, Found, GovernmentData, InternetData
from mocks import magic
from mocks.bureau import cases
from mocks.spec import Operation, Scope, on, table

if TYPE_CHECKING:
    from core.ports.bureau import DataQuery
    from core.ports.people import People, Person
    from core.ports.trace import Trace
    from core.seed import Draws

BILLED = on(Found.FOUND, Found.NO_FILE, field="found")

ASKED_KEPT = 10_000  # questions of a journal; an older one is forgotten


class Asked(NamedTuple):
    """One line of the journal: who asked about whom, by which right, when, for what."""

    bank: str
    application: str
    number: str
    consent: str
    now_s: float
    operation: str


class Bureau:
    """The credit bureau, and the government's and the platform's data beside it."""

    PROVIDER: ClassVar[str] = "bureau"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("credit_report", billed=BILLED, cases=cases.CREDIT, magic=magic.id_number()),
        Operation("government", billed=BILLED, cases=cases.GOVERNMENT, magic=magic.id_number()),
        Operation("internet", billed=BILLED, cases=cases.INTERNET, magic=magic.id_number()),
    )

    def __init__(self, people: People) -> None:
        self._people = people
        self._asked: deque[Asked] = deque(maxlen=ASKED_KEPT)

    @property
    def asked(self) -> list[Asked]:
        """The last questions, in the order in which they came."""
        return list(self._asked)

    def credit_report(
        self, trace: Trace, query: DataQuery, now_s: float, draws: Draws
    ) -> CreditReport:
        """The central bank's credit report (征信)."""
        del draws
        person = self._person(trace, query, now_s, "credit_report")
        return CreditReport(person) if isinstance(person, Found) else person.report

    def government(
        self, trace: Trace, query: DataQuery, now_s: float, draws: Draws
    ) -> GovernmentData:
        """Social insurance, housing fund, taxes, courts, village."""
        del draws
        person = self._person(trace, query, now_s, "government")
        return GovernmentData(person) if isinstance(person, Found) else person.government

    def internet(self, trace: Trace, query: DataQuery, now_s: float, draws: Draws) -> InternetData:
        """The device and what it was used for."""
        del draws
        person = self._person(trace, query, now_s, "internet")
        return InternetData(person) if isinstance(person, Found) else person.internet

    def _person(
        self, trace: Trace, query: DataQuery, now_s: float, operation: str
    ) -> Person | Found:
        """Return whom the query is about, or why there is nothing to tell."""
        number = query.number.text
        self._asked.append(
            Asked(trace.bank, trace.application, number, query.consent, now_s, operation)
        )
        if not query.consent:
            return Found.NO_CONSENT
        person = self._people.by_number(query.number)
        if person is None or not person.in_register:
            return Found.NO_FILE
        if person.register_name != query.name:
            return Found.NAME_DIFFERS
        return person
