"""Every behaviour answers exactly the questions of its port, with the same query and answer."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from core.ports import PROVIDERS, Ports
from mocks.spec import always, free, on

NAMES = dict(Ports.__annotations__)


def rooms(provider):
    port = getattr(import_module(f"core.ports.{provider}"), NAMES[provider])
    behaviour = getattr(import_module(f"mocks.{provider}.behaviour"), NAMES[provider])
    return port, behaviour


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_behaviour_declares_whose_it_is_and_how_far_it_reaches(provider):
    _, behaviour = rooms(provider)

    assert provider == behaviour.PROVIDER
    assert behaviour.SCOPE in ("nation", "platform", "bank")
    assert all(name == operation.name for name, operation in behaviour.OPERATIONS.items())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_operations_are_those_of_the_port_with_its_words(provider):
    port, behaviour = rooms(provider)
    asked = {name: call for name, call in vars(port).items() if not name.startswith("_")}

    assert list(behaviour.OPERATIONS) == list(asked)
    for name, call in asked.items():
        wanted = inspect.signature(call)
        got = inspect.signature(getattr(behaviour, name))
        assert list(got.parameters) == ["self", "trace", "query", "now_s", "draws"]
        assert got.parameters["query"].annotation == wanted.parameters["query"].annotation
        assert got.return_annotation == wanted.return_annotation


def test_billing_reads_the_named_field():
    class Answer:
        verdict = "same"
        reading = "blurred"

    assert on("same", "different")(Answer())
    assert not on("read", field="reading")(Answer())
    assert always(Answer())
    assert not free(Answer())
