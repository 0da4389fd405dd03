"""Masking a whole message: every text, number, name of a field, header, segment and part.

The walk knows where values are; what stands for them is :class:`Names`' business. A text that
holds JSON or XML is gone into. Deeper than ``DEPTH_MAX`` nothing is looked at any more: what lies
there becomes one digest.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from mocks.proxy.bodies import NOTHING, Body, Pair, Part, json_in, write_xml, xml_in
from mocks.proxy.exchange import Reply, Request
from mocks.proxy.words import KEPT, Words, is_codelike, is_word, keeps_key, listed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DEPTH_MAX = 48
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Headers of the protocol itself: what of them reads like a word is kept.
PROTOCOL = frozenset(
    listed(
        "accept accept-charset accept-encoding accept-language allow cache-control"
        " content-language content-type expect pragma retry-after soapaction vary"
        " x-amz-target x-tc-action x-tc-language x-tc-region x-tc-version"
    )
)
MATCHED = ("x-tc-action", "x-tc-version", "soapaction", "x-amz-target")  # they name the operation
_TOKEN = re.compile(r"""[^\s,;=/"()+*<>]+""")
_XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_URI_PART = re.compile(r"[^/:#.?=&]+")


class Names(Protocol):
    """What stands for values: pseudonyms, numbers, or other values."""

    def of(self, name: str, text: str) -> str:
        """Return what stands for a text in a field of that name."""
        ...

    def key_of(self, name: str) -> str:
        """Return what stands for a field's own name."""
        ...

    def content(self, content: bytes, media: str) -> str:
        """Return what stands for bytes that are no text."""
        ...


class Masker:
    """Walks through messages and puts what ``names`` say for whatever ``words`` do not keep."""

    def __init__(self, names: Names, words: Words) -> None:
        self._names, self._words = names, words

    def request(self, request: Request) -> Request:
        """Return a request with its values replaced."""
        known = request.method in METHODS
        return Request(
            request.method if known else self._names.of("method", request.method),
            [self._segment(each) for each in request.path],
            self._pairs(request.query),
            self._headers(request.headers),
            self.body(request.body),
        )

    def reply(self, reply: Reply) -> Reply:
        """Return an answer with its values replaced."""
        return Reply(reply.status, self._headers(reply.headers), self.body(reply.body))

    def body(self, body: Body) -> Body:
        """Return a body with its values replaced."""
        value: Any = body.value
        if body.form == "json":
            value = self.tree("", value, 0)
        elif body.form == "xml":
            value = self._xml(value, 0)
        elif body.form == "form":
            value = self._pairs(value)
        elif body.form == "text":
            value = self.text("", value, 0)
        elif body.form == "multipart":
            value = [self._part(part) for part in value]
        elif body.form == "bytes":
            media = body.media
            raw = isinstance(value, bytes)
            value = self._names.content(value, media) if raw else self._names.of("", value)
        return body._replace(value=value, media="")

    def _part(self, part: Part) -> Part:
        return Part(
            self._key(part.name),
            self.text("filename", part.filename, 0),
            self.body(part.body) if part.body.form != "text" else self._field(part),
        )

    def _field(self, part: Part) -> Body:
        return part.body._replace(value=self.text(part.name, part.body.value, 0))

    # Trees

    def tree(self, name: str, value: Any, depth: int) -> Any:
        """Return a JSON value with its values replaced; ``name`` is of the field that holds it."""
        if depth > DEPTH_MAX:
            return self._names.content(_dumps(value).encode("utf-8", "surrogatepass"), "")
        if isinstance(value, dict):
            return {
                self._key(each): self.tree(each, held, depth + 1) for each, held in value.items()
            }
        if isinstance(value, list):
            return [self.tree(name, each, depth + 1) for each in value]
        if isinstance(value, str):
            return self.text(name, value, depth)
        if value is None or isinstance(value, bool):
            return value
        return self._number(name, value)

    def text(self, name: str, text: str, depth: int) -> str:
        """Return what stands for a text in a field of that name: itself, if it is kept."""
        if self._words.keeps(name, text):
            return text
        if depth < DEPTH_MAX:
            inner = json_in(text)
            if inner is not NOTHING:
                return _dumps(self.tree(name, inner, depth + 1))
            if xml_in(text) is not None:
                return self._xml(text, depth + 1)
        return self._names.of(name, text)

    def _number(self, name: str, number: float) -> Any:
        """Return what stands for a number: another one, with as many digits."""
        if self._words.keeps_number(name, number):
            return number
        told = _digits(abs(number))
        made = self._names.of(name, told)
        try:
            masked = int(made) if isinstance(number, int) else float(made)
        except ValueError:  # it is no number that stands for it
            return made
        return -masked if number < 0 else masked

    def _key(self, name: str) -> str:
        return name if keeps_key(name) else self._names.key_of(name)

    def _xml(self, text: str, depth: int) -> str:
        root = xml_in(text)
        if root is None:
            return self._names.of("", text)
        self._element(root, depth)
        return write_xml(root)

    def _element(self, element: Element, depth: int) -> None:
        """Replace what an element holds; below the deepest level there is nothing."""
        name = _local(element.tag)
        element.tag = self._tag(element.tag)
        attributes = list(element.attrib.items())
        element.attrib.clear()
        for each, value in attributes:
            element.set(self._tag(each), self.text(_local(each), value, depth))
        element.text = self._around(name, element.text, depth)
        if depth >= DEPTH_MAX and len(element):
            inside = "".join(write_xml(each) for each in element)
            del element[:]
            element.text = self._names.content(inside.encode("utf-8", "surrogatepass"), "")
        for child in element:
            child.tail = self._around(name, child.tail, depth)
            self._element(child, depth + 1)

    def _around(self, name: str, text: str | None, depth: int) -> str | None:
        """Return what stands for an element's text or tail; blanks are only a way of writing."""
        text = (text or "").strip()
        return self.text(name, text, depth) if text else None

    def _tag(self, tag: str) -> str:
        space, brace, name = tag.rpartition("}")
        made = name if keeps_key(name) and _XML_NAME.fullmatch(name) else self._names.key_of(name)
        uri = _URI_PART.sub(self._part_of_uri, space.removeprefix("{"))
        return f"{{{uri}}}{made}" if brace and uri else made

    def _part_of_uri(self, found: re.Match[str]) -> str:
        return found[0] if is_codelike(found[0]) else self._names.key_of(found[0])

    # What stands before a body

    def _segment(self, segment: str) -> str:
        return segment if segment in KEPT or is_word(segment) else self.text("", segment, 0)

    def _pairs(self, pairs: list[Pair]) -> list[Pair]:
        return [(self._key(name), self.text(name, value, 0)) for name, value in pairs]

    def _headers(self, headers: list[Pair]) -> list[Pair]:
        return [(self._key(name), self._header(name, value)) for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        if name not in PROTOCOL:
            return self.text(name, value, 0)
        return _TOKEN.sub(lambda found: self._token(name, found[0]), value)

    def _token(self, name: str, token: str) -> str:
        kept = is_codelike(token) or self._words.keeps(name, token)
        return token if kept else self._names.of(name, token)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digits(number: float) -> str:
    """Return a number's digits without an exponent; of one that has too many, something else."""
    if isinstance(number, int):
        return str(number)
    return f"{number:.12f}".rstrip("0") + "0" * number.is_integer() if number < 1e15 else "0.5"
