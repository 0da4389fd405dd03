"""The object store: each content lies there once, under its own digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.ports.objects import GetAnswer, PutAnswer
from mocks.spec import Operation, Scope, table

if TYPE_CHECKING:
    from core.picture import Picture
    from core.ports.objects import GetQuery, PutQuery
    from core.ports.trace import Trace
    from core.seed import Draws


class Objects:
    """Pictures by key, and how many bytes they fill."""

    PROVIDER: ClassVar[str] = "objects"
    SCOPE: ClassVar[Scope] = "platform"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("put", writes=True), Operation("get")
    )

    def __init__(self) -> None:
        self._pictures: dict[str, Picture] = {}
        self.bytes_kept = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def put(self, trace: Trace, query: PutQuery, now_s: float, draws: Draws) -> PutAnswer:
        """Keep a picture; the same content twice is one object."""
        del trace, now_s, draws
        picture = query.picture
        key = f"{query.kind}/{picture.digest}"
        if key in self._pictures:
            return PutAnswer(key, created=False)
        self._pictures[key] = picture
        self.bytes_kept += picture.size
        return PutAnswer(key, created=True)

    def get(self, trace: Trace, query: GetQuery, now_s: float, draws: Draws) -> GetAnswer:
        """Fetch a picture."""
        del trace, now_s, draws
        return GetAnswer(self._pictures.get(query.key))
