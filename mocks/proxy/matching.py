"""Finds what was recorded for a request, whoever the request is about.

A recording does not say whom it is about, and its key is gone. So two requests are the same if
they have the same form: equal in all that is kept, and with one value wherever the other has one.
Each value of the one then stands for a value of the other (:class:`Binding`), and in the recorded
answer the one is put for the other, so that whoever asked for somebody is told of them.

A request that uses the recording's own pseudonyms is about just those people: it never matches an
exchange about others. With the recording's key that is so for the real values as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from mocks.proxy.bodies import Body, Pair, Part
from mocks.proxy.exchange import Exchange, Request
from mocks.proxy.kinds import PERSONAL, kind_of, uniform
from mocks.proxy.masking import MATCHED, Masker
from mocks.proxy.masks import Marker
from mocks.proxy.shape import FORMED, Comparison, Difference, tree_of
from mocks.proxy.words import keeps_key, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mocks.proxy.masks import Pseudonyms
    from mocks.proxy.recording import Recording
    from mocks.proxy.words import Words

TOLD_MAX = 12  # differences of the nearest exchange that are told
# Fields whose value is somebody's, though it does not look so.
OWN = frozenset(("openid", "unionid", "touser", "account", "accountno", "acctno", "cardno"))


@dataclass(slots=True)
class Numbers:
    """Puts numbers for values, in the order in which they are met: a request's form."""

    values: list[tuple[str, str]] = field(default_factory=list)  # field's name, value
    _numbers: dict[str, int] = field(default_factory=dict)

    def of(self, name: str, text: str) -> str:
        """Return the number of a text, and its kind where that is the vendor's word."""
        told = uniform(text)
        kind = kind_of(told)
        return f"#{self._number(name, told)}{kind if kind in FORMED else ''}"

    def key_of(self, name: str) -> str:
        """Return what stands for a field's own name."""
        return f"key-{self._number('', name):012d}"

    def content(self, content: bytes, media: str) -> str:
        """Return the number of bytes that are no text."""
        del media
        return f"#{self._number('', sha256(content).hexdigest())}"

    def _number(self, name: str, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.values)
            self.values.append((name, text))
        return self._numbers[text]


class Form(NamedTuple):
    """What is compared of a request, and the values that were taken out of it."""

    request: Request
    text: str
    values: list[tuple[str, str]]

    @classmethod
    def of(cls, request: Request, words: Words) -> Form:
        """Return a request's form: headers count only where they name the operation."""
        headers = [pair for pair in request.headers if pair[0] in MATCHED]
        request = request._replace(headers=sorted(headers))
        numbers = Numbers()
        ordered = request._replace(
            query=_ordered_pairs(request.query), body=_ordered_body(request.body)
        )
        told = Masker(numbers, words).request(ordered).as_json()
        body = {**told["body"], "encoding": "", "media": ""}
        return cls(request, json.dumps({**told, "body": body}), numbers.values)


def _ordered_body(body: Body) -> Body:
    """Return a body whose fields stand in an order of their own."""
    if body.form == "json":
        return body._replace(value=_ordered(body.value))
    if body.form == "form":
        return body._replace(value=_ordered_pairs(body.value))
    if body.form == "multipart":
        parts = [Part(part.name, part.filename, _ordered_body(part.body)) for part in body.value]
        return body._replace(value=parts)
    return body


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in _sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _ordered_pairs(pairs: list[Pair]) -> list[Pair]:
    """Return pairs in the order of their names; of one name, as they came."""
    return sorted(pairs, key=lambda pair: _place(pair[0]))


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, str]:
    """Return where a field's name stands: kept ones by their letters, others behind, as told."""
    return (0, name) if keeps_key(name) else (1, "")


@dataclass(slots=True)
class Binding:
    """Puts a request's values for the recorded ones; pictures are stood in for."""

    values: dict[str, str]

    def of(self, name: str, text: str) -> str:
        """Return the request's value for a recorded one, or the text itself."""
        del name
        if text in self.values:
            return self.values[text]
        if Marker.read(text):
            return text
        for recorded, told in self.values.items():
            if recorded in text and kind_of(recorded) in PERSONAL:
                text = text.replace(recorded, told)
        return text

    def key_of(self, name: str) -> str:
        """Return the field's name."""
        return name

    def content(self, content: bytes, media: str) -> str:
        """Bytes were not kept."""
        raise AssertionError("a recording holds no bytes")


class Match(NamedTuple):
    """An exchange that answers a request, and what stands for what in it."""

    exchange: Exchange
    binding: Binding
    equal: int  # values that are the same in both


class Miss(NamedTuple):
    """The exchange that comes nearest to a request, and where they differ."""

    exchange: Exchange
    differences: list[Difference]

    def __str__(self) -> str:
        told = "; ".join(str(each) for each in self.differences[:TOLD_MAX])
        more = len(self.differences) - TOLD_MAX
        return f"exchange {self.exchange.number}: {told}{f'; {more} more' if more > 0 else ''}"


class Matcher:
    """The exchanges of a recording by their forms; ``pseudonyms`` where its key is known."""

    def __init__(self, recording: Recording, pseudonyms: Pseudonyms | None = None) -> None:
        self._words = recording.words
        self._pseudonyms = pseudonyms
        self._forms = [
            (exchange, Form.of(exchange.request, self._words)) for exchange in recording.exchanges
        ]
        self._by_text: dict[str, list[tuple[Exchange, Form]]] = {}
        for exchange, form in self._forms:
            self._by_text.setdefault(form.text, []).append((exchange, form))
        self._people = {
            text for _, form in self._forms for name, text in form.values if _is_own(name, text)
        }
        self._served: dict[int, int] = {}

    def find(self, request: Request) -> Match | Miss:
        """Return what was recorded for a request.

        Of several, the one with the most equal values; of those, one that was served least often,
        in the order of the recording, and the last again when all were.
        """
        form = Form.of(request, self._words)
        tried = [self._bound(form, *each) for each in self._by_text.get(form.text, ())]
        found = [each for each in tried if each is not None]
        if not found:
            return self._miss(form, len(tried) > 0)
        most = max(each.equal for each in found)
        best = [each for each in found if each.equal == most]
        fresh = [each for each in best if not self._served.get(each.exchange.number)]
        match = fresh[0] if fresh else best[-1]
        self._served[match.exchange.number] = self._served.get(match.exchange.number, 0) + 1
        return match

    def _bound(self, form: Form, exchange: Exchange, known: Form) -> Match | None:
        """Return how a request's values stand for an exchange's; None where they must not."""
        values, equal = {}, 0
        for (name, told), (_, recorded) in zip(form.values, known.values, strict=True):
            masked = self._pseudonyms.of(name, told) if self._pseudonyms else told
            same = recorded in (masked, told)
            must = self._pseudonyms is not None or told in self._people
            if not same and must and _is_own(name, told):
                return None
            equal += same
            values[recorded] = told
        return Match(exchange, Binding(values), equal)

    def _miss(self, form: Form, of_others: bool) -> Miss:
        """Return the exchange with the fewest differences."""
        if of_others:
            exchange = self._by_text[form.text][0][0]
            return Miss(exchange, [Difference("$", "about others", "about somebody else")])
        near = [(self._differences(form, known), exchange) for exchange, known in self._forms]
        differences, exchange = min(near, key=lambda each: (len(each[0]), each[1].number))
        return Miss(exchange, differences)

    def _differences(self, form: Form, known: Form) -> list[Difference]:
        compare, ours, recorded = Comparison(self._words), form.request, known.request
        found = [
            Difference(name, one, other)
            for name, one, other in (
                ("method", recorded.method, ours.method),
                ("path", _shown(recorded.path), _shown(ours.path)),
                *((each, recorded.header(each), ours.header(each)) for each in MATCHED),
            )
            if one != other
        ]
        query = tree_of(Body("form", recorded.query)), tree_of(Body("form", ours.query))
        found += compare.trees("query", "", *query)
        found += compare.bodies(recorded.body, ours.body)
        return found or [Difference("$", "other values that repeat", "not repeated like that")]


def _shown(path: list[str]) -> str:
    """Return a path with what is somebody's left out."""
    return "/" + "/".join(each if keeps_key(each) or not each else "*" for each in path)


def _is_own(name: str, text: str) -> bool:
    """Whether a value is somebody's, by itself or by its field."""
    if len(text) > 4096:
        return False
    return kind_of(text) in PERSONAL or plain_name(name) in OWN
