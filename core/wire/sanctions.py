"""Name-list screening (名单监测) over the wire, in the shape of yente: the client half.

``POST /match/default`` with one query; the answer's results are scored entities. Our own lists
decide themselves and say so (``decision``, ``list_version``); where a plain yente answers, the rule
below decides. It fails closed: an answer that cannot be read is never a clear.
Source: the match interface of yente 5.5 (routers/match.py); its errors are ``{"detail": ...}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import NotDone, ServerFailed, Unreadable
from core.ports.sanctions import ListMatch, ScreenAnswer, Screened
from core.wire.message import HttpRequest, json_bytes
from core.wire.rest import (
    headers,
    json_of,
    require_answered,
    said,
    text_of,
    title_of,
)

if TYPE_CHECKING:
    from core.ports.sanctions import ScreenQuery
    from core.ports.trace import Trace
    from core.wire.message import Exchange, HttpResponse

OPERATION = "sanctions.screen"
PATH = "/match/default"
SUBJECT = "subject"  # the name of our one query within the request
SURE = 0.95  # a match with such a score is the person; below, a human looks
PPM = 1_000_000


class Result(NamedTuple):
    """One entity that resembles the subject, as far as we read it."""

    entity: str
    list_name: str
    score: float
    match: bool
    same_number: bool


class SanctionsWire:
    """The question to the name lists."""

    def __init__(self, api_key: str) -> None:
        self._headers = headers(api_key)

    def screen(self, trace: Trace, query: ScreenQuery) -> Exchange[ScreenAnswer]:
        """Screen one person.

        Raises:
            QuotaExceeded, ServerFailed, NotDone, Unreadable: by the status, the query's own or
                the response's. Nobody is served after any of them.
        """
        del trace
        response = yield HttpRequest("POST", PATH, dict(self._headers), json_bytes(_told(query)))
        require_answered(OPERATION, response, _detail_of)
        try:
            answer = _object(_object(json_of(response.body), "responses"), SUBJECT)
            status = answer.get("status")
            if status == 200:
                return _read(answer, response.headers.get("x-list-version", ""), query)
        except ValueError as wrong:
            raise Unreadable(OPERATION, str(wrong)) from None
        if type(status) is not int or not 400 <= status < 600:
            raise Unreadable(OPERATION, "the query's status is none")
        failed = ServerFailed if status >= 500 else NotDone
        raise failed(OPERATION, said(status, "for the query"))


def _told(query: ScreenQuery) -> dict[str, Any]:
    properties = {
        "name": [query.name],
        "idNumber": [query.number.text],
        "loanrange:point": [query.point],
    }
    return {"queries": {SUBJECT: {"schema": "Person", "properties": properties}}}


def _read(answer: dict[str, Any], header: str, query: ScreenQuery) -> ScreenAnswer:
    """Return the answer to our query; ``header`` is the lists' version where it has none."""
    results = answer.get("results")
    if not isinstance(results, list):
        raise ValueError("results is no array")
    found = [_result(held, query.number.text) for held in results]
    said_version, said_decision = answer.get("list_version"), answer.get("decision")
    version = header if said_version is None else text_of(said_version)
    decision = _decided(found) if said_decision is None else _decision(said_decision)
    matches = [ListMatch(one.entity, one.list_name, round(one.score * PPM)) for one in found]
    return ScreenAnswer(decision, version, tuple(matches))


def _decided(found: list[Result]) -> Screened:
    """The rule where nobody decided for us: an equal ID number is a hit, whatever its score."""
    if any(one.same_number or (one.match and one.score >= SURE) for one in found):
        return Screened.HIT
    return Screened.REVIEW if any(one.match for one in found) else Screened.CLEAR


def _decision(value: Any) -> Screened:
    if value not in tuple(Screened):
        raise ValueError("decision is none of hit, review and clear")
    return Screened(value)


def _result(held: Any, number: str) -> Result:
    if not isinstance(held, dict):
        raise ValueError("a result is no object")
    score, match, lists = _score(held.get("score")), held.get("match"), held.get("datasets")
    if not isinstance(match, bool):
        raise ValueError("a match is neither true nor false")
    if not isinstance(lists, list) or not lists:
        raise ValueError("a result is of no dataset")
    return Result(text_of(held.get("id")), text_of(lists[0]), score, match, _same(held, number))


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("a score is no number from 0 to 1")
    return value


def _same(held: dict[str, Any], number: str) -> bool:
    """Whether an entity has the subject's ID number; a property is a text or an array of them."""
    if held.get("properties") is None:
        return False
    numbers = _object(held, "properties").get("idNumber") or []
    listed = numbers if isinstance(numbers, list) else [numbers]
    return any(text_of(each).strip().upper() == number for each in listed)


def _object(held: Any, name: str) -> dict[str, Any]:
    inner = held.get(name) if isinstance(held, dict) else None
    if not isinstance(inner, dict):
        raise ValueError(f"{name} is no object")
    return inner


def _detail_of(response: HttpResponse) -> str | None:
    """Return why the request was refused; None where the response is in neither form."""
    title = title_of(response)
    if title is not None:
        return title
    try:
        detail = _object({"body": json_of(response.body)}, "body").get("detail")
    except ValueError:
        return None
    if isinstance(detail, list):  # what was wrong where; it may show what we sent
        return "the request is wrong"
    return detail if isinstance(detail, str) else None
