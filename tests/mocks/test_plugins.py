"""Plugins: what is loaded, what is refused and why, and who answers in whose place."""

from __future__ import annotations

import logging
import pickle
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import InputError, ServerFailed, TimedOut
from core.ports import carrier
from core.ports.corebank import CoreCode, DisburseQuery, Key, Outcome, OutcomeQuery
from core.ports.trace import Trace
from mocks.line import Profile
from mocks.plugins import ASSUMED, GROUP, Plugins, Use
from mocks.spec import Operation, says, table
from scenarios.hosts.operations import ANSWERS
from scenarios.hosts.world import World

sys.path.insert(0, str(Path(__file__).parents[1] / "example_plugin"))
from acme_providers.carrier import Carrier
from acme_providers.core import LateCore
from acme_providers.social_security import Asked, Months, SocialSecurity

START = date(2020, 7, 15)
NINE = 9 * 3600.0
BANK, OTHER = "daopu", "yanghe"


def point(name, kind, value="acme:It"):
    """An entry point that brings a class, or raises what it is given."""

    def load():
        if isinstance(kind, BaseException):
            raise kind
        return kind

    return SimpleNamespace(name=name, value=value, load=load)


def plugins(**kinds):
    return Plugins([point(name, kind) for name, kind in kinds.items()], ANSWERS)


def refused(kind):
    """Why a class is refused."""
    found = plugins(it=kind)
    assert not found.usable
    return found.refused["it"]


class Good:
    """A provider that is what it says."""

    PROVIDER = "weather"
    SCOPE = "nation"
    OPERATIONS = table(Operation("tells", cases=(says("rain", Months(True, 1), "it rains"),)))

    def __init__(self, ground):
        self.ground = ground

    def tells(self, trace, query, now_s, draws) -> Months:
        if isinstance(query, Exception):
            raise query
        return query or Months(True, 2)


def good(**said):
    return type("Other", (Good,), said)


def trace(bank=BANK):
    return Trace(bank, "A1", 1, 1, float("inf"), START)


def world(**said):
    return World(7, START, **said)


def ask(world, operation, query, bank=BANK, now_s=NINE):
    provider, _, name = operation.partition(".")
    draws = world.seed.draws(operation, bank, "A1", 1, 1)
    return getattr(world.behaviours[provider], name)(trace(bank), query, now_s, draws)


def test_a_class_that_is_what_it_says_can_be_used():
    found = plugins(weather=Good, acme=Carrier, core=LateCore, social=SocialSecurity)

    assert not found.refused
    told = {name: plugin.provider for name, plugin in found.usable.items()}
    assert told == {
        "acme": "carrier",
        "core": "corebank",
        "social": "social_security",
        "weather": "weather",
    }
    assert found.added(ANSWERS).keys() == {"social_security", "weather"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (ImportError("no acme"), "plugin 'it': cannot be loaded (ImportError: no acme)"),
        (SystemError(), "plugin 'it': cannot be loaded (SystemError)"),
        (print, "plugin 'it': is no class"),
        (good(PROVIDER="Weather!"), "plugin 'it': its PROVIDER is 'Weather!'"),
        (good(PROVIDER=None), "plugin 'it': its PROVIDER is None"),
        (good(SCOPE="world"), "its SCOPE is 'world'; say nation, platform or bank"),
        (good(OPERATIONS={}), "it has no OPERATIONS"),
        (good(OPERATIONS={"tells": print}), "OPERATIONS['tells'] is no operation of that name"),
        (good(OPERATIONS=table(Operation("x"))), "it says that it has 'x', and has no such method"),
        (
            good(tells=lambda self, query: query),
            "has no such method; write def tells(self, trace, query, now_s, draws)",
        ),
        (good(PROFILE=3), "its PROFILE is no Profile"),
        (good(SERVICE=3), "its SERVICE is no Service"),
        (good(SERVICE=SocialSecurity.SERVICE), "its SERVICE is called 'social_security'"),
        (good(PROVIDER="registry"), "it is to be a registry, and has no operation 'look_up'"),
    ],
)
def test_a_class_that_lies_is_refused_and_told_why(kind, told):
    assert told in refused(kind)


def test_a_method_that_must_be_waited_for_is_refused():
    async def tells(self, trace, query, now_s, draws):
        return query

    assert "has no such method" in refused(good(tells=tells))


def test_a_service_in_a_mocks_place_is_refused():
    class Serving(Carrier):
        SERVICE = SocialSecurity.SERVICE

    assert "a carrier is served already" in refused(Serving)


def test_a_service_of_an_operation_that_there_is_not_is_refused():
    class Other(SocialSecurity):
        OPERATIONS = table(Operation("years"))

        def years(self, trace, query, now_s, draws):
            return Months(False)

    assert "its SERVICE has an unknown 'months'" in refused(Other)


def test_one_that_is_refused_keeps_nobody_else_away():
    found = plugins(bad=ImportError("no acme"), good=Good)

    assert found.usable.keys() == {"good"}
    assert found.refused.keys() == {"bad"}


def test_two_of_one_name_are_told():
    found = Plugins([point("it", Good, "a:It"), point("it", Good, "b:It")], ANSWERS)

    assert "is brought by two packages" in found.refused["it"]


@pytest.mark.parametrize(
    ("name", "provider", "told"),
    [
        ("acne", "carrier", "place: no plugin is called 'acne'; did you mean 'acme'?"),
        ("acme", "face", "place: the plugin 'acme' is no face but carrier"),
        ("bad", "carrier", "place: cannot use it: plugin 'bad': cannot be loaded"),
    ],
)
def test_a_plugin_that_cannot_be_chosen_is_told_in_one_line(name, provider, told):
    found = plugins(acme=Carrier, bad=ImportError("no acme"))

    with pytest.raises(InputError) as no:
        found.of(name, provider, "place")
    assert told in str(no.value)
    assert "\n" not in str(no.value)


def used(kind, name="carrier", banks=()):
    """The use of a class in one of our providers' places: for all, or for some banks."""
    plugin = plugins(it=kind).of("it", name, "place")
    use = Use(None, dict.fromkeys(banks, plugin)) if banks else Use(plugin)
    return world(uses={name: use})


def test_who_is_chosen_for_all_answers_for_every_bank():
    chosen = used(Carrier)
    for bank in (BANK, OTHER):
        answer = ask(chosen, "carrier.since", carrier.SinceQuery(None), bank)
        assert answer == carrier.SinceAnswer(carrier.PhoneVerdict.SAME, 24, None)


def test_who_is_chosen_for_a_bank_answers_for_that_bank_alone():
    chosen = used(Carrier, banks=[BANK])
    person = chosen.people.make(OTHER, 1)
    query = carrier.SinceQuery(person.phone)

    there = ask(chosen, "carrier.since", query, BANK)
    here = ask(chosen, "carrier.since", query, OTHER)
    assert there == carrier.SinceAnswer(carrier.PhoneVerdict.SAME, 24, None)
    assert here == ask(world(), "carrier.since", query, OTHER)


def test_one_that_stands_on_ours_does_the_rest_by_ours():
    chosen = used(LateCore, "corebank")
    person = chosen.people.make(BANK, 1, holds_card=True)
    key = Key(BANK, "loan", START, "S1")
    query = DisburseQuery(key, "L1", person.home_card.number, 100_00)

    early = ask(chosen, "corebank.disburse", query, now_s=NINE - 1)
    assert (early.code, early.retryable) == (CoreCode.DAY_END, True)
    assert ask(chosen, "corebank.disburse", query, now_s=NINE).outcome is Outcome.DONE
    assert ask(chosen, "corebank.outcome", OutcomeQuery(key, fence=False)).outcome is Outcome.DONE


def test_a_new_provider_lives_beside_ours_with_a_line_of_its_own():
    both = world(added=plugins(s=SocialSecurity, w=Good).added(ANSWERS))
    person = both.people.make(BANK, 1)

    answer = ask(both, "social_security.months", Asked(person.id_number))
    assert answer.found
    assert answer == ask(both, "social_security.months", Asked(person.id_number))
    assert both.lines["social_security"].profile == SocialSecurity.PROFILE
    assert both.lines["weather"].profile == ASSUMED
    assert both.bills("social_security.months", answer)


def test_one_that_raises_is_a_server_that_failed_and_a_line_in_the_log(caplog):
    both = world(added=plugins(w=Good).added(ANSWERS))

    with caplog.at_level(logging.ERROR), pytest.raises(ServerFailed) as no:
        ask(both, "weather.tells", ZeroDivisionError("our secret"))
    assert "the plugin 'w' raised ZeroDivisionError" in str(no.value)
    assert "secret" not in str(no.value)
    assert "the plugin 'w' failed at weather.tells" in caplog.text
    assert ask(both, "weather.tells", None) == Months(True, 2)


def test_a_failure_of_the_line_passes_as_it_is():
    both = world(added=plugins(w=Good).added(ANSWERS))

    with pytest.raises(TimedOut):
        ask(both, "weather.tells", TimedOut("weather.tells"))


def test_an_answer_of_another_kind_is_a_server_that_failed():
    both = world(added=plugins(w=Good).added(ANSWERS))

    with pytest.raises(ServerFailed) as no:
        ask(both, "weather.tells", "rain")
    assert "the plugin 'w' answered with str, not Months" in str(no.value)


def test_an_answer_in_a_mocks_place_is_held_against_the_port():
    class Lying(Carrier):
        def since(self, trace, query, now_s, draws):
            return "24 months"

    with pytest.raises(ServerFailed) as no:
        ask(used(Lying), "carrier.since", carrier.SinceQuery(None))
    assert "answered with str, not SinceAnswer" in str(no.value)


def test_one_that_cannot_be_opened_is_told():
    class Closed(Good):
        def __init__(self, ground):
            raise KeyError("no licence")

    with pytest.raises(InputError) as no:
        world(added=plugins(w=Closed).added(ANSWERS))
    assert "plugin 'w': cannot be opened (KeyError: 'no licence')" in str(no.value)


@pytest.mark.parametrize("name", ["__len__", "nothing"])
def test_what_is_not_there_is_no_attribute(name):
    standing = used(LateCore, "corebank").behaviours["corebank"]
    for one in (standing, standing.everyone, standing.everyone.inner):
        with pytest.raises(AttributeError):
            getattr(one, name)


def test_one_that_is_copied_stands_as_it_stood():
    social = world(added=plugins(s=SocialSecurity).added(ANSWERS)).behaviours["social_security"]
    social.inner._people = None

    again = pickle.loads(pickle.dumps(social))
    assert (again.plugin.kind, again.PROVIDER) == (SocialSecurity, "social_security")
    assert again.months.func.__self__ is again


def test_the_profile_of_a_scenario_goes_before_the_plugins_own():
    mine = Profile(1, 2, 3)
    added = plugins(s=SocialSecurity).added(ANSWERS)

    assert (
        world(added=added, profiles={"social_security": mine}).lines["social_security"].profile
        == mine
    )


def test_the_group_is_the_documented_one():
    assert GROUP == "loanrange.providers"
