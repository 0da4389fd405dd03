"""In a mock's place: a carrier that knows no resellers, and answers for everybody it knows."""

from __future__ import annotations

from core.ports import carrier
from mocks import magic
from mocks.carrier import cases
from mocks.spec import Operation, on, table

BILLED = on(carrier.PhoneVerdict.SAME, carrier.PhoneVerdict.DIFFERENT)


class Carrier:
    """Answers by the number in somebody's name, whatever segment it is of."""

    PROVIDER = "carrier"
    SCOPE = "nation"
    OPERATIONS = table(
        Operation("name_matches", billed=BILLED, cases=cases.NAME, magic=magic.phone()),
        Operation("owner_matches", billed=BILLED, cases=cases.OWNER, magic=magic.phone()),
        Operation("state"),
        Operation("since"),
    )

    def __init__(self, ground):
        self._people = ground.people

    def _verdict(self, query):
        person = self._people.by_phone(query.phone)
        if person is None:
            return carrier.PhoneVerdict.NO_RECORD
        same = person.phone_name == query.name
        return carrier.PhoneVerdict.SAME if same else carrier.PhoneVerdict.DIFFERENT

    def name_matches(self, trace, query, now_s, draws):
        return carrier.NameAnswer(self._verdict(query))

    def owner_matches(self, trace, query, now_s, draws):
        return carrier.OwnerAnswer(self._verdict(query), carrier.Operator.MOBILE)

    def state(self, trace, query, now_s, draws):
        return carrier.StateAnswer(carrier.PhoneVerdict.SAME, carrier.PhoneState.NORMAL)

    def since(self, trace, query, now_s, draws):
        return carrier.SinceAnswer(carrier.PhoneVerdict.SAME, 24, None)
