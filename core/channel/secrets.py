"""What never shows itself, and the vault that keeps the phone's secrets in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Callable

    Random = Callable[[int], bytes]

NONCE_BYTES = 12
WRAPPING_KEY_BYTES = 32


class Kept:
    """An object that holds a secret: it is not pickled, not copied, and says only what it is."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds secrets: it is not pickled and not copied")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Vault(Kept):
    """Wraps secrets under a key that is drawn when the program starts and never leaves it.

    One vault a process is enough, for all its phones. AES-256-GCM with a counter for a nonce (SP
    800-38D, 8.2.1), so that no nonce comes twice under this key. The wrapping key lies in the same
    process: the vault keeps secrets out of dumps of objects, logs and stores, not from whoever
    reads the process's memory.
    """

    __slots__ = ("_aead", "_count")

    def __init__(self, random: Random) -> None:
        self._aead = AESGCM(random(WRAPPING_KEY_BYTES))
        self._count = 0

    def wrap(self, secret: bytes) -> bytearray:
        """Return the secret, wrapped; a bytearray, so that :func:`wipe` can end it."""
        nonce = self._count.to_bytes(NONCE_BYTES, "big")
        self._count += 1
        return bytearray(nonce + self._aead.encrypt(nonce, secret, None))

    def unwrap(self, wrapped: bytearray) -> bytes:
        """Return the secret. It is for the step at hand, and not to be kept.

        Raises:
            cryptography.exceptions.InvalidTag: this vault has not wrapped it, or it was wiped.
        """
        return self._aead.decrypt(bytes(wrapped[:NONCE_BYTES]), bytes(wrapped[NONCE_BYTES:]), None)


def wipe(*wrapped: bytearray | None) -> None:
    """Overwrite with zeros what was wrapped."""
    for each in wrapped:
        if each is not None:
            each[:] = bytes(len(each))
