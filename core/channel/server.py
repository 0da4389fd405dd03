"""The server's half: its identity, a channel, and the table of channels.

Channels are kept in memory and nowhere else. After a restart every phone makes a new handshake, and
its keys come from new chance: no key of before is ever derived again, so no pair of key and nonce
can come back. A table belongs to one process and one thread.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.channel.errors import ChannelError, SealedTwice
from core.channel.handshake import (
    CHANNEL_ID_BYTES,
    HELLO_NONCE_BYTES,
    KEY_BYTES,
    KID,
    LIVES_S_MAX,
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
    Answer,
    Header,
    RecordKey,
    Request,
    header_of,
    pack_answer,
    prefix_of,
    unpack_request,
)
from core.channel.secrets import Kept
from core.channel.suites import AES_256_GCM, SM4_GCM, SUITES, Suite
from core.channel.window import Window
from core.errors import InputError

if TYPE_CHECKING:
    from core.channel.secrets import Random

SKEW_S_MAX = 300
REKEY_RECORDS = 2**20


class Identity(Kept):
    """A long-term key of the server (Ed25519, RFC 8032) and the ``kid`` that phones pin it by.

    Raises:
        InputError: the kid or the 32 bytes of the private key have not the form.
    """

    __slots__ = ("_key", "kid")

    def __init__(self, kid: str, private: bytes) -> None:
        if not KID.fullmatch(kid):
            raise InputError("identity.kid", f"it has not the form {KID.pattern}")
        if len(private) != KEY_BYTES:
            raise InputError("identity", f"a private key has {KEY_BYTES} bytes")
        self.kid = kid
        self._key = Ed25519PrivateKey.from_private_bytes(private)

    @property
    def public(self) -> bytes:
        """The 32 bytes that phones pin."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(content)

    def __repr__(self) -> str:
        return f"<Identity {self.kid}>"


@dataclass(frozen=True)
class Limits:
    """How long and how many; every channel of a table has the same life.

    Raises:
        InputError: a number is out of its bounds, or the unfinished may be more than all.
    """

    lives_s: int = LIVES_S_MAX
    unfinished_s: int = 60
    unfinished_of_session: int = 4
    in_use_of_session: int = 2
    unfinished: int = 4_000
    channels: int = 50_000
    rekey_records: int = REKEY_RECORDS  # in an epoch, before the server asks for the next
    envelope_bytes: int = ENVELOPE_BYTES_MAX

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise InputError(f"limits.{name}", "it is less than 1")
        if self.lives_s > LIVES_S_MAX:
            raise InputError("limits.lives_s", f"it is more than {LIVES_S_MAX} s")
        if self.rekey_records > REKEY_RECORDS:
            raise InputError("limits.rekey_records", f"it is more than {REKEY_RECORDS}")
        if self.unfinished > self.channels:
            raise InputError("limits.unfinished", "it is more than limits.channels")


class _Epoch(Kept):
    """What the server keeps of an epoch. An opened request holds on to its own until answered."""

    __slots__ = ("number", "opened", "opens", "prefix", "seals", "unanswered", "window")

    def __init__(self, suite: Suite, channel_id: bytes, number: int, phone: bytes, server: bytes):
        self.number = number
        self.prefix = prefix_of(suite, channel_id, number)
        self.opens = RecordKey(suite, PHONE, phone)
        self.seals = RecordKey(suite, SERVER, server)
        self.window = Window()
        self.opened = 0
        self.unanswered: set[int] = set()


class Opened(Kept):
    """A request that was opened, once, and may be answered, once."""

    __slots__ = ("_epoch", "channel_id", "request", "sequence")

    def __init__(self, channel_id: bytes, epoch: _Epoch, sequence: int, request: Request) -> None:
        self.channel_id = channel_id
        self._epoch = epoch
        self.sequence = sequence
        self.request = request

    @property
    def epoch(self) -> int:
        """The epoch it was sealed in."""
        return self._epoch.number

    def __repr__(self) -> str:
        return f"<Opened {self.epoch}/{self.sequence} {self.request!r}>"


class Channel(Kept):
    """A channel with one phone: its ``channel_id``, ``binding`` and ``expires_s`` are for reading.

    Made by :meth:`Channels.accept`; requests come in through :meth:`Channels.open`.
    """

    def __init__(
        self, suite: Suite, welcome: Welcome, binding: Binding, limits: Limits, now_s: float
    ) -> None:
        self.channel_id = welcome.channel_id
        self.binding = binding
        self.suite = suite.number
        self.expires_s = now_s + limits.lives_s
        self._suite = suite
        self._limits = limits
        self._made_s = now_s
        self._half_s = now_s + limits.lives_s / 2  # infinite once it has turned for its age
        self._turns = False

    def _begin(self, secret: bytes, number: int) -> None:
        """Begin an epoch; of its secret nothing is kept but what follows from it."""
        phone, server, self._next_secret = epoch_secrets(self._suite, secret, number)
        self._epoch = _Epoch(self._suite, self.channel_id, number, phone, server)

    @property
    def epoch(self) -> int:
        """The epoch whose requests are taken now."""
        return self._epoch.number

    def require_rekey(self) -> None:
        """Begin the next epoch with the next answer to a request of this one.

        That answer tells the phone. From then on requests of the old epoch are refused; those that
        were opened before may still be answered, and their answers tell the phone too, in case the
        first is lost.
        """
        self._turns = True

    def open(self, envelope: bytes, header: Header, now_s: float) -> Opened:
        """Open a request. The window moves only when all of it was found good.

        Raises:
            ChannelError: expired, tampered, rekeyed, replayed or malformed.
        """
        if now_s >= self.expires_s:
            raise ChannelError("expired", "the channel has lived its life")
        epoch = self._epoch
        if header.epoch < epoch.number:
            raise ChannelError("rekeyed", f"epoch {header.epoch} is over")
        if header.epoch > epoch.number or header.suite != self.suite:
            raise ChannelError("tampered", "the channel has no such epoch or suite")
        inner = epoch.opens.open(envelope, header.sequence)
        # Verified first: only a genuine record is ever called a replay.
        if not epoch.window.is_new(header.sequence):
            raise ChannelError("replayed", f"sequence {header.sequence} was seen, or is too old")
        request = unpack_request(inner)
        epoch.window.see(header.sequence)
        epoch.unanswered.add(header.sequence)
        epoch.opened += 1
        if now_s >= self._half_s:
            self._turns, self._half_s = True, float("inf")
        if epoch.opened >= self._limits.rekey_records:
            self._turns = True
        return Opened(self.channel_id, epoch, header.sequence, request)

    def seal(self, opened: Opened, answer: Answer) -> bytes:
        """Return the envelope of the answer to a request: with its sequence, in its epoch, once.

        Raises:
            SealedTwice: the request was answered before, or is not of this channel: our own bug.
            ChannelError: malformed or too_large; the request may still be answered.
        """
        epoch = opened._epoch  # noqa: SLF001  the two are one
        turns = self._turns and epoch is self._epoch
        over = turns or epoch is not self._epoch
        inner = pack_answer(answer, over, self._limits.envelope_bytes)
        if opened.channel_id != self.channel_id or opened.sequence not in epoch.unanswered:
            raise SealedTwice(f"the answer {epoch.number}/{opened.sequence} would be sealed twice")
        epoch.unanswered.remove(opened.sequence)
        envelope = epoch.seals.seal(epoch.prefix, opened.sequence, inner)
        if turns:
            self._turns = False
            self._begin(self._next_secret, epoch.number + 1)
        return envelope

    def __repr__(self) -> str:
        return f"<Channel {self.channel_id.hex()} of {self.binding.bank}, epoch {self.epoch}>"


@dataclass
class _OfSession:
    """The channels of one login session, oldest first."""

    unfinished: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    in_use: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Channels(Kept):
    """The server's channels, by their ids.

    ``identity`` signs the welcomes; set it anew to rotate, after phones have pinned both.
    ``suites`` are those the server takes, in its own order of preference. A channel is unfinished
    until its first request was opened. All work is flat: it does not grow with the channels.

    Raises:
        InputError: no suite is named, or an unknown one.
    """

    def __init__(
        self,
        identity: Identity,
        random: Random,
        suites: tuple[int, ...] = (AES_256_GCM, SM4_GCM),
        limits: Limits | None = None,
    ) -> None:
        if not suites or set(suites) - set(SUITES):
            raise InputError("channels.suites", "it is empty, or names no suite", "known: 1, 2")
        self.identity = identity
        self.limits = limits or Limits()
        self._random = random
        self._suites = suites
        # Oldest first, by their beginning. All live equally long, so the first is the first to end.
        self._all: OrderedDict[bytes, Channel] = OrderedDict()
        self._unfinished: OrderedDict[bytes, Channel] = OrderedDict()
        self._sessions: dict[str, _OfSession] = {}

    def __len__(self) -> int:
        return len(self._all)

    @property
    def unfinished(self) -> int:
        """How many channels no request has come through yet."""
        return len(self._unfinished)

    def accept(
        self, hello: Hello, binding: Binding, user_key: bytes | None, now_s: float
    ) -> tuple[Welcome, Channel]:
        """Answer a hello, whose sender the caller knows by their login session.

        ``user_key`` is WeChat's key of ``hello.user_key_version`` (getUserCryptoManager), or None.

        Raises:
            ChannelError: skewed, no_common_suite, no_user_key, busy or weak_key.
        """
        if abs(now_s - hello.time_s) > SKEW_S_MAX:
            raise ChannelError("skewed", f"the phone's clock is more than {SKEW_S_MAX} s off")
        suite = self._suite_for(hello)
        user_key = _user_key_for(hello, user_key)
        self.sweep(now_s)
        if len(self._all) - len(self._unfinished) >= self.limits.channels:
            raise ChannelError("busy", "as many channels are in use as may be")

        private = self._random(KEY_BYTES)
        shared = shared_secret(private, hello.key)
        welcome = Welcome(
            suite=suite.number,
            key=public_of(private),
            nonce=self._random(HELLO_NONCE_BYTES),
            channel_id=self._random(CHANNEL_ID_BYTES),
            lives_s=self.limits.lives_s,
            kid=self.identity.kid,
        )
        said = transcript(suite, hello, welcome, binding)
        welcome = replace(welcome, signature=self.identity.sign(to_be_signed(suite, said)))

        channel = Channel(suite, welcome, binding, self.limits, now_s)
        channel._begin(first_secret(suite, said, shared, user_key), 0)  # noqa: SLF001
        self._add(channel)
        return welcome, channel

    def open(self, envelope: bytes, now_s: float) -> tuple[Channel, Opened]:
        """Open a request, whichever channel it came through.

        The caller holds ``channel.binding`` against the login session the envelope came with.

        Raises:
            ChannelError: malformed, too_large, unknown_channel, expired, rekeyed, tampered or
                replayed. To the outside all of them are one word.
        """
        header = header_of(envelope, self.limits.envelope_bytes)
        channel = self._all.get(header.channel_id)
        if channel is None:
            raise ChannelError("unknown_channel", "there is no such channel")
        if header.channel_id in self._unfinished and self._is_stale(channel, now_s):
            raise ChannelError("expired", "the channel was not used in time")
        opened = channel.open(envelope, header, now_s)
        if header.channel_id in self._unfinished:
            self._use(channel)
        return channel, opened

    def drop(self, session_id: str) -> None:
        """End the channels of a login session; what was opened before may still be answered."""
        found = self._sessions.get(session_id)
        if found is not None:
            for channel_id in (*found.unfinished, *found.in_use):
                self._remove(channel_id)

    def sweep(self, now_s: float) -> None:
        """Let go of what is over. Each handshake does it; a server at rest may, now and then."""
        while self._all and next(iter(self._all.values())).expires_s <= now_s:
            self._remove(next(iter(self._all)))
        while self._unfinished and self._is_stale(next(iter(self._unfinished.values())), now_s):
            self._remove(next(iter(self._unfinished)))

    def _suite_for(self, hello: Hello) -> Suite:
        for number in self._suites:
            if number in hello.suites:
                return SUITES[number]
        raise ChannelError("no_common_suite", "the phone offers no suite that is taken here")

    def _is_stale(self, channel: Channel, now_s: float) -> bool:
        return now_s >= channel._made_s + self.limits.unfinished_s  # noqa: SLF001

    def _add(self, channel: Channel) -> None:
        """Take in a new channel, in the place of the oldest unfinished where there is no other."""
        assert channel.channel_id not in self._all, "chance has repeated itself"
        of_session = self._sessions.setdefault(channel.binding.session_id, _OfSession())
        of_session.unfinished[channel.channel_id] = None
        self._unfinished[channel.channel_id] = self._all[channel.channel_id] = channel
        if len(of_session.unfinished) > self.limits.unfinished_of_session:
            self._remove(next(iter(of_session.unfinished)))
        elif (
            len(self._unfinished) > self.limits.unfinished or len(self._all) > self.limits.channels
        ):
            self._remove(next(iter(self._unfinished)))

    def _use(self, channel: Channel) -> None:
        """Count a channel as in use; of too many in one session the oldest ends."""
        of_session = self._sessions[channel.binding.session_id]
        del self._unfinished[channel.channel_id], of_session.unfinished[channel.channel_id]
        of_session.in_use[channel.channel_id] = None
        if len(of_session.in_use) > self.limits.in_use_of_session:
            self._remove(next(iter(of_session.in_use)))

    def _remove(self, channel_id: bytes) -> None:
        session_id = self._all.pop(channel_id).binding.session_id
        self._unfinished.pop(channel_id, None)
        of_session = self._sessions[session_id]
        of_session.unfinished.pop(channel_id, None)
        of_session.in_use.pop(channel_id, None)
        if not of_session.unfinished and not of_session.in_use:
            del self._sessions[session_id]

    def __repr__(self) -> str:
        return f"<Channels: {len(self)}, of them {self.unfinished} unfinished>"


def _user_key_for(hello: Hello, user_key: bytes | None) -> bytes:
    if hello.user_key_version == 0:
        assert user_key is None, "a user key was handed in that the phone does not use"
        return b""
    if user_key is None:
        raise ChannelError("no_user_key", f"no user key {hello.user_key_version} is to be had")
    assert USER_KEY_BYTES_MIN <= len(user_key) <= USER_KEY_BYTES_MAX, "that is no user key"
    return user_key
