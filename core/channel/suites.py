"""The suites: which cipher seals, which hash derives.

1   AES-256-GCM with SHA-256: NIST SP 800-38D, RFC 5116 (AEAD_AES_256_GCM)
2   SM4-GCM with SM3: RFC 8998; SM4 is GB/T 32907-2016, SM3 is GB/T 32905-2016

Both have nonces of 12 bytes and tags of 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.channel.secrets import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE_BYTES, TAG_BYTES = 12, 16


class Aead(Protocol):
    """An authenticated cipher under one key (RFC 5116), in the form of ``cryptography``'s own."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return the ciphertext with its tag behind it."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return the plaintext; raise ``InvalidTag`` if anything is not as it was sealed."""


class Sm4Gcm(Kept):
    """SM4-GCM in that form: ``cryptography`` has the parts, and no such class."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Return the ciphertext with its tag behind it."""
        sealing = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(associated_data)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Return the plaintext; raise ``InvalidTag`` if anything is not as it was sealed."""
        opening = Cipher(self._cipher, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        opening.authenticate_additional_data(associated_data)
        return opening.update(data[:-TAG_BYTES]) + opening.finalize()


@dataclass(frozen=True)
class Suite:
    """A cipher and a hash that go together; ``number`` is what the wire says."""

    number: int
    name: str
    key_bytes: int
    aead: Callable[[bytes], Aead]
    hash: Callable[[], hashes.HashAlgorithm]


AES_256_GCM, SM4_GCM = 1, 2
SUITES: dict[int, Suite] = {
    AES_256_GCM: Suite(AES_256_GCM, "AES-256-GCM with SHA-256", 32, AESGCM, hashes.SHA256),
    SM4_GCM: Suite(SM4_GCM, "SM4-GCM with SM3", 16, Sm4Gcm, hashes.SM3),
}
HASH_BYTES = 32  # of either hash
