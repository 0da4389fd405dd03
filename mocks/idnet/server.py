"""The ID networking check (联网核查) as a gateway serves it: message 0001 asks, 0002 answers.

XML in UTF-8 or GB18030 (GBK and GB2312 are parts of it), as the document's declaration says; the
answer comes in the same. Whoever reaches the gateway is let in: in the field it stands in a leased
line, and the form knows no signature. Of SRC and BankCode only the twelve digits of BankCode are
asked. The tenant is the header's, or the default one.

What is broken is answered by a message too: CheckResult 05 with HTTP 200, and the reason in
Reserve. Where the line fails, CheckResult is 04 and the gateway's status says so too: 503, or 429
for a quota.

Source: the form found in public code; the schema itself is not public, so how HEAD is spelt and
what Reserve may hold are assumed.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape

from defusedxml import ElementTree as Defused  # type: ignore[import-untyped]

from core.errors import InputError, QuotaExceeded, ServerFailed
from core.identity import IdNumber
from core.ports.idnet import IdAnswer, IdQuery, IdVerdict
from mocks.spec import WireError
from mocks.tenant import NoAnswer
from mocks.wire import Reply

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from mocks.tenant import Tenant, Tenants
    from mocks.wire import Request

PATH = "/idnet/check"
BODY_MAX = 64 * 1024
NAME_MAX = 50
REMARK_MAX = 120
CENTRE = "100000000000"
APP = "联网核查公民身份信息系统"
UTF_8, GB = "UTF-8", "GB18030"
ENCODINGS = {"utf-8": UTF_8, "utf8": UTF_8, "gb18030": GB, "gbk": GB, "gb2312": GB}
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
BUSINESS = ("BankCode", "EntrustDate", "BusinessCode", "UserCode")
HEADING = ("SRC", "MsgNo", "MsgID")

RESULTS: dict[IdVerdict, str] = {
    IdVerdict.MATCH: "00",
    IdVerdict.MATCH_NO_PHOTO: "01",
    IdVerdict.NAME_DIFFERS: "02",
    IdVerdict.NO_SUCH_NUMBER: "03",
    IdVerdict.OTHER_ERROR: "04",
    IdVerdict.BAD_PARAMETER: "05",
}
FAILED = IdAnswer(IdVerdict.OTHER_ERROR)


def _broken(words: str) -> WireError:
    return WireError(RESULTS[IdVerdict.BAD_PARAMETER], 200, words)


# A message that is broken is told so in Reserve, word for word.
ELSEWHERE = _broken(f"messages are sent to {PATH}")
NOT_POSTED = _broken("messages are sent by POST")
TOO_LONG = _broken(f"a message has at most {BODY_MAX:,} bytes")
NO_ENCODING = _broken("write UTF-8 or GB18030")
NO_XML = _broken("no well-formed XML without a DTD")
NO_CFX = _broken("the root is not CFX")
NOT_0001 = _broken("MsgNo is not 0001")
NO_BANK_CODE = _broken("BankCode is not twelve digits")
NO_NAME = _broken(f"Name has not 1 to {NAME_MAX} characters")
TOO_OFTEN = WireError(RESULTS[FAILED.verdict], 429, "too many requests", "quota")
DOWN = WireError(RESULTS[FAILED.verdict], 503, "the register does not answer", "5xx")
ERRORS = (
    *(ELSEWHERE, NOT_POSTED, TOO_LONG, NO_ENCODING, NO_XML, NO_CFX),
    *(NOT_0001, NO_BANK_CODE, NO_NAME, TOO_OFTEN, DOWN),
)


class Malformed(Exception):
    """A message that cannot be answered; its text is what Reserve says."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.when)


class Message(NamedTuple):
    """What was read of message 0001, checked or not; fields that are not there are empty."""

    head: dict[str, str]
    business: dict[str, str]
    number: str
    name: str
    encoding: str


def nothing(encoding: str = UTF_8) -> Message:
    """Return a message of which nothing could be read."""
    return Message(dict.fromkeys(HEADING, ""), dict.fromkeys(BUSINESS, ""), "", "", encoding)


class IdNetFace:
    """The gateway to the register."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def serve(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            NoAnswer: the transport is to fail.
        """
        tenant, message, status, remark = self._tenants.default, nothing(), 200, ""
        try:
            tenant = self._tenants.of(request)
            require_form(request)
            message = read(request.body)
            # What is asked, without the moment and the number under which it was sent.
            asked = request._replace(body=message.name.encode("utf-8", "replace"))
            answer = await tenant.ask(
                "idnet.check",
                asked,
                message.number,
                query_of(message),
                message.business["BankCode"],
            )
        except NoAnswer:
            raise
        except (Malformed, InputError) as wrong:
            answer, remark = IdAnswer(IdVerdict.BAD_PARAMETER), str(wrong)[:REMARK_MAX]
        except QuotaExceeded:
            answer, status, remark = FAILED, TOO_OFTEN.status, TOO_OFTEN.when
        except ServerFailed:
            answer, status, remark = FAILED, DOWN.status, DOWN.when
        except Exception:  # noqa: BLE001  a mistake of our own is the register's "other error"
            answer, remark = FAILED, "the gateway failed"
        return write(tenant, message, answer, remark, status)


def require_form(request: Request) -> None:
    """Require that a request can be a message at all."""
    if request.path != PATH:
        raise Malformed(ELSEWHERE)
    if request.method != "POST":
        raise Malformed(NOT_POSTED)
    if len(request.body) > BODY_MAX:
        raise Malformed(TOO_LONG)


def read(body: bytes) -> Message:
    """Return message 0001 as far as it can be read. No entity is expanded, and no DTD is read."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    declared = DECLARED.match(body)
    encoding = ENCODINGS.get(declared[1].decode().lower() if declared else "utf-8")
    if encoding is None:
        raise Malformed(NO_ENCODING)
    try:
        # As text: expat knows no Chinese encoding, and passes over the declaration of a text.
        root: Element = Defused.fromstring(body.decode(encoding), forbid_dtd=True)
    except (ValueError, SyntaxError):  # the errors of codecs, of defusedxml and of expat
        raise Malformed(NO_XML) from None
    if root.tag != "CFX":
        raise Malformed(NO_CFX)
    person = "MSG/SingleCheckRequestMessage0001"
    return Message(
        {name: _text(root, f"HEAD/{name}") for name in HEADING},
        {name: _text(root, f"MSG/SingleCheckBusinessHead0001/{name}") for name in BUSINESS},
        _text(root, f"{person}/ID"),
        _text(root, f"{person}/Name"),
        encoding,
    )


def _text(root: Element, path: str) -> str:
    return (root.findtext(path) or "").strip()


def query_of(message: Message) -> IdQuery:
    """Return the question a message asks; a number of fifteen digits is read as its successor.

    Raises:
        Malformed, InputError: a field is not as it must be.
    """
    if message.head["MsgNo"] != "0001":
        raise Malformed(NOT_0001)
    if not re.fullmatch("[0-9]{12}", message.business["BankCode"]):
        raise Malformed(NO_BANK_CODE)
    if not 1 <= len(message.name) <= NAME_MAX:
        raise Malformed(NO_NAME)
    number = message.number
    return IdQuery(message.name, (IdNumber.from_15 if len(number) == 15 else IdNumber)(number))


def write(tenant: Tenant, asked: Message, answer: IdAnswer, remark: str, status: int) -> Reply:
    """Return message 0002."""
    told = "/".join((tenant.name, asked.head["SRC"], asked.head["MsgID"], asked.number))
    hashed = blake2b(told.encode("utf-8", "replace"), digest_size=8, person=b"idnet 0002").digest()
    day = f"{tenant.today:%Y%m%d}"
    head = {
        "VER": "1.0",
        "SRC": CENTRE,
        "DES": asked.head["SRC"],
        "APP": APP,
        "MsgNo": "0002",
        "MsgID": f"{day}{int.from_bytes(hashed, 'big') % 10**12:012d}",
        "MsgRef": asked.head["MsgID"],
        "WorkDate": day,
        "Reserve": remark,
    }
    person = {
        "ID": asked.number,
        "Name": asked.name,
        "CheckResult": RESULTS[answer.verdict],
        "IssueOffice": answer.authority,
        "Photo": b64encode(answer.photo.content).decode() if answer.photo else "",
    }
    message = {
        "SingleCheckResultHead0002": asked.business,
        "SingleCheckResultMessage0002": person,
    }
    declaration = f'<?xml version="1.0" encoding="{asked.encoding}"?>'
    text = f"{declaration}\n{_element('CFX', {'HEAD': head, 'MSG': message})}\n"
    media = f"application/xml; charset={asked.encoding}"
    return Reply(status, text.encode(asked.encoding, "xmlcharrefreplace"), media)


def _element(tag: str, content: str | dict[str, Any]) -> str:
    """Return an element of a text, or of other elements."""
    if isinstance(content, str):
        return f"<{tag}>{escape(content)}</{tag}>"
    inner = "".join(_element(name, held) for name, held in content.items())
    return f"<{tag}>{inner}</{tag}>"
