"""Face verification: what is shown decides, within the token's life and the person's limits."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.picture import Picture
from core.ports.face import CompareQuery, FaceVerdict, ResultQuery, StartQuery
from mocks.face.behaviour import PER_DAY, PER_MINUTE, Face
from mocks.face.likeness import FULL_CENTI, genuine_centi, impostor_centi

DAY_S = 86_400.0


@pytest.fixture
def li(make_person):
    return make_person("li")


def started(face, trace, person, now_s=0.0, *, call=1, attempt=1, name=""):
    query = StartQuery(name or person.name, person.id_number, "sign")
    return face.start(trace("a1", call, attempt=attempt), query, now_s, None).token


def result(face, trace, token, now_s=1.0):
    return face.result(trace(), ResultQuery(token), now_s, None)


def test_the_own_face_passes_and_brings_back_what_was_asked(make_town, li, trace, fixed):
    face = Face(make_town(li))
    token = started(face, trace, li)

    assert result(face, trace, token).verdict is FaceVerdict.NOT_DONE
    assert face.show(token, li, 5.0, fixed(0.5)) is FaceVerdict.PASSED

    answer = result(face, trace, token, 6.0)
    assert (answer.verdict, answer.live, answer.purpose) == (FaceVerdict.PASSED, True, "sign")
    assert answer.number == li.id_number
    assert answer.frame == Picture.named(f"face-li#face/{token}")
    assert 9_000 < answer.similarity_centi <= FULL_CENTI


@pytest.mark.parametrize(
    ("holder", "shown", "name", "verdict"),
    [
        ({}, {}, "李明", FaceVerdict.PASSED),
        ({}, {"live": False}, "李明", FaceVerdict.NOT_LIVE),
        ({}, {"shown_face": ""}, "李明", FaceVerdict.NO_FACE),
        ({}, {"shown_face": "face-wang"}, "李明", FaceVerdict.BELOW_THRESHOLD),
        ({}, {}, "王芳", FaceVerdict.NAME_MISMATCH),
        ({"library_photo": False}, {}, "李明", FaceVerdict.NO_PHOTO),
        ({"in_register": False}, {}, "李明", FaceVerdict.NO_PHOTO),
        ({"register_name": "李?"}, {}, "李明", FaceVerdict.NAME_MISMATCH),
    ],
)
def test_the_truth_decides_what_is_shown(
    make_person, make_town, trace, fixed, holder, shown, name, verdict
):
    li = make_person("li", **holder, **shown)
    face = Face(make_town(li))
    token = started(face, trace, li, name=name)

    assert face.show(token, li, 1.0, fixed(0.5)) is verdict
    assert result(face, trace, token).verdict is verdict


def test_somebody_elses_phone_shows_somebody_elses_face(make_person, make_town, trace, fixed, li):
    wang = make_person("wang", name="王芳", birth=date(1990, 2, 3))
    face = Face(make_town(li, wang))
    token = started(face, trace, li)

    assert face.show(token, wang, 1.0, fixed(0.5)) is FaceVerdict.BELOW_THRESHOLD
    assert result(face, trace, token).frame.ref.startswith("face-wang#face/")


def test_a_number_nobody_has_finds_no_photo(make_person, make_town, trace, fixed, li):
    stranger = make_person("stranger", birth=date(1999, 9, 9))
    face = Face(make_town(li))

    token = started(face, trace, stranger)
    assert face.show(token, stranger, 1.0, fixed(0.5)) is FaceVerdict.NO_PHOTO


def test_a_token_is_named_by_its_attempt_and_looks_like_the_vendors(make_town, li, trace, fixed):
    face = Face(make_town(li))
    token = started(face, trace, li)

    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", token)
    assert started(face, trace, li, attempt=2) != token
    assert started(face, trace, li, call=2) != token
    face.show(token, li, 1.0, fixed(0.5))
    assert started(face, trace, li, now_s=50.0) == token  # the same call, twice on the way
    assert result(face, trace, token).verdict is FaceVerdict.PASSED


def test_a_token_is_shown_to_once(make_person, make_town, trace, fixed, li):
    face = Face(make_town(li))
    token = started(face, trace, li)
    face.show(token, li, 1.0, fixed(0.5))
    first = result(face, trace, token)

    assert face.show(token, make_person("x", live=False), 2.0, fixed(0.1)) is FaceVerdict.PASSED
    assert result(face, trace, token) == replace(first, again=True)


def test_a_comparison_is_billed_when_its_result_is_read_first(make_town, trace, fixed, li):
    face = Face(make_town(li))
    token = started(face, trace, li)
    face.show(token, li, 1.0, fixed(0.5))
    bills = Face.OPERATIONS["result"].billed

    assert [bills(result(face, trace, token)) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("shown_s", "read_s", "verdict"),
    [
        (None, 7_199.0, FaceVerdict.NOT_DONE),
        (None, 7_200.0, FaceVerdict.TOKEN_EXPIRED),
        (7_199.0, 7_200.0, FaceVerdict.PASSED),
        (7_200.0, 7_201.0, FaceVerdict.TOKEN_EXPIRED),
        (100.0, 100.0 + 3 * DAY_S - 1, FaceVerdict.PASSED),
        (100.0, 100.0 + 3 * DAY_S, FaceVerdict.TOKEN_EXPIRED),
    ],
)
def test_tokens_live_two_hours_and_results_three_days(
    make_town, li, trace, fixed, shown_s, read_s, verdict
):
    face = Face(make_town(li))
    token = started(face, trace, li)
    if shown_s is not None:
        face.show(token, li, shown_s, fixed(0.5))

    assert result(face, trace, token, read_s).verdict is verdict


def test_an_unknown_token_is_told_so(make_town, li, trace, fixed):
    face = Face(make_town(li))

    assert result(face, trace, "NO-TOKEN").verdict is FaceVerdict.TOKEN_UNKNOWN
    assert face.show("NO-TOKEN", li, 0.0, fixed()) is FaceVerdict.TOKEN_UNKNOWN


def shows(face, trace, person, fixed, moments_s):
    tokens = [
        started(face, trace, person, at_s, attempt=n) for n, at_s in enumerate(moments_s, start=1)
    ]
    return [
        face.show(token, person, at_s, fixed(0.5))
        for token, at_s in zip(tokens, moments_s, strict=True)
    ]


def test_fifteen_checks_a_minute_and_thirty_a_day(make_person, make_town, trace, fixed):
    li = make_person("li")
    face = Face(make_town(li))

    minute = shows(face, trace, li, fixed, [float(n) for n in range(PER_MINUTE + 1)])
    assert minute.count(FaceVerdict.PASSED) == PER_MINUTE
    assert minute[-1] is FaceVerdict.TOO_OFTEN

    face = Face(make_town(li))
    day = shows(face, trace, li, fixed, [n * 600.0 for n in range(PER_DAY + 1)] + [DAY_S])
    assert day[-2:] == [FaceVerdict.TOO_OFTEN, FaceVerdict.PASSED]
    assert day.count(FaceVerdict.PASSED) == PER_DAY + 1


def test_a_frame_is_compared_with_the_photo_of_the_id_network(make_person, make_town, trace, fixed):
    li, wang = make_person("li"), make_person("wang", birth=date(1990, 2, 3))
    face = Face(make_town(li, wang))

    def compare(frame, photo):
        query = CompareQuery(Picture.named(frame), Picture.named(photo))
        return face.compare(trace(), query, 0.0, fixed(0.5)).verdict

    assert compare("face-li#face/T", "li#idnet") is FaceVerdict.PASSED
    assert compare("face-li#face/T", "wang#idnet") is FaceVerdict.BELOW_THRESHOLD
    assert compare("face-li#face/T", "nobody#idnet") is FaceVerdict.NO_PHOTO
    assert compare("li#front", "li#idnet") is FaceVerdict.NO_FACE


# The scale, by its quantiles rather than by a million draws.

draws = st.floats(0.0, 1.0, exclude_max=True)
likenesses = st.integers(0, 1_000_000)


@given(likenesses, draws)
def test_scores_stay_on_the_scale(likeness_ppm, draw):
    assert 0 <= genuine_centi(likeness_ppm, draw) <= FULL_CENTI
    assert 4_000 <= impostor_centi(draw) <= FULL_CENTI


@given(likenesses, likenesses, draws)
def test_a_better_photo_never_scores_lower(one, other, draw):
    worse, better = sorted((one, other))

    assert genuine_centi(worse, draw) <= genuine_centi(better, draw)


@pytest.mark.parametrize(("centi", "false_matches"), [(7_000, 1e-3), (8_000, 1e-4), (9_000, 1e-5)])
def test_ten_points_are_a_decade_of_false_matches(centi, false_matches):
    assert impostor_centi(1 - false_matches * 1.001) >= centi - 1
    assert impostor_centi(1 - false_matches * 1.01) < centi


def test_six_in_a_thousand_genuine_checks_fall_below_the_threshold():
    grid = [(n + 0.5) / 400 for n in range(400)]
    scores = [genuine_centi(int(p * 1_000_000), draw) for p in grid for draw in grid]

    below = sum(score < 7_000 for score in scores) / len(scores)
    assert below == pytest.approx(0.0055, rel=0.05)
    assert sorted(scores)[len(scores) // 2] == pytest.approx(9_730, abs=5)
