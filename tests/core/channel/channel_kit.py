"""A phone and a server for the tests of the channel; chance and time are handed to them."""

from __future__ import annotations

from hashlib import sha256

from core.channel import (
    Answer,
    Binding,
    Channels,
    Hello,
    Identity,
    PhoneEnd,
    Request,
    Vault,
    subject_of,
)

NOW_S = 1_600_000_000.0
IDENTITY = Identity("2020-a", bytes(range(32)))
NEXT_IDENTITY = Identity("2020-b", bytes(range(1, 33)))
PINS = {IDENTITY.kid: IDENTITY.public}
SUBJECT = subject_of("oGZUI0egBJY1zhBYw2KhdUfwVJJE", "wx4f4bc4dec97d474b", "daopu")
BINDING = Binding("daopu", "session-1", SUBJECT)
ASKED = Request("POST", "/v1/face?step=sign", {"content-type": "image/jpeg"}, b"\xff\xd8 a face")
ANSWERED = Answer(200, {"content-type": "application/json"}, b'{"ok":true}')


class Chance:
    """Bytes that look drawn and are counted; two with one name draw the same."""

    def __init__(self, name):
        self._name, self._drawn = name, 0

    def __call__(self, count):
        self._drawn += 1
        drawn = b"".join(
            sha256(f"{self._name}/{self._drawn}/{block}".encode()).digest()
            for block in range(-(-count // 32))
        )
        return drawn[:count]


def a_server(name="server", **kwargs):
    return Channels(IDENTITY, Chance(name), **kwargs)


def a_phone(name="phone", binding=BINDING, pins=PINS, **kwargs):
    return PhoneEnd(binding, pins, Vault(Chance(f"{name}'s vault")), Chance(name), **kwargs)


def shake(phone, server, now_s=NOW_S, user_key=None, binding=None):
    """Make a handshake and return the server's channel."""
    hello = Hello.of_json(phone.hello(now_s, user_key))
    key = user_key.key if user_key else None
    welcome, channel = server.accept(hello, binding or phone.binding, key, now_s)
    phone.finish(welcome.to_json())
    return channel


def ask(phone, server, now_s=NOW_S, request=ASKED, answer=ANSWERED):
    """Send a request there and its answer back; return both as they came."""
    envelope, ticket = phone.seal(request, now_s)
    channel, opened = server.open(envelope, now_s)
    return opened.request, phone.open(channel.seal(opened, answer), ticket)


def a_pair(suite=1, limits=None, **kwargs):
    """A phone, a server and the channel they share."""
    phone = a_phone(suites=(suite,))
    server = a_server(limits=limits)
    return phone, server, shake(phone, server, **kwargs)
