"""The server half of the contract deposit, ``/evidence/v1/<operation>``, and of ``/tsa``.

The patterns of document, signer and certificate are what an X.509 certificate can hold (RFC 5280):
what is signed here must be certified when it is read back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from fastapi import Request
from fastapi.responses import Response
from pydantic import AfterValidator, Field

from core.ports.evidence import (
    DepositQuery,
    ReadQuery,
    Served,
    SignQuery,
    Standing,
    StatusQuery,
)
from mocks.evidence.timestamps import QUERY_TYPE, REPLY_TYPE
from mocks.rest import Post, Service, guarded, tenant_of, wire_request
from mocks.rest_values import ID_EXAMPLE, Answer, BankId, Id, Query

if TYPE_CHECKING:
    from mocks.tenant import Tenants

COMMON_NAME_MAX = 64  # bytes, RFC 5280 appendix A.1


def _fits_certificate(name: str) -> str:
    if len(name.encode()) > COMMON_NAME_MAX:
        raise ValueError(f"it has more than {COMMON_NAME_MAX} bytes in UTF-8")
    return name


Document = Annotated[str, Field(pattern=r"^[!-~]{1,200}$", examples=["K-1"])]
Signer = Annotated[
    str, Field(min_length=1, max_length=COMMON_NAME_MAX), AfterValidator(_fits_certificate)
]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]
Signature = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$", examples=["0" * 128])]
PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]
Serial = Annotated[str, Field(pattern=r"^[0-9a-f]{1,40}$", examples=["40" + "0" * 30])]
Version = Annotated[str, Field(pattern=r"^[ -~]{0,64}$", examples=["2020-07"])]
Will = Annotated[str, Field(max_length=1_000, description="the token of the face check")]


class SignBody(Query):
    """A document's digests, and who signs them by which act of will."""

    PORT: ClassVar[Any] = SignQuery
    ABOUT: ClassVar[str] = "document"

    bank: BankId
    document: Document
    digest: Hash
    sm3: Hash
    signer: Signer
    number: Id
    consent_version: Version
    will: Will


class SignatureBody(Answer):
    """The signature and its certificate; empty where the authority is ``unavailable``."""

    verdict: Served
    signature: str
    public_key: str
    certificate: str
    expires_at: int


class DepositBody(Query):
    """A signed document: its digests, its signature, and what the signer agreed to."""

    PORT: ClassVar[Any] = DepositQuery
    ABOUT: ClassVar[str] = "document"

    bank: BankId
    document: Document
    digest: Hash
    sm3: Hash
    signature: Signature
    public_key: PublicKey
    certificate: Serial
    consent_version: Version
    will: Will


class ReceiptBody(Answer):
    """``receipt`` names the record; ``chain`` is the hash of it and of all before it."""

    verdict: Served
    receipt: str
    chain: str
    stamped_at: int


class ReadBody(Query):
    """A receipt of the asking bank."""

    PORT: ClassVar[Any] = ReadQuery
    ABOUT: ClassVar[str] = "receipt"

    bank: BankId
    receipt: Hash


class RecordBody(Answer):
    """What was deposited with everything that verifying it needs; DER is in base64."""

    found: bool
    document: str
    digest: str
    sm3: str
    signature: str
    public_key: str
    certificate: str
    consent_version: str
    will: str
    before: str
    chain: str
    stamped_at: int
    certificates: tuple[str, ...]
    revoked: str
    token: str


class StatusBody(Query):
    """A certificate's serial number, in hex."""

    PORT: ClassVar[Any] = StatusQuery
    ABOUT: ClassVar[str] = "certificate"

    bank: BankId
    certificate: Serial


class StandingBody(Answer):
    """How a certificate stands now; since when and why, where it was revoked."""

    standing: Standing
    revoked_at: int
    reason: str


_SIGNED = {
    "bank": "bozhi",
    "document": "K-1",
    "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sm3": "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
    "consent_version": "2020-07",
    "will": "face-token",
}
SIGN_EXAMPLE = {**_SIGNED, "signer": "李明", "number": ID_EXAMPLE}
DEPOSIT_EXAMPLE = {
    **_SIGNED,
    "signature": "0" * 128,
    "public_key": "0" * 64,
    "certificate": "40" + "0" * 30,
}
READ_EXAMPLE = {"bank": "bozhi", "receipt": "0" * 64}
STATUS_EXAMPLE = {"bank": "bozhi", "certificate": "40" + "0" * 30}

SERVICE = Service(
    "evidence",
    "Contract deposit",
    "Who signed what and when (存证, Electronic Signature Law art. 13 and 14): event certificates, "
    "a chain of deposits for each bank, and what verifies them. Time stamps of RFC 3161 are given "
    f"at `POST /tsa`: `{QUERY_TYPE}` in, `{REPLY_TYPE}` out.",
    (
        Post("sign", SignBody, SignatureBody, "Sign with a certificate of one's own", SIGN_EXAMPLE),
        Post("deposit", DepositBody, ReceiptBody, "Deposit a signed document", DEPOSIT_EXAMPLE),
        Post("read", ReadBody, RecordBody, "Read a deposit back", READ_EXAMPLE),
        Post("status", StatusBody, StandingBody, "How a certificate stands", STATUS_EXAMPLE),
    ),
)


def stamps(tenants: Tenants) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the time stamps (RFC 3161 section 3.4).

    A refusal is a reply too, with the reason in it; problems are for what is no request at all.
    """

    async def stamp(request: Request) -> Response:
        tenant = tenant_of(request, tenants)
        read = await wire_request(request, QUERY_TYPE)
        reply = tenant.behaviours["evidence"].stamp(read.body, tenant.now_s)
        return Response(reply, media_type=REPLY_TYPE)

    async def endpoint(request: Request) -> Response:
        return await guarded(request, stamp(request))

    return endpoint
