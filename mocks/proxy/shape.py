"""Where two trees differ: in fields, types, formats and codes, each told by its JSON path.

Values that are people's are not compared, only what kind of thing they are. JSON and XML within a
text are gone into: ``$.Response.AdvancedInfo.(json).Quality``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mocks.proxy.bodies import NOTHING, Body, json_in, xml_in
from mocks.proxy.kinds import Kind, kind_of, media_in, media_of, uniform
from mocks.proxy.masks import OCTETS, Marker
from mocks.proxy.words import KEPT, Words, is_codelike, keeps_key

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Kinds whose form is the vendor's word: another kind in their place is a difference. Any tenth
# serial number passes for a card, so cards are not among them.
FORMED = frozenset((Kind.ID, Kind.PHONE, Kind.BUSINESS))
_MASKED_KEY = re.compile(r"key-[0-9]{12}")
ABSENT = object()


class Difference(NamedTuple):
    """One difference: where, what was recorded there, and what is ours."""

    path: str
    recorded: str
    ours: str

    def __str__(self) -> str:
        return f"{self.path}: recorded {self.recorded}, ours {self.ours}"


def tree_of(body: Body) -> Any:
    """Return a body as JSON would have it; XML as objects of its tags, ``@`` before attributes."""
    if body.form == "xml":
        root = xml_in(body.value)
        return body.value if root is None else _xml_tree(root)
    if body.form == "form":
        return _grouped(body.value)
    if body.form == "multipart":
        return _grouped([(part.name, tree_of(part.body)) for part in body.value])
    if body.form == "bytes" and isinstance(body.value, bytes):
        return str(Marker(media_of(body.value) or OCTETS, len(body.value), "0" * 32))
    return body.value


def _xml_tree(root: Element) -> dict[str, Any]:
    return {_local(root.tag): _inside(root)}


def _inside(element: Element) -> Any:
    rows = [(f"@{_local(name)}", value) for name, value in element.attrib.items()]
    rows += [(_local(each.tag), _inside(each)) for each in element]
    text = (element.text or "").strip()
    if not rows:
        return text
    return _grouped([*rows, ("#text", text)] if text else rows)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _grouped(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as an object; a name that occurs again has an array."""
    told: dict[str, Any] = {}
    for name, value in pairs:
        if name not in told:
            told[name] = value
        elif isinstance(told[name], _Several):
            told[name].append(value)
        else:
            told[name] = _Several((told[name], value))
    return told


class _Several(list[Any]):
    """The values of a name that occurs more than once."""


class Comparison:
    """Compares trees by the same words that a recording was made with."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def bodies(self, recorded: Body, ours: Body) -> list[Difference]:
        """Return how our body differs from a recorded one."""
        if recorded.form != ours.form:
            return [Difference("$", recorded.form, ours.form)]
        return self.trees("$", "", tree_of(recorded), tree_of(ours))

    def trees(self, path: str, name: str, recorded: Any, ours: Any) -> list[Difference]:
        """Return how our value differs from the one that was recorded in the same place."""
        if isinstance(recorded, _Several) or isinstance(ours, _Several):
            recorded, ours = _several(recorded), _several(ours)
        if recorded is ABSENT or ours is ABSENT or type_of(recorded) != type_of(ours):
            return [Difference(path, self._told(name, recorded), self._told(name, ours))]
        if isinstance(recorded, dict):
            return self._objects(path, recorded, ours)
        if isinstance(recorded, list):
            return self._arrays(path, name, recorded, ours)
        if isinstance(recorded, str):
            return self._texts(path, name, recorded, ours)
        if self._is_code(name, recorded) and recorded != ours:
            return [Difference(path, repr(recorded), self._told(name, ours))]
        return []

    def _objects(
        self, path: str, recorded: dict[str, Any], ours: dict[str, Any]
    ) -> list[Difference]:
        found = []
        for name in [*recorded, *(each for each in ours if each not in recorded)]:
            if _is_masked(name):
                continue  # what stands there was somebody's; ours is somebody else's
            one, other = recorded.get(name, ABSENT), ours.get(name, ABSENT)
            found += self.trees(f"{path}.{name}", name, one, other)
        return found

    def _arrays(
        self, path: str, name: str, recorded: list[Any], ours: list[Any]
    ) -> list[Difference]:
        """Compare elements: each of ours must be like one that was recorded."""
        if not recorded or not ours:
            return []  # nothing is known of what would be in it
        found = []
        for number, each in enumerate(ours):
            tries = [self.trees(f"{path}[{number}]", name, one, each) for one in recorded]
            best: list[Difference] = min(tries, key=len)
            found += best
        return found

    def _texts(self, path: str, name: str, recorded: str, ours: str) -> list[Difference]:
        for form, read in (("json", json_in), ("xml", _xml_in)):
            inner = read(recorded)
            if inner is not NOTHING:
                return self.trees(f"{path}.({form})", name, inner, _or_absent(read(ours)))
        one, other = self._form(name, recorded), self._form(name, ours)
        if one == other or not (one or self._is_code(name, ours)):
            return []
        return [Difference(path, self._told(name, recorded), self._told(name, ours))]

    def _form(self, name: str, text: str) -> str:
        """Return what is compared of a text: a code itself, a number's or a date's form."""
        if self._is_code(name, text):
            return repr(text)
        told = uniform(text)
        marker, kind = Marker.read(text), kind_of(told)
        if kind is Kind.MEDIA or marker:
            plain = marker.media == "text/plain" if marker else media_in(told) is None
            return "" if plain else "a picture or file"
        if kind is Kind.DATE:
            return f"a date like {re.sub('[0-9]+' if not told.isdigit() else '[0-9]', '9', told)}"
        return kind.value if kind in FORMED else ""

    def _is_code(self, name: str, value: Any) -> bool:
        """Whether a value is a code, whose very word counts; a flag that is set or not is none."""
        if isinstance(value, bool) or value is None:
            return False
        text = value if isinstance(value, str) else str(value)
        return self._words.coded(name) and is_codelike(text)

    def _told(self, name: str, value: Any) -> str:
        """Return what is said of a value: never a text that may be somebody's."""
        if value is ABSENT:
            return "nothing"
        if isinstance(value, str):
            return self._form(name, value) or (repr(value) if value in KEPT else "a text")
        if self._is_code(name, value):
            return repr(value)
        told = type_of(value)
        return told if value is None else f"{'an' if told[0] in 'aio' else 'a'} {told}"


def _several(value: Any) -> Any:
    """Return one value as several: XML does not tell one element from an array of one."""
    return value if value is ABSENT or isinstance(value, list) else [value]


def _xml_in(text: str) -> Any:
    root = xml_in(text)
    return NOTHING if root is None else _xml_tree(root)


def _or_absent(value: Any) -> Any:
    return ABSENT if value is NOTHING else value


def _is_masked(name: str) -> bool:
    return bool(_MASKED_KEY.fullmatch(name)) or not keeps_key(name)


def type_of(value: Any) -> str:
    """Return JSON's name of a value's type; whole numbers are one of their own."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
