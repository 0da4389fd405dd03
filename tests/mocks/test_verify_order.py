"""Calls held against an order, against nothing else, and against a journal that forgets."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mocks.control.verify import PROBLEMS_SHOWN, Group, Trial, Want, _follow
from tests.mocks.rest_kit import NINE
from tests.mocks.verify_kit import DISBURSE, KEPT, LETTERS, LOGIN, OUTCOME, opened, want


@pytest.fixture(scope="module")
def books():
    with opened() as book:
        yield book


@pytest.fixture
def book(books):
    return books()


# --------------------------------------------------------------------------------------- in order


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("LDO", [LOGIN, DISBURSE, OUTCOME]),
        ("LLODO", [LOGIN, DISBURSE, OUTCOME]),
        ("ODO", [OUTCOME, DISBURSE, OUTCOME]),
        ("OODO", [want(OUTCOME, times=2), DISBURSE, want(OUTCOME, times=1)]),
        ("LDD", [want(LOGIN), want(DISBURSE, at_least=2)]),
        ("DL", [LOGIN, want(DISBURSE, at_most=1)]),
        ("DLO", ["corebank.*", LOGIN, "corebank.*"]),
    ],
)
def test_calls_in_order_may_have_others_between_them(book, calls, expected):
    book.write(calls)

    book.holds(*expected, in_order=True)


def named(number, operation):
    return f"#{number} {operation} call 1.1 at {NINE + number} s"


@pytest.mark.parametrize(
    ("calls", "expected", "told"),
    [
        ("DL", [LOGIN, DISBURSE], [(1, DISBURSE, 1, DISBURSE, 2, LOGIN, 0)]),
        ("OLD", [LOGIN, DISBURSE, OUTCOME], [(2, OUTCOME, 1, OUTCOME, 3, DISBURSE, 1)]),
        # the login came too late for both
        (
            "DOL",
            [LOGIN, DISBURSE, OUTCOME],
            [
                (1, DISBURSE, 1, DISBURSE, 3, LOGIN, 0),
                (2, OUTCOME, 2, OUTCOME, 3, LOGIN, 0),
            ],
        ),
        # of the calls that came too early, the last
        ("DDL", [LOGIN, DISBURSE], [(1, DISBURSE, 2, DISBURSE, 3, LOGIN, 0)]),
        # one of two
        ("DLD", [LOGIN, want(DISBURSE, times=2)], [(1, DISBURSE, 1, DISBURSE, 2, LOGIN, 0)]),
        # a spare one behind the swap does not hide it
        ("ODLD", [LOGIN, DISBURSE, OUTCOME], [(2, OUTCOME, 1, OUTCOME, 4, DISBURSE, 1)]),
    ],
)
def test_calls_out_of_order_are_told_as_the_two_that_are_swapped(book, calls, expected, told):
    book.write(calls)

    assert book.problems(*expected, in_order=True, nothing_extra=len(calls) < 3) == [
        f"expected[{index}] {operation}: out of order, {named(early, what)} came before "
        f"{named(late, other)}, which is expected[{which}]"
        for index, operation, early, what, late, other, which in told
    ]


def test_an_order_in_which_nothing_is_left_is_told_with_where_it_ends(book):
    book.write("DO")

    [problem] = book.problems("corebank.*", DISBURSE, in_order=True)

    assert problem == (
        f"expected[1] {DISBURSE}: out of order, no call is left for it behind "
        f"{named(1, DISBURSE)}, which is expected[0]"
    )


def test_what_is_missing_is_told_as_missing_though_an_order_is_asked_for(book):
    book.write("LO")

    [problem] = book.problems(LOGIN, DISBURSE, OUTCOME, in_order=True)

    assert f"expected[1] {DISBURSE}: never came" in problem


class Watched(list):
    """A list that counts how many of its items are read."""

    read = 0

    def __getitem__(self, place):
        found = list.__getitem__(self, place)
        Watched.read += len(found) if isinstance(place, slice) else 1
        return found


def test_an_order_of_ten_thousand_calls_is_found_in_a_walk_and_not_in_its_square():
    count, groups = 10_000, 100
    said = [((0, number % groups),) for number in range(count)]
    wants = [Want(number, said[number], 1, 1, counted=False) for number in range(count)]
    made = {said[each]: Group(Watched(range(each, count, groups))) for each in range(groups)}
    for each in wants:
        made[each.criterion].add(each)
    trial = Trial([], 0.0, made)
    Watched.read = 0

    _follow(trial, wants)

    assert len(trial.taken) == count
    assert trial.problems == []
    assert Watched.read < 30 * count


@pytest.mark.parametrize("in_order", [False, True])
def test_ten_thousand_calls_are_held_against_as_many_expectations(book, in_order):
    for number in range(KEPT):
        book.came((LOGIN, DISBURSE)[number % 2], call=number, of=f"a-{number % 100}")
    each = [want((LOGIN, DISBURSE)[number % 2], call=number) for number in range(KEPT)]
    same = [want((LOGIN, DISBURSE)[number % 2]) for number in range(KEPT)]

    assert book.holds(*each, in_order=in_order, nothing_extra=True) == KEPT
    assert book.holds(*same, in_order=in_order, nothing_extra=True) == KEPT
    each[0], each[-1] = each[-1], each[0]
    if in_order:  # all but the first come before the last, which now is the first
        assert len(book.problems(*each, in_order=True)) == PROBLEMS_SHOWN + 1
    else:
        assert book.holds(*each) == KEPT


# ------------------------------------------------------------------------ against a plain reading

CALLS = st.lists(st.tuples(st.sampled_from("LDO"), st.sampled_from("xy")), max_size=5)
WANTED = st.lists(
    st.tuples(
        st.sampled_from("LDOC"),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from([None, None, None, 0, 1, 2]),
    ),
    max_size=4,
)


def fits(wanted, call):
    letter, seen, _ = wanted
    return (letter == call[0] or (letter == "C" and call[0] in "DO")) and seen in ("", call[1])


def plainly(calls, wanted, in_order, nothing_extra):
    """Try every choice of calls for the expectations; ``times`` None: there is no count."""
    same = {each: [other for other in wanted if other[:2] == each[:2]] for each in wanted}
    counted = {each for each in wanted if any(times is not None for _, _, times in same[each])}
    for each in counted:
        wanted_times = sum(1 if times is None else times for _, _, times in same[each])
        if sum(fits(each, call) for call in calls) != wanted_times:
            return False
    told = [each for each in wanted if in_order or each not in counted]
    single = [each for each in told for _ in range(1 if each[2] is None else each[2])]
    choose = combinations if in_order else permutations
    return any(
        all(fits(each, calls[number]) for each, number in zip(single, chosen, strict=True))
        and (not nothing_extra or all_accounted(calls, chosen, counted))
        for chosen in choose(range(len(calls)), len(single))
    )


def all_accounted(calls, chosen, counted):
    left = [call for number, call in enumerate(calls) if number not in chosen]
    return all(any(fits(each, call) for each in counted) for call in left)


@settings(max_examples=300)
@given(calls=CALLS, wanted=WANTED, in_order=st.booleans(), nothing_extra=st.booleans())
@example(
    [("D", "x"), ("D", "y"), ("O", "x")],
    [("C", "x", None), ("D", "", None), ("C", "", None)],
    False,
    True,
)
@example([("D", "x"), ("D", "y")], [("D", "", None), ("D", "x", 1)], False, True)
def test_a_verdict_is_the_one_that_trying_every_choice_gives(
    books, calls, wanted, in_order, nothing_extra
):
    book = books()
    for letter, seen in calls:
        book.came(LETTERS[letter], seen=seen)
    body = [want(LETTERS[letter], seen=seen, times=times) for letter, seen, times in wanted]
    nothing_extra = nothing_extra or not body

    told = book.ask(*body, in_order=in_order, nothing_extra=nothing_extra).json()

    assert told["verified"] is plainly(calls, wanted, in_order, nothing_extra), told
    if told["verified"] and nothing_extra:
        assert told["matched"] == len(calls)


# ------------------------------------------------------------------------------------ nothing extra


def test_calls_that_nobody_expected_are_listed(book):
    book.came(LOGIN)
    book.came(DISBURSE, of="a-3", seen="rejected")
    book.came(LOGIN, call=2)

    assert book.problems(LOGIN, nothing_extra=True) == [
        f"not expected: #2 {DISBURSE} call 1.1 at 32402.0 s of a-3, seen 'rejected'",
        f"not expected: #3 {LOGIN} call 2.1 at 32403.0 s of a-1, seen 'done'",
    ]
    assert book.problems(LOGIN, nothing_extra=True, provider="corebank") == [
        f"not expected: #2 {DISBURSE} call 1.1 at 32402.0 s of a-3, seen 'rejected'"
    ]
    assert book.holds(LOGIN, LOGIN, nothing_extra=True, provider="wechat") == 2


def test_that_nothing_at_all_was_asked_can_be_verified(book):
    assert book.holds(nothing_extra=True) == 0
    book.came(LOGIN)
    assert len(book.problems(nothing_extra=True)) == 1
    assert book.holds(nothing_extra=True, provider="corebank") == 0


def test_what_is_counted_too_often_is_told_once_and_not_as_extra_too(book):
    book.write("DD")

    assert len(book.problems(want(DISBURSE, times=1), nothing_extra=True)) == 1


def test_many_problems_are_told_by_the_first_and_how_many_more_there_are(book):
    book.write("L" * 100)

    told = book.problems(DISBURSE, OUTCOME, nothing_extra=True)

    assert [sentence[:11] for sentence in told[:3]] == ["expected[0]", "expected[1]", "not expecte"]
    assert len(told) == PROBLEMS_SHOWN + 1
    assert told[-1] == f"and {102 - PROBLEMS_SHOWN} more problems"


# ----------------------------------------------------------------- a journal that does not have all


@pytest.fixture
def short(books):
    book = books("short")
    for number in range(60):
        book.came(LOGIN, at_s=NINE + number)
    return book


def test_calls_keep_their_numbers_when_older_ones_are_let_go(short):
    [first, *_] = short.problems(DISBURSE)[1:]

    assert "nothing near it came" in first
    assert "#60 " in short.problems(want(LOGIN, seen="x"), since_s=NINE + 20)[0]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ([want(LOGIN, times=50)], {}),
        ([want(DISBURSE, times=0)], {}),
        ([want(DISBURSE, at_most=1)], {}),
        ([], {"nothing_extra": True, "provider": "ocr"}),
        ([want(LOGIN, at_least=51)], {}),
        ([want(DISBURSE, times=0)], {"since_s": NINE + 10}),
    ],
)
def test_what_a_journal_has_let_go_of_is_admitted_where_it_may_matter(short, expected, said):
    told = short.problems(*expected, **said)

    assert told[0] == (
        "the journal has let go of the first 10 calls, and knows only from 32410.0 s on; "
        "ask sooner, or with a later since_s"
    )


def test_what_a_journal_has_let_go_of_does_not_matter_where_it_cannot(short):
    assert short.holds(want(LOGIN, at_least=50)) == 50
    assert short.holds(LOGIN) == 1
    assert short.holds(want(LOGIN, times=49), since_s=NINE + 11, nothing_extra=True) == 49
