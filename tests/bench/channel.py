"""The sealed channel: a request of 1 kB sealed by the phone, opened by the server; a handshake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from secrets import token_bytes
from statistics import median
from time import perf_counter

from core.channel import (
    AES_256_GCM,
    SM4_GCM,
    Answer,
    Binding,
    Channel,
    Channels,
    Hello,
    Identity,
    PhoneEnd,
    Request,
    Vault,
    subject_of,
)

Work = tuple[Callable[[], int], str, str]
NOW_S = 1_600_000_000.0
RECORDS, HANDSHAKES = 4_000, 500
REQUEST = Request("POST", "/v1/credit", {"content-type": "application/json"}, bytes(1024))
ANSWER = Answer(200, {"content-type": "application/json"}, bytes(1024))
SUBJECT = subject_of("an openid", "an appid", "daopu")


def ends(suite: int, session: str = "session") -> tuple[PhoneEnd, Channels]:
    """A phone and a server that have not met."""
    identity = Identity("bench", token_bytes(32))
    binding = Binding("daopu", session, SUBJECT)
    pins = {identity.kid: identity.public}
    phone = PhoneEnd(binding, pins, Vault(token_bytes), token_bytes, suites=(suite,))
    return phone, Channels(identity, token_bytes, suites=(suite,))


def shake(phone: PhoneEnd, server: Channels) -> Channel:
    """Make one handshake, both halves, with the bodies that go over the wire."""
    hello = Hello.of_json(phone.hello(NOW_S))
    welcome, channel = server.accept(hello, phone.binding, None, NOW_S)
    phone.finish(welcome.to_json())
    return channel


def seal_open(suite: int) -> Work:
    """Requests of 1 kB, sealed and opened; its answer comes back unmeasured for the median."""
    phone, server = ends(suite)
    channel = shake(phone, server)
    took_us = []
    for _ in range(RECORDS):
        began = perf_counter()
        envelope, ticket = phone.seal(REQUEST, NOW_S)
        _, opened = server.open(envelope, NOW_S)
        took_us.append(1e6 * (perf_counter() - began))
        phone.open(channel.seal(opened, ANSWER), ticket)

    def work() -> int:
        for _ in range(RECORDS):
            envelope, ticket = phone.seal(REQUEST, NOW_S)
            _, opened = server.open(envelope, NOW_S)
            phone.open(channel.seal(opened, ANSWER), ticket)
        return RECORDS

    goal = "; under 25 is asked" if suite == AES_256_GCM else ""
    return work, "exchanges/s", f"{median(took_us):.1f} µs the median request{goal}"


def handshake() -> Work:
    """Handshakes, both halves; the median in microseconds."""
    numbers = count()
    took_us = []

    def one() -> None:
        phone, server = pairs[next(numbers) % len(pairs)]
        began = perf_counter()
        shake(phone, server)
        took_us.append(1e6 * (perf_counter() - began))

    pairs = [ends(AES_256_GCM, f"session-{number}") for number in range(10)]
    for _ in range(HANDSHAKES):
        one()
    told = f"{median(took_us):.0f} µs the median one, both halves"

    def work() -> int:
        for _ in range(HANDSHAKES):
            one()
        return HANDSHAKES

    return work, "handshakes/s", told


BENCHES = {
    "channel.seal_open_1kB": partial(seal_open, AES_256_GCM),
    "channel.seal_open_1kB.sm4": partial(seal_open, SM4_GCM),
    "channel.handshake": handshake,
}
