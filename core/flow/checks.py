"""The checks, once each: carrier, ID network, name list, face. Which step asks for which is data.

Each asks one provider, says no with one reason, and notes on the application what passed. An
answer that is neither yes nor no (a busy register, a library under repair) is an operating
error, never a yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.application import Reason
from core.errors import GaveUp, Refused
from core.flow import calls
from core.flow.require import require
from core.policies import Check
from core.ports.carrier import NameQuery, OwnerQuery, PhoneVerdict
from core.ports.face import CompareQuery, FaceVerdict, ResultQuery, StartQuery
from core.ports.idnet import IdQuery, IdVerdict
from core.ports.objects import PutQuery
from core.ports.sanctions import Screened, ScreenQuery
from core.store.records import Grant, Screening, mint

if TYPE_CHECKING:
    from core.application import Application, Step
    from core.flow.calls import Call
    from core.flow.errand import Errand
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.picture import Picture
    from core.ports.face import FaceAnswer
    from core.store.records import Customer

PHONE_NO: dict[PhoneVerdict, Reason] = {
    PhoneVerdict.DIFFERENT: Reason.PHONE_NOT_OWNED,
    PhoneVerdict.NO_RECORD: Reason.PHONE_NO_RECORD,
    PhoneVerdict.SEGMENT_UNSUPPORTED: Reason.PHONE_UNSUPPORTED,
    PhoneVerdict.BAD_NAME: Reason.PICTURE_NOT_READ,
    PhoneVerdict.BAD_NUMBER: Reason.PHONE_UNSUPPORTED,
}
FACE_NO: dict[FaceVerdict, Reason] = {
    FaceVerdict.NOT_DONE: Reason.FACE_NOT_SHOWN,
    FaceVerdict.TOKEN_UNKNOWN: Reason.FACE_NOT_SHOWN,
    FaceVerdict.TOKEN_EXPIRED: Reason.FACE_NOT_SHOWN,
    FaceVerdict.NOT_LIVE: Reason.FACE_NOT_LIVE,
    FaceVerdict.NO_FACE: Reason.FACE_NOT_SHOWN,
    FaceVerdict.SEVERAL_FACES: Reason.FACE_NOT_SHOWN,
    FaceVerdict.NAME_MISMATCH: Reason.ID_NAME_DIFFERS,
    FaceVerdict.BELOW_THRESHOLD: Reason.FACE_NOT_MATCHED,
    FaceVerdict.TOO_OFTEN: Reason.FACE_TOO_OFTEN,
}


@dataclass(slots=True)
class Case:
    """What every check needs: the platform, the errand it runs on, and whom it is about."""

    platform: Platform
    errand: Errand
    app: Application
    customer: Customer


async def carrier_name(case: Case, call: Call) -> None:
    """Require that the phone is registered in the customer's name (two elements)."""
    query = NameQuery(case.customer.phone, case.customer.name)
    answer = await case.errand.ask(call, case.platform.ports.carrier.name_matches, query)
    judge_phone(call, answer.verdict)
    case.app.checks.append((call.step, Check.CARRIER, answer.verdict))


async def carrier_owner(case: Case, call: Call) -> None:
    """Require that phone, name and ID number belong together (three elements)."""
    query = OwnerQuery(case.customer.phone, case.customer.name, case.customer.number)
    answer = await case.errand.ask(call, case.platform.ports.carrier.owner_matches, query)
    judge_phone(call, answer.verdict)
    case.app.checks.append((call.step, Check.CARRIER_OWNER, answer.verdict))


def judge_phone(call: Call, verdict: PhoneVerdict) -> None:
    """Go on only with SAME: a busy carrier or a spent daily limit is no answer at all."""
    if verdict is PhoneVerdict.SAME:
        return
    if verdict in PHONE_NO:
        raise Refused(PHONE_NO[verdict], verdict)
    raise GaveUp(call.operation, verdict)


async def id_network(case: Case, call: Call) -> Picture | None:
    """Require that name and number agree in the national register; return its photo, if any."""
    query = IdQuery(case.customer.name, case.customer.number)
    answer = await case.errand.ask(call, case.platform.ports.idnet.check, query)
    require(answer.verdict is not IdVerdict.NAME_DIFFERS, Reason.ID_NAME_DIFFERS)
    require(answer.verdict is not IdVerdict.NO_SUCH_NUMBER, Reason.ID_NOT_FOUND)
    if answer.verdict not in (IdVerdict.MATCH, IdVerdict.MATCH_NO_PHOTO):
        raise GaveUp(call.operation, answer.verdict)
    case.app.checks.append((call.step, Check.ID_NETWORK, answer.verdict))
    return answer.photo


async def name_list(case: Case, call: Call) -> None:
    """Require that the customer is on no list. The screening is kept, whatever it says."""
    query = ScreenQuery(case.customer.name, case.customer.number, call.step)
    answer = await case.errand.ask(call, case.platform.ports.sanctions.screen, query)
    screening = Screening(
        mint("S", case.app.id, str(call.number), case.errand.application, answer.list_version),
        case.app.bank,
        case.customer.id,
        case.app.id,
        call.step,
        answer.decision,
        answer.list_version,
        case.errand.date,
    )
    await case.platform.store.save(screening)
    require(answer.decision is not Screened.HIT, Reason.NAME_LIST_HIT)
    require(answer.decision is not Screened.REVIEW, Reason.NAME_LIST_REVIEW)
    case.app.checks.append((call.step, Check.NAME_LIST, answer.list_version))


# (start, result, keep) of the face check at each step that has one.
FACE_CALLS: dict[Step, tuple[Call, Call, Call]] = {
    calls.APPLY_FACE.step: (calls.APPLY_FACE, calls.APPLY_FACE_RESULT, calls.APPLY_KEEP),
    calls.ACCOUNT_FACE.step: (calls.ACCOUNT_FACE, calls.ACCOUNT_FACE_RESULT, calls.ACCOUNT_KEEP),
    calls.SIGN_FACE.step: (calls.SIGN_FACE, calls.SIGN_FACE_RESULT, calls.SIGN_KEEP),
    calls.DRAW_FACE.step: (calls.DRAW_FACE, calls.DRAW_FACE_RESULT, calls.DRAW_KEEP),
}


async def face(case: Case, step: Step, phone: Phone, photo: Picture | None = None) -> str:
    """Require the customer's own living face, bound to this step; return the check's token.

    The face is compared with the vendor's authority library by name and number, and with
    ``photo`` of the ID network where one is given. Neither there: FACE_NO_REFERENCE.
    """
    start, result, keep = FACE_CALLS[step]
    port = case.platform.ports.face
    query = StartQuery(case.customer.name, case.customer.number, purpose=step)
    token = (await case.errand.ask(start, port.start, query)).token
    await phone.show_face(token)
    answer = await case.errand.ask(result, port.result, ResultQuery(token))
    judge_face(answer, step, case.customer, has_photo=photo is not None)
    assert answer.frame is not None
    if photo is not None:
        compared = await case.errand.ask(
            calls.ACCOUNT_COMPARE, port.compare, CompareQuery(answer.frame, photo)
        )
        require(compared.verdict is FaceVerdict.PASSED, Reason.FACE_NOT_MATCHED)
        case.app.checks.append((step, Check.FACE_PHOTO, token))
    put = case.platform.ports.objects.put
    kept = await case.errand.ask(keep, put, PutQuery("face", answer.frame))
    # At once: if the step goes no further, the picture is there all the same, and has an owner.
    await case.platform.store.save(grant_of(case, case.app.id, kept.key, f"face:{step}"))
    case.app.checks.append((step, Check.FACE, token))
    return token


def grant_of(case: Case, holder: str, key: str, purpose: str) -> Grant:
    """Return the grant by which the case's customer's picture is referred to from now on."""
    bank, customer = case.app.bank, case.customer.id
    grant_id = Grant.id_of(bank, holder, purpose, key)
    return Grant(grant_id, bank, key, holder, customer, purpose, case.errand.date)


def judge_face(answer: FaceAnswer, step: Step, customer: Customer, has_photo: bool) -> None:
    """Go on only with a live face of this customer, shown for this step.

    A library without the person's photo is forgiven only where the ID network gave one.
    """
    if answer.verdict is FaceVerdict.NO_PHOTO:
        require(has_photo, Reason.FACE_NO_REFERENCE)
        require(answer.live, Reason.FACE_NOT_LIVE)
    elif answer.verdict is not FaceVerdict.PASSED:
        raise Refused(FACE_NO[answer.verdict], answer.verdict)
    # A token is good for one person and one step: whose it is comes back with the result.
    require(answer.purpose == step and answer.number == customer.number, Reason.FACE_FOREIGN)
