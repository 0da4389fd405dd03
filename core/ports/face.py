"""Face verification (人脸核身): is the person before the camera alive, and whose face is it?

Source: Tencent Cloud FaceID 2018-03-01 (DetectAuth, GetDetectInfoEnhanced, ImageRecognitionV2);
the vendor's threshold is fixed at 70 of 100. Between ``start`` and ``result`` the customer's phone
shows the face; a token is good for 7,200 s and its result can be read for three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.picture import Picture
    from core.ports.trace import Trace

THRESHOLD_CENTI = 7_000


class FaceVerdict(StrEnum):
    """How a face check ended. PASSED, NAME_MISMATCH and BELOW_THRESHOLD are billed."""

    PASSED = "passed"
    NOT_DONE = "not_done"
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105  a verdict, not a secret
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    NOT_LIVE = "not_live"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    NAME_MISMATCH = "name_mismatch"
    NO_PHOTO = "no_photo"
    BELOW_THRESHOLD = "below_threshold"
    TOO_OFTEN = "too_often"


@dataclass(slots=True)
class StartQuery:
    """Open a face check for one person; ``purpose`` is the step it is bound to."""

    name: str
    number: IdNumber
    purpose: str


@dataclass(slots=True)
class StartAnswer:
    """The token that the phone shows to the vendor's component."""

    token: str


@dataclass(slots=True)
class ResultQuery:
    """Read how the check behind a token ended."""

    token: str


@dataclass(slots=True)
class FaceAnswer:
    """Against the vendor's authority library. ``similarity_centi``: hundredths of a point of 100.

    ``purpose`` and ``number`` come back as they were given at the start; ``frame`` is the best
    picture of the person before the camera (None where none was taken). ``again``: it was read
    before, and a comparison is billed once.
    """

    verdict: FaceVerdict
    similarity_centi: int = 0
    live: bool = False
    frame: Picture | None = None
    number: IdNumber | None = None
    purpose: str = ""
    again: bool = False


@dataclass(slots=True)
class CompareQuery:
    """Compare a frame with a photo the bank has, from the ID network."""

    frame: Picture
    photo: Picture


@dataclass(slots=True)
class CompareAnswer:
    """The similarity in hundredths of a point; PASSED from the threshold on."""

    verdict: FaceVerdict
    similarity_centi: int = 0


class Face(Protocol):
    """The platform's questions to the face vendor."""

    async def start(self, trace: Trace, query: StartQuery) -> StartAnswer: ...

    async def result(self, trace: Trace, query: ResultQuery) -> FaceAnswer: ...

    async def compare(self, trace: Trace, query: CompareQuery) -> CompareAnswer: ...
