"""The citizen register, as far as a bank may ask it: do name and number belong together?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from core.picture import Picture
from core.ports.idnet import IdAnswer, IdVerdict
from mocks import magic
from mocks.idnet import cases
from mocks.spec import Operation, Scope, on, table

if TYPE_CHECKING:
    from core.ports.idnet import IdQuery
    from core.ports.people import People
    from core.ports.trace import Trace
    from core.seed import Draws

ANSWERED = (
    IdVerdict.MATCH,
    IdVerdict.MATCH_NO_PHOTO,
    IdVerdict.NAME_DIFFERS,
    IdVerdict.NO_SUCH_NUMBER,
)


class IdNet:
    """The register behind the networking check (联网核查)."""

    PROVIDER: ClassVar[str] = "idnet"
    SCOPE: ClassVar[Scope] = "nation"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("check", billed=on(*ANSWERED), cases=cases.CHECK, magic=magic.id_number())
    )

    def __init__(self, people: People) -> None:
        self._people = people

    def check(self, trace: Trace, query: IdQuery, now_s: float, draws: Draws) -> IdAnswer:
        """Compare name and number with the register; the photo comes where it has one."""
        del trace, now_s, draws
        if not query.name:
            return IdAnswer(IdVerdict.BAD_PARAMETER)
        person = self._people.by_number(query.number)
        if person is None or not person.in_register:
            return IdAnswer(IdVerdict.NO_SUCH_NUMBER)
        if person.register_name != query.name:
            return IdAnswer(IdVerdict.NAME_DIFFERS)
        if not person.register_photo:
            return IdAnswer(IdVerdict.MATCH_NO_PHOTO, None, person.authority)
        photo = Picture.named(f"{person.key}#idnet")
        return IdAnswer(IdVerdict.MATCH, photo, person.authority)
