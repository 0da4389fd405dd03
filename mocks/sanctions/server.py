"""Name-list screening (名单监测) in the shape of yente: match, search, entities, catalogue.

The decision is the rule's of :mod:`mocks.sanctions.behaviour`, and every response says it beside
yente's own fields (``decision``, ``list_version``; header ``x-list-version``). Whatever data set a
match names, all lists in force are screened: a narrower question must not clear anybody. A query
without an ID number is screened by its names, and by its birth date where it gives a whole one;
what cannot be told apart is a review. ``exclude_entity_ids`` are entities that a human has cleared.

``loanrange:point`` among the properties is the point of the flow. A key in ``X-Api-Key``, or in
``Authorization: ApiKey ...``, names the tenant, else the tenant's header does; without either it is
the default one. Errors are ``{"detail": ...}``: 400 for whatever is wrong with a request.

Source: yente 5.5 (routers/match.py, routers/search.py, data/common.py). Its algorithms are not
imitated: the names of its own are taken, and the rule answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import InputError, QuotaExceeded, ServerFailed
from core.identity import IdNumber
from core.ports.sanctions import ScreenAnswer, Screened, ScreenQuery
from mocks.baggage import visit_of
from mocks.sanctions.entities import (
    COLLECTIONS,
    PPM,
    Entity,
    Subject,
    data_sets,
    decision_of,
    explained,
    find,
    graver,
    resembling,
    search,
)
from mocks.sanctions.queries import (
    ALGORITHMS,
    DOWN,
    NO_DATA_SET,
    NO_ENTITY,
    NO_ROUTE,
    TOO_OFTEN,
    UNKNOWN_KEY,
    WRONG_METHOD,
    Refusal,
    Settings,
    fields_of,
    queries_of,
    settings_of,
    subject_of,
    whole_in,
)
from mocks.tenant import NoAnswer
from mocks.wire import Reply

if TYPE_CHECKING:
    from mocks.sanctions.behaviour import Sanctions, Snapshot
    from mocks.tenant import Tenant, Tenants
    from mocks.wire import Request

SEARCH_MAX, OFFSET_MAX = 500, 9_499
# A number that nobody has: of no division, and the first of its day. It lets the rule see a birth
# date where there is no number; the day of 1800 is nobody's birthday.
NOBODYS, NEVER_BORN = "820000{:%Y%m%d}000", date(1800, 1, 1)


class Asked(NamedTuple):
    """A request that was read: whose it is, and what stands behind its route in the path."""

    tenant: Tenant
    snapshot: Snapshot
    request: Request
    rest: str


class SanctionsFace:
    """The front of the lists."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def serve(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            NoAnswer: the transport is to fail.
        """
        try:
            return await self._answer(request)
        except NoAnswer:
            raise
        except Refusal as refusal:
            return reply({"detail": refusal.detail}, refusal.status)
        except InputError as wrong:
            return reply({"detail": str(wrong)}, 400)
        except QuotaExceeded:
            return reply({"detail": TOO_OFTEN.code}, TOO_OFTEN.status, ("retry-after", "1"))
        except ServerFailed:
            return reply({"detail": DOWN.code}, DOWN.status)
        except Exception:  # noqa: BLE001  a mistake of our own must not show its inside
            return reply({"detail": "Internal error."}, 500)

    async def _answer(self, request: Request) -> Reply:
        first, _, rest = request.path.removeprefix("/").partition("/")
        route = ROUTES.get(first)
        if route is None or route.deep is not bool(rest):
            raise Refusal.of(NO_ROUTE)
        if request.method != route.method:
            raise Refusal.of(WRONG_METHOD)
        tenant = self._tenant(request)
        visit = visit_of(request.headers.get("baggage", ""))
        if visit:
            await tenant.clock.enter(visit)
        lists: Sanctions = tenant.behaviours["sanctions"]
        return await route.answer(self, Asked(tenant, lists.at(tenant.now_s), request, rest))

    def _tenant(self, request: Request) -> Tenant:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        key = secret.strip() if scheme.lower() == "apikey" else ""
        key = request.headers.get("x-api-key") or key
        if not key:
            return self._tenants.of(request)
        tenant = self._tenants.by_api_key(key)
        if tenant is None:
            raise Refusal.of(UNKNOWN_KEY)
        return tenant

    async def match(self, asked: Asked) -> Reply:
        """POST /match/{dataset}: screen up to a hundred subjects."""
        require_data_set(asked)
        settings = settings_of(fields_of(asked.request))
        queries = queries_of(asked.request)
        subjects = {key: subject_of(query) for key, query in queries.items()}
        found = await asyncio.gather(
            *(respond(asked, subject, settings) for subject in subjects.values())
        )
        responses = {
            key: response | {"query": queries[key]}
            for key, response in zip(subjects, found, strict=True)
        }
        return reply(
            {"responses": responses, "limit": settings.limit},
            200,
            ("x-batch-size", str(len(queries))),
            ("x-list-version", found[0]["list_version"]),
        )

    async def search(self, asked: Asked) -> Reply:
        """GET /search/{dataset}: entities by a part of their name, without a score."""
        require_data_set(asked)
        fields = fields_of(asked.request)
        limit = whole_in(fields, "limit", 10, SEARCH_MAX)
        offset = whole_in(fields, "offset", 0, OFFSET_MAX)
        found = search(asked.snapshot, asked.rest, fields.get("q", [""])[-1].strip())
        told = {
            "results": found[offset : offset + limit],
            "facets": {},
            "total": {"value": len(found), "relation": "eq"},
            "limit": limit,
            "offset": offset,
            "list_version": asked.snapshot.version,
        }
        return reply(told, 200, ("x-list-version", asked.snapshot.version))

    async def entities(self, asked: Asked) -> Reply:
        """GET /entities/{id}: one entity."""
        entity = find(asked.rest, asked.tenant.people, asked.snapshot)
        if entity is None:
            raise Refusal.of(NO_ENTITY)
        return reply(entity, 200, ("x-list-version", asked.snapshot.version))

    async def catalog(self, asked: Asked) -> Reply:
        """GET /catalog: the lists and their version."""
        snapshot, names = asked.snapshot, data_sets(asked.snapshot)
        counts = dict.fromkeys(names, 0)
        for entry in snapshot.entries.values():
            counts[entry.list_name] += 1
        whole = {"name": COLLECTIONS[0], "title": "Every list", "children": names}
        lists = [{"name": name, "title": name, "entity_count": counts[name]} for name in names]
        told = {
            "datasets": [
                {**one, "version": snapshot.version, "load": True, "index_current": True}
                for one in ({**whole, "entity_count": len(snapshot.entries)}, *lists)
            ],
            "current": [COLLECTIONS[0], *names],
            "outdated": [],
            "index_stale": False,
        }
        return reply(told, 200, ("x-list-version", snapshot.version))

    async def algorithms(self, asked: Asked) -> Reply:
        """GET /algorithms: the names a match may ask for."""
        del asked
        words = (
            "An equal ID number hits, or an equal name and birth date; a name alone is reviewed."
        )
        told = [
            {"name": name, "description": words, "features": {}, "config": {}}
            for name in ALGORITHMS
        ]
        return reply({"algorithms": told, "default": ALGORITHMS[0], "best": ALGORITHMS[0]})

    async def healthy(self, asked: Asked) -> Reply:
        """GET /healthz and /readyz: the lists are loaded when the server is up."""
        del asked
        return reply({"status": "ok"})


def reply(told: dict[str, Any], status: int = 200, *headers: tuple[str, str]) -> Reply:
    """Return an answer as JSON."""
    return Reply(status, dumps(told).encode(), headers=headers)


def require_data_set(asked: Asked) -> None:
    """Require that the path names a list, or all of them."""
    if asked.rest not in (*COLLECTIONS, *data_sets(asked.snapshot)):
        raise Refusal.of(NO_DATA_SET)


async def respond(asked: Asked, subject: Subject, settings: Settings) -> dict[str, Any]:
    """Screen one subject; return what the response says of it."""
    tenant, name = asked.tenant, subject.names[0] if subject.names else ""
    number = subject.number or IdNumber(_nobodys(subject.birth or NEVER_BORN))
    answer: ScreenAnswer = await tenant.ask(
        "sanctions.screen",
        asked.request,
        subject.number.text if subject.number else name,
        ScreenQuery(name, number, subject.point),
    )
    lists: Sanctions = tenant.behaviours["sanctions"]
    snapshot = lists.at(tenant.now_s)
    scores = {match.entity: match.score_ppm for match in answer.matches}
    decision = answer.decision
    if settings.excluded or subject.number is None or len(subject.names) > 1:
        # The rule names one entry for one name and number; here the others count too.
        scores = resembling(snapshot, subject) | scores
        if settings.excluded.intersection(scores):
            scores = {one: ppm for one, ppm in scores.items() if one not in settings.excluded}
            decision = Screened.CLEAR
        decision = graver(decision, decision_of(scores))
    results = [
        result_of(find(entity, tenant.people, snapshot), ppm, subject, settings)
        for entity, ppm in sorted(scores.items(), key=lambda one: (-one[1], one[0]))
    ]
    results = [result for result in results if result and result["score"] >= settings.cutoff]
    return {
        "status": 200,
        "results": results[: settings.limit],
        "total": {"value": len(results), "relation": "eq"},
        "decision": decision.value,
        "list_version": answer.list_version,
    }


def _nobodys(birth: date) -> str:
    first17 = NOBODYS.format(birth)
    return first17 + IdNumber.check_digit(first17)


def result_of(
    entity: Entity | None, ppm: int, subject: Subject, settings: Settings
) -> dict[str, Any] | None:
    """Return an entity as one result of a match; None where it was delisted meanwhile."""
    if entity is None:
        return None
    score = ppm / PPM
    return entity | {
        "score": score,
        "match": score >= settings.threshold,
        "explanations": explained(entity, subject),
    }


class Route(NamedTuple):
    """How a first segment may be called; ``deep`` where more of the path must follow."""

    method: str
    deep: bool
    answer: Callable[[SanctionsFace, Asked], Awaitable[Reply]]


_Face = SanctionsFace
ROUTES: dict[str, Route] = {
    "match": Route("POST", True, _Face.match),
    "search": Route("GET", True, _Face.search),
    "entities": Route("GET", True, _Face.entities),
    "catalog": Route("GET", False, _Face.catalog),
    "algorithms": Route("GET", False, _Face.algorithms),
    "healthz": Route("GET", False, _Face.healthy),
    "readyz": Route("GET", False, _Face.healthy),
}
