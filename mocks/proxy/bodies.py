"""Bodies as trees: JSON, XML, forms, multipart; what is none of them is bytes.

A body is read for what it is, whatever its header says of it: a gateway that calls its JSON
``text/plain`` must not get past the masks.
"""

from __future__ import annotations

import json
import re
import zlib
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, quote, quote_from_bytes
from xml.etree import ElementTree

from defusedxml import ElementTree as Defused  # type: ignore[import-untyped]

from mocks.proxy.kinds import LONG_TEXT, media_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

UNPACKED_MAX = 64 * 1024 * 1024  # bytes: what unpacks to more is kept as bytes
PARTS_MAX = 1_000
BOUNDARY = "loanrange-recorded-part"  # of the parts that are written
UTF_8, GB = "utf-8", "gb18030"
FORM = "application/x-www-form-urlencoded"
# XML 1.0, section 4.3.3.
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
_CHINESE = frozenset(("gbk", "gb2312", "gb18030"))
_PAIR = rb"[^&=\s<>{}\"]{1,200}=[^&\s<>{}\"]*"
_PAIRS = re.compile(_PAIR + rb"(?:&" + _PAIR + rb")*")

Pair = tuple[str, str]


class Body(NamedTuple):
    """What a message holds. ``form`` says what ``value`` is.

    ``empty``: nothing; ``json``: the value; ``xml`` and ``text``: the text; ``form``: pairs;
    ``multipart``: the parts; ``bytes``: the bytes, or what stands for them. ``encoding`` is the
    text's; ``media`` is told of bytes only.
    """

    form: str = "empty"
    value: Any = None
    encoding: str = UTF_8
    media: str = ""


class Part(NamedTuple):
    """A part of a multipart body."""

    name: str
    filename: str
    body: Body


def read_body(content: bytes, media: str = "", coding: str = "") -> Body:
    """Return a body as a tree; ``media`` is its Content-Type, ``coding`` how it is packed."""
    unpacked = _unpacked(content, coding.strip().lower())
    if unpacked is None:
        return Body("bytes", content, media=_media(media))
    if not unpacked.strip():
        return Body() if not unpacked else Body("bytes", unpacked, media=_media(media))
    if media.lower().lstrip().startswith("multipart/"):
        return _multipart(unpacked, media)
    if media_of(unpacked):
        return Body("bytes", unpacked, media=media_of(unpacked))
    encoding, text = decoded_text(unpacked)
    if text is None:
        return Body("bytes", unpacked, media=_media(media))
    return _of_text(unpacked, text, encoding, _media(media))


def _of_text(content: bytes, text: str, encoding: str, media: str) -> Body:
    tree = json_in(text)
    if tree is not NOTHING:
        return Body("json", tree, encoding)
    if xml_in(text) is not None:
        return Body("xml", text, encoding)
    if media == FORM or _PAIRS.fullmatch(content.strip()):
        return Body("form", pairs_in(content.strip()), encoding)
    if len(text) > LONG_TEXT:
        return Body("bytes", content, media=media)
    return Body("text", text, encoding)


def write_body(body: Body) -> bytes:
    """Return a body's bytes; of bytes that were not kept, none. Parts are parted by BOUNDARY."""
    if body.form == "json":
        told = json.dumps(body.value, ensure_ascii=False, separators=(",", ":"))
    elif body.form == "xml":
        name = "GB18030" if body.encoding == GB else "UTF-8"
        told = f'<?xml version="1.0" encoding="{name}"?>{body.value}'
    elif body.form == "form":
        return write_pairs(body.value).encode()
    elif body.form == "text":
        told = body.value
    elif body.form == "multipart":
        return b"".join([*map(_written, body.value), f"--{BOUNDARY}--\r\n".encode()])
    else:
        return body.value if isinstance(body.value, bytes) else b""
    return told.encode(body.encoding, "replace")


def _written(part: Part) -> bytes:
    """Return a part of a multipart body (RFC 7578); its names are percent-encoded where need be."""
    told = f'name="{quote(part.name, safe=" ")}"'
    if part.filename:
        told += f'; filename="{quote(part.filename, safe=" ")}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {told}\r\n\r\n"
    return head.encode() + write_body(part.body) + b"\r\n"


# Texts


def decoded_text(content: bytes) -> tuple[str, str | None]:
    """Return the encoding and the text of bytes: UTF-8 or Chinese; None where they are neither."""
    told = _DECLARED.match(content)
    first = GB if told and told[1].decode().lower() in _CHINESE else UTF_8
    for encoding in dict.fromkeys((first, UTF_8, GB)):
        try:
            text = content.decode("utf-8-sig" if encoding == UTF_8 else encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding, text
    return UTF_8, None


class _Nothing:
    """No JSON."""


NOTHING = _Nothing()


def json_in(text: str) -> Any:
    """Return the object, array or other value of a JSON text; ``NOTHING`` where it is none.

    A lone word (``true``, ``12``) is a text here. Decimals are floats: their digits are not kept.
    """
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return NOTHING
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOTHING


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def xml_in(text: str) -> ElementTree.Element | None:
    """Return the root of an XML text without a DTD; None where it is none."""
    if text.lstrip()[:1] != "<":
        return None
    try:
        # As text, so that the declared encoding has no part in it: it is decoded already.
        root: ElementTree.Element = Defused.fromstring(text.lstrip(), forbid_dtd=True)
    except (ValueError, SyntaxError, RecursionError):
        return None
    return root


def write_xml(root: ElementTree.Element) -> str:
    """Return an element as text, without a declaration."""
    told: str = ElementTree.tostring(root, encoding="unicode")
    return told


# Forms and queries


def pairs_in(content: bytes) -> list[Pair]:
    """Return the pairs of a form or a query, decoded; a name without a value has an empty one."""
    found = parse_qsl(content.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return [(_again(name), _again(value)) for name, value in found]


def _again(text: str) -> str:
    return text_of(text.encode("latin-1", "replace"))


def text_of(raw: bytes) -> str:
    """Return bytes as a text: in UTF-8, a Chinese encoding, or letter by letter."""
    told = decoded_text(raw)[1]
    return raw.decode("latin-1") if told is None else told


def write_pairs(pairs: Iterable[Sequence[str]]) -> str:
    """Return pairs as a form or a query."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)


def _quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "replace"), safe="")


# Parts


def _multipart(content: bytes, media: str) -> Body:
    head = f"Content-Type: {media}\r\n\r\n".encode("latin-1", "replace")
    message = message_from_bytes(head + content, policy=policy.HTTP)
    parts = [
        Part(
            str(part.get_param("name", "", "content-disposition") or ""),
            str(part.get_filename("") or ""),
            read_body(_payload(part), part.get_content_type()),
        )
        for part in list(message.walk())[1:PARTS_MAX]
        if not part.is_multipart()
    ]
    if not parts:
        return Body("bytes", content, media="multipart/form-data")
    return Body("multipart", parts)


def _payload(part: Any) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _unpacked(content: bytes, coding: str) -> bytes | None:
    """Return content that was packed with gzip or deflate; None where it cannot be unpacked."""
    if coding in ("", "identity"):
        return content
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    for bits in (47, -15):  # with a head (either of the two), and the bare deflate of some servers
        opened = zlib.decompressobj(bits)
        try:
            told = opened.decompress(content, UNPACKED_MAX)
        except zlib.error:
            continue
        return told if opened.eof else None
    return None
