"""Envelopes: sealed once, opened once, in their own direction, in their own epoch, in time."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.channel import (
    Answer,
    ChannelError,
    Limits,
    Request,
    SealedTwice,
    UserKey,
    Vault,
)
from core.channel.errors import OUTSIDE
from core.channel.records import (
    HEAD_BYTES_MAX,
    header_of,
    pack_answer,
    pack_request,
    unpack_answer,
    unpack_request,
)
from tests.core.channel.channel_kit import (
    ANSWERED,
    ASKED,
    BINDING,
    IDENTITY,
    NOW_S,
    Chance,
    a_pair,
    a_phone,
    a_server,
    ask,
    shake,
)


def refused(kind):
    return pytest.raises(ChannelError, match=f"^{kind}: ")


@given(st.sampled_from([1, 2]), st.data())
def test_any_altered_byte_of_an_envelope_is_refused_and_changes_nothing(suite, data):
    phone, server, channel = a_pair(suite)
    envelope, ticket = phone.seal(ASKED, NOW_S)
    flip = data.draw(st.integers(1, 255))
    for place in range(len(envelope)):
        with pytest.raises(ChannelError):
            server.open(altered(envelope, place, flip), NOW_S)
    assert server.unfinished == 1

    _, opened = server.open(envelope, NOW_S)
    back = channel.seal(opened, ANSWERED)
    for place in range(len(back)):
        with pytest.raises(ChannelError):
            phone.open(altered(back, place, flip), ticket)
    assert phone.open(back, ticket) == ANSWERED


def altered(envelope, place, flip):
    changed = bytearray(envelope)
    changed[place] ^= flip
    return bytes(changed)


@pytest.mark.parametrize("suite", [1, 2])
def test_a_truncated_or_extended_envelope_is_refused(suite):
    phone, server, channel = a_pair(suite)
    envelope, ticket = phone.seal(ASKED, NOW_S)
    for length in range(len(envelope)):
        with pytest.raises(ChannelError):
            server.open(envelope[:length], NOW_S)
    with refused("tampered"):
        server.open(envelope + b"\0", NOW_S)
    back = channel.seal(server.open(envelope, NOW_S)[1], ANSWERED)
    with refused("tampered"):
        phone.open(back + b"\0", ticket)
    with refused("tampered"):
        phone.open(back[:-1], ticket)


def test_a_replay_is_refused_and_so_is_a_second_opening_of_an_answer():
    phone, server, channel = a_pair()
    envelope, ticket = phone.seal(ASKED, NOW_S)
    back = channel.seal(server.open(envelope, NOW_S)[1], ANSWERED)
    with refused("replayed"):
        server.open(envelope, NOW_S)
    phone.open(back, ticket)
    with refused("replayed"):
        phone.open(back, ticket)


def test_requests_may_overtake_each_other_within_the_window():
    phone, server, _ = a_pair()
    sealed = []
    for _ in range(1_025):
        envelope, ticket = phone.seal(ASKED, NOW_S)
        phone.give_up(ticket)
        sealed.append(envelope)
    for envelope in (sealed[1_024], sealed[1], sealed[500]):
        server.open(envelope, NOW_S)
        with refused("replayed"):
            server.open(envelope, NOW_S)
    with refused("replayed"):
        server.open(sealed[0], NOW_S)


def test_a_request_sent_back_as_its_own_answer_is_refused():
    phone, server, channel = a_pair()
    envelope, ticket = phone.seal(ASKED, NOW_S)
    with refused("tampered"):
        phone.open(envelope, ticket)
    back = channel.seal(server.open(envelope, NOW_S)[1], ANSWERED)
    with refused("tampered"):
        server.open(back, NOW_S)


def test_two_answers_exchanged_on_the_way_are_refused():
    phone, server, channel = a_pair()
    (one, first), (two, second) = phone.seal(ASKED, NOW_S), phone.seal(ASKED, NOW_S)
    backs = [channel.seal(server.open(each, NOW_S)[1], ANSWERED) for each in (one, two)]
    with refused("tampered"):
        phone.open(backs[1], first)
    assert phone.open(backs[0], first) == phone.open(backs[1], second) == ANSWERED


def test_an_envelope_of_one_channel_does_not_open_in_another():
    server = a_server()
    mine, hers = a_phone("mine"), a_phone("hers")
    my_channel, her_channel = shake(mine, server), shake(hers, server)
    envelope, _ = mine.seal(ASKED, NOW_S)
    moved = envelope[:2] + her_channel.channel_id + envelope[18:]
    with refused("tampered"):
        server.open(moved, NOW_S)
    assert server.open(envelope, NOW_S)[0] is my_channel


def test_a_second_answer_is_never_sealed_not_even_through_a_copy():
    phone, server, channel = a_pair()
    _, opened = server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)
    channel.seal(opened, ANSWERED)
    with pytest.raises(SealedTwice):
        channel.seal(opened, ANSWERED)
    with pytest.raises(TypeError):
        copy.copy(opened)


def test_an_answer_is_not_sealed_by_another_channel():
    server = a_server()
    mine, hers = a_phone("mine"), a_phone("hers")
    channel, other = shake(mine, server), shake(hers, server)
    _, opened = server.open(mine.seal(ASKED, NOW_S)[0], NOW_S)
    with pytest.raises(SealedTwice):
        other.seal(opened, ANSWERED)
    assert channel.seal(opened, ANSWERED)


def test_an_answer_too_large_may_still_be_answered_otherwise():
    phone, server, channel = a_pair(limits=Limits(envelope_bytes=500))
    envelope, ticket = phone.seal(ASKED, NOW_S)
    _, opened = server.open(envelope, NOW_S)
    with refused("too_large"):
        channel.seal(opened, Answer(200, {}, bytes(500)))
    assert phone.open(channel.seal(opened, Answer(500, {})), ticket).status == 500
    with refused("too_large"):
        server.open(bytes(501), NOW_S)


def test_a_channel_ends_when_its_life_does_at_both_ends():
    phone, server, channel = a_pair()
    ask(phone, server)
    late, _ = phone.seal(ASKED, NOW_S + 3599)
    with refused("expired"):
        server.open(late, NOW_S + 3600)
    with refused("expired"):
        phone.seal(ASKED, NOW_S + 3600)
    assert (phone.expires_s, channel.expires_s) == (NOW_S + 3600, NOW_S + 3600)


@pytest.mark.parametrize("suite", [1, 2])
def test_the_next_epoch_begins_with_the_answer_that_says_so(suite):
    phone, server, channel = a_pair(suite)
    ask(phone, server)
    channel.require_rekey()
    before, _ = phone.seal(ASKED, NOW_S)
    assert ask(phone, server) == (ASKED, ANSWERED)
    assert (phone.epoch, channel.epoch) == (1, 1)
    with refused("rekeyed"):
        server.open(before, NOW_S)
    assert ask(phone, server) == (ASKED, ANSWERED)


def test_a_request_opened_before_the_turn_is_answered_after_it():
    phone, server, channel = a_pair()
    (slow, slow_ticket), (fast, fast_ticket) = phone.seal(ASKED, NOW_S), phone.seal(ASKED, NOW_S)
    _, slow_opened = server.open(slow, NOW_S)
    _, fast_opened = server.open(fast, NOW_S)
    channel.require_rekey()
    phone.open(channel.seal(fast_opened, ANSWERED), fast_ticket)
    assert ask(phone, server) == (ASKED, ANSWERED)
    assert phone.open(channel.seal(slow_opened, ANSWERED), slow_ticket) == ANSWERED
    assert phone.epoch == 1


def test_where_the_turning_answer_is_lost_a_later_one_still_tells():
    phone, server, channel = a_pair()
    (one, lost), (two, ticket) = phone.seal(ASKED, NOW_S), phone.seal(ASKED, NOW_S)
    _, first = server.open(one, NOW_S)
    _, second = server.open(two, NOW_S)
    channel.require_rekey()
    channel.seal(first, ANSWERED)
    phone.give_up(lost)
    phone.open(channel.seal(second, ANSWERED), ticket)
    assert ask(phone, server) == (ASKED, ANSWERED)


def test_where_every_turning_answer_is_lost_the_phone_makes_a_new_handshake():
    phone, server, channel = a_pair()
    channel.require_rekey()
    channel.seal(server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)[1], ANSWERED)
    with refused("rekeyed"):
        server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)
    shake(phone, server)
    assert ask(phone, server) == (ASKED, ANSWERED)


def test_the_server_asks_by_itself_after_many_records_and_after_half_a_life():
    phone, server, channel = a_pair(limits=Limits(rekey_records=3))
    epochs = []
    for _ in range(7):
        ask(phone, server)
        epochs.append(channel.epoch)
    assert epochs == [0, 0, 1, 1, 1, 2, 2]

    phone, server, channel = a_pair()
    epochs = []
    for now_s in (0, 1799, 1800, 1801, 3599):
        ask(phone, server, NOW_S + now_s)
        epochs.append(channel.epoch)
    assert epochs == [0, 0, 1, 1, 1]


def test_a_phone_that_forgot_can_do_nothing_but_say_hello():
    phone, server, _ = a_pair()
    ticket = phone.seal(ASKED, NOW_S)[1]
    phone.forget()
    with refused("closed"):
        phone.seal(ASKED, NOW_S)
    with refused("closed"):
        phone.open(bytes(60), ticket)
    shake(phone, server)
    assert ask(phone, server) == (ASKED, ANSWERED)


def test_forgetting_overwrites_what_was_kept():
    phone, _, _ = a_pair()
    kept = [phone._next_secret, phone._epoch.phone, phone._epoch.server]
    assert all(any(each) for each in kept)
    phone.forget()
    assert not any(any(each) for each in kept)


def test_only_so_many_requests_wait_at_a_time():
    phone, _, _ = a_pair()
    tickets = [phone.seal(ASKED, NOW_S)[1] for _ in range(256)]
    with refused("busy"):
        phone.seal(ASKED, NOW_S)
    phone.give_up(tickets[0])
    assert phone.seal(ASKED, NOW_S)[1].sequence == 256


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from("abc"), st.just("x y")))
def test_a_message_is_read_as_it_was_written(body, headers):
    asked = Request("PUT", "/a?b=%2F", headers, body)
    assert unpack_request(pack_request(asked, 1_000)) == asked
    answered = Answer(204, headers, body)
    assert unpack_answer(pack_answer(answered, True, 1_000)) == (answered, True)


@pytest.mark.parametrize(
    "asked",
    [
        Request("get", "/", {}),
        Request("GET", "nowhere", {}),
        Request("GET", "//host/", {}),
        Request("GET", "/a b", {}),
        Request("GET", "/a#b", {}),
        Request("GET", "/", {"Upper": "x"}),
        Request("GET", "/", {"a": "x\r\nb: y"}),
        Request("GET", "/", {"a": 1}),
        Request("GET", "/", ["a"]),
    ],
    ids=repr,
)
def test_a_request_out_of_form_is_not_sealed(asked):
    phone, _, _ = a_pair()
    with refused("malformed"):
        phone.seal(asked, NOW_S)
    assert phone.seal(ASKED, NOW_S)[1].sequence == 0


@pytest.mark.parametrize(
    "head",
    [
        b'{"s":200}',
        b'{"s":200,"h":{},"x":1}',
        b'{"s":200,"h":{},"k":1}',
        b'{"s":200,"h":{},"k":null}',
        b'{"s":200,"h":{},"k":false}',
        b'{"s":true,"h":{}}',
        b'{"s":99,"h":{}}',
        b'{"s":200,"s":200,"h":{}}',
        b'{"s":200,"h":[]}',
        b"[]",
        b"",
    ],
)
def test_an_answers_head_out_of_form_is_malformed(head):
    with refused("malformed"):
        unpack_answer(len(head).to_bytes(4, "big") + head)


def test_a_head_longer_than_said_or_than_allowed_is_malformed():
    for inner in (b"", b"\0\0\0", b"\0\0\0\x09{}", b"\xff\xff\xff\xff{}"):
        with refused("malformed"):
            unpack_request(inner)
    with refused("too_large"):
        pack_request(Request("GET", "/" + "a" * HEAD_BYTES_MAX, {}), 10**6)


def test_no_epoch_has_more_than_two_to_the_24_sequences():
    phone, _, _ = a_pair()
    envelope, _ = phone.seal(ASKED, NOW_S)
    with refused("malformed"):
        header_of(envelope[:22] + (2**24).to_bytes(8, "big") + envelope[30:], 10**6)
    phone._epoch.sequence = 2**24
    with refused("expired"):
        phone.seal(ASKED, NOW_S)


def test_nothing_secret_shows_itself():
    secret = bytes(range(100, 132))
    vault = Vault(Chance("vault"))
    phone, server, channel = a_pair(user_key=UserKey(1, secret))
    _, opened = server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)
    epoch = channel._epoch
    keepers = [vault, phone, server, channel, opened, epoch, epoch.seals, IDENTITY, phone._epoch]
    secrets = [channel._next_secret, secret, BINDING.session_id.encode(), ASKED.body]
    for keeper in keepers:
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="holds secrets"):
                way(keeper)
        for each in secrets:
            assert each.hex() not in repr(keeper)
            assert repr(each)[2:-1] not in repr(keeper)
    for shown in (repr(BINDING), repr(UserKey(1, secret)), repr(ASKED), repr(ANSWERED)):
        assert not any(repr(each)[2:-1] in shown for each in secrets)


def test_what_the_phone_keeps_is_wrapped():
    phone, _, channel = a_pair()
    kept = [phone._next_secret, phone._epoch.phone, phone._epoch.server]
    assert not any(channel._next_secret in bytes(each) for each in kept)
    assert phone._vault.unwrap(phone._next_secret) == channel._next_secret


def test_an_error_is_rebuilt_and_says_one_word_outside():
    for kind, word in OUTSIDE.items():
        error = ChannelError(kind, "why")
        again = pickle.loads(pickle.dumps(error))
        assert (again.kind, again.problem, again.outside) == (kind, "why", word)
    of_envelopes = ["malformed", "too_large", "tampered", "replayed", "expired", "rekeyed"]
    assert {OUTSIDE[kind] for kind in [*of_envelopes, "unknown_channel"]} == {"refused"}
