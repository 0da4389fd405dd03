"""The ID networking check (联网核查公民身份信息系统) as XML: message 0001 asks, 0002 answers.

Source: the form found in public code (``CFX`` with ``HEAD`` and ``MSG``); the schema itself is not
public. The result codes are those of most gateways; another gateway's belong into another table
here, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml import ElementTree as Defused  # type: ignore[import-untyped]

from core.errors import NotDone, Unreadable
from core.ports.idnet import IdAnswer, IdVerdict
from core.wire.message import Exchange, HttpRequest, picture_in, require_ok

if TYPE_CHECKING:
    from core.ports.idnet import IdQuery
    from core.ports.trace import Trace

OPERATION = "idnet.check"
PATH = "/idnet/check"
CENTRE = "100000000000"  # the register's own node
APP = "联网核查公民身份信息系统"
CHINA = timezone(timedelta(hours=8))

VERDICTS: dict[str, IdVerdict] = {
    "00": IdVerdict.MATCH,
    "01": IdVerdict.MATCH_NO_PHOTO,
    "02": IdVerdict.NAME_DIFFERS,
    "03": IdVerdict.NO_SUCH_NUMBER,
    "04": IdVerdict.OTHER_ERROR,
    "05": IdVerdict.BAD_PARAMETER,
}
ABOUT_SOMEBODY = frozenset({"00", "01", "02", "03"})
# What an XML 1.0 text cannot hold (section 2.2), not even escaped.
UNSPEAKABLE = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class IdNetAccess:
    """Who asks: ``bank_code`` gives a bank's twelve digits, ``user_code`` is its clerk's.

    ``unix_s`` is the time a check was entrusted at.
    """

    bank_code: Callable[[str], str]
    user_code: str
    unix_s: Callable[[], float]


class IdNetWire:
    """The ID network, over the gateway's wire."""

    def __init__(self, access: IdNetAccess) -> None:
        self._access = access

    def check(self, trace: Trace, query: IdQuery) -> Exchange[IdAnswer]:
        if UNSPEAKABLE.search(query.name):
            raise NotDone(OPERATION, "the name holds what XML cannot")
        headers = {"Content-Type": "application/xml; charset=utf-8"}
        response = yield HttpRequest("POST", PATH, headers, self._asked(trace, query))
        require_ok(OPERATION, response)
        return _told(response.body, query)

    def _asked(self, trace: Trace, query: IdQuery) -> bytes:
        """Return message 0001."""
        bank_code = self._access.bank_code(trace.bank)
        at = datetime.fromtimestamp(self._access.unix_s(), CHINA)
        number = _message_id(trace)
        head = {
            "VER": "1.0",
            "SRC": bank_code,
            "DES": CENTRE,
            "APP": APP,
            "MsgNo": "0001",
            "MsgID": number,
            "MsgRef": number,
            "WorkDate": f"{trace.date:%Y%m%d}",
            "Reserve": "",
        }
        business = {
            "BankCode": bank_code,
            "EntrustDate": f"{at:%Y%m%d%H%M%S}",
            "BusinessCode": "01",
            "UserCode": self._access.user_code,
        }
        root = Element("CFX")
        _add(root, "HEAD", head)
        message = SubElement(root, "MSG")
        _add(message, "SingleCheckBusinessHead0001", business)
        person = {"ID": query.number.text, "Name": query.name}
        _add(message, "SingleCheckRequestMessage0001", person)
        message_0001: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
        return message_0001


def _add(parent: Element, tag: str, fields: dict[str, str]) -> None:
    group = SubElement(parent, tag)
    for name, text in fields.items():
        SubElement(group, name).text = text


def _message_id(trace: Trace) -> str:
    """Return the attempt's number: its date, and twelve digits that are made of its name."""
    asked = f"{trace.bank}/{trace.application}/{trace.call}/{trace.attempt}"
    hashed = blake2b(asked.encode(), digest_size=8, person=b"idnet").digest()
    return f"{trace.date:%Y%m%d}{int.from_bytes(hashed, 'big') % 10**12:012d}"


def _told(body: bytes, query: IdQuery) -> IdAnswer:
    """Return what message 0002 says.

    Raises:
        Unreadable: it is none, has another code, or speaks of somebody else.
    """
    try:
        # As text: whatever encoding the document claims, the agreed one is UTF-8.
        root: Element = Defused.fromstring(body.decode("utf-8-sig"), forbid_dtd=True)
    except (ValueError, SyntaxError):  # expat's and defusedxml's errors are such
        raise Unreadable(OPERATION, "no XML") from None
    if root.tag != "CFX" or root.findtext("HEAD/MsgNo") != "0002":
        raise Unreadable(OPERATION, "no message 0002")
    result = root.find("MSG/SingleCheckResultMessage0002")
    fields = {} if result is None else {field.tag: (field.text or "").strip() for field in result}
    code = fields.get("CheckResult", "")
    if code not in VERDICTS:
        raise Unreadable(OPERATION, "field CheckResult")
    # The name is not compared: the register writes "?" for characters that it lacks.
    if code in ABOUT_SOMEBODY and fields.get("ID") != query.number.text:
        raise Unreadable(OPERATION, "field ID")
    return _answer(VERDICTS[code], fields)


def _answer(verdict: IdVerdict, fields: dict[str, str]) -> IdAnswer:
    authority = fields.get("IssueOffice", "")
    if verdict is IdVerdict.MATCH:  # whose meaning is that there is a photo
        photo = picture_in(OPERATION, "".join(fields.get("Photo", "").split()))
        return IdAnswer(verdict, photo, authority)
    if verdict is IdVerdict.MATCH_NO_PHOTO:
        return IdAnswer(verdict, None, authority)
    return IdAnswer(verdict)
