"""The project's own REST providers together, and the time stamps, as one application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocks.acquirer import server as acquirer
from mocks.bureau import server as bureau
from mocks.corebank import server as corebank
from mocks.evidence import server as evidence
from mocks.registry import server as registry
from mocks.rest import Api, ProviderApi

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI

    from mocks.rest import Service
    from mocks.tenant import Tenants


def rest_app(tenants: Tenants, guests: Iterable[Service] = ()) -> FastAPI:
    """Return all of the project's own REST providers, and the time stamps at ``/tsa``.

    ``guests`` are services of providers that plugins bring.
    """
    app = Api()
    ours = [provider.SERVICE for provider in (corebank, bureau, registry, acquirer, evidence)]
    for service in (*ours, *guests):
        app.mount(f"/{service.name}/v1", ProviderApi(service, tenants))
    app.add_api_route(
        "/tsa", evidence.stamps(tenants), methods=["POST"], response_model=None, name="tsa"
    )
    return app
