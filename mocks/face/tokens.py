"""Face verification inside an app: GetFaceIdToken, what the phone shows to it, GetFaceIdResult.

No port of the platform asks these. A token is good for ten minutes and one showing, its result for
three days (the vendor's documents). The result is a code in a text field, from the same table as
that of a mini-program; ``BILLED`` says which are charged for, once, when the face is shown.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from core.picture import Picture
from core.ports.face import THRESHOLD_CENTI, FaceVerdict
from mocks.face import cases
from mocks.face.codes import ERRORS
from mocks.face.desk import (
    RESULT_LIFE_S,
    TOKEN_LIFE_S,
    Desk,
    Token,
    face_in,
    number_in,
    score_centi,
)
from mocks.face.videos import video_base64
from mocks.spec import Billing, Operation, on
from mocks.tencent_call import (
    ENCRYPTED_ANSWER,
    ENCRYPTION,
    Action,
    case,
    require_plain,
    require_plain_answer,
    uuid_like,
)
from mocks.tencent_pictures import MIB, Rules, base64_of, picture_in
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.ports.people import Person
    from mocks.tenant import Tenant
    from mocks.tencent_call import Call, Office

PHOTO = Rules(8 * MIB)
BILLED = frozenset({FaceVerdict.PASSED, FaceVerdict.NAME_MISMATCH, FaceVerdict.BELOW_THRESHOLD})


async def get_face_id_token(call: Call) -> dict[str, Any]:
    """Open a check for a person of the library, or for a photo that the caller has."""
    require_plain(call.values.get("Encryption"), "IdCard", "Name", "ImageBase64")
    rule = call.text("RuleId")
    if rule and rule != call.tenant.credentials.rule_id:
        raise VendorError("InvalidParameterValue.RuleIdNotExist", "There is no such RuleId.")
    if call.flag("UseCos"):
        problem = "No bucket of this account is open to the service."
        raise VendorError("FailedOperation.StsUnAuthErrError", problem)
    subject = call.text("IdCard")
    if call.text("CompareLib") == "BUSINESS":
        for name in ("IdCard", "Name"):
            if not call.text(name):
                raise VendorError("MissingParameter", f"BUSINESS needs the parameter `{name}`.")
        if number_in(call.text("IdCard")) is None:
            raise VendorError("FailedOperation.IdFormatError", "It is no ID number.")
    else:
        given = picture_in(call, PHOTO)
        # Without its bytes: whom it shows is in its name, and tokens are kept by the thousand.
        call.values["Picture"] = Picture(given.ref, given.digest, given.size, given.media)
        subject = given.digest
    token = _mint(call, subject)
    call.values.pop("ImageBase64", None)
    return await call.judge(subject, _opened, token)


def _opened(call: Call, token: str) -> str:
    call.office.room(Desk).take(token, Token(call.values, call.tenant.now_s))
    call.told = {"FaceIdToken": token, "ClientConfig": ""}
    return "opened"


def _mint(call: Call, subject: str) -> str:
    """Return a token: the hash of the tenant, its key, whom it is for and how often they came.

    So it is the same whoever else asks meanwhile, and the likeness that is drawn by it too.
    """
    tenant, key = call.tenant, call.tenant.credentials.secret_key
    number = tenant.count(f"FaceIdToken/{subject}")
    return uuid_like(f"{tenant.name}\n{key}\n{subject}\n{number}", b"faceid").upper()


def show_face_id(office: Office, tenant: Tenant, token: str, person: Person) -> str | None:
    """Show what comes before a person's camera; return the code, or None for no such token.

    Shown a second time, or too late, nothing changes but the answer: 14 and 15.
    """
    desk = office.room(Desk)
    found = desk.token(token, tenant.now_s)
    if found is None:
        return None
    if found.code is not None:
        return "14"
    if tenant.now_s >= found.opened_s + TOKEN_LIFE_S:
        return "15"
    verdict = _judge(desk, tenant, found, person, token)
    found.code, found.shown_s = ERRORS[verdict][0], tenant.now_s
    if verdict in BILLED:
        tenant.billed["face.GetFaceIdResult"] += 1
    return str(found.code)


def _judge(desk: Desk, tenant: Tenant, found: Token, person: Person, token: str) -> FaceVerdict:
    """Compare who is before the camera with the library, or with the photo that was given."""
    face, number = person.shown_face, number_in(str(found.values.get("IdCard", "")))
    name = str(found.values.get("Name", ""))
    library = "Picture" not in found.values
    if library and number and not desk.may_compare(number, name, tenant.now_s):
        return FaceVerdict.TOO_OFTEN
    if not face:
        return FaceVerdict.NO_FACE
    found.frame = Picture.named(f"{face}#face/{token}")
    if not person.live:
        return FaceVerdict.NOT_LIVE
    holder = _holder(tenant, found.values.get("Picture"), number, name)
    if isinstance(holder, FaceVerdict):
        return holder
    found.similarity_centi = score_centi(tenant, face, holder, token)
    passed = found.similarity_centi >= THRESHOLD_CENTI
    return FaceVerdict.PASSED if passed else FaceVerdict.BELOW_THRESHOLD


def _holder(
    tenant: Tenant, own: Picture | None, number: IdNumber | None, name: str
) -> Person | FaceVerdict:
    """Return whose photo it is compared with, or why there is none."""
    if own is not None:
        shown = tenant.people.by_key(own.ref.partition("#")[0])
        return shown if shown and face_in(tenant.people, own) else FaceVerdict.NO_PHOTO
    holder = tenant.people.by_number(number) if number else None
    if holder is None or not holder.in_register:
        return FaceVerdict.NO_PHOTO
    if holder.register_name != name:
        return FaceVerdict.NAME_MISMATCH
    return holder if holder.library_photo else FaceVerdict.NO_PHOTO


async def get_face_id_result(call: Call) -> dict[str, Any]:
    """Read how the check behind a token ended, as often as one likes for three days."""
    require_plain_answer(call, "IsEncryptResponse")
    token = call.text("FaceIdToken")
    found = call.office.room(Desk).token(token, call.tenant.now_s)
    if found is None:
        raise VendorError("FailedOperation.InvalidTokenParameter", "There is no such token.")
    if found.code is not None and call.tenant.now_s >= found.shown_s + RESULT_LIFE_S:
        raise VendorError("FailedOperation.InvalidTokenParameter", "The result is gone.")
    return await call.judge(token, _ended, found)


def _ended(call: Call, found: Token) -> str:
    code = found.code
    if code is None:
        is_late = call.tenant.now_s >= found.opened_s + TOKEN_LIFE_S
        code = ERRORS[FaceVerdict.TOKEN_EXPIRED if is_late else FaceVerdict.NOT_DONE][0]
    call.told = _result(call, found, code)
    return str(code)


def _meant(call: Call, code: int) -> str:
    """Tell that a check ended so, whatever was shown to its token."""
    token = call.text("FaceIdToken")
    found = call.office.room(Desk).tokens[token]  # an unknown one was refused before
    meant = Token(found.values, found.opened_s, similarity_centi=SCORES_CENTI.get(code, 0))
    meant.frame = Picture.named(f"face/case#face/{token}") if meant.similarity_centi else None
    call.told = _result(call, meant, code)
    return str(code)


SCORES_CENTI = {ERRORS[verdict][0]: score for verdict, score in cases.SCORES_CENTI.items()}
RESULT = Operation(
    "GetFaceIdResult",
    billed=Billing(f"{on(*sorted(BILLED)).told}, when the face is shown", lambda _: False),
    cases=tuple(
        case(str(code), said, partial(_meant, code=code)) for code, said in ERRORS.values()
    ),
)


def _result(call: Call, found: Token, code: int) -> dict[str, Any]:
    similarity, frame = found.similarity_centi, found.frame
    with_frame = frame is not None and call.flag("IsNeedBestFrame")
    with_video = frame is not None and call.flag("IsNeedVideo")
    return {
        "IdCard": found.values.get("IdCard", ""),
        "Name": found.values.get("Name", ""),
        "Result": str(code),
        "Description": next(said for number, said in ERRORS.values() if number == code),
        "Similarity": similarity / 100 if similarity else 0,
        "VideoBase64": video_base64(frame.ref) if frame is not None and with_video else "",
        "BestFrameBase64": base64_of(frame) if with_frame else "",
        "Extra": found.values.get("Extra", ""),
        "DeviceInfoTag": None,
        "RiskInfoTag": "",
        "LivenessInfoTag": None,
        "DeviceInfoLevel": None,
        "Encryption": None,
        "EncryptedBody": "",
        "IdCardFrontBase64": "",
    }


ACTIONS = (
    Action(
        "GetFaceIdToken",
        "face",
        100,
        Fields(
            Field("CompareLib", required=True, choices=("LOCAL", "BUSINESS")),
            Field("IdCard"),
            Field("Name"),
            Field("ImageBase64"),
            Field("Meta"),
            Field("Extra", longest=1_000),
            Field("UseCos", "bool"),
            ENCRYPTION,
            Field("RuleId"),
            Field("MetaData"),
        ),
        get_face_id_token,
        spec=Operation("GetFaceIdToken"),
    ),
    Action(
        "GetFaceIdResult",
        "face",
        100,
        Fields(
            Field("FaceIdToken", required=True),
            Field("IsNeedVideo", "bool"),
            Field("IsNeedBestFrame", "bool"),
            Field("IsEncryptResponse", "bool"),
            ENCRYPTED_ANSWER,
        ),
        get_face_id_result,
        spec=RESULT,
    ),
)
