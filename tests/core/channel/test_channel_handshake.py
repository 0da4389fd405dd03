"""The handshake: who may shake hands with whom, and what is refused on the way."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.channel import Binding, ChannelError, Hello, Identity, UserKey, Welcome, subject_of
from core.errors import InputError
from tests.core.channel.channel_kit import (
    ANSWERED,
    ASKED,
    BINDING,
    IDENTITY,
    NEXT_IDENTITY,
    NOW_S,
    PINS,
    a_phone,
    a_server,
    ask,
    shake,
)
from tests.core.channel.test_channel_primitives import SMALL_ORDER

USER_KEY = UserKey(7, bytes(range(16)))
OTHERS = {
    "session": replace(BINDING, session_id="session-2"),
    "bank": replace(BINDING, bank="xinghe"),
    "subject": replace(BINDING, subject=subject_of("another", "wx4f4bc4dec97d474b", "daopu")),
}


def refused(kind):
    return pytest.raises(ChannelError, match=f"^{kind}: ")


def greeted(phone=None, server=None, user_key=None):
    """A phone that waits, and the welcome it waits for."""
    phone, server = phone or a_phone(), server or a_server()
    hello = Hello.of_json(phone.hello(NOW_S, user_key))
    key = user_key.key if user_key else None
    return phone, server.accept(hello, phone.binding, key, NOW_S)[0]


@pytest.mark.parametrize("user_key", [None, USER_KEY], ids=["plain", "user key"])
@pytest.mark.parametrize("suite", [1, 2])
def test_what_is_asked_arrives_and_so_does_its_answer(suite, user_key):
    phone, server = a_phone(suites=(suite,)), a_server()
    channel = shake(phone, server, user_key=user_key)
    assert channel.suite == suite
    assert ask(phone, server) == (ASKED, ANSWERED)
    assert ask(phone, server) == (ASKED, ANSWERED)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_welcome_on_another_session_bank_or_subject_is_refused(other):
    phone, server = a_phone(), a_server()
    with refused("tampered"):
        shake(phone, server, binding=other)


def test_another_user_key_makes_another_channel():
    phone, server = a_phone(), a_server()
    hello = Hello.of_json(phone.hello(NOW_S, USER_KEY))
    welcome, _ = server.accept(hello, BINDING, bytes(16), NOW_S)
    phone.finish(welcome.to_json())
    with refused("tampered"):
        server.open(phone.seal(ASKED, NOW_S)[0], NOW_S)


def test_a_user_key_that_the_server_cannot_have_is_said():
    hello = Hello.of_json(a_phone().hello(NOW_S, USER_KEY))
    with refused("no_user_key"):
        a_server().accept(hello, BINDING, None, NOW_S)


def test_the_server_prefers_its_own_order_and_refuses_where_none_is_common():
    phone = a_phone(suites=(1, 2))
    assert shake(phone, a_server(suites=(2, 1))).suite == 2
    with refused("no_common_suite"):
        shake(a_phone(suites=(1,)), a_server(suites=(2,)))


def test_a_suite_that_nobody_knows_yet_is_passed_over():
    hello = replace(Hello.of_json(a_phone().hello(NOW_S)), suites=(9, 1))
    assert a_server().accept(hello, BINDING, None, NOW_S)[0].suite == 1


def test_a_list_of_suites_shortened_on_the_way_is_found_out():
    phone, server = a_phone(suites=(1, 2)), a_server()
    hello = replace(Hello.of_json(phone.hello(NOW_S)), suites=(2,))
    welcome, _ = server.accept(hello, BINDING, None, NOW_S)
    with refused("tampered"):
        phone.finish(welcome.to_json())


def test_a_suite_that_was_not_offered_is_refused():
    phone, welcome = greeted(a_phone(suites=(1,)))
    with refused("no_common_suite"):
        phone.finish(replace(welcome, suite=2).to_json())


@pytest.mark.parametrize("field", ["key", "nonce", "channel_id", "signature"])
def test_a_welcome_with_any_byte_altered_is_refused_and_the_true_one_still_taken(field):
    phone, welcome = greeted()
    content = getattr(welcome, field)
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= 1
        with pytest.raises(ChannelError) as refusal:
            phone.finish(replace(welcome, **{field: bytes(altered)}).to_json())
        assert refusal.value.kind == "tampered"
    phone.finish(welcome.to_json())
    assert phone.epoch == 0


def test_a_welcome_with_any_byte_of_its_text_altered_is_refused():
    phone, welcome = greeted()
    body = welcome.to_json()
    for place in range(len(body)):
        altered = bytearray(body)
        altered[place] ^= 1
        with pytest.raises(ChannelError):
            phone.finish(bytes(altered))
    assert phone.epoch is None


def test_a_longer_life_than_was_signed_is_refused():
    phone, welcome = greeted()
    with refused("tampered"):
        phone.finish(replace(welcome, lives_s=welcome.lives_s - 1).to_json())


def test_an_identity_that_is_not_pinned_is_refused_and_two_pins_let_it_rotate():
    phone, server = a_phone(), a_server()
    server.identity = NEXT_IDENTITY
    with refused("unknown_identity"):
        shake(phone, server)
    both = a_phone(pins={**PINS, NEXT_IDENTITY.kid: NEXT_IDENTITY.public})
    shake(both, server)
    assert ask(both, server) == (ASKED, ANSWERED)


def test_a_stranger_under_a_pinned_name_is_refused():
    phone, server = a_phone(), a_server()
    server.identity = Identity(IDENTITY.kid, bytes(32))
    with refused("tampered"):
        shake(phone, server)


def test_white_space_and_the_order_of_keys_do_not_matter():
    phone, welcome = greeted()
    read = json.loads(welcome.to_json())
    phone.finish(json.dumps(dict(reversed(read.items())), indent=2).encode())
    assert phone.epoch == 0


@pytest.mark.parametrize("skew_s", [-300, 300])
def test_a_clock_five_minutes_off_is_taken_and_one_second_more_is_not(skew_s):
    phone, server = a_phone(), a_server()
    hello = Hello.of_json(phone.hello(NOW_S + skew_s))
    server.accept(hello, BINDING, None, NOW_S)
    further = replace(hello, time_s=hello.time_s + (1 if skew_s > 0 else -1))
    with refused("skewed"):
        server.accept(further, BINDING, None, NOW_S)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_public_key_of_small_order_is_refused_by_both(point):
    server = a_server()
    hello = replace(Hello.of_json(a_phone().hello(NOW_S)), key=bytes.fromhex(point))
    with refused("weak_key"):
        server.accept(hello, BINDING, None, NOW_S)
    assert len(server) == 0


def test_a_welcome_nobody_waits_for_is_refused():
    phone, welcome = greeted()
    phone.finish(welcome.to_json())
    with refused("closed"):
        phone.finish(welcome.to_json())


def altered_json(**fields):
    return {**json.loads(a_phone().hello(NOW_S)), **fields}


HELLO_TEXT = a_phone().hello(NOW_S).decode()
MALFORMED = {
    "no json": b"{",
    "no object": b"[]",
    "deep": b"[" * 4_000,
    "no utf-8": b"\xff\xfe{\x00}\x00",
    "key twice": HELLO_TEXT.replace('{"v":1', '{"v":1,"v":1').encode(),
    "trailing": HELLO_TEXT.encode() + b"x",
    "unknown field": altered_json(more=1),
    "version": altered_json(v=2),
    "true for one": altered_json(v=True),
    "no suites": altered_json(suites=[]),
    "suite twice": altered_json(suites=[1, 1]),
    "nine suites": altered_json(suites=list(range(1, 10))),
    "suite of text": altered_json(suites=["1"]),
    "short key": altered_json(key="AAAA"),
    "no text": altered_json(key=1),
    "padding": altered_json(nonce=json.loads(HELLO_TEXT)["nonce"] + "="),
    "loose bits": altered_json(nonce=json.loads(HELLO_TEXT)["nonce"][:-1] + "B"),
    "five of four": altered_json(nonce="A"),
    "a fraction": altered_json(time_s=1.5),
    "before all time": altered_json(time_s=-1),
    "a large version": altered_json(user_key_version=2**32),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_hello_out_of_form_is_malformed(body):
    with refused("malformed"):
        Hello.of_json(body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_hello_longer_than_four_kilobytes_is_not_read():
    with refused("too_large"):
        Hello.of_json(HELLO_TEXT.encode() + b" " * 4096)


def test_what_is_written_is_read():
    hello = Hello.of_json(HELLO_TEXT.encode())
    assert hello.to_json().decode() == HELLO_TEXT
    _, welcome = greeted()
    assert Welcome.of_json(welcome.to_json()) == welcome


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: Binding("", "s", BINDING.subject), "binding.bank"),
        (lambda: Binding("daopu", "a b", BINDING.subject), "binding.session_id"),
        (lambda: Binding("daopu", "s", "AB"), "binding.subject"),
        (lambda: a_phone(pins={}), "phone.pins"),
        (lambda: a_phone(pins={"a": b"short"}), "phone.pins.a"),
        (lambda: a_phone(suites=(3,)), "phone.suites"),
        (lambda: a_server(suites=()), "channels.suites"),
        (lambda: Identity("a b", bytes(32)), "identity.kid"),
        (lambda: Identity("a", bytes(31)), "identity"),
        (lambda: UserKey(0, bytes(16)), "user_key.version"),
        (lambda: UserKey(1, bytes(15)), "user_key.key"),
    ],
)
def test_a_wrong_setting_is_blamed_by_its_place(make, place):
    with pytest.raises(InputError) as blamed:
        make()
    assert blamed.value.place == place
