"""What the project's own REST providers share: how they read, what they say, how they are mounted.

Each provider's ``server.py`` lists its operations as :class:`Post`: a model of the body, a model of
the answer, and what a reader of its OpenAPI document wants to know. A request is read strictly,
nothing unknown and nothing of another type, asked of its tenant, and answered with the port's
answer. Whatever goes wrong is a problem (RFC 9457): 400 for a body of another shape, 422 for a
value that cannot be.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from core.errors import InputError, QuotaExceeded, ServerFailed
from mocks import wire
from mocks.baggage import caller_of
from mocks.tenant import NoAnswer

if TYPE_CHECKING:
    from mocks.tenant import Tenant, Tenants

from mocks.rest_problems import (
    ALWAYS,
    API_KEY,
    BODY_MAX,
    DRAINED_MAX,
    FORM,
    JSON,
    NO_ANSWER,
    PROBLEM,
    PROBLEMS,
    READ,
    RETRY_AFTER_S,
    Problem,
    Refusal,
)
from mocks.rest_values import (
    Query,
)

_LOG = logging.getLogger(__name__)

# ---------------------------------------------------------------------------------- operations


class Call(NamedTuple):
    """A request that was read."""

    tenant: Tenant
    request: wire.Request
    operation: str
    query: Query


async def ask(call: Call) -> Any:
    """Ask the provider's port."""
    query = call.query
    return await call.tenant.ask(
        call.operation, call.request, query.subject, query.of_port(), query.whose or ""
    )


@dataclass(frozen=True)
class Post:
    """One operation: where it is, what it takes, what it says, and one example of each."""

    name: str
    body: type[Query]
    answer: Any
    summary: str
    example: dict[str, Any]
    tag: str = ""
    does: Callable[[Call], Awaitable[Any]] = ask
    says: tuple[int, ...] = ALWAYS
    status: int = 200
    told: TypeAdapter[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", TypeAdapter(self.answer))


class Reading(NamedTuple):
    """A request for something that is read; ``name`` is how its path ends."""

    tenant: Tenant
    request: wire.Request
    name: str


@dataclass(frozen=True)
class Get:
    """Something that is read under a name of its own: ``path`` is where, with one name in braces.

    ``pattern`` is how such a name is written, and ``example`` one of them.
    """

    path: str
    answer: Any
    summary: str
    pattern: str
    example: str
    reads: Callable[[Reading], Awaitable[Any]]
    tag: str = ""
    says: tuple[int, ...] = READ
    told: TypeAdapter[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", TypeAdapter(self.answer))

    @property
    def name(self) -> str:
        """What stands in braces."""
        return self.path.partition("{")[2].rstrip("}")


@dataclass(frozen=True)
class Service:
    """One provider: its name, what its document says of it, its operations and what is read."""

    name: str
    title: str
    text: str
    posts: tuple[Post, ...]
    gets: tuple[Get, ...] = ()


async def answer(request: Request, tenants: Tenants, service: Service, post: Post) -> Response:
    """Read a request, do what it asks, and say what came of it."""
    tenant = tenant_of(request, tenants)
    read = await wire_request(request, JSON)
    try:
        query = post.body.model_validate_json(read.body)
    except ValidationError as wrong:
        raise Refusal.of(wrong) from None
    check_bank(tenant, read, query)
    try:
        said = await post.does(Call(tenant, read, f"{service.name}.{post.name}", query))
    except InputError as wrong:
        raise Refusal(422, str(wrong)) from wrong
    told = post.told.validate_python(said, from_attributes=True)
    return Response(post.told.dump_json(told), post.status, media_type=JSON)


async def reading(request: Request, tenants: Tenants, get: Get) -> Response:
    """Say how something stands that is read under its name."""
    tenant, asked = tenant_of(request, tenants), _bodiless(request)
    said = await get.reads(Reading(tenant, asked, str(request.path_params[get.name])))
    told = get.told.validate_python(said, from_attributes=True)
    return Response(get.told.dump_json(told), media_type=JSON)


def tenant_of(request: Request, tenants: Tenants) -> Tenant:
    """Return whose world is asked: by the API key, else by the tenant's name, else the default.

    Raises:
        Refusal: nobody has that key, or nobody bears that name.
    """
    key = request.headers.get(API_KEY)
    if key is None:
        try:
            return tenants.of(_bodiless(request))
        except InputError as unknown:
            raise Refusal(400, str(unknown)) from unknown
    tenant = tenants.by_api_key(key)
    if tenant is None:
        raise Refusal(401, PROBLEMS[401][1], {"WWW-Authenticate": "ApiKey"})
    return tenant


def check_bank(tenant: Tenant, request: wire.Request, query: Query) -> None:
    """Require that the bank is one of the union.

    Where the port's query names none, the attempt's name does: the body must not contradict it.

    Raises:
        Refusal: no such bank, or another than the baggage's.
    """
    bank = query.whose
    if bank is None:
        return
    if bank not in tenant.behaviours["corebank"].banks():
        raise Refusal(404, f"there is no bank {bank!r}")
    caller = caller_of(request.headers.get("baggage", "")).trace
    if caller is not None and caller.bank != bank and not query.names_bank:
        raise Refusal(422, f"bank: the baggage names another one, {caller.bank[:64]!r}")


def _bodiless(request: Request) -> wire.Request:
    scope = request.scope
    headers = wire.headers_of(scope["headers"])
    query: bytes = scope["query_string"]
    return wire.Request(request.method, scope["path"], query, headers, b"", headers.get("host", ""))


async def wire_request(request: Request, content_type: str) -> wire.Request:
    """Read a request whole.

    Raises:
        Refusal: it is of another content type (415), or too long (413).
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != content_type:
        raise Refusal(415, f"send {content_type}, not {repr(given[:60]) if given else 'nothing'}")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= BODY_MAX:
            parts.append(part)
        elif size > DRAINED_MAX:
            break
    if size > BODY_MAX:
        raise Refusal(413, PROBLEMS[413][1])
    return _bodiless(request)._replace(body=b"".join(parts))


async def guarded(request: Request, responds: Awaitable[Response]) -> Response:
    """Return a response, or the problem that stood in its way."""
    try:
        return await responds
    except (Refusal, QuotaExceeded, ServerFailed) as no:
        return _refusal(no).response()
    except NoAnswer as no:
        request.scope[NO_ANSWER] = no
        return Response(status_code=503)  # where nobody looks at the scope
    except ClientDisconnect:
        return Response(status_code=400)  # nobody hears it
    except Exception:  # noqa: BLE001  a bug of ours is no reason for bytes that nobody can read
        _LOG.exception("a bug at %s", request.scope["path"])
        return Refusal(500, PROBLEMS[500][1]).response()


def _refusal(no: Refusal | QuotaExceeded | ServerFailed) -> Refusal:
    if isinstance(no, QuotaExceeded):
        return Refusal(429, PROBLEMS[429][1], {"Retry-After": RETRY_AFTER_S})
    return Refusal(503, PROBLEMS[503][1]) if isinstance(no, ServerFailed) else no


# --------------------------------------------------------------------------------- application


class Api(FastAPI):
    """A FastAPI application whose every error is a problem; without pages that need a network."""

    def __init__(self, openapi_url: str | None = None, **said: Any) -> None:
        super().__init__(
            openapi_url=openapi_url,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            root_path_in_servers=False,
            exception_handlers={HTTPException: _no_route},
            **said,
        )


async def _no_route(request: Request, no: Any) -> Response:
    place = f"{request.method} {request.scope['path'][:120]}"
    status = no.status_code if no.status_code in PROBLEMS else 400
    return Refusal(status, f"{place}: {PROBLEMS[status][1]}", no.headers).response()


class ProviderApi(Api):
    """One provider's operations, with an OpenAPI document of their own."""

    def __init__(self, service: Service, tenants: Tenants) -> None:
        super().__init__(
            "/openapi.json",
            title=service.title,
            description=service.text,
            version=FORM,
            servers=[{"url": f"/{service.name}/v1"}],
        )
        self._schemas: dict[str, Any] = {}
        refs = self._define(service)
        for post in service.posts:
            self.add_api_route(
                f"/{post.name}",
                _endpoint(tenants, service, post),
                methods=["POST"],
                status_code=post.status,
                response_model=None,
                name=post.name,
                operation_id=post.name.replace("/", "_"),
                summary=post.summary,
                tags=[post.tag or service.name],
                responses=_responses(post, refs[post.name, "serialization"], post.status),
                openapi_extra=_request(post, refs[post.name, "validation"]),
            )
        for get in service.gets:
            self.add_api_route(
                f"/{get.path}",
                _read_endpoint(tenants, get),
                methods=["GET"],
                response_model=None,
                name=get.name,
                operation_id=f"read_{get.name}",
                summary=get.summary,
                tags=[get.tag or service.name],
                responses=_responses(get, refs[get.path, "serialization"]),
                openapi_extra=_named(get),
            )

    def _define(self, service: Service) -> dict[Any, Any]:
        """Write down the schemas of all bodies and answers; return where each is."""
        inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
            ("", "serialization", TypeAdapter(Problem)),
            *((post.name, "validation", TypeAdapter(post.body)) for post in service.posts),
            *((post.name, "serialization", post.told) for post in service.posts),
            *((get.path, "serialization", get.told) for get in service.gets),
        ]
        refs, schemas = TypeAdapter.json_schemas(
            inputs, ref_template="#/components/schemas/{model}"
        )
        self._schemas = schemas["$defs"]
        return dict(refs)

    def openapi(self) -> dict[str, Any]:
        """The document: FastAPI's, with the bodies that we read ourselves."""
        document = super().openapi()
        document["components"] = {
            "schemas": self._schemas,
            "securitySchemes": {"ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
        }
        document["security"] = [{"ApiKey": []}, {}]
        return document


def _endpoint(
    tenants: Tenants, service: Service, post: Post
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await guarded(request, answer(request, tenants, service, post))

    return endpoint


def _read_endpoint(tenants: Tenants, get: Get) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await guarded(request, reading(request, tenants, get))

    return endpoint


def _named(get: Get) -> dict[str, Any]:
    schema = {"type": "string", "pattern": get.pattern}
    place = {"name": get.name, "in": "path", "required": True, "schema": schema}
    return {"parameters": [{**place, "example": get.example}]}


def _request(post: Post, schema: Any) -> dict[str, Any]:
    content = {JSON: {"schema": schema, "example": post.example}}
    return {"requestBody": {"required": True, "content": content}}


def _responses(
    asked: Post | Get, schema: Any, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": "What became of it", "content": {JSON: {"schema": schema}}}
    }
    problem = {"$ref": "#/components/schemas/Problem"}
    for no in sorted(asked.says):
        title, when = PROBLEMS[no]
        example = {"type": "about:blank", "title": title, "status": no, "detail": when}
        content = {PROBLEM: {"schema": problem, "example": example}}
        documented[no] = {"description": when, "content": content}
    for no, name in ((405, "Allow"), (429, "Retry-After"), (401, "WWW-Authenticate")):
        if no in documented:
            documented[no]["headers"] = {name: {"schema": {"type": "string"}}}
    return documented
