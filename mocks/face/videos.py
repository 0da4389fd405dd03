"""LivenessCompare: is the person in a video alive, and whose face is it? No port asks this.

A video of ours is any bytes in one of the vendor's formats that name, after ``loanrange:`` and up
to a NUL, whom they show: a person's key and ``#video`` is that person before the camera, a frame's
name is the face in it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from core.picture import Picture
from mocks.face.desk import score_centi
from mocks.face.pictures import SUCCESS, passed, spec_of, tell
from mocks.tencent_call import Action
from mocks.tencent_pictures import JPEG_PNG, MIB, Rules, base64_of, bytes_in, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.ports.people import Person
    from mocks.tencent_call import Call

COMPARED = Rules(3 * MIB, url_first=False)
VIDEO = Rules(8 * MIB, JPEG_PNG, unreadable="FailedOperation.VideoDecodeFailed")
VIDEO_MARK = b"loanrange:"
NO_FACE = {
    "LIP": "LipFaceIncomplete",
    "ACTION": "ActionNodetectFace",
    "SILENT": "SilentFaceDetectFail",
}
NOT_LIVE = {"LIP": "LivessDetectFake", "ACTION": "LivessDetectFake", "SILENT": "SilentDetectFail"}
# Each once, as the cases are called.
RESULTS = tuple(
    dict.fromkeys(
        (
            *(SUCCESS, "CompareLowSimilarity", "LifePhotoDetectNoFaces"),
            *NO_FACE.values(),
            *NOT_LIVE.values(),
        )
    )
)


def video_of(ref: str) -> bytes:
    """Return a stand-in for a video: an MP4 of two boxes, the second naming whom it shows."""
    kind = b"ftypmp42\0\0\0\0mp42isom"
    said = VIDEO_MARK + ref.encode() + b"\0"
    return b"".join(
        [
            (len(kind) + 4).to_bytes(4, "big") + kind,
            (len(said) + 8).to_bytes(4, "big") + b"free" + said,
        ]
    )


def _is_video(content: bytes) -> bool:
    """Whether bytes begin as an MP4, AVI or FLV file does."""
    return content[4:8] == b"ftyp" or content.startswith((b"RIFF", b"FLV\x01"))


def _before_camera(call: Call, content: bytes) -> tuple[str, bool]:
    """Return whose face a video shows, and whether somebody alive holds it there."""
    said = content.partition(VIDEO_MARK)[2].partition(b"\0")[0].decode("utf-8", "replace")
    key, _, kind = said.partition("#")
    if kind.startswith("face/"):
        return key, True
    person = call.tenant.people.by_key(key) if kind == "video" else None
    return (person.shown_face, person.live) if person else ("", False)


async def liveness_compare(call: Call) -> dict[str, Any]:
    """Compare the face in a video, if it is alive, with a photo that the caller has."""
    kind = call.text("LivenessType")
    if kind != "SILENT" and not call.text("ValidateData"):
        raise VendorError("MissingParameter", f"ValidateData is needed for {kind}.")
    frames = _frames_wanted(call)
    picture = picture_in(call, COMPARED, url="ImageUrl")
    content = _video(call)
    shown = _before_camera(call, content)
    return await call.judge(picture.digest, _compared, picture, shown, frames)


def _nothing(call: Call, result: str, score: int = 0) -> str:
    return tell(call, result, score, BestFrameBase64=None, BestFrameList=[])


def _compared(call: Call, picture: Picture, shown: tuple[str, bool], frames: int) -> str:
    (face, live), kind = shown, call.text("LivenessType")
    if not face:
        return _nothing(call, NO_FACE[kind])
    frame = base64_of(Picture.named(f"{face}#face/{picture.digest[:16]}"))
    if not live:
        return tell(call, NOT_LIVE[kind], BestFrameBase64=frame, BestFrameList=[])
    holder = _holder(call, picture)
    if holder is None:
        return _nothing(call, "LifePhotoDetectNoFaces")
    score = score_centi(call.tenant, face, holder, picture.digest)
    best = [frame] * frames
    return tell(call, passed(score), score, BestFrameBase64=frame, BestFrameList=best)


def _frames_wanted(call: Call) -> int:
    """Return how many frames ``Optional`` asks for (2 to 10); none where it says nothing."""
    text = call.text("Optional")
    try:
        said = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        said = None
    wanted = said.get("BestFrameNum", 0) if isinstance(said, dict) else None
    if type(wanted) is not int or not (wanted == 0 or 2 <= wanted <= 10):
        raise VendorError("InvalidParameterValue", "Optional: BestFrameNum is 2 to 10.")
    return wanted


def _video(call: Call) -> bytes:
    text, address = call.text("VideoBase64"), call.text("VideoUrl")
    if not text and address:
        raise VendorError(VIDEO.not_fetched, "The video cannot be downloaded from here.")
    if not text:
        raise VendorError("MissingParameter", "The parameter `VideoBase64` is missing.")
    content = bytes_in(text, VIDEO)
    if not _is_video(content):
        raise VendorError(VIDEO.unreadable, "The video cannot be decoded.")
    return content


def _holder(call: Call, picture: Picture) -> Person | None:
    """Return the person that a photo is of."""
    key, _, kind = picture.ref.partition("#")
    known = kind in ("front", "portrait", "idnet")
    return call.tenant.people.by_key(key) if known else None


def video_base64(ref: str) -> str:
    """Return a stand-in for a video in Base64."""
    return b64encode(video_of(ref)).decode()


ACTIONS = (
    Action(
        "LivenessCompare",
        "face",
        100,
        Fields(
            Field("LivenessType", required=True, choices=("LIP", "ACTION", "SILENT")),
            Field("ImageBase64"),
            Field("ImageUrl"),
            Field("ValidateData"),
            Field("Optional"),
            Field("VideoBase64"),
            Field("VideoUrl"),
        ),
        liveness_compare,
        spec=spec_of("LivenessCompare", RESULTS, _nothing),
    ),
)
