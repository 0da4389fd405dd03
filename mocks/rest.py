"""What the project's own REST providers share: how they read, what they say, how they are mounted.

Each provider's ``server.py`` lists its operations as :class:`Post`: a model of the body, a model of
the answer, and what a reader of its OpenAPI document wants to know. A request is read strictly,
nothing unknown and nothing of another type, asked of its tenant, and answered with the port's
answer. Whatever goes wrong is a problem (RFC 9457): 400 for a body of another shape, 422 for a
value that cannot be.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from core.errors import InputError, QuotaExceeded, ServerFailed
from core.identity import CardNumber, IdNumber, Number, PhoneNumber, UnifiedCreditCode
from core.ports.corebank import Key
from mocks import wire
from mocks.tenant import NoAnswer, caller_of

if TYPE_CHECKING:
    from mocks.tenant import Tenant, Tenants

API_KEY = "x-api-key"
BODY_MAX = 1_000_000
DRAINED_MAX = 16 * BODY_MAX  # what is too long is read on so far, so that the client hears of it
JSON, PROBLEM = "application/json", "application/problem+json"
RETRY_AFTER_S = "1"
NO_ANSWER = "loanrange.no_answer"  # in the scope: whoever serves us is to show no answer
FORM = "1"  # the version of the providers' documents

_LOG = logging.getLogger(__name__)

# ------------------------------------------------------------------------------------ problems

PROBLEMS: dict[int, tuple[str, str]] = {  # title, and when
    400: ("Bad Request", "The body is no JSON of this operation's shape, or the tenant unknown"),
    401: ("Unauthorized", "No tenant has this X-Api-Key"),
    404: ("Not Found", "There is no such operation, or no such bank"),
    405: ("Method Not Allowed", "An operation is asked by POST"),
    409: ("Conflict", "The bank's day does not stand there"),
    413: ("Content Too Large", f"The body has more than {BODY_MAX:,} bytes"),
    415: ("Unsupported Media Type", "The body is of another content type"),
    422: ("Unprocessable Content", "A field's value cannot be"),
    429: ("Too Many Requests", "The provider's quota is spent: come again later"),
    500: ("Internal Server Error", "A bug of this server"),
    503: ("Service Unavailable", "The provider failed; whether it acted is not known"),
}
ALWAYS = (400, 401, 404, 405, 413, 415, 422, 429, 503)  # what every operation may say


class Wrong(BaseModel):
    """One field and what is wrong with it; values are not repeated."""

    field: str
    problem: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong] | None = None


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(status, detail, headers, errors)
        self.status, self.detail = status, detail
        self.headers, self.errors = headers, errors

    def response(self) -> Response:
        """Return the problem on the wire."""
        title = PROBLEMS[self.status][0] if self.status in PROBLEMS else "Error"
        said: dict[str, Any] = {"type": "about:blank", "title": title, "status": self.status}
        said["detail"] = self.detail
        if self.errors:
            said["errors"] = self.errors
        text = json.dumps(said, ensure_ascii=False)
        return Response(text, self.status, self.headers, PROBLEM)

    @classmethod
    def of(cls, wrong: ValidationError) -> Refusal:
        """Return what is said to a body that cannot be read: its shape first, then its values."""
        found = [(row["type"], _place(row["loc"]), _said(row)) for row in wrong.errors()]
        shapeless = [row for row in found if _is_shape(row[0])]
        errors = [{"field": place, "problem": said} for _, place, said in shapeless or found]
        first = errors[0]
        detail = f"{first['field']}: {first['problem']}" if first["field"] else first["problem"]
        return cls(400 if shapeless else 422, detail, errors=errors)


def _is_shape(kind: str) -> bool:
    return kind in ("json_invalid", "missing", "extra_forbidden") or kind.endswith("_type")


def _place(path: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:60] for step in path)


def _said(row: Any) -> str:
    error = row.get("ctx", {}).get("error")
    return str(error) if isinstance(error, ValueError) else str(row["msg"])


# -------------------------------------------------------------------------------------- values


@dataclass(frozen=True)
class Told:
    """A value that JSON tells by its text: read from the wire here, and told on it."""

    kind: type
    pattern: str
    read: Callable[[str], Any]
    tell: Callable[[Any], str]
    example: str
    more: tuple[tuple[str, str], ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """A text in a request; the value itself in an answer."""
        del source, handler
        text = core_schema.str_schema(pattern=self.pattern)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(self.read, text),
            python_schema=core_schema.is_instance_schema(self.kind),
            serialization=core_schema.plain_serializer_function_ser_schema(self.tell),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """The same text both ways."""
        del schema, handler
        return {
            "type": "string",
            "pattern": self.pattern,
            "examples": [self.example],
            **dict(self.more),
        }


def _text(number: Number) -> str:
    return number.text


_DIGITS = "32990019870101001"  # a division that is not assigned
ID_EXAMPLE = _DIGITS + IdNumber.check_digit(_DIGITS)
PHONE_EXAMPLE = "13900001234"
CARD_EXAMPLE = CardNumber.make("629001", "000000000001").text
CODE_EXAMPLE = UnifiedCreditCode.make("92", "329900", "MA000001").text

Fen = Annotated[
    int, Told(int, r"^-?[0-9]{1,16}$", int, str, "5000000", (("description", "an amount in fen"),))
]
Day = Annotated[
    date,
    Told(
        *(date, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", date.fromisoformat, date.isoformat),
        *("2020-07-15", (("format", "date"),)),
    ),
]
Id = Annotated[IdNumber, Told(IdNumber, r"^[0-9]{17}[0-9Xx]$", IdNumber, _text, ID_EXAMPLE)]
Phone = Annotated[
    PhoneNumber, Told(PhoneNumber, r"^1[3-9][0-9]{9}$", PhoneNumber, _text, PHONE_EXAMPLE)
]
Card = Annotated[CardNumber, Told(CardNumber, r"^[0-9]{16,19}$", CardNumber, _text, CARD_EXAMPLE)]
Code = Annotated[
    UnifiedCreditCode,
    Told(UnifiedCreditCode, r"^[0-9A-HJ-NP-RTUWXY]{18}$", UnifiedCreditCode, _text, CODE_EXAMPLE),
]
Name = Annotated[str, Field(min_length=1, max_length=64, examples=["李明"])]
# A bank is found or not found (404), whatever its id looks like.
BankId = Annotated[str, Field(max_length=64, examples=["bozhi"])]
# What must stand in a file whose fields are parted by |: printable ASCII without it.
Word = Annotated[str, Field(pattern=r"^[ -{}~]{1,128}$", examples=["L-1"])]
Consent = Annotated[str, Field(max_length=128, examples=["C-1"])]


class Answer(BaseModel):
    """An answer of a port, read off it field by field."""

    model_config = ConfigDict(strict=True, from_attributes=True, frozen=True)


class KeyBody(Answer):
    """What makes a write unique: the bank, our channel, its date and its serial."""

    model_config = ConfigDict(extra="forbid")

    bank: BankId
    channel: Word
    channel_date: Day
    serial: Word


class Query(BaseModel):
    """A body: a query of a port (``PORT``) under its own names, beside the bank where it has none.

    ``ABOUT`` is the field that names what the request is about.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    PORT: ClassVar[Any]
    ABOUT: ClassVar[str]

    def of_port(self) -> Any:
        """Return the port's query."""
        names = [each.name for each in fields(self.PORT)]
        return self.PORT(**{name: _value(getattr(self, name)) for name in names})

    @property
    def whose(self) -> str | None:
        """The bank it is for, None where it is for none."""
        bank: str | None = getattr(getattr(self, "key", self), "bank", None)
        return bank

    @property
    def names_bank(self) -> bool:
        """Whether the port's own query tells the bank."""
        return any(each.name in ("bank", "key") for each in fields(self.PORT))

    @property
    def subject(self) -> str:
        """What it is about."""
        value = getattr(self, self.ABOUT)
        if isinstance(value, KeyBody):
            return value.serial
        return value.text if isinstance(value, Number) else str(value)


def _value(value: Any) -> Any:
    if isinstance(value, KeyBody):
        return Key(value.bank, value.channel, value.channel_date, value.serial)
    return value


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
    told: TypeAdapter[Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", TypeAdapter(self.answer))


@dataclass(frozen=True)
class Service:
    """One provider: its name, what its document says of it, and its operations."""

    name: str
    title: str
    text: str
    posts: tuple[Post, ...]


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
    return Response(post.told.dump_json(told), media_type=JSON)


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
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
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
        refs = self._define(service.posts)
        for post in service.posts:
            self.add_api_route(
                f"/{post.name}",
                _endpoint(tenants, service, post),
                methods=["POST"],
                response_model=None,
                name=post.name,
                operation_id=post.name.replace("/", "_"),
                summary=post.summary,
                tags=[post.tag or service.name],
                responses=_responses(post, refs[post.name, "serialization"]),
                openapi_extra=_request(post, refs[post.name, "validation"]),
            )

    def _define(self, posts: tuple[Post, ...]) -> dict[Any, Any]:
        """Write down the schemas of all bodies and answers; return where each is."""
        inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
            ("", "serialization", TypeAdapter(Problem)),
            *((post.name, "validation", TypeAdapter(post.body)) for post in posts),
            *((post.name, "serialization", post.told) for post in posts),
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


def _request(post: Post, schema: Any) -> dict[str, Any]:
    content = {JSON: {"schema": schema, "example": post.example}}
    return {"requestBody": {"required": True, "content": content}}


def _responses(post: Post, schema: Any) -> dict[int | str, dict[str, Any]]:
    documented: dict[int | str, dict[str, Any]] = {
        200: {"description": "What became of it", "content": {JSON: {"schema": schema}}}
    }
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in sorted(post.says):
        title, when = PROBLEMS[status]
        example = {"type": "about:blank", "title": title, "status": status, "detail": when}
        content = {PROBLEM: {"schema": problem, "example": example}}
        documented[status] = {"description": when, "content": content}
    for status, name in ((405, "Allow"), (429, "Retry-After"), (401, "WWW-Authenticate")):
        documented[status]["headers"] = {name: {"schema": {"type": "string"}}}
    return documented


def rest_app(tenants: Tenants) -> FastAPI:
    """Return all of the project's own REST providers, and the time stamps at ``/tsa``."""
    # Built of what stands above, so they are looked for when all of it stands.
    from mocks.acquirer import server as acquirer  # noqa: PLC0415
    from mocks.bureau import server as bureau  # noqa: PLC0415
    from mocks.corebank import server as corebank  # noqa: PLC0415
    from mocks.evidence import server as evidence  # noqa: PLC0415
    from mocks.registry import server as registry  # noqa: PLC0415

    app = Api()
    for provider in (corebank, bureau, registry, acquirer, evidence):
        app.mount(f"/{provider.SERVICE.name}/v1", ProviderApi(provider.SERVICE, tenants))
    app.add_api_route(
        "/tsa", evidence.stamps(tenants), methods=["POST"], response_model=None, name="tsa"
    )
    return app
