"""Whose tokens a served gateway believes: a JSON file with the staff's issuer and the front ends'.

Keys are public ones, as an OpenID provider's ``jwks_uri`` gives them; no secret stands in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from json import JSONDecodeError, loads
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from core.config import Strict, checked
from core.errors import InputError
from core.gateway.fronts import Fronts
from core.gateway.staff import Staff
from core.gateway.tokens import Issuer
from core.store.records import Front

if TYPE_CHECKING:
    from pathlib import Path


class Written(Strict):
    """One issuer as the file has it."""

    issuer: str
    audience: str
    jwks: dict[str, Any]

    def issued(self) -> Issuer:
        """Return it as the gateway believes it."""
        return Issuer.of_jwks(self.issuer, self.audience, self.jwks)


class File(Strict):
    """The whole file."""

    staff: Written | None = None
    fronts: dict[Annotated[Front, Field(strict=False)], Written] = Field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Believed:
    """Whose tokens are believed."""

    staff: Staff | None = None
    issuers: dict[Front, Issuer] = field(default_factory=dict)

    @property
    def fronts(self) -> Fronts:
        """The front ends, for one platform: each remembers the tickets that it took."""
        return Fronts(dict(self.issuers))


def believed_in(path: Path) -> Believed:
    """Return whose tokens a file says are believed.

    Raises:
        InputError: there is no such file, or it is wrong.
    """
    try:
        raw = loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), error.strerror or str(error), "name a JSON file") from error
    except JSONDecodeError as wrong:
        raise InputError(f"{path}, line {wrong.lineno}", wrong.msg, "write JSON") from wrong
    if not isinstance(raw, dict):
        raise InputError(str(path), "holds no object", "write one with staff and fronts")
    said = checked(raw, File, str(path))
    staff = Staff(said.staff.issued()) if said.staff is not None else None
    return Believed(staff, {front: each.issued() for front, each in said.fronts.items()})
