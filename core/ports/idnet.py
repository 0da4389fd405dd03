"""The national ID networking check (联网核查): do name and number belong together?

Source: the check's logical outcomes; the codes on the wire differ from gateway to gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.picture import Picture
    from core.ports.trace import Trace


class IdVerdict(StrEnum):
    """The register's answer; the first two agree on name and number."""

    MATCH = "match"
    MATCH_NO_PHOTO = "match_no_photo"
    NAME_DIFFERS = "name_differs"
    NO_SUCH_NUMBER = "no_such_number"
    OTHER_ERROR = "other_error"
    BAD_PARAMETER = "bad_parameter"


@dataclass(slots=True)
class IdQuery:
    """Ask the register about one person."""

    name: str
    number: IdNumber


@dataclass(slots=True)
class IdAnswer:
    """``photo`` and ``authority`` (issuing office) are filled where the verdict allows."""

    verdict: IdVerdict
    photo: Picture | None = None
    authority: str = ""


class IdNet(Protocol):
    """The platform's question to the ID network."""

    async def check(self, trace: Trace, query: IdQuery) -> IdAnswer: ...
