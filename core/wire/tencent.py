"""Tencent Cloud API 3.0: requests are signed (TC3-HMAC-SHA256), answers lie in an envelope.

Source: cloud.tencent.com/document/api/362/4208 (signature), 866/33528 (common errors). Whatever
the vendor has processed comes with status 200; an ``Error`` in the envelope tells of a failure, and
only its ``Code`` counts, for the message may change.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed
from core.wire.message import Exchange, HttpRequest, HttpResponse, Told, json_bytes, require_ok

if TYPE_CHECKING:
    from core.picture import Picture

V = TypeVar("V")

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"

# What a code, or the family before its dot, says of the request. What is not here failed on the
# vendor's side for all we know, and may have had its effect.
KINDS: dict[str, type[ProviderError]] = {
    "RequestLimitExceeded": QuotaExceeded,
    "LimitExceeded": QuotaExceeded,
    "FailedOperation.RequestLimitExceeded": QuotaExceeded,
    "FailedOperation.CountLimitError": QuotaExceeded,
    "FailedOperation.IdentityAuthLimitExceeded": QuotaExceeded,
    "InternalError": ServerFailed,
    "FailedOperation": ServerFailed,
    **dict.fromkeys(
        (
            # our signature, our rights, the form of our request
            "ActionOffline",
            "AuthFailure",
            "DryRunOperation",
            "InvalidAction",
            "InvalidParameter",
            "InvalidParameterValue",
            "InvalidRequest",
            "IpInBlacklist",
            "IpNotInWhitelist",
            "MissingParameter",
            "NoSuchProduct",
            "NoSuchVersion",
            "OperationDenied",
            "RequestSizeLimitExceeded",
            "ResourceNotFound",
            "UnauthorizedOperation",
            "UnknownParameter",
            "UnsupportedOperation",
            "UnsupportedProtocol",
            "UnsupportedRegion",
            # our account: in arrears, without the service, its package used up
            "ResourceUnavailable",
            "ResourcesSoldOut",
            "FailedOperation.ArrearsError",
            "FailedOperation.StsUnAuthErrError",
            "FailedOperation.UnOpenError",
            # a field that we should not have sent like that
            "FailedOperation.IdFormatError",
            "FailedOperation.ImageResolutionExceed",
            "FailedOperation.ImageSizeExceed",
            "FailedOperation.LifePhotoSizeError",
            "FailedOperation.NameFormatError",
        ),
        NotDone,
    ),
}


@dataclass(slots=True)
class TencentAccess:
    """Who asks, and where. ``host`` is the Host header's value, which the signature covers.

    ``unix_s`` is the time a request is signed at: the vendor allows five minutes' difference from
    its own. ``token`` belongs to temporary credentials.
    """

    secret_id: str
    secret_key: str = field(repr=False)
    host: str
    unix_s: Callable[[], float]
    region: str = ""
    token: str = field(default="", repr=False)


class Action(NamedTuple):
    """One call: our name for it, then the vendor's service, version and name."""

    operation: str
    service: str
    version: str
    name: str


def call(
    access: TencentAccess, action: Action, parameters: dict[str, Any], answers: Mapping[str, V]
) -> Exchange[Told | V]:
    """Ask once; return what the envelope holds, or what an error code means by ``answers``.

    Raises:
        QuotaExceeded: the vendor was asked too often.
        NotDone: the vendor refused the request as it was.
        ServerFailed: it failed on the vendor's side.
        Unreadable: what came back is no envelope.
    """
    response = yield request(access, action, parameters)
    return opened(action.operation, response, answers)


def request(access: TencentAccess, action: Action, parameters: dict[str, Any]) -> HttpRequest:
    """Return the signed request of an action."""
    body = json_bytes(parameters)
    at_s = int(access.unix_s())
    signed = {"content-type": CONTENT_TYPE, "host": access.host}
    headers = {
        "Host": access.host,
        "Content-Type": CONTENT_TYPE,
        "Authorization": authorization(access, action.service, at_s, signed, body),
        "X-TC-Action": action.name,
        "X-TC-Version": action.version,
        "X-TC-Timestamp": str(at_s),
    }
    if access.region:
        headers["X-TC-Region"] = access.region
    if access.token:
        headers["X-TC-Token"] = access.token
    return HttpRequest("POST", "/", headers, body)


def authorization(
    access: TencentAccess, service: str, at_s: int, signed: Mapping[str, str], body: bytes
) -> str:
    """Return the Authorization header that covers the ``signed`` headers (lower-case names)."""
    day = datetime.fromtimestamp(at_s, UTC).date().isoformat()
    scope = f"{day}/{service}/tc3_request"
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    to_sign = f"{ALGORITHM}\n{at_s}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"

    key = f"TC3{access.secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = digest(key, part.encode(), "sha256")
    signature = digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{access.secret_id}/{scope}"
    return f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"


def opened(operation: str, response: HttpResponse, answers: Mapping[str, V]) -> Told | V:
    """Return what an envelope holds, or what its error code means; see :func:`call`."""
    require_ok(operation, response)
    told = Told.read(operation, response.body).inside("Response")
    told.filled("RequestId")  # the vendor gives one to every request that reached it
    error = told.inside_or("Error")
    if error is None:
        return told
    code = error.filled("Code")
    if code in answers:
        return answers[code]
    family = code.partition(".")[0]
    raise KINDS.get(code, KINDS.get(family, ServerFailed))(operation, code)


def base64_of(picture: Picture) -> str:
    """Return a picture's bytes as the vendor takes them."""
    return b64encode(picture.content).decode()
