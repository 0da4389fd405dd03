"""The key schedule: from the shared secret to the key of a direction in an epoch (RFC 5869).

    PRK                = Extract(salt = transcript hash, X25519 secret, user key or nothing)
    secret of epoch 0  = Expand(PRK, "epoch", 0)
    secret of epoch n  = Expand(secret of epoch n - 1, "epoch", n)
    key and iv         = Expand(secret of epoch n, "phone" or "server", n)

The transcript holds bank, session and subject, so every key belongs to them. The secret of an epoch
is forgotten as soon as its keys and the next secret are made: who learns what is kept in an epoch
cannot read the epochs before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from core.channel.errors import ChannelError
from core.channel.handshake import prefixed
from core.channel.suites import HASH_BYTES, NONCE_BYTES

if TYPE_CHECKING:
    from core.channel.suites import Suite

PHONE, SERVER = b"phone", b"server"  # the role that seals
USER_KEY_BYTES_MIN, USER_KEY_BYTES_MAX = 16, 64  # WeChat's has 16


def shared_secret(private: bytes, public: bytes) -> bytes:
    """Return the secret of X25519.

    Raises:
        ChannelError: weak_key: the other side's point has small order, so that the secret is zero
            whatever our key is (RFC 7748, 6.1).
    """
    try:
        theirs = X25519PublicKey.from_public_bytes(public)
        return X25519PrivateKey.from_private_bytes(private).exchange(theirs)
    except ValueError as error:
        raise ChannelError("weak_key", "the public key has small order") from error


def public_of(private: bytes) -> bytes:
    """Return the public key of X25519."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def extract(suite: Suite, salt: bytes, material: bytes) -> bytes:
    """Return the pseudorandom key: HKDF-Extract is by definition one HMAC (RFC 5869, 2.2)."""
    mac = HMAC(salt, suite.hash())
    mac.update(material)
    return mac.finalize()


def expand(suite: Suite, secret: bytes, label: bytes, epoch: int, length: int) -> bytes:
    """Return so many bytes of key material under a label (HKDF-Expand)."""
    info = b"seal/1 " + label + b"\0" + epoch.to_bytes(4, "big")
    return HKDFExpand(suite.hash(), length, info).derive(secret)


class EpochSecrets(NamedTuple):
    """The secrets of an epoch: each direction's key with its iv behind, and the next epoch's."""

    phone: bytes
    server: bytes
    next: bytes

    def __repr__(self) -> str:
        return "<EpochSecrets>"


def first_secret(suite: Suite, transcript_hash: bytes, shared: bytes, user_key: bytes) -> bytes:
    """Return the secret of epoch 0; without a user key that is empty."""
    return expand(
        suite,
        extract(suite, transcript_hash, prefixed(shared, user_key)),
        b"epoch",
        0,
        HASH_BYTES,
    )


def epoch_secrets(suite: Suite, secret: bytes, epoch: int) -> EpochSecrets:
    """Return what is kept of an epoch; its own secret is not."""
    length = suite.key_bytes + NONCE_BYTES
    return EpochSecrets(
        expand(suite, secret, PHONE, epoch, length),
        expand(suite, secret, SERVER, epoch, length),
        expand(suite, secret, b"epoch", epoch + 1, HASH_BYTES),
    )
