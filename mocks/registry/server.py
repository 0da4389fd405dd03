"""The server half of the business register: ``/registry/v1/look_up``."""

from __future__ import annotations

from typing import Any, ClassVar

from core.ports.registry import BusinessQuery, BusinessState
from mocks.rest import Post, Service
from mocks.rest_values import CODE_EXAMPLE, Answer, Code, Day, Query


class BusinessBody(Query):
    """One unified social credit code (统一社会信用代码)."""

    PORT: ClassVar[Any] = BusinessQuery
    ABOUT: ClassVar[str] = "code"

    code: Code


class BusinessEntry(Answer):
    """The register's entry; empty where not found."""

    state: BusinessState
    name: str
    kind: str
    person: str
    scope: str
    address: str
    opened: Day | None


SERVICE = Service(
    "registry",
    "Business register",
    "Does this licence exist, and whose is it? A code that nobody has is ``not_found``, not an "
    "error.",
    (
        Post(
            "look_up",
            BusinessBody,
            BusinessEntry,
            "Look a business up by its credit code",
            {"code": CODE_EXAMPLE},
        ),
    ),
)
