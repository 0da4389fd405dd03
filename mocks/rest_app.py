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
    from fastapi import FastAPI

    from mocks.tenant import Tenants


def rest_app(tenants: Tenants) -> FastAPI:
    """Return all of the project's own REST providers, and the time stamps at ``/tsa``."""
    app = Api()
    for provider in (corebank, bureau, registry, acquirer, evidence):
        app.mount(f"/{provider.SERVICE.name}/v1", ProviderApi(provider.SERVICE, tenants))
    app.add_api_route(
        "/tsa", evidence.stamps(tenants), methods=["POST"], response_model=None, name="tsa"
    )
    return app
