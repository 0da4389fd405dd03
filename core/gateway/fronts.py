"""The banks' other front ends: mobile bank, direct bank, government platform.

Their customers are logged in there already. The front end says so in a ticket, a token that it
signs for one bank and one opening: who it is, by a name of its own, and the phone number it knows
them by. A ticket is good once, for a few minutes, as a login code is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.adapters.http import machine_s
from core.errors import InputError
from core.gateway.problems import Problem
from core.identity import PhoneNumber
from core.store.records import Front

if TYPE_CHECKING:
    from core.gateway.tokens import Issuer

LIVES_S_MAX = 300  # of a ticket, whatever it says
USED_MAX = 100_000
SUBJECT_MAX = 64


class Ticket(NamedTuple):
    """Who comes, as their front end says."""

    subject: str
    phone: PhoneNumber


@dataclass(slots=True)
class Fronts:
    """The front ends whose tickets are believed, and which tickets were used."""

    issuers: dict[Front, Issuer] = field(default_factory=dict)
    _used: OrderedDict[tuple[Front, str], float] = field(default_factory=OrderedDict)

    def take(self, front: Front, bank: str, ticket: str) -> Ticket:
        """Use a ticket up; return who comes with it.

        Raises:
            Problem: it is not believed, is for another bank, was used, or says too little.
        """
        issuer = self.issuers.get(front)
        if issuer is None:
            raise Problem("not-found", "No such front end is known here.")
        said, now_s = issuer.claims(ticket), machine_s()
        subject, number = said["sub"], said.get("jti")
        if said.get("bank") != bank or not isinstance(number, str) or not number:
            raise Problem("no-session", "The ticket needs a bank, this one, and a jti.")
        if said["exp"] - said["iat"] > LIVES_S_MAX or not 0 < len(subject) <= SUBJECT_MAX:
            raise Problem("no-session", f"A ticket lives {LIVES_S_MAX} s at most, and has a sub.")
        try:
            phone = PhoneNumber(str(said.get("phone_number", "")))
        except InputError:
            raise Problem("no-session", "The ticket needs the customer's phone_number.") from None
        self._use((front, number), now_s, float(said["exp"]))
        return Ticket(subject, phone)

    def _use(self, ticket: tuple[Front, str], now_s: float, until_s: float) -> None:
        while self._used and next(iter(self._used.values())) <= now_s:
            self._used.popitem(last=False)
        if ticket in self._used:
            raise Problem("no-session", "The ticket was used before.")
        if len(self._used) >= USED_MAX:
            raise Problem("busy")  # forgetting one would let it be used again
        self._used[ticket] = until_s
