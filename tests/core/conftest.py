"""What the tests of core share: a PostgreSQL for as long as they run, where the machine has one."""

from __future__ import annotations

import pytest

from tests.postgres import postgres, why_not


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of this process's own."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """The address of an empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/books.db"
    return request.getfixturevalue("server").address()
