"""Signed tokens of somebody whom the gateway believes: JWTs (RFC 7519), as OpenID providers make.

A key is a public one of a JWK set (RFC 7517). Which algorithm is taken is ours to say, never the
token's, and a token that asks for none is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard

import jwt

from core.errors import InputError
from core.gateway.problems import Problem

ALGORITHMS = ("EdDSA", "ES256", "RS256", "PS256")
NEEDED = ("exp", "iat", "sub", "iss", "aud")


@dataclass(slots=True, frozen=True)
class Issuer:
    """Who makes tokens, for whom they are, and the keys that they are signed with, by their ids."""

    name: str
    audience: str
    keys: dict[str, jwt.PyJWK] = field(repr=False)

    @classmethod
    def of_jwks(cls, name: str, audience: str, jwks: dict[str, Any]) -> Issuer:
        """Return who signs with the keys of a JWK set, as a provider's ``jwks_uri`` gives it.

        Raises:
            InputError: there is no key in it that can be used.
        """
        try:
            found = jwt.PyJWKSet.from_dict(jwks).keys
        except jwt.PyJWTError as wrong:
            raise InputError(f"the keys of {name}", f"cannot be used: {wrong}") from wrong
        return cls(name, audience, {key.key_id or "": key for key in found})

    def claims(self, token: str) -> dict[str, Any]:
        """Return what a token says.

        Raises:
            Problem: it is not signed by the issuer, not for us, or not now.
        """
        try:
            key = self.keys[jwt.get_unverified_header(token).get("kid", "")]
            said: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self.name,
                audience=self.audience,
                options={"require": list(NEEDED)},
            )
        except (jwt.PyJWTError, KeyError, TypeError) as no:
            raise Problem("no-session", "The token is not believed.") from no
        return said


def are_words(said: object) -> TypeGuard[list[str]]:
    """Whether a claim is a list of texts."""
    return isinstance(said, list) and all(isinstance(word, str) for word in said)
