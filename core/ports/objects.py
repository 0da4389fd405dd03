"""The bank's object store: each picture is kept once, found by its content's digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.picture import Picture
    from core.ports.trace import Trace


@dataclass(slots=True)
class PutQuery:
    """Keep a picture; ``kind`` is ``id_card_front``, ``id_card_back`` or ``face``."""

    kind: str
    picture: Picture


@dataclass(slots=True)
class PutAnswer:
    """``key`` is the same for the same content; ``created`` says whether it was new."""

    key: str
    created: bool


@dataclass(slots=True)
class GetQuery:
    """Fetch a picture by its key."""

    key: str


@dataclass(slots=True)
class GetAnswer:
    """``picture`` is None where nothing lies under the key."""

    picture: Picture | None


class Objects(Protocol):
    """The platform's questions to the object store."""

    async def put(self, trace: Trace, query: PutQuery) -> PutAnswer: ...

    async def get(self, trace: Trace, query: GetQuery) -> GetAnswer: ...
