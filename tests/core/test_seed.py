"""Chance by name: the published generator, the same draw whoever asks, in whatever order."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.seed import (
    ATTEMPTS,
    FAULT,
    GAMMA,
    KIND,
    LANES,
    LATENCY,
    MASK,
    TRUTH,
    UNIT,
    Draws,
    NamedRandom,
    Seed,
    hash64,
    mix,
)
from scenarios.uniforms import uniforms

# SplitMix64's outputs for the seed 1234567, as published with the algorithm's ports.
PUBLISHED = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)
REMEMBERED_MAX = 32_768
BINS = 100
CHI_SQUARE_MAX = 160.0  # 99 degrees of freedom: one sound stream in ten thousand goes above

keys = st.integers(0, MASK)
attempts = st.integers(0, ATTEMPTS - 1)
lanes = st.integers(0, LANES - 1)
names = st.tuples(
    st.sampled_from(["face.start", "ocr.card_front", "corebank.disburse"]),
    st.sampled_from(["daopu", "qingluo"]),
    st.text("abc123", min_size=1, max_size=6),
    st.integers(101, 907),
    st.integers(1, 200),
)


def chi_square(draws):
    counts, _ = np.histogram(draws, bins=BINS, range=(0.0, 1.0))
    expected = len(draws) / BINS
    return float(((counts - expected) ** 2 / expected).sum())


def test_mix_gives_the_published_outputs():
    states = [(1234567 + step * GAMMA) & MASK for step in range(1, 6)]

    assert tuple(mix(state) for state in states) == PUBLISHED


def test_a_named_random_is_the_published_stream():
    stream = NamedRandom(1234567)

    assert tuple(stream.getrandbits(64) for _ in PUBLISHED) == PUBLISHED


def test_a_uniform_is_the_published_output_s_upper_53_bits():
    stream, draws = NamedRandom(1234567), Draws(1234567, call=0, attempt=0)
    expected = [(output >> 11) * UNIT for output in PUBLISHED]

    assert [stream.random() for _ in PUBLISHED] == expected
    assert [draws.uniform(lane) for lane in range(5)] == expected


@pytest.mark.parametrize(
    ("call", "attempt", "lane", "place"),
    [(0, 0, 0, 1), (0, 0, 15, 16), (0, 1, 0, 17), (1, 0, 0, 65_537), (705, 2, 3, 46_202_916)],
)
def test_a_name_has_its_place_in_the_stream_for_good(call, attempt, lane, place):
    # 16 lanes an attempt and 4,096 attempts a call: with other numbers every recorded digest moves.
    drawn = Draws(1234567, call, attempt).uniform(lane)

    assert drawn == (mix((1234567 + place * GAMMA) & MASK) >> 11) * UNIT


@pytest.mark.parametrize("bits", [1, 11, 53, 64, 65, 128, 200])
def test_getrandbits_gives_as_many_bits_as_asked(bits):
    stream = NamedRandom(7)
    values = [stream.getrandbits(bits) for _ in range(200)]

    assert max(values).bit_length() == bits
    assert min(values).bit_length() >= bits - 20 or bits <= 20


@given(keys, st.lists(st.integers(0, 2**40), min_size=1, max_size=30), attempts, lanes)
@example(MASK, [0, 907, 2**40], ATTEMPTS - 1, LANES - 1)
@example(0, [0], 0, 0)
def test_a_column_of_uniforms_is_the_scalar_draws_bit_for_bit(key, calls, attempt, lane):
    column = uniforms(key, np.array(calls, dtype=np.uint64), attempt, lane)

    assert column.tolist() == [Draws(key, call, attempt).uniform(lane) for call in calls]


@given(keys, st.integers(0, 2**20), attempts, lanes)
def test_every_draw_lies_in_zero_to_one(key, call, attempt, lane):
    assert 0.0 <= Draws(key, call, attempt).uniform(lane) < 1.0


@given(st.sets(st.tuples(st.integers(101, 907), attempts, lanes), min_size=2, max_size=60))
@example({(101, 0, LANES - 1), (101, 1, 0)})  # neighbours across an attempt's border
@example({(101, ATTEMPTS - 1, LANES - 1), (102, 0, 0)})  # and across a call's
def test_no_two_names_share_a_place_in_the_stream(names_of_draws):
    draws = {Draws(99, call, attempt).uniform(lane) for call, attempt, lane in names_of_draws}

    assert len(draws) == len(names_of_draws)


def test_the_lanes_of_an_attempt_are_told_apart():
    assert len({LATENCY, FAULT, KIND, TRUTH}) == 4
    assert max(LATENCY, FAULT, KIND, TRUTH) < LANES


@pytest.mark.parametrize(
    ("one", "other"),
    [(LATENCY, FAULT), (LATENCY, KIND), (LATENCY, TRUTH), (FAULT, KIND), (FAULT, TRUTH), (0, 15)],
)
def test_one_lane_says_nothing_of_another(one, other):
    calls = np.arange(50_000, dtype=np.uint64)
    here, there = uniforms(5, calls, 1, one), uniforms(5, calls, 1, other)

    assert abs(np.corrcoef(here, there)[0, 1]) < 0.02
    assert chi_square((here + there) % 1.0) < CHI_SQUARE_MAX


@given(st.permutations(range(LANES)), keys)
def test_reading_one_lane_shifts_no_other(order, key):
    draws = Draws(key, 705, 2)
    read = {lane: draws.uniform(lane) for lane in order}

    assert [read[lane] for lane in range(LANES)] == [
        Draws(key, 705, 2).uniform(lane) for lane in range(LANES)
    ]


@given(st.lists(names, min_size=2, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_a_draw_does_not_depend_on_who_drew_before(asked, shuffler):
    first = Seed(7)
    drawn = {name: first.draws(*name).uniform(FAULT) for name in asked}
    again = Seed(7)
    shuffler.shuffle(asked)

    assert {name: again.draws(*name).uniform(FAULT) for name in asked} == drawn
    assert len(set(drawn.values())) == len(asked)


@pytest.mark.parametrize(
    "other",
    [
        Seed(8).draws("face.start", "daopu", "a1", 401, 1),
        Seed(7, 1).draws("face.start", "daopu", "a1", 401, 1),
        Seed(7).draws("face.result", "daopu", "a1", 401, 1),
        Seed(7).draws("face.start", "qingluo", "a1", 401, 1),
        Seed(7).draws("face.start", "daopu", "a2", 401, 1),
        Seed(7).draws("face.start", "daopu", "a1", 402, 1),
        Seed(7).draws("face.start", "daopu", "a1", 401, 2),
    ],
    ids=["seed", "replication", "operation", "bank", "application", "call", "attempt"],
)
def test_each_part_of_a_name_counts(other):
    draws = Seed(7).draws("face.start", "daopu", "a1", 401, 1)

    assert draws.uniform(LATENCY) != other.uniform(LATENCY)


def test_forgetting_application_keys_changes_no_draw():
    seed = Seed(7)
    first = [seed.application_key("daopu", f"a{n}") for n in range(REMEMBERED_MAX + 100)]

    assert len(seed._application_keys) <= REMEMBERED_MAX
    assert ("daopu", "a0") not in seed._application_keys  # it was forgotten, and comes back
    for n in (0, 1, REMEMBERED_MAX - 1, REMEMBERED_MAX, REMEMBERED_MAX + 99):
        assert seed.application_key("daopu", f"a{n}") == first[n]
        assert Seed(7).application_key("daopu", f"a{n}") == first[n]
    assert len(set(first)) == len(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), ((1,), ("1",)), (("a",), (("a",),)), ((), ("",))],
)
def test_a_hash_keeps_types_and_borders_apart(one, other):
    assert hash64(*one) != hash64(*other)


@pytest.mark.parametrize("lane", [LATENCY, FAULT, KIND, TRUTH, LANES - 1])
def test_a_hundred_thousand_calls_of_one_lane_are_even(lane):
    assert chi_square(uniforms(12345, np.arange(100_000, dtype=np.uint64), 1, lane)) < (
        CHI_SQUARE_MAX
    )


def test_a_hundred_thousand_applications_are_even():
    # The key of the draws changes from one to the next, call and attempt do not.
    column = [Draws(n * 0x1_0001, 705, 1).uniform(LATENCY) for n in range(100_000)]

    assert chi_square(column) < CHI_SQUARE_MAX


def test_a_named_random_is_even_and_so_are_single_names():
    stream, seed = NamedRandom(3), Seed(3)

    assert chi_square([stream.random() for _ in range(100_000)]) < CHI_SQUARE_MAX
    assert chi_square([seed.uniform("visitor", n) for n in range(20_000)]) < CHI_SQUARE_MAX


def test_the_chi_square_bound_can_be_broken():
    skewed = uniforms(12345, np.arange(100_000, dtype=np.uint64)) ** 1.05

    assert chi_square(skewed) > CHI_SQUARE_MAX


@given(keys, st.integers(0, 5))
def test_renaming_a_stream_begins_it_anew(key, used):
    stream = NamedRandom(1)
    for _ in range(used):
        stream.gauss(0.0, 1.0)  # an odd number leaves half a pair behind
    told = _tell(stream.rename(key))

    assert told == _tell(NamedRandom(key))
    assert told == _tell(stream.rename(key))


def _tell(stream):
    drawn = [stream.gauss(0.0, 1.0), stream.random(), stream.randrange(10**9)]
    return [*drawn, stream.gauss(5.0, 2.0), stream.sample(range(100), 5), stream.gauss(0.0, 1.0)]


def test_a_half_used_gauss_pair_does_not_leak_into_the_next_name():
    stream = NamedRandom(1)
    stream.gauss(0.0, 1.0)
    leaked = stream.gauss_next
    stream.rename(2)

    assert leaked is not None
    assert stream.gauss_next is None
    assert stream.gauss(0.0, 1.0) == NamedRandom(2).gauss(0.0, 1.0)


def test_a_new_named_random_starts_where_its_key_says():
    # random.Random seeds itself in its constructor; that must not show.
    assert NamedRandom(42).random() == NamedRandom().rename(42).random()
    assert NamedRandom(MASK + 43).random() == NamedRandom(42).random()


def test_seeding_by_a_printable_name_is_renaming():
    stream = NamedRandom()
    stream.seed("anna")

    assert stream.random() == NamedRandom(hash64("anna")).random()


def test_a_named_random_feeds_every_method_of_random():
    stream = NamedRandom(11)
    gauss = [stream.gauss(0.0, 1.0) for _ in range(20_000)]

    assert isinstance(stream, random.Random)
    assert math.fsum(gauss) / len(gauss) == pytest.approx(0.0, abs=0.03)
    assert sorted(stream.sample(range(10), 10)) == list(range(10))
    assert {stream.choice("ab") for _ in range(50)} == {"a", "b"}


def test_a_seed_says_what_it_is():
    assert repr(Seed(7, 2)) == "Seed(7, replication=2)"
