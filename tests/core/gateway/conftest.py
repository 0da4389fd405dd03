"""One served stack for the gateway's tests of a process."""

from __future__ import annotations

import pytest

from tests.core.gateway.gateway_kit import Stack


@pytest.fixture(scope="session")
def stack():
    """The server; see ``gateway_kit``."""
    served = Stack()
    yield served
    served.close()


@pytest.fixture
def play(stack):
    """Tell a story on a tenant of its own."""
    return stack.play
