"""The phones of a tenant's people: what WeChat and the face vendor let only a phone do."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from fastapi import Request

from core.errors import InputError
from core.identity import IdNumber
from core.seed import Draws
from mocks.control.door import Strict, Theirs
from mocks.wechat.codes import read

if TYPE_CHECKING:
    from core.ports.people import Person
    from mocks.tenant import Tenant
    from mocks.tencent import TencentFace
    from mocks.wechat.server import WeChatFace

SCANNED = 1047  # WeChat's scene number of a mini-program that was opened by scanning its code


class Phones:
    """Everybody's phone, with WeChat's client and the face vendor's component on it."""

    def __init__(self, wechat: WeChatFace, tencent: TencentFace) -> None:
        self._wechat = wechat
        self._tencent = tencent

    def show_face(self, tenant: Tenant, token: str, person: Person, draws: Draws) -> str:
        """Do the face step of a FaceIdToken or a BizToken; return how it ended."""
        shown = self._tencent.show(tenant, token, person)
        if shown is not None:
            return shown
        return str(tenant.behaviours["face"].show(token, person, tenant.now_s, draws))

    def user_key(self, tenant: Tenant, openid: str) -> dict[str, Any]:
        """Return the newest key that somebody's phone shares with the server.

        The fields are those of ``UserCryptoManager.getLatestUserKey``.

        Raises:
            InputError: nobody logged in with this openid.
        """
        now = int(tenant.now_s)
        keys = self._wechat.account(tenant).sessions.user_keys(openid, now)
        if not keys:
            remedy = "change a login code of theirs first (/sns/jscode2session)"
            raise InputError(f"openid {openid!r}", "is not logged in", remedy)
        newest = keys[0]
        return {
            "encryptKey": newest.encrypt_key,
            "iv": newest.iv,
            "version": newest.version,
            "expireTime": newest.left_s(now),
        }


def person_of(tenant: Tenant, id_number: str, openid: str) -> Person:
    """Return whose phone is meant.

    Raises:
        InputError: an ID number that is none, or nobody.
    """
    found = None
    if id_number:
        found = tenant.people.by_number(IdNumber(id_number))
    elif openid:
        found = tenant.people.by_openid(openid)
    if found is None:
        whom = id_number or openid or "nobody"
        raise InputError(f"person {whom!r}", "is unknown", "GET /_control/people names some")
    return found


class Holder(Strict):
    """Whose phone it is, by ID number or by openid; ``nonce`` tells one act from the next."""

    id_number: str = ""
    openid: str = ""
    nonce: str = ""


class FaceShown(Holder):
    """Somebody before a camera; ``key`` and ``number`` name the chance, for our own phones."""

    biz_token: str
    key: str = ""  # a number of 64 bits, which JSON does not hold
    number: int = 0


class Grant(Holder):
    """A customer agrees to one more message of a template."""

    template: str


class Scanned(Strict):
    """The picture of a code before a camera."""

    image_base64: str


def _phones(request: Request) -> Phones:
    phones: Phones = request.app.state.phones
    return phones


def _nonce(tenant: Tenant, holder: Holder) -> str:
    return holder.nonce or f"device/{tenant.count(f'device/{holder.openid or holder.id_number}')}"


async def login(tenant: Theirs, body: Holder) -> dict[str, str]:
    """Mint a login code, as ``wx.login`` does on a phone."""
    openid = body.openid or person_of(tenant, body.id_number, "").openid
    wechat, nonce = tenant.behaviours["wechat"], _nonce(tenant, body)
    return {"js_code": wechat.device_login(openid, nonce, tenant.now_s)}


async def phone_code(tenant: Theirs, body: Holder) -> dict[str, str]:
    """Mint a phone code, as the button ``getPhoneNumber`` does."""
    openid = person_of(tenant, body.id_number, body.openid).openid
    wechat, nonce = tenant.behaviours["wechat"], _nonce(tenant, body)
    return {"code": wechat.device_phone_code(openid, nonce, tenant.now_s)}


async def face(request: Request, tenant: Theirs, body: FaceShown) -> dict[str, str]:
    """Show a face to the vendor's component."""
    person = person_of(tenant, body.id_number, body.openid)
    if body.key and not (body.key.isascii() and body.key.isdecimal()):
        raise InputError("key", f"{body.key!r} is no number", "leave it out")
    key = int(body.key) if body.key else tenant.house.seed.key("device", body.biz_token)
    draws = Draws(key, body.number, 0)
    return {"verdict": _phones(request).show_face(tenant, body.biz_token, person, draws)}


async def grant(tenant: Theirs, body: Grant) -> dict[str, str]:
    """Agree to one more message of a template, as ``wx.requestSubscribeMessage`` asks."""
    openid = body.openid or person_of(tenant, body.id_number, "").openid
    tenant.behaviours["wechat"].grant(openid, body.template)
    return {"openid": openid}


async def encrypt_key(request: Request, tenant: Theirs, body: Holder) -> dict[str, Any]:
    """Tell the newest user key, as ``UserCryptoManager.getLatestUserKey`` does on a phone."""
    openid = body.openid or person_of(tenant, body.id_number, "").openid
    return _phones(request).user_key(tenant, openid)


async def scan(tenant: Theirs, body: Scanned) -> dict[str, Any]:
    """Scan a mini-program's code; tell what ``wx.getLaunchOptionsSync`` tells the page it opens.

    Raises:
        InputError: no Base64, no picture, or no code of a mini-program.
    """
    del tenant  # a code leads to whatever mini-program it names
    try:
        content = b64decode(body.image_base64, validate=True)
    except ValueError:
        raise InputError("image_base64", "is no Base64", "encode the picture's bytes") from None
    link = read(content)
    return {
        "appid": link.appid,
        "path": link.page,
        "query": {"scene": link.scene},
        "scene": SCANNED,
        "env_version": link.version,
    }
