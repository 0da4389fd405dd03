"""Tencent Cloud IAI 2020-03-03 on the wire: CompareFace, two pictures and how alike they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.picture import Picture
from core.ports.face import CompareQuery, FaceVerdict
from mocks.face.desk import face_in
from mocks.spec import ASSUMED
from mocks.tencent_call import Action
from mocks.tencent_pictures import JPEG_PNG_BMP, MIB, Rules, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.ports.face import CompareAnswer
    from mocks.tencent_call import Call

COMPARED = Rules(
    5 * MIB,
    JPEG_PNG_BMP,
    too_large="FailedOperation.ImageSizeExceed",
    empty="InvalidParameterValue.ImageEmpty",
    not_fetched="FailedOperation.ImageDownloadError",
)
NO_FACE = ("InvalidParameterValue.NoFaceInPhoto", "There is no face in a picture.")
NOT_COMPARED: dict[FaceVerdict, tuple[str, str]] = {
    FaceVerdict.NO_FACE: NO_FACE,
    FaceVerdict.NO_PHOTO: ("FailedOperation.ImageFacedetectFailed", "No face could be found."),
    FaceVerdict.SEVERAL_FACES: ("FailedOperation.LifePhotoDetectFaces", "There are several faces."),
    FaceVerdict.NOT_LIVE: ("FailedOperation.LifePhotoDetectFake", "It is no living face."),
    FaceVerdict.TOO_OFTEN: ("FailedOperation.RequestLimitExceeded", "Too often."),
}
# The scales of the two models meet where the vendor says how many strangers pass: one in a
# thousand, ten thousand, a hundred thousand. Between these points they are taken as straight.
MODEL_2 = (0, 7_000, 8_000, 9_000, 10_000)
MODEL_3 = (0, 4_000, 5_000, 6_000, 10_000)


async def compare_face(call: Call) -> dict[str, Any]:
    """Answer how alike the faces in two pictures are, on the scale of the model asked for."""
    frame, photo = _pair(call)
    query = CompareQuery(frame, photo)
    answer: CompareAnswer = await call.ask("face.compare", photo.ref or photo.digest, query)
    if answer.verdict not in (FaceVerdict.PASSED, FaceVerdict.BELOW_THRESHOLD):
        raise VendorError(*NOT_COMPARED.get(answer.verdict, NO_FACE))
    model = call.text("FaceModelVersion") or "3.0"
    score = answer.similarity_centi if model == "2.0" else on_scale_3(answer.similarity_centi)
    return {"Score": score / 100, "FaceModelVersion": model}


def _pair(call: Call) -> tuple[Picture, Picture]:
    """Return the two pictures, the one from a camera first.

    Where both are photos, the face in the first is held against the second, as if it had come
    before a camera.
    """
    first = picture_in(call, COMPARED, "ImageA", "UrlA")
    second = picture_in(call, COMPARED, "ImageB", "UrlB")
    if _is_frame(second) and not _is_frame(first):
        return second, first
    face = face_in(call.tenant.people, first)
    if face and not _is_frame(first):
        first = Picture.named(f"{face}#face/{first.digest[:16]}")
    return first, second


def _is_frame(picture: Picture) -> bool:
    return picture.ref.partition("#")[2].startswith("face/")


def on_scale_3(similarity_centi: int) -> int:
    """Return a score of model 2.0, which the behaviour draws, on the scale of model 3.0."""
    place = next(n for n, bound in enumerate(MODEL_2[1:], 1) if similarity_centi <= bound)
    low, high = MODEL_2[place - 1], MODEL_2[place]
    from_, to = MODEL_3[place - 1], MODEL_3[place]
    return from_ + round((similarity_centi - low) * (to - from_) / (high - low))


_MODEL_REFUSED = "InvalidParameterValue.FaceModelVersionIllegal"
_QUALITY_REFUSED = "InvalidParameterValue.QualityControlIllegal"

ACTIONS = (
    Action(
        "CompareFace",
        "face",
        50,
        Fields(
            Field("ImageA"),
            Field("ImageB"),
            Field("UrlA"),
            Field("UrlB"),
            Field("FaceModelVersion", choices=("2.0", "3.0"), refused=_MODEL_REFUSED),
            Field("QualityControl", "uint", choices=(0, 1, 2, 3, 4), refused=_QUALITY_REFUSED),
            Field("NeedRotateDetection", "uint", choices=(0, 1)),
            Field("FaceMatchingStrategy", "uint", choices=(0, 1)),
        ),
        compare_face,
        ASSUMED,  # the vendor's table has not been seen
    ),
)
