"""Expectations held against the journal, over HTTP: what is met, and how a miss is explained."""

from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from core.errors import TimedOut
from core.ports.trace import Trace
from mocks.control.verify import PORTS_NAME
from mocks.journal import alias
from mocks.tenant import Tenants
from mocks.tencent import PRODUCTS
from scenarios.stack import app_of
from tests.mocks.rest_kit import NINE, START, asking, refused, serving
from tests.mocks.verify_kit import DISBURSE, LOGIN, OUTCOME, Book, make_tenant, opened, want


@pytest.fixture(scope="module")
def books():
    with opened() as book:
        yield book


@pytest.fixture
def book(books):
    return books()


# ---------------------------------------------------------------------------------- what matches


@pytest.mark.parametrize(
    "expected",
    [
        want(DISBURSE),
        want("corebank"),
        want("corebank.*"),
        want(DISBURSE, application="a-7"),
        want(DISBURSE, seen="done"),
        want(DISBURSE, call=501),
        want(DISBURSE, attempt=2),
        want(DISBURSE, application="a-7", seen="done", call=501, attempt=2),
    ],
)
def test_a_call_is_matched_by_every_field_that_is_named(book, expected):
    book.came(LOGIN)
    book.came(DISBURSE, call=501, attempt=2, of="a-7")

    assert book.holds(expected) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"operation": OUTCOME}, f"operation '{DISBURSE}' instead of '{OUTCOME}'"),
        ({"application": "a-8"}, "application 'a-7' instead of 'a-8'"),
        ({"seen": "rejected"}, "seen 'done' instead of 'rejected'"),
        ({"call": 502}, "call 501 instead of 502"),
        ({"attempt": 3}, "attempt 2 instead of 3"),
    ],
)
def test_one_wrong_field_is_a_miss_and_the_nearest_says_which(book, wrong, told):
    book.came(DISBURSE, call=501, attempt=2, of="a-7")
    right = want(DISBURSE, application="a-7", seen="done", call=501, attempt=2)

    [problem] = book.problems({**right, **wrong})

    assert problem.endswith(f"; nearest: #1 {DISBURSE} call 501.2 at 32401.0 s, {told}")


def test_an_error_is_seen_by_its_name(book):
    book.came(DISBURSE, seen=TimedOut)

    assert book.holds(want(DISBURSE, seen="TimedOut")) == 1


def test_a_real_call_is_found_with_its_word(book):
    person = book.client.post("/_control/people", json={}).json()
    known = book.tenant.credentials
    code = book.client.post("/_control/device/login", json={"openid": person["openid"]}).json()
    query = {"appid": known.appid, "secret": known.app_secret, "js_code": code["js_code"]}
    query["grant_type"] = "authorization_code"
    assert "openid" in book.client.get("/sns/jscode2session", params=query).json()

    assert book.holds(want(LOGIN, seen="ok", times=1), nothing_extra=True) == 1
    assert book.holds(want(LOGIN, about=code["js_code"])) == 1
    [problem] = book.problems(want(LOGIN, seen="code_used"))
    assert "seen 'ok' instead of 'code_used'" in problem


def test_calls_about_somebody_are_asked_for_by_their_number_which_is_told_nowhere(book):
    number = "329900199003070016"
    trace = Trace("", f"default/{number}", 1, 1, float("inf"), START)
    book.tenant.note("carrier.state", trace, SimpleNamespace(verdict="same"))

    assert book.holds(want("carrier.state", about=number)) == 1
    [problem] = book.problems(want("carrier.state", about=number, seen="different"))
    assert f"of {alias('default', number, 7)}" in problem
    [other] = book.problems(want("carrier.state", about="329900199003070024"))
    assert "nearest: #1 carrier.state" in other
    assert number not in problem + other
    assert "329900199003070024" not in other


# ---------------------------------------------------------------------------------------- counts


@pytest.mark.parametrize(
    ("count", "came", "told"),
    [
        ({"times": 2}, 2, ""),
        ({"times": 2}, 1, "came 1 time, not 2: #1 "),
        ({"times": 2}, 3, "came 3 times, not 2: #1 "),
        ({"times": 2}, 0, "never came, not 2 times; "),
        ({"times": 0}, 0, ""),
        ({"times": 0}, 1, "came 1 time, not 0: #1 "),
        ({"at_least": 2}, 3, ""),
        ({"at_least": 2}, 1, "came 1 time, not at least 2: #1 "),
        ({"at_most": 1}, 0, ""),
        ({"at_most": 1}, 2, "came 2 times, not at most 1: #1 "),
        ({"at_least": 1, "at_most": 2}, 1, ""),
        ({"at_least": 1, "at_most": 2}, 3, "came 3 times, not 1 to 2: #1 "),
        ({"at_least": 2}, 0, "never came, not at least 2 times; the journal is empty"),
        ({}, 3, ""),
        ({}, 0, "never came; the journal is empty"),
    ],
)
@pytest.mark.parametrize("in_order", [False, True])
def test_calls_are_counted(book, count, came, told, in_order):
    book.write("D" * came)

    if told:
        [problem] = book.problems(want(DISBURSE, **count), in_order=in_order)
        assert problem.startswith(f"expected[0] {DISBURSE}: {told}")
    else:
        book.holds(want(DISBURSE, **count), in_order=in_order)


def test_a_count_is_of_all_calls_that_match_though_others_match_them_too(book):
    book.write("DO")

    every, one = want("corebank.*", times=2), want(DISBURSE, times=1)
    assert book.holds(every, one, want(OUTCOME), nothing_extra=True) == 2


def test_no_call_is_taken_for_two_expectations_without_a_count(book):
    book.came(DISBURSE)

    [problem] = book.problems(DISBURSE, DISBURSE)
    assert problem.startswith(f"expected[0], [1] {DISBURSE}: came 1 time, not at least 2: #1 ")
    [problem] = book.problems("corebank", want(DISBURSE, seen="done"))
    told = "expected[0] corebank.*: 1 call too few, for each is taken once: #1 is expected[1]"
    assert problem == told


def test_what_is_named_twice_is_added_up_and_a_count_among_it_bounds_all(book):
    book.write("DDO")
    two, one = want(DISBURSE, times=2), want(DISBURSE, times=1)

    assert book.holds(DISBURSE, one) == 2
    assert book.holds(one, OUTCOME, one) == 3
    assert book.holds(DISBURSE, DISBURSE, want(DISBURSE, at_most=1)) == 2
    [problem] = book.problems(DISBURSE, two)
    assert problem.startswith(f"expected[0], [1] {DISBURSE}: came 2 times, not 3: #1 ")
    [problem] = book.problems(DISBURSE, want(DISBURSE, times=0))
    assert problem.startswith(f"expected[0], [1] {DISBURSE}: came 2 times, not 1: #1 ")


def test_whoever_matches_more_gives_way_to_whoever_matches_less(book):
    # Taken as they come, both would be gone before the last is asked.
    book.came(DISBURSE, of="a-1", seen="done")
    book.came(DISBURSE, of="a-1", seen="rejected")
    book.came(DISBURSE, of="a-2", seen="done")

    seen, of = want(DISBURSE, seen="done"), want(DISBURSE, application="a-1")
    assert book.holds(seen, of, want("corebank"), nothing_extra=True) == 3
    assert book.holds(of, seen, of, nothing_extra=True) == 3


def test_what_came_before_the_moment_that_is_asked_from_does_not_count(book):
    book.came(DISBURSE, at_s=NINE)
    book.came(OUTCOME, at_s=NINE + 10)

    assert book.holds(OUTCOME, since_s=NINE + 5, nothing_extra=True) == 1
    [problem] = book.problems(DISBURSE, since_s=NINE + 5)
    assert problem.endswith(f"nearest: #1 {DISBURSE} call 1.1 at 32400.0 s, before 32405.0 s")


# ------------------------------------------------------------------------------------ the nearest


def test_a_miss_is_told_in_one_sentence(book):
    book.write("L" * 13)
    book.came(DISBURSE, call=501, seen="rejected", at_s=36012.4)

    nearest = f"#14 {DISBURSE} call 501.1 at 36012.4 s, seen 'rejected' instead of 'done'"
    assert book.problems(LOGIN, want(DISBURSE, seen="done")) == [
        f"expected[1] {DISBURSE} seen done: never came; nearest: {nearest}"
    ]


def test_the_nearest_differs_in_the_fewest_fields_and_all_of_them_are_named(book):
    book.came(DISBURSE, call=501, of="a-2", seen="rejected")
    book.came(OUTCOME, call=502, of="a-1", seen="rejected")
    book.came(LOGIN, call=501, of="a-9", seen="done")

    [problem] = book.problems(want(DISBURSE, call=501, application="a-1", seen="done"))

    assert "call 501 of a-1 seen done: never came; nearest: #1 " in problem
    assert problem.endswith("application 'a-2' instead of 'a-1', seen 'rejected' instead of 'done'")


@pytest.mark.parametrize(
    ("calls", "nearest"),
    [
        # one field each: of the same operation is nearer than of another
        ([(DISBURSE, "x"), (OUTCOME, "done")], "#1"),
        # the last of equals
        ([(DISBURSE, "x"), (DISBURSE, "y")], "#2"),
        # nothing of the provider came, and none of the application
        ([(LOGIN, "done")], "nothing near it came"),
    ],
)
def test_among_equals_the_nearest_is_what_helps_most(book, calls, nearest):
    for operation, seen in calls:
        book.came(operation, of="a-5", seen=seen)

    [problem] = book.problems(want(DISBURSE, seen="done"))

    assert nearest in problem


def test_a_call_of_another_provider_is_near_where_it_serves_the_same_application(book):
    book.came(LOGIN, of="a-7")

    [problem] = book.problems(want(DISBURSE, application="a-7"))

    assert problem.endswith(f"operation '{LOGIN}' instead of '{DISBURSE}'")


def test_a_call_that_is_expected_elsewhere_is_the_nearest_only_where_no_other_is(book):
    book.came(DISBURSE, seen="rejected")
    book.came(DISBURSE, seen="pending")
    done, pending = want(DISBURSE, seen="done"), want(DISBURSE, seen="pending")

    [problem] = book.problems(pending, done)
    assert "nearest: #1 " in problem
    [problem] = book.problems(pending, want(DISBURSE, seen="rejected"), done)
    assert problem.endswith("seen 'pending' instead of 'done', which is expected[0]")


def test_a_value_that_would_break_the_sentence_is_quoted_and_cut(book):
    book.came(DISBURSE, of="line\nbreak" + "x" * 500, seen="done")

    [problem] = book.problems(want(DISBURSE, application="a\nb" + "y" * 500))

    assert "\n" not in problem
    assert len(problem) < 500


# ------------------------------------------------------------------------------------ wrong input


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"expected": [want("corebank.disbruse")]}, 400, "did you mean 'corebank.disburse'"),
        ({"expected": [want(LOGIN), want("corebnk")]}, 400, "expected[1].operation: 'corebnk'"),
        ({"expected": [want("corebnk.*")]}, 400, "did you mean 'corebank'"),
        ({"expected": [want("corebank.")]}, 400, "expected[0].operation"),
        ({"expected": [want("corebank.disburse.*")]}, 400, "expected[0].operation"),
        ({"expected": [want("")]}, 400, "expected[0].operation"),
        ({"expected": [want(LOGIN, times=1, at_least=1)]}, 400, "times, or at_least"),
        ({"expected": [want(LOGIN, at_least=2, at_most=1)]}, 400, "above at_most 1"),
        ({"expected": [want(LOGIN, about="1", application="2")]}, 400, "leave one of them out"),
        ({"expected": []}, 400, "expected: is empty"),
        ({"expected": [], "nothing_extra": True, "provider": "orc"}, 400, "did you mean 'ocr'"),
        ({"expected": [want(LOGIN)], "provider": "ocr"}, 400, "limits nothing_extra"),
        ({"expected": [want(LOGIN, times=-1)]}, 422, "expected.0.times"),
        ({"expected": [{"seen": "done"}]}, 422, "expected.0.operation"),
        ({"expected": [want(LOGIN, word="done")]}, 422, "expected.0: no field 'word'; known: "),
        ({"expected": [{"opration": LOGIN}]}, 422, "'opration'; did you mean 'operation'?"),
        ({"expected": [want(LOGIN)], "inorder": True}, 422, "did you mean 'in_order'?"),
        ({"expected": ["wechat.login"]}, 422, "expected.0"),
        ({"expected": [want("ocr.IDCardOCR")]}, 400, "has it as ocr.card_front or ocr.card_back"),
        ({"expected": [want(LOGIN)], "since_s": -1}, 422, "since_s"),
        ({"expected": LOGIN}, 422, "expected"),
    ],
)
def test_an_expectation_that_cannot_be_is_refused_with_what_to_write(book, body, status, told):
    book.came(LOGIN)

    refused(book.client.post("/_control/journal/verify", json=body), status, told)


def test_half_a_character_is_no_fields_name(book):
    body = b'{"expected": [], "\\ud800": true}'
    headers = {"content-type": "application/json"}

    answer = book.client.post("/_control/journal/verify", content=body, headers=headers)
    refused(answer, 422, r"body: no field '\ud800'")


def test_an_action_that_no_port_knows_can_be_expected(book):
    assert book.holds(want("face.ImageRecognitionV2", times=0)) == 0


def test_an_action_that_a_port_knows_is_known_by_the_ports_name(book):
    actions = [action for product in PRODUCTS.values() for action in product.actions.values()]
    named = {word for told in PORTS_NAME.values() for word in told.split(" or ")}

    assert {f"{action.provider}.{action.name}" for action in actions} > {*PORTS_NAME}
    for operation in named:
        assert book.holds(want(operation, times=0)) == 0


def test_a_tenant_that_keeps_no_journal_says_so(books):
    refused(books("silent").ask(LOGIN), 400, "keeps none")


def test_a_client_that_is_not_the_control_planes_is_turned_away():
    tenants = Tenants(make_tenant)
    with serving(app_of(tenants, token="sesame")) as url, asking(url) as client:
        assert Book(tenants, client).ask(LOGIN).status_code == httpx.codes.UNAUTHORIZED
