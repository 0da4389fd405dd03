"""How a test may have a face check end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.ports.face import CompareAnswer, FaceAnswer, FaceVerdict
from mocks.spec import Case, says

if TYPE_CHECKING:
    from mocks.spec import Act

V = FaceVerdict
SCORES_CENTI = {V.PASSED: 9_200, V.BELOW_THRESHOLD: 4_100}
TOLD = {
    V.PASSED: "a living person who resembles the photo",
    V.NOT_LIVE: "no living person",
    V.NO_FACE: "no face is seen",
    V.SEVERAL_FACES: "several faces are seen",
    V.NAME_MISMATCH: "name and number do not agree",
    V.NO_PHOTO: "the library has no photo",
    V.BELOW_THRESHOLD: "a living person who is somebody else",
    V.TOO_OFTEN: "the person was compared too often today",
}
OF_TOKEN = {
    V.NOT_DONE: "nobody has come before the camera yet",
    V.TOKEN_UNKNOWN: "there is no such token",
    V.TOKEN_EXPIRED: "the token is too old",
}
COMPARED = (V.PASSED, V.BELOW_THRESHOLD, V.NO_FACE)


def _started(verdict: FaceVerdict) -> Act:
    def act(face: Any, trace: Any, query: Any, now_s: float, draws: Any) -> Any:
        return face.start_meant(trace, query, now_s, draws, verdict)

    return act


def _read(verdict: FaceVerdict) -> Act:
    def act(face: Any, trace: Any, query: Any, now_s: float, draws: Any) -> Any:
        del trace, now_s, draws
        return face.meant(query.token, verdict)

    return act


START = tuple(
    Case(str(verdict), f"without a camera, the check ends: {told}", _started(verdict))
    for verdict, told in TOLD.items()
)
RESULT = tuple(
    Case(str(verdict), told, _read(verdict), FaceAnswer(verdict))
    for verdict, told in (TOLD | OF_TOKEN).items()
)
COMPARE = tuple(
    says(str(verdict), CompareAnswer(verdict, SCORES_CENTI.get(verdict, 0)), TOLD[verdict])
    for verdict in COMPARED
)
