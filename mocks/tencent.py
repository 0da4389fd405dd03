"""Tencent Cloud's front: the envelope, the signature, the rate limit, and whose action it is.

Every answer is HTTP 200 and ``application/json`` without a charset, an error too: the vendor's own
clients overlook an error in any other form. The product is the service of the credential's scope,
never the path or the host; the older signatures have no scope, so the version tells it.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from core.errors import QuotaExceeded, ServerFailed
from mocks.carrier.server import ACTIONS as CARRIER
from mocks.face.server import ACTIONS as FACE
from mocks.face.server import COMPARISONS
from mocks.face.tokens import show_face_id
from mocks.ocr.server import ACTIONS as OCR
from mocks.tenant import NoAnswer
from mocks.tencent_call import Call, Office
from mocks.tencent_limits import Bucket
from mocks.tencent_request import VendorError
from mocks.tencent_signature import claim_of
from mocks.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from core.ports.people import Person
    from mocks.tenant import Tenant, Tenants
    from mocks.tencent_call import Action
    from mocks.tencent_signature import Claim
    from mocks.wire import Request

LOG = logging.getLogger(__name__)


class Product(NamedTuple):
    """One product of the vendor: the version that is served, and its actions by name."""

    version: str
    actions: dict[str, Action]


def _by_name(*groups: Iterable[Action]) -> dict[str, Action]:
    return {action.name: action for group in groups for action in group}


PRODUCTS: dict[str, Product] = {
    "ocr": Product("2018-11-19", _by_name(OCR)),
    "faceid": Product("2018-03-01", _by_name(CARRIER, FACE)),
    "iai": Product("2020-03-03", _by_name(COMPARISONS)),
}
SERVICES = {product.version: service for service, product in PRODUCTS.items()}
QUOTAS = {
    name: action.per_s for product in PRODUCTS.values() for name, action in product.actions.items()
}


class TencentFace:
    """All products of the vendor at one address."""

    def __init__(
        self,
        tenants: Tenants,
        unix_s: Callable[[], float],
        quotas: Mapping[str, int] | None = None,
    ) -> None:
        """``unix_s`` is the machine's clock, which clients sign by; ``quotas`` calls a second."""
        self._tenants = tenants
        self._unix_s = unix_s
        self._quotas = {**QUOTAS, **(quotas or {})}
        self._strangers = Office(None)

    async def serve(self, request: Request) -> Reply:
        """Answer one request. Raises nothing but NoAnswer, which the transport is to show."""
        office, action, request_id = self._strangers, "", ""
        try:
            claim = claim_of(request)
            tenant = self._tenant_of(claim)
            office, action = self._office(tenant), claim.action
            request_id = office.request_id(action)
            claim.require_proved(tenant.credentials.secret_key, self._unix_s())
            answer = await self._answer(claim, tenant, office)
        except VendorError as no:
            answer = _error(no.code, no.message)
        except NoAnswer:
            raise
        except QuotaExceeded:
            answer = _error("RequestLimitExceeded", "Too many requests; try again later.")
        except ServerFailed:
            answer = _error("InternalError", "The service failed; try again later.")
        except Exception:  # a bug of ours is for our log, never for the wire
            LOG.exception("an action of Tencent Cloud failed: %.60r", action)
            answer = _error("InternalError", "The service failed.")
        answer["RequestId"] = request_id or office.request_id(action)
        return Reply(200, _bytes({"Response": answer}))

    def show(self, tenant: Tenant, token: str, person: Person) -> str | None:
        """Show what comes before a person's camera to a FaceIdToken; return the result's code.

        None: the token is no such one; then it is a BizToken, and ``face.show`` knows it.
        """
        return show_face_id(self._office(tenant), tenant, token, person)

    def _tenant_of(self, claim: Claim) -> Tenant:
        tenant = self._tenants.by_secret_id(claim.secret_id)
        if tenant is None:
            raise VendorError("AuthFailure.SecretIdNotFound", "Nobody has this SecretId.")
        wanted = tenant.credentials.token
        if wanted and claim.token != wanted:
            raise VendorError("AuthFailure.TokenFailure", "The token is not the one of this key.")
        return tenant

    def _office(self, tenant: Tenant) -> Office:
        """Return what the wire keeps for a tenant; one that was opened anew starts afresh."""
        return tenant.room(Office, partial(Office, tenant))

    async def _answer(self, claim: Claim, tenant: Tenant, office: Office) -> dict[str, Any]:
        action = _action_of(claim)
        # Our own clients may each live in a business time of their own (their baggage names a
        # visit), which jumps: a rate means nothing there, and their limits are the line's.
        baggage = claim.request.headers.get("baggage")
        if baggage is None or "lr.visit=" not in baggage:
            self._require_quota(action, tenant, office)
        values = claim.values(action.fields)
        return await action.answer(Call(action, tenant, office, claim.request, values))

    def _require_quota(self, action: Action, tenant: Tenant, office: Office) -> None:
        """Require that an action is not called too often."""
        bucket = office.buckets.get(action.name)
        if bucket is None:
            bucket = office.buckets[action.name] = Bucket(self._quotas[action.name])
        if not bucket.take(tenant.now_s):
            problem = f"{action.name} may be called {self._quotas[action.name]} times a second."
            raise VendorError("RequestLimitExceeded", problem)


def _action_of(claim: Claim) -> Action:
    """Return the action that a claim names.

    Raises:
        VendorError: there is no such product, version or action.
    """
    service = claim.service
    if not service:
        named = claim.request.host.partition(".")[0]
        service = named if named in PRODUCTS else SERVICES.get(claim.version, "")
        if not service:
            raise VendorError("NoSuchVersion", "No product here has this version.")
    product = PRODUCTS.get(service)
    if product is None:
        raise VendorError("NoSuchProduct", f"There is no product {service!r} here.")
    if claim.version != product.version:
        raise VendorError("NoSuchVersion", f"The version here is {product.version}.")
    action = product.actions.get(claim.action)
    if action is None:
        raise VendorError("InvalidAction", "There is no such action in this version.")
    return action


def _error(code: str, message: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": message}}


def _bytes(answer: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(answer)
    except TypeError:  # half of a surrogate pair, which a client sent and is told again
        told = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return told.encode("utf-8", "replace")
