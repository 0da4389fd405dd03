"""What goes wrong on a channel: one error with its kind, and what the outside may know of it."""

from __future__ import annotations

REFUSED = "refused"

# Each kind, and the one word of it that may leave the server. Everything that can be wrong with an
# envelope is one word: whoever tries bytes must not learn which check they failed. The others say
# nothing that the one who asks did not bring along, and the phone can act on them.
OUTSIDE: dict[str, str] = {
    "malformed": REFUSED,  # it has not the form
    "too_large": REFUSED,  # it has more bytes than is taken
    "tampered": REFUSED,  # it does not verify
    "replayed": REFUSED,  # it verifies and came before, or is too old to tell
    "expired": REFUSED,  # the channel has lived its life
    "rekeyed": REFUSED,  # it is sealed in an epoch that is over
    "unknown_channel": REFUSED,  # there is no such channel (any more)
    "weak_key": REFUSED,  # a public key of small order
    "busy": "busy",  # the table is full; at the phone: too many requests wait
    "no_common_suite": "no_common_suite",
    "skewed": "skewed",  # the phone's clock is more than 300 s off
    "no_user_key": "no_user_key",  # WeChat's key of that version is not to be had
    "unknown_identity": REFUSED,  # the phone only: a kid that is not pinned
    "closed": REFUSED,  # the phone only: there is no channel yet, or no more
}


class ChannelError(Exception):
    """A handshake or an envelope is refused; nothing was changed by it.

    ``kind`` is a key of :data:`OUTSIDE`. ``problem`` is a sentence for our own log: it holds no
    secret, and still it must not leave the server; ``outside`` may.
    """

    def __init__(self, kind: str, problem: str) -> None:
        assert kind in OUTSIDE, kind
        super().__init__(kind, problem)
        self.kind = kind
        self.problem = problem

    @property
    def outside(self) -> str:
        """The one word that an answer to the outside may say."""
        return OUTSIDE[self.kind]

    def __str__(self) -> str:
        return f"{self.kind}: {self.problem}"


class SealedTwice(AssertionError):
    """A second answer to one request was about to be sealed: our own bug, and a nonce used twice.

    It is raised by hand, for an ``assert`` is gone under ``python -O``.
    """
