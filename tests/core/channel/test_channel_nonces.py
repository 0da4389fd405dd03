"""No pair of key and nonce is ever used twice, whatever is lost, turned, or started anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.channel import ChannelError, Channels
from core.channel.suites import SUITES
from tests.core.channel.channel_kit import (
    ANSWERED,
    ASKED,
    IDENTITY,
    NOW_S,
    Chance,
    a_phone,
    shake,
)

STEPS = ["ask", "ask", "lose the request", "lose the answer", "hold", "answer a held one"]
MOVES = st.sampled_from([*STEPS, "turn", "replay", "phone anew", "server anew", "give up"])


class Watched:
    """A cipher that notes each key and nonce it seals with."""

    def __init__(self, seen, make, key):
        self._seen, self._key, self._cipher = seen, key, make(key)
        self.decrypt = self._cipher.decrypt

    def encrypt(self, nonce, data, associated_data):
        self._seen[self._key, nonce] += 1
        return self._cipher.encrypt(nonce, data, associated_data)


def watched(suite, seen):
    return replace(suite, aead=lambda key: Watched(seen, suite.aead, key))


class Play:
    """A phone and servers, and what may happen to them."""

    def __init__(self, suite):
        self._anew = lambda: Channels(IDENTITY, self._chance, suites=(suite,))
        self._chance = Chance("all servers")
        self.server, self.phone = self._anew(), a_phone(suites=(suite,))
        self.channel = shake(self.phone, self.server)
        self.held, self.sent = [], []
        self.answered, self.refusals = 0, set()

    def seal(self):
        envelope, ticket = self.phone.seal(ASKED, NOW_S)
        self.sent.append(envelope)
        return envelope, ticket

    def ask(self, loses_answer=False, holds=False):
        envelope, ticket = self.seal()
        try:
            channel, opened = self.server.open(envelope, NOW_S)
        except ChannelError as refusal:
            self.refusals.add(refusal.kind)
            self.channel, self.held = shake(self.phone, self.server), []
            return
        if holds:
            self.held.append((channel, opened, ticket))
            return
        back = channel.seal(opened, ANSWERED)
        if not loses_answer:
            assert self.phone.open(back, ticket) == ANSWERED
            self.answered += 1

    def do(self, move):
        match move:
            case "ask":
                self.ask()
            case "lose the request":
                self.seal()
            case "lose the answer":
                self.ask(loses_answer=True)
            case "hold":
                self.ask(holds=True)
            case "answer a held one" if self.held:
                channel, opened, ticket = self.held.pop(0)
                assert self.phone.open(channel.seal(opened, ANSWERED), ticket) == ANSWERED
            case "turn":
                self.channel.require_rekey()
            case "replay" if self.sent:
                self.replay()
            case "phone anew":
                self.channel, self.held = shake(self.phone, self.server), []
            case "server anew":
                self.server = self._anew()
            case "give up":
                for _, _, ticket in self.held:
                    self.phone.give_up(ticket)
                self.held = []

    def replay(self):
        """Send an old envelope once more: it is taken only if it never arrived, and still may."""
        try:
            channel, opened = self.server.open(self.sent[-1], NOW_S)
        except ChannelError:
            return
        channel.seal(opened, ANSWERED)


@pytest.mark.parametrize("suite", [1, 2])
@given(moves=st.lists(MOVES, max_size=60))
def test_no_key_seals_twice_with_one_nonce(suite, moves):
    seen = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, suite, watched(SUITES[suite], seen))
        play = Play(suite)
        for move in [*moves, "ask", "ask"]:
            play.do(move)

    assert play.answered >= 1
    assert play.refusals <= {"rekeyed", "unknown_channel"}
    assert seen.total() >= 3
    assert set(seen.values()) == {1}


def test_the_watch_would_see_a_nonce_used_twice():
    seen = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUITES, 1, watched(SUITES[1], seen))
        play = Play(1)
        play.seal()
        play.phone._epoch.sequence = 0
        play.seal()
    assert max(seen.values()) == 2


def test_the_vault_counts_its_nonces():
    phone = a_phone()
    wrapped = [bytes(phone._vault.wrap(b"one secret")[:12]) for _ in range(100)]
    assert len(set(wrapped)) == 100
