"""The server's table: bounded whatever comes, and never at the cost of who uses a channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.channel import ChannelError, Hello, Limits
from core.errors import InputError
from tests.core.channel.channel_kit import (
    ANSWERED,
    ASKED,
    BINDING,
    NOW_S,
    a_phone,
    a_server,
    ask,
    shake,
)


def refused(kind):
    return pytest.raises(ChannelError, match=f"^{kind}: ")


def session(number):
    return replace(BINDING, session_id=f"session-{number}")


def used(server, name, now_s=NOW_S, binding=BINDING):
    phone = a_phone(name, binding)
    shake(phone, server, now_s)
    ask(phone, server, now_s)
    return phone


def knock(server, hello, number, now_s=NOW_S):
    return server.accept(hello, session(number), None, now_s)


def test_ten_thousand_unfinished_handshakes_leave_the_table_small_and_the_users_alone():
    server = a_server(limits=Limits(unfinished=100, channels=150))
    phones = [used(server, f"phone-{number}", binding=session(-number)) for number in range(1, 4)]
    hello = Hello.of_json(a_phone("knocker").hello(NOW_S))
    for number in range(10_000):
        knock(server, hello, number)
    assert (len(server), server.unfinished, len(server._sessions)) == (103, 100, 103)
    for phone in phones:
        assert ask(phone, server) == (ASKED, ANSWERED)


def test_a_fifth_handshake_of_a_session_replaces_its_oldest():
    server = a_server()
    phones = [a_phone(f"phone-{number}") for number in range(5)]
    for phone in phones:
        shake(phone, server)
    assert server.unfinished == 4
    with refused("unknown_channel"):
        server.open(phones[0].seal(ASKED, NOW_S)[0], NOW_S)
    assert ask(phones[1], server) == (ASKED, ANSWERED)


def test_a_handshake_that_is_not_used_within_a_minute_is_over():
    server = a_server()
    phone = a_phone()
    shake(phone, server)
    with refused("expired"):
        server.open(phone.seal(ASKED, NOW_S)[0], NOW_S + 60)
    server.sweep(NOW_S + 60)
    assert (len(server), len(server._sessions)) == (0, 0)


def test_a_third_channel_in_use_replaces_the_oldest_of_its_session():
    server = a_server()
    phones = [used(server, f"phone-{number}") for number in range(3)]
    assert len(server) == 2
    with refused("unknown_channel"):
        server.open(phones[0].seal(ASKED, NOW_S)[0], NOW_S)
    assert ask(phones[1], server) == ask(phones[2], server) == (ASKED, ANSWERED)


def test_a_full_table_says_busy_and_takes_again_when_channels_have_ended():
    server = a_server(limits=Limits(unfinished=2, channels=2))
    for number in range(2):
        used(server, f"phone-{number}", binding=session(number))
    hello = Hello.of_json(a_phone("third").hello(NOW_S))
    with refused("busy"):
        knock(server, hello, 3)
    server.drop("session-0")
    knock(server, hello, 3)
    later = Hello.of_json(a_phone("fourth").hello(NOW_S + 3600))
    knock(server, later, 4, NOW_S + 3600)
    assert len(server) == 1


def test_a_session_that_is_dropped_has_no_channel_but_its_last_answer():
    server = a_server()
    phone, other = used(server, "phone"), used(server, "other", binding=session(2))
    envelope, ticket = phone.seal(ASKED, NOW_S)
    channel, opened = server.open(envelope, NOW_S)
    server.drop(BINDING.session_id)
    server.drop("nobody")
    with refused("unknown_channel"):
        server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)
    assert phone.open(channel.seal(opened, ANSWERED), ticket) == ANSWERED
    assert ask(other, server) == (ASKED, ANSWERED)


def test_a_server_that_was_started_anew_knows_no_channel():
    phone = used(a_server(), "phone")
    server = a_server("server, again")
    with refused("unknown_channel"):
        server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)
    shake(phone, server)
    assert ask(phone, server) == (ASKED, ANSWERED)


@pytest.mark.parametrize(
    "wrong",
    [{"lives_s": 3601}, {"unfinished_s": 0}, {"rekey_records": 2**21}, {"unfinished": 60_000}],
)
def test_a_limit_out_of_its_bounds_is_blamed(wrong):
    with pytest.raises(InputError, match=r"limits\."):
        Limits(**wrong)
