"""Who of a bank's staff may see what: a signed token, its roles, its banks.

A token is a JWT (RFC 7519) as an OpenID provider makes it; who signs it, and for whom, is set when
the gateway is put together. It names roles and the banks that they hold for. What a role may do
stands in a table, and every operation asks for one right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.gateway.problems import Problem
from core.gateway.tokens import are_words

if TYPE_CHECKING:
    from core.gateway.tokens import Issuer

ALL = "*"  # of the banks: every one of the platform
ROLES_CLAIM, BANKS_CLAIM = "roles", "banks"

# What each right is for. Whatever shows a person as they are is a right of its own, and is logged.
RIGHTS = {
    "read": "applications, loans and decisions, masked",
    "audit": "audit events, and who has looked at what",
    "look": "pictures and unmasked numbers, for a stated purpose, logged",
}
ROLES: dict[str, frozenset[str]] = {
    "clerk": frozenset({"read"}),
    "officer": frozenset({"read", "look"}),
    "auditor": frozenset({"read", "audit"}),
}


@dataclass(slots=True, frozen=True)
class Member:
    """Somebody of the staff, as their token says."""

    name: str
    roles: tuple[str, ...]
    banks: frozenset[str]

    def role_for(self, right: str) -> str:
        """Return the first of their roles that has a right."""
        return next(role for role in self.roles if right in ROLES.get(role, ()))

    def require(self, right: str, bank: str) -> None:
        """Require a right at a bank.

        Raises:
            Problem: they have it not; which of the two is wrong is not told.
        """
        has = any(right in ROLES.get(role, ()) for role in self.roles)
        if not has or not (bank in self.banks or ALL in self.banks):
            raise Problem("not-staff", f"The right {right!r} at this bank is not in your token.")


@dataclass(slots=True, frozen=True)
class Staff:
    """The staff of all banks, by the tokens of one issuer."""

    issuer: Issuer

    def member(self, token: str) -> Member:
        """Return whose token this is.

        Raises:
            Problem: it is not believed, or says nothing of roles and banks.
        """
        said = self.issuer.claims(token)
        roles, banks = said.get(ROLES_CLAIM), said.get(BANKS_CLAIM)
        if not are_words(roles) or not are_words(banks):
            raise Problem("no-session", f"The token needs {ROLES_CLAIM} and {BANKS_CLAIM}.")
        return Member(said["sub"], tuple(roles), frozenset(banks))
