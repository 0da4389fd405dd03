"""Enter: a code becomes a session, and the bank knows by which way the customer came."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.application import Reason, Step
from core.flow import calls
from core.flow.errand import Errand
from core.flow.require import require
from core.ports.wechat import CodeVerdict, LoginQuery, UserKeysQuery
from core.store.records import Entry, Front, Session, mint

if TYPE_CHECKING:
    from core.flow.platform import Platform

# WeChat's scene numbers behind each way in, the usual one first. ``staff`` is a scan too: the
# referrer stands in the code's own query, not in the scene.
SCENES: dict[Entry, tuple[int, ...]] = {
    Entry.SCAN: (1047, 1048, 1049, 1011, 1012, 1013),
    Entry.SHARE: (1007, 1008, 1044, 1036),
    Entry.OFFICIAL_ACCOUNT: (1035, 1043, 1058, 1074),
    Entry.HISTORY: (1001, 1089, 1090, 1027),
    Entry.MOMENTS_AD: (1045, 1046),
    Entry.STAFF: (1047,),
}


@dataclass(slots=True)
class Entrance:
    """How the mini-program was opened: ``visit`` tells one visit from another."""

    bank: str
    entry: Entry
    visit: str
    referrer: str = ""


async def enter(platform: Platform, entrance: Entrance, code: str, tries: int = 0) -> Session:
    """Open a session for the customer behind a login code.

    Raises:
        Refused: LOGIN_FAILED.
        GaveUp: WeChat does not answer.
    """
    return (await log_in(platform, entrance, code, tries))[0]


async def log_in(
    platform: Platform, entrance: Entrance, code: str, tries: int = 0
) -> tuple[Session, str]:
    """Do as :func:`enter`, and return the session key of WeChat too, which is not kept.

    Raises:
        Refused, GaveUp: as there.
    """
    platform.bank(entrance.bank)
    visit = mint("V", entrance.bank, entrance.visit)
    errand = Errand(platform.clock, entrance.bank, visit, Step.ENTER, tries)
    login = await errand.ask(calls.LOGIN, platform.ports.wechat.login, LoginQuery(code))
    require(login.verdict is CodeVerdict.OK, Reason.LOGIN_FAILED, login.verdict)

    session = Session(
        visit,
        entrance.bank,
        login.openid,
        entrance.entry,
        SCENES[entrance.entry][0],
        entrance.referrer,
        platform.clock.now_s,
    )
    await platform.store.save(session)
    return session, login.session_key


async def admit(platform: Platform, entrance: Entrance, front: Front, subject: str) -> Session:
    """Open a session for a customer whom another front end of the bank has logged in.

    ``subject`` is the front end's own name for them; nobody of another front end has it.
    """
    platform.bank(entrance.bank)
    session = Session(
        mint("V", entrance.bank, front, entrance.visit),
        entrance.bank,
        f"{front}:{subject}",
        entrance.entry,
        0,
        entrance.referrer,
        platform.clock.now_s,
        front,
    )
    await platform.store.save(session)
    return session


async def user_key(
    platform: Platform, session: Session, session_key: str, version: int
) -> bytes | None:
    """Return a key that WeChat shares with the customer's phone; None where it does not (any more).

    Raises:
        GaveUp: WeChat does not answer.
    """
    errand = Errand(platform.clock, session.bank, session.id, Step.ENTER)
    query = UserKeysQuery(session.openid, session_key)
    told = await errand.ask(calls.USER_KEYS, platform.ports.wechat.user_keys, query)
    found = [key for key in told.keys if key.version == version and key.left_s > 0]
    return b64decode(found[0].key) if found else None
