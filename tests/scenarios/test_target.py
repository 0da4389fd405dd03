"""Stories told on a server that runs: through its gateway and at its operator's desk, no closer.

A dozen of them, chosen so that every act of an operator is done, end as on the instant host; with
``make soak`` all do, and over a database too.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from operator import attrgetter

import httpx
import pytest

from core.errors import InputError, MachineError
from core.gateway.app import gateway_app
from scenarios.commands.story import target_of
from scenarios.hosts.remote import Target, planned
from scenarios.hosts.world import World
from scenarios.stack import served
from scenarios.stories import STORIES, find
from scenarios.stories.desk import ACTS
from scenarios.stories.run import START, tell, tell_all_at, tell_at
from scenarios.stories.stage import StoryFailed
from scenarios.stories.story import Story
from tests.postgres import postgres, why_not
from tests.serving import serving, sim

SEED = 7
CHOSEN = (
    "a_bank_lends_no_more_than_its_funding",
    "a_card_holder_is_never_screened_by_the_sources_own_policy",
    "a_crash_after_the_opening_finds_the_account",
    "a_customer_listed_after_the_opening_is_restricted_in_silence",
    "a_face_refused_once_passes_on_the_second_try",
    "a_listed_customer_is_held_and_not_told_why",
    "a_loan_that_cannot_be_turned_keeps_nobody_waiting",
    "a_lost_loan_is_written_off_and_still_owed",
    "a_payout_is_taken_back_on_its_own_day_and_not_later",
    "a_payout_that_comes_late_meets_a_fence",
    "a_reservation_that_is_cancelled_frees_the_line",
    "a_withdrawn_consent_stops_every_question",
    "an_overdue_debt_elsewhere_is_refused",
    "an_open_court_enforcement_is_refused",
    "no_card_to_bind_opens_no_account",
    "twenty_customers_get_through_five_percent_faults",
    "what_is_missing_at_night_is_overdue_and_collected_when_it_comes",
)
# What databases do besides: a crash, a poisoned record, many customers.
STORED = (CHOSEN[2], CHOSEN[6])


class Noting(Target):
    """A target that notes what was asked of it."""

    def __init__(self, address):
        super().__init__(address)
        self.asked = []

    async def ask(self, method, path, said=None, tenant=""):
        self.asked.append(path)
        return await super().ask(method, path, said, tenant)


@pytest.fixture(scope="module")
def address():
    """A server that keeps in memory, as a user starts it."""
    with serving("--seed", 99) as server:  # a story has the seed that it is told with
        yield server.said["address"]


def tell_there(address, names, seed=SEED):
    """Tell stories on a server; return how each went."""
    return asyncio.run(tell_all_at(Target(address), find(tuple(names)), seed, lambda _: None))


def same(there, here):
    """Hold how a story went on a server against how it goes on the instant host."""
    assert (there.problem, there.passed) == ("", True)
    assert there.as_json() == here.as_json()


@pytest.fixture(scope="module")
def chosen(address):
    """The chosen stories, told once: how each went, and what was asked of the server."""
    target = Noting(address)
    told = asyncio.run(tell_all_at(target, find(CHOSEN), SEED, lambda _: None))
    return {each.name: each for each in told}, target.asked


@pytest.mark.parametrize("name", CHOSEN)
def test_a_story_ends_on_a_server_as_on_the_instant_host(name, chosen):
    same(chosen[0][name], tell(STORIES[name], SEED, "instant"))


def test_the_chosen_stories_do_every_act_of_an_operator(chosen):
    acts = {path.rpartition("/")[2] for path in chosen[1] if path.startswith("/_operator/acts")}

    assert acts == ACTS


def test_the_tenants_of_stories_are_closed_behind_them(chosen, address):
    with httpx.Client(base_url=address, trust_env=False) as client:
        for name in chosen[0]:
            tenant = {"x-loanrange-tenant": f"story-{name}-{SEED}"}
            assert client.get("/_control/clock", headers=tenant).status_code == 400


def test_two_stories_are_told_at_once_on_one_server(address):
    names = (CHOSEN[0], CHOSEN[2])

    async def beside():
        async with Target(address) as target:
            return await asyncio.gather(*(tell_at(target, STORIES[name], SEED) for name in names))

    for there, name in zip(asyncio.run(beside()), names, strict=True):
        same(there, tell(STORIES[name], SEED, "instant"))


def test_a_story_is_told_over_a_file(tmp_path):
    with serving("--db", f"sqlite:///{tmp_path}/books.db") as server:
        for there in tell_there(server.said["address"], STORED):
            same(there, tell(STORIES[there.name], SEED, "instant"))

    assert (tmp_path / f"books.db-story-{STORED[0]}-{SEED}").exists()


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "PostgreSQL is here")
def test_a_story_is_told_over_postgresql():
    with postgres() as database, serving("--db", database.plain()) as server:
        assert "loanrange_default_1" in server.said["records"]
        for there in tell_there(server.said["address"], STORED):
            same(there, tell(STORIES[there.name], SEED, "instant"))


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", ["memory", "sqlite", "postgresql"])
def test_all_stories_end_on_a_server_as_on_the_instant_host(place, tmp_path):
    if place == "postgresql" and why_not():
        pytest.skip(why_not())
    with ExitStack() as stack:
        words = ()
        if place == "sqlite":
            words = ("--db", f"sqlite:///{tmp_path}/books.db")
        if place == "postgresql":
            words = ("--db", stack.enter_context(postgres()).plain())
        server = stack.enter_context(serving(*words))
        told = tell_there(server.said["address"], STORIES)

    assert len(told) == len(STORIES)
    for there in told:
        same(there, tell(STORIES[there.name], SEED, "instant"))


def test_the_command_tells_them_and_says_how_to_repeat_it(address, tmp_path):
    name, out = "a_copy_of_a_card_is_refused", tmp_path / "out"
    words = (name, "--host", "wall", "--target", address, "--out", out, "--json")
    left = sim("story", *words)

    assert (left.returncode, left.stderr) == (0, "")
    (there,) = json.loads(left.stdout)["stories"]
    assert there == tell(STORIES[name], SEED, "instant").as_json()


# A story that fails says so


def failing(tell_it):
    return Story("a_story_that_fails", "A story that fails.", tell_it)


def told_there(address, story):
    async def one():
        async with Target(address) as target:
            return await tell_at(target, story, SEED)

    return asyncio.run(one())


def test_a_story_that_fails_there_says_why_and_shows_its_last_calls(address):
    async def fails(stage):
        stage.expect(await stage.visit(stage.person(holds_card=False)), "done")
        raise StoryFailed("it should hold")

    there = told_there(address, failing(fails))

    assert (there.problem, there.step) == ("it should hold", "draw_down")
    assert len(there.calls) > 10
    assert "wechat.message" in there.calls[-1]


@pytest.mark.parametrize("what", ["platform", "world.corebank", "world.store"])
def test_a_story_that_reaches_behind_the_gateway_is_told_that_it_cannot(what, address):
    async def reaches(stage):
        attrgetter(what)(stage)

    assert "must ask its operator" in told_there(address, failing(reaches)).problem


def test_what_breaks_at_the_desk_fails_the_story_with_its_own_words(address):
    async def breaks(stage):
        await stage.operator.take_back("nobody's")

    assert told_there(address, failing(breaks)).problem == (
        "Broken: AssertionError: no drawdown nobody's"
    )


# Where no story can be told


def test_nobody_there_is_the_machines_fault():
    left = sim("story", "--host", "wall", "--target", "http://127.0.0.1:1")

    assert left.returncode == 3
    assert left.stderr.count("\n") == 1
    assert "nobody serves at http://127.0.0.1:1 (ConnectError); start it" in left.stderr


def test_somebody_elses_gateway_lacks_a_control_plane():
    async def ask():
        async with served(gateway_app(lambda _: None)) as port:
            await Target(f"http://127.0.0.1:{port}").__aenter__()

    with pytest.raises(InputError, match=r"has no control plane, where stories plan faults .*404"):
        asyncio.run(ask())


def test_a_server_with_a_token_wants_to_see_it(monkeypatch):
    monkeypatch.setenv("LOANRANGE_TOKEN", "a specimen's token")
    with serving() as server:
        address, name = server.said["address"], "a_copy_of_a_card_is_refused"
        with pytest.raises(InputError, match="set LOANRANGE_TOKEN"):
            tell_there(address, [name])
        asked = httpx.post(f"{address}/_operator/acts/look", trust_env=False)
        assert asked.status_code == 401
        target = target_of(address, "wall", None, (), owned=False)
        (there,) = asyncio.run(tell_all_at(target, find((name,)), SEED, lambda _: None))

    same(there, tell(STORIES[name], SEED, "instant"))


def test_a_server_that_goes_away_ends_the_telling():
    async def tell_it(server):
        async def loses_it(stage):
            server.process.kill()
            server.process.wait()
            await stage.visit(stage.person())

        async with Target(server.said["address"]) as target:
            await tell_at(target, failing(loses_it), SEED)

    with serving() as server, pytest.raises(MachineError, match="nobody serves at"):
        asyncio.run(tell_it(server))


@pytest.mark.parametrize(
    ("url", "said", "told"),
    [
        ("http://127.0.0.1:8000", {"host": "instant"}, "add --host wall"),
        ("http://127.0.0.1:8000", {"via": "flow"}, "leave out --via flow"),
        ("http://127.0.0.1:8000", {"use": ("ocr=mock",)}, "start the server with --use"),
        ("127.0.0.1:8000", {}, "write http://127.0.0.1:8000"),
        ("http://127.0.0.1:99999", {}, "write http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/api/v1", {}, "write http://127.0.0.1:8000"),
        ("ftp://127.0.0.1", {}, "write http://127.0.0.1:8000"),
        ("http://loanrange.example", {}, "add --i-own-this-target"),
        ("http://192.0.2.1:8000", {}, "add --i-own-this-target"),
    ],
)
def test_wrong_words_are_told(url, said, told):
    words = {"host": "wall", "via": None, "use": (), "owned": False, **said}
    with pytest.raises(InputError, match=told):
        target_of(url, **words)


def test_whoever_owns_a_target_elsewhere_may_name_it():
    target = target_of("https://loanrange.example", "wall", None, (), owned=True)

    assert target.address == "https://loanrange.example"


# The desk


@pytest.mark.parametrize(
    ("path", "tenant", "body", "told"),
    [
        ("acts/look", "nobody", b"", "tenant 'nobody': is unknown"),
        ("acts/look", "default", b"", "tenant 'default': is no stage"),
        ("acts/lok", "default", b"", "did you mean 'look'"),
        ("acts/look", "desk", b"[]", "body: is no JSON object"),
        ("acts/get", "desk", b'{"table": {"table": "Nothing"}}', "none of ours"),
        ("acts/get", "desk", b'{"table": {"cold": 1}}', "none of ours"),
        ("stage", "desk", b'{"crash": {"at": 7}}', "cannot be made of this"),
        ("stage", "desk", b'{"profiles": {"ocr": {"p50_ms": 1}}}', "cannot be made of this"),
    ],
)
def test_what_the_desk_does_not_understand_it_says(path, tenant, body, told, address):
    method = "PUT" if path == "stage" else "POST"
    with httpx.Client(base_url=address, trust_env=False) as client:
        client.put("/_control/tenants/desk", json={})
        headers = {"x-loanrange-tenant": tenant}
        if "acts" in path and tenant == "desk":
            client.put("/_operator/stage", json={}, headers=headers).raise_for_status()
        said = client.request(method, f"/_operator/{path}", content=body, headers=headers)

    assert said.status_code == 400
    assert told in said.json()["detail"]


def test_the_faults_of_all_stories_are_planned_as_they_are():
    faults = [fault for story in STORIES.values() for fault in story.faults]

    assert len(faults) > 10
    for fault in faults:
        said = planned(fault)
        assert {"provider", "kind"} <= said.keys()
        assert json.loads(json.dumps(said, allow_nan=False))["provider"] == fault.provider


# People by their number, as the stories' own


def test_a_person_of_a_number_is_who_a_world_of_the_same_seed_makes(address):
    own = World(SEED, START).people.make("daopu", 3, holds_card=False, cards=())
    with httpx.Client(base_url=address, trust_env=False) as client:
        client.put("/_control/tenants/people", json={"seed": SEED})
        said = {
            "bank": "daopu",
            "number": 3,
            "truth": {"cards": []},
            "traits": {"holds_card": False},
        }
        made = client.post(
            "/_control/people", json=said, headers={"x-loanrange-tenant": "people"}
        ).json()

    assert (made["key"], made["id_number"]) == (own.key, own.id_number.text)
    assert made["cards"] == []


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"key": "daopu/000003", "number": 3}, 400, "has one already"),
        ({"bank": "daopu", "number": 10**9}, 400, "numbering plan"),
        ({"bank": "daopu", "number": -1}, 422, "number"),
        ({"truth": {"cards": ["6293051810455348941"]}}, 422, "truth.cards"),
        ({"truth": {"report": {"found": "found", "loans": 1}}}, 422, "truth.report.loans"),
        ({"truth": {"government": {"found": "perhaps"}}}, 422, "truth.government.found"),
    ],
)
def test_what_may_not_be_said_of_a_person_is_refused(said, status, told, address):
    with httpx.Client(base_url=address, trust_env=False) as client:
        answer = client.post("/_control/people", json=said)

    assert (answer.status_code, told in answer.json()["detail"]) == (status, True)
