"""Who asks: the signatures of Tencent Cloud, and what a signed request claims.

TC3-HMAC-SHA256 signs a canonical form of the request, by POST or GET: the raw bytes as received,
the Host as received, the canonical path always ``/``. The older HmacSHA1 and HmacSHA256 sign the
sorted parameters of a query string or a form. A claim is read first and proved with the key of
whoever it names; its parameters are looked at only after that.

Source: Tencent Cloud, signature methods v3 and v1.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from datetime import date
from functools import lru_cache
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from mocks.tencent_request import Fields, VendorError, read, unfold
from mocks.wire import BODY_MAX

if TYPE_CHECKING:
    from mocks.wire import Request

WINDOW_S = 300  # between the client's clock and the machine's
QUERY_MAX = 32 * 1024  # of a GET, in bytes
FIELDS_MAX = 1_000  # of a query string or a form
UNIX_DAY = date(1970, 1, 1).toordinal()
UNSIGNED = "UNSIGNED-PAYLOAD"
HEX, DIGITS = "0123456789abcdef", 64  # of a signature
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TOLD_IN = {name.lower(): name for name in ("X-TC-Action", "X-TC-Version", "X-TC-Timestamp")}

_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256\s+Credential=(?P<id>[^/,\s]{1,128})/(?P<date>[\d-]{10})"
    r"/(?P<service>[\w-]{1,64})/tc3_request\s*,\s*SignedHeaders=(?P<names>[^,\s]{1,1024})"
    r"\s*,\s*Signature=",
    re.ASCII,
)
# What every request of the older methods carries beside its own parameters.
REQUIRED = ("Action", "Version", "Timestamp", "Nonce", "SecretId", "Signature")
PUBLIC = frozenset({*REQUIRED, "Region", "SignatureMethod", "Token", "Language", "RequestClient"})
METHODS = {"HmacSHA1": sha1, "HmacSHA256": sha256}


class Claim(NamedTuple):
    """What a request says of itself. ``service`` is empty where the method does not tell it."""

    request: Request
    secret_id: str
    token: str
    timestamp: int
    service: str
    action: str
    version: str
    signature: str
    scope: str = ""  # of TC3: the day
    names: str = ""  # of TC3: the headers that are signed
    flat: dict[str, str] | None = None  # the parameters of a query string or a form, all of them

    def values(self, fields: Fields) -> dict[str, Any]:
        """Return the parameters of the action.

        Raises:
            VendorError: they are none, or not what the table says.
        """
        if self.flat is not None:
            own = {name: text for name, text in self.flat.items() if name not in PUBLIC}
            return read(fields, unfold(fields, own))
        if self.request.method == "GET":
            return read(fields, unfold(fields, pairs(self.request.query)))
        media = self.request.headers.get("content-type", "")
        if media != JSON and media.partition(";")[0].strip().lower() != JSON:
            raise VendorError("InvalidRequest", "The body of this action is JSON.")
        try:
            given = self.request.json()
        except (ValueError, RecursionError):
            raise VendorError("InvalidParameter", "The body is no JSON in UTF-8.") from None
        if not isinstance(given, dict):
            raise VendorError("InvalidParameter", "The body is no JSON object.")
        return read(fields, given)

    def require_proved(self, secret_key: str, now_s: float) -> None:
        """Require that whoever holds the key signed this, and signed it just now.

        Raises:
            VendorError: AuthFailure.SignatureExpire or AuthFailure.SignatureFailure.
        """
        if abs(now_s - self.timestamp) > WINDOW_S:
            problem = "The timestamp is more than five minutes away from this machine's clock."
            raise VendorError("AuthFailure.SignatureExpire", problem)
        told = self.signature.encode("utf-8", "replace")
        proves = _tc3_proves if self.scope else _v1_proves
        if proves(self, secret_key, told):
            return
        problem = "The signature is not the one of this request under this key."
        raise VendorError("AuthFailure.SignatureFailure", problem)


def claim_of(request: Request) -> Claim:
    """Read what a request claims, by whichever method it is signed.

    Raises:
        VendorError: it is not signed at all, or a part of what every request carries is missing.
    """
    if request.method not in ("GET", "POST"):
        raise VendorError("UnsupportedOperation", "Only GET and POST are served.")
    if request.path not in ("/", ""):
        raise VendorError("InvalidRequest", "Only the path / is served.")
    if len(request.query) > QUERY_MAX:
        raise VendorError("RequestSizeLimitExceeded", f"A query has at most {QUERY_MAX:,} bytes.")
    if len(request.body) > BODY_MAX:
        raise VendorError("RequestSizeLimitExceeded", f"A body has at most {BODY_MAX:,} bytes.")
    authorization = request.headers.get("authorization")
    return _v1_claim(request) if authorization is None else _tc3_claim(request, authorization)


def pairs(text: bytes) -> dict[str, str]:
    """Return the parameters of a query string or a form.

    Raises:
        VendorError: they are not written in UTF-8, or too many.
    """
    try:
        told = text.decode("ascii")
        found = parse_qsl(told, True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise VendorError("InvalidParameter", "The parameters are not URL-encoded UTF-8.") from None
    return dict(found)


# TC3-HMAC-SHA256


class Scope(NamedTuple):
    """What stands in a header Authorization before its signature: the same all day long."""

    secret_id: str
    day: str
    service: str
    names: str  # of the headers that are signed
    signs_enough: bool


@lru_cache(maxsize=1_024)
def _scope_of(before: str) -> Scope | None:
    """Return what a header says before its signature; None where that is not the known form."""
    told = _AUTHORIZATION.fullmatch(before)
    if told is None:
        return None
    secret_id, day, service, names = told.groups()
    return Scope(secret_id, day, service, names, {"content-type", "host"} <= {*names.split(";")})


def _tc3_claim(request: Request, authorization: str) -> Claim:
    authorization = authorization.rstrip()
    signature = authorization[-DIGITS:]
    scope = None if signature.strip(HEX) else _scope_of(authorization[:-DIGITS])
    if scope is None or len(signature) != DIGITS:
        problem = "The header Authorization is not in the form of TC3-HMAC-SHA256."
        raise VendorError("AuthFailure.InvalidAuthorization", problem)
    headers = request.headers
    for name, shown in TOLD_IN.items():
        if not headers.get(name):
            raise VendorError("MissingParameter", f"The header {shown} is missing.")
    secret_id, day, service, names, signs_enough = scope
    if not signs_enough:
        problem = "SignedHeaders names content-type and host at least."
        raise VendorError("AuthFailure.InvalidAuthorization", problem)
    return Claim(
        request,
        secret_id,
        headers.get("x-tc-token", ""),
        _timestamp(headers["x-tc-timestamp"]),
        service,
        headers["x-tc-action"],
        headers["x-tc-version"],
        signature,
        day,
        names,
    )


def _tc3_proves(claim: Claim, secret_key: str, told: bytes) -> bool:
    """Whether a signature proves a claim.

    The documents lower-case every signed value, the vendor's own clients sign Content-Type and
    Host as they send them; they differ only where one of these has capitals.
    """
    if claim.scope != day_of(claim.timestamp // 86_400):
        return False
    key = signing_key(secret_key, claim.scope, claim.service)
    if hmac.compare_digest(_tc3_proof(claim, key, _canonical(claim, as_sent=True)), told):
        return True
    return hmac.compare_digest(_tc3_proof(claim, key, _canonical(claim, as_sent=False)), told)


@lru_cache(maxsize=16)
def day_of(days: int) -> str:
    """Return the date (UTC) so many days after the first of 1970."""
    return date.fromordinal(UNIX_DAY + days).isoformat()


def _tc3_proof(claim: Claim, key: hmac.HMAC, canonical: str) -> bytes:
    digest = sha256(canonical.encode("latin-1")).hexdigest()
    scope = f"{claim.scope}/{claim.service}/tc3_request"
    told = f"TC3-HMAC-SHA256\n{claim.request.headers['x-tc-timestamp']}\n{scope}\n{digest}"
    proof = key.copy()
    proof.update(told.encode("latin-1"))
    return proof.hexdigest().encode()


def _canonical(claim: Claim, *, as_sent: bool) -> str:
    """Return the request as it is signed. Everything is Latin-1, so that bytes stay bytes."""
    request, headers, lines = claim.request, claim.request.headers, ""
    if as_sent and claim.names == "content-type;host":  # as nearly all do
        lines = f"content-type:{headers.get('content-type', '')}\nhost:{request.host}\n"
    else:
        for name in claim.names.split(";"):
            value = request.host if name == "host" else headers.get(name, "")
            if not (as_sent and name in ("content-type", "host")):
                value = value.strip().lower()
            lines += f"{name}:{value}\n"
    query, payload = "", request.body
    if request.method == "GET":
        query, payload = request.query.decode("latin-1"), b""
    if headers.get("x-tc-content-sha256") == UNSIGNED:
        payload = UNSIGNED.encode()
    digest = sha256(payload).hexdigest()
    return f"{request.method}\n/\n{query}\n{lines}\n{claim.names}\n{digest}"


@lru_cache(maxsize=1_024)
def signing_key(secret_key: str, day: str, service: str) -> hmac.HMAC:
    """Return what signs the requests to one service on one day (UTC), to be copied for each."""
    key = f"TC3{secret_key}".encode()
    for told in (day, service, "tc3_request"):
        key = hmac.digest(key, told.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


# HmacSHA1 and HmacSHA256


def _v1_claim(request: Request) -> Claim:
    if request.method == "GET":
        flat = pairs(request.query)
    elif request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        flat = pairs(request.body)
    else:
        problem = "The request is not signed: there is no header Authorization."
        raise VendorError("AuthFailure.InvalidAuthorization", problem)
    for name in REQUIRED:
        if not flat.get(name):
            raise VendorError("MissingParameter", f"The parameter `{name}` is missing.")
    if flat.get("SignatureMethod", "HmacSHA1") not in METHODS:
        raise VendorError("InvalidParameterValue", "SignatureMethod: HmacSHA1 or HmacSHA256.")
    return Claim(
        request,
        flat["SecretId"],
        flat.get("Token", ""),
        _timestamp(flat["Timestamp"]),
        "",
        flat["Action"],
        flat["Version"],
        flat["Signature"],
        flat=flat,
    )


def _v1_proves(claim: Claim, secret_key: str, told: bytes) -> bool:
    return hmac.compare_digest(_v1_proof(claim, secret_key), told)


def _v1_proof(claim: Claim, secret_key: str) -> bytes:
    assert claim.flat is not None
    signed = {
        name.replace("_", "."): text for name, text in claim.flat.items() if name != "Signature"
    }
    told = "&".join([f"{name}={signed[name]}" for name in sorted(signed)])
    text = f"{claim.request.method}{claim.request.host}/?{told}"
    method = METHODS[claim.flat.get("SignatureMethod", "HmacSHA1")]
    return b64encode(hmac.new(secret_key.encode(), text.encode(), method).digest())


def _timestamp(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise VendorError("InvalidParameter", "The timestamp is no number of seconds.")
    return int(text)
