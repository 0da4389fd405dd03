"""What is published of a provider beside its cases: its quotas, and the errors of its wire.

Both are told by the code that counts and refuses: nothing is listed here a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mocks import tencent_request
from mocks.acquirer import server as acquirer
from mocks.bureau import server as bureau
from mocks.carrier import server as carrier
from mocks.corebank import server as corebank
from mocks.evidence import server as evidence
from mocks.face import server as face
from mocks.face.desk import Desk
from mocks.idnet import server as idnet
from mocks.plugins import Guest, Switch
from mocks.registry import server as registry
from mocks.rest_problems import errors as problems
from mocks.sanctions import queries as sanctions
from mocks.spec import Quota
from mocks.tencent import PRODUCTS
from mocks.tencent_call import Office
from mocks.wechat import forms as wechat
from mocks.wechat.server import Account

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mocks.rest import Service
    from mocks.spec import Operation, WireError
    from mocks.tenant import Tenant
    from mocks.tencent_call import Action

SERVICES: dict[str, Service] = {
    each.SERVICE.name: each.SERVICE for each in (corebank, bureau, registry, acquirer, evidence)
}
ACTIONS: tuple[Action, ...] = tuple(
    action for product in PRODUCTS.values() for action in product.actions.values()
)
ERRORS: dict[str, Iterable[WireError]] = {
    **{action.provider: tencent_request.ERRORS for action in ACTIONS},
    "wechat": wechat.errors(),
    "idnet": idnet.ERRORS,
    "sanctions": sanctions.ERRORS,
}
LIMITED = next(error.code for error in tencent_request.ERRORS if error.kind == "quota")


def told(operation: Operation) -> dict[str, Any]:
    """Return an operation's rule of billing and its cases, with the magic inputs there are.

    Whether a case is billed is null where only its answer will tell.
    """
    inputs = {case.name: value for value, case in operation.inputs.items()}
    return {
        "writes": operation.writes,
        "billed": operation.billing,
        "magic_field": operation.magic.field if operation.magic else "",
        "cases": [
            {
                "case": case.name,
                "told": case.told,
                "magic": inputs.get(case.name, ""),
                "billed": operation.bills(case),
            }
            for case in operation.cases
        ],
    }


def actions(provider: str) -> dict[str, dict[str, Any]]:
    """Return a provider's actions that no port asks, as operations are told."""
    return {
        action.name: told(action.spec)
        for action in ACTIONS
        if action.spec is not None and action.provider == provider
    }


def errors(tenant: Tenant, provider: str) -> list[dict[str, Any]]:
    """Return what a provider's wire says where it does not answer; nothing where it has no wire."""
    return [error._asdict() for error in _errors(tenant, provider)]


def _errors(tenant: Tenant, provider: str) -> Iterable[WireError]:
    behaviour = tenant.behaviours[provider]
    service = SERVICES.get(provider)
    if isinstance(behaviour, Guest):
        service = behaviour.plugin.service
    if service is None:
        return ERRORS.get(provider, ())
    said = {status for post in service.posts for status in post.says}
    return problems(said.union(*(get.says for get in service.gets)))


def quotas(tenant: Tenant, provider: str) -> list[dict[str, Any]]:
    """Return how often what may be asked of a provider, as it is counted for this tenant."""
    return [quota._asdict() for quota in (*_line(tenant, provider), *_wire(tenant, provider))]


def _line(tenant: Tenant, provider: str) -> list[Quota]:
    """Return the quota of a line, where a scenario gave it one."""
    per_s = tenant.house.lines[provider].profile.quota_per_s
    if per_s is None:
        return []
    code = next((one.code for one in _errors(tenant, provider) if one.kind == "quota"), "")
    each = "bank" if scope(tenant, provider) == "bank" else "tenant"
    return [Quota(each, per_s, "second", {"every operation": code}, "the scenario")]


def scope(tenant: Tenant, provider: str) -> str:
    """Return how far a provider's servers and quota reach: a scenario's word, or its own."""
    said: str = tenant.house.lines[provider].profile.scope or tenant.behaviours[provider].SCOPE
    return said


def _wire(tenant: Tenant, provider: str) -> list[Quota]:
    """Return what the vendor's own wire counts, and what our own behaviour behind it does."""
    if provider == "wechat":
        known = tenant.credentials
        account = tenant.rooms.get(Account) or Account(known.appid, known.app_secret)
        return list(account.quotas())
    found = [
        Quota("tenant", action.per_s, "second", {action.name: LIMITED}, action.source)
        for action in ACTIONS
        if action.provider == provider
    ]
    if provider == "face":
        office = tenant.rooms.get(Office)
        found += face.quotas(office.rooms.get(Desk, Desk()) if office else Desk())
    behaviour = tenant.behaviours[provider]
    if isinstance(behaviour, Switch) and behaviour.everyone is None:
        behaviour = behaviour.own
    if provider == "carrier" and not isinstance(behaviour, Guest | Switch):
        found += carrier.quotas(behaviour.per_day)
    return found
