"""The phone's half: it says hello, checks the welcome, seals requests and opens their answers.

Its secrets lie in memory only, and there only wrapped by a vault. They are unwrapped for each
record and the cipher is let go with it: that costs some microseconds, and no object that outlives a
step holds a key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.channel.errors import ChannelError
from core.channel.handshake import (
    HELLO_NONCE_BYTES,
    KEY_BYTES,
    KID,
    USER_KEY_VERSION_MAX,
    Binding,
    Hello,
    Welcome,
    to_be_signed,
    transcript,
)
from core.channel.keys import (
    PHONE,
    SERVER,
    USER_KEY_BYTES_MAX,
    USER_KEY_BYTES_MIN,
    epoch_secrets,
    first_secret,
    public_of,
    shared_secret,
)
from core.channel.records import (
    ENVELOPE_BYTES_MAX,
    SEQUENCES,
    Answer,
    RecordKey,
    Request,
    header_of,
    pack_request,
    prefix_of,
    unpack_answer,
)
from core.channel.secrets import Kept, Vault, wipe
from core.channel.suites import AES_256_GCM, SM4_GCM, SUITES, Suite
from core.channel.window import WINDOW
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.channel.secrets import Random

WAITING_MAX = WINDOW // 4  # requests at a time, so that none is overtaken by a whole window
PINS_MAX = 2


class Ticket(NamedTuple):
    """A request that waits for its answer."""

    epoch: int
    sequence: int


@dataclass(frozen=True)
class UserKey:
    """WeChat's key of getUserCryptoManager: its version, and the bytes of its encryptKey.

    Its iv is not used: one for an hour would be the same nonce again and again.

    Raises:
        InputError: the version is no number from 1 on, or the key has not 16 to 64 bytes.
    """

    version: int
    key: bytes

    def __post_init__(self) -> None:
        if not 1 <= self.version <= USER_KEY_VERSION_MAX:
            raise InputError("user_key.version", "it is no number from 1 on")
        if not USER_KEY_BYTES_MIN <= len(self.key) <= USER_KEY_BYTES_MAX:
            raise InputError("user_key.key", "it has not 16 to 64 bytes")

    def __repr__(self) -> str:
        return f"<UserKey {self.version}>"


class _Epoch(Kept):
    """What the phone keeps of an epoch: its keys, wrapped, and which of its requests wait."""

    __slots__ = ("number", "phone", "prefix", "sequence", "server", "waiting")

    def __init__(self, number: int, prefix: bytes, phone: bytearray, server: bytearray) -> None:
        self.number = number
        self.prefix = prefix
        self.phone = phone
        self.server = server
        self.sequence = 0  # of the next request
        self.waiting: set[int] = set()


class PhoneEnd(Kept):
    """One phone's end of a channel with one bank, made anew by every hello.

    ``pins`` are the server's identities, public keys of 32 bytes by kid, one or two. The order of
    the methods is :meth:`hello`, :meth:`finish`, then :meth:`seal` and :meth:`open` at will, and
    :meth:`forget` at the end.

    Raises:
        InputError: the pins are not one or two kids with 32 bytes each; a suite is unknown.
    """

    def __init__(
        self,
        binding: Binding,
        pins: Mapping[str, bytes],
        vault: Vault,
        random: Random,
        suites: tuple[int, ...] = (AES_256_GCM, SM4_GCM),
    ) -> None:
        _check_pins(pins)
        if not suites or set(suites) - set(SUITES):
            raise InputError("phone.suites", "it is empty, or names no suite", "known: 1, 2")
        self.binding = binding
        self._pins = dict(pins)
        self._vault = vault
        self._random = random
        self._suites = suites
        self._hello: Hello | None = None
        self._private: bytearray | None = None
        self._user_key: bytearray | None = None
        self._suite: Suite | None = None
        self._channel_id = b""
        self._said_s = 0.0  # when hello was said
        self._expires_s = 0.0
        self._next_secret: bytearray | None = None
        self._epoch: _Epoch | None = None
        self._epochs: dict[int, _Epoch] = {}  # the last one, and those whose answers are awaited

    @property
    def epoch(self) -> int | None:
        """The epoch of the next request, or None where there is no channel."""
        return None if self._epoch is None else self._epoch.number

    @property
    def expires_s(self) -> float:
        """When the channel ends, in Unix seconds; 0 where there was none yet."""
        return self._expires_s

    def hello(self, now_s: float, user_key: UserKey | None = None) -> bytes:
        """Forget what was, begin anew, and return the body to send."""
        self.forget()
        self._said_s = now_s
        private = self._random(KEY_BYTES)
        self._private = self._vault.wrap(private)
        self._user_key = self._vault.wrap(user_key.key if user_key else b"")
        self._hello = Hello(
            suites=self._suites,
            key=public_of(private),
            nonce=self._random(HELLO_NONCE_BYTES),
            time_s=int(now_s),
            user_key_version=user_key.version if user_key else 0,
        )
        return self._hello.to_json()

    def finish(self, welcome_body: bytes) -> None:
        """Check the welcome and make the keys. After a refusal the hello still waits for another.

        The channel's life is counted from the hello, so that the phone stops before the server.

        Raises:
            ChannelError: malformed, too_large, unknown_identity (the kid is not pinned),
                no_common_suite (a suite that was not offered), tampered (the signature is not of
                what was said, on this binding), weak_key, or closed (no hello waits).
        """
        if self._hello is None or self._private is None or self._user_key is None:
            raise ChannelError("closed", "no hello waits for a welcome")
        welcome = Welcome.of_json(welcome_body)
        if welcome.kid not in self._pins:
            raise ChannelError("unknown_identity", f"the identity {welcome.kid} is not pinned")
        if welcome.suite not in self._suites:
            raise ChannelError("no_common_suite", f"suite {welcome.suite} was not offered")
        suite = SUITES[welcome.suite]
        said = transcript(suite, self._hello, welcome, self.binding)
        _check_signature(self._pins[welcome.kid], welcome.signature, to_be_signed(suite, said))
        shared = shared_secret(self._vault.unwrap(self._private), welcome.key)

        secret = first_secret(suite, said, shared, self._vault.unwrap(self._user_key))
        wipe(self._private, self._user_key)
        self._hello = self._private = self._user_key = None
        self._suite = suite
        self._channel_id = welcome.channel_id
        self._expires_s = self._said_s + welcome.lives_s
        self._begin(suite, secret, 0)

    def seal(self, request: Request, now_s: float) -> tuple[bytes, Ticket]:
        """Return the envelope of a request, and the ticket that its answer is opened with.

        Raises:
            ChannelError: closed (there is no channel), expired (its life or its sequences are at
                their end), busy (too many requests wait), malformed or too_large.
        """
        suite, epoch = self._opened()
        if now_s >= self._expires_s or epoch.sequence >= SEQUENCES:
            raise ChannelError("expired", "the channel has lived its life")
        if sum(len(each.waiting) for each in self._epochs.values()) >= WAITING_MAX:
            raise ChannelError("busy", f"{WAITING_MAX} requests wait for an answer; give some up")
        inner = pack_request(request, ENVELOPE_BYTES_MAX)
        sequence = epoch.sequence
        epoch.sequence += 1  # before it is used: whatever happens, it is not used again
        epoch.waiting.add(sequence)
        key = RecordKey(suite, PHONE, self._vault.unwrap(epoch.phone))
        return key.seal(epoch.prefix, sequence, inner), Ticket(epoch.number, sequence)

    def open(self, envelope: bytes, ticket: Ticket) -> Answer:
        """Open the answer to a request, once; where it says so, the next epoch begins.

        An answer to another request is refused, so that nobody on the way can exchange two. After
        a refusal the request still waits.

        Raises:
            ChannelError: closed, malformed, too_large, replayed (the ticket does not wait, or not
                any more) or tampered.
        """
        suite, newest = self._opened()
        header = header_of(envelope, ENVELOPE_BYTES_MAX)
        epoch = self._epochs.get(ticket.epoch)
        if epoch is None or ticket.sequence not in epoch.waiting:
            raise ChannelError("replayed", "no such request waits for an answer")
        if not envelope.startswith(epoch.prefix) or header.sequence != ticket.sequence:
            raise ChannelError("tampered", "it is no answer to this request")
        key = RecordKey(suite, SERVER, self._vault.unwrap(epoch.server))
        answer, next_epoch = unpack_answer(key.open(envelope, header.sequence))
        if next_epoch and epoch is newest and self._next_secret is not None:
            self._begin(suite, self._vault.unwrap(self._next_secret), epoch.number + 1)
        self.give_up(ticket)
        return answer

    def give_up(self, ticket: Ticket) -> None:
        """Wait no longer for the answer to a request; nothing happens if none waits."""
        epoch = self._epochs.get(ticket.epoch)
        if epoch is not None:
            epoch.waiting.discard(ticket.sequence)
            if not epoch.waiting and epoch is not self._epoch:
                wipe(epoch.phone, epoch.server)
                del self._epochs[ticket.epoch]

    def forget(self) -> None:
        """End the channel and overwrite what is kept of it. Before a hello it does nothing."""
        wipe(self._private, self._user_key, self._next_secret)
        for epoch in self._epochs.values():
            wipe(epoch.phone, epoch.server)
        self._epochs.clear()
        self._hello = self._private = self._user_key = self._next_secret = None
        self._suite = self._epoch = None

    def _opened(self) -> tuple[Suite, _Epoch]:
        if self._suite is None or self._epoch is None:
            raise ChannelError("closed", "there is no channel: make a handshake")
        return self._suite, self._epoch

    def _begin(self, suite: Suite, secret: bytes, number: int) -> None:
        """Begin an epoch; the one before stays only as long as its answers are awaited."""
        wipe(self._next_secret)
        phone, server, next_secret = epoch_secrets(suite, secret, number)
        self._next_secret = self._vault.wrap(next_secret)
        prefix = prefix_of(suite, self._channel_id, number)
        before = self._epoch
        self._epoch = _Epoch(number, prefix, self._vault.wrap(phone), self._vault.wrap(server))
        self._epochs[number] = self._epoch
        if before is not None:
            wipe(before.phone)  # nothing is sealed in it any more


def _check_pins(pins: Mapping[str, bytes]) -> None:
    if not 1 <= len(pins) <= PINS_MAX:
        raise InputError("phone.pins", f"there are {len(pins)}", "pin one identity, or two")
    for kid, public in pins.items():
        if not KID.fullmatch(kid) or len(public) != KEY_BYTES:
            raise InputError(f"phone.pins.{kid}", f"it is no kid with {KEY_BYTES} bytes")


def _check_signature(public: bytes, signature: bytes, content: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError) as error:
        raise ChannelError("tampered", "the welcome's signature is not of what was said") from error
