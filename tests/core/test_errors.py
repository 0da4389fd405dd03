"""The errors: rebuilt from their args on the way between processes, and drawn as they are."""

from __future__ import annotations

import pickle
import re
from copy import copy

import pytest
import simpy

from core import errors
from core.application import Reason
from core.errors import (
    BreakerOpen,
    ConnectionLost,
    GaveUp,
    InputError,
    MachineError,
    NotDone,
    OutcomeUnknown,
    ProviderError,
    QuotaExceeded,
    Refused,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
    nearest,
)

CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, Exception)
}
NODE = re.compile(r"^ {4}(?P<rails>[│├└─ ]*)(?P<name>[A-Z]\w+)  ")
AN_INDENT = 4  # columns of the drawing from a parent to its child


def made(error):
    """Return an error of that class with every argument given."""
    if error is Refused:
        return Refused(Reason.OVER_LINE, "free 3.00")
    if error is InputError:
        return InputError("seed", "is 'x'", "write a number")
    if error is MachineError:
        return MachineError("no font", "install one")
    return error("corebank.disburse", "attempt 2")


def drawn():
    """Return the tree of the module's docstring: each name with its parent's."""
    found, path = {}, []
    for line in errors.__doc__.splitlines():
        node = NODE.match(line)
        if node:
            depth = len(node["rails"]) // AN_INDENT
            del path[depth:]
            found[node["name"]] = path[-1] if path else None
            path.append(node["name"])
    return found


def parents():
    """Return each class of the module with its parent's name, None where that is Python's own."""
    named = {name: found.__bases__[0].__name__ for name, found in CLASSES.items()}
    return {name: parent if parent in CLASSES else None for name, parent in named.items()}


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_comes_through_pickle_unharmed(name):
    error = made(CLASSES[name])
    back = pickle.loads(pickle.dumps(error))

    assert type(back) is type(error)
    assert (back.args, vars(back), str(back)) == (error.args, vars(error), str(error))


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_is_rebuilt_from_its_args(name):
    error = made(CLASSES[name])
    rebuilt = type(error)(*error.args)

    assert (vars(rebuilt), str(rebuilt)) == (vars(error), str(error))
    assert vars(copy(error)) == vars(error)
    assert all(value in error.args for value in vars(error).values())


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_keeps_what_it_says_through_a_failing_simpy_process(name):
    env = simpy.Environment()

    def fails():
        yield env.timeout(1)
        raise made(CLASSES[name])

    with pytest.raises(CLASSES[name]) as seen:
        env.run(env.process(fails()))

    assert str(seen.value) == str(made(CLASSES[name]))
    assert vars(seen.value) == vars(made(CLASSES[name]))


@pytest.mark.parametrize(
    "error",
    [Refused(Reason.OVER_LINE), InputError("a", "b"), MachineError("a"), GaveUp("ocr.card_front")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_with_its_defaults_comes_through_too(error):
    back = pickle.loads(pickle.dumps(error))

    assert (vars(back), str(back)) == (vars(error), str(error))


def test_what_the_docstring_draws_is_the_class_tree():
    tree, real = drawn(), parents()

    assert len(tree) > 10
    assert tree == {name: real[name] for name in tree}


def test_every_class_is_drawn():
    assert parents().keys() == drawn().keys()


def test_every_provider_error_is_drawn():
    ours = {name for name, found in CLASSES.items() if issubclass(found, ProviderError)}

    assert ours <= drawn().keys()


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (Unreachable, NotDone),
        (QuotaExceeded, NotDone),
        (BreakerOpen, NotDone),
        (TimedOut, OutcomeUnknown),
        (ConnectionLost, OutcomeUnknown),
        (ServerFailed, OutcomeUnknown),
        (Unreadable, OutcomeUnknown),
    ],
)
def test_an_operating_error_says_either_that_nothing_happened_or_that_nobody_knows(error, family):
    other = ({NotDone, OutcomeUnknown} - {family}).pop()

    assert issubclass(error, family)
    assert not issubclass(error, other)


def test_the_three_kinds_of_no_are_never_mixed():
    kinds = (Refused, ProviderError, InputError, AssertionError)

    for kind in kinds:
        assert [other for other in kinds if issubclass(kind, other)] == [kind]
    assert not issubclass(GaveUp, NotDone | OutcomeUnknown)  # it says nothing of the effect


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Refused(Reason.OVER_LINE), "OVER_LINE"),
        (Refused(Reason.OVER_LINE, "free 3.00"), "OVER_LINE (free 3.00)"),
        (InputError("seed", "is 'x'"), "seed: is 'x'"),
        (InputError("seed", "is 'x'", "write a number"), "seed: is 'x'; write a number"),
        (MachineError("no font"), "no font"),
        (MachineError("no font", "install one"), "no font; install one"),
        (TimedOut("face.start"), "TimedOut at face.start"),
        (TimedOut("face.start", "attempt 1"), "TimedOut at face.start: attempt 1"),
    ],
)
def test_an_error_says_in_one_line_what_is_wrong(error, text):
    assert str(error) == text


def test_a_provider_error_names_its_provider():
    assert TimedOut("corebank.disburse").provider == "corebank"


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("daopo", ["daopu", "qingluo"], "did you mean 'daopu'?"),
        ("instnat", ["wall", "virtual", "instant"], "did you mean 'instant'?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [], "none is known"),
        ("zzz", "abcdefghijkl", "known: a, b, c, d, e, f, g, h, i, j, k, l"),
        ("zzz", "abcdefghijklm", "known: a, b, c, d, e, f, g, h, i, j, k, l, ..."),
    ],
)
def test_the_nearest_known_word_is_the_remedy(word, known, remedy):
    assert nearest(word, known) == remedy


def test_the_nearest_word_does_not_depend_on_the_order_of_the_known():
    known = ["bank_a", "bank_b", "bank_c"]

    assert nearest("bank", known) == nearest("bank", reversed(known)) == nearest("bank", set(known))
